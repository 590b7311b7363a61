#!/bin/sh
# dev.sh - the development cluster as scripts use it, and what ostrakad says
# of bad settings, of directories that are not its own, and of a second daemon.
# Runs in a build directory (OSTRAKA_BUILD or the working directory).
set -u

build=${OSTRAKA_BUILD:-$PWD}
ostraka=$build/src/cli/ostraka
ostrakad=$build/src/server/ostrakad
export OSTRAKAD="$ostrakad"
here=$(mktemp -d "$build/dev.XXXXXX") || exit 1
dir=$here/cluster
failures=0

# shellcheck disable=SC2317 # called by the trap
finish()
{
    code=$?
    "$ostraka" dev down --dir "$dir" --wipe >/dev/null 2>&1
    "$ostraka" dev down --dir "$here/other" --wipe >/dev/null 2>&1
    rm -rf "$here"
    exit $code
}
trap finish EXIT
trap 'exit 1' HUP INT TERM

# expect WHAT CODE WORDS -- COMMAND...: its exit code, and words (an extended
# regular expression) of what it says on both outputs; "" for any.
expect()
{
    what=$1
    code=$2
    words=$3
    shift 4
    case $1 in
    dev)
        verb=$2
        shift 2
        set -- "$ostraka" dev "$verb" --dir "$dir" "$@"
        ;;
    esac
    timeout 60 "$@" >"$here/out" 2>&1 </dev/null
    got=$?
    if [ "$got" -ne "$code" ]; then
        echo "$what: exit $got, not $code:"
        tail -n 20 "$here/out"
        failures=$((failures + 1))
    elif [ -n "$words" ] && ! grep -Eq -e "$words" "$here/out"; then
        echo "$what: does not say \"$words\":"
        tail -n 20 "$here/out"
        failures=$((failures + 1))
    fi
}

# state N: what `dev status --json` says of node N.
state()
{
    "$ostraka" dev status --dir "$dir" --json |
        sed -n "/\"node\": $1,/,/}/s/.*\"state\": \"\\([a-z]*\\)\".*/\\1/p"
}

expect_state()
{
    got=$(state "$1")
    if [ "$got" != "$2" ]; then
        echo "node $1 is $got, not $2"
        failures=$((failures + 1))
    fi
}

dev()
{
    verb=$1
    shift
    "$ostraka" dev "$verb" --dir "$dir" "$@"
}

# Eight ports in a row that nobody uses now.
base=$((12000 + $$ % 1500 * 8))

# ---- the life of a cluster --------------------------------------------------

expect 'status of nothing' 3 'no cluster here' -- dev status
expect 'up with a bad setting' 2 'unknown setting; did you mean' -- \
    dev up --set journal.bytes.mx=1GiB
expect 'a bad setting writes nothing' 3 'no cluster here' -- dev status

i=0
until dev up --nodes 3 --base-port $base --set log.level=debug \
    >"$here/bootstrap" 2>"$here/err"; do
    i=$((i + 1))
    if [ $i -gt 20 ] || ! grep -q 'is in use' "$here/err"; then
        cat "$here/err"
        echo "up: failed"
        exit 1
    fi
    base=$((base + 8))
done
want="127.0.0.1:$base,127.0.0.1:$((base + 1)),127.0.0.1:$((base + 2))"
if [ "$(cat "$here/bootstrap")" != "$want" ]; then
    echo "up printed $(cat "$here/bootstrap"), not $want"
    failures=$((failures + 1))
fi
for n in 1 2 3; do
    expect_state $n serving
    for file in ostrakad.pid ostrakad.properties ostrakad.log; do
        [ -f "$dir/n$n/$file" ] || {
            echo "no $dir/n$n/$file"
            failures=$((failures + 1))
        }
    done
done
expect 'the setting is in the file' 0 '^log.level=debug$' -- \
    cat "$dir/n2/ostrakad.properties"

# Two at once make and start one cluster, and know all of its nodes.
for k in 1 2; do
    "$ostraka" dev up --nodes 1 --dir "$here/other" >"$here/up.$k" 2>&1 &
    eval "up_$k=$!"
done
for k in 1 2; do
    eval "wait \$up_$k" || {
        echo "up, twice at once: $(cat "$here/up.$k")"
        failures=$((failures + 1))
    }
done
if ! cmp -s "$here/up.1" "$here/up.2"; then
    echo "up, twice at once: $(cat "$here/up.1" "$here/up.2")"
    failures=$((failures + 1))
fi
expect 'status of it' 0 '"state": "serving"' -- \
    "$ostraka" dev status --dir "$here/other" --json
expect 'down of it' 0 '' -- "$ostraka" dev down --dir "$here/other" --wipe

