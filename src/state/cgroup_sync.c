/* cgroup_sync.c - assignments, and who leaves a group. */
#include "state/cgroup_impl.h"
#include "wire/errors.h"

/* ---- sync ----------------------------------------------------------------
 */

static struct slice assignment_of(const struct cgroup_sync *c,
                                  struct slice member)
{
    for (unsigned i = 0; i < c->n_assignments; i++) {
        if (slice_equal(c->assignments[i].member, member)) {
            return c->assignments[i].assignment;
        }
    }
    return slice_of(NULL, 0);
}

/* Who is not named gets nothing. */
static void assign(struct cgroup_step *s, struct cgroup *g,
                   const struct cgroup_sync *c)
{
    for (unsigned i = 0; i < g->n; i++) {
        struct cgroup_member *m = &g->members[i];
        if (!m->pending) {
            m->assignment = assignment_of(c, m->id);
            m->dirty = true;
        }
    }
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

static int leave_one(struct cgroup *g, const struct cgroup_leaver *l,
                     unsigned *live)
{
    struct cgroup_member *m;
    if (l->instance.len > 0) {
        m = cgroup_find_instance(g, l->instance);
        /* An admin removes by instance alone. */
        if (m != NULL && l->member.len > 0 && !slice_equal(m->id, l->member)) {
            return KERR_FENCED_INSTANCE_ID;
        }
    } else {
        m = cgroup_find(g, l->member);
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
    for (unsigned i = 0; i < n; i++) {
        s->errors[i] = (int16_t)leave_one(&g, &l[i], &live);
    }
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
    unsigned live = 0;
    if (!cgroup_load(s, group, &g)) {
        return;
    }
    cgroup_load_members(s, &g);
    for (unsigned i = 0; i < n; i++) {
        struct cgroup_member *m = cgroup_find(&g, e[i].member);
        if (m != NULL && m->touched == e[i].touched) {
            live += !m->pending;
            m->gone = true;
        }
    }
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
