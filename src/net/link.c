/* link.c - a connection that we dialled: hello, answer, messages out.
 *
 * Nothing comes back on it after the answer; that it ended is all there is to
 * read.
 */
#include <stdio.h>

#include "base/assert.h"
#include "base/crc32c.h"
#include "net/peers_impl.h"

/* How often progress is looked at while bytes are under way. */
#define STALL_CHECK_MS 500

/* ---- the end ------------------------------------------------------------ */

static void on_closed(void *data)
{
    struct link *k = data;
    struct peers *p = k->peers;

    ASSERT(k->n_writes == 0);
    message_free(p, k->unfinished);
    mem_free(env_mem(p->env), k);
    peers_closed_one(p);
}

static void link_close(struct link *k)
{
    ASSERT(k->state != LINK_CLOSING);
    k->state = LINK_CLOSING;
    k->lane = NULL;
    env_timer_stop(k->peers->env, &k->timer);
    env_timer_stop(k->peers->env, &k->pump_timer);
    env_stream_close(k->stream, on_closed, k);
}

void lane_break(struct lane *l, const char *why)
{
    struct peer *peer = l->peer;
    struct link *k = l->link;
    struct peers *p = peer->peers;

    env_timer_stop(p->env, &l->timer);
    if (k == NULL) {
        return;
    }
    if (k->state == LINK_OPEN) {
        p->m_broken++;
        trace_info(env_trace(p->env), "net.peer_broken",
                   "node=%d lane=%d text=%s", peer->node, l->id, TRACE_Q(why));
    }
    k->unfinished = l->current;
    if (l->current != NULL) {
        p->m_dropped_break++;
    }
    l->current = NULL;
    l->link = NULL;
    link_close(k);
    lane_drop(l);
    if (l->id == PEER_LANE_MAIN && peer->state_now == PEER_UP) {
        peer->was_up = true;
        peer_set_state(peer, PEER_DOWN);
    }
}

/* ---- dialling ----------------------------------------------------------- */

static void lane_wait(struct lane *l, uint64_t delay_ms)
{
    struct env *e = l->peer->peers->env;

    env_timer_start(e, &l->timer, env_now_ms(e) + delay_ms);
}

/* 20 ms and a drawn part of a time that doubles with each attempt. */
static void lane_back_off(struct lane *l)
{
    unsigned shift = l->attempts < 8 ? l->attempts : 8;
    uint32_t spread = BACKOFF_MIN_MS << shift;
    uint32_t drawn;

    if (spread > BACKOFF_MAX_MS - BACKOFF_MIN_MS) {
        spread = BACKOFF_MAX_MS - BACKOFF_MIN_MS;
    }
    env_random(l->peer->peers->env, &drawn, sizeof drawn);
    l->attempts++;
    lane_wait(l, BACKOFF_MIN_MS + drawn % (spread + 1));
}

void link_lost(struct link *k, const char *why)
{
    struct lane *l = k->lane;
    uint64_t now_ms = env_now_ms(k->peers->env);
    bool was_open = k->state == LINK_OPEN;

    if (l->id == PEER_LANE_MAIN) {
        peer_set_reason(l->peer, "%s:%u: %s", l->peer->host, l->peer->port,
                        why);
    }
    lane_break(l, why);
    if (was_open && (l->redial_ms == 0 || now_ms - l->redial_ms >= REDIAL_MS)) {
        l->redial_ms = now_ms;
        lane_dial(l);
    } else {
        lane_back_off(l);
    }
}

/* ---- the answer to our hello -------------------------------------------- */

/* The other end, or we, say no: try again, but not soon. */
static void link_refused(struct link *k, const char *by, const char *text)
{
    struct lane *l = k->lane;

    if (l->id == PEER_LANE_MAIN) {
        peer_set_reason(l->peer, "%s%s", by, text);
    }
    lane_break(l, text);
    lane_wait(l, REFUSED_MS);
}

static void answer_refused(struct link *k)
{
    char by[40];
    char *text = (char *)k->in + HELLO_BYTES;

    for (unsigned i = 0; i < k->answer.text_len; i++) {
        if (text[i] < ' ' || text[i] > '~') {
            text[i] = '?';
        }
    }
    text[k->answer.text_len] = '\0';
    snprintf(by, sizeof by, "refused by n%d: ", k->lane->peer->node);
    link_refused(k, by, text);
}

static void link_opened(struct link *k)
{
    struct lane *l = k->lane;
    struct peers *p = k->peers;
    struct peer *peer = l->peer;

    k->state = LINK_OPEN;
    k->full = !uuid_is_zero(p->self.cluster) &&
              uuid_equal(p->self.cluster, k->answer.cluster);
    k->moved_ms = env_now_ms(p->env);
    l->attempts = 0;
    env_timer_stop(p->env, &k->timer);
    if (l->id == PEER_LANE_MAIN) {
        peer_set_reason(peer, "%s", "");
        if (k->full) {
            peer->was_up = false;
            peer_set_state(peer, PEER_UP);
        }
    }
}

