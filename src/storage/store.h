/* store.h - the committed record data of one partition, in segments.
 *
 *   dir/00000000000000000417.seg   batches back to back, as consumers get them
 *   dir/00000000000000000417.idx   blocks of {offset, time, position, CRC}
 *
 * Committed batches are queued by the replica, written behind in direct writes
 * of about 256 KiB, paced so that the journal goes first, and synced at
 * flushes. Index blocks carry a CRC-32C over the stored bytes they cover,
 * first 21 bytes of each batch included; a read checks it. An index is rebuilt
 * from its segment and the manifest when it is missing or does not fit.
 * What lies behind the manifest's end in the last segment is not data: it is
 * overwritten.
 *
 * A queued batch is read from the tail, not from here: store_end() is the end
 * of what can be read here.
 *
 * An I/O error on write or sync ends the node. Thread: the loop's, except the
 * blocking open and remove, which run before the loop or in a job.
 */
#ifndef STORAGE_STORE_H
#define STORAGE_STORE_H

#include "storage/manifest.h"

struct store;

/* Each segment costs 40 bytes of every manifest, and memory. With as many as
 * this, only what reaches STORE_SEGMENT_BYTES_WIDE (or segment_bytes, whatever
 * is more) begins a new one: smaller limits could make any number of them. */
#define STORE_SEGMENTS_MAX       32768u
#define STORE_SEGMENT_BYTES_WIDE (1ull << 30)

struct store_options {
    const char *dir;         /* created if missing */
    const char *name;        /* "orders-3", for errors */
    uint64_t segment_bytes;  /* roll beyond (segment.bytes) */
    int64_t segment_ms;      /* roll when older (segment.ms), by record time */
    uint32_t write_bytes;    /* 0: 512 KiB */
    uint32_t segments_max;   /* 0: STORE_SEGMENTS_MAX */
    struct chunk_pool *pool; /* reads are charged to REPLY, writes to STATE */
};

/* Open what the manifest describes, NULL for an empty store at offset 0.
 * Blocking. Segments that lie wholly above the manifest's end or below its log
 * start are removed; other files that the manifest does not know go to
 * DIR/quarantine/. A segment that is missing, shorter than the manifest says,
 * or whose scanned part does not fit its checksums or the chain is ERR_CORRUPT
 * (the replica needs repair; then nothing is touched).
 * Errors: ERR_CORRUPT, ERR_INVALID (path), ERR_NOSPACE, ERR_IO, ERR_NOMEM. */
int store_open(struct env *e, const struct store_options *o,
               const struct manifest *m, struct store **ret_s, struct err *err);
/* Cancel reads, wait for writes in flight and for a flush that runs (its
 * callback comes), free. What is queued beyond is dropped. `cb` may be NULL;
 * it never runs before the call returns. */
void store_close(struct store *s, void (*cb)(void *arg), void *arg);
/* New limits from a changed topic configuration. */
void store_configure(struct store *s, uint64_t segment_bytes,
                     int64_t segment_ms);

/* Queue one committed batch entry (ENTRY_RECORDS), the next by offset. Shares
 * the payload until written. Errors: ERR_NOMEM. */
int store_append(struct store *s, const struct entry *entry);
/* Where the next batch will go: end of what was appended, queued included. */
int64_t store_append_end(const struct store *s);
/* Bytes queued and not yet written. */
uint64_t store_queued(const struct store *s);

/* The flush is durable: `point` is the point after the last batch it covers. */
typedef void (*store_flush_cb)(void *arg, struct log_point point);
/* Write what is queued and sync everything touched since the last flush
 * (segment, index, directory). One at a time: ERR_BUSY while one runs. */
int store_flush(struct store *s, store_flush_cb cb, void *arg);
/* The durable point, and the segments up to it, for a manifest. The array is
 * allocated in `arena`. */
struct log_point store_flushed(const struct store *s);
int store_segments(const struct store *s, struct arena *arena,
                   struct manifest_segment **ret_segments, size_t *ret_n);

