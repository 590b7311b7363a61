/* coordinator_clock.c - sessions and rebalances that run out. */
#include "base/assert.h"
#include "broker/coordinator_impl.h"

/* Members of one command, and bytes of their ids: a client may give itself one
 * of 32 KiB, and what is larger than an entry would never be proposed. */
#define EXPIRE_AT_ONCE   256
#define EXPIRE_IDS_BYTES (64u << 10)
#define RETRY_MS         1000 /* what was proposed is not decided by then */

/* ---- members and groups that the image tells of --------------------------
 */

static struct live *live_of(struct heap_node *n)
{
    return QUEUE_ENTRY(n, struct live, node);
}

/* Look at the group by then. */
static void look_by(struct coordinator *co, const struct cgroup_view *g,
                    uint64_t at_ms)
{
    struct live *l = g->data;
    if (l != NULL && l->node.key > at_ms) {
        heap_move(&co->lives, &l->node, at_ms);
    }
}

void coordinator_touch(struct coordinator *co, struct cgroup_view *g,
                       struct cgroup_view_member *m)
{
    struct session *s = m->data;
    if (s == NULL) {
        s = mem_calloc(co->mem, 1, sizeof *s);
        if (s == NULL) {
            env_fail(co->env, ERR_NOMEM,
                     "out of memory for a member's session");
        }
        s->synced = -1;
        m->data = s;
    }
    s->session_ms = m->session_ms;
    s->deadline_ms = env_now_ms(co->env) + m->session_ms;
    look_by(co, g, s->deadline_ms);
}

/* A rebalance's end by this node's clock; the log's times are only used to
 * tell how long, and never beyond what the step chose. */
static uint64_t deadline_of(const struct coordinator *co,
                            const struct cgroup_view *g)
{
    int64_t from = g->state == CGROUP_PREPARING ? g->begun_ms : g->since_ms;
    int64_t most = g->due_ms > from ? g->due_ms - from : 0;
    int64_t left = g->due_ms - env_wall_ms(co->env);
    left = left < 0 ? 0 : left > most ? most : left;
    return env_now_ms(co->env) + (uint64_t)left + 1;
}

void coordinator_watch_group(struct coordinator *co, struct cgroup_view *g)
{
    struct live *l = g->data;
    if (l == NULL) {
        l = mem_calloc(co->mem, 1, sizeof *l);
        if (l == NULL || heap_push(&co->lives, &l->node) != 0) {
            env_fail(co->env, ERR_NOMEM, "out of memory for a group's clock");
        }
        l->group = g;
        l->generation = -1;
        g->data = l;
        if (!env_timer_active(&co->tick)) {
            env_timer_start(co->env, &co->tick,
                            env_now_ms(co->env) + COORDINATOR_TICK_MS);
        }
    }
    if (l->state == g->state && l->round == g->round &&
        l->generation == g->generation) {
        return;
    }
    look_by(co, g, env_now_ms(co->env));
    bool synced = g->state == CGROUP_STABLE && l->generation == g->generation &&
                  l->state == CGROUP_COMPLETING;
    l->state = g->state;
    l->round = g->round;
    l->generation = g->generation;
    if (g->state == CGROUP_PREPARING || g->state == CGROUP_COMPLETING) {
        l->deadline_ms = deadline_of(co, g);
    } else if (!synced) {
        /* In a generation that was stable already when this node came to
         * lead, nobody knows who has synced: their sessions tell. */
        l->deadline_ms = 0;
    }
}

static void live_free(struct coordinator *co, struct cgroup_view *g)
{
    struct live *l = g->data;
    if (l != NULL) {
        heap_remove(&co->lives, &l->node);
        mem_free(co->mem, l);
        g->data = NULL;
    }
}

static void session_free(struct coordinator *co, struct cgroup_view_member *m)
{
    mem_free(co->mem, m->data);
    m->data = NULL;
}

void coordinator_forget(struct coordinator *co)
{
    void *it = NULL;
    struct cgroup_view *g;
    while ((g = cgroup_image_next(co->image, &it)) != NULL) {
        for (unsigned i = 0; i < g->n_members; i++) {
            session_free(co, g->members[i]);
        }
        live_free(co, g);
    }
}

