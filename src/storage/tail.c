#include "storage/tail.h"

#include "base/assert.h"
#include "base/err.h"

#define TAIL_CAP_MIN 16u

static struct entry *tail_slot(const struct tail *t, uint32_t i)
{
    return &t->ring[(t->start + i) & (t->cap - 1)];
}

void tail_init(struct tail *t, struct mem *mem, struct log_point base)
{
    *t = (struct tail){.mem = mem, .base = base};
}

static void tail_drop_first(struct tail *t)
{
    struct entry *e = tail_slot(t, 0);
    t->base = entry_point(e);
    t->bytes -= e->payload.len;
    bytes_release(&e->payload);
    t->start = (t->start + 1) & (t->cap - 1);
    t->n--;
}

static void tail_drop_last(struct tail *t)
{
    struct entry *e = tail_slot(t, t->n - 1);
    t->bytes -= e->payload.len;
    bytes_release(&e->payload);
    t->n--;
}

void tail_close(struct tail *t)
{
    while (t->n > 0) {
        tail_drop_last(t);
    }
    mem_free(t->mem, t->ring);
    t->ring = NULL;
    t->cap = t->start = 0;
}

void tail_reset(struct tail *t, struct log_point base)
{
    while (t->n > 0) {
        tail_drop_last(t);
    }
    t->start = 0;
    t->base = base;
}

struct log_point tail_last(const struct tail *t)
{
    return t->n == 0 ? t->base : entry_point(tail_slot(t, t->n - 1));
}

uint64_t tail_last_index(const struct tail *t)
{
    return t->base.index + t->n;
}

static int tail_grow(struct tail *t)
{
    uint32_t cap = t->cap == 0 ? TAIL_CAP_MIN : t->cap * 2;
    if (cap < t->cap) {
        return ERR_NOMEM;
    }
    struct entry *ring = mem_calloc(t->mem, cap, sizeof *ring);
    if (ring == NULL) {
        return ERR_NOMEM;
    }
    for (uint32_t i = 0; i < t->n; i++) {
        ring[i] = *tail_slot(t, i);
    }
    mem_free(t->mem, t->ring);
    t->ring = ring;
    t->cap = cap;
    t->start = 0;
    return 0;
}

int tail_push(struct tail *t, const struct entry *e)
{
    struct log_point last = tail_last(t);
    ASSERT(e->index == last.index + 1);
    ASSERT(e->term >= last.term);
    ASSERT(e->base_offset >= last.offset);
    ASSERT(e->next_offset >= e->base_offset);
    if (t->n == t->cap) {
        int rv = tail_grow(t);
        if (rv != 0) {
            return rv;
        }
    }
    struct entry *slot = tail_slot(t, t->n);
    *slot = *e;
    slot->payload = bytes_dup(e->payload);
    t->bytes += e->payload.len;
    t->n++;
    return 0;
}

void tail_truncate(struct tail *t, uint64_t from)
{
    ASSERT(from > t->base.index);
    while (t->n > 0 && tail_last_index(t) >= from) {
        tail_drop_last(t);
    }
}

void tail_trim(struct tail *t, uint64_t index)
{
    ASSERT(index <= tail_last_index(t));
    while (t->base.index < index) {
        tail_drop_first(t);
    }
}

struct entry *tail_find(const struct tail *t, uint64_t index)
{
    if (index <= t->base.index || index - t->base.index > t->n) {
        return NULL;
    }
    return tail_slot(t, (uint32_t)(index - t->base.index - 1));
}

uint64_t tail_term(const struct tail *t, uint64_t index)
{
    if (index == t->base.index) {
        return t->base.term;
    }
    const struct entry *e = tail_find(t, index);
    return e == NULL ? 0 : e->term;
}

struct log_point tail_point(const struct tail *t, uint64_t index)
{
    if (index == t->base.index) {
        return t->base;
    }
    const struct entry *e = tail_find(t, index);
    ASSERT(e != NULL);
    return entry_point(e);
}

struct entry *tail_find_offset(const struct tail *t, int64_t offset)
{
    /* The first entry that ends behind `offset`: ends never go back. */
    uint32_t lo = 0;
    uint32_t hi = t->n;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (tail_slot(t, mid)->next_offset > offset) {
            hi = mid;
        } else {
            lo = mid + 1;
        }
    }
    /* An end moves on only with records, unless the leader left a gap. */
    while (lo < t->n && tail_slot(t, lo)->kind != ENTRY_RECORDS) {
        lo++;
    }
    return lo < t->n ? tail_slot(t, lo) : NULL;
}

void tail_check(const struct tail *t)
{
    struct log_point last = t->base;
    uint64_t bytes = 0;
    ASSERT((t->cap & (t->cap - 1)) == 0);
    ASSERT(t->n <= t->cap);
    for (uint32_t i = 0; i < t->n; i++) {
        const struct entry *e = tail_slot(t, i);
        ASSERT(e->index == last.index + 1);
        ASSERT(e->term >= last.term);
        ASSERT(e->base_offset >= last.offset);
        ASSERT(e->next_offset >= e->base_offset);
        bytes += e->payload.len;
        last = entry_point(e);
    }
    ASSERT(bytes == t->bytes);
}
