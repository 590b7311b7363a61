/* swarm.c - see swarm.h. */
#include "swarm.h"

#include <stdio.h>
#include <string.h>

#include "audit.h"
#include "base/assert.h"
#include "broker/broker.h"
#include "env/file.h"
#include "groups.h"
#include "judge.h"
#include "same.h"
#include "state_faults.h"

#define SECOND        UINT64_C(1000000)
#define MS            UINT64_C(1000)
#define MINUTE        (60 * SECOND)
#define HEAL_US       (40 * SECOND)
#define SETTINGS      16
#define TEXT_MAX      24
#define UNBOUND       8
#define DECISIONS_MAX 2 /* a third one would be kept for two minutes */
#define SHAKY         6 /* of so many seeds, one has faults of databases */
/* See start_producers(). */
#define BATCHES_S_MAX 200
#define RATE_WILD     200000 /* of a million, how far clocks run apart */
#define NO_TIME       UINT64_MAX
#define STATE_SALT    UINT64_C(0x64617461626173)

enum fault {
    FAULT_KILL,     /* one node, any crash mode */
    FAULT_BLACKOUT, /* all nodes */
    FAULT_STOP,     /* in order */
    FAULT_PAUSE,
    FAULT_LINK,   /* one direction between two nodes */
    FAULT_ISLAND, /* one node, often a leader, from all others */
    FAULT_IO,     /* an I/O error, of which a node dies */
    FAULT_HOLD,   /* flushes take long */
    FAULT_CLIENT, /* the link between clients and a node */
    FAULT_FULL,   /* a disk is full for a while */
    FAULT_SLOW,   /* a node's disk and links are slow for a while */
    FAULT_WALL,   /* a wall clock jumps */
    FAULT_POINT,  /* the power goes at some I/O call to come */
    FAULT_DAMAGE, /* a disk does not keep what it was given */
    FAULT_WIPE,   /* a disk is replaced by an empty one, once */
    FAULTS
};

static const char *const fault_names[FAULTS] = {
    "kill",   "blackout", "stop", "pause", "link",  "island", "io",  "hold",
    "client", "full",     "slow", "wall",  "point", "damage", "wipe"};

struct seat {
    uint64_t start_us, resume_us, release_us; /* NO_TIME: nothing to do */
    uint64_t io_us;                           /* an error was planted until */
    bool io;                                  /* it may die of one */
    uint64_t full_us, slow_us;                /* until */
    bool full;    /* its disk was full: it may die of that */
    bool damaged; /* it may end because of that, and stays down then */
    bool wiped;   /* it may not serve again */
    bool gone;    /* ended because of that */
    char died[300];
};

struct swarm {
    const struct swarm_options *o;
    struct rand rand;
    struct sim *sim;
    struct sim_cluster *cluster;
    struct world world;
    struct terms terms;
    unsigned n, n_faults, n_deaths;
    unsigned kinds; /* bit per fault */
    struct seat seats[SIM_NODES_MAX + 1];
    /* The fault budget: the disk of at most one node of three or more is
     * damaged or replaced, and no partition has its only replica there. */
    unsigned rotten; /* 0: none */
    bool beyond;     /* any disk may be: no promise but the truth */
    bool formed;     /* all served at some time */
    unsigned n_damaged, n_wiped, n_damage_seen, n_power;
    /* The databases of one node, the rotten one if there is one, go wrong.
     * Drawn apart: other seeds stay what they were. */
    unsigned shaky; /* 0: none */
    struct rand state_rand;
    uint64_t next_state_us;
    unsigned n_decisions, n_state_damages;
    uint64_t link_us[SIM_NODES_MAX + 2][SIM_NODES_MAX + 2]; /* up again at */
    uint64_t load_us, gap_us, next_fault_us, next_admin_us;
    unsigned n_churn, churn_partitions;
    struct sim_setting settings[SETTINGS];
    char values[SETTINGS][TEXT_MAX];
    unsigned n_settings;
    struct group_plan groups;
};

static uint64_t below(struct swarm *s, uint64_t n)
{
    return rand_below(&s->rand, n);
}

static uint64_t between(struct swarm *s, uint64_t lo, uint64_t hi)
{
    return lo + below(s, hi - lo + 1);
}

static uint64_t now(const struct swarm *s)
{
    return sim_now_us(s->sim);
}

