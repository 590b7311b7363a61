/* The consumer groups' shards on three brokers: placed when somebody first
 * asks, led by somebody all agree on, and what was committed is there on every
 * node, whoever dies and however power is cut. */
#include "cluster.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/coordinator.h"
#include "broker/groups.h"
#include "state/cgroup.h"
#include "wire/errors.h"

#define WAIT_MS 30000
#define STEP_MS 10

static struct cluster cluster;

/* ---- what is asked, as a node ------------------------------------------- */

struct ask {
    struct cluster *c;
    struct node *n;
    const char *group;
    int64_t offset; /* to commit, or found (-1: none) */
    int32_t coordinator;
    int rv, status, error;
    bool done;
};

static void ask_coordinator(void *arg)
{
    struct ask *a = arg;
    struct groups *gs = broker_groups(a->n->broker);
    a->coordinator =
        gs == NULL ? -1 : groups_coordinator(gs, slice_str(a->group));
}

/* Who coordinates, as all living nodes say; -1: they do not agree. */
static int32_t coordinator(struct cluster *c, const char *group)
{
    int32_t all = -2;
    for (unsigned i = 1; i <= NODES; i++) {
        struct ask a = {.c = c, .n = &c->nodes[i], .group = group};
        if (!c->nodes[i].up) {
            continue;
        }
        assert_int_equal(sim_node_call(c->sim, i, ask_coordinator, &a), 0);
        all = all == -2 || all == a.coordinator ? a.coordinator : -1;
    }
    return all;
}

static int32_t wait_coordinator(struct cluster *c, const char *group)
{
    int32_t node = -1;
    for (unsigned t = 0; t < WAIT_MS; t += STEP_MS) {
        node = coordinator(c, group);
        if (node > 0 && c->nodes[node].up) {
            return node;
        }
        run_ms(c, STEP_MS);
    }
    fail_msg("no coordinator of %s: %d", group, node);
    return -1;
}

static void on_committed(void *arg, int status, uint64_t index,
                         struct slice result)
{
    struct ask *a = arg;
    struct cursor in;
    struct cgroup_result r;
    (void)index;
    a->status = status;
    cursor_init(&in, result);
    if (status == 0) {
        assert_true(cgroup_next_result(&in, &r));
        a->error = r.error;
    }
    a->done = true;
}

static void commit_as_node(void *arg)
{
    struct ask *a = arg;
    struct buf out;
    struct cgroup_commit_row row = {.topic = a->c->topic, .offset = a->offset};
    struct cgroup_commit k = {.group = slice_str(a->group),
                              .generation = -1,
                              .retention_ms = -1,
                              .rows = &row,
                              .n_rows = 1};
    struct state_group *g = groups_shard(broker_groups(a->n->broker),
                                         cgroup_shard(slice_str(a->group)));
    a->rv = ERR_NOTREADY;
    if (g == NULL) {
        return;
    }
    buf_init(&out, env_mem(a->n->env), 0);
    cgroup_batch_begin(&out);
    cgroup_encode_commit(&k, &out);
    struct chunk *chunk = chunk_acquire(a->n->pool, CHUNK_STATE, out.len);
    assert_non_null(chunk);
    if (chunk != NULL) {
        memcpy(chunk->data, out.data, out.len);
        struct bytes bytes = {chunk, chunk->data, out.len};
        a->rv = state_group_command(g, bytes, on_committed, a);
        bytes_release(&bytes);
    }
    buf_close(&out);
}

/* Commit at whoever coordinates, until it is acknowledged. */
static void commit(struct cluster *c, const char *group, int64_t offset)
{
    /* Of a node that dies meanwhile nothing is heard. */
    for (unsigned t = 0; t < WAIT_MS; t += STEP_MS) {
        int32_t node = wait_coordinator(c, group);
        struct ask a = {
            .c = c, .n = &c->nodes[node], .group = group, .offset = offset};
        assert_int_equal(
            sim_node_call(c->sim, (unsigned)node, commit_as_node, &a), 0);
        if (a.rv == 0 && run_until(c, WAIT_MS, &a.done) && a.status == 0) {
            assert_int_equal(a.error, 0);
            return;
        }
        assert_true(a.rv != 0 || a.done);
        run_ms(c, STEP_MS);
    }
    fail_msg("no commit of %s", group);
}

