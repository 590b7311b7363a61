/* server.h - the door for Kafka's clients: the listener and what stands behind
 * it. What server/ uses of this room.
 *
 *   frame -> pipeline.c   one connection's requests, replies in order
 *         -> request.c    header, decode, the handler, encode
 *         -> table.c      which API, which versions, which handler
 *         -> <family>.c   produce, fetch, list_offsets, metadata, topics, ...
 *
 * Requests of one connection start in order and may overlap; replies leave in
 * order. Until api_serve() connections are closed as they come.
 */
#ifndef API_SERVER_H
#define API_SERVER_H

#include "base/chunk.h"
#include "config/config.h"
#include "env/env.h"

struct api_server;
struct broker;

struct api_server_options {
    const struct config *config; /* finished; borrowed for its life */
    struct chunk_pool *pool;
    const char *host;         /* where to listen */
    unsigned port;            /* 0: chosen */
    uint32_t connections_max; /* 0: max.connections */
};

/* Listen. Errors: those of env_listen(), ERR_NOMEM. */
int api_server_open(struct env *e, const struct api_server_options *o,
                    struct api_server **ret_s, struct err *err);
unsigned api_server_port(const struct api_server *s);
/* Serve clients from now on. Borrows the broker until api_server_close(). */
void api_server_serve(struct api_server *s, struct broker *b);
/* Close all connections; requests under way are dropped. `cb` may be NULL. */
void api_server_close(struct api_server *s, void (*cb)(void *arg), void *arg);

#endif
