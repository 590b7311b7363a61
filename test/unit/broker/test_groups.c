/* The consumer groups' shards on three brokers: placed when somebody first
 * asks, led by somebody all agree on, and what was committed is there on every
 * node, whoever dies and however power is cut. */
#include "cluster.h"

#include <stdio.h>
#include <string.h>

#include "broker/groups.h"
#include "state/cgroup.h"

#define WAIT_MS 30000
#define STEP_MS 10

static struct cluster cluster;

/* ---- what is asked, as a node ------------------------------------------- */

struct ask {
    struct cluster *c;
    struct node *n;
    const char *group;
    int64_t offset; /* to commit, or found (-1: none) */
    int32_t coordinator;
    int rv, status, error;
    bool done;
};

static void ask_coordinator(void *arg)
{
    struct ask *a = arg;
    struct groups *gs = broker_groups(a->n->broker);
    a->coordinator =
        gs == NULL ? -1 : groups_coordinator(gs, slice_str(a->group));
}

/* Who coordinates, as all living nodes say; -1: they do not agree. */
static int32_t coordinator(struct cluster *c, const char *group)
{
    int32_t all = -2;
    for (unsigned i = 1; i <= NODES; i++) {
        struct ask a = {.c = c, .n = &c->nodes[i], .group = group};
        if (!c->nodes[i].up) {
            continue;
        }
        assert_int_equal(sim_node_call(c->sim, i, ask_coordinator, &a), 0);
        all = all == -2 || all == a.coordinator ? a.coordinator : -1;
    }
    return all;
}

static int32_t wait_coordinator(struct cluster *c, const char *group)
{
    int32_t node = -1;
    for (unsigned t = 0; t < WAIT_MS; t += STEP_MS) {
        node = coordinator(c, group);
        if (node > 0 && c->nodes[node].up) {
            return node;
        }
        run_ms(c, STEP_MS);
    }
    fail_msg("no coordinator of %s: %d", group, node);
    return -1;
}

static void on_committed(void *arg, int status, uint64_t index,
                         struct slice result)
{
    struct ask *a = arg;
    struct cursor in;
    struct cgroup_result r;
    (void)index;
    a->status = status;
    cursor_init(&in, result);
    if (status == 0) {
        assert_true(cgroup_next_result(&in, &r));
        a->error = r.error;
    }
    a->done = true;
}

static void commit_as_node(void *arg)
{
    struct ask *a = arg;
    struct buf out;
    struct cgroup_commit_row row = {.topic = a->c->topic, .offset = a->offset};
    struct cgroup_commit k = {.group = slice_str(a->group),
                              .generation = -1,
                              .retention_ms = -1,
                              .rows = &row,
                              .n_rows = 1};
    struct state_group *g = groups_shard(broker_groups(a->n->broker),
                                         cgroup_shard(slice_str(a->group)));
    a->rv = ERR_NOTREADY;
    if (g == NULL) {
        return;
    }
    buf_init(&out, env_mem(a->n->env), 0);
    cgroup_batch_begin(&out);
    cgroup_encode_commit(&k, &out);
    struct chunk *chunk = chunk_acquire(a->n->pool, CHUNK_STATE, out.len);
    assert_non_null(chunk);
    if (chunk != NULL) {
        memcpy(chunk->data, out.data, out.len);
        struct bytes bytes = {chunk, chunk->data, out.len};
        a->rv = state_group_command(g, bytes, on_committed, a);
        bytes_release(&bytes);
    }
    buf_close(&out);
}

/* Commit at whoever coordinates, until it is acknowledged. */
static void commit(struct cluster *c, const char *group, int64_t offset)
{
    /* Of a node that dies meanwhile nothing is heard. */
    for (unsigned t = 0; t < WAIT_MS; t += STEP_MS) {
        int32_t node = wait_coordinator(c, group);
        struct ask a = {
            .c = c, .n = &c->nodes[node], .group = group, .offset = offset};
        assert_int_equal(
            sim_node_call(c->sim, (unsigned)node, commit_as_node, &a), 0);
        if (a.rv == 0 && run_until(c, WAIT_MS, &a.done) && a.status == 0) {
            assert_int_equal(a.error, 0);
            return;
        }
        assert_true(a.rv != 0 || a.done);
        run_ms(c, STEP_MS);
    }
    fail_msg("no commit of %s", group);
}

static void look_as_node(void *arg)
{
    struct ask *a = arg;
    struct slice id = slice_str(a->group);
    const struct cgroup_image *im =
        groups_image(broker_groups(a->n->broker), cgroup_shard(id));
    const struct cgroup_view *g = im == NULL ? NULL : cgroup_image_find(im, id);
    const struct cgroup_view_offset *o =
        g == NULL ? NULL : cgroup_view_offset(g, a->c->topic, 0);
    a->offset = o == NULL ? -1 : o->offset;
}

