/* lane.c - what waits to be sent to a node, and in which order it leaves.
 *
 * Two queues: small messages, and big ones together with the small ones that
 * may not overtake a big one of their order. `big_last` knows, per order, the
 * last message in `big`. One message at a time is cut into writes, so that a
 * long one never puts more than LANE_UNSENT_MAX bytes into the kernel.
 */
#include "base/assert.h"
#include "base/map.h"
#include "net/peers_impl.h"

/* Messages up to this are copied together, larger ones are written from where
 * they are. */
#define GATHER_MESSAGE_MAX 1024
/* Writes under way on one link. */
#define LANE_WRITES_MAX 4

/* ---- messages ----------------------------------------------------------- */

static struct message *message_get(struct peers *p)
{
    struct queue *q = queue_pop(&p->messages);
    struct message *m;

    if (q != NULL) {
        p->n_messages--;
        return QUEUE_ENTRY(q, struct message, queue);
    }
    m = mem_alloc(env_mem(p->env), sizeof *m);
    if (m != NULL) {
        queue_init(&m->queue);
    }
    return m;
}

static void message_put(struct peers *p, struct message *m)
{
    if (p->n_messages >= PEERS_MESSAGES_KEPT || p->closing) {
        mem_free(env_mem(p->env), m);
        return;
    }
    queue_push_front(&p->messages, &m->queue);
    p->n_messages++;
}

void message_free(struct peers *p, struct message *m)
{
    if (m == NULL) {
        return;
    }
    for (unsigned i = 0; i < m->n_payload; i++) {
        bytes_release(&m->payload[i]);
    }
    if (m->payload != m->payload_in) {
        mem_free(env_mem(p->env), m->payload);
    }
    if (m->head != m->head_in) {
        mem_free(env_mem(p->env), m->head);
    }
    message_put(p, m);
}

static struct message *message_new(struct peers *p, unsigned channel,
                                   struct slice head,
                                   const struct bytes payload[], unsigned n)
{
    struct message *m = message_get(p);
    size_t payload_len = 0;

    if (m == NULL) {
        return NULL;
    }
    m->head_len = PEER_HEAD_BYTES + head.len;
    m->head = m->head_in;
    m->payload = m->payload_in;
    m->n_payload = 0;
    if (m->head_len > sizeof m->head_in) {
        m->head = mem_alloc(env_mem(p->env), m->head_len);
    }
    if (n > MESSAGE_PAYLOADS) {
        m->payload = mem_alloc(env_mem(p->env), n * sizeof *payload);
    }
    if (m->head == NULL || m->payload == NULL) {
        message_free(p, m);
        return NULL;
    }
    for (unsigned i = 0; i < n; i++) {
        m->payload[i] = bytes_dup(payload[i]);
        payload_len += payload[i].len;
    }
    m->n_payload = n;
    m->bytes = m->head_len + payload_len;
    struct peer_head h = {.len = (uint32_t)(head.len + payload_len),
                          .channel = (uint8_t)channel};
    peer_head_encode(&h, m->head);
    if (head.len > 0) {
        memcpy(m->head + PEER_HEAD_BYTES, head.data, head.len);
    }
    return m;
}

/* ---- queues ------------------------------------------------------------- */

int lane_init(struct lane *l, struct peer *peer, enum peer_lane id)
{
    *l = (struct lane){.peer = peer, .id = id};
    queue_init(&l->small);
    queue_init(&l->big);
    queue_init(&l->dirty);
    l->big_last = map_new(env_mem(peer->peers->env));
    return l->big_last == NULL ? ERR_NOMEM : 0;
}

void lane_close(struct lane *l)
{
    queue_remove(&l->dirty);
    map_free(l->big_last);
    l->big_last = NULL;
}

bool lane_waits(const struct lane *l)
{
    return l->current != NULL || l->n_messages > 0;
}

static int big_push(struct lane *l, struct message *m)
{
    map_remove_u64(l->big_last, m->order);
    if (map_put_u64(l->big_last, m->order, m) != 0) {
        return ERR_NOMEM;
    }
    queue_push(&l->big, &m->queue);
    return 0;
}

