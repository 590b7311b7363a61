#include "state/db_impl.h"

#include <stdio.h>

#include "base/assert.h"
#include "env/file.h"

int db_status(const struct machine_db *db)
{
    return db->status;
}

struct mem *db_mem(const struct machine_db *db)
{
    return db->mem;
}

uint64_t db_hash(const struct machine_db *db)
{
    return db->hash;
}

void db_set_hash(struct machine_db *db, uint64_t hash)
{
    db->hash = hash;
}

/* ---- errors -------------------------------------------------------------
 */

static int code_of(const struct machine_db *db, int sqlite)
{
    int io = vfs_failed(db->vfs, NULL);
    if (io != 0) {
        return io;
    }
    switch (sqlite & 0xff) {
    case SQLITE_NOMEM:
        return ERR_NOMEM;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return ERR_CORRUPT;
    case SQLITE_FULL:
        return ERR_NOSPACE;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
        return sqlite == SQLITE_IOERR_NOMEM ? ERR_NOMEM : ERR_IO;
    default:
        return ERR_INTERNAL;
    }
}

void db_note(struct machine_db *db, int sqlite)
{
    if (sqlite == SQLITE_OK || sqlite == SQLITE_ROW || sqlite == SQLITE_DONE ||
        db->status != 0) {
        return;
    }
    db->status = code_of(db, sqlite);
    snprintf(db->text, sizeof db->text, "%s",
             db->sql == NULL ? sqlite3_errstr(sqlite)
                             : sqlite3_errmsg(db->sql));
}

int db_err(const struct machine_db *db, struct err *err)
{
    const char *path;
    if (vfs_failed(db->vfs, &path) != 0) {
        return err_set(err, db->status, "%s: %s", path, err_text(db->status));
    }
    return err_set(err, db->status, "%s: %s (%s)", db->path,
                   err_text(db->status), db->text);
}

/* ---- statements ---------------------------------------------------------
 */

sqlite3_stmt *db_prepare(struct machine_db *db, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    if (db->status == 0) {
        db_note(db, sqlite3_prepare_v3(db->sql, sql, -1,
                                       SQLITE_PREPARE_PERSISTENT, &stmt, NULL));
    }
    return stmt;
}

void db_bind(struct machine_db *db, sqlite3_stmt *stmt,
             const struct db_value v[], unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        /* NULL bytes would become a NULL value. */
        const void *p = v[i].s.data == NULL ? (const void *)"" : v[i].s.data;
        int at = (int)i + 1;
        sqlite3_uint64 len = v[i].s.len;
        db_note(db, v[i].kind == DB_INT ? sqlite3_bind_int64(stmt, at, v[i].i)
                    : v[i].kind == DB_TEXT
                        ? sqlite3_bind_text64(stmt, at, p, len, SQLITE_STATIC,
                                              SQLITE_UTF8)
                        : sqlite3_bind_blob64(stmt, at, p, len, SQLITE_STATIC));
    }
}

/* Also tells what went wrong since the last step: a column for which there was
 * no memory. SQLite has rolled back by then. */
static void stmt_reset(struct machine_db *db, sqlite3_stmt *stmt)
{
    db_note(db, sqlite3_reset(stmt));
    sqlite3_clear_bindings(stmt);
}

/* Run to the end. */
static void stmt_run(struct machine_db *db, sqlite3_stmt *stmt)
{
    int rc = SQLITE_ROW;
    while (db->status == 0 && rc == SQLITE_ROW) {
        rc = sqlite3_step(stmt);
        db_note(db, rc);
    }
    stmt_reset(db, stmt);
}

void db_exec(struct machine_db *db, const char *sql)
{
    if (db->status == 0) {
        db_note(db, sqlite3_exec(db->sql, sql, NULL, NULL, NULL));
    }
}

static sqlite3_stmt *stmt_cached(struct machine_db *db, const char *sql)
{
    for (unsigned i = 0; i < db->n_statements; i++) {
        if (strcmp(db->statements[i].sql, sql) == 0) {
            return db->statements[i].stmt;
        }
    }
    ASSERT(db->n_statements < DB_STATEMENTS_MAX);
    sqlite3_stmt *stmt = db_prepare(db, sql);
    if (stmt != NULL) {
        db->statements[db->n_statements].sql = sql;
        db->statements[db->n_statements].stmt = stmt;
        db->n_statements++;
    }
    return stmt;
}

void db_run(struct machine_db *db, const char *sql)
{
    sqlite3_stmt *stmt = db->status == 0 ? stmt_cached(db, sql) : NULL;
    if (stmt != NULL) {
        stmt_run(db, stmt);
    }
}

