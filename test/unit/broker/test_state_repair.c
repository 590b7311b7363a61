/* The state of a state group that is damaged, lost, or not what the others
 * have: the node goes on to vote, gets another's state, and nothing that was
 * acknowledged is missing afterwards. Told of @meta; the shards of consumer
 * groups are state groups like it. */
#include "cluster.h"

#include <stdio.h>
#include <string.h>

#include "broker/broker_impl.h"
#include "broker/metadata_impl.h"
#include "broker/state_group_impl.h"
#include "replica/transfer_impl.h"
#include "state/db_impl.h"
#include "state/machine_impl.h"
#include "state/meta.h"

#define DB      "/data/meta/meta.db"
#define ASIDE   "/data/meta/quarantine/meta.db.1"
#define WAIT_MS 60000

static struct cluster cluster;

static struct state_group *meta_of(struct cluster *c, unsigned id)
{
    return c->nodes[id].broker->metadata->group;
}

static unsigned meta_leader(struct cluster *c)
{
    for (unsigned t = 0; t < WAIT_MS / 5; t++) {
        for (unsigned i = 1; i <= NODES; i++) {
            if (c->nodes[i].up && c->nodes[i].serves &&
                state_group_ready(meta_of(c, i))) {
                return i;
            }
        }
        run_ms(c, 5);
    }
    fail_msg("nobody leads @meta");
    return 0;
}

static unsigned setting(struct cluster *c, unsigned id)
{
    return (unsigned)config_topic_long(
        partition_config(node_partition(&c->nodes[id])),
        TOPIC_MAX_MESSAGE_BYTES);
}

static void check_setting(struct cluster *c, unsigned value)
{
    for (unsigned i = 1; i <= NODES; i++) {
        for (unsigned t = 0; c->nodes[i].up && setting(c, i) != value; t++) {
            if (t == 2000) {
                fail_msg("node %u: %u, not %u", i, setting(c, i), value);
            }
            run_ms(c, 5);
        }
    }
}

static uint64_t hash_of(struct cluster *c, unsigned id)
{
    struct machine_point p[MACHINE_POINTS_MAX + 1];
    unsigned n = machine_points(meta_of(c, id)->machine, p);
    return n == 0 ? 0 : p[n - 1].hash;
}

/* All states are the same, and fit to be answered from. */
static void check_states(struct cluster *c)
{
    for (unsigned t = 0;; t++) {
        bool same = true;
        for (unsigned i = 1; i <= NODES; i++) {
            same = same && repair_fit(meta_of(c, i)) && hash_of(c, i) != 0 &&
                   hash_of(c, i) == hash_of(c, 1);
        }
        if (same) {
            return;
        }
        assert_true(t < WAIT_MS / 5);
        run_ms(c, 5);
    }
}

/* ---- a disk's files, between two lives ----------------------------------- */

struct surgery {
    struct env *env;
    void (*cut)(struct surgery *s);
    const char *path; /* asked for */
    bool there;
};

static void on_boot(struct env *e, void *arg)
{
    struct surgery *s = arg;
    s->env = e;
    s->cut(s);
}

static void operate(struct cluster *c, unsigned id, struct surgery *s)
{
    assert_int_equal(
        sim_node_start(c->sim, id, "x", c->disks[id], on_boot, s, NULL), 0);
    sim_node_crash(c->sim, id, SIM_CRASH_ALL);
}

static void overwrite(struct surgery *s, const char *path, uint64_t at,
                      size_t len)
{
    uint8_t bytes[4096];
    struct bfile *f;
    size_t n;
    assert_int_equal(bfile_open(s->env, path, FILE_READ | FILE_WRITE, &f, NULL),
                     0);
    assert_int_equal(bfile_read(f, bytes, len, at, &n), 0);
    assert_int_equal(n, len);
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (uint8_t)~bytes[i];
    }
    assert_int_equal(bfile_write(f, bytes, len, at), 0);
    assert_int_equal(bfile_sync(f), 0);
    bfile_close(f);
}

static void cut_head(struct surgery *s)
{
    overwrite(s, DB, 0, 100);
}

