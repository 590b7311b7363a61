/* state_check.h - do the replicas of a state group hold the same state?
 *
 * Replicas apply the same commands in the same order, so their state hashes
 * are equal at equal indexes. Each tells the others its hash at indexes that
 * all of them pass (machine.h, points), and keeps what it was told. A hash
 * that a majority of the members has at an index is right: whoever holds
 * another one there has gone astray.
 *
 *   {u8 version 1, u8 ask, u32 schema, u8 n, n * {u64 index, u64 hash}}
 *
 * `ask`: tell me yours. A message of another version, or of another version of
 * the schema (an upgrade under way), is not compared. Big-endian. Nothing here
 * is in the log. Thread: the loop's.
 */
#ifndef BROKER_STATE_CHECK_H
#define BROKER_STATE_CHECK_H

#include "base/buf.h"
#include "net/peers.h"
#include "state/machine.h"

#define STATE_POINTS_MAX (MACHINE_POINTS_MAX + 1)

/* What a replica says of its state. */
struct state_points {
    unsigned n;
    struct machine_point v[STATE_POINTS_MAX]; /* by index, ascending */
};

/* What the others of a group said last. */
struct state_check {
    unsigned n_members; /* self included */
    uint32_t schema;
    struct {
        int32_t node;
        struct state_points points;
    } * others;
    unsigned n_others;
    struct mem *mem;
};

/* For a group of these nodes. Errors: ERR_NOMEM. */
int state_check_init(struct state_check *c, struct mem *mem,
                     const int32_t nodes[], unsigned n, int32_t self,
                     uint32_t schema);
/* Not initialised, but zeroed, is fine. */
void state_check_close(struct state_check *c);

/* Append the message that says our points. */
void state_check_encode(const struct state_check *c,
                        const struct state_points *own, bool ask,
                        struct buf *out);
/* Note what a node says. *ret_ask: it wants ours. Errors: ERR_PROTOCOL
 * (nothing is noted), ERR_VERSION (not to be compared: what it said before is
 * forgotten), ERR_NOTFOUND (no member). */
int state_check_note(struct state_check *c, int32_t node, struct slice message,
                     bool *ret_ask);

enum state_verdict {
    STATE_UNKNOWN, /* no index at which enough of them are known */
    STATE_SAME,    /* all that are known are equal, and a majority */
    STATE_OTHERS,  /* ours is the majority's; others have gone astray */
    STATE_ASTRAY,  /* a majority has another one */
    STATE_SPLIT    /* they differ, and no majority is known */
};
/* At `index`, the newest that a majority of the members is known at. */
struct state_judgement {
    enum state_verdict verdict;
    uint64_t index, own, majority; /* hashes; majority 0: none */
    unsigned n_known;              /* members, self included */
    int32_t other;                 /* a node whose hash is not ours; -1: none */
};
struct state_judgement state_check_judge(const struct state_check *c,
                                         const struct state_points *own);

#endif
