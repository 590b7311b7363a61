/* system_file.c - asynchronous files: what both engines share.
 *
 *   file_write/read/sync -> io_ready -> engine -> sys_io_completed -> callback
 *        |                     ^                        |
 *        +-> file.syncs -------+ (older writes done)    +-> io_held (test door)
 */
#include "env/system_impl.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"

/* Longest single request; the kernel cuts above 2 GiB. */
#define SYS_IO_LEN_MAX ((size_t)1 << 30)

static struct sys_file *sys_file(struct file *f)
{
    return (struct sys_file *)(void *)f;
}

static struct file_io *io_entry(struct queue *q)
{
    return QUEUE_ENTRY(q, struct file_io, queue);
}

/* ---- open and close ------------------------------------------------------ */

int sys_file_open(struct env *e, const char *path, unsigned flags,
                  struct file **ret_f, struct err *err)
{
    struct system *sys = sys_of(e);
    size_t len = strlen(path) + 1;
    struct sys_file *f = mem_calloc(e->mem, 1, sizeof *f + len);
    int rc;

    if (f == NULL) {
        return err_set(err, ERR_NOMEM, "%s: out of memory", path);
    }
    f->file.env = e;
    f->file.path = f->path;
    memcpy(f->path, path, len);
    f->unflushed = sys_unflushed(sys, path, false);
    queue_init(&f->syncs);
    rc = sys_open(e, path, flags, &f->fd, &f->file.direct, err);
    if (rc != 0) {
        mem_free(e->mem, f);
        return rc;
    }
    sys->n_open++;
    sys->n_alive++;
    *ret_f = &f->file;
    return 0;
}

static void file_free(struct sys_file *f)
{
    struct system *sys = sys_of(f->file.env);

    ASSERT(queue_empty(&f->syncs));
    if (close(f->fd) != 0) {
        sys_error(&sys->env, errno, "close", f->path);
    }
    sys->n_alive--;
    mem_free(sys->env.mem, f);
}

void sys_file_close(struct file *file)
{
    struct sys_file *f = sys_file(file);

    ASSERT(!f->closing);
    f->closing = true;
    sys_of(file->env)->n_open--;
    if (f->n_pending == 0) {
        file_free(f);
    }
}

/* ---- requests ------------------------------------------------------------ */

static void io_check(const struct sys_file *f, const void *data, size_t len,
                     uint64_t offset)
{
    ASSERT(!f->closing);
    ASSERT(len <= SYS_IO_LEN_MAX);
    if (f->file.direct) {
        ASSERT((uintptr_t)data % FILE_ALIGN == 0);
        ASSERT(len % FILE_ALIGN == 0);
        ASSERT(offset % FILE_ALIGN == 0);
    }
}

static void io_start(struct sys_file *f, struct file_io *io, struct sys_io i)
{
    struct system *sys = sys_of(f->file.env);

    i.seq = f->next_seq++;
    *sys_io(io) = i;
    f->n_pending++;
    if (i.op == SYS_IO_WRITE) {
        f->n_writes++;
    }
    if (i.op == SYS_IO_SYNC && i.n_older > 0) {
        queue_push(&f->syncs, &io->queue);
    } else if (i.op == SYS_IO_SYNC && !i.flush) {
        queue_push(&sys->io_done, &io->queue);
    } else {
        queue_push(&sys->io_ready, &io->queue);
    }
}

int sys_file_write(struct file *file, struct file_io *io, const void *data,
                   size_t len, uint64_t offset, bool dsync)
{
    struct sys_file *f = sys_file(file);

    io_check(f, data, len, offset);
    io_start(f, io,
             (struct sys_io){
                 .op = SYS_IO_WRITE,
                 .data = (void *)(uintptr_t)data,
                 .len = (uint32_t)len,
                 .offset = offset,
                 .dsync = dsync,
                 .flush = dsync && !f->unflushed,
             });
    return 0;
}

