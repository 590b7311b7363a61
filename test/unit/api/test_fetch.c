/* What a Fetch is answered: where it may read, how much, how long it waits,
 * and what a log that has changed under the client looks like. Sessions have a
 * file of their own. */
#include <string.h>
#include <time.h>

#include "fake_fetch.h"

/* ---- reading ------------------------------------------------------------- */

/* Three batches of three records at 0, 3, 6; the last is not committed. */
static struct partition *three_batches(const char *topic)
{
    struct partition *p = fake_log(topic);
    fake_log_append(p, BATCH_CODEC_NONE, 3, 100);
    fake_log_append(p, BATCH_CODEC_GZIP, 3, 100);
    fake_log_commit(p);
    fake_log_append(p, BATCH_CODEC_NONE, 3, 100);
    return p;
}

static void test_versions(void **state)
{
    (void)state;
    three_batches("t");
    for (int v = 4; v <= 17; v++) {
        struct fetch_response *out;
        const struct fetch_response_partition *p;
        fetch_ask("t", 0, 4);
        out = fetch(v);
        p = fetch_part(out, 0);
        assert_int_equal(out->error_code, KERR_NONE);
        assert_int_equal(out->throttle_time_ms, 0);
        assert_int_equal(out->session_id, 0);
        assert_int_equal(p->error_code, KERR_NONE);
        assert_int_equal(p->high_watermark, 6);
        assert_int_equal(p->last_stable_offset, 6);
        assert_int_equal(p->log_start_offset, v >= 5 ? 0 : -1);
        assert_int_equal(p->preferred_read_replica, -1);
        /* From the batch that the offset lies in; committed ones only. */
        assert_int_equal(fetch_batches(p), 1);
        assert_int_equal(fetch_first(p), 3);
    }
}

/* The same from segments, and from what is in both. */
static void test_segments(void **state)
{
    struct partition *p = three_batches("t");
    (void)state;
    fake_log_flush(p);
    fake_log_append(p, BATCH_CODEC_NONE, 1, 100);
    fake_log_commit(p); /* 0, 3, 6 are flushed, 9 is in the tail */
    for (int64_t offset = 0; offset <= 9; offset++) {
        const struct fetch_response_partition *r;
        fetch_ask("t", 0, offset);
        r = fetch_part(fetch(17), 0);
        assert_int_equal(r->error_code, KERR_NONE);
        assert_int_equal(fetch_first(r), offset / 3 * 3);
        assert_int_equal(fetch_batches(r), offset < 9 ? 3 - offset / 3 : 1);
    }
    assert_int_equal(fake_records.n_reads, 9);
}

static void test_read_errors(void **state)
{
    static const struct {
        int status;
        int16_t error;
    } ends[] = {{ERR_IO, KERR_KAFKA_STORAGE_ERROR},
                {ERR_CORRUPT, KERR_KAFKA_STORAGE_ERROR},
                {ERR_RANGE, KERR_OFFSET_OUT_OF_RANGE}};
    struct partition *p = three_batches("t");
    (void)state;
    fake_log_flush(p);
    for (unsigned i = 0; i < 6; i++) {
        for (int v = 4; v <= 17; v++) {
            const struct fetch_response_partition *r;
            int16_t error = ends[i / 2].error;
            /* Older clients do not know of disks. */
            if (v < 6 && error == KERR_KAFKA_STORAGE_ERROR) {
                error = KERR_NOT_LEADER_OR_FOLLOWER;
            }
            fake_records.read_rv = i % 2 == 0 ? ends[i / 2].status : 0;
            fake_records.read_status = i % 2 == 1 ? ends[i / 2].status : 0;
            fetch_ask("t", 0, 0);
            r = fetch_part(fetch(v), 0);
            assert_int_equal(r->error_code, error);
            assert_int_equal(r->high_watermark, -1);
            assert_int_equal(fetch_batches(r), 0);
        }
    }
    assert_int_equal(fake.now_ms, 1000); /* errors do not wait */
}

