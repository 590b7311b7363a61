/* The leadership table: the highest term wins, and everybody hears of it. The
 * peers are replaced: what is sent to a node is kept here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/buf.h"
#include "base/rand.h"
#include "broker/leaders.h"
#include "env/sim.h"

#define NODES    3
#define SENT_MAX 4096

struct peers {
    peer_recv_cb receive;
    peer_state_cb watch;
    void *arg;
    uint8_t sent[NODES + 1][SENT_MAX];
    size_t sent_len[NODES + 1];
    unsigned n_sent[NODES + 1];
};

static struct peers peers;
static struct sim *world;
static struct leaders *table; /* of node 1 */
static unsigned n_changes;
static struct leader last_change;

/* ---- the replaced peers -------------------------------------------------- */

bool peers_next(const struct peers *p, int32_t *node)
{
    (void)p;
    *node = *node < 2 ? 2 : *node; /* we are node 1 */
    return *node <= NODES;
}

void peers_receive(struct peers *p, enum peer_channel channel, peer_recv_cb cb,
                   void *arg)
{
    assert_int_equal(channel, PEER_LEADERS);
    p->receive = cb;
    p->arg = arg;
}

void peers_watch(struct peers *p, peer_state_cb cb, void *arg)
{
    (void)arg;
    p->watch = cb;
}

int peer_send(struct peers *p, int32_t node, enum peer_lane lane,
              enum peer_channel channel, uint64_t order, struct slice head,
              const struct bytes payload[], unsigned n)
{
    (void)lane;
    (void)order;
    (void)payload;
    assert_int_equal(channel, PEER_LEADERS);
    assert_int_equal(n, 0);
    assert_true(head.len <= SENT_MAX);
    memcpy(p->sent[node], head.data, head.len);
    p->sent_len[node] = head.len;
    p->n_sent[node]++;
    return 0;
}

/* ---- fixture ------------------------------------------------------------- */

static void on_change(void *arg, const struct leader *row)
{
    (void)arg;
    n_changes++;
    last_change = *row;
}

static void on_start(struct env *e, void *arg)
{
    (void)arg;
    assert_int_equal(leaders_open(e, &peers, 1, &table), 0);
    leaders_watch(table, on_change, NULL);
}

static int open_world(void **state)
{
    (void)state;
    n_changes = 0;
    memset(&peers, 0, sizeof peers);
    world =
        sim_new(&(struct sim_options){.seed = 1, .trace_level = TRACE_ERROR});
    return sim_node_start(world, 1, "n1", sim_disk_new(world, 1), on_start,
                          NULL, NULL);
}

static int close_world(void **state)
{
    (void)state;
    leaders_close(table);
    sim_free(world);
    return 0;
}

static struct leader row(uint64_t group, uint64_t term, int32_t node)
{
    return (struct leader){.group = group,
                           .term = term,
                           .node = node,
                           .insync = {1},
                           .n_insync = 1};
}

/* A turn passes: what was set is told. */
static void turn(void)
{
    sim_run_until(world, sim_now_us(world) + 1000, NULL);
}

static void hear(uint64_t group, uint64_t term, int32_t node)
{
    struct buf b;
    struct mem *mem = env_mem(sim_node_env(world, 1));
    buf_init(&b, mem, 0);
    buf_put_u64(&b, group);
    buf_put_u64(&b, term);
    buf_put_u32(&b, (uint32_t)node);
    buf_put_u8(&b, 1);
    buf_put_u32(&b, (uint32_t)node);
    peers.receive(peers.arg, 2, (struct bytes){.data = b.data, .len = b.len});
    buf_close(&b);
}

static void expect(uint64_t group, uint64_t term, int32_t node)
{
    const struct leader *l = leaders_find(table, group);
    assert_non_null(l);
    assert_int_equal(l->term, term);
    assert_int_equal(l->node, node);
}

/* ---- rules ----------------------------------------------------------------
 */

static void the_highest_term_wins(void **state)
{
    (void)state;
    assert_null(leaders_find(table, 9));
    hear(9, 5, 2);
    expect(9, 5, 2);
    hear(9, 4, 3);
    expect(9, 5, 2);
    hear(9, 6, 3);
    expect(9, 6, 3);
    struct leader l = row(9, 5, 1);
    leaders_set(table, &l); /* we led once */
    expect(9, 6, 3);
    assert_int_equal(n_changes, 2);
}

static void nobody_takes_back_what_another_said(void **state)
{
    struct leader l = row(9, 6, -1);
    (void)state;
    hear(9, 5, 2);
    leaders_set(table, &l); /* a candidate's term: no leader is known here */
    expect(9, 5, 2);
    hear(9, 5, -1);
    expect(9, 5, 2);
}

static void our_own_word_is_ours(void **state)
{
    struct leader l = row(9, 5, 1);
    (void)state;
    leaders_set(table, &l);
    expect(9, 5, 1);
    hear(9, 5, 2); /* in our own term nobody else leads */
    expect(9, 5, 1);
    l.node = -1;
    leaders_set(table, &l); /* we stepped down */
    expect(9, 5, -1);
    hear(9, 6, 3);
    expect(9, 6, 3);
}

static void changes_are_told_once(void **state)
{
    struct leader l = row(9, 5, 1);
    (void)state;
    leaders_set(table, &l);
    leaders_set(table, &l);
    turn();
    assert_int_equal(n_changes, 1);
    assert_int_equal(last_change.group, 9);
    assert_int_equal(peers.n_sent[2], 1);
    assert_int_equal(peers.n_sent[3], 1);
    l.insync[1] = 2;
    l.n_insync = 2; /* a follower came up */
    leaders_set(table, &l);
    turn();
    assert_int_equal(peers.n_sent[2], 2);
    turn();
    assert_int_equal(peers.n_sent[2], 2);
    hear(10, 1, 2); /* what others say is theirs to tell */
    turn();
    assert_int_equal(peers.n_sent[2], 2);
}

static void a_new_connection_gets_the_whole_table(void **state)
{
    struct leader l = row(9, 5, 1);
    (void)state;
    leaders_set(table, &l);
    hear(10, 7, 2);
    turn();
    size_t one = peers.sent_len[3];
    peers.watch(peers.arg, 3, PEER_UP);
    assert_int_equal(peers.sent_len[3], 2 * one);
    unsigned n = peers.n_sent[3];
    peers.watch(peers.arg, 3, PEER_DOWN);
    assert_int_equal(peers.n_sent[3], n);
    leaders_forget(table, 9);
    leaders_forget(table, 9);
    assert_null(leaders_find(table, 9));
    peers.watch(peers.arg, 3, PEER_UP);
    assert_int_equal(peers.sent_len[3], one);
}

static void strangers_bytes_do_no_harm(void **state)
{
    uint8_t bytes[64];
    struct rand r;
    (void)state;
    rand_init(&r, 5);
    hear(9, 5, 2);
    for (unsigned i = 0; i < 2000; i++) {
        size_t len = (size_t)rand_below(&r, sizeof bytes);
        rand_fill(&r, bytes, len);
        bytes[0] = 1; /* not our group */
        peers.receive(peers.arg, 2, (struct bytes){.data = bytes, .len = len});
    }
    expect(9, 5, 2);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, open_world, close_world)
    const struct CMUnitTest tests[] = {
        TEST(the_highest_term_wins),
        TEST(nobody_takes_back_what_another_said),
        TEST(our_own_word_is_ours),
        TEST(changes_are_told_once),
        TEST(a_new_connection_gets_the_whole_table),
        TEST(strangers_bytes_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