static void look_as_node(void *arg)
{
    struct ask *a = arg;
    struct slice id = slice_str(a->group);
    const struct cgroup_image *im =
        groups_image(broker_groups(a->n->broker), cgroup_shard(id));
    const struct cgroup_view *g = im == NULL ? NULL : cgroup_image_find(im, id);
    const struct cgroup_view_offset *o =
        g == NULL ? NULL : cgroup_view_offset(g, a->c->topic, 0);
    a->offset = o == NULL ? -1 : o->offset;
}

/* Every living node comes to know this offset. */
static void wait_offset(struct cluster *c, const char *group, int64_t offset)
{
    for (unsigned i = 1; i <= NODES; i++) {
        struct ask a = {
            .c = c, .n = &c->nodes[i], .group = group, .offset = -1};
        for (unsigned t = 0; c->nodes[i].up && a.offset != offset; t++) {
            if (t * STEP_MS >= WAIT_MS) {
                fail_msg("node %u: %s at %lld, not %lld", i, group,
                         (long long)a.offset, (long long)offset);
            }
            assert_int_equal(sim_node_call(c->sim, i, look_as_node, &a), 0);
            if (a.offset != offset) {
                run_ms(c, STEP_MS);
            }
        }
    }
}

static struct cluster *begin_as(uint64_t seed, bool keep)
{
    struct cluster *c = &cluster;
    cluster_open(c, seed);
    c->keep = keep;
    for (unsigned i = 1; i <= NODES; i++) {
        node_start(c, i);
    }
    for (unsigned i = 1; i <= NODES; i++) {
        wait_serves(c, i);
    }
    memset(c->topic.b, 0x66, sizeof c->topic.b);
    return c;
}

static struct cluster *begin(uint64_t seed)
{
    return begin_as(seed, false);
}

/* ---- stories ------------------------------------------------------------ */

/* Nobody pays for groups that nobody uses. */
static void placed_when_asked(void **state)
{
    struct cluster *c = begin(11);
    char group[16];
    bool seen[CGROUP_SHARDS] = {false};
    (void)state;
    run_ms(c, 1000);
    assert_null(image_shard(broker_image(c->nodes[1].broker), 0));
    assert_int_equal(coordinator(c, "a"), -1);
    for (unsigned i = 0; i < 60; i++) {
        snprintf(group, sizeof group, "group-%u", i);
        assert_true(wait_coordinator(c, group) > 0);
        seen[cgroup_shard(slice_str(group))] = true;
    }
    for (unsigned k = 0; k < CGROUP_SHARDS; k++) {
        assert_true(seen[k]);
    }
    cluster_close(c);
}

static void coordinator_dies(void **state)
{
    struct cluster *c = begin(12);
    (void)state;
    commit(c, "a", 1);
    wait_offset(c, "a", 1);
    for (int64_t i = 2; i < 6; i++) {
        unsigned dead = (unsigned)wait_coordinator(c, "a");
        node_crash(c, dead, SIM_CRASH_RANDOM);
        commit(c, "a", i); /* there is another */
        assert_int_not_equal(wait_coordinator(c, "a"), dead);
        node_start(c, dead);
        wait_serves(c, dead);
        wait_offset(c, "a", i); /* what it missed, too */
    }
    cluster_close(c);
}

static void power_cut(void **state)
{
    struct cluster *c = begin(13);
    char group[16];
    (void)state;
    for (int64_t round = 1; round <= 4; round++) {
        for (unsigned i = 0; i < 20; i++) {
            snprintf(group, sizeof group, "group-%u", i);
            commit(c, group, 100 * round + i);
        }
        for (unsigned i = 1; i <= NODES; i++) {
            node_crash(c, i,
                       round % 2 == 0 ? SIM_CRASH_NONE : SIM_CRASH_RANDOM);
        }
        for (unsigned i = 1; i <= NODES; i++) {
            node_start(c, i);
        }
        for (unsigned i = 1; i <= NODES; i++) {
            wait_serves(c, i);
        }
        for (unsigned i = 0; i < 20; i++) {
            snprintf(group, sizeof group, "group-%u", i);
            wait_offset(c, group, 100 * round + i);
        }
    }
    cluster_close(c);
}

