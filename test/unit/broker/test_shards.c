/* The groups' shards on three brokers: who leads them comes and goes as with
 * partitions. */
#include "cluster.h"

#include <stdio.h>
#include <string.h>

#include "broker/coordinator.h"
#include "broker/groups.h"

#define WAIT_MS 30000
#define STEP_MS 10

static struct cluster cluster;

/* ---- what a node says ---------------------------------------------------- */

struct look {
    struct node *n;
    unsigned shard;
    int32_t first;       /* of the shard's replicas; -1: not placed */
    int32_t coordinator; /* as FindCoordinator would tell; -1: none */
    unsigned led;        /* shards that the node leads */
    unsigned tells;      /* shards whose groups only it could tell of */
};

/* Some group of the shard. */
static struct slice group_of(unsigned shard)
{
    static char name[16];
    unsigned i = 0;
    do {
        snprintf(name, sizeof name, "group-%u", i++);
    } while (cgroup_shard(slice_str(name)) != shard);
    return slice_str(name);
}

static void look_as_node(void *arg)
{
    struct look *l = arg;
    struct groups *gs = broker_groups(l->n->broker);
    const struct image_partition *x =
        image_shard(broker_image(l->n->broker), l->shard);
    l->first = x == NULL ? -1 : x->replicas[0];
    l->coordinator = groups_coordinator(gs, group_of(l->shard));
    for (unsigned k = 0; k < CGROUP_SHARDS; k++) {
        const struct state_group *g = groups_shard(gs, k);
        l->led += g != NULL && state_group_ready(g);
        l->tells += groups_tells(gs, k);
    }
}

static struct look look(struct cluster *c, unsigned node, unsigned shard)
{
    struct look l = {.n = &c->nodes[node], .shard = shard};
    assert_int_equal(sim_node_call(c->sim, node, look_as_node, &l), 0);
    return l;
}

/* Until each living node leads the shards whose first replica it is. */
static void wait_home(struct cluster *c, uint64_t ms)
{
    unsigned home = 0;
    for (uint64_t t = 0; t < ms && home < CGROUP_SHARDS; t += STEP_MS) {
        run_ms(c, STEP_MS);
        home = 0;
        for (unsigned k = 0; k < CGROUP_SHARDS; k++) {
            struct look l = look(c, 1, k);
            home += l.first > 0 && l.coordinator == l.first;
        }
    }
    assert_int_equal(home, CGROUP_SHARDS);
}

static struct cluster *begin(uint64_t seed)
{
    struct cluster *c = &cluster;
    cluster_open(c, seed);
    for (unsigned i = 1; i <= NODES; i++) {
        node_start(c, i);
    }
    for (unsigned i = 1; i <= NODES; i++) {
        wait_serves(c, i);
    }
    look(c, 1, 0); /* has them placed */
    wait_home(c, WAIT_MS);
    return c;
}

/* ---- stories -------------------------------------------------------------
 */

/* A node that comes back gets what it led before, as of partitions. */
static void handed_back(void **state)
{
    struct cluster *c = begin(21);
    (void)state;
    assert_true(look(c, 3, 0).led > 0);
    node_crash(c, 3, SIM_CRASH_ALL);
    run_ms(c, 5000);
    node_start(c, 3);
    wait_serves(c, 3);
    assert_int_equal(look(c, 3, 0).led, 0);
    wait_home(c, 400000); /* leader.imbalance.check.interval.seconds: 300 */
    cluster_close(c);
}

struct drain {
    struct node *n;
    unsigned led; /* when the drain had ended */
    bool done;
};

static void on_drained(void *arg)
{
    struct drain *d = arg;
    struct look l = {.n = d->n};
    look_as_node(&l);
    d->led = l.led;
    d->done = true;
}

static void drain_as_node(void *arg)
{
    struct drain *d = arg;
    broker_drain(d->n->broker, 5000, on_drained, d);
}

/* A node that is told to end leads no shard any more when it says that it
 * may. */
static void awaited_at_drain(void **state)
{
    struct cluster *c = begin(22);
    struct drain d = {.n = &c->nodes[2]};
    (void)state;
    assert_true(look(c, 2, 0).led > 0);
    assert_int_equal(sim_node_call(c->sim, 2, drain_as_node, &d), 0);
    assert_true(run_until(c, WAIT_MS, &d.done));
    assert_int_equal(d.led, 0);
    cluster_close(c);
}

/* Nobody is sent to a dead coordinator: as soon as it is suspect there is none,
 * then there is another. */
static void dead_is_not_told(void **state)
{
    struct cluster *c = begin(23);
    unsigned shard = 0;
    unsigned t = 0, told = 0;
    (void)state;
    while (look(c, 1, shard).first != 3) {
        shard++;
    }
    node_crash(c, 3, SIM_CRASH_ALL);
    while (look(c, 1, shard).coordinator == 3 && t < WAIT_MS) {
        run_ms(c, 1);
        t++;
    }
    assert_int_equal(look(c, 1, shard).coordinator, -1);
    /* Who has a replica says that it cannot tell, and leaves nothing out. */
    assert_true(look(c, 1, shard).tells > look(c, 1, shard).led);
    while (look(c, 1, shard).coordinator < 0 && t < WAIT_MS) {
        run_ms(c, 1);
        t++;
    }
    told = (unsigned)look(c, 1, shard).coordinator;
    assert_true(told == 1 || told == 2);
    run_ms(c, WAIT_MS);
    assert_int_equal(look(c, 1, 0).tells, look(c, 1, 0).led);
    assert_int_equal(look(c, 1, 0).tells + look(c, 2, 0).tells, CGROUP_SHARDS);
    cluster_close(c);
}

