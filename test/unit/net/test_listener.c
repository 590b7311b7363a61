/* Clients of a simulated world send frames; the listener hands them out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "env/sim.h"
#include "net/listener.h"

#define PORT      9092
#define POOL      ((size_t)32 << 20)
#define SECOND_US UINT64_C(1000000)
#define CLIENTS   4
#define IN_MAX    (12u << 20)

/* The server's view of one connection. */
struct served {
    struct server *server;
    struct conn *c;
    unsigned frames;
    uint64_t bytes;
    uint64_t sum; /* of all bytes, in order */
    bool closed;
    int why;
    struct bytes kept;
};

struct server {
    struct env *env;
    struct chunk_pool *pool;
    struct listener *l;
    struct served served[16];
    unsigned n_served;
    bool echo, keep, refuse, closed;
    unsigned pause_after;  /* frames; 0: never */
    unsigned close_after;  /* frames; 0: never */
    unsigned reply_pieces; /* a reply of so many pieces of 100 bytes */
    bool flush;
};

struct client {
    struct env *env;
    struct env_stream *stream;
    struct env_write write;
    bool connected, ended, closed, reading;
    int status;
    uint8_t *in;
    size_t in_len;
    unsigned reads;
};

struct world {
    struct sim *sim;
    struct sim_disk *disks[2];
    struct server s;
    struct client c[CLIENTS];
    unsigned n_clients;
    struct listener_options o;
};

static uint64_t sum_of(uint64_t sum, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        sum = sum * 31 + p[i] + 1;
    }
    return sum;
}

/* ---- server ------------------------------------------------------------- */

static void *on_open(void *arg, struct conn *c)
{
    struct server *s = arg;

    if (s->refuse) {
        return NULL;
    }
    struct served *v = &s->served[s->n_served++];
    *v = (struct served){.server = s, .c = c};
    return v;
}

static void reply_pieces(struct conn *c, unsigned n)
{
    static const uint8_t hundred[100] = "piece";
    struct bytes pieces[1500];

    assert_true(n <= 1500);
    for (unsigned i = 0; i < n; i++) {
        pieces[i] = (struct bytes){NULL, hundred, sizeof hundred};
    }
    assert_int_equal(conn_write(c, pieces, n), 0);
}

static void on_frame(void *data, struct conn *c, struct bytes frame)
{
    struct served *v = data;
    struct server *s = v->server;

    assert_ptr_equal(c, v->c);
    assert_false(v->closed);
    v->frames++;
    v->bytes += frame.len;
    v->sum = sum_of(v->sum, frame.data, frame.len);
    if (s->echo) {
        struct chunk *head = chunk_acquire(s->pool, CHUNK_REPLY, 4);
        if (head == NULL) {
            conn_close(c, false);
            return;
        }
        be32_store(head->data, (uint32_t)frame.len);
        struct bytes pieces[2] = {{head, head->data, 4}, bytes_dup(frame)};
        conn_write(c, pieces, 2);
    }
    if (s->reply_pieces > 0) {
        reply_pieces(c, s->reply_pieces);
    }
    if (s->keep && v->kept.chunk == NULL) {
        v->kept = bytes_dup(frame);
    }
    if (s->pause_after > 0 && v->frames % s->pause_after == 0) {
        conn_pause(c);
    }
    if (s->close_after > 0 && v->frames == s->close_after) {
        conn_close(c, s->flush);
        assert_int_equal(conn_write(c, NULL, 0), ERR_CLOSED);
    }
}

static void on_close(void *data, struct conn *c, int why)
{
    struct served *v = data;

    assert_ptr_equal(c, v->c);
    assert_false(v->closed);
    v->closed = true;
    v->why = why;
    bytes_release(&v->kept);
}

