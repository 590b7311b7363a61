/* One segment of the manifest: its size, its index, and what the index lacks
 * by scanning. */
#include <inttypes.h>

#include "base/assert.h"
#include "record/batch.h"
#include "record/chain.h"
#include "storage/store_impl.h"

#define SCAN_BYTES (256u << 10)

/* ---- scanning --------------------------------------------------------------
 */

/* Reading the batches of a segment. */
struct scan {
    struct segment *segment;
    const struct manifest_segment *want;
    const struct log_point *base; /* if its offset is met, its chain must fit */
    const uint64_t *chain_end;    /* NULL: not known */
    struct bfile *file;
    uint64_t chain; /* after the last batch */
    uint8_t *buf;   /* bytes [at, n) are the file's from segment->length on */
    size_t cap, at, n;
};

/* Have at least `need` bytes, if the segment has so many. */
static int scan_load(struct scan *c, size_t need)
{
    uint64_t left = c->want->length - c->segment->length;
    size_t want = need > SCAN_BYTES ? need : SCAN_BYTES;
    if (need > left) {
        return ERR_CORRUPT;
    }
    if (need <= c->n - c->at) {
        return 0;
    }
    want = want < left ? want : (size_t)left;
    if (want > c->cap) {
        uint8_t *p = mem_realloc(c->segment->store->mem, c->buf, want);
        if (p == NULL) {
            return ERR_NOMEM;
        }
        c->buf = p;
        c->cap = want;
    }
    c->at = c->n = 0;
    int rv = bfile_read(c->file, c->buf, want, c->segment->length, &c->n);
    return rv != 0 ? rv : c->n >= need ? 0 : ERR_CORRUPT;
}

static int scan_one(struct scan *c)
{
    struct segment *g = c->segment;
    struct batch b;
    size_t length;
    int rv = scan_load(c, BATCH_HEADER_LEN);
    if (rv == 0 &&
        batch_peek(slice_of(c->buf + c->at, BATCH_PEEK_LEN), &length) != 0) {
        rv = ERR_CORRUPT;
    }
    rv = rv != 0 ? rv : scan_load(c, length);
    if (rv == 0 &&
        (batch_view(slice_of(c->buf + c->at, length), &b) != 0 ||
         batch_check_crc(&b) != 0 || b.base_offset < g->next_offset ||
         (g->length == 0 && b.base_offset != g->base_offset))) {
        rv = ERR_CORRUPT;
    }
    rv = rv != 0 ? rv : index_reserve(g);
    if (rv != 0) {
        return rv;
    }
    index_add(g, &b, c->chain);
    c->at += length;
    c->chain = batch_chain(c->chain, b.leader_epoch, b.base_offset, b.crc);
    return g->next_offset == c->base->offset && c->chain != c->base->chain
               ? ERR_CORRUPT
               : 0;
}

/* Scan from segment->length to the wanted length. */
static int scan(struct scan *c, uint64_t chain)
{
    int rv = 0;
    c->chain = chain;
    c->at = c->n = 0;
    while (rv == 0 && c->segment->length < c->want->length) {
        rv = scan_one(c);
    }
    if (rv == 0 && (c->segment->next_offset != c->want->next_offset ||
                    (c->chain_end != NULL && c->chain != *c->chain_end))) {
        rv = ERR_CORRUPT;
    }
    return rv;
}

/* ---- segments --------------------------------------------------------------
 */

/* Take what the index file has. */
static int read_index_file(struct segment *g, uint64_t length)
{
    struct store *s = g->store;
    char path[STORE_PATH_MAX];
    struct bfile *f;
    uint64_t size = 0;
    uint8_t *p = NULL;
    size_t n = 0;
    store_path(path, s->dir, g->base_offset, ".idx");
    int rv = bfile_open(s->env, path, FILE_READ, &f, NULL);
    if (rv != 0) {
        return rv;
    }
    bfile_drop_cache(f); /* a help only: every record has its checksum */
    rv = bfile_size(f, &size);
    /* All blocks but the last hold INDEX_BLOCK_BYTES or stand before one that
     * does. */
    uint64_t most =
        INDEX_HEAD_BYTES + (length / INDEX_BLOCK_BYTES * 2 + 2) * BLOCK_BYTES;
    size = size < most ? size : most;
    if (rv == 0 && size > 0) {
        p = mem_alloc(s->mem, (size_t)size);
        rv = p == NULL ? ERR_NOMEM : bfile_read(f, p, (size_t)size, 0, &n);
    }
    if (rv == 0 && p != NULL) {
        rv = index_decode(g, slice_of(p, n), length);
    }
    mem_free(s->mem, p);
    bfile_close(f);
    return rv;
}

