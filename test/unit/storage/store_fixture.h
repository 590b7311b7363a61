/* store_fixture.h - a store in a simulated world, and batches to fill it. */
#ifndef STORE_FIXTURE_H
#define STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/rand.h"
#include "env/file.h"
#include "env/sim.h"
#include "record/batch.h"
#include "record/chain.h"
#include "storage/store_impl.h"

/* One batch of the model. */
struct sample {
    int64_t base, next;
    int64_t time_ms;
    uint64_t index, chain; /* after it */
    uint8_t *bytes;
    size_t len;
};

/* What was appended, all of it. */
struct model {
    struct sample *v;
    size_t n, cap;
    int64_t start; /* log begins here, with `chain` */
    uint64_t chain;
    uint64_t index; /* of the last entry */
};

static inline int64_t model_end(const struct model *m)
{
    return m->n > 0 ? m->v[m->n - 1].next : m->start;
}

static inline uint64_t model_chain(const struct model *m)
{
    return m->n > 0 ? m->v[m->n - 1].chain : m->chain;
}

static inline void model_cut(struct model *m, int64_t offset)
{
    while (m->n > 0 && m->v[m->n - 1].base >= offset) {
        free(m->v[--m->n].bytes);
    }
}

static inline void model_free(struct model *m)
{
    model_cut(m, 0);
    free(m->v);
    *m = (struct model){0};
}

/* The batch that holds `offset`. */
static inline size_t model_find(const struct model *m, int64_t offset)
{
    size_t i = 0;
    while (i < m->n && m->v[i].next <= offset) {
        i++;
    }
    return i;
}

/* A batch with `len` bytes in all, whose contents come from `r`. */
static inline struct sample *model_add(struct model *m, struct rand *r,
                                       size_t len, uint32_t n_records,
                                       int64_t time_ms)
{
    if (m->n == m->cap) {
        m->cap = m->cap * 2 + 16;
        m->v = realloc(m->v, m->cap * sizeof *m->v);
    }
    if (len < BATCH_HEADER_LEN + BATCH_RECORD_LEN_MIN * (size_t)n_records) {
        len = BATCH_HEADER_LEN + BATCH_RECORD_LEN_MIN * (size_t)n_records;
    }
    struct sample *s = &m->v[m->n];
    *s = (struct sample){.base = model_end(m),
                         .time_ms = time_ms,
                         .len = len,
                         .index = ++m->index,
                         .bytes = malloc(len)};
    s->next = s->base + n_records;
    rand_fill(r, s->bytes, len);
    be32_store(s->bytes + BATCH_AT_LENGTH, (uint32_t)(len - BATCH_PREFIX_LEN));
    s->bytes[BATCH_AT_MAGIC] = BATCH_MAGIC;
    be16_store(s->bytes + BATCH_AT_ATTRIBUTES, 0);
    be32_store(s->bytes + BATCH_AT_LAST_OFFSET_DELTA, n_records - 1);
    be64_store(s->bytes + BATCH_AT_BASE_TIMESTAMP, (uint64_t)time_ms);
    be64_store(s->bytes + BATCH_AT_MAX_TIMESTAMP, (uint64_t)time_ms);
    be32_store(s->bytes + BATCH_AT_RECORD_COUNT, n_records);
    batch_set_base_offset(s->bytes, s->base);
    batch_set_leader_epoch(s->bytes, 3);
    batch_set_crc(s->bytes, len);
    s->chain = batch_chain(model_chain(m), 3, s->base,
                           be32_load(s->bytes + BATCH_AT_CRC));
    m->n++;
    return s;
}

static inline struct log_point sample_point(const struct sample *s)
{
    return (struct log_point){.index = s->index,
                              .term = 3,
                              .offset = s->next,
                              .time_ms = s->time_ms,
                              .chain = s->chain};
}

/* A chunk with a copy of the batch. */
static inline struct bytes sample_bytes(struct chunk_pool *pool,
                                        const struct sample *s)
{
    struct chunk *c = chunk_acquire(pool, CHUNK_CLIENT, s->len);
    struct bytes b;
    assert_non_null(c);
    memcpy(c->data, s->bytes, s->len);
    b = bytes_share(c, c->data, s->len);
    chunk_release(c);
    return b;
}

static inline int sample_append(struct store *st, struct chunk_pool *pool,
                                const struct sample *s)
{
    struct bytes b = sample_bytes(pool, s);
    struct entry e = {.index = s->index,
                      .term = 3,
                      .base_offset = s->base,
                      .next_offset = s->next,
                      .time_ms = s->time_ms,
                      .chain = s->chain,
                      .kind = ENTRY_RECORDS,
                      .payload = b};
    int rv = store_append(st, &e);
    bytes_release(&b);
    return rv;
}

/* ---- a world ----------------------------------------------------------------
 */

struct world {
    struct sim *sim;
    struct sim_disk *disk;
    struct env *e;
    struct chunk_pool *pool;
    struct store *store;
    struct store_options o;
    struct rand rand;
    struct model model;
    /* The manifest that a replica would have made durable. */
    struct manifest m;
    bool has_manifest;
    struct arena arena;
    struct mem *arena_mem; /* and the pool's; outlives the node */
    /* Waiting. */
    bool done;
    int status;
    struct log_point point;
    struct bytes data;
    int64_t first;
};

