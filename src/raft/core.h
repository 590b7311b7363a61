/* core.h - the seam around the consensus library: events in, effects out.
 *
 * No I/O, no clock. core.c is the only file that sees <raft.h>; every guard of
 * raft.md section 4.2 lives there, so that the library can be replaced behind
 * this header. One core per group; it reads and changes the group's tail
 * (truncates, pushes), in which it makes the header of each entry.
 *
 * Duties of the owner, in order, after each step:
 *   hard     journal {term, vote}; gate later messages of the group behind it
 *   append   journal tail entries [append_first, append_first + append_n)
 *   messages send those whose gate is durable, keep the others in order
 *   role, commit: tell
 */
#ifndef RAFT_CORE_H
#define RAFT_CORE_H

#include "raft/group.h"
#include "raft/message.h"

struct core;

enum core_event_kind {
    CORE_RECEIVE,    /* message (decoded, validated, from a member) */
    CORE_TIMEOUT,
    CORE_PROPOSE,    /* entries: kind, offsets, payload, batch CRC */
    CORE_CHANGE,     /* a new configuration (one role, one more or one less) */
    CORE_PERSISTED,  /* index: our log up to it is durable */
    CORE_COMPACTED,  /* the base rose to point: the manifest is durable */
    CORE_INSTALLED,  /* an offered snapshot is durable: point, config */
    CORE_TRANSFER    /* member: hand leadership over */
};

struct core_event {
    enum core_event_kind kind;
    uint64_t now_ms;  /* monotonic */
    int64_t wall_ms;  /* for entry times */
    union {
        const struct raft_message_in *message;
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
    };
};

struct core_effects {
    bool hard;               /* term or vote changed */
    uint64_t term, vote;     /* valid always */
    uint64_t append_first;   /* first index to journal */
    unsigned append_n;       /* 0: nothing */
    uint64_t truncated_from; /* 0: nothing was truncated */
    bool role_changed;
    uint64_t commit;         /* never goes back */
    uint64_t timeout_ms;     /* when to feed CORE_TIMEOUT next */
    struct raft_message_out *messages; /* valid until the next step */
    unsigned n_messages;
    bool offer;              /* message was a snapshot offer to hold */
};

/* Start. `tail` is borrowed for the core's life. Errors as group_open(). */
int core_open(struct mem *mem, const struct group_start *start,
              struct tail *tail, const struct consensus_options *options,
              uint64_t seed, uint64_t now_ms, struct core **ret_c);
void core_close(struct core *c);
/* One step. Returns 0 and effects; PROPOSE, CHANGE and TRANSFER may be refused
 * (ERR_NOTLEADER, ERR_BUSY, ERR_NOTFOUND...), with nothing changed. Any other
 * failure means memory and disk may differ: the caller dies (raft.md 2). */
int core_step(struct core *c, const struct core_event *ev,
              struct core_effects *ret_effects);

enum group_role core_role(const struct core *c);
uint64_t core_term(const struct core *c);
uint64_t core_leader(const struct core *c);
uint64_t core_commit(const struct core *c);
const struct group_config *core_config(const struct core *c);
uint64_t core_config_index(const struct core *c);
/* Durable index of a member as the leader knows it. ERR_NOTFOUND, or
 * ERR_NOTLEADER. */
int core_match(const struct core *c, uint64_t member, uint64_t *ret_index);

/* At process start: the library is 0.22.1 in the ABI we were built against,
 * and its ownership regime is known (raft.md 2.4). Errors: ERR_VERSION. */
int core_probe(struct err *err);

#endif
