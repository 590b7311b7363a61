/* SQL on three brokers: the same rows wherever it runs, whoever leads; a queue
 * with an end; statements that are given up, or whose node stops or is cut
 * off. */
#include "cluster.h"

#include <stdio.h>
#include <string.h>

#include "broker/groups.h"
#include "broker/query_impl.h"
#include "broker/state_group_impl.h"
#include "state/cgroup.h"
#include "state/db_impl.h"
#include "state/machine_impl.h"

#define WAIT_MS 30000
#define STEP_MS 10
#define TEXT    2048
/* More than a shard tells at once, several times. */
#define ROWS_MAX (3 * SQL_PIECE + 7)

static struct cluster cluster;

/* ---- committed offsets --------------------------------------------------- */

struct commit {
    struct cluster *c;
    struct node *n;
    const char *group;
    int64_t offset;
    unsigned n_rows; /* of partitions from 0; 0: one */
    int rv, status;
    bool done;
};

static void on_committed(void *arg, int status, uint64_t index,
                         struct slice result)
{
    struct commit *k = arg;
    (void)index;
    (void)result;
    k->status = status;
    k->done = true;
}

static void commit_as_node(void *arg)
{
    struct commit *k = arg;
    struct buf out;
    struct slice id = slice_str(k->group);
    static struct cgroup_commit_row rows[ROWS_MAX];
    unsigned n = k->n_rows == 0 ? 1 : k->n_rows;
    for (unsigned i = 0; i < n; i++) {
        rows[i] = (struct cgroup_commit_row){
            .topic = k->c->topic, .partition = (int32_t)i, .offset = k->offset};
    }
    struct cgroup_commit x = {.group = id,
                              .generation = -1,
                              .retention_ms = -1,
                              .rows = rows,
                              .n_rows = n,
                              .history_max = 5};
    struct groups *gs = broker_groups(k->n->broker);
    k->rv = ERR_NOTREADY;
    (void)groups_coordinator(gs, id); /* places the shards */
    struct state_group *g = groups_shard(gs, cgroup_shard(id));
    if (g == NULL || !state_group_ready(g)) {
        return;
    }
    buf_init(&out, env_mem(k->n->env), 0);
    cgroup_batch_begin(&out);
    cgroup_encode_commit(&x, &out);
    struct chunk *chunk = chunk_acquire(k->n->pool, CHUNK_STATE, out.len);
    assert_non_null(chunk);
    if (chunk != NULL) {
        memcpy(chunk->data, out.data, out.len);
        struct bytes bytes = {chunk, chunk->data, out.len};
        k->rv = state_group_command(g, bytes, on_committed, k);
        bytes_release(&bytes);
    }
    buf_close(&out);
}

static void commit_many(struct cluster *c, const char *group, int64_t offset,
                        unsigned n_rows)
{
    for (unsigned t = 0; t < WAIT_MS; t += STEP_MS) {
        for (unsigned i = 1; i <= NODES; i++) {
            struct commit k = {.c = c,
                               .n = &c->nodes[i],
                               .group = group,
                               .offset = offset,
                               .n_rows = n_rows};
            if (!c->nodes[i].up) {
                continue;
            }
            assert_int_equal(sim_node_call(c->sim, i, commit_as_node, &k), 0);
            if (k.rv == 0 && run_until(c, WAIT_MS, &k.done) && k.status == 0) {
                return;
            }
        }
        run_ms(c, STEP_MS);
    }
    fail_msg("no commit of %s", group);
}

static void commit(struct cluster *c, const char *group, int64_t offset)
{
    commit_many(c, group, offset, 1);
}

/* ---- statements ---------------------------------------------------------- */

struct asked {
    struct node *n;
    const char *statement;
    bool stale;
    uint32_t rows_max, time_ms;
    struct query *query;
    int rv, status;
    bool done;
    char text[TEXT]; /* of the rows, or why not */
    struct query_seen seen[1 + CGROUP_SHARDS];
    unsigned n_seen;
};

