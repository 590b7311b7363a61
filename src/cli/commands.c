/* commands.c - all commands, in the order of help. */
#include "cli/bench.h"
#include "cli/command.h"
#include "cli/dev.h"

const struct command *const command_tables[] = {dev_commands, bench_commands,
                                                NULL};
