/* A machine's life: opened, fed, made durable, copied, replaced, damaged,
 * robbed of its power and its disk. */
#include "state_test.h"

#include "state/db_impl.h"
#include "state/machine_impl.h"
#include "state/meta_impl.h"
#include "wire/errors.h"

static void test_life(void **state)
{
    struct rig r;
    (void)state;
    rig_new(&r, 1, 3);
    assert_true(rig_open(&r, false));
    assert_int_equal(r.status, 0);
    assert_true(r.fresh);
    assert_int_equal(r.index, MACHINE_BOOTSTRAP_INDEX);
    assert_int_equal(r.term, MACHINE_BOOTSTRAP_TERM);
    assert_int_equal(image_n_nodes(r.image), 3);
    assert_int_equal(do_create(&r, "orders", 7, 4, 3), 0);
    const struct image_topic *t = image_topic(r.image, slice_str("orders"));
    assert_non_null(t);
    assert_int_equal(t->n_partitions, 4);
    assert_int_equal(t->partitions[0].group, META_TOPIC_GROUP_FIRST);
    assert_int_equal(t->created_ms, 1003);
    assert_true(rig_checkpoint(&r));
    assert_int_equal(r.index, 3);
    assert_true(rig_close(&r));

    assert_true(rig_open(&r, true));
    assert_int_equal(r.status, 0);
    assert_false(r.fresh);
    assert_int_equal(r.index, 3);
    assert_int_equal(r.term, 3);
    assert_int_equal(image_n_topics(r.image), 1);
    assert_true(rig_close(&r));
    rig_free(&r);
}

/* A node that dies gives SQLite's memory back (leaks show in ASan builds),
 * also with work under way. */
static void test_death(void **state)
{
    struct rig r;
    struct buf b;
    (void)state;
    rig_new(&r, 2, 3);
    assert_true(rig_open(&r, false));
    assert_int_equal(do_create(&r, "orders", 7, 4, 3), 0);
    command_init(&r, &b);
    meta_encode_producer_ids(1, uuid_zero, &b);
    assert_true(rig_queue(&r, buf_slice(&b)));
    sim_node_crash(r.sim, r.id, SIM_CRASH_NONE);
    buf_close(&b);
    rig_start_node(&r);
    assert_true(rig_open(&r, true));
    assert_int_equal(r.status, 0);
    sim_node_crash(r.sim, r.id, SIM_CRASH_NONE);
    rig_free(&r);
}

/* ---- batches ------------------------------------------------------------
 */

static unsigned n_transactions;

static void count_batches(void *arg, uint64_t index, uint64_t term,
                          const uint64_t indexes[],
                          const struct slice results[], unsigned n,
                          struct slice changes)
{
    n_transactions++;
    on_applied(arg, index, term, indexes, results, n, changes);
}

/* What gathers while one op runs is the next transaction; results come one
 * for each command, in order, and gaps of the log are fine. */
static void test_batches(void **state)
{
    struct rig r;
    struct buf b[50];
    (void)state;
    rig_new(&r, 3, 1);
    assert_true(rig_open(&r, false));
    machine_listen(r.m, count_batches, &r);
    n_transactions = 0;
    for (unsigned i = 0; i < 50; i++) {
        command_init(&r, &b[i]);
        meta_encode_producer_ids(1, uuid_zero, &b[i]);
        r.next += i % 3; /* entries that are no commands */
        assert_true(rig_queue(&r, buf_slice(&b[i])));
    }
    assert_true(rig_wait(&r));
    assert_int_equal(n_transactions, 2);
    assert_int_equal(r.n_results, 50);
    assert_int_equal(r.last.first_producer_id, 49 * META_PRODUCER_ID_BLOCK);
    for (unsigned i = 0; i < 50; i++) {
        buf_close(&b[i]);
    }
    struct rig_call only_entries = {.rig = &r, .n = 0, .upto = r.next + 5};
    r.next = r.next + 6;
    r.done = false;
    sim_node_call(r.sim, 1, apply_as_node, &only_entries);
    assert_int_equal(only_entries.rv, 0);
    assert_true(rig_wait(&r));
    assert_true(rig_checkpoint(&r));
    assert_int_equal(r.index, r.next - 1);
    assert_true(rig_close(&r));
    rig_free(&r);
}

/* Given an index twice, or backwards, the node's own mistake ends it. */
static void test_order_asserted(void **state)
{
    struct rig r;
    struct machine_command c = {.index = 2, .term = 1};
    struct rig_call call = {.rig = &r, .commands = &c, .n = 1, .upto = 2};
    (void)state;
    rig_new(&r, 3, 1);
    assert_true(rig_open(&r, false));
    assert_int_equal(sim_node_call(r.sim, 1, apply_as_node, &call), ERR_CLOSED);
    rig_free(&r);
}

/* ---- random commands ----------------------------------------------------
 */

/* The i-th command of a seed's sequence, always the same. */
static void random_command(uint64_t seed, uint64_t i, struct buf *b)
{
    struct rand d;
    char name[8], value[8];
    rand_init(&d, seed * 1000003 + i);
    snprintf(name, sizeof name, "t%u", (unsigned)rand_below(&d, 6));
    snprintf(value, sizeof value, "v%u", (unsigned)rand_below(&d, 4));
    struct meta_create_topic create = {.name = slice_str(name),
                                       .id = test_uuid(1000 + i),
                                       .partitions = (int32_t)rand_below(&d, 6),
                                       .replication =
                                           (int16_t)(1 + rand_below(&d, 4))};
    struct meta_create_partitions grow = {
        .name = slice_str(name), .count = 1 + (int32_t)rand_below(&d, 10)};
    struct meta_config_change op = {
        .op = (enum meta_config_op)rand_below(&d, 4), .name = value};
    op.value = op.op == META_CONFIG_DELETE ? NULL : value;
    struct meta_alter_configs alter = {slice_str(name), rand_below(&d, 8) == 0,
                                       &op, 1};
    struct uuid id = rand_below(&d, 3) == 0
                         ? test_uuid(5000 + rand_below(&d, 20))
                         : uuid_zero;
    switch (rand_below(&d, 8)) {
    case 0:
    case 1:
    case 2:
        meta_encode_create_topic(&create, id, b);
        break;
    case 3:
    case 4:
        meta_encode_create_partitions(&grow, id, b);
        break;
    case 5:
        meta_encode_delete_topic(uuid_zero, slice_str(name), id, b);
        break;
    case 6:
        meta_encode_alter_configs(&alter, id, b);
        break;
    default:
        meta_encode_producer_ids((int32_t)rand_below(&d, 5), id, b);
    }
}

/* Apply commands of indexes r->next up to `last`. False: the node died. */
static bool run_random(struct rig *r, uint64_t seed, uint64_t last)
{
    struct buf b;
    while (r->next <= last) {
        command_init(r, &b);
        random_command(seed, r->next, &b);
        if (!rig_apply(r, &b)) {
            return false;
        }
    }
    return true;
}