static void on_query(void *arg, int status, const struct query_result *r,
                     const struct err *err)
{
    struct asked *a = arg;
    struct cursor c;
    size_t n = 0;
    assert_false(a->done);
    a->done = true;
    a->query = NULL;
    a->status = status;
    if (status != 0) {
        snprintf(a->text, sizeof a->text, "%s", err->text);
        return;
    }
    a->n_seen = r->n_seen;
    memcpy(a->seen, r->seen, r->n_seen * sizeof *r->seen);
    cursor_init(&c, buf_slice(&r->answer->rows));
    while (c.status == 0 && cursor_left(&c) > 0 && n < sizeof a->text) {
        for (unsigned i = 0; i < r->answer->n_columns; i++) {
            uint8_t kind = cursor_u8(&c);
            struct slice s = slice_str("-");
            char number[24];
            if (kind == SQL_INT) {
                snprintf(number, sizeof number, "%lld",
                         (long long)cursor_u64(&c));
                s = slice_str(number);
            } else if (kind == SQL_TEXT) {
                s = cursor_take(&c, cursor_u32(&c));
            }
            n += (size_t)snprintf(a->text + n, sizeof a->text - n, "%.*s%s",
                                  (int)s.len, (const char *)s.data,
                                  i + 1 < r->answer->n_columns ? " " : "\n");
        }
    }
    assert_int_equal(c.status, 0);
}

static void ask_as_node(void *arg)
{
    struct asked *a = arg;
    struct query_options o = {.statement = slice_str(a->statement),
                              .stale = a->stale,
                              .rows_max = a->rows_max,
                              .time_ms = a->time_ms};
    a->rv = query_start(a->n->broker, &o, on_query, a, &a->query);
}

static void start(struct cluster *c, unsigned node, struct asked *a)
{
    a->n = &c->nodes[node];
    assert_int_equal(sim_node_call(c->sim, node, ask_as_node, a), 0);
}

static int ask(struct cluster *c, unsigned node, struct asked *a)
{
    start(c, node, a);
    assert_int_equal(a->rv, 0);
    assert_true(run_until(c, WAIT_MS, &a->done));
    return a->status;
}

/* The rows of a statement, the same on every node that is up. */
static void rows_are(struct cluster *c, const char *statement, bool stale,
                     const char *rows)
{
    for (unsigned i = 1; i <= NODES; i++) {
        struct asked a = {.statement = statement, .stale = stale};
        if (!c->nodes[i].up) {
            continue;
        }
        if (ask(c, i, &a) != 0) {
            fail_msg("node %u: %s: %s", i, statement, a.text);
        }
        assert_string_equal(a.text, rows);
    }
}

static struct cluster *begin(uint64_t seed)
{
    cluster_up(&cluster, seed);
    return &cluster;
}

/* ---- stories ------------------------------------------------------------- */

static void same_everywhere(void **state)
{
    struct cluster *c = begin(21);
    (void)state;
    /* The shards are not placed yet: there are no groups. */
    rows_are(c, "SELECT count(*) FROM groups", false, "0\n");
    for (unsigned i = 0; i < 5; i++) {
        producer_send(c);
    }
    producer_settle(c, WAIT_MS);
    commit(c, "a", 2);
    commit(c, "b", 3);
    commit(c, "c", 4);
    rows_are(c, "SELECT group_id,state,members FROM groups", false,
             "a Empty 0\nb Empty 0\nc Empty 0\n");
    rows_are(c, "SELECT group_id,partition,offset,end_offset,lag FROM lag",
             false, "a 0 2 5 3\nb 0 3 5 2\nc 0 4 5 1\n");
    rows_are(c, "SELECT lag FROM lag WHERE group_id='b'", false, "2\n");
    rows_are(c, "SELECT seq,offset FROM offset_history WHERE group_id='c'",
             false, "1 4\n");
    rows_are(c, "SELECT node,up FROM nodes", false, "1 1\n2 1\n3 1\n");
    rows_are(c, "SELECT partitions,replication_factor FROM topics", false,
             "1 3\n");
    rows_are(c, "SELECT count(*) FROM offsets WHERE topic='none'", false,
             "0\n");
    run_ms(c, 1000);
    rows_are(c, "SELECT group_id,offset FROM offsets", true, "a 2\nb 3\nc 4\n");
    cluster_close(c);
}