static void on_stopped(void *arg)
{
    bool *stopped = arg;
    *stopped = true;
}

struct stop {
    struct node *n;
    bool stopped;
};

static void stop_as_node(void *arg)
{
    struct stop *s = arg;
    broker_stop(s->n->broker, 2000, on_stopped, &s->stopped);
}

/* A node that stops in order hands over first; one that stops in the middle of
 * opening its shards closes them. */
static void stops(void **state)
{
    (void)state;
    for (unsigned after = 0; after < 60; after += 5) {
        struct cluster *c = begin(14);
        struct stop s = {.n = &c->nodes[2]};
        coordinator(c, "a");
        run_ms(c, after);
        assert_int_equal(sim_node_call(c->sim, 2, stop_as_node, &s), 0);
        assert_true(run_until(c, WAIT_MS, &s.stopped));
        node_crash(c, 2, SIM_CRASH_ALL);
        commit(c, "a", 7);
        node_start(c, 2);
        wait_serves(c, 2);
        wait_offset(c, "a", 7);
        cluster_close(c);
    }
}

/* ---- members ------------------------------------------------------------ */

#define MEMBERS    3
#define SESSION_MS 6000

/* A consumer, as far as the group sees it. */
struct member {
    struct cluster *c;
    unsigned node; /* where it asks */
    char id[32];
    char next_id[32];
    struct coordinator_request request;
    bool waits; /* for an answer */
    bool canceled;
    int rv, status, error;
    int32_t generation;
    char leader[32];
    uint32_t delay_ms;
    int heartbeat;
};

static struct member members[MEMBERS];

static void copy(char out[32], struct slice s)
{
    snprintf(out, 32, "%.*s", (int)s.len, (const char *)s.data);
}

static void on_answer(struct coordinator_request *q, int status,
                      const struct cgroup_result *r)
{
    struct member *m = q->data;
    assert_true(m->waits && !m->canceled);
    m->waits = false;
    m->status = status;
    if (status == 0) {
        assert_false(r->parked);
        m->error = r->error;
        m->generation = r->generation;
        copy(m->leader, r->leader);
        copy(m->id, r->member);
    }
}

static void submit(struct member *m, enum cgroup_kind kind, struct buf *b)
{
    struct node *n = &m->c->nodes[m->node];
    struct coordinator *co =
        groups_requests(broker_groups(n->broker), slice_str("g"));
    m->rv = co == NULL
                ? ERR_NOTLEADER
                : coordinator_submit(co, &m->request, kind, slice_str("g"),
                                     slice_str(""), buf_slice(b), on_answer, m);
    m->waits = m->rv == 0;
    buf_close(b);
}

static void batch_init(const struct member *m, struct buf *b)
{
    buf_init(b, env_mem(m->c->nodes[m->node].env), 0);
    cgroup_batch_begin(b);
}

static void join_as_node(void *arg)
{
    struct member *m = arg;
    struct buf b;
    struct cgroup_protocol p = {slice_str("range"), slice_str("x")};
    struct cgroup_join j = {.group = slice_str("g"),
                            .member = slice_str(m->id),
                            .new_member = slice_str(m->next_id),
                            .session_ms = SESSION_MS,
                            .rebalance_ms = 20000,
                            .protocol_type = slice_str("consumer"),
                            .protocols = &p,
                            .n_protocols = 1,
                            .initial_delay_ms = m->delay_ms,
                            .session_max_ms = SESSION_MS,
                            .size_max = 100};
    batch_init(m, &b);
    cgroup_encode_join(&j, &b);
    submit(m, CGROUP_JOIN, &b);
}

