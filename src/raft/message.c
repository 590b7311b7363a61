/* message.c - encoding, decoding and checking of consensus messages. */
#include "raft/message.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "base/crc32c.h"

#define FRAME_VERSION 1
#define FRAME_PREFIX  9

#define KIND_MASK 7u

/* Flags, by kind. */
#define APPEND_TERM    (1u << 3) /* prev term follows */
#define APPEND_COMMIT  (1u << 4) /* commit follows */
#define APPEND_ENTRIES (1u << 5) /* entries follow */
#define APPEND_FRESH   (1u << 6)
#define RESULT_ECHO    (1u << 3) /* echo follows */
#define RESULT_REJECT  (1u << 4) /* rejected follows */
#define RESULT_REPAIR  (1u << 5)
#define VOTE_PRE       (1u << 3)
#define VOTE_DISRUPT   (1u << 4)
#define VOTE_GRANTED   (1u << 4)

/* ---- encoding ---------------------------------------------------------- */

void message_frame_begin(struct buf *b)
{
    static const uint8_t prefix[FRAME_PREFIX] = {FRAME_VERSION};
    ASSERT(b->len == 0);
    buf_put(b, prefix, sizeof prefix);
}

void message_frame_end(struct buf *b)
{
    if (b->status != 0) {
        return;
    }
    ASSERT(b->len >= FRAME_PREFIX);
    size_t len = b->len - FRAME_PREFIX;
    le32_store(b->data + 1, (uint32_t)len);
    le32_store(b->data + 5, crc32c(b->data + FRAME_PREFIX, len));
}

static uint8_t append_flags(const struct message *m)
{
    unsigned flags = 0;
    flags |= m->index_term != m->term ? APPEND_TERM : 0;
    flags |= m->commit != m->index + m->n_entries ? APPEND_COMMIT : 0;
    flags |= m->n_entries > 0 ? APPEND_ENTRIES : 0;
    flags |= m->fresh ? APPEND_FRESH : 0;
    return (uint8_t)flags;
}

static uint8_t message_flags(const struct message *m)
{
    unsigned flags = 0;
    switch (m->kind) {
    case MESSAGE_APPEND:
        return append_flags(m);
    case MESSAGE_RESULT:
        flags |= m->echo != m->term ? RESULT_ECHO : 0;
        flags |= m->rejected != 0 ? RESULT_REJECT : 0;
        flags |= m->repair ? RESULT_REPAIR : 0;
        break;
    case MESSAGE_VOTE:
        flags |= m->pre_vote ? VOTE_PRE : 0;
        flags |= m->disrupt ? VOTE_DISRUPT : 0;
        break;
    case MESSAGE_VOTE_RESULT:
        flags |= m->pre_vote ? VOTE_PRE : 0;
        flags |= m->granted ? VOTE_GRANTED : 0;
        break;
    case MESSAGE_INSTALL:
    case MESSAGE_TIMEOUT_NOW:
    case MESSAGE_QUIET:
        break;
    }
    return (uint8_t)flags;
}

static void append_encode(const struct message *m, unsigned flags,
                          struct entry *const entries[], struct buf *b)
{
    buf_put_uvarint(b, m->index);
    if (flags & APPEND_TERM) {
        buf_put_uvarint(b, m->term - m->index_term);
    }
    if (flags & APPEND_COMMIT) {
        buf_put_varint(b, (int64_t)(m->commit - (m->index + m->n_entries)));
    }
    if (flags & APPEND_ENTRIES) {
        buf_put_uvarint(b, m->n_entries);
    }
    for (unsigned i = 0; i < m->n_entries; i++) {
        uint8_t header[ENTRY_HEADER_BYTES];
        entry_encode_header(entries[i], header);
        buf_put(b, header, sizeof header);
    }
}

