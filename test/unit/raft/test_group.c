/* test_group.c - groups of three nodes in a simulated world, with the real
 * journal and the real peers: what was acknowledged is there again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/crc32c.h"
#include "env/file.h"
#include "env/sim.h"
#include "raft/group.h"

#define NODES    3
#define PORT     9700
#define POOL     ((size_t)64 << 20)
#define GROUP    UINT64_C(5)
#define VALUES   20000
#define ELECTION 400

struct node {
    struct world *w;
    unsigned id;
    bool up;
    struct env *env;
    struct chunk_pool *pool;
    struct journal *journal;
    struct recovery *recovery;
    struct peers *peers;
    struct consensus *consensus;
    struct group *g;
    uint64_t open_seq;
    uint64_t applied; /* index */
    unsigned n_truncated, n_roles, n_needs;
    bool offered;
    uint64_t install_index; /* of the manifest offered */
    uint8_t offer[512];
    size_t offer_len;
};

/* What the world knows: what was committed, by entry index. */
struct world {
    struct sim *sim;
    struct sim_disk *disks[NODES + 1];
    struct node nodes[NODES + 1];
    uint64_t values[VALUES]; /* 0: not a command, or not committed yet */
    uint64_t terms[VALUES];
    uint64_t last; /* highest committed index seen anywhere */
    uint64_t counter;
    unsigned acked, refused;
};

static const struct uuid cluster = {{0xa}};

static struct uuid directory_of(unsigned id)
{
    return (struct uuid){{(uint8_t)id, 0xd}};
}

static const char *host_of(unsigned id)
{
    static const char *const hosts[] = {"", "one", "two", "three"};
    return hosts[id];
}

/* ---- manifests ---------------------------------------------------------- */

static void manifest_of(struct node *n, struct log_point base, struct buf *out)
{
    struct buf config;
    buf_init(&config, env_mem(n->env), 0);
    group_config_encode(group_config(n->g), &config);
    struct manifest m = {.kind = MANIFEST_STATE,
                         .base = base,
                         .config_index = 2,
                         .config = buf_slice(&config)};
    buf_init(out, env_mem(n->env), 0);
    manifest_encode(&m, out);
    assert_int_equal(out->status, 0);
    buf_close(&config);
}

static void compact(struct node *n, uint64_t index)
{
    struct buf encoded;
    struct arena arena;
    struct manifest m;
    manifest_of(n, tail_point(group_tail(n->g), index), &encoded);
    arena_init(&arena, env_mem(n->env), 0);
    assert_int_equal(manifest_decode(buf_slice(&encoded), &arena, &m), 0);
    assert_int_equal(group_compact(n->g, &m, buf_slice(&encoded)), 0);
    arena_close(&arena);
    buf_close(&encoded);
}

/* ---- hooks -------------------------------------------------------------- */

static void on_committed(void *arg, struct group *g, uint64_t commit)
{
    struct node *n = arg;
    struct world *w = n->w;
    uint64_t safe = commit < group_stored(g) ? commit : group_stored(g);
    while (n->applied < safe) {
        const struct entry *e = tail_find(group_tail(g), ++n->applied);
        if (e == NULL) {
            continue; /* below an installed base */
        }
        uint64_t value =
            e->kind == ENTRY_COMMAND ? le64_load(e->payload.data) : 0;
        assert_true(e->index < VALUES);
        if (e->index > w->last) {
            w->last = e->index;
            w->values[e->index] = value;
            w->terms[e->index] = e->term;
        }
        assert_int_equal(w->values[e->index], value);
        assert_int_equal(w->terms[e->index], e->term);
    }
}

static void on_role(void *arg, struct group *g)
{
    (void)g;
    ((struct node *)arg)->n_roles++;
}

static void on_truncated(void *arg, struct group *g, uint64_t from)
{
    struct node *n = arg;
    assert_true(from > group_commit(g));
    assert_true(from > n->applied);
    n->n_truncated++;
}

static void on_offered(void *arg, struct group *g, uint64_t from,
                       struct slice manifest)
{
    struct node *n = arg;
    (void)g, (void)from;
    assert_true(manifest.len > 0 && manifest.len <= sizeof n->offer);
    memcpy(n->offer, manifest.data, manifest.len);
    n->offer_len = manifest.len;
    n->offered = true;
}

