#include "cli/dev.h"

const struct command dev_commands[] = {{NULL}};
