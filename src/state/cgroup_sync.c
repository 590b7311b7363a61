/* cgroup_sync.c - assignments, and who leaves a group. */
#include "base/err.h"
#include "base/map.h"
#include "state/cgroup_impl.h"
#include "wire/errors.h"

/* ---- sync ----------------------------------------------------------------
 */

/* Who is not named gets nothing; who is named twice, the first. Members and
 * names may be ten thousand each: both are read once. */
static void assign(struct cgroup_step *s, struct cgroup *g,
                   const struct cgroup_sync *c)
{
    struct map *named = map_new(s->arena.mem);
    s->nomem |= named == NULL;
    for (unsigned i = 0; i < c->n_assignments && !s->nomem; i++) {
        const struct cgroup_assignment *a = &c->assignments[i];
        s->nomem |=
            map_put(named, a->member, (void *)(uintptr_t)a) == ERR_NOMEM;
    }
    for (unsigned i = 0; i < g->n && !s->nomem; i++) {
        struct cgroup_member *m = &g->members[i];
        if (!m->pending) {
            const struct cgroup_assignment *a = map_find(named, m->id);
            m->assignment = a != NULL ? a->assignment : slice_of(NULL, 0);
            m->dirty = true;
        }
    }
    map_free(named);
    g->state = CGROUP_STABLE;
    g->since_ms = s->now_ms;
    g->dirty = true;
}

static bool check_sync(struct cgroup_step *s, const struct cgroup *g,
                       const struct cgroup_sync *c)
{
    if (!cgroup_check_member(s, g, c->member, c->instance)) {
        return false;
    }
    if (c->generation != g->generation) {
        return cgroup_fail(s, KERR_ILLEGAL_GENERATION);
    }
    if (c->named &&
        ((c->protocol_type.len > 0 &&
          !slice_equal(c->protocol_type, g->protocol_type)) ||
         (c->protocol.len > 0 && !slice_equal(c->protocol, g->protocol)))) {
        return cgroup_fail(s, KERR_INCONSISTENT_GROUP_PROTOCOL);
    }
    return true;
}

void cgroup_step_sync(struct cgroup_step *s, const struct cgroup_sync *c)
{
    struct cgroup g;
    if (c->group.len == 0) {
        cgroup_fail(s, KERR_INVALID_GROUP_ID);
        return;
    }
    if (!cgroup_load(s, c->group, &g)) {
        cgroup_fail(s, KERR_UNKNOWN_MEMBER_ID);
        return;
    }
    if (!cgroup_alive(s, &g)) {
        return;
    }
    cgroup_load_members(s, &g);
    if (!check_sync(s, &g, c)) {
        return;
    }
    s->result.generation = g.generation;
    s->result.member = c->member;
    switch (g.state) {
    case CGROUP_EMPTY:
    case CGROUP_DEAD:
        cgroup_fail(s, KERR_UNKNOWN_MEMBER_ID);
        break;
    case CGROUP_PREPARING:
        cgroup_fail(s, KERR_REBALANCE_IN_PROGRESS);
        break;
    case CGROUP_COMPLETING:
        s->result.parked = true;
        if (slice_equal(g.leader, c->member)) {
            assign(s, &g, c);
            cgroup_store(s, &g);
        }
        break;
    case CGROUP_STABLE:
        break;
    }
}

/* ---- leave ---------------------------------------------------------------
 */

/* Members by id and by instance, for those who look for many of them. */
struct index {
    const struct cgroup *group;
    struct map *ids, *instances; /* NULL: few are looked for */
};

static void index_put(struct cgroup_step *s, struct map *map, struct slice key,
                      struct cgroup_member *m)
{
    s->nomem |= map_put(map, key, m) == ERR_NOMEM;
}

/* For `n` of them. */
static void index_open(struct cgroup_step *s, const struct cgroup *g,
                       unsigned n, struct index *ret_x)
{
    *ret_x = (struct index){.group = g};
    if (n < 2) {
        return;
    }
    ret_x->ids = map_new(s->arena.mem);
    ret_x->instances = map_new(s->arena.mem);
    s->nomem |= ret_x->ids == NULL || ret_x->instances == NULL;
    for (unsigned i = 0; i < g->n && !s->nomem; i++) {
        struct cgroup_member *m = &g->members[i];
        index_put(s, ret_x->ids, m->id, m);
        if (m->instance.len > 0) {
            index_put(s, ret_x->instances, m->instance, m);
        }
    }
}