static void on_need(void *arg, struct group *g, uint64_t index)
{
    (void)g, (void)index;
    ((struct node *)arg)->n_needs++;
}

static const struct group_hooks hooks = {.committed = on_committed,
                                         .role = on_role,
                                         .truncated = on_truncated,
                                         .offered = on_offered,
                                         .need = on_need};

/* ---- nodes -------------------------------------------------------------- */

static void config_encode(struct node *n, struct buf *out)
{
    struct group_config config = {.n = NODES};
    for (unsigned i = 0; i < NODES; i++) {
        config.members[i].id = membership_id((int32_t)(i + 1), 1);
        config.members[i].role = GROUP_VOTER;
    }
    buf_init(out, env_mem(n->env), 0);
    group_config_encode(&config, out);
}

static void group_begin(struct node *n, struct group_start start)
{
    start.id = GROUP;
    start.self = membership_id((int32_t)n->id, 1);
    start.base = start.tail->base;
    assert_int_equal(group_open(n->consensus, &start, &hooks, n, &n->g), 0);
    group_check(n->g);
}

static void begin_new(struct node *n)
{
    struct buf config;
    struct tail tail;
    config_encode(n, &config);
    tail_init(&tail, env_mem(n->env), (struct log_point){2, 1, 0, 0, 0});
    n->applied = 2;
    group_begin(n, (struct group_start){.config_index = 2,
                                        .config = buf_slice(&config),
                                        .term = 1,
                                        .tail = &tail});
    buf_close(&config);
}

static void begin_recovered(struct node *n, struct recovered_group *r)
{
    struct arena arena;
    struct manifest m = {.config_index = 2, .config = r->open.config};
    arena_init(&arena, env_mem(n->env), 0);
    if (r->manifest.len > 0) {
        assert_int_equal(manifest_decode(r->manifest, &arena, &m), 0);
    }
    n->applied = r->tail.base.index;
    group_begin(n, (struct group_start){.config_index = m.config_index,
                                        .config = m.config,
                                        .term = r->term,
                                        .vote = r->vote,
                                        .tail = &r->tail,
                                        .manifest = r->manifest,
                                        .repair = r->damaged});
    arena_close(&arena);
}

static void on_durable(void *arg, uint64_t seq)
{
    struct node *n = arg;
    consensus_durable(n->consensus, seq);
    if (n->g == NULL && n->open_seq != 0 && seq >= n->open_seq) {
        begin_new(n);
    }
}

static void on_journal_need(void *arg, uint64_t group, uint64_t index)
{
    consensus_need(((struct node *)arg)->consensus, group, index);
}

static void boot_journal(struct node *n)
{
    struct journal_options o = {.dir = "/data",
                                .bytes_max = 4 << 20,
                                .file_bytes = 1 << 20,
                                .pool = n->pool};
    struct err err = {""};
    if (env_mkdir(n->env, "/data") == 0) {
        assert_int_equal(env_sync_dir(n->env, "/"), 0);
    }
    int rv = journal_open(n->env, &o, &n->journal, &n->recovery, &err);
    if (rv != 0) {
        print_message("journal: %s\n", err.text);
    }
    assert_int_equal(rv, 0);
    journal_listen(n->journal, on_durable, on_journal_need, n);
}

static void boot_consensus(struct node *n)
{
    struct consensus_options o = {.journal = n->journal,
                                  .peers = n->peers,
                                  .pool = n->pool,
                                  .node = (int32_t)n->id,
                                  .heartbeat_ms = 100,
                                  .election_ms = ELECTION,
                                  .message_bytes_max = 4096,
                                  .inflight_max = 64,
                                  .uncommitted_bytes_max = 1 << 20,
                                  .group_uncommitted_bytes_max = 1 << 19,
                                  .group_uncommitted_entries_max = 1000};
    struct err err = {""};
    assert_int_equal(consensus_open(n->env, &o, &n->consensus, &err), 0);
}

