/* system_impl.h - what the files of the system's door share. Private.
 *
 * A turn of the loop (libuv's phases in brackets):
 *
 *   [timers, pending, poll]  completions and arrivals, as callbacks
 *   [prepare]                env timers, finished requests, turn hooks,
 *                            submission of file I/O (system.c, turn_end)
 *   [poll]                   sleep until the first env timer, or not at all
 *                            if a hook was asked for again
 *
 * Locks: `wake` may be sent from any thread; the lists behind it have their
 * own mutexes. Everything else belongs to the loop thread.
 */
#ifndef ENV_SYSTEM_IMPL_H
#define ENV_SYSTEM_IMPL_H

#include <pthread.h>
#include <stdatomic.h>
#include <uv.h>

#include "env/impl.h"
#include "env/system.h"
#include "env/system_pace.h"

struct system;
struct sys_uring;
struct sys_threads;

/* ---- file I/O ---------------------------------------------------------- */

enum sys_io_op { SYS_IO_WRITE, SYS_IO_READ, SYS_IO_SYNC };

/* Lies in file_io.impl. */
struct sys_io {
    void *data;
    uint64_t offset;
    uint64_t seq;   /* order of submission on its file */
    int64_t result; /* bytes or -errno, set by the engine */
    uint32_t len;
    uint32_t n_older; /* a sync waits for so many writes */
    uint8_t op;
    bool dsync; /* the caller waits for durability */
    bool flush; /* ask the device for it */
};
_Static_assert(sizeof(struct sys_io) <= sizeof(((struct file_io *)0)->impl),
               "struct sys_io fits into struct file_io");

static inline struct sys_io *sys_io(struct file_io *io)
{
    return (struct sys_io *)(void *)io->impl;
}

struct sys_file {
    struct file file;
    int fd;
    bool unflushed; /* "unsafe.": no request asks for the device's flush */
    bool closing;
    unsigned n_pending; /* requests whose callback has not returned */
    unsigned n_writes;  /* of them writes that the engine has not done */
    uint64_t next_seq;
    struct queue syncs; /* waiting for writes that were there before them */
    char path[];
};

/* An engine carries out requests: it takes them from sys->io_ready when
 * `submit` is called (once per turn, after the hooks), moves their bytes with
 * result in sys_io()->result, and hands them to sys_io_completed(). */
struct sys_engine {
    const char *name;
    void (*submit)(struct system *sys);
    /* True if `submit` must be called again without sleeping. */
    bool (*behind)(const struct system *sys);
    /* See to it that this open file, however the process ends, stays open until
     * all requests are done. False: it does anyway, or cannot be (that is
     * traced). One at a time, until `unguard`. */
    bool (*guard)(struct system *sys, int fd);
    void (*unguard)(struct system *sys);
    /* Nothing is in flight. Handles are closed, not yet freed. */
    void (*stop)(struct system *sys);
    /* The loop is gone: free. */
    void (*free)(struct system *sys);
};

/* Errors: ERR_UNSUPPORTED (the kernel or a filter refuses; `err` says what),
 * ERR_NOMEM. */
int sys_uring_new(struct system *sys, struct err *err);
/* Errors: ERR_NOMEM. */
int sys_threads_new(struct system *sys, struct err *err);
/* Loop thread: hand over what the writer threads have done. */
void sys_threads_collect(struct system *sys);

/* Requests of `done` have their result: deliver, or keep back those that
 * file_hold_durable() holds. Empties the list. */
void sys_io_completed(struct system *sys, struct queue *done);
/* Deliver what was released, and what needed no device. */
void sys_io_run_deferred(struct system *sys);
bool sys_io_deferred(const struct system *sys);

/* ---- the door ----------------------------------------------------------- */

/* Of the loop itself. */
#define SYS_LOOP_METRICS 3

struct sys_worker {
    struct system *sys;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t work;
    struct queue jobs;
    bool started;
    bool stop;
};

struct system {
    struct env env;
    char name[64];
    int trace_fd;
    char *trace_path; /* NULL: stderr */
    bool unsafe_no_flush;
    bool (*unsafe_no_flush_of)(const char *path, bool dir);
    atomic_bool dying;

    uv_loop_t loop;
    uv_prepare_t prepare;
    uv_idle_t idle;   /* active: the next poll does not sleep */
    uv_timer_t sleep; /* ends the poll when the first env timer is due */
    uv_async_t wake;  /* other threads have something for us */
    uint64_t sleep_at_ms;
    uint64_t now_us;
    bool now_stale;
    struct pace pace;
    struct metric loop_metrics[SYS_LOOP_METRICS];
    atomic_bool stop;
    const bool *until; /* env_system_run_until's flag, or NULL */
    bool until_expired;
    struct env_timer until_timer;
    struct queue signals;
    unsigned n_open;  /* files, streams, listeners that nobody closed yet */
    unsigned n_alive; /* those, and closed ones that are not yet freed */
    unsigned n_jobs;

    const struct sys_engine *engine;
    struct sys_uring *uring;
    struct sys_threads *threads;
    struct queue io_ready; /* for the engine */
    struct queue io_done;  /* done without the engine */
    struct queue io_held;  /* kept back by file_hold_durable() */
    bool hold;

