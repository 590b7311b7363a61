/* What went wrong in other systems, each once, against whole nodes: the tests
 * are named by the list in doc/TESTING.md. The clients' books judge, and at the
 * end the disks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "audit.h"
#include "fetching.h"
#include "judge.h"
#include "wire/errors.h"

#define SECOND UINT64_C(1000000)
#define ALL    UINT32_MAX

struct fixture {
    struct sim *sim;
    struct sim_cluster *cluster;
    struct world world;
    struct terms terms;
};

static void hear(void *arg, unsigned node, struct slice line)
{
    struct fixture *f = arg;

    terms_hear(&f->terms, node, line);
}

static void begin(struct fixture *f, uint64_t seed)
{
    static const struct sim_setting settings[] = {
        {"journal.bytes.max", "32m"},   {"journal.file.bytes", "2m"},
        {"log.segment.bytes", "65536"}, {"raft.election.ms", "300"},
        {"raft.heartbeat.ms", "50"},
    };
    struct sim_options o = {
        .seed = seed,
        .disk_min_us = 50,
        .disk_max_us = 400,
        .net_min_us = 50,
        .net_max_us = 500,
        .trace_level = getenv("SIM_TRACE") != NULL ? TRACE_DEBUG : TRACE_INFO,
        .trace_stderr = getenv("SIM_TRACE") != NULL,
        .trace_cb = hear,
        .trace_arg = f};
    struct err err = {""};

    f->sim = sim_new(&o);
    assert_non_null(f->sim);
    f->cluster = sim_cluster_new(f->sim, 3, settings,
                                 sizeof settings / sizeof settings[0], &err);
    assert_non_null(f->cluster);
    world_init(&f->world, f->sim, f->cluster, seed);
    terms_init(&f->terms, &f->world);
    for (unsigned id = 1; id <= 3; id++) {
        sim_cluster_start(f->cluster, id);
    }
}

static void sound(struct fixture *f)
{
    if (world_broken(&f->world)) {
        fail_msg("%s at %llu us: %s", f->world.invariant,
                 (unsigned long long)f->world.violation_us, f->world.violation);
    }
}

static void run(struct fixture *f, uint64_t us)
{
    sim_run_until(f->sim, sim_now_us(f->sim) + us, NULL);
    sound(f);
}

static void start(struct fixture *f, unsigned id)
{
    if (id == ALL) {
        for (id = 1; id <= 3; id++) {
            start(f, id);
        }
    } else if (sim_cluster_state(f->cluster, id) == SIM_HOST_DOWN) {
        terms_look(&f->terms, id);
        sim_cluster_start(f->cluster, id);
    }
}

static void cut(struct fixture *f, enum sim_crash how)
{
    for (unsigned id = 1; id <= 3; id++) {
        sim_cluster_kill(f->cluster, id, how);
    }
}

static void serve(struct fixture *f)
{
    for (unsigned i = 0; i < 300 && !sim_cluster_serves(f->cluster); i++) {
        run(f, SECOND / 10);
    }
    for (unsigned id = 1; id <= 3; id++) {
        if (sim_cluster_state(f->cluster, id) != SIM_HOST_SERVES) {
            fail_msg("node %u: state %d %s", id,
                     sim_cluster_state(f->cluster, id),
                     sim_cluster_why(f->cluster, id));
        }
    }
}

static void load(struct fixture *f)
{
    serve(f);
    admin_create(&f->world, "t", 2, 3);
    producer_start(&f->world, &(struct producer_options){.idempotent = true,
                                                         .interval_ms = 10,
                                                         .records_max = 8,
                                                         .in_flight = 5});
    consumer_start(&f->world);
    f->world.loading = true;
    run(f, 3 * SECOND);
    assert_true(f->world.counts.acked > 0);
}

/* Everything is live again, and the disks hold what was promised. */
static void end(struct fixture *f)
{
    serve(f);
    judge_all(&f->world, 30 * SECOND);
    sound(f);
    admin_judge_deleted(&f->world, 10 * SECOND);
    audit_all(&f->world, &f->terms);
    sound(f);
    sim_free(f->sim);
    world_close(&f->world);
    sim_cluster_free(f->cluster);
    terms_close(&f->terms);
}

