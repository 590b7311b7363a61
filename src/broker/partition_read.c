#include "broker/partition_read.h"

#include "base/assert.h"
#include "broker/broker.h"
#include "record/compress.h"
#include "record/iterate.h"

/* Read from segments at once, and looked at in one turn of the tail. */
#define SEARCH_READ_BYTES  (256u << 10)
#define SEARCH_TAIL_BYTES  (1u << 20)
#define SEARCH_TAIL_PIECES 64

bool partition_leads(const struct partition *p)
{
    return replica_is_leader(partition_replica(p));
}

bool partition_ready(const struct partition *p)
{
    return replica_ready(partition_replica(p));
}

int32_t partition_epoch(const struct partition *p)
{
    return replica_epoch(partition_replica(p));
}

int64_t partition_log_start(const struct partition *p)
{
    return replica_log_start(partition_replica(p));
}

int64_t partition_high_watermark(const struct partition *p)
{
    return replica_high_watermark(partition_replica(p));
}

int64_t partition_log_end(const struct partition *p)
{
    return replica_log_end(partition_replica(p));
}

int32_t partition_epoch_of(const struct partition *p, int64_t offset)
{
    return replica_epoch_of(partition_replica(p), offset);
}

int partition_epoch_end(const struct partition *p, int32_t epoch,
                        int32_t *ret_epoch, int64_t *ret_end)
{
    return replica_epoch_end(partition_replica(p), epoch, ret_epoch, ret_end);
}

int partition_barrier(struct partition *p, struct replica_barrier *b,
                      uint32_t timeout_ms, replica_barrier_cb cb, void *data)
{
    return replica_read_barrier(partition_replica(p), b, timeout_ms, cb, data);
}

int partition_trim(struct partition *p, struct replica_append *a,
                   int64_t offset, replica_append_cb cb, void *data)
{
    return replica_trim(partition_replica(p), a, offset, cb, data);
}

/* ---- one step of a search ------------------------------------------------ */

/* The first record of one batch that fits. One that unpacks to more than may be
 * (nobody has looked into it when it came) counts as a whole: as its first
 * record that is asked for, with one of the batch's own times, and none that
 * is earlier than what was asked for: a client takes -1 for nothing found. */
static int scan_batch(const struct batch *b, struct mem *mem, int64_t time_ms,
                      int64_t from, int64_t end, int64_t *ret_offset,
                      int64_t *ret_timestamp)
{
    struct records it;
    struct record rec;
    int rv = records_open(&it, b, mem, COMPRESS_PLAIN_MAX);
    if (rv == ERR_TOOBIG) {
        *ret_offset = b->base_offset > from ? b->base_offset : from;
        *ret_timestamp =
            b->base_timestamp >= time_ms ? b->base_timestamp : b->max_timestamp;
        return 0;
    }
    if (rv != 0) {
        return rv;
    }
    while ((rv = records_next(&it, &rec)) == 0) {
        if (rec.offset >= end) {
            rv = ERR_EOF;
            break;
        }
        if (rec.offset >= from && rec.timestamp >= time_ms) {
            *ret_offset = rec.offset;
            *ret_timestamp = rec.timestamp;
            break;
        }
    }
    records_close(&it);
    return rv == ERR_EOF ? ERR_NOTFOUND : rv;
}

int partition_scan(struct slice batches, struct mem *mem, int64_t time_ms,
                   int64_t from, int64_t end, int64_t *ret_next,
                   int64_t *ret_offset, int64_t *ret_timestamp,
                   int32_t *ret_epoch, bool *ret_unpacked)
{
    struct batch b;
    int rv;
    while ((rv = batches_next(&batches, &b)) == 0) {
        *ret_next = batch_next_offset(&b);
        if (b.base_offset >= end) {
            return ERR_NOTFOUND;
        }
        if (b.max_timestamp < time_ms || batch_next_offset(&b) <= from ||
            batch_is_control(&b)) {
            continue;
        }
        rv = scan_batch(&b, mem, time_ms, from, end, ret_offset, ret_timestamp);
        if (rv == 0) {
            *ret_epoch = b.leader_epoch;
        }
        *ret_unpacked =
            rv == ERR_NOTFOUND && batch_codec(&b) != BATCH_CODEC_NONE;
        if (rv != ERR_NOTFOUND || *ret_unpacked) {
            return rv;
        }
    }
    return rv == ERR_EOF ? ERR_NOTFOUND : rv;
}

