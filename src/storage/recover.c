/* Reading the ring after a stop of any kind.
 *
 *   1  scan: every block of every file is looked at; what bears the facts of
 *      a frame (header or trailer) of this ring becomes a sighting
 *   2  walk: frames in order of their numbers, from the checkpoint's tail on;
 *      a valid one is applied. `durable` is the highest frame that anything
 *      readable calls durable. A frame that is not valid is
 *        - damage, up to `durable`: its groups are marked, the walk goes on
 *        - the beginning of a torn tail, beyond: it and everything behind it,
 *          valid or not, is cut
 *   3  cut: the bytes are copied to quarantine/. The next run's epoch, which
 *      a checkpoint makes durable before the first new frame, keeps what was
 *      cut from ever being read again.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "storage/journal_impl.h"

#define WINDOW_BYTES (1u << 20)

/* A header or trailer that was seen. */
struct sighting {
    uint64_t seq;
    uint64_t epoch;
    uint64_t generation;
    uint64_t durable;
    uint64_t checkpoint;
    uint64_t offset;
    uint32_t length;
    uint32_t slot;
    bool trailer;
};

struct recover {
    struct journal *j;
    const struct checkpoint_facts *c;
    struct loader loader;
    struct recovery *out;
    struct err *err;
    struct bfile **files; /* by slot - 1; NULL: not there */
    void *raw;            /* the window: */
    uint8_t *window;
    uint64_t window_cap;
    uint32_t window_slot;
    uint64_t window_at, window_len;
    struct sighting *seen;
    size_t n_seen, cap_seen;
    uint64_t durable; /* highest frame called durable */
    uint64_t claimed; /* highest checkpoint called durable */
    uint64_t epoch;   /* highest seen */
    bool lost_any;    /* frames were lost in this recovery or before */
    /* the walk */
    uint64_t seq;            /* frame it is at */
    struct frame_facts prev; /* last frame whose place is known */
    bool prev_near;          /* it is the one before `seq` */
    bool end_known;
};

/* ---- reading ------------------------------------------------------------- */

static int window_grow(struct recover *r, uint64_t len)
{
    if (len <= r->window_cap) {
        return 0;
    }
    mem_free(r->j->mem, r->raw);
    r->window_cap = r->window_len = 0;
    r->raw = mem_alloc(r->j->mem, len + FORMAT_BLOCK);
    if (r->raw == NULL) {
        return err_set(r->err, ERR_NOMEM, "no memory for %" PRIu64 " bytes",
                       len);
    }
    r->window = (uint8_t *)(uintptr_t)format_blocks((uintptr_t)r->raw);
    r->window_cap = len;
    return 0;
}

/* `len` bytes of a file, multiples of blocks; zeros where the file is shorter.
 * Valid until the next call. */
static int ring_read(struct recover *r, uint32_t slot, uint64_t at,
                     uint64_t len, const uint8_t **ret_p)
{
    if (slot == r->window_slot && at >= r->window_at &&
        at - r->window_at <= r->window_len &&
        len <= r->window_len - (at - r->window_at)) {
        *ret_p = r->window + (at - r->window_at);
        return 0;
    }
    uint64_t want = r->j->file_bytes - at;
    want = want < WINDOW_BYTES ? want : WINDOW_BYTES;
    want = want < len ? len : want;
    int rv = window_grow(r, want);
    if (rv != 0) {
        return rv;
    }
    size_t n = 0;
    r->window_len = 0;
    rv = bfile_read(r->files[slot - 1], r->window, want, at, &n);
    if (rv != 0) {
        char path[JOURNAL_PATH_MAX];
        ring_path(r->j, slot, ".j", path);
        return err_set(r->err, rv, "%s: read at %" PRIu64 ": %s", path, at,
                       err_text(rv));
    }
    memset(r->window + n, 0, want - n);
    r->window_slot = slot;
    r->window_at = at;
    r->window_len = want;
    *ret_p = r->window;
    return 0;
}