static void boot(struct env *e, void *arg)
{
    struct node *n = arg;
    struct peers_options po = {.host = "", .port = PORT};
    struct peers_identity self = {.cluster = cluster,
                                  .node = (int32_t)n->id,
                                  .directory = directory_of(n->id)};
    struct err err = {""};
    n->env = e;
    n->up = true;
    assert_int_equal(chunk_pool_new(&n->pool, env_mem(e), POOL), 0);
    boot_journal(n);
    po.pool = n->pool;
    assert_int_equal(peers_open(e, &po, self, &n->peers, &err), 0);
    for (unsigned i = 1; i <= NODES; i++) {
        if (i != n->id) {
            assert_int_equal(peers_add(n->peers, (int32_t)i, host_of(i), PORT,
                                       directory_of(i)),
                             0);
        }
    }
    boot_consensus(n);
    if (n->recovery->n_groups > 0) {
        begin_recovered(n, &n->recovery->groups[0]);
        recovery_free(n->recovery);
        return;
    }
    recovery_free(n->recovery);
    struct buf config;
    config_encode(n, &config);
    struct journal_open_info info = {.group = GROUP,
                                     .membership_id =
                                         membership_id((int32_t)n->id, 1),
                                     .base = {2, 1, 0, 0, 0},
                                     .config = buf_slice(&config)};
    assert_int_equal(journal_group_open(n->journal, &info, &n->open_seq), 0);
    buf_close(&config);
}

static void start(struct world *w, unsigned id)
{
    struct node *n = &w->nodes[id];
    *n = (struct node){.w = w, .id = id};
    assert_int_equal(
        sim_node_start(w->sim, id, host_of(id), w->disks[id], boot, n, NULL),
        0);
}

static void crash(struct world *w, unsigned id, enum sim_crash how)
{
    struct node *n = &w->nodes[id];
    chunk_pool_abandon(n->pool);
    n->up = false;
    n->g = NULL;
    sim_node_crash(w->sim, id, how);
}

static void run_ms(struct world *w, uint64_t ms)
{
    sim_run_until(w->sim, sim_now_us(w->sim) + ms * 1000, NULL);
    for (unsigned i = 1; i <= NODES; i++) {
        assert_string_equal(sim_node_death(w->sim, i), "");
        if (w->nodes[i].up && w->nodes[i].g != NULL) {
            group_check(w->nodes[i].g);
        }
    }
}

static struct node *leader(struct world *w)
{
    struct node *best = NULL;
    for (unsigned i = 1; i <= NODES; i++) {
        struct node *n = &w->nodes[i];
        if (n->up && n->g != NULL && group_ready(n->g) &&
            (best == NULL || group_term(n->g) > group_term(best->g))) {
            best = n;
        }
    }
    return best;
}

/* Somebody leads, not `not`, within the time. */
static struct node *wait_leader(struct world *w, const struct node * not,
                                uint64_t ms)
{
    for (uint64_t t = 0; t < ms; t += 5) {
        struct node *n = leader(w);
        if (n != NULL && n != not ) {
            return n;
        }
        run_ms(w, 5);
    }
    fail_msg("no leader after %llu ms", (unsigned long long)ms);
    return NULL;
}

static struct world *world_new(uint64_t seed)
{
    struct sim_options o = {.seed = seed,
                            .disk_min_us = 50,
                            .disk_max_us = 400,
                            .net_min_us = 20,
                            .net_max_us = 300,
                            .trace_level = TRACE_WARN};
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->last = 2;
    w->sim = sim_new(&o);
    for (unsigned i = 1; i <= NODES; i++) {
        w->disks[i] = sim_disk_new(w->sim, i);
        start(w, i);
    }
    return w;
}

static void world_free(struct world *w)
{
    for (unsigned i = 1; i <= NODES; i++) {
        if (w->nodes[i].up) {
            crash(w, i, SIM_CRASH_ALL);
        }
    }
    sim_free(w->sim);
    free(w);
}

/* ---- proposing ---------------------------------------------------------- */

struct command {
    struct group_propose p;
    struct world *w;
    uint64_t value;
    unsigned *done;
};

static void on_proposed(struct group_propose *p, int status, uint64_t index)
{
    struct command *c = p->data;
    struct world *w = c->w;
    if (status == 0) {
        w->acked++;
        assert_true(index < VALUES);
        if (index > w->last) { /* told before any replica applied it */
            w->last = index;
            w->values[index] = c->value;
            w->terms[index] = p->term;
        }
        assert_int_equal(w->values[index], c->value);
    } else {
        w->refused++;
    }
    bytes_release(&p->payload);
    free(c);
}

