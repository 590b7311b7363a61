/* One identity, one text: there and back, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/rand.h"
#include "base/uuid.h"

static void known_texts(void **state)
{
    (void)state;
    char text[UUID_TEXT_LEN + 1];
    struct uuid u = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
    assert_string_equal(uuid_format(uuid_zero, text), "AAAAAAAAAAAAAAAAAAAAAA");
    assert_string_equal(uuid_format(u, text), "_____________________w");
    struct uuid one = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
    assert_string_equal(uuid_format(one, text), "AAAAAAAAAAAAAAAAAAAAAQ");
}

static void there_and_back(void **state)
{
    (void)state;
    struct rand r;
    rand_init(&r, 3);
    for (int i = 0; i < 1000; i++) {
        char text[UUID_TEXT_LEN + 1];
        struct uuid u;
        struct uuid back;
        rand_fill(&r, u.b, sizeof u.b);
        uuid_format(u, text);
        assert_int_equal(strlen(text), UUID_TEXT_LEN);
        assert_int_equal(uuid_parse(&back, slice_str(text)), 0);
        assert_true(uuid_equal(u, back));
        assert_false(uuid_is_zero(back));
    }
}

static void refused(void **state)
{
    (void)state;
    struct uuid u = {{7}};
    const char *const bad[] = {
        "",
        "AAAAAAAAAAAAAAAAAAAAA",   /* short */
        "AAAAAAAAAAAAAAAAAAAAAAA", /* long */
        "AAAAAAAAAAAAAAAAAAAAAB",  /* bits left over */
        "AAAAAAAAAA+AAAAAAAAAAA",  /* the other base64 */
        "AAAAAAAAAA=AAAAAAAAAAA",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(uuid_parse(&u, slice_str(bad[i])), ERR_INVALID);
    }
    char zeros[UUID_TEXT_LEN] = {0};
    assert_int_equal(uuid_parse(&u, slice_of(zeros, sizeof zeros)),
                     ERR_INVALID);
    assert_int_equal(u.b[0], 7); /* written on success only */
}

static void random_ones_are_version_4(void **state)
{
    (void)state;
    const uint8_t zeros[16] = {0};
    struct uuid u = uuid_from_random(zeros);
    assert_int_equal(u.b[6], 0x40);
    assert_int_equal(u.b[8], 0x80);
    assert_false(uuid_is_zero(u));
    assert_true(uuid_is_zero(uuid_zero));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_texts),
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(refused),
        cmocka_unit_test(random_ones_are_version_4),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
