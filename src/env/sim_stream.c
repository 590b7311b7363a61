/* sim_stream.c - streams and listeners as the process sees them: writes into
 * the pipe while the kernel's buffer has room, reads out of what has arrived,
 * connecting and closing. */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "env/sim_net.h"

/* Kernel buffer of what is under way. */
#define SEND_BYTES_MAX    (256 * 1024)
#define SEGMENT_BYTES_MAX (64 * 1024)
#define PORT_FIRST        20000
#define PORT_MAX          65535

static struct sim_stream *stream_of(const struct env_stream *s)
{
    return (struct sim_stream *)(uintptr_t)s;
}

struct sim_stream *sim_stream_new(struct sim_node *n, struct sim_end *e)
{
    struct sim_stream *st = mem_calloc(n->env.mem, 1, sizeof *st);

    if (st != NULL) {
        st->stream.env = &n->env;
        st->end = e;
        queue_init(&st->writes);
        e->stream = st;
    }
    return st;
}

struct sim_listener *sim_listener_find(struct sim *s, unsigned id,
                                       unsigned port)
{
    struct queue *q;

    for (q = s->listeners.next; q != &s->listeners; q = q->next) {
        struct sim_listener *l = QUEUE_ENTRY(q, struct sim_listener, queue);
        if (l->node->id == id && l->port == port) {
            return l;
        }
    }
    return NULL;
}

/* ---- streams: writing --------------------------------------------------- */

/* Move bytes of writes into the pipe while the kernel's buffer has room. */
void sim_pipe_pump(struct sim_end *from)
{
    struct sim_stream *st = from->stream;
    struct queue *q;

    if (st == NULL || !st->connected || from->broken) {
        return;
    }
    for (q = st->writes.next; q != &st->writes; q = q->next) {
        struct sim_write *w = QUEUE_ENTRY(q, struct sim_write, queue);
        while (w->moved < w->len && from->out.bytes < SEND_BYTES_MAX) {
            size_t n = w->len - w->moved;
            size_t room = SEND_BYTES_MAX - from->out.bytes;
            n = n < room ? n : room;
            n = n < SEGMENT_BYTES_MAX ? n : SEGMENT_BYTES_MAX;
            if (sim_chance(from->conn->sim,
                           from->conn->sim->o.net_split_rate)) {
                n = 1 + (size_t)rand_below(&from->conn->sim->rand, n);
            }
            sim_pipe_push(from, SEG_DATA, w->data + w->moved, n);
            w->moved += n;
        }
        if (w->moved < w->len) {
            return;
        }
        sim_end_ready(from);
    }
}

int sim_stream_write(struct env_stream *s, struct env_write *w,
                     const struct slice slices[], unsigned n, env_write_cb cb,
                     void *data)
{
    struct sim_stream *st = stream_of(s);
    struct sim_write *sw;
    size_t len = 0;

    if (st->closing || st->end == NULL || !st->connected || st->connecting ||
        st->write_failed) {
        return ERR_CLOSED;
    }
    for (unsigned i = 0; i < n; i++) {
        len += slices[i].len;
    }
    sw = mem_alloc(s->env->mem, sizeof *sw + len);
    if (sw == NULL) {
        return ERR_NOMEM;
    }
    *sw = (struct sim_write){.w = w};
    for (unsigned i = 0; i < n; i++) {
        if (slices[i].len > 0) {
            memcpy(sw->data + sw->len, slices[i].data, slices[i].len);
            sw->len += slices[i].len;
        }
    }
    *w = (struct env_write){.len = len, .cb = cb, .data = data};
    queue_push(&st->writes, &sw->queue);
    st->unwritten += len;
    if (st->end->broken) {
        sim_end_ready(st->end);
    } else {
        sim_pipe_pump(st->end);
    }
    return 0;
}

/* The first write is over. */
static void write_finish(struct sim_stream *st, int status)
{
    struct sim_write *sw =
        QUEUE_ENTRY(st->writes.next, struct sim_write, queue);
    struct env_write *w = sw->w;

    queue_remove(&sw->queue);
    st->unwritten -= sw->len;
    st->write_failed = st->write_failed || status != 0;
    mem_free(st->stream.env->mem, sw);
    w->cb(w, status);
}

static bool write_moved(const struct sim_stream *st)
{
    const struct sim_write *sw =
        QUEUE_ENTRY(st->writes.next, struct sim_write, queue);

    return sw->moved == sw->len;
}

static void ready_writes(struct sim_stream *st)
{
    while (!st->closing && !queue_empty(&st->writes)) {
        if (write_moved(st)) {
            write_finish(st, 0);
        } else if (st->end->broken) {
            write_finish(st, ERR_IO);
        } else {
            return;
        }
    }
}

/* ---- streams: reading --------------------------------------------------- */

static bool may_read(const struct sim_stream *st)
{
    return !st->closing && st->reading && !st->paused && !st->read_done;
}