static void sync_as_node(void *arg)
{
    struct member *m = arg;
    struct buf b;
    struct cgroup_sync y = {.group = slice_str("g"),
                            .member = slice_str(m->id),
                            .generation = m->generation};
    batch_init(m, &b);
    cgroup_encode_sync(&y, &b);
    submit(m, CGROUP_SYNC, &b);
}

static void heartbeat_as_node(void *arg)
{
    struct member *m = arg;
    struct node *n = &m->c->nodes[m->node];
    struct coordinator *co =
        groups_requests(broker_groups(n->broker), slice_str("g"));
    m->heartbeat =
        co == NULL ? KERR_NOT_COORDINATOR
                   : coordinator_heartbeat(co, slice_str("g"), slice_str(m->id),
                                           slice_str(""), m->generation);
}

static void cancel_as_node(void *arg)
{
    struct member *m = arg;
    m->canceled = true;
    coordinator_cancel(&m->request);
}

static void member_call(struct member *m, void (*fn)(void *))
{
    m->node = (unsigned)wait_coordinator(m->c, "g");
    assert_int_equal(sim_node_call(m->c->sim, m->node, fn, m), 0);
}

/* Until it is taken: a new leader first confirms what it knows. */
static void ask(struct member *m, void (*fn)(void *))
{
    for (unsigned t = 0; t < WAIT_MS; t += STEP_MS) {
        member_call(m, fn);
        if (m->rv == 0) {
            return;
        }
        assert_int_equal(m->rv, ERR_NOTLEADER);
        run_ms(m->c, STEP_MS);
    }
    fail_msg("nobody takes requests: %d", m->rv);
}

static int heartbeat(struct member *m)
{
    member_call(m, heartbeat_as_node);
    return m->heartbeat;
}

static void wait_answer(struct member *m)
{
    for (unsigned t = 0; m->waits; t += STEP_MS) {
        if (t >= WAIT_MS) {
            fail_msg("member %s waits", m->id);
        }
        run_ms(m->c, STEP_MS);
    }
    assert_int_equal(m->status, 0);
}

static void members_of(struct cluster *c)
{
    for (unsigned i = 0; i < MEMBERS; i++) {
        members[i] = (struct member){.c = c};
        snprintf(members[i].next_id, sizeof members[i].next_id, "m%u", i);
    }
}

static struct cluster *begin_members(uint64_t seed)
{
    struct cluster *c = begin(seed);
    members_of(c);
    return c;
}

/* The first `n` join; all come to the same generation. */
static void join_all(unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        ask(&members[i], join_as_node);
    }
    for (unsigned i = 0; i < n; i++) {
        wait_answer(&members[i]);
        assert_int_equal(members[i].error, 0);
        assert_int_equal(members[i].generation, members[0].generation);
    }
}

static void sync_all(unsigned n)
{
    for (unsigned i = n; i-- > 0;) { /* the leader is the last */
        ask(&members[i], sync_as_node);
    }
    for (unsigned i = 0; i < n; i++) {
        wait_answer(&members[i]);
        assert_int_equal(members[i].error, 0);
    }
}

/* Joins wait for the delay, syncs for the leader; who falls silent goes. */
static void generation(void **state)
{
    struct cluster *c = begin_members(21);
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        members[i].delay_ms = 500;
    }
    wait_coordinator(c, "g");
    uint64_t before = sim_now_us(c->sim);
    join_all(3);
    assert_true(sim_now_us(c->sim) - before >= 500000);
    assert_int_equal(members[0].generation, 1);
    assert_string_equal(members[2].leader, "m0");
    ask(&members[1], sync_as_node);
    run_ms(c, 300);
    assert_true(members[1].waits);
    ask(&members[2], sync_as_node);
    ask(&members[0], sync_as_node);
    for (unsigned i = 0; i < 3; i++) {
        wait_answer(&members[i]);
        assert_int_equal(members[i].error, 0);
    }
    /* Heartbeats keep a member for ever; m2 sends none. */
    unsigned alive_ms = 0;
    while (heartbeat(&members[0]) == 0 && alive_ms < 4 * SESSION_MS) {
        assert_int_equal(heartbeat(&members[1]), 0);
        run_ms(c, 500);
        alive_ms += 500;
    }
    assert_in_range(alive_ms, SESSION_MS - 500, SESSION_MS + 1500);
    assert_int_equal(members[0].heartbeat, KERR_REBALANCE_IN_PROGRESS);
    join_all(2);
    assert_int_equal(members[0].generation, 2);
    sync_all(2);
    assert_int_equal(heartbeat(&members[2]), KERR_UNKNOWN_MEMBER_ID);
    members[1].generation = 1;
    assert_int_equal(heartbeat(&members[1]), KERR_ILLEGAL_GENERATION);
    cluster_close(c);
}

