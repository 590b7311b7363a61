/* sim.c - whole clusters in one process, from seeds.
 *
 *   sim --seed N [--count M] [--trace] [--twice]
 *       run seeds N to N+M-1; exit 1 at the first violation, naming seed,
 *       invariant and virtual time; --twice runs each again and compares
 *       the hash of all that happened
 *   sim --check FILE
 *       run the seeds of a file (one a line, # begins a comment), then fresh
 *       ones: what `make check` does
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "swarm.h"

#define FRESH       20
#define TWICE       3   /* of them are run twice */
#define SECONDS_MAX 120 /* of one seed; more is a hang */

static uint64_t seed_running;

static void on_alarm(int signo)
{
    (void)signo;
    dprintf(2, "seed %llu: hangs: no end within %d s\n",
            (unsigned long long)seed_running, SECONDS_MAX);
    abort();
}

static bool run_one(uint64_t seed, bool trace, bool twice)
{
    struct swarm_options o = {.seed = seed, .trace = trace};
    struct swarm_result r, again;

    seed_running = seed;
    alarm(SECONDS_MAX);
    swarm_run(&o, &r);
    if (!r.failed && twice) {
        swarm_run(&o, &again);
        if (again.hash != r.hash) {
            r.failed = true;
            r.at_us = 0;
            snprintf(r.invariant, sizeof r.invariant, "replay");
            snprintf(r.text, sizeof r.text, "two runs differ: %llx, %llx",
                     (unsigned long long)r.hash,
                     (unsigned long long)again.hash);
        }
    }
    alarm(0);
    if (r.failed) {
        printf("seed %llu: %s at %llu.%06llu s: %s\n", (unsigned long long)seed,
               r.invariant, (unsigned long long)(r.at_us / 1000000),
               (unsigned long long)(r.at_us % 1000000), r.text);
    } else {
        printf("seed %llu: good; %u nodes, %llu s, %u faults, %u deaths, %llu "
               "acked, %llu retried, %llu read, %llu terms, %llu latest, "
               "hash %016llx\n",
               (unsigned long long)seed, r.nodes,
               (unsigned long long)(r.virtual_us / 1000000), r.faults, r.deaths,
               (unsigned long long)r.counts.acked,
               (unsigned long long)r.counts.retried,
               (unsigned long long)r.counts.read,
               (unsigned long long)r.counts.elections,
               (unsigned long long)r.counts.latest, (unsigned long long)r.hash);
    }
    fflush(stdout);
    return !r.failed;
}

static bool run_file(const char *path)
{
    FILE *f = fopen(path, "r");
    char line[256];
    bool good = true;

    if (f == NULL) {
        perror(path);
        return false;
    }
    while (good && fgets(line, sizeof line, f) != NULL) {
        char *end;
        uint64_t seed = strtoull(line, &end, 10);
        if (end != line) {
            good = run_one(seed, false, false);
        }
    }
    fclose(f);
    return good;
}

static bool run_fresh(void)
{
    uint64_t seed = (uint64_t)time(NULL) * 1000;

    for (unsigned i = 0; i < FRESH; i++) {
        if (!run_one(seed + i, false, i < TWICE)) {
            return false;
        }
    }
    return true;
}

static int usage(void)
{
    fprintf(stderr, "usage: sim --seed N [--count M] [--trace] [--twice] | "
                    "--check FILE\n");
    return 2;
}

int main(int argc, char *argv[])
{
    uint64_t seed = 0, count = 1;
    bool trace = false, twice = false, have = false;

    signal(SIGALRM, on_alarm);
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--check") == 0 && i + 1 < argc) {
            return run_file(argv[i + 1]) && run_fresh() ? 0 : 1;
        } else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc) {
            seed = strtoull(argv[++i], NULL, 10);
            have = true;
        } else if (strcmp(argv[i], "--count") == 0 && i + 1 < argc) {
            count = strtoull(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--trace") == 0) {
            trace = true;
        } else if (strcmp(argv[i], "--twice") == 0) {
            twice = true;
        } else {
            return usage();
        }
    }
    if (!have) {
        return usage();
    }
    for (uint64_t i = 0; i < count; i++) {
        if (!run_one(seed + i, trace, twice)) {
            return 1;
        }
    }
    return 0;
}
