/* image.c - see image.h. */
#include "image.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "record/batch.h"
#include "record/chain.h"

#define PATH_MAX_   128
#define INDEX_MAX   (1u << 24)
#define FRAMES_STEP 256

__attribute__((format(printf, 2, 3))) static bool unsound(struct image *im,
                                                          const char *fmt, ...)
{
    va_list ap;

    if (im->error[0] == '\0') {
        va_start(ap, fmt);
        vsnprintf(im->error, sizeof im->error, fmt, ap);
        va_end(ap);
    }
    return false;
}

/* A whole file; NULL data if there is none. */
static struct slice load(struct image *im, const char *path)
{
    struct bfile *f;
    struct err err;
    uint64_t size = 0;
    size_t n = 0;
    uint8_t *p = NULL;

    if (bfile_open(im->env, path, FILE_READ, &f, &err) != 0) {
        return slice_of(NULL, 0);
    }
    if (bfile_size(f, &size) == 0) {
        p = mem_alloc(im->mem, size + 1);
        ASSERT(p != NULL);
        if (bfile_read(f, p, size, 0, &n) != 0) {
            p = NULL;
        }
    }
    bfile_close(f);
    return slice_of(p, p == NULL ? 0 : n);
}

/* ---- the checkpoint --------------------------------------------------------
 */

static struct image_group *group_new(struct image *im, uint64_t id)
{
    struct image_group *g = &im->groups[im->n_groups];

    ASSERT(im->n_groups < IMAGE_GROUPS_MAX);
    im->n_groups++;
    *g = (struct image_group){.id = id};
    return g;
}

struct image_group *image_find(struct image *im, uint64_t group)
{
    for (unsigned i = 0; i < im->n_groups; i++) {
        if (im->groups[i].id == group) {
            return &im->groups[i];
        }
    }
    return NULL;
}

static bool manifest_take(struct image *im, struct image_group *g,
                          struct slice in)
{
    g->has_manifest = manifest_decode(in, &im->arena, &g->manifest) == 0;
    return g->has_manifest || unsound(im, "group %" PRIu64 ": manifest", g->id);
}

static bool checkpoint_groups(struct image *im)
{
    struct slice in = im->checkpoint_body;

    for (uint32_t i = 0; i < im->checkpoint.n_groups; i++) {
        const uint8_t *p = in.data;
        size_t config = le32_load(p + CGROUP_AT_CONFIG_LEN);
        size_t manifest = le32_load(p + CGROUP_AT_MANIFEST_LEN);
        size_t len = (size_t)format_pad(CGROUP_BYTES + config + manifest);
        struct image_group *g = group_new(im, le64_load(p + CGROUP_AT_ID));
        memcpy(g->topic.b, p + CGROUP_AT_TOPIC, sizeof g->topic.b);
        g->partition = (int32_t)le32_load(p + CGROUP_AT_PARTITION);
        g->base = point_decode(p + CGROUP_AT_BASE);
        g->term = le64_load(p + CGROUP_AT_TERM);
        g->vote = le64_load(p + CGROUP_AT_VOTE);
        g->reset = le64_load(p + CGROUP_AT_RESET);
        if (le32_load(p + CGROUP_AT_FLAGS) & CGROUP_HAS_MANIFEST &&
            !manifest_take(im, g,
                           slice_of(p + CGROUP_BYTES + config, manifest))) {
            return false;
        }
        in = slice_of(in.data + len, in.len - len);
    }
    return true;
}

static bool checkpoint_read(struct image *im)
{
    struct checkpoint_facts f;
    char path[PATH_MAX_];
    bool found = false;

    for (unsigned i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/journal/checkpoint.%u", im->dir, i);
        struct slice s = load(im, path);
        if (s.data != NULL && checkpoint_decode_facts(s, &f) == 0 &&
            (!found || f.seq > im->checkpoint.seq)) {
            size_t lost = (size_t)f.n_lost * CHECKPOINT_LOST_BYTES;
            found = true;
            im->checkpoint = f;
            im->checkpoint_body =
                slice_of(s.data + CHECKPOINT_BYTES + lost, f.body_len - lost);
        }
    }
    return (found || unsound(im, "no whole checkpoint")) &&
           checkpoint_groups(im);
}

