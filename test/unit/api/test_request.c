/* Clients of a simulated world send bytes; what reaches a handler, what is
 * answered and in which order, and what ends the connection. The table of APIs
 * is the test's own: most of its requests are held until the test answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "api/handlers.h"
#include "api/request_impl.h"
#include "base/bytes.h"
#include "base/rand.h"
#include "env/sim.h"
#include "wire/api.h"
#include "wire/errors.h"
#include "wire/gen/api_versions.h"
#include "wire/gen/metadata.h"
#include "wire/gen/ostraka_sql.h"
#include "wire/gen/produce.h"

#define PORT      9092
#define SECOND_US UINT64_C(1000000)
#define FRAME_MAX 1100000 /* no less than message.max.bytes */
#define HELD_MAX  16
#define CLIENTS   64
#define IN_MAX    (1u << 16)

struct client {
    struct env_stream *stream;
    struct env_write write;
    bool connected, ended, closed;
    uint8_t in[IN_MAX];
    size_t len, at; /* what came, what was looked at */
    struct buf out; /* what is sent next */
};

static struct {
    struct sim *sim;
    struct env *env;     /* the server's */
    struct env *clients; /* theirs */
    struct mem *mem;     /* the test's */
    struct config *config;
    struct chunk_pool *pool;
    struct api_server *server;
    const char *name, *value; /* a setting */
    bool serves, closed;
    struct client *c[CLIENTS];
    unsigned n_clients;
    struct request *held[HELD_MAX]; /* in the order they began */
    unsigned n_held, n_begun, n_canceled;
    unsigned n_said; /* lines that name the client "c" */
    unsigned n_too_big;
} w;

/* ---- the table ----------------------------------------------------------- */

static void on_cancel(struct request *r)
{
    unsigned i = 0;
    assert_true(r->gone);
    while (w.held[i] != r) {
        i++;
        assert_true(i < w.n_held);
    }
    w.n_held--;
    memmove(&w.held[i], &w.held[i + 1], (w.n_held - i) * sizeof w.held[0]);
    w.n_canceled++;
    request_silent(r);
}

static void hold(struct request *r)
{
    assert_true(w.n_held < HELD_MAX);
    assert_non_null(r->body);
    r->cancel = on_cancel;
    w.held[w.n_held++] = r;
    w.n_begun++;
}

/* Asks for what its arena does not give, in the middle of something. */
static void starve(struct request *r)
{
    unsigned under_way = w.server->under_way;
    uint8_t *have = request_alloc(r, 64);
    assert_non_null(have);
    assert_null(request_alloc(r, 1u << 30));
    assert_null(request_elems(r, &wire_metadata_request_topic, 1u << 30));
    memset(have, 1, 64); /* there until it returns, like the request */
    assert_int_equal(w.server->under_way, under_way);
    w.n_begun++;
}

const struct api_row api_table[] = {
    {API_PRODUCE, 3, 11, hold, false},
    {API_METADATA, 0, 12, hold, false},
    {API_API_VERSIONS, 0, 4, api_versions, false},
    {API_OSTRAKA_DESCRIBE, 0, 0, hold, true},
    {API_OSTRAKA_SQL, 0, 0, starve, true},
};
const unsigned api_table_n = sizeof api_table / sizeof api_table[0];

const struct api_row *api_find(int key)
{
    for (unsigned i = 0; i < api_table_n; i++) {
        if (api_table[i].key == key) {
            return &api_table[i];
        }
    }
    return NULL;
}

/* ---- the world ----------------------------------------------------------- */

