/* Nodes of a simulated world talk to each other: hellos, order, breaks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "env/sim.h"
#include "net/hello.h"
#include "net/peers.h"

#define NODES     3
#define PORT      9700
#define GOT_MAX   60000
#define POOL      ((size_t)64 << 20)
#define SECOND_US UINT64_C(1000000)

/* One message as it arrived: every message of these tests begins with a
 * number (u64) and its own length (u32), the rest is made from the number. */
struct got {
    int32_t from;
    uint64_t number;
    uint32_t len;
    unsigned channel;
};

struct node {
    struct world *w;
    unsigned id;
    struct env *env;
    struct chunk_pool *pool;
    struct peers *peers;
    struct peers_identity self;
    struct got *got;
    unsigned n_got;
    enum peer_state states[1000];
    int32_t state_nodes[1000];
    unsigned n_states;
    struct bytes kept[64];
    unsigned n_kept, keep; /* keep so many messages */
    const char *judge;     /* verdict about everybody; NULL accepts */
    bool closed;
    bool in_call;
    int rc;
};

struct world {
    struct sim *sim;
    struct sim_disk *disks[NODES + 1];
    struct node nodes[NODES + 1]; /* by id, from 1 */
};

static const struct uuid cluster_a = {{0xa}}, cluster_b = {{0xb}};

static struct uuid directory_of(unsigned id)
{
    return (struct uuid){{(uint8_t)id, 0xd}};
}

/* ---- receivers ---------------------------------------------------------- */

struct channel_arg {
    struct node *n;
    unsigned channel;
};
static struct channel_arg channel_args[NODES + 1][PEER_CHANNELS];

static uint8_t pattern(uint64_t number, size_t at)
{
    return (uint8_t)(number * 31 + at);
}

static void on_message(void *arg, int32_t from, struct bytes m)
{
    struct channel_arg *a = arg;
    struct node *n = a->n;

    assert_false(n->in_call);
    assert_true(m.len >= 12);
    uint32_t len = le32_load(m.data + 8);
    uint64_t number = le64_load(m.data);
    assert_int_equal(len, m.len);
    for (size_t i = 12; i < m.len; i += 1 + i / 64) {
        assert_int_equal(m.data[i], pattern(number, i));
    }
    assert_true(n->n_got < GOT_MAX);
    n->got[n->n_got++] = (struct got){from, number, len, a->channel};
    if (n->n_kept < n->keep) {
        n->kept[n->n_kept++] = bytes_dup(m);
    }
}

static void on_state(void *arg, int32_t node, enum peer_state state)
{
    struct node *n = arg;

    assert_false(n->in_call);
    assert_true(n->n_states < 1000);
    n->state_nodes[n->n_states] = node;
    n->states[n->n_states++] = state;
}

static const char *on_judge(void *arg, int32_t node, struct uuid cluster,
                            struct uuid directory)
{
    struct node *n = arg;

    (void)node, (void)cluster, (void)directory;
    return n->judge;
}

/* ---- nodes -------------------------------------------------------------- */

static void node_boot(struct env *e, void *arg)
{
    struct node *n = arg;
    struct peers_options o = {.host = "", .port = PORT};
    struct err err = {""};

    n->env = e;
    assert_int_equal(chunk_pool_new(&n->pool, env_mem(e), POOL), 0);
    o.pool = n->pool;
    assert_int_equal(peers_open(e, &o, n->self, &n->peers, &err), 0);
    for (unsigned c = 0; c < PEER_CHANNELS; c++) {
        channel_args[n->id][c] = (struct channel_arg){n, c};
        peers_receive(n->peers, c, on_message, &channel_args[n->id][c]);
    }
    peers_watch(n->peers, on_state, n);
    peers_judge(n->peers, on_judge, n);
}

static const char *host_of(unsigned id)
{
    static const char *const hosts[] = {"", "one", "two", "three"};

    return hosts[id];
}

static void node_start(struct world *w, unsigned id, struct uuid cluster)
{
    struct node *n = &w->nodes[id];
    struct got *got = n->got;

    *n = (struct node){.w = w, .id = id, .got = got};
    n->self = (struct peers_identity){
        .cluster = cluster, .node = (int32_t)id, .directory = directory_of(id)};
    assert_int_equal(sim_node_start(w->sim, id, host_of(id), w->disks[id],
                                    node_boot, n, NULL),
                     0);
}

static void know_dir(struct world *w, unsigned id, unsigned other,
                     struct uuid dir)
{
    struct node *n = &w->nodes[id];

    n->in_call = true;
    assert_int_equal(
        peers_add(n->peers, (int32_t)other, host_of(other), PORT, dir), 0);
    n->in_call = false;
}

static void know(struct world *w, unsigned id, unsigned other)
{
    know_dir(w, id, other, uuid_zero);
}

static struct world *world_new(unsigned split_rate, uint64_t seed)
{
    struct sim_options o = {.seed = seed,
                            .net_min_us = 20,
                            .net_max_us = 300,
                            .net_split_rate = split_rate,
                            .trace_level = TRACE_DEBUG};
    struct world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    w->sim = sim_new(&o);
    for (unsigned i = 1; i <= NODES; i++) {
        w->disks[i] = sim_disk_new(w->sim, i);
        w->nodes[i].got = calloc(GOT_MAX, sizeof(struct got));
    }
    return w;
}

