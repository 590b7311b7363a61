/* show.h - printing records: by a format, or as lines of JSON.
 *
 * Verbs of a format: %k key, %v or %s value, %h headers as name=value,..., %t
 * topic, %p partition, %o offset, %T timestamp in ms, %d timestamp as a date
 * (UTC), %e leader epoch, %K and %S lengths of key and value (-1: null), %% a
 * percent sign; escapes as in escape.h. Null is printed as nothing.
 *
 * JSON: {"topic", "partition", "offset", "timestamp", "epoch", "key", "value",
 * "headers": [{"key", "value"}]}; bytes that are not UTF-8 come in base64, as
 * "key_b64" and "value_b64". A member that does not apply is null.
 */
#ifndef CLI_SHOW_H
#define CLI_SHOW_H

#include <stdio.h>

#include "base/err.h"
#include "record/record.h"

/* One record, with its headers decoded. */
struct shown {
    const char *topic;
    int32_t partition;
    int32_t epoch; /* -1: not known */
    int64_t offset;
    int64_t timestamp; /* ms; -1: none */
    bool key_null, value_null;
    struct slice key, value;
    const struct record_header *headers;
    size_t n_headers;
};

/* Check a format. Errors: ERR_INVALID (a verb or an escape that is none). */
int show_check(const char *format, struct err *err);
/* Print a record by a format that was checked. */
void show_text(FILE *f, const char *format, const struct shown *r);
/* Print a record as one line of JSON. */
void show_json(FILE *f, const struct shown *r);

#endif
