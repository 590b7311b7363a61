/* Files of the ring come into being: reserved at start, so that the disk
 * cannot be too full later; zero-written once, the first one before serving,
 * the others in the background; named .j when they are. A direct durable
 * write into blocks that were never written costs twice (performance.md 3.2).
 *
 *   .new --write zeros, sync--> rename to .j, sync directory--> ready
 */
#include <inttypes.h>

#include "base/assert.h"
#include "storage/journal_impl.h"

static void *zero_buffer(struct journal *j, uint8_t **ret_data)
{
    void *raw = mem_calloc(j->mem, 1, JOURNAL_ZERO_BYTES + FORMAT_BLOCK);
    if (raw != NULL) {
        *ret_data = (uint8_t *)(uintptr_t)format_blocks((uintptr_t)raw);
    }
    return raw;
}

/* Make a file's blocks the ring's. Errors: ERR_UNSUPPORTED (cannot reserve),
 * ERR_NOSPACE, ERR_IO. */
static int file_reserve(struct journal *j, unsigned slot, struct err *err)
{
    char path[JOURNAL_PATH_MAX];
    struct bfile *f;
    ring_path(j, slot, ".new", path);
    int rv = bfile_open(j->env, path, FILE_WRITE | FILE_CREATE, &f, err);
    if (rv != 0) {
        return rv;
    }
    rv = bfile_allocate(f, 0, j->file_bytes);
    bfile_close(f);
    if (rv != 0) {
        err_set(err, rv, "%s: reserve %u bytes: %s", path, j->file_bytes,
                err_text(rv));
    }
    return rv;
}

static int file_rename(struct journal *j, unsigned slot)
{
    char from[JOURNAL_PATH_MAX];
    char to[JOURNAL_PATH_MAX];
    ring_path(j, slot, ".new", from);
    ring_path(j, slot, ".j", to);
    int rv = env_rename(j->env, from, to);
    return rv == 0 ? env_sync_dir(j->env, j->path) : rv;
}

static int file_ready(struct journal *j, struct jfile *f, struct err *err)
{
    char path[JOURNAL_PATH_MAX];
    ring_path(j, f->slot, ".j", path);
    int rv = file_open(j->env, path, FILE_READ | FILE_WRITE | FILE_DIRECT,
                       &f->file, err);
    if (rv != 0) {
        return rv;
    }
    f->ready = true;
    if (f->state == JFILE_PREPARING) {
        f->state = JFILE_FREE;
    }
    return 0;
}

/* Zero-write a whole file, blocking. */
static int file_zero(struct journal *j, struct jfile *f, const uint8_t *zeros,
                     struct err *err)
{
    char path[JOURNAL_PATH_MAX];
    struct bfile *b;
    ring_path(j, f->slot, ".new", path);
    int rv = bfile_open(j->env, path, FILE_WRITE | FILE_CREATE | FILE_DIRECT,
                        &b, err);
    if (rv != 0) {
        return rv;
    }
    for (uint64_t at = 0; rv == 0 && at < j->file_bytes;
         at += JOURNAL_ZERO_BYTES) {
        uint64_t len = j->file_bytes - at;
        len = len < JOURNAL_ZERO_BYTES ? len : JOURNAL_ZERO_BYTES;
        rv = bfile_write(b, zeros, len, at);
    }
    rv = rv == 0 ? bfile_sync(b) : rv;
    bfile_close(b);
    rv = rv == 0 ? file_rename(j, f->slot) : rv;
    if (rv != 0) {
        return err_set(err, rv, "%s: fill with zeros: %s", path, err_text(rv));
    }
    return file_ready(j, f, err);
}

static int say_space(struct journal *j, int rv, struct err *err)
{
    uint64_t free_bytes = 0;
    uint64_t total = 0;
    if (rv == ERR_NOSPACE) {
        env_disk_free(j->env, j->path, &free_bytes, &total);
        err_set(err, rv,
                "%s: the journal needs %" PRIu64 " bytes and %" PRIu64
                " are free: make room, or lower journal.bytes.max",
                j->path, ring_bytes(j), free_bytes);
    }
    return rv;
}

int zero_prepare(struct journal *j, struct err *err)
{
    bool all = false;
    bool one = false;
    int rv = 0;
    for (unsigned i = 0; rv == 0 && i < j->n_files; i++) {
        struct jfile *f = &j->files[i];
        if (f->state != JFILE_PREPARING) {
            rv = file_ready(j, f, err);
            one |= f->state == JFILE_FREE;
        } else if (!all) {
            rv = file_reserve(j, f->slot, err);
            all = rv == ERR_UNSUPPORTED;
            rv = all ? 0 : rv;
        }
    }
    if (rv != 0) {
        return say_space(j, rv, err);
    }
    uint8_t *zeros;
    void *raw = zero_buffer(j, &zeros);
    if (raw == NULL) {
        return err_set(err, ERR_NOMEM, "no memory");
    }
    for (unsigned i = 0; rv == 0 && i < j->n_files; i++) {
        struct jfile *f = &j->files[i];
        if (f->state == JFILE_PREPARING && (all || !one)) {
            rv = file_zero(j, f, zeros, err);
            one = true;
        }
    }
    mem_free(j->mem, raw);
    return say_space(j, rv, err);
}

