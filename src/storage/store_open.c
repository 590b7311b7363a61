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
#include "storage/store_impl.h"

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

/* The name behind this one in a list of names, `*left` bytes from here. */
static const char *next_name(const char *name, size_t *left)
{
    size_t n = strlen(name) + 1;
    *left -= n;
    return name + n;
}

static int sweep_do(struct sweep *w, struct err *err)
{
    struct store *s = w->store;
    char path[STORE_PATH_MAX];
    const char *p = (const char *)w->remove.data;
    size_t left = w->remove.len;
    int rv = 0;
    for (; rv == 0 && left > 0; p = next_name(p, &left)) {
        rv = path_of(s, path, "", p, err);
        rv = rv != 0 ? rv : env_unlink(s->env, path);
        if (rv != 0) {
            return err_set(err, rv, "%s/%s: cannot remove: %s", s->dir, p,
                           err_text(rv));
        }
    }
    p = (const char *)w->aside.data;
    left = w->aside.len;
    for (; rv == 0 && left > 0; p = next_name(p, &left)) {
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

/* ---- segments --------------------------------------------------------------
 */

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
        int rv = segment_load(s, m, i, &chain, &carry, err);
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
    s->segments_max =
        o->segments_max != 0 ? o->segments_max : STORE_SEGMENTS_MAX;
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
