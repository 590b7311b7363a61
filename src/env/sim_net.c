/* sim_net.c - connections made of memory, with the manners of TCP.
 *
 *   writes -> out pipe: segments under way, each with its time -> rx -> reader
 *
 * A connection has two ends and a pipe from each to the other. A pipe delivers
 * in order. What the kernel would do happens to the end (`arrive`, whatever
 * the process does); what the process sees happens in events of its node. A
 * pipe whose link is down, or whose target has lost power, is stalled: nothing
 * is lost, it moves on when that changes, or the sender's end breaks after
 * STALL_US_MAX. The other end of a broken connection learns of it when it
 * sends: half-open connections are real.
 */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "env/sim_impl.h"

/* Kernel buffers: bytes under way, and arrived but not read. */
#define SEND_BYTES_MAX    (256 * 1024)
#define RECV_BYTES_MAX    (256 * 1024)
#define SEGMENT_BYTES_MAX (64 * 1024)
/* A stalled sender gives up. */
#define STALL_US_MAX (UINT64_C(30) * 1000 * 1000)
#define PORT_FIRST   20000
#define PORT_MAX     65535

enum seg_kind { SEG_SYN, SEG_SYNACK, SEG_DATA, SEG_FIN, SEG_RST };

struct seg {
    struct queue queue;
    enum seg_kind kind;
    uint64_t at_us;
    size_t len;
    uint8_t data[];
};

struct sim_pipe {
    struct queue segs;
    size_t bytes;         /* of data in them */
    uint64_t last_us;     /* when the last one arrives */
    struct sim_event *ev; /* delivers the first one */
    bool blocked;         /* the reader's buffer is full */
    bool stalled;
    struct sim_event *stall_ev;
};

struct sim_stream;

struct sim_end {
    struct sim_conn *conn;
    unsigned id; /* of its node */
    uint64_t life;
    bool open;   /* a socket is there */
    bool broken; /* but the connection is not, */
    int why;     /* because: ERR_REFUSED (a reset) or ERR_TIMEOUT */
    struct sim_stream *stream; /* NULL: not accepted yet, or closed */
    struct sim_event *ready;   /* lets the stream look */
    struct sim_pipe out;
    uint8_t *rx;
    size_t rx_at, rx_len, rx_cap;
    bool eof;
};

struct sim_conn {
    struct queue queue;
    struct sim *sim;
    uint64_t number;
    unsigned port; /* that was asked for */
    struct sim_end ends[2];
    unsigned refs; /* accept events */
};

struct sim_write {
    struct queue queue;
    struct env_write *w;
    size_t moved, len;
    uint8_t data[];
};

struct sim_stream {
    struct env_stream stream;
    struct sim_end *end; /* NULL: closed, or never got one */
    char peer[300];
    bool connected;
    bool connecting; /* the connect callback is owed */
    int connect_status;
    env_connect_cb connect_cb;
    void *connect_data;
    struct sim_event *connect_timeout;
    bool reading, paused, read_done;
    env_read_alloc_cb read_alloc;
    env_read_cb read_cb;
    void *read_data;
    struct queue writes;
    size_t unwritten;
    bool closing;
    env_close_cb close_cb;
    void *close_data;
};

struct sim_listener {
    struct env_listener listener;
    struct queue queue;
    struct sim_node *node;
    unsigned port;
    env_accept_cb cb;
    void *data;
};

/* An event that belongs to one end of a connection, or to a stream. */
struct net_event {
    struct sim_event ev;
    struct sim_conn *conn;
    struct sim_end *end;
    struct sim_stream *stream;
};

static struct sim_stream *stream_of(const struct env_stream *s)
{
    return (struct sim_stream *)(uintptr_t)s;
}

static struct sim_end *end_other(struct sim_end *e)
{
    return e == &e->conn->ends[0] ? &e->conn->ends[1] : &e->conn->ends[0];
}

static struct net_event *net_event_new(struct sim *s, struct sim_node *n,
                                       enum sim_kind kind, struct sim_end *e)
{
    struct net_event *ne = sim_event_new(s, sizeof *ne, n, kind);