int lane_push(struct lane *l, unsigned channel, uint64_t order,
              struct slice head, const struct bytes payload[], unsigned n)
{
    struct peers *p = l->peer->peers;
    struct message *before = map_find_u64(l->big_last, order);
    struct message *m;

    if (l->n_messages >= LANE_MESSAGES_MAX) {
        return ERR_FULL;
    }
    m = message_new(p, channel, head, payload, n);
    if (m == NULL) {
        return ERR_NOMEM;
    }
    if (l->bytes > 0 && l->bytes + m->bytes > p->o.queue_bytes_max) {
        message_free(p, m);
        return ERR_FULL;
    }
    m->order = order;
    m->big = before != NULL || m->bytes > LANE_SMALL_MAX;
    if (!m->big) {
        queue_push(&l->small, &m->queue);
    } else if (big_push(l, m) != 0) {
        if (before != NULL) { /* there was room for it, so there is again */
            map_put_u64(l->big_last, order, before);
        }
        message_free(p, m);
        return ERR_NOMEM;
    }
    l->n_messages++;
    l->bytes += m->bytes;
    return 0;
}

/* The message that leaves next, or NULL. */
static struct message *lane_pop(struct lane *l)
{
    struct queue *q = queue_pop(&l->small);
    struct message *m;

    if (q == NULL) {
        q = queue_pop(&l->big);
    }
    if (q == NULL) {
        return NULL;
    }
    m = QUEUE_ENTRY(q, struct message, queue);
    if (m->big && map_find_u64(l->big_last, m->order) == m) {
        map_remove_u64(l->big_last, m->order);
    }
    ASSERT(l->n_messages > 0);
    l->n_messages--;
    return m;
}

void lane_drop(struct lane *l)
{
    struct peers *p = l->peer->peers;
    struct message *m;

    while ((m = lane_pop(l)) != NULL) {
        p->m_dropped_break++;
        message_free(p, m);
    }
    ASSERT(map_count(l->big_last) == 0);
    l->bytes = 0;
}

/* ---- writes ------------------------------------------------------------- */

static struct lane_out *out_get(struct peers *p)
{
    struct queue *q = queue_pop(&p->outs);
    struct lane_out *o;

    if (q != NULL) {
        p->n_outs--;
        o = QUEUE_ENTRY(q, struct lane_out, queue);
    } else {
        o = mem_alloc(env_mem(p->env), sizeof *o);
        if (o == NULL) {
            return NULL;
        }
        queue_init(&o->queue);
    }
    queue_init(&o->messages);
    o->link = NULL;
    o->done_bytes = 0;
    o->gather_len = 0;
    return o;
}

static void out_put(struct peers *p, struct lane_out *o)
{
    struct queue *q;

    while ((q = queue_pop(&o->messages)) != NULL) {
        message_free(p, QUEUE_ENTRY(q, struct message, queue));
    }
    if (p->n_outs >= PEERS_OUTS_KEPT || p->closing) {
        mem_free(env_mem(p->env), o);
        return;
    }
    queue_push_front(&p->outs, &o->queue);
    p->n_outs++;
}

void lane_objects_free(struct peers *p)
{
    struct queue *q;

    while ((q = queue_pop(&p->messages)) != NULL) {
        mem_free(env_mem(p->env), QUEUE_ENTRY(q, struct message, queue));
    }
    while ((q = queue_pop(&p->outs)) != NULL) {
        mem_free(env_mem(p->env), QUEUE_ENTRY(q, struct lane_out, queue));
    }
}

/* What is to be written at once. */
struct batch_out {
    struct slice slices[ENV_WRITE_SLICES_MAX];
    unsigned n;
    size_t bytes;
    size_t room;
};

static void batch_add(struct batch_out *b, const uint8_t *p, size_t len)
{
    struct slice *last = b->n == 0 ? NULL : &b->slices[b->n - 1];

    if (last != NULL && last->data + last->len == p) {
        last->len += len;
    } else {
        b->slices[b->n++] = slice_of(p, len);
    }
    b->bytes += len;
}

static bool batch_full(const struct batch_out *b)
{
    return b->bytes >= b->room || b->n >= ENV_WRITE_SLICES_MAX;
}

