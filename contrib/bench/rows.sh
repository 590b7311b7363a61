# shellcheck shell=bash disable=SC2154 # variables are of compare
# rows.sh - what is measured. A function row_NAME per row; each calls record()
# once per run with the JSON of what it found.
# Sourced by compare.

bench() { "$ostraka" bench "$@" --bootstrap "$(side_bootstrap)" --json; }

# A port that answers does not serve yet: repeated for a minute.
topic_make() { # name partitions
    local said until=$(($(date +%s) + 60))
    until said=$("$ostraka" topic create "$1" --partitions "$2" \
        --replication 3 --if-not-exists --bootstrap "$(side_bootstrap)" \
        --timeout 20000 2>&1); do
        [ "$(date +%s)" -lt "$until" ] || die "$side: topic $1: $said"
        sleep 0.2
    done
    bench wait --topic "$1" --seconds 60 > /dev/null ||
        die "$side: topic $1 takes no records"
}

topic_drop() {
    "$ostraka" topic delete "$1" --bootstrap "$(side_bootstrap)" --yes \
        --timeout 60000 > /dev/null || note "$side: cannot delete topic $1"
}

# The same ground for every run.
before_run() {
    settle
    prewarm
    sleep 1
}

# Run until nobody else disturbed it, or until the tries are used up.
measured() { # row function ARGUMENT...
    local row=$1 try json foreign
    shift
    for ((try = 1; try <= tries; try++)); do
        json=$("$@" "$try") || {
            note "$side: $row failed: $json"
            record "$row" "$try" '{"failed":true}'
            return
        }
        foreign=$(jq -r '.foreign_share // 0' <<< "$json")
        record "$row" "$try" "$json"
        if awk "BEGIN { exit !($foreign <= $foreign_max) }"; then
            return
        fi
        note "$side: $row: other processes used $foreign of the machine"
    done
}

produce_once() { # partitions keep? OPTION... try
    local n=$1 keep=$2 topic
    shift 2
    topic=bench-$n-$(date +%s%N)
    need_disk "$disk_gb"
    topic_make "$topic" "$n"
    before_run
    bench produce --topic "$topic" --warmup "$warmup" --seconds "$seconds" \
        --pids "$(side_pids)" "${@:1:$#-1}" || return
    if [ "$keep" = yes ]; then
        echo "$topic" > "$dir/$side/kept"
    else
        topic_drop "$topic"
    fi
}

row_t1() { measured t1 produce_once 1 no; }
row_t16() { measured t16 produce_once 16 no; }
row_t100() { measured t100 produce_once 100 no; }
row_rd16() {
    measured rd16 produce_once 16 no --backend rdkafka --producers 4 \
        --linger 5 --batch-size 1000000
}

# Small requests until the JVM has compiled what they need; both sides alike.
small_warm=
warm_small() {
    [ -z "$small_warm" ] || return 0
    small_warm=yes
    topic_make "small-$$" 16
    bench produce --topic "small-$$" --rate 1000 --warmup 0 \
        --seconds "$jit" > /dev/null || note "$side: warming up failed"
}

row_l1k() {
    warm_small
    measured l1k produce_once 16 no --rate 1000
}
row_l10k() {
    warm_small
    measured l10k produce_once 16 no --rate 10000
}

# Fresh data of a known size, then read from the beginning: page cache hot.
# More than was acknowledged may be there (the records of topic_make, and what
# was sent again after an error), less may not.
consume_once() {
    local topic json wrote got
    topic=consume-$(date +%s%N)
    need_disk "$disk_gb"
    topic_make "$topic" 16
    json=$(bench produce --topic "$topic" --warmup 0 --seconds 600 \
        --bytes "$consume_bytes") || return
    wrote=$(jq .records_all <<< "$json")
    before_run
    json=$(bench consume --topic "$topic" --pids "$(side_pids)") || return
    got=$(jq .records <<< "$json")
    [ "$got" -ge "$wrote" ] ||
        die "$side: $wrote records acknowledged, $got readable in $topic"
    jq -c --argjson wrote "$wrote" '. + {acked_records: $wrote}' <<< "$json"
    topic_drop "$topic"
}
row_consume() { measured consume consume_once; }

