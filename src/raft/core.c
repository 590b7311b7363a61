/* core.c - one group's consensus: our events into the library's, its update
 * into our effects. What concerns messages is in core_message.c. */
#include "raft/core_impl.h"

static int core_error(const struct core *c, int rv)
{
    switch (rv) {
    case 0:
        return 0;
    case RAFT_NOMEM:
        return ERR_NOMEM;
    case RAFT_NOTLEADER:
        return core_role(c) == GROUP_LEADER ? ERR_NOTREADY : ERR_NOTLEADER;
    case RAFT_CANTCHANGE:
        return ERR_BUSY;
    case RAFT_BADID:
    case RAFT_NOTFOUND:
        return ERR_NOTFOUND;
    case RAFT_NOSPACE:
        return ERR_FULL;
    case RAFT_SHUTDOWN:
        return ERR_CORRUPT;
    default:
        return ERR_INTERNAL;
    }
}

/* ---- what comes out ---------------------------------------------------- */

struct entry core_entry_after(const struct core *c, struct log_point before,
                              enum entry_kind kind)
{
    return (struct entry){
        .index = before.index + 1,
        .term = raft_current_term(&c->r),
        .base_offset = before.offset,
        .next_offset = before.offset,
        .time_ms = c->wall_ms > before.time_ms ? c->wall_ms : before.time_ms,
        .chain = before.chain,
        .kind = kind,
    };
}

/* The content of entry `index` that the library says it will append. */
static struct entry entry_source(struct core *c, const struct raft_entry *e,
                                 uint64_t index)
{
    if (e->type == RAFT_BARRIER && e->batch != core_sentinel()) {
        raft_free(e->batch); /* the library's own no-op */
        return core_entry_after(c, tail_last(c->tail), ENTRY_BARRIER);
    }
    ASSERT(index >= c->source_first && index - c->source_first < c->source_n);
    return c->source[index - c->source_first];
}

static void truncate_from(struct core *c, uint64_t first)
{
    struct core_effects *fx = c->effects;
    ASSERT(first > c->commit); /* nothing committed is ever truncated */
    tail_truncate(c->tail, first);
    if (fx->truncated_from == 0 || first < fx->truncated_from) {
        fx->truncated_from = first;
    }
    if (c->config_index >= first) {
        core_config_refresh(c);
    }
}

static int collect_entries(struct core *c, const struct raft_update *u)
{
    struct core_effects *fx = c->effects;
    uint64_t first = u->entries.index;
    if (first <= tail_last_index(c->tail)) {
        truncate_from(c, first);
    }
    for (unsigned i = 0; i < u->entries.n; i++) {
        struct entry e = entry_source(c, &u->entries.batch[i], first + i);
        ASSERT(e.term == u->entries.batch[i].term);
        e.seq = 0;
        int rv = tail_push(c->tail, &e);
        if (rv != 0) {
            return rv;
        }
        if (e.kind == ENTRY_CHANGE) {
            rv = group_config_decode(bytes_slice(e.payload), &c->config);
            ASSERT(rv == 0); /* made here, or checked when decoded */
            c->config_index = e.index;
        }
    }
    if (fx->append_first == 0 || first < fx->append_first) {
        fx->append_first = first;
    }
    return 0;
}

/* The commit index as the outside knows it never goes back, though the
 * library's may (N7). Each committed CHANGE is fed back once, in order. */
static int collect_commit(struct core *c)
{
    uint64_t from = c->commit;
    uint64_t commit = raft_commit_index(&c->r);
    if (commit <= from) {
        if (!core_guards(c, CORE_GUARD_COMMIT)) {
            c->commit = commit;
        }
        return 0;
    }
    ASSERT(commit <= tail_last_index(c->tail));
    c->commit = commit;
    for (uint64_t i = from + 1; i <= commit; i++) {
        const struct entry *e = tail_find(c->tail, i);
        if (e == NULL || e->kind != ENTRY_CHANGE) {
            continue;
        }
        struct group_config config;
        struct raft_event ev = {.type = RAFT_CONFIGURATION};
        int rv = group_config_decode(bytes_slice(e->payload), &config);
        ASSERT(rv == 0);
        rv = core_config_make(&config, &ev.configuration.conf);
        if (rv != 0) {
            return rv;
        }
        ev.configuration.index = i;
        rv = core_feed(c, &ev);
        if (rv != 0) {
            return rv;
        }
    }
    return 0;
}

static int collect(struct core *c, struct raft_update *u)
{
    unsigned flags = u->flags;
    int rv = 0;
    if (flags & (RAFT_UPDATE_SNAPSHOT)) {
        raft_configuration_close(&u->snapshot.metadata.configuration);
    }
    if (flags & (RAFT_UPDATE_ENTRIES)) {
        rv = collect_entries(c, u);
    }
    if (flags & (RAFT_UPDATE_MESSAGES)) {
        for (unsigned i = 0; i < u->messages.n && rv == 0; i++) {
            rv = core_emit(c, &u->messages.batch[i]);
        }
    }
    if (rv == 0 && (flags & (RAFT_UPDATE_COMMIT_INDEX))) {
        rv = collect_commit(c);
    }
    return rv;
}

