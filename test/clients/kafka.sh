#!/bin/sh
# kafka.sh - the other way round: ostraka's own tool against Apache Kafka, one
# node of it. Topics, records, groups, resets of each kind, what is refused
# while a member is there, and what only Ostraka has. The jars are those of
# contrib/bench/compare: OSTRAKA_KAFKA_JARS, or fetched through Maven.
# shellcheck disable=SC2317 # functions are called through check
set -u
# shellcheck source=test/clients/common.sh
. "$OSTRAKA_SRC/test/clients/common.sh"
# shellcheck source=test/clients/clients.sh
. "$OSTRAKA_SRC/test/clients/clients.sh"
needs java
test_begin
jars=${OSTRAKA_KAFKA_JARS:-$clients_cache/kafka/jars}
set -- "$jars"/kafka_2.13-*.jar
if [ ! -e "$1" ]; then
    needs mvn
    mkdir -p "$clients_cache/kafka"
    cp "$OSTRAKA_SRC/contrib/bench/kafka/pom.xml" "$clients_cache/kafka/"
    fetched "Apache Kafka" mvn -q -B -f "$clients_cache/kafka/pom.xml" \
        dependency:copy-dependencies "-DoutputDirectory=$jars"
fi

# ---- a node of Kafka --------------------------------------------------------

port=$((24000 + $$ % 1000 * 2))
kafka=
{
    echo "process.roles=broker,controller"
    echo "node.id=1"
    echo "controller.quorum.voters=1@127.0.0.1:$((port + 1))"
    echo "listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$((port + 1))"
    echo "advertised.listeners=PLAINTEXT://127.0.0.1:$port"
    echo "controller.listener.names=CONTROLLER"
    echo "log.dirs=$work/kafka"
    echo "offsets.topic.replication.factor=1"
    echo "offsets.topic.num.partitions=3"
    echo "group.initial.rebalance.delay.ms=0"
} >"$work/kafka.properties"
kafka_run()
{
    exec java -Xms256m -Xmx256m -XX:TieredStopAtLevel=1 "-Dbench.log=$work/kafka.log" \
        "-Dlog4j2.configurationFile=$OSTRAKA_SRC/contrib/bench/kafka/log4j2.xml" \
        -cp "$jars/*" "$@"
}
# shellcheck disable=SC2317 # called by the trap
kafka_end()
{
    status=$?
    [ -z "$kafka" ] || {
        kill -9 "$kafka"
        wait "$kafka" 2>/dev/null
    }
    (exit "$status")
    test_end
}
trap kafka_end EXIT
(kafka_run kafka.tools.StorageTool format -t MkU3OEVBNTcwNTJENDM2Qg \
    -c "$work/kafka.properties") >"$work/format.out" 2>&1 || {
    tail -n 5 "$work/format.out"
    fail "Kafka does not format its directory"
}
(kafka_run kafka.Kafka "$work/kafka.properties") >"$work/kafka.out" 2>&1 &
kafka=$!
OSTRAKA_BOOTSTRAP=127.0.0.1:$port
export OSTRAKA_BOOTSTRAP
tries=300
until "$ostraka" topic list >"$work/out" 2>&1; do
    kill -0 "$kafka" 2>/dev/null || {
        tail -n 5 "$work/kafka.out"
        fail "Kafka ended"
    }
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || fail "Kafka does not serve: $(cat "$work/out")"
    sleep 0.2
done
echo "with Apache Kafka $(basename "$jars"/kafka_2.13-*.jar .jar)"

# ---- what is tried ----------------------------------------------------------

# says CODE WORDS COMMAND...: exit code, and words of what the tool says.
says()
{
    code=$1
    words=$2
    shift 2
    "$ostraka" "$@" >"$work/said" 2>&1 </dev/null
    got=$?
    cat "$work/said"
    [ "$got" -eq "$code" ] && grep -Eq -e "$words" "$work/said"
}

# at GROUP TOPIC PARTITION OFFSET: what is committed.
at()
{
    says 0 "^$2 +$3 +$4 " group describe "$1"
}