static void say(const struct swarm *s, const char *what, unsigned a, unsigned b)
{
    if (s->o->trace) {
        fprintf(stderr, "-- %llu.%06llu %s %u %u\n",
                (unsigned long long)(now(s) / SECOND),
                (unsigned long long)(now(s) % SECOND), what, a, b);
    }
}

/* ---- what is drawn ----------------------------------------------------------
 */

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

static void draw(struct swarm *s)
{
    rand_init(&s->rand, s->o->seed);
    group_plan_draw(&s->groups, s->o->seed);
    draw_world(s);
    s->kinds = (unsigned)below(s, 1u << FAULTS);
    s->kinds |= 1u << below(s, FAULTS);
    s->load_us = between(s, 20, 40) * SECOND;
    s->gap_us = between(s, 300, 4000) * MS;
    s->next_fault_us = between(s, 0, 4000) * MS;
    s->next_admin_us = below(s, 2) ? NO_TIME : between(s, 1, 5) * SECOND;
    for (unsigned id = 1; id <= s->n; id++) {
        s->seats[id] = (struct seat){.start_us = below(s, 300) * MS,
                                     .resume_us = NO_TIME,
                                     .release_us = NO_TIME};
    }
    memset(s->link_us, 0xff, sizeof s->link_us);
    draw_nodes(s);
    draw_states(s);
    draw_load(s);
    if (s->groups.on) {
        groups_start(&s->world, &s->groups, s->o->seed);
    }
    if (below(s, 4) == 0) { /* a storm */
        s->gap_us = between(s, 50, 400) * MS;
        s->kinds |= 1u << FAULT_KILL;
    }
}

/* ---- faults -----------------------------------------------------------------
 */

static unsigned link_node(const struct swarm *s, unsigned i)
{
    return i == s->n + 1 ? WORLD_CLIENT_NODE : i;
}

static void cut(struct swarm *s, unsigned from, unsigned to, uint64_t us)
{
    sim_link_set(s->sim, link_node(s, from), link_node(s, to), false);
    s->link_us[from][to] = now(s) + us;
}

static bool runs(struct swarm *s, unsigned id)
{
    return sim_node_env(s->sim, id) != NULL;
}

static void restart_later(struct swarm *s, unsigned id)
{
    struct seat *t = &s->seats[id];
    uint64_t us = below(s, 3) == 0 ? between(s, 3000, 12000) * MS
                                   : between(s, 0, 1500) * MS;

    t->start_us = now(s) + us;
    t->resume_us = t->release_us = NO_TIME;
    if (t->io && below(s, 2)) {
        t->io = false;
        sim_io_fail_at(s->sim, id, 0, false, 0);
    }
}

static void kill_one(struct swarm *s, unsigned id)
{
    if (!s->seats[id].gone && (runs(s, id) || below(s, 3) == 0)) {
        sim_cluster_kill(s->cluster, id, (enum sim_crash)below(s, 4));
        restart_later(s, id);
    }
}

static void island(struct swarm *s, unsigned id, uint64_t us)
{
    unsigned way = (unsigned)below(s, 3);

    for (unsigned other = 1; other <= s->n; other++) {
        if (other != id && way != 1) {
            cut(s, id, other, us);
        }
        if (other != id && way != 2) {
            cut(s, other, id, us);
        }
    }
}

/* Some node; half of the time one that leads something. */
static unsigned victim(struct swarm *s)
{
    int32_t leader = s->world.topics[0].books[0].leader;

    return below(s, 2) && leader > 0 ? (unsigned)leader
                                     : (unsigned)between(s, 1, s->n);
}

static void plant_io(struct swarm *s, unsigned id)
{
    struct seat *t = &s->seats[id];

    t->io = true;
    sim_io_fail_at(s->sim, id, between(s, 1, 200), false,
                   below(s, 4) == 0 ? ERR_NOSPACE : ERR_IO);
}

static void hold(struct swarm *s, unsigned id, uint64_t us)
{
    if (runs(s, id)) {
        file_hold_durable(sim_node_env(s->sim, id), true);
        s->seats[id].release_us = now(s) + us;
    }
}

static void fill(struct swarm *s, unsigned id, uint64_t us)
{
    struct sim_disk *d = sim_cluster_disk(s->cluster, id);

    sim_disk_limit(d, sim_disk_bytes(d) + 1 + between(s, 0, 100000));
    s->seats[id].full = true;
    s->seats[id].full_us = now(s) + us;
}

