/* sequence.h - what a partition knows of an idempotent producer (KIP-98).
 *
 * The last five batches of each producer, so that a retry is answered with the
 * offsets of the first copy and a hole is refused. Pure functions: the owner
 * keeps the entries, one per producer id, and folds them over the log.
 *
 *   batch of epoch e, first sequence s; entry of epoch E, last sequence S
 *
 *   no entry              append, any s
 *   e < E                 fenced
 *   e > E                 append if s = 0, else out of order
 *   e = E, in the window  duplicate
 *   e = E                 append if s follows S (0 follows 2147483647; behind
 *                         an empty window only 0 does), else out of order
 *
 * A producer without state may start anywhere: its state may have expired
 * (decisions/0005; the owner may know of a batch in front). Thread: any.
 * Nothing here allocates but the buffer of producer_encode().
 */
#ifndef RECORD_SEQUENCE_H
#define RECORD_SEQUENCE_H

#include "base/buf.h"
#include "base/cursor.h"
#include "record/batch.h"

/* Clients have at most five requests in flight. */
#define PRODUCER_WINDOW    5
#define PRODUCER_NO_OFFSET (-1)

struct producer_batch {
    int32_t first_seq;
    int32_t last_seq;
    int64_t base_offset;
    int64_t last_offset;
    int64_t timestamp; /* the batch's max timestamp */
};

struct producer_entry {
    int64_t producer_id;
    int16_t producer_epoch;
    int16_t n;                 /* batches in the window, oldest first */
    int32_t coordinator_epoch; /* of the last marker, -1: none yet */
    int64_t txn_first_offset;  /* of the open transaction, or -1 */
    int64_t last_timestamp;    /* when it was last heard of, ms */
    struct producer_batch batches[PRODUCER_WINDOW];
};

/* Refusals carry Kafka's error numbers. */
enum producer_verdict {
    PRODUCER_APPEND = 0,
    PRODUCER_DUPLICATE = 1,
    PRODUCER_OUT_OF_ORDER = 45,
    PRODUCER_FENCED = 47
};

/* Judge a batch a client sent. `e` is the entry of its producer id (asserted)
 * or NULL; a batch without producer id, and a control batch, are always
 * appended. On PRODUCER_DUPLICATE `*ret_first` is the first copy. */
enum producer_verdict producer_check(const struct producer_entry *e,
                                     const struct batch *b,
                                     struct producer_batch *ret_first);

/* An entry that knows nothing but its id. */
void producer_init(struct producer_entry *e, int64_t producer_id);

/* Fold a batch that is in the log at `base_offset` into the entry of its
 * producer (asserted), whatever producer_check() would say of it: the log is
 * right. A transactional one opens a transaction if none is open; a control
 * batch ends it, and its coordinator's epoch is kept; one without sequence
 * or of an older epoch (no broker appends that) leaves the window alone.
 * `now_ms` is the log's time of the batch, not a clock's. */
void producer_update(struct producer_entry *e, const struct batch *b,
                     int64_t base_offset, int64_t now_ms);

/* Assert what must hold of an entry. */
void producer_entry_check(const struct producer_entry *e);

/* Append the entry, little-endian:
 *   u8 version (1), u8 n, u16 producer epoch, u32 coordinator epoch,
 *   u64 producer id, u64 transaction's first offset, u64 last timestamp,
 *   n times: u32 first and last sequence, u64 base and last offset, u64
 *   timestamp
 * Errors are sticky in `out`. */
void producer_encode(const struct producer_entry *e, struct buf *out);
/* Read one; `c` stands behind it afterwards.
 *
 * Errors: ERR_CORRUPT, ERR_VERSION (of a later format). */
int producer_decode(struct cursor *c, struct producer_entry *ret_e);

#endif
