/* From the queue through staging buffers to the disk.
 *
 *   file   |....|....|....|..        direct writes of whole 4 KiB blocks
 *                         ^ position
 *   carry                 [xx]       the bytes of the block begun there
 *   stage                 [xx|....|....|.]  carry + batches, up to write_bytes
 *
 * Only whole blocks are written; what is left is the next carry. When a flush
 * needs it, or the segment ends, the last block is written padded with zeros,
 * and again, with the same bytes and more, by the next write, which therefore
 * waits for it. */
#include <stdio.h>

#include "base/assert.h"
#include "record/batch.h"
#include "record/chain.h"
#include "storage/store_impl.h"

static uint64_t floor_block(uint64_t n)
{
    return n - n % FILE_ALIGN;
}

/* ---- the next batch --------------------------------------------------------
 */

/* The batch at the head of the queue, of which nothing was staged yet or, with
 * `s->partial`, some. False: the queue is empty. */
static bool next_batch(const struct store *s, struct pending **ret_p,
                       struct batch *ret_b)
{
    if (queue_empty(&s->pending)) {
        return false;
    }
    struct pending *p = QUEUE_ENTRY(s->pending.next, struct pending, queue);
    int rv = batch_view(slice_of(p->bytes.data + p->at, p->bytes.len - p->at),
                        ret_b);
    ASSERT(rv == 0); /* looked at when it was appended */
    *ret_p = p;
    return true;
}

static bool must_roll(const struct store *s, const struct batch *b)
{
    const struct segment *g = s->staged.segment;
    if (g == NULL || g->sealed) {
        return true;
    }
    if (g->length == 0) {
        return false;
    }
    bool many = s->n_segments >= s->segments_max;
    uint64_t most = s->segment_bytes;
    if (many && most < STORE_SEGMENT_BYTES_WIDE) {
        most = STORE_SEGMENT_BYTES_WIDE;
    }
    return b->length > most || g->length > most - b->length ||
           (!many && s->segment_ms >= 0 && g->first_time_ms >= 0 &&
            b->max_timestamp > g->first_time_ms &&
            b->max_timestamp - g->first_time_ms > s->segment_ms);
}

/* ---- rolling ---------------------------------------------------------------
 */

void store_seal(struct store *s)
{
    struct segment *g = s->staged.segment;
    if (g != NULL && !g->sealed && g->length > 0) {
        index_close_block(g);
        g->sealed = true;
    }
}

/* A segment that was given up has the name that is wanted now. Its file may
 * still be what the manifest in force describes: set it aside. */
static int set_old_aside(struct store *s, int64_t base)
{
    char from[STORE_PATH_MAX], to[STORE_PATH_MAX], dir[STORE_PATH_MAX];
    struct queue *q, *tmp;
    QUEUE_FOREACH(q, tmp, &s->unlinking)
    {
        if (QUEUE_ENTRY(q, struct segment, queue)->base_offset == base) {
            return ERR_BUSY; /* until the job is done */
        }
    }
    QUEUE_FOREACH(q, tmp, &s->dropped)
    {
        struct segment *g = QUEUE_ENTRY(q, struct segment, queue);
        if (g->base_offset != base || g->abandoned) {
            continue;
        }
        g->abandoned = true;
        int n = snprintf(dir, sizeof dir, "%s/quarantine", s->dir);
        ASSERT(n > 0 && n < STORE_PATH_MAX);
        int rv = env_mkdir(s->env, dir);
        store_path(from, s->dir, base, ".seg");
        store_path(to, dir, base, ".seg");
        if (rv == 0 || rv == ERR_EXISTS) {
            rv = env_rename(s->env, from, to);
        }
        if (rv != 0 && rv != ERR_NOTFOUND) {
            store_die(s, from, rv);
        }
        store_path(from, s->dir, base, ".idx");
        env_unlink(s->env, from); /* can be rebuilt, or is not there */
        s->dir_dirty = true;
    }
    return 0;
}

static int roll(struct store *s, int64_t base)
{
    struct segment *g;
    int rv = set_old_aside(s, base);
    if (rv != 0) {
        return rv;
    }
    store_seal(s);
    g = segment_new(s, base, s->staged_chain);
    if (g == NULL) {
        return ERR_NOMEM;
    }
    rv = segment_open(g);
    if (rv != 0) {
        if (rv != ERR_NOMEM) {
            segment_die(g, ".seg", rv);
        }
        s->n_segments--;
        segment_free(g);
        return rv;
    }
    s->staged =
        (struct mark){.segment = g, .offset = base, .bytes = s->staged.bytes};
    s->edge = s->staged;
    s->carry_len = 0;
    s->position = 0;
    s->padded = NULL;
    return 0;
}

