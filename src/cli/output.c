#include "cli/output.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "cli/clean.h"

#define TEXT_MAX 1024

void output_init(struct output *o, const char *name,
                 const struct output_column columns[], unsigned n_columns)
{
    ASSERT(n_columns > 0 && n_columns <= OUTPUT_COLUMNS_MAX);
    *o = (struct output){.name = name,
                         .columns = columns,
                         .n_columns = n_columns,
                         .rows = json_array(),
                         .head = json_object()};
    ASSERT(o->rows != NULL && o->head != NULL);
}

static void cell(struct output *o, json_t *value)
{
    ASSERT(value != NULL);
    if (o->at == 0) {
        json_array_append_new(o->rows, json_array());
    }
    json_array_append_new(json_array_get(o->rows, json_array_size(o->rows) - 1),
                          value);
    o->at = (o->at + 1) % o->n_columns;
}

/* Text that need not be UTF-8 as JSON. */
static json_t *string_of(const char *p, size_t len)
{
    json_t *value = json_stringn(p, len);
    char clean[TEXT_MAX];
    if (value != NULL) {
        return value;
    }
    len = len < sizeof clean ? len : sizeof clean;
    for (size_t i = 0; i < len; i++) {
        clean[i] = (unsigned char)p[i] < 0x80 ? p[i] : '?';
    }
    return json_stringn(clean, len);
}

void output_text(struct output *o, const char *fmt, ...)
{
    char text[TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    cell(o, string_of(text, strlen(text)));
}

void output_slice(struct output *o, struct slice s)
{
    cell(o,
         s.data == NULL ? json_null() : string_of((const char *)s.data, s.len));
}

void output_number(struct output *o, int64_t n)
{
    ASSERT(o->columns[o->at].kind == OUTPUT_NUMBER);
    cell(o, json_integer(n));
}

void output_bool(struct output *o, bool b)
{
    ASSERT(o->columns[o->at].kind == OUTPUT_BOOL);
    cell(o, json_boolean(b));
}

void output_null(struct output *o)
{
    cell(o, json_null());
}

void output_list(struct output *o, json_t *list)
{
    cell(o, list);
}

void output_head(struct output *o, const char *key, json_t *value)
{
    json_object_set_new(o->head, key, value);
}

/* ---- for people ---------------------------------------------------------- */

static void render(const json_t *value, char *text, size_t len)
{
    size_t used = 0;
    text[0] = '\0';
    switch (json_typeof(value)) {
    case JSON_STRING:
        snprintf(text, len, "%s", json_string_value(value));
        clean_text(text);
        break;
    case JSON_INTEGER:
        snprintf(text, len, "%lld", (long long)json_integer_value(value));
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        snprintf(text, len, "%s", json_is_true(value) ? "yes" : "no");
        break;
    case JSON_ARRAY:
        for (size_t i = 0; i < json_array_size(value) && used + 1 < len; i++) {
            if (i > 0) {
                text[used++] = ',';
            }
            render(json_array_get(value, i), text + used, len - used);
            used += strlen(text + used);
        }
        break;
    default:
        break;
    }
    if (text[0] == '\0') {
        snprintf(text, len, "-");
    }
}

/* Columns that a terminal needs for the text: its characters. */
static int width_of(const char *text)
{
    int n = 0;
    for (; *text != '\0'; text++) {
        n += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return n;
}

static void pad(int n)
{
    while (n-- > 0) {
        putchar(' ');
    }
}

static void print_cell(const struct output *o, unsigned column, int width,
                       const char *text)
{
    bool right = o->columns[column].kind == OUTPUT_NUMBER;
    bool last = true;
    for (unsigned i = column + 1; i < o->n_columns; i++) {
        last = last && o->columns[i].title == NULL;
    }
    pad(right ? width - width_of(text) : 0);
    fputs(text, stdout);
    if (!last) {
        pad((right ? 0 : width - width_of(text)) + 2);
    }
}

static void print_table(const struct output *o)
{
    int width[OUTPUT_COLUMNS_MAX] = {0};
    char text[TEXT_MAX];
    size_t row, i;
    json_t *cells, *value;
    for (unsigned c = 0; c < o->n_columns; c++) {
        width[c] =
            o->columns[c].title != NULL ? width_of(o->columns[c].title) : 0;
    }
    json_array_foreach(o->rows, row, cells)
    {
        json_array_foreach(cells, i, value)
        {
            render(value, text, sizeof text);
            width[i] = width_of(text) > width[i] ? width_of(text) : width[i];
        }
    }
    for (unsigned c = 0; c < o->n_columns; c++) {
        if (o->columns[c].title != NULL) {
            print_cell(o, c, width[c], o->columns[c].title);
        }
    }
    putchar('\n');
    json_array_foreach(o->rows, row, cells)
    {
        json_array_foreach(cells, i, value)
        {
            if (o->columns[i].title != NULL) {
                render(value, text, sizeof text);
                print_cell(o, (unsigned)i, width[i], text);
            }
        }
        putchar('\n');
    }
}

/* ---- for programs -------------------------------------------------------- */

static json_t *objects_of(const struct output *o)
{
    json_t *data = json_array();
    size_t row, i;
    json_t *cells, *value;
    json_array_foreach(o->rows, row, cells)
    {
        json_t *object = json_object();
        json_array_foreach(cells, i, value)
        {
            if (o->columns[i].key != NULL) {
                json_object_set(object, o->columns[i].key, value);
            }
        }
        json_array_append_new(data, object);
    }
    return data;
}

json_t *output_take(struct output *o)
{
    ASSERT(o->at == 0);
    json_t *data = objects_of(o);
    json_decref(o->rows);
    json_decref(o->head);
    return data;
}

static void print_json(struct output *o)
{
    json_t *all = json_object();
    char schema[96];
    snprintf(schema, sizeof schema, "ostraka.%s/1", o->name);
    json_object_set_new(all, "schema", json_string(schema));
    json_object_update(all, o->head);
    json_object_set_new(all, "data", objects_of(o));
    json_dumpf(all, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(all);
}

void output_print(struct output *o, bool json)
{
    ASSERT(o->at == 0);
    if (json) {
        print_json(o);
    } else {
        print_table(o);
    }
    json_decref(o->rows);
    json_decref(o->head);
}
