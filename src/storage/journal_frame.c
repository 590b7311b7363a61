#include "storage/journal_frame.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "base/crc32c.h"

uint32_t frame_records_at(uint32_t n)
{
    return FRAME_FACTS_BYTES + n * FRAME_DIR_BYTES;
}

uint64_t frame_length(uint32_t records_at, uint64_t records_len,
                      uint32_t n_groups)
{
    return format_blocks(records_at + records_len +
                         (uint64_t)n_groups * FRAME_DIR_BYTES +
                         FRAME_FACTS_BYTES);
}

uint32_t frame_salt(const struct frame_facts *f)
{
    uint8_t b[40];
    memcpy(b, f->ring.b, 16);
    le64_store(b + 16, f->generation);
    le64_store(b + 24, f->epoch);
    le64_store(b + 32, f->seq);
    return crc32c(b, sizeof b);
}

static void frame_encode_facts(uint8_t *out, const struct frame_facts *f,
                               bool trailer)
{
    le64_store(out + FRAME_AT_MAGIC, trailer ? TRAILER_MAGIC : FRAME_MAGIC);
    le16_store(out + FRAME_AT_VERSION, FORMAT_VERSION);
    le16_store(out + FRAME_AT_ZERO, 0);
    le32_store(out + FRAME_AT_SLOT, f->slot);
    memcpy(out + FRAME_AT_RING, f->ring.b, 16);
    le64_store(out + FRAME_AT_GENERATION, f->generation);
    le64_store(out + FRAME_AT_EPOCH, f->epoch);
    le64_store(out + FRAME_AT_SEQ, f->seq);
    le64_store(out + FRAME_AT_FIRST, f->first);
    le64_store(out + FRAME_AT_LAST, f->last);
    le64_store(out + FRAME_AT_DURABLE, f->durable);
    le64_store(out + FRAME_AT_CHECKPOINT, f->checkpoint);
    le64_store(out + FRAME_AT_OFFSET, f->offset);
    le32_store(out + FRAME_AT_LENGTH, f->length);
    le32_store(out + FRAME_AT_GROUPS, f->n_groups);
    le32_store(out + FRAME_AT_LISTED, f->n_listed);
    le32_store(out + FRAME_AT_RECORDS, f->records_at);
    le32_store(out + FRAME_AT_RECORDS_LEN, f->records_len);
    le32_store(out + FRAME_AT_DIR_CRC, f->dir_crc);
    le32_store(out + FRAME_AT_ZERO2, 0);
    le32_store(out + FRAME_AT_CRC, crc32c(out, FRAME_AT_CRC));
}

static void frame_write_dir(uint8_t *out, const struct frame_group groups[],
                            uint32_t n)
{
    for (uint32_t i = 0; i < n; i++, out += FRAME_DIR_BYTES) {
        le64_store(out + DIR_AT_GROUP, groups[i].group);
        le64_store(out + DIR_AT_FIRST, groups[i].first);
        le64_store(out + DIR_AT_LAST, groups[i].last);
    }
}

void frame_finish(uint8_t *frame, struct frame_facts *f,
                  const struct frame_group groups[])
{
    uint32_t front = (f->records_at - FRAME_FACTS_BYTES) / FRAME_DIR_BYTES;
    uint32_t used = f->records_at + f->records_len;
    uint32_t dir = f->n_groups * FRAME_DIR_BYTES;
    f->length =
        (uint32_t)frame_length(f->records_at, f->records_len, f->n_groups);
    uint32_t trailer_at = f->length - FRAME_FACTS_BYTES;
    uint32_t dir_at = trailer_at - dir;
    ASSERT(dir_at >= used);
    memset(frame + used, 0, dir_at - used);
    frame_write_dir(frame + dir_at, groups, f->n_groups);
    f->n_listed = f->n_groups;
    f->dir_crc = crc32c(frame + dir_at, dir);
    frame_encode_facts(frame + trailer_at, f, true);

    f->n_listed = f->n_groups < front ? f->n_groups : front;
    uint8_t *p = frame + FRAME_FACTS_BYTES;
    memset(p, 0, f->records_at - FRAME_FACTS_BYTES);
    frame_write_dir(p, groups, f->n_listed);
    f->dir_crc = crc32c(p, f->records_at - FRAME_FACTS_BYTES);
    frame_encode_facts(frame, f, false);
}

