/* The blocking client against a server that answers from a script: what is
 * agreed, and everything that another program can answer wrongly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/client.h"
#include "env/system.h"
#include "wire/api.h"
#include "wire/gen/api_versions.h"
#include "wire/gen/metadata.h"
#include "wire/header.h"

#define WAIT_MS   20000
#define SOON_MS   50
#define STEPS_MAX 8

/* ---- the other side ------------------------------------------------------ */

/* Read `requests` whole frames, then send `out`, `piece` bytes at a time (0:
 * at once). */
struct step {
    unsigned requests;
    struct buf out;
    size_t piece;
};

/* One connection, answered step by step; then closed, or held, unread, until
 * the test ends. */
struct server {
    int fd;
    unsigned port;
    pthread_t thread;
    struct step steps[STEPS_MAX];
    unsigned n;
    bool hold;
    int stop[2];
};

struct world {
    struct mem *mem;
    struct env *e;
    struct server s;
    struct client *c;
    struct arena arena;
    struct err err;
};

static bool read_whole(int fd, uint8_t *p, size_t len)
{
    size_t got = 0;
    while (got < len) {
        ssize_t n = recv(fd, p + got, len - got, 0);
        if (n <= 0) {
            return false;
        }
        got += (size_t)n;
    }
    return true;
}

static bool read_request(int fd)
{
    uint8_t prefix[4], body[4096];
    struct cursor c;
    cursor_init(&c, slice_of(prefix, sizeof prefix));
    if (!read_whole(fd, prefix, sizeof prefix)) {
        return false;
    }
    uint32_t len = cursor_u32(&c);
    return len <= sizeof body && read_whole(fd, body, len);
}

static void send_step(int fd, const struct step *s)
{
    size_t piece = s->piece != 0 ? s->piece : s->out.len;
    for (size_t at = 0; at < s->out.len; at += piece) {
        size_t left = s->out.len - at;
        (void)!send(fd, s->out.data + at, left < piece ? left : piece,
                    MSG_NOSIGNAL);
    }
}

static void *serve(void *arg)
{
    struct server *s = arg;
    uint8_t byte;
    int one = 1;
    int fd = accept(s->fd, NULL, NULL);
    bool ok = fd >= 0;
    if (ok) {
        setsockopt(fd, IPPROTO_TCP, 1 /* TCP_NODELAY */, &one, sizeof one);
    }
    for (unsigned i = 0; i < s->n && ok; i++) {
        for (unsigned r = 0; r < s->steps[i].requests && ok; r++) {
            ok = read_request(fd);
        }
        if (ok) {
            send_step(fd, &s->steps[i]);
        }
    }
    if (ok && s->hold) {
        (void)!read(s->stop[0], &byte, 1);
    }
    if (fd >= 0) {
        close(fd);
    }
    return NULL;
}

