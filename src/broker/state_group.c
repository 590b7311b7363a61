#include "broker/state_group.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "broker/state_group_impl.h"
#include "storage/journal.h"
#include "storage/tail.h"

/* ---- the replica's hooks ---------------------------------------------- */

static void hook_apply(void *arg, const struct entry *entries[], unsigned n)
{
    struct state_group *g = arg;
    struct machine_command *c;
    unsigned k = 0;
    if (n == 0 || entries[n - 1]->index <= g->queued) {
        return;
    }
    c = mem_calloc(g->mem, n, sizeof *c);
    if (c == NULL) {
        env_fail(g->env, ERR_NOMEM, "%s: out of memory applying %u commands",
                 g->name, n);
    }
    for (unsigned i = 0; i < n; i++) {
        const struct entry *x = entries[i];
        if (x->kind == ENTRY_COMMAND && x->index > g->queued) {
            c[k++] = (struct machine_command){.index = x->index,
                                              .term = x->term,
                                              .time_ms = x->time_ms,
                                              .payload = x->payload};
        }
    }
    int rv = machine_apply(g->machine, c, k, entries[n - 1]->index,
                           entries[n - 1]->term);
    if (rv != 0) {
        env_fail(g->env, rv, "%s: apply: %s", g->name, err_text(rv));
    }
    g->queued = entries[n - 1]->index;
    mem_free(g->mem, c);
}

static void hook_advanced(void *arg, int64_t high_watermark, int64_t log_start)
{
    (void)arg;
    (void)high_watermark;
    (void)log_start;
}

void state_group_role(struct state_group *g)
{
    struct replica_status s;
    if (g->replica == NULL) {
        return;
    }
    replica_status(g->replica, &s);
    struct leader row = {.group = g->group, .term = s.term, .node = -1};
    if (s.ready && repair_fit(g)) {
        row.node = g->node;
        for (unsigned i = 0; i < s.n_members; i++) {
            if (s.members[i].voter && s.members[i].recent) {
                row.insync[row.n_insync++] = s.members[i].node;
            }
        }
    }
    leaders_set(g->leaders, &row);
    if (g->hooks->role != NULL && !g->closing) {
        g->hooks->role(g->arg);
    }
}

static void hook_role(void *arg)
{
    struct state_group *g = arg;
    state_group_role(g);
    if (g->replica != NULL && !g->closing) {
        repair_role(g);
    }
}

static void hook_truncated(void *arg, int64_t offset)
{
    (void)arg;
    (void)offset;
}

static void on_checkpoint(void *arg, uint64_t index, uint64_t term,
                          uint64_t hash)
{
    struct state_group *g = arg;
    (void)hash;
    if (!g->closing) {
        replica_checkpointed(g->replica, index, term);
        repair_compare(g);
    }
}

static void hook_checkpoint(void *arg)
{
    struct state_group *g = arg;
    int rv = machine_checkpoint(g->machine, on_checkpoint, g);
    if (rv != 0) {
        env_fail(g->env, rv, "%s: checkpoint: %s", g->name, err_text(rv));
    }
}

struct image_job {
    struct state_group *group;
    char path[STATE_GROUP_PATH_MAX];
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
    if (!j->group->closing) {
        replica_image_made(j->group->replica, status, &image);
    }
    mem_free(j->group->mem, j);
}

static void hook_image_make(void *arg, const char *path)
{
    struct state_group *g = arg;
    struct image_job *j = mem_alloc(g->mem, sizeof *j);
    if (j != NULL) {
        j->group = g;
        snprintf(j->path, sizeof j->path, "%s", path);
        if (machine_image(g->machine, j->path, on_image, j) == 0) {
            return;
        }
        mem_free(g->mem, j);
    }
    replica_image_made(g->replica, ERR_NOMEM, NULL);
}

/* The image holds everything up to `index`: whoever waited for that goes on. */
static void moved(struct state_group *g, uint64_t index,
                  const uint64_t indexes[], const struct slice results[],
                  unsigned n)
{
    serves_applied(g->serves, index, indexes, results, n);
    g->hooks->applied(g->arg);
}

static void on_installed(void *arg, int status, struct machine *machine,
                         const struct machine_opened *o, const struct err *err)
{
    struct state_group *g = arg;
    (void)machine;
    if (g->closing) {
        return;
    }
    if (status == 0 && o->aside != NULL) {
        repair_aside(g, o->aside);
    }
    if (status == 0) {
        g->hooks->changed(g->arg, o->changes, o->applied_index, true);
        g->queued = o->applied_index;
    } else {
        trace_error(env_trace(g->env), "state.install", "group=%s error=\"%s\"",
                    g->name, err != NULL ? err->text : err_text(status));
    }
    replica_image_installed(g->replica, status);
    if (!g->closing && status == 0) {
        repair_installed(g);
        moved(g, g->queued, NULL, NULL, 0);
    }
}

