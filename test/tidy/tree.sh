#!/bin/sh
# tree.sh [ROOT]: check the sources below ROOT (default: this source tree)
# against src/MODULES and the rules of doc/STYLE.md. See tree.awk.
root=${1:-${srcdir:-.}}
cd "$root" || exit 1
export LC_ALL=C

allow=test/tidy/allow
[ -f "$allow" ] || allow=/dev/null
set -- src/MODULES "$allow"
dirs=
for dir in src include test m4 contrib doc; do
    [ ! -d "$dir" ] || dirs="$dirs $dir"
done
# shellcheck disable=SC2086 # a word list; our file names have no blanks
files=$(find $dirs \( -name '.*' -o -name corpus -o -name target \
    -o -name node_modules \) -prune -o -type f \( -name '*.[ch]' \
    -o -name '*.sh' -o -name '*.mk' -o -name '*.m4' -o -name '*.md' \) \
    -print | sort)
for file in configure.ac Makefile.am setup-deps check-all try; do
    [ ! -f "$file" ] || files="$files $file"
done
# shellcheck disable=SC2086
awk -v modules=src/MODULES -v allow="$allow" -f "${OSTRAKA_TIDY:-test/tidy}/tree.awk" \
    "$@" $files || {
    echo "tidy: each line above says what to do; exceptions with a reason" \
        "stand in test/tidy/allow"
    exit 1
}