/* Every living node comes to know this offset. */
static void wait_offset(struct cluster *c, const char *group, int64_t offset)
{
    for (unsigned i = 1; i <= NODES; i++) {
        struct ask a = {
            .c = c, .n = &c->nodes[i], .group = group, .offset = -1};
        for (unsigned t = 0; c->nodes[i].up && a.offset != offset; t++) {
            if (t * STEP_MS >= WAIT_MS) {
                fail_msg("node %u: %s at %lld, not %lld", i, group,
                         (long long)a.offset, (long long)offset);
            }
            assert_int_equal(sim_node_call(c->sim, i, look_as_node, &a), 0);
            if (a.offset != offset) {
                run_ms(c, STEP_MS);
            }
        }
    }
}

static struct cluster *begin(uint64_t seed)
{
    struct cluster *c = &cluster;
    cluster_open(c, seed);
    for (unsigned i = 1; i <= NODES; i++) {
        node_start(c, i);
    }
    for (unsigned i = 1; i <= NODES; i++) {
        wait_serves(c, i);
    }
    memset(c->topic.b, 0x66, sizeof c->topic.b);
    return c;
}

/* ---- stories ------------------------------------------------------------ */

/* Nobody pays for groups that nobody uses. */
static void placed_when_asked(void **state)
{
    struct cluster *c = begin(11);
    char group[16];
    bool seen[CGROUP_SHARDS] = {false};
    (void)state;
    run_ms(c, 1000);
    assert_null(image_shard(broker_image(c->nodes[1].broker), 0));
    assert_int_equal(coordinator(c, "a"), -1);
    for (unsigned i = 0; i < 60; i++) {
        snprintf(group, sizeof group, "group-%u", i);
        assert_true(wait_coordinator(c, group) > 0);
        seen[cgroup_shard(slice_str(group))] = true;
    }
    for (unsigned k = 0; k < CGROUP_SHARDS; k++) {
        assert_true(seen[k]);
    }
    cluster_close(c);
}

static void coordinator_dies(void **state)
{
    struct cluster *c = begin(12);
    (void)state;
    commit(c, "a", 1);
    wait_offset(c, "a", 1);
    for (int64_t i = 2; i < 6; i++) {
        unsigned dead = (unsigned)wait_coordinator(c, "a");
        node_crash(c, dead, SIM_CRASH_RANDOM);
        commit(c, "a", i); /* there is another */
        assert_int_not_equal(wait_coordinator(c, "a"), dead);
        node_start(c, dead);
        wait_serves(c, dead);
        wait_offset(c, "a", i); /* what it missed, too */
    }
    cluster_close(c);
}

static void power_cut(void **state)
{
    struct cluster *c = begin(13);
    char group[16];
    (void)state;
    for (int64_t round = 1; round <= 4; round++) {
        for (unsigned i = 0; i < 20; i++) {
            snprintf(group, sizeof group, "group-%u", i);
            commit(c, group, 100 * round + i);
        }
        for (unsigned i = 1; i <= NODES; i++) {
            node_crash(c, i,
                       round % 2 == 0 ? SIM_CRASH_NONE : SIM_CRASH_RANDOM);
        }
        for (unsigned i = 1; i <= NODES; i++) {
            node_start(c, i);
        }
        for (unsigned i = 1; i <= NODES; i++) {
            wait_serves(c, i);
        }
        for (unsigned i = 0; i < 20; i++) {
            snprintf(group, sizeof group, "group-%u", i);
            wait_offset(c, group, 100 * round + i);
        }
    }
    cluster_close(c);
}

static void on_stopped(void *arg)
{
    bool *stopped = arg;
    *stopped = true;
}

struct stop {
    struct node *n;
    bool stopped;
};

static void stop_as_node(void *arg)
{
    struct stop *s = arg;
    broker_stop(s->n->broker, 2000, on_stopped, &s->stopped);
}

/* A node that stops in order hands over first; one that stops in the middle of
 * opening its shards closes them. */
static void stops(void **state)
{
    (void)state;
    for (unsigned after = 0; after < 60; after += 5) {
        struct cluster *c = begin(14);
        struct stop s = {.n = &c->nodes[2]};
        coordinator(c, "a");
        run_ms(c, after);
        assert_int_equal(sim_node_call(c->sim, 2, stop_as_node, &s), 0);
        assert_true(run_until(c, WAIT_MS, &s.stopped));
        node_crash(c, 2, SIM_CRASH_ALL);
        commit(c, "a", 7);
        node_start(c, 2);
        wait_serves(c, 2);
        wait_offset(c, "a", 7);
        cluster_close(c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(placed_when_asked),
        cmocka_unit_test(coordinator_dies),
        cmocka_unit_test(power_cut),
        cmocka_unit_test(stops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
