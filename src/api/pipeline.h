/* pipeline.h - the requests of one connection.
 *
 * Requests start in the order they arrive and may overlap; replies leave in
 * that order. At most `requests_max` are under way: beyond it the connection
 * is not read.
 */
#ifndef API_PIPELINE_H
#define API_PIPELINE_H

#include "api/request.h"
#include "net/listener.h"

struct pipeline {
    struct api_server *server;
    struct conn *conn;
    struct queue requests; /* struct request, oldest first */
    unsigned n;
    unsigned requests_max;
    bool paused;
    bool ending;  /* some request ends the connection: take no more */
    bool closing; /* it is ended: send no more */
};

/* A request begins: it has its place in the order of replies. */
void pipeline_push(struct pipeline *p, struct request *r);
/* A request has its reply (r->done), or needs none: send what is due. */
void pipeline_done(struct pipeline *p, struct request *r);
/* The connection is gone: requests under way are told. */
void pipeline_close(struct pipeline *p);

#endif
