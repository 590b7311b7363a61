#include "cluster.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "broker/partition_read.h"
#include "record/build.h"
#include "record/iterate.h"
#include "replica/impl.h"

#define PEER_PORT   9100
#define CLIENT_PORT 9092
#define POOL_BYTES  (64u << 20)
#define STEP_MS     5
#define PRODUCER_ID 7000

static const char *const hosts[NODES + 1] = {"", "n1", "n2", "n3"};

/* ---- nodes -------------------------------------------------------------- */

void cluster_open(struct cluster *c, uint64_t seed)
{
    memset(c, 0, sizeof *c);
    struct sim_options o = {.seed = seed,
                            .disk_min_us = 50,
                            .disk_max_us = 3000,
                            .net_min_us = 50,
                            .net_max_us = 900,
                            .net_split_rate = 1000,
                            .shake = seed,
                            .trace_level = TRACE_WARN};
    c->sim = sim_new(&o);
    assert_non_null(c->sim);
    c->mem = mem_new(0);
    for (unsigned i = 1; i <= NODES; i++) {
        c->disks[i] = sim_disk_new(c->sim, i);
        c->nodes[i] = (struct node){.c = c, .id = i};
    }
    for (unsigned i = 0; i < BATCHES_MAX; i++) {
        c->sent[i] = (struct sent){.c = c, .number = i, .offset = -1};
    }
}

void cluster_close(struct cluster *c)
{
    for (unsigned i = 1; i <= NODES; i++) {
        if (c->nodes[i].up) {
            node_crash(c, i, SIM_CRASH_ALL);
        }
    }
    sim_free(c->sim);
    mem_free_all(c->mem);
}

static void set(struct config *config, const char *name, const char *value)
{
    struct err err = {""};
    if (config_set(config, name, value, &err) != 0) {
        fail_msg("%s", err.text);
    }
}

static void configure(struct node *n)
{
    char id[4];
    struct err err = {""};
    snprintf(id, sizeof id, "%u", n->id);
    n->config = config_new(env_mem(n->env));
    assert_non_null(n->config);
    set(n->config, "node.id", id);
    set(n->config, "cluster.nodes", "1@n1:9100,2@n2:9100,3@n3:9100");
    set(n->config, "data.dir", "/data");
    set(n->config, "journal.bytes.max", "33554432");
    set(n->config, "log.segment.bytes", "1048576");
    if (n->c->keep) {
        set(n->config, "auto.leader.rebalance.enable", "false");
    }
    if (n->c->file_bytes[n->id] != NULL) {
        set(n->config, "journal.file.bytes", n->c->file_bytes[n->id]);
    }
    assert_int_equal(config_finish(n->config, &err), 0);
}

static void on_ready(void *arg, int status, int exit_code,
                     const struct err *err)
{
    struct node *n = arg;
    if (status != 0 && !n->c->may_fail) {
        fail_msg("node %u: exit %d: %s", n->id, exit_code, err->text);
    }
    n->exit_code = exit_code;
    n->serves = status == 0;
}

static void boot(struct env *e, void *arg)
{
    struct node *n = arg;
    n->env = e;
    configure(n);
    assert_int_equal(chunk_pool_new(&n->pool, env_mem(e), POOL_BYTES), 0);
    struct broker_options o = {.config = n->config,
                               .pool = n->pool,
                               .version = "test",
                               .client_host = hosts[n->id],
                               .client_port = CLIENT_PORT};
    if (broker_open(e, &o, on_ready, n, &n->broker, &n->exit_code, &n->err) !=
            0 &&
        !n->c->may_fail) {
        fail_msg("node %u: exit %d: %s", n->id, n->exit_code, n->err.text);
    }
}

void node_start(struct cluster *c, unsigned id)
{
    struct node *n = &c->nodes[id];
    *n = (struct node){.c = c, .id = id, .up = true};
    assert_int_equal(
        sim_node_start(c->sim, id, hosts[id], c->disks[id], boot, n, NULL), 0);
}

