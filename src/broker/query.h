/* query.h - SQL statements on this node: one at a time, the others wait.
 *
 *   WAITING -> PLANNING -> GATHERING -> RUNNING -> callback
 *   (queue)    (query      (loop:       (query
 *               thread)     @meta, own   thread)
 *                           shards,
 *                           other nodes)
 *
 * Gathering: a barrier of @meta; then the shards of @groups that the statement
 * needs and the ends of partitions, each from its leader after a barrier, this
 * node or another one (PEER_SQL). A leader that does not answer or moved is
 * asked again until the time is over. A stale statement passes no barrier and
 * reads what this node has, if it has it.
 *
 * Limits: QUERIES_WAITING_MAX statements wait, one more is ERR_FULL;
 * sql.time.max for all of it; sql.rows.max rows read, and as many answered;
 * QUERY_BYTES_MAX gathered, QUERY_ANSWER_MAX answered. Other nodes' questions:
 * QUERY_SERVED_MAX at a time. Thread: the loop's.
 */
#ifndef BROKER_QUERY_H
#define BROKER_QUERY_H

#include "broker/broker.h"
#include "state/cgroup.h"
#include "state/sql.h"

#define QUERIES_WAITING_MAX 16
#define QUERY_BYTES_MAX     (32u << 20)
#define QUERY_ANSWER_MAX    (8u << 20)
#define QUERY_SERVED_MAX    8

struct queries;
struct query;

struct query_options {
    struct slice statement; /* copied */
    bool stale;
    uint32_t time_ms;  /* 0, or less than sql.time.max */
    uint32_t rows_max; /* the same with sql.rows.max */
};

/* What a statement saw of one state group. */
#define QUERY_META (-1)
struct query_seen {
    int shard; /* of @groups, or QUERY_META */
    int32_t node;
    uint64_t term, index;
};

struct query_result {
    const struct sql_answer *answer;
    const struct query_seen *seen; /* by shard */
    unsigned n_seen;
};
/* status 0: `r` is valid during the call. Otherwise those of sql_plan() and
 * sql_run(), ERR_TIMEOUT, ERR_TOOBIG, ERR_CANCELED (this node stops), and `err`
 * in words. `q` is gone afterwards. */
typedef void (*query_cb)(void *arg, int status, const struct query_result *r,
                         const struct err *err);
/* Errors: ERR_NOTREADY, ERR_FULL, ERR_TOOBIG (the statement), ERR_NOMEM. */
int query_start(struct broker *b, const struct query_options *o, query_cb cb,
                void *arg, struct query **ret_q);
/* Whoever asked has left: the callback will not run, `q` is gone. */
void query_cancel(struct query *q);

/* Listen to other nodes. Errors: ERR_NOMEM. */
int queries_open(struct broker *b, struct queries **ret_qs);
/* End what is under way; `cb` when nothing runs any more, perhaps at once. NULL
 * is fine. */
void queries_close(struct queries *qs, void (*cb)(void *arg), void *arg);

#endif
