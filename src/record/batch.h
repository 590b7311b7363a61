/* batch.h - Kafka's record batch, version 2 (magic 2): header, view, setters.
 *
 * A batch is a header of 61 bytes and the encoded records (KIP-98; integers
 * big-endian):
 *
 *     at  size
 *      0  8  base offset              -+ outside the checksum: the broker
 *      8  4  bytes after this field    | sets offset and epoch
 *     12  4  partition leader epoch    |
 *     16  1  magic (2)                 |
 *     17  4  CRC-32C of all below     -+
 *     21  2  attributes: bits 0-2 codec, 3 append time, 4 transactional,
 *            5 control, 6 base timestamp is a delete horizon
 *     23  4  last offset delta
 *     27  8  base timestamp           (ms)
 *     35  8  max timestamp            (ms, -1: none)
 *     43  8  producer id              (-1: none)
 *     51  2  producer epoch
 *     53  4  base sequence
 *     57  4  number of records
 *     61     records, compressed as a whole if there is a codec
 *
 * `struct batch` is the decoded header plus the bytes it was read from, which
 * it borrows; a view is not changed by the setters below, which write bytes.
 * Thread: any. Nothing here allocates.
 */
#ifndef RECORD_BATCH_H
#define RECORD_BATCH_H

#include "base/slice.h"

enum batch_at {
    BATCH_AT_BASE_OFFSET = 0,
    BATCH_AT_LENGTH = 8,
    BATCH_AT_LEADER_EPOCH = 12,
    BATCH_AT_MAGIC = 16,
    BATCH_AT_CRC = 17,
    BATCH_AT_ATTRIBUTES = 21,
    BATCH_AT_LAST_OFFSET_DELTA = 23,
    BATCH_AT_BASE_TIMESTAMP = 27,
    BATCH_AT_MAX_TIMESTAMP = 35,
    BATCH_AT_PRODUCER_ID = 43,
    BATCH_AT_PRODUCER_EPOCH = 51,
    BATCH_AT_BASE_SEQUENCE = 53,
    BATCH_AT_RECORD_COUNT = 57,
    BATCH_AT_RECORDS = 61
};

/* The part that the length field does not count. */
#define BATCH_PREFIX_LEN 12
/* The header, and so the shortest batch. */
#define BATCH_HEADER_LEN 61
/* Bytes needed to learn length and magic of what follows. */
#define BATCH_PEEK_LEN 17
/* The longest batch the length field can say. */
#define BATCH_LEN_MAX ((size_t)INT32_MAX)
#define BATCH_MAGIC   2
/* The shortest record: seven fields of one byte. */
#define BATCH_RECORD_LEN_MIN 7
#define BATCH_NO_TIMESTAMP   (-1)
#define BATCH_NO_PRODUCER    (-1)
#define BATCH_NO_SEQUENCE    (-1)

_Static_assert(BATCH_AT_LENGTH == BATCH_AT_BASE_OFFSET + 8, "base offset");
_Static_assert(BATCH_PREFIX_LEN == BATCH_AT_LENGTH + 4, "length");
_Static_assert(BATCH_AT_MAGIC == BATCH_AT_LEADER_EPOCH + 4, "epoch");
_Static_assert(BATCH_PEEK_LEN == BATCH_AT_MAGIC + 1, "magic");
_Static_assert(BATCH_AT_ATTRIBUTES == BATCH_AT_CRC + 4, "crc");
_Static_assert(BATCH_AT_LAST_OFFSET_DELTA == BATCH_AT_ATTRIBUTES + 2, "attr");
_Static_assert(BATCH_AT_BASE_TIMESTAMP == BATCH_AT_LAST_OFFSET_DELTA + 4, "d");
_Static_assert(BATCH_AT_MAX_TIMESTAMP == BATCH_AT_BASE_TIMESTAMP + 8, "base");
_Static_assert(BATCH_AT_PRODUCER_ID == BATCH_AT_MAX_TIMESTAMP + 8, "max");
_Static_assert(BATCH_AT_PRODUCER_EPOCH == BATCH_AT_PRODUCER_ID + 8, "pid");
_Static_assert(BATCH_AT_BASE_SEQUENCE == BATCH_AT_PRODUCER_EPOCH + 2, "pe");
_Static_assert(BATCH_AT_RECORD_COUNT == BATCH_AT_BASE_SEQUENCE + 4, "seq");
_Static_assert(BATCH_AT_RECORDS == BATCH_AT_RECORD_COUNT + 4, "count");
_Static_assert(BATCH_HEADER_LEN == BATCH_AT_RECORDS, "header");

enum batch_attribute {
    BATCH_CODEC_MASK = 0x07,
    BATCH_APPEND_TIME = 0x08,
    BATCH_TRANSACTIONAL = 0x10,
    BATCH_CONTROL = 0x20,
    BATCH_DELETE_HORIZON = 0x40
};

