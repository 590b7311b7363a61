/* Families that change something: CreateTopics, DeleteTopics,
 * CreatePartitions, DeleteRecords, AlterConfigs, IncrementalAlterConfigs,
 * InitProducerId. */
#include <stdio.h>
#include <time.h>

#include "fake.h"

#include "api/admin.h"
#include "wire/gen/alter_configs.h"
#include "wire/gen/create_partitions.h"
#include "wire/gen/create_topics.h"
#include "wire/gen/delete_records.h"
#include "wire/gen/delete_topics.h"
#include "wire/gen/incremental_alter_configs.h"
#include "wire/gen/init_producer_id.h"

/* ---- CreateTopics ------------------------------------------------------- */

/* A request of one topic, to be changed before it is sent. */
static struct {
    struct create_topics_request in;
    struct create_topics_request_topic t[2];
    struct create_topics_request_config c;
    struct create_topics_request_assignment a[2];
    int32_t brokers[2][2];
} ct;

static struct create_topics_request_topic *create_topic(const char *name)
{
    wire_init(&wire_create_topics_request, &ct.in);
    for (int i = 0; i < 2; i++) {
        wire_struct_init(&wire_create_topics_request_topic, &ct.t[i]);
        wire_struct_init(&wire_create_topics_request_assignment, &ct.a[i]);
        ct.t[i].name = slice_str(name);
        ct.t[i].num_partitions = 2;
        ct.t[i].replication_factor = 3;
        ct.brokers[i][0] = 1 + i;
        ct.brokers[i][1] = 2 + i;
        ct.a[i].partition_index = 1 - i; /* in any order */
        ct.a[i].broker_ids.ptr = ct.brokers[i];
        ct.a[i].broker_ids.n = 2;
    }
    ct.in.topics.ptr = ct.t;
    ct.in.topics.n = 1;
    return &ct.t[0];
}

static void create_config(const char *name, const char *value)
{
    ct.c.name = slice_str(name);
    ct.c.value = value != NULL ? slice_str(value) : slice_of(NULL, 0);
    ct.t[0].configs.ptr = &ct.c;
    ct.t[0].configs.n = 1;
}

static struct create_topics_response_topic *create_run(int version)
{
    struct create_topics_response *out =
        fake_run(&wire_create_topics_request, version, &ct.in);
    assert_int_equal(out->topics.n, 1);
    return &out->topics.ptr[0];
}

static int16_t create_error(void)
{
    unsigned before = fake.n_commands;
    struct create_topics_response_topic *t = create_run(7);
    if (t->error_code != 0) {
        assert_int_equal(fake.n_commands, before); /* refused at the door */
        assert_true(t->error_message.len > 0);
    }
    return t->error_code;
}

static void test_create_versions(void **state)
{
    (void)state;
    for (int v = 0; v <= 7; v++) {
        struct create_topics_response_topic *t;
        create_topic("a");
        create_config("retention.ms", "5");
        t = create_run(v);
        assert_int_equal(t->error_code, 0);
        assert_text(t->name, "a");
        assert_int_equal(t->num_partitions, v >= 5 ? 4 : -1);
        assert_int_equal(t->replication_factor, v >= 5 ? 3 : -1);
        assert_int_equal(t->configs.n, v >= 5 ? TOPIC_SETTINGS : 0);
        assert_int_equal(uuid_is_zero(t->topic_id), v < 7);
        assert_int_equal(fake.waits, (unsigned)v + 1);
    }
    assert_int_equal(fake.commands[0].create.partitions, 2);
    assert_int_equal(fake.commands[0].create.replication, 3);
    assert_int_equal(fake.commands[0].create.n_configs, 1);
    /* It waits for the leaders of the topic that was made. */
    assert_true(uuid_equal(fake.waited_for, fake.result.topic));
}

static void test_create_defaults(void **state)
{
    (void)state;
    create_topic("a")->num_partitions = -1;
    ct.t[0].replication_factor = -1;
    assert_int_equal(create_error(), 0);
    assert_int_equal(fake.commands[0].create.partitions, 4);
    assert_int_equal(fake.commands[0].create.replication, 1);
}

