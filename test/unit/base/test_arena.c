/* Memory of one request: alignment, the bomb limit, reuse, no leaks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"

static struct mem *mem;
static struct arena arena;

static int setup(void **state)
{
    (void)state;
    mem = mem_new(0);
    arena_init(&arena, mem, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_close(&arena);
    size_t left = mem_blocks(mem);
    mem_free_all(mem);
    return left != 0;
}

static void pieces_do_not_overlap(void **state)
{
    (void)state;
    uint8_t *pieces[500];
    for (size_t i = 0; i < 500; i++) {
        pieces[i] = arena_alloc(&arena, i * 37);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % 16, 0);
        memset(pieces[i], (int)(i & 0xff), i * 37);
    }
    for (size_t i = 0; i < 500; i++) {
        for (size_t j = 0; j < i * 37; j++) {
            assert_int_equal(pieces[i][j], i & 0xff);
        }
    }
}

static void calloc_and_strdup(void **state)
{
    (void)state;
    memset(arena_alloc(&arena, 64), 0xff, 64);
    arena_reset(&arena);
    uint8_t *zeros = arena_calloc(&arena, 8, 8);
    for (int i = 0; i < 64; i++) {
        assert_int_equal(zeros[i], 0);
    }
    assert_null(arena_calloc(&arena, SIZE_MAX / 2, 3));
    assert_null(arena_alloc(&arena, SIZE_MAX));
    assert_null(arena_strdup(&arena, slice_of("", SIZE_MAX)));
    assert_string_equal(arena_strdup(&arena, slice_of("orders", 3)), "ord");
    assert_string_equal(arena_strdup(&arena, slice_of(NULL, 0)), "");
}

static void limit_stops_bombs(void **state)
{
    (void)state;
    arena_close(&arena);
    arena_init(&arena, mem, 160);
    assert_null(arena_alloc(&arena, 161));
    for (int i = 0; i < 10; i++) {
        assert_non_null(arena_alloc(&arena, 0)); /* costs 16 */
    }
    assert_null(arena_alloc(&arena, 0));
    assert_int_equal(arena.used, 160);
    arena_reset(&arena);
    assert_non_null(arena_alloc(&arena, 160));
}

static void reset_keeps_one_block(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++) {
        assert_non_null(arena_alloc(&arena, 10000));
        assert_non_null(arena_alloc(&arena, 100000));
    }
    arena_reset(&arena);
    assert_int_equal(mem_blocks(mem), 1);
    void *p = arena_alloc(&arena, 100);
    arena_reset(&arena);
    assert_ptr_equal(arena_alloc(&arena, 100), p);
    arena_close(&arena);
    /* A block of unusual size is not kept. */
    assert_non_null(arena_alloc(&arena, 1 << 20));
    arena_reset(&arena);
    assert_int_equal(mem_blocks(mem), 0);
    arena_reset(&arena);
}

static void no_memory(void **state)
{
    (void)state;
    for (uint64_t n = 1;; n++) {
        mem_fail_at(mem, n, 0);
        bool failed = false;
        for (int i = 0; i < 50 && !failed; i++) {
            failed = arena_alloc(&arena, 3000) == NULL ||
                     arena_strdup(&arena, slice_str("x")) == NULL ||
                     arena_calloc(&arena, 100, 200) == NULL;
        }
        assert_int_equal(failed, mem_fail_fired(mem));
        /* The arena works on. */
        assert_non_null(arena_alloc(&arena, 30));
        arena_close(&arena);
        if (!failed) {
            break;
        }
    }
    mem_fail_at(mem, 0, 0);
}

/* Together they have so much in large blocks; small ones are not asked. */
static void many_share_a_budget(void **state)
{
    struct arena_budget budget = {.max = 1 << 20};
    struct arena other, small;
    (void)state;
    arena_init(&other, mem, 0);
    arena_init(&small, mem, 0);
    arena_share(&arena, &budget);
    arena_share(&other, &budget);
    arena_share(&small, &budget);
    assert_non_null(arena_alloc(&arena, 700 << 10));
    assert_in_range(budget.used, 700 << 10, 701 << 10);
    assert_null(arena_alloc(&other, 700 << 10));
    assert_int_equal(budget.refused, 1);
    for (unsigned i = 0; i < 19; i++) { /* three of them are not counted */
        assert_non_null(arena_alloc(&other, 20 << 10));
    }
    assert_in_range(budget.max - budget.used, 1, 8 << 10);
    assert_null(arena_alloc(&arena, 20 << 10));
    assert_int_equal(budget.refused, 2);
    for (unsigned i = 0; i < 25; i++) {
        assert_non_null(arena_alloc(&small, 1000));
    }
    assert_non_null(arena_alloc(&small, 24 << 10)); /* as a reply does */
    /* It is given back, and may be used again. */
    arena_close(&arena);
    assert_non_null(arena_alloc(&other, 700 << 10));
    arena_reset(&other);
    assert_non_null(arena_alloc(&arena, 700 << 10));
    arena_close(&other);
    arena_close(&small);
    arena_close(&arena);
    assert_int_equal(budget.used, 0);
    /* Without memory nothing is counted. */
    mem_fail_at(mem, 1, 0);
    assert_null(arena_alloc(&arena, 700 << 10));
    assert_int_equal(budget.used, 0);
    assert_int_equal(budget.refused, 2);
    mem_fail_at(mem, 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(pieces_do_not_overlap, setup, teardown),
        cmocka_unit_test_setup_teardown(calloc_and_strdup, setup, teardown),
        cmocka_unit_test_setup_teardown(limit_stops_bombs, setup, teardown),
        cmocka_unit_test_setup_teardown(reset_keeps_one_block, setup, teardown),
        cmocka_unit_test_setup_teardown(no_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(many_share_a_budget, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
