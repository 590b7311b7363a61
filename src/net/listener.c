/* listener.c - the door for clients: accepting, limits, idle connections, and
 * the end of a turn. */
#include "net/listener.h"

#include <stdio.h>

#include "base/assert.h"
#include "net/conn.h"

#define UNWRITTEN_DEFAULT (8u << 20)

/* ---- metrics ------------------------------------------------------------ */

static const char *const end_names[CONN_ENDS] = {"eof", "error", "protocol",
                                                 "idle", "closed"};

static void metrics_start(struct listener *l)
{
    struct metrics *ms = env_metrics(l->env);
    struct metric *m = l->metrics;
    char port[16], labels[METRIC_LABELS_MAX] = "";

    snprintf(port, sizeof port, "%u", listener_port(l));
    metric_label(labels, "port", slice_str(port));
    metric_add(ms, m++, METRIC_GAUGE, "ostraka_client_connections",
               "Client connections now open.", labels, &l->m_conns);
    metric_add(ms, m++, METRIC_COUNTER,
               "ostraka_client_connections_accepted_total",
               "Client connections accepted.", labels, &l->m_accepted);
    metric_add(
        ms, m++, METRIC_COUNTER, "ostraka_client_connections_rejected_total",
        "Client connections closed at once: too many.", labels, &l->m_rejected);
    metric_add(ms, m++, METRIC_COUNTER, "ostraka_client_received_bytes_total",
               "Bytes read from clients.", labels, &l->m_bytes_in);
    metric_add(ms, m++, METRIC_COUNTER, "ostraka_client_sent_bytes_total",
               "Bytes written to clients.", labels, &l->m_bytes_out);
    metric_add(ms, m++, METRIC_COUNTER, "ostraka_client_memory_waits_total",
               "Times a frame had to wait for memory.", labels, &l->m_starved);
    for (unsigned i = 0; i < CONN_ENDS; i++) {
        char with[METRIC_LABELS_MAX];
        memcpy(with, labels, sizeof with);
        metric_label(with, "reason", slice_str(end_names[i]));
        metric_add(ms, m++, METRIC_COUNTER,
                   "ostraka_client_connections_closed_total",
                   "Client connections ended, by reason.", with, &l->m_ends[i]);
    }
    ASSERT(m == l->metrics + LISTENER_METRICS);
}

static void metrics_stop(struct listener *l)
{
    for (unsigned i = 0; i < LISTENER_METRICS; i++) {
        metric_remove(&l->metrics[i]);
    }
}

/* ---- idle connections --------------------------------------------------- */

void listener_idle_at(struct listener *l, uint64_t at_ms)
{
    if (!env_timer_active(&l->idle_timer) || l->idle_timer.node.key > at_ms) {
        env_timer_start(l->env, &l->idle_timer, at_ms);
    }
}

/* End what has been silent for `ms_max`, least active first; what we do not
 * read from ourselves is not the client's silence. */
static void idle_check(struct listener *l, struct queue *head, uint64_t ms_max,
                       int why)
{
    uint64_t now_ms = env_now_ms(l->env);

    while (!queue_empty(head)) {
        struct conn *c = QUEUE_ENTRY(head->next, struct conn, all);
        if (c->active_ms + ms_max > now_ms) {
            listener_idle_at(l, c->active_ms + ms_max);
            return;
        }
        if (why == ERR_TIMEOUT && (!c->reading || c->n_writes > 0)) {
            conn_touch(c);
        } else {
            conn_end(c, why);
        }
    }
}

static void on_idle(struct env_timer *t)
{
    struct listener *l = t->data;

    idle_check(l, &l->flushing, CONN_FLUSH_MS, ERR_CANCELED);
    if (l->o.idle_ms_max > 0) {
        idle_check(l, &l->conns, l->o.idle_ms_max, ERR_TIMEOUT);
    }
}

/* ---- memory ------------------------------------------------------------- */

/* Those that wait for memory try again, in the order in which they began. */
static void starved_retry(struct listener *l)
{
    struct queue stolen, *q;

    queue_move(&l->waiting, &stolen);
    while ((q = queue_pop(&stolen)) != NULL) {
        struct conn *c = QUEUE_ENTRY(q, struct conn, waiting);
        c->starved = false;
        conn_continue(c);
    }
}

static void on_starved(struct env_timer *t)
{
    starved_retry(t->data);
}

/* ---- the end of a turn -------------------------------------------------- */

static void listener_finish(struct listener *l)
{
    void (*cb)(void *arg) = l->close_cb;
    void *arg = l->close_arg;

    env_timer_stop(l->env, &l->idle_timer);
    env_timer_stop(l->env, &l->starved_timer);
    metrics_stop(l);
    conn_outs_free(l);
    chunk_release(l->small);
    mem_free(env_mem(l->env), l);
    if (cb != NULL) {
        cb(arg);
    }
}