static void server_start(struct env *e, void *arg)
{
    struct world *w = arg;
    struct listener_hooks hooks = {on_open, on_frame, on_close};
    struct err err = {""};

    w->s.env = e;
    assert_int_equal(chunk_pool_new(&w->s.pool, env_mem(e), POOL), 0);
    w->o.pool = w->s.pool;
    w->o.host = "";
    w->o.port = PORT;
    assert_int_equal(listener_open(e, &w->o, &hooks, &w->s, &w->s.l, &err), 0);
    assert_int_equal(listener_port(w->s.l), PORT);
}

/* ---- clients ------------------------------------------------------------ */

static void client_alloc(struct env_stream *s, void *data, uint8_t **ret_p,
                         size_t *ret_len)
{
    struct client *x = data;

    (void)s;
    assert_true(x->in_len < IN_MAX);
    *ret_p = x->in + x->in_len;
    *ret_len = IN_MAX - x->in_len;
}

static void client_read(struct env_stream *s, void *data, int status, size_t n)
{
    struct client *x = data;

    (void)s;
    x->in_len += n;
    x->reads++;
    if (status != 0) {
        x->ended = true;
        x->status = status;
    }
}

static void client_connected(struct env_stream *s, int status, void *data)
{
    struct client *x = data;

    assert_int_equal(status, 0);
    x->connected = true;
    if (x->reading) {
        env_stream_read_start(s, client_alloc, client_read, x);
    }
}

static void client_written(struct env_write *w, int status)
{
    (void)w, (void)status;
}

static void clients_start(struct env *e, void *arg)
{
    struct world *w = arg;

    for (unsigned i = 0; i < CLIENTS; i++) {
        w->c[i].env = e;
    }
}

static void run_ms(struct world *w, uint64_t ms)
{
    sim_run_until(w->sim, sim_now_us(w->sim) + ms * 1000, NULL);
}

static struct world *world_new(unsigned split_rate, uint64_t seed,
                               struct listener_options o)
{
    struct sim_options so = {.seed = seed,
                             .net_min_us = 20,
                             .net_max_us = 200,
                             .net_split_rate = split_rate,
                             .trace_level = TRACE_DEBUG};
    struct world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    w->o = o;
    if (w->o.frame_bytes_max == 0) {
        w->o.frame_bytes_max = 10 << 20;
    }
    if (w->o.connections_max == 0) {
        w->o.connections_max = 100;
    }
    w->sim = sim_new(&so);
    for (unsigned i = 0; i < 2; i++) {
        w->disks[i] = sim_disk_new(w->sim, i + 1);
    }
    assert_int_equal(
        sim_node_start(w->sim, 1, "server", w->disks[0], server_start, w, NULL),
        0);
    assert_int_equal(sim_node_start(w->sim, 2, "clients", w->disks[1],
                                    clients_start, w, NULL),
                     0);
    return w;
}

static struct client *client_new_with(struct world *w, bool reading)
{
    struct client *x = &w->c[w->n_clients++];

    x->in = malloc(IN_MAX);
    x->reading = reading;
    assert_int_equal(env_connect(x->env, "server", PORT, 1000, client_connected,
                                 x, &x->stream),
                     0);
    sim_run_until(w->sim, sim_now_us(w->sim) + SECOND_US, &x->connected);
    assert_true(x->connected);
    run_ms(w, 1);
    return x;
}

static struct client *client_new(struct world *w)
{
    return client_new_with(w, true);
}

static void client_send(struct client *x, const void *data, size_t len)
{
    struct slice s = slice_of(data, len);

    assert_int_equal(
        env_stream_write(x->stream, &x->write, &s, 1, client_written, x), 0);
}

static void client_closed(void *data)
{
    ((struct client *)data)->closed = true;
}

static void client_close(struct world *w, struct client *x)
{
    if (!x->closed) {
        env_stream_close(x->stream, client_closed, x);
        sim_run_until(w->sim, sim_now_us(w->sim) + SECOND_US, &x->closed);
        assert_true(x->closed);
    }
}

static void server_closed(void *arg)
{
    ((struct server *)arg)->closed = true;
}

