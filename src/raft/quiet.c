/* quiet.c - groups in which nothing happens stop their clocks.
 *
 * A leader whose members all have the whole log, all committed, tells them so
 * instead of its next heartbeat, and stops; who agrees stops as well. From
 * then on the nodes speak for their groups: one empty frame per heartbeat and
 * node pair, always, so that silence means the same between any two. The core's
 * guards and asserts hold throughout, since its time stands still (CORE_PAUSED
 * takes out what passed meanwhile).
 *
 *     running --quiet_try (leader), QUIET (follower)--> quiet
 *     quiet --a message, a proposal, a change, a transfer, a node of a member
 *             that is gone or silent, our own pause, the lease's end--> running
 *
 * What is not heard of cannot keep a group quiet for ever: a follower's lease
 * ends if the leader does not say it again. QUIET that is lost, or is not
 * agreed to, costs no more than an election timeout of a follower, whose
 * question wakes the leader.
 *
 * A quiet leader answers reads through the barrier, which needs no clock, and
 * whoever would depose it needs votes of members that wake by being asked.
 */
#include "raft/consensus.h"

/* In election timeouts: how often a leader says it again, and how long a
 * follower believes it. */
#define REFRESH_ELECTIONS 64
#define LEASE_ELECTIONS   256

/* ---- sleeping and waking ------------------------------------------------ */

static void quiet_begin(struct group *g, uint64_t now_ms)
{
    if (g->quiet_ms == 0) {
        g->c->n_quiet++;
        g->quiet_ms = now_ms;
        trace_debug(env_trace(g->c->env), "raft.quiet", "group=%llu last=%llu",
                    (unsigned long long)g->id,
                    (unsigned long long)tail_last_index(&g->tail));
    }
}

void quiet_end(struct group *g)
{
    if (g->quiet_ms != 0) {
        g->c->n_quiet--;
        g->quiet_ms = 0;
    }
}

void quiet_account(struct group *g)
{
    uint64_t now = env_now_ms(g->c->env);
    struct core_event ev = {.kind = CORE_PAUSED};
    ev.pause_ms = now - g->quiet_ms;
    g->quiet_ms = now;
    group_step(g, ev);
}

void group_wake(struct group *g)
{
    uint64_t now = env_now_ms(g->c->env);
    if (g->quiet_ms != 0) {
        consensus_look(g->c); /* which may wake it */
    }
    if (g->closed || g->quiet_ms == 0) {
        return;
    }
    trace_debug(env_trace(g->c->env), "raft.woken", "group=%llu ms=%llu",
                (unsigned long long)g->id,
                (unsigned long long)(now - g->quiet_ms));
    quiet_account(g);
    quiet_end(g);
    g->active_ms = now;
    g->c->n_woken++;
    for (unsigned i = 0; i < g->n_peers; i++) {
        g->peers[i].heard_ms = now; /* nobody was asked to speak */
    }
    group_arm(g);
}

static bool has_member(const struct group *g, int32_t node)
{
    const struct group_config *config = core_config(g->core);
    for (unsigned i = 0; i < config->n; i++) {
        if (membership_node(config->members[i].id) == node) {
            return true;
        }
    }
    return false;
}

void quiet_wake_node(struct consensus *c, int32_t node)
{
    void *it = NULL, *value;
    while (c->n_quiet > 0 && map_next(c->groups, &it, &value)) {
        struct group *g = value;
        if (g->quiet_ms != 0 && has_member(g, node)) {
            group_wake(g);
        }
    }
}

/* ---- the leader --------------------------------------------------------- */

/* Nothing is going on, here or in the core. */
static bool nothing_happens(const struct group *g, uint64_t now_ms)
{
    const struct consensus *c = g->c;
    uint64_t last = tail_last_index(&g->tail);
    return g->may_quiet && c->o.quiet_ms > 0 && g->was_leader && !g->untold &&
           !g->repair && core_ready(g->core) && g->jump_ms == 0 &&
           now_ms - g->active_ms >= c->o.quiet_ms && g->n_queued == 0 &&
           queue_empty(&g->pending) && queue_empty(&g->barriers) &&
           !transfer_blocks(g) && !g->change.active && g->n_gated == 0 &&
           g->hard_seq <= c->durable && g->stored == last && g->commit == last;
}