static void on_turn(struct env_turn *t)
{
    struct listener *l = t->data;
    struct queue stolen, *q;
    bool wrote = !queue_empty(&l->dirty);

    queue_move(&l->ready, &stolen);
    while ((q = queue_pop(&stolen)) != NULL) {
        conn_continue(QUEUE_ENTRY(q, struct conn, ready));
    }
    while ((q = queue_pop(&l->dirty)) != NULL) {
        conn_flush(QUEUE_ENTRY(q, struct conn, dirty));
    }
    if (wrote && !queue_empty(&l->waiting)) {
        starved_retry(l);
    }
    if (l->closing && l->n_conns == 0) {
        listener_finish(l);
    }
}

/* ---- accepting ---------------------------------------------------------- */

static void conn_init(struct conn *c, struct listener *l, struct env_stream *s)
{
    *c = (struct conn){.l = l, .stream = s};
    queue_init(&c->all);
    queue_init(&c->waiting);
    queue_init(&c->ready);
    queue_init(&c->dirty);
    queue_init(&c->outs);
    c->id = (uint64_t)listener_port(l) << 40 | ++l->next_id;
    l->n_conns++;
    l->m_conns++;
    l->m_accepted++;
    conn_touch(c);
    if (l->o.idle_ms_max > 0) {
        listener_idle_at(l, c->active_ms + l->o.idle_ms_max);
    }
}

static void on_accept(struct env_listener *door, struct env_stream *s,
                      void *data)
{
    struct listener *l = data;
    struct conn *c = NULL;

    (void)door;
    if (l->n_conns < l->o.connections_max) {
        c = mem_alloc(env_mem(l->env), sizeof *c);
    }
    if (c == NULL) {
        l->m_rejected++;
        trace_warn(env_trace(l->env), "net.connections", "peer=%s limit=%u",
                   env_stream_peer(s), l->o.connections_max);
        env_stream_close(s, NULL, NULL);
        return;
    }
    conn_init(c, l, s);
    c->data = l->hooks.open(l->arg, c);
    if (c->data == NULL) {
        conn_end(c, ERR_CANCELED);
        return;
    }
    c->opened = true;
    if (!c->closing) {
        conn_start(c);
    }
}

/* ---- open and close ----------------------------------------------------- */

int listener_open(struct env *e, const struct listener_options *o,
                  const struct listener_hooks *hooks, void *arg,
                  struct listener **ret_l, struct err *err)
{
    struct listener *l = mem_alloc(env_mem(e), sizeof *l);
    size_t frame_max = chunk_pool_max(o->pool) / 2;
    int rc;

    if (l == NULL) {
        return err_set(err, ERR_NOMEM, "listener: out of memory");
    }
    *l = (struct listener){
        .env = e, .o = *o, .hooks = *hooks, .arg = arg, .door = NULL};
    if (l->o.frame_bytes_max > frame_max) {
        l->o.frame_bytes_max = (uint32_t)frame_max;
    }
    if (l->o.frame_bytes_max > INT32_MAX) {
        l->o.frame_bytes_max = INT32_MAX;
    }
    if (l->o.unwritten_max == 0) {
        l->o.unwritten_max = UNWRITTEN_DEFAULT;
    }
    queue_init(&l->conns);
    queue_init(&l->flushing);
    queue_init(&l->waiting);
    queue_init(&l->ready);
    queue_init(&l->dirty);
    queue_init(&l->outs);
    env_turn_init(&l->turn, ENV_TURN_CLIENTS, on_turn, l);
    env_timer_init(&l->idle_timer, on_idle, l);
    env_timer_init(&l->starved_timer, on_starved, l);
    rc = env_listen(e, o->host, o->port, on_accept, l, &l->door, err);
    if (rc != 0) {
        mem_free(env_mem(e), l);
        return rc;
    }
    metrics_start(l);
    *ret_l = l;
    return 0;
}

static void conns_end(struct queue *head)
{
    while (!queue_empty(head)) {
        conn_end(QUEUE_ENTRY(head->next, struct conn, all), ERR_CANCELED);
    }
}

void listener_close(struct listener *l, void (*cb)(void *arg), void *arg)
{
    ASSERT(!l->closing);
    l->closing = true;
    l->close_cb = cb;
    l->close_arg = arg;
    env_listener_close(l->door);
    l->door = NULL;
    conns_end(&l->conns);
    conns_end(&l->flushing);
    env_turn_request(l->env, &l->turn);
}

unsigned listener_port(const struct listener *l)
{
    return env_listener_port(l->door);
}

uint32_t listener_connections(const struct listener *l)
{
    return l->n_conns;
}