static void world_free(struct world *w)
{
    struct server *s = &w->s;

    listener_close(s->l, server_closed, s);
    assert_false(s->closed);
    sim_run_until(w->sim, sim_now_us(w->sim) + 30 * SECOND_US, &s->closed);
    assert_true(s->closed);
    for (unsigned i = 0; i < s->n_served; i++) {
        assert_true(s->served[i].closed);
    }
    assert_int_equal(chunk_pool_used_all(s->pool), 0);
    chunk_pool_free(s->pool);
    for (unsigned i = 0; i < w->n_clients; i++) {
        client_close(w, &w->c[i]);
        free(w->c[i].in);
    }
    sim_free(w->sim);
    free(w);
}

/* A frame of `len` bytes made from `seed`, at `out`. Returns its size. */
static size_t frame_make(uint8_t *out, uint32_t len, unsigned seed)
{
    be32_store(out, len);
    for (uint32_t i = 0; i < len; i++) {
        out[4 + i] = (uint8_t)(seed * 7 + i * 13 + i / 251);
    }
    return 4 + (size_t)len;
}

/* ---- tests -------------------------------------------------------------- */

static void frames_come_out_whole_however_split(void **state)
{
    static const uint32_t lens[] = {0,    1,     10,    4095,  4096,    4097,
                                    8191, 16380, 16384, 20000, 3000000, 5};
    (void)state;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        struct world *w =
            world_new(seed < 2 ? 0 : 9000, seed, (struct listener_options){0});
        struct client *x = client_new(w);
        uint8_t *out = malloc(4 << 20);
        size_t at = 0;
        uint64_t sum = 0, bytes = 0;
        unsigned n = sizeof lens / sizeof lens[0];

        w->s.echo = true;
        for (unsigned i = 0; i < n; i++) {
            size_t len = frame_make(out + at, lens[i], i);
            sum = sum_of(sum, out + at + 4, lens[i]);
            at += len;
            bytes += lens[i];
        }
        client_send(x, out, at);
        run_ms(w, 60000);
        assert_int_equal(w->s.served[0].frames, n);
        assert_int_equal(w->s.served[0].bytes, bytes);
        assert_int_equal(w->s.served[0].sum, sum);
        assert_int_equal(x->in_len, at);
        assert_memory_equal(x->in, out, at);
        free(out);
        world_free(w);
    }
}

static void one_byte_at_a_time(void **state)
{
    struct world *w = world_new(0, 7, (struct listener_options){0});
    struct client *x = client_new(w);
    uint8_t out[64];
    size_t len = frame_make(out, 20, 1);

    (void)state;
    len += frame_make(out + len, 3, 2);
    for (size_t i = 0; i < len; i++) {
        client_send(x, out + i, 1);
        run_ms(w, 1);
        assert_int_equal(w->s.served[0].frames, (i >= 23) + (i >= 30));
    }
    assert_int_equal(w->s.served[0].frames, 2);
    world_free(w);
}

static void bad_lengths_end_the_connection(void **state)
{
    static const uint32_t bad[] = {0x80000000u, 0xffffffffu, 1001, 0x7fffffffu};

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        struct world *w =
            world_new(0, 8, (struct listener_options){.frame_bytes_max = 1000});
        struct client *x = client_new(w);
        uint8_t head[4];

        be32_store(head, bad[i]);
        client_send(x, head, 4);
        run_ms(w, 10);
        assert_true(w->s.served[0].closed);
        assert_int_equal(w->s.served[0].why, ERR_PROTOCOL);
        assert_true(x->ended);
        assert_int_equal(listener_connections(w->s.l), 0);
        world_free(w);
    }
}

static void a_longest_frame_is_taken(void **state)
{
    struct world *w =
        world_new(0, 9, (struct listener_options){.frame_bytes_max = 1000});
    struct client *x = client_new(w);
    uint8_t out[1004];

    (void)state;
    client_send(x, out, frame_make(out, 1000, 1));
    run_ms(w, 10);
    assert_int_equal(w->s.served[0].frames, 1);
    world_free(w);
}

