#!/bin/sh
# Blackouts: three nodes on disks that forget lose power at once, under load,
# again and again on the same disks. After each the nodes come back, the load
# goes on, and everything acknowledged is read back from every replica; what
# an earlier blackout left is read once more after the next.
#
#   blackouts.sh [--count N] [--fs ext4|xfs|both] [--seed S] [--json]
#
# N blackouts in all, shared out among the file systems. Round R of seed S
# draws all it does from S + R: --seed S+R --count 1 does it on fresh disks.
# OSTRAKA_LAB_ALL=yes prints every blackout, not only the sums.
set -u
# shellcheck source=test/lab/lab.sh
. "$OSTRAKA_SRC/test/lab/lab.sh"
lab_own "$@"
# shellcheck source=test/lab/nodes.sh
. "$OSTRAKA_SRC/test/lab/nodes.sh"
# shellcheck source=test/lab/interpret.sh
. "$OSTRAKA_SRC/test/lab/interpret.sh"

count=4
file_systems=both
seed=1
json=
while [ $# -gt 0 ]; do
    case $1 in
    --count) count=$2 && shift ;;
    --fs) file_systems=$2 && shift ;;
    --seed) seed=$2 && shift ;;
    --json) json=yes ;;
    *) lab_fail "$1: --count N, --fs ext4|xfs|both, --seed S, --json" ;;
    esac
    shift
done
lab_file_systems "$file_systems"

# One in three loads is of large records, so that segments are written too;
# the engine and the size of a flush follow from the seed as well.
round_load()
{
    draw 3
    case $drawn in
    0) load='--partitions 2 --rate 4000 --value-bytes 4096' ;;
    1) load='--partitions 12 --rate 3000 --producers 2' ;;
    *) load='--partitions 6 --rate 5000 --value-bytes 300' ;;
    esac
}

# Topics come and go while power fails: @meta has something to lose, too.
topics_churn()
{
    while :; do
        "$ostraka" topic create "churn-$1" --partitions 3 --timeout 3000 &&
            "$ostraka" topic delete "churn-$1" --yes --timeout 3000
    done >/dev/null 2>&1
}

churn_end()
{
    kill "$churn_pid" 2>/dev/null
    wait "$churn_pid" 2>/dev/null
    churn_pid=
}

# verified TOPIC ARGUMENTS...: nothing of it is lost.
verified()
{
    of=$1
    load_verify "$@" --settle 30
    verify_status=$?
    [ "$verify_status" -eq 0 ] || {
        result "blackout $round" "$((seed + round))" "$of" 0 FAILED
        cat "$lab/$of.verify.err" "$lab/$of.verify.json"
        lab_fail "$fs, round $round, seed $((seed + round)): $of: $verify_status"
    }
}

blackout()
{
    draw_begin $((seed + round))
    round_load
    # shellcheck disable=SC2086 # words
    load_start "b$round" $load
    load_wait 1 60
    churn_pid=
    draw 2
    if [ "$drawn" -eq 0 ]; then
        topics_churn "$round" &
        churn_pid=$!
    fi
    range 300-3000
    load_wait "$drawn" 60
    cut_mode
    draw 1000000
    nodes_cut "$mode" "$drawn" 1 2 3
    [ -z "$churn_pid" ] || churn_end
    for i in 1 2 3; do
        forgotten=$((forgotten + $(disk_stat "n$i" lost)))
        survived=$((survived + $(disk_stat "n$i" kept)))
    done
    recovery_ms=0
    healing
    nodes_back 1 2 3
    step_acks 200 60
    load_stop
    verified "b$round"
    [ -z "${OSTRAKA_LAB_ALL:-}" ] ||
        result "blackout $round $mode" "$((seed + round))" "b$round" \
            "$recovery_ms" ok
    if [ "$round" -gt "$first" ]; then
        verified "b$((round - 1))" --replicas none
        "$ostraka" topic delete "b$((round - 1))" --yes >"$lab/delete.out" 2>&1 ||
            lab_fail "$(cat "$lab/delete.out")"
    fi
    acked_all=$((acked_all + $(number "$lab/b$round.load.json" acked)))
    for what in lost duplicated reordered changed phantom missing diverged \
        resent; do
        eval "sum_$what=\$((\${sum_$what:-0} + $(number \
            "$lab/b$round.verify.json" $what)))"
    done
    gap=$(number "$lab/b$round.load.json" ack_gap_ms)
    [ "$gap" -le "$gap_most" ] || gap_most=$gap
    [ "$recovery_ms" -le "$recovery_most" ] || recovery_most=$recovery_ms
    rm -f "$lab/b$((round - 1))."*
}

blackouts()
{
    first=$1
    last=$2
    forgotten=0
    survived=0
    acked_all=0
    gap_most=0
    recovery_most=0
    draw_begin $((seed + first))
    draw 2
    engine=io_uring
    [ "$drawn" -eq 0 ] || engine=threads
    nodes_open "$fs" storage.io="$engine"
    for i in 1 2 3; do
        node_start "$i"
    done
    nodes_ready || lab_fail "the cluster does not come up"
    round=$first
    while [ "$round" -le "$last" ]; do
        blackout
        round=$((round + 1))
    done
    sums
}

sums()
{
    n=$((last - first + 1))
    # shellcheck disable=SC2154 # eval above
    set -- "$acked_all" "$sum_lost" "$sum_duplicated" "$sum_reordered" \
        "$((sum_changed + sum_phantom))" "$((sum_diverged + sum_missing))" \
        "$sum_resent" "$gap_most" "$recovery_most" "$forgotten" "$survived"
    if [ -n "$json" ]; then
        printf '{"fs": "%s", "engine": "%s", "blackouts": %s, ' \
            "$fs" "$engine" "$n"
        printf '"acked": %s, "lost": %s, "duplicated": %s, "reordered": %s, ' \
            "$1" "$2" "$3" "$4"
        printf '"changed": %s, "diverged": %s, "resent": %s, ' "$5" "$6" "$7"
        printf '"ack_gap_ms_max": %s, "recovery_ms_max": %s, ' "$8" "$9"
        shift 9
        printf '"sectors_forgotten": %s, "sectors_survived": %s}\n' "$1" "$2"
        return
    fi
    echo "$fs, $engine: $n blackouts: acked $1, lost $2, duplicated $3," \
        "reordered $4, changed $5, diverged $6, resent $7; longest gap $8 ms," \
        "longest recovery $9 ms"
    shift 9
    echo "$fs: of what was not flushed, $1 sectors were forgotten and $2 kept"
}

# The file systems take turns of this many on fresh disks.
turn=10
# shellcheck disable=SC2086 # a list
set -- $file_systems
[ "$count" -ge $((turn * $#)) ] || turn=$(((count + $# - 1) / $#))
done=0
while [ "$done" -lt "$count" ]; do
    fs=$1
    shift
    set -- "$@" "$fs"
    most=$((count - done))
    [ "$most" -le "$turn" ] || most=$turn
    (blackouts $((done)) $((done + most - 1)))
    status=$?
    [ "$status" -eq 0 ] || exit "$status"
    done=$((done + most))
done
