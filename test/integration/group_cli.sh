#!/bin/sh
# group_cli.sh - ostraka group, and consume --group, against three nodes: real
# groups, what is told of them, resets of each kind shown and done, undo, what
# is refused while somebody reads, deletion, and that a coordinator may die.
set -u
# shellcheck source=test/integration/cluster.sh
. "$OSTRAKA_SRC/test/integration/cluster.sh"

# expect CODE WORDS COMMAND...: as in cli.sh.
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

# offset GROUP TOPIC PARTITION: what is committed, "-" for nothing.
offset()
{
    "$ostraka" group describe "$1" >"$work/out" 2>"$work/err" ||
        fail "group describe $1: $(cat "$work/err")"
    awk -v t="$2" -v p="$3" '$1 == t && $2 == p { found = $3 }
        END { print found == "" ? "-" : found }' "$work/out"
}

# at GROUP TOPIC PARTITION OFFSET
at()
{
    got=$(offset "$1" "$2" "$3")
    [ "$got" = "$4" ] || {
        cat "$work/out"
        fail "group $1 is at $got of $2/$3 instead of $4"
    }
}

is_at()
{
    [ "$(offset "$1" "$2" "$3")" = "$4" ]
}

# until_true LIMIT COMMAND...: at most LIMIT s.
until_true()
{
    tries=$(($1 * 10))
    shift
    until "$@"; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || fail "not within its time: $*"
        sleep 0.1
    done
}

has_members()
{
    "$ostraka" group members "$1" 2>/dev/null | grep -q "$2"
}

has_none()
{
    "$ostraka" group describe "$1" 2>/dev/null | grep -q '^STATE  *Empty'
}

reset()
{
    "$ostraka" group reset-offsets "$@" >"$work/out" 2>"$work/err" || {
        cat "$work/out" "$work/err"
        fail "group reset-offsets $*"
    }
}

test_begin
cluster_up --nodes 3 --set group.initial.rebalance.delay.ms=0

# ---- no groups yet ----------------------------------------------------------

expect 0 'No groups' group list
expect 3 'no group billing' group describe billing
expect 3 'no group billing' group members billing
expect 3 'GROUP_ID_NOT_FOUND' group history billing
expect 3 'no group billing' group undo billing
expect 2 'name groups, or give --all' group describe
expect 2 'name groups, or give --all-empty' group delete
expect 2 'expected one of classic' group list --type nonsense
expect 2 'expected one of Stable' group list --state Stabel
expect 0 'Examples:' group reset-offsets --help

# ---- a group of our own -----------------------------------------------------

expect 0 created topic create orders -p 2 -r 3
expect 0 created topic create pay -p 1 -r 3
seq 1 100 | "$ostraka" produce orders -p 0 >/dev/null || fail "produce"
seq 1 50 | "$ostraka" produce orders -p 1 >/dev/null || fail "produce"
seq 1 10 | "$ostraka" produce pay >/dev/null || fail "produce"

"$ostraka" consume orders --group billing >"$work/read" || fail "consume"
[ "$(wc -l <"$work/read")" -eq 150 ] || fail "not all 150 records were read"
at billing orders 0 100
at billing orders 1 50
"$ostraka" consume orders --group billing >"$work/read" || fail "consume"
[ ! -s "$work/read" ] || fail "records were read twice"
seq 1 20 | "$ostraka" produce orders -p 0 >/dev/null || fail "produce"
"$ostraka" consume orders --group billing -n 5 >"$work/read" || fail "consume"
[ "$(wc -l <"$work/read")" -eq 5 ] || fail "not 5 records"
at billing orders 0 105
expect 0 '^LAG +15' group describe billing
expect 0 '^orders +0 +105 +120 +15 ' group describe billing
expect 0 '"lag": 15' group describe billing --json
grep -q '"type": "classic"' "$work/out" || fail "no type: $(cat "$work/out")"
expect 3 'did you mean billing' group describe biling
# What could not be written was read by nobody, and is not committed.
"$ostraka" consume pay --group unheard >/dev/full 2>"$work/err"
[ $? -eq 1 ] || fail "consume to a full disk: $(cat "$work/err")"
grep -q 'standard output: ' "$work/err" ||
    fail "consume to a full disk says: $(cat "$work/err")"
