/* Groups as a machine: the same state whatever the transactions' borders, over
 * crashes, and with rules that hold after any commands. */
#include "cgroup_test.h"

#define STEPS 250

static void test_names(void **state)
{
    char name[CGROUP_NAME_MAX + 1];
    (void)state;
    /* For ever: keys were placed by these. */
    assert_int_equal(cgroup_shard(slice_str("")), 0xef46db3751d8e999 % 16);
    assert_int_equal(cgroup_shard(slice_str("a")), 0xd24ec4f1a98c6e5b % 16);
    memset(name, 'x', sizeof name);
    assert_true(cgroup_name_ok(slice_of(name, CGROUP_NAME_MAX)));
    assert_false(cgroup_name_ok(slice_of(name, CGROUP_NAME_MAX + 1)));
    assert_true(cgroup_name_ok(slice_of(NULL, 0)));
    assert_false(cgroup_name_ok(slice_of("a\0b", 3)));
    assert_string_equal(cgroup_state_name(CGROUP_EMPTY), "Empty");
    assert_string_equal(cgroup_state_name(CGROUP_STABLE), "Stable");
}

static void test_bootstrap(void **state)
{
    struct mem *mem = mem_new(0);
    struct buf b;
    struct uuid cluster;
    unsigned shard;
    (void)state;
    buf_init(&b, mem, 0);
    cgroup_encode_bootstrap(test_uuid(9), 15, &b);
    assert_int_equal(cgroup_decode_bootstrap(buf_slice(&b), &cluster, &shard),
                     0);
    assert_true(uuid_equal(cluster, test_uuid(9)));
    assert_int_equal(shard, 15);
    for (size_t n = 0; n < b.len; n++) {
        assert_int_equal(
            cgroup_decode_bootstrap(slice_of(b.data, n), &cluster, &shard),
            ERR_INVALID);
    }
    b.data[b.len - 1] = CGROUP_SHARDS;
    assert_int_equal(cgroup_decode_bootstrap(buf_slice(&b), &cluster, &shard),
                     ERR_INVALID);
    b.data[b.len - 1] = 0;
    buf_put_u8(&b, 0);
    assert_int_equal(cgroup_decode_bootstrap(buf_slice(&b), &cluster, &shard),
                     ERR_INVALID);
    buf_close(&b);
    mem_free_all(mem);
}

static void test_bad_changes(void **state)
{
    struct mem *mem = mem_new(0);
    struct cgroup_image *im = cgroup_image_new(mem);
    struct buf b;
    (void)state;
    assert_non_null(im);
    struct cgroup g = {.id = slice_str("g"), .leader = slice_str("m")};
    struct cgroup_member m = {.id = slice_str("m")};
    struct cgroup_offset o = {.topic = test_uuid(1)};
    buf_init(&b, mem, 0);
    cgroup_change_member(&b, g.id, &m);
    assert_int_equal(cgroup_image_change(im, buf_slice(&b), false),
                     ERR_CORRUPT); /* of no group */
    buf_reset(&b);
    cgroup_change_offset(&b, g.id, &o);
    assert_int_equal(cgroup_image_change(im, buf_slice(&b), false),
                     ERR_CORRUPT);
    buf_reset(&b);
    cgroup_change_group(&b, &g);
    size_t first = b.len;
    cgroup_change_member(&b, g.id, &m);
    size_t second = b.len;
    cgroup_change_offset(&b, g.id, &o);
    for (size_t n = 1; n < b.len; n++) {
        int rv = cgroup_image_change(im, slice_of(b.data, n), true);
        assert_int_equal(rv, n == first || n == second ? 0 : ERR_CORRUPT);
    }
    assert_int_equal(cgroup_image_change(im, buf_slice(&b), true), 0);
    b.data[0] = 99;
    assert_int_equal(cgroup_image_change(im, buf_slice(&b), false),
                     ERR_CORRUPT);
    buf_close(&b);
    cgroup_image_free(im);
    assert_int_equal(mem_blocks(mem), 0);
    mem_free_all(mem);
}

/* ---- any commands --------------------------------------------------------
 */

static const char *pick(struct rand *rand, const char *const names[],
                        unsigned n)
{
    return names[rand_below(rand, n)];
}

static const char *const groups[] = {"g", "h"};
static const char *const instances[] = {"", "", "", "a", "b"};
static const char *const lists[] = {"range", "range,rr", "rr,range", "rr"};

