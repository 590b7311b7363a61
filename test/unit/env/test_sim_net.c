/* Streams between nodes: order, pieces, closing, death, links. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "env/sim.h"

#define BYTES_MAX (2 * 1024 * 1024)

/* One end as a test sees it. */
struct side {
    struct env *env;
    struct env_listener *listener;
    struct env_stream *stream;
    bool connected, accepted, ended, closed;
    int connect_status, end_status;
    uint8_t *in;
    size_t in_len;
    size_t chunk; /* bytes given per read */
    unsigned reads;
    bool echo;
    struct env_write write;
    bool writing;
    int write_status;
    unsigned writes_done;
};

struct world {
    struct sim *sim;
    struct sim_disk *disks[2];
    struct side a, b; /* b listens */
};

static void start_side(struct env *e, void *arg)
{
    ((struct side *)arg)->env = e;
}

static void written(struct env_write *w, int status)
{
    struct side *x = w->data;

    assert_true(x->writing);
    x->writing = false;
    x->write_status = status;
    x->writes_done++;
}

static void send_bytes(struct side *x, const void *data, size_t len)
{
    struct slice s[2] = {slice_of(data, len / 2),
                         slice_of((const char *)data + len / 2, len - len / 2)};

    assert_false(x->writing);
    x->writing = true;
    assert_int_equal(env_stream_write(x->stream, &x->write, s, 2, written, x),
                     0);
    assert_true(x->writing); /* never before the call returns */
    assert_true(env_stream_unwritten(x->stream) >= len);
}

static void give(struct env_stream *s, void *data, uint8_t **ret_p,
                 size_t *ret_len)
{
    struct side *x = data;

    (void)s;
    assert_true(x->in_len + x->chunk <= BYTES_MAX);
    *ret_p = x->in + x->in_len;
    *ret_len = x->chunk;
}

static void take(struct env_stream *s, void *data, int status, size_t n)
{
    struct side *x = data;

    (void)s;
    assert_false(x->ended);
    if (status != 0) {
        x->ended = true;
        x->end_status = status;
        return;
    }
    assert_true(n > 0 && n <= x->chunk);
    if (x->echo) {
        send_bytes(x, x->in + x->in_len, n);
    }
    x->in_len += n;
    x->reads++;
}

static void accepted(struct env_listener *l, struct env_stream *s, void *data)
{
    struct side *x = data;

    assert_ptr_equal(l, x->listener);
    x->accepted = true;
    x->stream = s;
    env_stream_read_start(s, give, take, x);
}

static void connected(struct env_stream *s, int status, void *data)
{
    struct side *x = data;

    assert_ptr_equal(s, x->stream);
    assert_false(x->connected);
    x->connected = true;
    x->connect_status = status;
    if (status == 0) {
        env_stream_read_start(s, give, take, x);
    }
}

static void closed(void *data)
{
    struct side *x = data;

    assert_false(x->closed);
    x->closed = true;
    x->stream = NULL;
}

static void side_init(struct side *x)
{
    *x = (struct side){.chunk = 4096, .in = malloc(BYTES_MAX)};
    assert_non_null(x->in);
}

static void world_init(struct world *w, uint64_t seed, unsigned split_rate)
{
    struct sim_options o = {.seed = seed,
                            .net_min_us = 100,
                            .net_max_us = 1000,
                            .net_split_rate = split_rate};

    side_init(&w->a);
    side_init(&w->b);
    w->sim = sim_new(&o);
    w->disks[0] = sim_disk_new(w->sim, 1);
    w->disks[1] = sim_disk_new(w->sim, 2);
    assert_int_equal(
        sim_node_start(w->sim, 1, "a", w->disks[0], start_side, &w->a, NULL),
        0);
    assert_int_equal(
        sim_node_start(w->sim, 2, "b", w->disks[1], start_side, &w->b, NULL),
        0);
    assert_int_equal(
        env_listen(w->b.env, "*", 9092, accepted, &w->b, &w->b.listener, NULL),
        0);
}

static void world_close(struct world *w)
{
    sim_free(w->sim);
    free(w->a.in);
    free(w->b.in);
}

