#!/bin/sh
# testing.sh - the tests that the tables of doc/TESTING.md name are where they
# say: `name` (and `name`...) in `test/FILE`, or in a directory below test/.
set -eu
src=${OSTRAKA_SRC:-${srcdir:-.}}
doc=${1:-$src/doc/TESTING.md}

# "PATH NAME" for each.
named=$(awk -F'`' '/^\|/ {
    n = 0
    for (i = 2; i < NF; i += 2) {
        if ($i ~ /^test\//) {
            while (n > 0) print $i, names[n--]
        } else if ($i ~ /^[a-z][a-z0-9_]*_[a-z0-9_]*$/) {
            names[++n] = $i
        }
    }
}' "$doc")
fail=0
n=0
while read -r path name; do
    n=$((n + 1))
    if ! grep -rqw "$name" "$src/$path"; then
        echo "$doc: $path has no $name: follow the test where it went"
        fail=1
    fi
done <<EOF
$named
EOF
if [ "$n" -lt 40 ]; then
    echo "$doc: only $n tests found: is the form of a row still the same?"
    fail=1
fi
exit $fail