/* ---- frames ----------------------------------------------------------------
 */

static void frame_add(struct image *im, const struct frame_facts *f,
                      const uint8_t *bytes)
{
    if (im->n_frames % FRAMES_STEP == 0) {
        im->frames =
            mem_realloc(im->mem, im->frames,
                        (im->n_frames + FRAMES_STEP) * sizeof *im->frames);
        ASSERT(im->frames != NULL);
    }
    im->frames[im->n_frames++] = (struct image_frame){*f, bytes};
}

/* FORMATS, "Reading it back", 2. */
static bool counts(const struct image *im, const struct frame_facts *f,
                   uint64_t at)
{
    const struct checkpoint_facts *c = &im->checkpoint;

    return f->offset == at && uuid_equal(f->ring, c->ring) &&
           f->seq >= c->tail &&
           (f->seq < c->epoch_frame || f->epoch >= c->epoch);
}

/* The frame whose facts are `f`, if it is whole. */
static bool frame_take(struct image *im, struct bfile *file,
                       struct frame_facts *f, uint64_t at)
{
    uint8_t *bytes = mem_alloc(im->mem, f->length);
    size_t n;

    ASSERT(bytes != NULL);
    if (bfile_read(file, bytes, f->length, at, &n) != 0 || n != f->length ||
        frame_check(bytes, f) != 0) {
        mem_free(im->mem, bytes);
        return false;
    }
    frame_add(im, f, bytes);
    return true;
}

/* Most blocks of a ring hold nothing, or frames that count no more: of each
 * only the facts are looked at. */
static int on_file(void *arg, const char *name, bool dir)
{
    struct image *im = arg;
    struct bfile *file;
    struct err err;
    struct frame_facts f;
    char path[PATH_MAX_];
    uint8_t facts[FRAME_FACTS_BYTES];
    size_t len = strlen(name), n;
    uint64_t at = 0;

    if (dir || len < 2 || strcmp(name + len - 2, ".j") != 0) {
        return 0;
    }
    snprintf(path, sizeof path, "%s/journal/%s", im->dir, name);
    if (bfile_open(im->env, path, FILE_READ, &file, &err) != 0) {
        return 0;
    }
    while (bfile_read(file, facts, sizeof facts, at, &n) == 0 &&
           n == sizeof facts) {
        bool taken = frame_decode_facts(facts, false, &f) == 0 &&
                     counts(im, &f, at) && frame_take(im, file, &f, at);
        at += taken ? f.length : FORMAT_BLOCK;
    }
    bfile_close(file);
    return 0;
}

static int by_seq(const void *a, const void *b)
{
    const struct frame_facts *x = &((const struct image_frame *)a)->facts;
    const struct frame_facts *y = &((const struct image_frame *)b)->facts;

    return x->seq != y->seq       ? (x->seq < y->seq ? -1 : 1)
           : x->epoch != y->epoch ? (x->epoch < y->epoch ? -1 : 1)
                                  : 0;
}

static bool frames_read(struct image *im)
{
    char path[PATH_MAX_];

    snprintf(path, sizeof path, "%s/journal", im->dir);
    if (env_list_dir(im->env, path, on_file, im) != 0) {
        return unsound(im, "cannot list %s", path);
    }
    qsort(im->frames, im->n_frames, sizeof *im->frames, by_seq);
    return true;
}

/* ---- records ---------------------------------------------------------------
 */

static struct image_entry *entry_at(struct image *im, struct image_group *g,
                                    uint64_t index)
{
    if (index >= g->n_entries) {
        size_t n = (size_t)index + 1 + g->n_entries;
        g->entries = mem_realloc(im->mem, g->entries, n * sizeof *g->entries);
        ASSERT(g->entries != NULL);
        memset(g->entries + g->n_entries, 0,
               (n - g->n_entries) * sizeof *g->entries);
        g->n_entries = n;
    }
    return &g->entries[index];
}

