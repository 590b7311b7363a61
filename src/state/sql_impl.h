/* sql_impl.h - what the files of SQL share. Private to src/state/sql*.c. */
#ifndef STATE_SQL_IMPL_H
#define STATE_SQL_IMPL_H

#include <sqlite3.h>

#include "base/cursor.h"
#include "state/sql.h"
#include "state/sql_heap.h"
#include "state/vfs.h"

/* What is done with a value on its way into a table. */
enum sql_store {
    SQL_AS_IS = 'v',
    SQL_AS_UUID = 'u',      /* bytes become text */
    SQL_AS_ASSIGNMENT = 'a' /* a consumer's assignment becomes JSON */
};

struct sql_table {
    const char *name;
    const char *columns; /* as CREATE TABLE has them */
    const char *key;
    const char *made;   /* CREATE VIEW, of one that is made of others */
    const char *values; /* of INSERT: ?1, ?2, ... */
    const char *stores; /* enum sql_store, one for each value of a row */
};
/* By enum sql_view. */
extern const struct sql_table sql_tables[SQL_TABLES];

/* A database in memory, and why a statement on it ended. Its memory counts
 * against a heap of its own, on this thread, until sql_db_close(). */
struct sql_db {
    struct env *env;
    const struct sql_limits *limits;
    struct vfs *vfs;
    sqlite3 *sql;
    struct sql_heap heap;
    uint32_t views; /* that were read, as the authorizer heard */
    bool denied;
    int ended; /* by sql_db_over(): ERR_TIMEOUT, ERR_CANCELED */
};

/* Open, empty, unrestricted but for its heap. Errors: ERR_NOMEM; closed then.
 */
int sql_db_open(struct sql_db *d, struct env *e, const struct sql_limits *l,
                struct err *err);
/* Whatever state it is in. */
void sql_db_close(struct sql_db *d);
/* From now on: a stranger's statements. */
void sql_db_restrict(struct sql_db *d);
/* Is its time over, or does nobody wait any more? Asked while a statement runs,
 * and, as SQLite does not do so while it prepares one, wherever that allocates,
 * asks for leave or for a plan. `d` is a struct sql_db. */
bool sql_db_over(void *d);
/* What a result code of SQLite means; `err` in words. */
int sql_db_error(const struct sql_db *d, int sqlite, struct err *err);
/* Prepare the one statement in the text. Errors: as sql_plan(). */
int sql_db_prepare(struct sql_db *d, struct slice statement,
                   sqlite3_stmt **ret_stmt, struct err *err);

/* Put the row at the cursor, behind its view, into its table. Malformed: the
 * cursor's status. Otherwise SQLite's code. */
struct sql_loader {
    struct sql_db *db;
    sqlite3_stmt *inserts[SQL_TABLES];
};
/* Make the tables, and statements to fill them. Returns SQLite's code. */
int sql_loader_open(struct sql_loader *l, struct sql_db *d);
void sql_loader_close(struct sql_loader *l);
/* Two rounds over all rows: first those that only help. */
int sql_loader_load(struct sql_loader *l, struct slice rows, bool helping);

/* What a consumer was assigned (ConsumerProtocolAssignment), as JSON:
 * {"topic":[0,1]}, and how many partitions that is. False: it is not one. */
bool sql_assignment(struct slice bytes, struct buf *out, int64_t *ret_n);

#endif
