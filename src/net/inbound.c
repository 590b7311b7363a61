/* inbound.c - a connection that was dialled to us: hello, answer, messages.
 *
 * Messages are delivered where they were read: many share a chunk, a large one
 * has its own. A chunk that nobody shares is used again.
 */
#include "base/assert.h"
#include "base/crc32c.h"
#include "net/peers_impl.h"

/* Less room than this in a chunk is not worth a read. */
#define READ_MIN 2048

/* ---- the end ------------------------------------------------------------ */

static void on_closed(void *data)
{
    struct inbound *in = data;
    struct peers *p = in->peers;

    mem_free(env_mem(p->env), in);
    peers_closed_one(p);
}

void inbound_end(struct inbound *in, const char *why)
{
    struct peers *p = in->peers;
    struct peer *peer = peers_find(p, in->node);

    if (in->state == INBOUND_CLOSING) {
        return;
    }
    if (in->state == INBOUND_HELLO) {
        p->n_strangers--;
    }
    trace_info(env_trace(p->env), "net.peer_ended", "peer=%s node=%d text=%s",
               env_stream_peer(in->stream), in->node, TRACE_Q(why));
    if (peer != NULL && peer->in[in->lane] == in) {
        peer->in[in->lane] = NULL;
    }
    in->state = INBOUND_CLOSING;
    queue_remove(&in->queue);
    env_timer_stop(p->env, &in->timer);
    chunk_release(in->chunk);
    chunk_release(in->large);
    in->chunk = in->large = NULL;
    env_stream_close(in->stream, on_closed, in);
}

/* ---- memory ------------------------------------------------------------- */

/* Wait for memory: stop reading, try again soon. */
static void inbound_starve(struct inbound *in)
{
    struct env *e = in->peers->env;

    if (in->starved) {
        return;
    }
    in->starved = true;
    in->peers->m_starved++;
    if (in->starved_ms == 0) {
        in->starved_ms = env_now_ms(e) + 1;
    }
    env_stream_read_pause(in->stream);
    env_timer_start(e, &in->timer, env_now_ms(e) + INBOUND_STARVED_MS);
}

/* Bytes that the frame at `begin` needs from there on, as far as is known. It
 * fits INBOUND_CHUNK_BYTES: larger ones have a chunk of their own. */
static uint32_t frame_need(const struct inbound *in)
{
    struct peer_head h;

    if (in->end - in->begin < PEER_HEAD_BYTES ||
        peer_head_decode(&h, in->chunk->data + in->begin) != 0) {
        return PEER_HEAD_BYTES;
    }
    return PEER_HEAD_BYTES + h.len;
}

/* Have room to read into. False: no memory now. */
static bool chunk_prepare(struct inbound *in)
{
    uint32_t left = in->end - in->begin;
    struct chunk *next;

    if (in->chunk != NULL && in->chunk->cap - in->end >= READ_MIN &&
        in->chunk->cap - in->begin >= frame_need(in)) {
        return true;
    }
    if (in->chunk == NULL || in->chunk->refs > 1) {
        next =
            chunk_acquire(in->peers->o.pool, CHUNK_PEER, INBOUND_CHUNK_BYTES);
        if (next == NULL) {
            return false;
        }
    } else {
        next = chunk_share(in->chunk);
    }
    if (left > 0) {
        memmove(next->data, in->chunk->data + in->begin, left);
    }
    chunk_release(in->chunk);
    in->chunk = next;
    in->begin = 0;
    in->end = left;
    return true;
}

/* ---- messages ----------------------------------------------------------- */

static void inbound_deliver(struct inbound *in, const struct peer_head *h,
                            struct chunk *chunk, const uint8_t *data)
{
    struct bytes message = bytes_share(chunk, data, h->len);

    peers_deliver(in->peers, in->node, in->full, h->channel, message);
    bytes_release(&message);
}

/* A message too long for the common chunk: give it one of its own and move
 * what is there of it. */
