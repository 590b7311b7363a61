#!/bin/sh
# walk.sh - the functions that doc/ARCHITECTURE.md sends its reader to exist.
# A stop reads `src/ROOM/FILE.c: function()`; a bare `function()` belongs to the
# file named last.
set -eu
src=${OSTRAKA_SRC:-${srcdir:-.}}
doc=${1:-$src/doc/ARCHITECTURE.md}

# One stop a line: "FILE FUNCTION".
stops=$(tr '\n' ' ' <"$doc" | grep -o '`[^`]*`' | tr -d '`' | awk '
    /^src\/[a-z]*\/[a-z_]*\.[ch]/ {
        file = $1
        sub(/:$/, "", file)
        if (NF == 1) { print file, "-"; next }
    }
    /\(\)$/ { name = $NF; sub(/\(\)$/, "", name); if (file) print file, name }')

fail=0
n=0
while read -r file name; do
    n=$((n + 1))
    if [ ! -f "$src/$file" ]; then
        echo "$doc: $file: no such file: follow the code where it went"
        fail=1
    elif [ "$name" != - ] && ! grep -q "\\b$name(" "$src/$file"; then
        echo "$doc: $file: no function $name(): follow the code where it went"
        fail=1
    fi
done <<EOF
$stops
EOF
if [ "$n" -lt 40 ]; then
    echo "$doc: only $n stops found: is the form of a stop still the same?"
    fail=1
fi
exit $fail
