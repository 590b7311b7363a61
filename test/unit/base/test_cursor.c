/* Bytes from strangers: nothing is read behind the end, failures stick. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cursor.h"
#include "base/err.h"

static struct cursor over(const void *data, size_t len)
{
    struct cursor c;
    cursor_init(&c, slice_of(data, len));
    return c;
}

static void fixed_sizes(void **state)
{
    (void)state;
    const uint8_t b[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
                         2, 1, 4, 3, 2, 1, 8, 7, 6, 5,  4,  3,  2,  1};
    struct cursor c = over(b, sizeof b);
    assert_int_equal(cursor_u8(&c), 0x01);
    assert_int_equal(cursor_u16(&c), 0x0203);
    assert_int_equal(cursor_u32(&c), 0x04050607);
    assert_true(cursor_u64(&c) == UINT64_C(0x08090a0b0c0d0e0f));
    assert_int_equal(cursor_u16le(&c), 0x0102);
    assert_int_equal(cursor_u32le(&c), 0x01020304);
    assert_true(cursor_u64le(&c) == UINT64_C(0x0102030405060708));
    assert_int_equal(cursor_left(&c), 0);
    assert_int_equal(c.status, 0);
}

static void too_short_fails_and_sticks(void **state)
{
    (void)state;
    const uint8_t b[] = {1, 2, 3, 4, 5, 6, 7};
    struct cursor c = over(b, sizeof b);
    assert_int_equal(cursor_u64(&c), 0);
    assert_int_equal(c.status, ERR_PROTOCOL);
    assert_int_equal(cursor_u8(&c), 0);
    assert_int_equal(cursor_left(&c), 0);
    c = over(b, 1);
    assert_int_equal(cursor_u16(&c), 0);
    assert_int_equal(c.status, ERR_PROTOCOL);
    c = over(b, 3);
    assert_int_equal(cursor_u32(&c), 0);
    assert_int_equal(c.status, ERR_PROTOCOL);
    c = over(NULL, 0);
    assert_int_equal(cursor_left(&c), 0);
    assert_int_equal(cursor_u8(&c), 0);
    assert_int_equal(c.status, ERR_PROTOCOL);
}

static void take_and_skip(void **state)
{
    (void)state;
    struct cursor c = over("abcdef", 6);
    cursor_skip(&c, 1);
    assert_true(slice_equal(cursor_take(&c, 3), slice_str("bcd")));
    assert_int_equal(cursor_take(&c, 0).len, 0);
    assert_int_equal(c.status, 0);
    struct slice none = cursor_take(&c, SIZE_MAX);
    assert_null(none.data);
    assert_int_equal(none.len, 0);
    assert_int_equal(c.status, ERR_PROTOCOL);
    c = over("ab", 2);
    cursor_skip(&c, 3);
    assert_int_equal(c.status, ERR_PROTOCOL);
}

static void varints_come_back(void **state)
{
    (void)state;
    const int64_t values[] = {0,         1,         -1,        63,
                              64,        -64,       -65,       8191,
                              INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN};
    struct mem *mem = mem_new(0);
    struct buf b;
    buf_init(&b, mem, 0);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        buf_reset(&b);
        buf_put_varint(&b, values[i]);
        buf_put_uvarint(&b, (uint64_t)values[i]);
        struct cursor c = over(b.data, b.len);
        assert_true(cursor_varint(&c) == values[i]);
        assert_true(cursor_uvarint(&c) == (uint64_t)values[i]);
        assert_int_equal(c.status, 0);
        if (values[i] == (int32_t)values[i]) {
            c = over(b.data, b.len);
            assert_true(cursor_varint32(&c) == values[i]);
            assert_int_equal(c.status, 0);
        }
    }
    buf_close(&b);
    mem_free_all(mem);
}

static void varint32_limits(void **state)
{
    (void)state;
    struct cursor c = over("\xff\xff\xff\xff\x0f", 5);
    assert_int_equal(cursor_uvarint32(&c), UINT32_MAX);
    assert_int_equal(c.status, 0);
    c = over("\xff\xff\xff\xff\x1f", 5); /* 33 bits */
    assert_int_equal(cursor_uvarint32(&c), 0);
    assert_int_equal(c.status, ERR_PROTOCOL);
    c = over("\x80\x80\x80\x80\x80\x00", 6); /* 6 bytes */
    cursor_uvarint32(&c);
    assert_int_equal(c.status, ERR_PROTOCOL);
    c = over("\xff\xff", 2); /* cut */
    cursor_uvarint32(&c);
    assert_int_equal(c.status, ERR_PROTOCOL);
    c = over("\x80\x00", 2); /* longer than needed is Kafka's to write */
    assert_int_equal(cursor_uvarint32(&c), 0);
    assert_int_equal(c.status, 0);
}

static void varint64_limits(void **state)
{
    (void)state;
    struct cursor c = over("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10);
    assert_true(cursor_uvarint(&c) == UINT64_MAX);
    assert_int_equal(c.status, 0);
    c = over("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10);
    assert_true(cursor_uvarint(&c) == 0);
    assert_int_equal(c.status, ERR_PROTOCOL);
    c = over("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", 11);
    cursor_uvarint(&c);
    assert_int_equal(c.status, ERR_PROTOCOL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fixed_sizes),
        cmocka_unit_test(too_short_fails_and_sticks),
        cmocka_unit_test(take_and_skip),
        cmocka_unit_test(varints_come_back),
        cmocka_unit_test(varint32_limits),
        cmocka_unit_test(varint64_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
