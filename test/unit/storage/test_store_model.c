/* Random lives of a store against a model in memory: appends, flushes, reads,
 * rolls, trims, leases, power cuts. The test plays the replica: it keeps the
 * manifest that would be in force, perhaps an older one than the last flush,
 * and after a cut appends again what lies above it, as recovery would. */
#include "store_fixture.h"

#define SEEDS 120
#define STEPS 120

struct reader {
    struct store_read r;
    struct life *life;
    int64_t offset, end;
    uint32_t max;
    struct reader *next;
};

struct life {
    struct world *w;
    size_t fed;            /* samples appended in this life */
    struct manifest ready; /* of the last flush, not in force yet */
    bool has_ready, flushing;
    int64_t log_start; /* as applied */
    struct store_lease *lease;
    int64_t lease_start;
    int64_t start; /* last seen */
    struct reader *readers;
};

/* What happened over all lives. */
static struct {
    uint64_t crashes, trimmed, rolled, reads;
} seen;

static uint64_t below(struct life *l, uint64_t n)
{
    return rand_below(&l->w->rand, n);
}

static void on_flushed(void *arg, struct log_point point)
{
    struct life *l = arg;
    struct world *w = l->w;
    struct manifest_segment *v;
    const struct sample *last;
    l->flushing = false;
    l->ready = (struct manifest){
        .kind = MANIFEST_LOG, .base = point, .log_start = l->log_start};
    assert_int_equal(
        store_segments(w->store, &w->arena, &v, &l->ready.n_segments), 0);
    l->ready.segments = v;
    l->has_ready = true;
    if (point.offset > 0) {
        last = &w->model.v[model_find(&w->model, point.offset - 1)];
        assert_int_equal(point.offset, last->next);
        assert_int_equal(point.chain, last->chain);
        assert_int_equal(point.index, last->index);
    }
    if (l->ready.n_segments > 0) {
        assert_int_equal(v[l->ready.n_segments - 1].next_offset, point.offset);
    }
    assert_true(store_end(w->store) >= point.offset);
}

static void adopt(struct life *l)
{
    if (l->has_ready) {
        l->w->m = l->ready;
        l->w->has_manifest = true;
        l->has_ready = false;
        seen.rolled += l->w->m.n_segments > 1;
        store_trim(l->w->store, l->w->m.log_start);
    }
}

static void on_read(struct store_read *r, int status, struct bytes data,
                    int64_t first)
{
    struct reader *rd = r->data;
    struct life *l = rd->life;
    struct reader **p = &l->readers;
    assert_int_equal(status, 0);
    l->w->data = data;
    l->w->first = first;
    world_compare(l->w, rd->offset, rd->end, rd->max);
    while (*p != rd) {
        p = &(*p)->next;
    }
    *p = rd->next;
    free(rd);
    seen.reads++;
}

static void step_read(struct life *l)
{
    struct store *s = l->w->store;
    int64_t start = store_start(s), end = store_end(s);
    if (start >= end) {
        struct store_read r;
        assert_int_equal(store_read(s, &r, start, start + 1, 1, on_read, &r),
                         ERR_RANGE);
        return;
    }
    struct reader *rd = calloc(1, sizeof *rd);
    rd->life = l;
    rd->offset = start + (int64_t)below(l, (uint64_t)(end - start));
    rd->max = (uint32_t)below(l, 200000);
    /* An end at a batch boundary, as high watermarks are. */
    rd->end =
        l->w->model
            .v[model_find(&l->w->model,
                          rd->offset +
                              (int64_t)below(l, (uint64_t)(end - rd->offset)))]
            .next;
    assert_int_equal(
        store_read(s, &rd->r, rd->offset, rd->end, rd->max, on_read, rd), 0);
    rd->next = l->readers;
    l->readers = rd;
}

static void step_append(struct life *l)
{
    struct world *w = l->w;
    unsigned n = 1 + (unsigned)below(l, 20);
    while (n-- > 0) {
        if (l->fed == w->model.n) {
            size_t len = below(l, 10) == 0 ? below(l, 150000) : below(l, 6000);
            model_add(&w->model, &w->rand, len, 1 + (uint32_t)below(l, 5),
                      (int64_t)below(l, 100000));
        }
        assert_int_equal(sample_append(w->store, w->pool, &w->model.v[l->fed]),
                         0);
        l->fed++;
    }
}

static void step_run(struct life *l)
{
    bool never = false;
    sim_run_until(l->w->sim, sim_now_us(l->w->sim) + below(l, 20000), &never);
}

/* TRIM was applied somewhere below what is in force. */
static void step_trim(struct life *l)
{
    int64_t end = l->w->m.base.offset;
    if (end > l->log_start) {
        l->log_start += (int64_t)below(l, (uint64_t)(end - l->log_start) + 1);
    }
}