static void cut_page(struct surgery *s)
{
    overwrite(s, DB, 4096, 4096);
}

static void cut_short(struct surgery *s)
{
    struct bfile *f;
    assert_int_equal(bfile_open(s->env, DB, FILE_READ | FILE_WRITE, &f, NULL),
                     0);
    assert_int_equal(bfile_truncate(f, 3 * 4096 + 100), 0);
    assert_int_equal(bfile_sync(f), 0);
    bfile_close(f);
}

static void cut_away(struct surgery *s)
{
    assert_int_equal(env_unlink(s->env, DB), 0);
    env_unlink(s->env, DB "-wal");
    assert_int_equal(env_sync_dir(s->env, "/data/meta"), 0);
}

static void cut_wal(struct surgery *s)
{
    int rv = env_unlink(s->env, DB "-wal");
    assert_true(rv == 0 || rv == ERR_NOTFOUND);
    assert_int_equal(env_sync_dir(s->env, "/data/meta"), 0);
}

static void cut_head_and_stale_wal(struct surgery *s)
{
    cut_head(s);
    overwrite(s, DB "-wal", 40, 32);
}

/* A value of a row, so that SQLite finds nothing wrong. */
static void cut_row(struct surgery *s)
{
    struct bfile *f;
    uint8_t page[4096];
    size_t n;
    bool found = false;
    assert_int_equal(bfile_open(s->env, DB, FILE_READ | FILE_WRITE, &f, NULL),
                     0);
    for (uint64_t at = 0; bfile_read(f, page, sizeof page, at, &n) == 0 &&
                          n == sizeof page && !found;
         at += sizeof page) {
        uint8_t *value = memmem(page, n, "max.message.bytes", 17);
        if (value != NULL && value[17] == '1') {
            value[17] = '9';
            found = true;
            assert_int_equal(bfile_write(f, page, n, at), 0);
        }
    }
    assert_true(found);
    assert_int_equal(bfile_sync(f), 0);
    bfile_close(f);
}

static void look(struct surgery *s)
{
    s->there = env_stat(s->env, s->path, NULL, NULL) == 0;
}

static bool exists(struct cluster *c, unsigned id, const char *path)
{
    struct surgery s = {.cut = look, .path = path, .env = c->nodes[id].env};
    if (c->nodes[id].up) {
        look(&s);
    } else {
        operate(c, id, &s);
    }
    return s.there;
}

/* ---- found at start ------------------------------------------------------ */

static const struct {
    const char *name;
    void (*cut)(struct surgery *s);
    bool aside;    /* what was there goes to quarantine */
    bool harmless; /* and the state is there all the same */
} kinds[] = {
    {"head", cut_head, true, false},
    {"page", cut_page, true, false},
    {"short", cut_short, true, false},
    {"away", cut_away, false, false},
    {"row", cut_row, true, false},
    {"wal", cut_wal, false, true},
    {"head and wal", cut_head_and_stale_wal, true, false},
};

/* One node's database is damaged while it is down. `based`: its log does not
 * reach back to the beginning, so the state must come from another node. */
static void damaged_at_rest(struct cluster *c, unsigned kind, bool based,
                            bool leader, unsigned *value)
{
    unsigned lead = meta_leader(c);
    unsigned id = leader ? lead : lead % NODES + 1;
    if (based) {
        cluster_alter(c, lead, "max.message.bytes", ++*value);
        check_setting(c, *value);
        node_compact(c, id, state_group_replica(meta_of(c, id)));
    }
    if (kinds[kind].cut == cut_head_and_stale_wal) {
        cluster_alter(c, lead, "max.message.bytes", ++*value);
        check_setting(c, *value);
    }
    node_crash(c, id, SIM_CRASH_ALL);
    struct surgery s = {.cut = kinds[kind].cut};
    operate(c, id, &s);
    bool before = exists(c, id, ASIDE);
    /* The other two serve. */
    cluster_alter(c, meta_leader(c), "max.message.bytes", ++*value);
    node_start(c, id);
    wait_serves(c, id);
    check_setting(c, *value);
    check_states(c);
    assert_true(before || exists(c, id, ASIDE) == kinds[kind].aside);
    /* It votes and applies as before. */
    node_crash(c, meta_leader(c), SIM_CRASH_NONE);
    cluster_alter(c, meta_leader(c), "max.message.bytes", ++*value);
    for (unsigned i = 1; i <= NODES; i++) {
        if (!c->nodes[i].up) {
            node_start(c, i);
            wait_serves(c, i);
        }
    }
    check_setting(c, *value);
    check_states(c);
}

