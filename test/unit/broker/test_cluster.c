/* Whole brokers, three of them, in one thread: an ack waits for a majority's
 * disks; no power cut takes back what was acknowledged; an idempotent
 * producer's records are there once and in order, whoever dies. */
#include "cluster.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/partition_read.h"
#include "state/meta.h"

static struct cluster cluster;

static struct cluster *begin(uint64_t seed)
{
    cluster_up(&cluster, seed);
    return &cluster;
}

/* The flush comes before the ack: held on two of three nodes no ack comes,
 * whether the leader is one of them or not; released, it does. */
static void hold(void **state)
{
    (void)state;
    struct cluster *c = begin(1);
    producer_go(c, 3);
    producer_settle(c, 5000);
    for (unsigned i = 0; i < NODES; i++) {
        struct node *leader = wait_leader(c, 5000);
        assert_non_null(leader);
        unsigned free = (leader->id - 1 + i) % NODES + 1; /* not held */
        unsigned before = c->n_acked;
        run_ms(c, 1000);
        for (unsigned k = 1; k <= NODES; k++) {
            file_hold_durable(c->nodes[k].env, k != free);
        }
        producer_send(c);
        run_ms(c, 350);
        assert_int_equal(c->n_acked, before);
        for (unsigned k = 1; k <= NODES; k++) {
            file_hold_durable(c->nodes[k].env, false);
        }
        producer_settle(c, 5000);
        assert_int_equal(c->n_acked, before + 1);
    }
    check_all(c);
    cluster_close(c);
}

/* ---- admin ----------------------------------------------------------------
 */

struct alteration {
    struct node *n;
    struct broker_command command;
    struct broker_wait wait;
    bool answered, everywhere;
    unsigned value;
};

static void on_everywhere(struct broker_wait *w, int status)
{
    struct alteration *a = w->data;
    assert_int_equal(status, 0);
    a->everywhere = true;
}

static void on_altered(struct broker_command *command, int status,
                       const struct meta_result *result)
{
    struct alteration *a = command->data;
    assert_int_equal(status, 0);
    assert_int_equal(result->error, 0);
    a->answered = true;
    assert_int_equal(broker_wait_topic(a->n->broker, &a->wait, uuid_zero, 20000,
                                       on_everywhere, a),
                     0);
}

static void alter(void *arg)
{
    struct alteration *a = arg;
    struct buf out;
    char value[16];
    snprintf(value, sizeof value, "%u", a->value);
    struct meta_config_change op = {META_CONFIG_SET, "segment.bytes", value};
    struct meta_alter_configs in = {
        .topic = slice_str("t"), .ops = &op, .n_ops = 1};
    buf_init(&out, env_mem(a->n->env), 0);
    meta_encode_alter_configs(&in, uuid_zero, &out);
    assert_int_equal(broker_command(a->n->broker, &a->command, buf_slice(&out),
                                    20000, on_altered, a),
                     0);
    buf_close(&out);
}

/* What is answered is in force on every node that can be reached, whoever was
 * asked: the controller, too, waits for a slow disk. */
static void an_answer_is_in_force_everywhere(void **state)
{
    (void)state;
    struct cluster *c = begin(7);
    for (unsigned i = 0; i < NODES * NODES; i++) {
        struct alteration a = {.n = &c->nodes[i / NODES + 1],
                               .value = 20000 + i};
        struct node *slow = &c->nodes[i % NODES + 1];
        if (slow == a.n) {
            continue;
        }
        run_ms(c, 1000);
        file_hold_durable(slow->env, true);
        uint64_t before = image_index(broker_image(slow->broker));
        assert_int_equal(sim_node_call(c->sim, a.n->id, alter, &a), 0);
        (void)run_until(c, 300, &a.answered); /* it may be the controller */
        run_ms(c, 50);
        assert_int_equal(image_index(broker_image(slow->broker)), before);
        assert_false(a.everywhere);
        file_hold_durable(slow->env, false);
        assert_true(run_until(c, 5000, &a.everywhere));
        assert_true(image_index(broker_image(slow->broker)) > before);
    }
    cluster_close(c);
}

/* ---- slow disks -----------------------------------------------------------
 */

/* One slow disk holds nobody up, the leader's own included. */
static void hold_one(void **state)
{
    (void)state;
    struct cluster *c = begin(2);
    producer_go(c, 3);
    producer_settle(c, 5000);
    for (unsigned k = 1; k <= NODES; k++) {
        unsigned before = c->n_acked;
        run_ms(c, 1000);
        file_hold_durable(c->nodes[k].env, true);
        producer_send(c);
        run_ms(c, 200);
        assert_int_equal(c->n_acked, before + 1);
        file_hold_durable(c->nodes[k].env, false);
    }
    check_all(c);
    cluster_close(c);
}