static int files_open(struct recover *r)
{
    struct journal *j = r->j;
    r->files = mem_calloc(j->mem, j->n_files, sizeof *r->files);
    if (r->files == NULL) {
        return err_set(r->err, ERR_NOMEM, "no memory");
    }
    for (unsigned i = 0; i < j->n_files; i++) {
        char path[JOURNAL_PATH_MAX];
        if (j->files[i].state == JFILE_PREPARING) {
            continue;
        }
        ring_path(j, i + 1, ".j", path);
        int rv = bfile_open(j->env, path, FILE_READ | FILE_DIRECT, &r->files[i],
                            r->err);
        if (rv == 0) {
            rv = bfile_drop_cache(r->files[i]);
            rv = rv == ERR_UNSUPPORTED ? 0 : rv;
            if (rv != 0) {
                err_set(r->err, rv, "%s: drop cache: %s", path, err_text(rv));
            }
        }
        if (rv != 0) {
            return rv;
        }
    }
    return 0;
}

static void recover_close(struct recover *r)
{
    for (unsigned i = 0; r->files != NULL && i < r->j->n_files; i++) {
        bfile_close(r->files[i]);
    }
    mem_free(r->j->mem, r->files);
    mem_free(r->j->mem, r->raw);
    mem_free(r->j->mem, r->seen);
    loader_close(&r->loader);
}

/* ---- scan ---------------------------------------------------------------- */

static int sighting_add(struct recover *r, const struct frame_facts *f,
                        bool trailer)
{
    if (r->n_seen == r->cap_seen) {
        size_t cap = r->cap_seen == 0 ? 256 : r->cap_seen * 2;
        void *p = mem_realloc(r->j->mem, r->seen, cap * sizeof *r->seen);
        if (p == NULL) {
            return err_set(r->err, ERR_NOMEM, "no memory for %zu frames", cap);
        }
        r->seen = p;
        r->cap_seen = cap;
    }
    r->seen[r->n_seen++] = (struct sighting){.seq = f->seq,
                                             .epoch = f->epoch,
                                             .generation = f->generation,
                                             .durable = f->durable,
                                             .checkpoint = f->checkpoint,
                                             .offset = f->offset,
                                             .length = f->length,
                                             .slot = f->slot,
                                             .trailer = trailer};
    if (f->durable > r->durable) {
        r->durable = f->durable;
    }
    if (f->checkpoint > r->claimed) {
        r->claimed = f->checkpoint;
    }
    return 0;
}

/* Facts that stand where they say, of this ring, not dead and not cut. */
static bool facts_count(struct recover *r, const struct frame_facts *f,
                        uint32_t slot)
{
    if (!uuid_equal(f->ring, r->c->ring) || f->slot != slot ||
        f->offset > r->j->file_bytes ||
        f->length > r->j->file_bytes - f->offset) {
        return false;
    }
    if (f->generation > r->j->generation) {
        r->j->generation = f->generation;
    }
    if (f->epoch > r->epoch) {
        r->epoch = f->epoch;
    }
    return f->seq >= r->c->tail &&
           (f->seq < r->c->epoch_frame || f->epoch >= r->c->epoch);
}

static int scan_block(struct recover *r, const uint8_t *p, uint32_t slot,
                      uint64_t at)
{
    struct frame_facts f;
    if (le64_load(p) == FRAME_MAGIC && frame_decode_facts(p, false, &f) == 0 &&
        f.offset == at && facts_count(r, &f, slot)) {
        int rv = sighting_add(r, &f, false);
        if (rv != 0) {
            return rv;
        }
    }
    const uint8_t *t = p + FORMAT_BLOCK - FRAME_FACTS_BYTES;
    if (le64_load(t) == TRAILER_MAGIC && frame_decode_facts(t, true, &f) == 0 &&
        f.offset + f.length == at + FORMAT_BLOCK && facts_count(r, &f, slot)) {
        const struct sighting *s =
            r->n_seen == 0 ? NULL : &r->seen[r->n_seen - 1];
        if (s == NULL || s->seq != f.seq || s->epoch != f.epoch ||
            s->slot != slot) {
            return sighting_add(r, &f, true);
        }
    }
    return 0;
}