    ne->end = e;
    ne->conn = e == NULL ? NULL : e->conn;
    return ne;
}

static uint64_t net_delay(struct sim *s)
{
    return sim_draw(s, s->o.net_min_us, s->o.net_max_us);
}

/* ---- links -------------------------------------------------------------- */

static uint64_t link_key(unsigned from, unsigned to)
{
    return (uint64_t)from << 32 | to;
}

static bool link_up(const struct sim *s, unsigned from, unsigned to)
{
    for (size_t i = 0; i < s->n_links_down; i++) {
        if (s->links_down[i] == link_key(from, to)) {
            return from == to;
        }
    }
    return true;
}

void sim_link_set(struct sim *s, unsigned from, unsigned to, bool up)
{
    size_t n = 0;

    for (size_t i = 0; i < s->n_links_down; i++) {
        if (s->links_down[i] != link_key(from, to)) {
            s->links_down[n++] = s->links_down[i];
        }
    }
    s->n_links_down = n;
    if (up) {
        sim_net_wake(s);
        return;
    }
    s->links_down =
        sim_realloc(s, s->links_down, (n + 1) * sizeof s->links_down[0]);
    s->links_down[s->n_links_down++] = link_key(from, to);
}

/* ---- letting the process look ------------------------------------------- */

static void ready_run(struct sim_event *ev);

static void ready_release(struct sim_event *ev)
{
    struct net_event *ne = (struct net_event *)ev;

    if (ne->end != NULL && ne->end->ready == ev) {
        ne->end->ready = NULL;
    }
}

/* Something happened at this end: its stream looks, as an event of the node. */
static void end_ready(struct sim_end *e)
{
    struct sim *s = e->conn->sim;
    struct net_event *ne;

    if (e->stream == NULL || e->ready != NULL) {
        return;
    }
    ne = net_event_new(s, sim_node_find(s, e->id), SIM_KIND_STREAM, e);
    ne->stream = e->stream;
    ne->ev.run = ready_run;
    ne->ev.release = ready_release;
    e->ready = &ne->ev;
    sim_event_push(&ne->ev, s->now_us);
}

/* ---- pipes -------------------------------------------------------------- */

static void pipe_deliver(struct sim_event *ev);
static void conn_check_free(struct sim_conn *c);

static void pipe_schedule(struct sim_end *from)
{
    struct sim_pipe *p = &from->out;
    struct sim *s = from->conn->sim;
    struct net_event *ne;
    struct seg *seg;

    if (p->ev != NULL || p->stalled || p->blocked || queue_empty(&p->segs)) {
        return;
    }
    seg = QUEUE_ENTRY(p->segs.next, struct seg, queue);
    ne = net_event_new(s, NULL, SIM_KIND_DELIVER, from);
    ne->ev.id = end_other(from)->id; /* for the trace hash only */
    ne->ev.len = seg->len << 4 | seg->kind;
    ne->ev.arrive = pipe_deliver;
    p->ev = &ne->ev;
    sim_event_push(&ne->ev, seg->at_us);
}

static void pipe_push(struct sim_end *from, enum seg_kind kind,
                      const uint8_t *data, size_t len)
{
    struct sim *s = from->conn->sim;
    struct sim_pipe *p = &from->out;
    struct seg *seg = sim_alloc(s, 1, sizeof *seg + len);

    seg->kind = kind;
    seg->len = len;
    if (len > 0) {
        memcpy(seg->data, data, len);
    }
    seg->at_us = s->now_us + net_delay(s);
    if (seg->at_us < p->last_us) {
        seg->at_us = p->last_us;
    }
    p->last_us = seg->at_us;
    p->bytes += len;
    queue_push(&p->segs, &seg->queue);
    pipe_schedule(from);
}

static void pipe_pop(struct sim_end *from)
{
    struct seg *seg = QUEUE_ENTRY(from->out.segs.next, struct seg, queue);

    queue_remove(&seg->queue);
    from->out.bytes -= seg->len;
    sim_release(from->conn->sim, seg);
}

