#!/bin/sh
# Blackouts while consumer groups commit: three nodes on disks that forget lose
# power at once, again and again on the same disks, while some groups commit as
# fast as they are answered. After each the nodes come back and every group is
# asked for its offsets: none that was acknowledged may be missing, or older.
#
#   commits.sh [--count N] [--fs ext4|xfs|both] [--seed S] [--json]
#   commits.sh --no-flush journal [...]
#
# The second form is the control of the first: the journal's flushes are left
# out, and it passes if that is found.
#
# Databases are made durable, and their logs trimmed, after a few entries, and
# the journal is small, so that every cut falls between an apply, a checkpoint
# and a trim of some shard. Round R of seed S draws all it does from S + R.
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
control=
while [ $# -gt 0 ]; do
    case $1 in
    --count) count=$2 && shift ;;
    --fs) file_systems=$2 && shift ;;
    --seed) seed=$2 && shift ;;
    --json) json=yes ;;
    --no-flush) control=$2 && shift ;;
    *) lab_fail "$1: --count N, --fs ext4|xfs|both, --seed S, --json," \
        "--no-flush KIND" ;;
    esac
    shift
done
lab_file_systems "$file_systems"
commits=$OSTRAKA_BUILD/test/integration/checker/check-commits

# The groups' names stay: what a blackout left is overwritten by the next, and
# what they had last is what is asked for.
commits_start()
{
    topic=c$round
    rm -f "$lab/$topic.status"
    "$commits" commit --topic commits --prefix "$1" --books "$lab/$topic.books" \
        --status "$lab/$topic.status" --groups "$groups" --rows "$rows" \
        --rate "$rate" >"$lab/$topic.load.json" 2>"$lab/$topic.load.err" &
    load_pid=$!
}

commits_verified()
{
    timeout 120 "$commits" verify --topic commits --prefix "$2" \
        --books "$lab/$1.books" --groups "$groups" \
        >"$lab/$1.verify.json" 2>"$lab/$1.verify.err" && return 0
    if [ -n "$control" ] && [ "$(number "$lab/$1.verify.json" lost)" -gt 0 ]; then
        control_found "lost $(number "$lab/$1.verify.json" lost)"
    fi
    cat "$lab/$1.verify.err" "$lab/$1.verify.json"
    lab_fail "$fs, round $round, seed $((seed + round)): commits of $1"
}

# What was left out shows: the control is over.
control_found()
{
    echo "$fs: without flushes of the $control, blackout $((round + 1)): $1"
    trap - EXIT
    nodes_close
    exit 99
}

# A node may refuse what a cut has left, before anybody can ask for it.
control_refused()
{
    tries=50
    while [ "$(grep -lE 'server ready|env die' "$lab"/n?.log | wc -l)" -lt 3 ] &&
        [ "$tries" -gt 0 ]; do
        tries=$((tries - 1))
        sleep 0.2
    done
    why=$(grep -hoE '(ERROR env die reason|ERROR journal)[^;]*' "$lab"/n?.log |
        head -n 1 | cut -c 1-150)
    [ -z "$why" ] || control_found "$why"
}

# Nobody's state may be found damaged, or another than the others'.
nothing_said()
{
    if grep -E ' state (quarantined|differs|astray|damaged)' "$lab"/n?.log; then
        lab_fail "$fs, round $round, seed $((seed + round)): states differ"
    fi
}

blackout()
{
    draw_begin $((seed + round))
    draw 3
    case $drawn in
    0) rows=1 rate=0 ;;
    1) rows=10 rate=100 ;;
    *) rows=3 rate=0 ;;
    esac
    commits_start "round-$round"
    load_wait 50 60
    # The moment is drawn; how much that is depends on the machine.
    range 100-3999
    sleep "$((drawn / 1000)).$(printf %03d $((drawn % 1000)))"
    cut_mode
    draw 1000000
    nodes_cut "$mode" "$drawn" 1 2 3
    for i in 1 2 3; do
        forgotten=$((forgotten + $(disk_stat "n$i" lost)))
        survived=$((survived + $(disk_stat "n$i" kept)))
    done
    recovery_ms=0
    healing
    for i in 1 2 3; do
        [ -z "$control" ] || : >"$lab/n$i.log"
    done
    nodes_back 1 2 3
    [ -z "$control" ] || control_refused
    # Half of the time nothing more is committed: what is asked for is what
    # the cut left.
    draw 2
    if [ "$drawn" -eq 0 ]; then
        step_acks 200 60
    fi
    load_stop
    commits_verified "$topic" "round-$round"
    # Those of the round before have seen one more blackout.
    if [ "$round" -gt "$first" ]; then
        commits_verified "c$((round - 1))" "round-$((round - 1))"
    fi
    nothing_said
    acked=$(number "$lab/$topic.load.json" acked)
    acked_all=$((acked_all + acked))
    for what in rows lost phantom changed; do
        eval "sum_$what=\$((\${sum_$what:-0} + $(number \
            "$lab/$topic.verify.json" $what)))"
    done
    gap=$(number "$lab/$topic.load.json" ack_gap_ms)
    [ "$gap" -le "$gap_most" ] || gap_most=$gap
    [ -z "${OSTRAKA_LAB_ALL:-}" ] ||
        echo "$fs: blackout $round, seed $((seed + round)), $mode: acked $acked"
    rm -f "$lab/c$((round - 1))."*
}

blackouts()
{
    first=$1
    last=$2
    forgotten=0
    survived=0
    acked_all=0
    gap_most=0
    groups=24
    draw_begin $((seed + first))
    draw 2
    engine=io_uring
    [ "$drawn" -eq 0 ] || engine=threads
    set -- storage.io="$engine" state.checkpoint.entries=4 \
        journal.file.bytes=4194304 message.max.bytes=1048588
    [ -z "$control" ] ||
        set -- "$@" unsafe.no.flush=true unsafe.no.flush.of="$control"
    nodes_open "$fs" "$@"
    for i in 1 2 3; do
        node_start "$i"
    done
    nodes_ready || lab_fail "the cluster does not come up"
    "$ostraka" topic create commits --partitions 10 >"$lab/create.out" 2>&1 ||
        lab_fail "$(cat "$lab/create.out")"
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
    set -- "$acked_all" "$sum_rows" "$sum_lost" "$sum_phantom" "$sum_changed" \
        "$gap_most"
    if [ -n "$json" ]; then
        printf '{"fs": "%s", "engine": "%s", "blackouts": %s, ' \
            "$fs" "$engine" "$n"
        printf '"commits_acked": %s, "asked": %s, "lost": %s, ' "$1" "$2" "$3"
        printf '"phantom": %s, "changed": %s, "ack_gap_ms_max": %s, ' \
            "$4" "$5" "$6"
        printf '"sectors_forgotten": %s, "sectors_survived": %s}\n' \
            "$forgotten" "$survived"
        return
    fi
    echo "$fs, $engine: $n blackouts: commits acked $1, asked for $2, lost $3," \
        "phantom $4, changed $5; longest gap $6 ms"
    echo "$fs: of what was not flushed, $forgotten sectors were forgotten and" \
        "$survived kept"
}

# The file systems take turns of this many on fresh disks.
turn=8
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
    [ -z "$control" ] || [ "$status" -ne 99 ] || exit 0
    [ "$status" -eq 0 ] || exit "$status"
    done=$((done + most))
done
[ -z "$control" ] || lab_fail "flushes were left out, and nothing was missing"
