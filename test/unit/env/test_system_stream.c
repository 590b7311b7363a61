/* Byte streams over loopback TCP. */
#include "env/system_impl.h"
#include "system_fixture.h"

#include <netinet/in.h>
#include <sys/socket.h>

#define BIG ((size_t)8 << 20)

struct end {
    struct fixture *x;
    struct env_stream *s;
    uint8_t buf[65536];
    uint8_t *got; /* everything read, if kept */
    size_t n_got;
    size_t want; /* `enough` when so many came */
    bool enough;
    bool starve; /* give no memory */
    bool echo;
    unsigned n_starved;
    int read_status;
    bool read_over;
    bool connected;
    int connect_status;
    bool closed;
    struct env_write echo_write;
};

struct pair {
    struct fixture x;
    struct env_listener *l;
    struct end client, server;
    bool accepted;
};

static void on_closed(void *data)
{
    *(bool *)data = true;
}

static void on_alloc(struct env_stream *s, void *data, uint8_t **ret_p,
                     size_t *ret_len)
{
    struct end *end = data;

    assert_ptr_equal(s, end->s);
    end->n_starved += end->starve;
    *ret_p = end->buf;
    *ret_len = end->starve ? 0 : sizeof end->buf;
}

static void on_echoed(struct env_write *w, int status)
{
    (void)w;
    assert_int_equal(status, 0);
}

static void on_read(struct env_stream *s, void *data, int status, size_t n)
{
    struct end *end = data;

    assert_false(end->closed);
    if (status != 0) {
        end->read_status = status;
        end->read_over = true;
        return;
    }
    if (end->echo && n > 0) {
        struct slice back = slice_of(end->buf, n);
        assert_int_equal(
            env_stream_write(s, &end->echo_write, &back, 1, on_echoed, end), 0);
    }
    if (end->got != NULL) {
        memcpy(end->got + end->n_got, end->buf, n);
    }
    end->n_got += n;
    end->enough = end->n_got >= end->want;
}

static void on_accept(struct env_listener *l, struct env_stream *s, void *data)
{
    struct pair *p = data;

    assert_ptr_equal(l, p->l);
    assert_false(p->accepted);
    p->server.s = s;
    p->accepted = true;
    assert_memory_equal(env_stream_peer(s), "127.0.0.1:", 10);
}

static void on_connect(struct env_stream *s, int status, void *data)
{
    struct end *end = data;

    assert_ptr_equal(s, end->s);
    assert_false(end->connected);
    end->connect_status = status;
    end->connected = true;
}

static void read_start(struct end *end, size_t want)
{
    end->want = want;
    env_stream_read_start(end->s, on_alloc, on_read, end);
}

static int setup_listener(void **state)
{
    static struct pair p;
    struct err err = {""};

    memset(&p, 0, sizeof p);
    fixture_open(&p.x, "threads");
    p.client.x = p.server.x = &p.x;
    if (env_listen(p.x.e, "127.0.0.1", 0, on_accept, &p, &p.l, &err) != 0) {
        fail_msg("%s", err.text);
    }
    assert_true(env_listener_port(p.l) > 0);
    *state = &p;
    return 0;
}

static void client_connect(struct pair *p)
{
    assert_int_equal(env_connect(p->x.e, "127.0.0.1", env_listener_port(p->l),
                                 WAIT_MS, on_connect, &p->client, &p->client.s),
                     0);
    assert_false(p->client.connected);
}

static int setup(void **state)
{
    struct pair *p;

    setup_listener(state);
    p = *state;
    client_connect(p);
    fixture_wait(&p->x, &p->client.connected);
    assert_int_equal(p->client.connect_status, 0);
    fixture_wait(&p->x, &p->accepted);
    return 0;
}

static void end_close(struct end *end)
{
    if (end->s != NULL) {
        env_stream_close(end->s, on_closed, &end->closed);
        assert_false(end->closed);
        end->s = NULL;
        fixture_wait(end->x, &end->closed);
    }
}

