/* state_test.h - a simulated node with a machine of @meta on it, and commands
 * for it. */
#ifndef STATE_TEST_H
#define STATE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rand.h"
#include "env/file.h"
#include "env/sim.h"
#include "state/meta.h"

#define DB_PATH "/meta/meta.db"
#define RUN_US  (60 * UINT64_C(1000000))

/* A node's machine and what was heard of it. Outlives crashes. */
struct rig {
    struct sim *sim;
    struct sim_disk *disk;
    unsigned id;
    struct env *env;
    struct machine *m;
    struct image *image; /* of image_mem, which no crash frees */
    struct mem *image_mem;
    const struct machine_type *type;
    /* Of another type than @meta: what it starts with, what is heard of it. */
    void (*boot)(const struct rig *r, struct buf *b);
    void (*hear)(struct rig *r, const struct slice results[], unsigned n,
                 struct slice changes, bool reset);
    void *data;
    int64_t time_ms; /* of the next commands; 0: it follows their index */
    unsigned n_nodes;
    const char *racks[16];

    bool unclean;
    bool keep;       /* damaged files where they are */
    char aside[600]; /* what opening says of one that was moved */
    bool done;       /* of the last request */
    bool request;    /* it is no command: what is applied meanwhile is not it */
    int status;
    char err[600];
    bool fresh;
    uint64_t index, term, hash, bytes;
    uint64_t next;           /* index of the next command */
    struct meta_result last; /* of the last command */
    uint64_t last_index;
    unsigned n_results;
};

static inline struct uuid test_uuid(uint64_t n)
{
    struct uuid u = {{0x42}};
    memcpy(u.b + 8, &n, sizeof n);
    return u;
}

static inline void on_start(struct env *e, void *arg)
{
    (void)arg;
    int rv = env_mkdir(e, "/meta");
    if (rv == 0) {
        env_sync_dir(e, "/");
    }
}

static inline void rig_start_node(struct rig *r)
{
    assert_int_equal(
        sim_node_start(r->sim, r->id, "n", r->disk, on_start, NULL, &r->env),
        0);
}

/* The power goes, and with it what was not durable; then a new life. */
static inline void rig_cut_power(struct rig *r)
{
    sim_node_crash(r->sim, r->id, SIM_CRASH_NONE);
    r->m = NULL;
    rig_start_node(r);
}

static inline void rig_new(struct rig *r, uint64_t seed, unsigned n_nodes)
{
    struct sim_options o = {
        .seed = seed, .disk_min_us = 10, .disk_max_us = 100};
    *r = (struct rig){.id = 1, .type = &meta_machine, .n_nodes = n_nodes};
    r->sim = sim_new(&o);
    r->disk = sim_disk_new(r->sim, 1);
    r->image_mem = mem_new(0);
    r->image = image_new(r->image_mem);
    assert_non_null(r->image);
    rig_start_node(r);
}

static inline void rig_free(struct rig *r)
{
    image_free(r->image);
    assert_int_equal(mem_blocks(r->image_mem), 0);
    mem_free_all(r->image_mem);
    sim_free(r->sim);
}

/* Run until `done`, or the node dies (then false). */
static inline bool rig_wait(struct rig *r)
{
    uint64_t until = sim_now_us(r->sim) + RUN_US;
    while (!r->done && sim_node_env(r->sim, r->id) != NULL &&
           sim_now_us(r->sim) < until && sim_run_one(r->sim)) {
    }
    if (sim_node_env(r->sim, r->id) == NULL) {
        r->m = NULL;
        return false;
    }
    assert_true(r->done);
    return true;
}

static inline void on_applied(void *arg, uint64_t index, uint64_t term,
                              const uint64_t indexes[],
                              const struct slice results[], unsigned n,
                              struct slice changes)
{
    struct rig *r = arg;
    if (r->hear != NULL) {
        r->hear(r, results, n, changes, false);
    } else {
        assert_int_equal(image_change(r->image, changes, false), 0);
        image_set_index(r->image, index);
    }
    for (unsigned i = 0; i < n; i++) {
        if (r->hear == NULL) {
            assert_int_equal(meta_decode_result(results[i], &r->last), 0);
        }
        assert_true(indexes[i] > r->last_index);
        r->last_index = indexes[i];
        r->n_results++;
    }
    assert_int_equal(machine_applied(r->m), index);
    r->index = index;
    r->term = term;
    r->done = r->done || (!r->request && index + 1 >= r->next);
}