/* The hash after each index, by a machine that nothing happens to. */
#define REPLAY_MAX 64
static void replay(uint64_t seed, uint64_t hashes[REPLAY_MAX])
{
    struct rig r;
    rig_new(&r, 99, 4);
    assert_true(rig_open(&r, false));
    for (uint64_t i = MACHINE_BOOTSTRAP_INDEX; i < REPLAY_MAX; i++) {
        assert_true(run_random(&r, seed, i));
        assert_true(rig_checkpoint(&r));
        assert_int_equal(r.index, i);
        hashes[i] = r.hash;
    }
    assert_true(rig_close(&r));
    rig_free(&r);
}

/* The same commands give the same state, however they are batched, and the
 * kept hash is that of the rows. */
static void test_determinism(void **state)
{
    uint64_t hashes[REPLAY_MAX];
    struct rig r;
    struct buf b[REPLAY_MAX];
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        replay(seed, hashes);
        rig_new(&r, 100 + seed, 4);
        assert_true(rig_open(&r, false));
        for (uint64_t i = r.next; i < REPLAY_MAX; i++) {
            command_init(&r, &b[i]);
            random_command(seed, i, &b[i]);
            assert_true(rig_queue(&r, buf_slice(&b[i])));
        }
        assert_true(rig_wait(&r));
        for (uint64_t i = 3; i < REPLAY_MAX; i++) {
            buf_close(&b[i]);
        }
        assert_true(rig_image(&r, "/meta/image"));
        assert_int_equal(r.status, 0);
        assert_int_equal(r.hash, hashes[REPLAY_MAX - 1]);
        assert_int_equal(r.index, REPLAY_MAX - 1);
        assert_true(rig_close(&r));
        rig_free(&r);
    }
}

/* ---- power cuts ---------------------------------------------------------
 */

/* Cut the power at a drawn moment of a run with checkpoints; what comes back
 * is at or above the last completed checkpoint, and a prefix of the log. */
static void cut_once(uint64_t seed, enum sim_crash how, const uint64_t hashes[])
{
    struct rig r;
    struct rand d;
    struct buf b[REPLAY_MAX];
    uint64_t durable = 0;
    rand_init(&d, seed);
    rig_new(&r, seed, 4);
    assert_true(rig_open(&r, false));
    for (unsigned cut = 0; cut < 3 && r.next < REPLAY_MAX; cut++) {
        uint64_t first = r.next;
        uint64_t last = first + rand_below(&d, REPLAY_MAX - first);
        for (uint64_t i = first; i <= last; i++) {
            command_init(&r, &b[i]);
            random_command(1, i, &b[i]);
            assert_true(rig_queue(&r, buf_slice(&b[i])));
            if (rand_below(&d, 4) == 0) {
                assert_true(rig_wait(&r));
            }
            if (rand_below(&d, 6) == 0 && rig_checkpoint(&r)) {
                durable = r.index;
                assert_int_equal(r.hash, hashes[r.index]);
            }
        }
        struct rig_call c = {.rig = &r};
        r.done = false;
        sim_node_call(r.sim, r.id, checkpoint_as_node, &c);
        for (uint64_t n = rand_below(&d, 8); n > 0; n--) {
            sim_run_one(r.sim);
        }
        sim_node_crash(r.sim, r.id, how);
        for (uint64_t i = first; i <= last; i++) {
            buf_close(&b[i]);
        }
        rig_start_node(&r);
        assert_true(rig_open(&r, true));
        assert_int_equal(r.status, 0);
        assert_true(r.index >= durable && r.index <= last);
        assert_true(rig_checkpoint(&r));
        durable = r.index;
        assert_int_equal(r.hash, hashes[r.index]);
    }
    assert_true(rig_image(&r, "/meta/image"));
    assert_int_equal(r.hash, hashes[r.index]);
    assert_true(rig_close(&r));
    rig_free(&r);
}

static void test_r09_power_cuts(void **state)
{
    uint64_t hashes[REPLAY_MAX];
    (void)state;
    replay(1, hashes);
    for (uint64_t seed = 1; seed <= 25; seed++) {
        cut_once(seed, SIM_CRASH_NONE, hashes);
        cut_once(seed, SIM_CRASH_PREFIX, hashes);
        cut_once(seed, SIM_CRASH_RANDOM, hashes);
        cut_once(seed, SIM_CRASH_ALL, hashes);
    }
}

/* ---- failing disks ------------------------------------------------------
 */

/* The n-th I/O call fails, for every n: an opening says so, later the node
 * ends and names a file; afterwards everything is as a prefix left it. */
static void fail_nth(uint64_t n, int code, const uint64_t hashes[],
                     bool *ret_fired)
{
    struct rig r;
    uint64_t durable = 0;
    rig_new(&r, 7, 4);
    sim_io_fail_at(r.sim, r.id, n, false, code);
    bool alive = rig_open(&r, false);
    assert_true(alive);
    if (r.status == 0) {
        alive = run_random(&r, 1, 6) && rig_checkpoint(&r);
        durable = alive ? r.index : 0;
        alive = alive && run_random(&r, 1, 8) && rig_image(&r, "/meta/image");
        alive = alive && r.status == 0 && rig_close(&r);
    } else {
        assert_non_null(strstr(r.err, "/meta"));
        r.m = NULL;
    }
    *ret_fired = sim_io_fail_fired(r.sim, r.id);
    if (!alive && sim_node_env(r.sim, r.id) == NULL) {
        assert_non_null(strstr(sim_node_death(r.sim, r.id), "/meta/"));
    }
    sim_io_fail_at(r.sim, r.id, 0, false, 0);
    if (sim_node_env(r.sim, r.id) != NULL) {
        sim_node_crash(r.sim, r.id, SIM_CRASH_NONE);
    }
    rig_start_node(&r);
    assert_true(rig_open(&r, true));
    assert_int_equal(r.status, 0);
    assert_true(r.index >= durable);
    assert_true(rig_checkpoint(&r));
    assert_int_equal(r.hash, hashes[r.index]);
    /* What it took for durable, though a sync had failed, is. */
    durable = r.index;
    sim_node_crash(r.sim, r.id, SIM_CRASH_NONE);
    rig_start_node(&r);
    assert_true(rig_open(&r, true));
    assert_int_equal(r.status, 0);
    assert_true(r.index == durable);
    assert_true(rig_close(&r));
    rig_free(&r);
}

static void test_failing_disk(void **state)
{
    uint64_t hashes[REPLAY_MAX];
    bool fired = true;
    uint64_t n = 0;
    (void)state;
    replay(1, hashes);
    while (fired) {
        fail_nth(++n, ERR_IO, hashes, &fired);
    }
    assert_true(n > 50);
    fired = true;
    for (n = 1; fired; n += 3) {
        fail_nth(n, ERR_NOSPACE, hashes, &fired);
    }
}

/* ---- images -------------------------------------------------------------
 */

