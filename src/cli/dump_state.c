/* dump_state.c - a state database (@meta): its tables, or the rows of one. */
#include <stdio.h>
#include <string.h>

#include "cli/dump.h"
#include "cli/output.h"
#include "state/dump.h"

#define STATE_LEN_MAX (1u << 30)

struct printing {
    struct output out;
    bool began;
    struct output_column columns[OUTPUT_COLUMNS_MAX];
    char names[OUTPUT_COLUMNS_MAX][64];
};

/* ---- tables -------------------------------------------------------------- */

static void table_row(void *arg, const char *name, const char *sql, int64_t n)
{
    struct printing *p = arg;
    output_text(&p->out, "%s", name);
    output_number(&p->out, n);
    output_text(&p->out, "%s", sql);
}

static int print_tables(struct dump *d, struct state_dump *s, struct err *err)
{
    static const struct output_column columns[] = {
        {"TABLE", "table", OUTPUT_TEXT},
        {"ROWS", "rows", OUTPUT_NUMBER},
        {"SCHEMA", "sql", OUTPUT_TEXT}};
    struct printing p = {.began = true};
    output_init(&p.out, "dump.state", columns, 3);
    int rv = state_dump_tables(s, table_row, &p, err);
    output_head(&p.out, "file", json_string(d->path));
    output_head(&p.out, "wal_frames", json_integer(state_dump_wal_frames(s)));
    output_print(&p.out, command_json(d->call));
    return rv;
}

/* ---- rows of one --------------------------------------------------------- */

/* Columns as the first row has them. Numbers stay text for the table's sake:
 * a column of SQLite's may hold both. */
static void begin(struct printing *p, const struct state_dump_cell cells[],
                  unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        snprintf(p->names[i], sizeof p->names[i], "%s", cells[i].column);
        p->columns[i] = (struct output_column){
            p->names[i], p->names[i],
            cells[i].kind == STATE_INT ? OUTPUT_NUMBER : OUTPUT_TEXT};
    }
    output_init(&p->out, "dump.state.rows", p->columns, n);
    p->began = true;
}

static void put_blob(struct output *o, struct slice s)
{
    char text[2 * 256 + 4];
    size_t n = s.len < 256 ? s.len : 256, at = 0;
    for (size_t i = 0; i < n; i++) {
        at += (size_t)snprintf(text + at, sizeof text - at, "%02x", s.data[i]);
    }
    text[at] = '\0';
    output_text(o, "%s%s", text, n < s.len ? "..." : "");
}

static void put_cell(struct output *o, const struct state_dump_cell *c)
{
    switch (c->kind) {
    case STATE_INT:
        if (o->columns[o->at].kind == OUTPUT_NUMBER) {
            output_number(o, c->i);
        } else {
            output_text(o, "%lld", (long long)c->i);
        }
        break;
    case STATE_TEXT:
        output_slice(o, c->bytes);
        break;
    case STATE_BLOB:
        put_blob(o, c->bytes);
        break;
    default:
        output_null(o);
        break;
    }
}

static void data_row(void *arg, const struct state_dump_cell cells[],
                     unsigned n)
{
    struct printing *p = arg;
    n = n < OUTPUT_COLUMNS_MAX ? n : OUTPUT_COLUMNS_MAX;
    if (!p->began) {
        begin(p, cells, n);
    }
    for (unsigned i = 0; i < n; i++) {
        put_cell(&p->out, &cells[i]);
    }
}

static int print_rows(struct dump *d, struct state_dump *s, const char *table,
                      struct err *err)
{
    static const struct output_column none[] = {{"-", "-", OUTPUT_TEXT}};
    struct printing p = {.began = false};
    int rv = state_dump_rows(s, table, d->limit, data_row, &p, err);
    if (rv != 0 && !p.began) {
        return rv;
    }
    if (!p.began) {
        output_init(&p.out, "dump.state.rows", none, 1);
    }
    output_head(&p.out, "table", json_string(table));
    output_print(&p.out, command_json(d->call));
    return rv;
}

/* ---- the files ----------------------------------------------------------- */

static int print_all(struct dump *d, struct slice db, struct slice wal)
{
    const char *table = command_option(d->call, "table", NULL);
    struct state_dump *s = NULL;
    struct err err = {""};
    int rv = state_dump_open(d->call->mem, db, wal, &s, &err);
    if (rv == 0) {
        rv = table != NULL ? print_rows(d, s, table, &err)
                           : print_tables(d, s, &err);
    }
    state_dump_close(s);
    return rv == 0
               ? EXIT_DONE
               : command_fail(d->call,
                              rv == ERR_NOTFOUND ? EXIT_NOTFOUND : EXIT_FAILED,
                              "%s: %s", d->path, err.text);
}

int dump_state(struct dump *d)
{
    char path[4096];
    char *wal = NULL;
    size_t wal_len = 0;
    if (d->size > STATE_LEN_MAX) {
        return command_fail(d->call, EXIT_FAILED, "%s: too large", d->path);
    }
    struct slice db = dump_read(d, 0, (size_t)d->size);
    if (db.data == NULL) {
        return EXIT_FAILED;
    }
    snprintf(path, sizeof path, "%s-wal", d->path);
    if (env_read_file(d->call->env, path, STATE_LEN_MAX, &wal, &wal_len,
                      NULL) != 0) {
        wal = NULL; /* there need not be one */
        wal_len = 0;
    }
    int code = print_all(d, db, slice_of(wal, wal_len));
    mem_free(env_mem(d->call->env), wal);
    return code;
}