/* The largest timestamp of the records of a batch from `from` on. */
static int survey_batch(const struct batch *b, struct mem *mem, int64_t from,
                        int64_t *best_time, int64_t *best_offset)
{
    struct records it;
    struct record rec;
    int rv = records_open(&it, b, mem, COMPRESS_PLAIN_MAX);
    if (rv == ERR_TOOBIG) {
        *best_time = b->max_timestamp; /* larger: else nobody looks inside */
        *best_offset = from;
        return 0;
    }
    if (rv != 0) {
        return rv;
    }
    while ((rv = records_next(&it, &rec)) == 0) {
        if (rec.offset >= from && rec.timestamp > *best_time) {
            *best_time = rec.timestamp;
            *best_offset = rec.offset;
        }
    }
    records_close(&it);
    return rv == ERR_EOF ? 0 : rv;
}

int partition_survey(struct slice batches, struct mem *mem, int64_t from,
                     int64_t end, int64_t *ret_next, int64_t *best_time,
                     int64_t *best_offset)
{
    struct batch b;
    int rv;
    while ((rv = batches_next(&batches, &b)) == 0) {
        *ret_next = batch_next_offset(&b);
        if (b.base_offset >= end) {
            return 0;
        }
        if (b.max_timestamp <= *best_time || batch_next_offset(&b) <= from ||
            batch_is_control(&b)) {
            continue;
        }
        if (b.base_offset >= from) {
            *best_time = b.max_timestamp;
            *best_offset = b.base_offset;
            continue;
        }
        rv = survey_batch(&b, mem, from, best_time, best_offset);
        if (rv != 0) {
            return rv;
        }
    }
    return rv == ERR_EOF ? 0 : rv;
}

/* ---- the search ----------------------------------------------------------
 *
 *     turn --> tail has `at`? --yes--> scan pieces --found--> callback
 *      ^            | no                   | not in these
 *      |            v                      |
 *      |       read segments --> scan      |
 *      +------------+----------------------+
 *
 * Internally ERR_NOTFOUND is "go on behind these bytes".
 */

static void search_done(struct partition_search *s, int status)
{
    env_turn_cancel(s->env, &s->turn);
    if (s->partition != NULL) {
        partition_unwatch(&s->watch);
    }
    s->cb(s, status);
}

static void on_search_watch(struct partition_watch *w, bool gone)
{
    struct partition_search *s = w->data;
    if (gone) {
        s->partition = NULL;
    }
}

/* Look at some bytes. *ret_enough: and at no more in this turn. */
static int search_scan(struct partition_search *s, struct slice batches,
                       bool *ret_enough)
{
    int64_t next = s->at;
    int rv;
    if (s->survey) {
        rv = partition_survey(batches, s->mem, s->at, s->end, &next,
                              &s->best_time, &s->best_offset);
        rv = rv == 0 ? ERR_NOTFOUND : rv;
    } else {
        rv = partition_scan(batches, s->mem, s->time_ms, s->at, s->end, &next,
                            &s->offset, &s->timestamp, &s->epoch, ret_enough);
    }
    if (rv == ERR_NOTFOUND && next <= s->at) {
        return ERR_CORRUPT; /* bytes that lead nowhere */
    }
    s->at = next;
    return rv;
}

static void on_search_read(struct replica_read *rd, int status,
                           struct bytes data, int64_t first_offset)
{
    struct partition_search *s = rd->data;
    bool enough = false;
    (void)first_offset;
    if (status == ERR_RANGE) {
        status = ERR_NOTREADY; /* trimmed or moved meanwhile */
    }
    if (status == 0) {
        status = search_scan(s, bytes_slice(data), &enough);
        bytes_release(&data);
    }
    if (status == ERR_NOTFOUND) {
        env_turn_request(s->env, &s->turn);
        return;
    }
    search_done(s, status);
}

