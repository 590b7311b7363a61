#include <inttypes.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "replica/impl.h"

/* The index up to which entries may be handed over: a replica applies only
 * what is committed and durable here (DESIGN section 8). */
static uint64_t apply_limit(const struct replica *r)
{
    uint64_t commit = group_commit(r->group);
    uint64_t stored = group_stored(r->group);
    return commit < stored ? commit : stored;
}

bool apply_mark(struct replica *r)
{
    const struct tail *t = group_tail(r->group);
    uint64_t commit = group_commit(r->group);
    uint64_t last = tail_last_index(t);
    int64_t hw = commit <= t->base.index
                     ? t->base.offset
                     : tail_point(t, commit < last ? commit : last).offset;
    if (hw < r->high_watermark) {
        return false; /* after a restart: the commit index is not known yet */
    }
    r->high_watermark = hw;
    return true;
}

static void advance(struct replica *r)
{
    int64_t hw, start = lead_start(r);
    if (!apply_mark(r) || r->state != REPLICA_RUNNING) {
        return;
    }
    hw = r->high_watermark;
    r->hooks->advanced(r->arg, hw, start < hw ? start : hw);
}

int64_t apply_trim_offset(const struct replica *r, const struct entry *e)
{
    if (e->payload.len != 8) {
        env_die(r->env, "%s: entry %" PRIu64 ": a TRIM of %zu bytes", r->name,
                e->index, e->payload.len);
    }
    return (int64_t)le64_load(e->payload.data);
}

static void apply_trim(struct replica *r, const struct entry *e)
{
    int64_t offset = apply_trim_offset(r, e);
    if (offset > r->log_start) {
        r->log_start = offset;
        r->trim_pending = true;
    }
}

/* What the room itself does with an entry. */
static void apply_entry(struct replica *r, const struct entry *e)
{
    int rv = epochs_add(&r->epochs, e->term, e->base_offset);
    if (rv == 0 && e->kind == ENTRY_RECORDS && r->store != NULL &&
        e->next_offset > store_append_end(r->store)) {
        rv = store_append(r->store, e);
    }
    if (rv != 0) {
        env_fail(r->env, rv, "%s: apply entry %" PRIu64 ": %s", r->name,
                 e->index, err_text(rv));
    }
    if (e->kind == ENTRY_TRIM) {
        apply_trim(r, e);
    }
}

static void apply_some(struct replica *r, uint64_t limit)
{
    const struct entry *batch[REPLICA_APPLY_MAX];
    const struct tail *t = group_tail(r->group);
    unsigned n = 0;
    while (n < REPLICA_APPLY_MAX && r->applied + n < limit) {
        batch[n] = tail_find(t, r->applied + n + 1);
        ASSERT(batch[n] != NULL);
        n++;
    }
    for (unsigned i = 0; i < n; i++) {
        apply_entry(r, batch[i]);
    }
    r->applied += n;
    r->hooks->apply(r->arg, batch, n);
}

static void on_apply(struct env_turn *turn)
{
    struct replica *r = turn->data;
    if (r->state != REPLICA_RUNNING || r->group == NULL) {
        return;
    }
    transfer_settle(r);
    uint64_t limit = apply_limit(r);
    if (!transfer_active(r) && !r->fetching) {
        while (r->applied < limit && r->state == REPLICA_RUNNING) {
            apply_some(r, limit);
        }
    }
    if (r->state == REPLICA_RUNNING) {
        advance(r);
    }
}

void apply_init(struct replica *r)
{
    env_turn_init(&r->apply_turn, ENV_TURN_CONSENSUS, on_apply, r);
}

void apply_request(struct replica *r)
{
    env_turn_request(r->env, &r->apply_turn);
}
