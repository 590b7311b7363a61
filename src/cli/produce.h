/* produce.h - ostraka produce: lines of standard input as records. */
#ifndef CLI_PRODUCE_H
#define CLI_PRODUCE_H

#include "cli/command.h"

/* The row of `produce`, ended by one without a noun. */
extern const struct command produce_commands[];

#endif
