/* The rules of the codec one by one, on messages that show them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "wire/gen/describe_configs.h"
#include "wire/gen/describe_topic_partitions.h"
#include "wire/gen/fetch.h"
#include "wire/gen/heartbeat.h"
#include "wire/gen/metadata.h"
#include "wire/gen/offset_commit.h"
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

/* Decode `n` bytes; what is left in w->c tells what was read. */
static int decode(struct world *w, const struct wire_message *m, int version,
                  const void *bytes, size_t n, void *out)
{
    cursor_init(&w->c, slice_of(bytes, n));
    return wire_decode(m, version, &w->c, &w->arena, out);
}

#define DECODE(w, m, version, bytes, out)                                      \
    decode(w, m, version, bytes, sizeof(bytes) - 1, out)

static void test_null_where_allowed(void **state)
{
    struct metadata_request r;
    assert_int_equal(
        DECODE(*state, &wire_metadata_request, 1, "\xff\xff\xff\xff", &r), 0);
    assert_null(r.topics.ptr);
    assert_int_equal(
        DECODE(*state, &wire_metadata_request, 0, "\xff\xff\xff\xff", &r),
        ERR_PROTOCOL);
    assert_int_equal(DECODE(*state, &wire_metadata_request, 1, "\0\0\0\0", &r),
                     0);
    assert_non_null(r.topics.ptr);
    assert_int_equal(r.topics.n, 0);
    assert_int_equal(
        DECODE(*state, &wire_metadata_request, 1, "\xff\xff\xff\xfe", &r),
        ERR_PROTOCOL);
}

/* That an array may be null does not let its elements be null. */
static void test_null_element(void **state)
{
    static const char one[] = "\0\0\0\1\2\0\1t\0\0\0\1\xff\xff";
    struct describe_configs_request r;
    assert_int_equal(DECODE(*state, &wire_describe_configs_request, 0, one, &r),
                     ERR_PROTOCOL);
    static const char null[] = "\0\0\0\1\2\0\1t\xff\xff\xff\xff";
    assert_int_equal(
        DECODE(*state, &wire_describe_configs_request, 0, null, &r), 0);
    assert_null(r.resources.ptr[0].configuration_keys.ptr);
}

static void test_null_written_empty(void **state)
{
    struct world *w = *state;
    struct metadata_request r;
    wire_init(&wire_metadata_request, &r);
    r.topics.ptr = NULL;
    assert_int_equal(wire_encode(&wire_metadata_request, 0, &r, &w->buf), 0);
    assert_int_equal(w->buf.len, 4);
    assert_memory_equal(w->buf.data, "\0\0\0\0", 4);
    assert_int_equal(wire_encode(&wire_metadata_request, 1, &r, &w->buf), 0);
    assert_memory_equal(w->buf.data + 4, "\xff\xff\xff\xff", 4);
}

/* A count is compared with the bytes that are there before memory is asked
 * for: a Fetch partition of v4 takes 16 bytes, so 2 do not fit into 31. */
static void test_counts(void **state)
{
    struct world *w = *state;
    char bytes[64] = {0};
    struct fetch_request r;
    memcpy(bytes + 17, "\0\0\0\1\0\1t\0\0\0\2", 11);
    assert_int_equal(decode(w, &wire_fetch_request, 4, bytes, 28 + 31, &r),
                     ERR_PROTOCOL);
    size_t used = w->arena.used;
    assert_true(used <= sizeof(struct fetch_request_topic) + 16);
    assert_int_equal(decode(w, &wire_fetch_request, 4, bytes, 28 + 32, &r), 0);
    assert_int_equal(r.topics.ptr[0].partitions.n, 2);
    memcpy(bytes + 17, "\x7f\xff\xff\xff", 4);
    arena_reset(&w->arena);
    assert_int_equal(decode(w, &wire_fetch_request, 4, bytes, 64, &r),
                     ERR_PROTOCOL);
    assert_int_equal(w->arena.used, 0);
}

/* What an element's own arrays take counts too: a Fetch topic of v4 takes 6
 * bytes, so 2 do not fit into 11. */
static void test_counts_nested(void **state)
{
    struct world *w = *state;
    char bytes[64] = {0};
    struct fetch_request r;
    be32_store(bytes + 17, 2);
    assert_int_equal(decode(w, &wire_fetch_request, 4, bytes, 21 + 11, &r),
                     ERR_PROTOCOL);
    assert_int_equal(w->arena.used, 0);
    assert_int_equal(decode(w, &wire_fetch_request, 4, bytes, 21 + 12, &r), 0);
}