static void slow(struct swarm *s, unsigned id, uint64_t us)
{
    sim_node_slow(s->sim, id, below(s, 2) * between(s, 1000, 200000),
                  below(s, 2) * between(s, 1000, 200000));
    s->seats[id].slow_us = now(s) + us;
}

/* What it does not keep is not found before it is looked for: often it is
 * started anew. */
static void damage(struct swarm *s)
{
    static const char *const parts[] = {"",    "journal/", "checkpoint",
                                        "/p/", "/meta/",   "/groups/"};
    unsigned id = s->beyond ? (unsigned)between(s, 1, s->n) : s->rotten;
    char text[400];

    for (uint64_t n = id == 0 ? 0 : between(s, 1, 3); n > 0; n--) {
        if (sim_disk_damage(sim_cluster_disk(s->cluster, id),
                            (enum sim_damage)below(s, 3),
                            parts[below(s, sizeof parts / sizeof parts[0])],
                            text, sizeof text)) {
            say(s, text, id, 0);
            s->n_damaged += !s->seats[id].damaged;
            s->seats[id].damaged = true;
            s->world.down |= 1u << id;
        }
    }
    if (id != 0 && s->seats[id].damaged && below(s, 2)) {
        kill_one(s, id);
    }
}

static void wipe(struct swarm *s)
{
    unsigned id = s->rotten;

    if (id == 0 || !s->formed || s->seats[id].wiped || s->seats[id].gone) {
        return;
    }
    sim_cluster_kill(s->cluster, id, SIM_CRASH_ALL);
    sim_disk_wipe(sim_cluster_disk(s->cluster, id));
    restart_later(s, id);
    s->seats[id].wiped = true;
    s->n_wiped++;
    s->world.down |= 1u << id;
}

static void strike(struct swarm *s, enum fault f)
{
    unsigned id = victim(s);
    uint64_t us = between(s, 10, below(s, 3) == 0 ? 8000 : 1500) * MS;

    say(s, fault_names[f], id, (unsigned)(us / MS));
    switch (f) {
    case FAULT_KILL:
        kill_one(s, id);
        break;
    case FAULT_BLACKOUT:
        for (id = 1; id <= s->n; id++) {
            kill_one(s, id);
        }
        break;
    case FAULT_STOP:
        if (sim_cluster_state(s->cluster, id) == SIM_HOST_SERVES) {
            sim_cluster_stop(s->cluster, id);
        }
        break;
    case FAULT_PAUSE:
        if (runs(s, id)) {
            sim_node_pause(s->sim, id);
            s->seats[id].resume_us = now(s) + us;
        }
        break;
    case FAULT_LINK:
        if (s->n > 1) {
            cut(s, id, 1 + (id + (unsigned)below(s, s->n - 1)) % s->n, us);
        }
        break;
    case FAULT_ISLAND:
        island(s, id, us);
        break;
    case FAULT_IO:
        plant_io(s, id);
        break;
    case FAULT_HOLD:
        hold(s, id, us);
        break;
    case FAULT_CLIENT:
        if (below(s, 2)) {
            cut(s, id, s->n + 1, us);
        } else {
            cut(s, s->n + 1, id, us);
        }
        break;
    case FAULT_FULL:
        fill(s, id, us);
        break;
    case FAULT_SLOW:
        slow(s, id, us);
        break;
    case FAULT_WALL:
        sim_node_wall(s->sim, id, (int64_t)between(s, 0, 3600000) - 1800000);
        break;
    case FAULT_POINT:
        sim_crash_at(s->sim, id, between(s, 1, 400),
                     (enum sim_crash)below(s, 4));
        break;
    case FAULT_DAMAGE:
        damage(s);
        break;
    case FAULT_WIPE:
        wipe(s);
        break;
    case FAULTS:
        break;
    }
    s->n_faults++;
}

static void maybe_strike(struct swarm *s)
{
    enum fault f;

    if (now(s) < s->next_fault_us) {
        return;
    }
    s->next_fault_us = now(s) + between(s, s->gap_us / 10, 2 * s->gap_us);
    do {
        f = (enum fault)below(s, FAULTS);
    } while ((s->kinds & 1u << f) == 0);
    strike(s, f);
}

