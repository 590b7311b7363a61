#!/bin/sh
# plants.sh: does each planted fault still change the file that it names?
exec sh "${srcdir:-.}/test/sim/teeth.sh" --list
