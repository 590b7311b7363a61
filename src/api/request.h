/* request.h - one request, from its frame to its reply. What handlers use.
 *
 * A handler is called once with r->body decoded. It ends the request, then or
 * later, by exactly one of request_reply(), request_silent(), request_close().
 * Everything a handler allocates in r->arena lives until then.
 *
 * The connection may close first: then `r->gone` is true, r->cancel (if set)
 * is called once, and the handler still ends the request; nothing is sent.
 */
#ifndef API_REQUEST_H
#define API_REQUEST_H

#include "base/arena.h"
#include "base/chunk.h"
#include "base/queue.h"
#include "broker/broker.h"
#include "wire/header.h"

struct api_server;
struct pipeline;

struct request {
    struct queue queue; /* private: in its pipeline */
    struct api_server *server;
    struct broker *broker;
    struct pipeline *pipeline; /* NULL: the connection is gone */
    struct env *env;
    struct wire_request_header header;
    const struct wire_message *in;  /* the request's table */
    const struct wire_message *out; /* the response's */
    int version;
    struct bytes frame; /* shared; record bytes borrow from it */
    struct arena arena;
    void *body;  /* decoded */
    void *state; /* the handler's own */
    bool gone;
    void (*cancel)(struct request *r);
    /* Shares that the response's records borrow from, in the order of the
     * response; released after sending. In the arena. */
    struct bytes *shares;
    unsigned n_shares;
    uint64_t start_us;

    bool done;            /* private: `pieces` hold the reply */
    bool close_after;     /* private */
    struct queue closing; /* private: in its server's, until the turn ends */
    struct bytes *pieces; /* private */
    unsigned n_pieces;    /* private */
};

typedef void (*request_handler)(struct request *r);

/* Encode and queue the reply (the response's struct), then end the request.
 * Borrows `response` for the call; r->shares are kept until sent. A response
 * that cannot be encoded closes the connection, and is traced. */
void request_reply(struct request *r, const void *response);
/* End without a reply (acks=0). */
void request_silent(struct request *r);
/* End and close the connection, saying why in the trace. The request and what
 * lies in its arena are there until the turn of the loop ends: whoever asked
 * for memory returns without looking where from. Again: nothing. */
void request_close(struct request *r, const char *why);

/* Let go of the frame, for a request that may wait for long: what was decoded,
 * r->body too, is no longer there. */
void request_drop_frame(struct request *r);

/* `n` zeroed bytes for the handler; never NULL: without memory the connection
 * is closed... by returning NULL, after request_close(): return at once. */
void *request_alloc(struct request *r, size_t n);
/* `n` elements of a response's array, with defaults; as request_alloc(). */
void *request_elems(struct request *r, const struct wire_struct *s, size_t n);

/* Kafka's code for one of ours: the one place where they are translated.
 * 0 gives 0. */
int16_t request_error(int code);
/* The client's id for traces, quoted, "" if none; in the arena. */
const char *request_client(struct request *r);

#endif
