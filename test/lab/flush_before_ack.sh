#!/bin/sh
# The flush comes before the ack, shown by taking the power away: three nodes,
# each on a file system of its own on a disk whose cache forgets, under load;
# inside an acknowledgement all three are stopped, their disks cut, the nodes
# killed. After remount and restart everything acknowledged is there. And the
# control: the same with unsafe.no.flush=true loses, so the cut is a real one.
#
# OSTRAKA_LONG=N: N rounds of each kind, file systems and seeds in turn.
set -u
# shellcheck source=test/lab/lab.sh
. "$OSTRAKA_SRC/test/lab/lab.sh"
lab_own "$@"
ostraka=$OSTRAKA_BUILD/src/cli/ostraka
check=$OSTRAKA_BUILD/test/integration/checker/check-load
long=${OSTRAKA_LONG:-1}
cuts_max=5 # of the control, which must lose in one of them

finish()
{
    status=$?
    trap - EXIT
    [ "$status" -eq 0 ] || tail -n 8 "$lab"/n?/ostrakad.log 2>/dev/null
    "$ostraka" dev down --dir "$lab" >/dev/null 2>&1
    lab_close
    exit "$status"
}

# cluster_new FSTYPE dev-up-arguments...: on three fresh disks.
cluster_new()
{
    fs=$1
    shift
    lab_open
    trap finish EXIT
    for n in 1 2 3; do
        disk_new "n$n" 500M "$fs"
    done
    cluster_start "$@"
    "$ostraka" topic create t --partitions 6 --replication 3 \
        >"$lab/topic.out" 2>&1 || lab_fail "$(cat "$lab/topic.out")"
    # What was before the load is on the disks also without flushes.
    for n in 1 2 3; do
        sync -f "$lab/n$n"
    done
}

cluster_start()
{
    "$ostraka" dev up --dir "$lab" "$@" >"$lab/up.out" 2>&1 ||
        lab_fail "dev up: $(tail -n 5 "$lab/up.out")"
    eval "$("$ostraka" dev env --dir "$lab")"
    export OSTRAKA_BOOTSTRAP
}

# load_and_cut ACK CUT...: load; inside the ACK-th acknowledgement take the
# power from all three at once.
load_and_cut()
{
    ack=$1
    shift
    cat >"$lab/cut.sh" <<-END
	for n in 1 2 3; do
	    echo "cut $*" >"$lab/n\$n.fuse/ctl" || exit 1
	done
	kill -9 $OSTRAKA_PIDS
	exit 0
	END
    "$check" produce --books "$lab/books" --topic t --no-create --rate 6000 \
        --partitions 6 --value-bytes 300 --at-ack "$ack" --seconds 60 \
        --run "sh $lab/cut.sh" >"$lab/load.json" 2>"$lab/load.err" ||
        lab_fail "load: $(cat "$lab/load.err")"
    for n in 1 2 3; do
        lost=$(disk_stat "n$n" lost)
        echo "disk $n: $lost unflushed sectors lost, $(disk_stat "n$n" kept) kept"
        disk_again "n$n"
    done
}

# Everything acknowledged is there, whatever the cut keeps of the rest.
flushed()
{
    echo "== $1, storage.io=$2, cut $3"
    cluster_new "$1" --set journal.bytes.max=33554432 --set storage.io="$2"
    load_and_cut $((2000 + $4 * 37)) "$3" "$4"
    cluster_start
    "$check" verify --books "$lab/books" --settle 30 ||
        lab_fail "acknowledged and not there: the flush did not come first"
    cluster_gone
}

# Without the flush it must lose: the cut takes what was not flushed.
unflushed()
{
    cut=1
    while [ "$cut" -le "$cuts_max" ]; do
        echo "== control: $1, storage.io=$2, unsafe.no.flush=true, cut $cut"
        cluster_new "$1" --set journal.bytes.max=33554432 \
            --set storage.io="$2" --set unsafe.no.flush=true
        load_and_cut $((2000 + cut * 37)) none
        cluster_start
        "$check" verify --books "$lab/books" --settle 30 2>"$lab/verify.err"
        status=$?
        cluster_gone
        [ "$status" -ne 12 ] || return 0
        [ "$status" -eq 0 ] || lab_fail "verify ended with $status"
        cut=$((cut + 1))
    done
    lab_fail "nothing was lost without flushes in $cuts_max cuts: the disk" \
        "does not forget, and the test above shows nothing"
}

cluster_gone()
{
    "$ostraka" dev down --dir "$lab" >/dev/null 2>&1
    lab_close
    trap - EXIT
    lab_names=
}

main_fs=ext4
! command -v mkfs.xfs >/dev/null || main_fs=xfs
lab_need "$main_fs"
trap 'exit 143' TERM
trap 'exit 130' INT

round=1
while [ "$round" -le "$long" ]; do
    flushed "$main_fs" io_uring none "$round"
    flushed "$main_fs" threads random "$round"
    if [ "$long" -gt 1 ]; then
        flushed ext4 io_uring prefix "$round"
        flushed ext4 threads none "$round"
        flushed "$main_fs" io_uring random "$((round + 100))"
    fi
    round=$((round + 1))
done
unflushed "$main_fs" io_uring
[ "$long" -eq 1 ] || unflushed "$main_fs" threads
