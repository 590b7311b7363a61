/* journal_model.h - a journal on the simulated door, and beside it a model:
 * the list of everything that was appended. After a crash the groups must be
 * what the list says up to the last record that recovery reports, and that
 * record must not be below what was reported durable.
 */
#ifndef TEST_JOURNAL_MODEL_H
#define TEST_JOURNAL_MODEL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/crc32c.h"
#include "base/rand.h"
#include "env/file.h"
#include "env/sim.h"
#include "storage/journal_impl.h"

#define MODEL_GROUPS 8
#define MODEL_NEEDS  64
#define NOISE_BYTES  (1u << 20)

struct op {
    enum journal_kind kind;
    bool apart; /* in no frame: there if the checkpoint recovered has it */
    uint64_t group;
    uint64_t seq;          /* last record of it */
    uint64_t term, vote;   /* HARD */
    struct log_point base; /* MANIFEST, INSTALL; OPEN */
    uint64_t uid;          /* of the manifest */
    unsigned n;            /* entries, payloads borrowed from the noise */
    struct entry *entries;
};

struct mgroup {
    bool open;
    bool used; /* ids are never used again */
    uint64_t term, vote;
    struct log_point base;
    uint64_t manifest; /* uid, 0: none */
    size_t n;
    struct entry *entries; /* base.index + 1 ... */
    size_t cap;
};

struct world {
    struct sim *sim;
    struct sim_disk *disk;
    struct rand rand;
    struct journal_options options;
    uint8_t *noise;
    uint64_t next_uid;
    struct op *ops;
    size_t n_ops, cap_ops;
    struct mgroup groups[MODEL_GROUPS + 1]; /* by id; as appended */
    /* the present life */
    struct env *env;
    struct journal *j;
    int open_status;
    struct err err;
    uint64_t durable; /* as told, over all lives */
    uint64_t torn_bytes;
    uint64_t frames;
    uint64_t read_bytes;
    bool clean;
    uint64_t damaged; /* bits by group */
    bool closed;
    struct {
        uint64_t group, index;
    } needs[MODEL_NEEDS];
    unsigned n_needs;
    uint64_t n_needs_ever;
    bool in_append;
    bool check_content;
    int last_rv;
    uint64_t mem_fail_at; /* plant a failure before opening; 0: none */
    bool cut;             /* the power may go while it opens */
};

static inline void world_init(struct world *w, const struct sim_options *so)
{
    *w = (struct world){.check_content = true};
    w->sim = sim_new(so);
    assert_non_null(w->sim);
    w->disk = sim_disk_new(w->sim, 1);
    w->noise = malloc(NOISE_BYTES);
    rand_init(&w->rand, so->seed + 1000);
    rand_fill(&w->rand, w->noise, NOISE_BYTES);
    w->next_uid = 1;
    w->options = (struct journal_options){.dir = "/data",
                                          .bytes_max = 6 * (64u << 10),
                                          .file_bytes = 64u << 10,
                                          .frame_bytes_max = 32u << 10,
                                          .depth = 4};
}

static inline void mgroup_clear(struct mgroup *g)
{
    free(g->entries);
    *g = (struct mgroup){0};
}

static inline void world_close(struct world *w)
{
    for (size_t i = 0; i < w->n_ops; i++) {
        free(w->ops[i].entries);
    }
    free(w->ops);
    for (unsigned i = 0; i <= MODEL_GROUPS; i++) {
        mgroup_clear(&w->groups[i]);
    }
    free(w->noise);
    sim_free(w->sim);
}

/* ---- the model ----------------------------------------------------------- */

static inline struct log_point mgroup_last(const struct mgroup *g)
{
    return g->n == 0 ? g->base : entry_point(&g->entries[g->n - 1]);
}

static inline void mgroup_put(struct mgroup *g, const struct entry *e)
{
    if (g->n == g->cap) {
        g->cap = g->cap == 0 ? 16 : g->cap * 2;
        g->entries = realloc(g->entries, g->cap * sizeof *g->entries);
    }
    g->entries[g->n++] = *e;
}

