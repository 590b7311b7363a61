/* Life of a store, appending, where it stands. */
#include "base/assert.h"
#include "record/batch.h"
#include "record/chain.h"
#include "storage/store_impl.h"

/* ---- appending -------------------------------------------------------------
 */

static int enqueue(struct store *s, struct bytes bytes)
{
    struct pending *p = mem_calloc(s->mem, 1, sizeof *p);
    if (p == NULL) {
        return ERR_NOMEM;
    }
    p->bytes = bytes_dup(bytes);
    queue_push(&s->pending, &p->queue);
    s->appended_bytes += bytes.len;
    return 0;
}

int store_append(struct store *s, const struct entry *entry)
{
    struct batch b;
    int rv = batch_view(bytes_slice(entry->payload), &b);
    ASSERT(!s->closing && entry->kind == ENTRY_RECORDS);
    ASSERT(rv == 0 && b.length == entry->payload.len);
    ASSERT(b.base_offset == s->appended.offset);
    ASSERT(batch_next_offset(&b) == entry->next_offset);
    ASSERT(entry->chain == batch_chain(s->appended.chain, b.leader_epoch,
                                       b.base_offset, b.crc));
    rv = enqueue(s, entry->payload);
    if (rv == 0) {
        s->appended = entry_point(entry);
        store_pump(s);
    }
    return rv;
}

int store_append_raw(struct store *s, struct bytes batches)
{
    struct log_point point = s->appended;
    struct slice left = bytes_slice(batches);
    ASSERT(!s->closing);
    while (left.len > 0) {
        struct batch b;
        if (batch_view(left, &b) != 0 || batch_check_crc(&b) != 0 ||
            b.base_offset != point.offset) {
            return ERR_CORRUPT;
        }
        point.chain =
            batch_chain(point.chain, b.leader_epoch, b.base_offset, b.crc);
        point.offset = batch_next_offset(&b);
        left = slice_of(left.data + b.length, left.len - b.length);
    }
    if (batches.len == 0) {
        return ERR_CORRUPT;
    }
    int rv = enqueue(s, batches);
    if (rv == 0) {
        s->appended = point;
        store_pump(s);
    }
    return rv;
}

void store_configure(struct store *s, uint64_t segment_bytes,
                     int64_t segment_ms)
{
    s->segment_bytes = segment_bytes;
    s->segment_ms = segment_ms;
}

/* ---- where it stands -------------------------------------------------------
 */

int64_t store_append_end(const struct store *s)
{
    return s->appended.offset;
}

uint64_t store_chain(const struct store *s)
{
    return s->appended.chain;
}

uint64_t store_queued(const struct store *s)
{
    return s->appended_bytes - s->readable.bytes;
}

int64_t store_start(const struct store *s)
{
    return s->n_segments > 0 ? s->segments[0]->base_offset : s->readable.offset;
}

int64_t store_end(const struct store *s)
{
    return s->readable.offset;
}

uint64_t store_bytes(const struct store *s)
{
    uint64_t n = 0;
    for (size_t i = 0; i < s->n_segments; i++) {
        n += s->segments[i]->length;
    }
    return n;
}

struct log_point store_flushed(const struct store *s)
{
    return s->flushed;
}

int store_segments(const struct store *s, struct arena *arena,
                   struct manifest_segment **ret_segments, size_t *ret_n)
{
    size_t n = 0;
    struct manifest_segment *v =
        arena_calloc(arena, s->n_segments > 0 ? s->n_segments : 1, sizeof *v);
    if (v == NULL) {
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < s->n_segments; i++) {
        const struct segment *g = s->segments[i];
        if (g->base_offset >= s->flushed.offset) {
            break;
        }
        bool whole = g->next_offset <= s->flushed.offset;
        v[n++] = (struct manifest_segment){
            .base_offset = g->base_offset,
            .length = whole ? g->length : s->flushed_length,
            .chain = g->chain,
            .time_max_ms = whole ? g->time_max_ms : s->flushed_time_max_ms,
            .next_offset = whole ? g->next_offset : s->flushed.offset};
    }
    *ret_segments = v;
    *ret_n = n;
    return 0;
}

/* ---- life ------------------------------------------------------------------
 */

void store_free(struct store *s)
{
    struct queue *q;
    while ((q = queue_pop(&s->pending)) != NULL) {
        struct pending *p = QUEUE_ENTRY(q, struct pending, queue);
        bytes_release(&p->bytes);
        mem_free(s->mem, p);
    }
    while ((q = queue_pop(&s->dropped)) != NULL) {
        segment_free(QUEUE_ENTRY(q, struct segment, queue));
    }
    while ((q = queue_pop(&s->leases)) != NULL) {
        QUEUE_ENTRY(q, struct store_lease, queue)->store = NULL;
    }
    while (s->n_segments > 0) {
        segment_free(s->segments[--s->n_segments]);
    }
    mem_free(s->mem, s->segments);
    mem_free(s->mem, s->carry);
    mem_free(s->mem, s->dir);
    mem_free(s->mem, s->name);
    mem_free(s->mem, s);
}

static void close_step(struct store *s)
{
    void (*cb)(void *arg) = s->close_cb;
    void *arg = s->close_arg;
    if (s->flush.state != FLUSH_NONE || s->n_writes > 0 || s->n_reads > 0 ||
        s->trimming || s->calling > 0) {
        return;
    }
    env_timer_stop(s->env, &s->retry);
    env_timer_stop(s->env, &s->soon);
    store_free(s);
    if (cb != NULL) {
        cb(arg);
    }
}

void store_step(struct store *s)
{
    store_flush_step(s);
    if (s->closing) {
        close_step(s);
    } else {
        store_trim_step(s);
        store_rest(s);
    }
}

void store_close(struct store *s, void (*cb)(void *arg), void *arg)
{
    ASSERT(!s->closing);
    s->closing = true;
    s->close_cb = cb;
    s->close_arg = arg;
    if (cb == NULL) {
        close_step(s);
    } else {
        env_timer_start(s->env, &s->soon, env_now_ms(s->env));
    }
}