static void node_crash(struct world *w, unsigned id)
{
    struct node *n = &w->nodes[id];

    chunk_pool_abandon(n->pool);
    n->pool = NULL;
    n->peers = NULL;
    sim_node_crash(w->sim, id, SIM_CRASH_ALL);
}

static void on_peers_closed(void *arg)
{
    ((struct node *)arg)->closed = true;
}

static void node_close(struct world *w, unsigned id)
{
    struct node *n = &w->nodes[id];

    while (n->n_kept > 0) {
        bytes_release(&n->kept[--n->n_kept]);
    }
    peers_close(n->peers, on_peers_closed, n);
    assert_false(n->closed);
    sim_run_until(w->sim, sim_now_us(w->sim) + 10 * SECOND_US, &n->closed);
    assert_true(n->closed);
    assert_int_equal(chunk_pool_used_all(n->pool), 0);
    chunk_pool_free(n->pool);
    n->peers = NULL;
}

static void world_free(struct world *w)
{
    for (unsigned i = 1; i <= NODES; i++) {
        if (w->nodes[i].peers != NULL) {
            node_close(w, i);
        }
        free(w->nodes[i].got);
    }
    sim_free(w->sim);
    free(w);
}

static void run_ms(struct world *w, uint64_t ms)
{
    sim_run_until(w->sim, sim_now_us(w->sim) + ms * 1000, NULL);
}

static enum peer_state state_of(struct world *w, unsigned id, unsigned other)
{
    return peers_state(w->nodes[id].peers, (int32_t)other);
}

/* Two nodes of cluster A that know each other and are connected. */
static struct world *pair_new(unsigned split_rate, uint64_t seed)
{
    struct world *w = world_new(split_rate, seed);

    node_start(w, 1, cluster_a);
    node_start(w, 2, cluster_a);
    know(w, 1, 2);
    know(w, 2, 1);
    run_ms(w, 1500);
    assert_int_equal(state_of(w, 1, 2), PEER_UP);
    assert_int_equal(state_of(w, 2, 1), PEER_UP);
    return w;
}

/* ---- sending ------------------------------------------------------------ */

static int send_on(struct world *w, unsigned from, unsigned to,
                   enum peer_lane lane, unsigned channel, uint64_t order,
                   uint64_t number, uint32_t len)
{
    struct node *n = &w->nodes[from];
    uint8_t head[12];
    struct bytes payload[3] = {{0}};
    uint32_t rest = len - 12;
    struct chunk *c = NULL;

    le64_store(head, number);
    le32_store(head + 8, len);
    if (rest > 0) {
        c = chunk_acquire(n->pool, CHUNK_STATE, rest);
        assert_non_null(c);
        for (size_t i = 0; i < rest; i++) {
            c->data[i] = pattern(number, i + 12);
        }
        payload[0] = (struct bytes){c, c->data, rest / 3};
        payload[1] = (struct bytes){c, c->data + rest / 3, 0};
        payload[2] = (struct bytes){c, c->data + rest / 3, rest - rest / 3};
    }
    n->in_call = true;
    int rc = peer_send(n->peers, (int32_t)to, lane, channel, order,
                       slice_of(head, sizeof head), payload, rest > 0 ? 3 : 0);
    n->in_call = false;
    chunk_release(c);
    return rc;
}

static int send_to(struct world *w, unsigned from, unsigned to, uint64_t order,
                   uint64_t number, uint32_t len)
{
    return send_on(w, from, to, PEER_LANE_MAIN, PEER_RAFT, order, number, len);
}

/* ---- tests -------------------------------------------------------------- */

static void two_nodes_connect_and_talk(void **state)
{
    struct world *w = pair_new(0, 1);
    struct node *b = &w->nodes[2];

    (void)state;
    assert_int_equal(w->nodes[1].n_states, 1);
    assert_int_equal(w->nodes[1].states[0], PEER_UP);
    assert_string_equal(peers_reason(w->nodes[1].peers, 2), "");
    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(send_to(w, 1, 2, 7, i, 12 + i), 0);
    }
    assert_int_equal(
        send_on(w, 1, 2, PEER_LANE_BULK, PEER_TRANSFER, 0, 500, 300000), 0);
    assert_true(peer_queued(w->nodes[1].peers, 2, PEER_LANE_BULK) > 300000);
    run_ms(w, 100);
    assert_int_equal(b->n_got, 101);
    unsigned next = 0;
    for (unsigned i = 0; i < b->n_got; i++) {
        assert_int_equal(b->got[i].from, 1);
        if (b->got[i].channel == PEER_RAFT) {
            assert_int_equal(b->got[i].number, next++);
        } else {
            assert_int_equal(b->got[i].number, 500);
        }
    }
    assert_int_equal(next, 100);
    assert_int_equal(peer_queued(w->nodes[1].peers, 2, PEER_LANE_MAIN), 0);
    assert_int_equal(peer_queued(w->nodes[1].peers, 2, PEER_LANE_BULK), 0);
    assert_true(peers_heard_ms(b->peers, 1) > 0);
    world_free(w);
}

