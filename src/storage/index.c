/* Index blocks: the smallest unit whose bytes a checksum of ours covers. */
#include "base/assert.h"
#include "base/bytes.h"
#include "base/crc32c.h"
#include "record/batch.h"
#include "storage/store_impl.h"

int index_reserve(struct segment *g)
{
    /* One batch may close the open block and be a block of its own. */
    if (g->cap - g->n_blocks >= 2) {
        return 0;
    }
    uint32_t cap = g->cap < 2 ? 2 : g->cap * 2;
    struct block *v =
        mem_realloc(g->store->mem, g->blocks, cap * sizeof *g->blocks);
    if (v == NULL) {
        return ERR_NOMEM;
    }
    g->blocks = v;
    g->cap = cap;
    return 0;
}

void index_close_block(struct segment *g)
{
    if (g->open.length > 0) {
        ASSERT(g->n_blocks < g->cap);
        g->blocks[g->n_blocks++] = g->open;
        g->open = (struct block){0};
    }
}

/* A large batch is a block of its own. */
static bool fits_open(const struct segment *g, const struct batch *b)
{
    return g->open.length + b->length <= 2 * (size_t)INDEX_BLOCK_BYTES &&
           batch_next_offset(b) - g->open.base_offset <= UINT32_MAX;
}

void index_add(struct segment *g, const struct batch *b, uint64_t chain)
{
    struct block *o = &g->open;
    ASSERT(b->base_offset >= g->next_offset);
    if (o->length > 0 && !fits_open(g, b)) {
        index_close_block(g);
    }
    if (o->length == 0) {
        *o = (struct block){.base_offset = b->base_offset,
                            .position = g->length,
                            .chain = chain,
                            .time_max_ms = -1,
                            .epoch = b->leader_epoch};
    }
    if (g->length == 0) {
        g->first_time_ms = b->max_timestamp;
    }
    if (b->max_timestamp > o->time_max_ms) {
        o->time_max_ms = b->max_timestamp;
        o->time_delta = (uint32_t)(b->base_offset - o->base_offset);
    }
    if (b->max_timestamp > g->time_max_ms) {
        g->time_max_ms = b->max_timestamp;
    }
    o->crc =
        batch_crc_whole(o->crc, slice_of(b->bytes.data, b->length), b->crc);
    o->length += (uint32_t)b->length;
    o->offsets = (uint32_t)(batch_next_offset(b) - o->base_offset);
    g->length += b->length;
    g->next_offset = batch_next_offset(b);
    if (o->length >= INDEX_BLOCK_BYTES) {
        index_close_block(g);
    }
}

const struct block *index_block(const struct segment *g, uint32_t i)
{
    ASSERT(i < g->n_blocks || (i == g->n_blocks && g->open.length > 0));
    return i < g->n_blocks ? &g->blocks[i] : &g->open;
}

uint32_t index_find(const struct segment *g, int64_t offset)
{
    uint32_t lo = 0;
    uint32_t n = g->n_blocks + (g->open.length > 0 ? 1 : 0);
    uint32_t hi = n;
    while (lo < hi) { /* the first block that ends behind `offset` */
        uint32_t mid = lo + (hi - lo) / 2;
        if (block_end(index_block(g, mid)) > offset) {
            hi = mid;
        } else {
            lo = mid + 1;
        }
    }
    ASSERT(lo < n);
    return lo;
}

bool index_chain(const struct segment *g, int64_t offset, uint64_t *ret_chain)
{
    if (offset == g->base_offset) {
        *ret_chain = g->chain;
        return true;
    }
    if (offset < g->base_offset || offset >= g->next_offset) {
        return false;
    }
    const struct block *b = index_block(g, index_find(g, offset));
    if (b->base_offset != offset) {
        return false;
    }
    *ret_chain = b->chain;
    return true;
}

void index_reset(struct segment *g)
{
    g->n_blocks = 0;
    g->n_indexed = 0;
    g->open = (struct block){0};
    g->next_offset = g->base_offset;
    g->length = 0;
    g->time_max_ms = -1;
    g->first_time_ms = -1;
}

/* ---- on disk --------------------------------------------------------------
 */

size_t index_encoded_len(uint32_t n, bool head)
{
    return (head ? INDEX_HEAD_BYTES : 0) + (size_t)n * BLOCK_BYTES;
}

static void encode_head(const struct segment *g, uint8_t *p)
{
    memset(p, 0, INDEX_HEAD_BYTES);
    le32_store(p + INDEX_AT_MAGIC, INDEX_MAGIC);
    le16_store(p + INDEX_AT_VERSION, INDEX_VERSION);
    le64_store(p + INDEX_AT_BASE_OFFSET, (uint64_t)g->base_offset);
    le64_store(p + INDEX_AT_CHAIN, g->chain);
    le64_store(p + INDEX_AT_FIRST_TIME, (uint64_t)g->first_time_ms);
    le32_store(p + INDEX_AT_HEAD_CRC, crc32c(p, INDEX_AT_HEAD_CRC));
}