static int propose(struct node *n, size_t len)
{
    struct command *c = calloc(1, sizeof *c);
    struct chunk *chunk = chunk_acquire(n->pool, CHUNK_CLIENT, len);
    assert_non_null(chunk);
    memset(chunk->data, 0x5a, len);
    c->w = n->w;
    c->value = ++n->w->counter;
    le64_store(chunk->data, c->value);
    c->p.kind = ENTRY_COMMAND;
    c->p.payload = (struct bytes){chunk, chunk->data, len};
    c->p.cb = on_proposed;
    c->p.data = c;
    int rv = group_propose(n->g, &c->p);
    if (rv != 0) {
        chunk_release(chunk);
        free(c);
    }
    return rv;
}

static void propose_many(struct world *w, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        struct node *l = wait_leader(w, NULL, 5000);
        assert_int_equal(propose(l, 64), 0);
        if (i % 7 == 6) {
            run_ms(w, 2);
        }
    }
    run_ms(w, 20);
}

/* All nodes hold, and have applied, the same committed log. */
static void check_same(struct world *w)
{
    for (unsigned t = 0; t < 400; t++) {
        bool all = true;
        for (unsigned i = 1; i <= NODES; i++) {
            const struct node *n = &w->nodes[i];
            all = all && n->up && n->g != NULL && n->applied >= w->last;
        }
        if (all) {
            return;
        }
        run_ms(w, 10);
    }
    for (unsigned i = 1; i <= NODES; i++) {
        const struct node *n = &w->nodes[i];
        print_message("n%u up %d applied %llu of %llu\n", i, n->up,
                      (unsigned long long)n->applied,
                      (unsigned long long)w->last);
    }
    fail_msg("replicas did not come together");
}

/* ---- stories ------------------------------------------------------------ */

static void test_elect_and_propose(void **state)
{
    (void)state;
    struct world *w = world_new(1);
    struct node *l = wait_leader(w, NULL, 5000);
    assert_int_equal(group_role(l->g), GROUP_LEADER);
    propose_many(w, 300);
    assert_int_equal(w->acked, 300);
    check_same(w);
    struct group_progress progress[GROUP_MEMBERS_MAX];
    assert_int_equal(group_progress(l->g, progress), NODES);
    for (unsigned i = 0; i < NODES; i++) {
        assert_true(progress[i].recent);
        assert_int_equal(progress[i].match, tail_last_index(group_tail(l->g)));
    }
    world_free(w);
}

/* The leader loses its power, in each way; what was acked is there. */
static void test_crash_leader(void **state)
{
    (void)state;
    static const enum sim_crash ways[] = {SIM_CRASH_NONE, SIM_CRASH_PREFIX,
                                          SIM_CRASH_RANDOM, SIM_CRASH_ALL};
    for (unsigned i = 0; i < 4; i++) {
        struct world *w = world_new(10 + i);
        propose_many(w, 50);
        struct node *l = leader(w);
        unsigned id = l->id;
        for (unsigned k = 0; k < 20; k++) {
            propose(l, 64);
        }
        sim_run_until(w->sim, sim_now_us(w->sim) + 300, NULL);
        crash(w, id, ways[i]);
        propose_many(w, 50);
        assert_true(leader(w)->id != id);
        start(w, id);
        propose_many(w, 20);
        check_same(w);
        assert_true(w->acked >= 120);
        world_free(w);
    }
}

/* All lose their power at once. */
static void test_power_cut(void **state)
{
    (void)state;
    struct world *w = world_new(20);
    propose_many(w, 100);
    for (unsigned i = 1; i <= NODES; i++) {
        crash(w, i, SIM_CRASH_RANDOM);
    }
    for (unsigned i = 1; i <= NODES; i++) {
        start(w, i);
    }
    propose_many(w, 10);
    check_same(w);
    assert_int_equal(w->acked, 110);
    world_free(w);
}

static void isolate(struct world *w, unsigned id, bool up)
{
    for (unsigned i = 1; i <= NODES; i++) {
        if (i != id) {
            sim_link_set(w->sim, id, i, up);
            sim_link_set(w->sim, i, id, up);
        }
    }
}

