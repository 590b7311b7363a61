/* system.c - the door to the real world: its loop, clocks and life. */
#include "env/system_impl.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/assert.h"

/* Size of the flight recorder. */
#define SYS_TRACE_RING_BYTES ((size_t)1 << 20)

struct sys_signal {
    uv_signal_t handle;
    struct queue queue;
    void (*cb)(void *arg);
    void *arg;
};

/* ---- clocks -------------------------------------------------------------- */

static uint64_t sys_now_us_exact(struct env *e)
{
    struct timespec ts;

    (void)e;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static uint64_t sys_now_us(struct env *e)
{
    struct system *sys = sys_of(e);

    if (sys->now_stale) {
        sys->now_us = sys_now_us_exact(e);
        sys->now_stale = false;
    }
    return sys->now_us;
}

static int64_t sys_wall_ms(struct env *e)
{
    struct timespec ts;

    (void)e;
    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int64_t trace_wall_ms(void *arg)
{
    return sys_wall_ms(arg);
}

static void sys_random(struct env *e, void *data, size_t len)
{
    uint8_t *p = data;

    while (len > 0) {
        ssize_t n = getrandom(p, len, 0);
        if (n < 0) {
            if (errno == EINTR) {
                continue;
            }
            env_die(e, "getrandom: %s", strerror(errno));
        }
        p += n;
        len -= (size_t)n;
    }
}

/* ---- errors -------------------------------------------------------------- */

static int error_of_errno(int err_no)
{
    switch (err_no) {
    case ENOENT:
        return ERR_NOTFOUND;
    case EEXIST:
    case ENOTEMPTY:
    case EADDRINUSE:
        return ERR_EXISTS;
    case EACCES:
    case EPERM:
    case EROFS:
        return ERR_PERM;
    case ENOSPC:
    case EDQUOT:
        return ERR_NOSPACE;
    case EWOULDBLOCK:
        return ERR_BUSY;
    case ENOMEM:
        return ERR_NOMEM;
    case EOPNOTSUPP:
    case ENOSYS:
        return ERR_UNSUPPORTED;
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:
        return ERR_INVALID;
    case EMFILE:
    case ENFILE:
        return ERR_FULL;
    default:
        return ERR_IO;
    }
}

/* The other end of a connection came or went: its users say what it means. */
static bool error_is_remote(int err_no)
{
    return err_no == ECONNREFUSED || err_no == ECONNRESET ||
           err_no == ECONNABORTED || err_no == EPIPE || err_no == ETIMEDOUT ||
           err_no == EHOSTUNREACH || err_no == ENETUNREACH ||
           err_no == ENOTCONN;
}

/* Answers to a question rather than failures. */
static bool error_is_answer(int code)
{
    return code == ERR_NOTFOUND || code == ERR_EXISTS || code == ERR_BUSY ||
           code == ERR_UNSUPPORTED;
}

int sys_error(struct env *e, int err_no, const char *what, const char *name)
{
    int code = error_of_errno(err_no);

    trace_line(e->trace,
               error_is_answer(code) || error_is_remote(err_no) ? TRACE_DEBUG
                                                                : TRACE_ERROR,
               "env.error", "call=%s name=\"%s\" errno=%d text=\"%s\"", what,
               name, err_no, strerror(err_no));
    return code;
}

/* ---- threads in general -------------------------------------------------- */

static void assertion_failed(void *arg, const char *file, int line,
                             const char *text)
{
    env_die(arg, "%s:%d: assertion failed: %s", file, line, text);
}

void sys_thread_begin(struct system *sys)
{
    assert_set_handler(assertion_failed, &sys->env);
}

void sys_signals_block(sigset_t *ret_before)
{
    sigset_t all;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, ret_before);
}

void sys_signals_restore(const sigset_t *before)
{
    pthread_sigmask(SIG_SETMASK, before, NULL);
}

/* ---- the turn ------------------------------------------------------------ */

static void on_nothing_idle(uv_idle_t *h)
{
    (void)h;
}

static void on_nothing_timer(uv_timer_t *h)
{
    (void)h;
}

/* Requests that were finished without the kernel's help. */
static void run_deferred(struct system *sys)
{
    sys_streams_run_deferred(sys);
    sys_io_run_deferred(sys);
}

static bool must_not_sleep(struct system *sys)
{
    return env_turns_wanted(&sys->env) || !queue_empty(&sys->streams) ||
           sys_io_deferred(sys) || sys->engine->behind(sys) ||
           atomic_load(&sys->stop) ||
           (sys->until != NULL && (*sys->until || sys->until_expired));
}

/* Let the coming poll end when the first timer is due. */
static void sleep_prepare(struct system *sys)
{
    bool stay_awake = must_not_sleep(sys);
    uint64_t at_ms, now_ms = sys_now_us_exact(&sys->env) / 1000;

    if (!env_timers_next(&sys->env, &at_ms)) {
        uv_timer_stop(&sys->sleep);
    } else if (at_ms <= now_ms) {
        stay_awake = true;
    } else if (at_ms != sys->sleep_at_ms ||
               !uv_is_active((uv_handle_t *)&sys->sleep)) {
        uv_update_time(&sys->loop);
        uv_timer_start(&sys->sleep, on_nothing_timer, at_ms - now_ms, 0);
        sys->sleep_at_ms = at_ms;
    }
    if (stay_awake) {
        uv_idle_start(&sys->idle, on_nothing_idle);
    } else {
        uv_idle_stop(&sys->idle);
    }
}

static uint64_t thread_cpu_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* Before the poll: leave messages time to gather, if this load gains by it. */
static void rest(struct system *sys)
{
    uint64_t now_us = sys_now_us_exact(&sys->env), rest_us;

    if (pace_turn(&sys->pace, now_us)) {
        pace_judge(&sys->pace, now_us, thread_cpu_us());
    }
    rest_us = pace_rest(&sys->pace, now_us);
    if (rest_us > 0 && !must_not_sleep(sys)) {
        struct timespec ts = {.tv_nsec = (long)rest_us * 1000};
        nanosleep(&ts, NULL);
        sys->pace.n_rests++;
        now_us = sys_now_us_exact(&sys->env);
    }
    pace_poll(&sys->pace, now_us);
}

static void turn_end(uv_prepare_t *h)
{
    struct system *sys = h->data;

    sys->now_stale = true;
    env_timers_run(&sys->env);
    run_deferred(sys);
    env_turns_run(&sys->env);
    run_deferred(sys);
    sys->engine->submit(sys);
    rest(sys);
    sleep_prepare(sys);
    sys->now_stale = true;
}

static void on_wake(uv_async_t *h)
{
    struct system *sys = h->data;

    sys_jobs_collect(sys);
    if (sys->threads != NULL) {
        sys_threads_collect(sys);
    }
}

/* The loop looks at timers and hooks before it sleeps, always. */
static void sys_wake(struct env *e)
{
    (void)e;
}

/* ---- life ---------------------------------------------------------------- */

static const struct env_ops system_ops = {
    .now_us = sys_now_us,
    .now_us_exact = sys_now_us_exact,
    .wall_ms = sys_wall_ms,
    .wake = sys_wake,
    .job_submit = sys_job_submit,
    .random = sys_random,
    .die = sys_die,
    .listen = sys_listen,
    .listener_port = sys_listener_port,
    .listener_close = sys_listener_close,
    .connect = sys_connect,
    .stream_read_start = sys_stream_read_start,
    .stream_read_pause = sys_stream_read_pause,
    .stream_read_resume = sys_stream_read_resume,
    .stream_write = sys_stream_write,
    .stream_unwritten = sys_stream_unwritten,
    .stream_unsent = sys_stream_unsent,
    .stream_peer = sys_stream_peer,
    .stream_close = sys_stream_close,
    .file_open = sys_file_open,
    .file_write = sys_file_write,
    .file_read = sys_file_read,
    .file_sync = sys_file_sync,
    .file_close = sys_file_close,
    .file_engine = sys_file_engine,
    .file_hold_durable = sys_file_hold_durable,
    .bfile_open = sys_bfile_open,
    .bfile_close = sys_bfile_close,
    .bfile_read = sys_bfile_read,
    .bfile_write = sys_bfile_write,
    .bfile_sync = sys_bfile_sync,
    .bfile_size = sys_bfile_size,
    .bfile_truncate = sys_bfile_truncate,
    .bfile_allocate = sys_bfile_allocate,
    .bfile_drop_cache = sys_bfile_drop_cache,
    .bfile_lock = sys_bfile_lock,
    .mkdir = sys_mkdir,
    .unlink = sys_unlink,
    .rmdir = sys_rmdir,
    .rename = sys_rename,
    .sync_dir = sys_sync_dir,
    .stat = sys_stat,
    .list_dir = sys_list_dir,
    .disk_free = sys_disk_free,
};

/* Choose and start the engine of asynchronous files. */
static int engine_start(struct system *sys, const char *name, struct err *err)
{
    bool any = name == NULL || strcmp(name, "auto") == 0;
    struct err why = {""};
    int rc;

    if (!any && strcmp(name, "io_uring") != 0 && strcmp(name, "threads") != 0) {
        return err_set(err, ERR_INVALID,
                       "io engine \"%s\" is none of auto, io_uring, threads",
                       name);
    }
    if (any || strcmp(name, "io_uring") == 0) {
        rc = sys_uring_new(sys, &why);
        if (rc == 0 || rc == ERR_NOMEM) {
            return rc == 0 ? 0 : err_set(err, rc, "%s", why.text);
        }
        if (!any) {
            return err_set(err, rc, "%s", why.text);
        }
        trace_info(sys->env.trace, "env.io_engine",
                   "engine=threads because=\"%s\"", why.text);
    }
    return sys_threads_new(sys, err);
}

static void loop_start(struct system *sys)
{
    uv_prepare_init(&sys->loop, &sys->prepare);
    uv_idle_init(&sys->loop, &sys->idle);
    uv_timer_init(&sys->loop, &sys->sleep);
    sys->prepare.data = sys;
    sys->wake.data = sys;
    uv_prepare_start(&sys->prepare, turn_end);
}

/* Handles that libuv cannot refuse are closed; run until they are gone. */
static void loop_stop(struct system *sys)
{
    struct queue *q, *tmp;

    QUEUE_FOREACH(q, tmp, &sys->signals)
    {
        struct sys_signal *s = QUEUE_ENTRY(q, struct sys_signal, queue);
        uv_close((uv_handle_t *)&s->handle, NULL);
    }
    uv_close((uv_handle_t *)&sys->prepare, NULL);
    uv_close((uv_handle_t *)&sys->idle, NULL);
    uv_close((uv_handle_t *)&sys->sleep, NULL);
    uv_close((uv_handle_t *)&sys->wake, NULL);
    uv_run(&sys->loop, UV_RUN_DEFAULT);
    int rc = uv_loop_close(&sys->loop);
    ASSERT(rc == 0);
}

static struct system *system_alloc(const struct env_system_options *o)
{
    struct mem *mem = mem_new(o->mem_bytes_max);
    struct system *sys;

    if (mem == NULL) {
        return NULL;
    }
    sys = mem_calloc(mem, 1, sizeof *sys);
    if (sys == NULL) {
        mem_free_all(mem);
        return NULL;
    }
    env_base_init(&sys->env, &system_ops, mem, NULL, NULL);
    snprintf(sys->name, sizeof sys->name, "%s", o->name ? o->name : "");
    sys->trace_fd = -1;
    sys->unsafe_no_flush = o->unsafe_no_flush;
    sys->unsafe_no_flush_of = o->unsafe_no_flush_of;
    sys->now_stale = true;
    pace_init(&sys->pace, o->loop_rest_us);
    queue_init(&sys->signals);
    queue_init(&sys->io_ready);
    queue_init(&sys->io_done);
    queue_init(&sys->io_held);
    queue_init(&sys->streams);
    sys_jobs_init(sys);
    return sys;
}

static void system_free(struct system *sys)
{
    struct mem *mem = sys->env.mem;

    pthread_mutex_destroy(&sys->jobs_lock);
    for (unsigned i = 0; i < SYS_LOOP_METRICS; i++) {
        metric_remove(&sys->loop_metrics[i]);
    }
    metrics_free(sys->env.metrics);
    trace_free(sys->env.trace);
    sys_trace_close(sys);
    env_base_close(&sys->env);
    mem_free_all(mem);
}

static void loop_metrics_start(struct system *sys)
{
    struct metrics *ms = sys->env.metrics;
    struct metric *m = sys->loop_metrics;

    metric_add(ms, m++, METRIC_COUNTER, "ostraka_loop_turns_total",
               "Turns of the loop.", "", &sys->pace.n_turns);
    metric_add(ms, m++, METRIC_COUNTER, "ostraka_loop_rests_total",
               "Turns put off so that more messages share them.", "",
               &sys->pace.n_rests);
    metric_add(ms, m++, METRIC_COUNTER, "ostraka_loop_rests_begun_total",
               "Times that the loop became busy with small turns.", "",
               &sys->pace.n_begun);
    ASSERT(m == sys->loop_metrics + SYS_LOOP_METRICS);
}

static int voices_start(struct system *sys, const struct env_system_options *o,
                        struct err *err)
{
    struct mem *mem = sys->env.mem;
    int rc = sys_trace_open(sys, o->trace_path, err);

    if (rc != 0) {
        return rc;
    }
    sys->env.trace = trace_new(mem, o->trace_level, SYS_TRACE_RING_BYTES,
                               trace_wall_ms, sys, sys_trace_sink, sys);
    sys->env.metrics = metrics_new(mem);
    if (sys->env.trace == NULL || sys->env.metrics == NULL) {
        return err_set(err, ERR_NOMEM, "no memory for the trace");
    }
    loop_metrics_start(sys);
    return 0;
}

int env_system_new(const struct env_system_options *o, struct env **ret_e,
                   struct err *err)
{
    struct system *sys = system_alloc(o);
    int rc;

    if (sys == NULL) {
        return err_set(err, ERR_NOMEM, "no memory for the environment");
    }
    rc = voices_start(sys, o, err);
    if (rc != 0) {
        goto err_after_alloc;
    }
    if (uv_loop_init(&sys->loop) != 0 ||
        uv_async_init(&sys->loop, &sys->wake, on_wake) != 0) {
        rc = err_set(err, ERR_IO, "cannot create the event loop");
        goto err_after_alloc;
    }
    loop_start(sys);
    rc = engine_start(sys, o->io_engine, err);
    if (rc != 0) {
        goto err_after_loop;
    }
    signal(SIGPIPE, SIG_IGN);
    sys_thread_begin(sys);
    trace_info(sys->env.trace, "env.start", "io_engine=%s", sys->engine->name);
    if (sys->unsafe_no_flush) {
        trace_warn(sys->env.trace, "env.unsafe_no_flush",
                   "durable writes and syncs do NOT reach the device");
    }
    *ret_e = &sys->env;
    return 0;

err_after_loop:
    loop_stop(sys);
err_after_alloc:
    system_free(sys);
    return rc;
}

void env_system_free(struct env *e)
{
    struct system *sys;

    if (e == NULL) {
        return;
    }
    sys = sys_of(e);
    sys_thread_begin(sys);
    ASSERT(sys->n_open == 0);
    sys->hold = false;
    while (sys->n_alive > 0 || sys->n_jobs > 0) {
        uv_run(&sys->loop, UV_RUN_ONCE);
    }
    sys_jobs_close(sys);
    sys->engine->stop(sys);
    loop_stop(sys);
    sys->engine->free(sys);
    assert_set_handler(NULL, NULL);
    system_free(sys);
}

/* ---- running ------------------------------------------------------------- */

void env_system_run(struct env *e)
{
    struct system *sys = sys_of(e);

    sys_thread_begin(sys);
    while (!atomic_exchange(&sys->stop, false)) {
        uv_run(&sys->loop, UV_RUN_ONCE);
    }
}

void env_system_stop(struct env *e)
{
    struct system *sys = sys_of(e);

    atomic_store(&sys->stop, true);
    uv_async_send(&sys->wake);
}

static void on_run_timeout(struct env_timer *t)
{
    ((struct system *)t->data)->until_expired = true;
}

int env_system_run_until(struct env *e, const bool *flag, uint64_t timeout_ms)
{
    struct system *sys = sys_of(e);

    sys_thread_begin(sys);
    sys->now_stale = true;
    env_timer_init(&sys->until_timer, on_run_timeout, sys);
    sys->until_expired = false;
    if (timeout_ms > 0) {
        env_timer_start(e, &sys->until_timer, env_now_ms(e) + timeout_ms);
    }
    sys->until = flag;
    while (!*flag && !sys->until_expired) {
        uv_run(&sys->loop, UV_RUN_ONCE);
    }
    sys->until = NULL;
    env_timer_stop(e, &sys->until_timer);
    return *flag ? 0 : ERR_TIMEOUT;
}

static void on_signal(uv_signal_t *h, int signo)
{
    struct sys_signal *s = h->data;

    (void)signo;
    s->cb(s->arg);
}

void env_system_signal(struct env *e, int signo, void (*cb)(void *), void *arg)
{
    struct system *sys = sys_of(e);
    struct sys_signal *s = mem_calloc(e->mem, 1, sizeof *s);

    if (s == NULL) {
        env_die(e, "no memory to watch signal %d", signo);
    }
    s->cb = cb;
    s->arg = arg;
    s->handle.data = s;
    uv_signal_init(&sys->loop, &s->handle);
    queue_push(&sys->signals, &s->queue);
    if (uv_signal_start(&s->handle, on_signal, signo) != 0) {
        env_die(e, "cannot watch signal %d", signo);
    }
}
