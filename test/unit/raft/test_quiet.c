/* test_quiet.c - groups whose clocks stand while nothing happens, and all that
 * makes them run again. */
#include "raft/consensus.h"
#include "world.h"

#define QUIET_MS 1000

static bool quiet(const struct node *n)
{
    return n->g->quiet_ms != 0;
}

static unsigned n_quiet(const struct world *w)
{
    unsigned n = 0;
    for (unsigned i = 1; i <= NODES; i++) {
        n += w->nodes[i].up && quiet(&w->nodes[i]);
    }
    return n;
}

static void wait_quiet(struct world *w)
{
    for (unsigned t = 0; t < 500 && n_quiet(w) < NODES; t++) {
        run_ms(w, 10);
    }
    assert_int_equal(n_quiet(w), NODES);
}

/* A world with some entries in which nothing happens any more. */
static struct world *quiet_world(uint64_t seed)
{
    struct world *w = world_new_quiet(seed, QUIET_MS);
    propose_many(w, 20);
    wait_quiet(w);
    return w;
}

/* Bytes that a node's peers were sent. */
static uint64_t n_peer_messages(struct node *n)
{
    return n->consensus->routes[0].drains + n->consensus->routes[1].drains;
}

/* Nothing but the nodes' own beats for a minute; the next entry finds all
 * awake, in the same term. */
static void test_stands(void **state)
{
    (void)state;
    struct world *w = quiet_world(900);
    struct node *l = leader(w);
    uint64_t term = group_term(l->g), sent = n_peer_messages(l);
    unsigned n_roles = l->n_roles;
    run_ms(w, 20000); /* less than until the leader says it again */
    assert_int_equal(n_peer_messages(l), sent);
    run_ms(w, 40000);
    assert_int_equal(n_quiet(w), NODES);
    assert_int_equal(l->n_roles, n_roles);
    struct group_progress progress[GROUP_MEMBERS_MAX];
    assert_int_equal(group_progress(l->g, progress), NODES);
    for (unsigned i = 0; i < NODES; i++) {
        assert_true(progress[i].recent);
    }
    assert_int_equal(propose(l, 64), 0);
    assert_false(quiet(l));
    unsigned acked = w->acked;
    run_ms(w, 50);
    assert_int_equal(w->acked, acked + 1);
    assert_int_equal(n_quiet(w), 0);
    run_ms(w, 3 * ELECTION);
    assert_int_equal(group_term(l->g), term);
    check_same(w);
    wait_quiet(w);
    world_free(w);
}

/* Longer than any follower believes it: said again and again. */
static void test_stands_long(void **state)
{
    (void)state;
    struct world *w = quiet_world(901);
    struct node *l = leader(w);
    uint64_t term = group_term(l->g);
    for (unsigned i = 0; i < 30; i++) {
        run_ms(w, 10000);
        assert_int_equal(n_quiet(w), NODES);
    }
    assert_int_equal(group_term(l->g), term);
    assert_int_equal(l->consensus->n_woken, 0);
    world_free(w);
}

/* The leader dies, in its sleep. */
static void test_leader_dies(void **state)
{
    (void)state;
    struct world *w = quiet_world(902);
    struct node *old = leader(w);
    run_ms(w, 10000);
    crash(w, old->id, SIM_CRASH_RANDOM);
    struct node *next = wait_leader(w, old, 3 * ELECTION);
    assert_true(next != NULL && next != old);
    propose_many(w, 20);
    start(w, old->id);
    propose_many(w, 5);
    check_same(w);
    wait_quiet(w);
    world_free(w);
}

/* The leader is cut off, without a word; the others hear it no more. */
static void test_leader_cut_off(void **state)
{
    (void)state;
    struct world *w = quiet_world(903);
    struct node *old = leader(w);
    run_ms(w, 10000);
    isolate(w, old->id, false);
    struct node *next = wait_leader(w, old, 5 * ELECTION);
    assert_true(next != NULL && next != old);
    assert_false(quiet(old)); /* it does not hear them either */
    run_ms(w, 3 * ELECTION);
    assert_int_not_equal(group_role(old->g), GROUP_LEADER);
    isolate(w, old->id, true);
    propose_many(w, 20);
    check_same(w);
    wait_quiet(w);
    world_free(w);
}

/* A follower that comes back is taken in by the same leader, and a group with
 * a member that is away does not sleep. */
static void test_follower_returns(void **state)
{
    (void)state;
    struct world *w = quiet_world(904);
    struct node *l = leader(w);
    unsigned id = l->id % NODES + 1;
    uint64_t term = group_term(l->g);
    crash(w, id, SIM_CRASH_RANDOM);
    run_ms(w, 10 * QUIET_MS);
    assert_int_equal(n_quiet(w), 0);
    start(w, id);
    wait_quiet(w);
    assert_true(leader(w) == l);
    assert_int_equal(group_term(l->g), term);
    world_free(w);
}

/* The leader's group is gone though its node lives: the lease ends. */
static void test_lease(void **state)
{
    (void)state;
    struct world *w = quiet_world(905);
    struct node *old = leader(w);
    group_close(old->g);
    old->g = NULL;
    run_ms(w, 60 * ELECTION);
    for (unsigned i = 1; i <= NODES; i++) {
        assert_true(i == old->id || quiet(&w->nodes[i]));
    }
    run_ms(w, 210 * ELECTION);
    unsigned n_leaders = 0;
    for (unsigned i = 1; i <= NODES; i++) {
        n_leaders += i != old->id && group_role(w->nodes[i].g) == GROUP_LEADER;
    }
    assert_int_equal(n_leaders, 1);
    crash(w, old->id, SIM_CRASH_NONE);
    start(w, old->id);
    propose_many(w, 5);
    check_same(w);
    world_free(w);
}

