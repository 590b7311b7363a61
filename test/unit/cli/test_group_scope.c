/* --topic T:0,3-5: which partitions a command of a group is about. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/group_scope.h"

struct fixture {
    struct mem *mem;
    struct arena arena;
};

static int set_up(void **state)
{
    static struct fixture f;
    f.mem = mem_new(0);
    arena_init(&f.arena, f.mem, 0);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    arena_close(&f->arena);
    assert_int_equal(mem_bytes(f->mem), 0);
    mem_free_all(f->mem);
    return 0;
}

static struct group_scope_topic parse(struct fixture *f, const char *text)
{
    struct group_scope_topic t;
    struct err err = {""};
    if (group_scope_parse(text, &f->arena, &t, &err) != 0) {
        fail_msg("%s", err.text);
    }
    return t;
}

static void names_partitions(void **state)
{
    struct group_scope_topic t = parse(*state, "orders:0,3-5,7");
    const int32_t expected[] = {0, 3, 4, 5, 7};
    assert_true(slice_equal(t.topic, slice_str("orders")));
    assert_int_equal(t.n_partitions, 5);
    assert_memory_equal(t.partitions, expected, sizeof expected);
    assert_true(group_scope_has(&t, slice_str("orders"), 4));
    assert_false(group_scope_has(&t, slice_str("orders"), 6));
    assert_false(group_scope_has(&t, slice_str("order"), 4));
}

static void names_all(void **state)
{
    struct group_scope_topic t = parse(*state, "a.b_c-d");
    assert_int_equal(t.n_partitions, 0);
    assert_true(group_scope_has(&t, slice_str("a.b_c-d"), 123456));
}

static void highest(void **state)
{
    struct group_scope_topic t = parse(*state, "t:2147483647");
    assert_int_equal(t.n_partitions, 1);
    assert_int_equal(t.partitions[0], INT32_MAX);
}

static void bad(void **state)
{
    static const char *const texts[] = {"",
                                        ":",
                                        ":1",
                                        "t:",
                                        "t:,",
                                        "t:1,",
                                        "t:,1",
                                        "t:1,,2",
                                        "t:x",
                                        "t:1x",
                                        "t:-1",
                                        "t:3-",
                                        "t:3-2",
                                        "t:1 2",
                                        "t:1:2",
                                        "t:1--2",
                                        "t:2147483648",
                                        "t:99999999999",
                                        "t:0-100000"};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct group_scope_topic t;
        struct err err = {""};
        if (group_scope_parse(texts[i], &f->arena, &t, &err) != ERR_INVALID) {
            fail_msg("%s is taken", texts[i]);
        }
        assert_non_null(strstr(err.text, "expected TOPIC"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(names_partitions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_all, set_up, tear_down),
        cmocka_unit_test_setup_teardown(highest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bad, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
