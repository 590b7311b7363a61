/* iterate.h - walking the batches of a range of bytes, and the records of a
 * batch.
 *
 *     struct slice rest = segment_bytes;
 *     while ((rv = batches_next(&rest, &b)) == 0) {
 *         records_open(&it, &b, mem, bytes_max);
 *         while ((rv = records_next(&it, &r)) == 0) { ... }
 *         records_close(&it);
 *     }
 *
 * Both end with ERR_EOF. Nothing about the bytes is trusted; the checksum is
 * the caller's to compare.
 * Ownership: records of an uncompressed batch borrow the batch's bytes, those
 * of a compressed one the iterator's memory, until records_close().
 */
#ifndef RECORD_ITERATE_H
#define RECORD_ITERATE_H

#include "base/buf.h"
#include "record/batch.h"
#include "record/record.h"

/* Take the next batch off the front of `*rest`.
 *
 * Errors (`*rest` is then unchanged):
 *   ERR_EOF      `*rest` is empty, or holds a batch's beginning only: what is
 *                left tells which
 *   ERR_CORRUPT, ERR_VERSION  see batch_view()
 */
int batches_next(struct slice *rest, struct batch *ret_b);

struct records {
    struct batch batch;
    struct buf plain; /* decompressed records */
    struct cursor cursor;
    int32_t n_left;
    int32_t last_delta; /* of the record before, -1: none */
    int status;
};

/* Begin with the first record; a compressed batch is decompressed whole, into
 * at most `bytes_max` bytes from `mem`. Borrows the batch's bytes until
 * records_close(), which is needed on success only.
 *
 * Errors:
 *   ERR_TOOBIG   more than `bytes_max` bytes
 *   ERR_CORRUPT  cannot be decompressed, or is too short for its records
 *   ERR_UNSUPPORTED  a codec nobody has
 *   ERR_NOMEM
 */
int records_open(struct records *it, const struct batch *b, struct mem *mem,
                 size_t bytes_max);
/* The next record, with its offset and timestamp (for append time: the
 * batch's). Offsets rise, with gaps where compaction took records out.
 *
 * Errors (sticky):
 *   ERR_EOF      that was the last one
 *   ERR_CORRUPT  a record that breaks its lengths, offsets that do not rise or
 *                leave the batch, or bytes behind the last record
 */
int records_next(struct records *it, struct record *ret_r);
/* Free what it holds. */
void records_close(struct records *it);

#endif
