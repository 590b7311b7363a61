/* What the manifest says against what is there.
 *
 *   listed, below log_start     removed: the trim is committed and durable
 *   listed                      size, index; what the index lacks is scanned
 *   not listed, at or above     removed: written after the manifest; all of it
 *   the manifest's end          is in the journal or can be pulled again
 *   not listed, below the first removed: an earlier trim's unlink came back
 *   listed one, that being at
 *   or below log_start
 *   anything else               to quarantine/
 *
 * Why removing above the end deletes nothing acknowledged: every entry above
 * the log base has a live journal record, and a transfer counts only once its
 * manifest is durable. */
#include <inttypes.h>
#include <stdio.h>

#include "base/assert.h"
#include "base/hash.h"
#include "record/batch.h"
#include "record/chain.h"
#include "storage/store_impl.h"

#define SCAN_BYTES (256u << 10)

/* ---- names -----------------------------------------------------------------
 */

/* The base offset in "00000000000000000417.seg" or ".idx". */
static bool parse_name(const char *name, int64_t *ret_base)
{
    int64_t v = 0;
    if (strlen(name) != STORE_NAME_DIGITS + 4) {
        return false;
    }
    for (int i = 0; i < STORE_NAME_DIGITS; i++) {
        if (name[i] < '0' || name[i] > '9' ||
            v > (INT64_MAX - (name[i] - '0')) / 10) {
            return false;
        }
        v = v * 10 + (name[i] - '0');
    }
    *ret_base = v;
    name += STORE_NAME_DIGITS;
    return strcmp(name, ".seg") == 0 || strcmp(name, ".idx") == 0;
}

/* What to do with the files of a directory. */
struct sweep {
    struct store *store;
    const struct manifest *m; /* NULL: none */
    struct buf remove, aside; /* terminated names */
};

static bool listed(const struct sweep *w, int64_t base)
{
    for (size_t i = 0; w->m != NULL && i < w->m->n_segments; i++) {
        const struct manifest_segment *g = &w->m->segments[i];
        if (g->base_offset == base) {
            return g->next_offset > w->m->log_start;
        }
    }
    return false;
}

static bool removable(const struct sweep *w, int64_t base)
{
    const struct manifest *m = w->m;
    size_t n = m == NULL ? 0 : m->n_segments;
    int64_t end = m == NULL ? 0 : m->base.offset;
    if (n > 0 && m->segments[n - 1].next_offset > end) {
        end = m->segments[n - 1].next_offset;
    }
    if (base >= end) {
        return true;
    }
    for (size_t i = 0; i < n; i++) {
        if (m->segments[i].base_offset == base) {
            return m->segments[i].next_offset <= m->log_start;
        }
    }
    return n > 0 ? base < m->segments[0].base_offset &&
                       m->segments[0].base_offset <= m->log_start
                 : m->base.offset <= m->log_start;
}

static int sweep_one(void *arg, const char *name, bool dir)
{
    struct sweep *w = arg;
    int64_t base;
    bool segment = !dir && parse_name(name, &base);
    if ((dir && strcmp(name, "quarantine") == 0) ||
        (segment && listed(w, base))) {
        return 0;
    }
    struct buf *b = segment && removable(w, base) ? &w->remove : &w->aside;
    buf_put(b, name, strlen(name) + 1);
    return b->status;
}

static int path_of(struct store *s, char out[STORE_PATH_MAX], const char *sub,
                   const char *name, struct err *err)
{
    int n = snprintf(out, STORE_PATH_MAX, "%s%s/%s", s->dir, sub, name);
    return n > 0 && n < STORE_PATH_MAX
               ? 0
               : err_set(err, ERR_INVALID, "%s: path too long", s->dir);
}

static int set_aside(struct store *s, const char *name, struct err *err)
{
    char from[STORE_PATH_MAX], to[STORE_PATH_MAX];
    int rv = path_of(s, to, "", "quarantine", err);
    rv = rv != 0 ? rv : env_mkdir(s->env, to);
    if (rv == 0 || rv == ERR_EXISTS) {
        rv = path_of(s, from, "", name, err);
        rv = rv != 0 ? rv : path_of(s, to, "/quarantine", name, err);
    }
    for (unsigned i = 1; rv == 0 && i < 1000; i++) {
        char other[STORE_PATH_MAX];
        if (env_stat(s->env, to, NULL, NULL) == ERR_NOTFOUND) {
            break;
        }
        if (snprintf(other, sizeof other, "%s.%u", name, i) >=
            (int)sizeof other) {
            break;
        }
        rv = path_of(s, to, "/quarantine", other, err);
    }
    rv = rv != 0 ? rv : env_rename(s->env, from, to);
    if (rv != 0) {
        return err_set(err, rv, "%s/%s: cannot set aside: %s", s->dir, name,
                       err_text(rv));
    }
    trace_warn(env_trace(s->env), "storage.quarantine", "name=%s to=%s",
               s->name, to);
    return 0;
}