/* Produce, crash the leader, read all back; then it comes back itself. */
static void leader_dies(void **state)
{
    (void)state;
    static const enum sim_crash ways[] = {SIM_CRASH_NONE, SIM_CRASH_PREFIX,
                                          SIM_CRASH_RANDOM, SIM_CRASH_ALL};
    for (unsigned w = 0; w < 4; w++) {
        struct cluster *c = begin(10 + w);
        producer_go(c, 100);
        struct node *old = wait_leader(c, 1000);
        assert_non_null(old);
        node_crash(c, old->id, ways[w]);
        struct node *leader = wait_leader(c, 10000);
        assert_non_null(leader);
        assert_int_not_equal(leader->id, old->id);
        assert_true(check_replica(c, leader) >= c->n_acked);
        producer_go(c, 50);
        node_start(c, old->id);
        wait_serves(c, old->id);
        producer_go(c, 50);
        producer_settle(c, 10000);
        check_all(c);
        cluster_close(c);
    }
}

/* What looks like a group's directory, and is of none that @meta ever made,
 * stays. (That those of deleted topics go, the simulator's audit sees.) */
static void r14_unknown_directory(void **state)
{
    (void)state;
    const char *dir = "/data/p/00000000000f4240";
    bool there = false;
    struct cluster *c = begin(30);
    producer_go(c, 3);
    producer_settle(c, 5000);
    assert_int_equal(env_mkdir(c->nodes[3].env, dir), 0);
    assert_int_equal(env_sync_dir(c->nodes[3].env, "/data/p"), 0);
    node_crash(c, 3, SIM_CRASH_NONE);
    node_start(c, 3);
    wait_serves(c, 3);
    run_ms(c, 3000);
    assert_int_equal(env_stat(c->nodes[3].env, dir, &there, NULL), 0);
    assert_true(there);
    cluster_close(c);
}

/* All lose power at the moment of an ack. */
static void power_cut(void **state)
{
    (void)state;
    for (uint64_t seed = 20; seed < 26; seed++) {
        struct cluster *c = begin(seed);
        for (unsigned round = 0; round < 3; round++) {
            producer_go(c, 40 + (unsigned)seed % 7);
            for (unsigned i = 1; i <= NODES; i++) {
                node_crash(c, i, (enum sim_crash)(seed % 3));
            }
            for (unsigned i = 1; i <= NODES; i++) {
                node_start(c, i);
            }
            for (unsigned i = 1; i <= NODES; i++) {
                wait_serves(c, i);
            }
            struct node *leader = wait_leader(c, 20000);
            assert_non_null(leader);
            assert_true(check_replica(c, leader) >= c->n_acked);
        }
        producer_settle(c, 20000);
        check_all(c);
        cluster_close(c);
    }
}

/* Whoever the seed chooses dies, stands still or is cut off, again and again,
 * never a majority at once. */
static void story(uint64_t seed, unsigned rounds)
{
    struct cluster *c = begin(seed);
    for (unsigned round = 0; round < rounds; round++) {
        unsigned id = 1 + (unsigned)sim_rand_below(c->sim, NODES);
        unsigned other = id % NODES + 1;
        producer_go(c, 1 + (unsigned)sim_rand_below(c->sim, 40));
        switch (sim_rand_below(c->sim, 4)) {
        case 0:
            sim_node_pause(c->sim, id);
            run_ms(c, sim_rand_below(c->sim, 1500));
            sim_node_resume(c->sim, id);
            break;
        case 1:
            sim_link_set(c->sim, id, other, false);
            run_ms(c, sim_rand_below(c->sim, 1500));
            sim_link_set(c->sim, id, other, true);
            break;
        default:
            node_crash(c, id, (enum sim_crash)sim_rand_below(c->sim, 4));
            run_ms(c, sim_rand_below(c->sim, 300));
            producer_go(c, 1 + (unsigned)sim_rand_below(c->sim, 10));
            node_start(c, id);
            wait_serves(c, id);
        }
    }
    producer_settle(c, 30000);
    check_all(c);
    cluster_close(c);
}

/* OSTRAKA_SEEDS=FIRST-LAST runs those instead. */
static void stories(void **state)
{
    (void)state;
    unsigned first = 100;
    unsigned last = 107;
    const char *seeds = getenv("OSTRAKA_SEEDS");
    if (seeds != NULL) {
        assert_int_equal(sscanf(seeds, "%u-%u", &first, &last), 2);
    }
    for (unsigned seed = first; seed <= last; seed++) {
        print_message("seed %u\n", seed);
        story(seed, 10);
    }
}

