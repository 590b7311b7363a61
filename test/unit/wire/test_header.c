/* Headers, whole frames, and what is shown to people. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "wire/api.h"
#include "wire/errors.h"
#include "wire/gen/metadata.h"
#include "wire/gen/produce.h"
#include "wire/header.h"

struct world {
    struct mem *mem;
    struct arena arena;
    struct buf buf;
    struct cursor c;
};

static int world_open(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    w->mem = mem_new(0);
    arena_init(&w->arena, w->mem, 1 << 20);
    buf_init(&w->buf, w->mem, 0);
    *state = w;
    return 0;
}

static int world_close(void **state)
{
    struct world *w = *state;
    buf_close(&w->buf);
    arena_close(&w->arena);
    int leaked = mem_blocks(w->mem) != 0;
    mem_free_all(w->mem);
    free(w);
    return leaked;
}

static void test_header(void **state)
{
    struct world *w = *state;
    struct wire_request_header h;
    const struct wire_message *m = NULL;
    static const struct {
        const char *bytes;
        size_t len;
        int rv;
    } cases[] = {
        {"\0\22\0\0\0\0\0\5\0\1c", 11, 0},
        {"\0\22\0\0\0\0\0\5\xff\xff", 10, 0},
        {"\0\22\0\0\0\0\0\5\xff\xfe", 10, ERR_PROTOCOL},
        {"\0\22\0\0\0\0\0\5\0\2c", 11, ERR_PROTOCOL},
        {"\0\22\0\3\0\0\0\5\0\1c\0", 12, 0},
        {"\0\22\0\3\0\0\0\5\0\1c\1\0\2xy", 16, 0},
        {"\0\22\0\3\0\0\0\5\0\1c", 11, ERR_PROTOCOL},
        {"\0\22\0\3\0\0\0\5\0\1c\1\0\3xy", 16, ERR_PROTOCOL},
        {"\0\22\0\x63\0\0\0\5\0\1c", 11, ERR_VERSION},
        {"\0\22\xff\xff\0\0\0\5\0\1c", 11, ERR_VERSION},
        {"\0\4\0\0\0\0\0\5\0\1c", 11, ERR_UNSUPPORTED},
        {"\xff\xff\0\0\0\0\0\5\0\1c", 11, ERR_UNSUPPORTED},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        cursor_init(&w->c, slice_of(cases[i].bytes, cases[i].len));
        h = (struct wire_request_header){0};
        assert_int_equal(wire_request_header_decode(&w->c, &h, &m),
                         cases[i].rv);
        if (cases[i].rv == 0) {
            assert_int_equal(cursor_left(&w->c), 0);
        }
        assert_int_equal(h.correlation_id, cases[i].rv == ERR_PROTOCOL ? 0 : 5);
    }
}

/* ApiVersions is read by those who do not know yet what we speak. */
static void test_header_versions(void **state)
{
    (void)state;
    const struct wire_message *m = wire_find(API_API_VERSIONS, false);
    for (int v = 0; v <= 5; v++) {
        assert_int_equal(wire_response_header_version(m, v), 0);
    }
    m = wire_find(API_FETCH, false);
    assert_int_equal(wire_response_header_version(m, 11), 0);
    assert_int_equal(wire_response_header_version(m, 12), 1);
    m = wire_find(API_SASL_HANDSHAKE, true);
    assert_int_equal(wire_request_header_version(m, 1), 1);
}

/* A frame that cannot be made leaves the buffer as it was. */
static void test_frame_taken_back(void **state)
{
    struct world *w = *state;
    struct produce_request p;
    struct wire_request_header h = {.api_key = API_PRODUCE, .api_version = 2};
    wire_init(&wire_produce_request, &p);
    p.transactional_id = slice_str("tx");
    buf_put(&w->buf, "before", 6);
    assert_int_equal(wire_frame_request(&wire_produce_request, &h, &p, &w->buf),
                     ERR_VERSION);
    assert_int_equal(w->buf.len, 6);
}

static void test_print(void **state)
{
    struct world *w = *state;
    char name[100];
    struct metadata_request r;
    memset(name, 'a', sizeof name);
    name[0] = '"';
    name[1] = '\n';
    wire_init(&wire_metadata_request, &r);
    r.topics.n = 20;
    r.topics.ptr =
        wire_elems_new(&w->arena, &wire_metadata_request_topic, r.topics.n);
    r.topics.ptr[0].name = slice_of(name, sizeof name);
    wire_print(&wire_metadata_request, 4, &r, &w->buf);
    buf_put_u8(&w->buf, 0);
    assert_string_equal(
        (char *)w->buf.data,
        "Metadata request v4 {Topics: [{Name: "
        "\"\\\"\\x0aaaaaaaaaaaaaaaaaaaaaaaa"
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"...}, {Name: \"\"}, {Name: "
        "\"\"}, {Name: \"\"}, {Name: \"\"}, {Name: \"\"}, {Name: \"\"}, {Name: "
        "\"\"}, {Name: \"\"}, {Name: \"\"}, {Name: \"\"}, {Name: \"\"}, {Name: "
        "\"\"}, {Name: \"\"}, {Name: \"\"}, {Name: \"\"}, ... 4 more], "
        "AllowAutoTopicCreation: true}");
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(kerr_name(KERR_NONE), "NONE");
    assert_string_equal(kerr_name(-1), "UNKNOWN_SERVER_ERROR");
    assert_string_equal(kerr_name(6), "NOT_LEADER_OR_FOLLOWER");
    assert_string_equal(kerr_name(136), "CONTROLLER_ID_NOT_REGISTERED");
    assert_string_equal(kerr_name(137), "UNKNOWN");
    assert_string_equal(kerr_name(-2), "UNKNOWN");
    assert_true(kerr_retriable(KERR_NOT_ENOUGH_REPLICAS));
    assert_false(kerr_retriable(KERR_OFFSET_OUT_OF_RANGE));
    assert_string_equal(kerr_text(KERR_NONE), "success");
    for (int code = -1; code <= 136; code++) {
        assert_string_not_equal(kerr_name(code), "UNKNOWN");
    }
    assert_string_equal(api_name(API_FETCH), "Fetch");
    assert_string_equal(api_name(95), "unknown");
    for (unsigned i = 0; i < wire_message_count(); i++) {
        const struct wire_message *m = wire_message_at(i);
        assert_string_equal(api_name(m->api_key), m->name);
    }
}

#define WIRE_TEST(f) cmocka_unit_test_setup_teardown(f, world_open, world_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WIRE_TEST(test_header),
        WIRE_TEST(test_header_versions),
        WIRE_TEST(test_frame_taken_back),
        WIRE_TEST(test_print),
        WIRE_TEST(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
