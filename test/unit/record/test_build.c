/* test_build.c - what is built is viewed, validated and iterated the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "record/iterate.h"
#include "record/validate.h"
#include "sample.h"

static struct mem *mem;
static struct buf out;

static int setup(void **state)
{
    (void)state;
    mem = mem_new(0);
    buf_init(&out, mem, 0);
    return mem == NULL;
}

static int teardown(void **state)
{
    (void)state;
    buf_close(&out);
    assert_int_equal(mem_blocks(mem), 0);
    mem_free_all(mem);
    return 0;
}

static struct batch view(size_t at)
{
    struct batch b;
    assert_int_equal(batch_view(slice_of(out.data + at, out.len - at), &b), 0);
    assert_int_equal(batch_check_crc(&b), 0);
    return b;
}

/* The hand-made batch, built: byte for byte the same. */
static void test_hand(void **state)
{
    struct record_header h = {.key = slice_str("h"), .value_null = true};
    struct build_record r[3] = {
        {.timestamp = 1000,
         .key = slice_str("k1"),
         .value = slice_str("v1"),
         .n_headers = 1,
         .headers = &h},
        {.timestamp = 995, .key_null = true},
        {.timestamp = 1300, .value_null = true},
    };
    struct build_options o = BUILD_OPTIONS_DEFAULT;
    struct build b;
    int i;
    (void)state;
    o.base_offset = 500;
    o.leader_epoch = 9;
    o.transactional = true;
    o.producer_id = 77;
    o.producer_epoch = 3;
    o.base_sequence = 40;
    build_init(&b, mem, &o);
    for (i = 0; i < 3; i++) {
        assert_int_equal(build_append(&b, &r[i]), 0);
    }
    assert_int_equal(build_finish(&b, &out), 0);
    assert_int_equal(out.len, sizeof golden_hand);
    assert_memory_equal(out.data, golden_hand, sizeof golden_hand);
    assert_int_equal(b.options.base_offset, 503);
    assert_int_equal(b.options.base_sequence, 43);
    build_close(&b);
}

static void records_compare(const struct batch *x, const struct batch *y)
{
    struct records ix;
    struct records iy;
    struct record rx;
    struct record ry;
    int n = 0;
    assert_int_equal(records_open(&ix, x, mem, 1 << 20), 0);
    assert_int_equal(records_open(&iy, y, mem, 1 << 20), 0);
    while (records_next(&ix, &rx) == 0) {
        assert_int_equal(records_next(&iy, &ry), 0);
        assert_int_equal(rx.offset, ry.offset);
        assert_int_equal(rx.timestamp, ry.timestamp);
        assert_int_equal(rx.key_null, ry.key_null);
        assert_int_equal(rx.value_null, ry.value_null);
        assert_true(slice_equal(rx.key, ry.key));
        assert_true(slice_equal(rx.value, ry.value));
        assert_true(slice_equal(rx.headers, ry.headers));
        n++;
    }
    assert_int_equal(n, x->record_count);
    assert_int_equal(ix.status, ERR_EOF);
    assert_int_equal(records_next(&iy, &ry), ERR_EOF);
    records_close(&ix);
    records_close(&iy);
}

/* The same records by every codec: valid, and equal to those by none. */
static void test_codecs_agree(void **state)
{
    uint64_t seed;
    (void)state;
    for (seed = 1; seed <= 20; seed++) {
        struct batch_rules rules = batch_rules_default;
        struct batch_reject why;
        size_t at[BATCH_CODECS];
        unsigned codec;
        buf_reset(&out);
        rules.mem = mem;
        rules.now_ms = 1000000;
        rules.inspect_compressed = true;
        for (codec = 0; codec < BATCH_CODECS; codec++) {
            struct build_options o = BUILD_OPTIONS_DEFAULT;
            struct build b;
            o.codec = codec;
            at[codec] = out.len;
            build_init(&b, mem, &o);
            sample_fill(&b, (int)(seed * seed), seed);
            assert_int_equal(build_finish(&b, &out), 0);
            build_close(&b);
        }
        for (codec = 0; codec < BATCH_CODECS; codec++) {
            struct batch none = view(at[0]);
            struct batch x = view(at[codec]);
            struct batch ret;
            assert_int_equal(batch_codec(&x), codec);
            assert_int_equal(x.record_count, seed * seed);
            assert_int_equal(batch_validate(x.bytes, &rules, &ret, &why), 0);
            assert_int_equal(ret.max_timestamp, x.max_timestamp);
            records_compare(&none, &x);
        }
    }
}

