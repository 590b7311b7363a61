/* The allocator: books, limit, planted failures, foreign blocks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/assert.h"
#include "base/mem.h"

struct outside {
    struct mem_end end;
    struct mem *mem;
    char *block;
    char *order;
};

static void on_end(void *arg)
{
    struct outside *o = arg;
    strcat(o->order, o->block); /* still there */
    mem_free(o->mem, o->block);
}

/* Who keeps something outside is told before the blocks go, last one first;
 * who has cancelled is not. */
static void told_at_the_end(void **state)
{
    (void)state;
    char order[16] = "";
    struct mem *m = mem_new(0);
    struct outside o[3];
    for (int i = 0; i < 3; i++) {
        o[i] = (struct outside){.mem = m, .order = order};
        o[i].block = mem_strndup(m, "abc" + i, 1);
        mem_at_end(m, &o[i].end, on_end, &o[i]);
    }
    mem_end_cancel(m, &o[1].end);
    mem_free_all(m);
    assert_string_equal(order, "ca");
}

static void books(void **state)
{
    (void)state;
    struct mem *m = mem_new(0);
    char *a = mem_alloc(m, 100);
    char *b = mem_calloc(m, 10, 7);
    void *empty = mem_alloc(m, 0);
    assert_non_null(empty);
    assert_int_equal((uintptr_t)a % 16, 0);
    assert_int_equal(mem_bytes(m), 170);
    assert_int_equal(mem_blocks(m), 3);
    for (int i = 0; i < 70; i++) {
        assert_int_equal(b[i], 0);
    }
    memset(a, 'a', 100);
    a = mem_realloc(m, a, 100000);
    assert_int_equal(a[99], 'a');
    assert_int_equal(mem_bytes(m), 100070);
    a = mem_realloc(m, a, 10);
    assert_int_equal(mem_bytes(m), 80);
    char *s = mem_strndup(m, "ostraka", 4);
    assert_string_equal(s, "ostr");
    assert_string_equal(mem_strndup(m, NULL, 0), "");
    mem_free(m, a);
    mem_free(m, NULL);
    mem_free(m, b);
    mem_free(m, s);
    mem_free(m, empty);
    assert_int_equal(mem_blocks(m), 1);
    mem_free_all(m); /* with what is left */
    mem_free_all(NULL);
}

/* The sizes are not constants for the compiler, which would warn. */
static void overflow_is_a_failure(void **state)
{
    (void)state;
    struct mem *m = mem_new(0);
    volatile size_t half = SIZE_MAX / 2 + 1;
    assert_null(mem_calloc(m, half, 2));
    assert_null(mem_calloc(m, half, half));
    assert_null(mem_alloc(m, half * 2 - 1));
    assert_null(mem_strndup(m, "", half * 2 - 1));
    assert_int_equal(mem_blocks(m), 0);
    mem_free_all(m);
}

static void limit(void **state)
{
    (void)state;
    struct mem *m = mem_new(1000);
    assert_null(mem_alloc(m, 1001));
    char *a = mem_alloc(m, 600);
    assert_non_null(a);
    a[0] = 'a';
    assert_null(mem_alloc(m, 401));
    assert_null(mem_realloc(m, a, 1001));
    assert_int_equal(a[0], 'a');
    a = mem_realloc(m, a, 1000);
    assert_non_null(a);
    assert_null(mem_alloc(m, 1));
    mem_free(m, a);
    assert_non_null(mem_alloc(m, 1000));
    mem_free_all(m);
}

static void planted_failures(void **state)
{
    (void)state;
    struct mem *m = mem_new(0);
    mem_fail_at(m, 2, 0);
    assert_non_null(mem_alloc(m, 1));
    assert_false(mem_fail_fired(m));
    assert_null(mem_alloc(m, 1));
    assert_true(mem_fail_fired(m));
    assert_non_null(mem_alloc(m, 1));
    mem_fail_at(m, 1, 1);
    assert_false(mem_fail_fired(m));
    assert_null(mem_calloc(m, 1, 1));
    assert_null(mem_strndup(m, "x", 1));
    mem_fail_at(m, 0, 0);
    char *a = mem_alloc(m, 8);
    assert_non_null(a);
    strcpy(a, "kept");
    mem_fail_at(m, 1, 0);
    assert_null(mem_realloc(m, a, 80));
    assert_string_equal(a, "kept");
    assert_non_null(mem_realloc(m, a, 80));
    mem_free_all(m);
}

static jmp_buf caught;

static void catch_it(void *arg, const char *file, int line, const char *text)
{
    (void)arg;
    (void)file;
    (void)line;
    (void)text;
    longjmp(caught, 1);
}

static void a_foreign_block_is_caught(void **state)
{
    (void)state;
    static struct mem *a;
    static struct mem *b;
    static void *p;
    a = mem_new(0);
    b = mem_new(0);
    p = mem_alloc(a, 10);
    assert_set_handler(catch_it, NULL);
    if (setjmp(caught) == 0) {
        mem_free(b, p);
        fail();
    }
    assert_set_handler(NULL, NULL);
    mem_free(a, p);
    assert_int_equal(mem_blocks(a), 0);
    mem_free_all(a);
    mem_free_all(b);
}

/* All bytes of a block the same, of blocks and shakes different ones. */
static uint8_t filling(struct mem *m, size_t size)
{
    const uint8_t *p = mem_alloc(m, size);

    assert_non_null(p);
    for (size_t i = 1; i < size; i++) {
        assert_int_equal(p[i], p[0]);
    }
    return p[0];
}

static void shaken(void **state)
{
    (void)state;
    unsigned differ = 0, zero = 0;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct mem *a = mem_new(0);
        struct mem *b = mem_new(0);
        mem_shake(a, seed);
        mem_shake(b, seed + 100);
        differ += filling(a, 100) != filling(b, 100);
        uint8_t *p = mem_alloc(a, 8);
        p = mem_realloc(a, memset(p, 7, 8), 4000);
        assert_int_equal(p[7], 7);
        assert_int_equal(p[8], p[3999]);
        uint8_t *c = mem_calloc(a, 10, 10);
        for (unsigned i = 0; i < 100; i++) {
            zero += c[i];
        }
        assert_int_equal(mem_bytes(a), 100 + 4000 + 100);
        mem_free_all(a);
        mem_free_all(b);
    }
    assert_true(differ > 15);
    assert_int_equal(zero, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(told_at_the_end),           cmocka_unit_test(books),
        cmocka_unit_test(overflow_is_a_failure),     cmocka_unit_test(limit),
        cmocka_unit_test(planted_failures),          cmocka_unit_test(shaken),
        cmocka_unit_test(a_foreign_block_is_caught),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