/* A leader alone loses its leadership and its tail; nothing it acked. */
static void test_truncation(void **state)
{
    (void)state;
    struct world *w = world_new(30);
    propose_many(w, 20);
    struct node *old = leader(w);
    unsigned acked = w->acked;
    isolate(w, old->id, false);
    for (unsigned i = 0; i < 30; i++) {
        assert_int_equal(propose(old, 64), 0);
    }
    run_ms(w, 1500);
    assert_int_equal(w->acked, acked);
    assert_int_equal(w->refused, 30);
    struct node *next = wait_leader(w, old, 3000);
    assert_true(next != old);
    propose_many(w, 40);
    isolate(w, old->id, true);
    run_ms(w, 1000);
    propose_many(w, 5);
    check_same(w);
    assert_true(old->n_truncated > 0);
    world_free(w);
}

/* A follower that missed a lot, much more than fits in flight. */
static void test_slow_follower(void **state)
{
    (void)state;
    struct world *w = world_new(40);
    propose_many(w, 10);
    unsigned slow = leader(w)->id % NODES + 1;
    isolate(w, slow, false);
    propose_many(w, 1500);
    isolate(w, slow, true);
    run_ms(w, 500);
    check_same(w);
    assert_false(w->nodes[slow].offered);
    world_free(w);
}

/* A follower below the leader's base gets the manifest, keeps its log until
 * what it stands for is here, and goes on from there. */
static void test_install(void **state)
{
    (void)state;
    struct world *w = world_new(50);
    propose_many(w, 20);
    unsigned behind = leader(w)->id % NODES + 1;
    struct node *b = &w->nodes[behind];
    crash(w, behind, SIM_CRASH_NONE);
    propose_many(w, 100);
    for (unsigned i = 1; i <= NODES; i++) {
        if (i != behind) {
            compact(&w->nodes[i], group_stored(w->nodes[i].g) - 20);
        }
    }
    run_ms(w, 50);
    uint64_t base = group_tail(leader(w)->g)->base.index;
    assert_true(base > 60);
    start(w, behind);
    for (unsigned t = 0; t < 300 && !b->offered; t++) {
        run_ms(w, 10);
    }
    assert_true(b->offered);
    uint64_t kept = tail_last_index(group_tail(b->g));
    assert_true(kept > 2 && kept < base);
    struct arena arena;
    struct manifest m;
    arena_init(&arena, env_mem(b->env), 0);
    struct slice encoded = slice_of(b->offer, b->offer_len);
    assert_int_equal(manifest_decode(encoded, &arena, &m), 0);
    assert_int_equal(group_installed(b->g, &m, encoded), 0);
    assert_int_equal(group_installed(b->g, &m, encoded), ERR_BUSY);
    arena_close(&arena);
    b->applied = m.base.index; /* its data is here */
    propose_many(w, 20);
    check_same(w);
    assert_true(group_tail(b->g)->base.index >= base);
    crash(w, behind, SIM_CRASH_NONE); /* and after a restart, too */
    start(w, behind);
    propose_many(w, 5);
    check_same(w);
    world_free(w);
}

struct read {
    struct group_barrier b;
    int status;
    uint64_t index;
    unsigned calls;
};

static void on_barrier(struct group_barrier *b, int status, uint64_t index)
{
    struct read *r = b->data;
    r->status = status;
    r->index = index;
    r->calls++;
}

/* A barrier passes at the leader; at one that was cut off it does not. */
static void test_barrier(void **state)
{
    (void)state;
    struct world *w = world_new(60);
    propose_many(w, 20);
    struct node *l = leader(w);
    struct node *follower = &w->nodes[l->id % NODES + 1];
    struct read read = {.calls = 0}, late = {.calls = 0}, gone = {.calls = 0};
    assert_int_equal(
        group_read_barrier(follower->g, &read.b, 500, on_barrier, &read),
        ERR_NOTLEADER);
    assert_int_equal(group_read_barrier(l->g, &read.b, 500, on_barrier, &read),
                     0);
    assert_int_equal(read.calls, 0);
    run_ms(w, 5);
    assert_int_equal(read.calls, 1);
    assert_int_equal(read.status, 0);
    assert_int_equal(read.index, w->last);
    isolate(w, l->id, false);
    assert_int_equal(group_read_barrier(l->g, &late.b, 150, on_barrier, &late),
                     0);
    assert_int_equal(
        group_read_barrier(l->g, &gone.b, 60000, on_barrier, &gone), 0);
    run_ms(w, 300);
    assert_int_equal(late.calls, 1);
    assert_int_equal(late.status, ERR_TIMEOUT);
    wait_leader(w, l, 3000);
    run_ms(w, 1000);
    assert_int_equal(gone.calls, 1);
    assert_int_equal(gone.status, ERR_NOTLEADER);
    world_free(w);
}