/* No memory for a read is nothing a client must know of. */
static void test_read_again(void **state)
{
    struct partition *p = three_batches("t");
    (void)state;
    fake_log_flush(p);
    fake_records.read_rv = ERR_NOMEM;
    fetch_ask("t", 0, 0);
    assert_int_equal(fetch_batches(fetch_part(fetch(17), 0)), 2);
    assert_int_equal(fake_records.n_reads, 2);
    assert_in_range(fake.now_ms, 1001, 1050);
}

/* ---- where --------------------------------------------------------------- */

static void test_range(void **state)
{
    static const struct {
        int64_t offset;
        int16_t error;
    } at[] = {{-1, 1}, {0, 1}, {1, 1},  {2, 0},        {6, 0},
              {7, 0},  {9, 0}, {10, 1}, {INT64_MAX, 1}};
    struct partition *p = three_batches("t");
    (void)state;
    p->start = 2;
    for (unsigned i = 0; i < sizeof at / sizeof at[0]; i++) {
        const struct fetch_response_partition *r;
        fetch_ask("t", 0, at[i].offset);
        fetch_ask_wait = 0;
        r = fetch_part(fetch(17), 0);
        assert_int_equal(r->error_code, at[i].error);
        assert_int_equal(r->high_watermark, at[i].error ? -1 : 6);
        assert_int_equal(r->log_start_offset, at[i].error ? -1 : 2);
        /* What is not committed is not there, and no reason to reset. */
        assert_int_equal(fetch_batches(r), at[i].offset == 2 ? 2 : 0);
    }
}

/* One that was deposed and has yet to learn of it knows less than its client:
 * it must not send a consumer to its reset policy. */
static void test_old_leader(void **state)
{
    static const struct {
        int64_t offset;
        int32_t last_epoch, epoch; /* above the leader's by; -1: unknown */
        int status;
        int16_t error;
        unsigned barriers;
    } at[] = {
        {10, -1, -1, ERR_NOTLEADER, KERR_NOT_LEADER_OR_FOLLOWER, 1},
        {10, -1, -1, ERR_TIMEOUT, KERR_NOT_LEADER_OR_FOLLOWER, 1},
        {10, -1, -1, ERR_CANCELED, KERR_NOT_LEADER_OR_FOLLOWER, 1},
        {10, -1, -1, 0, KERR_OFFSET_OUT_OF_RANGE, 1},
        {9, -1, -1, ERR_NOTLEADER, KERR_NONE, 0},
        {-1, -1, -1, ERR_NOTLEADER, KERR_OFFSET_OUT_OF_RANGE, 0},
        {6, 1, -1, ERR_NOTLEADER, KERR_NOT_LEADER_OR_FOLLOWER, 1},
        {6, 0, -1, ERR_NOTLEADER, KERR_NONE, 0},
        /* Who knows the epoch is told without a question to others. */
        {10, 1, 1, ERR_NOTLEADER, KERR_UNKNOWN_LEADER_EPOCH, 0},
        {10, 0, 0, ERR_NOTLEADER, KERR_NOT_LEADER_OR_FOLLOWER, 1},
    };
    struct partition *p = three_batches("t");
    (void)state;
    for (unsigned i = 0; i < sizeof at / sizeof at[0]; i++) {
        const struct fetch_response_partition *r;
        p->barrier_status = at[i].status;
        p->barriers = 0;
        fetch_ask("t", 0, at[i].offset);
        fetch_ask_wait = 0;
        if (at[i].last_epoch >= 0) {
            fetch_ask_last_epoch = p->epoch + at[i].last_epoch;
        }
        if (at[i].epoch >= 0) {
            fetch_ask_epoch = p->epoch + at[i].epoch;
        }
        r = fetch_part(fetch(17), 0);
        assert_int_equal(r->error_code, at[i].error);
        assert_int_equal(p->barriers, at[i].barriers);
        assert_int_equal(r->diverging_epoch.epoch, -1);
    }
}