/* Enough bytes for more elements than anyone may send. */
static void test_r29_count_limit(void **state)
{
    struct world *w = *state;
    size_t n = (WIRE_COUNT_MAX + 1) * 2;
    uint8_t *bytes = calloc(1, n + 4);
    struct metadata_request r;
    be32_store(bytes, WIRE_COUNT_MAX + 1);
    assert_int_equal(decode(w, &wire_metadata_request, 0, bytes, n + 4, &r),
                     ERR_PROTOCOL);
    assert_int_equal(w->arena.used, 0);
    be32_store(bytes, WIRE_COUNT_MAX);
    assert_int_equal(decode(w, &wire_metadata_request, 0, bytes, n + 4, &r),
                     ERR_NOMEM);
    free(bytes);
}

/* ReplicaState, tag 1 of Fetch v15: 12 bytes and its own empty tags. */
#define FETCH_15    "\0\0\0\0\0\0\0\1\0\0\0\2\0\0\0\0\0\0\0\0\0\1\1\1"
#define STATE_BYTES "\0\0\0\5\0\0\0\0\0\0\0\6\0"

static void test_tags(void **state)
{
    struct fetch_request r;
    const struct wire_message *m = &wire_fetch_request;
    assert_int_equal(DECODE(*state, m, 15, FETCH_15 "\1\1\15" STATE_BYTES, &r),
                     0);
    assert_int_equal(r.replica_state.replica_id, 5);
    assert_int_equal(r.replica_state.replica_epoch, 6);
    assert_null(r.cluster_id.data);
    /* Unknown ones are skipped, before and behind. */
    assert_int_equal(
        DECODE(*state, m, 15, FETCH_15 "\2\1\15" STATE_BYTES "\x7f\3abc", &r),
        0);
    assert_int_equal(r.replica_state.replica_id, 5);
    assert_int_equal(DECODE(*state, m, 15, FETCH_15 "\1\7\0", &r), 0);
    assert_int_equal(r.replica_state.replica_id, -1);
    /* Tag 1 does not exist in v14 (which has ReplicaId in front). */
    assert_int_equal(
        DECODE(*state, m, 14, "\0\0\0\1" FETCH_15 "\1\1\15" STATE_BYTES, &r),
        0);
    assert_int_equal(r.replica_state.replica_id, -1);
}

static void test_bad_tags(void **state)
{
    struct fetch_request r;
    const struct wire_message *m = &wire_fetch_request;
    /* Longer and shorter than it is. */
    assert_int_equal(
        DECODE(*state, m, 15, FETCH_15 "\1\1\16" STATE_BYTES "x", &r),
        ERR_PROTOCOL);
    assert_int_equal(DECODE(*state, m, 15, FETCH_15 "\1\1\14" STATE_BYTES, &r),
                     ERR_PROTOCOL);
    /* Twice. */
    assert_int_equal(DECODE(*state, m, 15,
                            FETCH_15 "\2\1\15" STATE_BYTES "\1\15" STATE_BYTES,
                            &r),
                     ERR_PROTOCOL);
    /* Longer than the message; more than there are. */
    assert_int_equal(DECODE(*state, m, 15, FETCH_15 "\1\7\1", &r),
                     ERR_PROTOCOL);
    assert_int_equal(DECODE(*state, m, 15, FETCH_15 "\xff\xff\xff\xff\x0f", &r),
                     ERR_PROTOCOL);
}

/* An array inside a tag is bounded by the tag, not by the message. */
static void test_r29_count_in_tag(void **state)
{
    struct fetch_response r;
    static const char bytes[] = "\0\0\0\0\0\0\0\0\0\0\1\1\0\2\x7f"
                                "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    assert_int_equal(DECODE(*state, &wire_fetch_response, 16, bytes, &r),
                     ERR_PROTOCOL);
}

static void test_value_without_field(void **state)
{
    struct world *w = *state;
    struct produce_request p;
    wire_init(&wire_produce_request, &p);
    p.transactional_id = slice_str("tx");
    assert_int_equal(wire_encode(&wire_produce_request, 2, &p, &w->buf),
                     ERR_VERSION);
    size_t size = 77;
    assert_int_equal(wire_size(&wire_produce_request, 2, &p, &size),
                     ERR_VERSION);
    assert_int_equal(size, 77);
    /* RetentionTimeMs may be ignored. */
    struct offset_commit_request c;
    wire_init(&wire_offset_commit_request, &c);
    assert_int_equal(c.retention_time_ms, -1);
    c.retention_time_ms = 5;
    assert_int_equal(wire_encode(&wire_offset_commit_request, 5, &c, &w->buf),
                     0);
}

