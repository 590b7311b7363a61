/* runner.c - see runner.h. */
#include "runner.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "shake.h"

/* What the processes share. Each writes its own seat; `next` is an atomic. */
struct seat {
    pid_t pid;
    uint64_t seed; /* that runs */
    bool running, failed;
    uint64_t n_runs;
    uint64_t virtual_us;
    struct coverage coverage;
    char text[1000];
};

struct shared {
    uint64_t next; /* of the seeds, by number */
    bool stop;
    struct seat seats[RUNNER_JOBS_MAX];
};

static volatile sig_atomic_t asked_to_stop;

static void on_stop(int signo)
{
    (void)signo;
    asked_to_stop = 1;
}

/* Which are run twice: `twice` of them, evenly. */
static bool is_twice(const struct runner_options *o, uint64_t i)
{
    uint64_t each = o->twice == 0 ? 0 : o->count / o->twice;

    return o->twice >= o->count || (each != 0 && i % each == 0);
}

/* ---- one seed --------------------------------------------------------------
 */

static void say_good(uint64_t seed, const struct swarm_result *r)
{
    printf("seed %llu: good; %u nodes, %llu s, %u faults, %u deaths, %llu "
           "acked, %llu retried, %llu read, %llu terms, %llu latest, "
           "hash %016llx\n",
           (unsigned long long)seed, r->nodes,
           (unsigned long long)(r->virtual_us / 1000000), r->faults, r->deaths,
           (unsigned long long)r->counts.acked,
           (unsigned long long)r->counts.retried,
           (unsigned long long)r->counts.read,
           (unsigned long long)r->counts.elections,
           (unsigned long long)r->counts.latest, (unsigned long long)r->hash);
    fflush(stdout);
}

/* From now on this process may use so much of a processor, 0: as much as it
 * likes. Time would say how busy the machine is; there is much of it for what
 * hangs without working. */
static void limit_cpu(unsigned seconds)
{
    struct itimerval t = {.it_value.tv_sec = (time_t)seconds};

    setitimer(ITIMER_PROF, &t, NULL);
    alarm(seconds * RUNNER_BUSY_MAX);
}

static void run_one(const struct runner_options *o, struct seat *s, bool twice)
{
    struct swarm_options so = {
        .seed = s->seed, .trace = o->trace, .coverage = &s->coverage};
    struct swarm_result r, again;

    limit_cpu(RUNNER_SECONDS_MAX);
    swarm_run(&so, &r);
    s->n_runs++;
    s->virtual_us += r.virtual_us;
    s->failed = r.failed;
    if (r.failed) {
        snprintf(s->text, sizeof s->text, "%s at %llu.%06llu s: %s",
                 r.invariant, (unsigned long long)(r.at_us / 1000000),
                 (unsigned long long)(r.at_us % 1000000), r.text);
    } else if (twice) {
        so.coverage = NULL;
        so.shake = s->seed * 2 + 1;
        shake_set(so.shake);
        swarm_run(&so, &again);
        shake_set(0);
        s->failed = again.hash != r.hash;
        snprintf(s->text, sizeof s->text,
                 "replay at 0 s: two runs differ: %llx, %llx",
                 (unsigned long long)r.hash, (unsigned long long)again.hash);
    }
    limit_cpu(0);
    if (!s->failed && o->say) {
        say_good(s->seed, &r);
    }
}

/* ---- a process -------------------------------------------------------------
 */

static bool take(const struct runner_options *o, struct shared *sh,
                 struct seat *s, uint64_t *ret_i)
{
    if (__atomic_load_n(&sh->stop, __ATOMIC_SEQ_CST)) {
        return false;
    }
    *ret_i = __atomic_fetch_add(&sh->next, 1, __ATOMIC_SEQ_CST);
    if (*ret_i >= o->count) {
        return false;
    }
    s->seed = o->list != NULL ? o->list[*ret_i] : o->first + *ret_i;
    return true;
}

static void work(const struct runner_options *o, struct shared *sh,
                 struct seat *s)
{
    uint64_t i;

