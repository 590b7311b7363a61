#!/bin/sh
# The controls of the lab, on the same path as its schedules: with every flush
# in its place nothing is lost, without a fault neither; and each flush left
# out in turn, by unsafe.no.flush.of, loses records in a cut, or leaves
# something behind that the next start sees and refuses.
#
#   controls.sh [--fs ext4|xfs|both] [--seed S] [NAME...]
#
# Names: none flushed journal-io_uring journal-threads segments state. A cut may
# find nothing on its way: up to OSTRAKA_LAB_CUTS (6) of them may be tried, each
# on fresh disks. Syncs of directories are not among them: doc/TESTING.md says
# why.
set -u
# shellcheck source=test/lab/lab.sh
. "$OSTRAKA_SRC/test/lab/lab.sh"
lab_own "$@"
# shellcheck source=test/lab/nodes.sh
. "$OSTRAKA_SRC/test/lab/nodes.sh"
# shellcheck source=test/lab/interpret.sh
. "$OSTRAKA_SRC/test/lab/interpret.sh"

file_systems=both
seed=1
cuts_max=${OSTRAKA_LAB_CUTS:-6}
while [ $# -gt 0 ]; do
    case $1 in
    --fs) file_systems=$2 && shift ;;
    --seed) seed=$2 && shift ;;
    -*) lab_fail "$1: --fs ext4|xfs|both, --seed S" ;;
    *) break ;;
    esac
    shift
done
lab_file_systems "$file_systems"
[ $# -gt 0 ] || set -- none flushed journal-io_uring journal-threads segments \
    state

# Large records for what is only written when the ring has gone round.
large='--partitions 2 --rate 6000 --value-bytes 4096'
small='--partitions 6 --rate 6000 --value-bytes 300'

# load_and_cut ACK LOAD...: load; inside the ACK-th acknowledgement all three
# lose what was not flushed, and the load ends.
load_and_cut()
{
    ack=$1
    shift
    pids=
    for i in $nodes_all; do
        pids="$pids $(node_pid "$i")"
    done
    cat >"$lab/cut.sh" <<-END
	for n in 1 2 3; do
	    echo "cut none" >"$lab/n\$n.fuse/ctl" || exit 1
	done
	kill -9 $pids
	exit 0
	END
    topic=control
    load_start control "$@" --at-ack "$ack" --seconds 60 --run "sh $lab/cut.sh"
    load_ended control
    for i in $nodes_all; do
        node_wait "$i"
    done
}

# Why a node ended by itself, if one did; in $caught.
look_caught()
{
    caught=
    for i in $nodes_all; do
        if ! node_runs "$i"; then
            caught=$(tail -n 1 "$lab/n$i.log" | cut -c 1-150)
            return 0
        fi
        caught=$(grep -h -e 'ERROR journal' -e 'ERROR state' \
            "$lab/n$i.log" | head -n 1 |
            cut -c 1-150)
        [ -z "$caught" ] || return 0
    done
    return 1
}

# after_cut: start again and judge -> $outcome
after_cut()
{
    for i in $nodes_all; do
        disk_again "n$i"
        : >"$lab/n$i.log"
        node_start "$i"
    done
    until=$(($(now_ms) + 30000))
    while [ "$(now_ms)" -lt "$until" ]; do
        if look_caught; then
            outcome="caught: $caught"
            return
        fi
        if [ "$(grep -l 'server ready' "$lab"/n?.log | wc -l)" -eq 3 ]; then
            break
        fi
        sleep 0.1
    done
    load_verify control --settle 30
    case $? in
    0) outcome=kept ;;
    12)
        head -n 3 "$lab/control.verify.err"
        outcome="of $(number "$lab/control.load.json" acked)"
        for what in lost trimmed changed phantom reordered \
            duplicated missing diverged; do
            outcome="$outcome, $what $(number "$lab/control.verify.json" $what)"
        done
        ;;
    *)
        if look_caught; then
            outcome="caught: $caught"
        else
            tail -n 5 "$lab"/n?.log
            lab_fail "neither read nor refused: $(cat \
                "$lab/control.verify.err")"
        fi
        ;;
    esac
}

# try_once ACKS LOAD SETTING...: a cluster on fresh disks, a load, a cut.
try_once()
{
    acks=$1
    load=$2
    shift 2
    draw_begin $((seed * 100 + cut))
    nodes_open "$fs" "$@"
    for i in $nodes_all; do
        node_start "$i"
    done
    nodes_ready || lab_fail "the cluster does not come up"
    range "$acks"
    # shellcheck disable=SC2086 # words
    load_and_cut "$drawn" $load
    after_cut
    printf '%-18s %-5s cut %s: %s\n' "$label" "$fs" "$cut" "$outcome"
    case $expected,$outcome in
    kept,kept | lost,*) ;;
    *) lab_fail "$label: with every flush in its place" ;;
    esac
    nodes_close
    trap - EXIT
}

# expects lost|kept NAME ACKS LOAD SETTING...
expects()
{
    expected=$1
    label=$2
    shift 2
    cut=1
    while [ "$cut" -le "$cuts_max" ]; do
        try_once "$@"
        case $expected,$outcome in
        lost,kept) ;;
        *) return ;;
        esac
        cut=$((cut + 1))
    done
    lab_fail "$label: $cuts_max cuts did no harm: the disk does not show it"
}

# The same load without any fault.
unharmed()
{
    nodes_open "$fs"
    for i in $nodes_all; do
        node_start "$i"
    done
    nodes_ready || lab_fail "the cluster does not come up"
    # shellcheck disable=SC2086
    load_start control $small
    load_wait 6000 60
    load_stop
    load_verify control --settle 10 || lab_fail "lost without a fault: $(cat \
        "$lab/control.verify.json")"
    printf '%-18s %-5s no cut: kept\n' none "$fs"
    nodes_close
    trap - EXIT
}

control()
{
    case $1 in
    none) unharmed ;;
    flushed)
        expects kept flushed 10000-16000 "$large"
        expects kept flushed-threads 2000-5000 "$small" storage.io=threads
        ;;
    journal-*)
        expects lost "$1" 2000-5000 "$small" storage.io="${1#journal-}" \
            unsafe.no.flush=true unsafe.no.flush.of=journal
        ;;
    segments | state)
        expects lost "$1" 10000-16000 "$large" unsafe.no.flush=true \
            unsafe.no.flush.of="$1"
        ;;
    *) lab_fail "$1: no such control" ;;
    esac
}

for fs in $file_systems; do
    for which; do
        control "$which"
    done
done
