/* slice.h - bytes that somebody else owns. */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A borrowed range of bytes; `data` may be NULL when `len` is 0. */
struct slice {
    const uint8_t *data;
    size_t len;
};

/* A slice of `len` bytes at `data`, borrowed. */
static inline struct slice slice_of(const void *data, size_t len)
{
    return (struct slice){(const uint8_t *)data, len};
}

/* The bytes of a C string without its terminator, borrowed. */
static inline struct slice slice_str(const char *s)
{
    return slice_of(s, strlen(s));
}

/* True if both hold the same bytes. */
static inline bool slice_equal(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* Order by bytes, then by length: <0, 0, >0. */
static inline int slice_compare(struct slice a, struct slice b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int r = n == 0 ? 0 : memcmp(a.data, b.data, n);
    return r != 0 ? r : (a.len > b.len) - (a.len < b.len);
}

#endif