static int scan_file(struct recover *r, uint32_t slot)
{
    for (uint64_t at = 0; at < r->j->file_bytes; at += WINDOW_BYTES) {
        uint64_t len = r->j->file_bytes - at;
        const uint8_t *p;
        len = len < WINDOW_BYTES ? len : WINDOW_BYTES;
        int rv = ring_read(r, slot, at, len, &p);
        for (uint64_t i = 0; rv == 0 && i < len; i += FORMAT_BLOCK) {
            rv = scan_block(r, p + i, slot, at + i);
        }
        if (rv != 0) {
            return rv;
        }
    }
    return 0;
}

/* By frame, the newest epoch first, headers before trailers. */
static int sighting_compare(const void *a, const void *b)
{
    const struct sighting *x = a;
    const struct sighting *y = b;
    if (x->seq != y->seq) {
        return x->seq < y->seq ? -1 : 1;
    }
    if (x->epoch != y->epoch) {
        return x->epoch > y->epoch ? -1 : 1;
    }
    return x->trailer - y->trailer;
}

static int scan(struct recover *r)
{
    for (unsigned i = 0; i < r->j->n_files; i++) {
        if (r->files[i] != NULL) {
            int rv = scan_file(r, i + 1);
            if (rv != 0) {
                return rv;
            }
        }
    }
    if (r->n_seen > 0) {
        qsort(r->seen, r->n_seen, sizeof *r->seen, sighting_compare);
    }
    return 0;
}

/* ---- apply --------------------------------------------------------------- */

/* A group of which only the number is known: its OPEN was lost. */
static int group_add_lost(struct recover *r, uint64_t id, struct jgroup **ret_g)
{
    struct journal_open_info info = {.group = id};
    int rv = group_add(r->j, &info, ret_g);
    if (rv == 0) {
        (*ret_g)->damaged = true;
    }
    return rv;
}

/* The group a record is about. NULL: it is gone, the record says nothing. */
static int record_group(struct recover *r, const struct record *rec,
                        struct jgroup **ret_g)
{
    *ret_g = group_find(r->j, rec->group);
    if (*ret_g != NULL || rec->seq <= r->c->record ||
        rec->kind == JOURNAL_OPEN) {
        return 0;
    }
    if (r->lost_any) {
        return group_add_lost(r, rec->group, ret_g);
    }
    trace_warn(env_trace(r->j->env), "journal.stray",
               "group=%" PRIu64 " record=%" PRIu64 " kind=%d", rec->group,
               rec->seq, (int)rec->kind);
    return 0;
}

static int apply_entries(struct recover *r, struct jgroup *g,
                         const struct record *rec, struct jfile *f)
{
    if (rec->seq < g->reset) {
        return 0;
    }
    /* No hole can be longer than the ring has entries. */
    uint64_t limit = ring_bytes(r->j) / ENTRY_HEADER_BYTES;
    int rv = rlog_apply(r->j, g, &r->loader, rec, f, limit);
    if (rv == ERR_RANGE) {
        g->damaged = true;
        return 0;
    }
    return rv;
}

static int apply_base(struct recover *r, struct jgroup *g,
                      const struct record *rec)
{
    struct journal *j = r->j;
    bool install = rec->kind == JOURNAL_INSTALL;
    size_t len = rec->body.len - POINT_BYTES;
    struct log_point base = point_decode(rec->body.data);
    if (!install && base.index < g->base.index) {
        return 0;
    }
    uint8_t *copy = mem_alloc(j->mem, len);
    if (copy == NULL) {
        return ERR_NOMEM;
    }
    memcpy(copy, rec->body.data + POINT_BYTES, len);
    group_set_manifest(j, g, copy, len);
    if (install) {
        rlog_trim(j, g, true);
    }
    group_note_base(j, g, base, install, rec->seq);
    rlog_trim(j, g, install);
    return 0;
}

