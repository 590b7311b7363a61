/* The receiving end of a transfer: where both agree, and going on from there.
 *
 * A rewind writes over nothing that a manifest in force describes: it begins
 * a new segment, and files that it gives up stay until a trim covers them or
 * their name is wanted (they are set aside then). */
#include <inttypes.h>

#include "base/assert.h"
#include "storage/store_impl.h"

/* Our chain at `offset`, if it is known without reading. */
static bool chain_at(const struct store *s, int64_t offset, uint64_t *ret_chain)
{
    if (offset == s->appended.offset) {
        *ret_chain = s->appended.chain;
        return true;
    }
    size_t i = store_find(s, offset);
    return i < s->n_segments && index_chain(s->segments[i], offset, ret_chain);
}

int64_t store_agree(const struct store *s,
                    const struct manifest_segment *segments, size_t n)
{
    while (n-- > 0) {
        uint64_t chain;
        if (chain_at(s, segments[n].base_offset, &chain) &&
            chain == segments[n].chain) {
            return segments[n].base_offset;
        }
    }
    return -1;
}

/* Let segment `g` end at `offset`, where a block begins. */
static void cut_segment(struct segment *g, int64_t offset)
{
    uint32_t n = index_find(g, offset);
    ASSERT(index_block(g, n)->base_offset == offset && n > 0);
    g->open = (struct block){0};
    g->length = index_block(g, n - 1)->position + g->blocks[n - 1].length;
    g->n_blocks = n;
    g->n_indexed = g->n_indexed < n ? g->n_indexed : n;
    g->next_offset = offset;
    g->sealed = true;
    g->time_max_ms = -1;
    for (uint32_t i = 0; i < n; i++) {
        if (g->blocks[i].time_max_ms > g->time_max_ms) {
            g->time_max_ms = g->blocks[i].time_max_ms;
        }
    }
}

int store_rewind(struct store *s, int64_t offset, uint64_t chain,
                 struct err *err)
{
    uint64_t ours;
    struct log_point point = s->appended;
    if (s->flush.state != FLUSH_NONE || s->n_writes > 0 ||
        store_queued(s) > 0) {
        return err_set(err, ERR_BUSY, "%s: writes are under way", s->name);
    }
    if (offset < 0) {
        return err_set(err, ERR_INVALID, "%s: no offset %" PRId64, s->name,
                       offset);
    }
    if (offset == point.offset && chain == point.chain) {
        return 0;
    }
    size_t keep = 0;
    if (chain_at(s, offset, &ours) && ours == chain) {
        size_t i = store_find(s, offset);
        keep = i;
        if (s->segments[i]->base_offset < offset) {
            cut_segment(s->segments[i], offset);
            keep++;
        }
    }
    store_drop(s, keep, s->n_segments);
    s->rewinds++;
    point.offset = offset;
    point.chain = chain;
    s->appended_bytes = s->staged.bytes;
    s->flushed = point;
    store_stand(s, NULL, point);
    if (keep > 0) {
        s->segments[keep - 1]->sealed = true;
    }
    return 0;
}
