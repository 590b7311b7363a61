/* Families that only look: Metadata, DescribeCluster, DescribeTopicPartitions,
 * ListOffsets, OffsetForLeaderEpoch, DescribeConfigs, OstrakaDescribe. */
#include <stdio.h>

#include "fake.h"

#include "wire/gen/describe_cluster.h"
#include "wire/gen/describe_configs.h"
#include "wire/gen/describe_topic_partitions.h"
#include "wire/gen/list_offsets.h"
#include "wire/gen/metadata.h"
#include "wire/gen/offset_for_leader_epoch.h"
#include "wire/gen/ostraka_describe.h"

/* ---- Metadata ----------------------------------------------------------- */

static struct metadata_response *metadata_all(int version)
{
    struct metadata_request in;
    wire_init(&wire_metadata_request, &in);
    in.topics.ptr = NULL; /* v0 writes it empty: all as well */
    return fake_run(&wire_metadata_request, version, &in);
}

static struct metadata_response *metadata_of(int version, const char *name,
                                             struct uuid id, bool create)
{
    struct metadata_request in;
    struct metadata_request_topic t;
    wire_init(&wire_metadata_request, &in);
    wire_struct_init(&wire_metadata_request_topic, &t);
    t.name = name != NULL ? slice_str(name) : slice_of(NULL, 0);
    t.topic_id = id;
    in.topics.ptr = &t;
    in.topics.n = 1;
    in.allow_auto_topic_creation = create;
    return fake_run(&wire_metadata_request, version, &in);
}

static int16_t metadata_error(int version, const char *name, bool create)
{
    struct metadata_response *out =
        metadata_of(version, name, uuid_zero, create);
    assert_int_equal(out->topics.n, 1);
    return out->topics.ptr[0].error_code;
}

static void test_metadata_versions(void **state)
{
    (void)state;
    fake_topic("a", 2);
    fake_topic("b", 1);
    fake.down = 3;
    for (int v = 0; v <= 13; v++) {
        struct metadata_response *out = metadata_all(v);
        struct metadata_response_partition *p;
        assert_int_equal(out->brokers.n, 3);
        assert_text(out->brokers.ptr[2].host, "host3");
        assert_int_equal(out->topics.n, 2);
        assert_text(out->topics.ptr[0].name, "a");
        p = &out->topics.ptr[0].partitions.ptr[1];
        assert_int_equal(p->error_code, 0);
        assert_int_equal(p->leader_id, 2);
        assert_int_equal(p->replica_nodes.n, 3);
        assert_int_equal(p->isr_nodes.n, 2);
        assert_int_equal(p->leader_epoch, v >= 7 ? 5 : -1);
        assert_int_equal(p->offline_replicas.n, v >= 5 ? 1 : 0);
        assert_int_equal(out->controller_id, v >= 1 ? 2 : -1);
        assert_int_equal(uuid_is_zero(out->topics.ptr[0].topic_id), v < 10);
        assert_int_equal(out->cluster_id.len, v >= 2 ? UUID_TEXT_LEN : 0);
    }
}

static void test_metadata_none(void **state)
{
    struct metadata_request in;
    struct metadata_response *out;
    (void)state;
    fake_topic("a", 1);
    wire_init(&wire_metadata_request, &in);
    in.topics.ptr = (void *)&in; /* empty, not null */
    out = fake_run(&wire_metadata_request, 1, &in);
    assert_int_equal(out->topics.n, 0);
    out = fake_run(&wire_metadata_request, 0, &in);
    assert_int_equal(out->topics.n, 1);
}

static void test_metadata_missing(void **state)
{
    (void)state;
    assert_int_equal(metadata_error(9, "nope", false),
                     KERR_UNKNOWN_TOPIC_OR_PARTITION);
    assert_int_equal(fake.n_commands, 0);
    assert_int_equal(metadata_error(9, "no/pe", true),
                     KERR_INVALID_TOPIC_EXCEPTION);
    assert_int_equal(metadata_error(9, "..", true),
                     KERR_INVALID_TOPIC_EXCEPTION);
    assert_int_equal(fake.n_commands, 0);
    fake_set("auto.create.topics.enable", "false");
    assert_int_equal(metadata_error(9, "nope", true),
                     KERR_UNKNOWN_TOPIC_OR_PARTITION);
    assert_int_equal(fake.n_commands, 0);
}

