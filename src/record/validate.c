/* validate.c - see validate.h. */
#include "record/validate.h"

#include <inttypes.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "record/compress.h"
#include "record/record.h"

const struct batch_rules batch_rules_default = {
    .produce_version = 13,
    .max_message_bytes = 1048588,
    .time_type = BATCH_TIME_CREATE,
    .before_max_ms = BATCH_AGE_UNLIMITED,
    .after_max_ms = 3600 * 1000,
    .plain_bytes_max = COMPRESS_PLAIN_MAX,
};

/* Our code and Kafka's number belong together. */
static int code_of(enum batch_refusal refusal)
{
    switch (refusal) {
    case BATCH_ACCEPTED:
        return 0;
    case BATCH_CORRUPT_MESSAGE:
        return ERR_CORRUPT;
    case BATCH_MESSAGE_TOO_LARGE:
        return ERR_TOOBIG;
    case BATCH_INVALID_TIMESTAMP:
        return ERR_RANGE;
    case BATCH_UNSUPPORTED_VERSION:
        return ERR_VERSION;
    case BATCH_STORAGE_ERROR:
        return ERR_NOMEM;
    case BATCH_UNSUPPORTED_COMPRESSION:
        return ERR_UNSUPPORTED;
    case BATCH_INVALID_RECORD:
        break;
    }
    return ERR_INVALID;
}

static int refuse(struct batch_reject *why, enum batch_refusal refusal,
                  const char *text)
{
    why->refusal = refusal;
    why->record = -1;
    return err_set(&why->text, code_of(refusal), "%s", text);
}

static int refuse_record(struct batch_reject *why, enum batch_refusal refusal,
                         int32_t record, const char *text)
{
    why->refusal = refusal;
    why->record = record;
    return err_set(&why->text, code_of(refusal), "record %" PRId32 ": %s",
                   record, text);
}

/* The shortest message of any format that ever was. */
#define LENGTH_FIELD_MIN 14

/* Find the one batch in the payload, whatever its format says. */
static int payload_check(struct slice in, struct slice *ret_batch,
                         struct batch_reject *why)
{
    uint32_t after;
    uint8_t magic;
    if (in.len < BATCH_PEEK_LEN) {
        return refuse(why, BATCH_INVALID_RECORD, "no record batch");
    }
    after = be32_load(in.data + BATCH_AT_LENGTH);
    magic = in.data[BATCH_AT_MAGIC];
    if (after < LENGTH_FIELD_MIN || after > BATCH_LEN_MAX - BATCH_PREFIX_LEN) {
        return refuse(why, BATCH_CORRUPT_MESSAGE, "impossible batch length");
    }
    if (magic > BATCH_MAGIC) {
        return refuse(why, BATCH_CORRUPT_MESSAGE, "unknown magic");
    }
    if (after > in.len - BATCH_PREFIX_LEN) {
        return refuse(why, BATCH_INVALID_RECORD, "incomplete record batch");
    }
    if (magic != BATCH_MAGIC) {
        return refuse(why, BATCH_INVALID_RECORD,
                      "message formats 0 and 1 are not supported");
    }
    *ret_batch = slice_of(in.data, (size_t)after + BATCH_PREFIX_LEN);
    return 0;
}

static int codec_check(struct slice batch, const struct batch_rules *rules,
                       struct batch_reject *why)
{
    unsigned codec;
    if (batch.len < BATCH_AT_LAST_OFFSET_DELTA) {
        return 0; /* too short for a header, which is found later */
    }
    codec = be16_load(batch.data + BATCH_AT_ATTRIBUTES) & BATCH_CODEC_MASK;
    if (codec >= BATCH_CODECS) {
        return refuse(why, BATCH_UNSUPPORTED_COMPRESSION, "unknown codec");
    }
    if (codec == BATCH_CODEC_ZSTD &&
        rules->produce_version < BATCH_PRODUCE_VERSION_ZSTD) {
        return refuse(why, BATCH_UNSUPPORTED_COMPRESSION,
                      "zstd needs produce version 7");
    }
    return 0;
}

