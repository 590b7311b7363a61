# nodes.sh - sourced after lab.sh: three real nodes on disks that forget, each
# in a network namespace of its own where the machine allows it, and a load.
#
# Needs OSTRAKA_BUILD and OSTRAKA_SRC. Life: nodes_open, node_start..., then
# nodes_close (which lab_close of lab.sh is part of).
#
# shellcheck shell=sh # sourced

ostraka=$OSTRAKA_BUILD/src/cli/ostraka
ostrakad=$OSTRAKA_BUILD/src/server/ostrakad
check=$OSTRAKA_BUILD/test/integration/checker/check-load
nodes_all='1 2 3'
net=

# ---- network -----------------------------------------------------------------

# net_open: namespaces on a bridge, or addresses of the loopback interface.
net_open()
{
    net=loopback
    subnet=127.77.$(($$ % 250))
    if command -v ip >/dev/null && command -v nsenter >/dev/null &&
        ip netns add "ol$$n0" 2>/dev/null; then
        ip netns delete "ol$$n0"
        if ip link add "olb$$" type bridge 2>/dev/null; then
            net=namespaces
            subnet=10.77.$(($$ % 250))
            net_bridge
        fi
    fi
    OSTRAKA_BOOTSTRAP=$subnet.1:9092,$subnet.2:9092,$subnet.3:9092
    export OSTRAKA_BOOTSTRAP
}

net_bridge()
{
    ip addr add "$subnet.254/24" dev "olb$$" && ip link set "olb$$" up ||
        lab_fail "the bridge cannot be set up"
    for i in $nodes_all; do
        ip netns add "ol$$n$i" &&
            ip link add "olv$$n$i" type veth peer name e0 netns "ol$$n$i" &&
            ip link set "olv$$n$i" master "olb$$" up &&
            ip -n "ol$$n$i" addr add "$subnet.$i/24" dev e0 &&
            ip -n "ol$$n$i" link set e0 up &&
            ip -n "ol$$n$i" link set lo up ||
            lab_fail "the namespace of node $i cannot be set up"
    done
}

net_close()
{
    [ "$net" = namespaces ] || return 0
    for i in $nodes_all; do
        ip link delete "olv$$n$i" 2>/dev/null
        ip netns delete "ol$$n$i" 2>/dev/null
    done
    ip link delete "olb$$" 2>/dev/null
    net=
}

# net_link up|down NODE: its cable. What it sends while down never arrives, so
# a node that loses power says goodbye to nobody.
net_link()
{
    [ "$net" != namespaces ] || ip -n "ol$$n$2" link set e0 "$1"
}

# net_drop TO FROM...: node TO hears nothing from these nodes.
net_drop()
{
    to=$1
    shift
    for from; do
        nsenter --net="/run/netns/ol$$n$to" nft "
            add table inet lab
            add chain inet lab in { type filter hook input priority 0; }
            add rule inet lab in ip saddr $subnet.$from drop" ||
            lab_fail "nft in the namespace of node $to"
    done
}

net_heal()
{
    for i in $nodes_all; do
        nsenter --net="/run/netns/ol$$n$i" nft flush ruleset
    done
}

# ---- nodes -------------------------------------------------------------------

# nodes_open FSTYPE SETTING...: disks, network and settings of three nodes.
nodes_open()
{
    lab_fs=$1
    shift
    lab_open
    trap nodes_end EXIT
    trap 'exit 143' TERM
    trap 'exit 130' INT
    net_open
    ulimit -c 0 2>/dev/null # a node may be meant to abort
    for i in $nodes_all; do
        disk_new "n$i" "${lab_disk:-500M}" "$lab_fs"
        {
            echo "node.id=$i"
            echo "cluster.nodes=1@$subnet.1:9093,2@$subnet.2:9093,3@$subnet.3:9093"
            echo "listeners=PLAINTEXT://$subnet.$i:9092"
            echo "data.dir=$lab/n$i/data"
            echo "journal.bytes.max=33554432"
            printf '%s\n' "$@"
        } >"$lab/n$i.properties"
        : >"$lab/n$i.log"
    done
}