static void test_create_refused(void **state)
{
    (void)state;
    create_topic("a/b");
    assert_int_equal(create_error(), KERR_INVALID_TOPIC_EXCEPTION);
    create_topic("");
    assert_int_equal(create_error(), KERR_INVALID_TOPIC_EXCEPTION);
    create_topic("a")->num_partitions = 0;
    assert_int_equal(create_error(), KERR_INVALID_PARTITIONS);
    create_topic("a")->num_partitions = -2;
    assert_int_equal(create_error(), KERR_INVALID_PARTITIONS);
    create_topic("a")->replication_factor = 0;
    assert_int_equal(create_error(), KERR_INVALID_REPLICATION_FACTOR);
    create_topic("a")->replication_factor = -2;
    assert_int_equal(create_error(), KERR_INVALID_REPLICATION_FACTOR);
    create_topic("a");
    create_config("retention.ms", "soon");
    assert_int_equal(create_error(), KERR_INVALID_CONFIG);
    create_config("retention.ms", NULL);
    assert_int_equal(create_error(), KERR_INVALID_CONFIG);
    create_config("retntion.ms", "5");
    assert_int_equal(create_error(), KERR_INVALID_CONFIG);
    create_config("retention.ms", "5");
    ct.c.value = slice_of("5\0006", 3);
    assert_int_equal(create_error(), KERR_INVALID_CONFIG);
    create_config("min.insync.replicas", "3"); /* more than a majority */
    assert_int_equal(create_error(), KERR_INVALID_CONFIG);
    create_config("min.insync.replicas", "2");
    assert_int_equal(create_error(), 0);
    fake_set("journal.bytes.max", "32MiB"); /* no file of it takes so much */
    create_config("max.message.bytes", "16777216");
    assert_int_equal(create_error(), KERR_INVALID_CONFIG);
    fake_topic("there", 1);
    create_topic("there");
    assert_int_equal(create_error(), KERR_TOPIC_ALREADY_EXISTS);
}

/* ---- what this node has not seen yet --------------------------------------
 */

static void all_are_gone(void)
{
    fake.n_topics = 0;
}

static void there_is_one(void)
{
    fake_topic("there", 1);
}

/* The topic was deleted, the next request came before this node knew. */
static void test_create_after_lag(void **state)
{
    (void)state;
    fake_topic("there", 1);
    fake.catch_up = all_are_gone;
    create_topic("there");
    assert_int_equal(create_error(), 0);
    assert_int_equal(fake.barriers, 1);
    fake.catch_up = there_is_one;
    assert_int_equal(create_error(), KERR_TOPIC_ALREADY_EXISTS);
}

/* Without @meta's leader nothing is said about what exists. */
static void test_create_unconfirmed(void **state)
{
    (void)state;
    fake_topic("there", 1);
    create_topic("there");
    fake.barrier_status = ERR_TIMEOUT;
    assert_int_equal(create_error(), KERR_REQUEST_TIMED_OUT);
    fake.barrier_status = ERR_NOTREADY;
    assert_int_equal(create_error(), KERR_NOT_CONTROLLER);
    assert_text(create_run(7)->name, "there");
}

static void test_create_repeated(void **state)
{
    (void)state;
    create_topic("a");
    ct.in.topics.n = 2; /* both are "a": one answer */
    assert_int_equal(create_error(), KERR_INVALID_REQUEST);
}

static void create_assigned(void)
{
    create_topic("a")->num_partitions = -1;
    ct.t[0].replication_factor = -1;
    ct.t[0].assignments.ptr = ct.a;
    ct.t[0].assignments.n = 2;
}

static void test_create_assigned(void **state)
{
    (void)state;
    create_assigned();
    assert_int_equal(create_error(), 0);
    assert_int_equal(fake.commands[0].create.partitions, 2);
    assert_int_equal(fake.commands[0].create.replication, 2);
    assert_int_equal(fake.commands[0].create.n_assigned, 2);
    create_assigned();
    ct.t[0].num_partitions = 2;
    assert_int_equal(create_error(), KERR_INVALID_REQUEST);
    create_assigned();
    ct.t[0].replication_factor = 2;
    assert_int_equal(create_error(), KERR_INVALID_REQUEST);
    create_assigned();
    ct.a[0].partition_index = 2;
    assert_int_equal(create_error(), KERR_INVALID_REPLICA_ASSIGNMENT);
    create_assigned();
    ct.a[0].partition_index = -1;
    assert_int_equal(create_error(), KERR_INVALID_REPLICA_ASSIGNMENT);
    create_assigned();
    ct.a[0].partition_index = 0; /* twice */
    assert_int_equal(create_error(), KERR_INVALID_REPLICA_ASSIGNMENT);
    create_assigned();
    ct.a[0].broker_ids.n = 0;
    assert_int_equal(create_error(), KERR_INVALID_REPLICA_ASSIGNMENT);
}

