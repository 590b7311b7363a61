/* output.h - what commands print: tables for people, JSON for programs, from
 * one typed table of columns.
 *
 *   output_init -> (output_text | output_number | ...)* cell by cell, row by
 *   row -> output_print
 *
 * Cells come in the order of the columns; rows begin by themselves. For people:
 * upper-case titles, two blanks between, numbers to the right, "-" for null.
 * For programs: {"schema": "ostraka.NAME/1", "data": [{key: value}]}.
 */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum output_kind { OUTPUT_TEXT, OUTPUT_NUMBER, OUTPUT_BOOL };

struct output_column {
    const char *title; /* "LEADER"; NULL: in JSON only */
    const char *key;   /* "leader"; NULL: for people only */
    enum output_kind kind;
};

#define OUTPUT_COLUMNS_MAX 24

struct output {
    const char *name;                    /* of the schema: "topic.list" */
    const struct output_column *columns; /* borrowed */
    unsigned n_columns;
    unsigned at;  /* the next cell's column */
    json_t *rows; /* arrays of cells */
    json_t *head; /* further members of the JSON object */
};

/* An empty table. Dies without memory (jansson's): a tool may. */
void output_init(struct output *o, const char *name,
                 const struct output_column columns[], unsigned n_columns);
/* Add a cell of the column's kind. Copies. */
void output_text(struct output *o, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Add a text cell of bytes that came from outside; invalid UTF-8 becomes '?'.
 */
void output_slice(struct output *o, struct slice s);
/* Add a number. */
void output_number(struct output *o, int64_t n);
/* Add a truth: yes and no for people. */
void output_bool(struct output *o, bool b);
/* Add a cell that does not apply. */
void output_null(struct output *o);
/* Add a list cell, which is text joined by commas for people. Takes `list`. */
void output_list(struct output *o, json_t *list);
/* Add a member beside "data" of the JSON object. Takes `value`. */
void output_head(struct output *o, const char *key, json_t *value);
/* Print it to stdout, as JSON or as a table, and free it. */
void output_print(struct output *o, bool json);
/* The rows as a list of JSON objects, for a member of another table, instead
 * of printing; frees it. The caller's. */
json_t *output_take(struct output *o);

#endif
