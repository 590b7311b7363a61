/* What a Produce is answered: by acks, by what the batch looks like, by where
 * it goes, and by how the append ends. */
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "fake_records.h"
#include "record/batch.h"
#include "record/compress.h"
#include "wire/gen/produce.h"

#define ALL 11 /* the newest version */

/* One partition of a request; partitions of one topic stand together. */
struct ask {
    const char *topic;
    int32_t index;
    struct slice records;
};

static struct build_options plain;
static int32_t timeout_ms;

static int open_topic(void **state)
{
    plain = BUILD_OPTIONS_DEFAULT;
    timeout_ms = 1000;
    fake_records_open(state);
    fake_log("t");
    return 0;
}

static struct produce_response *send_to(int version, int16_t acks,
                                        const struct ask asks[], unsigned n)
{
    struct produce_request in;
    struct produce_request_topic_data topics[FAKE_MAX];
    struct produce_request_partition_data parts[FAKE_MAX];
    unsigned n_topics = 0;
    wire_init(&wire_produce_request, &in);
    memset(topics, 0, sizeof topics);
    for (unsigned i = 0; i < n; i++) {
        if (i == 0 || strcmp(asks[i].topic, asks[i - 1].topic) != 0) {
            topics[n_topics].name = slice_str(asks[i].topic);
            topics[n_topics++].partition_data.ptr = &parts[i];
        }
        topics[n_topics - 1].partition_data.n++;
        parts[i].index = asks[i].index;
        parts[i].records = asks[i].records;
    }
    in.acks = acks;
    in.timeout_ms = timeout_ms;
    in.topic_data.ptr = topics;
    in.topic_data.n = n_topics;
    return fake_run(&wire_produce_request, version, &in);
}

/* The i-th partition of an answer. */
static const struct produce_response_partition_response *
part(const struct produce_response *out, unsigned i)
{
    assert_non_null(out);
    assert_int_equal(out->throttle_time_ms, 0);
    for (uint32_t t = 0; t < out->responses.n; t++) {
        if (i < out->responses.ptr[t].partition_responses.n) {
            return &out->responses.ptr[t].partition_responses.ptr[i];
        }
        i -= out->responses.ptr[t].partition_responses.n;
    }
    fail();
    return NULL;
}

/* One batch to partition 0 of "t", acks=all. */
static const struct produce_response_partition_response *
send_one(int version, struct slice records)
{
    struct ask a = {"t", 0, records};
    return part(send_to(version, -1, &a, 1), 0);
}

static void expect_refused(int version, struct slice records, int16_t error)
{
    unsigned before = fake_records.n_produced;
    const struct produce_response_partition_response *p =
        send_one(version, records);
    assert_int_equal(p->error_code, error);
    assert_int_equal(p->base_offset, -1);
    assert_int_equal(p->log_append_time_ms, -1);
    assert_int_equal(p->log_start_offset, -1);
    assert_int_equal(fake_records.n_produced, before);
}

/* The same bytes with some of them changed. */
static struct slice patched(struct slice from, size_t at, const void *bytes,
                            size_t len)
{
    uint8_t *copy = arena_alloc(&fake_records.arena, from.len);
    memcpy(copy, from.data, from.len);
    memcpy(copy + at, bytes, len);
    return slice_of(copy, from.len);
}

/* The same, and the checksum is right again. */
static struct slice forged(struct slice from, size_t at, const void *bytes,
                           size_t len)
{
    struct slice s = patched(from, at, bytes, len);
    batch_set_crc((uint8_t *)(uintptr_t)s.data, s.len);
    return s;
}

static struct slice joined(struct slice a, struct slice b)
{
    uint8_t *copy = arena_alloc(&fake_records.arena, a.len + b.len);
    memcpy(copy, a.data, a.len);
    memcpy(copy + a.len, b.data, b.len);
    return slice_of(copy, a.len + b.len);
}

/* ---- what is taken ------------------------------------------------------- */

static void test_versions(void **state)
{
    (void)state;
    for (int v = 3; v <= ALL; v++) {
        const struct produce_response_partition_response *p =
            send_one(v, fake_batch(&plain, 3, 10));
        assert_int_equal(p->error_code, KERR_NONE);
        assert_int_equal(p->base_offset, 3 * (v - 3));
        assert_int_equal(p->log_append_time_ms, -1);
        assert_int_equal(p->log_start_offset, v >= 5 ? 0 : -1);
        assert_int_equal(p->record_errors.n, 0);
        assert_null(p->error_message.data);
        assert_int_equal(p->current_leader.leader_id, -1);
    }
    assert_int_equal(fake_records.produced[0].batch.record_count, 3);
}