/* Look at what the tail has from `at` on. ERR_RANGE: nothing. */
static int search_tail(struct partition_search *s)
{
    struct bytes pieces[SEARCH_TAIL_PIECES];
    int rv = ERR_NOTFOUND;
    bool enough = false;
    unsigned n =
        replica_read_tail(partition_replica(s->partition), s->at, s->end,
                          SEARCH_TAIL_BYTES, pieces, SEARCH_TAIL_PIECES);
    if (n == 0) {
        return ERR_RANGE;
    }
    for (unsigned i = 0; i < n; i++) {
        if (rv == ERR_NOTFOUND && !enough) {
            rv = search_scan(s, bytes_slice(pieces[i]), &enough);
        }
        bytes_release(&pieces[i]);
    }
    return rv;
}

/* Nothing is left to look at: a survey goes back to what it found. */
static bool search_again(struct partition_search *s)
{
    if (!s->survey || s->best_offset < 0) {
        return false;
    }
    s->survey = false;
    s->at = s->best_offset;
    s->time_ms = s->best_time;
    return true;
}

/* One stretch from `at` on: ERR_BUSY when a read was started. */
static int search_step(struct partition_search *s)
{
    if (s->partition == NULL) {
        return ERR_CANCELED;
    }
    if (s->at >= s->end) {
        return search_again(s) ? ERR_NOTFOUND : 0;
    }
    int rv = search_tail(s);
    if (rv != ERR_RANGE) {
        return rv;
    }
    rv = replica_read(partition_replica(s->partition), &s->read, s->at, s->end,
                      SEARCH_READ_BYTES, on_search_read, s);
    return rv == 0 ? ERR_BUSY : rv == ERR_RANGE ? ERR_NOTREADY : rv;
}

static void on_search_turn(struct env_turn *t)
{
    struct partition_search *s = t->data;
    int rv = search_step(s);
    if (rv == ERR_NOTFOUND) {
        env_turn_request(s->env, &s->turn);
    } else if (rv != ERR_BUSY) {
        search_done(s, rv);
    }
}

static void search_start(struct partition *p, struct partition_search *s,
                         int64_t time_ms, int64_t at, partition_search_cb cb,
                         void *data)
{
    struct env *e = partition_env(p);
    *s = (struct partition_search){.partition = p,
                                   .env = e,
                                   .mem = env_mem(e),
                                   .time_ms = time_ms,
                                   .at = at,
                                   .end = partition_high_watermark(p),
                                   .best_time = -1,
                                   .best_offset = -1,
                                   .offset = -1,
                                   .timestamp = -1,
                                   .epoch = -1,
                                   .cb = cb,
                                   .data = data};
    env_turn_init(&s->turn, ENV_TURN_PEERS, on_search_turn, s);
    partition_watch(p, &s->watch, on_search_watch, s);
    env_turn_request(e, &s->turn);
}

void partition_search_time(struct partition *p, struct partition_search *s,
                           int64_t time_ms, partition_search_cb cb, void *data)
{
    int64_t at;
    if (replica_find_time(partition_replica(p), time_ms, &at) != 0) {
        at = partition_high_watermark(p);
    }
    search_start(p, s, time_ms, at, cb, data);
}

void partition_search_max(struct partition *p, struct partition_search *s,
                          partition_search_cb cb, void *data)
{
    int64_t time_ms, at;
    int64_t start = partition_log_start(p);
    replica_time_max(partition_replica(p), &time_ms, &at);
    if (at < 0) {
        at = partition_high_watermark(p); /* no timestamps here */
    }
    search_start(p, s, time_ms, at > start ? at : start, cb, data);
    /* What begins below the log start may hold a larger one that is no longer
     * served: look at all that is. */
    s->survey = at < start;
}