/* Small ones overtake big ones of other orders, never of their own. */
static void order_is_kept_per_key(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct world *w = pair_new(3000, seed);
        struct node *b = &w->nodes[2];
        uint64_t last[8] = {0};
        unsigned sent = 0;

        for (unsigned round = 0; round < 20; round++) {
            for (unsigned i = 0; i < 40; i++) {
                uint64_t order = sim_rand_below(w->sim, 8);
                uint32_t len =
                    sim_rand_below(w->sim, 6) == 0
                        ? 5000 + (uint32_t)sim_rand_below(w->sim, 100000)
                        : 12 + (uint32_t)sim_rand_below(w->sim, 600);
                sent++;
                assert_int_equal(
                    send_to(w, 1, 2, order, order << 32 | sent, len), 0);
            }
            run_ms(w, 1);
        }
        run_ms(w, 2000);
        assert_int_equal(b->n_got, sent);
        unsigned overtakes = 0;
        uint64_t seen = 0;
        for (unsigned i = 0; i < b->n_got; i++) {
            uint64_t order = b->got[i].number >> 32;
            uint64_t number = b->got[i].number & UINT32_MAX;
            assert_true(number > last[order]);
            last[order] = number;
            overtakes += number < seen;
            seen = number > seen ? number : seen;
        }
        assert_true(overtakes > 0);
        world_free(w);
    }
}

/* At most 256 KiB are handed to the kernel: a small message waits for no more
 * than that, however much is queued. */
static void small_messages_wait_for_little(void **state)
{
    struct world *w = pair_new(0, 3);
    struct node *b = &w->nodes[2];

    (void)state;
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(send_to(w, 1, 2, 1, i, 200000), 0);
    }
    run_ms(w, 1);
    assert_int_equal(send_to(w, 1, 2, 2, 99, 12), 0);
    run_ms(w, 1000);
    assert_int_equal(b->n_got, 11);
    unsigned at = 0;
    while (b->got[at].number != 99) {
        at++;
    }
    assert_true(at <= 6);
    world_free(w);
}

static void large_messages_have_chunks_of_their_own(void **state)
{
    struct world *w = pair_new(500, 4);
    struct node *b = &w->nodes[2];

    (void)state;
    b->keep = 3;
    assert_int_equal(send_to(w, 1, 2, 1, 1, 3000000), 0);
    assert_int_equal(send_to(w, 1, 2, 1, 2, 100), 0);
    assert_int_equal(send_to(w, 1, 2, 1, 3, 65536), 0);
    assert_int_equal(send_to(w, 1, 2, 1, 4, 65524), 0);
    run_ms(w, 3000);
    assert_int_equal(b->n_got, 4);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(b->got[i].number, i + 1);
    }
    assert_int_equal(b->kept[0].chunk->budget, CHUNK_PEER);
    assert_int_equal(le64_load(b->kept[1].data), 2);
    assert_int_equal(le64_load(b->kept[2].data), 3);
    world_free(w);
}

static void refusals_say_why_at_both_ends(void **state)
{
    struct world *w = world_new(0, 5);
    char text[200], dir[UUID_TEXT_LEN + 1], a[UUID_TEXT_LEN + 1];

    (void)state;
    node_start(w, 1, cluster_a);
    node_start(w, 2, cluster_a);
    know(w, 1, 2);
    run_ms(w, 100);
    assert_int_equal(state_of(w, 1, 2), PEER_DOWN);
    assert_string_equal(peers_reason(w->nodes[1].peers, 2),
                        "refused by n2: node 1 is not in my cluster.nodes");
    /* Known, but by another disk. */
    know_dir(w, 2, 1, (struct uuid){{9, 9}});
    run_ms(w, 1500);
    uuid_format((struct uuid){{9, 9}}, dir);
    uuid_format(cluster_a, a);
    snprintf(text, sizeof text,
             "refused by n2: cluster %s knows node 1 by another disk "
             "(directory %s)",
             a, dir);
    assert_string_equal(peers_reason(w->nodes[1].peers, 2), text);
    /* The judge has the last word. */
    know_dir(w, 2, 1, directory_of(1));
    w->nodes[2].judge = "go away";
    run_ms(w, 1500);
    assert_string_equal(peers_reason(w->nodes[1].peers, 2),
                        "refused by n2: go away");
    assert_int_equal(send_to(w, 1, 2, 1, 1, 12), ERR_CLOSED);
    assert_int_equal(w->nodes[1].n_states, 0);
    w->nodes[2].judge = NULL;
    run_ms(w, 1500);
    assert_int_equal(state_of(w, 1, 2), PEER_UP);
    assert_string_equal(peers_reason(w->nodes[1].peers, 2), "");
    world_free(w);
}

static void foreign_clusters_do_not_mix(void **state)
{
    struct world *w = world_new(0, 6);
    char a[UUID_TEXT_LEN + 1], b[UUID_TEXT_LEN + 1], text[200];

    (void)state;
    node_start(w, 1, cluster_a);
    node_start(w, 2, cluster_b);
    know(w, 1, 2);
    know(w, 2, 1);
    run_ms(w, 100);
    snprintf(text, sizeof text,
             "refused by n2: node 1 is of cluster %s, this node of cluster %s",
             uuid_format(cluster_a, a), uuid_format(cluster_b, b));
    assert_string_equal(peers_reason(w->nodes[1].peers, 2), text);
    assert_int_equal(state_of(w, 1, 2), PEER_DOWN);
    assert_int_equal(state_of(w, 2, 1), PEER_DOWN);
    world_free(w);
}