static bool large_begin(struct inbound *in, const struct peer_head *h)
{
    uint32_t have = in->end - in->begin - PEER_HEAD_BYTES;

    in->large = chunk_acquire(in->peers->o.pool, CHUNK_PEER, h->len);
    if (in->large == NULL) {
        return false;
    }
    ASSERT(have < h->len);
    memcpy(in->large->data, in->chunk->data + in->begin + PEER_HEAD_BYTES,
           have);
    in->large_head = *h;
    in->large_have = have;
    in->begin = in->end;
    return true;
}

static void large_finish(struct inbound *in)
{
    struct chunk *chunk = in->large;

    in->large = NULL;
    inbound_deliver(in, &in->large_head, chunk, chunk->data);
    chunk_release(chunk);
}

/* Deliver what is complete. */
static void inbound_parse(struct inbound *in)
{
    while (in->state == INBOUND_OPEN && in->large == NULL) {
        struct peer_head h;
        uint32_t left = in->end - in->begin;
        if (left < PEER_HEAD_BYTES) {
            break;
        }
        const uint8_t *at = in->chunk->data + in->begin;
        if (peer_head_decode(&h, at) != 0) {
            inbound_end(in, "damaged frame");
            return;
        }
        if (h.len > INBOUND_CHUNK_BYTES - PEER_HEAD_BYTES) {
            if (!large_begin(in, &h)) {
                inbound_starve(in);
                return;
            }
        } else if (left - PEER_HEAD_BYTES < h.len) {
            break;
        } else {
            in->begin += PEER_HEAD_BYTES + h.len;
            inbound_deliver(in, &h, in->chunk, at + PEER_HEAD_BYTES);
        }
    }
    if (in->state == INBOUND_OPEN && in->begin == in->end &&
        in->chunk != NULL && in->chunk->refs == 1) {
        in->begin = in->end = 0;
    }
}

/* ---- hello -------------------------------------------------------------- */

static void on_answer_written(struct env_write *w, int status)
{
    struct inbound *in = w->data;

    if (in->state == INBOUND_REFUSED) {
        inbound_end(in, "refused");
    } else if (status != 0) {
        inbound_end(in, "write failed");
    }
}

/* Answer; `text` is why not, or NULL. */
static void answer(struct inbound *in, const char *text)
{
    struct peers *p = in->peers;
    struct hello h = peers_hello(p, in->lane);
    struct slice out;

    if (text != NULL) {
        h.refused = true;
        h.text_len = (uint16_t)strlen(text);
        h.text_crc = crc32c(text, h.text_len);
        memcpy(in->hello + HELLO_BYTES, text, h.text_len);
    }
    hello_encode(&h, in->hello);
    out = slice_of(in->hello, HELLO_BYTES + h.text_len);
    if (env_stream_write(in->stream, &in->hello_write, &out, 1,
                         on_answer_written, in) != 0) {
        inbound_end(in, "write failed");
    }
}

static void inbound_refuse(struct inbound *in, const char *text)
{
    struct peers *p = in->peers;

    p->m_refused++;
    trace_warn(env_trace(p->env), "net.peer_refused", "peer=%s node=%d text=%s",
               env_stream_peer(in->stream), in->node, TRACE_Q(text));
    in->state = INBOUND_REFUSED;
    env_stream_read_pause(in->stream);
    answer(in, text);
}

static void inbound_accept(struct inbound *in, const struct hello *h)
{
    struct peers *p = in->peers;
    struct peer *peer = peers_find(p, h->node);

    in->state = INBOUND_OPEN;
    in->directory = h->directory;
    in->full = !uuid_is_zero(p->self.cluster) &&
               uuid_equal(p->self.cluster, h->cluster);
    env_timer_stop(p->env, &in->timer);
    if (peer->in[in->lane] != NULL) {
        /* It dialled again: what came before is over at its end. */
        inbound_end(peer->in[in->lane], "replaced");
    }
    peer->in[in->lane] = in;
    peer->heard_ms = env_now_ms(p->env);
    trace_info(env_trace(p->env), "net.peer_accepted",
               "peer=%s node=%d lane=%d full=%d", env_stream_peer(in->stream),
               in->node, in->lane, in->full);
    answer(in, NULL);
}

