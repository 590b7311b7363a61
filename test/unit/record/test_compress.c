/* test_compress.c - codecs: both ways, limits, damage, bombs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/err.h"
#include "record/compress.h"
#include "sample.h"

static struct mem *mem;
static struct buf packed;
static struct buf plain;

static int setup(void **state)
{
    (void)state;
    mem = mem_new(0);
    buf_init(&packed, mem, 0);
    buf_init(&plain, mem, 0);
    return mem == NULL;
}

static int teardown(void **state)
{
    (void)state;
    buf_close(&packed);
    buf_close(&plain);
    assert_int_equal(mem_blocks(mem), 0);
    mem_free_all(mem);
    return 0;
}

static uint8_t *text_make(size_t len, uint64_t seed)
{
    uint8_t *p = mem_alloc(mem, len + 1);
    struct rand r;
    size_t i;
    assert_non_null(p);
    rand_init(&r, seed);
    for (i = 0; i < len; i++) {
        p[i] = (uint8_t)('a' + rand_below(&r, 1 + i % 7));
    }
    return p;
}

static void round_trip(unsigned codec, int level, size_t len)
{
    uint8_t *p = text_make(len, len);
    buf_reset(&packed);
    buf_reset(&plain);
    buf_put(&plain, "before", 6);
    assert_int_equal(compress_encode(codec, level, slice_of(p, len), &packed),
                     0);
    assert_int_equal(compress_decode(codec, buf_slice(&packed), len, &plain),
                     0);
    assert_int_equal(plain.len, len + 6);
    assert_memory_equal(plain.data, "before", 6);
    assert_memory_equal(plain.data + 6, p, len);
    if (len > 0) {
        assert_int_equal(
            compress_decode(codec, buf_slice(&packed), len - 1, &plain),
            ERR_TOOBIG);
        assert_int_equal(plain.len, len + 6);
    }
    mem_free(mem, p);
}

static void test_round_trips(void **state)
{
    static const size_t lens[] = {0,     1,     61,    4096,   32767,
                                  32768, 65536, 65537, 131072, 300001};
    unsigned codec;
    size_t i;
    (void)state;
    for (codec = 0; codec < BATCH_CODECS; codec++) {
        for (i = 0; i < sizeof lens / sizeof lens[0]; i++) {
            round_trip(codec, COMPRESS_LEVEL_DEFAULT, lens[i]);
        }
    }
}

static void test_levels(void **state)
{
    static const int good[][2] = {
        {BATCH_CODEC_GZIP, -1}, {BATCH_CODEC_GZIP, 1}, {BATCH_CODEC_GZIP, 9},
        {BATCH_CODEC_LZ4, 1},   {BATCH_CODEC_LZ4, 9},  {BATCH_CODEC_LZ4, 17},
        {BATCH_CODEC_ZSTD, -5}, {BATCH_CODEC_ZSTD, 1}, {BATCH_CODEC_ZSTD, 19},
    };
    static const int bad[][2] = {
        {BATCH_CODEC_GZIP, 0},       {BATCH_CODEC_GZIP, 10},
        {BATCH_CODEC_GZIP, -2},      {BATCH_CODEC_LZ4, 0},
        {BATCH_CODEC_LZ4, 18},       {BATCH_CODEC_ZSTD, 23},
        {BATCH_CODEC_ZSTD, -131073},
    };
    size_t i;
    (void)state;
    for (i = 0; i < sizeof good / sizeof good[0]; i++) {
        round_trip((unsigned)good[i][0], good[i][1], 70000);
    }
    for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(compress_encode((unsigned)bad[i][0], bad[i][1],
                                         slice_str("x"), &packed),
                         ERR_INVALID);
    }
}

static void test_unknown_codecs(void **state)
{
    (void)state;
    assert_int_equal(compress_encode(5, 0, slice_str("x"), &packed),
                     ERR_UNSUPPORTED);
    assert_int_equal(compress_decode(7, slice_str("x"), 10, &plain),
                     ERR_UNSUPPORTED);
    assert_null(compress_name(5));
    assert_string_equal(compress_name(BATCH_CODEC_ZSTD), "zstd");
}

/* Every prefix fails cleanly, leaves the output as it was, and no damaged
 * stream gets past the limit. */