static void step_lease(struct life *l)
{
    if (l->lease == NULL) {
        l->lease = store_lease(l->w->store);
        l->lease_start = store_start(l->w->store);
        assert_non_null(l->lease);
    } else {
        if (l->lease->n > 0) { /* there was something to pin */
            assert_int_equal(store_start(l->w->store), l->lease_start);
        }
        store_lease_release(l->lease);
        l->lease = NULL;
    }
}

static void readers_free(struct life *l)
{
    while (l->readers != NULL) {
        struct reader *rd = l->readers;
        l->readers = rd->next;
        free(rd);
    }
}

/* Open what is in force, and feed again what lies above it. */
static void begin(struct life *l)
{
    struct world *w = l->w;
    world_open_ok(w);
    l->fed = model_find(&w->model, store_append_end(w->store));
    l->has_ready = l->flushing = false;
    l->log_start = w->has_manifest ? w->m.log_start : 0;
    l->lease = NULL;
    assert_int_equal(store_append_end(w->store),
                     w->has_manifest ? w->m.base.offset : 0);
    assert_int_equal(store_chain(w->store),
                     l->fed > 0 ? w->model.v[l->fed - 1].chain : 0);
    assert_true(store_start(w->store) <= l->log_start);
    world_check(w, 300000); /* every byte up to the manifest's end */
}

static void step_crash(struct life *l)
{
    static const enum sim_crash how[] = {SIM_CRASH_NONE, SIM_CRASH_PREFIX,
                                         SIM_CRASH_RANDOM, SIM_CRASH_ALL,
                                         SIM_CRASH_KILL};
    struct world *w = l->w;
    seen.crashes++;
    chunk_pool_abandon(w->pool);
    sim_node_crash(w->sim, 1, how[below(l, 5)]);
    readers_free(l);
    world_start(w);
    begin(l);
}

static void step_reopen(struct life *l)
{
    if (l->readers == NULL && !l->flushing) {
        if (l->lease != NULL) {
            store_lease_release(l->lease);
        }
        world_close(l->w);
        begin(l);
    }
}

static void step(struct life *l)
{
    switch (below(l, 20)) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4:
        step_append(l);
        break;
    case 5:
    case 6:
    case 7:
        step_read(l);
        break;
    case 8:
    case 9:
        if (!l->flushing) {
            l->flushing = true;
            assert_int_equal(store_flush(l->w->store, on_flushed, l), 0);
        }
        break;
    case 10:
    case 15:
        adopt(l);
        break;
    case 11:
        step_trim(l);
        break;
    case 12:
        if (below(l, 3) == 0) {
            step_crash(l);
        }
        break;
    case 13:
        step_lease(l);
        break;
    case 14:
        if (below(l, 4) == 0) {
            step_reopen(l);
        }
        break;
    default:
        step_run(l);
        break;
    }
}

static void live(uint64_t seed)
{
    struct world *w = world_new(seed);
    struct life l = {.w = w};
    w->o.segment_bytes = 10000 + below(&l, 100000);
    w->o.write_bytes = 8192u << below(&l, 5);
    world_open_ok(w);
    for (int i = 0; i < STEPS; i++) {
        step(&l);
        seen.trimmed += store_start(w->store) > l.start;
        l.start = store_start(w->store);
        if (sim_node_env(w->sim, 1) == NULL) {
            fail_msg("seed %llu: died: %s", (unsigned long long)seed,
                     sim_node_death(w->sim, 1));
        }
    }
    bool quiet = false;
    while (l.flushing || l.readers != NULL) {
        sim_run_until(w->sim, sim_now_us(w->sim) + 1000000, &quiet);
    }
    if (l.lease != NULL) {
        store_lease_release(l.lease);
    }
    world_flush(w);
    world_check(w, 100000);
    world_close(w);
    world_open_ok(w);
    assert_int_equal(store_append_end(w->store), w->m.base.offset);
    world_check(w, 1000000);
    world_free(w);
}

static void test_lives(void **state)
{
    const char *only = getenv("STORE_SEED");
    (void)state;
    if (only != NULL) {
        live(strtoull(only, NULL, 10));
        return;
    }
    const char *seeds = getenv("STORE_SEEDS");
    uint64_t n = seeds != NULL ? strtoull(seeds, NULL, 10) : SEEDS;
    for (uint64_t seed = 1; seed <= n; seed++) {
        live(seed);
    }
    print_message(
        "%llu crashes, %llu trims, %llu rolled, %llu reads\n",
        (unsigned long long)seen.crashes, (unsigned long long)seen.trimmed,
        (unsigned long long)seen.rolled, (unsigned long long)seen.reads);
    /* The lives were not idle ones. */
    assert_true(seen.crashes > n / 2 && seen.trimmed > n / 4);
    assert_true(seen.rolled > n && seen.reads > 10 * n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