/* Only what is needed is read, and the answer says what was seen. */
static void seen(void **state)
{
    struct cluster *c = begin(22);
    struct asked one = {.statement = "SELECT * FROM groups WHERE "
                                     "group_id='a'"};
    struct asked all = {.statement = "SELECT * FROM groups"};
    struct asked none = {.statement = "SELECT * FROM topics"};
    (void)state;
    commit(c, "a", 2);
    assert_int_equal(ask(c, 1, &one), 0);
    assert_int_equal(one.n_seen, 2);
    assert_int_equal(one.seen[0].shard, QUERY_META);
    assert_int_equal(one.seen[1].shard, cgroup_shard(slice_str("a")));
    assert_true(one.seen[1].index > 2 && one.seen[1].term > 0);
    assert_int_equal(ask(c, 2, &all), 0);
    assert_int_equal(all.n_seen, 1 + CGROUP_SHARDS);
    for (int k = 0; k < CGROUP_SHARDS; k++) {
        assert_int_equal(all.seen[1 + k].shard, k);
    }
    assert_int_equal(ask(c, 3, &none), 0);
    assert_int_equal(none.n_seen, 1);
    cluster_close(c);
}

/* Whoever dies: the others answer, by themselves or by the next leader. */
/* Two shards of several pieces each, and others around them. */
static void in_pieces(void **state)
{
    struct cluster *c = begin(29);
    char rows[64];
    (void)state;
    commit_many(c, "a", 5, ROWS_MAX);
    commit_many(c, "d", 6, ROWS_MAX);
    assert_true(cgroup_shard(slice_str("a")) != cgroup_shard(slice_str("d")));
    commit(c, "c", 7);
    for (int stale = 0; stale <= 1; stale++) {
        if (stale) {
            run_ms(c, 2000); /* all have applied it */
        }
        snprintf(rows, sizeof rows, "%d %d %d\n", 2 * ROWS_MAX + 1,
                 2 * ROWS_MAX + 1, 11 * ROWS_MAX + 7);
        rows_are(c,
                 "SELECT count(*), count(DISTINCT group_id||partition), "
                 "sum(offset) FROM offsets",
                 stale, rows);
        snprintf(rows, sizeof rows, "%d %d\n", 2 * ROWS_MAX + 1, ROWS_MAX - 1);
        rows_are(c, "SELECT count(*), max(partition) FROM offset_history",
                 stale, rows);
    }
    cluster_close(c);
}

static void leader_dies(void **state)
{
    struct cluster *c = begin(23);
    (void)state;
    for (unsigned dead = 1; dead <= NODES; dead++) {
        commit(c, "a", dead);
        commit(c, "b", dead);
        node_crash(c, dead, SIM_CRASH_RANDOM);
        rows_are(c, "SELECT group_id,offset FROM offsets", false,
                 dead == 1   ? "a 1\nb 1\n"
                 : dead == 2 ? "a 2\nb 2\n"
                             : "a 3\nb 3\n");
        node_start(c, dead);
        wait_serves(c, dead);
        rows_are(c, "SELECT count(*) FROM offsets", false, "2\n");
    }
    cluster_close(c);
}