/* No memory: the connection waits, and goes on when some is released. */
static void without_memory_reading_waits(void **state)
{
    struct world *w = world_new(0, 10, (struct listener_options){0});
    struct client *x = client_new(w);
    struct chunk *hogs[64];
    unsigned n_hogs = 0;
    uint8_t *out = malloc(3 << 20);
    size_t len = frame_make(out, 100, 1);

    (void)state;
    len += frame_make(out + len, 2000000, 2);
    len += frame_make(out + len, 50, 3);
    while ((hogs[n_hogs] = chunk_acquire(w->s.pool, CHUNK_CLIENT, 1 << 20)) !=
           NULL) {
        n_hogs++;
    }
    chunk_release(hogs[--n_hogs]); /* enough for the small ones only */
    client_send(x, out, len);
    run_ms(w, 5000);
    assert_int_equal(w->s.served[0].frames, 1);
    assert_false(w->s.served[0].closed);
    while (n_hogs > 0) {
        chunk_release(hogs[--n_hogs]);
    }
    run_ms(w, 50);
    assert_int_equal(w->s.served[0].frames, 3);
    free(out);
    world_free(w);
}

/* No memory even for small frames, and the client sent more of them than one
 * read holds. */
static void small_frames_wait_for_memory_too(void **state)
{
    struct world *w = world_new(2000, 11, (struct listener_options){0});
    struct client *x = client_new(w);
    struct chunk *hogs[9000];
    unsigned n_hogs = 0;
    uint8_t *out = malloc(1 << 20);
    size_t len = 0;

    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        len += frame_make(out + len, 100, i);
    }
    while ((hogs[n_hogs] = chunk_acquire(w->s.pool, CHUNK_CLIENT, 4096)) !=
           NULL) {
        n_hogs++;
    }
    client_send(x, out, len);
    run_ms(w, 1000);
    assert_int_equal(w->s.served[0].frames, 0);
    while (n_hogs > 0) {
        chunk_release(hogs[--n_hogs]);
    }
    run_ms(w, 100);
    assert_int_equal(w->s.served[0].frames, 1000);
    free(out);
    world_free(w);
}

static void kept_frames_share_chunks(void **state)
{
    struct world *w = world_new(0, 12, (struct listener_options){0});
    uint8_t out[600];

    (void)state;
    w->s.keep = true;
    for (unsigned i = 0; i < CLIENTS; i++) {
        client_send(client_new(w), out, frame_make(out, 500, i));
        run_ms(w, 5);
    }
    for (unsigned i = 0; i < CLIENTS; i++) {
        assert_int_equal(w->s.served[i].kept.len, 500);
        frame_make(out, 500, i);
        assert_memory_equal(w->s.served[i].kept.data, out + 4, 500);
    }
    assert_true(chunk_pool_used(w->s.pool, CHUNK_CLIENT) <= 16 << 10);
    world_free(w);
}

static void a_paused_connection_takes_nothing(void **state)
{
    struct world *w = world_new(0, 13, (struct listener_options){0});
    struct client *x = client_new(w);
    uint8_t *out = malloc(1 << 20);
    size_t len = 0;
    struct served *v = &w->s.served[0];

    (void)state;
    w->s.pause_after = 3;
    for (unsigned i = 0; i < 100; i++) {
        len += frame_make(out + len, 5000, i);
    }
    client_send(x, out, len);
    run_ms(w, 100);
    for (unsigned want = 3; want < 99; want += 3) {
        assert_int_equal(v->frames, want);
        conn_resume(v->c);
        assert_int_equal(v->frames, want); /* never inside the call */
        run_ms(w, 100);
    }
    assert_int_equal(v->frames, 99);
    conn_resume(v->c);
    run_ms(w, 100);
    assert_int_equal(v->frames, 100);
    free(out);
    world_free(w);
}

