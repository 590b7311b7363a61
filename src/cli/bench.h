/* bench.h - `ostraka bench`: drive any Kafka-compatible cluster and measure. */
#ifndef CLI_BENCH_H
#define CLI_BENCH_H

#include "cli/command.h"

extern const struct command bench_commands[];

#endif
