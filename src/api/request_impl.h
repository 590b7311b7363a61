/* request_impl.h - the making and freeing of requests, for this room. */
#ifndef API_REQUEST_IMPL_H
#define API_REQUEST_IMPL_H

#include "api/request.h"
#include "api/server.h"
#include "net/listener.h"
#include "trace/metric.h"

#define API_ROWS_MAX   64
#define SERVER_METRICS 7

struct fetch_sessions;

struct api_server {
    struct env *env;
    struct mem *mem;
    struct api_server_options o;
    struct listener *listener;
    struct broker *broker; /* NULL: not yet serving */
    struct fetch_sessions *sessions;
    unsigned under_way; /* requests not yet freed */
    bool closing;
    bool listener_closed;
    void (*close_cb)(void *arg);
    void *close_arg;
    struct arena_budget arenas; /* of all requests */
    struct env_turn closed;
    struct queue closing_requests; /* request_close()d, not yet ended */
    struct env_turn end_requests;
    unsigned fetches_waiting;
    /* Metrics. */
    uint64_t requests[API_ROWS_MAX]; /* begun, by row of api_table */
    uint64_t refused;                /* unknown api or version, malformed */
    uint64_t pauses;                 /* of connections: too many requests */
    struct metric_histogram produce_us;
    struct metric metric_requests[API_ROWS_MAX], metrics[SERVER_METRICS];
};

/* server_metric.c */
void server_metrics_start(struct api_server *s);
void server_metrics_stop(struct api_server *s);

/* Begin a request from a frame: decode and call its handler. The frame is
 * shared. A frame that is no request closes the connection. */
void request_begin(struct api_server *s, struct pipeline *p,
                   struct bytes frame);
/* Free what a request holds. */
void request_free(struct request *r);
/* End those that were closed in this turn; `t->data` is the server. */
void requests_end(struct env_turn *t);
/* The last request of a closing server was freed, or its listener closed: it
 * ends in this turn, but not inside what gave the last answer. */
void api_server_check_closed(struct api_server *s);

#endif
