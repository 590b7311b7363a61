/* What a leader knows of the end of its log, beyond what is applied. Of
 * producers: a retry of a batch that is there is never taken for another one.
 * Where the log begins: what was deleted is never served again. Of epochs:
 * where each one ends. */
#include "broker/leaders.h"
#include "cluster.h"
#include "replica/impl.h"

static struct cluster cluster;

static struct cluster *begin(uint64_t seed)
{
    cluster_up(&cluster, seed);
    return &cluster;
}

/* ---- a new leader ------------------------------------------------------- */

struct ear {
    struct cluster *c;
    unsigned node;
    unsigned number; /* to be sent again */
    bool heard;
    bool applied; /* ... what is sent again, by then */
    int64_t high; /* watermark */
};

/* It leads from this moment on, and has not applied anything since: the
 * client's next request lies in the same turn. */
static void on_row(void *arg, const struct leader *row)
{
    struct ear *e = arg;
    struct cluster *c = e->c;
    struct node *n = &c->nodes[e->node];
    if (row->group != c->group || row->node != (int32_t)e->node || e->heard) {
        return;
    }
    struct replica *r = partition_replica(node_partition(n));
    e->heard = true;
    e->applied = replica_applied_end(r) > (int64_t)e->number;
    e->high = replica_high_watermark(r);
    producer_send_now(c, e->node, e->number);
}

/* Acknowledged by the old leader, in the log of the new one, which heard of
 * the commit only by its own election: sent again (the ack was lost with the
 * leader's connection), it is known; and asked for the end it says where it is.
 */
static void r12_a_new_leader_knows_its_tail(void **state)
{
    (void)state;
    struct cluster *c = begin(1);
    struct ear ears[NODES + 1];
    unsigned heard = 0;
    run_ms(c, 500);
    struct node *old = wait_leader(c, 5000);
    for (unsigned i = 1; i <= NODES; i++) {
        ears[i] = (struct ear){.c = c, .node = i, .number = 3};
        leaders_watch(broker_leaders(c->nodes[i].broker), on_row, &ears[i]);
    }
    for (unsigned i = 0; i < 4; i++) {
        producer_send(c);
    }
    while (c->n_acked < 4) {
        sim_run_one(c->sim);
    }
    node_crash(c, old->id, SIM_CRASH_NONE);
    for (unsigned t = 0; heard == 0; t++) {
        assert_true(t < 5000);
        run_ms(c, 1);
        for (unsigned i = 1; i <= NODES; i++) {
            heard = ears[i].heard ? i : heard;
        }
    }
    assert_false(ears[heard].applied); /* else this shows nothing */
    assert_true(ears[heard].high >= 4);
    assert_int_equal(c->sent[3].rv, 0);
    producer_settle(c, 5000);
    assert_int_equal(c->sent[3].offset, 3);
    node_start(c, old->id);
    wait_serves(c, old->id);
    check_all(c);
    cluster_close(c);
}

/* ---- books made anew ---------------------------------------------------- */

/* The leader's own disk lags: what others have made commit is not applied
 * here, though the high watermark is past it. When an append fails that was
 * counted already, the books are made anew, from what is applied on. */
