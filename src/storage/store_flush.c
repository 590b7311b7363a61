/* Flushing a store.
 *
 *   WRITE   everything appended before is written, the last block too
 *   INDEX   records of closed blocks go to the index files
 *   SYNC    data and index files
 *   DIR     if files were created: the directory, on the work thread
 *   DONE    the callback
 *
 * An index is only a help: without memory for its records they are written
 * by a later flush, or rebuilt at the next start. */
#include "base/assert.h"
#include "storage/store_impl.h"

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
void store_flush_step(struct store *s)
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
