/* An entry's 64 bytes: written, read back, and every flipped bit noticed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/err.h"
#include "storage/entry.h"

static uint8_t payload[300];

static struct entry sample(enum entry_kind kind, int64_t n, size_t len)
{
    return (struct entry){.index = 0x0102030405060708,
                          .term = 7,
                          .base_offset = 1000,
                          .next_offset = 1000 + n,
                          .time_ms = 1700000000000,
                          .chain = 0xfeedfacecafebeef,
                          .crc = crc32c(payload, len),
                          .kind = kind,
                          .payload = {NULL, payload, len}};
}

static void test_round_trip(void **state)
{
    (void)state;
    struct entry e = sample(ENTRY_RECORDS, 5, sizeof payload);
    uint8_t b[ENTRY_HEADER_BYTES];
    struct entry got;
    uint32_t len;
    entry_encode_header(&e, b);
    assert_int_equal(entry_decode_header(b, &got, &len), 0);
    assert_int_equal(len, sizeof payload);
    assert_int_equal(got.index, e.index);
    assert_int_equal(got.term, e.term);
    assert_int_equal(got.base_offset, e.base_offset);
    assert_int_equal(got.next_offset, e.next_offset);
    assert_int_equal(got.time_ms, e.time_ms);
    assert_true(got.chain == e.chain);
    assert_int_equal(got.crc, e.crc);
    assert_int_equal(got.kind, e.kind);
    assert_int_equal(got.payload.len, 0);
}

static void test_layout(void **state)
{
    (void)state;
    struct entry e = sample(ENTRY_TRIM, 0, 8);
    uint8_t b[ENTRY_HEADER_BYTES];
    entry_encode_header(&e, b);
    assert_int_equal(le64_load(b), e.index);
    assert_int_equal(le64_load(b + 8), 7);
    assert_int_equal(le64_load(b + 16), 1000);
    assert_int_equal(le64_load(b + 24), 1000);
    assert_int_equal(le64_load(b + 32), 1700000000000);
    assert_true(le64_load(b + 40) == e.chain);
    assert_int_equal(le32_load(b + 48), 8);
    assert_int_equal(le32_load(b + 52), e.crc);
    assert_int_equal(b[56], ENTRY_TRIM);
    assert_int_equal(b[57] | b[58] | b[59], 0);
    assert_int_equal(le32_load(b + 60), crc32c(b, 60));
}

static void test_every_bit(void **state)
{
    (void)state;
    struct entry e = sample(ENTRY_RECORDS, 5, sizeof payload);
    uint8_t b[ENTRY_HEADER_BYTES];
    entry_encode_header(&e, b);
    for (unsigned bit = 0; bit < ENTRY_HEADER_BYTES * 8; bit++) {
        struct entry got = {.index = 42};
        uint32_t len = 42;
        b[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(entry_decode_header(b, &got, &len), ERR_CORRUPT);
        assert_int_equal(got.index, 42);
        assert_int_equal(len, 42);
        b[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

/* Change bytes and make the checksum right again. */
static int decode_changed(const struct entry *e, unsigned at, uint64_t v,
                          unsigned size)
{
    uint8_t b[ENTRY_HEADER_BYTES];
    struct entry got;
    uint32_t len;
    entry_encode_header(e, b);
    for (unsigned i = 0; i < size; i++) {
        b[at + i] = (uint8_t)(v >> 8 * i);
    }
    le32_store(b + 60, crc32c(b, 60));
    return entry_decode_header(b, &got, &len);
}

static void test_fields_fit(void **state)
{
    (void)state;
    struct entry r = sample(ENTRY_RECORDS, 5, sizeof payload);
    struct entry barrier = sample(ENTRY_BARRIER, 0, 0);
    assert_int_equal(decode_changed(&r, 0, 1, 8), 0);
    assert_int_equal(decode_changed(&r, 0, 0, 8), ERR_CORRUPT);
    assert_int_equal(decode_changed(&r, 8, 0, 8), ERR_CORRUPT);
    assert_int_equal(decode_changed(&r, 16, UINT64_MAX, 8), ERR_CORRUPT);
    assert_int_equal(decode_changed(&r, 24, 1000, 8), ERR_CORRUPT);
    assert_int_equal(decode_changed(&r, 24, 999, 8), ERR_CORRUPT);
    assert_int_equal(decode_changed(&r, 48, ENTRY_PAYLOAD_MAX, 4), 0);
    assert_int_equal(decode_changed(&r, 48, ENTRY_PAYLOAD_MAX + 1, 4),
                     ERR_CORRUPT);
    assert_int_equal(decode_changed(&r, 48, 0, 4), ERR_CORRUPT);
    assert_int_equal(decode_changed(&r, 56, 0, 1), ERR_CORRUPT);
    assert_int_equal(decode_changed(&r, 56, 6, 1), ERR_CORRUPT);
    assert_int_equal(decode_changed(&r, 57, 1, 1), ERR_CORRUPT);
    assert_int_equal(decode_changed(&r, 59, 1, 1), ERR_CORRUPT);
    assert_int_equal(decode_changed(&barrier, 48, 0, 4), 0);
    assert_int_equal(decode_changed(&barrier, 48, 1, 4), ERR_CORRUPT);
    assert_int_equal(decode_changed(&barrier, 24, 1001, 8), ERR_CORRUPT);
}

static void test_point(void **state)
{
    (void)state;
    struct entry e = sample(ENTRY_RECORDS, 5, 10);
    struct log_point p = entry_point(&e);
    assert_int_equal(p.index, e.index);
    assert_int_equal(p.term, e.term);
    assert_int_equal(p.offset, 1005);
    assert_int_equal(p.time_ms, e.time_ms);
    assert_true(p.chain == e.chain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_layout),
        cmocka_unit_test(test_every_bit),  cmocka_unit_test(test_fields_fit),
        cmocka_unit_test(test_point),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
