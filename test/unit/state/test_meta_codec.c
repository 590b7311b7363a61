/* Commands and results as bytes: there and back, cut short, flipped. */
#include "state_test.h"

#include "state/meta_impl.h"

struct fixture {
    struct mem *mem;
    struct arena arena;
    struct buf b;
    struct cursor c;
};

static void fixture_init(struct fixture *f)
{
    f->mem = mem_new(0);
    arena_init(&f->arena, f->mem, 0);
    buf_init(&f->b, f->mem, 0);
}

static void fixture_close(struct fixture *f)
{
    buf_close(&f->b);
    arena_close(&f->arena);
    assert_int_equal(mem_blocks(f->mem), 0);
    mem_free_all(f->mem);
}

static void read_head(struct fixture *f, enum meta_kind kind)
{
    struct meta_head h;
    assert_int_equal(f->b.status, 0);
    cursor_init(&f->c, buf_slice(&f->b));
    meta_decode_head(&f->c, &h);
    assert_int_equal(h.version, META_VERSION);
    assert_int_equal(h.kind, kind);
    assert_true(uuid_equal(h.command, test_uuid(9)));
}

static const struct image_config some_configs[] = {
    {"cleanup.policy", "compact,delete"}, {"retention.ms", ""}};
static const struct image_partition some_rows[] = {
    {.replicas = {3, 1}, .n_replicas = 2},
    {.replicas = {2, 3}, .n_replicas = 2}};
static const struct meta_config_change some_ops[] = {
    {META_CONFIG_SET, "a", "1"},
    {META_CONFIG_DELETE, "b", NULL},
    {META_CONFIG_APPEND, "c", "x,y"},
    {META_CONFIG_SUBTRACT, "d", ""}};

/* One command of each kind. */
static void encode_some(enum meta_kind kind, struct buf *b)
{
    struct uuid id = test_uuid(9);
    struct meta_register reg = {2, test_uuid(3), "client", 9092, "r1", "1.0"};
    struct meta_create_topic topic = {.name = slice_str("orders"),
                                      .id = test_uuid(4),
                                      .partitions = 2,
                                      .replication = 2,
                                      .configs = some_configs,
                                      .n_configs = 2,
                                      .assigned = some_rows,
                                      .n_assigned = 2,
                                      .validate_only = true};
    struct meta_create_partitions grow = {slice_str("orders"), 4, some_rows, 2,
                                          true};
    struct meta_alter_configs alter = {slice_str("orders"), true, some_ops, 4};
    switch (kind) {
    case META_REGISTER_NODE:
        meta_encode_register(&reg, id, b);
        break;
    case META_CREATE_TOPIC:
        meta_encode_create_topic(&topic, id, b);
        break;
    case META_DELETE_TOPIC:
        meta_encode_delete_topic(test_uuid(5), slice_str("t"), id, b);
        break;
    case META_CREATE_PARTITIONS:
        meta_encode_create_partitions(&grow, id, b);
        break;
    case META_ALTER_CONFIGS:
        meta_encode_alter_configs(&alter, id, b);
        break;
    case META_PRODUCER_IDS:
        meta_encode_producer_ids(3, id, b);
        break;
    case META_CREATE_SHARDS:
        meta_encode_create_shards(id, b);
        break;
    }
}

