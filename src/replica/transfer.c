/* The receiving end of Transfer.
 *
 *   offered -> SETTLE  what is queued gets written; where do we continue?
 *              PULL    batches (log) or file bytes (state) from the sender
 *              FLUSH   make them durable, check the chain
 *              INSTALL the owner's database (state)
 *              ENTER   the group takes the manifest; wait for its base
 *
 * Until ENTER nothing of the old log is given up. A sender that does not
 * answer is given up after a while; what was pulled stays, and the next offer
 * continues from there. Nothing is applied while this runs.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/cursor.h"
#include "env/file.h"
#include "replica/impl.h"
#include "replica/transfer_wire.h"

#define RESEND_MS  1000
#define GIVE_UP_MS 6000

enum step {
    STEP_SETTLE,
    STEP_PULL,
    STEP_FLUSH,
    STEP_MADE, /* state: the sender makes an image */
    STEP_FILE, /* state: its bytes */
    STEP_INSTALL,
    STEP_ENTER
};

struct transfer {
    struct replica *replica;
    int32_t from; /* node */
    enum step step;
    struct buf offer; /* encoded manifest, as offered or as the image's */
    struct arena arena;
    struct manifest manifest; /* decoded `offer` */
    struct buf own;           /* encoded, with our segments */
    uint64_t req;
    uint64_t asked_ms, heard_ms;
    bool flushing;
    bool retried; /* the chain did not fit once */
    /* State kind. */
    char path[REPLICA_PATH_MAX];
    struct file *file;
    struct file_io io;
    struct chunk *chunk; /* being written */
    bool writing;
    struct replica_image image;
    uint64_t at; /* bytes of the file written */
};

bool transfer_active(const struct replica *r)
{
    return r->transfer != NULL;
}

static void transfer_free(struct transfer *t)
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

static void give_up(struct transfer *t, const char *why)
{
    struct replica *r = t->replica;
    trace_info(env_trace(r->env), "transfer.stopped",
               "name=%s from=%" PRId32 " why=\"%s\"", r->name, t->from, why);
    transfer_close(r);
    apply_request(r);
}

/* ---- asking ----------------------------------------------------------- */

