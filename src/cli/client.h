/* client.h - a small blocking Kafka client for the tool: one connection, one
 * request at a time. (Records are produced and consumed through librdkafka.)
 *
 *   client_open -> client_call* -> client_close
 *
 * The env's loop runs inside each call until the answer is there or the time
 * is over; nothing else should be going on in it. After an error of
 * client_call() other than ERR_UNSUPPORTED the connection is of no more use.
 * Limits: CLIENT_FRAME_MAX bytes of a response.
 */
#ifndef CLI_CLIENT_H
#define CLI_CLIENT_H

#include "base/arena.h"
#include "env/env.h"
#include "wire/message.h"

#define CLIENT_FRAME_MAX (128u << 20)

struct client;

/* Connect to host:port and ask which APIs are spoken there. `timeout_ms` is
 * for both. Errors: ERR_REFUSED (nobody listens), ERR_NOTFOUND (no such host),
 * ERR_EOF (closed before an answer: an ostrakad that does not serve yet does
 * that), ERR_TIMEOUT, ERR_PROTOCOL, ERR_IO, ERR_NOMEM; `err` names the
 * address. */
int client_open(struct env *e, const char *host, unsigned port,
                unsigned timeout_ms, struct client **ret_c, struct err *err);
/* As client_open(), of the first of "host:port,host:port" that answers; each
 * gets `timeout_ms`. */
int client_open_any(struct env *e, const char *bootstrap, unsigned timeout_ms,
                    struct client **ret_c, struct err *err);
/* NULL is fine. */
void client_close(struct client *c);
/* "host:port" of the other end. Borrowed. */
const char *client_peer(const struct client *c);
/* The highest version of an API that both speak, at most `max` (-1: no limit
 * of the caller's); of our own APIs, which nobody advertises, our highest.
 * ERR_UNSUPPORTED: none. */
int client_version(const struct client *c, int api_key, int max);
/* Send a request of `api_key` in `version` and wait for its response, which is
 * decoded into `response` (the message's struct). What it points to lives in
 * `a`.
 *
 * Errors: ERR_UNSUPPORTED (no such API or version here), ERR_TIMEOUT (the
 * outcome is unknown), ERR_EOF, ERR_IO, ERR_PROTOCOL, ERR_NOMEM; `err` names
 * the API and the address. */
int client_call(struct client *c, int api_key, int version, const void *request,
                struct arena *a, void *response, unsigned timeout_ms,
                struct err *err);

#endif