int sys_file_read(struct file *file, struct file_io *io, void *data, size_t len,
                  uint64_t offset)
{
    struct sys_file *f = sys_file(file);

    io_check(f, data, len, offset);
    io_start(f, io,
             (struct sys_io){.op = SYS_IO_READ,
                             .data = data,
                             .len = (uint32_t)len,
                             .offset = offset});
    return 0;
}

int sys_file_sync(struct file *file, struct file_io *io)
{
    struct sys_file *f = sys_file(file);

    ASSERT(!f->closing);
    io_start(f, io,
             (struct sys_io){
                 .op = SYS_IO_SYNC,
                 .dsync = true,
                 .flush = !f->unflushed,
                 .n_older = f->n_writes,
             });
    return 0;
}

/* ---- completions --------------------------------------------------------- */

/* A write is done: the syncs asked for after it wait for one less. */
static void syncs_release(struct system *sys, struct sys_file *f,
                          uint64_t write_seq)
{
    struct queue *q, *tmp;

    QUEUE_FOREACH(q, tmp, &f->syncs)
    {
        struct file_io *io = io_entry(q);
        struct sys_io *i = sys_io(io);
        if (i->seq < write_seq) {
            continue;
        }
        ASSERT(i->n_older > 0);
        i->n_older--;
        if (i->n_older == 0) {
            queue_remove(q);
            queue_push(i->flush ? &sys->io_ready : &sys->io_done, q);
        }
    }
}

static const char *io_name(const struct sys_io *i)
{
    switch (i->op) {
    case SYS_IO_WRITE:
        return "write";
    case SYS_IO_READ:
        return "read";
    default:
        return "fdatasync";
    }
}

/* What the engine brought, in our words. */
static int64_t io_result(struct sys_file *f, const struct sys_io *i)
{
    if (i->result < 0) {
        return sys_error(f->file.env, (int)-i->result, io_name(i), f->path);
    }
    if (i->op == SYS_IO_WRITE && i->result != (int64_t)i->len) {
        trace_error(f->file.env->trace, "env.short_write",
                    "path=\"%s\" offset=%llu len=%u written=%lld", f->path,
                    (unsigned long long)i->offset, i->len,
                    (long long)i->result);
        return ERR_IO;
    }
    return i->result;
}

static void io_deliver(struct file_io *io)
{
    struct sys_file *f = sys_file(io->file);

    io->cb(io, io_result(f, sys_io(io)));
    ASSERT(f->n_pending > 0);
    f->n_pending--;
    if (f->closing && f->n_pending == 0) {
        file_free(f);
    }
}

static void io_deliver_all(struct queue *done)
{
    struct queue *q;

    while ((q = queue_pop(done)) != NULL) {
        io_deliver(io_entry(q));
    }
}

void sys_io_completed(struct system *sys, struct queue *done)
{
    struct queue deliver, *q;

    queue_init(&deliver);
    while ((q = queue_pop(done)) != NULL) {
        struct file_io *io = io_entry(q);
        struct sys_io *i = sys_io(io);
        if (i->op == SYS_IO_WRITE) {
            struct sys_file *f = sys_file(io->file);
            f->n_writes--;
            syncs_release(sys, f, i->seq);
        }
        /* Behind what is still held, also after the release. */
        bool hold = i->dsync && (sys->hold || !queue_empty(&sys->io_held));
        queue_push(hold ? &sys->io_held : &deliver, q);
    }
    io_deliver_all(&deliver);
}

bool sys_io_deferred(const struct system *sys)
{
    return !queue_empty(&sys->io_done) ||
           (!sys->hold && !queue_empty(&sys->io_held));
}

void sys_io_run_deferred(struct system *sys)
{
    struct queue done;

    if (!sys->hold) {
        queue_move(&sys->io_held, &done);
        io_deliver_all(&done);
    }
    queue_move(&sys->io_done, &done);
    sys_io_completed(sys, &done);
}

void sys_file_hold_durable(struct env *e, bool hold)
{
    sys_of(e)->hold = hold;
}

const char *sys_file_engine(struct env *e)
{
    return sys_of(e)->engine->name;
}