/* A member that waits does not expire; one whose connection is gone does, and
 * holds nobody up beyond its session. */
static void parked(void **state)
{
    struct cluster *c = begin_members(22);
    (void)state;
    join_all(1);
    sync_all(1);
    ask(&members[1], join_as_node); /* waits for m0 to come again */
    run_ms(c, 100);
    for (unsigned t = 0; t < 3 * SESSION_MS; t += 1000) {
        assert_int_equal(heartbeat(&members[0]), KERR_REBALANCE_IN_PROGRESS);
        assert_true(members[1].waits);
        run_ms(c, 1000);
    }
    /* The rebalance is over at its 20 s, without m0. */
    wait_answer(&members[1]);
    assert_int_equal(members[1].error, 0);
    assert_string_equal(members[1].leader, "m1");
    /* m2 comes, m1 does not, and m2's connection breaks. */
    ask(&members[2], join_as_node);
    run_ms(c, 100);
    member_call(&members[2], cancel_as_node);
    run_ms(c, 3 * SESSION_MS);
    assert_int_equal(heartbeat(&members[1]), KERR_UNKNOWN_MEMBER_ID);
    copy(members[2].id, slice_str("m2"));
    assert_int_equal(heartbeat(&members[2]), KERR_UNKNOWN_MEMBER_ID);
    cluster_close(c);
}

/* Another coordinator goes on with the same generation: nobody rejoins. */
static void failover(void **state)
{
    struct cluster *c = begin_members(23);
    (void)state;
    members[0].delay_ms = members[1].delay_ms = 300;
    join_all(2);
    sync_all(2);
    int32_t generation = members[0].generation;
    for (unsigned round = 0; round < 3; round++) {
        unsigned dead = (unsigned)wait_coordinator(c, "g");
        node_crash(c, dead, SIM_CRASH_NONE);
        for (unsigned t = 0; t < 2 * SESSION_MS; t += 200) {
            for (unsigned i = 0; i < 2; i++) {
                int error = heartbeat(&members[i]);
                assert_true(error == 0 || (error == KERR_NOT_COORDINATOR &&
                                           t < SESSION_MS / 2));
                assert_int_equal(members[i].generation, generation);
            }
            run_ms(c, 200);
        }
        node_start(c, dead);
        wait_serves(c, dead);
    }
    /* Who died with the coordinator is found out by the next. */
    node_crash(c, (unsigned)wait_coordinator(c, "g"), SIM_CRASH_NONE);
    for (unsigned t = 0; t < 3 * SESSION_MS; t += 500) {
        heartbeat(&members[0]);
        run_ms(c, 500);
    }
    assert_int_equal(members[0].heartbeat, KERR_REBALANCE_IN_PROGRESS);
    join_all(1);
    assert_int_equal(members[0].generation, generation + 1);
    cluster_close(c);
}

/* ---- a coordinator that is behind ---------------------------------------- */

/* A shard is handed over by hand. */
struct hand {
    struct node *n;
    int32_t to;
    bool over; /* the outcome is known */
    int status;
};

static void on_handed(void *arg, int status)
{
    struct hand *h = arg;
    h->status = status;
    h->over = true;
}

