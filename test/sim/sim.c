/* sim.c - whole clusters in one process, from seeds.
 *
 *   sim --seed N [--count M] [--trace] [--twice]
 *       run seeds N to N+M-1, a line each; exit 1 at the first violation,
 *       naming seed, invariant and virtual time; --twice runs each again, with
 *       other rubbish in its memory and at other addresses, and compares the
 *       hash of all that happened and was written
 *   sim --check FILE [--fresh N] [--base B]
 *       run the seeds of a file (one a line, # begins a comment), then N fresh
 *       ones from B (else by the clock; it is printed) and judge the coverage
 *       of all: what `make check` does
 *   sim --soak --ledger FILE [--from N] [--seconds S] [--build NAME]
 *       run seeds behind the last ones in the ledger (or from N) until a
 *       violation, SIGINT, SIGTERM, or for S seconds; append what was run, a
 *       line for each thousand
 *   sim --reference MINUTES
 *       measure the simulator's speed with the class of reference.h; exit 1 if
 *       it is below 5 cluster-hours per minute and core
 *   sim --hours N
 *       hours under load with a small journal, then a power cut (hours.h)
 *
 *   --jobs J     processes (1)
 *   --coverage   judge it here too: with --seed
 *   --groups     only seeds that have consumer groups
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include "hours.h"
#include "ledger.h"
#include "reference.h"
#include "runner.h"
#include "shake.h"

#define FRESH      200
#define TWICE      20      /* one of so many seeds is run twice */
#define SOAK_FIRST 1000000 /* below are those people give */
#define SOAK_CHUNK 1000    /* seeds to a line of the ledger */
#define LIST_MAX   10000
#define SPEED_MIN  5.0 /* cluster-hours per minute and core */

struct arguments {
    const char *check, *ledger, *build;
    uint64_t seed, count, fresh, base, from, seconds, reference, hours;
    uint64_t jobs;
    bool have_seed, have_base, have_from, soak, trace, twice, coverage, groups;
};

/* ---- what is said ----------------------------------------------------------
 */

static double hours(uint64_t us)
{
    return (double)us / 3600e6;
}

static void faults_say(const struct coverage *c)
{
    for (unsigned i = 0; i < COVERAGE_FAULTS; i++) {
        printf("%s %s %llu", i == 0 ? "faults:" : ",", swarm_fault_name(i),
               (unsigned long long)c->faults[i]);
    }
    printf("; %llu runs went beyond what the promise survives\n",
           (unsigned long long)c->beyond);
}

static bool coverage_judge(const struct coverage *c)
{
    bool good = true;

    faults_say(c);
    for (unsigned i = 0; i < COVERAGES; i++) {
        printf("%s %s %llu", i == 0 ? "coverage:" : ",",
               coverage_name((enum coverage_kind)i),
               (unsigned long long)c->n[i]);
    }
    printf("\n");
    for (unsigned i = 0; i < COVERAGES; i++) {
        if (c->n[i] == 0 && coverage_required((enum coverage_kind)i)) {
            printf("coverage: %s: never happened\n",
                   coverage_name((enum coverage_kind)i));
            good = false;
        }
    }
    return good;
}

/* ---- runs ------------------------------------------------------------------
 */

static int run_seeds(const struct arguments *a)
{
    struct runner_options o = {.first = a->seed,
                               .count = a->count,
                               .twice = a->twice ? a->count : 0,
                               .jobs = (unsigned)a->jobs,
                               .trace = a->trace,
                               .groups = a->groups,
                               .say = true};
    struct runner_result r;

    runner_run(&o, &r);
    if (r.failed || r.stopped) {
        return 1;
    }
    return !a->coverage || coverage_judge(&r.coverage) ? 0 : 1;
}

static bool list_read(const char *path, uint64_t *list, uint64_t *ret_n)
{
    FILE *f = fopen(path, "r");
    char line[256];

    *ret_n = 0;
    if (f == NULL) {
        perror(path);
        return false;
    }
    while (*ret_n < LIST_MAX && fgets(line, sizeof line, f) != NULL) {
        char *end;
        uint64_t seed = strtoull(line, &end, 10);
        if (end != line) {
            list[(*ret_n)++] = seed;
        }
    }
    fclose(f);
    return true;
}

