/* group.h - a consensus group: one replicated log.
 *
 * A node has one `struct consensus`, which owns the timers, the messages to
 * and from peers and the journal's completions, and a `struct group` for each
 * log it holds a replica of. A group keeps its log above the base in a `struct
 * tail`, gates messages behind the journal (a vote leaves when the record of
 * it is durable), counts itself only up to what is durable here, and tells its
 * owner through hooks what is committed.
 *
 *   group_propose        queued; at the end of the turn all proposals of a
 *     |                  group become one append and one message per peer
 *   core_step            the only place that sees the consensus library
 *     |
 *   journal_append       persist      the order is always:
 *   peer_send            send         persist, send, apply, reply
 *   hooks->committed     apply
 *
 * Everything of raft.md section 4.2 (guards), 2.3 (gates) and DESIGN section 6
 * holds here. Thread: the loop's.
 */
#ifndef RAFT_GROUP_H
#define RAFT_GROUP_H

#include "base/chunk.h"
#include "env/env.h"
#include "net/peers.h"
#include "storage/journal.h"
#include "storage/manifest.h"

struct consensus;
struct group;

/* ---- configurations ---------------------------------------------------- */

enum group_member_role { GROUP_VOTER = 1, GROUP_STANDBY = 2 };

/* A member is named by its membership id: one 64-bit number per (node,
 * incarnation), never reused. Node and incarnation are its two halves. */
struct group_member {
    uint64_t id;
    enum group_member_role role;
};
#define GROUP_MEMBERS_MAX 15

struct group_config {
    struct group_member members[GROUP_MEMBERS_MAX];
    unsigned n;
};

static inline uint64_t membership_id(int32_t node, uint32_t incarnation)
{
    return (uint64_t)incarnation << 32 | (uint32_t)node;
}
static inline int32_t membership_node(uint64_t id)
{
    return (int32_t)(uint32_t)id;
}

/* Encode for OPEN records and manifests / decode. Errors: ERR_CORRUPT. */
void group_config_encode(const struct group_config *c, struct buf *out);
int group_config_decode(struct slice in, struct group_config *ret_c);

/* ---- the node's consensus ---------------------------------------------- */

struct consensus_options {
    struct journal *journal;
    struct peers *peers;
    struct chunk_pool *pool;
    int32_t node;
    uint32_t heartbeat_ms;          /* 100 */
    uint32_t election_ms;           /* 400; the library draws T..2T */
    uint32_t quiet_ms;              /* groups idle for so long; 0: never */
    uint32_t message_bytes_max;     /* 1 MiB of entries, or one entry */
    uint32_t inflight_max;          /* messages in flight per follower */
    uint64_t uncommitted_bytes_max; /* of a node: a quarter of the ring */
    uint64_t group_uncommitted_bytes_max;
    uint32_t group_uncommitted_entries_max; /* 1,000 */
};

/* Start: checks the library (version, ownership regime, raft.md 2.4), listens
 * to PEER_RAFT and PEER_BARRIER. The journal's owner listens to the journal
 * and forwards what it says (consensus_durable, consensus_need). Errors:
 * ERR_VERSION, ERR_NOMEM; `err` says what. */
int consensus_open(struct env *e, const struct consensus_options *o,
                   struct consensus **ret_c, struct err *err);
/* All groups must be closed. */
void consensus_close(struct consensus *c);
/* Forwarded by the owner of the journal's listener: see journal_listen(). */
void consensus_durable(struct consensus *c, uint64_t seq);
void consensus_need(struct consensus *c, uint64_t group, uint64_t index);
struct group *consensus_find(struct consensus *c, uint64_t group);

/* ---- groups ------------------------------------------------------------ */

enum group_role { GROUP_FOLLOWER, GROUP_CANDIDATE, GROUP_LEADER };

