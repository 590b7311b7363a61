#!/bin/sh
# globals.sh [DIR]: no room below server/ and cli/ has mutable global data:
# reads the archives below DIR (default: where make check runs).
dir=${1:-.}
allow=${srcdir:-.}/test/tidy/allow
export LC_ALL=C

archives=$(find "$dir/src" -name 'lib*.a' ! -path '*/server/*' \
    ! -path '*/cli/*' | sort)
[ -n "$archives" ] || {
    echo "no archives of rooms below $dir/src: build first"
    exit 1
}
# shellcheck disable=SC2086 # a word list
if nm $archives 2>/dev/null | grep -q -E '__(asan|ubsan|tsan|gcov|msan)_'; then
    echo "this build is instrumented, and its globals are not all ours"
    exit 77
fi
bad=0
for archive in $archives; do
    # Constants that hold addresses lie in .data.rel.ro and are fine.
    objdump -t "$archive" | awk -v archive="${archive#"$dir"/}" \
        -v allow="$allow" '
        BEGIN {
            while ((getline line < allow) > 0) {
                split(line, word)
                if (word[1] == "global" && word[2] == archive) {
                    allowed[word[3]] = 1
                }
            }
        }
        /^[^ ]+:     file format/ { sub(/:.*/, ""); object = $0 }
        /^[0-9a-f]+ .* O / || /\*COM\*/ || (/[.]t(bss|data)/ && !/ d /) {
            section = $(NF - 2)
            name = $NF
            sub(/[.][0-9]+$/, "", name)
            if (section ~ /^([.]t?data|[.]t?bss|\*COM\*)/ &&
                section !~ /^[.]data[.]rel[.]ro/ && !(name in allowed)) {
                printf "%s(%s):0: global: %s is mutable: hang it off the " \
                    "node, or make it const\n", archive, object, name
                bad = 1
            }
        }
        END { exit bad }' || bad=1
done
exit "$bad"