/* Who is cut off says so in time, and still has what it had. */
static void cut_off(void **state)
{
    struct cluster *c = begin(24);
    struct asked fresh = {.statement = "SELECT count(*) FROM offsets"};
    struct asked stale = {.statement = "SELECT count(*) FROM offsets",
                          .stale = true};
    (void)state;
    commit(c, "a", 2);
    rows_are(c, "SELECT count(*) FROM offsets", false, "1\n");
    run_ms(c, 1000);
    cluster_isolate(c, 3, false);
    run_ms(c, 2000);
    assert_int_equal(ask(c, 3, &fresh), ERR_TIMEOUT);
    assert_int_equal(ask(c, 3, &stale), 0);
    assert_string_equal(stale.text, "1\n");
    cluster_isolate(c, 3, true);
    run_ms(c, 5000);
    rows_are(c, "SELECT count(*) FROM offsets", false, "1\n");
    cluster_close(c);
}

static void limits(void **state)
{
    struct cluster *c = begin(25);
    struct asked rows = {.statement = "SELECT * FROM offsets", .rows_max = 2};
    struct asked pinned = {
        .statement = "SELECT * FROM offsets WHERE group_id='a'", .rows_max = 2};
    struct asked wrong = {.statement = "DELETE FROM groups"};
    static struct asked many[QUERIES_WAITING_MAX + 2];
    (void)state;
    commit(c, "a", 1);
    commit(c, "b", 1);
    commit(c, "c", 1);
    assert_int_equal(ask(c, 1, &rows), ERR_TOOBIG);
    assert_non_null(strstr(rows.text, "sql.rows.max"));
    assert_int_equal(ask(c, 1, &pinned), 0);
    assert_true(ask(c, 1, &wrong) != 0);
    /* One runs, others wait for it, and one more is refused at once. */
    for (unsigned i = 0; i <= QUERIES_WAITING_MAX + 1; i++) {
        many[i] = (struct asked){.statement = "SELECT count(*) FROM groups"};
        start(c, 1, &many[i]);
        assert_int_equal(many[i].rv, i <= QUERIES_WAITING_MAX ? 0 : ERR_FULL);
    }
    for (unsigned i = 0; i <= QUERIES_WAITING_MAX; i++) {
        assert_true(run_until(c, WAIT_MS, &many[i].done));
        assert_int_equal(many[i].status, 0);
        assert_string_equal(many[i].text, "3\n");
    }
    cluster_close(c);
}

static void cancel_as_node(void *arg)
{
    struct asked *a = arg;
    if (a->query != NULL) {
        query_cancel(a->query);
    }
}

static void on_stopped(void *arg)
{
    *(bool *)arg = true;
}

struct stop {
    struct node *n;
    bool stopped;
};

static void stop_as_node(void *arg)
{
    struct stop *s = arg;
    broker_stop(s->n->broker, 0, on_stopped, &s->stopped);
}

/* At whatever moment a client leaves, or the node stops. */
static void given_up(void **state)
{
    (void)state;
    for (unsigned after_us = 0; after_us < 4000; after_us += 250) {
        struct cluster *c = begin(26);
        struct asked first = {.statement = "SELECT count(*) FROM lag"};
        struct asked second = {.statement = "SELECT count(*) FROM groups"};
        struct asked third = {.statement = "SELECT count(*) FROM lag"};
        struct stop s = {.n = &c->nodes[2]};
        bool never = false;
        commit_many(c, "a", 1, ROWS_MAX);
        start(c, 2, &first);
        start(c, 2, &second);
        start(c, 2, &third);
        uint64_t until = sim_now_us(c->sim) + after_us;
        while (sim_now_us(c->sim) < until && sim_run_one(c->sim)) {
        }
        assert_int_equal(sim_node_call(c->sim, 2, cancel_as_node, &first), 0);
        never = first.done;
        if (after_us % 500 == 0) {
            assert_true(run_until(c, WAIT_MS, &second.done));
            assert_int_equal(second.status, 0);
            assert_string_equal(second.text, "1\n");
        }
        assert_int_equal(sim_node_call(c->sim, 2, stop_as_node, &s), 0);
        assert_true(run_until(c, WAIT_MS, &s.stopped));
        assert_int_equal(first.done, never);
        assert_true(second.done && third.done);
        node_crash(c, 2, SIM_CRASH_ALL);
        cluster_close(c);
    }
}