static void at_rest(bool based, bool leader)
{
    for (unsigned k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        struct cluster *c = &cluster;
        unsigned value = 100000;
        cluster_up(c, 1 + k);
        cluster_alter(c, 1, "max.message.bytes", ++value);
        check_setting(c, value);
        if (based || kinds[k].harmless) {
            damaged_at_rest(c, k, based, leader, &value);
        } else if (kinds[k].cut == cut_away) {
            damaged_at_rest(c, k, false, leader, &value);
        }
        cluster_close(c);
    }
}

static void follower_at_rest(void **state)
{
    (void)state;
    at_rest(true, false);
}

static void leader_at_rest(void **state)
{
    (void)state;
    at_rest(true, true);
}

/* The log has all: the state is made from it again. */
static void from_the_log(void **state)
{
    (void)state;
    at_rest(false, false);
}

/* ---- found while it runs --------------------------------------------------
 */

struct plant {
    struct state_group *g;
    const char *name;
};

/* Behind the machine's back. */
static void plant_row(void *arg)
{
    struct plant *p = arg;
    assert_int_equal(sqlite3_exec(p->g->machine->db->sql,
                                  "UPDATE topics SET created=created+1", NULL,
                                  NULL, NULL),
                     SQLITE_OK);
}

/* As a step that decided otherwise than elsewhere would have written it. */
static void plant_decision(void *arg)
{
    struct plant *p = arg;
    struct machine_db *db = p->g->machine->db;
    const struct db_value row[] = {db_blob("\1\2\3", 3), db_str(p->name),
                                   db_int(7), db_int(7)};
    db_begin(db);
    db_put(db, "deleted", row, 4);
    db_commit(db);
    assert_int_equal(db_status(db), 0);
}

static void plant(struct cluster *c, unsigned id, void (*how)(void *),
                  const char *name)
{
    struct plant p = {.g = meta_of(c, id), .name = name};
    assert_int_equal(sim_node_call(c->sim, id, how, &p), 0);
}

static void checkpoint_now(void *arg)
{
    compact_start(arg, true);
}

/* Every node applies something, and makes a checkpoint. */
static void checkpoint_all(struct cluster *c, unsigned *value)
{
    cluster_alter(c, meta_leader(c), "max.message.bytes", ++*value);
    check_setting(c, *value);
    for (unsigned i = 1; i <= NODES; i++) {
        assert_int_equal(sim_node_call(c->sim, i, checkpoint_now,
                                       state_group_replica(meta_of(c, i))),
                         0);
        run_ms(c, 20);
    }
}

static uint64_t n_quarantined(struct cluster *c)
{
    uint64_t n = 0;
    for (unsigned i = 1; i <= NODES; i++) {
        n += meta_of(c, i)->repair.n_quarantined;
    }
    return n;
}

static void repaired(uint64_t seed, void (*how)(void *), bool leader)
{
    struct cluster *c = &cluster;
    unsigned value = 100000;
    cluster_up(c, seed);
    unsigned lead = meta_leader(c);
    unsigned id = leader ? lead : lead % NODES + 1;
    plant(c, id, how, "x");
    checkpoint_all(c, &value);
    for (unsigned t = 0; !exists(c, id, ASIDE); t++) {
        assert_true(t < 1000);
        run_ms(c, 20);
    }
    check_states(c);
    assert_int_equal(n_quarantined(c), 1);
    if (leader) {
        assert_int_not_equal(meta_leader(c), id);
    }
    cluster_alter(c, id, "max.message.bytes", ++value);
    check_setting(c, value);
    check_states(c);
    /* And it is durable. */
    node_crash(c, id, SIM_CRASH_NONE);
    node_start(c, id);
    wait_serves(c, id);
    check_setting(c, value);
    check_states(c);
    assert_int_equal(n_quarantined(c), 0); /* of this life */
    cluster_close(c);
}

