#!/bin/sh
# A load on three nodes for a long time, with a fault every few seconds: a node
# killed (kill -9), stopped like a hung one (SIGSTOP) or restarted in order
# (SIGTERM). Nothing acknowledged may be lost, and no node may grow.
#
#   soak.sh [SECONDS [SEED]]    default: 600 s and a seed of the clock's
#
# Node 1 is stopped and continued but lives all the time: its memory and
# descriptors are compared with what they were after the first fifth. Then, for
# the last 15 s, nothing is done to anybody, and no election may happen.
# Bounds, in the environment: SOAK_GROWTH_KIB (65536) of resident memory,
# SOAK_FDS (64) descriptors, SOAK_P99_MS (5000), SOAK_GAP_MS (15000, without
# any acknowledgement).
set -u
# shellcheck source=test/integration/cluster.sh
. "$OSTRAKA_SRC/test/integration/cluster.sh"
seconds=${1:-600}
seed=${2:-$(date +%s)}
quiet=15
growth_kib_max=${SOAK_GROWTH_KIB:-65536}
fds_max=${SOAK_FDS:-64}
p99_ms_max=${SOAK_P99_MS:-5000}
gap_ms_max=${SOAK_GAP_MS:-15000}
test_begin
[ "$seconds" -ge $((quiet + 30)) ] || fail "not below $((quiet + 30)) s"
echo "soak: $seconds s, seed $seed"

# chance N: a number in 0..N-1, the next of the seed's.
chance()
{
    seed=$(((seed * 1103515245 + 12345) % 2147483648))
    chosen=$((seed / 65536 % $1))
}

pid_of()
{
    cat "$dir/n$1/ostrakad.pid"
}

# Resident memory in KiB.
memory_of()
{
    sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$(pid_of "$1")/status"
}

descriptors_of()
{
    find "/proc/$(pid_of "$1")/fd" -mindepth 1 | wc -l
}

# Terms that began, as the nodes say.
elections()
{
    cat "$dir"/n*/ostrakad.log | grep -c 'replica leader partition='
}

# settled: until every node leads a third of the partitions, which is where
# leadership goes back to: from then on nobody has a reason to hand it over.
settled()
{
    tries=600
    until "$ostraka" topic describe soak --json 2>/dev/null |
        awk '/"leader": [0-9]/ { n[$2 + 0]++ }
            END { exit !(n[1] == 4 && n[2] == 4 && n[3] == 4) }'; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || {
            "$ostraka" topic describe soak
            fail "leadership is not back where it belongs after 60 s"
        }
        sleep 0.1
    done
}

# measure: a line for people, and the largest that was seen.
measure()
{
    line=
    for n in 1 2 3; do
        kib=$(memory_of "$n")
        fds=$(descriptors_of "$n")
        line="$line n$n ${kib:-?} KiB ${fds:-?} fds,"
        [ "${fds:-0}" -le "$most_fds" ] || most_fds=$fds
    done
    echo "$(($(date +%s) - started)) s:$line $(load_acked) acked"
}

fault()
{
    chance 3
    victim=$((chosen + 1))
    chance 3
    kind=$chosen
    [ "$victim" -ne 1 ] || kind=1
    case $kind in
    0)
        node_kill "$victim"
        chance 3
        sleep "$chosen"
        node_start "$victim"
        kills=$((kills + 1))
        ;;
    1)
        node_kill "$victim" --signal STOP
        chance 4
        sleep $((chosen + 1))
        node_kill "$victim" --signal CONT
        stops=$((stops + 1))
        ;;
    2)
        node_kill "$victim" --signal TERM
        node_start "$victim"
        restarts=$((restarts + 1))
        ;;
    esac
}

kills=0
stops=0
restarts=0
most_fds=0
base_kib=
cluster_up --nodes 3 --base-port $((20000 + $$ % 1000 * 10)) \
    --set journal.bytes.max=67108864 \
    --set log.retention.check.interval.ms=5000
started=$(date +%s)
load_start --topic soak --partitions 12 --producers 3 --rate 3000 --value-bytes 512 \
    --config retention.bytes=4194304 --config segment.bytes=1048576
while [ $(($(date +%s) - started)) -lt $((seconds - quiet)) ]; do
    chance 16
    sleep $((chosen + 5))
    load_wait 100 30
    fault
    load_wait 500 60 # a majority was there, or is again
    measure
    if [ -z "$base_kib" ] &&
        [ $(($(date +%s) - started)) -ge $((seconds / 5)) ]; then
        base_kib=$(memory_of 1)
        base_fds=$(descriptors_of 1)
    fi
done
[ -n "$base_kib" ] || fail "too short to compare"

# Everybody is there: nobody has a reason to elect.
load_wait 3000 60
settled
before=$(elections)
sleep "$quiet" # what is watched for is that nothing happens meanwhile
after=$(elections)
[ "$after" -eq "$before" ] ||
    fail "$((after - before)) elections in $quiet s without a fault"
measure
end_kib=$(memory_of 1)
end_fds=$(descriptors_of 1)
load_stop
verify --settle 60 --may-trim
echo "soak: $kills kills, $stops stops, $restarts restarts, $after elections;" \
    "node 1 $base_kib -> $end_kib KiB, $base_fds -> $end_fds fds"
[ "$end_kib" -le $((base_kib + growth_kib_max)) ] ||
    fail "node 1 grew by $((end_kib - base_kib)) KiB"
[ "$end_fds" -le $((base_fds + fds_max)) ] ||
    fail "node 1 has $((end_fds - base_fds)) more descriptors"
[ "$(number "$work/load.json" p99_ms)" -le "$p99_ms_max" ] ||
    fail "p99 above $p99_ms_max ms"
[ "$(number "$work/load.json" ack_gap_ms)" -le "$gap_ms_max" ] ||
    fail "no acknowledgement for more than $gap_ms_max ms"
[ "$(number "$work/verify.json" unknown)" = 0 ] ||
    fail "records stayed without an answer though a majority was there"
