/* hours.c - see hours.h. */
#include "hours.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "audit.h"
#include "base/assert.h"
#include "env/file.h"
#include "judge.h"

#define SECOND         UINT64_C(1000000)
#define MINUTE         (60 * SECOND)
#define NODES          3
#define PARTITIONS     4
#define BATCHES_S      50 /* of all partitions together */
#define RECORDS        2
#define INTERVAL_MS    (1000 * PARTITIONS / BATCHES_S)
#define RING_BYTES     (UINT64_C(32) << 20)
#define FILE_BYTES     (UINT64_C(2) << 20)
#define WARM_MINUTES   10 /* before the first power cut; as long is retained */
#define RINGS_PER_HOUR 20
#define SERVE_US       (60 * SECOND)
#define HEAL_US        (30 * SECOND)
#define DIR            "/data/journal"

struct story {
    struct world world;
    struct terms terms;
    struct sim *sim;
    struct sim_cluster *cluster;
    struct hours_result *result;
    uint64_t recycled[NODES + 1];
    uint64_t journal_read[NODES + 1]; /* by the latest start */
};

static uint64_t cpu_us(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec / 1000;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* ---- what nodes say ------------------------------------------------------ */

static bool says(struct slice line, const char *what)
{
    return memmem(line.data, line.len, what, strlen(what)) != NULL;
}

/* The number behind `what`. */
static uint64_t number(struct slice line, const char *what)
{
    const char *p = memmem(line.data, line.len, what, strlen(what));

    return p == NULL ? 0 : strtoull(p + strlen(what), NULL, 10);
}

static void hear(void *arg, unsigned node, struct slice line)
{
    struct story *s = arg;

    if (node >= 1 && node <= NODES) {
        if (says(line, " journal recycled ")) {
            s->recycled[node]++;
        } else if (says(line, " journal open ")) {
            s->journal_read[node] = number(line, " read=");
        }
        terms_hear(&s->terms, node, line);
    }
}

/* ---- what nodes hold ----------------------------------------------------- */

struct look {
    struct env *e;
    struct hours_sizes sizes;
};

static int look_at_file(void *arg, const char *name, bool dir)
{
    struct look *l = arg;
    char path[128];
    uint64_t size = 0;
    size_t len = strlen(name);

    if (!dir && len > 2 && strcmp(name + len - 2, ".j") == 0) {
        snprintf(path, sizeof path, DIR "/%s", name);
        ASSERT(env_stat(l->e, path, NULL, &size) == 0);
        l->sizes.journal += size;
    }
    return 0;
}

static void look(void *arg)
{
    struct look *l = arg;

    ASSERT(env_list_dir(l->e, DIR, look_at_file, l) == 0);
    l->sizes.memory = mem_bytes(env_mem(l->e));
}

static void sizes_note(struct story *s, struct hours_sizes *to)
{
    for (unsigned id = 1; id <= NODES; id++) {
        struct look l = {.e = sim_node_env(s->sim, id)};
        if (l.e == NULL || sim_node_call(s->sim, id, look, &l) != 0) {
            world_violation(&s->world, "died", "node %u: %s", id,
                            sim_node_death(s->sim, id));
            return;
        }
        if (l.sizes.journal > RING_BYTES) {
            world_violation(&s->world, "grown",
                            "node %u: the journal's files have %" PRIu64
                            " bytes of %" PRIu64,
                            id, l.sizes.journal, RING_BYTES);
        }
        to->memory = larger(to->memory, l.sizes.memory);
        to->journal = larger(to->journal, l.sizes.journal);
        to->disk =
            larger(to->disk, sim_disk_bytes(sim_cluster_disk(s->cluster, id)));
    }
}

/* ---- the story ----------------------------------------------------------- */

/* Start all; what they read until they serve. */
static void start_all(struct story *s, struct hours_start *ret_start)
{
    uint64_t from = sim_now_us(s->sim), before[NODES + 1];

    for (unsigned id = 1; id <= NODES; id++) {
        before[id] = sim_disk_read_bytes(sim_cluster_disk(s->cluster, id));
        s->journal_read[id] = 0;
        sim_cluster_start(s->cluster, id);
    }
    while (!sim_cluster_serves(s->cluster) &&
           sim_now_us(s->sim) < from + SERVE_US) {
        sim_run_until(s->sim, sim_now_us(s->sim) + SECOND / 100, NULL);
    }
    *ret_start = (struct hours_start){.virtual_us = sim_now_us(s->sim) - from};
    for (unsigned id = 1; id <= NODES; id++) {
        uint64_t now = sim_disk_read_bytes(sim_cluster_disk(s->cluster, id));
        ret_start->read = larger(ret_start->read, now - before[id]);
        ret_start->journal_read =
            larger(ret_start->journal_read, s->journal_read[id]);
        if (sim_cluster_state(s->cluster, id) != SIM_HOST_SERVES) {
            world_violation(&s->world, "stuck", "node %u does not serve: %s",
                            id, sim_cluster_why(s->cluster, id));
        }
    }
    if (ret_start->journal_read > RING_BYTES) {
        world_violation(&s->world, "restart",
                        "%" PRIu64 " bytes of the journal were read, of a "
                        "ring of %" PRIu64,
                        ret_start->journal_read, RING_BYTES);
    }
}

static void cut_all(struct story *s)
{
    for (unsigned id = 1; id <= NODES; id++) {
        sim_cluster_kill(s->cluster, id, SIM_CRASH_NONE);
    }
}

static void load(struct story *s, uint64_t minutes)
{
    for (uint64_t i = 0; i < minutes && !world_broken(&s->world); i++) {
        sim_run_until(s->sim, sim_now_us(s->sim) + MINUTE, NULL);
        sizes_note(s, &s->result->sizes[i / 60]);
    }
}

static void begin(struct story *s)
{
    struct world *w = &s->world;
    char retention[16];
    unsigned topic;

    start_all(s, &s->result->first);
    topic = admin_create(w, "hours", PARTITIONS, NODES);
    if (!admin_wait(w, HEAL_US)) {
        return;
    }
    snprintf(retention, sizeof retention, "%d", WARM_MINUTES * 60 * 1000);
    admin_configure(w, topic, "retention.ms", retention);
    if (!admin_wait(w, HEAL_US)) {
        return;
    }
    producer_start(w, &(struct producer_options){.idempotent = true,
                                                 .interval_ms = INTERVAL_MS,
                                                 .records_max = RECORDS,
                                                 .in_flight = 5});
    consumer_start(w);
    w->loading = true;
}

static void power_cut(struct story *s, struct hours_start *ret_start)
{
    if (!world_broken(&s->world)) {
        cut_all(s);
        start_all(s, ret_start);
    }
}

/* ---- the end ------------------------------------------------------------- */

/* Nothing that was acknowledged passed the consumer by. */
static void judge_read(struct world *w)
{
    for (unsigned k = 0; k < PARTITIONS; k++) {
        const struct book *b = &w->topics[0].books[k];
        for (int64_t i = 0; i < b->acked_end && !world_broken(w); i++) {
            if (b->cells[i].time == 0) {
                world_violation(w, "unread",
                                "hours-%u: the record at %" PRId64
                                " was acknowledged, and nobody could read it",
                                k, i);
            }
        }
    }
}

static void judge_one(struct world *w, const char *what, uint64_t early,
                      uint64_t late)
{
    if (late > early + early / 8) {
        world_violation(w, "grown",
                        "%s of a node: up to %" PRIu64
                        " bytes in the first half of the hours, up to %" PRIu64
                        " in the second",
                        what, early, late);
    }
}

static void judge_growth(struct story *s, uint64_t hours)
{
    struct hours_result *r = s->result;
    struct hours_sizes early = {0}, late = {0};
    struct world *w = &s->world;

    r->recycled = UINT64_MAX;
    for (unsigned id = 1; id <= NODES; id++) {
        r->recycled =
            s->recycled[id] < r->recycled ? s->recycled[id] : r->recycled;
    }
    r->rings = (double)(r->recycled * FILE_BYTES) / (double)RING_BYTES;
    if (r->rings < (double)(hours * RINGS_PER_HOUR)) {
        world_violation(w, "recycled", "%" PRIu64 " files in %" PRIu64 " hours",
                        r->recycled, hours);
    }
    for (uint64_t i = 0; i < hours; i++) {
        struct hours_sizes *to = i < (hours + 1) / 2 ? &early : &late;
        to->memory = larger(to->memory, r->sizes[i].memory);
        to->disk = larger(to->disk, r->sizes[i].disk);
    }
    judge_one(w, "memory", early.memory, late.memory);
    judge_one(w, "all files", early.disk, late.disk);
}

static void tell(struct story *s, uint64_t hours)
{
    struct hours_result *r = s->result;
    struct world *w = &s->world;
    uint64_t from, cpu;

    begin(s);
    from = sim_now_us(s->sim);
    cpu = cpu_us();
    load(s, WARM_MINUTES);
    power_cut(s, &r->first);
    memset(s->recycled, 0, sizeof s->recycled);
    r->sizes[0] = (struct hours_sizes){0};
    load(s, hours * 60);
    judge_growth(s, hours);
    power_cut(s, &r->last);
    sim_run_until(s->sim, sim_now_us(s->sim) + MINUTE, NULL);
    r->virtual_us = sim_now_us(s->sim) - from;
    r->cpu_us = cpu_us() - cpu;
    r->acked = w->counts.acked;
    if (!world_broken(w)) {
        judge_all(w, HEAL_US);
    }
    if (!world_broken(w)) {
        judge_read(w);
        audit_all(w, &s->terms);
    }
    r->failed = world_broken(w);
    snprintf(r->text, sizeof r->text, "%.31s at %" PRIu64 " s: %s",
             w->invariant, w->violation_us / SECOND, w->violation);
}

void hours_run(uint64_t hours, struct hours_result *ret_r)
{
    static const struct sim_setting settings[] = {
        {"journal.bytes.max", "32m"},
        {"journal.file.bytes", "2m"},
        {"log.segment.bytes", "262144"},
        {"log.retention.check.interval.ms", "60000"},
    };
    struct story *s = calloc(1, sizeof *s);
    struct sim_options o = {.seed = 1,
                            .disk_min_us = 100,
                            .disk_max_us = 500,
                            .net_min_us = 50,
                            .net_max_us = 200,
                            .trace_level = TRACE_DEBUG,
                            .trace_cb = hear,
                            .trace_arg = s};
    struct err err;

    ASSERT(s != NULL);
    *ret_r = (struct hours_result){.failed = false};
    s->result = ret_r;
    s->sim = sim_new(&o);
    ASSERT(s->sim != NULL);
    s->cluster = sim_cluster_new(s->sim, NODES, settings,
                                 sizeof settings / sizeof settings[0], &err);
    ASSERT(s->cluster != NULL);
    world_init(&s->world, s->sim, s->cluster, o.seed);
    terms_init(&s->terms, &s->world);
    tell(s, hours);
    sim_free(s->sim);
    terms_close(&s->terms);
    world_close(&s->world);
    sim_cluster_free(s->cluster);
    free(s);
}
