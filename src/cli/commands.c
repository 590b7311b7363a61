/* commands.c - all commands, in the order of help. */
#include "cli/command.h"
#include "cli/dev.h"

const struct command *const command_tables[] = {dev_commands, NULL};
