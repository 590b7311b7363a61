#!/bin/sh
# run.sh [--until-quiet] SECONDS [HARNESS...]: each libFuzzer harness for that
# long, beginning with its committed corpus; or again and again, until so many
# seconds brought nothing that was not covered before (edges, libFuzzer's
# "cov"). Run in the directory of a build that was configured with
# --enable-fuzz and made by `make fuzz`; OSTRAKA_SRC is the source tree. What
# is found stays below test/fuzz/work/HARNESS: inputs that brought coverage,
# and crash-* of a failure. The last line of each harness says what it did;
# exit 1 if one failed.
set -u
quiet=1 # rounds in a row that bring nothing
if [ "${1:-}" = --until-quiet ]; then
    quiet=5
    shift
fi
seconds=${1:?seconds}
shift
[ $((seconds / quiet)) -gt 0 ] || {
    echo "less than a second a round"
    exit 2
}
src=${OSTRAKA_SRC:?the source tree}
[ $# -gt 0 ] || set -- $(cd test/fuzz && ls fuzz_* 2>/dev/null |
    sed -n 's/^fuzz_\([a-z_]*\)$/\1/p')
[ $# -gt 0 ] || {
    echo "no harness is built here"
    exit 1
}

found()
{
    find "$work" -name 'crash-*' -o -name 'timeout-*' -o -name 'oom-*' \
        -o -name 'leak-*' | wc -l
}

# more: at its end it covered what the corpus it began with did not.
more()
{
    [ "$(sed -n 's/.*INITED cov: \([0-9]*\).*/\1/p' "$work/log")" != \
        "$(sed -n 's/.* cov: \([0-9]*\).*/\1/p' "$work/log" | tail -n 1)" ]
}

# once: a round of `name`; false if it failed or found something.
once()
{
    before=$(found)
    set --
    [ ! -f "$src/test/fuzz/$name.dict" ] ||
        set -- -dict="$src/test/fuzz/$name.dict"
    "test/fuzz/fuzz_$name" "$@" -max_total_time=$((seconds / quiet)) -timeout=120 \
        -rss_limit_mb=4096 -print_final_stats=1 -verbosity=1 \
        -artifact_prefix="$work/" "$work/corpus" \
        "$src/test/fuzz/corpus/$name" >"$work/log" 2>&1 </dev/null
    status=$?
    runs=$((runs + $(sed -n 's/^stat::number_of_executed_units: *//p' \
        "$work/log" | grep . || echo 0)))
    if [ "$status" -ne 0 ] || [ "$(found)" -ne "$before" ]; then
        bad=1
        grep -E 'ERROR|assertion|SUMMARY|Test unit written' "$work/log"
        return 1
    fi
}

bad=0
for name in "$@"; do
    work=test/fuzz/work/$name
    mkdir -p "$work/corpus"
    runs=0
    in_a_row=0
    began=$(date +%s)
    while [ "$in_a_row" -lt "$quiet" ] && once; do
        if more && [ "$quiet" -gt 1 ]; then
            in_a_row=0
        else
            in_a_row=$((in_a_row + 1))
        fi
    done
    printf '%-12s exit %d, %d s, %s runs, %s\n' "$name" "$status" \
        $(($(date +%s) - began)) "$runs" \
        "$(grep -o 'cov: [0-9]* ft: [0-9]*' "$work/log" | tail -n 1)"
done
exit "$bad"
