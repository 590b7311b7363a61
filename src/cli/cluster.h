/* cluster.h - ostraka cluster: is it well, and if not, why. */
#ifndef CLI_CLUSTER_H
#define CLI_CLUSTER_H

#include "cli/command.h"

/* The rows of `cluster`, ended by one without a noun. */
extern const struct command cluster_commands[];

#endif