void node_crash(struct cluster *c, unsigned id, enum sim_crash how)
{
    struct node *n = &c->nodes[id];
    n->up = false;
    n->serves = false;
    chunk_pool_abandon(n->pool);
    sim_node_crash(c->sim, id, how);
    producer_broken(c, id);
}

void run_ms(struct cluster *c, uint64_t ms)
{
    sim_run_until(c->sim, sim_now_us(c->sim) + ms * 1000, NULL);
    for (unsigned i = 1; i <= NODES; i++) {
        assert_string_equal(sim_node_death(c->sim, i), "");
    }
}

void cluster_isolate(struct cluster *c, unsigned id, bool up)
{
    for (unsigned i = 1; i <= NODES; i++) {
        if (i != id) {
            sim_link_set(c->sim, i, id, up);
            sim_link_set(c->sim, id, i, up);
        }
    }
}

static void on_stall(struct env_job *j)
{
    (void)j;
}

static void on_stall_over(struct env_job *j)
{
    struct node *n = j->data;
    n->stall_over = true;
}

static void stall_now(void *arg)
{
    struct node *n = arg;
    n->stall_over = false;
    env_job_submit(n->env, ENV_THREAD_STATE, &n->stall, on_stall, on_stall_over,
                   n);
}

void node_stall(struct cluster *c, unsigned id, uint64_t ms)
{
    sim_node_slow(c->sim, id, ms * 1000, 0);
    assert_int_equal(sim_node_call(c->sim, id, stall_now, &c->nodes[id]), 0);
    sim_node_slow(c->sim, id, 0, 0);
}

static void compact_now(void *arg)
{
    compact_start(arg, true);
}

void node_compact(struct cluster *c, unsigned id, struct replica *r)
{
    uint64_t base = group_tail(r->group)->base.index;
    assert_int_equal(sim_node_call(c->sim, id, compact_now, r), 0);
    for (unsigned t = 0; group_tail(r->group)->base.index == base; t++) {
        assert_true(t < 1000);
        run_ms(c, 5);
    }
}

bool run_until(struct cluster *c, uint64_t ms, const bool *flag)
{
    for (uint64_t t = 0; t < ms && !*flag; t += STEP_MS) {
        run_ms(c, STEP_MS);
    }
    return *flag;
}

void wait_serves(struct cluster *c, unsigned id)
{
    if (!run_until(c, 60000, &c->nodes[id].serves)) {
        fail_msg("node %u does not serve", id);
    }
}

/* ---- the topic ---------------------------------------------------------- */

static void on_created(struct broker_command *command, int status,
                       const struct meta_result *result)
{
    struct node *n = command->data;
    assert_int_equal(status, 0);
    n->result = *result;
    n->answered = true;
}

static void create(void *arg)
{
    struct node *n = arg;
    struct buf out;
    struct meta_create_topic t = {.name = slice_str("t"),
                                  .id = n->c->topic,
                                  .partitions = 1,
                                  .replication = NODES};
    buf_init(&out, env_mem(n->env), 0);
    meta_encode_create_topic(&t, uuid_zero, &out);
    assert_int_equal(broker_command(n->broker, &n->command, buf_slice(&out),
                                    20000, on_created, n),
                     0);
    buf_close(&out);
}

void cluster_topic(struct cluster *c)
{
    struct node *n = &c->nodes[2];
    memset(c->topic.b, 0x55, sizeof c->topic.b);
    assert_int_equal(sim_node_call(c->sim, n->id, create, n), 0);
    assert_true(run_until(c, 20000, &n->answered));
    assert_int_equal(n->result.error, 0);
    const struct image_topic *t =
        image_topic_by_id(broker_image(n->broker), n->result.topic);
    assert_non_null(t);
    assert_int_equal(t->n_partitions, 1);
    c->group = t->partitions[0].group;
    assert_non_null(wait_leader(c, 20000));
}

