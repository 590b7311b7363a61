/* What a leader knows of producers at the end of its log, beyond what is
 * applied: a retry of a batch that is there is never taken for another one. */
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
static void a_new_leader_knows_its_tail(void **state)
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_leader_knows_its_tail),
        cmocka_unit_test(books_begin_where_applying_ends),
        cmocka_unit_test(books_begin_at_the_log_base),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
