/* peers.c - the nodes we know, who we are, who listens to whom. */
#include "net/peers.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/assert.h"
#include "net/peers_impl.h"

#define QUEUE_BYTES_DEFAULT ((uint64_t)64 << 20)
#define CONNECT_MS_DEFAULT  1000

/* ---- metrics ------------------------------------------------------------ */

static void metrics_start(struct peers *p)
{
    const struct {
        enum metric_kind kind;
        const char *name, *help, *labels;
        const uint64_t *value;
    } all[PEERS_METRICS] = {
        {METRIC_GAUGE, "ostraka_peers_up", "Nodes we can send to.", "",
         &p->m_up},
        {METRIC_COUNTER, "ostraka_peer_received_bytes_total",
         "Bytes read from other nodes.", "", &p->m_bytes_in},
        {METRIC_COUNTER, "ostraka_peer_sent_bytes_total",
         "Bytes written to other nodes.", "", &p->m_bytes_out},
        {METRIC_COUNTER, "ostraka_peer_received_messages_total",
         "Messages from other nodes.", "", &p->m_messages_in},
        {METRIC_COUNTER, "ostraka_peer_sent_messages_total",
         "Messages to other nodes.", "", &p->m_messages_out},
        {METRIC_COUNTER, "ostraka_peer_dropped_messages_total",
         "Messages dropped, by reason.", "reason=\"full\"",
         &p->m_dropped_queue},
        {METRIC_COUNTER, "ostraka_peer_dropped_messages_total",
         "Messages dropped, by reason.", "reason=\"broken\"",
         &p->m_dropped_break},
        {METRIC_COUNTER, "ostraka_peer_dropped_messages_total",
         "Messages dropped, by reason.", "reason=\"unwanted\"",
         &p->m_dropped_in},
        {METRIC_COUNTER, "ostraka_peer_refused_total",
         "Connections of nodes that we refused.", "", &p->m_refused},
        {METRIC_COUNTER, "ostraka_peer_broken_total",
         "Open connections to nodes that broke.", "", &p->m_broken},
        {METRIC_COUNTER, "ostraka_peer_memory_waits_total",
         "Times reading from a node waited for memory.", "", &p->m_starved},
    };

    for (unsigned i = 0; i < PEERS_METRICS; i++) {
        metric_add(env_metrics(p->env), &p->metrics[i], all[i].kind,
                   all[i].name, all[i].help, all[i].labels, all[i].value);
    }
}

static void metrics_stop(struct peers *p)
{
    for (unsigned i = 0; i < PEERS_METRICS; i++) {
        metric_remove(&p->metrics[i]);
    }
}

/* ---- the set of nodes --------------------------------------------------- */

/* The index of the first node at or above `node`. */
static unsigned peers_slot(const struct peers *p, int32_t node)
{
    unsigned i = 0;

    while (i < p->n_peers && p->peers[i]->node < node) {
        i++;
    }
    return i;
}

struct peer *peers_find(const struct peers *p, int32_t node)
{
    unsigned i = peers_slot(p, node);

    return i < p->n_peers && p->peers[i]->node == node ? p->peers[i] : NULL;
}

bool peers_next(const struct peers *p, int32_t *node)
{
    unsigned i = peers_slot(p, *node);

    if (i == p->n_peers) {
        return false;
    }
    *node = p->peers[i]->node;
    return true;
}

static void on_dial(struct env_timer *t)
{
    struct lane *l = t->data;

    if (l->link == NULL) {
        lane_dial(l);
    }
}

/* End the lanes' links and dial anew. */
static void peer_redial(struct peer *peer, const char *why)
{
    struct env *e = peer->peers->env;

    for (unsigned i = 0; i < PEER_LANES; i++) {
        struct lane *l = &peer->lanes[i];
        lane_break(l, why);
        l->attempts = 0;
        env_timer_start(e, &l->timer, env_now_ms(e));
    }
}

static struct peer *peer_new(struct peers *p, int32_t node)
{
    struct mem *mem = env_mem(p->env);
    struct peer *peer = mem_calloc(mem, 1, sizeof *peer);

    if (peer == NULL) {
        return NULL;
    }
    peer->peers = p;
    peer->node = node;
    for (unsigned i = 0; i < PEER_LANES; i++) {
        struct lane *l = &peer->lanes[i];
        if (lane_init(l, peer, (enum peer_lane)i) != 0) {
            if (i > 0) {
                lane_close(&peer->lanes[0]);
            }
            mem_free(mem, peer);
            return NULL;
        }
        env_timer_init(&l->timer, on_dial, l);
    }
    return peer;
}

