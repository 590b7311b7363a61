/* group_swarm.c - what groups a seed has, and whether they come to rest. See
 * groups.h. */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "groups.h"

#define STEP_US   UINT64_C(50000)
#define PLAN_SALT UINT64_C(0x67726f757073)
#define SEED_SALT UINT64_C(0x6d656d62657273)
#define MORE_SALT UINT64_C(0x6d6f7265)
#define FEW       6  /* members of most groups, at most */
#define AGEING    4  /* of so many seeds with groups one: offsets expire */
#define BIG       16 /* one group has many members */

static uint64_t between(struct rand *r, uint64_t lo, uint64_t hi)
{
    return lo + rand_below(r, hi - lo + 1);
}

static void draw_group(struct rand *r, struct group_options *o)
{
    *o = (struct group_options){
        .n_slots = rand_below(r, 5) == 0 ? 0 : (unsigned)between(r, 1, FEW),
        .session_ms = (uint32_t)between(r, 800, 4000),
        .rebalance_ms = (uint32_t)between(r, 1000, 5000),
        .commit_ms = (unsigned)between(r, 20, 600),
        .restless = (unsigned)between(r, 0, rand_below(r, 3) == 0 ? 300 : 40),
        .mortal = rand_below(r, 5) == 0};
    if (rand_below(r, 3) == 0) {
        o->pad = (unsigned)between(r, 0, GROUP_PAD_MAX);
    }
    if (rand_below(r, 2) == 0) {
        o->n_static = (unsigned)between(r, 0, o->n_slots);
    }
}

/* Many members, most of them without a share. */
static void draw_big(struct rand *r, struct group_plan *p)
{
    struct group_options *o = &p->groups[0];

    o->n_slots = (unsigned)between(r, GROUP_BIG, GROUP_SLOTS_MAX);
    o->n_static =
        rand_below(r, 2) == 0 ? (unsigned)between(r, 0, o->n_slots) : 0;
    o->twins = false;
    o->session_ms = (uint32_t)between(r, 3000, 8000);
    o->commit_ms = (unsigned)between(r, 300, 2000);
    o->restless = (unsigned)between(r, 0, 3);
    p->size_max = 0;
}

/* What gets old: few members, who are often all away. */
static void draw_ageing(struct rand *r, struct group_options *o)
{
    o->retention_ms = (uint32_t)between(r, 200, 3000);
    if (o->n_slots > 2) {
        o->n_slots = (unsigned)between(r, 0, 2);
    }
    o->n_static = o->n_static < o->n_slots ? o->n_static : o->n_slots;
    o->twins = false;
    o->restless = (unsigned)between(r, 30, 150);
}

/* Drawn apart: groups without it are what they were before there was this. */
static void draw_more(struct group_plan *p, uint64_t seed)
{
    struct rand r;

    rand_init(&r, seed ^ MORE_SALT);
    if (rand_below(&r, BIG) == 0) {
        draw_big(&r, p);
    }
    if (rand_below(&r, AGEING) == 0) {
        p->retention_check_ms = between(&r, 200, 2000);
        p->minute = rand_below(&r, 4) == 0;
    }
    for (unsigned i = 0; i < p->n_groups; i++) {
        struct group_options *o = &p->groups[i];
        if (p->retention_check_ms > 0 && rand_below(&r, 2) == 0 &&
            o->n_slots <= FEW) {
            draw_ageing(&r, o);
        }
        o->brisk = o->n_static > 0 && rand_below(&r, 4) == 0;
    }
}

void group_plan_draw(struct group_plan *p, uint64_t seed)
{
    struct rand r;

    *p = (struct group_plan){0};
    rand_init(&r, seed ^ PLAN_SALT);
    p->on = rand_below(&r, 2) == 0;
    p->n_groups = (unsigned)between(&r, 1, GROUPS_MAX);
    p->initial_delay_ms = rand_below(&r, 2) == 0 ? 0 : between(&r, 1, 2000);
    p->size_max = rand_below(&r, 6) == 0 ? between(&r, 1, 4) : 0;
    for (unsigned i = 0; i < p->n_groups; i++) {
        draw_group(&r, &p->groups[i]);
    }
    for (unsigned i = 0; i < p->n_groups; i++) {
        p->groups[i].twins =
            p->groups[i].n_static >= 2 && rand_below(&r, 3) == 0;
    }
    draw_more(p, seed);
}

uint64_t groups_below(struct groups *gs, uint64_t n)
{
    return rand_below(&gs->rand, n);
}

void groups_start(struct world *w, const struct group_plan *p, uint64_t seed)
{
    struct groups *gs = mem_calloc(w->mem, 1, sizeof *gs);

    ASSERT(gs != NULL);
    *gs = (struct groups){.world = w, .plan = *p};
    rand_init(&gs->rand, seed ^ SEED_SALT);
    w->groups = gs;
    for (unsigned i = 0; i < p->n_groups; i++) {
        struct group_book *b = mem_calloc(w->mem, 1, sizeof *b);
        ASSERT(b != NULL);
        gs->books[i] = b;
        group_book_init(b, gs, i, &p->groups[i]);
        for (unsigned k = 0; k < p->groups[i].n_slots; k++) {
            gs->members[i][k] = group_member_start(b, k);
        }
    }
    gs->watch = group_watch_start(gs);
}

/* ---- a topic goes --------------------------------------------------------
 */

void groups_topic_deleted(struct groups *gs, unsigned topic)
{
    for (unsigned i = 0; gs != NULL && i < gs->plan.n_groups; i++) {
        struct group_book *b = gs->books[i];
        for (unsigned k = 0; k < WORLD_PARTITIONS_MAX; k++) {
            (void)group_write_begin(&b->cells[topic][k], 0, -1, -1, NULL);
        }
        b->lawless = b->lawless || !group_held(b, GROUP_NEVER);
    }
}

