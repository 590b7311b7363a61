/* Both halves over real sockets on loopback, with 100 MB pushed through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "env/system.h"
#include "net/listener.h"
#include "net/peers.h"

#define POOL       ((size_t)128 << 20)
#define TOTAL      (100u << 20)
#define TIMEOUT_MS 60000

struct world {
    struct env *env;
    struct chunk_pool *pool;
};

static void world_open(struct world *w)
{
    struct env_system_options o = {.io_engine = "auto",
                                   .trace_level = TRACE_ERROR};
    struct err err = {""};

    assert_int_equal(env_system_new(&o, &w->env, &err), 0);
    assert_int_equal(chunk_pool_new(&w->pool, env_mem(w->env), POOL), 0);
}

static void world_close(struct world *w)
{
    assert_int_equal(chunk_pool_used_all(w->pool), 0);
    chunk_pool_free(w->pool);
    env_system_free(w->env);
}

static void set_flag(void *arg)
{
    *(bool *)arg = true;
}

static void run_until(struct world *w, const bool *flag)
{
    assert_int_equal(env_system_run_until(w->env, flag, TIMEOUT_MS), 0);
}

/* ---- listener ----------------------------------------------------------- */

#define FRAME_LEN (400u << 10)

struct echo {
    struct world *w;
    struct listener *l;
    struct env_stream *stream;
    struct env_write write;
    bool connected, done, closed, conn_closed, stream_closed;
    uint8_t *out;
    uint8_t in[64 << 10];
    uint64_t sent, received, wrong;
};

static void *echo_open(void *arg, struct conn *c)
{
    (void)c;
    return arg;
}

static void echo_frame(void *data, struct conn *c, struct bytes frame)
{
    struct echo *x = data;
    struct chunk *head = chunk_acquire(x->w->pool, CHUNK_REPLY, 4);

    assert_non_null(head);
    be32_store(head->data, (uint32_t)frame.len);
    struct bytes pieces[2] = {{head, head->data, 4}, bytes_dup(frame)};
    assert_int_equal(conn_write(c, pieces, 2), 0);
}

static void echo_close(void *data, struct conn *c, int why)
{
    struct echo *x = data;

    (void)c;
    assert_int_equal(why, ERR_EOF);
    x->conn_closed = true;
}

static void echo_send(struct echo *x);

static void echo_written(struct env_write *w, int status)
{
    struct echo *x = w->data;

    if (status == 0 && x->sent < TOTAL) {
        echo_send(x);
    }
}

static void echo_send(struct echo *x)
{
    struct slice s = slice_of(x->out, FRAME_LEN + 4);

    x->sent += s.len;
    assert_int_equal(
        env_stream_write(x->stream, &x->write, &s, 1, echo_written, x), 0);
}

static void echo_alloc(struct env_stream *s, void *data, uint8_t **ret_p,
                       size_t *ret_len)
{
    struct echo *x = data;

    (void)s;
    *ret_p = x->in;
    *ret_len = sizeof x->in;
}

static void echo_read(struct env_stream *s, void *data, int status, size_t n)
{
    struct echo *x = data;

    (void)s;
    assert_int_equal(status, 0);
    for (size_t i = 0; i < n; i += 511) {
        x->wrong += x->in[i] != x->out[(x->received + i) % (FRAME_LEN + 4)];
    }
    x->received += n;
    x->done = x->received >= TOTAL && x->received == x->sent;
}

static void echo_connected(struct env_stream *s, int status, void *data)
{
    struct echo *x = data;

    assert_int_equal(status, 0);
    x->stream = s;
    env_stream_read_start(s, echo_alloc, echo_read, x);
    echo_send(x);
}

static void frames_go_both_ways(void **state)
{
    struct world w;
    struct echo *x = calloc(1, sizeof *x);
    struct listener_hooks hooks = {echo_open, echo_frame, echo_close};
    struct env_stream *s;
    struct err err;

    (void)state;
    world_open(&w);
    x->w = &w;
    x->out = malloc(FRAME_LEN + 4);
    be32_store(x->out, FRAME_LEN);
    for (uint32_t i = 0; i < FRAME_LEN; i++) {
        x->out[4 + i] = (uint8_t)(i * 7 + i / 253);
    }
    struct listener_options o = {.pool = w.pool,
                                 .host = "127.0.0.1",
                                 .frame_bytes_max = 1 << 20,
                                 .connections_max = 10};
    assert_int_equal(listener_open(w.env, &o, &hooks, x, &x->l, &err), 0);
    assert_int_equal(env_connect(w.env, "127.0.0.1", listener_port(x->l), 1000,
                                 echo_connected, x, &s),
                     0);
    run_until(&w, &x->done);
    assert_int_equal(x->wrong, 0);
    env_stream_close(s, set_flag, &x->stream_closed);
    run_until(&w, &x->stream_closed);
    run_until(&w, &x->conn_closed);
    listener_close(x->l, set_flag, &x->closed);
    run_until(&w, &x->closed);
    free(x->out);
    free(x);
    world_close(&w);
}

