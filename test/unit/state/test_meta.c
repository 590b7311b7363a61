/* What @meta decides: each rule of each command, told by Kafka's codes. */
#include "state_test.h"

#include <time.h>

#include "state/meta_impl.h"
#include "wire/errors.h"

static void rig_open_nodes(struct rig *r, unsigned n_nodes)
{
    rig_new(r, 5, n_nodes);
    assert_true(rig_open(r, false));
    assert_int_equal(r->status, 0);
}

/* Every test ends with the kept hash compared with all rows. */
static void rig_end(struct rig *r)
{
    assert_true(rig_image(r, "/meta/end.image"));
    assert_int_equal(r->status, 0);
    assert_true(rig_close(r));
    rig_free(r);
}

static int create(struct rig *r, const struct meta_create_topic *c,
                  struct uuid command)
{
    struct buf b;
    command_init(r, &b);
    meta_encode_create_topic(c, command, &b);
    assert_true(rig_apply(r, &b));
    return r->last.error;
}

static int grow(struct rig *r, const struct meta_create_partitions *c)
{
    struct buf b;
    command_init(r, &b);
    meta_encode_create_partitions(c, uuid_zero, &b);
    assert_true(rig_apply(r, &b));
    return r->last.error;
}

static int delete_id(struct rig *r, struct uuid id)
{
    struct buf b;
    command_init(r, &b);
    meta_encode_delete_topic(id, slice_of(NULL, 0), uuid_zero, &b);
    assert_true(rig_apply(r, &b));
    return r->last.error;
}

static int producer_ids(struct rig *r, int32_t node, struct uuid command)
{
    struct buf b;
    command_init(r, &b);
    meta_encode_producer_ids(node, command, &b);
    assert_true(rig_apply(r, &b));
    return r->last.error;
}

static int do_register(struct rig *r, int32_t node, uint64_t directory,
                       const char *host, const char *rack)
{
    struct buf b;
    struct meta_register c = {node, test_uuid(directory), host, 9092, rack,
                              "1.2"};
    command_init(r, &b);
    meta_encode_register(&c, uuid_zero, &b);
    assert_true(rig_apply(r, &b));
    return r->last.error;
}

static const struct image_topic *topic(const struct rig *r, const char *name)
{
    return image_topic(r->image, slice_str(name));
}

static void test_names(void **state)
{
    struct rig r;
    char name[IMAGE_TOPIC_MAX + 2];
    (void)state;
    rig_open_nodes(&r, 1);
    memset(name, 'x', sizeof name);
    name[sizeof name - 1] = '\0';
    assert_int_equal(do_create(&r, "", 10, 1, 1), KERR_INVALID_TOPIC_EXCEPTION);
    assert_int_equal(do_create(&r, ".", 10, 1, 1),
                     KERR_INVALID_TOPIC_EXCEPTION);
    assert_int_equal(do_create(&r, "..", 10, 1, 1),
                     KERR_INVALID_TOPIC_EXCEPTION);
    assert_int_equal(do_create(&r, "a b", 10, 1, 1),
                     KERR_INVALID_TOPIC_EXCEPTION);
    assert_int_equal(do_create(&r, "a/b", 10, 1, 1),
                     KERR_INVALID_TOPIC_EXCEPTION);
    assert_int_equal(do_create(&r, "\xc3\xa4", 10, 1, 1),
                     KERR_INVALID_TOPIC_EXCEPTION);
    assert_int_equal(do_create(&r, name, 10, 1, 1),
                     KERR_INVALID_TOPIC_EXCEPTION);
    assert_true(r.last.message[0] != '\0');
    assert_int_equal(image_n_topics(r.image), 0);
    name[IMAGE_TOPIC_MAX] = '\0';
    assert_int_equal(do_create(&r, name, 10, 1, 1), 0);
    assert_int_equal(do_create(&r, "a.b_c-D9", 11, 1, 1), 0);
    assert_int_equal(do_create(&r, "a.b_c-D9", 12, 1, 1),
                     KERR_TOPIC_ALREADY_EXISTS);
    assert_int_equal(do_create(&r, "a_b.c-D9", 12, 1, 1),
                     KERR_INVALID_TOPIC_EXCEPTION);
    assert_int_equal(do_delete(&r, "a.b_c-D9"), 0);
    assert_int_equal(do_create(&r, "a_b.c-D9", 12, 1, 1), 0);
    rig_end(&r);
}

