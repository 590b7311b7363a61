/* test_validate.c - every refusal, its number, and which one comes first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/err.h"
#include "record/validate.h"
#include "sample.h"

static struct mem *mem;
static struct batch_rules rules;
static uint8_t bytes[2048];
static size_t len;
static struct batch_reject why;
static struct batch got;

static void load(unsigned sample)
{
    len = samples[sample].bytes.len;
    memcpy(bytes, samples[sample].bytes.data, len);
}

static int setup(void **state)
{
    (void)state;
    mem = mem_new(0);
    rules = batch_rules_default;
    rules.mem = mem;
    rules.now_ms = 1000;
    load(0);
    return mem == NULL;
}

static int teardown(void **state)
{
    (void)state;
    assert_int_equal(mem_blocks(mem), 0);
    mem_free_all(mem);
    return 0;
}

/* What Kafka would answer. */
static int judge(void)
{
    int rv = batch_validate(slice_of(bytes, len), &rules, &got, &why);
    assert_int_equal(rv == 0, why.refusal == BATCH_ACCEPTED);
    assert_int_equal(rv == 0, why.text.text[0] == 0);
    return why.refusal;
}

/* The same after a change under the checksum. */
static int judge_signed(void)
{
    batch_set_crc(bytes, len);
    return judge();
}

static void test_accepts(void **state)
{
    unsigned i;
    (void)state;
    rules.now_ms = 1700000000000;
    for (i = 0; i < N_SAMPLES; i++) {
        load(i);
        assert_int_equal(judge(), 0);
        assert_int_equal(got.length, len);
        rules.inspect_compressed = !rules.inspect_compressed;
        assert_int_equal(judge(), 0);
    }
}

static void test_payload(void **state)
{
    (void)state;
    len = 0;
    assert_int_equal(judge(), 87);
    len = 16;
    assert_int_equal(judge(), 87);
    len = sizeof golden_hand - 1;
    assert_int_equal(judge(), 87);
    len = sizeof golden_hand;
    be32_store(bytes + BATCH_AT_LENGTH, 13);
    assert_int_equal(judge(), 2);
    be32_store(bytes + BATCH_AT_LENGTH, UINT32_MAX);
    assert_int_equal(judge(), 2);
    be32_store(bytes + BATCH_AT_LENGTH, INT32_MAX);
    assert_int_equal(judge(), 2);
    /* A batch too short for its own header, and nothing else. */
    be32_store(bytes + BATCH_AT_LENGTH, 48);
    len = 60;
    assert_int_equal(judge(), 2);
    be32_store(bytes + BATCH_AT_LENGTH, 14);
    len = 26;
    assert_int_equal(judge(), 2);
}

static void test_old_formats(void **state)
{
    (void)state;
    bytes[BATCH_AT_MAGIC] = 3;
    assert_int_equal(judge(), 2);
    bytes[BATCH_AT_MAGIC] = 1;
    assert_int_equal(judge(), 87);
    bytes[BATCH_AT_MAGIC] = 0;
    assert_int_equal(judge(), 87);
    rules.produce_version = 2;
    assert_int_equal(judge(), 35);
    bytes[BATCH_AT_MAGIC] = 2;
    assert_int_equal(judge(), 35);
    rules.produce_version = 3;
    assert_int_equal(judge(), 0);
}

static void test_codecs(void **state)
{
    (void)state;
    rules.now_ms = 1700000000000;
    load(5);
    rules.produce_version = 6;
    assert_int_equal(judge(), 76);
    rules.produce_version = 7;
    assert_int_equal(judge(), 0);
    bytes[BATCH_AT_ATTRIBUTES + 1] = 5;
    assert_int_equal(judge_signed(), 76);
}

static void test_one_batch(void **state)
{
    (void)state;
    memcpy(bytes + len, golden_hand, len);
    len *= 2;
    assert_int_equal(judge(), 87);
    len = sizeof golden_hand + 1;
    assert_int_equal(judge(), 87);
}

static void test_base_offset(void **state)
{
    (void)state;
    assert_int_equal(judge(), 0);
    rules.strict = true;
    assert_int_equal(judge(), 87);
    batch_set_base_offset(bytes, 0);
    assert_int_equal(judge(), 0);
}

static void test_size_and_checksum(void **state)
{
    (void)state;
    rules.max_message_bytes = len;
    assert_int_equal(judge(), 0);
    rules.max_message_bytes = len - 1;
    bytes[len - 1] ^= 1;
    assert_int_equal(judge(), 10);
    rules.max_message_bytes = len;
    assert_int_equal(judge(), 2);
}

