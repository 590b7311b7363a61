#include "broker/waits.h"

#include <string.h>

#include "base/buf.h"
#include "base/cursor.h"
#include "broker/leaders.h"

#define WAITS_MAX     65536
#define WAITS_METRICS 2
/* PEER_QUERY: {u8 kind, u64 applied index}. */
#define QUERY_APPLIED 1
#define QUERY_LEAVING 2 /* the same, from a node that is about to stop */

enum wait_kind { WAIT_TOPIC, WAIT_EVENT };

struct wait {
    struct queue queue;
    struct env_timer timer;
    struct waits *waits;
    enum wait_kind kind;
    struct uuid topic;
    uint64_t index; /* all reachable nodes must have applied it */
    bool done;
};
_Static_assert(sizeof(struct wait) <= sizeof((struct broker_wait *)0)->impl,
               "struct wait fits in struct broker_wait");

struct waits {
    struct env *env;
    struct waits_options o;
    struct queue queue;
    unsigned n;
    uint64_t applied;
    bool leaving;              /* this node is about to stop */
    bool closing;              /* nobody waits any more */
    uint64_t heard[PEERS_MAX]; /* applied index, by slot of node */
    bool left[PEERS_MAX];      /* it said that it is about to stop */
    int32_t nodes[PEERS_MAX];
    unsigned n_nodes;
    struct env_turn turn; /* answer outside the caller's stack */
    struct env_turn tell;
    uint64_t refused;
    struct metric metrics[WAITS_METRICS];
};

static uint64_t read_waits(const void *arg)
{
    return ((const struct waits *)arg)->n;
}

static struct wait *wait_of(struct broker_wait *w)
{
    return (struct wait *)(void *)w->impl;
}

static struct broker_wait *outer(struct wait *w)
{
    return QUEUE_ENTRY(w, struct broker_wait, impl);
}

static uint64_t *heard_of(struct waits *w, int32_t node)
{
    for (unsigned i = 0; i < w->n_nodes; i++) {
        if (w->nodes[i] == node) {
            return &w->heard[i];
        }
    }
    if (w->n_nodes == PEERS_MAX) {
        return NULL;
    }
    w->nodes[w->n_nodes] = node;
    w->heard[w->n_nodes] = 0;
    w->left[w->n_nodes] = false;
    return &w->heard[w->n_nodes++];
}

static void finish(struct wait *v, int status)
{
    struct broker_wait *w = outer(v);
    queue_remove(&v->queue);
    v->waits->n--;
    env_timer_stop(v->waits->env, &v->timer);
    w->cb(w, status);
}

static void on_timeout(struct env_timer *t)
{
    finish(t->data, ERR_TIMEOUT);
}

static bool all_led(const struct waits *w, struct uuid topic)
{
    const struct image_topic *t;
    if (uuid_is_zero(topic)) {
        return true;
    }
    t = image_topic_by_id(w->o.image, topic);
    if (t == NULL) {
        return image_deleted(w->o.image, topic);
    }
    for (int32_t i = 0; i < t->n_partitions; i++) {
        const struct leader *l =
            leaders_find(w->o.leaders, t->partitions[i].group);
        if (l == NULL || l->node < 0) {
            return false;
        }
    }
    return true;
}

static bool all_applied(struct waits *w, uint64_t index)
{
    for (int32_t node = 0; peers_next(w->o.peers, &node); node++) {
        const uint64_t *heard;
        if (peers_state(w->o.peers, node) != PEER_UP) {
            continue;
        }
        heard = heard_of(w, node);
        if (heard != NULL && *heard < index) {
            return false;
        }
    }
    return true;
}

static void on_turn(struct env_turn *t)
{
    struct waits *w = t->data;
    struct queue steal, *q;
    queue_move(&w->queue, &steal);
    while ((q = queue_pop(&steal)) != NULL) {
        struct wait *v = QUEUE_ENTRY(q, struct wait, queue);
        queue_push(&w->queue, q);
        if (v->done || (v->kind == WAIT_TOPIC && all_led(w, v->topic) &&
                        all_applied(w, v->index))) {
            finish(v, 0);
        }
    }
}

static void tell_node(struct waits *w, int32_t node)
{
    struct buf b;
    buf_init(&b, env_mem(w->env), 0);
    buf_put_u8(&b, w->leaving ? QUERY_LEAVING : QUERY_APPLIED);
    buf_put_u64(&b, w->applied);
    if (b.status == 0) {
        peer_send(w->o.peers, node, PEER_LANE_MAIN, PEER_QUERY, 0,
                  buf_slice(&b), NULL, 0);
    }
    buf_close(&b);
}

static void on_tell(struct env_turn *t)
{
    struct waits *w = t->data;
    for (int32_t node = 0; peers_next(w->o.peers, &node); node++) {
        tell_node(w, node);
    }
}

