/* same.h - the same statement on every node of a quiet cluster gives the same
 * rows. */
#ifndef SIM_SAME_H
#define SIM_SAME_H

#include "world.h"

/* With every node alive that is not down for good, every link up, and nobody
 * who changes anything: a few SQL statements that are drawn are asked of all
 * nodes, again while they saw different moments, at most `limit_us` of virtual
 * time each. How many there were, and came out the same, is counted. Violation:
 *   sql-differs  two nodes that saw the same states gave other rows */
void same_judge(struct world *w, uint64_t limit_us);

#endif
