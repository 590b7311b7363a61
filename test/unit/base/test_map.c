/* Maps keep the order of insertion, also while members go, and a failed
 * insertion leaves no mark. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/map.h"

#define VALUE(n) ((void *)(uintptr_t)((n) + 1))

static struct mem *mem;
static struct map *map;

static int setup(void **state)
{
    (void)state;
    mem = mem_new(0);
    map = map_new(mem);
    return map == NULL;
}

static int teardown(void **state)
{
    (void)state;
    map_free(map);
    map_free(NULL);
    size_t left = mem_blocks(mem);
    mem_free_all(mem);
    return left != 0;
}

static void put_find_remove(void **state)
{
    (void)state;
    assert_null(map_find_u64(map, 7));
    assert_int_equal(map_put_u64(map, 7, VALUE(7)), 0);
    assert_int_equal(map_put_u64(map, 7, VALUE(8)), ERR_EXISTS);
    assert_ptr_equal(map_find_u64(map, 7), VALUE(7));
    assert_int_equal(map_count(map), 1);
    assert_ptr_equal(map_remove_u64(map, 7), VALUE(7));
    assert_null(map_remove_u64(map, 7));
    assert_int_equal(map_count(map), 0);
}

static void byte_keys_are_copied(void **state)
{
    (void)state;
    char key[] = "orders";
    assert_int_equal(map_put(map, slice_str(key), VALUE(1)), 0);
    key[0] = 'x';
    assert_ptr_equal(map_find(map, slice_str("orders")), VALUE(1));
    assert_null(map_find(map, slice_str("order")));
    assert_int_equal(map_put(map, slice_of(NULL, 0), VALUE(2)), 0);
    assert_ptr_equal(map_find(map, slice_str("")), VALUE(2));
    assert_ptr_equal(map_remove(map, slice_str("orders")), VALUE(1));
}

static void a_number_is_not_its_bytes(void **state)
{
    (void)state;
    const uint8_t seven[8] = {7};
    assert_int_equal(map_put_u64(map, 7, VALUE(1)), 0);
    assert_null(map_find(map, slice_of(seven, 8)));
    assert_int_equal(map_put(map, slice_of(seven, 8), VALUE(2)), 0);
    assert_ptr_equal(map_find_u64(map, 7), VALUE(1));
    assert_ptr_equal(map_find(map, slice_of(seven, 8)), VALUE(2));
}

static void walk_is_in_order_of_insertion(void **state)
{
    (void)state;
    void *it = NULL;
    void *value;
    assert_false(map_next(map, &it, &value));
    assert_false(map_next(map, &it, &value));
    for (uint64_t i = 0; i < 1000; i++) {
        uint64_t key = i * UINT64_C(0x9e3779b97f4a7c15);
        assert_int_equal(map_put_u64(map, key, VALUE(i)), 0);
    }
    uint64_t n = 0;
    it = NULL;
    while (map_next(map, &it, &value)) {
        assert_ptr_equal(value, VALUE(n));
        n++;
    }
    assert_int_equal(n, 1000);
}

static void walk_and_remove(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 100; i++) {
        assert_int_equal(map_put_u64(map, i, VALUE(i)), 0);
    }
    void *it = NULL;
    void *value;
    for (uint64_t i = 0; map_next(map, &it, &value); i++) {
        assert_ptr_equal(value, VALUE(i));
        if (i % 3 != 1) {
            assert_ptr_equal(map_remove_u64(map, i), value);
        }
    }
    assert_int_equal(map_count(map), 33);
    it = NULL;
    for (uint64_t i = 1; map_next(map, &it, &value); i += 3) {
        assert_ptr_equal(value, VALUE(i));
    }
    it = NULL;
    while (map_next(map, &it, &value)) {
        map_remove_u64(map, (uint64_t)(uintptr_t)value - 1);
    }
    assert_int_equal(map_count(map), 0);
}

/* Every allocation of a growing map fails once. */
static void failed_put_leaves_no_mark(void **state)
{
    (void)state;
    unsigned n_failed = 0;
    for (uint64_t i = 0; i < 2000; i++) {
        for (uint64_t n = 1;; n++) {
            mem_fail_at(mem, n, 0);
            int rv = map_put_u64(map, i, VALUE(i));
            if (rv == 0) {
                break;
            }
            assert_int_equal(rv, ERR_NOMEM);
            assert_int_equal(map_count(map), i);
            assert_null(map_find_u64(map, i));
            n_failed++;
        }
        mem_fail_at(mem, 0, 0);
    }
    assert_true(n_failed > 2000);
    for (uint64_t i = 0; i < 2000; i++) {
        assert_ptr_equal(map_find_u64(map, i), VALUE(i));
    }
    mem_fail_at(mem, 1, 0);
    assert_null(map_new(mem));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(put_find_remove, setup, teardown),
        cmocka_unit_test_setup_teardown(byte_keys_are_copied, setup, teardown),
        cmocka_unit_test_setup_teardown(a_number_is_not_its_bytes, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(walk_is_in_order_of_insertion, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(walk_and_remove, setup, teardown),
        cmocka_unit_test_setup_teardown(failed_put_leaves_no_mark, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