static void test_unknown(void **state)
{
    static const char *const names[] = {"t", "t", "absent"};
    static const int32_t numbers[] = {-1, 1, 0};
    (void)state;
    three_batches("t");
    for (int v = 4; v <= 17; v++) {
        for (int serves = 0; serves <= 1; serves++) {
            struct fetch_response *out;
            int16_t absent = v >= 13 ? KERR_UNKNOWN_TOPIC_ID
                                     : KERR_UNKNOWN_TOPIC_OR_PARTITION;
            fake.serves = serves;
            for (unsigned i = 0; i < 3; i++) {
                fetch_ask(names[i], numbers[i], 0);
            }
            out = fetch(v);
            for (unsigned i = 0; i < 3; i++) {
                int16_t error =
                    i < 2 ? KERR_UNKNOWN_TOPIC_OR_PARTITION : absent;
                /* Before it serves, a node does not know what exists. */
                assert_int_equal(fetch_part(out, i)->error_code,
                                 serves ? error : KERR_NOT_LEADER_OR_FOLLOWER);
            }
        }
    }
    assert_int_equal(fake.now_ms, 1000);
}

/* Brokers do not fetch here; anybody may look at any replica. */
static void test_replicas(void **state)
{
    struct partition *p = three_batches("t");
    (void)state;
    for (int v = 4; v <= 17; v++) {
        fetch_ask("t", 0, 0);
        fetch_ask_replica = 2;
        assert_null(fetch(v));
        assert_true(fake.closed);
        p->leads = false;
        fetch_ask("t", 0, 0);
        fetch_ask_replica = -1;
        assert_int_equal(fetch_part(fetch(v), 0)->error_code,
                         KERR_NOT_LEADER_OR_FOLLOWER);
        fetch_ask("t", 0, 0);
        fetch_ask_replica = -2;
        assert_int_equal(fetch_batches(fetch_part(fetch(v), 0)), 2);
        /* It may lag: that is no reason to reset. */
        fetch_ask("t", 0, 50);
        fetch_ask_replica = -2;
        assert_int_equal(fetch_part(fetch(v), 0)->error_code,
                         KERR_OFFSET_NOT_AVAILABLE);
        p->leads = true;
    }
}

/* ---- how much ------------------------------------------------------------ */

static void test_limits(void **state)
{
    struct fetch_response *out;
    (void)state;
    three_batches("a");
    three_batches("b");
    /* Both fit. */
    fetch_ask("a", 0, 0);
    fetch_ask("b", 0, 0);
    out = fetch(17);
    assert_int_equal(fetch_batches(fetch_part(out, 0)), 2);
    assert_int_equal(fetch_batches(fetch_part(out, 1)), 2);
    /* A first batch is never too large; others are. */
    for (unsigned i = 0; i < 2; i++) {
        fetch_ask("a", 0, 0);
        fetch_ask("b", 0, 0);
        fetch_ask_bytes = i == 0 ? 1 : 0;
        out = fetch(17);
        assert_int_equal(fetch_batches(fetch_part(out, 0)), 1);
        assert_int_equal(fetch_batches(fetch_part(out, 1)), 0);
        assert_int_equal(fetch_part(out, 1)->error_code, KERR_NONE);
        assert_int_equal(fetch_part(out, 1)->high_watermark, 6);
    }
    /* With nothing in the first, the second one's is not either. */
    fetch_ask("a", 0, 6);
    fetch_ask("b", 0, 0);
    fetch_ask_bytes = 1;
    out = fetch(17);
    assert_int_equal(fetch_batches(fetch_part(out, 0)), 0);
    assert_int_equal(fetch_batches(fetch_part(out, 1)), 1);
    /* A partition's own limit. */
    fetch_ask("a", 0, 0);
    fetch_ask("b", 0, 0);
    fetch_ask_part_bytes = 1;
    out = fetch(17);
    assert_int_equal(fetch_batches(fetch_part(out, 0)), 1);
    assert_int_equal(fetch_batches(fetch_part(out, 1)), 0);
    assert_int_equal(fetch_part(out, 1)->error_code, KERR_NONE);
    /* ... which is no limit for the first that has something. */
    fetch_ask("a", 0, 6);
    fetch_ask("b", 0, 0);
    fetch_ask_part_bytes = 1;
    out = fetch(17);
    assert_int_equal(fetch_batches(fetch_part(out, 1)), 1);
}

