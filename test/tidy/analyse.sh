#!/bin/sh
# analyse.sh gcc-analyzer|clang-tidy [FILE...]: what a static analyzer says of
# the sources (default: all of src/ but generated ones), without what
# test/tidy/analysed accepts with a reason. Run in a configured build's
# directory with OSTRAKA_SRC set. Exit 1: there are findings; 77: no such tool.
set -u
src=${OSTRAKA_SRC:?the source tree}
tool=${1:?a tool}
shift
case $tool in
gcc-analyzer)
    cc=$(sed -n 's/^CC = //p' Makefile)
    echo 'int main(void){return 0;}' |
        $cc -fanalyzer -x c - -o /dev/null 2>/dev/null || {
        echo "$cc has no -fanalyzer"
        exit 77
    }
    ;;
clang-tidy)
    for program in clang-tidy-14 clang-tidy ''; do
        [ -z "$program" ] || ! command -v "$program" >/dev/null || break
    done
    [ -n "$program" ] || {
        echo "clang-tidy is not installed (apt-get install clang-tidy)"
        exit 77
    }
    ;;
*) exit 2 ;;
esac
if [ $# -eq 0 ]; then
    # shellcheck disable=SC2046 # our own names have no blanks
    set -- $(cd "$src" && find src -name '*.c' ! -path 'src/wire/gen/*' |
        sort)
fi
flags="-std=gnu11 -DHAVE_CONFIG_H -I. -I$src/src -I$src/include"
flags="$flags $(sed -n 's/^\(RAFT\|UV\|URING\|SQLITE\|RDKAFKA\|JANSSON\)_CFLAGS = //p' \
    Makefile | tr '\n' ' ') -include config.h"
found=$(mktemp) || exit 1
trap 'rm -f "$found"' EXIT
for file in "$@"; do
    case $tool in
    gcc-analyzer)
        # shellcheck disable=SC2086 # a word list
        $cc $flags -O1 -g0 -fanalyzer -fdiagnostics-plain-output \
            -c "$src/$file" -o /dev/null 2>&1 |
            grep -E 'warning: .*\[-Wanalyzer' >>"$found"
        ;;
    clang-tidy)
        # shellcheck disable=SC2086 # a word list
        "$program" --quiet --config-file="$src/.clang-tidy" "$src/$file" \
            -- $flags 2>/dev/null | grep -E 'warning: .*\[' >>"$found"
        ;;
    esac
done
# A finding is file:line:column: text [check]; the list has file, check, why.
sort -u "$found" | sed "s|^$src/||" | awk -v accepted="$src/test/tidy/analysed" '
BEGIN {
    while ((getline line < accepted) > 0) {
        if (line !~ /^#/ && split(line, word, " ") > 2) {
            known[word[1], word[2]] = 1
        }
    }
}
{
    file = $0
    sub(/:.*/, "", file)
    check = $0
    sub(/^.*\[/, "", check)
    sub(/\].*$/, "", check)
    n = split(check, checks, ",")
    for (i = 1; i <= n; i++) {
        
        if ((file, checks[i]) in known || ("*", checks[i]) in known) {
            next
        }
    }
    print
    bad = 1
}
END { exit bad }'
