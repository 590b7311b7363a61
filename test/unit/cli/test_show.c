/* Records as text by a format, and as JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/show.h"

static const struct record_header header_list[] = {
    {.key = {(const uint8_t *)"a", 1}, .value = {(const uint8_t *)"1", 1}},
    {.key = {(const uint8_t *)"b", 1}, .value_null = true}};

static const struct shown sample = {.topic = "orders",
                                    .partition = 3,
                                    .epoch = 7,
                                    .offset = 42,
                                    .timestamp = 1700000000123,
                                    .key = {(const uint8_t *)"k", 1},
                                    .value = {(const uint8_t *)"va", 2},
                                    .headers = header_list,
                                    .n_headers = 2};

static const struct shown nothing = {.topic = "orders",
                                     .epoch = -1,
                                     .timestamp = -1,
                                     .key_null = true,
                                     .value_null = true};

/* What is printed: by a format, or as JSON if it is NULL. */
static void check(const char *format, const struct shown *r,
                  const char *expected)
{
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);
    assert_non_null(f);
    if (format != NULL) {
        struct err err = {""};
        assert_int_equal(show_check(format, &err), 0);
        show_text(f, format, r);
    } else {
        show_json(f, r);
    }
    fclose(f);
    assert_string_equal(text, expected);
    free(text);
}

static void verbs(void **state)
{
    (void)state;
    check("%t %p %o %T %e %K %S\\n", &sample,
          "orders 3 42 1700000000123 7 1 2\n");
    check("%k=%v=%s;%h;%%\\x21", &sample, "k=va=va;a=1,b=;%!");
    check("%d", &sample, "2023-11-14T22:13:20.123Z");
    check("%T %d %e %K %S [%k][%v][%h]", &nothing, "-1 - -1 -1 -1 [][][]");
    check("", &sample, "");
}

static void refused(void **state)
{
    struct err err = {""};
    (void)state;
    assert_int_equal(show_check("%x", &err), ERR_INVALID);
    assert_int_equal(show_check("%", &err), ERR_INVALID);
    assert_int_equal(show_check("\\", &err), ERR_INVALID);
    assert_int_equal(show_check("\\y", &err), ERR_INVALID);
}

static void json(void **state)
{
    struct shown r = nothing;
    (void)state;
    check(NULL, &sample,
          "{\"topic\":\"orders\",\"partition\":3,\"offset\":42,"
          "\"timestamp\":1700000000123,\"epoch\":7,\"key\":\"k\","
          "\"value\":\"va\",\"headers\":[{\"key\":\"a\",\"value\":\"1\"},"
          "{\"key\":\"b\",\"value\":null}]}\n");
    check(NULL, &nothing,
          "{\"topic\":\"orders\",\"partition\":0,\"offset\":0,"
          "\"timestamp\":null,\"epoch\":null,\"key\":null,\"value\":null,"
          "\"headers\":[]}\n");
    r.value_null = false;
    r.key_null = false; /* empty, not null */
    r.value = slice_of("\xff\x00\x01\x02", 4);
    check(NULL, &r,
          "{\"topic\":\"orders\",\"partition\":0,\"offset\":0,"
          "\"timestamp\":null,\"epoch\":null,\"key\":\"\","
          "\"value_b64\":\"/wABAg==\",\"headers\":[]}\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(verbs),
                                       cmocka_unit_test(refused),
                                       cmocka_unit_test(json)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
