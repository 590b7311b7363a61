/* Texts and names of codes; messages are set, wrapped and cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"

static void every_code_has_text_and_name(void **state)
{
    (void)state;
    assert_string_equal(err_text(0), "success");
    assert_string_equal(err_name(0), "OK");
    assert_string_equal(err_text(ERR_CORRUPT), "damaged data");
    assert_string_equal(err_name(ERR_CORRUPT), "ERR_CORRUPT");
    for (int code = ERR_IDENTITY; code < 0; code++) {
        assert_string_not_equal(err_text(code), "unknown error");
        assert_string_not_equal(err_name(code), "ERR_UNKNOWN");
    }
    assert_string_equal(err_text(1), "unknown error");
    assert_string_equal(err_text(ERR_IDENTITY - 1), "unknown error");
    assert_string_equal(err_name(1), "ERR_UNKNOWN");
}

static void set_and_wrap(void **state)
{
    (void)state;
    struct err e = {""};
    assert_int_equal(err_set(&e, ERR_CORRUPT, "bad checksum"), ERR_CORRUPT);
    err_wrap(&e, "segment %020d", 417);
    err_wrap(&e, "partition %s-%d", "orders", 3);
    assert_string_equal(
        e.text,
        "partition orders-3: segment 00000000000000000417: bad checksum");
    /* The old message may be an argument of the new one. */
    err_set(&e, ERR_IO, "again: %s", e.text + 50);
    assert_string_equal(e.text, "again: bad checksum");
    assert_int_equal(err_set(NULL, ERR_IO, "nobody listens"), ERR_IO);
    err_wrap(NULL, "nobody");
}

static void long_messages_are_cut(void **state)
{
    (void)state;
    struct err e = {""};
    char big[ERR_TEXT_MAX * 2];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    err_set(&e, ERR_IO, "%s", big);
    assert_int_equal(strlen(e.text), ERR_TEXT_MAX - 1);
    err_wrap(&e, "front");
    assert_int_equal(strlen(e.text), ERR_TEXT_MAX - 1);
    assert_memory_equal(e.text, "front: xxx", 10);
    err_wrap(&e, "%s", big);
    assert_int_equal(strlen(e.text), ERR_TEXT_MAX - 1);
    assert_memory_equal(e.text, "xxxxxx", 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_has_text_and_name),
        cmocka_unit_test(set_and_wrap),
        cmocka_unit_test(long_messages_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
