#include "base/cursor.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "base/err.h"

static const uint8_t nothing[1];

void cursor_init(struct cursor *c, struct slice s)
{
    ASSERT(s.data != NULL || s.len == 0);
    const uint8_t *p = s.data != NULL ? s.data : nothing;
    *c = (struct cursor){.p = p, .end = p + s.len};
}

void cursor_fail(struct cursor *c)
{
    if (c->status == 0) {
        c->status = ERR_PROTOCOL;
    }
    c->p = c->end;
}

/* The next `len` bytes, or NULL and the cursor has failed. */
static const uint8_t *cursor_next(struct cursor *c, size_t len)
{
    if (c->status != 0 || len > cursor_left(c)) {
        cursor_fail(c);
        return NULL;
    }
    const uint8_t *p = c->p;
    c->p += len;
    return p;
}

uint8_t cursor_u8(struct cursor *c)
{
    const uint8_t *p = cursor_next(c, 1);
    return p == NULL ? 0 : *p;
}

uint16_t cursor_u16(struct cursor *c)
{
    const uint8_t *p = cursor_next(c, 2);
    return p == NULL ? 0 : be16_load(p);
}

uint32_t cursor_u32(struct cursor *c)
{
    const uint8_t *p = cursor_next(c, 4);
    return p == NULL ? 0 : be32_load(p);
}

uint64_t cursor_u64(struct cursor *c)
{
    const uint8_t *p = cursor_next(c, 8);
    return p == NULL ? 0 : be64_load(p);
}

uint16_t cursor_u16le(struct cursor *c)
{
    const uint8_t *p = cursor_next(c, 2);
    return p == NULL ? 0 : le16_load(p);
}

uint32_t cursor_u32le(struct cursor *c)
{
    const uint8_t *p = cursor_next(c, 4);
    return p == NULL ? 0 : le32_load(p);
}

uint64_t cursor_u64le(struct cursor *c)
{
    const uint8_t *p = cursor_next(c, 8);
    return p == NULL ? 0 : le64_load(p);
}

/* A LEB128 number of at most `bits` bits, in as many bytes as those need. */
static uint64_t cursor_leb128(struct cursor *c, unsigned bits)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < bits; shift += 7) {
        const uint8_t *p = cursor_next(c, 1);
        if (p == NULL) {
            return 0;
        }
        uint64_t part = *p & 0x7f;
        if (bits - shift < 7 && part >> (bits - shift) != 0) {
            break;
        }
        v |= part << shift;
        if (*p < 0x80) {
            return v;
        }
    }
    cursor_fail(c);
    return 0;
}

uint32_t cursor_uvarint32(struct cursor *c)
{
    return (uint32_t)cursor_leb128(c, 32);
}

uint64_t cursor_uvarint(struct cursor *c)
{
    return cursor_leb128(c, 64);
}

int32_t cursor_varint32(struct cursor *c)
{
    uint32_t v = cursor_uvarint32(c);
    return (int32_t)(v >> 1 ^ (0 - (v & 1)));
}

int64_t cursor_varint(struct cursor *c)
{
    uint64_t v = cursor_uvarint(c);
    return (int64_t)(v >> 1 ^ (0 - (v & 1)));
}

struct slice cursor_take(struct cursor *c, size_t len)
{
    const uint8_t *p = cursor_next(c, len);
    return p == NULL ? slice_of(NULL, 0) : slice_of(p, len);
}

void cursor_skip(struct cursor *c, size_t len)
{
    (void)cursor_next(c, len);
}