static void books_made_anew(bool compacted)
{
    struct cluster *c = begin(2);
    producer_go(c, 2);
    producer_settle(c, 5000);
    run_ms(c, 300);
    struct node *l = wait_leader(c, 1000);
    struct replica *r = partition_replica(node_partition(l));
    if (compacted) {
        node_compact(c, l->id, r);
        assert_int_equal(group_tail(r->group)->n, 0);
        assert_int_equal(replica_applied_end(r), c->n_sent);
    }
    file_hold_durable(l->env, true);
    unsigned before = c->n_acked;
    for (unsigned i = 0; i < 3; i++) {
        producer_send(c);
    }
    run_ms(c, 100);
    assert_int_equal(c->n_acked, before + 3);
    unsigned last = c->n_sent - 1;
    assert_int_equal(replica_high_watermark(r), last + 1);
    assert_true(replica_applied_end(r) <= (int64_t)last);
    /* One more, for which the log has no memory. */
    producer_send_failing(c, l->id, last + 1);
    run_ms(c, 50);
    assert_int_equal(c->sent[last + 1].state, BATCH_IDLE);
    /* The one before it again, and then it. */
    int64_t offset = c->sent[last].offset;
    c->sent[last].offset = -1;
    assert_int_equal(producer_send_to(c, l->id, last), 0);
    assert_int_equal(producer_send_to(c, l->id, last + 1), 0);
    run_ms(c, 100);
    assert_int_equal(c->sent[last].offset, offset);
    assert_int_equal(c->sent[last + 1].offset, offset + 1);
    file_hold_durable(l->env, false);
    check_all(c);
    cluster_close(c);
}

static void books_begin_where_applying_ends(void **state)
{
    (void)state;
    books_made_anew(false);
}

/* The log base is there, too: the log was trimmed to what is applied. */
static void books_begin_at_the_log_base(void **state)
{
    (void)state;
    books_made_anew(true);
}

/* ---- a copy of what never was in the log --------------------------------- */

struct copy {
    struct cluster *c;
    struct node *node;
    unsigned number;
    struct partition_produce produce;
    int rv, status;
    bool done;
};

static void on_copied(struct partition_produce *pp, int status)
{
    struct copy *k = pp->data;
    k->status = status;
    k->done = true;
}

/* The batch, and the same once more before the turn ends, as when a client
 * sends it again on a new connection; then the log has no memory for it. */
static void send_twice(void *arg)
{
    struct copy *k = arg;
    struct batch b;
    producer_send_now(k->c, k->node->id, k->number);
    struct bytes bytes = producer_batch(k->c, k->node->id, k->number);
    assert_int_equal(batch_view(bytes_slice(bytes), &b), 0);
    k->rv = partition_produce(node_partition(k->node), &k->produce, bytes, &b,
                              on_copied, k);
    bytes_release(&bytes);
    mem_fail_at(env_mem(k->node->env), 1, 0);
}

/* Who waits for a first copy that never gets into the log is not answered by
 * what another one writes where it would have been. */
static void a_copy_of_nothing_is_not_acknowledged(void **state)
{
    (void)state;
    struct cluster *c = begin(5);
    producer_go(c, 2);
    producer_settle(c, 5000);
    run_ms(c, 300);
    struct node *l = wait_leader(c, 1000);
    struct mem *mem = env_mem(l->env);
    struct copy k = {.c = c, .node = l, .number = c->n_sent};
    assert_int_equal(sim_node_call(c->sim, l->id, send_twice, &k), 0);
    while (mem_fail_fired(mem) == 0) {
        sim_run_one(c->sim);
    }
    mem_fail_at(mem, 0, 0);
    run_ms(c, 50);
    assert_int_equal(c->sent[k.number].state, BATCH_IDLE); /* it failed */
    assert_int_equal(k.rv, 0);                             /* and waited */
    assert_true(k.done);
    assert_int_equal(k.status, ERR_NOMEM);
    /* It is sent again, and is there once. */
    producer_settle(c, 5000);
    assert_int_equal(c->sent[k.number].offset, k.number);
    check_all(c);
    cluster_close(c);
}

/* ---- when it was appended ------------------------------------------------ */

struct timed {
    struct cluster *c;
    struct node *node;
    struct partition_produce produce[2];
    unsigned n_done;
};

static void on_timed(struct partition_produce *pp, int status)
{
    struct timed *t = pp->data;
    assert_int_equal(status, 0);
    t->n_done++;
}

