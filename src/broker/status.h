/* status.h - what this node knows of itself and its replicas, for those who
 * operate it. Borrowed for the call. */
#ifndef BROKER_STATUS_H
#define BROKER_STATUS_H

#include "broker/broker.h"
#include "replica/replica.h"

/* One replica on this node. */
struct status_replica {
    const char *topic; /* "@meta"; "" if @meta no longer knows the topic */
    struct uuid id;    /* zero for @meta */
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
/* Walk the replicas, @meta first: start with *it = NULL and one variable
 * `began` false. Ends with false. */
bool status_next(const struct broker *b, bool *began, void **it,
                 struct status_replica *ret_s);

#endif