nodes_end()
{
    status=$?
    trap - EXIT
    trap '' TERM INT
    if [ "$status" -ne 0 ] && [ "$status" -ne 77 ] && [ "$status" -ne 75 ]; then
        tail -n 6 "$lab"/n?.log 2>/dev/null
        if [ -n "${OSTRAKA_KEEP:-}" ]; then
            mkdir -p "$OSTRAKA_KEEP" && cp "$lab"/n?.log "$lab"/*.json \
                "$lab"/*.err "$lab"/*.status "$lab"/*.books "$OSTRAKA_KEEP" \
                2>/dev/null
            lab_keep=$OSTRAKA_KEEP
            echo "logs and images: $OSTRAKA_KEEP"
        fi
    fi
    nodes_close
    exit "$status"
}

nodes_close()
{
    for file in "$lab"/*.load; do
        [ -e "$file" ] || continue
        kill -9 "$(cat "$file")" 2>/dev/null
        wait "$(cat "$file")" 2>/dev/null
        rm -f "$file"
    done
    for i in $nodes_all; do
        if node_runs "$i"; then
            kill -9 "$(node_pid "$i")" 2>/dev/null
            node_wait "$i"
        fi
    done
    lab_close
    lab_names=
    net_close
}

node_pid()
{
    cat "$lab/n$1.ostrakad" 2>/dev/null
}

# node_runs N: it was started and nobody saw it end.
node_runs()
{
    [ -s "$lab/n$1.ostrakad" ] && kill -0 "$(node_pid "$1")" 2>/dev/null
}

node_start()
{
    mkdir -p "$lab/n$1/data"
    net_link up "$1"
    if [ "$net" = namespaces ]; then
        set -- "$1" nsenter --net="/run/netns/ol$$n$1"
    else
        set -- "$1"
    fi
    node=$1
    shift
    "$@" "$ostrakad" -c "$lab/n$node.properties" >>"$lab/n$node.log" 2>&1 &
    echo $! >"$lab/n$node.ostrakad"
}

# node_wait N: after its end; its status.
node_wait()
{
    wait "$(node_pid "$1")" 2>/dev/null
    status_of=$?
    : >"$lab/n$1.ostrakad"
    return "$status_of"
}

nodes_signal()
{
    signal=$1
    shift
    for i; do
        kill "-$signal" "$(node_pid "$i")" || lab_fail "node $i is not there"
    done
}

nodes_kill()
{
    nodes_signal KILL "$@"
    for i; do
        node_wait "$i"
    done
}

# nodes_cut MODE SEED NODE...: power fails for all of these at once. First for
# the disks: what is stopped first still ends the flush it is in.
nodes_cut()
{
    mode=$1
    cut_seed=$2
    shift 2
    for i; do
        disk_ctl "n$i" cut "$mode" $((cut_seed + i)) || lab_fail "cut of disk $i"
    done
    for i; do
        # One that saw its disk go may have ended.
        kill -STOP "$(node_pid "$i")" 2>/dev/null
    done
    for i; do
        net_link down "$i"
        kill -KILL "$(node_pid "$i")" 2>/dev/null
    done
    for i; do
        node_wait "$i"
    done
}

# nodes_trip MODE SEED N NODE: as N more flushes of NODE's disk have begun,
# inside the last one power fails for all nodes. N of them must come in 30 s.
nodes_trip()
{
    for i in $nodes_all; do
        disk_ctl "n$i" arm "$1" $(($2 + i)) || lab_fail "disk $i cannot be armed"
    done
    disk_ctl "n$4" trip "$3" || lab_fail "trip of disk $4"
    until=$(($(now_ms) + 30000))
    until [ "$(disk_stat "n$4" dead)" -eq 1 ]; do
        [ "$(now_ms)" -lt "$until" ] ||
            lab_fail "disk $4 was not flushed $3 times in 30 s"
        sleep 0.05
    done
    # shellcheck disable=SC2086 # a list
    nodes_cut "$1" "$2" $nodes_all
}

# nodes_back NODE...: power is back: cable, file system, node.
nodes_back()
{
    for i; do
        disk_again "n$i"
        node_start "$i"
    done
}

# nodes_ready: until three nodes serve; 0, or 1 after a minute or an end.
nodes_ready()
{
    until=$(($(now_ms) + 60000))
    until "$ostraka" topic list --timeout 2000 >"$lab/ready.out" 2>&1; do
        if [ "$(now_ms)" -ge "$until" ]; then
            cat "$lab/ready.out"
            return 1
        fi
        sleep 0.2
    done
}

# node_leader TOPIC: the number of the node that leads its partition 0.
node_leader()
{
    until=$(($(now_ms) + 20000))
    while :; do
        leader=$("$ostraka" partition describe "$1/0" --json --timeout 1000 \
            2>/dev/null |
            tr ',{' '\n\n' | sed -n 's/.*"leader": *\([0-9][0-9]*\).*/\1/p' |
            head -n 1)
        if [ -n "$leader" ] && [ "$leader" -gt 0 ]; then
            return 0
        fi
        [ "$(now_ms)" -lt "$until" ] || lab_fail "nobody leads $1/0"
        sleep 0.1
    done
}