unset OSTRAKA_BOOTSTRAP OSTRAKA_PIDS OSTRAKA_DIR
eval "$(dev env)"
if [ "${OSTRAKA_BOOTSTRAP:-}" != "$want" ] || [ "${OSTRAKA_DIR:-}" != "$dir" ]; then
    echo "env: OSTRAKA_BOOTSTRAP=${OSTRAKA_BOOTSTRAP:-}" \
        "OSTRAKA_DIR=${OSTRAKA_DIR:-}"
    failures=$((failures + 1))
fi
# shellcheck disable=SC2086 # a list of words
set -- ${OSTRAKA_PIDS:-}
if [ $# -ne 3 ] || ! kill -0 "$@"; then
    echo "env: OSTRAKA_PIDS=${OSTRAKA_PIDS:-} are not three processes"
    failures=$((failures + 1))
fi

expect 'up of what is up' 0 "$want" -- dev up
expect 'up as JSON' 0 "\"bootstrap\": \"$want\"" -- dev up --json
if [ "$(grep -c '"state": "serving"' "$here/out")" -ne 3 ] ||
    [ "$(grep -c '"pid": [1-9]' "$here/out")" -ne 3 ]; then
    echo "up as JSON: not three nodes with a pid that serve:"
    cat "$here/out"
    failures=$((failures + 1))
fi
expect 'env as JSON' 0 '"schema": "ostraka.dev.status/1"' -- dev env --json
expect 'another number of nodes' 4 'holds a cluster of 3 nodes' -- \
    dev up --nodes 5
expect 'another port' 4 'holds a cluster on port' -- dev up --base-port 9

expect 'a setting for nodes that run' 0 'when they are started again' -- \
    dev up --set log.level=debug

expect 'kill -9' 0 '"state": "down"' -- dev kill 2 --json
expect_state 2 down
expect 'kill of a dead node' 3 'does not run' -- dev kill 2
expect 'start' 0 '"dir": ' -- dev start 2 --json
expect_state 2 serving
expect 'stop' 0 '' -- dev kill 3 --signal STOP
expect_state 3 stopped
expect 'continue' 0 '' -- dev kill 3 --signal SIGCONT
expect_state 3 serving
expect 'stop once more' 0 '' -- dev kill 3 --signal STOP
expect 'start of a stopped one' 0 '' -- dev start 3 --timeout 20000
expect_state 3 serving
expect 'stop again' 0 '' -- dev kill 3 --signal STOP
expect 'kill -9 of a stopped node' 0 '' -- dev kill 3 --signal 9
expect_state 3 down
expect 'start at once' 0 '' -- dev start 3
expect_state 3 serving
expect 'TERM' 0 '' -- dev kill 1 --signal TERM
expect 'its exit line' 0 'server exit code=0|server.exit code=0' -- \
    tail -n 5 "$dir/n1/ostrakad.log"
expect 'start after TERM' 0 '' -- dev start 1
expect 'no such node' 3 'no such node' -- dev kill 7
expect 'no such signal' 2 'no such signal' -- dev kill 1 --signal NINE
expect 'no such verb' 2 'did you mean "ostraka dev start"' -- \
    "$ostraka" dev strat 1

# A node whose number cannot be noted is not left running where nobody finds it.
dev kill 1
mkdir "$dir/n1/ostrakad.pid.tmp"
expect 'start without a pid file' 1 'ostrakad.pid' -- dev start 1
rmdir "$dir/n1/ostrakad.pid.tmp"
expect 'start with one' 0 '' -- dev start 1
expect_state 1 serving

# A pid file that names somebody else's process harms nobody.
dev kill 1
echo $$ >"$dir/n1/ostrakad.pid"
expect_state 1 down
expect 'no kill of a stranger' 3 'does not run' -- dev kill 1
expect 'start over it' 0 '' -- dev start 1

# ---- directories ------------------------------------------------------------

p1=$dir/n1/ostrakad.properties
expect 'a second daemon' 5 'in use|another ostrakad' -- "$ostrakad" -c "$p1"
# Its ports moved away, only the directory is shared.
sed -e "s|^listeners=.*|listeners=PLAINTEXT://127.0.0.1:$((base + 6))|" \
    "$p1" >"$here/second.properties"
expect 'a second daemon on the directory' 5 \
    'data.dir=.*another ostrakad is using it' -- \
    "$ostrakad" -c "$here/second.properties"
expect_state 1 serving

dev kill 3
p3=$dir/n3/ostrakad.properties
sed 's/^node.id=3/node.id=2/' "$p3" >"$here/wrong.properties"
expect 'a wrong node id' 4 'belongs to node 3, but node.id=2' -- \
    "$ostrakad" -c "$here/wrong.properties"
mkdir "$here/empty"
sed "s|^data.dir=.*|data.dir=$here/empty|" "$p3" >"$here/empty.properties"
expect 'an empty directory under a known id' 4 \
    'by another disk.*mount' -- \
    "$ostrakad" -c "$here/empty.properties"

"$ostraka" dev up --nodes 1 --dir "$here/other" >/dev/null 2>&1
"$ostraka" dev down --dir "$here/other" >/dev/null 2>&1
sed -e "s|^data.dir=.*|data.dir=$here/other/n1|" -e 's/^node.id=3/node.id=1/' \
    -e "s|^listeners=.*|listeners=PLAINTEXT://127.0.0.1:$((base + 6))|" \
    -e "s|^cluster.nodes=1@127.0.0.1:[0-9]*|cluster.nodes=1@127.0.0.1:$((base + 7))|" \
    "$p3" >"$here/foreign.properties"
expect 'a directory of another cluster' 4 'another cluster' -- \
    "$ostrakad" -c "$here/foreign.properties"
expect 'start of the right one' 0 '' -- dev start 3

# ---- settings ---------------------------------------------------------------

# bad TEXT WORDS: a file with this line is refused with file, line and key.
bad()
{
    printf '# a line\n%s\n' "$1" >"$here/bad.properties"
    expect "$1" 2 "bad.properties:2: .*$2" -- \
        "$ostrakad" --check-config -c "$here/bad.properties"
}
bad 'node.idd=1' 'node.idd: unknown setting; did you mean node.id'
bad 'node.id=zero' 'node.id'
bad 'journal.bytes.max=1KiB' 'journal.bytes.max.*must be'
bad 'zookeeper.connect=localhost:2181' 'there is no ZooKeeper'
bad 'retention.ms=5' 'topic setting.*log.retention.ms'
bad 'listeners=SSL://127.0.0.1:9092' 'PLAINTEXT is the only protocol'
expect 'a file that is not there' 2 'none.properties' -- \
    "$ostrakad" -c "$here/none.properties"
expect 'every address without a name' 2 'advertised.listeners' -- \
    "$ostrakad" --check-config -o listeners=PLAINTEXT://:9092
expect 'a good one' 0 'configuration is good' -- \
    "$ostrakad" --check-config -c "$p1"
expect 'print' 0 '^node.id=1$' -- "$ostrakad" --print-config -c "$p1"
expect 'explain' 0 'Testing only' -- "$ostrakad" --explain unsafe.no.flush
expect 'explain a slip' 2 'did you mean' -- "$ostrakad" --explain node.idd
expect 'an unknown option' 2 'no such option' -- "$ostrakad" --nope
expect 'help' 0 'Usage: ostrakad' -- "$ostrakad" --help
expect 'version' 0 '^ostrakad [0-9]' -- "$ostrakad" --version

# What only shows when it is tried.
expect 'a log file nobody can write' 2 "log.file: $here/no/log: .*standard" -- \
    "$ostrakad" -o log.file="$here/no/log" -o data.dir="$here/unused"
expect 'a directory nobody may make' 2 'data.dir=/sys/ostraka: .*chown' -- \
    "$ostrakad" -o data.dir=/sys/ostraka -o listeners=PLAINTEXT://127.0.0.1:0
if strace -o /dev/null -e inject=io_uring_setup:error=EPERM true 2>/dev/null; then
    expect 'io_uring where there is none' 2 'storage.io=io_uring: .*threads' -- \
        strace -f -o /dev/null -e inject=io_uring_setup:error=EPERM \
        "$ostrakad" -o storage.io=io_uring -o data.dir="$here/unused"
else
    echo "skipped: storage.io=io_uring where there is none (needs strace)"
fi
if [ -e "$here/unused" ]; then
    echo "a bad setting made a data directory"
    failures=$((failures + 1))
fi

# ---- down, and up again -----------------------------------------------------

expect 'proof' 0 'lost +0' -- dev proof --records 200
# One line for each election that names the partition.
cat "$dir"/n*/ostrakad.log | grep -o ' replica leader partition=[^ ]* term=[0-9]* end=[0-9]*' |
    sed 's/ end=.*//' | sort >"$here/elections"
if ! grep -q 'partition=proof-0 ' "$here/elections" ||
    [ -n "$(uniq -d "$here/elections")" ]; then
    echo "elections: not one line for each:"
    cat "$here/elections"
    failures=$((failures + 1))
fi
# The nodes hand over to each other and to the last, which does not wait.
began=$(date +%s)
expect 'down' 0 '' -- dev down
if [ $(($(date +%s) - began)) -ge 4 ]; then
    echo "down took $(($(date +%s) - began)) s"
    failures=$((failures + 1))
fi
for n in 1 2 3; do
    expect_state $n down
done
mv "$dir/n3" "$here/n3"
expect 'up with a node missing' 4 '2 of the cluster.s 3 nodes' -- dev up
mv "$here/n3" "$dir/n3"
expect 'up again' 0 "$want" -- dev up
expect 'the topic is still there' 0 'lost +0' -- dev proof --records 50
expect 'down and wipe' 0 '"pid": null' -- dev down --wipe --json
if [ -e "$dir" ]; then
    echo "wipe left $dir:"
    ls -a "$dir"
    failures=$((failures + 1))
fi

[ $failures -eq 0 ] || echo "$failures expectations failed"
[ $failures -eq 0 ]
