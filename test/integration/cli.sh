#!/bin/sh
# cli.sh - every command of the tool against three nodes: what it prints, its
# exit codes, what it says when something is wrong. Then the files of a node
# that was stopped, as ostraka dump reads them, whole and damaged.
set -u
# shellcheck source=test/integration/cluster.sh
. "$OSTRAKA_SRC/test/integration/cluster.sh"

# expect CODE WORDS COMMAND...: the exit code, and words (extended regular
# expression) that stdout and stderr together must have; "" for any.
expect()
{
    code=$1
    words=$2
    shift 2
    "$ostraka" "$@" >"$work/out" 2>"$work/err" </dev/null
    got=$?
    [ "$got" -eq "$code" ] || {
        cat "$work/out" "$work/err"
        fail "ostraka $*: exit code $got instead of $code"
    }
    cat "$work/out" "$work/err" | grep -Eq -- "$words" || {
        cat "$work/out" "$work/err"
        fail "ostraka $*: says nothing like \"$words\""
    }
}

# json FILTER: the last output is JSON, and the filter is true of it.
json()
{
    command -v python3 >/dev/null || {
        echo "not checked, there is no python3: $1"
        return 0
    }
    python3 -c "import json,sys; d=json.load(open('$work/out'))
sys.exit(0 if $1 else 1)" || {
        cat "$work/out"
        fail "not true of this JSON: $1"
    }
}

same()
{
    [ "$1" = "$2" ] || fail "$3: \"$1\" instead of \"$2\""
}

test_begin
cluster_up --nodes 3

# ---- help -------------------------------------------------------------------

# Each option once, in the command's own words where it has its own.
expect 0 'default 10000' topic list --help
expect 0 'acknowledgement .default 60000' produce --help
expect 0 'serve .default 60000' dev up --help
[ "$(grep -c -e --timeout "$work/out")" -eq 1 ] || fail "--timeout is there twice"

# ---- topics -----------------------------------------------------------------

expect 0 'No topics' topic list
expect 0 'orders +created +3 +3' topic create orders -p 3 -r 3 \
    --set retention.ms=3600000
expect 1 'TOPIC_ALREADY_EXISTS.*--if-not-exists' topic create orders
expect 0 'orders +exists' topic create orders --if-not-exists
expect 0 'draft +valid' topic create draft --validate-only
expect 2 'INVALID_TOPIC' topic create 'bad/name'
expect 2 'INVALID_CONFIG.*nonsense' topic create draft --set nonsense=1
expect 2 'expected KEY=VALUE' topic create draft --set nonsense
expect 2 'INVALID_REPLICATION_FACTOR' topic create draft -r 9
expect 2 '--partitions 0: expected a number' topic create draft --partitions 0
expect 2 'did you mean --partitions' topic create draft --partition 1
expect 0 '^orders +3 +3 +0' topic list
expect 0 '"schema": "ostraka.topic.list/1"' topic list --json
json "[t['name'] for t in d['data']] == ['orders']"
expect 0 'retention.ms +3600000 +topic' topic describe orders
expect 0 'segment.bytes' topic describe orders --all
expect 0 '' topic describe orders --json
json "len(d['data']) == 3 and all(len(p['replicas']) == 3 for p in d['data'])"
expect 3 'did you mean orders' topic describe order
expect 0 'altered' topic alter orders --set retention.bytes=1000000000 \
    --unset retention.ms
expect 0 'retention.bytes +1000000000 +topic' topic describe orders
grep -q 'retention.ms' "$work/out" && fail "retention.ms is still set"
expect 2 'INVALID_CONFIG' topic alter orders --set nonsense=1
expect 2 'give --set' topic alter orders
expect 0 'grown' topic add-partitions orders --to 4
expect 2 'INVALID_PARTITIONS' topic add-partitions orders --to 2
expect 2 'give --to' topic add-partitions orders
expect 4 'give --yes' topic delete orders
expect 3 'nope +error +UNKNOWN_TOPIC' topic delete nope --yes
expect 0 '' topic create one -p 1
expect 0 'one +deleted' topic delete one --yes
expect 3 'no topic one' topic describe one

# ---- records ----------------------------------------------------------------

seq 1 1000 | "$ostraka" produce orders --json >"$work/out" || fail "produce"
json "d['data'][0]['acknowledged'] == 1000"
same "$("$ostraka" consume orders | sort -n | tr '\n' ' ')" \
    "$(seq 1 1000 | tr '\n' ' ')" "what was read back"

expect 0 '' topic create keyed -p 1
printf 'h=1,g=x\tk1:v1\n\tk2:v:2\n\tk3:\n' |
    "$ostraka" produce keyed -K : -H --header who=me -Z >"$work/out" ||
    fail "produce with keys"
same "$("$ostraka" consume keyed -K '|' -H | tr '\n' ';')" \
    'who=me,h=1,g=x	k1|v1;who=me	k2|v:2;who=me	k3|;' "keys and headers"