static void test_metadata_creates(void **state)
{
    (void)state;
    assert_int_equal(metadata_error(9, "fresh", true),
                     KERR_LEADER_NOT_AVAILABLE);
    assert_int_equal(metadata_error(1, "older", true), /* cannot say no */
                     KERR_LEADER_NOT_AVAILABLE);
    assert_int_equal(fake.n_commands, 2);
    assert_string_equal(fake.commands[0].name, "fresh");
    assert_int_equal(fake.commands[0].create.partitions, 4);
    assert_int_equal(fake.commands[0].create.replication, 1);
    assert_false(uuid_is_zero(fake.commands[0].create.id));
}

static void test_metadata_by_id(void **state)
{
    struct image_topic *t = fake_topic("a", 1);
    struct metadata_response *out;
    (void)state;
    out = metadata_of(12, NULL, t->id, false);
    assert_int_equal(out->topics.ptr[0].error_code, 0);
    assert_text(out->topics.ptr[0].name, "a");
    out = metadata_of(12, NULL, (struct uuid){{9}}, true);
    assert_int_equal(out->topics.ptr[0].error_code, KERR_UNKNOWN_TOPIC_ID);
    assert_null(out->topics.ptr[0].name.data);
    assert_int_equal(fake.n_commands, 0);
    out = metadata_of(11, NULL, t->id, false); /* not before version 12 */
    assert_int_equal(out->topics.ptr[0].error_code, KERR_INVALID_REQUEST);
}

static void test_metadata_leaderless(void **state)
{
    struct metadata_response_partition *p;
    (void)state;
    fake_topic("a", 1);
    fake.leaders[0].node = -1;
    p = metadata_all(9)->topics.ptr[0].partitions.ptr;
    assert_int_equal(p->error_code, KERR_LEADER_NOT_AVAILABLE);
    assert_int_equal(p->leader_id, -1);
    assert_int_equal(p->replica_nodes.n, 3);
    assert_int_equal(p->leader_epoch, 5); /* it never goes back */
    fake.n_leaders = 0;
    p = metadata_all(9)->topics.ptr[0].partitions.ptr;
    assert_int_equal(p->error_code, KERR_LEADER_NOT_AVAILABLE);
    assert_int_equal(p->leader_epoch, -1);
}

/* A leader that told no address is not named: clients would drop it. */
static void test_metadata_unlisted(void **state)
{
    (void)state;
    fake_topic("a", 1);
    fake.nodes[0].client_host[0] = '\0';
    assert_int_equal(metadata_all(5)->topics.ptr[0].partitions.ptr->error_code,
                     KERR_LEADER_NOT_AVAILABLE);
    assert_int_equal(metadata_all(6)->topics.ptr[0].partitions.ptr->error_code,
                     KERR_LISTENER_NOT_FOUND);
    assert_int_equal(metadata_all(6)->topics.ptr[0].partitions.ptr->leader_id,
                     -1);
    assert_int_equal(metadata_all(6)->brokers.n, 2);
}

static void test_metadata_not_serving(void **state)
{
    struct metadata_response *out;
    (void)state;
    fake.serves = false;
    assert_int_equal(metadata_error(9, "nope", true),
                     KERR_LEADER_NOT_AVAILABLE);
    assert_int_equal(metadata_error(9, "nope", false),
                     KERR_LEADER_NOT_AVAILABLE);
    assert_int_equal(fake.n_commands, 0);
    out = metadata_of(12, NULL, (struct uuid){{9}}, false);
    assert_int_equal(out->topics.ptr[0].error_code, KERR_LEADER_NOT_AVAILABLE);
    assert_null(metadata_all(9));
    assert_true(fake.closed);
}

/* What the protocol's table of operations gives: those of a topic, and those
 * of the cluster. */
