/* Opening: find or create the ring, load the newest checkpoint, recover, and
 * make the new run's epoch durable before anything is appended.
 *
 * Closing what a failed open leaves behind is journal_destroy()'s.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "storage/journal_impl.h"

#define CHECKPOINT_FILE_MAX (1ull << 30)

/* A checkpoint file as it was read. */
struct checkpoint_read {
    int status; /* 0, ERR_NOTFOUND, ERR_CORRUPT, ERR_VERSION, or worse */
    void *raw;
    struct slice bytes;
    struct checkpoint_facts facts;
};

static int options_check(const struct journal_options *o, struct err *err)
{
    if (o->file_bytes < JOURNAL_FILE_BYTES_MIN ||
        o->file_bytes > JOURNAL_FILE_BYTES_MAX ||
        o->file_bytes % FORMAT_BLOCK != 0) {
        return err_set(err, ERR_INVALID,
                       "journal: files of %u bytes: %u to %u, a multiple of "
                       "%u, is possible",
                       o->file_bytes, JOURNAL_FILE_BYTES_MIN,
                       JOURNAL_FILE_BYTES_MAX, FORMAT_BLOCK);
    }
    uint64_t n = o->bytes_max / o->file_bytes;
    if (n < JOURNAL_FILES_MIN || n > JOURNAL_FILES_MAX) {
        return err_set(err, ERR_INVALID,
                       "journal: a ring of %" PRIu64 " bytes in files of %u: "
                       "%u to %u files are possible",
                       o->bytes_max, o->file_bytes, JOURNAL_FILES_MIN,
                       JOURNAL_FILES_MAX);
    }
    return 0;
}

static int directory_make(struct journal *j, struct err *err)
{
    int rv = env_mkdir(j->env, j->path);
    if (rv == ERR_EXISTS) {
        return 0;
    }
    rv = rv == 0 ? env_sync_dir(j->env, j->dir) : rv;
    if (rv != 0) {
        err_set(err, rv, "%s: create: %s", j->path, err_text(rv));
    }
    return rv;
}

static int checkpoint_read_bytes(struct journal *j, struct bfile *f,
                                 struct checkpoint_read *c)
{
    uint64_t size;
    size_t n;
    int rv = bfile_drop_cache(f);
    if (rv != 0 && rv != ERR_UNSUPPORTED) {
        return rv;
    }
    rv = bfile_size(f, &size);
    if (rv != 0) {
        return rv;
    }
    size = format_blocks(size);
    if (size > CHECKPOINT_FILE_MAX) {
        return ERR_CORRUPT;
    }
    c->raw = mem_alloc(j->mem, size + FORMAT_BLOCK);
    if (c->raw == NULL) {
        return ERR_NOMEM;
    }
    uint8_t *p = (uint8_t *)(uintptr_t)format_blocks((uintptr_t)c->raw);
    rv = bfile_read(f, p, size, 0, &n);
    c->bytes = slice_of(p, n);
    return rv;
}

/* Outcome in c->status; other errors than "this one is no good" return. */
static int checkpoint_read(struct journal *j, unsigned slot,
                           struct checkpoint_read *c, struct err *err)
{
    char path[JOURNAL_PATH_MAX];
    struct bfile *f;
    checkpoint_path(j, slot, path);
    c->status = bfile_open(j->env, path, FILE_READ | FILE_DIRECT, &f, err);
    if (c->status == ERR_NOTFOUND) {
        return 0;
    }
    if (c->status != 0) {
        return c->status;
    }
    int rv = checkpoint_read_bytes(j, f, c);
    bfile_close(f);
    if (rv != 0 && rv != ERR_CORRUPT) {
        return err_set(err, rv, "%s: read: %s", path, err_text(rv));
    }
    c->status = rv != 0 ? rv : checkpoint_decode_facts(c->bytes, &c->facts);
    return 0;
}

/* The newest checkpoint that is whole. *ret_c NULL: there never was a ring. */
static int checkpoint_choose(struct journal *j, struct checkpoint_read c[2],
                             struct checkpoint_read **ret_c, bool *ret_lost,
                             struct err *err)
{
    for (unsigned i = 0; i < 2; i++) {
        int rv = checkpoint_read(j, i, &c[i], err);
        if (rv != 0) {
            return rv;
        }
    }
    if (c[0].status == ERR_VERSION || c[1].status == ERR_VERSION) {
        return err_set(err, ERR_VERSION,
                       "%s: written by a newer version of this program",
                       j->path);
    }
    *ret_c = NULL;
    *ret_lost = c[0].status == ERR_CORRUPT || c[1].status == ERR_CORRUPT;
    for (unsigned i = 0; i < 2; i++) {
        if (c[i].status == 0 &&
            (*ret_c == NULL || c[i].facts.seq > (*ret_c)->facts.seq)) {
            *ret_c = &c[i];
        }
    }
    if (*ret_c == NULL && *ret_lost) {
        return err_set(err, ERR_CORRUPT,
                       "%s/checkpoint.0 and checkpoint.1: not readable: "
                       "restore one, or remove this node and add it anew",
                       j->path);
    }
    return 0;
}

