/* core_guard.h - the guards that need no library: plain numbers. */
#ifndef RAFT_CORE_GUARD_H
#define RAFT_CORE_GUARD_H

#include "raft/message.h"

/* N2: cut an append at the log base. What lies below the base is committed, so
 * a leader has the same; nothing of it may reach the library, which would take
 * it for new. */
void guard_cut_base(struct message *m, const struct tail *tail);

/* N3: entries of `m` before the first CHANGE that is not its first entry; all
 * of them if there is none. */
unsigned guard_split(const struct message *m);
/* Make `m` begin after its first k entries. */
void guard_skip(struct message *m, unsigned k);

/* The new entries of an append continue our log: offsets, time, chain. False:
 * the sender's log is not a log. */
bool guard_continues(const struct message *m, const struct tail *tail);

/* N14: the hint of a rejection, past the whole conflicting term, not below
 * `floor`. */
uint64_t guard_hint(const struct tail *tail, uint64_t rejected, uint64_t hint,
                    uint64_t floor);

/* N10, N15, N16: `next` is `now` with one member more (a standby), one less
 * (not self), or one promoted. *ret_promoted is who, or 0. */
bool guard_change(const struct group_config *now,
                  const struct group_config *next, uint64_t self,
                  uint64_t *ret_promoted);

#endif
