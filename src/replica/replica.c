#include "replica/replica.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "record/batch.h"
#include "replica/impl.h"

/* ---- proposals
 * ------------------------------------------------------------------- */

struct append {
    struct group_propose propose;
    uint8_t trim[8];
};
_Static_assert(sizeof(struct append) <=
                   sizeof((struct replica_append *)0)->impl,
               "struct append fits in struct replica_append");

static struct append *append_of(struct replica_append *a)
{
    return (struct append *)(void *)a->impl;
}

static void on_proposed(struct group_propose *p, int status, uint64_t index)
{
    struct replica_append *a = p->data;
    a->index = index;
    a->cb(a, status);
}

static int propose(struct replica *r, struct replica_append *a,
                   struct group_propose p, replica_append_cb cb, void *data)
{
    struct append *x = append_of(a);
    if (r->state != REPLICA_RUNNING) {
        return ERR_NOTLEADER;
    }
    a->cb = cb;
    a->data = data;
    x->propose = p;
    x->propose.cb = on_proposed;
    x->propose.data = a;
    return group_propose(r->group, &x->propose);
}

int replica_append(struct replica *r, struct replica_append *a,
                   struct bytes batch, replica_append_cb cb, void *data)
{
    struct batch b;
    uint8_t *bytes;
    ASSERT(r->kind == REPLICA_LOG);
    if (batch_view(bytes_slice(batch), &b) != 0 || b.length != batch.len) {
        return ERR_INVALID;
    }
    if (r->state != REPLICA_RUNNING || group_role(r->group) != GROUP_LEADER) {
        return ERR_NOTLEADER;
    }
    bytes = batch.chunk->data + (batch.data - batch.chunk->data);
    a->base_offset = group_next_offset(r->group);
    batch_set_base_offset(bytes, a->base_offset);
    batch_set_leader_epoch(bytes, (int32_t)group_term(r->group));
    return propose(r, a,
                   (struct group_propose){
                       .kind = ENTRY_RECORDS,
                       .base_offset = a->base_offset,
                       .next_offset = a->base_offset + b.last_offset_delta + 1,
                       .payload = batch,
                       .chain_crc = b.crc},
                   cb, data);
}

int replica_propose(struct replica *r, struct replica_append *a,
                    struct bytes command, replica_append_cb cb, void *data)
{
    ASSERT(r->kind == REPLICA_STATE);
    return propose(
        r, a, (struct group_propose){.kind = ENTRY_COMMAND, .payload = command},
        cb, data);
}

int replica_trim(struct replica *r, struct replica_append *a, int64_t offset,
                 replica_append_cb cb, void *data)
{
    struct append *x = append_of(a);
    ASSERT(r->kind == REPLICA_LOG);
    if (offset > r->high_watermark || offset < 0) {
        return ERR_RANGE;
    }
    le64_store(x->trim, (uint64_t)offset);
    struct chunk *c = chunk_acquire(r->all->o.pool, CHUNK_STATE, 8);
    if (c == NULL) {
        return ERR_NOMEM;
    }
    memcpy(c->data, x->trim, 8);
    struct bytes payload = {c, c->data, 8};
    int rv = propose(
        r, a, (struct group_propose){.kind = ENTRY_TRIM, .payload = payload},
        cb, data);
    bytes_release(&payload);
    return rv;
}

/* ---- barriers
 * ---------------------------------------------------------------------- */

struct barrier {
    struct group_barrier barrier;
};
_Static_assert(sizeof(struct barrier) <=
                   sizeof((struct replica_barrier *)0)->impl,
               "struct barrier fits in struct replica_barrier");

static void on_barrier(struct group_barrier *g, int status, uint64_t index)
{
    struct replica_barrier *b = g->data;
    b->index = index;
    b->cb(b, status);
}