static void before_a_cluster_only_forming_is_heard(void **state)
{
    struct world *w = world_new(0, 7);

    (void)state;
    node_start(w, 1, uuid_zero);
    node_start(w, 2, cluster_a);
    know(w, 1, 2);
    know(w, 2, 1);
    run_ms(w, 1500);
    assert_int_equal(send_to(w, 1, 2, 1, 1, 12), ERR_CLOSED);
    assert_int_equal(send_to(w, 2, 1, 1, 1, 12), ERR_CLOSED);
    assert_int_equal(send_on(w, 1, 2, PEER_LANE_MAIN, PEER_FORM, 0, 11, 20), 0);
    assert_int_equal(send_on(w, 2, 1, PEER_LANE_MAIN, PEER_FORM, 0, 12, 20), 0);
    run_ms(w, 50);
    assert_int_equal(w->nodes[2].n_got, 1);
    assert_int_equal(w->nodes[2].got[0].number, 11);
    assert_int_equal(w->nodes[1].n_got, 1);
    assert_int_equal(w->nodes[1].n_states + w->nodes[2].n_states, 0);
    /* With an identity everything is connected anew, and in full. */
    w->nodes[1].self.cluster = cluster_a;
    w->nodes[1].in_call = true;
    peers_identify(w->nodes[1].peers, w->nodes[1].self);
    w->nodes[1].in_call = false;
    run_ms(w, 1500);
    assert_int_equal(state_of(w, 1, 2), PEER_UP);
    assert_int_equal(state_of(w, 2, 1), PEER_UP);
    assert_int_equal(send_to(w, 1, 2, 1, 2, 12), 0);
    assert_int_equal(send_to(w, 2, 1, 1, 2, 12), 0);
    run_ms(w, 50);
    assert_int_equal(w->nodes[2].n_got, 2);
    assert_int_equal(w->nodes[1].n_got, 2);
    world_free(w);
}

static void a_crash_is_refused_at_once(void **state)
{
    struct world *w = pair_new(0, 8);
    struct node *a = &w->nodes[1];

    (void)state;
    node_crash(w, 2);
    run_ms(w, 5);
    assert_int_equal(state_of(w, 1, 2), PEER_REFUSED);
    assert_int_equal(send_to(w, 1, 2, 1, 1, 12), ERR_CLOSED);
    run_ms(w, 5000);
    /* Up, down, refused: each once. */
    assert_int_equal(a->n_states, 3);
    assert_int_equal(a->states[1], PEER_DOWN);
    assert_int_equal(a->states[2], PEER_REFUSED);
    assert_string_equal(peers_reason(a->peers, 2), "two:9700: refused");
    node_start(w, 2, cluster_a);
    know(w, 2, 1);
    run_ms(w, 1600);
    assert_int_equal(a->n_states, 4);
    assert_int_equal(a->states[3], PEER_UP);
    assert_int_equal(send_to(w, 1, 2, 1, 5, 12), 0);
    run_ms(w, 10);
    assert_int_equal(w->nodes[2].n_got, 1);
    world_free(w);
}

static void a_break_drops_what_was_queued(void **state)
{
    struct world *w = pair_new(0, 9);
    struct node *a = &w->nodes[1];

    (void)state;
    for (unsigned i = 0; i < 50; i++) {
        assert_int_equal(send_to(w, 1, 2, i % 3, i, 100000), 0);
    }
    run_ms(w, 1);
    assert_true(peer_queued(a->peers, 2, PEER_LANE_MAIN) > 0);
    node_crash(w, 2);
    run_ms(w, 10);
    assert_int_equal(peer_queued(a->peers, 2, PEER_LANE_MAIN), 0);
    run_ms(w, 100);
    assert_int_equal(chunk_pool_used(a->pool, CHUNK_STATE), 0);
    world_free(w);
}

static void a_full_queue_says_so(void **state)
{
    struct world *w = pair_new(0, 10);
    struct node *a = &w->nodes[1];
    static uint8_t big[1 << 20];
    struct bytes part = {NULL, big, sizeof big};
    unsigned sent = 0;
    int rc = 0;

    (void)state;
    while (rc == 0) {
        rc = peer_send(a->peers, 2, PEER_LANE_MAIN, PEER_QUERY, 0,
                       slice_of(NULL, 0), &part, 1);
        sent += rc == 0;
    }
    assert_int_equal(rc, ERR_FULL);
    assert_int_equal(sent, 63);
    struct bytes parts[37];
    for (unsigned i = 0; i < 37; i++) {
        parts[i] = part;
    }
    assert_int_equal(peer_send(a->peers, 2, PEER_LANE_MAIN, PEER_QUERY, 0,
                               slice_of(NULL, 0), parts, 37),
                     ERR_TOOBIG);
    assert_int_equal(send_to(w, 1, 3, 0, 1, 12), ERR_NOTFOUND);
    peers_receive(w->nodes[2].peers, PEER_QUERY, NULL, NULL);
    world_free(w);
}

static void a_silent_link_breaks_and_heals(void **state)
{
    struct world *w = pair_new(0, 11);
    struct node *a = &w->nodes[1];

    (void)state;
    sim_link_set(w->sim, 1, 2, false);
    sim_link_set(w->sim, 2, 1, false);
    assert_int_equal(send_to(w, 1, 2, 0, 1, 12), 0);
    run_ms(w, 7000);
    assert_int_equal(state_of(w, 1, 2), PEER_DOWN);
    assert_int_equal(a->states[a->n_states - 1], PEER_DOWN);
    sim_link_set(w->sim, 1, 2, true);
    sim_link_set(w->sim, 2, 1, true);
    run_ms(w, 2500);
    assert_int_equal(state_of(w, 1, 2), PEER_UP);
    unsigned before = w->nodes[2].n_got;
    assert_int_equal(send_to(w, 1, 2, 0, 2, 12), 0);
    run_ms(w, 10);
    assert_int_equal(w->nodes[2].n_got, before + 1);
    world_free(w);
}

