/* build.h - making batches: for the tool's producer, tests, compaction,
 * transaction markers, and topics that recompress.
 *
 * Life: build_init, build_append..., build_finish (which empties it for the
 * next batch), build_close.
 * Ownership: keys, values and headers are copied.
 */
#ifndef RECORD_BUILD_H
#define RECORD_BUILD_H

#include "base/buf.h"
#include "record/batch.h"
#include "record/compress.h"
#include "record/record.h"

struct build_options {
    unsigned codec;   /* enum batch_codec */
    int level;        /* see compress.h */
    size_t bytes_max; /* of encoded records before compression; 0: the
                       * format's own limit */
    int64_t base_offset;
    int32_t leader_epoch;
    bool transactional;
    int64_t producer_id; /* BATCH_NO_PRODUCER: the next two are -1 too */
    int16_t producer_epoch;
    int32_t base_sequence;
};

/* No codec, offset 0, no producer, no leader epoch (-1). */
#define BUILD_OPTIONS_DEFAULT                                                  \
    ((struct build_options){.level = COMPRESS_LEVEL_DEFAULT,                   \
                            .leader_epoch = -1,                                \
                            .producer_id = BATCH_NO_PRODUCER,                  \
                            .producer_epoch = -1,                              \
                            .base_sequence = BATCH_NO_SEQUENCE})

struct build_record {
    int64_t timestamp; /* ms, BATCH_NO_TIMESTAMP */
    bool key_null;
    bool value_null;
    struct slice key;
    struct slice value;
    int32_t n_headers;
    const struct record_header *headers;
};

struct build {
    struct build_options options;
    struct buf records; /* encoded, uncompressed */
    int64_t base_timestamp;
    int64_t max_timestamp;
    int32_t count;
    int32_t next_delta;
};

/* An empty batch. Copies the options; borrows `mem` until build_close(). */
void build_init(struct build *b, struct mem *mem,
                const struct build_options *options);
/* Free what it holds. */
void build_close(struct build *b);
/* The options of the batch under work, to be set before build_finish(). */
static inline struct build_options *build_options(struct build *b)
{
    return &b->options;
}

/* Add a record at the next offset.
 *
 * Errors (the batch is unchanged):
 *   ERR_FULL     it would grow beyond `bytes_max`
 *   ERR_NOMEM
 */
int build_append(struct build *b, const struct build_record *r);
/* The same at `delta` offsets behind the first, leaving a gap: for compaction.
 * Errors: as above, and ERR_INVALID (not behind the record before). */
int build_append_at(struct build *b, const struct build_record *r,
                    int32_t delta);
/* Let the batch end at this offset delta though its records end earlier (the
 * last ones were compacted away; there may be none left). Errors:
 * ERR_INVALID. */
int build_end_at(struct build *b, int32_t last_delta);

/* Compress, append the whole batch with its checksum to `out`, and start an
 * empty one with the same options, except that offset and sequence move on.
 *
 * Errors (nothing is appended):
 *   ERR_INVALID  no offsets in it, a bad level, or options that contradict
 *   ERR_TOOBIG, ERR_NOMEM, ERR_UNSUPPORTED  see compress_encode()
 */
int build_finish(struct build *b, struct buf *out);

/* A transaction's end, as it stands in a partition (KIP-98). Wire numbers. */
enum build_marker { BUILD_ABORT = 0, BUILD_COMMIT = 1 };

struct build_control {
    enum build_marker type;
    int64_t base_offset;
    int32_t leader_epoch;
    int64_t timestamp;
    int64_t producer_id;
    int16_t producer_epoch;
    int32_t coordinator_epoch;
};

/* Append a control batch: one record, one offset. Errors: ERR_NOMEM,
 * ERR_TOOBIG (out's limit). */
int build_control(const struct build_control *c, struct buf *out);

/* The content of a control batch. */
struct build_control_view {
    int16_t type; /* BUILD_ABORT, BUILD_COMMIT, others exist */
    int32_t coordinator_epoch;
};

/* Read a control batch's record. Errors: ERR_INVALID (not a control batch),
 * ERR_CORRUPT, ERR_VERSION (a type other than the two, then *ret_view holds
 * the type). */
int build_control_read(const struct batch *b,
                       struct build_control_view *ret_view);

/* Append batch `b`, its records compressed by `codec` instead; the rest of the
 * header stays. The records, at most `plain_max` bytes, are not parsed.
 * Errors: see compress_decode(), compress_encode(). */
int build_recompress(const struct batch *b, unsigned codec, int level,
                     struct mem *mem, size_t plain_max, struct buf *out);

#endif
