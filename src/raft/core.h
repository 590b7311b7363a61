/* core.h - the seam around the consensus library: events in, effects out.
 *
 * No I/O, no clock. The core*.c files are the only ones that see <raft.h>;
 * every guard of raft.md section 4.2 lives there, so that the library can be
 * replaced behind this header. One core per group; it reads and changes the
 * group's tail (truncates, pushes), in which it makes the header of each
 * entry.
 *
 * Duties of the owner, in order, after each step:
 *   hard      journal {term, vote}; gate later messages of the group behind it
 *   append    journal tail entries [append_first, append_first + append_n)
 *   messages  send those whose gate is durable, keep the others in order
 *   role, commit: tell
 */
#ifndef RAFT_CORE_H
#define RAFT_CORE_H

#include "raft/group.h"
#include "raft/message.h"

struct core;

/* The guards, for core_options.unsafe_guards_off. Names as in raft.md 4.2. */
enum core_guard {
    CORE_GUARD_REJECTION = 1 << 0, /* N1: stale rejections */
    CORE_GUARD_BASE = 1 << 1,      /* N2: appends below the log base */
    CORE_GUARD_SPLIT = 1 << 2,     /* N3: a CHANGE begins its event */
    CORE_GUARD_CAUGHT_UP = 1 << 3, /* N4: transfer to the caught up only */
    CORE_GUARD_BOOTSTRAP = 1 << 4, /* N5: bootstrap at index >= 2 */
    CORE_GUARD_ECHO = 1 << 5,      /* N6: results of older terms */
    CORE_GUARD_COMMIT = 1 << 6,    /* N7: commit never goes back */
    CORE_GUARD_TIMEOUT = 1 << 7,   /* N8: timeouts in the past */
    CORE_GUARD_SUBMIT = 1 << 8,    /* N9: send at once */
    CORE_GUARD_VOTER = 1 << 9,     /* N10: vote whatever our log says of us */
    CORE_GUARD_OWN_TERM = 1 << 10, /* N11: changes after own-term commit */
    CORE_GUARD_EXPIRY = 1 << 11,   /* N12: a silent leader expires */
    CORE_GUARD_PRE_VOTE = 1 << 12, /* N13: a denial tells the term */
    CORE_GUARD_HINT = 1 << 13,     /* N14: skip a conflicting term whole */
    CORE_GUARD_CHANGE = 1 << 14,   /* N15, N16: one difference, no demotion */
    CORE_GUARD_INSTALL = 1 << 15,  /* N20: offers are held outside */
    CORE_GUARD_BARRIER = 1 << 16,  /* L4: own no-op on election */
    CORE_GUARD_RESEND = 1 << 17,   /* N9: probes do not repeat entries */
    CORE_GUARD_RESULT = 1 << 18    /* N17: results are for candidates */
};

struct core_options {
    struct chunk_pool *pool; /* for the payloads of changes */
    uint32_t heartbeat_ms;
    uint32_t election_ms;
    uint32_t inflight_max; /* entries in flight per follower */
    bool tell;             /* ask for CORE_TELL (group_start.tell) */
    /* Testing only ("unsafe."): guards switched off, to show the defect. */
    uint32_t unsafe_guards_off;
    bool unsafe_no_pre_vote;
};

enum core_event_kind {
    CORE_RECEIVE, /* message (decoded and checked, for this member) */
    CORE_TIMEOUT,
    CORE_PROPOSE,   /* entries: kind, offsets, payload, batch CRC */
    CORE_CHANGE,    /* a new configuration (one role, one more or one less) */
    CORE_PERSISTED, /* index: our log up to it is durable */
    CORE_COMPACTED, /* the base rises to the point: the manifest is durable */
    CORE_INSTALLED, /* an offered snapshot is durable: point, config */
    CORE_TRANSFER,  /* member: hand leadership over */
    CORE_JUMP,      /* the leader is gone: time out now */
    CORE_TELL,      /* leader: tell idle followers what is committed */
    CORE_SUSPECT,   /* the leader may be gone: it does not hold votes back */
    CORE_PAUSED     /* pause_ms during which nothing ran: presume nothing */
};