static void three_nodes_and_their_order(void **state)
{
    struct world *w = world_new(0, 12);
    int32_t node = 0;

    (void)state;
    for (unsigned i = 1; i <= 3; i++) {
        node_start(w, i, cluster_a);
    }
    for (unsigned i = 3; i >= 1; i--) {
        for (unsigned j = 3; j >= 1; j--) {
            if (i != j) {
                know(w, i, j);
            }
        }
    }
    run_ms(w, 1500);
    assert_true(peers_next(w->nodes[2].peers, &node));
    assert_int_equal(node, 1);
    node++;
    assert_true(peers_next(w->nodes[2].peers, &node));
    assert_int_equal(node, 3);
    node++;
    assert_false(peers_next(w->nodes[2].peers, &node));
    for (unsigned i = 1; i <= 3; i++) {
        assert_int_equal(send_to(w, i, i % 3 + 1, 0, i, 1000), 0);
    }
    run_ms(w, 10);
    for (unsigned i = 1; i <= 3; i++) {
        assert_int_equal(w->nodes[i].n_got, 1);
    }
    /* Forgotten: nothing is sent to it, nothing heard from it. */
    peers_remove(w->nodes[1].peers, 3);
    assert_int_equal(send_to(w, 3, 1, 0, 9, 12), 0);
    assert_int_equal(send_to(w, 1, 3, 0, 9, 12), ERR_NOTFOUND);
    run_ms(w, 100);
    assert_int_equal(w->nodes[1].n_got, 1);
    assert_string_equal(peers_reason(w->nodes[3].peers, 1),
                        "refused by n1: node 3 is not in my cluster.nodes");
    world_free(w);
}

/* ---- strangers ---------------------------------------------------------- */

struct stranger {
    struct env *env;
    struct env_stream *stream;
    struct env_write write;
    uint8_t out[200];
    size_t out_len;
    uint8_t in[400];
    size_t in_len;
    bool connected, ended, closed;
};

static void stranger_alloc(struct env_stream *s, void *data, uint8_t **ret_p,
                           size_t *ret_len)
{
    struct stranger *x = data;

    (void)s;
    *ret_p = x->in + x->in_len;
    *ret_len = sizeof x->in - x->in_len;
}

static void stranger_read(struct env_stream *s, void *data, int status,
                          size_t n)
{
    struct stranger *x = data;

    (void)s;
    x->in_len += n;
    x->ended = x->ended || status != 0;
}

static void stranger_written(struct env_write *w, int status)
{
    (void)w, (void)status;
}

static void stranger_connected(struct env_stream *s, int status, void *data)
{
    struct stranger *x = data;
    struct slice out = slice_of(x->out, x->out_len);

    assert_int_equal(status, 0);
    x->connected = true;
    env_stream_read_start(s, stranger_alloc, stranger_read, x);
    assert_int_equal(
        env_stream_write(s, &x->write, &out, 1, stranger_written, x), 0);
}

static void stranger_start(struct env *e, void *arg)
{
    struct stranger *x = arg;

    x->env = e;
    assert_int_equal(
        env_connect(e, "one", PORT, 1000, stranger_connected, x, &x->stream),
        0);
}

static void stranger_closed(void *data)
{
    ((struct stranger *)data)->closed = true;
}

/* A stranger says `out`; returns whether the node ends the connection within
 * `ms`. */
static bool stranger_ends(struct world *w, const void *out, size_t len,
                          uint64_t ms, struct stranger *x)
{
    *x = (struct stranger){.out_len = len};
    assert_true(len <= sizeof x->out);
    memcpy(x->out, out, len);
    assert_int_equal(sim_node_start(w->sim, 3, "three", w->disks[3],
                                    stranger_start, x, NULL),
                     0);
    run_ms(w, ms);
    assert_true(x->connected);
    env_stream_close(x->stream, stranger_closed, x);
    sim_run_until(w->sim, sim_now_us(w->sim) + SECOND_US, &x->closed);
    bool ended = x->ended;
    sim_node_crash(w->sim, 3, SIM_CRASH_ALL);
    return ended;
}

static void hello_of_3(uint8_t out[HELLO_BYTES], uint8_t lane)
{
    struct hello h = {.version_min = 1,
                      .version_max = 1,
                      .lane = lane,
                      .node = 3,
                      .cluster = cluster_a,
                      .directory = directory_of(3)};
    hello_encode(&h, out);
}

