/* Commands are found, options taken from anywhere, slips of the hand named.
 * This test brings a table of commands of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/help.h"

/* What the command saw. */
static struct {
    unsigned runs, n_arguments, n_set;
    char arguments[4][32], set[4][32], name[32];
    bool flag, json;
    int64_t number;
    int number_status;
} seen;

static bool disk_is_full; /* the command meets a full disk */

static void meet_full_disk(void)
{
    int out = dup(STDOUT_FILENO), full = open("/dev/full", O_WRONLY);
    fflush(stdout);
    dup2(full, STDOUT_FILENO);
    printf("the result");
    (void)fflush(stdout);
    dup2(out, STDOUT_FILENO);
    close(out);
    close(full);
}

static int run(struct command_call *c)
{
    if (disk_is_full) {
        meet_full_disk();
    }
    unsigned pos = 0;
    const char *value;
    memset(&seen, 0, sizeof seen);
    seen.runs = 1;
    seen.n_arguments = c->n_arguments;
    for (unsigned i = 0; i < c->n_arguments && i < 4; i++) {
        snprintf(seen.arguments[i], sizeof seen.arguments[i], "%s",
                 c->arguments[i]);
    }
    while ((value = command_option_next(c, "set", &pos)) != NULL) {
        snprintf(seen.set[seen.n_set++], sizeof seen.set[0], "%s", value);
    }
    snprintf(seen.name, sizeof seen.name, "%s",
             command_option(c, "name", "otherwise"));
    seen.flag = command_flag(c, "flag");
    seen.json = command_json(c);
    seen.number_status = command_number(c, "number", 1, 10, 7, &seen.number);
    return seen.number_status != 0 ? EXIT_USAGE : EXIT_DONE;
}

static const struct command_option options[] = {{"set", 's', "KEY=VALUE", "a"},
                                                {"name", 'n', "NAME", "b"},
                                                {"number", 0, "N", "c"},
                                                {"flag", 'f', NULL, "d"},
                                                {NULL}};
static const struct command mine[] = {
    {"thing", "make", "NAME", "Make one.", options, IMPACT_WRITE, 1, 2, run},
    {"thing", "list", NULL, "List them.", NULL, IMPACT_READ, 0, 0, run},
    {"shout", NULL, NULL, "No verb.", options, IMPACT_READ, 0, 1, run},
    {NULL}};
const struct command *const command_tables[] = {mine, NULL};

/* Run "ostraka WORDS". */
static int ostraka(const char *words)
{
    static char text[256];
    char *argv[32] = {(char *)(uintptr_t) "ostraka"};
    int argc = 1;
    memset(&seen, 0, sizeof seen);
    snprintf(text, sizeof text, "%s", words);
    for (char *p = strtok(text, " "); p != NULL; p = strtok(NULL, " ")) {
        argv[argc++] = p;
    }
    return command_main(argc, argv);
}

static void test_options_anywhere(void **state)
{
    (void)state;
    assert_int_equal(ostraka("thing make --set a=1 one -s b=2 --name=x two "
                             "-f --json -sc=3 --number 9"),
                     EXIT_DONE);
    assert_int_equal(seen.n_arguments, 2);
    assert_string_equal(seen.arguments[0], "one");
    assert_string_equal(seen.arguments[1], "two");
    assert_int_equal(seen.n_set, 3);
    assert_string_equal(seen.set[0], "a=1");
    assert_string_equal(seen.set[1], "b=2");
    assert_string_equal(seen.set[2], "c=3");
    assert_string_equal(seen.name, "x");
    assert_true(seen.flag);
    assert_true(seen.json);
    assert_int_equal(seen.number, 9);
}

static void test_defaults(void **state)
{
    (void)state;
    assert_int_equal(ostraka("thing make one --name x --name y"), EXIT_DONE);
    assert_string_equal(seen.name, "y"); /* the last one counts */
    assert_false(seen.flag);
    assert_int_equal(seen.number, 7);
    assert_int_equal(ostraka("shout"), EXIT_DONE);
    assert_string_equal(seen.name, "otherwise");
}

static void test_end_of_options(void **state)
{
    (void)state;
    assert_int_equal(ostraka("thing make -- --flag -"), EXIT_DONE);
    assert_int_equal(seen.n_arguments, 2);
    assert_string_equal(seen.arguments[0], "--flag");
    assert_string_equal(seen.arguments[1], "-");
    assert_false(seen.flag);
}

