/* Frames on their way to the disk, and what is done once a turn. */
#include <inttypes.h>

#include "base/assert.h"
#include "storage/journal_impl.h"

/* ---- writing ------------------------------------------------------------- */

void journal_tell_durable(struct journal *j)
{
    uint64_t seq = j->last_seq;
    if (!queue_empty(&j->frames)) {
        seq =
            QUEUE_ENTRY(j->frames.next, struct jframe, queue)->facts.first - 1;
    }
    if (j->apart_first != 0 && seq >= j->apart_first) {
        seq = j->apart_first - 1;
    }
    ASSERT(seq >= j->durable_seq);
    if (seq > j->durable_seq) {
        j->durable_seq = seq;
        if (j->durable_cb != NULL) {
            j->durable_cb(j->cb_arg, seq);
        }
    }
}

static void frame_durable(struct journal *j)
{
    while (!queue_empty(&j->frames)) {
        struct jframe *f = QUEUE_ENTRY(j->frames.next, struct jframe, queue);
        if (f->state != JFRAME_DONE) {
            break;
        }
        queue_remove(&f->queue);
        ASSERT(f->facts.seq == j->durable_frame + 1);
        ASSERT(f->facts.last >= j->durable_seq);
        j->durable_frame = f->facts.seq;
        j->backlog -= f->facts.records_len;
        stage_recycle(j, f);
    }
    journal_pump(j, true);
    journal_tell_durable(j);
}

static void frame_written(struct file_io *io, int64_t result)
{
    struct jframe *f = io->data;
    struct journal *j = f->journal;
    if (result != (int64_t)f->facts.length) {
        char path[JOURNAL_PATH_MAX];
        ring_path(j, f->file->slot, ".j", path);
        env_fail(j->env, result < 0 ? (int)result : ERR_IO,
                 "journal: %s: durable write of %u bytes at %" PRIu64
                 " failed: %s",
                 path, f->facts.length, f->facts.offset,
                 result < 0 ? err_text((int)result) : "short write");
    }
    ASSERT(f->state == JFRAME_FLYING);
    f->state = JFRAME_DONE;
    j->in_flight--;
    histogram_record(&j->m_write_us,
                     env_now_us_exact(j->env) - f->submitted_us);
    struct jbuf *b = f->buf;
    f->buf = NULL;
    stage_give(j, b);
    frame_durable(j);
    checkpoint_poll(j);
    env_turn_request(j->env, &j->turn);
}

static void frame_submit(struct journal *j, struct jframe *f)
{
    if (f == j->gather) {
        stage_seal(j);
    }
    j->front = f->facts.n_groups + f->facts.n_groups / 4;
    j->front = j->front < FRONT_MIN   ? FRONT_MIN
               : j->front > FRONT_MAX ? FRONT_MAX
                                      : j->front;
    f->facts.durable = j->durable_frame;
    f->facts.checkpoint = j->checkpoint.seq;
    frame_finish(f->buf->data, &f->facts, f->groups);
    ASSERT(f->facts.length <= f->buf->cap);
    ASSERT(f->facts.offset + f->facts.length <= f->file->limit);
    ASSERT(f->facts.offset + f->facts.length <= j->file_bytes);
    f->state = JFRAME_FLYING;
    j->in_flight++;
    j->checkpoint.bytes += f->facts.length;
    j->m_frames++;
    j->m_bytes += f->facts.length;
    f->submitted_us = env_now_us_exact(j->env);
    int rv = file_write(f->file->file, &f->io, f->buf->data, f->facts.length,
                        f->facts.offset, true, frame_written, f);
    if (rv != 0) {
        env_fail(j->env, rv, "journal: cannot submit a write: %s",
                 err_text(rv));
    }
}