/* Of a database that changes at rest it is told at the next start. */
static void strike_state(struct swarm *s)
{
    struct rand *r = &s->state_rand;
    struct seat *t = &s->seats[s->shaky];
    char text[400];

    if (now(s) < s->next_state_us || t->gone || t->wiped) {
        return;
    }
    s->next_state_us = now(s) + (4000 + rand_below(r, 12000)) * MS;
    if (rand_below(r, 2) != 0 && s->n_decisions < DECISIONS_MAX) {
        if (!state_fault_decision(s->cluster, s->shaky)) {
            s->next_state_us = now(s) + 100 * MS;
            return;
        }
        say(s, "a decision of its own", s->shaky, 0);
        s->n_decisions++;
        s->n_faults++;
        return;
    }
    sim_cluster_kill(s->cluster, s->shaky, SIM_CRASH_ALL);
    restart_later(s, s->shaky);
    if (state_fault_damage(s->cluster, s->shaky, rand_below(r, 2) != 0, text,
                           sizeof text)) {
        say(s, text, s->shaky, 0);
        s->n_state_damages++;
        s->n_faults++;
    }
}

/* ---- admin ------------------------------------------------------------------
 */

static void churn_create(struct swarm *s)
{
    char name[16];

    if (s->n_churn < 6 && admin_room(&s->world)) {
        snprintf(name, sizeof name, "c%u", s->n_churn++);
        say(s, "create", s->n_churn, 0);
        admin_create(&s->world, name, (unsigned)between(s, 1, 2),
                     s->n == 1 ? 1 : 3);
    }
}

/* The name comes again, when all is known of what was sent to it. */
static void churn_again(struct swarm *s, unsigned topic)
{
    struct world *w = &s->world;

    for (unsigned i = 0; i < w->n_producers; i++) {
        if (producer_flying(w->producers[i], topic)) {
            return;
        }
    }
    if (!w->topics[topic].followed && admin_room(w)) {
        say(s, "create again", topic, 0);
        admin_create_again(w, topic);
    }
}

static void churn_configure(struct swarm *s, unsigned topic)
{
    static const struct {
        const char *name;
        uint64_t min, max;
    } choices[] = {{"retention.bytes", 0, 200000},
                   {"retention.ms", 1000, 20000},
                   {"segment.bytes", 16384, 1 << 20},
                   {"max.message.bytes", 100000, (1 << 20) - 4096}};
    unsigned i = (unsigned)below(s, sizeof choices / sizeof choices[0]);
    char value[24] = "-1";

    if (i >= 2 || below(s, 4) != 0) {
        snprintf(
            value, sizeof value, "%llu",
            (unsigned long long)between(s, choices[i].min, choices[i].max));
    }
    say(s, choices[i].name, topic, 0);
    admin_configure(&s->world, topic, choices[i].name, value);
}

static void churn_records(struct swarm *s, unsigned topic)
{
    struct world_topic *t = &s->world.topics[topic];
    struct book *b = &t->books[below(s, t->n_partitions)];

    if (b->acked_end > b->cut) {
        int64_t at =
            (int64_t)between(s, (uint64_t)b->cut, (uint64_t)b->acked_end);
        say(s, "delete records", topic, (unsigned)at);
        admin_delete_records(b, at);
    }
}

/* Requests by name that come late may hit the next topic of that name: those
 * that come again are left alone otherwise. */
static void churn(struct swarm *s)
{
    struct world *w = &s->world;
    unsigned topic = (unsigned)below(s, below(s, 2) ? 4 : WORLD_TOPICS_MAX - 1);
    struct world_topic *t = &w->topics[topic];
    bool again = t->name[0] == 'c' && (t->name[1] - '0') % 2 == 0;

    if (t->state == TOPIC_DELETED && again) {
        churn_again(s, topic);
        return;
    }
    if (t->state != TOPIC_IS) {
        churn_create(s);
        return;
    }
    switch (again ? 0 : below(s, 5)) {
    case 0:
        if (t->name[0] == 'c') {
            say(s, "delete", topic, 0);
            groups_topic_deleted(w->groups, topic);
            admin_delete(w, topic);
        }
        break;
    case 1:
        if (t->n_partitions < WORLD_PARTITIONS_MAX) {
            say(s, "grow", topic, t->n_partitions + 1);
            admin_grow(w, topic, t->n_partitions + 1);
        }
        break;
    case 2:
        churn_configure(s, topic);
        break;
    default:
        churn_records(s, topic);
    }
}

