/* transfer_log.c - the receiving end of Transfer, log kind: what we have stays
 * up to where our chain equals the sender's, the rest is pulled by offset. */
#include <inttypes.h>

#include "replica/transfer_impl.h"

static void pull_or_flush(struct transfer *t);

static void rewind_to(struct transfer *t, int64_t offset, uint64_t chain)
{
    struct replica *r = t->replica;
    struct err err = {""};
    int rv = store_rewind(r->store, offset, chain, &err);
    if (rv != 0) {
        env_fail(r->env, rv, "%s: transfer: %s", r->name, err.text);
    }
}

/* Where to begin when nothing is here: at the segment that holds the log
 * start. The manifest may list older ones that the sender has removed since,
 * because this very manifest allowed it. */
static const struct manifest_segment *first_segment(const struct manifest *m)
{
    const struct manifest_segment *s = m->segments;
    if (m->log_start >= m->base.offset) {
        return NULL; /* the last one, too, then */
    }
    for (size_t i = 0; i < m->n_segments; i++) {
        if (m->segments[i].base_offset <= m->log_start) {
            s = &m->segments[i];
        }
    }
    return m->n_segments > 0 ? s : NULL;
}

static void rewind_first(struct transfer *t)
{
    const struct manifest_segment *s = first_segment(&t->manifest);
    if (s != NULL) {
        rewind_to(t, s->base_offset, s->chain);
    } else {
        rewind_to(t, t->manifest.base.offset, t->manifest.base.chain);
    }
}

/* What we pulled is not what the sender has: continue from where both agree,
 * once. */
static void disagree(struct transfer *t)
{
    struct replica *r = t->replica;
    const struct manifest *m = &t->manifest;
    int64_t offset = store_agree(r->store, m->segments, m->n_segments);
    if (t->retried) {
        env_fail(r->env, ERR_CORRUPT,
                 "%s: transfer from n%" PRId32 ": the chain at offset %" PRId64
                 " differs: stored data is damaged",
                 r->name, t->from, m->base.offset);
    }
    t->retried = true;
    for (size_t i = 0; i < m->n_segments; i++) {
        if (m->segments[i].base_offset == offset) {
            rewind_to(t, offset, m->segments[i].chain);
            pull_or_flush(t);
            return;
        }
    }
    rewind_first(t);
    pull_or_flush(t);
}

static void on_flushed(void *arg, struct log_point point)
{
    struct transfer *t = arg;
    struct replica *r = t->replica;
    (void)point;
    t->flushing = false;
    if (t->from < 0) {
        transfer_free(t);
        return;
    }
    if (t->step == STEP_SETTLE) {
        const struct manifest_segment *s = first_segment(&t->manifest);
        if (store_append_end(r->store) <
            (s != NULL ? s->base_offset : t->manifest.base.offset)) {
            rewind_first(t);
        }
        pull_or_flush(t);
    } else if (store_end(r->store) == t->manifest.base.offset &&
               store_chain(r->store) != t->manifest.base.chain) {
        disagree(t);
    } else {
        transfer_enter(t);
    }
}

void transfer_flush(struct transfer *t)
{
    struct replica *r = t->replica;
    int rv = store_flush(r->store, on_flushed, t);
    if (rv == 0) {
        t->flushing = true;
    } else if (rv != ERR_BUSY) { /* busy: transfer_tick() comes again */
        env_fail(r->env, rv, "%s: transfer: flush: %s", r->name, err_text(rv));
    }
}

static void pull_or_flush(struct transfer *t)
{
    if (store_append_end(t->replica->store) >= t->manifest.base.offset) {
        t->step = STEP_FLUSH;
        transfer_flush(t);
    } else {
        t->step = STEP_PULL;
        transfer_ask(t);
    }
}

void transfer_batches(struct transfer *t, struct bytes data)
{
    struct replica *r = t->replica;
    int rv = store_append_raw(r->store, data);
    if (rv == ERR_CORRUPT) {
        transfer_elsewhere(t, "the sender's data is damaged");
    } else if (rv != 0) {
        env_fail(r->env, rv, "%s: transfer: %s", r->name, err_text(rv));
    } else {
        pull_or_flush(t);
    }
}
