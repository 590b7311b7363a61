#!/bin/sh
# All nodes end and start again: in order (SIGTERM), by kill -9 under load, and
# with a log that has gone through the small journal several times. What was
# acknowledged before is there after; new records go behind the old ones.
set -u
# shellcheck source=test/integration/cluster.sh
. "$OSTRAKA_SRC/test/integration/cluster.sh"
test_begin

cluster_up --nodes 3 --set journal.bytes.max=33554432
"$check" produce --books "$work/books.1" --partitions 6 --value-bytes 4096 \
    --records $((30000 * long)) >"$work/load.json" || fail "load"
cat "$work/load.json"

# In order.
dev down >/dev/null || fail "dev down"
dev up >/dev/null || fail "dev up after dev down"
cp "$work/books.1" "$work/books"
verify --settle 30

# All at once, in the middle of a load.
load_start --partitions 6 --value-bytes 1000 --rate 5000
load_wait 3000 20
for n in 1 2 3; do
    node_kill "$n"
done
dev up >/dev/null || fail "dev up after kill -9"
load_wait 3000 30
load_stop
verify --settle 30
cp "$work/books.1" "$work/books"
verify --settle 30

# One after the other, in order, under load: nobody waits for long.
load_start --partitions 6 --rate 2000
for n in 1 2 3; do
    load_wait 500 20
    node_kill "$n" --signal TERM
    load_wait 1500 20
    node_start "$n"
done
load_stop
verify --settle 30