static int bytes_check(struct slice batch, const struct batch_rules *rules,
                       struct batch *ret_b, struct batch_reject *why)
{
    if (rules->strict && be64_load(batch.data + BATCH_AT_BASE_OFFSET) != 0) {
        return refuse(why, BATCH_INVALID_RECORD, "base offset is not 0");
    }
    if (batch.len > rules->max_message_bytes) {
        return refuse(why, BATCH_MESSAGE_TOO_LARGE,
                      "batch exceeds max.message.bytes");
    }
    if (batch.len < BATCH_HEADER_LEN) {
        return refuse(why, BATCH_CORRUPT_MESSAGE, "batch without header");
    }
    batch_load(batch, ret_b);
    if (batch_check_crc(ret_b) != 0) {
        return refuse(why, BATCH_CORRUPT_MESSAGE, "checksum mismatch");
    }
    return 0;
}

static const char *producer_fault(const struct batch *b)
{
    if (batch_has_producer(b)) {
        return b->base_sequence < 0 || b->producer_epoch < 0
                   ? "producer id without sequence or epoch"
                   : NULL;
    }
    return batch_is_transactional(b) ? "transactional without producer id"
                                     : NULL;
}

static int fields_check(const struct batch *b, struct batch_reject *why)
{
    const char *fault;
    if (b->record_count <= 0) {
        return refuse(why, BATCH_INVALID_RECORD, "batch without records");
    }
    if (b->last_offset_delta != b->record_count - 1) {
        return refuse(why, BATCH_INVALID_RECORD,
                      "record count and last offset disagree");
    }
    if (batch_is_control(b)) {
        return refuse(why, BATCH_INVALID_RECORD,
                      "clients do not write control batches");
    }
    if (b->attributes & BATCH_DELETE_HORIZON) {
        return refuse(why, BATCH_INVALID_RECORD,
                      "clients do not set a delete horizon");
    }
    fault = producer_fault(b);
    return fault == NULL ? 0 : refuse(why, BATCH_INVALID_RECORD, fault);
}

/* What is wrong with a create time, or NULL. A bound beyond the end of time is
 * none. */
static const char *time_fault(const struct batch_rules *rules, int64_t ms)
{
    int64_t bound;
    if (ms == BATCH_NO_TIMESTAMP || rules->time_type == BATCH_TIME_APPEND) {
        return NULL;
    }
    if (!__builtin_add_overflow(rules->now_ms, rules->after_max_ms, &bound) &&
        ms > bound) {
        return "timestamp too far in the future";
    }
    if (rules->before_max_ms != BATCH_AGE_UNLIMITED &&
        ms < rules->now_ms - rules->before_max_ms) {
        return "timestamp too far in the past";
    }
    return NULL;
}

static int times_check(const struct batch *b, const struct batch_rules *rules,
                       bool parsed, struct batch_reject *why)
{
    const char *fault = NULL;
    if (batch_time_type(b) == BATCH_TIME_APPEND) {
        return refuse(why, BATCH_INVALID_TIMESTAMP,
                      "clients do not set append time");
    }
    if (!parsed) {
        fault = time_fault(rules, b->max_timestamp);
    }
    return fault == NULL ? 0 : refuse(why, BATCH_INVALID_TIMESTAMP, fault);
}

static int record_check(const struct record *r, int32_t i, int64_t ms,
                        const struct batch_rules *rules,
                        struct batch_reject *why)
{
    const char *fault;
    if (r->offset_delta != i) {
        return refuse_record(why, BATCH_INVALID_RECORD, i,
                             "offsets are not consecutive");
    }
    if (rules->compacted && r->key_null) {
        return refuse_record(why, BATCH_INVALID_RECORD, i,
                             "a compacted topic needs keys");
    }
    fault = time_fault(rules, ms);
    return fault == NULL
               ? 0
               : refuse_record(why, BATCH_INVALID_TIMESTAMP, i, fault);
}

/* Parse all records. Sets the view's max timestamp to the true one. */
static int records_check(struct slice plain, struct batch *b,
                         const struct batch_rules *rules,
                         struct batch_reject *why)
{
    int64_t max_ms = BATCH_NO_TIMESTAMP;
    struct cursor c;
    int32_t i;
    cursor_init(&c, plain);
    for (i = 0; i < b->record_count; i++) {
        struct record r;
        int64_t ms;
        int rv;
        if (record_decode(&c, &r) != 0) {
            return refuse_record(why, BATCH_INVALID_RECORD, i, "malformed");
        }
        if (__builtin_add_overflow(b->base_timestamp, r.timestamp_delta, &ms)) {
            return refuse_record(why, BATCH_INVALID_TIMESTAMP, i,
                                 "timestamp overflows");
        }
        rv = record_check(&r, i, ms, rules, why);
        if (rv != 0) {
            return rv;
        }
        max_ms = ms > max_ms ? ms : max_ms;
    }
    if (cursor_left(&c) != 0) {
        return refuse(why, BATCH_INVALID_RECORD, "bytes behind the records");
    }
    b->max_timestamp = max_ms;
    return 0;
}