struct deletion {
    struct node *n;
    struct coordinator_request delete, commit, other;
    char name[16]; /* of the other group */
    int same, else_;
    const struct cgroup_commit_row *rows; /* of commits */
    unsigned n_rows;
    int16_t error; /* the last one */
    unsigned n_done;
    bool done;
};

static void on_any(struct coordinator_request *q, int status,
                   const struct cgroup_result *result)
{
    struct deletion *d = q->data;
    assert_int_equal(status, 0);
    d->error = result->error;
    d->done = ++d->n_done == 2;
}

static int submit(struct deletion *d, struct coordinator_request *q,
                  enum cgroup_kind kind, struct slice id)
{
    struct cgroup_commit c = {.group = id,
                              .generation = -1,
                              .retention_ms = -1,
                              .rows = d->rows,
                              .n_rows = d->n_rows};
    struct buf b;
    buf_init(&b, env_mem(d->n->env), 0);
    cgroup_batch_begin(&b);
    if (kind == CGROUP_DELETE) {
        cgroup_encode_delete(id, CGROUP_DELETE_PAGE, &b);
    } else {
        cgroup_encode_commit(&c, &b);
    }
    struct coordinator *co = groups_requests(broker_groups(d->n->broker), id);
    int rv = coordinator_submit(co, q, kind, id, slice_str(""), buf_slice(&b),
                                on_any, d);
    buf_close(&b);
    return rv;
}

static void delete_as_node(void *arg)
{
    struct deletion *d = arg;
    assert_int_equal(submit(d, &d->delete, CGROUP_DELETE, group_of(0)), 0);
    d->same = submit(d, &d->commit, CGROUP_COMMIT, group_of(0));
    char other[16];
    unsigned i = 0;
    do {
        snprintf(other, sizeof other, "other-%u", i++);
    } while (cgroup_shard(slice_str(other)) != 0);
    memcpy(d->name, other, sizeof other);
    d->else_ = submit(d, &d->other, CGROUP_COMMIT, slice_str(d->name));
}

static void again_as_node(void *arg)
{
    struct deletion *d = arg;
    d->same = submit(d, &d->commit, CGROUP_COMMIT, group_of(0));
}

/* Nothing comes to life again while it is deleted. */
static void deleted_takes_nothing(void **state)
{
    struct cluster *c = begin(25);
    int32_t home = look(c, 1, 0).first;
    struct deletion d = {.n = &c->nodes[home]};
    (void)state;
    assert_int_equal(sim_node_call(c->sim, (unsigned)home, delete_as_node, &d),
                     0);
    assert_int_equal(d.same, ERR_FULL);
    assert_int_equal(d.else_, 0);
    assert_true(run_until(c, WAIT_MS, &d.done));
    d.done = false;
    d.n_done = 1;
    assert_int_equal(sim_node_call(c->sim, (unsigned)home, again_as_node, &d),
                     0);
    assert_int_equal(d.same, 0);
    assert_true(run_until(c, WAIT_MS, &d.done));
    cluster_close(c);
}

static void page_as_node(void *arg)
{
    struct deletion *d = arg;
    assert_int_equal(submit(d, &d->delete, CGROUP_DELETE, group_of(0)), 0);
}

/* One request of a node, decided. */
static void decide_one(struct cluster *c, struct deletion *d,
                       void (*fn)(void *arg))
{
    d->done = false;
    d->n_done = 1;
    assert_int_equal(sim_node_call(c->sim, d->n->id, fn, d), 0);
    sim_run_until(c->sim, sim_now_us(c->sim) + WAIT_MS * 1000, &d->done);
    assert_true(d->done);
    assert_int_equal(d->error, 0);
}

struct offsets {
    struct node *n;
    bool there;
    enum cgroup_state state;
    unsigned n_offsets;
};

static void offsets_as_node(void *arg)
{
    struct offsets *o = arg;
    const struct cgroup_image *im =
        groups_image(broker_groups(o->n->broker), 0);
    const struct cgroup_view *g =
        im == NULL ? NULL : cgroup_image_find(im, group_of(0));
    o->there = im == NULL || g != NULL;
    o->state = g == NULL ? CGROUP_EMPTY : g->state;
    o->n_offsets = g == NULL ? 0 : g->n_offsets;
}

static struct offsets offsets(struct cluster *c, unsigned node)
{
    struct offsets o = {.n = &c->nodes[node]};
    assert_int_equal(sim_node_call(c->sim, node, offsets_as_node, &o), 0);
    return o;
}

