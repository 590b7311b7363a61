/* commands.c - all commands, in the order of help. */
#include "cli/bench.h"
#include "cli/command.h"
#include "cli/dev.h"
#include "cli/topic.h"

const struct command *const command_tables[] = {dev_commands, topic_commands,
                                                bench_commands, NULL};
