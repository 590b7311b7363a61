/* query_impl.h - the inside of SQL statements. Private to
 * src/broker/query*.c. */
#ifndef BROKER_QUERY_IMPL_H
#define BROKER_QUERY_IMPL_H

#include "base/cursor.h"
#include "base/map.h"
#include "broker/broker_impl.h"
#include "broker/query.h"

enum query_state {
    QUERY_WAITING,
    QUERY_PLANNING,
    QUERY_GATHERING,
    QUERY_RUNNING
};

struct queries {
    struct broker *broker;
    struct env *env;
    struct mem *mem;
    struct query *current;
    struct queue waiting;
    unsigned n_waiting;
    struct queue reads;  /* under way here, for this node or others */
    struct queue served; /* questions of other nodes, of which `reads` are */
    unsigned n_reads, n_served;
    uint64_t next_ask;
    struct env_turn turn;
    bool closing, closed;
    void (*close_cb)(void *arg);
    void *close_arg;

    uint64_t n_queries, n_refused, n_rows;
    struct metric_histogram took;
    struct metric metrics[4];
};

/* ---- questions to a node ------------------------------------------------- */

enum query_what { QUERY_SHARDS = 1, QUERY_ENDS = 2 };

/* What one node is asked for. Values are borrowed. */
struct query_want {
    enum query_what what;
    bool stale;
    uint32_t time_ms, rows_max;
    uint16_t shards; /* bit k: @groups/k */
    uint32_t views;
    bool all_groups, all_topics;
    struct slice groups[SQL_PINS_MAX];
    unsigned n_groups;
    struct uuid topics[SQL_PINS_MAX];
    unsigned n_topics;
};
/* Its body in a message. */
void query_want_encode(const struct query_want *w, struct buf *out);
/* Borrows from the cursor's bytes. Malformed: the cursor's status. */
void query_want_decode(struct cursor *c, struct query_want *ret_w);

/* The first byte of a message. */
#define QUERY_MESSAGE_ASK    1
#define QUERY_MESSAGE_ANSWER 2
/* Answer another node's question, whose want is at the cursor. */
void query_serve(struct queries *qs, int32_t node, uint64_t id,
                 struct cursor *c);

/* What came of each shard. */
struct query_part {
    uint8_t shard;
    int status;
    uint64_t term, index;
};

/* A question being answered from what this node has. */
struct query_read;
struct query_rows {
    struct slice bytes; /* as in state/sql.h */
    uint32_t n;
    struct buf *own; /* of a read: holds them, and may be taken; or NULL */
};
/* `status`: ERR_TOOBIG (too many rows or bytes), ERR_NOMEM, ERR_CANCELED; else
 * 0, with a status for each shard. All valid during the call. */
typedef void (*query_read_cb)(void *arg, int status,
                              const struct query_part parts[], unsigned n,
                              struct query_rows rows);
/* Start. Copies `w`. Errors: ERR_NOMEM. */
int query_read_start(struct queries *qs, const struct query_want *w,
                     query_read_cb cb, void *arg, struct query_read **ret_r);
/* The callback will not run. */
void query_read_forget(struct query_read *r);

/* ---- one statement ------------------------------------------------------- */

/* Rows from one node, or the question after them. */
struct query_ask {
    struct queue queue; /* of its query */
    struct query *query;
    uint64_t id;
    int32_t node;
    enum query_what what;
    uint16_t shards;
    uint64_t sent_ms;
    bool done;               /* `rows` are all there */
    struct query_read *read; /* here; NULL: another node */
    struct buf body;         /* as it comes from another node, or as read */
    struct slice rows;       /* in it */
};

struct lacking;
struct query {
    struct queue queue;
    struct queries *all;
    enum query_state state;
    struct env_job job;
    struct env_timer timer;
    char *statement;
    size_t statement_len;
    bool stale;
    uint32_t rows_max;
    uint64_t begun_us, deadline_ms, patient_ms, asked_ms, resend_ms;
    query_cb cb; /* NULL: nobody waits */
    void *arg;
    int canceled; /* read by the query thread */
    struct sql_limits limits;

    struct sql_plan plan;
    struct metadata_call barrier;
    bool barrier_on;
    struct buf meta; /* rows of @meta */
    uint32_t n_rows; /* gathered */
    size_t n_bytes;  /* held: of @meta, and bodies, whole or not */
    struct queue asks;
    uint16_t shards;         /* still to be had */
    bool ends;               /* wanted */
    struct map *told;        /* groups whose ends came */
    struct lacking *lacking; /* while partitions are walked */
    struct query_seen seen[1 + CGROUP_SHARDS];
    unsigned n_seen;

    struct sql_answer answer;
    int status;
    struct err err;
};

/* query_meta.c: the rows that come from @meta's image, and what is asked of
 * other nodes. */
void query_meta_rows(struct query *q);
/* The topics that the views of `mask` are pinned to, by uuid. False: all. */
bool query_meta_topics(const struct query *q, uint32_t mask,
                       struct uuid topics[SQL_PINS_MAX], unsigned *ret_n);
/* Walk the partitions that the statement needs the ends of. */
typedef void (*query_partition_cb)(struct query *q,
                                   const struct image_partition *p);
void query_meta_partitions(struct query *q, query_partition_cb cb);

/* query_gather.c */
void query_gather(struct query *q);
void query_gather_step(struct query *q);
/* No more rows are waited for: what is still asked for is given up, so that
 * nothing changes while the query thread reads the rest. */
void query_gather_stop(struct query *q);
void query_gather_close(struct query *q);
/* A message of another node. */
void query_message(void *arg, int32_t node, struct bytes message);

/* query.c: a read has ended. */
void query_reads_changed(struct queries *qs);
/* query.c: gathering is over. */
void query_gathered(struct query *q, int status);

#endif
