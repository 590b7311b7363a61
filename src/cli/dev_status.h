/* dev_status.h - what the nodes of a development cluster are doing. */
#ifndef CLI_DEV_STATUS_H
#define CLI_DEV_STATUS_H

#include "cli/dev_files.h"

/* Print the addresses that clients bootstrap from, without a line's end. */
void dev_status_bootstrap(const struct dev *d);
/* Look at every node anew and print what it does: a table, or with --json
 * {"schema": "ostraka.dev.status/1", "dir", "bootstrap", "data": [a node]}.
 * Returns an exit code. */
int dev_status_print(struct dev *d);

#endif
