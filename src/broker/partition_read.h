/* partition_read.h - what requests ask of one partition's replica here: where
 * its log begins and ends, its epochs, the record at a time; and moving the
 * log start.
 *
 * The calls that answer later follow the house contract (callback exactly once
 * after 0, never before the call returns); a replica that closes ends them
 * with ERR_CANCELED. Thread: the loop's.
 */
#ifndef BROKER_PARTITION_READ_H
#define BROKER_PARTITION_READ_H

#include "broker/partition.h"

/* This replica leads; it also may answer (its own-term entry is committed). */
bool partition_leads(const struct partition *p);
bool partition_ready(const struct partition *p);
/* Kafka's leader epoch. */
int32_t partition_epoch(const struct partition *p);
int64_t partition_log_start(const struct partition *p);
int64_t partition_high_watermark(const struct partition *p);
int64_t partition_log_end(const struct partition *p);
/* The epoch a record was appended in, -1 unknown. At the log's end: the epoch
 * of the last record before it. */
int32_t partition_epoch_of(const struct partition *p, int64_t offset);
/* As replica_epoch_end(). */
int partition_epoch_end(const struct partition *p, int32_t epoch,
                        int32_t *ret_epoch, int64_t *ret_end);

/* As replica_read_barrier(): what is known here afterwards is no older than
 * the call. */
int partition_barrier(struct partition *p, struct replica_barrier *b,
                      uint32_t timeout_ms, replica_barrier_cb cb, void *data);
/* As replica_trim(). */
int partition_trim(struct partition *p, struct replica_append *a,
                   int64_t offset, replica_append_cb cb, void *data);

/* ---- the record at a time ------------------------------------------------ */

struct partition_search;
/* status 0: `offset`, `timestamp` and `epoch` are set, all -1 if there is no
 * such record. ERR_CORRUPT, ERR_IO, ERR_NOMEM, ERR_CANCELED, ERR_NOTREADY (the
 * data could not be read now). */
typedef void (*partition_search_cb)(struct partition_search *s, int status);
struct partition_search {
    struct replica_read read; /* private, as all up to `offset` */
    struct env_turn turn;
    struct partition_watch watch; /* tells when the partition is gone */
    struct partition *partition;  /* NULL: gone */
    struct env *env;
    struct mem *mem;
    bool survey;     /* looking for the largest timestamp itself */
    int64_t time_ms; /* what is looked for */
    int64_t at, end; /* where it looks next, and up to where */
    int64_t best_time, best_offset; /* of a survey */
    int64_t offset;
    int64_t timestamp;
    int32_t epoch;
    partition_search_cb cb;
    void *data;
};
/* Find the first committed record whose timestamp is >= time_ms (>= 0),
 * wherever it stands in its batch. */
void partition_search_time(struct partition *p, struct partition_search *s,
                           int64_t time_ms, partition_search_cb cb, void *data);
/* Find the first committed record that has the largest timestamp of all. */
void partition_search_max(struct partition *p, struct partition_search *s,
                          partition_search_cb cb, void *data);

/* ---- one step of a search; here for tests ---------------------------------
 */

/* Look through whole batches for the first record with offset in [from, end)
 * and timestamp >= time_ms. *ret_next is where to go on: behind the last batch
 * looked at: *ret_unpacked, the first one that was unpacked for nothing, since
 * its header may say what it likes and a turn has no time for more of those. A
 * batch that unpacks to more than COMPRESS_PLAIN_MAX is found as a whole.
 * Errors: ERR_NOTFOUND (not in these), ERR_CORRUPT, ERR_NOMEM. */
int partition_scan(struct slice batches, struct mem *mem, int64_t time_ms,
                   int64_t from, int64_t end, int64_t *ret_next,
                   int64_t *ret_offset, int64_t *ret_timestamp,
                   int32_t *ret_epoch, bool *ret_unpacked);
/* Look through whole batches for the largest timestamp of records with offset
 * in [from, end): raises *best_time, and sets *best_offset to where that record
 * or the batch that holds it begins. *ret_next as above. Errors: as above, but
 * 0 at the end of the bytes. */
int partition_survey(struct slice batches, struct mem *mem, int64_t from,
                     int64_t end, int64_t *ret_next, int64_t *best_time,
                     int64_t *best_offset);

#endif
