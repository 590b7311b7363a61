/* The n-th I/O call fails, the n-th allocation fails, for n = 1, 2, ... until
 * none is left to fail: the node dies or says why it cannot, nothing leaks,
 * and what was durable is there afterwards. */
#include "journal_model.h"

static const struct sim_options quiet = {
    .seed = 7, .disk_min_us = 50, .disk_max_us = 400};

struct outcome {
    bool died;
    bool refused; /* to open, or an operation */
};

static bool try_do(struct world *w, void (*fn)(void *), struct todo t,
                   struct outcome *o)
{
    if (o->died || !world_do(w, fn, t)) {
        o->died = true;
        return false;
    }
    o->refused |= w->last_rv != 0;
    return w->last_rv == 0;
}

/* Some of everything, through half of the ring, to a clean close. */
static struct outcome scenario(struct world *w)
{
    struct outcome o = {false, false};
    if (world_start(w) != 0) {
        o.died = true;
        return o;
    }
    if (w->open_status != 0) {
        o.refused = true;
        return o;
    }
    for (uint64_t id = 1; id <= 2; id++) {
        if (!w->groups[id].open) {
            try_do(w, do_open, (struct todo){.group = id}, &o);
        }
    }
    for (int i = 0; i < 30 && !o.died; i++) {
        uint64_t id = 1 + (uint64_t)i % 2;
        if (!w->groups[id].open) {
            continue;
        }
        try_do(w, do_append, append_todo(w, id, 3, 3000), &o);
        if (i % 5 == 4) {
            uint64_t last = mgroup_last(&w->groups[id]).index;
            try_do(w, do_hard, (struct todo){.group = id}, &o);
            try_do(w, do_manifest, (struct todo){.group = id, .from = last},
                   &o);
        }
        if (!o.died && i % 3 == 2) {
            world_run_ms(w, 1);
        }
        o.died |= sim_node_env(w->sim, 1) == NULL;
    }
    if (!o.died) {
        world_run_ms(w, 200);
        o.died = sim_node_env(w->sim, 1) == NULL;
    }
    if (!o.died) {
        o.died = sim_node_call(w->sim, 1, call_close, w) != 0;
    }
    if (!o.died) {
        sim_run_until(w->sim, sim_now_us(w->sim) + 10000000, &w->closed);
        o.died = sim_node_env(w->sim, 1) == NULL;
        assert_true(o.died || w->closed);
    }
    return o;
}

/* A few durable frames more, in what is open. */
static struct outcome scenario_go_on(struct world *w)
{
    struct outcome o = {false, false};
    for (int i = 0; i < 6 && !o.died; i++) {
        uint64_t id = 1 + (uint64_t)i % 2;
        if (w->groups[id].open) {
            try_do(w, do_append, append_todo(w, id, 1, 500), &o);
            world_run_ms(w, 20);
        }
    }
    return o;
}

static void end_life(struct world *w)
{
    if (sim_node_env(w->sim, 1) != NULL) {
        world_crash(w, SIM_CRASH_RANDOM);
    }
}

/* The second run works on what a first one left behind, so that recovery is
 * under fire as well. */
static unsigned io_loop(bool second, bool for_ever, int code)
{
    unsigned died = 0;
    for (uint64_t n = 1;; n++) {
        struct world w;
        assert_true(n < 5000);
        world_init(&w, &quiet);
        if (second) {
            struct outcome o = scenario(&w);
            assert_false(o.died || o.refused);
            sim_node_crash(w.sim, 1, SIM_CRASH_RANDOM);
        }
        sim_io_fail_at(w.sim, 1, n, for_ever, code);
        struct outcome o = scenario(&w);
        bool fired = sim_io_fail_fired(w.sim, 1);
        if (o.died && strncmp(sim_node_death(w.sim, 1), "journal: ", 9) != 0) {
            fail_msg("call %d: %s", (int)n, sim_node_death(w.sim, 1));
        }
        died += o.died;
        sim_io_fail_at(w.sim, 1, 0, false, 0);
        end_life(&w);
        world_open(&w);
        world_shut(&w);
        world_close(&w);
        if (!fired) {
            assert_false(o.died || o.refused);
            return died;
        }
    }
}

static void test_io(void **state)
{
    (void)state;
    assert_true(io_loop(false, false, ERR_IO) > 10);
    assert_true(io_loop(true, false, ERR_IO) > 10);
}

static void test_io_for_ever(void **state)
{
    (void)state;
    assert_true(io_loop(true, true, ERR_IO) > 10);
    assert_true(io_loop(false, true, ERR_NOSPACE) > 10);
}