static void server_start(struct env *e, void *arg)
{
    struct api_server_options o = {.host = "", .port = PORT};
    struct err err = {""};
    (void)arg;
    w.env = e;
    assert_int_equal(chunk_pool_new(&w.pool, env_mem(e), 32 << 20), 0);
    w.config = config_new(env_mem(e));
    assert_int_equal(config_set(w.config, "node.id", "1", &err), 0);
    assert_int_equal(
        config_set(w.config, "socket.request.max.bytes", "1100000", &err), 0);
    if (w.name != NULL) {
        assert_int_equal(config_set(w.config, w.name, w.value, &err), 0);
    }
    assert_int_equal(config_finish(w.config, &err), 0);
    o.config = w.config;
    o.pool = w.pool;
    assert_int_equal(api_server_open(e, &o, &w.server, &err), 0);
    if (w.serves) {
        api_server_serve(w.server, (struct broker *)&w); /* never looked at */
    }
}

static void clients_start(struct env *e, void *arg)
{
    (void)arg;
    w.clients = e;
}

static void on_line(void *arg, unsigned node, struct slice line)
{
    static const char said[] = " client=\"c\" peer=";
    (void)arg;
    (void)node;
    w.n_said += memmem(line.data, line.len, said, sizeof said - 1) != NULL;
    const char *too_big = err_text(ERR_TOOBIG);
    w.n_too_big +=
        memmem(line.data, line.len, too_big, strlen(too_big)) != NULL;
}

static void run_ms(uint64_t ms)
{
    sim_run_until(w.sim, sim_now_us(w.sim) + ms * 1000, NULL);
}

static void world_open(const char *name, const char *value, bool serves)
{
    struct sim_options o = {.seed = 7,
                            .net_min_us = 20,
                            .net_max_us = 200,
                            .net_split_rate = 3000,
                            .trace_level = TRACE_DEBUG,
                            .trace_cb = on_line};
    memset(&w, 0, sizeof w);
    w.name = name;
    w.value = value;
    w.serves = serves;
    w.mem = mem_new(0);
    w.sim = sim_new(&o);
    assert_int_equal(sim_node_start(w.sim, 1, "server", sim_disk_new(w.sim, 1),
                                    server_start, NULL, NULL),
                     0);
    assert_int_equal(sim_node_start(w.sim, 2, "clients", sim_disk_new(w.sim, 2),
                                    clients_start, NULL, NULL),
                     0);
}

static int setup(void **state)
{
    (void)state;
    world_open(NULL, NULL, true);
    return 0;
}

static void on_server_closed(void *arg)
{
    (void)arg;
    w.closed = true;
}
static void server_close(void *arg)
{
    (void)arg;
    api_server_close(w.server, on_server_closed, NULL);
}
static void on_client_closed(void *data)
{
    ((struct client *)data)->closed = true;
}
static void client_close(struct client *x)
{
    if (!x->closed) {
        env_stream_close(x->stream, on_client_closed, x);
        sim_run_until(w.sim, sim_now_us(w.sim) + SECOND_US, &x->closed);
        assert_true(x->closed);
    }
}

/* The server goes whatever is under way, and nothing of it is left. */
static int teardown(void **state)
{
    (void)state;
    if (!w.closed) {
        assert_int_equal(sim_node_call(w.sim, 1, server_close, NULL), 0);
        sim_run_until(w.sim, sim_now_us(w.sim) + 30 * SECOND_US, &w.closed);
    }
    assert_true(w.closed);
    assert_int_equal(w.n_held, 0);
    assert_int_equal(chunk_pool_used_all(w.pool), 0);
    chunk_pool_free(w.pool);
    config_free(w.config);
    for (unsigned i = 0; i < w.n_clients; i++) {
        client_close(w.c[i]);
        buf_close(&w.c[i]->out);
        free(w.c[i]);
    }
    sim_free(w.sim);
    assert_int_equal(mem_blocks(w.mem), 0);
    mem_free_all(w.mem);
    return 0;
}

/* ---- clients ------------------------------------------------------------- */

