/* group_step.c - a step of a group and its effects, in the order of duty:
 * persist, send, apply, reply. */
#include "base/hash.h"
#include "raft/consensus.h"

/* Between the attempts of a first replica that stands for election. */
#define STAND_AGAIN_MS 100

/* A follower takes no entries when the ring has less room than this beyond
 * them (DESIGN section 5). */
#define ROOM_SPARE(c) (journal_size((c)->o.journal) / 8)

struct group_peer *group_peer_find(struct group *g, uint64_t id)
{
    for (unsigned i = 0; i < g->n_peers; i++) {
        if (g->peers[i].id == id) {
            return &g->peers[i];
        }
    }
    if (g->n_peers == GROUP_MEMBERS_MAX) {
        g->n_peers = 0; /* members came and went: begin anew */
    }
    struct group_peer *peer = &g->peers[g->n_peers++];
    *peer = (struct group_peer){.id = id};
    return peer;
}

/* ---- persist ----------------------------------------------------------- */

static void mark_dirty(struct group *g)
{
    queue_remove(&g->dirty);
    queue_push(&g->c->dirty, &g->dirty);
}

static void persist_hard(struct group *g, const struct core_effects *fx)
{
    struct consensus *c = g->c;
    uint64_t seq;
    int rv = journal_hard(c->o.journal, g->id, fx->term, fx->vote, &seq);
    if (rv != 0) {
        env_fail(c->env, rv, "group %llu: cannot write term %llu: %s",
                 (unsigned long long)g->id, (unsigned long long)fx->term,
                 err_text(rv));
    }
    g->hard_seq = seq;
    mark_dirty(g);
}

static void persist_entries(struct group *g, const struct core_effects *fx)
{
    struct consensus *c = g->c;
    struct entry **entries = mem_alloc(c->mem, fx->append_n * sizeof *entries);
    int rv = ERR_NOMEM;
    uint64_t seq;
    for (unsigned i = 0; i < fx->append_n && entries != NULL; i++) {
        entries[i] = tail_find(&g->tail, fx->append_first + i);
        ASSERT(entries[i] != NULL);
    }
    if (entries != NULL) {
        rv = journal_insist(c->o.journal, g->id, entries, fx->append_n, &seq);
    }
    if (rv != 0) {
        env_fail(c->env, rv, "group %llu: cannot log entry %llu: %s",
                 (unsigned long long)g->id,
                 (unsigned long long)fx->append_first, err_text(rv));
    }
    mem_free(c->mem, entries);
    mark_dirty(g);
}

uint64_t group_payload_bytes(const struct group *g, uint64_t from, uint64_t to)
{
    uint64_t bytes = 0;
    for (uint64_t i = from + 1; i <= to; i++) {
        const struct entry *e = tail_find(&g->tail, i);
        bytes += e != NULL ? e->payload.len : 0;
    }
    return bytes;
}

static void count_bytes(struct group *g)
{
    uint64_t now = g->tail.bytes - g->committed_bytes;
    g->c->uncommitted_bytes += now - g->uncommitted_bytes;
    g->uncommitted_bytes = now;
}

/* ---- tell -------------------------------------------------------------- */

/* Whoever leads by now: what is committed at the index is the entry only if
 * it is of its term (below an installed base nobody knows). */
static void complete_proposals(struct group *g)
{
    while (!g->closed && !queue_empty(&g->pending)) {
        struct group_propose *p =
            QUEUE_ENTRY(g->pending.next, struct group_propose, queue);
        if (p->index > g->commit) {
            return;
        }
        queue_remove(&p->queue);
        if (p->cb != NULL) {
            p->cb(p,
                  tail_term(&g->tail, p->index) == p->term ? 0 : ERR_NOTLEADER,
                  p->index);
        }
    }
}

