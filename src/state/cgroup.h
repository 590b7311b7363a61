/* cgroup.h - consumer groups and their committed offsets: the machine of
 * groups 16..31, `@groups/k`.
 *
 * A group with its members, generation, protocol and assignments; committed
 * offsets, keyed by topic uuid (names are translated at the door), and a
 * bounded history of them. Rules are those of Kafka's classic protocol.
 *
 *   EMPTY --join--> PREPARING --all joined, or due--> COMPLETING
 *     ^                 ^  |                              |
 *     |                 |  +--nobody left--> EMPTY        | the leader's sync
 *     |                 |                                 v
 *     +--(PREPARING)----+--join, leave, expiry-------- STABLE
 *
 * A deletion that needs several commands makes an EMPTY group DEAD with the
 * first: it loses offsets with each, itself with the last. Whoever wants to
 * enter it, or to commit, is told to try again (14).
 *
 * What reaches the log is the event, with everything that a step may not read
 * for itself: time is the entry's, ids and the leader's limits stand in the
 * command. Timers are the leader's: it proposes DUE and EXPIRE when they run
 * out, and each names the state it was set for, so that a late one does
 * nothing. Heartbeats are no commands.
 *
 * One log entry holds a batch: {version u8, items}; an item is {length u32,
 * kind u8, body}. Each item is decided apart, in order, and the entry's result
 * is {length u32, result} for each, in order.
 */
#ifndef STATE_CGROUP_H
#define STATE_CGROUP_H

#include "base/cursor.h"
#include "base/uuid.h"
#include "state/machine.h"

#define CGROUP_SHARDS 16 /* fixed for ever: keys are hashed over them */
/* Longest group, member, instance and client id, protocol name. */
#define CGROUP_NAME_MAX 32767
/* Members of one group, ids given out but not yet used included. */
#define CGROUP_MEMBERS_MAX 10000
/* Protocols one member offers; rows of one commit. */
#define CGROUP_PROTOCOLS_MAX 1000
#define CGROUP_ROWS_MAX      100000
/* Rows that one bounded deletion removes before it says `more`; offsets, each
 * with its history, that one page of a group's deletion removes. */
#define CGROUP_DELETE_MAX  10000
#define CGROUP_DELETE_PAGE 1000

extern const struct machine_type cgroup_machine;

enum cgroup_kind {
    CGROUP_JOIN = 1,
    CGROUP_SYNC = 2,
    CGROUP_LEAVE = 3,
    CGROUP_EXPIRE = 4,
    CGROUP_DUE = 5,
    CGROUP_COMMIT = 6,
    CGROUP_OFFSET_DELETE = 7,
    CGROUP_DELETE = 8,
    CGROUP_TOPIC_DELETED = 9,
    CGROUP_OFFSETS_EXPIRE = 10
};

enum cgroup_state {
    CGROUP_EMPTY = 0,
    CGROUP_PREPARING = 1,
    CGROUP_COMPLETING = 2,
    CGROUP_STABLE = 3,
    CGROUP_DEAD = 4 /* being deleted: empty, and takes nothing more */
};
/* As tools show it: "Empty", "PreparingRebalance" and so on. */
const char *cgroup_state_name(enum cgroup_state state);

/* Which of the shards holds this key (a group id): XXH64, seed 0. */
unsigned cgroup_shard(struct slice key);
/* May this stand in a command as a name: not too long, no zero byte? */
bool cgroup_name_ok(struct slice name);

/* What a shard's database starts with: the bootstrap of machine_open(). */
void cgroup_encode_bootstrap(struct uuid cluster, unsigned shard,
                             struct buf *out);

/* ---- commands ------------------------------------------------------------
 *
 * A batch is begun in an empty buffer; each encoder appends one item (errors
 * are sticky there). Slices of names must be cgroup_name_ok(). */
void cgroup_batch_begin(struct buf *out);

struct cgroup_protocol {
    struct slice name, metadata;
};

struct cgroup_join {
    struct slice group;
    struct slice member;     /* "" a new one */
    struct slice new_member; /* the id it gets then; never used before */
    struct slice instance;   /* group.instance.id, "" none */
    struct slice client_id, client_host;
    uint32_t session_ms, rebalance_ms;
    struct slice protocol_type;
    const struct cgroup_protocol *protocols;
    unsigned n_protocols;
    bool require_id; /* v4: answer 79 and the id first (KIP-394) */
    bool may_skip;   /* v9: a static leader may be told to skip assigning */
    /* The proposer's settings. */
    uint32_t initial_delay_ms, session_min_ms, session_max_ms, size_max;
};
/* Enter, or enter again. Kafka's codes: 23 24 25 26 79 81 82. */
void cgroup_encode_join(const struct cgroup_join *c, struct buf *out);