int replica_read_barrier(struct replica *r, struct replica_barrier *b,
                         uint32_t timeout_ms, replica_barrier_cb cb, void *data)
{
    struct barrier *x = (struct barrier *)(void *)b->impl;
    if (r->state != REPLICA_RUNNING) {
        return ERR_NOTLEADER;
    }
    b->cb = cb;
    b->data = data;
    return group_read_barrier(r->group, &x->barrier, timeout_ms, on_barrier, b);
}

/* ---- status
 * -------------------------------------------------------------------------- */

uint64_t replica_group(const struct replica *r)
{
    return r->id;
}
const char *replica_name(const struct replica *r)
{
    return r->name;
}

bool replica_is_leader(const struct replica *r)
{
    return r->state == REPLICA_RUNNING && group_role(r->group) == GROUP_LEADER;
}

bool replica_ready(const struct replica *r)
{
    return r->state == REPLICA_RUNNING && group_ready(r->group);
}

int32_t replica_epoch(const struct replica *r)
{
    return (int32_t)(r->group != NULL ? group_term(r->group) : r->term);
}

int32_t replica_leader(const struct replica *r)
{
    uint64_t id = r->group != NULL ? group_leader(r->group) : 0;
    return id == 0 ? -1 : membership_node(id);
}

static void status_members(const struct replica *r,
                           struct replica_status *ret_s)
{
    struct group_progress progress[GROUP_MEMBERS_MAX];
    const struct group_config *c = group_config(r->group);
    unsigned n = group_progress(r->group, progress);
    for (unsigned i = 0; i < c->n; i++) {
        struct replica_member *m = &ret_s->members[ret_s->n_members++];
        *m =
            (struct replica_member){.node = membership_node(c->members[i].id),
                                    .membership = c->members[i].id,
                                    .voter = c->members[i].role == GROUP_VOTER};
        for (unsigned k = 0; k < n; k++) {
            if (progress[k].id == m->membership) {
                m->recent = progress[k].recent;
                m->match = progress[k].match;
            }
        }
        if (m->node == r->all->o.node) {
            m->recent = true;
            m->match = group_stored(r->group);
        }
    }
}

void replica_status(const struct replica *r, struct replica_status *ret_s)
{
    *ret_s = (struct replica_status){.group = r->id,
                                     .term = r->term,
                                     .base = r->base.index,
                                     .applied = r->applied,
                                     .log_start = r->log_start,
                                     .high_watermark = r->high_watermark,
                                     .log_end = replica_log_end(r),
                                     .leader = replica_leader(r)};
    if (r->group == NULL) {
        return;
    }
    ret_s->term = group_term(r->group);
    ret_s->commit = group_commit(r->group);
    ret_s->stored = group_stored(r->group);
    ret_s->last = tail_last_index(group_tail(r->group));
    ret_s->base = group_tail(r->group)->base.index;
    ret_s->is_leader = replica_is_leader(r);
    ret_s->ready = replica_ready(r);
    ret_s->transferring = transfer_active(r);
    status_members(r, ret_s);
}

int replica_transfer_leader(struct replica *r, int32_t node,
                            uint32_t timeout_ms,
                            void (*cb)(void *arg, int status), void *arg)
{
    const struct group_config *c;
    if (r == NULL || r->state != REPLICA_RUNNING) {
        return ERR_NOTLEADER;
    }
    if (node < 0) {
        return group_transfer(r->group, 0, timeout_ms, cb, arg);
    }
    c = group_config(r->group);
    for (unsigned i = 0; i < c->n; i++) {
        if (membership_node(c->members[i].id) == node) {
            return group_transfer(r->group, c->members[i].id, timeout_ms, cb,
                                  arg);
        }
    }
    return ERR_NOTFOUND;
}

void replica_applied(struct replica *r, uint64_t index)
{
    (void)r;
    (void)index; /* the base follows checkpoints: replica_checkpointed() */
}

void replica_configure(struct replica *r, const struct topic_config *config)
{
    r->config = *config;
    if (r->store != NULL) {
        store_configure(
            r->store, (uint64_t)config_topic_long(config, TOPIC_SEGMENT_BYTES),
            config_topic_long(config, TOPIC_SEGMENT_MS));
    }
}