/* They could carry formats that we do not have. */
static void test_old_versions(void **state)
{
    (void)state;
    for (int v = 0; v <= 2; v++) {
        expect_refused(v, fake_batch(&plain, 1, 10), KERR_UNSUPPORTED_VERSION);
    }
}

/* Leaders acknowledge what is committed, never less. */
static void test_acks_one(void **state)
{
    struct ask a = {"t", 0, fake_batch(&plain, 1, 10)};
    (void)state;
    fake_records.hold[0] = true;
    assert_int_equal(part(send_to(ALL, 1, &a, 1), 0)->error_code,
                     KERR_REQUEST_TIMED_OUT);
    assert_int_equal(part(send_to(ALL, 1, &a, 1), 0)->error_code, KERR_NONE);
}

static void test_acks_none(void **state)
{
    struct ask good = {"t", 0, fake_batch(&plain, 1, 10)};
    struct ask bad[2] = {good, {"absent", 0, good.records}};
    struct ask torn = {"t", 0, slice_of(good.records.data, 40)};
    (void)state;
    /* Nothing is said, and nobody waits. */
    assert_null(send_to(ALL, 0, &good, 1));
    assert_false(fake.closed);
    assert_int_equal(fake_records.n_produced, 1);
    assert_int_equal(fake_records.n_forgotten, 1);
    assert_int_equal(fake.now_ms, 1000);
    /* The end of the connection is all that such a client can be told. */
    assert_null(send_to(ALL, 0, bad, 2));
    assert_true(fake.closed);
    assert_int_equal(fake_records.n_produced, 2); /* the good one was taken */
    assert_null(send_to(ALL, 0, &torn, 1));
    assert_true(fake.closed);
    fake_records.produce_rv[2] = ERR_NOTLEADER;
    assert_null(send_to(ALL, 0, &good, 1));
    assert_true(fake.closed);
}

/* What has no place in the log yet gets one: nobody is told, and it is not
 * dropped, also when the client has gone meanwhile. */
static void test_acks_none_waits(void **state)
{
    struct ask a[2] = {{"t", 0, fake_batch(&plain, 1, 10)},
                       {"t", 0, fake_batch(&plain, 1, 10)}};
    (void)state;
    fake_records.late[1] = true;
    assert_null(send_to(ALL, 0, a, 2));
    assert_false(fake.closed);
    assert_int_equal(fake_records.n_produced, 2);
    assert_int_equal(fake_records.n_forgotten, 1); /* the other one */
    fake_records.late[2] = true;
    fake.hang_up = true;
    assert_null(send_to(ALL, 0, a, 1));
    fake.hang_up = false;
    assert_int_equal(fake_records.n_produced, 3);
    assert_int_equal(fake_records.n_forgotten, 1);
    assert_int_equal(fake.now_ms, 1000);
    /* There was none in the end. */
    fake_records.late[3] = true;
    fake_records.produce_status[3] = ERR_NOTLEADER;
    assert_null(send_to(ALL, 0, a, 1));
    assert_true(fake.closed);
}

static void test_acks_unknown(void **state)
{
    static const int16_t wrong[] = {7, 2, -2, INT16_MIN, INT16_MAX};
    struct ask a[2] = {{"t", 0, fake_batch(&plain, 1, 10)},
                       {"absent", 4, fake_batch(&plain, 1, 10)}};
    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        struct produce_response *out = send_to(ALL, wrong[i], a, 2);
        for (unsigned k = 0; k < 2; k++) {
            assert_int_equal(part(out, k)->error_code,
                             KERR_INVALID_REQUIRED_ACKS);
            assert_int_equal(part(out, k)->base_offset, -1);
            assert_int_equal(part(out, k)->index, a[k].index);
        }
    }
    assert_int_equal(fake_records.n_produced, 0);
}

/* ---- what the batch looks like ------------------------------------------- */