static void alter(void *arg)
{
    struct node *n = arg;
    struct buf out;
    char value[16];
    snprintf(value, sizeof value, "%u", n->value);
    struct meta_config_change op = {META_CONFIG_SET, n->setting, value};
    struct meta_alter_configs a = {
        .topic = slice_str("t"), .ops = &op, .n_ops = 1};
    buf_init(&out, env_mem(n->env), 0);
    meta_encode_alter_configs(&a, uuid_zero, &out);
    assert_int_equal(broker_command(n->broker, &n->command, buf_slice(&out),
                                    20000, on_created, n),
                     0);
    buf_close(&out);
}

void cluster_alter(struct cluster *c, unsigned id, const char *name,
                   unsigned value)
{
    struct node *n = &c->nodes[id];
    n->setting = name;
    n->value = value;
    n->answered = false;
    assert_int_equal(sim_node_call(c->sim, id, alter, n), 0);
    assert_true(run_until(c, 20000, &n->answered));
    assert_int_equal(n->result.error, 0);
}

void cluster_up(struct cluster *c, uint64_t seed)
{
    cluster_open(c, seed);
    for (unsigned i = 1; i <= NODES; i++) {
        node_start(c, i);
    }
    for (unsigned i = 1; i <= NODES; i++) {
        wait_serves(c, i);
    }
    cluster_topic(c);
}

struct partition *node_partition(struct node *n)
{
    return n->up && n->serves ? broker_partition(n->broker, n->c->group) : NULL;
}

struct node *cluster_leader(struct cluster *c)
{
    struct node *best = NULL;
    int32_t epoch = -1;
    for (unsigned i = 1; i <= NODES; i++) {
        struct node *n = &c->nodes[i];
        struct partition *p = node_partition(n);
        if (p != NULL && partition_replica(p) != NULL && partition_ready(p) &&
            partition_epoch(p) > epoch) {
            best = n;
            epoch = partition_epoch(p);
        }
    }
    return best;
}

struct node *wait_leader(struct cluster *c, uint64_t ms)
{
    for (uint64_t t = 0; t < ms; t += STEP_MS) {
        struct node *n = cluster_leader(c);
        if (n != NULL) {
            return n;
        }
        run_ms(c, STEP_MS);
    }
    return NULL;
}

/* ---- the producer ------------------------------------------------------- */

static void on_produced(struct partition_produce *pp, int status)
{
    struct sent *s = pp->data;
    struct cluster *c = s->c;
    c->n_flying--;
    if (status != 0) {
        s->state = BATCH_IDLE;
        c->again = true;
        return;
    }
    s->state = BATCH_ACKED;
    s->offset = pp->base_offset;
    c->n_acked++;
}

/* The batch of record `s->number`, in a chunk of the node. */
static struct bytes batch_make(struct node *n, const struct sent *s)
{
    struct build_options o = BUILD_OPTIONS_DEFAULT;
    struct build build;
    struct buf out;
    uint8_t value[8];
    o.producer_id = PRODUCER_ID;
    o.producer_epoch = 0;
    o.base_sequence = (int32_t)s->number;
    be64_store(value, s->number);
    buf_init(&out, env_mem(n->env), 0);
    build_init(&build, env_mem(n->env), &o);
    struct build_record r = {.timestamp = env_wall_ms(n->env),
                             .key_null = true,
                             .value = slice_of(value, sizeof value)};
    assert_int_equal(build_append(&build, &r), 0);
    assert_int_equal(build_finish(&build, &out), 0);
    struct chunk *chunk = chunk_acquire(n->pool, CHUNK_CLIENT, out.len);
    assert_non_null(chunk);
    memcpy(chunk->data, out.data, out.len);
    struct bytes bytes = {chunk, chunk->data, out.len};
    build_close(&build);
    buf_close(&out);
    return bytes;
}

struct bytes producer_batch(struct cluster *c, unsigned node, unsigned number)
{
    return batch_make(&c->nodes[node], &c->sent[number]);
}