#define TOO_MANY (META_PARTITIONS_MAX + 1)

/* What a command cannot hold is refused before it is one, as a number of
 * partitions is that is too large. */
static void test_create_assigned_many(void **state)
{
    static struct create_topics_request_assignment a[TOO_MANY];
    (void)state;
    create_assigned();
    for (int32_t i = 0; i < TOO_MANY; i++) {
        a[i] = ct.a[0];
        a[i].partition_index = i;
    }
    ct.t[0].assignments.ptr = a;
    ct.t[0].assignments.n = TOO_MANY;
    assert_int_equal(create_error(), KERR_INVALID_PARTITIONS);
    ct.t[0].assignments.n = META_PARTITIONS_MAX;
    assert_int_equal(create_error(), 0);
}

static void test_create_validate_only(void **state)
{
    struct create_topics_response_topic *t;
    (void)state;
    create_topic("a");
    ct.in.validate_only = true;
    t = create_run(7);
    assert_int_equal(t->error_code, 0);
    assert_true(uuid_is_zero(t->topic_id));
    assert_int_equal(t->num_partitions, 4);
    assert_true(fake.commands[0].create.validate_only);
    assert_int_equal(fake.waits, 0);
}

static void test_create_outcomes(void **state)
{
    struct create_topics_response_topic *t;
    (void)state;
    create_topic("a");
    fake.result.error = KERR_INVALID_REPLICATION_FACTOR;
    snprintf(fake.result.message, sizeof fake.result.message, "too many");
    t = create_run(7);
    assert_int_equal(t->error_code, KERR_INVALID_REPLICATION_FACTOR);
    assert_text(t->error_message, "too many");
    assert_int_equal(fake.waits, 0);
    fake.result.error = 0;
    fake.wait_status = ERR_TIMEOUT;
    assert_int_equal(create_run(7)->error_code, KERR_REQUEST_TIMED_OUT);
    fake.command_status = ERR_TIMEOUT;
    assert_int_equal(create_run(7)->error_code, KERR_REQUEST_TIMED_OUT);
    fake.command_status = ERR_NOTREADY;
    assert_int_equal(create_run(7)->error_code, KERR_NOT_CONTROLLER);
    fake.serves = false;
    assert_int_equal(create_error(), KERR_NOT_CONTROLLER);
}

/* Many topics: a window of commands at a time, every one answered. */
static void test_create_window(void **state)
{
    enum { N = 2 * FAKE_MAX + 80 };
    static struct create_topics_request_topic t[N];
    static char names[N][16];
    struct create_topics_response *out;
    (void)state;
    create_topic("a");
    for (int i = 0; i < N; i++) {
        t[i] = ct.t[0];
        snprintf(names[i], sizeof names[i], "t%d", i);
        t[i].name = slice_str(names[i]);
    }
    ct.in.topics.ptr = t;
    ct.in.topics.n = N;
    out = fake_run(&wire_create_topics_request, 7, &ct.in);
    assert_int_equal(out->topics.n, N);
    assert_int_equal(fake.n_commands, N);
    assert_int_equal(fake.at_once_max, ADMIN_WINDOW);
    for (int i = 0; i < N; i++) {
        assert_int_equal(out->topics.ptr[i].error_code, 0);
        assert_text(out->topics.ptr[i].name, names[i]);
    }
}

/* ---- DeleteTopics ------------------------------------------------------- */

