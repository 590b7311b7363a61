/* A node is told to stop at any moment: while its cluster forms, while it gets
 * an image of @meta or gives one, while a topic is deleted. It closes, and
 * nothing is called after that. (Memory that was given back is filled: see
 * cluster_open().) */
#include "base/rand.h"
#include "broker/broker_impl.h"
#include "cluster.h"
#include "replica/transfer_impl.h"
#include "state/meta.h"

/* Every so many of the moments: a run takes seven times as long. */
#ifdef __SANITIZE_ADDRESS__
#define STRIDE 3
#else
#define STRIDE 1
#endif

static struct cluster cluster;

struct stop {
    struct node *node;
    bool stopped;
};

static void on_stopped(void *arg)
{
    struct stop *s = arg;
    s->stopped = true;
}

static void stop_now(void *arg)
{
    struct stop *s = arg;
    broker_stop(s->node->broker, 0, on_stopped, s);
}

/* Stop the node, and let pass what is still under way, for so long. */
static void node_stop(struct cluster *c, unsigned id, uint64_t ms)
{
    struct stop s = {.node = &c->nodes[id]};
    c->nodes[id].serves = false;
    c->may_fail = true; /* what was being opened is canceled */
    assert_int_equal(sim_node_call(c->sim, id, stop_now, &s), 0);
    assert_true(run_until(c, 20000, &s.stopped));
    run_ms(c, ms);
    node_crash(c, id, SIM_CRASH_ALL);
    c->may_fail = false;
}

/* ---- while the cluster forms -------------------------------------------- */

static void begin(struct cluster *c, uint64_t seed)
{
    cluster_open(c, seed);
    for (unsigned i = 1; i <= NODES; i++) {
        node_start(c, i);
    }
}

/* When does the node hear that its cluster is formed? */
static uint64_t formed_us(uint64_t seed, unsigned id)
{
    struct cluster *c = &cluster;
    begin(c, seed);
    while (!identity_formed(&c->nodes[id].broker->identity)) {
        assert_true(sim_now_us(c->sim) < 10000000);
        sim_run_until(c->sim, sim_now_us(c->sim) + 50, NULL);
    }
    uint64_t us = sim_now_us(c->sim);
    cluster_close(c);
    return us;
}

/* The word that the cluster is formed finds a node that closes. */
static void forming(void **state)
{
    (void)state;
    struct cluster *c = &cluster;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        uint64_t at = formed_us(seed, 2);
        for (uint64_t us = 0; us < 6000; us += 300 * STRIDE) {
            begin(c, seed);
            sim_run_until(c->sim, at - us, NULL);
            node_stop(c, 2, 50);
            node_start(c, 2);
            for (unsigned i = 1; i <= NODES; i++) {
                wait_serves(c, i);
            }
            cluster_close(c);
        }
    }
}

/* ---- an image of @meta --------------------------------------------------- */

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

/* Let a node lack what the log of @meta no longer has, and run until its bytes
 * are on the way. Returns who gives them. */
static unsigned image_begin(struct cluster *c, unsigned *ret_taker,
                            unsigned *value)
{
    unsigned leader = meta_leader(c), id = leader % NODES + 1;
    node_crash(c, id, SIM_CRASH_ALL);
    for (unsigned i = 0; i < 3; i++) {
        cluster_alter(c, leader, "max.message.bytes", ++*value);
    }
    leader = meta_leader(c);
    node_compact(c, leader, meta_of(c, leader));
    cluster_alter(c, leader, "max.message.bytes", ++*value);
    node_start(c, id);
    for (unsigned t = 0;; t++) {
        const struct replica *r = meta_of(c, id);
        if (r != NULL && r->transfer != NULL &&
            r->transfer->step == STEP_FILE) {
            break;
        }
        assert_true(t < 200000);
        assert_string_equal(sim_node_death(c->sim, id), "");
        sim_run_until(c->sim, sim_now_us(c->sim) + 20, NULL);
    }
    *ret_taker = id;
    return leader;
}

static void image(bool giver)
{
    struct cluster *c = &cluster;
    unsigned value = 100000, taker;
    cluster_up(c, giver ? 2 : 1);
    for (uint64_t us = 0; us < 9000; us += 300 * STRIDE) {
        unsigned leader = image_begin(c, &taker, &value);
        unsigned id = giver ? leader : taker;
        sim_run_until(c->sim, sim_now_us(c->sim) + us, NULL);
        node_stop(c, id, 50);
        node_start(c, id);
        wait_serves(c, leader);
        wait_serves(c, taker);
    }
    cluster_close(c);
}

static void taking_an_image(void **state)
{
    (void)state;
    image(false);
}

static void giving_an_image(void **state)
{
    (void)state;
    image(true);
}

/* ---- batches that the log no longer has -----------------------------------
 */

static struct replica *replica_of(struct cluster *c, unsigned id)
{
    struct partition *p = broker_partition(c->nodes[id].broker, c->group);
    return p == NULL ? NULL : partition_replica(p);
}