/* ---- staging ---------------------------------------------------------------
 */

/* A whole batch lies in the buffer: it gets its place in the index. */
static void staged_one(struct store *s, const struct batch *b)
{
    struct segment *g = s->staged.segment;
    struct mark before = s->staged;
    index_add(g, b, s->staged_chain);
    s->staged_chain =
        batch_chain(s->staged_chain, b->leader_epoch, b->base_offset, b->crc);
    s->staged = (struct mark){.segment = g,
                              .offset = g->next_offset,
                              .length = g->length,
                              .bytes = before.bytes + b->length,
                              .open_length = g->open.length,
                              .open_crc = g->open.crc,
                              .n_blocks = g->n_blocks};
    if (floor_block(g->length) > floor_block(before.length)) {
        s->edge = g->length % FILE_ALIGN == 0 ? s->staged : before;
    }
    store_note_target(s);
}

/* Copy batches behind the `n` bytes of `buf`; `*ret_end` when the next one
 * belongs to another segment. Returns the bytes there are then. */
static size_t fill(struct store *s, uint8_t *buf, size_t n, size_t cap,
                   bool *ret_end, int *ret_status)
{
    struct pending *p;
    struct batch b;
    *ret_end = false;
    *ret_status = 0;
    while (n < cap && next_batch(s, &p, &b)) {
        if (s->partial == 0) {
            if (must_roll(s, &b)) {
                *ret_end = true;
                break;
            }
            *ret_status = index_reserve(s->staged.segment);
            if (*ret_status != 0) {
                break;
            }
        }
        size_t take = b.length - s->partial;
        take = take < cap - n ? take : cap - n;
        memcpy(buf + n, b.bytes.data + s->partial, take);
        n += take;
        s->partial += take;
        if (s->partial < b.length) {
            break;
        }
        s->partial = 0;
        staged_one(s, &b);
        p->at += b.length;
        if (p->at == p->bytes.len) {
            queue_remove(&p->queue);
            bytes_release(&p->bytes);
            mem_free(s->mem, p);
        }
    }
    return n;
}

static void on_write(struct file_io *io, int64_t result);

/* Write the first `len` bytes of the buffer, of which `n` are data. */
static void submit(struct store *s, struct write *w, size_t n, size_t len)
{
    struct segment *g = s->staged.segment;
    size_t whole = (size_t)floor_block(n);
    bool pad = len > whole;
    w->mark =
        pad || s->position + whole >= s->staged.length ? s->staged : s->edge;
    w->segment = g;
    s->sent = w->mark;
    s->carry_len = (uint32_t)(n - whole);
    s->carry_dirty = !pad && n > whole;
    memcpy(s->carry, w->chunk->data + whole, n - whole);
    if (pad) {
        memset(w->chunk->data + n, 0, len - n);
        s->padded = w;
    }
    g->users++;
    g->dirty = true;
    s->n_writes++;
    queue_push(&s->writes, &w->queue);
    int rv = file_write(g->file, &w->io, w->chunk->data, len, s->position,
                        false, on_write, w);
    if (rv != 0) {
        store_die(s, file_path(g->file), rv);
    }
    s->position += whole;
}

/* Memory for one write. */
static struct write *write_new(struct store *s, size_t want)
{
    struct write *w;
    if (s->carry_cap < FILE_ALIGN) {
        uint8_t *carry = mem_realloc(s->mem, s->carry, FILE_ALIGN);
        if (carry == NULL) {
            return NULL;
        }
        s->carry = carry;
        s->carry_cap = FILE_ALIGN;
    }
    w = mem_calloc(s->mem, 1, sizeof *w);
    if (w == NULL) {
        return NULL;
    }
    w->store = s;
    w->chunk = chunk_acquire(s->pool, CHUNK_STATE,
                             want < s->write_bytes ? want : s->write_bytes);
    if (w->chunk == NULL) {
        mem_free(s->mem, w);
        return NULL;
    }
    return w;
}

static uint64_t unstaged(const struct store *s)
{
    return s->appended_bytes - s->staged.bytes - s->partial;
}

static bool flush_wants(const struct store *s)
{
    return s->flush.state == FLUSH_WRITE && s->sent.offset < s->flush.target;
}

/* Stage and submit one write. Returns 1, 0 (nothing to do now) or ERR_NOMEM,
 * ERR_BUSY. */
