/* system_threads.c - the engine for places that forbid io_uring: two threads
 * that take requests from one mailbox and answer through another. */
#include "env/system_impl.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/assert.h"

#define SYS_IO_THREADS 2

struct sys_threads {
    struct system *sys;
    pthread_mutex_t lock;
    pthread_cond_t work;
    struct queue todo;
    struct queue done;
    bool stop;
    unsigned n_started;
    pthread_t threads[SYS_IO_THREADS];
};

/* ---- on the writer threads ------------------------------------------------
 */

static int64_t io_write(int fd, const struct sys_io *i)
{
    struct iovec iov = {i->data, i->len};
    ssize_t n =
        pwritev2(fd, &iov, 1, (off_t)i->offset, i->flush ? RWF_DSYNC : 0);

    if (n < 0 && i->flush && (errno == EOPNOTSUPP || errno == ENOSYS)) {
        n = pwrite(fd, i->data, i->len, (off_t)i->offset);
        if (n >= 0 && fdatasync(fd) != 0) {
            return -errno;
        }
    }
    return n < 0 ? -errno : n;
}

static int64_t io_read(int fd, const struct sys_io *i)
{
    struct iovec iov = {i->data, i->len};
    ssize_t n = preadv(fd, &iov, 1, (off_t)i->offset);

    return n < 0 ? -errno : n;
}

static void io_do(struct file_io *io)
{
    struct sys_io *i = sys_io(io);
    int fd = ((struct sys_file *)(void *)io->file)->fd;

    switch (i->op) {
    case SYS_IO_WRITE:
        i->result = io_write(fd, i);
        break;
    case SYS_IO_READ:
        i->result = io_read(fd, i);
        break;
    default:
        i->result = fdatasync(fd) != 0 ? -errno : 0;
        break;
    }
}

/* Put `done` (may be NULL) back and take the next request; NULL: stop. */
static struct file_io *io_exchange(struct sys_threads *t, struct file_io *done)
{
    struct queue *q;

    pthread_mutex_lock(&t->lock);
    if (done != NULL) {
        queue_push(&t->done, &done->queue);
        uv_async_send(&t->sys->wake);
    }
    while ((q = queue_pop(&t->todo)) == NULL && !t->stop) {
        pthread_cond_wait(&t->work, &t->lock);
    }
    pthread_mutex_unlock(&t->lock);
    return q == NULL ? NULL : QUEUE_ENTRY(q, struct file_io, queue);
}

static void *writer_main(void *arg)
{
    struct sys_threads *t = arg;
    struct file_io *io = NULL;

    sys_thread_begin(t->sys);
    while ((io = io_exchange(t, io)) != NULL) {
        io_do(io);
    }
    return NULL;
}

/* ---- on the loop ----------------------------------------------------------
 */

static void threads_submit(struct system *sys)
{
    struct sys_threads *t = sys->threads;
    struct queue *q;

    if (queue_empty(&sys->io_ready)) {
        return;
    }
    pthread_mutex_lock(&t->lock);
    while ((q = queue_pop(&sys->io_ready)) != NULL) {
        queue_push(&t->todo, q);
    }
    pthread_cond_broadcast(&t->work);
    pthread_mutex_unlock(&t->lock);
}

static bool threads_behind(const struct system *sys)
{
    (void)sys;
    return false;
}

void sys_threads_collect(struct system *sys)
{
    struct sys_threads *t = sys->threads;
    struct queue done;

    pthread_mutex_lock(&t->lock);
    queue_move(&t->done, &done);
    pthread_mutex_unlock(&t->lock);
    sys_io_completed(sys, &done);
}

static void threads_stop(struct system *sys)
{
    struct sys_threads *t = sys->threads;

    ASSERT(queue_empty(&t->todo));
    pthread_mutex_lock(&t->lock);
    t->stop = true;
    pthread_cond_broadcast(&t->work);
    pthread_mutex_unlock(&t->lock);
    for (unsigned k = 0; k < t->n_started; k++) {
        pthread_join(t->threads[k], NULL);
    }
    ASSERT(queue_empty(&t->done));
}

static void threads_free(struct system *sys)
{
    struct sys_threads *t = sys->threads;

    pthread_cond_destroy(&t->work);
    pthread_mutex_destroy(&t->lock);
    mem_free(sys->env.mem, t);
    sys->threads = NULL;
}

/* A thread shares the open files until it ends, which it does not inside of a
 * write. */
static bool threads_guard(struct system *sys, int fd)
{
    (void)sys;
    (void)fd;
    return false;
}

static void threads_unguard(struct system *sys)
{
    (void)sys;
}

static const struct sys_engine threads_engine = {
    .name = "threads",
    .submit = threads_submit,
    .behind = threads_behind,
    .guard = threads_guard,
    .unguard = threads_unguard,
    .stop = threads_stop,
    .free = threads_free,
};

int sys_threads_new(struct system *sys, struct err *err)
{
    struct sys_threads *t = mem_calloc(sys->env.mem, 1, sizeof *t);
    sigset_t before;
    int rc = 0;

    if (t == NULL) {
        return err_set(err, ERR_NOMEM, "no memory for the writer threads");
    }
    t->sys = sys;
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->work, NULL);
    queue_init(&t->todo);
    queue_init(&t->done);
    sys->threads = t;
    sys_signals_block(&before);
    while (rc == 0 && t->n_started < SYS_IO_THREADS) {
        rc = pthread_create(&t->threads[t->n_started], NULL, writer_main, t);
        t->n_started += rc == 0;
    }
    sys_signals_restore(&before);
    if (rc != 0) {
        threads_stop(sys);
        threads_free(sys);
        return err_set(err, ERR_NOMEM, "cannot start a writer thread: %s",
                       strerror(rc));
    }
    sys->engine = &threads_engine;
    return 0;
}
