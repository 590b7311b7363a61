/* sim_node.c - the lives of nodes.
 *
 * Entering a node's code sets the thread's assertion handler and a jump point;
 * env_die() and failed assertions jump back here, and the node is buried: its
 * connections break, its files close, its memory is freed whole. The disk
 * keeps what was written: a process died, not the power.
 *
 * After a batch of its events a node has a turn: timers that are due, then
 * hooks.
 */
#include "env/sim_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

/* Virtual time 0 in milliseconds since 1970 (2026-01-01). */
#define SIM_EPOCH_MS INT64_C(1767225600000)
/* Flight recorder of a node. */
#define SIM_RING_BYTES (64 * 1024)

/* ---- entering and leaving a node ---------------------------------------- */

/* Leave the node's code for good. */
static _Noreturn void node_leave(struct sim_node *n, const char *reason)
{
    if (!n->entered || n->sim->current != n) {
        fprintf(stderr, "node %u dies outside its code: %s\n", n->id, reason);
        abort();
    }
    n->dying = true;
    snprintf(n->death, sizeof n->death, "%s", reason);
    siglongjmp(n->jump, 1);
}

static void node_die(struct env *e, int exit_code, const char *reason)
{
    sim_node_of(e)->exit_code = exit_code;
    node_leave(sim_node_of(e), reason);
}

static void node_assert(void *arg, const char *file, int line, const char *text)
{
    char reason[sizeof((struct sim_node *)NULL)->death];

    snprintf(reason, sizeof reason, "%s:%d: assertion failed: %s", file, line,
             text);
    node_leave(arg, reason);
}

/* The frame that is jumped to. */
static __attribute__((noinline)) void node_frame(struct sim_node *n,
                                                 void (*fn)(void *), void *arg)
{
    if (sigsetjmp(n->jump, 0) == 0) {
        fn(arg);
    }
}

/* Free what was this life of the node. */
static void node_bury(struct sim_node *n, bool silent)
{
    struct sim *s = n->sim;

    sim_note(s, n->id, SIM_KIND_DEATH, silent);
    n->alive = false;
    n->dying = false;
    n->paused = false;
    n->silent = silent;
    if (s->batch == n) {
        s->batch = NULL;
    }
    n->powerless = false;
    sim_net_down(n, silent);
    sim_files_down(n);
    sim_event_cancel(n->turn_ev); /* may be among those held */
    n->turn_ev = NULL;
    sim_events_free(&n->held);
    sim_events_free(&n->held_durable);
    mem_free_all(n->env.mem);
    n->env = (struct env){0};
}

/* A power cut is silent in half of the cases. */
static bool cut_is_silent(struct sim *s, enum sim_crash how)
{
    return how < SIM_CRASH_ALL && rand_below(&s->rand, 2) == 0;
}

/* The power went at an I/O call. */
static void power_end(struct sim_node *n)
{
    node_bury(n, cut_is_silent(n->sim, n->crash_how));
    snprintf(n->death, sizeof n->death, "%s", SIM_POWER_TEXT);
    sim_disk_cut(n->disk, n->crash_how);
}

void sim_nodes_reap(struct sim *s)
{
    if (s->n_powerless == 0) {
        return;
    }
    s->n_powerless = 0;
    for (unsigned i = 0; i < s->n_nodes; i++) {
        struct sim_node *n = s->nodes[i];
        if (n->powerless && n->alive && !n->entered) {
            power_end(n);
        }
    }
}

/* Run `fn` as the node. Errors: ERR_CLOSED, the node died. */
int sim_node_enter(struct sim_node *n, void (*fn)(void *), void *arg)
{
    struct sim *s = n->sim;
    struct sim_node *outer = s->current;

    if (n->entered) {
        fn(arg);
        return 0;
    }
    n->entered = true;
    s->current = n;
    assert_set_handler(node_assert, n);
    node_frame(n, fn, arg);
    n->entered = false;
    s->current = outer;
    assert_set_handler(outer == NULL ? NULL : node_assert, outer);
    if (!n->dying) {
        return 0;
    }
    if (n->powerless) { /* it died of that */
        power_end(n);
    } else if (n->cut) {
        n->cut = false;
        n->death[0] = '\0';
        node_bury(n, cut_is_silent(s, n->cut_how));
        sim_disk_cut(n->disk, n->cut_how);
    } else {
        node_bury(n, false);
    }
    return ERR_CLOSED;
}