static int teardown(void **state)
{
    struct pair *p = *state;

    end_close(&p->client);
    end_close(&p->server);
    env_listener_close(p->l);
    free(p->client.got);
    free(p->server.got);
    fixture_close(&p->x);
    return 0;
}

/* One write and what came of it. */
struct sent {
    struct env_write w;
    unsigned number;
    unsigned *next; /* writes finish in order */
    int status;
    bool done;
};

static void on_sent(struct env_write *w, int status)
{
    struct sent *sent = w->data;

    assert_false(sent->done);
    sent->status = status;
    sent->done = true;
    if (sent->next != NULL) {
        assert_int_equal(sent->number, (*sent->next)++);
    }
}

static int send_text(struct end *end, struct sent *sent, const char *text)
{
    struct slice s = slice_str(text);

    return env_stream_write(end->s, &sent->w, &s, 1, on_sent, sent);
}

/* A node that was restarted found a client's connection at its port. */
static void test_a_connection_leaves_its_port_to_listeners(void **state)
{
    struct pair *p = *state;
    const char *peer = env_stream_peer(p->server.s);
    struct env_listener *l;
    struct err err = {""};
    unsigned port = (unsigned)strtoul(strrchr(peer, ':') + 1, NULL, 10);

    assert_true(port > 0);
    assert_int_equal(
        env_listen(p->x.e, "127.0.0.1", port, on_accept, p, &l, &err), 0);
    env_listener_close(l);
}

static void test_echo(void **state)
{
    struct pair *p = *state;
    struct sent sent = {.done = false};

    p->client.got = calloc(1, 65536);
    p->server.echo = true;
    read_start(&p->server, 1);
    read_start(&p->client, 5);
    assert_int_equal(send_text(&p->client, &sent, "hello"), 0);
    assert_false(sent.done); /* never inside the call */
    assert_int_equal(env_stream_unwritten(p->client.s), 5);
    fixture_wait(&p->x, &p->client.enough);
    assert_true(sent.done);
    assert_int_equal(sent.status, 0);
    assert_int_equal(env_stream_unwritten(p->client.s), 0);
    assert_string_equal((char *)p->client.got, "hello");
}

static void test_end_of_stream(void **state)
{
    struct pair *p = *state;

    read_start(&p->server, 1);
    end_close(&p->client);
    fixture_wait(&p->x, &p->server.read_over);
    assert_int_equal(p->server.read_status, ERR_EOF);
    env_stream_read_resume(p->server.s); /* nothing more comes */
    fixture_run_ms(&p->x, 5);
}

/* Far more than the kernel takes: many slices, empty ones among them, several
 * writes behind each other. */
#define N_SENT   6
#define N_SLICES 1000

static void test_large_writes_arrive_in_order(void **state)
{
    struct pair *p = *state;
    struct slice slices[N_SLICES];
    struct sent sent[N_SENT];
    unsigned next = 0;
    uint8_t *out = malloc(BIG);
    size_t per_slice = BIG / N_SLICES, per_write = per_slice * N_SLICES;

    for (size_t k = 0; k < BIG; k++) {
        out[k] = (uint8_t)(k * 131 >> 7);
    }
    for (unsigned k = 0; k < N_SLICES; k++) {
        slices[k] = slice_of(out + k * per_slice, per_slice);
    }
    slices[7].len = 0;
    per_write -= per_slice;
    p->server.got = malloc(BIG * N_SENT);
    for (unsigned i = 0; i < N_SENT; i++) {
        sent[i] = (struct sent){.number = i, .next = &next};
        assert_int_equal(env_stream_write(p->client.s, &sent[i].w, slices,
                                          i == 3 ? 0 : N_SLICES, on_sent,
                                          &sent[i]),
                         0);
    }
    memset(slices, 0, sizeof slices); /* the array is not borrowed */
    assert_int_equal(env_stream_unwritten(p->client.s),
                     per_write * (N_SENT - 1));
    fixture_run_ms(&p->x, 5);
    assert_false(sent[N_SENT - 1].done); /* nobody reads yet */
    assert_true(env_stream_unsent(p->client.s) > 0);
    read_start(&p->server, per_write * (N_SENT - 1));
    fixture_wait(&p->x, &p->server.enough);
    assert_int_equal(next, N_SENT);
    assert_int_equal(p->server.n_got, per_write * (N_SENT - 1));
    for (unsigned i = 0; i < N_SENT - 1; i++) {
        const uint8_t *got = p->server.got + i * per_write;
        assert_memory_equal(got, out, 7 * per_slice);
        assert_memory_equal(got + 7 * per_slice, out + 8 * per_slice,
                            per_write - 7 * per_slice);
    }
    assert_int_equal(env_stream_unwritten(p->client.s), 0);
    free(out);
}