struct group_hooks {
    /* The commit index rose to `commit`; entries up to it are in the tail
     * until the owner raises the base. `commit` may be above what is durable
     * here: apply only up to group_stored(). Called also when group_stored()
     * rises below the commit index. Called on every replica. */
    void (*committed)(void *arg, struct group *g, uint64_t commit);
    /* Role, term or known leader changed. A leader may serve (`ready`) once an
     * entry of its own term is committed; called again then. */
    void (*role)(void *arg, struct group *g);
    /* Entries >= from were replaced (they were not committed). */
    void (*truncated)(void *arg, struct group *g, uint64_t from);
    /* The leader's log no longer reaches back to ours: it offers its base as
     * this manifest (borrowed). The owner fetches what it stands for, makes it
     * durable (data first, then group_installed()); until then nothing of the
     * old log is given up. Called again for newer offers; the owner may ignore
     * those while it is busy. `from` is the leader's membership id. */
    void (*offered)(void *arg, struct group *g, uint64_t from,
                    struct slice manifest);
    /* The group's journal records must move forward: raise the base to at
     * least `index` if that is possible (flush, checkpoint, then
     * group_compact()); if not, the group copies what is left. */
    void (*need)(void *arg, struct group *g, uint64_t index);
};

struct group_start {
    uint64_t id;
    uint64_t self;         /* membership id */
    struct log_point base; /* of the manifest, or of the bootstrap */
    uint64_t config_index;
    struct slice config;   /* as of the base (core's encoding) */
    uint64_t term, vote;   /* HARD; 0, 0: none yet */
    struct tail *tail;     /* moved: recovered entries, or an empty one */
    struct slice manifest; /* what InstallSnapshot offers; copied */
    bool repair;           /* no vote, no candidacy (DESIGN section 5) */
    uint32_t stand_ms;     /* stand for election if nobody leads by then; 0:
                              when the election timeout says so */
    bool tell;             /* a leader with nothing else to send tells the
                              followers at once what it committed; else they
                              learn it with the next entries or heartbeat */
    bool may_quiet;        /* stop heartbeats when nothing happens (quiet.c) */
    bool sparse;           /* its entries are small, and kept for long: each
                              message's lie in memory of their own */
};

/* Start a group. Its OPEN record must be durable. Hooks are called from the
 * next turn on, and may call anything here, group_close() included. A group
 * that was closed can be opened again from the next turn on. Errors: ERR_NOMEM,
 * ERR_EXISTS, ERR_CORRUPT (configuration), ERR_FULL (a sole voter, and the ring
 * cannot take even the first entry of its term). */
int group_open(struct consensus *c, const struct group_start *start,
               const struct group_hooks *hooks, void *arg,
               struct group **ret_g);
/* Stop taking part. Proposals waiting are canceled; nothing is called after. */
void group_close(struct group *g);

struct group_propose;
/* status 0: committed, at `index`, perhaps under the next leader; applied is
 * the owner's to know. Otherwise ERR_FULL or ERR_NOMEM (not in the log),
 * ERR_NOTLEADER (lost leadership, and the entry is overwritten, or its fate
 * was not known within two election timeouts: it may still commit),
 * ERR_CANCELED (closed). */
typedef void (*group_propose_cb)(struct group_propose *p, int status,
                                 uint64_t index);
struct group_propose {
    struct queue queue;   /* private */
    uint64_t index, term; /* set when appended */
    enum entry_kind kind; /* RECORDS, COMMAND or TRIM */
    int64_t base_offset;  /* RECORDS: must be group_next_offset(); checked */
    int64_t next_offset;
    struct bytes payload; /* shares */
    uint64_t chain_crc;   /* RECORDS: the batch's own CRC, for the chain */
    group_propose_cb cb;  /* may be NULL: see hooks->committed */
    void *data;
};

/* Queue a proposal for the end of the turn. The leader's only. Errors:
 * ERR_NOTLEADER, ERR_NOTREADY (a transfer of leadership is going on), ERR_FULL
 * (uncommitted bytes or entries at their limit: NOT_ENOUGH_REPLICAS),
 * ERR_TOOBIG (no file of the journal takes it), ERR_NOMEM. */
int group_propose(struct group *g, struct group_propose *p);

