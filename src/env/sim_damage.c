/* sim_damage.c - disks that do not keep what they were given.
 *
 * Both images change, at rest: whoever reads next finds it so. To undo a write
 * long after it, a sample of writes is kept with what they replaced; one that
 * was overwritten since is left alone.
 */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "env/sim_impl.h"

#define FILES_MAX 512
#define TRIES     64
#define SAMPLE    4 /* one write of so many is remembered */
#define PAST_MAX  (64 * 1024)

/* ---- what is noted ------------------------------------------------------ */

static void range_set(struct sim_range *r, struct sim_inode *i, uint64_t offset,
                      size_t len)
{
    struct sim *s = i->disk->sim;
    struct sim_inode *before = r->inode;

    sim_release(s, r->old);
    sim_release(s, r->now);
    *r = (struct sim_range){
        .inode = sim_inode_ref(i), .offset = offset, .len = len};
    if (before != NULL) {
        sim_inode_unref(before);
    }
}

void sim_disk_note(struct sim_inode *i, const uint8_t *data, size_t len,
                   uint64_t offset, bool dsync)
{
    struct sim_disk *d = i->disk;
    struct sim *s = d->sim;
    struct sim_range *r;

    if (!d->remembers) {
        return;
    }
    if (dsync) {
        range_set(&d->newest[d->n_newest++ % SIM_NEWEST], i, offset, len);
    }
    if (len > PAST_MAX || rand_below(&s->rand, SAMPLE) != 0) {
        return;
    }
    r = &d->past[rand_below(&s->rand, SIM_PAST)];
    range_set(r, i, offset, len);
    r->old = sim_alloc(s, 1, len);
    r->now = sim_alloc(s, 1, len);
    sim_image_read(&i->dur, r->old, len, offset);
    if (data != NULL) {
        memcpy(r->now, data, len);
    }
}

void sim_disk_remember(struct sim_disk *d)
{
    d->remembers = true;
}

/* ---- which files there are ---------------------------------------------- */

struct walk {
    struct sim_inode *dir;
    const char *part;
    char path[1024];
    struct walk_file {
        struct sim_inode *inode;
        char path[256];
    } * files;
    unsigned n;
};

static int walk_one(void *arg, const char *name, bool dir)
{
    struct walk *w = arg;
    struct sim_inode *here = w->dir;
    struct sim_inode *i = sim_name_get(here, name);
    size_t at = strlen(w->path);
    int rc = 0;

    snprintf(w->path + at, sizeof w->path - at, "/%s", name);
    if (dir) {
        w->dir = i;
        rc = sim_name_list(i, walk_one, w);
        w->dir = here;
    } else if (strstr(w->path, w->part) != NULL && w->n < FILES_MAX &&
               i->dur.size > 0) {
        size_t len = strlen(w->path);
        ASSERT(len < sizeof w->files[w->n].path);
        memcpy(w->files[w->n].path, w->path, len + 1);
        w->files[w->n].inode = i;
        w->n++;
    }
    w->path[at] = '\0';
    return rc;
}

/* ---- damage ------------------------------------------------------------- */

static bool is_newest(const struct sim_disk *d, const struct sim_inode *i,
                      uint64_t offset, size_t len)
{
    for (unsigned k = 0; k < SIM_NEWEST; k++) {
        const struct sim_range *r = &d->newest[k];
        if (r->inode == i && offset < r->offset + r->len &&
            r->offset < offset + len) {
            return true;
        }
    }
    return false;
}

/* Nothing of it waits for a flush, and enough was written since. */
static bool is_old(const struct sim_disk *d, const struct sim_inode *i,
                   uint64_t offset, size_t len)
{
    return queue_empty(&i->ops) && !i->lost && d->n_newest > SIM_NEWEST &&
           offset + len <= i->dur.size && !is_newest(d, i, offset, len);
}

static void put(struct sim_inode *i, const uint8_t *data, size_t len,
                uint64_t offset)
{
    struct sim *s = i->disk->sim;

    sim_image_write(s, &i->dur, data, len, offset);
    sim_image_write(s, &i->vol, data, len, offset);
}

