#!/bin/sh
# A node is away while @meta's log base passes it: it gets an image of the
# database instead of commands, and answers from it. (About half a minute: only
# in check-all --full.)
set -u
# shellcheck source=test/integration/cluster.sh
. "$OSTRAKA_SRC/test/integration/cluster.sh"
test_begin

cluster_up --nodes 3
"$ostraka" topic create often >/dev/null || fail "topic create"
node_kill 3

# More changes than a state machine's tail holds (2,000), from four sides.
changes()
{
    i=0
    while [ "$i" -lt 620 ]; do
        i=$((i + 1))
        "$ostraka" topic alter often \
            --set "retention.ms=$(($1 * 1000000 + i))" >/dev/null ||
            exit 1
    done
}
pids=
for side in 1 2 3 4; do
    changes "$side" &
    pids="$pids $!"
done
for pid in $pids; do
    wait "$pid" || fail "a change was refused"
done
last=$("$ostraka" topic describe often | awk '/^retention.ms/ { print $2 }')
[ -n "$last" ] || fail "no override"

# It serves as soon as it is given the image: 10 s are the deadline of a question
# that nobody answered.
node_start 3
times=$(awk '
    function seconds() {
        split($1, t, "[:T.]")
        return t[2] * 3600 + t[3] * 60 + t[4]
    }
    / server start / { ready = "" }
    / transfer start name=@meta / && ready == "" { image = seconds() }
    / server ready / { ready = seconds() }
    END { print image, ready }' "$dir"/n3/ostrakad.log)
# shellcheck disable=SC2086 # two numbers
set -- $times
[ $# -eq 2 ] || fail "node 3 got no image, or does not serve"
[ $(($2 - $1)) -lt 8 ] || fail "node 3 took $(($2 - $1)) s to serve"
grep -q 'transfer start name=@meta' "$dir"/n3/ostrakad.log ||
    fail "node 3 got no image"

# Its own database, after the image: no other node can have answered.
dev kill 1 --signal 9
dev kill 2 --signal 9
# raft warns of what the machine's other work did.
if grep -E ' (ERROR|WARN) ' "$dir"/n3/ostrakad.log | grep -v ' WARN raft '; then
    fail "node 3 complains"
fi
dev kill 3 --signal TERM
rows=$("$ostraka" dump "$dir"/n3/meta/meta.db | awk '/^commands/ { print $2 }')
[ "${rows:-0}" -ge 2480 ] || fail "node 3's database holds $rows commands"
dev up >/dev/null || fail "dev up again"
[ "$("$ostraka" topic describe often |
    awk '/^retention.ms/ { print $2 }')" = "$last" ] ||
    fail "another value after the restart"
