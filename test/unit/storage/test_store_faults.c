/* The n-th I/O call, or the n-th allocation, fails. */
#include "store_fixture.h"

/* A life within one call of the node; `step` says how far it came. */
struct story {
    struct world *w;
    struct store_options o;
    struct store *store;
    struct model *model;
    struct chunk_pool *pool;
    struct err err;
    int status;
    bool flushed, closed;
    struct log_point point;
};

static void on_flushed(void *arg, struct log_point point)
{
    struct story *t = arg;
    t->point = point;
    t->flushed = true;
}

static void tell_open(void *arg)
{
    struct story *t = arg;
    t->store = NULL;
    t->status = store_open(t->w->e, &t->o, t->w->has_manifest ? &t->w->m : NULL,
                           &t->store, &t->err);
}

static void tell_append(void *arg)
{
    struct story *t = arg;
    size_t i = model_find(t->model, store_append_end(t->store));
    t->flushed = false;
    t->status = 0;
    for (; t->status == 0 && i < t->model->n; i++) {
        t->status = sample_append(t->store, t->pool, &t->model->v[i]);
    }
    if (t->status == 0) {
        t->status = store_flush(t->store, on_flushed, t);
    }
}

static void tell_close(void *arg)
{
    struct story *t = arg;
    t->closed = false;
    store_close(t->store, on_world_flag, &t->closed);
}

static bool run(struct story *t, void (*fn)(void *), const bool *flag)
{
    struct sim *s = t->w->sim;
    if (sim_node_call(s, 1, fn, t) != 0) {
        return false;
    }
    if (flag != NULL && t->status == 0) {
        sim_run_until(s, sim_now_us(s) + 5000000, flag);
    }
    return sim_node_env(s, 1) != NULL;
}

static void fill(struct world *w, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        model_add(&w->model, &w->rand, 2500, 1, i);
    }
}

/* Fail the n-th I/O: the node dies, naming the file, or opening fails; after
 * a restart everything that was in force is there. */
static bool io_story(uint64_t n, int code, enum sim_crash how)
{
    struct world *w = world_new(n * 4 + (uint64_t)how);
    struct story t = {.w = w, .model = &w->model, .pool = w->pool};
    w->o.segment_bytes = 60000;
    t.o = w->o;
    fill(w, 30);
    bool alive = run(&t, tell_open, NULL) && t.status == 0 &&
                 run(&t, tell_append, &t.flushed);
    assert_true(alive && t.flushed);
    w->store = t.store;
    world_manifest(w, t.point, 0);
    fill(w, 60);
    sim_io_fail_at(w->sim, 1, n, false, code);
    alive = run(&t, tell_append, &t.flushed);
    if (alive && t.flushed) {
        world_manifest(w, t.point, 0);
        alive = run(&t, tell_close, &t.closed);
        alive = alive && run(&t, tell_open, NULL);
    }
    bool fired = sim_io_fail_fired(w->sim, 1);
    if (!alive) {
        assert_true(fired);
        assert_non_null(strstr(sim_node_death(w->sim, 1), "/data"));
        if (code == ERR_NOSPACE) {
            const char *death = sim_node_death(w->sim, 1);
            assert_non_null(strstr(death, "nothing was cut"));
        }
    } else if (t.status != 0) {
        assert_true(fired);
        assert_true(t.err.text[0] != '\0');
    }
    chunk_pool_abandon(w->pool);
    sim_io_fail_at(w->sim, 1, 0, false, 0);
    sim_node_crash(w->sim, 1, how);
    world_start(w);
    world_open_ok(w);
    assert_int_equal(store_append_end(w->store), w->m.base.offset);
    world_check(w, 100000);
    world_free(w);
    return fired;
}

static void test_io(void **state)
{
    static const int codes[] = {ERR_IO, ERR_NOSPACE};
    (void)state;
    for (unsigned how = SIM_CRASH_NONE; how <= SIM_CRASH_ALL; how++) {
        uint64_t n = 1;
        while (io_story(n, codes[how % 2], (enum sim_crash)how)) {
            n++;
        }
        assert_true(n > 20);
    }
}

/* Fail the n-th allocation, once or for a while: callers are told, or it is
 * tried again; nothing is lost and nothing leaks. */
