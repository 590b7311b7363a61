/* system_stream.h - what system_stream.c and system_connect.c share. Private.
 *
 *            env_connect                        accept
 *                |                                 |
 *            resolving --(no address)--+           |
 *                |                     |           |
 *   +------> attempting --(refused)--->|           |
 *   |            |           |         |           |
 *   +-(next address)-<-- handle closed |           |
 *                |                     v           v
 *                +-----------------> failed     connected
 *                                      |           |
 *                 env_stream_close --> closing, until resolver and handle
 *                                      are done; then the stream is freed
 */
#ifndef ENV_SYSTEM_STREAM_H
#define ENV_SYSTEM_STREAM_H

#include <netdb.h>

#include "env/system_impl.h"

/* "[v6 address]:port" or the caller's "host:port". */
#define SYS_PEER_LEN_MAX 300

struct sys_stream {
    struct env_stream stream;
    uv_tcp_t tcp;
    bool has_handle; /* tcp is initialised and its close callback has not run */
    bool connected;
    bool closing;

    bool connecting; /* connect_cb is owed */
    bool resolving;
    uv_getaddrinfo_t resolve;
    uv_connect_t connect;
    struct env_timer timer;
    struct addrinfo *addrs; /* the resolver's list; attempts walk it */
    struct addrinfo *next_addr;
    int status; /* of the last attempt, ours */
    env_connect_cb connect_cb;
    void *connect_data;

    bool reading; /* as the caller wants it */
    bool read_over;
    env_read_alloc_cb alloc_cb;
    env_read_cb read_cb;
    void *read_data;

    size_t unwritten;
    unsigned n_uv_writes;
    bool broken;           /* a write failed: the rest fails too */
    struct queue finished; /* struct sys_write */
    struct queue queue;    /* in system.streams */

    env_close_cb close_cb;
    void *close_data;
    char peer[SYS_PEER_LEN_MAX];
};

static inline struct sys_stream *sys_stream(struct env_stream *s)
{
    return (struct sys_stream *)(void *)s;
}

static inline struct system *stream_sys(const struct sys_stream *s)
{
    return sys_of(s->stream.env);
}

/* A stream without a handle, counted as open; NULL without memory. */
struct sys_stream *sys_stream_new(struct system *sys);
/* Initialise the handle. Its close callback is sys_stream_on_closed(). */
void sys_stream_handle_open(struct sys_stream *s);
/* The handle is connected: bytes may flow. */
void sys_stream_connected(struct sys_stream *s);
/* A handle is closed: of a failed attempt, or of the whole stream. */
void sys_stream_on_closed(uv_handle_t *h);
/* The one place that says how connecting ended. */
void sys_connect_finish(struct sys_stream *s, int status);
/* If resolver and handle are done: say the last words and free. */
void sys_stream_finish_close(struct sys_stream *s);

#endif
