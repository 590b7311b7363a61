/* A request's arena has a limit, and a client decides how much of it is used
 * when the handler begins. Each family is sent the same request again and
 * again, with a little more left each time: it is answered, or the connection
 * ends; nothing of a request that has ended is looked at (what runs with the
 * sanitizers sees all of it), and nothing is kept for it. */
#include <string.h>

#include "api/fetch_impl.h"
#include "fake_fetch.h"
#include "wire/gen/create_partitions.h"
#include "wire/gen/create_topics.h"
#include "wire/gen/delete_records.h"
#include "wire/gen/delete_topics.h"
#include "wire/gen/describe_cluster.h"
#include "wire/gen/describe_configs.h"
#include "wire/gen/describe_topic_partitions.h"
#include "wire/gen/incremental_alter_configs.h"
#include "wire/gen/init_producer_id.h"
#include "wire/gen/list_offsets.h"
#include "wire/gen/metadata.h"
#include "wire/gen/offset_for_leader_epoch.h"
#include "wire/gen/ostraka_describe.h"
#include "wire/gen/produce.h"

#define STEP 16 /* what an arena gives at least */

static int open_topics(void **state)
{
    fetch_open(state);
    struct partition *p = fake_log("t");
    fake_log_append(p, BATCH_CODEC_NONE, 3, 100);
    fake_log_commit(p);
    fake_topic("u", 3);
    return 0;
}

static void starve(void *(*send)(void))
{
    unsigned closed = 0, answered = 0;
    assert_non_null(send());
    size_t used = fake.arena_used;
    for (size_t left = STEP; left <= used + STEP; left += STEP) {
        fake.n_commands = 0;
        fake_records.n_produced = 0;
        fake.arena_left = left;
        void *out = send();
        assert_int_equal(out == NULL, fake.closed);
        closed += out == NULL;
        answered += out != NULL;
    }
    fake.arena_left = 0;
    assert_true(closed > 0 || used == 0);
    assert_true(answered > 0);
}

/* ---- families that look -------------------------------------------------- */

static void *send_metadata(void)
{
    struct metadata_request in;
    struct metadata_request_topic t[3];
    static const char *const names[] = {"t", "u", "none"};
    wire_init(&wire_metadata_request, &in);
    for (unsigned i = 0; i < 3; i++) {
        wire_struct_init(&wire_metadata_request_topic, &t[i]);
        t[i].name = slice_str(names[i]);
    }
    in.topics.ptr = t;
    in.topics.n = 3;
    in.include_topic_authorized_operations = true;
    return fake_run(&wire_metadata_request, 12, &in);
}

static void *send_metadata_all(void)
{
    struct metadata_request in;
    wire_init(&wire_metadata_request, &in);
    in.topics.ptr = NULL;
    return fake_run(&wire_metadata_request, 10, &in);
}

static void *send_cluster(void)
{
    struct describe_cluster_request in;
    wire_init(&wire_describe_cluster_request, &in);
    in.include_cluster_authorized_operations = true;
    return fake_run(&wire_describe_cluster_request, 1, &in);
}

static void *send_partitions(void)
{
    struct describe_topic_partitions_request in;
    wire_init(&wire_describe_topic_partitions_request, &in);
    in.response_partition_limit = 2;
    return fake_run(&wire_describe_topic_partitions_request, 0, &in);
}

static void *send_list_offsets(void)
{
    struct list_offsets_request in;
    struct list_offsets_request_partition p[2];
    struct list_offsets_request_topic t = {.name = slice_str("t"),
                                           .partitions = {p, 2}};
    wire_init(&wire_list_offsets_request, &in);
    for (int32_t i = 0; i < 2; i++) {
        wire_struct_init(&wire_list_offsets_request_partition, &p[i]);
        p[i].partition_index = i;
        p[i].timestamp = -1;
    }
    in.topics.ptr = &t;
    in.topics.n = 1;
    return fake_run(&wire_list_offsets_request, 7, &in);
}

