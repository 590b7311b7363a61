#!/bin/sh
# compatibility.sh - doc/COMPATIBILITY.md lists the APIs that src/api/table.c
# advertises, each with the same versions.
set -eu
src=${OSTRAKA_SRC:-${srcdir:-.}}
doc=${1:-$src/doc/COMPATIBILITY.md}

# "Name MIN MAX", of rows that are advertised.
code=$(tr -d '\n' <"$src/src/api/table.c" | grep -o '{API_[^}]*}' |
    tr -d '{} ' | awk -F, '$5 == "false" {
        n = split(substr($1, 5), words, "_")
        name = ""
        for (i = 1; i <= n; i++)
            name = name substr(words[i], 1, 1) tolower(substr(words[i], 2))
        print name, $2, $3
    }' | sort)
said=$(sed -n 's/^| *[0-9]* | \([A-Za-z]*\) | \([0-9]*\) to \([0-9]*\) |$/\1 \2 \3/p' \
    "$doc" | sort)
if [ -z "$code" ]; then
    echo "src/api/table.c: no rows found: has their form changed?"
    exit 1
fi
if [ "$code" != "$said" ]; then
    echo "$doc: the table of APIs is not that of src/api/table.c:"
    printf '%s\n%s\n' "$code" "$said" | sort | uniq -u
    exit 1
fi