for codec in gzip snappy lz4 zstd; do
    head -c 3000 /dev/zero | tr '\0' 'a' |
        "$ostraka" produce keyed -p 0 -z $codec >"$work/out" ||
        fail "produce with $codec"
done
same "$("$ostraka" consume keyed --format '%o %K %S %t/%p\n' | tail -n 5 |
    tr '\n' ';')" '2 2 -1 keyed/0;3 -1 3000 keyed/0;4 -1 3000 keyed/0;'"\
5 -1 3000 keyed/0;6 -1 3000 keyed/0;" 'format'
same "$("$ostraka" consume keyed -o 1:3 --format '%o ')" '1 2 ' 'from 1 to 3'
same "$("$ostraka" consume keyed -o -2 --format '%o ')" '5 6 ' 'the last two'
same "$("$ostraka" consume keyed -o +5 --format '%o ')" '5 6 ' 'from 5 on'
same "$("$ostraka" consume keyed -o @-1h -n 2 --format '%o ')" '0 1 ' 'by time'
same "$("$ostraka" consume keyed -o :@-1h --format '%o ')" '' 'all too young'
same "$("$ostraka" consume keyed -o end --format '%o ')" '' 'the end'
"$ostraka" consume keyed -n 1 --json >"$work/out" || fail "consume --json"
json "d['key'] == 'k1' and d['headers'][1] == {'key': 'h', 'value': '1'}"
"$ostraka" consume keyed -f -o end -n 1 >"$work/follow" &
follow=$!
while kill -0 $follow 2>/dev/null && [ ! -s "$work/follow" ]; do
    echo more | "$ostraka" produce keyed >"$work/out" || fail "produce"
done
wait $follow || fail "consume --follow"
same "$(cat "$work/follow")" more 'what was followed'

# More than a segment, so that there are files to look at in the end.
expect 0 '' topic create bulk -p 1 --set segment.bytes=1048576
seq 1 400000 | "$ostraka" produce bulk >"$work/out" || fail "produce a lot"
# What nobody answered is not called acknowledged.
for how in '--acks 0' '--idempotent off -X acks=0'; do
    # shellcheck disable=SC2086 # a word list
    echo 400001 | "$ostraka" produce bulk $how --json >"$work/out" ||
        fail "produce $how"
    json "d['data'][0]['acknowledged'] == 0 and d['data'][0]['unknown'] == 1"
done

expect 3 'no topic nope' produce nope
expect 3 'partitions 0 to 3' produce orders -p 4
expect 2 '0, 1 or all' produce orders --acks 2
expect 2 'needs --acks all' produce orders --acks 1 --idempotent on
expect 2 'compression.codec' produce orders --codec foo
expect 3 'no topic nope' consume nope
expect 2 'expected start' consume orders -o nowhere
expect 2 'is not one of' consume orders --format '%q'
expect 0 'starting at' consume keyed -o 1000
echo x | "$ostraka" produce keyed -K : >"$work/out" 2>"$work/err"
same $? 2 'a line without its separator'
grep -q 'line 1: no separator' "$work/err" || fail "which line it is"

# Every replica has the same. A follower learns how far it may serve a moment
# after the leader.
"$ostraka" consume keyed --format '%o %k %v\n' >"$work/leader"
for node in 1 2 3; do
    tries=100
    until "$ostraka" consume keyed --replica $node --format '%o %k %v\n' \
        >"$work/replica" && cmp -s "$work/leader" "$work/replica"; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || fail "node $node has other records"
    done
done
expect 3 'node 9 holds no replica' consume keyed --replica 9

# What a load measures is there.
expect 3 'topic nope: ' bench consume --topic nope
expect 0 '"records":[1-9]' bench consume --topic keyed --json

# ---- the cluster ------------------------------------------------------------

tries=100
until "$ostraka" cluster status >"$work/out" 2>&1; do
    tries=$((tries - 1))
    [ $tries -gt 0 ] || {
        cat "$work/out"
        fail "the cluster does not become well"
    }
done
expect 0 'HEALTH +well' cluster status
expect 0 'LEADER +[123]' partition describe keyed/0
expect 0 '' partition describe keyed/0 --json
json "len(d['data']) == 3 and d['leader'] in (1, 2, 3) and d['commit'] > 0"
json "all(r['lag'] == d['data'][0]['lag'] for r in d['data'])"

# One number says that the replicas' logs are the same; another log has another.
chains()
{
    sh "$OSTRAKA_SRC/test/integration/chains.sh" "$@"
}
[ "$(chains "$ostraka" keyed)" = 3 ] || fail "the replicas of keyed differ"
cat >"$work/other" <<END
#!/bin/sh
"$ostraka" "\$@" |
    awk '/"chain":/ && ++n == 2 { sub(/: *"./, ": \"x") } { print }'
END
chmod +x "$work/other"
chains "$work/other" keyed >"$work/out"
same $? 12 'another chain on one replica'
expect 0 'GROUP +1' partition describe @meta
expect 3 'partitions 0 to 0' partition describe keyed/1
expect 3 'did you mean keyed' partition describe keyd/0
expect 2 'expected TOPIC/PARTITION' partition describe keyed
expect 6 'nothing was sent' topic list --bootstrap 127.0.0.1:1
expect 2 'expected HOST:PORT' topic list --bootstrap nonsense

