/* Fetch (4-17): committed data only, from the tail's buffers or by large reads
 * of segments; long polls wait on the high watermark.
 *
 *   plan -> attempt -> reads of segments under way -> enough? -> reply
 *              ^                                        | no
 *              +----- a partition moved <--- park <-----+
 */
#include <string.h>

#include "api/fetch_impl.h"
#include "api/handlers.h"
#include "api/request_impl.h"
#include "broker/partition_read.h"
#include "record/batch.h"
#include "wire/errors.h"
#include "wire/gen/fetch.h"

/* Batches of one partition taken from the tail at once. */
#define PIECES_MAX 64
#define RETRY_MS   5
/* A leader that does not hear of most others for so long leads no more. */
#define CONFIRM_MS 2000

static void attempt(struct fetch_state *s);

/* ---- one partition ---------------------------------------------------- */

/* The bytes before the first batch in zstd. */
static size_t len_without_zstd(struct slice in)
{
    struct batch b;
    for (size_t at = 0; at < in.len; at += b.length) {
        if (batch_view(slice_of(in.data + at, in.len - at), &b) != 0) {
            break; /* not for us to judge */
        }
        if (batch_codec(&b) == BATCH_CODEC_ZSTD) {
            return at;
        }
    }
    return in.len;
}

/* zstd is for readers of version 10 and later (kafka-semantics.md 3): others
 * get what stands before it. False if nothing does. */
static bool cut_zstd(struct fetch_item *it)
{
    if (it->state->request->version >= 10) {
        return true;
    }
    for (unsigned i = 0; i < it->n_pieces; i++) {
        size_t len = len_without_zstd(bytes_slice(it->pieces[i]));
        if (len == it->pieces[i].len) {
            continue;
        }
        it->pieces[i].len = len;
        for (unsigned k = len > 0 ? i + 1 : i; k < it->n_pieces; k++) {
            bytes_release(&it->pieces[k]);
        }
        it->n_pieces = len > 0 ? i + 1 : i;
        it->state->answer_now = true; /* more will not come */
        return it->n_pieces > 0;
    }
    return true;
}

/* A single batch larger than what the client wants of this partition: only the
 * first partition with data may give it. One that stands behind others is told
 * nothing, and comes to be the first: sessions, and clients without one, move
 * who gave something to the end. */
static bool is_too_large(const struct fetch_item *it)
{
    const struct fetch_state *s = it->state;
    uint64_t max = it->fp->max_bytes > 0 ? (uint64_t)it->fp->max_bytes : 0;
    return it->bytes > max && s->first != NULL && s->first < it;
}

/* What was read counts against the limits: the first partition with data gets
 * at least one batch, whatever its size (KIP-74). What does not fit beside the
 * reservations of others may fit beside what they turn out to read. */
static void account(struct fetch_item *it)
{
    struct fetch_state *s = it->state;
    bool readable = cut_zstd(it);
    it->bytes = 0;
    for (unsigned i = 0; i < it->n_pieces; i++) {
        it->bytes += it->pieces[i].len;
    }
    if (!readable) {
        fetch_fail(it, KERR_UNSUPPORTED_COMPRESSION_TYPE);
    } else if (s->bytes > 0 && s->bytes + it->bytes > s->bytes_max) {
        fetch_drop(it);
        it->skipped = s->reserved > 0;
    } else if (is_too_large(it)) {
        fetch_drop(it);
    }
    s->bytes += it->bytes;
    if (it->n_pieces > 0 && (s->first == NULL || it < s->first)) {
        s->first = it;
    }
}

static void evaluate(struct fetch_state *s);

static void on_read(struct replica_read *rd, int status, struct bytes data,
                    int64_t first_offset)
{
    struct fetch_item *it = rd->data;
    struct fetch_state *s = it->state;
    (void)first_offset;
    it->reading = false;
    s->reading--;
    s->bytes -= it->reserved;
    s->reserved -= it->reserved;
    if (status == 0) {
        it->pieces[0] = data;
        it->n_pieces = 1;
        account(it);
    } else if (status == ERR_NOMEM || status == ERR_CANCELED) {
        s->retry = true;
    } else {
        fetch_fail(it, request_error(status));
    }
    if (s->reading == 0) {
        evaluate(s);
    }
}

static void fetch_one(struct fetch_item *it);

static void on_confirmed(struct replica_barrier *b, int status)
{
    struct fetch_item *it = b->data;
    struct fetch_state *s = it->state;
    if (status == 0) {
        it->confirmed = true;
        fetch_one(it);
    } else {
        fetch_fail(it, KERR_NOT_LEADER_OR_FOLLOWER);
    }
    if (--s->reading == 0) {
        evaluate(s);
    }
}

/* Ask the others whether this replica still leads, then look again. Few items
 * ever do: the room for it is not theirs. */