static void world_connect(struct world *w)
{
    assert_int_equal(
        env_connect(w->a.env, "b", 9092, 1000, connected, &w->a, &w->a.stream),
        0);
    assert_false(w->a.connected);
    sim_run_until(w->sim, sim_now_us(w->sim) + 10000, NULL);
    assert_true(w->a.connected && w->b.accepted);
    assert_int_equal(w->a.connect_status, 0);
}

static void run_ms(struct world *w, uint64_t ms)
{
    sim_run_until(w->sim, sim_now_us(w->sim) + ms * 1000, NULL);
}

static void test_echo(void **state)
{
    struct world w;

    (void)state;
    world_init(&w, 1, 0);
    world_connect(&w);
    assert_string_equal(env_stream_peer(w.a.stream), "b:9092");
    w.b.echo = true;
    send_bytes(&w.a, "hello", 5);
    assert_int_equal(env_stream_unsent(w.a.stream), 5);
    run_ms(&w, 10);
    assert_int_equal(w.a.write_status, 0);
    assert_int_equal(env_stream_unwritten(w.a.stream), 0);
    assert_int_equal(env_stream_unsent(w.a.stream), 0);
    assert_int_equal(w.a.in_len, 5);
    assert_memory_equal(w.a.in, "hello", 5);
    world_close(&w);
}

static uint8_t *pattern(size_t n)
{
    uint8_t *p = malloc(n);

    assert_non_null(p);
    for (size_t i = 0; i < n; i++) {
        p[i] = (uint8_t)(i * 7 + i / 251);
    }
    return p;
}

/* Much more than the buffers hold, in pieces, with a reader that pauses. */
static void test_pieces_and_flow(void **state)
{
    size_t n = 1500 * 1000;
    uint8_t *data = pattern(n);

    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct world w;
        world_init(&w, seed, 5000);
        world_connect(&w);
        w.b.chunk = 1 + seed * 1000;
        env_stream_read_pause(w.b.stream);
        send_bytes(&w.a, data, n);
        run_ms(&w, 2000);
        assert_int_equal(w.b.in_len, 0);
        assert_true(w.a.writing); /* the buffers are full */
        assert_true(env_stream_unsent(w.a.stream) < n);
        assert_int_equal(env_stream_unwritten(w.a.stream), n);
        env_stream_read_resume(w.b.stream);
        run_ms(&w, 5000);
        assert_false(w.a.writing);
        assert_int_equal(w.b.in_len, n);
        assert_memory_equal(w.b.in, data, n);
        world_close(&w);
    }
    free(data);
}

static void test_split_delivery(void **state)
{
    struct world w;
    uint8_t *data = pattern(1000);

    (void)state;
    world_init(&w, 2, 10000);
    world_connect(&w);
    send_bytes(&w.a, data, 1000);
    run_ms(&w, 100);
    assert_int_equal(w.b.in_len, 1000);
    assert_memory_equal(w.b.in, data, 1000);
    assert_true(w.b.reads > 1);
    free(data);
    world_close(&w);
}

static void test_close(void **state)
{
    struct world w;

    (void)state;
    world_init(&w, 3, 0);
    world_connect(&w);
    send_bytes(&w.a, "last words", 10);
    run_ms(&w, 0);
    env_stream_close(w.a.stream, closed, &w.a);
    assert_false(w.a.closed);
    run_ms(&w, 10);
    assert_true(w.a.closed);
    assert_int_equal(w.a.write_status, 0);
    assert_int_equal(w.b.in_len, 10); /* what was sent arrives first */
    assert_true(w.b.ended);
    assert_int_equal(w.b.end_status, ERR_EOF);
    env_stream_close(w.b.stream, closed, &w.b);
    run_ms(&w, 10);
    assert_true(w.b.closed);
    world_close(&w);
}

/* Closing cancels what the kernel has not taken. */
static void test_close_cancels(void **state)
{
    struct world w;
    uint8_t *data = pattern(BYTES_MAX);

    (void)state;
    world_init(&w, 4, 0);
    world_connect(&w);
    env_stream_read_pause(w.b.stream);
    send_bytes(&w.a, data, BYTES_MAX);
    run_ms(&w, 100);
    assert_true(w.a.writing);
    env_stream_close(w.a.stream, closed, &w.a);
    assert_true(w.a.writing);
    run_ms(&w, 0);
    assert_false(w.a.writing);
    assert_int_equal(w.a.write_status, ERR_CANCELED);
    assert_true(w.a.closed);
    free(data);
    world_close(&w);
}