static struct delete_topics_response *
delete_run(int version, struct delete_topics_request_topic t[], uint32_t n)
{
    struct delete_topics_request in;
    struct slice names[4];
    wire_init(&wire_delete_topics_request, &in);
    for (uint32_t i = 0; i < n; i++) {
        names[i] = t[i].name;
    }
    if (version >= 6) {
        in.topics.ptr = t;
        in.topics.n = n;
    } else {
        in.topic_names.ptr = names;
        in.topic_names.n = n;
    }
    return fake_run(&wire_delete_topics_request, version, &in);
}

static void test_delete(void **state)
{
    struct image_topic *a = fake_topic("a", 1);
    struct delete_topics_request_topic t = {.name = slice_str("a")};
    struct delete_topics_response *out;
    (void)state;
    for (int v = 0; v <= 6; v++) {
        out = delete_run(v, &t, 1);
        assert_int_equal(out->responses.n, 1);
        assert_int_equal(out->responses.ptr[0].error_code, 0);
        assert_text(out->responses.ptr[0].name, "a");
        /* By the id that was looked at: never a newer topic of that name. */
        assert_true(uuid_equal(fake.commands[v].id, a->id));
        assert_true(uuid_is_zero(fake.waited_for));
    }
    t = (struct delete_topics_request_topic){.topic_id = a->id};
    out = delete_run(6, &t, 1);
    assert_int_equal(out->responses.ptr[0].error_code, 0);
    assert_text(out->responses.ptr[0].name, "a");
}

/* A node may have yet to hear of a topic: @meta says what there is. */
static void test_delete_unknown(void **state)
{
    struct delete_topics_request_topic t[4] = {{.name = slice_str("nope")},
                                               {.topic_id = {{9}}},
                                               {.name = slice_str("nope")},
                                               {.topic_id = {{8}}}};
    struct delete_topics_response *out;
    (void)state;
    fake.result.error = KERR_UNKNOWN_TOPIC_ID;
    out = delete_run(6, t, 2);
    assert_int_equal(out->responses.ptr[1].error_code, KERR_UNKNOWN_TOPIC_ID);
    assert_int_equal(fake.n_commands, 2);
    assert_string_equal(fake.commands[0].name, "nope");
    assert_true(uuid_is_zero(fake.commands[0].id));
    assert_true(uuid_equal(fake.commands[1].id, t[1].topic_id));
    fake.result.error = 0;
    out = delete_run(6, t, 4);
    assert_int_equal(out->responses.ptr[0].error_code, KERR_INVALID_REQUEST);
    assert_int_equal(out->responses.ptr[1].error_code, 0);
    assert_int_equal(out->responses.ptr[2].error_code, KERR_INVALID_REQUEST);
    assert_int_equal(out->responses.ptr[3].error_code, 0);
    assert_int_equal(fake.n_commands, 4);
}

static void it_is_another(void)
{
    fake.topics[0].id.b[0] = 0x77;
}

/* The name belongs to another topic by now: that one is meant. */
static void test_delete_after_lag(void **state)
{
    struct delete_topics_request_topic t = {.name = slice_str("a")};
    struct image_topic *a = fake_topic("a", 1);
    (void)state;
    fake.catch_up = it_is_another;
    delete_run(6, &t, 1);
    assert_int_equal(a->id.b[0], 0x77);
    assert_true(uuid_equal(fake.commands[0].id, a->id));
    fake.barrier_status = ERR_TIMEOUT;
    struct delete_topics_response *out = delete_run(6, &t, 1);
    assert_int_equal(out->responses.ptr[0].error_code, KERR_REQUEST_TIMED_OUT);
    assert_text(out->responses.ptr[0].name, "a");
    assert_int_equal(fake.n_commands, 1);
}

static void test_delete_refused(void **state)
{
    struct image_topic *a = fake_topic("a", 1);
    struct delete_topics_request_topic t[2] = {
        {.name = slice_str("a"), .topic_id = a->id},
        {.name = slice_of(NULL, 0)}};
    struct delete_topics_response *out;
    (void)state;
    out = delete_run(6, t, 2);
    assert_int_equal(out->responses.ptr[0].error_code, KERR_INVALID_REQUEST);
    assert_int_equal(out->responses.ptr[1].error_code, KERR_INVALID_REQUEST);
    /* The same, by name and by id. */
    t[0] = (struct delete_topics_request_topic){.name = slice_str("a")};
    t[1] = (struct delete_topics_request_topic){.topic_id = a->id};
    out = delete_run(6, t, 2);
    assert_int_equal(out->responses.ptr[0].error_code, KERR_INVALID_REQUEST);
    assert_int_equal(out->responses.ptr[1].error_code, KERR_INVALID_REQUEST);
    fake.serves = false;
    out = delete_run(6, t, 1);
    assert_int_equal(out->responses.ptr[0].error_code, KERR_NOT_CONTROLLER);
    assert_int_equal(fake.n_commands, 0);
}

