/* sim_file.c - asynchronous files: each read, write or sync is an event after
 * a drawn delay, so those of one file finish in any order.
 *
 * The disk does its part when the event arrives, whether or not the process
 * that asked is still there; a power cut before finds a write among the
 * disk's writes under way and keeps of it what its mode says. Bytes are
 * copied when the write is asked for and compared when it is done: a caller
 * that changed what it had lent fails an assertion.
 */
#include <string.h>

#include "base/assert.h"
#include "env/sim_impl.h"

struct sim_file {
    struct file file;
    struct sim_handle handle;
    char *path;
    unsigned n_under_way;
    bool closing;
};

struct io_event {
    struct sim_event ev;
    struct sim_file *file; /* the node's: only while it lives */
    struct file_io *io;    /* the same */
    struct sim_inode *inode;
    uint64_t power; /* of the disk when it was asked for */
    uint64_t seq;   /* of a sync: makes durable up to this */
    uint64_t offset;
    size_t len;
    const void *src;
    void *dst;
    uint8_t *copy;
    struct sim_inflight inflight;
    bool dsync;
    int fault;
    int64_t result;
};

static struct sim_file *file_of(struct file *f)
{
    return QUEUE_ENTRY(f, struct sim_file, file);
}

/* ---- open and close ----------------------------------------------------- */

int sim_file_open(struct env *e, const char *path, unsigned flags,
                  struct file **ret_f, struct err *err)
{
    struct sim_file *f = mem_calloc(e->mem, 1, sizeof *f);
    int rc = ERR_NOMEM;

    if (f == NULL) {
        return err_set(err, rc, "%s: cannot open: %s", path, err_text(rc));
    }
    f->path = mem_strndup(e->mem, path, strlen(path));
    if (f->path == NULL) {
        err_set(err, rc, "%s: cannot open: %s", path, err_text(rc));
        goto err_after_alloc;
    }
    rc = sim_handle_open(sim_node_of(e), &f->handle, path, flags, err);
    if (rc != 0) {
        goto err_after_path;
    }
    f->file = (struct file){
        .env = e, .path = f->path, .direct = (flags & FILE_DIRECT) != 0};
    *ret_f = &f->file;
    return 0;

err_after_path:
    mem_free(e->mem, f->path);
err_after_alloc:
    mem_free(e->mem, f);
    return rc;
}

static void file_free(struct sim_file *f)
{
    struct mem *mem = f->file.env->mem;

    sim_handle_close(&f->handle);
    mem_free(mem, f->path);
    mem_free(mem, f);
}

void sim_file_close(struct file *file)
{
    struct sim_file *f = file_of(file);

    ASSERT(!f->closing);
    f->closing = true;
    if (f->n_under_way == 0) {
        file_free(f);
    }
}

/* ---- the disk's part ---------------------------------------------------- */

static void io_release(struct sim_event *ev)
{
    struct io_event *io = (struct io_event *)ev;

    queue_remove(&io->inflight.queue);
    sim_release(ev->sim, io->copy);
    sim_inode_unref(io->inode);
}

static void write_arrive(struct sim_event *ev)
{
    struct io_event *io = (struct io_event *)ev;
    struct sim_inode *i = io->inode;

    queue_remove(&io->inflight.queue);
    io->result = ERR_IO;
    if (io->power != i->disk->power) {
        return; /* the cut has decided */
    }
    if (io->fault != 0) {
        io->result = io->fault;
        if (io->fault != ERR_NOSPACE) {
            sim_inode_write_torn(i, io->copy, io->len, io->offset);
        }
        return;
    }
    io->result = sim_inode_write(i, io->copy, io->len, io->offset, io->dsync);
    if (io->result == 0) {
        io->result = (int64_t)io->len;
    }
}

static void sync_arrive(struct sim_event *ev)
{
    struct io_event *io = (struct io_event *)ev;

    io->result = ERR_IO;
    if (io->power == io->inode->disk->power) {
        sim_inode_sync(io->inode, io->seq, io->fault != 0);
        io->result = io->fault;
    }
}

static void read_run(struct io_event *io)
{
    struct sim_file *f = io->file;

    if (io->fault != 0) {
        io->result = io->fault;
        return;
    }
    io->result = (int64_t)sim_inode_read(io->inode, io->dst, io->len,
                                         io->offset, f->file.direct);
    sim_io_flip(f->handle.node, io->dst, (size_t)io->result);
}

/* ---- the node's part ---------------------------------------------------- */

