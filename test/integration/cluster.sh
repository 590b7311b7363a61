# cluster.sh - sourced by the integration tests: a cluster of this build, and
# a load on it that is checked afterwards.
#
# Needs OSTRAKA_SRC and OSTRAKA_BUILD. Everything lies below $work, which is
# removed when the test passed. OSTRAKA_LONG=N makes a test run about N times
# as long; with OSTRAKA_KEEP=1 the cluster of a failed test goes on running.
# OSTRAKA_CHECK is another build's check-load (a sanitizer may not go with
# librdkafka), OSTRAKA_SET a setting for all nodes ("storage.io=threads").
#
# shellcheck shell=sh disable=SC2034 # sourced

ostraka=$OSTRAKA_BUILD/src/cli/ostraka
check=${OSTRAKA_CHECK:-$OSTRAKA_BUILD/test/integration/checker/check-load}
long=${OSTRAKA_LONG:-1}
work=
load_pid=

fail()
{
    echo "FAILED: $*"
    exit 1
}

skip()
{
    echo "$1"
    exit 77
}

# test_begin: where this test works, and what happens at its end.
test_begin()
{
    name=$(basename "$0" .sh)
    work=$OSTRAKA_BUILD/test/integration/run-$name.$$
    dir=$work/cluster
    rm -rf "$work"
    mkdir -p "$work" || exit 1
    # The way out of every end of the script, its limit included.
    trap test_end EXIT
    trap 'exit 143' TERM
    trap 'exit 130' INT
}

test_end()
{
    status=$?
    trap - EXIT
    if [ -n "$load_pid" ]; then
        kill "$load_pid" 2>/dev/null
        wait "$load_pid" 2>/dev/null
    fi
    if [ "$status" -ne 0 ] && [ -n "${OSTRAKA_KEEP:-}" ]; then
        echo "the cluster is left running: $dir"
        exit "$status"
    fi
    if [ -d "$dir" ]; then
        "$ostraka" dev down --dir "$dir" >/dev/null 2>&1
    fi
    # A build with sanitizers, or a node under valgrind, says it in its log.
    if grep -h -A 30 -E -e 'ERROR: (Address|Leak|Thread)Sanitizer' \
        -e 'WARNING: ThreadSanitizer' -e 'runtime error:' \
        -e 'ERROR SUMMARY: [1-9]' "$dir"/n*/ostrakad.log 2>/dev/null; then
        [ "$status" -ne 0 ] || status=1
    fi
    if [ "$status" -eq 0 ] || [ "$status" -eq 77 ]; then
        rm -rf "$work"
    else
        tail -n 12 "$dir"/n*/ostrakad.log 2>/dev/null
        echo "what is left of it: $work"
    fi
    exit "$status"
}

dev()
{
    verb=$1
    shift
    "$ostraka" dev "$verb" --dir "$dir" "$@"
}

# cluster_up ARGUMENTS of dev up...: then OSTRAKA_BOOTSTRAP is set.
cluster_up()
{
    [ -z "${OSTRAKA_SET:-}" ] || set -- "$@" --set "$OSTRAKA_SET"
    dev up "$@" >"$work/up.out" 2>&1 || {
        cat "$work/up.out"
        fail "dev up $*"
    }
    eval "$("$ostraka" dev env --dir "$dir")"
    export OSTRAKA_BOOTSTRAP
}

node_kill()
{
    dev kill "$@" >/dev/null || fail "dev kill $*"
}

node_start()
{
    dev start "$1" >"$work/start.out" 2>&1 || {
        cat "$work/start.out"
        fail "node $1 does not start again"
    }
}

# load_start ARGUMENTS of check-load produce...: in the background, its books
# in $work/books.
load_start()
{
    rm -f "$work/status" "$work/load.json"
    # What the client decided, for when it is needed.
    "$check" produce --books "$work/books" --status "$work/status" \
        --set debug=eos --set log_level=7 "$@" \
        >"$work/load.json" 2>"$work/load.err" &
    load_pid=$!
    load_wait 1 60
}

# Records acknowledged so far.
load_acked()
{
    if read -r acked rest <"$work/status"; then
        echo "$acked"
    else
        echo 0
    fi 2>/dev/null
}

# load_wait N LIMIT: until N more records are acknowledged, at most LIMIT s.
load_wait()
{
    from=$(load_acked)
    tries=$(($2 * 20))
    while [ "$(load_acked)" -lt $((from + $1)) ]; do
        kill -0 "$load_pid" 2>/dev/null || {
            tail -n 5 "$work/load.err"
            fail "the load has ended"
        }
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] ||
            fail "$1 acknowledgements did not come within $2 s"
        sleep 0.05
    done
}

# load_stop: stop producing, wait for the answers.
load_stop()
{
    kill -TERM "$load_pid"
    wait "$load_pid"
    status=$?
    load_pid=
    cat "$work/load.json"
    if [ "$status" -ne 0 ]; then
        tail -n 5 "$work/load.err"
        fail "the load ended with $status"
    fi
}

# verify ARGUMENTS of check-load verify...: against $work/books. Records sent
# again in a new epoch are excused if the client's log says that it was the
# client's own doing.
verify()
{
    if [ -f "$work/load.err" ] &&
        awk -f "$OSTRAKA_SRC/test/integration/raced.awk" "$work/load.err"; then
        set -- "$@" --may-resend
    fi
    "$check" verify --books "$work/books" "$@" >"$work/verify.json" \
        2>"$work/verify.err"
    status=$?
    cat "$work/verify.json" "$work/verify.err"
    [ "$status" -eq 0 ] || fail "check-load verify: exit $status"
}

# number FILE KEY: a number out of a line of JSON.
number()
{
    sed -n "s/.*\"$2\": \\([0-9]*\\).*/\\1/p" "$1"
}