static void on_alloc(struct env_stream *s, void *data, uint8_t **ret_p,
                     size_t *ret_len)
{
    struct client *x = data;
    (void)s;
    assert_true(x->len < IN_MAX);
    *ret_p = x->in + x->len;
    *ret_len = IN_MAX - x->len;
}
static void on_read(struct env_stream *s, void *data, int status, size_t n)
{
    struct client *x = data;
    (void)s;
    x->len += n;
    x->ended = x->ended || status != 0;
}
static void on_connected(struct env_stream *s, int status, void *data)
{
    struct client *x = data;
    assert_int_equal(status, 0);
    x->connected = true;
    env_stream_read_start(s, on_alloc, on_read, x);
}
static void on_written(struct env_write *write, int status)
{
    (void)write, (void)status;
}

static struct client *client_new(void)
{
    struct client *x = calloc(1, sizeof *x);
    assert_non_null(x);
    assert_true(w.n_clients < CLIENTS);
    w.c[w.n_clients++] = x;
    buf_init(&x->out, w.mem, 0);
    assert_int_equal(env_connect(w.clients, "server", PORT, 1000, on_connected,
                                 x, &x->stream),
                     0);
    sim_run_until(w.sim, sim_now_us(w.sim) + SECOND_US, &x->connected);
    assert_true(x->connected);
    return x;
}

/* One more request for the next flush(). */
static void put(struct client *x, const struct wire_message *m, int version,
                int32_t correlation, const void *msg)
{
    struct wire_request_header h = {.api_key = m->api_key,
                                    .api_version = (int16_t)version,
                                    .correlation_id = correlation,
                                    .client_id = slice_str("tester")};
    assert_int_equal(wire_frame_request(m, &h, msg, &x->out), 0);
}

static void put_metadata(struct client *x, int version, int32_t correlation)
{
    struct metadata_request in;
    wire_init(&wire_metadata_request, &in);
    put(x, &wire_metadata_request, version, correlation, &in);
}

static void put_versions(struct client *x, int version, int32_t correlation)
{
    struct api_versions_request in;
    wire_init(&wire_api_versions_request, &in);
    if (version >= 3) {
        in.client_software_name = slice_str("tester");
        in.client_software_version = slice_str("1.0");
    }
    put(x, &wire_api_versions_request, version, correlation, &in);
}

/* A frame of any bytes. */
static void put_frame(struct client *x, const void *bytes, size_t len)
{
    buf_put_u32(&x->out, (uint32_t)len);
    buf_put(&x->out, bytes, len);
}

/* A header and nothing behind it. */
static void put_header(struct client *x, int key, int version,
                       int32_t correlation, const char *body)
{
    struct buf b;
    buf_init(&b, w.mem, 0);
    buf_put_u16(&b, (uint16_t)key);
    buf_put_u16(&b, (uint16_t)version);
    buf_put_u32(&b, (uint32_t)correlation);
    buf_put_u16(&b, 1);
    buf_put(&b, "c", 1);
    buf_put(&b, body, strlen(body));
    put_frame(x, b.data, b.len);
    buf_close(&b);
}

/* Send what was put, all of it at once. */
static void flush(struct client *x)
{
    struct slice s = buf_slice(&x->out);
    assert_int_equal(x->out.status, 0);
    assert_int_equal(
        env_stream_write(x->stream, &x->write, &s, 1, on_written, x), 0);
    run_ms(50);
    x->out.len = 0;
}

/* The next reply is to this request; what follows the correlation id. */
static struct slice expect_reply(struct client *x, int32_t correlation)
{
    uint32_t len;
    assert_true(x->len - x->at >= 8);
    len = be32_load(x->in + x->at);
    assert_true(len >= 4 && len <= x->len - x->at - 4);
    assert_int_equal(be32_load(x->in + x->at + 4), correlation);
    struct slice s = slice_of(x->in + x->at + 8, len - 4);
    x->at += 4 + (size_t)len;
    return s;
}

static void expect_nothing(const struct client *x)
{
    assert_int_equal(x->len, x->at);
    assert_false(x->ended);
}

static void expect_end(const struct client *x)
{
    assert_int_equal(x->len, x->at);
    assert_true(x->ended);
}

/* The server is as well as ever. */
static void expect_well(struct client *x)
{
    put_versions(x, 0, 4711);
    flush(x);
    expect_reply(x, 4711);
    expect_nothing(x);
}

