/* groupload_link.c - a connection: requests leave at once, answers come in
 * their order. */
#include <string.h>

#include "base/bytes.h"
#include "cli/client.h"
#include "cli/groupload_impl.h"
#include "wire/header.h"

#define CONNECT_MS 5000

struct call {
    struct queue queue;
    struct groupload_link *link;
    const struct wire_message *response;
    int version;
    int32_t correlation;
    groupload_call_cb cb;
    void *arg;
    uint64_t since_us;
    struct buf out;
    struct env_write write;
    bool writing, over;
};

static void call_free(struct call *c)
{
    struct mem *mem = c->link->all->mem;
    buf_close(&c->out);
    mem_free(mem, c);
}

/* Answered: it is freed as soon as its bytes have left. */
static void call_over(struct call *c)
{
    c->over = true;
    if (!c->writing) {
        call_free(c);
    }
}

static void on_written(struct env_write *w, int status)
{
    struct call *c = w->data;
    c->writing = false;
    if (c->over) {
        call_free(c);
    } else if (status != 0) {
        groupload_link_down(c->link);
    }
}

void groupload_call(struct groupload_link *l, int api_key, int version,
                    const void *request, groupload_call_cb cb, void *arg,
                    uint64_t since_us)
{
    struct groupload *g = l->all;
    struct call *c = mem_calloc(g->mem, 1, sizeof *c);
    struct wire_request_header h = {.api_key = (int16_t)api_key,
                                    .api_version = (int16_t)version,
                                    .correlation_id = ++l->correlation,
                                    .client_id = slice_str("ostraka-bench")};
    if (c == NULL) {
        env_die(g->env, "bench: out of memory");
    }
    c->link = l;
    c->response = wire_find(api_key, false);
    c->version = version;
    c->correlation = h.correlation_id;
    c->cb = cb;
    c->arg = arg;
    c->since_us = since_us != 0 ? since_us : env_now_us_exact(g->env);
    buf_init(&c->out, g->mem, 0);
    if (wire_frame_request(wire_find(api_key, true), &h, request, &c->out) !=
        0) {
        env_die(g->env, "bench: out of memory");
    }
    queue_push(&l->calls, &c->queue);
    l->n_calls++;
    c->writing = true;
    struct slice out = buf_slice(&c->out);
    if (env_stream_write(l->stream, &c->write, &out, 1, on_written, c) != 0) {
        c->writing = false;
        groupload_link_down(l);
    }
}

/* ---- answers -------------------------------------------------------------
 */

static int on_frame(struct groupload_link *l, struct slice frame)
{
    struct groupload *g = l->all;
    union {
        uint64_t align;
        uint8_t bytes[512];
    } response;
    struct cursor in;
    struct call *c;
    int32_t correlation;
    if (queue_empty(&l->calls)) {
        return ERR_PROTOCOL;
    }
    c = QUEUE_ENTRY(l->calls.next, struct call, queue);
    cursor_init(&in, frame);
    arena_reset(&g->in);
    if (c->response->body.size > sizeof response ||
        wire_response_header_decode(c->response, c->version, &in,
                                    &correlation) != 0 ||
        correlation != c->correlation ||
        wire_decode(c->response, c->version, &in, &g->in, &response) != 0) {
        return ERR_PROTOCOL;
    }
    queue_remove(&c->queue);
    l->n_calls--;
    c->cb(c->arg, 0, &response, c->since_us);
    call_over(c);
    return 0;
}

static void on_alloc(struct env_stream *s, void *data, uint8_t **ret_p,
                     size_t *ret_len)
{
    struct groupload_link *l = data;
    (void)s;
    *ret_p = l->all->scratch;
    *ret_len = GROUPLOAD_READ_BYTES;
}

/* Take whole frames off `bytes`. Returns how much that was; what a callback
 * closes takes no more. */
static size_t take_frames(struct groupload_link *l, struct slice bytes)
{
    const struct env_stream *stream = l->stream;
    size_t at = 0;
    while (bytes.len - at >= 4) {
        uint32_t len = be32_load(bytes.data + at);
        if (len > CLIENT_FRAME_MAX) {
            groupload_link_down(l);
            return bytes.len;
        }
        if (bytes.len - at - 4 < len) {
            break;
        }
        if (on_frame(l, slice_of(bytes.data + at + 4, len)) != 0) {
            groupload_link_down(l);
        }
        if (l->stream != stream) {
            return bytes.len;
        }
        at += 4 + (size_t)len;
    }
    return at;
}

static void on_read(struct env_stream *s, void *data, int status, size_t n)
{
    struct groupload_link *l = data;
    struct groupload *g = l->all;
    struct buf whole;
    size_t taken;
    (void)s;
    if (status != 0) {
        groupload_link_down(l);
        return;
    }
    if (l->in.len == 0) {
        taken = take_frames(l, slice_of(g->scratch, n));
        if (taken < n) {
            buf_put(&l->in, g->scratch + taken, n - taken);
        }
    } else {
        buf_put(&l->in, g->scratch, n);
        whole = l->in; /* a callback may close the connection */
        buf_init(&l->in, g->mem, 0);
        taken = take_frames(l, buf_slice(&whole));
        if (taken < whole.len) {
            buf_put(&l->in, whole.data + taken, whole.len - taken);
        }
        buf_close(&whole);
    }
    if (l->in.status != 0) {
        env_die(g->env, "bench: out of memory");
    }
}

/* ---- life ----------------------------------------------------------------
 */

void groupload_link_init(struct groupload_link *l, struct groupload *all,
                         void (*told)(struct groupload_link *), void *data)
{
    *l = (struct groupload_link){.all = all, .told = told, .data = data};
    queue_init(&l->calls);
    buf_init(&l->in, all->mem, 0);
}

static void on_connected(struct env_stream *s, int status, void *data)
{
    struct groupload_link *l = data;
    if (status != 0) {
        groupload_link_down(l);
        return;
    }
    l->up = true;
    env_stream_read_start(s, on_alloc, on_read, l);
    l->told(l);
}

void groupload_link_connect(struct groupload_link *l)
{
    if (env_connect(l->all->env, l->node->host, l->node->port, CONNECT_MS,
                    on_connected, l, &l->stream) != 0) {
        env_die(l->all->env, "bench: out of memory");
    }
}

void groupload_link_down(struct groupload_link *l)
{
    struct env_stream *s = l->stream;
    struct queue calls, *q;
    if (s == NULL) {
        return;
    }
    l->stream = NULL;
    l->up = false;
    l->n_calls = 0;
    l->correlation = 0;
    buf_reset(&l->in);
    queue_init(&calls);
    queue_move(&l->calls, &calls);
    env_stream_close(s, NULL, NULL);
    while ((q = queue_pop(&calls)) != NULL) {
        struct call *c = QUEUE_ENTRY(q, struct call, queue);
        c->cb(c->arg, ERR_EOF, NULL, c->since_us);
        call_over(c);
    }
    l->told(l);
}

void groupload_link_free(struct groupload_link *l)
{
    buf_close(&l->in);
}