static void test_create_limits(void **state)
{
    struct rig r;
    (void)state;
    rig_open_nodes(&r, 3);
    assert_int_equal(do_create(&r, "t", 10, 0, 1), KERR_INVALID_PARTITIONS);
    assert_int_equal(do_create(&r, "t", 10, -1, 1), KERR_INVALID_PARTITIONS);
    assert_int_equal(do_create(&r, "t", 10, META_PARTITIONS_MAX + 1, 1),
                     KERR_INVALID_PARTITIONS);
    assert_int_equal(do_create(&r, "t", 10, 1, 0),
                     KERR_INVALID_REPLICATION_FACTOR);
    assert_int_equal(do_create(&r, "t", 10, 1, 4),
                     KERR_INVALID_REPLICATION_FACTOR);
    assert_int_equal(do_create(&r, "t", 10, 1, 2), 0);
    assert_true(uuid_equal(r.last.topic, test_uuid(10)));
    assert_int_equal(r.last.partitions, 1);
    assert_int_equal(r.last.replication, 2);
    assert_int_equal(do_create(&r, "u", 10, 1, 1), KERR_INVALID_REQUEST);
    assert_int_equal(do_delete(&r, "t"), 0);
    assert_int_equal(do_create(&r, "u", 10, 1, 1), KERR_INVALID_REQUEST);
    struct meta_create_topic c = {
        .name = slice_str("u"), .partitions = 1, .replication = 1};
    assert_int_equal(create(&r, &c, uuid_zero), KERR_INVALID_REQUEST);
    rig_end(&r);
}

static void test_validate_only(void **state)
{
    struct rig r;
    struct meta_create_topic c = {.name = slice_str("t"),
                                  .id = test_uuid(10),
                                  .partitions = 5,
                                  .replication = 2,
                                  .validate_only = true};
    struct meta_create_partitions g = {
        .name = slice_str("t"), .count = 8, .validate_only = true};
    (void)state;
    rig_open_nodes(&r, 3);
    assert_true(rig_image(&r, "/meta/before"));
    uint64_t hash = r.hash;
    assert_int_equal(create(&r, &c, uuid_zero), 0);
    assert_int_equal(r.last.partitions, 5);
    assert_null(topic(&r, "t"));
    assert_true(rig_image(&r, "/meta/before"));
    assert_int_equal(r.hash, hash);
    c.validate_only = false;
    assert_int_equal(create(&r, &c, uuid_zero), 0);
    assert_int_equal(grow(&r, &g), 0);
    assert_int_equal(r.last.partitions, 8);
    assert_int_equal(topic(&r, "t")->n_partitions, 5);
    rig_end(&r);
}

static void test_assigned(void **state)
{
    struct rig r;
    struct image_partition rows[] = {
        {.replicas = {3, 1}, .n_replicas = 2},
        {.replicas = {2, 3}, .n_replicas = 2},
    };
    struct meta_create_topic c = {.name = slice_str("t"),
                                  .id = test_uuid(10),
                                  .partitions = 2,
                                  .replication = -1,
                                  .assigned = rows,
                                  .n_assigned = 2};
    (void)state;
    rig_open_nodes(&r, 3);
    c.partitions = 3;
    assert_int_equal(create(&r, &c, uuid_zero),
                     KERR_INVALID_REPLICA_ASSIGNMENT);
    c.partitions = 2;
    rows[1].n_replicas = 1;
    assert_int_equal(create(&r, &c, uuid_zero),
                     KERR_INVALID_REPLICA_ASSIGNMENT);
    rows[0].n_replicas = rows[1].n_replicas = 0;
    assert_int_equal(create(&r, &c, uuid_zero),
                     KERR_INVALID_REPLICA_ASSIGNMENT);
    rows[0].n_replicas = rows[1].n_replicas = 2;
    rows[1].replicas[1] = 2;
    assert_int_equal(create(&r, &c, uuid_zero),
                     KERR_INVALID_REPLICA_ASSIGNMENT);
    rows[1].replicas[1] = 9;
    assert_int_equal(create(&r, &c, uuid_zero),
                     KERR_INVALID_REPLICA_ASSIGNMENT);
    assert_null(topic(&r, "t"));
    rows[1].replicas[1] = 3;
    assert_int_equal(create(&r, &c, uuid_zero), 0);
    assert_int_equal(r.last.replication, 2);
    const struct image_topic *t = topic(&r, "t");
    assert_int_equal(t->partitions[0].replicas[0], 3);
    assert_int_equal(t->partitions[1].replicas[0], 2);
    assert_int_equal(t->partitions[1].replicas[1], 3);
    rig_end(&r);
}

