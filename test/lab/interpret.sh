# interpret.sh - sourced after nodes.sh: carries out schedules/*.sched.
#
# A schedule is text, a step a line; # begins a comment. NODES are numbers,
# `all`, `leader` (of the load's partition 0, now), `followers` (the others),
# `up`, `down` (all that run, or do not), `same` (those of the step before). A RANGE is N or N-M, drawn by the seed. What
# cannot be done, or does not come true in time, ends the run as failed.
#
#   set KEY=VALUE          a setting of all nodes; before all other steps
#   load ARGUMENT...       arguments of check-load produce, instead of the
#                          usual 6 partitions and 3000 records a second
#   needs namespaces       skip where nodes cannot have networks of their own
#   acks RANGE [SECONDS]   so many more records are acknowledged (60)
#   silence SECONDS        nothing is acknowledged for so long
#   cut NODES [MODE]       power fails at once for all of them; their disks
#                          keep none, a prefix or a random part of what was
#                          not flushed (MODE; without: drawn by the seed)
#   back NODES             power is back: cable, file system, node
#   kill NODES             kill -9
#   start NODES            start them on the disks as they are
#   pause NODES            SIGSTOP
#   resume NODES           SIGCONT
#   isolate NODES          each of them hears, and is heard by, no other node
#   deaf NODES             they hear no other node, but are heard
#   reconnect              all hear each other again
#   fill NODES             their disks are full
#   space NODES            there is space again
#   wipe NODES             (not running) their disks become empty
#   fail write NODES N     the N-th write to the disk fails, and all later ones
#   fail sync NODES N      the same for flushes
#   ended NODES SECONDS TEXT   they end by themselves, and their logs say TEXT
#   without NODES          their copies are not compared at the end
#   repeat N ... end       the steps between, N times
#
# Each run ends with all that was said above healed by the schedule itself:
# then the load stops, everything is read back, from every replica.
#
# shellcheck shell=sh # sourced

# A number below $1, from the seed.
draw()
{
    drawn=$((drawn_state % 2147483647))
    drawn_state=$(((drawn * 16807 + 11) % 2147483647))
    drawn=$((drawn_state / 7 % $1))
}

draw_begin()
{
    drawn_state=$(($1 * 7919 + 12345))
}

# range N or N-M -> $drawn
range()
{
    case $1 in
    *-*)
        low=${1%-*}
        draw $((${1#*-} - low + 1))
        drawn=$((low + drawn))
        ;;
    *) drawn=$1 ;;
    esac
}

cut_mode()
{
    draw 3
    case $drawn in
    0) mode=none ;;
    1) mode=prefix ;;
    *) mode=random ;;
    esac
}

# nodes_of WORD -> $nodes
nodes_of()
{
    [ "$1" != same ] || return 0
    nodes=
    case $1 in
    all) nodes=$nodes_all ;;
    leader)
        node_leader "$topic"
        nodes=$leader
        ;;
    followers)
        node_leader "$topic"
        for i in $nodes_all; do
            [ "$i" -eq "$leader" ] || nodes="$nodes $i"
        done
        ;;
    up)
        for i in $nodes_all; do
            ! node_runs "$i" || nodes="$nodes $i"
        done
        ;;
    down)
        for i in $nodes_all; do
            node_runs "$i" || nodes="$nodes $i"
        done
        ;;
    *[!1-3,]* | '') lab_fail "$1: no nodes" ;;
    *) nodes=$(echo "$1" | tr ',' ' ') ;;
    esac
    [ -n "$nodes" ] || lab_fail "$1: no node is that now"
}

# Since this step the cluster may recover; the next `acks` says how long ago.
healing()
{
    healed_ms=$(now_ms)
}

step_acks()
{
    range "$1"
    if [ -n "$healed_ms" ]; then
        load_wait 1 "${2:-60}"
        took=$(($(now_ms) - healed_ms))
        healed_ms=
        [ "$took" -le "$recovery_ms" ] || recovery_ms=$took
    fi
    load_wait "$drawn" "${2:-60}"
}

step_silence()
{
    # What is under way may still arrive: silence begins at the last ack.
    from=$(load_acked)
    quiet=$(now_ms)
    limit=$((quiet + 30000))
    while [ "$(now_ms)" -lt $((quiet + $1 * 1000)) ]; do
        now=$(now_ms)
        if [ "$(load_acked)" -ne "$from" ]; then
            from=$(load_acked)
            quiet=$now
        fi
        [ "$now" -lt "$limit" ] ||
            lab_fail "acknowledged without a majority for 30 s"
        sleep 0.1
    done
}

# Cut inside the network: both directions, or one.
step_isolate()
{
    for one in $nodes; do
        for other in $nodes_all; do
            if [ "$other" -ne "$one" ]; then
                net_drop "$one" "$other"
                [ "$1" = deaf ] || net_drop "$other" "$one"
            fi
        done
    done
}

step_fill()
{
    for i in $nodes; do
        # What is left in pieces as well: down to the last block.
        for size in 1048576 4096; do
            dd if=/dev/zero of="$lab/n$i/fill.$size" bs="$size" \
                oflag=direct 2>/dev/null
        done
    done
}