/* Apply the records of `op` up to number `to`. */
static inline void model_apply(struct mgroup groups[], const struct op *op,
                               uint64_t to)
{
    struct mgroup *g = &groups[op->group];
    if (op->kind == JOURNAL_APPEND) {
        for (unsigned i = 0; i < op->n && op->entries[i].seq <= to; i++) {
            const struct entry *e = &op->entries[i];
            if (i == 0) {
                assert_true(e->index > g->base.index);
                assert_true(e->index <= g->base.index + g->n + 1);
                g->n = e->index - g->base.index - 1;
            }
            mgroup_put(g, e);
        }
        return;
    }
    if (op->seq > to) {
        return;
    }
    switch (op->kind) {
    case JOURNAL_HARD:
        g->term = op->term;
        g->vote = op->vote;
        break;
    case JOURNAL_OPEN:
        g->open = g->used = true;
        g->base = op->base;
        break;
    case JOURNAL_DROP:
        mgroup_clear(g);
        g->used = true;
        break;
    case JOURNAL_INSTALL:
        g->n = 0;
        g->base = op->base;
        g->manifest = op->uid;
        break;
    case JOURNAL_MANIFEST: {
        size_t drop = op->base.index - g->base.index;
        assert_true(drop <= g->n);
        if (g->n > drop) {
            memmove(g->entries, g->entries + drop,
                    (g->n - drop) * sizeof *g->entries);
        }
        g->n -= drop;
        g->base = op->base;
        g->manifest = op->uid;
        break;
    }
    default:
        break;
    }
}

static inline void model_rebuild(struct world *w, uint64_t to, uint64_t record)
{
    size_t n = 0;
    for (unsigned i = 0; i <= MODEL_GROUPS; i++) {
        mgroup_clear(&w->groups[i]);
    }
    for (size_t i = 0; i < w->n_ops; i++) {
        struct op *op = &w->ops[i];
        uint64_t first = op->n > 0 ? op->entries[0].seq : op->seq;
        if (first > to || (op->apart && op->seq > record)) {
            free(op->entries);
            continue;
        }
        while (op->n > 0 && op->entries[op->n - 1].seq > to) {
            op->n--;
        }
        model_apply(w->groups, op, to);
        w->ops[n++] = *op;
    }
    w->n_ops = n;
}

/* Take down what was appended; entries are copied. */
static inline void model_add(struct world *w, struct op op)
{
    if (w->n_ops == w->cap_ops) {
        w->cap_ops = w->cap_ops == 0 ? 64 : w->cap_ops * 2;
        w->ops = realloc(w->ops, w->cap_ops * sizeof *w->ops);
    }
    struct entry *copy = NULL;
    op.apart = op.n == 0 && w->j->apart_last == op.seq;
    if (op.n > 0) {
        copy = malloc(op.n * sizeof *copy);
        memcpy(copy, op.entries, op.n * sizeof *copy);
    }
    op.entries = copy;
    w->ops[w->n_ops++] = op;
    model_apply(w->groups, &op, UINT64_MAX);
}

static inline struct slice model_blob(const struct world *w, uint64_t uid)
{
    return slice_of(w->noise + uid % 4096, 40 + uid % 200);
}

static inline struct slice model_config(const struct world *w, uint64_t group)
{
    return slice_of(w->noise + group * 64, 10 + group);
}

/* ---- lives --------------------------------------------------------------- */

static inline void on_durable(void *arg, uint64_t seq)
{
    struct world *w = arg;
    assert_true(seq > w->durable);
    assert_int_equal(seq, journal_durable(w->j));
    assert_true(seq <= journal_last(w->j));
    w->durable = seq;
}

static inline void on_need(void *arg, uint64_t group, uint64_t index)
{
    struct world *w = arg;
    assert_false(w->in_append);
    w->n_needs_ever++;
    if (w->n_needs < MODEL_NEEDS) {
        w->needs[w->n_needs].group = group;
        w->needs[w->n_needs++].index = index;
    }
}

static inline void check_group(struct world *w, const struct recovered_group *r)
{
    const struct mgroup *g = &w->groups[r->open.group];
    struct slice config = model_config(w, r->open.group);
    assert_true(g->open);
    assert_int_equal(r->open.partition, (int)r->open.group * 3);
    assert_int_equal(r->open.membership_id, r->open.group + 77);
    assert_true(slice_equal(r->open.config, config));
    assert_int_equal(r->term, g->term);
    assert_int_equal(r->vote, g->vote);
    assert_memory_equal(&r->tail.base, &g->base, sizeof g->base);
    if (g->manifest == 0) {
        assert_int_equal(r->manifest.len, 0);
    } else {
        assert_true(slice_equal(r->manifest, model_blob(w, g->manifest)));
    }
    assert_int_equal(r->tail.n, g->n);
    tail_check(&r->tail);
    for (size_t i = 0; i < g->n; i++) {
        const struct entry *want = &g->entries[i];
        const struct entry *e = tail_find(&r->tail, want->index);
        assert_non_null(e);
        assert_int_equal(e->term, want->term);
        assert_true(e->chain == want->chain);
        assert_int_equal(e->next_offset, want->next_offset);
        assert_true(
            slice_equal(bytes_slice(e->payload), bytes_slice(want->payload)));
    }
}

