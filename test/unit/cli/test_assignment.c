/* What a member reads, as the group's leader wrote it: bytes from a
 * stranger. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "cli/assignment.h"

struct fixture {
    struct mem *mem;
    struct arena arena;
    struct buf b;
    struct assignment_part *parts;
    unsigned n;
};

static int set_up(void **state)
{
    static struct fixture f;
    f = (struct fixture){.mem = mem_new(0)};
    arena_init(&f.arena, f.mem, 1 << 20);
    buf_init(&f.b, f.mem, 0);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    buf_close(&f->b);
    arena_close(&f->arena);
    assert_int_equal(mem_bytes(f->mem), 0);
    mem_free_all(f->mem);
    return 0;
}

/* orders 0, 2; pay 1; no user data. */
static void write_one(struct fixture *f)
{
    buf_put_u16(&f->b, 1);
    buf_put_u32(&f->b, 2);
    buf_put_u16(&f->b, 6);
    buf_put(&f->b, "orders", 6);
    buf_put_u32(&f->b, 2);
    buf_put_u32(&f->b, 0);
    buf_put_u32(&f->b, 2);
    buf_put_u16(&f->b, 3);
    buf_put(&f->b, "pay", 3);
    buf_put_u32(&f->b, 1);
    buf_put_u32(&f->b, 1);
    buf_put_u32(&f->b, UINT32_MAX);
}

static int decode(struct fixture *f, struct slice s)
{
    f->parts = NULL;
    f->n = 77;
    return assignment_decode(s, &f->arena, &f->parts, &f->n);
}

static void good(void **state)
{
    struct fixture *f = *state;
    write_one(f);
    assert_int_equal(decode(f, buf_slice(&f->b)), 0);
    assert_int_equal(f->n, 3);
    assert_true(slice_equal(f->parts[1].topic, slice_str("orders")));
    assert_int_equal(f->parts[1].partition, 2);
    assert_true(slice_equal(f->parts[2].topic, slice_str("pay")));
    assert_int_equal(f->parts[2].partition, 1);
}

static void none(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(decode(f, slice_of(NULL, 0)), 0);
    assert_int_equal(f->n, 0);
}

/* Cut anywhere before its topics end it is no assignment, and nothing behind
 * its end is read. */
static void cut(void **state)
{
    struct fixture *f = *state;
    write_one(f);
    for (size_t len = 1; len < f->b.len - 4; len++) {
        uint8_t *copy = test_malloc(len);
        memcpy(copy, f->b.data, len);
        assert_int_equal(decode(f, slice_of(copy, len)), ERR_PROTOCOL);
        assert_int_equal(f->n, 77);
        test_free(copy);
    }
}

static void garbage(void **state)
{
    static const uint8_t huge_topics[] = {0, 0, 0xff, 0xff, 0xff, 0xff, 0, 1};
    static const uint8_t huge_parts[] = {0,   0,    0,    0,    0,    1, 0, 1,
                                         't', 0x7f, 0xff, 0xff, 0xff, 0, 0};
    static const uint8_t negative[] = {0xff, 0xff, 0, 0, 0, 0};
    static const uint8_t below_zero[] = {0, 0, 0, 0, 0,    1,    0,    1,   't',
                                         0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff};
    struct fixture *f = *state;
    assert_int_equal(decode(f, slice_of(huge_topics, sizeof huge_topics)),
                     ERR_PROTOCOL);
    assert_int_equal(decode(f, slice_of(huge_parts, sizeof huge_parts)),
                     ERR_PROTOCOL);
    assert_int_equal(decode(f, slice_of(negative, sizeof negative)),
                     ERR_PROTOCOL);
    assert_int_equal(decode(f, slice_of(below_zero, sizeof below_zero)),
                     ERR_PROTOCOL);
    assert_int_equal(decode(f, slice_str("{\"not\": \"binary\"}")),
                     ERR_PROTOCOL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* A topic's name has up to 32767 bytes there, and a cell for people has not. */
static void shown(void **state)
{
    struct fixture *f = *state;
    static char topic[2000];
    char text[1000], want[300];
    memset(topic, 'a', sizeof topic);
    struct assignment_part parts[] = {
        {slice_str("t"), 0},
        {slice_str("t"), 1},
        {slice_str("t"), 3},
        {slice_of(topic, sizeof topic), 7},
        {slice_of(topic, sizeof topic), 8},
        {slice_of(topic, sizeof topic), INT32_MAX},
    };
    (void)f;
    assignment_text(parts, 3, text, sizeof text);
    assert_string_equal(text, "t/0-1 t/3");
    assignment_text(parts, 0, text, sizeof text);
    assert_string_equal(text, "");
    snprintf(want, sizeof want, "t/0-1 t/3 %.249s/7-8", topic);
    assignment_text(parts, 5, text, sizeof text);
    assert_string_equal(text, want);
    assignment_text(parts, 6, text, 300);
    assert_true(strlen(text) < 300);
    assert_string_equal(text + strlen(text) - 8, "/7-8 ...");
    assignment_text(parts, 6, text, ASSIGNMENT_TEXT_MIN);
    assert_string_equal(text, " ...");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(good), TEST(none), TEST(cut), TEST(garbage), TEST(shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
