/* system_stream.c - byte streams over TCP: accepted or connected, read, written
 * and closed. (The picture is in system_stream.h.)
 *
 * Writes: bytes go to the kernel at once where it takes them; the callback of
 * such a write runs at the end of the turn (`finished`), before those of later
 * writes, which libuv carries.
 */
#include "env/system_stream.h"

#include <errno.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/assert.h"

/* Lies in env_write.impl: libuv's request, or a place in `finished`. */
struct sys_write {
    union {
        uv_write_t uv;
        struct {
            struct queue queue;
            int status;
        } finished;
    };
};
_Static_assert(sizeof(struct sys_write) <=
                   sizeof(((struct env_write *)0)->impl),
               "struct sys_write fits into struct env_write");
_Static_assert(offsetof(struct env_write, impl) == 0, "impl is first");

static const struct sys_stream *sys_stream_const(const struct env_stream *s)
{
    return (const struct sys_stream *)(const void *)s;
}

/* Have the stream looked at, at the end of this turn. */
static void stream_defer(struct sys_stream *s)
{
    queue_remove(&s->queue);
    queue_push(&stream_sys(s)->streams, &s->queue);
}

struct sys_stream *sys_stream_new(struct system *sys)
{
    struct sys_stream *s = mem_calloc(sys->env.mem, 1, sizeof *s);

    if (s == NULL) {
        return NULL;
    }
    s->stream.env = &sys->env;
    queue_init(&s->finished);
    queue_init(&s->queue);
    sys->n_open++;
    sys->n_alive++;
    return s;
}

void sys_stream_handle_open(struct sys_stream *s)
{
    uv_tcp_init(&stream_sys(s)->loop, &s->tcp);
    s->tcp.data = s;
    s->has_handle = true;
}

/* An IPv4 peer of an IPv6 socket is an IPv4 peer. */
static bool peer_is_v4(const struct sockaddr_storage *a,
                       struct sockaddr_in *ret_in)
{
    const struct sockaddr_in6 *in6 = (const void *)a;

    if (a->ss_family == AF_INET) {
        memcpy(ret_in, a, sizeof *ret_in);
        return true;
    }
    if (a->ss_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
        return false;
    }
    *ret_in =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_port = in6->sin6_port};
    memcpy(&ret_in->sin_addr, in6->sin6_addr.s6_addr + 12, 4);
    return true;
}

static void peer_format(struct sys_stream *s)
{
    struct sockaddr_storage a;
    struct sockaddr_in in;
    const struct sockaddr_in6 *in6 = (const void *)&a;
    int len = sizeof a;
    char host[64] = "?";

    memset(&a, 0, sizeof a);
    if (uv_tcp_getpeername(&s->tcp, (struct sockaddr *)&a, &len) != 0) {
        snprintf(s->peer, sizeof s->peer, "?:0");
    } else if (peer_is_v4(&a, &in)) {
        uv_ip4_name(&in, host, sizeof host);
        snprintf(s->peer, sizeof s->peer, "%s:%u", host, ntohs(in.sin_port));
    } else {
        uv_ip6_name(in6, host, sizeof host);
        snprintf(s->peer, sizeof s->peer, "[%s]:%u", host,
                 ntohs(in6->sin6_port));
    }
}

void sys_stream_connected(struct sys_stream *s)
{
    s->connected = true;
    uv_tcp_nodelay(&s->tcp, 1);
}

static void on_accept_failed(uv_handle_t *h)
{
    struct sys_stream *s = h->data;
    struct system *sys = stream_sys(s);

    sys->n_alive--;
    mem_free(sys->env.mem, s);
}

int sys_stream_accept(struct system *sys, uv_tcp_t *from,
                      struct env_stream **ret_s)
{
    struct sys_stream *s = sys_stream_new(sys);
    int rc;

    if (s == NULL) {
        return ERR_NOMEM;
    }
    sys_stream_handle_open(s);
    rc = uv_accept((uv_stream_t *)from, (uv_stream_t *)&s->tcp);
    if (rc != 0) {
        sys->n_open--;
        uv_close((uv_handle_t *)&s->tcp, on_accept_failed);
        return sys_error(&sys->env, -rc, "accept", "listener");
    }
    sys_stream_connected(s);
    peer_format(s);
    *ret_s = &s->stream;
    return 0;
}

/* ---- read -----------------------------------------------------------------
 */

