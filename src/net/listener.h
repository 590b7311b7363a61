/* listener.h - accepted client connections: frames in, pieces out.
 *
 * A frame is 4 bytes of big-endian length, then that many bytes (Kafka's
 * framing). Memory for a frame is reserved from budget CHUNK_CLIENT before it
 * is read; when there is none the connection simply stops reading until there
 * is. A length below 0 or beyond `frame_bytes_max` closes the connection.
 * What is written during a turn leaves in one system call at its end
 * (ENV_TURN_CLIENTS).
 */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include "base/chunk.h"
#include "env/env.h"

struct listener;
struct conn;

struct listener_options {
    struct chunk_pool *pool;
    const char *host;
    unsigned port;            /* 0: chosen */
    uint32_t frame_bytes_max; /* socket.request.max.bytes; at most half of
                               * what the pool holds */
    uint32_t connections_max; /* more are closed at once, and counted */
    uint32_t idle_ms_max;     /* connections.max.idle.ms; 0: never */
    uint32_t unwritten_max;   /* bytes; beyond it reading pauses; 0: 8 MiB */
};

struct listener_hooks {
    /* A connection was accepted; return the user's data for it, NULL to close
     * it at once (then no other hook is called for it). */
    void *(*open)(void *arg, struct conn *c);
    /* A whole frame (without the length): borrowed for the call; share to keep.
     * May call conn_close(). */
    void (*frame)(void *data, struct conn *c, struct bytes frame);
    /* The connection ended; why: ERR_EOF, ERR_IO, ERR_PROTOCOL (bad length),
     * ERR_TIMEOUT (idle), ERR_NOMEM, ERR_CANCELED (closed by us). Nothing
     * follows. */
    void (*close)(void *data, struct conn *c, int why);
};

/* Listen. Copies the options and hooks, borrows the pool until closed. Without
 * memory for a frame a connection tries again every 10 ms and after each turn
 * that wrote replies. A connection that we do not read from, or that has not
 * taken what was written, is not idle.
 *
 * Errors: ERR_NOMEM and those of env_listen(); `err` says which address. */
int listener_open(struct env *e, const struct listener_options *o,
                  const struct listener_hooks *hooks, void *arg,
                  struct listener **ret_l, struct err *err);
/* Close it and all its connections, then free it and call `cb` (may be NULL).
 */
void listener_close(struct listener *l, void (*cb)(void *arg), void *arg);
/* The port it listens on; connections that are not closed to the end. */
unsigned listener_port(const struct listener *l);
uint32_t listener_connections(const struct listener *l);

/* Write pieces in order as one reply: takes the shares (also on error, where
 * they are released). Errors: ERR_CLOSED, ERR_NOMEM (the connection is
 * closing). */
int conn_write(struct conn *c, struct bytes pieces[], unsigned n);
/* Stop, or go on, taking frames (throttling, too many requests in flight). None
 * is taken inside conn_resume(). */
void conn_pause(struct conn *c);
void conn_resume(struct conn *c);
/* Close after what was written has left (`flush`; within 10 s without
 * progress) or at once. The close hook runs later, once. */
void conn_close(struct conn *c, bool flush);
/* "host:port" of the client; unique number of the connection. */
const char *conn_peer(const struct conn *c);
uint64_t conn_id(const struct conn *c);
struct env *conn_env(const struct conn *c);

#endif
