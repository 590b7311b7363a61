#!/bin/sh
# Blackouts: three nodes on disks that forget lose power at once, again and
# again on the same disks, while records are produced and consumer groups
# commit. After each the nodes come back under the same load. Then everything
# acknowledged is read back, records from every replica; and what the blackout
# before has left, once more.
#
#   blackouts.sh [--count N] [--fs ext4|xfs|both] [--seed S] [--json]
#                [--load records|commits|both] [--no-flush KIND]
#                [--engine io_uring|threads]
#
# N blackouts in all, shared out among the file systems and engines. Round R of
# seed S draws all it does from S + R: --seed S+R --count 1 does it on fresh
# disks (name file system and engine, too).
# OSTRAKA_LAB_ALL=yes prints every blackout, not only the sums.
#
# With --no-flush it is a control: flushes of KIND (unsafe.no.flush.of) are
# left out, and it passes if that is found.
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
loads=both
control=
engine=
while [ $# -gt 0 ]; do
    case $1 in
    --count) count=$2 && shift ;;
    --fs) file_systems=$2 && shift ;;
    --seed) seed=$2 && shift ;;
    --json) json=yes ;;
    --load) loads=$2 && shift ;;
    --no-flush) control=$2 && shift ;;
    --engine) engine=$2 && shift ;;
    *) lab_fail "$1: --count N, --fs ext4|xfs|both, --seed S, --json," \
        "--load records|commits|both, --no-flush KIND," \
        "--engine io_uring|threads" ;;
    esac
    shift
done
case $loads in
both) loads='records commits' ;;
records | commits) ;;
*) lab_fail "$loads: records, commits or both" ;;
esac
lab_file_systems "$file_systems"
# shellcheck source=test/lab/rounds.sh
. "$OSTRAKA_SRC/test/lab/rounds.sh"

# found WHAT: in a control that is what was asked for, and its end.
found()
{
    [ -n "$control" ] || return 0
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
    [ -z "$why" ] || found "$why"
}

# What a round took, and when: OSTRAKA_LAB_TRACE=1.
told()
{
    [ -z "${OSTRAKA_LAB_TRACE:-}" ] || echo "$(now_ms) $round: $*" >&2
}

# At any moment, or where it hurts most: inside a flush of one of them.
round_cut()
{
    cut_mode
    draw 1000000
    cut_seed=$drawn
    draw 2
    how='cut'
    if [ "$drawn" -eq 0 ]; then
        nodes_cut "$mode" "$cut_seed" 1 2 3
    else
        draw 3
        of=$((drawn + 1))
        draw 100
        how="cut in flush $((drawn + 1)) of $of,"
        nodes_trip "$mode" "$cut_seed" $((drawn + 1)) "$of"
    fi
    churn_end
}

blackout()
{
    draw_begin $((seed + round))
    recovery_ms=0
    told load
    for name in $loads; do
        "${name}_start"
    done
    for name in $loads; do
        load_wait 50 120 "$name$round"
    done
    draw 2
    [ "$drawn" -ne 0 ] || churn_start "$round"
    range 100-1500
    load_wait "$drawn" 120 "${loads%% *}$round"
    told cut
    round_cut
    [ -z "$control" ] || for i in 1 2 3; do
        : >"$lab/n$i.log"
    done
    told back
    healing
    nodes_back 1 2 3
    [ -z "$control" ] || control_refused
    told acks
    # Half of the time no group commits anymore: what is asked for is what the
    # cut has left.
    draw 2
    for name in $loads; do
        topic=$name$round
        [ "$name" = commits ] && [ "$drawn" -eq 0 ] || step_acks 200 120
    done
    for name in $loads; do
        told "stop $name"
        load_stop "$name$round"
    done
    for name in $loads; do
        told "judge $name"
        "${name}_judge"
    done
    told judged
    most recovery "$recovery_ms"
    round_says
}

round_says()
{
    [ -n "${OSTRAKA_LAB_ALL:-}" ] || return 0
    set --
    for name in $loads; do
        set -- "$@" "$name acked $(number "$lab/$name$round.load.json" acked)"
    done
    echo "$fs: blackout $round, seed $((seed + round)), $how $mode:" \
        "$* (recovery $recovery_ms ms)"
}