static inline void on_opened(void *arg, int status, struct machine *m,
                             const struct machine_opened *o,
                             const struct err *err)
{
    struct rig *r = arg;
    r->done = true;
    r->request = false;
    r->status = status;
    r->m = m;
    if (status != 0) {
        snprintf(r->err, sizeof r->err, "%s", err->text);
        return;
    }
    if (r->hear != NULL) {
        r->hear(r, NULL, 0, o->changes, true);
    } else {
        assert_int_equal(image_change(r->image, o->changes, true), 0);
        image_set_index(r->image, o->applied_index);
    }
    r->index = o->applied_index;
    r->last_index = o->applied_index;
    r->term = o->applied_term;
    r->fresh = o->fresh;
    snprintf(r->aside, sizeof r->aside, "%s", o->aside == NULL ? "" : o->aside);
    r->next = r->index + 1;
    machine_listen(m, on_applied, r);
}

static inline void rig_bootstrap(const struct rig *r, struct buf *b)
{
    struct image_node nodes[16] = {{0}};
    if (r->boot != NULL) {
        r->boot(r, b);
        return;
    }
    for (unsigned i = 0; i < r->n_nodes; i++) {
        nodes[i].id = (int32_t)i + 1;
        nodes[i].incarnation = 1;
        nodes[i].directory = test_uuid(100 + i);
        nodes[i].peer_port = 7000;
        snprintf(nodes[i].peer_host, sizeof nodes[i].peer_host, "host%u", i);
        if (r->racks[i] != NULL) {
            snprintf(nodes[i].rack, sizeof nodes[i].rack, "%s", r->racks[i]);
        }
    }
    struct meta_bootstrap boot = {
        .cluster = test_uuid(1), .nodes = nodes, .n_nodes = r->n_nodes};
    meta_encode_bootstrap(&boot, b);
}

struct rig_call {
    struct rig *rig;
    const char *path;
    uint64_t hash;
    struct buf boot;
    const struct machine_command *commands;
    unsigned n;
    uint64_t upto;
    int rv;
};

static inline void open_as_node(void *arg)
{
    struct rig_call *c = arg;
    struct rig *r = c->rig;
    struct machine_options o = {.type = r->type,
                                .path = DB_PATH,
                                .name = "@meta",
                                .bootstrap = buf_slice(&c->boot),
                                .unclean = r->unclean,
                                .keep_damaged = r->keep};
    c->rv = machine_open(r->env, &o, on_opened, r);
}

/* False: the node died. */
static inline bool rig_open(struct rig *r, bool unclean)
{
    struct mem *mem = mem_new(0);
    struct rig_call c = {.rig = r};
    r->unclean = unclean;
    r->request = true;
    r->done = false;
    buf_init(&c.boot, mem, 0);
    rig_bootstrap(r, &c.boot);
    bool alive = sim_node_call(r->sim, r->id, open_as_node, &c) == 0 &&
                 c.rv == 0 && rig_wait(r);
    mem_free_all(mem);
    return alive;
}

static inline void on_closed(void *arg)
{
    struct rig *r = arg;
    r->done = true;
    r->request = false;
}

static inline void close_as_node(void *arg)
{
    struct rig_call *c = arg;
    machine_close(c->rig->m, on_closed, c->rig);
}

static inline bool rig_close(struct rig *r)
{
    struct rig_call c = {.rig = r};
    r->done = false;
    r->request = true;
    bool alive =
        sim_node_call(r->sim, r->id, close_as_node, &c) == 0 && rig_wait(r);
    r->m = NULL;
    return alive;
}

static inline void on_checkpoint(void *arg, uint64_t index, uint64_t term,
                                 uint64_t hash)
{
    struct rig *r = arg;
    r->done = true;
    r->request = false;
    r->index = index;
    r->term = term;
    r->hash = hash;
}

static inline void checkpoint_as_node(void *arg)
{
    struct rig_call *c = arg;
    c->rv = machine_checkpoint(c->rig->m, on_checkpoint, c->rig);
}

static inline bool rig_checkpoint(struct rig *r)
{
    struct rig_call c = {.rig = r};
    r->done = false;
    r->request = true;
    return sim_node_call(r->sim, r->id, checkpoint_as_node, &c) == 0 &&
           c.rv == 0 && rig_wait(r);
}