struct cgroup_assignment {
    struct slice member, assignment;
};
struct cgroup_sync {
    struct slice group, member, instance;
    int32_t generation;
    bool named; /* v5: the two below are checked where not "" */
    struct slice protocol_type, protocol;
    const struct cgroup_assignment *assignments; /* of the leader */
    unsigned n_assignments;
};
/* Hand in, or ask for, assignments. Codes: 22 23 25 27 82. */
void cgroup_encode_sync(const struct cgroup_sync *c, struct buf *out);

struct cgroup_leaver {
    struct slice member, instance;
};
/* Leave; one error for each: 25 82. */
void cgroup_encode_leave(struct slice group, const struct cgroup_leaver l[],
                         unsigned n, struct buf *out);

struct cgroup_expired {
    struct slice member;
    uint64_t touched; /* as the image has it; changed since: stays */
};
/* Sessions, or waits for a sync, that ran out. */
void cgroup_encode_expire(struct slice group, const struct cgroup_expired m[],
                          unsigned n, struct buf *out);

/* The rebalance `round` has waited long enough. */
void cgroup_encode_due(struct slice group, int64_t round, struct buf *out);

struct cgroup_commit_row {
    struct uuid topic;
    int32_t partition;
    int64_t offset;
    int32_t epoch; /* -1 unknown */
    struct slice metadata;
};
struct cgroup_commit {
    struct slice group, member, instance;
    int32_t generation;   /* -1: no member */
    int64_t retention_ms; /* -1: the broker's */
    bool v9;              /* an absent group is 69, not 22 */
    struct slice by;      /* who commits, for the history */
    const struct cgroup_commit_row *rows;
    unsigned n_rows;
    /* The proposer's settings. */
    uint32_t metadata_max;
    uint32_t history_max; /* rows kept for a partition; 0 none */
    uint32_t history_interval_ms;
};
/* Commit offsets; one error for each row (12), or one for all: 22 25 27 69
 * 82. */
void cgroup_encode_commit(const struct cgroup_commit *c, struct buf *out);

struct cgroup_delete_row {
    struct uuid topic;
    int32_t partition;
    bool subscribed; /* by the members of `generation` */
};
/* Forget offsets; one error for each row (86), or one for all: 27 (no longer
 * `generation`: look again) 68 69. */
void cgroup_encode_offset_delete(struct slice group, int32_t generation,
                                 const struct cgroup_delete_row r[], unsigned n,
                                 struct buf *out);
/* Delete a group and all it has; of its offsets at most `max`, and itself with
 * the last ones (0: all at once, as commands without a number say, too). With
 * `more` it is DEAD, and the leader goes on. Codes: 68 69. */
void cgroup_encode_delete(struct slice group, uint32_t max, struct buf *out);
/* A topic was deleted explicitly: forget its offsets in all groups, at most
 * CGROUP_DELETE_MAX. */
void cgroup_encode_topic_deleted(struct uuid topic, struct buf *out);

struct cgroup_offsets_expire {
    int64_t retention_ms;
    /* "": groups without members. Otherwise this group in this generation,
     * whose members subscribe to these topics. */
    struct slice group;
    int32_t generation;
    const struct uuid *subscribed;
    unsigned n_subscribed;
};
/* Forget offsets that are too old, by the entry's time, and groups that hold
 * nothing any more; at most CGROUP_DELETE_MAX. */
void cgroup_encode_offsets_expire(const struct cgroup_offsets_expire *c,
                                  struct buf *out);

/* ---- results -------------------------------------------------------------
 */

struct cgroup_result {
    int16_t error; /* Kafka's, 0 = done */
    /* JOIN: the answer comes when the generation is above `generation`, or
     * the member is gone. SYNC: when the group is no longer COMPLETING, or in
     * another generation. */
    bool parked;
    bool skip_assignment; /* JOIN: the leader keeps what there is */
    bool more;            /* a bounded deletion has not finished */
    int32_t generation;
    struct slice member; /* JOIN, SYNC: its id */
    struct slice leader; /* JOIN, not parked: whom to name as leader */
    struct slice errors; /* n * u16: LEAVE, COMMIT, OFFSET_DELETE */
};
/* The next of an entry's results; borrows from the cursor's bytes. False at
 * the end, or where they are malformed (the cursor's status). */
bool cgroup_next_result(struct cursor *c, struct cgroup_result *ret_r);
/* How many single errors, and one of them. */
unsigned cgroup_result_errors(const struct cgroup_result *r);
int16_t cgroup_result_error(const struct cgroup_result *r, unsigned i);

#endif