static inline void world_nothing(struct env *e, void *arg)
{
    (void)e;
    (void)arg;
}

static inline void world_start(struct world *w)
{
    int rv =
        sim_node_start(w->sim, 1, "a", w->disk, world_nothing, NULL, &w->e);
    assert_int_equal(rv, 0);
    assert_int_equal(chunk_pool_new(&w->pool, w->arena_mem, 64u << 20), 0);
    w->o.pool = w->pool;
}

static inline int world_open(struct world *w, struct err *err)
{
    err->text[0] = '\0';
    return store_open(w->e, &w->o, w->has_manifest ? &w->m : NULL, &w->store,
                      err);
}

static inline void world_open_ok(struct world *w)
{
    struct err err;
    int rv = world_open(w, &err);
    if (rv != 0) {
        print_error("open: %s\n", err.text);
    }
    assert_int_equal(rv, 0);
}

static inline struct world *world_new(uint64_t seed)
{
    struct world *w = calloc(1, sizeof *w);
    struct sim_options o = {
        .seed = seed, .disk_min_us = 10, .disk_max_us = 3000};
    w->sim = sim_new(&o);
    w->disk = sim_disk_new(w->sim, 1);
    w->o = (struct store_options){.dir = "/data",
                                  .name = "orders-3",
                                  .segment_bytes = 1u << 20,
                                  .segment_ms = 1000000,
                                  .write_bytes = 32u << 10};
    w->arena_mem = mem_new(0);
    arena_init(&w->arena, w->arena_mem, 0);
    rand_init(&w->rand, seed);
    world_start(w);
    return w;
}

static inline void on_world_flag(void *arg)
{
    *(bool *)arg = true;
}

static inline void world_run(struct world *w)
{
    sim_run_until(w->sim, sim_now_us(w->sim) + 20000000, &w->done);
    assert_true(w->done);
}

static inline void world_close(struct world *w)
{
    if (w->store != NULL) {
        w->done = false;
        store_close(w->store, on_world_flag, &w->done);
        world_run(w);
        w->store = NULL;
    }
}

static inline void world_free(struct world *w)
{
    world_close(w);
    assert_int_equal(chunk_pool_used_all(w->pool), 0);
    chunk_pool_free(w->pool);
    model_free(&w->model);
    arena_close(&w->arena);
    mem_free_all(w->arena_mem);
    sim_free(w->sim);
    free(w);
}

static inline void world_append(struct world *w, size_t len)
{
    struct sample *s = model_add(&w->model, &w->rand, len,
                                 1 + (uint32_t)rand_below(&w->rand, 3),
                                 1000 + (int64_t)w->model.n);
    assert_int_equal(sample_append(w->store, w->pool, s), 0);
}

static inline void on_world_flushed(void *arg, struct log_point point)
{
    struct world *w = arg;
    w->point = point;
    w->done = true;
}

/* What the replica does with a flushed point: a manifest. */
static inline void world_manifest(struct world *w, struct log_point point,
                                  int64_t log_start)
{
    struct manifest_segment *v;
    w->m = (struct manifest){
        .kind = MANIFEST_LOG, .base = point, .log_start = log_start};
    assert_int_equal(store_segments(w->store, &w->arena, &v, &w->m.n_segments),
                     0);
    w->m.segments = v;
    w->has_manifest = true;
}

static inline void world_flush(struct world *w)
{
    w->done = false;
    assert_int_equal(store_flush(w->store, on_world_flushed, w), 0);
    assert_false(w->done);
    assert_int_equal(store_flush(w->store, on_world_flushed, w), ERR_BUSY);
    world_run(w);
    world_manifest(w, w->point, w->m.log_start);
}

static inline void on_world_read(struct store_read *r, int status,
                                 struct bytes data, int64_t first)
{
    struct world *w = r->data;
    w->status = status;
    w->data = data;
    w->first = first;
    w->done = true;
}

static inline int world_read(struct world *w, int64_t offset, int64_t end,
                             uint32_t max)
{
    struct store_read r;
    w->done = false;
    int rv = store_read(w->store, &r, offset, end, max, on_world_read, w);
    if (rv != 0) {
        return rv;
    }
    assert_false(w->done);
    world_run(w);
    return w->status;
}

/* What was read is what the model has there. Returns the offset behind it. */
static inline int64_t world_compare(struct world *w, int64_t offset,
                                    int64_t end, uint32_t max)
{
    size_t i = model_find(&w->model, offset), at = 0;
    assert_true(i < w->model.n);
    assert_int_equal(w->first, w->model.v[i].base);
    assert_true(w->data.len > 0);
    while (at < w->data.len) {
        const struct sample *s = &w->model.v[i++];
        assert_true(i <= w->model.n);
        assert_true(s->len <= w->data.len - at);
        assert_memory_equal(w->data.data + at, s->bytes, s->len);
        at += s->len;
        assert_true(s->next <= end);
        assert_true(at <= max || at == s->len);
        offset = s->next;
    }
    bytes_release(&w->data);
    return offset;
}

/* Read everything the store has and compare. */
static inline void world_check(struct world *w, uint32_t max)
{
    int64_t at = store_start(w->store), end = store_end(w->store);
    while (at < end) {
        assert_int_equal(world_read(w, at, end, max), 0);
        at = world_compare(w, at, end, max);
    }
    assert_int_equal(at, end);
}

#endif