/* ---- the group's hooks
 * ------------------------------------------------------------------ */

static void hook_committed(void *arg, struct group *g, uint64_t commit)
{
    (void)g;
    (void)commit;
    apply_request(arg);
}

static void hook_role(void *arg, struct group *g)
{
    struct replica *r = arg;
    (void)g;
    if (r->state == REPLICA_RUNNING) {
        r->hooks->role(r->arg);
    }
}

static void hook_truncated(void *arg, struct group *g, uint64_t from)
{
    struct replica *r = arg;
    const struct tail *t = group_tail(g);
    uint64_t at = from - 1 < t->base.index ? t->base.index : from - 1;
    if (r->state == REPLICA_RUNNING) {
        r->hooks->truncated(r->arg, tail_point(t, at).offset);
    }
}

static void hook_offered(void *arg, struct group *g, uint64_t from,
                         struct slice manifest)
{
    (void)g;
    transfer_offered(arg, from, manifest);
}

static void hook_need(void *arg, struct group *g, uint64_t index)
{
    (void)g;
    (void)index;
    compact_start(arg, true);
}

static const struct group_hooks group_hooks = {.committed = hook_committed,
                                               .role = hook_role,
                                               .truncated = hook_truncated,
                                               .offered = hook_offered,
                                               .need = hook_need};

/* ---- opening
 * ---------------------------------------------------------------------------------
 */

static void open_done(struct replica *r, int status)
{
    replica_open_cb cb = r->open_cb;
    void *arg = r->open_arg;
    r->open_cb = NULL;
    if (cb != NULL) {
        cb(arg, status, r, &r->open_err);
    }
}

/* Segments are open: take part. */
static void start_group(struct replica *r)
{
    struct group_start gs = {.id = r->id,
                             .self = membership_id(r->all->o.node, 1),
                             .base = r->base,
                             .config_index = r->folded_config_index,
                             .config = buf_slice(&r->folded_config),
                             .term = r->term,
                             .vote = r->vote,
                             .tail = &r->tail,
                             .manifest = buf_slice(&r->manifest)};
    r->state = REPLICA_RUNNING;
    int rv = group_open(r->all->consensus, &gs, &group_hooks, r, &r->group);
    if (rv != 0) {
        err_set(&r->open_err, rv, "%s: %s", r->name, err_text(rv));
    }
    if (rv == 0 && r->store != NULL) {
        store_trim(r->store, r->log_start);
    }
    open_done(r, rv);
    if (rv == 0) {
        apply_request(r);
    }
}

static void open_run(struct env_job *j)
{
    struct replica *r = j->data;
    struct store_options so = {
        .dir = r->dir,
        .name = r->name,
        .segment_bytes =
            (uint64_t)config_topic_long(&r->config, TOPIC_SEGMENT_BYTES),
        .segment_ms = config_topic_long(&r->config, TOPIC_SEGMENT_MS),
        .pool = r->all->o.pool};
    struct manifest m;
    struct arena arena;
    arena_init(&arena, r->mem, 0);
    if (r->manifest.len > 0) {
        r->open_status = manifest_decode(buf_slice(&r->manifest), &arena, &m);
    }
    if (r->open_status == 0) {
        r->open_status =
            store_open(r->env, &so, r->manifest.len > 0 ? &m : NULL, &r->store,
                       &r->open_err);
    }
    arena_close(&arena);
}

static void open_ran(struct env_job *j)
{
    struct replica *r = j->data;
    if (r->state == REPLICA_CLOSING) {
        replica_close_go(r);
        return;
    }
    if (r->open_status != 0) {
        err_wrap(&r->open_err, "%s", r->name);
        open_done(r, r->open_status);
        return;
    }
    start_group(r);
}

static void open_store(void *arg)
{
    struct replica *r = arg;
    if (r->state == REPLICA_CLOSING) {
        replica_close_go(r);
        return;
    }
    if (r->kind == REPLICA_STATE) {
        start_group(r);
        return;
    }
    env_job_submit(r->env, ENV_THREAD_WORK, &r->open_job, open_run, open_ran,
                   r);
}