/* ---- turns -------------------------------------------------------------- */

static void turn_run(struct sim_event *ev)
{
    /* The turn itself follows every batch of events. */
    sim_node_get(ev->sim, ev->id)->turn_ev = NULL;
}

static void turn_plan(struct sim_node *n, uint64_t at_us)
{
    struct sim_event *ev = n->turn_ev;

    if (ev != NULL && ev->node.slot != 0 && ev->node.key <= at_us) {
        return;
    }
    if (ev != NULL && ev->node.slot == 0) {
        return; /* held by a pause: comes first when it ends */
    }
    sim_event_cancel(ev);
    ev = sim_event_new(n->sim, sizeof *ev, n, SIM_KIND_TURN);
    ev->run = turn_run;
    n->turn_ev = ev;
    sim_event_push(ev, at_us);
}

/* When the node's clock will say so: not earlier. */
static uint64_t world_us(const struct sim_node *n, uint64_t node_us)
{
    uint64_t us;

    if (n->rate == 0 || node_us == UINT64_MAX) {
        return node_us;
    }
    if (node_us <= n->rate_base_us) {
        return 0;
    }
    us = node_us - n->rate_base_us;
    return n->rate_from_us + us / (uint64_t)(1000000 + n->rate) * 1000000 +
           us % (uint64_t)(1000000 + n->rate) * 1000000 /
               (uint64_t)(1000000 + n->rate) +
           1;
}

/* Plan the next turn by what the node waits for. One that cannot wait costs a
 * microsecond, so that a node that never rests does not stop the clock. */
void sim_turn_plan_next(struct sim_node *n)
{
    uint64_t at_ms, at_us;

    if (env_turns_wanted(&n->env)) {
        turn_plan(n, n->sim->now_us + 1);
    } else if (env_timers_next(&n->env, &at_ms)) {
        at_us = at_ms > UINT64_MAX / 1000 ? UINT64_MAX : at_ms * 1000;
        at_us = world_us(n, at_us);
        if (at_us <= n->sim->now_us) {
            at_us = n->sim->now_us + 1;
        }
        turn_plan(n, at_us);
    }
}

static void turn_do(void *arg)
{
    struct sim_node *n = arg;

    env_timers_run(&n->env);
    (void)env_turns_run(&n->env);
}

/* Timers, hooks, and the plan for the next turn. */
int sim_node_turn(struct sim_node *n)
{
    int rc = sim_node_enter(n, turn_do, n);

    if (rc == 0) {
        sim_turn_plan_next(n);
    }
    return rc;
}

static void node_wake(struct env *e)
{
    struct sim_node *n = sim_node_of(e);

    if (!n->entered) {
        sim_turn_plan_next(n);
    }
}

/* ---- operations of the env ---------------------------------------------- */

static uint64_t node_now_us(struct env *e)
{
    const struct sim_node *n = sim_node_of(e);
    uint64_t us = n->sim->now_us - n->rate_from_us;

    if (n->rate == 0) {
        return n->sim->now_us;
    }
    return n->rate_base_us + us / 1000000 * (uint64_t)(1000000 + n->rate) +
           us % 1000000 * (uint64_t)(1000000 + n->rate) / 1000000;
}

static int64_t node_wall_ms(struct env *e)
{
    return SIM_EPOCH_MS + (int64_t)(node_now_us(e) / 1000) +
           sim_node_of(e)->wall_off_ms;
}

static void node_random(struct env *e, void *data, size_t len)
{
    rand_fill(&sim_node_of(e)->sim->rand, data, len);
}

