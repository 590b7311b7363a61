/* barrier.c - read barriers: is there no newer leader?
 *
 * A frame on PEER_BARRIER: u32 CRC-32C of what follows, u8 kind (1 ask, 2
 * yes), u64 round, little-endian, then per group, all numbers LEB128 (z:
 * zig-zag): z group - group before, term, incarnation of the member asked. One
 * frame per node and turn carries the questions of all groups. A member that is
 * not in a newer term says yes: when it said so, no majority can have been in
 * one. Who is in newer terms, or in repair, or knows no such group, does not
 * answer.
 */
#include "base/bytes.h"
#include "base/crc32c.h"
#include "raft/consensus.h"

enum { BARRIER_ASK = 1, BARRIER_YES = 2 };
#define BARRIER_PREFIX 13

static void record_add(struct buf *b, uint64_t *before, uint64_t round,
                       uint8_t kind, const struct group *g, uint64_t term,
                       uint64_t member)
{
    if (b->len == 0) {
        uint8_t prefix[BARRIER_PREFIX] = {0, 0, 0, 0, kind};
        le64_store(prefix + 5, round);
        buf_put(b, prefix, sizeof prefix);
        *before = 0;
    }
    buf_put_varint(b, (int64_t)(g->id - *before));
    *before = g->id;
    buf_put_uvarint(b, term);
    buf_put_uvarint(b, member >> 32);
}

static void frame_send(struct consensus *c, struct route *l, struct buf *b)
{
    if (b->len > 0) {
        le32_store(b->data, crc32c(b->data + 4, b->len - 4));
    }
    if (b->len > 0 &&
        (b->status != 0 ||
         peer_send(c->o.peers, l->node, PEER_LANE_MAIN, PEER_BARRIER, 0,
                   buf_slice(b), NULL, 0) != 0)) {
        c->n_dropped++; /* asked again after a heartbeat */
    }
    buf_reset(b);
}

void barriers_flush(struct consensus *c)
{
    for (unsigned i = 0; i < c->n_routes; i++) {
        frame_send(c, &c->routes[i], &c->routes[i].ask);
        frame_send(c, &c->routes[i], &c->routes[i].yes);
    }
}

/* ---- asking ------------------------------------------------------------ */

static bool majority_confirmed(struct group *g, uint64_t round)
{
    const struct group_config *config = core_config(g->core);
    unsigned voters = 0, yes = 0;
    for (unsigned i = 0; i < config->n; i++) {
        const struct group_member *m = &config->members[i];
        if (m->role == GROUP_VOTER) {
            voters++;
            yes += m->id == g->self ||
                   group_peer_find(g, m->id)->confirmed >= round;
        }
    }
    return yes > voters / 2;
}

static void barrier_end(struct group_barrier *b, int status)
{
    queue_remove(&b->queue);
    if (status == ERR_NOTLEADER || status == ERR_TIMEOUT) {
        trace_debug(env_trace(b->group->c->env), "raft.barrier_refused",
                    "group=%llu error=%s", (unsigned long long)b->group->id,
                    err_name(status));
    }
    b->group = NULL;
    b->cb(b, status, b->index);
}

static void barriers_complete(struct group *g)
{
    while (!g->closed && !queue_empty(&g->barriers)) {
        struct group_barrier *b =
            QUEUE_ENTRY(g->barriers.next, struct group_barrier, queue);
        if (b->round == 0 || !majority_confirmed(g, b->round)) {
            return;
        }
        barrier_end(b, 0);
    }
}

static void group_ask(struct group *g)
{
    const struct group_config *config = core_config(g->core);
    struct consensus *c = g->c;
    struct queue *q, *tmp;
    QUEUE_FOREACH(q, tmp, &g->barriers)
    {
        struct group_barrier *b = QUEUE_ENTRY(q, struct group_barrier, queue);
        if (b->round == 0) {
            b->round = c->round;
        }
    }
    for (unsigned i = 0; i < config->n; i++) {
        const struct group_member *m = &config->members[i];
        if (m->role != GROUP_VOTER || m->id == g->self) {
            continue;
        }
        struct route *l = route_find(c, membership_node(m->id));
        if (l != NULL) {
            record_add(&l->ask, &l->ask_group, c->round, BARRIER_ASK, g,
                       core_term(g->core), m->id);
        }
    }
    g->reask_ms = env_now_ms(c->env) + c->o.heartbeat_ms;
    if (g->reask_ms < g->barrier_ms) {
        g->barrier_ms = g->reask_ms;
    }
    barriers_complete(g); /* a sole voter needs nobody */
    if (!g->closed) {
        group_arm(g);
    }
}

void barriers_ask(struct consensus *c)
{
    struct queue asking;
    struct queue *q;
    if (queue_empty(&c->asking)) {
        return;
    }
    queue_move(&c->asking, &asking);
    c->round++;
    while ((q = queue_pop(&asking)) != NULL) {
        group_ask(QUEUE_ENTRY(q, struct group, asking));
    }
}

