/* Transfer, between whole brokers: a copy that the log overtook, one that does
 * not fit, one of @meta whose receiver dies at any moment. And a replica whose
 * settings change while it opens, or after it leads. */
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "cluster.h"
#include "replica/transfer_impl.h"
#include "storage/store_impl.h"

static struct cluster cluster;

static struct cluster *begin(uint64_t seed)
{
    cluster_up(&cluster, seed);
    return &cluster;
}

/* Also of a node that does not serve yet; it takes part. */
static struct replica *replica_of(struct cluster *c, unsigned id)
{
    for (unsigned t = 0;; t++) {
        struct partition *p = broker_partition(c->nodes[id].broker, c->group);
        struct replica *r = p == NULL ? NULL : partition_replica(p);
        if (r != NULL && r->group != NULL) {
            return r;
        }
        if (t == 1000) {
            fail_msg("node %u: no replica", id);
        }
        run_ms(c, 5);
    }
}

/* ---- offers of ours ----------------------------------------------------- */

struct offer {
    struct replica *replica;
    uint64_t from;
    struct slice manifest;
};

static void offer_now(void *arg)
{
    struct offer *o = arg;
    transfer_offered(o->replica, o->from, o->manifest);
}

static void offer(struct cluster *c, unsigned to, unsigned from,
                  const struct manifest *m)
{
    struct buf b;
    buf_init(&b, c->mem, 0);
    manifest_encode(m, &b);
    assert_int_equal(b.status, 0);
    struct offer o = {.replica = replica_of(c, to),
                      .from = membership_id((int32_t)from, 1),
                      .manifest = buf_slice(&b)};
    assert_int_equal(sim_node_call(c->sim, to, offer_now, &o), 0);
    buf_close(&b);
    assert_true(transfer_active(o.replica));
}

/* A sender that dies offered a base that the log reaches by itself: nobody
 * waits for the sender, and what is committed is applied. */
static void overtaken(void **state)
{
    (void)state;
    struct cluster *c = begin(1);
    producer_go(c, 5);
    producer_settle(c, 5000);
    run_ms(c, 300);
    unsigned leader = wait_leader(c, 1000)->id;
    unsigned id = leader % NODES + 1, gone = id % NODES + 1;
    struct replica *r = replica_of(c, id);
    struct buf config;
    buf_init(&config, c->mem, 0);
    group_config_encode(group_config(r->group), &config);
    const struct manifest_segment whole = {
        .length = 1, .next_offset = tail_last(group_tail(r->group)).offset};
    struct manifest m = {.kind = MANIFEST_LOG,
                         .base = tail_last(group_tail(r->group)),
                         .config_index = group_config_index(r->group),
                         .config = buf_slice(&config),
                         .segments = &whole,
                         .n_segments = 1};
    m.base.index += 6;
    m.base.offset += 6;
    node_crash(c, gone, SIM_CRASH_NONE);
    offer(c, id, gone, &m);
    run_ms(c, 200);
    assert_true(transfer_active(r));
    producer_go(c, 20);
    producer_settle(c, 5000);
    run_ms(c, 1000);
    assert_false(transfer_active(r));
    assert_int_equal(replica_applied_end(r), c->n_sent);
    buf_close(&config);
    node_start(c, gone);
    wait_serves(c, gone);
    check_all(c);
    cluster_close(c);
}

/* ---- another history ---------------------------------------------------- */

struct false_batch {
    struct cluster *c;
    unsigned node;
    int64_t offset;
    int32_t epoch;
};

/* A sound batch that the log has never had. */
static void append_false(void *arg)
{
    struct false_batch *f = arg;
    struct bytes bytes =
        producer_batch(f->c, f->node, 3000 + (unsigned)f->offset);
    batch_set_base_offset(bytes.chunk->data, f->offset);
    batch_set_leader_epoch(bytes.chunk->data, f->epoch);
    assert_int_equal(store_append_raw(replica_of(f->c, f->node)->store, bytes),
                     0);
    bytes_release(&bytes);
}

/* A follower that was away until it is behind the leader's base, is back, and
 * hears nobody; what it has of the segments beyond its log is `wrong`, or
 * nothing. */
static unsigned leave_behind(struct cluster *c, bool wrong)
{
    producer_go(c, 5);
    producer_settle(c, 5000);
    run_ms(c, 300);
    unsigned leader = wait_leader(c, 1000)->id, id = leader % NODES + 1;
    node_crash(c, id, SIM_CRASH_ALL);
    producer_go(c, 12);
    producer_settle(c, 5000);
    run_ms(c, 100);
    node_compact(c, leader, replica_of(c, leader));
    int64_t end = group_tail(replica_of(c, leader)->group)->base.offset;
    cluster_isolate(c, id, false);
    node_start(c, id);
    struct replica *r = replica_of(c, id);
    assert_true(store_append_end(r->store) < end);
    while (wrong && store_append_end(r->store) < end) {
        struct false_batch f = {.c = c,
                                .node = id,
                                .offset = store_append_end(r->store),
                                .epoch = replica_epoch(r)};
        assert_int_equal(sim_node_call(c->sim, id, append_false, &f), 0);
    }
    return id;
}