/* ---- peers -------------------------------------------------------------- */

#define MESSAGE_LEN (1000u << 10)

struct end {
    struct world *w;
    struct peers *peers;
    int32_t other;
    bool up, down, refused, done, closed;
    uint64_t bytes, numbers[2];
};

static void on_state(void *arg, int32_t node, enum peer_state state)
{
    struct end *x = arg;

    assert_int_equal(node, x->other);
    x->up = state == PEER_UP;
    x->down = x->down || state == PEER_DOWN;
    x->refused = x->refused || state == PEER_REFUSED;
}

static void on_message(void *arg, int32_t node, struct bytes m)
{
    struct end *x = arg;

    assert_int_equal(node, x->other);
    unsigned order = m.len > 100;
    assert_int_equal(le64_load(m.data), ++x->numbers[order]);
    for (size_t i = 8; i < m.len; i += 499) {
        assert_int_equal(m.data[i], (uint8_t)(m.data[0] + i));
    }
    x->bytes += m.len;
    x->done = x->bytes >= TOTAL;
}

static void end_open(struct end *x, struct world *w, int32_t self)
{
    struct peers_options o = {.pool = w->pool, .host = "127.0.0.1"};
    struct peers_identity id = {
        .cluster = {{1}}, .node = self, .directory = {{(uint8_t)self}}};
    struct err err;

    *x = (struct end){.w = w, .other = 3 - self};
    assert_int_equal(peers_open(w->env, &o, id, &x->peers, &err), 0);
    peers_watch(x->peers, on_state, x);
    peers_receive(x->peers, PEER_RAFT, on_message, x);
}

/* Keep both queues filled. */
static void on_feed(struct env_timer *t)
{
    struct end *x = t->data;
    struct env *e = x->w->env;

    while (peer_queued(x->peers, x->other, PEER_LANE_MAIN) < 4u << 20 &&
           x->bytes < TOTAL) {
        uint8_t head[8], small[16];
        struct chunk *c = chunk_acquire(x->w->pool, CHUNK_STATE, MESSAGE_LEN);
        assert_non_null(c);
        le64_store(head, ++x->numbers[1]);
        for (size_t i = 0; i < MESSAGE_LEN; i++) {
            c->data[i] = (uint8_t)(head[0] + i + 8);
        }
        struct bytes payload = {c, c->data, MESSAGE_LEN};
        assert_int_equal(peer_send(x->peers, x->other, PEER_LANE_MAIN,
                                   PEER_RAFT, 1, slice_of(head, 8), &payload,
                                   1),
                         0);
        chunk_release(c);
        le64_store(small, ++x->numbers[0]);
        for (size_t i = 8; i < sizeof small; i++) {
            small[i] = (uint8_t)(small[0] + i);
        }
        assert_int_equal(peer_send(x->peers, x->other, PEER_LANE_MAIN,
                                   PEER_RAFT, 2, slice_of(small, sizeof small),
                                   NULL, 0),
                         0);
        x->bytes += MESSAGE_LEN + 8;
    }
    if (x->bytes < TOTAL) {
        env_timer_start(e, t, env_now_ms(e) + 1);
    }
}

static void messages_and_a_death(void **state)
{
    struct world w;
    struct end *a = calloc(1, sizeof *a), *b = calloc(1, sizeof *b);
    struct env_timer feed;

    (void)state;
    world_open(&w);
    end_open(a, &w, 1);
    end_open(b, &w, 2);
    assert_int_equal(
        peers_add(a->peers, 2, "127.0.0.1", peers_port(b->peers), uuid_zero),
        0);
    assert_int_equal(
        peers_add(b->peers, 1, "localhost", peers_port(a->peers), uuid_zero),
        0);
    run_until(&w, &a->up);
    env_timer_init(&feed, on_feed, a);
    env_timer_start(w.env, &feed, 0);
    run_until(&w, &b->done);
    peers_close(b->peers, set_flag, &b->closed);
    run_until(&w, &b->closed);
    run_until(&w, &a->refused);
    assert_true(a->down);
    peers_close(a->peers, set_flag, &a->closed);
    run_until(&w, &a->closed);
    free(a);
    free(b);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_go_both_ways),
        cmocka_unit_test(messages_and_a_death),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