static void garbage_ends_the_connection(void **state)
{
    struct world *w = pair_new(0, 13);
    struct stranger x;
    uint8_t out[HELLO_BYTES + 64];

    (void)state;
    know(w, 1, 3);
    memset(out, 'x', sizeof out);
    assert_true(stranger_ends(w, out, sizeof out, 10, &x));
    assert_int_equal(x.in_len, 0);
    /* A hello cut short, and no hello at all. */
    hello_of_3(out, 0);
    assert_false(stranger_ends(w, out, HELLO_BYTES - 1, 500, &x));
    assert_true(stranger_ends(w, out, HELLO_BYTES - 1, 1500, &x));
    assert_true(stranger_ends(w, out, 0, 1500, &x));
    /* A flipped bit anywhere. */
    for (unsigned i = 0; i < HELLO_BYTES; i += 7) {
        hello_of_3(out, 0);
        out[i] ^= 4;
        assert_true(stranger_ends(w, out, HELLO_BYTES, 10, &x));
        assert_int_equal(x.in_len, 0);
    }
    /* A good hello is answered; then a bad frame. */
    hello_of_3(out, 0);
    assert_false(stranger_ends(w, out, HELLO_BYTES, 500, &x));
    assert_int_equal(x.in_len, HELLO_BYTES);
    memset(out + HELLO_BYTES, 0, PEER_HEAD_BYTES);
    assert_true(stranger_ends(w, out, HELLO_BYTES + PEER_HEAD_BYTES, 10, &x));
    /* A length beyond the limit, well summed. */
    struct peer_head head = {.len = PEERS_MESSAGE_MAX + 1};
    peer_head_encode(&head, out + HELLO_BYTES);
    assert_true(stranger_ends(w, out, HELLO_BYTES + PEER_HEAD_BYTES, 10, &x));
    head.len = 100; /* fine, and still waited for */
    peer_head_encode(&head, out + HELLO_BYTES);
    assert_false(stranger_ends(w, out, HELLO_BYTES + PEER_HEAD_BYTES, 10, &x));
    assert_int_equal(w->nodes[1].n_got, 0);
    /* A protocol that we do not speak: said. */
    struct hello h = {.version_min = 2, .version_max = 3, .node = 3};
    struct hello answer;
    hello_encode(&h, out);
    assert_true(stranger_ends(w, out, HELLO_BYTES, 10, &x));
    assert_int_equal(hello_decode(&answer, x.in), 0);
    assert_true(answer.refused);
    assert_int_equal(x.in_len, HELLO_BYTES + answer.text_len);
    x.in[x.in_len] = 0;
    assert_string_equal((char *)x.in + HELLO_BYTES,
                        "node 3 speaks peer protocol 2..3, this node 1..1");
    world_free(w);
}

static void a_second_connection_replaces_the_first(void **state)
{
    struct world *w = pair_new(0, 14);
    struct stranger x;
    uint8_t out[HELLO_BYTES];

    (void)state;
    /* Somebody says to be node 2: node 2's own connection ends, and is dialled
     * anew, which ends the stranger's. */
    hello_of_3(out, 0);
    struct hello h;
    assert_int_equal(hello_decode(&h, out), 0);
    h.node = 2;
    hello_encode(&h, out);
    assert_true(stranger_ends(w, out, HELLO_BYTES, 20, &x));
    run_ms(w, 50);
    assert_int_equal(state_of(w, 2, 1), PEER_UP);
    assert_int_equal(w->nodes[2].n_states, 3);
    assert_int_equal(w->nodes[2].states[1], PEER_DOWN);
    assert_int_equal(w->nodes[2].states[2], PEER_UP);
    world_free(w);
}

/* No memory for what nodes say: reading waits for some, but not for ever. */
static void without_memory_reading_waits(void **state)
{
    struct world *w = pair_new(0, 15);
    struct node *b = &w->nodes[2];
    static struct chunk *hogs[17000];
    unsigned n = 0;

    (void)state;
    for (unsigned round = 0; round < 2; round++) {
        while ((hogs[n] = chunk_acquire(b->pool, CHUNK_PEER, 4096)) != NULL) {
            n++;
        }
        /* Beyond what the chunk in use holds: it needs another. */
        b->keep = 64;
        for (unsigned i = 0; i < 40; i++) {
            assert_int_equal(send_to(w, 1, 2, 1, i + 1, 4000), 0);
        }
        if (round == 0) {
            assert_int_equal(send_to(w, 1, 2, 1, 41, 200000), 0);
        }
        run_ms(w, 1000);
        assert_true(b->n_got < 40);
        assert_int_equal(state_of(w, 1, 2), PEER_UP);
        if (round == 1) {
            break;
        }
        while (n > 0) {
            chunk_release(hogs[--n]);
        }
        run_ms(w, 1000);
        assert_int_equal(b->n_got, 41);
        for (unsigned i = 0; i < 41; i++) {
            assert_int_equal(b->got[i].number, i + 1);
        }
        while (b->n_kept > 0) {
            bytes_release(&b->kept[--b->n_kept]);
        }
        b->n_got = 0;
    }
    run_ms(w, 12000);
    assert_true(w->nodes[1].n_states > 1);
    assert_int_equal(w->nodes[1].states[1], PEER_DOWN);
    while (n > 0) {
        chunk_release(hogs[--n]);
    }
    world_free(w);
}

/* Every allocation fails once: the nodes find together all the same. */
static void memory_that_fails_is_survived(void **state)
{
    bool fired = true;

    (void)state;
    for (unsigned nth = 1; fired; nth++) {
        struct world *w = world_new(0, 16);
        node_start(w, 1, cluster_a);
        node_start(w, 2, cluster_a);
        know(w, 1, 2);
        know(w, 2, 1);
        mem_fail_at(env_mem(w->nodes[1].env), nth, 0);
        run_ms(w, 1500);
        int rc = 0;
        for (unsigned i = 0; i < 3; i++) {
            uint8_t head[300] = {0};
            static const uint8_t many[6000];
            struct bytes parts[6] = {{NULL, many, sizeof many}};
            le32_store(head + 8, sizeof head);
            for (unsigned j = 12; j < sizeof head; j++) {
                head[j] = pattern(0, j);
            }
            rc |= peer_send(w->nodes[1].peers, 2, PEER_LANE_MAIN, PEER_RAFT, 0,
                            slice_of(head, sizeof head), NULL, 0);
            rc |= peer_send(w->nodes[1].peers, 2, PEER_LANE_BULK, 7, 0,
                            slice_of(NULL, 0), parts, 6);
        }
        peers_receive(w->nodes[2].peers, 7, NULL, NULL);
        run_ms(w, 1500);
        fired = mem_fail_fired(env_mem(w->nodes[1].env));
        mem_fail_at(env_mem(w->nodes[1].env), 0, 0);
        assert_int_equal(state_of(w, 1, 2), PEER_UP);
        assert_int_equal(state_of(w, 2, 1), PEER_UP);
        assert_true(fired || rc == 0);
        assert_true(fired || w->nodes[2].n_got == 3);
        world_free(w);
    }
}

