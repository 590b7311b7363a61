/* cgroup_codec.c - commands and results of @groups as bytes.
 *
 *   entry     version u8 = 1, items
 *   item      length u32, kind u8, body as its encoder writes it
 *   result    length u32, error u16, flags u8 {1 parked, 2 skip, 4 more},
 *             generation u32, member text, leader text, n uvarint, n * u16
 *   bootstrap version u8 = 1, cluster uuid, shard u8
 *
 * Versions stay readable for ever: a new one gets a new number.
 */
#include "base/assert.h"
#include "state/cgroup_impl.h"
#include "wire/errors.h"

enum { FLAG_PARKED = 1, FLAG_SKIP = 2, FLAG_MORE = 4 };

/* ---- parts ---------------------------------------------------------------
 */

void cgroup_put_bytes(struct buf *b, struct slice s)
{
    change_put_text(b, s);
}

struct slice cgroup_take_bytes(struct cursor *c)
{
    uint64_t len = cursor_uvarint(c);
    if (len > cursor_left(c)) {
        cursor_fail(c);
        return slice_of(NULL, 0);
    }
    return cursor_take(c, (size_t)len);
}

static struct slice take_name(struct cursor *c)
{
    return change_take_text(c, CGROUP_NAME_MAX);
}

static bool take_bool(struct cursor *c)
{
    uint8_t v = cursor_u8(c);
    if (v > 1) {
        cursor_fail(c);
    }
    return v == 1;
}

/* A count of things that take at least `min_bytes` each. */
static unsigned take_count(struct cursor *c, unsigned max, size_t min_bytes)
{
    uint64_t n = cursor_uvarint(c);
    if (n > max || n > cursor_left(c) / min_bytes) {
        cursor_fail(c);
        return 0;
    }
    return (unsigned)n;
}

/* Room for them, of which there may be none. NULL: nothing can be read. */
static void *take_array(struct cgroup_step *s, struct cursor *c, unsigned n,
                        size_t size)
{
    void *p = cgroup_alloc(s, (size_t)n + 1, size);
    return c->status == 0 ? p : NULL;
}

/* Nothing is left, and memory was there: the step may run. */
static bool whole(struct cgroup_step *s, struct cursor *c)
{
    if (c->status == 0 && cursor_left(c) > 0) {
        cursor_fail(c);
    }
    if (c->status != 0) {
        return cgroup_fail(s, KERR_INVALID_REQUEST);
    }
    return !s->nomem;
}

bool cgroup_name_ok(struct slice name)
{
    return name.len <= CGROUP_NAME_MAX &&
           (name.len == 0 || memchr(name.data, 0, name.len) == NULL);
}

/* ---- items ---------------------------------------------------------------
 */

void cgroup_batch_begin(struct buf *out)
{
    ASSERT(out->len == 0);
    buf_put_u8(out, CGROUP_VERSION);
}

/* Returns where the item's length will stand. */
static size_t item_begin(struct buf *out, enum cgroup_kind kind)
{
    size_t at = out->len;
    buf_put_u32(out, 0);
    buf_put_u8(out, (uint8_t)kind);
    return at;
}

static void length_put(struct buf *out, size_t at)
{
    if (out->status == 0) {
        size_t len = out->len - at - 4;
        for (unsigned i = 0; i < 4; i++) {
            out->data[at + i] = (uint8_t)(len >> (24 - 8 * i));
        }
    }
}

void cgroup_encode_join(const struct cgroup_join *c, struct buf *out)
{
    size_t at = item_begin(out, CGROUP_JOIN);
    change_put_text(out, c->group);
    change_put_text(out, c->member);
    change_put_text(out, c->new_member);
    change_put_text(out, c->instance);
    change_put_text(out, c->client_id);
    change_put_text(out, c->client_host);
    buf_put_u32(out, c->session_ms);
    buf_put_u32(out, c->rebalance_ms);
    change_put_text(out, c->protocol_type);
    buf_put_uvarint(out, c->n_protocols);
    for (unsigned i = 0; i < c->n_protocols; i++) {
        change_put_text(out, c->protocols[i].name);
        cgroup_put_bytes(out, c->protocols[i].metadata);
    }
    buf_put_u8(out, c->require_id);
    buf_put_u8(out, c->may_skip);
    buf_put_u32(out, c->initial_delay_ms);
    buf_put_u32(out, c->session_min_ms);
    buf_put_u32(out, c->session_max_ms);
    buf_put_u32(out, c->size_max);
    length_put(out, at);
}

