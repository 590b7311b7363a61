/* sql_print.c - an answer of SQL for people and for programs. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "cli/clean.h"
#include "cli/sql.h"
#include "state/sql.h"

#define COLUMNS_MAX SQL_COLUMNS_MAX
#define WIDTH_MAX   200 /* of a column for people; longer cells are cut */
#define NUMBER_TEXT 64
#define FORMAT_REAL "%.15g"

struct cell {
    uint8_t kind;
    uint64_t number;
    struct slice bytes;
};

/* The next value; false: malformed. */
static bool cell_next(struct cursor *c, struct cell *ret)
{
    *ret = (struct cell){.kind = cursor_u8(c)};
    switch (ret->kind) {
    case SQL_NULL:
        break;
    case SQL_INT:
    case SQL_REAL:
        ret->number = cursor_u64(c);
        break;
    case SQL_TEXT:
    case SQL_BLOB:
        ret->bytes = cursor_take(c, cursor_u32(c));
        break;
    default:
        cursor_fail(c);
    }
    return c->status == 0;
}

static double real_of(const struct cell *x)
{
    double v;
    memcpy(&v, &x->number, sizeof v);
    return v;
}

/* Is the whole answer there? */
static bool is_whole(const struct ostraka_sql_response *r)
{
    struct cursor c;
    struct cell x;
    cursor_init(&c, r->rows);
    if (r->columns.n == 0 || r->columns.n > COLUMNS_MAX || r->row_count < 0) {
        return false;
    }
    for (int32_t row = 0; row < r->row_count; row++) {
        for (uint32_t i = 0; i < r->columns.n; i++) {
            if (!cell_next(&c, &x)) {
                return false;
            }
        }
    }
    return cursor_left(&c) == 0;
}

/* ---- for people ---------------------------------------------------------- */

/* Print, or only measure (`out` NULL): what is not to be shown becomes '?'.
 * Returns columns of a terminal. */
static int put_clean(FILE *out, struct slice s, int width_max)
{
    int width = 0;
    size_t len;
    for (size_t i = 0; i < s.len && width < width_max; i += len, width++) {
        size_t shown = clean_char(s.data + i, s.len - i);
        len = shown > 0 ? shown : 1;
        if (out != NULL) {
            fwrite(shown > 0 ? (const void *)(s.data + i) : "?", 1, len, out);
        }
    }
    return width;
}

static int put_hex(FILE *out, struct slice s, int width_max)
{
    int width = 3;
    if (out != NULL) {
        fputs("x'", out);
    }
    for (size_t i = 0; i < s.len && width + 2 <= width_max; i++, width += 2) {
        if (out != NULL) {
            fprintf(out, "%02x", s.data[i]);
        }
    }
    if (out != NULL) {
        fputc('\'', out);
    }
    return width;
}

static struct slice number_text(const struct cell *x, char text[NUMBER_TEXT])
{
    int n = x->kind == SQL_INT
                ? snprintf(text, NUMBER_TEXT, "%" PRId64, (int64_t)x->number)
                : snprintf(text, NUMBER_TEXT, FORMAT_REAL, real_of(x));
    return slice_of(text, (size_t)n);
}

static int put_cell(FILE *out, const struct cell *x, int width_max)
{
    char text[NUMBER_TEXT];
    switch (x->kind) {
    case SQL_NULL:
        return put_clean(out, slice_str("-"), width_max);
    case SQL_TEXT:
        return put_clean(out, x->bytes, width_max);
    case SQL_BLOB:
        return put_hex(out, x->bytes, width_max);
    default:
        return put_clean(out, number_text(x, text), width_max);
    }
}

static void pad(int n)
{
    while (n-- > 0) {
        putchar(' ');
    }
}

struct table {
    int width[COLUMNS_MAX];
    bool text[COLUMNS_MAX]; /* holds what is no number: to the left */
};

