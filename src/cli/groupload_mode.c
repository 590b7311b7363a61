/* groupload_mode.c - what is done when the groups have formed. */
#include "cli/groupload_impl.h"
#include "cli/process.h"

#define ROUND_PAUSE_MS 300 /* between two rebalances */

/* ---- commit: an open loop ------------------------------------------------
 */

/* Request k of all is the group's k / groups-th. */
static void commit_due(struct groupload *g, uint64_t now_us)
{
    double per_us = (double)g->o.rate / g->o.rows / 1e6;
    uint64_t all = (uint64_t)((double)(now_us - g->start_us) * per_us);
    for (unsigned i = 0; i < g->o.groups; i++) {
        struct groupload_group *x = &g->groups[i];
        const struct groupload_member *m = &x->members[0];
        uint64_t mine = all / g->o.groups + (i < all % g->o.groups ? 1 : 0);
        while (x->sent < mine && m->link.up && m->state == MEMBER_STABLE &&
               m->link.n_calls < GROUPLOAD_FLIGHTS_MAX) {
            uint64_t k = x->sent * g->o.groups + i;
            uint64_t due = g->start_us + (uint64_t)((double)k / per_us);
            groupload_commit(x, x->sent++, due);
        }
    }
}

/* ---- rebalance: rounds ---------------------------------------------------
 */

static void round_begin(struct groupload *g)
{
    struct groupload_group *x = &g->groups[0];
    g->rebalancing = true;
    g->round++;
    x->formed = false;
    for (unsigned i = 0; i < g->o.members; i++) {
        env_timer_stop(g->env, &x->members[i].timer);
        groupload_member_rejoin(&x->members[i]);
    }
}

static void round_end(struct groupload *g)
{
    uint64_t now = env_now_us_exact(g->env);
    g->rebalancing = false;
    g->round_ms = env_now_ms(g->env) + ROUND_PAUSE_MS;
    g->r->requests++;
    g->r->rows += g->o.members;
    histogram_record(&g->r->latency, now - g->joined_us);
    if (g->round >= g->o.rounds) {
        g->done = true;
    }
}

/* ---- failover ------------------------------------------------------------
 */

void groupload_suspect(struct groupload_member *m)
{
    struct groupload_group *x = m->group;
    if (x->all->hook_us == 0 || x->all->o.mode != GROUPLOAD_FAILOVER) {
        return;
    }
    m->failed = true;
    if (!x->failed) {
        x->failed = true;
        x->all->r->failed_over++;
    }
}

/* Since when a member that failed waits; a group counts when the last of its
 * members is back. */
static void heartbeat_back(struct groupload_member *m)
{
    struct groupload_group *x = m->group;
    struct groupload *g = x->all;
    if (!m->failed || m->back_heartbeat) {
        return;
    }
    m->back_heartbeat = true;
    for (unsigned i = 0; i < g->o.members; i++) {
        if (!x->members[i].back_heartbeat) {
            return;
        }
    }
    histogram_record(&g->r->heartbeat_back,
                     env_now_us_exact(g->env) - g->hook_us);
}

static void commit_soon(struct groupload_group *x)
{
    struct groupload_member *m = &x->members[0];
    if (!x->commit_flying && m->link.up && m->state == MEMBER_STABLE &&
        x->coordinator != NULL) {
        groupload_commit(x, x->sent++, 0);
    }
}

static bool is_back(const struct groupload *g)
{
    return g->r->heartbeat_back.count >= g->r->failed_over &&
           g->r->commit_back.count >= g->r->failed_over;
}

static void failover_tick(struct groupload *g, uint64_t now_us)
{
    int code = 0;
    if (g->hook_us == 0 && now_us >= g->measure_us) {
        g->hook_us = now_us;
        g->rv = process_shell_start(g->o.hook, &g->hook_pid);
        g->done = g->rv != 0;
    } else if (g->hook_us != 0 && !g->hook_over &&
               process_shell_over(g->hook_pid, &code)) {
        g->hook_over = true;
        g->rv = code == 0 ? 0 : ERR_IO;
        g->done = g->rv != 0;
    } else if (g->hook_over && g->r->failed_over > 0 && is_back(g) &&
               now_us > g->hook_us + 3000000) {
        g->done = true; /* whoever noticed late has had the time to */
    }
}

/* ---- events --------------------------------------------------------------
 */

void groupload_formed(struct groupload_group *x)
{
    struct groupload *g = x->all;
    if (g->o.mode == GROUPLOAD_FETCH) {
        groupload_fetch_begin(x);
    } else if (!x->formed) {
        x->formed = true;
        g->n_formed += g->round == 0;
        if (g->rebalancing) {
            round_end(g);
        }
    }
}

void groupload_beat(struct groupload_member *m, uint64_t since_us)
{
    struct groupload *g = m->group->all;
    if (g->measuring && !g->done &&
        (g->o.mode == GROUPLOAD_IDLE || g->o.mode == GROUPLOAD_FAILOVER)) {
        g->r->requests++;
        histogram_record(&g->r->latency, env_now_us_exact(g->env) - since_us);
    }
    heartbeat_back(m);
    if (g->formed && g->o.mode == GROUPLOAD_FAILOVER &&
        m == &m->group->members[0]) {
        commit_soon(m->group);
    }
}

void groupload_committed(struct groupload_group *x)
{
    struct groupload *g = x->all;
    if (x->members[0].failed && !x->back_commit) {
        x->back_commit = true;
        histogram_record(&g->r->commit_back,
                         env_now_us_exact(g->env) - g->hook_us);
    }
}

void groupload_mode_begin(struct groupload *g)
{
    /* Spread over the interval, as clients that came one by one would be. */
    uint64_t n = (uint64_t)g->o.groups * g->o.members;
    uint64_t now = env_now_ms(g->env);
    g->round_ms = now + ROUND_PAUSE_MS;
    for (uint64_t i = 0; i < n && g->has_members; i++) {
        struct groupload_member *m =
            &g->groups[i / g->o.members].members[i % g->o.members];
        m->due_ms = now + i * g->o.heartbeat_ms / n;
        env_timer_start(g->env, &m->timer, m->due_ms);
    }
}

void groupload_mode_tick(struct groupload *g, uint64_t now_us)
{
    switch (g->o.mode) {
    case GROUPLOAD_COMMIT:
        commit_due(g, now_us);
        break;
    case GROUPLOAD_REBALANCE:
        if (!g->rebalancing && env_now_ms(g->env) >= g->round_ms) {
            round_begin(g);
        }
        break;
    case GROUPLOAD_FAILOVER:
        failover_tick(g, now_us);
        break;
    case GROUPLOAD_IDLE:
    case GROUPLOAD_FETCH:
        break;
    }
}
