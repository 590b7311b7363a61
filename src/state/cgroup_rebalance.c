/* cgroup_rebalance.c - from one generation to the next. */
#include "base/assert.h"
#include "base/err.h"
#include "base/map.h"
#include "state/cgroup_impl.h"
#include "wire/errors.h"

/* ---- who is there --------------------------------------------------------
 */

unsigned cgroup_live(const struct cgroup *g)
{
    unsigned n = 0;
    for (unsigned i = 0; i < g->n; i++) {
        n += !g->members[i].gone && !g->members[i].pending;
    }
    return n;
}

static bool is_live(const struct cgroup_member *m)
{
    return !m->gone && !m->pending;
}

static bool all_joined(const struct cgroup *g)
{
    for (unsigned i = 0; i < g->n; i++) {
        if (!g->members[i].gone && !g->members[i].joined) {
            return false; /* also one that has only an id: it is coming */
        }
    }
    return true;
}

static uint32_t rebalance_max_ms(const struct cgroup *g)
{
    uint32_t max = 0;
    for (unsigned i = 0; i < g->n; i++) {
        if (is_live(&g->members[i]) && g->members[i].rebalance_ms > max) {
            max = g->members[i].rebalance_ms;
        }
    }
    return max;
}

bool cgroup_check_member(struct cgroup_step *s, const struct cgroup *g,
                         struct slice member, struct slice instance)
{
    const struct cgroup_member *m;
    if (instance.len > 0) {
        m = cgroup_find_instance(g, instance);
        if (m != NULL && !slice_equal(m->id, member)) {
            return cgroup_fail(s, KERR_FENCED_INSTANCE_ID);
        }
    } else {
        m = cgroup_find(g, member);
    }
    if (m == NULL || m->pending) {
        return cgroup_fail(s, KERR_UNKNOWN_MEMBER_ID);
    }
    return true;
}

/* ---- protocols -----------------------------------------------------------
 *
 * Members may be ten thousand, and each may offer a thousand protocols: all
 * that they say is read once. */

/* A name that is looked for among what members offer. */
struct offer {
    struct slice name;
    unsigned members; /* that offer it, */
    unsigned last;    /* the one that was counted last */
    unsigned votes;
};

/* In the order in which they are named, each once. */
struct offers {
    struct map *map;
    struct offer *list;
    unsigned n;
};

static bool offers_open(struct cgroup_step *s, unsigned max,
                        struct offers *ret_o)
{
    *ret_o = (struct offers){
        .map = map_new(s->arena.mem),
        .list = cgroup_alloc(s, (size_t)max + 1, sizeof *ret_o->list)};
    s->nomem |= ret_o->map == NULL;
    return !s->nomem;
}

static void offers_name(struct cgroup_step *s, struct offers *o,
                        struct slice name)
{
    int rv = map_put(o->map, name, &o->list[o->n]);
    if (rv == 0) {
        o->list[o->n++].name = name;
    }
    s->nomem |= rv == ERR_NOMEM;
}

/* Count the members, but for one, that offer each name. Returns how many there
 * are. */
static unsigned offers_count(struct offers *o, const struct cgroup *g,
                             const struct cgroup_member *except)
{
    unsigned n = 0;
    for (unsigned i = 0; i < g->n; i++) {
        struct cursor c;
        struct cgroup_protocol p;
        if (!is_live(&g->members[i]) || &g->members[i] == except) {
            continue;
        }
        n++;
        cursor_init(&c, g->members[i].protocols);
        while (cgroup_next_protocol(&c, &p)) {
            struct offer *x = map_find(o->map, p.name);
            if (x != NULL && x->last != n) {
                x->last = n;
                x->members++;
            }
        }
    }
    return n;
}

bool cgroup_protocols_fit(struct cgroup_step *s, const struct cgroup *g,
                          struct slice type, const struct cgroup_protocol *p,
                          unsigned n, const struct cgroup_member *except)
{
    bool others = cgroup_live(g) > (except != NULL ? 1u : 0u);
    bool fit = false;
    struct offers o;
    if (type.len == 0 || n == 0) {
        return false;
    }
    if (!others) {
        return true;
    }
    if (!slice_equal(type, g->protocol_type)) {
        return false;
    }
    if (offers_open(s, n, &o)) {
        for (unsigned i = 0; i < n; i++) {
            offers_name(s, &o, p[i].name);
        }
        unsigned all = offers_count(&o, g, except);
        for (unsigned i = 0; i < o.n && !fit; i++) {
            fit = o.list[i].members == all;
        }
    }
    map_free(o.map);
    return fit;
}

/* A member votes for the first it names of those that all offer. */
static void vote(const struct cgroup_member *m, const struct offers *o,
                 unsigned all)
{
    struct cursor in;
    struct cgroup_protocol p;
    cursor_init(&in, m->protocols);
    while (cgroup_next_protocol(&in, &p)) {
        struct offer *x = map_find(o->map, p.name);
        if (x != NULL && x->members == all) {
            x->votes++;
            return;
        }
    }
}