static void hand_over_as_node(void *arg)
{
    struct hand *h = arg;
    struct state_group *g =
        groups_shard(broker_groups(h->n->broker), cgroup_shard(slice_str("g")));
    h->status = replica_transfer_leader(state_group_replica(g), h->to, 2000,
                                        on_handed, h);
    h->over = h->status != 0;
}

/* Until all know it. */
static void hand_over(struct cluster *c, unsigned from, unsigned to)
{
    for (unsigned t = 0; wait_coordinator(c, "g") != (int32_t)to; t++) {
        struct hand h = {.n = &c->nodes[from], .to = (int32_t)to};
        assert_true(t < 100);
        assert_int_equal(sim_node_call(c->sim, from, hand_over_as_node, &h), 0);
        assert_true(run_until(c, WAIT_MS, &h.over));
        run_ms(c, 100);
    }
}

/* A node leads while it cannot apply, loses that to another, and leads again:
 * when it can, it first learns what the other did. */
static void confirms_each_term(void **state)
{
    struct cluster *c = begin_as(28, true);
    (void)state;
    members_of(c);
    join_all(1);
    sync_all(1);
    unsigned home = (unsigned)wait_coordinator(c, "g");
    struct node *slow = &c->nodes[home % NODES + 1];
    run_ms(c, 1000); /* what is to be applied is */
    node_stall(c, slow->id, WAIT_MS / 2);
    hand_over(c, home, slow->id);
    assert_int_equal(heartbeat(&members[0]), KERR_NOT_COORDINATOR);
    hand_over(c, slow->id, home);
    ask(&members[1], join_as_node);
    join_all(1);
    wait_answer(&members[1]);
    assert_int_equal(members[1].generation, 2);
    sync_all(2);
    hand_over(c, home, slow->id);
    assert_false(slow->stall_over);
    sim_run_until(c->sim, sim_now_us(c->sim) + WAIT_MS * 1000,
                  &slow->stall_over);
    assert_true(slow->stall_over);
    uint64_t end = sim_now_us(c->sim) + SESSION_MS * 1000;
    for (unsigned i = 0; i < 2; i++) {
        members[i].node = slow->id;
        members[i].heartbeat = KERR_NOT_COORDINATOR;
    }
    while (members[0].heartbeat != 0 || members[1].heartbeat != 0) {
        assert_true(sim_now_us(c->sim) < end && sim_run_one(c->sim));
        for (unsigned i = 0; i < 2; i++) {
            assert_int_equal(
                sim_node_call(c->sim, slow->id, heartbeat_as_node, &members[i]),
                0);
            assert_true(members[i].heartbeat == 0 ||
                        members[i].heartbeat == KERR_NOT_COORDINATOR);
        }
    }
    run_ms(c, SESSION_MS / 2);
    assert_int_equal(members[0].generation, 2);
    assert_int_equal(heartbeat(&members[0]), 0);
    assert_int_equal(heartbeat(&members[1]), 0);
    cluster_close(c);
}

/* A member that joins and never asks for its assignment goes. */
static void never_syncs(void **state)
{
    struct cluster *c = begin_members(24);
    (void)state;
    join_all(1);
    sync_all(1);
    ask(&members[1], join_as_node);
    join_all(1);
    wait_answer(&members[1]);
    ask(&members[0], sync_as_node);
    wait_answer(&members[0]);
    assert_int_equal(members[0].error, 0);
    unsigned ms = 0;
    while (heartbeat(&members[0]) == 0 && ms < 40000) {
        assert_int_equal(heartbeat(&members[1]), 0);
        run_ms(c, 500);
        ms += 500;
    }
    assert_in_range(ms, 19000, 22000); /* its rebalance time */
    assert_int_equal(heartbeat(&members[1]), KERR_UNKNOWN_MEMBER_ID);
    cluster_close(c);
}

/* ---- many at once, and the end ------------------------------------------ */

#define STORM 500

struct storm {
    struct node *n;
    struct coordinator_request requests[STORM];
    unsigned n_answered;
    uint64_t last; /* entry of the shard's log */
};

static struct storm storm;