static bool memory_story(uint64_t n, bool open_too)
{
    struct world *w = world_new(n);
    struct mem *mem = env_mem(w->e);
    struct err err = {""};
    bool fired = false;
    struct env_timer timer;
    /* Timers have no errors: their memory is there already. */
    env_timer_init(&timer, NULL, NULL);
    env_timer_start(w->e, &timer, UINT64_MAX);
    env_timer_stop(w->e, &timer);
    w->o.segment_bytes = 60000;
    world_open_ok(w);
    fill(w, 90);
    if (!open_too) {
        mem_fail_at(mem, n, 0);
    }
    for (size_t i = 0; i < w->model.n; i++) {
        int rv = sample_append(w->store, w->pool, &w->model.v[i]);
        while (rv != 0) {
            assert_int_equal(rv, ERR_NOMEM);
            rv = sample_append(w->store, w->pool, &w->model.v[i]);
        }
    }
    world_flush(w);
    fired = mem_fail_fired(mem);
    mem_fail_at(mem, 0, 0);
    world_check(w, 30000);
    world_close(w);
    size_t blocks = mem_blocks(mem);
    if (open_too) {
        mem_fail_at(mem, n, 0);
        int rv = world_open(w, &err);
        fired = mem_fail_fired(mem);
        mem_fail_at(mem, 0, 0);
        if (rv != 0) {
            assert_int_equal(rv, ERR_NOMEM);
            assert_true(err.text[0] != '\0');
            assert_int_equal(mem_blocks(mem), blocks);
            world_open_ok(w);
        }
    } else {
        world_open_ok(w);
    }
    world_check(w, 100000);
    world_close(w);
    assert_int_equal(mem_blocks(mem), blocks);
    world_free(w);
    return fired;
}

static void test_memory(void **state)
{
    (void)state;
    for (int open_too = 0; open_too < 2; open_too++) {
        uint64_t n = 1;
        while (memory_story(n, open_too)) {
            n++;
        }
        assert_true(n > 10);
    }
}

/* No buffer for a read; none for a write: tried again until there is one. */
static void test_no_buffer(void **state)
{
    struct world *w = world_new(1);
    struct chunk *hog[64];
    unsigned n = 0;
    bool never = false;
    (void)state;
    world_open_ok(w);
    world_append(w, 100000);
    world_flush(w);
    fill(w, 30);
    for (size_t i = 1; i < w->model.n; i++) {
        assert_int_equal(sample_append(w->store, w->pool, &w->model.v[i]), 0);
    }
    sim_run_until(w->sim, sim_now_us(w->sim) + 1000000, &never);
    while (n < 64 &&
           (hog[n] = chunk_acquire(w->pool, CHUNK_REPLY, 4u << 20)) != NULL) {
        n++;
    }
    struct chunk *small[1024];
    unsigned n_small = 0;
    while (n_small < 1024 && (small[n_small] = chunk_acquire(
                                  w->pool, CHUNK_REPLY, 64u << 10)) != NULL) {
        n_small++;
    }
    assert_int_equal(world_read(w, 0, 1, 1), ERR_NOMEM);
    while (n_small > 0) {
        chunk_release(small[--n_small]);
    }
    while (n > 0) {
        chunk_release(hog[--n]);
    }
    /* Now the budget of writes. */
    while (n < 64 &&
           (hog[n] = chunk_acquire(w->pool, CHUNK_STATE, 4u << 20)) != NULL) {
        n++;
    }
    while (n_small < 1024 && (small[n_small] = chunk_acquire(
                                  w->pool, CHUNK_STATE, 4096)) != NULL) {
        n_small++;
    }
    w->done = false;
    assert_int_equal(store_flush(w->store, on_world_flushed, w), 0);
    sim_run_until(w->sim, sim_now_us(w->sim) + 1000000, &w->done);
    assert_false(w->done);
    while (n_small > 0) {
        chunk_release(small[--n_small]);
    }
    while (n > 0) {
        chunk_release(hog[--n]);
    }
    world_run(w);
    assert_int_equal(w->point.offset, model_end(&w->model));
    world_check(w, 100000);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_io),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_no_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
