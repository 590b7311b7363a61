/* The read image: lookups, walks, watchers, and that changes one by one give
 * what a fresh load gives. */
#include "state_test.h"

#include "state/change.h"

/* ---- a text of all it holds ---------------------------------------------
 */

static void print_image(const struct image *im, struct buf *b)
{
    char id[UUID_TEXT_LEN + 1];
    const struct image_node *n = NULL;
    const struct image_topic *t = NULL;
    buf_printf(b, "cluster %s, next group %llu\n",
               uuid_format(image_cluster(im), id),
               (unsigned long long)image_next_group(im));
    while ((n = image_next_node(im, n)) != NULL) {
        buf_printf(b, "node %d %u %s %s:%u %s:%u %s %s\n", n->id,
                   n->incarnation, uuid_format(n->directory, id), n->peer_host,
                   n->peer_port, n->client_host, n->client_port, n->rack,
                   n->version);
    }
    while ((t = image_next_topic(im, t)) != NULL) {
        buf_printf(b, "topic %s %s %lld %d\n", t->name, uuid_format(t->id, id),
                   (long long)t->created_ms, t->internal);
        for (int32_t i = 0; i < t->n_partitions; i++) {
            const struct image_partition *x = &t->partitions[i];
            buf_printf(b, "  %d: %llu:", i, (unsigned long long)x->group);
            for (unsigned k = 0; k < x->n_replicas; k++) {
                buf_printf(b, " %d", x->replicas[k]);
            }
            buf_printf(b, "\n");
        }
        for (unsigned i = 0; i < t->n_configs; i++) {
            buf_printf(b, "  %s=%s\n", t->configs[i].name, t->configs[i].value);
        }
    }
}

/* Lookups agree with the walk. */
static void check_image(const struct image *im)
{
    const struct image_topic *t = NULL, *prev = NULL;
    unsigned n = 0;
    while ((t = image_next_topic(im, t)) != NULL) {
        assert_true(prev == NULL || strcmp(prev->name, t->name) < 0);
        assert_ptr_equal(image_topic(im, slice_str(t->name)), t);
        assert_ptr_equal(image_topic_by_id(im, t->id), t);
        assert_false(image_deleted(im, t->id));
        for (int32_t i = 0; i < t->n_partitions; i++) {
            int32_t number = -1;
            assert_ptr_equal(
                image_topic_by_group(im, t->partitions[i].group, &number), t);
            assert_int_equal(number, i);
        }
        prev = t;
        n++;
    }
    assert_int_equal(n, image_n_topics(im));
}

static void random_step(struct rig *r, struct rand *d, uint64_t i)
{
    char name[8], key[8];
    snprintf(name, sizeof name, "t%u", (unsigned)rand_below(d, 9));
    snprintf(key, sizeof key, "k%u", (unsigned)rand_below(d, 3));
    switch (rand_below(d, 7)) {
    case 0:
    case 1:
        do_create(r, name, 1000 + i, 1 + (int32_t)rand_below(d, 5),
                  1 + (int16_t)rand_below(d, 3));
        break;
    case 2:
        do_delete(r, name);
        break;
    case 3:
        do_grow(r, name, 1 + (int32_t)rand_below(d, 9));
        break;
    case 4:
        do_config(r, name, META_CONFIG_SET, key, "v");
        break;
    case 5:
        do_config(r, name, META_CONFIG_APPEND, key, "w");
        break;
    default:
        do_config(r, name, META_CONFIG_DELETE, key, NULL);
    }
}

static void test_equals_load(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct rig r;
        struct rand d;
        struct buf changed, loaded;
        rand_init(&d, seed);
        rig_new(&r, seed, 3);
        assert_true(rig_open(&r, false));
        for (uint64_t i = 0; i < 60; i++) {
            random_step(&r, &d, i);
        }
        check_image(r.image);
        command_init(&r, &changed);
        command_init(&r, &loaded);
        print_image(r.image, &changed);
        assert_true(rig_close(&r));
        assert_true(rig_open(&r, false)); /* the image is reset by the load */
        check_image(r.image);
        print_image(r.image, &loaded);
        buf_put_u8(&changed, 0);
        buf_put_u8(&loaded, 0);
        assert_string_equal((char *)changed.data, (char *)loaded.data);
        assert_non_null(strstr((char *)loaded.data, "topic"));
        buf_close(&changed);
        buf_close(&loaded);
        assert_true(rig_close(&r));
        rig_free(&r);
    }
}

