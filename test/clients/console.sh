#!/bin/sh
# console.sh - Apache Kafka's console tools, as its bin/ scripts start them:
# kafka-topics, kafka-configs, kafka-get-offsets, kafka-console-producer,
# kafka-console-consumer, kafka-consumer-groups, kafka-verifiable-producer,
# kafka-verifiable-consumer, kafka-delete-records, kafka-cluster.
# shellcheck disable=SC2317 # functions are called through check
set -u
# shellcheck source=test/clients/common.sh
. "$OSTRAKA_SRC/test/clients/common.sh"

needs java javac mvn
# shellcheck source=test/clients/java_fetch.sh
. "$OSTRAKA_SRC/test/clients/java_fetch.sh"
clients_begin

# tool CLASS ARGUMENTS...: what it says is in $work/said as well.
tool()
{
    class=$1
    shift
    timeout 60 java -Xshare:auto -XX:TieredStopAtLevel=1 -cp "$classpath" \
        "$class" --bootstrap-server "$OSTRAKA_BOOTSTRAP" "$@" \
        >"$work/said" 2>"$work/said.err"
    status=$?
    grep -v SLF4J "$work/said.err" >>"$work/said"
    cat "$work/said"
    return "$status"
}
topics()
{
    tool org.apache.kafka.tools.TopicCommand "$@"
}
configs()
{
    tool kafka.admin.ConfigCommand --entity-type topics --entity-name con "$@"
}
offsets()
{
    tool org.apache.kafka.tools.GetOffsetShell --topic con "$@"
}
groups()
{
    tool org.apache.kafka.tools.consumer.group.ConsumerGroupCommand "$@"
}
consumer()
{
    tool org.apache.kafka.tools.consumer.ConsoleConsumer --topic con \
        --formatter-property print.key=true "$@"
}
says()
{
    grep -Eq -e "$1" "$work/said"
}

