/* system_listen.c - listening sockets. */
#include "env/system_impl.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"

/* Connections the kernel completes before we accept them. */
#define SYS_LISTEN_BACKLOG 512

/* Ports below need a capability, unless the system says otherwise. */
#define SYS_PORT_FREE 1024

struct sys_listener {
    struct env_listener listener;
    uv_tcp_t tcp;
    uv_tcp_t refused; /* takes a connection that there is no memory for */
    bool refusing;
    bool kept; /* libuv keeps a connection until `refused` is free */
    bool closed;
    unsigned port;
    env_accept_cb cb;
    void *data;
};

static struct sys_listener *sys_listener(struct env_listener *l)
{
    return (struct sys_listener *)(void *)l;
}

static void listener_free(struct sys_listener *l)
{
    struct system *sys = sys_of(l->listener.env);

    sys->n_alive--;
    mem_free(sys->env.mem, l);
}

static void on_listener_closed(uv_handle_t *h)
{
    struct sys_listener *l = h->data;

    /* `refused` may be closing still; the last one frees. */
    l->closed = true;
    if (!l->refusing) {
        listener_free(l);
    }
}

static void on_connection(uv_stream_t *h, int status);

static void on_refused_closed(uv_handle_t *h)
{
    struct sys_listener *l = h->data;

    l->refusing = false;
    if (l->closed) {
        listener_free(l);
    } else if (l->kept && !uv_is_closing((uv_handle_t *)&l->tcp)) {
        l->kept = false;
        on_connection((uv_stream_t *)&l->tcp, 0);
    }
}

/* Without memory a connection is accepted into a spare handle and closed: left
 * alone it would stop the listener. While the spare is in use libuv keeps the
 * next one, and on_refused_closed() takes it up again. */
static void connection_refuse(struct sys_listener *l)
{
    struct system *sys = sys_of(l->listener.env);

    trace_error(sys->env.trace, "env.accept", "port=%u text=\"out of memory\"",
                l->port);
    if (l->refusing) {
        l->kept = true;
        return;
    }
    uv_tcp_init(&sys->loop, &l->refused);
    l->refused.data = l;
    l->refusing = true;
    uv_accept((uv_stream_t *)&l->tcp, (uv_stream_t *)&l->refused);
    uv_close((uv_handle_t *)&l->refused, on_refused_closed);
}

static void on_connection(uv_stream_t *h, int status)
{
    struct sys_listener *l = h->data;
    struct env *e = l->listener.env;
    struct env_stream *s;
    int rc;

    if (status != 0) {
        sys_error(e, -status, "accept", "listener");
        return;
    }
    rc = sys_stream_accept(sys_of(e), &l->tcp, &s);
    if (rc == ERR_NOMEM) {
        connection_refuse(l);
    } else if (rc == 0) {
        l->cb(&l->listener, s, l->data);
    }
}

/* ---- addresses ------------------------------------------------------------
 */

static unsigned bound_port(const uv_tcp_t *tcp)
{
    struct sockaddr_storage a;
    int len = sizeof a;

    memset(&a, 0, sizeof a);
    if (uv_tcp_getsockname(tcp, (struct sockaddr *)&a, &len) != 0) {
        return 0;
    }
    return a.ss_family == AF_INET6
               ? ntohs(
                     ((const struct sockaddr_in6 *)(const void *)&a)->sin6_port)
               : ntohs(
                     ((const struct sockaddr_in *)(const void *)&a)->sin_port);
}

/* Listen on one address. Returns 0 or a libuv code. */
static int listen_at(struct system *sys, const struct sockaddr *a,
                     struct sys_listener **ret_l)
{
    struct sys_listener *l = mem_calloc(sys->env.mem, 1, sizeof *l);
    int rc;

    if (l == NULL) {
        return UV_ENOMEM;
    }
    l->listener.env = &sys->env;
    sys->n_alive++;
    uv_tcp_init(&sys->loop, &l->tcp);
    l->tcp.data = l;
    rc = uv_tcp_bind(&l->tcp, a, 0);
    if (rc == 0) {
        rc = uv_listen((uv_stream_t *)&l->tcp, SYS_LISTEN_BACKLOG,
                       on_connection);
    }
    if (rc != 0) {
        uv_close((uv_handle_t *)&l->tcp, on_listener_closed);
        return rc;
    }
    l->port = bound_port(&l->tcp);
    *ret_l = l;
    return 0;
}

/* True if another address of the same name may do. */
static bool try_next(int uv_code)
{
    return uv_code == UV_EADDRNOTAVAIL || uv_code == UV_EAFNOSUPPORT;
}

static int listen_any(struct system *sys, unsigned port,
                      struct sys_listener **ret_l)
{
    struct sockaddr_in6 in6;
    struct sockaddr_in in;
    int rc;

    uv_ip6_addr("::", (int)port, &in6);
    rc = listen_at(sys, (const struct sockaddr *)&in6, ret_l);
    if (rc != 0 && try_next(rc)) {
        uv_ip4_addr("0.0.0.0", (int)port, &in);
        rc = listen_at(sys, (const struct sockaddr *)&in, ret_l);
    }
    return rc;
}

/* IPv4 first: it is what a client that is given a bare name tries. */
static int resolve(const char *host, const char *service,
                   struct addrinfo **ret_addrs)
{
    struct addrinfo hints = {.ai_family = AF_INET,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_NUMERICSERV | AI_PASSIVE};

    if (getaddrinfo(host, service, &hints, ret_addrs) == 0) {
        return 0;
    }
    hints.ai_family = AF_UNSPEC;
    return getaddrinfo(host, service, &hints, ret_addrs);
}

static int listen_named(struct system *sys, const char *host, unsigned port,
                        struct sys_listener **ret_l)
{
    struct addrinfo *addrs;
    char service[16];
    int rc;

    snprintf(service, sizeof service, "%u", port);
    if (resolve(host, service, &addrs) != 0) {
        return UV_EADDRNOTAVAIL;
    }
    rc = UV_EADDRNOTAVAIL;
    for (struct addrinfo *a = addrs; a != NULL && try_next(rc);
         a = a->ai_next) {
        rc = listen_at(sys, a->ai_addr, ret_l);
    }
    freeaddrinfo(addrs);
    return rc;
}

int sys_listen(struct env *e, const char *host, unsigned port, env_accept_cb cb,
               void *data, struct env_listener **ret_l, struct err *err)
{
    struct system *sys = sys_of(e);
    struct sys_listener *l = NULL;
    bool any = host[0] == '\0' || strcmp(host, "*") == 0;
    int rc;

    if (port > 65535) {
        return err_set(err, ERR_INVALID, "port %u is above 65535", port);
    }
    rc = any ? listen_any(sys, port, &l) : listen_named(sys, host, port, &l);
    if (rc != 0) {
        int code = sys_error(e, -rc, "listen", host);
        return err_set(err, code, "cannot listen on %s:%u: %s%s",
                       any ? "*" : host, port, uv_strerror(rc),
                       code == ERR_PERM && port < SYS_PORT_FREE
                           ? ": take a port from 1024 on, or give the process "
                             "CAP_NET_BIND_SERVICE"
                           : "");
    }
    l->cb = cb;
    l->data = data;
    sys->n_open++;
    *ret_l = &l->listener;
    return 0;
}

unsigned sys_listener_port(const struct env_listener *l)
{
    return ((const struct sys_listener *)(const void *)l)->port;
}

void sys_listener_close(struct env_listener *l)
{
    sys_of(l->env)->n_open--;
    uv_close((uv_handle_t *)&sys_listener(l)->tcp, on_listener_closed);
}
