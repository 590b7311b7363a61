/* swarm_draw.c - what a seed draws: settings, sizes, clocks, load. */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "swarm_impl.h"

#define UNBOUND 8
#define SHAKY   6 /* of so many seeds, one has faults of databases */
/* See start_producers(). */
#define BATCHES_S_MAX 200
#define RATE_WILD     200000 /* of a million, how far clocks run apart */
#define STATE_SALT    UINT64_C(0x64617461626173)
#define LIMIT_SALT    UINT64_C(0x6c696d697473)
#define TIGHT         3 /* of so many seeds, one has tight limits */

static void set(struct swarm *s, const char *name, uint64_t value)
{
    ASSERT(s->n_settings < SETTINGS);
    snprintf(s->values[s->n_settings], TEXT_MAX, "%llu",
             (unsigned long long)value);
    s->settings[s->n_settings] =
        (struct sim_setting){name, s->values[s->n_settings]};
    s->n_settings++;
}

static void draw_settings(struct swarm *s)
{
    set(s, "journal.bytes.max", 32u << 20);
    set(s, "journal.file.bytes", UINT64_C(1) << between(s, 20, 23));
    set(s, "message.max.bytes", (1u << 20) - 4096); /* fits any of them */
    set(s, "log.segment.bytes", UINT64_C(1) << between(s, 15, 22));
    set(s, "raft.election.ms", between(s, 150, 800));
    set(s, "raft.heartbeat.ms", between(s, 20, 70));
    set(s, "raft.quiet.ms", below(s, 2) * between(s, 100, 3000));
    set(s, "leader.imbalance.check.interval.seconds", between(s, 1, 10));
    set(s, "log.retention.check.interval.ms", between(s, 1000, 4000));
    if (s->groups.on) {
        set(s, "group.min.session.timeout.ms", 500);
        set(s, "group.initial.rebalance.delay.ms", s->groups.initial_delay_ms);
        if (s->groups.size_max > 0) {
            set(s, "group.max.size", s->groups.size_max);
        }
        if (s->groups.retention_check_ms > 0) {
            set(s, "offsets.retention.check.interval.ms",
                s->groups.retention_check_ms);
        }
        if (s->groups.minute) {
            set(s, "offsets.retention.minutes", 1);
        }
    }
}

/* Limits that a load like this reaches, each in half of the seeds that have
 * any. Drawn apart. */
static void draw_limits(struct swarm *s)
{
    static const struct {
        const char *name;
        unsigned lo, hi;
    } all[] = {
        {"queued.max.requests", 1, 20},
        {"fetch.max.bytes", 1024, 100000},
        /* Who waits for a generation is silent, too, here and in Kafka. */
        {"connections.max.idle.ms", 12000, 40000},
        {"state.checkpoint.entries", 1, 300},
        {"groups.history.max", 0, 4},
        {"groups.history.interval.ms", 0, 2000},
        {"log.segment.delete.delay.ms", 0, 3000},
        {"log.index.interval.bytes", 0, 20000},
        {"loop.rest.us", 0, 5000},
    };
    struct rand r;

    rand_init(&r, s->o->seed ^ LIMIT_SALT);
    if (rand_below(&r, TIGHT) != 0) {
        return;
    }
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        uint64_t value = all[i].lo + rand_below(&r, all[i].hi - all[i].lo + 1);
        if (rand_below(&r, 2)) {
            set(s, all[i].name, value);
        }
    }
}

static void on_line(void *arg, unsigned node, struct slice line)
{
    struct swarm *s = arg;

    if (s->o->coverage != NULL) {
        coverage_hear(s->o->coverage, node, line);
    }
    terms_hear(&s->terms, node, line);
}

static void draw_world(struct swarm *s)
{
    struct sim_options o = {.seed = s->o->seed,
                            .trace_level = TRACE_DEBUG,
                            .trace_stderr = s->o->trace,
                            .shake = s->o->shake,
                            .trace_cb = on_line,
                            .trace_arg = s};
    struct err err = {""};
    unsigned size = (unsigned)below(s, 20);

    o.disk_min_us = between(s, 20, 200);
    o.disk_max_us =
        o.disk_min_us + between(s, 0, below(s, 4) == 0 ? 30000 : 1000);
    o.net_min_us = between(s, 20, 200);
    o.net_max_us =
        o.net_min_us + between(s, 0, below(s, 4) == 0 ? 30000 : 1000);
    o.net_split_rate = (unsigned)below(s, 2) * (unsigned)below(s, 5000);
    s->n = size < 2 ? 1 : size < 17 ? 3 : 5;
    draw_settings(s);
    draw_limits(s);
    s->sim = sim_new(&o);
    ASSERT(s->sim != NULL);
    s->cluster =
        sim_cluster_new(s->sim, s->n, s->settings, s->n_settings, &err);
    if (s->cluster == NULL) {
        fprintf(stderr, "settings: %s\n", err.text);
        ASSERT(false);
    }
    world_init(&s->world, s->sim, s->cluster, s->o->seed);
    terms_init(&s->terms, &s->world);
    s->world.trace = s->o->trace;
}

/* Few seeds would take most of the time, with more of the same: together
 * producers send so many batches a second at most. One seed of UNBOUND is as
 * it was drawn. */
