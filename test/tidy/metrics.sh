#!/bin/sh
# metrics.sh - doc/METRICS.md has a row for every metric that the code registers,
# and no other; its table of limits names only metrics that there are.
set -eu
src=${OSTRAKA_SRC:-${srcdir:-.}}
doc=${1:-$src/doc/METRICS.md}

code=$(find "$src/src" -name '*.c' ! -path '*/cli/*' -exec \
    grep -ohE '"(ostraka|process)_[a-z_]+"' {} + | tr -d '"' | sort -u)
rows=$(sed -n 's/^| `\([a-z_]*\)` | \(counter\|gauge\|histogram\) |.*/\1/p' \
    "$doc" | sort)
said=$(grep -oE '(ostraka|process)_[a-z_]+' "$doc" | sort -u)
if [ -z "$code" ]; then
    echo "src: no metrics found: has their form changed?"
    exit 1
fi
if [ "$code" != "$rows" ]; then
    echo "$doc: its tables are not what src registers, each once:"
    printf '%s\n' "$rows" | uniq -d
    printf '%s\n%s\n' "$code" "$rows" | sort | uniq -u
    exit 1
fi
if [ "$code" != "$said" ]; then
    echo "$doc: speaks of metrics that there are not:"
    printf '%s\n%s\n' "$code" "$said" | sort | uniq -u
    exit 1
fi
# Units and kinds stand in the names.
awk -F'|' '/^\| `(ostraka|process)_/ && NF == 6 {
    name = $2; kind = $3; gsub(/[ `]/, "", name); gsub(/ /, "", kind)
    if ((name ~ /_total$/) != (kind == "counter")) {
        print name ": a " kind " of that name"; bad = 1
    }
    if (kind == "histogram" && name !~ /_(seconds|bytes)$/) {
        print name ": a histogram without a unit"; bad = 1
    }
} END { exit bad }' "$doc"