static bool facts_sane(const struct frame_facts *f)
{
    if (f->length < FORMAT_BLOCK || f->length % FORMAT_BLOCK != 0 ||
        f->offset % FORMAT_BLOCK != 0) {
        return false;
    }
    if (f->records_at < FRAME_FACTS_BYTES || f->records_at > f->length ||
        (f->records_at - FRAME_FACTS_BYTES) % FRAME_DIR_BYTES != 0) {
        return false;
    }
    if (f->seq == 0 || f->durable >= f->seq || f->last + 1 < f->first) {
        return false;
    }
    return f->n_listed <= f->n_groups &&
           f->length ==
               frame_length(f->records_at, f->records_len, f->n_groups);
}

int frame_decode_facts(const uint8_t in[FRAME_FACTS_BYTES], bool trailer,
                       struct frame_facts *ret_f)
{
    if (le64_load(in + FRAME_AT_MAGIC) !=
            (trailer ? TRAILER_MAGIC : FRAME_MAGIC) ||
        le32_load(in + FRAME_AT_CRC) != crc32c(in, FRAME_AT_CRC)) {
        return ERR_CORRUPT;
    }
    if (le16_load(in + FRAME_AT_VERSION) != FORMAT_VERSION) {
        return ERR_VERSION;
    }
    struct frame_facts f = {
        .generation = le64_load(in + FRAME_AT_GENERATION),
        .epoch = le64_load(in + FRAME_AT_EPOCH),
        .seq = le64_load(in + FRAME_AT_SEQ),
        .first = le64_load(in + FRAME_AT_FIRST),
        .last = le64_load(in + FRAME_AT_LAST),
        .durable = le64_load(in + FRAME_AT_DURABLE),
        .checkpoint = le64_load(in + FRAME_AT_CHECKPOINT),
        .offset = le64_load(in + FRAME_AT_OFFSET),
        .slot = le32_load(in + FRAME_AT_SLOT),
        .length = le32_load(in + FRAME_AT_LENGTH),
        .n_groups = le32_load(in + FRAME_AT_GROUPS),
        .n_listed = le32_load(in + FRAME_AT_LISTED),
        .records_at = le32_load(in + FRAME_AT_RECORDS),
        .records_len = le32_load(in + FRAME_AT_RECORDS_LEN),
        .dir_crc = le32_load(in + FRAME_AT_DIR_CRC),
    };
    memcpy(f.ring.b, in + FRAME_AT_RING, 16);
    if (le16_load(in + FRAME_AT_ZERO) != 0 ||
        le32_load(in + FRAME_AT_ZERO2) != 0 || !facts_sane(&f)) {
        return ERR_CORRUPT;
    }
    *ret_f = f;
    return 0;
}

/* True if a header and a trailer speak of the same frame. */
static bool facts_agree(const struct frame_facts *a,
                        const struct frame_facts *b)
{
    return uuid_equal(a->ring, b->ring) && a->generation == b->generation &&
           a->epoch == b->epoch && a->seq == b->seq && a->first == b->first &&
           a->last == b->last && a->durable == b->durable &&
           a->checkpoint == b->checkpoint && a->offset == b->offset &&
           a->slot == b->slot && a->length == b->length &&
           a->n_groups == b->n_groups && a->records_at == b->records_at &&
           a->records_len == b->records_len;
}

static bool all_zero(const uint8_t *p, size_t len)
{
    return len == 0 || (p[0] == 0 && memcmp(p, p + 1, len - 1) == 0);
}