static void test_corrupt(void **state)
{
    struct slice good = fake_batch(&plain, 3, 100);
    static const uint8_t flip = 'x';
    (void)state;
    for (int v = 3; v <= ALL; v++) {
        expect_refused(v, patched(good, good.len - 1, &flip, 1),
                       KERR_CORRUPT_MESSAGE);
        expect_refused(v, patched(good, BATCH_AT_CRC, &flip, 1),
                       KERR_CORRUPT_MESSAGE);
    }
    assert_int_equal(send_one(ALL, good)->error_code, KERR_NONE);
}

static void test_magic(void **state)
{
    static const uint8_t magics[] = {0, 1, 3, 0xff};
    struct slice good = fake_batch(&plain, 1, 100);
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        expect_refused(ALL, patched(good, BATCH_AT_MAGIC, &magics[i], 1),
                       i < 2 ? KERR_INVALID_RECORD : KERR_CORRUPT_MESSAGE);
    }
}

static void test_counts(void **state)
{
    static const int32_t counts[] = {-1, 0, 2, 4, INT32_MIN, INT32_MAX};
    struct slice good = fake_batch(&plain, 3, 10);
    (void)state;
    for (unsigned i = 0; i < 6; i++) {
        uint8_t count[4], delta[4];
        be32_store(count, (uint32_t)counts[i]);
        be32_store(delta, (uint32_t)counts[i] - 1);
        /* Count and last offset disagree; then they agree on a lie. */
        expect_refused(ALL, forged(good, BATCH_AT_RECORD_COUNT, count, 4),
                       KERR_INVALID_RECORD);
        expect_refused(ALL,
                       forged(forged(good, BATCH_AT_RECORD_COUNT, count, 4),
                              BATCH_AT_LAST_OFFSET_DELTA, delta, 4),
                       KERR_INVALID_RECORD);
    }
}

static void test_not_one_batch(void **state)
{
    struct slice good = fake_batch(&plain, 1, 10);
    static const uint8_t zero[4] = {0};
    static const uint8_t huge[4] = {0x7f, 0xff, 0xff, 0xff};
    static const uint8_t negative[4] = {0xff, 0xff, 0xff, 0xff};
    (void)state;
    expect_refused(ALL, slice_of(NULL, 0), KERR_INVALID_RECORD);
    expect_refused(ALL, slice_of("", 0), KERR_INVALID_RECORD);
    expect_refused(ALL, slice_of(good.data, good.len - 1), KERR_INVALID_RECORD);
    expect_refused(ALL, slice_of(good.data, 20), KERR_INVALID_RECORD);
    expect_refused(ALL, joined(good, good), KERR_INVALID_RECORD);
    expect_refused(ALL, joined(good, slice_of("x", 1)), KERR_INVALID_RECORD);
    expect_refused(ALL, patched(good, BATCH_AT_LENGTH, zero, 4),
                   KERR_CORRUPT_MESSAGE);
    expect_refused(ALL, patched(good, BATCH_AT_LENGTH, huge, 4),
                   KERR_CORRUPT_MESSAGE);
    expect_refused(ALL, patched(good, BATCH_AT_LENGTH, negative, 4),
                   KERR_CORRUPT_MESSAGE);
}

static void test_too_large(void **state)
{
    struct partition *p = fake_partition("t");
    struct slice large = fake_batch(&plain, 1, 20000);
    char text[16];
    (void)state;
    fake_log_set(p, "segment.bytes", "16384");
    expect_refused(ALL, large, KERR_RECORD_LIST_TOO_LARGE);
    /* The batch as it is sent counts, to the byte. */
    snprintf(text, sizeof text, "%zu", large.len - 1);
    fake_log_set(p, "max.message.bytes", text);
    expect_refused(ALL, large, KERR_MESSAGE_TOO_LARGE);
    snprintf(text, sizeof text, "%zu", large.len);
    fake_log_set(p, "max.message.bytes", text);
    fake_log_set(p, "segment.bytes", "1048576");
    assert_int_equal(send_one(ALL, large)->error_code, KERR_NONE);
}

static void test_zstd_needs_seven(void **state)
{
    plain.codec = BATCH_CODEC_ZSTD;
    (void)state;
    for (int v = 3; v < 7; v++) {
        expect_refused(v, fake_batch(&plain, 1, 10),
                       KERR_UNSUPPORTED_COMPRESSION_TYPE);
    }
    assert_int_equal(send_one(7, fake_batch(&plain, 1, 10))->error_code,
                     KERR_NONE);
}