static int listen_on_loopback(unsigned *ret_port)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int small = 4096;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    assert_int_equal(bind(fd, (const struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(fd, 4), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    *ret_port = ntohs(a.sin_port);
    return fd;
}

/* A port that nobody listens on: it was ours a moment ago. */
static unsigned port_unused(void)
{
    unsigned port;
    close(listen_on_loopback(&port));
    return port;
}

/* ---- scripts ------------------------------------------------------------- */

static struct step *step(struct world *w, unsigned requests)
{
    struct step *s = &w->s.steps[w->s.n++];
    assert_true(w->s.n <= STEPS_MAX);
    *s = (struct step){.requests = requests};
    buf_init(&s->out, w->mem, 0);
    return s;
}

/* An answer to ApiVersions: its own key up to 4, Metadata from 5 to 9, and one
 * that no client of ours speaks yet. */
static void put_versions(struct buf *out, int32_t correlation_id)
{
    struct api_versions_response_api_key keys[] = {
        {18, 0, 4}, {3, 5, 9}, {0, 100, 120}};
    struct api_versions_response r;
    wire_init(&wire_api_versions_response, &r);
    r.api_keys.ptr = keys;
    r.api_keys.n = 3;
    assert_int_equal(wire_frame_response(&wire_api_versions_response, 0,
                                         correlation_id, &r, out),
                     0);
}

/* The next step answers one request, ApiVersions, with this number. */
static struct step *step_versions(struct world *w, int32_t correlation_id)
{
    struct step *s = step(w, 1);
    put_versions(&s->out, correlation_id);
    return s;
}

/* The next step answers one request with these bytes. */
static void step_bytes(struct world *w, const void *p, size_t len)
{
    struct step *s = step(w, 1);
    buf_put(&s->out, p, len);
}

/* ---- life ---------------------------------------------------------------- */

static void begin(struct world *w)
{
    struct env_system_options o = {.io_engine = "threads",
                                   .trace_level = TRACE_LEVELS};
    *w = (struct world){.mem = mem_new(0)};
    assert_non_null(w->mem);
    assert_int_equal(env_system_new(&o, &w->e, &w->err), 0);
    arena_init(&w->arena, w->mem, 0);
    w->s.fd = listen_on_loopback(&w->s.port);
}

static void serve_start(struct world *w, bool hold)
{
    w->s.hold = hold;
    assert_int_equal(pipe(w->s.stop), 0);
    assert_int_equal(pthread_create(&w->s.thread, NULL, serve, &w->s), 0);
}

static int open_client(struct world *w, unsigned timeout_ms)
{
    w->err.text[0] = '\0';
    return client_open(w->e, "127.0.0.1", w->s.port, timeout_ms, &w->c,
                       &w->err);
}

static void serve_stop(struct world *w)
{
    close(w->s.stop[1]);
    assert_int_equal(pthread_join(w->s.thread, NULL), 0);
    close(w->s.stop[0]);
}

static void end(struct world *w)
{
    client_close(w->c);
    serve_stop(w);
    close(w->s.fd);
    for (unsigned i = 0; i < w->s.n; i++) {
        buf_close(&w->s.steps[i].out);
    }
    arena_close(&w->arena);
    env_system_free(w->e);
    mem_free_all(w->mem);
}

/* Ask for the versions once more, as any call. */
static int call_versions(struct world *w, int version, unsigned timeout_ms,
                         struct api_versions_response *r)
{
    struct api_versions_request q;
    wire_init(&wire_api_versions_request, &q);
    w->err.text[0] = '\0';
    return client_call(w->c, 18, version, &q, &w->arena, r, timeout_ms,
                       &w->err);
}

static void expect_text(const struct world *w, const char *part)
{
    if (strstr(w->err.text, part) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", w->err.text, part);
    }
}

/* A server with this script lets nobody in, and the reason is `status`. */
static void expect_open_fails(struct world *w, bool hold, int status)
{
    char address[32];
    snprintf(address, sizeof address, "127.0.0.1:%u", w->s.port);
    serve_start(w, hold);
    assert_int_equal(open_client(w, hold ? SOON_MS : WAIT_MS), status);
    assert_null(w->c);
    expect_text(w, address);
    end(w);
}

/* ---- what is agreed ------------------------------------------------------ */

static void test_versions(void **state)
{
    struct world w;
    char peer[32];
    (void)state;
    begin(&w);
    step_versions(&w, 1);
    serve_start(&w, true);
    assert_int_equal(open_client(&w, WAIT_MS), 0);
    snprintf(peer, sizeof peer, "127.0.0.1:%u", w.s.port);
    assert_string_equal(client_peer(w.c), peer);
    assert_int_equal(client_version(w.c, 18, -1), 4);
    assert_int_equal(client_version(w.c, 18, 3), 3);
    assert_int_equal(client_version(w.c, 3, -1), 9);
    assert_int_equal(client_version(w.c, 3, 5), 5);
    /* Below what they speak, above what we do, not told, not known. */
    assert_int_equal(client_version(w.c, 3, 4), ERR_UNSUPPORTED);
    assert_int_equal(client_version(w.c, 0, -1), ERR_UNSUPPORTED);
    assert_int_equal(client_version(w.c, 1, -1), ERR_UNSUPPORTED);
    assert_int_equal(client_version(w.c, 999, -1), ERR_UNSUPPORTED);
    assert_int_equal(client_version(w.c, -1, -1), ERR_UNSUPPORTED);
    end(&w);
}

/* Our own APIs are not advertised; without a table they are nobody's. */
static void test_private(void **state)
{
    const struct wire_message *m = NULL;
    struct world w;
    int key = 32000;
    (void)state;
    for (; m == NULL && key < 32100; key++) {
        m = wire_find(key, true);
    }
    assert_non_null(m);
    begin(&w);
    step_versions(&w, 1);
    serve_start(&w, true);
    assert_int_equal(open_client(&w, WAIT_MS), 0);
    assert_int_equal(client_version(w.c, m->api_key, -1), m->version_max);
    assert_int_equal(client_version(w.c, m->api_key, 0), 0);
    assert_int_equal(client_version(w.c, 32767, -1), ERR_UNSUPPORTED);
    end(&w);
}

/* However the bytes come. */
static void test_calls(void **state)
{
    struct api_versions_response r;
    struct world w;
    (void)state;
    begin(&w);
    step_versions(&w, 1)->piece = 1;
    step_versions(&w, 2);
    step_versions(&w, 3)->piece = 3;
    serve_start(&w, true);
    assert_int_equal(open_client(&w, WAIT_MS), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(call_versions(&w, 0, WAIT_MS, &r), 0);
        assert_int_equal(r.api_keys.n, 3);
        assert_int_equal(r.api_keys.ptr[1].max_version, 9);
    }
    end(&w);
}

/* What was not agreed is not sent: the connection stays of use. */
static void test_unsupported(void **state)
{
    struct api_versions_response r;
    struct metadata_request q;
    struct metadata_response m;
    struct world w;
    (void)state;
    begin(&w);
    step_versions(&w, 1);
    step_versions(&w, 2);
    serve_start(&w, true);
    assert_int_equal(open_client(&w, WAIT_MS), 0);
    wire_init(&wire_metadata_request, &q);
    assert_int_equal(client_call(w.c, 3, 4, &q, &w.arena, &m, WAIT_MS, &w.err),
                     ERR_UNSUPPORTED);
    expect_text(&w, "does not speak Metadata v4");
    assert_int_equal(
        client_call(w.c, 999, 0, &q, &w.arena, &m, WAIT_MS, &w.err),
        ERR_UNSUPPORTED);
    expect_text(&w, "this request");
    assert_int_equal(call_versions(&w, 5, WAIT_MS, &r), ERR_UNSUPPORTED);
    assert_int_equal(call_versions(&w, 0, WAIT_MS, &r), 0);
    end(&w);
}

/* ---- nobody, and nobody in time ------------------------------------------ */

static void test_refused(void **state)
{
    struct world w;
    (void)state;
    begin(&w);
    close(w.s.fd);
    assert_int_equal(open_client(&w, WAIT_MS), ERR_REFUSED);
    assert_null(w.c);
    expect_text(&w, "refused");
    arena_close(&w.arena);
    env_system_free(w.e);
    mem_free_all(w.mem);
}

/* A label longer than names may be: nobody is asked for it. */
static void test_no_host(void **state)
{
    struct world w;
    char host[80];
    (void)state;
    begin(&w);
    close(w.s.fd);
    memset(host, 'h', sizeof host);
    host[sizeof host - 1] = '\0';
    assert_int_equal(client_open(w.e, host, w.s.port, WAIT_MS, &w.c, &w.err),
                     ERR_NOTFOUND);
    expect_text(&w, "no host of that name");
    arena_close(&w.arena);
    env_system_free(w.e);
    mem_free_all(w.mem);
}

static void test_silent(void **state)
{
    struct world w;
    (void)state;
    begin(&w);
    step(&w, 1);
    expect_open_fails(&w, true, ERR_TIMEOUT);
}

/* Half of an answer is none. */
static void test_stuck_answer(void **state)
{
    struct world w;
    (void)state;
    begin(&w);
    step_versions(&w, 1)->out.len -= 1;
    expect_open_fails(&w, true, ERR_TIMEOUT);
}

static void test_closed(void **state)
{
    static const size_t lens[] = {0, 1, 4, 8, 20};
    (void)state;
    for (unsigned i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        struct world w;
        begin(&w);
        step_versions(&w, 1)->out.len = lens[i];
        expect_open_fails(&w, false, ERR_EOF);
    }
}

/* An answer that comes too late is not taken for that of the next call. */
static void test_late(void **state)
{
    struct api_versions_response r;
    struct world w;
    (void)state;
    begin(&w);
    step_versions(&w, 1);
    step(&w, 1);
    step_versions(&w, 2);
    serve_start(&w, true);
    assert_int_equal(open_client(&w, WAIT_MS), 0);
    assert_int_equal(call_versions(&w, 0, SOON_MS, &r), ERR_TIMEOUT);
    expect_text(&w, "ApiVersions: timed out");
    assert_int_equal(call_versions(&w, 0, WAIT_MS, &r), ERR_PROTOCOL);
    end(&w);
}

/* A request that was given up half sent ends the connection's use. */
static void test_stuck_request(void **state)
{
    static uint8_t name[30000];
    struct metadata_request_topic topics[700];
    struct metadata_request q;
    struct metadata_response m;
    struct api_versions_response r;
    struct world w;
    (void)state;
    memset(name, 'x', sizeof name);
    memset(topics, 0, sizeof topics);
    for (unsigned i = 0; i < 700; i++) {
        topics[i].name = slice_of(name, sizeof name);
    }
    begin(&w);
    step_versions(&w, 1);
    serve_start(&w, true);
    assert_int_equal(open_client(&w, WAIT_MS), 0);
    wire_init(&wire_metadata_request, &q);
    q.topics.ptr = topics;
    q.topics.n = 700;
    assert_int_equal(client_call(w.c, 3, 9, &q, &w.arena, &m, SOON_MS, &w.err),
                     ERR_TIMEOUT);
    assert_int_equal(call_versions(&w, 0, WAIT_MS, &r), ERR_CLOSED);
    end(&w);
}

/* ---- malformed ----------------------------------------------------------- */

/* Lengths that no frame has: none is waited for, none allocated. */
static void test_lengths(void **state)
{
    static const uint32_t lens[] = {
        0, 3, CLIENT_FRAME_MAX + 1, 0x7fffffff, 0x80000000, 0xffffffff};
    (void)state;
    for (unsigned i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        uint32_t prefix = htonl(lens[i]);
        struct world w;
        begin(&w);
        step_bytes(&w, &prefix, sizeof prefix);
        serve_start(&w, true);
        assert_int_equal(open_client(&w, WAIT_MS), ERR_PROTOCOL);
        end(&w);
    }
}

static void test_another_number(void **state)
{
    struct world w;
    (void)state;
    begin(&w);
    step_versions(&w, 2);
    expect_open_fails(&w, false, ERR_PROTOCOL);
}

/* A whole frame whose message ends early: at each byte. */
static void test_short_message(void **state)
{
    struct buf whole;
    struct mem *mem = mem_new(0);
    (void)state;
    assert_non_null(mem);
    buf_init(&whole, mem, 0);
    put_versions(&whole, 1);
    for (size_t len = 8; len < whole.len; len++) {
        uint32_t prefix = htonl((uint32_t)len - 4);
        struct world w;
        begin(&w);
        step_bytes(&w, &prefix, sizeof prefix);
        buf_put(&w.s.steps[0].out, whole.data + 4, len - 4);
        expect_open_fails(&w, false, ERR_PROTOCOL);
    }
    buf_close(&whole);
    mem_free_all(mem);
}

/* Counts that the bytes behind them do not hold. */
static void test_counts(void **state)
{
    static const uint32_t counts[] = {4, 0x7fffffff, 0xfffffffe, 0x80000000};
    (void)state;
    for (unsigned i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct world w;
        uint32_t count = htonl(counts[i]);
        begin(&w);
        step_versions(&w, 1);
        /* Behind length, correlation id and error. */
        memcpy(w.s.steps[0].out.data + 10, &count, sizeof count);
        expect_open_fails(&w, false, ERR_PROTOCOL);
    }
}

/* A server that does not speak ApiVersions says so without any keys. */
static void test_no_versions(void **state)
{
    static const uint8_t answer[] = {0, 0, 0,  10, 0, 0, 0,
                                     1, 0, 35, 0,  0, 0, 0};
    struct api_versions_response r;
    struct world w;
    (void)state;
    begin(&w);
    step_bytes(&w, answer, sizeof answer);
    serve_start(&w, true);
    assert_int_equal(open_client(&w, WAIT_MS), 0);
    assert_int_equal(client_version(w.c, 3, -1), ERR_UNSUPPORTED);
    assert_int_equal(call_versions(&w, 0, WAIT_MS, &r), ERR_UNSUPPORTED);
    end(&w);
}

/* ---- memory -------------------------------------------------------------- */

static void on_timer(struct env_timer *t)
{
    (void)t;
}

/* A loop that cannot note a timer ends its process: let it have its place. */
static void make_room_for_timers(struct env *e)
{
    struct env_timer timers[4];
    for (unsigned i = 0; i < 4; i++) {
        env_timer_init(&timers[i], on_timer, NULL);
        env_timer_start(e, &timers[i], env_now_ms(e) + WAIT_MS);
    }
    for (unsigned i = 0; i < 4; i++) {
        env_timer_stop(e, &timers[i]);
    }
}

/* The n-th allocation fails: an error, or it did not matter; no leak. */
static void test_memory(void **state)
{
    bool fired = true;
    (void)state;
    for (uint64_t n = 1; fired; n++) {
        struct world w;
        assert_true(n < 1000);
        begin(&w);
        step_versions(&w, 1);
        make_room_for_timers(w.e);
        serve_start(&w, true);
        mem_fail_at(env_mem(w.e), n, 0);
        int rv = open_client(&w, WAIT_MS);
        fired = mem_fail_fired(env_mem(w.e)) != 0;
        if (rv != 0) {
            assert_true(fired);
            assert_int_equal(rv, ERR_NOMEM);
            assert_null(w.c);
            /* Whoever still waits to be connected to. */
            mem_fail_at(env_mem(w.e), 0, 0);
            assert_int_equal(shutdown(w.s.fd, SHUT_RDWR), 0);
        }
        end(&w);
    }
}

/* ---- lists --------------------------------------------------------------- */

static void test_bad_lists(void **state)
{
    static const char *const lists[] = {
        "",          ",",
        "localhost", "localhost:",
        "host:0",    "host:65536",
        "host:-1",   "host:+1",
        "host:1x",   "host:99999999999999999999",
        ":",         ":9092",
        "[]:9092",   "::1:x"};
    struct env_system_options o = {.io_engine = "threads",
                                   .trace_level = TRACE_LEVELS};
    struct err err = {""};
    struct env *e = NULL;
    struct client *c = NULL;
    char host[400];
    (void)state;
    assert_int_equal(env_system_new(&o, &e, &err), 0);
    for (unsigned i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        if (client_open_any(e, lists[i], WAIT_MS, &c, &err) != ERR_INVALID) {
            fail_msg("\"%s\": taken: %s", lists[i], err.text);
        }
        assert_non_null(strstr(err.text, "expected HOST:PORT"));
    }
    memset(host, 'h', sizeof host);
    memcpy(host + sizeof host - 3, ":1", 3);
    assert_int_equal(client_open_any(e, host, WAIT_MS, &c, &err), ERR_INVALID);
    assert_null(c);
    env_system_free(e);
}

static void test_lists(void **state)
{
    struct world w;
    char list[128];
    unsigned dead = port_unused();
    (void)state;
    begin(&w);
    step_versions(&w, 1);
    serve_start(&w, true);
    snprintf(list, sizeof list, "127.0.0.1:%u, ,127.0.0.1:%u,bad", dead,
             w.s.port);
    assert_int_equal(client_open_any(w.e, list, WAIT_MS, &w.c, &w.err), 0);
    assert_int_equal(client_version(w.c, 3, -1), 9);
    end(&w);

    begin(&w);
    close(w.s.fd);
    snprintf(list, sizeof list, "127.0.0.1:%u,[127.0.0.1]:%u", dead, dead);
    assert_int_equal(client_open_any(w.e, list, WAIT_MS, &w.c, &w.err),
                     ERR_REFUSED);
    snprintf(list, sizeof list, "127.0.0.1:%u,here", dead);
    assert_int_equal(client_open_any(w.e, list, WAIT_MS, &w.c, &w.err),
                     ERR_INVALID);
    assert_null(w.c);
    arena_close(&w.arena);
    env_system_free(w.e);
    mem_free_all(w.mem);
}

static void test_close_nothing(void **state)
{
    (void)state;
    client_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_private),
        cmocka_unit_test(test_calls),
        cmocka_unit_test(test_unsupported),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_no_host),
        cmocka_unit_test(test_silent),
        cmocka_unit_test(test_stuck_answer),
        cmocka_unit_test(test_closed),
        cmocka_unit_test(test_late),
        cmocka_unit_test(test_stuck_request),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_another_number),
        cmocka_unit_test(test_short_message),
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_no_versions),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_bad_lists),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_close_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
