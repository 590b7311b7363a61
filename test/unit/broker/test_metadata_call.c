/* Commands and barriers for @meta: what a callback does to other calls does
 * not confuse who walks over them, and answers to an earlier life of a node
 * are nobody's. */
#include <string.h>

#include "broker/broker_impl.h"
#include "broker/metadata_impl.h"
#include "cluster.h"
#include "replica/impl.h"

#define POOL_BYTES (64u << 20) /* a node's, in cluster.c */

static struct cluster cluster;

/* Three calls in a row. The first one's callback calls off the second one, as
 * whoever waits for both may, and begins another. */
struct row {
    struct node *node;
    uint32_t timeout_ms;
    struct metadata_call calls[3], other;
    int status[3], other_rv;
    unsigned ended[3];
};

static struct metadata *metadata_of(struct node *n)
{
    return n->broker->metadata;
}

static void on_other(struct metadata_call *c, int status, struct slice result)
{
    (void)c, (void)status, (void)result;
}

static void on_call(struct metadata_call *c, int status, struct slice result)
{
    struct row *row = c->data;
    unsigned i = (unsigned)(c - row->calls);
    (void)result;
    row->ended[i]++;
    row->status[i] = status;
    if (i == 0) {
        metadata_call_cancel(&row->calls[1]);
        memset(&row->calls[1], 0xdd, sizeof row->calls[1]); /* it is ours */
        row->other_rv =
            metadata_call(metadata_of(row->node), &row->other, METADATA_BARRIER,
                          slice_of(NULL, 0), row->timeout_ms, on_other, row);
    }
}

static void call_now(void *arg)
{
    struct row *row = arg;
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(metadata_call(metadata_of(row->node), &row->calls[i],
                                       METADATA_BARRIER, slice_of(NULL, 0),
                                       row->timeout_ms, on_call, row),
                         0);
    }
}

static void row_start(struct cluster *c, struct row *row, unsigned node,
                      uint32_t timeout_ms)
{
    *row = (struct row){.node = &c->nodes[node], .timeout_ms = timeout_ms};
    assert_int_equal(sim_node_call(c->sim, node, call_now, row), 0);
}

static void row_expect(const struct row *row, int status, int other_rv)
{
    assert_int_equal(row->ended[0], 1);
    assert_int_equal(row->status[0], status);
    assert_int_equal(row->ended[1], 0);
    assert_int_equal(row->ended[2], 1);
    assert_int_equal(row->status[2], status);
    assert_int_equal(row->other_rv, other_rv);
}

static unsigned meta_leader(struct cluster *c)
{
    int32_t node = broker_controller(c->nodes[1].broker);
    assert_in_range(node, 1, NODES);
    return (unsigned)node;
}

static void calls_end_together_in_time(void **state)
{
    struct cluster *c = &cluster;
    struct row row;
    (void)state;
    cluster_up(c, 1);
    unsigned id = meta_leader(c) % NODES + 1;
    cluster_isolate(c, id, false);
    row_start(c, &row, id, 300);
    run_ms(c, 500);
    row_expect(&row, ERR_TIMEOUT, 0);
    cluster_isolate(c, id, true);
    cluster_close(c);
}

/* They are answered, and wait for what this node has not applied. */
static void calls_end_together_when_applied(void **state)
{
    struct cluster *c = &cluster;
    struct row row;
    (void)state;
    cluster_up(c, 2);
    unsigned leader = meta_leader(c);
    unsigned id = leader % NODES + 1;
    node_stall(c, id, 2000);
    cluster_alter(c, leader, "max.message.bytes", 5000);
    row_start(c, &row, id, 10000);
    run_ms(c, 500);
    assert_false(c->nodes[id].stall_over);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(row.ended[i], 0); /* else this shows nothing */
        assert_true(row.calls[i].answered);
    }
    assert_true(run_until(c, 5000, &c->nodes[id].stall_over));
    run_ms(c, 500);
    row_expect(&row, 0, 0);
    cluster_close(c);
}

static void on_stopped(void *arg)
{
    *(bool *)arg = true;
}

static void stop_now(void *arg)
{
    struct row *row = arg;
    static bool stopped; /* nobody looks at it */
    broker_stop(row->node->broker, 0, on_stopped, &stopped);
}