/* Record 0, twice, for a topic with LogAppendTime: the clock has moved. */
static void send_timed(void *arg)
{
    struct timed *t = arg;
    for (unsigned i = 0; i < 2; i++) {
        struct bytes bytes = producer_batch(t->c, t->node->id, 0);
        struct batch b;
        batch_set_append_time(bytes.chunk->data, bytes.len, 1000 + 500 * i);
        assert_int_equal(batch_view(bytes_slice(bytes), &b), 0);
        assert_int_equal(partition_produce(node_partition(t->node),
                                           &t->produce[i], bytes, &b, on_timed,
                                           t),
                         0);
        bytes_release(&bytes);
    }
}

static void a_copy_is_as_old_as_the_first(void **state)
{
    (void)state;
    struct cluster *c = begin(7);
    struct timed t = {.c = c, .node = wait_leader(c, 1000)};
    assert_int_equal(sim_node_call(c->sim, t.node->id, send_timed, &t), 0);
    run_ms(c, 100);
    assert_int_equal(t.n_done, 2);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(t.produce[i].base_offset, 0);
        assert_int_equal(t.produce[i].append_time_ms, 1000);
    }
    cluster_close(c);
}

/* ---- waiting to be appended ---------------------------------------------- */

struct moving {
    struct cluster *c;
    struct node *node;
    unsigned number;
    bool parked[2]; /* before the leadership moves, and while it does */
};

static void send_while_moving(void *arg)
{
    struct moving *m = arg;
    struct cluster *c = m->c;
    struct replica *r = partition_replica(node_partition(m->node));
    producer_send_now(c, m->node->id, m->number);
    m->parked[0] = partition_produce_parked(&c->sent[m->number].produce);
    assert_int_equal(replica_transfer_leader(r, -1, 1000, NULL, NULL), 0);
    producer_send_now(c, m->node->id, m->number + 1);
    m->parked[1] = partition_produce_parked(&c->sent[m->number + 1].produce);
}

/* What is in the log goes on without whoever sent it; what waits for its place
 * says so. */
static void who_waits_for_a_place_is_told_from_the_others(void **state)
{
    (void)state;
    struct cluster *c = begin(6);
    producer_go(c, 2);
    producer_settle(c, 5000);
    run_ms(c, 300);
    struct moving m = {
        .c = c, .node = wait_leader(c, 1000), .number = c->n_sent};
    assert_int_equal(sim_node_call(c->sim, m.node->id, send_while_moving, &m),
                     0);
    assert_int_equal(c->sent[m.number + 1].rv, 0);
    assert_false(m.parked[0]);
    assert_true(m.parked[1]);
    producer_settle(c, 5000);
    assert_false(partition_produce_parked(&c->sent[m.number + 1].produce));
    check_all(c);
    cluster_close(c);
}

/* ---- where the log begins, and its epochs ------------------------------- */

/* A TRIM that is asked of a leader. */
struct trim {
    struct replica *replica;
    struct replica_append append;
    int64_t offset;
    int64_t start; /* the log start by the time it was acknowledged */
    int status;
    bool done;
};

static void on_trimmed(struct replica_append *a, int status)
{
    struct trim *t = a->data;
    t->status = status;
    t->start = replica_log_start(t->replica);
    t->done = true;
}

static void trim_now(void *arg)
{
    struct trim *t = arg;
    assert_int_equal(
        replica_trim(t->replica, &t->append, t->offset, on_trimmed, t), 0);
}

/* Trim a leader's log, and see it acknowledged. */
static void trim(struct cluster *c, struct node *leader, int64_t offset)
{
    struct trim t = {.replica = partition_replica(node_partition(leader)),
                     .offset = offset};
    assert_int_equal(sim_node_call(c->sim, leader->id, trim_now, &t), 0);
    assert_true(run_until(c, 5000, &t.done));
    assert_int_equal(t.status, 0);
    assert_int_equal(t.start, offset);
}