/* ---- which files are there ----------------------------------------------- */

struct listing {
    unsigned max;        /* highest number of a .j file */
    struct jfile *files; /* NULL: count only */
    unsigned n;
};

static int listing_cb(void *arg, const char *name, bool dir)
{
    struct listing *l = arg;
    char *end;
    if (dir || strspn(name, "0123456789") != 8 || strcmp(name + 8, ".j") != 0) {
        return 0;
    }
    unsigned long slot = strtoul(name, &end, 10);
    if (slot == 0 || slot > JOURNAL_FILES_MAX) {
        return 0;
    }
    if (slot > l->max) {
        l->max = (unsigned)slot;
    }
    if (l->files != NULL && slot <= l->n) {
        l->files[slot - 1].state = JFILE_FREE;
    }
    return 0;
}

/* Set up the table: what exists is read, what does not is to be prepared. A
 * ring that was larger stays as large. */
static int files_find(struct journal *j, const struct journal_options *o,
                      struct err *err)
{
    struct listing l = {.n = 0};
    int rv = env_list_dir(j->env, j->path, listing_cb, &l);
    if (rv != 0) {
        return err_set(err, rv, "%s: %s", j->path, err_text(rv));
    }
    unsigned n = (unsigned)(o->bytes_max / j->file_bytes);
    n = n < JOURNAL_FILES_MIN ? JOURNAL_FILES_MIN : n;
    n = n > JOURNAL_FILES_MAX ? JOURNAL_FILES_MAX : n;
    j->n_files = n > l.max ? n : l.max;
    j->files = mem_calloc(j->mem, j->n_files, sizeof *j->files);
    if (j->files == NULL) {
        return err_set(err, ERR_NOMEM, "no memory");
    }
    for (unsigned i = 0; i < j->n_files; i++) {
        queue_init(&j->files[i].queue);
        j->files[i].slot = i + 1;
    }
    l.files = j->files;
    l.n = j->n_files;
    rv = env_list_dir(j->env, j->path, listing_cb, &l);
    j->plan.n_free = j->n_files;
    ring_keep(j);
    return rv == 0 ? 0 : err_set(err, rv, "%s: %s", j->path, err_text(rv));
}

/* ---- both ways ------------------------------------------------------------
 */

static int ring_create(struct journal *j, const struct journal_options *o,
                       struct recovery *r, struct err *err)
{
    bool any;
    uint8_t random[16];
    j->file_bytes = o->file_bytes;
    int rv = files_find(j, o, err);
    rv = rv == 0 ? recover_any_frame(j, &any, err) : rv;
    if (rv != 0) {
        return rv;
    }
    if (any) {
        return err_set(err, ERR_CORRUPT,
                       "%s: holds records, but both checkpoints are missing: "
                       "restore them, or remove this node and add it anew",
                       j->path);
    }
    env_random(j->env, random, sizeof random);
    j->ring = uuid_from_random(random);
    j->epoch = 1;
    j->epoch_frame = 1;
    r->clean = true;
    rv = zero_prepare(j, err);
    rv = rv == 0 ? checkpoint_write_first(j, true, err) : rv;
    return rv == 0 ? checkpoint_write_first(j, true, err) : rv;
}

/* Blocks of the checkpoint that was read, of which the file may lack the end
 * of the last one. */
static int checkpoint_keep(struct journal *j, const struct checkpoint_read *c,
                           struct err *err)
{
    uint8_t *p = (uint8_t *)(uintptr_t)format_blocks((uintptr_t)c->raw);
    size_t len = format_blocks(CHECKPOINT_BYTES + c->facts.body_len);
    if (len > c->bytes.len) {
        memset(p + c->bytes.len, 0, len - c->bytes.len);
    }
    return checkpoint_settle(j, p, len, err);
}