static int apply_open(struct recover *r, struct jgroup *g,
                      const struct record *rec)
{
    struct journal_open_info info;
    int rv = open_decode(rec->body, rec->group, &info);
    if (rv != 0) {
        return rv;
    }
    if (g == NULL) {
        return group_add(r->j, &info, &g);
    }
    uint8_t *config = mem_alloc(r->j->mem, info.config.len);
    if (config == NULL) {
        return ERR_NOMEM;
    }
    memcpy(config, info.config.data, info.config.len);
    mem_free(r->j->mem, (void *)(uintptr_t)g->open.config.data);
    g->open = info;
    g->open.config.data = config;
    rlog_trim(r->j, g, true);
    group_note_base(r->j, g, info.base, true, rec->seq);
    rlog_trim(r->j, g, true);
    return 0;
}

static int apply_record(struct recover *r, const struct record *rec,
                        struct jfile *f)
{
    struct jgroup *g;
    int rv = record_group(r, rec, &g);
    if (rv != 0) {
        return rv;
    }
    bool newer = rec->seq > r->c->record;
    if (rec->kind == JOURNAL_OPEN) {
        return newer ? apply_open(r, g, rec) : 0;
    }
    if (g == NULL) {
        return 0;
    }
    if (rec->kind == JOURNAL_APPEND || rec->kind == JOURNAL_COPY) {
        return apply_entries(r, g, rec, f);
    }
    if (!newer) {
        return 0; /* the checkpoint knows better */
    }
    switch (rec->kind) {
    case JOURNAL_HARD:
        g->term = le64_load(rec->body.data + HARD_AT_TERM);
        g->vote = le64_load(rec->body.data + HARD_AT_VOTE);
        return 0;
    case JOURNAL_MANIFEST:
    case JOURNAL_INSTALL:
        return apply_base(r, g, rec);
    case JOURNAL_DROP:
        rlog_free(r->j, g);
        group_remove(r->j, g);
        return 0;
    case JOURNAL_REPAIRED:
        g->damaged = false;
        return 0;
    default:
        return ERR_CORRUPT;
    }
}

static int apply_frame(struct recover *r, const uint8_t *frame,
                       const struct frame_facts *f)
{
    struct slice in = slice_of(frame + f->records_at, f->records_len);
    uint32_t salt = frame_salt(f);
    while (in.len > 0) {
        struct record rec;
        size_t len;
        int rv = record_read(in, salt, &rec, &len);
        ASSERT(rv == 0);
        rv = apply_record(r, &rec, &r->j->files[f->slot - 1]);
        if (rv != 0) {
            return err_set(r->err, rv, "record %" PRIu64 ": %s", rec.seq,
                           err_text(rv));
        }
        in = slice_of(in.data + len, in.len - len);
    }
    return 0;
}

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