/* What was pulled before, from somebody, is not what the leader has: the
 * receiver goes back to where both agree, and pulls again. */
static void another_history(void **state)
{
    (void)state;
    struct cluster *c = begin(2);
    unsigned id = leave_behind(c, true);
    struct replica *r = replica_of(c, id);
    cluster_isolate(c, id, true);
    for (unsigned t = 0; r->transfer == NULL || !r->transfer->retried; t++) {
        assert_true(t < 50000);
        sim_run_until(c->sim, sim_now_us(c->sim) + 100, NULL);
    }
    wait_serves(c, id);
    check_all(c);
    cluster_close(c);
}

/* An answer that takes longer than one waits before one asks again is an answer
 * all the same. */
static void a_slow_link(void **state)
{
    (void)state;
    struct cluster *c = begin(8);
    unsigned id = leave_behind(c, false);
    struct replica *r = replica_of(c, id);
    cluster_isolate(c, id, true);
    for (unsigned t = 0; r->transfer == NULL; t++) {
        assert_true(t < 50000);
        sim_run_until(c->sim, sim_now_us(c->sim) + 100, NULL);
    }
    uint64_t base = r->transfer->manifest.base.index;
    sim_node_slow(c->sim, id, 0, 700000);
    for (unsigned t = 0; group_tail(r->group)->base.index < base; t++) {
        assert_true(t < 300);
        run_ms(c, 100);
    }
    sim_node_slow(c->sim, id, 0, 0);
    wait_serves(c, id);
    check_all(c);
    cluster_close(c);
}

/* If it is not what was offered after that either, the node stops, with
 * nothing given up: started anew, it is brought up by a sound offer. */
static void a_chain_that_never_fits(void **state)
{
    (void)state;
    struct cluster *c = begin(3);
    unsigned id = leave_behind(c, false);
    unsigned leader = wait_leader(c, 1000)->id;
    struct replica *from = replica_of(c, leader);
    struct arena arena;
    struct manifest m;
    arena_init(&arena, c->mem, 0);
    assert_int_equal(manifest_decode(buf_slice(&from->manifest), &arena, &m),
                     0);
    m.base.chain ^= 1;
    offer(c, id, leader, &m);
    arena_close(&arena);
    cluster_isolate(c, id, true);
    for (unsigned i = 0; sim_node_death(c->sim, id)[0] == '\0'; i++) {
        assert_true(i < 5000);
        sim_run_until(c->sim, sim_now_us(c->sim) + 1000, NULL);
    }
    assert_non_null(strstr(sim_node_death(c->sim, id), "differs"));
    assert_non_null(strstr(sim_node_death(c->sim, id), "nothing was cut"));
    node_start(c, id);
    wait_serves(c, id);
    check_all(c);
    cluster_close(c);
}

/* The leader's log begins behind all that a follower has: what it had is given
 * up, and until the rest arrives it does not say that it has it. */
static void emptied(void **state)
{
    (void)state;
    struct cluster *c = begin(4);
    unsigned id = leave_behind(c, false);
    unsigned leader = wait_leader(c, 1000)->id;
    struct replica *r = replica_of(c, id), *from = replica_of(c, leader);
    struct replica_status s;
    struct arena arena;
    struct manifest m;
    int64_t end = store_append_end(r->store);
    arena_init(&arena, c->mem, 0);
    assert_int_equal(manifest_decode(buf_slice(&from->manifest), &arena, &m),
                     0);
    struct manifest_segment later = m.segments[m.n_segments - 1];
    later.base_offset = m.log_start = end + 2;
    m.segments = &later;
    m.n_segments = 1;
    assert_int_equal(replica_log_start(r), 0);
    offer(c, id, leader, &m);
    arena_close(&arena);
    for (unsigned t = 0; r->transfer == NULL || r->transfer->step != STEP_PULL;
         t++) {
        assert_true(t < 1000);
        run_ms(c, 5);
    }
    assert_int_equal(store_start(r->store), end + 2);
    assert_int_equal(replica_log_start(r), end + 2);
    replica_status(r, &s);
    assert_int_equal(s.log_start, end + 2);
    run_ms(c, 10000); /* it is given up */
    assert_false(transfer_active(r));
    assert_int_equal(replica_log_start(r), end + 2);
    cluster_close(c);
}

