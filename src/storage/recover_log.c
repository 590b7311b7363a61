/* Entries of a group while recovery reads the ring: an array from the base
 * on, where an index may be missing until a COPY record brings it. */
#include "base/assert.h"
#include "storage/journal_impl.h"

/* Payloads below this share chunks; larger ones get their own. */
#define LOADER_CHUNK (64u << 10)
#define LOADER_SMALL (16u << 10)

struct rlog {
    uint64_t first; /* index of e[start] */
    struct entry *e;
    size_t start, n, cap; /* e[i].index 0: missing */
};

void loader_close(struct loader *l)
{
    chunk_release(l->chunk);
    l->chunk = NULL;
}

static int loader_copy(struct loader *l, struct bytes *b)
{
    if (b->len == 0) {
        *b = (struct bytes){NULL, NULL, 0};
        return 0;
    }
    struct chunk *c;
    const uint8_t *from = b->data;
    size_t len = b->len;
    size_t at = 0;
    if (len >= LOADER_SMALL) {
        c = chunk_acquire(l->pool, CHUNK_STATE, len);
    } else {
        if (l->chunk == NULL || LOADER_CHUNK - l->used < len) {
            chunk_release(l->chunk);
            l->chunk = chunk_acquire(l->pool, CHUNK_STATE, LOADER_CHUNK);
            l->used = 0;
        }
        c = chunk_share(l->chunk);
        at = l->used;
        l->used += format_pad(len);
    }
    if (c == NULL) {
        return ERR_NOMEM;
    }
    memcpy(c->data + at, from, len);
    *b = (struct bytes){c, c->data + at, len};
    return 0;
}

static int rlog_get(struct journal *j, struct jgroup *g, struct rlog **ret_log)
{
    if (g->log == NULL) {
        g->log = mem_calloc(j->mem, 1, sizeof *g->log);
        if (g->log == NULL) {
            return ERR_NOMEM;
        }
        g->log->first = g->base.index + 1;
    }
    *ret_log = g->log;
    return 0;
}

/* Drop entries with index >= from. */
static void rlog_truncate(struct rlog *log, uint64_t from)
{
    while (log->n > 0 && log->first + log->n - 1 >= from) {
        log->n--;
        bytes_release(&log->e[log->start + log->n].payload);
    }
}

/* Room for `n` slots. */
static int rlog_reserve(struct journal *j, struct rlog *log, size_t n)
{
    if (log->start + n <= log->cap) {
        return 0;
    }
    if (log->n > 0) {
        memmove(log->e, log->e + log->start, log->n * sizeof *log->e);
    }
    log->start = 0;
    if (n <= log->cap / 2) {
        return 0;
    }
    size_t cap = n < 16 ? 32 : n * 2;
    struct entry *e = mem_realloc(j->mem, log->e, cap * sizeof *e);
    if (e == NULL) {
        return ERR_NOMEM;
    }
    log->e = e;
    log->cap = cap;
    return 0;
}

/* Put an entry at its place; with `copy` only where nothing else is. */
static int rlog_put(struct journal *j, struct rlog *log, struct loader *l,
                    struct entry e, bool copy, uint64_t limit)
{
    uint64_t i = e.index - log->first;
    if (i >= log->n) {
        if (i - log->n > limit) {
            return ERR_RANGE;
        }
        int rv = rlog_reserve(j, log, i + 1);
        if (rv != 0) {
            return rv;
        }
        memset(&log->e[log->start + log->n], 0,
               (i + 1 - log->n) * sizeof *log->e);
        log->n = i + 1;
    }
    struct entry *slot = &log->e[log->start + i];
    if (slot->index != 0) {
        ASSERT(copy);
        if (slot->term == e.term && slot->crc == e.crc) {
            slot->seq = e.seq;
        }
        return 0;
    }
    int rv = loader_copy(l, &e.payload);
    if (rv == 0) {
        *slot = e;
    }
    return rv;
}

int rlog_apply(struct journal *j, struct jgroup *g, struct loader *l,
               const struct record *r, struct jfile *f, uint64_t limit)
{
    struct rlog *log;
    struct entry e = {0};
    size_t at = 0;
    bool copy = r->kind == JOURNAL_COPY;
    int rv = rlog_get(j, g, &log);
    if (rv != 0) {
        return rv;
    }
    record_entry(r, &at, &e);
    uint64_t first = e.index;
    uint64_t last = first + r->n_entries - 1;
    if (!copy) {
        rlog_truncate(log, first);
    }
    at = 0;
    for (uint32_t i = 0; i < r->n_entries; i++) {
        record_entry(r, &at, &e);
        if (e.index < log->first) {
            continue;
        }
        rv = rlog_put(j, log, l, e, copy, limit);
        if (rv != 0) {
            return rv;
        }
    }
    if (copy) {
        group_note_copy(j, g, first, last, f);
    } else {
        group_note_append(j, g, first, last, f);
    }
    return 0;
}

void rlog_trim(struct journal *j, struct jgroup *g, bool all)
{
    struct rlog *log = g->log;
    if (log == NULL) {
        return;
    }
    while (log->n > 0 && (all || log->first <= g->base.index)) {
        bytes_release(&log->e[log->start].payload);
        log->start++;
        log->first++;
        log->n--;
    }
    if (log->n == 0) {
        mem_free(j->mem, log->e);
        *log = (struct rlog){.first = g->base.index + 1};
    }
}

int rlog_take(struct jgroup *g, struct tail *t, bool *ret_whole)
{
    struct rlog *log = g->log;
    *ret_whole = true;
    for (size_t i = 0; log != NULL && i < log->n; i++) {
        const struct entry *e = &log->e[log->start + i];
        struct log_point p = tail_last(t);
        /* Bytes from disk: checked, not asserted. */
        if (e->index != p.index + 1 || e->term < p.term ||
            e->base_offset < p.offset) {
            *ret_whole = false;
            return 0;
        }
        int rv = tail_push(t, e);
        if (rv != 0) {
            return rv;
        }
    }
    return 0;
}

void rlog_free(struct journal *j, struct jgroup *g)
{
    rlog_trim(j, g, true);
    if (g->log != NULL) {
        mem_free(j->mem, g->log->e);
        mem_free(j->mem, g->log);
        g->log = NULL;
    }
}