/* The record at fault is named where the version has room for it. */
static void test_record_error(void **state)
{
    struct slice late = fake_batch_at(&plain, 2, 10, 3600001);
    (void)state;
    for (int v = 3; v <= ALL; v++) {
        const struct produce_response_partition_response *p = send_one(v, late);
        assert_int_equal(p->error_code, KERR_INVALID_TIMESTAMP);
        assert_int_equal(p->record_errors.n, v >= 8 ? 1 : 0);
        if (v >= 8) {
            assert_int_equal(p->record_errors.ptr[0].batch_index, 0);
            assert_true(p->error_message.len > 0);
            assert_true(
                slice_equal(p->record_errors.ptr[0].batch_index_error_message,
                            p->error_message));
        } else {
            assert_null(p->error_message.data);
        }
    }
    expect_refused(ALL, late, KERR_INVALID_TIMESTAMP);
    assert_int_equal(
        send_one(ALL, fake_batch_at(&plain, 2, 10, 3600000))->error_code,
        KERR_NONE);
}

/* ---- what the topic wants ------------------------------------------------ */

static void test_append_time(void **state)
{
    const struct produce_response_partition_response *p;
    (void)state;
    fake_log_set(fake_partition("t"), "message.timestamp.type",
                 "LogAppendTime");
    p = send_one(ALL, fake_batch_at(&plain, 2, 10, -5000));
    assert_int_equal(p->error_code, KERR_NONE);
    assert_int_equal(p->log_append_time_ms, fake_records.wall_ms);
    assert_int_equal(fake_records.produced[0].batch.max_timestamp,
                     fake_records.wall_ms);
}

static void test_recompress(void **state)
{
    static const char *const names[] = {"uncompressed", "gzip", "snappy", "lz4",
                                        "zstd"};
    struct partition *p = fake_partition("t");
    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        unsigned k = fake_records.n_produced;
        plain.codec = i == 1 ? BATCH_CODEC_LZ4 : BATCH_CODEC_GZIP;
        fake_log_set(p, "compression.type", names[i]);
        assert_int_equal(send_one(ALL, fake_batch(&plain, 5, 900))->error_code,
                         KERR_NONE);
        assert_int_equal(batch_codec(&fake_records.produced[k].batch), i);
        assert_int_equal(fake_records.produced[k].batch.record_count, 5);
    }
    /* It may have become too large by that. */
    plain.codec = BATCH_CODEC_GZIP;
    fake_log_set(p, "compression.type", "uncompressed");
    fake_log_set(p, "max.message.bytes", "3000");
    expect_refused(ALL, fake_batch(&plain, 5, 900), KERR_MESSAGE_TOO_LARGE);
    /* Nobody can decompress this. */
    struct slice b = fake_batch(&plain, 5, 900);
    expect_refused(ALL, forged(b, BATCH_HEADER_LEN, "garbage", 7),
                   KERR_INVALID_RECORD);
}

/* ---- where it goes ------------------------------------------------------- */

/* A few kilobytes that become more than 32 MiB, where they are looked into. */
static void test_bombs(void **state)
{
    struct partition *p = fake_partition("t");
    (void)state;
    plain.codec = BATCH_CODEC_ZSTD;
    int n = (int)(COMPRESS_PLAIN_MAX / FAKE_LOG_BYTES) + 2;
    struct slice bomb = fake_batch(&plain, n, FAKE_LOG_BYTES);
    assert_int_equal(send_one(ALL, bomb)->error_code, KERR_NONE);
    fake_log_set(p, "compression.type", "gzip");
    expect_refused(ALL, bomb, KERR_MESSAGE_TOO_LARGE);
    fake_log_set(p, "compression.type", "producer");
    fake_log_set(p, "message.timestamp.before.max.ms", "3600000");
    expect_refused(ALL, bomb, KERR_MESSAGE_TOO_LARGE);
}

static void test_unknown(void **state)
{
    struct slice b = fake_batch(&plain, 1, 10);
    struct ask asks[] = {{"t", -1, b},        {"t", 1, b},
                         {"t", INT32_MAX, b}, {"t", INT32_MIN, b},
                         {"absent", 0, b},    {"", 0, b}};
    struct produce_response *out;
    (void)state;
    out = send_to(ALL, -1, asks, 6);
    for (unsigned i = 0; i < 6; i++) {
        assert_int_equal(part(out, i)->index, asks[i].index);
        assert_int_equal(part(out, i)->error_code,
                         KERR_UNKNOWN_TOPIC_OR_PARTITION);
    }
    assert_int_equal(fake_records.n_produced, 0);
    /* Before it serves, a node does not know what exists. */
    fake.serves = false;
    out = send_to(ALL, -1, asks, 6);
    for (unsigned i = 0; i < 6; i++) {
        assert_int_equal(part(out, i)->error_code, KERR_NOT_LEADER_OR_FOLLOWER);
    }
}

