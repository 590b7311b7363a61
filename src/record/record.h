/* record.h - one record inside a batch (magic 2), read and written.
 *
 *     length          varint   bytes that follow
 *     attributes      1 byte   unused, 0
 *     timestamp delta varint   against the batch's base timestamp
 *     offset delta    varint   against the batch's base offset
 *     key length      varint   -1: null          key
 *     value length    varint   -1: null          value
 *     header count    varint
 *       per header: key length varint, key, value length varint (-1: null),
 *       value
 *
 * All varints are zig-zag. Thread: any.
 */
#ifndef RECORD_RECORD_H
#define RECORD_RECORD_H

#include "base/buf.h"
#include "base/cursor.h"
#include "base/slice.h"

struct record_header {
    struct slice key;
    struct slice value; /* empty if null */
    bool value_null;
};

struct record {
    int64_t offset;          /* set by the iterator */
    int64_t timestamp;       /* ms; set by the iterator */
    int64_t timestamp_delta; /* as encoded */
    int32_t offset_delta;    /* as encoded */
    int32_t n_headers;
    bool key_null;
    bool value_null;
    struct slice key;     /* borrowed; empty if null */
    struct slice value;   /* borrowed; empty if null */
    struct slice headers; /* borrowed, encoded: see record_header_next() */
};

/* Read the next record, whole and with every length checked; `offset` and
 * `timestamp` stay 0. What it returns borrows from what `c` reads.
 *
 * Errors: ERR_CORRUPT (then `c` has failed).
 */
int record_decode(struct cursor *c, struct record *ret_r);

/* Take the next header off the front of `*headers`, a copy of a decoded
 * record's. False at the end. */
bool record_header_next(struct slice *headers, struct record_header *ret_h);

/* Append an encoded record, from the deltas, key, value and `n_headers` of
 * `headers` (which may be NULL when there are none; `r->headers` is not
 * read). Errors are sticky in `out`. */
void record_encode(struct buf *out, const struct record *r,
                   const struct record_header headers[]);

#endif
