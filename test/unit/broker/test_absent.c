/* Nothing is inferred from what is missing: a topic that @meta does not name.
 * What is wrong is not taken for the rule, and what is gone leaves nothing
 * behind. */
#include <stdio.h>
#include <string.h>

#include "broker/leaders.h"
#include "cluster.h"
#include "state/change.h"
#include "state/meta.h"

static struct cluster cluster;

/* ---- a disk of another cluster ------------------------------------------- */

/* A cluster on new disks, stopped again. */
static void form(struct cluster *c, unsigned first)
{
    for (unsigned i = 1; i <= NODES; i++) {
        c->disks[i] = sim_disk_new(c->sim, first + i);
        node_start(c, i);
    }
    for (unsigned i = 1; i <= NODES; i++) {
        wait_serves(c, i);
    }
    for (unsigned i = 1; i <= NODES; i++) {
        node_crash(c, i, SIM_CRASH_ALL);
    }
}

/* Node 3 has it: that node ends, and the other two go on. Each of them is
 * refused by half of the others, as long as those two have not met. */
static void the_wrong_one_ends(void **state)
{
    struct cluster *c = &cluster;
    struct sim_disk *wrong;
    (void)state;
    cluster_open(c, 5);
    form(c, 10);
    wrong = c->disks[3];
    form(c, 20);
    c->disks[3] = wrong;
    c->may_fail = true;
    node_start(c, 1);
    node_start(c, 3);
    run_ms(c, 3000);
    node_start(c, 2);
    wait_serves(c, 1);
    wait_serves(c, 2);
    run_ms(c, 2000);
    assert_false(c->nodes[3].serves);
    assert_int_equal(c->nodes[3].exit_code, BROKER_EXIT_IDENTITY);
    cluster_close(c);
}

/* ---- a topic that @meta does not name ------------------------------------ */

/* The image is replaced by one without any topic; `deleted`: that says so. */
static void forget_topics(struct node *n, bool deleted)
{
    struct image *im = broker_image_mutable(n->broker);
    struct buf b;
    buf_init(&b, env_mem(n->env), 0);
    buf_put_u8(&b, CHANGE_CLUSTER);
    change_put_uuid(&b, image_cluster(im));
    buf_put_u64(&b, image_next_group(im));
    if (deleted) {
        buf_put_u8(&b, CHANGE_DELETED);
        change_put_uuid(&b, n->c->topic);
    }
    assert_int_equal(b.status, 0);
    assert_int_equal(image_change(im, buf_slice(&b), true), 0);
    buf_close(&b);
}

static void lose(void *arg)
{
    forget_topics(arg, false);
}

static void say_deleted(void *arg)
{
    forget_topics(arg, true);
}

static void only_a_deletion_removes(void **state)
{
    struct cluster *c = &cluster;
    struct node *n = &c->nodes[1];
    (void)state;
    cluster_up(c, 21);
    assert_non_null(node_partition(n));
    assert_int_equal(sim_node_call(c->sim, 1, lose, n), 0);
    run_ms(c, 1000);
    assert_non_null(broker_partition(n->broker, c->group));
    assert_int_equal(sim_node_call(c->sim, 1, say_deleted, n), 0);
    assert_null(broker_partition(n->broker, c->group));
    run_ms(c, 1000);
    cluster_close(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_wrong_one_ends),
        cmocka_unit_test(only_a_deletion_removes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