static void ask(struct transfer *t)
{
    struct replica *r = t->replica;
    struct buf b;
    buf_init(&b, r->mem, 0);
    t->asked_ms = env_now_ms(r->env);
    t->req++;
    switch (t->step) {
    case STEP_PULL:
        buf_put_u8(&b, TRANSFER_LOG);
        buf_put_u64(&b, r->id);
        buf_put_u64(&b, t->req);
        buf_put_u64(&b, (uint64_t)store_append_end(r->store));
        buf_put_u64(&b, (uint64_t)t->manifest.base.offset);
        buf_put_u32(&b, TRANSFER_PULL_BYTES);
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
        buf_put_u32(&b, TRANSFER_PULL_BYTES);
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

static int decode_offer(struct transfer *t, struct slice encoded)
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
        env_die(r->env, "%s: transfer: %s", r->name, err_text(rv));
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

/* Everything is durable: hand the manifest, with our segments, to the group. */
static void enter(struct transfer *t)
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
    if (rv == ERR_RANGE) {
        give_up(t, "the log has passed the offer");
    } else if (rv != 0) {
        env_die(r->env, "%s: transfer: %s", r->name, err_text(rv));
    } else {
        t->step = STEP_ENTER;
    }
}

/* ---- log kind --------------------------------------------------------- */

static void pull_or_flush(struct transfer *t);

static void rewind_to(struct transfer *t, int64_t offset, uint64_t chain)
{
    struct replica *r = t->replica;
    struct err err = {""};
    int rv = store_rewind(r->store, offset, chain, &err);
    if (rv != 0) {
        env_die(r->env, "%s: transfer: %s", r->name, err.text);
    }
}

/* Where to begin when nothing is here: at the segment that holds the log
 * start. The manifest may list older ones that the sender has removed since,
 * because this very manifest allowed it. */
static const struct manifest_segment *first_segment(const struct manifest *m)
{
    const struct manifest_segment *s = m->segments;
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
        env_die(r->env,
                "%s: transfer from n%" PRId32 ": the chain at offset %" PRId64
                " differs: stored data is damaged; nothing was cut",
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
        enter(t);
    }
}

static void flush(struct transfer *t)
{
    struct replica *r = t->replica;
    int rv = store_flush(r->store, on_flushed, t);
    if (rv == 0) {
        t->flushing = true;
    } else if (rv != ERR_BUSY) { /* busy: transfer_tick() comes again */
        env_die(r->env, "%s: transfer: flush: %s", r->name, err_text(rv));
    }
}

static void pull_or_flush(struct transfer *t)
{
    if (store_append_end(t->replica->store) >= t->manifest.base.offset) {
        t->step = STEP_FLUSH;
        flush(t);
    } else {
        t->step = STEP_PULL;
        ask(t);
    }
}

static void on_batches(struct transfer *t, struct bytes data)
{
    struct replica *r = t->replica;
    int rv = store_append_raw(r->store, data);
    if (rv == ERR_CORRUPT) {
        give_up(t, "the sender's data is damaged");
    } else if (rv != 0) {
        env_die(r->env, "%s: transfer: %s", r->name, err_text(rv));
    } else {
        pull_or_flush(t);
    }
}

/* ---- state kind ------------------------------------------------------- */

static void install(struct transfer *t)
{
    struct replica *r = t->replica;
    t->step = STEP_INSTALL;
    t->image.path = t->path;
    file_close(t->file);
    t->file = NULL;
    r->hooks->image_install(r->arg, &t->image);
}

void replica_image_installed(struct replica *r, int status)
{
    struct transfer *t = r->transfer;
    if (t == NULL || t->step != STEP_INSTALL) {
        return;
    }
    if (t->from < 0) {
        transfer_free(t);
    } else if (status != 0) {
        t->step = STEP_MADE;
        give_up(t, "the image could not be installed");
    } else {
        enter(t);
    }
}

static void on_file_synced(struct file_io *io, int64_t result)
{
    struct transfer *t = io->data;
    t->writing = false;
    if (t->from < 0) {
        transfer_free(t);
    } else if (result < 0) {
        env_die(t->replica->env, "%s: %s", t->path, err_text((int)result));
    } else {
        install(t);
    }
}

static void on_file_written(struct file_io *io, int64_t result)
{
    struct transfer *t = io->data;
    t->writing = false;
    chunk_release(t->chunk);
    t->chunk = NULL;
    if (t->from < 0) {
        transfer_free(t);
        return;
    }
    if (result < 0) {
        env_die(t->replica->env, "%s: %s", t->path, err_text((int)result));
    }
    t->at += (uint64_t)result;
    if (t->at < t->image.bytes) {
        ask(t);
        return;
    }
    t->writing = file_sync(t->file, &t->io, on_file_synced, t) == 0;
    if (!t->writing) {
        give_up(t, "no memory");
    }
}

static void on_file_data(struct transfer *t, struct bytes data)
{
    if (data.len == 0 || data.len > t->image.bytes - t->at) {
        give_up(t, "the sender's image has another size");
        return;
    }
    t->chunk = chunk_share(data.chunk);
    t->writing = file_write(t->file, &t->io, data.data, data.len, t->at, false,
                            on_file_written, t) == 0;
    if (!t->writing) {
        give_up(t, "no memory");
    }
}

static void on_made(struct transfer *t, struct cursor *c)
{
    struct replica *r = t->replica;
    struct err err = {""};
    t->image.index = cursor_u64(c);
    t->image.term = cursor_u64(c);
    t->image.hash = cursor_u64(c);
    t->image.bytes = cursor_u64(c);
    struct slice manifest = cursor_take(c, cursor_left(c));
    if (c->status != 0 || decode_offer(t, manifest) != 0 ||
        t->manifest.base.index != t->image.index || t->image.bytes == 0) {
        give_up(t, "the sender's answer is malformed");
        return;
    }
    int n = snprintf(t->path, sizeof t->path, "%s/incoming-%016" PRIx64 ".db",
                     r->all->dir, r->id);
    if (n < 0 || (size_t)n >= sizeof t->path) {
        give_up(t, "the data directory's path is too long");
        return;
    }
    int rv = file_open(r->env, t->path, FILE_WRITE | FILE_CREATE | FILE_TRUNC,
                       &t->file, &err);
    if (rv != 0) {
        env_die(r->env, "%s: transfer: %s", r->name, err.text);
    }
    t->at = 0;
    t->step = STEP_FILE;
    ask(t);
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
    if (status != 0) {
        give_up(t, err_text(status));
        return;
    }
    struct bytes data = message;
    data.data = c->p;
    data.len = cursor_left(c);
    if (kind == TRANSFER_DATA && t->step == STEP_PULL) {
        on_batches(t, data);
    } else if (kind == TRANSFER_DATA && t->step == STEP_FILE) {
        on_file_data(t, data);
    } else if (kind == TRANSFER_MADE && t->step == STEP_MADE) {
        on_made(t, c);
    }
}

void transfer_offered(struct replica *r, uint64_t from, struct slice manifest)
{
    if (r->transfer != NULL || r->state != REPLICA_RUNNING) {
        return;
    }
    struct transfer *t = mem_calloc(r->mem, 1, sizeof *t);
    if (t == NULL) {
        return; /* offered again */
    }
    t->replica = r;
    t->from = membership_node(from);
    t->heard_ms = env_now_ms(r->env);
    buf_init(&t->offer, r->mem, 0);
    buf_init(&t->own, r->mem, 0);
    arena_init(&t->arena, r->mem, 0);
    r->transfer = t;
    if (decode_offer(t, manifest) != 0) {
        give_up(t, "the offer is malformed");
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
        ask(t);
    } /* a log settles first: transfer_tick() */
}

void transfer_settle(struct replica *r)
{
    struct transfer *t = r->transfer;
    if (t != NULL && t->step == STEP_ENTER && r->state == REPLICA_RUNNING &&
        group_tail(r->group)->base.index >= t->manifest.base.index) {
        entered(t);
    }
}

void transfer_tick(struct replica *r)
{
    struct transfer *t = r->transfer;
    uint64_t now = env_now_ms(r->env);
    if (t == NULL || t->flushing || t->writing || t->step == STEP_INSTALL) {
        return;
    }
    if (t->step != STEP_ENTER &&
        tail_term(group_tail(r->group), t->manifest.base.index) ==
            t->manifest.base.term) {
        give_up(t, "the log has reached the offer");
        return;
    }
    if (t->step == STEP_ENTER) {
        transfer_settle(r);
        return;
    }
    if (t->step == STEP_SETTLE || t->step == STEP_FLUSH) {
        if (!r->compacting) {
            flush(t);
        }
        return;
    }
    if (now - t->heard_ms >= GIVE_UP_MS) {
        give_up(t, "no answer");
    } else if (now - t->asked_ms >= RESEND_MS) {
        ask(t);
    }
}