static void hook_image_install(void *arg, const struct replica_image *image)
{
    struct state_group *g = arg;
    int rv =
        machine_install(g->machine, image->path, image->hash, on_installed, g);
    if (rv != 0) {
        replica_image_installed(g->replica, rv);
    }
}

static const struct replica_hooks replica_hooks = {
    .apply = hook_apply,
    .advanced = hook_advanced,
    .role = hook_role,
    .truncated = hook_truncated,
    .checkpoint = hook_checkpoint,
    .image_make = hook_image_make,
    .image_install = hook_image_install,
    .told = repair_told,
};

static void on_applied(void *arg, uint64_t index, uint64_t term,
                       const uint64_t indexes[], const struct slice results[],
                       unsigned n, struct slice changes)
{
    struct state_group *g = arg;
    (void)term;
    if (g->closing) {
        return; /* nobody looks any more */
    }
    g->hooks->changed(g->arg, changes, index, false);
    replica_applied(g->replica, index);
    moved(g, index, indexes, results, n);
}

/* ---- life ------------------------------------------------------------- */

static void opened(struct state_group *g, int status, const struct err *err)
{
    state_group_open_cb cb = g->open_cb;
    g->open_cb = NULL;
    cb(g->arg, status, err);
}

static void on_replica(void *arg, int status, struct replica *r,
                       const struct err *err)
{
    struct state_group *g = arg;
    g->replica = r;
    if (status == 0) {
        repair_begin(g);
        hook_role(g);
    }
    opened(g, status, err);
}

static void on_replica_closed(void *arg);

/* Is the database behind what the log still has? Then it was lost, damaged or
 * replaced. */
static bool behind_base(const struct state_group *g,
                        const struct machine_opened *o, struct err *err)
{
    if (g->recovered == NULL ||
        o->applied_index >= g->recovered->tail.base.index) {
        return false;
    }
    err_set(err, ERR_CORRUPT,
            "%s: holds index %" PRIu64 ", but the journal begins at %" PRIu64,
            g->path, o->applied_index, g->recovered->tail.base.index);
    return true;
}

/* A damaged database is in quarantine/, or what is there is of no use: whether
 * it comes from the log again or from another node. */
static int judge_state(struct state_group *g, const struct machine_opened *o,
                       struct err *err)
{
    bool behind = behind_base(g, o, err);
    if (o->aside != NULL) {
        g->repair.n_quarantined++;
        trace_error(env_trace(g->env), "state.quarantined",
                    "group=%s error=\"%s\" do=\"%s; keep the file to find out "
                    "why\"",
                    g->name, o->aside,
                    behind ? "nothing, another node's is fetched"
                           : "nothing, it is made anew from the log");
    }
    if (behind && g->repair.alone) {
        err_wrap(err, "no other node has it: put the database back, or empty "
                      "the directory and replace the node; nothing was cut");
        return ERR_CORRUPT;
    }
    if (behind) {
        repair_lack(g, o->aside != NULL ? o->aside : err->text);
    }
    return 0;
}

static int start_replica(struct state_group *g, const struct machine_opened *o)
{
    uint32_t incarnations[PEERS_MAX];
    for (unsigned i = 0; i < g->n_nodes; i++) {
        incarnations[i] = 1;
    }
    struct replica_open ro = {.kind = REPLICA_STATE,
                              .name = g->name,
                              .recovered = g->recovered,
                              .group = g->group,
                              .nodes = g->nodes,
                              .incarnations = incarnations,
                              .n_nodes = g->n_nodes,
                              .applied_index = o->applied_index,
                              .applied_term = o->applied_term};
    return replica_open(g->replicas, &ro, &replica_hooks, g, on_replica, g,
                        &g->replica);
}

static void on_machine(void *arg, int status, struct machine *machine,
                       const struct machine_opened *o, const struct err *err)
{
    struct state_group *g = arg;
    struct err own = {""};
    g->machine = machine;
    if (g->closing) {
        opened(g, ERR_CANCELED, NULL);
        on_replica_closed(g);
        return;
    }
    if (status != 0) {
        opened(g, status, err);
        return;
    }
    if (!g->repair.alone) {
        machine_watch(machine, repair_broken, g);
    }
    if (judge_state(g, o, &own) != 0) {
        opened(g, ERR_CORRUPT, &own);
        return;
    }
    if (g->recovered != NULL) {
        const struct tail *log = &g->recovered->tail;
        trace_debug(
            env_trace(g->env), "state.found",
            "group=%s base=%" PRIu64 " applied=%" PRIu64 " last=%" PRIu64,
            g->name, log->base.index, o->applied_index, tail_last_index(log));
        if (o->applied_index < tail_last_index(log)) {
            /* The simulator counts it. */
            trace_debug(env_trace(g->env), "state.behind", "group=%s", g->name);
        }
    }
    g->hooks->changed(g->arg, o->changes, o->applied_index, true);
    /* A barrier may need no more than what the database already held. */
    serves_applied(g->serves, o->applied_index, NULL, NULL, 0);
    g->queued = o->applied_index;
    machine_listen(machine, on_applied, g);
    int rv = start_replica(g, o);
    if (rv != 0) {
        err_set(&own, rv, "%s: %s", g->name, err_text(rv));
        opened(g, rv, &own);
    }
}