static int sweep_do(struct sweep *w, struct err *err)
{
    struct store *s = w->store;
    char path[STORE_PATH_MAX];
    const char *p = (const char *)w->remove.data;
    const char *end = p + w->remove.len;
    int rv = 0;
    for (; rv == 0 && p < end; p += strlen(p) + 1) {
        rv = path_of(s, path, "", p, err);
        rv = rv != 0 ? rv : env_unlink(s->env, path);
        if (rv != 0) {
            return err_set(err, rv, "%s/%s: cannot remove: %s", s->dir, p,
                           err_text(rv));
        }
    }
    p = (const char *)w->aside.data;
    for (end = p + w->aside.len; rv == 0 && p < end; p += strlen(p) + 1) {
        rv = set_aside(s, p, err);
    }
    if (rv == 0 && w->aside.len > 0) {
        rv = path_of(s, path, "", "quarantine", err);
        rv = rv != 0 ? rv : env_sync_dir(s->env, path);
    }
    if (rv == 0 && w->remove.len + w->aside.len > 0) {
        rv = env_sync_dir(s->env, s->dir);
    }
    return rv;
}

static int sweep(struct store *s, const struct manifest *m, struct err *err)
{
    struct sweep w = {.store = s, .m = m};
    buf_init(&w.remove, s->mem, 0);
    buf_init(&w.aside, s->mem, 0);
    int rv = env_list_dir(s->env, s->dir, sweep_one, &w);
    if (rv == 0) {
        rv = sweep_do(&w, err);
    }
    buf_close(&w.remove);
    buf_close(&w.aside);
    return rv;
}

/* ---- scanning --------------------------------------------------------------
 */

/* Reading the batches of a segment. */
struct scan {
    struct segment *segment;
    const struct manifest_segment *want;
    const struct log_point *base; /* if its offset is met, its chain must fit */
    const uint64_t *chain_end;    /* NULL: not known */
    struct bfile *file;
    uint64_t chain; /* after the last batch */
    uint8_t *buf;   /* bytes [at, n) are the file's from segment->length on */
    size_t cap, at, n;
};

/* Have at least `need` bytes, if the segment has so many. */
static int scan_load(struct scan *c, size_t need)
{
    uint64_t left = c->want->length - c->segment->length;
    size_t want = need > SCAN_BYTES ? need : SCAN_BYTES;
    if (need > left) {
        return ERR_CORRUPT;
    }
    if (need <= c->n - c->at) {
        return 0;
    }
    want = want < left ? want : (size_t)left;
    if (want > c->cap) {
        uint8_t *p = mem_realloc(c->segment->store->mem, c->buf, want);
        if (p == NULL) {
            return ERR_NOMEM;
        }
        c->buf = p;
        c->cap = want;
    }
    c->at = c->n = 0;
    int rv = bfile_read(c->file, c->buf, want, c->segment->length, &c->n);
    return rv != 0 ? rv : c->n >= need ? 0 : ERR_CORRUPT;
}

static int scan_one(struct scan *c)
{
    struct segment *g = c->segment;
    struct batch b;
    size_t length;
    int rv = scan_load(c, BATCH_HEADER_LEN);
    if (rv == 0 &&
        batch_peek(slice_of(c->buf + c->at, BATCH_PEEK_LEN), &length) != 0) {
        rv = ERR_CORRUPT;
    }
    rv = rv != 0 ? rv : scan_load(c, length);
    if (rv == 0 &&
        (batch_view(slice_of(c->buf + c->at, length), &b) != 0 ||
         batch_check_crc(&b) != 0 || b.base_offset < g->next_offset ||
         (g->length == 0 && b.base_offset != g->base_offset))) {
        rv = ERR_CORRUPT;
    }
    rv = rv != 0 ? rv : index_reserve(g);
    if (rv != 0) {
        return rv;
    }
    index_add(g, &b, c->chain);
    c->at += length;
    c->chain = batch_chain(c->chain, b.leader_epoch, b.base_offset, b.crc);
    return g->next_offset == c->base->offset && c->chain != c->base->chain
               ? ERR_CORRUPT
               : 0;
}