# A record that was sent, and the majority is gone: nobody knows.
mkfifo "$work/lines" || exit 1
"$ostraka" produce keyed --timeout 3000 <"$work/lines" >"$work/out" \
    2>"$work/err" &
producer=$!
exec 9>"$work/lines"
echo before >&9
tries=200
until "$ostraka" consume keyed -o -1 | grep -q before; do
    tries=$((tries - 1))
    [ $tries -gt 0 ] || fail "the first line is not there"
done
leader=$("$ostraka" partition describe keyed/0 | awk '/^LEADER/ {print $2}')
for node in 1 2 3; do
    [ $node = "$leader" ] || node_kill $node --signal STOP
done
echo unanswered >&9
exec 9>&-
wait $producer
same $? 7 'a record without an answer'
grep -q 'they may be there' "$work/err" || fail "what exit code 7 means"
for node in 1 2 3; do
    [ $node = "$leader" ] || node_kill $node --signal CONT
done
tries=200
until "$ostraka" cluster status >"$work/out" 2>&1; do
    tries=$((tries - 1))
    [ $tries -gt 0 ] || fail "the cluster does not become well again"
done

node_kill 3
expect 10 'node 3 .*does not answer' cluster status
expect 10 '' cluster status --json
json "not d['healthy'] and any('node 3' in r for r in d['reasons'])"
tries=100
until "$ostraka" partition describe keyed/0 >"$work/out" 2>&1; do
    tries=$((tries - 1)) # node 3 may have led it
    [ $tries -gt 0 ] || {
        cat "$work/out"
        fail "keyed/0 gets no leader with two of three nodes"
    }
done
expect 0 '3 +voter +no answer' partition describe keyed/0

# The partitions of the topics, and the shards of consumer groups once somebody
# has asked for one (the consumers above may have, or not).
partitions=$("$ostraka" topic list --json |
    sed -n 's/.*"partitions": \([0-9]*\).*/\1/p' | awk '{ n += $1 } END { print n }')
[ "${partitions:-0}" -ge 6 ] || fail "topic list names $partitions partitions"
"$ostraka" partition describe @groups/0 >/dev/null 2>&1
[ $? -eq 3 ] || partitions=$((partitions + 16))

# Without a majority the settings are not known, but where the partitions are is.
node_kill 2
expect 6 'settings: not known' topic describe keyed
grep -q '^PARTITION' "$work/out" || fail "topic describe tells of no partitions"
expect 6 '' topic describe keyed --json
json "d['configs'] is None and len(d['data']) > 0"

# Nor does a load wait for a leader for ever, or call that a measurement.
expect 6 'bench consume: ' bench consume --topic keyed --timeout 2000

# ---- files ------------------------------------------------------------------

dev down >/dev/null || fail "dev down"
cp -R "$dir/n1" "$work/n1" || exit 1
ring=$work/n1/journal/00000001.j
expect 0 'append' dump "$ring" --records
grep -q 'records' "$work/out" || fail "no record batch in the journal"
expect 0 '"frames_damaged": 0' dump "$ring" --json
json "d['frames_ok'] == len([f for f in d['data'] if f['state'] == 'ok']) > 9"
cp "$ring" "$work/whole.j"
at=$(python3 -c "import json
d = json.load(open('$work/out'))
print(d['data'][len(d['data']) // 2]['offset'] + 200)" 2>/dev/null)
if [ -z "$at" ]; then
    echo "not checked, there is no python3: dump of a damaged journal file"
else
    printf 'X' | dd of="$ring" bs=1 seek="$at" conv=notrunc 2>/dev/null
    expect 1 'damaged' dump "$ring"
fi
for n in 0 1; do
    expect 0 'TAIL' dump "$work/n1/journal/checkpoint.$n"
done
expect 0 'keyed' dump "$work/n1/meta/meta.db" --table topics
expect 0 "partitions +$partitions( |\$)" dump "$work/n1/meta/meta.db"
expect 3 'no table x' dump "$work/n1/meta/meta.db" --table x
for file in "$work"/n1/p/*/*.idx; do
    [ ! -f "$file" ] || expect 0 'POSITION' dump "$file"
done
segments=0
for file in "$work"/n1/p/*/*.seg; do
    [ -f "$file" ] || continue
    expect 0 'OFFSET' dump "$file"
    printf 'X' | dd of="$file" bs=1 seek=61 conv=notrunc 2>/dev/null
    expect 1 'checksum' dump "$file"
    segments=$((segments + 1))
done
[ "$segments" -gt 0 ] || fail "node 1 has no segment"
expect 2 'neither a journal file' dump "$work/n1/ostrakad.properties"
expect 2 'a directory' dump "$work/n1"
expect 3 'No such file' dump "$work/nothing"
cmp -s "$work/whole.j" "$dir/n1/journal/00000001.j" ||
    fail "the journal file was changed"