/* The same when both must be read from segments. */
static void test_limits_segments(void **state)
{
    struct fetch_response *out;
    (void)state;
    fake_log_flush(three_batches("a"));
    fake_log_flush(three_batches("b"));
    fetch_ask("a", 0, 0);
    fetch_ask("b", 0, 0);
    fetch_ask_bytes = 1;
    out = fetch(17);
    assert_int_equal(fetch_batches(fetch_part(out, 0)), 1);
    assert_int_equal(fetch_batches(fetch_part(out, 1)), 0);
}

/* A read of segments reserves the whole answer, and then has little to show:
 * what others have is not kept back until the time is up. */
static void test_reserved(void **state)
{
    struct fetch_response *out;
    (void)state;
    fake_log_flush(three_batches("a"));
    three_batches("b");
    fake_log_flush(three_batches("c"));
    three_batches("d");
    for (unsigned i = 0; i < 4; i++) {
        static const char *const names[] = {"a", "b", "c", "d"};
        fetch_ask(names[i], 0, 0);
    }
    fetch_ask_bytes = fetch_ask_part_bytes = 10000;
    fetch_ask_min = 1600; /* three and a half of them */
    out = fetch(17);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(fetch_batches(fetch_part(out, i)), 2);
    }
    assert_int_equal(fake.now_ms, 1000);
    /* What is really too much stays so. */
    fetch_ask("a", 0, 0);
    fetch_ask("b", 0, 0);
    fetch_ask_bytes = fetch_ask_part_bytes = 600;
    fetch_ask_min = 600;
    out = fetch(17);
    assert_int_equal(fetch_batches(fetch_part(out, 0)), 2);
    assert_int_equal(fetch_batches(fetch_part(out, 1)), 0);
    assert_int_equal(fake.now_ms, 1500);
}

/* The node's own limit. */
static void test_limit_of_node(void **state)
{
    struct partition *p = fake_log("t");
    (void)state;
    fake_set("fetch.max.bytes", "2000");
    for (int i = 0; i < 4; i++) {
        fake_log_append(p, BATCH_CODEC_NONE, 1, 900);
    }
    fake_log_commit(p);
    fetch_ask("t", 0, 0);
    fetch_ask_bytes = INT32_MAX;
    fetch_ask_min = INT32_MAX; /* of which that much is enough */
    assert_int_equal(fetch_batches(fetch_part(fetch(17), 0)), 2);
    assert_int_equal(fake.now_ms, 1500); /* less than that was there */
}

/* ---- how long ------------------------------------------------------------ */

static struct partition *awaited;

static void one_more(void)
{
    fake_log_append(awaited, BATCH_CODEC_NONE, 1, 100);
    fake_log_commit(awaited);
}

static void test_wait(void **state)
{
    static const int32_t waits[] = {0, -1, 1, 500};
    (void)state;
    awaited = fake_log("t");
    for (unsigned i = 0; i < 4; i++) {
        uint64_t from = fake.now_ms;
        fetch_ask("t", 0, 0);
        fetch_ask_wait = waits[i];
        assert_int_equal(fetch_batches(fetch_part(fetch(17), 0)), 0);
        assert_int_equal(fake.now_ms - from, waits[i] > 0 ? waits[i] : 0);
    }
    /* It is told at once. */
    uint64_t from = fake.now_ms;
    fake_records.parked = one_more;
    fetch_ask("t", 0, 0);
    assert_int_equal(fetch_batches(fetch_part(fetch(17), 0)), 1);
    assert_int_equal(fake.now_ms, from);
    /* Nothing to wait for. */
    fetch_ask_min = 0;
    fetch_ask("t", 0, 1);
    assert_int_equal(fetch_batches(fetch_part(fetch(17), 0)), 0);
    assert_int_equal(fetch(17)->responses.n, 0); /* no partitions */
    assert_int_equal(fake.now_ms, from);
}

