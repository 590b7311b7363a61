/* err.h - the one error space of the project.
 *
 * A function that can fail returns int: 0, or one of the negative codes
 * below. Codes of foreign libraries (errno, UV_, RAFT_, SQLITE_) are
 * translated in the room that owns the library; ours become Kafka codes once,
 * in api/error.c. Where a person will read the outcome (open, load, recover,
 * parse), the function also takes a `struct err *` and fills in one line,
 * which callers wrap upwards with where they were:
 *
 *   partition orders-3: segment 00000000000000000417: index: bad checksum
 *
 * Thread: any. Limits: a message holds ERR_TEXT_MAX bytes and is cut there.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdarg.h>

/* X(name, code, text) */
#define ERR_LIST(X)                                                            \
    X(NOMEM, -1, "out of memory")                                              \
    X(IO, -2, "input/output error")                                            \
    X(NOSPACE, -3, "no space left")                                            \
    X(CORRUPT, -4, "damaged data")                                             \
    X(PROTOCOL, -5, "malformed message")                                       \
    X(VERSION, -6, "unsupported version")                                      \
    X(INVALID, -7, "invalid argument")                                         \
    X(NOTFOUND, -8, "not found")                                               \
    X(EXISTS, -9, "already exists")                                            \
    X(FULL, -10, "limit reached")                                              \
    X(CANCELED, -11, "canceled")                                               \
    X(TIMEOUT, -12, "timed out")                                               \
    X(NOTLEADER, -13, "not the leader")                                        \
    X(NOTREADY, -14, "not ready")                                              \
    X(BUSY, -15, "busy")                                                       \
    X(CLOSED, -16, "closed")                                                   \
    X(REFUSED, -17, "refused")                                                 \
    X(RANGE, -18, "out of range")                                              \
    X(TOOBIG, -19, "too large")                                                \
    X(PERM, -20, "not permitted")                                              \
    X(UNSUPPORTED, -21, "not supported")                                       \
    X(EPOCH, -22, "stale epoch")                                               \
    X(SEQUENCE, -23, "out of sequence")                                        \
    X(DUPLICATE, -24, "duplicate")                                             \
    X(TORN, -25, "torn tail")                                                  \
    X(EOF, -26, "end of file")                                                 \
    X(INTERNAL, -27, "internal error")                                         \
    X(IDENTITY, -28, "another cluster's or node's")

enum err_code {
#define ERR_ENUM(name, code, text) ERR_##name = (code),
    ERR_LIST(ERR_ENUM)
#undef ERR_ENUM
};

/* Bytes of an error message, terminator included. */
#define ERR_TEXT_MAX 512

/* One line for a person; empty until somebody failed. */
struct err {
    char text[ERR_TEXT_MAX];
};

/* The text of a code ("damaged data"), "success" for 0, "unknown error" for a
 * number that is not ours. Never NULL. */
const char *err_text(int code);

/* The name of a code ("ERR_CORRUPT"), for traces. Never NULL. */
const char *err_name(int code);

/* Set the message, replacing what was there. `e` may be NULL. Returns `code`,
 * so that `return err_set(e, ERR_IO, "...")` reads well. */
int err_set(struct err *e, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Put "<fmt>: " in front of the message that is there. `e` may be NULL. */
void err_wrap(struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
