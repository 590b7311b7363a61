/* line.h - a line of text as a record: headers, key and value.
 *
 *     [name=value,name=value TAB] [key SEPARATOR] value
 *
 * Which parts a line has is said by the format; with a separator every line
 * must have one, the first counts.
 */
#ifndef CLI_LINE_H
#define CLI_LINE_H

#include "base/err.h"
#include "record/record.h"

#define LINE_SEPARATOR_MAX 64
#define LINE_HEADERS_MAX   64

struct line_format {
    char separator[LINE_SEPARATOR_MAX]; /* between key and value */
    size_t separator_len;               /* 0: no key */
    bool headers;                       /* lines begin with headers */
    bool null_values;                   /* an empty value is null */
};

struct line {
    bool key_null, value_null;
    struct slice key, value; /* borrowed */
    struct record_header headers[LINE_HEADERS_MAX];
    unsigned n_headers;
};

/* Take a line, without its end, apart. Borrows `text`. Errors: ERR_INVALID
 * (no separator, a header without '='), ERR_FULL (too many headers). */
int line_parse(const struct line_format *f, struct slice text,
               struct line *ret_l, struct err *err);

#endif