static void on_stormed(struct coordinator_request *q, int status,
                       const struct cgroup_result *r)
{
    struct storm *s = q->data;
    assert_int_equal(status, 0);
    assert_int_equal(r->error, 0);
    s->n_answered++;
}

static void storm_as_node(void *arg)
{
    struct storm *s = arg;
    struct groups *gs = broker_groups(s->n->broker);
    struct coordinator *co = groups_requests(gs, slice_str("g"));
    struct replica_status status;
    replica_status(
        state_group_replica(groups_shard(gs, cgroup_shard(slice_str("g")))),
        &status);
    s->last = status.last;
    for (unsigned i = 0; i < STORM && s->n_answered == 0; i++) {
        struct buf b;
        struct cgroup_commit_row row = {.topic = s->n->c->topic,
                                        .partition = (int32_t)(i % 100),
                                        .offset = i};
        struct cgroup_commit k = {.group = slice_str("g"),
                                  .generation = -1,
                                  .retention_ms = -1,
                                  .rows = &row,
                                  .n_rows = 1};
        buf_init(&b, env_mem(s->n->env), 0);
        cgroup_batch_begin(&b);
        cgroup_encode_commit(&k, &b);
        assert_int_equal(coordinator_submit(co, &s->requests[i], CGROUP_COMMIT,
                                            slice_str("g"), slice_str(""),
                                            buf_slice(&b), on_stormed, s),
                         0);
        buf_close(&b);
    }
}

/* Commits that come together are few entries, and each has its answer. */
static void commits_together(void **state)
{
    struct cluster *c = begin(25);
    (void)state;
    commit(c, "g", 1);
    unsigned node = (unsigned)wait_coordinator(c, "g");
    run_ms(c, 1000);
    storm = (struct storm){.n = &c->nodes[node]};
    assert_int_equal(sim_node_call(c->sim, node, storm_as_node, &storm), 0);
    uint64_t before = storm.last;
    for (unsigned t = 0; t < WAIT_MS && storm.n_answered < STORM; t++) {
        run_ms(c, 1);
    }
    assert_int_equal(storm.n_answered, STORM);
    assert_int_equal(sim_node_call(c->sim, node, storm_as_node, &storm), 0);
    assert_in_range(storm.last - before, 1, 3);
    wait_offset(c, "g", STORM - 100); /* the last of partition 0 */
    cluster_close(c);
}

/* ---- the limits of what is under way -------------------------------------
 */

#define FLOOD (COORDINATOR_REQUESTS_MAX + 3)

struct flood {
    struct node *node;
    struct coordinator_request requests[FLOOD];
    unsigned n;            /* to submit */
    struct slice metadata; /* of each */
    unsigned n_taken, n_full, n_answered;
    uint64_t under_way, busy; /* as metrics tell */
};

static struct flood flood;

static void on_flooded(struct coordinator_request *q, int status,
                       const struct cgroup_result *r)
{
    struct flood *f = q->data;
    assert_int_equal(status, 0);
    assert_int_equal(r->error, 0);
    f->n_answered++;
}

static uint64_t metric_now(struct node *n, const char *line)
{
    struct buf b;
    buf_init(&b, env_mem(n->env), 0);
    metrics_render(env_metrics(n->env), &b);
    buf_put_u8(&b, 0);
    const char *at = strstr((char *)b.data, line);
    uint64_t v =
        at == NULL ? UINT64_MAX : strtoull(at + strlen(line), NULL, 10);
    buf_close(&b);
    return v;
}

static void measure_as_node(void *arg)
{
    struct flood *f = arg;
    char line[80];
    snprintf(line, sizeof line, "\nostraka_group_requests{shard=\"%u\"} ",
             cgroup_shard(slice_str("g")));
    f->under_way = metric_now(f->node, line);
    f->busy = metric_now(f->node, "\nostraka_group_requests_busy_total ");
}