/* A follower that wakes alone waits as long as ever before it asks; its
 * question wakes the leader, which leads on. */
static void test_follower_wakes(void **state)
{
    (void)state;
    struct world *w = quiet_world(911);
    struct node *l = leader(w);
    struct node *f = &w->nodes[l->id % NODES + 1];
    uint64_t term = group_term(l->g);
    run_ms(w, 15000);
    group_wake(f->g);
    run_ms(w, ELECTION / 2);
    assert_int_equal(n_quiet(w), NODES - 1);
    run_ms(w, 2 * ELECTION);
    assert_int_equal(n_quiet(w), 0);
    wait_quiet(w);
    assert_true(leader(w) == l);
    assert_int_equal(group_term(l->g), term);
    world_free(w);
}

/* What a group does on its own does not wake it, and its clock has not run
 * when it wakes: the leader leads on. */
static void test_compact_asleep(void **state)
{
    (void)state;
    struct world *w = quiet_world(906);
    struct node *l = leader(w);
    uint64_t term = group_term(l->g);
    run_ms(w, 20000);
    compact(l, group_stored(l->g) - 5);
    run_ms(w, 100);
    assert_true(quiet(l));
    assert_int_equal(group_tail(l->g)->base.index, group_stored(l->g) - 5);
    run_ms(w, 5000);
    propose_many(w, 1);
    run_ms(w, 5 * ELECTION);
    assert_true(leader(w) == l);
    assert_int_equal(group_term(l->g), term);
    check_same(w);
    world_free(w);
}

static void on_barrier(struct group_barrier *b, int status, uint64_t index)
{
    assert_int_equal(status, 0);
    *(uint64_t *)b->data = index;
}

/* Reads are confirmed by a majority, asleep or not. */
static void test_barrier_asleep(void **state)
{
    (void)state;
    struct world *w = quiet_world(907);
    struct node *l = leader(w);
    struct group_barrier b;
    uint64_t index = 0;
    run_ms(w, 5000);
    assert_int_equal(group_read_barrier(l->g, &b, 1000, on_barrier, &index), 0);
    run_ms(w, 50);
    assert_int_equal(index, group_commit(l->g));
    assert_int_equal(n_quiet(w), NODES);
    world_free(w);
}

/* The leader was stopped, others lead; it does not sleep on. */
static void test_leader_stopped(void **state)
{
    (void)state;
    struct world *w = quiet_world(908);
    struct node *old = leader(w);
    run_ms(w, 5000);
    sim_node_pause(w->sim, old->id);
    struct node *next = wait_leader(w, old, 5 * ELECTION);
    assert_true(next != NULL && next != old);
    sim_node_resume(w->sim, old->id);
    propose_many(w, 20);
    check_same(w);
    wait_quiet(w);
    world_free(w);
}

/* A pause of the process is taken out of the clocks once, though two timers
 * notice it: a follower waits for a leader no longer than ever. */
static void test_paused_once(void **state)
{
    (void)state;
    struct world *w = world_new(912);
    propose_many(w, 5);
    struct node *f = &w->nodes[leader(w)->id % NODES + 1];
    sim_node_pause(w->sim, f->id);
    run_ms(w, 5000);
    sim_node_resume(w->sim, f->id);
    run_ms(w, 5);
    assert_true(f->g->timeout_ms <= env_now_ms(f->env) + 2 * ELECTION + 1);
    propose_many(w, 5);
    check_same(w);
    world_free(w);
}

static void on_transferred(void *arg, int status)
{
    *(int *)arg = status;
}

/* Asked to hand over, it wakes. */
static void test_transfer_asleep(void **state)
{
    (void)state;
    struct world *w = quiet_world(909);
    struct node *l = leader(w);
    int status = -1;
    run_ms(w, 5000);
    assert_int_equal(group_transfer(l->g, 0, 1000, on_transferred, &status), 0);
    run_ms(w, 500);
    assert_int_equal(status, 0);
    assert_true(leader(w) != l);
    world_free(w);
}

/* Nobody sleeps who was not told that he may. */
static void test_never(void **state)
{
    (void)state;
    struct world *w = world_new(910);
    propose_many(w, 20);
    run_ms(w, 60000);
    assert_int_equal(n_quiet(w), 0);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stands),
        cmocka_unit_test(test_stands_long),
        cmocka_unit_test(test_leader_dies),
        cmocka_unit_test(test_leader_cut_off),
        cmocka_unit_test(test_follower_returns),
        cmocka_unit_test(test_lease),
        cmocka_unit_test(test_follower_wakes),
        cmocka_unit_test(test_compact_asleep),
        cmocka_unit_test(test_barrier_asleep),
        cmocka_unit_test(test_leader_stopped),
        cmocka_unit_test(test_paused_once),
        cmocka_unit_test(test_transfer_asleep),
        cmocka_unit_test(test_never),
    };
    return cmocka_run_group_tests_name("quiet", tests, NULL, NULL);
}