#define TOPIC_OPERATIONS   0xdf8
#define CLUSTER_OPERATIONS 0x1fa0

static void expect_operations(int version, bool topic, bool cluster)
{
    struct metadata_request in;
    struct metadata_request_topic asked[2];
    struct metadata_response *out;
    int32_t of_topic = topic ? TOPIC_OPERATIONS : INT32_MIN;
    wire_init(&wire_metadata_request, &in);
    in.include_topic_authorized_operations = topic;
    in.include_cluster_authorized_operations = cluster;
    in.allow_auto_topic_creation = false;
    for (int i = 0; i < 2; i++) {
        wire_struct_init(&wire_metadata_request_topic, &asked[i]);
        asked[i].name = slice_str(i == 0 ? "a" : "absent");
    }
    in.topics.ptr = asked;
    in.topics.n = 2;
    out = fake_run(&wire_metadata_request, version, &in);
    assert_int_equal(out->topics.n, 2);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(out->topics.ptr[i].topic_authorized_operations,
                         of_topic);
    }
    assert_int_equal(out->cluster_authorized_operations,
                     cluster ? CLUSTER_OPERATIONS : INT32_MIN);
    in.topics.ptr = NULL; /* all */
    in.topics.n = 0;
    out = fake_run(&wire_metadata_request, version, &in);
    assert_int_equal(out->topics.n, 1);
    assert_int_equal(out->topics.ptr[0].topic_authorized_operations, of_topic);
}

static void test_metadata_operations(void **state)
{
    (void)state;
    fake_topic("a", 1);
    for (int v = 8; v <= 13; v++) {
        expect_operations(v, false, false);
        expect_operations(v, true, false);
        if (v <= 10) { /* later ones ask DescribeCluster */
            expect_operations(v, false, true);
            expect_operations(v, true, true);
        }
    }
    assert_int_equal(metadata_all(7)->topics.ptr[0].topic_authorized_operations,
                     INT32_MIN);
}

/* An id that nobody has could be anything. */
static void test_metadata_operations_by_id(void **state)
{
    struct metadata_request in;
    struct metadata_request_topic asked[2];
    struct metadata_response *out;
    (void)state;
    wire_init(&wire_metadata_request, &in);
    in.include_topic_authorized_operations = true;
    for (int i = 0; i < 2; i++) {
        wire_struct_init(&wire_metadata_request_topic, &asked[i]);
        asked[i].name = slice_of(NULL, 0);
    }
    asked[0].topic_id = fake_topic("a", 1)->id;
    asked[1].topic_id = (struct uuid){{0xee}};
    in.topics.ptr = asked;
    in.topics.n = 2;
    out = fake_run(&wire_metadata_request, 12, &in);
    assert_int_equal(out->topics.ptr[0].topic_authorized_operations,
                     TOPIC_OPERATIONS);
    assert_int_equal(out->topics.ptr[1].error_code, KERR_UNKNOWN_TOPIC_ID);
    assert_int_equal(out->topics.ptr[1].topic_authorized_operations, INT32_MIN);
}

/* ---- DescribeCluster, DescribeTopicPartitions --------------------------- */

static void test_describe_cluster(void **state)
{
    struct describe_cluster_request in;
    struct describe_cluster_response *out;
    (void)state;
    for (int v = 0; v <= 1; v++) {
        wire_init(&wire_describe_cluster_request, &in);
        out = fake_run(&wire_describe_cluster_request, v, &in);
        assert_int_equal(out->error_code, 0);
        assert_int_equal(out->brokers.n, 3);
        assert_text(out->brokers.ptr[0].rack, "r1");
        assert_null(out->brokers.ptr[1].rack.data);
        assert_int_equal(out->cluster_authorized_operations, INT32_MIN);
        in.include_cluster_authorized_operations = true;
        out = fake_run(&wire_describe_cluster_request, v, &in);
        assert_int_equal(out->cluster_authorized_operations,
                         CLUSTER_OPERATIONS);
    }
    in.endpoint_type = 2;
    out = fake_run(&wire_describe_cluster_request, 1, &in);
    assert_int_equal(out->error_code, KERR_MISMATCHED_ENDPOINT_TYPE);
}