/* Where votes are equal, the first member's order decides. */
struct slice cgroup_choose(const struct cgroup *g, struct cgroup_step *s)
{
    const struct cgroup_member *first = NULL;
    const struct offer *best = NULL;
    struct cursor in;
    struct cgroup_protocol p;
    struct offers o;
    for (unsigned i = 0; i < g->n && first == NULL; i++) {
        first = is_live(&g->members[i]) ? &g->members[i] : NULL;
    }
    if (first == NULL) {
        return slice_of(NULL, 0);
    }
    if (offers_open(s, CGROUP_PROTOCOLS_MAX, &o)) {
        cursor_init(&in, first->protocols);
        while (o.n < CGROUP_PROTOCOLS_MAX && cgroup_next_protocol(&in, &p)) {
            offers_name(s, &o, p.name);
        }
        unsigned all = offers_count(&o, g, NULL);
        for (unsigned i = 0; i < g->n; i++) {
            if (is_live(&g->members[i])) {
                vote(&g->members[i], &o, all);
            }
        }
        for (unsigned i = 0; i < o.n; i++) {
            const struct offer *x = &o.list[i];
            best = x->votes > (best == NULL ? 0 : best->votes) ? x : best;
        }
    }
    map_free(o.map);
    return best == NULL ? slice_of(NULL, 0) : best->name;
}

/* ---- the rebalance -------------------------------------------------------
 */

static void set_state(struct cgroup_step *s, struct cgroup *g,
                      enum cgroup_state state)
{
    g->state = state;
    g->since_ms = s->now_ms;
    g->dirty = true;
}

void cgroup_prepare(struct cgroup_step *s, struct cgroup *g,
                    uint32_t initial_delay_ms)
{
    uint32_t max = rebalance_max_ms(g);
    if (g->state != CGROUP_PREPARING) {
        bool initial = g->state == CGROUP_EMPTY && initial_delay_ms > 0;
        uint32_t wait =
            initial && initial_delay_ms < max ? initial_delay_ms : max;
        set_state(s, g, CGROUP_PREPARING);
        g->round++;
        g->begun_ms = s->now_ms;
        g->due_ms = s->now_ms + wait;
        g->initial_ms = initial ? initial_delay_ms : 0;
        g->fresh = false;
    }
    cgroup_try_complete(s, g);
}

void cgroup_try_complete(struct cgroup_step *s, struct cgroup *g)
{
    if (g->state == CGROUP_PREPARING && g->initial_ms == 0 && all_joined(g)) {
        cgroup_complete(s, g);
    }
}

/* The leader stays if it came; else who came first. */
static const struct cgroup_member *elect(const struct cgroup *g)
{
    const struct cgroup_member *best = cgroup_find(g, g->leader);
    if (best != NULL && is_live(best) && best->joined) {
        return best;
    }
    best = NULL;
    for (unsigned i = 0; i < g->n; i++) {
        const struct cgroup_member *m = &g->members[i];
        if (is_live(m) && m->joined &&
            (best == NULL || m->touched < best->touched)) {
            best = m;
        }
    }
    return best;
}

static void next_generation(struct cgroup_step *s, struct cgroup *g,
                            const struct cgroup_member *leader)
{
    g->generation = g->generation == INT32_MAX ? 1 : g->generation + 1;
    g->initial_ms = 0;
    g->fresh = false;
    if (leader == NULL) {
        g->protocol = g->leader = slice_of(NULL, 0);
        set_state(s, g, CGROUP_EMPTY);
        return;
    }
    g->leader = leader->id;
    g->protocol = cgroup_choose(g, s);
    g->due_ms = s->now_ms + rebalance_max_ms(g);
    set_state(s, g, CGROUP_COMPLETING);
    for (unsigned i = 0; i < g->n; i++) {
        struct cgroup_member *m = &g->members[i];
        if (is_live(m)) {
            m->joined = false;
            m->assignment = slice_of(NULL, 0);
            m->dirty = true;
        }
    }
}

void cgroup_complete(struct cgroup_step *s, struct cgroup *g)
{
    ASSERT(g->state == CGROUP_PREPARING);
    for (unsigned i = 0; i < g->n; i++) {
        struct cgroup_member *m = &g->members[i];
        if (is_live(m) && !m->joined && m->instance.len == 0) {
            m->gone = true;
        }
    }
    const struct cgroup_member *leader = elect(g);
    if (leader == NULL && cgroup_live(g) > 0) {
        /* Only static members, and none came: their sessions decide. */
        g->round++;
        g->due_ms = s->now_ms + rebalance_max_ms(g);
        g->initial_ms = 0;
        g->dirty = true;
        return;
    }
    next_generation(s, g, leader);
}

void cgroup_left(struct cgroup_step *s, struct cgroup *g, unsigned live)
{
    switch (g->state) {
    case CGROUP_PREPARING:
        cgroup_try_complete(s, g);
        break;
    case CGROUP_COMPLETING:
    case CGROUP_STABLE:
        if (live > 0) {
            cgroup_prepare(s, g, 0);
        }
        break;
    case CGROUP_EMPTY:
    case CGROUP_DEAD:
        break;
    }
}