static void entries_from(struct image_group *g, uint64_t index)
{
    for (size_t i = (size_t)index; i < g->n_entries; i++) {
        g->entries[i].record = 0;
    }
}

static bool entries_take(struct image *im, struct image_group *g,
                         const struct record *r)
{
    size_t at = 0;

    for (uint32_t i = 0; i < r->n_entries; i++) {
        struct entry e;
        record_entry(r, &at, &e);
        if (e.index == 0 || e.index > INDEX_MAX) {
            return unsound(im, "group %" PRIu64 ": index", g->id);
        }
        if (i == 0 && r->kind == JOURNAL_APPEND) {
            entries_from(g, e.index);
        }
        struct image_entry *ie = entry_at(im, g, e.index);
        if (ie->record == 0) {
            *ie = (struct image_entry){e, r->seq};
        }
    }
    return true;
}

static bool point_take(struct image *im, struct image_group *g,
                       const struct record *r)
{
    if (r->body.len < POINT_BYTES) {
        return unsound(im, "group %" PRIu64 ": point", g->id);
    }
    g->base = point_decode(r->body.data);
    if (r->kind == JOURNAL_INSTALL) {
        entries_from(g, 0);
    }
    return manifest_take(
        im, g, slice_of(r->body.data + POINT_BYTES, r->body.len - POINT_BYTES));
}

static bool open_take(struct image *im, const struct record *r)
{
    struct journal_open_info info;
    struct image_group *g = image_find(im, r->group);

    if (open_decode(r->body, r->group, &info) != 0) {
        return unsound(im, "group %" PRIu64 ": open", r->group);
    }
    if (g == NULL) {
        g = group_new(im, r->group);
    }
    g->topic = info.topic;
    g->partition = info.partition;
    g->base = info.base;
    g->term = g->vote = 0;
    return true;
}

static bool hard_take(struct image *im, struct image_group *g,
                      const struct record *r)
{
    if (r->body.len < HARD_BYTES) {
        return unsound(im, "group %" PRIu64 ": term", g->id);
    }
    g->term = le64_load(r->body.data + HARD_AT_TERM);
    g->vote = le64_load(r->body.data + HARD_AT_VOTE);
    return true;
}

static bool record_take(struct image *im, const struct record *r)
{
    struct image_group *g = image_find(im, r->group);
    bool news = r->seq > im->checkpoint.record;

    if (r->kind == JOURNAL_OPEN) {
        return !news || open_take(im, r);
    }
    if (g == NULL) {
        return true; /* dropped since */
    }
    if (r->kind == JOURNAL_APPEND || r->kind == JOURNAL_COPY) {
        return r->seq < g->reset || entries_take(im, g, r);
    }
    if (news && (r->kind == JOURNAL_MANIFEST || r->kind == JOURNAL_INSTALL)) {
        return point_take(im, g, r);
    }
    if (news && r->kind == JOURNAL_HARD) {
        return hard_take(im, g, r);
    }
    if (news && r->kind == JOURNAL_DROP) {
        *g = im->groups[--im->n_groups];
    }
    return true;
}

static bool records_read(struct image *im)
{
    uint64_t seq = im->checkpoint.tail;

    for (size_t i = 0; i < im->n_frames; i++) {
        const struct image_frame *f = &im->frames[i];
        struct slice in =
            slice_of(f->bytes + f->facts.records_at, f->facts.records_len);
        struct record r;
        size_t len;
        if (f->facts.seq > seq) {
            /* What follows a hole never was durable. */
            return f->facts.durable < seq ||
                   unsound(im, "frame %" PRIu64 " is missing", seq);
        }
        seq = f->facts.seq + 1;
        while (in.len > 0) {
            if (record_read(in, frame_salt(&f->facts), &r, &len) != 0) {
                return unsound(im, "frame %" PRIu64 ": record", f->facts.seq);
            }
            if (!record_take(im, &r)) {
                return false;
            }
            in = slice_of(in.data + len, in.len - len);
        }
    }
    return true;
}

bool image_open(struct image *im, struct env *e, const char *dir)
{
    *im = (struct image){.env = e, .mem = mem_new(0), .dir = dir};
    ASSERT(im->mem != NULL);
    arena_init(&im->arena, im->mem, 0);
    return checkpoint_read(im) && frames_read(im) && records_read(im);
}

