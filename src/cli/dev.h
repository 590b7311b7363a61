/* dev.h - ostraka dev: a cluster for development on this machine. */
#ifndef CLI_DEV_H
#define CLI_DEV_H

#include "cli/command.h"

/* The rows of `dev`, ended by one without a noun. */
extern const struct command dev_commands[];

#endif
