#!/bin/sh
# metrics.sh - what nodes serve over HTTP: what doc/METRICS.md says, counting
# what really happened; alive and ready as they are; and nothing else.
set -u
# shellcheck source=cluster.sh
. "$OSTRAKA_SRC/test/integration/cluster.sh"
command -v python3 >/dev/null || skip 'python3 is not here'
test_begin
cluster_up --nodes 3

# get N PATH [METHOD]: the answer of node N's admin listener into $work/answer,
# its code is printed; 000 if nobody listens.
get()
{
    python3 - "$dir/n$1/ostrakad.properties" "$2" "${3:-GET}" \
        "$work/answer" <<'END'
import http.client, sys
file, path, method, answer = sys.argv[1:]
at = [line for line in open(file) if line.startswith("admin.listener=")]
c = http.client.HTTPConnection(at[0].split("=", 1)[1].strip().replace("\\", ""),
                               timeout=30)
try:
    c.request(method, path)
    r = c.getresponse()
    open(answer, "wb").write(r.read())
    print(r.status)
except ConnectionError:
    print("000")
END
}

# expect WHAT CODE N PATH [METHOD]
expect()
{
    what=$1
    code=$2
    shift 2
    got=$(get "$@")
    [ "$got" = "$code" ] || fail "$what: $got, not $code: $(cat "$work/answer")"
}

# value NAME: of the last answer; a name with labels as it stands there.
value()
{
    grep -v "^#" "$work/answer" | grep -F -e "$1 " | sed 's/.* //'
}

# ---- the pages --------------------------------------------------------------

for n in 1 2 3; do
    expect "node $n is alive" 200 $n /healthz
    expect "node $n is ready" 200 $n /readyz
done
expect 'another page' 404 1 /
expect 'another method' 405 1 /metrics POST

# ---- what is served is what is documented ------------------------------------

# The shards of consumer groups are there once somebody has asked for a group.
tries=300
until [ "$(get 1 /metrics)" = 200 ] && value ostraka_group_shard_bytes'{shard="15"}' |
    grep -q .; do
    "$ostraka" group describe anybody >/dev/null 2>&1
    tries=$((tries - 1))
    [ $tries -gt 0 ] || fail 'no shards of consumer groups come'
    sleep 0.1
done
expect 'metrics' 200 1 /metrics
awk '/^# HELP /{ name = $3; sub(/^# HELP [^ ]* /, ""); help = $0 }
     /^# TYPE /{ print name "|" $4 "|" help }' "$work/answer" |
    sort >"$work/served"
sed -n 's/^| `\([a-z_]*\)` | \([a-z]*\) | [^|]*| \(.*\) |$/\1|\2|\3/p' \
    "$OSTRAKA_SRC/doc/METRICS.md" | grep -E '\|(counter|gauge|histogram)\|' |
    sort >"$work/documented"
diff "$work/documented" "$work/served" ||
    fail 'doc/METRICS.md (<) is not what a node serves (>)'
# No series twice, no line that is neither comment nor sample.
grep -v '^#' "$work/answer" | sed 's/ [^ ]*$//' | sort | uniq -d |
    grep . && fail 'a series is served twice'
grep -vE '^(# (HELP|TYPE) .*|[a-z_]+(\{[^}]*\})? [0-9.]+)$' "$work/answer" &&
    fail 'a line is no sample'

# ---- they count what happens --------------------------------------------------

"$ostraka" topic create counted --partitions 1 >/dev/null || fail 'create'
leader=$("$ostraka" topic describe counted --json |
    sed -n 's/.*"leader": \([0-9]*\).*/\1/p' | head -n 1)
expect 'metrics' 200 "$leader" /metrics
before=$(value 'ostraka_requests_total{api="Produce"}')
bytes=$(value ostraka_journal_written_bytes_total)
head -c 3000000 /dev/zero | tr '\0' 'x' | fold -w 1000 |
    "$ostraka" produce counted >/dev/null 2>&1 || fail 'produce'
expect 'metrics' 200 "$leader" /metrics
[ "$(value 'ostraka_requests_total{api="Produce"}')" -gt "$before" ] ||
    fail 'no Produce was counted'
[ "$(value ostraka_produce_seconds_count)" -gt 0 ] ||
    fail 'no time of a Produce was recorded'
[ "$(value ostraka_journal_written_bytes_total)" -gt "$bytes" ] ||
    fail 'the journal wrote nothing'
[ "$(value ostraka_journal_write_seconds_count)" -gt 0 ] ||
    fail 'no write of the journal was timed'
[ "$(value ostraka_replicas_led)" -ge 1 ] || fail 'it leads nothing'

# ---- another node's end shows; a stopped one does not answer -------------------

other=$((leader % 3 + 1))
node_kill $other
until [ "$(get "$leader" /metrics)" = 200 ] &&
    [ "$(value ostraka_peers_up)" = 1 ]; do
    sleep 0.2
done
[ "$(get $other /healthz)" = 000 ] || fail 'a dead node answers'
node_start $other
expect 'it is ready again' 200 $other /readyz

# A majority is gone: the last one is alive, and ready as long as it knows what
# it served; started anew it is alive, but not ready.
third=$((6 - leader - other))
node_kill $other
node_kill $third
node_kill "$leader"
"$OSTRAKA_BUILD/src/server/ostrakad" -c \
    "$dir/n$leader/ostrakad.properties" 2>"$work/alone.log" &
load_pid=$!
until [ "$(get "$leader" /healthz)" = 200 ]; do
    kill -0 $load_pid 2>/dev/null || fail "it ended: $(cat "$work/alone.log")"
    sleep 0.2
done
expect 'alone it is not ready' 503 "$leader" /readyz
expect 'but its metrics are there' 200 "$leader" /metrics
[ "$(value ostraka_serving)" = 0 ] || fail 'it says that it serves'
kill -9 $load_pid
wait $load_pid 2>/dev/null
load_pid=

# ---- a port that is taken ------------------------------------------------------

cluster_up
taken=$(sed -n 's/^admin.listener=//p' "$dir/n1/ostrakad.properties")
"$OSTRAKA_BUILD/src/server/ostrakad" -o node.id=1 \
    -o listeners=PLAINTEXT://127.0.0.1:0 -o data.dir="$work/other" \
    -o admin.listener="$taken" 2>"$work/taken.log"
code=$?
[ $code -eq 5 ] || fail "a taken port: exit $code"
grep -q "admin.listener: $taken: " "$work/taken.log" ||
    fail "a taken port: $(cat "$work/taken.log")"
echo 'metrics: as documented, counted, alive and ready told apart'
