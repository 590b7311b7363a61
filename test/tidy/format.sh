#!/bin/sh
# format.sh [ROOT]: every source is formatted as .clang-format says. Versions
# of clang-format disagree with each other, hence one decides.
root=${1:-${srcdir:-.}}
wanted=14
cd "$root" || exit 1

for tool in clang-format-$wanted clang-format; do
    command -v "$tool" >/dev/null && break
    tool=
done
[ -n "$tool" ] || {
    echo "clang-format is not installed (apt-get install clang-format-$wanted)"
    exit 77
}
case $("$tool" --version) in
*" version $wanted."*) ;;
*)
    echo "clang-format $wanted decides, and this is $("$tool" --version)"
    exit 77
    ;;
esac
dirs=
for dir in src include test; do
    [ ! -d "$dir" ] || dirs="$dirs $dir"
done
# shellcheck disable=SC2046,SC2086 # word lists
set -- $(find $dirs -type f -name '*.[ch]')
[ $# -gt 0 ] || exit 1
"$tool" --dry-run --Werror --style=file "$@" 2>&1 |
    awk '/error: code should be clang-formatted/ {
             sub(/ error: .*/, " format: clang-format -i")
             print
             bad = 1
         }
         END { exit bad }'
