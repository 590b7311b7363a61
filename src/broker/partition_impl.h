/* partition_impl.h - what partition.c (a partition's life) and
 * partition_produce.c (appends and their answers) share. */
#ifndef BROKER_PARTITION_IMPL_H
#define BROKER_PARTITION_IMPL_H

#include "broker/broker.h"
#include "broker/partition.h"
#include "broker/partitions.h"
#include "broker/producers.h"

struct partition {
    struct broker *broker;
    struct env *env;
    struct mem *mem;
    struct replica *replica;
    uint64_t group;
    struct uuid topic;
    int32_t number;
    char name[IMAGE_TOPIC_MAX + 16];
    struct topic_config config;
    int64_t expiration_ms;
    bool closing;

    struct producers at_base;   /* as of the log base: for the manifest */
    struct producers committed; /* as of what was applied */
    struct producers overlay;   /* the uncommitted tail, leader only */
    int64_t log_time_ms;        /* of the last applied entry */
    uint64_t overlay_term;      /* the overlay was built for; 0: none */
    uint64_t *unparked;         /* of the node: no place to wait */
    uint64_t *evictions;        /* of the node: from `committed` */

    struct refused refused; /* of producers that the log does not know */

    struct queue appends; /* struct inflight: appended, not committed */
    struct queue waiting; /* struct partition_produce: duplicates */
    struct queue parked;  /* struct partition_produce: not yet appended */
    unsigned n_parked;
    struct env_timer unpark;
    struct queue free; /* struct inflight, for reuse */
    struct queue watches;
    int64_t high_watermark;
    struct env_turn wake;

    void (*open_cb)(void *arg, struct partition *p);
    void *open_arg;
    void (*close_cb)(void *arg);
    void *close_arg;
};

/* An append under way; outlives the request that asked for it. */
struct inflight {
    struct queue queue;
    struct partition *partition;
    struct replica_append append;
    struct partition_produce *produce; /* NULL: forgotten */
    struct refused_batch who;
};

/* Build the overlay of producers anew from what the tail holds. */
void partition_overlay(struct partition *p);
/* Answer duplicates whose first copy is committed by now. */
void produce_wake(struct partition *p);
/* Prepare; and stop. */
void produce_init(struct partition *p);
void produce_stop(struct partition *p);
/* Answer all that wait with an error. */
void produce_fail(struct partition *p, int status);

#endif
