/* raw.h - a Kafka client that is as small as can be: one blocking connection,
 * one request at a time, our own codec. */
#ifndef CHECKER_RAW_H
#define CHECKER_RAW_H

#include <stdbool.h>

#include "wire/message.h"

struct raw {
    int fd; /* -1: not connected */
    struct mem *mem;
    struct buf buf;
    struct arena arena; /* what the last response holds */
    int32_t correlation_id;
};

/* Not connected yet. */
void raw_init(struct raw *r);
/* Hang up and free. */
void raw_close(struct raw *r);
/* Connect, within 5 s. */
bool raw_connect(struct raw *r, const char *host, int port);
/* Send a request and wait for its response, at most 15 s; what it decodes
 * into `response` lives until the next call. On failure the connection is
 * closed. */
bool raw_call(struct raw *r, int api_key, int version, const void *request,
              void *response);

#endif
