#!/bin/sh
# The same statement on every node of a quiet cluster of five gives the same
# rows: each view, whole and asked for one group or one topic, while every node
# lacks some shards of @groups and some partitions; with one node down; and
# after it came back. What the nodes saw must be the same, too: a statement is
# asked again while something still moves.
set -u
# shellcheck source=test/integration/cluster.sh
. "$OSTRAKA_SRC/test/integration/cluster.sh"
test_begin

# ask NODE STATEMENT [OPTION]: columns and rows come into rows.NODE, what was
# seen into seen.NODE, a line each: shard, node, term, index. Of @meta each node
# reads its own, and with --stale of shards as well.
ask()
{
    at=$1
    shift
    own=@meta
    [ "${2:-}" != --stale ] || own=@
    "$ostraka" sql --json --node "$at" "$@" >"$work/json" 2>"$work/err" || {
        said=$(cat "$work/err")
        return 1
    }
    sed -n '/^  "columns":/,$p' "$work/json" >"$work/rows.$at"
    awk -v own="\"$own" '/^  "columns":/ { exit }
        /^      "shard":/ { shard = $2 }
        /^      "node":/ { node = index(shard, own) == 1 ? "own" : $2 }
        /^      "term":/ { term = $2 }
        /^      "index":/ { print shard, node, term, $2 }' \
        "$work/json" >"$work/seen.$at"
    if [ ! -s "$work/rows.$at" ] || [ ! -s "$work/seen.$at" ]; then
        cat "$work/json"
        fail "no rows, or nothing seen: $*"
    fi
}

# alike STATEMENT [OPTION]: all of $nodes, $first before the others, say the
# same, and saw the same. Whoever saw the same states has the same rows at once;
# only who leads, who is up and where a partition ends is not among what was
# seen.
alike()
{
    for node in $nodes; do
        ask "$node" "$@" || return 1
        for what in seen rows; do
            cmp -s "$work/$what.$first" "$work/$what.$node" || {
                said="$what on nodes $first and $node:
$(diff "$work/$what.$first" "$work/$what.$node" | head -n 10)"
                case $what:$1 in
                seen:*) ;;
                *lag* | *'FROM partitions'* | *'FROM nodes'*) ;;
                *'FROM groups'*) ;; # with its coordinator
                *) fail "$1: $said" ;;
                esac
                return 1
            }
        done
    done
}

# same STATEMENT [OPTION]: within 60 s, as it may take so long until nothing
# moves any more.
same()
{
    until_s=$(($(date +%s) + 60))
    until alike "$@"; do
        [ "$(date +%s)" -lt "$until_s" ] || {
            echo "$said"
            fail "not the same on nodes $nodes: $*"
        }
        sleep 0.1
    done
    n_same=$((n_same + 1))
}

# rows_are MIN: so many came last, or more.
rows_are()
{
    n=$(grep -c '^    {' "$work/rows.$first")
    [ "$n" -ge "$1" ] || {
        head -n 40 "$work/rows.$first"
        fail "$n rows instead of $1 or more"
    }
}

# pinned VIEW KEY VALUE ORDER: asked for one value only, the rows are the same
# everywhere, and those that a reading of all of them finds.
pinned()
{
    same "SELECT * FROM $1 WHERE $2='$3' ORDER BY $4"
    rows_are 1
    cp "$work/rows.$first" "$work/pinned"
    [ "$2" != group_id ] || [ "$(grep -c @groups "$work/seen.$first")" -eq 1 ] || {
        cat "$work/seen.$first"
        fail "$1 of one group asks more than its shard"
    }
    same "SELECT * FROM $1 WHERE $2||''='$3' ORDER BY $4"
    cmp -s "$work/pinned" "$work/rows.$first" || {
        diff "$work/pinned" "$work/rows.$first" | head -n 10
        fail "$1 of $2 $3: other rows than among all"
    }
}

views()
{
    same "SELECT * FROM groups ORDER BY group_id"
    rows_are 140
    same "SELECT * FROM members ORDER BY group_id,member_id"
    rows_are 40
    same "SELECT * FROM offsets ORDER BY group_id,topic,partition"
    rows_are 1000
    same "SELECT * FROM lag ORDER BY group_id,topic,partition"
    rows_are 1000
    same "SELECT * FROM offset_history ORDER BY group_id,topic,partition,seq"
    rows_are 60
    same "SELECT * FROM topics ORDER BY topic"
    rows_are 3
    same "SELECT * FROM partitions ORDER BY topic,partition"
    rows_are 40
    same "SELECT * FROM nodes ORDER BY node"
    rows_are 5
    same "SELECT * FROM configs ORDER BY topic,name"
    rows_are 2
    pinned groups group_id billing group_id
    pinned members group_id live-3 member_id
    pinned offsets group_id billing topic,partition
    pinned offsets topic orders group_id,partition
    pinned lag group_id billing topic,partition
    pinned lag topic orders group_id,partition
    pinned offset_history group_id billing topic,partition,seq
    pinned offset_history topic orders group_id,partition,seq
    pinned topics topic orders topic
    pinned partitions topic orders partition
    pinned configs topic pay topic
    same "SELECT g.group_id,g.state,count(*) n,sum(l.lag) lag FROM groups g
          JOIN lag l ON l.group_id=g.group_id GROUP BY 1 ORDER BY 1"
    same "SELECT shard,count(*) n FROM groups GROUP BY 1 ORDER BY 1"
    rows_are 16 # all shards have groups
}