static void on_read_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *ret_buf)
{
    struct sys_stream *s = h->data;
    uint8_t *p = NULL;
    size_t len = 0;

    (void)suggested;
    s->alloc_cb(&s->stream, s->read_data, &p, &len);
    *ret_buf = (uv_buf_t){.base = (char *)p, .len = len};
}

static void on_read(uv_stream_t *h, ssize_t n, const uv_buf_t *buf)
{
    struct sys_stream *s = h->data;

    if (n == UV_ENOBUFS || (n >= 0 && buf->len == 0)) {
        env_stream_read_pause(&s->stream);
    } else if (n >= 0) {
        pace_bytes(&sys_of(s->stream.env)->pace, (uint64_t)n);
        s->read_cb(&s->stream, s->read_data, 0, (size_t)n);
    } else {
        s->read_over = true;
        uv_read_stop(h);
        if (n != UV_EOF) {
            sys_error(s->stream.env, (int)-n, "read", s->peer);
        }
        s->read_cb(&s->stream, s->read_data, n == UV_EOF ? ERR_EOF : ERR_IO, 0);
    }
}

void sys_stream_read_start(struct env_stream *stream, env_read_alloc_cb alloc,
                           env_read_cb cb, void *data)
{
    struct sys_stream *s = sys_stream(stream);

    s->alloc_cb = alloc;
    s->read_cb = cb;
    s->read_data = data;
    env_stream_read_resume(stream);
}

void sys_stream_read_pause(struct env_stream *stream)
{
    struct sys_stream *s = sys_stream(stream);

    s->reading = false;
    if (s->connected && !s->closing) {
        uv_read_stop((uv_stream_t *)&s->tcp);
    }
}

void sys_stream_read_resume(struct env_stream *stream)
{
    struct sys_stream *s = sys_stream(stream);

    ASSERT(s->alloc_cb != NULL);
    if (s->reading || s->read_over || s->closing || !s->connected) {
        return;
    }
    s->reading = true;
    uv_read_start((uv_stream_t *)&s->tcp, on_read_alloc, on_read);
}

/* ---- write ----------------------------------------------------------------
 */

static struct sys_write *sys_write(struct env_write *w)
{
    return (struct sys_write *)(void *)w->impl;
}

static void write_finish(struct sys_stream *s, struct env_write *w, int status)
{
    ASSERT(s->unwritten >= w->len);
    s->unwritten -= w->len;
    if (status != 0) {
        s->broken = true;
    }
    w->cb(w, status);
}

/* Run the callbacks of writes that were finished at once. */
static void finished_run(struct sys_stream *s)
{
    struct queue *q;

    while ((q = queue_pop(&s->finished)) != NULL) {
        struct env_write *w = (struct env_write *)(void *)QUEUE_ENTRY(
            q, struct sys_write, finished.queue);
        write_finish(s, w, sys_write(w)->finished.status);
    }
}

static int write_later(struct sys_stream *s, struct env_write *w, int status)
{
    struct sys_write *sw = sys_write(w);

    /* At once: a part of it may have left, and nothing may come behind that. */
    s->broken = s->broken || status != 0;
    sw->finished.status = status;
    queue_push(&s->finished, &sw->finished.queue);
    stream_defer(s);
    return 0;
}

static void on_written(uv_write_t *req, int status)
{
    struct sys_stream *s = req->handle->data;
    struct env_write *w = (struct env_write *)(void *)req;

    finished_run(s); /* they came before this one */
    s->n_uv_writes--;
    if (status != 0 && status != UV_ECANCELED) {
        sys_error(s->stream.env, -status, "write", s->peer);
    }
    write_finish(s, w,
                 status == 0              ? 0
                 : status == UV_ECANCELED ? ERR_CANCELED
                                          : ERR_IO);
}

/* The kernel's buffers from byte `skip` on; returns how many. */
static unsigned bufs_fill(uv_buf_t *bufs, const struct slice slices[],
                          unsigned n, size_t skip)
{
    unsigned n_bufs = 0;

    for (unsigned k = 0; k < n; k++) {
        if (slices[k].len <= skip) {
            skip -= slices[k].len;
            continue;
        }
        bufs[n_bufs++] =
            (uv_buf_t){.base = (char *)(uintptr_t)slices[k].data + skip,
                       .len = slices[k].len - skip};
        skip = 0;
    }
    return n_bufs;
}