static void test_internal(void **state)
{
    struct ask a = {"__consumer_offsets", 0, fake_batch(&plain, 1, 10)};
    (void)state;
    fake_topic("__consumer_offsets", 1)->internal = true;
    assert_int_equal(part(send_to(ALL, -1, &a, 1), 0)->error_code,
                     KERR_INVALID_TOPIC_EXCEPTION);
    assert_int_equal(fake_records.n_produced, 0);
}

static void test_nothing(void **state)
{
    struct produce_response *out;
    (void)state;
    out = send_to(ALL, -1, NULL, 0);
    assert_non_null(out);
    assert_int_equal(out->responses.n, 0);
    assert_null(send_to(ALL, 0, NULL, 0));
    assert_false(fake.closed);
}

/* ---- how the append ends ------------------------------------------------- */

/* Each partition has its own fate, and its own place in the answer. */
static void test_mixed(void **state)
{
    struct slice b = fake_batch(&plain, 2, 10);
    static const uint8_t flip = 'x';
    struct ask asks[] = {{"a", 0, b}, {"a", 1, b},
                         {"b", 0, b}, {"t", 0, patched(b, b.len - 1, &flip, 1)},
                         {"c", 0, b}, {"none", 0, b},
                         {"t", 0, b}};
    static const int16_t errors[] = {KERR_NONE,
                                     KERR_NOT_LEADER_OR_FOLLOWER,
                                     KERR_OUT_OF_ORDER_SEQUENCE_NUMBER,
                                     KERR_CORRUPT_MESSAGE,
                                     KERR_REQUEST_TIMED_OUT,
                                     KERR_UNKNOWN_TOPIC_OR_PARTITION,
                                     KERR_NONE};
    struct produce_response *out;
    (void)state;
    fake_topic("a", 2); /* partition 1 is led by node 2 */
    fake_log("b");
    fake_log("c");
    fake_records.produce_rv[1] = ERR_SEQUENCE;
    fake_records.hold[2] = true;
    timeout_ms = 700;
    out = send_to(ALL, -1, asks, 7);
    assert_int_equal(out->responses.n, 6);
    for (unsigned i = 0; i < 7; i++) {
        assert_int_equal(part(out, i)->index, asks[i].index);
        assert_int_equal(part(out, i)->error_code, errors[i]);
        if (errors[i] != KERR_NONE) {
            assert_int_equal(part(out, i)->base_offset, -1);
        }
    }
    assert_int_equal(part(out, 0)->base_offset, 103);
    assert_int_equal(part(out, 0)->log_start_offset, 10);
    assert_int_equal(part(out, 1)->current_leader.leader_id, 2);
    assert_int_equal(part(out, 6)->base_offset, 0);
    assert_int_equal(fake.now_ms, 1700); /* as long as the client waits */
    assert_int_equal(fake_records.n_forgotten, 1);
}

struct end {
    int status;
    int16_t error;
};

static const struct end ends[] = {
    {ERR_SEQUENCE, KERR_OUT_OF_ORDER_SEQUENCE_NUMBER},
    {ERR_EPOCH, KERR_INVALID_PRODUCER_EPOCH},
    {ERR_NOTLEADER, KERR_NOT_LEADER_OR_FOLLOWER},
    {ERR_NOTREADY, KERR_NOT_LEADER_OR_FOLLOWER},
    {ERR_CLOSED, KERR_NOT_LEADER_OR_FOLLOWER},
    {ERR_TIMEOUT, KERR_REQUEST_TIMED_OUT},
    {ERR_FULL, KERR_NOT_ENOUGH_REPLICAS},
    {ERR_TOOBIG, KERR_MESSAGE_TOO_LARGE},
    {ERR_NOMEM, KERR_KAFKA_STORAGE_ERROR},
};

