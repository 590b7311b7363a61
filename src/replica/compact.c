/* Raising the log base.
 *
 *   flush: segments are durable up to a point P
 *   fold:  the owner's state, epochs, configuration as of P
 *   ready: a manifest for P, encoded
 *
 * A log replica gives the *previous* ready manifest to the group, so that the
 * tail keeps one flush cycle of entries for followers that lag a little; only
 * when the journal needs room is the newest one given at once.
 */
#include <inttypes.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "replica/impl.h"

/* A state replica checkpoints also when its tail holds more bytes than this. */
#define STATE_BYTES_MAX (1u << 20)
/* ... and already beyond so many entries when memory is scarce: each keeps a
 * page of it. */
#define STATE_PRESSED_ENTRIES 128

void compact_init(struct replica *r)
{
    buf_init(&r->folded_config, r->mem, 0);
    buf_init(&r->ready, r->mem, 0);
    buf_init(&r->manifest, r->mem, 0);
}

void compact_close(struct replica *r)
{
    buf_close(&r->folded_config);
    buf_close(&r->ready);
    buf_close(&r->manifest);
}

static _Noreturn void die(struct replica *r, const char *what, int rv)
{
    env_fail(r->env, rv, "%s: %s: %s", r->name, what, err_text(rv));
}

void compact_reset(struct replica *r, const struct manifest *m)
{
    r->folded = m->base.index;
    r->folded_log_start = m->log_start;
    r->folded_config_index = m->config_index;
    buf_reset(&r->folded_config);
    buf_put(&r->folded_config, m->config.data, m->config.len);
    buf_reset(&r->ready);
    r->ready_base = m->base;
    if (r->folded_config.status != 0) {
        die(r, "manifest", r->folded_config.status);
    }
}

static void fold_entry(struct replica *r, const struct entry *e)
{
    switch (e->kind) {
    case ENTRY_CHANGE:
        buf_reset(&r->folded_config);
        buf_put(&r->folded_config, e->payload.data, e->payload.len);
        r->folded_config_index = e->index;
        break;
    case ENTRY_TRIM: {
        int64_t offset = (int64_t)le64_load(e->payload.data);
        if (offset > r->folded_log_start) {
            r->folded_log_start = offset;
        }
        break;
    }
    default:
        break;
    }
    if (r->kind == REPLICA_LOG) {
        r->hooks->fold(r->arg, e);
    }
}

/* Fold (folded, index]. */
static void fold_upto(struct replica *r, uint64_t index)
{
    const struct tail *t = group_tail(r->group);
    while (r->folded < index) {
        const struct entry *e = tail_find(t, r->folded + 1);
        ASSERT(e != NULL);
        fold_entry(r, e);
        r->folded = e->index;
    }
}

/* Encode the manifest that stands for everything up to `base`. */
static int encode(struct replica *r, struct log_point base, struct buf *out)
{
    struct manifest m = {.kind = r->kind == REPLICA_LOG ? MANIFEST_LOG
                                                        : MANIFEST_STATE,
                         .base = base,
                         .config_index = r->folded_config_index,
                         .config = buf_slice(&r->folded_config),
                         .log_start = r->folded_log_start,
                         .epochs = r->epochs.v,
                         .n_epochs = epochs_upto(&r->epochs, base.term)};
    struct manifest_segment *segments = NULL;
    struct arena arena;
    struct buf state;
    int rv = 0;
    arena_init(&arena, r->mem, 0);
    buf_init(&state, r->mem, 0);
    if (r->kind == REPLICA_LOG) {
        rv = store_segments(r->store, &arena, &segments, &m.n_segments);
        m.segments = segments;
        r->hooks->state(r->arg, &state);
        m.state = buf_slice(&state);
        rv = rv != 0 ? rv : state.status;
    }
    buf_reset(out);
    if (rv == 0) {
        manifest_encode(&m, out);
        rv = out->status;
    }
    buf_close(&state);
    arena_close(&arena);
    return rv;
}

/* A manifest that no record takes, or that does not fit the log: the base
 * stays where it is, and the journal copies forward what it needs. */
static int keep_base(struct replica *r, struct buf *encoded, int why)
{
    if (!r->base_kept) {
        trace_warn(env_trace(r->env), "replica.base",
                   "name=%s bytes=%zu error=\"%s\" kept=%" PRIu64, r->name,
                   encoded->len, err_text(why),
                   group_tail(r->group)->base.index);
    }
    r->base_kept = true;
    buf_reset(encoded);
    return 0;
}

/* Give an encoded manifest to the group. */
static int give(struct replica *r, struct buf *encoded)
{
    struct manifest m;
    struct arena arena;
    arena_init(&arena, r->mem, 0);
    int rv = manifest_decode(buf_slice(encoded), &arena, &m);
    if (rv == 0 && m.base.index <= group_tail(r->group)->base.index) {
        buf_reset(encoded); /* nothing to gain */
    } else if (rv == 0) {
        rv = group_compact(r->group, &m, buf_slice(encoded));
        if (rv == 0) {
            struct buf old = r->manifest;
            r->manifest = *encoded;
            *encoded = old;
            buf_reset(encoded);
            r->base_kept = false;
        } else if (rv == ERR_TOOBIG || rv == ERR_RANGE) {
            rv = keep_base(r, encoded, rv);
        }
    }
    arena_close(&arena);
    return rv == ERR_BUSY || rv == ERR_FULL ? 0 : rv;
}

