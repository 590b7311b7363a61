#!/bin/sh
# The databases of one node are damaged while it is down, each in another way:
# the node comes back, fetches the others' states, and what was committed is
# there with it and one of the others alone. A single node ends, says what it
# met, and leaves the file where it is; with the whole log it makes it anew.
set -u
# shellcheck source=test/integration/cluster.sh
. "$OSTRAKA_SRC/test/integration/cluster.sh"
test_begin
commits=$OSTRAKA_BUILD/test/integration/checker/check-commits

commits_run()
{
    "$commits" commit --topic t --groups 40 --rate 20 --rows 3 \
        --books "$work/commits" >"$work/commits.json" 2>"$work/commits.err" &
    load_pid=$!
    sleep "$1"
    kill -TERM "$load_pid"
    wait "$load_pid" || {
        cat "$work/commits.err"
        fail "nothing was committed"
    }
    load_pid=
}

commits_verify()
{
    "$commits" verify --topic t --groups 40 --books "$work/commits" \
        >"$work/verify.json" 2>"$work/verify.err" || {
        cat "$work/verify.json" "$work/verify.err"
        fail "$1"
    }
}

# damage WHICH FILE
damage()
{
    case $1 in
    0) printf 'no database at all' | dd of="$2" conv=notrunc 2>/dev/null ;;
    1) truncate -s 9000 "$2" ;;
    2) dd if=/dev/urandom of="$2" bs=4096 seek=1 count=3 conv=notrunc \
        2>/dev/null ;;
    3) rm -f "$2" "$2-wal" ;;
    4) rm -f "$2-wal" ;;
    esac
}

cluster_up --nodes 3 --set state.checkpoint.entries=4
"$ostraka" topic create t --partitions 10 >/dev/null || fail "topic create"
commits_run 4
node_kill 3
i=0
for file in "$dir"/n3/groups/*.db "$dir"/n3/meta/meta.db; do
    damage $((i % 5)) "$file"
    i=$((i + 1))
done
[ "$i" -eq 17 ] || fail "there are $i databases, not 17"
commits_run 2 # the other two serve
node_start 3
# Whatever was moved and is not in the log is fetched.
fetched()
{
    grep -c "ERROR state quarantined.*another node's" "$dir"/n3/ostrakad.log
}
restored()
{
    grep -c 'state restored' "$dir"/n3/ostrakad.log
}
tries=300
until [ "$(restored)" -ge "$(fetched)" ] && [ "$(fetched)" -ge 4 ]; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || fail "node 3 fetched $(restored) of $(fetched) states"
    sleep 0.1
done
# It counts: with node 2 alone, then with node 1 alone it is the majority.
node_kill 1
commits_verify "offsets are missing with nodes 2 and 3"
node_start 1
commits_run 2
node_kill 2
commits_verify "offsets are missing with nodes 1 and 3"
said=$(grep -c 'ERROR state quarantined' "$dir"/n3/ostrakad.log)
moved=$(find "$dir"/n3/groups/quarantine "$dir"/n3/meta/quarantine \
    -name '*.db.1' | wc -l)
[ "$said" -ge 8 ] && [ "$said" -eq "$moved" ] ||
    fail "$said databases are said to be in quarantine, $moved are"
dev down >/dev/null || fail "dev down"
rm -rf "$dir" "$work/commits"

# Alone, with the whole log.
cluster_up --nodes 1
"$ostraka" topic create t --partitions 10 >/dev/null || fail "topic create"
commits_run 2
node_kill 1
for file in "$dir"/n1/groups/*.db; do
    damage 0 "$file"
done
node_start 1
commits_verify "the log did not make the states anew"
grep -q 'made anew from the log' "$dir"/n1/ostrakad.log || fail "it did not say"
dev down >/dev/null || fail "dev down"
rm -rf "$dir" "$work/commits"

# Alone, and the log begins later.
cluster_up --nodes 1 --set state.checkpoint.entries=1
"$ostraka" topic create t --partitions 10 >/dev/null || fail "topic create"
commits_run 3
node_kill 1
file=$(ls -S "$dir"/n1/groups/*.db | head -n 1)
damage 2 "$file"
cp "$file" "$work/damaged"
said='exit code 6\|status 6\|damaged'
dev start 1 >"$work/start.out" 2>&1 || true # it may serve for a moment
for _ in $(seq 100); do
    grep -q "$said" "$work/start.out" "$dir"/n1/ostrakad.log && break
    sleep 0.1
done
grep -q "$said" "$work/start.out" "$dir"/n1/ostrakad.log ||
    fail "it does not say that it is damaged"
grep -F "$file" "$dir"/n1/ostrakad.log | grep -qi 'fatal\|error' ||
    fail "it does not name $file"
cmp -s "$file" "$work/damaged" || fail "the only copy is not where it was"
