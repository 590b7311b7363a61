/* A store of segments: append, flush, read, roll, open again. */
#include "store_fixture.h"

static void test_empty(void **state)
{
    struct world *w = world_new(1);
    (void)state;
    world_open_ok(w);
    assert_int_equal(store_start(w->store), 0);
    assert_int_equal(store_end(w->store), 0);
    assert_int_equal(store_append_end(w->store), 0);
    assert_int_equal(store_bytes(w->store), 0);
    assert_int_equal(world_read(w, 0, 10, 100), ERR_RANGE);
    world_flush(w);
    assert_int_equal(w->point.offset, 0);
    assert_int_equal(w->m.n_segments, 0);
    /* Nothing was created. */
    assert_int_equal(
        env_stat(w->e, "/data/00000000000000000000.seg", NULL, NULL),
        ERR_NOTFOUND);
    world_free(w);
}

static void test_append_flush_read(void **state)
{
    struct world *w = world_new(2);
    (void)state;
    world_open_ok(w);
    for (int i = 0; i < 3; i++) {
        world_append(w, 100);
    }
    assert_int_equal(store_end(w->store), 0); /* queued */
    assert_true(store_queued(w->store) > 0);
    world_flush(w);
    assert_int_equal(store_queued(w->store), 0);
    assert_int_equal(w->point.index, 3);
    assert_int_equal(w->point.offset, model_end(&w->model));
    assert_int_equal(w->point.chain, model_chain(&w->model));
    assert_int_equal(store_end(w->store), model_end(&w->model));
    world_check(w, 1u << 20);
    world_check(w, 1);
    world_free(w);
}

/* Every size of batch around blocks and buffers, one flush each. */
static void test_sizes(void **state)
{
    static const size_t sizes[] = {
        61,    4035,  4096,  4097,        8192,   12345,  32767, 32768,
        32769, 65536, 65535, (64u << 10), 200000, 300000, 70,    1u << 20};
    struct world *w = world_new(3);
    (void)state;
    world_open_ok(w);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        world_append(w, sizes[i]);
        world_flush(w);
        world_check(w, 100000);
    }
    world_close(w);
    world_open_ok(w);
    assert_int_equal(store_end(w->store), model_end(&w->model));
    assert_int_equal(store_chain(w->store), model_chain(&w->model));
    world_check(w, 1u << 20);
    world_free(w);
}

/* Writing starts by itself, without a flush. */
static void test_writes_behind(void **state)
{
    struct world *w = world_new(4);
    (void)state;
    world_open_ok(w);
    for (int i = 0; i < 200; i++) {
        world_append(w, 1000);
    }
    w->done = false;
    sim_run_until(w->sim, sim_now_us(w->sim) + 1000000, &w->done);
    assert_true(store_end(w->store) > 0);
    assert_true(store_queued(w->store) < 2 * w->o.write_bytes);
    world_check(w, 50000);
    world_flush(w);
    world_check(w, 50000);
    world_free(w);
}

/* However much is queued, two writes are under way at most; and partitions
 * that fill alike begin at different fillings. */
static void test_pacing(void **state)
{
    struct world *w = world_new(5);
    uint32_t threshold[2];
    bool two = false;
    (void)state;
    for (int i = 0; i < 2; i++) {
        w->o.dir = i == 0 ? "/data" : "/data-too";
        world_open_ok(w);
        threshold[i] = w->store->threshold;
        assert_in_range(threshold[i], w->o.write_bytes,
                        w->o.write_bytes + w->o.write_bytes / 2);
        world_close(w);
    }
    assert_int_not_equal(threshold[0], threshold[1]);
    world_open_ok(w);
    for (int i = 0; i < 100; i++) {
        world_append(w, 10000);
        assert_true(store_queued(w->store) < threshold[1] ||
                    w->store->n_writes > 0);
    }
    while (sim_run_one(w->sim)) {
        assert_true(w->store->n_writes <= STORE_WRITES_MAX);
        two = two || w->store->n_writes == 2;
    }
    assert_true(two);
    world_flush(w);
    world_check(w, 100000);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),  cmocka_unit_test(test_append_flush_read),
        cmocka_unit_test(test_sizes),  cmocka_unit_test(test_writes_behind),
        cmocka_unit_test(test_pacing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
