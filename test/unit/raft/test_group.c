/* test_group.c - groups of three nodes in a simulated world, with the real
 * journal and the real peers: what was acknowledged is there again. */
#include <stdio.h>
#include <string.h>

#include "env/file.h"
#include "raft/consensus.h"
#include "world.h"

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
static void test_r27_slow_follower(void **state)
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
    assert_int_equal(install(b), 0);
    assert_int_equal(install(b), ERR_BUSY);
    propose_many(w, 20);
    check_same(w);
    assert_true(group_tail(b->g)->base.index >= base);
    crash(w, behind, SIM_CRASH_NONE); /* and after a restart, too */
    start(w, behind);
    propose_many(w, 5);
    check_same(w);
    world_free(w);
}

/* A node that is told of an installed base is told when the record of it is
 * durable, not when something before it is. */
static void test_install_waits(void **state)
{
    (void)state;
    struct world *w = world_new(55);
    propose_many(w, 20);
    struct node *l = leader(w);
    struct node *b = &w->nodes[l->id % NODES + 1];
    crash(w, b->id, SIM_CRASH_NONE);
    propose_many(w, 100);
    for (unsigned i = 1; i <= NODES; i++) {
        if (i != b->id) {
            compact(&w->nodes[i], group_stored(w->nodes[i].g) - 20);
        }
    }
    start(w, b->id);
    for (unsigned t = 0; t < 300 && !b->offered; t++) {
        run_ms(w, 10);
    }
    assert_true(b->offered);
    sim_node_slow(w->sim, b->id, 1000000, 0); /* a disk of one second */
    crash(w, l->id, SIM_CRASH_ALL); /* the other one asks for a vote */
    while (b->g->hard_seq <= b->consensus->durable) {
        assert_true(sim_run_one(w->sim));
    }
    uint64_t hard = b->g->hard_seq;
    run_ms(w, 100); /* the vote is being written: what comes now is not in it */
    assert_true(b->consensus->durable < hard);
    assert_int_equal(install(b), 0);
    uint64_t seq = b->g->change.seq, base = b->g->change.point.index;
    bool between = false;
    while (b->consensus->durable < seq) {
        between = between || b->consensus->durable >= hard;
        assert_true(group_tail(b->g)->base.index < base);
        assert_true(sim_run_one(w->sim));
    }
    assert_true(between);
    sim_node_slow(w->sim, b->id, 0, 0);
    start(w, l->id);
    propose_many(w, 5);
    check_same(w);
    assert_true(group_tail(b->g)->base.index >= base);
    world_free(w);
}

/* R20: entries that were overwritten while the write of them was under way are
 * not durable when that write is, but when that of what replaced them is. */
static void test_r20_a_late_write(void **state)
{
    (void)state;
    struct world *w = world_new(56);
    propose_many(w, 20);
    struct node *old = leader(w);
    uint64_t first = tail_last_index(group_tail(old->g)) + 1;
    sim_node_slow(w->sim, old->id, 3000000, 0); /* a disk of three seconds */
    isolate(w, old->id, false);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(propose(old, 64), 0);
    }
    wait_leader(w, old, 2500);
    propose_many(w, 10);
    isolate(w, old->id, true);
    while (old->n_truncated == 0) {
        assert_true(sim_run_one(w->sim));
    }
    assert_true(group_stored(old->g) < first); /* nothing of it was durable */
    while (group_stored(old->g) < first + 5) {
        assert_true(sim_run_one(w->sim));
        const struct entry *e =
            tail_find(group_tail(old->g), group_stored(old->g));
        assert_true(e == NULL || e->seq <= old->consensus->durable);
    }
    sim_node_slow(w->sim, old->id, 0, 0);
    propose_many(w, 5);
    check_same(w);
    world_free(w);
}

/* R25: a base is raised again as soon as it was raised, while a follower
 * fetches what the first one stood for. */
