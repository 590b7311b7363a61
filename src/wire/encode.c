/* encode.c - structs into bytes, by the tables.
 *
 * One walk serves three purposes: counting (no buffer), copying into a buffer,
 * and gathering, where long records are borrowed:
 *
 *   small:   | len, header, ... n | ... n | ...
 *   pieces:  [small] [records] [small] [records] [small]
 */
#include "wire/message.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "base/err.h"
#include "wire/field.h"

struct sink {
    struct buf *buf; /* NULL: only count */
    size_t len;      /* counted, borrowed bytes included */
    int version;
    bool flexible;
    int status;
    int depth;
    /* Gathering, if pieces is not NULL. */
    struct wire_piece *pieces;
    unsigned n_pieces, pieces_max;
    size_t borrow_min;
    size_t mark; /* where in buf the next own piece begins */
};

static void put_struct(struct sink *s, const struct wire_struct *shape,
                       const uint8_t *p);

static void put(struct sink *s, const void *data, size_t len)
{
    s->len += len;
    if (s->buf != NULL && len > 0) {
        buf_put(s->buf, data, len);
    }
}

static void put_u8(struct sink *s, uint8_t v)
{
    put(s, &v, 1);
}

static void put_u16(struct sink *s, uint16_t v)
{
    uint8_t b[2];
    be16_store(b, v);
    put(s, b, sizeof b);
}

static void put_u32(struct sink *s, uint32_t v)
{
    uint8_t b[4];
    be32_store(b, v);
    put(s, b, sizeof b);
}

static void put_u64(struct sink *s, uint64_t v)
{
    uint8_t b[8];
    be64_store(b, v);
    put(s, b, sizeof b);
}

static void put_uvarint(struct sink *s, uint32_t v)
{
    uint8_t b[5];
    size_t n = 0;
    for (; v >= 0x80; v >>= 7) {
        b[n++] = (uint8_t)(v | 0x80);
    }
    b[n++] = (uint8_t)v;
    put(s, b, n);
}

static void fail(struct sink *s, int status)
{
    if (s->status == 0) {
        s->status = status;
    }
}

/* A length or count: -1 is null. Classic ones are `width` bytes wide. */
static void put_len(struct sink *s, int64_t len, int width)
{
    if (len > (width == 2 ? WIRE_STRING_MAX : INT32_MAX - 1)) {
        fail(s, ERR_TOOBIG);
    } else if (s->flexible) {
        put_uvarint(s, (uint32_t)(len + 1));
    } else if (width == 2) {
        put_u16(s, (uint16_t)len);
    } else {
        put_u32(s, (uint32_t)len);
    }
}

/* Close the piece of own bytes that is open, if it has any. */
static void close_own_piece(struct sink *s)
{
    if (s->buf->len > s->mark) {
        ASSERT(s->n_pieces < s->pieces_max);
        s->pieces[s->n_pieces++] =
            (struct wire_piece){.bytes = slice_of(NULL, s->buf->len - s->mark)};
        s->mark = s->buf->len;
    }
}

static void put_bytes(struct sink *s, struct slice bytes)
{
    /* Room for the own piece before, this one, and an own one behind. */
    bool borrow = s->pieces != NULL && bytes.len >= s->borrow_min &&
                  bytes.len > 0 && s->n_pieces + 3 <= s->pieces_max &&
                  s->buf->status == 0;
    if (!borrow) {
        put(s, bytes.data, bytes.len);
        return;
    }
    close_own_piece(s);
    s->pieces[s->n_pieces++] =
        (struct wire_piece){.bytes = bytes, .borrowed = true};
    s->len += bytes.len;
}

static void put_slice(struct sink *s, const struct wire_field *f,
                      struct slice bytes)
{
    bool null =
        bytes.data == NULL && bytes.len == 0 && value_nullable(f, s->version);
    put_len(s, null ? -1 : (int64_t)bytes.len, f->type == WIRE_STRING ? 2 : 4);
    if (f->type == WIRE_RECORDS) {
        put_bytes(s, bytes);
    } else {
        put(s, bytes.data, bytes.len);
    }
}

static void put_rope(struct sink *s, const struct wire_field *f,
                     const struct wire_rope *r)
{
    if (r->n_parts == 0) {
        bool null =
            r->data == NULL && r->len == 0 && value_nullable(f, s->version);
        put_len(s, null ? -1 : (int64_t)r->len, 4);
        put_bytes(s, slice_of(r->data, r->len));
        return;
    }
    size_t sum = 0;
    put_len(s, (int64_t)r->len, 4);
    for (uint32_t i = 0; i < r->n_parts; i++) {
        put_bytes(s, r->parts[i]);
        sum += r->parts[i].len;
    }
    ASSERT(sum == r->len);
}

static void put_pointer(struct sink *s, const struct wire_field *f,
                        const void *p)
{
    const uint8_t *sub;
    memcpy(&sub, p, sizeof sub);
    if (sub != NULL) {
        put_u8(s, 1);
        put_struct(s, f->sub, sub);
    } else if (value_nullable(f, s->version)) {
        put_u8(s, 0xff);
    } else {
        fail(s, ERR_VERSION);
    }
}