static void index_close(struct index *x)
{
    map_free(x->ids);
    map_free(x->instances);
}

static struct cgroup_member *unless_gone(struct cgroup_member *m)
{
    return m == NULL || m->gone ? NULL : m;
}

static struct cgroup_member *index_find(const struct index *x, struct slice id)
{
    return x->ids == NULL ? cgroup_find(x->group, id)
                          : unless_gone(map_find(x->ids, id));
}

static struct cgroup_member *index_find_instance(const struct index *x,
                                                 struct slice instance)
{
    return x->instances == NULL ? cgroup_find_instance(x->group, instance)
                                : unless_gone(map_find(x->instances, instance));
}

static int leave_one(const struct index *x, const struct cgroup_leaver *l,
                     unsigned *live)
{
    struct cgroup_member *m;
    if (l->instance.len > 0) {
        m = index_find_instance(x, l->instance);
        /* An admin removes by instance alone. */
        if (m != NULL && l->member.len > 0 && !slice_equal(m->id, l->member)) {
            return KERR_FENCED_INSTANCE_ID;
        }
    } else {
        m = index_find(x, l->member);
    }
    if (m == NULL) {
        return KERR_UNKNOWN_MEMBER_ID;
    }
    *live += !m->pending;
    m->gone = true;
    return 0;
}

void cgroup_step_leave(struct cgroup_step *s, struct slice group,
                       const struct cgroup_leaver l[], unsigned n)
{
    struct cgroup g;
    struct index x;
    unsigned live = 0;
    if (group.len == 0) {
        cgroup_fail(s, KERR_INVALID_GROUP_ID);
        return;
    }
    if (!cgroup_errors(s, n)) {
        return;
    }
    bool there = cgroup_load(s, group, &g);
    cgroup_load_members(s, &g);
    index_open(s, &g, n, &x);
    for (unsigned i = 0; i < n && !s->nomem; i++) {
        s->errors[i] = (int16_t)leave_one(&x, &l[i], &live);
    }
    index_close(&x);
    if (there) {
        cgroup_left(s, &g, live);
        cgroup_store(s, &g);
    }
}

/* ---- what the leader's clock says ----------------------------------------
 */

void cgroup_step_expire(struct cgroup_step *s, struct slice group,
                        const struct cgroup_expired e[], unsigned n)
{
    struct cgroup g;
    struct index x;
    unsigned live = 0;
    if (!cgroup_load(s, group, &g)) {
        return;
    }
    cgroup_load_members(s, &g);
    index_open(s, &g, n, &x);
    for (unsigned i = 0; i < n && !s->nomem; i++) {
        struct cgroup_member *m = index_find(&x, e[i].member);
        if (m != NULL && m->touched == e[i].touched) {
            live += !m->pending;
            m->gone = true;
        }
    }
    index_close(&x);
    cgroup_left(s, &g, live);
    cgroup_store(s, &g);
}

/* In the delay of a first rebalance: somebody new came since the last look,
 * and the members' own time is not over. */
static bool extend(struct cgroup_step *s, struct cgroup *g)
{
    int64_t end = g->begun_ms;
    for (unsigned i = 0; i < g->n; i++) {
        int64_t e = g->begun_ms + g->members[i].rebalance_ms;
        end = !g->members[i].pending && e > end ? e : end;
    }
    if (g->initial_ms == 0 || !g->fresh || s->now_ms >= end) {
        return false;
    }
    int64_t due = s->now_ms + g->initial_ms;
    g->due_ms = due < end ? due : end;
    g->fresh = false;
    g->round++;
    g->dirty = true;
    return true;
}

void cgroup_step_due(struct cgroup_step *s, struct slice group, int64_t round)
{
    struct cgroup g;
    if (!cgroup_load(s, group, &g) || g.state != CGROUP_PREPARING ||
        g.round != round) {
        return;
    }
    cgroup_load_members(s, &g);
    if (!extend(s, &g)) {
        cgroup_complete(s, &g);
    }
    cgroup_store(s, &g);
}
