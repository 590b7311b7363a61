#include "broker/leaders.h"

#include <string.h>

#include "base/assert.h"
#include "base/buf.h"
#include "base/cursor.h"
#include "base/map.h"

/* A message is a number of rows, big-endian:
 * {group u64, term u64, node i32, n u8, n * i32}. */
#define LEADERS_ROWS_PER_MESSAGE 2048
#define LEADERS_INSYNC_MAX       15

struct row {
    struct leader leader;
    bool mine;  /* this node said it */
    bool dirty; /* to be told at the end of the turn */
};

struct leaders {
    struct env *env;
    struct mem *mem;
    struct peers *peers;
    int32_t node;
    struct map *rows; /* by group */
    struct env_turn turn;
    void (*watch)(void *arg, const struct leader *row);
    void *watch_arg;
};

static void put_row(struct buf *b, const struct leader *l)
{
    buf_put_u64(b, l->group);
    buf_put_u64(b, l->term);
    buf_put_u32(b, (uint32_t)l->node);
    buf_put_u8(b, (uint8_t)l->n_insync);
    for (unsigned i = 0; i < l->n_insync; i++) {
        buf_put_u32(b, (uint32_t)l->insync[i]);
    }
}

static int get_row(struct cursor *c, struct leader *ret_l)
{
    *ret_l = (struct leader){.group = cursor_u64(c), .term = cursor_u64(c)};
    ret_l->node = (int32_t)cursor_u32(c);
    ret_l->n_insync = cursor_u8(c);
    if (ret_l->n_insync > LEADERS_INSYNC_MAX) {
        cursor_fail(c);
        return c->status;
    }
    for (unsigned i = 0; i < ret_l->n_insync; i++) {
        ret_l->insync[i] = (int32_t)cursor_u32(c);
    }
    return c->status;
}

static bool same_row(const struct leader *a, const struct leader *b)
{
    return a->term == b->term && a->node == b->node &&
           a->n_insync == b->n_insync &&
           memcmp(a->insync, b->insync, a->n_insync * sizeof a->insync[0]) == 0;
}

static struct row *find_row(const struct leaders *l, uint64_t group)
{
    return map_find_u64(l->rows, group);
}

/* The row of a group, made if missing. NULL without memory: the next
 * announcement brings it. */
static struct row *make_row(struct leaders *l, uint64_t group)
{
    struct row *r = find_row(l, group);
    if (r != NULL) {
        return r;
    }
    r = mem_calloc(l->mem, 1, sizeof *r);
    if (r == NULL || map_put_u64(l->rows, group, r) != 0) {
        mem_free(l->mem, r);
        return NULL;
    }
    r->leader = (struct leader){.group = group, .node = -1};
    return r;
}

static void changed(struct leaders *l, const struct row *r)
{
    if (l->watch != NULL) {
        l->watch(l->watch_arg, &r->leader);
    }
}

/* Send rows to one node: all of them, or the dirty ones. */
static void send_rows(struct leaders *l, int32_t node, bool all)
{
    struct buf b;
    void *it = NULL, *v;
    unsigned n = 0;
    buf_init(&b, l->mem, 0);
    while (map_next(l->rows, &it, &v)) {
        const struct row *r = v;
        if (all ? r->leader.term > 0 : r->dirty) {
            put_row(&b, &r->leader);
            n++;
        }
        if (n == LEADERS_ROWS_PER_MESSAGE) {
            peer_send(l->peers, node, PEER_LANE_MAIN, PEER_LEADERS, 0,
                      buf_slice(&b), NULL, 0);
            buf_reset(&b);
            n = 0;
        }
    }
    if (n > 0 && b.status == 0) {
        /* Not connected is fine: a new connection gets the whole table. */
        peer_send(l->peers, node, PEER_LANE_MAIN, PEER_LEADERS, 0,
                  buf_slice(&b), NULL, 0);
    }
    buf_close(&b);
}