static void test_round_trip(void **state)
{
    struct fixture f;
    struct meta_register reg;
    struct meta_create_topic topic;
    struct meta_create_partitions grow;
    struct meta_alter_configs alter;
    struct uuid id;
    struct slice name;
    int32_t node;
    (void)state;
    fixture_init(&f);

    encode_some(META_REGISTER_NODE, &f.b);
    read_head(&f, META_REGISTER_NODE);
    meta_decode_register(&f.c, &f.arena, &reg);
    assert_int_equal(f.c.status, 0);
    assert_int_equal(reg.node, 2);
    assert_true(uuid_equal(reg.directory, test_uuid(3)));
    assert_string_equal(reg.client_host, "client");
    assert_int_equal(reg.client_port, 9092);
    assert_string_equal(reg.rack, "r1");
    assert_string_equal(reg.version, "1.0");

    buf_reset(&f.b);
    encode_some(META_CREATE_TOPIC, &f.b);
    read_head(&f, META_CREATE_TOPIC);
    meta_decode_create_topic(&f.c, &f.arena, &topic);
    assert_int_equal(f.c.status, 0);
    assert_true(slice_equal(topic.name, slice_str("orders")));
    assert_true(uuid_equal(topic.id, test_uuid(4)));
    assert_int_equal(topic.partitions, 2);
    assert_int_equal(topic.replication, 2);
    assert_int_equal(topic.n_configs, 2);
    assert_string_equal(topic.configs[0].value, "compact,delete");
    assert_string_equal(topic.configs[1].value, "");
    assert_int_equal(topic.n_assigned, 2);
    assert_int_equal(topic.assigned[1].replicas[1], 3);
    assert_true(topic.validate_only);

    buf_reset(&f.b);
    encode_some(META_DELETE_TOPIC, &f.b);
    read_head(&f, META_DELETE_TOPIC);
    meta_decode_delete_topic(&f.c, &id, &name);
    assert_int_equal(f.c.status, 0);
    assert_true(uuid_equal(id, test_uuid(5)));
    assert_true(slice_equal(name, slice_str("t")));

    buf_reset(&f.b);
    encode_some(META_CREATE_PARTITIONS, &f.b);
    read_head(&f, META_CREATE_PARTITIONS);
    meta_decode_create_partitions(&f.c, &f.arena, &grow);
    assert_int_equal(f.c.status, 0);
    assert_int_equal(grow.count, 4);
    assert_int_equal(grow.assigned[0].replicas[0], 3);
    assert_true(grow.validate_only);

    buf_reset(&f.b);
    encode_some(META_ALTER_CONFIGS, &f.b);
    read_head(&f, META_ALTER_CONFIGS);
    meta_decode_alter_configs(&f.c, &f.arena, &alter);
    assert_int_equal(f.c.status, 0);
    assert_true(alter.replace);
    assert_int_equal(alter.n_ops, 4);
    assert_int_equal(alter.ops[1].op, META_CONFIG_DELETE);
    assert_null(alter.ops[1].value);
    assert_string_equal(alter.ops[2].value, "x,y");

    buf_reset(&f.b);
    encode_some(META_PRODUCER_IDS, &f.b);
    read_head(&f, META_PRODUCER_IDS);
    meta_decode_producer_ids(&f.c, &node);
    assert_int_equal(f.c.status, 0);
    assert_int_equal(node, 3);
    fixture_close(&f);
}

/* Version 1 as it was when it was made: logs and peers have such bytes. */
static void test_golden(void **state)
{
    static const char *const names[] = {NULL,       "register", "create",
                                        "delete",   "grow",     "alter",
                                        "producer", "shards"};
    struct fixture f;
    (void)state;
    fixture_init(&f);
    for (unsigned k = META_REGISTER_NODE; k <= META_CREATE_SHARDS; k++) {
        char path[1024];
        uint8_t bytes[512];
        snprintf(path, sizeof path, "%s/test/fuzz/corpus/meta/%s", FUZZ_SRCDIR,
                 names[k]);
        FILE *file = fopen(path, "rb");
        if (file == NULL) {
            fail_msg("%s", path);
            return;
        }
        size_t n = fread(bytes, 1, sizeof bytes, file);
        fclose(file);
        buf_reset(&f.b);
        encode_some((enum meta_kind)k, &f.b);
        assert_int_equal(n, 1 + f.b.len); /* the harness's mode comes first */
        assert_memory_equal(bytes + 1, f.b.data, f.b.len);
    }
    fixture_close(&f);
}

/* Decode as apply does. Returns the status. */
static int decode_any(struct slice in, struct arena *a)
{
    struct cursor c;
    struct meta_head h;
    struct meta_register reg;
    struct meta_create_topic topic;
    struct meta_create_partitions grow;
    struct meta_alter_configs alter;
    struct uuid id;
    struct slice name;
    int32_t node;
    cursor_init(&c, in);
    meta_decode_head(&c, &h);
    switch (h.kind) {
    case META_REGISTER_NODE:
        meta_decode_register(&c, a, &reg);
        break;
    case META_CREATE_TOPIC:
        meta_decode_create_topic(&c, a, &topic);
        break;
    case META_DELETE_TOPIC:
        meta_decode_delete_topic(&c, &id, &name);
        break;
    case META_CREATE_PARTITIONS:
        meta_decode_create_partitions(&c, a, &grow);
        break;
    case META_ALTER_CONFIGS:
        meta_decode_alter_configs(&c, a, &alter);
        break;
    case META_PRODUCER_IDS:
        meta_decode_producer_ids(&c, &node);
        break;
    case META_CREATE_SHARDS:
        meta_decode_create_shards(&c);
        break;
    default:
        return ERR_PROTOCOL;
    }
    return c.status;
}

