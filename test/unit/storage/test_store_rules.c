/* Rolling, time, retention, trimming, transfer: what the header promises. */
#include "store_fixture.h"

static bool there(struct world *w, int64_t base)
{
    char path[256];
    snprintf(path, sizeof path, "/data/%020lld.seg", (long long)base);
    return env_stat(w->e, path, NULL, NULL) == 0;
}

static void append_at(struct world *w, size_t len, int64_t time_ms)
{
    struct sample *s = model_add(&w->model, &w->rand, len, 1, time_ms);
    assert_int_equal(sample_append(w->store, w->pool, s), 0);
}

static void settle(struct world *w)
{
    bool never = false;
    sim_run_until(w->sim, sim_now_us(w->sim) + 1000000, &never);
}

/* ---- rolling ----------------------------------------------------------------
 */

static void test_roll_by_size(void **state)
{
    struct world *w = world_new(1);
    (void)state;
    w->o.segment_bytes = 10000;
    world_open_ok(w);
    append_at(w, 5000, 1);  /* 0 */
    append_at(w, 5000, 1);  /* fills it to the byte */
    append_at(w, 100, 1);   /* 2 */
    append_at(w, 50000, 1); /* 3: larger than a segment */
    append_at(w, 100, 1);   /* 4 */
    world_flush(w);
    assert_int_equal(w->m.n_segments, 4);
    assert_int_equal(w->m.segments[0].length, 10000);
    assert_int_equal(w->m.segments[1].base_offset, 2);
    assert_int_equal(w->m.segments[2].base_offset, 3);
    assert_int_equal(w->m.segments[2].length, 50000);
    assert_int_equal(w->m.segments[3].base_offset, 4);
    assert_int_equal(w->m.segments[3].chain, w->model.v[3].chain);
    world_check(w, 1000);
    world_free(w);
}

static void test_roll_by_record_time(void **state)
{
    struct world *w = world_new(2);
    (void)state;
    w->o.segment_ms = 1000;
    world_open_ok(w);
    append_at(w, 100, 5000);
    append_at(w, 100, 6000); /* not older than segment_ms */
    append_at(w, 100, 100);
    append_at(w, 100, 6001); /* 3 */
    append_at(w, 100, -1);
    world_flush(w);
    assert_int_equal(w->m.n_segments, 2);
    assert_int_equal(w->m.segments[1].base_offset, 3);
    /* The first time of a segment survives opening, with and without index. */
    world_close(w);
    world_open_ok(w);
    append_at(w, 100, 7001);
    append_at(w, 100, 7002);
    world_flush(w);
    assert_int_equal(w->m.n_segments, 3);
    assert_int_equal(w->m.segments[2].base_offset, 6);
    world_free(w);
}

/* Nobody can make more segments than a manifest takes, by size or by time. */
static void test_roll_is_bounded(void **state)
{
    struct world *w = world_new(21);
    (void)state;
    w->o.segment_bytes = 1000;
    w->o.segment_ms = 10;
    w->o.segments_max = 3;
    world_open_ok(w);
    for (int i = 0; i < 12; i++) {
        append_at(w, 600, i * 100);
    }
    world_flush(w);
    assert_int_equal(w->m.n_segments, 3);
    assert_int_equal(w->m.segments[2].base_offset, 2);
    assert_int_equal(w->m.segments[2].length, 6000);
    world_check(w, 1000);
    /* Where segments have gone, it rolls again. */
    store_trim(w->store, 2);
    append_at(w, 600, 5000);
    world_flush(w);
    assert_int_equal(w->m.n_segments, 2);
    world_free(w);
}

/* ---- time -------------------------------------------------------------------
 */

static int64_t time_brute(const struct model *m, int64_t time_ms)
{
    for (size_t i = 0; i < m->n; i++) {
        if (m->v[i].time_ms >= time_ms) {
            return m->v[i].base;
        }
    }
    return -1;
}

/* The answer is at or before the true one, and no batch in between reaches
 * the time; the scan from there stays within one block. */
