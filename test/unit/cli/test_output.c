/* One table of columns, for people and for programs, word for word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/output.h"

static const struct output_column columns[] = {
    {"NAME", "name", OUTPUT_TEXT},   {"COUNT", "count", OUTPUT_NUMBER},
    {"OK", "ok", OUTPUT_BOOL},       {NULL, "size_bytes", OUTPUT_NUMBER},
    {"NODES", "nodes", OUTPUT_TEXT}, {"SIZE", NULL, OUTPUT_TEXT},
};
#define COLUMNS (sizeof columns / sizeof columns[0])

static void fill(struct output *o)
{
    output_init(o, "thing.list", columns, COLUMNS);
    output_text(o, "a \"quoted\" one");
    output_number(o, 7);
    output_bool(o, true);
    output_number(o, INT64_MAX);
    output_list(o, json_pack("[i,i,i]", 1, 2, 3));
    output_text(o, "%d KiB", 12);
    output_slice(o, slice_of("\xc3\xa9t\xc3\xa9", 5));
    output_null(o);
    output_bool(o, false);
    output_null(o);
    output_list(o, json_array());
    output_null(o);
    output_slice(o, slice_of("bad\xff", 4));
    output_number(o, -12345);
    output_bool(o, false);
    output_number(o, 0);
    output_slice(o, slice_of(NULL, 0));
    output_text(o, "x");
}

/* What output_print() writes, into `text`. */
static void capture(struct output *o, bool json, char *text, size_t max)
{
    FILE *f = tmpfile();
    int saved = dup(STDOUT_FILENO);
    assert_non_null(f);
    fflush(stdout);
    dup2(fileno(f), STDOUT_FILENO);
    output_print(o, json);
    fflush(stdout);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    rewind(f);
    text[fread(text, 1, max - 1, f)] = '\0';
    fclose(f);
}

static void print(bool json, char *text, size_t max)
{
    struct output o;
    fill(&o);
    output_head(&o, "cluster", json_string("c"));
    capture(&o, json, text, max);
}

static void test_people(void **state)
{
    char text[2000];
    (void)state;
    print(false, text, sizeof text);
    assert_string_equal(text,
                        "NAME             COUNT  OK   NODES  SIZE\n"
                        "a \"quoted\" one       7  yes  1,2,3  12 KiB\n"
                        "\xc3\xa9t\xc3\xa9                  -  no   -      -\n"
                        "bad?            -12345  no   -      x\n");
}

static void test_programs(void **state)
{
    char text[4000];
    json_t *all, *row;
    (void)state;
    print(true, text, sizeof text);
    all = json_loads(text, 0, NULL);
    assert_non_null(all);
    assert_string_equal(json_string_value(json_object_get(all, "schema")),
                        "ostraka.thing.list/1");
    assert_string_equal(json_string_value(json_object_get(all, "cluster")),
                        "c");
    assert_int_equal(json_array_size(json_object_get(all, "data")), 3);
    row = json_array_get(json_object_get(all, "data"), 0);
    assert_int_equal(json_object_size(row), 5); /* SIZE is for people */
    assert_true(json_integer_value(json_object_get(row, "size_bytes")) ==
                INT64_MAX);
    assert_true(json_is_true(json_object_get(row, "ok")));
    assert_int_equal(json_array_size(json_object_get(row, "nodes")), 3);
    row = json_array_get(json_object_get(all, "data"), 1);
    assert_true(json_is_null(json_object_get(row, "count")));
    json_decref(all);
}

/* What strangers chose neither speaks to the terminal nor begins a line. */
static void test_hostile(void **state)
{
    static const struct output_column one[] = {{"NAME", "name", OUTPUT_TEXT}};
    struct output o;
    char text[200];
    (void)state;
    output_init(&o, "thing.list", one, 1);
    output_slice(&o, slice_of("a\x1b]0;x\x07\nb", 9));
    output_slice(&o, slice_of("\xc2\x9b"
                              "2J\r\x7f",
                              6));
    capture(&o, false, text, sizeof text);
    assert_string_equal(text, "NAME\na?]0;x??b\n??2J??\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_people),
        cmocka_unit_test(test_programs),
        cmocka_unit_test(test_hostile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