static const struct env_ops sim_ops = {
    .now_us = node_now_us,
    .now_us_exact = node_now_us,
    .wall_ms = node_wall_ms,
    .wake = node_wake,
    .job_submit = sim_job_submit,
    .random = node_random,
    .die = node_die,
    .listen = sim_listen,
    .listener_port = sim_listener_port,
    .listener_close = sim_listener_close,
    .connect = sim_connect,
    .stream_read_start = sim_stream_read_start,
    .stream_read_pause = sim_stream_read_pause,
    .stream_read_resume = sim_stream_read_resume,
    .stream_write = sim_stream_write,
    .stream_unwritten = sim_stream_unwritten,
    .stream_unsent = sim_stream_unsent,
    .stream_peer = sim_stream_peer,
    .stream_close = sim_stream_close,
    .file_open = sim_file_open,
    .file_write = sim_file_write,
    .file_read = sim_file_read,
    .file_sync = sim_file_sync,
    .file_close = sim_file_close,
    .file_engine = sim_file_engine,
    .file_hold_durable = sim_file_hold_durable,
    .bfile_open = sim_bfile_open,
    .bfile_close = sim_bfile_close,
    .bfile_read = sim_bfile_read,
    .bfile_write = sim_bfile_write,
    .bfile_sync = sim_bfile_sync,
    .bfile_size = sim_bfile_size,
    .bfile_truncate = sim_bfile_truncate,
    .bfile_allocate = sim_bfile_allocate,
    .bfile_drop_cache = sim_bfile_drop_cache,
    .bfile_lock = sim_bfile_lock,
    .mkdir = sim_mkdir,
    .unlink = sim_unlink,
    .rmdir = sim_rmdir,
    .rename = sim_rename,
    .sync_dir = sim_sync_dir,
    .stat = sim_stat,
    .list_dir = sim_list_dir,
    .disk_free = sim_disk_space,
};

/* ---- nodes -------------------------------------------------------------- */

static int64_t node_trace_clock(void *arg)
{
    return node_wall_ms(&((struct sim_node *)arg)->env);
}

static void node_trace_sink(void *arg, enum trace_level level, const char *line,
                            size_t len)
{
    struct sim_node *n = arg;

    (void)level;
    if (n->sim->o.trace_cb != NULL) {
        n->sim->o.trace_cb(n->sim->o.trace_arg, n->id, slice_of(line, len));
    }
    if (n->sim->o.trace_stderr) {
        fprintf(stderr, "n%u %.*s\n", n->id, (int)len, line);
    }
}

static struct sim_node *node_make(struct sim *s, unsigned id)
{
    struct sim_node *n = sim_alloc(s, 1, sizeof *n);

    n->sim = s;
    n->id = id;
    s->nodes =
        sim_realloc(s, s->nodes, (s->n_nodes + 1) * sizeof(struct sim_node *));
    s->nodes[s->n_nodes++] = n;
    return n;
}

/* A life begins: a fresh env in memory of its own. */
static void node_birth(struct sim_node *n)
{
    struct mem *mem = mem_new(0);
    struct trace *trace;
    struct metrics *metrics;

    ASSERT(mem != NULL);
    n->life = ++n->sim->lives;
    mem_shake(mem, n->sim->o.shake * n->life);
    n->rate = n->next_rate;
    n->rate_from_us = n->rate_base_us = n->sim->now_us;
    n->powerless = false;
    n->alive = true;
    n->silent = false;
    n->paused = false;
    n->death[0] = '\0';
    n->exit_code = 0;
    n->hold_durable = false;
    n->stall_us = 0;
    queue_init(&n->held);
    queue_init(&n->held_durable);
    queue_init(&n->handles);
    for (unsigned i = 0; i < ENV_THREADS; i++) {
        queue_init(&n->jobs[i]);
        n->job_busy[i] = false;
    }
    trace = trace_new(mem, n->sim->o.trace_level, SIM_RING_BYTES,
                      node_trace_clock, n, node_trace_sink, n);
    metrics = metrics_new(mem);
    ASSERT(trace != NULL && metrics != NULL);
    env_base_init(&n->env, &sim_ops, mem, trace, metrics);
}

struct node_start {
    sim_start_cb start;
    struct env *env;
    void *arg;
};

static void node_start_run(void *arg)
{
    struct node_start *st = arg;

    st->start(st->env, st->arg);
}

int sim_node_start(struct sim *s, unsigned id, const char *host,
                   struct sim_disk *disk, sim_start_cb start, void *arg,
                   struct env **ret_e)
{
    struct sim_node *n = sim_node_find(s, id);
    struct node_start st;
    int rc;