/* Wire numbers. Values 5 to 7 fit the bits and mean nothing. */
enum batch_codec {
    BATCH_CODEC_NONE = 0,
    BATCH_CODEC_GZIP = 1,
    BATCH_CODEC_SNAPPY = 2,
    BATCH_CODEC_LZ4 = 3,
    BATCH_CODEC_ZSTD = 4,
    BATCH_CODECS
};

/* Who stamps records. Wire numbers (attribute bit 3). */
enum batch_time { BATCH_TIME_CREATE = 0, BATCH_TIME_APPEND = 1 };

/* A decoded header. */
struct batch {
    int64_t base_offset;
    size_t length; /* the whole batch, prefix included */
    int32_t leader_epoch;
    int8_t magic;
    uint32_t crc;
    uint16_t attributes;
    int32_t last_offset_delta;
    int64_t base_timestamp;
    int64_t max_timestamp;
    int64_t producer_id;
    int16_t producer_epoch;
    int32_t base_sequence;
    int32_t record_count;
    struct slice bytes; /* borrowed: `length` bytes from the first on */
};

/* Read what a batch says of its own length, from its first bytes.
 *
 * Errors:
 *   ERR_EOF      fewer than BATCH_PEEK_LEN bytes
 *   ERR_CORRUPT  a length no batch has (shorter than a header, or negative)
 *   ERR_VERSION  magic is not 2
 */
int batch_peek(struct slice in, size_t *ret_length);

/* Decode the header of the batch that `in` begins with; what follows the
 * batch is ignored. Checks structure, not the checksum: the batch lies inside
 * `in`, offsets and counts are not negative and do not overflow, and there are
 * no more records than offsets. Borrows `in` for the view's life.
 *
 * Errors:
 *   ERR_EOF      the batch goes on behind the end of `in`
 *   ERR_CORRUPT  see above
 *   ERR_VERSION  magic is not 2
 */
int batch_view(struct slice in, struct batch *ret_b);

/* Decode the fields and check nothing but that `in`, which is the batch and
 * nothing else, holds a header (asserted). For callers that answer each wrong
 * field in their own way. */
void batch_load(struct slice in, struct batch *ret_b);

/* Compare the stored checksum with the bytes. Errors: ERR_CORRUPT. */
int batch_check_crc(const struct batch *b);

static inline unsigned batch_codec(const struct batch *b)
{
    return b->attributes & BATCH_CODEC_MASK;
}
static inline enum batch_time batch_time_type(const struct batch *b)
{
    return b->attributes & BATCH_APPEND_TIME ? BATCH_TIME_APPEND
                                             : BATCH_TIME_CREATE;
}
static inline bool batch_is_transactional(const struct batch *b)
{
    return (b->attributes & BATCH_TRANSACTIONAL) != 0;
}
static inline bool batch_is_control(const struct batch *b)
{
    return (b->attributes & BATCH_CONTROL) != 0;
}
static inline bool batch_has_producer(const struct batch *b)
{
    return b->producer_id >= 0;
}
/* The offset of the last record (of the last one there ever was, after
 * compaction), and the one behind it. */
static inline int64_t batch_last_offset(const struct batch *b)
{
    return b->base_offset + b->last_offset_delta;
}
static inline int64_t batch_next_offset(const struct batch *b)
{
    return batch_last_offset(b) + 1;
}
/* The sequence number of the last record; behind 2147483647 comes 0. */
int32_t batch_last_sequence(const struct batch *b);
/* The encoded, perhaps compressed, records. */
static inline struct slice batch_records(const struct batch *b)
{
    return slice_of(b->bytes.data + BATCH_HEADER_LEN,
                    b->length - BATCH_HEADER_LEN);
}

/* Write into a batch's bytes; `batch` points at its first byte. Both fields
 * lie outside the checksum, which stays right. */
void batch_set_base_offset(uint8_t *batch, int64_t offset);
void batch_set_leader_epoch(uint8_t *batch, int32_t epoch);

/* Stamp with the broker's time (message.timestamp.type=LogAppendTime): sets
 * attribute bit 3, the max timestamp, and the checksum. */
void batch_set_append_time(uint8_t *batch, size_t len, int64_t now_ms);
/* Set the max timestamp, and the checksum.
 *
 * Both work out the new checksum from the old one and the header alone: the
 * records are not read, and damage they took since the checksum was compared
 * is still found afterwards. */
void batch_set_max_timestamp(uint8_t *batch, size_t len, int64_t max_ms);
/* The CRC-32C of a whole batch, prefix included, continued from `crc` (0:
 * nothing before), worked out from its `stored` checksum without reading the
 * records where that is cheaper. Only right if the stored one is, which is
 * what a reader then finds out. */
uint32_t batch_crc_whole(uint32_t crc, struct slice batch, uint32_t stored);

/* Compute and store the checksum over all that it covers. For whoever makes
 * or rebuilds a batch. */
void batch_set_crc(uint8_t *batch, size_t len);

#endif
