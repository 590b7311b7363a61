/* cursor.h - reading bytes from strangers.
 *
 * One cursor, one sanity check: every read is bounded by what is left, lengths
 * are compared by subtraction, and the first failure sticks: later reads
 * return 0 or an empty slice. The reader checks `status` once, at the end.
 */
#ifndef BASE_CURSOR_H
#define BASE_CURSOR_H

#include "base/slice.h"

struct cursor {
    const uint8_t *p;
    const uint8_t *end;
    int status; /* 0, ERR_PROTOCOL, or what the reader set: the first stays */
};

/* Start at the first byte of `s`, which is borrowed for the cursor's life. */
void cursor_init(struct cursor *c, struct slice s);
/* Bytes not yet read. */
static inline size_t cursor_left(const struct cursor *c)
{
    return (size_t)(c->end - c->p);
}
/* Mark as malformed; nothing is left, later reads give nothing. */
void cursor_fail(struct cursor *c);

/* Fixed-size integers, big-endian. */
uint8_t cursor_u8(struct cursor *c);
uint16_t cursor_u16(struct cursor *c);
uint32_t cursor_u32(struct cursor *c);
uint64_t cursor_u64(struct cursor *c);
/* Fixed-size integers, little-endian (our own formats). */
uint16_t cursor_u16le(struct cursor *c);
uint32_t cursor_u32le(struct cursor *c);
uint64_t cursor_u64le(struct cursor *c);
/* Unsigned LEB128 of at most 5 (`32`) or 10 bytes; longer ones and values that
 * do not fit fail. */
uint32_t cursor_uvarint32(struct cursor *c);
uint64_t cursor_uvarint(struct cursor *c);
/* Zig-zag signed. */
int32_t cursor_varint32(struct cursor *c);
int64_t cursor_varint(struct cursor *c);
/* The next `len` bytes, borrowed from what the cursor reads. */
struct slice cursor_take(struct cursor *c, size_t len);
/* Skip `len` bytes. */
void cursor_skip(struct cursor *c, size_t len);

#endif