static void send_now(void *arg)
{
    struct sent *s = arg;
    struct cluster *c = s->c;
    struct node *n = &c->nodes[s->node];
    struct bytes bytes = batch_make(n, s);
    struct batch b;
    assert_int_equal(batch_view(bytes_slice(bytes), &b), 0);
    s->state = BATCH_SENT;
    c->n_flying++;
    int rv = partition_produce(node_partition(n), &s->produce, bytes, &b,
                               on_produced, s);
    s->rv = rv;
    if (rv != 0) {
        s->state = BATCH_IDLE;
        c->n_flying--;
        /* Behind one that failed, this is what a client sees and sends again;
         * with all before it acknowledged the broker has forgotten some. */
        c->refused =
            c->refused ||
            (rv == ERR_SEQUENCE &&
             (s->number == 0 || c->sent[s->number - 1].state == BATCH_ACKED));
        c->again = true;
    }
    bytes_release(&bytes);
}

static bool send_one(struct cluster *c, struct sent *s)
{
    struct node *n = cluster_leader(c);
    if (n == NULL) {
        return false;
    }
    s->node = n->id;
    return sim_node_call(c->sim, n->id, send_now, s) == 0;
}

void producer_send(struct cluster *c)
{
    assert_true(c->n_sent < BATCHES_MAX);
    assert_true(send_one(c, &c->sent[c->n_sent++]));
}

static struct sent *sent_to(struct cluster *c, unsigned node, unsigned number)
{
    struct sent *s = &c->sent[number];
    s->node = node;
    c->n_sent = number >= c->n_sent ? number + 1 : c->n_sent;
    c->n_acked -= s->state == BATCH_ACKED; /* again */
    return s;
}

int producer_send_to(struct cluster *c, unsigned node, unsigned number)
{
    struct sent *s = sent_to(c, node, number);
    assert_int_equal(sim_node_call(c->sim, node, send_now, s), 0);
    return s->rv;
}

void producer_send_now(struct cluster *c, unsigned node, unsigned number)
{
    send_now(sent_to(c, node, number));
}

static void send_failing(void *arg)
{
    struct sent *s = arg;
    send_now(s);
    mem_fail_at(env_mem(s->c->nodes[s->node].env), 1, 0);
}

void producer_send_failing(struct cluster *c, unsigned node, unsigned number)
{
    struct mem *mem = env_mem(c->nodes[node].env);
    struct sent *s = sent_to(c, node, number);
    assert_int_equal(sim_node_call(c->sim, node, send_failing, s), 0);
    while (mem_fail_fired(mem) == 0) {
        sim_run_one(c->sim);
    }
    mem_fail_at(mem, 0, 0);
}

/* One turn of a client: first what failed, in order; then something new. */
static void producer_turn(struct cluster *c, bool more)
{
    if (c->again) {
        if (c->n_flying > 0) {
            return; /* wait for all answers, so that order is kept */
        }
        c->again = false;
        for (unsigned i = 0; i < c->n_sent && !c->again; i++) {
            if (c->sent[i].state == BATCH_IDLE && !send_one(c, &c->sent[i])) {
                c->again = true;
            }
        }
        return;
    }
    while (more && c->n_flying < WINDOW && !c->again) {
        struct sent *s = &c->sent[c->n_sent];
        if (c->n_sent == BATCHES_MAX || !send_one(c, s)) {
            return;
        }
        c->n_sent++;
    }
}

void producer_go(struct cluster *c, unsigned n)
{
    unsigned until = c->n_acked + n;
    for (unsigned turn = 0; c->n_acked < until; turn++) {
        assert_true(turn < 60000 / STEP_MS);
        producer_turn(c, true);
        run_ms(c, STEP_MS);
    }
}

void producer_settle(struct cluster *c, uint64_t ms)
{
    for (uint64_t t = 0; c->n_acked < c->n_sent; t += STEP_MS) {
        assert_true(t < ms);
        producer_turn(c, false);
        run_ms(c, STEP_MS);
    }
}

