/* One segment: its files, and its place in the set of its store. */
#include <inttypes.h>
#include <stdio.h>

#include "base/assert.h"
#include "storage/store_impl.h"

void store_path(char out[STORE_PATH_MAX], const char *dir, int64_t base,
                const char *suffix)
{
    int n = snprintf(out, STORE_PATH_MAX, "%s/%0*" PRId64 "%s", dir,
                     STORE_NAME_DIGITS, base, suffix);
    ASSERT(n > 0 && n < STORE_PATH_MAX);
}

_Noreturn void store_die(struct store *s, const char *path, int rv)
{
    env_fail(s->env, rv, "%s: %s: %s", s->name, path, err_text(rv));
}

_Noreturn void segment_die(struct segment *g, const char *suffix, int rv)
{
    char path[STORE_PATH_MAX];
    store_path(path, g->store->dir, g->base_offset, suffix);
    store_die(g->store, path, rv);
}

/* ---- the set --------------------------------------------------------------
 */

int store_reserve(struct store *s, size_t n)
{
    if (s->cap - s->n_segments >= n) {
        return 0;
    }
    size_t cap = s->n_segments + n;
    cap += cap / 2;
    struct segment **v =
        mem_realloc(s->mem, s->segments, cap * sizeof(struct segment *));
    if (v == NULL) {
        return ERR_NOMEM;
    }
    s->segments = v;
    s->cap = cap;
    return 0;
}

struct segment *segment_new(struct store *s, int64_t base, uint64_t chain)
{
    struct segment *g;
    if (store_reserve(s, 1) != 0) {
        return NULL;
    }
    g = mem_calloc(s->mem, 1, sizeof *g);
    if (g == NULL) {
        return NULL;
    }
    queue_init(&g->queue);
    g->store = s;
    g->base_offset = base;
    g->chain = chain;
    index_reset(g);
    s->segments[s->n_segments++] = g;
    return g;
}

void segment_free(struct segment *g)
{
    struct store *s = g->store;
    ASSERT(g->users == 0);
    if (s->warm == g) {
        s->warm = NULL;
    }
    queue_remove(&g->queue);
    file_close(g->file);
    file_close(g->index);
    mem_free(s->mem, g->index_buf);
    mem_free(s->mem, g->blocks);
    mem_free(s->mem, g);
}

size_t store_find(const struct store *s, int64_t offset)
{
    size_t lo = 0, hi = s->n_segments;
    while (lo < hi) { /* the first that begins behind `offset` */
        size_t mid = lo + (hi - lo) / 2;
        if (s->segments[mid]->base_offset > offset) {
            hi = mid;
        } else {
            lo = mid + 1;
        }
    }
    return lo > 0 && s->segments[lo - 1]->next_offset > offset ? lo - 1
                                                               : s->n_segments;
}

void store_drop(struct store *s, size_t from, size_t upto)
{
    ASSERT(from <= upto && upto <= s->n_segments);
    for (size_t i = from; i < upto; i++) {
        struct segment *g = s->segments[i];
        g->dirty = false;
        queue_push(&s->dropped, &g->queue);
        segment_rest(g);
    }
    if (upto < s->n_segments) { /* there may be no list at all */
        memmove(s->segments + from, s->segments + upto,
                (s->n_segments - upto) * sizeof(struct segment *));
    }
    s->n_segments -= upto - from;
}

/* ---- files ----------------------------------------------------------------
 */

int segment_open(struct segment *g)
{
    struct store *s = g->store;
    struct segment *cooler = s->warm;
    char path[STORE_PATH_MAX];
    int rv = 0;
    if (g->file == NULL) {
        unsigned flags = FILE_READ | FILE_WRITE | FILE_DIRECT;
        store_path(path, s->dir, g->base_offset, ".seg");
        rv = file_open(s->env, path,
                       g->created ? flags : flags | FILE_CREATE | FILE_TRUNC,
                       &g->file, NULL);
    }
    if (rv == 0) {
        s->dir_dirty = s->dir_dirty || !g->created;
        g->created = true;
        s->warm = g;
        if (cooler != NULL && cooler != g) {
            segment_rest(cooler);
        }
    }
    return rv;
}

void segment_rest(struct segment *g)
{
    bool held = !queue_empty(&g->queue) ? false : g->store->warm == g;
    if (g->users == 0 && !g->dirty && !held && g->file != NULL) {
        if (g->store->warm == g) {
            g->store->warm = NULL;
        }
        file_close(g->file);
        g->file = NULL;
    }
}