static void test_find_time(void **state)
{
    struct world *w = world_new(3);
    int64_t most = -1, at = -1, got_time, got_at;
    (void)state;
    w->o.segment_bytes = 200000;
    world_open_ok(w);
    store_time_max(w->store, &got_time, &got_at);
    assert_int_equal(got_time, -1);
    assert_int_equal(got_at, -1);
    for (int i = 0; i < 600; i++) {
        int64_t t =
            rand_below(&w->rand, 9) == 0
                ? -1
                : (int64_t)(i * 10) + (int64_t)rand_below(&w->rand, 500);
        append_at(w, 100 + rand_below(&w->rand, 5000), t);
        if (t > most) {
            most = t;
            at = model_end(&w->model) - 1;
        }
    }
    world_flush(w);
    for (int64_t t = 0; t <= most + 2; t++) {
        int64_t want = time_brute(&w->model, t), got;
        int rv = store_find_time(w->store, t, &got);
        assert_int_equal(rv, want < 0 ? ERR_NOTFOUND : 0);
        if (rv == 0) {
            size_t i = model_find(&w->model, got), bytes = 0;
            assert_true(got <= want);
            assert_int_equal(w->model.v[i].base, got);
            for (; w->model.v[i].base < want; i++) {
                bytes += w->model.v[i].len;
            }
            assert_true(bytes <= 2 * INDEX_BLOCK_BYTES);
        }
    }
    store_time_max(w->store, &got_time, &got_at);
    assert_int_equal(got_time, most);
    assert_int_equal(got_at, at);
    world_free(w);
}

/* ---- retention --------------------------------------------------------------
 */

/* Four segments of 1000 bytes: largest times 100, 300, 200, 400 (active). */
static struct world *four(uint64_t seed)
{
    struct world *w = world_new(seed);
    w->o.segment_bytes = 1000;
    world_open_ok(w);
    append_at(w, 1000, 100);
    append_at(w, 1000, 300);
    append_at(w, 1000, 200);
    append_at(w, 1000, 400);
    world_flush(w);
    assert_int_equal(w->m.n_segments, 4);
    return w;
}

static void test_retention_table(void **state)
{
    static const struct {
        int64_t now, ms, bytes, want;
    } rows[] = {
        {1000, -1, -1, 0},   {400, 300, -1, 0},   {401, 300, -1, 1},
        {601, 300, -1, 3},   {600, 300, -1, 1},   {100000, 300, -1, 3},
        {1000, -1, 4000, 0}, {1000, -1, 3001, 0}, {1000, -1, 3000, 1},
        {1000, -1, 2999, 1}, {1000, -1, 1000, 3}, {1000, -1, 0, 3},
        {401, 300, 2000, 2}, {601, 300, 3000, 3}, {50, 0, -1, 0},
        {400, 0, -1, 3},
    };
    struct world *w = four(4);
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(
            store_retention(w->store, rows[i].now, rows[i].ms, rows[i].bytes),
            rows[i].want);
    }
    world_free(w);
}

/* The active segment expires too, once it is older than segment_ms. */
static void test_retention_rolls(void **state)
{
    struct world *w = four(5);
    (void)state;
    store_configure(w->store, 1000000, 5000);
    append_at(w, 100, 400); /* joins the active segment */
    world_flush(w);
    assert_int_equal(w->m.n_segments, 4);
    assert_int_equal(store_retention(w->store, 5400, 1, -1), 3);
    assert_int_equal(store_retention(w->store, 5401, 1, -1), 5);
    append_at(w, 100, 410);
    world_flush(w);
    assert_int_equal(w->m.n_segments, 5);
    assert_int_equal(w->m.segments[4].base_offset, 5);
    world_check(w, 1000);
    world_free(w);
}

/* Sealed while its last bytes are not written yet. */
static void test_retention_seals_unwritten(void **state)
{
    struct world *w = world_new(6);
    (void)state;
    w->o.segment_ms = 10;
    world_open_ok(w);
    append_at(w, 5000, 1);
    world_flush(w);
    append_at(w, 40000, 2); /* some of it stays in the carry */
    settle(w);
    assert_int_equal(store_retention(w->store, 1000, 1, -1),
                     store_end(w->store) == 2 ? 2 : 0);
    append_at(w, 50000, 3);
    world_flush(w);
    world_check(w, 100000);
    world_close(w);
    world_open_ok(w);
    world_check(w, 100000);
    world_free(w);
}

/* ---- trimming ---------------------------------------------------------------
 */