/* Read and check the frame a header was seen of. ERR_CORRUPT: not valid. */
static int frame_load(struct recover *r, const struct sighting *s,
                      const uint8_t **ret_frame, struct frame_facts *ret_f)
{
    int rv = ring_read(r, s->slot, s->offset, s->length, ret_frame);
    if (rv != 0) {
        return rv;
    }
    rv = frame_decode_facts(*ret_frame, false, ret_f);
    if (rv != 0 || ret_f->seq != s->seq || ret_f->length != s->length ||
        ret_f->slot != s->slot || ret_f->offset != s->offset ||
        !uuid_equal(ret_f->ring, r->c->ring)) {
        return ERR_CORRUPT;
    }
    if (!follows(r, ret_f)) {
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
            int rv = group_add_lost(r, id, &g);
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
    int rv = ring_read(r, s->slot, s->offset, s->length, &frame);
    if (rv != 0) {
        return rv;
    }
    if (frame_decode_facts(frame, false, &f) == 0 && f.seq == s->seq &&
        f.length == s->length) {
        if (follows(r, &f)) {
            file_live(r, &f);
        }
        if (frame_directory(frame, &f, false, &dir) == 0) {
            return damage_mark(r, dir, f.n_groups, s->seq);
        }
    }
    const uint8_t *t = frame + s->length - FRAME_FACTS_BYTES;
    if (frame_decode_facts(t, true, &f) == 0 && f.seq == s->seq &&
        f.length == s->length && frame_directory(frame, &f, true, &dir) == 0) {
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

/* Try the sightings of one frame. ERR_CORRUPT: none is valid. */
static int walk_frame(struct recover *r, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        const uint8_t *frame;
        struct frame_facts f;
        if (r->seen[i].trailer) {
            continue;
        }
        int rv = frame_load(r, &r->seen[i], &frame, &f);
        if (rv == ERR_CORRUPT || rv == ERR_VERSION) {
            continue;
        }
        if (rv != 0) {
            return rv;
        }
        file_live(r, &f);
        r->prev_near = true;
        r->out->frames++;
        if (f.last > r->j->last_seq) {
            r->j->last_seq = f.last;
        }
        return apply_frame(r, frame, &f);
    }
    return ERR_CORRUPT;
}

/* Walk until the end or the torn tail, which begins at sighting *ret_cut. */
static int walk(struct recover *r, size_t *ret_cut)
{
    size_t i = 0;
    r->end_known = true;
    for (r->seq = r->c->tail;; r->seq++) {
        while (i < r->n_seen && r->seen[i].seq < r->seq) {
            i++;
        }
        size_t to = i;
        while (to < r->n_seen && r->seen[to].seq == r->seq) {
            to++;
        }
        int rv = walk_frame(r, i, to);
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
        rv = ring_read(r, slot, at, FORMAT_BLOCK, &p);
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
static int cut_tail(struct recover *r, size_t cut)
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
                   "file=%08u.j from=%" PRIu64 " to=%" PRIu64 " frame=%" PRIu64,
                   slot, from, to, r->seq);
        int rv = quarantine_copy(r, slot, from, to);
        if (rv != 0) {
            return rv;
        }
        r->out->torn_bytes += to - from;
    }
    return 0;
}

/* ---- the whole ----------------------------------------------------------- */

/* With one checkpoint gone, the other holds only if nothing that it still
 * counts on was written over. */
static int checkpoint_covers(struct recover *r, bool lost)
{
    bool first_there =
        r->n_seen > 0 && r->seen[0].seq == r->c->tail && !r->seen[0].trailer;
    bool gone = lost && !first_there && r->c->tail <= r->durable;
    if (r->claimed <= r->c->seq && !gone) {
        return 0;
    }
    if (first_there) {
        trace_error(env_trace(r->j->env), "journal.checkpoint_lost",
                    "used=%" PRIu64 " newest=%" PRIu64, r->c->seq, r->claimed);
        return 0;
    }
    char path[JOURNAL_PATH_MAX];
    checkpoint_path(r->j, (r->c->seq + 1) & 1, path);
    return err_set(r->err, ERR_CORRUPT,
                   "%s: damaged, and the records it stood for are gone: "
                   "restore it, or remove this node and add it anew",
                   path);
}

static void recover_end(struct recover *r)
{
    struct journal *j = r->j;
    j->next_frame = r->seq;
    j->durable_frame = r->seq - 1;
    if (j->last_seq < r->c->record) {
        j->last_seq = r->c->record;
    }
    if (j->cur != NULL) {
        j->plan.left = j->file_bytes - (r->prev.offset + r->prev.length);
    }
    if (!r->end_known) {
        /* Where lost frames lay nothing is written over, and their records'
         * numbers are not given again. */
        j->plan.left = 0;
        j->last_seq += 1u << 20;
    }
    j->durable_seq = j->last_seq;
    j->epoch = (r->epoch > r->c->epoch ? r->epoch : r->c->epoch) + 1;
    j->epoch_frame = j->next_frame;
}

static int group_compare(const void *a, const void *b)
{
    const struct recovered_group *x = a;
    const struct recovered_group *y = b;
    return (x->open.group > y->open.group) - (x->open.group < y->open.group);
}

static int copy_slice(struct mem *mem, struct slice in, struct slice *out)
{
    if (in.data == NULL) {
        return 0;
    }
    uint8_t *p = mem_alloc(mem, in.len);
    if (p == NULL) {
        return ERR_NOMEM;
    }
    if (in.len > 0) {
        memcpy(p, in.data, in.len);
    }
    *out = slice_of(p, in.len);
    return 0;
}

static int group_give(struct recover *r, struct jgroup *g)
{
    struct recovered_group *out = &r->out->groups[r->out->n_groups++];
    struct mem *mem = r->j->mem;
    bool whole = true;
    *out = (struct recovered_group){
        .open = g->open, .term = g->term, .vote = g->vote};
    out->open.config = slice_of(NULL, 0);
    tail_init(&out->tail, mem, g->base);
    int rv = copy_slice(mem, g->open.config, &out->open.config);
    rv = rv == 0 ? copy_slice(mem, g->manifest, &out->manifest) : rv;
    rv = rv == 0 ? rlog_take(g, &out->tail, &whole) : rv;
    if (rv != 0) {
        return err_set(r->err, rv, "group %" PRIu64 ": %s", g->open.group,
                       err_text(rv));
    }
    if (!whole && !g->damaged) {
        g->damaged = true;
        trace_error(env_trace(r->j->env), "journal.hole",
                    "group=%" PRIu64 " after=%" PRIu64, g->open.group,
                    tail_last_index(&out->tail));
    }
    group_note_end(r->j, g, tail_last_index(&out->tail));
    out->damaged = g->damaged;
    return 0;
}

static int recover_give(struct recover *r)
{
    size_t n = map_count(r->j->groups);
    void *it = NULL;
    void *value;
    r->out->groups = mem_calloc(r->j->mem, n, sizeof *r->out->groups);
    if (r->out->groups == NULL) {
        return err_set(r->err, ERR_NOMEM, "no memory for %zu groups", n);
    }
    while (map_next(r->j->groups, &it, &value)) {
        int rv = group_give(r, value);
        if (rv != 0) {
            return rv;
        }
    }
    if (n > 0) {
        qsort(r->out->groups, n, sizeof *r->out->groups, group_compare);
    }
    return 0;
}

int recover_ring(struct journal *j, const struct checkpoint_facts *c, bool lost,
                 struct chunk_pool *pool, struct recovery *out, struct err *err)
{
    struct recover r = {.j = j,
                        .c = c,
                        .out = out,
                        .err = err,
                        .loader = {.pool = pool},
                        .durable = c->frame,
                        .lost_any = j->n_lost > 0};
    size_t cut = 0;
    j->generation = c->generation;
    int rv = files_open(&r);
    rv = rv == 0 ? scan(&r) : rv;
    rv = rv == 0 ? checkpoint_covers(&r, lost) : rv;
    rv = rv == 0 ? walk(&r, &cut) : rv;
    rv = rv == 0 ? cut_tail(&r, cut) : rv;
    if (rv == 0) {
        recover_end(&r);
        rv = recover_give(&r);
    }
    void *it = NULL;
    void *value;
    while (map_next(j->groups, &it, &value)) {
        rlog_free(j, value);
    }
    recover_close(&r);
    return rv;
}

int recover_any_frame(struct journal *j, bool *ret_any, struct err *err)
{
    struct recover r = {.j = j, .err = err};
    bool any = false;
    int rv = files_open(&r);
    for (unsigned i = 0; rv == 0 && i < j->n_files; i++) {
        for (uint64_t at = 0;
             r.files[i] != NULL && rv == 0 && !any && at < j->file_bytes;
             at += FORMAT_BLOCK) {
            const uint8_t *p;
            struct frame_facts f;
            rv = ring_read(&r, i + 1, at, FORMAT_BLOCK, &p);
            any = rv == 0 && le64_load(p) == FRAME_MAGIC &&
                  frame_decode_facts(p, false, &f) == 0;
        }
    }
    recover_close(&r);
    *ret_any = any;
    return rv;
}

void recovery_free(struct recovery *r)
{
    if (r == NULL) {
        return;
    }
    for (size_t i = 0; i < r->n_groups; i++) {
        struct recovered_group *g = &r->groups[i];
        tail_close(&g->tail);
        mem_free(r->mem, (void *)(uintptr_t)g->open.config.data);
        mem_free(r->mem, (void *)(uintptr_t)g->manifest.data);
    }
    mem_free(r->mem, r->groups);
    mem_free(r->mem, r);
}