static int run_check(const struct arguments *a)
{
    static uint64_t list[LIST_MAX];
    uint64_t base = a->have_base ? a->base : (uint64_t)time(NULL) * 1000;
    struct runner_options known = {.list = list, .jobs = (unsigned)a->jobs};
    struct runner_options fresh = {.first = base,
                                   .count = a->fresh,
                                   .twice = 1 + a->fresh / TWICE,
                                   .jobs = (unsigned)a->jobs};
    struct runner_result rk, rf;

    if (!list_read(a->check, list, &known.count)) {
        return 1;
    }
    known.twice = known.count;
    runner_run(&known, &rk);
    if (rk.failed || rk.stopped) {
        return 1;
    }
    runner_run(&fresh, &rf);
    coverage_add(&rf.coverage, &rk.coverage);
    printf("%llu known seeds and %llu fresh ones from %llu, %.2f simulated "
           "hours\n",
           (unsigned long long)rk.n, (unsigned long long)rf.n,
           (unsigned long long)base, hours(rk.virtual_us + rf.virtual_us));
    return !rf.failed && !rf.stopped && coverage_judge(&rf.coverage) ? 0 : 1;
}

/* A line for what was run. Returns false to end. */
static bool soak_note(const struct arguments *a, uint64_t first,
                      const struct runner_result *r)
{
    char result[1100];

    snprintf(result, sizeof result, "good");
    if (r->failed) {
        snprintf(result, sizeof result, "seed %llu: %s",
                 (unsigned long long)r->seed, r->text);
    }
    printf("%llu of %llu seeds from %llu, %.2f simulated hours: %s\n",
           (unsigned long long)r->n_runs, (unsigned long long)r->n,
           (unsigned long long)first, hours(r->virtual_us), result);
    fflush(stdout);
    return r->n == 0 ||
           ledger_append(a->ledger,
                         &(struct ledger_line){.build = a->build,
                                               .first = first,
                                               .last = first + r->n - 1,
                                               .n_runs = r->n_runs,
                                               .hours = hours(r->virtual_us),
                                               .result = result});
}

static int run_soak(const struct arguments *a)
{
    struct runner_options o = {.jobs = (unsigned)a->jobs,
                               .count = SOAK_CHUNK,
                               .groups = a->groups,
                               .twice = SOAK_CHUNK / TWICE};
    struct runner_result r = {0};
    struct coverage all = {0};
    time_t end = time(NULL) + (time_t)a->seconds;

    o.first = a->from;
    if (!a->have_from && !ledger_next(a->ledger, SOAK_FIRST, &o.first)) {
        return 1;
    }
    do {
        time_t now = time(NULL);
        o.seconds_max = a->seconds == 0 ? 0
                        : end > now     ? (uint64_t)(end - now)
                                        : 1;
        runner_run(&o, &r);
        coverage_add(&all, &r.coverage);
        if (!soak_note(a, o.first, &r)) {
            return 1;
        }
        o.first += r.n;
    } while (!r.failed && !r.stopped);
    (void)coverage_judge(&all);
    return r.failed ? 1 : 0;
}

/* Worlds of a minute each, as seeds are, one after the other. */
static int run_reference(uint64_t minutes)
{
    struct reference_result r = {0}, all = {0};
    double speed;

    for (uint64_t i = 0; i < minutes; i++) {
        reference_run(60, &r);
        if (r.failed) {
            printf("reference: %s\n", r.text);
            return 1;
        }
        all.virtual_us += r.virtual_us;
        all.cpu_us += r.cpu_us;
        all.acked += r.acked;
    }
    speed = (double)all.virtual_us / 60 / (double)all.cpu_us;
    printf("reference: %llu s in %.2f s of CPU, %.2f cluster-hours per minute "
           "and core; %llu records acked, hash %016llx\n",
           (unsigned long long)(all.virtual_us / 1000000),
           (double)all.cpu_us / 1e6, speed, (unsigned long long)all.acked,
           (unsigned long long)r.hash);
    return speed >= SPEED_MIN ? 0 : 1;
}

static void hours_start_say(const char *what, const struct hours_start *s)
{
    printf("hours: start %s: %.2f s, read %.2f MiB of the journal, %.2f MiB of "
           "all files\n",
           what, (double)s->virtual_us / 1e6,
           (double)s->journal_read / (1 << 20), (double)s->read / (1 << 20));
}