struct core_event {
    enum core_event_kind kind;
    uint64_t now_ms; /* monotonic */
    int64_t wall_ms; /* for entry times */
    union {
        const struct message *message;
        struct {
            struct group_propose *const *proposals;
            unsigned n;
        } propose;
        const struct group_config *change;
        uint64_t index;
        struct {
            struct log_point point;
            uint64_t config_index;
            const struct group_config *config;
        } snapshot;
        uint64_t member;
        uint64_t pause_ms;
    };
};

struct core_effects {
    bool hard;                      /* term or vote changed */
    uint64_t term, vote;            /* valid always */
    uint64_t append_first;          /* first index to journal */
    unsigned append_n;              /* 0: nothing */
    uint64_t truncated_from;        /* 0: nothing was truncated */
    bool role_changed;              /* role, term or leader */
    uint64_t commit;                /* never goes back */
    uint64_t timeout_ms;            /* when to feed CORE_TIMEOUT next */
    const struct message *messages; /* valid until the next step */
    unsigned n_messages;
    bool offer;    /* the message was a snapshot offer to hold */
    bool tell;     /* CORE_TELL has somebody to tell */
    bool handover; /* a member that we counted is in repair: transfer away */
    bool alarm;    /* the message cannot come from a correct peer: dropped */
};

/* Start. `tail` is borrowed for the core's life. Errors as group_open(). */
int core_open(struct mem *mem, const struct group_start *start,
              struct tail *tail, const struct core_options *options,
              uint64_t seed, const struct core_event *now, struct core **ret_c,
              struct core_effects *ret_effects);
/* Free it; the tail is the owner's. NULL is fine. */
void core_close(struct core *c);
/* One step. Returns 0 and effects; PROPOSE, CHANGE and TRANSFER may be refused
 * with nothing changed:
 *   ERR_NOTLEADER
 *   ERR_NOTREADY   a transfer is going on; CHANGE: nothing of the own term is
 *                  committed, or the newcomer has not caught up; TRANSFER: the
 *                  member has not caught up
 *   ERR_BUSY       a change is going on
 *   ERR_INVALID    CHANGE: not one difference, a demotion, removal of self
 *   ERR_NOTFOUND   TRANSFER: no such voter
 *   ERR_RANGE      base offsets do not continue the log; COMPACTED: not in
 *                  (base, min(commit, stored)]
 * INSTALLED is ERR_RANGE if the log has the point already, ERR_NOTREADY while
 * leader. Any other failure means memory and disk may differ: the caller dies
 * (raft.md 2). */
int core_step(struct core *c, const struct core_event *ev,
              struct core_effects *ret_effects);

/* What it is now. */
enum group_role core_role(const struct core *c);
/* The present term; durable when the last hard effect is. */
uint64_t core_term(const struct core *c);
/* Membership id of the leader known, 0 if none. */
uint64_t core_leader(const struct core *c);
/* Highest commit index known; never goes back. */
uint64_t core_commit(const struct core *c);
/* Leader, with an entry of its own term committed. */
bool core_ready(const struct core *c);
/* Damaged: neither votes nor campaigns. */
bool core_repair(const struct core *c);
/* The configuration in force (the last one in the log) and its index. */
const struct group_config *core_config(const struct core *c);
uint64_t core_config_index(const struct core *c);
/* Durable index of a member as the leader knows it. ERR_NOTFOUND, or
 * ERR_NOTLEADER. */
int core_match(const struct core *c, uint64_t member, uint64_t *ret_index);
/* The member told this leader that it is in repair: it will not campaign. */
bool core_damaged(const struct core *c, uint64_t member);
/* True while the library waits for a transferee to take over. */
bool core_transferring(const struct core *c);
/* Invariants, for tests: library and tail tell the same story. */
void core_check(const struct core *c);

/* At process start: the library is 0.22.1 in the ABI we were built against,
 * and owns memory as 0.22.1 does (raft.md 2.4). Errors: ERR_VERSION,
 * ERR_NOMEM. */
int core_probe(struct err *err);

#endif