/* What is under way vanishes. */
static void pipe_clear(struct sim_end *from)
{
    struct sim_pipe *p = &from->out;

    while (!queue_empty(&p->segs)) {
        pipe_pop(from);
    }
    sim_event_cancel(p->ev);
    p->ev = NULL;
    sim_event_cancel(p->stall_ev);
    p->stall_ev = NULL;
    p->stalled = false;
    p->blocked = false;
}

/* The connection is over for this end; its stream hears of it. (Unlike
 * end_close(), the socket is still there.) */
static void end_break(struct sim_end *e, int why)
{
    e->broken = true;
    e->why = why;
    pipe_clear(e);
    end_ready(e);
}

static void stall_timeout(struct sim_event *ev)
{
    struct sim_end *from = ((struct net_event *)ev)->end;

    from->out.stall_ev = NULL;
    end_break(from, ERR_TIMEOUT);
    conn_check_free(from->conn);
}

static void pipe_stall(struct sim_end *from)
{
    struct sim *s = from->conn->sim;
    struct sim_pipe *p = &from->out;
    struct net_event *ne;

    p->stalled = true;
    if (p->stall_ev == NULL) {
        ne = net_event_new(s, NULL, SIM_KIND_TIMEOUT, from);
        ne->ev.arrive = stall_timeout;
        p->stall_ev = &ne->ev;
        sim_event_push(&ne->ev, s->now_us + STALL_US_MAX);
    }
}

static void pipe_wake(struct sim_end *from)
{
    struct sim_pipe *p = &from->out;

    if (p->stalled) {
        struct seg *seg = QUEUE_ENTRY(p->segs.next, struct seg, queue);
        p->stalled = false;
        seg->at_us = from->conn->sim->now_us + net_delay(from->conn->sim);
        if (p->last_us < seg->at_us) {
            p->last_us = seg->at_us;
        }
        pipe_schedule(from);
    }
}

void sim_net_wake(struct sim *s)
{
    struct queue *q;

    for (q = s->conns.next; q != &s->conns; q = q->next) {
        struct sim_conn *c = QUEUE_ENTRY(q, struct sim_conn, queue);
        pipe_wake(&c->ends[0]);
        pipe_wake(&c->ends[1]);
    }
}

/* ---- connections -------------------------------------------------------- */

static struct sim_conn *conn_new(struct sim *s, unsigned port)
{
    struct sim_conn *c = sim_alloc(s, 1, sizeof *c);

    c->sim = s;
    c->port = port;
    c->number = s->next_conn++;
    for (unsigned i = 0; i < 2; i++) {
        c->ends[i].conn = c;
        queue_init(&c->ends[i].out.segs);
    }
    queue_push(&s->conns, &c->queue);
    return c;
}

/* Nobody holds it and nothing is under way: forget it. */
static void conn_check_free(struct sim_conn *c)
{
    for (unsigned i = 0; i < 2; i++) {
        struct sim_end *e = &c->ends[i];
        if (e->open || !queue_empty(&e->out.segs)) {
            return;
        }
    }
    if (c->refs > 0) {
        return;
    }
    for (unsigned i = 0; i < 2; i++) {
        pipe_clear(&c->ends[i]);
        if (c->ends[i].ready != NULL) {
            ((struct net_event *)c->ends[i].ready)->end = NULL;
        }
        sim_release(c->sim, c->ends[i].rx);
    }
    queue_remove(&c->queue);
    sim_release(c->sim, c);
}

/* The socket of this end goes away. `silent`: without a word. */
static void end_close(struct sim_end *e, bool reset, bool silent)
{
    struct sim_end *other = end_other(e);

    if (e->stream != NULL) {
        e->stream->end = NULL;
        e->stream = NULL;
    }
    e->open = false;
    e->eof = false;
    if (silent) {
        pipe_clear(e);
    } else if (!e->broken) {
        pipe_push(e, reset ? SEG_RST : SEG_FIN, NULL, 0);
    }
    e->broken = true;
    /* What waits for room here is to be refused. */
    other->out.blocked = false;
    pipe_schedule(other);
    conn_check_free(e->conn);
}

/* An answer to something that came for a socket that is not there. */
static void end_refuse(struct sim_end *to)
{
    pipe_clear(end_other(to));
    pipe_clear(to);
    pipe_push(to, SEG_RST, NULL, 0);
}

