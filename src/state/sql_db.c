/* sql_db.c - a database in memory that strangers' statements run on. */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "state/sql_impl.h"

/* Instructions between two looks at the clock; a single one takes at most some
 * 100 ms, when it calls instr() with the longest values. */
#define PROGRESS_STEPS 16

/* What a statement may do at most, where SQLite has a limit for it. */
static const struct {
    int id, value;
} limits[] = {{SQLITE_LIMIT_LENGTH, SQL_VALUE_MAX},
              {SQLITE_LIMIT_SQL_LENGTH, SQL_STATEMENT_MAX},
              {SQLITE_LIMIT_COLUMN, SQL_COLUMNS_MAX},
              {SQLITE_LIMIT_EXPR_DEPTH, 100},
              {SQLITE_LIMIT_COMPOUND_SELECT, 50},
              {SQLITE_LIMIT_VDBE_OP, 50000},
              {SQLITE_LIMIT_FUNCTION_ARG, 64},
              {SQLITE_LIMIT_ATTACHED, 0},
              {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 256},
              {SQLITE_LIMIT_TRIGGER_DEPTH, 1},
              {SQLITE_LIMIT_WORKER_THREADS, 0}};

/* Functions that depend on their arguments only, or on the time. Not among them
 * are format(), printf(), trim() and its like, and json_patch(): a single call
 * can take seconds or minutes, and nothing ends it. */
static const char *const functions[] = {
    /* core */
    "abs", "char", "coalesce", "glob", "hex", "ifnull", "iif", "instr",
    "length", "like", "likelihood", "likely", "lower", "max", "min", "nullif",
    "octet_length", "quote", "replace", "round", "sign", "sqlite_version",
    "string_agg", "substr", "substring", "typeof", "unhex", "unicode",
    "unlikely", "upper", "random", "randomblob", "zeroblob", "concat",
    "concat_ws",
    /* aggregates and windows */
    "avg", "count", "group_concat", "sum", "total", "cume_dist", "dense_rank",
    "first_value", "lag", "last_value", "lead", "nth_value", "ntile",
    "percent_rank", "rank", "row_number",
    /* dates */
    "current_date", "current_time", "current_timestamp", "date", "datetime",
    "julianday", "strftime", "time", "timediff", "unixepoch",
    /* mathematics */
    "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "ceil",
    "ceiling", "cos", "cosh", "degrees", "exp", "floor", "ln", "log", "log10",
    "log2", "mod", "pi", "pow", "power", "radians", "sin", "sinh", "sqrt",
    "tan", "tanh", "trunc",
    /* JSON */
    "->", "->>", "json", "json_array", "json_array_length", "json_extract",
    "json_group_array", "json_group_object", "json_insert", "json_object",
    "json_quote", "json_remove", "json_replace", "json_set", "json_type",
    "json_valid"};

/* Tables that read nothing but their arguments, or tell what the views are. */
static const char *const tables[] = {"json_each", "json_tree", "sqlite_master",
                                     "sqlite_schema"};

