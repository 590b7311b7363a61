#include "storage/manifest.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/cursor.h"
#include "base/err.h"
#include "storage/segment_format.h"

/* ---- encode ---------------------------------------------------------------
 */

static void put_u64(uint8_t **p, uint64_t v)
{
    le64_store(*p, v);
    *p += 8;
}

static void put_bytes(uint8_t **p, struct slice s)
{
    if (s.len > 0) {
        memcpy(*p, s.data, s.len);
        *p += s.len;
    }
}

static void put_head(uint8_t *h, const struct manifest *m)
{
    uint8_t *p = h + MANIFEST_AT_INDEX;
    le32_store(h + MANIFEST_AT_MAGIC, MANIFEST_MAGIC);
    le16_store(h + MANIFEST_AT_VERSION, MANIFEST_VERSION);
    le16_store(h + MANIFEST_AT_KIND, (uint16_t)m->kind);
    put_u64(&p, m->base.index);
    put_u64(&p, m->base.term);
    put_u64(&p, (uint64_t)m->base.offset);
    put_u64(&p, (uint64_t)m->base.time_ms);
    put_u64(&p, m->base.chain);
    put_u64(&p, m->config_index);
    put_u64(&p, (uint64_t)m->log_start);
    ASSERT(p == h + MANIFEST_AT_CONFIG_LEN);
    le32_store(h + MANIFEST_AT_CONFIG_LEN, (uint32_t)m->config.len);
    le32_store(h + MANIFEST_AT_EPOCHS, (uint32_t)m->n_epochs);
    le32_store(h + MANIFEST_AT_SEGMENTS, (uint32_t)m->n_segments);
    le32_store(h + MANIFEST_AT_STATE_LEN, (uint32_t)m->state.len);
}

void manifest_encode(const struct manifest *m, struct buf *out)
{
    ASSERT(m->config.len <= UINT32_MAX && m->state.len <= UINT32_MAX);
    ASSERT(m->n_epochs <= UINT32_MAX && m->n_segments <= UINT32_MAX);
    size_t len = MANIFEST_HEAD_BYTES + m->config.len +
                 m->n_epochs * MANIFEST_EPOCH_BYTES +
                 m->n_segments * MANIFEST_SEGMENT_BYTES + m->state.len +
                 MANIFEST_CRC_BYTES;
    uint8_t *start = buf_reserve(out, len);
    uint8_t *p = start;
    if (start == NULL) {
        return;
    }
    put_head(p, m);
    p += MANIFEST_HEAD_BYTES;
    put_bytes(&p, m->config);
    for (size_t i = 0; i < m->n_epochs; i++) {
        put_u64(&p, m->epochs[i].term);
        put_u64(&p, (uint64_t)m->epochs[i].offset);
    }
    for (size_t i = 0; i < m->n_segments; i++) {
        const struct manifest_segment *s = &m->segments[i];
        put_u64(&p, (uint64_t)s->base_offset);
        put_u64(&p, s->length);
        put_u64(&p, s->chain);
        put_u64(&p, (uint64_t)s->time_max_ms);
        put_u64(&p, (uint64_t)s->next_offset);
    }
    put_bytes(&p, m->state);
    le32_store(p, crc32c(start, (size_t)(p - start)));
    ASSERT(p + MANIFEST_CRC_BYTES == start + len);
    out->len += len;
}

/* ---- decode ---------------------------------------------------------------
 */

/* What the head says of the lengths behind it. */
struct lengths {
    uint32_t config, epochs, segments, state;
};

static void take_head(struct cursor *c, struct manifest *m, struct lengths *n)
{
    m->base.index = cursor_u64le(c);
    m->base.term = cursor_u64le(c);
    m->base.offset = (int64_t)cursor_u64le(c);
    m->base.time_ms = (int64_t)cursor_u64le(c);
    m->base.chain = cursor_u64le(c);
    m->config_index = cursor_u64le(c);
    m->log_start = (int64_t)cursor_u64le(c);
    n->config = cursor_u32le(c);
    n->epochs = cursor_u32le(c);
    n->segments = cursor_u32le(c);
    n->state = cursor_u32le(c);
}

