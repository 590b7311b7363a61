/* system_connect.c - from a name to a connection: every address of the name is
 * tried until one answers or the time is up. */
#include "env/system_stream.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/assert.h"

static void attempt_next(struct sys_stream *s);

void sys_connect_finish(struct sys_stream *s, int status)
{
    ASSERT(s->connecting);
    s->connecting = false;
    s->next_addr = NULL;
    env_timer_stop(s->stream.env, &s->timer);
    s->connect_cb(&s->stream, status, s->connect_data);
}

void sys_stream_on_closed(uv_handle_t *h)
{
    struct sys_stream *s = h->data;

    s->has_handle = false;
    if (s->closing) {
        sys_stream_finish_close(s);
    } else if (s->connecting) {
        attempt_next(s);
    }
}

static int connect_error(struct sys_stream *s, int uv_status)
{
    int code = sys_error(s->stream.env, -uv_status, "connect", s->peer);

    switch (uv_status) {
    case UV_ECONNREFUSED:
        return ERR_REFUSED;
    case UV_ETIMEDOUT:
        return ERR_TIMEOUT;
    default:
        return code == ERR_NOMEM ? ERR_NOMEM : ERR_IO;
    }
}

static void attempt_fail(struct sys_stream *s, int uv_status)
{
    s->status = connect_error(s, uv_status);
    uv_close((uv_handle_t *)&s->tcp, sys_stream_on_closed);
}

static void on_connected(uv_connect_t *req, int status)
{
    struct sys_stream *s = req->data;

    if (s->closing || uv_is_closing((uv_handle_t *)&s->tcp)) {
        return; /* the close callback goes on */
    }
    if (status != 0) {
        attempt_fail(s, status);
        return;
    }
    sys_stream_connected(s);
    sys_connect_finish(s, 0);
}

/* A socket that keeps nobody from listening on the port it is given, neither
 * now nor in the minute after its end: a node's own port may be among those
 * that the kernel gives to connections. Without it libuv makes one, or says why
 * not. */
static void socket_open(struct sys_stream *s, int family)
{
    int on = 1;
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        return;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (uv_tcp_open(&s->tcp, fd) != 0) {
        close(fd);
    }
}

static void attempt_next(struct sys_stream *s)
{
    struct addrinfo *a = s->next_addr;
    int rc;

    if (a == NULL) {
        sys_connect_finish(s, s->status);
        return;
    }
    s->next_addr = a->ai_next;
    sys_stream_handle_open(s);
    socket_open(s, a->ai_family);
    s->connect.data = s;
    rc = uv_tcp_connect(&s->connect, &s->tcp, a->ai_addr, on_connected);
    if (rc != 0) {
        attempt_fail(s, rc);
    }
}

static void on_resolved(uv_getaddrinfo_t *req, int status,
                        struct addrinfo *addrs)
{
    struct sys_stream *s = req->data;

    s->resolving = false;
    s->addrs = addrs;
    if (s->closing) {
        sys_stream_finish_close(s);
    } else if (s->connecting) {
        if (status != 0) {
            trace_error(s->stream.env->trace, "env.resolve",
                        "peer=\"%s\" text=\"%s\"", s->peer,
                        uv_strerror(status));
        }
        s->next_addr = addrs;
        s->status = status != 0 ? ERR_NOTFOUND : ERR_IO;
        attempt_next(s);
    }
}

static void on_connect_timeout(struct env_timer *t)
{
    struct sys_stream *s = t->data;

    if (s->has_handle && !uv_is_closing((uv_handle_t *)&s->tcp)) {
        uv_close((uv_handle_t *)&s->tcp, sys_stream_on_closed);
    }
    sys_connect_finish(s, ERR_TIMEOUT);
}

static int resolve_start(struct sys_stream *s, const char *host, unsigned port)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_NUMERICSERV};
    char service[16];

    snprintf(service, sizeof service, "%u", port);
    s->resolve.data = s;
    s->resolving = uv_getaddrinfo(&stream_sys(s)->loop, &s->resolve,
                                  on_resolved, host, service, &hints) == 0;
    return s->resolving ? 0 : ERR_NOMEM;
}

int sys_connect(struct env *e, const char *host, unsigned port,
                unsigned timeout_ms, env_connect_cb cb, void *data,
                struct env_stream **ret_s)
{
    struct system *sys = sys_of(e);
    struct sys_stream *s = sys_stream_new(sys);

    if (s == NULL) {
        return ERR_NOMEM;
    }
    snprintf(s->peer, sizeof s->peer, strchr(host, ':') ? "[%s]:%u" : "%s:%u",
             host, port);
    s->connecting = true;
    s->connect_cb = cb;
    s->connect_data = data;
    env_timer_init(&s->timer, on_connect_timeout, s);
    if (resolve_start(s, host, port) != 0) {
        sys->n_open--;
        sys->n_alive--;
        mem_free(e->mem, s);
        return ERR_NOMEM;
    }
    env_timer_start(e, &s->timer, env_now_ms(e) + timeout_ms);
    *ret_s = &s->stream;
    return 0;
}