static void test_truncations_and_flips(void **state)
{
    uint8_t *p = text_make(5000, 3);
    unsigned codec;
    (void)state;
    for (codec = BATCH_CODEC_GZIP; codec < BATCH_CODECS; codec++) {
        size_t i;
        buf_reset(&packed);
        assert_int_equal(compress_encode(codec, COMPRESS_LEVEL_DEFAULT,
                                         slice_of(p, 5000), &packed),
                         0);
        for (i = 0; i < packed.len; i++) {
            int rv;
            buf_reset(&plain);
            rv = compress_decode(codec, slice_of(packed.data, i), 5000, &plain);
            /* Framed snappy has no end: it may stop between blocks. */
            if (codec != BATCH_CODEC_SNAPPY) {
                assert_int_equal(rv, ERR_CORRUPT);
            }
            assert_int_equal(plain.len, 0);
            packed.data[i] ^= (uint8_t)(1 << (i % 8));
            rv = compress_decode(codec, buf_slice(&packed), 5000, &plain);
            assert_true(rv == 0 || rv == ERR_CORRUPT || rv == ERR_TOOBIG);
            assert_true(plain.len <= 5000);
            packed.data[i] ^= (uint8_t)(1 << (i % 8));
        }
    }
    mem_free(mem, p);
}

/* 64 MiB of zeros in a small input: refused at the limit, without the memory
 * ever having been taken. */
static void test_r30_bombs(void **state)
{
    const size_t bomb = (size_t)64 << 20;
    const size_t limit = (size_t)1 << 20;
    uint8_t *zeros = mem_calloc(mem, 1, bomb);
    unsigned codec;
    (void)state;
    assert_non_null(zeros);
    for (codec = BATCH_CODEC_GZIP; codec < BATCH_CODECS; codec++) {
        struct mem *small = mem_new(4 * limit);
        struct buf out;
        buf_reset(&packed);
        assert_int_equal(compress_encode(codec, COMPRESS_LEVEL_DEFAULT,
                                         slice_of(zeros, bomb), &packed),
                         0);
        buf_init(&out, small, 0);
        assert_int_equal(
            compress_decode(codec, buf_slice(&packed), limit, &out),
            ERR_TOOBIG);
        assert_int_equal(out.status, 0);
        buf_close(&out);
        mem_free_all(small);
    }
    mem_free(mem, zeros);
}

static void test_gzip_members(void **state)
{
    (void)state;
    compress_encode(BATCH_CODEC_GZIP, COMPRESS_LEVEL_DEFAULT, slice_str("one "),
                    &packed);
    compress_encode(BATCH_CODEC_GZIP, COMPRESS_LEVEL_DEFAULT, slice_str("two"),
                    &packed);
    assert_int_equal(
        compress_decode(BATCH_CODEC_GZIP, buf_slice(&packed), 7, &plain), 0);
    assert_true(slice_equal(buf_slice(&plain), slice_str("one two")));
    buf_put_u8(&packed, 'x');
    assert_int_equal(
        compress_decode(BATCH_CODEC_GZIP, buf_slice(&packed), 7, &plain),
        ERR_CORRUPT);
}

static void test_trailing_bytes(void **state)
{
    unsigned codec;
    (void)state;
    for (codec = BATCH_CODEC_GZIP; codec < BATCH_CODECS; codec++) {
        buf_reset(&packed);
        compress_encode(codec, COMPRESS_LEVEL_DEFAULT, slice_str("abcabcabc"),
                        &packed);
        buf_put(&packed, "???", 3);
        assert_int_equal(
            compress_decode(codec, buf_slice(&packed), 100, &plain),
            ERR_CORRUPT);
        assert_int_equal(plain.len, 0);
    }
}

/* Raw snappy, written by hand: 5 literal bytes. */
static void test_snappy_raw(void **state)
{
    static const uint8_t raw[] = {5, 4 << 2, 'h', 'e', 'l', 'l', 'o'};
    (void)state;
    assert_int_equal(compress_decode(BATCH_CODEC_SNAPPY,
                                     slice_of(raw, sizeof raw), 5, &plain),
                     0);
    assert_true(slice_equal(buf_slice(&plain), slice_str("hello")));
}

/* What is written must be framed as the Java library reads it. */
static void test_snappy_framing(void **state)
{
    static const uint8_t want[] = {0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0, 0, 0,
                                   0,    1,   0,   0,   0,   1,   0,   0, 0, 7,
                                   5,    16,  'h', 'e', 'l', 'l', 'o'};
    (void)state;
    assert_int_equal(
        compress_encode(BATCH_CODEC_SNAPPY, 0, slice_str("hello"), &packed), 0);
    assert_int_equal(packed.len, sizeof want);
    assert_memory_equal(packed.data, want, sizeof want);
}