static int decode_exact(struct fixture *f, const uint8_t *data, size_t len)
{
    /* A copy of the exact size: reading beyond it is caught in ASan builds. */
    uint8_t *copy = malloc(len == 0 ? 1 : len);
    if (len > 0) {
        memcpy(copy, data, len);
    }
    int rv = decode_any(slice_of(copy, len), &f->arena);
    free(copy);
    arena_reset(&f->arena);
    return rv;
}

static void test_truncated(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    for (unsigned k = META_REGISTER_NODE; k <= META_CREATE_SHARDS; k++) {
        buf_reset(&f.b);
        encode_some((enum meta_kind)k, &f.b);
        assert_int_equal(decode_exact(&f, f.b.data, f.b.len), 0);
        for (size_t len = 0; len < f.b.len; len++) {
            assert_int_equal(decode_exact(&f, f.b.data, len), ERR_PROTOCOL);
        }
        buf_put_u8(&f.b, 0);
        assert_int_equal(decode_exact(&f, f.b.data, f.b.len), ERR_PROTOCOL);
    }
    fixture_close(&f);
}

/* Whatever a flipped bit makes of it, it is decoded or refused. */
static void test_flipped(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    for (unsigned k = META_REGISTER_NODE; k <= META_CREATE_SHARDS; k++) {
        buf_reset(&f.b);
        encode_some((enum meta_kind)k, &f.b);
        for (size_t bit = 0; bit < 8 * f.b.len; bit++) {
            f.b.data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
            int rv = decode_exact(&f, f.b.data, f.b.len);
            assert_true(rv == 0 || rv == ERR_PROTOCOL);
            f.b.data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        }
    }
    fixture_close(&f);
}

/* A count that the bytes cannot hold allocates nothing. */
static void test_bombs(void **state)
{
    struct fixture f;
    struct meta_create_partitions grow;
    (void)state;
    fixture_init(&f);
    change_put_text(&f.b, slice_str("t"));
    buf_put_u32(&f.b, 5);
    buf_put_uvarint(&f.b, META_PARTITIONS_MAX);
    cursor_init(&f.c, buf_slice(&f.b));
    meta_decode_create_partitions(&f.c, &f.arena, &grow);
    assert_int_equal(f.c.status, ERR_PROTOCOL);
    assert_int_equal(f.arena.used, 0);
    fixture_close(&f);
}

/* No memory is not the command's fault. */
static void test_no_memory(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    encode_some(META_CREATE_TOPIC, &f.b);
    mem_fail_at(f.mem, 1, 1);
    assert_int_equal(decode_any(buf_slice(&f.b), &f.arena), ERR_NOMEM);
    mem_fail_at(f.mem, 0, 0);
    fixture_close(&f);
}

static void test_result(void **state)
{
    struct fixture f;
    struct meta_result r = {.error = 36,
                            .message = "there already",
                            .topic = test_uuid(8),
                            .partitions = 12,
                            .replication = 3,
                            .first_producer_id = 4000};
    struct meta_result back;
    (void)state;
    fixture_init(&f);
    meta_encode_result(&r, &f.b);
    assert_int_equal(meta_decode_result(buf_slice(&f.b), &back), 0);
    assert_int_equal(back.error, 36);
    assert_string_equal(back.message, "there already");
    assert_true(uuid_equal(back.topic, test_uuid(8)));
    assert_int_equal(back.partitions, 12);
    assert_int_equal(back.replication, 3);
    assert_int_equal(back.first_producer_id, 4000);
    for (size_t len = 0; len < f.b.len; len++) {
        assert_int_equal(meta_decode_result(slice_of(f.b.data, len), &back),
                         ERR_CORRUPT);
    }
    f.b.data[0]++;
    assert_int_equal(meta_decode_result(buf_slice(&f.b), &back), ERR_CORRUPT);
    fixture_close(&f);
}

static void test_bootstrap(void **state)
{
    struct fixture f;
    struct rig r = {.n_nodes = 3};
    struct meta_bootstrap b;
    (void)state;
    fixture_init(&f);
    rig_bootstrap(&r, &f.b);
    assert_int_equal(meta_decode_bootstrap(buf_slice(&f.b), &f.arena, &b), 0);
    assert_int_equal(b.n_nodes, 3);
    assert_string_equal(b.nodes[2].peer_host, "host2");
    assert_int_equal(b.nodes[2].peer_port, 7000);
    for (size_t len = 0; len < f.b.len; len++) {
        assert_int_equal(
            meta_decode_bootstrap(slice_of(f.b.data, len), &f.arena, &b),
            ERR_INVALID);
    }
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),    cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_truncated), cmocka_unit_test(test_flipped),
        cmocka_unit_test(test_bombs),     cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_result),    cmocka_unit_test(test_bootstrap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
