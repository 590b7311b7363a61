/* route.c - the way to one peer.
 *
 * Small messages of a turn gather in one pack per peer, which net/ may let
 * pass before large messages of other groups. Within a group order holds: what
 * follows an append with entries goes the same ordered way, until the peer's
 * queue was seen empty.
 */
#include "raft/consensus.h"

#define PACK_BYTES_MAX (64u << 10)

struct route *route_find(struct consensus *c, int32_t node)
{
    for (unsigned i = 0; i < c->n_routes; i++) {
        if (c->routes[i].node == node) {
            return &c->routes[i];
        }
    }
    if (c->n_routes == PEERS_MAX) {
        return NULL;
    }
    struct route *l = &c->routes[c->n_routes++];
    *l = (struct route){.node = node, .drains = 1};
    buf_init(&l->pack, c->mem, 0);
    buf_init(&l->ask, c->mem, 0);
    buf_init(&l->yes, c->mem, 0);
    return l;
}

void routes_close(struct consensus *c)
{
    for (unsigned i = 0; i < c->n_routes; i++) {
        buf_close(&c->routes[i].pack);
        buf_close(&c->routes[i].ask);
        buf_close(&c->routes[i].yes);
    }
    c->n_routes = 0;
}

static void pack_flush(struct consensus *c, struct route *l)
{
    if (l->pack.len == 0 && l->pack.status == 0) {
        return;
    }
    message_frame_end(&l->pack);
    if (l->pack.status != 0 ||
        peer_send(c->o.peers, l->node, PEER_LANE_MAIN, PEER_RAFT, 0,
                  buf_slice(&l->pack), NULL, 0) != 0) {
        c->n_dropped++; /* the protocol sends again */
    }
    buf_reset(&l->pack);
    l->pack_group = 0;
}

void routes_flush(struct consensus *c)
{
    for (unsigned i = 0; i < c->n_routes; i++) {
        pack_flush(c, &c->routes[i]);
    }
}

void routes_beat(struct consensus *c)
{
    struct buf empty;
    buf_init(&empty, c->mem, 0);
    message_frame_begin(&empty);
    message_frame_end(&empty);
    for (int32_t node = 0; empty.status == 0 && peers_next(c->o.peers, &node);
         node++) {
        if (peers_state(c->o.peers, node) == PEER_UP &&
            peer_send(c->o.peers, node, PEER_LANE_MAIN, PEER_RAFT, 0,
                      buf_slice(&empty), NULL, 0) != 0) {
            c->n_dropped++; /* the next one comes soon */
        }
    }
    buf_close(&empty);
}

static void pack_add(struct consensus *c, struct route *l,
                     const struct message *m)
{
    if (l->pack.len == 0) {
        message_frame_begin(&l->pack);
    }
    message_encode(m, NULL, &l->pack_group, &l->pack);
    if (l->pack.len > PACK_BYTES_MAX) {
        pack_flush(c, l);
    }
    env_turn_request(c->env, &c->turn);
}

/* One message that is a frame of its own, in its group's order. */
static void ordered_send(struct group *g, struct route *l,
                         const struct message *m, struct entry *const entries[])
{
    struct consensus *c = g->c;
    struct buf head;
    uint64_t group = 0;
    struct bytes *payload = NULL;
    buf_init(&head, c->mem, 0);
    message_frame_begin(&head);
    message_encode(m, entries, &group, &head);
    message_frame_end(&head);
    if (m->n_entries > 0) {
        payload = mem_alloc(c->mem, m->n_entries * sizeof *payload);
    }
    unsigned n = 0;
    for (unsigned i = 0; i < m->n_entries && payload != NULL; i++) {
        if (entries[i]->payload.len > 0) {
            payload[n++] = entries[i]->payload;
        }
    }
    bool whole = head.status == 0 && (m->n_entries == 0 || payload != NULL);
    if (!whole || peer_send(c->o.peers, l->node, PEER_LANE_MAIN, PEER_RAFT,
                            g->id, buf_slice(&head), payload, n) != 0) {
        c->n_dropped++;
    }
    struct group_peer *peer = group_peer_find(g, m->to);
    peer->ordered = l->drains;
    mem_free(c->mem, payload);
    buf_close(&head);
}

void route_send(struct group *g, const struct message *m,
                struct entry *const entries[])
{
    struct consensus *c = g->c;
    struct route *l = route_find(c, membership_node(m->to));
    if (l == NULL || peers_state(c->o.peers, l->node) != PEER_UP) {
        c->n_dropped++; /* nothing is queued for a dead node */
        return;
    }
    if (peer_queued(c->o.peers, l->node, PEER_LANE_MAIN) == 0) {
        l->drains++; /* nothing is left that could be overtaken */
    }
    bool small = m->n_entries == 0 && m->kind != MESSAGE_INSTALL;
    if (small && group_peer_find(g, m->to)->ordered != l->drains) {
        pack_add(c, l, m);
    } else {
        ordered_send(g, l, m, entries);
    }
}