static void test_paging(void **state)
{
    struct describe_topic_partitions_request in;
    struct describe_topic_partitions_request_cursor at;
    struct describe_topic_partitions_response *out;
    char trace[200] = "";
    (void)state;
    fake_topic("a", 3);
    fake_topic("b", 1);
    fake_topic("c", 2);
    fake_topic("d", 1);
    wire_init(&wire_describe_topic_partitions_request, &in);
    in.response_partition_limit = 2;
    for (int page = 0; page < 9; page++) {
        out = fake_run(&wire_describe_topic_partitions_request, 0, &in);
        for (uint32_t i = 0; i < out->topics.n; i++) {
            /* Always told: nobody is asked whether that is wished. */
            assert_int_equal(out->topics.ptr[i].topic_authorized_operations,
                             TOPIC_OPERATIONS);
            for (uint32_t k = 0; k < out->topics.ptr[i].partitions.n; k++) {
                assert_non_null(out->topics.ptr[i]
                                    .partitions.ptr[k]
                                    .eligible_leader_replicas.ptr);
                assert_non_null(
                    out->topics.ptr[i].partitions.ptr[k].last_known_elr.ptr);
                size_t len = strlen(trace);
                /* The Java client takes null for a broken answer. */
                assert_non_null(out->topics.ptr[i]
                                    .partitions.ptr[k]
                                    .eligible_leader_replicas.ptr);
                assert_non_null(
                    out->topics.ptr[i].partitions.ptr[k].last_known_elr.ptr);
                snprintf(trace + len, sizeof trace - len, "%c%d ",
                         out->topics.ptr[i].name.data[0],
                         out->topics.ptr[i].partitions.ptr[k].partition_index);
            }
        }
        strcat(trace, "| ");
        if (out->next_cursor == NULL) {
            break;
        }
        static char name[8];
        snprintf(name, sizeof name, "%.*s",
                 (int)out->next_cursor->topic_name.len,
                 (const char *)out->next_cursor->topic_name.data);
        at.topic_name = slice_str(name);
        at.partition_index = out->next_cursor->partition_index;
        in.cursor = &at;
    }
    assert_string_equal(trace, "a0 a1 | a2 b0 | c0 c1 | d0 | ");
    at.partition_index = -3;
    assert_null(fake_run(&wire_describe_topic_partitions_request, 0, &in));
}

/* ---- ListOffsets -------------------------------------------------------- */

static struct list_offsets_response_partition
list_offset(int version, int32_t partition, int32_t epoch, int64_t timestamp,
            int32_t replica)
{
    struct list_offsets_request in;
    struct list_offsets_request_topic t;
    struct list_offsets_request_partition p;
    struct list_offsets_response *out;
    wire_init(&wire_list_offsets_request, &in);
    wire_struct_init(&wire_list_offsets_request_topic, &t);
    wire_struct_init(&wire_list_offsets_request_partition, &p);
    in.replica_id = replica;
    t.name = slice_str("a");
    p.partition_index = partition;
    p.current_leader_epoch = epoch;
    p.timestamp = timestamp;
    t.partitions.ptr = &p;
    t.partitions.n = 1;
    in.topics.ptr = &t;
    in.topics.n = 1;
    out = fake_run(&wire_list_offsets_request, version, &in);
    assert_int_equal(out->topics.n, 1);
    assert_int_equal(out->topics.ptr[0].partitions.n, 1);
    return out->topics.ptr[0].partitions.ptr[0];
}

static void expect_offset(int version, int64_t timestamp, int16_t error,
                          int64_t offset, int64_t found, int32_t epoch)
{
    struct list_offsets_response_partition p =
        list_offset(version, 0, -1, timestamp, -1);
    assert_int_equal(p.error_code, error);
    assert_int_equal(p.offset, offset);
    assert_int_equal(p.timestamp, found);
    assert_int_equal(p.leader_epoch, version >= 4 ? epoch : -1);
}