static void test_recompress(void **state)
{
    unsigned from;
    unsigned to;
    (void)state;
    for (from = 1; from < 6; from++) {
        for (to = 0; to < BATCH_CODECS; to++) {
            struct batch a;
            struct batch b;
            buf_reset(&out);
            assert_int_equal(batch_view(samples[from].bytes, &a), 0);
            assert_int_equal(build_recompress(&a, to, COMPRESS_LEVEL_DEFAULT,
                                              mem, 4000, &out),
                             0);
            b = view(0);
            assert_int_equal(batch_codec(&b), to);
            assert_int_equal(b.max_timestamp, a.max_timestamp);
            records_compare(&a, &b);
            assert_int_equal(build_recompress(&a, to, COMPRESS_LEVEL_DEFAULT,
                                              mem, 801, &out),
                             ERR_TOOBIG);
            assert_int_equal(out.len, b.length);
        }
    }
    assert_int_equal(
        build_recompress(&(struct batch){.bytes = samples[0].bytes,
                                         .length = sizeof golden_hand},
                         6, 0, mem, 4000, &out),
        ERR_UNSUPPORTED);
}

/* A commit marker, written down from the format: key 0000 0001, value 0000 and
 * the coordinator's epoch. */
static void test_control(void **state)
{
    static const uint8_t want[] = {0x20, 0, 0, 0, 8, 0, 0, 0, 1,
                                   12,   0, 0, 0, 0, 0, 5, 0};
    struct build_control c = {.type = BUILD_COMMIT,
                              .base_offset = 88,
                              .leader_epoch = 4,
                              .timestamp = 123456,
                              .producer_id = 9,
                              .producer_epoch = 2,
                              .coordinator_epoch = 5};
    struct build_control_view v;
    struct batch b;
    (void)state;
    assert_int_equal(build_control(&c, &out), 0);
    b = view(0);
    assert_true(batch_is_control(&b));
    assert_true(batch_is_transactional(&b));
    assert_int_equal(b.base_sequence, -1);
    assert_int_equal(b.last_offset_delta, 0);
    assert_int_equal(b.record_count, 1);
    assert_int_equal(b.max_timestamp, 123456);
    assert_int_equal(batch_records(&b).len, sizeof want);
    assert_memory_equal(batch_records(&b).data, want, sizeof want);
    assert_int_equal(build_control_read(&b, &v), 0);
    assert_int_equal(v.type, BUILD_COMMIT);
    assert_int_equal(v.coordinator_epoch, 5);
    out.data[BATCH_HEADER_LEN + 8] = 2; /* leader change */
    assert_int_equal(build_control_read(&b, &v), ERR_VERSION);
    assert_int_equal(v.type, 2);
    assert_int_equal(batch_view(samples[0].bytes, &b), 0);
    assert_int_equal(build_control_read(&b, &v), ERR_INVALID);
}

