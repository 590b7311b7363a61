/* broker.h - a node, composed: identity, peers, replicas, @meta, partitions,
 * the leadership table. What api/ stands on.
 *
 * Life: broker_open() -> "ready" callback when it serves (@meta applied up to
 * an index its leader confirmed since this start) -> broker_stop() (hands its
 * leaderships over, closes everything).
 *
 *   identity.c  who this directory is      form.c     forming a cluster
 *   broker.c    start and stop, in order   meta.c     @meta: replica + machine
 *   partition.c one partition's replica    producers.c idempotent producers
 *   leaders.c   leadership table           forward.c  commands to @meta
 *
 * Until a node serves it answers Metadata and admin requests with retriable
 * errors, never UNKNOWN_TOPIC. Thread: the loop's.
 */
#ifndef BROKER_BROKER_H
#define BROKER_BROKER_H

#include "base/chunk.h"
#include "config/config.h"
#include "net/peers.h"
#include "ostraka.h"
#include "state/image.h"
#include "state/meta.h"

struct broker;
struct partition;
struct groups;
struct leaders;
struct replica;
struct replicas;

struct broker_options {
    const struct config *config; /* finished; borrowed for its life */
    struct chunk_pool *pool;     /* memory.bytes of it; borrowed */
    const char *version;
    /* Host and port that clients are told, once the listener is open; the host
     * is borrowed for the broker's life. */
    const char *client_host;
    uint16_t client_port;
};

/* status 0: the node serves. Otherwise opening failed for good and `err` is
 * one line that says what to do; the process should end with exit code
 * `exit_code` (ostrakad(8)). */
typedef void (*broker_ready_cb)(void *arg, int status, int exit_code,
                                const struct err *err);
/* Start. Blocks for recovery of the journal. Errors: as the callback's, with
 * *ret_exit_code set. */
int broker_open(struct env *e, const struct broker_options *o,
                broker_ready_cb cb, void *arg, struct broker **ret_b,
                int *ret_exit_code, struct err *err);
/* Hand over what this node leads, @meta too, while it goes on serving; then,
 * after at most `drain_ms`, `cb`, which may run before this returns. */
void broker_drain(struct broker *b, uint32_t drain_ms, void (*cb)(void *arg),
                  void *arg);
/* Is that node about to stop, as far as it said? */
bool broker_leaving(const struct broker *b, int32_t node);
/* Transfer leaderships (at most `drain_ms`; 0: not at all), close everything,
 * then `cb`. */
void broker_stop(struct broker *b, uint32_t drain_ms, void (*cb)(void *arg),
                 void *arg);

/* ---- what a node is made of; borrowed ---------------------------------- */

/* What it was opened with and what it opened: NULL before its step. */
struct env *broker_env(const struct broker *b);
struct chunk_pool *broker_pool(const struct broker *b);
const struct config *broker_config(const struct broker *b);
const struct image *broker_image(const struct broker *b);
/* To watch it. */
struct image *broker_image_mutable(struct broker *b);
struct leaders *broker_leaders(const struct broker *b);
struct peers *broker_peers(const struct broker *b);
struct replicas *broker_replicas(const struct broker *b);
/* Its node id; whether it serves. */
int32_t broker_node(const struct broker *b);
bool broker_serves(const struct broker *b);
/* The node that leads @meta as far as known, -1 if none. */
int32_t broker_controller(const struct broker *b);
/* This node's replica of a partition, NULL if it has none (yet). */
struct partition *broker_partition(const struct broker *b, uint64_t group);
/* The consumer groups' shards, NULL before @meta is open. */
struct groups *broker_groups(const struct broker *b);

/* Exit codes of ostrakad, as <ostraka.h> and its man page tell them. */
enum broker_exit {
    BROKER_EXIT_OK = OSTRAKAD_EXIT_OK,
    BROKER_EXIT_FAILED = OSTRAKAD_EXIT_FAILED,
    BROKER_EXIT_CONFIG = OSTRAKAD_EXIT_CONFIG,
    BROKER_EXIT_IDENTITY = OSTRAKAD_EXIT_IDENTITY,
    BROKER_EXIT_IN_USE = OSTRAKAD_EXIT_IN_USE,
    BROKER_EXIT_DAMAGE = OSTRAKAD_EXIT_DAMAGE,
    BROKER_EXIT_CUT_SHORT = OSTRAKAD_EXIT_CUT_SHORT,
    BROKER_EXIT_STORAGE = OSTRAKAD_EXIT_STORAGE,
    BROKER_EXIT_RESOURCES = OSTRAKAD_EXIT_RESOURCES
};
_Static_assert((int)BROKER_EXIT_DAMAGE == ENV_EXIT_DAMAGE &&
                   (int)BROKER_EXIT_CONFIG == ENV_EXIT_CONFIG &&
                   (int)BROKER_EXIT_STORAGE == ENV_EXIT_STORAGE &&
                   (int)BROKER_EXIT_RESOURCES == ENV_EXIT_RESOURCES,
               "env_fail() ends with them");
/* That of a node which does not start because of this. */
int broker_exit_code(int status);

/* ---- commands for @meta -------------------------------------------------- */

struct broker_command;
/* status 0: applied here, `result` is its answer (also when that is an
 * error). ERR_TIMEOUT: the outcome is unknown. ERR_NOTREADY: @meta has no
 * leader. */
typedef void (*broker_command_cb)(struct broker_command *c, int status,
                                  const struct meta_result *result);
struct broker_command {
    void *impl[32]; /* private */
    broker_command_cb cb;
    void *data;
};
/* Propose a command from any node: forwarded to the leader of @meta, retried
 * with its command id until the deadline; answered when this node has applied
 * it. `command` is copied. Errors: ERR_NOMEM, ERR_FULL. */
int broker_command(struct broker *b, struct broker_command *c,
                   struct slice command, uint32_t timeout_ms,
                   broker_command_cb cb, void *data);

struct broker_wait;
typedef void (*broker_wait_cb)(struct broker_wait *w, int status);
struct broker_wait {
    void *impl[32]; /* private */
    broker_wait_cb cb;
    void *data;
};
/* Wait until every partition of the topic has a leader and all reachable nodes
 * have applied @meta as far as this one (CreateTopics answers 0 then). status
 * 0 or ERR_TIMEOUT. `topic` zero: only the second condition. */
int broker_wait_topic(struct broker *b, struct broker_wait *w,
                      struct uuid topic, uint32_t timeout_ms, broker_wait_cb cb,
                      void *data);
/* A linearizable view of @meta: the image holds everything committed before
 * the call. status 0, ERR_NOTREADY, ERR_TIMEOUT. */
int broker_meta_barrier(struct broker *b, struct broker_wait *w,
                        uint32_t timeout_ms, broker_wait_cb cb, void *data);

/* A producer id that nobody ever had: >= 0, or -1: none at hand; then `cb`
 * runs when a block has arrived (or with ERR_TIMEOUT) and the caller asks
 * again. */
int64_t broker_producer_id(struct broker *b, struct broker_wait *w,
                           uint32_t timeout_ms, broker_wait_cb cb, void *data);

#endif