/* ---- answering ----------------------------------------------------------- */

static void reply_to(void *arg)
{
    struct request *r = arg;
    void *out = arena_calloc(&r->arena, 1, r->out->body.size);
    assert_non_null(out);
    wire_init(r->out, out);
    request_reply(r, out);
}
static void silence(void *arg)
{
    request_silent(arg);
}
static void hang_up(void *arg)
{
    request_close(arg, "the test says so");
}

/* End the i-th of those that are held. */
static void end(unsigned i, void (*how)(void *))
{
    struct request *r = w.held[i];
    assert_true(i < w.n_held);
    w.n_held--;
    memmove(&w.held[i], &w.held[i + 1], (w.n_held - i) * sizeof w.held[0]);
    assert_int_equal(sim_node_call(w.sim, 1, how, r), 0);
    run_ms(50);
}

/* ---- without memory ------------------------------------------------------ */

/* What was asked before is answered, what comes behind is not begun, and the
 * connection ends. */
static void test_starved(void **state)
{
    struct client *x = client_new();
    struct ostraka_sql_request in;
    (void)state;
    wire_init(&wire_ostraka_sql_request, &in);
    put_metadata(x, 9, 1);
    put(x, &wire_ostraka_sql_request, 0, 2, &in);
    put_metadata(x, 9, 3);
    flush(x);
    assert_int_equal(w.n_begun, 2);
    expect_nothing(x);
    end(0, reply_to);
    expect_reply(x, 1);
    expect_end(x);
    /* The same with nothing in front of it, and when the client goes. */
    x = client_new();
    put(x, &wire_ostraka_sql_request, 0, 2, &in);
    flush(x);
    expect_end(x);
    x = client_new();
    put_metadata(x, 9, 1);
    put(x, &wire_ostraka_sql_request, 0, 2, &in);
    flush(x);
    client_close(x);
    run_ms(50);
    assert_int_equal(w.n_begun, 5);
    assert_int_equal(w.n_canceled, 1);
    assert_int_equal(w.server->under_way, 0);
    expect_well(client_new());
}

/* A frame of a megabyte that becomes 16 when it is decoded: two of them fit
 * what all requests may hold, and others are served meanwhile. */
static void test_large(void **state)
{
    enum { TOPICS = 500000 };
    struct metadata_request_topic *topics = calloc(TOPICS, sizeof *topics);
    struct metadata_request in;
    struct client *x[4];
    (void)state;
    assert_non_null(topics);
    wire_init(&wire_metadata_request, &in);
    for (unsigned i = 0; i < TOPICS; i++) {
        topics[i].name = slice_str("");
    }
    in.topics.ptr = topics;
    in.topics.n = TOPICS;
    for (unsigned i = 0; i < 4; i++) {
        x[i] = client_new();
        put(x[i], &wire_metadata_request, 9, 1, &in);
        flush(x[i]);
        run_ms(1000);
        if (i < 2) {
            assert_int_equal(w.n_held, i + 1);
            expect_nothing(x[i]);
        } else if (i == 2) {
            assert_int_equal(w.n_held, 2);
            expect_end(x[i]);
            assert_true(w.server->arenas.refused > 0);
            expect_well(client_new());
            end(0, reply_to);
        }
    }
    expect_reply(x[0], 1);
    assert_int_equal(w.n_held, 2); /* the last one found room */
    end(0, reply_to);
    end(0, reply_to);
    expect_reply(x[1], 1);
    expect_reply(x[3], 1);
    assert_int_equal(w.server->arenas.used, 0);
    free(topics);
}

/* An answer that says a long text so often that it is twice as long as what the
 * pool has for all. */