/* ---- what a node does not have ------------------------------------------- */

static struct state_group *shard_of(struct cluster *c, unsigned id, unsigned k)
{
    struct groups *gs = broker_groups(c->nodes[id].broker);
    return gs == NULL ? NULL : groups_shard(gs, k);
}

static unsigned shard_leader(struct cluster *c, unsigned k)
{
    for (unsigned t = 0; t < WAIT_MS; t += STEP_MS) {
        for (unsigned i = 1; i <= NODES; i++) {
            struct state_group *g = c->nodes[i].up ? shard_of(c, i, k) : NULL;
            if (g != NULL && state_group_ready(g)) {
                return i;
            }
        }
        run_ms(c, STEP_MS);
    }
    fail_msg("nobody leads @groups/%u", k);
    return 0;
}

/* An end that does not come in half of the time is NULL. Whoever was asked for
 * it answers to nobody: the query thread has the rows by then. */
static void ends_held_back(void **state)
{
    struct cluster *c = begin(27);
    struct asked a = {.statement = "SELECT start_offset,end_offset FROM "
                                   "partitions",
                      .time_ms = 200};
    struct node *n = wait_leader(c, WAIT_MS);
    struct queue *e, *tmp;
    unsigned asks = 0;
    (void)state;
    assert_non_null(n);
    struct queries *qs = n->broker->queries;
    start(c, n->id, &a);
    while (qs->current == NULL || queue_empty(&qs->current->asks)) {
        assert_true(sim_run_one(c->sim));
    }
    struct query *q = qs->current;
    QUEUE_FOREACH(e, tmp, &q->asks)
    {
        asks += QUEUE_ENTRY(e, struct query_ask, queue)->read != NULL;
    }
    assert_int_equal(asks, 1);
    cluster_isolate(c, n->id, false);
    while (qs->current == q && q->state == QUERY_GATHERING) {
        assert_true(sim_run_one(c->sim));
    }
    assert_ptr_equal(qs->current, q);
    assert_int_equal(q->state, QUERY_RUNNING);
    assert_true(qs->n_reads > 0); /* it is under way still */
    QUEUE_FOREACH(e, tmp, &q->asks)
    {
        assert_true(QUEUE_ENTRY(e, struct query_ask, queue)->done);
    }
    cluster_isolate(c, n->id, true);
    assert_true(run_until(c, WAIT_MS, &a.done));
    assert_int_equal(a.status, 0);
    assert_string_equal(a.text, "- -\n");
    run_ms(c, 1000);
    assert_int_equal(qs->n_reads, 0);
    rows_are(c, "SELECT start_offset,end_offset FROM partitions", false,
             "0 0\n");
    cluster_close(c);
}

/* ---- answers that have no end -------------------------------------------- */

struct part {
    struct queries *qs;
    int32_t node;
    struct bytes message;
};

static void hear_as_node(void *arg)
{
    struct part *x = arg;
    query_message(x->qs, x->node, x->message);
}

/* A part of an answer with a million bytes, which is not the last. */
static struct bytes endless_part(struct node *n, uint64_t id)
{
    enum { HEAD = 10, PART = 1 << 20 };
    struct chunk *chunk = chunk_acquire(n->pool, CHUNK_STATE, HEAD + PART);
    assert_non_null(chunk);
    memset(chunk->data, 0, HEAD + PART);
    chunk->data[0] = QUERY_MESSAGE_ANSWER;
    for (unsigned i = 0; i < 8; i++) {
        chunk->data[1 + i] = (uint8_t)(id >> (56 - 8 * i));
    }
    return (struct bytes){chunk, chunk->data, HEAD + PART};
}