static void decode_join(struct cgroup_step *s, struct cursor *c)
{
    struct cgroup_join j = {.group = take_name(c)};
    j.member = take_name(c);
    j.new_member = take_name(c);
    j.instance = take_name(c);
    j.client_id = take_name(c);
    j.client_host = take_name(c);
    j.session_ms = cursor_u32(c);
    j.rebalance_ms = cursor_u32(c);
    j.protocol_type = take_name(c);
    j.n_protocols = take_count(c, CGROUP_PROTOCOLS_MAX, 2);
    struct cgroup_protocol *p = take_array(s, c, j.n_protocols, sizeof *p);
    for (unsigned i = 0; p != NULL && i < j.n_protocols; i++) {
        p[i].name = take_name(c);
        p[i].metadata = cgroup_take_bytes(c);
    }
    j.protocols = p;
    j.require_id = take_bool(c);
    j.may_skip = take_bool(c);
    j.initial_delay_ms = cursor_u32(c);
    j.session_min_ms = cursor_u32(c);
    j.session_max_ms = cursor_u32(c);
    j.size_max = cursor_u32(c);
    if (whole(s, c)) {
        cgroup_step_join(s, &j);
    }
}

void cgroup_encode_sync(const struct cgroup_sync *c, struct buf *out)
{
    size_t at = item_begin(out, CGROUP_SYNC);
    change_put_text(out, c->group);
    change_put_text(out, c->member);
    change_put_text(out, c->instance);
    buf_put_u32(out, (uint32_t)c->generation);
    buf_put_u8(out, c->named);
    change_put_text(out, c->protocol_type);
    change_put_text(out, c->protocol);
    buf_put_uvarint(out, c->n_assignments);
    for (unsigned i = 0; i < c->n_assignments; i++) {
        change_put_text(out, c->assignments[i].member);
        cgroup_put_bytes(out, c->assignments[i].assignment);
    }
    length_put(out, at);
}

static void decode_sync(struct cgroup_step *s, struct cursor *c)
{
    struct cgroup_sync y = {.group = take_name(c)};
    y.member = take_name(c);
    y.instance = take_name(c);
    y.generation = (int32_t)cursor_u32(c);
    y.named = take_bool(c);
    y.protocol_type = take_name(c);
    y.protocol = take_name(c);
    y.n_assignments = take_count(c, CGROUP_MEMBERS_MAX, 2);
    struct cgroup_assignment *a = take_array(s, c, y.n_assignments, sizeof *a);
    for (unsigned i = 0; a != NULL && i < y.n_assignments; i++) {
        a[i].member = take_name(c);
        a[i].assignment = cgroup_take_bytes(c);
    }
    y.assignments = a;
    if (whole(s, c)) {
        cgroup_step_sync(s, &y);
    }
}

void cgroup_encode_leave(struct slice group, const struct cgroup_leaver l[],
                         unsigned n, struct buf *out)
{
    size_t at = item_begin(out, CGROUP_LEAVE);
    change_put_text(out, group);
    buf_put_uvarint(out, n);
    for (unsigned i = 0; i < n; i++) {
        change_put_text(out, l[i].member);
        change_put_text(out, l[i].instance);
    }
    length_put(out, at);
}

static void decode_leave(struct cgroup_step *s, struct cursor *c)
{
    struct slice group = take_name(c);
    unsigned n = take_count(c, CGROUP_MEMBERS_MAX, 2);
    struct cgroup_leaver *l = take_array(s, c, n, sizeof *l);
    for (unsigned i = 0; l != NULL && i < n; i++) {
        l[i].member = take_name(c);
        l[i].instance = take_name(c);
    }
    if (whole(s, c)) {
        cgroup_step_leave(s, group, l, n);
    }
}