static void measure(const struct ostraka_sql_response *r, struct table *t)
{
    struct cursor c;
    struct cell x;
    for (uint32_t i = 0; i < r->columns.n; i++) {
        t->width[i] = put_clean(NULL, r->columns.ptr[i], WIDTH_MAX);
        t->text[i] = r->row_count == 0;
    }
    cursor_init(&c, r->rows);
    for (int32_t row = 0; row < r->row_count; row++) {
        for (uint32_t i = 0; i < r->columns.n && cell_next(&c, &x); i++) {
            int width = put_cell(NULL, &x, WIDTH_MAX);
            t->width[i] = width > t->width[i] ? width : t->width[i];
            t->text[i] |= x.kind == SQL_TEXT || x.kind == SQL_BLOB;
        }
    }
}

static void put_column(const struct table *t, uint32_t i, bool last,
                       const struct cell *x)
{
    int gap = t->width[i] - put_cell(NULL, x, WIDTH_MAX);
    pad(t->text[i] ? 0 : gap);
    put_cell(stdout, x, WIDTH_MAX);
    if (!last) {
        pad((t->text[i] ? gap : 0) + 2);
    }
}

static void print_table(const struct ostraka_sql_response *r)
{
    struct table t = {{0}};
    struct cursor c;
    struct cell x;
    char title[256];
    measure(r, &t);
    for (uint32_t i = 0; i < r->columns.n; i++) {
        struct slice s = r->columns.ptr[i];
        size_t len = s.len < sizeof title ? s.len : sizeof title;
        for (size_t k = 0; k < len; k++) {
            title[k] = s.data[k] >= 'a' && s.data[k] <= 'z'
                           ? (char)(s.data[k] - 'a' + 'A')
                           : (char)s.data[k];
        }
        x = (struct cell){.kind = SQL_TEXT, .bytes = slice_of(title, len)};
        put_column(&t, i, i + 1 == r->columns.n, &x);
    }
    putchar('\n');
    cursor_init(&c, r->rows);
    for (int32_t row = 0; row < r->row_count; row++) {
        for (uint32_t i = 0; i < r->columns.n && cell_next(&c, &x); i++) {
            put_column(&t, i, i + 1 == r->columns.n, &x);
        }
        putchar('\n');
    }
}

void sql_print_seen(const struct ostraka_sql_response *r)
{
    fflush(stdout);
    fprintf(stderr, "-- node %d: %d row%s, %.1f ms", r->node_id, r->row_count,
            r->row_count == 1 ? "" : "s", (double)r->took_us / 1000);
    for (uint32_t i = 0; i < r->seen.n; i++) {
        const struct ostraka_sql_response_seen *s = &r->seen.ptr[i];
        fprintf(stderr, "%s %.*s n%d", i == 0 ? "; saw" : ",",
                (int)s->shard.len, (const char *)s->shard.data, s->node_id);
        fprintf(stderr, " %" PRId64 "/%" PRId64, s->term, s->index);
    }
    fprintf(stderr, "\n");
}

/* ---- for programs -------------------------------------------------------- */

/* RFC 4180, with plain line ends. */
static void put_csv(struct slice s)
{
    bool quote = false;
    for (size_t i = 0; i < s.len; i++) {
        quote |= s.data[i] == '"' || s.data[i] == ',' || s.data[i] == '\n' ||
                 s.data[i] == '\r';
    }
    if (!quote) {
        fwrite(s.data, 1, s.len, stdout);
        return;
    }
    putchar('"');
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] == '"') {
            putchar('"');
        }
        putchar(s.data[i]);
    }
    putchar('"');
}

static void put_csv_cell(const struct cell *x)
{
    char text[NUMBER_TEXT];
    switch (x->kind) {
    case SQL_NULL:
        break;
    case SQL_TEXT:
        if (x->bytes.len == 0) {
            fputs("\"\"", stdout); /* nothing at all is null */
        }
        put_csv(x->bytes);
        break;
    case SQL_BLOB:
        put_hex(stdout, x->bytes, INT32_MAX);
        break;
    default:
        put_csv(number_text(x, text));
    }
}