static int decode_refuse(int rv, struct batch_reject *why)
{
    switch (rv) {
    case ERR_TOOBIG:
        return refuse(why, BATCH_MESSAGE_TOO_LARGE,
                      "batch decompresses to too much");
    case ERR_NOMEM:
        return refuse(why, BATCH_STORAGE_ERROR,
                      "no memory to decompress the batch");
    default:
        return refuse(why, BATCH_INVALID_RECORD, "records do not decompress");
    }
}

static int compressed_check(struct batch *b, const struct batch_rules *rules,
                            struct batch_reject *why)
{
    struct buf plain;
    int rv;
    ASSERT(rules->mem != NULL);
    /* As many records cannot come out of what is allowed to. */
    if ((size_t)b->record_count >
        rules->plain_bytes_max / BATCH_RECORD_LEN_MIN) {
        return decode_refuse(ERR_TOOBIG, why);
    }
    buf_init(&plain, rules->mem, 0);
    rv = compress_decode(batch_codec(b), batch_records(b),
                         rules->plain_bytes_max, &plain);
    rv = rv == 0 ? records_check(buf_slice(&plain), b, rules, why)
                 : decode_refuse(rv, why);
    buf_close(&plain);
    return rv;
}

static bool wants_parsing(const struct batch *b,
                          const struct batch_rules *rules)
{
    return batch_codec(b) == BATCH_CODEC_NONE || rules->inspect_compressed ||
           rules->compacted ||
           (rules->time_type == BATCH_TIME_CREATE &&
            rules->before_max_ms != BATCH_AGE_UNLIMITED);
}

static int content_check(struct batch *b, const struct batch_rules *rules,
                         struct batch_reject *why)
{
    bool parse = wants_parsing(b, rules);
    int rv = times_check(b, rules, parse, why);
    if (rv != 0 || !parse) {
        return rv;
    }
    return batch_codec(b) == BATCH_CODEC_NONE
               ? records_check(batch_records(b), b, rules, why)
               : compressed_check(b, rules, why);
}

int batch_validate(struct slice records, const struct batch_rules *rules,
                   struct batch *ret_b, struct batch_reject *why)
{
    struct slice bytes;
    struct batch b;
    int rv;
    ASSERT(rules->now_ms >= 0);
    ASSERT(rules->before_max_ms >= 0 && rules->after_max_ms >= 0);
    *why = (struct batch_reject){.record = -1};
    if (rules->produce_version < BATCH_PRODUCE_VERSION_MIN) {
        return refuse(why, BATCH_UNSUPPORTED_VERSION,
                      "produce versions 0 to 2 are not supported");
    }
    rv = payload_check(records, &bytes, why);
    if (rv != 0) {
        return rv;
    }
    rv = codec_check(bytes, rules, why);
    if (rv != 0) {
        return rv;
    }
    if (bytes.len < records.len) {
        return refuse(why, BATCH_INVALID_RECORD,
                      "more than one batch for a partition");
    }
    rv = bytes_check(bytes, rules, &b, why);
    if (rv != 0) {
        return rv;
    }
    rv = fields_check(&b, why);
    if (rv != 0) {
        return rv;
    }
    rv = content_check(&b, rules, why);
    if (rv != 0) {
        return rv;
    }
    *ret_b = b;
    return 0;
}

void batch_settle(uint8_t *bytes, struct batch *b,
                  const struct batch_rules *rules)
{
    ASSERT(bytes == b->bytes.data);
    if (rules->time_type == BATCH_TIME_APPEND) {
        batch_set_append_time(bytes, b->length, rules->now_ms);
    } else if (be64_load(bytes + BATCH_AT_MAX_TIMESTAMP) !=
               (uint64_t)b->max_timestamp) {
        batch_set_max_timestamp(bytes, b->length, b->max_timestamp);
    }
    batch_load(slice_of(bytes, b->length), b);
}
