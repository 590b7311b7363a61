/* batch.c - see batch.h. */
#include "record/batch.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/err.h"

int batch_peek(struct slice in, size_t *ret_length)
{
    if (in.len < BATCH_PEEK_LEN) {
        return ERR_EOF;
    }
    if (in.data[BATCH_AT_MAGIC] != BATCH_MAGIC) {
        return ERR_VERSION;
    }
    uint32_t after = be32_load(in.data + BATCH_AT_LENGTH);
    if (after < BATCH_HEADER_LEN - BATCH_PREFIX_LEN ||
        after > BATCH_LEN_MAX - BATCH_PREFIX_LEN) {
        return ERR_CORRUPT;
    }
    *ret_length = (size_t)after + BATCH_PREFIX_LEN;
    return 0;
}

void batch_load(struct slice in, struct batch *ret_b)
{
    const uint8_t *p = in.data;
    ASSERT(in.len >= BATCH_HEADER_LEN);
    *ret_b = (struct batch){
        .base_offset = (int64_t)be64_load(p + BATCH_AT_BASE_OFFSET),
        .length = in.len,
        .leader_epoch = (int32_t)be32_load(p + BATCH_AT_LEADER_EPOCH),
        .magic = (int8_t)p[BATCH_AT_MAGIC],
        .crc = be32_load(p + BATCH_AT_CRC),
        .attributes = be16_load(p + BATCH_AT_ATTRIBUTES),
        .last_offset_delta = (int32_t)be32_load(p + BATCH_AT_LAST_OFFSET_DELTA),
        .base_timestamp = (int64_t)be64_load(p + BATCH_AT_BASE_TIMESTAMP),
        .max_timestamp = (int64_t)be64_load(p + BATCH_AT_MAX_TIMESTAMP),
        .producer_id = (int64_t)be64_load(p + BATCH_AT_PRODUCER_ID),
        .producer_epoch = (int16_t)be16_load(p + BATCH_AT_PRODUCER_EPOCH),
        .base_sequence = (int32_t)be32_load(p + BATCH_AT_BASE_SEQUENCE),
        .record_count = (int32_t)be32_load(p + BATCH_AT_RECORD_COUNT),
        .bytes = in,
    };
}

static bool fields_sound(const struct batch *b)
{
    return b->base_offset >= 0 && b->last_offset_delta >= 0 &&
           b->base_offset < INT64_MAX - b->last_offset_delta &&
           b->record_count >= 0 &&
           b->record_count <= (int64_t)b->last_offset_delta + 1;
}

int batch_view(struct slice in, struct batch *ret_b)
{
    struct batch b;
    size_t length = 0;
    int rv = batch_peek(in, &length);
    if (rv != 0) {
        return rv;
    }
    if (length > in.len) {
        return ERR_EOF;
    }
    batch_load(slice_of(in.data, length), &b);
    if (!fields_sound(&b)) {
        return ERR_CORRUPT;
    }
    *ret_b = b;
    return 0;
}

static uint32_t crc_compute(const uint8_t *batch, size_t len)
{
    ASSERT(len >= BATCH_HEADER_LEN);
    return crc32c(batch + BATCH_AT_ATTRIBUTES, len - BATCH_AT_ATTRIBUTES);
}

int batch_check_crc(const struct batch *b)
{
    return crc_compute(b->bytes.data, b->length) == b->crc ? 0 : ERR_CORRUPT;
}

int32_t batch_last_sequence(const struct batch *b)
{
    int64_t last = (int64_t)b->base_sequence + b->last_offset_delta;
    return (int32_t)(last > INT32_MAX ? last - ((int64_t)INT32_MAX + 1) : last);
}

void batch_set_base_offset(uint8_t *batch, int64_t offset)
{
    ASSERT(offset >= 0);
    be64_store(batch + BATCH_AT_BASE_OFFSET, (uint64_t)offset);
}

void batch_set_leader_epoch(uint8_t *batch, int32_t epoch)
{
    be32_store(batch + BATCH_AT_LEADER_EPOCH, (uint32_t)epoch);
}

/* What the checked part of the header contributes to the checksum of a batch
 * of `len` bytes: CRC-32C is linear, so crc(header, records) is the header's
 * checksum moved over the records' length, xor the records' checksum. */
static uint32_t crc_of_header(const uint8_t *batch, size_t len)
{
    uint32_t crc = crc32c(batch + BATCH_AT_ATTRIBUTES,
                          BATCH_HEADER_LEN - BATCH_AT_ATTRIBUTES);
    return crc32c_combine(crc, 0, len - BATCH_HEADER_LEN);
}

static void header_change(uint8_t *batch, size_t len, uint16_t set_attributes,
                          int64_t max_ms)
{
    ASSERT(len >= BATCH_HEADER_LEN);
    uint32_t crc = be32_load(batch + BATCH_AT_CRC);
    uint16_t attributes = be16_load(batch + BATCH_AT_ATTRIBUTES);
    crc ^= crc_of_header(batch, len);
    be16_store(batch + BATCH_AT_ATTRIBUTES,
               (uint16_t)(attributes | set_attributes));
    be64_store(batch + BATCH_AT_MAX_TIMESTAMP, (uint64_t)max_ms);
    crc ^= crc_of_header(batch, len);
    be32_store(batch + BATCH_AT_CRC, crc);
}

void batch_set_append_time(uint8_t *batch, size_t len, int64_t now_ms)
{
    header_change(batch, len, BATCH_APPEND_TIME, now_ms);
}

void batch_set_max_timestamp(uint8_t *batch, size_t len, int64_t max_ms)
{
    header_change(batch, len, 0, max_ms);
}

void batch_set_crc(uint8_t *batch, size_t len)
{
    be32_store(batch + BATCH_AT_CRC, crc_compute(batch, len));
}

/* Combining costs about as much as reading this many bytes. */
#define COMBINE_MIN ((size_t)16384)

uint32_t batch_crc_whole(uint32_t crc, struct slice batch, uint32_t stored)
{
    if (batch.len < COMBINE_MIN) {
        return crc32c_extend(crc, batch.data, batch.len);
    }
    crc = crc32c_extend(crc, batch.data, BATCH_AT_ATTRIBUTES);
    return crc32c_combine(crc, stored, batch.len - BATCH_AT_ATTRIBUTES);
}
