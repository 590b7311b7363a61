#!/bin/sh
# Three nodes under load: each killed (kill -9) in rotation and started again,
# one stopped for longer than an election (SIGSTOP) and continued, all killed
# at once and restarted. Nothing acknowledged is lost, copied, moved or changed,
# on the leaders and on every replica.
set -u
# shellcheck source=test/integration/cluster.sh
. "$OSTRAKA_SRC/test/integration/cluster.sh"
test_begin

cluster_up --nodes 3
load_start --partitions 12 --producers 2 --rate 4000 --value-bytes 512

round=0
while [ "$round" -lt "$long" ]; do
    for n in 1 2 3; do
        load_wait 1000 20
        node_kill "$n"
        load_wait 1000 20 # the other two go on
        node_start "$n"
    done
    for n in 3 1; do
        load_wait 500 20
        node_kill "$n" --signal STOP
        load_wait 3000 20 # longer than an election takes
        node_kill "$n" --signal CONT
    done
    load_wait 500 20
    for n in 1 2 3; do
        node_kill "$n"
    done
    dev up >/dev/null || fail "dev up of the killed cluster"
    load_wait 2000 30
    round=$((round + 1))
done
load_stop
verify --settle 30
[ "$(number "$work/verify.json" replicas)" = 36 ] || fail "not every replica"
[ "$(number "$work/verify.json" unknown)" = 0 ] ||
    fail "records stayed without an answer though a majority was there"