/* Copy a file of one node to another's disk. */
struct copy {
    struct env *env;
    const char *path;
    char *data;
    size_t len;
    int rv;
};

static void read_as_node(void *arg)
{
    struct copy *c = arg;
    char *text;
    c->rv = env_read_file(c->env, c->path, 1 << 24, &text, &c->len, NULL);
    if (c->rv == 0) {
        c->data = malloc(c->len);
        memcpy(c->data, text, c->len);
        mem_free(env_mem(c->env), text);
    }
}

static void write_as_node(void *arg)
{
    struct copy *c = arg;
    c->rv = env_write_file(c->env, c->path, slice_of(c->data, c->len), NULL);
}

static struct copy read_file(struct rig *r, const char *path)
{
    struct copy c = {.env = r->env, .path = path};
    assert_int_equal(sim_node_call(r->sim, r->id, read_as_node, &c), 0);
    assert_int_equal(c.rv, 0);
    return c;
}

static void write_file(struct rig *r, const char *path, struct copy *c)
{
    c->env = r->env;
    c->path = path;
    assert_int_equal(sim_node_call(r->sim, r->id, write_as_node, c), 0);
    assert_int_equal(c->rv, 0);
}

static void test_image_installed(void **state)
{
    struct rig a, b;
    (void)state;
    rig_new(&a, 11, 4);
    rig_new(&b, 12, 4);
    assert_true(rig_open(&a, false));
    assert_true(rig_open(&b, false));
    assert_true(run_random(&a, 1, 40));
    assert_true(run_random(&b, 2, 10));
    assert_true(rig_image(&a, "/meta/out"));
    assert_true(rig_image(&a, "/meta/out")); /* replaces what is there */
    assert_int_equal(a.status, 0);
    struct copy c = read_file(&a, "/meta/out");
    assert_int_equal(c.len, a.bytes);
    write_file(&b, "/meta/in", &c);

    /* Not what was promised: the old state stays. */
    assert_true(rig_install(&b, "/meta/in", a.hash + 1));
    assert_int_equal(b.status, ERR_CORRUPT);
    assert_non_null(strstr(b.err, "/meta/in"));
    assert_true(rig_checkpoint(&b));
    assert_int_equal(b.index, 10);
    /* Damaged: the same, wherever it is. */
    for (size_t at = 0; at < c.len; at += 611) {
        struct copy bad = c;
        bad.data = malloc(c.len);
        memcpy(bad.data, c.data, c.len);
        bad.data[at] ^= 0x10;
        write_file(&b, "/meta/bad", &bad);
        free(bad.data);
        assert_true(rig_install(&b, "/meta/bad", a.hash));
        if (b.status == 0) {
            /* It was no byte of a row: the state is the promised one. */
            assert_int_equal(b.index, 40);
            assert_true(rig_image(&b, "/meta/again"));
            assert_int_equal(b.hash, a.hash);
        }
    }
    write_file(&b, "/meta/in", &c);
    assert_true(rig_install(&b, "/meta/in", a.hash));
    assert_int_equal(b.status, 0);
    assert_int_equal(b.index, 40);
    assert_int_equal(image_n_topics(b.image), image_n_topics(a.image));
    free(c.data);

    /* The log goes on, alike, and survives a cut. */
    assert_true(run_random(&a, 1, 50));
    assert_true(run_random(&b, 1, 50));
    assert_true(rig_checkpoint(&a));
    assert_true(rig_checkpoint(&b));
    assert_int_equal(a.hash, b.hash);
    sim_node_crash(b.sim, 1, SIM_CRASH_NONE);
    rig_start_node(&b);
    assert_true(rig_open(&b, true));
    assert_int_equal(b.index, 50);
    assert_true(rig_close(&a));
    assert_true(rig_close(&b));
    rig_free(&a);
    rig_free(&b);
}

/* An image with a changed row, but with the promised hash written in it. */
static void test_image_changed(void **state)
{
    struct rig r;
    (void)state;
    rig_new(&r, 11, 4);
    assert_true(rig_open(&r, false));
    assert_true(rig_image(&r, "/meta/out"));
    uint64_t hash = r.hash;
    struct copy c = read_file(&r, "/meta/out");
    char *host = memmem(c.data, c.len, "host2", 5);
    assert_non_null(host);
    host[4] = '7';
    write_file(&r, "/meta/out", &c);
    free(c.data);
    assert_true(rig_install(&r, "/meta/out", hash));
    assert_int_equal(r.status, ERR_CORRUPT);
    assert_true(rig_close(&r));
    rig_free(&r);
}

/* An image that was reported is durable. */
static void test_image_durable(void **state)
{
    struct rig r;
    (void)state;
    rig_new(&r, 11, 4);
    assert_true(rig_open(&r, false));
    assert_true(rig_image(&r, "/meta/out"));
    sim_node_crash(r.sim, 1, SIM_CRASH_NONE);
    rig_start_node(&r);
    struct copy c = read_file(&r, "/meta/out");
    assert_int_equal(c.len, r.bytes);
    free(c.data);
    uint64_t hash = r.hash;
    assert_true(rig_open(&r, true));
    assert_true(rig_install(&r, "/meta/out", hash));
    assert_int_equal(r.status, 0);
    assert_true(rig_close(&r));
    rig_free(&r);
}

/* Power cut at every event of an installation: the old state or the new. */
static void test_r18_install_cut(void **state)
{
    uint64_t old[REPLAY_MAX], new[REPLAY_MAX];
    (void)state;
    replay(2, old);
    replay(1, new);
    struct rig a;
    rig_new(&a, 11, 4);
    assert_true(rig_open(&a, false));
    assert_true(run_random(&a, 1, 40));
    assert_true(rig_image(&a, "/meta/out"));
    struct copy c = read_file(&a, "/meta/out");
    uint64_t hash = a.hash;
    unsigned n_old = 0, n_new = 0;
    for (uint64_t n = 1; n < 120; n++) {
        struct rig b;
        rig_new(&b, n, 4);
        assert_true(rig_open(&b, false));
        assert_true(run_random(&b, 2, 10));
        write_file(&b, "/in", &c);
        sim_io_fail_at(b.sim, 1, n, true, ERR_IO);
        bool alive = rig_install(&b, "/in", hash);
        bool reported = alive && b.status == 0;
        sim_io_fail_at(b.sim, 1, 0, false, 0);
        if (alive) {
            sim_node_crash(b.sim, 1, n % 2 ? SIM_CRASH_RANDOM : SIM_CRASH_NONE);
        }
        rig_start_node(&b);
        assert_true(rig_open(&b, true));
        assert_int_equal(b.status, 0);
        bool is_new = b.index == 40;
        assert_true(is_new || !reported);
        assert_true(rig_checkpoint(&b));
        assert_int_equal(b.hash, is_new ? new[40] : old[b.index]);
        n_new += is_new;
        n_old += !is_new;
        assert_true(rig_close(&b));
        rig_free(&b);
    }
    assert_true(n_old > 0 && n_new > 0);
    free(c.data);
    assert_true(rig_close(&a));
    rig_free(&a);
}