/* ---- arrivals ----------------------------------------------------------- */

static struct sim_listener *listener_find(struct sim *s, unsigned id,
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

static struct sim_stream *stream_new(struct sim_node *n, struct sim_end *e)
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

static void accept_run(struct sim_event *ev)
{
    struct net_event *ne = (struct net_event *)ev;
    struct sim_end *e = ne->end;
    struct sim_node *n = sim_node_find(ev->sim, ev->id);
    struct sim_listener *l = listener_find(ev->sim, ev->id, ne->conn->port);
    struct sim_node *peer = sim_node_find(ev->sim, end_other(e)->id);
    struct sim_stream *st;

    if (!e->open) {
        return;
    }
    st = l == NULL ? NULL : stream_new(n, e);
    if (st == NULL) {
        end_close(e, true, false);
        return;
    }
    st->connected = true;
    snprintf(st->peer, sizeof st->peer, "%s:%u", peer->host,
             40000 + (unsigned)(ne->conn->number % 20000));
    l->cb(&l->listener, &st->stream, l->data);
}

static void accept_release(struct sim_event *ev)
{
    struct sim_conn *c = ((struct net_event *)ev)->conn;

    c->refs--;
    conn_check_free(c);
}

static void syn_arrive(struct sim_end *to)
{
    struct sim_conn *c = to->conn;
    struct sim_node *n = sim_node_find(c->sim, to->id);
    struct net_event *ne;

    if (!n->alive || listener_find(c->sim, n->id, c->port) == NULL) {
        pipe_push(to, SEG_RST, NULL, 0);
        return;
    }
    to->open = true;
    to->life = n->life;
    pipe_push(to, SEG_SYNACK, NULL, 0);
    ne = net_event_new(c->sim, n, SIM_KIND_ACCEPT, to);
    ne->ev.run = accept_run;
    ne->ev.release = accept_release;
    c->refs++;
    sim_event_push(&ne->ev, c->sim->now_us);
}

static void rx_append(struct sim_end *to, const struct seg *seg)
{
    size_t held = to->rx_len - to->rx_at;

    if (to->rx_at > 0) {
        memmove(to->rx, to->rx + to->rx_at, held);
        to->rx_at = 0;
        to->rx_len = held;
    }
    if (to->rx_cap < held + seg->len) {
        to->rx_cap = held + seg->len;
        to->rx = sim_realloc(to->conn->sim, to->rx, to->rx_cap);
    }
    memcpy(to->rx + held, seg->data, seg->len);
    to->rx_len += seg->len;
}

static bool rx_full(const struct sim_end *to, const struct seg *seg)
{
    size_t held = to->rx_len - to->rx_at;

    return held > 0 && held + seg->len > RECV_BYTES_MAX;
}

/* True if the segment has no socket to go to. */
static bool seg_is_stray(const struct sim_end *to, const struct seg *seg)
{
    return seg->kind != SEG_SYN && (!to->open || to->broken);
}

static void seg_arrive(struct sim_end *to, const struct seg *seg)
{
    switch (seg->kind) {
    case SEG_SYN:
        syn_arrive(to);
        break;
    case SEG_SYNACK:
        if (to->stream != NULL) {
            to->stream->connected = true;
        }
        end_ready(to);
        break;
    case SEG_DATA:
        rx_append(to, seg);
        end_ready(to);
        break;
    case SEG_FIN:
        to->eof = true;
        end_ready(to);
        break;
    case SEG_RST:
        end_break(to, ERR_REFUSED);
        break;
    }
}

static void pipe_pump(struct sim_end *from);

/* The first segment of a pipe is at the other side. */
static void pipe_deliver(struct sim_event *ev)
{
    struct sim_end *from = ((struct net_event *)ev)->end;
    struct sim_end *to = end_other(from);
    struct sim *s = ev->sim;
    struct seg *seg = QUEUE_ENTRY(from->out.segs.next, struct seg, queue);
    struct sim_node *n = sim_node_find(s, to->id);

    from->out.ev = NULL;
    if (!link_up(s, from->id, to->id) || n->silent) {
        pipe_stall(from);
        return;
    }
    sim_event_cancel(from->out.stall_ev);
    from->out.stall_ev = NULL;
    if (seg_is_stray(to, seg)) {
        if (seg->kind == SEG_DATA || seg->kind == SEG_SYNACK) {
            end_refuse(to);
        } else {
            pipe_pop(from);
            pipe_schedule(from);
        }
        conn_check_free(from->conn);
        return;
    }
    if (seg->kind == SEG_DATA && rx_full(to, seg)) {
        from->out.blocked = true;
        return;
    }
    seg_arrive(to, seg);
    pipe_pop(from);
    pipe_pump(from);
    pipe_schedule(from);
    conn_check_free(from->conn);
}

/* ---- streams: writing --------------------------------------------------- */

/* Move bytes of writes into the pipe while the kernel's buffer has room. */
static void pipe_pump(struct sim_end *from)
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
            pipe_push(from, SEG_DATA, w->data + w->moved, n);
            w->moved += n;
        }
        if (w->moved < w->len) {
            return;
        }
        end_ready(from);
    }
}

