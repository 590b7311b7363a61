#include "state/change.h"

#include <string.h>

#include "base/assert.h"

void change_put_text(struct buf *b, struct slice s)
{
    buf_put_uvarint(b, s.len);
    buf_put(b, s.data, s.len);
}

void change_put_uuid(struct buf *b, struct uuid u)
{
    buf_put(b, u.b, sizeof u.b);
}

void change_put_node(struct buf *b, const struct image_node *n)
{
    buf_put_u32(b, (uint32_t)n->id);
    buf_put_u32(b, n->incarnation);
    change_put_uuid(b, n->directory);
    change_put_text(b, slice_str(n->peer_host));
    buf_put_u16(b, n->peer_port);
    change_put_text(b, slice_str(n->client_host));
    buf_put_u16(b, n->client_port);
    change_put_text(b, slice_str(n->rack));
    change_put_text(b, slice_str(n->version));
}

void change_put_replicas(struct buf *b, const struct image_partition *p)
{
    ASSERT(p->n_replicas <= IMAGE_REPLICAS_MAX);
    buf_put_u8(b, (uint8_t)p->n_replicas);
    for (unsigned i = 0; i < p->n_replicas; i++) {
        buf_put_u32(b, (uint32_t)p->replicas[i]);
    }
}

struct slice change_take_text(struct cursor *c, size_t max)
{
    uint64_t len = cursor_uvarint(c);
    if (len > max || len > cursor_left(c)) {
        cursor_fail(c);
        return slice_of(NULL, 0);
    }
    struct slice s = cursor_take(c, (size_t)len);
    if (s.len > 0 && memchr(s.data, 0, s.len) != NULL) {
        cursor_fail(c);
        return slice_of(NULL, 0);
    }
    return s;
}

void change_copy_text(struct cursor *c, char *out, size_t max)
{
    struct slice s = change_take_text(c, max);
    if (s.len > 0) {
        memcpy(out, s.data, s.len);
    }
    out[s.len] = '\0';
}

struct uuid change_take_uuid(struct cursor *c)
{
    struct uuid u = uuid_zero;
    struct slice s = cursor_take(c, sizeof u.b);
    if (s.len == sizeof u.b) {
        memcpy(u.b, s.data, sizeof u.b);
    }
    return u;
}

void change_take_node(struct cursor *c, struct image_node *ret_n)
{
    struct image_node *n = ret_n;
    *n = (struct image_node){0};
    n->id = (int32_t)cursor_u32(c);
    n->incarnation = cursor_u32(c);
    n->directory = change_take_uuid(c);
    change_copy_text(c, n->peer_host, sizeof n->peer_host - 1);
    n->peer_port = cursor_u16(c);
    change_copy_text(c, n->client_host, sizeof n->client_host - 1);
    n->client_port = cursor_u16(c);
    change_copy_text(c, n->rack, sizeof n->rack - 1);
    change_copy_text(c, n->version, sizeof n->version - 1);
}

void change_take_replicas(struct cursor *c, struct image_partition *ret_p)
{
    *ret_p = (struct image_partition){0};
    unsigned n = cursor_u8(c);
    if (n > IMAGE_REPLICAS_MAX) {
        cursor_fail(c);
        return;
    }
    for (unsigned i = 0; i < n; i++) {
        ret_p->replicas[i] = (int32_t)cursor_u32(c);
    }
    ret_p->n_replicas = n;
}