static void peers_insert(struct peers *p, struct peer *peer)
{
    unsigned at = peers_slot(p, peer->node);

    memmove(&p->peers[at + 1], &p->peers[at],
            (p->n_peers - at) * sizeof p->peers[0]);
    p->peers[at] = peer;
    p->n_peers++;
}

/* The node's directory is known now: what was said by another disk ends. */
static void peer_expect(struct peer *peer, struct uuid directory)
{
    struct env *e = peer->peers->env;

    if (uuid_is_zero(directory) || uuid_equal(peer->directory, directory)) {
        peer->directory = directory;
        return;
    }
    peer->directory = directory;
    for (unsigned i = 0; i < PEER_LANES; i++) {
        struct lane *l = &peer->lanes[i];
        if (l->link != NULL && l->link->state == LINK_OPEN &&
            !uuid_equal(l->link->answer.directory, directory)) {
            lane_break(l, "another directory is expected");
            env_timer_start(e, &l->timer, env_now_ms(e));
        }
        if (peer->in[i] != NULL &&
            !uuid_equal(peer->in[i]->directory, directory)) {
            inbound_end(peer->in[i], "another directory is expected");
        }
    }
}

int peers_add(struct peers *p, int32_t node, const char *host, unsigned port,
              struct uuid directory)
{
    struct peer *peer = peers_find(p, node);

    if (node == p->self.node || strlen(host) >= PEERS_HOST_MAX) {
        return ERR_INVALID;
    }
    if (peer != NULL && peer->port == port && strcmp(peer->host, host) == 0) {
        peer_expect(peer, directory);
        return 0;
    }
    if (peer == NULL) {
        if (p->n_peers == PEERS_MAX) {
            return ERR_FULL;
        }
        peer = peer_new(p, node);
        if (peer == NULL) {
            return ERR_NOMEM;
        }
        peers_insert(p, peer);
    }
    snprintf(peer->host, sizeof peer->host, "%s", host);
    peer->port = port;
    peer_expect(peer, directory);
    peer_redial(peer, "its address changed");
    return 0;
}

void peers_remove(struct peers *p, int32_t node)
{
    struct peer *peer = peers_find(p, node);
    unsigned at = peers_slot(p, node);

    if (peer == NULL) {
        return;
    }
    for (unsigned i = 0; i < PEER_LANES; i++) {
        lane_break(&peer->lanes[i], "removed");
        env_timer_stop(p->env, &peer->lanes[i].timer);
        lane_close(&peer->lanes[i]);
        if (peer->in[i] != NULL) {
            inbound_end(peer->in[i], "removed");
        }
    }
    p->n_peers--;
    memmove(&p->peers[at], &p->peers[at + 1],
            (p->n_peers - at) * sizeof p->peers[0]);
    mem_free(env_mem(p->env), peer);
}

/* ---- identity and verdicts ---------------------------------------------- */

static void inbounds_end(struct peers *p, const char *why)
{
    while (!queue_empty(&p->inbounds)) {
        inbound_end(QUEUE_ENTRY(p->inbounds.next, struct inbound, queue), why);
    }
}

void peers_identify(struct peers *p, struct peers_identity self)
{
    p->self = self;
    for (unsigned i = 0; i < p->n_peers; i++) {
        peer_redial(p->peers[i], "this node has a cluster now");
    }
    inbounds_end(p, "this node has a cluster now");
}

void peers_judge(struct peers *p, peer_judge_cb cb, void *arg)
{
    p->judge = cb;
    p->judge_arg = arg;
}

struct hello peers_hello(const struct peers *p, enum peer_lane lane)
{
    return (struct hello){.version_min = HELLO_VERSION_MIN,
                          .version_max = HELLO_VERSION_MAX,
                          .lane = (uint8_t)lane,
                          .node = p->self.node,
                          .cluster = p->self.cluster,
                          .directory = p->self.directory};
}

bool peers_accepts(struct peers *p, const struct hello *h,
                   char text[HELLO_TEXT_MAX + 1])
{
    const struct peer *peer = peers_find(p, h->node);
    struct hello_rules rules = {.self = p->self.node,
                                .cluster = p->self.cluster,
                                .known = peer != NULL};
    const char *no = NULL;

    if (peer != NULL) {
        rules.directory = peer->directory;
    }
    if (!hello_judge(h, &rules, text)) {
        return false;
    }
    if (p->judge != NULL) {
        no = p->judge(p->judge_arg, h->node, h->cluster, h->directory);
    }
    if (no != NULL) {
        snprintf(text, HELLO_TEXT_MAX + 1, "%s", no);
    }
    return no == NULL;
}

