/* coordinator.h - the leader's side of one shard of consumer groups: requests
 * gather into log entries, joins and syncs wait for their generation, sessions
 * and rebalances run out.
 *
 *   submit -> [batch] --turn's end--> proposed -> applied --+--> callback
 *                                                           |
 *                        parked until the image says so <---+ (JOIN, SYNC)
 *
 * Nothing here is in the log: clocks begin anew, at full length, with each
 * leadership. A heartbeat only moves a member's deadline. Offsets that outlived
 * their topic or their time, and groups that are DEAD, are looked for at the
 * begin of each leadership and every now and then. Thread: the loop's.
 */
#ifndef BROKER_COORDINATOR_H
#define BROKER_COORDINATOR_H

#include "base/chunk.h"
#include "broker/state_group.h"
#include "state/cgroup_image.h"
#include "state/image.h"

/* Requests of one shard under way, parked ones included; bytes of one entry. */
#define COORDINATOR_REQUESTS_MAX    20000
#define COORDINATOR_BATCH_BYTES_MAX (4u << 20)

struct coordinator;

struct coordinator_options {
    struct chunk_pool *pool;
    struct cgroup_image *image; /* the shard's; watched from now on */
    const struct image *topics; /* which topics there are, and were */
    int64_t retention_ms;       /* of offsets */
    uint64_t retention_check_ms;
    uint64_t group_bytes_max, shard_bytes_max;
    /* Of one entry, if the journal takes less than
     * COORDINATOR_BATCH_BYTES_MAX; 0: it does not. */
    size_t entry_bytes_max;
    uint64_t *refused; /* counts what there is no room for; not NULL */
    uint64_t *busy;    /* ... what found too much under way; not NULL */
};
/* Borrows what the options name for its life. Errors: ERR_NOMEM. */
int coordinator_open(struct env *e, const struct coordinator_options *o,
                     struct coordinator **ret_co);
/* Before its state group is closed: nothing more is taken, what waits is
 * answered with ERR_CANCELED. */
void coordinator_stop(struct coordinator *co);
/* After that. NULL is fine. */
void coordinator_close(struct coordinator *co);
/* Requests under way, parked ones included. */
unsigned coordinator_n_requests(const struct coordinator *co);
/* What the shard's state group says (state_group_hooks). */
void coordinator_applied(struct coordinator *co);
void coordinator_role(struct coordinator *co, struct state_group *g);
/* A topic was deleted, says the image of topics. */
void coordinator_topic_deleted(struct coordinator *co);

struct coordinator_request;
/* status 0: decided by the log, applied here; `result` says how, and is valid
 * during the call. Of JOIN and SYNC `result->parked` is false: the wait is
 * over. ERR_NOTLEADER (also: the outcome is unknown), ERR_CANCELED. */
typedef void (*coordinator_cb)(struct coordinator_request *q, int status,
                               const struct cgroup_result *result);
struct coordinator_request {
    struct queue queue; /* of those parked; private, as all but `data` */
    struct coordinator *owner;
    struct coordinator_item *item; /* until it is decided */
    enum cgroup_kind kind;
    struct slice group, instance;
    uint8_t *member; /* who is parked; allocated */
    size_t member_len;
    int32_t generation;
    coordinator_cb cb;
    void *data;
};
/* While a group is deleted, which may take several entries, nothing else of it
 * is taken (ERR_FULL). Whoever is told that there is `more` submits again in
 * the callback; who does not leaves the rest to the leader, whoever that is
 * then. What is left of the group does not come to life in between: it is
 * DEAD.
 *
 * Submit one item, as an encoder of state/cgroup.h makes it, alone in a begun
 * batch. Copies it; borrows `group` and `instance` ("" none) until the
 * callback. Errors: ERR_NOTLEADER, ERR_FULL, ERR_TOOBIG, ERR_NOMEM. */
int coordinator_submit(struct coordinator *co, struct coordinator_request *q,
                       enum cgroup_kind kind, struct slice group,
                       struct slice instance, struct slice batch,
                       coordinator_cb cb, void *data);
/* The callback will not run; what was submitted is decided all the same. */
void coordinator_cancel(struct coordinator_request *q);

/* May the group grow by so many bytes of memory? 0 always may. What is under
 * way is not counted: limits are passed by COORDINATOR_BATCH_BYTES_MAX a few
 * times at most. */
bool coordinator_has_room(struct coordinator *co, struct slice group,
                          size_t more);

/* A member lives. Returns Kafka's code: 0 16 22 25 27 82. */
int coordinator_heartbeat(struct coordinator *co, struct slice group,
                          struct slice member, struct slice instance,
                          int32_t generation);
/* A member was heard of otherwise: its session begins anew. Where this node
 * does not lead, or there is no such member, nothing happens. */
void coordinator_hear(struct coordinator *co, struct slice group,
                      struct slice member);

#endif
