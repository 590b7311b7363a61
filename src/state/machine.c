#include "state/machine_impl.h"

#include <stdio.h>

#include "base/assert.h"
#include "env/file.h"

/* One op holds no more commands than this; the next begins a new one. */
#define OP_COMMANDS_MAX 4096

static void ops_run(struct machine *m);

/* ---- ops ----------------------------------------------------------------
 */

static struct op *op_new(struct machine *m, enum op_kind kind)
{
    struct op *o = mem_calloc(m->mem, 1, sizeof *o);
    if (o != NULL) {
        o->machine = m;
        o->kind = kind;
        buf_init(&o->out, m->mem, 0);
        buf_init(&o->changes, m->mem, 0);
    }
    return o;
}

static void op_free(struct op *o)
{
    struct mem *mem = o->machine->mem;
    for (unsigned i = 0; i < o->n; i++) {
        bytes_release(&o->commands[i].payload);
    }
    mem_free(mem, o->commands);
    mem_free(mem, o->indexes);
    mem_free(mem, o->results);
    mem_free(mem, o->ends);
    buf_close(&o->out);
    buf_close(&o->changes);
    mem_free(mem, o);
}

void op_push(struct op *o)
{
    queue_push(&o->machine->ops, &o->queue);
    ops_run(o->machine);
}

static void on_run(struct env_job *j)
{
    static void (*const run[OP_KINDS])(struct op *) = {
        [OP_OPEN] = op_open,
        [OP_APPLY] = op_apply,
        [OP_CHECKPOINT] = op_checkpoint,
        [OP_IMAGE] = op_image,
        [OP_INSTALL] = op_install,
        [OP_VOID] = op_void,
        [OP_READ] = op_read,
        [OP_CLOSE] = op_close};
    struct op *o = j->data;
    run[o->kind](o);
}

/* ---- what came of an op, on the loop ------------------------------------
 */

/* The log goes on behind the image, or behind what waits already. */
static void requeue(struct machine *m, const struct op *done)
{
    struct queue *q, *tmp;
    m->applied = done->applied.index;
    m->now = (struct machine_point){m->applied, done->applied.hash};
    m->n_points = 0;
    m->queued = m->applied;
    QUEUE_FOREACH(q, tmp, &m->ops)
    {
        struct op *o = QUEUE_ENTRY(q, struct op, queue);
        if (o->kind == OP_APPLY && o->upto > m->queued) {
            m->queued = o->upto;
        }
    }
}

static void opened(struct op *o)
{
    struct machine *m = o->machine;
    struct machine_opened r = {
        .applied_index = o->applied.index,
        .applied_term = o->applied.term,
        .fresh = o->fresh,
        .aside = o->aside.text[0] == '\0' ? NULL : o->aside.text,
        .changes = buf_slice(&o->changes)};
    if (o->status == 0) {
        m->installs += o->kind == OP_INSTALL;
        requeue(m, o);
        o->cb.open(o->arg, 0, m, &r, NULL);
    } else {
        o->cb.open(o->arg, o->status, o->kind == OP_INSTALL ? m : NULL, NULL,
                   &o->err);
    }
}

/* Keep the newest points of both. */
static void keep_points(struct machine *m, const struct op *o)
{
    unsigned keep = MACHINE_POINTS_MAX - o->n_points;
    unsigned drop = m->n_points > keep ? m->n_points - keep : 0;
    memmove(m->points, m->points + drop,
            (m->n_points - drop) * sizeof *m->points);
    m->n_points -= drop;
    memcpy(m->points + m->n_points, o->points, o->n_points * sizeof *o->points);
    m->n_points += o->n_points;
    m->now = (struct machine_point){o->applied.index, o->applied.hash};
}

static void applied(struct op *o)
{
    struct machine *m = o->machine;
    struct slice out = buf_slice(&o->out);
    const uint8_t *all = out.len == 0 ? (const uint8_t *)"" : out.data;
    size_t at = 0;
    unsigned n = o->n - o->n_skipped;
    if (o->skipped || o->broke) {
        return; /* void: an image will have it */
    }
    for (unsigned i = 0; i < o->n; i++) {
        o->results[i] = slice_of(all + at, o->ends[i] - at);
        at = o->ends[i];
    }
    if (o->upto <= m->applied) {
        return; /* an installed image was ahead */
    }
    m->applied = o->upto;
    keep_points(m, o);
    if (m->listener != NULL) {
        m->listener(m->listener_arg, o->upto, o->upto_term,
                    o->indexes + o->n_skipped, o->results + o->n_skipped, n,
                    buf_slice(&o->changes));
    }
}

static void emptied(struct machine *m)
{
    m->n_points = 0;
    m->now = (struct machine_point){0};
}