/* All that lies below the offer's base was deleted: the last segment, which the
 * offer still lists, may be gone where it came from, though we have a part of
 * it. Nothing of it is asked for. */
static void all_deleted(void **state)
{
    (void)state;
    struct cluster *c = begin(9);
    unsigned id = leave_behind(c, false);
    unsigned leader = wait_leader(c, 1000)->id;
    struct replica *r = replica_of(c, id), *from = replica_of(c, leader);
    struct arena arena;
    struct manifest m;
    arena_init(&arena, c->mem, 0);
    assert_int_equal(manifest_decode(buf_slice(&from->manifest), &arena, &m),
                     0);
    int64_t base = m.log_start = m.base.offset;
    assert_true(m.n_segments > 0);
    while (store_append_end(r->store) < 3) { /* a part, whatever it is */
        struct false_batch f = {.c = c,
                                .node = id,
                                .offset = store_append_end(r->store),
                                .epoch = replica_epoch(r)};
        assert_int_equal(sim_node_call(c->sim, id, append_false, &f), 0);
    }
    assert_in_range(store_append_end(r->store), m.segments[0].base_offset + 1,
                    base - 1);
    offer(c, id, leader, &m);
    arena_close(&arena);
    for (unsigned t = 0; store_start(r->store) != base; t++) {
        assert_true(t < 1000);
        assert_true(r->transfer->step != STEP_PULL);
        run_ms(c, 5);
    }
    assert_int_equal(store_append_end(r->store), base);
    assert_int_equal(replica_log_start(r), base);
    cluster_close(c);
}

/* ---- opening ------------------------------------------------------------ */

/* A replica whose segments another thread is about to open. */
static struct replica *opening_of(struct cluster *c, unsigned id)
{
    for (unsigned t = 0;; t++) {
        struct broker *b = c->nodes[id].broker;
        struct partition *p = b == NULL ? NULL : broker_partition(b, c->group);
        struct replica *r = p == NULL ? NULL : partition_replica(p);
        if (r != NULL && r->open_segment_bytes != 0) {
            return r;
        }
        assert_true(t < 500000);
        sim_run_until(c->sim, sim_now_us(c->sim) + 20, NULL);
    }
}

static void configure_now(void *arg)
{
    struct replica *r = arg;
    struct topic_config config = r->config;
    struct err err = {""};
    assert_int_equal(
        topic_config_set(&config, "segment.bytes", "3000000", 0, &err), 0);
    replica_configure(r, &config);
}

/* Confirmed @meta says another setting than the one it begins to open with. */
static void configured_while_opening(void **state)
{
    (void)state;
    struct cluster *c = begin(5);
    producer_go(c, 5);
    producer_settle(c, 5000);
    node_crash(c, 1, SIM_CRASH_ALL);
    node_start(c, 1);
    struct replica *r = opening_of(c, 1);
    assert_true(r->store == NULL && r->opened == NULL);
    assert_int_equal(sim_node_call(c->sim, 1, configure_now, r), 0);
    assert_true(r->store == NULL);
    assert_int_not_equal(r->open_segment_bytes, 3000000);
    for (unsigned t = 0; r->store == NULL; t++) {
        assert_true(t < 500000);
        sim_run_until(c->sim, sim_now_us(c->sim) + 20, NULL);
    }
    assert_int_equal(r->store->segment_bytes, 3000000);
    wait_serves(c, 1);
    check_all(c);
    cluster_close(c);
}

/* ---- settings of another time -------------------------------------------- */

static void on_stopped(void *arg)
{
    bool *stopped = arg;
    *stopped = true;
}

struct stop {
    struct broker *broker;
    bool stopped;
};

static void stop_now(void *arg)
{
    struct stop *s = arg;
    broker_stop(s->broker, 2000, on_stopped, &s->stopped);
}

/* What it has applied is in its databases then. */
static void node_stop(struct cluster *c, unsigned id)
{
    struct stop s = {.broker = c->nodes[id].broker};
    assert_int_equal(sim_node_call(c->sim, id, stop_now, &s), 0);
    assert_true(run_until(c, 20000, &s.stopped));
    node_crash(c, id, SIM_CRASH_ALL);
}

static void lead_now(void *arg)
{
    (void)replica_transfer_leader(arg, 1, 1000, NULL, NULL);
}

/* Node 1 leads the partition, whether it serves or not. */
static void lead_at_one(struct cluster *c, struct replica *r)
{
    for (unsigned t = 0; !replica_ready(r); t++) {
        assert_true(t < 100);
        for (unsigned i = 2; i <= NODES; i++) {
            assert_int_equal(
                sim_node_call(c->sim, i, lead_now, replica_of(c, i)), 0);
        }
        run_ms(c, 100);
    }
}