/* ---- in the background --------------------------------------------------- */

static _Noreturn void zero_die(struct journal *j, int rv)
{
    char path[JOURNAL_PATH_MAX];
    ring_path(j, j->zeroing.target->slot, ".new", path);
    env_fail(j->env, rv, "journal: %s: preparing a file of the ring failed: %s",
             path, err_text(rv));
}

static void zero_next(struct journal *j);

static void zero_renamed(struct env_job *job)
{
    struct journal *j = job->data;
    struct zeroing *z = &j->zeroing;
    z->busy = false;
    if (z->job_status != 0) {
        zero_die(j, z->job_status);
    }
    int rv = file_ready(j, z->target, NULL);
    if (rv != 0) {
        zero_die(j, rv);
    }
    z->target = NULL;
    env_turn_request(j->env, &j->turn);
    zero_start(j);
}

static void zero_rename(struct env_job *job)
{
    struct journal *j = job->data;
    j->zeroing.job_status = file_rename(j, j->zeroing.target->slot);
}

static void zero_synced(struct file_io *io, int64_t result)
{
    struct journal *j = io->data;
    struct zeroing *z = &j->zeroing;
    if (result < 0) {
        zero_die(j, (int)result);
    }
    file_close(z->file);
    z->file = NULL;
    env_job_submit(j->env, ENV_THREAD_WORK, &z->job, zero_rename, zero_renamed,
                   j);
}

static void zero_written(struct file_io *io, int64_t result)
{
    struct journal *j = io->data;
    if (result <= 0) {
        zero_die(j, result < 0 ? (int)result : ERR_IO);
    }
    j->zeroing.at += (uint64_t)result;
    zero_next(j);
}

/* While closing, only what frames wait for is still prepared. */
static bool zero_wanted(const struct journal *j, const struct jfile *f)
{
    return f != NULL && (!j->closing || f->state == JFILE_LIVE);
}

static void zero_next(struct journal *j)
{
    struct zeroing *z = &j->zeroing;
    int rv;
    if (!zero_wanted(j, z->target)) {
        file_close(z->file);
        z->file = NULL;
        z->busy = false;
        env_turn_request(j->env, &j->turn);
        zero_start(j);
        return;
    }
    if (z->at == j->file_bytes) {
        rv = file_sync(z->file, &z->io, zero_synced, j);
    } else {
        uint64_t len = j->file_bytes - z->at;
        len = len < JOURNAL_ZERO_BYTES ? len : JOURNAL_ZERO_BYTES;
        rv = file_write(z->file, &z->io, z->data, len, z->at, false,
                        zero_written, j);
    }
    if (rv != 0) {
        zero_die(j, rv);
    }
}

/* The file that is needed first. */
static struct jfile *zero_pick(struct journal *j)
{
    unsigned from = j->cur == NULL ? 0 : j->cur->slot;
    struct queue *q;
    struct queue *tmp;
    QUEUE_FOREACH(q, tmp, &j->live)
    {
        struct jfile *f = QUEUE_ENTRY(q, struct jfile, queue);
        if (!f->ready) {
            return f;
        }
    }
    for (unsigned i = 0; i < j->n_files; i++) {
        struct jfile *f = &j->files[(from + i) % j->n_files];
        if (!f->ready) {
            return f;
        }
    }
    return NULL;
}

void zero_start(struct journal *j)
{
    struct zeroing *z = &j->zeroing;
    char path[JOURNAL_PATH_MAX];
    if (z->busy) {
        return;
    }
    z->target = zero_pick(j);
    if (!zero_wanted(j, z->target)) {
        mem_free(j->mem, z->raw);
        z->raw = NULL;
        return;
    }
    if (z->raw == NULL) {
        z->raw = zero_buffer(j, &z->data);
    }
    if (z->raw == NULL) {
        zero_die(j, ERR_NOMEM);
    }
    ring_path(j, z->target->slot, ".new", path);
    int rv = file_open(j->env, path, FILE_WRITE | FILE_CREATE | FILE_DIRECT,
                       &z->file, NULL);
    if (rv != 0) {
        zero_die(j, rv);
    }
    z->at = 0;
    z->busy = true;
    zero_next(j);
}

void zero_close(struct journal *j)
{
    ASSERT(!j->zeroing.busy);
    file_close(j->zeroing.file);
    mem_free(j->mem, j->zeroing.raw);
    j->zeroing.raw = NULL;
    j->zeroing.file = NULL;
}
