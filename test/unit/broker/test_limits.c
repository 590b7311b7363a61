/* What is too large for a record of the journal: a manifest that nobody can
 * store leaves the log base where it is, a batch is refused by its leader, and
 * a follower that cannot store what its leader can says so and ends. */
#include <string.h>

#include "broker/partition_read.h"
#include "cluster.h"
#include "raft/message.h"
#include "record/build.h"
#include "replica/impl.h"

#define FILE_BYTES (8u << 20) /* a quarter of the cluster's journals */

static struct cluster cluster;

/* ---- manifests -------------------------------------------------------------
 */

/* A manifest of what is committed, with a state that no message takes, as if
 * the last flush had left it. */
static void make_ready(void *arg)
{
    struct replica *r = arg;
    const struct tail *t = group_tail(r->group);
    size_t len = MESSAGE_MANIFEST_MAX + 1;
    uint8_t *state = mem_calloc(r->mem, 1, len);
    struct buf config;
    assert_non_null(state);
    buf_init(&config, r->mem, 0);
    group_config_encode(group_config(r->group), &config);
    struct manifest m = {.kind = MANIFEST_LOG,
                         .base = tail_point(t, r->applied),
                         .config_index = group_config_index(r->group),
                         .config = buf_slice(&config),
                         .state = slice_of(state, len)};
    assert_true(m.base.index > t->base.index);
    buf_reset(&r->ready);
    manifest_encode(&m, &r->ready);
    assert_int_equal(r->ready.status, 0);
    r->ready_base = m.base;
    mem_free(r->mem, state);
    buf_close(&config);
    compact_start(r, false);
}

static void a_manifest_that_nothing_takes_is_left(void **state)
{
    struct cluster *c = &cluster;
    (void)state;
    cluster_up(c, 1);
    producer_go(c, 5);
    producer_settle(c, 5000);
    run_ms(c, 300);
    struct node *n = wait_leader(c, 1000);
    struct replica *r = partition_replica(node_partition(n));
    uint64_t base = group_tail(r->group)->base.index;
    assert_int_equal(sim_node_call(c->sim, n->id, make_ready, r), 0);
    run_ms(c, 500);
    assert_true(r->base_kept);
    assert_int_equal(group_tail(r->group)->base.index, base);
    /* The next one, which fits, raises it. */
    producer_go(c, 5);
    producer_settle(c, 5000);
    run_ms(c, 300);
    node_compact(c, n->id, r);
    assert_false(r->base_kept);
    check_all(c);
    cluster_close(c);
}

/* ---- batches ---------------------------------------------------------------
 */

struct large {
    struct cluster *c;
    struct partition_produce produce;
    struct node *node;
    size_t len; /* of the batch */
    int rv;
    int status;
    bool done;
};

static struct bytes large_batch(struct node *n, size_t len)
{
    struct build_options o = BUILD_OPTIONS_DEFAULT;
    struct build b;
    struct buf out;
    size_t value = len - BATCH_HEADER_LEN - 20;
    uint8_t *zeros = mem_calloc(n->c->mem, 1, len);
    assert_non_null(zeros);
    buf_init(&out, n->c->mem, 0);
    for (;; value++) { /* the lengths inside have lengths of their own */
        struct build_record r = {
            .timestamp = 1, .key_null = true, .value = slice_of(zeros, value)};
        build_init(&b, n->c->mem, &o);
        assert_int_equal(build_append(&b, &r), 0);
        buf_reset(&out);
        assert_int_equal(build_finish(&b, &out), 0);
        build_close(&b);
        if (out.len >= len) {
            break;
        }
    }
    assert_int_equal(out.len, len);
    struct chunk *chunk = chunk_acquire(n->pool, CHUNK_CLIENT, len);
    assert_non_null(chunk);
    memcpy(chunk->data, out.data, len);
    buf_close(&out);
    mem_free(n->c->mem, zeros);
    return (struct bytes){chunk, chunk->data, len};
}

static void on_large(struct partition_produce *pp, int status)
{
    struct large *l = pp->data;
    l->status = status;
    l->done = true;
}

static void large_now(void *arg)
{
    struct large *l = arg;
    struct bytes bytes = large_batch(l->node, l->len);
    struct batch b;
    assert_int_equal(batch_view(bytes_slice(bytes), &b), 0);
    l->rv = partition_produce(node_partition(l->node), &l->produce, bytes, &b,
                              on_large, l);
    bytes_release(&bytes);
}

/* What the leader says to a batch of `len` bytes, at last. */
static int produce_large(struct cluster *c, size_t len)
{
    struct large l = {.c = c, .len = len, .node = wait_leader(c, 5000)};
    assert_non_null(l.node);
    assert_int_equal(sim_node_call(c->sim, l.node->id, large_now, &l), 0);
    if (l.rv != 0) {
        return l.rv;
    }
    assert_true(run_until(c, 20000, &l.done));
    return l.status;
}

/* The journal's files hold the frame as well: what fits beside it is taken,
 * wherever the current file ends, and a byte more is not. */
static void a_batch_fits_a_file_or_is_refused(void **state)
{
    struct cluster *c = &cluster;
    (void)state;
    cluster_up(c, 2);
    producer_go(c, 1);
    producer_settle(c, 5000);
    struct node *n = wait_leader(c, 1000);
    struct replica *r = partition_replica(node_partition(n));
    size_t max = journal_entry_max(r->all->journal);
    assert_true(max > FILE_BYTES - 4096 && max < FILE_BYTES);
    assert_int_equal(produce_large(c, max + 1), ERR_TOOBIG);
    assert_int_equal(produce_large(c, 2 * FILE_BYTES), ERR_TOOBIG);
    for (unsigned i = 0; i < 6; i++) {
        assert_int_equal(produce_large(c, max - i * 400000), 0);
        run_ms(c, 200);
    }
    run_ms(c, 1000);
    for (unsigned id = 1; id <= NODES; id++) {
        assert_int_equal(
            partition_high_watermark(node_partition(&c->nodes[id])),
            c->n_sent + 6);
    }
    cluster_close(c);
}

/* ---- nodes that differ -----------------------------------------------------
 */

static void a_node_with_smaller_files_says_why_it_ends(void **state)
{
    struct cluster *c = &cluster;
    unsigned id = 3;
    (void)state;
    cluster_open(c, 3);
    c->file_bytes[id] = "2097152";
    for (unsigned i = 1; i <= NODES; i++) {
        node_start(c, i);
    }
    for (unsigned i = 1; i <= NODES; i++) {
        wait_serves(c, i);
    }
    cluster_topic(c);
    node_crash(c, id, SIM_CRASH_NONE);
    run_ms(c, 3000); /* another one leads */
    assert_int_equal(produce_large(c, 3u << 20), 0);
    node_start(c, id);
    for (unsigned i = 0; sim_node_death(c->sim, id)[0] == '\0'; i++) {
        assert_true(i < 20000);
        sim_run_until(c->sim, sim_now_us(c->sim) + 1000, NULL);
    }
    assert_non_null(strstr(sim_node_death(c->sim, id), "journal.file.bytes"));
    assert_int_equal(sim_node_exit_code(c->sim, id), BROKER_EXIT_CONFIG);
    c->nodes[id].up = false; /* and freed whole */
    cluster_close(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_manifest_that_nothing_takes_is_left),
        cmocka_unit_test(a_batch_fits_a_file_or_is_refused),
        cmocka_unit_test(a_node_with_smaller_files_says_why_it_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