/* A leader that stood still finds that another leads: what it had appended is
 * committed by that one, and its producer hears so, in order, nothing sent
 * twice. */
static void deposed(void **state)
{
    (void)state;
    struct cluster *c = begin(4);
    producer_go(c, 3);
    producer_settle(c, 5000);
    struct node *old = wait_leader(c, 1000);
    unsigned before = c->n_acked;
    for (unsigned i = 1; i <= NODES; i++) {
        if (i != old->id) {
            file_hold_durable(c->nodes[i].env, true); /* no answers */
        }
    }
    for (unsigned i = 0; i < WINDOW; i++) {
        producer_send(c);
    }
    run_ms(c, 20);
    sim_node_pause(c->sim, old->id);
    for (unsigned i = 1; i <= NODES; i++) {
        if (i != old->id) {
            node_crash(c, i, SIM_CRASH_ALL);
            node_start(c, i);
        }
    }
    for (unsigned i = 0; cluster_leader(c) == old; i++) {
        assert_true(i < 1000);
        run_ms(c, 5);
    }
    assert_int_equal(c->n_acked, before);
    sim_node_resume(c->sim, old->id);
    for (unsigned i = 0; c->n_acked < before + WINDOW; i++) {
        assert_true(i < 100);
        assert_false(c->again);
        run_ms(c, 5);
    }
    check_all(c);
    cluster_close(c);
}

static void lead(struct cluster *c, unsigned id)
{
    struct node *leader = wait_leader(c, 5000);
    struct replica *r = partition_replica(node_partition(leader));
    assert_int_equal(replica_transfer_leader(r, (int32_t)id, 5000, NULL, NULL),
                     0);
    while (leader == NULL || leader->id != id) {
        run_ms(c, 5);
        leader = wait_leader(c, 5000);
        assert_non_null(leader);
    }
}

/* A producer's first batch finds no leader, its second finds one: it must not
 * come before the first. */
static void unknown_in_order(void **state)
{
    (void)state;
    struct cluster *c = begin(5);
    unsigned other = wait_leader(c, 1000)->id % NODES + 1;
    assert_int_equal(producer_send_to(c, other, 0), ERR_NOTLEADER);
    lead(c, other);
    assert_int_equal(producer_send_to(c, other, 1), ERR_SEQUENCE);
    assert_int_equal(producer_send_to(c, other, 0), 0);
    assert_int_equal(producer_send_to(c, other, 1), 0);
    producer_settle(c, 5000);
    check_all(c);
    cluster_close(c);
}

/* Nobody waits for it for ever; and where nothing was refused a producer may
 * begin anywhere, as in Kafka: its state may have expired. */
static void unknown_anywhere(void **state)
{
    (void)state;
    struct cluster *c = begin(6);
    unsigned id = wait_leader(c, 1000)->id;
    unsigned other = id % NODES + 1;
    assert_int_equal(producer_send_to(c, other, 0), ERR_NOTLEADER);
    run_ms(c, REFUSED_MS + 10);
    lead(c, other);
    assert_int_equal(producer_send_to(c, other, 7), 0);
    run_ms(c, 100);
    assert_int_equal(c->sent[7].state, BATCH_ACKED);
    cluster_close(c);

    c = begin(7);
    assert_int_equal(producer_send_to(c, wait_leader(c, 1000)->id, 7), 0);
    run_ms(c, 100);
    assert_int_equal(c->sent[7].state, BATCH_ACKED);
    cluster_close(c);
}

/* A setting that one node has confirmed, whoever it is, the others follow in no
 * time: the client's next request goes to any of them. */
static void settings(void **state)
{
    (void)state;
    struct cluster *c = begin(3);
    for (unsigned i = 0; i < 4 * NODES; i++) {
        unsigned asked = 1 + i % NODES;
        run_ms(c, 137);
        cluster_alter(c, asked, "max.message.bytes", 100000 + i);
        run_ms(c, 25); /* a round trip, and SQLite's disk */
        for (unsigned k = 1; k <= NODES; k++) {
            const struct topic_config *t =
                partition_config(node_partition(&c->nodes[k]));
            assert_int_equal(config_topic_long(t, TOPIC_MAX_MESSAGE_BYTES),
                             100000 + i);
        }
    }
    cluster_close(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hold),
        cmocka_unit_test(an_answer_is_in_force_everywhere),
        cmocka_unit_test(hold_one),
        cmocka_unit_test(leader_dies),
        cmocka_unit_test(power_cut),
        cmocka_unit_test(stories),
        cmocka_unit_test(r14_unknown_directory),
        cmocka_unit_test(settings),
        cmocka_unit_test(deposed),
        cmocka_unit_test(unknown_in_order),
        cmocka_unit_test(unknown_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
