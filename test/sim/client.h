/* client.h - one end of a connection that speaks Kafka's protocol, over the
 * streams of a simulated node.
 *
 * Connects when first called and again after a failure. Calls are sent at once
 * and answered in order; when the connection breaks or an answer is late, all
 * calls under way fail, in order.
 */
#ifndef SIM_CLIENT_H
#define SIM_CLIENT_H

#include "env/env.h"
#include "wire/message.h"

struct client;

/* status 0 and the response's struct, which lives until the callback returns;
 * or ERR_IO: nobody knows what became of the request. */
typedef void (*client_cb)(void *arg, int status, const void *response);

/* Never NULL. Lives in `mem` and is not freed before it. */
struct client *client_new(struct env *e, struct mem *mem, const char *host,
                          unsigned port);
/* Send a request; `cb` runs once, never before this returns. Copies `msg`. */
void client_call(struct client *c, const struct wire_message *request,
                 int version, const void *msg, uint32_t timeout_ms,
                 client_cb cb, void *arg);
/* The same for a request that is not answered: `cb` runs with 0 when it was
 * handed to the connection. Not on one connection with calls. */
void client_tell(struct client *c, const struct wire_message *request,
                 int version, const void *msg, uint32_t timeout_ms,
                 client_cb cb, void *arg);
/* Close the connection: all calls under way fail now. The next call connects
 * again. */
void client_drop(struct client *c);
/* Counts connections: what was sent on one of them arrives in order. */
unsigned client_connections(const struct client *c);

#endif
