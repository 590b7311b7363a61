/* Who has gone astray: points, messages, and what is made of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "broker/state_check.h"

static struct mem *mem;

static int set_up(void **state)
{
    (void)state;
    mem = mem_new(0);
    return mem == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    size_t left = mem_blocks(mem);
    mem_free_all(mem);
    return left == 0 ? 0 : -1;
}

static const int32_t nodes[] = {1, 2, 3, 4, 5};

static void begin(struct state_check *c, unsigned n, int32_t self)
{
    assert_int_equal(state_check_init(c, mem, nodes, n, self, 7), 0);
}

static struct state_points points(uint64_t first, unsigned n, uint64_t hash)
{
    struct state_points p = {.n = n};
    for (unsigned i = 0; i < n; i++) {
        p.v[i] = (struct machine_point){first + i, hash + i};
    }
    return p;
}

/* `node` tells `c` these points. */
static int tell(struct state_check *c, int32_t node, uint32_t schema,
                const struct state_points *p, bool *ret_ask)
{
    struct state_check from = {.schema = schema};
    struct buf b;
    buf_init(&b, mem, 0);
    state_check_encode(&from, p, true, &b);
    assert_int_equal(b.status, 0);
    int rv = state_check_note(c, node, buf_slice(&b), ret_ask);
    buf_close(&b);
    return rv;
}

static void note(struct state_check *c, int32_t node, uint64_t index,
                 uint64_t hash)
{
    bool ask = false;
    struct state_points p = points(index, 1, hash);
    assert_int_equal(tell(c, node, 7, &p, &ask), 0);
    assert_true(ask);
}

static enum state_verdict judge(struct state_check *c, uint64_t index,
                                uint64_t hash)
{
    struct state_points own = points(index, 1, hash);
    return state_check_judge(c, &own).verdict;
}

static void three(void **state)
{
    struct state_check c;
    (void)state;
    begin(&c, 3, 2);
    assert_int_equal(judge(&c, 64, 1), STATE_UNKNOWN);
    note(&c, 1, 64, 1);
    assert_int_equal(judge(&c, 64, 1), STATE_SAME);  /* two of three */
    assert_int_equal(judge(&c, 64, 9), STATE_SPLIT); /* the third is unknown */
    note(&c, 3, 64, 1);
    assert_int_equal(judge(&c, 64, 9), STATE_ASTRAY);
    note(&c, 3, 64, 8);
    assert_int_equal(judge(&c, 64, 1), STATE_OTHERS);
    assert_int_equal(judge(&c, 64, 8), STATE_OTHERS);
    assert_int_equal(judge(&c, 64, 9), STATE_SPLIT);
    assert_int_equal(judge(&c, 65, 9), STATE_UNKNOWN); /* nowhere both */
    state_check_close(&c);
}

static void five(void **state)
{
    struct state_check c;
    (void)state;
    begin(&c, 5, 1);
    note(&c, 2, 64, 9);
    note(&c, 3, 64, 9);
    assert_int_equal(judge(&c, 64, 1), STATE_SPLIT); /* two are no majority */
    note(&c, 4, 64, 9);
    assert_int_equal(judge(&c, 64, 1), STATE_ASTRAY);
    assert_int_equal(judge(&c, 64, 9), STATE_SAME);
    note(&c, 5, 64, 1);
    assert_int_equal(judge(&c, 64, 9), STATE_OTHERS);
    state_check_close(&c);
}

/* Two cannot outvote each other; one has nobody to compare with. */
static void two_and_one(void **state)
{
    struct state_check c;
    (void)state;
    begin(&c, 2, 1);
    note(&c, 2, 64, 9);
    assert_int_equal(judge(&c, 64, 1), STATE_SPLIT);
    assert_int_equal(judge(&c, 64, 9), STATE_SAME);
    state_check_close(&c);
    begin(&c, 1, 1);
    assert_int_equal(judge(&c, 64, 1), STATE_SAME);
    state_check_close(&c);
}

/* The newest index that a majority is known at decides. */
static void newest(void **state)
{
    struct state_check c;
    bool ask;
    struct state_points own = points(100, 10, 1), old = points(90, 12, 500),
                        late = points(105, 20, 6);
    (void)state;
    begin(&c, 3, 2);
    assert_int_equal(tell(&c, 1, 7, &old, &ask), 0);
    struct state_judgement j = state_check_judge(&c, &own);
    assert_int_equal(j.verdict, STATE_SPLIT);
    assert_int_equal(j.index, 101);
    assert_int_equal(j.other, 1);
    assert_int_equal(tell(&c, 3, 7, &late, &ask), 0);
    j = state_check_judge(&c, &own);
    assert_int_equal(j.verdict, STATE_SAME);
    assert_int_equal(j.index, 109);
    assert_int_equal(j.n_known, 2);
    state_check_close(&c);
}

/* Another version of the message or of the schema is not compared, and what
 * its node said before no longer counts; nonsense changes nothing. */
static void not_compared(void **state)
{
    struct state_check c;
    struct state_points p = points(64, 1, 9);
    struct buf b;
    bool ask;
    (void)state;
    begin(&c, 3, 2);
    note(&c, 1, 64, 9);
    note(&c, 3, 64, 9);
    assert_int_equal(judge(&c, 64, 1), STATE_ASTRAY);
    assert_int_equal(tell(&c, 3, 8, &p, &ask), ERR_VERSION);
    assert_int_equal(judge(&c, 64, 1), STATE_SPLIT);
    assert_int_equal(tell(&c, 4, 7, &p, &ask), ERR_NOTFOUND);
    assert_int_equal(tell(&c, 2, 7, &p, &ask), ERR_NOTFOUND);
    p = points(64, STATE_POINTS_MAX, 9);
    assert_int_equal(tell(&c, 3, 7, &p, &ask), 0);

    buf_init(&b, mem, 0);
    state_check_encode(&c, &p, false, &b);
    for (size_t len = 0; len < b.len; len++) {
        assert_int_equal(state_check_note(&c, 3, slice_of(b.data, len), &ask),
                         ERR_PROTOCOL);
    }
    buf_put_u8(&b, 0);
    assert_int_equal(state_check_note(&c, 3, buf_slice(&b), &ask),
                     ERR_PROTOCOL);
    b.data[6] = STATE_POINTS_MAX + 1;
    assert_int_equal(state_check_note(&c, 3, buf_slice(&b), &ask),
                     ERR_PROTOCOL);
    b.data[0] = 2;
    assert_int_equal(state_check_note(&c, 3, buf_slice(&b), &ask), ERR_VERSION);
    p.v[3].index = p.v[2].index; /* not ascending */
    assert_int_equal(tell(&c, 3, 7, &p, &ask), ERR_PROTOCOL);
    buf_close(&b);
    state_check_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(three, set_up, tear_down),
        cmocka_unit_test_setup_teardown(five, set_up, tear_down),
        cmocka_unit_test_setup_teardown(two_and_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(newest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(not_compared, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