/* The last point at or behind `index` that holds no further records: barriers
 * and the like pass below the base too. */
static struct log_point settle(const struct replica *r, uint64_t index)
{
    const struct tail *t = group_tail(r->group);
    uint64_t limit = r->applied;
    if (index < t->base.index) {
        index = t->base.index;
    }
    while (index < limit) {
        const struct entry *e = tail_find(t, index + 1);
        if (e == NULL || e->kind == ENTRY_RECORDS) {
            break;
        }
        index++;
    }
    return tail_point(t, index);
}

static void finish(struct replica *r)
{
    r->compacting = false;
    if (r->compact_again) {
        r->compact_again = false;
        compact_start(r, r->forced);
    }
}

/* Does a follower that is there still need entries at or below `index`? Then
 * the base waits, as long as nothing presses. */
static bool needed(const struct replica *r, uint64_t index)
{
    struct group_progress p[GROUP_MEMBERS_MAX];
    unsigned n = group_progress(r->group, p);
    for (unsigned i = 0; i < n; i++) {
        if (p[i].recent && p[i].match < index) {
            return true;
        }
    }
    return false;
}

static void on_flushed(void *arg, struct log_point point)
{
    struct replica *r = arg;
    bool force = r->forced;
    r->all->flushing--;
    if (r->state != REPLICA_RUNNING || transfer_active(r)) {
        r->compacting = false;
        return;
    }
    r->forced = false;
    if (store_end(r->store) >
        tail_point(group_tail(r->group), r->applied).offset) {
        finish(r); /* an interrupted transfer: apply has to catch up first */
        return;
    }
    if (!force && r->ready.len > 0 && needed(r, r->ready_base.index)) {
        finish(r);
        return;
    }
    struct log_point base = settle(r, point.index);
    int rv = r->ready.len > 0 && !force ? give(r, &r->ready) : 0;
    if (rv == 0 && base.index > r->folded) {
        fold_upto(r, base.index);
        rv = encode(r, base, &r->ready);
        r->ready_base = base;
    } else if (rv == 0 && r->trim_pending) {
        fold_upto(r, base.index);
    }
    if (rv == 0 && force && r->ready.len > 0) {
        rv = give(r, &r->ready);
    }
    if (rv != 0) {
        die(r, "raise the log base", rv);
    }
    finish(r);
}

void replica_checkpointed(struct replica *r, uint64_t index, uint64_t term)
{
    const struct tail *t;
    (void)term;
    if (r->state != REPLICA_RUNNING || transfer_active(r)) {
        r->compacting = false;
        return;
    }
    t = group_tail(r->group);
    r->forced = false;
    if (index > t->base.index && index <= r->applied) {
        struct log_point base = tail_point(t, index);
        fold_upto(r, index);
        int rv = encode(r, base, &r->ready);
        rv = rv != 0 ? rv : give(r, &r->ready);
        if (rv != 0) {
            die(r, "raise the log base", rv);
        }
        r->ready_base = base;
    }
    finish(r);
}

void compact_start(struct replica *r, bool force)
{
    r->forced = r->forced || force;
    if (r->compacting) {
        r->compact_again = r->compact_again || force;
        return;
    }
    if (r->state != REPLICA_RUNNING || transfer_active(r)) {
        return;
    }
    r->compacting = true;
    if (r->kind == REPLICA_STATE) {
        r->hooks->checkpoint(r->arg);
        return;
    }
    int rv = store_flush(r->store, on_flushed, r);
    if (rv == 0) {
        r->all->flushing++;
    } else if (rv == ERR_BUSY) {
        r->compacting = false;
    } else {
        die(r, "flush", rv);
    }
}

uint64_t compact_weight(const struct replica *r)
{
    return r->group != NULL && r->kind == REPLICA_LOG
               ? group_tail(r->group)->bytes
               : 0;
}

/* The manifest in force covers a moved log start: files below it may go. */
static void trim_files(struct replica *r)
{
    struct manifest m;
    struct arena arena;
    if (r->kind != REPLICA_LOG || r->manifest.len == 0 ||
        r->log_start <= r->trimmed) {
        return;
    }
    arena_init(&arena, r->mem, 0);
    if (manifest_decode(buf_slice(&r->manifest), &arena, &m) == 0 &&
        m.base.index <= group_tail(r->group)->base.index &&
        m.log_start > r->trimmed) {
        r->trimmed = m.log_start;
        store_trim(r->store, m.log_start);
        epochs_trim(&r->epochs, m.log_start);
        if (r->trimmed >= r->log_start) {
            r->trim_pending = false;
        }
    }
    arena_close(&arena);
}

void compact_tick(struct replica *r, bool press)
{
    const struct tail *t;
    if (r->state != REPLICA_RUNNING || r->group == NULL) {
        return;
    }
    t = group_tail(r->group);
    trim_files(r);
    if (r->kind == REPLICA_STATE &&
        (t->n > r->all->o.state_entries_max || t->bytes > STATE_BYTES_MAX ||
         (press && t->n > STATE_PRESSED_ENTRIES)) &&
        r->applied > t->base.index) {
        compact_start(r, false);
    } else if (r->trim_pending && r->log_start > r->trimmed && !r->compacting) {
        compact_start(r, true);
    }
}
