/* buf.h - bytes that grow, and big-endian writing into them.
 *
 * Life: buf_init, puts, read `data`/`len`, buf_close. Errors are sticky: after
 * a failed allocation or an exceeded limit every put is ignored and `status`
 * holds the code, so that a writer checks once, at the end.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/mem.h"
#include "base/slice.h"

struct buf {
    struct mem *mem;
    uint8_t *data;
    size_t len;
    size_t cap;
    size_t len_max; /* refuse to grow beyond; 0: no limit */
    int status;     /* 0, ERR_NOMEM or ERR_TOOBIG */
};

/* Empty; allocates nothing yet. Borrows `mem` until buf_close(). */
void buf_init(struct buf *b, struct mem *mem, size_t len_max);
/* Free what it holds. */
void buf_close(struct buf *b);
/* Empty it, keep the memory, clear the status. */
void buf_reset(struct buf *b);
/* Make room for `n` more bytes and return where they go (not counted in `len`
 * until written: add to `len` yourself). NULL on failure (sticky). */
uint8_t *buf_reserve(struct buf *b, size_t n);

/* Append; multi-byte integers big-endian, as Kafka has them. */
void buf_put(struct buf *b, const void *data, size_t len);
void buf_put_u8(struct buf *b, uint8_t v);
void buf_put_u16(struct buf *b, uint16_t v);
void buf_put_u32(struct buf *b, uint32_t v);
void buf_put_u64(struct buf *b, uint64_t v);
/* Unsigned LEB128, and zig-zag signed, as in KIP-482 and record batches. */
void buf_put_uvarint(struct buf *b, uint64_t v);
void buf_put_varint(struct buf *b, int64_t v);
/* printf into it; no terminator is counted. */
void buf_printf(struct buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* What was written, borrowed until the next put. */
static inline struct slice buf_slice(const struct buf *b)
{
    return slice_of(b->data, b->len);
}

#endif
