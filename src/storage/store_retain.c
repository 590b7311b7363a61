/* By time, and retention. */
#include "base/assert.h"
#include "storage/store_impl.h"

static uint32_t block_count(const struct segment *g)
{
    return g->n_blocks + (g->open.length > 0 ? 1 : 0);
}

/* Records may be out of order in time: the first block that reaches the time,
 * not the first behind which all do. */
int store_find_time(const struct store *s, int64_t time_ms, int64_t *ret_offset)
{
    for (size_t i = 0; i < s->n_segments; i++) {
        const struct segment *g = s->segments[i];
        if (g->time_max_ms < time_ms) {
            continue;
        }
        for (uint32_t k = 0; k < block_count(g); k++) {
            const struct block *b = index_block(g, k);
            if (b->base_offset >= s->readable.offset) {
                return ERR_NOTFOUND;
            }
            if (b->time_max_ms >= time_ms) {
                *ret_offset = b->base_offset;
                return 0;
            }
        }
    }
    return ERR_NOTFOUND;
}

void store_time_max(const struct store *s, int64_t *ret_time,
                    int64_t *ret_offset)
{
    int64_t time = -1, offset = -1;
    for (size_t i = 0; i < s->n_segments; i++) {
        const struct segment *g = s->segments[i];
        for (uint32_t k = 0; g->time_max_ms > time && k < block_count(g); k++) {
            const struct block *b = index_block(g, k);
            if (b->time_max_ms > time && b->base_offset < s->readable.offset) {
                time = b->time_max_ms;
                offset = b->base_offset + (int64_t)b->time_delta;
            }
        }
    }
    *ret_time = time;
    *ret_offset = offset;
}

/* Records without a timestamp age from when we first looked. */
static int64_t segment_time(const struct segment *g)
{
    return g->time_max_ms >= 0 ? g->time_max_ms : g->born_ms;
}

static bool expired(int64_t time_ms, int64_t now_ms, int64_t limit_ms)
{
    return limit_ms >= 0 && now_ms > time_ms && now_ms - time_ms > limit_ms;
}

int64_t store_retention(struct store *s, int64_t now_ms, int64_t retention_ms,
                        int64_t retention_bytes)
{
    struct segment *active = s->staged.segment;
    uint64_t total = store_bytes(s);
    int64_t start = store_start(s);
    for (size_t i = 0; i < s->n_segments; i++) {
        if (s->segments[i]->born_ms == 0) {
            s->segments[i]->born_ms = now_ms;
        }
    }
    if (active != NULL && s->partial == 0 &&
        expired(active->first_time_ms >= 0 ? active->first_time_ms
                                           : active->born_ms,
                now_ms, s->segment_ms)) {
        store_seal(s);
    }
    for (size_t i = 0; i < s->n_segments; i++) {
        const struct segment *g = s->segments[i];
        bool spare = retention_bytes >= 0 &&
                     total - g->length >= (uint64_t)retention_bytes;
        if (!g->sealed || g->next_offset > s->readable.offset ||
            (!spare && !expired(segment_time(g), now_ms, retention_ms))) {
            break;
        }
        total -= g->length;
        start = g->next_offset;
    }
    return start;
}
