/* metadata.c - @meta on this node: its replica, its machine, its image. */
#include "broker/metadata.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "broker/leaders.h"
#include "broker/metadata_impl.h"
#include "broker/serve.h"
#include "env/file.h"
#include "storage/journal.h"

/* ---- the replica's hooks ---------------------------------------------- */

static void hook_apply(void *arg, const struct entry *entries[], unsigned n)
{
    struct metadata *m = arg;
    struct machine_command *c;
    unsigned k = 0;
    if (n == 0 || entries[n - 1]->index <= m->queued) {
        return;
    }
    c = mem_calloc(m->mem, n, sizeof *c);
    if (c == NULL) {
        env_die(m->env, "@meta: out of memory applying %u commands", n);
    }
    for (unsigned i = 0; i < n; i++) {
        const struct entry *x = entries[i];
        if (x->kind == ENTRY_COMMAND && x->index > m->queued) {
            c[k++] = (struct machine_command){.index = x->index,
                                              .term = x->term,
                                              .time_ms = x->time_ms,
                                              .payload = x->payload};
        }
    }
    int rv = machine_apply(m->machine, c, k, entries[n - 1]->index,
                           entries[n - 1]->term);
    if (rv != 0) {
        env_die(m->env, "@meta: apply: %s", err_text(rv));
    }
    m->queued = entries[n - 1]->index;
    mem_free(m->mem, c);
}

static void hook_advanced(void *arg, int64_t high_watermark, int64_t log_start)
{
    (void)arg;
    (void)high_watermark;
    (void)log_start;
}

static void hook_role(void *arg)
{
    struct metadata *m = arg;
    struct replica_status s;
    if (m->replica == NULL) {
        return;
    }
    replica_status(m->replica, &s);
    struct leader row = {.group = META_GROUP, .term = s.term, .node = -1};
    if (s.ready) {
        row.node = m->identity->node;
        for (unsigned i = 0; i < s.n_members; i++) {
            if (s.members[i].voter && s.members[i].recent) {
                row.insync[row.n_insync++] = s.members[i].node;
            }
        }
    }
    leaders_set(m->leaders, &row);
}

static void hook_truncated(void *arg, int64_t offset)
{
    (void)arg;
    (void)offset;
}

static void on_checkpoint(void *arg, uint64_t index, uint64_t term,
                          uint64_t hash)
{
    struct metadata *m = arg;
    (void)hash;
    if (!m->closing) {
        replica_checkpointed(m->replica, index, term);
    }
}

static void hook_checkpoint(void *arg)
{
    struct metadata *m = arg;
    int rv = machine_checkpoint(m->machine, on_checkpoint, m);
    if (rv != 0) {
        env_die(m->env, "@meta: checkpoint: %s", err_text(rv));
    }
}

struct image_job {
    struct metadata *metadata;
    char path[METADATA_PATH_MAX];
};

static void on_image(void *arg, int status, uint64_t index, uint64_t term,
                     uint64_t hash, uint64_t bytes)
{
    struct image_job *j = arg;
    struct replica_image image = {.index = index,
                                  .term = term,
                                  .hash = hash,
                                  .bytes = bytes,
                                  .path = j->path};
    if (!j->metadata->closing) {
        replica_image_made(j->metadata->replica, status, &image);
    }
    mem_free(j->metadata->mem, j);
}

static void hook_image_make(void *arg, const char *path)
{
    struct metadata *m = arg;
    struct image_job *j = mem_alloc(m->mem, sizeof *j);
    if (j != NULL) {
        j->metadata = m;
        snprintf(j->path, sizeof j->path, "%s", path);
        if (machine_image(m->machine, j->path, on_image, j) == 0) {
            return;
        }
        mem_free(m->mem, j);
    }
    replica_image_made(m->replica, ERR_NOMEM, NULL);
}

static void take_image(struct metadata *m, struct slice changes, uint64_t index,
                       bool reset)
{
    int rv = image_change(m->image, changes, reset);
    if (rv != 0) {
        env_die(m->env, "@meta: read image: %s", err_text(rv));
    }
    image_set_index(m->image, index);
}