static void changed_row(void **state)
{
    (void)state;
    repaired(21, plant_row, false);
    repaired(22, plant_row, true);
}

static void other_decision(void **state)
{
    (void)state;
    repaired(31, plant_decision, false);
    repaired(32, plant_decision, true);
}

/* One that goes astray again and again gets another's state ever more rarely.
 */
static void astray_again(void **state)
{
    struct cluster *c = &cluster;
    unsigned value = 100000;
    (void)state;
    cluster_up(c, 33);
    unsigned id = meta_leader(c) % NODES + 1;
    plant(c, id, plant_decision, "x");
    checkpoint_all(c, &value);
    run_ms(c, 5000);
    check_states(c);
    assert_int_equal(n_quarantined(c), 1);
    plant(c, id, plant_decision, "y");
    checkpoint_all(c, &value);
    run_ms(c, 50000);
    assert_int_equal(meta_of(c, id)->repair.n_astray, 2);
    assert_false(repair_fit(meta_of(c, id)));
    assert_int_equal(n_quarantined(c), 1);
    cluster_alter(c, meta_leader(c), "max.message.bytes", ++value);
    check_setting(c, value); /* it goes on with what it has */
    run_ms(c, 15000);
    check_states(c);
    assert_int_equal(n_quarantined(c), 2);
    cluster_close(c);
}

/* Three states: nobody knows which is right, so nothing is thrown away. */
static void no_majority(void **state)
{
    struct cluster *c = &cluster;
    unsigned value = 100000;
    (void)state;
    cluster_up(c, 41);
    plant(c, 1, plant_decision, "x");
    plant(c, 2, plant_decision, "y");
    for (unsigned i = 0; i < 8; i++) {
        checkpoint_all(c, &value);
        run_ms(c, 2000);
    }
    assert_int_equal(n_quarantined(c), 0);
    for (unsigned i = 1; i <= NODES; i++) {
        assert_true(repair_fit(meta_of(c, i)));
        assert_true(meta_of(c, i)->repair.n_differed > 0);
        assert_true(meta_of(c, i)->repair.differed); /* it was said */
        assert_false(exists(c, i, ASIDE));
    }
    cluster_close(c);
}

/* Equal states are never quarantined, whatever happens, and are compared also
 * where nothing is written. */
static void same_all_along(void **state)
{
    struct cluster *c = &cluster;
    unsigned value = 100000;
    (void)state;
    cluster_up(c, 51);
    for (unsigned round = 0; round < 4; round++) {
        unsigned id = round % NODES + 1;
        node_crash(c, id, SIM_CRASH_RANDOM);
        for (unsigned i = 0; i < 40; i++) {
            cluster_alter(c, meta_leader(c), "max.message.bytes", ++value);
        }
        node_start(c, id);
        wait_serves(c, id);
        checkpoint_all(c, &value);
        check_states(c);
    }
    run_ms(c, 25000);
    for (unsigned i = 1; i <= NODES; i++) {
        const struct state_check *k = &meta_of(c, i)->repair.check;
        struct state_points own;
        own.n = machine_points(meta_of(c, i)->machine, own.v);
        struct state_judgement j = state_check_judge(k, &own);
        assert_int_equal(j.verdict, STATE_SAME);
        assert_int_equal(j.n_known, NODES);
        assert_int_equal(meta_of(c, i)->repair.n_differed, 0);
    }
    assert_int_equal(n_quarantined(c), 0);
    cluster_close(c);
}

/* Two of three lost theirs, and the third is away: nobody serves what nobody
 * has; when it is back, all is there. */
