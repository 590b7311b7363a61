/* core_open.c - starting a group's core from what recovery found. */
#include "raft/core_impl.h"

/* ---- start and end ----------------------------------------------------- */

/* Entries above the base, for START; freed by the caller. */
static int start_entries(struct core *c, struct raft_event *ev)
{
    struct tail *t = c->tail;
    ev->start.start_index = t->base.index + 1;
    if (t->n == 0) {
        return 0;
    }
    struct entry *copy = mem_calloc(c->mem, t->n, sizeof *copy);
    if (copy == NULL) {
        return ERR_NOMEM;
    }
    for (unsigned i = 0; i < t->n; i++) {
        copy[i] = *tail_find(t, t->base.index + 1 + i);
    }
    int rv = core_entries_make(c, copy, t->n, &ev->start.entries);
    ev->start.n_entries = rv == 0 ? t->n : 0;
    mem_free(c->mem, copy);
    return rv;
}

/* Without memory the library leaves configurations behind that it has freed
 * (configurationCopy() and -Decode() do not clear what they gave up), and
 * would free them again. Rather lose a few bytes. */
static void start_failed(struct core *c)
{
    static const struct raft_configuration none;
    if (c->r.commit_index == 0) { /* in the snapshot's configuration */
        c->r.configuration_committed = none;
    } else if (c->config_index > c->tail->base.index) {
        c->r.configuration = c->r.configuration_committed = none;
    }
}

static int start(struct core *c, const struct group_start *s)
{
    struct raft_snapshot_metadata meta = {.index = 0};
    struct raft_event ev = {.type = RAFT_START};
    uint64_t term = tail_last(c->tail).term;
    int rv;
    ev.start.term = s->term > term ? s->term : term;
    ev.start.voted_for = s->term >= term ? s->vote : 0;
    c->hard_term = ev.start.term;
    c->hard_vote = ev.start.voted_for;
    if (c->tail->base.index > 0) {
        meta.index = c->tail->base.index;
        meta.term = c->tail->base.term;
        meta.configuration_index = c->base_config_index;
        rv = core_config_make(&c->base_config, &meta.configuration);
        if (rv != 0) {
            return rv;
        }
        ev.start.metadata = &meta;
    }
    rv = start_entries(c, &ev);
    if (rv != 0) {
        raft_configuration_close(&meta.configuration);
        return rv;
    }
    core_heap_keep(ev.start.entries); /* the library frees it on some errors */
    rv = core_feed(c, &ev);
    core_heap_keep(NULL);
    if (rv != 0) {
        start_failed(c);
    }
    if (ev.start.entries != NULL) {
        core_entries_free(c, ev.start.entries, ev.start.n_entries);
    }
    return rv;
}

static void configure(struct core *c, uint64_t seed)
{
    c->r.tracer = NULL;
    raft_seed(&c->r, (unsigned)(seed ^ seed >> 32));
    raft_set_election_timeout(&c->r, c->o.election_ms);
    raft_set_heartbeat_timeout(&c->r, c->o.heartbeat_ms);
    raft_set_pre_vote(&c->r, !c->o.unsafe_no_pre_vote);
    /* A lost offer is repeated; who holds one already ignores it. */
    raft_set_install_snapshot_timeout(&c->r, c->o.election_ms * 10);
    raft_set_max_inflight_entries(&c->r, c->o.inflight_max);
}

static bool sole_voter(const struct core *c)
{
    for (unsigned i = 0; i < c->config.n; i++) {
        const struct group_member *m = &c->config.members[i];
        if (m->role == GROUP_VOTER && m->id != c->self) {
            return false;
        }
    }
    return true;
}

static int open_checked(struct core *c, const struct group_start *s)
{
    struct tail *t = c->tail;
    bool empty = t->base.index == 0;
    if (s->id == 0 || s->self == 0 || (empty && t->n > 0) ||
        (t->base.index == 1 && core_guards(c, CORE_GUARD_BOOTSTRAP)) ||
        (t->base.term == 0) != empty || s->config_index > t->base.index) {
        return ERR_CORRUPT;
    }
    if (empty) {
        return 0;
    }
    return group_config_decode(s->config, &c->base_config);
}

int core_open(struct mem *mem, const struct group_start *s, struct tail *tail,
              const struct core_options *options, uint64_t seed,
              const struct core_event *now, struct core **ret_c,
              struct core_effects *ret_effects)
{
    struct core *c = mem_calloc(mem, 1, sizeof *c);
    if (c == NULL) {
        return ERR_NOMEM;
    }
    *c = (struct core){.mem = mem,
                       .tail = tail,
                       .o = *options,
                       .group = s->id,
                       .self = s->self,
                       .base_config_index = s->config_index,
                       .commit = tail->base.index,
                       .repair = s->repair};
    int rv = open_checked(c, s);
    if (rv != 0) {
        mem_free(mem, c);
        return rv;
    }
    core_config_refresh(c);
    core_address(s->self, c->address);
    c->offline = c->repair && sole_voter(c);
    struct mem *before = core_heap_enter(mem);
    rv = raft_init(&c->r, NULL, NULL, s->self, c->address);
    if (rv != 0) {
        core_heap_leave(before);
        mem_free(mem, c);
        return ERR_NOMEM;
    }
    configure(c, seed);
    core_step_begin(c, now, ret_effects);
    c->heard_ms = now->now_ms;
    rv = c->offline ? 0 : start(c, s);
    rv = rv == 0 ? core_lead(c) : rv;
    ret_effects->role_changed = true;
    core_step_end(c, CORE_TIMEOUT);
    core_heap_leave(before);
    if (rv != 0) {
        core_close(c);
        return rv;
    }
    *ret_c = c;
    return 0;
}

void core_close(struct core *c)
{
    if (c == NULL) {
        return;
    }
    struct mem *before = core_heap_enter(c->mem);
    raft_close(&c->r, NULL);
    core_heap_leave(before);
    mem_free(c->mem, c->out);
    mem_free(c->mem, c);
}
