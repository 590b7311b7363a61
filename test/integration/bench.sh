#!/bin/sh
# bench.sh - ostraka bench produce, latency, consume and wait against three
# nodes, a short run each: both producers, closed and open loop; what they
# report as acknowledged is there; latency counts from when a record was due;
# the longest gap is that of a partition, not of all together.
set -u
# shellcheck source=test/integration/cluster.sh
. "$OSTRAKA_SRC/test/integration/cluster.sh"
test_begin
cluster_up --nodes 3

# run WORDS...: of ostraka bench; its JSON is in $work/out.
run()
{
    "$ostraka" bench "$@" --json >"$work/out" 2>"$work/err" || {
        cat "$work/out" "$work/err"
        fail "bench $*"
    }
}

# refused CODE WORDS COMMAND...
refused()
{
    code=$1
    words=$2
    shift 2
    "$ostraka" bench "$@" >"$work/said" 2>&1
    got=$?
    [ "$got" -eq "$code" ] || {
        cat "$work/said"
        fail "bench $*: exit $got, not $code"
    }
    grep -q -e "$words" "$work/said" || {
        cat "$work/said"
        fail "bench $*: does not say $words"
    }
}

# value KEY: of that JSON, the whole part of a number.
value()
{
    sed -n "s/.*\"$1\":\\([0-9]*\\).*/\\1/p" "$work/out"
}

# number_is KEY MIN MAX
number_is()
{
    got=$(value "$1")
    if [ -z "$got" ] || [ "$got" -lt "$2" ] || [ "$got" -gt "$3" ]; then
        cat "$work/out"
        fail "$1 is ${got:-missing}, not in $2..$3"
    fi
}

# has WORDS: so it says in that JSON.
has()
{
    grep -q -e "$1" "$work/out" || {
        cat "$work/out"
        fail "no $1"
    }
}

# lines N: until the load has said how it goes N times, once a second.
lines()
{
    tries=600
    until [ "$(grep -c 'MB/s' "$work/progress")" -ge "$1" ]; do
        kill -0 "$load_pid" 2>/dev/null || fail "the load has ended"
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || fail "the load does not say how it goes"
        sleep 0.1
    done
}

"$ostraka" topic create bench -p 12 -r 3 >/dev/null || fail "topic create"

# ---- what is not understood -------------------------------------------------

refused 2 'raw or rdkafka' produce --backend both
refused 2 '--rate is needed' latency
refused 2 'not a number' produce --seconds soon
refused 2 'No such configuration property\|nonsense' produce --backend rdkafka \
    --seconds 1 -X nonsense=1
refused 6 '' produce --topic nobody --seconds 1 --bootstrap 127.0.0.1:1

# ---- every partition takes a record -----------------------------------------

run wait
first=$(value first_ack_unix_ms)
all=$(value all_acked_unix_ms)
if [ "${first:-0}" -le 1000000000000 ] || [ "${all:-0}" -lt "$first" ]; then
    cat "$work/out"
    fail "bench wait does not say when"
fi
acked=12

# ---- closed loop, both producers --------------------------------------------

run produce --seconds 2 --warmup 0.5 --pids "$OSTRAKA_PIDS"
has '"schema":"ostraka.bench.produce/1","backend":"raw"'
has '"latency_ms":{"p50":'
has '"servers":{'
number_is errors 0 60 # a leadership may be handed back meanwhile
number_is records 1000 100000000
acked=$((acked + $(value records_all)))
run produce --backend rdkafka --producers 2 --linger 1 --seconds 2 \
    --warmup 0.5
has '"backend":"rdkafka"'
number_is errors 0 60 # a leadership may be handed back meanwhile
number_is records 1000 100000000
acked=$((acked + $(value records_all)))
run produce --bytes 3000000 --seconds 60 --warmup 0
number_is bytes 3000000 60000000
acked=$((acked + $(value records_all)))

# ---- open loop --------------------------------------------------------------

run latency --rate 500 --seconds 3 --warmup 0.5 --size 100
number_is records_per_s 300 600
acked=$((acked + $(value records_all)))
run produce --backend rdkafka --linger 0 --rate 500 --seconds 3 --warmup 0.5
number_is records_per_s 300 600
acked=$((acked + $(value records_all)))

# ---- what was acknowledged is there -----------------------------------------

run consume
has '"schema":"ostraka.bench.consume/1"'
number_is records "$acked" "$((acked + 1000))"

# ---- from when it was due ---------------------------------------------------

# Without a majority for more than half of the measured time: more than half of
# the records were due long before they could be sent. Those that were sent are
# few.
"$ostraka" bench latency --rate 500 --seconds 7 --warmup 1 >"$work/out" \
    2>"$work/progress" &
load_pid=$!
lines 1
node_kill 2 --signal STOP
node_kill 3 --signal STOP
lines 6
node_kill 2 --signal CONT
node_kill 3 --signal CONT
wait "$load_pid" || fail "bench latency: $(cat "$work/progress")"
load_pid=
p50=$(sed -n 's/^latency ms  p50 \([0-9]*\).*/\1/p' "$work/out")
[ "${p50:-0}" -ge 100 ] || {
    cat "$work/out"
    fail "p50 is ${p50:-missing} ms: not from when a record was due"
}
gap=$(sed -n 's/.*longest time without acks \([0-9]*\).*/\1/p' "$work/out")
[ "${gap:-0}" -ge 2 ] || fail "no gap though nobody could acknowledge"

# ---- the gap of one partition -----------------------------------------------

# gap PRODUCER: a node that led four of twelve partitions stands still. The
# others go on: only those four have a gap as long as an election.
gap()
{
    tries=600
    until "$ostraka" topic describe bench --json 2>/dev/null |
        awk '/"leader": 2/ { n++ } END { exit !(n >= 1) }'; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || fail "node 2 leads nothing"
        sleep 0.1
    done
    "$ostraka" bench produce --backend "$1" --rate 2000 --seconds 6 --warmup 1 \
        --json >"$work/out" 2>"$work/err" &
    load_pid=$!
    from=$(ends)
    tries=600
    until [ "$(ends)" -gt $((from + 3000)) ]; do # it is being measured
        kill -0 "$load_pid" 2>/dev/null || fail "the load has ended"
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || fail "the load does not begin"
        sleep 0.1
    done
    node_kill 2 --signal STOP
    wait "$load_pid" || fail "bench produce: $(cat "$work/err")"
    load_pid=
    node_kill 2 --signal CONT
    us=$(sed -n 's/.*"gap_max_s":\([0-9.]*\).*/\1/p' "$work/out" |
        awk '{ printf "%d", $1 * 1000000 }')
    [ "${us:-0}" -ge 300000 ] || {
        cat "$work/out"
        fail "$1: the longest gap is ${us:-no} us, shorter than an election"
    }
}

# ends: of all partitions together.
ends()
{
    "$ostraka" sql --csv --node 1 \
        "SELECT sum(end_offset) FROM partitions WHERE topic='bench'" \
        2>/dev/null | tail -n 1 | grep '^[0-9]' || echo 0
}

gap raw
gap rdkafka
