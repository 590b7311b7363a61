#!/bin/sh
# A node is away while several times the journal's worth is produced: it comes
# back and catches up by Transfer while the load runs, and a node that led dies
# in the middle of it. A node that comes back with an empty directory under its
# known id is refused, says what to do, and takes part again when the directory
# is back.
set -u
# shellcheck source=test/integration/cluster.sh
. "$OSTRAKA_SRC/test/integration/cluster.sh"
test_begin

cluster_up --nodes 3 --set journal.bytes.max=33554432 \
    --set memory.bytes=67108864
load_start --partitions 4 --value-bytes 8000 --rate 4000
load_wait 500 20

round=0
while [ "$round" -lt "$long" ]; do
    away=$((3 - round % 3))
    dies=$((away % 3 + 1))
    node_kill "$away"
    load_wait 13000 90 # 104 MB, three times the ring
    node_start "$away"
    node_kill "$dies" # what is left needs the one that catches up
    load_wait 3000 90
    node_start "$dies"
    load_wait 1000 60
    round=$((round + 1))
done
load_stop
verify --settle 60
[ "$(number "$work/verify.json" replicas)" = 12 ] || fail "not every replica"
grep -q 'transfer' "$dir"/n3/ostrakad.log || fail "node 3 transferred nothing"

# Empty, under a known id.
node_kill 3
mkdir "$work/aside"
for entry in identity journal meta p lock; do
    mv "$dir/n3/$entry" "$work/aside" || fail "node 3 has no $entry"
done
if dev start 3 >"$work/start.out" 2>&1; then
    fail "an empty directory was taken for node 3"
fi
tail -n 3 "$dir/n3/ostrakad.log" | grep -q 'by another disk' || {
    cat "$work/start.out"
    fail "node 3 does not say that its directory is another"
}
for entry in identity journal meta p lock; do
    rm -rf "$dir/n3/${entry:?}"
    mv "$work/aside/$entry" "$dir/n3" || fail "cannot put $entry back"
done
node_start 3
verify --settle 60
