/* db.h - one SQLite database as the machines see it: rows are put and deleted
 * by primary key, and read by queries.
 *
 * Every write of a machine goes through db_put() and db_delete(), which keep
 * the state hash: the sum, modulo 2^64, of a hash of each row of the tables
 * that the machine's type names (hash.c). A table's primary key is its leading
 * columns, in their order; columns hold exactly what was put (declare INTEGER,
 * TEXT or BLOB, NOT NULL).
 *
 * Errors are sticky: after the first, writes and queries do nothing, and
 * db_status() holds the code, so that a machine checks once, at the end.
 * ERR_CORRUPT, ERR_NOSPACE, ERR_IO, ERR_NOMEM, ERR_INTERNAL (a wrong
 * statement).
 *
 * Thread: the state thread.
 */
#ifndef STATE_DB_H
#define STATE_DB_H

#include "base/slice.h"
#include "state/machine.h"

#define DB_COLUMNS_MAX 16

enum db_kind { DB_INT = 1, DB_TEXT = 2, DB_BLOB = 3 };

struct db_value {
    enum db_kind kind;
    int64_t i;
    struct slice s;
};

static inline struct db_value db_int(int64_t i)
{
    return (struct db_value){.kind = DB_INT, .i = i};
}

static inline struct db_value db_text(struct slice s)
{
    return (struct db_value){.kind = DB_TEXT, .s = s};
}

static inline struct db_value db_str(const char *s)
{
    return db_text(slice_str(s));
}

static inline struct db_value db_blob(const void *data, size_t len)
{
    return (struct db_value){.kind = DB_BLOB, .s = slice_of(data, len)};
}

/* 0, or what the first failed call of this transaction returned. */
int db_status(const struct machine_db *db);
/* For what a step allocates while it decides. */
struct mem *db_mem(const struct machine_db *db);

/* Run statements without results: CREATE TABLE and the like. */
void db_exec(struct machine_db *db, const char *sql);
/* Insert, or replace the row with the same key. `n` is all columns. */
void db_put(struct machine_db *db, const char *table,
            const struct db_value row[], unsigned n);
/* Delete by the whole key; a row that is not there is fine. */
void db_delete(struct machine_db *db, const char *table,
               const struct db_value key[], unsigned n);

/* A query under way. */
struct db_rows {
    struct machine_db *db;
    void *stmt; /* NULL: failed or ended */
};
/* Start. `sql` is constant text with a ? for each parameter; it is prepared
 * once. One query of the same text at a time (asserted). Parameters are
 * borrowed until the query ends. */
struct db_rows db_query(struct machine_db *db, const char *sql,
                        const struct db_value params[], unsigned n);
/* The next row; false at the end, which also ends the query. */
bool db_next(struct db_rows *r);
/* Columns of the row, from 0; bytes are borrowed until db_next() or
 * db_end(). */
int64_t db_row_int(const struct db_rows *r, int column);
struct slice db_row_bytes(const struct db_rows *r, int column);
/* Stop before the end; ended is fine. */
void db_end(struct db_rows *r);
/* The integer in the first column of the first row, or `none`. */
int64_t db_query_int(struct machine_db *db, const char *sql,
                     const struct db_value params[], unsigned n, int64_t none);

/* ---- for the machine itself ---------------------------------------------- */

enum db_mode {
    DB_LIVE, /* WAL, read and written, made if missing */
    DB_IMAGE /* a finished file, only read */
};

/* Open a connection. `unclean`: see the medium, not the cache, and check it.
 * On ERR_CORRUPT the file stands where it stood. Errors: ERR_CORRUPT, ERR_IO,
 * ERR_NOSPACE, ERR_NOMEM; `err` names the path. */
int db_open(struct env *e, const struct machine_type *type, const char *path,
            enum db_mode mode, bool unclean, struct machine_db **ret_db,
            struct err *err);
/* Close the connection and free; what is not checkpointed stays in the
 * write-ahead log. NULL is fine. */
void db_close(struct machine_db *db);

/* A transaction around the writes of several commands. */
void db_begin(struct machine_db *db);
void db_commit(struct machine_db *db);
/* Copy the write-ahead log into the file, synced, and empty it. */
void db_checkpoint(struct machine_db *db);
/* Bytes written to the write-ahead log through this connection, ever. Any
 * thread, as long as nothing runs on the connection. */
uint64_t db_log_bytes(const struct machine_db *db);
/* It is open, and what that took is over. Remove the rollback journal of its
 * change to write-ahead logging: one that a power cut brings back as it was
 * before its end would undo that change, and all that came later. Make the
 * names durable, also those that were made by a life which ended early. */
void db_settle(struct machine_db *db);
/* Check every page, and every index against its table. Errors: ERR_CORRUPT and
 * others; `err`. */
int db_check(struct machine_db *db, struct err *err);
/* Write a compact copy to `path`, which must not exist. Not synced. */
void db_copy(struct machine_db *db, const char *path);

/* True if the database has no table. */
bool db_empty(struct machine_db *db);
/* What is applied, as a sealed row: ERR_CORRUPT without a whole one. */
struct db_applied {
    uint64_t index, term, hash;
    int64_t version; /* of the schema */
    char type[32];
};
void db_load_applied(struct machine_db *db, struct db_applied *ret_a);
void db_store_applied(struct machine_db *db, const struct db_applied *a);

/* The hash as kept by the writes; set when a database is opened. */
uint64_t db_hash(const struct machine_db *db);
void db_set_hash(struct machine_db *db, uint64_t hash);
/* The hash by reading all rows. */
uint64_t db_scan_hash(struct machine_db *db);
/* The same by and by, between transactions: read the next rows, at most
 * `rows_max` of them and about `bytes_max` bytes, at least one; writes go on in
 * what was read and in what was not. True when a pass over all tables is over;
 * *ret_hash is then that of the rows, as of now. */
bool db_verify(struct machine_db *db, unsigned rows_max, uint64_t bytes_max,
               uint64_t *ret_hash);

/* Say what failed: the file of an I/O error, or SQLite's words. */
int db_err(const struct machine_db *db, struct err *err);

#endif