static void encode_block(const struct block *b, uint8_t *p)
{
    le64_store(p + BLOCK_AT_BASE_OFFSET, (uint64_t)b->base_offset);
    le64_store(p + BLOCK_AT_POSITION, b->position);
    le64_store(p + BLOCK_AT_CHAIN, b->chain);
    le64_store(p + BLOCK_AT_TIME_MAX, (uint64_t)b->time_max_ms);
    le32_store(p + BLOCK_AT_LENGTH, b->length);
    le32_store(p + BLOCK_AT_DATA_CRC, b->crc);
    le32_store(p + BLOCK_AT_EPOCH, (uint32_t)b->epoch);
    le32_store(p + BLOCK_AT_OFFSETS, b->offsets);
    le32_store(p + BLOCK_AT_TIME_DELTA, b->time_delta);
    le32_store(p + BLOCK_AT_CRC, crc32c(p, BLOCK_AT_CRC));
}

void index_encode(const struct segment *g, uint32_t from, bool head,
                  uint8_t *out)
{
    if (head) {
        encode_head(g, out);
        out += INDEX_HEAD_BYTES;
    }
    for (uint32_t i = from; i < g->n_blocks; i++, out += BLOCK_BYTES) {
        encode_block(&g->blocks[i], out);
    }
}

static bool head_fits(const struct segment *g, const uint8_t *p)
{
    static const uint8_t zeros[INDEX_AT_HEAD_CRC - INDEX_AT_ZERO];
    return memcmp(p + INDEX_AT_ZERO, zeros, sizeof zeros) == 0 &&
           le32_load(p + INDEX_AT_HEAD_CRC) == crc32c(p, INDEX_AT_HEAD_CRC) &&
           le32_load(p + INDEX_AT_MAGIC) == INDEX_MAGIC &&
           le16_load(p + INDEX_AT_VERSION) == INDEX_VERSION &&
           (int64_t)le64_load(p + INDEX_AT_BASE_OFFSET) == g->base_offset &&
           le64_load(p + INDEX_AT_CHAIN) == g->chain;
}

/* Read one record; false if it does not continue what is there. */
static bool decode_block(const struct segment *g, const uint8_t *p,
                         uint64_t length, struct block *ret_b)
{
    if (le32_load(p + BLOCK_AT_CRC) != crc32c(p, BLOCK_AT_CRC)) {
        return false;
    }
    struct block b = {.base_offset = (int64_t)le64_load(p),
                      .position = le64_load(p + BLOCK_AT_POSITION),
                      .chain = le64_load(p + BLOCK_AT_CHAIN),
                      .time_max_ms = (int64_t)le64_load(p + BLOCK_AT_TIME_MAX),
                      .length = le32_load(p + BLOCK_AT_LENGTH),
                      .crc = le32_load(p + BLOCK_AT_DATA_CRC),
                      .epoch = (int32_t)le32_load(p + BLOCK_AT_EPOCH),
                      .offsets = le32_load(p + BLOCK_AT_OFFSETS),
                      .time_delta = le32_load(p + BLOCK_AT_TIME_DELTA)};
    bool first = g->n_blocks == 0;
    *ret_b = b;
    return b.length > 0 && b.offsets > 0 && b.time_delta < b.offsets &&
           b.position == g->length && b.length <= length - g->length &&
           b.base_offset >= g->next_offset &&
           b.base_offset <= INT64_MAX - (int64_t)b.offsets &&
           (!first || (b.base_offset == g->base_offset && b.chain == g->chain));
}

int index_decode(struct segment *g, struct slice in, uint64_t length)
{
    index_reset(g);
    if (in.len < INDEX_HEAD_BYTES || !head_fits(g, in.data)) {
        return 0;
    }
    int64_t first_time = (int64_t)le64_load(in.data + INDEX_AT_FIRST_TIME);
    const uint8_t *p = in.data + INDEX_HEAD_BYTES;
    const uint8_t *end = in.data + in.len;
    for (; end - p >= BLOCK_BYTES; p += BLOCK_BYTES) {
        struct block b;
        if (!decode_block(g, p, length, &b)) {
            break;
        }
        if (index_reserve(g) != 0) {
            return ERR_NOMEM;
        }
        g->blocks[g->n_blocks++] = b;
        g->length += b.length;
        g->next_offset = block_end(&b);
        g->first_time_ms = first_time;
        if (b.time_max_ms > g->time_max_ms) {
            g->time_max_ms = b.time_max_ms;
        }
    }
    g->n_indexed = g->n_blocks;
    return 0;
}