static inline void check_recovered(struct world *w, const struct recovery *r)
{
    unsigned open = 0;
    uint64_t last = journal_last(w->j);
    assert_true(last >= w->durable);
    model_rebuild(w, last, r->record);
    for (unsigned i = 0; i <= MODEL_GROUPS; i++) {
        open += w->groups[i].open;
    }
    assert_int_equal(r->n_groups, open);
    for (size_t i = 0; i < r->n_groups; i++) {
        assert_false(r->groups[i].damaged);
        check_group(w, &r->groups[i]);
    }
}

static inline void life_start(struct env *e, void *arg)
{
    struct world *w = arg;
    struct recovery *r = NULL;
    w->env = e;
    w->j = NULL;
    w->n_needs = 0;
    w->closed = false;
    w->open_status = ERR_INTERNAL;
    struct journal_options o = w->options;
    size_t blocks = mem_blocks(env_mem(e));
    int rv = chunk_pool_new(&o.pool, env_mem(e), 64u << 20);
    if (rv == 0) {
        rv = env_mkdir(e, w->options.dir);
        rv = rv == ERR_EXISTS ? 0 : rv;
        rv = rv == 0 ? env_sync_dir(e, "/") : rv;
    }
    if (rv == 0) {
        mem_fail_at(env_mem(e), w->mem_fail_at, 0);
        rv = journal_open(e, &o, &w->j, &r, &w->err);
        if (rv != 0) {
            assert_true(w->err.text[0] != 0);
            chunk_pool_free(o.pool);
            assert_true(w->cut || mem_blocks(env_mem(e)) == blocks);
        }
    }
    w->open_status = rv;
    if (rv != 0) {
        return;
    }
    w->torn_bytes = r->torn_bytes;
    w->frames = r->frames;
    w->read_bytes = r->bytes;
    w->clean = r->clean;
    w->damaged = 0;
    for (size_t i = 0; i < r->n_groups; i++) {
        if (r->groups[i].damaged) {
            w->damaged |= 1ull << r->groups[i].open.group;
        }
    }
    ring_check(w->j);
    if (w->check_content) {
        check_recovered(w, r);
    }
    w->durable = journal_durable(w->j);
    recovery_free(r);
    assert_int_equal(chunk_pool_used_all(o.pool), 0);
    journal_listen(w->j, on_durable, on_need, w);
}

static inline int world_start(struct world *w)
{
    return sim_node_start(w->sim, 1, "n1", w->disk, life_start, w, &w->env);
}

static inline void world_open(struct world *w)
{
    int rv = world_start(w);
    if (rv != 0) {
        fail_msg("died: %s", sim_node_death(w->sim, 1));
    }
    if (w->open_status != 0) {
        fail_msg("open: %s", w->err.text);
    }
}

static inline void world_crash(struct world *w, enum sim_crash how)
{
    sim_node_crash(w->sim, 1, how);
    w->j = NULL;
}

static inline void on_closed(void *arg)
{
    struct world *w = arg;
    w->closed = true;
    w->j = NULL;
}

static inline void call_close(void *arg)
{
    struct world *w = arg;
    journal_close(w->j, on_closed, w);
    assert_false(w->closed);
}

/* Run the world until `flag`, at most a long virtual while. */
static inline void world_wait(struct world *w, const bool *flag)
{
    sim_run_until(w->sim, sim_now_us(w->sim) + 600000000, flag);
    assert_true(*flag);
}

static inline void world_shut(struct world *w)
{
    assert_int_equal(sim_node_call(w->sim, 1, call_close, w), 0);
    world_wait(w, &w->closed);
    sim_node_crash(w->sim, 1, SIM_CRASH_NONE);
}

/* Let everything settle for some virtual milliseconds. */
static inline void world_run_ms(struct world *w, uint64_t ms)
{
    sim_run_until(w->sim, sim_now_us(w->sim) + ms * 1000, NULL);
}

/* ---- operations, run as the node ------------------------------------------
 */

struct todo {
    struct world *w;
    uint64_t group;
    uint64_t from; /* first index */
    unsigned n;
    uint32_t len_max; /* 0: a new leader's entries, without payload */
    uint32_t len;     /* of each payload; 0: any up to len_max */
    uint64_t term;
    bool install;
    bool insist;
    int rv;
};