static void test_counts(void **state)
{
    (void)state;
    be32_store(bytes + BATCH_AT_RECORD_COUNT, 2);
    assert_int_equal(judge_signed(), 87);
    be32_store(bytes + BATCH_AT_LAST_OFFSET_DELTA, 1);
    assert_int_equal(judge_signed(), 87); /* bytes behind the records */
    be32_store(bytes + BATCH_AT_RECORD_COUNT, 4);
    be32_store(bytes + BATCH_AT_LAST_OFFSET_DELTA, 3);
    assert_int_equal(judge_signed(), 87);
    assert_int_equal(why.record, 3);
    be32_store(bytes + BATCH_AT_RECORD_COUNT, 0);
    be32_store(bytes + BATCH_AT_LAST_OFFSET_DELTA, UINT32_MAX);
    assert_int_equal(judge_signed(), 87);
    be32_store(bytes + BATCH_AT_RECORD_COUNT, 0x80000000);
    be32_store(bytes + BATCH_AT_LAST_OFFSET_DELTA, INT32_MAX);
    assert_int_equal(judge_signed(), 87);
}

static int judge_attributes(uint16_t attributes)
{
    be16_store(bytes + BATCH_AT_ATTRIBUTES, attributes);
    return judge_signed();
}

static void test_attributes(void **state)
{
    (void)state;
    assert_int_equal(judge_attributes(BATCH_CONTROL), 87);
    assert_int_equal(judge_attributes(BATCH_DELETE_HORIZON), 87);
    assert_int_equal(judge_attributes(BATCH_APPEND_TIME), 32);
    assert_int_equal(judge_attributes(0), 0);
}

static void test_producer(void **state)
{
    (void)state;
    be32_store(bytes + BATCH_AT_BASE_SEQUENCE, UINT32_MAX);
    assert_int_equal(judge_signed(), 87);
    be32_store(bytes + BATCH_AT_BASE_SEQUENCE, 0);
    be16_store(bytes + BATCH_AT_PRODUCER_EPOCH, UINT16_MAX);
    assert_int_equal(judge_signed(), 87);
    be64_store(bytes + BATCH_AT_PRODUCER_ID, UINT64_MAX);
    assert_int_equal(judge_signed(), 87); /* still transactional */
    assert_int_equal(judge_attributes(0), 0);
}

static void test_times(void **state)
{
    (void)state;
    rules.after_max_ms = 300; /* the newest is 1300 */
    assert_int_equal(judge(), 0);
    rules.after_max_ms = 299;
    assert_int_equal(judge(), 32);
    assert_int_equal(why.record, 2);
    rules.time_type = BATCH_TIME_APPEND;
    assert_int_equal(judge(), 0);
    rules.time_type = BATCH_TIME_CREATE;
    rules.after_max_ms = INT64_MAX;
    rules.before_max_ms = 5; /* the oldest is 995 */
    assert_int_equal(judge(), 0);
    rules.before_max_ms = 4;
    assert_int_equal(judge(), 32);
    assert_int_equal(why.record, 1);
    rules.before_max_ms = BATCH_AGE_UNLIMITED;
    be64_store(bytes + BATCH_AT_BASE_TIMESTAMP, INT64_MAX - 100);
    assert_int_equal(judge_signed(), 32); /* overflows */
    assert_int_equal(why.record, 2);
}

/* No timestamp is not an old one. */
static void test_no_timestamp(void **state)
{
    struct build_options o = BUILD_OPTIONS_DEFAULT;
    struct build_record r = {.timestamp = BATCH_NO_TIMESTAMP};
    struct build b;
    struct buf out;
    (void)state;
    buf_init(&out, mem, 0);
    build_init(&b, mem, &o);
    assert_int_equal(build_append(&b, &r), 0);
    assert_int_equal(build_finish(&b, &out), 0);
    len = out.len;
    memcpy(bytes, out.data, len);
    rules.now_ms = 1700000000000;
    rules.before_max_ms = 1;
    assert_int_equal(judge(), 0);
    assert_int_equal(got.max_timestamp, BATCH_NO_TIMESTAMP);
    build_close(&b);
    buf_close(&out);
}

/* Compressed: the header's newest time, or every record if the rules need
 * the oldest. */
