/* test_group_soak.c - random lives of a group over the real journal and the
 * real peers. TEST_SEED=n replays one, TEST_SEEDS=m so many from there. */
#include <stdio.h>
#include <stdlib.h>

#include "world.h"

#define SEEDS      60
#define TROUBLE_MS 12000

static unsigned below(struct world *w, unsigned n)
{
    return (unsigned)sim_rand_below(w->sim, n);
}

static void trouble(struct world *w)
{
    unsigned id = 1 + below(w, NODES);
    switch (below(w, 6)) {
    case 0:
        if (w->nodes[id].up) {
            crash(w, id, (enum sim_crash)below(w, 4));
        }
        break;
    case 1:
        isolate(w, id, false);
        break;
    case 2:
        sim_link_set(w->sim, id, 1 + id % NODES, false); /* one way */
        break;
    case 3:
        if (below(w, 4) == 0) { /* the lights go out */
            for (unsigned i = 1; i <= NODES; i++) {
                if (w->nodes[i].up) {
                    crash(w, i, (enum sim_crash)below(w, 4));
                }
            }
        }
        break;
    default:
        for (unsigned i = 1; i <= NODES; i++) {
            isolate(w, i, true);
        }
    }
}

/* All others are up and whole: the disk of one may be damaged. */
static bool may_damage(struct world *w, unsigned id)
{
    for (unsigned i = 1; i <= NODES; i++) {
        const struct node *n = &w->nodes[i];
        if (i != id && (!n->up || n->g == NULL || group_repair(n->g))) {
            return false;
        }
    }
    return below(w, 4) == 0;
}

static void recovery(struct world *w)
{
    for (unsigned i = 1; i <= NODES; i++) {
        if (!w->nodes[i].up && below(w, 3) == 0) {
            w->damage = may_damage(w, i);
            start(w, i);
            w->damage = false;
        }
    }
}

static void housekeeping(struct world *w)
{
    struct node *n = &w->nodes[1 + below(w, NODES)];
    if (!n->up || n->g == NULL) {
        return;
    }
    if (n->offered) {
        n->offered = false;
        install(n);
    }
    uint64_t base = group_tail(n->g)->base.index;
    uint64_t safe = group_commit(n->g) < group_stored(n->g)
                        ? group_commit(n->g)
                        : group_stored(n->g);
    if (safe > n->applied) {
        safe = n->applied;
    }
    if (safe > base + 40 && below(w, 3) == 0) {
        try_compact(n, safe - below(w, 20));
    }
    if (below(w, 40) == 0) {
        group_transfer(n->g, 0, 500, NULL, NULL);
    }
}

static void load(struct world *w)
{
    struct node *l = leader(w);
    for (unsigned i = 0; l != NULL && i < below(w, 8); i++) {
        size_t len = below(w, 20) == 0 ? 9000 : 64;
        if (propose(l, len) != 0) {
            return;
        }
    }
}

static void live(uint64_t seed)
{
    struct sim_options o = {.seed = seed,
                            .disk_min_us = 50,
                            .disk_max_us = 400 + seed % 3 * 4000,
                            .net_min_us = 20,
                            .net_max_us = 300 + seed % 4 * 5000,
                            .net_split_rate = seed % 2 * 500,
                            .trace_level = TRACE_ERROR};
    struct world *w = world_new_with(o);
    for (unsigned t = 0; t < TROUBLE_MS; t += 10) {
        run_ms(w, 10);
        load(w);
        housekeeping(w);
        if (t % 100 == 0) {
            recovery(w);
        }
        if (below(w, 60) == 0) {
            trouble(w);
        }
    }
    for (unsigned i = 1; i <= NODES; i++) { /* all is well again */
        isolate(w, i, true);
        if (!w->nodes[i].up) {
            start(w, i);
        }
    }
    for (unsigned t = 0; t < 6000; t += 20) {
        run_ms(w, 20);
        for (unsigned i = 1; i <= NODES; i++) {
            if (w->nodes[i].offered && w->nodes[i].g != NULL) {
                w->nodes[i].offered = false;
                install(&w->nodes[i]);
            }
        }
    }
    unsigned acked = w->acked;
    propose_many(w, 10);
    for (unsigned t = 0; t < 3000 && w->acked < acked + 10; t += 10) {
        run_ms(w, 10);
    }
    check_same(w);
    assert_int_equal(w->acked, acked + 10);
    print_message("seed %llu: %u acked, %u refused, last entry %llu\n",
                  (unsigned long long)seed, w->acked, w->refused,
                  (unsigned long long)w->last);
    world_free(w);
}

static uint64_t number(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text != NULL ? strtoull(text, NULL, 0) : otherwise;
}

static void test_lives(void **state)
{
    (void)state;
    uint64_t first = number("TEST_SEED", 1);
    uint64_t n = number("TEST_SEEDS", getenv("TEST_SEED") != NULL ? 1 : SEEDS);
    for (uint64_t seed = first; seed < first + n; seed++) {
        print_message("seed %llu\n", (unsigned long long)seed);
        live(seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lives)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