# ---- load --------------------------------------------------------------------

now_ms()
{
    # Since the machine started; the wall clock may jump.
    read -r up rest </proc/uptime
    echo "${up%.*}${up#*.}0"
}

# load_start TOPIC ARGUMENTS...: in the background, until load_stop. A node
# that lost power closes no connection: a client with nothing left to send
# hears of it by its own timeout alone, a minute if it were not said here. What
# an outage piles up is limited: all of it is sent before the load ends.
load_start()
{
    topic=$1
    shift
    load_run "$topic" "$check" produce --topic "$topic" \
        --set debug=eos --set log_level=7 --set socket.timeout.ms=3000 \
        --set queue.buffering.max.messages=2000 "$@"
}

# load_run NAME COMMAND...: of the checker, with books and a status file; it
# is known by NAME.
load_run()
{
    name_of=$1
    shift
    rm -f "$lab/$name_of.status"
    "$@" --books "$lab/$name_of.books" --status "$lab/$name_of.status" \
        >"$lab/$name_of.load.json" 2>"$lab/$name_of.load.err" &
    echo $! >"$lab/$name_of.load"
}

# load_acked [NAME]
load_acked()
{
    # The file is replaced, never written in place.
    if read -r acked rest 2>/dev/null <"$lab/${1:-$topic}.status"; then
        echo "$acked"
    else
        echo 0
    fi
}

# load_wait N LIMIT [NAME]: until N more are acknowledged, at most LIMIT s.
load_wait()
{
    of=${3:-$topic}
    from=$(load_acked "$of")
    until=$(($(now_ms) + $2 * 1000))
    while [ "$(load_acked "$of")" -lt $((from + $1)) ]; do
        kill -0 "$(cat "$lab/$of.load")" 2>/dev/null || {
            load_raced "$of"
            tail -n 5 "$lab/$of.load.err"
            lab_fail "$of: the load has ended"
        }
        [ "$(now_ms)" -lt "$until" ] ||
            lab_fail "$of: $1 acknowledgements did not come within $2 s"
        sleep 0.1
    done
}

# load_stop [NAME]
load_stop()
{
    kill -TERM "$(cat "$lab/${1:-$topic}.load")"
    load_ended "${1:-$topic}"
}

# load_ended NAME: until it has, and as it should.
load_ended()
{
    wait "$(cat "$lab/$1.load")"
    status=$?
    rm -f "$lab/$1.load"
    if [ "$status" -ne 0 ]; then
        load_raced "$1"
        tail -n 5 "$lab/$1.load.err"
        lab_fail "$1: the load ended with $status: $(cat "$lab/$1.load.json")"
    fi
}

