/* sql_fill.c - rows on their way into tables. */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "state/sql_impl.h"

/* Longest JSON that is made of an assignment; a longer one is left out. */
#define ASSIGNMENT_JSON_MAX (SQL_VALUE_MAX / 2)

/* ---- writing ------------------------------------------------------------- */

void sql_put_view(struct buf *b, enum sql_view view)
{
    buf_put_u8(b, (uint8_t)view);
}

void sql_put_null(struct buf *b)
{
    buf_put_u8(b, SQL_NULL);
}

void sql_put_int(struct buf *b, int64_t v)
{
    buf_put_u8(b, SQL_INT);
    buf_put_u64(b, (uint64_t)v);
}

static void put_bytes(struct buf *b, enum sql_kind kind, struct slice s)
{
    buf_put_u8(b, (uint8_t)kind);
    buf_put_u32(b, (uint32_t)s.len);
    buf_put(b, s.data, s.len);
}

void sql_put_text(struct buf *b, struct slice s)
{
    put_bytes(b, SQL_TEXT, s);
}

void sql_put_name(struct buf *b, struct slice s)
{
    if (s.len > 0) {
        sql_put_text(b, s);
    } else {
        sql_put_null(b);
    }
}

void sql_put_uuid(struct buf *b, struct uuid u)
{
    put_bytes(b, SQL_BLOB, slice_of(u.b, sizeof u.b));
}

void sql_put_list(struct buf *b, const int32_t v[], unsigned n)
{
    char text[16 * 12 + 2];
    int len = snprintf(text, sizeof text, "[");
    ASSERT(n <= 16);
    for (unsigned i = 0; i < n; i++) {
        len += snprintf(text + len, sizeof text - (size_t)len, "%s%d",
                        i > 0 ? "," : "", v[i]);
    }
    len += snprintf(text + len, sizeof text - (size_t)len, "]");
    sql_put_text(b, slice_of(text, (size_t)len));
}

unsigned sql_view_width(enum sql_view view)
{
    ASSERT(view < SQL_TABLES);
    return (unsigned)strlen(sql_tables[view].stores);
}

/* ---- assignments --------------------------------------------------------- */

/* As a JSON string; bytes that need no care come as they are. */
static void put_json_text(struct buf *out, struct slice s)
{
    buf_put_u8(out, '"');
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.data[i];
        if (c < 0x20 || c == '"' || c == '\\') {
            buf_printf(out, "\\u%04x", c);
        } else {
            buf_put_u8(out, c);
        }
    }
    buf_put_u8(out, '"');
}

static uint32_t put_partitions(struct cursor *c, struct buf *out)
{
    uint32_t n = cursor_u32(c);
    buf_put_u8(out, '[');
    for (uint32_t i = 0; i < n && c->status == 0 && out->status == 0; i++) {
        buf_printf(out, "%s%d", i > 0 ? "," : "", (int32_t)cursor_u32(c));
    }
    buf_put_u8(out, ']');
    return n;
}

bool sql_assignment(struct slice bytes, struct buf *out, int64_t *ret_n)
{
    struct cursor c;
    cursor_init(&c, bytes);
    cursor_skip(&c, 2); /* later versions only add at the end */
    uint32_t n = cursor_u32(&c);
    int64_t total = 0;
    buf_put_u8(out, '{');
    for (uint32_t i = 0; i < n && c.status == 0 && out->status == 0; i++) {
        buf_printf(out, "%s", i > 0 ? "," : "");
        put_json_text(out, cursor_take(&c, cursor_u16(&c)));
        buf_put_u8(out, ':');
        total += put_partitions(&c, out);
    }
    buf_put_u8(out, '}');
    *ret_n = total;
    return c.status == 0 && out->status == 0;
}

/* ---- loading ------------------------------------------------------------- */

static int make_table(struct sql_db *d, const struct sql_table *t)
{
    char text[1024];
    snprintf(text, sizeof text,
             "CREATE TABLE %s(%s,PRIMARY KEY(%s))WITHOUT ROWID", t->name,
             t->columns, t->key);
    return sqlite3_exec(d->sql, text, NULL, NULL, NULL);
}

int sql_loader_open(struct sql_loader *l, struct sql_db *d)
{
    char text[1024];
    int rc = SQLITE_OK;
    *l = (struct sql_loader){.db = d};
    for (unsigned v = 0; v < SQL_TABLES && rc == SQLITE_OK; v++) {
        const struct sql_table *t = &sql_tables[v];
        rc = t->made == NULL ? make_table(d, t)
                             : sqlite3_exec(d->sql, t->made, NULL, NULL, NULL);
    }
    for (unsigned v = 0; v < SQL_TABLES && rc == SQLITE_OK; v++) {
        const struct sql_table *t = &sql_tables[v];
        snprintf(text, sizeof text, "INSERT OR REPLACE INTO %s VALUES(%s)",
                 t->name, t->made == NULL ? t->values : "");
        rc = t->made != NULL
                 ? SQLITE_OK
                 : sqlite3_prepare_v2(d->sql, text, -1, &l->inserts[v], NULL);
    }
    return rc;
}