static void test_absent_field(void **state)
{
    struct offset_commit_request r;
    static const char bytes[] = "\0\1g\0\0\0\1\0\1m\0\0\0\0";
    assert_int_equal(DECODE(*state, &wire_offset_commit_request, 5, bytes, &r),
                     0);
    assert_int_equal(r.retention_time_ms, -1);
    assert_null(r.group_instance_id.data);
    assert_memory_equal(r.group_id.data, "g", 1);
    /* Borrowed from what was read, not copied. */
    assert_ptr_equal(r.group_id.data, bytes + 2);
}

static void test_nullable_struct(void **state)
{
    struct world *w = *state;
    const struct wire_message *m = &wire_describe_topic_partitions_request;
    struct describe_topic_partitions_request r, back;
    struct describe_topic_partitions_request_cursor at;
    wire_init(m, &r);
    assert_null(r.cursor);
    assert_int_equal(wire_encode(m, 0, &r, &w->buf), 0);
    assert_memory_equal(w->buf.data, "\1\0\0\7\xd0\xff\0", 7);
    wire_struct_init(&wire_describe_topic_partitions_request_cursor, &at);
    at.topic_name = slice_str("t");
    at.partition_index = 3;
    r.cursor = &at;
    buf_reset(&w->buf);
    assert_int_equal(wire_encode(m, 0, &r, &w->buf), 0);
    assert_int_equal(decode(w, m, 0, w->buf.data, w->buf.len, &back), 0);
    assert_int_equal(back.cursor->partition_index, 3);
}

/* A message that no API has, for what no API needs yet: a struct that may be
 * null only from v1 on, a tag that went away again, defaults that are null,
 * a double. */
struct odd_inner {
    int32_t x;
};

struct odd {
    struct odd_inner *inner;
    struct slice gone;
    struct {
        int32_t *ptr;
        uint32_t n;
    } list;
    struct slice text;
    double number;
    struct uuid id;
};

static const struct wire_field odd_inner_fields[] = {
    {.name = "X", .at = 0, .type = WIRE_I32, .to = WIRE_LAST},
};
static const struct wire_struct odd_inner_shape = {odd_inner_fields, 1,
                                                   sizeof(struct odd_inner)};
static const struct wire_field odd_fields[] = {
    {.name = "Inner",
     .at = offsetof(struct odd, inner),
     .type = WIRE_STRUCT,
     .sub = &odd_inner_shape,
     .flags = WIRE_NULLABLE | WIRE_DEFAULT_NULL,
     .to = WIRE_LAST,
     .null_from = 1},
    {.name = "Gone",
     .at = offsetof(struct odd, gone),
     .type = WIRE_STRING,
     .flags = WIRE_TAGGED,
     .to = 1},
    {.name = "List",
     .at = offsetof(struct odd, list),
     .type = WIRE_I32,
     .flags = WIRE_ARRAY | WIRE_NULLABLE | WIRE_DEFAULT_NULL,
     .from = 2,
     .to = WIRE_LAST},
    {.name = "Text",
     .at = offsetof(struct odd, text),
     .type = WIRE_STRING,
     .flags = WIRE_NULLABLE | WIRE_DEFAULT_NULL,
     .from = 2,
     .to = WIRE_LAST},
    {.name = "Number",
     .at = offsetof(struct odd, number),
     .type = WIRE_F64,
     .from = 2,
     .to = WIRE_LAST},
    {.name = "Id",
     .at = offsetof(struct odd, id),
     .type = WIRE_UUID,
     .from = 2,
     .to = WIRE_LAST},
};
static const struct wire_message odd_message = {
    .name = "Odd",
    .body = {odd_fields, 6, sizeof(struct odd)},
    .version_max = 2};

static void test_odd_null_struct(void **state)
{
    struct odd o;
    assert_int_equal(DECODE(*state, &odd_message, 0, "\xff\0", &o),
                     ERR_PROTOCOL);
    assert_int_equal(DECODE(*state, &odd_message, 1, "\xff\0", &o), 0);
    assert_null(o.inner);
    struct world *w = *state;
    assert_int_equal(wire_encode(&odd_message, 0, &o, &w->buf), ERR_VERSION);
}

