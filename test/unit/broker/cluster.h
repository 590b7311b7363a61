/* cluster.h - three whole brokers in one simulated world, one idempotent
 * producer that behaves as Kafka's do, and what it was promised.
 *
 * Life: cluster_open, node_start..., cluster_topic, producer_*, cluster_close.
 * All times are virtual milliseconds.
 */
#ifndef TEST_BROKER_CLUSTER_H
#define TEST_BROKER_CLUSTER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/broker.h"
#include "broker/partition.h"
#include "env/file.h"
#include "env/sim.h"

#define NODES       3
#define BATCHES_MAX 4096
#define WINDOW      4 /* batches in flight */

struct cluster;

struct node {
    struct cluster *c;
    unsigned id; /* 1..NODES */
    struct env *env;
    struct config *config;
    struct chunk_pool *pool;
    struct broker *broker;
    struct broker_command command;
    bool up;
    bool serves;
    int exit_code;  /* it could not open: that, */
    struct err err; /* and why */
    bool answered;  /* the command */
    const char *setting;
    unsigned value;
    struct meta_result result;
    struct env_job stall;
    bool stall_over;
};

enum batch_state { BATCH_IDLE, BATCH_SENT, BATCH_ACKED };

/* One record with its own number as value, in a batch of its own. */
struct sent {
    struct partition_produce produce;
    struct cluster *c;
    unsigned number;
    enum batch_state state;
    unsigned node; /* that was asked */
    int rv;        /* its first word */
    int64_t offset;
};

struct cluster {
    struct sim *sim;
    struct sim_disk *disks[NODES + 1];
    struct node nodes[NODES + 1];
    struct mem *mem;
    bool may_fail; /* nodes may not be able to open: they do not serve then */
    bool keep;     /* who leads keeps that, whoever is the first replica */
    const char *file_bytes[NODES + 1]; /* journal.file.bytes, NULL: default */
    struct uuid topic;
    uint64_t group;
    struct sent sent[BATCHES_MAX];
    unsigned n_sent;   /* made so far */
    unsigned n_acked;  /* in all */
    unsigned n_flying; /* callbacks to come */
    bool again;        /* something failed: drain, then send in order again */
    bool refused;      /* out of order with nothing in front of it: a bug */
};

/* A quiet, or a nervous, world with fresh disks. */
void cluster_open(struct cluster *c, uint64_t seed);
/* The same, with all nodes serving and the topic made. */
void cluster_up(struct cluster *c, uint64_t seed);
void cluster_close(struct cluster *c);
/* Start a node; run until it (or all of them) serves. */
void node_start(struct cluster *c, unsigned id);
void node_crash(struct cluster *c, unsigned id, enum sim_crash how);
void wait_serves(struct cluster *c, unsigned id);
/* Cut a node off, or connect it again: what is sent waits. */
void cluster_isolate(struct cluster *c, unsigned id, bool up);
/* Nothing is applied on the node for so long, until `stall_over`, if
 * nothing is at this moment; it takes part otherwise. */
void node_stall(struct cluster *c, unsigned id, uint64_t ms);
/* Raise the log base of one of its replicas as far as it goes. */
void node_compact(struct cluster *c, unsigned id, struct replica *r);
/* Run; no node may die by itself. */
void run_ms(struct cluster *c, uint64_t ms);
/* Run until `*flag`, at most `ms`; returns it. */
bool run_until(struct cluster *c, uint64_t ms, const bool *flag);
/* Make the topic of one partition on all nodes. */
void cluster_topic(struct cluster *c);
/* Set a setting of the topic at a node; returns when it is confirmed. */
void cluster_alter(struct cluster *c, unsigned id, const char *name,
                   unsigned value);
/* The node that leads the partition and may answer, or NULL. */
struct node *cluster_leader(struct cluster *c);
struct node *wait_leader(struct cluster *c, uint64_t ms);
struct partition *node_partition(struct node *n);

/* Send the next record; it is acknowledged, or failed and to be sent again. */
void producer_send(struct cluster *c);
/* Send record `number`, whatever was sent before, to a node; returns what
 * partition_produce() says. */
int producer_send_to(struct cluster *c, unsigned node, unsigned number);
/* The same from a callback of the node; and with the next allocation after it
 * failing. */
void producer_send_now(struct cluster *c, unsigned node, unsigned number);
void producer_send_failing(struct cluster *c, unsigned node, unsigned number);
/* The batch of record `number`, made for a node, by it. */
struct bytes producer_batch(struct cluster *c, unsigned node, unsigned number);
/* What a client does all the time: keep some in flight, in order, send again
 * what failed. */
void producer_go(struct cluster *c, unsigned n);
/* The same until all is acknowledged. */
void producer_settle(struct cluster *c, uint64_t ms);
/* Forget what was in flight to a node that died. */
void producer_broken(struct cluster *c, unsigned node);

/* Read a node's replica from its first offset to its high watermark: each
 * record is there once, in order; what was acknowledged is where it was said
 * to be. Returns the number of records. */
unsigned check_replica(struct cluster *c, struct node *n);
/* All replicas, once they are equally far. */
void check_all(struct cluster *c);

#endif