static void finish(struct op *o)
{
    struct machine *m = o->machine;
    const struct db_applied *a = &o->applied;
    switch (o->kind) {
    case OP_OPEN:
    case OP_INSTALL:
        opened(o);
        break;
    case OP_APPLY:
        applied(o);
        break;
    case OP_CHECKPOINT:
        o->cb.checkpoint(o->arg, a->index, a->term, a->hash);
        break;
    case OP_IMAGE:
        o->cb.image(o->arg, o->status, a->index, a->term, a->hash, o->bytes);
        break;
    case OP_VOID:
        if (!o->skipped) {
            emptied(m);
        }
        if (o->cb.emptied != NULL) {
            o->cb.emptied(o->arg, o->aside.text);
        }
        break;
    case OP_READ:
        o->cb.read(o->arg, o->status, a->index, a->term);
        break;
    case OP_CLOSE:
    case OP_KINDS:
        break;
    }
    if (o->broke) {
        emptied(m);
        m->watcher(m->watcher_arg, &o->err);
    }
}

static void machine_free(struct machine *m, struct op *last)
{
    void (*cb)(void *) = last->kind == OP_CLOSE ? last->cb.close : NULL;
    void *arg = last->arg;
    struct mem *mem = m->mem;
    ASSERT(queue_empty(&m->ops));
    op_free(last);
    mem_free(mem, m);
    if (cb != NULL) {
        cb(arg);
    }
}

static void on_done(struct env_job *j)
{
    struct op *o = j->data;
    struct machine *m = o->machine;
    bool gone = o->kind == OP_CLOSE || (o->kind == OP_OPEN && o->status != 0);
    queue_remove(&o->queue);
    finish(o);
    if (gone) {
        machine_free(m, o);
        return;
    }
    op_free(o);
    m->busy = false;
    presync_step(m);
    ops_run(m);
}

static void ops_run(struct machine *m)
{
    if (m->busy || queue_empty(&m->ops)) {
        return;
    }
    struct op *o = QUEUE_ENTRY(m->ops.next, struct op, queue);
    m->busy = true;
    env_job_submit(m->env, ENV_THREAD_STATE, &o->job, on_run, on_done, o);
}

/* ---- life ---------------------------------------------------------------
 */

int machine_open(struct env *e, const struct machine_options *opts,
                 machine_open_cb cb, void *arg)
{
    struct machine *m = mem_calloc(env_mem(e), 1, sizeof *m);
    if (m == NULL) {
        return ERR_NOMEM;
    }
    m->env = e;
    m->mem = env_mem(e);
    m->type = opts->type;
    queue_init(&m->ops);
    snprintf(m->name, sizeof m->name, "%s", opts->name);
    int n = snprintf(m->path, sizeof m->path, "%s", opts->path);
    struct op *o = op_new(m, OP_OPEN);
    /* Room for "-wal" and for a name in quarantine/. */
    if (o == NULL || (size_t)n + 32 >= sizeof m->path) {
        mem_free(m->mem, o);
        mem_free(m->mem, m);
        return o == NULL ? ERR_NOMEM : ERR_TOOBIG;
    }
    o->bootstrap = opts->bootstrap;
    o->unclean = opts->unclean;
    o->keep_damaged = opts->keep_damaged;
    o->cb.open = cb;
    o->arg = arg;
    op_push(o);
    return 0;
}

void machine_close(struct machine *m, void (*cb)(void *arg), void *arg)
{
    struct op *o = op_new(m, OP_CLOSE);
    ASSERT(!m->closing);
    if (o == NULL) {
        env_fail(m->env, ERR_NOMEM, "%s: out of memory closing", m->name);
    }
    m->closing = true;
    o->cb.close = cb;
    o->arg = arg;
    presync_close(m, o);
}

void machine_listen(struct machine *m, machine_applied_cb cb, void *arg)
{
    m->listener = cb;
    m->listener_arg = arg;
}

void machine_watch(struct machine *m, machine_broken_cb cb, void *arg)
{
    m->watcher = cb;
    m->watcher_arg = arg;
}

uint64_t machine_applied(const struct machine *m)
{
    return m->applied;
}

unsigned machine_points(const struct machine *m,
                        struct machine_point out[MACHINE_POINTS_MAX + 1])
{
    unsigned n = m->n_points;
    memcpy(out, m->points, n * sizeof *out);
    if (m->now.index != 0 && (n == 0 || out[n - 1].index != m->now.index)) {
        out[n++] = m->now;
    }
    return n;
}

/* ---- requests -----------------------------------------------------------
 */

