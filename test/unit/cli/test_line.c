/* Lines as records, escapes, key=value. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/escape.h"
#include "cli/line.h"
#include "cli/topic.h"

static void assert_slice(struct slice s, const char *text)
{
    assert_true(slice_equal(s, slice_str(text)));
}

static struct line parse(const struct line_format *f, const char *text)
{
    struct line l;
    struct err err = {""};
    if (line_parse(f, slice_str(text), &l, &err) != 0) {
        fail_msg("%s", err.text);
    }
    return l;
}

static void plain(void **state)
{
    struct line_format f = {.separator_len = 0};
    struct line l = parse(&f, "a:b\tc");
    (void)state;
    assert_true(l.key_null);
    assert_slice(l.value, "a:b\tc");
    assert_false(parse(&f, "").value_null);
    f.null_values = true;
    assert_true(parse(&f, "").value_null);
}

static void keyed(void **state)
{
    struct line_format f = {.separator = "::", .separator_len = 2};
    struct line l = parse(&f, "k:1::v::w");
    (void)state;
    assert_false(l.key_null);
    assert_slice(l.key, "k:1");
    assert_slice(l.value, "v::w"); /* the first one counts */
    l = parse(&f, "::v");
    assert_false(l.key_null);
    assert_int_equal(l.key.len, 0);
    assert_slice(l.value, "v");
    l = parse(&f, "k::");
    assert_slice(l.key, "k");
    assert_int_equal(l.value.len, 0);
}

static void headers(void **state)
{
    struct line_format f = {
        .separator = "|", .separator_len = 1, .headers = true};
    struct line l = parse(&f, "a=1,b=,c=x=y\tk|v\tw");
    (void)state;
    assert_int_equal(l.n_headers, 3);
    assert_slice(l.headers[0].key, "a");
    assert_slice(l.headers[0].value, "1");
    assert_slice(l.headers[1].key, "b");
    assert_int_equal(l.headers[1].value.len, 0);
    assert_slice(l.headers[2].value, "x=y");
    assert_slice(l.key, "k");
    assert_slice(l.value, "v\tw");
    assert_int_equal(parse(&f, "\tk|v").n_headers, 0);
}

static void refused(void **state)
{
    struct line_format key = {.separator = ":", .separator_len = 1};
    struct line_format head = {.headers = true};
    char many[8 * (LINE_HEADERS_MAX + 1)] = "";
    struct line l;
    struct err err = {""};
    (void)state;
    assert_int_equal(line_parse(&key, slice_str("none"), &l, &err),
                     ERR_INVALID);
    assert_int_equal(line_parse(&key, slice_of(NULL, 0), &l, &err),
                     ERR_INVALID);
    assert_int_equal(line_parse(&head, slice_str("a=1 no tab"), &l, &err),
                     ERR_INVALID);
    assert_int_equal(line_parse(&head, slice_str("a\tv"), &l, &err),
                     ERR_INVALID);
    assert_int_equal(line_parse(&head, slice_str("=1\tv"), &l, &err),
                     ERR_INVALID);
    assert_int_equal(line_parse(&head, slice_str("a=1,,b=2\tv"), &l, &err),
                     ERR_INVALID);
    for (int i = 0; i <= LINE_HEADERS_MAX; i++) {
        strcat(many, i > 0 ? ",a=1" : "a=1");
    }
    strcat(many, "\tv");
    assert_int_equal(line_parse(&head, slice_str(many), &l, &err), ERR_FULL);
}

static void escapes(void **state)
{
    char out[8];
    size_t len = 0;
    (void)state;
    assert_int_equal(
        escape_decode("\\t\\n\\r\\0\\\\\\x7E", out, sizeof out, &len), 0);
    assert_int_equal(len, 6);
    assert_memory_equal(out, "\t\n\r\0\\~", 6);
    assert_int_equal(escape_decode("", out, sizeof out, &len), 0);
    assert_int_equal(len, 0);
    assert_int_equal(escape_decode("\\", out, sizeof out, &len), ERR_INVALID);
    assert_int_equal(escape_decode("\\q", out, sizeof out, &len), ERR_INVALID);
    assert_int_equal(escape_decode("\\x1", out, sizeof out, &len), ERR_INVALID);
    assert_int_equal(escape_decode("\\xg0", out, sizeof out, &len),
                     ERR_INVALID);
    assert_int_equal(escape_decode("12345678", out, sizeof out, &len), 0);
    assert_int_equal(escape_decode("123456789", out, sizeof out, &len),
                     ERR_TOOBIG);
}

static void settings(void **state)
{
    struct slice key, value;
    (void)state;
    assert_int_equal(topic_setting("a.b=c=d", &key, &value), 0);
    assert_slice(key, "a.b");
    assert_slice(value, "c=d");
    assert_int_equal(topic_setting("a=", &key, &value), 0);
    assert_int_equal(value.len, 0);
    assert_int_equal(topic_setting("a", &key, &value), ERR_INVALID);
    assert_int_equal(topic_setting("=a", &key, &value), ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain),   cmocka_unit_test(keyed),
        cmocka_unit_test(headers), cmocka_unit_test(refused),
        cmocka_unit_test(escapes), cmocka_unit_test(settings)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
