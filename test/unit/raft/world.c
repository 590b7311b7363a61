#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/crc32c.h"
#include "env/file.h"

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

int try_compact(struct node *n, uint64_t index)
{
    struct buf encoded;
    struct arena arena;
    struct manifest m;
    manifest_of(n, tail_point(group_tail(n->g), index), &encoded);
    arena_init(&arena, env_mem(n->env), 0);
    assert_int_equal(manifest_decode(buf_slice(&encoded), &arena, &m), 0);
    int rv = group_compact(n->g, &m, buf_slice(&encoded));
    arena_close(&arena);
    buf_close(&encoded);
    return rv;
}

void compact(struct node *n, uint64_t index)
{
    assert_int_equal(try_compact(n, index), 0);
}

int install(struct node *n)
{
    struct arena arena;
    struct manifest m;
    struct slice encoded = slice_of(n->offer, n->offer_len);
    arena_init(&arena, env_mem(n->env), 0);
    assert_int_equal(manifest_decode(encoded, &arena, &m), 0);
    int rv = group_installed(n->g, &m, encoded);
    if (rv == 0) {
        n->applied = m.base.index; /* its data is here */
    }
    arena_close(&arena);
    return rv;
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
    struct node *n = arg;
    n->n_roles++;
    n->told_ready = group_ready(g);
}

static void on_truncated(void *arg, struct group *g, uint64_t from)
{
    struct node *n = arg;
    (void)g; /* what replaced them may be committed by now */
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
    struct group_config config = {.n = n->w->alone ? 1 : NODES};
    for (unsigned i = 0; i < config.n; i++) {
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
    start.tell = n->w->tell;
    start.may_quiet = n->w->quiet_ms > 0;
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
                                        .repair = r->damaged || n->w->damage});
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
                                  .quiet_ms = n->w->quiet_ms,
                                  .message_bytes_max = 4096,
                                  .inflight_max = 64,
                                  .uncommitted_bytes_max = 8 << 20,
                                  .group_uncommitted_bytes_max = 8 << 20,
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

void start(struct world *w, unsigned id)
{
    struct node *n = &w->nodes[id];
    *n = (struct node){.w = w, .id = id};
    assert_int_equal(
        sim_node_start(w->sim, id, host_of(id), w->disks[id], boot, n, NULL),
        0);
}

void crash(struct world *w, unsigned id, enum sim_crash how)
{
    struct node *n = &w->nodes[id];
    chunk_pool_abandon(n->pool);
    n->up = false;
    n->g = NULL;
    sim_node_crash(w->sim, id, how);
}

void run_ms(struct world *w, uint64_t ms)
{
    sim_run_until(w->sim, sim_now_us(w->sim) + ms * 1000, NULL);
    for (unsigned i = 1; i <= NODES; i++) {
        assert_string_equal(sim_node_death(w->sim, i), "");
        if (w->nodes[i].up && w->nodes[i].g != NULL) {
            group_check(w->nodes[i].g);
        }
    }
}

struct node *leader(struct world *w)
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
struct node *wait_leader(struct world *w, const struct node * not, uint64_t ms)
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

static struct sim_options usual(uint64_t seed)
{
    return (struct sim_options){.seed = seed,
                                .disk_min_us = 50,
                                .disk_max_us = 400,
                                .net_min_us = 20,
                                .net_max_us = 300,
                                .trace_level = TRACE_WARN};
}

static struct world *world_start(struct sim_options o, uint32_t quiet_ms,
                                 bool alone)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->last = 2;
    w->quiet_ms = quiet_ms;
    w->alone = alone;
    w->sim = sim_new(&o);
    for (unsigned i = 1; i <= (alone ? 1 : NODES); i++) {
        w->disks[i] = sim_disk_new(w->sim, i);
        start(w, i);
    }
    return w;
}

struct world *world_new(uint64_t seed)
{
    return world_start(usual(seed), 0, false);
}

struct world *world_new_quiet(uint64_t seed, uint32_t quiet_ms)
{
    return world_start(usual(seed), quiet_ms, false);
}

struct world *world_new_with(struct sim_options o)
{
    return world_start(o, 0, false);
}

struct world *world_new_alone(uint64_t seed)
{
    return world_start(usual(seed), 0, true);
}

void world_free(struct world *w)
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

/* Lives in its node's memory: a node that dies takes it along. */
struct command {
    struct group_propose p;
    struct mem *mem;
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
    mem_free(c->mem, c);
}

int propose(struct node *n, size_t len)
{
    struct mem *mem = env_mem(n->env);
    struct command *c = mem_calloc(mem, 1, sizeof *c);
    struct chunk *chunk = chunk_acquire(n->pool, CHUNK_CLIENT, len);
    assert_non_null(c);
    assert_non_null(chunk);
    memset(chunk->data, 0x5a, len);
    c->mem = mem;
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
        mem_free(mem, c);
    }
    return rv;
}

void propose_many(struct world *w, unsigned n)
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
void check_same(struct world *w)
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
        if (n->g != NULL) {
            print_message("  role %d term %llu repair %d base %llu last %llu "
                          "stored %llu commit %llu\n",
                          (int)group_role(n->g),
                          (unsigned long long)group_term(n->g),
                          group_repair(n->g),
                          (unsigned long long)group_tail(n->g)->base.index,
                          (unsigned long long)tail_last_index(group_tail(n->g)),
                          (unsigned long long)group_stored(n->g),
                          (unsigned long long)group_commit(n->g));
        }
    }
    fail_msg("replicas did not come together");
}

void isolate(struct world *w, unsigned id, bool up)
{
    for (unsigned i = 1; i <= NODES; i++) {
        if (i != id) {
            sim_link_set(w->sim, id, i, up);
            sim_link_set(w->sim, i, id, up);
        }
    }
}