/* ---- CreatePartitions --------------------------------------------------- */

static void test_grow(void **state)
{
    struct create_partitions_request in;
    struct create_partitions_request_topic t[2];
    struct create_partitions_request_assignment a;
    struct create_partitions_response *out;
    int32_t brokers[16] = {1, 2};
    (void)state;
    wire_init(&wire_create_partitions_request, &in);
    for (int i = 0; i < 2; i++) {
        wire_struct_init(&wire_create_partitions_request_topic, &t[i]);
        t[i].name = slice_str("a");
        t[i].count = 6;
    }
    in.topics.ptr = t;
    in.topics.n = 1;
    in.timeout_ms = 1000;
    for (int v = 0; v <= 3; v++) {
        t[0].assignments.ptr = NULL;
        out = fake_run(&wire_create_partitions_request, v, &in);
        assert_int_equal(out->results.n, 1);
        assert_int_equal(out->results.ptr[0].error_code, 0);
    }
    assert_int_equal(fake.commands[0].grow.count, 6);
    assert_int_equal(fake.commands[0].grow.n_assigned, 0);
    assert_int_equal(fake.waits, 4);
    a.broker_ids.ptr = brokers;
    a.broker_ids.n = 2;
    t[0].assignments.ptr = &a;
    t[0].assignments.n = 1;
    fake_run(&wire_create_partitions_request, 3, &in);
    assert_int_equal(fake.commands[4].grow.n_assigned, 1);
    a.broker_ids.n = 16;
    out = fake_run(&wire_create_partitions_request, 3, &in);
    assert_int_equal(out->results.ptr[0].error_code,
                     KERR_INVALID_REPLICA_ASSIGNMENT);
    t[0].assignments.n = 0;
    in.topics.n = 2;
    out = fake_run(&wire_create_partitions_request, 3, &in);
    assert_int_equal(out->results.n, 1);
    assert_int_equal(out->results.ptr[0].error_code, KERR_INVALID_REQUEST);
    assert_int_equal(fake.n_commands, 5);
}

static void test_grow_assigned_many(void **state)
{
    static struct create_partitions_request_assignment a[TOO_MANY];
    struct create_partitions_request in;
    struct create_partitions_request_topic t;
    struct create_partitions_response *out;
    int32_t broker = 1;
    (void)state;
    wire_init(&wire_create_partitions_request, &in);
    wire_struct_init(&wire_create_partitions_request_topic, &t);
    for (int32_t i = 0; i < TOO_MANY; i++) {
        a[i].broker_ids.ptr = &broker;
        a[i].broker_ids.n = 1;
    }
    t.name = slice_str("a");
    t.count = TOO_MANY + 2;
    t.assignments.ptr = a;
    t.assignments.n = TOO_MANY;
    in.topics.ptr = &t;
    in.topics.n = 1;
    out = fake_run(&wire_create_partitions_request, 3, &in);
    assert_int_equal(out->results.ptr[0].error_code, KERR_INVALID_PARTITIONS);
    t.count = 9;
    out = fake_run(&wire_create_partitions_request, 3, &in);
    assert_int_equal(out->results.ptr[0].error_code,
                     KERR_INVALID_REPLICA_ASSIGNMENT);
    assert_int_equal(fake.n_commands, 0);
}

/* ---- DeleteRecords ------------------------------------------------------ */