static void tell_all(struct env_turn *t)
{
    struct leaders *l = t->data;
    void *it = NULL, *v;
    for (int32_t i = 0; peers_next(l->peers, &i); i++) {
        send_rows(l, i, false);
    }
    while (map_next(l->rows, &it, &v)) {
        ((struct row *)v)->dirty = false;
    }
}

static void on_peer(void *arg, int32_t node, enum peer_state state)
{
    if (state == PEER_UP) {
        send_rows(arg, node, true);
    }
}

/* A row from a peer: the highest term wins; in one term the leader's own word
 * about its followers is the newest. */
static void on_row(struct leaders *l, const struct leader *in)
{
    struct row *r = make_row(l, in->group);
    if (r == NULL || in->term < r->leader.term ||
        (in->term == r->leader.term && (r->mine || in->node < 0)) ||
        same_row(in, &r->leader)) {
        return;
    }
    r->leader = *in;
    r->mine = false;
    changed(l, r);
}

static void on_message(void *arg, int32_t node, struct bytes message)
{
    struct leaders *l = arg;
    struct cursor c;
    struct leader in;
    (void)node;
    cursor_init(&c, bytes_slice(message));
    while (cursor_left(&c) > 0 && get_row(&c, &in) == 0) {
        on_row(l, &in);
    }
}

int leaders_open(struct env *e, struct peers *peers, int32_t node,
                 struct leaders **ret_l)
{
    struct leaders *l = mem_calloc(env_mem(e), 1, sizeof *l);
    if (l == NULL) {
        return ERR_NOMEM;
    }
    *l = (struct leaders){
        .env = e, .mem = env_mem(e), .peers = peers, .node = node};
    l->rows = map_new(l->mem);
    if (l->rows == NULL) {
        mem_free(l->mem, l);
        return ERR_NOMEM;
    }
    env_turn_init(&l->turn, ENV_TURN_CONSENSUS, tell_all, l);
    peers_receive(peers, PEER_LEADERS, on_message, l);
    peers_watch(peers, on_peer, l);
    *ret_l = l;
    return 0;
}

void leaders_close(struct leaders *l)
{
    void *it = NULL, *v;
    if (l == NULL) {
        return;
    }
    env_turn_cancel(l->env, &l->turn);
    while (map_next(l->rows, &it, &v)) {
        mem_free(l->mem, v);
    }
    map_free(l->rows);
    mem_free(l->mem, l);
}

const struct leader *leaders_find(const struct leaders *l, uint64_t group)
{
    const struct row *r = find_row(l, group);
    return r != NULL && r->leader.term > 0 ? &r->leader : NULL;
}

void leaders_set(struct leaders *l, const struct leader *leader)
{
    struct row *r = make_row(l, leader->group);
    ASSERT(leader->n_insync <= LEADERS_INSYNC_MAX);
    if (r == NULL || leader->term < r->leader.term ||
        same_row(leader, &r->leader)) {
        return;
    }
    if (leader->node < 0 && !r->mine) {
        return; /* who leads was said by somebody else */
    }
    r->leader = *leader;
    r->mine = leader->node == l->node;
    if (r->mine) {
        r->dirty = true;
        env_turn_request(l->env, &l->turn);
    }
    changed(l, r);
}

void leaders_forget(struct leaders *l, uint64_t group)
{
    mem_free(l->mem, map_remove_u64(l->rows, group));
}

void leaders_sweep(struct leaders *l,
                   bool (*is_gone)(void *arg, uint64_t group), void *arg)
{
    void *it = NULL, *v;
    while (map_next(l->rows, &it, &v)) {
        uint64_t group = ((const struct row *)v)->leader.group;
        if (is_gone(arg, group)) {
            leaders_forget(l, group);
        }
    }
}

void leaders_watch(struct leaders *l,
                   void (*cb)(void *arg, const struct leader *row), void *arg)
{
    l->watch = cb;
    l->watch_arg = arg;
}