static void test_trim(void **state)
{
    struct world *w = four(7);
    (void)state;
    w->m.log_start = 2;
    store_trim(w->store, 2);
    assert_int_equal(store_start(w->store), 2);
    assert_int_equal(world_read(w, 1, 4, 100), ERR_RANGE);
    settle(w);
    assert_false(there(w, 0));
    assert_false(there(w, 1));
    assert_true(there(w, 2));
    world_check(w, 1000);
    /* Inside a segment: it stays. And the active one is not sealed. */
    store_trim(w->store, 4);
    settle(w);
    assert_true(there(w, 3));
    assert_false(there(w, 2));
    world_free(w);
}

static void test_trim_all(void **state)
{
    struct world *w = four(8);
    (void)state;
    store_configure(w->store, 1000, 1);
    assert_int_equal(store_retention(w->store, 100000, 1, -1), 4);
    store_trim(w->store, 4);
    settle(w);
    assert_int_equal(store_start(w->store), 4);
    assert_int_equal(store_bytes(w->store), 0);
    assert_false(there(w, 3));
    append_at(w, 5000, 1);
    w->m.log_start = 4;
    world_flush(w);
    assert_int_equal(w->m.n_segments, 1);
    world_check(w, 1000);
    world_close(w);
    world_open_ok(w);
    assert_int_equal(store_start(w->store), 4);
    assert_int_equal(store_chain(w->store), model_chain(&w->model));
    world_check(w, 1000);
    world_free(w);
}

/* A trim that comes before the flush happens after it. */
static void test_trim_waits_for_flush(void **state)
{
    struct world *w = four(9);
    (void)state;
    append_at(w, 1000, 500);
    append_at(w, 1000, 500);
    store_trim(w->store, 5);
    assert_int_equal(store_start(w->store), 3);
    world_flush(w);
    settle(w);
    assert_int_equal(store_start(w->store), 5);
    world_free(w);
}

static void test_trim_under_a_read(void **state)
{
    struct world *w = four(10);
    struct store_read r;
    (void)state;
    w->done = false;
    assert_int_equal(store_read(w->store, &r, 0, 1, 100, on_world_read, w), 0);
    store_trim(w->store, 3);
    assert_int_equal(store_start(w->store), 3);
    world_run(w);
    assert_int_equal(w->status, 0);
    world_compare(w, 0, 1, 100);
    settle(w);
    assert_false(there(w, 0));
    world_free(w);
}

static void test_lease(void **state)
{
    struct world *w = four(11);
    struct store_lease *a = store_lease(w->store);
    struct store_lease *b = store_lease(w->store);
    (void)state;
    store_trim(w->store, 3);
    settle(w);
    assert_int_equal(store_start(w->store), 0);
    world_check(w, 1000);
    store_lease_release(a);
    settle(w);
    assert_true(there(w, 0));
    store_lease_release(b);
    assert_int_equal(store_start(w->store), 3);
    settle(w);
    assert_false(there(w, 0));
    /* One that outlives its store. */
    a = store_lease(w->store);
    world_close(w);
    store_lease_release(a);
    world_free(w);
}

/* ---- transfer ---------------------------------------------------------------
 */

/* The bytes of samples [from, upto) in one piece. */
static struct bytes joined(struct world *w, const struct model *m, size_t from,
                           size_t upto)
{
    size_t len = 0;
    for (size_t i = from; i < upto; i++) {
        len += m->v[i].len;
    }
    struct chunk *c = chunk_acquire(w->pool, CHUNK_PEER, len);
    struct bytes b = bytes_share(c, c->data, len);
    uint8_t *p = c->data;
    for (size_t i = from; i < upto; i++) {
        memcpy(p, m->v[i].bytes, m->v[i].len);
        p += m->v[i].len;
    }
    chunk_release(c);
    return b;
}

static void test_append_raw(void **state)
{
    struct world *w = world_new(12);
    (void)state;
    world_open_ok(w);
    for (int i = 0; i < 40; i++) {
        model_add(&w->model, &w->rand, 3000, 2, i);
    }
    struct bytes b = joined(w, &w->model, 0, 25);
    assert_int_equal(store_append_raw(w->store, b), 0);
    assert_int_equal(store_append_end(w->store), 50);
    assert_int_equal(store_chain(w->store), w->model.v[24].chain);
    /* Not the next ones, cut short, damaged, nothing: all as before. */
    assert_int_equal(store_append_raw(w->store, b), ERR_CORRUPT);
    bytes_release(&b);
    b = joined(w, &w->model, 25, 40);
    struct bytes part = b;
    part.len--;
    assert_int_equal(store_append_raw(w->store, part), ERR_CORRUPT);
    part.len = 0;
    assert_int_equal(store_append_raw(w->store, part), ERR_CORRUPT);
    b.chunk->data[3000 * 7 + 200] ^= 1;
    assert_int_equal(store_append_raw(w->store, b), ERR_CORRUPT);
    b.chunk->data[3000 * 7 + 200] ^= 1;
    assert_int_equal(store_append_end(w->store), 50);
    assert_int_equal(store_append_raw(w->store, b), 0);
    bytes_release(&b);
    world_flush(w);
    assert_int_equal(w->point.chain, model_chain(&w->model));
    world_check(w, 10000);
    world_close(w);
    world_open_ok(w);
    world_check(w, 10000);
    world_free(w);
}

