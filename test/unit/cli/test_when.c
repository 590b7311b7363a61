/* Moments and durations as kafka-consumer-groups takes them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/when.h"

static void moment(const char *text, int64_t ms)
{
    struct err err = {""};
    int64_t n = -1;
    if (when_moment(text, &n, &err) != 0) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(n, ms);
}

static void no_moment(const char *text)
{
    struct err err = {""};
    int64_t n = -7;
    assert_int_equal(when_moment(text, &n, &err), ERR_INVALID);
    assert_non_null(strstr(err.text, "expected a moment"));
    assert_int_equal(n, -7);
}

static void duration(const char *text, int64_t ms)
{
    struct err err = {""};
    int64_t n = -1;
    if (when_duration(text, &n, &err) != 0) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(n, ms);
}

static void no_duration(const char *text)
{
    struct err err = {""};
    int64_t n = -7;
    assert_int_equal(when_duration(text, &n, &err), ERR_INVALID);
    assert_non_null(strstr(err.text, "PnDTnHnMnS"));
    assert_int_equal(n, -7);
}

#define NOON 1785499200000 /* 2026-07-31T12:00:00Z */

static void moments(void **state)
{
    (void)state;
    moment("1970-01-01", 0);
    moment("2026-07-31", NOON - 43200000);
    moment("2026-07-31T12:00", NOON);
    moment("2026-07-31 12:00", NOON);
    moment("2026-07-31T12:00:30", NOON + 30000);
    moment("2026-07-31T12:00:30.25", NOON + 30250);
    moment("2026-07-31T12:00:30.0009999", NOON + 30000);
    moment("2026-07-31T12:00:30.250Z", NOON + 30250);
    moment("2026-07-31T12:00:00+02:00", NOON - 7200000);
    moment("2026-07-31T12:00:00.000-0130", NOON + 5400000);
    moment("2026-07-31T12:00+02", NOON - 7200000);
    moment("1785499200", NOON);
    moment("1785499200000", NOON);
    moment("2024-02-29", 1709164800000);
}

static void bad_moments(void **state)
{
    static const char *const bad[] = {
        "",
        "now",
        "2026",
        "2026-13-01",
        "2026-02-30",
        "2025-02-29",
        "2026-07-31T",
        "2026-07-31T12",
        "2026-07-31T24:00",
        "2026-07-31T12:60",
        "2026-07-31T12:00:",
        "2026-07-31T12:00:30.",
        "2026-07-31T12:00:30x",
        "2026-07-31T12:00:30+2",
        "2026-07-31T12:00:30+02:",
        "2026-07-31T12:00:30+02:99",
        "1969-12-31",
        "1970-01-01T00:00+01:00", /* before 1970 */
        "123456789012",
        "-1h"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        no_moment(bad[i]);
    }
}

static void durations(void **state)
{
    (void)state;
    duration("P7D", 604800000);
    duration("PT1H30M", 5400000);
    duration("P1DT12H", 129600000);
    duration("PT0S", 0);
    duration("PT0.5S", 500);
    duration("PT1.2345S", 1234);
    duration("P1DT2H3M4S", 93784000);
    duration("pt90m", 5400000);
    duration("PT36H", 129600000);
}

static void bad_durations(void **state)
{
    static const char *const bad[] = {
        "",      "P",      "PT",    "P1",     "1D",
        "P1H",   "PT1D",   "P1DT",  "PT1M1H", "PT1H1H",
        "P1.5D", "PT1.0H", "PT1.S", "P-1D",   "P1DT1",
        "P1D ",  "PT1H x", "P1D1D", "P1W",    "P999999999999999D"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        no_duration(bad[i]);
    }
}

static void formats(void **state)
{
    char text[WHEN_TEXT_LEN + 1];
    (void)state;
    assert_string_equal(when_format(NOON + 30250, text),
                        "2026-07-31T12:00:30.250Z");
    assert_string_equal(when_format(0, text), "1970-01-01T00:00:00.000Z");
    assert_string_equal(when_format(253402300799999, text),
                        "9999-12-31T23:59:59.999Z");
    assert_string_equal(when_format(253402300800000, text), "-");
    assert_string_equal(when_format(-1, text), "-");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moments),   cmocka_unit_test(bad_moments),
        cmocka_unit_test(durations), cmocka_unit_test(bad_durations),
        cmocka_unit_test(formats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
