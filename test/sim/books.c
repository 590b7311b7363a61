/* books.c - what the clients know of a partition. See world.h. */
#include <string.h>

#include "base/assert.h"
#include "base/hash.h"
#include "record/iterate.h"
#include "world.h"

void book_init(struct book *b, struct world *w, unsigned topic,
               unsigned partition)
{
    *b = (struct book){.world = w,
                       .topic = topic,
                       .partition = partition,
                       .leader = -1,
                       .epoch = -1};
}

size_t book_value(const struct book *b, unsigned producer, uint32_t seq,
                  uint8_t *out)
{
    struct rand r;
    size_t len;

    rand_init(&r, ((uint64_t)b->topic << 56) ^ ((uint64_t)b->partition << 48) ^
                      ((uint64_t)producer << 40) ^ seq);
    len = 12 + (size_t)rand_below(
                   &r, rand_below(&r, 20) == 0 ? BOOK_VALUE_MAX - 12 : 200);
    rand_fill(&r, out, len);
    memcpy(out, &(uint32_t){producer}, 4);
    memcpy(out + 4, &seq, 4);
    return len;
}

static const char *topic_name(const struct book *b)
{
    return b->world->topics[b->topic].name;
}

static struct book_cell *cell(struct book *b, int64_t offset)
{
    size_t want = (size_t)offset + 1;

    ASSERT(offset >= 0 && offset < 1 << 30);
    if (want > b->n_cells) {
        size_t n = want + b->n_cells;
        b->cells = mem_realloc(b->world->mem, b->cells, n * sizeof *b->cells);
        ASSERT(b->cells != NULL);
        memset(b->cells + b->n_cells, 0, (n - b->n_cells) * sizeof *b->cells);
        b->n_cells = n;
    }
    return &b->cells[offset];
}

/* ---- what nobody answered ---------------------------------------------------
 */

void book_loosen(struct book *b, unsigned producer, uint32_t seq, unsigned n)
{
    if ((b->n_loose & (b->n_loose - 1)) == 0) { /* 0, 1, 2, 4 ... */
        size_t cap = b->n_loose == 0 ? 1 : b->n_loose * 2;
        b->loose = mem_realloc(b->world->mem, b->loose, cap * sizeof *b->loose);
        ASSERT(b->loose != NULL);
    }
    b->loose[b->n_loose++] = (struct book_loose){producer, seq, n};
}

bool book_loose_any(const struct book *b, unsigned producer)
{
    for (size_t i = 0; i < b->n_loose; i++) {
        if (b->loose[i].producer == producer) {
            return true;
        }
    }
    return false;
}

bool book_loose_has(const struct book *b, unsigned producer, uint32_t seq)
{
    for (size_t i = 0; i < b->n_loose; i++) {
        const struct book_loose *l = &b->loose[i];
        if (l->producer == producer && seq >= l->seq && seq - l->seq < l->n) {
            return true;
        }
    }
    return false;
}

/* ---- what stands where ------------------------------------------------------
 */

static int64_t *place(struct book *b, unsigned producer, uint32_t seq)
{
    size_t want = (size_t)seq + 1, old = b->n_at[producer];

    if (want > old) {
        size_t n = want + old;
        b->at[producer] = mem_realloc(b->world->mem, b->at[producer],
                                      n * sizeof *b->at[producer]);
        ASSERT(b->at[producer] != NULL);
        memset(b->at[producer] + old, 0, (n - old) * sizeof *b->at[producer]);
        b->n_at[producer] = n;
    }
    return &b->at[producer][seq];
}

/* Record `seq` of `producer` stands at `offset`. */
static void stands(struct book *b, int64_t offset, unsigned producer,
                   uint32_t seq, const char *who)
{
    struct world *w = b->world;
    struct book_cell *c = cell(b, offset);
    int64_t *at = place(b, producer, seq);

    if (c->producer != 0 && (c->producer != producer + 1 || c->seq != seq)) {
        world_violation(w, "changed",
                        "%s-%u offset %lld held record %u of producer %u, %s "
                        "says record %u of producer %u",
                        topic_name(b), b->partition, (long long)offset, c->seq,
                        c->producer - 1u, who, seq, producer);
        return;
    }
    if ((w->idempotent[producer] || w->once[producer]) && *at != 0 &&
        *at != offset + 1) {
        world_violation(w, "duplicated",
                        "%s-%u record %u of producer %u stands at %lld and, "
                        "says %s, at %lld",
                        topic_name(b), b->partition, seq, producer,
                        (long long)*at - 1, who, (long long)offset);
        return;
    }
    c->producer = (uint8_t)(producer + 1);
    c->seq = seq;
    *at = offset + 1;
    if (offset >= b->known_end) {
        b->known_end = offset + 1;
    }
}

void book_ack(struct book *b, int64_t offset, unsigned producer, uint32_t seq,
              unsigned n)
{
    for (unsigned i = 0; i < n && !world_broken(b->world); i++) {
        stands(b, offset + i, producer, seq + i, "an ack");
    }
    if (offset + n > b->acked_end) {
        b->acked_end = offset + n;
    }
    b->world->counts.acked += n;
}

void book_reader_init(struct book_reader *r, struct book *b, int64_t pos)
{
    *r = (struct book_reader){.book = b, .pos = pos};
}

void book_start_told(struct book *b, int64_t start, const char *who)
{
    struct world *w = b->world;

    if (b->retained) {
        b->cut = start > b->cut ? start : b->cut;
    } else if (start > b->cut) {
        world_violation(w, "log-start",
                        "%s-%u: %s says that it begins at %lld; only records "
                        "before %lld were to be deleted",
                        topic_name(b), b->partition, who, (long long)start,
                        (long long)b->cut);
    }
    b->low = start > b->low ? start : b->low;
}