static void fail_queue(struct queue *from, int status)
{
    struct queue failed;
    struct queue *q;
    queue_move(from, &failed);
    while ((q = queue_pop(&failed)) != NULL) {
        struct group_propose *p = QUEUE_ENTRY(q, struct group_propose, queue);
        if (p->cb != NULL) {
            p->cb(p, status, p->index);
        }
    }
}

void group_fail_queued(struct group *g, int status)
{
    group_queue_empty(g);
    queue_remove(&g->proposing);
    fail_queue(&g->queued, status);
}

void group_fail_proposals(struct group *g, int status)
{
    g->fate_ms = 0;
    fail_queue(&g->pending, status);
    group_fail_queued(g, status);
}

/* Another entry, or none, is where these were: they are not in the log. */
static void fail_truncated(struct group *g, uint64_t from)
{
    struct queue gone;
    struct queue *q, *tmp;
    queue_init(&gone);
    QUEUE_FOREACH(q, tmp, &g->pending)
    {
        if (QUEUE_ENTRY(q, struct group_propose, queue)->index >= from) {
            queue_remove(q);
            queue_push(&gone, q);
        }
    }
    fail_queue(&gone, ERR_NOTLEADER);
}

/* Leadership is lost. What is in the log is committed or overwritten by who
 * leads now: if somebody spoke of a newer term, that will be known soon, and
 * whoever waits gets the truth. If nobody speaks to us, it will not. */
static void await_fate(struct group *g)
{
    if (core_term(g->core) == g->led_term || queue_empty(&g->pending)) {
        group_fail_proposals(g, ERR_NOTLEADER);
        return;
    }
    g->fate_ms = env_now_ms(g->c->env) + 2 * (uint64_t)g->c->o.election_ms;
    group_arm(g);
    group_fail_queued(g, ERR_NOTLEADER);
}

static void tell_role(struct group *g)
{
    trace_debug(env_trace(g->c->env), "raft.role",
                "group=%llu term=%llu role=%d ready=%d leader=%llx",
                (unsigned long long)g->id,
                (unsigned long long)core_term(g->core), (int)core_role(g->core),
                (int)core_ready(g->core),
                (unsigned long long)core_leader(g->core));
    bool leader = core_role(g->core) == GROUP_LEADER;
    if (g->was_leader && !leader) {
        barriers_fail(g, ERR_NOTLEADER);
        await_fate(g);
    }
    if (leader) {
        g->led_term = core_term(g->core);
        g->fate_ms = 0; /* it commits what it has */
    }
    g->was_leader = leader;
    if (!g->closed && g->hooks->role != NULL) {
        g->hooks->role(g->arg, g);
    }
}

static void tell_committed(struct group *g)
{
    uint64_t safe = g->commit < g->stored ? g->commit : g->stored;
    complete_proposals(g);
    if (!g->closed && g->hooks->committed != NULL) {
        g->told = safe;
        g->hooks->committed(g->arg, g, g->commit);
    }
}

/* ---- step -------------------------------------------------------------- */

/* A leader has brought us up: recovery need not report damage any more. */
static void persist_repaired(struct group *g)
{
    uint64_t seq;
    if (g->repair && !core_repair(g->core) &&
        journal_repaired(g->c->o.journal, g->id, &seq) == 0) {
        g->repair = false; /* else tried again with the next step */
    }
}

