/* Removing files, leases. A segment leaves the set when it lies wholly below
 * the log start and nobody leases it; its files go when no I/O uses them. */
#include "base/assert.h"
#include "storage/store_impl.h"

/* Take whole segments below trim_to out of the set: flushed ones, and the
 * active one only if it is sealed. */
static void trim_set(struct store *s)
{
    size_t n = 0;
    while (n < s->n_segments) {
        const struct segment *g = s->segments[n];
        if (!g->sealed || g->leases > 0 || g->next_offset > s->trim_to ||
            g->next_offset > s->flushed.offset ||
            s->flush.state != FLUSH_NONE) {
            break;
        }
        if (g == s->staged.segment) {
            if (s->carry_dirty || s->n_writes > 0 || s->partial > 0) {
                break;
            }
            ASSERT(s->staged.offset == s->readable.offset);
            s->staged = (struct mark){.offset = s->staged.offset,
                                      .bytes = s->staged.bytes};
            s->edge = s->sent = s->readable = s->staged;
            s->carry_len = 0;
        }
        n++;
    }
    if (n > 0) {
        store_drop(s, 0, n);
    }
}

/* ---- on the work thread ----------------------------------------------------
 */

static int unlink_one(const struct segment *g, const char *suffix)
{
    char path[STORE_PATH_MAX];
    store_path(path, g->store->dir, g->base_offset, suffix);
    int rv = env_unlink(g->store->env, path);
    return rv == ERR_NOTFOUND ? 0 : rv;
}

static void trim_run(struct env_job *j)
{
    struct store *s = j->data;
    struct queue *q, *tmp;
    s->trim_status = 0;
    QUEUE_FOREACH(q, tmp, &s->unlinking)
    {
        const struct segment *g = QUEUE_ENTRY(q, struct segment, queue);
        /* The index last: a segment without one can be read, an index without
         * a segment is nothing. */
        int rv = g->abandoned ? 0 : unlink_one(g, ".seg");
        rv = rv != 0 || g->abandoned ? rv : unlink_one(g, ".idx");
        if (rv != 0) {
            s->trim_status = rv;
        }
    }
    int rv = env_sync_dir(s->env, s->dir);
    s->trim_status = rv != 0 ? rv : s->trim_status;
}

static void trim_done(struct env_job *j)
{
    struct store *s = j->data;
    struct queue *q;
    if (s->trim_status != 0) {
        store_die(s, s->dir, s->trim_status);
    }
    s->trimming = false;
    while ((q = queue_pop(&s->unlinking)) != NULL) {
        segment_free(QUEUE_ENTRY(q, struct segment, queue));
    }
    if (!s->closing) {
        store_pump(s); /* may have waited for a name */
    }
    store_step(s);
}

void store_trim_step(struct store *s)
{
    struct queue *q, *tmp;
    if (s->trimming) {
        return;
    }
    trim_set(s);
    QUEUE_FOREACH(q, tmp, &s->dropped)
    {
        struct segment *g = QUEUE_ENTRY(q, struct segment, queue);
        if (g->users == 0 && g->leases == 0 && g->next_offset <= s->trim_to) {
            queue_remove(q);
            queue_push(&s->unlinking, q);
            segment_rest(g);
        }
    }
    if (!queue_empty(&s->unlinking)) {
        s->trimming = true;
        env_job_submit(s->env, ENV_THREAD_WORK, &s->trim_job, trim_run,
                       trim_done, s);
    }
}

void store_trim(struct store *s, int64_t log_start)
{
    if (log_start > s->trim_to) {
        s->trim_to = log_start;
    }
    if (!s->closing) {
        store_trim_step(s);
    }
}

/* ---- leases ----------------------------------------------------------------
 */

struct store_lease *store_lease(struct store *s)
{
    struct store_lease *l =
        mem_alloc(s->mem, sizeof *l + s->n_segments * sizeof(struct segment *));
    if (l == NULL) {
        return NULL;
    }
    *l = (struct store_lease){.store = s, .mem = s->mem, .n = s->n_segments};
    for (size_t i = 0; i < l->n; i++) {
        l->segments[i] = s->segments[i];
        l->segments[i]->leases++;
    }
    queue_push(&s->leases, &l->queue);
    return l;
}

void store_lease_release(struct store_lease *l)
{
    struct store *s = l->store;
    queue_remove(&l->queue);
    for (size_t i = 0; s != NULL && i < l->n; i++) {
        ASSERT(l->segments[i]->leases > 0);
        l->segments[i]->leases--;
    }
    mem_free(l->mem, l);
    if (s != NULL && !s->closing) {
        store_trim_step(s);
    }
}