/* The only copy stays where it is, unless the log has all of it. */
static bool keep_damaged(const struct state_group *g)
{
    return g->repair.alone &&
           (g->recovered == NULL ||
            g->recovered->tail.base.index > MACHINE_BOOTSTRAP_INDEX);
}

int state_group_open(struct env *e, const struct state_group_options *o,
                     const struct state_group_hooks *hooks, void *arg,
                     state_group_open_cb cb, struct state_group **ret_g)
{
    struct state_group *g = mem_calloc(env_mem(e), 1, sizeof *g);
    ASSERT(o->n_nodes <= PEERS_MAX);
    if (g == NULL) {
        return ERR_NOMEM;
    }
    g->env = e;
    g->mem = env_mem(e);
    g->replicas = o->replicas;
    g->leaders = o->leaders;
    g->hooks = hooks;
    g->arg = arg;
    g->open_cb = cb;
    g->group = o->group;
    g->node = o->node;
    g->recovered = o->recovered;
    g->n_nodes = o->n_nodes;
    memcpy(g->nodes, o->nodes, o->n_nodes * sizeof *g->nodes);
    snprintf(g->name, sizeof g->name, "%s", o->name);
    int n = snprintf(g->path, sizeof g->path, "%s", o->path);
    int rv = n < 0 || (size_t)n >= sizeof g->path ? ERR_TOOBIG : 0;
    buf_init(&g->bootstrap, g->mem, 0);
    buf_put(&g->bootstrap, o->bootstrap.data, o->bootstrap.len);
    rv = rv != 0 ? rv : g->bootstrap.status;
    rv = rv != 0 ? rv : repair_init(g, o);
    if (rv == 0) {
        rv = serves_open(e, g->name, &g->serves);
    }
    if (rv == 0) {
        struct machine_options mo = {.type = o->type,
                                     .path = g->path,
                                     .name = g->name,
                                     .bootstrap = buf_slice(&g->bootstrap),
                                     .unclean = o->unclean,
                                     .keep_damaged = keep_damaged(g)};
        rv = machine_open(e, &mo, on_machine, g);
    }
    if (rv != 0) {
        serves_close(g->serves);
        repair_close(g);
        buf_close(&g->bootstrap);
        mem_free(g->mem, g);
        return rv;
    }
    *ret_g = g;
    return 0;
}

static void on_machine_closed(void *arg)
{
    struct state_group *g = arg;
    void (*cb)(void *) = g->close_cb;
    void *cb_arg = g->close_arg;
    buf_close(&g->bootstrap);
    mem_free(g->mem, g);
    if (cb != NULL) {
        cb(cb_arg);
    }
}

static void on_replica_closed(void *arg)
{
    struct state_group *g = arg;
    serves_close(g->serves);
    repair_close(g);
    if (g->machine != NULL) {
        machine_close(g->machine, on_machine_closed, g);
    } else {
        on_machine_closed(g);
    }
}

void state_group_close(struct state_group *g, void (*cb)(void *arg), void *arg)
{
    g->closing = true;
    g->close_cb = cb;
    g->close_arg = arg;
    if (g->open_cb != NULL && g->machine == NULL) {
        return; /* on_machine() goes on from here */
    }
    if (g->replica != NULL) {
        replica_close(g->replica, on_replica_closed, g);
    } else {
        on_replica_closed(g);
    }
}

/* ---- what it is asked --------------------------------------------------- */

struct replica *state_group_replica(const struct state_group *g)
{
    return g->replica;
}

bool state_group_fit(const struct state_group *g)
{
    return g->replica != NULL && repair_fit(g);
}

bool state_group_ready(const struct state_group *g)
{
    return state_group_fit(g) && replica_ready(g->replica);
}

int state_group_command(struct state_group *g, struct bytes command,
                        serve_done_cb cb, void *arg)
{
    return g->replica == NULL || !repair_fit(g)
               ? ERR_NOTLEADER
               : serve_command(g->serves, g->replica, command, cb, arg);
}

int state_group_barrier(struct state_group *g, serve_done_cb cb, void *arg)
{
    return g->replica == NULL || !repair_fit(g)
               ? ERR_NOTLEADER
               : serve_barrier(g->serves, g->replica, cb, arg);
}

int state_group_read(struct state_group *g, machine_read_cb read,
                     machine_read_done_cb done, void *arg)
{
    return g->replica == NULL || g->closing
               ? ERR_NOTREADY
               : machine_read(g->machine, read, done, arg);
}