static void on_peer(void *arg, int32_t node, enum peer_state state)
{
    struct waits *w = arg;
    if (state == PEER_UP) {
        tell_node(w, node);
    }
    waits_check(w); /* who is not reachable is not waited for */
}

static void on_message(void *arg, int32_t node, struct bytes message)
{
    struct waits *w = arg;
    struct cursor c;
    cursor_init(&c, bytes_slice(message));
    uint8_t kind = cursor_u8(&c);
    uint64_t index = cursor_u64(&c);
    uint64_t *heard = heard_of(w, node);
    if (c.status == 0 && heard != NULL &&
        (kind == QUERY_APPLIED || kind == QUERY_LEAVING)) {
        *heard = index;
        w->left[heard - w->heard] = kind == QUERY_LEAVING;
        waits_check(w);
    }
}

int waits_open(struct env *e, const struct waits_options *o,
               struct waits **ret_w)
{
    struct waits *w = mem_calloc(env_mem(e), 1, sizeof *w);
    if (w == NULL) {
        return ERR_NOMEM;
    }
    w->env = e;
    w->o = *o;
    queue_init(&w->queue);
    env_turn_init(&w->turn, ENV_TURN_PEERS, on_turn, w);
    env_turn_init(&w->tell, ENV_TURN_CONSENSUS, on_tell, w);
    peers_receive(o->peers, PEER_QUERY, on_message, w);
    peers_watch(o->peers, on_peer, w);
    metric_add_read(env_metrics(e), &w->metrics[0], METRIC_GAUGE,
                    "ostraka_meta_waits",
                    "Requests that wait for all nodes, or for leaders of a "
                    "topic.",
                    "", read_waits, w);
    metric_add(env_metrics(e), &w->metrics[1], METRIC_COUNTER,
               "ostraka_meta_waits_refused_total",
               "Requests that did not wait so: too many do.", "", &w->refused);
    *ret_w = w;
    return 0;
}

void waits_close(struct waits *w)
{
    if (w == NULL) {
        return;
    }
    w->closing = true;
    env_turn_cancel(w->env, &w->turn);
    env_turn_cancel(w->env, &w->tell);
    peers_receive(w->o.peers, PEER_QUERY, NULL, NULL);
    peers_unwatch(w->o.peers, on_peer, w);
    for (unsigned i = 0; i < WAITS_METRICS; i++) {
        metric_remove(&w->metrics[i]);
    }
    while (!queue_empty(&w->queue)) {
        finish(QUEUE_ENTRY(w->queue.next, struct wait, queue), ERR_CANCELED);
    }
    mem_free(env_mem(w->env), w);
}

static int start(struct waits *w, struct broker_wait *wait, enum wait_kind kind,
                 struct uuid topic, uint32_t timeout_ms, broker_wait_cb cb,
                 void *data)
{
    struct wait *v = wait_of(wait);
    if (w->closing) {
        return ERR_NOTREADY;
    }
    if (w->n >= WAITS_MAX) {
        w->refused++;
        return ERR_FULL;
    }
    wait->cb = cb;
    wait->data = data;
    /* The image is ahead of `applied` inside a command's callback. */
    *v = (struct wait){.waits = w,
                       .kind = kind,
                       .topic = topic,
                       .index = image_index(w->o.image)};
    env_timer_init(&v->timer, on_timeout, v);
    env_timer_start(w->env, &v->timer, env_now_ms(w->env) + timeout_ms);
    queue_push(&w->queue, &v->queue);
    w->n++;
    env_turn_request(w->env, &w->turn);
    return 0;
}

int waits_topic(struct waits *w, struct broker_wait *wait, struct uuid topic,
                uint32_t timeout_ms, broker_wait_cb cb, void *data)
{
    return start(w, wait, WAIT_TOPIC, topic, timeout_ms, cb, data);
}

int waits_event(struct waits *w, struct broker_wait *wait, uint32_t timeout_ms,
                broker_wait_cb cb, void *data)
{
    return start(w, wait, WAIT_EVENT, uuid_zero, timeout_ms, cb, data);
}

void waits_event_done(struct waits *w)
{
    struct queue *q, *tmp;
    QUEUE_FOREACH(q, tmp, &w->queue)
    {
        struct wait *v = QUEUE_ENTRY(q, struct wait, queue);
        v->done = v->done || v->kind == WAIT_EVENT;
    }
    env_turn_request(w->env, &w->turn);
}

void waits_applied(struct waits *w, uint64_t index)
{
    w->applied = index;
    env_turn_request(w->env, &w->tell);
    env_turn_request(w->env, &w->turn);
}

void waits_leaving(struct waits *w)
{
    w->leaving = true;
    on_tell(&w->tell);
}

bool waits_left(const struct waits *w, int32_t node)
{
    for (unsigned i = 0; i < w->n_nodes; i++) {
        if (w->nodes[i] == node) {
            return w->left[i];
        }
    }
    return false;
}

void waits_check(struct waits *w)
{
    if (w->n > 0) {
        env_turn_request(w->env, &w->turn);
    }
}