static void test_r25_two_bases_in_a_row(void **state)
{
    (void)state;
    struct world *w = world_new(57);
    propose_many(w, 20);
    struct node *l = leader(w);
    struct node *b = &w->nodes[l->id % NODES + 1];
    crash(w, b->id, SIM_CRASH_NONE);
    propose_many(w, 100);
    uint64_t stored = group_stored(l->g);
    compact(l, stored - 60);
    assert_int_equal(try_compact(l, stored - 30), ERR_BUSY);
    start(w, b->id);
    for (unsigned t = 0; t < 300 && !b->offered; t++) {
        run_ms(w, 10);
    }
    assert_true(b->offered);
    compact(l, stored - 30); /* what was offered is no more */
    assert_int_equal(install(b), 0);
    crash(w, l->id, SIM_CRASH_NONE); /* its second base may be lost */
    start(w, l->id);
    for (unsigned t = 0; t < 300 && b->applied < w->last; t++) {
        run_ms(w, 10);
        if (b->offered && b->g != NULL && leader(w) != NULL) {
            (void)install(b); /* ERR_RANGE: it has it */
        }
    }
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

static uint64_t safe_index(const struct node *n)
{
    uint64_t commit = group_commit(n->g), stored = group_stored(n->g);
    return (commit < stored ? commit : stored) - 2;
}

/* What one turn proposes goes into the ring whole: what has no room there is
 * refused when it is proposed, not when nothing can refuse it any more. */
static void test_turn_fits_ring(void **state)
{
    (void)state;
    struct world *w = world_new(105);
    propose_many(w, 5);
    struct node *l = leader(w);
    int rv = 0;
    unsigned n = 0;
    while (rv == 0 && n < 900) {
        rv = propose(l, 16384);
        n += rv == 0;
    }
    assert_int_equal(rv, ERR_FULL);
    assert_true(n > 100);
    run_ms(w, 100);
    assert_int_equal(w->refused, 0);
    assert_true(tail_last_index(group_tail(l->g)) >= 5 + n);
    assert_true(group_stored(l->g) >= 5 + n);
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
            if (safe_index(n) > group_tail(n->g)->base.index + 2) {
                compact(n, safe_index(n));
            }
        }
        run_ms(w, 20);
    }
    check_same(w);
    assert_true(w->acked > 600);
    world_free(w);
}

static bool has_room(const struct node *n)
{
    return journal_room(n->journal) >= 16384 + journal_size(n->journal) / 8;
}

/* A leader whose records are refused for want of room asks again for what fills
 * the ring, though the ring had told it (perhaps when nobody was there to
 * hear): now and then, however many are refused. */
static void test_press(void **state)
{
    (void)state;
    struct world *w = world_new(115);
    struct node *l = wait_leader(w, NULL, 5000);
    for (unsigned quiet = 0; quiet < 2000; quiet++) { /* all is tried */
        int rv = has_room(l) ? propose(l, 16384) : ERR_FULL;
        assert_true(rv == 0 || rv == ERR_FULL);
        quiet = has_room(l) ? 0 : quiet;
        assert_true(w->counter < 3000);
        run_ms(w, 1);
        l = wait_leader(w, NULL, 5000);
    }
    unsigned needs = l->n_needs;
    run_ms(w, 1000);
    assert_int_equal(l->n_needs, needs);
    for (unsigned i = 0; i < 50; i++) {
        assert_int_equal(propose(l, 16384), ERR_FULL);
        run_ms(w, 1);
    }
    assert_int_equal(l->n_needs, needs + 1);
    run_ms(w, 100);
    assert_int_equal(propose(l, 16384), ERR_FULL);
    run_ms(w, 20);
    assert_int_equal(l->n_needs, needs + 2);
    /* A follower that does not take entries for it does so too. */
    struct node *other = &w->nodes[l->id % NODES + 1];
    struct node *full = &w->nodes[other->id % NODES + 1];
    compact(l, safe_index(l));
    compact(other, safe_index(other));
    run_ms(w, 1000);
    assert_false(has_room(full));
    needs = full->n_needs;
    unsigned acked = w->acked;
    assert_int_equal(propose(l, 16384), 0);
    run_ms(w, 500);
    assert_int_equal(w->acked, acked + 1);
    assert_true(full->n_needs > needs && full->n_needs <= needs + 5);
    compact(full, safe_index(full));
    check_same(w);
    world_free(w);
}

/* Use up all room of a node's ring, that for copies too: the first entries are
 * copied again and again, what pins the oldest file never is. */
