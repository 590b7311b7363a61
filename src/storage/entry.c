#include "storage/entry.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/err.h"

enum {
    AT_INDEX = 0,
    AT_TERM = 8,
    AT_BASE_OFFSET = 16,
    AT_NEXT_OFFSET = 24,
    AT_TIME = 32,
    AT_CHAIN = 40,
    AT_LENGTH = 48,
    AT_PAYLOAD_CRC = 52,
    AT_KIND = 56,
    AT_ZERO = 57,
    AT_HEADER_CRC = 60
};
_Static_assert(AT_HEADER_CRC + 4 == ENTRY_HEADER_BYTES, "64 bytes");

void entry_encode_header(const struct entry *e, uint8_t out[ENTRY_HEADER_BYTES])
{
    ASSERT(e->payload.len <= ENTRY_PAYLOAD_MAX);
    ASSERT(e->kind >= ENTRY_BARRIER && e->kind <= ENTRY_TRIM);
    ASSERT(e->base_offset >= 0 && e->next_offset >= e->base_offset);
    le64_store(out + AT_INDEX, e->index);
    le64_store(out + AT_TERM, e->term);
    le64_store(out + AT_BASE_OFFSET, (uint64_t)e->base_offset);
    le64_store(out + AT_NEXT_OFFSET, (uint64_t)e->next_offset);
    le64_store(out + AT_TIME, (uint64_t)e->time_ms);
    le64_store(out + AT_CHAIN, e->chain);
    le32_store(out + AT_LENGTH, (uint32_t)e->payload.len);
    le32_store(out + AT_PAYLOAD_CRC, e->crc);
    out[AT_KIND] = (uint8_t)e->kind;
    memset(out + AT_ZERO, 0, AT_HEADER_CRC - AT_ZERO);
    le32_store(out + AT_HEADER_CRC, crc32c(out, AT_HEADER_CRC));
}

/* What a checksum cannot say: the fields fit each other. */
static bool entry_sane(const struct entry *e, uint32_t len)
{
    if (e->index == 0 || e->term == 0 || len > ENTRY_PAYLOAD_MAX) {
        return false;
    }
    if (e->base_offset < 0 || e->next_offset < e->base_offset) {
        return false;
    }
    switch (e->kind) {
    case ENTRY_RECORDS:
        return len > 0 && e->next_offset > e->base_offset;
    case ENTRY_BARRIER:
        return len == 0 && e->next_offset == e->base_offset;
    case ENTRY_TRIM:
        return len == 8 && e->next_offset == e->base_offset;
    case ENTRY_CHANGE:
    case ENTRY_COMMAND:
        return e->next_offset == e->base_offset;
    }
    return false;
}

int entry_decode_header(const uint8_t in[ENTRY_HEADER_BYTES],
                        struct entry *ret_e, uint32_t *ret_payload_len)
{
    struct entry e = {
        .index = le64_load(in + AT_INDEX),
        .term = le64_load(in + AT_TERM),
        .base_offset = (int64_t)le64_load(in + AT_BASE_OFFSET),
        .next_offset = (int64_t)le64_load(in + AT_NEXT_OFFSET),
        .time_ms = (int64_t)le64_load(in + AT_TIME),
        .chain = le64_load(in + AT_CHAIN),
        .crc = le32_load(in + AT_PAYLOAD_CRC),
        .kind = (enum entry_kind)in[AT_KIND],
    };
    uint32_t len = le32_load(in + AT_LENGTH);
    if (le32_load(in + AT_HEADER_CRC) != crc32c(in, AT_HEADER_CRC)) {
        return ERR_CORRUPT;
    }
    if ((in[AT_ZERO] | in[AT_ZERO + 1] | in[AT_ZERO + 2]) != 0) {
        return ERR_CORRUPT;
    }
    if (!entry_sane(&e, len)) {
        return ERR_CORRUPT;
    }
    *ret_e = e;
    *ret_payload_len = len;
    return 0;
}

struct log_point entry_point(const struct entry *e)
{
    return (struct log_point){
        .index = e->index,
        .term = e->term,
        .offset = e->next_offset,
        .time_ms = e->time_ms,
        .chain = e->chain,
    };
}