static void test_connect_fails(void **state)
{
    struct world w;

    (void)state;
    world_init(&w, 5, 0);
    /* Nobody listens there. */
    assert_int_equal(
        env_connect(w.a.env, "b", 1, 1000, connected, &w.a, &w.a.stream), 0);
    run_ms(&w, 10);
    assert_int_equal(w.a.connect_status, ERR_REFUSED);
    env_stream_close(w.a.stream, closed, &w.a);
    run_ms(&w, 0);
    /* No such host. */
    w.a.connected = w.a.closed = false;
    assert_int_equal(
        env_connect(w.a.env, "zzz", 1, 1000, connected, &w.a, &w.a.stream), 0);
    run_ms(&w, 10);
    assert_int_equal(w.a.connect_status, ERR_IO);
    env_stream_close(w.a.stream, NULL, NULL);
    /* The link swallows it. */
    w.a.connected = false;
    sim_link_set(w.sim, 1, 2, false);
    assert_int_equal(
        env_connect(w.a.env, "b", 9092, 1000, connected, &w.a, &w.a.stream), 0);
    run_ms(&w, 999);
    assert_false(w.a.connected);
    run_ms(&w, 1);
    assert_true(w.a.connected);
    assert_int_equal(w.a.connect_status, ERR_TIMEOUT);
    env_stream_close(w.a.stream, NULL, NULL);
    /* Closed first. */
    w.a.connected = false;
    assert_int_equal(
        env_connect(w.a.env, "b", 9092, 1000, connected, &w.a, &w.a.stream), 0);
    env_stream_close(w.a.stream, closed, &w.a);
    run_ms(&w, 0);
    assert_int_equal(w.a.connect_status, ERR_CANCELED);
    assert_true(w.a.closed);
    assert_false(w.b.accepted);
    world_close(&w);
}

static void test_listen(void **state)
{
    struct world w;
    struct env_listener *l, *m;
    struct err err = {""};

    (void)state;
    world_init(&w, 6, 0);
    assert_int_equal(env_listener_port(w.b.listener), 9092);
    assert_int_equal(env_listen(w.b.env, "b", 9092, accepted, &w.b, &l, &err),
                     ERR_EXISTS);
    assert_string_equal(err.text, "b:9092: address in use");
    assert_int_equal(env_listen(w.b.env, "c", 1, accepted, &w.b, &l, NULL),
                     ERR_INVALID);
    assert_int_equal(env_listen(w.b.env, "", 0, accepted, &w.b, &l, NULL), 0);
    assert_int_equal(env_listen(w.b.env, "", 0, accepted, &w.b, &m, NULL), 0);
    assert_int_not_equal(env_listener_port(l), 0);
    assert_int_not_equal(env_listener_port(l), env_listener_port(m));
    env_listener_close(w.b.listener);
    assert_int_equal(
        env_connect(w.a.env, "b", 9092, 1000, connected, &w.a, &w.a.stream), 0);
    run_ms(&w, 10);
    assert_int_equal(w.a.connect_status, ERR_REFUSED);
    world_close(&w);
}

static void die_now(void *arg)
{
    env_die(arg, "planned");
}

/* A process that dies ends its connections at the other side. */
static void test_peer_dies(void **state)
{
    bool eof = false, reset = false;

    (void)state;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        struct world w;
        world_init(&w, seed, 0);
        world_connect(&w);
        assert_int_equal(sim_node_call(w.sim, 2, die_now, w.b.env), ERR_CLOSED);
        assert_false(w.a.ended);
        run_ms(&w, 10);
        assert_true(w.a.ended);
        eof = eof || w.a.end_status == ERR_EOF;
        reset = reset || w.a.end_status == ERR_IO;
        /* Nobody listens any more. */
        env_stream_close(w.a.stream, NULL, NULL);
        w.a.connected = false;
        assert_int_equal(
            env_connect(w.a.env, "b", 9092, 1000, connected, &w.a, &w.a.stream),
            0);
        run_ms(&w, 10);
        assert_int_equal(w.a.connect_status, ERR_REFUSED);
        world_close(&w);
    }
    assert_true(eof && reset);
}

/* After a power cut others hear it, or nothing at all until they send and give
 * up, or the node is back. */
