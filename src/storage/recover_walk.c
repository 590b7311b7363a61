/* Recovery, steps 2 and 3: frames in order, damage, the torn tail. */
#include <inttypes.h>
#include <stdio.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "storage/recover_impl.h"

/* ---- walk ---------------------------------------------------------------- */

static void file_live(struct recover *r, const struct frame_facts *f)
{
    struct jfile *file = &r->j->files[f->slot - 1];
    if (file->state != JFILE_LIVE) {
        file->state = JFILE_LIVE;
        file->generation = f->generation;
        file->first_frame = f->seq;
        queue_push(&r->j->live, &file->queue);
        r->j->plan.n_free--;
    }
    r->j->cur = file;
    r->prev = *f;
    r->end_known = true;
}

/* A frame follows its predecessor, or begins a file. */
static bool follows(const struct recover *r, const struct frame_facts *f)
{
    const struct frame_facts *p = &r->prev;
    if (p->seq == 0) {
        return true;
    }
    if (f->epoch < p->epoch || f->first <= p->last) {
        return false;
    }
    if (f->slot == p->slot) {
        return f->generation == p->generation &&
               (r->prev_near ? f->offset == p->offset + p->length
                             : f->offset > p->offset);
    }
    return f->generation > p->generation && (!r->prev_near || f->offset == 0);
}

/* Facts found where a frame was seen are its own; not those of another frame,
 * written to the wrong place. */
static bool facts_of(const struct recover *r, const struct frame_facts *f,
                     const struct sighting *s)
{
    return f->seq == s->seq && f->length == s->length && f->slot == s->slot &&
           f->offset == s->offset && uuid_equal(f->ring, r->c->ring);
}

/* Read and check the frame a header was seen of. ERR_CORRUPT: not valid. */
static int frame_load(struct recover *r, const struct sighting *s,
                      const uint8_t **ret_frame, struct frame_facts *ret_f)
{
    int rv = recover_read(r, s->slot, s->offset, s->length, ret_frame);
    if (rv != 0) {
        return rv;
    }
    rv = frame_decode_facts(*ret_frame, false, ret_f);
    if (rv != 0 || !facts_of(r, ret_f, s) || !follows(r, ret_f)) {
        return ERR_CORRUPT;
    }
    return frame_check(*ret_frame, ret_f);
}

/* Mark the groups of a directory. Those unknown were opened in what was lost,
 * unless the checkpoint is later: then they were dropped. */
static int damage_mark(struct recover *r, const uint8_t *dir, uint32_t n,
                       uint64_t seq)
{
    for (uint32_t i = 0; i < n; i++) {
        uint64_t id = frame_dir_item(dir, i).group;
        struct jgroup *g = group_find(r->j, id);
        if (g == NULL && seq > r->c->frame) {
            int rv = recover_group_lost(r, id, &g);
            if (rv != 0) {
                return err_set(r->err, rv, "no memory");
            }
        }
        if (g != NULL) {
            g->damaged = true;
        }
    }
    return 0;
}

/* Find out from what is left of a frame which groups it was about. Errors:
 * ERR_CORRUPT when nothing says so. */
static int damage_groups(struct recover *r, const struct sighting *s)
{
    const uint8_t *frame;
    const uint8_t *dir;
    struct frame_facts f;
    int rv = recover_read(r, s->slot, s->offset, s->length, &frame);
    if (rv != 0) {
        return rv;
    }
    if (frame_decode_facts(frame, false, &f) == 0 && facts_of(r, &f, s)) {
        if (follows(r, &f)) {
            file_live(r, &f);
        }
        if (frame_directory(frame, &f, false, &dir) == 0) {
            return damage_mark(r, dir, f.n_groups, s->seq);
        }
    }
    const uint8_t *t = frame + s->length - FRAME_FACTS_BYTES;
    if (frame_decode_facts(t, true, &f) == 0 && facts_of(r, &f, s) &&
        frame_directory(frame, &f, true, &dir) == 0) {
        if (follows(r, &f)) {
            file_live(r, &f);
        }
        return damage_mark(r, dir, f.n_groups, s->seq);
    }
    return ERR_CORRUPT;
}

static void damage_all(struct recover *r)
{
    void *it = NULL;
    void *value;
    while (map_next(r->j->groups, &it, &value)) {
        struct jgroup *g = value;
        g->damaged = true;
    }
}

static bool lost_known(const struct journal *j, uint64_t seq)
{
    for (uint32_t i = 0; i < j->n_lost; i++) {
        if (seq >= j->lost[i].first && seq <= j->lost[i].last) {
            return true;
        }
    }
    return false;
}

/* Remember that a frame is lost; ranges that no longer fit are joined. */
static void lost_add(struct journal *j, uint64_t seq)
{
    struct lost_range *last = j->n_lost == 0 ? NULL : &j->lost[j->n_lost - 1];
    if (last != NULL && last->last < seq &&
        (last->last + 1 == seq || j->n_lost == CHECKPOINT_LOST_MAX)) {
        last->last = seq;
    } else if (j->n_lost < CHECKPOINT_LOST_MAX) {
        j->lost[j->n_lost++] = (struct lost_range){seq, seq};
    }
}

/* A durable frame that is not valid. Sightings [from, to) are of it. */
static int damage(struct recover *r, size_t from, size_t to)
{
    int rv = ERR_CORRUPT;
    bool known = lost_known(r->j, r->seq);
    r->lost_any = true;
    r->end_known = false;
    for (size_t i = from; rv == ERR_CORRUPT && i < to; i++) {
        rv = damage_groups(r, &r->seen[i]);
    }
    if (rv != 0 && rv != ERR_CORRUPT) {
        return rv;
    }
    if (known) {
        return 0;
    }
    if (rv == ERR_CORRUPT) {
        damage_all(r);
    }
    lost_add(r->j, r->seq);
    trace_error(env_trace(r->j->env), "journal.damage",
                "frame=%" PRIu64 " groups=%s", r->seq,
                rv == 0 ? "listed" : "all");
    return 0;
}