/* Replies of a turn leave together: the client sees them in one read. */
static void replies_leave_in_one_write(void **state)
{
    struct world *w = world_new(0, 14, (struct listener_options){0});
    struct client *x = client_new(w);
    uint8_t out[4000];
    size_t len = 0;

    (void)state;
    w->s.echo = true;
    for (unsigned i = 0; i < 30; i++) {
        len += frame_make(out + len, 100, i);
    }
    client_send(x, out, len);
    run_ms(w, 100);
    assert_int_equal(x->in_len, len);
    assert_memory_equal(x->in, out, len);
    assert_int_equal(x->reads, 1);
    world_free(w);
}

static void more_pieces_than_one_write_holds(void **state)
{
    struct world *w = world_new(0, 15, (struct listener_options){0});
    struct client *x = client_new(w);
    uint8_t out[64];

    (void)state;
    w->s.reply_pieces = 1500;
    client_send(x, out, frame_make(out, 10, 1));
    run_ms(w, 200);
    assert_int_equal(x->in_len, 150000);
    world_free(w);
}

/* Too much unwritten: no more frames until the client has read. */
static void unwritten_replies_stop_reading(void **state)
{
    struct world *w =
        world_new(0, 16, (struct listener_options){.unwritten_max = 1 << 20});
    struct client *x = client_new_with(w, false);
    uint8_t out[20];
    size_t len = frame_make(out, 1, 1);
    struct served *v = &w->s.served[0];

    (void)state;
    w->s.reply_pieces = 1000;
    for (unsigned i = 0; i < 100; i++) {
        client_send(x, out, len);
        run_ms(w, 1);
    }
    run_ms(w, 1000);
    assert_true(v->frames >= 11 && v->frames < 25);
    env_stream_read_start(x->stream, client_alloc, client_read, x);
    run_ms(w, 5000);
    assert_int_equal(v->frames, 100);
    assert_int_equal(x->in_len, 100 * 100000);
    world_free(w);
}

static void idle_connections_end(void **state)
{
    struct world *w =
        world_new(0, 17, (struct listener_options){.idle_ms_max = 1000});
    uint8_t out[20];
    size_t len = frame_make(out, 1, 1);

    (void)state;
    struct client *a = client_new(w);
    struct client *b = client_new(w);
    struct client *c = client_new(w);
    conn_pause(w->s.served[2].c); /* it is we who do not read */
    for (unsigned i = 0; i < 5; i++) {
        client_send(b, out, len);
        run_ms(w, 500);
    }
    assert_true(w->s.served[0].closed);
    assert_int_equal(w->s.served[0].why, ERR_TIMEOUT);
    assert_true(a->ended);
    assert_false(w->s.served[1].closed);
    assert_false(w->s.served[2].closed);
    assert_int_equal(w->s.served[1].frames, 5);
    conn_resume(w->s.served[2].c);
    run_ms(w, 2100);
    assert_int_equal(w->s.served[1].why, ERR_TIMEOUT);
    assert_int_equal(w->s.served[2].why, ERR_TIMEOUT);
    assert_true(b->ended && c->ended);
    world_free(w);
}

static void too_many_connections_end_at_once(void **state)
{
    struct world *w =
        world_new(0, 18, (struct listener_options){.connections_max = 2});

    (void)state;
    struct client *a = client_new(w);
    struct client *b = client_new(w);
    struct client *c = client_new(w);
    run_ms(w, 10);
    assert_true(c->ended);
    assert_false(a->ended || b->ended);
    assert_int_equal(listener_connections(w->s.l), 2);
    assert_int_equal(w->s.n_served, 2);
    assert_true(conn_id(w->s.served[0].c) != conn_id(w->s.served[1].c));
    client_close(w, a);
    run_ms(w, 10);
    assert_true(w->s.served[0].closed);
    assert_int_equal(w->s.served[0].why, ERR_EOF);
    struct client *d = client_new(w);
    run_ms(w, 10);
    assert_false(d->ended);
    world_free(w);
}

