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
#include "env/sim_net.h"

/* Kernel buffer of what has arrived and is not read. */
#define RECV_BYTES_MAX (256 * 1024)
/* A stalled sender gives up. */
#define STALL_US_MAX (UINT64_C(30) * 1000 * 1000)

struct sim_end *sim_end_other(struct sim_end *e)
{
    return e == &e->conn->ends[0] ? &e->conn->ends[1] : &e->conn->ends[0];
}

struct net_event *sim_net_event_new(struct sim *s, struct sim_node *n,
                                    enum sim_kind kind, struct sim_end *e)
{
    struct net_event *ne = sim_event_new(s, sizeof *ne, n, kind);

    ne->end = e;
    ne->conn = e == NULL ? NULL : e->conn;
    return ne;
}

uint64_t sim_net_delay(struct sim *s)
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

static void ready_release(struct sim_event *ev)
{
    struct net_event *ne = (struct net_event *)ev;

    if (ne->end != NULL && ne->end->ready == ev) {
        ne->end->ready = NULL;
    }
}

/* Something happened at this end: its stream looks, as an event of the node. */
void sim_end_ready(struct sim_end *e)
{
    struct sim *s = e->conn->sim;
    struct net_event *ne;

    if (e->stream == NULL || e->ready != NULL) {
        return;
    }
    ne = sim_net_event_new(s, sim_node_get(s, e->id), SIM_KIND_STREAM, e);
    ne->stream = e->stream;
    ne->ev.run = sim_stream_ready;
    ne->ev.release = ready_release;
    e->ready = &ne->ev;
    sim_event_push(&ne->ev, s->now_us);
}

/* ---- pipes -------------------------------------------------------------- */

static void pipe_deliver(struct sim_event *ev);
static void conn_check_free(struct sim_conn *c);

void sim_pipe_schedule(struct sim_end *from)
{
    struct sim_pipe *p = &from->out;
    struct sim *s = from->conn->sim;
    struct net_event *ne;
    struct seg *seg;

    if (p->ev != NULL || p->stalled || p->blocked || queue_empty(&p->segs)) {
        return;
    }
    seg = QUEUE_ENTRY(p->segs.next, struct seg, queue);
    ne = sim_net_event_new(s, NULL, SIM_KIND_DELIVER, from);
    ne->ev.id = sim_end_other(from)->id; /* for the trace hash only */
    ne->ev.len = seg->len << 4 | seg->kind;
    ne->ev.arrive = pipe_deliver;
    p->ev = &ne->ev;
    sim_event_push(&ne->ev, seg->at_us);
}

static uint64_t slow_us(struct sim *s, unsigned id)
{
    const struct sim_node *n = sim_node_find(s, id);

    return n == NULL ? 0 : n->slow_net_us;
}

void sim_pipe_push(struct sim_end *from, enum seg_kind kind,
                   const uint8_t *data, size_t len)
{
    struct sim *s = from->conn->sim;
    struct sim_pipe *p = &from->out;
    struct seg *seg = sim_alloc_raw(s, sizeof *seg + len);

    *seg = (struct seg){0};
    seg->kind = kind;
    seg->len = len;
    if (len > 0) {
        memcpy(seg->data, data, len);
        sim_note_bytes(s, from->id, data, len);
    }
    seg->at_us = s->now_us + sim_net_delay(s) + slow_us(s, from->id) +
                 slow_us(s, sim_end_other(from)->id);
    if (seg->at_us < p->last_us) {
        seg->at_us = p->last_us;
    }
    p->last_us = seg->at_us;
    p->bytes += len;
    queue_push(&p->segs, &seg->queue);
    sim_pipe_schedule(from);
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
 * sim_end_close(), the socket is still there.) */
static void end_break(struct sim_end *e, int why)
{
    e->broken = true;
    e->why = why;
    pipe_clear(e);
    sim_end_ready(e);
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
        ne = sim_net_event_new(s, NULL, SIM_KIND_TIMEOUT, from);
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
        seg->at_us = from->conn->sim->now_us + sim_net_delay(from->conn->sim);
        if (p->last_us < seg->at_us) {
            p->last_us = seg->at_us;
        }
        sim_pipe_schedule(from);
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

struct sim_conn *sim_conn_new(struct sim *s, unsigned port)
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
void sim_end_close(struct sim_end *e, bool reset, bool silent)
{
    struct sim_end *other = sim_end_other(e);

    if (e->stream != NULL) {
        e->stream->end = NULL;
        e->stream = NULL;
    }
    e->open = false;
    e->eof = false;
    if (silent) {
        pipe_clear(e);
    } else if (!e->broken) {
        sim_pipe_push(e, reset ? SEG_RST : SEG_FIN, NULL, 0);
    }
    e->broken = true;
    /* What waits for room here is to be refused. */
    other->out.blocked = false;
    sim_pipe_schedule(other);
    conn_check_free(e->conn);
}

/* An answer to something that came for a socket that is not there. */
static void end_refuse(struct sim_end *to)
{
    pipe_clear(sim_end_other(to));
    pipe_clear(to);
    sim_pipe_push(to, SEG_RST, NULL, 0);
}

/* ---- arrivals ----------------------------------------------------------- */

static void accept_run(struct sim_event *ev)
{
    struct net_event *ne = (struct net_event *)ev;
    struct sim_end *e = ne->end;
    struct sim_node *n = sim_node_get(ev->sim, ev->id);
    struct sim_listener *l = sim_listener_find(ev->sim, ev->id, ne->conn->port);
    struct sim_node *peer = sim_node_get(ev->sim, sim_end_other(e)->id);
    struct sim_stream *st;

    if (!e->open) {
        return;
    }
    st = l == NULL ? NULL : sim_stream_new(n, e);
    if (st == NULL) {
        sim_end_close(e, true, false);
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
    struct sim_node *n = sim_node_get(c->sim, to->id);
    struct net_event *ne;

    if (!n->alive || sim_listener_find(c->sim, n->id, c->port) == NULL) {
        sim_pipe_push(to, SEG_RST, NULL, 0);
        return;
    }
    to->open = true;
    to->life = n->life;
    sim_pipe_push(to, SEG_SYNACK, NULL, 0);
    ne = sim_net_event_new(c->sim, n, SIM_KIND_ACCEPT, to);
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
        sim_end_ready(to);
        break;
    case SEG_DATA:
        rx_append(to, seg);
        sim_end_ready(to);
        break;
    case SEG_FIN:
        to->eof = true;
        sim_end_ready(to);
        break;
    case SEG_RST:
        end_break(to, ERR_REFUSED);
        break;
    }
}

/* The first segment of a pipe is at the other side. */
static void pipe_deliver(struct sim_event *ev)
{
    struct sim_end *from = ((struct net_event *)ev)->end;
    struct sim_end *to = sim_end_other(from);
    struct sim *s = ev->sim;
    struct seg *seg = QUEUE_ENTRY(from->out.segs.next, struct seg, queue);
    struct sim_node *n = sim_node_get(s, to->id);

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
            sim_pipe_schedule(from);
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
    sim_pipe_pump(from);
    sim_pipe_schedule(from);
    conn_check_free(from->conn);
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
    sim_end_close(e, reset, silent);
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