/* ---- a node that answers badly ------------------------------------------ */

struct liar {
    struct env_listener *door;
    struct hello answer;
    uint8_t out[HELLO_BYTES + 64];
    size_t out_len;
    bool hang_up; /* after the answer */
    struct env_write writes[2000];
    struct env_stream *streams[2000];
    unsigned n;
    uint8_t in[4096];
};

static void liar_alloc(struct env_stream *s, void *data, uint8_t **ret_p,
                       size_t *ret_len)
{
    struct liar *x = data;

    (void)s;
    *ret_p = x->in;
    *ret_len = sizeof x->in;
}

static void liar_read(struct env_stream *s, void *data, int status, size_t n)
{
    (void)s, (void)data, (void)status, (void)n;
}

static void liar_written(struct env_write *w, int status)
{
    struct liar *x = w->data;

    if (status == 0 && x->hang_up) {
        env_stream_close(x->streams[w - x->writes], NULL, NULL);
    }
}

static void liar_accepted(struct env_listener *l, struct env_stream *s,
                          void *data)
{
    struct liar *x = data;
    struct slice out = slice_of(x->out, x->out_len);

    (void)l;
    assert_true(x->n < 2000);
    x->streams[x->n] = s;
    env_stream_read_start(s, liar_alloc, liar_read, x);
    assert_int_equal(
        env_stream_write(s, &x->writes[x->n], &out, 1, liar_written, x), 0);
    x->n++;
}

static void liar_start(struct env *e, void *arg)
{
    struct liar *x = arg;
    struct err err;

    if (x != NULL) {
        assert_int_equal(
            env_listen(e, "", PORT, liar_accepted, x, &x->door, &err), 0);
    }
}

/* Node 3 answers every hello with `h` and `text`; node 1 dials it for 3 s, and
 * its reason is `reason`. Returns how often node 1 dialled. */
static unsigned lie(struct world *w, struct liar *x, struct hello h,
                    const char *text, size_t text_len, const char *reason)
{
    x->n = 0;
    hello_encode(&h, x->out);
    memcpy(x->out + HELLO_BYTES, text, text_len);
    x->out_len = HELLO_BYTES + text_len;
    assert_int_equal(
        sim_node_start(w->sim, 3, "three", w->disks[3], liar_start, x, NULL),
        0);
    know(w, 1, 3);
    run_ms(w, 3000);
    if (reason != NULL) {
        assert_string_equal(peers_reason(w->nodes[1].peers, 3), reason);
    }
    peers_remove(w->nodes[1].peers, 3);
    sim_node_crash(w->sim, 3, SIM_CRASH_ALL);
    return x->n;
}

static void answers_are_checked(void **state)
{
    struct world *w = world_new(0, 17);
    static struct liar x;
    struct hello good = {.version_min = 1,
                         .version_max = 1,
                         .node = 3,
                         .cluster = cluster_a,
                         .directory = directory_of(3)};
    struct hello h = good;
    unsigned n;

    (void)state;
    node_start(w, 1, cluster_a);
    /* Both lanes get the main lane's answer. */
    lie(w, &x, h, "", 0, "");
    assert_int_equal(w->nodes[1].states[0], PEER_UP);
    h.lane = PEER_LANE_BULK;
    lie(w, &x, h, "", 0, "three:9700: answer for another lane");
    h = good;
    h.node = 2;
    lie(w, &x, h, "", 0, "three:9700 is node 2, not node 3");
    h = good;
    h.cluster = cluster_b;
    h.refused = true;
    h.text_len = 4;
    h.text_crc = crc32c("no\n!", 4);
    n = lie(w, &x, h, "no\n!", 4, "refused by n3: no?!");
    assert_true(n >= 4 && n <= 8);
    h.text_crc++;
    lie(w, &x, h, "no\n!", 4, "three:9700: damaged hello");
    h = good;
    h.cluster = cluster_b;
    x.n = 0;
    char a[UUID_TEXT_LEN + 1], b[UUID_TEXT_LEN + 1], text[300];
    snprintf(text, sizeof text,
             "refused by this node: node 3 is of cluster %s, this node of "
             "cluster %s",
             uuid_format(cluster_b, b), uuid_format(cluster_a, a));
    lie(w, &x, h, "", 0, text);
    /* Nothing may follow an answer. */
    lie(w, &x, good, "x", 1, "three:9700: bytes after the hello");
    lie(w, &x, good, "", 0, "");
    /* Accepting and hanging up at once does not make us dial in a loop. */
    x.hang_up = true;
    w->nodes[1].n_states = 0;
    n = lie(w, &x, good, "", 0, NULL);
    assert_true(n > 10 && n < 300);
    world_free(w);
}