static void test_odd_tag_gone(void **state)
{
    struct odd o;
    static const char v1[] = "\xff\1\0\2\2a";
    static const char v2[] = "\xff\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                             "\0\0\0\0\1\0\2\2a";
    assert_int_equal(DECODE(*state, &odd_message, 1, v1, &o), 0);
    assert_int_equal(o.gone.len, 1);
    assert_int_equal(DECODE(*state, &odd_message, 2, v2, &o), 0);
    assert_int_equal(o.gone.len, 0);
}

/* Empty is a value where the default is null. */
static void test_odd_defaults(void **state)
{
    struct world *w = *state;
    struct odd o;
    int32_t none;
    wire_init(&odd_message, &o);
    assert_int_equal(wire_encode(&odd_message, 1, &o, &w->buf), 0);
    o.text = slice_str("");
    assert_int_equal(wire_encode(&odd_message, 1, &o, &w->buf), ERR_VERSION);
    wire_init(&odd_message, &o);
    o.list.ptr = &none;
    assert_int_equal(wire_encode(&odd_message, 1, &o, &w->buf), ERR_VERSION);
    wire_init(&odd_message, &o);
    o.number = 0.5;
    assert_int_equal(wire_encode(&odd_message, 1, &o, &w->buf), ERR_VERSION);
    wire_init(&odd_message, &o);
    o.id.b[15] = 1;
    assert_int_equal(wire_encode(&odd_message, 1, &o, &w->buf), ERR_VERSION);
}

static void test_odd_double(void **state)
{
    struct world *w = *state;
    struct odd o, back;
    wire_init(&odd_message, &o);
    o.number = -2.5;
    assert_int_equal(wire_encode(&odd_message, 2, &o, &w->buf), 0);
    assert_int_equal(be64_load(w->buf.data + 3), 0xc004000000000000);
    assert_int_equal(decode(w, &odd_message, 2, w->buf.data, w->buf.len, &back),
                     0);
    assert_true(back.number <= -2.5 && back.number >= -2.5);
}

static void test_too_big(void **state)
{
    struct world *w = *state;
    static char text[WIRE_STRING_MAX + 1];
    struct heartbeat_request r;
    wire_init(&wire_heartbeat_request, &r);
    r.group_id = slice_of(text, sizeof text);
    for (int v = 0; v <= 4; v++) {
        assert_int_equal(wire_encode(&wire_heartbeat_request, v, &r, &w->buf),
                         ERR_TOOBIG);
    }
    r.group_id.len--;
    assert_int_equal(wire_encode(&wire_heartbeat_request, 4, &r, &w->buf), 0);
    /* The longest string can be read, one byte more not. */
    struct heartbeat_request back;
    static const char head[] = "\x81\x80\x02";
    char *bytes = calloc(1, 40000);
    memcpy(bytes, head, 3);
    bytes[3 + WIRE_STRING_MAX + 4] = 1; /* an empty member id */
    bytes[3 + WIRE_STRING_MAX + 5] = 1;
    assert_int_equal(decode(w, &wire_heartbeat_request, 4, bytes, 40000, &back),
                     ERR_PROTOCOL);
    bytes[0] = (char)0x80;
    assert_int_equal(decode(w, &wire_heartbeat_request, 4, bytes, 40000, &back),
                     0);
    free(bytes);
    struct buf tight;
    buf_init(&tight, w->mem, 10);
    assert_int_equal(wire_encode(&wire_heartbeat_request, 4, &r, &tight),
                     ERR_TOOBIG);
    buf_close(&tight);
}

/* A Fetch response of one partition whose records lie in three places. */
static void make_fetch(struct world *w, struct fetch_response *r,
                       const struct slice parts[3])
{
    wire_init(&wire_fetch_response, r);
    r->responses.n = 1;
    r->responses.ptr =
        wire_elems_new(&w->arena, &wire_fetch_response_response, 1);
    struct fetch_response_response *t = r->responses.ptr;
    t->topic = slice_str("orders");
    t->partitions.n = 1;
    t->partitions.ptr =
        wire_elems_new(&w->arena, &wire_fetch_response_partition, 1);
    t->partitions.ptr[0].records =
        (struct wire_rope){.len = parts[0].len + parts[1].len + parts[2].len,
                           .parts = parts,
                           .n_parts = 3};
}

