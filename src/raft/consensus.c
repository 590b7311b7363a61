/* consensus.c - a node's groups: their timers, the messages from peers, the
 * journal's completions, the end of a turn. */
#include "raft/consensus.h"

/* How often the ring is pressed for room, at most. */
#define PRESS_MS 100

/* ---- time -------------------------------------------------------------- */

/* What looks like silence of others was ours. */
static void paused(struct consensus *c, uint64_t pause_ms)
{
    void *it = NULL, *value;
    trace_warn(env_trace(c->env), "raft.paused",
               "ms=%llu text=\"this process did not run for so long: is the "
               "machine overloaded, or was it stopped?\"",
               (unsigned long long)pause_ms);
    while (map_next(c->groups, &it, &value)) {
        struct core_event ev = {.kind = CORE_PAUSED};
        struct group *g = value;
        ev.pause_ms = pause_ms;
        if (g->quiet_ms != 0) {
            group_wake(g);
        } else if (!g->closed) {
            group_step(g, ev);
        }
    }
    c->watch_ms = env_now_ms(c->env) + c->o.election_ms;
}

void consensus_look(struct consensus *c)
{
    uint64_t now = env_now_ms(c->env), due_ms = c->beat_ms;
    if (now > due_ms + c->o.election_ms) {
        c->beat_ms = now; /* it counts once */
        paused(c, now - due_ms);
    }
}

static void node_suspect(struct consensus *c, int32_t node)
{
    void *it = NULL, *value;
    uint64_t now = env_now_ms(c->env);
    quiet_wake_node(c, node);
    while (map_next(c->groups, &it, &value)) {
        if (!((struct group *)value)->closed) {
            group_suspect(value, node, now);
        }
    }
}

/* A node from which nothing came for an election timeout is suspect. */
void consensus_watch(struct consensus *c, uint64_t now_ms)
{
    for (unsigned i = 0; i < c->n_routes; i++) {
        struct route *l = &c->routes[i];
        uint64_t heard = peers_heard_ms(c->o.peers, l->node);
        bool silent = heard != 0 && now_ms - heard >= c->o.election_ms;
        if (silent && !l->suspect) {
            trace_warn(env_trace(c->env), "raft.silent",
                       "node=%d ms=%llu text=\"others will lead what it led\"",
                       (int)l->node, (unsigned long long)(now_ms - heard));
            node_suspect(c, l->node);
        }
        l->suspect = silent;
    }
    c->watch_ms = now_ms + c->o.heartbeat_ms;
}

static void timer_cb(struct env_timer *t)
{
    struct consensus *c = t->data;
    uint64_t now = env_now_ms(c->env);
    consensus_look(c);
    if (now >= c->watch_ms) {
        consensus_watch(c, now);
    }
    struct heap_node *first;
    while ((first = heap_first(&c->timers)) != NULL && first->key <= now) {
        group_tick(QUEUE_ENTRY(first, struct group, timer), now);
    }
    if (first != NULL) {
        c->timer_ms = first->key;
        env_timer_start(c->env, &c->timer, first->key);
    }
}

/* ---- peers ------------------------------------------------------------- */

static void receive(void *arg, int32_t node, struct bytes frame)
{
    struct consensus *c = arg;
    struct message_reader r;
    struct message m;
    int rv = message_reader_init(&r, frame, &c->arena, node, c->o.node);
    while (rv == 0 && (rv = message_next(&r, &m)) == 1) {
        struct group *g = consensus_find(c, m.group);
        rv = 0;
        if (g != NULL) {
            group_receive(g, &m);
        } else {
            c->n_unknown++;
        }
        if (cursor_left(&r.cursor) == 0) {
            break;
        }
    }
    if (rv < 0) {
        c->n_malformed++;
        trace_warn(env_trace(c->env), "raft.malformed", "node=%d error=%s",
                   (int)node, err_name(rv));
    }
    arena_reset(&c->arena);
}

static void watch(void *arg, int32_t node, enum peer_state state)
{
    struct consensus *c = arg;
    if (state == PEER_REFUSED) {
        node_suspect(c, node);
    } else if (state == PEER_DOWN) {
        quiet_wake_node(c, node); /* what was said may be lost */
    }
}

void consensus_press(struct consensus *c)
{
    uint64_t now = env_now_ms(c->env);
    if (now >= c->press_ms) {
        c->press_ms = now + PRESS_MS;
        journal_press(c->o.journal);
    }
}

/* ---- the turn's end ---------------------------------------------------- */

static void reap(struct consensus *c)
{
    struct queue *q;
    while ((q = queue_pop(&c->dead)) != NULL) {
        group_discard(QUEUE_ENTRY(q, struct group, dirty));
    }
}

/* After the proposals, whose messages say it too. */
static void tell(struct consensus *c)
{
    struct queue telling;
    struct queue *q;
    queue_move(&c->telling, &telling);
    while ((q = queue_pop(&telling)) != NULL) {
        struct group *g = QUEUE_ENTRY(q, struct group, telling);
        group_step(g, (struct core_event){.kind = CORE_TELL});
    }
}

