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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_wrong_one_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