static void reply_long(void *arg)
{
    enum { TOPICS = 2048 };
    struct request *r = arg;
    struct metadata_response *out = arena_calloc(&r->arena, 1, sizeof *out);
    static char text[WIRE_STRING_MAX];
    assert_non_null(out);
    wire_init(r->out, out);
    memset(text, 'a', sizeof text);
    out->topics.ptr = request_elems(r, &wire_metadata_response_topic, TOPICS);
    assert_non_null(out->topics.ptr);
    out->topics.n = TOPICS;
    for (unsigned i = 0; i < TOPICS; i++) {
        out->topics.ptr[i].name = slice_of(text, sizeof text);
    }
    assert_true(chunk_pool_max(w.pool) < TOPICS / 2 * sizeof text + 4096);
    request_reply(r, out);
}

/* It is given up before memory is taken for all of it. */
static void test_long_answer(void **state)
{
    struct client *x = client_new();
    (void)state;
    put_metadata(x, 9, 1);
    flush(x);
    end(0, reply_long);
    expect_end(x);
    assert_true(w.n_too_big > 0);
    assert_int_equal(w.server->under_way, 0);
    expect_well(client_new());
}

/* ---- ApiVersions --------------------------------------------------------- */

static void test_versions(void **state)
{
    struct client *x = client_new();
    (void)state;
    for (int v = 0; v <= 4; v++) {
        struct api_versions_response out;
        struct arena arena;
        struct cursor c;
        put_versions(x, v, 100 + v);
        flush(x);
        arena_init(&arena, w.mem, 0);
        /* The header is the old one, since its reader knows no other yet. */
        cursor_init(&c, expect_reply(x, 100 + v));
        assert_int_equal(
            wire_decode(&wire_api_versions_response, v, &c, &arena, &out), 0);
        assert_int_equal(cursor_left(&c), 0);
        assert_int_equal(out.error_code, KERR_NONE);
        assert_int_equal(out.api_keys.n, api_table_n - 2); /* two are hidden */
        for (uint32_t i = 0; i < out.api_keys.n; i++) {
            assert_int_equal(out.api_keys.ptr[i].api_key, api_table[i].key);
            assert_int_equal(out.api_keys.ptr[i].min_version, api_table[i].min);
            assert_int_equal(out.api_keys.ptr[i].max_version, api_table[i].max);
        }
        arena_close(&arena);
    }
    expect_nothing(x);
}

/* KIP-511: to the byte, since any client must be able to read it. */
static void test_versions_unknown(void **state)
{
    static const int versions[] = {5, 99, INT16_MAX, -1, INT16_MIN};
    static const uint8_t want[] = {0, 35, 0, 0, 0, 1, 0, 18, 0, 0, 0, 4};
    struct client *x = client_new();
    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        struct slice s;
        if (i == 0) {
            put_versions(x, versions[i], 7); /* the codec knows it already */
        } else {
            /* What comes behind the client's id is nothing we can read. */
            put_header(x, API_API_VERSIONS, versions[i], 7, "\xff\xff");
        }
        flush(x);
        s = expect_reply(x, 7);
        assert_int_equal(s.len, sizeof want);
        assert_memory_equal(s.data, want, sizeof want);
        expect_well(x); /* it may ask again */
    }
    assert_int_equal(w.server->refused, 0);
}

static void test_versions_names(void **state)
{
    static const struct {
        const char *name, *version;
        int16_t error;
    } cases[] = {{"a", "1", 0},   {"a-b.c", "1.2-x", 0}, {"", "1", 42},
                 {"a", "", 42},   {"-a", "1", 42},       {"a-", "1", 42},
                 {"a", "1.", 42}, {"a b", "1", 42},      {"a", "\xc3\xa4", 42},
                 {".", "1", 42}};
    struct client *x = client_new();
    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int v = 3; v <= 4; v++) {
            struct api_versions_request in;
            struct slice s;
            wire_init(&wire_api_versions_request, &in);
            in.client_software_name = slice_str(cases[i].name);
            in.client_software_version = slice_str(cases[i].version);
            put(x, &wire_api_versions_request, v, 1, &in);
            flush(x);
            s = expect_reply(x, 1);
            assert_true(s.len >= 2);
            assert_int_equal(be16_load(s.data), cases[i].error);
        }
    }
    expect_well(x);
}