static void test_offsets(void **state)
{
    (void)state;
    fake_topic("a", 2);
    for (int v = 1; v <= 10; v++) {
        int16_t old = KERR_UNSUPPORTED_VERSION;
        expect_offset(v, -1, 0, 100, -1, 5);
        expect_offset(v, -2, 0, 10, -1, 4);
        expect_offset(v, 1050, 0, 50, 1050, 5);
        expect_offset(v, 5000, 0, -1, -1, -1);
        expect_offset(v, -3, v < 7 ? old : 0, v < 7 ? -1 : 99,
                      v < 7 ? -1 : 1099, v < 7 ? -1 : 5);
        expect_offset(v, -4, v < 8 ? old : 0, v < 8 ? -1 : 10, -1,
                      v < 8 ? -1 : 4);
        expect_offset(v, -5, v < 9 ? old : 0, -1, -1, -1);
        expect_offset(v, -6, old, -1, -1, -1);
        expect_offset(v, -7, old, -1, -1, -1);
    }
}

static void test_offsets_barrier(void **state)
{
    struct partition *p;
    (void)state;
    fake_topic("a", 1);
    p = fake_partition("a");
    expect_offset(5, -2, 0, 10, -1, 4);
    assert_int_equal(p->barriers, 0);
    expect_offset(5, -1, 0, 100, -1, 5);
    expect_offset(5, 1050, 0, 50, 1050, 5);
    assert_int_equal(p->barriers, 2);
    p->barrier_status = ERR_TIMEOUT;
    expect_offset(5, -1, KERR_OFFSET_NOT_AVAILABLE, -1, -1, -1);
    expect_offset(4, -1, KERR_LEADER_NOT_AVAILABLE, -1, -1, -1);
    p->barrier_status = ERR_NOTLEADER;
    expect_offset(5, 1050, KERR_NOT_LEADER_OR_FOLLOWER, -1, -1, -1);
    p->ready = false;
    expect_offset(5, -1, KERR_OFFSET_NOT_AVAILABLE, -1, -1, -1);
    /* Nor does it know yet what was deleted before its time. */
    expect_offset(5, -2, KERR_OFFSET_NOT_AVAILABLE, -1, -1, -1);
    expect_offset(4, -2, KERR_LEADER_NOT_AVAILABLE, -1, -1, -1);
    expect_offset(8, -4, KERR_OFFSET_NOT_AVAILABLE, -1, -1, -1);
}

static void test_offsets_refused(void **state)
{
    struct partition *p;
    (void)state;
    fake_topic("a", 2);
    p = fake_partition("a");
    assert_int_equal(list_offset(5, 0, 4, -1, -1).error_code,
                     KERR_FENCED_LEADER_EPOCH);
    assert_int_equal(list_offset(5, 0, 6, -1, -1).error_code,
                     KERR_UNKNOWN_LEADER_EPOCH);
    assert_int_equal(list_offset(5, 0, 5, -1, -1).error_code, 0);
    assert_int_equal(list_offset(5, 1, -1, -1, -1).error_code,
                     KERR_NOT_LEADER_OR_FOLLOWER);
    assert_int_equal(list_offset(5, 2, -1, -1, -1).error_code,
                     KERR_UNKNOWN_TOPIC_OR_PARTITION);
    assert_int_equal(list_offset(5, -1, -1, -1, -1).error_code,
                     KERR_UNKNOWN_TOPIC_OR_PARTITION);
    p->leads = false;
    assert_int_equal(list_offset(5, 0, -1, -1, -1).error_code,
                     KERR_NOT_LEADER_OR_FOLLOWER);
    assert_int_equal(list_offset(5, 0, -1, -1, -2).error_code, 0);
    assert_int_equal(list_offset(5, 0, -1, -1, -2).offset, 100);
}

