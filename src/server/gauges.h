/* gauges.h - metrics of the node as a whole: memory, the process, its replicas,
 * its journal, its connections to others. Nothing is counted here: each value
 * is asked of who knows it when somebody looks (doc/METRICS.md).
 *
 * Thread: the loop's.
 */
#ifndef SERVER_GAUGES_H
#define SERVER_GAUGES_H

struct gauges;
struct node;

/* Register; `n` is borrowed for the gauges' life, and may be still without a
 * broker. Errors: ERR_NOMEM. */
int gauges_new(const struct node *n, struct gauges **ret_g);
/* NULL is fine. */
void gauges_free(struct gauges *g);

#endif
