/* The tool against a cluster whose answers are odd: about nothing, about a part
 * of what was asked, changed meanwhile, with bytes that a terminal obeys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "fake.h"
#include "record/build.h"
#include "wire/api.h"
#include "wire/errors.h"
#include "wire/gen/api_versions.h"
#include "wire/gen/fetch.h"
#include "wire/gen/init_producer_id.h"
#include "wire/gen/list_offsets.h"
#include "wire/gen/metadata.h"
#include "wire/gen/produce.h"

#define PARTITIONS 3
#define TRIMMED    5 /* records of partition 0 that go away while it is read */
#define KEPT       4

static struct odd {
    bool leaderless; /* the last partition */
    bool away;       /* its leader is a node where nobody listens */
    bool trimmed;    /* partition 0 begins at TRIMMED */
    unsigned n_produced;
} odd;

/* ---- what it answers ----------------------------------------------------- */

static void versions(struct api_versions_response *r)
{
    static const struct {
        int16_t key, min, max;
    } keys[] = {
        {API_PRODUCE, 3, 9},           {API_FETCH, 4, 12},
        {API_LIST_OFFSETS, 1, 6},      {API_METADATA, 0, 9},
        {API_API_VERSIONS, 0, 3},      {API_INIT_PRODUCER_ID, 0, 4},
        {API_CREATE_PARTITIONS, 0, 3}, {API_INCREMENTAL_ALTER_CONFIGS, 0, 1}};
    r->api_keys.n = sizeof keys / sizeof *keys;
    r->api_keys.ptr = wire_elems_new(
        &fake.arena, &wire_api_versions_response_api_key, r->api_keys.n);
    for (uint32_t i = 0; i < r->api_keys.n; i++) {
        r->api_keys.ptr[i].api_key = keys[i].key;
        r->api_keys.ptr[i].min_version = keys[i].min;
        r->api_keys.ptr[i].max_version = keys[i].max;
    }
}

static void metadata(struct metadata_response *r)
{
    static int32_t nodes[] = {1};
    r->cluster_id = slice_str("\x1b[31mred");
    r->controller_id = 1;
    r->brokers.ptr =
        wire_elems_new(&fake.arena, &wire_metadata_response_broker, 2);
    r->brokers.n = odd.away ? 2 : 1;
    for (int32_t i = 0; i < 2; i++) {
        r->brokers.ptr[i].node_id = i + 1;
        r->brokers.ptr[i].host = slice_str("127.0.0.1");
        r->brokers.ptr[i].port = i == 0 ? (int32_t)fake.port : 1;
    }
    r->topics.ptr =
        wire_elems_new(&fake.arena, &wire_metadata_response_topic, 1);
    r->topics.n = 1;
    struct metadata_response_topic *t = r->topics.ptr;
    t->name = slice_str("t");
    t->partitions.n = PARTITIONS;
    t->partitions.ptr = wire_elems_new(
        &fake.arena, &wire_metadata_response_partition, PARTITIONS);
    for (int32_t i = 0; i < PARTITIONS; i++) {
        struct metadata_response_partition *p = &t->partitions.ptr[i];
        p->partition_index = i;
        p->leader_id = i < PARTITIONS - 1 ? 1
                       : odd.leaderless   ? -1
                       : odd.away         ? 2
                                          : 1;
        p->replica_nodes.ptr = p->isr_nodes.ptr = nodes;
        p->replica_nodes.n = p->isr_nodes.n = 1;
    }
}

static void list_offsets(const struct list_offsets_request *q,
                         struct list_offsets_response *r)
{
    const struct list_offsets_request_partition *p =
        &q->topics.ptr[0].partitions.ptr[0];
    int64_t end = p->partition_index == 0 ? TRIMMED + KEPT : 1;
    int64_t start = p->partition_index == 0 && odd.trimmed ? TRIMMED : 0;
    r->topics.ptr =
        wire_elems_new(&fake.arena, &wire_list_offsets_response_topic, 1);
    r->topics.n = 1;
    r->topics.ptr[0].name = slice_str("t");
    r->topics.ptr[0].partitions.ptr =
        wire_elems_new(&fake.arena, &wire_list_offsets_response_partition, 1);
    r->topics.ptr[0].partitions.n = 1;
    r->topics.ptr[0].partitions.ptr[0].partition_index = p->partition_index;
    r->topics.ptr[0].partitions.ptr[0].offset =
        p->timestamp == -2 ? start : end;
}