/* Far behind: the store is emptied and goes on further up. */
static void test_rewind_beyond(void **state)
{
    struct world *w = four(13);
    struct err err;
    struct manifest old = w->m;
    (void)state;
    model_cut(&w->model, 0);
    w->model.start = 1000;
    w->model.chain = 77;
    assert_int_equal(store_rewind(w->store, 1000, 77, &err), 0);
    assert_int_equal(store_start(w->store), 1000);
    assert_int_equal(store_append_end(w->store), 1000);
    assert_int_equal(store_end(w->store), 1000);
    append_at(w, 5000, 1);
    world_flush(w);
    assert_int_equal(w->m.n_segments, 1);
    assert_int_equal(w->m.segments[0].base_offset, 1000);
    assert_int_equal(w->m.segments[0].chain, 77);
    world_check(w, 1000);
    /* The old manifest is still good, until the new one is in force. */
    assert_true(there(w, 0));
    assert_true(there(w, 3));
    world_close(w);
    w->m = old;
    world_open_ok(w);
    assert_int_equal(store_end(w->store), 4);
    assert_int_equal(world_read(w, 0, 4, 1), 0);
    bytes_release(&w->data);
    assert_int_equal(store_rewind(w->store, 1000, 77, &err), 0);
    model_cut(&w->model, 1000);
    append_at(w, 100, 1);
    world_free(w);
}

static void test_rewind_trims_later(void **state)
{
    struct world *w = four(14);
    struct err err;
    (void)state;
    model_cut(&w->model, 0);
    w->model.start = 1000;
    assert_int_equal(store_rewind(w->store, 1000, 0, &err), 0);
    append_at(w, 5000, 1);
    world_flush(w);
    store_trim(w->store, 1000);
    settle(w);
    assert_false(there(w, 0));
    assert_false(there(w, 3));
    assert_true(there(w, 1000));
    world_check(w, 1000);
    world_free(w);
}

/* Both agree up to a segment's start; the rest comes anew, and is other. */
static void test_rewind_back(void **state)
{
    struct world *w = world_new(15);
    struct manifest_segment others[8];
    struct err err;
    size_t n;
    (void)state;
    w->o.segment_bytes = 100000;
    world_open_ok(w);
    for (int i = 0; i < 100; i++) {
        append_at(w, 4000, i);
    }
    world_flush(w);
    n = w->m.n_segments;
    assert_true(n == 4);
    struct manifest old = w->m;
    memcpy(others, w->m.segments, n * sizeof *others);
    assert_int_equal(store_agree(w->store, others, n), others[3].base_offset);
    others[3].chain ^= 1;
    assert_int_equal(store_agree(w->store, others, n), others[2].base_offset);
    others[2].base_offset++; /* in the middle of a block */
    assert_int_equal(store_agree(w->store, others, n), others[1].base_offset);
    others[0].chain ^= 1;
    others[1].chain ^= 1;
    assert_int_equal(store_agree(w->store, others, n), -1);
    assert_int_equal(store_agree(w->store, NULL, 0), -1);
    int64_t offset = w->m.segments[2].base_offset;
    uint64_t chain = w->m.segments[2].chain;
    assert_int_equal(store_rewind(w->store, offset, chain, &err), 0);
    assert_int_equal(store_start(w->store), 0);
    assert_int_equal(store_end(w->store), offset);
    model_cut(&w->model, offset);
    world_check(w, 100000);
    for (int i = 0; i < 100; i++) {
        append_at(w, 3000, i);
    }
    world_flush(w);
    world_check(w, 100000);
    world_close(w);
    world_open_ok(w);
    world_check(w, 100000);
    /* What was given up is set aside, and the old manifest needs repair. */
    char path[256];
    snprintf(path, sizeof path, "/data/quarantine/%020lld.seg",
             (long long)offset);
    assert_int_equal(env_stat(w->e, path, NULL, NULL), 0);
    world_close(w);
    w->m = old;
    assert_int_equal(world_open(w, &err), ERR_CORRUPT);
    w->store = NULL;
    world_free(w);
}

