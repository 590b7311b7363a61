/* consumers.h - what the families of consumer groups share: the door, one
 * command of a group, and reads after a barrier.
 *
 *   command: door --> consumers_submit() --> [log, perhaps a wait] --> callback
 *   read:    shards wanted --> consumers_read_start() --> barriers --> done
 *
 * Errors are Kafka's codes, ready to be sent: 14 this node is about to lead the
 * shard, 15 it is short of something, 16 it does not lead it.
 */
#ifndef API_CONSUMERS_H
#define API_CONSUMERS_H

#include "api/request.h"
#include "broker/coordinator.h"
#include "broker/groups.h"
#include "state/cgroup.h"
#include "state/image.h"

/* ---- the door ------------------------------------------------------------
 */

/* May this be a group's id? "" only where Kafka allows it, for committed
 * offsets without members. */
bool consumers_id_ok(struct slice id, bool may_be_empty);
/* As much of a text as may stand in a command as a name: up to its first zero
 * byte, at most `max` bytes. */
struct slice consumers_cut(struct slice text, size_t max);
/* An id that no member had: of `of` (a client, an instance) and random. In the
 * request's arena; NULL data without memory: the request was closed. */
struct slice consumers_new_member(struct request *r, struct slice of);
/* Where the client is, as Kafka shows it: "/ADDRESS". As above. */
struct slice consumers_client_host(struct request *r);
/* A copy in the request's arena; as above. "" stays "". */
struct slice consumers_keep(struct request *r, struct slice s);
/* Who asks: copies in the request's arena; false without memory: the request
 * was closed. */
struct consumers_who {
    struct slice group, member, instance;
};
bool consumers_keep_who(struct request *r, struct slice group,
                        struct slice member, struct slice instance,
                        struct consumers_who *ret_w);
/* The same bytes, "" for none: what a message may not leave null. */
struct slice consumers_text(struct slice s);

/* Kafka's code for what coordinator_submit(), its callback or a barrier of the
 * group's shard said; 0 gives 0. */
int16_t consumers_error(struct request *r, struct slice group, int status);
/* Who takes requests for the group; NULL: *ret_error says why not here. */
struct coordinator *consumers_coordinator(struct request *r, struct slice group,
                                          int16_t *ret_error);
/* What this node knows of the group; NULL: there is none, or it is not known
 * here. */
struct cgroup_view *consumers_view(struct request *r, struct slice group);

/* ---- one command ---------------------------------------------------------
 */

struct consumers_call;
/* error 0: decided; `result->error` says how, and the image holds it.
 * Otherwise `result` is NULL. */
typedef void (*consumers_call_cb)(struct consumers_call *c, int16_t error,
                                  const struct cgroup_result *result);
struct consumers_call {
    struct coordinator_request request; /* private */
    struct request *owner;
    consumers_call_cb cb;
    struct slice group;
    size_t growth; /* bytes of memory that the group takes more, at most */
    void *data;    /* the owner's */
};

/* An empty batch, for one encoder of state/cgroup.h. */
void consumers_batch(struct request *r, struct buf *b);
/* Submit it; closes `b`. `group` and `instance` are borrowed until the
 * callback, which may run before this returns if nothing was submitted. What
 * is too big, or makes the group too large by c->growth, fails with `too_big`.
 */
void consumers_submit(struct request *r, struct consumers_call *c,
                      enum cgroup_kind kind, struct slice group,
                      struct slice instance, struct buf *b, int16_t too_big,
                      consumers_call_cb cb);
/* The callback will not run. One that was not submitted is fine. */
void consumers_cancel(struct consumers_call *c);

/* ---- a command's rows ----------------------------------------------------
 */

/* Partitions that a command names and that are there, and where their errors
 * go in the response, which names others besides. */
struct consumers_rows {
    int16_t **errors;
    unsigned n;
};
/* Room for `max`. False without memory: the request was closed. */
bool consumers_rows_init(struct request *r, size_t max,
                         struct consumers_rows *rows);
/* A partition of a topic: `error` is what find_topic() said of it. True: it is
 * there, and its error, 0 now, is row n - 1's; otherwise *ret_error says. */
bool consumers_rows_add(struct consumers_rows *rows,
                        const struct image_topic *t, int16_t error,
                        int32_t partition, int16_t *ret_error);
/* All the same error, or each its own. */
void consumers_rows_fail(const struct consumers_rows *rows, int16_t error);
void consumers_rows_take(const struct consumers_rows *rows,
                         const struct cgroup_result *result);

/* ---- reads ---------------------------------------------------------------
 */

struct consumers_read;
struct consumers_read_shard {
    struct consumers_read *all;
    bool wanted;
    int status;
};
struct consumers_read {
    struct request *request;
    struct consumers_read_shard shards[CGROUP_SHARDS];
    unsigned pending;
    void (*done)(struct consumers_read *gr);
    void *data; /* the owner's */
};

/* Nothing wanted. */
void consumers_read_init(struct consumers_read *gr, struct request *r,
                         void *data);
/* The shard of this group; every shard of whose groups this node must tell
 * (groups_tells()). */
void consumers_read_want(struct consumers_read *gr, struct slice group);
void consumers_read_want_all(struct consumers_read *gr);
/* Confirm all that are wanted, then `done`, perhaps before this returns. If
 * the client is gone by then the request is ended instead. */
void consumers_read_start(struct consumers_read *gr,
                          void (*done)(struct consumers_read *));
/* In `done`: the image of a shard; NULL: ERR_NOTLEADER and the like in
 * *ret_status. */
const struct cgroup_image *consumers_read_shard(const struct consumers_read *gr,
                                                unsigned shard,
                                                int *ret_status);
/* In `done`: the group; NULL: there is none, or *ret_error is not 0. */
const struct cgroup_view *consumers_read_view(const struct consumers_read *gr,
                                              struct slice group,
                                              int16_t *ret_error);

#endif
