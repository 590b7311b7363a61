/* env.c - the public functions: what both doors share, and the way into the
 * door for the rest. */
#include "env/impl.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/assert.h"

/* A reason of env_die() is cut here. */
#define ENV_REASON_MAX 1000
/* And what is to be done about it is no longer than this. */
#define ENV_REMEDY_MAX 160

void env_base_init(struct env *e, const struct env_ops *ops, struct mem *mem,
                   struct trace *trace, struct metrics *metrics)
{
    *e = (struct env){
        .ops = ops, .mem = mem, .trace = trace, .metrics = metrics};
    heap_init(&e->timers, mem);
    for (unsigned i = 0; i < ENV_TURN_ORDERS; i++) {
        queue_init(&e->turns[i]);
    }
}

void env_base_close(struct env *e)
{
    heap_close(&e->timers);
}

struct mem *env_mem(struct env *e)
{
    return e->mem;
}

struct trace *env_trace(struct env *e)
{
    return e->trace;
}

struct metrics *env_metrics(struct env *e)
{
    return e->metrics;
}

/* ---- time ------------------------------------------------------------- */

uint64_t env_now_ms(struct env *e)
{
    return e->ops->now_us(e) / 1000;
}

uint64_t env_now_us(struct env *e)
{
    return e->ops->now_us(e);
}

uint64_t env_now_us_exact(struct env *e)
{
    return e->ops->now_us_exact(e);
}

int64_t env_wall_ms(struct env *e)
{
    return e->ops->wall_ms(e);
}

/* ---- timers ----------------------------------------------------------- */

void env_timer_init(struct env_timer *t, env_timer_cb cb, void *data)
{
    *t = (struct env_timer){.cb = cb, .data = data};
}

void env_timer_start(struct env *e, struct env_timer *t, uint64_t at_ms)
{
    /* What is overdue already queues behind what became due before it, so
     * that a timer that restarts itself cannot keep others from running. */
    uint64_t now_ms = env_now_ms(e);

    heap_remove(&e->timers, &t->node);
    t->node.key = at_ms > now_ms ? at_ms : now_ms;
    if (heap_push(&e->timers, &t->node) != 0) {
        env_fail(e, ERR_NOMEM, "no memory for a timer (%zu are started)",
                 e->timers.n);
    }
    e->ops->wake(e);
}

void env_timer_stop(struct env *e, struct env_timer *t)
{
    heap_remove(&e->timers, &t->node);
}

bool env_timers_next(const struct env *e, uint64_t *ret_at_ms)
{
    const struct heap_node *first = heap_first(&e->timers);

    if (first == NULL) {
        return false;
    }
    *ret_at_ms = first->key;
    return true;
}

void env_timers_run(struct env *e)
{
    uint64_t now_ms = env_now_ms(e);
    uint64_t started_later = e->timers.next_order;
    struct heap_node *first;

    while ((first = heap_first(&e->timers)) != NULL) {
        struct env_timer *t = QUEUE_ENTRY(first, struct env_timer, node);
        if (first->key > now_ms || first->order >= started_later) {
            return;
        }
        heap_remove(&e->timers, first);
        t->cb(t);
    }
}

/* ---- turns ------------------------------------------------------------ */

void env_turn_init(struct env_turn *t, enum env_turn_order order,
                   env_turn_cb cb, void *data)
{
    ASSERT(order < ENV_TURN_ORDERS);
    *t = (struct env_turn){.order = order, .cb = cb, .data = data};
    queue_init(&t->queue);
}

void env_turn_request(struct env *e, struct env_turn *t)
{
    if (t->queued) {
        return;
    }
    t->queued = true;
    queue_push(&e->turns[t->order], &t->queue);
    e->ops->wake(e);
}

void env_turn_cancel(struct env *e, struct env_turn *t)
{
    (void)e;
    queue_remove(&t->queue);
    t->queued = false;
}

bool env_turns_wanted(const struct env *e)
{
    for (unsigned i = 0; i < ENV_TURN_ORDERS; i++) {
        if (!queue_empty(&e->turns[i])) {
            return true;
        }
    }
    return false;
}

bool env_turns_run(struct env *e)
{
    for (unsigned i = 0; i < ENV_TURN_ORDERS; i++) {
        struct queue stolen, *q;
        queue_move(&e->turns[i], &stolen);
        while ((q = queue_pop(&stolen)) != NULL) {
            struct env_turn *t = QUEUE_ENTRY(q, struct env_turn, queue);
            t->queued = false;
            t->cb(t);
        }
    }
    return env_turns_wanted(e);
}

/* ---- threads, randomness, death --------------------------------------- */