void image_close(struct image *im)
{
    mem_free_all(im->mem);
}

/* ---- a partition -----------------------------------------------------------
 */

struct walk {
    int64_t next; /* offset */
    uint64_t chain;
    bool linked; /* the chain is known */
    image_batch_cb cb;
    void *arg;
};

static int batch_take(struct image *im, struct walk *w, struct slice bytes,
                      size_t *ret_len)
{
    struct batch b;

    if (batch_peek(bytes, ret_len) != 0 || *ret_len > bytes.len ||
        batch_view(slice_of(bytes.data, *ret_len), &b) != 0 ||
        batch_check_crc(&b) != 0 ||
        (w->next >= 0 && b.base_offset != w->next)) {
        unsound(im, "no batch for offset %" PRId64, w->next);
        return -1;
    }
    w->next = batch_next_offset(&b);
    w->chain = batch_chain(w->chain, b.leader_epoch, b.base_offset, b.crc);
    return w->cb(w->arg, &b, w->chain);
}

static int segment_walk(struct image *im, const struct image_group *g,
                        const struct manifest_segment *s, struct walk *w)
{
    char path[PATH_MAX_];
    struct slice in;
    size_t len;

    snprintf(path, sizeof path, "%s/p/%016" PRIx64 "/%020" PRId64 ".seg",
             im->dir, g->id, s->base_offset);
    in = load(im, path);
    if (in.data == NULL && s->next_offset <= image_log_start(g)) {
        w->next = s->next_offset; /* trimmed */
        return 0;
    }
    if (in.len < s->length || (w->chain != s->chain && w->linked)) {
        unsound(im,
                "%s: %zu of %" PRIu64 " bytes up to %" PRId64
                ", log start %" PRId64 ", chain %016" PRIx64 " not %016" PRIx64,
                path, in.len, s->length, s->next_offset, image_log_start(g),
                w->chain, s->chain);
        return -1;
    }
    w->chain = s->chain;
    w->linked = true;
    w->next = s->base_offset;
    in.len = (size_t)s->length;
    while (in.len > 0) {
        int rv = batch_take(im, w, in, &len);
        if (rv != 0) {
            return rv;
        }
        in = slice_of(in.data + len, in.len - len);
    }
    return 0;
}

int image_walk(struct image *im, const struct image_group *g, image_batch_cb cb,
               void *arg)
{
    struct walk w = {.next = -1, .cb = cb, .arg = arg};
    size_t n = g->has_manifest ? g->manifest.n_segments : 0, len;
    int rv = 0;

    for (size_t i = 0; i < n && rv == 0; i++) {
        rv = segment_walk(im, g, &g->manifest.segments[i], &w);
    }
    if (n == 0 || (!w.linked && w.next == g->base.offset)) {
        w.next = g->base.offset; /* no segment, or only trimmed ones */
        w.chain = g->base.chain;
    }
    for (size_t i = (size_t)g->base.index + 1; i < g->n_entries && rv == 0;
         i++) {
        const struct image_entry *e = &g->entries[i];
        if (e->record == 0) {
            return 0;
        }
        if (e->entry.kind == ENTRY_RECORDS && e->entry.base_offset >= w.next) {
            rv = batch_take(im, &w, bytes_slice(e->entry.payload), &len);
            if (rv == 0 && w.chain != e->entry.chain) {
                unsound(im, "entry %zu has another chain", i);
                return -1;
            }
        }
    }
    return rv;
}

int64_t image_log_start(const struct image_group *g)
{
    int64_t start = g->has_manifest ? g->manifest.log_start : 0;

    for (size_t i = (size_t)g->base.index + 1; i < g->n_entries; i++) {
        const struct image_entry *e = &g->entries[i];
        if (e->record != 0 && e->entry.kind == ENTRY_TRIM &&
            e->entry.payload.len == 8) {
            int64_t at = (int64_t)le64_load(e->entry.payload.data);
            start = at > start ? at : start;
        }
    }
    return start;
}