/* The same; one that is missing, or that the disk does not give, is only made
 * anew: what it says stands in the segment. */
static int read_index(struct segment *g, uint64_t length)
{
    int rv = read_index_file(g, length);
    return rv == ERR_NOTFOUND || rv == ERR_IO ? 0 : rv;
}

/* Forget the last block, and any that ends above `upto`: they are scanned
 * again. Returns the chain before the first of them. */
static uint64_t unlearn(struct segment *g, uint64_t upto)
{
    struct block b;
    ASSERT(g->n_blocks > 0);
    do {
        b = g->blocks[--g->n_blocks];
        g->length = b.position;
    } while (g->n_blocks > 0 && g->length > upto);
    g->next_offset = g->n_blocks > 0 ? block_end(&g->blocks[g->n_blocks - 1])
                                     : g->base_offset;
    g->n_indexed = g->n_blocks;
    g->time_max_ms = -1;
    for (uint32_t i = 0; i < g->n_blocks; i++) {
        if (g->blocks[i].time_max_ms > g->time_max_ms) {
            g->time_max_ms = g->blocks[i].time_max_ms;
        }
    }
    return b.chain;
}

/* Blocks from the index file, the rest by scanning. Whether both fit is told
 * by the chain; if they do not, all is scanned. Of the last segment, the bytes
 * that appending will write again are scanned in any case. */
static int learn(struct scan *c, bool last)
{
    struct segment *g = c->segment;
    uint64_t length = c->want->length;
    int rv = read_index(g, length);
    if (rv != 0) {
        return rv;
    }
    if (!last && g->length == length &&
        g->next_offset == c->want->next_offset) {
        return 0;
    }
    if (g->n_blocks > 0) {
        rv = scan(c, unlearn(g, last ? length - length % FILE_ALIGN : length));
        if (rv != ERR_CORRUPT) {
            return rv;
        }
    }
    index_reset(g);
    return scan(c, g->chain);
}

/* The bytes of the last, partial 4 KiB block. */
static int load_carry(struct scan *c, uint8_t **ret_carry)
{
    size_t len = (size_t)(c->want->length % FILE_ALIGN), n;
    uint8_t *p;
    int rv;
    if (len == 0) {
        *ret_carry = NULL;
        return 0;
    }
    p = mem_alloc(c->segment->store->mem, len);
    if (p == NULL) {
        return ERR_NOMEM;
    }
    rv = bfile_read(c->file, p, len, c->want->length - len, &n);
    if (rv == 0 && n < len) {
        rv = ERR_CORRUPT;
    }
    if (rv != 0) {
        mem_free(c->segment->store->mem, p);
        return rv;
    }
    *ret_carry = p;
    return 0;
}

int segment_load(struct store *s, const struct manifest *m, size_t i,
                 uint64_t *ret_chain, uint8_t **ret_carry, struct err *err)
{
    const struct manifest_segment *want = &m->segments[i];
    bool last = i + 1 == m->n_segments;
    struct scan c = {.want = want, .base = &m->base};
    char path[STORE_PATH_MAX];
    uint64_t size = 0;
    if (!last && want[1].base_offset == want->next_offset) {
        c.chain_end = &want[1].chain;
    }
    c.segment = segment_new(s, want->base_offset, want->chain);
    if (c.segment == NULL) {
        return err_set(err, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
    }
    c.segment->created = true;
    store_path(path, s->dir, want->base_offset, ".seg");
    int rv = bfile_open(s->env, path, FILE_READ, &c.file, err);
    if (rv != 0) {
        return rv == ERR_NOTFOUND
                   ? err_set(err, ERR_CORRUPT, "%s: missing", path)
                   : rv;
    }
    rv = bfile_size(c.file, &size);
    if (rv != 0) {
        err_set(err, rv, "%s: %s", path, err_text(rv));
    } else if (size < want->length) {
        rv = err_set(err, ERR_CORRUPT,
                     "%s: shorter than its manifest says: %" PRIu64
                     " of %" PRIu64 " bytes",
                     path, size, want->length);
    } else {
        rv = bfile_drop_cache(c.file);
        rv = rv != 0 ? rv : learn(&c, last);
        rv = rv == 0 && last ? load_carry(&c, ret_carry) : rv;
        if (rv != 0) {
            err_set(err, rv, "%s: %s", path, err_text(rv));
        }
    }
    *ret_chain = c.chain;
    if (rv == 0 && !last) {
        index_close_block(c.segment);
        c.segment->sealed = true;
    }
    mem_free(s->mem, c.buf);
    bfile_close(c.file);
    return rv;
}