void message_encode(const struct message *m, struct entry *const entries[],
                    uint64_t *group, struct buf *b)
{
    unsigned flags = message_flags(m);
    buf_put_u8(b, (uint8_t)(m->kind | flags));
    buf_put_varint(b, (int64_t)(m->group - *group));
    *group = m->group;
    buf_put_uvarint(b, m->from >> 32);
    buf_put_uvarint(b, m->to >> 32);
    buf_put_uvarint(b, m->term);
    switch (m->kind) {
    case MESSAGE_APPEND:
        append_encode(m, flags, entries, b);
        break;
    case MESSAGE_RESULT:
        buf_put_uvarint(b, m->index);
        if (flags & RESULT_ECHO) {
            buf_put_varint(b, (int64_t)(m->term - m->echo));
        }
        if (flags & RESULT_REJECT) {
            buf_put_uvarint(b, m->rejected);
        }
        break;
    case MESSAGE_VOTE:
        buf_put_uvarint(b, m->index);
        buf_put_uvarint(b, m->index_term);
        break;
    case MESSAGE_VOTE_RESULT:
        break;
    case MESSAGE_INSTALL:
        buf_put_uvarint(b, m->index);
        buf_put_uvarint(b, m->term - m->index_term);
        buf_put_uvarint(b, m->config_index);
        buf_put_uvarint(b, m->manifest.len);
        buf_put(b, m->manifest.data, m->manifest.len);
        break;
    case MESSAGE_TIMEOUT_NOW:
        buf_put_uvarint(b, m->index);
        buf_put_uvarint(b, m->term - m->index_term);
        break;
    case MESSAGE_QUIET:
        buf_put_uvarint(b, m->index);
        break;
    }
}

/* ---- decoding ---------------------------------------------------------- */

int message_reader_init(struct message_reader *r, struct bytes frame,
                        struct arena *arena, int32_t from, int32_t to)
{
    if (frame.len < FRAME_PREFIX || frame.data[0] != FRAME_VERSION) {
        return ERR_PROTOCOL;
    }
    uint32_t len = le32_load(frame.data + 1);
    if (len > frame.len - FRAME_PREFIX) {
        return ERR_PROTOCOL;
    }
    struct slice head = slice_of(frame.data + FRAME_PREFIX, len);
    if (crc32c(head.data, head.len) != le32_load(frame.data + 5)) {
        return ERR_PROTOCOL;
    }
    *r = (struct message_reader){.arena = arena, .from = from, .to = to};
    cursor_init(&r->cursor, head);
    r->payloads = (struct bytes){frame.chunk, head.data + head.len,
                                 frame.len - FRAME_PREFIX - len};
    return 0;
}

/* `a - b` as it travels, refusing what is below zero. */
static uint64_t cursor_less(struct cursor *c, uint64_t a)
{
    uint64_t b = cursor_uvarint(c);
    if (b > a) {
        cursor_fail(c);
        return 0;
    }
    return a - b;
}

/* The payload is there, whole, and says what its kind says. */
static int entry_take(struct message_reader *r, struct entry *e, uint32_t len)
{
    struct group_config config;
    if (len > r->payloads.len) {
        return ERR_PROTOCOL;
    }
    e->payload = (struct bytes){r->payloads.chunk, r->payloads.data, len};
    r->payloads.data += len;
    r->payloads.len -= len;
    if (crc32c(e->payload.data, len) != e->crc) {
        return ERR_PROTOCOL;
    }
    if (e->kind == ENTRY_CHANGE &&
        group_config_decode(bytes_slice(e->payload), &config) != 0) {
        return ERR_PROTOCOL;
    }
    return 0;
}

/* Entry i continues what is before it. */
static bool entry_continues(const struct message *m, unsigned i)
{
    const struct entry *e = &m->entries[i];
    uint64_t term = i == 0 ? m->index_term : e[-1].term;
    if (e->index != m->index + 1 + i || e->term == 0 || e->term < term ||
        e->term > m->term) {
        return false;
    }
    return i == 0 ||
           (e->base_offset == e[-1].next_offset && e->time_ms >= e[-1].time_ms);
}

static int entries_decode(struct message_reader *r, struct message *m)
{
    uint64_t n = cursor_uvarint(&r->cursor);
    if (n == 0 || n > MESSAGE_ENTRIES_MAX ||
        n > cursor_left(&r->cursor) / ENTRY_HEADER_BYTES) {
        return ERR_PROTOCOL;
    }
    m->n_entries = (unsigned)n;
    m->entries = arena_calloc(r->arena, m->n_entries, sizeof *m->entries);
    if (m->entries == NULL) {
        return ERR_NOMEM;
    }
    for (unsigned i = 0; i < m->n_entries; i++) {
        struct slice header = cursor_take(&r->cursor, ENTRY_HEADER_BYTES);
        uint32_t len;
        if (entry_decode_header(header.data, &m->entries[i], &len) != 0 ||
            entry_take(r, &m->entries[i], len) != 0 || !entry_continues(m, i)) {
            return ERR_PROTOCOL;
        }
    }
    /* Entries end a frame: their payloads are all there is behind the head. */
    return cursor_left(&r->cursor) == 0 && r->payloads.len == 0 ? 0
                                                                : ERR_PROTOCOL;
}

