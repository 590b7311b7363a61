#include "api/server.h"

#include "api/fetch_session.h"
#include "api/pipeline.h"
#include "api/request_impl.h"

static void *on_open(void *arg, struct conn *c)
{
    struct api_server *s = arg;
    if (s->broker == NULL || s->closing) {
        return NULL;
    }
    struct pipeline *p = mem_calloc(s->mem, 1, sizeof *p);
    if (p == NULL) {
        return NULL;
    }
    p->server = s;
    p->conn = c;
    p->requests_max =
        (unsigned)config_long(s->o.config, NODE_QUEUED_MAX_REQUESTS);
    queue_init(&p->requests);
    return p;
}

static void on_frame(void *data, struct conn *c, struct bytes frame)
{
    struct pipeline *p = data;
    (void)c;
    if (!p->closing && !p->ending) {
        request_begin(p->server, p, frame);
    }
}

static void on_close(void *data, struct conn *c, int why)
{
    struct pipeline *p = data;
    struct mem *mem = p->server->mem;
    (void)c;
    (void)why;
    pipeline_close(p);
    mem_free(mem, p);
}

static void on_closed(struct env_turn *t)
{
    struct api_server *s = t->data;
    void (*cb)(void *) = s->close_cb;
    void *arg = s->close_arg;
    server_metrics_stop(s);
    fetch_sessions_free(s->sessions);
    mem_free(s->mem, s);
    if (cb != NULL) {
        cb(arg);
    }
}

/* The listener's 0 is never, the setting's is at once. */
static uint32_t idle_ms(const struct config *c)
{
    int64_t ms = config_long(c, NODE_CONNECTIONS_MAX_IDLE_MS);
    if (ms < 0) {
        return 0;
    }
    return ms > UINT32_MAX ? UINT32_MAX : ms > 0 ? (uint32_t)ms : 1;
}

static const struct listener_hooks hooks = {
    .open = on_open, .frame = on_frame, .close = on_close};

int api_server_open(struct env *e, const struct api_server_options *o,
                    struct api_server **ret_s, struct err *err)
{
    struct api_server *s = mem_calloc(env_mem(e), 1, sizeof *s);
    struct listener_options lo = {
        .pool = o->pool,
        .host = o->host,
        .port = o->port,
        .frame_bytes_max =
            (uint32_t)config_long(o->config, NODE_SOCKET_REQUEST_MAX_BYTES),
        .connections_max =
            o->connections_max != 0
                ? o->connections_max
                : (uint32_t)config_long(o->config, NODE_MAX_CONNECTIONS),
        .idle_ms_max = idle_ms(o->config)};
    if (s == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    s->env = e;
    s->mem = env_mem(e);
    s->o = *o;
    s->arenas.max = chunk_pool_max(o->pool);
    env_turn_init(&s->closed, ENV_TURN_CLIENTS, on_closed, s);
    env_turn_init(&s->end_requests, ENV_TURN_CLIENTS, requests_end, s);
    queue_init(&s->closing_requests);
    s->sessions = fetch_sessions_new(e);
    if (s->sessions == NULL) {
        mem_free(s->mem, s);
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    int rv = listener_open(e, &lo, &hooks, s, &s->listener, err);
    if (rv != 0) {
        fetch_sessions_free(s->sessions);
        mem_free(s->mem, s);
        return rv;
    }
    server_metrics_start(s);
    *ret_s = s;
    return 0;
}

unsigned api_server_port(const struct api_server *s)
{
    return listener_port(s->listener);
}

void api_server_serve(struct api_server *s, struct broker *b)
{
    s->broker = b;
}

void api_server_check_closed(struct api_server *s)
{
    if (s->closing && s->listener_closed && s->under_way == 0) {
        env_turn_request(s->env, &s->closed);
    }
}

static void on_listener_closed(void *arg)
{
    struct api_server *s = arg;
    s->listener_closed = true;
    api_server_check_closed(s);
}

void api_server_close(struct api_server *s, void (*cb)(void *arg), void *arg)
{
    s->closing = true;
    s->close_cb = cb;
    s->close_arg = arg;
    listener_close(s->listener, on_listener_closed, s);
}
