/* trace.h - what the process says of itself: levelled lines and a flight
 * recorder. (Record data is the "log"; diagnostics are "trace", never log.)
 *
 * A line is logfmt: time, level, room, event id, then key=value pairs:
 *
 *   2026-11-21T12:00:00.123Z INFO raft group.leader group=0x1f term=7
 *
 * Every line, also those below the level, goes into a ring in memory (the
 * flight recorder), which env_die() dumps. Lines at or above the level go to
 * the sink, at most TRACE_RATE_MAX per second and call site, which is told by
 * its event id; what was dropped is said once a second, with the next line
 * that comes, as `trace.dropped` (the flight recorder has all of it).
 *
 * Thread: trace_line() from any thread of the node. Lines reach the sink one at
 * a time; a line that the sink itself traces goes into the ring only.
 */
#ifndef TRACE_TRACE_H
#define TRACE_TRACE_H

#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "base/slice.h"

/* Bytes of a line. */
#define TRACE_LINE_MAX 1000
/* Lines per second that one event id may send to the sink. */
#define TRACE_RATE_MAX 100
/* Event ids with a rate of their own; further ones share one. */
#define TRACE_SITES_MAX 512
/* The smallest flight recorder. */
#define TRACE_RING_MIN 4096

enum trace_level {
    TRACE_DEBUG,
    TRACE_INFO,
    TRACE_WARN,
    TRACE_ERROR,
    TRACE_LEVELS
};

struct trace;

/* Milliseconds since 1970, given by env. */
typedef int64_t (*trace_clock)(void *arg);
/* One finished line without its newline. Must not block for long. */
typedef void (*trace_sink)(void *arg, enum trace_level level, const char *line,
                           size_t len);

/* A trace that writes lines of `level` and above to `sink`. Borrows the args
 * for its life. `ring_bytes` is the size of the flight recorder, at least
 * TRACE_RING_MIN. NULL without memory. */
struct trace *trace_new(struct mem *mem, enum trace_level level,
                        size_t ring_bytes, trace_clock clock, void *clock_arg,
                        trace_sink sink, void *sink_arg);
/* Say what was dropped since it was last said, and free. NULL is fine. */
void trace_free(struct trace *t);
/* Change what reaches the sink, from any thread. */
void trace_set_level(struct trace *t, enum trace_level level);
/* Parse "debug", "info", "warn", "error". Errors: ERR_INVALID. */
int trace_level_parse(enum trace_level *ret_level, const char *text);

/* Write a line: `event` is "room.what", stable, documented in ostrakad(8), and
 * its first dot separates the room; `fmt` gives "key=value key=value". Strings
 * from outside and those with spaces are the caller's to quote with TRACE_Q.
 * Control characters become '?'. `t` may be NULL. A line is cut at
 * TRACE_LINE_MAX bytes and then ends with "...". */
void trace_line(struct trace *t, enum trace_level level, const char *event,
                const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* Write the flight recorder, oldest line first, through `sink`. May be called
 * while this thread is inside the sink (env_die). */
void trace_dump(struct trace *t, trace_sink sink, void *arg);

/* Room for a quoted string; longer ones are cut. */
struct trace_quoted {
    char text[132];
};
/* `s` in double quotes, with `"`, `\` and all but printable ASCII as \xHH.
 * Written into and borrowed from `q`. Returns its text. */
const char *trace_quote(struct trace_quoted *q, struct slice s);
/* A quoted C string as an argument of trace_line(); NULL reads "". Lives until
 * the end of the block. */
#define TRACE_Q(s)                                                             \
    trace_quote(&(struct trace_quoted){""},                                    \
                (s) == NULL ? slice_of(NULL, 0) : slice_str(s))

#define trace_debug(t, ...) trace_line((t), TRACE_DEBUG, __VA_ARGS__)
#define trace_info(t, ...)  trace_line((t), TRACE_INFO, __VA_ARGS__)
#define trace_warn(t, ...)  trace_line((t), TRACE_WARN, __VA_ARGS__)
#define trace_error(t, ...) trace_line((t), TRACE_ERROR, __VA_ARGS__)

#endif