void cgroup_encode_expire(struct slice group, const struct cgroup_expired m[],
                          unsigned n, struct buf *out)
{
    size_t at = item_begin(out, CGROUP_EXPIRE);
    change_put_text(out, group);
    buf_put_uvarint(out, n);
    for (unsigned i = 0; i < n; i++) {
        change_put_text(out, m[i].member);
        buf_put_u64(out, m[i].touched);
    }
    length_put(out, at);
}

static void decode_expire(struct cgroup_step *s, struct cursor *c)
{
    struct slice group = take_name(c);
    unsigned n = take_count(c, CGROUP_MEMBERS_MAX, 9);
    struct cgroup_expired *m = take_array(s, c, n, sizeof *m);
    for (unsigned i = 0; m != NULL && i < n; i++) {
        m[i].member = take_name(c);
        m[i].touched = cursor_u64(c);
    }
    if (whole(s, c)) {
        cgroup_step_expire(s, group, m, n);
    }
}

void cgroup_encode_due(struct slice group, int64_t round, struct buf *out)
{
    size_t at = item_begin(out, CGROUP_DUE);
    change_put_text(out, group);
    buf_put_u64(out, (uint64_t)round);
    length_put(out, at);
}

static void decode_due(struct cgroup_step *s, struct cursor *c)
{
    struct slice group = take_name(c);
    int64_t round = (int64_t)cursor_u64(c);
    if (whole(s, c)) {
        cgroup_step_due(s, group, round);
    }
}

void cgroup_encode_commit(const struct cgroup_commit *c, struct buf *out)
{
    size_t at = item_begin(out, CGROUP_COMMIT);
    change_put_text(out, c->group);
    change_put_text(out, c->member);
    change_put_text(out, c->instance);
    buf_put_u32(out, (uint32_t)c->generation);
    buf_put_u64(out, (uint64_t)c->retention_ms);
    buf_put_u8(out, c->v9);
    change_put_text(out, c->by);
    buf_put_u32(out, c->metadata_max);
    buf_put_u32(out, c->history_max);
    buf_put_u32(out, c->history_interval_ms);
    buf_put_uvarint(out, c->n_rows);
    for (unsigned i = 0; i < c->n_rows; i++) {
        const struct cgroup_commit_row *r = &c->rows[i];
        change_put_uuid(out, r->topic);
        buf_put_u32(out, (uint32_t)r->partition);
        buf_put_u64(out, (uint64_t)r->offset);
        buf_put_u32(out, (uint32_t)r->epoch);
        cgroup_put_bytes(out, r->metadata);
    }
    length_put(out, at);
}

static void decode_commit(struct cgroup_step *s, struct cursor *c)
{
    struct cgroup_commit k = {.group = take_name(c)};
    k.member = take_name(c);
    k.instance = take_name(c);
    k.generation = (int32_t)cursor_u32(c);
    k.retention_ms = (int64_t)cursor_u64(c);
    k.v9 = take_bool(c);
    k.by = take_name(c);
    k.metadata_max = cursor_u32(c);
    k.history_max = cursor_u32(c);
    k.history_interval_ms = cursor_u32(c);
    k.n_rows = take_count(c, CGROUP_ROWS_MAX, 33);
    struct cgroup_commit_row *r = take_array(s, c, k.n_rows, sizeof *r);
    for (unsigned i = 0; r != NULL && i < k.n_rows; i++) {
        r[i].topic = change_take_uuid(c);
        r[i].partition = (int32_t)cursor_u32(c);
        r[i].offset = (int64_t)cursor_u64(c);
        r[i].epoch = (int32_t)cursor_u32(c);
        r[i].metadata = cgroup_take_bytes(c);
    }
    k.rows = r;
    if (whole(s, c)) {
        cgroup_step_commit(s, &k);
    }
}

void cgroup_encode_offset_delete(struct slice group, int32_t generation,
                                 const struct cgroup_delete_row r[], unsigned n,
                                 struct buf *out)
{
    size_t at = item_begin(out, CGROUP_OFFSET_DELETE);
    change_put_text(out, group);
    buf_put_u32(out, (uint32_t)generation);
    buf_put_uvarint(out, n);
    for (unsigned i = 0; i < n; i++) {
        change_put_uuid(out, r[i].topic);
        buf_put_u32(out, (uint32_t)r[i].partition);
        buf_put_u8(out, r[i].subscribed);
    }
    length_put(out, at);
}

