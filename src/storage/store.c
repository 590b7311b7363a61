/* Life of a store, appending and flushing.
 *
 *   flush   WRITE   everything appended before is written, the last block too
 *           INDEX   records of closed blocks go to the index files
 *           SYNC    data and index files
 *           DIR     if files were created: the directory, on the work thread
 *           DONE    the callback
 *
 * An index is only a help: without memory for its records they are written
 * by a later flush, or rebuilt at the next start. */
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

/* ---- flushing: index -------------------------------------------------------
 */

static void flush_io_done(struct store *s)
{
    ASSERT(s->flush.n_io > 0);
    s->flush.n_io--;
    store_step(s);
}

static void on_index_written(struct file_io *io, int64_t result)
{
    struct segment *g = io->data;
    if (result < 0) {
        store_die(g->store, file_path(g->index), (int)result);
    }
    mem_free(g->store->mem, g->index_buf);
    g->index_buf = NULL;
    g->n_indexed = g->index_n;
    g->users--;
    flush_io_done(g->store);
}

static int index_open(struct segment *g)
{
    char path[STORE_PATH_MAX];
    unsigned flags = FILE_WRITE | FILE_CREATE;
    if (g->index != NULL) {
        return 0;
    }
    store_path(path, g->store->dir, g->base_offset, ".idx");
    if (g->n_indexed == 0) {
        flags |= FILE_TRUNC;
        g->store->dir_dirty = true;
    }
    return file_open(g->store->env, path, flags, &g->index, NULL);
}

/* Write the records that the index file of `g` does not have. */
static void index_start(struct segment *g)
{
    struct store *s = g->store;
    bool head = g->n_indexed == 0;
    size_t len = index_encoded_len(g->n_blocks - g->n_indexed, head);
    int rv = index_open(g);
    if (rv == ERR_NOMEM) {
        return;
    }
    if (rv != 0) {
        segment_die(g, ".idx", rv);
    }
    g->index_buf = mem_alloc(s->mem, len);
    if (g->index_buf == NULL) {
        return;
    }
    index_encode(g, g->n_indexed, head, g->index_buf);
    g->index_n = g->n_blocks;
    g->users++;
    s->flush.n_io++;
    rv = file_write(g->index, &g->index_io, g->index_buf, len,
                    head ? 0 : index_encoded_len(g->n_indexed, true), false,
                    on_index_written, g);
    if (rv != 0) {
        store_die(s, file_path(g->index), rv);
    }
}

static void flush_index(struct store *s)
{
    for (size_t i = 0; i < s->n_segments; i++) {
        if (s->segments[i]->n_blocks > s->segments[i]->n_indexed) {
            index_start(s->segments[i]);
        }
    }
}

/* ---- flushing: sync --------------------------------------------------------
 */

static void on_data_synced(struct file_io *io, int64_t result)
{
    struct segment *g = io->data;
    struct store *s = g->store;
    if (result < 0) {
        store_die(s, file_path(g->file), (int)result);
    }
    g->users--;
    segment_rest(g);
    flush_io_done(s);
}

static void on_index_synced(struct file_io *io, int64_t result)
{
    struct segment *g = io->data;
    if (result < 0) {
        store_die(g->store, file_path(g->index), (int)result);
    }
    g->users--;
    file_close(g->index);
    g->index = NULL;
    flush_io_done(g->store);
}

static void sync_start(struct segment *g, struct file *f, struct file_io *io,
                       file_io_cb cb)
{
    int rv;
    g->users++;
    g->store->flush.n_io++;
    rv = file_sync(f, io, cb, g);
    if (rv != 0) {
        store_die(g->store, file_path(f), rv);
    }
}

static void flush_sync(struct store *s)
{
    for (size_t i = 0; i < s->n_segments; i++) {
        struct segment *g = s->segments[i];
        if (g->dirty) {
            g->dirty = false;
            sync_start(g, g->file, &g->sync_io, on_data_synced);
        }
        if (g->index != NULL) {
            sync_start(g, g->index, &g->index_io, on_index_synced);
        }
    }
}

static void dir_run(struct env_job *j)
{
    struct store *s = j->data;
    s->flush.job_status = env_sync_dir(s->env, s->dir);
}

static void dir_done(struct env_job *j)
{
    struct store *s = j->data;
    if (s->flush.job_status != 0) {
        store_die(s, s->dir, s->flush.job_status);
    }
    flush_io_done(s);
}

static void flush_dir(struct store *s)
{
    if (s->dir_dirty) {
        s->dir_dirty = false;
        s->flush.n_io++;
        env_job_submit(s->env, ENV_THREAD_WORK, &s->flush.job, dir_run,
                       dir_done, s);
    }
}

/* ---- flushing --------------------------------------------------------------
 */

void store_note_target(struct store *s)
{
    if (s->flush.state == FLUSH_WRITE && s->staged.offset == s->flush.target &&
        s->staged.segment != NULL) {
        s->flush.length = s->staged.length;
        s->flush.time_max_ms = s->staged.segment->time_max_ms;
    }
}

static void flush_done(struct store *s)
{
    struct flush f = s->flush;
    s->flush.state = FLUSH_NONE;
    s->flushed = f.point;
    s->flushed_length = f.length;
    s->flushed_time_max_ms = f.time_max_ms;
    store_rest(s);
    s->calling++;
    f.cb(f.arg, f.point);
    s->calling--;
}

/* One state after the other, as long as nothing has to be waited for. */
static void flush_step(struct store *s)
{
    while (s->flush.n_io == 0) {
        switch (s->flush.state) {
        case FLUSH_NONE:
            return;
        case FLUSH_WRITE:
            if (s->readable.offset < s->flush.target) {
                return;
            }
            s->flush.state = FLUSH_INDEX;
            flush_index(s);
            break;
        case FLUSH_INDEX:
            s->flush.state = FLUSH_SYNC;
            flush_sync(s);
            break;
        case FLUSH_SYNC:
            s->flush.state = FLUSH_DIR;
            flush_dir(s);
            break;
        case FLUSH_DIR:
            s->flush.state = FLUSH_DONE;
            break;
        case FLUSH_DONE:
            flush_done(s);
            return;
        }
    }
}

int store_flush(struct store *s, store_flush_cb cb, void *arg)
{
    if (s->flush.state != FLUSH_NONE) {
        return ERR_BUSY;
    }
    ASSERT(!s->closing);
    s->flush.state = FLUSH_WRITE;
    s->flush.target = s->appended.offset;
    s->flush.point = s->appended;
    s->flush.cb = cb;
    s->flush.arg = arg;
    s->flush.n_io = 0;
    store_note_target(s);
    store_pump(s);
    env_timer_start(s->env, &s->soon, env_now_ms(s->env));
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
    flush_step(s);
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
