/* record.c - see record.h. */
#include "record/record.h"

#include "base/assert.h"
#include "base/err.h"

/* A field that is a varint length and so many bytes; -1 is null where that is
 * allowed. */
static struct slice field_decode(struct cursor *c, bool *ret_null)
{
    int32_t len = cursor_varint32(c);
    bool null = len == -1 && ret_null != NULL;
    if (ret_null != NULL) {
        *ret_null = null;
    }
    if (null) {
        return slice_of(NULL, 0);
    }
    if (len < 0) {
        cursor_fail(c);
        return slice_of(NULL, 0);
    }
    return cursor_take(c, (size_t)len);
}

static void headers_decode(struct cursor *c, struct record *r)
{
    const uint8_t *first;
    int32_t i;
    r->n_headers = cursor_varint32(c);
    if (r->n_headers < 0) {
        cursor_fail(c);
        return;
    }
    first = c->p;
    /* The first header that is not there ends it, whatever the count says. */
    for (i = 0; i < r->n_headers && c->status == 0; i++) {
        bool null;
        (void)field_decode(c, NULL);
        (void)field_decode(c, &null);
    }
    if (c->status == 0) {
        r->headers = slice_of(first, (size_t)(c->p - first));
    }
}

int record_decode(struct cursor *c, struct record *ret_r)
{
    struct record r = {0};
    struct cursor body;
    int32_t len = cursor_varint32(c);
    if (c->status != 0 || len < 0 || (size_t)len > cursor_left(c)) {
        cursor_fail(c);
        return ERR_CORRUPT;
    }
    cursor_init(&body, cursor_take(c, (size_t)len));
    (void)cursor_u8(&body);
    r.timestamp_delta = cursor_varint(&body);
    r.offset_delta = cursor_varint32(&body);
    r.key = field_decode(&body, &r.key_null);
    r.value = field_decode(&body, &r.value_null);
    headers_decode(&body, &r);
    if (body.status != 0 || cursor_left(&body) != 0) {
        cursor_fail(c);
        return ERR_CORRUPT;
    }
    *ret_r = r;
    return 0;
}

bool record_header_next(struct slice *headers, struct record_header *ret_h)
{
    struct record_header h;
    struct cursor c;
    if (headers->len == 0) {
        return false;
    }
    cursor_init(&c, *headers);
    h.key = field_decode(&c, NULL);
    h.value = field_decode(&c, &h.value_null);
    if (c.status != 0) {
        return false;
    }
    *headers = slice_of(c.p, cursor_left(&c));
    *ret_h = h;
    return true;
}

static size_t varint_len(int64_t v)
{
    uint64_t z = ((uint64_t)v << 1) ^ (v < 0 ? UINT64_MAX : 0);
    size_t n = 1;
    while (z >= 0x80) {
        z >>= 7;
        n++;
    }
    return n;
}

static size_t field_len(struct slice s, bool null)
{
    return null ? varint_len(-1) : varint_len((int64_t)s.len) + s.len;
}

static void field_encode(struct buf *out, struct slice s, bool null)
{
    buf_put_varint(out, null ? -1 : (int64_t)s.len);
    if (!null && s.len > 0) {
        buf_put(out, s.data, s.len);
    }
}

static size_t body_len(const struct record *r,
                       const struct record_header headers[])
{
    size_t n = 1 + varint_len(r->timestamp_delta) +
               varint_len(r->offset_delta) + field_len(r->key, r->key_null) +
               field_len(r->value, r->value_null) + varint_len(r->n_headers);
    int32_t i;
    for (i = 0; i < r->n_headers; i++) {
        n += field_len(headers[i].key, false) +
             field_len(headers[i].value, headers[i].value_null);
    }
    return n;
}

void record_encode(struct buf *out, const struct record *r,
                   const struct record_header headers[])
{
    int32_t i;
    ASSERT(r->n_headers >= 0);
    ASSERT(r->n_headers == 0 || headers != NULL);
    buf_put_varint(out, (int64_t)body_len(r, headers));
    buf_put_u8(out, 0);
    buf_put_varint(out, r->timestamp_delta);
    buf_put_varint(out, r->offset_delta);
    field_encode(out, r->key, r->key_null);
    field_encode(out, r->value, r->value_null);
    buf_put_varint(out, r->n_headers);
    for (i = 0; i < r->n_headers; i++) {
        field_encode(out, headers[i].key, false);
        field_encode(out, headers[i].value, headers[i].value_null);
    }
}