/* ---- what is no request -------------------------------------------------- */

static void test_unknown_api(void **state)
{
    static const int keys[] = {API_LEADER_AND_ISR, API_FETCH, 999, -1,
                               INT16_MAX,          INT16_MIN};
    (void)state;
    for (unsigned i = 0; i < 6; i++) {
        struct client *x = client_new();
        put_header(x, keys[i], 0, 1, "");
        flush(x);
        expect_end(x);
        assert_int_equal(w.server->refused, i + 1);
        assert_int_equal(w.n_said, i + 1);
    }
    expect_well(client_new());
    assert_int_equal(w.n_begun, 0);
}

static void test_unserved_version(void **state)
{
    static const struct {
        int key, version;
    } cases[] = {{API_METADATA, 13},       {API_METADATA, 14},
                 {API_METADATA, -1},       {API_PRODUCE, 2},
                 {API_PRODUCE, 12},        {API_PRODUCE, INT16_MAX},
                 {API_OSTRAKA_DESCRIBE, 1}};
    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct client *x = client_new();
        put_header(x, cases[i].key, cases[i].version, 1, "");
        flush(x);
        expect_end(x);
        assert_int_equal(w.server->refused, i + 1);
    }
    assert_int_equal(w.n_begun, 0);
}

/* Every beginning of a request, framed as if it were all. */
static void test_truncated(void **state)
{
    struct client *whole = client_new();
    struct metadata_request in;
    struct metadata_request_topic t;
    (void)state;
    wire_init(&wire_metadata_request, &in);
    wire_struct_init(&wire_metadata_request_topic, &t);
    t.name = slice_str("topic");
    in.topics.ptr = &t;
    in.topics.n = 1;
    put(whole, &wire_metadata_request, 12, 1, &in);
    assert_true(whole->out.len - 4 < CLIENTS - 2);
    for (size_t len = 0; len < whole->out.len - 4; len++) {
        struct client *x = client_new();
        put_frame(x, whole->out.data + 4, len);
        flush(x);
        expect_end(x);
        assert_int_equal(w.server->refused, len + 1);
    }
    assert_int_equal(w.n_begun, 0);
    flush(whole);
    assert_int_equal(w.n_begun, 1);
    end(0, reply_to);
    expect_reply(whole, 1);
}

/* Counts and lengths that cannot be. */
static void test_counts(void **state)
{
    static const struct {
        int key, version;
        size_t len;
        uint8_t body[16];
    } cases[] = {
        {API_METADATA, 1, 4, {0xff, 0xff, 0xff, 0xfe}}, /* -2 topics */
        {API_METADATA, 1, 4, {0x80, 0, 0, 0}},
        {API_METADATA, 1, 4, {0x7f, 0xff, 0xff, 0xff}},
        {API_METADATA, 1, 6, {0, 0, 0, 1, 0xff, 0xfe}}, /* a name of -2 */
        {API_METADATA, 1, 6, {0, 0, 0, 1, 0x7f, 0xff}},
        {API_METADATA, 1, 6, {0, 0, 0, 1, 0xff, 0xff}}, /* null */
        {API_METADATA, 9, 6, {0 /* tags */, 0xff, 0xff, 0xff, 0xff, 0xff}},
        {API_PRODUCE,
         3,
         12,
         {0xff, 0xff, 0, 1, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff}}, /* no array */
        {API_PRODUCE,
         3,
         12,
         {0xff, 0xff, 0, 1, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff}},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct client *x = client_new();
        struct buf b;
        buf_init(&b, w.mem, 0);
        buf_put_u16(&b, (uint16_t)cases[i].key);
        buf_put_u16(&b, (uint16_t)cases[i].version);
        buf_put_u32(&b, 1);
        buf_put_u16(&b, 0xffff); /* no client id */
        buf_put(&b, cases[i].body, cases[i].len);
        put_frame(x, b.data, b.len);
        buf_close(&b);
        flush(x);
        expect_end(x);
        assert_int_equal(w.server->refused, i + 1);
    }
    assert_int_equal(w.n_begun, 0);
}