    while (take(o, sh, s, &i)) {
        if (o->groups && !swarm_has_groups(s->seed)) {
            continue;
        }
        s->running = true;
        run_one(o, s, is_twice(o, i));
        s->running = false;
        if (s->failed) {
            __atomic_store_n(&sh->stop, true, __ATOMIC_SEQ_CST);
        }
    }
}

/* Signals for the terminal's processes are the first one's business: it lets
 * the others come to an end. */
static void start(const struct runner_options *o, struct shared *sh,
                  struct seat *s)
{
    pid_t pid;

    fflush(NULL);
    pid = fork();
    ASSERT(pid >= 0);
    if (pid != 0) {
        s->pid = pid; /* the seat is shared: not what the child was told */
    } else {
        signal(SIGINT, SIG_IGN);
        signal(SIGTERM, SIG_IGN);
        signal(SIGALRM, SIG_DFL);
        signal(SIGPROF, SIG_DFL);
        work(o, sh, s);
        _exit(0);
    }
}

/* One has ended. Returns false if it was none of ours. */
static bool ended(struct shared *sh, unsigned jobs, pid_t pid, int status)
{
    for (unsigned i = 0; i < jobs; i++) {
        struct seat *s = &sh->seats[i];
        if (s->pid != pid) {
            continue;
        }
        if (s->running) {
            s->failed = true;
            if (WIFSIGNALED(status) &&
                (WTERMSIG(status) == SIGALRM || WTERMSIG(status) == SIGPROF)) {
                snprintf(s->text, sizeof s->text,
                         "hangs: no end within %d s of a processor's time",
                         RUNNER_SECONDS_MAX);
            } else {
                snprintf(s->text, sizeof s->text,
                         "crash: the simulator ended with status %x", status);
            }
            __atomic_store_n(&sh->stop, true, __ATOMIC_SEQ_CST);
        }
        return true;
    }
    return false;
}

/* ---- all of them ------------------------------------------------------------
 */

static void catch_signals(void)
{
    struct sigaction a = {.sa_handler = on_stop};

    sigaction(SIGINT, &a, NULL);
    sigaction(SIGTERM, &a, NULL);
}

static void wait_all(const struct runner_options *o, struct shared *sh)
{
    struct timespec pause = {0, 20 * 1000 * 1000};
    time_t end = time(NULL) + (time_t)o->seconds_max;
    unsigned left = o->jobs;

    while (left > 0) {
        int status;
        pid_t pid = waitpid(-1, &status, WNOHANG);
        if (pid > 0) {
            left -= ended(sh, o->jobs, pid, status);
            continue;
        }
        if (asked_to_stop || (o->seconds_max > 0 && time(NULL) >= end)) {
            __atomic_store_n(&sh->stop, true, __ATOMIC_SEQ_CST);
        }
        nanosleep(&pause, NULL);
    }
}

static void gather(const struct runner_options *o, const struct shared *sh,
                   struct runner_result *r)
{
    r->n = sh->next < o->count ? sh->next : o->count;
    r->stopped = r->n < o->count;
    for (unsigned i = 0; i < o->jobs; i++) {
        const struct seat *s = &sh->seats[i];
        r->n_runs += s->n_runs;
        r->virtual_us += s->virtual_us;
        coverage_add(&r->coverage, &s->coverage);
        if (s->failed) {
            printf("seed %llu: %s\n", (unsigned long long)s->seed, s->text);
        }
        if (s->failed && (!r->failed || s->seed < r->seed)) {
            r->failed = true;
            r->seed = s->seed;
            snprintf(r->text, sizeof r->text, "%s", s->text);
        }
    }
    fflush(stdout);
}

void runner_run(const struct runner_options *o, struct runner_result *ret_r)
{
    struct shared *sh = mmap(NULL, sizeof *sh, PROT_READ | PROT_WRITE,
                             MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    ASSERT(sh != MAP_FAILED);
    ASSERT(o->jobs >= 1 && o->jobs <= RUNNER_JOBS_MAX);
    *ret_r = (struct runner_result){0};
    catch_signals();
    for (unsigned i = 0; i < o->jobs; i++) {
        start(o, sh, &sh->seats[i]);
    }
    wait_all(o, sh);
    gather(o, sh, ret_r);
    munmap(sh, sizeof *sh);
}