"$ostraka" consume pay --group unheard >"$work/read" || fail "consume"
[ "$(wc -l <"$work/read")" -eq 10 ] || fail "records that nobody saw are lost"
expect 0 'unheard +deleted' group delete unheard --yes
expect 2 '--group and --offset' consume orders --group billing --offset start
expect 0 'billing +Empty +classic +consumer' group list --state empty
expect 0 'billing' group list --type CLASSIC --json
expect 0 '^GROUP' group list --state Stable
grep -q billing "$work/out" && fail "--state lets all through"
expect 0 'has no members' group members billing

# ---- while somebody reads ---------------------------------------------------

"$ostraka" consume orders --group live --follow \
    -X auto.commit.interval.ms=100 >"$work/live" 2>&1 &
load_pid=$!
until_true 20 has_members live orders/0-1
until_true 10 is_at live orders 1 50
expect 0 'STATE +Stable' group describe live
expect 0 'ASSIGNOR +range' group describe live
expect 0 'COORDINATOR +[123] \(127.0.0.1:' group describe live
expect 0 '"assigned": \[' group members live --json
expect 0 '/127.0.0.1 +2 +orders/0-1' group members live
expect 4 'is Stable and has 1 member, as .*stop them first' \
    group reset-offsets live --topic orders --to-earliest --execute
expect 0 'refused until then' \
    group reset-offsets live --topic orders --to-earliest
expect 1 'billing +deleted' group delete live billing --yes
grep -Eq 'live +error +NON_EMPTY_GROUP' "$work/out" || fail "a live group goes"
expect 4 'GROUP_SUBSCRIBED_TO_TOPIC|read there' \
    group delete-offsets live --all-topics --yes
expect 0 'live +Stable' group list
kill -TERM "$load_pid"
wait "$load_pid"
[ $? -eq 143 ] || fail "a consumer that is told to end says it otherwise"
load_pid=
# It left by itself: nobody waits for its session to run out.
until_true 5 has_none live
at live orders 0 120

# ---- members that no consumer is --------------------------------------------

# stranger GROUP TYPE ASSIGNMENT: a member whose leader, itself, assigns those
# bytes. Its session outlives the test.
cat >"$work/stranger.py" <<'PYTHON'
import socket, struct, sys, time

bootstrap, group, kind, assignment = sys.argv[1:]

def text(s):
    return struct.pack(">h", len(s)) + s.encode()

def blob(s):
    return struct.pack(">i", len(s)) + s.encode()

def call(where, key, body):
    head = struct.pack(">hhi", key, 0, 7) + text("stranger")
    where.sendall(struct.pack(">i", len(head + body)) + head + body)
    size = struct.unpack(">i", where.recv(4, socket.MSG_WAITALL))[0]
    return where.recv(size, socket.MSG_WAITALL)[4:]

def take(answer):
    n = struct.unpack(">h", answer[:2])[0]
    return answer[2:2 + n].decode(), answer[2 + n:]

def connect(address):
    host, port = address.rsplit(":", 1)
    return socket.create_connection((host, int(port)))

for _ in range(100):
    answer = call(connect(bootstrap.split(",")[0]), 10, text(group))
    error, node = struct.unpack(">hi", answer[:6])
    if error == 0:
        host, rest = take(answer[6:])
        where = connect("%s:%d" % (host, struct.unpack(">i", rest[:4])[0]))
        answer = call(where, 11, text(group) + struct.pack(">i", 300000) +
                      text("") + text(kind) + struct.pack(">i", 1) +
                      text("odd") + blob("x"))
        error, generation = struct.unpack(">hi", answer[:6])
        if error == 0:
            break
    time.sleep(0.1)
