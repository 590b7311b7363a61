/* sequence.c - see sequence.h. */
#include "record/sequence.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "base/err.h"
#include "record/build.h"

#define ENTRY_VERSION   1
#define ENTRY_HEAD_LEN  32
#define ENTRY_BATCH_LEN 32

static const struct producer_batch *window_find(const struct producer_entry *e,
                                                int32_t first, int32_t last)
{
    int i;
    for (i = 0; i < e->n; i++) {
        if (e->batches[i].first_seq == first &&
            e->batches[i].last_seq == last) {
            return &e->batches[i];
        }
    }
    return NULL;
}

/* The sequence number that must come next. */
static int32_t sequence_next(const struct producer_entry *e)
{
    int32_t last =
        e->n == 0 ? BATCH_NO_SEQUENCE : e->batches[e->n - 1].last_seq;
    return last == INT32_MAX ? 0 : last + 1;
}

enum producer_verdict producer_check(const struct producer_entry *e,
                                     const struct batch *b,
                                     struct producer_batch *ret_first)
{
    const struct producer_batch *first;
    int32_t expected;
    if (!batch_has_producer(b) || batch_is_control(b)) {
        return PRODUCER_APPEND;
    }
    if (b->base_sequence < 0) {
        return PRODUCER_OUT_OF_ORDER;
    }
    if (e == NULL) {
        return PRODUCER_APPEND;
    }
    ASSERT(e->producer_id == b->producer_id);
    if (b->producer_epoch < e->producer_epoch) {
        return PRODUCER_FENCED;
    }
    expected = 0;
    if (b->producer_epoch == e->producer_epoch) {
        first = window_find(e, b->base_sequence, batch_last_sequence(b));
        if (first != NULL) {
            *ret_first = *first;
            return PRODUCER_DUPLICATE;
        }
        expected = sequence_next(e);
    } else if (e->producer_epoch < 0) {
        return PRODUCER_APPEND;
    }
    return b->base_sequence == expected ? PRODUCER_APPEND
                                        : PRODUCER_OUT_OF_ORDER;
}

void producer_init(struct producer_entry *e, int64_t producer_id)
{
    *e = (struct producer_entry){
        .producer_id = producer_id,
        .producer_epoch = -1,
        .coordinator_epoch = -1,
        .txn_first_offset = PRODUCER_NO_OFFSET,
        .last_timestamp = BATCH_NO_TIMESTAMP,
    };
}

static void window_push(struct producer_entry *e, struct producer_batch pb)
{
    if (e->n == PRODUCER_WINDOW) {
        memmove(e->batches, e->batches + 1,
                sizeof e->batches[0] * (PRODUCER_WINDOW - 1));
        e->n--;
    }
    e->batches[e->n++] = pb;
}

static void window_clear(struct producer_entry *e)
{
    memset(e->batches, 0, sizeof e->batches);
    e->n = 0;
}

static void marker_apply(struct producer_entry *e, const struct batch *b)
{
    struct build_control_view view;
    if (build_control_read(b, &view) != 0) {
        return;
    }
    e->txn_first_offset = PRODUCER_NO_OFFSET;
    if (view.coordinator_epoch > e->coordinator_epoch) {
        e->coordinator_epoch = view.coordinator_epoch;
    }
}

void producer_update(struct producer_entry *e, const struct batch *b,
                     int64_t base_offset, int64_t now_ms)
{
    ASSERT(e->producer_id == b->producer_id);
    if (b->producer_epoch > e->producer_epoch) {
        e->producer_epoch = b->producer_epoch;
        window_clear(e);
    }
    if (now_ms > e->last_timestamp) {
        e->last_timestamp = now_ms;
    }
    if (batch_is_control(b)) {
        marker_apply(e, b);
        return;
    }
    if (b->base_sequence >= 0 && b->producer_epoch == e->producer_epoch) {
        window_push(e, (struct producer_batch){
                           .first_seq = b->base_sequence,
                           .last_seq = batch_last_sequence(b),
                           .base_offset = base_offset,
                           .last_offset = base_offset + b->last_offset_delta,
                           .timestamp = b->max_timestamp,
                       });
    }
    if (batch_is_transactional(b) &&
        e->txn_first_offset == PRODUCER_NO_OFFSET) {
        e->txn_first_offset = base_offset;
    }
}

