/* sql.h - read-only SQL over views of the cluster, in three steps:
 *
 *   query thread   sql_plan()     which views are read, and of which groups
 *                                 and topics only
 *   loop, state    (the owner)    rows are gathered: sql_export() on shards,
 *   threads                       sql_put_*() for the rest
 *   query thread   sql_run()      rows into tables of a database in memory,
 *                                 then the statement over these
 *
 * The views are documented in doc/SQL.md; `lag` is made of two others. Both
 * steps on the query thread use a database of their own, in memory, which is
 * gone when they return. Nothing that stands on a disk is open there.
 *
 * What a statement cannot do: SQLite's authorizer lets only reads of the views
 * and a list of functions through; the database's heap is bounded, so are
 * lengths, depths and sizes of programs; a deadline and the owner's flag end
 * it; rows and bytes of the answer are counted.
 */
#ifndef STATE_SQL_H
#define STATE_SQL_H

#include "base/buf.h"
#include "base/uuid.h"
#include "env/env.h"
#include "state/machine.h"

/* The views, and two tables that help to fill them. */
enum sql_view {
    SQL_GROUPS,
    SQL_MEMBERS,
    SQL_OFFSETS,
    SQL_HISTORY,
    SQL_TOPICS,
    SQL_PARTITIONS,
    SQL_NODES,
    SQL_CONFIGS,
    SQL_LAG,   /* not filled: made of offsets and partitions */
    SQL_NAMES, /* of topics, by uuid */
    SQL_ENDS,  /* of partitions, by group */
    SQL_TABLES
};
#define SQL_VIEWS     SQL_NAMES
#define SQL_BIT(view) (1u << (view))
/* Those that come from the shards of @groups, and those with topics by uuid. */
#define SQL_OF_SHARDS                                                          \
    (SQL_BIT(SQL_GROUPS) | SQL_BIT(SQL_MEMBERS) | SQL_OF_OFFSETS)
#define SQL_OF_OFFSETS (SQL_BIT(SQL_OFFSETS) | SQL_BIT(SQL_HISTORY))

/* Longest statement; heap of the database that it runs on. */
#define SQL_STATEMENT_MAX 32767
#define SQL_HEAP_MAX      (64u << 20)
/* Longest value, and most columns of an answer. */
#define SQL_VALUE_MAX   (128u << 10)
#define SQL_COLUMNS_MAX 128

struct sql_limits {
    uint64_t deadline_us; /* of env_now_us_exact() */
    /* Ends the statement when it is no longer 0; set by another thread. NULL:
     * nobody will. */
    const int *canceled;
    uint32_t rows_max;
    size_t bytes_max; /* of the answer's rows */
};

/* ---- which rows ----------------------------------------------------------
 */

/* A view may be pinned by equality to a few groups or topics. */
#define SQL_PINS_MAX 8
enum sql_key { SQL_BY_GROUP, SQL_BY_TOPIC, SQL_KEYS };

struct sql_pins {
    bool all; /* the statement may need rows of any */
    unsigned n;
    struct slice values[SQL_PINS_MAX];
};

struct sql_plan {
    struct mem *mem;
    uint32_t views; /* read: SQL_BIT() of each */
    bool explain;   /* of an EXPLAIN, which needs no rows */
    struct sql_pins pins[SQL_VIEWS][SQL_KEYS];
};

/* Look at a statement. Errors: ERR_INVALID (it is wrong, or not a single
 * SELECT; `err` says what), ERR_PERM (it wants what is not allowed),
 * ERR_TIMEOUT, ERR_CANCELED, ERR_TOOBIG (too complex), ERR_NOMEM. */
int sql_plan(struct env *e, struct slice statement, const struct sql_limits *l,
             struct sql_plan *ret_p, struct err *err);
/* Free; all zero is fine. */
void sql_plan_close(struct sql_plan *p);
/* All values by which the views of `mask` that are read are pinned; all of
 * them must be, or the result says `all`. Borrowed from the plan. */