void env_job_submit(struct env *e, enum env_thread thread, struct env_job *j,
                    env_job_cb run, env_job_cb done, void *data)
{
    ASSERT(thread < ENV_THREADS);
    *j = (struct env_job){.env = e, .run = run, .done = done, .data = data};
    queue_init(&j->queue);
    e->ops->job_submit(e, thread, j);
}

void env_random(struct env *e, void *data, size_t len)
{
    e->ops->random(e, data, len);
}

void env_die(struct env *e, const char *fmt, ...)
{
    char reason[ENV_REASON_MAX];
    va_list args;

    va_start(args, fmt);
    vsnprintf(reason, sizeof reason, fmt, args);
    va_end(args);
    e->ops->die(e, 0, reason);
    __builtin_unreachable();
}

/* What a person does about an error that ended a node. */
static const char *remedy_of(int status)
{
    switch (status) {
    case ERR_CORRUPT:
        return "nothing was cut; put the data back, or empty the directory "
               "and replace the node";
    case ERR_VERSION:
        return "nothing was cut; start the newer ostrakad that wrote it";
    case ERR_NOSPACE:
        return "nothing was cut and nothing acknowledged is lost; free space "
               "on this file system, then start again";
    case ERR_PERM:
        return "chown it to the user that runs ostrakad, then start again";
    case ERR_IO:
        return "nothing acknowledged is lost; check the disk, then start again";
    case ERR_INVALID:
        return "nothing acknowledged is lost; change the setting, then start "
               "again";
    case ERR_NOMEM:
        return "nothing acknowledged is lost; give the node more memory, then "
               "start again";
    case ERR_FULL: /* of open files */
        return "nothing acknowledged is lost; let the process open more files "
               "(ulimit -n, LimitNOFILE=), then start again";
    default:
        return "nothing acknowledged is lost; start again, and report this "
               "line: it is a mistake of ostrakad's";
    }
}

int env_exit_code(int status)
{
    switch (status) {
    case ERR_INVALID:
    case ERR_PERM:
        return ENV_EXIT_CONFIG;
    case ERR_CORRUPT:
    case ERR_VERSION:
        return ENV_EXIT_DAMAGE;
    case ERR_IO:
    case ERR_NOSPACE:
        return ENV_EXIT_STORAGE;
    case ERR_NOMEM:
    case ERR_FULL:
        return ENV_EXIT_RESOURCES;
    default:
        return 0;
    }
}

void env_fail(struct env *e, int status, const char *fmt, ...)
{
    char what[ENV_REASON_MAX], reason[ENV_REASON_MAX + ENV_REMEDY_MAX];
    va_list args;

    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    snprintf(reason, sizeof reason, "%s: %s", what, remedy_of(status));
    e->ops->die(e, env_exit_code(status), reason);
    __builtin_unreachable();
}

/* ---- byte streams ----------------------------------------------------- */

int env_listen(struct env *e, const char *host, unsigned port, env_accept_cb cb,
               void *data, struct env_listener **ret_l, struct err *err)
{
    return e->ops->listen(e, host, port, cb, data, ret_l, err);
}

unsigned env_listener_port(const struct env_listener *l)
{
    return l->env->ops->listener_port(l);
}

void env_listener_close(struct env_listener *l)
{
    if (l != NULL) {
        l->env->ops->listener_close(l);
    }
}

int env_connect(struct env *e, const char *host, unsigned port,
                unsigned timeout_ms, env_connect_cb cb, void *data,
                struct env_stream **ret_s)
{
    return e->ops->connect(e, host, port, timeout_ms, cb, data, ret_s);
}

void env_stream_read_start(struct env_stream *s, env_read_alloc_cb alloc,
                           env_read_cb cb, void *data)
{
    s->env->ops->stream_read_start(s, alloc, cb, data);
}

void env_stream_read_pause(struct env_stream *s)
{
    s->env->ops->stream_read_pause(s);
}

void env_stream_read_resume(struct env_stream *s)
{
    s->env->ops->stream_read_resume(s);
}

int env_stream_write(struct env_stream *s, struct env_write *w,
                     const struct slice slices[], unsigned n, env_write_cb cb,
                     void *data)
{
    ASSERT(n <= ENV_WRITE_SLICES_MAX);
    return s->env->ops->stream_write(s, w, slices, n, cb, data);
}

size_t env_stream_unwritten(const struct env_stream *s)
{
    return s->env->ops->stream_unwritten(s);
}

size_t env_stream_unsent(const struct env_stream *s)
{
    return s->env->ops->stream_unsent(s);
}

const char *env_stream_peer(const struct env_stream *s)
{
    return s->env->ops->stream_peer(s);
}

void env_stream_close(struct env_stream *s, env_close_cb cb, void *data)
{
    s->env->ops->stream_close(s, cb, data);
}
