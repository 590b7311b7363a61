#!/bin/sh
# ostraka sql on three nodes: the same statement gives the same rows wherever
# it runs, also while the leader of a shard is gone; what is not allowed is
# refused, what takes too long ends, and the node serves on.
set -u
# shellcheck source=test/integration/cluster.sh
. "$OSTRAKA_SRC/test/integration/cluster.sh"
test_begin

# sql CODE ARGUMENTS...: what it prints lies in $work/out, its words in err.
sql()
{
    expected=$1
    shift
    "$ostraka" sql "$@" >"$work/out" 2>"$work/err"
    code=$?
    [ "$code" -eq "$expected" ] || {
        cat "$work/err"
        fail "exit code $code instead of $expected: sql $*"
    }
}

says()
{
    grep -q -e "$1" "$work/out" "$work/err" || {
        cat "$work/out" "$work/err"
        fail "does not say: $1"
    }
}

# one VALUE ARGUMENTS...: a single value comes out.
one()
{
    wanted=$1
    shift
    sql 0 --csv "$@"
    [ "$(tail -n 1 "$work/out")" = "$wanted" ] || {
        cat "$work/out"
        fail "not $wanted: sql $*"
    }
}

# same STATEMENT [OPTION]: on all nodes.
same()
{
    for node in 1 2 3; do
        sql 0 --csv --node "$node" "$@"
        mv "$work/out" "$work/rows.$node"
    done
    cmp -s "$work/rows.1" "$work/rows.2" && cmp -s "$work/rows.1" "$work/rows.3" ||
        fail "nodes differ: $*"
}

# Which reads what there is: at most 1000 rows, within a second.
OSTRAKA_SET=${OSTRAKA_SET:-sql.rows.max=1000}
cluster_up --nodes 3 --set sql.time.max=1000
"$ostraka" topic create orders -p 6 >/dev/null || fail "topic create"
"$ostraka" topic create other -p 1 --set retention.ms=1000000 >/dev/null ||
    fail "topic create"
seq 100 | "$ostraka" produce orders >/dev/null 2>&1 || fail "produce"

# ---- nothing yet
one 0 "SELECT count(*) FROM groups"
one 100 "SELECT sum(end_offset) FROM partitions WHERE topic='orders'"
one 1000000 "SELECT value FROM configs WHERE topic='other'"
one 3 "SELECT count(*) FROM nodes WHERE up"

# ---- groups
for group in a b c d e f g billing; do
    "$ostraka" group reset-offsets "$group" --topic orders --to-earliest \
        --execute >/dev/null 2>&1 || fail "reset of $group"
done
"$ostraka" group reset-offsets billing --topic orders --to-latest --execute \
    >/dev/null 2>&1 || fail "reset of billing"
one 8 "SELECT count(*) FROM groups WHERE state='Empty'"
one 48 "SELECT count(*) FROM offsets"
one 100 "SELECT sum(lag) FROM lag WHERE group_id='a'"
one 0 "SELECT sum(lag) FROM lag WHERE group_id='billing' AND topic='orders'"
one 0 "SELECT count(*) FROM offsets WHERE topic='other'"
one 0 "SELECT count(*) FROM members"
sql 0 "SELECT * FROM offset_history WHERE group_id='billing'"
says '^billing *orders'
# Only the shard of that group was asked.
[ "$(grep -c '@groups' "$work/err")" = 1 ] || fail "no word of what was seen"
[ "$(grep -o '@groups' "$work/err" | wc -l)" = 1 ] || fail "asks all shards"
sql 0 --json "SELECT * FROM nodes"
says '"schema": "ostraka.sql/1"'
says '"shard": "@meta"'

# ---- the same everywhere
for view in groups members offsets lag offset_history topics partitions nodes \
    configs; do
    same "SELECT * FROM $view"
done
same "SELECT * FROM offsets" --stale
same "SELECT g.group_id, count(*), sum(lag) FROM groups g JOIN lag l
      ON l.group_id=g.group_id GROUP BY 1 HAVING sum(lag)>0"

