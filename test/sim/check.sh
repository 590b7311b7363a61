#!/bin/sh
# check.sh: the seeds that once failed, and fresh ones (see sim.c).
# SIM_FRESH: how many fresh ones; SIM_BASE: from which seed on, to replay.
exec test/sim/sim --check "${srcdir:-.}/test/sim/seeds.txt" \
    --jobs "$(nproc 2>/dev/null || echo 1)" \
    --fresh "${SIM_FRESH:-200}" ${SIM_BASE:+--base "$SIM_BASE"}