static void answer_judge(struct link *k)
{
    struct peer *peer = k->lane->peer;
    const struct hello *h = &k->answer;
    char text[HELLO_TEXT_MAX + 1];

    peer->heard_ms = env_now_ms(k->peers->env);
    if (h->text_crc != crc32c(k->in + HELLO_BYTES, h->text_len)) {
        link_lost(k, "damaged hello");
    } else if (h->refused) {
        answer_refused(k);
    } else if (h->lane != k->lane->id) {
        link_lost(k, "answer for another lane");
    } else if (h->node != peer->node) {
        snprintf(text, sizeof text, "%.150s:%u is node %d, not node %d",
                 peer->host, peer->port, h->node, peer->node);
        link_refused(k, "", text);
    } else if (!peers_accepts(k->peers, h, text)) {
        link_refused(k, "refused by this node: ", text);
    } else {
        link_opened(k);
    }
}

static void on_alloc(struct env_stream *s, void *data, uint8_t **ret_p,
                     size_t *ret_len)
{
    struct link *k = data;
    unsigned want = HELLO_BYTES;

    if (k->have >= HELLO_BYTES) {
        want += k->answer.text_len;
    }

    (void)s;
    if (k->state != LINK_HELLO) {
        k->have = 0;
        want = 1; /* nothing is expected */
    }
    *ret_p = k->in + k->have;
    *ret_len = want - k->have;
}

static void on_read(struct env_stream *s, void *data, int status, size_t n)
{
    struct link *k = data;

    (void)s;
    if (k->lane == NULL) {
        return;
    }
    if (status != 0) {
        link_lost(k, status == ERR_EOF ? "closed by the other end"
                                       : "connection broken");
        return;
    }
    if (n == 0) {
        return; /* a door may find nothing */
    }
    if (k->state != LINK_HELLO) {
        link_lost(k, "bytes after the hello");
        return;
    }
    k->have += (unsigned)n;
    if (k->have == HELLO_BYTES && hello_decode(&k->answer, k->in) != 0) {
        link_lost(k, "not the hello of a node");
        return;
    }
    if (k->have >= HELLO_BYTES && k->have == HELLO_BYTES + k->answer.text_len) {
        answer_judge(k);
    }
}

/* ---- connecting --------------------------------------------------------- */

static void on_hello_written(struct env_write *w, int status)
{
    struct link *k = w->data;

    if (status != 0 && k->lane != NULL) {
        link_lost(k, "write failed");
    }
}

static void on_connect(struct env_stream *s, int status, void *data)
{
    struct link *k = data;
    struct lane *l = k->lane;
    struct peers *p = k->peers;
    struct slice hello = slice_of(k->hello, sizeof k->hello);

    if (l == NULL) {
        return;
    }
    if (status != 0) {
        if (status == ERR_REFUSED && l->id == PEER_LANE_MAIN &&
            l->peer->was_up) {
            l->peer->was_up = false;
            peer_set_state(l->peer, PEER_REFUSED);
        }
        link_lost(k, err_text(status));
        return;
    }
    k->state = LINK_HELLO;
    struct hello h = peers_hello(p, l->id);
    hello_encode(&h, k->hello);
    env_timer_start(p->env, &k->timer,
                    env_now_ms(p->env) + p->o.connect_timeout_ms);
    if (env_stream_write(s, &k->hello_write, &hello, 1, on_hello_written, k) !=
        0) {
        link_lost(k, "write failed");
        return;
    }
    env_stream_read_start(s, on_alloc, on_read, k);
}

/* ---- sending ------------------------------------------------------------ */

/* Watch that what is under way moves. */
static void on_timer(struct env_timer *t)
{
    struct link *k = t->data;
    uint64_t now_ms = env_now_ms(k->peers->env);

    if (k->state != LINK_OPEN) {
        link_lost(k, "no answer to the hello");
        return;
    }
    uint64_t held =
        env_stream_unwritten(k->stream) + env_stream_unsent(k->stream);
    if (k->handed - held != k->taken || held == 0) {
        k->taken = k->handed - held;
        k->moved_ms = now_ms;
    }
    if (held == 0) {
        return;
    }
    if (now_ms - k->moved_ms >= LINK_STALL_MS) {
        link_lost(k, "the other end takes nothing");
        return;
    }
    env_timer_start(k->peers->env, t, now_ms + STALL_CHECK_MS);
}

void link_pump(struct link *k)
{
    if (k->state != LINK_OPEN) {
        return;
    }
    if (lane_pump(k->lane) != 0) {
        link_lost(k, "write failed");
        return;
    }
    if (!env_timer_active(&k->timer) && k->n_writes > 0) {
        k->moved_ms = env_now_ms(k->peers->env);
        env_timer_start(k->peers->env, &k->timer, k->moved_ms + STALL_CHECK_MS);
    }
}

static void on_pump(struct env_timer *t)
{
    link_pump(t->data);
}

void lane_dial(struct lane *l)
{
    struct peer *peer = l->peer;
    struct peers *p = peer->peers;
    struct link *k = mem_calloc(env_mem(p->env), 1, sizeof *k);

    ASSERT(l->link == NULL);
    if (k == NULL) {
        lane_back_off(l);
        return;
    }
    k->peers = p;
    k->lane = l;
    env_timer_init(&k->timer, on_timer, k);
    env_timer_init(&k->pump_timer, on_pump, k);
    if (env_connect(p->env, peer->host, peer->port, p->o.connect_timeout_ms,
                    on_connect, k, &k->stream) != 0) {
        mem_free(env_mem(p->env), k);
        lane_back_off(l);
        return;
    }
    p->n_open++;
    l->link = k;
}