static void test_garbage(void **state)
{
    struct client *well = client_new();
    struct rand rand;
    (void)state;
    rand_init(&rand, 5);
    for (unsigned i = 0; i < CLIENTS - 2; i++) {
        struct client *x = client_new();
        uint8_t bytes[300];
        size_t len = 1 + (size_t)rand_below(&rand, sizeof bytes);
        rand_fill(&rand, bytes, len);
        bytes[0] |= 0x40; /* no API of ours */
        put_frame(x, bytes, len);
        put_versions(x, 0, 1); /* too late */
        flush(x);
        expect_end(x);
    }
    expect_well(well);
    assert_int_equal(w.n_begun, 0);
    assert_int_equal(w.server->refused, CLIENTS - 2);
}

static void test_lengths(void **state)
{
    static const uint32_t lens[] = {0xffffffff, 0x80000000, 0x7fffffff,
                                    FRAME_MAX + 1};
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        struct client *x = client_new();
        buf_put_u32(&x->out, lens[i]);
        flush(x);
        expect_end(x);
    }
    assert_int_equal(w.n_begun, 0);
    assert_int_equal(w.server->refused, 0);
    /* The longest that may be; it says nothing, but it is a frame. */
    struct client *x = client_new();
    uint8_t *zeros = calloc(1, FRAME_MAX);
    put_frame(x, zeros, FRAME_MAX);
    free(zeros);
    flush(x);
    run_ms(1000);
    assert_int_equal(w.server->refused, 1);
    expect_well(client_new());
}

/* ---- order --------------------------------------------------------------- */

static void test_order(void **state)
{
    struct client *x = client_new(), *y = client_new();
    (void)state;
    put_metadata(x, 0, 1);
    put_metadata(x, 9, 2);
    put_versions(x, 0, 3); /* has its answer at once */
    put_metadata(x, 12, 4);
    flush(x);
    assert_int_equal(w.n_held, 3);
    expect_nothing(x);
    end(2, reply_to);
    expect_nothing(x);
    expect_well(y); /* others do not wait */
    end(1, reply_to);
    expect_nothing(x);
    end(0, reply_to);
    for (int32_t i = 1; i <= 4; i++) {
        expect_reply(x, i);
    }
    expect_nothing(x);
    expect_well(x);
}

/* acks=0 has no answer, and no place in their order either. */
static void test_silent(void **state)
{
    struct client *x = client_new();
    struct produce_request in;
    (void)state;
    wire_init(&wire_produce_request, &in);
    put_metadata(x, 1, 1);
    put(x, &wire_produce_request, 3, 2, &in);
    put_metadata(x, 1, 3);
    put(x, &wire_produce_request, 11, 4, &in);
    flush(x);
    assert_int_equal(w.n_held, 4);
    end(1, silence);
    end(1, reply_to);
    expect_nothing(x);
    end(0, reply_to);
    expect_reply(x, 1);
    expect_reply(x, 3);
    end(0, silence);
    expect_nothing(x);
    expect_well(x);
}

/* What was answered before is sent before the connection ends; what came after
 * is dropped. */
static void test_close_between(void **state)
{
    struct client *x = client_new();
    (void)state;
    for (int32_t i = 1; i <= 4; i++) {
        put_metadata(x, 1, i);
    }
    flush(x);
    assert_int_equal(w.n_held, 4);
    end(1, hang_up);
    expect_nothing(x); /* the first is still under way */
    end(1, reply_to);
    assert_int_equal(w.n_canceled, 0);
    end(0, reply_to);
    expect_reply(x, 1);
    expect_end(x);
    assert_int_equal(w.n_canceled, 1);
    assert_int_equal(w.server->under_way, 0);
}

/* A request that is refused has its place too. What follows must not be done:
 * the client will take it for lost. */