static void confirm(struct fetch_item *it)
{
    struct fetch_state *s = it->state;
    struct replica_barrier *b = arena_calloc(&s->request->arena, 1, sizeof *b);
    if (b == NULL) {
        fetch_fail(it, KERR_KAFKA_STORAGE_ERROR);
    } else if (partition_barrier(it->partition, b, CONFIRM_MS, on_confirmed,
                                 it) != 0) {
        fetch_fail(it, KERR_NOT_LEADER_OR_FOLLOWER);
    } else {
        s->reading++;
    }
}

static void fetch_one(struct fetch_item *it)
{
    struct fetch_state *s = it->state;
    int64_t offset = it->fp->fetch_offset;
    uint64_t left = s->bytes < s->bytes_max ? s->bytes_max - s->bytes : 0;
    uint32_t max = it->fp->max_bytes > 0 ? (uint32_t)it->fp->max_bytes : 0;
    it->error = KERR_NONE;
    it->diverging = false;
    it->skipped = false;
    if (!fetch_find(it)) {
        return;
    }
    struct replica *r = partition_replica(it->partition);
    if (r == NULL) {
        fetch_fail(it, KERR_NOT_LEADER_OR_FOLLOWER);
        return;
    }
    switch (fetch_look(it, r)) {
    case FETCH_NOWHERE:
        return;
    case FETCH_UNSURE:
        confirm(it);
        return;
    case FETCH_HERE:
        break;
    }
    if (s->bytes > 0 && left == 0) {
        it->skipped = s->reserved > 0;
        return;
    }
    if (max > left) {
        max = (uint32_t)left;
    }
    if (it->pieces == NULL) {
        it->pieces =
            arena_calloc(&s->request->arena, PIECES_MAX, sizeof *it->pieces);
    }
    if (it->pieces == NULL) {
        fetch_fail(it, KERR_KAFKA_STORAGE_ERROR);
        return;
    }
    it->n_pieces = replica_read_tail(r, offset, it->high_watermark, max,
                                     it->pieces, PIECES_MAX);
    if (it->n_pieces > 0) {
        account(it);
        return;
    }
    int rv = replica_read(r, &it->read, offset, it->high_watermark, max,
                          on_read, it);
    if (rv == 0) {
        it->reading = true;
        s->reading++;
        it->reserved = max;
        s->bytes += max;
        s->reserved += max;
    } else if (rv == ERR_NOMEM) {
        s->retry = true;
    } else {
        fetch_fail(it, request_error(rv));
    }
}

/* ---- waiting and ending ----------------------------------------------- */

static void unpark(struct fetch_state *s)
{
    env_timer_stop(s->request->env, &s->timer);
    s->request->server->fetches_waiting -= s->parked;
    s->parked = false;
    for (unsigned i = 0; i < s->n_items; i++) {
        if (s->items[i].watched) {
            partition_unwatch(&s->items[i].watch);
            s->items[i].watched = false;
        }
    }
}

static void end_session(struct fetch_state *s)
{
    if (s->plan.session != NULL) {
        fetch_session_done(s->request->server->sessions, s->plan.session);
        s->plan.session = NULL;
    }
}

static void reply(struct fetch_state *s)
{
    struct request *r = s->request;
    struct fetch_response out;
    wire_init(&wire_fetch_response, &out);
    out.error_code = s->plan.error;
    out.session_id = s->plan.session != NULL ? s->plan.session->id : 0;
    s->ended = true;
    unpark(s);
    bool ok = fetch_fill(s, &out);
    end_session(s);
    if (!ok) {
        for (unsigned i = 0; i < s->n_items; i++) {
            fetch_drop(&s->items[i]);
        }
        request_close(r, "out of memory");
        return;
    }
    request_reply(r, &out);
}

static void drop(struct fetch_state *s)
{
    s->ended = true;
    unpark(s);
    for (unsigned i = 0; i < s->n_items; i++) {
        fetch_drop(&s->items[i]);
    }
    end_session(s);
    request_silent(s->request);
}

static void on_watch(struct partition_watch *w, bool gone)
{
    struct fetch_item *it = w->data;
    if (gone) {
        it->watched = false;
    }
    if (!it->state->ended) {
        attempt(it->state);
    }
}

static void on_timer(struct env_timer *t)
{
    attempt(t->data);
}

static void park(struct fetch_state *s, uint64_t until_ms)
{
    struct request *r = s->request;
    env_timer_start(r->env, &s->timer, until_ms);
    for (unsigned i = 0; i < s->n_items; i++) {
        struct fetch_item *it = &s->items[i];
        fetch_drop(it);
        if (!it->watched && it->partition != NULL) {
            partition_watch(it->partition, &it->watch, on_watch, it);
            it->watched = true;
        }
    }
    s->request->server->fetches_waiting += !s->parked;
    s->parked = true;
}

/* Has a partition changed, or gone, while others were being read? Nobody would
 * tell of that any more, and of one that is gone nothing may be touched. */