static void decode_offset_delete(struct cgroup_step *s, struct cursor *c)
{
    struct slice group = take_name(c);
    int32_t generation = (int32_t)cursor_u32(c);
    unsigned n = take_count(c, CGROUP_ROWS_MAX, 21);
    struct cgroup_delete_row *r = take_array(s, c, n, sizeof *r);
    for (unsigned i = 0; r != NULL && i < n; i++) {
        r[i].topic = change_take_uuid(c);
        r[i].partition = (int32_t)cursor_u32(c);
        r[i].subscribed = take_bool(c);
    }
    if (whole(s, c)) {
        cgroup_step_offset_delete(s, group, generation, r, n);
    }
}

void cgroup_encode_delete(struct slice group, uint32_t max, struct buf *out)
{
    size_t at = item_begin(out, CGROUP_DELETE);
    change_put_text(out, group);
    if (max > 0) {
        buf_put_u32(out, max);
    }
    length_put(out, at);
}

void cgroup_encode_topic_deleted(struct uuid topic, struct buf *out)
{
    size_t at = item_begin(out, CGROUP_TOPIC_DELETED);
    change_put_uuid(out, topic);
    length_put(out, at);
}

void cgroup_encode_offsets_expire(const struct cgroup_offsets_expire *c,
                                  struct buf *out)
{
    size_t at = item_begin(out, CGROUP_OFFSETS_EXPIRE);
    buf_put_u64(out, (uint64_t)c->retention_ms);
    change_put_text(out, c->group);
    buf_put_u32(out, (uint32_t)c->generation);
    buf_put_uvarint(out, c->n_subscribed);
    for (unsigned i = 0; i < c->n_subscribed; i++) {
        change_put_uuid(out, c->subscribed[i]);
    }
    length_put(out, at);
}

static void decode_offsets_expire(struct cgroup_step *s, struct cursor *c)
{
    struct cgroup_offsets_expire e = {.retention_ms = (int64_t)cursor_u64(c)};
    e.group = take_name(c);
    e.generation = (int32_t)cursor_u32(c);
    e.n_subscribed = take_count(c, CGROUP_ROWS_MAX, sizeof(struct uuid));
    struct uuid *u = take_array(s, c, e.n_subscribed, sizeof *u);
    for (unsigned i = 0; u != NULL && i < e.n_subscribed; i++) {
        u[i] = change_take_uuid(c);
    }
    e.subscribed = u;
    if (whole(s, c)) {
        cgroup_step_offsets_expire(s, &e);
    }
}

void cgroup_decode_step(struct cgroup_step *s, uint8_t kind, struct cursor *c)
{
    uint32_t max;
    struct slice name;
    struct uuid topic;
    switch (kind) {
    case CGROUP_JOIN:
        decode_join(s, c);
        break;
    case CGROUP_SYNC:
        decode_sync(s, c);
        break;
    case CGROUP_LEAVE:
        decode_leave(s, c);
        break;
    case CGROUP_EXPIRE:
        decode_expire(s, c);
        break;
    case CGROUP_DUE:
        decode_due(s, c);
        break;
    case CGROUP_COMMIT:
        decode_commit(s, c);
        break;
    case CGROUP_OFFSET_DELETE:
        decode_offset_delete(s, c);
        break;
    case CGROUP_DELETE:
        name = take_name(c);
        max = c->status == 0 && cursor_left(c) > 0 ? cursor_u32(c) : 0;
        if (whole(s, c)) {
            cgroup_step_delete(s, name, max);
        }
        break;
    case CGROUP_TOPIC_DELETED:
        topic = change_take_uuid(c);
        if (whole(s, c)) {
            cgroup_step_topic_deleted(s, topic);
        }
        break;
    case CGROUP_OFFSETS_EXPIRE:
        decode_offsets_expire(s, c);
        break;
    default:
        cgroup_fail(s, KERR_UNSUPPORTED_VERSION);
    }
}

/* ---- protocols -----------------------------------------------------------
 */