static void test_small_writes_finish_in_order(void **state)
{
    struct pair *p = *state;
    struct sent sent[50];
    unsigned next = 0;

    for (unsigned i = 0; i < 50; i++) {
        sent[i] = (struct sent){.number = i, .next = &next};
        assert_int_equal(send_text(&p->client, &sent[i], i % 7 ? "abc" : ""),
                         0);
    }
    fixture_wait(&p->x, &sent[49].done);
    assert_int_equal(next, 50);
}

static void test_pause_and_resume(void **state)
{
    struct pair *p = *state;
    struct sent sent = {.done = false};

    read_start(&p->server, 5);
    env_stream_read_pause(p->server.s);
    assert_int_equal(send_text(&p->client, &sent, "hello"), 0);
    fixture_run_ms(&p->x, 20);
    assert_int_equal(p->server.n_got, 0);
    env_stream_read_resume(p->server.s);
    fixture_wait(&p->x, &p->server.enough);
}

/* Giving no memory is a pause, not a busy loop. */
static void test_no_memory_pauses(void **state)
{
    struct pair *p = *state;
    struct sent sent = {.done = false};

    p->server.starve = true;
    read_start(&p->server, 5);
    assert_int_equal(send_text(&p->client, &sent, "hello"), 0);
    fixture_run_ms(&p->x, 20);
    assert_int_equal(p->server.n_starved, 1);
    assert_int_equal(p->server.n_got, 0);
    p->server.starve = false;
    env_stream_read_resume(p->server.s);
    fixture_wait(&p->x, &p->server.enough);
}

static void test_close_cancels_writes(void **state)
{
    struct pair *p = *state;
    struct slice s = {.data = malloc(BIG), .len = BIG};
    struct sent sent[3];
    unsigned next = 0;

    memset((void *)(uintptr_t)s.data, 1, BIG);
    for (unsigned i = 0; i < 3; i++) {
        sent[i] = (struct sent){.number = i, .next = &next};
        assert_int_equal(
            env_stream_write(p->client.s, &sent[i].w, &s, 1, on_sent, &sent[i]),
            0);
    }
    env_stream_close(p->client.s, on_closed, &p->client.closed);
    assert_false(sent[0].done);
    assert_int_equal(
        env_stream_write(p->client.s, &sent[0].w, &s, 1, on_sent, &sent[0]),
        ERR_CLOSED);
    p->client.s = NULL;
    fixture_wait(&p->x, &p->client.closed);
    assert_int_equal(next, 3);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(sent[i].status, ERR_CANCELED);
    }
    free((void *)(uintptr_t)s.data);
}

/* A write that was finished at once, one that was not, and a close, all in one
 * callback: the first is told of first, though its turn has not ended. */
struct burst {
    struct pair *p;
    struct sent sent[2];
    unsigned next;
    uint8_t *big;
    uint8_t byte;
    bool done;
};

static void on_burst_alloc(struct env_stream *s, void *data, uint8_t **ret_p,
                           size_t *ret_len)
{
    struct burst *b = data;

    (void)s;
    *ret_p = &b->byte;
    *ret_len = 1;
}