/* Scan from segment->length to the wanted length. */
static int scan(struct scan *c, uint64_t chain)
{
    int rv = 0;
    c->chain = chain;
    c->at = c->n = 0;
    while (rv == 0 && c->segment->length < c->want->length) {
        rv = scan_one(c);
    }
    if (rv == 0 && (c->segment->next_offset != c->want->next_offset ||
                    (c->chain_end != NULL && c->chain != *c->chain_end))) {
        rv = ERR_CORRUPT;
    }
    return rv;
}

/* ---- segments --------------------------------------------------------------
 */

/* Take what the index file has. A missing one is fine. */
static int read_index(struct segment *g, uint64_t length)
{
    struct store *s = g->store;
    char path[STORE_PATH_MAX];
    struct bfile *f;
    uint64_t size;
    uint8_t *p = NULL;
    size_t n = 0;
    store_path(path, s->dir, g->base_offset, ".idx");
    int rv = bfile_open(s->env, path, FILE_READ, &f, NULL);
    if (rv != 0) {
        return rv == ERR_NOTFOUND ? 0 : rv;
    }
    bfile_drop_cache(f); /* a help only: every record has its checksum */
    rv = bfile_size(f, &size);
    /* All blocks but the last hold INDEX_BLOCK_BYTES or stand before one that
     * does. */
    uint64_t most =
        INDEX_HEAD_BYTES + (length / INDEX_BLOCK_BYTES * 2 + 2) * BLOCK_BYTES;
    size = size < most ? size : most;
    if (rv == 0 && size > 0) {
        p = mem_alloc(s->mem, (size_t)size);
        rv = p == NULL ? ERR_NOMEM : bfile_read(f, p, (size_t)size, 0, &n);
    }
    if (rv == 0 && p != NULL) {
        rv = index_decode(g, slice_of(p, n), length);
    }
    mem_free(s->mem, p);
    bfile_close(f);
    return rv;
}

/* Forget the last block, and any that ends above `upto`: they are scanned
 * again. Returns the chain before the first of them. */
static uint64_t unlearn(struct segment *g, uint64_t upto)
{
    struct block b;
    ASSERT(g->n_blocks > 0);
    do {
        b = g->blocks[--g->n_blocks];
        g->length = b.position;
    } while (g->n_blocks > 0 && g->length > upto);
    g->next_offset = g->n_blocks > 0 ? block_end(&g->blocks[g->n_blocks - 1])
                                     : g->base_offset;
    g->n_indexed = g->n_blocks;
    g->time_max_ms = -1;
    for (uint32_t i = 0; i < g->n_blocks; i++) {
        if (g->blocks[i].time_max_ms > g->time_max_ms) {
            g->time_max_ms = g->blocks[i].time_max_ms;
        }
    }
    return b.chain;
}

/* Blocks from the index file, the rest by scanning. Whether both fit is told
 * by the chain; if they do not, all is scanned. Of the last segment, the bytes
 * that appending will write again are scanned in any case. */
static int learn(struct scan *c, bool last)
{
    struct segment *g = c->segment;
    uint64_t length = c->want->length;
    int rv = read_index(g, length);
    if (rv != 0) {
        return rv;
    }
    if (!last && g->length == length &&
        g->next_offset == c->want->next_offset) {
        return 0;
    }
    if (g->n_blocks > 0) {
        rv = scan(c, unlearn(g, last ? length - length % FILE_ALIGN : length));
        if (rv != ERR_CORRUPT) {
            return rv;
        }
    }
    index_reset(g);
    return scan(c, g->chain);
}

/* The bytes of the last, partial 4 KiB block. */
static int load_carry(struct scan *c, uint8_t **ret_carry)
{
    size_t len = (size_t)(c->want->length % FILE_ALIGN), n;
    uint8_t *p;
    int rv;
    if (len == 0) {
        *ret_carry = NULL;
        return 0;
    }
    p = mem_alloc(c->segment->store->mem, len);
    if (p == NULL) {
        return ERR_NOMEM;
    }
    rv = bfile_read(c->file, p, len, c->want->length - len, &n);
    if (rv == 0 && n < len) {
        rv = ERR_CORRUPT;
    }
    if (rv != 0) {
        mem_free(c->segment->store->mem, p);
        return rv;
    }
    *ret_carry = p;
    return 0;
}