static int append_decode(struct message_reader *r, unsigned flags,
                         struct message *m)
{
    struct cursor *c = &r->cursor;
    int64_t commit = 0;
    m->index = cursor_uvarint(c);
    m->index_term = flags & APPEND_TERM ? cursor_less(c, m->term) : m->term;
    if (flags & APPEND_COMMIT) {
        commit = cursor_varint(c);
    }
    m->fresh = (flags & APPEND_FRESH) != 0;
    if (c->status != 0 || (m->index == 0) != (m->index_term == 0) ||
        m->index >= INT64_MAX) {
        return ERR_PROTOCOL;
    }
    if (flags & APPEND_ENTRIES) {
        int rv = entries_decode(r, m);
        if (rv != 0) {
            return rv;
        }
    }
    uint64_t last = m->index + m->n_entries;
    if (commit < 0 && 0 - (uint64_t)commit > last) {
        return ERR_PROTOCOL;
    }
    m->commit = last + (uint64_t)commit;
    return m->commit < INT64_MAX ? 0 : ERR_PROTOCOL;
}

static int result_decode(struct cursor *c, unsigned flags, struct message *m)
{
    int64_t echo = 0;
    m->index = cursor_uvarint(c);
    if (flags & RESULT_ECHO) {
        echo = cursor_varint(c);
    }
    if (flags & RESULT_REJECT) {
        m->rejected = cursor_uvarint(c);
    }
    m->echo = m->term - (uint64_t)echo;
    m->repair = (flags & RESULT_REPAIR) != 0;
    return c->status == 0 && m->index < INT64_MAX ? 0 : ERR_PROTOCOL;
}

static int install_decode(struct cursor *c, struct message *m)
{
    m->index = cursor_uvarint(c);
    m->index_term = cursor_less(c, m->term);
    m->config_index = cursor_uvarint(c);
    uint64_t len = cursor_uvarint(c);
    if (len > MESSAGE_MANIFEST_MAX || len > cursor_left(c)) {
        return ERR_PROTOCOL;
    }
    m->manifest = cursor_take(c, (size_t)len);
    return c->status == 0 && m->index != 0 && m->index_term != 0 &&
                   m->index < INT64_MAX && m->config_index <= m->index
               ? 0
               : ERR_PROTOCOL;
}

static int body_decode(struct message_reader *r, unsigned flags,
                       struct message *m)
{
    struct cursor *c = &r->cursor;
    switch (m->kind) {
    case MESSAGE_APPEND:
        return append_decode(r, flags, m);
    case MESSAGE_RESULT:
        return result_decode(c, flags, m);
    case MESSAGE_VOTE:
        m->index = cursor_uvarint(c);
        m->index_term = cursor_uvarint(c);
        m->pre_vote = (flags & VOTE_PRE) != 0;
        m->disrupt = (flags & VOTE_DISRUPT) != 0;
        break;
    case MESSAGE_VOTE_RESULT:
        m->pre_vote = (flags & VOTE_PRE) != 0;
        m->granted = (flags & VOTE_GRANTED) != 0;
        break;
    case MESSAGE_INSTALL:
        return install_decode(c, m);
    case MESSAGE_TIMEOUT_NOW:
        m->index = cursor_uvarint(c);
        m->index_term = cursor_less(c, m->term);
        break;
    case MESSAGE_QUIET:
        m->index = cursor_uvarint(c);
        break;
    default:
        return ERR_PROTOCOL;
    }
    return c->status == 0 ? 0 : ERR_PROTOCOL;
}

int message_next(struct message_reader *r, struct message *ret_m)
{
    struct cursor *c = &r->cursor;
    struct message m = {.group = 0};
    if (cursor_left(c) == 0) {
        return r->payloads.len == 0 ? 0 : ERR_PROTOCOL;
    }
    unsigned head = cursor_u8(c);
    m.kind = (enum message_kind)(head & KIND_MASK);
    r->group += (uint64_t)cursor_varint(c);
    m.group = r->group;
    m.from = membership_id(r->from, cursor_uvarint32(c));
    m.to = membership_id(r->to, cursor_uvarint32(c));
    m.term = cursor_uvarint(c);
    if (c->status != 0 || m.term == 0 || m.term >= INT64_MAX || m.from == 0 ||
        m.from == m.to) {
        return ERR_PROTOCOL;
    }
    int rv = body_decode(r, head & ~KIND_MASK, &m);
    if (rv != 0) {
        return rv;
    }
    *ret_m = m;
    return 1;
}
