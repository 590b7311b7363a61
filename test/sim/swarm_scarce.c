/* swarm_scarce.c - memory that is not there when it is asked for: of any
 * allocation of a node, of one or of all for a while, and of SQLite's. Drawn
 * apart, so that seeds without it stay what they were. */
#include "env/env.h"
#include "shake.h"
#include "swarm_impl.h"

#define SCARCE_SALT UINT64_C(0x73636172636500)
#define ONE_OF      5

static uint64_t draw(struct swarm *s, uint64_t lo, uint64_t hi)
{
    return lo + rand_below(&s->scarce_rand, hi - lo + 1);
}

static bool one_of(struct swarm *s, unsigned n)
{
    return rand_below(&s->scarce_rand, n) == 0;
}

void swarm_draw_scarce(struct swarm *s)
{
    rand_init(&s->scarce_rand, s->o->seed ^ SCARCE_SALT);
    s->next_scarce_us = one_of(s, ONE_OF) ? draw(s, 500, 8000) * MS : NO_TIME;
    s->scarce_gap_ms = (unsigned)draw(s, 100, 3000);
}

/* The next allocations of a node, or one of the next: soon, within what a
 * request needs, or later. */
static void starve(struct swarm *s, unsigned id)
{
    static const uint64_t most[] = {4, 60, 600, 6000};
    uint64_t n = draw(s, 1, most[draw(s, 0, 3)]);
    bool all = one_of(s, 8);

    swarm_say(s, all ? "no memory from" : "no memory at", id, (unsigned)n);
    mem_fail_at(env_mem(sim_node_env(s->sim, id)), n, all);
    s->seats[id].starved = true;
    swarm_count(s, FAULT_SCARCE);
}

/* Whose it is nobody knows. */
static void starve_sqlite(struct swarm *s)
{
    uint64_t n = draw(s, 1, one_of(s, 2) ? 100 : 3000);

    swarm_say(s, "no memory for SQLite at", 0, (unsigned)n);
    shake_fail_at(n);
    swarm_count(s, FAULT_SQLITE);
    for (unsigned id = 1; id <= s->n; id++) {
        s->seats[id].starved = true;
    }
}

/* There is enough again. */
static void feed(struct swarm *s)
{
    unsigned id = s->scarce_node;

    s->scarce_node = 0;
    if (id != 0 && swarm_runs(s, id)) {
        mem_fail_at(env_mem(sim_node_env(s->sim, id)), 0, 0);
    }
}

void swarm_strike_scarce(struct swarm *s)
{
    unsigned id;

    if (now(s) < s->next_scarce_us) {
        return;
    }
    feed(s);
    s->next_scarce_us = now(s) + draw(s, 1, s->scarce_gap_ms) * MS;
    id = (unsigned)draw(s, 1, s->n);
    if (one_of(s, 4)) {
        starve_sqlite(s);
    } else if (swarm_runs(s, id)) {
        starve(s, id);
        s->scarce_node = id;
    }
}

void swarm_end_scarce(struct swarm *s)
{
    s->next_scarce_us = NO_TIME;
    feed(s);
    shake_fail_at(0);
}