static void carry_out(struct group *g, const struct core_effects *fx,
                      bool ready_before)
{
    uint64_t commit = g->commit, stored = g->stored;
    if (fx->hard) {
        persist_hard(g, fx);
    }
    if (fx->truncated_from != 0) {
        trace_debug(env_trace(g->c->env), "raft.truncated",
                    "group=%llu from=%llu", (unsigned long long)g->id,
                    (unsigned long long)fx->truncated_from);
    }
    if (fx->truncated_from != 0 && g->stored >= fx->truncated_from) {
        g->stored = fx->truncated_from - 1;
    }
    if (fx->append_n > 0) {
        persist_entries(g, fx);
    }
    persist_repaired(g);
    for (unsigned i = 0; i < fx->n_messages; i++) {
        gate_send(g, &fx->messages[i]);
    }
    if (fx->append_n > 0 || fx->commit > commit || fx->role_changed ||
        fx->hard) {
        g->active_ms = env_now_ms(g->c->env);
        quiet_end(g);
    }
    g->commit = fx->commit;
    g->committed_bytes += group_payload_bytes(g, commit, g->commit);
    count_bytes(g);
    g->timeout_ms = fx->timeout_ms;
    group_arm(g);
    if (fx->tell) {
        queue_remove(&g->telling);
        queue_push(&g->c->telling, &g->telling);
        env_turn_request(g->c->env, &g->c->turn);
    }
    if (g->untold) {
        return; /* still inside group_open() */
    }
    if (fx->truncated_from != 0) {
        fail_truncated(g, fx->truncated_from);
    }
    if (!g->closed && fx->truncated_from != 0 && g->hooks->truncated != NULL) {
        g->hooks->truncated(g->arg, g, fx->truncated_from);
    }
    bool ready = !g->closed && core_ready(g->core);
    if (!g->closed && (fx->role_changed || ready != ready_before)) {
        tell_role(g);
    }
    uint64_t safe = g->commit < g->stored ? g->commit : g->stored;
    if (!g->closed && (g->commit > commit || g->stored > stored) &&
        (g->commit > commit || safe > g->told)) {
        tell_committed(g);
    }
    if (!g->closed && fx->handover && !g->transfer.active) {
        trace_warn(env_trace(g->c->env), "raft.handover", "group=%llu",
                   (unsigned long long)g->id);
        group_transfer(g, 0, g->c->o.election_ms * 4, NULL, NULL);
    }
}

static bool refusable(enum core_event_kind kind)
{
    return kind == CORE_PROPOSE || kind == CORE_CHANGE ||
           kind == CORE_TRANSFER || kind == CORE_INSTALLED ||
           kind == CORE_COMPACTED;
}

void group_carry(struct group *g, const struct core_effects *fx)
{
    g->untold = true; /* the owner is not ready to be called: next turn */
    carry_out(g, fx, false);
}

int group_step_effects(struct group *g, struct core_event ev,
                       struct core_effects *fx)
{
    struct env *env = g->c->env;
    bool ready = core_ready(g->core);
    if (ev.kind != CORE_PAUSED) {
        consensus_look(g->c);
    }
    if (g->quiet_ms != 0 && ev.kind != CORE_PAUSED) {
        quiet_account(g);
    }
    ev.now_ms = env_now_ms(env);
    ev.wall_ms = env_wall_ms(env);
    int rv = core_step(g->core, &ev, fx);
    if (rv == ERR_NOMEM || (rv != 0 && !refusable(ev.kind))) {
        env_fail(env, rv, "group %llu: consensus cannot go on: %s",
                 (unsigned long long)g->id, err_text(rv));
    }
    SLOW_ASSERT((core_check(g->core), 1));
    carry_out(g, fx, ready);
    return rv;
}

int group_step(struct group *g, struct core_event ev)
{
    struct core_effects fx;
    return group_step_effects(g, ev, &fx);
}

/* ---- events ------------------------------------------------------------ */

bool group_can_lead(const struct group *g)
{
    if (journal_leads(g->c->o.journal)) {
        return true;
    }
    consensus_press(g->c);
    return false;
}

/* Is there room for these entries, here and in the ring? A new leader's first
 * one has the room that ours would have: it lets go what fills the ring. */
