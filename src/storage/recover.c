/* Reading the ring after a stop of any kind.
 *
 *   0  stream (recover_stream.c): of the files that the roster lists, frames
 *      that follow one another are applied as they come
 *   1  scan: every block of what is left, or of every file where the roster's
 *      word is not good, is looked at; what bears the facts of a frame (header
 *      or trailer) of this ring becomes a sighting
 *   2  walk: frames in order of their numbers, from the checkpoint's tail, or
 *      from where the stream ended, on; a valid one is applied. `durable` is
 * the highest frame that anything readable calls durable. A frame that is not
 * valid is
 *        - damage, up to `durable`: its groups are marked, the walk goes on
 *        - the beginning of a torn tail, beyond: it and everything behind it,
 *          valid or not, is cut
 *   3  cut: the bytes are copied to quarantine/. The next run's epoch, which
 *      a checkpoint makes durable before the first new frame, keeps what was
 *      cut from ever being read again.
 *   4  settle: frames applied beyond `durable` are written again, and so is
 *      the checkpoint (checkpoint_settle())
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "storage/recover_impl.h"

/* With one checkpoint gone, the other holds only if nothing that it still
 * counts on was written over. */
static int checkpoint_covers(struct recover *r, bool lost)
{
    bool first_there =
        r->out->frames > 0 ||
        (r->n_seen > 0 && r->seen[0].seq == r->c->tail && !r->seen[0].trailer);
    bool gone = lost && !first_there && r->c->tail <= r->durable;
    if (r->claimed <= r->c->seq && !gone) {
        return 0;
    }
    if (first_there) {
        trace_error(env_trace(r->j->env), "journal.checkpoint_lost",
                    "used=%" PRIu64 " newest=%" PRIu64, r->c->seq, r->claimed);
        return 0;
    }
    char path[JOURNAL_PATH_MAX];
    checkpoint_path(r->j, (r->c->seq + 1) & 1, path);
    return err_set(r->err, ERR_CORRUPT,
                   "%s: damaged, and the records it stood for are gone: "
                   "restore it, or remove this node and add it anew",
                   path);
}

static void recover_end(struct recover *r)
{
    struct journal *j = r->j;
    j->next_frame = r->seq;
    j->durable_frame = r->seq - 1;
    if (j->last_seq < r->c->record) {
        j->last_seq = r->c->record;
    }
    if (j->cur != NULL) {
        j->plan.left = j->file_bytes - (r->prev.offset + r->prev.length);
    }
    if (!r->end_known) {
        /* Where lost frames lay nothing is written over, and their records'
         * numbers are not given again. */
        j->plan.left = 0;
        j->last_seq += 1u << 20;
    }
    j->durable_seq = j->last_seq;
    j->epoch = (r->epoch > r->c->epoch ? r->epoch : r->c->epoch) + 1;
    j->epoch_frame = j->next_frame;
}

static int group_compare(const void *a, const void *b)
{
    const struct recovered_group *x = a;
    const struct recovered_group *y = b;
    return (x->open.group > y->open.group) - (x->open.group < y->open.group);
}

static int copy_slice(struct mem *mem, struct slice in, struct slice *out)
{
    if (in.data == NULL) {
        return 0;
    }
    uint8_t *p = mem_alloc(mem, in.len);
    if (p == NULL) {
        return ERR_NOMEM;
    }
    if (in.len > 0) {
        memcpy(p, in.data, in.len);
    }
    *out = slice_of(p, in.len);
    return 0;
}

static int group_give(struct recover *r, struct jgroup *g)
{
    struct recovered_group *out = &r->out->groups[r->out->n_groups++];
    struct mem *mem = r->j->mem;
    bool whole = true;
    *out = (struct recovered_group){
        .open = g->open, .term = g->term, .vote = g->vote};
    out->open.config = slice_of(NULL, 0);
    tail_init(&out->tail, mem, g->base);
    int rv = copy_slice(mem, g->open.config, &out->open.config);
    rv = rv == 0 ? copy_slice(mem, g->manifest, &out->manifest) : rv;
    rv = rv == 0 ? rlog_take(g, &out->tail, &whole) : rv;
    if (rv != 0) {
        return err_set(r->err, rv, "group %" PRIu64 ": %s", g->open.group,
                       err_text(rv));
    }
    if (!whole && !g->damaged) {
        g->damaged = true;
        trace_error(env_trace(r->j->env), "journal.hole",
                    "group=%" PRIu64 " after=%" PRIu64, g->open.group,
                    tail_last_index(&out->tail));
    }
    group_note_end(r->j, g, tail_last_index(&out->tail));
    out->damaged = g->damaged;
    return 0;
}