static void test_offsets_repeated(void **state)
{
    struct list_offsets_request in;
    struct list_offsets_request_topic t[2];
    struct list_offsets_request_partition p[2];
    struct list_offsets_response *out;
    (void)state;
    fake_topic("a", 2);
    wire_init(&wire_list_offsets_request, &in);
    for (int i = 0; i < 2; i++) {
        wire_struct_init(&wire_list_offsets_request_topic, &t[i]);
        wire_struct_init(&wire_list_offsets_request_partition, &p[i]);
        p[i].timestamp = -1;
        p[i].partition_index = i;
        t[i].name = slice_str("a");
        t[i].partitions.ptr = p;
        t[i].partitions.n = (uint32_t)(2 - i);
    }
    in.replica_id = -1;
    in.topics.ptr = t;
    in.topics.n = 2;
    out = fake_run(&wire_list_offsets_request, 7, &in);
    assert_int_equal(out->topics.ptr[0].partitions.ptr[0].error_code,
                     KERR_INVALID_REQUEST);
    assert_int_equal(out->topics.ptr[0].partitions.ptr[1].error_code,
                     KERR_NOT_LEADER_OR_FOLLOWER);
    assert_int_equal(out->topics.ptr[1].partitions.ptr[0].error_code,
                     KERR_INVALID_REQUEST);
}

/* What tells of repetitions keeps each name, once for each partition: not one
 * that no topic can have, which may be of 32 KiB and stand there 100,000
 * times. */
static void test_offsets_long_name(void **state)
{
    struct list_offsets_request in;
    struct list_offsets_request_topic t;
    struct list_offsets_request_partition p[2];
    struct list_offsets_response *out;
    char name[IMAGE_TOPIC_MAX + 1];
    (void)state;
    memset(name, 'a', sizeof name);
    wire_init(&wire_list_offsets_request, &in);
    wire_struct_init(&wire_list_offsets_request_topic, &t);
    for (int i = 0; i < 2; i++) {
        wire_struct_init(&wire_list_offsets_request_partition, &p[i]);
        p[i].timestamp = -1;
    }
    t.partitions.ptr = p;
    t.partitions.n = 2;
    in.replica_id = -1;
    in.topics.ptr = &t;
    in.topics.n = 1;
    for (size_t len = IMAGE_TOPIC_MAX; len <= sizeof name; len++) {
        t.name = slice_of(name, len);
        out = fake_run(&wire_list_offsets_request, 7, &in);
        for (int i = 0; i < 2; i++) {
            assert_int_equal(out->topics.ptr[0].partitions.ptr[i].error_code,
                             len == IMAGE_TOPIC_MAX
                                 ? KERR_INVALID_REQUEST
                                 : KERR_UNKNOWN_TOPIC_OR_PARTITION);
        }
    }
}

/* ---- OffsetForLeaderEpoch ----------------------------------------------- */

static void expect_epoch(int version, int32_t asked, int16_t error,
                         int32_t epoch, int64_t end)
{
    struct offset_for_leader_epoch_request in;
    struct offset_for_leader_epoch_request_topic t;
    struct offset_for_leader_epoch_request_partition p;
    struct offset_for_leader_epoch_response *out;
    wire_init(&wire_offset_for_leader_epoch_request, &in);
    wire_struct_init(&wire_offset_for_leader_epoch_request_topic, &t);
    wire_struct_init(&wire_offset_for_leader_epoch_request_partition, &p);
    p.current_leader_epoch = asked < 0 ? 4 : -1;
    p.leader_epoch = asked;
    t.topic = slice_str("a");
    t.partitions.ptr = &p;
    t.partitions.n = 1;
    in.topics.ptr = &t;
    in.topics.n = 1;
    out = fake_run(&wire_offset_for_leader_epoch_request, version, &in);
    assert_int_equal(out->topics.ptr[0].partitions.ptr[0].error_code, error);
    assert_int_equal(out->topics.ptr[0].partitions.ptr[0].leader_epoch, epoch);
    assert_int_equal(out->topics.ptr[0].partitions.ptr[0].end_offset, end);
}