static void print_csv(const struct ostraka_sql_response *r)
{
    struct cursor c;
    struct cell x;
    for (uint32_t i = 0; i < r->columns.n; i++) {
        fputs(i > 0 ? "," : "", stdout);
        put_csv(r->columns.ptr[i]);
    }
    putchar('\n');
    cursor_init(&c, r->rows);
    for (int32_t row = 0; row < r->row_count; row++) {
        for (uint32_t i = 0; i < r->columns.n && cell_next(&c, &x); i++) {
            fputs(i > 0 ? "," : "", stdout);
            put_csv_cell(&x);
        }
        putchar('\n');
    }
}

static json_t *text_of(struct slice s)
{
    json_t *j = json_stringn((const char *)s.data, s.len);
    char clean[1024];
    size_t len = s.len < sizeof clean ? s.len : sizeof clean;
    if (j != NULL) {
        return j;
    }
    for (size_t i = 0; i < len; i++) {
        clean[i] = s.data[i] < 0x80 ? (char)s.data[i] : '?';
    }
    return json_stringn(clean, len);
}

static json_t *hex_of(struct slice s)
{
    static const char digits[] = "0123456789abcdef";
    json_t *j;
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);
    for (size_t i = 0; f != NULL && i < s.len; i++) {
        fputc(digits[s.data[i] >> 4], f);
        fputc(digits[s.data[i] & 15], f);
    }
    if (f == NULL || fclose(f) != 0) {
        return json_null();
    }
    j = json_stringn(text, len);
    free(text);
    return j;
}

static json_t *json_of(const struct cell *x)
{
    switch (x->kind) {
    case SQL_INT:
        return json_integer((json_int_t)(int64_t)x->number);
    case SQL_REAL: {
        json_t *j = json_real(real_of(x)); /* NULL: infinite */
        return j != NULL ? j : json_null();
    }
    case SQL_TEXT:
        return text_of(x->bytes);
    case SQL_BLOB:
        return hex_of(x->bytes);
    default:
        return json_null();
    }
}

static json_t *rows_of(const struct ostraka_sql_response *r)
{
    json_t *rows = json_array();
    struct cursor c;
    struct cell x;
    cursor_init(&c, r->rows);
    for (int32_t row = 0; row < r->row_count; row++) {
        json_t *object = json_object();
        for (uint32_t i = 0; i < r->columns.n && cell_next(&c, &x); i++) {
            json_t *name = text_of(r->columns.ptr[i]);
            json_object_set_new(object, json_string_value(name), json_of(&x));
            json_decref(name);
        }
        json_array_append_new(rows, object);
    }
    return rows;
}

static void print_json(const struct ostraka_sql_response *r)
{
    json_t *all = json_object(), *seen = json_array(), *columns = json_array();
    for (uint32_t i = 0; i < r->columns.n; i++) {
        json_array_append_new(columns, text_of(r->columns.ptr[i]));
    }
    for (uint32_t i = 0; i < r->seen.n; i++) {
        const struct ostraka_sql_response_seen *s = &r->seen.ptr[i];
        json_t *one = json_object();
        json_object_set_new(one, "shard", text_of(s->shard));
        json_object_set_new(one, "node", json_integer(s->node_id));
        json_object_set_new(one, "term", json_integer(s->term));
        json_object_set_new(one, "index", json_integer(s->index));
        json_array_append_new(seen, one);
    }
    json_object_set_new(all, "schema", json_string("ostraka.sql/1"));
    json_object_set_new(all, "node", json_integer(r->node_id));
    json_object_set_new(all, "took_us", json_integer(r->took_us));
    json_object_set_new(all, "seen", seen);
    json_object_set_new(all, "columns", columns);
    json_object_set_new(all, "data", rows_of(r));
    json_dumpf(all, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(all);
}

bool sql_print(const struct ostraka_sql_response *r, enum sql_mode mode)
{
    if (!is_whole(r)) {
        return false;
    }
    if (mode == SQL_MODE_JSON) {
        print_json(r);
    } else if (mode == SQL_MODE_CSV) {
        print_csv(r);
    } else {
        print_table(r);
    }
    return true;
}