static int recover_give(struct recover *r)
{
    size_t n = map_count(r->j->groups);
    void *it = NULL;
    void *value;
    r->out->groups = mem_calloc(r->j->mem, n, sizeof *r->out->groups);
    if (r->out->groups == NULL) {
        return err_set(r->err, ERR_NOMEM, "no memory for %zu groups", n);
    }
    while (map_next(r->j->groups, &it, &value)) {
        int rv = group_give(r, value);
        if (rv != 0) {
            return rv;
        }
    }
    if (n > 0) {
        qsort(r->out->groups, n, sizeof *r->out->groups, group_compare);
    }
    return 0;
}

/* Steps 0 and 1. */
static int recover_read_ring(struct recover *r, bool lost)
{
    bool done = false;
    int rv = 0;
    if (!lost) {
        rv = roster_load(r->j, r->c->epoch, &r->roster, &r->n_roster, r->err);
        rv = rv == 0 ? recover_stream(r, &done) : rv;
    }
    rv = rv == 0 && !done ? recover_scan(r) : rv;
    recover_sort(r);
    return rv;
}

int recover_ring(struct journal *j, const struct checkpoint_facts *c, bool lost,
                 struct chunk_pool *pool, struct recovery *out, struct err *err)
{
    struct recover r = {.j = j,
                        .c = c,
                        .out = out,
                        .err = err,
                        .loader = {.pool = pool},
                        .durable = c->frame,
                        .seq = c->tail,
                        .end_known = true,
                        .lost_any = j->n_lost > 0};
    size_t cut = 0;
    out->record = c->record;
    j->generation = c->generation;
    int rv = recover_files_open(&r);
    rv = rv == 0 ? recover_read_ring(&r, lost) : rv;
    rv = rv == 0 ? checkpoint_covers(&r, lost) : rv;
    rv = rv == 0 ? recover_walk(&r, &cut) : rv;
    rv = rv == 0 ? recover_cut(&r, cut) : rv;
    rv = rv == 0 ? recover_settle(&r) : rv;
    if (rv == 0) {
        recover_end(&r);
        rv = recover_give(&r);
    }
    void *it = NULL;
    void *value;
    while (map_next(j->groups, &it, &value)) {
        rlog_free(j, value);
    }
    recover_close(&r);
    return rv;
}

int recover_any_frame(struct journal *j, bool *ret_any, struct err *err)
{
    struct recovery out = {0};
    struct recover r = {.j = j, .out = &out, .err = err};
    bool any = false;
    int rv = recover_files_open(&r);
    for (unsigned i = 0; rv == 0 && i < j->n_files; i++) {
        for (uint64_t at = 0;
             r.files[i] != NULL && rv == 0 && !any && at < j->file_bytes;
             at += FORMAT_BLOCK) {
            const uint8_t *p;
            struct frame_facts f;
            rv = recover_read(&r, i + 1, at, FORMAT_BLOCK, &p);
            any = rv == 0 && le64_load(p) == FRAME_MAGIC &&
                  frame_decode_facts(p, false, &f) == 0;
        }
    }
    recover_close(&r);
    *ret_any = any;
    return rv;
}

void recovery_free(struct recovery *r)
{
    if (r == NULL) {
        return;
    }
    for (size_t i = 0; i < r->n_groups; i++) {
        struct recovered_group *g = &r->groups[i];
        tail_close(&g->tail);
        mem_free(r->mem, (void *)(uintptr_t)g->open.config.data);
        mem_free(r->mem, (void *)(uintptr_t)g->manifest.data);
    }
    mem_free(r->mem, r->groups);
    mem_free(r->mem, r);
}