int recover_frame(struct recover *r, const struct sighting *s)
{
    const uint8_t *frame;
    struct frame_facts f;
    int rv = frame_load(r, s, &frame, &f);
    if (rv != 0) {
        return rv == ERR_VERSION ? ERR_CORRUPT : rv;
    }
    file_live(r, &f);
    r->prev_near = true;
    r->out->frames++;
    recover_note(r, &f);
    if (f.last > r->j->last_seq) {
        r->j->last_seq = f.last;
    }
    return recover_apply(r, frame, &f);
}

/* Try the sightings of one frame. ERR_CORRUPT: none is valid. */
static int walk_frame(struct recover *r, size_t from, size_t to)
{
    int rv = ERR_CORRUPT;
    for (size_t i = from; rv == ERR_CORRUPT && i < to; i++) {
        if (!r->seen[i].trailer) {
            rv = recover_frame(r, &r->seen[i]);
        }
    }
    return rv;
}

/* All frames from the tail on are in the ring, none is smaller than a block.
 * Numbers beyond that are no damage to walk over: the checkpoint is not of this
 * ring's present, or a header's maker was broken. */
static int walk_bounded(const struct recover *r)
{
    uint64_t max = r->j->n_files * (r->j->file_bytes / FORMAT_BLOCK);
    if (r->durable > r->seq && r->durable - r->seq > max) {
        return err_set(r->err, ERR_CORRUPT,
                       "%s: frames %" PRIu64 " to %" PRIu64
                       " are called durable, more than the ring holds",
                       r->j->path, r->seq, r->durable);
    }
    return 0;
}

int recover_walk(struct recover *r, size_t *ret_cut)
{
    size_t i = 0;
    int rv = walk_bounded(r);
    if (rv != 0) {
        return rv;
    }
    for (;; r->seq++) {
        while (i < r->n_seen && r->seen[i].seq < r->seq) {
            i++;
        }
        size_t to = i;
        while (to < r->n_seen && r->seen[to].seq == r->seq) {
            to++;
        }
        rv = walk_frame(r, i, to);
        if (rv == ERR_CORRUPT && r->seq > r->durable) {
            *ret_cut = i;
            return 0;
        }
        if (rv == ERR_CORRUPT) {
            r->prev_near = false;
            rv = damage(r, i, to);
        }
        if (rv != 0) {
            return rv;
        }
    }
}

/* ---- cut ----------------------------------------------------------------- */

static int quarantine_copy(struct recover *r, uint32_t slot, uint64_t from,
                           uint64_t to)
{
    struct journal *j = r->j;
    char path[JOURNAL_PATH_MAX];
    struct bfile *f = NULL;
    int n = snprintf(path, sizeof path, "%s/quarantine", j->dir);
    ASSERT(n > 0 && n < JOURNAL_PATH_MAX - 80);
    int rv = env_mkdir(j->env, path);
    if (rv == 0) {
        rv = env_sync_dir(j->env, j->dir);
    } else if (rv == ERR_EXISTS) {
        rv = 0;
    }
    if (rv != 0) {
        return err_set(r->err, rv, "%s: %s", path, err_text(rv));
    }
    snprintf(path + n, sizeof path - (size_t)n,
             "/journal-%08u-%" PRIu64 "-%" PRIu64 "-%" PRIu64 ".torn", slot,
             r->seq, from, to);
    rv = bfile_open(j->env, path, FILE_WRITE | FILE_CREATE | FILE_TRUNC, &f,
                    r->err);
    if (rv != 0) {
        return rv;
    }
    for (uint64_t at = from; rv == 0 && at < to; at += FORMAT_BLOCK) {
        const uint8_t *p;
        rv = recover_read(r, slot, at, FORMAT_BLOCK, &p);
        if (rv == 0) {
            rv = bfile_write(f, p, FORMAT_BLOCK, at - from);
        }
    }
    rv = rv == 0 ? bfile_sync(f) : rv;
    bfile_close(f);
    path[n] = 0;
    rv = rv == 0 ? env_sync_dir(j->env, path) : rv;
    if (rv != 0) {
        return err_set(r->err, rv, "%s: copy of the torn tail: %s", path,
                       err_text(rv));
    }
    return 0;
}

/* Cut what sightings from `cut` on show of frames that were in flight. */
int recover_cut(struct recover *r, size_t cut)
{
    for (uint32_t slot = 1; slot <= r->j->n_files; slot++) {
        uint64_t from = UINT64_MAX;
        uint64_t to = 0;
        for (size_t i = cut; i < r->n_seen; i++) {
            const struct sighting *s = &r->seen[i];
            if (s->slot == slot) {
                from = s->offset < from ? s->offset : from;
                to = s->offset + s->length > to ? s->offset + s->length : to;
            }
        }
        if (to == 0) {
            continue;
        }
        uint64_t end = r->prev.offset + r->prev.length;
        if (r->prev.slot == slot && end < from) {
            from = end;
        }
        trace_warn(env_trace(r->j->env), "journal.torn",
                   "file=%08u.j from=%" PRIu64 " to=%" PRIu64 " frame=%" PRIu64
                   " text=\"cut: never acknowledged; a copy is kept in "
                   "quarantine, nothing needs doing\"",
                   slot, from, to, r->seq);
        int rv = quarantine_copy(r, slot, from, to);
        if (rv != 0) {
            return rv;
        }
        r->out->torn_bytes += to - from;
    }
    return 0;
}