/* Make room for `n` more commands. False without memory. */
static bool op_grow(struct op *o, unsigned n)
{
    struct mem *mem = o->machine->mem;
    unsigned cap = o->cap == 0 ? 16 : o->cap;
    while (cap - o->n < n) {
        cap *= 2;
    }
    if (cap == o->cap) {
        return true;
    }
    void *p = mem_realloc(mem, o->commands, cap * sizeof *o->commands);
    o->commands = p == NULL ? o->commands : p;
    void *q = mem_realloc(mem, o->indexes, cap * sizeof *o->indexes);
    o->indexes = q == NULL ? o->indexes : q;
    void *r = mem_realloc(mem, o->results, cap * sizeof *o->results);
    o->results = r == NULL ? o->results : r;
    void *s = mem_realloc(mem, o->ends, cap * sizeof *o->ends);
    o->ends = s == NULL ? o->ends : s;
    if (p == NULL || q == NULL || r == NULL || s == NULL) {
        return false;
    }
    o->cap = cap;
    return true;
}

/* The apply op at the end of the queue that has not begun, or NULL. */
static struct op *op_waiting(struct machine *m)
{
    struct op *o = QUEUE_ENTRY(m->ops.prev, struct op, queue);
    if (queue_empty(&m->ops) || (m->busy && m->ops.next == &o->queue) ||
        o->kind != OP_APPLY || o->n >= OP_COMMANDS_MAX) {
        return NULL;
    }
    return o;
}

int machine_apply(struct machine *m, const struct machine_command c[],
                  unsigned n, uint64_t upto, uint64_t upto_term)
{
    struct op *o = op_waiting(m);
    bool made = o == NULL;
    ASSERT(!m->closing && upto > m->queued);
    o = made ? op_new(m, OP_APPLY) : o;
    if (o == NULL) {
        return ERR_NOMEM;
    }
    if (!op_grow(o, n)) {
        if (made) {
            op_free(o);
        }
        return ERR_NOMEM;
    }
    for (unsigned i = 0; i < n; i++) {
        ASSERT(c[i].index > m->queued && c[i].index <= upto);
        m->queued = c[i].index;
        o->commands[o->n] = c[i];
        o->commands[o->n].payload = bytes_dup(c[i].payload);
        o->indexes[o->n++] = c[i].index;
    }
    m->queued = upto;
    o->upto = upto;
    o->upto_term = upto_term;
    if (made) {
        op_push(o);
    }
    return 0;
}

int machine_checkpoint(struct machine *m, machine_checkpoint_cb cb, void *arg)
{
    struct op *o = op_new(m, OP_CHECKPOINT);
    ASSERT(!m->closing);
    if (o == NULL) {
        return ERR_NOMEM;
    }
    o->cb.checkpoint = cb;
    o->arg = arg;
    presync_checkpoint(m, o);
    return 0;
}

int machine_void(struct machine *m, machine_void_cb cb, void *arg)
{
    struct op *o = op_new(m, OP_VOID);
    ASSERT(!m->closing);
    if (o == NULL) {
        return ERR_NOMEM;
    }
    o->installs = m->installs;
    o->cb.emptied = cb;
    o->arg = arg;
    op_push(o);
    return 0;
}

int machine_read(struct machine *m, machine_read_cb read,
                 machine_read_done_cb done, void *arg)
{
    struct op *o = op_new(m, OP_READ);
    ASSERT(!m->closing);
    if (o == NULL) {
        return ERR_NOMEM;
    }
    o->read = read;
    o->cb.read = done;
    o->arg = arg;
    op_push(o);
    return 0;
}

/* An op that works on the file `path`. */
static int op_with_path(struct machine *m, enum op_kind kind, const char *path,
                        struct op **ret_o)
{
    ASSERT(!m->closing);
    if (strlen(path) >= MACHINE_PATH_MAX) {
        return ERR_TOOBIG;
    }
    struct op *o = op_new(m, kind);
    if (o == NULL) {
        return ERR_NOMEM;
    }
    snprintf(o->path, sizeof o->path, "%s", path);
    *ret_o = o;
    return 0;
}

int machine_image(struct machine *m, const char *path, machine_image_cb cb,
                  void *arg)
{
    struct op *o;
    int rv = op_with_path(m, OP_IMAGE, path, &o);
    if (rv == 0) {
        o->cb.image = cb;
        o->arg = arg;
        op_push(o);
    }
    return rv;
}

int machine_install(struct machine *m, const char *path, uint64_t hash,
                    machine_open_cb cb, void *arg)
{
    struct op *o;
    int rv = op_with_path(m, OP_INSTALL, path, &o);
    if (rv == 0) {
        o->hash = hash;
        o->cb.open = cb;
        o->arg = arg;
        op_push(o);
    }
    return rv;
}