static void expect_trim(int64_t offset, int16_t error, int64_t low,
                        int64_t trimmed)
{
    struct delete_records_request in;
    struct delete_records_request_topic t;
    struct delete_records_request_partition p = {.offset = offset};
    struct delete_records_response *out;
    for (int v = 0; v <= 2; v++) {
        wire_init(&wire_delete_records_request, &in);
        wire_struct_init(&wire_delete_records_request_topic, &t);
        fake_partition("a")->trimmed = -1;
        t.name = slice_str("a");
        t.partitions.ptr = &p;
        t.partitions.n = 1;
        in.topics.ptr = &t;
        in.topics.n = 1;
        out = fake_run(&wire_delete_records_request, v, &in);
        assert_int_equal(out->topics.ptr[0].partitions.ptr[0].error_code,
                         error);
        assert_int_equal(out->topics.ptr[0].partitions.ptr[0].low_watermark,
                         low);
        assert_int_equal(fake_partition("a")->trimmed, trimmed);
    }
}

static void test_records(void **state)
{
    struct image_topic *t = fake_topic("a", 1);
    struct partition *p = fake_partition("a");
    (void)state;
    expect_trim(50, 0, 50, 50);
    expect_trim(-1, 0, 100, 100); /* the high watermark */
    expect_trim(101, KERR_OFFSET_OUT_OF_RANGE, -1, -1);
    expect_trim(-2, KERR_OFFSET_OUT_OF_RANGE, -1, -1);
    expect_trim(7, 0, 10, -1); /* gone already */
    p->trim_status = ERR_NOTLEADER;
    expect_trim(50, KERR_NOT_LEADER_OR_FOLLOWER, -1, 50);
    t->internal = true;
    expect_trim(50, KERR_INVALID_TOPIC_EXCEPTION, -1, -1);
    t->internal = false;
    p->ready = false;
    expect_trim(50, KERR_NOT_LEADER_OR_FOLLOWER, -1, -1);
    p->leads = false;
    expect_trim(50, KERR_NOT_LEADER_OR_FOLLOWER, -1, -1);
}

/* ---- settings ----------------------------------------------------------- */

static int16_t alter(int8_t type, const char *name, int8_t op, const char *key,
                     const char *value)
{
    struct incremental_alter_configs_request in;
    struct incremental_alter_configs_request_resource res;
    struct incremental_alter_configs_request_config c;
    struct incremental_alter_configs_response *out;
    wire_init(&wire_incremental_alter_configs_request, &in);
    wire_struct_init(&wire_incremental_alter_configs_request_resource, &res);
    res.resource_type = type;
    res.resource_name = slice_str(name);
    c.name = slice_str(key);
    c.config_operation = op;
    c.value = value != NULL ? slice_str(value) : slice_of(NULL, 0);
    res.configs.ptr = &c;
    res.configs.n = 1;
    in.resources.ptr = &res;
    in.resources.n = 1;
    for (int v = 0; v <= 1; v++) {
        out = fake_run(&wire_incremental_alter_configs_request, v, &in);
        assert_int_equal(out->responses.n, 1);
        assert_int_equal(out->responses.ptr[0].resource_type, type);
        assert_int_equal(out->responses.ptr[0].error_message.data == NULL,
                         out->responses.ptr[0].error_code == 0);
    }
    return out->responses.ptr[0].error_code;
}

enum { SET, DELETE, APPEND, SUBTRACT, NOTHING };

static void test_alter(void **state)
{
    struct fake_command *c = fake.commands;
    (void)state;
    fake_topic("a", 1);
    assert_int_equal(alter(2, "a", SET, "retention.ms", "9"), 0);
    assert_string_equal(c->name, "a");
    assert_false(c->alter.replace);
    assert_int_equal(c->alter.n_ops, 1);
    assert_int_equal(c->ops[0].op, META_CONFIG_SET);
    assert_int_equal(alter(2, "a", DELETE, "retention.ms", NULL), 0);
    assert_int_equal(fake.n_commands, 4);
    assert_int_equal(c[2].ops[0].op, META_CONFIG_DELETE);
    assert_null(c[2].ops[0].value);
    assert_true(uuid_is_zero(fake.waited_for));
}

/* A topic that this node has yet to hear of has settings. */
static void test_alter_after_lag(void **state)
{
    (void)state;
    fake.catch_up = there_is_one;
    assert_int_equal(alter(2, "there", SET, "retention.ms", "9"), 0);
    fake.catch_up = all_are_gone;
    assert_int_equal(alter(2, "there", SET, "retention.ms", "9"),
                     KERR_UNKNOWN_TOPIC_OR_PARTITION);
}

