/* When a loop rests between turns, and when it must not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "env/system_pace.h"

#define REST_US 700

/* Run `p` for `ms` milliseconds of turns that are `every_us` apart, take
 * `cpu_us` each and move `bytes`. Returns the rests that it asked for. */
struct story {
    struct pace pace;
    uint64_t now_us;
    uint64_t cpu_us;
};

static unsigned run(struct story *s, unsigned ms, unsigned every_us,
                    unsigned cpu_us, unsigned bytes)
{
    uint64_t end_us = s->now_us + (uint64_t)ms * 1000;
    unsigned n_rests = 0;

    while (s->now_us < end_us) {
        s->now_us += every_us;
        s->cpu_us += cpu_us;
        pace_bytes(&s->pace, bytes);
        if (pace_turn(&s->pace, s->now_us)) {
            pace_judge(&s->pace, s->now_us, s->cpu_us);
        }
        uint64_t rest_us = pace_rest(&s->pace, s->now_us);
        assert_true(rest_us <= REST_US);
        n_rests += rest_us > 0;
        s->now_us += rest_us;
        pace_poll(&s->pace, s->now_us);
    }
    return n_rests;
}

static void begin(struct story *s, uint64_t rest_us)
{
    *s = (struct story){.now_us = 1000000};
    pace_init(&s->pace, rest_us);
    pace_poll(&s->pace, s->now_us);
}

/* Few requests: nobody waits, however close together two of them are. */
static void test_little_to_do(void **state)
{
    struct story s;

    (void)state;
    begin(&s, REST_US);
    assert_int_equal(run(&s, 2000, 300, 36, 1000), 0);
    assert_false(s.pace.on);
}

/* Many small ones: polls are REST_US apart, and stay so although that itself
 * makes the loop less busy. */
static void test_busy_with_little(void **state)
{
    struct story s;

    (void)state;
    begin(&s, REST_US);
    assert_true(run(&s, 1000, 200, 100, 1000) > 900);
    assert_true(s.pace.on);
    uint64_t n_before = s.pace.n_turns;
    assert_true(run(&s, 1000, 200, 130, 4000) > 1000);
    assert_true(s.pace.n_turns - n_before <= 1000 * 1000 / REST_US + 1);
    assert_int_equal(s.pace.n_begun, 1);
}

/* A turn that came long after the last poll does not wait. */
static void test_rare_turn(void **state)
{
    struct story s;

    (void)state;
    begin(&s, REST_US);
    run(&s, 1000, 200, 80, 1000);
    assert_true(s.pace.on);
    s.now_us += REST_US;
    assert_int_equal(pace_rest(&s.pace, s.now_us), 0);
    assert_int_equal(pace_rest(&s.pace, s.now_us - 1), 1);
}

/* Much traffic fills turns without help. */
static void test_much_traffic(void **state)
{
    struct story s;

    (void)state;
    begin(&s, REST_US);
    assert_int_equal(run(&s, 1000, 400, 300, 200000), 0);
    run(&s, 1000, 200, 80, 1000);
    assert_true(s.pace.on);
    run(&s, 500, 400, 300, 200000);
    assert_false(s.pace.on);
}

/* The load goes: so do the rests, within a fifth of a second. */
static void test_over(void **state)
{
    struct story s;

    (void)state;
    begin(&s, REST_US);
    run(&s, 1000, 200, 80, 1000);
    run(&s, 200, 2000, 20, 1000);
    assert_false(s.pace.on);
    assert_int_equal(run(&s, 1000, 300, 36, 1000), 0);
}

static void test_off(void **state)
{
    struct story s;

    (void)state;
    begin(&s, 0);
    assert_int_equal(run(&s, 1000, 200, 150, 1000), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_little_to_do),
        cmocka_unit_test(test_busy_with_little),
        cmocka_unit_test(test_rare_turn),
        cmocka_unit_test(test_much_traffic),
        cmocka_unit_test(test_over),
        cmocka_unit_test(test_off),
    };
    return cmocka_run_group_tests_name("system_pace", tests, NULL, NULL);
}