static void test_wait_for_enough(void **state)
{
    (void)state;
    awaited = fake_log("t");
    one_more();
    fetch_ask("t", 0, 0);
    fetch_ask_min = 200; /* one batch is not enough, two are */
    fake_records.parked = one_more;
    assert_int_equal(fetch_batches(fetch_part(fetch(17), 0)), 2);
    assert_int_equal(fake.now_ms, 1000);
    fetch_ask("t", 0, 1);
    fetch_ask_min = 200;
    assert_int_equal(fetch_batches(fetch_part(fetch(17), 0)), 1);
    assert_int_equal(fake.now_ms, 1500);
}

static void test_wait_of_node(void **state)
{
    (void)state;
    fake_log("t");
    fake_set("fetch.max.wait.ms", "200");
    fetch_ask("t", 0, 0);
    fetch_ask_wait = INT32_MAX;
    assert_int_equal(fetch_part(fetch(17), 0)->error_code, KERR_NONE);
    assert_int_equal(fake.now_ms, 1200);
}

/* What one partition has to say ends the wait of all. */
static void test_error_ends_wait(void **state)
{
    struct fetch_response *out;
    (void)state;
    three_batches("t");
    fetch_ask("t", 0, 6);
    fetch_ask("t", 5, 0);
    out = fetch(17);
    assert_int_equal(fetch_part(out, 0)->error_code, KERR_NONE);
    assert_int_equal(fetch_part(out, 1)->error_code,
                     KERR_UNKNOWN_TOPIC_OR_PARTITION);
    assert_int_equal(fake.now_ms, 1000);
}

static void resign(void)
{
    awaited->leads = false;
    fake_log_commit(awaited);
}

static void vanish(void)
{
    fake_log_delete(awaited);
}

static void test_changes_end_wait(void **state)
{
    (void)state;
    awaited = fake_log("t");
    fake_records.parked = resign;
    fetch_ask("t", 0, 0);
    assert_int_equal(fetch_part(fetch(17), 0)->error_code,
                     KERR_NOT_LEADER_OR_FOLLOWER);
    awaited->leads = true;
    fake_records.parked = vanish;
    fetch_ask("t", 0, 0);
    assert_int_equal(fetch_part(fetch(17), 0)->error_code,
                     KERR_NOT_LEADER_OR_FOLLOWER);
    assert_int_equal(fake.now_ms, 1000);
}

/* The client goes while its request waits: nothing is left behind, which the
 * fake looks at. */
static void test_gone(void **state)
{
    (void)state;
    fake_log("t");
    fetch_ask("t", 0, 0);
    fake.hang_up = true;
    assert_null(fetch(17));
    assert_int_equal(fake.now_ms, 1000);
}

static void test_gone_reading(void **state)
{
    (void)state;
    fake_log_flush(three_batches("t"));
    fetch_ask("t", 0, 0);
    fake.hang_up = true;
    assert_null(fetch(17));
    assert_int_equal(fake_records.n_reads, 1);
}

/* While one partition is read from segments the others go on. */
static void test_moves_while_reading(void **state)
{
    struct fetch_response *out;
    (void)state;
    fake_log_flush(three_batches("a"));
    awaited = fake_log("b");
    fake_records.reading = one_more;
    fetch_ask("a", 0, 0);
    fetch_ask("b", 0, 0);
    fetch_ask_min = 600; /* more than there is in "a" */
    out = fetch(17);
    assert_int_equal(fetch_batches(fetch_part(out, 0)), 2);
    assert_int_equal(fetch_batches(fetch_part(out, 1)), 1);
    assert_int_equal(fake.now_ms, 1000);
}

