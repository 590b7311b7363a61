/* cgroup_join.c - who enters a group. */
#include "state/cgroup_impl.h"
#include "wire/errors.h"

/* ---- what a member says of itself ----------------------------------------
 */

static void refresh(struct cgroup_step *s, struct cgroup_member *m,
                    const struct cgroup_join *c)
{
    m->client_id = c->client_id;
    m->client_host = c->client_host;
    m->session_ms = c->session_ms;
    m->rebalance_ms = c->rebalance_ms;
    m->touched = s->index;
    m->dirty = true;
}

/* It takes part in the rebalance, which begins if none is under way. */
static void join_round(struct cgroup_step *s, struct cgroup *g,
                       struct cgroup_member *m, const struct cgroup_join *c)
{
    refresh(s, m, c);
    m->protocols = cgroup_pack_protocols(s, c->protocols, c->n_protocols);
    m->pending = false;
    if (g->state == CGROUP_EMPTY || cgroup_live(g) == 1) {
        g->protocol_type = c->protocol_type;
    }
    s->result.parked = true;
    s->result.generation = g->generation;
    s->result.member = m->id;
    g->dirty = true;
    /* Before it counts as joined: a rebalance that ends at once would end
     * without it otherwise. */
    if (g->state == CGROUP_PREPARING && g->initial_ms > 0 && !m->joined) {
        g->fresh = true;
    }
    m->joined = true;
    cgroup_prepare(s, g, c->initial_delay_ms);
}

/* The generation goes on; the answer is at hand. */
static void join_as_is(struct cgroup_step *s, struct cgroup *g,
                       struct cgroup_member *m, const struct cgroup_join *c)
{
    refresh(s, m, c);
    s->result.generation = g->generation;
    s->result.member = m->id;
    s->result.leader = g->leader;
}

/* ---- limits --------------------------------------------------------------
 */

static unsigned count_joined(const struct cgroup *g)
{
    unsigned n = 0;
    for (unsigned i = 0; i < g->n; i++) {
        n += !g->members[i].gone && g->members[i].joined;
    }
    return n;
}

/* While a rebalance runs, who has joined counts: so those that are last are
 * turned away when the limit was lowered. */
static bool has_room(const struct cgroup *g, const struct cgroup_member *m,
                     const struct cgroup_join *c)
{
    bool known = m != NULL && !m->pending;
    if (m == NULL && g->n >= CGROUP_MEMBERS_MAX) {
        return false;
    }
    switch (g->state) {
    case CGROUP_EMPTY:
        return true;
    case CGROUP_PREPARING:
        return (known && m->joined) || count_joined(g) < c->size_max;
    case CGROUP_COMPLETING:
    case CGROUP_STABLE:
        return known || cgroup_live(g) < c->size_max;
    case CGROUP_DEAD:
        break;
    }
    return false;
}

static void turn_away(struct cgroup_step *s, struct cgroup *g,
                      struct cgroup_member *m)
{
    cgroup_fail(s, KERR_GROUP_MAX_SIZE_REACHED);
    if (m != NULL) {
        unsigned live = !m->pending;
        m->gone = true;
        cgroup_left(s, g, live);
    }
}

/* ---- new members ---------------------------------------------------------
 */

static struct cgroup_member *add(struct cgroup_step *s, struct cgroup *g,
                                 const struct cgroup_join *c)
{
    struct cgroup_member *m = cgroup_add(s, g);
    if (m != NULL) {
        m->id = c->new_member;
        m->instance = c->instance;
        m->pending = true;
        refresh(s, m, c);
    }
    return m;
}

/* The member of an instance came back under a new id: the old id is fenced,
 * and what it had goes on (KIP-345). */
static void replace(struct cgroup_step *s, struct cgroup *g,
                    struct cgroup_member *old, const struct cgroup_join *c)
{
    bool led = slice_equal(g->leader, old->id);
    struct slice old_id = old->id;
    struct cgroup_member copy = *old;
    old->gone = true;
    struct cgroup_member *m = cgroup_add(s, g); /* `old` may move */
    if (m == NULL) {
        return;
    }
    *m = copy;
    m->id = c->new_member;
    m->stored = false;
    m->protocols = cgroup_pack_protocols(s, c->protocols, c->n_protocols);
    if (led) {
        g->leader = m->id;
        g->dirty = true;
    }
    if (g->state != CGROUP_STABLE ||
        !slice_equal(cgroup_choose(g, s), g->protocol)) {
        join_round(s, g, m, c);
        return;
    }
    join_as_is(s, g, m, c);
    s->result.skip_assignment = led && c->may_skip;
    if (led && !c->may_skip) {
        /* An older client that led must not assign again: it is told the id
         * it had, and takes itself for a follower. */
        s->result.leader = old_id;
    }
}