/* Commands that waited behind an installation and lie below its index are in
 * the image already. */
static void install_overtakes(uint64_t last)
{
    struct rig a, b;
    struct buf cmd[16];
    rig_new(&a, 11, 4);
    rig_new(&b, 12, 4);
    assert_true(rig_open(&a, false));
    assert_true(rig_open(&b, false));
    assert_true(run_random(&a, 1, 10));
    assert_true(rig_image(&a, "/meta/out"));
    struct copy c = read_file(&a, "/meta/out");
    write_file(&b, "/meta/in", &c);
    free(c.data);
    struct rig_call install = {.rig = &b, .path = "/meta/in", .hash = a.hash};
    sim_node_call(b.sim, 1, install_as_node, &install);
    assert_int_equal(install.rv, 0);
    for (uint64_t i = 3; i <= last; i++) {
        command_init(&b, &cmd[i]);
        random_command(1, i, &cmd[i]);
        assert_true(rig_queue(&b, buf_slice(&cmd[i])));
    }
    assert_true(rig_wait(&b)); /* the installation */
    if (last > 10) {
        b.next = last + 1;
        b.done = false;
        assert_true(rig_wait(&b));
    }
    for (uint64_t i = 3; i <= last; i++) {
        buf_close(&cmd[i]);
    }
    assert_true(run_random(&a, 1, last));
    assert_true(rig_checkpoint(&a));
    assert_true(rig_checkpoint(&b));
    assert_int_equal(b.index, last > 10 ? last : 10);
    assert_int_equal(b.n_results, last > 10 ? last - 10 : 0);
    assert_int_equal(a.hash, b.hash);
    assert_true(rig_close(&a));
    assert_true(rig_close(&b));
    rig_free(&a);
    rig_free(&b);
}

static void test_install_overtakes(void **state)
{
    (void)state;
    install_overtakes(9);
    install_overtakes(10);
    install_overtakes(13);
}

/* ---- damage -------------------------------------------------------------
 */

/* Where the only copy is damaged, it stays; where there are others, it is put
 * aside and named, and the machine begins anew. */
static void check_damage(struct rig *r, const struct copy *c)
{
    r->keep = true;
    assert_true(rig_open(r, true));
    assert_int_equal(r->status, ERR_CORRUPT);
    assert_non_null(strstr(r->err, DB_PATH));
    struct copy q = read_file(r, DB_PATH);
    assert_int_equal(q.len, c->len);
    free(q.data);
    r->keep = false;
    assert_true(rig_open(r, true));
    assert_int_equal(r->status, 0);
    assert_true(r->fresh);
    assert_int_equal(r->index, MACHINE_BOOTSTRAP_INDEX);
    assert_non_null(strstr(r->aside, DB_PATH));
    assert_non_null(strstr(r->aside, "/meta/quarantine/meta.db.1"));
    q = read_file(r, "/meta/quarantine/meta.db.1");
    assert_int_equal(q.len, c->len);
    assert_memory_equal(q.data, c->data, c->len);
    free(q.data);
}

/* Damage the closed file at `at`. True if it was found. */
static bool damage_at(size_t at, bool *ret_beyond)
{
    struct rig r;
    rig_new(&r, 21, 4);
    assert_true(rig_open(&r, false));
    assert_true(run_random(&r, 1, 40));
    uint64_t index = r.index;
    assert_true(rig_close(&r));
    struct copy c = read_file(&r, DB_PATH);
    *ret_beyond = at + 8 > c.len;
    for (size_t i = at; i < at + 8 && i < c.len; i++) {
        c.data[i] = (char)~c.data[i];
    }
    write_file(&r, DB_PATH, &c);
    r.keep = true;
    assert_true(rig_open(&r, true));
    bool found = r.status != 0;
    if (found) {
        check_damage(&r, &c);
    } else {
        assert_int_equal(r.index, index);
        assert_string_equal(r.aside, "");
    }
    assert_true(rig_close(&r));
    free(c.data);
    rig_free(&r);
    return found;
}

static void test_r14_damaged(void **state)
{
    bool beyond = false;
    (void)state;
    for (size_t page = 0; !beyond; page += 4096) {
        /* The head of a page, and its rows, which begin at its end (the
         * last pages may be free). */
        bool head = damage_at(page, &beyond);
        bool rows = damage_at(page + 4088, &beyond);
        damage_at(page + 2000, &beyond);
        assert_true(beyond || head);
        assert_true(beyond || rows || page > 0);
    }
    assert_true(beyond);
}

/* A column that has another name, or none of our indexes: SQLite sees nothing
 * wrong, nor do the rows. (Seed 2769667597033: a statement did, later, and the
 * node ended by what it took for its own mistake.) */
static void test_changed_schema(void **state)
{
    static const char *const texts[] = {"folded TEXT", "commands_idx ON",
                                        "TABLE loads"};
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct rig r;
        rig_new(&r, 22 + i, 4);
        assert_true(rig_open(&r, false));
        assert_true(run_random(&r, 1, 40));
        assert_true(rig_close(&r));
        struct copy c = read_file(&r, DB_PATH);
        char *at = memmem(c.data, c.len, texts[i], strlen(texts[i]));
        assert_non_null(at);
        at[i == 2 ? 7 : 1] ^= 1;
        write_file(&r, DB_PATH, &c);
        check_damage(&r, &c);
        assert_true(rig_close(&r));
        free(c.data);
        rig_free(&r);
    }
}

/* A row that was changed so that SQLite sees nothing wrong: the hash does. */
static void change_a_row(struct rig *r)
{
    struct copy c = read_file(r, DB_PATH);
    char *host = memmem(c.data, c.len, "host2", 5);
    assert_non_null(host);
    host[4] = '7';
    write_file(r, DB_PATH, &c);
    free(c.data);
}

static void test_changed_row(void **state)
{
    struct rig r;
    (void)state;
    rig_new(&r, 22, 4);
    assert_true(rig_open(&r, false));
    assert_true(rig_close(&r));
    change_a_row(&r);
    r.keep = true;
    assert_true(rig_open(&r, false));
    assert_int_equal(r.status, ERR_CORRUPT);
    assert_non_null(strstr(r.err, "hash"));
    r.keep = false;
    assert_true(rig_open(&r, false));
    assert_true(r.fresh);
    assert_non_null(strstr(r.aside, "hash"));
    rig_free(&r);
}

/* ---- damage while it runs ------------------------------------------------ */

struct watched {
    unsigned n;
    char err[600];
    char to[600];
};

static void on_broken(void *arg, const struct err *err)
{
    struct watched *w = arg;
    w->n++;
    snprintf(w->err, sizeof w->err, "%s", err->text);
}

static struct watched watched;

static void on_void(void *arg, const char *to)
{
    snprintf(watched.to, sizeof watched.to, "%s", to);
    on_closed(arg);
}

