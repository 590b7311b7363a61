/* lead.c - what a leader knows of its log beyond what is applied here.
 *
 *        applied      commit         last
 *   --------|-----------|-------------|
 *           | TRIMs --->|             |   log start
 *           | epochs ---------------->|   `ahead`
 *
 * A replica applies what is committed and durable on its own disk, in a turn of
 * its own. A leader is asked before that: at once when it is ready, and for as
 * long as its disk is slower than those of a majority. */
#include <inttypes.h>

#include "replica/impl.h"

int64_t lead_start(const struct replica *r)
{
    return r->start_known > r->log_start ? r->start_known : r->log_start;
}

void lead_trimmed(struct replica *r, int64_t offset)
{
    if (offset > r->high_watermark) {
        offset = r->high_watermark;
    }
    if (offset > r->start_known) {
        r->start_known = offset;
    }
}

/* The first entry that is not applied, or NULL. */
static const struct entry *first_ahead(const struct replica *r)
{
    const struct tail *t = group_tail(r->group);
    uint64_t from = r->applied < t->base.index ? t->base.index : r->applied;
    return tail_find(t, from + 1);
}

static void look_epochs(struct replica *r)
{
    const struct tail *t = group_tail(r->group);
    const struct entry *e = first_ahead(r);
    int rv = 0;
    r->ahead.n = 0;
    for (; e != NULL && rv == 0; e = tail_find(t, e->index + 1)) {
        rv = epochs_add(&r->ahead, e->term, e->base_offset);
    }
    if (rv == 0) {
        rv = epochs_add(&r->ahead, r->ahead_term, replica_log_end(r));
    }
    if (rv != 0) {
        env_fail(r->env, rv, "%s: epochs of term %" PRIu64 ": %s", r->name,
                 r->ahead_term, err_text(rv));
    }
}

static void look_trims(struct replica *r)
{
    const struct tail *t = group_tail(r->group);
    const struct entry *e = first_ahead(r);
    uint64_t commit = group_commit(r->group);
    for (; e != NULL && e->index <= commit; e = tail_find(t, e->index + 1)) {
        if (e->kind == ENTRY_TRIM) {
            lead_trimmed(r, apply_trim_offset(r, e));
        }
    }
}

void lead_look(struct replica *r)
{
    if (r->kind != REPLICA_LOG) {
        return;
    }
    if (group_role(r->group) != GROUP_LEADER) {
        epochs_close(&r->ahead);
        r->ahead_term = 0;
        return;
    }
    if (r->ahead_term != group_term(r->group)) {
        r->ahead_term = group_term(r->group);
        look_epochs(r);
    }
    if (group_ready(r->group)) {
        look_trims(r);
    }
}