/* What all nodes together tell counts, before it is whole. */
static void endless_answers(void **state)
{
    struct cluster *c = begin(31);
    struct asked a = {.statement = "SELECT * FROM offsets"};
    unsigned parts = 0;
    (void)state;
    commit(c, "a", 1);
    run_ms(c, 1000);
    struct queries *qs = c->nodes[1].broker->queries;
    start(c, 1, &a);
    while (qs->current == NULL || queue_empty(&qs->current->asks)) {
        assert_true(sim_run_one(c->sim));
    }
    struct query *q = qs->current;
    while (!a.done) {
        struct queue *e = q->asks.next;
        assert_true(parts <= QUERY_BYTES_MAX >> 20);
        /* Each of the nodes in turn, as far as they are asked. */
        for (unsigned i = parts % 3; i > 0 && e->next != &q->asks; i--) {
            e = e->next;
        }
        struct query_ask *ask = QUEUE_ENTRY(e, struct query_ask, queue);
        if (ask->read != NULL) {
            e = e->next != &q->asks ? e->next : q->asks.next;
            ask = QUEUE_ENTRY(e, struct query_ask, queue);
        }
        assert_true(ask->read == NULL && !ask->done);
        struct part x = {qs, ask->node, endless_part(&c->nodes[1], ask->id)};
        assert_int_equal(sim_node_call(c->sim, 1, hear_as_node, &x), 0);
        bytes_release(&x.message);
        parts++;
    }
    assert_int_equal(a.status, ERR_TOOBIG);
    assert_int_equal(parts, QUERY_BYTES_MAX >> 20);
    rows_are(c, "SELECT offset FROM offsets", false, "1\n");
    cluster_close(c);
}

struct lack {
    struct state_group *g;
};

static void lack_as_node(void *arg)
{
    struct lack *x = arg;
    repair_lack(x->g, "the test took it");
}

/* A node whose own state is gone asks another, also while nobody leads. */
static void stale_elsewhere(void **state)
{
    struct cluster *c = begin(28);
    unsigned k = cgroup_shard(slice_str("a"));
    struct asked led = {.statement = "SELECT offset FROM offsets WHERE "
                                     "group_id='a'",
                        .stale = true};
    struct asked alone = led;
    (void)state;
    commit(c, "a", 2);
    run_ms(c, 1000);
    unsigned lead = shard_leader(c, k);
    unsigned id = lead % NODES + 1, other = id % NODES + 1;
    struct lack x = {.g = shard_of(c, id, k)};
    /* As while an image is fetched. */
    if (x.g == NULL) {
        fail();
        return;
    }
    x.g->repair.lacking = true;
    assert_int_equal(ask(c, id, &led), 0);
    assert_string_equal(led.text, "2\n");
    assert_int_equal(led.n_seen, 2);
    assert_int_equal(led.seen[1].node, (int)lead);
    x.g->repair.lacking = false;
    /* And nobody leads: not who has no state, nor who may not be elected. */
    node_crash(c, lead, SIM_CRASH_ALL);
    assert_int_equal(sim_node_call(c->sim, id, lack_as_node, &x), 0);
    while (peers_state(broker_peers(c->nodes[id].broker), (int32_t)lead) ==
           PEER_UP) {
        assert_true(sim_run_one(c->sim));
    }
    alone.time_ms = 40; /* nobody is elected so soon */
    if (ask(c, id, &alone) != 0) {
        fail_msg("%s", alone.text);
    }
    assert_string_equal(alone.text, "2\n");
    assert_int_equal(alone.seen[1].node, (int)other);
    cluster_close(c);
}

/* ---- time ---------------------------------------------------------------- */

struct reading {
    struct queries *all;
    struct query_want want;
    bool done;
    int status, shard_status;
    unsigned n_parts, n_rows;
};

static void on_read(void *arg, int status, const struct query_part parts[],
                    unsigned n, struct query_rows rows)
{
    struct reading *x = arg;
    x->done = true;
    x->status = status;
    x->n_parts = n;
    x->shard_status = n > 0 ? parts[0].status : 0;
    x->n_rows = rows.n;
}

