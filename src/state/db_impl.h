/* db_impl.h - the inside of a connection. Private to src/state/db*.c, hash.c,
 * verify.c. */
#ifndef STATE_DB_IMPL_H
#define STATE_DB_IMPL_H

#include <sqlite3.h>

#include "state/db.h"
#include "state/vfs.h"

#define DB_STATEMENTS_MAX 96
#define DB_TABLES_MAX     16
#define DB_PATH_MAX       4096

/* A table of the machine, and its statements, made when first needed. */
struct db_table {
    const char *name;
    unsigned n_columns, n_key;
    sqlite3_stmt *select, *insert, *update, *remove;
};

/* A pass over all rows, in the order of tables and keys (verify.c). */
struct db_verify {
    bool active;
    unsigned table; /* of type->tables: those before it are read */
    unsigned n_key; /* of the last row read there; 0: none */
    struct db_value key[DB_COLUMNS_MAX];
    struct buf bytes; /* of `key` */
    uint64_t sum;     /* of what is read */
};

struct machine_db {
    struct env *env;
    struct mem *mem;
    const struct machine_type *type;
    struct vfs *vfs;
    sqlite3 *sql;
    struct mem_end end;
    char path[DB_PATH_MAX];
    int status;
    char text[256]; /* of SQLite, for the first error */
    uint64_t hash;
    struct db_verify verify;
    struct db_table tables[DB_TABLES_MAX];
    unsigned n_tables;
    struct {
        const char *sql;
        sqlite3_stmt *stmt;
    } statements[DB_STATEMENTS_MAX];
    unsigned n_statements;
};

/* Note what SQLite said, if it is an error and the first. */
void db_note(struct machine_db *db, int sqlite);
/* Prepare, sticky; NULL on failure. */
sqlite3_stmt *db_prepare(struct machine_db *db, const char *sql);
/* Run one statement without parameters and results that is run often: `sql` is
 * constant text, which is prepared once. */
void db_run(struct machine_db *db, const char *sql);
void db_bind(struct machine_db *db, sqlite3_stmt *stmt,
             const struct db_value v[], unsigned n);
/* The hash of one row: of values, and of the row a statement stands on. */
uint64_t hash_row(const char *table, const struct db_value row[], unsigned n);
uint64_t hash_stmt_row(const char *table, sqlite3_stmt *stmt);
/* A column of the row a statement stands on; bytes are the statement's. */
struct db_value hash_column(sqlite3_stmt *stmt, int i);
/* NULL after an error. */
struct db_table *db_table_find(struct machine_db *db, const char *name);
/* The row with this key was written: its part of the sum of a pass under way
 * grew by `delta`. */
void verify_written(struct machine_db *db, const struct db_table *t,
                    const struct db_value key[], uint64_t delta);

#endif
