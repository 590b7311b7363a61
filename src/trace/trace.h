/* trace.h - what the process says of itself: levelled lines and a flight
 * recorder. (Record data is the "log"; diagnostics are "trace", never log.)
 *
 * A line is logfmt: time, level, room, event id, then key=value pairs:
 *
 *   2026-11-21T12:00:00.123Z INFO raft group.leader group=0x1f term=7
 *
 * Every line, also those below the level, goes into a ring in memory (the
 * flight recorder), which env_die() dumps. Lines at or above the level go to
 * the sink, at most `rate_max` per second and call site; what was dropped is
 * said once a second.
 *
 * Thread: trace_line() from any thread of the node.
 */
#ifndef TRACE_TRACE_H
#define TRACE_TRACE_H

#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

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
 * for its life. `ring_bytes` is the size of the flight recorder. NULL without
 * memory. */
struct trace *trace_new(struct mem *mem, enum trace_level level,
                        size_t ring_bytes, trace_clock clock, void *clock_arg,
                        trace_sink sink, void *sink_arg);
/* NULL is fine. */
void trace_free(struct trace *t);
void trace_set_level(struct trace *t, enum trace_level level);
/* Parse "debug", "info", "warn", "error". Errors: ERR_INVALID. */
int trace_level_parse(enum trace_level *ret_level, const char *text);

/* Write a line: `event` is "room.what", stable, documented in
 * ostrakad(8); `fmt` gives "key=value key=value". Strings with spaces are the
 * caller's to quote with TRACE_Q. `t` may be NULL. Cut at 1,000 bytes. */
void trace_line(struct trace *t, enum trace_level level, const char *event,
                const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* Write the flight recorder, oldest line first, through `sink`. */
void trace_dump(struct trace *t, trace_sink sink, void *arg);

#define trace_debug(t, ...) trace_line((t), TRACE_DEBUG, __VA_ARGS__)
#define trace_info(t, ...) trace_line((t), TRACE_INFO, __VA_ARGS__)
#define trace_warn(t, ...) trace_line((t), TRACE_WARN, __VA_ARGS__)
#define trace_error(t, ...) trace_line((t), TRACE_ERROR, __VA_ARGS__)

#endif