/* Who asked for a deletion of several pages goes away after the first: the
 * coordinator goes on, or the next one, and then the group may come anew. */
static void deletion_goes_on(void **state)
{
    enum { N = 2 * CGROUP_DELETE_PAGE + 500 };
    static struct cgroup_commit_row rows[N];
    (void)state;
    for (unsigned i = 0; i < N; i++) {
        rows[i] =
            (struct cgroup_commit_row){.topic = {{7}}, .partition = (int32_t)i};
    }
    for (unsigned cut = 0; cut < 2; cut++) {
        struct cluster *c = begin(27 + cut);
        unsigned home = (unsigned)look(c, 1, 0).first;
        unsigned other = home % NODES + 1;
        struct deletion d = {.n = &c->nodes[home], .rows = rows, .n_rows = N};
        decide_one(c, &d, again_as_node);
        assert_int_equal(offsets(c, home).n_offsets, N);
        decide_one(c, &d, page_as_node);
        assert_int_equal(offsets(c, home).n_offsets, N - CGROUP_DELETE_PAGE);
        assert_int_equal(offsets(c, home).state, CGROUP_DEAD);
        if (cut > 0) {
            node_crash(c, home, SIM_CRASH_ALL);
        }
        for (unsigned t = 0; offsets(c, other).there; t += STEP_MS) {
            assert_true(t < WAIT_MS);
            run_ms(c, STEP_MS);
        }
        if (cut == 0) {
            decide_one(c, &d, again_as_node);
            assert_int_equal(offsets(c, home).n_offsets, N);
            assert_int_equal(offsets(c, home).state, CGROUP_EMPTY);
        }
        cluster_close(c);
    }
}

struct room {
    struct node *n;
    bool little, group_full, shard_full;
    bool counted;
};

static void room_as_node(void *arg)
{
    struct room *r = arg;
    struct slice id = group_of(0);
    struct coordinator *co = groups_requests(broker_groups(r->n->broker), id);
    struct buf b;
    buf_init(&b, env_mem(r->n->env), 0);
    assert_non_null(co);
    r->little = coordinator_has_room(co, id, 1000);
    r->group_full = !coordinator_has_room(co, id, (64 << 20) + 1);
    r->shard_full = !coordinator_has_room(co, id, (size_t)300 << 20);
    metrics_render(env_metrics(r->n->env), &b);
    buf_put_u8(&b, 0);
    r->counted = strstr((char *)b.data,
                        "ostraka_group_requests_refused_total 2\n") != NULL &&
                 strstr((char *)b.data,
                        "ostraka_group_shard_bytes{shard=\"15\"} 0\n") != NULL;
    buf_close(&b);
}

/* groups.group.max.bytes and groups.shard.max.bytes, and what counts them. */
static void has_room(void **state)
{
    struct cluster *c = begin(24);
    struct room r = {.n = &c->nodes[2]};
    (void)state;
    assert_int_equal(sim_node_call(c->sim, 2, room_as_node, &r), 0);
    assert_true(r.little);
    assert_true(r.group_full);
    assert_true(r.shard_full);
    assert_true(r.counted);
    cluster_close(c);
}

struct opened {
    struct node *n;
    unsigned shards;
};

static void count_as_node(void *arg)
{
    struct opened *o = arg;
    for (unsigned k = 0; k < CGROUP_SHARDS; k++) {
        o->shards += groups_shard(broker_groups(o->n->broker), k) != NULL;
    }
}

/* A node whose disk refuses one call while it opens its shards ends, or has
 * them all: none is left closed, with a log that nobody ever shortens. */
static void opens_or_ends(void **state)
{
    struct cluster *c = begin(26);
    unsigned ended = 0;
    (void)state;
    c->may_fail = true;
    node_crash(c, 3, SIM_CRASH_ALL);
    for (unsigned n = 91; n < 300; n += 9) { /* calls of its disk */
        sim_io_fail_at(c->sim, 3, n, false, ERR_NOSPACE);
        node_start(c, 3);
        sim_run_until(c->sim, sim_now_us(c->sim) + 2000000,
                      &c->nodes[3].serves);
        sim_io_fail_at(c->sim, 3, 0, false, 0);
        if (sim_node_env(c->sim, 3) == NULL || !c->nodes[3].serves) {
            ended++;
        } else {
            struct opened o = {.n = &c->nodes[3]};
            assert_int_equal(sim_node_call(c->sim, 3, count_as_node, &o), 0);
            assert_int_equal(o.shards, CGROUP_SHARDS);
        }
        if (sim_node_env(c->sim, 3) != NULL) {
            node_crash(c, 3, SIM_CRASH_ALL);
        }
        c->nodes[3].up = false;
    }
    assert_true(ended > 0);
    cluster_close(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(handed_back),
                                       cmocka_unit_test(awaited_at_drain),
                                       cmocka_unit_test(dead_is_not_told),
                                       cmocka_unit_test(has_room),
                                       cmocka_unit_test(deleted_takes_nothing),
                                       cmocka_unit_test(deletion_goes_on),
                                       cmocka_unit_test(opens_or_ends)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
