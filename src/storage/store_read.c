/* Reads: whole blocks of one segment, in one direct read; every block is
 * checked against its CRC before a byte of it is given away.
 *
 *   blocks   [......][......][......]
 *   batches    a  b  c   d    e  f
 *   given           [c   d    e]         from the one with the offset
 */
#include "base/assert.h"
#include "base/crc32c.h"
#include "record/batch.h"
#include "storage/store_impl.h"

/* A read under way, in struct store_read. */
struct reading {
    struct file_io io;
    struct segment *segment;
    struct chunk *chunk;
    int64_t offset, offset_end;
    uint32_t bytes_max;
    uint32_t first, n;    /* blocks */
    uint32_t last_length; /* of the last one, as it was written then */
    uint32_t last_crc;
    uint32_t rewinds; /* of the store, at the call */
};
_Static_assert(sizeof(struct reading) <= sizeof((struct store_read *)0)->impl,
               "struct reading fits in struct store_read");

static struct reading *reading_of(struct store_read *r)
{
    return (struct reading *)(void *)r->impl;
}

/* The part of block `i` that is written: all, or up to the readable mark. */
static void written_part(const struct segment *g, uint32_t i,
                         uint32_t *ret_length, uint32_t *ret_crc)
{
    const struct mark *m = &g->store->readable;
    const struct block *b = index_block(g, i);
    bool partial = m->segment == g && i == m->n_blocks;
    ASSERT(m->segment != g || i <= m->n_blocks);
    *ret_length = partial ? m->open_length : b->length;
    *ret_crc = partial ? m->open_crc : b->crc;
}

/* How many blocks, from `first` on, to read. */
static void choose(struct reading *rd)
{
    const struct segment *g = rd->segment;
    const struct mark *m = &g->store->readable;
    uint32_t end = m->segment == g ? m->n_blocks + (m->open_length > 0 ? 1 : 0)
                                   : g->n_blocks;
    uint64_t total = 0, behind_first = 0;
    rd->n = 0;
    for (uint32_t i = rd->first; i < end; i++) {
        const struct block *b = index_block(g, i);
        uint32_t length, crc;
        written_part(g, i, &length, &crc);
        if (rd->n > 0 && (b->base_offset >= rd->offset_end ||
                          behind_first >= rd->bytes_max ||
                          total + length + 2 * FILE_ALIGN > STORE_READ_BYTES)) {
            break;
        }
        behind_first += rd->n > 0 ? length : 0;
        total += length;
        rd->n++;
        rd->last_length = length;
        rd->last_crc = crc;
    }
    ASSERT(rd->n > 0);
}

static uint64_t read_position(const struct reading *rd)
{
    return index_block(rd->segment, rd->first)->position;
}

static uint64_t read_end(const struct reading *rd)
{
    return index_block(rd->segment, rd->first + rd->n - 1)->position +
           rd->last_length;
}

/* ---- afterwards ------------------------------------------------------------
 */

static bool blocks_fit(const struct reading *rd, const uint8_t *data)
{
    uint64_t from = read_position(rd);
    for (uint32_t i = 0; i < rd->n; i++) {
        const struct block *b = index_block(rd->segment, rd->first + i);
        bool last = i + 1 == rd->n;
        uint32_t length = last ? rd->last_length : b->length;
        uint32_t crc = last ? rd->last_crc : b->crc;
        if (crc32c(data + (b->position - from), length) != crc) {
            return false;
        }
    }
    return true;
}