static void the_last_copy(void **state)
{
    struct cluster *c = &cluster;
    unsigned value = 100000;
    struct surgery s = {.cut = cut_head};
    (void)state;
    cluster_up(c, 61);
    cluster_alter(c, 1, "max.message.bytes", ++value);
    check_setting(c, value);
    for (unsigned i = 1; i <= NODES; i++) {
        node_compact(c, i, state_group_replica(meta_of(c, i)));
    }
    for (unsigned i = 1; i <= NODES; i++) {
        node_crash(c, i, SIM_CRASH_ALL);
    }
    operate(c, 1, &s);
    operate(c, 2, &s);
    node_start(c, 1);
    node_start(c, 2);
    run_ms(c, 15000);
    for (unsigned i = 1; i <= 2; i++) {
        struct replica_status r;
        assert_false(c->nodes[i].serves);
        assert_true(meta_of(c, i)->repair.missed); /* it was said */
        /* They hand over to each other, but not as fast as they vote. */
        replica_status(state_group_replica(meta_of(c, i)), &r);
        assert_in_range(r.term, 1, 100);
    }
    node_start(c, 3);
    for (unsigned i = 1; i <= NODES; i++) {
        wait_serves(c, i);
    }
    check_setting(c, value);
    check_states(c);
    cluster_close(c);
}

static struct transfer *wait_step(struct cluster *c, unsigned id,
                                  enum transfer_step step)
{
    struct replica *r = state_group_replica(meta_of(c, id));
    for (unsigned t = 0; r->transfer == NULL || r->transfer->step != step;
         t++) {
        assert_true(t < 200000);
        sim_run_until(c->sim, sim_now_us(c->sim) + 20, NULL);
    }
    return r->transfer;
}

/* What an image holds beyond the log that is stored here is not taken before
 * that is stored, too; if it does not come, another image is asked for. */
static void image_waits(void **state)
{
    struct cluster *c = &cluster;
    unsigned value = 100000;
    (void)state;
    for (unsigned comes = 0; comes < 2; comes++) {
        cluster_up(c, 81 + comes);
        unsigned lead = meta_leader(c), id = lead % NODES + 1;
        plant(c, id, plant_row, "x");
        cluster_alter(c, lead, "max.message.bytes", ++value);
        check_setting(c, value);
        assert_int_equal(sim_node_call(c->sim, id, checkpoint_now,
                                       state_group_replica(meta_of(c, id))),
                         0);
        struct transfer *t = wait_step(c, id, STEP_FILE);
        assert_true(t->fetch);
        t->image.index += 20;
        wait_step(c, id, STEP_HOLD);
        run_ms(c, 3000);
        assert_ptr_equal(wait_step(c, id, STEP_HOLD), t);
        assert_false(repair_fit(meta_of(c, id)));
        assert_false(state_group_ready(meta_of(c, id)));
        for (unsigned i = 0; comes && i < 25; i++) {
            cluster_alter(c, lead, "max.message.bytes", ++value);
        }
        run_ms(c, comes ? 500 : 8000);
        assert_true(repair_fit(meta_of(c, id)));
        check_setting(c, value);
        check_states(c);
        cluster_close(c);
    }
}

/* Both others say that this node's newest hash is wrong. */
static void accuse(void *arg)
{
    struct state_group *g = arg;
    struct state_points points;
    struct buf b;
    points.n = machine_points(g->machine, points.v);
    assert_true(points.n > 0);
    points.v[points.n - 1].hash ^= 1;
    buf_init(&b, g->mem, 0);
    state_check_encode(&g->repair.check, &points, false, &b);
    for (int32_t i = 1; i <= NODES; i++) {
        if (i != g->node) {
            repair_told(g, i, buf_slice(&b));
        }
    }
    buf_close(&b);
}

/* A leader that is astray gives nobody its state, not even the rest of an image
 * that is on its way. */