static void start_producers(struct swarm *s, struct producer_options o[],
                            unsigned n, unsigned n_partitions)
{
    unsigned batches = 0;

    for (unsigned i = 0; i < n; i++) {
        batches += n_partitions * 1000 / o[i].interval_ms;
    }
    for (unsigned i = 0; i < n; i++) {
        if (batches > BATCHES_S_MAX && s->o->seed % UNBOUND != 0) {
            o[i].interval_ms = o[i].interval_ms * batches / BATCHES_S_MAX;
        }
        producer_start(&s->world, &o[i]);
    }
}

static void draw_load(struct swarm *s)
{
    struct world *w = &s->world;
    unsigned n_topics = (unsigned)between(s, 1, 3);
    unsigned n_producers = (unsigned)between(s, 1, 4), n_partitions = 0;
    struct producer_options producers[4];

    for (unsigned i = 0; i < n_topics; i++) {
        char name[16];
        unsigned replicas = s->n == 1                        ? 1
                            : !s->rotten && below(s, 6) == 0 ? 1
                            : s->n == 5 && below(s, 2)       ? 5
                                                             : 3;
        snprintf(name, sizeof name, "t%u", i);
        unsigned n = (unsigned)between(s, 1, 3);
        n_partitions += n;
        admin_create(w, name, n, replicas);
    }
    for (unsigned i = 0; i < n_producers; i++) {
        bool idempotent = below(s, 3) != 0;
        unsigned acks = idempotent ? 0 : (unsigned)below(s, 3);
        producers[i] = (struct producer_options){
            .idempotent = idempotent,
            .twice = idempotent && (s->apart & APART_TWICE) != 0,
            .acks_one = acks == 1,
            .acks_none = acks == 2,
            .interval_ms = (unsigned)between(s, 5, 200),
            .records_max = (unsigned)between(s, 1, 30),
            .in_flight =
                idempotent || acks == 2 ? (unsigned)between(s, 1, 5) : 1};
    }
    start_producers(s, producers, n_producers, n_partitions);
    if (below(s, 2)) {
        consumer_start(w);
        session_start(w);
    } else if (below(s, 2)) {
        consumer_start(w);
    } else {
        session_start(w);
    }
    w->loading = true;
}

/* Clocks, whose disk is bad, and cuts while the cluster forms. */
static void draw_nodes(struct swarm *s)
{
    int most = below(s, 3) == 0 ? RATE_WILD : below(s, 2) ? 500 : 0;

    s->groups.wild = most == RATE_WILD || (s->kinds & 1u << FAULT_WALL) != 0;
    s->beyond = below(s, 12) == 0;
    s->rotten = s->n >= 3 && below(s, 2) ? (unsigned)between(s, 1, s->n) : 0;
    for (unsigned id = 1; id <= s->n; id++) {
        struct seat *t = &s->seats[id];
        t->full_us = t->slow_us = NO_TIME;
        sim_node_rate(s->sim, id,
                      (int)between(s, 0, 2u * (unsigned)most) - most);
        if (s->beyond || id == s->rotten) {
            sim_disk_remember(sim_cluster_disk(s->cluster, id));
        }
        if (below(s, 5) == 0) {
            sim_crash_at(s->sim, id, between(s, 1, 300),
                         (enum sim_crash)below(s, 4));
        }
    }
}

static void draw_states(struct swarm *s)
{
    struct rand *r = &s->state_rand;

    rand_init(r, s->o->seed ^ STATE_SALT);
    s->next_state_us = NO_TIME;
    if (s->n < 3 || s->beyond || rand_below(r, SHAKY) != 0) {
        return;
    }
    s->shaky = 1 + (unsigned)rand_below(r, s->n);
    s->shaky = s->rotten != 0 ? s->rotten : s->shaky;
    s->next_state_us = (2000 + rand_below(r, 12000)) * MS;
    sim_disk_remember(sim_cluster_disk(s->cluster, s->shaky));
}

void swarm_draw(struct swarm *s)
{
    rand_init(&s->rand, s->o->seed);
    group_plan_draw(&s->groups, s->o->seed);
    draw_world(s);
    s->kinds = (unsigned)below(s, 1u << FAULTS);
    s->kinds |= 1u << below(s, FAULTS);
    s->load_us = between(s, 28, 40) * SECOND;
    s->gap_us = between(s, 300, 4000) * MS;
    s->next_fault_us = between(s, 0, 4000) * MS;
    s->next_admin_us = below(s, 2) ? NO_TIME : between(s, 1, 5) * SECOND;
    for (unsigned id = 1; id <= s->n; id++) {
        s->seats[id] = (struct seat){.start_us = below(s, 300) * MS,
                                     .resume_us = NO_TIME,
                                     .release_us = NO_TIME,
                                     .kill_us = NO_TIME};
    }
    memset(s->link_us, 0xff, sizeof s->link_us);
    draw_nodes(s);
    draw_states(s);
    swarm_draw_apart(s);
    swarm_draw_scarce(s);
    draw_load(s);
    if (s->groups.on) {
        groups_start(&s->world, &s->groups, s->o->seed);
    }
    if (below(s, 4) == 0) { /* a storm */
        s->gap_us = between(s, 50, 400) * MS;
        s->kinds |= 1u << FAULT_KILL;
    }
}