static void test_grow(void **state)
{
    struct rig r;
    struct image_partition rows[] = {{.replicas = {2, 1}, .n_replicas = 2}};
    struct meta_create_partitions g = {.name = slice_str("t"), .count = 3};
    int32_t number = -1;
    (void)state;
    rig_open_nodes(&r, 3);
    assert_int_equal(grow(&r, &g), KERR_UNKNOWN_TOPIC_OR_PARTITION);
    assert_int_equal(do_create(&r, "t", 10, 2, 2), 0);
    assert_int_equal(do_create(&r, "between", 11, 1, 2), 0);
    g.count = 2;
    assert_int_equal(grow(&r, &g), KERR_INVALID_PARTITIONS);
    g.count = 0;
    assert_int_equal(grow(&r, &g), KERR_INVALID_PARTITIONS);
    g.count = META_PARTITIONS_MAX + 1;
    assert_int_equal(grow(&r, &g), KERR_INVALID_PARTITIONS);
    g.count = 4;
    g.assigned = rows;
    g.n_assigned = 1;
    assert_int_equal(grow(&r, &g), KERR_INVALID_REPLICA_ASSIGNMENT);
    g.count = 3;
    rows[0].n_replicas = 1;
    assert_int_equal(grow(&r, &g), KERR_INVALID_REPLICA_ASSIGNMENT);
    rows[0].n_replicas = 2;
    assert_int_equal(grow(&r, &g), 0);
    assert_int_equal(r.last.partitions, 3);
    g.assigned = NULL;
    g.n_assigned = 0;
    g.count = 5;
    assert_int_equal(grow(&r, &g), 0);
    const struct image_topic *t = topic(&r, "t");
    assert_int_equal(t->n_partitions, 5);
    assert_int_equal(t->partitions[2].replicas[0], 2);
    assert_int_equal(t->partitions[2].group, META_TOPIC_GROUP_FIRST + 3);
    assert_ptr_equal(
        image_topic_by_group(r.image, t->partitions[2].group, &number), t);
    assert_int_equal(number, 2);
    rig_end(&r);
}

static void test_delete(void **state)
{
    struct rig r;
    (void)state;
    rig_open_nodes(&r, 3);
    assert_int_equal(do_delete(&r, "t"), KERR_UNKNOWN_TOPIC_OR_PARTITION);
    assert_int_equal(delete_id(&r, test_uuid(10)), KERR_UNKNOWN_TOPIC_ID);
    assert_int_equal(do_create(&r, "t", 10, 2, 2), 0);
    uint64_t group = topic(&r, "t")->partitions[1].group;
    assert_int_equal(do_config(&r, "t", META_CONFIG_SET, "retention.ms", "1"),
                     0);
    assert_int_equal(delete_id(&r, test_uuid(10)), 0);
    assert_int_equal(r.last.partitions, 2);
    assert_null(topic(&r, "t"));
    assert_null(image_topic_by_id(r.image, test_uuid(10)));
    assert_null(image_topic_by_group(r.image, group, NULL));
    assert_true(image_deleted(r.image, test_uuid(10)));
    assert_false(image_deleted(r.image, test_uuid(11)));
    /* Made anew: other groups, no configs left over. */
    assert_int_equal(do_create(&r, "t", 11, 2, 2), 0);
    assert_int_equal(topic(&r, "t")->partitions[0].group, group + 1);
    assert_int_equal(topic(&r, "t")->n_configs, 0);
    assert_int_equal(do_delete(&r, "t"), 0);
    rig_end(&r);
}