static int ring_recover(struct journal *j, const struct journal_options *o,
                        const struct checkpoint_read *c, bool lost,
                        struct recovery *r, struct err *err)
{
    j->ring = c->facts.ring;
    j->file_bytes = c->facts.file_bytes;
    j->checkpoint.seq = c->facts.seq;
    int rv = files_find(j, o, err);
    if (rv != 0) {
        return rv;
    }
    rv = checkpoint_load(j, c->bytes, &c->facts);
    if (rv != 0) {
        return err_set(err, rv, "%s: checkpoint %" PRIu64 ": %s", j->path,
                       c->facts.seq, err_text(rv));
    }
    rv = recover_ring(j, &c->facts, lost, o->pool, r, err);
    if (rv != 0) {
        err_wrap(err, "%s", j->path);
        return rv;
    }
    r->clean = c->facts.clean && r->torn_bytes == 0;
    rv = zero_prepare(j, err);
    rv = rv == 0 ? checkpoint_keep(j, c, err) : rv;
    return rv == 0 ? checkpoint_write_first(j, false, err) : rv;
}

static int checkpoint_files_open(struct journal *j, struct err *err)
{
    for (unsigned i = 0; i < 2; i++) {
        char path[JOURNAL_PATH_MAX];
        checkpoint_path(j, i, path);
        int rv = file_open(j->env, path,
                           FILE_READ | FILE_WRITE | FILE_CREATE | FILE_DIRECT,
                           &j->checkpoint.files[i], err);
        if (rv != 0) {
            return rv;
        }
    }
    return 0;
}

static void frame_max_set(struct journal *j, const struct journal_options *o)
{
    uint32_t max =
        o->frame_bytes_max == 0 ? JOURNAL_FRAME_BYTES : o->frame_bytes_max;
    max = max > j->file_bytes ? j->file_bytes : max;
    max = max < 4 * FORMAT_BLOCK ? 4 * FORMAT_BLOCK : max;
    j->frame_max = max & ~(FORMAT_BLOCK - 1);
}

static int journal_load(struct journal *j, const struct journal_options *o,
                        struct recovery *r, struct err *err)
{
    struct checkpoint_read c[2] = {{0}, {0}};
    struct checkpoint_read *newest = NULL;
    bool lost = false;
    int rv = directory_make(j, err);
    rv = rv == 0 ? checkpoint_choose(j, c, &newest, &lost, err) : rv;
    if (rv == 0) {
        rv = newest == NULL ? ring_create(j, o, r, err)
                            : ring_recover(j, o, newest, lost, r, err);
    }
    mem_free(j->mem, c[0].raw);
    mem_free(j->mem, c[1].raw);
    rv = rv == 0 ? checkpoint_files_open(j, err) : rv;
    rv = rv == 0 ? roster_open(j, err) : rv;
    if (rv == 0) {
        frame_max_set(j, o);
    }
    return rv;
}

static void say_direct(const struct journal *j, const struct jfile *f)
{
    if (!file_direct(f->file)) {
        trace_warn(env_trace(j->env), "journal.buffered",
                   "path=%s reason=\"the file system refuses O_DIRECT\"",
                   j->path);
    }
}

int journal_open(struct env *e, const struct journal_options *o,
                 struct journal **ret_j, struct recovery **ret_r,
                 struct err *err)
{
    struct mem *mem = env_mem(e);
    int rv = options_check(o, err);
    if (rv != 0) {
        return rv;
    }
    struct journal *j = mem_alloc(mem, sizeof *j);
    struct recovery *r = mem_calloc(mem, 1, sizeof *r);
    if (j == NULL || r == NULL) {
        mem_free(mem, j);
        mem_free(mem, r);
        return err_set(err, ERR_NOMEM, "journal: no memory");
    }
    r->mem = mem;
    rv = journal_init(j, e, o);
    rv = rv == 0 ? journal_load(j, o, r, err) : rv;
    if (rv != 0) {
        err_wrap(err, "journal");
        recovery_free(r);
        journal_destroy(j);
        return rv;
    }
    for (unsigned i = 0; i < j->n_files; i++) {
        if (j->files[i].ready) {
            say_direct(j, &j->files[i]);
            break;
        }
    }
    trace_info(env_trace(e), "journal.open",
               "ring=%" PRIu64 " groups=%zu frames=%" PRIu64 " read=%" PRIu64
               " torn=%" PRIu64 " clean=%d epoch=%" PRIu64,
               ring_bytes(j), r->n_groups, r->frames, r->bytes, r->torn_bytes,
               r->clean, j->epoch);
    journal_metrics_start(j);
    zero_start(j);
    env_turn_request(e, &j->turn);
    *ret_j = j;
    *ret_r = r;
    return 0;
}
