/* signals.h - what signals ask of a node. TERM, INT: stop in order, a second
 * one at once. HUP: open the log file anew (logrotate). */
#ifndef SERVER_SIGNALS_H
#define SERVER_SIGNALS_H

#include "server/node.h"

/* Watch them from now on. Borrows the node until the env is freed. */
void signals_watch(struct node *n);

#endif