static void create_shards(struct rig *r)
{
    struct buf b;
    command_init(r, &b);
    meta_encode_create_shards(uuid_zero, &b);
    assert_true(rig_apply(r, &b));
    assert_int_equal(r->last.error, 0);
    assert_int_equal(r->last.partitions, 16);
}

static void test_shards(void **state)
{
    struct rig r;
    unsigned replicas[6] = {0}, leaders[6] = {0};
    struct image_partition before[16];
    (void)state;
    rig_open_nodes(&r, 5);
    assert_null(image_shard(r.image, 0));
    create_shards(&r);
    for (unsigned k = 0; k < 16; k++) {
        const struct image_partition *x = image_shard(r.image, k);
        assert_non_null(x);
        if (x == NULL) {
            continue;
        }
        before[k] = *x;
        assert_int_equal(x->group, META_GROUPS_FIRST + k);
        assert_int_equal(x->n_replicas, 3);
        leaders[x->replicas[0]]++;
        for (unsigned i = 0; i < 3; i++) {
            replicas[x->replicas[i]]++;
        }
    }
    assert_null(image_shard(r.image, 16));
    for (unsigned n = 1; n <= 5; n++) {
        assert_in_range(replicas[n], 9, 10);
        assert_in_range(leaders[n], 2, 5);
    }
    /* Once and for all; no topic is touched by them. */
    assert_int_equal(do_create(&r, "t", 10, 3, 3), 0);
    create_shards(&r);
    assert_int_equal(do_delete(&r, "t"), 0);
    assert_true(rig_close(&r));
    assert_true(rig_open(&r, false));
    for (unsigned k = 0; k < 16; k++) {
        const struct image_partition *x = image_shard(r.image, k);
        assert_non_null(x);
        assert_true(x != NULL && x->group == before[k].group &&
                    x->n_replicas == 3 &&
                    memcmp(x->replicas, before[k].replicas, 12) == 0);
    }
    rig_end(&r);
    rig_open_nodes(&r, 2); /* a small cluster has what it has */
    create_shards(&r);
    assert_true(image_shard(r.image, 15) != NULL &&
                image_shard(r.image, 15)->n_replicas == 2);
    rig_end(&r);
}

static const char *config(const struct rig *r, const char *name)
{
    return image_topic_config(topic(r, "t"), name);
}

static void test_configs(void **state)
{
    struct rig r;
    const struct image_config at_birth[] = {{"b", "2"}, {"a", "1"}};
    struct meta_create_topic c = {.name = slice_str("t"),
                                  .id = test_uuid(10),
                                  .partitions = 1,
                                  .replication = 1,
                                  .configs = at_birth,
                                  .n_configs = 2};
    (void)state;
    rig_open_nodes(&r, 1);
    assert_int_equal(do_config(&r, "t", META_CONFIG_SET, "a", "1"),
                     KERR_UNKNOWN_TOPIC_OR_PARTITION);
    assert_int_equal(create(&r, &c, uuid_zero), 0);
    assert_int_equal(topic(&r, "t")->n_configs, 2);
    assert_string_equal(topic(&r, "t")->configs[0].name, "a");
    assert_string_equal(config(&r, "b"), "2");
    do_config(&r, "t", META_CONFIG_SET, "a", "x, y");
    assert_string_equal(config(&r, "a"), "x, y");
    do_config(&r, "t", META_CONFIG_APPEND, "a", "z,x,z");
    assert_string_equal(config(&r, "a"), "x,y,z");
    do_config(&r, "t", META_CONFIG_SUBTRACT, "a", "y,q");
    assert_string_equal(config(&r, "a"), "x,z");
    do_config(&r, "t", META_CONFIG_SUBTRACT, "a", "x,z");
    assert_string_equal(config(&r, "a"), "");
    do_config(&r, "t", META_CONFIG_APPEND, "new", "v");
    assert_string_equal(config(&r, "new"), "v");
    do_config(&r, "t", META_CONFIG_DELETE, "a", NULL);
    assert_null(config(&r, "a"));
    do_config(&r, "t", META_CONFIG_DELETE, "never", NULL);
    assert_int_equal(r.last.error, 0);
    assert_int_equal(topic(&r, "t")->n_configs, 2);

    /* AlterConfigs replaces all. */
    struct buf b;
    struct meta_config_change set = {META_CONFIG_SET, "only", "1"};
    struct meta_alter_configs all = {slice_str("t"), true, &set, 1};
    command_init(&r, &b);
    meta_encode_alter_configs(&all, uuid_zero, &b);
    assert_true(rig_apply(&r, &b));
    assert_int_equal(topic(&r, "t")->n_configs, 1);
    assert_string_equal(config(&r, "only"), "1");
    rig_end(&r);
}