void coordinator_event(void *arg, enum cgroup_event event,
                       struct cgroup_view *g, struct cgroup_view_member *m)
{
    struct coordinator *co = arg;
    co->changed = true;
    switch (event) {
    case CGROUP_EVENT_GROUP:
        if (co->leads && m != NULL) {
            coordinator_touch(co, g, m);
        }
        if (co->leads) {
            coordinator_watch_group(co, g);
        }
        if (g->state == CGROUP_DEAD) {
            coordinator_tasks_wake(co);
        }
        break;
    case CGROUP_EVENT_MEMBER_GONE:
        session_free(co, m);
        look_by(co, g, env_now_ms(co->env)); /* it may have been the last */
        break;
    case CGROUP_EVENT_GROUP_GONE:
        live_free(co, g);
        break;
    case CGROUP_EVENT_RESET:
        coordinator_forget(co);
        break;
    }
}

/* ---- the leader's clock --------------------------------------------------
 */

static bool expired(const struct live *l, const struct cgroup_view_member *m,
                    uint64_t now)
{
    const struct session *s = m->data;
    bool late = l->state != CGROUP_PREPARING && l->deadline_ms != 0 &&
                now >= l->deadline_ms && !m->pending;
    return s != NULL && s->parked == 0 &&
           (now >= s->deadline_ms || (late && s->synced != l->generation));
}

/* When a member of the group that is there now may have run out. */
static uint64_t next_expiry(const struct live *l, uint64_t now)
{
    const struct cgroup_view *g = l->group;
    uint64_t at = UINT64_MAX;
    for (unsigned i = 0; i < g->n_members; i++) {
        const struct session *s = g->members[i]->data;
        if (s != NULL && s->deadline_ms < at) {
            at = s->deadline_ms;
        }
    }
    return at > now ? at : now + 1; /* parked, or more than EXPIRE_AT_ONCE */
}

/* Propose that they are gone. What of it cannot be done now is found again
 * later. */
static unsigned expire(struct coordinator *co, const struct live *l,
                       uint64_t now)
{
    struct cgroup_expired gone[EXPIRE_AT_ONCE];
    const struct cgroup_view *g = l->group;
    unsigned n = 0;
    size_t bytes = 0;
    struct buf b;
    for (unsigned i = 0;
         i < g->n_members && n < EXPIRE_AT_ONCE && bytes < EXPIRE_IDS_BYTES;
         i++) {
        struct cgroup_view_member *m = g->members[i];
        struct session *s = m->data;
        if (expired(l, m, now)) {
            bytes += m->id.len;
            gone[n++] = (struct cgroup_expired){m->id, m->touched};
            s->deadline_ms = now + RETRY_MS;
        }
    }
    if (n == 0) {
        return 0;
    }
    buf_init(&b, co->mem, 0);
    cgroup_batch_begin(&b);
    cgroup_encode_expire(g->id, gone, n, &b);
    if (b.status == 0) {
        coordinator_add(co, NULL, buf_slice(&b));
    }
    buf_close(&b);
    return n;
}

static void due(struct coordinator *co, struct live *l, unsigned n_expired,
                uint64_t now)
{
    struct buf b;
    if (l->deadline_ms == 0 || now < l->deadline_ms) {
        return;
    }
    if (l->state != CGROUP_PREPARING) {
        /* Until nobody is left who never synced. */
        l->deadline_ms = n_expired > 0 ? now + RETRY_MS : 0;
        return;
    }
    l->deadline_ms = now + RETRY_MS;
    buf_init(&b, co->mem, 0);
    cgroup_batch_begin(&b);
    cgroup_encode_due(l->group->id, l->round, &b);
    if (b.status == 0) {
        coordinator_add(co, NULL, buf_slice(&b));
    }
    buf_close(&b);
}

static void look(struct coordinator *co, struct live *l, uint64_t now)
{
    unsigned n = expire(co, l, now);
    due(co, l, n, now);
    if (l->group->n_members == 0 &&
        (l->state == CGROUP_EMPTY || l->state == CGROUP_DEAD)) {
        live_free(co, l->group);
        return;
    }
    uint64_t at = next_expiry(l, now);
    if (l->deadline_ms != 0 && l->deadline_ms < at) {
        at = l->deadline_ms;
    }
    ASSERT(at > now);
    heap_move(&co->lives, &l->node, at);
}

void coordinator_tick(struct coordinator *co, uint64_t now)
{
    struct heap_node *n;
    while ((n = heap_first(&co->lives)) != NULL && n->key <= now) {
        look(co, live_of(n), now);
    }
}