# ---- hostile ones
sql 2 "SELEC 1"
sql 2 "SELECT 1; SELECT 2"
for statement in "PRAGMA table_info(groups)" "ATTACH 'x.db' AS x" \
    "CREATE TABLE x(a)" "SELECT load_extension('x')" \
    "SELECT writefile('x','y')" "SELECT * FROM sql_names" "VACUUM INTO 'x'"; do
    "$ostraka" sql "$statement" >"$work/out" 2>"$work/err" &&
        fail "allowed: $statement"
done
n="WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM n)"
sql 6 "$n SELECT count(*) FROM n"
says 'longer than allowed'
sql 6 "SELECT count(*) FROM offsets a, offsets b, offsets c, offsets d, offsets e,
       offsets f, offsets g"
sql 4 "$n SELECT x FROM n"
says 'LIMIT'
sql 4 "SELECT zeroblob(1000000000)"
sql 4 "SELECT randomblob(1000000000)"
sql 4 "SELECT printf('%1000000000d',1)"
one 3 "SELECT count(*) FROM nodes"

# Many at once: each has an answer, and one that is refused says so.
i=0
while [ "$i" -lt 40 ]; do
    "$ostraka" sql --node 1 "$n SELECT count(*) FROM n" >/dev/null \
        2>"$work/many.$i" &
    eval "many_$i=$!"
    i=$((i + 1))
done
i=0
while [ "$i" -lt 40 ]; do
    eval "wait \$many_$i"
    i=$((i + 1))
done
grep -q 'too many statements wait' "$work"/many.* || fail "nobody was refused"
# The last words: its turn came, and too little time was left for the barrier.
grep -L -e 'too many' -e 'longer than' -e 'took all' \
    -e 'no leader that answers in time' "$work"/many.* |
    grep -q . && fail "one has no answer"
# Whoever leaves takes his statement along: the next does not wait for it.
i=0
while [ "$i" -lt 10 ]; do
    "$ostraka" sql --node 1 "$n SELECT count(*) FROM n" >/dev/null 2>&1 &
    left=$!
    # Until then it is this shell, with what that does when it is told to end.
    until grep -q ostraka "/proc/$left/comm" 2>/dev/null; do
        kill -0 "$left" 2>/dev/null || fail "it did not begin"
    done
    kill "$left"
    wait "$left" 2>/dev/null
    i=$((i + 1))
done
one 3 --node 1 "SELECT count(*) FROM nodes"

# ---- a shell that is fed
printf '.mode csv\n.tables\nSELECT 40\n+ 2 AS x;\n.nonsense\n' |
    "$ostraka" sql >"$work/out" 2>"$work/err"
[ $? -eq 2 ] || fail "the shell does not say what was wrong"
says '^offset_history$'
says '^42$'

# ---- a leader is gone
sql 0 --csv "SELECT * FROM lag ORDER BY 1,2,3"
mv "$work/out" "$work/before"
leader=$(
    "$ostraka" sql --csv "SELECT coordinator FROM groups
        WHERE group_id='billing'" | tail -n 1
)
# A shell that talks to it meanwhile...
mkfifo "$work/lines" || exit 1
"$ostraka" sql --csv --stale --node "$leader" <"$work/lines" \
    >"$work/shell.out" 2>"$work/shell.err" &
shell=$!
exec 9>"$work/lines"
echo "SELECT 'first';" >&9
until grep -q '^first' "$work/shell.out"; do
    kill -0 "$shell" 2>/dev/null || fail "the shell has ended"
done
node_kill "$leader"
node=$((leader % 3 + 1))
sql 0 --csv --node "$node" --stale "SELECT count(*) FROM offsets"
# While others are elected the time may be over: it says so, and is asked again.
tries=0
until "$ostraka" sql --csv --node "$node" "SELECT * FROM lag ORDER BY 1,2,3" \
    >"$work/out" 2>"$work/err" && cmp -s "$work/out" "$work/before"; do
    tries=$((tries + 1))
    [ "$tries" -lt 20 ] || {
        cat "$work/err"
        diff "$work/before" "$work/out"
        fail "no answer without node $leader"
    }
done
one 2 --node "$node" "SELECT count(*) FROM nodes WHERE up"
node_start "$leader"
# ... goes on when it is back.
echo "SELECT 'second';" >&9
exec 9>&-
wait "$shell" || fail "the shell: $(cat "$work/shell.err")"
grep -q '^second' "$work/shell.out" || fail "the shell does not go on"
same "SELECT * FROM offsets"
exit 0
