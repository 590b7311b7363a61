/* The receiving end of Transfer.
 *
 *   offered -> SETTLE  what is queued gets written; where do we continue?
 *              PULL    batches (log) or file bytes (state) from the sender
 *              FLUSH   make them durable, check the chain
 *              INSTALL the owner's database (state)
 *              ENTER   the group takes the manifest; wait for its base
 *
 * replica_fetch() is the same without an offer: an image is asked of whoever
 * leads, and after INSTALL our own log goes on: HOLD waits until it reaches
 * that far. If the leader offers its base meanwhile, that is taken instead.
 *
 * Until ENTER nothing of the old log is given up. A sender that does not
 * answer is given up after a while, and one whose data is damaged left for
 * another member; what was pulled stays, and the next offer continues there.
 * Nothing is applied while this runs.
 */
#include <inttypes.h>

#include "base/cursor.h"
#include "replica/transfer_impl.h"
#include "replica/transfer_wire.h"

#define RESEND_MS    1000
#define GIVE_UP_MS   6000
#define FETCH_MS     500 /* between two tries; each time twice as long */
#define FETCH_MAX_MS 4000

bool transfer_active(const struct replica *r)
{
    return r->transfer != NULL;
}

bool transfer_writing(const struct replica *r)
{
    return r->transfer != NULL && r->transfer->writing;
}

void transfer_free(struct transfer *t)
{
    struct replica *r = t->replica;
    file_close(t->file);
    if (t->path[0] != '\0') {
        env_unlink(r->env, t->path);
    }
    chunk_release(t->chunk);
    buf_close(&t->offer);
    buf_close(&t->own);
    arena_close(&t->arena);
    r->transfer = NULL;
    mem_free(r->mem, t);
}

void transfer_close(struct replica *r)
{
    struct transfer *t = r->transfer;
    if (t != NULL && !t->flushing && !t->writing && t->step != STEP_INSTALL) {
        transfer_free(t);
    } else if (t != NULL) {
        t->from = -1; /* its callback frees it */
    }
}

void transfer_give_up(struct transfer *t, const char *why)
{
    struct replica *r = t->replica;
    trace_info(env_trace(r->env), "transfer.stopped",
               "name=%s from=%" PRId32 " why=\"%s\"", r->name, t->from, why);
    transfer_close(r);
    apply_request(r);
}

void transfer_elsewhere(struct transfer *t, const char *why)
{
    struct replica *r = t->replica;
    struct group_config config; /* ours is old: we are behind */
    int32_t next = -1;
    if (group_config_decode(t->manifest.config, &config) != 0) {
        config.n = 0;
    }
    for (unsigned i = 0; i < config.n; i++) {
        int32_t node = membership_node(config.members[i].id);
        if (node == t->from) {
            t->refused |= UINT32_C(1) << i;
        } else if (node != r->all->o.node &&
                   (t->refused & UINT32_C(1) << i) == 0 && next < 0) {
            next = node;
        }
    }
    if (next < 0) {
        transfer_give_up(t, why);
        return;
    }
    trace_info(env_trace(r->env), "transfer.elsewhere",
               "name=%s from=%" PRId32 " next=%" PRId32 " have=%" PRId64
               " why=\"%s\"",
               r->name, t->from, next, store_append_end(r->store), why);
    t->from = next;
    t->heard_ms = t->moved_ms = env_now_ms(r->env);
    transfer_ask(t);
}

/* ---- asking ----------------------------------------------------------- */

static void ask_send(struct transfer *t)
{
    struct replica *r = t->replica;
    struct buf b;
    buf_init(&b, r->mem, 0);
    t->asked_ms = env_now_ms(r->env);
    switch (t->step) {
    case STEP_PULL:
        buf_put_u8(&b, TRANSFER_LOG);
        buf_put_u64(&b, r->id);
        buf_put_u64(&b, t->req);
        buf_put_u64(&b, (uint64_t)store_append_end(r->store));
        buf_put_u64(&b, (uint64_t)t->manifest.base.offset);
        buf_put_u32(&b, t->pull);
        break;
    case STEP_MADE:
        buf_put_u8(&b, TRANSFER_IMAGE);
        buf_put_u64(&b, r->id);
        buf_put_u64(&b, t->req);
        buf_put_u64(&b, t->manifest.base.index);
        break;
    case STEP_FILE:
        buf_put_u8(&b, TRANSFER_FILE);
        buf_put_u64(&b, r->id);
        buf_put_u64(&b, t->req);
        buf_put_u64(&b, t->image.index);
        buf_put_u64(&b, t->at);
        buf_put_u32(&b, t->pull);
        break;
    default:
        break;
    }
    if (b.status == 0 && b.len > 0) {
        /* What is lost is asked for again by transfer_tick(). */
        peer_send(r->all->o.peers, t->from, PEER_LANE_MAIN, PEER_TRANSFER,
                  r->id, buf_slice(&b), NULL, 0);
    }
    buf_close(&b);
}

