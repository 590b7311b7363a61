/* bench.h - `ostraka bench`: drive any Kafka-compatible cluster and measure. */
#ifndef CLI_BENCH_H
#define CLI_BENCH_H

#include "cli/command.h"
#include "cli/watch.h"

/* The option that names the servers to watch. */
/* clang-format off */
#define BENCH_PIDS_OPTION                                                      \
    {"pids", 0, "PIDS",                                                        \
     "the servers' processes, when they run on this machine: what they use "   \
     "in the measured time is reported (\"$OSTRAKA_PIDS\")"}
/* clang-format on */

extern const struct command bench_commands[];

/* A number with a fraction. Returns 0 or EXIT_USAGE, said. */
int bench_double(const struct command_call *c, const char *name,
                 double otherwise, double *ret_v);
/* What --pids names. The same. */
int bench_watch(const struct command_call *c, struct watch *w);

/* bench_groups.c */
extern const struct command_option bench_groups_options[];
int bench_groups(struct command_call *c);

#endif
