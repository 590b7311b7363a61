/* buf.c - the memory behind a buf is one byte longer than `cap`: vsnprintf()
 * always writes a terminator, which the limit must not count. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/err.h"

#define BUF_CAP_MIN ((size_t)255)

void buf_init(struct buf *b, struct mem *mem, size_t len_max)
{
    *b = (struct buf){.mem = mem, .len_max = len_max};
}

void buf_close(struct buf *b)
{
    mem_free(b->mem, b->data);
    buf_init(b, b->mem, b->len_max);
}

void buf_reset(struct buf *b)
{
    b->len = 0;
    b->status = 0;
}

/* Grow to at least `need` bytes, at least twofold, never beyond the limit. */
static int buf_grow(struct buf *b, size_t need)
{
    size_t cap = b->cap * 2 > BUF_CAP_MIN ? b->cap * 2 : BUF_CAP_MIN;
    if (b->len_max != 0 && cap > b->len_max) {
        cap = b->len_max;
    }
    if (cap < need) {
        cap = need;
    }
    uint8_t *data = mem_realloc(b->mem, b->data, cap + 1);
    if (data == NULL) {
        return ERR_NOMEM;
    }
    b->data = data;
    b->cap = cap;
    return 0;
}

uint8_t *buf_reserve(struct buf *b, size_t n)
{
    if (b->status != 0) {
        return NULL;
    }
    ASSERT(b->len <= b->cap);
    size_t len_max = b->len_max != 0 ? b->len_max : SIZE_MAX / 4;
    if (b->len > len_max || n > len_max - b->len) {
        b->status = ERR_TOOBIG;
        return NULL;
    }
    if (b->data == NULL || n > b->cap - b->len) {
        b->status = buf_grow(b, b->len + n);
        if (b->status != 0) {
            return NULL;
        }
    }
    return b->data + b->len;
}

void buf_put(struct buf *b, const void *data, size_t len)
{
    uint8_t *to = buf_reserve(b, len);
    if (to != NULL && len > 0) {
        memcpy(to, data, len);
        b->len += len;
    }
}

void buf_put_u8(struct buf *b, uint8_t v)
{
    buf_put(b, &v, sizeof v);
}

void buf_put_u16(struct buf *b, uint16_t v)
{
    uint8_t bytes[sizeof v];
    be16_store(bytes, v);
    buf_put(b, bytes, sizeof bytes);
}

void buf_put_u32(struct buf *b, uint32_t v)
{
    uint8_t bytes[sizeof v];
    be32_store(bytes, v);
    buf_put(b, bytes, sizeof bytes);
}

void buf_put_u64(struct buf *b, uint64_t v)
{
    uint8_t bytes[sizeof v];
    be64_store(bytes, v);
    buf_put(b, bytes, sizeof bytes);
}

void buf_put_uvarint(struct buf *b, uint64_t v)
{
    uint8_t bytes[10];
    size_t n = 0;
    while (v >= 0x80) {
        bytes[n++] = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    bytes[n++] = (uint8_t)v;
    buf_put(b, bytes, n);
}

void buf_put_varint(struct buf *b, int64_t v)
{
    uint64_t sign = v < 0 ? UINT64_MAX : 0;
    buf_put_uvarint(b, ((uint64_t)v << 1) ^ sign);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (n < 0) {
        /* Only text beyond INT_MAX gets here. */
        b->status = b->status != 0 ? b->status : ERR_TOOBIG;
    }
    uint8_t *to = n < 0 ? NULL : buf_reserve(b, (size_t)n);
    if (to != NULL) {
        vsnprintf((char *)to, (size_t)n + 1, fmt, again);
        b->len += (size_t)n;
    }
    va_end(again);
}
