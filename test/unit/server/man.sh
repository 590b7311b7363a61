#!/bin/sh
# The man pages say what the programs say: the settings, every option, every
# exit code. What is to be done about a difference is printed.
src=${srcdir:-.}
ostrakad=src/server/ostrakad
failures=0

page=$src/doc/man/ostrakad.properties.5
made=$(mktemp) && there=$(mktemp) || exit 1
trap 'rm -f "$made" "$there"' EXIT
"$ostrakad" --man-settings >"$made" || exit 1
sed -n '/^\.SH SETTINGS OF A NODE/,/^\.SH SEE ALSO/p' "$page" |
    sed '$d' >"$there"
if ! diff -u "$there" "$made"; then
    echo "$page: put the output of ostrakad --man-settings there"
    failures=1
fi

page=$src/doc/man/ostrakad.8
for option in $("$ostrakad" --help | sed -n 's/^ *\(-., *\)\{0,1\}--\([a-z-]*\).*/\2/p'); do
    if ! sed 's/\\//g' "$page" | grep -q -e "--$option"; then
        echo "$page: does not have --$option"
        failures=1
    fi
done
codes=$(sed -n 's/^ *OSTRAKAD_EXIT_[A-Z_]* = \([0-9]*\),\{0,1\}.*/\1/p' \
    "$src/include/ostraka.h")
[ -n "$codes" ] || failures=1
for code in $codes; do
    if ! sed -n '/^\.SH EXIT STATUS/,/^\.SH LOG/p' "$page" |
        grep -qx "\\.B $code"; then
        echo "$page: does not have exit code $code"
        failures=1
    fi
done
exit $failures
