/* sql_plan.c - which rows a statement can need. It is prepared over virtual
 * tables that are never read: SQLite tells each of them by what it will be
 * looked up. */
#include <stdio.h>
#include <string.h>

#include "state/sql_impl.h"

struct planner {
    struct sql_db db;
    struct sql_plan *plan;
    bool nomem;
};

struct plan_table {
    sqlite3_vtab base; /* first */
    struct planner *planner;
    unsigned view;
    int columns[SQL_KEYS]; /* -1: it has no such column */
};

static struct plan_table *table_of(sqlite3_vtab *base)
{
    return (struct plan_table *)(void *)base;
}

/* ---- pins ---------------------------------------------------------------- */

static void pins_all(struct mem *mem, struct sql_pins *p)
{
    for (unsigned i = 0; i < p->n; i++) {
        mem_free(mem, (void *)(uintptr_t)p->values[i].data);
    }
    *p = (struct sql_pins){.all = true};
}

static bool pins_have(const struct sql_pins *p, struct slice value)
{
    for (unsigned i = 0; i < p->n; i++) {
        if (slice_equal(p->values[i], value)) {
            return true;
        }
    }
    return false;
}

static void pins_add(struct planner *pl, struct sql_pins *p, struct slice value)
{
    struct mem *mem = pl->plan->mem;
    if (p->all || pins_have(p, value)) {
        return;
    }
    if (p->n == SQL_PINS_MAX) {
        pins_all(mem, p);
        return;
    }
    char *copy = mem_strndup(mem, (const char *)value.data, value.len);
    if (copy == NULL) {
        pl->nomem = true;
        return;
    }
    p->values[p->n++] = slice_of(copy, value.len);
}

struct sql_pins sql_plan_pins(const struct sql_plan *p, uint32_t mask,
                              enum sql_key key)
{
    struct sql_pins out = {0};
    for (unsigned v = 0; v < SQL_VIEWS; v++) {
        const struct sql_pins *from = &p->pins[v][key];
        if ((p->views & mask & SQL_BIT(v)) == 0) {
            continue;
        }
        for (unsigned i = 0; i < from->n && !out.all; i++) {
            if (pins_have(&out, from->values[i])) {
                continue;
            }
            if (out.n == SQL_PINS_MAX) {
                return (struct sql_pins){.all = true};
            }
            out.values[out.n++] = from->values[i];
        }
        if (from->all || from->n == 0) {
            return (struct sql_pins){.all = true};
        }
    }
    return out;
}

void sql_plan_close(struct sql_plan *p)
{
    for (unsigned v = 0; v < SQL_VIEWS; v++) {
        for (unsigned k = 0; k < SQL_KEYS; k++) {
            pins_all(p->mem, &p->pins[v][k]);
        }
    }
    *p = (struct sql_plan){0};
}

/* ---- the virtual tables -------------------------------------------------- */

/* Which column of the table this is; -1: it has none of that name. */
static int column_at(const char *columns, const char *name)
{
    size_t len = strlen(name);
    for (int at = 0;; at++) {
        if (strncmp(columns, name, len) == 0 && columns[len] == ' ') {
            return at;
        }
        columns = strchr(columns, ',');
        if (columns == NULL) {
            return -1;
        }
        columns++;
    }
}

static int plan_connect(sqlite3 *sql, void *arg, int argc,
                        const char *const *argv, sqlite3_vtab **ret_t,
                        char **err)
{
    struct planner *pl = arg;
    char text[1024];
    unsigned view = 0;
    (void)argc;
    (void)err;
    while (view < SQL_VIEWS && strcmp(sql_tables[view].name, argv[2]) != 0) {
        view++;
    }
    struct plan_table *t = view < SQL_VIEWS ? sqlite3_malloc(sizeof *t) : NULL;
    if (t == NULL) {
        return SQLITE_NOMEM;
    }
    const char *columns = sql_tables[view].columns;
    *t = (struct plan_table){.planner = pl,
                             .view = view,
                             .columns = {column_at(columns, "group_id"),
                                         column_at(columns, "topic")}};
    snprintf(text, sizeof text, "CREATE TABLE x(%s)", columns);
    int rc = sqlite3_declare_vtab(sql, text);
    if (rc != SQLITE_OK) {
        sqlite3_free(t);
        return rc;
    }
    *ret_t = &t->base;
    return SQLITE_OK;
}

static int plan_disconnect(sqlite3_vtab *base)
{
    sqlite3_free(table_of(base));
    return SQLITE_OK;
}

static bool is_equality(sqlite3_index_info *info, int i, int column)
{
    return column >= 0 && info->aConstraint[i].iColumn == column &&
           info->aConstraint[i].op == SQLITE_INDEX_CONSTRAINT_EQ &&
           info->aConstraint[i].usable;
}

/* The text that a column must equal, byte for byte, for a row to count; false:
 * there is no such condition. SQLite offers only conditions under which it may
 * be given fewer rows. */