static bool is_in(const char *const list[], unsigned n, const char *name)
{
    for (unsigned i = 0; i < n && name != NULL; i++) {
        if (sqlite3_stricmp(list[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* `column` "": a table of FROM that no column is read of, which may be a name
 * from WITH as well. Then what nobody may read is known by name only. */
static bool may_read(struct sql_db *d, const char *table, const char *column)
{
    for (unsigned i = 0; i < SQL_VIEWS; i++) {
        if (sqlite3_stricmp(sql_tables[i].name, table) == 0) {
            d->views |= SQL_BIT(i);
            return true;
        }
    }
    if (is_in(tables, sizeof tables / sizeof *tables, table)) {
        return true;
    }
    return column[0] == '\0' && sqlite3_strnicmp(table, "sql_", 4) != 0 &&
           sqlite3_strnicmp(table, "sqlite_", 7) != 0 &&
           sqlite3_strnicmp(table, "pragma_", 7) != 0;
}

bool sql_db_over(void *arg)
{
    struct sql_db *d = arg;
    if (d->ended != 0) {
        return true;
    }
    if (d->limits->canceled != NULL &&
        __atomic_load_n(d->limits->canceled, __ATOMIC_RELAXED) != 0) {
        d->ended = ERR_CANCELED;
    } else if (env_now_us_exact(d->env) >= d->limits->deadline_us) {
        d->ended = ERR_TIMEOUT;
    }
    return d->ended != 0;
}

static int authorize(void *arg, int action, const char *a, const char *b,
                     const char *database, const char *inside)
{
    struct sql_db *d = arg;
    bool may;
    (void)database;
    (void)inside;
    if (sql_db_over(d)) {
        return SQLITE_DENY;
    }
    switch (action) {
    case SQLITE_SELECT:
    case SQLITE_RECURSIVE:
        return SQLITE_OK;
    case SQLITE_READ:
        may = a != NULL && b != NULL && may_read(d, a, b);
        break;
    case SQLITE_FUNCTION:
        may = is_in(functions, sizeof functions / sizeof *functions, b);
        break;
    default:
        may = false;
    }
    d->denied |= !may;
    return may ? SQLITE_OK : SQLITE_DENY;
}

static int progress(void *arg)
{
    return sql_db_over(arg);
}

int sql_db_open(struct sql_db *d, struct env *e, const struct sql_limits *l,
                struct err *err)
{
    *d = (struct sql_db){.env = e, .limits = l};
    int rv = vfs_open(e, &d->vfs);
    if (rv != 0) {
        return err_set(err, rv, "%s", err_text(rv));
    }
    sql_heap_begin(&d->heap, SQL_HEAP_MAX);
    int rc = sqlite3_open_v2(":memory:", &d->sql,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
                                 SQLITE_OPEN_MEMORY | SQLITE_OPEN_NOMUTEX,
                             vfs_name(d->vfs));
    if (rc == SQLITE_OK) {
        rc = sqlite3_exec(d->sql, "PRAGMA temp_store=MEMORY", NULL, NULL, NULL);
    }
    if (rc != SQLITE_OK) {
        rv = sql_db_error(d, rc, err);
        sql_db_close(d);
        return rv;
    }
    sqlite3_extended_result_codes(d->sql, 1);
    /* What it keeps for small things would not be counted, nor looked at. */
    sqlite3_db_config(d->sql, SQLITE_DBCONFIG_LOOKASIDE, NULL, 0, 0);
    sqlite3_progress_handler(d->sql, PROGRESS_STEPS, progress, d);
    return 0;
}

void sql_db_close(struct sql_db *d)
{
    sqlite3_stmt *stmt;
    while (d->sql != NULL && (stmt = sqlite3_next_stmt(d->sql, NULL)) != NULL) {
        sqlite3_finalize(stmt);
    }
    int rc = sqlite3_close(d->sql);
    ASSERT(rc == SQLITE_OK);
    d->sql = NULL;
    sql_heap_end();
    vfs_close(d->vfs);
    d->vfs = NULL;
}

void sql_db_restrict(struct sql_db *d)
{
    /* What it keeps of the virtual tables that it brings along. */
    const char *modules[] = {"json_each", "json_tree", "plan", NULL};
    sqlite3_drop_modules(d->sql, modules);
    /* Made at their first use, which the authorizer would not let through. */
    sqlite3_exec(d->sql, "SELECT 1 FROM json_each('[]'),json_tree('[]')", NULL,
                 NULL, NULL);
    sqlite3_db_config(d->sql, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(d->sql, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_exec(d->sql, "PRAGMA query_only=ON", NULL, NULL, NULL);
    for (unsigned i = 0; i < sizeof limits / sizeof *limits; i++) {
        sqlite3_limit(d->sql, limits[i].id, limits[i].value);
    }
    sqlite3_set_authorizer(d->sql, authorize, d);
    sql_heap_watch(&d->heap, sql_db_over, d);
}

int sql_db_error(const struct sql_db *d, int sqlite, struct err *err)
{
    const char *text =
        d->sql == NULL ? sqlite3_errstr(sqlite) : sqlite3_errmsg(d->sql);
    if (d->ended != 0) {
        return err_set(err, d->ended, "%s",
                       d->ended == ERR_TIMEOUT ? "it takes longer than allowed"
                                               : err_text(d->ended));
    }
    switch (sqlite & 0xff) {
    case SQLITE_NOMEM:
        return d->heap.full
                   ? err_set(err, ERR_TOOBIG,
                             "it needs more than %u MiB of memory, or is too "
                             "complex",
                             SQL_HEAP_MAX >> 20)
                   : err_set(err, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
    case SQLITE_TOOBIG:
        return err_set(err, ERR_TOOBIG, "a value of more than %u bytes",
                       SQL_VALUE_MAX);
    case SQLITE_AUTH:
        return err_set(err, ERR_PERM, "%s", text);
    default:
        return err_set(err, d->denied ? ERR_PERM : ERR_INVALID, "%s", text);
    }
}

/* There must be nothing but blanks and comments: SQLite says so by preparing
 * nothing. What ends it meanwhile is not the statement's fault. */
static int check_void(struct sql_db *d, const char *text, size_t len,
                      struct err *err)
{
    sqlite3_stmt *stmt = NULL;
    const char *tail = text;
    while (len > 0) {
        int rc = sqlite3_prepare_v2(d->sql, text, (int)len, &stmt, &tail);
        if (rc != SQLITE_OK || stmt != NULL || tail == text) {
            sqlite3_finalize(stmt);
            return d->ended != 0 || (rc & 0xff) == SQLITE_NOMEM
                       ? sql_db_error(d, rc, err)
                       : err_set(err, ERR_INVALID, "one statement at a time");
        }
        len -= (size_t)(tail - text);
        text = tail;
    }
    return 0;
}

static int check_statement(struct sql_db *d, struct slice statement,
                           const char *tail, sqlite3_stmt *stmt,
                           struct err *err)
{
    size_t done = (size_t)(tail - (const char *)statement.data);
    if (stmt == NULL) {
        return err_set(err, ERR_INVALID, "there is no statement");
    }
    int rv = check_void(d, tail, statement.len - done, err);
    if (rv != 0) {
        return rv;
    }
    if (!sqlite3_stmt_readonly(stmt) || sqlite3_column_count(stmt) == 0) {
        return err_set(err, ERR_PERM, "only SELECT is allowed");
    }
    if (sqlite3_bind_parameter_count(stmt) > 0) {
        return err_set(err, ERR_INVALID, "parameters have no values here");
    }
    return 0;
}

int sql_db_prepare(struct sql_db *d, struct slice statement,
                   sqlite3_stmt **ret_stmt, struct err *err)
{
    const char *text = (const char *)statement.data, *tail;
    sqlite3_stmt *stmt = NULL;
    if (statement.len == 0) {
        return err_set(err, ERR_INVALID, "there is no statement");
    }
    if (statement.len > SQL_STATEMENT_MAX) {
        return err_set(err, ERR_TOOBIG, "a statement of more than %d bytes",
                       SQL_STATEMENT_MAX);
    }
    if (memchr(text, '\0', statement.len) != NULL) {
        return err_set(err, ERR_INVALID, "there is a zero byte in it");
    }
    int rc = sqlite3_prepare_v2(d->sql, text, (int)statement.len, &stmt, &tail);
    int rv = rc != SQLITE_OK ? sql_db_error(d, rc, err)
                             : check_statement(d, statement, tail, stmt, err);
    if (rv != 0) {
        sqlite3_finalize(stmt);
        return rv;
    }
    *ret_stmt = stmt;
    return 0;
}
