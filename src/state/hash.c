/* hash.c - the state hash: the sum of the hashes of all rows.
 *
 * A row hashes as {XXH64(table), then per column XXH64(kind, value)}, mixed in
 * order. A sum does not depend on the order of rows, so one write changes it
 * by (new row - old row). */
#include "base/hash.h"
#include "state/db_impl.h"

static uint64_t hash_value(const struct db_value *v)
{
    uint64_t part[2] = {(uint64_t)v->kind,
                        v->kind == DB_INT ? (uint64_t)v->i
                                          : hash_bytes(v->s.data, v->s.len)};
    return hash_u64s(part, 2);
}

uint64_t hash_row(const char *table, const struct db_value row[], unsigned n)
{
    uint64_t parts[1 + DB_COLUMNS_MAX];
    parts[0] = hash_bytes(table, strlen(table));
    for (unsigned i = 0; i < n; i++) {
        parts[1 + i] = hash_value(&row[i]);
    }
    return hash_u64s(parts, 1 + n);
}

struct db_value hash_column(sqlite3_stmt *stmt, int i)
{
    switch (sqlite3_column_type(stmt, i)) {
    case SQLITE_INTEGER:
        return db_int(sqlite3_column_int64(stmt, i));
    case SQLITE_TEXT: { /* as bytes: a terminator would want memory */
        const void *p = sqlite3_column_blob(stmt, i);
        return db_text(slice_of(p, (size_t)sqlite3_column_bytes(stmt, i)));
    }
    case SQLITE_BLOB: {
        const void *p = sqlite3_column_blob(stmt, i);
        return db_blob(p, (size_t)sqlite3_column_bytes(stmt, i));
    }
    default:
        return (struct db_value){0}; /* nobody puts such a value */
    }
}

uint64_t hash_stmt_row(const char *table, sqlite3_stmt *stmt)
{
    struct db_value row[DB_COLUMNS_MAX];
    int n = sqlite3_column_count(stmt);
    n = n > DB_COLUMNS_MAX ? DB_COLUMNS_MAX : n;
    for (int i = 0; i < n; i++) {
        row[i] = hash_column(stmt, i);
    }
    return hash_row(table, row, (unsigned)n);
}

static uint64_t table_hash(struct machine_db *db, const char *table)
{
    uint64_t sum = 0;
    int rc;
    char sql[128];
    sqlite3_snprintf(sizeof sql, sql, "SELECT * FROM \"%w\"", table);
    sqlite3_stmt *stmt = db_prepare(db, sql);
    if (stmt == NULL) {
        return 0;
    }
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        sum += hash_stmt_row(table, stmt);
    }
    db_note(db, rc);
    sqlite3_finalize(stmt);
    return sum;
}

uint64_t db_scan_hash(struct machine_db *db)
{
    uint64_t sum = 0;
    for (unsigned i = 0; db->type->tables[i] != NULL; i++) {
        sum += table_hash(db, db->type->tables[i]);
    }
    return sum;
}