/* A list of numbers as long as a value may be. */
static char *numbers(unsigned first)
{
    char *value = malloc(META_CONFIG_VALUE_MAX + 1);
    size_t n = 0;
    while (n + 6 < META_CONFIG_VALUE_MAX) {
        n += (size_t)sprintf(value + n, "%s%x", n > 0 ? "," : "", first++);
    }
    return value;
}

/* Long lists that have nothing in common cost no more than long ones: all
 * machines of a node wait for the thread that this runs on. Of its time only
 * what the processor worked is counted. */
static void test_long_lists(void **state)
{
    struct rig r;
    char *a = numbers(0x100), *b = numbers(0x8000);
    (void)state;
    rig_open_nodes(&r, 1);
    assert_int_equal(do_create(&r, "t", 10, 1, 1), 0);
    assert_int_equal(do_config(&r, "t", META_CONFIG_SET, "a", a), 0);
    clock_t began = clock();
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(do_config(&r, "t", META_CONFIG_APPEND, "a", b),
                         KERR_INVALID_CONFIG);
        assert_int_equal(do_config(&r, "t", META_CONFIG_SUBTRACT, "a", b), 0);
    }
    assert_true(clock() - began < 5 * CLOCKS_PER_SEC);
    assert_string_equal(config(&r, "a"), a);
    assert_int_equal(do_config(&r, "t", META_CONFIG_SUBTRACT, "a", a), 0);
    assert_string_equal(config(&r, "a"), "");
    free(a);
    free(b);
    rig_end(&r);
}

static void test_config_limits(void **state)
{
    struct rig r;
    struct buf b;
    char *value = malloc(META_CONFIG_VALUE_MAX + 1);
    char names[META_CONFIGS_MAX][8];
    static struct meta_config_change ops[META_CONFIGS_MAX];
    struct meta_alter_configs c = {slice_str("t"), false, ops,
                                   META_CONFIGS_MAX};
    (void)state;
    rig_open_nodes(&r, 1);
    assert_int_equal(do_create(&r, "t", 10, 1, 1), 0);
    memset(value, 'v', META_CONFIG_VALUE_MAX);
    value[META_CONFIG_VALUE_MAX] = '\0';
    assert_int_equal(do_config(&r, "t", META_CONFIG_SET, "a", value), 0);
    assert_int_equal(do_config(&r, "t", META_CONFIG_APPEND, "a", "more"),
                     KERR_INVALID_CONFIG);
    assert_string_equal(config(&r, "a"), value);
    free(value);
    for (unsigned i = 0; i < META_CONFIGS_MAX; i++) {
        snprintf(names[i], sizeof names[i], "n%u", i);
        ops[i] = (struct meta_config_change){META_CONFIG_SET, names[i], "1"};
    }
    command_init(&r, &b);
    meta_encode_alter_configs(&c, uuid_zero, &b);
    assert_true(rig_apply(&r, &b));
    assert_int_equal(r.last.error, KERR_INVALID_CONFIG);
    assert_int_equal(topic(&r, "t")->n_configs, 1);
    rig_end(&r);
}