static void test_pieces_of_a_rope(void **state)
{
    struct world *w = *state;
    static char big[600], small[5], bigger[900];
    struct slice parts[3] = {{(uint8_t *)big, sizeof big},
                             {(uint8_t *)small, sizeof small},
                             {(uint8_t *)bigger, sizeof bigger}};
    struct wire_piece p[8];
    struct fetch_response r;
    unsigned n;
    make_fetch(w, &r, parts);
    assert_int_equal(wire_frame_response_pieces(&wire_fetch_response, 12, 7, &r,
                                                &w->buf, 512, p, 8, &n),
                     0);
    assert_int_equal(n, 5);
    assert_ptr_equal(p[1].bytes.data, big);
    assert_ptr_equal(p[3].bytes.data, bigger);
    assert_true(p[1].borrowed && p[3].borrowed && !p[2].borrowed);
    assert_int_equal(p[2].bytes.len, sizeof small);
    size_t len = 0;
    for (unsigned i = 0; i < n; i++) {
        len += p[i].bytes.len;
    }
    assert_int_equal(be32_load(w->buf.data), len - 4);
    /* Copied, it is the same; and read again it is one run of records. */
    struct buf whole;
    buf_init(&whole, w->mem, 0);
    assert_int_equal(
        wire_frame_response(&wire_fetch_response, 12, 7, &r, &whole), 0);
    assert_int_equal(whole.len, len);
    assert_memory_equal(whole.data, w->buf.data, p[0].bytes.len);
    struct fetch_response back;
    int32_t id = 0;
    cursor_init(&w->c, slice_of(whole.data + 4, whole.len - 4));
    assert_int_equal(
        wire_response_header_decode(&wire_fetch_response, 12, &w->c, &id), 0);
    assert_int_equal(id, 7);
    assert_int_equal(
        wire_decode(&wire_fetch_response, 12, &w->c, &w->arena, &back), 0);
    assert_int_equal(back.responses.ptr[0].partitions.ptr[0].records.len,
                     sizeof big + sizeof small + sizeof bigger);
    assert_int_equal(back.responses.ptr[0].partitions.ptr[0].records.n_parts,
                     0);
    buf_close(&whole);
}

static void test_pieces_run_out(void **state)
{
    struct world *w = *state;
    static char big[600];
    struct slice part = {(uint8_t *)big, sizeof big};
    struct slice parts[3] = {part, part, part};
    struct wire_piece p[4];
    struct fetch_response r;
    unsigned n;
    make_fetch(w, &r, parts);
    assert_int_equal(wire_encode_pieces(&wire_fetch_response, 12, &r, &w->buf,
                                        512, p, 4, &n),
                     0);
    /* The second is borrowed into the third place; the last is copied. */
    assert_int_equal(n, 3);
    assert_true(p[1].borrowed && !p[2].borrowed);
    assert_true(p[2].bytes.len > 2 * sizeof big);
}

/* Borrowed bytes count for the limit of a message too (they are not read). */
static void test_pieces_too_big(void **state)
{
    struct world *w = *state;
    static char byte;
    struct slice part = {(uint8_t *)&byte, 600u << 20};
    struct slice parts[3] = {part, part, part};
    struct wire_piece p[16];
    struct fetch_response r;
    unsigned n;
    make_fetch(w, &r, parts);
    assert_int_equal(wire_encode_pieces(&wire_fetch_response, 12, &r, &w->buf,
                                        512, p, 16, &n),
                     0);
    struct fetch_response_partition two[2] = {
        r.responses.ptr->partitions.ptr[0], r.responses.ptr->partitions.ptr[0]};
    r.responses.ptr->partitions.ptr = two;
    r.responses.ptr->partitions.n = 2;
    assert_int_equal(wire_encode_pieces(&wire_fetch_response, 12, &r, &w->buf,
                                        512, p, 16, &n),
                     ERR_TOOBIG);
}

#define WIRE_TEST(f) cmocka_unit_test_setup_teardown(f, world_open, world_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WIRE_TEST(test_null_where_allowed),
        WIRE_TEST(test_null_element),
        WIRE_TEST(test_null_written_empty),
        WIRE_TEST(test_counts),
        WIRE_TEST(test_counts_nested),
        WIRE_TEST(test_r29_count_limit),
        WIRE_TEST(test_tags),
        WIRE_TEST(test_bad_tags),
        WIRE_TEST(test_r29_count_in_tag),
        WIRE_TEST(test_value_without_field),
        WIRE_TEST(test_absent_field),
        WIRE_TEST(test_nullable_struct),
        WIRE_TEST(test_odd_null_struct),
        WIRE_TEST(test_odd_tag_gone),
        WIRE_TEST(test_odd_defaults),
        WIRE_TEST(test_odd_double),
        WIRE_TEST(test_too_big),
        WIRE_TEST(test_pieces_of_a_rope),
        WIRE_TEST(test_pieces_run_out),
        WIRE_TEST(test_pieces_too_big),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