int group_read_barrier(struct group *g, struct group_barrier *b,
                       uint32_t timeout_ms, group_barrier_cb cb, void *data)
{
    if (core_role(g->core) != GROUP_LEADER) {
        return ERR_NOTLEADER;
    }
    if (!group_ready(g)) {
        return ERR_NOTREADY;
    }
    *b = (struct group_barrier){.group = g,
                                .index = g->commit,
                                .deadline_ms =
                                    env_now_ms(g->c->env) + timeout_ms,
                                .cb = cb,
                                .data = data};
    queue_push(&g->barriers, &b->queue);
    if (g->barrier_ms == 0 || b->deadline_ms < g->barrier_ms) {
        g->barrier_ms = b->deadline_ms;
    }
    queue_remove(&g->asking);
    queue_push(&g->c->asking, &g->asking);
    env_turn_request(g->c->env, &g->c->turn);
    return 0;
}

void group_barrier_cancel(struct group_barrier *b)
{
    if (b->group != NULL) {
        barrier_end(b, ERR_CANCELED);
    }
}

void barriers_fail(struct group *g, int status)
{
    struct queue failed;
    struct queue *q;
    queue_move(&g->barriers, &failed);
    while ((q = queue_pop(&failed)) != NULL) {
        barrier_end(QUEUE_ENTRY(q, struct group_barrier, queue), status);
    }
}

uint64_t barriers_tick(struct group *g, uint64_t now_ms)
{
    struct queue late;
    struct queue *q, *tmp;
    uint64_t next = 0;
    queue_init(&late);
    QUEUE_FOREACH(q, tmp, &g->barriers)
    {
        struct group_barrier *b = QUEUE_ENTRY(q, struct group_barrier, queue);
        if (b->deadline_ms <= now_ms) {
            queue_remove(q);
            queue_push(&late, q);
        } else if (next == 0 || b->deadline_ms < next) {
            next = b->deadline_ms;
        }
    }
    if (next != 0 && g->reask_ms <= now_ms) {
        g->reask_ms = now_ms + g->c->o.heartbeat_ms;
        queue_remove(&g->asking);
        queue_push(&g->c->asking, &g->asking);
        env_turn_request(g->c->env, &g->c->turn);
    }
    if (next != 0 && g->reask_ms < next) {
        next = g->reask_ms;
    }
    while ((q = queue_pop(&late)) != NULL) {
        barrier_end(QUEUE_ENTRY(q, struct group_barrier, queue), ERR_TIMEOUT);
    }
    return next;
}

/* ---- answering --------------------------------------------------------- */

static void handle_ask(struct consensus *c, struct route *l, uint64_t round,
                       struct group *g, uint64_t term, uint64_t member)
{
    if (member != g->self || core_repair(g->core) ||
        core_term(g->core) > term) {
        return;
    }
    if (l->yes.len > 0 && l->yes_round != round) {
        frame_send(c, l, &l->yes);
    }
    l->yes_round = round;
    record_add(&l->yes, &l->yes_group, round, BARRIER_YES, g, term, g->self);
    env_turn_request(c->env, &c->turn);
}

static void handle_yes(struct group *g, uint64_t round, uint64_t term,
                       uint64_t member)
{
    if (core_role(g->core) != GROUP_LEADER || core_term(g->core) != term) {
        return;
    }
    struct group_peer *peer = group_peer_find(g, member);
    if (round > peer->confirmed) {
        peer->confirmed = round;
        barriers_complete(g);
    }
}

void barrier_receive(void *arg, int32_t node, struct bytes message)
{
    struct consensus *c = arg;
    struct route *l = route_find(c, node);
    struct cursor cursor;
    uint64_t id = 0;
    cursor_init(&cursor, bytes_slice(message));
    uint32_t crc = cursor_u32le(&cursor);
    if (cursor.status != 0 || crc != crc32c(cursor.p, cursor_left(&cursor))) {
        c->n_malformed++;
        return;
    }
    unsigned kind = cursor_u8(&cursor);
    uint64_t round = cursor_u64le(&cursor);
    while (l != NULL && cursor.status == 0 && cursor_left(&cursor) > 0) {
        id += (uint64_t)cursor_varint(&cursor);
        uint64_t term = cursor_uvarint(&cursor);
        uint32_t incarnation = cursor_uvarint32(&cursor);
        struct group *g = consensus_find(c, id);
        if (cursor.status != 0) {
            break;
        }
        if (g == NULL) {
            c->n_unknown++;
        } else if (kind == BARRIER_ASK) {
            handle_ask(c, l, round, g, term,
                       membership_id(c->o.node, incarnation));
        } else if (kind == BARRIER_YES && round <= c->round) {
            handle_yes(g, round, term, membership_id(node, incarnation));
        }
    }
    if (cursor.status != 0) {
        c->n_malformed++;
    }
}