/* What both our own state and a decoded entry must satisfy. */
static bool entry_sound(const struct producer_entry *e)
{
    int i;
    if (e->producer_id < 0 || e->producer_epoch < -1 || e->n < 0 ||
        e->n > PRODUCER_WINDOW || e->coordinator_epoch < -1 ||
        e->txn_first_offset < PRODUCER_NO_OFFSET) {
        return false;
    }
    for (i = 0; i < e->n; i++) {
        const struct producer_batch *pb = &e->batches[i];
        if (pb->first_seq < 0 || pb->last_seq < 0 || pb->base_offset < 0 ||
            pb->last_offset < pb->base_offset ||
            (i > 0 && pb->base_offset <= e->batches[i - 1].last_offset)) {
            return false;
        }
    }
    return true;
}

void producer_entry_check(const struct producer_entry *e)
{
    ASSERT(entry_sound(e));
}

void producer_encode(const struct producer_entry *e, struct buf *out)
{
    size_t len = ENTRY_HEAD_LEN + (size_t)e->n * ENTRY_BATCH_LEN;
    uint8_t *p = buf_reserve(out, len);
    int i;
    if (p == NULL) {
        return;
    }
    p[0] = ENTRY_VERSION;
    p[1] = (uint8_t)e->n;
    le16_store(p + 2, (uint16_t)e->producer_epoch);
    le32_store(p + 4, (uint32_t)e->coordinator_epoch);
    le64_store(p + 8, (uint64_t)e->producer_id);
    le64_store(p + 16, (uint64_t)e->txn_first_offset);
    le64_store(p + 24, (uint64_t)e->last_timestamp);
    p += ENTRY_HEAD_LEN;
    for (i = 0; i < e->n; i++, p += ENTRY_BATCH_LEN) {
        const struct producer_batch *pb = &e->batches[i];
        le32_store(p, (uint32_t)pb->first_seq);
        le32_store(p + 4, (uint32_t)pb->last_seq);
        le64_store(p + 8, (uint64_t)pb->base_offset);
        le64_store(p + 16, (uint64_t)pb->last_offset);
        le64_store(p + 24, (uint64_t)pb->timestamp);
    }
    out->len += len;
}

static void batch_decode(struct cursor *c, struct producer_batch *pb)
{
    pb->first_seq = (int32_t)cursor_u32le(c);
    pb->last_seq = (int32_t)cursor_u32le(c);
    pb->base_offset = (int64_t)cursor_u64le(c);
    pb->last_offset = (int64_t)cursor_u64le(c);
    pb->timestamp = (int64_t)cursor_u64le(c);
}

int producer_decode(struct cursor *c, struct producer_entry *ret_e)
{
    struct producer_entry e = {0};
    uint8_t version = cursor_u8(c);
    int i;
    if (c->status == 0 && version != ENTRY_VERSION) {
        return version == 0 ? ERR_CORRUPT : ERR_VERSION;
    }
    e.n = cursor_u8(c);
    e.producer_epoch = (int16_t)cursor_u16le(c);
    e.coordinator_epoch = (int32_t)cursor_u32le(c);
    e.producer_id = (int64_t)cursor_u64le(c);
    e.txn_first_offset = (int64_t)cursor_u64le(c);
    e.last_timestamp = (int64_t)cursor_u64le(c);
    if (e.n > PRODUCER_WINDOW) {
        return ERR_CORRUPT;
    }
    for (i = 0; i < e.n; i++) {
        batch_decode(c, &e.batches[i]);
    }
    if (c->status != 0 || !entry_sound(&e)) {
        return ERR_CORRUPT;
    }
    *ret_e = e;
    return 0;
}
