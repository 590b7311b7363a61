/* test_batch.c - the header: fields, bounds, setters, chain. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/rand.h"
#include "record/batch.h"
#include "record/chain.h"
#include "sample.h"

static void test_fields(void **state)
{
    struct batch b;
    (void)state;
    assert_int_equal(batch_view(samples[0].bytes, &b), 0);
    assert_int_equal(b.base_offset, 500);
    assert_int_equal(b.length, sizeof golden_hand);
    assert_int_equal(b.leader_epoch, 9);
    assert_int_equal(b.magic, 2);
    assert_int_equal(b.attributes, 0x10);
    assert_int_equal(b.last_offset_delta, 2);
    assert_int_equal(b.base_timestamp, 1000);
    assert_int_equal(b.max_timestamp, 1300);
    assert_int_equal(b.producer_id, 77);
    assert_int_equal(b.producer_epoch, 3);
    assert_int_equal(b.base_sequence, 40);
    assert_int_equal(b.record_count, 3);
    assert_int_equal(batch_codec(&b), BATCH_CODEC_NONE);
    assert_int_equal(batch_time_type(&b), BATCH_TIME_CREATE);
    assert_true(batch_is_transactional(&b));
    assert_false(batch_is_control(&b));
    assert_true(batch_has_producer(&b));
    assert_int_equal(batch_last_offset(&b), 502);
    assert_int_equal(batch_next_offset(&b), 503);
    assert_int_equal(batch_last_sequence(&b), 42);
    assert_int_equal(batch_records(&b).len, sizeof golden_hand - 61);
}

static void test_golden_checksums(void **state)
{
    size_t i;
    (void)state;
    for (i = 0; i < N_SAMPLES; i++) {
        uint8_t copy[1024];
        struct batch b;
        assert_int_equal(batch_view(samples[i].bytes, &b), 0);
        assert_int_equal(batch_check_crc(&b), 0);
        assert_int_equal(batch_codec(&b), samples[i].codec);
        memcpy(copy, b.bytes.data, b.length);
        copy[b.length - 1] ^= 1;
        b.bytes.data = copy;
        assert_int_equal(batch_check_crc(&b), ERR_CORRUPT);
    }
}

static void test_truncations(void **state)
{
    struct batch b;
    size_t len;
    (void)state;
    for (len = 0; len < sizeof golden_hand; len++) {
        assert_int_equal(batch_view(slice_of(golden_hand, len), &b), ERR_EOF);
    }
}

static int view_with(unsigned at, unsigned size, uint64_t v)
{
    uint8_t copy[sizeof golden_hand];
    struct batch b;
    memcpy(copy, golden_hand, sizeof copy);
    if (size == 1) {
        copy[at] = (uint8_t)v;
    } else if (size == 4) {
        be32_store(copy + at, (uint32_t)v);
    } else {
        be64_store(copy + at, v);
    }
    return batch_view(slice_of(copy, sizeof copy), &b);
}

static void test_bounds(void **state)
{
    (void)state;
    assert_int_equal(view_with(BATCH_AT_MAGIC, 1, 1), ERR_VERSION);
    assert_int_equal(view_with(BATCH_AT_MAGIC, 1, 3), ERR_VERSION);
    assert_int_equal(view_with(BATCH_AT_LENGTH, 4, 48), ERR_CORRUPT);
    assert_int_equal(view_with(BATCH_AT_LENGTH, 4, 0), ERR_CORRUPT);
    assert_int_equal(view_with(BATCH_AT_LENGTH, 4, UINT32_MAX), ERR_CORRUPT);
    assert_int_equal(view_with(BATCH_AT_LENGTH, 4, INT32_MAX), ERR_CORRUPT);
    assert_int_equal(view_with(BATCH_AT_LENGTH, 4, INT32_MAX - 12), ERR_EOF);
    assert_int_equal(view_with(BATCH_AT_BASE_OFFSET, 8, UINT64_MAX),
                     ERR_CORRUPT);
    assert_int_equal(view_with(BATCH_AT_BASE_OFFSET, 8, INT64_MAX - 2),
                     ERR_CORRUPT);
    assert_int_equal(view_with(BATCH_AT_BASE_OFFSET, 8, INT64_MAX - 3), 0);
    assert_int_equal(view_with(BATCH_AT_LAST_OFFSET_DELTA, 4, UINT32_MAX),
                     ERR_CORRUPT);
    assert_int_equal(view_with(BATCH_AT_LAST_OFFSET_DELTA, 4, 1), ERR_CORRUPT);
    assert_int_equal(view_with(BATCH_AT_RECORD_COUNT, 4, UINT32_MAX),
                     ERR_CORRUPT);
    assert_int_equal(view_with(BATCH_AT_RECORD_COUNT, 4, 4), ERR_CORRUPT);
    /* A compacted batch keeps its offsets and may have lost every record. */
    assert_int_equal(view_with(BATCH_AT_RECORD_COUNT, 4, 0), 0);
}

