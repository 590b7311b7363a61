# rounds.sh - sourced after interpret.sh: what is under way while power fails,
# and what is asked for afterwards. A load has functions *_start and *_judge;
# that of round R is named recordsR or commitsR.
#
# Needs $round, $seed, $fs and, of the one who sources it, found() (see
# blackouts.sh). Adds up in sum_*.
#
# shellcheck shell=sh # sourced

commits=$OSTRAKA_BUILD/test/integration/checker/check-commits
groups=12

# add NAME FILE KEY...: sum_NAME_KEY grows by what FILE says.
add()
{
    add_to=$1
    add_of=$2
    shift 2
    for key; do
        eval "sum_${add_to}_$key=\$((\${sum_${add_to}_$key:-0} + $(number \
            "$add_of" "$key")))"
    done
}

# most NAME VALUE: the greatest so far.
most()
{
    eval "[ \"\${most_$1:-0}\" -ge \"$2\" ] || most_$1=$2"
}

# ---- records -----------------------------------------------------------------

# One in three loads is of large records, so that segments are written too.
records_start()
{
    draw 3
    case $drawn in
    0) load='--partitions 2 --rate 500 --value-bytes 4096' ;;
    1) load='--partitions 12 --rate 800 --producers 2' ;;
    *) load='--partitions 6 --rate 1000 --value-bytes 300' ;;
    esac
    # shellcheck disable=SC2086 # words
    load_start "records$round" $load
}

# records_verified NAME ARGUMENTS...: nothing of it is lost.
records_verified()
{
    of=$1
    load_verify "$@" --settle 30
    verify_status=$?
    [ "$verify_status" -ne 0 ] || return 0
    found "$of: $verify_status, lost $(number "$lab/$of.verify.json" lost)"
    result "blackout $round" "$((seed + round))" "$of" 0 FAILED
    cat "$lab/$of.verify.err" "$lab/$of.verify.json"
    lab_fail "$fs, round $round, seed $((seed + round)): $of: $verify_status"
}

# Of this round from every replica, and of the round before once more.
records_judge()
{
    records_verified "records$round"
    add records "$lab/records$round.load.json" acked
    add records "$lab/records$round.verify.json" lost duplicated reordered changed \
        phantom missing diverged resent
    most gap "$(number "$lab/records$round.load.json" ack_gap_ms)"
    [ -e "$lab/records$((round - 1)).books" ] || return 0
    records_verified "records$((round - 1))" --replicas none
    "$ostraka" topic delete "records$((round - 1))" --yes >"$lab/delete.out" 2>&1 ||
        lab_fail "$(cat "$lab/delete.out")"
    rm -f "$lab/records$((round - 1))."*
}

# ---- topics that come and go -------------------------------------------------

# While power fails: @meta has something to lose, too.
churn_start()
{
    while :; do
        "$ostraka" topic create "churn-$1" --partitions 3 --timeout 3000 &&
            "$ostraka" topic delete "churn-$1" --yes --timeout 3000
        sleep 0.1
    done >/dev/null 2>&1 &
    echo $! >"$lab/churn.load" # nodes_close() ends it, too
}

churn_end()
{
    [ -e "$lab/churn.load" ] || return 0
    kill "$(cat "$lab/churn.load")" 2>/dev/null
    wait "$(cat "$lab/churn.load")" 2>/dev/null
    rm -f "$lab/churn.load"
}

# ---- commits -----------------------------------------------------------------

commits_start()
{
    draw 3
    case $drawn in
    0) rows=1 rate=0 ;;
    1) rows=10 rate=20 ;;
    *) rows=3 rate=50 ;;
    esac
    load_run "commits$round" "$commits" commit --topic commits --groups "$groups" \
        --prefix "round-$round" --rows "$rows" --rate "$rate"
}

# commits_verified R: none that was acknowledged is missing, or older.
commits_verified()
{
    timeout 120 "$commits" verify --topic commits --prefix "round-$1" \
        --books "$lab/commits$1.books" --groups "$groups" \
        >"$lab/commits$1.verify.json" 2>"$lab/commits$1.verify.err" && return 0
    found "commits of $1: lost $(number "$lab/commits$1.verify.json" lost)"
    cat "$lab/commits$1.verify.err" "$lab/commits$1.verify.json"
    lab_fail "$fs, round $round, seed $((seed + round)): commits of $1"
}

commits_judge()
{
    commits_verified "$round"
    add commits "$lab/commits$round.load.json" acked
    add commits "$lab/commits$round.verify.json" rows lost phantom changed
    most commit_gap "$(number "$lab/commits$round.load.json" ack_gap_ms)"
    # Nobody's state may be found damaged, or another than the others'.
    if grep -E ' state (quarantined|differs|astray|damaged)' "$lab"/n?.log; then
        lab_fail "$fs, round $round, seed $((seed + round)): states differ"
    fi
    [ -e "$lab/commits$((round - 1)).books" ] || return 0
    commits_verified "$((round - 1))"
    rm -f "$lab/commits$((round - 1))."*
}

# Where the cuts fell: at each start, for each state group, between which of
# apply, checkpoint and trim -> $behind $untrimmed $trimmed.
#   behind     the durable log goes on where the durable database ends
#   untrimmed  the database was made durable, its log not yet trimmed to there
#   trimmed    the log begins where the database ends
windows()
{
    # shellcheck disable=SC2046 # three numbers
    set -- $(cat "$lab"/n?.log | grep ' state found' | awk '
    {
        for (i = 1; i <= NF; i++) { split($i, x, "="); at[x[1]] = x[2] + 0 }
        if (at["last"] <= 1) next
        if (at["applied"] < at["last"]) behind++
        if (at["base"] < at["applied"]) untrimmed++
        else if (at["base"] > 1) trimmed++
    }
    END { print behind + 0, untrimmed + 0, trimmed + 0 }')
    behind=$1 untrimmed=$2 trimmed=$3
}