static void calls_are_canceled_together(void **state)
{
    struct cluster *c = &cluster;
    struct row row;
    (void)state;
    cluster_up(c, 3);
    unsigned id = meta_leader(c) % NODES + 1;
    cluster_isolate(c, id, false);
    row_start(c, &row, id, 60000);
    run_ms(c, 100);
    c->nodes[id].serves = false;
    assert_int_equal(sim_node_call(c->sim, id, stop_now, &row), 0);
    run_ms(c, 1000);
    row_expect(&row, ERR_CANCELED, ERR_FULL);
    cluster_close(c);
}

/* A node that has come back hears what an earlier life of it had asked: those
 * numbers are not used again. */
static void a_later_life_has_other_numbers(void **state)
{
    struct cluster *c = &cluster;
    (void)state;
    cluster_up(c, 4);
    uint64_t before = metadata_of(&c->nodes[2])->next_call;
    node_crash(c, 2, SIM_CRASH_NONE);
    node_start(c, 2);
    while (c->nodes[2].broker == NULL || metadata_of(&c->nodes[2]) == NULL) {
        run_ms(c, 1);
    }
    assert_true(metadata_of(&c->nodes[2])->next_call > before);
    cluster_close(c);
}

/* ---- memory -------------------------------------------------------------- */

/* The most memory that an entry of @meta's log keeps on a node. */
static size_t kept(struct cluster *c, unsigned id, unsigned *ret_n)
{
    struct broker *b = c->nodes[id].broker;
    struct replica *r = replica_find(broker_replicas(b), META_GROUP);
    const struct tail *t = group_tail(r->group);
    size_t most = 0;
    *ret_n = 0;
    for (uint64_t i = t->base.index + 1; i <= tail_last_index(t); i++) {
        const struct entry *e = tail_find(t, i);
        if (e->payload.len > 0) {
            most = e->payload.chunk->cap > most ? e->payload.chunk->cap : most;
            ++*ret_n;
        }
    }
    return most;
}

/* Commands are small and may be far apart, with other traffic in between: each
 * came in memory that was shared, and keeps none of it, on no node. */
static void commands_are_kept_alone(void **state)
{
    struct cluster *c = &cluster;
    (void)state;
    cluster_up(c, 5);
    unsigned leader = meta_leader(c);
    for (unsigned i = 0; i < 20; i++) {
        cluster_alter(c, leader % NODES + 1, "max.message.bytes", 5000 + i);
    }
    run_ms(c, 500);
    for (unsigned id = 1; id <= NODES; id++) {
        unsigned n;
        assert_in_range(kept(c, id, &n), 1, 4096);
        assert_true(n >= 20);
    }
    cluster_close(c);
}

struct hog {
    struct node *node;
    struct chunk *chunk;
};

static void hog_now(void *arg)
{
    struct hog *h = arg;
    h->chunk =
        chunk_acquire(h->node->pool, CHUNK_CLIENT, POOL_BYTES / 2 + (1 << 20));
    assert_non_null(h->chunk);
}

static void let_go(void *arg)
{
    chunk_release(((struct hog *)arg)->chunk);
}

/* Where memory is scarce the log is cut sooner. */
static void commands_go_when_memory_is_scarce(void **state)
{
    struct cluster *c = &cluster;
    struct hog hog;
    unsigned n, before;
    (void)state;
    cluster_up(c, 6);
    unsigned leader = meta_leader(c);
    hog.node = &c->nodes[leader % NODES + 1];
    for (unsigned i = 0; i < 200; i++) {
        cluster_alter(c, leader, "max.message.bytes", 5000 + i);
    }
    run_ms(c, 3000);
    (void)kept(c, hog.node->id, &before);
    assert_true(before >= 200);
    assert_int_equal(sim_node_call(c->sim, hog.node->id, hog_now, &hog), 0);
    run_ms(c, 3000);
    (void)kept(c, hog.node->id, &n);
    assert_int_equal(n, 0);
    assert_int_equal(sim_node_call(c->sim, hog.node->id, let_go, &hog), 0);
    (void)kept(c, leader, &n);
    assert_int_equal(n, before); /* where it is not, it is not */
    cluster_close(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_end_together_in_time),
        cmocka_unit_test(calls_end_together_when_applied),
        cmocka_unit_test(calls_are_canceled_together),
        cmocka_unit_test(a_later_life_has_other_numbers),
        cmocka_unit_test(commands_are_kept_alone),
        cmocka_unit_test(commands_go_when_memory_is_scarce),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