static void *send_epochs(void)
{
    struct offset_for_leader_epoch_request in;
    struct offset_for_leader_epoch_request_partition p;
    struct offset_for_leader_epoch_request_topic t = {.topic = slice_str("t"),
                                                      .partitions = {&p, 1}};
    wire_init(&wire_offset_for_leader_epoch_request, &in);
    wire_struct_init(&wire_offset_for_leader_epoch_request_partition, &p);
    in.topics.ptr = &t;
    in.topics.n = 1;
    return fake_run(&wire_offset_for_leader_epoch_request, 4, &in);
}

static void *send_configs(void)
{
    struct describe_configs_request in;
    struct describe_configs_request_resource r[2];
    wire_init(&wire_describe_configs_request, &in);
    for (unsigned i = 0; i < 2; i++) {
        wire_struct_init(&wire_describe_configs_request_resource, &r[i]);
        r[i].resource_type = i == 0 ? 2 : 4;
        r[i].resource_name = slice_str(i == 0 ? "t" : "1");
    }
    in.resources.ptr = r;
    in.resources.n = 2;
    in.include_synonyms = in.include_documentation = true;
    return fake_run(&wire_describe_configs_request, 4, &in);
}

static void *send_describe(void)
{
    struct ostraka_describe_request in;
    wire_init(&wire_ostraka_describe_request, &in);
    in.topics.ptr = NULL;
    in.include_partitions = true;
    return fake_run(&wire_ostraka_describe_request, 0, &in);
}

static void looking(void **state)
{
    (void)state;
    starve(send_metadata);
    starve(send_metadata_all);
    starve(send_cluster);
    starve(send_partitions);
    starve(send_list_offsets);
    starve(send_epochs);
    starve(send_configs);
    starve(send_describe);
}

/* ---- families that change ------------------------------------------------ */

static void *send_create(void)
{
    struct create_topics_request in;
    struct create_topics_request_topic t[3];
    struct create_topics_request_config c;
    static const char *const names[] = {"new", "newer", "new"};
    wire_init(&wire_create_topics_request, &in);
    wire_struct_init(&wire_create_topics_request_config, &c);
    c.name = slice_str("retention.ms");
    c.value = slice_str("5");
    for (unsigned i = 0; i < 3; i++) {
        wire_struct_init(&wire_create_topics_request_topic, &t[i]);
        t[i].name = slice_str(names[i]);
        t[i].num_partitions = 2;
        t[i].replication_factor = 3;
        t[i].configs.ptr = &c;
        t[i].configs.n = 1;
    }
    in.topics.ptr = t;
    in.topics.n = 3;
    return fake_run(&wire_create_topics_request, 7, &in);
}

static void *send_delete(void)
{
    struct delete_topics_request in;
    struct delete_topics_request_topic t[3];
    wire_init(&wire_delete_topics_request, &in);
    for (unsigned i = 0; i < 3; i++) {
        wire_struct_init(&wire_delete_topics_request_topic, &t[i]);
    }
    t[0].name = slice_str("t");
    t[1].name = slice_of(NULL, 0);
    t[1].topic_id = image_topic(NULL, slice_str("u"))->id;
    t[2].name = slice_str("none");
    in.topics.ptr = t;
    in.topics.n = 3;
    return fake_run(&wire_delete_topics_request, 6, &in);
}

static void *send_grow(void)
{
    struct create_partitions_request in;
    struct create_partitions_request_topic t;
    struct create_partitions_request_assignment a;
    int32_t brokers[] = {1, 2, 3};
    wire_init(&wire_create_partitions_request, &in);
    wire_struct_init(&wire_create_partitions_request_topic, &t);
    wire_struct_init(&wire_create_partitions_request_assignment, &a);
    a.broker_ids.ptr = brokers;
    a.broker_ids.n = 3;
    t.name = slice_str("t");
    t.count = 2;
    t.assignments.ptr = &a;
    t.assignments.n = 1;
    in.topics.ptr = &t;
    in.topics.n = 1;
    return fake_run(&wire_create_partitions_request, 3, &in);
}