static int take_epochs(struct cursor *c, struct arena *arena, uint32_t n,
                       struct manifest *m)
{
    if (cursor_left(c) / MANIFEST_EPOCH_BYTES < n) {
        return ERR_CORRUPT;
    }
    struct manifest_epoch *v = n > 0 ? arena_calloc(arena, n, sizeof *v) : NULL;
    if (n > 0 && v == NULL) {
        return ERR_NOMEM;
    }
    for (uint32_t i = 0; i < n; i++) {
        v[i].term = cursor_u64le(c);
        v[i].offset = (int64_t)cursor_u64le(c);
        if (v[i].offset < 0 || (i > 0 && (v[i].term <= v[i - 1].term ||
                                          v[i].offset < v[i - 1].offset))) {
            return ERR_CORRUPT;
        }
    }
    m->epochs = v;
    m->n_epochs = n;
    return 0;
}

static bool segment_sane(const struct manifest_segment *s, int64_t from)
{
    return s->base_offset >= from && s->next_offset > s->base_offset &&
           s->length > 0 && s->length <= INT64_MAX;
}

static int take_segments(struct cursor *c, struct arena *arena, uint32_t n,
                         struct manifest *m)
{
    int64_t from = 0;
    if (cursor_left(c) / MANIFEST_SEGMENT_BYTES < n) {
        return ERR_CORRUPT;
    }
    struct manifest_segment *v =
        n > 0 ? arena_calloc(arena, n, sizeof *v) : NULL;
    if (n > 0 && v == NULL) {
        return ERR_NOMEM;
    }
    for (uint32_t i = 0; i < n; i++) {
        v[i].base_offset = (int64_t)cursor_u64le(c);
        v[i].length = cursor_u64le(c);
        v[i].chain = cursor_u64le(c);
        v[i].time_max_ms = (int64_t)cursor_u64le(c);
        v[i].next_offset = (int64_t)cursor_u64le(c);
        if (!segment_sane(&v[i], from)) {
            return ERR_CORRUPT;
        }
        from = v[i].next_offset;
    }
    m->segments = v;
    m->n_segments = n;
    return 0;
}

static int take_body(struct cursor *c, struct arena *arena, struct manifest *m)
{
    struct lengths n;
    take_head(c, m, &n);
    if (c->status != 0 || m->base.offset < 0 || m->log_start < 0 ||
        (m->kind != MANIFEST_LOG && m->kind != MANIFEST_STATE)) {
        return ERR_CORRUPT;
    }
    m->config = cursor_take(c, n.config);
    int rv = take_epochs(c, arena, n.epochs, m);
    if (rv == 0) {
        rv = take_segments(c, arena, n.segments, m);
    }
    if (rv != 0) {
        return rv;
    }
    m->state = cursor_take(c, n.state);
    return c->status == 0 && cursor_left(c) == 0 ? 0 : ERR_CORRUPT;
}

int manifest_decode(struct slice in, struct arena *arena,
                    struct manifest *ret_m)
{
    struct manifest m = {.kind = MANIFEST_LOG};
    struct cursor c;
    if (in.len < MANIFEST_HEAD_BYTES + MANIFEST_CRC_BYTES ||
        le32_load(in.data + MANIFEST_AT_MAGIC) != MANIFEST_MAGIC) {
        return ERR_CORRUPT;
    }
    size_t len = in.len - MANIFEST_CRC_BYTES;
    if (le32_load(in.data + len) != crc32c(in.data, len)) {
        return ERR_CORRUPT;
    }
    if (le16_load(in.data + MANIFEST_AT_VERSION) != MANIFEST_VERSION) {
        return ERR_VERSION;
    }
    m.kind = (enum manifest_kind)le16_load(in.data + MANIFEST_AT_KIND);
    cursor_init(&c,
                slice_of(in.data + MANIFEST_AT_INDEX, len - MANIFEST_AT_INDEX));
    int rv = take_body(&c, arena, &m);
    if (rv == 0) {
        *ret_m = m;
    }
    return rv;
}
