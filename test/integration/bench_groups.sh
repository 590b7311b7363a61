#!/bin/sh
# bench_groups.sh - every mode of `ostraka bench groups` against three nodes, a
# short run each: it measures, nobody has to join again, and a coordinator's
# death is survived with the generation that was.
set -u
# shellcheck source=test/integration/cluster.sh
. "$OSTRAKA_SRC/test/integration/cluster.sh"
test_begin
cluster_up --nodes 3 --set group.initial.rebalance.delay.ms=0

# run MODE OPTION...: its JSON is in $work/out.
run()
{
    "$ostraka" bench groups "$@" --warmup 0.5 --json \
        --pids "${OSTRAKA_PIDS:-}" >"$work/out" 2>"$work/err" || {
        cat "$work/out" "$work/err"
        fail "bench groups $*"
    }
}

# value KEY: a whole number of that JSON; dots are left off.
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

# A shard may be handed back to its first replica meanwhile: what was under way
# there is refused, and nobody joins again for that.
quiet()
{
    number_is errors 0 60
    number_is rejoins 0 0
    grep -q '"latency_ms":{"p50":' "$work/out" || fail "no latencies"
}

refused()
{
    words=$1
    shift
    "$ostraka" bench groups "$@" >"$work/out" 2>&1
    [ $? -eq 2 ] || fail "bench groups $*: not exit code 2"
    grep -q -e "$words" "$work/out" || fail "bench groups $*: not: $words"
}

"$ostraka" topic create bench -p 30 -r 3 >/dev/null || fail "topic create"

refused 'idle, commit, fetch' nonsense
refused '--hook is needed' failover
refused '--hook is needed' idle --hook true
refused 'one group' rebalance --groups 2
refused 'one member' commit --members 2
refused '--prefix' idle --prefix 01234567890123456789012345678901234567890
"$ostraka" bench groups fetch --partitions 31 >"$work/out" 2>&1
[ $? -eq 3 ] || fail "too few partitions: not exit code 3"
grep -q 'has 30 partitions, not 31' "$work/out" || fail "does not say how many"

run idle --groups 40 --members 3 --heartbeat 200 --seconds 2
quiet
number_is requests 600 1300 # 120 members, 5 a second, 2 s
grep -q '"servers":{' "$work/out" || fail "the servers are not watched"

# The shards that were placed for it are shown, and each is led by somebody.
"$ostraka" cluster status >"$work/out" || fail "the cluster is unwell"
grep -q '^GROUP SHARDS  *16$' "$work/out" || fail "16 shards are not shown"
[ "$(awk '$3 == "serves" { n += $6 } END { print n }' "$work/out")" = 16 ] ||
    fail "not every shard is led by a node: $(cat "$work/out")"
"$ostraka" partition describe @groups/15 >"$work/out" || fail "no @groups/15"
grep -q '^LEADER  *[123]' "$work/out" || fail "@groups/15 has no leader"
"$ostraka" partition describe @groups >"$work/out" 2>&1
[ $? -eq 2 ] || fail "@groups without a number: not exit code 2"

run commit --groups 10 --rate 2000 --seconds 2
quiet
number_is offsets_per_s 1500 2500

run fetch --partitions 30 --seconds 1
quiet
number_is requests 10 1000000

# More partitions than one write of the load generator has slices for.
"$ostraka" topic create wide -p 1100 -r 3 >/dev/null || fail "topic create wide"
"$ostraka" bench wait --topic wide >"$work/out" || fail "wide takes no records"
run fetch --topic wide --seconds 1 # 1,000 partitions
quiet
number_is requests 10 1000000
"$ostraka" topic delete wide --yes >/dev/null || fail "topic delete wide"

run rebalance --members 20 --rounds 3
quiet
number_is requests 3 3

# Rounds that do not end in time are said, not left out.
"$ostraka" bench groups rebalance --members 2 --rounds 1000 --form 8 \
    >"$work/out" 2>&1
[ $? -eq 1 ] || fail "rebalances that did not end: not exit code 1"
grep -q 'of 1000 rebalances ended within 8 s' "$work/out" ||
    fail "rebalances that did not end: $(cat "$work/out")"

# The one that is killed coordinates about a third of 48 groups.
victim=${OSTRAKA_PIDS%% *}
run failover --groups 48 --members 2 --hook "kill -9 $victim" --seconds 20
number_is failed_over 1 47
number_is lost 0 0
number_is rejoins 0 0
grep -q '"commit_back_ms":{"p50":' "$work/out" || fail "nobody committed again"

"$ostraka" cluster status >"$work/out"
[ $? -eq 10 ] || fail "a node is dead and the cluster is well"
grep -q '16 of 16 shards of consumer groups miss a replica: @groups/0' \
    "$work/out" || fail "shards that miss a replica are not named"

run idle --groups 3 --members 1 --seconds 0.5 --heartbeat 100
"$ostraka" bench groups failover --groups 2 --hook 'exit 3' >"$work/out" 2>&1 &&
    fail "a hook that fails is not said"
grep -q 'command failed' "$work/out" || fail "a hook that fails: what?"
exit 0