static void on_burst_read(struct env_stream *s, void *data, int status,
                          size_t n)
{
    struct burst *b = data;
    struct slice big = slice_of(b->big, BIG), small = slice_of(b->big, 3);

    assert_int_equal(status, 0);
    assert_int_equal(n, 1);
    env_stream_write(s, &b->sent[0].w, &small, 1, on_sent, &b->sent[0]);
    env_stream_write(s, &b->sent[1].w, &big, 1, on_sent, &b->sent[1]);
    env_stream_close(s, on_closed, &b->done);
    b->p->server.s = NULL;
}

static void test_writes_and_close_in_one_callback(void **state)
{
    struct pair *p = *state;
    struct sent sent = {.done = false};
    struct burst b = {.p = p, .big = calloc(1, BIG)};

    b.sent[0].next = b.sent[1].next = &b.next;
    b.sent[1].number = 1;
    env_stream_read_start(p->server.s, on_burst_alloc, on_burst_read, &b);
    assert_int_equal(send_text(&p->client, &sent, "x"), 0);
    fixture_wait(&p->x, &b.done);
    assert_int_equal(b.next, 2);
    assert_int_equal(b.sent[0].status, 0);
    assert_int_equal(b.sent[1].status, ERR_CANCELED);
    free(b.big);
}

/* What the kernel has taken is written, whatever comes after. */
static void test_close_right_after_a_write(void **state)
{
    struct pair *p = *state;
    struct sent sent = {.done = false};

    read_start(&p->server, 3);
    assert_int_equal(send_text(&p->client, &sent, "bye"), 0);
    end_close(&p->client);
    assert_true(sent.done);
    assert_int_equal(sent.status, 0);
    fixture_wait(&p->x, &p->server.enough);
}

/* A peer that resets: writes fail with ERR_IO, then with ERR_CLOSED. */
static void test_write_to_a_broken_stream(void **state)
{
    struct pair *p = *state;
    struct sent sent = {.done = false};
    int rc = 0;

    end_close(&p->server);
    for (unsigned i = 0; i < 1000 && sent.status == 0; i++) {
        sent = (struct sent){.done = false};
        rc = send_text(&p->client, &sent, "x");
        assert_int_equal(rc, 0);
        fixture_wait(&p->x, &sent.done);
    }
    assert_int_equal(sent.status, ERR_IO);
    assert_int_equal(send_text(&p->client, &sent, "x"), ERR_CLOSED);
}

/* ---- no memory for the library ------------------------------------------- */

static bool no_memory;

static void *lib_malloc(size_t size)
{
    return no_memory ? NULL : malloc(size);
}

static void *lib_calloc(size_t n, size_t size)
{
    return no_memory ? NULL : calloc(n, size);
}

static void *lib_realloc(void *p, size_t size)
{
    return no_memory ? NULL : realloc(p, size);
}

static void on_failed_write(struct env_write *w, int status)
{
    assert_int_equal(status, ERR_IO);
    *(bool *)w->data = true;
}

/* Of a write that failed half-way the other end has the first half: nothing may
 * follow it. */
static void test_nothing_follows_half_a_write(void **state)
{
    struct pair *p = *state;
    struct env_write w, next;
    struct slice parts[8];
    uint8_t *big = calloc(1, BIG);
    bool over = false;

    for (unsigned i = 0; i < 8; i++) {
        parts[i] = slice_of(big + i * (BIG / 8), BIG / 8);
    }
    no_memory = true;
    assert_int_equal(
        env_stream_write(p->client.s, &w, parts, 8, on_failed_write, &over), 0);
    no_memory = false;
    assert_false(over);
    assert_int_equal(
        env_stream_write(p->client.s, &next, parts, 1, on_failed_write, &over),
        ERR_CLOSED);
    fixture_wait(&p->x, &over);
    /* libuv goes on counting a request that it refused. */
    sys_of(p->x.e)->loop.active_reqs.count--;
    free(big);
}

/* ---- connecting -----------------------------------------------------------
 */