else:
    sys.exit("no coordinator: %d" % error)
protocol, rest = take(answer[6:])
leader, rest = take(rest)
member, rest = take(rest)
answer = call(where, 14, text(group) + struct.pack(">i", generation) +
              text(member) + struct.pack(">i", 1) + text(member) +
              blob(assignment))
if struct.unpack(">h", answer[:2])[0] != 0:
    sys.exit("not synced")
print("ready", flush=True)
time.sleep(60)
PYTHON
stranger()
{
    rm -f "$work/stranger" # an earlier one's
    python3 "$work/stranger.py" "$OSTRAKA_BOOTSTRAP" "$@" \
        >"$work/stranger" 2>&1 &
    load_pid=$!
    until_true 20 grep -qs ready "$work/stranger"
}

stranger_ends()
{
    kill "$load_pid"
    wait "$load_pid"
    load_pid=
}

if command -v python3 >/dev/null; then
    stranger odd consumer 'no list of partitions'
    expect 0 'stranger +/127.0.0.1 +- +unreadable, 21 bytes' group members odd
    expect 0 '"unreadable": true' group members odd --json
    expect 0 'ASSIGNOR +odd' group describe odd
    stranger_ends
    stranger worker connect 'tasks'
    expect 0 'unreadable, 5 bytes' group members worker
    expect 0 'PROTOCOL +connect' group describe worker
    stranger_ends
else
    echo "not checked, there is no python3: members that no consumer is"
fi

# ---- resets: shown, then done -----------------------------------------------

expect 0 'orders +0 +120 +0 +-120 +0 +120' \
    group reset-offsets live --topic orders --to-earliest
grep -q -e '--execute does it' "$work/err" || fail "a dry run does not say so"
at live orders 0 120
reset live --topic orders --to-earliest --execute
at live orders 0 0
at live orders 1 0
reset live --topic orders:0 --to-offset 70 --execute
at live orders 0 70
at live orders 1 0
expect 0 "clamped to the log's end from 999" \
    group reset-offsets live --topic orders:0 --to-offset 999
reset live --topic orders:0 --shift-by -20 --execute
at live orders 0 50
reset live --topic orders:0,1 --to-latest --execute
at live orders 0 120
at live orders 1 50
reset live --topic orders:0 --to-datetime 2020-01-01T00:00:00+02:00 --execute
at live orders 0 0
expect 0 'no record is that young' \
    group reset-offsets live --topic orders:0 --by-duration PT0S
reset live --topic orders:0 --by-duration P7D --execute
at live orders 0 0
# What was there, as a file, and back.
reset live --all-topics --to-current --export "$work/before.csv"
grep -qx 'orders,0,0' "$work/before.csv" || fail "the file: $(cat "$work/before.csv")"
reset live --all-topics --shift-by 7 --execute
at live orders 0 7
reset live --from-file "$work/before.csv" --execute
at live orders 0 0
at live orders 1 50
# A group that is made by it, and where another is.
reset twin --to-group live --all-topics --execute
grep -q 'it is made by this' "$work/err" || fail "a new group is not said"
at twin orders 1 50
reset live --topic pay --to-latest --execute --json
grep -q '"executed": true' "$work/out" || fail "--json: $(cat "$work/out")"
at live pay 0 10

# Several at once, and all; one that is not there is no reason to be silent.
expect 0 '^GROUP +twin' group describe live twin
grep -Eq '^GROUP +live' "$work/out" || fail "one of two groups is missing"
expect 0 '^GROUP +twin' group describe --all
expect 1 'no group twni; did you mean twin' group describe live twni
grep -Eq '^GROUP +live' "$work/out" || fail "a missing group hides another"