static bool flip(struct sim_disk *d, struct walk_file *f, char *text,
                 size_t size)
{
    struct sim *s = d->sim;
    struct sim_inode *i = f->inode;
    uint8_t sector[SIM_SECTOR];
    uint64_t at =
        rand_below(&s->rand, (i->dur.size + SIM_SECTOR - 1) / SIM_SECTOR) *
        SIM_SECTOR;
    size_t len =
        i->dur.size - at < SIM_SECTOR ? (size_t)(i->dur.size - at) : SIM_SECTOR;

    sim_image_read(&i->dur, sector, len, at);
    if (!is_old(d, i, at, len) || sim_all_zero(sector, len)) {
        return false;
    }
    for (uint64_t n = 1 + rand_below(&s->rand, 3); n > 0; n--) {
        sector[rand_below(&s->rand, len)] ^=
            (uint8_t)(1U << rand_below(&s->rand, 8));
    }
    put(i, sector, len, at);
    snprintf(text, size, "bits flipped: %s at %llu", f->path,
             (unsigned long long)at);
    return true;
}

/* A remembered write of this file that still stands, or NULL. */
static struct sim_range *past_of(struct sim_disk *d, const struct sim_inode *i)
{
    struct sim_range *r = &d->past[rand_below(&d->sim->rand, SIM_PAST)];
    uint8_t *now;
    bool same;

    if (r->inode != i || !is_old(d, i, r->offset, r->len)) {
        return NULL;
    }
    now = sim_alloc(d->sim, 1, r->len);
    sim_image_read(&i->dur, now, r->len, r->offset);
    same =
        memcmp(now, r->now, r->len) == 0 && memcmp(r->old, r->now, r->len) != 0;
    sim_release(d->sim, now);
    return same ? r : NULL;
}

static bool unwrite(struct sim_disk *d, enum sim_damage kind,
                    struct walk_file *f, char *text, size_t size)
{
    struct sim *s = d->sim;
    struct sim_inode *i = f->inode;
    struct sim_range *r = past_of(d, i);
    uint64_t to =
        rand_below(&s->rand, i->dur.size / SIM_SECTOR + 1) * SIM_SECTOR;

    if (r == NULL || (kind == SIM_DAMAGE_MISDIRECT &&
                      (to == r->offset || !is_old(d, i, to, r->len)))) {
        return false;
    }
    put(i, r->old, r->len, r->offset);
    if (kind == SIM_DAMAGE_MISDIRECT) {
        put(i, r->now, r->len, to);
        snprintf(text, size, "write of %zu misdirected: %s from %llu to %llu",
                 r->len, f->path, (unsigned long long)r->offset,
                 (unsigned long long)to);
    } else {
        snprintf(text, size, "write of %zu lost: %s at %llu", r->len, f->path,
                 (unsigned long long)r->offset);
    }
    return true;
}

bool sim_disk_damage(struct sim_disk *d, enum sim_damage kind, const char *part,
                     char *text, size_t text_size)
{
    struct sim *s = d->sim;
    struct walk w = {.dir = d->root, .part = part};
    bool done = false;

    w.files = sim_alloc(s, FILES_MAX, sizeof *w.files);
    (void)sim_name_list(d->root, walk_one, &w);
    for (unsigned k = 0; k < TRIES && w.n > 0 && !done; k++) {
        struct walk_file *f = &w.files[rand_below(&s->rand, w.n)];
        done = kind == SIM_DAMAGE_FLIP ? flip(d, f, text, text_size)
                                       : unwrite(d, kind, f, text, text_size);
    }
    sim_release(s, w.files);
    sim_note(s, d->id, SIM_KIND_CUT, 100 + (unsigned)kind);
    return done;
}

/* ---- the whole disk ----------------------------------------------------- */

void sim_disk_limit(struct sim_disk *d, uint64_t bytes_max)
{
    d->bytes_max = bytes_max;
}

uint64_t sim_disk_bytes(const struct sim_disk *d)
{
    return d->bytes;
}

bool sim_disk_writing(const struct sim_disk *d)
{
    return !queue_empty(&d->inflight);
}

uint64_t sim_disk_read_bytes(const struct sim_disk *d)
{
    return d->n_read;
}

/* The old tree goes when nothing uses it any more; I/O under way is void. */
void sim_disk_wipe(struct sim_disk *d)
{
    struct sim_node *n = sim_node_find(d->sim, d->id);
    struct sim_inode *root = d->root;

    ASSERT(n == NULL || !n->alive);
    sim_disk_cut(d, SIM_CRASH_ALL);
    d->root = sim_inode_ref(sim_inode_new(d, true));
    sim_inode_unref(root);
}