static void watch_as_node(void *arg)
{
    struct rig_call *c = arg;
    machine_watch(c->rig->m, on_broken, &watched);
}

static void void_as_node(void *arg)
{
    struct rig_call *c = arg;
    c->rv = machine_void(c->rig->m, on_void, c->rig);
}

static void rig_void(struct rig *r)
{
    struct rig_call c = {.rig = r};
    r->done = false;
    r->request = true;
    assert_int_equal(sim_node_call(r->sim, r->id, void_as_node, &c), 0);
    assert_int_equal(c.rv, 0);
    assert_true(rig_wait(r));
}

/* A row of `configs` is changed behind the machine's back. */
static void plant_as_node(void *arg)
{
    struct rig_call *c = arg;
    struct machine_db *db = c->rig->m->db;
    assert_int_equal(sqlite3_exec(db->sql,
                                  "UPDATE nodes SET peer_host='elsewhere' "
                                  "WHERE id=2",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
}

static void rig_watched(struct rig *r, uint64_t seed)
{
    struct rig_call c = {.rig = r};
    memset(&watched, 0, sizeof watched);
    rig_new(r, seed, 4);
    assert_true(rig_open(r, false));
    assert_int_equal(sim_node_call(r->sim, r->id, watch_as_node, &c), 0);
    assert_true(run_random(r, 1, 40));
}

/* A void machine applies nothing, makes no image and no checkpoint; an image
 * brings it back. */
static void check_void(struct rig *r)
{
    struct machine_point points[MACHINE_POINTS_MAX + 1];
    struct buf b;
    uint64_t applied = machine_applied(r->m);
    command_init(r, &b);
    random_command(1, r->next, &b);
    assert_true(rig_queue(r, buf_slice(&b)));
    buf_close(&b);
    assert_int_equal(machine_points(r->m, points), 0);
    assert_true(rig_image(r, "/meta/image"));
    assert_int_equal(r->status, ERR_CORRUPT);
    assert_true(rig_checkpoint(r));
    assert_int_equal(r->index, 0);
    assert_int_equal(machine_applied(r->m), applied);
    assert_int_equal(watched.n, 1);
    rig_void(r);
    assert_string_equal(watched.to, "/meta/quarantine/meta.db.1");
    assert_true(rig_image(r, "/meta/image"));
    assert_int_equal(r->status, ERR_CORRUPT);
}

static void bring_back(struct rig *r)
{
    struct rig from;
    rig_new(&from, 77, 4);
    assert_true(rig_open(&from, false));
    assert_true(run_random(&from, 1, 50));
    assert_true(rig_image(&from, "/meta/image"));
    assert_int_equal(from.status, 0);
    struct copy c = read_file(&from, "/meta/image");
    write_file(r, "/meta/incoming", &c);
    assert_true(rig_install(r, "/meta/incoming", from.hash));
    assert_int_equal(r->status, 0);
    assert_int_equal(r->index, 50);
    assert_true(run_random(r, 1, 60));
    assert_true(rig_checkpoint(r));
    assert_int_equal(r->index, 60);
    assert_true(run_random(&from, 1, 60));
    assert_true(rig_checkpoint(&from));
    assert_int_equal(r->hash, from.hash);
    free(c.data);
    assert_true(rig_close(&from));
    rig_free(&from);
    assert_true(rig_close(r));
}

/* The rows are read again by and by: a checkpoint finds it, and so does an
 * image, of which none is given. */
static void test_planted_row(void **state)
{
    (void)state;
    for (unsigned by_image = 0; by_image < 2; by_image++) {
        struct rig r;
        struct rig_call c = {.rig = &r};
        rig_watched(&r, 41 + by_image);
        assert_int_equal(sim_node_call(r.sim, r.id, plant_as_node, &c), 0);
        if (by_image) {
            assert_true(rig_image(&r, "/meta/image"));
            assert_int_equal(r.status, ERR_CORRUPT);
        } else {
            assert_true(rig_checkpoint(&r));
            assert_int_equal(r.index, 0);
        }
        assert_int_equal(watched.n, 1);
        assert_non_null(strstr(watched.err, "hash"));
        check_void(&r);
        bring_back(&r);
        rig_free(&r);
    }
}

/* Nobody watches: the node ends, and says why. */
static void test_planted_unwatched(void **state)
{
    struct rig r;
    struct rig_call c = {.rig = &r};
    (void)state;
    rig_new(&r, 43, 4);
    assert_true(rig_open(&r, false));
    assert_int_equal(sim_node_call(r.sim, r.id, plant_as_node, &c), 0);
    assert_false(rig_checkpoint(&r));
    assert_non_null(strstr(sim_node_death(r.sim, 1), "hash"));
    rig_free(&r);
}

static void overwrite_as_node(void *arg)
{
    struct copy *c = arg;
    struct bfile *f;
    assert_int_equal(
        bfile_open(c->env, c->path, FILE_READ | FILE_WRITE, &f, NULL), 0);
    assert_int_equal(bfile_write(f, c->data + 4096, c->len - 4096, 4096), 0);
    bfile_close(f);
}

/* Pages go bad under the open file: SQLite stumbles over them while it applies
 * or copies. What was queued behind is skipped. */
static void test_damaged_running(void **state)
{
    struct rig r;
    (void)state;
    rig_watched(&r, 44);
    assert_true(rig_checkpoint(&r));
    struct copy c = read_file(&r, DB_PATH);
    memset(c.data + 4096, 0xa5, c.len - 4096);
    assert_int_equal(sim_node_call(r.sim, r.id, overwrite_as_node, &c), 0);
    free(c.data);
    sqlite3_db_release_memory(r.m->db->sql);
    struct buf b;
    command_init(&r, &b);
    random_command(1, r.next, &b);
    r.request = true;
    rig_queue(&r, buf_slice(&b));
    assert_true(rig_checkpoint(&r));
    buf_close(&b);
    assert_int_equal(r.index, 0);
    assert_int_equal(watched.n, 1);
    check_void(&r);
    bring_back(&r);
    rig_free(&r);
}

/* An install gets over damage that nobody has looked at yet: the damaged file
 * is in quarantine all the same. */
static void test_install_over_damage(void **state)
{
    struct rig r;
    (void)state;
    rig_watched(&r, 45);
    struct rig_call c = {.rig = &r};
    assert_int_equal(sim_node_call(r.sim, r.id, plant_as_node, &c), 0);
    assert_true(rig_image(&r, "/meta/image"));
    assert_int_equal(watched.n, 1);
    bring_back(&r);
    struct copy q = read_file(&r, "/meta/quarantine/meta.db.1");
    assert_true(q.len > 0);
    free(q.data);
    assert_string_equal(r.aside, "/meta/quarantine/meta.db.1"); /* it is said */
    rig_free(&r);
}

/* What is asked to go has gone: the image that came meanwhile stays. */
static void test_void_after_install(void **state)
{
    struct machine_point points[MACHINE_POINTS_MAX + 1];
    struct rig from, r;
    (void)state;
    rig_new(&from, 77, 4);
    assert_true(rig_open(&from, false));
    assert_true(run_random(&from, 1, 50));
    assert_true(rig_image(&from, "/meta/image"));
    struct copy c = read_file(&from, "/meta/image");
    rig_watched(&r, 47);
    write_file(&r, "/meta/incoming", &c);
    free(c.data);
    struct rig_call call = {
        .rig = &r, .path = "/meta/incoming", .hash = from.hash};
    r.request = true;
    r.done = false;
    assert_int_equal(sim_node_call(r.sim, r.id, install_as_node, &call), 0);
    assert_int_equal(call.rv, 0);
    assert_int_equal(sim_node_call(r.sim, r.id, void_as_node, &call), 0);
    assert_int_equal(call.rv, 0);
    assert_true(rig_wait(&r)); /* the installation */
    assert_int_equal(r.index, 50);
    r.request = true;
    r.done = false;
    snprintf(watched.to, sizeof watched.to, "unset");
    assert_true(rig_wait(&r)); /* the void */
    assert_string_equal(watched.to, "");
    assert_true(machine_points(r.m, points) > 0);
    assert_true(run_random(&r, 1, 60));
    assert_true(rig_checkpoint(&r));
    assert_int_equal(r.index, 60);
    rig_void(&r); /* asked for behind it: it goes */
    assert_string_equal(watched.to, "/meta/quarantine/meta.db.1");
    assert_true(rig_close(&from));
    rig_free(&from);
    rig_free(&r);
}

/* The first copies stay, and the newest: a disk does not fill up. */
static void test_quarantine_bounded(void **state)
{
    struct rig r;
    struct copy newest = {0}, seventh = {0};
    (void)state;
    rig_watched(&r, 48);
    for (unsigned i = 1; i <= 10; i++) {
        char path[64];
        snprintf(path, sizeof path, "/meta/quarantine/meta.db.%u",
                 i < 8 ? i : 8);
        assert_true(run_random(&r, 1, 40 + 10 * i));
        assert_true(rig_checkpoint(&r));
        struct copy c = read_file(&r, DB_PATH);
        rig_void(&r);
        assert_memory_equal(watched.to, path, strlen(path));
        assert_int_equal(strstr(watched.to, "deleted") != NULL, i > 8);
        free(newest.data);
        newest = read_file(&r, path);
        assert_int_equal(newest.len, c.len);
        assert_memory_equal(newest.data, c.data, c.len);
        if (i == 7) {
            seventh = c;
        } else {
            free(c.data);
        }
        assert_true(rig_close(&r));
        assert_true(rig_open(&r, false));
        assert_true(r.fresh);
    }
    struct copy c = read_file(&r, "/meta/quarantine/meta.db.7");
    assert_int_equal(c.len, seventh.len);
    assert_memory_equal(c.data, seventh.data, c.len);
    free(c.data);
    free(seventh.data);
    free(newest.data);
    assert_int_equal(env_stat(r.env, "/meta/quarantine/meta.db.9", NULL, NULL),
                     ERR_NOTFOUND);
    rig_free(&r);
}

/* A machine without a state that is closed, or whose node dies, begins anew. */
static void test_void_restarts(void **state)
{
    struct rig r;
    (void)state;
    rig_watched(&r, 46);
    rig_void(&r);
    assert_true(rig_close(&r));
    assert_true(rig_open(&r, false));
    assert_true(r.fresh);
    assert_string_equal(r.aside, "");
    rig_void(&r); /* holds nothing: nothing to keep */
    assert_string_equal(watched.to, "");
    sim_node_crash(r.sim, r.id, SIM_CRASH_ALL);
    rig_start_node(&r);
    assert_true(rig_open(&r, true));
    assert_int_equal(r.status, 0);
    assert_int_equal(r.index, MACHINE_BOOTSTRAP_INDEX);
    rig_free(&r);
}

/* ---- points -------------------------------------------------------------- */

/* However commands are batched, and wherever the log has gaps: at the same
 * index the same hash. */
static void run_points(uint64_t seed, unsigned batch,
                       struct machine_point out[], unsigned *ret_n)
{
    struct rig r;
    struct buf b[REPLAY_MAX * 8];
    unsigned n = 0;
    rig_new(&r, seed, 4);
    assert_true(rig_open(&r, false));
    while (r.next < REPLAY_MAX * 8) {
        uint64_t last = r.next + batch;
        unsigned first = n;
        while (r.next < REPLAY_MAX * 8 && r.next < last) {
            if (r.next % 64 % 5 == 0) { /* no command */
                struct rig_call entry = {.rig = &r, .upto = r.next++};
                if (batch == 1) { /* ... and alone */
                    r.done = false;
                    sim_node_call(r.sim, 1, apply_as_node, &entry);
                    assert_int_equal(entry.rv, 0);
                    assert_true(rig_wait(&r));
                }
            }
            command_init(&r, &b[n]);
            random_command(2, r.next, &b[n]);
            assert_true(rig_queue(&r, buf_slice(&b[n])));
            n++;
        }
        assert_true(rig_wait(&r));
        for (unsigned i = first; i < n; i++) {
            buf_close(&b[i]);
        }
    }
    *ret_n = machine_points(r.m, out);
    assert_true(rig_checkpoint(&r));
    assert_int_equal(out[*ret_n - 1].index, r.index);
    assert_int_equal(out[*ret_n - 1].hash, r.hash);
    assert_true(rig_close(&r));
    rig_free(&r);
}

static void test_points(void **state)
{
    struct machine_point a[MACHINE_POINTS_MAX + 1], b[MACHINE_POINTS_MAX + 1];
    unsigned n_a, n_b;
    (void)state;
    run_points(51, 1, a, &n_a);
    run_points(52, 100, b, &n_b);
    assert_int_equal(n_a, n_b);
    assert_in_range(n_a, REPLAY_MAX * 8 / MACHINE_POINT_EVERY,
                    REPLAY_MAX * 8 / MACHINE_POINT_EVERY + 1);
    assert_memory_equal(a, b, n_a * sizeof *a);
    assert_int_equal(a[0].index, MACHINE_POINT_EVERY);
    assert_true(a[0].hash != a[1].hash);
}

/* Rows are read again a few at a time, while others are written before and
 * behind where the pass stands: at its end it has the hash that was kept. */
static void verify_as_node(void *arg)
{
    struct rig_call *c = arg;
    struct machine_db *db = c->rig->m->db;
    uint64_t hash = 0;
    /* By rows, or by bytes. */
    c->n = db_verify(db, c->upto < 8 ? (unsigned)c->upto : 1000,
                     c->upto < 8 ? 1 << 20 : c->upto, &hash)
               ? 1
               : 0;
    c->hash = hash;
    assert_int_equal(db_status(db), 0);
    if (c->n > 0) {
        assert_int_equal(hash, db_hash(db));
    }
}

static void test_verify(void **state)
{
    (void)state;
    for (uint64_t rows = 1; rows < 1200; rows += rows < 8 ? 1 : 150) {
        struct rig r;
        struct rig_call c = {.rig = &r, .upto = rows};
        unsigned n_passes = 0;
        rig_new(&r, 60 + rows, 4);
        assert_true(rig_open(&r, false));
        while (r.next < 400) {
            assert_true(run_random(&r, 3, r.next));
            assert_int_equal(sim_node_call(r.sim, r.id, verify_as_node, &c), 0);
            n_passes += c.n;
        }
        assert_true(n_passes > 2);
        assert_int_equal(sim_node_call(r.sim, r.id, plant_as_node, &c), 0);
        assert_true(rig_image(&r, "/x") == false);
        rig_free(&r);
    }
}

/* Change a byte in the cache only: its sync fails, the medium keeps the old
 * one. */
struct lost_write {
    struct rig *rig;
    const char *path;
    uint64_t at;
};

static void lose_as_node(void *arg)
{
    struct lost_write *w = arg;
    struct bfile *f;
    uint8_t byte;
    size_t n;
    assert_int_equal(
        bfile_open(w->rig->env, w->path, FILE_READ | FILE_WRITE, &f, NULL), 0);
    assert_int_equal(bfile_read(f, &byte, 1, w->at, &n), 0);
    assert_int_equal(n, 1);
    byte ^= 0xff;
    assert_int_equal(bfile_write(f, &byte, 1, w->at), 0);
    sim_io_fail_at(w->rig->sim, 1, 1, false, ERR_IO);
    assert_int_equal(bfile_sync(f), ERR_IO);
    bfile_close(f);
}

/* After an unclean stop the medium is what counts, not the cache. */
static void test_cache_dropped(void **state)
{
    static const struct lost_write writes[] = {{NULL, DB_PATH, 5},
                                               {NULL, DB_PATH "-wal", 100}};
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct rig r;
        struct lost_write w = writes[i];
        rig_new(&r, 27, 4);
        assert_true(rig_open(&r, false));
        assert_true(run_random(&r, 1, 8));
        sim_node_crash(r.sim, 1, SIM_CRASH_ALL);
        rig_start_node(&r);
        w.rig = &r;
        assert_int_equal(sim_node_call(r.sim, 1, lose_as_node, &w), 0);
        assert_true(rig_open(&r, true));
        assert_int_equal(r.status, 0);
        assert_int_equal(r.index, 8);
        assert_true(rig_close(&r));
        rig_free(&r);
    }
}

/* An applied index that was changed alone. */
static void test_changed_index(void **state)
{
    struct rig r;
    (void)state;
    rig_new(&r, 22, 4);
    assert_true(rig_open(&r, false));
    assert_true(run_random(&r, 1, 40));
    assert_true(rig_close(&r));
    struct copy c = read_file(&r, DB_PATH);
    /* index 40, term 3, hash of 8 bytes, version (no bytes), "meta", seal */
    char *type = memmem(c.data, c.len, "meta", 4);
    while (type != NULL && (type[-10] != 40 || type[-9] != 3)) {
        type = memmem(type + 1, c.len - (size_t)(type + 1 - c.data), "meta", 4);
    }
    if (type == NULL) {
        fail_msg("no applied row");
        return;
    }
    type[-10] = 41;
    write_file(&r, DB_PATH, &c);
    free(c.data);
    r.keep = true;
    assert_true(rig_open(&r, false));
    assert_int_equal(r.status, ERR_CORRUPT);
    rig_free(&r);
}

/* The n-th allocation fails: said, or the node ends; nothing leaks. */
static void no_memory_as_node(void *arg)
{
    struct rig_call *c = arg;
    mem_fail_at(env_mem(c->rig->env), c->upto, 0);
    open_as_node(c);
}

static void test_no_memory(void **state)
{
    unsigned n_said = 0, n_fine = 0;
    (void)state;
    for (uint64_t n = 1; n_fine == 0; n++) {
        struct rig r;
        rig_new(&r, 26, 2);
        struct rig_call c = {.rig = &r, .upto = n};
        command_init(&r, &c.boot);
        rig_bootstrap(&r, &c.boot);
        r.request = true;
        bool alive = sim_node_call(r.sim, 1, no_memory_as_node, &c) == 0;
        assert_true(c.rv == 0 || c.rv == ERR_NOMEM);
        if (alive && c.rv == 0 && rig_wait(&r)) {
            assert_true(r.status == 0 || r.status == ERR_NOMEM);
            n_said += r.status != 0;
            n_fine += r.status == 0 && !mem_fail_fired(env_mem(r.env));
            mem_fail_at(env_mem(r.env), 0, 0);
            if (r.status == 0) {
                assert_int_equal(do_create(&r, "t", 9, 1, 1), 0);
            }
        }
        buf_close(&c.boot);
        rig_free(&r);
    }
    assert_true(n_said > 3);
}

/* ---- other files --------------------------------------------------------
 */

static void test_versions(void **state)
{
    struct rig r;
    struct machine_type newer = meta_machine, other = meta_machine;
    (void)state;
    newer.version++;
    other.name = "groups";
    rig_new(&r, 23, 4);
    /* Begun by a program that knows more (its migration is ours). */
    r.type = &newer;
    assert_true(rig_open(&r, false));
    assert_int_equal(r.status, 0);
    assert_true(rig_close(&r));
    r.type = &meta_machine;
    assert_true(rig_open(&r, true));
    assert_int_equal(r.status, ERR_VERSION);
    r.type = &other;
    assert_true(rig_open(&r, true));
    assert_int_equal(r.status, ERR_INVALID);
    assert_non_null(strstr(r.err, "groups"));
    r.type = &newer;
    assert_true(rig_open(&r, true));
    assert_int_equal(r.status, 0);
    assert_true(rig_close(&r));
    rig_free(&r);
}

static int migrate_2(struct machine_db *db, unsigned from,
                     struct slice bootstrap)
{
    if (from == 0) {
        return meta_machine.migrate(db, from, bootstrap);
    }
    assert_int_equal(from, 1);
    db_exec(db, "UPDATE nodes SET rack='moved'");
    return db_status(db);
}

static void test_migrated(void **state)
{
    struct rig r;
    struct machine_type two = meta_machine;
    (void)state;
    two.version = 2;
    two.migrate = migrate_2;
    rig_new(&r, 24, 2);
    assert_true(rig_open(&r, false));
    assert_int_equal(do_create(&r, "t", 9, 1, 1), 0);
    assert_true(rig_close(&r));
    r.type = &two;
    assert_true(rig_open(&r, true));
    assert_int_equal(r.status, 0);
    assert_int_equal(r.index, 3);
    assert_string_equal(image_node(r.image, 2)->rack, "moved");
    assert_true(rig_image(&r, "/meta/image")); /* the hash was made anew */
    assert_int_equal(r.status, 0);
    assert_true(rig_close(&r));
    rig_free(&r);
}

/* A bootstrap that cannot be read makes no database. */
static void test_bad_bootstrap(void **state)
{
    struct rig r;
    (void)state;
    rig_new(&r, 25, 0);
    assert_true(rig_open(&r, false));
    assert_int_equal(r.status, ERR_INVALID);
    r.n_nodes = 2;
    assert_true(rig_open(&r, true));
    assert_int_equal(r.status, 0);
    assert_true(r.fresh);
    assert_true(rig_close(&r));
    rig_free(&r);
}

/* ---- its log ---------------------------------------------------------------
 */

/* A checkpoint empties the log, which keeps its blocks; what is written behind
 * that goes over them. */
static void test_log_keeps_its_blocks(void **state)
{
    static const char nothing[32];
    struct rig r;
    (void)state;
    rig_new(&r, 31, 4);
    assert_true(rig_open(&r, false));
    assert_true(run_random(&r, 1, 40));
    assert_true(rig_checkpoint(&r));
    struct copy first = read_file(&r, DB_PATH "-wal");
    assert_true(first.len > 4096);
    assert_memory_equal(first.data, nothing, sizeof nothing);

    assert_true(run_random(&r, 1, 44));
    struct copy then = read_file(&r, DB_PATH "-wal");
    assert_int_equal(then.len, first.len);
    assert_memory_not_equal(then.data, nothing, sizeof nothing);
    free(first.data);
    free(then.data);

    /* The old frames behind the new ones are none. */
    sim_node_crash(r.sim, 1, SIM_CRASH_ALL);
    rig_start_node(&r);
    assert_true(rig_open(&r, true));
    assert_int_equal(r.status, 0);
    assert_int_equal(r.index, 44);
    assert_true(rig_checkpoint(&r));

    /* Nor are they where nothing came behind the checkpoint. */
    sim_node_crash(r.sim, 1, SIM_CRASH_ALL);
    rig_start_node(&r);
    assert_true(rig_open(&r, true));
    assert_int_equal(r.status, 0);
    assert_int_equal(r.index, 44);
    assert_true(rig_close(&r));
    rig_free(&r);
}

static void checkpoint_and_close_as_node(void *arg)
{
    checkpoint_as_node(arg);
    close_as_node(arg);
}

static void checkpoint_then_close(struct rig *r, struct rig_call *c,
                                  uint64_t index)
{
    r->index = 0;
    assert_int_equal(
        sim_node_call(r->sim, r->id, checkpoint_and_close_as_node, c), 0);
    r->done = false;
    r->request = true;
    assert_true(rig_wait(r));
    assert_int_equal(r->index, index); /* the checkpoint's answer, first */
    r->done = false;
    r->request = true;
    assert_true(rig_wait(r));
    r->m = NULL;
}

/* Closing waits for a checkpoint whose log is still being synced. */
static void test_close_behind_a_checkpoint(void **state)
{
    struct rig r;
    struct rig_call c = {.rig = &r};
    (void)state;
    rig_new(&r, 32, 4);
    assert_true(rig_open(&r, false));
    assert_true(run_random(&r, 1, 40));
    checkpoint_then_close(&r, &c, 40);
    rig_free(&r);
}

/* Apply commands until a sync of the log runs beside them. */
static void grow_log(struct rig *r)
{
    while (!r->m->presync.active) {
        assert_true(r->next < 4000);
        assert_true(run_random(r, r->next, r->next));
    }
}

/* What grew by a megabyte is synced without a checkpoint. */
static void test_log_is_synced_as_it_grows(void **state)
{
    struct rig r;
    (void)state;
    rig_new(&r, 33, 4);
    assert_true(rig_open(&r, false));
    assert_true(run_random(&r, 1, 40));
    grow_log(&r);
    while (r.m->presync.active) {
        assert_true(sim_run_one(r.sim));
    }
    uint64_t synced = r.next - 1;
    assert_true(run_random(&r, r.next, r.next + 3));
    rig_cut_power(&r);
    assert_true(rig_open(&r, true));
    assert_int_equal(r.status, 0);
    assert_int_equal(r.index, synced);
    assert_true(rig_close(&r));
    rig_free(&r);
}

/* To sync the log early is no duty: where it cannot be opened, the checkpoint's
 * own sync does it. */
static void test_log_cannot_be_opened(void **state)
{
    struct rig r;
    (void)state;
    rig_new(&r, 35, 4);
    assert_true(rig_open(&r, false));
    assert_true(run_random(&r, 1, 40));
    sim_io_fail_at(r.sim, 1, 1, false, ERR_IO);
    assert_true(rig_checkpoint(&r));
    assert_true(sim_io_fail_fired(r.sim, 1));
    assert_int_equal(r.index, 40);
    rig_cut_power(&r);
    assert_true(rig_open(&r, true));
    assert_int_equal(r.status, 0);
    assert_int_equal(r.index, 40);
    assert_true(rig_close(&r));
    rig_free(&r);
}

/* A checkpoint and a close that come while the log is being synced take their
 * turns behind that. */
static void test_checkpoint_behind_a_sync(void **state)
{
    struct rig r;
    struct rig_call c = {.rig = &r};
    (void)state;
    rig_new(&r, 34, 4);
    assert_true(rig_open(&r, false));
    assert_true(run_random(&r, 1, 40));
    grow_log(&r);
    checkpoint_then_close(&r, &c, r.next - 1);
    rig_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life),
        cmocka_unit_test(test_death),
        cmocka_unit_test(test_batches),
        cmocka_unit_test(test_order_asserted),
        cmocka_unit_test(test_determinism),
        cmocka_unit_test(test_r09_power_cuts),
        cmocka_unit_test(test_failing_disk),
        cmocka_unit_test(test_image_installed),
        cmocka_unit_test(test_image_changed),
        cmocka_unit_test(test_image_durable),
        cmocka_unit_test(test_r18_install_cut),
        cmocka_unit_test(test_install_overtakes),
        cmocka_unit_test(test_r14_damaged),
        cmocka_unit_test(test_changed_schema),
        cmocka_unit_test(test_changed_row),
        cmocka_unit_test(test_cache_dropped),
        cmocka_unit_test(test_changed_index),
        cmocka_unit_test(test_planted_row),
        cmocka_unit_test(test_planted_unwatched),
        cmocka_unit_test(test_damaged_running),
        cmocka_unit_test(test_install_over_damage),
        cmocka_unit_test(test_void_after_install),
        cmocka_unit_test(test_quarantine_bounded),
        cmocka_unit_test(test_void_restarts),
        cmocka_unit_test(test_points),
        cmocka_unit_test(test_log_keeps_its_blocks),
        cmocka_unit_test(test_close_behind_a_checkpoint),
        cmocka_unit_test(test_log_is_synced_as_it_grows),
        cmocka_unit_test(test_log_cannot_be_opened),
        cmocka_unit_test(test_checkpoint_behind_a_sync),
        cmocka_unit_test(test_verify),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_migrated),
        cmocka_unit_test(test_bad_bootstrap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
