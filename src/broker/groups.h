/* groups.h - the shards of @groups on this node: opened from where @meta says
 * they live, each a state group with its read image; and who leads them all.
 *
 *   not placed --first groups_coordinator()--> command to @meta --> placed
 *   placed, lives here --> open (as the journal has it, or new)
 *
 * Life: groups_open -> groups_confirmed -> groups_close. Thread: the loop's.
 */
#ifndef BROKER_GROUPS_H
#define BROKER_GROUPS_H

#include "broker/state_group.h"
#include "state/cgroup_image.h"

struct broker;
struct coordinator;
struct groups;

/* `recovered` are the groups that the journal has; borrowed until
 * groups_confirmed() has called back. Errors: ERR_NOMEM, and those of making a
 * directory. */
int groups_open(struct broker *b, struct recovered_group *recovered,
                size_t n_recovered, struct groups **ret_gs);
/* @meta is applied up to an index that its leader confirmed. `cb` when
 * `recovered` is no longer looked at; it may run at once. */
void groups_confirmed(struct groups *gs, void (*cb)(void *arg), void *arg);
/* `cb` may run at once. */
void groups_close(struct groups *gs, void (*cb)(void *arg), void *arg);

/* Hand what this node leads to others, as far as they are there. Returns how
 * many leaderships are on their way; asked again until none is. */
unsigned groups_hand_over(struct groups *gs);
/* Begin to hand at most `max` shards back to their first replicas, where those
 * can take them. Returns how many. */
unsigned groups_give_back(struct groups *gs, unsigned max);

/* The node that leads the shard of a group id, as far as known; -1: not now,
 * also while the one that led is suspect: who asks again will be told of the
 * next one, and is not sent to a dead node. If the shards are not placed yet,
 * that begins. */
int32_t groups_coordinator(struct groups *gs, struct slice group_id);
/* True if this node leads the shard of a group, though it may not be able to
 * answer yet. */
bool groups_leads(struct groups *gs, struct slice group_id);
/* True if nobody but this node could tell of a shard's groups: it leads the
 * shard, if only since a moment ago, or it has a replica and knows of no other
 * node that leads. */
bool groups_tells(const struct groups *gs, unsigned number);
/* A shard that lives here and is open; NULL otherwise. */
struct state_group *groups_shard(const struct groups *gs, unsigned number);
/* Who takes requests for a group, if this node leads it; NULL: its shard does
 * not live here. */
struct coordinator *groups_requests(const struct groups *gs,
                                    struct slice group_id);
const struct cgroup_image *groups_image(const struct groups *gs,
                                        unsigned number);

#endif
