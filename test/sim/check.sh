#!/bin/sh
# check.sh: the seeds that once failed, and fresh ones (see sim.c).
exec test/sim/sim --check "${srcdir:-.}/test/sim/seeds.txt"
