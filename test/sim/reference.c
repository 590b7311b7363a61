/* reference.c - see reference.h. */
#include "reference.h"

#include <stdio.h>
#include <time.h>

#include "base/assert.h"
#include "judge.h"

#define SECOND      UINT64_C(1000000)
#define NODES       3
#define PARTITIONS  4
#define BATCHES_S   50 /* of all partitions together */
#define RECORDS     10
#define SERVE_US    (10 * SECOND)
#define HEAL_US     (10 * SECOND)
#define INTERVAL_MS (1000 * PARTITIONS / BATCHES_S)

static uint64_t cpu_us(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec / 1000;
}

static void start(struct world *w)
{
    admin_create(w, "reference", PARTITIONS, NODES);
    producer_start(w, &(struct producer_options){.idempotent = true,
                                                 .interval_ms = INTERVAL_MS,
                                                 .records_max = RECORDS,
                                                 .in_flight = 5});
    consumer_start(w);
    w->loading = true;
}

void reference_run(uint64_t seconds, struct reference_result *ret_r)
{
    static const struct sim_setting settings[] = {
        {"journal.bytes.max", "64m"},
        {"log.segment.bytes", "1048576"},
    };
    struct sim_options o = {.seed = 1,
                            .disk_min_us = 100,
                            .disk_max_us = 500,
                            .net_min_us = 50,
                            .net_max_us = 200,
                            .trace_level = TRACE_ERROR};
    struct sim *sim = sim_new(&o);
    struct sim_cluster *c;
    struct world world, *w = &world;
    struct err err;
    uint64_t cpu, from;

    ASSERT(sim != NULL);
    c = sim_cluster_new(sim, NODES, settings,
                        sizeof settings / sizeof settings[0], &err);
    ASSERT(c != NULL);
    world_init(w, sim, c, o.seed);
    for (unsigned id = 1; id <= NODES; id++) {
        sim_cluster_start(c, id);
    }
    sim_run_until(sim, SERVE_US, NULL);
    start(w);
    from = sim_now_us(sim);
    cpu = cpu_us();
    sim_run_until(sim, from + seconds * SECOND, NULL);
    cpu = cpu_us() - cpu;
    *ret_r = (struct reference_result){
        .virtual_us = sim_now_us(sim) - from,
        .cpu_us = cpu,
        .acked = w->counts.acked,
        .hash = sim_trace_hash(sim),
    };
    judge_all(w, HEAL_US);
    ret_r->failed = world_broken(w);
    snprintf(ret_r->text, sizeof ret_r->text, "%.31s: %s", w->invariant,
             w->violation);
    sim_free(sim);
    world_close(w);
    sim_cluster_free(c);
}