static void use_up(struct node *n, bool turns)
{
    struct tail *t = group_tail(n->g);
    struct entry *list[8];
    for (unsigned k = 8; k > 0;) {
        for (unsigned i = 0; i < k; i++) {
            list[i] = tail_find(t, t->base.index + 1 + i);
        }
        if (journal_copy(n->journal, GROUP, list, k, NULL) != 0) {
            k /= 2;
        }
        if (turns) {
            run_ms(n->w, 1);
        }
    }
}

/* Room that was there when records were proposed, and is not any more when
 * they go into the log: they are refused then. */
static void test_late_full(void **state)
{
    (void)state;
    struct world *w = world_new(117);
    for (unsigned i = 0; i < 40; i++) {
        assert_int_equal(propose(wait_leader(w, NULL, 5000), 16384), 0);
        run_ms(w, 5);
    }
    run_ms(w, 200);
    struct node *l = wait_leader(w, NULL, 5000);
    uint64_t last = tail_last_index(group_tail(l->g));
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(propose(l, 16384), 0);
    }
    use_up(l, false);
    unsigned refused = w->refused;
    run_ms(w, 50);
    assert_int_equal(w->refused, refused + 20);
    assert_int_equal(tail_last_index(group_tail(l->g)), last);
    compact(l, last);
    run_ms(w, 50);
    propose_many(w, 5);
    check_same(w);
    world_free(w);
}

/* A ring without any room: its node votes, is no candidate, takes nothing, and
 * does not die of it. Its base makes room; then it takes part again. */