static void test_alter_refused(void **state)
{
    (void)state;
    fake_set("journal.bytes.max", "32MiB");
    fake_topic("a", 1);
    assert_int_equal(alter(2, "a", SET, "retention.ms", "x"), 40);
    assert_int_equal(alter(2, "a", SET, "retention.ms", NULL), 42);
    assert_int_equal(alter(2, "a", SET, "no.such", "1"), 40);
    assert_int_equal(alter(2, "a", DELETE, "no.such", NULL), 40);
    assert_int_equal(alter(2, "a", SET, "min.insync.replicas", "3"), 40);
    assert_int_equal(alter(2, "a", APPEND, "retention.ms", "5"), 40);
    assert_int_equal(alter(2, "a", APPEND, "cleanup.policy", "compact"), 40);
    assert_int_equal(alter(2, "a", SUBTRACT, "cleanup.policy", "delete"), 40);
    assert_int_equal(alter(2, "a", NOTHING, "retention.ms", "5"), 42);
    assert_int_equal(alter(2, "a", SET, "max.message.bytes", "8388097"), 40);
    assert_int_equal(alter(2, "nope", SET, "retention.ms", "5"), 3);
    assert_int_equal(alter(2, "..", SET, "retention.ms", "5"), 17);
    assert_int_equal(alter(4, "1", SET, "num.partitions", "5"), 42);
    assert_int_equal(alter(16, "x", SET, "interval.ms", "5"), 42);
    assert_int_equal(fake.n_commands, 0);
    assert_int_equal(alter(2, "a", SET, "max.message.bytes", "8388096"), 0);
}

/* The default is what a list grows from; what the topic has, @meta adds to. */
static void test_alter_lists(void **state)
{
    struct image_config own = {"cleanup.policy", "delete"};
    struct image_topic *t = fake_topic("a", 1);
    (void)state;
    assert_int_equal(alter(2, "a", APPEND, "cleanup.policy", "delete"), 0);
    assert_int_equal(fake.commands[0].ops[0].op, META_CONFIG_SET);
    t->configs = &own;
    t->n_configs = 1;
    assert_int_equal(alter(2, "a", APPEND, "cleanup.policy", "delete"), 0);
    assert_int_equal(fake.commands[2].ops[0].op, META_CONFIG_APPEND);
}

#define LISTS 15

/* As many different items as fit a text. */
static struct slice long_list(char text[WIRE_STRING_MAX])
{
    size_t n = 0;
    for (unsigned i = 0; n + 4 <= WIRE_STRING_MAX; i++) {
        text[n++] = (char)('a' + i / 676);
        text[n++] = (char)('a' + i / 26 % 26);
        text[n++] = (char)('a' + i % 26);
        text[n++] = ',';
    }
    return slice_of(text, n - 1);
}

/* No list is as long as what somebody may add to one: it is refused, and soon.
 */
static void test_alter_long_lists(void **state)
{
    static char text[WIRE_STRING_MAX];
    static char names[LISTS][2];
    struct incremental_alter_configs_request in;
    struct incremental_alter_configs_request_resource res[LISTS];
    struct incremental_alter_configs_request_config c = {
        .name = slice_str("leader.replication.throttled.replicas"),
        .config_operation = APPEND,
        .value = long_list(text)};
    struct incremental_alter_configs_response *out;
    (void)state;
    wire_init(&wire_incremental_alter_configs_request, &in);
    for (unsigned i = 0; i < LISTS; i++) {
        names[i][0] = (char)('a' + i);
        fake_topic(names[i], 1);
        wire_struct_init(&wire_incremental_alter_configs_request_resource,
                         &res[i]);
        res[i].resource_type = 2;
        res[i].resource_name = slice_str(names[i]);
        res[i].configs.ptr = &c;
        res[i].configs.n = 1;
    }
    in.resources.ptr = res;
    in.resources.n = LISTS;
    clock_t began = clock();
    for (int v = 0; v <= 1; v++) {
        out = fake_run(&wire_incremental_alter_configs_request, v, &in);
        for (unsigned i = 0; i < LISTS; i++) {
            assert_int_equal(out->responses.ptr[i].error_code,
                             KERR_INVALID_CONFIG);
        }
    }
    assert_true(clock() - began < 3 * CLOCKS_PER_SEC);
    assert_int_equal(fake.n_commands, 0);
}