static void test_peer_loses_power(void **state)
{
    unsigned heard = 0, silent = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        struct world w;
        world_init(&w, seed, 0);
        world_connect(&w);
        sim_node_crash(w.sim, 2, SIM_CRASH_NONE);
        run_ms(&w, 1000);
        if (w.a.ended) {
            heard++;
            world_close(&w);
            continue;
        }
        silent++;
        send_bytes(&w.a, "anybody?", 8);
        run_ms(&w, 1000);
        assert_false(w.a.ended);
        if (seed % 2 == 0) {
            assert_int_equal(sim_node_start(w.sim, 2, "b", w.disks[1],
                                            start_side, &w.b, NULL),
                             0);
            run_ms(&w, 100);
        } else {
            run_ms(&w, 60000);
        }
        assert_true(w.a.ended);
        assert_int_equal(w.a.end_status, ERR_IO);
        world_close(&w);
    }
    assert_true(heard > 0 && silent > 0);
}

static void test_link_down_and_up(void **state)
{
    struct world w;

    (void)state;
    world_init(&w, 7, 0);
    world_connect(&w);
    sim_link_set(w.sim, 1, 2, false);
    send_bytes(&w.a, "one ", 4);
    run_ms(&w, 1000);
    send_bytes(&w.a, "two", 3);
    run_ms(&w, 1000);
    assert_int_equal(w.b.in_len, 0);
    assert_int_equal(env_stream_unsent(w.a.stream), 7);
    /* The other direction is not affected. */
    send_bytes(&w.b, "back", 4);
    run_ms(&w, 10);
    assert_int_equal(w.a.in_len, 4);
    sim_link_set(w.sim, 1, 2, true);
    run_ms(&w, 10);
    assert_int_equal(w.b.in_len, 7);
    assert_memory_equal(w.b.in, "one two", 7);
    run_ms(&w, 60000); /* the patience of the first time is not counted */
    assert_false(w.a.ended || w.b.ended);
    /* Down for too long: the sender gives up, the other end does not know
     * until it sends something itself. */
    sim_link_set(w.sim, 1, 2, false);
    send_bytes(&w.a, "three", 5);
    run_ms(&w, 60000);
    assert_true(w.a.ended);
    assert_int_equal(w.a.end_status, ERR_IO);
    assert_false(w.b.ended);
    sim_link_set(w.sim, 1, 2, true);
    run_ms(&w, 60000);
    assert_int_equal(w.b.in_len, 7);
    assert_false(w.b.ended);
    send_bytes(&w.b, "hello?", 6);
    run_ms(&w, 10);
    assert_true(w.b.ended);
    assert_int_equal(w.b.end_status, ERR_IO);
    send_bytes(&w.b, "hello?", 6);
    run_ms(&w, 10);
    assert_int_equal(w.b.write_status, ERR_IO);
    assert_int_equal(
        env_stream_write(w.b.stream, &w.b.write, NULL, 0, written, &w.b),
        ERR_CLOSED);
    world_close(&w);
}

/* A paused process accepts and receives no further than its kernel does. */
static void test_paused_peer(void **state)
{
    struct world w;

    (void)state;
    world_init(&w, 8, 0);
    sim_node_pause(w.sim, 2);
    assert_int_equal(
        env_connect(w.a.env, "b", 9092, 1000, connected, &w.a, &w.a.stream), 0);
    run_ms(&w, 100);
    assert_true(w.a.connected);
    assert_int_equal(w.a.connect_status, 0);
    assert_false(w.b.accepted);
    send_bytes(&w.a, "queued", 6);
    run_ms(&w, 100);
    assert_int_equal(w.b.in_len, 0);
    sim_node_resume(w.sim, 2);
    run_ms(&w, 1);
    assert_true(w.b.accepted);
    assert_int_equal(w.b.in_len, 6);
    world_close(&w);
}

/* Every callback may close its stream. */
static void close_on_read(struct env_stream *s, void *data, int status,
                          size_t n)
{
    struct side *x = data;

    assert_int_equal(status, 0);
    assert_true(n > 0);
    x->reads++;
    env_stream_close(s, closed, x);
}

static void accept_to_close(struct env_listener *l, struct env_stream *s,
                            void *data)
{
    (void)l;
    env_stream_read_start(s, give, close_on_read, data);
}