static inline void do_open(void *arg)
{
    struct todo *t = arg;
    struct world *w = t->w;
    struct op op = {.kind = JOURNAL_OPEN,
                    .group = t->group,
                    .base = {.index = 2, .term = 1, .offset = 0}};
    struct journal_open_info info = {.group = t->group,
                                     .partition = (int32_t)t->group * 3,
                                     .membership_id = t->group + 77,
                                     .base = op.base,
                                     .config = model_config(w, t->group)};
    t->rv = journal_group_open(w->j, &info, &op.seq);
    if (t->rv == 0) {
        model_add(w, op);
    }
}

static inline void do_drop(void *arg)
{
    struct todo *t = arg;
    struct op op = {.kind = JOURNAL_DROP, .group = t->group};
    t->rv = journal_group_drop(t->w->j, t->group, &op.seq);
    if (t->rv == 0) {
        model_add(t->w, op);
    }
}

static inline void do_hard(void *arg)
{
    struct todo *t = arg;
    struct op op = {.kind = JOURNAL_HARD, .group = t->group};
    op.term = t->w->groups[t->group].term + 1;
    op.vote = rand_below(&t->w->rand, 5);
    t->rv = journal_hard(t->w->j, t->group, op.term, op.vote, &op.seq);
    if (t->rv == 0) {
        model_add(t->w, op);
    }
}

static inline void do_append(void *arg)
{
    struct todo *t = arg;
    struct world *w = t->w;
    struct mgroup *g = &w->groups[t->group];
    struct entry *e = calloc(t->n, sizeof *e);
    struct entry **list = calloc(t->n, sizeof *list);
    size_t before = t->from - g->base.index - 1;
    struct log_point p =
        before == 0 ? g->base : entry_point(&g->entries[before - 1]);
    for (unsigned i = 0; i < t->n; i++) {
        uint64_t uid = w->next_uid++;
        bool barrier = t->len_max == 0;
        size_t len = barrier       ? 0
                     : t->len != 0 ? t->len
                                   : 1 + rand_below(&w->rand, t->len_max);
        const uint8_t *data = w->noise + uid * 8 % (NOISE_BYTES / 2);
        e[i] = (struct entry){.index = p.index + 1,
                              .term = p.term > t->term ? p.term : t->term,
                              .base_offset = p.offset,
                              .next_offset = p.offset + !barrier,
                              .chain = barrier ? p.chain : uid,
                              .crc = crc32c(data, len),
                              .kind = barrier ? ENTRY_BARRIER : ENTRY_RECORDS,
                              .payload = {NULL, data, len}};
        p = entry_point(&e[i]);
        list[i] = &e[i];
    }
    struct op op = {.kind = JOURNAL_APPEND, .group = t->group, .n = t->n};
    uint64_t last = journal_last(w->j);
    w->in_append = true;
    if (t->insist) {
        bool takes = journal_takes(w->j, t->group, list, t->n);
        t->rv = journal_insist(w->j, t->group, list, t->n, &op.seq);
        assert_int_equal(t->rv == 0, takes);
    } else {
        t->rv = journal_append(w->j, t->group, list, t->n, &op.seq);
    }
    w->in_append = false;
    if (t->rv == 0) {
        assert_int_equal(op.seq, journal_last(w->j));
        assert_int_equal(op.seq, e[t->n - 1].seq);
        op.entries = e;
        model_add(w, op);
    } else {
        assert_int_equal(last, journal_last(w->j));
    }
    ring_check(w->j);
    free(list);
    free(e);
}

/* Copy entries [from, from + n). */
static inline void do_copy(void *arg)
{
    struct todo *t = arg;
    struct world *w = t->w;
    struct mgroup *g = &w->groups[t->group];
    struct entry **list = calloc(t->n, sizeof *list);
    struct entry *e = calloc(t->n, sizeof *e);
    uint64_t seq;
    for (unsigned i = 0; i < t->n; i++) {
        e[i] = g->entries[t->from - g->base.index - 1 + i];
        list[i] = &e[i];
    }
    t->rv = journal_copy(w->j, t->group, list, t->n, &seq);
    ring_check(w->j);
    free(list);
    free(e);
}