/* A node that was down while a topic's time was made longer leads it before it
 * knows: it does not trim by the time that it remembers, which is over; it does
 * by what it then learns. */
static void retains_by_what_is_confirmed(void **state)
{
    enum { HOUR_MS = 3600000 };
    (void)state;
    struct cluster *c = begin(6);
    cluster_alter(c, 2, "segment.ms", 1);
    cluster_alter(c, 2, "retention.ms", 1);
    run_ms(c, 1000);
    node_stop(c, 1);
    cluster_alter(c, 2, "retention.ms", HOUR_MS);
    producer_go(c, 5);
    producer_settle(c, 5000);
    node_start(c, 1);
    for (unsigned t = 0; c->nodes[1].broker == NULL ||
                         broker_partition(c->nodes[1].broker, c->group) == NULL;
         t++) {
        assert_true(t < 500000);
        sim_run_until(c->sim, sim_now_us(c->sim) + 20, NULL);
    }
    node_stall(c, 1, 20000);
    struct replica *r = replica_of(c, 1);
    r->all->o.retention_check_ms = 1000;
    r->all->retention_at_ms = 0;
    lead_at_one(c, r);
    node_compact(c, 1, r);
    assert_int_equal(config_topic_long(&r->config, TOPIC_RETENTION_MS), 1);
    run_ms(c, 5000);
    assert_true(replica_ready(r));
    assert_false(c->nodes[1].stall_over);
    assert_int_equal(replica_log_start(r), 0);
    wait_serves(c, 1);
    assert_int_equal(config_topic_long(&r->config, TOPIC_RETENTION_MS),
                     HOUR_MS);
    run_ms(c, 5000);
    check_all(c);
    lead_at_one(c, r);
    cluster_alter(c, 1, "retention.ms", 1);
    for (unsigned t = 0; replica_log_start(r) == 0; t++) {
        assert_true(t < 1000);
        run_ms(c, 10);
    }
    cluster_close(c);
}

static void lead_meta_now(void *arg)
{
    (void)replica_transfer_leader(arg, 2, 1000, NULL, NULL);
}

/* @meta is led elsewhere, by what @meta's replica on node 1 knows. */
static void meta_away_from_one(struct cluster *c)
{
    struct replica *r =
        replica_find(broker_replicas(c->nodes[1].broker), META_GROUP);
    for (unsigned t = 0; replica_is_leader(r) || replica_leader(r) < 0; t++) {
        assert_true(t < 100);
        assert_int_equal(sim_node_call(c->sim, 1, lead_meta_now, r), 0);
        run_ms(c, 100);
    }
}

/* A node that leads, was confirmed long ago, and lags behind @meta: a time that
 * was made longer, and acknowledged, holds there, too. */
static void retains_what_was_acknowledged(void **state)
{
    enum { HOUR_MS = 3600000 };
    (void)state;
    struct cluster *c = begin(7);
    cluster_alter(c, 2, "segment.ms", 1);
    cluster_alter(c, 2, "retention.ms", 1);
    run_ms(c, 1000);
    struct replica *r = replica_of(c, 1);
    lead_at_one(c, r);
    meta_away_from_one(c);
    node_stall(c, 1, 20000);
    cluster_alter(c, 2, "retention.ms", HOUR_MS);
    producer_go(c, 5);
    producer_settle(c, 5000);
    node_compact(c, 1, r);
    r->all->o.retention_check_ms = 1000;
    r->all->retention_at_ms = 0;
    run_ms(c, 5000);
    assert_true(replica_ready(r)); /* else this shows nothing */
    assert_false(c->nodes[1].stall_over);
    assert_int_equal(config_topic_long(&r->config, TOPIC_RETENTION_MS), 1);
    assert_int_equal(replica_log_start(r), 0);
    assert_true(run_until(c, 30000, &c->nodes[1].stall_over));
    run_ms(c, 15000); /* also what had been asked by then is over */
    assert_int_equal(config_topic_long(&r->config, TOPIC_RETENTION_MS),
                     HOUR_MS);
    check_all(c);
    assert_int_equal(replica_log_start(r), 0);
    cluster_close(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(overtaken),
        cmocka_unit_test(a_slow_link),
        cmocka_unit_test(another_history),
        cmocka_unit_test(a_chain_that_never_fits),
        cmocka_unit_test(emptied),
        cmocka_unit_test(all_deleted),
        cmocka_unit_test(configured_while_opening),
        cmocka_unit_test(retains_by_what_is_confirmed),
        cmocka_unit_test(retains_what_was_acknowledged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