/* Who leads the first partition, as told, and not `not_this`. */
static unsigned leader(struct fixture *f, unsigned not_this)
{
    const struct book *b = &f->world.topics[0].books[0];

    for (unsigned i = 0; i < 300; i++) {
        if (b->leader > 0 && (unsigned)b->leader != not_this) {
            return (unsigned)b->leader;
        }
        world_refresh(&f->world);
        run(f, SECOND / 20);
    }
    fail_msg("no leader but %u", not_this);
    return 0;
}

/* It takes records again, some more than before. */
static void acks(struct fixture *f)
{
    uint64_t before = f->world.counts.acked;

    for (unsigned i = 0; i < 300 && f->world.counts.acked < before + 20; i++) {
        run(f, SECOND / 10);
    }
    assert_true(f->world.counts.acked >= before + 20);
}

/* A leader whose disk fails ends; what it had written at an index and could
 * not keep is not written there as something else. */
static void r05_a_disk_error_at_the_leader(void **state)
{
    (void)state;
    for (unsigned n = 1; n <= 5; n++) {
        struct fixture f;
        begin(&f, 500 + n);
        load(&f);
        unsigned id = leader(&f, 0);
        sim_io_fail_at(f.sim, id, n, false, ERR_IO);
        for (unsigned i = 0;
             i < 100 && sim_cluster_state(f.cluster, id) != SIM_HOST_DOWN;
             i++) {
            run(&f, SECOND / 100);
        }
        assert_true(sim_io_fail_fired(f.sim, id));
        assert_int_equal(sim_cluster_state(f.cluster, id), SIM_HOST_DOWN);
        acks(&f);
        start(&f, id);
        acks(&f);
        end(&f);
    }
}

/* The directory of a group of the second topic, as if its removal was undone.
 */
static void directory_comes_back(struct env *e, void *arg)
{
    (void)arg;
    assert_int_equal(env_mkdir(e, "/data/p/00000000000003ea"), 0);
    assert_int_equal(env_sync_dir(e, "/data/p"), 0);
}

/* Files that were removed, and come back with the power, go again. */
static void r08_removals_undone_by_a_power_cut(void **state)
{
    (void)state;
    for (unsigned n = 0; n < 6; n++) {
        struct fixture f;
        begin(&f, 800 + n);
        load(&f);
        admin_create(&f.world, "gone", 2, 3);
        assert_true(admin_wait(&f.world, 10 * SECOND));
        run(&f, 2 * SECOND);
        admin_delete(&f.world, 1);
        run(&f, (1 + n) * SECOND / 200); /* some files are gone by then */
        cut(&f, SIM_CRASH_NONE);
        start(&f, ALL);
        serve(&f);
        assert_true(admin_wait(&f.world, 20 * SECOND));
        run(&f, 3 * SECOND);
        sim_cluster_stop(f.cluster, 1); /* its database knows */
        while (sim_cluster_state(f.cluster, 1) != SIM_HOST_CLOSED) {
            run(&f, SECOND / 10);
        }
        sim_cluster_reap(f.cluster);
        assert_int_equal(sim_node_start(f.sim, 300, "hand",
                                        sim_cluster_disk(f.cluster, 1),
                                        directory_comes_back, NULL, NULL),
                         0);
        sim_node_crash(f.sim, 300, SIM_CRASH_ALL);
        start(&f, 1);
        end(&f);
    }
}

/* The next leader falls too, before the first one is back: nobody truncates to
 * what it knows to be committed. */
static void r24_two_failovers_in_a_row(void **state)
{
    (void)state;
    for (enum sim_crash how = SIM_CRASH_NONE; how <= SIM_CRASH_ALL; how++) {
        struct fixture f;
        begin(&f, 2400 + how);
        load(&f);
        unsigned first = leader(&f, 0);
        for (unsigned round = 0; round < 3; round++) {
            sim_cluster_kill(f.cluster, first, how);
            unsigned second = leader(&f, first);
            run(&f, SECOND / 50);
            sim_cluster_kill(f.cluster, second, how);
            start(&f, first);
            run(&f, SECOND / 2);
            start(&f, second);
            acks(&f);
            first = leader(&f, 0);
        }
        end(&f);
    }
}

/* A leader that slept, and does not know that another leads, says nothing old
 * of where the log ends. */