/* Raise the base to index `from`, or install it. */
static inline void do_manifest(void *arg)
{
    struct todo *t = arg;
    struct world *w = t->w;
    struct mgroup *g = &w->groups[t->group];
    struct op op = {.kind = t->install ? JOURNAL_INSTALL : JOURNAL_MANIFEST,
                    .group = t->group,
                    .uid = w->next_uid++};
    if (t->install) {
        struct log_point last = mgroup_last(g);
        op.base = (struct log_point){
            .index = t->from, .term = last.term, .offset = last.offset + 10};
    } else {
        op.base = t->from == g->base.index
                      ? g->base
                      : entry_point(&g->entries[t->from - g->base.index - 1]);
    }
    t->rv = journal_manifest(w->j, t->group, op.base, model_blob(w, op.uid),
                             t->install, &op.seq);
    if (t->rv == 0) {
        model_add(w, op);
    }
    ring_check(w->j);
}

/* Run it as the node; false: the node died. */
static inline bool world_do(struct world *w, void (*fn)(void *), struct todo t)
{
    t.w = w;
    if (sim_node_call(w->sim, 1, fn, &t) != 0) {
        return false;
    }
    w->last_rv = t.rv;
    return true;
}

static inline void must_do(struct world *w, void (*fn)(void *), struct todo t)
{
    if (!world_do(w, fn, t)) {
        fail_msg("died: %s", sim_node_death(w->sim, 1));
    }
    assert_int_equal(w->last_rv, 0);
}

/* Append `n` entries after the last one. */
static inline struct todo append_todo(struct world *w, uint64_t group,
                                      unsigned n, uint32_t len_max)
{
    struct log_point p = mgroup_last(&w->groups[group]);
    return (struct todo){.group = group,
                         .from = p.index + 1,
                         .n = n,
                         .len_max = len_max,
                         .term = p.term};
}

static inline bool world_durable(const struct world *w)
{
    return journal_durable(w->j) == journal_last(w->j);
}

static inline void world_settle(struct world *w)
{
    while (!world_durable(w)) {
        assert_true(sim_run_one(w->sim));
    }
}

/* Answer what the journal asked for: raise bases or copy. */
static inline bool world_needs(struct world *w)
{
    for (unsigned i = 0; i < w->n_needs; i++) {
        uint64_t id = w->needs[i].group;
        uint64_t index = w->needs[i].index;
        struct mgroup *g = &w->groups[id];
        if (!g->open || index <= g->base.index ||
            index > g->base.index + g->n) {
            continue;
        }
        struct todo t = {.group = id, .from = index};
        uint64_t n = index - g->base.index;
        uint64_t bytes = 0;
        for (uint64_t k = 0; k < n; k++) {
            bytes += g->entries[k].payload.len;
        }
        bool copy = bytes < 4096 && rand_below(&w->rand, 2) == 0;
        if (copy) {
            t.from = g->base.index + 1;
            t.n = (unsigned)n;
        }
        if (!world_do(w, copy ? do_copy : do_manifest, t)) {
            return false;
        }
    }
    w->n_needs = 0;
    return true;
}

/* One random operation; false: the node died. */
static inline bool world_random_op(struct world *w, uint32_t len_max)
{
    uint64_t id = 1 + rand_below(&w->rand, MODEL_GROUPS);
    struct mgroup *g = &w->groups[id];
    struct todo t = {.group = id};
    if (!world_needs(w)) {
        return false;
    }
    if (!g->open) {
        return g->used || world_do(w, do_open, t);
    }
    switch (rand_below(&w->rand, 40)) {
    case 0:
        if (id > 4) {
            return world_do(w, do_drop, t);
        }
        return true;
    case 1:
    case 2:
        return world_do(w, do_hard, t);
    case 3:
    case 4:
    case 5:
        t.from = g->base.index + rand_below(&w->rand, g->n + 1);
        return world_do(w, do_manifest, t);
    case 6:
        t.install = true;
        /* Also below the end: what was above the new base is gone. */
        t.from = g->base.index + 1 + rand_below(&w->rand, g->n + 5);
        return world_do(w, do_manifest, t);
    case 7:
        journal_checkpoint(w->j);
        return true;
    case 8:
        if (g->n == 0) {
            return true;
        }
        t.n = 1 + (unsigned)rand_below(&w->rand, g->n > 4 ? 4 : g->n);
        t.from = g->base.index + 1 + rand_below(&w->rand, g->n - t.n + 1);
        return world_do(w, do_copy, t);
    case 9:
    case 10: /* a new leader's entries replace some */
        t = append_todo(w, id, 1 + (unsigned)rand_below(&w->rand, 4), len_max);
        t.from = g->base.index + 1 + rand_below(&w->rand, g->n + 1);
        t.term++;
        return world_do(w, do_append, t);
    default:
        t = append_todo(w, id, 1 + (unsigned)rand_below(&w->rand, 5), len_max);
        return world_do(w, do_append, t);
    }
}

#endif