/* Mostly one that is there. */
static struct slice pick_member(struct rand *rand, const struct cgroup_view *g)
{
    return g == NULL || g->n_members == 0 || rand_below(rand, 4) == 0
               ? slice_str("nobody")
               : g->members[rand_below(rand, g->n_members)]->id;
}

static void put_join(struct rand *rand, unsigned id_of,
                     const struct cgroup_view *g, struct slice group,
                     struct buf *b)
{
    struct cgroup_protocol p[ROWS_MAX];
    char id[32];
    bool again = rand_below(rand, 2) == 0;
    snprintf(id, sizeof id, "m%u", id_of);
    const char *list = pick(rand, lists, 4);
    struct cgroup_join j = {
        .group = group,
        .member = again ? pick_member(rand, g) : slice_str(""),
        .new_member = slice_str(id),
        .instance = slice_str(pick(rand, instances, 5)),
        .client_host = slice_str("/h"),
        .session_ms = 10000,
        .rebalance_ms = 100 + (uint32_t)rand_below(rand, 1000),
        .protocol_type = slice_str("consumer"),
        .protocols = p,
        .n_protocols = c_protocols(list, p),
        .require_id = rand_below(rand, 3) == 0,
        .may_skip = rand_below(rand, 2) == 0,
        .initial_delay_ms = (uint32_t)rand_below(rand, 2) * 50,
        .session_max_ms = 10000,
        .size_max = 1 + (uint32_t)rand_below(rand, 5)};
    cgroup_encode_join(&j, b);
}

static void put_sync(struct rand *rand, const struct cgroup_view *g,
                     struct slice group, struct buf *b)
{
    struct cgroup_assignment a = {pick_member(rand, g), slice_str("x")};
    bool leader = g != NULL && rand_below(rand, 2) == 0;
    struct cgroup_sync y = {.group = group,
                            .member = leader ? g->leader : pick_member(rand, g),
                            .generation = g == NULL ? 0 : g->generation,
                            .assignments = &a,
                            .n_assignments = 1};
    cgroup_encode_sync(&y, b);
}

static void put_commit(struct rand *rand, const struct cgroup_view *g,
                       struct slice group, struct buf *b)
{
    struct cgroup_commit_row row = {.topic = test_uuid(rand_below(rand, 3)),
                                    .partition = (int32_t)rand_below(rand, 3),
                                    .offset = (int64_t)rand_below(rand, 99)};
    bool member = rand_below(rand, 2) == 0;
    struct cgroup_commit k = {
        .group = group,
        .member = member ? pick_member(rand, g) : slice_str(""),
        .generation = member && g != NULL ? g->generation : -1,
        .retention_ms = rand_below(rand, 4) == 0 ? 40 : -1,
        .rows = &row,
        .n_rows = 1,
        .history_max = 3,
        .history_interval_ms = 20};
    cgroup_encode_commit(&k, b);
}

static void put_deletion(struct rand *rand, const struct cgroup_view *g,
                         struct slice group, struct buf *b)
{
    struct cgroup_offsets_expire e = {.retention_ms = 100};
    struct cgroup_delete_row row = {test_uuid(rand_below(rand, 3)), 0,
                                    rand_below(rand, 2) == 0};
    switch (rand_below(rand, 5)) {
    case 0:
        cgroup_encode_topic_deleted(test_uuid(rand_below(rand, 3)), b);
        break;
    case 1:
        cgroup_encode_offset_delete(group, g == NULL ? 0 : g->generation, &row,
                                    1, b);
        break;
    case 2:
        e.group = group;
        e.generation = g == NULL ? 0 : g->generation;
        cgroup_encode_offsets_expire(&e, b);
        break;
    case 3:
        cgroup_encode_offsets_expire(&e, b);
        break;
    default:
        cgroup_encode_delete(group, 0, b);
    }
}

static void put_any(const struct c_rig *c, struct rand *rand, unsigned id_of,
                    struct buf *b)
{
    struct slice group = slice_str(pick(rand, groups, 2));
    const struct cgroup_view *g = cgroup_image_find(c->im, group);
    struct cgroup_leaver l = {pick_member(rand, g),
                              slice_str(pick(rand, instances, 5))};
    switch (rand_below(rand, 12)) {
    case 0:
    case 1:
    case 2:
    case 3:
        put_join(rand, id_of, g, group, b);
        break;
    case 4:
    case 5:
        put_sync(rand, g, group, b);
        break;
    case 6:
        cgroup_encode_leave(group, &l, 1, b);
        break;
    case 7:
        if (g != NULL && g->n_members > 0) {
            const struct cgroup_view_member *m =
                g->members[rand_below(rand, g->n_members)];
            struct cgroup_expired e = {m->id, m->touched};
            cgroup_encode_expire(group, &e, 1, b);
            break;
        }
        /* fall through */
    case 8:
        cgroup_encode_due(group, g == NULL ? 0 : g->round, b);
        break;
    case 9:
    case 10:
        put_commit(rand, g, group, b);
        break;
    default:
        put_deletion(rand, g, group, b);
    }
}