/* Copy a whole small message. */
static void gather(struct lane_out *o, struct batch_out *b,
                   const struct message *m)
{
    uint8_t *to = o->gather + o->gather_len;

    memcpy(to, m->head, m->head_len);
    o->gather_len += m->head_len;
    for (unsigned i = 0; i < m->n_payload; i++) {
        if (m->payload[i].len > 0) {
            memcpy(o->gather + o->gather_len, m->payload[i].data,
                   m->payload[i].len);
            o->gather_len += m->payload[i].len;
        }
    }
    batch_add(b, to, m->bytes);
}

/* Add the bytes of the current message from `current_at` on, as far as there
 * is room. */
static void batch_part(struct lane *l, struct batch_out *b)
{
    const struct message *m = l->current;
    size_t skip = l->current_at;

    for (unsigned i = 0; i <= m->n_payload && !batch_full(b); i++) {
        struct slice s = i == 0 ? slice_of(m->head, m->head_len)
                                : bytes_slice(m->payload[i - 1]);
        if (skip >= s.len) {
            skip -= s.len;
            continue;
        }
        size_t len = s.len - skip;
        len = len < b->room - b->bytes ? len : b->room - b->bytes;
        batch_add(b, s.data + skip, len);
        l->current_at += len;
        skip = 0;
    }
}

static void batch_fill(struct lane *l, struct lane_out *o, struct batch_out *b)
{
    struct peers *p = l->peer->peers;

    while (!batch_full(b)) {
        struct message *m = l->current;
        if (m == NULL) {
            m = l->current = lane_pop(l);
            l->current_at = 0;
        }
        if (m == NULL) {
            return;
        }
        if (l->current_at == 0 && m->bytes <= GATHER_MESSAGE_MAX &&
            m->bytes <= sizeof o->gather - o->gather_len) {
            gather(o, b, m);
            l->current_at = m->bytes;
        } else {
            batch_part(l, b);
        }
        if (l->current_at == m->bytes) {
            o->done_bytes += m->bytes;
            p->m_messages_out++;
            queue_push(&o->messages, &m->queue);
            l->current = NULL;
        }
    }
}

static int lane_write(struct lane *l, size_t room)
{
    struct peers *p = l->peer->peers;
    struct link *k = l->link;
    struct lane_out *o = out_get(p);
    struct batch_out b;
    int rc;

    if (o == NULL) {
        return ERR_NOMEM;
    }
    b.n = 0;
    b.bytes = 0;
    b.room = room;
    o->link = k;
    batch_fill(l, o, &b);
    rc = env_stream_write(k->stream, &o->write, b.slices, b.n, link_written, o);
    if (rc != 0) {
        out_put(p, o);
        return rc;
    }
    k->n_writes++;
    k->handed += b.bytes;
    return 0;
}

int lane_pump(struct lane *l)
{
    struct link *k = l->link;

    while (lane_waits(l)) {
        size_t held =
            env_stream_unwritten(k->stream) + env_stream_unsent(k->stream);
        if (held >= LANE_UNSENT_MAX || k->n_writes >= LANE_WRITES_MAX) {
            if (k->n_writes == 0) {
                env_timer_start(l->peer->peers->env, &k->pump_timer,
                                env_now_ms(l->peer->peers->env) + 1);
            }
            return 0; /* or else a write's end goes on */
        }
        int rc = lane_write(l, LANE_UNSENT_MAX - held);
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

void link_written(struct env_write *w, int status)
{
    struct lane_out *o = w->data;
    struct link *k = o->link;
    struct peers *p = k->peers;
    struct lane *l = k->lane;

    ASSERT(k->n_writes > 0);
    k->n_writes--;
    if (l != NULL) {
        ASSERT(l->bytes >= o->done_bytes);
        l->bytes -= o->done_bytes;
    }
    if (status == 0) {
        p->m_bytes_out += w->len;
    }
    out_put(p, o);
    if (l == NULL) {
        return;
    }
    if (status != 0) {
        link_lost(k, "write failed");
    } else {
        link_pump(k);
    }
}
