/* system_uring.c - the io_uring engine. What a turn gathered goes to the kernel
 * in one system call; an eventfd that the loop watches says that something is
 * complete. (The ring's own descriptor does not do: with deferred task work it
 * is not woken by work that waits for us to enter the kernel.) */
#include "env/system_impl.h"

#include <errno.h>
#include <liburing.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/assert.h"

/* Requests handed over per system call, and completions taken at once. */
#define URING_ENTRIES 256
/* Most requests in the kernel: what the completion ring can hold. */
#define URING_IN_FLIGHT_MAX (2 * URING_ENTRIES)

struct sys_uring {
    struct io_uring ring;
    uv_poll_t poll;
    int event_fd;
    unsigned n_in_flight; /* in the kernel or in the submission ring */
    bool disabled;        /* set up, waiting for the loop's thread */
    bool guards;          /* holds a file (uring_guard()) */
};

/* From what suits us best to what every kernel with io_uring has. The first
 * binds the ring to the thread that enables it, which must be the loop's. */
static const unsigned setup_flags[] = {
    IORING_SETUP_R_DISABLED | IORING_SETUP_SINGLE_ISSUER |
        IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
    IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
    0,
};

/* ---- submission ---------------------------------------------------------- */

/* Bind the ring to this thread. (Some builds of liburing 2.3 declare
 * io_uring_enable_rings() and do not export it.) */
static void ring_enable(struct system *sys)
{
    struct sys_uring *u = sys->uring;

    if (syscall(SYS_io_uring_register, u->ring.ring_fd,
                IORING_REGISTER_ENABLE_RINGS, NULL, 0) != 0) {
        env_die(&sys->env, "cannot enable io_uring: %s", strerror(errno));
    }
    u->disabled = false;
}

static void ring_submit(struct system *sys)
{
    struct sys_uring *u = sys->uring;
    int rc;

    if (io_uring_sq_ready(&u->ring) == 0) {
        return;
    }
    if (u->disabled) {
        ring_enable(sys);
    }
    do {
        rc = io_uring_submit(&u->ring);
    } while (rc == -EINTR);
    /* Short of resources: the entries stay in the ring for the next turn. */
    if (rc < 0 && rc != -EAGAIN && rc != -EBUSY) {
        env_die(&sys->env, "io_uring_submit: %s", strerror(-rc));
    }
}

static void sqe_fill(struct io_uring_sqe *sqe, struct file_io *io)
{
    const struct sys_io *i = sys_io(io);
    int fd = ((struct sys_file *)(void *)io->file)->fd;

    switch (i->op) {
    case SYS_IO_WRITE:
        io_uring_prep_write(sqe, fd, i->data, i->len, i->offset);
        sqe->rw_flags = i->flush ? RWF_DSYNC : 0;
        break;
    case SYS_IO_READ:
        io_uring_prep_read(sqe, fd, i->data, i->len, i->offset);
        break;
    default:
        io_uring_prep_fsync(sqe, fd, IORING_FSYNC_DATASYNC);
        break;
    }
    io_uring_sqe_set_data(sqe, io);
}

static void uring_submit(struct system *sys)
{
    struct sys_uring *u = sys->uring;

    while (!queue_empty(&sys->io_ready) &&
           u->n_in_flight < URING_IN_FLIGHT_MAX) {
        struct io_uring_sqe *sqe = io_uring_get_sqe(&u->ring);
        if (sqe == NULL) {
            ring_submit(sys);
            sqe = io_uring_get_sqe(&u->ring);
        }
        if (sqe == NULL) {
            break;
        }
        struct queue *q = sys->io_ready.next;
        queue_remove(q);
        sqe_fill(sqe, QUEUE_ENTRY(q, struct file_io, queue));
        u->n_in_flight++;
    }
    ring_submit(sys);
}

static bool uring_behind(const struct system *sys)
{
    /* What waits for room in flight is woken by the next completion. */
    return io_uring_sq_ready(&sys->uring->ring) > 0;
}

/* ---- completion ---------------------------------------------------------- */

/* Move what is complete to `done`; returns how many. */
static unsigned completions_take(struct sys_uring *u, struct queue *done)
{
    struct io_uring_cqe *cqes[URING_ENTRIES];
    unsigned n = io_uring_peek_batch_cqe(&u->ring, cqes, URING_ENTRIES);

    for (unsigned k = 0; k < n; k++) {
        struct file_io *io = io_uring_cqe_get_data(cqes[k]);
        sys_io(io)->result = cqes[k]->res;
        queue_push(done, &io->queue);
    }
    io_uring_cq_advance(&u->ring, n);
    ASSERT(n <= u->n_in_flight);
    u->n_in_flight -= n;
    return n;
}

/* True if the kernel has, or is about to have, more for us. */
static bool more_is_there(const struct sys_uring *u)
{
    unsigned flags = IO_URING_READ_ONCE(*u->ring.sq.kflags);

    return io_uring_cq_ready(&u->ring) > 0 || (flags & IORING_SQ_TASKRUN) != 0;
}

/* The eventfd is emptied behind taking, which signals it as well: otherwise
 * each completion would cost another turn that finds nothing. What came between
 * is looked for, since its signal may be among those. */