/* ---- queries ------------------------------------------------------------
 */

struct db_rows db_query(struct machine_db *db, const char *sql,
                        const struct db_value params[], unsigned n)
{
    struct db_rows r = {db, NULL};
    if (db->status != 0) {
        return r;
    }
    sqlite3_stmt *stmt = stmt_cached(db, sql);
    if (stmt == NULL) {
        return r;
    }
    ASSERT(!sqlite3_stmt_busy(stmt));
    ASSERT(sqlite3_bind_parameter_count(stmt) == (int)n);
    db_bind(db, stmt, params, n);
    r.stmt = stmt;
    return r;
}

bool db_next(struct db_rows *r)
{
    if (r->stmt == NULL) {
        return false;
    }
    if (r->db->status == 0) {
        int rc = sqlite3_step(r->stmt);
        if (rc == SQLITE_ROW) {
            return true;
        }
        db_note(r->db, rc);
    }
    db_end(r);
    return false;
}

int64_t db_row_int(const struct db_rows *r, int column)
{
    return sqlite3_column_int64(r->stmt, column);
}

struct slice db_row_bytes(const struct db_rows *r, int column)
{
    const void *p = sqlite3_column_blob(r->stmt, column);
    return slice_of(p, (size_t)sqlite3_column_bytes(r->stmt, column));
}

void db_end(struct db_rows *r)
{
    if (r->stmt != NULL) {
        stmt_reset(r->db, r->stmt);
        r->stmt = NULL;
    }
}

int64_t db_query_int(struct machine_db *db, const char *sql,
                     const struct db_value params[], unsigned n, int64_t none)
{
    struct db_rows r = db_query(db, sql, params, n);
    int64_t v = db_next(&r) ? db_row_int(&r, 0) : none;
    db_end(&r);
    return v;
}

/* ---- rows ---------------------------------------------------------------
 */

/* Columns, and how many of them are the key. */
static void table_describe(struct machine_db *db, struct db_table *t)
{
    const struct db_value name = db_str(t->name);
    struct db_rows r = db_query(
        db, "SELECT pk FROM pragma_table_info(?) ORDER BY cid", &name, 1);
    while (db_next(&r)) {
        int64_t pk = db_row_int(&r, 0);
        /* The key is the leading columns in their order. */
        ASSERT(pk == 0 || pk == (int64_t)t->n_columns + 1);
        t->n_columns++;
        t->n_key += pk > 0;
    }
    ASSERT(db->status != 0 || (t->n_key > 0 && t->n_columns <= DB_COLUMNS_MAX));
}

static sqlite3_stmt *table_prepare(struct machine_db *db,
                                   const struct db_table *t, const char *head)
{
    char sql[512], column[4 + 64];
    const char *name;
    sqlite3_stmt *info = NULL;
    char ask[128];
    sqlite3_snprintf(sizeof ask, ask, "SELECT * FROM \"%w\" LIMIT 0", t->name);
    info = db_prepare(db, ask);
    if (info == NULL) {
        return NULL;
    }
    int n = snprintf(sql, sizeof sql, "%s FROM \"%s\" WHERE ", head, t->name);
    for (unsigned i = 0; i < t->n_key; i++) {
        name = sqlite3_column_name(info, (int)i);
        snprintf(column, sizeof column, "%s\"%.60s\"=?", i > 0 ? " AND " : "",
                 name == NULL ? "" : name);
        n += snprintf(sql + n, sizeof sql - (size_t)n, "%s", column);
    }
    sqlite3_finalize(info);
    ASSERT((size_t)n < sizeof sql);
    return db_prepare(db, sql);
}

static sqlite3_stmt *table_insert(struct machine_db *db,
                                  const struct db_table *t)
{
    char sql[256];
    int n = snprintf(sql, sizeof sql, "INSERT OR REPLACE INTO \"%s\" VALUES(?",
                     t->name);
    for (unsigned i = 1; i < t->n_columns; i++) {
        n += snprintf(sql + n, sizeof sql - (size_t)n, ",?");
    }
    n += snprintf(sql + n, sizeof sql - (size_t)n, ")");
    ASSERT((size_t)n < sizeof sql);
    return db_prepare(db, sql);
}

/* Columns `from` to `to` as `"name"=?number`, with `between` between them. */
static int columns_list(char *out, size_t max, sqlite3_stmt *info,
                        unsigned from, unsigned to, const char *between)
{
    int n = 0;
    for (unsigned i = from; i < to; i++) {
        const char *name = sqlite3_column_name(info, (int)i);
        n += snprintf(out + n, max - (size_t)n, "%s\"%.60s\"=?%u",
                      i > from ? between : "", name == NULL ? "" : name, i + 1);
        ASSERT((size_t)n < max);
    }
    return n;
}

