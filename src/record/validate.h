/* validate.h - is what a client wants to append a batch we can stand for?
 *
 * One call per partition of a Produce request, in Apache Kafka's order, so
 * that a client with several faults gets the answer Kafka gives:
 *
 *   produce version below 3                      35 unsupported version
 *   no whole batch                               87
 *   a length no batch has, magic above 2          2
 *   magic 0 or 1                                 87
 *   zstd before produce version 7, codec 5-7     76
 *   more than one batch, or bytes behind it      87
 *   base offset not 0 (rules->strict only)       87
 *   longer than max_message_bytes                10
 *   shorter than a header, checksum               2
 *   no records; count and last offset disagree   87
 *   control batch; delete horizon; producer id
 *     without sequence or epoch; transactional
 *     without producer id                        87
 *   append time claimed; too far in the future
 *     or the past                                32
 *   a record: lengths, offset deltas, null key
 *     on a compacted topic                       87
 *
 * Choices of ours:
 * - Magic 0 and 1: Kafka 4 knows them in no produce request it serves, and so
 *   do we: 87 inside version 3 and later; versions 0 to 2, which could carry
 *   them, are answered 35 as a whole. 43 (UNSUPPORTED_FOR_MESSAGE_FORMAT) is
 *   never needed, since no topic has an older format.
 * - Kafka cuts a partial batch behind the first one off and acknowledges; we
 *   refuse it: whoever sent it believes it stored.
 * - Records of an uncompressed batch are always parsed: one pass over varints,
 *   no copies. Those of a compressed one only if the rules ask for something
 *   that the header cannot answer: `inspect_compressed`, `compacted` (keys) or
 *   a `before_max_ms` (the oldest record; headers have the first and the
 *   newest). The future bound is then checked against the header's max
 *   timestamp, which is what time indexes and retention go by.
 * - The true max timestamp wins over the header's where records were parsed:
 *   see batch_settle().
 *
 * Thread: any. Limits: at most `plain_bytes_max` decompressed bytes.
 */
#ifndef RECORD_VALIDATE_H
#define RECORD_VALIDATE_H

#include "base/err.h"
#include "base/mem.h"
#include "record/batch.h"

/* Kafka's numbers of the refusals, as they go on the wire. */
enum batch_refusal {
    BATCH_ACCEPTED = 0,
    BATCH_CORRUPT_MESSAGE = 2,
    BATCH_MESSAGE_TOO_LARGE = 10,
    BATCH_INVALID_TIMESTAMP = 32,
    BATCH_UNSUPPORTED_VERSION = 35,
    BATCH_STORAGE_ERROR = 56, /* no memory to look inside: try again */
    BATCH_UNSUPPORTED_COMPRESSION = 76,
    BATCH_INVALID_RECORD = 87
};

/* No bound on the age of a record. */
#define BATCH_AGE_UNLIMITED INT64_MAX
/* The first version whose payload is magic 2, and the first with zstd. */
#define BATCH_PRODUCE_VERSION_MIN  3
#define BATCH_PRODUCE_VERSION_ZSTD 7

/* Times in ms; the three are never negative (asserted). */
struct batch_rules {
    int produce_version;
    bool strict;               /* refuse a base offset other than 0 */
    size_t max_message_bytes;  /* of the batch as sent, prefix included */
    enum batch_time time_type; /* message.timestamp.type */
    int64_t now_ms;            /* the broker's time */
    int64_t before_max_ms;     /* message.timestamp.before.max.ms */
    int64_t after_max_ms;      /* message.timestamp.after.max.ms */
    bool compacted;            /* cleanup.policy contains compact */
    bool inspect_compressed;   /* parse compressed records too */
    size_t plain_bytes_max;    /* the most a compressed batch may become */
    struct mem *mem;           /* for decompressing; borrowed */
};

/* Kafka's defaults: version 13, 1048588 bytes, create time, any age, 1 h into
 * the future; COMPRESS_PLAIN_MAX decompressed. `now_ms` and `mem` are 0. */
extern const struct batch_rules batch_rules_default;

/* Why a batch was refused. */
struct batch_reject {
    enum batch_refusal refusal;
    int32_t record;  /* index in the batch, -1: the batch as a whole */
    struct err text; /* for error_message and record_errors */
};

/* Judge a partition's payload. On success `*ret_b` is its view, borrowing
 * `records`, with the true max timestamp where records were parsed. On any
 * error `*why` says what Kafka says.
 *
 * Errors:
 *   ERR_VERSION      35
 *   ERR_CORRUPT      2
 *   ERR_INVALID      87
 *   ERR_TOOBIG       10, also for a batch that decompresses to more than
 *                    plain_bytes_max: clients then send smaller ones
 *   ERR_UNSUPPORTED  76
 *   ERR_RANGE        32
 *   ERR_NOMEM        56
 */
int batch_validate(struct slice records, const struct batch_rules *rules,
                   struct batch *ret_b, struct batch_reject *why);

/* Make the bytes of a validated batch say what the topic wants: append time
 * stamped (time type append), or the max timestamp corrected to `b`'s. Offset
 * and epoch are the caller's to set. `bytes` are those that `b` views, in
 * memory that may be written. Updates the view. */
void batch_settle(uint8_t *bytes, struct batch *b,
                  const struct batch_rules *rules);

#endif