/* ---- watchers -----------------------------------------------------------
 */

struct heard {
    char text[512];
    const struct image *image;
    char tag;
};

static void on_event(void *arg, enum image_event event,
                     const struct image_topic *t, const struct image_node *n)
{
    static const char *const names[] = {"node",    "created", "grown", "config",
                                        "deleted", "shards",  "reset"};
    struct heard *h = arg;
    size_t at = strlen(h->text);
    snprintf(h->text + at, sizeof h->text - at, "%c %s", h->tag, names[event]);
    at = strlen(h->text);
    if (t != NULL) {
        /* The image holds it already; a deleted one no longer. */
        assert_ptr_equal(image_topic(h->image, slice_str(t->name)),
                         event == IMAGE_TOPIC_DELETED ? NULL : t);
        snprintf(h->text + at, sizeof h->text - at, " %s %d %u", t->name,
                 t->n_partitions, t->n_configs);
    } else if (n != NULL) {
        snprintf(h->text + at, sizeof h->text - at, " %d", n->id);
    }
    at = strlen(h->text);
    snprintf(h->text + at, sizeof h->text - at, "\n");
}

static void test_watchers(void **state)
{
    struct rig r;
    struct buf b;
    struct meta_register reg = {1, test_uuid(100), "h", 9092, "", "1"};
    const struct image_config c = {"k", "v"};
    struct meta_create_topic create = {.name = slice_str("t"),
                                       .id = test_uuid(10),
                                       .partitions = 1,
                                       .replication = 1,
                                       .configs = &c,
                                       .n_configs = 1};
    (void)state;
    rig_new(&r, 1, 2);
    struct heard x = {.image = r.image, .tag = 'x'};
    struct heard y = {.image = r.image, .tag = 'y'};
    image_watch(r.image, on_event, &x);
    image_watch(r.image, on_event, &y);
    assert_true(rig_open(&r, false));
    command_init(&r, &b);
    meta_encode_register(&reg, uuid_zero, &b);
    assert_true(rig_apply(&r, &b));
    command_init(&r, &b);
    meta_encode_create_topic(&create, uuid_zero, &b);
    assert_true(rig_apply(&r, &b));
    do_grow(&r, "t", 3);
    do_config(&r, "t", META_CONFIG_DELETE, "k", NULL);
    do_delete(&r, "t");
    do_delete(&r, "t");                /* refused: nothing to tell */
    for (unsigned i = 0; i < 2; i++) { /* told once */
        command_init(&r, &b);
        meta_encode_create_shards(uuid_zero, &b);
        assert_true(rig_apply(&r, &b));
    }
    assert_string_equal(x.text, "x reset\nx node 1\nx created t 1 1\n"
                                "x grown t 3 1\nx config t 3 0\n"
                                "x deleted t 3 0\nx shards\n");
    assert_string_equal(y.text, "y reset\ny node 1\ny created t 1 1\n"
                                "y grown t 3 1\ny config t 3 0\n"
                                "y deleted t 3 0\ny shards\n");
    assert_true(rig_close(&r));
    rig_free(&r);
}

/* ---- bytes that are no change records -----------------------------------
 */