static void test_gaps(void **state)
{
    struct build_options o = BUILD_OPTIONS_DEFAULT;
    struct build_record r = {.timestamp = 10, .value = slice_str("v")};
    struct records it;
    struct record got;
    struct build b;
    struct batch x;
    (void)state;
    o.base_offset = 100;
    build_init(&b, mem, &o);
    assert_int_equal(build_finish(&b, &out), ERR_INVALID);
    assert_int_equal(build_append_at(&b, &r, 3), 0);
    assert_int_equal(build_append_at(&b, &r, 3), ERR_INVALID);
    assert_int_equal(build_append_at(&b, &r, INT32_MAX), ERR_INVALID);
    assert_int_equal(build_append_at(&b, &r, 7), 0);
    assert_int_equal(build_end_at(&b, 6), ERR_INVALID);
    assert_int_equal(build_end_at(&b, 9), 0);
    assert_int_equal(build_finish(&b, &out), 0);
    x = view(0);
    assert_int_equal(x.record_count, 2);
    assert_int_equal(batch_next_offset(&x), 110);
    assert_int_equal(records_open(&it, &x, mem, 0), 0);
    assert_int_equal(records_next(&it, &got), 0);
    assert_int_equal(got.offset, 103);
    assert_int_equal(records_next(&it, &got), 0);
    assert_int_equal(got.offset, 107);
    assert_int_equal(records_next(&it, &got), ERR_EOF);
    records_close(&it);
    /* All records gone, the offsets stay. */
    assert_int_equal(build_end_at(&b, 0), 0);
    assert_int_equal(build_finish(&b, &out), 0);
    x = view(x.length);
    assert_int_equal(x.base_offset, 110);
    assert_int_equal(x.record_count, 0);
    assert_int_equal(x.max_timestamp, BATCH_NO_TIMESTAMP);
    build_close(&b);
}

static void test_limit(void **state)
{
    struct build_options o = BUILD_OPTIONS_DEFAULT;
    struct build_record r = {.timestamp = 10, .value = slice_str("0123456789")};
    struct build b;
    struct batch x;
    int n = 0;
    (void)state;
    o.bytes_max = 100;
    build_init(&b, mem, &o);
    while (build_append(&b, &r) == 0) {
        n++;
    }
    assert_int_equal(n, 100 / 17);
    assert_int_equal(build_append(&b, &r), ERR_FULL);
    r.value.len = 1;
    assert_int_equal(build_append(&b, &r), 0);
    assert_int_equal(build_finish(&b, &out), 0);
    x = view(0);
    assert_int_equal(x.record_count, n + 1);
    build_close(&b);
}

static void test_options(void **state)
{
    struct build_options o = BUILD_OPTIONS_DEFAULT;
    struct build b;
    (void)state;
    build_init(&b, mem, &o);
    sample_fill(&b, 2, 1);
    b.options.transactional = true;
    assert_int_equal(build_finish(&b, &out), ERR_INVALID);
    b.options.producer_id = 5;
    assert_int_equal(build_finish(&b, &out), ERR_INVALID);
    b.options.producer_epoch = 0;
    b.options.base_sequence = INT32_MAX;
    b.options.codec = 5;
    assert_int_equal(build_finish(&b, &out), ERR_UNSUPPORTED);
    b.options.codec = BATCH_CODEC_GZIP;
    b.options.level = 44;
    assert_int_equal(build_finish(&b, &out), ERR_INVALID);
    assert_int_equal(out.len, 0);
    b.options.level = 9;
    assert_int_equal(build_finish(&b, &out), 0);
    assert_int_equal(b.options.base_sequence, 1);
    build_close(&b);
}

/* Every allocation fails once, and then for ever. */
static void test_out_of_memory(void **state)
{
    int for_ever;
    (void)state;
    for (for_ever = 0; for_ever < 2; for_ever++) {
        uint64_t n;
        int fired = 1;
        for (n = 1; fired; n++) {
            struct build_options o = BUILD_OPTIONS_DEFAULT;
            struct build b;
            int rv;
            o.codec = BATCH_CODEC_GZIP;
            buf_close(&out);
            buf_init(&out, mem, 0);
            build_init(&b, mem, &o);
            mem_fail_at(mem, n, for_ever);
            sample_fill(&b, 50, 1);
            rv = build_finish(&b, &out);
            fired = mem_fail_fired(mem);
            mem_fail_at(mem, 0, 0);
            if (rv == 0) {
                assert_int_equal(view(0).length, out.len);
            } else {
                assert_true(fired);
                assert_int_equal(out.len, 0);
            }
            build_close(&b);
        }
        assert_true(n > 3);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_hand),    TEST(test_codecs_agree),  TEST(test_recompress),
        TEST(test_control), TEST(test_gaps),          TEST(test_limit),
        TEST(test_options), TEST(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
