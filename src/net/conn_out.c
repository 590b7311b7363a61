/* conn_out.c - one accepted connection: pieces are gathered over a turn and
 * leave in one write. */
#include "base/assert.h"
#include "net/conn.h"

#define PIECES_MIN 16

/* ---- write objects ------------------------------------------------------ */

static struct conn_out *out_get(struct listener *l)
{
    struct queue *q = queue_pop(&l->outs);
    struct conn_out *o;

    if (q != NULL) {
        l->n_outs--;
        return QUEUE_ENTRY(q, struct conn_out, queue);
    }
    o = mem_calloc(env_mem(l->env), 1, sizeof *o);
    if (o != NULL) {
        queue_init(&o->queue);
    }
    return o;
}

static void out_free(struct listener *l, struct conn_out *o)
{
    mem_free(env_mem(l->env), o->pieces);
    mem_free(env_mem(l->env), o);
}

/* Release its pieces; keep or free the object. */
static void out_put(struct listener *l, struct conn_out *o)
{
    for (unsigned i = 0; i < o->n; i++) {
        bytes_release(&o->pieces[i]);
    }
    o->n = 0;
    o->bytes = 0;
    o->conn = NULL;
    if (l->n_outs >= CONN_OUTS_KEPT || l->closing) {
        out_free(l, o);
        return;
    }
    queue_push_front(&l->outs, &o->queue);
    l->n_outs++;
}

void conn_outs_free(struct listener *l)
{
    struct queue *q;

    while ((q = queue_pop(&l->outs)) != NULL) {
        out_free(l, QUEUE_ENTRY(q, struct conn_out, queue));
    }
    l->n_outs = 0;
}

/* Room for one more piece. */
static int out_grow(struct listener *l, struct conn_out *o)
{
    unsigned cap = o->cap == 0 ? PIECES_MIN : o->cap * 2;
    struct bytes *pieces;

    if (o->n < o->cap) {
        return 0;
    }
    pieces = mem_realloc(env_mem(l->env), o->pieces, cap * sizeof *pieces);
    if (pieces == NULL) {
        return ERR_NOMEM;
    }
    o->pieces = pieces;
    o->cap = cap;
    return 0;
}

/* The object that the next piece of `c` goes into, or NULL. */
static struct conn_out *out_open(struct conn *c)
{
    struct conn_out *o;

    if (!queue_empty(&c->outs)) {
        o = QUEUE_ENTRY(c->outs.prev, struct conn_out, queue);
        if (o->n < ENV_WRITE_SLICES_MAX) {
            return out_grow(c->l, o) == 0 ? o : NULL;
        }
    }
    o = out_get(c->l);
    if (o == NULL) {
        return NULL;
    }
    o->conn = c;
    queue_push(&c->outs, &o->queue);
    return out_grow(c->l, o) == 0 ? o : NULL;
}

void conn_out_drop(struct conn *c)
{
    struct queue *q;

    while ((q = queue_pop(&c->outs)) != NULL) {
        out_put(c->l, QUEUE_ENTRY(q, struct conn_out, queue));
    }
}

/* ---- writing ------------------------------------------------------------ */

void conn_flush_check(struct conn *c)
{
    if (c->flushing && !c->closing && c->n_writes == 0 &&
        queue_empty(&c->outs)) {
        conn_end(c, ERR_CANCELED);
    }
}

static void on_written(struct env_write *w, int status)
{
    struct conn_out *o = w->data;
    struct conn *c = o->conn;
    struct listener *l = c->l;

    ASSERT(c->n_writes > 0 && c->out_bytes >= o->bytes);
    c->n_writes--;
    c->out_bytes -= o->bytes;
    if (status == 0) {
        l->m_bytes_out += o->bytes;
    }
    out_put(l, o);
    if (c->closing) {
        return;
    }
    if (status != 0) {
        conn_end(c, ERR_IO);
        return;
    }
    conn_touch(c);
    if (c->choked && c->out_bytes <= l->o.unwritten_max / 2) {
        c->choked = false;
        conn_continue(c);
    }
    conn_flush_check(c);
}

static int out_submit(struct conn *c, struct conn_out *o)
{
    struct slice slices[ENV_WRITE_SLICES_MAX];

    for (unsigned i = 0; i < o->n; i++) {
        slices[i] = bytes_slice(o->pieces[i]);
    }
    return env_stream_write(c->stream, &o->write, slices, o->n, on_written, o);
}

void conn_flush(struct conn *c)
{
    struct queue *q;

    while (!c->closing && (q = queue_pop(&c->outs)) != NULL) {
        struct conn_out *o = QUEUE_ENTRY(q, struct conn_out, queue);
        int rc = out_submit(c, o);
        if (rc != 0) {
            out_put(c->l, o);
            conn_end(c, rc == ERR_NOMEM ? ERR_NOMEM : ERR_IO);
            return;
        }
        c->n_writes++;
    }
    conn_flush_check(c);
}

static void pieces_release(struct bytes pieces[], unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        bytes_release(&pieces[i]);
    }
}

static int pieces_push(struct conn *c, struct bytes pieces[], unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        struct conn_out *o = out_open(c);
        if (o == NULL) {
            pieces_release(pieces + i, n - i);
            return ERR_NOMEM;
        }
        o->pieces[o->n++] = pieces[i];
        o->bytes += pieces[i].len;
        c->out_bytes += pieces[i].len;
    }
    return 0;
}

int conn_write(struct conn *c, struct bytes pieces[], unsigned n)
{
    struct listener *l = c->l;

    if (c->closing || c->flushing) {
        pieces_release(pieces, n);
        return ERR_CLOSED;
    }
    if (pieces_push(c, pieces, n) != 0) {
        /* Half a reply must not leave. */
        conn_end(c, ERR_NOMEM);
        return ERR_NOMEM;
    }
    if (queue_empty(&c->dirty)) {
        queue_push(&l->dirty, &c->dirty);
        env_turn_request(l->env, &l->turn);
    }
    if (c->out_bytes > l->o.unwritten_max) {
        c->choked = true;
        conn_update(c);
    }
    return 0;
}

void conn_close(struct conn *c, bool flush)
{
    if (c->closing) {
        return;
    }
    if (!flush) {
        conn_end(c, ERR_CANCELED);
        return;
    }
    if (c->flushing) {
        return;
    }
    c->flushing = true;
    queue_remove(&c->waiting);
    queue_remove(&c->ready);
    conn_update(c);
    if (queue_empty(&c->outs)) {
        conn_flush_check(c);
    }
    if (!c->closing) {
        conn_touch(c);
        listener_idle_at(c->l, c->active_ms + CONN_FLUSH_MS);
    }
}