/* What a row's columns are in place of, of a table that has more than its key.
 * An index on columns that stay is not touched, as it would be by a
 * replacement. */
static sqlite3_stmt *table_update(struct machine_db *db,
                                  const struct db_table *t)
{
    char ask[128], sql[1024];
    sqlite3_snprintf(sizeof ask, ask, "SELECT * FROM \"%w\" LIMIT 0", t->name);
    sqlite3_stmt *info = db_prepare(db, ask);
    if (info == NULL) {
        return NULL;
    }
    int n = snprintf(sql, sizeof sql, "UPDATE \"%s\" SET ", t->name);
    n += columns_list(sql + n, sizeof sql - (size_t)n, info, t->n_key,
                      t->n_columns, ",");
    n += snprintf(sql + n, sizeof sql - (size_t)n, " WHERE ");
    columns_list(sql + n, sizeof sql - (size_t)n, info, 0, t->n_key, " AND ");
    sqlite3_finalize(info);
    return db_prepare(db, sql);
}

static bool table_known(const struct machine_db *db, const char *name)
{
    for (unsigned i = 0; db->type->tables[i] != NULL; i++) {
        if (strcmp(db->type->tables[i], name) == 0) {
            return true;
        }
    }
    return false;
}

struct db_table *db_table_find(struct machine_db *db, const char *name)
{
    for (unsigned i = 0; i < db->n_tables; i++) {
        if (strcmp(db->tables[i].name, name) == 0) {
            return &db->tables[i];
        }
    }
    ASSERT(db->n_tables < DB_TABLES_MAX && table_known(db, name));
    struct db_table *t = &db->tables[db->n_tables];
    *t = (struct db_table){.name = name};
    table_describe(db, t);
    t->select = table_prepare(db, t, "SELECT *");
    db->n_tables++;
    return db->status == 0 ? t : NULL;
}

/* What writes, when it is asked for first: most databases that are opened have
 * tables that nobody writes to. NULL after an error. */
static sqlite3_stmt *table_writer(struct machine_db *db, struct db_table *t,
                                  bool known)
{
    sqlite3_stmt **stmt = known ? &t->update : &t->insert;
    if (*stmt == NULL) {
        *stmt = known ? table_update(db, t) : table_insert(db, t);
    }
    return *stmt;
}

static sqlite3_stmt *table_remover(struct machine_db *db, struct db_table *t)
{
    if (t->remove == NULL) {
        t->remove = table_prepare(db, t, "DELETE");
    }
    return t->remove;
}

/* Take the row with this key out of the hash; false: there is none. */
static bool row_forget(struct machine_db *db, const struct db_table *t,
                       const struct db_value key[], uint64_t *ret_hash)
{
    bool found = false;
    *ret_hash = 0;
    db_bind(db, t->select, key, t->n_key);
    if (db->status == 0) {
        int rc = sqlite3_step(t->select);
        db_note(db, rc);
        found = rc == SQLITE_ROW;
        if (found) {
            *ret_hash = hash_stmt_row(t->name, t->select);
            db->hash -= *ret_hash;
        }
    }
    stmt_reset(db, t->select);
    return found;
}

void db_put(struct machine_db *db, const char *table,
            const struct db_value row[], unsigned n)
{
    struct db_table *t = db->status == 0 ? db_table_find(db, table) : NULL;
    uint64_t old, hash = hash_row(table, row, n);
    if (t == NULL) {
        return;
    }
    ASSERT(n == t->n_columns);
    bool known = row_forget(db, t, row, &old);
    /* A row that is its key is put in its own place. */
    sqlite3_stmt *stmt = table_writer(db, t, known && t->n_key < t->n_columns);
    if (stmt == NULL) {
        return;
    }
    db_bind(db, stmt, row, n);
    stmt_run(db, stmt);
    db->hash += hash;
    verify_written(db, t, row, hash - old);
}

void db_delete(struct machine_db *db, const char *table,
               const struct db_value key[], unsigned n)
{
    struct db_table *t = db->status == 0 ? db_table_find(db, table) : NULL;
    uint64_t old;
    if (t == NULL) {
        return;
    }
    ASSERT(n == t->n_key);
    if (row_forget(db, t, key, &old) && table_remover(db, t) != NULL) {
        db_bind(db, t->remove, key, n);
        stmt_run(db, t->remove);
        verify_written(db, t, key, 0 - old);
    }
}