static void put_value(struct sink *s, const struct wire_field *f, const void *p)
{
    switch ((enum wire_type)f->type) {
    case WIRE_BOOL:
        put_u8(s, *(const bool *)p);
        break;
    case WIRE_I8:
        put_u8(s, *(const uint8_t *)p);
        break;
    case WIRE_I16:
    case WIRE_U16:
        put_u16(s, *(const uint16_t *)p);
        break;
    case WIRE_I32:
        put_u32(s, *(const uint32_t *)p);
        break;
    case WIRE_I64:
        put_u64(s, *(const uint64_t *)p);
        break;
    case WIRE_F64: {
        uint64_t bits;
        memcpy(&bits, p, sizeof bits);
        put_u64(s, bits);
        break;
    }
    case WIRE_UUID:
        put(s, p, sizeof(struct uuid));
        break;
    case WIRE_STRING:
    case WIRE_BYTES:
    case WIRE_RECORDS:
        put_slice(s, f, *(const struct slice *)p);
        break;
    case WIRE_ROPE:
        put_rope(s, f, p);
        break;
    case WIRE_STRUCT:
        if (field_by_pointer(f)) {
            put_pointer(s, f, p);
        } else {
            put_struct(s, f->sub, p);
        }
        break;
    }
}

static void put_field(struct sink *s, const struct wire_field *f, const void *p)
{
    if (!(f->flags & WIRE_ARRAY)) {
        put_value(s, f, p);
        return;
    }
    struct wire_array a = array_load(p);
    bool null = a.ptr == NULL && a.n == 0 && field_nullable(f, s->version);
    ASSERT(a.ptr != NULL || a.n == 0);
    if (a.n > WIRE_COUNT_MAX) {
        fail(s, ERR_TOOBIG);
        return;
    }
    put_len(s, null ? -1 : (int64_t)a.n, 4);
    size_t elem = field_elem_size(f);
    for (uint32_t i = 0; i < a.n && s->status == 0; i++) {
        put_value(s, f, (const uint8_t *)a.ptr + i * elem);
    }
}

static void put_tag(struct sink *s, const struct wire_field *f, const void *p)
{
    struct sink count = {
        .version = s->version, .flexible = s->flexible, .depth = s->depth};
    put_field(&count, f, p);
    if (count.len > INT32_MAX) {
        fail(s, ERR_TOOBIG);
        return;
    }
    put_uvarint(s, f->tag);
    put_uvarint(s, (uint32_t)count.len);
    put_field(s, f, p);
}

static void put_tags(struct sink *s, const struct wire_struct *shape,
                     const uint8_t *p, unsigned n)
{
    put_uvarint(s, n);
    for (unsigned i = 0; i < shape->n_fields && n > 0; i++) {
        const struct wire_field *f = &shape->fields[i];
        if (field_in(f, s->version) && field_tagged(f, s->version) &&
            !field_is_default(f, p + f->at)) {
            put_tag(s, f, p + f->at);
            n--;
        }
    }
}

static void put_struct(struct sink *s, const struct wire_struct *shape,
                       const uint8_t *p)
{
    unsigned n_tags = 0;
    s->depth++;
    ASSERT(s->depth <= WIRE_DEPTH_MAX);
    for (unsigned i = 0; i < shape->n_fields && s->status == 0; i++) {
        const struct wire_field *f = &shape->fields[i];
        const uint8_t *at = p + f->at;
        if (!field_in(f, s->version)) {
            if (!(f->flags & WIRE_IGNORABLE) && !field_is_default(f, at)) {
                fail(s, ERR_VERSION);
            }
        } else if (field_tagged(f, s->version)) {
            n_tags += !field_is_default(f, at);
        } else {
            put_field(s, f, at);
        }
    }
    if (s->flexible) {
        put_tags(s, shape, p, n_tags);
    }
    s->depth--;
}

static int walk(struct sink *s, const struct wire_message *m, int version,
                const void *msg)
{
    if (!wire_has_version(m, version)) {
        return ERR_VERSION;
    }
    s->version = version;
    s->flexible = wire_is_flexible(m, version);
    put_struct(s, &m->body, msg);
    if (s->status == 0 && s->len > INT32_MAX) {
        s->status = ERR_TOOBIG;
    }
    return s->status != 0 || s->buf == NULL ? s->status : s->buf->status;
}

int wire_encode(const struct wire_message *m, int version, const void *msg,
                struct buf *b)
{
    struct sink s = {.buf = b};
    return walk(&s, m, version, msg);
}

int wire_size(const struct wire_message *m, int version, const void *msg,
              size_t *ret_size)
{
    struct sink s = {.buf = NULL};
    int rv = walk(&s, m, version, msg);
    if (rv == 0) {
        *ret_size = s.len;
    }
    return rv;
}

int wire_encode_pieces(const struct wire_message *m, int version,
                       const void *msg, struct buf *small, size_t borrow_min,
                       struct wire_piece *pieces, unsigned pieces_max,
                       unsigned *ret_n)
{
    ASSERT(pieces_max >= 1);
    struct sink s = {.buf = small,
                     .pieces = pieces,
                     .pieces_max = pieces_max,
                     .borrow_min = borrow_min};
    int rv = walk(&s, m, version, msg);
    if (rv != 0) {
        return rv;
    }
    close_own_piece(&s);
    const uint8_t *own = small->data;
    for (unsigned i = 0; i < s.n_pieces; i++) {
        if (!pieces[i].borrowed) {
            pieces[i].bytes.data = own;
            own += pieces[i].bytes.len;
        }
    }
    *ret_n = s.n_pieces;
    return 0;
}