static bool room_for(struct group *g, const struct message *m)
{
    struct consensus *c = g->c;
    uint64_t bytes = 0;
    if (m->n_entries == 1 && m->entries[0].kind == ENTRY_BARRIER) {
        return group_can_lead(g);
    }
    for (unsigned i = 0; i < m->n_entries; i++) {
        bytes += ENTRY_HEADER_BYTES + m->entries[i].payload.len;
    }
    if (journal_room(c->o.journal) <= c->queued_bytes + bytes + ROOM_SPARE(c)) {
        consensus_press(c);
        return false;
    }
    /* Twice what a leader allows itself: it counts what it queues. */
    return (g->uncommitted_bytes == 0 ||
            g->uncommitted_bytes + bytes <=
                2 * c->o.group_uncommitted_bytes_max + c->o.message_bytes_max);
}

/* A leader with larger journal files takes what can never be stored here: to
 * go on would be to lag for ever, without a word. */
static void check_fits(struct group *g, const struct message *m)
{
    size_t max = journal_entry_max(g->c->o.journal);
    for (unsigned i = 0; i < m->n_entries; i++) {
        if (m->entries[i].payload.len > max) {
            env_fail(g->c->env, ERR_INVALID,
                     "group %llu: entry %llu of %zu bytes fits no file of this "
                     "node's journal, which take %zu: all nodes need the same "
                     "journal.file.bytes, from the beginning; remove this "
                     "node and add it anew with that of its peers",
                     (unsigned long long)g->id,
                     (unsigned long long)m->entries[i].index,
                     m->entries[i].payload.len, max);
        }
    }
}

/* While an INSTALL record is on its way the log on disk may already be
 * another: no entries, and no way to leadership. Votes go on. Nor does a
 * replica come to lead whose ring cannot take its first entry. */
static bool held_back(const struct group *g)
{
    return (g->change.active && g->change.install) ||
           (core_role(g->core) != GROUP_LEADER && !group_can_lead(g));
}

void group_receive(struct group *g, const struct message *in)
{
    struct consensus *c = g->c;
    struct message m = *in;
    struct core_effects fx;
    if ((m.kind == MESSAGE_VOTE_RESULT || m.kind == MESSAGE_TIMEOUT_NOW) &&
        held_back(g)) {
        return;
    }
    if (m.kind == MESSAGE_QUIET) {
        quiet_receive(g, &m);
        return;
    }
    group_wake(g);
    check_fits(g, &m);
    if (m.n_entries > 0 &&
        ((g->change.active && g->change.install) || !room_for(g, &m))) {
        m.n_entries = 0; /* a heartbeat is left */
        c->n_stripped++;
    }
    if (m.kind == MESSAGE_RESULT) {
        group_peer_find(g, m.from)->heard_ms = env_now_ms(c->env);
    }
    if (m.kind == MESSAGE_APPEND || m.kind == MESSAGE_INSTALL) {
        g->jump_ms = 0; /* somebody leads */
    }
    struct chunk *own = condense(g, &m);
    group_step_effects(
        g, (struct core_event){.kind = CORE_RECEIVE, .message = &m}, &fx);
    chunk_release(own);
    if (fx.alarm) {
        c->n_alarms++;
        trace_warn(env_trace(c->env), "raft.alarm",
                   "group=%llu from=%llx kind=%d term=%llu",
                   (unsigned long long)g->id, (unsigned long long)m.from,
                   (int)m.kind, (unsigned long long)m.term);
    }
    if (!g->closed && !g->untold && fx.offer && m.manifest.len > 0 &&
        g->hooks->offered != NULL) {
        g->hooks->offered(g->arg, g, m.from, m.manifest);
    }
    if (!g->closed) {
        transfer_poll(g, env_now_ms(c->env));
    }
}