/* A batch of `n` records, the value of all of them. */
static struct slice batch(int64_t base, unsigned n, const char *value)
{
    struct build_options o = BUILD_OPTIONS_DEFAULT;
    struct build_record record = {
        .timestamp = 1, .key_null = true, .value = slice_str(value)};
    struct build b;
    struct buf out;
    o.base_offset = base;
    build_init(&b, fake.mem, &o);
    buf_init(&out, fake.mem, 0);
    for (unsigned i = 0; i < n; i++) {
        (void)build_append(&b, &record);
    }
    (void)build_finish(&b, &out);
    uint8_t *copy = arena_alloc(&fake.arena, out.len);
    memcpy(copy, out.data, out.len);
    struct slice s = slice_of(copy, out.len);
    buf_close(&out);
    build_close(&b);
    return s;
}

/* Retention takes the beginning of partition 0 away just before it is read. */
static void fetch_one(const struct fetch_request_partition *q,
                      struct fetch_response_partition *r)
{
    static const char *const values[] = {"late", "one", "two"};
    struct slice s;
    r->partition_index = q->partition;
    if (q->partition == 0 && q->fetch_offset < TRIMMED) {
        odd.trimmed = true;
        r->error_code = KERR_OFFSET_OUT_OF_RANGE;
        return;
    }
    s = q->partition == 0 ? batch(TRIMMED, KEPT, values[0])
                          : batch(0, 1, values[q->partition]);
    r->records = (struct wire_rope){.data = s.data, .len = s.len};
}

static void fetch(const struct fetch_request *q, struct fetch_response *r)
{
    const struct fetch_request_topic *t = q->topics.ptr;
    r->responses.ptr =
        wire_elems_new(&fake.arena, &wire_fetch_response_response, 1);
    r->responses.n = 1;
    r->responses.ptr[0].topic = slice_str("t");
    r->responses.ptr[0].partitions.n = t->partitions.n;
    r->responses.ptr[0].partitions.ptr = wire_elems_new(
        &fake.arena, &wire_fetch_response_partition, t->partitions.n);
    for (uint32_t i = 0; i < t->partitions.n; i++) {
        fetch_one(&t->partitions.ptr[i],
                  &r->responses.ptr[0].partitions.ptr[i]);
    }
}

static void produce(const struct produce_request *q, struct produce_response *r)
{
    const struct produce_request_topic_data *t = q->topic_data.ptr;
    odd.n_produced++;
    r->responses.ptr =
        wire_elems_new(&fake.arena, &wire_produce_response_response, 1);
    r->responses.n = 1;
    r->responses.ptr[0].name = slice_str("t");
    r->responses.ptr[0].partition_responses.n = t->partition_data.n;
    r->responses.ptr[0].partition_responses.ptr =
        wire_elems_new(&fake.arena, &wire_produce_response_partition_response,
                       t->partition_data.n);
    for (uint32_t i = 0; i < t->partition_data.n; i++) {
        r->responses.ptr[0].partition_responses.ptr[i].index =
            t->partition_data.ptr[i].index;
    }
}

static bool answer(int key, const void *q, void *r)
{
    switch (key) {
    case API_API_VERSIONS:
        versions(r);
        return true;
    case API_METADATA:
        metadata(r);
        return true;
    case API_LIST_OFFSETS:
        list_offsets(q, r);
        return true;
    case API_FETCH:
        fetch(q, r);
        return true;
    case API_PRODUCE:
        produce(q, r);
        return true;
    case API_INIT_PRODUCER_ID:
        ((struct init_producer_id_response *)r)->producer_id = 7;
        return true;
    case API_CREATE_PARTITIONS:
    case API_INCREMENTAL_ALTER_CONFIGS:
        return true; /* about no topic at all */
    default:
        return false;
    }
}