failover_once() { # OPTION... try
    local topic victim=$((round % 3 + 1)) out
    topic=failover-$(date +%s%N)
    topic_make "$topic" 12
    out=$dir/$side/failover.json
    bench produce --topic "$topic" --rate 1000 --warmup 3 --seconds 30 \
        --pids "$(side_pids)" "${@:1:$#-1}" > "$out" &
    sleep 8
    side_kill_node "$victim" KILL
    wait $! || return
    cat "$out"
    side_start_node "$victim"
    side_ready "$victim"
    topic_drop "$topic"
    sleep 5
}
row_failover() { measured failover failover_once; }
# As applications meet it: with librdkafka's own retries and metadata.
row_failrd() { measured failrd failover_once --backend rdkafka; }

now_ms() { date +%s%3N; }

# Milliseconds since $1 until the first, and until the last partition wrote.
wait_since() { # ms topic
    local json
    json=$(bench wait --topic "$2" --seconds 300) || return
    jq -c --argjson t "$1" '{first_ack_s: ((.first_ack_unix_ms - $t) / 1000),
        all_acked_s: ((.all_acked_unix_ms - $t) / 1000)}' <<< "$json"
}

# From exec of the last node; the directories are formatted, the stop was
# clean.
start_once() {
    local t n topic
    topic=start-$(date +%s%N)
    topic_make "$topic" 16
    side_stop
    before_run
    for n in 1 2 3; do
        t=$(now_ms)
        side_start_node "$n"
    done
    wait_since "$t" "$topic" || return
    for n in 1 2 3; do
        side_ready "$n"
    done
    topic_drop "$topic"
}
row_start() { measured start start_once; }

# From exec of the first node, after kill -9 of all three.
restart_once() {
    local t n topic
    topic=restart-$(date +%s%N)
    topic_make "$topic" 16
    bench produce --topic "$topic" --warmup 0 --seconds 600 \
        --bytes 2400000000 > /dev/null || return
    side_kill
    t=$(now_ms)
    for n in 1 2 3; do
        side_start_node "$n"
    done
    wait_since "$t" "$topic" || return
    for n in 1 2 3; do
        side_ready "$n"
    done
    topic_drop "$topic"
}
row_restart() { measured restart restart_once; }

# Largest resident set half a minute after the start, without topics.
idle_once() {
    local pid rss most=0
    sleep 30
    for pid in $(side_pids); do
        rss=$(awk '$1 == "VmRSS:" { print $2 * 1024 }' "/proc/$pid/status")
        [ "$rss" -le "$most" ] || most=$rss
    done
    echo "{\"rss_bytes\":$most}"
}
row_idle() { measured idle idle_once; }

volume_once() {
    local topic
    topic=volume-$(date +%s%N)
    need_disk $((volume_gb * 7 / 2))
    topic_make "$topic" 16
    before_run
    bench produce --topic "$topic" --warmup 0 --seconds 3600 \
        --bytes $((volume_gb * 1073741824)) --pids "$(side_pids)" || return
    topic_drop "$topic"
}
# Once is enough: it is there to get past what memory can hide.
row_volume() { [ "$round" -gt 1 ] || measured volume volume_once; }

# ---- consumer groups --------------------------------------------------------

# A coordinator of a fresh cluster is made at the first request; both sides get
# a short run that does not count, so that the JVM has seen the requests.
groups_warm=
groups_once() { # partitions MODE OPTION... try
    local n=$1 mode=$2 topic
    shift 2
    topic=groups-$n
    topic_make "$topic" "$n"
    if [ "$groups_warm" != "$round $side $mode" ]; then
        groups_warm="$round $side $mode"
        # What fails here fails below, where it is said.
        [ "$mode" = failover ] || bench groups "$mode" --topic "$topic" \
            --seconds "$warm" > /dev/null 2>&1
    fi
    before_run
    bench groups "$mode" --topic "$topic" --warmup "$warmup" \
        --seconds "$seconds" --pids "$(side_pids)" "${@:1:$#-1}"
}

row_gidle() { measured gidle groups_once 16 idle; }
row_gcommit() { measured gcommit groups_once 16 commit; }
row_gfetch() { measured gfetch groups_once 1000 fetch; }
row_gjoin() { measured gjoin groups_once 16 rebalance; }

groups_fail_once() { # try
    local victim=$((round % 3 + 1)) json
    json=$(groups_once 16 failover --groups 100 --members 2 \
        --hook "kill -9 $(pid_of "$victim")" "$1")
    local failed=$?
    side_gone "$victim" 20 || die "$side: node $victim does not die"
    side_start_node "$victim"
    side_ready "$victim"
    sleep 5
    # Groups that are not back are a result, too.
    [ -n "$json" ] || return $failed
    echo "$json"
}
row_gfail() { measured gfail groups_fail_once; }