    struct queue streams; /* with finished writes, or closed without handle */

    struct sys_worker workers[ENV_THREADS];
    pthread_mutex_t jobs_lock;
    struct queue jobs_done;
    struct queue calls; /* of other threads, under jobs_lock as well */
};

static inline struct system *sys_of(struct env *e)
{
    return (struct system *)(void *)e;
}

/* Translate errno and say it in the trace with the path or address. What
 * callers ask for as a question (is it there?) is said at debug level. */
int sys_error(struct env *e, int err_no, const char *what, const char *name);

/* True if this file or directory is flushed only in words, for testing. */
static inline bool sys_unflushed(const struct system *sys, const char *path,
                                 bool dir)
{
    return sys->unsafe_no_flush && (sys->unsafe_no_flush_of == NULL ||
                                    sys->unsafe_no_flush_of(path, dir));
}

/* Block all signals in threads that are started between begin and end. */
void sys_signals_block(sigset_t *ret_before);
void sys_signals_restore(const sigset_t *before);
/* At the start of every thread of the node: failed assertions end the node. */
void sys_thread_begin(struct system *sys);

/* system_die.c */
void sys_die(struct env *e, int exit_code, const char *reason);
int sys_trace_open(struct system *sys, const char *path, struct err *err);
void sys_trace_close(struct system *sys);
void sys_trace_sink(void *arg, enum trace_level level, const char *line,
                    size_t len);

/* system_job.c */
void sys_job_submit(struct env *e, enum env_thread thread, struct env_job *j);
void sys_jobs_init(struct system *sys);
void sys_jobs_collect(struct system *sys);
void sys_jobs_close(struct system *sys);

/* system_stream.c, system_connect.c, system_listen.c */
void sys_streams_run_deferred(struct system *sys);
int sys_stream_accept(struct system *sys, uv_tcp_t *from,
                      struct env_stream **ret_s);
int sys_listen(struct env *e, const char *host, unsigned port, env_accept_cb cb,
               void *data, struct env_listener **ret_l, struct err *err);
unsigned sys_listener_port(const struct env_listener *l);
void sys_listener_close(struct env_listener *l);
int sys_connect(struct env *e, const char *host, unsigned port,
                unsigned timeout_ms, env_connect_cb cb, void *data,
                struct env_stream **ret_s);
void sys_stream_read_start(struct env_stream *s, env_read_alloc_cb alloc,
                           env_read_cb cb, void *data);
void sys_stream_read_pause(struct env_stream *s);
void sys_stream_read_resume(struct env_stream *s);
int sys_stream_write(struct env_stream *s, struct env_write *w,
                     const struct slice slices[], unsigned n, env_write_cb cb,
                     void *data);
size_t sys_stream_unwritten(const struct env_stream *s);
size_t sys_stream_unsent(const struct env_stream *s);
const char *sys_stream_peer(const struct env_stream *s);
void sys_stream_close(struct env_stream *s, env_close_cb cb, void *data);

/* system_file.c */
int sys_file_open(struct env *e, const char *path, unsigned flags,
                  struct file **ret_f, struct err *err);
int sys_file_write(struct file *f, struct file_io *io, const void *data,
                   size_t len, uint64_t offset, bool dsync);
int sys_file_read(struct file *f, struct file_io *io, void *data, size_t len,
                  uint64_t offset);
int sys_file_sync(struct file *f, struct file_io *io);
void sys_file_close(struct file *f);
const char *sys_file_engine(struct env *e);
void sys_file_hold_durable(struct env *e, bool hold);

/* system_bfile.c */
/* Open as file_open() says. *ret_direct: O_DIRECT is in force. */
int sys_open(struct env *e, const char *path, unsigned flags, int *ret_fd,
             bool *ret_direct, struct err *err);
int sys_bfile_open(struct env *e, const char *path, unsigned flags,
                   struct bfile **ret_f, struct err *err);
void sys_bfile_close(struct bfile *f);
int sys_bfile_read(struct bfile *f, void *data, size_t len, uint64_t offset,
                   size_t *ret_n);
int sys_bfile_write(struct bfile *f, const void *data, size_t len,
                    uint64_t offset);
int sys_bfile_sync(struct bfile *f);
int sys_bfile_size(struct bfile *f, uint64_t *ret_size);
int sys_bfile_truncate(struct bfile *f, uint64_t size);
int sys_bfile_allocate(struct bfile *f, uint64_t offset, uint64_t len);
int sys_bfile_drop_cache(struct bfile *f);
int sys_bfile_lock(struct bfile *f);

/* system_dir.c */
int sys_mkdir(struct env *e, const char *path);
int sys_unlink(struct env *e, const char *path);
int sys_rmdir(struct env *e, const char *path);
int sys_rename(struct env *e, const char *from, const char *to);
int sys_sync_dir(struct env *e, const char *path);
int sys_stat(struct env *e, const char *path, bool *ret_dir,
             uint64_t *ret_size);
int sys_list_dir(struct env *e, const char *path, env_dir_cb cb, void *arg);
int sys_disk_free(struct env *e, const char *path, uint64_t *ret_free,
                  uint64_t *ret_total);

#endif
