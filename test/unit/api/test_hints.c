/* A client that asks the wrong node is told the leader beside the error, with
 * its address where the version has room for that (KIP-951). */
#include <string.h>

#include "fake_records.h"
#include "wire/gen/fetch.h"
#include "wire/gen/produce.h"

#define N 3

/* Partition 0 is here; 1 and 2 are led by node 2. */
static struct produce_response *produce(int version)
{
    struct produce_request in;
    struct produce_request_topic_data topic = {0};
    struct produce_request_partition_data parts[N] = {{0}};
    wire_init(&wire_produce_request, &in);
    for (int i = 1; i < N; i++) {
        parts[i].index = i;
        parts[i].records = slice_str("records");
    }
    in.acks = -1;
    in.timeout_ms = 1000;
    topic.name = slice_str("t");
    topic.partition_data.ptr = parts + 1;
    topic.partition_data.n = N - 1;
    in.topic_data.ptr = &topic;
    in.topic_data.n = 1;
    return fake_run(&wire_produce_request, version, &in);
}

static void test_produce(void **state)
{
    (void)state;
    fake_topic("t", N);
    for (int v = 3; v <= 11; v++) {
        struct produce_response *out = produce(v);
        assert_non_null(out);
        assert_int_equal(out->node_endpoints.n, v >= 10 ? 1 : 0);
        for (unsigned i = 0; i < N - 1; i++) {
            struct produce_response_partition_response *p =
                &out->responses.ptr[0].partition_responses.ptr[i];
            assert_int_equal(p->error_code, KERR_NOT_LEADER_OR_FOLLOWER);
            assert_int_equal(p->current_leader.leader_id, v >= 10 ? 2 : -1);
            assert_int_equal(p->current_leader.leader_epoch, v >= 10 ? 5 : -1);
        }
        if (v >= 10) {
            assert_int_equal(out->node_endpoints.ptr[0].node_id, 2);
            assert_int_equal(out->node_endpoints.ptr[0].port, 9092);
            assert_true(slice_equal(out->node_endpoints.ptr[0].host,
                                    slice_str("host2")));
        }
    }
}

static void replace_node(void)
{
    memset(fake.nodes[1].client_host, 'x', 7);
    fake_records.hold[0] = false;
}

/* What is known of nodes is replaced while an answer waits for the partition
 * that is here. */
static void test_replaced(void **state)
{
    struct produce_request in;
    struct produce_request_topic_data topic = {0};
    struct produce_request_partition_data parts[2] = {{0}};
    struct build_options o = BUILD_OPTIONS_DEFAULT;
    struct produce_response *out;
    (void)state;
    fake_topic("t", N);
    wire_init(&wire_produce_request, &in);
    parts[0].records = fake_batch(&o, 1, 10);
    parts[1].index = 1;
    parts[1].records = slice_str("records");
    in.acks = -1;
    in.timeout_ms = 1000;
    topic.name = slice_str("t");
    topic.partition_data.ptr = parts;
    topic.partition_data.n = 2;
    in.topic_data.ptr = &topic;
    in.topic_data.n = 1;
    fake_records.hold[0] = true;
    fake_records.parked = replace_node;
    out = fake_run(&wire_produce_request, 11, &in);
    assert_non_null(out);
    assert_int_equal(fake_records.n_produced, 1);
    assert_int_equal(
        out->responses.ptr[0].partition_responses.ptr[0].error_code, 0);
    assert_int_equal(out->node_endpoints.n, 1);
    assert_text(out->node_endpoints.ptr[0].host, "host2");
}