/* The batches asked for, among `all`. */
static int cut(const struct reading *rd, struct slice all,
               struct slice *ret_cut, int64_t *ret_first)
{
    const uint8_t *p = all.data, *end = all.data + all.len;
    const uint8_t *from = NULL;
    struct batch b;
    while (p < end) {
        if (batch_view(slice_of(p, (size_t)(end - p)), &b) != 0) {
            return ERR_CORRUPT;
        }
        if (batch_next_offset(&b) > rd->offset) {
            size_t have = from == NULL ? 0 : (size_t)(p - from);
            if (batch_next_offset(&b) > rd->offset_end ||
                (have > 0 &&
                 (have >= rd->bytes_max || b.length > rd->bytes_max - have))) {
                break;
            }
            if (from == NULL) {
                from = p;
                *ret_first = b.base_offset;
            }
        }
        p += b.length;
    }
    if (from == NULL) {
        return ERR_RANGE;
    }
    *ret_cut = slice_of(from, (size_t)(p - from));
    return 0;
}

static int check(const struct reading *rd, int64_t result,
                 struct slice *ret_cut, int64_t *ret_first)
{
    uint64_t from = read_position(rd);
    size_t skip = (size_t)(from % FILE_ALIGN);
    size_t len = (size_t)(read_end(rd) - from);
    if (result < 0) {
        return (int)result;
    }
    if ((uint64_t)result < skip + len ||
        !blocks_fit(rd, rd->chunk->data + skip)) {
        return ERR_CORRUPT;
    }
    return cut(rd, slice_of(rd->chunk->data + skip, len), ret_cut, ret_first);
}

static void on_read(struct file_io *io, int64_t result)
{
    struct store_read *r = io->data;
    struct reading rd = *reading_of(r);
    struct segment *g = rd.segment;
    struct store *s = g->store;
    struct slice part = {0};
    struct bytes data = {0};
    int64_t first = -1;
    int status;
    /* After a rewind the blocks are others. */
    bool gone = rd.rewinds != s->rewinds;
    status =
        s->closing || gone ? ERR_CANCELED : check(&rd, result, &part, &first);
    if (status == ERR_CORRUPT) {
        trace_error(env_trace(s->env), "storage.corrupt",
                    "name=%s file=%s offset=%lld", s->name, file_path(g->file),
                    (long long)rd.offset);
    }
    if (status == 0) {
        data = bytes_share(rd.chunk, part.data, part.len);
    }
    chunk_release(rd.chunk);
    g->users--;
    s->n_reads--;
    segment_rest(g);
    s->calling++;
    r->cb(r, status, data, first);
    s->calling--;
    store_step(s);
}

/* ---- the call --------------------------------------------------------------
 */

int store_read(struct store *s, struct store_read *r, int64_t offset,
               int64_t offset_end, uint32_t bytes_max, store_read_cb cb,
               void *data)
{
    struct reading *rd = reading_of(r);
    size_t i = store_find(s, offset);
    ASSERT(!s->closing);
    if (offset >= s->readable.offset || offset_end <= offset ||
        i == s->n_segments) {
        return ERR_RANGE;
    }
    *r = (struct store_read){.cb = cb, .data = data};
    queue_init(&r->queue);
    rd->segment = s->segments[i];
    rd->offset = offset;
    rd->offset_end =
        offset_end < s->readable.offset ? offset_end : s->readable.offset;
    rd->bytes_max = bytes_max;
    rd->rewinds = s->rewinds;
    rd->first = index_find(rd->segment, offset);
    choose(rd);
    uint64_t from = read_position(rd) - read_position(rd) % FILE_ALIGN;
    uint64_t end = read_end(rd) + FILE_ALIGN - 1;
    size_t len = (size_t)(end - end % FILE_ALIGN - from);
    int rv = segment_open(rd->segment);
    if (rv != 0) {
        return rv == ERR_NOMEM ? rv : ERR_IO;
    }
    rd->chunk = chunk_acquire(s->pool, CHUNK_REPLY, len);
    if (rd->chunk == NULL) {
        return ERR_NOMEM;
    }
    rv = file_read(rd->segment->file, &rd->io, rd->chunk->data, len, from,
                   on_read, r);
    if (rv != 0) {
        chunk_release(rd->chunk);
        return rv;
    }
    rd->segment->users++;
    s->n_reads++;
    return 0;
}