/* ---- time passes ------------------------------------------------------------
 */

/* What it may end of: NULL, or why not. */
static const char *may_end(struct swarm *s, unsigned id, const char *why)
{
    struct seat *t = &s->seats[id];

    if (strstr(why, "assertion failed") != NULL) {
        return "died";
    }
    if (strcmp(why, SIM_POWER_TEXT) == 0 || t->io ||
        (t->full && (strstr(why, err_text(ERR_NOSPACE)) != NULL ||
                     strstr(why, "make room") != NULL))) {
        return NULL;
    }
    if (t->damaged &&
        sim_cluster_exit_code(s->cluster, id) == BROKER_EXIT_DAMAGE) {
        return NULL;
    }
    if (t->wiped) {
        return sim_cluster_exit_code(s->cluster, id) == BROKER_EXIT_IDENTITY
                   ? NULL
                   : "died";
    }
    return t->damaged ? "damage-exit" : "died";
}

/* Who ends because its disk was damaged or replaced stays down: there is no
 * repair. */
static bool stays_down(struct swarm *s, unsigned id)
{
    int code = sim_cluster_exit_code(s->cluster, id);

    return (s->seats[id].damaged && code == BROKER_EXIT_DAMAGE) ||
           (s->seats[id].wiped && code == BROKER_EXIT_IDENTITY);
}

/* A node that ended by itself: was it allowed to? */
static void bury(struct swarm *s, unsigned id)
{
    struct seat *t = &s->seats[id];
    enum sim_host_state state = sim_cluster_state(s->cluster, id);
    const char *why = sim_cluster_why(s->cluster, id);
    bool down = state == SIM_HOST_DOWN && t->start_us == NO_TIME && !t->gone;

    if (state == SIM_HOST_SERVES && t->wiped) {
        world_violation(&s->world, "served",
                        "node %u serves with an empty disk under a known id",
                        id);
    }
    if (!down && state != SIM_HOST_FAILED && state != SIM_HOST_CLOSED) {
        return;
    }
    say(s, down || state == SIM_HOST_FAILED ? why : "closed", id, 0);
    if (state != SIM_HOST_CLOSED) {
        const char *wrong = may_end(s, id, why);
        s->n_deaths += down;
        s->n_power += strcmp(why, SIM_POWER_TEXT) == 0;
        if (wrong != NULL) {
            world_violation(&s->world, wrong, "node %u: %s", id, why);
        }
        t->gone = stays_down(s, id);
        s->n_damage_seen += t->gone && t->damaged;
    }
    if (!down) {
        sim_cluster_kill(s->cluster, id, SIM_CRASH_ALL);
    }
    if (!t->gone) {
        restart_later(s, id);
    }
}

static void tend(struct swarm *s, unsigned id)
{
    struct seat *t = &s->seats[id];

    bury(s, id);
    if (now(s) >= t->resume_us) {
        t->resume_us = NO_TIME;
        sim_node_resume(s->sim, id);
    }
    if (now(s) >= t->release_us) {
        t->release_us = NO_TIME;
        if (runs(s, id)) {
            file_hold_durable(sim_node_env(s->sim, id), false);
        }
    }
    if (now(s) >= t->full_us) {
        t->full_us = NO_TIME;
        sim_disk_limit(sim_cluster_disk(s->cluster, id), 0);
    }
    if (now(s) >= t->slow_us) {
        t->slow_us = NO_TIME;
        sim_node_slow(s->sim, id, 0, 0);
    }
    if (now(s) >= t->start_us) {
        t->start_us = NO_TIME;
        say(s, "start", id, 0);
        terms_look(&s->terms, id);
        sim_cluster_start(s->cluster, id);
        bury(s, id);
    }
}