/* What recovery says: the newest manifest, or the bootstrap. */
static int take_recovered(struct replica *r, struct recovered_group *g)
{
    struct manifest m = {.base = g->open.base,
                         .config_index = g->open.base.index,
                         .config = g->open.config};
    struct arena arena;
    int rv = 0;
    if (g->damaged) {
        return err_set(&r->open_err, ERR_CORRUPT,
                       "%s: the journal lost records of it; nothing was cut",
                       r->name);
    }
    arena_init(&arena, r->mem, 0);
    if (g->manifest.len > 0) {
        rv = manifest_decode(g->manifest, &arena, &m);
        buf_put(&r->manifest, g->manifest.data, g->manifest.len);
        rv = rv != 0 ? rv : r->manifest.status;
    }
    if (rv == 0) {
        rv = epochs_set(&r->epochs, m.epochs, m.n_epochs);
    }
    if (rv == 0 && r->kind == REPLICA_LOG && r->hooks->restore != NULL) {
        rv = r->hooks->restore(r->arg, m.state);
    }
    if (rv == 0) {
        ASSERT(g->tail.base.index == m.base.index);
        compact_reset(r, &m);
        r->base = m.base;
        r->log_start = m.log_start;
        r->term = g->term;
        r->vote = g->vote;
        r->tail = g->tail;
        g->tail = (struct tail){.mem = g->tail.mem};
    } else {
        err_set(&r->open_err, rv, "%s: manifest: %s", r->name, err_text(rv));
    }
    arena_close(&arena);
    return rv;
}

/* A group that is new here: OPEN first. */
static int begin_new(struct replica *r, const struct replica_open *o,
                     uint64_t *ret_seq)
{
    struct group_config c = {.n = o->n_nodes};
    struct buf config;
    /* The bootstrap stands at index 2, term 1 (raft.md N5). */
    struct manifest m = {.base = {.index = 2, .term = 1}, .config_index = 2};
    struct journal_open_info info = {.group = o->group,
                                     .topic = o->topic,
                                     .partition = o->partition,
                                     .membership_id =
                                         membership_id(r->all->o.node, 1),
                                     .base = m.base};
    if (o->n_nodes == 0 || o->n_nodes > GROUP_MEMBERS_MAX) {
        return ERR_INVALID;
    }
    for (unsigned i = 0; i < o->n_nodes; i++) {
        c.members[i] = (struct group_member){
            .id = membership_id(o->nodes[i], o->incarnations[i]),
            .role = GROUP_VOTER};
    }
    buf_init(&config, r->mem, 0);
    group_config_encode(&c, &config);
    int rv = config.status;
    if (rv == 0) {
        m.config = info.config = buf_slice(&config);
        compact_reset(r, &m);
        r->base = m.base;
        tail_init(&r->tail, r->mem, m.base);
        rv = journal_group_open(r->all->journal, &info, ret_seq);
    }
    buf_close(&config);
    return rv;
}

static void replica_free(struct replica *r)
{
    epochs_close(&r->epochs);
    compact_close(r);
    mem_free(r->mem, r);
}

