/* admin.h - commands for @meta on behalf of one request.
 *
 *   item: encode --> command --> wait (leaders, nodes) --> outcome
 *                      |            |                        ^
 *                      `- error ----'------------------------'
 *
 * At most ADMIN_WINDOW items are under way; after the last outcome `done` ends
 * the request. Everything lies in the request's arena. What was proposed is
 * not taken back when the client goes away.
 */
#ifndef API_ADMIN_H
#define API_ADMIN_H

#include "api/request.h"

#define ADMIN_WINDOW 64
/* What a client may choose as timeout; below a second would only mean to ask
 * for a timeout. */
#define ADMIN_MS_MIN 1000
#define ADMIN_MS_MAX 600000

/* What a successful command waits for before its outcome. */
enum admin_wait {
    ADMIN_WAIT_NOTHING,
    ADMIN_WAIT_NODES,  /* all reachable nodes have applied it */
    ADMIN_WAIT_LEADERS /* also, every partition of its topic has a leader */
};

struct admin;
struct admin_hooks {
    /* Append the command of item i; its status says whether there is one. */
    void (*encode)(struct admin *a, unsigned i, struct uuid command,
                   struct buf *out);
    /* Item i ended. `message` is in the arena, NULL data if there is none;
     * `result` is the command's if error is 0. */
    void (*outcome)(struct admin *a, unsigned i, int16_t error,
                    struct slice message, const struct meta_result *result);
    /* All ended: reply. */
    void (*done)(struct admin *a);
};

struct admin_item {
    struct broker_command command; /* private */
    struct broker_wait wait;       /* private */
    struct meta_result result;     /* private */
    struct admin *admin;           /* private */
    bool skip;                     /* answered at the door: no command */
};

struct admin {
    struct request *request;
    const struct admin_hooks *hooks;
    struct admin_item *items;
    unsigned n, next, under_way;
    uint64_t deadline_ms;
    enum admin_wait wait;
    void *data; /* the owner's */
};

/* One of the different names of a request. */
struct admin_name {
    uint32_t at;      /* where it stands first */
    unsigned repeats; /* how often again */
};
/* The different ones of the request's `n` names, in the order in which they
 * stand there; they lie in its arena. NULL without memory: the request was
 * closed. */
struct admin_name *admin_names(struct request *r, uint32_t n,
                               struct slice (*name)(const struct request *r,
                                                    uint32_t i),
                               unsigned *ret_n);

/* Prepare `n` items; false without memory: the request was closed. */
bool admin_init(struct admin *a, struct request *r, unsigned n,
                const struct admin_hooks *hooks, void *data);
/* Run all that are not skipped. `done` may run before this returns. */
void admin_start(struct admin *a, int32_t timeout_ms, enum admin_wait wait);

#endif
