/* test_iterate.c - records of golden batches, ranges of batches, damage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/err.h"
#include "record/iterate.h"
#include "sample.h"

#define PLAIN_MAX 100000

static struct mem *mem;

static int setup(void **state)
{
    (void)state;
    mem = mem_new(0);
    return mem == NULL;
}

static int teardown(void **state)
{
    (void)state;
    assert_int_equal(mem_blocks(mem), 0);
    mem_free_all(mem);
    return 0;
}

static struct slice str(const char *s)
{
    return slice_str(s);
}

static void test_hand(void **state)
{
    struct records it;
    struct record_header h;
    struct record r;
    struct batch b;
    (void)state;
    assert_int_equal(batch_view(samples[0].bytes, &b), 0);
    assert_int_equal(records_open(&it, &b, mem, 0), 0);

    assert_int_equal(records_next(&it, &r), 0);
    assert_int_equal(r.offset, 500);
    assert_int_equal(r.timestamp, 1000);
    assert_true(slice_equal(r.key, str("k1")));
    assert_true(slice_equal(r.value, str("v1")));
    assert_int_equal(r.n_headers, 1);
    assert_true(record_header_next(&r.headers, &h));
    assert_true(slice_equal(h.key, str("h")));
    assert_true(h.value_null);
    assert_false(record_header_next(&r.headers, &h));

    assert_int_equal(records_next(&it, &r), 0);
    assert_int_equal(r.offset, 501);
    assert_int_equal(r.timestamp, 995);
    assert_true(r.key_null);
    assert_false(r.value_null);
    assert_int_equal(r.value.len, 0);

    assert_int_equal(records_next(&it, &r), 0);
    assert_int_equal(r.offset, 502);
    assert_int_equal(r.timestamp, 1300);
    assert_false(r.key_null);
    assert_true(r.value_null);

    assert_int_equal(records_next(&it, &r), ERR_EOF);
    assert_int_equal(records_next(&it, &r), ERR_EOF);
    records_close(&it);
}

static void captured_check(const struct sample *s)
{
    struct records it;
    struct record r;
    struct batch b;
    int i;
    assert_int_equal(batch_view(s->bytes, &b), 0);
    assert_int_equal(records_open(&it, &b, mem, PLAIN_MAX), 0);
    for (i = 0; i < 4; i++) {
        struct record_header h;
        char text[300];
        assert_int_equal(records_next(&it, &r), 0);
        assert_int_equal(r.offset, i);
        assert_int_equal(r.timestamp, 1700000000000 + 7 * i);
        snprintf(text, sizeof text, "key-%d", i);
        assert_true(i == 2 ? r.key_null : slice_equal(r.key, str(text)));
        memset(text, 'x', 200);
        snprintf(text + 200, 100, "value-%d", i);
        assert_true(i == 3 ? r.value_null : slice_equal(r.value, str(text)));
        assert_int_equal(r.n_headers, 2);
        assert_true(record_header_next(&r.headers, &h));
        assert_true(slice_equal(h.key, str("trace")));
        assert_true(slice_equal(h.value, str("abcabcabcabcabcabcabc")));
        assert_true(record_header_next(&r.headers, &h));
        assert_true(slice_equal(h.key, str("nil")));
        assert_true(h.value_null);
    }
    assert_int_equal(records_next(&it, &r), ERR_EOF);
    records_close(&it);
}

static void test_captured(void **state)
{
    size_t i;
    (void)state;
    for (i = 1; i < N_SAMPLES; i++) {
        captured_check(&samples[i]);
    }
}

static void test_append_time_rules(void **state)
{
    uint8_t copy[sizeof golden_hand];
    struct records it;
    struct record r;
    struct batch b;
    (void)state;
    memcpy(copy, golden_hand, sizeof copy);
    batch_set_append_time(copy, sizeof copy, 4242);
    assert_int_equal(batch_view(slice_of(copy, sizeof copy), &b), 0);
    assert_int_equal(records_open(&it, &b, mem, 0), 0);
    while (records_next(&it, &r) == 0) {
        assert_int_equal(r.timestamp, 4242);
    }
    assert_int_equal(it.status, ERR_EOF);
    records_close(&it);
}

static void test_range(void **state)
{
    struct slice rest;
    struct batch b;
    struct buf all;
    size_t i;
    (void)state;
    buf_init(&all, mem, 0);
    for (i = 0; i < N_SAMPLES; i++) {
        buf_put(&all, samples[i].bytes.data, samples[i].bytes.len);
    }
    buf_put(&all, golden_hand, 40);
    rest = buf_slice(&all);
    for (i = 0; i < N_SAMPLES; i++) {
        assert_int_equal(batches_next(&rest, &b), 0);
        assert_true(slice_equal(b.bytes, samples[i].bytes));
    }
    assert_int_equal(batches_next(&rest, &b), ERR_EOF);
    assert_int_equal(rest.len, 40);
    all.data[BATCH_AT_MAGIC] = 1;
    rest = buf_slice(&all);
    assert_int_equal(batches_next(&rest, &b), ERR_VERSION);
    assert_int_equal(rest.len, all.len);
    buf_close(&all);
}

/* Open and walk; the code that ends it. */
static int walk(struct batch b, size_t plain_max)
{
    struct records it;
    struct record r;
    int rv = records_open(&it, &b, mem, plain_max);
    if (rv != 0) {
        return rv;
    }
    while ((rv = records_next(&it, &r)) == 0) {
    }
    records_close(&it);
    return rv;
}