/* ... or end: then nobody may wait for them any more. */
static void test_deleted_while_reading(void **state)
{
    (void)state;
    awaited = three_batches("t");
    fake_log_flush(awaited);
    fake_records.reading = vanish;
    fake_records.read_status = ERR_CANCELED;
    fetch_ask("t", 0, 0);
    assert_int_equal(fetch_part(fetch(17), 0)->error_code,
                     KERR_NOT_LEADER_OR_FOLLOWER);
    assert_int_equal(fake.now_ms, 1000);
}

/* ---- epochs -------------------------------------------------------------- */

static void test_epochs(void **state)
{
    (void)state;
    three_batches("t"); /* in epoch 5 */
    for (int v = 9; v <= 17; v++) {
        fetch_ask("t", 0, 0);
        fetch_ask_epoch = 4;
        assert_int_equal(fetch_part(fetch(v), 0)->error_code,
                         KERR_FENCED_LEADER_EPOCH);
        fetch_ask("t", 0, 0);
        fetch_ask_epoch = 6;
        assert_int_equal(fetch_part(fetch(v), 0)->error_code,
                         KERR_UNKNOWN_LEADER_EPOCH);
        fetch_ask("t", 0, 0);
        fetch_ask_epoch = 5;
        assert_int_equal(fetch_part(fetch(v), 0)->error_code, KERR_NONE);
    }
    assert_int_equal(fake.now_ms, 1000);
}

/* Epoch 4 and those before ended at 40, as the fake has it; 5 goes on to the
 * end, 103; below 2 nothing is known. */
static void test_diverging(void **state)
{
    static const struct {
        int64_t offset;
        int32_t epoch;
        int16_t error;
        int64_t diverges; /* at, -1: not */
    } at[] = {
        {30, 4, 0, -1},   {40, 4, 0, -1},  {41, 4, 0, 40},
        {100, 5, 0, -1},  {30, 1, 1, -1},  {30, 6, 1, -1},
        {30, -1, 0, -1},  {120, 4, 0, 40}, /* beyond our end: cut back, not
                                              reset */
        {5, 5, 1, -1},                     /* before our start */
        {120, 5, 0, 103},
    };
    (void)state;
    fake_topic("t", 1);
    for (unsigned i = 0; i < sizeof at / sizeof at[0]; i++) {
        for (int v = 11; v <= 17; v++) {
            const struct fetch_response_partition *p;
            bool tells = v >= 12 && at[i].diverges >= 0;
            fetch_ask("t", 0, at[i].offset);
            fetch_ask_last_epoch = at[i].epoch;
            fetch_ask_wait = 0;
            p = fetch_part(fetch(v), 0);
            if (v >= 12) {
                assert_int_equal(p->error_code, at[i].error);
            }
            assert_int_equal(p->diverging_epoch.end_offset,
                             tells ? at[i].diverges : -1);
            assert_int_equal(p->diverging_epoch.epoch,
                             tells ? at[i].epoch : -1);
        }
    }
    /* It is told at once. */
    uint64_t from = fake.now_ms;
    fetch_ask("t", 0, 41);
    fetch_ask_last_epoch = 4;
    assert_int_equal(fetch_part(fetch(12), 0)->diverging_epoch.end_offset, 40);
    assert_int_equal(fake.now_ms, from);
}

/* ---- zstd ---------------------------------------------------------------- */