# Only what was committed: in another order of events the same rows.
committed()
{
    same "SELECT * FROM offsets ORDER BY group_id,topic,partition"
    cp "$work/rows.$first" "$work/$1"
    same "SELECT * FROM offset_history ORDER BY group_id,topic,partition,seq"
    cat "$work/rows.$first" >>"$work/$1"
}

n_same=0
first=1
nodes='1 2 3 4 5'
cluster_up --nodes 5 --set group.initial.rebalance.delay.ms=0
"$ostraka" topic create orders -p 24 -r 3 >/dev/null || fail "topic create"
"$ostraka" topic create pay -p 12 -r 3 --set retention.ms=86400000 >/dev/null ||
    fail "topic create"
"$ostraka" topic create old -p 4 -r 5 --set segment.bytes=1048576 >/dev/null ||
    fail "topic create"
for topic in orders pay old; do
    seq 500 | "$ostraka" produce $topic >/dev/null 2>&1 || fail "produce $topic"
done

# ---- groups: many that commit, some with members, some that were reset
"$ostraka" bench groups commit --topic orders --prefix many --groups 100 \
    --rate 3000 --rows 10 --seconds 2 --warmup 0.1 >"$work/many.out" 2>&1 || {
    cat "$work/many.out"
    fail "bench groups commit"
}
"$ostraka" bench groups idle --topic orders --prefix live --groups 20 \
    --members 2 --seconds 600 >"$work/live.out" 2>&1 &
load_pid=$!
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    "$ostraka" group reset-offsets "reset-$i" --topic pay --to-earliest \
        --execute >/dev/null 2>&1 || fail "reset of reset-$i"
done
for to in earliest latest; do
    "$ostraka" group reset-offsets billing --topic orders --topic pay --to-$to \
        --execute >/dev/null 2>&1 || fail "reset of billing"
done
tries=300
until "$ostraka" sql --csv "SELECT count(*) FROM groups WHERE state='Stable'
    AND members=2 AND group_id LIKE 'live-%'" 2>/dev/null | grep -qx 20; do
    kill -0 "$load_pid" || fail "bench groups idle: $(cat "$work/live.out")"
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || fail "20 groups do not form: $(cat "$work/live.out")"
    sleep 0.1
done

# ---- every node lacks something
for node in $nodes; do
    n=$(find "$dir/n$node/groups" -name '*.db' | wc -l)
    case $n in
    0 | 16) fail "node $node has $n of 16 shards, not some of them" ;;
    esac
done

views
same "SELECT * FROM offsets ORDER BY group_id,topic,partition" --stale
same "SELECT * FROM groups ORDER BY group_id" --stale
committed before

# ---- a node that leads shards is gone
dead=$(
    "$ostraka" sql --csv "SELECT coordinator FROM groups
        WHERE group_id='billing'" | tail -n 1
)
node_kill "$dead"
nodes=$(echo "$nodes" | tr -d "$dead")
# shellcheck disable=SC2086 # a list
set -- $nodes
first=$1
committed without
cmp -s "$work/before" "$work/without" || {
    diff "$work/before" "$work/without" | head -n 10
    fail "without node $dead other offsets are committed"
}
same "SELECT * FROM lag ORDER BY group_id,topic,partition"
same "SELECT * FROM partitions ORDER BY topic,partition"
same "SELECT * FROM nodes ORDER BY node"
same "SELECT node FROM nodes WHERE NOT up"
grep -q "^      \"node\": $dead$" "$work/rows.$first" ||
    fail "node $dead is up: $(cat "$work/rows.$first")"

# ---- and is back
node_start "$dead"
nodes="$dead $nodes"
first=$dead
views
same "SELECT * FROM offsets ORDER BY group_id,topic,partition" --stale
committed after
cmp -s "$work/before" "$work/after" || {
    diff "$work/before" "$work/after" | head -n 10
    fail "other offsets are committed since node $dead was gone"
}
kill -0 "$load_pid" 2>/dev/null || fail "the members left: $(cat "$work/live.out")"
echo "$n_same statements: the same rows on every node"
exit 0