struct slice cgroup_pack_protocols(struct cgroup_step *s,
                                   const struct cgroup_protocol p[], unsigned n)
{
    struct buf b;
    buf_init(&b, s->arena.mem, 0);
    for (unsigned i = 0; i < n; i++) {
        cgroup_put_bytes(&b, p[i].name);
        cgroup_put_bytes(&b, p[i].metadata);
    }
    s->nomem |= b.status != 0;
    struct slice kept = cgroup_keep(s, buf_slice(&b));
    buf_close(&b);
    return kept;
}

bool cgroup_next_protocol(struct cursor *c, struct cgroup_protocol *ret_p)
{
    if (c->status != 0 || cursor_left(c) == 0) {
        return false;
    }
    struct cgroup_protocol p = {.name = cgroup_take_bytes(c)};
    p.metadata = cgroup_take_bytes(c);
    *ret_p = p;
    return c->status == 0;
}

/* ---- results -------------------------------------------------------------
 */

void cgroup_encode_result(const struct cgroup_step *s, struct buf *out)
{
    const struct cgroup_result *r = &s->result;
    size_t at = out->len;
    buf_put_u32(out, 0);
    buf_put_u16(out, (uint16_t)r->error);
    buf_put_u8(out, (uint8_t)((r->parked ? FLAG_PARKED : 0) |
                              (r->skip_assignment ? FLAG_SKIP : 0) |
                              (r->more ? FLAG_MORE : 0)));
    buf_put_u32(out, (uint32_t)r->generation);
    change_put_text(out, r->member);
    change_put_text(out, r->leader);
    buf_put_uvarint(out, s->n_errors);
    for (unsigned i = 0; i < s->n_errors; i++) {
        buf_put_u16(out, (uint16_t)s->errors[i]);
    }
    length_put(out, at);
}

bool cgroup_next_result(struct cursor *c, struct cgroup_result *ret_r)
{
    struct cursor in;
    struct cgroup_result r = {0};
    if (c->status != 0 || cursor_left(c) == 0) {
        return false;
    }
    uint32_t len = cursor_u32(c);
    cursor_init(&in, cursor_take(c, len));
    r.error = (int16_t)cursor_u16(&in);
    uint8_t flags = cursor_u8(&in);
    r.parked = (flags & FLAG_PARKED) != 0;
    r.skip_assignment = (flags & FLAG_SKIP) != 0;
    r.more = (flags & FLAG_MORE) != 0;
    r.generation = (int32_t)cursor_u32(&in);
    r.member = take_name(&in);
    r.leader = take_name(&in);
    unsigned n = take_count(&in, CGROUP_ROWS_MAX, 2);
    r.errors = cursor_take(&in, 2 * (size_t)n);
    if (in.status != 0 || cursor_left(&in) > 0) {
        cursor_fail(c);
    }
    if (c->status == 0) {
        *ret_r = r;
    }
    return c->status == 0;
}

unsigned cgroup_result_errors(const struct cgroup_result *r)
{
    return (unsigned)(r->errors.len / 2);
}

int16_t cgroup_result_error(const struct cgroup_result *r, unsigned i)
{
    ASSERT(i < cgroup_result_errors(r));
    return (int16_t)(r->errors.data[2 * i] << 8 | r->errors.data[2 * i + 1]);
}

/* ---- bootstrap -----------------------------------------------------------
 */

void cgroup_encode_bootstrap(struct uuid cluster, unsigned shard,
                             struct buf *out)
{
    ASSERT(shard < CGROUP_SHARDS);
    buf_put_u8(out, CGROUP_VERSION);
    change_put_uuid(out, cluster);
    buf_put_u8(out, (uint8_t)shard);
}

int cgroup_decode_bootstrap(struct slice in, struct uuid *ret_cluster,
                            unsigned *ret_shard)
{
    struct cursor c;
    cursor_init(&c, in);
    uint8_t version = cursor_u8(&c);
    *ret_cluster = change_take_uuid(&c);
    *ret_shard = cursor_u8(&c);
    return c.status == 0 && cursor_left(&c) == 0 && version == CGROUP_VERSION &&
                   *ret_shard < CGROUP_SHARDS
               ? 0
               : ERR_INVALID;
}