/* First offset held and end (exclusive) of what can be read here. */
int64_t store_start(const struct store *s);
int64_t store_end(const struct store *s);
/* Bytes held in all segments. */
uint64_t store_bytes(const struct store *s);

struct store_read;
/* status 0: `data` (shared; the callee releases it) holds whole batches, the
 * first one containing the offset asked for, `first_offset` its base offset.
 * ERR_CORRUPT: the stored bytes do not fit their checksum; ERR_RANGE: no whole
 * batch before `offset_end`; ERR_IO; ERR_CANCELED: closed or rewound. */
typedef void (*store_read_cb)(struct store_read *r, int status,
                              struct bytes data, int64_t first_offset);
struct store_read {
    struct queue queue;
    void *impl[24];
    store_read_cb cb;
    void *data;
};
/* Read batches from the one containing `offset`, about `bytes_max` of them
 * but at least one whole batch, not beyond `offset_end`. Direct, large reads.
 * Errors: ERR_RANGE (outside [store_start, store_end)), ERR_NOMEM (no buffer
 * now: try again), ERR_IO. */
int store_read(struct store *s, struct store_read *r, int64_t offset,
               int64_t offset_end, uint32_t bytes_max, store_read_cb cb,
               void *data);

/* By timestamp: the batch that may hold the first record with timestamp >=
 * `time_ms` (ListOffsets): sets the offset to start scanning from, or
 * ERR_NOTFOUND when no stored batch reaches it. Uses the index in memory. */
int store_find_time(const struct store *s, int64_t time_ms,
                    int64_t *ret_offset);
/* The largest timestamp held and the base offset of a batch that has it;
 * -1, -1 when empty. */
void store_time_max(const struct store *s, int64_t *ret_time,
                    int64_t *ret_offset);

/* Retention: the log start offset that the rules allow, >= the present start:
 * whole closed segments whose largest time is below now - retention_ms, or
 * that make the rest still >= retention_bytes; -1 switches a rule off. Rolls
 * an active segment that is older than segment_ms. (kafka-semantics.md 14) */
int64_t store_retention(struct store *s, int64_t now_ms, int64_t retention_ms,
                        int64_t retention_bytes);
/* The log start moved (TRIM was applied and is in a durable manifest): remove
 * files wholly below it, on the work thread. Reads in flight finish. */
void store_trim(struct store *s, int64_t log_start);

/* ---- transfer (both ends) ---------------------------------------------- */

/* Pin all segments as of now, so that trimming does not remove them; returns a
 * lease to release. NULL without memory. */
struct store_lease *store_lease(struct store *s);
void store_lease_release(struct store_lease *l);
/* The last base offset in a list of (offset, chain) checkpoints from another
 * replica, ascending, at which this store's chain is known (a block begins
 * there, or it is the end) and agrees; -1 if there is none. */
int64_t store_agree(const struct store *s,
                    const struct manifest_segment *segments, size_t n);
/* Replace everything from `offset` on by batches that arrive: positions the
 * writer there. Only with nothing queued and no flush running. What lies below
 * is kept where our chain at `offset` is known and equals `chain`
 * (store_agree()); otherwise, and beyond the end, the store is emptied and
 * begins at `offset`. Writes over nothing that a manifest in force describes:
 * files given up stay until a trim covers them, or are set aside when their
 * name is wanted. Reads under way end with ERR_CANCELED.
 * Errors: ERR_BUSY, ERR_INVALID. */
int store_rewind(struct store *s, int64_t offset, uint64_t chain,
                 struct err *err);
/* Append raw batches received by a transfer: checks structure, batch CRCs and
 * offsets. Errors: ERR_CORRUPT, ERR_NOMEM. */
int store_append_raw(struct store *s, struct bytes batches);
/* Chain after the last appended batch. */
uint64_t store_chain(const struct store *s);

/* Delete the directory of a partition that was deleted (job or tool). */
int store_remove(struct env *e, const char *dir);

#endif
