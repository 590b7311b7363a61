/* cgroup_impl.h - the inside of @groups. Private to src/state/cgroup*.c and
 * tests of the codec.
 *
 * Tables (all keys are the leading columns):
 *   shard    id=1, cluster uuid, k
 *   groups   id, state, generation, round, protocol type, protocol, leader,
 *            since, begun, due, initial delay (0: not in it), fresh (somebody
 *            new came in the delay)
 *   members  (group, id), instance, client id, client host, session, rebalance
 *            time, pending, joined, touched, protocols, assignment
 *   offsets  (group, topic uuid, partition), offset, epoch, metadata, time,
 *            expire (-1 none), by, next seq of history, time of the last row
 *            of history, whether this value is in it
 *   history  (group, topic uuid, partition, seq), offset, epoch, metadata,
 *            time, by, reset
 * Rows of offsets and members only stand where their group does.
 */
#ifndef STATE_CGROUP_IMPL_H
#define STATE_CGROUP_IMPL_H

#include "base/arena.h"
#include "state/cgroup.h"
#include "state/change.h"
#include "state/db.h"

#define CGROUP_VERSION 1 /* of batches and results */

struct cgroup_member {
    struct slice id, instance, client_id, client_host;
    uint32_t session_ms, rebalance_ms;
    bool pending; /* has an id, has not joined with it */
    bool joined;  /* in the rebalance under way */
    uint64_t touched;
    struct slice protocols; /* encoded */
    struct slice assignment;
    bool dirty, gone, stored;
};

struct cgroup {
    struct slice id;
    enum cgroup_state state;
    int32_t generation;
    int64_t round;
    struct slice protocol_type, protocol, leader;
    int64_t since_ms, begun_ms, due_ms;
    uint32_t initial_ms;
    bool fresh;
    struct cgroup_member *members; /* by id; those that came now at the end */
    unsigned n, cap;
    bool dirty, stored;
};

/* One decision. */
struct cgroup_step {
    struct machine_db *db;
    uint64_t index;
    int64_t now_ms;
    struct buf *changes;
    struct arena arena;
    struct cgroup_result result;
    int16_t *errors;
    unsigned n_errors;
    bool nomem;
};

/* Memory until the end of the decision, zeroed; NULL is noted and ends the
 * node. */
void *cgroup_alloc(struct cgroup_step *s, size_t n, size_t size);
/* A copy of the bytes in it. */
struct slice cgroup_keep(struct cgroup_step *s, struct slice bytes);
/* Make room for single errors, all 0. False: no memory. */
bool cgroup_errors(struct cgroup_step *s, unsigned n);
/* Answer with an error; returns false, for "decided". */
bool cgroup_fail(struct cgroup_step *s, int error);
/* Is it not being deleted? Fails with 14. */
bool cgroup_alive(struct cgroup_step *s, const struct cgroup *g);

/* ---- rows (cgroup_row.c) -------------------------------------------------
 */

/* Load without members. False: there is none; `g` is then a new, empty one. */
bool cgroup_load(struct cgroup_step *s, struct slice id, struct cgroup *g);
/* Load the members too. */
void cgroup_load_members(struct cgroup_step *s, struct cgroup *g);
/* Load one member alone into `m`. False: there is none. */
bool cgroup_load_member(struct cgroup_step *s, struct slice group,
                        struct slice id, struct cgroup_member *m);
/* Write back what changed, and tell the image. */
void cgroup_store(struct cgroup_step *s, struct cgroup *g);
/* The whole of a group, and everything it has. */
void cgroup_drop(struct cgroup_step *s, struct slice id);
/* Does it have any offset? */
bool cgroup_has_offsets(struct cgroup_step *s, struct slice id);
/* By id, by instance; NULL if there is none. */
struct cgroup_member *cgroup_find(const struct cgroup *g, struct slice id);
struct cgroup_member *cgroup_find_instance(const struct cgroup *g,
                                           struct slice instance);
/* A new one; NULL: no memory. Those found before are no longer valid. */
struct cgroup_member *cgroup_add(struct cgroup_step *s, struct cgroup *g);

/* ---- offsets' rows (cgroup_offset.c) -------------------------------------
 */

/* Forget one offset and its history. */
void cgroup_offset_drop(struct cgroup_step *s, struct slice group,
                        struct uuid topic, int32_t partition);
/* Forget those that a query of (grp, topic, part) finds, at most `max`; true
 * if it may find more. `ret_groups` takes the groups, each once, in order, if
 * it is not NULL. */