/* A block that claims gigabytes is not believed: no memory is asked for. */
static void test_snappy_claims(void **state)
{
    static const uint8_t raw[] = {0xff, 0xff, 0xff, 0xff, 0x0f, 0, 'x'};
    static const uint8_t framed[] = {0x82, 'S', 'N',  'A',  'P',  'P', 'Y',
                                     0,    0,   0,    0,    1,    0,   0,
                                     0,    1,   0xff, 0xff, 0xff, 0xff};
    struct mem *small = mem_new(1 << 20);
    struct buf out;
    (void)state;
    buf_init(&out, small, 0);
    assert_int_equal(compress_decode(BATCH_CODEC_SNAPPY,
                                     slice_of(raw, sizeof raw), SIZE_MAX, &out),
                     ERR_CORRUPT);
    assert_int_equal(compress_decode(BATCH_CODEC_SNAPPY,
                                     slice_of(framed, sizeof framed), SIZE_MAX,
                                     &out),
                     ERR_CORRUPT);
    buf_close(&out);
    mem_free_all(small);
}

static void test_lz4_frame(void **state)
{
    (void)state;
    assert_int_equal(compress_encode(BATCH_CODEC_LZ4, COMPRESS_LEVEL_DEFAULT,
                                     slice_str("hello hello"), &packed),
                     0);
    assert_int_equal(le32_load(packed.data), 0x184D2204);
    /* FLG: version 1, independent blocks, no sizes, no checksums, no
     * dictionary; BD: 64 KiB; HC: the known checksum of exactly these two. */
    assert_int_equal(packed.data[4], 0x60);
    assert_int_equal(packed.data[5], 0x40);
    assert_int_equal(packed.data[6], 0x82);
    packed.data[6] ^= 1;
    assert_int_equal(
        compress_decode(BATCH_CODEC_LZ4, buf_slice(&packed), 100, &plain),
        ERR_CORRUPT);
}

/* A frame header asking for a window of 1 GiB. */
static void test_zstd_window(void **state)
{
    static const uint8_t frame[] = {0x28, 0xb5, 0x2f, 0xfd, 0x00,
                                    0xa0, 0x01, 0x00, 0x00};
    (void)state;
    assert_int_equal(compress_decode(BATCH_CODEC_ZSTD,
                                     slice_of(frame, sizeof frame), 1 << 20,
                                     &plain),
                     ERR_TOOBIG);
}

static void test_out_of_memory(void **state)
{
    uint8_t *p = text_make(200000, 9);
    unsigned codec;
    (void)state;
    for (codec = 0; codec < BATCH_CODECS; codec++) {
        uint64_t n;
        int fired = 1;
        buf_reset(&packed);
        assert_int_equal(compress_encode(codec, COMPRESS_LEVEL_DEFAULT,
                                         slice_of(p, 200000), &packed),
                         0);
        for (n = 1; fired; n++) {
            struct buf out;
            int rv;
            buf_init(&out, mem, 0);
            mem_fail_at(mem, n, 1);
            rv = compress_decode(codec, buf_slice(&packed), 200000, &out);
            fired = mem_fail_fired(mem);
            mem_fail_at(mem, 0, 0);
            assert_int_equal(rv, fired ? ERR_NOMEM : 0);
            buf_close(&out);
            buf_init(&out, mem, 0);
            mem_fail_at(mem, n, 1);
            rv = compress_encode(codec, COMPRESS_LEVEL_DEFAULT,
                                 slice_of(p, 200000), &out);
            assert_int_equal(rv, mem_fail_fired(mem) ? ERR_NOMEM : 0);
            fired |= mem_fail_fired(mem);
            mem_fail_at(mem, 0, 0);
            buf_close(&out);
        }
        assert_true(n > 2);
    }
    mem_free(mem, p);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_round_trips),    TEST(test_levels),
        TEST(test_unknown_codecs), TEST(test_truncations_and_flips),
        TEST(test_r30_bombs),      TEST(test_gzip_members),
        TEST(test_trailing_bytes), TEST(test_snappy_raw),
        TEST(test_snappy_framing), TEST(test_snappy_claims),
        TEST(test_lz4_frame),      TEST(test_zstd_window),
        TEST(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