static void test_alter_whole(void **state)
{
    struct alter_configs_request in;
    struct alter_configs_request_resource res[2];
    struct alter_configs_request_config c[2];
    struct alter_configs_response *out;
    (void)state;
    fake_topic("a", 1);
    wire_init(&wire_alter_configs_request, &in);
    for (int i = 0; i < 2; i++) {
        wire_struct_init(&wire_alter_configs_request_resource, &res[i]);
        res[i].resource_type = 2;
        res[i].resource_name = slice_str("a");
        c[i].name = slice_str("retention.ms");
        c[i].value = slice_str("5");
    }
    res[0].configs.ptr = c;
    res[0].configs.n = 1;
    in.resources.ptr = res;
    in.resources.n = 1;
    for (int v = 0; v <= 2; v++) {
        out = fake_run(&wire_alter_configs_request, v, &in);
        assert_int_equal(out->responses.ptr[0].error_code, 0);
        assert_true(fake.commands[v].alter.replace);
    }
    in.validate_only = true;
    out = fake_run(&wire_alter_configs_request, 2, &in);
    assert_int_equal(out->responses.ptr[0].error_code, 0);
    assert_int_equal(fake.n_commands, 3);
    in.validate_only = false;
    res[0].configs.n = 2; /* one setting twice */
    out = fake_run(&wire_alter_configs_request, 2, &in);
    assert_int_equal(out->responses.ptr[0].error_code, 42);
    res[0].configs.n = 1;
    in.resources.n = 2; /* one topic twice */
    out = fake_run(&wire_alter_configs_request, 2, &in);
    assert_int_equal(out->responses.ptr[0].error_code, 42);
    assert_int_equal(out->responses.ptr[1].error_code, 42);
    assert_int_equal(fake.n_commands, 3);
}

/* ---- InitProducerId ----------------------------------------------------- */

static struct init_producer_id_response producer(int version, const char *id)
{
    struct init_producer_id_request in;
    struct init_producer_id_response *out;
    wire_init(&wire_init_producer_id_request, &in);
    in.transactional_id = id != NULL ? slice_str(id) : slice_of(NULL, 0);
    out = fake_run(&wire_init_producer_id_request, version, &in);
    return *out;
}

static void test_producer(void **state)
{
    struct init_producer_id_response out;
    (void)state;
    fake.producer_id = 40;
    for (int v = 0; v <= 5; v++) {
        out = producer(v, NULL);
        assert_int_equal(out.error_code, 0);
        assert_int_equal(out.producer_id, 40 + v);
        assert_int_equal(out.producer_epoch, 0);
        out = producer(v, "tx");
        assert_int_equal(out.error_code, KERR_INVALID_REQUEST);
        assert_int_equal(out.producer_id, -1);
        assert_int_equal(out.producer_epoch, -1);
    }
    fake.producer_id = -1; /* a block must be fetched first */
    assert_int_equal(producer(5, NULL).producer_id, 7000);
    fake.producer_id = -1;
    fake.wait_status = ERR_TIMEOUT;
    assert_int_equal(producer(5, NULL).error_code,
                     KERR_COORDINATOR_NOT_AVAILABLE);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, fake_open, fake_close)
    const struct CMUnitTest tests[] = {
        T(test_create_versions),
        T(test_create_defaults),
        T(test_create_refused),
        T(test_create_repeated),
        T(test_create_assigned),
        T(test_create_assigned_many),
        T(test_create_validate_only),
        T(test_create_outcomes),
        T(test_create_window),
        T(test_delete),
        T(test_delete_unknown),
        T(test_delete_refused),
        T(test_grow),
        T(test_grow_assigned_many),
        T(test_records),
        T(test_alter),
        T(test_alter_refused),
        T(test_alter_lists),
        T(test_alter_long_lists),
        T(test_alter_whole),
        T(test_producer),
        T(test_create_after_lag),
        T(test_create_unconfirmed),
        T(test_delete_after_lag),
        T(test_alter_after_lag),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
