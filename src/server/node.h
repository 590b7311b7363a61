/* node.h - a running node: what main() starts and signals stop.
 *
 *   node_open -> (loop) -> "serves" or node_fail -> TERM: drain, close -> end
 *
 * Start: the listener for clients is bound first, so that its port is known
 * and a port in use ends the process before recovery; it closes connections as
 * they come until the node serves. Stop: leaderships are handed over while
 * clients are served, then clients, then the admin listener, which looks into
 * the broker, then the broker are closed.
 */
#ifndef SERVER_NODE_H
#define SERVER_NODE_H

#include "base/chunk.h"
#include "config/config.h"
#include "env/env.h"

/* How long a node that stops tries to hand its leaderships over, and how long
 * stopping may take in all before the process ends anyway (nothing
 * acknowledged is lost by that). */
#define NODE_DRAIN_MS_MAX 5000
#define NODE_STOP_MS_MAX  15000

/* Of the files that the process may open, a quarter, and at least so many (but
 * no more than half), are kept from clients' connections. */
#define NODE_FILES_MIN 256

struct admin;
struct api_server;
struct broker;
struct gauges;

struct node {
    struct env *env;
    const struct config *config;
    struct chunk_pool *pool;
    struct admin *admin; /* NULL: no admin.listener */
    struct gauges *gauges;
    struct api_server *api;
    struct broker *broker;
    struct env_timer limit; /* of stopping */
    bool stopping;
    bool closed; /* everything, in order */
    int exit_code;
    struct err err; /* why, if exit_code is not 0 */
};

/* Start a node on `e`; the loop is not running yet. Borrows `config`, finished,
 * and `pool` for its life. Errors: those of api_server_open() and
 * broker_open(); n->exit_code and n->err say which and what to do. */
int node_open(struct node *n, struct env *e, const struct config *config,
              struct chunk_pool *pool);
/* Stop in order, then end the loop. A second call ends the process at once
 * with BROKER_EXIT_CUT_SHORT. */
void node_stop(struct node *n, const char *why);

#endif