static void astray_gives_none(void **state)
{
    struct cluster *c = &cluster;
    unsigned value = 100000;
    (void)state;
    cluster_up(c, 91);
    unsigned lead = meta_leader(c), id = lead % NODES + 1;
    plant(c, id, plant_row, "x");
    cluster_alter(c, lead, "max.message.bytes", ++value);
    check_setting(c, value);
    assert_int_equal(sim_node_call(c->sim, id, checkpoint_now,
                                   state_group_replica(meta_of(c, id))),
                     0);
    struct transfer *t = wait_step(c, id, STEP_FILE);
    assert_int_equal(t->from, lead);
    assert_int_equal(sim_node_call(c->sim, lead, accuse, meta_of(c, lead)), 0);
    assert_true(meta_of(c, lead)->repair.astray);
    struct replica *r = state_group_replica(meta_of(c, id));
    for (unsigned n = 0; !repair_fit(meta_of(c, id)); n++) {
        t = r->transfer;
        assert_true(n < 3000000);
        assert_false(t != NULL && t->from == (int32_t)lead &&
                     t->step >= STEP_HOLD && !repair_fit(meta_of(c, lead)));
        sim_run_until(c->sim, sim_now_us(c->sim) + 20, NULL);
    }
    check_states(c);
    assert_int_equal(n_quarantined(c), 2);
    check_setting(c, value);
    cluster_close(c);
}

/* Two that hold a state differ, and the third has none: it waits until somebody
 * has decided, since what it gets would be the majority's. */
static void split_gives_none(void **state)
{
    struct cluster *c = &cluster;
    unsigned value = 100000;
    struct surgery cut = {.cut = cut_head}, away = {.cut = cut_away};
    (void)state;
    cluster_up(c, 92);
    unsigned lead = meta_leader(c);
    unsigned wrong = lead % NODES + 1, third = wrong % NODES + 1;
    cluster_alter(c, lead, "max.message.bytes", ++value);
    check_setting(c, value);
    node_compact(c, third, state_group_replica(meta_of(c, third)));
    node_crash(c, third, SIM_CRASH_ALL);
    operate(c, third, &cut);
    plant(c, wrong, plant_decision, "x");
    cluster_alter(c, lead, "max.message.bytes", ++value);
    check_setting(c, value);
    node_compact(c, wrong, state_group_replica(meta_of(c, wrong)));
    node_compact(c, lead, state_group_replica(meta_of(c, lead)));
    run_ms(c, 2000);
    assert_true(meta_of(c, lead)->repair.n_differed > 0);
    node_start(c, third);
    run_ms(c, 20000);
    assert_true(meta_of(c, third)->repair.lacking);
    assert_true(meta_of(c, lead)->repair.differed);
    assert_true(repair_fit(meta_of(c, lead)));
    assert_true(repair_fit(meta_of(c, wrong)));
    /* Somebody decides. */
    node_crash(c, wrong, SIM_CRASH_ALL);
    operate(c, wrong, &away);
    node_start(c, wrong);
    wait_serves(c, wrong);
    wait_serves(c, third);
    check_states(c);
    check_setting(c, value);
    cluster_close(c);
}

/* The receiver of the image dies at any moment. */
static void dies_meanwhile(void **state)
{
    struct cluster *c = &cluster;
    unsigned value = 100000;
    struct surgery s = {.cut = cut_page};
    (void)state;
    cluster_up(c, 71);
    for (uint64_t us = 2000; us < 2000000; us = us * 5 / 3) {
        unsigned lead = meta_leader(c), id = lead % NODES + 1;
        cluster_alter(c, lead, "max.message.bytes", ++value);
        check_setting(c, value);
        node_compact(c, id, state_group_replica(meta_of(c, id)));
        node_crash(c, id, SIM_CRASH_ALL);
        operate(c, id, &s);
        node_start(c, id);
        sim_run_until(c->sim, sim_now_us(c->sim) + us, NULL);
        node_crash(c, id, us % 2 ? SIM_CRASH_RANDOM : SIM_CRASH_NONE);
        node_start(c, id);
        wait_serves(c, id);
        check_setting(c, value);
        check_states(c);
    }
    cluster_close(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follower_at_rest), cmocka_unit_test(leader_at_rest),
        cmocka_unit_test(from_the_log),     cmocka_unit_test(changed_row),
        cmocka_unit_test(other_decision),   cmocka_unit_test(no_majority),
        cmocka_unit_test(same_all_along),   cmocka_unit_test(the_last_copy),
        cmocka_unit_test(dies_meanwhile),   cmocka_unit_test(image_waits),
        cmocka_unit_test(astray_again),     cmocka_unit_test(astray_gives_none),
        cmocka_unit_test(split_gives_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