/* ---- states and watchers ------------------------------------------------ */

void peers_watch(struct peers *p, peer_state_cb cb, void *arg)
{
    ASSERT(p->n_watchers < PEERS_WATCHERS_MAX);
    p->watchers[p->n_watchers].cb = cb;
    p->watchers[p->n_watchers].arg = arg;
    p->n_watchers++;
}

void peers_unwatch(struct peers *p, peer_state_cb cb, void *arg)
{
    for (unsigned i = 0; i < p->n_watchers; i++) {
        if (p->watchers[i].cb == cb && p->watchers[i].arg == arg) {
            p->n_watchers--;
            memmove(p->watchers + i, p->watchers + i + 1,
                    (p->n_watchers - i) * sizeof p->watchers[0]);
            return;
        }
    }
}

void peer_set_state(struct peer *peer, enum peer_state state)
{
    static const char *const names[] = {"down", "up", "refused"};
    struct peers *p = peer->peers;

    if (peer->state_now == state) {
        return;
    }
    p->m_up += state == PEER_UP;
    p->m_up -= peer->state_now == PEER_UP;
    peer->broken = peer->broken || peer->state_now == PEER_UP;
    peer->state_now = state;
    trace_info(env_trace(p->env), "net.peer", "node=%d state=%s", peer->node,
               names[state]);
    env_turn_request(p->env, &p->tell_turn);
}

void peer_set_reason(struct peer *peer, const char *fmt, ...)
{
    char reason[PEERS_REASON_MAX];
    va_list args;

    va_start(args, fmt);
    vsnprintf(reason, sizeof reason, fmt, args);
    va_end(args);
    if (strcmp(reason, peer->reason) == 0) {
        return;
    }
    memcpy(peer->reason, reason, sizeof reason);
    if (reason[0] != '\0') {
        trace_info(env_trace(peer->peers->env), "net.peer_reason",
                   "node=%d text=%s", peer->node, TRACE_Q(reason));
    }
}

static void tell(struct peers *p, int32_t node, enum peer_state state)
{
    for (unsigned i = 0; i < p->n_watchers; i++) {
        p->watchers[i].cb(p->watchers[i].arg, node, state);
    }
}

/* Tell one peer's watchers. A break that was mended within the turn is told
 * all the same: messages were dropped. */
static void peer_tell(struct peers *p, struct peer *peer)
{
    bool mended =
        peer->broken && peer->state == PEER_UP && peer->state_now == PEER_UP;
    bool changed = peer->state != peer->state_now;
    enum peer_state state = peer->state_now;
    int32_t node = peer->node;

    peer->state = state;
    peer->broken = false;
    if (mended) {
        tell(p, node, PEER_DOWN);
    }
    if (mended || changed) {
        tell(p, node, state); /* which may remove the node */
    }
}

static void on_tell(struct env_turn *t)
{
    struct peers *p = t->data;

    for (int32_t node = INT32_MIN; peers_next(p, &node); node++) {
        struct peer *peer = peers_find(p, node);
        if (peer != NULL) {
            peer_tell(p, peer);
        }
        if (node == INT32_MAX) {
            return;
        }
    }
}

enum peer_state peers_state(const struct peers *p, int32_t node)
{
    const struct peer *peer = peers_find(p, node);

    return peer == NULL ? PEER_DOWN : peer->state_now;
}

uint64_t peers_heard_ms(const struct peers *p, int32_t node)
{
    const struct peer *peer = peers_find(p, node);

    return peer == NULL ? 0 : peer->heard_ms;
}

const char *peers_reason(const struct peers *p, int32_t node)
{
    const struct peer *peer = peers_find(p, node);

    return peer == NULL ? "" : peer->reason;
}

/* ---- messages ----------------------------------------------------------- */

void peers_receive(struct peers *p, enum peer_channel channel, peer_recv_cb cb,
                   void *arg)
{
    ASSERT(channel < PEER_CHANNELS);
    p->receivers[channel].cb = cb;
    p->receivers[channel].arg = arg;
}

void peers_deliver(struct peers *p, int32_t node, bool full, unsigned channel,
                   struct bytes message)
{
    p->m_messages_in++;
    if (p->receivers[channel].cb == NULL || (!full && channel != PEER_FORM) ||
        peers_find(p, node) == NULL) {
        p->m_dropped_in++;
        return;
    }
    p->receivers[channel].cb(p->receivers[channel].arg, node, message);
}

