#!/bin/sh
# teeth.sh: plant each fault of plants.txt in a copy of one file, link the
# simulator with it, and run seeds until one fails. Prints a table; exit 1 if a
# plant was not found within TEETH_SEEDS (200) seeds. Run in the build directory:
#   OSTRAKA_SRC=SRC sh SRC/test/sim/teeth.sh [NAME...]
set -u
src=${OSTRAKA_SRC:-${srcdir:-.}}
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
bad=0
printf '%-26s %-7s %s\n' plant seeds 'caught by'
while IFS='|' read -r name file change; do
    case $name in '' | '#'*) continue ;; esac
    case " $* " in *" $name "* | '  ') ;; *) continue ;; esac
    sed "$change" "$src/$file" >"$dir/plant.c"
    if cmp -s "$src/$file" "$dir/plant.c"; then
        echo "$name: changes nothing in $file"
        bad=1
        continue
    fi
    if ! make -s sim-planted PLANT="$dir/plant.c" PLANT_OUT="$dir/sim" \
        >"$dir/log" 2>&1; then
        tail -n 5 "$dir/log"
        bad=1
        continue
    fi
    if "$dir/sim" --seed 1 --count "${TEETH_SEEDS:-200}" \
        --jobs "$(nproc 2>/dev/null || echo 1)" >"$dir/out" 2>&1; then
        printf '%-26s %-7s %s\n' "$name" "${TEETH_SEEDS:-200}" 'NOT CAUGHT'
        bad=1
    else
        printf '%-26s %-7s %s\n' "$name" "$(grep -c '^seed' "$dir/out")" \
            "$(grep '^seed' "$dir/out" | grep -v ': good;' | head -n 1 |
                cut -c 1-90)"
    fi
done <"$src/test/sim/plants.txt"
exit $bad