static void put_some(struct buf *b)
{
    struct image_node n = {.id = 1, .peer_host = "p"};
    struct image_partition x = {.replicas = {1}, .n_replicas = 1};
    buf_put_u8(b, CHANGE_CLUSTER);
    change_put_uuid(b, test_uuid(1));
    buf_put_u64(b, 1002);
    buf_put_u8(b, CHANGE_NODE);
    change_put_node(b, &n);
    buf_put_u8(b, CHANGE_TOPIC);
    change_put_uuid(b, test_uuid(2));
    change_put_text(b, slice_str("t"));
    buf_put_u64(b, 5);
    buf_put_u8(b, 0);
    buf_put_u32(b, 2);
    for (unsigned i = 0; i < 2; i++) {
        buf_put_u64(b, 1000 + i);
        change_put_replicas(b, &x);
    }
    buf_put_uvarint(b, 1);
    change_put_text(b, slice_str("k"));
    change_put_text(b, slice_str("v"));
    buf_put_u8(b, CHANGE_DELETED);
    change_put_uuid(b, test_uuid(3));
    buf_put_u8(b, CHANGE_SHARDS);
    buf_put_u8(b, 1);
    buf_put_u64(b, 16);
    change_put_replicas(b, &x);
}

static void test_malformed(void **state)
{
    struct mem *mem = mem_new(0);
    struct image *im = image_new(mem);
    struct buf b;
    unsigned n_whole = 0;
    (void)state;
    buf_init(&b, mem, 0);
    put_some(&b);
    assert_int_equal(image_change(im, buf_slice(&b), true), 0);
    check_image(im);
    for (size_t len = 0; len < b.len; len++) {
        uint8_t *copy = malloc(len + 1);
        memcpy(copy, b.data, len);
        int rv = image_change(im, slice_of(copy, len), true);
        assert_true(rv == 0 || rv == ERR_CORRUPT);
        n_whole += rv == 0;
        check_image(im);
        free(copy);
    }
    assert_int_equal(n_whole, 5); /* cut between records */
    for (size_t bit = 0; bit < 8 * b.len; bit++) {
        b.data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        int rv = image_change(im, buf_slice(&b), true);
        assert_true(rv == 0 || rv == ERR_CORRUPT);
        b.data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    /* More shards than there can be. */
    assert_int_equal(image_change(im, buf_slice(&b), true), 0);
    assert_true(image_shard(im, 0) != NULL && image_shard(im, 1) == NULL);
    struct buf many;
    buf_init(&many, mem, 0);
    buf_put_u8(&many, CHANGE_SHARDS);
    buf_put_u8(&many, IMAGE_SHARDS_MAX + 1);
    for (unsigned i = 0; i <= IMAGE_SHARDS_MAX; i++) {
        buf_put_u64(&many, 16 + i);
        buf_put_u8(&many, 0);
    }
    assert_int_equal(image_change(im, buf_slice(&many), false), ERR_CORRUPT);
    buf_close(&many);
    /* A topic, and a group, that are there already. */
    assert_int_equal(image_change(im, buf_slice(&b), true), 0);
    assert_int_equal(image_change(im, buf_slice(&b), false), ERR_CORRUPT);
    check_image(im);
    /* Groups of a topic ascend. */
    struct image_partition x = {.replicas = {1}, .n_replicas = 1};
    buf_reset(&b);
    buf_put_u8(&b, CHANGE_PARTITIONS);
    change_put_uuid(&b, test_uuid(2));
    buf_put_u32(&b, 1);
    buf_put_u64(&b, 999);
    change_put_replicas(&b, &x);
    assert_int_equal(image_change(im, buf_slice(&b), false), ERR_CORRUPT);
    buf_close(&b);
    image_free(im);
    assert_int_equal(mem_blocks(mem), 0);
    mem_free_all(mem);
}

/* Every allocation fails once: said, and nothing is lost. */
static void test_no_memory(void **state)
{
    struct mem *mem = mem_new(0);
    struct mem *own = mem_new(0);
    struct buf b;
    int fired = 1;
    (void)state;
    buf_init(&b, own, 0);
    put_some(&b);
    for (uint64_t n = 1; fired; n++) {
        struct image *im;
        mem_fail_at(mem, n, 0);
        im = image_new(mem);
        int rv = im == NULL ? ERR_NOMEM : image_change(im, buf_slice(&b), true);
        fired = mem_fail_fired(mem);
        assert_int_equal(rv, fired ? ERR_NOMEM : 0);
        image_free(im);
        assert_int_equal(mem_blocks(mem), 0);
    }
    buf_close(&b);
    mem_free_all(own);
    mem_free_all(mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equals_load),
        cmocka_unit_test(test_watchers),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