int core_feed(struct core *c, struct raft_event *ev)
{
    struct raft_update u = {.flags = 0};
    ev->time = c->clock_ms;
    ev->capacity = 0;
    int rv = raft_step(&c->r, ev, &u);
    return rv != 0 ? core_error(c, rv) : collect(c, &u);
}

/* ---- durability, base, snapshots --------------------------------------- */

static int step_persisted(struct core *c, uint64_t index)
{
    struct raft_event ev = {.type = RAFT_PERSISTED_ENTRIES};
    ASSERT(index <= tail_last_index(c->tail));
    if (index <= c->r.last_stored) {
        return 0;
    }
    ASSERT(core_role(c) != GROUP_CANDIDATE); /* has nothing undurable */
    ev.persisted_entries.index = index;
    return core_feed(c, &ev);
}

static void base_raised(struct core *c, const struct core_event *ev)
{
    c->base_config = *ev->snapshot.config;
    c->base_config_index = ev->snapshot.config_index;
    if (c->config_index <= c->tail->base.index) {
        c->config = c->base_config;
        c->config_index = c->base_config_index;
    }
}

static int step_compacted(struct core *c, const struct core_event *ev)
{
    struct log_point point = ev->snapshot.point;
    struct raft_event e = {.type = RAFT_SNAPSHOT};
    struct raft_snapshot_metadata *meta = &e.snapshot.metadata;
    if (point.index <= c->tail->base.index || point.index > c->commit ||
        point.index > c->r.last_stored ||
        tail_term(c->tail, point.index) != point.term) {
        return ERR_RANGE;
    }
    meta->index = point.index;
    meta->term = point.term;
    meta->configuration_index = ev->snapshot.config_index;
    int rv = core_config_make(ev->snapshot.config, &meta->configuration);
    if (rv == 0) {
        rv = core_feed(c, &e);
    }
    if (rv == 0) {
        tail_trim(c->tail, point.index);
        base_raised(c, ev);
    }
    return rv;
}

/* Feed the snapshot that was held, as coming from `leader`. */
static int feed_install(struct core *c, const struct core_event *ev,
                        uint64_t leader)
{
    struct log_point point = ev->snapshot.point;
    struct raft_message m = {.type = RAFT_INSTALL_SNAPSHOT,
                             .server_id = leader,
                             .server_address = c->address};
    struct raft_event e = {.type = RAFT_RECEIVE};
    int rv = core_config_make(ev->snapshot.config, &m.install_snapshot.conf);
    if (rv != 0) {
        return rv;
    }
    m.install_snapshot.term = raft_current_term(&c->r);
    m.install_snapshot.last_index = point.index;
    m.install_snapshot.last_term = point.term;
    m.install_snapshot.conf_index = ev->snapshot.config_index;
    m.install_snapshot.data.base = core_sentinel();
    e.receive.message = &m;
    rv = core_feed(c, &e);
    if (rv != 0) {
        return rv;
    }
    tail_reset(c->tail, point);
    e = (struct raft_event){.type = RAFT_PERSISTED_SNAPSHOT};
    e.persisted_snapshot.metadata.index = point.index;
    e.persisted_snapshot.metadata.term = point.term;
    e.persisted_snapshot.metadata.configuration_index =
        ev->snapshot.config_index;
    e.persisted_snapshot.last = true;
    rv = core_config_make(ev->snapshot.config,
                          &e.persisted_snapshot.metadata.configuration);
    return rv != 0 ? rv : core_feed(c, &e);
}

/* What was offered is durable: the library hears of the offer and of its end
 * in one breath (raft.md 7). If no leader is known, it must not learn one from
 * this, and nobody is answered. */
static int step_installed(struct core *c, const struct core_event *ev)
{
    struct log_point point = ev->snapshot.point;
    uint64_t leader = core_leader(c);
    if (core_role(c) == GROUP_LEADER) {
        return ERR_NOTREADY;
    }
    if (point.index <= c->commit ||
        tail_term(c->tail, point.index) == point.term ||
        raft_current_term(&c->r) < point.term) {
        return ERR_RANGE;
    }
    unsigned n_out = c->n_out;
    int rv = feed_install(c, ev, leader != 0 ? leader : c->self);
    if (rv != 0) {
        return rv;
    }
    base_raised(c, ev);
    core_config_refresh(c);
    if (leader == 0) {
        c->n_out = n_out;
        c->r.follower_state.current_leader.id = 0;
    }
    return 0;
}

/* ---- time -------------------------------------------------------------- */

static int step_timeout(struct core *c)
{
    struct raft_event ev = {.type = RAFT_TIMEOUT};
    if (c->repair) {
        return 0; /* no candidate; a follower does nothing else */
    }
    return core_feed(c, &ev);
}

