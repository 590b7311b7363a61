/* iterate.c - see iterate.h. */
#include "record/iterate.h"

#include "base/err.h"
#include "record/compress.h"

int batches_next(struct slice *rest, struct batch *ret_b)
{
    int rv = batch_view(*rest, ret_b);
    if (rv != 0) {
        return rv;
    }
    *rest = slice_of(rest->data + ret_b->length, rest->len - ret_b->length);
    return 0;
}

static bool count_fits(int32_t n_records, size_t len)
{
    return (size_t)n_records <= len / BATCH_RECORD_LEN_MIN;
}

int records_open(struct records *it, const struct batch *b, struct mem *mem,
                 size_t bytes_max)
{
    struct slice plain = batch_records(b);
    struct records r = {
        .batch = *b, .n_left = b->record_count, .last_delta = -1};
    /* The count bounds the work before anything is decompressed. */
    if (b->record_count < 0) {
        return ERR_CORRUPT;
    }
    buf_init(&r.plain, mem, 0);
    if (batch_codec(b) != BATCH_CODEC_NONE) {
        int rv;
        if (!count_fits(b->record_count, bytes_max)) {
            return ERR_TOOBIG;
        }
        rv = compress_decode(batch_codec(b), plain, bytes_max, &r.plain);
        if (rv != 0) {
            buf_close(&r.plain);
            return rv;
        }
        plain = buf_slice(&r.plain);
    }
    if (!count_fits(b->record_count, plain.len)) {
        buf_close(&r.plain);
        return ERR_CORRUPT;
    }
    *it = r;
    cursor_init(&it->cursor, plain);
    return 0;
}

static void stamp(const struct records *it, struct record *r)
{
    const struct batch *b = &it->batch;
    r->offset = b->base_offset + r->offset_delta;
    /* A hostile delta wraps; the sum is only a number. */
    r->timestamp = batch_time_type(b) == BATCH_TIME_APPEND
                       ? b->max_timestamp
                       : (int64_t)((uint64_t)b->base_timestamp +
                                   (uint64_t)r->timestamp_delta);
}

int records_next(struct records *it, struct record *ret_r)
{
    struct record r;
    if (it->status != 0) {
        return it->status;
    }
    if (it->n_left == 0) {
        it->status = cursor_left(&it->cursor) == 0 ? ERR_EOF : ERR_CORRUPT;
        return it->status;
    }
    it->status = record_decode(&it->cursor, &r);
    if (it->status != 0) {
        return it->status;
    }
    if (r.offset_delta <= it->last_delta ||
        r.offset_delta > it->batch.last_offset_delta) {
        it->status = ERR_CORRUPT;
        return it->status;
    }
    it->last_delta = r.offset_delta;
    it->n_left--;
    stamp(it, &r);
    *ret_r = r;
    return 0;
}

void records_close(struct records *it)
{
    buf_close(&it->plain);
}