void group_tick(struct group *g, uint64_t now_ms)
{
    if (g->untold) {
        g->untold = false;
        tell_role(g);
        if (!g->closed && g->commit > g->told) {
            tell_committed(g);
        }
    }
    if (!g->closed && g->jump_ms != 0 && g->jump_ms <= now_ms) {
        g->jump_ms = 0;
        if (!held_back(g)) {
            group_step(g, (struct core_event){.kind = CORE_JUMP});
        }
        if (!g->closed && g->stands > 0 && core_role(g->core) != GROUP_LEADER) {
            g->stands--;
            g->jump_ms = now_ms + STAND_AGAIN_MS;
        }
    }
    if (!g->closed && g->quiet_ms != 0) {
        quiet_tick(g, now_ms);
    } else if (!g->closed && g->timeout_ms <= now_ms) {
        g->timeout_ms = now_ms + g->c->o.heartbeat_ms;
        if (!quiet_try(g, now_ms) && !held_back(g)) {
            group_step(g, (struct core_event){.kind = CORE_TIMEOUT});
        }
    }
    if (!g->closed) {
        transfer_poll(g, now_ms);
    }
    if (!g->closed) {
        g->barrier_ms = barriers_tick(g, now_ms);
    }
    if (!g->closed && g->need_ms != 0 && g->need_ms <= now_ms) {
        group_copy(g);
    }
    if (!g->closed && g->fate_ms != 0 && g->fate_ms <= now_ms) {
        group_fail_proposals(g, ERR_NOTLEADER);
    }
    if (!g->closed) {
        group_arm(g);
    }
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return b != 0 && b < a ? b : a;
}

void group_arm(struct group *g)
{
    struct consensus *c = g->c;
    uint64_t now = env_now_ms(c->env);
    if (g->closed) {
        return;
    }
    uint64_t at = g->timeout_ms;
    if (g->was_leader && c->o.heartbeat_ms >= 50) {
        at = (at + 9) / 10 * 10; /* heartbeats of many groups share a turn */
    }
    if (g->quiet_ms != 0) {
        at = g->quiet_until_ms;
    }
    at = earlier(at, g->jump_ms);
    at = earlier(at, g->need_ms);
    at = earlier(at, g->fate_ms);
    if (g->transfer.active) {
        at = earlier(at, g->transfer.deadline_ms);
    }
    at = earlier(at, g->barrier_ms);
    if (g->untold) {
        at = now; /* whatever else comes in between */
    }
    at = at > now ? at : now + 1;
    if (g->timer.slot != 0) {
        heap_move(&c->timers, &g->timer, at);
    }
    struct heap_node *first = heap_first(&c->timers);
    if (first != NULL &&
        (!env_timer_active(&c->timer) || first->key < c->timer_ms)) {
        c->timer_ms = first->key;
        env_timer_start(c->env, &c->timer, first->key);
    }
}

void group_durable(struct group *g, uint64_t seq)
{
    const struct entry *e;
    gate_release(g, seq);
    if (g->change.active && g->change.seq <= seq) {
        group_base_durable(g);
    }
    if (g->closed) {
        return;
    }
    uint64_t stored = g->stored; /* an install may have lowered it */
    while ((e = tail_find(&g->tail, stored + 1)) != NULL && e->seq <= seq) {
        stored++;
    }
    if (stored > g->stored) {
        g->stored = stored;
        struct core_event ev = {.kind = CORE_PERSISTED};
        ev.index = stored;
        group_step(g, ev);
    }
    if (g->closed) {
        return;
    }
    uint64_t safe = g->commit < g->stored ? g->commit : g->stored;
    if (safe > g->told && !g->untold) {
        tell_committed(g);
    }
    if (!g->closed && (g->hard_seq > seq || g->change.active ||
                       g->stored < tail_last_index(&g->tail))) {
        mark_dirty(g);
    }
}

void group_suspect(struct group *g, int32_t node, uint64_t now_ms)
{
    uint64_t leader = core_leader(g->core);
    if (leader == 0 || leader == g->self || membership_node(leader) != node) {
        return;
    }
    group_wake(g);
    group_step(g, (struct core_event){.kind = CORE_SUSPECT});
    if (!g->closed && g->jump_ms == 0) {
        uint64_t v[2] = {g->id, g->self};
        g->jump_ms = now_ms + 1 + hash_u64s(v, 2) % 100;
        group_arm(g);
    }
}
