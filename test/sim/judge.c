/* judge.c - see judge.h. */
#include "judge.h"

#include "base/assert.h"

#define STEP_US     UINT64_C(50000)
#define READERS_MAX (WORLD_TOPICS_MAX * WORLD_PARTITIONS_MAX * SIM_NODES_MAX)

static bool all_idle(struct world *w)
{
    for (unsigned i = 0; i < w->n_producers; i++) {
        if (!producer_idle(w->producers[i])) {
            return false;
        }
    }
    return true;
}

static bool wait_idle(struct world *w, uint64_t limit_us)
{
    uint64_t end = sim_now_us(w->sim) + limit_us;

    while (!world_broken(w) && !all_idle(w) && sim_now_us(w->sim) < end) {
        sim_run_until(w->sim, sim_now_us(w->sim) + STEP_US, NULL);
    }
    return all_idle(w);
}

/* The partition that waits longest, for people. */
static void stuck_producers(struct world *w, const char *what)
{
    for (unsigned i = 0; i < WORLD_TOPICS_MAX; i++) {
        for (unsigned k = 0;
             w->topics[i].state == TOPIC_IS && k < w->topics[i].n_partitions;
             k++) {
            for (unsigned p = 0; p < w->n_producers; p++) {
                if (producer_waits(w->producers[p], i, k)) {
                    world_violation(w, "stuck",
                                    "%s: %s-%u, producer %u, leader as known "
                                    "%d in epoch %d",
                                    what, w->topics[i].name, k, p,
                                    w->topics[i].books[k].leader,
                                    w->topics[i].books[k].epoch);
                }
            }
        }
    }
    world_violation(w, "stuck", "%s", what);
}

/* One for every replica that is to be there. */
static unsigned start_readers(struct world *w, struct reader *readers[])
{
    unsigned n = 0;

    for (unsigned i = 0; i < WORLD_TOPICS_MAX; i++) {
        struct world_topic *t = &w->topics[i];
        for (unsigned k = 0; t->state == TOPIC_IS && k < t->n_partitions; k++) {
            for (unsigned id = 1; id <= sim_cluster_nodes(w->cluster); id++) {
                if (t->books[k].replicas & ~w->down & (1u << id)) {
                    readers[n++] = reader_start(w, &t->books[k], id,
                                                t->books[k].known_end);
                }
            }
        }
    }
    return n;
}

static void wait_readers(struct world *w, struct reader *readers[], unsigned n,
                         uint64_t limit_us)
{
    uint64_t end = sim_now_us(w->sim) + limit_us;

    for (unsigned left = 1;
         left > 0 && !world_broken(w) && sim_now_us(w->sim) < end;) {
        sim_run_until(w->sim, sim_now_us(w->sim) + STEP_US, NULL);
        left = 0;
        for (unsigned i = 0; i < n; i++) {
            left += !reader_done(readers[i]);
        }
    }
}

static void read_all(struct world *w, uint64_t limit_us)
{
    struct reader *readers[READERS_MAX];
    unsigned n = start_readers(w, readers);

    wait_readers(w, readers, n, limit_us);
    for (unsigned i = 0; i < n; i++) {
        if (!reader_done(readers[i])) {
            world_violation(w, "stuck", "reading %s", reader_state(readers[i]));
        }
    }
}

void judge_truth(struct world *w, uint64_t span_us)
{
    struct reader *readers[READERS_MAX];

    w->loading = false;
    wait_readers(w, readers, start_readers(w, readers), span_us);
}

void judge_all(struct world *w, uint64_t limit_us)
{
    struct producer_options probe = {
        .interval_ms = 1, .records_max = 1, .in_flight = 1, .once = true};

    w->loading = false;
    if (!wait_idle(w, limit_us)) {
        stuck_producers(w, "a batch is not acknowledged");
        return;
    }
    producer_start(w, &probe);
    if (!wait_idle(w, limit_us)) {
        stuck_producers(w, "a fresh record is not acknowledged");
        return;
    }
    read_all(w, limit_us);
}
