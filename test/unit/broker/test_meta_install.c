/* A node that was away gets an image of @meta, and dies while it takes it, at
 * any step and with whatever its disk keeps: it serves again, with the state
 * of the others. */
#include <stdio.h>

#include "cluster.h"
#include "replica/transfer_impl.h"
#include "state/meta.h"

static struct cluster cluster;

static struct replica *meta_of(struct cluster *c, unsigned id)
{
    const struct node *n = &c->nodes[id];
    return n->broker == NULL
               ? NULL
               : replica_find(broker_replicas(n->broker), META_GROUP);
}

static unsigned meta_leader(struct cluster *c)
{
    for (unsigned t = 0; t < 2000; t++) {
        for (unsigned i = 1; i <= NODES; i++) {
            if (c->nodes[i].up && c->nodes[i].serves &&
                replica_ready(meta_of(c, i))) {
                return i;
            }
        }
        run_ms(c, 5);
    }
    fail_msg("nobody leads @meta");
    return 0;
}

static unsigned setting(struct cluster *c, unsigned id)
{
    return (unsigned)config_topic_long(
        partition_config(node_partition(&c->nodes[id])),
        TOPIC_MAX_MESSAGE_BYTES);
}

/* All nodes have the value. */
static void check_setting(struct cluster *c, unsigned value)
{
    for (unsigned i = 1; i <= NODES; i++) {
        for (unsigned t = 0; setting(c, i) != value; t++) {
            if (t == 1000) {
                fail_msg("node %u: %u, not %u", i, setting(c, i), value);
            }
            run_ms(c, 5);
        }
    }
}

/* Run until the transfer of `id` stands at the step. */
static void wait_step(struct cluster *c, unsigned id, enum transfer_step step)
{
    for (unsigned t = 0;; t++) {
        const struct replica *r = meta_of(c, id);
        if (r != NULL && r->transfer != NULL && r->transfer->step == step) {
            return;
        }
        assert_true(t < 200000);
        assert_string_equal(sim_node_death(c->sim, id), "");
        sim_run_until(c->sim, sim_now_us(c->sim) + 20, NULL);
    }
}

static void dies_at(struct cluster *c, enum transfer_step step, uint64_t us,
                    enum sim_crash how, unsigned *value)
{
    unsigned leader = meta_leader(c), id = leader % NODES + 1;
    node_crash(c, id, how);
    for (unsigned i = 0; i < 3; i++) {
        cluster_alter(c, leader, "max.message.bytes", ++*value);
    }
    leader = meta_leader(c);
    node_compact(c, leader, meta_of(c, leader));
    cluster_alter(c, leader, "max.message.bytes", ++*value);
    node_start(c, id);
    wait_step(c, id, step);
    sim_run_until(c->sim, sim_now_us(c->sim) + us, NULL);
    node_crash(c, id, how);
    node_start(c, id);
    wait_serves(c, id);
    check_setting(c, *value);
    cluster_alter(c, id, "max.message.bytes", ++*value);
    check_setting(c, *value);
}

static void r18_at_any_step(void **state)
{
    (void)state;
    static const enum sim_crash ways[] = {SIM_CRASH_NONE, SIM_CRASH_PREFIX,
                                          SIM_CRASH_RANDOM, SIM_CRASH_ALL};
    static const enum transfer_step steps[] = {STEP_MADE, STEP_FILE,
                                               STEP_INSTALL, STEP_ENTER};
    struct cluster *c = &cluster;
    unsigned value = 100000;
    for (unsigned w = 0; w < 4; w++) {
        cluster_up(c, 1 + w);
        for (unsigned s = 0; s < 4; s++) {
            dies_at(c, steps[s], 0, ways[w], &value);
        }
        /* Between the switch of the files, the journal's record of it, and
         * what comes behind. */
        for (uint64_t us = 300; us < 12000; us = us * 3 / 2) {
            dies_at(c, STEP_INSTALL, us, ways[w], &value);
        }
        cluster_close(c);
    }
}

/* A node's database is ahead of the log's base, and of what the log knows to be
 * committed after a restart; the only other one that is left needs an image of
 * it before it can agree to anything. */
static void two_of_three(void **state)
{
    (void)state;
    struct cluster *c = &cluster;
    unsigned value = 100000;
    cluster_up(c, 9);
    unsigned leader = meta_leader(c), id = leader % NODES + 1;
    node_crash(c, id, SIM_CRASH_ALL);
    for (unsigned i = 0; i < 3; i++) {
        cluster_alter(c, leader, "max.message.bytes", ++value);
    }
    leader = meta_leader(c);
    node_compact(c, leader, meta_of(c, leader));
    cluster_alter(c, leader, "max.message.bytes", ++value);
    run_ms(c, 100);
    for (unsigned i = 1; i <= NODES; i++) {
        if (i != id) {
            node_crash(c, i, SIM_CRASH_ALL);
        }
    }
    node_start(c, leader);
    node_start(c, id);
    wait_serves(c, leader);
    wait_serves(c, id);
    assert_int_equal(setting(c, leader), value);
    assert_int_equal(setting(c, id), value);
    cluster_close(c);
}

static const char *const names[] = {
    "/data/incoming-0000000000000001.db", "/data/outgoing-0000000000000001.db",
    "/data/outgoing-0000000000000001.db-journal",
    "/data/outgoing-notes.db", /* not ours */
};
static int found[4];

static void names_make(void *arg)
{
    struct node *n = arg;
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(env_write_file(n->env, names[i], slice_str("x"), NULL),
                         0);
    }
}

static void names_look(void *arg)
{
    struct node *n = arg;
    for (unsigned i = 0; i < 4; i++) {
        found[i] = env_stat(n->env, names[i], NULL, NULL);
    }
}

/* What was on its way when the process ended does not stay for ever. */
static void leftovers(void **state)
{
    (void)state;
    struct cluster *c = &cluster;
    cluster_up(c, 7);
    assert_int_equal(sim_node_call(c->sim, 1, names_make, &c->nodes[1]), 0);
    node_crash(c, 1, SIM_CRASH_ALL);
    node_start(c, 1);
    wait_serves(c, 1);
    assert_int_equal(sim_node_call(c->sim, 1, names_look, &c->nodes[1]), 0);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(found[i], i < 3 ? ERR_NOTFOUND : 0);
    }
    cluster_close(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(r18_at_any_step),
        cmocka_unit_test(two_of_three),
        cmocka_unit_test(leftovers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