# load_raced NAME: did librdkafka overtake itself, and give up? When a request
# to a broker that is gone times out, the thread of the new leader may send the
# batch behind it first (see raced.awk); that is rightly refused, and where the
# client does not go on in a new epoch its error is fatal. Nothing more can be
# asked of such a run: it ends with 75, and whoever began it begins it again.
load_raced()
{
    if grep -q 'FATAL.*sequence desync.*last partition error _TIMED_OUT' \
        "$lab/$1.load.err"; then
        echo "$1: the client overtook itself, and gave up"
        exit 75
    fi
}

# load_verify TOPIC ARGUMENTS...: read all back, into TOPIC.verify.json; the
# status of check-load. What the client sent again by its own doing is excused
# if its log says so. Then the logs of the replicas that answer have one chain.
load_verify()
{
    of=$1
    shift
    if awk -f "$OSTRAKA_SRC/test/integration/raced.awk" \
        "$lab/$of.load.err" >/dev/null; then
        set -- "$@" --may-resend
    fi
    timeout 120 "$check" verify --topic "$of" --books "$lab/$of.books" "$@" \
        >"$lab/$of.verify.json" 2>"$lab/$of.verify.err" || return
    sh "$OSTRAKA_SRC/test/integration/chains.sh" "$ostraka" "$of" \
        >"$lab/$of.chains" 2>&1 || {
        status=$?
        cat "$lab/$of.chains" >>"$lab/$of.verify.err"
        echo diverged >"$lab/$of.chains.differ"
        return $status
    }
}

# number FILE KEY: a number out of a line of JSON; 0 if it was not said.
number()
{
    said=$(sed -n "s/.*\"$2\": \\([0-9]*\\).*/\\1/p" "$1")
    echo "${said:-0}"
}

# again COMMAND...: in a shell of its own; at most twice more after 75.
again()
{
    again_left=2
    while :; do
        ("$@")
        again_status=$?
        if [ "$again_status" -ne 75 ] || [ "$again_left" -eq 0 ]; then
            return "$again_status"
        fi
        again_left=$((again_left - 1))
    done
}

# ---- results -----------------------------------------------------------------

result_head()
{
    [ -z "${json:-}" ] || return 0
    printf '%-22s %-5s %6s %8s %5s %5s %5s %5s %5s %7s %7s %s\n' \
        schedule disk seed acked lost dup. disor chang diver \
        'gap ms' 'rec. ms' result
}

# result NAME SEED TOPIC RECOVERY_MS STATUS: one line; of TOPIC's files.
result()
{
    l=$lab/$3.load.json
    v=$lab/$3.verify.json
    diverged=$(($(number "$v" diverged) + $(number "$v" missing)))
    [ ! -e "$lab/$3.chains.differ" ] || diverged=$((diverged + 1))
    changed=$(($(number "$v" changed) + $(number "$v" phantom)))
    if [ -n "${json:-}" ]; then
        printf '{"schedule": "%s", "fs": "%s", "seed": %s, ' "$1" "$lab_fs" "$2"
        printf '"acked": %s, "lost": %s, "duplicated": %s, "resent": %s, ' \
            "$(number "$l" acked)" "$(number "$v" lost)" \
            "$(number "$v" duplicated)" "$(number "$v" resent)"
        printf '"reordered": %s, "changed": %s, "diverged": %s, ' \
            "$(number "$v" reordered)" "$changed" "$diverged"
        printf '"ack_gap_ms": %s, "recovery_ms": %s, "result": "%s"}\n' \
            "$(number "$l" ack_gap_ms)" "$4" "$5"
    else
        printf '%-22s %-5s %6s %8s %5s %5s %5s %5s %5s %7s %7s %s\n' \
            "$1" "$lab_fs" "$2" "$(number "$l" acked)" "$(number "$v" lost)" \
            "$(number "$v" duplicated)" "$(number "$v" reordered)" \
            "$changed" "$diverged" "$(number "$l" ack_gap_ms)" "$4" "$5"
    fi
}