static int open_segment(struct store *s, const struct manifest *m, size_t i,
                        uint64_t *ret_chain, uint8_t **ret_carry,
                        struct err *err)
{
    const struct manifest_segment *want = &m->segments[i];
    bool last = i + 1 == m->n_segments;
    struct scan c = {.want = want, .base = &m->base};
    char path[STORE_PATH_MAX];
    uint64_t size = 0;
    if (!last && want[1].base_offset == want->next_offset) {
        c.chain_end = &want[1].chain;
    }
    c.segment = segment_new(s, want->base_offset, want->chain);
    if (c.segment == NULL) {
        return err_set(err, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
    }
    c.segment->created = true;
    store_path(path, s->dir, want->base_offset, ".seg");
    int rv = bfile_open(s->env, path, FILE_READ, &c.file, err);
    if (rv != 0) {
        return rv == ERR_NOTFOUND
                   ? err_set(err, ERR_CORRUPT, "%s: missing", path)
                   : rv;
    }
    rv = bfile_size(c.file, &size);
    if (rv != 0) {
        err_set(err, rv, "%s: %s", path, err_text(rv));
    } else if (size < want->length) {
        rv = err_set(err, ERR_CORRUPT,
                     "%s: shorter than its manifest says: %" PRIu64
                     " of %" PRIu64 " bytes",
                     path, size, want->length);
    } else {
        rv = bfile_drop_cache(c.file);
        rv = rv != 0 ? rv : learn(&c, last);
        rv = rv == 0 && last ? load_carry(&c, ret_carry) : rv;
        if (rv != 0) {
            err_set(err, rv, "%s: %s", path, err_text(rv));
        }
    }
    *ret_chain = c.chain;
    if (rv == 0 && !last) {
        index_close_block(c.segment);
        c.segment->sealed = true;
    }
    mem_free(s->mem, c.buf);
    bfile_close(c.file);
    return rv;
}

static int open_segments(struct store *s, const struct manifest *m,
                         struct err *err)
{
    struct log_point point = m->base;
    uint8_t *carry = NULL;
    uint64_t chain = point.chain;
    const struct manifest_segment *end =
        m->n_segments > 0 ? &m->segments[m->n_segments - 1] : NULL;
    if (end != NULL && end->next_offset < point.offset) {
        return err_set(err, ERR_CORRUPT,
                       "%s: its manifest has a gap before offset %" PRId64,
                       s->dir, point.offset);
    }
    for (size_t i = 0; i < m->n_segments; i++) {
        if (m->segments[i].next_offset <= m->log_start) {
            continue;
        }
        int rv = open_segment(s, m, i, &chain, &carry, err);
        if (rv != 0) {
            return rv;
        }
    }
    if (s->n_segments > 0) { /* what a transfer pulled may lie above the base */
        point.offset = end->next_offset;
        point.chain = chain;
    }
    store_stand(s, carry, point);
    s->flushed = point;
    return 0;
}

/* ---- open ------------------------------------------------------------------
 */

static void on_timer(struct env_timer *t)
{
    struct store *s = t->data;
    store_pump(s);
    store_step(s);
}

static struct store *store_new(struct env *e, const struct store_options *o)
{
    struct mem *mem = env_mem(e);
    struct store *s = mem_calloc(mem, 1, sizeof *s);
    if (s == NULL) {
        return NULL;
    }
    s->env = e;
    s->mem = mem;
    s->pool = o->pool;
    s->segment_bytes = o->segment_bytes;
    s->segment_ms = o->segment_ms;
    s->write_bytes = o->write_bytes != 0 ? o->write_bytes : STORE_WRITE_BYTES;
    s->write_bytes =
        (s->write_bytes + FILE_ALIGN - 1) / FILE_ALIGN * FILE_ALIGN;
    if (s->write_bytes < 2 * FILE_ALIGN) {
        s->write_bytes = 2 * FILE_ALIGN;
    }
    /* Partitions that fill alike shall not write at the same moment. */
    s->threshold =
        s->write_bytes +
        (uint32_t)(hash_bytes(o->dir, strlen(o->dir)) % (s->write_bytes / 2));
    queue_init(&s->dropped);
    queue_init(&s->leases);
    queue_init(&s->pending);
    queue_init(&s->writes);
    queue_init(&s->unlinking);
    env_timer_init(&s->retry, on_timer, s);
    env_timer_init(&s->soon, on_timer, s);
    s->dir = mem_strndup(mem, o->dir, strlen(o->dir));
    s->name = mem_strndup(mem, o->name, strlen(o->name));
    if (s->dir == NULL || s->name == NULL) {
        store_free(s);
        return NULL;
    }
    return s;
}

/* Create the directory if need be, durably. */
static int make_dir(struct store *s, struct err *err)
{
    char parent[STORE_PATH_MAX];
    if (strlen(s->dir) + 64 >= STORE_PATH_MAX) {
        return err_set(err, ERR_INVALID, "%s: path too long", s->dir);
    }
    int rv = env_mkdir(s->env, s->dir);
    if (rv == 0) {
        memcpy(parent, s->dir, strlen(s->dir) + 1);
        char *slash = strrchr(parent, '/');
        if (slash == NULL) {
            memcpy(parent, ".", 2);
        } else {
            slash[slash == parent ? 1 : 0] = '\0';
        }
        rv = env_sync_dir(s->env, parent);
    }
    return rv == 0 || rv == ERR_EXISTS
               ? 0
               : err_set(err, rv, "%s: %s", s->dir, err_text(rv));
}

int store_open(struct env *e, const struct store_options *o,
               const struct manifest *m, struct store **ret_s, struct err *err)
{
    struct err ignored;
    struct manifest none = {.kind = MANIFEST_LOG};
    struct store *s = store_new(e, o);
    err = err != NULL ? err : &ignored;
    err->text[0] = '\0';
    if (s == NULL) {
        return err_set(err, ERR_NOMEM, "%s: %s", o->name, err_text(ERR_NOMEM));
    }
    int rv = make_dir(s, err);
    if (rv == 0) {
        /* First what is listed: a store in need of repair is left as it is. */
        rv = open_segments(s, m != NULL ? m : &none, err);
    }
    if (rv == 0) {
        rv = sweep(s, m != NULL ? m : &none, err);
    }
    if (rv != 0) {
        store_free(s);
        return err->text[0] != '\0'
                   ? rv
                   : err_set(err, rv, "%s: %s", o->dir, err_text(rv));
    }
    *ret_s = s;
    return 0;
}

static int remove_one(void *arg, const char *name, bool dir)
{
    struct buf *b = arg;
    buf_put_u8(b, dir);
    buf_put(b, name, strlen(name) + 1);
    return b->status;
}

/* Everything in a directory, and, `depth` levels down, in those inside. */
static int remove_tree(struct env *e, const char *dir, unsigned depth)
{
    struct buf names;
    buf_init(&names, env_mem(e), 0);
    int rv = env_list_dir(e, dir, remove_one, &names);
    for (size_t at = 0; rv == 0 && at < names.len;) {
        char path[STORE_PATH_MAX];
        const char *name = (const char *)names.data + at + 1;
        bool is_dir = names.data[at] != 0;
        int n = snprintf(path, sizeof path, "%s/%s", dir, name);
        at += strlen(name) + 2;
        if (n < 0 || n >= (int)sizeof path || (is_dir && depth == 0)) {
            rv = ERR_INVALID;
        } else {
            rv = is_dir ? remove_tree(e, path, depth - 1) : env_unlink(e, path);
        }
    }
    buf_close(&names);
    rv = rv != 0 ? rv : env_sync_dir(e, dir);
    return rv != 0 ? rv : env_rmdir(e, dir);
}

int store_remove(struct env *e, const char *dir)
{
    char parent[STORE_PATH_MAX];
    int rv = remove_tree(e, dir, 2);
    if (rv != 0) {
        return rv == ERR_NOTFOUND ? 0 : rv;
    }
    int n = snprintf(parent, sizeof parent, "%s", dir);
    char *slash = strrchr(parent, '/');
    if (n < 0 || n >= (int)sizeof parent || slash == NULL) {
        return env_sync_dir(e, ".");
    }
    slash[slash == parent ? 1 : 0] = '\0';
    return env_sync_dir(e, parent);
}
