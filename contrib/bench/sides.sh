# shellcheck shell=bash disable=SC2154 # variables are of compare
# sides.sh - the two systems, three nodes each, behind the same functions:
# side_{make,start,start_node,kill_node,stop,wipe,pids,bootstrap,ready}.
# Sourced by compare. Uses: $side $dir $base_port $ostraka $ostrakad $jars.
# Node N serves clients on base_port+N-1 and its peers on base_port+N+9.

pid_of() { cat "$dir/$side/n$1.pid" 2>/dev/null; }

# Only a process that has our directory in its arguments is ours. One that is
# being killed has none any more, but still its ports and files, and its first
# thread may be a zombie before the others are.
alive() {
    local pid state
    pid=$(pid_of "$1")
    [ -n "$pid" ] || return 1
    state=$(awk '$1 == "State:" { print $2 }' "/proc/$pid/status" 2> /dev/null)
    case $state in
    '' | X) return 1 ;;
    Z)
        set -- "/proc/$pid/task/"*
        [ $# -gt 1 ]
        return
        ;;
    esac
    [ -z "$(tr -d '\0' < "/proc/$pid/cmdline" 2> /dev/null)" ] ||
        grep -q "$dir/$side" "/proc/$pid/cmdline" 2> /dev/null
}

port_up() { (exec 3<> "/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

side_bootstrap() {
    echo "127.0.0.1:$base_port,127.0.0.1:$((base_port + 1)),127.0.0.1:$((base_port + 2))"
}

side_pids() {
    local n
    for n in 1 2 3; do
        alive "$n" && pid_of "$n"
    done | tr '\n' ' '
}

ostraka_make_node() {
    local n=$1 p=$((base_port + 9)) extra
    {
        echo "node.id=$n"
        echo "cluster.nodes=1@127.0.0.1:$((p + 1)),2@127.0.0.1:$((p + 2)),3@127.0.0.1:$((p + 3))"
        echo "listeners=PLAINTEXT://127.0.0.1:$((base_port + n - 1))"
        echo "data.dir=$dir/$side/n$n"
        for extra in "${ostraka_set[@]}"; do
            echo "$extra"
        done
    } > "$dir/$side/n$n.properties"
}

kafka_java() { # log heap ARGUMENT...
    local log=$1 heap=$2
    shift 2
    exec setsid java "-Xms$heap" "-Xmx$heap" -server -XX:+UseG1GC \
        -XX:MaxGCPauseMillis=20 -XX:InitiatingHeapOccupancyPercent=35 \
        -XX:+ExplicitGCInvokesConcurrent -XX:MaxInlineLevel=15 \
        -Djava.awt.headless=true "-Dbench.log=$dir/$side/$log.log" \
        "-Dlog4j2.configurationFile=$here/kafka/log4j2.xml" \
        -cp "$jars/*" "$@"
}

kafka_make_node() {
    local n=$1 p=$((base_port + 9)) extra
    {
        echo "process.roles=broker,controller"
        echo "node.id=$n"
        echo "controller.quorum.voters=1@127.0.0.1:$((p + 1)),2@127.0.0.1:$((p + 2)),3@127.0.0.1:$((p + 3))"
        echo "listeners=PLAINTEXT://127.0.0.1:$((base_port + n - 1)),CONTROLLER://127.0.0.1:$((p + n))"
        echo "advertised.listeners=PLAINTEXT://127.0.0.1:$((base_port + n - 1))"
        echo "controller.listener.names=CONTROLLER"
        echo "inter.broker.listener.name=PLAINTEXT"
        echo "log.dirs=$dir/$side/n$n"
        echo "default.replication.factor=3"
        echo "min.insync.replicas=2"
        echo "unclean.leader.election.enable=false"
        echo "auto.create.topics.enable=false"
        echo "offsets.topic.replication.factor=3"
        echo "group.initial.rebalance.delay.ms=0"
        echo "log.segment.delete.delay.ms=1000"
        for extra in "${kafka_set[@]}"; do
            echo "$extra"
        done
    } > "$dir/$side/n$n.properties"
    (kafka_java format 256m kafka.tools.StorageTool format -t "$kafka_cluster_id" \
        -c "$dir/$side/n$n.properties") > "$dir/$side/format.$n.out" 2>&1 ||
        die "kafka: format: $(tail -3 "$dir/$side/format.$n.out")"
}

# Write the configuration of all nodes, and format what needs formatting.
side_make() {
    local n
    mkdir -p "$dir/$side"
    kafka_cluster_id=$(head -c 16 /dev/urandom | base64 | tr '+/' 'ab' | tr -d =)
    for n in 1 2 3; do
        mkdir -p "$dir/$side/n$n"
        "${side}_make_node" "$n"
    done
}

# Start one node; return at once.
side_start_node() {
    local n=$1
    port_up $((base_port + n - 1)) &&
        die "port $((base_port + n - 1)) is taken: give another --base-port"
    case $side in
    ostraka)
        (exec setsid "$ostrakad" -c "$dir/$side/n$n.properties") \
            >> "$dir/$side/n$n.out" 2>&1 < /dev/null &
        ;;
    kafka)
        (kafka_java "n$n" "$heap" kafka.Kafka "$dir/$side/n$n.properties") \
            >> "$dir/$side/n$n.out" 2>&1 < /dev/null &
        ;;
    esac
    echo $! > "$dir/$side/n$n.pid"
    disown $!
}

# Until the node answers on its port.
side_ready() { # node
    local i
    for ((i = 0; i < 1200; i++)); do
        port_up $((base_port + $1 - 1)) && return 0
        [ $((i % 10)) -ne 9 ] || alive "$1" ||
            die "$side: node $1 is gone: $(tail -3 "$dir/$side/n$1.out")"
        sleep 0.1
    done
    die "$side: node $1 does not answer"
}

side_start() {
    local n
    for n in 1 2 3; do
        side_start_node "$n"
    done
    for n in 1 2 3; do
        side_ready "$n"
    done
}

side_kill_node() { # node signal
    local pid
    pid=$(pid_of "$1")
    if alive "$1"; then
        kill "-$2" "$pid" 2>/dev/null
    fi
}

# Until the process is gone, and its port with it.
side_gone() { # node seconds
    local i
    for ((i = 0; i < $2 * 20; i++)); do
        alive "$1" || port_up $((base_port + $1 - 1)) || return 0
        sleep 0.05
    done
    return 1
}

side_kill() {
    local n
    for n in 1 2 3; do
        side_kill_node "$n" KILL
    done
    for n in 1 2 3; do
        side_gone "$n" 20 || die "$side: node $n does not die"
    done
}

side_stop() {
    local n
    for n in 1 2 3; do
        side_kill_node "$n" TERM
    done
    for n in 1 2 3; do
        side_gone "$n" 60 || note "$side: node $n does not stop: killed"
    done
    side_kill
}

side_wipe() {
    side_kill
    rm -rf "${dir:?}/$side"
}