void producer_broken(struct cluster *c, unsigned node)
{
    for (unsigned i = 0; i < c->n_sent; i++) {
        struct sent *s = &c->sent[i];
        if (s->state == BATCH_SENT && s->node == node) {
            s->state = BATCH_IDLE;
            c->n_flying--;
            c->again = true;
        }
    }
}

/* ---- reading back ------------------------------------------------------- */

struct reading {
    struct replica_read read;
    bool done;
    int status;
    struct bytes data;
};

static void on_read(struct replica_read *rd, int status, struct bytes data,
                    int64_t first_offset)
{
    struct reading *r = rd->data;
    (void)first_offset;
    r->done = true;
    r->status = status;
    r->data = data;
}

/* Batches from `at` on, out of the tail or a segment. */
static struct bytes read_some(struct cluster *c, struct replica *r, int64_t at,
                              int64_t end)
{
    struct bytes piece;
    if (replica_read_tail(r, at, end, 1, &piece, 1) == 1) {
        return piece;
    }
    struct reading reading = {.done = false};
    assert_int_equal(
        replica_read(r, &reading.read, at, end, 65536, on_read, &reading), 0);
    assert_true(run_until(c, 5000, &reading.done));
    assert_int_equal(reading.status, 0);
    return reading.data;
}

/* A record read at `offset`. */
static void check_record(struct cluster *c, const struct record *r,
                         int64_t *next_number)
{
    assert_int_equal(r->value.len, 8);
    int64_t number = (int64_t)be64_load(r->value.data);
    if (number != *next_number) {
        fail_msg("offset %lld: record %lld, expected %lld",
                 (long long)r->offset, (long long)number,
                 (long long)*next_number);
    }
    const struct sent *s = &c->sent[number];
    if (s->state == BATCH_ACKED) {
        assert_int_equal(s->offset, r->offset);
    }
    (*next_number)++;
}

unsigned check_replica(struct cluster *c, struct node *n)
{
    struct partition *p = node_partition(n);
    assert_non_null(p);
    struct replica *r = partition_replica(p);
    int64_t at = replica_log_start(r);
    int64_t end = replica_high_watermark(r);
    int64_t next_number = at; /* one record each, in order, none left out */
    while (at < end) {
        struct bytes bytes = read_some(c, r, at, end);
        struct slice rest = bytes_slice(bytes);
        struct batch b;
        while (batches_next(&rest, &b) == 0 && b.base_offset < end) {
            struct records it;
            struct record record;
            assert_int_equal(batch_check_crc(&b), 0);
            assert_int_equal(records_open(&it, &b, c->mem, 1 << 20), 0);
            while (records_next(&it, &record) == 0) {
                if (record.offset >= at) {
                    check_record(c, &record, &next_number);
                }
            }
            records_close(&it);
            at = batch_next_offset(&b);
        }
        bytes_release(&bytes);
    }
    return (unsigned)next_number;
}

void check_all(struct cluster *c)
{
    bool equal = false;
    for (unsigned t = 0; t < 20000 && !equal; t += STEP_MS) {
        run_ms(c, STEP_MS);
        equal = true;
        for (unsigned i = 1; i <= NODES; i++) {
            struct partition *p = node_partition(&c->nodes[i]);
            equal = equal && p != NULL &&
                    replica_high_watermark(partition_replica(p)) ==
                        (int64_t)c->n_sent;
        }
    }
    if (!equal) {
        for (unsigned i = 1; i <= NODES; i++) {
            struct partition *p = node_partition(&c->nodes[i]);
            print_message("node %u: high watermark %lld of %u\n", i,
                          p == NULL ? -1LL
                                    : (long long)replica_high_watermark(
                                          partition_replica(p)),
                          c->n_sent);
        }
        fail_msg("the replicas do not come to the same end");
    }
    for (unsigned i = 1; i <= NODES; i++) {
        assert_int_equal(check_replica(c, &c->nodes[i]), c->n_sent);
    }
    assert_false(c->refused);
}
