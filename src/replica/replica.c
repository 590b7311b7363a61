/* replica.c - opening, taking part, closing. */
#include "replica/replica.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/assert.h"
#include "replica/impl.h"

/* A new group: @meta reaches all nodes within a heartbeat. After a restart: the
 * others may still be reading their journals. */
#define STAND_NEW_MS   50
#define STAND_AGAIN_MS 150

/* ---- the group's hooks ------------------------------------------------ */

static void hook_committed(void *arg, struct group *g, uint64_t commit)
{
    (void)g;
    (void)commit;
    apply_request(arg);
}

/* One line for each term that this node leads. */
static void tell_leader(struct replica *r, const struct group *g)
{
    if (group_role(g) != GROUP_LEADER || r->told_term == group_term(g)) {
        return;
    }
    r->told_term = group_term(g);
    trace_info(env_trace(r->env), "replica.leader",
               "partition=%s term=%" PRIu64 " end=%" PRId64 " group=%" PRIu64,
               r->name, r->told_term, group_next_offset(g), r->id);
}

static void hook_role(void *arg, struct group *g)
{
    struct replica *r = arg;
    tell_leader(r, g);
    if (r->state == REPLICA_RUNNING) {
        /* A leader that is ready is asked at once, before its turn to apply. */
        (void)apply_mark(r);
        transfer_settle(r);
        lead_look(r);
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

/* ---- opening ---------------------------------------------------------- */

static void open_done(struct replica *r, int status)
{
    replica_open_cb cb = r->open_cb;
    void *arg = r->open_arg;
    r->open_cb = NULL;
    if (cb != NULL) {
        cb(arg, status, r, &r->open_err);
    }
}

/* The first replica of a group need not wait for an election timeout: it
 * stands as soon as the others can have opened theirs. */
static uint32_t stand_ms(const struct replica *r)
{
    struct group_config c;
    if (group_config_decode(buf_slice(&r->folded_config), &c) != 0 ||
        c.n == 0 || membership_node(c.members[0].id) != r->all->o.node) {
        return 0;
    }
    return r->fresh ? STAND_NEW_MS : STAND_AGAIN_MS;
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
    gs.stand_ms = stand_ms(r);
    gs.tell = r->kind == REPLICA_STATE; /* its followers are read */
    gs.may_quiet = r->kind == REPLICA_LOG;
    gs.sparse = r->kind == REPLICA_STATE;
    r->state = REPLICA_RUNNING;
    int rv = group_open(r->all->consensus, &gs, &group_hooks, r, &r->group);
    if (rv == ERR_FULL) {
        env_fail(r->env, ERR_INVALID,
                 "%s: the journal is full: raise journal.bytes.max", r->name);
    }
    if (rv != 0) {
        err_set(&r->open_err, rv, "%s: %s", r->name, err_text(rv));
    }
    if (rv == 0 && r->store != NULL) {
        store_trim(r->store, r->log_start);
    }
    if (rv == 0) {
        lead_look(r); /* alone it may lead by now */
    }
    open_done(r, rv);
    if (rv == 0) {
        apply_request(r);
    }
}

/* Another thread, while replica_configure() may be called: what the job needs
 * and what it made are fields of their own. */
static void open_run(struct env_job *j)
{
    struct replica *r = j->data;
    struct store_options so = {.dir = r->dir,
                               .name = r->name,
                               .segment_bytes = r->open_segment_bytes,
                               .segment_ms = r->open_segment_ms,
                               .pool = r->all->o.pool};
    struct manifest m;
    struct arena arena;
    arena_init(&arena, r->mem, 0);
    if (r->manifest.len > 0) {
        r->open_status = manifest_decode(buf_slice(&r->manifest), &arena, &m);
    }
    if (r->open_status == 0) {
        r->open_status =
            store_open(r->env, &so, r->manifest.len > 0 ? &m : NULL, &r->opened,
                       &r->open_err);
    }
    arena_close(&arena);
}

static void open_ran(struct env_job *j)
{
    struct replica *r = j->data;
    r->store = r->opened;
    if (r->state == REPLICA_CLOSING) {
        replica_close_go(r);
        return;
    }
    if (r->open_status != 0) {
        err_wrap(&r->open_err, "%s", r->name);
        open_done(r, r->open_status);
        return;
    }
    store_configure(
        r->store, (uint64_t)config_topic_long(&r->config, TOPIC_SEGMENT_BYTES),
        config_topic_long(&r->config, TOPIC_SEGMENT_MS)); /* as it is by now */
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
    r->open_segment_bytes =
        (uint64_t)config_topic_long(&r->config, TOPIC_SEGMENT_BYTES);
    r->open_segment_ms = config_topic_long(&r->config, TOPIC_SEGMENT_MS);
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
                       "%s: the journal lost records of it", r->name);
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
        r->fresh = true;
        rv = journal_group_open(r->all->journal, &info, ret_seq);
    }
    buf_close(&config);
    return rv;
}

static void replica_free(struct replica *r)
{
    epochs_close(&r->epochs);
    epochs_close(&r->ahead);
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
    epochs_init(&r->ahead, r->mem);
    compact_init(r);
    apply_init(r);
    int rv = o->recovered != NULL ? take_recovered(r, o->recovered)
                                  : begin_new(r, o, &seq);
    if (rv == ERR_CORRUPT || rv == ERR_VERSION) {
        env_fail(r->env, rv, "%s", r->open_err.text);
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

/* ---- closing ---------------------------------------------------------- */

static void closed(struct replica *r)
{
    struct replicas *rs = r->all;
    void (*cb)(void *) = r->close_cb;
    void *arg = r->close_arg;
    bool awaited = r->awaited;
    replicas_forget(rs, r);
    tail_close(&r->tail);
    replica_free(r);
    if (cb != NULL) {
        cb(arg);
    }
    if (awaited) {
        replicas_rest(rs);
    }
}

static void drop_run(struct env_job *j)
{
    struct replica *r = j->data;
    r->drop_status = r->kind == REPLICA_LOG ? drop_files(r->env, r->dir) : 0;
}

static void drop_ran(struct env_job *j)
{
    struct replica *r = j->data;
    drop_tried(r->all, r->drop_status);
    closed(r);
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
    r->close_held = transfer_writing(r);
    if (r->close_held) {
        return; /* replica_close_resume() comes back */
    }
    if (!r->drop) {
        closed(r);
        return;
    }
    int rv = journal_group_drop(r->all->journal, r->id, &seq);
    if (rv != 0) {
        env_fail(r->env, rv, "%s: drop: %s", r->name, err_text(rv));
    }
    replicas_wait(r->all, &r->drop_wait, seq, on_dropped, r);
}

void replica_close_resume(struct replica *r)
{
    if (r->close_held) {
        on_store_closed(r);
    }
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