int frame_directory(const uint8_t *frame, const struct frame_facts *f,
                    bool trailer, const uint8_t **ret_dir)
{
    uint32_t len = trailer ? f->n_groups * FRAME_DIR_BYTES
                           : f->records_at - FRAME_FACTS_BYTES;
    const uint8_t *dir = trailer ? frame + f->length - FRAME_FACTS_BYTES - len
                                 : frame + FRAME_FACTS_BYTES;
    if (crc32c(dir, len) != f->dir_crc || f->n_listed < f->n_groups) {
        return ERR_CORRUPT;
    }
    *ret_dir = dir;
    return 0;
}

struct frame_group frame_dir_item(const uint8_t *dir, uint32_t i)
{
    const uint8_t *p = dir + (size_t)i * FRAME_DIR_BYTES;
    return (struct frame_group){.group = le64_load(p + DIR_AT_GROUP),
                                .first = le64_load(p + DIR_AT_FIRST),
                                .last = le64_load(p + DIR_AT_LAST)};
}

/* Both directories and everything that must be zero. */
static int frame_check_frame(const uint8_t *frame, const struct frame_facts *f)
{
    struct frame_facts t;
    const uint8_t *dir;
    uint32_t trailer_at = f->length - FRAME_FACTS_BYTES;
    uint32_t front = f->records_at - FRAME_FACTS_BYTES;
    uint32_t used = f->records_at + f->records_len;
    int rv = frame_decode_facts(frame + trailer_at, true, &t);
    if (rv != 0 || !facts_agree(f, &t) ||
        frame_directory(frame, &t, true, &dir) != 0) {
        return ERR_CORRUPT;
    }
    const uint8_t *p = frame + FRAME_FACTS_BYTES;
    uint32_t listed = f->n_listed * FRAME_DIR_BYTES;
    if (listed > front || crc32c(p, front) != f->dir_crc ||
        memcmp(p, dir, listed) != 0 || !all_zero(p + listed, front - listed)) {
        return ERR_CORRUPT;
    }
    return all_zero(frame + used, (size_t)(dir - frame) - used) ? 0
                                                                : ERR_CORRUPT;
}

static int record_check_payloads(const struct record *r)
{
    size_t at = 0;
    for (uint32_t i = 0; i < r->n_entries; i++) {
        struct entry e;
        record_entry(r, &at, &e);
        if (crc32c(e.payload.data, e.payload.len) != e.crc) {
            return ERR_CORRUPT;
        }
    }
    return 0;
}

int frame_check(const uint8_t *frame, const struct frame_facts *f)
{
    int rv = frame_check_frame(frame, f);
    if (rv != 0) {
        return rv;
    }
    struct slice in = slice_of(frame + f->records_at, f->records_len);
    uint32_t salt = frame_salt(f);
    uint64_t seq = f->first;
    while (in.len > 0) {
        struct record r;
        size_t len;
        if (record_read(in, salt, &r, &len) != 0 || r.seq != seq ||
            record_check_payloads(&r) != 0) {
            return ERR_CORRUPT;
        }
        seq++;
        in = slice_of(in.data + len, in.len - len);
    }
    return seq == f->last + 1 ? 0 : ERR_CORRUPT;
}

/* ---- records ------------------------------------------------------------ */

uint64_t record_entry_bytes(const struct entry *e)
{
    return ENTRY_HEADER_BYTES + format_pad(e->payload.len);
}

uint64_t record_bytes(uint64_t body_len)
{
    return RECORD_BYTES + format_pad(body_len);
}

static void record_write_header(uint8_t *p, uint32_t salt,
                                const struct record *r, uint64_t body_len,
                                uint32_t body_crc)
{
    memset(p, 0, RECORD_BYTES);
    p[RECORD_AT_KIND] = (uint8_t)r->kind;
    le32_store(p + RECORD_AT_ENTRIES, r->n_entries);
    le64_store(p + RECORD_AT_SEQ, r->seq);
    le64_store(p + RECORD_AT_GROUP, r->group);
    le32_store(p + RECORD_AT_LENGTH, (uint32_t)body_len);
    le32_store(p + RECORD_AT_BODY_CRC, body_crc);
    le32_store(p + RECORD_AT_CRC, crc32c_extend(salt, p, RECORD_AT_CRC));
}