step_wipe()
{
    for i in $nodes; do
        disk_detach "n$i"
        disk_ctl "n$i" heal
        disk_loop "n$i" || lab_fail "loop device of n$i"
        disk_mkfs "n$i" "$lab_fs"
        disk_mount "n$i"
    done
}

# step_ended SECONDS TEXT...
step_ended()
{
    until=$(($(now_ms) + $1 * 1000))
    shift
    for i in $nodes; do
        while node_runs "$i" || ! grep -q -e "$*" "$lab/n$i.log"; do
            [ "$(now_ms)" -lt "$until" ] ||
                lab_fail "node $i: not ended, or without saying: $*"
            sleep 0.05
        done
        ! node_wait "$i" || lab_fail "node $i ended as if all were well"
    done
}

# One line of a schedule, as words.
step()
{
    verb=$1
    shift
    case $verb in
    acks) step_acks "$@" ;;
    silence) step_silence "$1" ;;
    isolate | deaf)
        nodes_of "$1"
        step_isolate "$verb"
        ;;
    reconnect)
        net_heal
        healing
        ;;
    fail)
        nodes_of "$2"
        range "$3"
        for i in $nodes; do
            disk_ctl "n$i" fail "$1" "$drawn" || lab_fail "fail $1"
        done
        ;;
    without)
        nodes_of "$1"
        for i in $nodes; do
            replicas=$(echo "$replicas" | tr ',' '\n' | grep -v "^$i\$" |
                tr '\n' ',')
        done
        ;;
    *)
        nodes_of "$1"
        shift
        step_nodes "$verb" "$@"
        ;;
    esac
}

# The steps that do one thing to $nodes.
step_nodes()
{
    verb=$1
    shift
    case $verb in
    cut)
        mode=${1:-}
        [ -n "$mode" ] || cut_mode
        draw 1000000
        # shellcheck disable=SC2086 # a list
        nodes_cut "$mode" "$drawn" $nodes
        ;;
    back)
        healing
        # shellcheck disable=SC2086
        nodes_back $nodes
        ;;
    kill)
        # shellcheck disable=SC2086
        nodes_kill $nodes
        ;;
    start)
        healing
        for i in $nodes; do
            node_start "$i"
        done
        ;;
    pause)
        # shellcheck disable=SC2086
        nodes_signal STOP $nodes
        ;;
    resume)
        healing
        # shellcheck disable=SC2086
        nodes_signal CONT $nodes
        ;;
    fill) step_fill ;;
    space)
        for i in $nodes; do
            rm -f "$lab/n$i/fill."*
        done
        ;;
    wipe) step_wipe ;;
    ended) step_ended "$@" ;;
    *) lab_fail "$verb: no such step" ;;
    esac
}

# schedule_flat FILE: without comments, and with repetitions written out.
schedule_flat()
{
    awk '
    { sub(/#.*/, "") }
    NF == 0 { next }
    $1 == "repeat" { n = $2; block = ""; inside = 1; next }
    $1 == "end" {
        for (i = 0; i < n; i++) printf "%s", block
        inside = 0
        next
    }
    inside { block = block $0 "\n"; next }
    { print }' "$1"
}

# schedule_run FILE FSTYPE SEED: on a fresh cluster; prints a result line.
# Ends the shell that runs it: call it in one of its own.
schedule_run()
{
    name=$(basename "$1" .sched)
    recovery_ms=0
    healed_ms=
    replicas=1,2,3
    topic=load
    settings=
    load='--partitions 6 --rate 3000'
    fs=$2
    seed=$3
    draw_begin "$seed"
    steps=$(mktemp) || exit 1
    schedule_flat "$1" >"$steps"
    if grep -q '^needs namespaces' "$steps"; then
        schedule_needs || {
            rm -f "$steps"
            lab_skip "$name: $why"
        }
    fi
    # What stands before the nodes start.
    while read -r word rest; do
        case $word in
        set) settings="$settings $rest" ;;
        load) load=$rest ;;
        esac
    done <"$steps"
    # shellcheck disable=SC2086 # words
    nodes_open "$fs" $settings
    mv "$steps" "$lab/steps"
    for i in $nodes_all; do
        node_start "$i"
    done
    nodes_ready || lab_fail "the cluster does not come up"
    # shellcheck disable=SC2086
    load_start load $load
    load_wait 1 60
    line=0
    while read -r words <&3; do
        line=$((line + 1))
        case $words in
        set\ * | load\ * | needs\ *) continue ;;
        esac
        [ -z "${OSTRAKA_LAB_TRACE:-}" ] || echo "$name: $words" >&2
        # shellcheck disable=SC2086
        step $words
    done 3<"$lab/steps"
    load_stop
    load_verify load --settle 30 --replicas "$replicas"
    status=$?
    case $status in
    0) verdict=ok ;;
    12) verdict=VIOLATED ;;
    *) verdict="verify: $status" ;;
    esac
    result "$name" "$seed" load "$recovery_ms" "$verdict"
    [ "$status" -eq 0 ] || {
        cat "$lab/load.verify.err"
        exit "$status"
    }
    exit 0
}

schedule_needs()
{
    why='needs nft'
    command -v nft >/dev/null || return 1
    why='needs network namespaces'
    command -v nsenter >/dev/null && ip netns add "ol$$n0" 2>/dev/null ||
        return 1
    ip netns delete "ol$$n0"
}