static void expect_start(struct replica *r, int64_t start)
{
    struct replica_status status;
    struct replica_read read;
    int64_t offset, time_ms;
    replica_status(r, &status);
    assert_int_equal(replica_log_start(r), start);
    assert_int_equal(status.log_start, start);
    assert_int_equal(replica_find_time(r, 0, &offset), 0);
    assert_int_equal(offset, start);
    replica_time_max(r, &time_ms, &offset);
    assert_true(offset >= start);
    assert_int_equal(replica_read(r, &read, start - 1, start, 1, NULL, NULL),
                     ERR_RANGE);
}

/* The leader's own disk lags: others have made the deletion commit, and it is
 * acknowledged, but not applied here. */
static void deleted(bool compacted)
{
    struct cluster *c = begin(3);
    producer_go(c, 6);
    producer_settle(c, 5000);
    run_ms(c, 300);
    struct node *l = wait_leader(c, 1000);
    struct replica *r = partition_replica(node_partition(l));
    if (compacted) {
        node_compact(c, l->id, r);
        assert_int_equal(store_end(r->store), c->n_sent);
    }
    file_hold_durable(l->env, true);
    trim(c, l, 4);
    assert_int_equal(r->log_start, 0); /* else this shows nothing */
    expect_start(r, 4);
    file_hold_durable(l->env, false);
    /* It is applied as ever, and files are trimmed. */
    for (unsigned t = 0; r->trimmed < 4; t++) {
        assert_true(t < 20000);
        run_ms(c, 1);
    }
    assert_int_equal(r->log_start, 4);
    expect_start(r, 4);
    check_all(c);
    cluster_close(c);
}

static void what_is_deleted_is_not_served(void **state)
{
    (void)state;
    deleted(false);
}

static void nor_is_it_from_segments(void **state)
{
    (void)state;
    deleted(true);
}

/* Who leads after a restart, asked in the turn in which it is ready. */
struct asked {
    struct cluster *c;
    unsigned node;
    int32_t epochs[2]; /* of before */
    int64_t second;    /* ... the offset where the second one begins */
    bool watched, heard;
    int64_t applied; /* end, by then */
    size_t n_listed; /* epochs of what is applied */
    int64_t start;
    int32_t epoch_at[2]; /* of the first record, and of that one */
    int32_t epoch[2];
    int64_t end[2];
};

/* It may not serve yet. */
static struct partition *partition_of(const struct asked *a)
{
    struct broker *b = a->c->nodes[a->node].broker;
    return b == NULL ? NULL : broker_partition(b, a->c->group);
}

static void on_restarted(void *arg, const struct leader *row)
{
    struct asked *a = arg;
    if (row->group != a->c->group || row->node != (int32_t)a->node ||
        a->heard) {
        return;
    }
    struct replica *r = partition_replica(partition_of(a));
    a->heard = true;
    a->applied = replica_applied_end(r);
    a->n_listed = r->epochs.n;
    a->start = replica_log_start(r);
    for (unsigned i = 0; i < 2; i++) {
        a->epoch_at[i] = replica_epoch_of(r, i * a->second);
        a->epoch[i] = -1;
        a->end[i] = -1;
        (void)replica_epoch_end(r, a->epochs[i], &a->epoch[i], &a->end[i]);
    }
}

/* All nodes lose their power at once, and come back. */
static void restart_all(struct cluster *c)
{
    for (unsigned i = 1; i <= NODES; i++) {
        node_crash(c, i, SIM_CRASH_NONE);
    }
    for (unsigned i = 1; i <= NODES; i++) {
        node_start(c, i);
    }
}

static unsigned ask_restarted(struct cluster *c, struct asked asked[])
{
    unsigned heard = 0;
    restart_all(c);
    while (heard == 0) {
        assert_true(sim_now_us(c->sim) < UINT64_C(60000000));
        assert_true(sim_run_one(c->sim));
        for (unsigned i = 1; i <= NODES; i++) {
            if (!asked[i].watched && partition_of(&asked[i]) != NULL) {
                asked[i].watched = true;
                leaders_watch(broker_leaders(c->nodes[i].broker), on_restarted,
                              &asked[i]);
            }
            heard = asked[i].heard ? i : heard;
        }
    }
    return heard;
}