static void test_wrong_usage(void **state)
{
    static const char *const wrong[] = {
        "thing make",               /* no argument */
        "thing make a b c",         /* too many */
        "thing make a --nmae x",    /* no such option */
        "thing make a -x",          /* nor letter */
        "thing make a --name",      /* no value */
        "thing make a --flag=1",    /* takes none */
        "thing make a --number 11", /* out of range */
        "thing make a --number 1x", /* no number */
        "thing make a --timeout 0", /* of all commands */
        "thing maek a",             /* no such verb */
        "thnig list",               /* nor noun */
        "thing"};                   /* which? */
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(ostraka(wrong[i]), EXIT_USAGE);
        if (strstr(wrong[i], "--number") == NULL) {
            assert_int_equal(seen.runs, 0);
        }
    }
}

static void test_too_many_options(void **state)
{
    char *argv[COMMAND_GIVEN_MAX + 8];
    int argc = 0;
    (void)state;
    argv[argc++] = (char *)(uintptr_t) "ostraka";
    argv[argc++] = (char *)(uintptr_t) "shout";
    while (argc < COMMAND_GIVEN_MAX + 2) {
        argv[argc++] = (char *)(uintptr_t) "-f";
    }
    assert_int_equal(command_main(argc, argv), EXIT_DONE);
    argv[argc++] = (char *)(uintptr_t) "-f";
    assert_int_equal(command_main(argc, argv), EXIT_USAGE);
}

static void test_nearest(void **state)
{
    (void)state;
    assert_string_equal(help_nearest_option(&mine[0], "nmae"), "name");
    assert_string_equal(help_nearest_option(&mine[0], "num"), "number");
    assert_string_equal(help_nearest_option(&mine[0], "jsno"), "json");
    assert_null(help_nearest_option(&mine[0], "quite-different"));
}

static void test_help(void **state)
{
    (void)state;
    assert_int_equal(ostraka("help"), EXIT_DONE);
    assert_int_equal(ostraka("help thing"), EXIT_DONE);
    assert_int_equal(ostraka("help thing make"), EXIT_DONE);
    assert_int_equal(ostraka("help --man"), EXIT_DONE);
    assert_int_equal(ostraka("thing make --help"), EXIT_DONE);
    assert_int_equal(ostraka("thing --help"), EXIT_DONE);
    assert_int_equal(ostraka("thing -h"), EXIT_DONE);
    assert_int_equal(seen.runs, 0);
    assert_int_equal(ostraka("--version"), EXIT_DONE);
    assert_int_equal(ostraka(""), EXIT_USAGE);
}

/* Nobody has what could not be written: that is no success. */
static void test_output_lost(void **state)
{
    int out = dup(STDOUT_FILENO), full = open("/dev/full", O_WRONLY);
    (void)state;
    assert_true(out >= 0 && full >= 0);
    fflush(stdout);
    dup2(full, STDOUT_FILENO);
    printf("the result");
    int code = ostraka("shout");
    dup2(out, STDOUT_FILENO);
    clearerr(stdout);
    close(out);
    close(full);
    assert_int_equal(seen.runs, 1);
    assert_int_equal(code, EXIT_FAILED);
    assert_int_equal(ostraka("shout"), EXIT_DONE);
    /* Also if it failed earlier, and there is nothing left to be written. */
    fflush(stdout);
    disk_is_full = true;
    code = ostraka("shout");
    disk_is_full = false;
    clearerr(stdout);
    assert_int_equal(code, EXIT_FAILED);
}

static void test_exit_codes(void **state)
{
    (void)state;
    assert_int_equal(command_exit_of(0), EXIT_DONE);
    assert_int_equal(command_exit_of(ERR_TIMEOUT), EXIT_UNKNOWN);
    assert_int_equal(command_exit_of(ERR_REFUSED), EXIT_UNREACHABLE);
    assert_int_equal(command_exit_of(ERR_NOTFOUND), EXIT_NOTFOUND);
    assert_int_equal(command_exit_of(ERR_IO), EXIT_FAILED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options_anywhere),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_end_of_options),
        cmocka_unit_test(test_wrong_usage),
        cmocka_unit_test(test_too_many_options),
        cmocka_unit_test(test_nearest),
        cmocka_unit_test(test_help),
        cmocka_unit_test(test_output_lost),
        cmocka_unit_test(test_exit_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
