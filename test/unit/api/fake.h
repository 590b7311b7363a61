/* fake.h - a node for the tests of the families: plain tables where the broker
 * is, and a request that checks its answer by encoding it.
 *
 *     fake_open(); fake_topic(...);
 *     struct x_response *out = fake_run(&wire_x_request, version, &in);
 *
 * fake_run() sends `in` through the codec, calls the handler, runs what it
 * started until the reply, and returns the reply as a client decodes it; NULL
 * if the connection was closed.
 */
#ifndef TEST_API_FAKE_H
#define TEST_API_FAKE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "api/handlers.h"
#include "broker/leaders.h"
#include "broker/partition_read.h"
#include "config/config.h"
#include "wire/errors.h"
#include "wire/message.h"

#define FAKE_MAX 16

/* A partition's replica on this node. */
struct partition {
    uint64_t group;
    bool leads, ready;
    int32_t epoch;
    int64_t start, high, end;
    int barrier_status; /* what barriers end with */
    int trim_status;
    int64_t trimmed; /* -1: no */
    unsigned barriers;
};

struct fake_command {
    char kind; /* C create, D delete, P partitions, A alter */
    struct meta_create_topic create;
    struct meta_create_partitions grow;
    struct meta_alter_configs alter;
    struct meta_config_change ops[FAKE_MAX];
    char name[64];
    struct uuid id;
};

struct fake {
    struct mem *mem;
    struct metrics *metrics;
    struct config *config;
    struct image_node nodes[FAKE_MAX];
    unsigned n_nodes;
    struct image_topic topics[FAKE_MAX]; /* by name */
    struct image_partition rows[FAKE_MAX][FAKE_MAX];
    unsigned n_topics;
    struct leader leaders[FAKE_MAX];
    unsigned n_leaders;
    struct partition partitions[FAKE_MAX];
    unsigned n_partitions;
    bool serves;
    int32_t down;        /* a node that cannot be reached, -1 none */
    int64_t producer_id; /* < 0: none at hand */
    /* Commands so far, and what they are answered. */
    struct fake_command commands[2 * FAKE_MAX + 100];
    unsigned n_commands;
    int command_status;
    struct meta_result result;
    unsigned waits;
    struct uuid waited_for;
    int wait_status;
    /* Barriers of @meta so far, what they end with, and what this node learns
     * by the next one. */
    unsigned barriers;
    int barrier_status;
    void (*catch_up)(void);
    unsigned at_once, at_once_max; /* commands under way */
    uint64_t now_ms;
    bool closed; /* the last request was */
    /* Of the next requests. */
    const char *client_id, *peer;
    bool hang_up; /* the client goes once the handler has returned */
    /* What a request's arena still gives once it is decoded, 0: anything; and
     * what the last one took. */
    size_t arena_left, arena_used;
    /* Called while the request has not ended and nothing is left to be run:
     * does something about it, or says false. May be NULL. */
    bool (*idle)(void);
};
extern struct fake fake;

/* cmocka's: a node 1 of nodes 1..3 that serves, no topics. */
int fake_open(void **state);
int fake_close(void **state);
/* A setting of the node, from the command line; before the first request. */
void fake_set(const char *name, const char *value);
/* Topics in the order of their names, please; replicas 1, 2, 3; partition 0
 * is led by node 1 in term 5, with records 10..100 here; the others by 2. */
struct image_topic *fake_topic(const char *name, int32_t n_partitions);
struct partition *fake_partition(const char *topic);

/* Run something after the handler, in order. */
void fake_later(void (*run)(void *arg, void *what), void *arg, void *what);
/* Not, after all: who asked has canceled, and `arg` may be no more. */
void fake_never(const void *arg);
void *fake_run(const struct wire_message *m, int version, const void *in);
/* Equal to a string. */
#define assert_text(s, text) assert_true(slice_equal((s), slice_str(text)))

#endif