/* ---- at rest -------------------------------------------------------------
 */

/* How many fit. The limit binds who joins: while a rebalance runs only those
 * that have joined it count, and a static member keeps its place without (as in
 * Kafka), so a group that has some may end above it. */
static bool as_many_as_fit(const struct groups *gs, const struct group_book *b,
                           unsigned running)
{
    uint64_t most =
        gs->plan.size_max == 0 ? GROUP_SLOTS_MAX : gs->plan.size_max;
    unsigned n = b->o.n_slots - b->o.twins;

    if (n <= most) {
        return running == n;
    }
    return b->o.n_static > 0 ? running >= most && running <= n
                             : running == most;
}

/* All that fit run in one generation, and commit. */
static bool rests(const struct groups *gs, const struct group_book *b)
{
    unsigned running = 0, waiting = 0, committed = 0, holds = 0;

    for (unsigned i = 0; i < b->o.n_slots; i++) {
        const struct group_member *m = gs->members[b->number][i];
        running += group_member_runs(m);
        waiting += group_member_waits(m);
        committed += group_member_commits(m) > 0;
        holds += group_member_holds(m);
    }
    return running + waiting == b->o.n_slots &&
           as_many_as_fit(gs, b, running) && (holds == 0 || committed > 0);
}

static void describe(const struct groups *gs, const struct group_book *b,
                     char *text, size_t size)
{
    char one[80];

    text[0] = '\0';
    for (unsigned i = 0; i < b->o.n_slots; i++) {
        size_t at = strlen(text);
        group_member_describe(gs->members[b->number][i], one, sizeof one);
        snprintf(text + at, size - at, "%s %s", i > 0 ? "," : "", one);
    }
}

static bool all_rest(struct groups *gs, const struct group_book **ret_b)
{
    for (unsigned i = 0; i < gs->plan.n_groups; i++) {
        *ret_b = gs->books[i];
        if (!rests(gs, gs->books[i])) {
            return false;
        }
    }
    return true;
}

static bool wait_rest(struct groups *gs, uint64_t limit_us)
{
    struct world *w = gs->world;
    uint64_t end = sim_now_us(w->sim) + limit_us;
    const struct group_book *b = NULL;
    char text[500];

    while (!world_broken(w) && !all_rest(gs, &b) && sim_now_us(w->sim) < end) {
        sim_run_until(w->sim, sim_now_us(w->sim) + STEP_US, NULL);
    }
    if (!all_rest(gs, &b)) {
        describe(gs, b, text, sizeof text);
        world_violation(w, "group-stuck",
                        "%s: not stable in generation %d, members:%s", b->id,
                        b->last, text);
    }
    return !world_broken(w);
}

void groups_judge(struct groups *gs, uint64_t limit_us)
{
    struct world *w;
    uint64_t end;

    if (gs == NULL) {
        return;
    }
    w = gs->world;
    gs->phase = GROUPS_SETTLE;
    if (!wait_rest(gs, limit_us)) {
        return;
    }
    gs->phase = GROUPS_QUIET;
    group_watch_again(gs->watch);
    end = sim_now_us(w->sim) + limit_us;
    while (!world_broken(w) && !group_watch_done(gs->watch) &&
           sim_now_us(w->sim) < end) {
        sim_run_until(w->sim, sim_now_us(w->sim) + STEP_US, NULL);
    }
    if (!group_watch_done(gs->watch)) {
        world_violation(w, "group-stuck",
                        "groups cannot be read, or are not described as "
                        "Stable with those members that run");
    }
}

void groups_say(const struct groups *gs)
{
    const struct group_counts *n = &gs->counts;

    fprintf(stderr,
            "-- %u groups: %llu commits, %llu open; %llu reads; %llu "
            "generations, %llu shares, %llu moves, %llu fenced, %llu expired, "
            "%llu static rejoins, %llu groups deleted, %llu offsets deleted, "
            "%llu expired, %llu generations of many\n",
            gs->plan.n_groups, (unsigned long long)n->commits,
            (unsigned long long)n->unknown, (unsigned long long)n->reads,
            (unsigned long long)n->rebalances,
            (unsigned long long)n->assignments, (unsigned long long)n->moves,
            (unsigned long long)n->fenced, (unsigned long long)n->expired,
            (unsigned long long)n->rejoined, (unsigned long long)n->deletions,
            (unsigned long long)n->offsets_deleted, (unsigned long long)n->aged,
            (unsigned long long)n->big);
}

void groups_coverage(const struct groups *gs, struct coverage *c)
{
    const struct group_counts *n = &gs->counts;

    c->n[COVERAGE_REBALANCES] += n->rebalances;
    c->n[COVERAGE_COORDINATOR_MOVES] += n->moves;
    c->n[COVERAGE_GENERATIONS_FENCED] += n->fenced;
    c->n[COVERAGE_COMMITS_AFTER_MOVE] += n->after_move;
    c->n[COVERAGE_SESSIONS_EXPIRED] += n->expired;
    c->n[COVERAGE_STATIC_REJOINS] += n->rejoined;
    c->n[COVERAGE_OFFSETS_REMOVED] += n->removed;
    c->n[COVERAGE_OFFSETS_EXPIRED] += n->aged;
    c->n[COVERAGE_OFFSETS_DELETED] += n->offsets_deleted;
    c->n[COVERAGE_GROUPS_DELETED] += n->deletions;
    c->n[COVERAGE_BIG_GENERATIONS] += n->big;
}