static bool equality(sqlite3_index_info *info, int column, struct slice *ret)
{
    for (int i = 0; i < info->nConstraint; i++) {
        sqlite3_value *value = NULL;
        if (!is_equality(info, i, column) ||
            sqlite3_stricmp(sqlite3_vtab_collation(info, i), "BINARY") != 0 ||
            sqlite3_vtab_rhs_value(info, i, &value) != SQLITE_OK ||
            sqlite3_value_type(value) != SQLITE_TEXT) {
            continue;
        }
        const void *text = sqlite3_value_text(value);
        *ret = slice_of(text, (size_t)sqlite3_value_bytes(value));
        return text != NULL;
    }
    return false;
}

/* Say that each equality would be used. Then SQLite asks again without those
 * that other tables must be read for first, or that cannot be used at all, as
 * the condition of an outer join on its left side. */
static void use_all(const struct plan_table *t, sqlite3_index_info *info)
{
    int n = 0;
    for (int i = 0; i < info->nConstraint; i++) {
        for (unsigned k = 0; k < SQL_KEYS; k++) {
            if (is_equality(info, i, t->columns[k])) {
                info->aConstraintUsage[i].argvIndex = ++n;
            }
        }
    }
}

/* Asked at least once for each place of FROM where the table stands, and at
 * least once with those conditions alone that need no other table: so a place
 * is pinned if it is each time that it is asked about. */
static int plan_best(sqlite3_vtab *base, sqlite3_index_info *info)
{
    struct plan_table *t = table_of(base);
    struct planner *pl = t->planner;
    bool pinned = false;
    if (sql_db_over(&t->planner->db)) {
        return SQLITE_INTERRUPT;
    }
    use_all(t, info);
    for (unsigned k = 0; k < SQL_KEYS; k++) {
        struct sql_pins *pins = &pl->plan->pins[t->view][k];
        struct slice value;
        if (t->columns[k] >= 0 && equality(info, t->columns[k], &value)) {
            pins_add(pl, pins, value);
            pinned = true;
        } else {
            pins_all(pl->plan->mem, pins);
        }
    }
    info->estimatedCost = pinned ? 10 : 10000;
    info->estimatedRows = pinned ? 10 : 10000;
    return SQLITE_OK;
}

static const sqlite3_module module = {.xCreate = plan_connect,
                                      .xConnect = plan_connect,
                                      .xBestIndex = plan_best,
                                      .xDisconnect = plan_disconnect,
                                      .xDestroy = plan_disconnect};

static int make_tables(struct planner *pl)
{
    sqlite3 *sql = pl->db.sql;
    char text[128];
    int rc = sqlite3_create_module_v2(sql, "plan", &module, pl, NULL);
    for (unsigned v = 0; v < SQL_VIEWS && rc == SQLITE_OK; v++) {
        snprintf(text, sizeof text, "CREATE VIRTUAL TABLE %s USING plan",
                 sql_tables[v].name);
        rc = sqlite3_exec(sql, text, NULL, NULL, NULL);
    }
    return rc;
}

/* Who reads `lag` reads what it is made of, as far as it is pinned. */
static void expand_lag(struct planner *pl)
{
    static const enum sql_view parts[] = {SQL_OFFSETS, SQL_PARTITIONS};
    struct sql_plan *p = pl->plan;
    for (unsigned i = 0; i < 2 && (p->views & SQL_BIT(SQL_LAG)) != 0; i++) {
        bool read = (p->views & SQL_BIT(parts[i])) != 0;
        for (unsigned k = 0; k < SQL_KEYS; k++) {
            const struct sql_pins *from = &p->pins[SQL_LAG][k];
            struct sql_pins *to = &p->pins[parts[i]][k];
            if (from->n == 0 || (read && to->n == 0)) {
                pins_all(p->mem, to);
            }
            for (unsigned v = 0; v < from->n; v++) {
                pins_add(pl, to, from->values[v]);
            }
        }
        p->views |= SQL_BIT(parts[i]);
    }
}

int sql_plan(struct env *e, struct slice statement, const struct sql_limits *l,
             struct sql_plan *ret_p, struct err *err)
{
    struct planner pl = {.plan = ret_p};
    sqlite3_stmt *stmt = NULL;
    *ret_p = (struct sql_plan){.mem = env_mem(e)};
    int rv = sql_db_open(&pl.db, e, l, err);
    if (rv != 0) {
        return rv;
    }
    int rc = make_tables(&pl);
    if (rc != SQLITE_OK) {
        rv = sql_db_error(&pl.db, rc, err);
    } else {
        sql_db_restrict(&pl.db);
        rv = sql_db_prepare(&pl.db, statement, &stmt, err);
    }
    if (rv == 0) {
        ret_p->explain = sqlite3_stmt_isexplain(stmt) != 0;
        ret_p->views = pl.db.views;
        expand_lag(&pl);
    }
    sql_db_close(&pl.db);
    if (rv == 0 && pl.nomem) {
        rv = err_set(err, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
    }
    if (rv != 0) {
        sql_plan_close(ret_p);
    }
    return rv;
}
