/* Which part of a partition to read: rpk's grammar of offsets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/span.h"

#define NOW 1800000000000

static struct span parse(const char *text)
{
    struct span s;
    struct err err = {""};
    if (span_parse(text, NOW, &s, &err) != 0) {
        fail_msg("%s", err.text);
    }
    return s;
}

static void check(const char *text, enum span_kind from, int64_t from_n,
                  bool bounded, enum span_kind to, int64_t to_n)
{
    struct span s = parse(text);
    assert_int_equal(s.from.kind, from);
    assert_int_equal(s.from.n, from_n);
    assert_int_equal(s.bounded, bounded);
    assert_int_equal(s.to.kind, to);
    assert_int_equal(s.to.n, to_n);
}

static void points(void **state)
{
    (void)state;
    check("start", SPAN_START, 0, false, SPAN_END, 0);
    check("beginning", SPAN_START, 0, false, SPAN_END, 0);
    check("end", SPAN_END, 0, false, SPAN_END, 0);
    check("0", SPAN_OFFSET, 0, false, SPAN_END, 0);
    check("12345", SPAN_OFFSET, 12345, false, SPAN_END, 0);
    check("+7", SPAN_START, 7, false, SPAN_END, 0);
    check("-7", SPAN_END, 7, false, SPAN_END, 0);
}

static void ranges(void **state)
{
    (void)state;
    check(":end", SPAN_START, 0, true, SPAN_END, 0);
    check(":10", SPAN_START, 0, true, SPAN_OFFSET, 10);
    check("5:10", SPAN_OFFSET, 5, true, SPAN_OFFSET, 10);
    check("start:+3", SPAN_START, 0, true, SPAN_START, 3);
    check("-9:-3", SPAN_END, 9, true, SPAN_END, 3);
    check("@-1h:end", SPAN_TIME, NOW - 3600000, true, SPAN_END, 0);
    check("@2026-07-31T12:00:01Z:@2026-08-01", SPAN_TIME, 1785499201000, true,
          SPAN_TIME, 1785542400000);
}

static void times(void **state)
{
    (void)state;
    assert_int_equal(parse("@1700000000000").from.n, 1700000000000);
    assert_int_equal(parse("@1700000000").from.n, 1700000000000);
    assert_int_equal(parse("@1970-01-02").from.n, 86400000);
    assert_int_equal(parse("@2024-02-29T23:59:59Z").from.n, 1709251199000);
    assert_int_equal(parse("@-1h30m").from.n, NOW - 5400000);
    assert_int_equal(parse("@-250ms").from.n, NOW - 250);
    assert_int_equal(parse("@-7d").from.n, NOW - 604800000);
    assert_int_equal(parse("@-99999d").from.n, 0); /* before 1970 */
}

static void refused(void **state)
{
    static const char *const bad[] = {"",
                                      "x",
                                      "+",
                                      "-",
                                      "1x",
                                      "1:",
                                      "1:2:3",
                                      "@",
                                      "@12",
                                      "@-",
                                      "@-1",
                                      "@-1y",
                                      "@-1h30",
                                      "@2026-13-01",
                                      "@2026-02-31",
                                      "@2026-1-1",
                                      "@2026-01-01T",
                                      "@2026-01-01T10:00:00",
                                      "starting",
                                      "1000000000000000000000",
                                      "@-999999999999999999d"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct span s;
        struct err err = {""};
        assert_int_equal(span_parse(bad[i], NOW, &s, &err), ERR_INVALID);
        assert_non_null(strstr(err.text, "expected start"));
    }
}

static void offsets(void **state)
{
    (void)state;
    assert_int_equal(span_offset((struct span_point){SPAN_START, 0}, 5, 9, -1),
                     5);
    assert_int_equal(span_offset((struct span_point){SPAN_START, 2}, 5, 9, -1),
                     7);
    assert_int_equal(span_offset((struct span_point){SPAN_START, 99}, 5, 9, -1),
                     9);
    assert_int_equal(span_offset((struct span_point){SPAN_END, 1}, 5, 9, -1),
                     8);
    assert_int_equal(span_offset((struct span_point){SPAN_END, 99}, 5, 9, -1),
                     5);
    assert_int_equal(span_offset((struct span_point){SPAN_OFFSET, 3}, 5, 9, -1),
                     3);
    assert_int_equal(span_offset((struct span_point){SPAN_TIME, 1}, 5, 9, -1),
                     9); /* nothing is that young */
    assert_int_equal(span_offset((struct span_point){SPAN_TIME, 1}, 5, 9, 6),
                     6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(points), cmocka_unit_test(ranges),
        cmocka_unit_test(times), cmocka_unit_test(refused),
        cmocka_unit_test(offsets)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