static void on_transferred(void *arg, int status)
{
    *(int *)arg = status;
}

/* Leadership goes where it is wanted, under load, and proposals are refused
 * meanwhile. */
static void test_transfer(void **state)
{
    (void)state;
    struct world *w = world_new(70);
    propose_many(w, 20);
    struct node *l = leader(w);
    unsigned to = l->id % NODES + 1;
    int status = 1;
    for (unsigned i = 0; i < 50; i++) {
        assert_int_equal(propose(l, 64), 0);
    }
    uint64_t self = membership_id((int32_t)l->id, 1);
    assert_int_equal(group_transfer(l->g, self, 1000, on_transferred, &status),
                     ERR_NOTFOUND);
    assert_int_equal(group_transfer(l->g, membership_id((int32_t)to, 1), 1000,
                                    on_transferred, &status),
                     0);
    assert_int_equal(group_transfer(l->g, 0, 1000, NULL, NULL), ERR_BUSY);
    assert_int_equal(propose(l, 64), ERR_NOTREADY);
    for (unsigned t = 0; t < 200 && status == 1; t++) {
        run_ms(w, 5);
    }
    assert_int_equal(status, 0);
    assert_int_equal(wait_leader(w, l, 1000)->id, to);
    propose_many(w, 5);
    check_same(w);
    assert_int_equal(w->acked, 75);
    world_free(w);
}

/* When the leader's process dies its node refuses connections: nobody waits
 * for the election timeout. */
static void test_suspect(void **state)
{
    (void)state;
    uint64_t worst = 0;
    for (unsigned seed = 80; seed < 84; seed++) {
        struct world *w = world_new(seed);
        propose_many(w, 20);
        run_ms(w, 500);
        struct node *l = leader(w);
        crash(w, l->id, SIM_CRASH_ALL);
        uint64_t t0 = sim_now_us(w->sim);
        wait_leader(w, l, 3000);
        uint64_t ms = (sim_now_us(w->sim) - t0) / 1000;
        worst = ms > worst ? ms : worst;
        world_free(w);
    }
    print_message("failover by suspicion: at most %llu ms\n",
                  (unsigned long long)worst);
    assert_true(worst < ELECTION);
}

/* A member out, and in again as another, promoted when it has caught up. */
static void test_change(void **state)
{
    (void)state;
    struct world *w = world_new(90);
    propose_many(w, 20);
    struct node *l = leader(w);
    unsigned out = l->id % NODES + 1;
    struct group_config c = *group_config(l->g);
    for (unsigned i = 0; i < c.n; i++) {
        if (c.members[i].id == membership_id((int32_t)out, 1)) {
            memmove(&c.members[i], &c.members[i + 1],
                    (c.n - i - 1) * sizeof c.members[0]);
            c.n--;
            break;
        }
    }
    struct group_config none = {.n = 0};
    assert_int_equal(group_change(l->g, &none), ERR_INVALID);
    assert_int_equal(group_change(l->g, &c), 0);
    assert_int_equal(group_config(l->g)->n, 2);
    run_ms(w, 50);
    assert_true(group_commit(l->g) >= group_config_index(l->g));
    propose_many(w, 10);
    world_free(w);
}

/* Limits answer. */
static void test_limits(void **state)
{
    (void)state;
    struct world *w = world_new(100);
    propose_many(w, 5);
    struct node *l = leader(w);
    isolate(w, l->id, false);
    int rv = 0;
    unsigned n = 0;
    while (rv == 0 && n < 2000) {
        rv = propose(l, 64);
        n += rv == 0;
    }
    assert_int_equal(rv, ERR_FULL);
    assert_int_equal(n, 1000);
    run_ms(w, 1500);
    assert_int_equal(w->refused, 1000);
    world_free(w);
}

/* The ring is written several times over while the base follows. */
static void test_ring(void **state)
{
    (void)state;
    struct world *w = world_new(110);
    for (unsigned round = 0; round < 60; round++) {
        for (unsigned i = 0; i < 12; i++) {
            struct node *l = wait_leader(w, NULL, 5000);
            int rv = propose(l, 16384);
            assert_true(rv == 0 || rv == ERR_FULL);
        }
        run_ms(w, 60);
        for (unsigned i = 1; i <= NODES; i++) {
            struct node *n = &w->nodes[i];
            uint64_t safe = group_commit(n->g) < group_stored(n->g)
                                ? group_commit(n->g)
                                : group_stored(n->g);
            if (safe > group_tail(n->g)->base.index + 4) {
                compact(n, safe - 2);
            }
        }
        run_ms(w, 20);
    }
    check_same(w);
    assert_true(w->acked > 600);
    world_free(w);
}