static void turn_cb(struct env_turn *t)
{
    struct consensus *c = t->data;
    struct queue proposing;
    struct queue *q;
    queue_move(&c->proposing, &proposing);
    while ((q = queue_pop(&proposing)) != NULL) {
        group_submit(QUEUE_ENTRY(q, struct group, proposing));
    }
    tell(c);
    barriers_ask(c);
    barriers_flush(c);
    routes_flush(c);
    reap(c);
}

/* ---- journal ----------------------------------------------------------- */

void consensus_durable(struct consensus *c, uint64_t seq)
{
    struct queue dirty;
    struct queue *q;
    ASSERT(seq >= c->durable);
    c->durable = seq;
    queue_move(&c->dirty, &dirty);
    while ((q = queue_pop(&dirty)) != NULL) {
        group_durable(QUEUE_ENTRY(q, struct group, dirty), seq);
    }
}

void consensus_need(struct consensus *c, uint64_t group, uint64_t index)
{
    struct group *g = consensus_find(c, group);
    if (g != NULL) {
        group_need(g, index);
    }
}

/* ---- life -------------------------------------------------------------- */

struct group *consensus_find(struct consensus *c, uint64_t group)
{
    struct group *g = map_find_u64(c->groups, group);
    return g != NULL && !g->closed ? g : NULL;
}

static void metrics_open(struct consensus *c)
{
    const struct {
        enum metric_kind kind;
        const char *name, *help;
        const uint64_t *value;
    } table[CONSENSUS_METRICS] = {
        {METRIC_GAUGE, "ostraka_raft_uncommitted_bytes",
         "Payload bytes of entries that are not committed.",
         &c->uncommitted_bytes},
        {METRIC_COUNTER, "ostraka_raft_unknown_group_total",
         "Messages for groups that this node does not have.", &c->n_unknown},
        {METRIC_COUNTER, "ostraka_raft_malformed_total",
         "Frames from peers that were not understood.", &c->n_malformed},
        {METRIC_COUNTER, "ostraka_raft_alarms_total",
         "Messages that no correct peer sends.", &c->n_alarms},
        {METRIC_COUNTER, "ostraka_raft_dropped_total",
         "Messages not sent: peer down, queue full, or no memory.",
         &c->n_dropped},
        {METRIC_COUNTER, "ostraka_raft_refused_entries_total",
         "Appends whose entries were not taken for want of room.",
         &c->n_stripped},
        {METRIC_COUNTER, "ostraka_raft_refused_proposals_total",
         "Proposals refused for want of room, tried again by who made them.",
         &c->n_full},
        {METRIC_GAUGE, "ostraka_raft_quiet_groups",
         "Groups without heartbeats, since nothing happens in them.",
         &c->n_quiet},
        {METRIC_COUNTER, "ostraka_raft_woken_total",
         "Quiet groups in which something happened.", &c->n_woken},
    };
    for (unsigned i = 0; i < CONSENSUS_METRICS; i++) {
        metric_add(env_metrics(c->env), &c->metrics[i], table[i].kind,
                   table[i].name, table[i].help, "", table[i].value);
    }
}

int consensus_open(struct env *e, const struct consensus_options *o,
                   struct consensus **ret_c, struct err *err)
{
    int rv = core_probe(err);
    if (rv != 0) {
        return rv;
    }
    struct consensus *c = mem_calloc(env_mem(e), 1, sizeof *c);
    struct map *groups = map_new(env_mem(e));
    if (c == NULL || groups == NULL) {
        mem_free(env_mem(e), c);
        map_free(groups);
        return err_set(err, ERR_NOMEM, "consensus: out of memory");
    }
    *c = (struct consensus){.env = e,
                            .mem = env_mem(e),
                            .o = *o,
                            .groups = groups,
                            .durable = journal_durable(o->journal)};
    heap_init(&c->timers, c->mem);
    queue_init(&c->proposing);
    queue_init(&c->dirty);
    queue_init(&c->asking);
    queue_init(&c->telling);
    queue_init(&c->dead);
    arena_init(&c->arena, c->mem, PEERS_MESSAGE_MAX);
    env_timer_init(&c->timer, timer_cb, c);
    env_turn_init(&c->turn, ENV_TURN_CONSENSUS, turn_cb, c);
    quiet_open(c);
    peers_receive(o->peers, PEER_RAFT, receive, c);
    peers_receive(o->peers, PEER_BARRIER, barrier_receive, c);
    peers_watch(o->peers, watch, c);
    metrics_open(c);
    *ret_c = c;
    return 0;
}

void consensus_close(struct consensus *c)
{
    if (c == NULL) {
        return;
    }
    reap(c);
    for (unsigned i = 0; i < CONSENSUS_METRICS; i++) {
        metric_remove(&c->metrics[i]);
    }
    ASSERT(map_count(c->groups) == 0);
    peers_receive(c->o.peers, PEER_RAFT, NULL, NULL);
    peers_receive(c->o.peers, PEER_BARRIER, NULL, NULL);
    peers_unwatch(c->o.peers, watch, c);
    quiet_close(c);
    env_timer_stop(c->env, &c->timer);
    env_turn_cancel(c->env, &c->turn);
    routes_close(c);
    arena_close(&c->arena);
    heap_close(&c->timers);
    map_free(c->groups);
    mem_free(c->mem, c);
}