static void tend_all(struct swarm *s)
{
    for (unsigned id = 1; id <= s->n; id++) {
        tend(s, id);
    }
    s->formed = s->formed || sim_cluster_serves(s->cluster);
    for (unsigned i = 1; i <= s->n + 1; i++) {
        for (unsigned k = 1; k <= s->n + 1; k++) {
            if (now(s) >= s->link_us[i][k]) {
                s->link_us[i][k] = NO_TIME;
                sim_link_set(s->sim, link_node(s, i), link_node(s, k), true);
            }
        }
    }
    if (sim_node_env(s->sim, WORLD_CLIENT_NODE) == NULL) {
        world_violation(&s->world, "client", "%s",
                        sim_node_death(s->sim, WORLD_CLIENT_NODE));
    }
}

static void load(struct swarm *s)
{
    while (now(s) < s->load_us && !world_broken(&s->world)) {
        sim_run_until(s->sim, now(s) + between(s, 1, 50) * MS, NULL);
        tend_all(s);
        maybe_strike(s);
        strike_state(s);
        if (now(s) >= s->next_admin_us) {
            s->next_admin_us = now(s) + between(s, 200, 3000) * MS;
            churn(s);
        }
    }
}

static bool must_serve(const struct swarm *s, unsigned id)
{
    return !s->beyond && (s->world.down & 1u << id) == 0;
}

static bool all_serve(struct swarm *s)
{
    for (unsigned id = 1; id <= s->n; id++) {
        if (must_serve(s, id) &&
            sim_cluster_state(s->cluster, id) != SIM_HOST_SERVES) {
            return false;
        }
    }
    return true;
}

static void heal(struct swarm *s)
{
    uint64_t end = now(s) + HEAL_US;

    say(s, "heal", 0, 0);
    for (unsigned id = 1; id <= s->n; id++) {
        struct seat *t = &s->seats[id];
        sim_io_fail_at(s->sim, id, 0, false, 0);
        sim_crash_at(s->sim, id, 0, SIM_CRASH_ALL);
        t->full_us = t->full_us == NO_TIME ? NO_TIME : 0;
        t->slow_us = t->slow_us == NO_TIME ? NO_TIME : 0;
        t->resume_us = t->resume_us == NO_TIME ? NO_TIME : 0;
        t->release_us = t->release_us == NO_TIME ? NO_TIME : 0;
        t->start_us = t->start_us == NO_TIME ? NO_TIME : now(s);
    }
    for (unsigned i = 1; i <= s->n + 1; i++) {
        for (unsigned k = 1; k <= s->n + 1; k++) {
            s->link_us[i][k] = s->link_us[i][k] == NO_TIME ? NO_TIME : 0;
        }
    }
    do {
        tend_all(s);
        sim_run_until(s->sim, now(s) + 50 * MS, NULL);
    } while (now(s) < end && !world_broken(&s->world) && !all_serve(s));
    if (s->n_decisions > 0 && !all_serve(s) && state_fault_split(s->cluster)) {
        s->beyond = true; /* one was away while two were compared */
    }
    for (unsigned id = 1; id <= s->n && !s->beyond; id++) {
        if (must_serve(s, id) &&
            sim_cluster_state(s->cluster, id) != SIM_HOST_SERVES) {
            world_violation(&s->world, "stuck",
                            "node %u does not serve (%d) "
                            "%s",
                            id, (int)sim_cluster_state(s->cluster, id),
                            sim_cluster_why(s->cluster, id));
        }
    }
}

/* One more entry of @meta. */
static void move_meta(struct swarm *s, unsigned n)
{
    char value[24];

    snprintf(value, sizeof value, "%u", 65536 + n);
    for (unsigned i = 0; i < WORLD_TOPICS_MAX; i++) {
        if (s->world.topics[i].state == TOPIC_IS && s->world.n_admins == 0) {
            admin_configure(&s->world, i, "segment.bytes", value);
            return;
        }
    }
}

static bool all_mended(struct swarm *s)
{
    for (unsigned id = 1; id <= s->n; id++) {
        if ((s->world.down & 1u << id) == 0 &&
            !state_fault_mended(s->cluster, id)) {
            return false;
        }
    }
    return true;
}

/* Whoever holds a wrong database finds out, and gets another's. A decision of
 * its own after the last entry of all shows with the next one; and the second
 * wrong state of a run is kept for a minute (decision 0014). */
