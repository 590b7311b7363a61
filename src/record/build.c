/* build.c - see build.h. */
#include "record/build.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "base/err.h"
#include "record/iterate.h"

/* More would not fit the length field with the header before it. */
#define RECORDS_LEN_MAX (BATCH_LEN_MAX - BATCH_HEADER_LEN)

static void records_reset(struct build *b)
{
    buf_reset(&b->records);
    b->base_timestamp = BATCH_NO_TIMESTAMP;
    b->max_timestamp = BATCH_NO_TIMESTAMP;
    b->count = 0;
    b->next_delta = 0;
}

void build_init(struct build *b, struct mem *mem,
                const struct build_options *options)
{
    size_t max = options->bytes_max;
    *b = (struct build){.options = *options};
    buf_init(&b->records, mem,
             max == 0 || max > RECORDS_LEN_MAX ? RECORDS_LEN_MAX : max);
    records_reset(b);
}

void build_close(struct build *b)
{
    buf_close(&b->records);
}

/* Take a failed append back, so that the records before it stay usable. */
static int append_undo(struct buf *records, size_t len)
{
    int rv = records->status == ERR_TOOBIG ? ERR_FULL : records->status;
    records->len = len;
    records->status = 0;
    return rv;
}

int build_append_at(struct build *b, const struct build_record *r,
                    int32_t delta)
{
    size_t len = b->records.len;
    int64_t base = b->count == 0 ? r->timestamp : b->base_timestamp;
    struct record enc = {
        .timestamp_delta = (int64_t)((uint64_t)r->timestamp - (uint64_t)base),
        .offset_delta = delta,
        .n_headers = r->n_headers,
        .key_null = r->key_null,
        .value_null = r->value_null,
        .key = r->key,
        .value = r->value,
    };
    if (delta < b->next_delta || delta == INT32_MAX || r->n_headers < 0) {
        return ERR_INVALID;
    }
    record_encode(&b->records, &enc, r->headers);
    if (b->records.status != 0) {
        return append_undo(&b->records, len);
    }
    if (b->count == 0 || r->timestamp > b->max_timestamp) {
        b->max_timestamp = r->timestamp;
    }
    b->base_timestamp = base;
    b->count++;
    b->next_delta = delta + 1;
    return 0;
}

int build_append(struct build *b, const struct build_record *r)
{
    return b->next_delta == INT32_MAX ? ERR_FULL
                                      : build_append_at(b, r, b->next_delta);
}

int build_end_at(struct build *b, int32_t last_delta)
{
    if (last_delta < b->next_delta - 1 || last_delta < 0 ||
        last_delta == INT32_MAX) {
        return ERR_INVALID;
    }
    b->next_delta = last_delta + 1;
    return 0;
}

static void header_store(uint8_t *p, const struct batch *b)
{
    be64_store(p + BATCH_AT_BASE_OFFSET, (uint64_t)b->base_offset);
    be32_store(p + BATCH_AT_LENGTH, (uint32_t)(b->length - BATCH_PREFIX_LEN));
    be32_store(p + BATCH_AT_LEADER_EPOCH, (uint32_t)b->leader_epoch);
    p[BATCH_AT_MAGIC] = BATCH_MAGIC;
    be32_store(p + BATCH_AT_CRC, 0);
    be16_store(p + BATCH_AT_ATTRIBUTES, b->attributes);
    be32_store(p + BATCH_AT_LAST_OFFSET_DELTA, (uint32_t)b->last_offset_delta);
    be64_store(p + BATCH_AT_BASE_TIMESTAMP, (uint64_t)b->base_timestamp);
    be64_store(p + BATCH_AT_MAX_TIMESTAMP, (uint64_t)b->max_timestamp);
    be64_store(p + BATCH_AT_PRODUCER_ID, (uint64_t)b->producer_id);
    be16_store(p + BATCH_AT_PRODUCER_EPOCH, (uint16_t)b->producer_epoch);
    be32_store(p + BATCH_AT_BASE_SEQUENCE, (uint32_t)b->base_sequence);
    be32_store(p + BATCH_AT_RECORD_COUNT, (uint32_t)b->record_count);
}

/* Append the header `h` describes and `plain` compressed by its codec. */
static int batch_append(struct batch h, int level, struct slice plain,
                        struct buf *out)
{
    const uint8_t zero[BATCH_HEADER_LEN] = {0};
    size_t start = out->len;
    int rv;
    buf_put(out, zero, sizeof zero);
    rv = out->status != 0 ? out->status
                          : compress_encode(batch_codec(&h), level, plain, out);
    if (rv == 0 && out->len - start > BATCH_LEN_MAX) {
        rv = ERR_TOOBIG;
    }
    if (rv != 0) {
        out->len = start;
        return rv;
    }
    h.length = out->len - start;
    header_store(out->data + start, &h);
    batch_set_crc(out->data + start, h.length);
    return 0;
}