static void read_some(struct sim_stream *st)
{
    struct sim_end *e = st->end;
    size_t held = e->rx_len - e->rx_at;
    uint8_t *p = NULL;
    size_t len = 0;

    st->read_alloc(&st->stream, st->read_data, &p, &len);
    if (len == 0 || !may_read(st)) {
        st->paused = true;
        return;
    }
    len = len < held ? len : held;
    memcpy(p, e->rx + e->rx_at, len);
    e->rx_at += len;
    if (sim_end_other(e)->out.blocked) {
        sim_end_other(e)->out.blocked = false;
        sim_pipe_schedule(sim_end_other(e));
    }
    st->read_cb(&st->stream, st->read_data, 0, len);
}

static void ready_reads(struct sim_stream *st)
{
    while (may_read(st) && st->end->rx_at < st->end->rx_len) {
        read_some(st);
    }
    if (may_read(st) && (st->end->eof || st->end->broken)) {
        st->read_done = true;
        st->read_cb(&st->stream, st->read_data, st->end->eof ? ERR_EOF : ERR_IO,
                    0);
    }
}

void sim_stream_read_start(struct env_stream *s, env_read_alloc_cb alloc,
                           env_read_cb cb, void *data)
{
    struct sim_stream *st = stream_of(s);

    ASSERT(!st->connecting && !st->closing);
    st->reading = true;
    st->paused = false;
    st->read_alloc = alloc;
    st->read_cb = cb;
    st->read_data = data;
    if (st->end != NULL) {
        sim_end_ready(st->end);
    }
}

void sim_stream_read_pause(struct env_stream *s)
{
    stream_of(s)->paused = true;
}

void sim_stream_read_resume(struct env_stream *s)
{
    struct sim_stream *st = stream_of(s);

    st->paused = false;
    if (st->end != NULL) {
        sim_end_ready(st->end);
    }
}

/* ---- streams: connecting and closing ------------------------------------ */

static void ready_connect(struct sim_stream *st)
{
    if (!st->connecting) {
        return;
    }
    if (!st->connected && st->connect_status == 0 && st->end->broken) {
        st->connect_status = st->end->why;
    }
    if (st->connected || st->connect_status != 0) {
        st->connecting = false;
        sim_event_cancel(st->connect_timeout);
        st->connect_timeout = NULL;
        if (st->connected) {
            sim_pipe_pump(st->end);
        }
        st->connect_cb(&st->stream, st->connect_status, st->connect_data);
    }
}

void sim_stream_ready(struct sim_event *ev)
{
    struct net_event *ne = (struct net_event *)ev;
    struct sim_stream *st = ne->stream;

    if (ne->end != NULL) {
        ne->end->ready = NULL; /* what comes from now on is new */
        ne->end = NULL;        /* and may go before this event does */
    }
    if (!st->closing) {
        ready_connect(st);
    }
    if (!st->closing && st->connected) {
        ready_writes(st);
        if (!st->closing) {
            ready_reads(st);
        }
    }
}

static void connect_timeout_run(struct sim_event *ev)
{
    struct sim_stream *st = ((struct net_event *)ev)->stream;

    st->connect_timeout = NULL;
    if (!st->connecting || st->connected) {
        return;
    }
    st->connecting = false;
    st->connect_status = ev->kind == SIM_KIND_TIMEOUT ? ERR_TIMEOUT : ERR_IO;
    if (st->end != NULL) {
        sim_end_close(st->end, true, true);
    }
    st->connect_cb(&st->stream, st->connect_status, st->connect_data);
}

static bool host_is_local(const struct sim_node *n, const char *host)
{
    static const char *const names[] = {
        "", "*", "0.0.0.0", "::", "localhost", "127.0.0.1", "::1"};

    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(host, names[i]) == 0) {
            return true;
        }
    }
    return strcmp(host, n->host) == 0;
}

/* The node that a connection to host:port goes to; of several on one host the
 * one that listens. NULL: no such host. */
static struct sim_node *host_find(struct sim_node *n, const char *host,
                                  unsigned port)
{
    struct sim *s = n->sim;
    struct sim_node *found = NULL;
    const char *name = host_is_local(n, host) ? n->host : host;

    for (unsigned i = 0; i < s->n_nodes; i++) {
        struct sim_node *m = s->nodes[i];
        if (m->life == 0 || strcmp(m->host, name) != 0) {
            continue;
        }
        if (found == NULL || sim_listener_find(s, m->id, port) != NULL) {
            found = m;
        }
    }
    return found;
}

/* Fail the connect after `at_us`, with ERR_TIMEOUT or, if `kind` is another,
 * ERR_IO. */
static void connect_limit(struct sim_stream *st, struct sim_node *n,
                          enum sim_kind kind, uint64_t at_us)
{
    struct net_event *ne = sim_net_event_new(n->sim, n, kind, NULL);

    ne->stream = st;
    ne->ev.run = connect_timeout_run;
    st->connect_timeout = &ne->ev;
    sim_event_push(&ne->ev, at_us);
}

int sim_connect(struct env *e, const char *host, unsigned port,
                unsigned timeout_ms, env_connect_cb cb, void *data,
                struct env_stream **ret_s)
{
    struct sim_node *n = sim_node_of(e);
    struct sim *s = n->sim;
    struct sim_node *to = host_find(n, host, port);
    struct sim_stream *st = mem_calloc(e->mem, 1, sizeof *st);
    struct sim_end *end;

