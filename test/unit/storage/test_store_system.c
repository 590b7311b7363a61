/* The same store on a real file system, by O_DIRECT where it has that. */
#include "env/system.h"
#include "store_fixture.h"

struct real {
    struct env *e;
    struct chunk_pool *pool;
    struct store *store;
    struct model model;
    struct rand rand;
    bool done;
    int status;
    struct log_point point;
    struct bytes data;
    char dir[512];
};

static void on_flushed(void *arg, struct log_point point)
{
    struct real *t = arg;
    t->point = point;
    t->done = true;
}

static void on_read(struct store_read *r, int status, struct bytes data,
                    int64_t first)
{
    struct real *t = r->data;
    (void)first;
    t->status = status;
    t->data = data;
    t->done = true;
}

static void wait(struct real *t)
{
    assert_int_equal(env_system_run_until(t->e, &t->done, 20000), 0);
    t->done = false;
}

static void check(struct real *t)
{
    int64_t at = store_start(t->store), end = store_end(t->store);
    while (at < end) {
        struct store_read r;
        size_t i = model_find(&t->model, at), n = 0;
        assert_int_equal(store_read(t->store, &r, at, end, 300000, on_read, t),
                         0);
        wait(t);
        assert_int_equal(t->status, 0);
        while (n < t->data.len) {
            const struct sample *s = &t->model.v[i++];
            assert_true(s->len <= t->data.len - n);
            assert_memory_equal(t->data.data + n, s->bytes, s->len);
            n += s->len;
            at = s->next;
        }
        bytes_release(&t->data);
    }
}

static void test_smoke(void **state)
{
    struct env_system_options eo = {.io_engine = "auto",
                                    .trace_level = TRACE_LEVELS};
    struct store_options o = {
        .name = "orders-3", .segment_bytes = 3u << 20, .segment_ms = -1};
    struct real t = {0};
    struct manifest m = {.kind = MANIFEST_LOG};
    struct manifest_segment *v;
    struct arena arena;
    struct err err = {""};
    const char *tmp = getenv("TMPDIR");
    (void)state;
    assert_int_equal(env_system_new(&eo, &t.e, &err), 0);
    snprintf(t.dir, sizeof t.dir, "%s/test_store.XXXXXX",
             tmp != NULL ? tmp : ".");
    assert_non_null(mkdtemp(t.dir));
    assert_int_equal(chunk_pool_new(&t.pool, env_mem(t.e), 64u << 20), 0);
    arena_init(&arena, env_mem(t.e), 0);
    rand_init(&t.rand, 1);
    o.dir = t.dir;
    o.pool = t.pool;
    assert_int_equal(store_open(t.e, &o, NULL, &t.store, &err), 0);
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < 100; i++) {
            struct sample *s =
                model_add(&t.model, &t.rand, rand_below(&t.rand, 20000), 1, i);
            assert_int_equal(sample_append(t.store, t.pool, s), 0);
        }
        assert_int_equal(store_flush(t.store, on_flushed, &t), 0);
        wait(&t);
        assert_int_equal(t.point.offset, model_end(&t.model));
    }
    check(&t);
    assert_int_equal(store_segments(t.store, &arena, &v, &m.n_segments), 0);
    assert_true(m.n_segments > 2);
    m.segments = v;
    m.base = t.point;
    store_close(t.store, on_world_flag, &t.done);
    wait(&t);
    assert_int_equal(store_open(t.e, &o, &m, &t.store, &err), 0);
    assert_int_equal(store_end(t.store), model_end(&t.model));
    check(&t);
    store_trim(t.store, m.segments[1].base_offset);
    store_close(t.store, on_world_flag, &t.done);
    wait(&t);
    assert_int_equal(store_remove(t.e, t.dir), 0);
    arena_close(&arena);
    model_free(&t.model);
    assert_int_equal(chunk_pool_used_all(t.pool), 0);
    chunk_pool_free(t.pool);
    env_system_free(t.e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_smoke),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