static void test_epochs(void **state)
{
    (void)state;
    fake_topic("a", 1);
    for (int v = 2; v <= 4; v++) {
        expect_epoch(v, 5, 0, 5, 103); /* the end of the log */
        expect_epoch(v, 3, 0, 3, 40);
        expect_epoch(v, 9, 0, -1, -1);
        expect_epoch(v, 1, 0, -1, -1);
        expect_epoch(v, -1, KERR_FENCED_LEADER_EPOCH, -1, -1);
    }
}

/* ---- DescribeConfigs ---------------------------------------------------- */

static struct describe_configs_response_result *
describe(int version, int8_t type, const char *name, const char *key)
{
    struct describe_configs_request in;
    struct describe_configs_request_resource res;
    struct slice k = key != NULL ? slice_str(key) : slice_of(NULL, 0);
    wire_init(&wire_describe_configs_request, &in);
    wire_struct_init(&wire_describe_configs_request_resource, &res);
    res.resource_type = type;
    res.resource_name = slice_str(name);
    res.configuration_keys.ptr = key != NULL ? &k : NULL;
    res.configuration_keys.n = key != NULL;
    in.resources.ptr = &res;
    in.resources.n = 1;
    in.include_synonyms = version >= 1;
    in.include_documentation = version >= 3;
    struct describe_configs_response *out =
        fake_run(&wire_describe_configs_request, version, &in);
    assert_int_equal(out->results.n, 1);
    return &out->results.ptr[0];
}

static void test_configs_topic(void **state)
{
    struct image_config own = {"retention.ms", "777"};
    struct describe_configs_response_result *out;
    struct image_topic *t = fake_topic("a", 1);
    (void)state;
    t->configs = &own;
    t->n_configs = 1;
    for (int v = 0; v <= 4; v++) {
        assert_int_equal(describe(v, 2, "a", NULL)->configs.n, TOPIC_SETTINGS);
        out = describe(v, 2, "a", "retention.ms");
        assert_int_equal(out->configs.n, 1);
        assert_text(out->configs.ptr[0].value, "777");
        assert_false(out->configs.ptr[0].read_only);
        assert_false(out->configs.ptr[0].is_default);
        if (v >= 1) {
            uint32_t n = out->configs.ptr[0].synonyms.n;
            assert_int_equal(out->configs.ptr[0].config_source, 1);
            assert_int_equal(n, 2); /* its own, the built-in hours */
            assert_text(out->configs.ptr[0].synonyms.ptr[1].name,
                        "log.retention.hours");
            assert_int_equal(out->configs.ptr[0].synonyms.ptr[1].source, 5);
        }
        if (v >= 3) {
            assert_int_equal(out->configs.ptr[0].config_type, 5);
            assert_true(out->configs.ptr[0].documentation.len > 0);
        }
    }
    fake_set("log.segment.bytes", "1048576");
    out = describe(4, 2, "a", "segment.bytes");
    assert_text(out->configs.ptr[0].value, "1048576");
    assert_int_equal(out->configs.ptr[0].config_source, 4);
    out = describe(4, 2, "a", "cleanup.policy");
    assert_true(out->configs.ptr[0].read_only);
    assert_int_equal(out->configs.ptr[0].config_source, 5);
    assert_int_equal(describe(4, 2, "nope", NULL)->error_code, 3);
    assert_int_equal(describe(4, 2, "no/pe", NULL)->error_code, 17);
}

static void there_is_one(void)
{
    fake_topic("there", 3);
}

/* What was altered, or made, before the question came is told. */
static void test_configs_after_lag(void **state)
{
    (void)state;
    fake.catch_up = there_is_one;
    assert_int_equal(describe(4, 2, "there", NULL)->error_code, 0);
    fake.barrier_status = ERR_TIMEOUT;
    assert_int_equal(describe(4, 2, "there", NULL)->error_code,
                     KERR_REQUEST_TIMED_OUT);
    /* A node knows its own settings. */
    assert_int_equal(describe(4, 4, "1", NULL)->error_code, 0);
    assert_int_equal(fake.barriers, 2);
}