static void hello_read(struct inbound *in)
{
    struct peers *p = in->peers;
    struct hello h;
    char text[HELLO_TEXT_MAX + 1];

    if (hello_decode(&h, in->hello) != 0 || h.refused || h.text_len > 0) {
        inbound_end(in, "not the hello of a node");
        return;
    }
    in->node = h.node;
    in->lane = (enum peer_lane)h.lane;
    p->n_strangers--;
    if (peers_accepts(p, &h, text)) {
        inbound_accept(in, &h);
    } else {
        inbound_refuse(in, text);
    }
}

/* ---- reading ------------------------------------------------------------ */

static void on_alloc(struct env_stream *s, void *data, uint8_t **ret_p,
                     size_t *ret_len)
{
    struct inbound *in = data;

    (void)s;
    if (in->state == INBOUND_HELLO) {
        *ret_p = in->hello + in->have;
        *ret_len = HELLO_BYTES - in->have;
    } else if (in->state != INBOUND_OPEN || in->starved) {
        *ret_len = 0;
    } else if (in->large != NULL) {
        size_t missing = in->large_head.len - in->large_have;
        *ret_p = in->large->data + in->large_have;
        *ret_len =
            missing < INBOUND_STRAIGHT_MAX ? missing : INBOUND_STRAIGHT_MAX;
    } else if (chunk_prepare(in)) {
        *ret_p = in->chunk->data + in->end;
        *ret_len = in->chunk->cap - in->end;
    } else {
        inbound_starve(in);
        *ret_len = 0;
    }
}

static void bytes_read(struct inbound *in, size_t n)
{
    struct peer *peer = peers_find(in->peers, in->node);

    if (peer != NULL) {
        peer->heard_ms = env_now_ms(in->peers->env);
    }
    in->starved_ms = 0;
    if (in->large == NULL) {
        in->end += (uint32_t)n;
        inbound_parse(in);
        return;
    }
    in->large_have += (uint32_t)n;
    if (in->large_have == in->large_head.len) {
        large_finish(in);
    }
}

static void on_read(struct env_stream *s, void *data, int status, size_t n)
{
    struct inbound *in = data;

    (void)s;
    if (in->state == INBOUND_CLOSING) {
        return;
    }
    if (status != 0) {
        inbound_end(in, status == ERR_EOF ? "closed by the other end"
                                          : "connection broken");
        return;
    }
    if (n == 0) {
        return; /* a door may find nothing */
    }
    in->peers->m_bytes_in += n;
    if (in->state == INBOUND_HELLO) {
        in->have += (unsigned)n;
        if (in->have == HELLO_BYTES) {
            hello_read(in);
        }
    } else if (in->state == INBOUND_OPEN) {
        bytes_read(in, n);
    }
}

/* The hello did not come, or memory may be there now. */
static void on_timer(struct env_timer *t)
{
    struct inbound *in = t->data;

    if (in->state != INBOUND_OPEN) {
        inbound_end(in, "no hello");
        return;
    }
    if (env_now_ms(in->peers->env) - in->starved_ms > INBOUND_STARVED_MS_MAX) {
        inbound_end(in, "no memory");
        return;
    }
    in->starved = false;
    inbound_parse(in);
    if (in->state == INBOUND_OPEN && !in->starved) {
        env_stream_read_resume(in->stream);
    }
}

void inbound_open(struct peers *p, struct env_stream *s)
{
    struct inbound *in = NULL;

    if (p->n_strangers < INBOUND_STRANGERS_MAX) {
        in = mem_calloc(env_mem(p->env), 1, sizeof *in);
    }
    if (in == NULL) {
        env_stream_close(s, NULL, NULL);
        return;
    }
    in->peers = p;
    in->stream = s;
    in->node = -1;
    queue_push(&p->inbounds, &in->queue);
    p->n_strangers++;
    p->n_open++;
    env_timer_init(&in->timer, on_timer, in);
    env_timer_start(p->env, &in->timer,
                    env_now_ms(p->env) + p->o.connect_timeout_ms);
    env_stream_read_start(s, on_alloc, on_read, in);
}