/* Where the next record will go: end of the log with queued proposals. */
int64_t group_next_offset(const struct group *g);
enum group_role group_role(const struct group *g);
/* Leader with an own-term entry committed, of which its owner was told. */
bool group_ready(const struct group *g);
uint64_t group_id(const struct group *g);
uint64_t group_term(const struct group *g);
/* Membership id of the leader known, 0 if none. */
uint64_t group_leader(const struct group *g);
/* Highest commit index known (never goes back), highest durable here. */
uint64_t group_commit(const struct group *g);
uint64_t group_stored(const struct group *g);
struct tail *group_tail(struct group *g);
const struct group_config *group_config(const struct group *g);
/* Index of the entry (or base) that this configuration comes from. */
uint64_t group_config_index(const struct group *g);
/* Damaged, and not yet brought back: neither votes nor campaigns. The role
 * hook is called when this ends. */
bool group_repair(const struct group *g);

/* Per member as the leader sees it. */
struct group_progress {
    uint64_t id;
    enum group_member_role role;
    uint64_t match; /* durable there */
    bool recent;    /* answered within an election timeout */
};
/* Fill up to GROUP_MEMBERS_MAX; returns how many (0 if not leader). */
unsigned group_progress(const struct group *g, struct group_progress out[]);

/* Raise the log base to manifest->base (at most min(commit, stored)), making
 * the MANIFEST record; `encoded` is copied and offered to laggards from now.
 * Errors: ERR_BUSY (one is on its way), ERR_RANGE, ERR_TOOBIG (no message, or
 * no file of the journal, takes it), ERR_NOMEM, ERR_FULL. */
int group_compact(struct group *g, const struct manifest *manifest,
                  struct slice encoded);
/* What an offer stands for is durable here: the log becomes empty at the
 * manifest's base (entries beyond that fit are kept). Errors: ERR_BUSY (the
 * base is on its way up), ERR_RANGE (older than what we have), ERR_TOOBIG,
 * ERR_NOMEM. */
int group_installed(struct group *g, const struct manifest *manifest,
                    struct slice encoded);

/* Change the membership: `next` is group_config() with one standby appended,
 * one standby promoted in its place, or one member other than this one taken
 * out. In force at once, done when group_config_index() is committed. Errors:
 *   ERR_NOTLEADER
 *   ERR_NOTREADY  no own-term commit yet, the newcomer is too far behind, or a
 *                 transfer of leadership is going on
 *   ERR_BUSY      a change is not committed yet
 *   ERR_FULL      the ring has no room
 *   ERR_INVALID   not one of these differences */
int group_change(struct group *g, const struct group_config *next);

struct group_barrier;
/* status 0: the replica was leader after the call, and everything committed
 * before it is at or below `index`: apply up to it, then answer. Otherwise
 * ERR_NOTLEADER, ERR_TIMEOUT, ERR_CANCELED. */
typedef void (*group_barrier_cb)(struct group_barrier *b, int status,
                                 uint64_t index);
struct group_barrier {
    struct queue queue; /* private */
    struct group *group;
    uint64_t round, index, deadline_ms; /* private */
    group_barrier_cb cb;
    void *data;
};
/* Read barrier (Raft thesis 6.4, raft.md section 5): a majority, self
 * included, confirms after the call that its durable term is not newer; the
 * questions of all groups of a turn share one frame per node. Errors:
 * ERR_NOTLEADER, ERR_NOTREADY. */
int group_read_barrier(struct group *g, struct group_barrier *b,
                       uint32_t timeout_ms, group_barrier_cb cb, void *data);
void group_barrier_cancel(struct group_barrier *b);

/* Hand leadership to a member (0: the most caught-up voter) once it has caught
 * up; proposals are refused meanwhile. `cb` gets 0 when another leads,
 * ERR_TIMEOUT, ERR_CANCELED. Errors: ERR_NOTLEADER, ERR_BUSY, ERR_NOTFOUND. */
typedef void (*group_transfer_cb)(void *arg, int status);
int group_transfer(struct group *g, uint64_t to, uint32_t timeout_ms,
                   group_transfer_cb cb, void *arg);

/* Invariants, for tests. */
void group_check(const struct group *g);

#endif
