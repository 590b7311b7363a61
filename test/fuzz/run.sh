#!/bin/sh
# run.sh SECONDS [HARNESS...]: each libFuzzer harness for that long, beginning
# with its committed corpus. Run in the directory of a build that was
# configured with --enable-fuzz and made by `make fuzz`; OSTRAKA_SRC is the
# source tree. What is found stays below test/fuzz/work/HARNESS: inputs that
# brought coverage, and crash-* of a failure. The last line of each harness
# says what it did; exit 1 if one failed.
set -u
seconds=${1:?seconds}
shift
src=${OSTRAKA_SRC:?the source tree}
[ $# -gt 0 ] || set -- $(cd test/fuzz && ls fuzz_* 2>/dev/null |
    sed -n 's/^fuzz_\([a-z_]*\)$/\1/p')
[ $# -gt 0 ] || {
    echo "no harness is built here"
    exit 1
}
bad=0
for name in "$@"; do
    work=test/fuzz/work/$name
    mkdir -p "$work/corpus"
    before=$(find "$work" -name 'crash-*' -o -name 'timeout-*' \
        -o -name 'oom-*' -o -name 'leak-*' | wc -l)
    set --
    [ ! -f "$src/test/fuzz/$name.dict" ] ||
        set -- -dict="$src/test/fuzz/$name.dict"
    "test/fuzz/fuzz_$name" "$@" -max_total_time="$seconds" -timeout=120 \
        -rss_limit_mb=4096 -print_final_stats=1 -verbosity=1 \
        -artifact_prefix="$work/" "$work/corpus" \
        "$src/test/fuzz/corpus/$name" >"$work/log" 2>&1 </dev/null
    status=$?
    after=$(find "$work" -name 'crash-*' -o -name 'timeout-*' \
        -o -name 'oom-*' -o -name 'leak-*' | wc -l)
    if [ "$status" -ne 0 ] || [ "$after" -ne "$before" ]; then
        bad=1
        grep -E 'ERROR|assertion|SUMMARY|Test unit written' "$work/log"
    fi
    printf '%-12s exit %d, %s runs, %s\n' "$name" "$status" \
        "$(sed -n 's/^stat::number_of_executed_units: *//p' "$work/log")" \
        "$(grep -o 'cov: [0-9]* ft: [0-9]*' "$work/log" | tail -n 1)"
done
exit "$bad"