void transfer_ask(struct transfer *t)
{
    t->req++;
    t->first_ms = env_now_ms(t->replica->env);
    ask_send(t);
}

/* Nothing came. What is still on its way is an answer to this, too. */
static void ask_again(struct transfer *t)
{
    t->pull = t->pull / 4 > TRANSFER_PULL_BYTES_MIN ? t->pull / 4
                                                    : TRANSFER_PULL_BYTES_MIN;
    ask_send(t);
}

/* It came. */
static void answered(struct transfer *t)
{
    if (t->heard_ms - t->first_ms < RESEND_MS / 4 &&
        t->pull < TRANSFER_PULL_BYTES) {
        t->pull *= 2;
    }
    t->moved_ms = t->heard_ms;
}

int transfer_decode_offer(struct transfer *t, struct slice encoded)
{
    buf_reset(&t->offer);
    buf_put(&t->offer, encoded.data, encoded.len);
    if (t->offer.status != 0) {
        return t->offer.status;
    }
    arena_close(&t->arena);
    arena_init(&t->arena, t->replica->mem, 0);
    return manifest_decode(buf_slice(&t->offer), &t->arena, &t->manifest);
}

/* ---- entering --------------------------------------------------------- */

/* The group stands at the manifest's base: go on from there. */
static void entered(struct transfer *t)
{
    struct replica *r = t->replica;
    const struct manifest *m = &t->manifest;
    int rv = epochs_set(&r->epochs, m->epochs, m->n_epochs);
    if (rv == 0 && r->kind == REPLICA_LOG) {
        rv = r->hooks->restore(r->arg, m->state);
    }
    if (rv != 0) {
        env_fail(r->env, rv, "%s: transfer: %s", r->name, err_text(rv));
    }
    compact_reset(r, m);
    buf_reset(&r->manifest);
    buf_put(&r->manifest, t->own.data, t->own.len);
    r->base = m->base;
    r->applied = m->base.index;
    r->log_start = m->log_start;
    if (m->base.offset > r->high_watermark) {
        r->high_watermark = m->base.offset;
    }
    trace_info(env_trace(r->env), "transfer.done",
               "name=%s from=%" PRId32 " index=%" PRIu64 " offset=%" PRId64,
               r->name, t->from, m->base.index, m->base.offset);
    transfer_free(t);
    apply_request(r);
}

void transfer_enter(struct transfer *t)
{
    struct replica *r = t->replica;
    struct manifest_segment *segments = NULL;
    struct arena arena;
    struct manifest own = t->manifest;
    int rv = 0;
    arena_init(&arena, r->mem, 0);
    if (r->kind == REPLICA_LOG) {
        rv = store_segments(r->store, &arena, &segments, &own.n_segments);
        own.segments = segments;
    }
    buf_reset(&t->own);
    manifest_encode(&own, &t->own);
    rv = rv != 0 ? rv : t->own.status;
    if (rv == 0) {
        rv = group_installed(r->group, &own, buf_slice(&t->own));
    }
    arena_close(&arena);
    t->step = STEP_ENTER;
    t->handed = rv == 0;
    if (rv == ERR_RANGE) {
        transfer_give_up(t, "the log has passed the offer");
    } else if (rv != 0 && rv != ERR_BUSY) {
        /* Busy: the base is on its way up still; transfer_tick() comes again.
         */
        env_fail(r->env, rv, "%s: transfer: %s", r->name, err_text(rv));
    }
}

/* ---- events ----------------------------------------------------------- */

void transfer_answer(struct replica *r, int32_t node, unsigned kind,
                     struct bytes message, struct cursor *c)
{
    struct transfer *t = r->transfer;
    uint64_t req = cursor_u64(c);
    int status = (int)cursor_u32(c);
    if (t == NULL || t->from != node || req != t->req || c->status != 0 ||
        t->writing || t->flushing) {
        return;
    }
    t->heard_ms = env_now_ms(r->env);
    if (status == ERR_NOMEM || status == ERR_NOTREADY || status == ERR_BUSY) {
        return; /* asked again later */
    }
    if (status != 0 && t->step == STEP_PULL) {
        transfer_elsewhere(t, err_text(status));
        return;
    }
    if (status != 0) {
        transfer_give_up(t, err_text(status));
        return;
    }
    answered(t);
    struct bytes data = message;
    data.data = c->p;
    data.len = cursor_left(c);
    if (kind == TRANSFER_DATA && t->step == STEP_PULL) {
        transfer_batches(t, data);
    } else if (kind == TRANSFER_DATA && t->step == STEP_FILE) {
        transfer_file_data(t, data);
    } else if (kind == TRANSFER_MADE && t->step == STEP_MADE) {
        transfer_made(t, c);
    }
}