/* Of partitions `first` and above, by a client that knows `epoch`. */
static struct fetch_response *fetch_from(int version, struct uuid id, int first,
                                         int32_t epoch, int32_t replica)
{
    struct fetch_request in;
    struct fetch_request_topic topic = {0};
    struct fetch_request_partition parts[N] = {{0}};
    wire_init(&wire_fetch_request, &in);
    for (int i = first; i < N; i++) {
        parts[i].current_leader_epoch = epoch;
        parts[i].last_fetched_epoch = -1;
        parts[i].log_start_offset = -1;
        parts[i].high_watermark = INT64_MAX;
        parts[i].partition = i;
        parts[i].partition_max_bytes = 1000;
    }
    if (version >= 15) {
        in.replica_state.replica_id = replica;
    } else {
        in.replica_id = replica;
    }
    in.max_wait_ms = 1000;
    in.min_bytes = 1;
    in.max_bytes = 1000;
    in.session_epoch = -1;
    topic.topic = slice_str("t");
    topic.topic_id = id;
    if (version >= 13) {
        topic.topic = slice_of(NULL, 0);
    } else {
        topic.topic_id = (struct uuid){{0}};
    }
    topic.partitions.ptr = parts + first;
    topic.partitions.n = (uint32_t)(N - first);
    in.topics.ptr = &topic;
    in.topics.n = 1;
    return fake_run(&wire_fetch_request, version, &in);
}

static struct fetch_response *fetch(int version, struct uuid id)
{
    return fetch_from(version, id, 1, -1, -1);
}

static void test_fetch(void **state)
{
    const struct image_topic *t = fake_topic("t", N);
    (void)state;
    for (int v = 4; v <= 17; v++) {
        struct fetch_response *out = fetch(v, t->id);
        assert_non_null(out);
        assert_int_equal(out->node_endpoints.n, v >= 16 ? 1 : 0);
        for (unsigned i = 0; i < N - 1; i++) {
            struct fetch_response_partition *p =
                &out->responses.ptr[0].partitions.ptr[i];
            assert_int_equal(p->error_code, KERR_NOT_LEADER_OR_FOLLOWER);
            assert_int_equal(p->current_leader.leader_id, v >= 12 ? 2 : -1);
        }
        if (v >= 16) {
            assert_int_equal(out->node_endpoints.ptr[0].node_id, 2);
            assert_int_equal(out->node_endpoints.ptr[0].port, 9092);
        }
    }
}

/* The first partition is refused for its epoch; who leads it now? */
static void expect_fenced(int version, struct uuid id, int32_t replica,
                          int32_t node)
{
    struct fetch_response *out = fetch_from(version, id, 0, 3, replica);
    struct fetch_response_partition *p;
    bool endpoint = false;
    assert_non_null(out);
    p = &out->responses.ptr[0].partitions.ptr[0];
    assert_int_equal(p->error_code, KERR_FENCED_LEADER_EPOCH);
    assert_int_equal(p->current_leader.leader_id, version >= 12 ? node : -1);
    assert_int_equal(p->current_leader.leader_epoch, version >= 12 ? 5 : -1);
    for (uint32_t i = 0; i < out->node_endpoints.n; i++) {
        if (out->node_endpoints.ptr[i].node_id == node) {
            endpoint = true;
            assert_int_equal(out->node_endpoints.ptr[i].port, 9090 + node);
        }
    }
    assert_int_equal(endpoint, version >= 16);
}

/* A client with an old epoch is told the new one, by the leader itself too. */
static void test_fenced(void **state)
{
    const struct image_topic *t = fake_topic("t", N);
    (void)state;
    for (int v = 9; v <= 17; v++) {
        expect_fenced(v, t->id, -1, 1);
    }
    /* A replica that any client may read, and that does not lead. */
    fake_partition("t")->leads = false;
    fake.leaders[0].node = 3;
    for (int v = 9; v <= 17; v++) {
        expect_fenced(v, t->id, -2, 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_produce, fake_records_open,
                                        fake_records_close),
        cmocka_unit_test_setup_teardown(test_replaced, fake_records_open,
                                        fake_records_close),
        cmocka_unit_test_setup_teardown(test_fetch, fake_records_open,
                                        fake_records_close),
        cmocka_unit_test_setup_teardown(test_fenced, fake_records_open,
                                        fake_records_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