# blackouts FIRST LAST ENGINE: on the same disks, fresh ones.
blackouts()
{
    first=$1
    last=$2
    engine=$3
    # Databases are made durable, and logs trimmed, after four entries, and the
    # ring is small: every cut falls between such steps of some group.
    set -- storage.io="$engine" state.checkpoint.entries=4 \
        journal.file.bytes=4194304 message.max.bytes=1048588 log.level=debug
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
    forgotten=0
    survived=0
    for i in 1 2 3; do
        forgotten=$((forgotten + $(disk_stat "n$i" lost)))
        survived=$((survived + $(disk_stat "n$i" kept)))
    done
    windows
    if [ -n "$json" ]; then
        sums_json
    else
        sums_text
    fi
}

# one NAME: of the sums, 0 if there is none.
one()
{
    eval "echo \${$1:-0}"
}

sums_json()
{
    printf '{"fs": "%s", "engine": "%s", "blackouts": %s' "$fs" "$engine" "$n"
    for key in records_acked records_lost records_duplicated \
        records_reordered records_changed records_phantom records_missing \
        records_diverged records_resent commits_acked commits_rows \
        commits_lost commits_phantom commits_changed; do
        printf ', "%s": %s' "$key" "$(one "sum_$key")"
    done
    printf ', "ack_gap_ms_max": %s, "commit_gap_ms_max": %s' \
        "$(one most_gap)" "$(one most_commit_gap)"
    printf ', "recovery_ms_max": %s' "$(one most_recovery)"
    printf ', "sectors_forgotten": %s, "sectors_survived": %s' \
        "$forgotten" "$survived"
    printf ', "groups_behind": %s, "groups_untrimmed": %s' \
        "$behind" "$untrimmed"
    printf ', "groups_trimmed": %s}\n' "$trimmed"
}

sums_text()
{
    echo "$fs, $engine: $n blackouts: records acked $(one sum_records_acked)," \
        "lost $(one sum_records_lost)," \
        "duplicated $(one sum_records_duplicated)," \
        "reordered $(one sum_records_reordered)," \
        "changed $(($(one sum_records_changed) + $(one sum_records_phantom)))," \
        "diverged $(($(one sum_records_diverged) +
            $(one sum_records_missing)))," \
        "resent $(one sum_records_resent)"
    echo "$fs: commits acked $(one sum_commits_acked)," \
        "asked for $(one sum_commits_rows), lost $(one sum_commits_lost)," \
        "phantom $(one sum_commits_phantom)," \
        "changed $(one sum_commits_changed)"
    echo "$fs: longest gap $(one most_gap) ms, of commits" \
        "$(one most_commit_gap) ms, longest recovery $(one most_recovery) ms"
    echo "$fs: of what was not flushed, $forgotten sectors were forgotten and" \
        "$survived kept; of state groups at a start, $behind were behind their" \
        "log, $untrimmed not trimmed, $trimmed trimmed"
}

# The file systems take turns of this many on fresh disks.
turn=10
# shellcheck disable=SC2086 # a list
set -- $file_systems
[ "$count" -ge $((turn * $#)) ] || turn=$(((count + $# - 1) / $#))
# ... and with each engine in turn.
engine_of()
{
    case $engine,$(((n_turns / $1 + n_turns % $1) % 2)) in
    ,0) echo io_uring ;;
    ,1) echo threads ;;
    *) echo "$engine" ;;
    esac
}

done=0
n_turns=0
while [ "$done" -lt "$count" ]; do
    fs=$1
    shift
    set -- "$@" "$fs"
    most=$((count - done))
    [ "$most" -le "$turn" ] || most=$turn
    again blackouts $((done)) $((done + most - 1)) "$(engine_of $#)"
    status=$?
    [ -z "$control" ] || [ "$status" -ne 99 ] || exit 0
    [ "$status" -eq 0 ] || exit "$status"
    done=$((done + most))
    n_turns=$((n_turns + 1))
done
[ -z "$control" ] || lab_fail "flushes were left out, and nothing was missing"