static bool options_sound(const struct build_options *o)
{
    bool producer = o->producer_id >= 0;
    return o->base_offset >= 0 &&
           (producer ? o->producer_epoch >= 0 && o->base_sequence >= 0
                     : !o->transactional);
}

int build_finish(struct build *b, struct buf *out)
{
    struct build_options *o = &b->options;
    struct batch h = {
        .base_offset = o->base_offset,
        .leader_epoch = o->leader_epoch,
        .attributes = (uint16_t)(o->codec & BATCH_CODEC_MASK),
        .last_offset_delta = b->next_delta - 1,
        .base_timestamp = b->base_timestamp,
        .max_timestamp = b->max_timestamp,
        .producer_id = o->producer_id,
        .producer_epoch = o->producer_epoch,
        .base_sequence = o->base_sequence,
        .record_count = b->count,
    };
    int rv;
    if (o->codec >= BATCH_CODECS) {
        return ERR_UNSUPPORTED;
    }
    if (b->next_delta == 0 || !options_sound(o)) {
        return ERR_INVALID;
    }
    if (o->transactional) {
        h.attributes |= BATCH_TRANSACTIONAL;
    }
    rv = batch_append(h, o->level, buf_slice(&b->records), out);
    if (rv != 0) {
        return rv;
    }
    o->base_offset += b->next_delta;
    if (o->producer_id >= 0) {
        o->base_sequence =
            (int32_t)(((uint32_t)batch_last_sequence(&h) + 1) & INT32_MAX);
    }
    records_reset(b);
    return 0;
}

#define CONTROL_VERSION   0
#define CONTROL_KEY_LEN   4
#define CONTROL_VALUE_LEN 6
/* Room for the one record: at most 7 bytes around key and value. */
#define CONTROL_RECORD_LEN_MAX 32

int build_control(const struct build_control *c, struct buf *out)
{
    uint8_t key[CONTROL_KEY_LEN];
    uint8_t value[CONTROL_VALUE_LEN];
    const struct record r = {.key = slice_of(key, sizeof key),
                             .value = slice_of(value, sizeof value)};
    struct buf plain;
    struct batch h = {
        .base_offset = c->base_offset,
        .leader_epoch = c->leader_epoch,
        .attributes = BATCH_TRANSACTIONAL | BATCH_CONTROL,
        .base_timestamp = c->timestamp,
        .max_timestamp = c->timestamp,
        .producer_id = c->producer_id,
        .producer_epoch = c->producer_epoch,
        .base_sequence = BATCH_NO_SEQUENCE,
        .record_count = 1,
    };
    int rv;
    be16_store(key, CONTROL_VERSION);
    be16_store(key + 2, (uint16_t)c->type);
    be16_store(value, CONTROL_VERSION);
    be32_store(value + 2, (uint32_t)c->coordinator_epoch);
    buf_init(&plain, out->mem, CONTROL_RECORD_LEN_MAX);
    record_encode(&plain, &r, NULL);
    rv = plain.status;
    if (rv == 0) {
        rv = batch_append(h, 0, buf_slice(&plain), out);
    }
    buf_close(&plain);
    return rv;
}

int build_control_read(const struct batch *b,
                       struct build_control_view *ret_view)
{
    struct cursor c;
    struct record r;
    if (!batch_is_control(b) || batch_codec(b) != BATCH_CODEC_NONE) {
        return ERR_INVALID;
    }
    cursor_init(&c, batch_records(b));
    if (record_decode(&c, &r) != 0 || r.key.len < CONTROL_KEY_LEN) {
        return ERR_CORRUPT;
    }
    *ret_view =
        (struct build_control_view){.type = (int16_t)be16_load(r.key.data + 2)};
    if (ret_view->type != BUILD_ABORT && ret_view->type != BUILD_COMMIT) {
        return ERR_VERSION;
    }
    if (r.value.len < CONTROL_VALUE_LEN) {
        return ERR_CORRUPT;
    }
    ret_view->coordinator_epoch = (int32_t)be32_load(r.value.data + 2);
    return 0;
}

int build_recompress(const struct batch *b, unsigned codec, int level,
                     struct mem *mem, size_t plain_max, struct buf *out)
{
    struct batch h = *b;
    struct buf plain;
    int rv;
    if (codec >= BATCH_CODECS) {
        return ERR_UNSUPPORTED;
    }
    h.attributes = (uint16_t)((b->attributes & ~BATCH_CODEC_MASK) | codec);
    buf_init(&plain, mem, 0);
    rv = compress_decode(batch_codec(b), batch_records(b), plain_max, &plain);
    if (rv == 0) {
        rv = batch_append(h, level, buf_slice(&plain), out);
    }
    buf_close(&plain);
    return rv;
}