static inline void on_image(void *arg, int status, uint64_t index,
                            uint64_t term, uint64_t hash, uint64_t bytes)
{
    struct rig *r = arg;
    r->done = true;
    r->request = false;
    r->status = status;
    r->index = index;
    r->term = term;
    r->hash = hash;
    r->bytes = bytes;
}

static inline void image_as_node(void *arg)
{
    struct rig_call *c = arg;
    c->rv = machine_image(c->rig->m, c->path, on_image, c->rig);
}

static inline bool rig_image(struct rig *r, const char *path)
{
    struct rig_call c = {.rig = r, .path = path};
    r->done = false;
    r->request = true;
    return sim_node_call(r->sim, r->id, image_as_node, &c) == 0 && c.rv == 0 &&
           rig_wait(r);
}

static inline void install_as_node(void *arg)
{
    struct rig_call *c = arg;
    c->rv = machine_install(c->rig->m, c->path, c->hash, on_opened, c->rig);
}

static inline bool rig_install(struct rig *r, const char *path, uint64_t hash)
{
    struct rig_call c = {.rig = r, .path = path, .hash = hash};
    r->done = false;
    r->request = true;
    return sim_node_call(r->sim, r->id, install_as_node, &c) == 0 &&
           c.rv == 0 && rig_wait(r);
}

static inline void apply_as_node(void *arg)
{
    struct rig_call *c = arg;
    c->rv = machine_apply(c->rig->m, c->commands, c->n, c->upto, 3);
}

/* Queue one command at the next index; do not wait. */
static inline bool rig_queue(struct rig *r, struct slice command)
{
    struct machine_command mc = {
        .index = r->next,
        .term = 3,
        .time_ms = r->time_ms != 0 ? r->time_ms : 1000 + (int64_t)r->next,
        .payload = {.data = command.data, .len = command.len}};
    struct rig_call c = {.rig = r, .commands = &mc, .n = 1, .upto = r->next};
    r->next++;
    r->request = false;
    r->done = false;
    return sim_node_call(r->sim, r->id, apply_as_node, &c) == 0 && c.rv == 0;
}

/* Apply one command and wait for its result in r->last. */
static inline bool rig_apply(struct rig *r, struct buf *b)
{
    assert_int_equal(b->status, 0);
    bool ok = rig_queue(r, buf_slice(b)) && rig_wait(r);
    buf_close(b);
    return ok;
}

static inline void command_init(const struct rig *r, struct buf *b)
{
    buf_init(b, r->image_mem, 0);
}

/* Commands in one line; each waits and returns Kafka's error. */
static inline int do_create(struct rig *r, const char *name, uint64_t id,
                            int32_t partitions, int16_t replication)
{
    struct buf b;
    struct meta_create_topic c = {.name = slice_str(name),
                                  .id = test_uuid(id),
                                  .partitions = partitions,
                                  .replication = replication};
    command_init(r, &b);
    meta_encode_create_topic(&c, uuid_zero, &b);
    assert_true(rig_apply(r, &b));
    return r->last.error;
}

static inline int do_delete(struct rig *r, const char *name)
{
    struct buf b;
    command_init(r, &b);
    meta_encode_delete_topic(uuid_zero, slice_str(name), uuid_zero, &b);
    assert_true(rig_apply(r, &b));
    return r->last.error;
}

static inline int do_grow(struct rig *r, const char *name, int32_t count)
{
    struct buf b;
    struct meta_create_partitions c = {.name = slice_str(name), .count = count};
    command_init(r, &b);
    meta_encode_create_partitions(&c, uuid_zero, &b);
    assert_true(rig_apply(r, &b));
    return r->last.error;
}

static inline int do_config(struct rig *r, const char *topic,
                            enum meta_config_op op, const char *name,
                            const char *value)
{
    struct buf b;
    struct meta_config_change x = {.op = op, .name = name, .value = value};
    struct meta_alter_configs c = {
        .topic = slice_str(topic), .ops = &x, .n_ops = 1};
    command_init(r, &b);
    meta_encode_alter_configs(&c, uuid_zero, &b);
    assert_true(rig_apply(r, &b));
    return r->last.error;
}

#endif