static void log_moves(bool giver)
{
    struct cluster *c = &cluster;
    cluster_up(c, giver ? 4 : 3);
    for (uint64_t us = 0; us < 6000; us += 250 * STRIDE) {
        unsigned leader = wait_leader(c, 20000)->id;
        unsigned taker = leader % NODES + 1;
        node_crash(c, taker, SIM_CRASH_ALL);
        producer_go(c, 30);
        leader = wait_leader(c, 20000)->id;
        node_compact(c, leader, replica_of(c, leader));
        producer_go(c, 2);
        node_start(c, taker);
        for (unsigned t = 0;; t++) {
            const struct replica *r = replica_of(c, taker);
            if (r != NULL && r->transfer != NULL) {
                break;
            }
            assert_true(t < 200000);
            sim_run_until(c->sim, sim_now_us(c->sim) + 50, NULL);
        }
        unsigned id = giver ? wait_leader(c, 20000)->id : taker;
        sim_run_until(c->sim, sim_now_us(c->sim) + us, NULL);
        node_stop(c, id, 100);
        node_start(c, id);
        wait_serves(c, id);
        wait_serves(c, taker);
    }
    producer_settle(c, 20000);
    check_all(c);
    cluster_close(c);
}

static void taking_a_log(void **state)
{
    (void)state;
    log_moves(false);
}

static void giving_a_log(void **state)
{
    (void)state;
    log_moves(true);
}

/* ---- a topic that is being deleted ----------------------------------------
 */

static void on_deleted(struct broker_command *command, int status,
                       const struct meta_result *result)
{
    struct node *n = command->data;
    (void)result;
    assert_int_equal(status, 0);
    n->answered = true;
}

static void delete_now(void *arg)
{
    struct node *n = arg;
    struct buf out;
    buf_init(&out, env_mem(n->env), 0);
    meta_encode_delete_topic(uuid_zero, slice_str("t"), uuid_zero, &out);
    assert_int_equal(broker_command(n->broker, &n->command, buf_slice(&out),
                                    20000, on_deleted, n),
                     0);
    buf_close(&out);
}

static void on_work(struct env_job *j)
{
    (void)j;
}

static void work_now(void *arg)
{
    struct node *n = arg;
    env_job_submit(n->env, ENV_THREAD_WORK, &n->stall, on_work, on_work, n);
}

/* The thread that removes files has something to do first. */
static void busy(struct cluster *c, unsigned id, uint64_t ms)
{
    sim_node_slow(c->sim, id, ms * 1000, 0);
    assert_int_equal(sim_node_call(c->sim, id, work_now, &c->nodes[id]), 0);
    sim_node_slow(c->sim, id, 0, 0);
}

/* The DROP is on its way, or the files go. */
static void deleting(void **state)
{
    (void)state;
    struct cluster *c = &cluster;
    for (uint64_t us = 0; us < 24000; us += 800 * STRIDE) {
        cluster_up(c, 1 + us);
        producer_go(c, 20);
        producer_settle(c, 5000);
        assert_int_equal(sim_node_call(c->sim, 1, delete_now, &c->nodes[1]), 0);
        while (broker_partition(c->nodes[2].broker, c->group) != NULL) {
            sim_run_until(c->sim, sim_now_us(c->sim) + 20, NULL);
        }
        busy(c, 2, 300);
        sim_run_until(c->sim, sim_now_us(c->sim) + us, NULL);
        node_stop(c, 2, 400);
        node_start(c, 2);
        wait_serves(c, 2);
        assert_null(broker_partition(c->nodes[2].broker, c->group));
        cluster_close(c);
    }
}

/* ---- whatever goes on ---------------------------------------------------- */

/* While it starts, a moment after that, and with batches on their way. */
static void anywhere(void **state)
{
    (void)state;
    struct cluster *c = &cluster;
    struct rand r;
    rand_init(&r, 11);
    cluster_up(c, 5);
    for (unsigned i = 0; i < 60 / STRIDE; i++) {
        unsigned id = 1 + (unsigned)rand_below(&r, NODES);
        producer_go(c, 5);
        if (i % 3 != 0) {
            node_stop(c, id, 100);
            node_start(c, id);
            uint64_t us = rand_below(&r, i % 3 == 1 ? 20000 : 400000);
            sim_run_until(c->sim, sim_now_us(c->sim) + us, NULL);
        }
        node_stop(c, id, 300);
        node_start(c, id);
        wait_serves(c, id);
        assert_non_null(wait_leader(c, 5000));
        if (i % 8 == 7) {
            struct node *l = cluster_leader(c);
            node_compact(c, l->id, partition_replica(node_partition(l)));
        }
    }
    producer_settle(c, 20000);
    check_all(c);
    cluster_close(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forming),         cmocka_unit_test(taking_an_image),
        cmocka_unit_test(giving_an_image), cmocka_unit_test(taking_a_log),
        cmocka_unit_test(giving_a_log),    cmocka_unit_test(deleting),
        cmocka_unit_test(anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