static void r26_a_leader_wakes_up(void **state)
{
    (void)state;
    for (unsigned n = 0; n < 3; n++) {
        struct fixture f;
        begin(&f, 2600 + n);
        load(&f);
        for (unsigned round = 0; round < 3; round++) {
            unsigned id = leader(&f, 0);
            uint64_t latest = f.world.counts.latest;
            sim_node_pause(f.sim, id);
            (void)leader(&f, id);
            acks(&f);
            sim_node_resume(f.sim, id);
            run(&f, 2 * SECOND);
            assert_true(f.world.counts.latest > latest); /* it was asked */
        }
        end(&f);
    }
}

static void link_all(struct fixture *f, unsigned id, bool up)
{
    for (unsigned other = 1; other <= 3; other++) {
        if (other != id) {
            sim_link_set(f->sim, id, other, up);
            sim_link_set(f->sim, other, id, up);
        }
    }
}

/* A consumer that knows no epochs asks `id` for what comes next. */
struct question {
    struct fixture *f;
    unsigned id;
    struct client *clients[SIM_NODES_MAX + 1];
    struct fetching fetching;
    int error;
};

static void on_answer(struct fetching *f, int error, int64_t high_watermark,
                      int64_t log_start)
{
    struct question *q = f->data;

    (void)high_watermark;
    (void)log_start;
    q->error = error;
}

static void ask(void *arg)
{
    struct question *q = arg;
    struct world *w = &q->f->world;
    struct book *b = &w->topics[0].books[0];

    fetching_init(&q->fetching, b, b->known_end, on_answer, q);
    fetching_start(&q->fetching, world_client(w, q->clients, q->id), q->id,
                   false, 500, 65536);
}

/* One that slept, and hears of nobody when it wakes up, still leads for a
 * while. What others have written since is not out of range. */
static void r26_a_leader_wakes_up_alone(void **state)
{
    (void)state;
    for (unsigned n = 0; n < 3; n++) {
        struct fixture f;
        begin(&f, 2650 + n);
        load(&f);
        struct question q = {.f = &f, .id = leader(&f, 0)};
        int64_t end_then = f.world.topics[0].books[0].known_end;
        link_all(&f, q.id, false);
        sim_node_pause(f.sim, q.id);
        (void)leader(&f, q.id);
        while (f.world.topics[0].books[0].known_end < end_then + 100) {
            acks(&f);
        }
        assert_int_equal(sim_node_call(f.sim, WORLD_CLIENT_NODE, ask, &q), 0);
        run(&f, SECOND / 20);
        sim_node_resume(f.sim, q.id);
        for (unsigned i = 0; i < 100 && q.fetching.under_way; i++) {
            run(&f, SECOND / 10);
        }
        assert_int_equal(q.error, KERR_NOT_LEADER_OR_FOLLOWER);
        link_all(&f, q.id, true);
        acks(&f);
        end(&f);
    }
}

/* All disks are full; with room again the nodes come back and go on. */
static void r31_all_disks_full(void **state)
{
    struct fixture f;
    unsigned down = 0;

    (void)state;
    begin(&f, 3100);
    load(&f);
    for (unsigned id = 1; id <= 3; id++) {
        struct sim_disk *d = sim_cluster_disk(f.cluster, id);
        sim_disk_limit(d, sim_disk_bytes(d) + 20000);
    }
    for (unsigned i = 0; i < 600 && down < 3; i++) {
        run(&f, SECOND / 10);
        down = 0;
        for (unsigned id = 1; id <= 3; id++) {
            down += sim_cluster_state(f.cluster, id) != SIM_HOST_SERVES;
        }
    }
    assert_true(down >= 2); /* nothing is acknowledged without a majority */
    for (unsigned id = 1; id <= 3; id++) {
        sim_disk_limit(sim_cluster_disk(f.cluster, id), 0);
    }
    sim_cluster_reap(f.cluster);
    start(&f, ALL);
    acks(&f);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(r05_a_disk_error_at_the_leader),
        cmocka_unit_test(r08_removals_undone_by_a_power_cut),
        cmocka_unit_test(r24_two_failovers_in_a_row),
        cmocka_unit_test(r26_a_leader_wakes_up),
        cmocka_unit_test(r26_a_leader_wakes_up_alone),
        cmocka_unit_test(r31_all_disks_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