static bool io_durable(const struct io_event *io)
{
    return io->ev.kind == SIM_KIND_SYNC || io->dsync;
}

static void io_run(struct sim_event *ev)
{
    struct io_event *io = (struct io_event *)ev;
    struct sim_file *f = io->file;
    struct sim_node *n = f->handle.node;

    if (n->hold_durable && io_durable(io)) {
        ev->keep = true;
        queue_push(&n->held_durable, &ev->queue);
        return;
    }
    ev->keep = false;
    if (ev->kind == SIM_KIND_READ) {
        read_run(io);
    } else if (ev->kind == SIM_KIND_WRITE) {
        /* Lent bytes must not change before the callback. */
        ASSERT(io->copy == NULL ? sim_all_zero(io->src, io->len)
                                : memcmp(io->src, io->copy, io->len) == 0);
    }
    if (--f->n_under_way == 0 && f->closing) {
        file_free(f);
    }
    io->io->cb(io->io, io->result);
}

static void io_submit(struct sim_file *f, struct io_event *io)
{
    struct sim_node *n = f->handle.node;
    struct sim *s = io->ev.sim;
    uint64_t us = n->slow_disk_us;

    if (io->dsync) {
        us += n->stall_us;
        n->stall_us = 0;
    }
    f->n_under_way++;
    sim_event_push(&io->ev,
                   s->now_us + us +
                       sim_draw(s, s->o.disk_min_us, s->o.disk_max_us));
}

static struct io_event *io_new(struct sim_file *f, struct file_io *fio,
                               enum sim_kind kind, size_t len, uint64_t offset)
{
    struct sim_node *n = f->handle.node;
    struct io_event *io = sim_event_new(n->sim, sizeof *io, n, kind);

    io->ev.len = len;
    io->ev.run = io_run;
    io->ev.release = io_release;
    io->file = f;
    io->io = fio;
    io->inode = sim_inode_ref(f->handle.inode);
    io->power = io->inode->disk->power;
    io->len = len;
    io->offset = offset;
    queue_init(&io->inflight.queue);
    return io;
}

int sim_file_write(struct file *file, struct file_io *fio, const void *data,
                   size_t len, uint64_t offset, bool dsync)
{
    struct sim_file *f = file_of(file);
    struct io_event *io;

    ASSERT(!f->closing && len > 0);
    sim_handle_check(&f->handle, FILE_WRITE, data, len, offset);
    io = io_new(f, fio, SIM_KIND_WRITE, len, offset);
    io->ev.arrive = write_arrive;
    io->fault = sim_io_fault(f->handle.node, SIM_IO_WRITE);
    io->dsync = dsync;
    io->src = data;
    if (!sim_all_zero(data, len)) {
        io->copy = sim_alloc_raw(io->ev.sim, len);
        memcpy(io->copy, data, len);
    }
    sim_disk_submit(&io->inflight, io->inode, io->copy, len, offset);
    io_submit(f, io);
    return 0;
}

int sim_file_read(struct file *file, struct file_io *fio, void *data,
                  size_t len, uint64_t offset)
{
    struct sim_file *f = file_of(file);
    struct io_event *io;

    ASSERT(!f->closing);
    sim_handle_check(&f->handle, FILE_READ, data, len, offset);
    io = io_new(f, fio, SIM_KIND_READ, len, offset);
    io->fault = sim_io_fault(f->handle.node, SIM_IO_READ);
    io->dst = data;
    io_submit(f, io);
    return 0;
}

int sim_file_sync(struct file *file, struct file_io *fio)
{
    struct sim_file *f = file_of(file);
    struct io_event *io;

    ASSERT(!f->closing);
    io = io_new(f, fio, SIM_KIND_SYNC, 0, 0);
    io->ev.arrive = sync_arrive;
    io->fault = sim_io_fault(f->handle.node, SIM_IO_SYNC);
    io->seq = io->inode->disk->seq;
    io_submit(f, io);
    return 0;
}

const char *sim_file_engine(struct env *e)
{
    (void)e;
    return "sim";
}

void sim_file_hold_durable(struct env *e, bool hold)
{
    struct sim_node *n = sim_node_of(e);
    struct queue *q;

    n->hold_durable = hold;
    if (hold) {
        return;
    }
    while ((q = queue_pop(&n->held_durable)) != NULL) {
        struct sim_event *ev = QUEUE_ENTRY(q, struct sim_event, queue);
        ev->arrive = NULL; /* the disk has done its part */
        ev->keep = false;
        sim_event_push(ev, n->sim->now_us);
    }
}