/* Let libuv carry what the kernel did not take. */
static int write_rest(struct sys_stream *s, struct env_write *w,
                      const uv_buf_t *bufs, unsigned n_bufs)
{
    int rc = uv_write(&sys_write(w)->uv, (uv_stream_t *)&s->tcp, bufs, n_bufs,
                      on_written);

    if (rc != 0) {
        sys_error(s->stream.env, -rc, "write", s->peer);
        return write_later(s, w, ERR_IO);
    }
    s->n_uv_writes++;
    return 0;
}

int sys_stream_write(struct env_stream *stream, struct env_write *w,
                     const struct slice slices[], unsigned n, env_write_cb cb,
                     void *data)
{
    struct sys_stream *s = sys_stream(stream);
    uv_buf_t bufs[ENV_WRITE_SLICES_MAX];
    unsigned n_bufs;
    int taken = 0;

    if (!s->connected || s->closing || s->broken) {
        return ERR_CLOSED;
    }
    *w = (struct env_write){.cb = cb, .data = data};
    for (unsigned k = 0; k < n; k++) {
        w->len += slices[k].len;
    }
    s->unwritten += w->len;
    pace_bytes(&sys_of(stream->env)->pace, w->len);
    n_bufs = bufs_fill(bufs, slices, n, 0);
    if (s->n_uv_writes == 0 && n_bufs > 0) {
        taken = uv_try_write((uv_stream_t *)&s->tcp, bufs, n_bufs);
    }
    if (taken < 0 && taken != UV_EAGAIN) {
        sys_error(stream->env, -taken, "write", s->peer);
        return write_later(s, w, ERR_IO);
    }
    if (n_bufs == 0 && s->n_uv_writes > 0) {
        /* Nothing to write, but not before what is on its way. */
        bufs[n_bufs++] = (uv_buf_t){.base = NULL, .len = 0};
        return write_rest(s, w, bufs, n_bufs);
    }
    if (taken > 0) {
        n_bufs = bufs_fill(bufs, slices, n, (size_t)taken);
    }
    return n_bufs == 0 ? write_later(s, w, 0) : write_rest(s, w, bufs, n_bufs);
}

size_t sys_stream_unwritten(const struct env_stream *s)
{
    return sys_stream_const(s)->unwritten;
}

size_t sys_stream_unsent(const struct env_stream *stream)
{
    const struct sys_stream *s = sys_stream_const(stream);
    uv_os_fd_t fd;
    int n = 0;

    if (!s->connected || s->closing ||
        uv_fileno((const uv_handle_t *)&s->tcp, &fd) != 0 ||
        ioctl(fd, SIOCOUTQ, &n) != 0 || n < 0) {
        return 0;
    }
    return (size_t)n;
}

const char *sys_stream_peer(const struct env_stream *s)
{
    return sys_stream_const(s)->peer;
}

/* ---- close ----------------------------------------------------------------
 */

void sys_stream_finish_close(struct sys_stream *s)
{
    struct system *sys = stream_sys(s);

    if (s->has_handle || s->resolving) {
        return;
    }
    finished_run(s);
    if (s->connecting) {
        sys_connect_finish(s, ERR_CANCELED);
    }
    if (s->close_cb != NULL) {
        s->close_cb(s->close_data);
    }
    queue_remove(&s->queue);
    if (s->addrs != NULL) {
        uv_freeaddrinfo(s->addrs);
    }
    sys->n_alive--;
    mem_free(sys->env.mem, s);
}

void sys_stream_close(struct env_stream *stream, env_close_cb cb, void *data)
{
    struct sys_stream *s = sys_stream(stream);

    ASSERT(!s->closing);
    s->closing = true;
    s->close_cb = cb;
    s->close_data = data;
    stream_sys(s)->n_open--;
    if (s->connecting) {
        env_timer_stop(stream->env, &s->timer);
    }
    if (s->resolving) {
        uv_cancel((uv_req_t *)&s->resolve);
    } else if (!s->has_handle) {
        stream_defer(s);
    } else if (!uv_is_closing((uv_handle_t *)&s->tcp)) {
        uv_close((uv_handle_t *)&s->tcp, sys_stream_on_closed);
    }
}

void sys_streams_run_deferred(struct system *sys)
{
    struct queue stolen, *q;

    queue_move(&sys->streams, &stolen);
    while ((q = queue_pop(&stolen)) != NULL) {
        struct sys_stream *s = QUEUE_ENTRY(q, struct sys_stream, queue);
        finished_run(s);
        if (s->closing) {
            sys_stream_finish_close(s);
        }
    }
}