static int run_hours(uint64_t n)
{
    struct hours_result r;

    hours_run(n, &r);
    for (uint64_t i = 0; i < n; i++) {
        const struct hours_sizes *s = &r.sizes[i];
        printf("hours: %llu: memory %.2f MiB, journal %.2f MiB, all files "
               "%.2f MiB\n",
               (unsigned long long)i + 1, (double)s->memory / (1 << 20),
               (double)s->journal / (1 << 20), (double)s->disk / (1 << 20));
    }
    hours_start_say("early", &r.first);
    hours_start_say("late", &r.last);
    printf("hours: %.2f simulated hours, %.0f s of CPU, %llu records acked, "
           "%llu files recycled: %.0f rings: %s\n",
           hours(r.virtual_us), (double)r.cpu_us / 1e6,
           (unsigned long long)r.acked, (unsigned long long)r.recycled, r.rings,
           r.failed ? r.text : "good");
    return r.failed ? 1 : 0;
}

/* ---- arguments -------------------------------------------------------------
 */

static bool word(const char *text, const char *name, bool *ret_have)
{
    if (strcmp(text, name) != 0) {
        return false;
    }
    *ret_have = true;
    return true;
}

static bool number(char *argv[], int *i, const char *name, uint64_t *ret_v,
                   bool *ret_have)
{
    char *end = NULL;
    bool have = false;

    if (argv[*i + 1] == NULL || !word(argv[*i], name, &have)) {
        return false;
    }
    *ret_v = strtoull(argv[++*i], &end, 10);
    if (ret_have != NULL) {
        *ret_have = true;
    }
    return end != argv[*i] && *end == '\0';
}

static bool text(char *argv[], int *i, const char *name, const char **ret_v)
{
    bool have = false;

    if (argv[*i + 1] == NULL || !word(argv[*i], name, &have)) {
        return false;
    }
    *ret_v = argv[++*i];
    return true;
}

static bool arguments_parse(struct arguments *a, char *argv[])
{
    for (int i = 1; argv[i] != NULL; i++) {
        if (!number(argv, &i, "--seed", &a->seed, &a->have_seed) &&
            !number(argv, &i, "--count", &a->count, NULL) &&
            !number(argv, &i, "--fresh", &a->fresh, NULL) &&
            !number(argv, &i, "--base", &a->base, &a->have_base) &&
            !number(argv, &i, "--from", &a->from, &a->have_from) &&
            !number(argv, &i, "--seconds", &a->seconds, NULL) &&
            !number(argv, &i, "--reference", &a->reference, NULL) &&
            !number(argv, &i, "--hours", &a->hours, NULL) &&
            !number(argv, &i, "--jobs", &a->jobs, NULL) &&
            !text(argv, &i, "--check", &a->check) &&
            !text(argv, &i, "--ledger", &a->ledger) &&
            !text(argv, &i, "--build", &a->build) &&
            !word(argv[i], "--soak", &a->soak) &&
            !word(argv[i], "--trace", &a->trace) &&
            !word(argv[i], "--twice", &a->twice) &&
            !word(argv[i], "--groups", &a->groups) &&
            !word(argv[i], "--coverage", &a->coverage)) {
            return false;
        }
    }
    return a->jobs >= 1 && a->jobs <= RUNNER_JOBS_MAX &&
           a->hours <= HOURS_MAX &&
           a->have_seed + a->soak + (a->check != NULL) + (a->reference != 0) +
                   (a->hours != 0) ==
               1 &&
           a->soak == (a->ledger != NULL);
}

int main(int argc, char *argv[])
{
    struct arguments a = {.count = 1, .jobs = 1, .fresh = FRESH};
    char build[32];

    (void)argc;
    if (!arguments_parse(&a, argv)) {
        fprintf(
            stderr,
            "usage: sim --seed N [--count M] [--trace] [--twice] "
            "[--coverage] [--groups] | --check FILE [--fresh N] [--base B] |\n"
            "       --soak --ledger FILE [--from N] [--seconds S] "
            "[--build NAME] [--groups] | --reference MINUTES |\n"
            "       --hours N   [--jobs J]\n");
        return 2;
    }
    /* Worlds come and go: keep the memory, and do not map large blocks each
     * for itself (up to 32 MiB: a higher threshold is refused). */
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    mallopt(M_TOP_PAD, 16 << 20);
    (void)prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0); /* they touch little of it */
    shake_install();
    if (a.build == NULL) {
        ledger_build(build, sizeof build);
        a.build = build;
    }
    return a.have_seed        ? run_seeds(&a)
           : a.check != NULL  ? run_check(&a)
           : a.reference != 0 ? run_reference(a.reference)
           : a.hours != 0     ? run_hours(a.hours)
                              : run_soak(&a);
}