void journal_pump(struct journal *j, bool gather)
{
    struct queue *q;
    struct queue *tmp;
    QUEUE_FOREACH(q, tmp, &j->frames)
    {
        struct jframe *f = QUEUE_ENTRY(q, struct jframe, queue);
        if (f->state >= JFRAME_FLYING) {
            continue;
        }
        if (j->in_flight == j->depth || f->buf == NULL || !f->file->ready ||
            f->facts.seq - j->durable_frame > JOURNAL_AHEAD_MAX ||
            !roster_allows(f) || (f == j->gather && !gather)) {
            break;
        }
        frame_submit(j, f);
    }
}

/* ---- the hook ------------------------------------------------------------ */

/* An empty frame that says how far frames are durable, so that damage to the
 * last one is not taken for a torn tail. */
static void watermark_append(struct journal *j)
{
    struct plan plan = j->plan;
    struct prep prep;
    enum place place;
    if (!j->mark || !queue_empty(&j->frames) || j->closing) {
        return;
    }
    if (plan_add(j, &plan, 0, false, j->reserve, &place) != 0) {
        return;
    }
    prep_init(&prep);
    if (prep_add(j, &prep, &plan, place, 0) != 0) {
        prep_undo(j, &prep);
        return;
    }
    ASSERT(place != PLACE_FITS);
    j->plan = plan;
    stage_begin(j, &prep, place);
    j->mark = false;
    journal_pump(j, true);
}

struct need {
    uint64_t group, index;
};

/* Tell the listener what pins file `f`. The listener may change everything,
 * so the list is made first. */
static void need_tell(struct journal *j, const struct jfile *f)
{
    struct need *list = mem_alloc(j->mem, f->n_pins * sizeof *list);
    size_t n = 0;
    void *it = NULL;
    void *value;
    if (list == NULL) {
        j->need_again = true;
        return;
    }
    while (map_next(j->groups, &it, &value)) {
        const struct jgroup *g = value;
        uint64_t index = g->pins[f->slot - 1];
        if (index != 0) {
            list[n++] = (struct need){g->open.group, index};
        }
    }
    for (size_t i = 0; i < n; i++) {
        j->need_cb(j->cb_arg, list[i].group, list[i].index);
    }
    mem_free(j->mem, list);
}

/* So much may be live: then the oldest file must go. Well before entries are
 * refused: groups refuse some when an eighth of the ring is left to them. */
static uint64_t live_max(const struct journal *j)
{
    uint64_t part = ring_bytes(j) - ring_bytes(j) / 8 - j->reserve;
    part -= part / 4;
    return part < JOURNAL_LIVE_BYTES ? part : JOURNAL_LIVE_BYTES;
}

/* Asked once a file, and again when another sixteenth of the ring was used or
 * an append was refused. A file that comes to be the oldest because others
 * were copied waits for as many new entries: what is all live need not be
 * copied round and round. */
static bool need_due(const struct journal *j, const struct jfile *f)
{
    if (j->need_again) {
        return true;
    }
    return f->generation == j->need_generation
               ? ring_room(j) + ring_bytes(j) / 16 < j->need_room
               : j->need_new >= j->need_copied;
}

static void need_poll(struct journal *j)
{
    unsigned before;
    const struct jfile *f = ring_tail(j, &before);
    uint64_t room = ring_room(j);
    uint64_t soon = room + (uint64_t)before * j->file_bytes;
    if (j->need_again && !j->closing && before > 0 && f == j->cur) {
        j->need_again = false; /* nothing pins them: they wait for this */
        journal_checkpoint(j);
        return;
    }
    if (j->need_cb == NULL || j->closing || f == NULL || f == j->cur ||
        (ring_bytes(j) - soon <= live_max(j) && !j->need_again)) {
        return;
    }
    if (!need_due(j, f)) {
        return;
    }
    j->need_generation = f->generation;
    j->need_room = room;
    j->need_new = j->need_copied = 0;
    j->need_again = false;
    need_tell(j, f);
}

void journal_turn(struct env_turn *t)
{
    struct journal *j = t->data;
    journal_pump(j, true);
    watermark_append(j);
    roster_poll(j);
    checkpoint_poll(j);
    need_poll(j);
    journal_close_poll(j);
}