static void test_full_votes(void **state)
{
    (void)state;
    struct world *w = world_new(118);
    for (unsigned i = 0; i < 40; i++) {
        assert_int_equal(propose(wait_leader(w, NULL, 5000), 16384), 0);
        run_ms(w, 5);
    }
    run_ms(w, 200);
    struct node *l = wait_leader(w, NULL, 5000);
    struct node *full = &w->nodes[l->id % NODES + 1];
    use_up(full, true);
    assert_false(journal_leads(full->journal));
    int status = 0;
    assert_int_equal(group_transfer(l->g, membership_id((int32_t)full->id, 1),
                                    1000, on_transferred, &status),
                     0);
    run_ms(w, 1500);
    assert_int_equal(status, ERR_TIMEOUT);
    l = wait_leader(w, NULL, 5000);
    assert_true(l != full);
    uint64_t term = group_term(full->g), stored = group_stored(full->g);
    unsigned id = l->id;
    crash(w, id, SIM_CRASH_ALL);
    for (unsigned i = 0; i < 50; i++) {
        run_ms(w, 100);
        assert_int_not_equal(group_role(full->g), GROUP_LEADER);
    }
    assert_true(group_term(full->g) > term);
    assert_int_equal(group_stored(full->g), stored);
    assert_null(leader(w));
    compact(full, safe_index(full) + 2);
    wait_leader(w, NULL, 5000);
    start(w, id);
    propose_many(w, 5);
    check_same(w);
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

static unsigned n_leading(struct world *w)
{
    unsigned n = 0;
    for (unsigned i = 1; i <= NODES; i++) {
        n += w->nodes[i].up && group_role(w->nodes[i].g) == GROUP_LEADER;
    }
    return n;
}

/* No vote leaves before it is durable: with disks that never finish nobody
 * comes to lead; and nothing is acked before it is on two disks. */
static void test_gate(void **state)
{
    (void)state;
    struct world *w = world_new(180);
    propose_many(w, 20);
    run_ms(w, 100);
    struct node *l = leader(w);
    struct node *a = &w->nodes[l->id % NODES + 1];
    struct node *b = &w->nodes[a->id % NODES + 1];
    unsigned acked = w->acked;
    file_hold_durable(a->env, true);
    file_hold_durable(b->env, true);
    assert_int_equal(propose(l, 64), 0);
    run_ms(w, 200);
    assert_int_equal(w->acked, acked);
    assert_true(tail_last_index(group_tail(a->g)) ==
                tail_last_index(group_tail(l->g)));
    file_hold_durable(a->env, false);
    run_ms(w, 50);
    assert_int_equal(w->acked, acked + 1);
    file_hold_durable(b->env, false);
    run_ms(w, 50);
    file_hold_durable(a->env, true);
    file_hold_durable(b->env, true);
    crash(w, l->id, SIM_CRASH_ALL);
    run_ms(w, 3000);
    assert_int_equal(n_leading(w), 0);
    assert_true(group_term(a->g) > 2 || group_term(b->g) > 2); /* they tried */
    file_hold_durable(a->env, false);
    file_hold_durable(b->env, false);
    wait_leader(w, l, 3000);
    propose_many(w, 5);
    start(w, l->id);
    check_same(w);
    world_free(w);
}

/* Where followers are asked too, they know what is committed as soon as the
 * leader does, not at the next heartbeat; otherwise that is soon enough. */
static void test_tell(void **state)
{
    (void)state;
    for (unsigned tell = 0; tell < 2; tell++) {
        struct world *w = world_new(190);
        unsigned behind = 0;
        w->tell = tell != 0;
        propose_many(w, 5);
        for (unsigned i = 0; i < 20; i++) {
            run_ms(w, 103);
            assert_int_equal(propose(leader(w), 64), 0);
            run_ms(w, 5);
            for (unsigned k = 1; k <= NODES; k++) {
                behind += w->nodes[k].applied < w->last;
            }
        }
        assert_true(tell != 0 ? behind == 0 : behind > 20);
        check_same(w);
        world_free(w);
    }
}

/* ---- what became of it --------------------------------------------------- */

/* The leader has `n` entries in its log whose fate it does not know, in those
 * of the others too (`sent`) or not; it stands still until another leads, and
 * finds itself deposed. (The others' disks are held until they are started
 * anew, so that they have said nothing of these entries.) */
static struct node *depose(struct world *w, unsigned n, bool sent)
{
    propose_many(w, 10);
    run_ms(w, 200);
    struct node *old = leader(w);
    for (unsigned i = 1; i <= NODES; i++) {
        if (i != old->id) {
            file_hold_durable(w->nodes[i].env, true);
            sim_link_set(w->sim, old->id, i, sent);
        }
    }
    for (unsigned i = 0; i < n; i++) {
        assert_int_equal(propose(old, 64), 0);
    }
    run_ms(w, 5);
    sim_node_pause(w->sim, old->id);
    for (unsigned i = 1; i <= NODES; i++) {
        if (i != old->id) {
            crash(w, i, SIM_CRASH_ALL);
            start(w, i);
        }
    }
    struct node *next = wait_leader(w, old, 3000);
    assert_true(next != old);
    assert_int_equal(w->acked, 10);
    isolate(w, old->id, true);
    sim_node_resume(w->sim, old->id);
    for (unsigned i = 0; group_role(old->g) == GROUP_LEADER; i++) {
        assert_true(i < 10000);
        sim_run_until(w->sim, sim_now_us(w->sim) + 50, NULL);
    }
    return old;
}

/* A deposed leader's entries that the next one commits: the clients that wait
 * for them are told so, and nobody sends them again. */
static void test_fate_committed(void **state)
{
    (void)state;
    struct world *w = world_new(200);
    struct node *old = depose(w, 7, true);
    for (unsigned i = 0; group_leader(old->g) == 0; i++) {
        assert_true(i < 300);
        run_ms(w, 1);
    }
    run_ms(w, 10); /* not a heartbeat later */
    assert_int_equal(w->acked, 17);
    assert_int_equal(w->refused, 0);
    check_same(w);
    world_free(w);
}

/* Those that it overwrites are refused as soon as that happens. */
static void test_fate_overwritten(void **state)
{
    (void)state;
    struct world *w = world_new(201);
    struct node *old = depose(w, 7, false);
    unsigned truncated = old->n_truncated;
    for (unsigned i = 0; old->n_truncated == truncated; i++) {
        assert_true(i < 200);
        run_ms(w, 1);
    }
    assert_int_equal(w->refused, 7);
    assert_int_equal(w->acked, 10);
    propose_many(w, 10);
    check_same(w);
    world_free(w);
}

/* Somebody speaks of a newer term, and of nothing else. */
static void hear_newer(struct node *n)
{
    struct message m = {.kind = MESSAGE_RESULT,
                        .group = GROUP,
                        .from = membership_id((int32_t)(n->id % NODES + 1), 1),
                        .to = membership_id((int32_t)n->id, 1),
                        .term = group_term(n->g) + 1,
                        .echo = group_term(n->g)};
    group_receive(n->g, &m);
    assert_int_equal(group_role(n->g), GROUP_FOLLOWER);
}

/* If the fate cannot be known they are refused after two election timeouts; at
 * once if nobody spoke of a newer term, so that nobody is there to tell. */
static void test_fate_unknown(void **state)
{
    (void)state;
    struct world *w = world_new(202);
    propose_many(w, 10);
    struct node *old = leader(w);
    isolate(w, old->id, false);
    assert_int_equal(propose(old, 64), 0);
    run_ms(w, 5);
    hear_newer(old);
    assert_int_equal(propose(old, 64), ERR_NOTLEADER);
    run_ms(w, 2 * ELECTION - 20);
    assert_int_equal(w->refused, 0);
    run_ms(w, 40);
    assert_int_equal(w->refused, 1);
    isolate(w, old->id, true);
    propose_many(w, 10);
    check_same(w);
    world_free(w);

    w = world_new(203);
    propose_many(w, 10);
    old = leader(w);
    isolate(w, old->id, false);
    assert_int_equal(propose(old, 64), 0);
    for (unsigned i = 0; group_role(old->g) == GROUP_LEADER; i++) {
        assert_true(i < 2000);
        assert_int_equal(w->refused, 0);
        run_ms(w, 1);
    }
    assert_int_equal(w->refused, 1);
    world_free(w);
}

/* Led again before it was known: it commits what it has. */
static void test_fate_again(void **state)
{
    (void)state;
    struct world *w = world_new(204);
    propose_many(w, 10);
    run_ms(w, 200);
    struct node *old = leader(w);
    struct node *a = &w->nodes[old->id % NODES + 1];
    isolate(w, old->id, false);
    for (unsigned i = 0; i < 7; i++) {
        assert_int_equal(propose(old, 64), 0);
    }
    run_ms(w, 5);
    hear_newer(old);
    crash(w, a->id % NODES + 1, SIM_CRASH_ALL);
    crash(w, a->id, SIM_CRASH_ALL);
    start(w, a->id); /* which knows no leader, and lacks entries */
    isolate(w, old->id, true);
    run_ms(w, 100);
    old->g->jump_ms = env_now_ms(old->env) + 1;
    group_arm(old->g);
    run_ms(w, 2 * ELECTION);
    assert_int_equal(group_role(old->g), GROUP_LEADER);
    assert_int_equal(w->acked, 17);
    assert_int_equal(w->refused, 0);
    start(w, a->id % NODES + 1);
    check_same(w);
    world_free(w);
}

/* Without memory to append, what waits in front of the log is refused; what is
 * in the log is not. */
static void test_no_memory(void **state)
{
    (void)state;
    struct world *w = world_new(205);
    propose_many(w, 10);
    struct node *l = leader(w);
    for (unsigned i = 1; i <= NODES; i++) {
        file_hold_durable(w->nodes[i].env, i != l->id);
    }
    assert_int_equal(propose(l, 64), 0);
    run_ms(w, 5);
    assert_int_equal(propose(l, 64), 0);
    mem_fail_at(env_mem(l->env), 1, 0);
    while (mem_fail_fired(env_mem(l->env)) == 0) {
        sim_run_one(w->sim);
    }
    mem_fail_at(env_mem(l->env), 0, 0);
    run_ms(w, 5);
    assert_int_equal(w->refused, 1);
    for (unsigned i = 1; i <= NODES; i++) {
        file_hold_durable(w->nodes[i].env, false);
    }
    run_ms(w, 20);
    assert_int_equal(w->refused, 1);
    assert_int_equal(w->acked, 11);
    check_same(w);
    world_free(w);
}

/* A replica whose journal was damaged: the leader that had counted it hands
 * over, the next one brings it back, and its journal knows. */
static void test_repair(void **state)
{
    (void)state;
    struct world *w = world_new(160);
    propose_many(w, 50);
    run_ms(w, 200);
    struct node *l = leader(w);
    unsigned hurt = l->id % NODES + 1;
    struct node *h = &w->nodes[hurt];
    crash(w, hurt, SIM_CRASH_NONE);
    propose_many(w, 10);
    w->damage = true;
    start(w, hurt);
    w->damage = false;
    run_ms(w, 20);
    assert_true(group_repair(h->g));
    struct node *next = wait_leader(w, l, 5000);
    assert_true(next != h);
    for (unsigned t = 0; t < 3000 && group_repair(h->g); t += 10) {
        run_ms(w, 10);
    }
    assert_false(group_repair(h->g));
    propose_many(w, 10);
    check_same(w);
    crash(w, next->id, SIM_CRASH_NONE); /* its vote is needed again */
    propose_many(w, 10);
    start(w, next->id);
    check_same(w);
    world_free(w);
}

/* A pack for which there was no memory costs what was in it, not all that goes
 * to that node later. */
static void test_no_memory_for_packs(void **state)
{
    (void)state;
    struct world *w = world_new(206);
    propose_many(w, 10);
    run_ms(w, 100);
    for (unsigned i = 1; i <= NODES; i++) {
        struct consensus *c = w->nodes[i].g->c;
        for (unsigned k = 1; k <= NODES; k++) {
            if (k == i) {
                continue;
            }
            struct buf *pack = &route_find(c, (int32_t)k)->pack;
            assert_int_equal(pack->len, 0);
            buf_close(pack);
            mem_fail_at(c->mem, 1, 0);
            buf_put_u8(pack, 0);
            mem_fail_at(c->mem, 0, 0);
            assert_int_equal(pack->status, ERR_NOMEM);
        }
    }
    struct node *l = leader(w);
    crash(w, l->id, SIM_CRASH_NONE);
    (void)wait_leader(w, l, 5000);
    start(w, l->id);
    propose_many(w, 10);
    check_same(w);
    world_free(w);
}

/* Damaged on every voter: nobody leads, nothing is made up. */
static void test_repair_all(void **state)
{
    (void)state;
    struct world *w = world_new(170);
    propose_many(w, 10);
    for (unsigned i = 1; i <= NODES; i++) {
        crash(w, i, SIM_CRASH_NONE);
    }
    w->damage = true;
    for (unsigned i = 1; i <= NODES; i++) {
        start(w, i);
    }
    run_ms(w, 5000);
    for (unsigned i = 1; i <= NODES; i++) {
        assert_int_equal(group_role(w->nodes[i].g), GROUP_FOLLOWER);
        assert_true(group_repair(w->nodes[i].g));
    }
    world_free(w);
}

/* The only member leads at once, before its owner was called for the first
 * time: it is not ready, and answers nothing, until the owner was told. */
static void test_alone(void **state)
{
    (void)state;
    for (unsigned life = 0; life < 2; life++) {
        struct world *w = world_new_alone(60 + life);
        struct node *n = &w->nodes[1];
        for (unsigned lives = 0; lives <= life; lives++) {
            while (n->g == NULL || !group_ready(n->g)) {
                assert_true(sim_now_us(w->sim) < 60000000);
                assert_true(sim_run_one(w->sim));
                assert_string_equal(sim_node_death(w->sim, 1), "");
            }
            assert_true(n->told_ready);
            assert_int_equal(n->applied, group_commit(n->g));
            propose_many(w, 3);
            if (lives < life) {
                crash(w, 1, SIM_CRASH_NONE);
                start(w, 1);
            }
        }
        world_free(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_elect_and_propose),
        cmocka_unit_test(test_crash_leader),
        cmocka_unit_test(test_power_cut),
        cmocka_unit_test(test_truncation),
        cmocka_unit_test(test_r27_slow_follower),
        cmocka_unit_test(test_alone),
        cmocka_unit_test(test_install),
        cmocka_unit_test(test_install_waits),
        cmocka_unit_test(test_r20_a_late_write),
        cmocka_unit_test(test_r25_two_bases_in_a_row),
        cmocka_unit_test(test_barrier),
        cmocka_unit_test(test_transfer),
        cmocka_unit_test(test_suspect),
        cmocka_unit_test(test_change),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_turn_fits_ring),
        cmocka_unit_test(test_ring),
        cmocka_unit_test(test_press),
        cmocka_unit_test(test_late_full),
        cmocka_unit_test(test_full_votes),
        cmocka_unit_test(test_need),
        cmocka_unit_test(test_close),
        cmocka_unit_test(test_pause),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_gate),
        cmocka_unit_test(test_tell),
        cmocka_unit_test(test_fate_committed),
        cmocka_unit_test(test_fate_overwritten),
        cmocka_unit_test(test_fate_unknown),
        cmocka_unit_test(test_fate_again),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_no_memory_for_packs),
        cmocka_unit_test(test_repair),
        cmocka_unit_test(test_repair_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