static void test_refused_between(void **state)
{
    struct client *x = client_new();
    (void)state;
    put_metadata(x, 1, 1);
    put_header(x, 999, 0, 2, "");
    put_metadata(x, 1, 3);
    flush(x);
    put_metadata(x, 1, 4);
    flush(x);
    expect_nothing(x);
    assert_int_equal(w.n_begun, 1);
    end(0, reply_to);
    expect_reply(x, 1);
    expect_end(x);
}

static void test_gone(void **state)
{
    struct client *x = client_new();
    (void)state;
    for (int32_t i = 1; i <= 3; i++) {
        put_metadata(x, 1, i);
    }
    flush(x);
    end(1, reply_to); /* waits for its turn */
    client_close(x);
    run_ms(50);
    assert_int_equal(w.n_canceled, 2);
    assert_int_equal(w.server->under_way, 0);
}

/* ---- limits -------------------------------------------------------------- */

static int setup_two(void **state)
{
    (void)state;
    world_open("queued.max.requests", "2", true);
    return 0;
}

static void test_too_many(void **state)
{
    struct client *x = client_new(), *y = client_new();
    (void)state;
    for (int32_t i = 1; i <= 5; i++) {
        put_metadata(x, 1, i);
    }
    flush(x);
    assert_int_equal(w.n_begun, 2);
    expect_well(y); /* it has room of its own */
    for (int32_t i = 1; i <= 5; i++) {
        end(0, reply_to);
        expect_reply(x, i);
        assert_in_range(w.n_held, i < 5 ? 1 : 0, 2);
    }
    assert_int_equal(w.n_begun, 5);
    expect_well(x);
}

static void test_server_closes(void **state)
{
    struct client *x = client_new();
    (void)state;
    put_metadata(x, 1, 1);
    put_metadata(x, 1, 2);
    flush(x);
    assert_int_equal(sim_node_call(w.sim, 1, server_close, NULL), 0);
    assert_false(w.closed); /* never before the call returns */
    run_ms(1000);
    assert_true(w.closed);
    assert_int_equal(w.n_canceled, 2);
    assert_true(x->ended);
}

static int setup_deaf(void **state)
{
    (void)state;
    world_open(NULL, NULL, false);
    return 0;
}

static void serve(void *arg)
{
    (void)arg;
    api_server_serve(w.server, (struct broker *)&w);
}

static void test_not_yet(void **state)
{
    struct client *x = client_new();
    (void)state;
    run_ms(50);
    expect_end(x);
    assert_int_equal(sim_node_call(w.sim, 1, serve, NULL), 0);
    expect_well(client_new());
}

/* Idle for how long? The setting knows more milliseconds than a uint32_t. */
static void expect_idle(const char *value, uint64_t alive_ms, uint64_t dead_ms)
{
    struct client *x;
    world_open("connections.max.idle.ms", value, true);
    x = client_new();
    expect_well(x);
    run_ms(alive_ms);
    expect_nothing(x);
    if (dead_ms > 0) {
        run_ms(dead_ms - alive_ms);
        expect_end(x);
    }
    teardown(NULL);
}

static void test_idle(void **state)
{
    (void)state;
    expect_idle("5000", 4000, 7000);
    expect_idle("-1", UINT64_C(5000000000), 0);
    expect_idle("4294968296", UINT64_C(4000000000), 0); /* 2^32 + 1000 */
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_starved),
        T(test_large),
        T(test_long_answer),
        T(test_versions),
        T(test_versions_unknown),
        T(test_versions_names),
        T(test_unknown_api),
        T(test_unserved_version),
        T(test_truncated),
        T(test_counts),
        T(test_garbage),
        T(test_lengths),
        T(test_order),
        T(test_silent),
        T(test_close_between),
        T(test_refused_between),
        T(test_gone),
        cmocka_unit_test_setup_teardown(test_too_many, setup_two, teardown),
        T(test_server_closes),
        cmocka_unit_test_setup_teardown(test_not_yet, setup_deaf, teardown),
        cmocka_unit_test(test_idle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