create_try()
{
    topics --create --topic con --partitions 3 --replication-factor 3 \
        --config retention.ms=100000 && says 'Created topic con' &&
        topics --list && says '^con$'
}
again_try()
{
    ! topics --create --topic con --partitions 3 && says 'exists'
}
describe_try()
{
    topics --describe --topic con && says 'PartitionCount: 3' &&
        says 'ReplicationFactor: 3' && says 'Configs: .*retention.ms=100000' &&
        [ "$(grep -Ec 'Leader: [123].*Isr: [123],[123],[123]' \
            "$work/said")" -eq 3 ]
}
grow_try()
{
    topics --alter --topic con --partitions 4 &&
        topics --describe --topic con && says 'PartitionCount: 4'
}
configs_try()
{
    configs --alter --add-config retention.bytes=5000000 &&
        configs --describe && says 'retention.bytes=5000000' &&
        configs --alter --delete-config retention.bytes &&
        configs --describe && ! says 'retention.bytes=5000000' &&
        says 'retention.ms=100000'
}
configs_all_try()
{
    configs --describe --all && says 'cleanup.policy=delete'
}
configs_refused_try()
{
    ! configs --alter --add-config cleanup.policy=compact &&
        says 'cleanup.policy'
}
broker_configs_try()
{
    tool kafka.admin.ConfigCommand --entity-type brokers --entity-name 1 \
        --describe --all && says '='
}
produce_try()
{
    awk 'BEGIN { for (i = 1; i <= 500; i++) print "k" i % 97 "\tvalue " i }' \
        >"$work/sent"
    tool org.apache.kafka.tools.ConsoleProducer --topic con \
        --reader-property parse.key=true --compression-codec zstd \
        <"$work/sent"
}
consume_try()
{
    : >"$work/got"
    for partition in 0 1 2 3; do
        consumer --partition "$partition" --offset earliest --timeout-ms 3000
        grep '^k' "$work/said" >>"$work/got"
    done
    sort "$work/sent" >"$work/sent.sorted"
    sort "$work/got" | cmp "$work/sent.sorted" -
}
offset_try()
{
    consumer --partition 0 --offset 10 --max-messages 1 --timeout-ms 10000
    says '^k' && says 'Processed a total of 1 messages'
}
# Of a group: everything, then nothing, after a reset everything again.
group_try()
{
    consumer --group console --from-beginning --timeout-ms 15000
    [ "$(grep -c '^k' "$work/said")" -eq 500 ] &&
        groups --list && says '^console$' &&
        groups --describe --group console &&
        [ "$(awk '$2 == "con" { n += $4; lag += $6 }
            END { print n, lag }' "$work/said")" = '500 0' ] &&
        groups --reset-offsets --group console --topic con --to-earliest \
            --execute || return 1
    consumer --group console --timeout-ms 15000
    [ "$(grep -c '^k' "$work/said")" -eq 500 ] &&
        groups --delete --group console && says 'successful' &&
        groups --list && ! says '^console$'
}
# of_each COLUMN: this column of what kafka-consumer-groups --describe said, by
# partition; of what --reset-offsets says, CURRENT-OFFSET is NEW-OFFSET.
of_each()
{
    awk -v column="$1" '$2 == "con" { print $3, $column }' "$work/said" | sort |
        awk '{ printf "%s%s", sep, $2; sep = " " }'
}
# reset WHAT...: then "con"'s new offsets are in $reset, by partition.
reset()
{
    groups --reset-offsets --group gone "$@" || return 1
    reset=$(of_each 4)
}
committed()
{
    groups --describe --group gone --offsets && [ "$(of_each 4)" = "$1" ]
}
# A group with a member: what is told of it, and what it refuses.
member_start()
{
    java -Xshare:auto -XX:TieredStopAtLevel=1 -cp "$classpath" \
        org.apache.kafka.tools.consumer.ConsoleConsumer --topic con \
        --bootstrap-server "$OSTRAKA_BOOTSTRAP" --group gone --from-beginning \
        --consumer-property client.id=reader >"$work/member" 2>&1 &
    member=$!
    tries=300
    until [ "$(grep -c value "$work/member")" -eq 500 ]; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] && kill -0 "$member" || return 1
        sleep 0.2
    done
}
refuses()
{
    words=$1
    shift
    groups --group gone "$@"
    says "$words"
}
member_try()
{
    member_start &&
        groups --list --state stable && says '^gone +Stable' &&
        groups --list --type classic && says '^gone ' &&
        groups --describe --group gone --state &&
        says '^gone .*\([0-9]\) +range +Stable +1' &&
        groups --describe --group gone --members --verbose &&
        says '^gone +reader-[^ ]+ +/127.0.0.1 +reader +4 .*con:?\(?0,1,2,3' &&
        refuses 'NonEmptyGroup|not empty' --delete &&
        refuses 'inactive' --reset-offsets --topic con --to-earliest --execute
}
# It commits what it read when it is told to end.
member_end_try()
{
    kill -TERM "$member"
    wait "$member"
    groups --describe --group gone && says 'has no active members' &&
        [ "$(awk '$2 == "con" { n += $4; lag += $6 }
            END { print n, lag }' "$work/said")" = '500 0' ]
}
reset_try()
{
    groups --describe --group gone --offsets && ends=$(of_each 5) &&
        reset --topic con --to-earliest --dry-run &&
        [ "$reset" = '0 0 0 0' ] && committed "$ends" &&
        reset --topic con --to-offset 3 --execute && committed '3 3 3 3' &&
        reset --topic con --shift-by -2 --execute && committed '1 1 1 1' &&
        reset --topic con:1,3 --to-latest --execute &&
        reset --all-topics --to-current --export --dry-run &&
        grep '^con,' "$work/said" >"$work/exported" &&
        [ "$(wc -l <"$work/exported")" -eq 4 ] &&
        reset --topic con --by-duration P1D --execute &&
        committed '0 0 0 0' &&
        reset --from-file "$work/exported" --execute &&
        committed "$(echo "$ends" | awk '{ print 1, $2, 1, $4 }')" &&
        reset --topic con --to-datetime 2001-01-01T00:00:00.000 --execute &&
        committed '0 0 0 0'
}
delete_offsets_try()
{
    groups --delete-offsets --group gone --topic con:0 &&
        says 'con +0 +Successful' && committed '0 0 0' &&
        groups --delete --group gone && says 'successful' || return 1
    groups --describe --group gone
    says 'GroupIdNotFound'
}

# kafka-verifiable-*: a JSON line for each thing that happened.
verifiable()
{
    class=org.apache.kafka.tools.$1
    shift
    exec java -Xshare:auto -XX:TieredStopAtLevel=1 -cp "$classpath" "$class" \
        --topic verifiable --bootstrap-server "$OSTRAKA_BOOTSTRAP" "$@" \
        2>>"$work/verifiable.err"
}
verifiable_consumer()
{
    verifiable VerifiableConsumer --group-id verifiable --verbose "$@"
}
# what FILE...: where the records were that consumers say they read.
what()
{
    cat "$@" | sed -n 's/.*"record_data".*"partition":\([0-9]*\),\(.*\)}/\1 \2/p'
}
# until_says N WORDS FILE...: until so many lines of the files say it.
until_says()
{
    wanted=$1
    words=$2
    shift 2
    tries=450
    until [ "$(cat "$@" | grep -c "$words")" -ge "$wanted" ]; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || return 1
        sleep 0.2
    done
}
verifiable_produce_try()
{
    (verifiable VerifiableProducer --repeating-keys 97 --max-messages "$1" \
        >"$work/produced") || return 1
    grep '"tool_data"' "$work/produced" >"$work/said"
    says "\"sent\":$1,\"acked\":$1," &&
        ! grep producer_send_error "$work/produced"
}
# It ends by itself in the middle of what there is.
verifiable_consume_try()
{
    (verifiable_consumer --max-messages 1000 >"$work/one") || return 1
    what "$work/one" >"$work/what"
    [ "$(wc -l <"$work/what")" -eq 1000 ] &&
        grep '"offsets_committed"' "$work/one" >"$work/said" &&
        ! grep -v '"success":true' "$work/said" &&
        grep '"shutdown_complete"' "$work/one"
}
# Two go on with the rest, each with a part of it, until they are told to end.
verifiable_share_try()
{
    verifiable_consumer >"$work/two" &
    two=$!
    verifiable_consumer >"$work/three" &
    three=$!
    until_says 1 '"partitions_assigned".*},{.*}\]' "$work/two" &&
        until_says 1 '"partitions_assigned".*},{.*}\]' "$work/three" &&
        verifiable_produce_try 2000 &&
        until_says 4000 '"record_data"' "$work/two" "$work/three"
    shared=$?
    kill -TERM "$two" "$three"
    wait "$two" "$three"
    [ "$shared" -eq 0 ] && grep '"shutdown_complete"' "$work/two" &&
        grep '"shutdown_complete"' "$work/three" &&
        what "$work/one" "$work/two" "$work/three" | sort >"$work/what" &&
        [ "$(wc -l <"$work/what")" -eq 5000 ] &&
        [ "$(uniq "$work/what" | wc -l)" -eq 5000 ] &&
        groups --describe --group verifiable &&
        [ "$(awk '$2 == "verifiable" { n += $4; lag += $6 }
            END { print n, lag }' "$work/said")" = '5000 0' ]
}
offsets_try()
{
    offsets --time -1 &&
        [ "$(awk -F: '{ n += $3 } END { print n }' "$work/said")" -eq 500 ] &&
        offsets --time -2 && says '^con:0:0$' &&
        offsets --time -3 && says '^con:0:' && offsets --time 1 &&
        says '^con:0:0$'
}
trim_try()
{
    echo '{"partitions": [{"topic": "con", "partition": 0, "offset": 5}],
           "version": 1}' >"$work/trim.json"
    tool org.apache.kafka.tools.DeleteRecordsCommand \
        --offset-json-file "$work/trim.json" && says 'low_watermark: 5' &&
        offsets --time -2 && says '^con:0:5$'
}
cluster_try()
{
    class=org.apache.kafka.tools.ClusterTool
    java -cp "$classpath" "$class" cluster-id --bootstrap-server \
        "$OSTRAKA_BOOTSTRAP" | grep 'Cluster ID: .' &&
        java -cp "$classpath" "$class" list-endpoints --bootstrap-server \
            "$OSTRAKA_BOOTSTRAP"
}
versions_try()
{
    tool org.apache.kafka.tools.BrokerApiVersionsCommand &&
        says 'Fetch\(1\): 4 to 17' && says 'EndTxn\(26\): UNSUPPORTED'
}
delete_try()
{
    topics --delete --topic con && topics --list && ! says '^con$'
}
check 'kafka-topics --create, --list' create_try
check 'kafka-topics --create of what exists' again_try
check 'kafka-topics --describe' describe_try
check 'kafka-topics --alter' grow_try
check 'kafka-configs --alter, --describe' configs_try
check 'kafka-configs --describe --all' configs_all_try
check 'kafka-configs: a refusal' configs_refused_try
check 'kafka-configs of a broker' broker_configs_try
check 'kafka-console-producer' produce_try
check 'kafka-console-consumer --partition --offset earliest' consume_try
check 'kafka-console-consumer --offset 10' offset_try
check 'kafka-console-consumer --group, kafka-consumer-groups' group_try
check 'kafka-consumer-groups of a group with a member' member_try
check 'kafka-console-consumer commits as it ends' member_end_try
check 'kafka-consumer-groups --reset-offsets' reset_try
check 'kafka-consumer-groups --delete-offsets, --delete' delete_offsets_try
"$ostraka" topic create verifiable --partitions 4 >/dev/null
check 'kafka-verifiable-producer' verifiable_produce_try 3000
check 'kafka-verifiable-consumer --max-messages' verifiable_consume_try
check 'two of kafka-verifiable-consumer' verifiable_share_try
check 'kafka-get-offsets' offsets_try
check 'kafka-delete-records' trim_try
check 'kafka-cluster' cluster_try
check 'kafka-broker-api-versions' versions_try
check 'kafka-topics --delete' delete_try
clients_done