static void *send_records(void)
{
    struct delete_records_request in;
    struct delete_records_request_partition p = {.offset = 1};
    struct delete_records_request_topic t = {.name = slice_str("t"),
                                             .partitions = {&p, 1}};
    wire_init(&wire_delete_records_request, &in);
    in.topics.ptr = &t;
    in.topics.n = 1;
    return fake_run(&wire_delete_records_request, 2, &in);
}

static void *send_alter(void)
{
    struct incremental_alter_configs_request in;
    struct incremental_alter_configs_request_resource r;
    struct incremental_alter_configs_request_config c;
    wire_init(&wire_incremental_alter_configs_request, &in);
    wire_struct_init(&wire_incremental_alter_configs_request_resource, &r);
    wire_struct_init(&wire_incremental_alter_configs_request_config, &c);
    c.name = slice_str("cleanup.policy");
    c.config_operation = 2;
    c.value = slice_str("delete");
    r.resource_type = 2;
    r.resource_name = slice_str("t");
    r.configs.ptr = &c;
    r.configs.n = 1;
    in.resources.ptr = &r;
    in.resources.n = 1;
    return fake_run(&wire_incremental_alter_configs_request, 1, &in);
}

static void *send_init(void)
{
    struct init_producer_id_request in;
    wire_init(&wire_init_producer_id_request, &in);
    in.transactional_id = slice_of(NULL, 0);
    return fake_run(&wire_init_producer_id_request, 5, &in);
}

static void changing(void **state)
{
    (void)state;
    starve(send_create);
    starve(send_delete);
    starve(send_grow);
    starve(send_records);
    starve(send_alter);
    starve(send_init);
}

/* ---- records ------------------------------------------------------------- */

static void *send_produce(void)
{
    struct build_options plain = BUILD_OPTIONS_DEFAULT;
    struct produce_request in;
    struct produce_request_partition_data p[2] = {{.index = 0}, {.index = 9}};
    struct produce_request_topic_data t = {.name = slice_str("t"),
                                           .partition_data = {p, 2}};
    wire_init(&wire_produce_request, &in);
    p[0].records = p[1].records = fake_batch(&plain, 1, 10);
    in.acks = -1;
    in.timeout_ms = 1000;
    in.topic_data.ptr = &t;
    in.topic_data.n = 1;
    return fake_run(&wire_produce_request, 11, &in);
}

static void *send_fetch(void)
{
    fetch_ask("t", 0, 0);
    fetch_ask("u", 1, 0); /* led elsewhere */
    return fetch(16);
}

static void records(void **state)
{
    (void)state;
    starve(send_produce);
    starve(send_fetch);
}

/* Its session is free for the next request, or to make room. */
static void a_session_is_not_held(void **state)
{
    (void)state;
    fetch_ask("t", 0, 3);
    fetch_ask_number = 0;
    int32_t id = fetch(12)->session_id;
    assert_int_not_equal(id, 0);
    /* There is memory to begin, and none for the partitions. */
    fake.arena_left = (sizeof(struct fetch_state) + STEP - 1) / STEP * STEP;
    fetch_ask_id = id;
    fetch_ask_number = 1;
    assert_null(fetch(12));
    assert_true(fake.closed);
    fake.arena_left = 0;
    fetch_ask_id = id;
    fetch_ask_number = 2;
    struct fetch_response *out = fetch(12);
    assert_int_equal(out->error_code, KERR_NONE);
    assert_int_equal(out->session_id, id);
}

#define TEST(f)                                                                \
    cmocka_unit_test_setup_teardown(f, open_topics, fake_records_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(looking),
        TEST(changing),
        TEST(records),
        TEST(a_session_is_not_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
