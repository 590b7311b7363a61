/* swarm_apart.c - what is drawn apart from all else, for few seeds each: kills
 * that leave what was not durable so, single writes that take long, copies of
 * batches in one turn, allocations that fail. */
#include "env/env.h"
#include "swarm_impl.h"

#define APART_SALT  UINT64_C(0x6f646461706172)
#define ASTRAY_SALT UINT64_C(0x617374726179)

static uint64_t draw(struct swarm *s, uint64_t lo, uint64_t hi)
{
    return lo + rand_below(&s->apart_rand, hi - lo + 1);
}

static bool one_of(struct swarm *s, unsigned n)
{
    return rand_below(&s->apart_rand, n) == 0;
}

/* Of the allocations that a node makes when copies reach it one fails: often
 * that of an entry that is to hold them. */
static void on_copied(void *arg, unsigned id)
{
    struct swarm *s = arg;

    if (now(s) >= s->next_starve_us && now(s) < s->load_us &&
        swarm_runs(s, id)) {
        uint64_t n = draw(s, 1, 24);
        s->next_starve_us = now(s) + draw(s, 20, 700) * MS;
        swarm_say(s, "starve", id, (unsigned)n);
        mem_fail_at(env_mem(sim_node_env(s->sim, id)), n, 0);
        s->seats[id].starved = true;
        swarm_count(s, FAULT_STARVE);
    }
}

void swarm_draw_apart(struct swarm *s)
{
    rand_init(&s->apart_rand, s->o->seed ^ ASTRAY_SALT);
    s->world.astray = one_of(s, 3);
    rand_init(&s->apart_rand, s->o->seed ^ APART_SALT);
    s->apart |= one_of(s, 2) ? APART_CACHE : 0;
    s->apart |= one_of(s, 3) ? APART_STALL : 0;
    s->apart |= one_of(s, 3) ? APART_TWICE : 0;
    s->apart |= one_of(s, 4) ? APART_STARVE | APART_TWICE : 0;
    s->next_stall_us =
        (s->apart & APART_STALL) != 0 ? draw(s, 2, 8) * SECOND : NO_TIME;
    s->next_starve_us =
        (s->apart & APART_STARVE) != 0 ? draw(s, 2, 8) * SECOND : NO_TIME;
    s->world.copied_cb = on_copied;
    s->world.copied_arg = s;
}

/* Some node that runs, more often one that leads; 0: it does not. */
static unsigned victim(struct swarm *s)
{
    int32_t leader = s->world.topics[0].books[0].leader;
    unsigned id = !one_of(s, 3) && leader > 0 ? (unsigned)leader
                                              : (unsigned)draw(s, 1, s->n);

    return swarm_runs(s, id) ? id : 0;
}

/* Much is written behind it, and then the process ends: what was written is
 * there at its next start, and gone after the next power cut. One that ends by
 * itself is not started anew before its write is done: that one which comes
 * late is written over the next life's is not simulated. */
static void stall(struct swarm *s)
{
    unsigned id = victim(s);
    uint64_t us = draw(s, 50, 2000) * MS;

    s->next_stall_us = now(s) + draw(s, 1000, 6000) * MS;
    if (id != 0) {
        swarm_say(s, "stall", id, (unsigned)(us / MS));
        sim_node_stall(s->sim, id, us);
        s->seats[id].kill_us =
            one_of(s, 3) ? NO_TIME : now(s) + draw(s, us / 4, us);
        swarm_count(s, FAULT_STALL);
    }
}

static void stall_end(struct swarm *s, unsigned id)
{
    struct seat *t = &s->seats[id];

    t->kill_us = NO_TIME;
    if (swarm_runs(s, id)) {
        swarm_say(s, "kill behind a stall", id, 0);
        sim_cluster_kill(s->cluster, id, swarm_kill_mode(s));
        t->cached = true;
        swarm_restart_later(s, id);
    }
}

void swarm_strike_apart(struct swarm *s)
{
    for (unsigned id = 1; id <= s->n; id++) {
        if (now(s) >= s->seats[id].kill_us) {
            stall_end(s, id);
        }
    }
    if (now(s) >= s->next_stall_us) {
        stall(s);
    }
}