static void test_limits(void **state)
{
    struct batch b;
    size_t i;
    (void)state;
    for (i = 2; i < 6; i++) {
        assert_int_equal(batch_view(samples[i].bytes, &b), 0);
        assert_int_equal(walk(b, 802), ERR_EOF);
        assert_int_equal(walk(b, 801), ERR_TOOBIG);
        /* More records than the limit can hold: not even begun. */
        b.record_count = 803 / 7 + 1;
        b.last_offset_delta = b.record_count;
        b.bytes = slice_of(b.bytes.data, b.length = BATCH_HEADER_LEN);
        assert_int_equal(walk(b, 802), ERR_TOOBIG);
    }
}

static void test_wrong_records(void **state)
{
    uint8_t copy[sizeof golden_hand];
    struct batch b;
    (void)state;
    assert_int_equal(batch_view(samples[0].bytes, &b), 0);
    assert_int_equal(walk(b, 0), ERR_EOF);
    b.record_count = 2; /* bytes behind the last record */
    assert_int_equal(walk(b, 0), ERR_CORRUPT);
    b.record_count = 4; /* a record short */
    b.last_offset_delta = 3;
    assert_int_equal(walk(b, 0), ERR_CORRUPT);
    b.record_count = 1000;
    assert_int_equal(walk(b, 0), ERR_CORRUPT);
    b.record_count = -1;
    assert_int_equal(walk(b, 0), ERR_CORRUPT);
    b.record_count = 3;
    b.last_offset_delta = 1; /* an offset behind the batch's last */
    assert_int_equal(walk(b, 0), ERR_CORRUPT);
    b.last_offset_delta = 2;
    memcpy(copy, golden_hand, sizeof copy);
    copy[61 + 14 + 3] = 0; /* the second record's offset is the first's */
    b.bytes = slice_of(copy, sizeof copy);
    assert_int_equal(walk(b, 0), ERR_CORRUPT);
    b.attributes = 6;
    assert_int_equal(walk(b, 100), ERR_UNSUPPORTED);
}

/* `bytes` as one record of length `len`. */
static int decode(const char *bytes, size_t len)
{
    struct cursor c;
    struct record r;
    cursor_init(&c, slice_of(bytes, len));
    return record_decode(&c, &r);
}
#define DECODE(text) decode(text, sizeof text - 1)

static void test_record_lengths(void **state)
{
    int i;
    (void)state;
    /* length, attributes, time, offset, key -1, value -1, no headers */
    assert_int_equal(DECODE("\x0c\0\0\0\x01\x01\0"), 0);
    assert_int_equal(DECODE("\x0a\0\0\0\x01\x01\0"), ERR_CORRUPT);
    assert_int_equal(DECODE("\x0e\0\0\0\x01\x01\0"), ERR_CORRUPT);
    assert_int_equal(DECODE("\x0e\0\0\0\x01\x01\0\0"), ERR_CORRUPT);
    assert_int_equal(DECODE("\x01\0\0\0\x01\x01\0"), ERR_CORRUPT);
    assert_int_equal(DECODE("\x0c\0\0\0\x03\x01\0"), ERR_CORRUPT);
    assert_int_equal(DECODE("\x0c\0\0\0\x01\x03\0"), ERR_CORRUPT);
    assert_int_equal(DECODE("\x0c\0\0\0\x04\x01\0"), ERR_CORRUPT);
    assert_int_equal(DECODE("\x0c\0\0\0\x01\x01\x02"), ERR_CORRUPT);
    assert_int_equal(DECODE("\x0c\0\0\0\x01\x01\x01"), ERR_CORRUPT);
    /* one header: key "", value null; then key null, which is not allowed */
    assert_int_equal(DECODE("\x10\0\0\0\x01\x01\x02\0\x01"), 0);
    assert_int_equal(DECODE("\x10\0\0\0\x01\x01\x02\x01\x01"), ERR_CORRUPT);
    assert_int_equal(DECODE(""), ERR_CORRUPT);
    /* 2^31 - 1 headers in no bytes: ended by the first that is not there. */
    for (i = 0; i < 1000; i++) {
        assert_int_equal(DECODE("\x14\0\0\0\x01\x01\xfe\xff\xff\xff\x0f"),
                         ERR_CORRUPT);
    }
    assert_int_equal(DECODE("\x0c"), ERR_CORRUPT);
    assert_int_equal(DECODE("\xff\xff\xff\xff\xff\xff"), ERR_CORRUPT);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_hand),
        TEST(test_captured),
        TEST(test_append_time_rules),
        TEST(test_range),
        TEST(test_limits),
        TEST(test_wrong_records),
        TEST(test_record_lengths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