/* A frame whose write failed may be there, from a cache, when the process
 * starts again. What is counted as stored then must outlive the power. */
static void test_r06_power_after_io(void **state)
{
    unsigned died = 0;
    (void)state;
    for (uint64_t n = 1;; n++) {
        struct world w;
        struct outcome o;
        bool fired;
        world_init(&w, &quiet);
        sim_io_fail_at(w.sim, 1, n, false, ERR_IO);
        o = scenario(&w);
        fired = sim_io_fail_fired(w.sim, 1);
        sim_io_fail_at(w.sim, 1, 0, false, 0);
        if (o.died) {
            died++;
            world_open(&w);
            o = scenario_go_on(&w);
            assert_false(o.died);
            world_crash(&w, SIM_CRASH_NONE);
            world_open(&w);
            world_shut(&w);
        }
        world_close(&w);
        if (!fired) {
            break;
        }
    }
    assert_true(died > 10);
}

static void call_checkpoint(void *arg)
{
    struct world *w = arg;
    journal_checkpoint(w->j);
}

/* Killed while a checkpoint is being written, which is there, from a cache. */
static void kill_in_checkpoint(struct world *w)
{
    struct outcome o = {false, false};
    world_open(w);
    for (uint64_t id = 1; id <= MODEL_GROUPS; id++) { /* some sectors */
        try_do(w, do_open, (struct todo){.group = id}, &o);
    }
    for (unsigned i = 0; i < 3; i++) {
        for (uint64_t id = 1; id <= MODEL_GROUPS; id++) {
            try_do(w, do_hard, (struct todo){.group = id}, &o);
        }
        assert_false(o.died || o.refused);
        world_run_ms(w, 20);
        uint64_t seq = w->j->checkpoint.seq;
        assert_int_equal(sim_node_call(w->sim, 1, call_checkpoint, w), 0);
        while (w->j->checkpoint.state != CHECKPOINT_WRITING) {
            assert_true(sim_run_one(w->sim));
        }
        while (i < 2 && w->j->checkpoint.seq == seq) {
            assert_true(sim_run_one(w->sim));
        }
    }
    world_crash(w, SIM_CRASH_KILL);
}

/* The power goes while the next start writes the other checkpoint: one of them
 * must be whole. */
static void test_power_after_kill_in_checkpoint(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 16; seed++) {
        struct sim_options so = quiet;
        bool fired = true;
        so.seed = seed;
        for (uint64_t n = 1; fired; n++) {
            struct world w;
            world_init(&w, &so);
            kill_in_checkpoint(&w);
            sim_crash_at(w.sim, 1, n, SIM_CRASH_RANDOM);
            fired = world_start(&w) != 0;
            sim_crash_at(w.sim, 1, 0, SIM_CRASH_RANDOM);
            if (!fired) {
                world_crash(&w, SIM_CRASH_RANDOM);
            }
            world_open(&w);
            world_shut(&w);
            world_close(&w);
        }
    }
}

/* Too small a disk is said at start, with what to do. */
static void test_no_space(void **state)
{
    (void)state;
    struct sim_options so = quiet;
    struct world w;
    so.disk_bytes_max = 3 * 65536;
    world_init(&w, &so);
    assert_int_equal(world_start(&w), 0);
    assert_int_equal(w.open_status, ERR_NOSPACE);
    assert_non_null(strstr(w.err.text, "journal.bytes.max"));
    world_close(&w);
}

static void memory_loop(bool second)
{
    unsigned refused = 0;
    for (uint64_t n = 1;; n++) {
        struct world w;
        assert_true(n < 5000);
        world_init(&w, &quiet);
        if (second) {
            struct outcome o = scenario(&w);
            assert_false(o.died || o.refused);
            sim_node_crash(w.sim, 1, SIM_CRASH_RANDOM);
        }
        w.mem_fail_at = n;
        struct outcome o = scenario(&w);
        struct env *e = sim_node_env(w.sim, 1);
        bool fired = e == NULL || mem_fail_fired(env_mem(e)) != 0;
        refused += o.refused;
        w.mem_fail_at = 0;
        end_life(&w);
        world_open(&w);
        world_shut(&w);
        world_close(&w);
        if (!fired) {
            assert_false(o.died || o.refused);
            assert_true(refused > 20);
            return;
        }
    }
}

static void test_memory(void **state)
{
    (void)state;
    memory_loop(false);
    memory_loop(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_io),
        cmocka_unit_test(test_io_for_ever),
        cmocka_unit_test(test_r06_power_after_io),
        cmocka_unit_test(test_power_after_kill_in_checkpoint),
        cmocka_unit_test(test_no_space),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
