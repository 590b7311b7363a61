/* conn.c - one accepted connection: bytes become frames.
 *
 * Small frames are copied out of the listener's scratch; of a large one only
 * what came with its length is, the rest is read straight into its chunk.
 */
#include "net/conn.h"

#include "base/assert.h"
#include "base/bytes.h"

#define FRAME_HEAD_BYTES 4

static size_t size_min(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* True if another frame may be taken. */
static bool conn_takes(const struct conn *c)
{
    return !c->closing && !c->flushing && !c->paused && !c->starved &&
           !c->choked;
}

void conn_update(struct conn *c)
{
    bool want = conn_takes(c) && c->pending == NULL;

    if (c->closing || want == c->reading) {
        return;
    }
    c->reading = want;
    if (want) {
        env_stream_read_resume(c->stream);
    } else {
        env_stream_read_pause(c->stream);
    }
}

void conn_touch(struct conn *c)
{
    if (c->closing) {
        return;
    }
    c->active_ms = env_now_ms(c->l->env);
    queue_remove(&c->all);
    queue_push(c->flushing ? &c->l->flushing : &c->l->conns, &c->all);
}

/* ---- the end ------------------------------------------------------------ */

static enum conn_end end_of(int why)
{
    switch (why) {
    case ERR_EOF:
        return CONN_END_EOF;
    case ERR_PROTOCOL:
        return CONN_END_PROTOCOL;
    case ERR_TIMEOUT:
        return CONN_END_IDLE;
    case ERR_CANCELED:
        return CONN_END_CLOSED;
    default:
        return CONN_END_ERROR;
    }
}

static void on_closed(void *data)
{
    struct conn *c = data;
    struct listener *l = c->l;

    ASSERT(c->n_writes == 0 && l->n_conns > 0);
    l->n_conns--;
    l->m_conns--;
    if (c->opened) {
        l->m_ends[end_of(c->why)]++;
        l->hooks.close(c->data, c, c->why);
    }
    mem_free(env_mem(l->env), c);
    if (l->closing) {
        env_turn_request(l->env, &l->turn);
    }
}

void conn_end(struct conn *c, int why)
{
    if (c->closing) {
        return;
    }
    c->closing = true;
    c->why = why;
    queue_remove(&c->all);
    queue_remove(&c->waiting);
    queue_remove(&c->ready);
    queue_remove(&c->dirty);
    bytes_release(&c->frame);
    c->has_frame = false;
    mem_free(env_mem(c->l->env), c->pending);
    c->pending = NULL;
    conn_out_drop(c);
    env_stream_close(c->stream, on_closed, c);
}

/* ---- frames ------------------------------------------------------------- */

/* Room for a small frame, cut from a chunk it shares with others. */
static bool small_reserve(struct conn *c, uint32_t len)
{
    struct listener *l = c->l;

    if (l->small != NULL && l->small->refs == 1) {
        l->small_at = 0;
    }
    if (l->small != NULL && (l->small->budget != CHUNK_CLIENT ||
                             len > l->small->cap - l->small_at)) {
        chunk_release(l->small);
        l->small = NULL;
    }
    if (l->small == NULL) {
        l->small = chunk_acquire(l->o.pool, CHUNK_CLIENT, CONN_SMALL_CHUNK);
        l->small_at = 0;
    }
    if (l->small == NULL) {
        return false;
    }
    c->frame_at = l->small->data + l->small_at;
    c->frame = bytes_share(l->small, c->frame_at, len);
    l->small_at += (len + 7) & ~UINT32_C(7);
    if (l->small_at > l->small->cap) {
        l->small_at = l->small->cap;
    }
    return true;
}

static bool large_reserve(struct conn *c, uint32_t len)
{
    struct chunk *chunk = chunk_acquire(c->l->o.pool, CHUNK_CLIENT, len);

    if (chunk == NULL) {
        return false;
    }
    c->frame_at = chunk->data;
    c->frame = (struct bytes){chunk, chunk->data, len};
    return true;
}

static void conn_starve(struct conn *c)
{
    struct listener *l = c->l;

    c->starved = true;
    l->m_starved++;
    queue_push(&l->waiting, &c->waiting);
    if (!env_timer_active(&l->starved_timer)) {
        env_timer_start(l->env, &l->starved_timer,
                        env_now_ms(l->env) + CONN_STARVED_MS);
    }
}

/* The length is known: reserve memory for the frame. False: not now, or the
 * length is bad and the connection ends. */
static bool frame_begin(struct conn *c)
{
    uint32_t len = be32_load(c->head);

    if (len > c->l->o.frame_bytes_max) {
        trace_warn(env_trace(c->l->env), "net.frame", "peer=%s length=%d",
                   conn_peer(c), (int)len);
        conn_end(c, ERR_PROTOCOL);
        return false;
    }
    if (len <= CONN_SMALL_MAX ? !small_reserve(c, len)
                              : !large_reserve(c, len)) {
        conn_starve(c);
        return false;
    }
    c->has_frame = true;
    return true;
}

static size_t frame_missing(const struct conn *c)
{
    return c->frame.len - (size_t)(c->frame_at - c->frame.data);
}

static void frame_finish(struct conn *c)
{
    struct bytes frame = c->frame;

    c->frame = (struct bytes){0};
    c->frame_at = NULL;
    c->has_frame = false;
    c->head_have = 0;
    c->l->hooks.frame(c->data, c, frame);
    bytes_release(&frame);
}

/* Take frames out of `n` bytes until they are used up or no frame may be
 * taken. Returns how many bytes were used. */
static size_t conn_consume(struct conn *c, const uint8_t *p, size_t n)
{
    size_t at = 0;

    while (conn_takes(c)) {
        if (!c->has_frame) {
            size_t part = size_min(FRAME_HEAD_BYTES - c->head_have, n - at);
            memcpy(c->head + c->head_have, p + at, part);
            c->head_have += (unsigned)part;
            at += part;
            if (c->head_have < FRAME_HEAD_BYTES || !frame_begin(c)) {
                break;
            }
        }
        size_t part = size_min(frame_missing(c), n - at);
        if (part > 0) {
            memcpy(c->frame_at, p + at, part);
        }
        c->frame_at += part;
        at += part;
        if (frame_missing(c) > 0) {
            break;
        }
        frame_finish(c);
    }
    return at;
}

/* ---- reading ------------------------------------------------------------ */

/* Keep what was read and may not be taken yet. */
static void pending_store(struct conn *c, const uint8_t *p, size_t n)
{
    if (n == 0 || c->closing || c->flushing) {
        return;
    }
    c->pending = mem_alloc(env_mem(c->l->env), n);
    if (c->pending == NULL) {
        conn_end(c, ERR_NOMEM);
        return;
    }
    memcpy(c->pending, p, n);
    c->pending_at = 0;
    c->pending_len = n;
}

void conn_continue(struct conn *c)
{
    static const uint8_t none[1];
    const uint8_t *p = c->pending == NULL ? none : c->pending + c->pending_at;
    size_t n = c->pending == NULL ? 0 : c->pending_len - c->pending_at;
    size_t used = conn_consume(c, p, n);

    if (c->pending != NULL) { /* NULL too if the connection ended */
        c->pending_at += used;
        if (c->pending_at == c->pending_len) {
            mem_free(env_mem(c->l->env), c->pending);
            c->pending = NULL;
        }
    }
    conn_update(c);
}

static bool reads_straight(const struct conn *c)
{
    return c->has_frame && frame_missing(c) >= CONN_STRAIGHT_MIN;
}

static void on_alloc(struct env_stream *s, void *data, uint8_t **ret_p,
                     size_t *ret_len)
{
    struct conn *c = data;

    (void)s;
    if (!c->reading) {
        *ret_len = 0;
    } else if (reads_straight(c)) {
        *ret_p = c->frame_at;
        *ret_len = size_min(frame_missing(c), CONN_STRAIGHT_MAX);
    } else {
        *ret_p = c->l->scratch;
        *ret_len = sizeof c->l->scratch;
    }
}

static void on_read(struct env_stream *s, void *data, int status, size_t n)
{
    struct conn *c = data;

    (void)s;
    if (c->closing) {
        return;
    }
    if (status != 0) {
        conn_end(c, status);
        return;
    }
    if (n == 0) {
        return; /* a door may find nothing */
    }
    c->l->m_bytes_in += n;
    conn_touch(c);
    if (reads_straight(c)) {
        c->frame_at += n;
        if (frame_missing(c) == 0) {
            frame_finish(c);
        }
    } else {
        size_t used = conn_consume(c, c->l->scratch, n);
        pending_store(c, c->l->scratch + used, n - used);
    }
    conn_update(c);
}

void conn_start(struct conn *c)
{
    c->reading = true;
    env_stream_read_start(c->stream, on_alloc, on_read, c);
    conn_update(c);
}

/* ---- for the user ------------------------------------------------------- */

void conn_pause(struct conn *c)
{
    c->paused = true;
    conn_update(c);
}

void conn_resume(struct conn *c)
{
    if (!c->paused || c->closing) {
        return;
    }
    c->paused = false;
    if (conn_takes(c)) {
        /* Frames are taken at the end of the turn, not inside this call. */
        queue_remove(&c->ready);
        queue_push(&c->l->ready, &c->ready);
        env_turn_request(c->l->env, &c->l->turn);
    }
}

const char *conn_peer(const struct conn *c)
{
    return env_stream_peer(c->stream);
}

uint64_t conn_id(const struct conn *c)
{
    return c->id;
}

struct env *conn_env(const struct conn *c)
{
    return c->l->env;
}