static void test_compressed_times(void **state)
{
    unsigned i;
    (void)state;
    for (i = 2; i < 6; i++) {
        load(i);
        rules.before_max_ms = BATCH_AGE_UNLIMITED;
        rules.now_ms = 1700000000021 - 3600 * 1000;
        assert_int_equal(judge(), 0);
        rules.now_ms--;
        assert_int_equal(judge(), 32);
        rules.now_ms = 1700000001000;
        rules.before_max_ms = 1000;
        assert_int_equal(judge(), 0);
        rules.before_max_ms = 999;
        assert_int_equal(judge(), 32);
        assert_int_equal(why.record, 0);
    }
}

static void test_compacted(void **state)
{
    unsigned i;
    (void)state;
    rules.compacted = true;
    assert_int_equal(judge(), 87);
    assert_int_equal(why.record, 1);
    rules.now_ms = 1700000000000;
    for (i = 1; i < N_SAMPLES; i++) {
        load(i);
        assert_int_equal(judge(), 87);
        assert_int_equal(why.record, 2);
    }
}

static void test_offsets_consecutive(void **state)
{
    (void)state;
    /* The second record's offset delta, 1, becomes 2. */
    assert_int_equal(bytes[61 + 14 + 3], 2);
    bytes[61 + 14 + 3] = 4;
    assert_int_equal(judge_signed(), 87);
    assert_int_equal(why.record, 1);
}

static void test_poison(void **state)
{
    unsigned i;
    (void)state;
    rules.now_ms = 1700000000000;
    for (i = 2; i < 6; i++) {
        load(i);
        memset(bytes + BATCH_HEADER_LEN, 0x55, len - BATCH_HEADER_LEN);
        assert_int_equal(judge_signed(), 0); /* the header is fine */
        rules.inspect_compressed = true;
        assert_int_equal(judge_signed(), 87);
        rules.inspect_compressed = false;
    }
}

static void test_bombs(void **state)
{
    unsigned i;
    (void)state;
    rules.now_ms = 1700000000000;
    rules.inspect_compressed = true;
    for (i = 2; i < 6; i++) {
        load(i);
        rules.plain_bytes_max = 802;
        assert_int_equal(judge(), 0);
        rules.plain_bytes_max = 801;
        assert_int_equal(judge(), 10);
        rules.plain_bytes_max = 802;
        be32_store(bytes + BATCH_AT_RECORD_COUNT, 1 << 20);
        be32_store(bytes + BATCH_AT_LAST_OFFSET_DELTA, (1 << 20) - 1);
        assert_int_equal(judge_signed(), 10);
    }
    load(2);
    rules.plain_bytes_max = 802;
    mem_fail_at(mem, 1, 1);
    assert_int_equal(judge(), 56);
    mem_fail_at(mem, 0, 0);
}

static void test_settle(void **state)
{
    struct batch again;
    (void)state;
    /* A wrong max timestamp is corrected, under the checksum. */
    be64_store(bytes + BATCH_AT_MAX_TIMESTAMP, 5);
    assert_int_equal(judge_signed(), 0);
    assert_int_equal(got.max_timestamp, 1300);
    batch_settle(bytes, &got, &rules);
    assert_int_equal(got.max_timestamp, 1300);
    assert_int_equal(batch_check_crc(&got), 0);
    assert_memory_equal(bytes, golden_hand, len);
    /* A right one is left alone. */
    batch_settle(bytes, &got, &rules);
    assert_memory_equal(bytes, golden_hand, len);
    rules.time_type = BATCH_TIME_APPEND;
    rules.now_ms = 777;
    assert_int_equal(judge(), 0);
    batch_settle(bytes, &got, &rules);
    assert_int_equal(batch_view(slice_of(bytes, len), &again), 0);
    assert_int_equal(again.max_timestamp, 777);
    assert_int_equal(batch_time_type(&again), BATCH_TIME_APPEND);
    assert_int_equal(batch_check_crc(&again), 0);
    assert_int_equal(got.max_timestamp, 777);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_accepts),
        TEST(test_payload),
        TEST(test_old_formats),
        TEST(test_codecs),
        TEST(test_one_batch),
        TEST(test_base_offset),
        TEST(test_size_and_checksum),
        TEST(test_counts),
        TEST(test_attributes),
        TEST(test_producer),
        TEST(test_times),
        TEST(test_no_timestamp),
        TEST(test_compressed_times),
        TEST(test_compacted),
        TEST(test_offsets_consecutive),
        TEST(test_poison),
        TEST(test_bombs),
        TEST(test_settle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
