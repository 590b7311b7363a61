/* partition.h - one partition on this node: its replica, the producers' state,
 * those who wait for its high watermark.
 *
 * Producer state = a fold over the committed prefix, plus an overlay for the
 * uncommitted tail that truncation drops and a new leader builds from its own
 * tail before its first append (DESIGN section 7).
 */
#ifndef BROKER_PARTITION_H
#define BROKER_PARTITION_H

#include "base/chunk.h"
#include "base/queue.h"
#include "broker/refused.h"
#include "config/config.h"
#include "record/batch.h"
#include "replica/replica.h"

struct partition;

/* The node's door. */
struct env *partition_env(const struct partition *p);
/* What it is made of; borrowed. The replica is NULL while it is opened. */
struct replica *partition_replica(const struct partition *p);
const struct topic_config *partition_config(const struct partition *p);

/* ---- produce ------------------------------------------------------------- */

struct partition_produce;
/* status 0: committed; base_offset is where the batch is (for a duplicate: of
 * the first copy). ERR_NOTLEADER: leadership was lost, outcome unknown.
 * ERR_TIMEOUT: not committed in time, it still may be. */
typedef void (*partition_produce_cb)(struct partition_produce *pp, int status);
struct partition_produce {
    struct queue queue;           /* private */
    struct replica_append append; /* private */
    struct partition *partition;  /* private */
    int64_t wait_offset;          /* private */
    struct bytes parked;          /* private: the batch, while it waits */
    struct batch view;            /* private: of it */
    struct refused_batch who;     /* private */
    int64_t base_offset;
    int64_t append_time_ms; /* LogAppendTime (of the first copy), else -1 */
    int64_t log_start;
    partition_produce_cb cb;
    void *data;
};
/* Append one batch that batch_validate() accepted (`b` is its view, `batch`
 * its bytes, shared and changed in place: offset, epoch, append time). Checks
 * the producer's sequence first. While the leader is not yet ready, is about to
 * hand over, or has no room, batches wait in order: were one refused and the
 * next one taken, an idempotent producer's sequence would have a hole, which
 * librdkafka takes for the end. Errors: ERR_NOTLEADER, ERR_SEQUENCE (45),
 * ERR_EPOCH (47), ERR_FULL (too many wait: NOT_ENOUGH_REPLICAS), ERR_TOOBIG,
 * ERR_NOMEM; the callback may bring the same. */
int partition_produce(struct partition *p, struct partition_produce *pp,
                      struct bytes batch, const struct batch *b,
                      partition_produce_cb cb, void *data);
/* True while it waits to be appended: forgotten now, it is nowhere. */
bool partition_produce_parked(const struct partition_produce *pp);
/* Stop waiting (the request timed out or its connection ended): the callback
 * will not run; an append goes on. */
void partition_produce_forget(struct partition_produce *pp);

/* ---- waiting for data -----------------------------------------------------
 */

struct partition_watch;
/* Something changed: more committed data, another role, deletion (`gone`). */
typedef void (*partition_watch_cb)(struct partition_watch *w, bool gone);
struct partition_watch {
    struct queue queue; /* private */
    partition_watch_cb cb;
    void *data;
};
/* Be told of each change until partition_unwatch(). The callback may unwatch;
 * it runs at most once a turn. */
void partition_watch(struct partition *p, struct partition_watch *w,
                     partition_watch_cb cb, void *data);
void partition_unwatch(struct partition_watch *w);

#endif
