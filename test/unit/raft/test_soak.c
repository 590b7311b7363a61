/* test_soak.c - random lives of a group, judged from the durable images.
 *
 *   test_soak [SEED [SEEDS]]   replay one seed, or run some from there
 *
 * Faults: crashes that keep a prefix of what was not durable, whole-cluster
 * power cuts, drops, duplicates, reordering, partitions, slow disks, changes
 * of membership, transfers, bases raised, installs that take their time. At
 * the end all heals and the group must commit again. Seeds run until the time
 * is used up; the first and the last one are printed, and each that fails.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"
#include "cluster.h"

#define SOAK_MS    20000 /* of trouble, virtual */
#define HEAL_MS    12000
#define BUDGET_S   6
#define SEED_FIRST 1

struct soak {
    struct cluster cl;
    unsigned drop_rate, dup_rate, late_rate, stall_rate; /* per 10,000 */
    unsigned compact_rate;
    uint64_t net_ms, disk_ms;
    bool members, calm;
    bool cut[CLUSTER_NODES_MAX + 1][CLUSTER_NODES_MAX + 1];
    uint64_t restart_ms[CLUSTER_NODES_MAX + 1];
    uint64_t install_ms[CLUSTER_NODES_MAX + 1];
};

static uint64_t below(struct soak *s, uint64_t n)
{
    return rand_below(&s->cl.rand, n);
}

static bool chance(struct soak *s, unsigned per_10k)
{
    return below(s, 10000) < per_10k;
}

/* Give new packets their time of arrival; drop and repeat some. */
static void net_schedule(struct soak *s)
{
    struct cluster *cl = &s->cl;
    unsigned n = cl->net.n;
    for (unsigned i = 0; i < n; i++) {
        struct packet *p = &cl->net.v[i];
        if (p->at_ms != 0) {
            continue;
        }
        p->at_ms = cl->now_ms + below(s, s->net_ms + 1);
        if (!s->calm && chance(s, s->late_rate)) {
            p->at_ms += below(s, 400);
        }
        if (s->cut[p->from][p->to] || (!s->calm && chance(s, s->drop_rate))) {
            p->at_ms = UINT64_MAX;
        }
    }
}

static void net_deliver(struct soak *s)
{
    struct cluster *cl = &s->cl;
    for (unsigned i = 0; i < cl->net.n;) {
        struct packet p = cl->net.v[i];
        if (p.at_ms == UINT64_MAX) {
            mem_free(cl->mem, (void *)(uintptr_t)p.frame.data);
            cluster_take(cl, (int)i);
        } else if (p.at_ms != 0 && p.at_ms <= cl->now_ms) {
            if (!s->calm && chance(s, s->dup_rate)) {
                cl->net.v[i].at_ms += 1 + below(s, 500); /* once more */
                i++;
            } else {
                cluster_take(cl, (int)i);
            }
            cluster_receive(cl, p.to, p);
        } else {
            i++;
        }
    }
}

static void disks(struct soak *s)
{
    struct cluster *cl = &s->cl;
    for (unsigned id = 1; id <= cl->n; id++) {
        struct node *nd = cluster_node(cl, id);
        if (!nd->up || nd->qn == 0) {
            continue;
        }
        if (nd->sync_at_ms == 0) {
            nd->sync_at_ms = cl->now_ms + 1 + below(s, s->disk_ms);
            if (!s->calm && chance(s, s->stall_rate)) {
                nd->sync_at_ms += below(s, 800);
            }
        } else if (nd->sync_at_ms <= cl->now_ms) {
            nd->sync_at_ms = 0;
            cluster_sync(cl, id);
        }
    }
}

static void timers(struct soak *s)
{
    struct cluster *cl = &s->cl;
    for (unsigned id = 1; id <= cl->n; id++) {
        struct node *nd = cluster_node(cl, id);
        if (!nd->up && s->restart_ms[id] <= cl->now_ms) {
            nd->sync_at_ms = 0;
            cluster_start(cl, id);
        }
        if (nd->up && nd->timeout_ms <= cl->now_ms) {
            cluster_timeout(cl, id);
            if (nd->timeout_ms <= cl->now_ms) {
                snprintf(cl->verdict, sizeof cl->verdict, "BUSY TIMER");
            }
        }
        if (nd->up && nd->offer.held && s->install_ms[id] == 0) {
            s->install_ms[id] = cl->now_ms + 1 + below(s, s->calm ? 3 : 600);
        } else if (nd->up && s->install_ms[id] != 0 &&
                   s->install_ms[id] <= cl->now_ms) {
            s->install_ms[id] = 0;
            cluster_install(cl, id);
        }
    }
}

