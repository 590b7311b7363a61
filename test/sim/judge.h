/* judge.h - the end of a run, with every node alive and every link up: is
 * everything live again, and does every replica hold what was promised? */
#ifndef SIM_JUDGE_H
#define SIM_JUDGE_H

#include "world.h"

/* Ends the load, waits at most `limit_us` of virtual time for each step: open
 * batches are acknowledged; every partition takes a fresh record; every
 * replica of it can be read up to there. What is wrong is a violation. */
void judge_all(struct world *w, uint64_t limit_us);

/* Ends the load, and reads from every replica what it gives, for `span_us` of
 * virtual time. None has to: but what is read is judged. */
void judge_truth(struct world *w, uint64_t span_us);

#endif