/* The image holds everything up to `index`: whoever waited for that goes on. */
static void moved(struct metadata *m, uint64_t index, const uint64_t indexes[],
                  const struct slice results[], unsigned n)
{
    serves_applied(m->serves, index, indexes, results, n);
    metadata_check_calls(m);
    if (m->listen != NULL) {
        m->listen(m->listen_arg);
    }
}

static void on_installed(void *arg, int status, struct machine *machine,
                         const struct machine_opened *o, const struct err *err)
{
    struct metadata *m = arg;
    (void)machine;
    if (status == 0) {
        take_image(m, o->changes, o->applied_index, true);
        m->queued = o->applied_index;
    } else {
        trace_error(env_trace(m->env), "meta.install", "error=\"%s\"",
                    err != NULL ? err->text : err_text(status));
    }
    if (!m->closing) {
        replica_image_installed(m->replica, status);
    }
    if (!m->closing && status == 0) {
        moved(m, m->queued, NULL, NULL, 0);
    }
}

static void hook_image_install(void *arg, const struct replica_image *image)
{
    struct metadata *m = arg;
    int rv =
        machine_install(m->machine, image->path, image->hash, on_installed, m);
    if (rv != 0) {
        replica_image_installed(m->replica, rv);
    }
}

static const struct replica_hooks hooks = {
    .apply = hook_apply,
    .advanced = hook_advanced,
    .role = hook_role,
    .truncated = hook_truncated,
    .checkpoint = hook_checkpoint,
    .image_make = hook_image_make,
    .image_install = hook_image_install,
};

static void on_applied(void *arg, uint64_t index, uint64_t term,
                       const uint64_t indexes[], const struct slice results[],
                       unsigned n, struct slice changes)
{
    struct metadata *m = arg;
    (void)term;
    take_image(m, changes, index, false);
    if (m->closing) {
        return;
    }
    replica_applied(m->replica, index);
    moved(m, index, indexes, results, n);
}

/* ---- life ------------------------------------------------------------- */

static void opened(struct metadata *m, int status, const struct err *err)
{
    metadata_open_cb cb = m->open_cb;
    m->open_cb = NULL;
    cb(m->open_arg, status, err);
}

static void on_replica(void *arg, int status, struct replica *r,
                       const struct err *err)
{
    struct metadata *m = arg;
    m->replica = r;
    if (status == 0) {
        hook_role(m);
    }
    opened(m, status, err);
}

/* The database is behind what the log still has: it was lost or replaced. */
static bool behind_base(const struct metadata *m,
                        const struct machine_opened *o)
{
    return m->recovered != NULL &&
           o->applied_index < m->recovered->tail.base.index;
}

static void on_machine(void *arg, int status, struct machine *machine,
                       const struct machine_opened *o, const struct err *err)
{
    struct metadata *m = arg;
    struct err own = {""};
    int32_t nodes[PEERS_MAX];
    uint32_t incarnations[PEERS_MAX];
    if (status != 0) {
        opened(m, status, err);
        return;
    }
    m->machine = machine;
    if (behind_base(m, o)) {
        err_set(&own, ERR_CORRUPT,
                "%s: holds index %llu, but the journal begins at %llu: put "
                "the database back, or empty the directory and replace the "
                "node; nothing was cut",
                m->path, (unsigned long long)o->applied_index,
                (unsigned long long)m->recovered->tail.base.index);
        opened(m, ERR_CORRUPT, &own);
        return;
    }
    if (m->recovered != NULL &&
        o->applied_index < tail_last_index(&m->recovered->tail)) {
        trace_debug(env_trace(m->env), "meta.behind", "applied=%llu last=%llu",
                    (unsigned long long)o->applied_index,
                    (unsigned long long)tail_last_index(&m->recovered->tail));
    }
    take_image(m, o->changes, o->applied_index, true);
    /* A barrier may need no more than what the database already held. */
    serves_applied(m->serves, o->applied_index, NULL, NULL, 0);
    m->queued = o->applied_index;
    machine_listen(machine, on_applied, m);
    for (unsigned i = 0; i < m->identity->n_members; i++) {
        nodes[i] = m->identity->members[i].node;
        incarnations[i] = 1;
    }
    struct replica_open ro = {.kind = REPLICA_STATE,
                              .name = "@meta",
                              .recovered = m->recovered,
                              .group = META_GROUP,
                              .nodes = nodes,
                              .incarnations = incarnations,
                              .n_nodes = m->identity->n_members,
                              .applied_index = o->applied_index,
                              .applied_term = o->applied_term};
    int rv =
        replica_open(m->replicas, &ro, &hooks, m, on_replica, m, &m->replica);
    if (rv != 0) {
        err_set(&own, rv, "@meta: %s", err_text(rv));
        opened(m, rv, &own);
    }
}

