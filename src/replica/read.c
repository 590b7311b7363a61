#include "base/assert.h"
#include "record/batch.h"
#include "replica/impl.h"

struct read {
    struct store_read store;
    struct replica *replica;
    bool canceled;
};
_Static_assert(sizeof(struct read) <= sizeof((struct replica_read *)0)->impl,
               "struct read fits in struct replica_read");

int64_t replica_log_start(const struct replica *r)
{
    /* A store that a transfer has emptied, or is filling, begins later. */
    int64_t held = r->store != NULL && r->state == REPLICA_RUNNING
                       ? store_start(r->store)
                       : 0;
    int64_t start = lead_start(r);
    return held > start ? held : start;
}

int64_t replica_high_watermark(const struct replica *r)
{
    return r->high_watermark;
}

int64_t replica_log_end(const struct replica *r)
{
    return r->group == NULL ? r->base.offset : group_next_offset(r->group);
}

int64_t replica_tail_end(const struct replica *r)
{
    const struct tail *t = r->group == NULL ? NULL : group_tail(r->group);
    return t == NULL ? r->base.offset
                     : tail_point(t, tail_last_index(t)).offset;
}

int64_t replica_applied_end(const struct replica *r)
{
    const struct tail *t = r->group == NULL ? NULL : group_tail(r->group);
    if (t == NULL) {
        return r->base.offset;
    }
    return r->applied <= t->base.index ? t->base.offset
                                       : tail_point(t, r->applied).offset;
}

uint64_t replica_bytes(const struct replica *r)
{
    return r->store != NULL ? store_bytes(r->store) : 0;
}

unsigned replica_read_tail(struct replica *r, int64_t offset,
                           int64_t offset_end, uint32_t bytes_max,
                           struct bytes pieces[], unsigned max)
{
    unsigned n = 0;
    uint64_t bytes = 0;
    const struct tail *t;
    const struct entry *e;
    if (r->group == NULL) {
        return 0;
    }
    t = group_tail(r->group);
    e = tail_find_offset(t, offset);
    if (e == NULL || e->base_offset > offset) {
        return 0; /* older than the tail (offsets of records are dense) */
    }
    for (; e != NULL && n < max; e = tail_find(t, e->index + 1)) {
        if (e->kind != ENTRY_RECORDS) {
            continue;
        }
        if (e->next_offset > offset_end ||
            (n > 0 && bytes + e->payload.len > bytes_max)) {
            break;
        }
        pieces[n++] = bytes_dup(e->payload);
        bytes += e->payload.len;
    }
    return n;
}

static void on_read(struct store_read *s, int status, struct bytes data,
                    int64_t first_offset)
{
    struct replica_read *rd = s->data;
    struct read *p = (struct read *)(void *)rd->impl;
    if (p->canceled) {
        if (status == 0) {
            bytes_release(&data);
        }
        status = ERR_CANCELED;
        data = (struct bytes){0};
    }
    rd->cb(rd, status, data, first_offset);
}

int replica_read(struct replica *r, struct replica_read *rd, int64_t offset,
                 int64_t offset_end, uint32_t bytes_max, replica_read_cb cb,
                 void *data)
{
    struct read *p = (struct read *)(void *)rd->impl;
    if (r->store == NULL || offset < lead_start(r)) {
        return ERR_RANGE;
    }
    *p = (struct read){.replica = r};
    rd->cb = cb;
    rd->data = data;
    return store_read(r->store, &p->store, offset, offset_end, bytes_max,
                      on_read, rd);
}

void replica_read_cancel(struct replica_read *rd)
{
    struct read *p = (struct read *)(void *)rd->impl;
    p->canceled = true;
}

/* ---- by time ---------------------------------------------------------- */

/* The first committed batch of the tail, from the store's end on, whose
 * largest timestamp reaches `time_ms`. */
static const struct entry *tail_find_time(const struct replica *r,
                                          int64_t time_ms)
{
    const struct tail *t = group_tail(r->group);
    const struct entry *e = tail_find(t, t->base.index + 1);
    int64_t start = lead_start(r);
    for (; e != NULL && e->next_offset <= r->high_watermark;
         e = tail_find(t, e->index + 1)) {
        struct batch b;
        if (e->kind == ENTRY_RECORDS &&
            batch_view(bytes_slice(e->payload), &b) == 0 &&
            b.max_timestamp >= time_ms && e->next_offset > start) {
            return e;
        }
    }
    return NULL;
}

int replica_find_time(struct replica *r, int64_t time_ms, int64_t *ret_offset)
{
    int64_t offset, start = lead_start(r);
    if (r->store != NULL && store_find_time(r->store, time_ms, &offset) == 0) {
        *ret_offset = offset > start ? offset : start;
        return 0;
    }
    const struct entry *e =
        r->group != NULL ? tail_find_time(r, time_ms) : NULL;
    if (e == NULL) {
        return ERR_NOTFOUND;
    }
    *ret_offset = e->base_offset > start ? e->base_offset : start;
    return 0;
}

void replica_time_max(struct replica *r, int64_t *ret_time, int64_t *ret_offset)
{
    const struct tail *t;
    *ret_time = -1;
    *ret_offset = -1;
    if (r->store != NULL && lead_start(r) < store_end(r->store)) {
        store_time_max(r->store, ret_time, ret_offset);
    }
    if (r->group == NULL) {
        return;
    }
    t = group_tail(r->group);
    for (const struct entry *e = tail_find(t, t->base.index + 1);
         e != NULL && e->next_offset <= r->high_watermark;
         e = tail_find(t, e->index + 1)) {
        struct batch b;
        if (e->kind == ENTRY_RECORDS &&
            batch_view(bytes_slice(e->payload), &b) == 0 &&
            b.max_timestamp > *ret_time) {
            *ret_time = b.max_timestamp;
            *ret_offset = e->base_offset;
        }
    }
}