static struct node *leader(struct soak *s)
{
    struct node *best = NULL;
    for (unsigned id = 1; id <= s->cl.n; id++) {
        struct node *nd = cluster_node(&s->cl, id);
        if (nd->up && core_role(nd->core) == GROUP_LEADER &&
            (best == NULL || core_term(nd->core) > core_term(best->core))) {
            best = nd;
        }
    }
    return best;
}

static void client(struct soak *s)
{
    struct node *nd = leader(s);
    if (nd != NULL && tail_last_index(&nd->tail) < nd->commit + 400) {
        unsigned n = chance(s, 2000) ? 32 : 3;
        cluster_propose(&s->cl, nd->id, 1 + (unsigned)below(s, n));
    }
}

/* Add, promote or remove somebody. */
static void change(struct soak *s, struct node *nd)
{
    struct group_config c = *core_config(nd->core);
    unsigned at = 0, id = 1 + (unsigned)below(s, s->cl.n), voters = 0;
    while (at < c.n && c.members[at].id != cluster_id(id)) {
        at++;
    }
    for (unsigned i = 0; i < c.n; i++) {
        voters += c.members[i].role == GROUP_VOTER;
    }
    if (id == nd->id) {
        return;
    }
    if (at == c.n) {
        c.members[c.n++] = (struct group_member){cluster_id(id), GROUP_STANDBY};
    } else if (c.members[at].role == GROUP_STANDBY && chance(s, 7000)) {
        c.members[at].role = GROUP_VOTER;
    } else if (c.members[at].role == GROUP_STANDBY || voters > 2) {
        memmove(&c.members[at], &c.members[at + 1],
                (c.n - at - 1) * sizeof c.members[0]);
        c.n--;
    } else {
        return;
    }
    cluster_change(&s->cl, nd->id, c);
}

static void admin(struct soak *s)
{
    struct cluster *cl = &s->cl;
    struct node *nd = cluster_node(cl, 1 + (unsigned)below(s, cl->n));
    if (nd->up && chance(s, s->compact_rate)) {
        uint64_t m = nd->commit < nd->stored ? nd->commit : nd->stored;
        if (m > nd->tail.base.index + 20) {
            cluster_compact(cl, nd->id, m - below(s, 30));
        }
    }
    nd = leader(s);
    if (nd == NULL || s->calm) {
        return;
    }
    if (chance(s, 300)) {
        struct core_event ev = {.kind = CORE_TRANSFER};
        ev.member = cluster_id(1 + (unsigned)below(s, cl->n));
        cluster_step(cl, nd->id, ev);
    }
    nd = leader(s);
    if (nd != NULL && s->members && chance(s, 1000)) {
        change(s, nd);
    }
}

static void crash(struct soak *s, unsigned id)
{
    struct node *nd = cluster_node(&s->cl, id);
    if (nd->up) {
        cluster_crash(&s->cl, id, (unsigned)below(s, nd->qn + 1));
        s->restart_ms[id] = s->cl.now_ms + 1 + below(s, 1500);
        s->install_ms[id] = 0;
    }
}

static void fault(struct soak *s)
{
    unsigned n = s->cl.n, victim = 1 + (unsigned)below(s, n);
    uint64_t kind = below(s, 10);
    if (kind < 4) {
        bool all = chance(s, 700);
        for (unsigned id = 1; id <= n; id++) {
            if (all || id == victim) {
                crash(s, id);
            }
        }
        return;
    }
    memset(s->cut, 0, sizeof s->cut);
    for (unsigned id = 1; id <= n && kind < 7; id++) {
        s->cut[victim][id] = id != victim;
        s->cut[id][victim] = id != victim && chance(s, 7000);
    }
}

static void tick(struct soak *s)
{
    s->cl.now_ms++;
    net_schedule(s);
    net_deliver(s);
    disks(s);
    timers(s);
}

static void draw(struct soak *s)
{
    struct cluster *cl = &s->cl;
    s->drop_rate = chance(s, 3000) ? 0 : (unsigned)below(s, 1500);
    s->dup_rate = chance(s, 5000) ? 0 : (unsigned)below(s, 1000);
    s->late_rate = chance(s, 5000) ? 0 : (unsigned)below(s, 500);
    s->stall_rate = chance(s, 5000) ? 0 : (unsigned)below(s, 300);
    s->compact_rate = chance(s, 3000) ? 0 : (unsigned)below(s, 4000);
    s->net_ms = below(s, chance(s, 2000) ? 40 : 3);
    s->disk_ms = 1 + below(s, chance(s, 3000) ? 30 : 3);
    s->members = chance(s, 5000);
    cl->o.inflight_max = chance(s, 5000) ? 32 : 4 + (unsigned)below(s, 200);
    cl->o.unsafe_no_pre_vote = chance(s, 2000);
}

