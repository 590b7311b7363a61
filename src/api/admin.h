/* admin.h - commands for @meta on behalf of one request.
 *
 *   barrier --> judge, then for each item that is not skipped:
 *
 *   item: encode --> command --> wait (leaders, nodes) --> outcome
 *                      |            |                        ^
 *                      `- error ----'------------------------'
 *
 * The barrier: this node may lag behind @meta, and what it has not seen yet (a
 * topic that was deleted, settings that were altered) must not decide what a
 * client is told. After it the image holds all that was committed before the
 * request came.
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
/* What a read waits for @meta's leader. */
#define ADMIN_READ_MS 5000

/* What a successful command waits for before its outcome. */
enum admin_wait {
    ADMIN_WAIT_NOTHING,
    ADMIN_WAIT_NODES,  /* all reachable nodes have applied it */
    ADMIN_WAIT_LEADERS /* also, every partition of its topic has a leader */
};

/* What has to be asked of @meta before a request may be answered from the
 * image. */
struct admin_confirm;
/* error 0: the image holds all that was committed before admin_confirm(), or
 * the node does not serve, which find.h answers. Otherwise a retriable error
 * of Kafka's. */
typedef void (*admin_confirm_cb)(struct request *r, int16_t error, void *data);
struct admin_confirm {
    struct broker_wait wait; /* private */
    struct request *request; /* private */
    admin_confirm_cb cb;     /* private */
    void *data;              /* private */
};
/* Confirm; `cb` may run before this returns, and once. */
void admin_confirm(struct admin_confirm *c, struct request *r,
                   uint32_t timeout_ms, admin_confirm_cb cb, void *data);
/* The same for a read, whose clients do not say how long they wait. Without
 * memory the request is closed. */
void admin_confirm_read(struct request *r,
                        void (*go)(struct request *r, int16_t error));

struct admin;
struct admin_hooks {
    /* The image is up to date: decide which items are answered at the door,
     * and mark them `skip`. False: the request was closed. NULL: @meta decides
     * everything. */
    bool (*judge)(struct admin *a);
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
    struct admin_confirm confirm;
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
/* Confirm and judge, then run all that are not skipped. `done` may run before
 * this returns. */
void admin_start(struct admin *a, int32_t timeout_ms, enum admin_wait wait);

#endif