int replica_open(struct replicas *rs, const struct replica_open *o,
                 const struct replica_hooks *hooks, void *arg,
                 replica_open_cb cb, void *cb_arg, struct replica **ret_r)
{
    uint64_t id = o->recovered != NULL ? o->recovered->open.group : o->group;
    uint64_t seq = 0;
    if (map_find_u64(rs->map, id) != NULL) {
        return ERR_EXISTS;
    }
    struct replica *r = mem_calloc(rs->mem, 1, sizeof *r);
    if (r == NULL) {
        return ERR_NOMEM;
    }
    r->all = rs;
    r->env = rs->env;
    r->mem = rs->mem;
    r->kind = o->kind;
    r->id = id;
    r->topic = o->topic;
    r->partition = o->partition;
    r->hooks = hooks;
    r->arg = arg;
    r->open_cb = cb;
    r->open_arg = cb_arg;
    if (o->config != NULL) {
        r->config = *o->config;
    }
    snprintf(r->name, sizeof r->name, "%s", o->name);
    if (snprintf(r->dir, sizeof r->dir, "%s/p/%016" PRIx64, rs->dir, id) >=
        (int)sizeof r->dir) {
        mem_free(rs->mem, r);
        return ERR_TOOBIG;
    }
    queue_init(&r->reads);
    epochs_init(&r->epochs, r->mem);
    compact_init(r);
    apply_init(r);
    int rv = o->recovered != NULL ? take_recovered(r, o->recovered)
                                  : begin_new(r, o, &seq);
    if (rv == ERR_CORRUPT || rv == ERR_VERSION) {
        env_die(r->env,
                "%s: put the data back, or empty the directory and "
                "replace the node",
                r->open_err.text);
    }
    if (rv == 0) {
        rv = map_put_u64(rs->map, id, r);
    }
    if (rv != 0) {
        replica_free(r);
        return rv;
    }
    r->applied = r->base.index;
    r->high_watermark = r->base.offset;
    r->trimmed = r->log_start;
    *ret_r = r;
    replicas_wait(rs, &r->open_wait, seq, open_store, r);
    return 0;
}

/* ---- closing
 * ------------------------------------------------------------------------------------
 */

static void closed(struct replica *r)
{
    void (*cb)(void *) = r->close_cb;
    void *arg = r->close_arg;
    replicas_forget(r->all, r);
    tail_close(&r->tail);
    replica_free(r);
    if (cb != NULL) {
        cb(arg);
    }
}

static void drop_run(struct env_job *j)
{
    struct replica *r = j->data;
    int rv = r->kind == REPLICA_LOG ? store_remove(r->env, r->dir) : 0;
    if (rv != 0 && rv != ERR_NOTFOUND) {
        trace_warn(env_trace(r->env), "replica.remove",
                   "name=%s dir=%s error=\"%s\" do=\"remove it by hand\"",
                   r->name, r->dir, err_text(rv));
    }
}

static void drop_ran(struct env_job *j)
{
    closed(j->data);
}

static void on_dropped(void *arg)
{
    struct replica *r = arg;
    env_job_submit(r->env, ENV_THREAD_WORK, &r->drop_job, drop_run, drop_ran,
                   r);
}

static void on_store_closed(void *arg)
{
    struct replica *r = arg;
    uint64_t seq;
    if (!r->drop) {
        closed(r);
        return;
    }
    int rv = journal_group_drop(r->all->journal, r->id, &seq);
    if (rv != 0) {
        env_die(r->env, "%s: drop: %s", r->name, err_text(rv));
    }
    replicas_wait(r->all, &r->drop_wait, seq, on_dropped, r);
}

void replica_close_go(struct replica *r)
{
    if (r->group != NULL) {
        group_close(r->group);
        r->group = NULL;
    }
    if (r->store != NULL) {
        store_close(r->store, on_store_closed, r);
        r->store = NULL;
    } else {
        on_store_closed(r);
    }
}

void replica_close(struct replica *r, void (*cb)(void *arg), void *arg)
{
    bool opening = r->state == REPLICA_OPENING;
    ASSERT(r->state != REPLICA_CLOSING);
    r->state = REPLICA_CLOSING;
    r->close_cb = cb;
    r->close_arg = arg;
    env_turn_cancel(r->env, &r->apply_turn);
    if (opening) {
        /* The step of opening under way ends in replica_close_go(). */
        open_done(r, ERR_CANCELED);
        return;
    }
    transfer_close(r);
    sources_forget(r->all->sources, r->id);
    replica_close_go(r);
}

void replica_delete(struct replica *r, void (*cb)(void *arg), void *arg)
{
    r->drop = true;
    replica_close(r, cb, arg);
}