struct cgroup_names {
    struct slice *names;
    unsigned n;
};
bool cgroup_offsets_drop(struct cgroup_step *s, const char *sql,
                         const struct db_value params[], unsigned n_params,
                         unsigned max, struct cgroup_names *ret_groups);

/* ---- the rebalance (cgroup_rebalance.c) ----------------------------------
 */

/* Members that are no mere ids. */
unsigned cgroup_live(const struct cgroup *g);
/* Is one of these offered by all other members? (Those of `except`, which may
 * be NULL, do not count.) */
bool cgroup_protocols_fit(struct cgroup_step *s, const struct cgroup *g,
                          struct slice type, const struct cgroup_protocol *p,
                          unsigned n, const struct cgroup_member *except);
/* What the members would choose; "" if they have nothing in common. */
struct slice cgroup_choose(const struct cgroup *g, struct cgroup_step *s);
/* Begin a rebalance, unless one is under way; end it if nobody is missing. */
void cgroup_prepare(struct cgroup_step *s, struct cgroup *g,
                    uint32_t initial_delay_ms);
/* End it if nobody is missing. */
void cgroup_try_complete(struct cgroup_step *s, struct cgroup *g);
/* End it with who is there. */
void cgroup_complete(struct cgroup_step *s, struct cgroup *g);
/* Members were marked gone, `live` of them no mere ids: what follows. */
void cgroup_left(struct cgroup_step *s, struct cgroup *g, unsigned live);
/* Is `member` (by `instance`, if not "") in the group? Fails with 25 or 82. */
bool cgroup_check_member(struct cgroup_step *s, const struct cgroup *g,
                         struct slice member, struct slice instance);

/* ---- the steps -----------------------------------------------------------
 */

/* Decide, write, set the result; cgroup.h says what each answers. */
void cgroup_step_join(struct cgroup_step *s, const struct cgroup_join *c);
void cgroup_step_sync(struct cgroup_step *s, const struct cgroup_sync *c);
void cgroup_step_leave(struct cgroup_step *s, struct slice group,
                       const struct cgroup_leaver l[], unsigned n);
void cgroup_step_expire(struct cgroup_step *s, struct slice group,
                        const struct cgroup_expired m[], unsigned n);
void cgroup_step_due(struct cgroup_step *s, struct slice group, int64_t round);
void cgroup_step_commit(struct cgroup_step *s, const struct cgroup_commit *c);
void cgroup_step_offset_delete(struct cgroup_step *s, struct slice group,
                               int32_t generation,
                               const struct cgroup_delete_row r[], unsigned n);
void cgroup_step_delete(struct cgroup_step *s, struct slice group,
                        uint32_t max);
void cgroup_step_topic_deleted(struct cgroup_step *s, struct uuid topic);
void cgroup_step_offsets_expire(struct cgroup_step *s,
                                const struct cgroup_offsets_expire *c);

/* ---- change records (cgroup_change.c): see cgroup_image.h ----------------
 */

/* Append one record. */
void cgroup_change_group(struct buf *b, const struct cgroup *g);
void cgroup_change_group_gone(struct buf *b, struct slice id);
void cgroup_change_member(struct buf *b, struct slice group,
                          const struct cgroup_member *m);
void cgroup_change_member_gone(struct buf *b, struct slice group,
                               struct slice id);
struct cgroup_offset {
    struct uuid topic;
    int32_t partition;
    int64_t offset;
    int32_t epoch;
    struct slice metadata;
    int64_t time_ms, expire_ms;
};
/* As above. */
void cgroup_change_offset(struct buf *b, struct slice group,
                          const struct cgroup_offset *o);
void cgroup_change_offset_gone(struct buf *b, struct slice group,
                               struct uuid topic, int32_t partition);

/* ---- codec (cgroup_codec.c) ----------------------------------------------
 */

/* Bytes with their length; zero bytes are fine inside. */
void cgroup_put_bytes(struct buf *b, struct slice s);
struct slice cgroup_take_bytes(struct cursor *c);
/* A member's protocols as one string of bytes, and back, one by one. */
struct slice cgroup_pack_protocols(struct cgroup_step *s,
                                   const struct cgroup_protocol p[],
                                   unsigned n);
bool cgroup_next_protocol(struct cursor *c, struct cgroup_protocol *ret_p);
/* Decode the body of an item and run its step. */
void cgroup_decode_step(struct cgroup_step *s, uint8_t kind, struct cursor *c);
/* Append what was decided as {length, result}. */
void cgroup_encode_result(const struct cgroup_step *s, struct buf *out);
/* Errors: ERR_INVALID. */
int cgroup_decode_bootstrap(struct slice in, struct uuid *ret_cluster,
                            unsigned *ret_shard);

#endif
