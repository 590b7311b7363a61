/* verify.c - all rows read again, a few at a time, while the machine goes on.
 *
 * A pass goes through the tables in their order, and through each by key:
 *
 *   tables before | key <= the last one read | not read yet
 *   <--- sum: the hashes of these rows ----->|
 *
 * A write into what was read changes the sum by (new row - old row), as it
 * changes the hash that is kept. At the end both are equal, or a row is not
 * what was put. */
#include "base/assert.h"
#include "state/db_impl.h"

static int compare(const struct db_value *a, const struct db_value *b)
{
    if (a->kind != b->kind) {
        return a->kind < b->kind ? -1 : 1; /* SQLite: integer, text, blob */
    }
    if (a->kind == DB_INT) {
        return a->i < b->i ? -1 : a->i > b->i;
    }
    size_t len = a->s.len < b->s.len ? a->s.len : b->s.len;
    int rv = len == 0 ? 0 : memcmp(a->s.data, b->s.data, len);
    return rv != 0 ? rv : a->s.len < b->s.len ? -1 : a->s.len > b->s.len;
}

/* Has the pass read the place of this key? */
static bool passed(const struct machine_db *db, const struct db_table *t,
                   const struct db_value key[])
{
    const struct db_verify *v = &db->verify;
    unsigned at = 0;
    while (strcmp(db->type->tables[at], t->name) != 0) {
        at++;
    }
    if (at != v->table || v->n_key == 0) {
        return at < v->table;
    }
    for (unsigned i = 0; i < v->n_key; i++) {
        int rv = compare(&key[i], &v->key[i]);
        if (rv != 0) {
            return rv < 0;
        }
    }
    return true;
}

void verify_written(struct machine_db *db, const struct db_table *t,
                    const struct db_value key[], uint64_t delta)
{
    if (db->verify.active && passed(db, t, key)) {
        db->verify.sum += delta;
    }
}

/* Stand behind the row that the statement stands on. */
static void stand_behind(struct machine_db *db, const struct db_table *t,
                         sqlite3_stmt *stmt)
{
    struct db_verify *v = &db->verify;
    size_t at = 0;
    buf_reset(&v->bytes);
    for (unsigned i = 0; i < t->n_key; i++) {
        v->key[i] = hash_column(stmt, (int)i);
        buf_put(&v->bytes, v->key[i].s.data, v->key[i].s.len);
    }
    for (unsigned i = 0; i < t->n_key; i++) {
        v->key[i].s.data = v->bytes.data + at;
        at += v->key[i].s.len;
    }
    v->n_key = t->n_key;
    if (v->bytes.status != 0) {
        db->status = v->bytes.status;
    }
}

/* The rows of a table behind where the pass stands. */
static sqlite3_stmt *rest_of(struct machine_db *db, const struct db_table *t,
                             unsigned rows_max)
{
    const struct db_verify *v = &db->verify;
    struct db_value params[DB_COLUMNS_MAX + 1];
    char names[512] = "", marks[3 * DB_COLUMNS_MAX] = "", sql[1200];
    sqlite3_stmt *info;
    sqlite3_snprintf(sizeof sql, sql, "SELECT * FROM \"%w\" LIMIT 0", t->name);
    info = db_prepare(db, sql);
    if (info == NULL) {
        return NULL;
    }
    for (unsigned i = 0; i < t->n_key; i++) {
        size_t n = strlen(names), m = strlen(marks);
        const char *comma = i > 0 ? "," : "";
        sqlite3_snprintf((int)(sizeof names - n), names + n, "%s\"%w\"", comma,
                         sqlite3_column_name(info, (int)i));
        sqlite3_snprintf((int)(sizeof marks - m), marks + m, "%s?", comma);
        params[i] = v->key[i];
    }
    sqlite3_finalize(info);
    if (v->n_key > 0) {
        sqlite3_snprintf(
            sizeof sql, sql,
            "SELECT * FROM \"%w\" WHERE (%s)>(%s) ORDER BY %s LIMIT ?", t->name,
            names, marks, names);
    } else {
        sqlite3_snprintf(sizeof sql, sql,
                         "SELECT * FROM \"%w\" ORDER BY %s LIMIT ?", t->name,
                         names);
    }
    params[v->n_key] = db_int(rows_max);
    sqlite3_stmt *stmt = db_prepare(db, sql);
    if (stmt != NULL) {
        db_bind(db, stmt, params, v->n_key + 1);
    }
    return stmt;
}

static uint64_t row_bytes(sqlite3_stmt *stmt)
{
    uint64_t sum = 0;
    for (int i = 0; i < sqlite3_column_count(stmt); i++) {
        int type = sqlite3_column_type(stmt, i);
        sum += type == SQLITE_TEXT || type == SQLITE_BLOB
                   ? (uint64_t)sqlite3_column_bytes(stmt, i)
                   : sizeof(int64_t);
    }
    return sum;
}

/* What a slice may still read. */
struct left {
    unsigned rows;
    uint64_t bytes;
};

/* Read on in the table where the pass stands. True: its end. */
static bool read_some(struct machine_db *db, struct left *left)
{
    struct db_verify *v = &db->verify;
    struct db_table *t = db_table_find(db, db->type->tables[v->table]);
    sqlite3_stmt *stmt = t == NULL ? NULL : rest_of(db, t, left->rows);
    bool end = true;
    int rc = SQLITE_DONE;
    if (stmt == NULL) {
        return true; /* after an error */
    }
    while (end && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        uint64_t bytes = row_bytes(stmt);
        v->sum += hash_stmt_row(t->name, stmt);
        end = --left->rows > 0 && bytes < left->bytes;
        left->bytes -= end ? bytes : 0;
        if (!end) {
            stand_behind(db, t, stmt);
        }
    }
    db_note(db, rc);
    db_note(db, sqlite3_finalize(stmt));
    return end;
}

bool db_verify(struct machine_db *db, unsigned rows_max, uint64_t bytes_max,
               uint64_t *ret_hash)
{
    struct db_verify *v = &db->verify;
    struct left left = {rows_max, bytes_max};
    if (!v->active) {
        struct buf bytes = v->bytes;
        *v = (struct db_verify){.active = true, .bytes = bytes};
    }
    while (db->status == 0 && db->type->tables[v->table] != NULL) {
        if (!read_some(db, &left)) {
            return false;
        }
        v->table++;
        v->n_key = 0;
    }
    v->active = false;
    *ret_hash = v->sum;
    return db->status == 0;
}
