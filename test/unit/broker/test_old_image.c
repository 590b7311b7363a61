/* A node's image of @meta may be an old one when it starts: its database is
 * older than its journal. What that image alone knows is not opened before the
 * leader of @meta has confirmed how far it is committed. */
#include "cluster.h"
#include "replica/replica.h"
#include "state/meta.h"

#define WHO 3

static struct cluster cluster;

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
    meta_encode_delete_topic(uuid_zero, slice_str("t"), uuid_zero, &out);
    n->answered = false;
    assert_int_equal(broker_command(n->broker, &n->command, buf_slice(&out),
                                    20000, on_deleted, n),
                     0);
    buf_close(&out);
}

static bool is_open(const struct cluster *c)
{
    return broker_partition(c->nodes[WHO].broker, c->group) != NULL;
}

static bool is_known(const struct cluster *c)
{
    return image_topic_by_group(broker_image(c->nodes[WHO].broker), c->group,
                                NULL) != NULL;
}

static void wait_closed(struct cluster *c)
{
    for (unsigned t = 0; is_open(c); t++) {
        assert_true(t < 2000);
        run_ms(c, 5);
    }
    run_ms(c, 500); /* and that is durable */
}

/* Its topic was made while the node was away: it is opened, with the rest. */
static void begin(struct cluster *c)
{
    cluster_open(c, 1);
    for (unsigned i = 1; i <= NODES; i++) {
        node_start(c, i);
    }
    for (unsigned i = 1; i <= NODES; i++) {
        wait_serves(c, i);
    }
    node_crash(c, WHO, SIM_CRASH_ALL);
    cluster_topic(c);
    node_start(c, WHO);
    wait_serves(c, WHO);
    assert_true(is_open(c));
}

/* A partition that was deleted here, too, does not come back as a new one, not
 * even for the time until the node hears of its deletion again: it would vote
 * in terms in which it had voted before. */
static void deleted(void **state)
{
    (void)state;
    struct cluster *c = &cluster;
    begin(c);
    struct replicas *all = broker_replicas(c->nodes[WHO].broker);
    node_compact(c, WHO, replica_find(all, META_GROUP));
    assert_int_equal(sim_node_call(c->sim, 1, delete_topic, &c->nodes[1]), 0);
    assert_true(run_until(c, 20000, &c->nodes[1].answered));
    wait_closed(c);
    node_crash(c, WHO, SIM_CRASH_NONE);
    cluster_isolate(c, WHO, false);
    node_start(c, WHO);
    for (unsigned t = 0; t < 400; t++) {
        run_ms(c, 5);
        assert_false(is_open(c));
    }
    assert_true(is_known(c)); /* its image is an old one */
    cluster_isolate(c, WHO, true);
    wait_serves(c, WHO);
    assert_false(is_known(c));
    assert_false(is_open(c));
    cluster_close(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deleted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