    if (st == NULL) {
        return ERR_NOMEM;
    }
    st->stream.env = e;
    queue_init(&st->writes);
    st->connecting = true;
    st->connect_cb = cb;
    st->connect_data = data;
    snprintf(st->peer, sizeof st->peer, "%.255s:%u", host, port);
    *ret_s = &st->stream;
    if (to == NULL) {
        connect_limit(st, n, SIM_KIND_STREAM, s->now_us + sim_net_delay(s));
        return 0;
    }
    end = &sim_conn_new(s, port)->ends[0];
    end->id = n->id;
    end->life = n->life;
    end->open = true;
    end->stream = st;
    st->end = end;
    sim_end_other(end)->id = to->id;
    if (timeout_ms > 0) {
        connect_limit(st, n, SIM_KIND_TIMEOUT,
                      s->now_us + (uint64_t)timeout_ms * 1000);
    }
    sim_pipe_push(end, SEG_SYN, NULL, 0);
    return 0;
}

static void close_run(struct sim_event *ev)
{
    struct sim_stream *st = ((struct net_event *)ev)->stream;
    struct mem *mem = st->stream.env->mem;
    env_close_cb cb = st->close_cb;
    void *data = st->close_data;

    if (st->connecting) {
        st->connecting = false;
        st->connect_cb(&st->stream, ERR_CANCELED, st->connect_data);
    }
    while (!queue_empty(&st->writes)) {
        write_finish(st, write_moved(st) ? 0 : ERR_CANCELED);
    }
    mem_free(mem, st);
    if (cb != NULL) {
        cb(data);
    }
}

void sim_stream_close(struct env_stream *s, env_close_cb cb, void *data)
{
    struct sim_stream *st = stream_of(s);
    struct sim_node *n = sim_node_of(s->env);
    struct net_event *ne;

    ASSERT(!st->closing);
    st->closing = true;
    st->close_cb = cb;
    st->close_data = data;
    sim_event_cancel(st->connect_timeout);
    st->connect_timeout = NULL;
    if (st->end != NULL) {
        /* Unread bytes make a close a reset. */
        sim_end_close(st->end, st->end->rx_at < st->end->rx_len, false);
    }
    ne = sim_net_event_new(n->sim, n, SIM_KIND_CLOSE, NULL);
    ne->stream = st;
    ne->ev.run = close_run;
    sim_event_push(&ne->ev, n->sim->now_us);
}

size_t sim_stream_unwritten(const struct env_stream *s)
{
    return stream_of(s)->unwritten;
}

size_t sim_stream_unsent(const struct env_stream *s)
{
    const struct sim_stream *st = stream_of(s);

    return st->end == NULL ? 0 : st->end->out.bytes;
}

const char *sim_stream_peer(const struct env_stream *s)
{
    return stream_of(s)->peer;
}

/* ---- listeners ---------------------------------------------------------- */

/* True if a listener of this host has the port. */
static bool port_used(const struct sim_node *n, unsigned port)
{
    struct sim *s = n->sim;
    struct queue *q;

    for (q = s->listeners.next; q != &s->listeners; q = q->next) {
        struct sim_listener *l = QUEUE_ENTRY(q, struct sim_listener, queue);
        if (l->port == port && strcmp(l->node->host, n->host) == 0) {
            return true;
        }
    }
    return false;
}

static unsigned port_choose(struct sim_node *n)
{
    struct sim *s = n->sim;

    do {
        if (s->next_port < PORT_FIRST || s->next_port >= PORT_MAX) {
            s->next_port = PORT_FIRST;
        }
        s->next_port++;
    } while (port_used(n, s->next_port));
    return s->next_port;
}

int sim_listen(struct env *e, const char *host, unsigned port, env_accept_cb cb,
               void *data, struct env_listener **ret_l, struct err *err)
{
    struct sim_node *n = sim_node_of(e);
    struct sim_listener *l;

    if (!host_is_local(n, host) || port > PORT_MAX) {
        return err_set(err, ERR_INVALID, "%s:%u: not an address of this host",
                       host, port);
    }
    if (port != 0 && port_used(n, port)) {
        return err_set(err, ERR_EXISTS, "%s:%u: address in use", host, port);
    }
    l = mem_calloc(e->mem, 1, sizeof *l);
    if (l == NULL) {
        return err_set(err, ERR_NOMEM, "%s:%u: out of memory", host, port);
    }
    l->listener.env = e;
    l->node = n;
    l->port = port != 0 ? port : port_choose(n);
    l->cb = cb;
    l->data = data;
    queue_push(&n->sim->listeners, &l->queue);
    *ret_l = &l->listener;
    return 0;
}

static struct sim_listener *listener_of(const struct env_listener *l)
{
    return (struct sim_listener *)(uintptr_t)l;
}

unsigned sim_listener_port(const struct env_listener *l)
{
    return listener_of(l)->port;
}

void sim_listener_close(struct env_listener *l)
{
    queue_remove(&listener_of(l)->queue);
    mem_free(l->env->mem, l);
}
