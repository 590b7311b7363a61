#!/bin/sh
# check.sh: the seeds that once failed, and fresh ones (see sim.c). Which are
# fresh follows from the sources: others with every change, the same ones
# wherever the same sources are built, so that a red run is the change's.
# SIM_FRESH: how many; SIM_BASE: from which on ("now": from the clock).
# test/run: limit 1800
src=${srcdir:-.}
case ${SIM_BASE:-} in
'')
    sum=$(cd "$src" && find src include test/sim -name '*.[ch]' -type f |
        LC_ALL=C sort | xargs cat | cksum) || exit 1
    base=${sum%% *}000
    ;;
now) base=$(date +%s)000 ;;
*) base=$SIM_BASE ;;
esac
exec test/sim/sim --check "$src/test/sim/seeds.txt" \
    --jobs "$(nproc 2>/dev/null || echo 1)" \
    --fresh "${SIM_FRESH:-200}" --base "$base"