/* Zeros from `p` up to a multiple of 8 bytes from `start`. */
static uint8_t *write_pad(const uint8_t *start, uint8_t *p)
{
    size_t n = (size_t)(-(p - start)) & 7;
    memset(p, 0, n);
    return p + n;
}

uint8_t *record_write_entries(uint8_t *p, uint32_t salt, const struct record *r,
                              struct entry *const entries[])
{
    uint8_t *body = p + RECORD_BYTES;
    uint8_t *q = body;
    uint32_t crc = 0;
    for (uint32_t i = 0; i < r->n_entries; i++) {
        const struct entry *e = entries[i];
        entry_encode_header(e, q);
        crc = crc32c_extend(crc, q, ENTRY_HEADER_BYTES);
        q += ENTRY_HEADER_BYTES;
        if (e->payload.len > 0) {
            memcpy(q, e->payload.data, e->payload.len);
        }
        q = write_pad(body, q + e->payload.len);
    }
    record_write_header(p, salt, r, (uint64_t)(q - body), crc);
    return q;
}

uint8_t *record_write(uint8_t *p, uint32_t salt, const struct record *r,
                      struct slice head, struct slice rest)
{
    uint8_t *body = p + RECORD_BYTES;
    uint64_t len = head.len + rest.len;
    if (head.len > 0) {
        memcpy(body, head.data, head.len);
    }
    if (rest.len > 0) {
        memcpy(body + head.len, rest.data, rest.len);
    }
    record_write_header(p, salt, r, len, crc32c(body, len));
    return write_pad(body, body + len);
}

static bool kind_has_entries(unsigned kind)
{
    return kind == JOURNAL_APPEND || kind == JOURNAL_COPY;
}

/* The entries of a body: their headers, order and padding. */
static int record_check_entries(const struct record *r, uint32_t body_crc)
{
    struct slice in = r->body;
    uint32_t crc = 0;
    uint64_t index = 0;
    for (uint32_t i = 0; i < r->n_entries; i++) {
        struct entry e;
        uint32_t len;
        if (in.len < ENTRY_HEADER_BYTES ||
            entry_decode_header(in.data, &e, &len) != 0 ||
            format_pad(len) > in.len - ENTRY_HEADER_BYTES) {
            return ERR_CORRUPT;
        }
        if (i > 0 && e.index != index + 1) {
            return ERR_CORRUPT;
        }
        index = e.index;
        crc = crc32c_extend(crc, in.data, ENTRY_HEADER_BYTES);
        const uint8_t *end = in.data + ENTRY_HEADER_BYTES + len;
        size_t pad = format_pad(len) - len;
        if (!all_zero(end, pad)) {
            return ERR_CORRUPT;
        }
        size_t whole = ENTRY_HEADER_BYTES + format_pad(len);
        in = slice_of(in.data + whole, in.len - whole);
    }
    return in.len == 0 && r->n_entries > 0 && crc == body_crc ? 0 : ERR_CORRUPT;
}

static int record_check_body(const struct record *r, uint32_t body_crc)
{
    if (kind_has_entries(r->kind)) {
        return record_check_entries(r, body_crc);
    }
    if (r->n_entries != 0 || crc32c(r->body.data, r->body.len) != body_crc) {
        return ERR_CORRUPT;
    }
    struct journal_open_info o;
    switch (r->kind) {
    case JOURNAL_HARD:
        return r->body.len == HARD_BYTES ? 0 : ERR_CORRUPT;
    case JOURNAL_MANIFEST:
    case JOURNAL_INSTALL:
        return r->body.len >= POINT_BYTES ? 0 : ERR_CORRUPT;
    case JOURNAL_OPEN:
        return open_decode(r->body, r->group, &o);
    case JOURNAL_DROP:
    case JOURNAL_REPAIRED:
        return r->body.len == 0 ? 0 : ERR_CORRUPT;
    default:
        return ERR_CORRUPT;
    }
}