until_says()
{
    tries=150
    until says "$@" >"$work/until.out"; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || {
            cat "$work/until.out"
            return 1
        }
        sleep 0.2
    done
}

topics_try()
{
    says 0 'orders +created +2' topic create orders -p 2 -r 1 \
        --set retention.ms=3600000 &&
        says 0 '^orders +2 +1 ' topic list &&
        says 0 'retention.ms +3600000' topic describe orders &&
        says 0 'altered' topic alter orders --set retention.bytes=1000000 &&
        says 0 'grown' topic add-partitions orders --to 3 &&
        says 1 'TOPIC_ALREADY_EXISTS' topic create orders
}
records_try()
{
    seq 1 100 | "$ostraka" produce orders -p 0 &&
        seq 101 150 | "$ostraka" produce orders -p 1 -z zstd &&
        "$ostraka" consume orders >"$work/read" &&
        [ "$(sort -n "$work/read" | tr '\n' ' ')" = "$(seq 1 150 | tr '\n' ' ')" ]
}
# The first group of a cluster waits until Kafka has made its topic of offsets.
group_try()
{
    "$ostraka" consume orders --group billing >"$work/read" &&
        [ "$(wc -l <"$work/read")" -eq 150 ] &&
        at billing orders 0 100 && at billing orders 1 50 &&
        says 0 'billing +Empty +classic +consumer' group list &&
        says 0 'has no members' group members billing &&
        says 3 'did you mean billing' group describe biling
}
member_try()
{
    "$ostraka" consume orders --group live --follow \
        -X auto.commit.interval.ms=100 >"$work/live" 2>&1 &
    load_pid=$!
    until_says 0 'orders/0-2' group members live &&
        until_says 0 'STATE +Stable' group describe live &&
        until_says 0 '^orders +1 +50 ' group describe live &&
        says 4 'stop them first' \
            group reset-offsets live --topic orders --to-earliest --execute &&
        says 4 'live +error +NON_EMPTY_GROUP' group delete live --yes
    tried=$?
    kill -TERM "$load_pid"
    wait "$load_pid"
    load_pid=
    [ "$tried" -eq 0 ] && until_says 0 'live +Empty' group list
}
# reset GROUP PARTITION OFFSET WHERE...: there is where it is then.
reset()
{
    group=$1
    partition=$2
    offset=$3
    shift 3
    says 0 . group reset-offsets "$group" "$@" --execute &&
        at "$group" orders "$partition" "$offset"
}
resets_try()
{
    says 0 'orders +0 +100 +0 +-100 ' \
        group reset-offsets live --topic orders --to-earliest &&
        at live orders 0 100 &&
        reset live 0 0 --topic orders --to-earliest &&
        reset live 0 70 --topic orders:0 --to-offset 70 &&
        reset live 0 50 --topic orders:0 --shift-by -20 &&
        reset live 1 50 --topic orders --to-latest &&
        reset live 0 0 --topic orders:0 --to-datetime 2020-01-01T00:00:00Z &&
        reset live 0 0 --topic orders:0 --by-duration P1D &&
        says 0 . group reset-offsets live --all-topics --to-current \
            --export "$work/before.csv" &&
        grep -qx 'orders,0,0' "$work/before.csv" &&
        reset live 0 7 --all-topics --shift-by 7 &&
        reset live 0 0 --from-file "$work/before.csv" &&
        reset twin 1 50 --to-group live --all-topics
}
# These ask what Kafka does not have: said, and nothing is done.
own_try()
{
    ! says 0 . group history live && ! says 0 . group undo live --execute &&
        grep -Eqi 'kafka|ostraka' "$work/said" &&
        ! says 0 . partition describe orders/0 && at live orders 0 0
}
end_try()
{
    says 0 'orders +1 +.*deleted' group delete-offsets live --topic orders:1 \
        --yes &&
        says 0 'live +deleted' group delete live --yes &&
        says 3 'no group live' group describe live &&
        says 0 'orders +deleted' topic delete orders --yes
}

check "topics" topics_try
check "records" records_try
check "a group that reads" group_try
check "a group with a member" member_try
check "resets" resets_try
check "what Kafka does not have" own_try
check "deletions" end_try
clients_done
