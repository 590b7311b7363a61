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

/* ---- who led what is no more --------------------------------------------- */

static void on_deleted(struct broker_command *command, int status,
                       const struct meta_result *result)
{
    struct node *n = command->data;
    assert_int_equal(status, 0);
    assert_int_equal(result->error, 0);
    n->answered = true;
}

static void delete_topic(void *arg)
{
    struct node *n = arg;
    struct buf out;
    buf_init(&out, env_mem(n->env), 0);
    n->answered = false;
    meta_encode_delete_topic(n->c->topic, slice_str(""), uuid_zero, &out);
    assert_int_equal(broker_command(n->broker, &n->command, buf_slice(&out),
                                    20000, on_deleted, n),
                     0);
    buf_close(&out);
}

/* A node that was slow to hear of the deletion tells who leads. */
static void hear_late(void *arg)
{
    struct node *n = arg;
    struct leader row = {.group = n->c->group, .term = 9, .node = 2};
    leaders_set(broker_leaders(n->broker), &row);
}

/* So that the table does not grow with every topic that there ever was. */
static void leaders_are_forgotten(void **state)
{
    struct cluster *c = &cluster;
    struct node *n = &c->nodes[1];
    (void)state;
    cluster_up(c, 31);
    assert_int_equal(sim_node_call(c->sim, 1, delete_topic, n), 0);
    assert_true(run_until(c, 20000, &n->answered));
    struct leaders *l = broker_leaders(n->broker);
    assert_null(leaders_find(l, c->group));
    assert_int_equal(sim_node_call(c->sim, 1, hear_late, n), 0);
    assert_non_null(leaders_find(l, c->group));
    for (unsigned t = 0; leaders_find(l, c->group) != NULL; t++) {
        assert_true(t < 200);
        run_ms(c, 500);
    }
    assert_non_null(leaders_find(l, META_GROUP));
    cluster_close(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_wrong_one_ends),
        cmocka_unit_test(only_a_deletion_removes),
        cmocka_unit_test(leaders_are_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
