/* transfer_state.c - the receiving end of Transfer, state kind: a consistent
 * image of the sender's database, for the owner to put in place of its own. */
#include <inttypes.h>
#include <stdio.h>

#include "base/cursor.h"
#include "replica/transfer_impl.h"

static void install(struct transfer *t)
{
    struct replica *r = t->replica;
    t->step = STEP_INSTALL;
    t->image.path = t->path;
    file_close(t->file);
    t->file = NULL;
    r->hooks->image_install(r->arg, &t->image);
}

/* The owner's state is at or ahead of what it was handed: our log goes on. */
static void fetched(struct transfer *t)
{
    struct replica *r = t->replica;
    trace_info(env_trace(r->env), "transfer.done",
               "name=%s from=%" PRId32 " index=%" PRIu64, r->name, t->from,
               t->image.index);
    transfer_free(t);
    apply_request(r);
}

void replica_image_installed(struct replica *r, int status)
{
    struct transfer *t = r->transfer;
    if (t == NULL || t->step != STEP_INSTALL) {
        return;
    }
    if (status == 0 && t->image.index >= r->applied) {
        r->fetching = false;
    }
    if (t->from < 0) {
        transfer_free(t);
    } else if (status != 0) {
        t->step = STEP_MADE;
        transfer_give_up(t, "the image could not be installed");
    } else if (t->fetch) {
        fetched(t);
    } else {
        t->step = STEP_MADE; /* no callback is to come if it gives up */
        transfer_enter(t);
    }
}

/* The replica is about to close, and this was the last that it waited for. */
static void abandoned(struct transfer *t)
{
    struct replica *r = t->replica;
    transfer_free(t);
    replica_close_resume(r);
}

static void on_file_synced(struct file_io *io, int64_t result)
{
    struct transfer *t = io->data;
    t->writing = false;
    if (t->from < 0) {
        abandoned(t);
    } else if (result < 0) {
        env_fail(t->replica->env, (int)result, "%s: %s", t->path,
                 err_text((int)result));
    } else if (t->fetch) {
        t->step = STEP_HOLD;
        transfer_held(t);
    } else {
        install(t);
    }
}

/* A state is never ahead of what is stored and committed here (DESIGN section
 * 8); after an offer the manifest takes the place of the log. */
void transfer_held(struct transfer *t)
{
    const struct group *g = t->replica->group;
    if (group_stored(g) >= t->image.index &&
        group_commit(g) >= t->image.index) {
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
        abandoned(t);
        return;
    }
    if (result < 0) {
        env_fail(t->replica->env, (int)result, "%s: %s", t->path,
                 err_text((int)result));
    }
    t->at += (uint64_t)result;
    if (t->at < t->image.bytes) {
        transfer_ask(t);
        return;
    }
    t->writing = file_sync(t->file, &t->io, on_file_synced, t) == 0;
    if (!t->writing) {
        transfer_give_up(t, "no memory");
    }
}

void transfer_file_data(struct transfer *t, struct bytes data)
{
    if (data.len == 0 || data.len > t->image.bytes - t->at) {
        transfer_give_up(t, "the sender's image has another size");
        return;
    }
    t->chunk = chunk_share(data.chunk);
    t->writing = file_write(t->file, &t->io, data.data, data.len, t->at, false,
                            on_file_written, t) == 0;
    if (!t->writing) {
        transfer_give_up(t, "no memory");
    }
}

void transfer_made(struct transfer *t, struct cursor *c)
{
    struct replica *r = t->replica;
    struct err err = {""};
    t->image.index = cursor_u64(c);
    t->image.term = cursor_u64(c);
    t->image.hash = cursor_u64(c);
    t->image.bytes = cursor_u64(c);
    struct slice manifest = cursor_take(c, cursor_left(c));
    if (c->status != 0 || transfer_decode_offer(t, manifest) != 0 ||
        t->manifest.base.index != t->image.index || t->image.bytes == 0) {
        transfer_give_up(t, "the sender's answer is malformed");
        return;
    }
    if (t->fetch && t->image.index < r->applied) {
        transfer_give_up(t, "the sender's image is older than our log");
        return;
    }
    int n = snprintf(t->path, sizeof t->path, "%s/incoming-%016" PRIx64 ".db",
                     r->all->dir, r->id);
    if (n < 0 || (size_t)n >= sizeof t->path) {
        transfer_give_up(t, "the data directory's path is too long");
        return;
    }
    int rv = file_open(r->env, t->path, FILE_WRITE | FILE_CREATE | FILE_TRUNC,
                       &t->file, &err);
    if (rv != 0) {
        env_fail(r->env, rv, "%s: transfer: %s", r->name, err.text);
    }
    t->at = 0;
    t->step = STEP_FILE;
    transfer_ask(t);
}