static void on_ring(uv_poll_t *h, int status, int events)
{
    struct system *sys = h->data;
    struct sys_uring *u = sys->uring;
    struct queue done;
    uint64_t n_events;

    (void)events;
    if (status < 0) {
        env_die(&sys->env, "watching io_uring: %s", uv_strerror(status));
    }
    queue_init(&done);
    do {
        if (!u->disabled) {
            io_uring_get_events(&u->ring);
        }
        while (completions_take(u, &done) == URING_ENTRIES) {
        }
        if (read(u->event_fd, &n_events, sizeof n_events) < 0 &&
            errno != EAGAIN && errno != EINTR) {
            env_die(&sys->env, "eventfd of io_uring: %s", strerror(errno));
        }
    } while (more_is_there(u));
    sys_io_completed(sys, &done);
}

/* ---- guard --------------------------------------------------------------- */

/* A write that is in the kernel outlives its process: nothing waits for it when
 * the process exits, and it may change the disk after the next one has read
 * what is there. The ring itself, and the files that are registered with it,
 * are let go when it is done. */
static bool uring_guard(struct system *sys, int fd)
{
    struct sys_uring *u = sys->uring;
    int rc = u->guards ? -EBUSY : io_uring_register_files(&u->ring, &fd, 1);

    if (rc < 0) {
        trace_warn(sys->env.trace, "env.no_guard", "text=\"%s\"",
                   strerror(-rc));
    }
    u->guards = u->guards || rc == 0;
    return rc == 0;
}

static void uring_unguard(struct system *sys)
{
    io_uring_unregister_files(&sys->uring->ring);
    sys->uring->guards = false;
}

/* ---- life ---------------------------------------------------------------- */

static void uring_stop(struct system *sys)
{
    ASSERT(sys->uring->n_in_flight == 0);
    uv_close((uv_handle_t *)&sys->uring->poll, NULL);
}

static void uring_free(struct system *sys)
{
    io_uring_queue_exit(&sys->uring->ring);
    close(sys->uring->event_fd);
    mem_free(sys->env.mem, sys->uring);
    sys->uring = NULL;
}

static const struct sys_engine uring_engine = {
    .name = "io_uring",
    .submit = uring_submit,
    .behind = uring_behind,
    .guard = uring_guard,
    .unguard = uring_unguard,
    .stop = uring_stop,
    .free = uring_free,
};

static int ring_setup(struct sys_uring *u, struct err *err)
{
    size_t n = sizeof setup_flags / sizeof setup_flags[0];
    int rc = -ENOSYS;

    for (size_t k = 0; k < n; k++) {
        rc = io_uring_queue_init(URING_ENTRIES, &u->ring, setup_flags[k]);
        if (rc == 0) {
            u->disabled = (setup_flags[k] & IORING_SETUP_R_DISABLED) != 0;
            return 0;
        }
    }
    return err_set(err, ERR_UNSUPPORTED, "io_uring is not available: %s",
                   strerror(-rc));
}

static int ring_probe(struct sys_uring *u, struct err *err)
{
    static const int needed[] = {IORING_OP_WRITE, IORING_OP_READ,
                                 IORING_OP_FSYNC};
    struct io_uring_probe *p = io_uring_get_probe_ring(&u->ring);
    bool all = p != NULL;

    for (size_t k = 0; all && k < sizeof needed / sizeof needed[0]; k++) {
        all = io_uring_opcode_supported(p, needed[k]);
    }
    if (p != NULL) {
        io_uring_free_probe(p);
    }
    return all ? 0
               : err_set(err, ERR_UNSUPPORTED,
                         "io_uring of this kernel is too old");
}

/* Have the loop told of completions. */
static int ring_watch(struct system *sys, struct sys_uring *u, struct err *err)
{
    u->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (u->event_fd < 0) {
        return err_set(err, ERR_UNSUPPORTED, "eventfd: %s", strerror(errno));
    }
    if (io_uring_register_eventfd(&u->ring, u->event_fd) != 0 ||
        uv_poll_init(&sys->loop, &u->poll, u->event_fd) != 0) {
        close(u->event_fd);
        return err_set(err, ERR_UNSUPPORTED, "io_uring cannot be watched");
    }
    u->poll.data = sys;
    uv_poll_start(&u->poll, UV_READABLE, on_ring);
    return 0;
}

int sys_uring_new(struct system *sys, struct err *err)
{
    struct sys_uring *u = mem_calloc(sys->env.mem, 1, sizeof *u);
    int rc;

    if (u == NULL) {
        return err_set(err, ERR_NOMEM, "no memory for io_uring");
    }
    rc = ring_setup(u, err);
    if (rc != 0) {
        goto err_after_alloc;
    }
    rc = ring_probe(u, err);
    if (rc != 0) {
        goto err_after_ring;
    }
    rc = ring_watch(sys, u, err);
    if (rc != 0) {
        goto err_after_ring;
    }
    sys->uring = u;
    sys->engine = &uring_engine;
    return 0;

err_after_ring:
    io_uring_queue_exit(&u->ring);
err_after_alloc:
    mem_free(sys->env.mem, u);
    return rc;
}