static int stage(struct store *s)
{
    struct pending *p;
    struct batch b;
    struct write *w;
    bool end;
    int rv;
    if (!s->carry_dirty && s->partial == 0 && next_batch(s, &p, &b) &&
        must_roll(s, &b)) {
        rv = roll(s, b.base_offset);
        if (rv != 0) {
            return rv;
        }
    }
    if (s->padded != NULL || (unstaged(s) == 0 && !s->carry_dirty)) {
        return 0;
    }
    rv = segment_open(s->staged.segment);
    if (rv != 0) {
        if (rv != ERR_NOMEM) {
            segment_die(s->staged.segment, ".seg", rv);
        }
        return rv;
    }
    w = write_new(s, s->carry_len + (size_t)unstaged(s) + FILE_ALIGN);
    if (w == NULL) {
        return ERR_NOMEM;
    }
    size_t cap =
        w->chunk->cap < s->write_bytes ? w->chunk->cap : s->write_bytes;
    memcpy(w->chunk->data, s->carry, s->carry_len);
    size_t n = fill(s, w->chunk->data, s->carry_len, cap, &end, &rv);
    size_t len = (size_t)floor_block(n);
    uint64_t covered = s->position + len;
    int64_t offset =
        covered >= s->staged.length ? s->staged.offset : s->edge.offset;
    if (n > len && (end || (flush_wants(s) && offset < s->flush.target &&
                            s->staged.offset >= s->flush.target))) {
        len += FILE_ALIGN;
    }
    if (len == 0) {
        memcpy(s->carry, w->chunk->data, n);
        s->carry_dirty = s->carry_dirty || n > s->carry_len;
        s->carry_len = (uint32_t)n;
        chunk_release(w->chunk);
        mem_free(s->mem, w);
        return rv;
    }
    submit(s, w, n, len);
    return 1;
}

void store_pump(struct store *s)
{
    int rv = 1;
    while (rv == 1 && s->n_writes < STORE_WRITES_MAX) {
        bool full =
            unstaged(s) >=
            (s->n_writes > 0 || s->writing ? s->write_bytes : s->threshold);
        if (!flush_wants(s) && (!full || s->closing)) {
            s->writing = s->n_writes > 0;
            return;
        }
        s->writing = true;
        rv = stage(s);
    }
    if (rv < 0) {
        env_timer_start(s->env, &s->retry, env_now_ms(s->env) + STORE_RETRY_MS);
    }
}

static void on_write(struct file_io *io, int64_t result)
{
    struct write *w = io->data;
    struct store *s = w->store;
    struct segment *g = w->segment;
    if (result < 0) {
        store_die(s, file_path(g->file), (int)result);
    }
    w->done = true;
    chunk_release(w->chunk);
    w->chunk = NULL;
    g->users--;
    g->dirty = true; /* a sync may have run meanwhile */
    if (s->padded == w) {
        s->padded = NULL;
    }
    while (!queue_empty(&s->writes)) {
        struct write *first = QUEUE_ENTRY(s->writes.next, struct write, queue);
        if (!first->done) {
            break;
        }
        ASSERT(first->mark.offset >= s->readable.offset);
        s->readable = first->mark;
        queue_remove(&first->queue);
        mem_free(s->mem, first);
        s->n_writes--;
    }
    store_pump(s);
    store_step(s);
}

/* ---- rest ------------------------------------------------------------------
 */

void store_rest(struct store *s)
{
    if (s->n_writes > 0 || !queue_empty(&s->pending) ||
        s->carry_cap == s->carry_len) {
        return;
    }
    if (s->carry_len == 0) {
        mem_free(s->mem, s->carry);
        s->carry = NULL;
        s->carry_cap = 0;
        return;
    }
    uint8_t *carry = mem_realloc(s->mem, s->carry, s->carry_len);
    if (carry != NULL) { /* otherwise it stays as large as it is */
        s->carry = carry;
        s->carry_cap = s->carry_len;
    }
}

void store_stand(struct store *s, uint8_t *carry, struct log_point point)
{
    struct segment *g =
        s->n_segments > 0 ? s->segments[s->n_segments - 1] : NULL;
    struct mark m = {
        .segment = g, .offset = point.offset, .bytes = s->appended_bytes};
    if (g != NULL) {
        m.length = g->length;
        m.open_length = g->open.length;
        m.open_crc = g->open.crc;
        m.n_blocks = g->n_blocks;
    }
    s->staged = s->edge = s->sent = s->readable = m;
    s->staged_chain = point.chain;
    s->appended = point;
    mem_free(s->mem, s->carry);
    s->carry = carry;
    s->carry_len = carry == NULL ? 0 : (uint32_t)(m.length % FILE_ALIGN);
    s->carry_cap = s->carry_len;
    s->carry_dirty = false;
    s->position = floor_block(m.length);
    s->padded = NULL;
}