int peer_send(struct peers *p, int32_t node, enum peer_lane lane,
              enum peer_channel channel, uint64_t order, struct slice head,
              const struct bytes payload[], unsigned n)
{
    struct peer *peer = peers_find(p, node);
    size_t len = head.len;
    struct lane *l;
    int rc;

    ASSERT(lane < PEER_LANES && channel < PEER_CHANNELS);
    if (peer == NULL) {
        return ERR_NOTFOUND;
    }
    for (unsigned i = 0; i < n && len <= PEERS_MESSAGE_MAX; i++) {
        len = payload[i].len > PEERS_MESSAGE_MAX ? SIZE_MAX
                                                 : len + payload[i].len;
    }
    if (len > PEERS_MESSAGE_MAX) {
        return ERR_TOOBIG;
    }
    l = &peer->lanes[lane];
    if (l->link == NULL || l->link->state != LINK_OPEN ||
        (!l->link->full && channel != PEER_FORM)) {
        return ERR_CLOSED;
    }
    rc = lane_push(l, channel, order, head, payload, n);
    if (rc != 0) {
        p->m_dropped_queue++;
        return rc;
    }
    if (queue_empty(&l->dirty)) {
        queue_push(&p->dirty, &l->dirty);
        env_turn_request(p->env, &p->turn);
    }
    return 0;
}

uint64_t peer_queued(const struct peers *p, int32_t node, enum peer_lane lane)
{
    const struct peer *peer = peers_find(p, node);

    ASSERT(lane < PEER_LANES);
    return peer == NULL ? 0 : peer->lanes[lane].bytes;
}

/* ---- open, turn, close -------------------------------------------------- */

static void peers_finish(struct peers *p)
{
    void (*cb)(void *arg) = p->close_cb;
    void *arg = p->close_arg;

    env_turn_cancel(p->env, &p->tell_turn);
    metrics_stop(p);
    lane_objects_free(p);
    mem_free(env_mem(p->env), p);
    if (cb != NULL) {
        cb(arg);
    }
}

static void on_turn(struct env_turn *t)
{
    struct peers *p = t->data;
    struct queue *q;

    while ((q = queue_pop(&p->dirty)) != NULL) {
        struct lane *l = QUEUE_ENTRY(q, struct lane, dirty);
        if (l->link != NULL) {
            link_pump(l->link);
        }
    }
    if (p->closing && p->n_open == 0) {
        peers_finish(p);
    }
}

void peers_closed_one(struct peers *p)
{
    ASSERT(p->n_open > 0);
    p->n_open--;
    if (p->closing) {
        env_turn_request(p->env, &p->turn);
    }
}

static void on_accept(struct env_listener *door, struct env_stream *s,
                      void *data)
{
    (void)door;
    inbound_open(data, s);
}

int peers_open(struct env *e, const struct peers_options *o,
               struct peers_identity self, struct peers **ret_p,
               struct err *err)
{
    struct peers *p = mem_calloc(env_mem(e), 1, sizeof *p);
    int rc;

    if (p == NULL) {
        return err_set(err, ERR_NOMEM, "peers: out of memory");
    }
    p->env = e;
    p->o = *o;
    p->o.host = NULL; /* borrowed for this call only */
    p->self = self;
    if (p->o.queue_bytes_max == 0) {
        p->o.queue_bytes_max = QUEUE_BYTES_DEFAULT;
    }
    if (p->o.connect_timeout_ms == 0) {
        p->o.connect_timeout_ms = CONNECT_MS_DEFAULT;
    }
    queue_init(&p->dirty);
    queue_init(&p->inbounds);
    queue_init(&p->messages);
    queue_init(&p->outs);
    env_turn_init(&p->turn, ENV_TURN_PEERS, on_turn, p);
    env_turn_init(&p->tell_turn, ENV_TURN_CONSENSUS, on_tell, p);
    rc = env_listen(e, o->host, o->port, on_accept, p, &p->door, err);
    if (rc != 0) {
        mem_free(env_mem(e), p);
        return rc;
    }
    metrics_start(p);
    *ret_p = p;
    return 0;
}

void peers_close(struct peers *p, void (*cb)(void *arg), void *arg)
{
    ASSERT(!p->closing);
    p->closing = true;
    p->close_cb = cb;
    p->close_arg = arg;
    env_listener_close(p->door);
    p->door = NULL;
    while (p->n_peers > 0) {
        peers_remove(p, p->peers[p->n_peers - 1]->node);
    }
    inbounds_end(p, "closing");
    env_turn_request(p->env, &p->turn);
}

unsigned peers_port(const struct peers *p)
{
    return env_listener_port(p->door);
}