static void only_a_broken_connection_is_refused(void **state)
{
    struct world *w = world_new(0, 18);

    (void)state;
    node_start(w, 1, cluster_a);
    assert_int_equal(
        sim_node_start(w->sim, 3, "three", w->disks[3], liar_start, NULL, NULL),
        0);
    know(w, 1, 3);
    run_ms(w, 1000);
    assert_string_equal(peers_reason(w->nodes[1].peers, 3),
                        "three:9700: refused");
    assert_int_equal(state_of(w, 1, 3), PEER_DOWN);
    assert_int_equal(w->nodes[1].n_states, 0);
    world_free(w);
}

static void another_directory_is_expected(void **state)
{
    struct world *w = pair_new(0, 19);
    char text[200], dir[UUID_TEXT_LEN + 1], a[UUID_TEXT_LEN + 1];

    (void)state;
    know_dir(w, 1, 2, directory_of(2)); /* as it is */
    run_ms(w, 100);
    assert_int_equal(w->nodes[1].n_states, 1);
    know_dir(w, 1, 2, (struct uuid){{8}});
    run_ms(w, 100);
    assert_int_equal(state_of(w, 1, 2), PEER_DOWN);
    assert_int_equal(state_of(w, 2, 1), PEER_DOWN);
    snprintf(text, sizeof text,
             "refused by n1: cluster %s knows node 2 by another disk "
             "(directory %s)",
             uuid_format(cluster_a, a), uuid_format((struct uuid){{8}}, dir));
    assert_string_equal(peers_reason(w->nodes[2].peers, 1), text);
    world_free(w);
}

static void messages_are_counted_too(void **state)
{
    struct world *w = pair_new(0, 20);
    unsigned n = 0;

    (void)state;
    peers_receive(w->nodes[2].peers, PEER_QUERY, NULL, NULL);
    while (peer_send(w->nodes[1].peers, 2, PEER_LANE_MAIN, PEER_QUERY, n,
                     slice_of(NULL, 0), NULL, 0) == 0) {
        n++;
    }
    assert_int_equal(n, 65536);
    run_ms(w, 500);
    assert_int_equal(peer_queued(w->nodes[1].peers, 2, PEER_LANE_MAIN), 0);
    world_free(w);
}

/* What a stranger says of its cluster decides what is heard from it. */
static void without_a_cluster_nothing_else_is_heard(void **state)
{
    struct world *w = pair_new(0, 21);
    struct peer_head head = {.len = 12, .channel = PEER_RAFT};
    uint8_t out[HELLO_BYTES + PEER_HEAD_BYTES + 12];
    struct stranger x;
    struct hello h;

    (void)state;
    know(w, 1, 3);
    hello_of_3(out, 0);
    peer_head_encode(&head, out + HELLO_BYTES);
    le64_store(out + HELLO_BYTES + PEER_HEAD_BYTES, 5);
    le32_store(out + HELLO_BYTES + PEER_HEAD_BYTES + 8, 12);
    assert_false(stranger_ends(w, out, sizeof out, 10, &x));
    assert_int_equal(w->nodes[1].n_got, 1);
    assert_int_equal(hello_decode(&h, out), 0);
    h.cluster = uuid_zero;
    hello_encode(&h, out);
    assert_false(stranger_ends(w, out, sizeof out, 10, &x));
    assert_int_equal(w->nodes[1].n_got, 1);
    world_free(w);
}

static void crowd_start(struct env *e, void *arg)
{
    struct stranger *crowd = arg;

    for (unsigned i = 0; i < 140; i++) {
        stranger_start(e, &crowd[i]);
    }
}

static void strangers_are_limited(void **state)
{
    struct world *w = pair_new(0, 22);
    static struct stranger crowd[140];
    unsigned ended = 0;

    (void)state;
    assert_int_equal(sim_node_start(w->sim, 3, "three", w->disks[3],
                                    crowd_start, crowd, NULL),
                     0);
    run_ms(w, 100);
    for (unsigned i = 0; i < 140; i++) {
        ended += crowd[i].ended;
    }
    assert_int_equal(ended, 140 - 128);
    run_ms(w, 1500); /* their time is over */
    for (unsigned i = 0; i < 140; i++) {
        assert_true(crowd[i].ended);
    }
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_nodes_connect_and_talk),
        cmocka_unit_test(order_is_kept_per_key),
        cmocka_unit_test(small_messages_wait_for_little),
        cmocka_unit_test(large_messages_have_chunks_of_their_own),
        cmocka_unit_test(refusals_say_why_at_both_ends),
        cmocka_unit_test(foreign_clusters_do_not_mix),
        cmocka_unit_test(before_a_cluster_only_forming_is_heard),
        cmocka_unit_test(a_crash_is_refused_at_once),
        cmocka_unit_test(a_break_drops_what_was_queued),
        cmocka_unit_test(a_full_queue_says_so),
        cmocka_unit_test(a_silent_link_breaks_and_heals),
        cmocka_unit_test(three_nodes_and_their_order),
        cmocka_unit_test(garbage_ends_the_connection),
        cmocka_unit_test(a_second_connection_replaces_the_first),
        cmocka_unit_test(without_memory_reading_waits),
        cmocka_unit_test(memory_that_fails_is_survived),
        cmocka_unit_test(answers_are_checked),
        cmocka_unit_test(only_a_broken_connection_is_refused),
        cmocka_unit_test(another_directory_is_expected),
        cmocka_unit_test(messages_are_counted_too),
        cmocka_unit_test(without_a_cluster_nothing_else_is_heard),
        cmocka_unit_test(strangers_are_limited),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