static void test_close_while_reading(void **state)
{
    struct world w;
    struct env_listener *l;

    (void)state;
    world_init(&w, 9, 0);
    assert_int_equal(
        env_listen(w.b.env, "b", 1, accept_to_close, &w.b, &l, NULL), 0);
    assert_int_equal(
        env_connect(w.a.env, "b", 1, 1000, connected, &w.a, &w.a.stream), 0);
    run_ms(&w, 10);
    w.b.chunk = 3;
    send_bytes(&w.a, "0123456789", 10);
    run_ms(&w, 10);
    assert_int_equal(w.b.reads, 1);
    assert_true(w.b.closed);
    assert_true(w.a.ended);
    assert_int_equal(w.a.end_status, ERR_IO); /* unread bytes: a reset */
    world_close(&w);
}

static void close_on_end(struct env_stream *s, void *data, int status, size_t n)
{
    struct side *x = data;

    (void)n;
    assert_int_equal(status, ERR_IO);
    env_stream_close(s, closed, x);
}

static void connect_to_close(struct env_stream *s, int status, void *data)
{
    assert_int_equal(status, 0);
    env_stream_read_start(s, give, close_on_end, data);
}

/* The last one to leave takes the connection along, from inside a callback. */
static void test_close_after_reset(void **state)
{
    struct world w;
    struct env_listener *l;

    (void)state;
    world_init(&w, 12, 0);
    assert_int_equal(
        env_listen(w.b.env, "b", 1, accept_to_close, &w.b, &l, NULL), 0);
    assert_int_equal(
        env_connect(w.a.env, "b", 1, 1000, connect_to_close, &w.a, &w.a.stream),
        0);
    run_ms(&w, 10);
    w.b.chunk = 3;
    send_bytes(&w.a, "0123456789", 10);
    run_ms(&w, 10);
    assert_true(w.a.closed && w.b.closed);
    world_close(&w);
}

static void die_on_read(struct env_stream *s, void *data, int status, size_t n)
{
    (void)s;
    (void)status;
    (void)n;
    env_die(((struct side *)data)->env, "read something");
}

static void accept_to_die(struct env_listener *l, struct env_stream *s,
                          void *data)
{
    (void)l;
    env_stream_read_start(s, give, die_on_read, data);
}

static void test_die_while_reading(void **state)
{
    struct world w;
    struct env_listener *l;

    (void)state;
    world_init(&w, 10, 0);
    assert_int_equal(env_listen(w.b.env, "b", 1, accept_to_die, &w.b, &l, NULL),
                     0);
    assert_int_equal(
        env_connect(w.a.env, "b", 1, 1000, connected, &w.a, &w.a.stream), 0);
    run_ms(&w, 10);
    send_bytes(&w.a, "0123456789", 10);
    run_ms(&w, 10);
    assert_null(sim_node_env(w.sim, 2));
    assert_string_equal(sim_node_death(w.sim, 2), "read something");
    assert_true(w.a.ended);
    assert_non_null(sim_node_env(w.sim, 1));
    world_close(&w);
}

/* A node talks to itself by any name. */
static void test_loopback(void **state)
{
    struct world w;

    (void)state;
    world_init(&w, 11, 0);
    w.b.echo = true;
    assert_int_equal(env_listen(w.a.env, "127.0.0.1", 5, accepted, &w.b,
                                &w.b.listener, NULL),
                     0);
    assert_int_equal(env_connect(w.a.env, "localhost", 5, 1000, connected, &w.a,
                                 &w.a.stream),
                     0);
    run_ms(&w, 10);
    send_bytes(&w.a, "self", 4);
    run_ms(&w, 10);
    assert_int_equal(w.a.in_len, 4);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_echo),
        cmocka_unit_test(test_pieces_and_flow),
        cmocka_unit_test(test_split_delivery),
        cmocka_unit_test(test_close),
        cmocka_unit_test(test_close_cancels),
        cmocka_unit_test(test_connect_fails),
        cmocka_unit_test(test_listen),
        cmocka_unit_test(test_peer_dies),
        cmocka_unit_test(test_peer_loses_power),
        cmocka_unit_test(test_link_down_and_up),
        cmocka_unit_test(test_paused_peer),
        cmocka_unit_test(test_close_while_reading),
        cmocka_unit_test(test_close_after_reset),
        cmocka_unit_test(test_die_while_reading),
        cmocka_unit_test(test_loopback),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