static void wait_mended(struct swarm *s, uint64_t limit_us)
{
    uint64_t end = now(s) + limit_us, move = now(s);

    for (unsigned n = 0; s->shaky != 0 && !all_mended(s);) {
        if (state_fault_spread(s->cluster)) {
            s->beyond = true; /* what most hold is what is right */
        }
        if (now(s) >= end && state_fault_split(s->cluster)) {
            s->beyond = true; /* nobody can say who is right */
        }
        if (s->beyond || world_broken(&s->world)) {
            return;
        }
        if (now(s) >= move) {
            move_meta(s, n++);
            move = now(s) + 5 * SECOND;
        }
        if (now(s) >= end) {
            world_violation(&s->world, "stuck",
                            "node %u has a database that is wrong", s->shaky);
        }
        sim_run_until(s->sim, now(s) + 100 * MS, NULL);
        tend_all(s);
    }
}

/* What the clients did, for people. */
static void say_counts(const struct swarm *s)
{
    const struct world_counts *c = &s->world.counts;

    fprintf(stderr,
            "-- %u disks damaged, %u wiped, %u nodes ended by damage, %u "
            "power cuts at an I/O call; %u databases damaged, %u decisions of "
            "one's own\n",
            s->n_damaged, s->n_wiped, s->n_damage_seen, s->n_power,
            s->n_state_damages, s->n_decisions);

    fprintf(
        stderr,
        "-- %llu acked, %llu retried, %llu unanswered, %llu read, %llu "
        "strays; %llu latest, %llu earliest, %llu by time; %llu session "
        "fetches; %llu topics created, %llu of them again, %llu deleted; "
        "%llu settings, %llu deletions of records; %llu of %llu statements "
        "the same everywhere\n",
        (unsigned long long)c->acked, (unsigned long long)c->retried,
        (unsigned long long)c->unanswered, (unsigned long long)c->read,
        (unsigned long long)c->strays, (unsigned long long)c->latest,
        (unsigned long long)c->earliest, (unsigned long long)c->by_time,
        (unsigned long long)c->sessions, (unsigned long long)c->topics_created,
        (unsigned long long)c->topics_again,
        (unsigned long long)c->topics_deleted, (unsigned long long)c->configs,
        (unsigned long long)c->deleted_records, (unsigned long long)c->sql_same,
        (unsigned long long)c->sql_asked);
}

static void result(struct swarm *s, struct swarm_result *r)
{
    struct world *w = &s->world;

    if (s->o->trace) {
        say_counts(s);
    }
    if (s->o->trace && w->groups != NULL) {
        groups_say(w->groups);
    }
    *r = (struct swarm_result){.failed = world_broken(w),
                               .at_us = w->violation_us,
                               .hash = sim_trace_hash(s->sim),
                               .virtual_us = now(s),
                               .nodes = s->n,
                               .faults = s->n_faults,
                               .deaths = s->n_deaths,
                               .damaged = s->n_damaged,
                               .wiped = s->n_wiped,
                               .damage_seen = s->n_damage_seen,
                               .power_at_io = s->n_power,
                               .counts = w->counts};
    if (w->groups != NULL && s->o->coverage != NULL) {
        groups_coverage(w->groups, s->o->coverage);
    }
    snprintf(r->invariant, sizeof r->invariant, "%s", w->invariant);
    snprintf(r->text, sizeof r->text, "%s", w->violation);
}

bool swarm_has_groups(uint64_t seed)
{
    struct group_plan p;

    group_plan_draw(&p, seed);
    return p.on;
}

void swarm_run(const struct swarm_options *o, struct swarm_result *ret_r)
{
    struct swarm s = {.o = o};

    draw(&s);
    load(&s);
    if (!world_broken(&s.world)) {
        heal(&s);
    }
    if (!s.beyond && !world_broken(&s.world) && admin_wait(&s.world, HEAL_US)) {
        judge_all(&s.world, HEAL_US);
        groups_judge(s.world.groups, HEAL_US);
        admin_judge_deleted(&s.world, HEAL_US);
        wait_mended(&s, HEAL_US + MINUTE);
        (void)admin_wait(&s.world, HEAL_US);
        if (!s.beyond && !world_broken(&s.world)) {
            same_judge(&s.world, HEAL_US / 4);
        }
        tend_all(&s); /* who died meanwhile? */
    }
    if (!s.beyond && !world_broken(&s.world)) {
        audit_all(&s.world, &s.terms);
    }
    result(&s, ret_r);
    sim_free(s.sim);
    world_close(&s.world);
    sim_cluster_free(s.cluster);
    terms_close(&s.terms);
}