/* At once or later, an idempotent producer's too. */
static void test_ends(void **state)
{
    (void)state;
    plain.producer_id = 7000;
    plain.producer_epoch = 1;
    plain.base_sequence = 40;
    for (unsigned i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        for (unsigned later = 0; later <= 1; later++) {
            fake_records.n_produced = 0;
            fake_records.produce_rv[0] = later ? 0 : ends[i].status;
            fake_records.produce_status[0] = later ? ends[i].status : 0;
            const struct produce_response_partition_response *p =
                send_one(ALL, fake_batch(&plain, 2, 10));
            assert_int_equal(p->error_code, ends[i].error);
            assert_int_equal(p->base_offset, -1);
            assert_int_equal(fake_records.n_produced, 1);
            assert_int_equal(fake_records.produced[0].batch.producer_id, 7000);
            assert_int_equal(fake_records.produced[0].batch.base_sequence, 40);
        }
    }
}

/* A producer's id without a sequence is refused before anything is kept. */
static void test_producer_fields(void **state)
{
    static const uint8_t none[4] = {0xff, 0xff, 0xff, 0xff};
    struct slice b;
    (void)state;
    plain.producer_id = 7000;
    plain.producer_epoch = 0;
    plain.base_sequence = 0;
    b = fake_batch(&plain, 2, 10);
    expect_refused(ALL, forged(b, BATCH_AT_BASE_SEQUENCE, none, 4),
                   KERR_INVALID_RECORD);
    expect_refused(ALL, forged(b, BATCH_AT_PRODUCER_EPOCH, none, 2),
                   KERR_INVALID_RECORD);
}

/* Whoever gives no time gets the answer that nothing is known yet. */
/* Part of a transaction, though the request names none: refused as a whole, as
 * with an id that may not be used; the end of one, refused for itself. */
static void test_transactions(void **state)
{
    struct build_options o = plain;
    (void)state;
    o.producer_id = 5;
    o.producer_epoch = 0;
    o.base_sequence = 0;
    o.transactional = true;
    struct ask asks[] = {{"t", 0, fake_batch(&plain, 1, 5)},
                         {"t", 0, fake_batch(&o, 1, 5)}};
    for (int v = 3; v <= ALL; v++) {
        struct produce_response *out = send_to(v, -1, asks, 2);
        for (unsigned i = 0; i < 2; i++) {
            assert_int_equal(part(out, i)->error_code,
                             KERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
        }
    }
    const uint8_t control[2] = {0, BATCH_CONTROL};
    expect_refused(ALL,
                   forged(asks[0].records, BATCH_AT_ATTRIBUTES, control, 2),
                   KERR_INVALID_RECORD);
    assert_int_equal(fake_records.n_produced, 0);
}

static void test_timeouts(void **state)
{
    static const int32_t waits[] = {0, -5, INT32_MIN, 1, 60000};
    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        uint64_t from = fake.now_ms;
        fake_records.hold[fake_records.n_produced] = true;
        timeout_ms = waits[i];
        assert_int_equal(send_one(ALL, fake_batch(&plain, 1, 10))->error_code,
                         KERR_REQUEST_TIMED_OUT);
        assert_int_equal(fake.now_ms - from, waits[i] > 0 ? waits[i] : 0);
    }
    assert_int_equal(fake_records.n_forgotten, 5);
}

/* The client has gone: nobody waits for the append, which goes on. */
static void test_gone(void **state)
{
    struct ask a = {"t", 0, fake_batch(&plain, 1, 10)};
    (void)state;
    fake.hang_up = true;
    send_to(ALL, -1, &a, 1);
    assert_int_equal(fake_records.n_produced, 1);
    assert_int_equal(fake_records.n_forgotten, 1);
    assert_int_equal(fake.now_ms, 1000);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, open_topic, fake_records_close)
    const struct CMUnitTest tests[] = {
        T(test_versions),
        T(test_old_versions),
        T(test_acks_one),
        T(test_acks_none),
        T(test_acks_none_waits),
        T(test_acks_unknown),
        T(test_corrupt),
        T(test_magic),
        T(test_counts),
        T(test_not_one_batch),
        T(test_too_large),
        T(test_zstd_needs_seven),
        T(test_record_error),
        T(test_append_time),
        T(test_recompress),
        T(test_unknown),
        T(test_internal),
        T(test_nothing),
        T(test_mixed),
        T(test_ends),
        T(test_producer_fields),
        T(test_timeouts),
        T(test_gone),
        T(test_transactions),
        T(test_bombs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