/* What the ring wants back is copied forward when the base cannot follow. */
static void test_need(void **state)
{
    (void)state;
    struct world *w = world_new(120);
    propose_many(w, 50);
    struct node *l = leader(w);
    uint64_t before = journal_last(l->journal);
    consensus_need(l->consensus, GROUP, 40);
    consensus_need(l->consensus, GROUP + 1, 40); /* not ours: nothing */
    assert_int_equal(l->n_needs, 1);
    run_ms(w, 300);
    assert_int_equal(journal_last(l->journal), before);
    run_ms(w, 400);
    assert_int_equal(journal_last(l->journal), before + 1); /* one COPY */
    unsigned id = l->id;
    crash(w, id, SIM_CRASH_NONE);
    start(w, id);
    check_same(w);
    propose_many(w, 5);
    check_same(w);
    world_free(w);
}

/* Closing completes what waits, once, and nothing is called after. */
static void test_close(void **state)
{
    (void)state;
    struct world *w = world_new(130);
    propose_many(w, 5);
    struct node *l = leader(w);
    struct read read = {.calls = 0};
    int status = 1;
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(propose(l, 64), 0);
    }
    assert_int_equal(group_read_barrier(l->g, &read.b, 500, on_barrier, &read),
                     0);
    assert_int_equal(group_transfer(l->g, 0, 1000, on_transferred, &status), 0);
    unsigned roles = l->n_roles;
    group_close(l->g);
    l->g = NULL;
    assert_int_equal(w->refused, 10);
    assert_int_equal(read.calls, 1);
    assert_int_equal(read.status, ERR_CANCELED);
    assert_int_equal(status, ERR_CANCELED);
    assert_null(consensus_find(l->consensus, GROUP));
    run_ms(w, 500);
    assert_int_equal(l->n_roles, roles);
    wait_leader(w, l, 3000);
    propose_many(w, 5);
    consensus_close(l->consensus);
    world_free(w);
}

/* A follower that did not run for long presumes nothing: it does not campaign
 * against a leader that is well. */
static void test_pause(void **state)
{
    (void)state;
    struct world *w = world_new(140);
    propose_many(w, 20);
    struct node *l = leader(w);
    uint64_t term = group_term(l->g);
    unsigned asleep = l->id % NODES + 1;
    sim_node_pause(w->sim, asleep);
    run_ms(w, 3000);
    sim_node_resume(w->sim, asleep);
    run_ms(w, 2000);
    assert_ptr_equal(leader(w), l);
    assert_int_equal(group_term(l->g), term);
    propose_many(w, 20);
    check_same(w);
    world_free(w);
}

/* Without a refusal, silence is enough. */
static void test_silence(void **state)
{
    (void)state;
    uint64_t worst = 0;
    for (unsigned seed = 150; seed < 154; seed++) {
        struct world *w = world_new(seed);
        propose_many(w, 20);
        run_ms(w, 500);
        struct node *l = leader(w);
        isolate(w, l->id, false);
        uint64_t t0 = sim_now_us(w->sim);
        wait_leader(w, l, 5000);
        uint64_t ms = (sim_now_us(w->sim) - t0) / 1000;
        worst = ms > worst ? ms : worst;
        world_free(w);
    }
    print_message("failover by silence: at most %llu ms\n",
                  (unsigned long long)worst);
    assert_true(worst < 2 * ELECTION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_elect_and_propose),
        cmocka_unit_test(test_crash_leader),
        cmocka_unit_test(test_power_cut),
        cmocka_unit_test(test_truncation),
        cmocka_unit_test(test_slow_follower),
        cmocka_unit_test(test_install),
        cmocka_unit_test(test_barrier),
        cmocka_unit_test(test_transfer),
        cmocka_unit_test(test_suspect),
        cmocka_unit_test(test_change),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_ring),
        cmocka_unit_test(test_need),
        cmocka_unit_test(test_close),
        cmocka_unit_test(test_pause),
        cmocka_unit_test(test_silence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
