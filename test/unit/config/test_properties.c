/* The syntax of .properties files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/rand.h"
#include "config/properties.h"

/* All pairs of `text` as "line key=[value]\n", or "line error: text". */
static void dump_len(const char *text, size_t len, char *out, size_t out_len)
{
    struct mem *mem = mem_new(0);
    struct buf key;
    struct buf value;
    struct properties p;
    struct err err = {""};
    unsigned line;
    int rc;

    buf_init(&key, mem, 64);
    buf_init(&value, mem, 64);
    properties_init(&p, text, len);
    *out = '\0';
    while ((rc = properties_next(&p, &key, &value, &line, &err)) > 0) {
        size_t n = strlen(out);
        snprintf(out + n, out_len - n, "%u %s=[%s]\n", line, (char *)key.data,
                 (char *)value.data);
    }
    if (rc < 0) {
        size_t n = strlen(out);
        snprintf(out + n, out_len - n, "%u error: %s\n", line, err.text);
    }
    buf_close(&key);
    buf_close(&value);
    assert_int_equal(mem_blocks(mem), 0);
    mem_free_all(mem);
}

static void expect(const char *text, const char *wanted)
{
    char got[1024];

    dump_len(text, strlen(text), got, sizeof(got));
    assert_string_equal(got, wanted);
}

static void separators_and_blanks(void **state)
{
    (void)state;
    expect("a=1\nb:2\nc 3\n  d \t=  4  \ne\n",
           "1 a=[1]\n2 b=[2]\n3 c=[3]\n4 d=[4]\n5 e=[]\n");
    expect("a = = b", "1 a=[= b]\n");
    expect("a=1\r\nb=2\rc=3", "1 a=[1]\n2 b=[2]\n3 c=[3]\n");
    expect("\xef\xbb\xbf"
           "a=1",
           "1 a=[1]\n");
    expect("", "");
}

static void comments(void **state)
{
    (void)state;
    expect("# x\n  ! y=1\n\na=#1\n", "4 a=[#1]\n");
    /* A comment is not continued. */
    expect("# x \\\na=1\n", "2 a=[1]\n");
    expect("# at the end", "");
}

static void continuations(void **state)
{
    (void)state;
    expect("a=1,\\\n   2,\\\r\n\t3\nb=4\n", "1 a=[1,2,3]\n4 b=[4]\n");
    expect("lo\\\n  ng = \\\n  v\n", "1 long=[v]\n");
    /* Two backslashes are one, and the line ends. */
    expect("a=1\\\\\nb=2\n", "1 a=[1\\]\n2 b=[2]\n");
    expect("a=1\\", "1 a=[1]\n");
}

static void escapes(void **state)
{
    (void)state;
    expect("a\\=b\\:c\\ d=\\t|\\n|\\\\|\\q\n", "1 a=b:c d=[\t|\n|\\|q]\n");
    expect("a=\\u00e9\\u20AC\\ud83d\\ude00\n",
           "1 a=[\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80]\n");
}

static void malformed_text_is_an_error(void **state)
{
    char got[256];

    (void)state;
    expect("a=1\nb=\\u12g4\n",
           "1 a=[1]\n2 error: \\u needs four hexadecimal digits\n");
    expect("a=\\u0000", "1 error: \\u needs four hexadecimal digits\n");
    expect("a=\\ud83d", "1 error: \\u: half a surrogate pair\n");
    expect("a=\\ude00x", "1 error: \\u: half a surrogate pair\n");
    expect("a=\\ud83d\\u0041", "1 error: \\u: half a surrogate pair\n");
    expect("\n=1", "2 error: the key is empty\n");
    expect("a=\xff", "1 error: the value is not UTF-8 text\n");
    expect("\xc3=1", "1 error: the key is not UTF-8 text\n");
    dump_len("a=1\0002", 5, got, sizeof(got));
    assert_string_equal(got, "1 error: the value is not UTF-8 text\n");
    expect("a=0123456789012345678901234567890123456789012345678901234567890123",
           "1 error: the value is longer than 63 bytes\n");
}

/* Whatever is escaped reads back as it was. */
static void escaped_text_reads_back(void **state)
{
    static const char alphabet[] = "ab =:#!\\\t\n\r\f\xc3\xa9";
    struct mem *mem = mem_new(0);
    struct rand r;

    (void)state;
    rand_init(&r, 7);
    for (int round = 0; round < 2000; round++) {
        char text[24];
        size_t n = 0;
        struct buf out;
        struct buf key;
        struct buf value;
        struct properties p;
        unsigned line;
        for (size_t len = rand_below(&r, 20); n < len; n++) {
            text[n] = alphabet[rand_below(&r, 12)];
        }
        /* Blanks at the end are cut; not what is asked here. */
        text[n++] = 'z';
        text[n] = '\0';
        buf_init(&out, mem, 0);
        buf_init(&key, mem, 0);
        buf_init(&value, mem, 0);
        buf_printf(&out, "k=");
        properties_escape(text, &out);
        properties_init(&p, (char *)out.data, out.len);
        assert_int_equal(properties_next(&p, &key, &value, &line, NULL), 1);
        assert_string_equal((char *)value.data, text);
        assert_int_equal(properties_next(&p, &key, &value, &line, NULL), 0);
        buf_close(&out);
        buf_close(&key);
        buf_close(&value);
    }
    mem_free_all(mem);
}

/* Any bytes end in pairs or an error, and the reader always moves on. */
static void any_bytes_terminate(void **state)
{
    static const char alphabet[] = "a=:\\u0d8 \n\r#\t\xff\xc3";
    struct rand r;
    char text[64];
    char got[4096];

    (void)state;
    rand_init(&r, 11);
    for (int round = 0; round < 5000; round++) {
        size_t len = rand_below(&r, sizeof(text));
        for (size_t i = 0; i < len; i++) {
            text[i] = alphabet[rand_below(&r, sizeof(alphabet))];
        }
        dump_len(text, len, got, sizeof(got));
        assert_true(strlen(got) < sizeof(got));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(separators_and_blanks),
        cmocka_unit_test(comments),
        cmocka_unit_test(continuations),
        cmocka_unit_test(escapes),
        cmocka_unit_test(malformed_text_is_an_error),
        cmocka_unit_test(escaped_text_reads_back),
        cmocka_unit_test(any_bytes_terminate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
