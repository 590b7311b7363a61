/* sample.h - what the tests of this room share: the golden batches as a table
 * and batches with made-up records. */
#ifndef TEST_RECORD_SAMPLE_H
#define TEST_RECORD_SAMPLE_H

#include "base/rand.h"
#include "golden.h"
#include "record/build.h"

struct sample {
    const char *name;
    unsigned codec;
    struct slice bytes;
};

#define SAMPLE(name, codec)                                                    \
    {                                                                          \
#name, codec,                                                          \
        {                                                                      \
            golden_##name, sizeof golden_##name                                \
        }                                                                      \
    }
static const struct sample samples[] = {
    SAMPLE(hand, BATCH_CODEC_NONE), SAMPLE(none, BATCH_CODEC_NONE),
    SAMPLE(gzip, BATCH_CODEC_GZIP), SAMPLE(snappy, BATCH_CODEC_SNAPPY),
    SAMPLE(lz4, BATCH_CODEC_LZ4),   SAMPLE(zstd, BATCH_CODEC_ZSTD),
    SAMPLE(idem, BATCH_CODEC_NONE),
};
#define N_SAMPLES (sizeof samples / sizeof samples[0])

/* Append `n` records with null fields, empty ones and headers mixed in. */
static inline void sample_fill(struct build *b, int n, uint64_t seed)
{
    static const struct record_header headers[2] = {
        {.key = {(const uint8_t *)"h", 1}, .value = {(const uint8_t *)"w", 1}},
        {.key = {(const uint8_t *)"nil", 3}, .value_null = true},
    };
    struct rand r;
    int i;
    rand_init(&r, seed);
    for (i = 0; i < n; i++) {
        uint8_t bytes[300];
        size_t len = (size_t)rand_below(&r, sizeof bytes);
        struct build_record rec = {
            .timestamp = 1000000 + (int64_t)rand_below(&r, 5000),
            .key_null = rand_below(&r, 4) == 0,
            .value_null = rand_below(&r, 8) == 0,
            .n_headers = (int32_t)rand_below(&r, 3),
            .headers = headers,
        };
        rand_fill(&r, bytes, len / 2);
        memset(bytes + len / 2, 'z', len - len / 2);
        rec.key = slice_of(bytes, rec.key_null ? 0 : len / 3);
        rec.value = slice_of(bytes, rec.value_null ? 0 : len);
        if (build_append(b, &rec) != 0) {
            return;
        }
    }
}

#endif