    ASSERT(id != 0 && disk != NULL && strlen(host) < sizeof n->host);
    if (n == NULL) {
        n = node_make(s, id);
    }
    ASSERT(!n->alive && !n->entered);
    snprintf(n->host, sizeof n->host, "%s", host);
    n->disk = disk;
    node_birth(n);
    sim_note(s, id, SIM_KIND_START, 0);
    sim_net_wake(s);
    st = (struct node_start){start, &n->env, arg};
    rc = sim_node_enter(n, node_start_run, &st);
    if (rc == 0) {
        rc = sim_node_turn(n);
    }
    sim_nodes_reap(s);
    if (!n->alive) {
        rc = ERR_CLOSED;
    }
    if (rc == 0 && ret_e != NULL) {
        *ret_e = &n->env;
    }
    return rc;
}

void sim_node_crash(struct sim *s, unsigned id, enum sim_crash how)
{
    struct sim_node *n = sim_node_get(s, id);

    if (n->entered) {
        n->cut = true;
        n->cut_how = how;
        node_leave(n, "");
    }
    if (n->alive) {
        node_bury(n, cut_is_silent(s, how));
        n->death[0] = '\0';
    }
    sim_disk_cut(n->disk, how);
}

void sim_node_pause(struct sim *s, unsigned id)
{
    struct sim_node *n = sim_node_get(s, id);

    ASSERT(n->alive);
    n->paused = true;
}

void sim_node_resume(struct sim *s, unsigned id)
{
    struct sim_node *n = sim_node_get(s, id);
    struct queue *q;

    if (!n->alive || !n->paused) {
        return;
    }
    n->paused = false;
    while ((q = queue_pop(&n->held)) != NULL) {
        struct sim_event *ev = QUEUE_ENTRY(q, struct sim_event, queue);
        ev->arrive = NULL; /* has happened already */
        sim_event_push(ev, s->now_us);
    }
    sim_turn_plan_next(n);
}

struct env *sim_node_env(struct sim *s, unsigned id)
{
    struct sim_node *n = sim_node_find(s, id);

    return n != NULL && n->alive ? &n->env : NULL;
}

const char *sim_node_death(struct sim *s, unsigned id)
{
    struct sim_node *n = sim_node_find(s, id);

    return n == NULL ? "" : n->death;
}

int sim_node_exit_code(struct sim *s, unsigned id)
{
    struct sim_node *n = sim_node_find(s, id);

    return n == NULL ? 0 : n->exit_code;
}

int sim_node_call(struct sim *s, unsigned id, void (*fn)(void *), void *arg)
{
    struct sim_node *n = sim_node_find(s, id);
    bool inside;

    if (n == NULL || !n->alive) {
        return ERR_CLOSED;
    }
    inside = n->entered;
    if (sim_node_enter(n, fn, arg) != 0) {
        return ERR_CLOSED;
    }
    if (inside) {
        return 0;
    }
    if (n->paused) {
        sim_turn_plan_next(n);
    } else {
        (void)sim_node_turn(n);
    }
    sim_nodes_reap(s);
    return n->alive ? 0 : ERR_CLOSED;
}

static struct sim_node *node_any(struct sim *s, unsigned id)
{
    struct sim_node *n = sim_node_find(s, id);

    return n == NULL ? node_make(s, id) : n;
}

void sim_node_wall(struct sim *s, unsigned id, int64_t offset_ms)
{
    node_any(s, id)->wall_off_ms = offset_ms;
}

void sim_node_rate(struct sim *s, unsigned id, int millionths)
{
    ASSERT(millionths > -1000000 && millionths < 1000000);
    node_any(s, id)->next_rate = millionths;
}

void sim_node_slow(struct sim *s, unsigned id, uint64_t disk_us,
                   uint64_t net_us)
{
    node_any(s, id)->slow_disk_us = disk_us;
    node_any(s, id)->slow_net_us = net_us;
}

void sim_node_stall(struct sim *s, unsigned id, uint64_t disk_us)
{
    node_any(s, id)->stall_us = disk_us;
}

void sim_crash_at(struct sim *s, unsigned id, uint64_t n, enum sim_crash how)
{
    node_any(s, id)->crash_at = n;
    node_any(s, id)->crash_how = how;
}

void sim_io_fail_at(struct sim *s, unsigned id, uint64_t n, bool for_ever,
                    int code)
{
    struct sim_node *node = node_any(s, id);

    node->fail_at = n;
    node->fail_for_ever = for_ever;
    node->fail_fired = false;
    node->fail_code = code;
}

bool sim_io_fail_fired(struct sim *s, unsigned id)
{
    struct sim_node *n = sim_node_find(s, id);

    return n != NULL && n->fail_fired;
}