static void flood_as_node(void *arg)
{
    struct flood *f = arg;
    struct coordinator *co =
        groups_requests(broker_groups(f->node->broker), slice_str("g"));
    for (unsigned i = 0; i < f->n; i++) {
        struct buf b;
        struct cgroup_commit_row row = {
            .topic = f->node->c->topic, .offset = i, .metadata = f->metadata};
        struct cgroup_commit k = {.group = slice_str("g"),
                                  .generation = -1,
                                  .retention_ms = -1,
                                  .rows = &row,
                                  .n_rows = 1,
                                  .metadata_max = 4 << 20};
        buf_init(&b, env_mem(f->node->env), 0);
        cgroup_batch_begin(&b);
        cgroup_encode_commit(&k, &b);
        int rv = coordinator_submit(co, &f->requests[i], CGROUP_COMMIT,
                                    slice_str("g"), slice_str(""),
                                    buf_slice(&b), on_flooded, f);
        assert_true(rv == 0 || rv == ERR_FULL);
        assert_true(rv != 0 || f->n_full == 0);
        f->n_taken += rv == 0;
        f->n_full += rv != 0;
        buf_close(&b);
    }
    measure_as_node(f);
}

static void flood_begin(struct cluster *c, unsigned node, unsigned n,
                        struct slice metadata)
{
    flood =
        (struct flood){.node = &c->nodes[node], .n = n, .metadata = metadata};
    assert_int_equal(sim_node_call(c->sim, node, flood_as_node, &flood), 0);
    assert_int_equal(flood.under_way, flood.n_taken);
}

static void flood_end(struct cluster *c, unsigned node)
{
    for (unsigned t = 0; t < WAIT_MS && flood.n_answered < flood.n_taken;
         t += STEP_MS) {
        run_ms(c, STEP_MS);
    }
    assert_int_equal(flood.n_answered, flood.n_taken);
    assert_int_equal(sim_node_call(c->sim, node, measure_as_node, &flood), 0);
    assert_int_equal(flood.under_way, 0);
}

/* So many requests of a shard, and so many bytes of them, are under way; what
 * comes then is refused and counted, and all others have their answers. */
static void too_many_requests(void **state)
{
    static uint8_t large[1 << 20];
    struct cluster *c = begin(27);
    (void)state;
    commit(c, "g", 1);
    unsigned node = (unsigned)wait_coordinator(c, "g");
    flood_begin(c, node, FLOOD, slice_str(""));
    assert_int_equal(flood.n_taken, COORDINATOR_REQUESTS_MAX);
    assert_int_equal(flood.busy, 3);
    flood_end(c, node);
    flood_begin(c, node, 5, slice_of(large, sizeof large));
    assert_int_equal(flood.n_taken, 3); /* 4 MiB, and what is around them */
    assert_int_equal(flood.busy, 3 + 2);
    flood_end(c, node);
    flood_begin(c, node, 1, slice_str(""));
    assert_int_equal(flood.n_taken, 1);
    assert_int_equal(flood.busy, 3 + 2);
    flood_end(c, node);
    cluster_close(c);
}

/* A node that stops tells who waits. */
static void stops_with_requests(void **state)
{
    struct cluster *c = begin_members(26);
    struct stop s = {.n = NULL};
    (void)state;
    members[0].delay_ms = 10000;
    ask(&members[0], join_as_node);
    run_ms(c, 200);
    assert_true(members[0].waits);
    s.n = &c->nodes[members[0].node];
    assert_int_equal(sim_node_call(c->sim, s.n->id, stop_as_node, &s), 0);
    assert_true(run_until(c, WAIT_MS, &s.stopped));
    assert_false(members[0].waits);
    assert_true(members[0].status == ERR_CANCELED ||
                members[0].status == ERR_NOTLEADER);
    cluster_close(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(placed_when_asked),
        cmocka_unit_test(coordinator_dies),
        cmocka_unit_test(power_cut),
        cmocka_unit_test(stops),
        cmocka_unit_test(generation),
        cmocka_unit_test(parked),
        cmocka_unit_test(failover),
        cmocka_unit_test(confirms_each_term),
        cmocka_unit_test(never_syncs),
        cmocka_unit_test(commits_together),
        cmocka_unit_test(too_many_requests),
        cmocka_unit_test(stops_with_requests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
