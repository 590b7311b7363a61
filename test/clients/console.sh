#!/bin/sh
# console.sh - Apache Kafka's console tools, as its bin/ scripts start them:
# kafka-topics, kafka-configs, kafka-get-offsets, kafka-console-producer,
# kafka-console-consumer, kafka-consumer-groups, kafka-delete-records,
# kafka-cluster.
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
    awk 'BEGIN { for (i = 1; i <= 500; i++) print "k" i % 9 "\tvalue " i }' \
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
check 'kafka-get-offsets' offsets_try
check 'kafka-delete-records' trim_try
check 'kafka-cluster' cluster_try
check 'kafka-broker-api-versions' versions_try
check 'kafka-topics --delete' delete_try
clients_done