static bool moved(const struct fetch_state *s)
{
    const struct broker *b = s->request->broker;
    for (unsigned i = 0; i < s->n_items; i++) {
        const struct fetch_item *it = &s->items[i];
        const struct replica *r;
        if (it->partition == NULL) {
            continue;
        }
        if (broker_partition(b, it->group) != it->partition) {
            return true;
        }
        r = partition_replica(it->partition);
        if (r == NULL || replica_high_watermark(r) != it->high_watermark ||
            !fetch_serves(s, r)) {
            return true;
        }
    }
    return false;
}

/* Read what was skipped, now that there is room: false if there is none, or
 * nothing was. Each time round one at least is no longer skipped. */
static bool fetch_skipped(struct fetch_state *s)
{
    bool any = false;
    if (s->bytes >= s->bytes_max) {
        return false;
    }
    s->reading++; /* ours, as in attempt() */
    for (unsigned i = 0; i < s->n_items; i++) {
        if (s->items[i].skipped) {
            any = true;
            fetch_one(&s->items[i]);
        }
    }
    s->reading--;
    return any;
}

/* All reads have ended: reply, or wait for more. */
static void evaluate(struct fetch_state *s)
{
    struct request *r = s->request;
    uint64_t now = env_now_ms(r->env);
    uint64_t bytes = 0;
    uint64_t min = s->in->min_bytes > 0 ? (uint64_t)s->in->min_bytes : 0;
    if (r->gone) {
        drop(s);
        return;
    }
    for (unsigned i = 0; i < s->n_items; i++) {
        bytes += s->items[i].bytes;
    }
    if (min > s->bytes_max) {
        min = s->bytes_max;
    }
    if (s->plan.error != KERR_NONE || s->answer_now || bytes >= min ||
        now >= s->deadline_ms || s->n_items == 0) {
        reply(s);
    } else if (fetch_skipped(s)) {
        if (s->reading == 0) {
            evaluate(s);
        } /* else the end of a read does */
    } else if (moved(s)) {
        attempt(s);
    } else if (s->retry && now + RETRY_MS < s->deadline_ms) {
        park(s, now + RETRY_MS);
    } else {
        park(s, s->deadline_ms);
    }
}

static void attempt(struct fetch_state *s)
{
    if (s->reading > 0) {
        return; /* its end evaluates */
    }
    s->bytes = 0;
    s->first = NULL;
    s->answer_now = false;
    s->retry = false;
    s->reading++; /* ours, so that no read ends the attempt early */
    for (unsigned i = 0; i < s->n_items; i++) {
        fetch_drop(&s->items[i]);
        s->items[i].confirmed = false;
        fetch_one(&s->items[i]);
    }
    if (--s->reading == 0) {
        evaluate(s);
    }
}

static void on_gone(struct request *r)
{
    struct fetch_state *s = r->state;
    if (s->reading == 0) {
        drop(s);
    }
}

static bool make_items(struct fetch_state *s)
{
    struct queue *q, *tmp;
    unsigned n = 0;
    QUEUE_FOREACH(q, tmp, s->plan.partitions)
    {
        n++;
    }
    s->items = arena_calloc(&s->request->arena, n, sizeof *s->items);
    if (s->items == NULL) {
        return false;
    }
    QUEUE_FOREACH(q, tmp, s->plan.partitions)
    {
        struct fetch_item *it = &s->items[s->n_items++];
        it->state = s;
        it->fp = QUEUE_ENTRY(q, struct fetch_partition, queue);
        it->high_watermark = -1;
        it->log_start = -1;
    }
    return true;
}

void api_fetch(struct request *r)
{
    struct fetch_state *s = request_alloc(r, sizeof *s);
    int64_t node_max, wait_max;
    if (s == NULL) {
        return;
    }
    s->request = r;
    s->in = r->body;
    r->state = s;
    env_timer_init(&s->timer, on_timer, s);
    if (fetch_replica(s) >= 0) {
        request_close(r, "replica_id of a broker: followers do not fetch here");
        return;
    }
    if (fetch_plan(r->server->sessions, s->in, r->version, &r->arena,
                   &s->plan) != 0 ||
        !make_items(s)) {
        end_session(s);
        request_close(r, "out of memory");
        return;
    }
    node_max = config_long(broker_config(r->broker), NODE_FETCH_MAX_BYTES);
    s->bytes_max = s->in->max_bytes > 0 ? (uint64_t)s->in->max_bytes : 0;
    if (s->bytes_max > (uint64_t)node_max) {
        s->bytes_max = (uint64_t)node_max;
    }
    wait_max = config_long(broker_config(r->broker), NODE_FETCH_MAX_WAIT_MS);
    s->deadline_ms = env_now_ms(r->env);
    if (s->in->max_wait_ms > 0) {
        s->deadline_ms +=
            (uint64_t)(s->in->max_wait_ms < wait_max ? s->in->max_wait_ms
                                                     : wait_max);
    }
    r->cancel = on_gone;
    attempt(s);
}