/* Records of an epoch, of a later one, and a deletion: all of it, or all but
 * the first epoch, is above the log base when everything restarts, and the
 * new leader knows how far it is committed by its own election. */
static void all_restart(bool compacted)
{
    struct cluster *c = begin(4);
    struct asked asked[NODES + 1];
    producer_go(c, 4);
    producer_settle(c, 5000);
    run_ms(c, 300);
    struct node *old = wait_leader(c, 1000);
    int32_t first = replica_epoch(partition_replica(node_partition(old)));
    int64_t middle = c->n_sent;
    for (unsigned i = 1; i <= NODES && compacted; i++) {
        node_compact(c, i, partition_replica(node_partition(&c->nodes[i])));
    }
    node_crash(c, old->id, SIM_CRASH_ALL);
    producer_broken(c, old->id);
    run_ms(c, 1500);
    struct node *l = wait_leader(c, 5000);
    int32_t second = replica_epoch(partition_replica(node_partition(l)));
    assert_true(second > first);
    producer_go(c, 2);
    producer_settle(c, 5000);
    node_start(c, old->id);
    wait_serves(c, old->id);
    run_ms(c, 500);
    trim(c, wait_leader(c, 1000), middle - 1);
    for (unsigned i = 1; i <= NODES; i++) {
        asked[i] = (struct asked){
            .c = c, .node = i, .epochs = {first, second}, .second = middle};
    }
    int64_t last = c->n_sent;
    struct asked *a = &asked[ask_restarted(c, asked)];
    assert_true(a->applied <= middle); /* else this shows nothing */
    assert_int_equal(a->n_listed, compacted ? 1 : 0);
    assert_int_equal(a->start, middle - 1);
    assert_int_equal(a->epoch_at[0], first);
    assert_int_equal(a->epoch_at[1], second);
    assert_int_equal(a->epoch[0], first);
    assert_int_equal(a->end[0], middle);
    assert_int_equal(a->epoch[1], second);
    assert_int_equal(a->end[1], last);
    /* The same once it is applied. */
    producer_go(c, 1);
    producer_settle(c, 5000);
    run_ms(c, 300);
    struct replica *r = partition_replica(node_partition(wait_leader(c, 1000)));
    int32_t epoch;
    int64_t end;
    assert_int_equal(replica_applied_end(r), c->n_sent);
    assert_int_equal(replica_epoch_end(r, second, &epoch, &end), 0);
    assert_int_equal(epoch, second);
    assert_int_equal(end, last);
    assert_int_equal(replica_epoch_of(r, last), replica_epoch(r));
    assert_int_equal(replica_log_start(r), middle - 1);
    check_all(c);
    cluster_close(c);
}

static void a_new_leader_knows_its_log(void **state)
{
    (void)state;
    all_restart(false);
}

static void a_new_leader_knows_its_log_above_the_base(void **state)
{
    (void)state;
    all_restart(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(r12_a_new_leader_knows_its_tail),
        cmocka_unit_test(books_begin_where_applying_ends),
        cmocka_unit_test(books_begin_at_the_log_base),
        cmocka_unit_test(a_copy_of_nothing_is_not_acknowledged),
        cmocka_unit_test(a_copy_is_as_old_as_the_first),
        cmocka_unit_test(who_waits_for_a_place_is_told_from_the_others),
        cmocka_unit_test(what_is_deleted_is_not_served),
        cmocka_unit_test(nor_is_it_from_segments),
        cmocka_unit_test(a_new_leader_knows_its_log),
        cmocka_unit_test(a_new_leader_knows_its_log_above_the_base),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
