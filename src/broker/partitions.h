/* partitions.h - the partitions that live on this node: opened from @meta and
 * the journal, removed only by an explicit deletion.
 *
 *   in @meta, replica here     open it: as the journal has it at once, as a
 *                              new one when @meta is confirmed
 *   in the journal only        left alone until @meta is confirmed; then
 *                              deleted if @meta says so by topic uuid, else
 *                              kept, and said
 */
#ifndef BROKER_PARTITIONS_H
#define BROKER_PARTITIONS_H

#include "broker/partition.h"
#include "state/image.h"

struct broker;
struct partitions;
struct recovered_group;

/* `recovered` are the groups the journal has; borrowed until
 * partitions_confirmed(). Errors: ERR_NOMEM. */
int partitions_open(struct broker *b, struct recovered_group *recovered,
                    size_t n_recovered, struct partitions **ret_ps);
/* @meta is applied up to an index its leader confirmed: open what the journal
 * does not know, judge what @meta does not know. Afterwards `recovered` is no
 * longer looked at, once `cb` ran (all openings have ended). */
void partitions_confirmed(struct partitions *ps, void (*cb)(void *arg),
                          void *arg);
void partitions_close(struct partitions *ps, void (*cb)(void *arg), void *arg);
struct partition *partitions_find(const struct partitions *ps, uint64_t group);
/* Hand over all leaderships, those of the groups' shards included; `cb` when
 * none is left or after timeout_ms. */
void partitions_drain(struct partitions *ps, uint32_t timeout_ms,
                      void (*cb)(void *arg), void *arg);
/* Hand a leadership to the voter that is there, is not about to stop and
 * misses least. Errors: ERR_NOTFOUND (there is none). */
int partition_hand_over(const struct partitions *ps, struct replica *r);
/* Hand a leadership back to `first`, if that one is there and misses next to
 * nothing. True if a transfer has begun. */
bool partition_give_back(const struct partitions *ps, struct replica *r,
                         int32_t first);
/* Walk: start with *it = NULL. */
bool partitions_next(const struct partitions *ps, void **it,
                     struct partition **ret_p);

/* ---- used by partitions.c only: one partition's life ----------------------
 */

struct partition_open {
    struct broker *broker;
    const struct image_topic *topic;
    int32_t number;
    struct recovered_group *recovered; /* or NULL */
    uint64_t *unparked;  /* counts batches that found no place to wait */
    uint64_t *evictions; /* counts producers that others took the place of */
};
/* Open; `cb` when its replica takes part. Errors: ERR_NOMEM. */
int partition_open(const struct partition_open *o,
                   void (*cb)(void *arg, struct partition *p), void *arg,
                   struct partition **ret_p);
/* Close (`drop`: delete its data); `cb` may be NULL. Waiters are told. */
void partition_close(struct partition *p, bool drop, void (*cb)(void *arg),
                     void *arg);
void partition_configure(struct partition *p, const struct image_topic *topic);
uint64_t partition_group(const struct partition *p);
struct uuid partition_topic(const struct partition *p);
int32_t partition_number(const struct partition *p);
/* Tell the leadership table what this replica knows. */
void partition_report(struct partition *p);
/* Drop expired producers. */
void partition_expire(struct partition *p);

#endif