static void read_as_node(void *arg)
{
    struct reading *x = arg;
    struct query_read *r;
    assert_int_equal(query_read_start(x->all, &x->want, on_read, x, &r), 0);
}

/* Who asked has given up by then: the rest of a shard is not read, and nothing
 * of it told. */
static void in_time(void **state)
{
    struct cluster *c = begin(31);
    unsigned k = cgroup_shard(slice_str("a"));
    (void)state;
    commit_many(c, "a", 5, ROWS_MAX);
    unsigned lead = shard_leader(c, k);
    sim_node_slow(c->sim, lead, 600, 0); /* each piece, microseconds */
    for (uint32_t time_ms = 1; time_ms <= 1000; time_ms += 999) {
        struct reading x = {.all = c->nodes[lead].broker->queries,
                            .want = {.what = QUERY_SHARDS,
                                     .time_ms = time_ms,
                                     .rows_max = 10 * ROWS_MAX,
                                     .shards = (uint16_t)(1u << k),
                                     .stale = true,
                                     .views = SQL_BIT(SQL_OFFSETS),
                                     .all_groups = true,
                                     .all_topics = true}};
        assert_int_equal(sim_node_call(c->sim, lead, read_as_node, &x), 0);
        assert_true(run_until(c, WAIT_MS, &x.done));
        assert_int_equal(x.status, 0);
        assert_int_equal(x.n_parts, 1);
        assert_int_equal(x.shard_status, time_ms == 1 ? ERR_CANCELED : 0);
        assert_int_equal(x.n_rows, time_ms == 1 ? 0 : ROWS_MAX);
    }
    cluster_close(c);
}

/* ---- asked again --------------------------------------------------------- */

struct asking {
    struct reading r;
    int32_t node;
    uint64_t id;
};

static void serve_as_node(void *arg)
{
    struct asking *x = arg;
    struct buf b;
    struct cursor c;
    buf_init(&b, x->r.all->mem, 0);
    query_want_encode(&x->r.want, &b);
    cursor_init(&c, buf_slice(&b));
    query_serve(x->r.all, x->node, ++x->id, &c);
    buf_close(&b);
}

/* Who asks for the same again waits for one answer: the others are not read to
 * their end. Another node's question is another. */
static void asked_again(void **state)
{
    struct cluster *c = begin(32);
    unsigned k = cgroup_shard(slice_str("a"));
    (void)state;
    commit_many(c, "a", 5, ROWS_MAX);
    unsigned lead = shard_leader(c, k);
    struct queries *qs = c->nodes[lead].broker->queries;
    struct asking x = {.r = {.all = qs,
                             .want = {.what = QUERY_SHARDS,
                                      .time_ms = 60000,
                                      .rows_max = 10 * ROWS_MAX,
                                      .shards = (uint16_t)(1u << k),
                                      .stale = true,
                                      .views = SQL_BIT(SQL_OFFSETS),
                                      .all_groups = true,
                                      .all_topics = true}}};
    sim_node_slow(c->sim, lead, 5000, 0); /* each piece, microseconds */
    for (unsigned n = 0; n < 4; n++) {
        x.node = n == 0 ? 3 : 2;
        assert_int_equal(sim_node_call(c->sim, lead, serve_as_node, &x), 0);
        assert_int_equal(qs->n_served, n == 0 ? 1 : 2);
        run_ms(c, 1);
    }
    assert_int_equal(qs->n_reads, 4);
    run_ms(c, 21); /* those that are not wanted have ended their piece */
    assert_int_equal(qs->n_reads, 2);
    run_ms(c, 1000);
    assert_int_equal(qs->n_reads, 0);
    assert_int_equal(qs->n_served, 0);
    cluster_close(c);
}

/* ---- a database that is damaged ------------------------------------------ */

static int on_authorize(void *arg, int action, const char *table,
                        const char *column, const char *database,
                        const char *trigger)
{
    struct machine_db *db = arg;
    (void)column;
    (void)database;
    (void)trigger;
    if (action == SQLITE_READ && strcmp(table, "offsets") == 0) {
        db_note(db, SQLITE_CORRUPT);
    }
    return SQLITE_OK;
}