static void test_refused(void **state)
{
    struct pair *p = *state;
    unsigned port = env_listener_port(p->l);
    struct sent sent = {.done = false};

    env_listener_close(p->l);
    p->l = NULL;
    fixture_run_ms(&p->x, 1);
    assert_int_equal(env_connect(p->x.e, "127.0.0.1", port, WAIT_MS, on_connect,
                                 &p->client, &p->client.s),
                     0);
    fixture_wait(&p->x, &p->client.connected);
    assert_int_equal(p->client.connect_status, ERR_REFUSED);
    assert_int_equal(send_text(&p->client, &sent, "x"), ERR_CLOSED);
}

static void test_close_while_connecting(void **state)
{
    struct pair *p = *state;

    client_connect(p);
    env_stream_close(p->client.s, on_closed, &p->client.closed);
    assert_false(p->client.connected);
    fixture_wait(&p->x, &p->client.closed);
    assert_true(p->client.connected);
    assert_int_equal(p->client.connect_status, ERR_CANCELED);
    p->client.s = NULL;
    fixture_run_ms(&p->x, 10);
    p->accepted = false;
    if (p->server.s != NULL) {
        end_close(&p->server);
    }
}

/* A listener whose queue is full refuses nobody and lets nobody in. */
static void test_connect_times_out(void **state)
{
    struct pair *p = *state;
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t len = sizeof a;
    struct end ends[4];
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    memset(ends, 0, sizeof ends);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
    assert_int_equal(listen(fd, 0), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    for (unsigned i = 0; i < 4; i++) {
        uint64_t before = env_now_us_exact(p->x.e);
        ends[i].x = &p->x;
        assert_int_equal(env_connect(p->x.e, "127.0.0.1", ntohs(a.sin_port), 50,
                                     on_connect, &ends[i], &ends[i].s),
                         0);
        fixture_wait(&p->x, &ends[i].connected);
        if (ends[i].connect_status != 0) {
            assert_int_equal(ends[i].connect_status, ERR_TIMEOUT);
            assert_true(env_now_us_exact(p->x.e) - before >= 49000);
        }
    }
    assert_int_equal(ends[3].connect_status, ERR_TIMEOUT);
    for (unsigned i = 0; i < 4; i++) {
        end_close(&ends[i]);
    }
    close(fd);
}

static void test_unknown_name(void **state)
{
    struct pair *p = *state;

    assert_int_equal(env_connect(p->x.e, "no.such.host.invalid", 9, WAIT_MS,
                                 on_connect, &p->client, &p->client.s),
                     0);
    assert_string_equal(env_stream_peer(p->client.s), "no.such.host.invalid:9");
    fixture_wait(&p->x, &p->client.connected);
    assert_true(p->client.connect_status == ERR_NOTFOUND ||
                p->client.connect_status == ERR_TIMEOUT);
}

/* Our name may mean ::1 first, where nobody listens: the next one is tried. */
static void test_every_address_of_a_name_is_tried(void **state)
{
    struct pair *p = *state;

    assert_int_equal(env_connect(p->x.e, "localhost", env_listener_port(p->l),
                                 WAIT_MS, on_connect, &p->client, &p->client.s),
                     0);
    fixture_wait(&p->x, &p->client.connected);
    assert_int_equal(p->client.connect_status, 0);
    fixture_wait(&p->x, &p->accepted);
}

static void test_listen_errors(void **state)
{
    struct pair *p = *state;
    struct env_listener *l;
    struct err err = {""};

    assert_int_equal(env_listen(p->x.e, "127.0.0.1", env_listener_port(p->l),
                                on_accept, p, &l, &err),
                     ERR_EXISTS);
    assert_non_null(strstr(err.text, "127.0.0.1"));
    assert_int_equal(
        env_listen(p->x.e, "no.such.host.invalid", 0, on_accept, p, &l, &err),
        ERR_INVALID);
    assert_non_null(strstr(err.text, "no.such.host.invalid"));
    assert_int_equal(env_listen(p->x.e, "", 70000, on_accept, p, &l, &err),
                     ERR_INVALID);
    assert_int_equal(env_listen(p->x.e, "*", 0, on_accept, p, &l, &err), 0);
    env_listener_close(l);
    env_listener_close(NULL);
}

/* A low port, of somebody who may not: the line says what to do. */
static void test_low_ports_need_a_capability(void **state)
{
    struct pair *p = *state;
    struct env_listener *l = NULL;
    struct err err = {""};
    bool root = geteuid() == 0;

    if (root) {
        assert_int_equal(seteuid(65534), 0);
    }
    int rv = env_listen(p->x.e, "127.0.0.1", 1, on_accept, p, &l, &err);
    if (root) {
        assert_int_equal(seteuid(0), 0);
    }
    if (rv == 0) { /* net.ipv4.ip_unprivileged_port_start */
        env_listener_close(l);
        skip();
    }
    assert_int_equal(rv, ERR_PERM);
    assert_non_null(strstr(err.text, "127.0.0.1:1: "));
    assert_non_null(strstr(err.text, "CAP_NET_BIND_SERVICE"));
}

static void test_every_address_is_listened_on(void **state)
{
    struct pair *p = *state;

    env_listener_close(p->l);
    assert_int_equal(env_listen(p->x.e, "", 0, on_accept, p, &p->l, NULL), 0);
    client_connect(p);
    fixture_wait(&p->x, &p->client.connected);
    assert_int_equal(p->client.connect_status, 0);
    /* on_accept() has seen an IPv4 peer, not one mapped into IPv6. */
    fixture_wait(&p->x, &p->accepted);
}

/* Without memory for a connection it is closed, and the listener goes on. */
static void test_accept_without_memory(void **state)
{
    struct pair *p = *state;
    struct end other[3];

    memset(other, 0, sizeof other);
    for (unsigned i = 0; i < 3; i++) {
        other[i].x = &p->x;
        assert_int_equal(env_connect(p->x.e, "127.0.0.1",
                                     env_listener_port(p->l), WAIT_MS,
                                     on_connect, &other[i], &other[i].s),
                         0);
    }
    mem_fail_at(env_mem(p->x.e), 1, 1);
    for (unsigned i = 0; i < 3; i++) {
        fixture_wait(&p->x, &other[i].connected);
        assert_int_equal(other[i].connect_status, 0);
        read_start(&other[i], 1);
    }
    for (unsigned i = 0; i < 3; i++) {
        fixture_wait(&p->x, &other[i].read_over);
    }
    assert_true(mem_fail_fired(env_mem(p->x.e)));
    mem_fail_at(env_mem(p->x.e), 0, 0);
    assert_false(p->accepted);
    for (unsigned i = 0; i < 3; i++) {
        end_close(&other[i]);
    }
    client_connect(p);
    fixture_wait(&p->x, &p->accepted);
}

#define ON_PAIR(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define ON_LISTENER(f)                                                         \
    cmocka_unit_test_setup_teardown(f, setup_listener, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_PAIR(test_a_connection_leaves_its_port_to_listeners),
        ON_PAIR(test_echo),
        ON_PAIR(test_end_of_stream),
        ON_PAIR(test_large_writes_arrive_in_order),
        ON_PAIR(test_small_writes_finish_in_order),
        ON_PAIR(test_pause_and_resume),
        ON_PAIR(test_no_memory_pauses),
        ON_PAIR(test_close_cancels_writes),
        ON_PAIR(test_writes_and_close_in_one_callback),
        ON_PAIR(test_close_right_after_a_write),
        ON_PAIR(test_write_to_a_broken_stream),
        ON_PAIR(test_nothing_follows_half_a_write),
        ON_LISTENER(test_refused),
        ON_LISTENER(test_close_while_connecting),
        ON_LISTENER(test_connect_times_out),
        ON_LISTENER(test_unknown_name),
        ON_LISTENER(test_every_address_of_a_name_is_tried),
        ON_LISTENER(test_listen_errors),
        ON_LISTENER(test_low_ports_need_a_capability),
        ON_LISTENER(test_every_address_is_listened_on),
        ON_LISTENER(test_accept_without_memory),
    };

    uv_replace_allocator(lib_malloc, lib_realloc, lib_calloc, free);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