static void test_register(void **state)
{
    struct rig r;
    (void)state;
    rig_open_nodes(&r, 2);
    assert_string_equal(image_node(r.image, 2)->client_host, "");
    assert_int_equal(do_register(&r, 3, 102, "h", ""), KERR_INVALID_REQUEST);
    assert_int_equal(do_register(&r, 2, 100, "h", ""), KERR_INVALID_REQUEST);
    assert_non_null(strstr(r.last.message, "another directory"));
    assert_int_equal(do_register(&r, 2, 101, "h", "rack-1"), 0);
    const struct image_node *n = image_node(r.image, 2);
    assert_string_equal(n->client_host, "h");
    assert_int_equal(n->client_port, 9092);
    assert_string_equal(n->rack, "rack-1");
    assert_string_equal(n->version, "1.2");
    assert_string_equal(n->peer_host, "host1");
    assert_int_equal(n->incarnation, 1);
    rig_end(&r);
}

static void test_producer_ids(void **state)
{
    struct rig r;
    (void)state;
    rig_open_nodes(&r, 2);
    assert_int_equal(producer_ids(&r, 1, uuid_zero), 0);
    assert_int_equal(r.last.first_producer_id, 0);
    assert_int_equal(producer_ids(&r, 2, uuid_zero), 0);
    assert_int_equal(r.last.first_producer_id, META_PRODUCER_ID_BLOCK);
    assert_int_equal(producer_ids(&r, 7, uuid_zero), KERR_INVALID_REQUEST);
    /* Topics and producer ids share a row: neither disturbs the other. */
    assert_int_equal(do_create(&r, "t", 10, 2, 1), 0);
    assert_int_equal(producer_ids(&r, 1, uuid_zero), 0);
    assert_int_equal(r.last.first_producer_id, 2 * META_PRODUCER_ID_BLOCK);
    assert_int_equal(do_create(&r, "u", 11, 1, 1), 0);
    assert_int_equal(topic(&r, "u")->partitions[0].group,
                     META_TOPIC_GROUP_FIRST + 2);
    rig_end(&r);
}

/* A command that is sent again is answered again, and decided once. */
static void test_retried(void **state)
{
    struct rig r;
    struct meta_create_topic c = {.name = slice_str("t"),
                                  .id = test_uuid(10),
                                  .partitions = 2,
                                  .replication = 1};
    (void)state;
    rig_open_nodes(&r, 1);
    assert_int_equal(create(&r, &c, test_uuid(77)), 0);
    assert_int_equal(create(&r, &c, test_uuid(77)), 0);
    assert_int_equal(r.last.partitions, 2);
    assert_int_equal(create(&r, &c, test_uuid(78)), KERR_TOPIC_ALREADY_EXISTS);
    assert_int_equal(do_delete(&r, "t"), 0);
    assert_int_equal(create(&r, &c, test_uuid(78)), KERR_TOPIC_ALREADY_EXISTS);
    assert_null(topic(&r, "t"));
    assert_int_equal(producer_ids(&r, 1, test_uuid(79)), 0);
    int64_t first = r.last.first_producer_id;
    assert_true(rig_close(&r));
    assert_true(rig_open(&r, true));
    assert_int_equal(producer_ids(&r, 1, test_uuid(79)), 0);
    assert_int_equal(r.last.first_producer_id, first);
    /* Up to META_COMMANDS_KEPT indexes later. */
    r.next = r.next - 1 + META_COMMANDS_KEPT - 1;
    assert_int_equal(producer_ids(&r, 1, test_uuid(79)), 0);
    assert_int_equal(r.last.first_producer_id, first);
    assert_int_equal(producer_ids(&r, 1, test_uuid(80)), 0);
    assert_int_equal(producer_ids(&r, 1, test_uuid(79)), 0);
    assert_int_not_equal(r.last.first_producer_id, first);
    rig_end(&r);
}

static void raw(struct rig *r, const void *data, size_t len)
{
    struct buf b;
    command_init(r, &b);
    buf_put(&b, data, len);
    assert_true(rig_apply(r, &b));
}

