#!/bin/sh
# Five nodes, five replicas a partition: two nodes die at once, come back, and
# two others die; then three replicas, spread over the nodes. Nothing
# acknowledged is lost.
set -u
# shellcheck source=test/integration/cluster.sh
. "$OSTRAKA_SRC/test/integration/cluster.sh"
test_begin

cluster_up --nodes 5
load_start --partitions 10 --replication 5 --rate 2000 --value-bytes 300

round=0
while [ "$round" -lt "$long" ]; do
    for pair in '1 2' '3 4' '5 1'; do
        load_wait 500 20
        # shellcheck disable=SC2086 # two numbers
        set -- $pair
        node_kill "$1"
        node_kill "$2"
        load_wait 1500 20 # three of five are a majority
        node_start "$1"
        node_start "$2"
    done
    round=$((round + 1))
done
load_stop
verify --settle 30
[ "$(number "$work/verify.json" replicas)" = 50 ] || fail "not every replica"

# The same nodes, spread: three replicas on five nodes.
load_start --partitions 10 --replication 3 --rate 2000
load_wait 500 20
node_kill 4
load_wait 1000 20
node_start 4
load_stop
verify --settle 30
[ "$(number "$work/verify.json" replicas)" = 30 ] || fail "not every replica"
