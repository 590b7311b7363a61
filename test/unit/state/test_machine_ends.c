/* Lives that end while they open their machine. The disk keeps what they
 * wrote, durable or not: a process ended, not the power. */
#include "state_test.h"

static void end_as_node(void *arg)
{
    env_die(arg, "ended by the test");
}

/* The process ends; what it wrote stays as it is. */
static void end_life(struct rig *r)
{
    if (sim_node_env(r->sim, r->id) != NULL) {
        assert_int_equal(sim_node_call(r->sim, r->id, end_as_node, r->env),
                         ERR_CLOSED);
    }
    r->m = NULL;
}

/* A life whose n-th I/O call fails while it opens, and ends. False: there are
 * not so many. */
static bool failing_life(struct rig *r, uint64_t n)
{
    sim_io_fail_at(r->sim, r->id, n, false, ERR_IO);
    bool alive = rig_open(r, true);
    bool fired = sim_io_fail_fired(r->sim, r->id);
    sim_io_fail_at(r->sim, r->id, 0, false, 0);
    if (!alive) {
        r->status = ERR_IO;
    }
    end_life(r);
    rig_start_node(r);
    return fired;
}

/* What a life that came after took for durable is. */
static bool after_failed_making(uint64_t n)
{
    struct rig r;
    rig_new(&r, n, 3);
    bool fired = failing_life(&r, n);
    assert_true(rig_open(&r, true));
    assert_int_equal(r.status, 0);
    assert_int_equal(do_create(&r, "orders", 7, 4, 3), 0);
    assert_true(rig_checkpoint(&r));
    uint64_t durable = r.index;
    rig_cut_power(&r);
    assert_true(rig_open(&r, true));
    assert_int_equal(r.status, 0);
    assert_int_equal(r.index, durable);
    assert_true(rig_close(&r));
    rig_free(&r);
    return fired;
}

static void test_making_fails(void **state)
{
    uint64_t n = 1;
    (void)state;
    while (after_failed_making(n)) {
        n++;
    }
    assert_true(n > 20);
}

/* An error while a database is looked at is no damage: it is there for the
 * next life. */
static bool after_failed_look(uint64_t n)
{
    struct rig r;
    rig_new(&r, n, 3);
    assert_true(rig_open(&r, false));
    assert_int_equal(do_create(&r, "orders", 7, 4, 3), 0);
    assert_true(rig_checkpoint(&r));
    assert_int_equal(do_create(&r, "payments", 8, 4, 3), 0);
    uint64_t durable = r.index - 1;
    end_life(&r);
    rig_start_node(&r);
    bool fired = failing_life(&r, n);
    assert_true(r.status == 0 || r.status == ERR_IO);
    assert_true(rig_open(&r, true));
    assert_int_equal(r.status, 0);
    assert_true(r.index >= durable);
    assert_false(r.fresh);
    assert_true(rig_close(&r));
    rig_free(&r);
    return fired;
}

static void test_looking_fails(void **state)
{
    uint64_t n = 1;
    (void)state;
    while (after_failed_look(n)) {
        n++;
    }
    assert_true(n > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_making_fails),
        cmocka_unit_test(test_looking_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