# What cannot be.
printf 'orders,0,1\norders,zero,1\n' >"$work/bad.csv"
expect 2 'bad.csv:2: .*expected TOPIC,PARTITION,OFFSET' \
    group reset-offsets live --from-file "$work/bad.csv" --execute
printf 'orders,7,1\n' >"$work/bad.csv"
expect 3 'no partition 7' group reset-offsets live --from-file "$work/bad.csv"
expect 2 'No such file' group reset-offsets live --from-file "$work/none.csv"
expect 3 'no topic order; did you mean orders' \
    group reset-offsets live --topic order --to-latest
expect 2 'expected TOPIC, or' group reset-offsets live --topic orders:x --to-latest
expect 2 'give --topic' group reset-offsets live --to-latest
expect 2 'say where to' group reset-offsets live --topic orders
expect 2 'give one of them' \
    group reset-offsets live --topic orders --to-latest --to-earliest
expect 2 'give one of them' \
    group reset-offsets live --topic orders --to-latest --execute --dry-run
expect 2 'expected a duration' \
    group reset-offsets live --topic orders --by-duration 7d
expect 2 'expected a moment' \
    group reset-offsets live --topic orders --to-datetime yesterday
expect 3 'no group nobody' \
    group reset-offsets live --all-topics --to-group nobody
expect 1 'no offset to shift.*|cannot be reset' \
    group reset-offsets twin --topic pay --shift-by 1 --execute
at twin pay 0 -

# ---- history and undo -------------------------------------------------------

expect 0 'orders +0 +[0-9]+ +120 +yes +ostraka' group history live --topic orders:0
expect 0 '"reset": true' group history live --resets --limit 1 --json
reset live --topic orders --to-offset 30 --execute
at live orders 0 30
at live orders 1 30
expect 0 'orders +1 +30 +50 +20' group undo live
at live orders 1 30
expect 0 '2 of 2 offsets were changed' group undo live --execute
at live orders 0 0
at live orders 1 50
at live pay 0 10
expect 0 '2 of 2' group undo live --execute
at live orders 1 30
# Who has read on since is not put back.
reset live --topic orders:1 --to-offset 40 --execute
"$ostraka" consume orders --group live >"$work/read" || fail "consume"
at live orders 1 50
expect 4 'changed since' group undo live
expect 4 'changed since' group undo live --execute
at live orders 1 50
reset live --topic orders --to-offset 30 --execute
# Of a group that a reset made nothing stays.
expect 0 'had none before' group undo twin --execute
at twin orders 1 -
expect 3 'has no reset' group undo twin

# What a consumer commits by itself is no reset, though it looks like one.
expect 0 'CLIENT' group undo live --help
expect 3 'has no reset' group undo live --by nobody
expect 0 'last reset was at .* by ostraka' group undo live --by ostraka

# ---- the coordinator dies ---------------------------------------------------

node=$("$ostraka" group list | awk '$1 == "live" { print $5 }')
node_kill "$node"
# Nothing is missing in a list without it: others lead all shards.
expect 0 '^live +Empty' group list
expect 0 'orders +0 +30 ' group describe live
reset live --topic pay --to-earliest --execute
at live pay 0 0
expect 0 '1 of 1' group undo live --execute
at live pay 0 10
node_start "$node"

# ---- the end of it ----------------------------------------------------------

expect 4 'give --yes' group delete live
expect 4 'give --yes' group delete-offsets live --all-topics
expect 0 'pay +0 +10 +deleted' group delete-offsets live --topic pay --yes
at live pay 0 -
expect 3 'no committed offsets there' \
    group delete-offsets live --topic pay --yes
expect 3 'nobody +error +GROUP_ID_NOT_FOUND' group delete nobody --yes
expect 0 'live +deleted' group delete --all-empty --yes
grep -q odd "$work/out" && fail "a group with a member was deleted"
expect 0 'No group is empty' group delete --all-empty --yes
expect 3 'no group live' group describe live
echo "ostraka group does what it says"
