/* sql_run.c - a statement, over rows that were gathered for it. */
#include <string.h>

#include "base/assert.h"
#include "state/sql_impl.h"

void sql_answer_close(struct sql_answer *a)
{
    if (a->names.mem != NULL) {
        buf_close(&a->names);
        buf_close(&a->rows);
    }
    *a = (struct sql_answer){0};
}

/* ---- filling ------------------------------------------------------------- */

static int fill(struct sql_db *d, const struct slice fills[], unsigned n,
                struct err *err)
{
    struct sql_loader l;
    int rc = sqlite3_exec(d->sql, "BEGIN", NULL, NULL, NULL);
    rc = rc == SQLITE_OK ? sql_loader_open(&l, d) : rc;
    if (rc != SQLITE_OK) {
        return sql_db_error(d, rc, err);
    }
    for (unsigned round = 0; round < 2 && rc == SQLITE_OK; round++) {
        for (unsigned i = 0; i < n && rc == SQLITE_OK; i++) {
            rc = sql_loader_load(&l, fills[i], round == 0);
        }
    }
    int rv = 0;
    if (rc == SQLITE_MISMATCH || (rc & 0xff) == SQLITE_CONSTRAINT) {
        rv = err_set(err, ERR_PROTOCOL, "rows from another node: %s",
                     err_text(ERR_PROTOCOL));
    } else if (rc != SQLITE_OK) {
        rv = sql_db_error(d, rc, err);
    }
    sql_loader_close(&l);
    if (rv == 0) {
        rc = sqlite3_exec(d->sql, "COMMIT", NULL, NULL, NULL);
        rv = rc == SQLITE_OK ? 0 : sql_db_error(d, rc, err);
    }
    return rv;
}

/* ---- the answer ---------------------------------------------------------- */

static void put_real(struct buf *b, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    buf_put_u8(b, SQL_REAL);
    buf_put_u64(b, bits);
}

static void put_column(struct buf *b, sqlite3_stmt *s, int i)
{
    switch (sqlite3_column_type(s, i)) {
    case SQLITE_INTEGER:
        sql_put_int(b, sqlite3_column_int64(s, i));
        break;
    case SQLITE_FLOAT:
        put_real(b, sqlite3_column_double(s, i));
        break;
    case SQLITE_NULL:
        sql_put_null(b);
        break;
    default: {
        bool text = sqlite3_column_type(s, i) == SQLITE_TEXT;
        const void *p = sqlite3_column_blob(s, i);
        size_t len = (size_t)sqlite3_column_bytes(s, i);
        buf_put_u8(b, text ? SQL_TEXT : SQL_BLOB);
        buf_put_u32(b, (uint32_t)len);
        buf_put(b, p, len);
    }
    }
}

static int put_row(struct sql_answer *a, const struct sql_limits *l,
                   sqlite3_stmt *s, struct err *err)
{
    if (a->n_rows >= l->rows_max) {
        return err_set(err, ERR_TOOBIG,
                       "more than %u rows (sql.rows.max): add a LIMIT",
                       l->rows_max);
    }
    for (unsigned i = 0; i < a->n_columns; i++) {
        put_column(&a->rows, s, (int)i);
    }
    a->n_rows++;
    return a->rows.status == ERR_TOOBIG
               ? err_set(err, ERR_TOOBIG,
                         "more than %zu bytes of rows: add a LIMIT, or name "
                         "fewer columns",
                         l->bytes_max)
           : a->rows.status != 0
               ? err_set(err, a->rows.status, "%s", err_text(a->rows.status))
               : 0;
}

static void put_names(struct sql_answer *a, sqlite3_stmt *s)
{
    a->n_columns = (unsigned)sqlite3_column_count(s);
    for (unsigned i = 0; i < a->n_columns; i++) {
        const char *name = sqlite3_column_name(s, (int)i);
        struct slice n = slice_str(name == NULL ? "" : name);
        buf_put_u32(&a->names, (uint32_t)n.len);
        buf_put(&a->names, n.data, n.len);
    }
}

static int answer(struct sql_db *d, sqlite3_stmt *s, struct sql_answer *a,
                  struct err *err)
{
    int rc, rv = 0;
    put_names(a, s);
    while (rv == 0 && (rc = sqlite3_step(s)) == SQLITE_ROW) {
        rv = put_row(a, d->limits, s, err);
    }
    if (rv != 0) {
        return rv;
    }
    if (rc != SQLITE_DONE) {
        return sql_db_error(d, rc, err);
    }
    return a->names.status == 0
               ? 0
               : err_set(err, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
}

int sql_run(struct env *e, struct slice statement, const struct slice fills[],
            unsigned n_fills, const struct sql_limits *l,
            struct sql_answer *ret_a, struct err *err)
{
    struct sql_db d;
    sqlite3_stmt *stmt = NULL;
    *ret_a = (struct sql_answer){0};
    buf_init(&ret_a->names, env_mem(e), 0);
    buf_init(&ret_a->rows, env_mem(e), l->bytes_max);
    int rv = sql_db_open(&d, e, l, err);
    if (rv != 0) {
        return rv;
    }
    rv = fill(&d, fills, n_fills, err);
    if (rv == 0) {
        sql_db_restrict(&d);
        rv = sql_db_prepare(&d, statement, &stmt, err);
    }
    if (rv == 0) {
        rv = answer(&d, stmt, ret_a, err);
    }
    sql_db_close(&d);
    if (rv != 0) {
        sql_answer_close(ret_a);
    }
    return rv;
}