int record_read(struct slice in, uint32_t salt, struct record *ret_r,
                size_t *ret_len)
{
    const uint8_t *p = in.data;
    if (in.len < RECORD_BYTES ||
        le32_load(p + RECORD_AT_CRC) != crc32c_extend(salt, p, RECORD_AT_CRC)) {
        return ERR_CORRUPT;
    }
    uint64_t len = le32_load(p + RECORD_AT_LENGTH);
    if (format_pad(len) > in.len - RECORD_BYTES ||
        !all_zero(p + RECORD_AT_ZERO, RECORD_AT_ENTRIES - RECORD_AT_ZERO) ||
        le32_load(p + RECORD_AT_ZERO2) != 0) {
        return ERR_CORRUPT;
    }
    struct record r = {
        .kind = (enum journal_kind)p[RECORD_AT_KIND],
        .seq = le64_load(p + RECORD_AT_SEQ),
        .group = le64_load(p + RECORD_AT_GROUP),
        .n_entries = le32_load(p + RECORD_AT_ENTRIES),
        .body = slice_of(p + RECORD_BYTES, len),
    };
    if (!all_zero(p + RECORD_BYTES + len, format_pad(len) - len)) {
        return ERR_CORRUPT;
    }
    int rv = record_check_body(&r, le32_load(p + RECORD_AT_BODY_CRC));
    if (rv != 0) {
        return rv;
    }
    *ret_r = r;
    *ret_len = RECORD_BYTES + format_pad(len);
    return 0;
}

void record_entry(const struct record *r, size_t *at, struct entry *ret_e)
{
    const uint8_t *p = r->body.data + *at;
    uint32_t len = 0;
    int rv = entry_decode_header(p, ret_e, &len);
    ASSERT(rv == 0);
    ret_e->payload = (struct bytes){NULL, p + ENTRY_HEADER_BYTES, len};
    ret_e->seq = r->seq;
    *at += ENTRY_HEADER_BYTES + format_pad(len);
}

/* ---- bodies ------------------------------------------------------------- */

void point_encode(uint8_t out[POINT_BYTES], const struct log_point *p)
{
    le64_store(out + POINT_AT_INDEX, p->index);
    le64_store(out + POINT_AT_TERM, p->term);
    le64_store(out + POINT_AT_OFFSET, (uint64_t)p->offset);
    le64_store(out + POINT_AT_TIME, (uint64_t)p->time_ms);
    le64_store(out + POINT_AT_CHAIN, p->chain);
}

struct log_point point_decode(const uint8_t in[POINT_BYTES])
{
    return (struct log_point){
        .index = le64_load(in + POINT_AT_INDEX),
        .term = le64_load(in + POINT_AT_TERM),
        .offset = (int64_t)le64_load(in + POINT_AT_OFFSET),
        .time_ms = (int64_t)le64_load(in + POINT_AT_TIME),
        .chain = le64_load(in + POINT_AT_CHAIN),
    };
}

void open_encode(uint8_t out[OPEN_BYTES], const struct journal_open_info *o)
{
    memcpy(out + OPEN_AT_TOPIC, o->topic.b, 16);
    le32_store(out + OPEN_AT_PARTITION, (uint32_t)o->partition);
    le32_store(out + OPEN_AT_CONFIG_LEN, (uint32_t)o->config.len);
    le64_store(out + OPEN_AT_MEMBERSHIP, o->membership_id);
    point_encode(out + OPEN_AT_BASE, &o->base);
}

int open_decode(struct slice body, uint64_t group,
                struct journal_open_info *ret_o)
{
    if (body.len < OPEN_BYTES ||
        le32_load(body.data + OPEN_AT_CONFIG_LEN) != body.len - OPEN_BYTES) {
        return ERR_CORRUPT;
    }
    *ret_o = (struct journal_open_info){
        .group = group,
        .partition = (int32_t)le32_load(body.data + OPEN_AT_PARTITION),
        .membership_id = le64_load(body.data + OPEN_AT_MEMBERSHIP),
        .base = point_decode(body.data + OPEN_AT_BASE),
        .config = slice_of(body.data + OPEN_BYTES, body.len - OPEN_BYTES),
    };
    memcpy(ret_o->topic.b, body.data + OPEN_AT_TOPIC, 16);
    return 0;
}
