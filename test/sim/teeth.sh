#!/bin/sh
# teeth.sh: plant each fault of plants.txt in copies of the files it changes,
# link what is to catch it with them, and see whether it does. Prints a table;
# exit 1 if one was not caught. Run in the build directory:
#   OSTRAKA_SRC=SRC sh SRC/test/sim/teeth.sh [NAME...]
#   ... --list    only see whether each of them still changes what it names
# TEETH_SEEDS: how many seeds at most, instead of what the list says.
# TEETH_RUNS: how often seeds are counted, from other ones each time (1); the
# table shows the median.
set -u
src=${OSTRAKA_SRC:-${srcdir:-.}}
list=$src/test/sim/plants.txt
jobs=$(nproc 2>/dev/null || echo 1)
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
bad=0
only_list=no
if [ "${1:-}" = --list ]; then
    only_list=yes
    shift
fi

# edits NAME: "file|what sed does" of each of its lines.
edits()
{
    awk -F'|' -v name="$1" '$1 == name {
        sub(/^[^|]*\|[^|]*\|/, ""); print }' "$list"
}

# say NAME COUNT WHAT
say()
{
    printf '%-27s %-6s %s\n' "$1" "$2" "$3"
}

# plant NAME: compile what it changes into $dir/N.o.
plant()
{
    rm -f "$dir"/*.o "$dir"/*.c
    edits "$1" >"$dir/edits"
    n=0
    while IFS='|' read -r file change; do
        n=$((n + 1))
        sed "$change" "$src/$file" >"$dir/$n.c"
        if cmp -s "$src/$file" "$dir/$n.c"; then
            echo "$1: changes nothing in $file"
            return 1
        fi
        [ "$only_list" = no ] || continue
        if ! make -s plant-object PLANT="$dir/$n" >"$dir/log" 2>&1; then
            tail -n 5 "$dir/log"
            return 1
        fi
    done <"$dir/edits"
}

# link PROGRAM: into $dir/program, with the planted objects first.
link()
{
    vars=$(printf '%s' "$1" | tr '/' '_')
    if ! make -s plant-program PLANT_OUT="$dir/program" \
        PLANTS="$(echo "$dir"/*.o)" PLANT_OBJECTS="\$(${vars}_OBJECTS)" \
        PLANT_DEPENDENCIES="\$(${vars}_DEPENDENCIES)" \
        PLANT_LDADD="\$(${vars}_LDADD)" >"$dir/log" 2>&1; then
        tail -n 5 "$dir/log"
        return 1
    fi
}

# seeds NAME MAX: run them until one fails.
seeds()
{
    run=0
    : >"$dir/counts"
    while [ "$run" -lt "${TEETH_RUNS:-1}" ]; do
        if ! "$dir/program" --seed $((run * 10000 + 1)) --count "$2" \
            --jobs "$jobs" >"$dir/out" 2>&1; then
            grep -c '^seed' "$dir/out" >>"$dir/counts"
            cp "$dir/out" "$dir/caught"
        fi
        run=$((run + 1))
    done
    caught=$(wc -l <"$dir/counts")
    if [ "$caught" -lt "$run" ]; then
        say "$1" "$2" "NOT CAUGHT $((run - caught)) times of $run"
        return 1
    fi
    say "$1" "$(sort -n "$dir/counts" | sed -n "$(((run + 1) / 2))p")" \
        "$(grep '^seed' "$dir/caught" | grep -v ': good;' | head -n 1 |
            cut -c 1-100)"
}

# program NAME PROGRAM: one of its tests must fail.
program()
{
    if "$dir/program" >"$dir/out" 2>&1; then
        say "$1" - "NOT CAUGHT by $2"
        return 1
    fi
    say "$1" - "$2: $(sed -n 's/^\[  FAILED  \] \([a-zA-Z_0-9]*\)$/\1/p' \
        "$dir/out" | sort -u | head -n 3 | tr '\n' ' ')"
}

if [ "$only_list" = no ]; then
    say plant seeds 'caught by'
fi
while IFS='|' read -r name by _; do
    case $name in '' | '#'*) continue ;; esac
    case " $* " in *" $name "* | '  ') ;; *) continue ;; esac
    case $by in
    +) continue ;;
    *) [ "$only_list" = no ] || by=list ;;
    esac
    case $by in
    list) plant "$name" ;;
    sim\ *)
        plant "$name" && link test/sim/sim &&
            seeds "$name" "${TEETH_SEEDS:-${by#sim }}"
        ;;
    *) plant "$name" && link "$by" && program "$name" "$by" ;;
    esac || bad=1
done <"$list"
exit $bad
