/* span.h - which part of a partition to read, as people write it.
 *
 *     FROM              from there to the end
 *     FROM:TO           from there up to, and without, TO
 *     :TO               from the start up to TO
 *
 * FROM and TO are one of
 *
 *     start, beginning  the first record there is
 *     end               behind the last record
 *     N                 offset N
 *     +N                N offsets behind the start
 *     -N                N offsets before the end
 *     @TIME             the first record that is not older than TIME
 *
 * and TIME is one of: milliseconds since 1970 (13 digits), seconds (10
 * digits), YYYY-MM-DD, YYYY-MM-DDTHH:MM:SSZ (both UTC), or a while ago, as in
 * -90s, -1h, -1h30m, -7d. (The grammar is rpk's.)
 */
#ifndef CLI_SPAN_H
#define CLI_SPAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum span_kind {
    SPAN_START, /* n behind the start */
    SPAN_END,   /* n before the end */
    SPAN_OFFSET,
    SPAN_TIME /* n: ms since 1970 */
};

struct span_point {
    enum span_kind kind;
    int64_t n;
};

struct span {
    struct span_point from, to;
    bool bounded; /* a TO was given */
};

/* Read it; `now_ms` is the wall clock. Errors: ERR_INVALID, with what was
 * expected. */
int span_parse(const char *text, int64_t now_ms, struct span *ret_s,
               struct err *err);
/* The offset of a point in a partition of low..high (its first offset, the one
 * behind its last); `at_time` is the offset of a SPAN_TIME point, negative:
 * none is that young. May lie outside of low..high. */
int64_t span_offset(struct span_point p, int64_t low, int64_t high,
                    int64_t at_time);

#endif