static int set_up(void **state)
{
    (void)state;
    odd = (struct odd){.n_produced = 0};
    fake_open(answer);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fake_close();
    return 0;
}

#define RUN(...) fake_run((const char *const[]){__VA_ARGS__, NULL})

/* ---- stories ------------------------------------------------------------- */

/* Nobody said that it was done. */
static void about_nothing(void **state)
{
    (void)state;
    assert_int_equal(RUN("topic", "alter", "t", "--set", "a=b"), EXIT_UNKNOWN);
    fake_says("answered about 0 topics instead of one");
    assert_int_equal(RUN("topic", "add-partitions", "t", "--to", "9"),
                     EXIT_UNKNOWN);
    fake_says("answered about 0 topics instead of one");
}

/* An answer that nobody can read is none: it may have been done. */
static void unreadable(void **state)
{
    (void)state;
    fake.cut = API_CREATE_PARTITIONS;
    assert_int_equal(RUN("topic", "add-partitions", "t", "--to", "9"),
                     EXIT_UNKNOWN);
    fake_says("it may have been applied");
    fake.cut = API_METADATA;
    assert_int_equal(RUN("topic", "list"), EXIT_FAILED);
}

/* A question changes nothing, also if a command that writes asks it. */
static void asked_only(void **state)
{
    (void)state;
    fake.deaf = API_METADATA;
    assert_int_equal(RUN("produce", "t"), EXIT_UNREACHABLE);
    assert_null(strstr(fake_said, "applied"));
    fake.deaf = API_CREATE_PARTITIONS;
    assert_int_equal(RUN("topic", "add-partitions", "t", "--to", "9"),
                     EXIT_UNKNOWN);
}

/* Where the log begins is asked in the middle of an answer, of which the rest
 * is read all the same. */
static void trimmed_meanwhile(void **state)
{
    unsigned late = 0;
    (void)state;
    assert_int_equal(RUN("consume", "t", "--replica", "1"), EXIT_DONE);
    fake_says("partition 0: offsets 0 to 4 are no longer there");
    fake_says("one\n");
    fake_says("two\n");
    for (const char *p = fake_said; (p = strstr(p, "late\n")) != NULL; p++) {
        late++;
    }
    assert_int_equal(late, KEPT);
}

/* Two of three partitions take records: that is not what was waited for. */
static void one_never_takes(void **state)
{
    (void)state;
    odd.leaderless = true;
    assert_int_equal(RUN("bench", "wait", "--topic", "t", "--seconds", "0.5"),
                     EXIT_UNHEALTHY);
    fake_says("not every partition took one");
    assert_true(odd.n_produced > 0);
    odd.leaderless = false;
    assert_int_equal(RUN("bench", "wait", "--topic", "t"), EXIT_DONE);
    assert_int_equal(RUN("bench", "wait", "--topic", "t", "--seconds", "0"),
                     EXIT_UNKNOWN);
    fake_says("nothing was acknowledged");
}

/* The leader that metadata names is gone: that is said in time. */
static void leader_away(void **state)
{
    (void)state;
    odd.away = true;
    assert_int_equal(RUN("consume", "t", "--timeout", "600"), EXIT_UNREACHABLE);
    fake_says("partition 2: ");
    assert_int_equal(
        RUN("bench", "consume", "--topic", "t", "--timeout", "600"),
        EXIT_UNREACHABLE);
    fake_says("partition 2: ");
}

/* A time beyond all numbers is no time. */
static void for_ever(void **state)
{
    (void)state;
    assert_int_equal(RUN("bench", "wait", "--topic", "t", "--seconds", "1e300"),
                     EXIT_USAGE);
    fake_says("not a number from 0 to 1e+09");
    assert_int_equal(odd.n_produced, 0);
}

/* A terminal is not to obey what a cluster calls itself. */
static void colours(void **state)
{
    (void)state;
    (void)RUN("cluster", "status");
    fake_says("CLUSTER           ?[31mred\n");
    assert_null(strchr(fake_said, 0x1b));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(about_nothing),     TEST(unreadable),      TEST(asked_only),
        TEST(trimmed_meanwhile), TEST(one_never_takes), TEST(for_ever),
        TEST(colours),           TEST(leader_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