void sql_loader_close(struct sql_loader *l)
{
    for (unsigned v = 0; v < SQL_TABLES; v++) {
        sqlite3_finalize(l->inserts[v]);
        l->inserts[v] = NULL;
    }
}

static int bind_uuid(sqlite3_stmt *s, int at, struct slice bytes)
{
    struct uuid u = uuid_zero;
    char text[UUID_TEXT_LEN + 1];
    memcpy(u.b, bytes.data, bytes.len < sizeof u.b ? bytes.len : sizeof u.b);
    return sqlite3_bind_text(s, at, uuid_format(u, text), UUID_TEXT_LEN,
                             SQLITE_TRANSIENT);
}

/* Two values: the JSON, and behind it how many partitions that is. */
static int bind_assignment(const struct sql_loader *l, sqlite3_stmt *s, int at,
                           struct slice bytes)
{
    struct buf json;
    int64_t n = 0;
    int rc = SQLITE_OK;
    buf_init(&json, env_mem(l->db->env), ASSIGNMENT_JSON_MAX);
    if (sql_assignment(bytes, &json, &n)) {
        rc = sqlite3_bind_text(s, at, (const char *)json.data, (int)json.len,
                               SQLITE_TRANSIENT);
        rc = rc == SQLITE_OK ? sqlite3_bind_int64(s, at + 1, n) : rc;
    }
    buf_close(&json);
    return rc;
}

static int bind_bytes(const struct sql_loader *l, sqlite3_stmt *s, int at,
                      char store, enum sql_kind kind, struct slice bytes)
{
    const void *p = bytes.data == NULL ? (const void *)"" : bytes.data;
    switch (store) {
    case SQL_AS_UUID:
        return bind_uuid(s, at, bytes);
    case SQL_AS_ASSIGNMENT:
        return bind_assignment(l, s, at, bytes);
    default:
        return kind == SQL_TEXT
                   ? sqlite3_bind_text64(s, at, p, bytes.len, SQLITE_STATIC,
                                         SQLITE_UTF8)
                   : sqlite3_bind_blob64(s, at, p, bytes.len, SQLITE_STATIC);
    }
}

/* Bind the next value; `s` NULL: only skip it. */
static int load_value(const struct sql_loader *l, sqlite3_stmt *s, int at,
                      char store, struct cursor *c)
{
    uint8_t kind = cursor_u8(c);
    uint64_t v;
    struct slice bytes;
    switch (kind) {
    case SQL_NULL:
        return SQLITE_OK; /* as it is unless bound */
    case SQL_INT:
        v = cursor_u64(c);
        return s == NULL ? SQLITE_OK : sqlite3_bind_int64(s, at, (int64_t)v);
    case SQL_TEXT:
    case SQL_BLOB:
        bytes = cursor_take(c, cursor_u32(c));
        return s == NULL || c->status != 0
                   ? SQLITE_OK
                   : bind_bytes(l, s, at, store, (enum sql_kind)kind, bytes);
    default:
        cursor_fail(c);
        return SQLITE_OK;
    }
}

static int load_row(struct sql_loader *l, struct cursor *c, bool helping)
{
    uint8_t view = cursor_u8(c);
    int rc = SQLITE_OK;
    if (view >= SQL_TABLES || sql_tables[view].made != NULL) {
        cursor_fail(c);
        return rc;
    }
    const char *stores = sql_tables[view].stores;
    sqlite3_stmt *s = (view >= SQL_VIEWS) == helping ? l->inserts[view] : NULL;
    for (int i = 0; stores[i] != '\0' && rc == SQLITE_OK; i++) {
        rc = load_value(l, s, i + 1, stores[i], c);
    }
    if (s != NULL && rc == SQLITE_OK && c->status == 0) {
        rc = sqlite3_step(s);
        rc = rc == SQLITE_DONE ? SQLITE_OK : rc;
    }
    if (s != NULL) {
        sqlite3_reset(s);
        sqlite3_clear_bindings(s);
    }
    return rc;
}

int sql_loader_load(struct sql_loader *l, struct slice rows, bool helping)
{
    struct cursor c;
    int rc = SQLITE_OK;
    cursor_init(&c, rows);
    while (rc == SQLITE_OK && c.status == 0 && cursor_left(&c) > 0) {
        rc = load_row(l, &c, helping);
    }
    return rc != SQLITE_OK ? rc : c.status != 0 ? SQLITE_MISMATCH : SQLITE_OK;
}
