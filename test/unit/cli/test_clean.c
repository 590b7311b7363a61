/* What strangers chose, on a terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/clean.h"
#include "cli/command.h"

/* Both ways. */
static void check(const char *text, const char *expected)
{
    char copy[100], printed[100];
    FILE *f = tmpfile();
    assert_non_null(f);
    snprintf(copy, sizeof copy, "%s", text);
    clean_text(copy);
    assert_string_equal(copy, expected);
    clean_put(f, slice_str(text));
    rewind(f);
    printed[fread(printed, 1, sizeof printed - 1, f)] = '\0';
    fclose(f);
    assert_string_equal(printed, expected);
}

static void shown(void **state)
{
    (void)state;
    check("", "");
    check("a b~", "a b~");
    check("\xc3\xa9 \xe2\x82\xac \xf0\x9f\x8f\xba",
          "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x8f\xba");
    check("\xc2\xa0\xed\x9f\xbf\xf4\x8f\xbf\xbf",
          "\xc2\xa0\xed\x9f\xbf\xf4\x8f\xbf\xbf");
}

static void not_shown(void **state)
{
    (void)state;
    check("a\x1b[2Jb", "a?[2Jb");
    check("a\r\n\tb\x7f", "a???b?");
    check("\x9b"
          "2J",
          "?2J"); /* one byte */
    check("\xc2\x9b"
          "2J\xc2\x80",
          "??2J??");                        /* the same as UTF-8 */
    check("\xc0\x9b\xe0\x80\x9b", "?????"); /* in too many bytes */
    check("\xed\xa0\x80\xf4\x90\x80\x80", "???????");
    check("\xf5\x80\x80\x80\xff", "?????");
    check("\xc3", "?"); /* half of one */
    check("\xe2\x82", "??");
    check("\xe2\x82x", "??x");
}

static void zero(void **state)
{
    char printed[10];
    FILE *f = tmpfile();
    (void)state;
    assert_non_null(f);
    clean_put(f, slice_of("a\0b", 3));
    rewind(f);
    printed[fread(printed, 1, sizeof printed - 1, f)] = '\0';
    fclose(f);
    assert_string_equal(printed, "a?b");
}

/* A client's name in what a command says of it. */
static void in_a_failure(void **state)
{
    char text[200];
    FILE *f = tmpfile();
    int saved = dup(STDERR_FILENO);
    (void)state;
    assert_non_null(f);
    dup2(fileno(f), STDERR_FILENO);
    assert_int_equal(command_fail(NULL, 3, "member %s", "x\x1b[1A\ny"), 3);
    dup2(saved, STDERR_FILENO);
    close(saved);
    rewind(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    assert_string_equal(text, "ostraka: member x?[1A?y\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shown),
        cmocka_unit_test(not_shown),
        cmocka_unit_test(zero),
        cmocka_unit_test(in_a_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