/* The member has everything, and answered the last heartbeat. */
static bool member_rests(struct group *g, uint64_t id, uint64_t now_ms)
{
    struct consensus *c = g->c;
    const struct route *l = route_find(c, membership_node(id));
    uint64_t match;
    return l != NULL && !l->suspect &&
           peers_state(c->o.peers, l->node) == PEER_UP &&
           core_match(g->core, id, &match) == 0 &&
           match == tail_last_index(&g->tail) && !core_damaged(g->core, id) &&
           now_ms - group_peer_find(g, id)->heard_ms < 2 * c->o.heartbeat_ms;
}

static void tell_members(struct group *g)
{
    const struct group_config *config = core_config(g->core);
    struct message m = {.kind = MESSAGE_QUIET,
                        .group = g->id,
                        .from = g->self,
                        .term = core_term(g->core),
                        .index = tail_last_index(&g->tail)};
    for (unsigned i = 0; i < config->n; i++) {
        if (config->members[i].id != g->self) {
            m.to = config->members[i].id;
            route_send(g, &m, NULL);
        }
    }
}

bool quiet_try(struct group *g, uint64_t now_ms)
{
    const struct group_config *config = core_config(g->core);
    if (!nothing_happens(g, now_ms)) {
        return false;
    }
    for (unsigned i = 0; i < config->n; i++) {
        uint64_t id = config->members[i].id;
        if (id != g->self && !member_rests(g, id, now_ms)) {
            return false;
        }
    }
    tell_members(g);
    g->quiet_until_ms =
        now_ms + (uint64_t)REFRESH_ELECTIONS * g->c->o.election_ms;
    quiet_begin(g, now_ms);
    return true;
}

/* ---- the follower ------------------------------------------------------- */

/* The leader says that nothing happens: so it looks from here too? */
static bool agrees(const struct group *g, const struct message *m)
{
    uint64_t last = tail_last_index(&g->tail);
    return g->may_quiet && g->c->o.quiet_ms > 0 && m->to == g->self &&
           core_role(g->core) == GROUP_FOLLOWER &&
           core_leader(g->core) == m->from && core_term(g->core) == m->term &&
           m->index == last && g->stored == last && g->commit == last &&
           !g->repair && !core_repair(g->core) && !g->untold &&
           !g->change.active && g->n_gated == 0 && g->hard_seq <= g->c->durable;
}

void quiet_receive(struct group *g, const struct message *m)
{
    uint64_t now = env_now_ms(g->c->env);
    if (!agrees(g, m)) {
        group_wake(g);
        return;
    }
    g->jump_ms = 0; /* somebody leads */
    g->quiet_until_ms = now + (uint64_t)LEASE_ELECTIONS * g->c->o.election_ms;
    quiet_begin(g, now);
    group_arm(g);
}

void quiet_tick(struct group *g, uint64_t now_ms)
{
    if (g->quiet_until_ms > now_ms) {
        return;
    }
    if (g->was_leader) {
        tell_members(g);
        g->quiet_until_ms =
            now_ms + (uint64_t)REFRESH_ELECTIONS * g->c->o.election_ms;
    } else {
        group_wake(g);
    }
}

/* ---- nodes speak for their groups ---------------------------------------- */

static void beat_start(struct consensus *c)
{
    c->beat_ms = env_now_ms(c->env) + c->o.heartbeat_ms;
    env_timer_start(c->env, &c->beat, c->beat_ms);
}

static void beat_cb(struct env_timer *t)
{
    struct consensus *c = t->data;
    uint64_t now = env_now_ms(c->env);
    consensus_look(c);
    if (now >= c->watch_ms) {
        consensus_watch(c, now);
    }
    routes_beat(c);
    beat_start(c);
}

void quiet_open(struct consensus *c)
{
    env_timer_init(&c->beat, beat_cb, c);
    beat_start(c);
}

void quiet_close(struct consensus *c)
{
    ASSERT(c->n_quiet == 0);
    env_timer_stop(c->env, &c->beat);
}