static struct transfer *transfer_new(struct replica *r, int32_t from)
{
    struct transfer *t = mem_calloc(r->mem, 1, sizeof *t);
    if (t == NULL) {
        return NULL;
    }
    t->replica = r;
    t->from = t->offerer = from;
    t->pull = TRANSFER_PULL_BYTES_NEW;
    t->heard_ms = t->moved_ms = env_now_ms(r->env);
    buf_init(&t->offer, r->mem, 0);
    buf_init(&t->own, r->mem, 0);
    arena_init(&t->arena, r->mem, 0);
    r->transfer = t;
    return t;
}

void transfer_offered(struct replica *r, uint64_t from, struct slice manifest)
{
    if (r->transfer != NULL && r->transfer->step == STEP_HOLD) {
        transfer_free(r->transfer);
    }
    if (r->transfer != NULL || r->state != REPLICA_RUNNING) {
        return;
    }
    struct transfer *t = transfer_new(r, membership_node(from));
    if (t == NULL) {
        return; /* offered again */
    }
    if (transfer_decode_offer(t, manifest) != 0) {
        transfer_give_up(t, "the offer is malformed");
        return;
    }
    trace_info(env_trace(r->env), "transfer.start",
               "name=%s from=%" PRId32 " index=%" PRIu64 " offset=%" PRId64
               " have=%" PRId64,
               r->name, t->from, t->manifest.base.index,
               t->manifest.base.offset,
               r->store != NULL ? store_append_end(r->store) : 0);
    if (r->kind == REPLICA_STATE) {
        t->step = STEP_MADE;
        transfer_ask(t);
    } /* a log settles first: transfer_tick() */
}

void transfer_settle(struct replica *r)
{
    struct transfer *t = r->transfer;
    if (t != NULL && t->step == STEP_ENTER && t->handed &&
        r->state == REPLICA_RUNNING &&
        group_tail(r->group)->base.index >= t->manifest.base.index) {
        entered(t);
    }
}

/* Ask whoever leads for an image of at least what the owner was handed. */
static void fetch_begin(struct replica *r)
{
    int32_t leader = replica_leader(r);
    uint64_t now = env_now_ms(r->env);
    if (r->state != REPLICA_RUNNING || now < r->fetch_ms || leader < 0 ||
        leader == r->all->o.node) {
        return;
    }
    r->fetch_wait_ms = r->fetch_wait_ms == 0 ? FETCH_MS : 2 * r->fetch_wait_ms;
    if (r->fetch_wait_ms > FETCH_MAX_MS) {
        r->fetch_wait_ms = FETCH_MAX_MS;
    }
    r->fetch_ms = now + r->fetch_wait_ms;
    struct transfer *t = transfer_new(r, leader);
    if (t == NULL) {
        return; /* with the next tick */
    }
    t->fetch = true;
    t->step = STEP_MADE;
    t->manifest.base.index = r->applied;
    trace_info(env_trace(r->env), "transfer.fetch",
               "name=%s from=%" PRId32 " index=%" PRIu64, r->name, t->from,
               r->applied);
    transfer_ask(t);
}

void replica_fetch(struct replica *r)
{
    if (!r->fetching) {
        r->fetching = true;
        r->fetch_wait_ms = 0;
        sources_forget(r->all->sources, r->id); /* an image made of it */
    }
}

bool replica_fetching(const struct replica *r)
{
    return r->fetching;
}

void replica_withhold(struct replica *r, bool on)
{
    if (on && !r->withheld) {
        sources_forget(r->all->sources, r->id);
    }
    r->withheld = on;
}

void transfer_tick(struct replica *r)
{
    struct transfer *t = r->transfer;
    uint64_t now = env_now_ms(r->env);
    if (t == NULL && r->fetching) {
        fetch_begin(r);
        return;
    }
    if (t == NULL || t->flushing || t->writing || t->step == STEP_INSTALL) {
        return;
    }
    if (t->step != STEP_ENTER && !t->fetch &&
        tail_term(group_tail(r->group), t->manifest.base.index) ==
            t->manifest.base.term) {
        transfer_give_up(t, "the log has reached the offer");
        return;
    }
    if (t->step == STEP_ENTER) {
        if (t->handed) {
            transfer_settle(r);
        } else {
            transfer_enter(t);
        }
        return;
    }
    if (t->step == STEP_HOLD) {
        if (now - t->heard_ms >= GIVE_UP_MS) {
            transfer_give_up(t, "the log does not reach the image");
        } else {
            transfer_held(t);
        }
        return;
    }
    if (t->step == STEP_SETTLE || t->step == STEP_FLUSH) {
        if (!r->compacting) {
            transfer_flush(t);
        }
        return;
    }
    if (t->step == STEP_PULL && t->from != t->offerer &&
        now - t->moved_ms >= GIVE_UP_MS) {
        /* It may be as far behind as we are. Whoever leads next makes an offer
         * only when this one is over. */
        transfer_elsewhere(t, "no data");
    } else if (now - t->heard_ms >= GIVE_UP_MS) {
        transfer_give_up(t, "no answer");
    } else if (now - t->asked_ms >= RESEND_MS) {
        ask_again(t);
    }
}
