/* runner.h - many seeds in several processes, handed out in order.
 *
 * The first violation ends the run: nothing new is begun, what runs goes on to
 * its end, so that all seeds from the first to the last handed out were run. A
 * process that dies, or needs more than RUNNER_SECONDS_MAX for a seed, is a
 * violation of its seed too. So it is when asked to stop by SIGINT or SIGTERM,
 * but for the violation. */
#ifndef SIM_RUNNER_H
#define SIM_RUNNER_H

#include "swarm.h"

#define RUNNER_SECONDS_MAX 120 /* of a processor's time, for one seed */
#define RUNNER_BUSY_MAX    20  /* times as long it may take on a busy machine */
#define RUNNER_JOBS_MAX    64

struct runner_options {
    const uint64_t *list; /* seeds; NULL: `first`, `first` + 1, ... */
    uint64_t first;
    uint64_t count;       /* of seeds */
    uint64_t twice;       /* so many of them twice, the second time shaken
                             (mem_shake()), comparing hashes */
    uint64_t seconds_max; /* of the world outside, then as if asked to stop;
                             0: no limit */
    unsigned jobs;        /* processes */
    bool trace, say;      /* the nodes' traces; a line for each good seed */
    bool groups;          /* leave out seeds without groups */
};

struct runner_result {
    uint64_t n;          /* seeds that were handed out */
    uint64_t n_runs;     /* of them not left out */
    uint64_t virtual_us; /* of all of them */
    struct coverage coverage;
    bool failed, stopped;
    uint64_t seed;   /* that failed */
    char text[1000]; /* invariant, virtual time, what */
};

/* Run; lines go to stdout. */
void runner_run(const struct runner_options *o, struct runner_result *ret_r);

#endif