static bool has_live(const struct cgroup_view *g, bool *ret_joined)
{
    bool live = false;
    *ret_joined = false;
    for (unsigned i = 0; i < g->n_members; i++) {
        live |= !g->members[i]->pending;
        *ret_joined |= g->members[i]->joined;
        assert_false(g->members[i]->pending && g->members[i]->joined);
    }
    return live;
}

/* What holds whatever was asked. */
static void check(const struct c_rig *c)
{
    void *it = NULL;
    struct cgroup_view *g;
    bool joined;
    while ((g = cgroup_image_next(c->im, &it)) != NULL) {
        bool live = has_live(g, &joined);
        const struct cgroup_view_member *leader =
            cgroup_view_member(g, g->leader);
        assert_true(!joined || g->state == CGROUP_PREPARING);
        assert_true(g->state == CGROUP_EMPTY       ? !live
                    : g->state == CGROUP_PREPARING ? true
                                                   : live);
        if (g->state == CGROUP_COMPLETING || g->state == CGROUP_STABLE) {
            assert_non_null(leader);
            assert_true(leader == NULL || !leader->pending);
            assert_true(g->protocol.len > 0);
            assert_true(g->generation > 0);
        }
        for (unsigned i = 0; i < g->n_members; i++) {
            struct slice inst = g->members[i]->instance;
            assert_true(inst.len == 0 ||
                        cgroup_view_instance(g, inst) == g->members[i]);
        }
    }
}

/* One machine takes the commands one by one; the other in heaps, and is killed
 * now and then: what it had not made durable it is given again. */
static void run(uint64_t seed)
{
    struct c_rig one, many;
    struct rand rand;
    uint64_t hash;
    unsigned ids = 0;
    struct {
        struct slice bytes;
        int64_t time_ms;
    } *log = calloc(STEPS, sizeof *log);
    assert_non_null(log);
    rand_init(&rand, seed);
    c_new(&one);
    c_new(&many);
    for (unsigned i = 0; log != NULL && i < STEPS; i++) {
        struct buf b;
        buf_init(&b, one.r.image_mem, 0);
        cgroup_batch_begin(&b);
        do {
            put_any(&one, &rand, ++ids, &b);
        } while (rand_below(&rand, 3) == 0);
        assert_int_equal(b.status, 0);
        uint8_t *copy = malloc(b.len);
        assert_non_null(copy);
        if (copy != NULL) {
            memcpy(copy, b.data, b.len);
        }
        log[i].bytes = slice_of(copy, b.len);
        log[i].time_ms = one.r.time_ms;
        assert_true(rig_apply(&one.r, &b));
        check(&one);
        one.r.time_ms += (int64_t)rand_below(&rand, 30);
    }
    while (log != NULL && many.r.next < one.r.next) {
        unsigned n = 1 + (unsigned)rand_below(&rand, 40);
        for (; n > 0 && many.r.next < one.r.next; n--) {
            uint64_t at = many.r.next - MACHINE_BOOTSTRAP_INDEX - 1;
            many.r.time_ms = log[at].time_ms;
            assert_true(rig_queue(&many.r, log[at].bytes));
        }
        if (rand_below(&rand, 3) == 0) {
            sim_node_crash(many.r.sim, many.r.id, SIM_CRASH_RANDOM);
            rig_start_node(&many.r);
            assert_true(rig_open(&many.r, true));
            assert_int_equal(many.r.status, 0);
        } else {
            assert_true(rig_wait(&many.r));
        }
    }
    assert_int_equal(one.r.next, many.r.next);
    assert_true(rig_image(&one.r, "/meta/one.image"));
    hash = one.r.hash;
    assert_true(rig_image(&many.r, "/meta/many.image"));
    assert_int_equal(many.r.hash, hash);
    for (unsigned i = 0; log != NULL && i < STEPS; i++) {
        free((void *)(uintptr_t)log[i].bytes.data);
    }
    free(log);
    c_end(&one);
    c_end(&many);
}

static void test_any_commands(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        run(seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_bootstrap),
        cmocka_unit_test(test_bad_changes),
        cmocka_unit_test(test_any_commands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