static void join_new(struct cgroup_step *s, struct cgroup *g,
                     const struct cgroup_join *c)
{
    struct cgroup_member *old = cgroup_find_instance(g, c->instance);
    if (c->new_member.len == 0 || cgroup_find(g, c->new_member) != NULL) {
        cgroup_fail(s, KERR_UNKNOWN_MEMBER_ID); /* the proposer's mistake */
        return;
    }
    if (!has_room(g, old, c)) {
        turn_away(s, g, old);
        return;
    }
    if (!cgroup_protocols_fit(s, g, c->protocol_type, c->protocols,
                              c->n_protocols, old)) {
        cgroup_fail(s, KERR_INCONSISTENT_GROUP_PROTOCOL);
        return;
    }
    if (old != NULL) {
        replace(s, g, old, c);
        return;
    }
    struct cgroup_member *m = add(s, g, c);
    if (m == NULL) {
        return;
    }
    if (c->require_id && c->instance.len == 0) {
        cgroup_fail(s, KERR_MEMBER_ID_REQUIRED);
        s->result.member = m->id;
        return;
    }
    join_round(s, g, m, c);
}

/* ---- members that come again ---------------------------------------------
 */

static bool same_protocols(struct cgroup_step *s, const struct cgroup_member *m,
                           const struct cgroup_join *c)
{
    return slice_equal(m->protocols,
                       cgroup_pack_protocols(s, c->protocols, c->n_protocols));
}

/* Who has an id in use. */
static bool check_known(struct cgroup_step *s, const struct cgroup *g,
                        const struct cgroup_member *m,
                        const struct cgroup_join *c)
{
    if (m != NULL && m->pending) {
        return c->instance.len == 0 || cgroup_fail(s, KERR_UNKNOWN_MEMBER_ID);
    }
    return cgroup_check_member(s, g, c->member, c->instance);
}

static void join_again(struct cgroup_step *s, struct cgroup *g,
                       const struct cgroup_join *c)
{
    struct cgroup_member *m = cgroup_find(g, c->member);
    if (!check_known(s, g, m, c)) {
        return;
    }
    if (!has_room(g, m, c)) {
        turn_away(s, g, m);
        return;
    }
    if (!cgroup_protocols_fit(s, g, c->protocol_type, c->protocols,
                              c->n_protocols, m->pending ? NULL : m)) {
        cgroup_fail(s, KERR_INCONSISTENT_GROUP_PROTOCOL);
        return;
    }
    bool leads = slice_equal(g->leader, m->id);
    bool same = !m->pending && same_protocols(s, m, c);
    if (same && (g->state == CGROUP_COMPLETING ||
                 (g->state == CGROUP_STABLE && !leads))) {
        join_as_is(s, g, m, c);
    } else {
        join_round(s, g, m, c);
    }
}

void cgroup_step_join(struct cgroup_step *s, const struct cgroup_join *c)
{
    struct cgroup g;
    if (c->group.len == 0) {
        cgroup_fail(s, KERR_INVALID_GROUP_ID);
        return;
    }
    if (c->session_ms < c->session_min_ms ||
        c->session_ms > c->session_max_ms) {
        cgroup_fail(s, KERR_INVALID_SESSION_TIMEOUT);
        return;
    }
    if (!cgroup_load(s, c->group, &g) && c->member.len > 0) {
        cgroup_fail(s, KERR_UNKNOWN_MEMBER_ID);
        return;
    }
    if (!cgroup_alive(s, &g)) {
        return;
    }
    if (!g.stored) {
        g.since_ms = s->now_ms;
    }
    cgroup_load_members(s, &g);
    if (c->member.len == 0) {
        join_new(s, &g, c);
    } else {
        join_again(s, &g, c);
    }
    if (s->result.error == 0 || g.stored ||
        s->result.error == KERR_MEMBER_ID_REQUIRED) {
        cgroup_store(s, &g);
    }
}
