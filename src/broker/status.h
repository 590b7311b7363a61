/* status.h - what this node knows of itself and its replicas, for those who
 * operate it. Borrowed for the call. */
#ifndef BROKER_STATUS_H
#define BROKER_STATUS_H

#include "broker/broker.h"
#include "replica/replica.h"

/* One replica on this node. */
struct status_replica {
    const char *topic; /* "@meta", "@groups"; "" if @meta no longer knows it */
    struct uuid id;    /* zero for those */
    int32_t partition;
    uint64_t bytes; /* in segments */
    struct replica_status status;
};

/* The version of its program. Borrowed. */
const char *status_version(const struct broker *b);
/* Since broker_open(). */
uint64_t status_uptime_ms(const struct broker *b);
/* How many replicas status_next() will tell at most. */
unsigned status_n_replicas(const struct broker *b);
/* Walk the replicas, @meta first, then the shards of @groups: start with a
 * zeroed `w`. Ends with false. */
struct status_walk {
    unsigned n_internal; /* @meta and shards that were looked at */
    void *it;            /* then partitions */
};
bool status_next(const struct broker *b, struct status_walk *w,
                 struct status_replica *ret_s);

#endif