/* Live through one seed. Returns 0 if all went well. */
static int live(struct soak *s, uint64_t seed, unsigned planted)
{
    struct cluster *cl = &s->cl;
    struct rand r;
    memset(s, 0, sizeof *s);
    rand_init(&r, seed);
    cluster_open(cl, rand_below(&r, 4) == 0 ? 5 : 3, 0, 2, 0);
    cl->rand = r;
    cl->bug_early = planted == 1;
    cl->bug_ungated = planted == 2;
    draw(s);
    uint64_t client_ms = 2 + below(s, 20), fault_ms = 200 + below(s, 2000);
    for (uint64_t t = 0; t < SOAK_MS && cl->verdict[0] == '\0'; t++) {
        tick(s);
        if (below(s, client_ms) == 0) {
            client(s);
        }
        if (below(s, 15) == 0) {
            admin(s);
        }
        if (below(s, fault_ms) == 0) {
            fault(s);
        }
    }
    s->calm = true;
    memset(s->cut, 0, sizeof s->cut);
    uint64_t before = 0;
    for (uint64_t t = 0; t < HEAL_MS && cl->verdict[0] == '\0'; t++) {
        tick(s);
        if (t == HEAL_MS - 3000) {
            before = cl->committed_n;
        }
        if (below(s, client_ms) == 0) {
            client(s);
        }
    }
    if (cl->verdict[0] == '\0' && cl->committed_n <= before) {
        snprintf(cl->verdict, sizeof cl->verdict, "NO PROGRESS");
    }
    return cl->verdict[0] == '\0' ? 0 : 1;
}

static sigjmp_buf fallen;

static void on_abort(int sig)
{
    siglongjmp(fallen, sig);
}

static _Noreturn void on_assert(void *arg, const char *file, int line,
                                const char *text)
{
    struct soak *s = arg;
    snprintf(s->cl.verdict, sizeof s->cl.verdict, "ASSERT %s:%d: %s", file,
             line, text);
    siglongjmp(fallen, 1);
}

/* As live(), a failed assertion or a signal in the library being a failure. */
static int survive(struct soak *s, uint64_t seed, unsigned planted)
{
    int rv = sigsetjmp(fallen, 1);
    if (rv == 0) {
        rv = live(s, seed, planted);
    } else if (s->cl.verdict[0] == '\0') {
        snprintf(s->cl.verdict, sizeof s->cl.verdict, "SIGNAL %d", rv);
    }
    return rv;
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The checker must find what is planted, or it finds nothing. */
static int teeth(struct soak *s)
{
    unsigned found = 0;
    for (uint64_t seed = 1; seed <= 5 && found == 0; seed++) {
        found += survive(s, seed, 1) != 0;
        mem_free_all(s->cl.mem);
    }
    if (found == 0) {
        printf("planted error (persisted reported early) was not found\n");
    }
    return found == 0;
}

int main(int argc, char **argv)
{
    static struct soak s;
    uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : SEED_FIRST;
    uint64_t n = argc > 2   ? strtoull(argv[2], NULL, 0)
                 : argc > 1 ? 1
                            : UINT64_MAX;
    uint64_t bad = 0, done = 0, commits = 0, elections = 0, cuts = 0;
    uint64_t installs = 0;
    struct sigaction sa = {.sa_handler = on_abort, .sa_flags = SA_NODEFER};
    sigaction(SIGABRT, &sa, NULL);
    sigaction(SIGSEGV, &sa, NULL);
    assert_set_handler(on_assert, &s);
    int rv = argc > 1 ? 0 : teeth(&s);
    double start = seconds();
    while (done < n && (argc > 1 || seconds() - start < BUDGET_S)) {
        if (survive(&s, seed + done, 0) != 0) {
            printf("seed %llu: %s\n", (unsigned long long)(seed + done),
                   s.cl.verdict);
            bad++;
        }
        commits += s.cl.commits;
        elections += s.cl.elections;
        cuts += s.cl.truncations;
        installs += s.cl.installs;
        mem_free_all(s.cl.mem);
        done++;
    }
    printf("seeds %llu..%llu: %llu bad; %llu commits, %llu elections, %llu "
           "truncations, %llu installs\n",
           (unsigned long long)seed, (unsigned long long)(seed + done - 1),
           (unsigned long long)bad, (unsigned long long)commits,
           (unsigned long long)elections, (unsigned long long)cuts,
           (unsigned long long)installs);
    return bad != 0 || rv != 0;
}
