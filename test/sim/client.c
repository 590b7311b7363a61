/* client.c - see client.h. */
#include "client.h"

#include "base/assert.h"
#include "wire/header.h"

#define CONNECT_MS 1000
#define READ_BYTES 65536
#define FRAME_MAX  (64u << 20)

struct call {
    struct queue queue;
    struct client *client;
    const struct wire_message *response;
    int version;
    int32_t correlation;
    uint64_t until_ms;
    client_cb cb;
    void *arg;
    struct buf frame;
    struct env_write write;
    bool writing, over;
    bool told; /* not answered */
};

struct client {
    struct env *env;
    struct mem *mem;
    const char *host;
    unsigned port;
    struct env_stream *stream;
    bool connected;
    struct queue calls; /* in order of sending */
    struct env_timer timer;
    struct buf in;
    struct arena arena;
    int32_t correlation;
    unsigned n_connections;
};

static void on_timer(struct env_timer *t);

struct client *client_new(struct env *e, struct mem *mem, const char *host,
                          unsigned port)
{
    struct client *c = mem_calloc(mem, 1, sizeof *c);

    ASSERT(c != NULL);
    *c = (struct client){.env = e, .mem = mem, .port = port};
    c->host = mem_strndup(mem, host, strlen(host));
    queue_init(&c->calls);
    env_timer_init(&c->timer, on_timer, c);
    buf_init(&c->in, mem, 0);
    arena_init(&c->arena, mem, 0);
    return c;
}

static void call_release(struct call *k)
{
    if (k->over && !k->writing) {
        buf_close(&k->frame);
        mem_free(k->client->mem, k);
    }
}

static void call_end(struct call *k, int status, const void *response)
{
    k->over = true;
    k->cb(k->arg, status, response);
    call_release(k);
}

static void client_fail(struct client *c)
{
    struct queue calls, *q;
    struct env_stream *s = c->stream;

    queue_move(&c->calls, &calls);
    c->stream = NULL;
    c->connected = false;
    buf_reset(&c->in);
    env_timer_stop(c->env, &c->timer);
    if (s != NULL) {
        env_stream_close(s, NULL, NULL);
    }
    while ((q = queue_pop(&calls)) != NULL) {
        call_end(QUEUE_ENTRY(q, struct call, queue), ERR_IO, NULL);
    }
}

static void watch(struct client *c)
{
    if (queue_empty(&c->calls)) {
        env_timer_stop(c->env, &c->timer);
    } else {
        env_timer_start(
            c->env, &c->timer,
            QUEUE_ENTRY(c->calls.next, struct call, queue)->until_ms);
    }
}

static void on_timer(struct env_timer *t)
{
    client_fail(t->data);
}

/* ---- receiving -------------------------------------------------------------
 */

static void take(struct client *c, struct slice frame)
{
    struct queue *q = queue_pop(&c->calls);
    struct call *k;
    struct cursor cur;
    int32_t correlation = -1;
    void *out;

    ASSERT(q != NULL);
    k = QUEUE_ENTRY(q, struct call, queue);
    cursor_init(&cur, frame);
    ASSERT(wire_response_header_decode(k->response, k->version, &cur,
                                       &correlation) == 0);
    ASSERT(correlation == k->correlation);
    arena_reset(&c->arena);
    out = arena_calloc(&c->arena, 1, k->response->body.size);
    ASSERT(wire_decode(k->response, k->version, &cur, &c->arena, out) == 0);
    ASSERT(cursor_left(&cur) == 0);
    call_end(k, 0, out);
}

static void on_alloc(struct env_stream *s, void *data, uint8_t **ret_p,
                     size_t *ret_len)
{
    struct client *c = data;

    (void)s;
    *ret_p = buf_reserve(&c->in, READ_BYTES);
    *ret_len = READ_BYTES;
}

static void on_read(struct env_stream *s, void *data, int status, size_t n)
{
    struct client *c = data;
    size_t at = 0;

    if (status != 0) {
        client_fail(c);
        return;
    }
    c->in.len += n;
    while (c->stream == s && c->in.len - at >= 4) {
        struct cursor cur;
        uint32_t len;
        cursor_init(&cur, slice_of(c->in.data + at, 4));
        len = cursor_u32(&cur);
        ASSERT(len <= FRAME_MAX);
        if (c->in.len - at - 4 < len) {
            break;
        }
        take(c, slice_of(c->in.data + at + 4, len));
        at += 4 + len;
    }
    if (c->stream == s) {
        memmove(c->in.data, c->in.data + at, c->in.len - at);
        c->in.len -= at;
        watch(c);
    }
}

/* ---- sending ---------------------------------------------------------------
 */

static void on_written(struct env_write *w, int status)
{
    struct call *k = w->data;

    k->writing = false;
    if (k->told && !k->over && status == 0) {
        queue_remove(&k->queue);
        watch(k->client);
        call_end(k, 0, NULL);
        return;
    }
    call_release(k); /* reading tells */
}

static void send_call(struct client *c, struct call *k)
{
    struct slice s = buf_slice(&k->frame);

    k->writing =
        env_stream_write(c->stream, &k->write, &s, 1, on_written, k) == 0;
}

static void on_connect(struct env_stream *s, int status, void *data)
{
    struct client *c = data;
    struct queue *q, *tmp;

    if (c->stream != s) {
        return; /* closed meanwhile */
    }
    if (status != 0) {
        client_fail(c);
        return;
    }
    c->connected = true;
    env_stream_read_start(s, on_alloc, on_read, c);
    QUEUE_FOREACH(q, tmp, &c->calls)
    {
        send_call(c, QUEUE_ENTRY(q, struct call, queue));
    }
}

static void start(struct client *c, const struct wire_message *request,
                  int version, const void *msg, uint32_t timeout_ms, bool told,
                  client_cb cb, void *arg)
{
    struct call *k = mem_calloc(c->mem, 1, sizeof *k);
    struct wire_request_header h = {.api_key = request->api_key,
                                    .api_version = (int16_t)version,
                                    .correlation_id = ++c->correlation,
                                    .client_id = slice_str("sim")};

    ASSERT(k != NULL);
    *k = (struct call){.client = c,
                       .response = wire_find(request->api_key, false),
                       .version = version,
                       .correlation = h.correlation_id,
                       .until_ms = env_now_ms(c->env) + timeout_ms,
                       .told = told,
                       .cb = cb,
                       .arg = arg};
    buf_init(&k->frame, c->mem, 0);
    ASSERT(wire_frame_request(request, &h, msg, &k->frame) == 0);
    queue_push(&c->calls, &k->queue);
    if (c->stream == NULL) {
        c->n_connections++;
        ASSERT(env_connect(c->env, c->host, c->port, CONNECT_MS, on_connect, c,
                           &c->stream) == 0);
    } else if (c->connected) {
        send_call(c, k);
    }
    watch(c);
}

void client_call(struct client *c, const struct wire_message *request,
                 int version, const void *msg, uint32_t timeout_ms,
                 client_cb cb, void *arg)
{
    start(c, request, version, msg, timeout_ms, false, cb, arg);
}

void client_tell(struct client *c, const struct wire_message *request,
                 int version, const void *msg, uint32_t timeout_ms,
                 client_cb cb, void *arg)
{
    start(c, request, version, msg, timeout_ms, true, cb, arg);
}

void client_drop(struct client *c)
{
    client_fail(c);
}

unsigned client_connections(const struct client *c)
{
    return c->n_connections;
}