static void test_partitions_after_lag(void **state)
{
    struct describe_topic_partitions_request in;
    struct describe_topic_partitions_request_topic t;
    struct describe_topic_partitions_response *out;
    (void)state;
    wire_init(&wire_describe_topic_partitions_request, &in);
    wire_struct_init(&wire_describe_topic_partitions_request_topic, &t);
    t.name = slice_str("there");
    in.topics.ptr = &t;
    in.topics.n = 1;
    fake.catch_up = there_is_one;
    out = fake_run(&wire_describe_topic_partitions_request, 0, &in);
    assert_int_equal(out->topics.ptr[0].error_code, 0);
    assert_int_equal(out->topics.ptr[0].partitions.n, 3);
    fake.barrier_status = ERR_NOTREADY;
    out = fake_run(&wire_describe_topic_partitions_request, 0, &in);
    assert_int_equal(out->topics.n, 1);
    assert_int_equal(out->topics.ptr[0].error_code, KERR_NOT_CONTROLLER);
    assert_text(out->topics.ptr[0].name, "there");
}

static void test_configs_node(void **state)
{
    struct describe_configs_response_result *out;
    (void)state;
    out = describe(4, 4, "1", "num.partitions");
    assert_int_equal(out->error_code, 0);
    assert_int_equal(out->configs.n, 1);
    assert_text(out->configs.ptr[0].value, "4");
    assert_int_equal(out->configs.ptr[0].config_source, 4);
    assert_true(out->configs.ptr[0].read_only);
    assert_int_equal(describe(4, 4, "", NULL)->configs.n, 0);
    assert_int_equal(describe(4, 4, "2", NULL)->error_code, 42);
    assert_int_equal(describe(4, 4, "x", NULL)->error_code, 42);
    assert_int_equal(describe(4, 99, "1", NULL)->error_code, 42);
    for (int v = 0; v <= 4; v++) {
        assert_int_equal(describe(v, 4, "1", NULL)->configs.n, NODE_SETTINGS);
    }
}

/* ---- OstrakaDescribe ---------------------------------------------------- */

static void test_status(void **state)
{
    struct ostraka_describe_request in;
    struct ostraka_describe_response *out;
    struct slice only = slice_str("a");
    (void)state;
    fake_topic("a", 1);
    fake_topic("b", 1);
    fake.down = 3;
    wire_init(&wire_ostraka_describe_request, &in);
    out = fake_run(&wire_ostraka_describe_request, 0, &in);
    assert_int_equal(out->node_id, 1);
    assert_true(out->serves);
    assert_int_equal(out->nodes.n, 3);
    assert_int_equal(out->nodes.ptr[2].peer_state, PEER_DOWN);
    assert_int_equal(out->partitions.n, 3);
    assert_text(out->partitions.ptr[0].topic, "@meta");
    assert_int_equal(out->partitions.ptr[1].members.ptr[0].match, 12);
    assert_int_equal(out->partitions.ptr[1].chain, 0x1234);
    in.topics.ptr = &only;
    in.topics.n = 1;
    out = fake_run(&wire_ostraka_describe_request, 0, &in);
    assert_int_equal(out->partitions.n, 1);
    assert_text(out->partitions.ptr[0].topic, "a");
    in.include_partitions = false;
    out = fake_run(&wire_ostraka_describe_request, 0, &in);
    assert_int_equal(out->partitions.n, 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, fake_open, fake_close)
    const struct CMUnitTest tests[] = {
        T(test_metadata_versions),
        T(test_metadata_none),
        T(test_metadata_missing),
        T(test_metadata_creates),
        T(test_metadata_by_id),
        T(test_metadata_leaderless),
        T(test_metadata_unlisted),
        T(test_metadata_not_serving),
        T(test_metadata_operations),
        T(test_metadata_operations_by_id),
        T(test_describe_cluster),
        T(test_paging),
        T(test_offsets),
        T(test_offsets_barrier),
        T(test_offsets_refused),
        T(test_offsets_long_name),
        T(test_offsets_repeated),
        T(test_epochs),
        T(test_configs_topic),
        T(test_configs_node),
        T(test_configs_after_lag),
        T(test_partitions_after_lag),
        T(test_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