/* Old clients get what stands before the first batch in zstd. */
static void expect_no_zstd(const char *topic, int64_t offset, unsigned n)
{
    for (int v = 4; v <= 17; v++) {
        const struct fetch_response_partition *p;
        uint64_t from = fake.now_ms;
        fetch_ask(topic, 0, offset);
        fetch_ask_min = INT32_MAX; /* waiting brings no more */
        p = fetch_part(fetch(v), 0);
        if (v >= 10) {
            assert_int_equal(p->error_code, KERR_NONE);
            assert_true(fetch_batches(p) > n);
            continue;
        }
        assert_int_equal(fake.now_ms, from);
        assert_int_equal(fetch_batches(p), n);
        assert_int_equal(p->error_code,
                         n > 0 ? KERR_NONE : KERR_UNSUPPORTED_COMPRESSION_TYPE);
        assert_int_equal(p->high_watermark, n > 0 ? 5 : -1);
    }
}

static struct partition *with_zstd(const char *topic)
{
    static const unsigned codecs[] = {BATCH_CODEC_NONE, BATCH_CODEC_LZ4,
                                      BATCH_CODEC_ZSTD, BATCH_CODEC_NONE,
                                      BATCH_CODEC_ZSTD};
    struct partition *p = fake_log(topic);
    for (unsigned i = 0; i < 5; i++) {
        fake_log_append(p, codecs[i], 1, 100);
    }
    fake_log_commit(p);
    return p;
}

static void test_zstd(void **state)
{
    static const unsigned before[] = {2, 1, 0, 1, 0};
    (void)state;
    with_zstd("tail");
    fake_log_flush(with_zstd("segment")); /* in one piece */
    for (int64_t offset = 0; offset < 5; offset++) {
        expect_no_zstd("tail", offset, before[offset]);
        expect_no_zstd("segment", offset, before[offset]);
    }
}

#define MANY_WITHOUT 120000
#define MANY         150000

/* So many that have nothing, and then some whose first batch is too large: the
 * first of those gives it, and it takes no time to say so of the others. */
static void test_many_too_large(void **state)
{
    struct fetch_request in;
    struct fetch_request_topic t = {.topic = slice_str("t")};
    const struct fetch_response *out;
    struct partition *p = fake_log("t");
    (void)state;
    fake_log_append(p, BATCH_CODEC_NONE, 3, 100);
    fake_log_commit(p);
    t.partitions.n = MANY;
    t.partitions.ptr = wire_elems_new(&fake_records.arena,
                                      &wire_fetch_request_partition, MANY);
    assert_non_null(t.partitions.ptr);
    for (unsigned i = 0; i < MANY; i++) {
        t.partitions.ptr[i].fetch_offset = i < MANY_WITHOUT ? p->end : 0;
    }
    wire_init(&wire_fetch_request, &in);
    in.replica_id = -1;
    in.max_bytes = 1 << 20;
    in.topics.ptr = &t;
    in.topics.n = 1;
    clock_t began = clock();
    out = fake_run(&wire_fetch_request, 11, &in);
    assert_true(clock() - began < 4 * CLOCKS_PER_SEC);
    assert_int_equal(fetch_parts(out), MANY);
    for (unsigned i = MANY_WITHOUT - 1; i < MANY_WITHOUT + 2; i++) {
        assert_int_equal(out->responses.ptr[0].partitions.ptr[i].records.len >
                             0,
                         i == MANY_WITHOUT);
    }
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, fetch_open, fake_records_close)
    const struct CMUnitTest tests[] = {
        T(test_versions),
        T(test_segments),
        T(test_read_errors),
        T(test_read_again),
        T(test_range),
        T(test_old_leader),
        T(test_unknown),
        T(test_replicas),
        T(test_limits),
        T(test_limits_segments),
        T(test_reserved),
        T(test_limit_of_node),
        T(test_wait),
        T(test_wait_for_enough),
        T(test_wait_of_node),
        T(test_error_ends_wait),
        T(test_changes_end_wait),
        T(test_gone),
        T(test_gone_reading),
        T(test_moves_while_reading),
        T(test_deleted_while_reading),
        T(test_epochs),
        T(test_diverging),
        T(test_zstd),
        T(test_many_too_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
