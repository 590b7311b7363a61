/* admin.h - the admin listener: what the process says of itself over HTTP.
 *
 *   GET /metrics   all metrics, Prometheus' text format 0.0.4 (doc/METRICS.md)
 *   GET /healthz   200 while the loop turns, 503 when it has not for a while
 *   GET /readyz    200 while the node serves, 503 with why it does not
 *
 * Anything else is 404, another method 405. Everything is asked of the loop
 * thread and answered by a copy that it made in between two turns' work:
 *
 *   HTTP thread                        loop thread
 *   ask: post a call, wait  ---------> on_call: look, render (metrics only)
 *   answer from the copy    <---------
 *
 * So one answer shows one moment, nothing on the path of a client's request
 * ever takes a lock for it, and a slow scraper holds up nobody but scrapers.
 * Bounded: connections, bytes of a request's head, idle time, bytes of an
 * answer, time to wait for the loop.
 *
 * Thread: the functions here belong to the loop's.
 */
#ifndef SERVER_ADMIN_H
#define SERVER_ADMIN_H

#include "config/config.h"
#include "env/env.h"

#define ADMIN_CONNECTIONS_MAX 16
#define ADMIN_HEAD_BYTES_MAX  (16u << 10) /* of a request, per connection */
#define ADMIN_IDLE_S_MAX      10
#define ADMIN_ANSWER_MAX      (16u << 20)
#define ADMIN_WAIT_MS_MAX     2000 /* for the loop */

/* NULL: the node serves; else one line on why it does not, static. Called on
 * the loop. */
typedef const char *(*admin_ready)(const void *arg);

struct admin_options {
    const struct config_endpoint *at; /* borrowed; port 0: chosen */
    admin_ready ready;
    const void *ready_arg; /* borrowed for its life */
};

struct admin;

/* Listen. Answers need the loop to run. Errors: ERR_INVALID (the name does not
 * resolve), ERR_EXISTS (port in use), ERR_PERM, ERR_IO, ERR_NOMEM; `err` says
 * which address. */
int admin_open(struct env *e, const struct admin_options *o,
               struct admin **ret_a, struct err *err);
unsigned admin_port(const struct admin *a);
/* Close its connections and the HTTP thread, which does not take longer than
 * an answer. NULL is fine. */
void admin_close(struct admin *a);

#endif
