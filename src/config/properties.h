/* properties.h - the syntax of Java's .properties files, in UTF-8.
 *
 * A line is key, separator ('=', ':' or blanks), value. '#' or '!' begins a
 * comment line; a backslash at the end continues a line and drops the blanks
 * that the next one begins with; \t \n \r \f \\ \uXXXX and backslash before
 * any other character are escapes. Unlike Java, malformed text is an error.
 */
#ifndef CONFIG_PROPERTIES_H
#define CONFIG_PROPERTIES_H

#include "base/buf.h"
#include "base/err.h"

/* Where a reader stands in a text. */
struct properties {
    const char *text;
    size_t len;
    size_t pos;
    unsigned line; /* of pos, from 1 */
};

/* Begin at the start of `text`, which is borrowed while reading. */
void properties_init(struct properties *p, const char *text, size_t len);

/* The next pair: 1 and key, value and the line it begins on; 0 at the end.
 * `key` and `value` are replaced, terminated (the terminator not counted) and
 * limited by their len_max; blanks at the end of the value are cut.
 *
 * Errors: ERR_INVALID (bad escape, NUL, not UTF-8, empty key, too long), with
 * `err` and *ret_line; ERR_NOMEM. */
int properties_next(struct properties *p, struct buf *key, struct buf *value,
                    unsigned *ret_line, struct err *err);

/* True if `text` may be a value: it is UTF-8. */
bool properties_valid(const char *text);
/* Append such a text so that it reads back as a value. */
void properties_escape(const char *text, struct buf *out);

#endif
