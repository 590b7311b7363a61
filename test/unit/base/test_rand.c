/* The generator: reference values, bounds, evenness. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rand.h"

/* splitmix64 from 0 gives the state; xoshiro256** the rest. */
static void reference_values(void **state)
{
    (void)state;
    struct rand r;
    rand_init(&r, 0);
    assert_true(r.s[0] == UINT64_C(0xe220a8397b1dcdaf));
    assert_true(r.s[1] == UINT64_C(0x6e789e6aa1b965f4));
    assert_true(r.s[2] == UINT64_C(0x06c45d188009454f));
    assert_true(r.s[3] == UINT64_C(0xf88bb8a8724c81ec));
    r = (struct rand){{1, 2, 3, 4}};
    assert_true(rand_next(&r) == 11520);
    assert_true(rand_next(&r) == 0);
    assert_true(rand_next(&r) == 1509978240);
    assert_true(rand_next(&r) == UINT64_C(1215971899390074240));
}

static void below_is_bounded_and_even(void **state)
{
    (void)state;
    struct rand r;
    unsigned counts[7] = {0};
    rand_init(&r, 1);
    for (int i = 0; i < 70000; i++) {
        counts[rand_below(&r, 7)]++;
    }
    for (int i = 0; i < 7; i++) {
        assert_in_range(counts[i], 9500, 10500);
    }
    assert_int_equal(rand_below(&r, 1), 0);
    for (int i = 0; i < 1000; i++) {
        uint64_t n = (UINT64_C(1) << 63) + 1;
        assert_true(rand_below(&r, n) < n);
    }
}

/* 3 * 2^62 values: a bare remainder would give the lowest third one half. */
static void below_is_even_for_large_bounds(void **state)
{
    (void)state;
    struct rand r;
    unsigned n_low = 0;
    rand_init(&r, 4);
    for (int i = 0; i < 9000; i++) {
        n_low += rand_below(&r, UINT64_C(3) << 62) < UINT64_C(1) << 62;
    }
    assert_in_range(n_low, 2700, 3300);
}

static void fill_is_reproducible(void **state)
{
    (void)state;
    uint8_t a[37];
    uint8_t b[37];
    struct rand r;
    memset(a, 0, sizeof a);
    memset(b, 0, sizeof b);
    rand_init(&r, 5);
    rand_fill(&r, a, sizeof a - 1);
    rand_init(&r, 5);
    rand_fill(&r, b, sizeof b - 1);
    assert_memory_equal(a, b, sizeof a);
    assert_int_equal(a[36], 0);
    rand_init(&r, 6);
    rand_fill(&r, b, sizeof b - 1);
    assert_memory_not_equal(a, b, sizeof a);
    rand_fill(&r, NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reference_values),
        cmocka_unit_test(below_is_bounded_and_even),
        cmocka_unit_test(below_is_even_for_large_bounds),
        cmocka_unit_test(fill_is_reproducible),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
