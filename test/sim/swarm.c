/* swarm.c - see swarm.h: the life of a swarm, from its load to its result. */
#include "swarm.h"

#include <stdio.h>
#include <string.h>

#include "audit.h"
#include "broker/broker.h"
#include "env/file.h"
#include "judge.h"
#include "same.h"
#include "state_faults.h"
#include "swarm_impl.h"

#define MINUTE  (60 * SECOND)
#define HEAL_US (40 * SECOND)
/* As long as it may take to read all that can be read. */
#define TRUTH_US (5 * SECOND)

void swarm_say(const struct swarm *s, const char *what, unsigned a, unsigned b)
{
    if (s->o->trace) {
        fprintf(stderr, "-- %llu.%06llu %s %u %u\n",
                (unsigned long long)(now(s) / SECOND),
                (unsigned long long)(now(s) % SECOND), what, a, b);
    }
}

/* What it may end of: NULL, or why not. */
static const char *may_end(struct swarm *s, unsigned id, const char *why)
{
    struct seat *t = &s->seats[id];
    int code = sim_cluster_exit_code(s->cluster, id);

    if (strstr(why, "assertion failed") != NULL) {
        return "died";
    }
    if (strcmp(why, SIM_POWER_TEXT) == 0 || t->io) {
        return NULL;
    }
    if (t->starved && strstr(why, "memory") != NULL) {
        return code == BROKER_EXIT_RESOURCES ? NULL : "exit-code";
    }
    if (t->full && (strstr(why, err_text(ERR_NOSPACE)) != NULL ||
                    strstr(why, "make room") != NULL)) {
        return code == BROKER_EXIT_STORAGE ? NULL : "exit-code";
    }
    if (t->damaged && code == BROKER_EXIT_DAMAGE) {
        return NULL;
    }
    if (t->wiped) {
        return code == BROKER_EXIT_IDENTITY ? NULL : "died";
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
    swarm_say(s, down || state == SIM_HOST_FAILED ? why : "closed", id, 0);
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
        sim_cluster_kill(s->cluster, id, swarm_kill_mode(s));
    }
    t->cached = strcmp(why, SIM_POWER_TEXT) != 0;
    if (!t->gone) {
        swarm_restart_later(s, id);
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
        if (swarm_runs(s, id)) {
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
    if (now(s) >= t->start_us &&
        !sim_disk_writing(sim_cluster_disk(s->cluster, id))) {
        t->start_us = NO_TIME;
        swarm_say(s, "start", id, 0);
        if ((s->apart & APART_CACHE) == 0 || !t->cached) {
            terms_look(&s->terms, id);
        }
        t->cached = false;
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
                sim_link_set(s->sim, swarm_link_node(s, i),
                             swarm_link_node(s, k), true);
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
        swarm_maybe_strike(s);
        swarm_strike_state(s);
        swarm_strike_apart(s);
        swarm_strike_scarce(s);
        if (now(s) >= s->next_admin_us) {
            s->next_admin_us = now(s) + between(s, 200, 3000) * MS;
            swarm_churn(s);
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

    swarm_say(s, "heal", 0, 0);
    swarm_end_scarce(s);
    for (unsigned id = 1; id <= s->n; id++) {
        struct seat *t = &s->seats[id];
        sim_io_fail_at(s->sim, id, 0, false, 0);
        sim_crash_at(s->sim, id, 0, SIM_CRASH_ALL);
        t->full_us = t->full_us == NO_TIME ? NO_TIME : 0;
        t->slow_us = t->slow_us == NO_TIME ? NO_TIME : 0;
        t->resume_us = t->resume_us == NO_TIME ? NO_TIME : 0;
        t->release_us = t->release_us == NO_TIME ? NO_TIME : 0;
        t->start_us = t->start_us == NO_TIME ? NO_TIME : now(s);
        t->kill_us = NO_TIME;
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
    if (s->o->coverage != NULL) {
        s->o->coverage->beyond += s->beyond;
    }
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

    swarm_draw(&s);
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
    if (s.beyond) {
        judge_truth(&s.world, TRUTH_US);
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