struct sql_pins sql_plan_pins(const struct sql_plan *p, uint32_t mask,
                              enum sql_key key);

/* ---- rows ----------------------------------------------------------------
 *
 * A row is {view u8, its values}; a value is {kind u8, body}: NULL nothing, INT
 * u64, REAL u64 (the bits), TEXT and BLOB u32 length and bytes. So are the rows
 * of an answer, without the view. Big-endian. */
enum sql_kind {
    SQL_NULL = 0,
    SQL_INT = 1,
    SQL_REAL = 2,
    SQL_TEXT = 3,
    SQL_BLOB = 4
};

/* Begin a row. */
void sql_put_view(struct buf *b, enum sql_view view);
/* Its next value: nothing, */
void sql_put_null(struct buf *b);
/* a number, */
void sql_put_int(struct buf *b, int64_t v);
/* a text. */
void sql_put_text(struct buf *b, struct slice s);
/* As text, NULL for "". */
void sql_put_name(struct buf *b, struct slice s);
/* As bytes. */
void sql_put_uuid(struct buf *b, struct uuid u);
/* A list of numbers as JSON text: [1,2]. */
void sql_put_list(struct buf *b, const int32_t v[], unsigned n);

/* The columns of a table as it is filled; not always those that are seen.
 *
 *   NAMES       uuid, name
 *   ENDS        raft group, start, end
 *   TOPICS      name, uuid, partitions, replication factor, internal, created
 *   PARTITIONS  topic, number, leader, epoch, replicas, insync, raft group
 *   NODES       id, host, port, rack, version, up, controller, peer host, peer
 *               port, directory uuid, incarnation
 *   CONFIGS     topic, name, value
 */
unsigned sql_view_width(enum sql_view view);

/* So many rows of a shard are read at once: nothing is applied meanwhile. */
#define SQL_PIECE 500

/* Where the next piece begins: with this row of the view, group and topic, or
 * with their first one. */
struct sql_from {
    unsigned view, group, topic; /* numbers in the lists of what is wanted */
    bool is_row;
    struct buf bytes; /* of the row's key: two names, */
    size_t len[2];
    int64_t n[2]; /* and two numbers */
};

/* What a shard is asked for. */
struct sql_export {
    uint32_t views; /* those of SQL_OF_SHARDS that are wanted */
    bool all_groups, all_topics;
    const struct slice *groups; /* otherwise: of these only */
    unsigned n_groups;
    const struct uuid *topics;
    unsigned n_topics;
    unsigned shard;
    int32_t coordinator; /* the node that leads it */
    uint32_t rows_max;   /* of all views together */
    /* In and out: */
    struct buf *rows;
    uint32_t n_rows;
    struct sql_from from; /* all zero, but for its `bytes`: the beginning */
    bool more;            /* there is more behind this piece */
    int status;           /* 0, ERR_TOOBIG (too many rows), ERR_NOMEM */
};
/* Read the next piece of a shard's database; for machine_read(). What was
 * applied before the first one is seen; what is applied between two of them may
 * be. */
void sql_export(struct machine_db *db, void *arg /* struct sql_export */);

/* ---- the statement -------------------------------------------------------
 */

struct sql_answer {
    unsigned n_columns;
    struct buf names; /* of columns: {u32 length, bytes} each */
    struct buf rows;
    uint32_t n_rows;
};

/* Fill tables with rows, and run. `fills` are runs of whole rows. Errors:
 * those of sql_plan(), ERR_TOOBIG (too many rows or bytes, or more memory than
 * SQL_HEAP_MAX), ERR_PROTOCOL (`fills` are malformed). */
int sql_run(struct env *e, struct slice statement, const struct slice fills[],
            unsigned n_fills, const struct sql_limits *l,
            struct sql_answer *ret_a, struct err *err);
/* Free; all zero is fine. */
void sql_answer_close(struct sql_answer *a);

#endif