/* The group's clock jumps to its next timeout (DESIGN section 6). */
static int step_jump(struct core *c)
{
    if (core_role(c) != GROUP_FOLLOWER || c->repair) {
        return 0;
    }
    uint64_t at = raft_timeout(&c->r);
    if (at > c->clock_ms) {
        c->skew += (int64_t)(at - c->clock_ms);
        c->clock_ms = at;
    }
    c->suspect = true;
    return step_timeout(c);
}

/* Nothing ran for a while: who was silent was perhaps not heard. */
static void step_paused(struct core *c)
{
    c->heard_ms = c->now_ms;
    c->suspect = false;
}

static uint64_t next_timeout(const struct core *c, enum core_event_kind kind)
{
    if (c->offline || c->repair) {
        return c->now_ms + c->o.election_ms;
    }
    int64_t at = (int64_t)raft_timeout(&c->r) - c->skew;
    if (at <= (int64_t)c->now_ms && kind == CORE_TIMEOUT &&
        core_guards(c, CORE_GUARD_TIMEOUT)) {
        return c->now_ms + c->o.heartbeat_ms / 2 + 1; /* N8 */
    }
    return at > 0 ? (uint64_t)at : 0;
}

/* ---- step -------------------------------------------------------------- */

/* The library makes a no-op only if its log is ahead of the commit index. */
int core_lead(struct core *c)
{
    uint64_t term = raft_current_term(&c->r);
    if (core_role(c) != GROUP_LEADER || c->lead_term == term) {
        return 0;
    }
    c->lead_term = term;
    c->n_members = 0;
    struct log_point last = tail_last(c->tail);
    c->lead_index = last.term == term ? last.index : last.index + 1;
    if (last.term == term || !core_guards(c, CORE_GUARD_BARRIER)) {
        return 0;
    }
    struct entry e = core_entry_after(c, last, ENTRY_BARRIER);
    return core_submit(c, &e, 1);
}

void core_step_begin(struct core *c, const struct core_event *ev,
                     struct core_effects *fx)
{
    if (ev->kind == CORE_PAUSED) {
        c->skew -= (int64_t)ev->pause_ms; /* that time does not count */
    }
    int64_t clock = (int64_t)ev->now_ms + c->skew;
    *fx = (struct core_effects){.commit = c->commit};
    c->effects = fx;
    c->n_out = 0;
    c->echo = 0;
    c->now_ms = ev->now_ms;
    c->wall_ms = ev->wall_ms;
    if (clock > (int64_t)c->clock_ms) {
        c->clock_ms = (uint64_t)clock;
    }
}

void core_step_end(struct core *c, enum core_event_kind kind)
{
    struct core_effects *fx = c->effects;
    fx->term = raft_current_term(&c->r);
    fx->vote = raft_voted_for(&c->r);
    fx->hard = fx->term != c->hard_term || fx->vote != c->hard_vote;
    c->hard_term = fx->term;
    c->hard_vote = fx->vote;
    if (fx->append_first != 0) {
        fx->append_n =
            (unsigned)(tail_last_index(c->tail) - fx->append_first + 1);
    }
    fx->commit = c->commit;
    fx->messages = c->out;
    fx->n_messages = c->n_out;
    fx->timeout_ms = next_timeout(c, kind);
    fx->tell = core_untold(c);
    c->effects = NULL;
}

static int step_dispatch(struct core *c, const struct core_event *ev)
{
    switch (ev->kind) {
    case CORE_RECEIVE:
        return core_receive(c, ev->message);
    case CORE_TIMEOUT:
        return step_timeout(c);
    case CORE_PROPOSE:
        return core_propose(c, ev->propose.proposals, ev->propose.n);
    case CORE_CHANGE:
        return core_change(c, ev->change);
    case CORE_PERSISTED:
        return step_persisted(c, ev->index);
    case CORE_COMPACTED:
        return step_compacted(c, ev);
    case CORE_INSTALLED:
        return step_installed(c, ev);
    case CORE_TRANSFER:
        return core_transfer(c, ev->member);
    case CORE_JUMP:
        return step_jump(c);
    case CORE_TELL:
        return core_tell(c);
    case CORE_SUSPECT:
        c->suspect = true;
        return 0;
    case CORE_PAUSED:
        step_paused(c);
        return 0;
    }
    return ERR_INTERNAL;
}

int core_step(struct core *c, const struct core_event *ev,
              struct core_effects *ret_effects)
{
    enum group_role role = core_role(c);
    uint64_t term = core_term(c), leader = core_leader(c);
    struct mem *before = core_heap_enter(c->mem);
    core_step_begin(c, ev, ret_effects);
    int rv = c->offline ? ERR_NOTLEADER : step_dispatch(c, ev);
    if (c->offline && ev->kind != CORE_PROPOSE && ev->kind != CORE_CHANGE &&
        ev->kind != CORE_TRANSFER) {
        rv = 0;
    }
    if (rv == 0) {
        rv = core_lead(c);
    }
    ret_effects->role_changed = role != core_role(c) || term != core_term(c) ||
                                leader != core_leader(c);
    core_step_end(c, ev->kind);
    core_heap_leave(before);
    return rv;
}
