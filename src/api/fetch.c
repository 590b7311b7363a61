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
#include "base/assert.h"
#include "broker/partition_read.h"
#include "record/batch.h"
#include "wire/errors.h"
#include "wire/gen/fetch.h"

/* Batches of one partition taken from the tail at once. */
#define PIECES_MAX 64
/* Kafka's debug consumer: any replica answers, up to its high watermark. */
#define REPLICA_DEBUG (-2)
#define RETRY_MS      5
/* A leader that does not hear of most others for so long leads no more. */
#define CONFIRM_MS 2000

static void attempt(struct fetch_state *s);

/* ---- one partition ---------------------------------------------------- */

static void release_pieces(struct fetch_item *it)
{
    for (unsigned i = 0; i < it->n_pieces; i++) {
        bytes_release(&it->pieces[i]);
    }
    it->n_pieces = 0;
    it->bytes = 0;
}

static void fail(struct fetch_item *it, int16_t code)
{
    const struct request *r = it->state->request;
    if (code == KERR_KAFKA_STORAGE_ERROR && r->version < 6) {
        code = KERR_NOT_LEADER_OR_FOLLOWER;
    }
    release_pieces(it);
    it->error = code;
    it->high_watermark = -1;
    it->log_start = -1;
    it->state->answer_now = true;
}

/* What is not in the image: until this node serves it may exist all the same,
 * and a client that read otherwise would tell its user. */
static bool unknown(struct fetch_item *it, int16_t code)
{
    bool serves = broker_serves(it->state->request->broker);
    fail(it, serves ? code : (int16_t)KERR_NOT_LEADER_OR_FOLLOWER);
    return false;
}

/* Find topic and partition; false if there is an error. */
static bool resolve(struct fetch_item *it)
{
    const struct request *r = it->state->request;
    const struct image *im = broker_image(r->broker);
    const struct image_topic *t = r->version >= 13
                                      ? image_topic_by_id(im, it->fp->topic_id)
                                      : image_topic(im, it->fp->topic);
    if (t == NULL) {
        return unknown(it, r->version >= 13 ? KERR_UNKNOWN_TOPIC_ID
                                            : KERR_UNKNOWN_TOPIC_OR_PARTITION);
    }
    if (it->fp->partition < 0 || it->fp->partition >= t->n_partitions) {
        return unknown(it, KERR_UNKNOWN_TOPIC_OR_PARTITION);
    }
    it->group = t->partitions[it->fp->partition].group;
    it->partition = broker_partition(r->broker, it->group);
    if (it->partition == NULL) {
        fail(it, KERR_NOT_LEADER_OR_FOLLOWER);
        return false;
    }
    return true;
}

static int32_t replica_id(const struct fetch_state *s)
{
    return s->request->version >= 15 ? s->in->replica_state.replica_id
                                     : s->in->replica_id;
}

/* Did the client's log and ours part below its offset (KIP-320, KIP-595)? That
 * is told before the offset is looked at: a longer log that was cut must not
 * look like one that the client has to leave for its reset policy. */
static bool diverges(struct fetch_item *it, const struct replica *r)
{
    const struct fetch_partition *fp = it->fp;
    int32_t epoch;
    int64_t end;
    if (it->state->request->version < 12 || fp->last_epoch < 0) {
        return false;
    }
    if (replica_epoch_end(r, fp->last_epoch, &epoch, &end) != 0) {
        fail(it, KERR_OFFSET_OUT_OF_RANGE);
        return true;
    }
    if (epoch == fp->last_epoch && end >= fp->fetch_offset) {
        return false;
    }
    it->diverging = true;
    it->diverging_epoch = epoch;
    it->diverging_end = end;
    it->state->answer_now = true;
    return true;
}

/* Does the client know of more than there is here? Either it made that up, or
 * others have deposed this leader, which has yet to learn of it: to say "out of
 * range" then would send a consumer to where its reset policy says. */
static bool outruns(const struct fetch_item *it, const struct replica *r)
{
    const struct fetch_partition *fp = it->fp;
    return replica_is_leader(r) && replica_id(it->state) != REPLICA_DEBUG &&
           (fp->fetch_offset > replica_log_end(r) ||
            fp->last_epoch > replica_epoch(r));
}

/* Leader, epochs, offset: false if there is nothing to read. */
static bool check(struct fetch_item *it, const struct replica *r)
{
    const struct fetch_partition *fp = it->fp;
    bool any = replica_id(it->state) == REPLICA_DEBUG;
    if (!any && !replica_is_leader(r)) {
        fail(it, KERR_NOT_LEADER_OR_FOLLOWER);
        return false;
    }
    if (fp->leader_epoch >= 0 && fp->leader_epoch != replica_epoch(r)) {
        fail(it, fp->leader_epoch < replica_epoch(r)
                     ? KERR_FENCED_LEADER_EPOCH
                     : KERR_UNKNOWN_LEADER_EPOCH);
        return false;
    }
    it->high_watermark = replica_high_watermark(r);
    it->log_start = replica_log_start(r);
    if (diverges(it, r)) {
        return false;
    }
    if (fp->fetch_offset < it->log_start ||
        fp->fetch_offset > replica_log_end(r)) {
        fail(it, any && fp->fetch_offset > replica_log_end(r)
                     ? KERR_OFFSET_NOT_AVAILABLE
                     : KERR_OFFSET_OUT_OF_RANGE);
        return false;
    }
    return fp->fetch_offset < it->high_watermark;
}

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
        fail(it, KERR_UNSUPPORTED_COMPRESSION_TYPE);
    } else if (s->bytes > 0 && s->bytes + it->bytes > s->bytes_max) {
        release_pieces(it);
        it->skipped = s->reserved > 0;
    } else if (is_too_large(it)) {
        release_pieces(it);
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
        fail(it, request_error(status));
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
        fail(it, KERR_NOT_LEADER_OR_FOLLOWER);
    }
    if (--s->reading == 0) {
        evaluate(s);
    }
}

/* Ask the others whether this replica still leads, then go on. */
static void confirm(struct fetch_item *it)
{
    int rv = partition_barrier(it->partition, &it->barrier, CONFIRM_MS,
                               on_confirmed, it);
    if (rv == 0) {
        it->state->reading++;
    } else {
        fail(it, KERR_NOT_LEADER_OR_FOLLOWER);
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
    if (!resolve(it)) {
        return;
    }
    struct replica *r = partition_replica(it->partition);
    if (r == NULL) {
        fail(it, KERR_NOT_LEADER_OR_FOLLOWER);
        return;
    }
    if (!it->confirmed && outruns(it, r)) {
        confirm(it);
        return;
    }
    if (!check(it, r)) {
        return;
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
        fail(it, KERR_KAFKA_STORAGE_ERROR);
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
        fail(it, request_error(rv));
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
            release_pieces(&s->items[i]);
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
        release_pieces(&s->items[i]);
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
        release_pieces(it);
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
            (!replica_is_leader(r) && replica_id(s) != REPLICA_DEBUG)) {
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
        release_pieces(&s->items[i]);
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
    if (replica_id(s) >= 0) {
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