static void test_setters_outside_checksum(void **state)
{
    uint8_t copy[sizeof golden_hand];
    struct batch b;
    (void)state;
    memcpy(copy, golden_hand, sizeof copy);
    batch_set_base_offset(copy, 123456789012);
    batch_set_leader_epoch(copy, 77);
    assert_int_equal(batch_view(slice_of(copy, sizeof copy), &b), 0);
    assert_int_equal(b.base_offset, 123456789012);
    assert_int_equal(b.leader_epoch, 77);
    assert_int_equal(batch_check_crc(&b), 0);
}

static void test_append_time(void **state)
{
    size_t i;
    (void)state;
    for (i = 0; i < N_SAMPLES; i++) {
        uint8_t copy[1024];
        size_t len = samples[i].bytes.len;
        struct batch b;
        memcpy(copy, samples[i].bytes.data, len);
        batch_set_append_time(copy, len, 987654321);
        assert_int_equal(batch_view(slice_of(copy, len), &b), 0);
        assert_int_equal(batch_time_type(&b), BATCH_TIME_APPEND);
        assert_int_equal(batch_codec(&b), samples[i].codec);
        assert_int_equal(b.max_timestamp, 987654321);
        assert_int_equal(b.crc, crc32c(copy + 21, len - 21));
    }
}

/* Records damaged after the check must not get a fresh checksum. */
static void test_append_time_keeps_damage(void **state)
{
    uint8_t copy[sizeof golden_hand];
    struct batch b;
    (void)state;
    memcpy(copy, golden_hand, sizeof copy);
    copy[sizeof copy - 3] ^= 0x40;
    batch_set_append_time(copy, sizeof copy, 5);
    assert_int_equal(batch_view(slice_of(copy, sizeof copy), &b), 0);
    assert_int_equal(batch_check_crc(&b), ERR_CORRUPT);
}

static void test_last_sequence_wraps(void **state)
{
    struct batch b = {.base_sequence = INT32_MAX - 1, .last_offset_delta = 1};
    (void)state;
    assert_int_equal(batch_last_sequence(&b), INT32_MAX);
    b.last_offset_delta = 2;
    assert_int_equal(batch_last_sequence(&b), 0);
    b.last_offset_delta = 5;
    assert_int_equal(batch_last_sequence(&b), 3);
    b.base_sequence = BATCH_NO_SEQUENCE;
    b.last_offset_delta = 0;
    assert_int_equal(batch_last_sequence(&b), -1);
}

static void test_chain(void **state)
{
    uint8_t bytes[32];
    uint64_t a = batch_chain(BATCH_CHAIN_START, 7, 1000, 0xdeadbeef);
    (void)state;
    le64_store(bytes, 0);
    le64_store(bytes + 8, 7);
    le64_store(bytes + 16, 1000);
    le64_store(bytes + 24, 0xdeadbeef);
    assert_true(a == hash_bytes(bytes, sizeof bytes));
    assert_true(a != batch_chain(1, 7, 1000, 0xdeadbeef));
    assert_true(a != batch_chain(0, 8, 1000, 0xdeadbeef));
    assert_true(a != batch_chain(0, 7, 1001, 0xdeadbeef));
    assert_true(a != batch_chain(0, 7, 1000, 0xdeadbeee));
    assert_true(batch_chain(0, -1, 0, 0) != batch_chain(0, 0, 0, 0));
}

/* Worked out from the stored checksum or read through: the same number. */
static void test_whole_crc(void **state)
{
    static uint8_t bytes[40000];
    static const size_t lens[] = {61, 1000, 16383, 16384, 20001, 40000};
    struct rand r;
    (void)state;
    rand_init(&r, 20261121);
    rand_fill(&r, bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        struct slice s = slice_of(bytes, lens[i]);
        uint32_t stored =
            crc32c(bytes + BATCH_AT_ATTRIBUTES, lens[i] - BATCH_AT_ATTRIBUTES);
        assert_int_equal(batch_crc_whole(0, s, stored), crc32c(bytes, lens[i]));
        assert_int_equal(batch_crc_whole(0x12345678, s, stored),
                         crc32c_extend(0x12345678, bytes, lens[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_golden_checksums),
        cmocka_unit_test(test_truncations),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_setters_outside_checksum),
        cmocka_unit_test(test_append_time),
        cmocka_unit_test(test_append_time_keeps_damage),
        cmocka_unit_test(test_last_sequence_wraps),
        cmocka_unit_test(test_chain),
        cmocka_unit_test(test_whole_crc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
