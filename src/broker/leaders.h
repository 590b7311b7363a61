/* leaders.h - the leadership table: who leads each group, as this node knows.
 *
 * After its own-term commit a leader tells all nodes {group, term, leader,
 * voters whose durable index follows}; a new connection gets the whole table;
 * a node keeps the highest term per group and never answers an epoch below one
 * it has answered (DESIGN section 9). Metadata = @meta's topics and nodes +
 * this table.
 */
#ifndef BROKER_LEADERS_H
#define BROKER_LEADERS_H

#include "env/env.h"
#include "net/peers.h"

struct leaders;

struct leader {
    uint64_t group;
    uint64_t term;
    int32_t node;       /* -1: none known in this term */
    int32_t insync[15]; /* voters whose durable index follows */
    unsigned n_insync;
};

/* Listen on PEER_LEADERS and watch the peers. Errors: ERR_NOMEM. */
int leaders_open(struct env *e, struct peers *peers, int32_t node,
                 struct leaders **ret_l);
/* NULL is fine. */
void leaders_close(struct leaders *l);
/* What is known of a group, or NULL. Borrowed until the next turn. */
const struct leader *leaders_find(const struct leaders *l, uint64_t group);
/* This node leads (ready) or no longer does; insync as it sees it. Told to all
 * when it differs from before. */
void leaders_set(struct leaders *l, const struct leader *leader);
/* The group is gone. */
void leaders_forget(struct leaders *l, uint64_t group);
/* So are all of which `is_gone` says that: another node may tell of one that
 * was forgotten here already. */
void leaders_sweep(struct leaders *l,
                   bool (*is_gone)(void *arg, uint64_t group), void *arg);
/* Called on each change of a row. One watcher. */
void leaders_watch(struct leaders *l,
                   void (*cb)(void *arg, const struct leader *row), void *arg);

#endif
