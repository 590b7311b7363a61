/* Growing bytes: order, varints, sticky errors, the limit to the byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"

static struct mem *mem;
static struct buf buf;

static int setup(void **state)
{
    (void)state;
    mem = mem_new(0);
    buf_init(&buf, mem, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    buf_close(&buf);
    size_t left = mem_blocks(mem);
    mem_free_all(mem);
    return left != 0;
}

static void integers_are_big_endian(void **state)
{
    (void)state;
    const uint8_t expected[] = {1, 2,  3,  4,  5,  6,  7, 8,
                                9, 10, 11, 12, 13, 14, 15};
    buf_put_u8(&buf, 0x01);
    buf_put_u16(&buf, 0x0203);
    buf_put_u32(&buf, 0x04050607);
    buf_put_u64(&buf, UINT64_C(0x08090a0b0c0d0e0f));
    assert_int_equal(buf.len, sizeof expected);
    assert_memory_equal(buf.data, expected, sizeof expected);
    buf_put(&buf, NULL, 0);
    assert_int_equal(buf_slice(&buf).len, sizeof expected);
}

static void varints(void **state)
{
    (void)state;
    const uint8_t expected[] = {0x00, 0x7f, 0x80, 0x01, 0xac, 0x02,
                                0x00, 0x01, 0x02, 0x7f, 0x80, 0x01};
    buf_put_uvarint(&buf, 0);
    buf_put_uvarint(&buf, 127);
    buf_put_uvarint(&buf, 128);
    buf_put_uvarint(&buf, 300);
    buf_put_varint(&buf, 0);
    buf_put_varint(&buf, -1);
    buf_put_varint(&buf, 1);
    buf_put_varint(&buf, -64);
    buf_put_varint(&buf, 64);
    assert_int_equal(buf.len, sizeof expected);
    assert_memory_equal(buf.data, expected, sizeof expected);
    buf_reset(&buf);
    buf_put_uvarint(&buf, UINT64_MAX);
    assert_int_equal(buf.len, 10);
    assert_int_equal(buf.data[9], 1);
    buf_reset(&buf);
    buf_put_varint(&buf, INT64_MIN);
    assert_int_equal(buf.len, 10);
}

static void printf_of_any_length(void **state)
{
    (void)state;
    char big[5000];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    buf_printf(&buf, "%s-%d", "orders", 3);
    assert_int_equal(buf.len, 8);
    buf_printf(&buf, "%s", big);
    assert_int_equal(buf.len, 8 + sizeof big - 1);
    assert_memory_equal(buf.data, "orders-3xxx", 11);
}

static void limit_is_exact(void **state)
{
    (void)state;
    buf_close(&buf);
    buf_init(&buf, mem, 10);
    buf_printf(&buf, "%s", "0123456789");
    assert_int_equal(buf.status, 0);
    assert_int_equal(buf.len, 10);
    buf_put_u8(&buf, 1);
    assert_int_equal(buf.status, ERR_TOOBIG);
    assert_int_equal(buf.len, 10);
    assert_null(buf_reserve(&buf, 0));
    buf_reset(&buf);
    assert_non_null(buf_reserve(&buf, 10));
    assert_null(buf_reserve(&buf, SIZE_MAX));
    assert_int_equal(buf.status, ERR_TOOBIG);
    buf_reset(&buf);
    buf_printf(&buf, "%s", "0123456789a");
    assert_int_equal(buf.status, ERR_TOOBIG);
    assert_int_equal(buf.len, 0);
}

static void no_memory_sticks(void **state)
{
    (void)state;
    buf_put(&buf, "abc", 3);
    mem_fail_at(mem, 1, 0);
    for (int i = 0; i < 1000; i++) {
        buf_put_u64(&buf, 1);
    }
    assert_true(mem_fail_fired(mem));
    assert_int_equal(buf.status, ERR_NOMEM);
    assert_memory_equal(buf.data, "abc", 3);
    assert_true(buf.len < 1000);
    buf_printf(&buf, "%d", 1);
    assert_int_equal(buf.status, ERR_NOMEM);
    buf_reset(&buf);
    assert_non_null(buf_reserve(&buf, 1000));
    assert_int_equal(buf.status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(integers_are_big_endian, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(varints, setup, teardown),
        cmocka_unit_test_setup_teardown(printf_of_any_length, setup, teardown),
        cmocka_unit_test_setup_teardown(limit_is_exact, setup, teardown),
        cmocka_unit_test_setup_teardown(no_memory_sticks, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
