/* metadata.h - @meta on this node: its replica, its machine, the read image,
 * and commands and barriers from any node.
 *
 *   call (here) --> leader known? --no--> try again every 50 ms
 *                     |yes
 *        here: propose / read barrier     elsewhere: PEER_FORWARD request
 *                     |                               |
 *              index, result  <---------------- answer {index, result}
 *                     |
 *        wait until this node applied `index`, then answer the caller
 *
 * A command carries its id, so sending it again is harmless. Until its
 * deadline a call is repeated whenever the leader changed or did not answer.
 */
#ifndef BROKER_METADATA_H
#define BROKER_METADATA_H

#include "broker/broker.h"
#include "broker/identity.h"
#include "replica/replica.h"
#include "state/machine.h"

struct metadata;

struct metadata_options {
    struct replicas *replicas;
    struct peers *peers;
    struct chunk_pool *pool;
    struct image *image;
    struct leaders *leaders;
    const struct identity *identity;   /* formed; borrowed */
    const char *dir;                   /* data directory */
    struct recovered_group *recovered; /* or NULL: the group is new here */
    bool unclean;                      /* the last run did not close */
};

/* status 0: it takes part, and the image holds what the database held.
 * Otherwise `err` says what to do. */
typedef void (*metadata_open_cb)(void *arg, int status, const struct err *err);
int metadata_open(struct env *e, const struct metadata_options *o,
                  metadata_open_cb cb, void *arg, struct metadata **ret_m);
/* Cancel calls, close replica and machine. */
void metadata_close(struct metadata *m, void (*cb)(void *arg), void *arg);
struct replica *metadata_replica(const struct metadata *m);
/* Applied and in the image. */
uint64_t metadata_applied(const struct metadata *m);
/* Told each time the image has moved on. One listener. */
void metadata_listen(struct metadata *m, void (*cb)(void *arg), void *arg);

enum metadata_call_kind { METADATA_COMMAND = 1, METADATA_BARRIER = 2 };

struct metadata_call;
/* status 0: applied here up to call->index. `result` of a command. */
typedef void (*metadata_call_cb)(struct metadata_call *c, int status,
                                 struct slice result);
struct metadata_call {
    struct queue queue;
    struct metadata *metadata;
    enum metadata_call_kind kind;
    uint64_t id;
    uint64_t walk; /* that has looked at it */
    struct bytes command;
    uint64_t deadline_ms, sent_ms;
    int32_t sent_to; /* node asked, -1 none */
    bool proposed;   /* here, not yet answered */
    bool answered;   /* index and result are known */
    uint64_t index;
    struct bytes result;
    metadata_call_cb cb;
    void *data;
};
/* Start. `command` is copied. Errors: ERR_NOMEM, ERR_FULL (too many calls). */
int metadata_call(struct metadata *m, struct metadata_call *c,
                  enum metadata_call_kind kind, struct slice command,
                  uint32_t timeout_ms, metadata_call_cb cb, void *data);
/* The callback will not run. */
void metadata_call_cancel(struct metadata_call *c);

#endif