/* ---- reading ----------------------------------------------------------------
 */

/* A record for the topic that had this name before: it may have been under way
 * when that went, if nobody knows what became of it. Records whose fate is
 * known may not appear here. */
static bool is_stray(const struct book *b, const struct record *rec,
                     uint32_t producer, uint32_t seq)
{
    struct world *w = b->world;
    uint8_t want[BOOK_VALUE_MAX];

    for (int t = w->topics[b->topic].before; t >= 0; t = w->topics[t].before) {
        const struct book *o = &w->topics[t].books[b->partition];
        if (producer < w->n_producers &&
            slice_equal(rec->value,
                        slice_of(want, book_value(o, producer, seq, want))) &&
            book_loose_has(o, producer, seq)) {
            w->counts.strays++;
            return true;
        }
    }
    return false;
}

static void read_order(struct book_reader *r, int64_t offset, unsigned producer,
                       uint32_t seq, const char *who)
{
    struct book *b = r->book;
    struct world *w = b->world;
    int64_t last = r->last[producer];
    bool back = last != 0 && seq < last;

    if (w->idempotent[producer]
            ? last != 0 && last != (int64_t)seq
            : w->once[producer] && back &&
                  producer_same_run(w->producers[producer], b->topic,
                                    b->partition, seq, (uint32_t)last - 1)) {
        world_violation(w, back ? "reordered" : "gap",
                        "%s-%u offset %lld: %s read record %u of producer "
                        "%u behind %lld",
                        topic_name(b), b->partition, (long long)offset, who,
                        seq, producer, (long long)last - 1);
    }
    r->last[producer] = (int64_t)seq + 1;
}

static void read_record(struct book_reader *r, const struct record *rec,
                        const char *who)
{
    struct book *b = r->book;
    struct world *w = b->world;
    uint8_t want[BOOK_VALUE_MAX];
    uint32_t producer = UINT32_MAX, seq = 0;

    if (rec->value.len >= 12) {
        memcpy(&producer, rec->value.data, 4);
        memcpy(&seq, rec->value.data + 4, 4);
    }
    if (is_stray(b, rec, producer, seq)) {
        return;
    }
    if (producer >= w->n_producers ||
        !slice_equal(rec->value,
                     slice_of(want, book_value(b, producer, seq, want)))) {
        world_violation(w, "changed",
                        "%s-%u offset %lld: %s read a value "
                        "nobody sent",
                        topic_name(b), b->partition, (long long)rec->offset,
                        who);
        return;
    }
    stands(b, rec->offset, producer, seq, who);
    if (world_broken(w)) {
        return;
    }
    cell(b, rec->offset)->time = rec->timestamp;
    read_order(r, rec->offset, producer, seq, who);
    w->counts.read++;
}

/* These very bytes were read before, and each record of them from the reader's
 * place on judged: only the order is the reader's own. */
static bool read_again(struct book_reader *r, const struct batch *batch,
                       const char *who)
{
    struct book *b = r->book;
    int64_t end = batch_next_offset(batch), offset;
    int64_t first = batch->base_offset > r->pos ? batch->base_offset : r->pos;

    for (offset = first; offset < end; offset++) {
        if (cell(b, offset)->time == 0) {
            return false;
        }
    }
    for (offset = first; offset < end && !world_broken(b->world); offset++) {
        const struct book_cell *c = cell(b, offset);
        read_order(r, offset, c->producer - 1u, c->seq, who);
        b->world->counts.read++;
    }
    return true;
}

static void read_batch(struct book_reader *r, const struct batch *batch,
                       const char *who)
{
    struct book *b = r->book;
    struct world *w = b->world;
    uint64_t hash = hash_bytes(batch->bytes.data, batch->bytes.len) | 1;
    struct book_cell *c = cell(b, batch->base_offset);
    struct records it;
    struct record rec;
    int rv;

    if (batch_check_crc(batch) != 0) {
        world_violation(w, "changed",
                        "%s-%u batch at %lld: %s read a wrong "
                        "checksum",
                        topic_name(b), b->partition,
                        (long long)batch->base_offset, who);
        return;
    }
    if (c->batch != 0 && c->batch != hash) {
        world_violation(w, "changed",
                        "%s-%u batch at %lld (epoch %d): %s "
                        "read other bytes than were read before",
                        topic_name(b), b->partition,
                        (long long)batch->base_offset, batch->leader_epoch,
                        who);
        return;
    }
    if (c->batch == hash && read_again(r, batch, who)) {
        return;
    }
    c->batch = hash;
    ASSERT(records_open(&it, batch, w->mem, 1u << 20) == 0);
    while ((rv = records_next(&it, &rec)) == 0 && !world_broken(w)) {
        if (rec.offset >= r->pos) {
            read_record(r, &rec, who);
        }
    }
    records_close(&it);
    ASSERT(rv == ERR_EOF || rv == 0);
}

void book_read(struct book_reader *r, struct slice batches, const char *who)
{
    struct book *b = r->book;
    struct batch batch;

    while (!world_broken(b->world) && batches_next(&batches, &batch) == 0) {
        if (batch_next_offset(&batch) <= r->pos) {
            continue;
        }
        if (batch.base_offset > r->pos) {
            world_violation(b->world, "gap",
                            "%s-%u: %s asked for offset %lld "
                            "and got %lld",
                            topic_name(b), b->partition, who, (long long)r->pos,
                            (long long)batch.base_offset);
            return;
        }
        read_batch(r, &batch, who);
        r->pos = batch_next_offset(&batch);
    }
}
