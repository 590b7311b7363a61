/* swarm_faults.c - what is done to nodes, links, disks and databases. */
#include "base/assert.h"
#include "env/file.h"
#include "state_faults.h"
#include "swarm_impl.h"

#define DECISIONS_MAX 2 /* a third one would be kept for two minutes */

static const char *const fault_names[FAULT_KINDS] = {
    "kill", "blackout", "stop",     "pause", "link",   "island", "io",
    "hold", "client",   "full",     "slow",  "wall",   "point",  "damage",
    "wipe", "decision", "database", "stall", "starve", "scarce", "sqlite"};

const char *swarm_fault_name(unsigned kind)
{
    return fault_names[kind];
}

void swarm_count(struct swarm *s, enum fault kind)
{
    s->n_faults++;
    if (s->o->coverage != NULL) {
        s->o->coverage->faults[kind]++;
    }
}

unsigned swarm_link_node(const struct swarm *s, unsigned i)
{
    return i == s->n + 1 ? WORLD_CLIENT_NODE : i;
}

static void cut(struct swarm *s, unsigned from, unsigned to, uint64_t us)
{
    sim_link_set(s->sim, swarm_link_node(s, from), swarm_link_node(s, to),
                 false);
    s->link_us[from][to] = now(s) + us;
}

bool swarm_runs(struct swarm *s, unsigned id)
{
    return sim_node_env(s->sim, id) != NULL;
}

void swarm_restart_later(struct swarm *s, unsigned id)
{
    struct seat *t = &s->seats[id];
    uint64_t us = below(s, 3) == 0 ? between(s, 3000, 12000) * MS
                                   : between(s, 0, 1500) * MS;

    t->start_us = now(s) + us;
    t->resume_us = t->release_us = t->kill_us = NO_TIME;
    if (t->io && below(s, 2)) {
        t->io = false;
        sim_io_fail_at(s->sim, id, 0, false, 0);
    }
}

enum sim_crash swarm_kill_mode(const struct swarm *s)
{
    return (s->apart & APART_CACHE) != 0 ? SIM_CRASH_KILL : SIM_CRASH_ALL;
}

/* This and others: false if it was not to be, as the node is gone. */
static bool kill_one(struct swarm *s, unsigned id)
{
    struct seat *t = &s->seats[id];
    bool kills = !t->gone && (swarm_runs(s, id) || below(s, 3) == 0);

    if (kills) {
        enum sim_crash how = (enum sim_crash)below(s, 4);
        how = how == SIM_CRASH_ALL ? swarm_kill_mode(s) : how;
        sim_cluster_kill(s->cluster, id, how);
        t->cached = how == SIM_CRASH_KILL;
        swarm_restart_later(s, id);
    }
    return kills;
}

static bool blackout(struct swarm *s)
{
    bool any = false;

    for (unsigned id = 1; id <= s->n; id++) {
        any = kill_one(s, id) || any;
    }
    return any;
}

static bool stop(struct swarm *s, unsigned id)
{
    bool stops = sim_cluster_state(s->cluster, id) == SIM_HOST_SERVES;

    if (stops) {
        sim_cluster_stop(s->cluster, id);
    }
    return stops;
}

static bool pause_for(struct swarm *s, unsigned id, uint64_t us)
{
    bool runs = swarm_runs(s, id);

    if (runs) {
        sim_node_pause(s->sim, id);
        s->seats[id].resume_us = now(s) + us;
    }
    return runs;
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

static bool hold(struct swarm *s, unsigned id, uint64_t us)
{
    bool runs = swarm_runs(s, id);

    if (runs) {
        file_hold_durable(sim_node_env(s->sim, id), true);
        s->seats[id].release_us = now(s) + us;
    }
    return runs;
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
static bool damage(struct swarm *s)
{
    static const char *const parts[] = {"",    "journal/", "checkpoint",
                                        "/p/", "/meta/",   "/groups/"};
    unsigned id = s->beyond ? (unsigned)between(s, 1, s->n) : s->rotten;
    char text[400];
    bool any = false;

    for (uint64_t n = id == 0 ? 0 : between(s, 1, 3); n > 0; n--) {
        if (sim_disk_damage(sim_cluster_disk(s->cluster, id),
                            (enum sim_damage)below(s, 3),
                            parts[below(s, sizeof parts / sizeof parts[0])],
                            text, sizeof text)) {
            swarm_say(s, text, id, 0);
            s->n_damaged += !s->seats[id].damaged;
            s->seats[id].damaged = true;
            s->world.down |= 1u << id;
            any = true;
        }
    }
    if (id != 0 && s->seats[id].damaged && below(s, 2)) {
        kill_one(s, id);
    }
    return any;
}

static bool wipe(struct swarm *s)
{
    unsigned id = s->rotten;

    if (id == 0 || !s->formed || s->seats[id].wiped || s->seats[id].gone) {
        return false;
    }
    sim_cluster_kill(s->cluster, id, SIM_CRASH_ALL);
    sim_disk_wipe(sim_cluster_disk(s->cluster, id));
    swarm_restart_later(s, id);
    s->seats[id].wiped = true;
    s->n_wiped++;
    s->world.down |= 1u << id;
    return true;
}

static void strike(struct swarm *s, enum fault f)
{
    unsigned id = victim(s);
    uint64_t us = between(s, 10, below(s, 3) == 0 ? 8000 : 1500) * MS;

    bool struck = true;

    swarm_say(s, fault_names[f], id, (unsigned)(us / MS));
    switch (f) {
    case FAULT_KILL:
        struck = kill_one(s, id);
        break;
    case FAULT_BLACKOUT:
        struck = blackout(s);
        break;
    case FAULT_STOP:
        struck = stop(s, id);
        break;
    case FAULT_PAUSE:
        struck = pause_for(s, id, us);
        break;
    case FAULT_LINK:
        struck = s->n > 1;
        if (struck) {
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
        struck = hold(s, id, us);
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
        struck = damage(s);
        break;
    case FAULT_WIPE:
        struck = wipe(s);
        break;
    default:
        ASSERT(false);
    }
    if (struck) {
        swarm_count(s, f);
    }
}

void swarm_maybe_strike(struct swarm *s)
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
void swarm_strike_state(struct swarm *s)
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
        swarm_say(s, "a decision of its own", s->shaky, 0);
        s->n_decisions++;
        swarm_count(s, FAULT_DECISION);
        return;
    }
    sim_cluster_kill(s->cluster, s->shaky, SIM_CRASH_ALL);
    swarm_restart_later(s, s->shaky);
    if (state_fault_damage(s->cluster, s->shaky, rand_below(r, 2) != 0, text,
                           sizeof text)) {
        swarm_say(s, text, s->shaky, 0);
        s->n_state_damages++;
        swarm_count(s, FAULT_STATE);
    }
}