/* A group that only this node's database has, and damage behind it: whoever
 * reads offsets meets it. */
static void damage_as_node(void *arg)
{
    struct state_group *g = arg;
    struct machine_db *db = g->machine->db;
    assert_int_equal(
        sqlite3_exec(db->sql,
                     "INSERT INTO groups SELECT 'ghost',state,generation,"
                     "round,protocol_type,protocol,leader,since,begun,due,"
                     "initial,fresh FROM groups WHERE id='a'",
                     NULL, NULL, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_changes(db->sql), 1);
    assert_int_equal(sqlite3_set_authorizer(db->sql, on_authorize, db),
                     SQLITE_OK);
}

/* What was read of it before that is found is not told. */
static void damaged_while_read(void **state)
{
    struct cluster *c = begin(29);
    unsigned k = cgroup_shard(slice_str("a"));
    struct asked a = {.statement = "SELECT group_id,offset FROM groups LEFT "
                                   "JOIN offsets USING(group_id)"};
    (void)state;
    commit(c, "a", 2);
    run_ms(c, 1000);
    unsigned lead = shard_leader(c, k);
    struct state_group *g = shard_of(c, lead, k);
    assert_int_equal(sim_node_call(c->sim, lead, damage_as_node, g), 0);
    if (ask(c, lead, &a) != 0) {
        fail_msg("%s", a.text);
    }
    assert_int_equal(g->repair.n_quarantined, 1); /* it was met */
    assert_string_equal(a.text, "a 2\n");
    cluster_close(c);
}

/* Another node's question, whole and cut short at every byte. */
static void wants(void **state)
{
    struct mem *mem = mem_new(0);
    struct query_want w = {.what = QUERY_SHARDS,
                           .stale = true,
                           .all_topics = true,
                           .time_ms = 7,
                           .rows_max = 9,
                           .shards = 0x8001,
                           .views = SQL_OF_SHARDS,
                           .n_groups = 2,
                           .n_topics = 1};
    struct query_want got;
    struct buf b;
    struct cursor c;
    (void)state;
    w.groups[0] = slice_str("a");
    w.groups[1] = slice_str("bc");
    memset(w.topics[0].b, 5, sizeof w.topics[0].b);
    buf_init(&b, mem, 0);
    query_want_encode(&w, &b);
    for (size_t len = 0; len <= b.len; len++) {
        cursor_init(&c, slice_of(b.data, len));
        query_want_decode(&c, &got);
        assert_int_equal(c.status, len < b.len ? ERR_PROTOCOL : 0);
    }
    assert_true(got.stale && got.all_topics && !got.all_groups);
    assert_int_equal(got.shards, w.shards);
    assert_int_equal(got.views, w.views);
    assert_int_equal(got.time_ms, 7);
    assert_int_equal(got.rows_max, 9);
    assert_true(slice_equal(got.groups[1], slice_str("bc")));
    assert_true(uuid_equal(got.topics[0], w.topics[0]));
    w.what = 3;
    buf_reset(&b);
    query_want_encode(&w, &b);
    cursor_init(&c, buf_slice(&b));
    query_want_decode(&c, &got);
    assert_int_equal(c.status, ERR_PROTOCOL);
    buf_close(&b);
    mem_free_all(mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_everywhere),
        cmocka_unit_test(seen),
        cmocka_unit_test(in_pieces),
        cmocka_unit_test(leader_dies),
        cmocka_unit_test(cut_off),
        cmocka_unit_test(limits),
        cmocka_unit_test(given_up),
        cmocka_unit_test(wants),
        cmocka_unit_test(ends_held_back),
        cmocka_unit_test(stale_elsewhere),
        cmocka_unit_test(in_time),
        cmocka_unit_test(asked_again),
        cmocka_unit_test(damaged_while_read),
        cmocka_unit_test(endless_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