int sim_stream_write(struct env_stream *s, struct env_write *w,
                     const struct slice slices[], unsigned n, env_write_cb cb,
                     void *data)
{
    struct sim_stream *st = stream_of(s);
    struct sim_write *sw;
    size_t len = 0;

    if (st->closing || st->end == NULL || st->connect_status != 0) {
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
        end_ready(st->end);
    } else {
        pipe_pump(st->end);
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
    if (end_other(e)->out.blocked) {
        end_other(e)->out.blocked = false;
        pipe_schedule(end_other(e));
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

    ASSERT(!st->reading && !st->closing);
    st->reading = true;
    st->read_alloc = alloc;
    st->read_cb = cb;
    st->read_data = data;
    if (st->end != NULL) {
        end_ready(st->end);
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
        end_ready(st->end);
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
            pipe_pump(st->end);
        }
        st->connect_cb(&st->stream, st->connect_status, st->connect_data);
    }
}

static void ready_run(struct sim_event *ev)
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
        end_close(st->end, true, true);
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
        if (found == NULL || listener_find(s, m->id, port) != NULL) {
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
    struct net_event *ne = net_event_new(n->sim, n, kind, NULL);

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
        connect_limit(st, n, SIM_KIND_STREAM, s->now_us + net_delay(s));
        return 0;
    }
    end = &conn_new(s, port)->ends[0];
    end->id = n->id;
    end->life = n->life;
    end->open = true;
    end->stream = st;
    st->end = end;
    end_other(end)->id = to->id;
    if (timeout_ms > 0) {
        connect_limit(st, n, SIM_KIND_TIMEOUT,
                      s->now_us + (uint64_t)timeout_ms * 1000);
    }
    pipe_push(end, SEG_SYN, NULL, 0);
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
        end_close(st->end, st->end->rx_at < st->end->rx_len, false);
    }
    ne = net_event_new(n->sim, n, SIM_KIND_CLOSE, NULL);
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

/* ---- the end of a node -------------------------------------------------- */

static void end_down(struct sim_end *e, struct sim_node *n, bool silent)
{
    struct sim *s = n->sim;
    bool reset;

    if (!e->open || e->id != n->id || e->life != n->life) {
        return;
    }
    reset = e->rx_at < e->rx_len || rand_below(&s->rand, 4) == 0;
    sim_event_cancel(e->ready);
    e->ready = NULL;
    end_close(e, reset, silent);
}

void sim_net_down(struct sim_node *n, bool silent)
{
    struct queue *q, *tmp;

    QUEUE_FOREACH(q, tmp, &n->sim->listeners)
    {
        if (QUEUE_ENTRY(q, struct sim_listener, queue)->node == n) {
            queue_remove(q);
        }
    }
    QUEUE_FOREACH(q, tmp, &n->sim->conns)
    {
        struct sim_conn *c = QUEUE_ENTRY(q, struct sim_conn, queue);
        c->refs++;
        end_down(&c->ends[0], n, silent);
        end_down(&c->ends[1], n, silent);
        c->refs--;
        conn_check_free(c);
    }
}
