/* header.c - request and response headers, and whole frames. */
#include "wire/header.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "base/err.h"
#include "wire/api.h"

/* Bytes of the length in front of a frame. */
#define FRAME_LEN_BYTES 4

int wire_request_header_version(const struct wire_message *m, int version)
{
    return wire_is_flexible(m, version) ? 2 : 1;
}

int wire_response_header_version(const struct wire_message *m, int version)
{
    return m->api_key != API_API_VERSIONS && wire_is_flexible(m, version);
}

/* No tag is known in a header. */
static void skip_tags(struct cursor *c)
{
    uint32_t n = cursor_uvarint32(c);
    for (uint32_t i = 0; i < n && c->status == 0; i++) {
        cursor_uvarint32(c);
        cursor_skip(c, cursor_uvarint32(c));
    }
}

static struct slice get_client_id(struct cursor *c)
{
    int16_t len = (int16_t)cursor_u16(c);
    if (len < -1) {
        cursor_fail(c);
    }
    if (c->status != 0 || len < 0) {
        return slice_of(NULL, 0);
    }
    return cursor_take(c, (size_t)len);
}

int wire_request_header_decode(struct cursor *c,
                               struct wire_request_header *out,
                               const struct wire_message **ret_request)
{
    struct wire_request_header h = {0};
    h.api_key = (int16_t)cursor_u16(c);
    h.api_version = (int16_t)cursor_u16(c);
    h.correlation_id = (int32_t)cursor_u32(c);
    h.client_id = get_client_id(c);
    if (c->status != 0) {
        return c->status;
    }
    const struct wire_message *m = wire_find(h.api_key, true);
    if (m == NULL) {
        *out = h;
        return ERR_UNSUPPORTED;
    }
    if (!wire_has_version(m, h.api_version)) {
        *out = h;
        *ret_request = m;
        return ERR_VERSION;
    }
    if (wire_request_header_version(m, h.api_version) >= 2) {
        skip_tags(c);
        if (c->status != 0) {
            return c->status;
        }
    }
    *out = h;
    *ret_request = m;
    return 0;
}

int wire_request_header_encode(const struct wire_message *m,
                               const struct wire_request_header *h,
                               struct buf *b)
{
    ASSERT(m->is_request && m->api_key == h->api_key);
    if (h->client_id.len > WIRE_STRING_MAX) {
        return ERR_TOOBIG;
    }
    buf_put_u16(b, (uint16_t)h->api_key);
    buf_put_u16(b, (uint16_t)h->api_version);
    buf_put_u32(b, (uint32_t)h->correlation_id);
    if (h->client_id.data == NULL) {
        buf_put_u16(b, (uint16_t)-1);
    } else {
        buf_put_u16(b, (uint16_t)h->client_id.len);
        buf_put(b, h->client_id.data, h->client_id.len);
    }
    if (wire_request_header_version(m, h->api_version) >= 2) {
        buf_put_u8(b, 0);
    }
    return b->status;
}

int wire_response_header_decode(const struct wire_message *m, int version,
                                struct cursor *c, int32_t *ret_correlation_id)
{
    int32_t id = (int32_t)cursor_u32(c);
    if (wire_response_header_version(m, version) >= 1) {
        skip_tags(c);
    }
    if (c->status == 0) {
        *ret_correlation_id = id;
    }
    return c->status;
}

int wire_response_header_encode(const struct wire_message *m, int version,
                                int32_t correlation_id, struct buf *b)
{
    buf_put_u32(b, (uint32_t)correlation_id);
    if (wire_response_header_version(m, version) >= 1) {
        buf_put_u8(b, 0);
    }
    return b->status;
}

/* Fill in the length of the frame that began at `start`, or take the frame
 * back if it failed. */
static int frame_end(struct buf *b, size_t start, int rv)
{
    if (rv != 0) {
        b->len = start;
        return rv;
    }
    size_t len = b->len - start - FRAME_LEN_BYTES;
    if (len > INT32_MAX) {
        b->len = start;
        return ERR_TOOBIG;
    }
    be32_store(b->data + start, (uint32_t)len);
    return 0;
}

int wire_frame_request(const struct wire_message *m,
                       const struct wire_request_header *h, const void *msg,
                       struct buf *b)
{
    size_t start = b->len;
    buf_put_u32(b, 0);
    int rv = wire_request_header_encode(m, h, b);
    if (rv == 0) {
        rv = wire_encode(m, h->api_version, msg, b);
    }
    return frame_end(b, start, rv);
}

int wire_frame_response(const struct wire_message *m, int version,
                        int32_t correlation_id, const void *msg, struct buf *b)
{
    size_t start = b->len;
    buf_put_u32(b, 0);
    int rv = wire_response_header_encode(m, version, correlation_id, b);
    if (rv == 0) {
        rv = wire_encode(m, version, msg, b);
    }
    return frame_end(b, start, rv);
}

int wire_frame_response_pieces(const struct wire_message *m, int version,
                               int32_t correlation_id, const void *msg,
                               struct buf *small, size_t borrow_min,
                               struct wire_piece *pieces, unsigned pieces_max,
                               unsigned *ret_n)
{
    unsigned n = 0;
    ASSERT(small->len == 0);
    buf_put_u32(small, 0);
    int rv = wire_response_header_encode(m, version, correlation_id, small);
    if (rv == 0) {
        rv = wire_encode_pieces(m, version, msg, small, borrow_min, pieces,
                                pieces_max, &n);
    }
    size_t len = 0;
    for (unsigned i = 0; i < n; i++) {
        len += pieces[i].bytes.len;
    }
    if (rv == 0 && len - FRAME_LEN_BYTES > INT32_MAX) {
        rv = ERR_TOOBIG;
    }
    if (rv != 0) {
        small->len = 0;
        return rv;
    }
    be32_store(small->data, (uint32_t)(len - FRAME_LEN_BYTES));
    *ret_n = n;
    return 0;
}