static int make_bootstrap(struct metadata *m)
{
    struct meta_bootstrap b = {.cluster = m->identity->cluster,
                               .nodes = m->boot_nodes,
                               .n_nodes = m->identity->n_members};
    for (unsigned i = 0; i < b.n_nodes; i++) {
        const struct identity_member *from = &m->identity->members[i];
        struct image_node *to = &m->boot_nodes[i];
        *to = (struct image_node){.id = from->node,
                                  .incarnation = 1,
                                  .directory = from->directory,
                                  .peer_port = from->port};
        memcpy(to->peer_host, from->host, sizeof to->peer_host);
    }
    buf_init(&m->bootstrap, m->mem, 0);
    meta_encode_bootstrap(&b, &m->bootstrap);
    return m->bootstrap.status;
}

int metadata_open(struct env *e, const struct metadata_options *o,
                  metadata_open_cb cb, void *arg, struct metadata **ret_m)
{
    struct metadata *m = mem_calloc(env_mem(e), 1, sizeof *m);
    if (m == NULL) {
        return ERR_NOMEM;
    }
    m->env = e;
    m->mem = env_mem(e);
    m->peers = o->peers;
    m->pool = o->pool;
    m->image = o->image;
    m->leaders = o->leaders;
    m->identity = o->identity;
    m->replicas = o->replicas;
    m->recovered = o->recovered;
    m->open_cb = cb;
    m->open_arg = arg;
    snprintf(m->dir, sizeof m->dir, "%s/meta", o->dir);
    int n = snprintf(m->path, sizeof m->path, "%s/meta/meta.db", o->dir);
    int rv = n < 0 || (size_t)n >= sizeof m->path ? ERR_TOOBIG : 0;
    if (rv == 0) {
        rv = env_mkdir(e, m->dir);
        rv = rv == ERR_EXISTS ? 0 : rv;
    }
    if (rv == 0) {
        rv = env_sync_dir(e, o->dir);
    }
    if (rv == 0) {
        rv = make_bootstrap(m);
    }
    if (rv == 0) {
        rv = serves_open(e, &m->serves);
    }
    if (rv == 0) {
        struct machine_options mo = {.type = &meta_machine,
                                     .path = m->path,
                                     .name = "@meta",
                                     .bootstrap = buf_slice(&m->bootstrap),
                                     .unclean = o->unclean};
        rv = machine_open(e, &mo, on_machine, m);
    }
    if (rv != 0) {
        serves_close(m->serves);
        buf_close(&m->bootstrap);
        mem_free(m->mem, m);
        return rv;
    }
    metadata_init_calls(m);
    *ret_m = m;
    return 0;
}

static void on_machine_closed(void *arg)
{
    struct metadata *m = arg;
    void (*cb)(void *) = m->close_cb;
    void *cb_arg = m->close_arg;
    buf_close(&m->bootstrap);
    mem_free(m->mem, m);
    if (cb != NULL) {
        cb(cb_arg);
    }
}

static void on_replica_closed(void *arg)
{
    struct metadata *m = arg;
    serves_close(m->serves);
    if (m->machine != NULL) {
        machine_close(m->machine, on_machine_closed, m);
    } else {
        on_machine_closed(m);
    }
}

void metadata_close(struct metadata *m, void (*cb)(void *arg), void *arg)
{
    m->closing = true;
    m->close_cb = cb;
    m->close_arg = arg;
    metadata_cancel_calls(m);
    if (m->replica != NULL) {
        replica_close(m->replica, on_replica_closed, m);
    } else {
        on_replica_closed(m);
    }
}

struct replica *metadata_replica(const struct metadata *m)
{
    return m->replica;
}

uint64_t metadata_applied(const struct metadata *m)
{
    return image_index(m->image);
}

void metadata_listen(struct metadata *m, void (*cb)(void *arg), void *arg)
{
    m->listen = cb;
    m->listen_arg = arg;
}