static void a_refused_connection_has_no_close_hook(void **state)
{
    struct world *w = world_new(0, 19, (struct listener_options){0});

    (void)state;
    w->s.refuse = true;
    struct client *a = client_new(w);
    run_ms(w, 10);
    assert_true(a->ended);
    assert_int_equal(w->s.n_served, 0);
    assert_int_equal(listener_connections(w->s.l), 0);
    world_free(w);
}

static void closing_with_flush_writes_first(void **state)
{
    (void)state;
    for (unsigned flush = 0; flush < 2; flush++) {
        struct world *w = world_new(0, 20, (struct listener_options){0});
        struct client *x = client_new(w);
        uint8_t out[2000];
        size_t len = 0;

        w->s.echo = true;
        w->s.close_after = 3;
        w->s.flush = flush;
        for (unsigned i = 0; i < 5; i++) {
            len += frame_make(out + len, 100, i);
        }
        client_send(x, out, len);
        run_ms(w, 100);
        assert_int_equal(w->s.served[0].frames, 3);
        assert_true(w->s.served[0].closed);
        assert_int_equal(w->s.served[0].why, ERR_CANCELED);
        assert_int_equal(x->in_len, flush ? 3 * 104 : 0);
        world_free(w);
    }
}

/* A client that never reads does not keep a closing connection for ever. */
static void a_flush_has_an_end(void **state)
{
    struct world *w = world_new(0, 21, (struct listener_options){0});
    struct client *x = client_new_with(w, false);
    uint8_t out[20];

    (void)state;
    w->s.reply_pieces = 1500;
    for (unsigned i = 0; i < 7; i++) {
        client_send(x, out, frame_make(out, 1, i));
        run_ms(w, 1);
    }
    conn_close(w->s.served[0].c, true);
    run_ms(w, 5000);
    assert_false(w->s.served[0].closed);
    run_ms(w, 6000);
    assert_true(w->s.served[0].closed);
    world_free(w);
}

static void memory_that_fails_ends_connections_only(void **state)
{
    uint8_t out[8000];
    size_t len = 0;
    bool fired = true;

    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        len += frame_make(out + len, 300, i);
    }
    for (unsigned nth = 1; fired; nth++) {
        struct world *w = world_new(0, 22, (struct listener_options){0});
        w->s.echo = true;
        w->s.pause_after = 5;
        struct client *x = client_new(w);
        mem_fail_at(env_mem(w->s.env), nth, 0);
        client_send(x, out, len);
        run_ms(w, 50);
        for (unsigned i = 0; i < 4; i++) {
            if (!w->s.served[0].closed) {
                conn_resume(w->s.served[0].c);
            }
            run_ms(w, 50);
        }
        fired = mem_fail_fired(env_mem(w->s.env));
        mem_fail_at(env_mem(w->s.env), 0, 0);
        assert_true(fired || x->in_len == len);
        assert_true(w->s.served[0].closed || x->in_len == len);
        world_free(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_come_out_whole_however_split),
        cmocka_unit_test(one_byte_at_a_time),
        cmocka_unit_test(bad_lengths_end_the_connection),
        cmocka_unit_test(a_longest_frame_is_taken),
        cmocka_unit_test(without_memory_reading_waits),
        cmocka_unit_test(small_frames_wait_for_memory_too),
        cmocka_unit_test(kept_frames_share_chunks),
        cmocka_unit_test(a_paused_connection_takes_nothing),
        cmocka_unit_test(replies_leave_in_one_write),
        cmocka_unit_test(more_pieces_than_one_write_holds),
        cmocka_unit_test(unwritten_replies_stop_reading),
        cmocka_unit_test(idle_connections_end),
        cmocka_unit_test(too_many_connections_end_at_once),
        cmocka_unit_test(a_refused_connection_has_no_close_hook),
        cmocka_unit_test(closing_with_flush_writes_first),
        cmocka_unit_test(a_flush_has_an_end),
        cmocka_unit_test(memory_that_fails_ends_connections_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