static void test_malformed(void **state)
{
    struct rig r;
    uint8_t bytes[19] = {META_VERSION, META_DELETE_TOPIC};
    (void)state;
    rig_open_nodes(&r, 1);
    raw(&r, "", 0);
    assert_int_equal(r.last.error, KERR_INVALID_REQUEST);
    raw(&r, bytes, 10);
    assert_int_equal(r.last.error, KERR_INVALID_REQUEST);
    for (unsigned k = META_REGISTER_NODE; k <= META_CREATE_SHARDS; k++) {
        bytes[1] = (uint8_t)k;
        raw(&r, bytes, sizeof bytes);
        assert_int_equal(r.last.error, KERR_INVALID_REQUEST);
    }
    bytes[1] = META_CREATE_SHARDS + 1;
    raw(&r, bytes, sizeof bytes);
    assert_int_equal(r.last.error, KERR_UNSUPPORTED_VERSION);
    bytes[0] = META_VERSION + 1;
    raw(&r, bytes, sizeof bytes);
    assert_int_equal(r.last.error, KERR_UNSUPPORTED_VERSION);
    rig_end(&r);
}

/* ---- placement ----------------------------------------------------------
 */

static void count_loads(const struct rig *r, unsigned replicas[],
                        unsigned leaders[])
{
    const struct image_topic *t = NULL;
    while ((t = image_next_topic(r->image, t)) != NULL) {
        for (int32_t i = 0; i < t->n_partitions; i++) {
            const struct image_partition *x = &t->partitions[i];
            leaders[x->replicas[0]]++;
            for (unsigned k = 0; k < x->n_replicas; k++) {
                replicas[x->replicas[k]]++;
                for (unsigned j = 0; j < k; j++) {
                    assert_int_not_equal(x->replicas[j], x->replicas[k]);
                }
            }
        }
    }
}

static void test_balance(void **state)
{
    struct rig r;
    unsigned replicas[8] = {0}, leaders[8] = {0};
    char name[8];
    (void)state;
    rig_open_nodes(&r, 5);
    for (unsigned i = 0; i < 10; i++) {
        snprintf(name, sizeof name, "t%u", i);
        assert_int_equal(
            do_create(&r, name, 10 + i, 1 + (int32_t)i, 1 + (int16_t)(i % 3)),
            0);
    }
    assert_int_equal(do_delete(&r, "t7"), 0);
    assert_int_equal(do_create(&r, "t7", 30, 12, 3), 0);
    assert_int_equal(do_grow(&r, "t9", 20), 0);
    count_loads(&r, replicas, leaders);
    for (unsigned i = 2; i <= 5; i++) {
        assert_in_range(replicas[i], replicas[1] - 2, replicas[1] + 2);
        assert_in_range(leaders[i], leaders[1] - 3, leaders[1] + 3);
    }
    rig_end(&r);
}

static void test_leaders_rotate(void **state)
{
    struct rig r;
    unsigned replicas[8] = {0}, leaders[8] = {0};
    (void)state;
    rig_open_nodes(&r, 3);
    assert_int_equal(do_create(&r, "t", 10, 6, 3), 0);
    count_loads(&r, replicas, leaders);
    for (unsigned i = 1; i <= 3; i++) {
        assert_int_equal(replicas[i], 6);
        assert_int_equal(leaders[i], 2);
    }
    rig_end(&r);
}

static void test_racks(void **state)
{
    struct rig r;
    (void)state;
    rig_new(&r, 5, 6);
    for (unsigned i = 0; i < 6; i++) {
        r.racks[i] = i < 2 ? "a" : i < 4 ? "b" : "c";
    }
    assert_true(rig_open(&r, false));
    assert_int_equal(do_create(&r, "t", 10, 12, 3), 0);
    const struct image_topic *t = topic(&r, "t");
    for (int32_t i = 0; i < t->n_partitions; i++) {
        unsigned seen = 0;
        for (unsigned k = 0; k < 3; k++) {
            seen |= 1u << ((t->partitions[i].replicas[k] - 1) / 2);
        }
        assert_int_equal(seen, 7);
    }
    rig_end(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_create_limits),
        cmocka_unit_test(test_validate_only),
        cmocka_unit_test(test_assigned),
        cmocka_unit_test(test_grow),
        cmocka_unit_test(test_delete),
        cmocka_unit_test(test_shards),
        cmocka_unit_test(test_configs),
        cmocka_unit_test(test_long_lists),
        cmocka_unit_test(test_config_limits),
        cmocka_unit_test(test_register),
        cmocka_unit_test(test_producer_ids),
        cmocka_unit_test(test_retried),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_balance),
        cmocka_unit_test(test_leaders_rotate),
        cmocka_unit_test(test_racks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
