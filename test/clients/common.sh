# shellcheck shell=sh
# common.sh - sourced by the tests of foreign clients, over the integration
# tests' cluster.sh: what is skipped, checks that are counted, and a place that
# keeps what a package manager fetched.
#
# A test works below $work, which is removed when it passed; what was fetched
# stays below $kept, so that a second run needs no network. With
# OSTRAKA_CLIENTS_BOOTSTRAP=HOST:PORT,... a test uses a cluster that is there.

: "${OSTRAKA_SRC:?}" "${OSTRAKA_BUILD:?}"
. "$OSTRAKA_SRC/test/integration/cluster.sh"
# shellcheck disable=SC2034 # used by those who fetch
kept=$OSTRAKA_BUILD/test/clients/$(basename "$0" .sh)
failures=0
checks=0

# needs PROGRAM...: what is not on this machine is a reason to skip.
needs()
{
    for program in "$@"; do
        command -v "$program" >/dev/null 2>&1 || skip "$program is not here"
    done
}

# clients_begin: then three nodes serve at OSTRAKA_BOOTSTRAP.
clients_begin()
{
    test_begin
    if [ -n "${OSTRAKA_CLIENTS_BOOTSTRAP:-}" ]; then
        export OSTRAKA_BOOTSTRAP="$OSTRAKA_CLIENTS_BOOTSTRAP"
    else
        cluster_up --nodes 3
    fi
}

# check WHAT COMMAND...: one line for each thing that was tried.
check()
{
    what=$1
    shift
    checks=$((checks + 1))
    if "$@" >"$work/check.out" 2>&1; then
        echo "ok    $what"
    else
        echo "FAIL  $what"
        tail -n 20 "$work/check.out"
        failures=$((failures + 1))
    fi
}

# clients_run WHAT COMMAND...: a program that prints such lines itself, and
# fails if one of its checks does.
clients_run()
{
    what=$1
    shift
    status=0
    "$@" >"$work/run.out" 2>"$work/run.err" || status=$?
    grep -E '^(ok   |FAIL|with|skip) ' "$work/run.out"
    checks=$((checks + $(grep -Ec '^(ok   |FAIL) ' "$work/run.out")))
    failures=$((failures + $(grep -c '^FAIL ' "$work/run.out")))
    if [ "$status" -ne 0 ]; then
        echo "FAIL  $what: exit $status"
        grep -vE '^(ok   |FAIL|with|skip) ' "$work/run.out" | tail -n 20
        tail -n 30 "$work/run.err"
        failures=$((failures + 1))
    fi
}

# clients_done: the verdict of all the checks.
clients_done()
{
    echo "$checks checks, $failures failed"
    [ "$failures" -eq 0 ] && [ "$checks" -gt 0 ]
    exit
}