/* At a block inside a segment. */
static void test_rewind_into_segment(void **state)
{
    struct world *w = world_new(16);
    struct err err;
    (void)state;
    world_open_ok(w);
    for (int i = 0; i < 100; i++) {
        append_at(w, 4000, i);
    }
    world_flush(w);
    /* Nine batches of 4000 bytes are a block. */
    int64_t offset = w->model.v[9 * 4].base;
    uint64_t chain = w->model.v[9 * 4 - 1].chain;
    append_at(w, 100, 1);
    assert_int_equal(store_rewind(w->store, offset, chain, &err), ERR_BUSY);
    world_flush(w);
    struct store_read r;
    w->done = false;
    assert_int_equal(store_read(w->store, &r, 90, 100, 10, on_world_read, w),
                     0);
    assert_int_equal(store_rewind(w->store, offset, chain, &err), 0);
    world_run(w);
    assert_int_equal(w->status, ERR_CANCELED);
    model_cut(&w->model, offset);
    assert_int_equal(store_end(w->store), offset);
    world_check(w, 10000);
    append_at(w, 5000, 1);
    world_flush(w);
    assert_int_equal(w->m.n_segments, 2);
    assert_int_equal(w->m.segments[1].base_offset, offset);
    world_check(w, 10000);
    world_close(w);
    world_open_ok(w);
    world_check(w, 10000);
    /* Where the chain is another, nothing below is kept. */
    assert_int_equal(store_rewind(w->store, 18, 12345, &err), 0);
    assert_int_equal(store_start(w->store), 18);
    assert_int_equal(store_chain(w->store), 12345);
    assert_int_equal(store_rewind(w->store, -1, 0, &err), ERR_INVALID);
    world_free(w);
}

/* ---- closing ----------------------------------------------------------------
 */

static void test_close_under_way(void **state)
{
    struct world *w = four(17);
    struct store_read r;
    bool closed = false;
    (void)state;
    append_at(w, 100000, 1);
    assert_int_equal(store_flush(w->store, on_world_flushed, w), 0);
    w->point.offset = -1;
    w->done = false;
    assert_int_equal(store_read(w->store, &r, 0, 1, 100, on_world_read, w), 0);
    store_close(w->store, on_world_flag, &closed);
    assert_false(closed);
    sim_run_until(w->sim, sim_now_us(w->sim) + 1000000, &closed);
    assert_true(closed);
    w->store = NULL;
    assert_int_equal(w->status, ERR_CANCELED);
    assert_int_equal(w->point.offset, 5); /* the flush was finished */
    world_free(w);
}

/* An idle store holds little. */
static void test_idle_memory(void **state)
{
    struct world *w = world_new(18);
    size_t before = mem_bytes(env_mem(w->e));
    (void)state;
    world_open_ok(w);
    assert_in_range(mem_bytes(env_mem(w->e)) - before, 1, 1600);
    append_at(w, 100, 1);
    world_flush(w);
    settle(w);
    assert_in_range(mem_bytes(env_mem(w->e)) - before, 1, 3000);
    assert_int_equal(chunk_pool_used_all(w->pool), 0);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_roll_by_size),
        cmocka_unit_test(test_roll_by_record_time),
        cmocka_unit_test(test_roll_is_bounded),
        cmocka_unit_test(test_find_time),
        cmocka_unit_test(test_retention_table),
        cmocka_unit_test(test_retention_rolls),
        cmocka_unit_test(test_retention_seals_unwritten),
        cmocka_unit_test(test_trim),
        cmocka_unit_test(test_trim_all),
        cmocka_unit_test(test_trim_waits_for_flush),
        cmocka_unit_test(test_trim_under_a_read),
        cmocka_unit_test(test_lease),
        cmocka_unit_test(test_append_raw),
        cmocka_unit_test(test_rewind_beyond),
        cmocka_unit_test(test_rewind_trims_later),
        cmocka_unit_test(test_rewind_back),
        cmocka_unit_test(test_rewind_into_segment),
        cmocka_unit_test(test_close_under_way),
        cmocka_unit_test(test_idle_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
