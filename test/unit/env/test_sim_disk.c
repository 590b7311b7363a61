/* What a power cut leaves of files and names, and errors that are planted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "env/file.h"
#include "env/sim.h"

#define SECTOR 512

struct world {
    struct sim *sim;
    struct sim_disk *disk;
    struct env *env;
};

static void start_nothing(struct env *e, void *arg)
{
    (void)e;
    (void)arg;
}

static struct world world_new(const struct sim_options *o)
{
    struct world w;

    w.sim = sim_new(o);
    assert_non_null(w.sim);
    w.disk = sim_disk_new(w.sim, 1);
    assert_int_equal(
        sim_node_start(w.sim, 1, "a", w.disk, start_nothing, NULL, &w.env), 0);
    return w;
}

static struct world world_quiet(uint64_t seed)
{
    struct sim_options o = {
        .seed = seed, .disk_min_us = 10, .disk_max_us = 200};

    return world_new(&o);
}

/* Power is cut and comes back. */
static void world_cut(struct world *w, enum sim_crash how)
{
    sim_node_crash(w->sim, 1, how);
    assert_null(sim_node_env(w->sim, 1));
    assert_int_equal(
        sim_node_start(w->sim, 1, "a", w->disk, start_nothing, NULL, &w->env),
        0);
}

static void put(struct env *e, const char *path, const void *data, size_t len,
                uint64_t offset, bool sync)
{
    struct bfile *f;

    assert_int_equal(
        bfile_open(e, path, FILE_READ | FILE_WRITE | FILE_CREATE, &f, NULL), 0);
    assert_int_equal(bfile_write(f, data, len, offset), 0);
    if (sync) {
        assert_int_equal(bfile_sync(f), 0);
    }
    bfile_close(f);
}

/* Bytes read, at most 4096, or the error. */
static long get(struct env *e, const char *path, char *text, unsigned flags)
{
    _Alignas(FILE_ALIGN) char block[FILE_ALIGN];
    struct bfile *f;
    size_t n;
    int rc = bfile_open(e, path, FILE_READ | flags, &f, NULL);

    if (rc != 0) {
        return rc;
    }
    rc = bfile_read(f, block, sizeof block, 0, &n);
    bfile_close(f);
    if (rc == 0) {
        memcpy(text, block, n);
    }
    return rc != 0 ? rc : (long)n;
}

static void test_unsynced_vanishes(void **state)
{
    struct world w = world_quiet(1);
    char text[4096];

    (void)state;
    put(w.env, "/f", "old", 3, 0, true);
    assert_int_equal(env_sync_dir(w.env, "/"), 0);
    put(w.env, "/f", "newer", 5, 0, false);
    assert_int_equal(get(w.env, "/f", text, 0), 5);
    world_cut(&w, SIM_CRASH_NONE);
    assert_int_equal(get(w.env, "/f", text, 0), 3);
    assert_memory_equal(text, "old", 3);
    put(w.env, "/f", "newer", 5, 0, false);
    world_cut(&w, SIM_CRASH_ALL);
    assert_int_equal(get(w.env, "/f", text, 0), 5);
    assert_memory_equal(text, "newer", 5);
    sim_free(w.sim);
}

static void test_truncate_is_undone(void **state)
{
    struct world w = world_quiet(2);
    struct bfile *f;
    char text[4096];

    (void)state;
    put(w.env, "/f", "0123456789", 10, 0, true);
    assert_int_equal(env_sync_dir(w.env, "/"), 0);
    assert_int_equal(bfile_open(w.env, "/f", FILE_WRITE, &f, NULL), 0);
    assert_int_equal(bfile_truncate(f, 4), 0);
    bfile_close(f);
    assert_int_equal(get(w.env, "/f", text, 0), 4);
    world_cut(&w, SIM_CRASH_NONE);
    assert_int_equal(get(w.env, "/f", text, 0), 10);
    assert_int_equal(bfile_open(w.env, "/f", FILE_WRITE, &f, NULL), 0);
    assert_int_equal(bfile_truncate(f, 4), 0);
    assert_int_equal(bfile_truncate(f, 8), 0);
    assert_int_equal(bfile_sync(f), 0);
    bfile_close(f);
    world_cut(&w, SIM_CRASH_NONE);
    assert_int_equal(get(w.env, "/f", text, 0), 8);
    assert_memory_equal(text, "0123\0\0\0\0", 8);
    sim_free(w.sim);
}

static void test_names_need_a_directory_sync(void **state)
{
    struct world w = world_quiet(3);
    char text[4096];

    (void)state;
    put(w.env, "/f", "old", 3, 0, true);
    assert_int_equal(env_sync_dir(w.env, "/"), 0);
    put(w.env, "/g", "new", 3, 0, true); /* the file, not its name */
    world_cut(&w, SIM_CRASH_NONE);
    assert_int_equal(get(w.env, "/g", text, 0), ERR_NOTFOUND);

    put(w.env, "/f.tmp", "new", 3, 0, true);
    assert_int_equal(env_rename(w.env, "/f.tmp", "/f"), 0);
    assert_int_equal(get(w.env, "/f", text, 0), 3);
    assert_memory_equal(text, "new", 3);
    world_cut(&w, SIM_CRASH_NONE);
    assert_int_equal(get(w.env, "/f", text, 0), 3);
    assert_memory_equal(text, "old", 3);
    assert_int_equal(get(w.env, "/f.tmp", text, 0), ERR_NOTFOUND);

    assert_int_equal(env_write_file(w.env, "/f", slice_str("whole"), NULL), 0);
    world_cut(&w, SIM_CRASH_NONE);
    assert_int_equal(get(w.env, "/f", text, 0), 5);
    assert_memory_equal(text, "whole", 5);

    assert_int_equal(env_unlink(w.env, "/f"), 0);
    assert_int_equal(get(w.env, "/f", text, 0), ERR_NOTFOUND);
    world_cut(&w, SIM_CRASH_NONE);
    assert_int_equal(get(w.env, "/f", text, 0), 5);
    assert_int_equal(env_unlink(w.env, "/f"), 0);
    assert_int_equal(env_sync_dir(w.env, "/"), 0);
    world_cut(&w, SIM_CRASH_NONE);
    assert_int_equal(get(w.env, "/f", text, 0), ERR_NOTFOUND);
    sim_free(w.sim);
}

static void test_rename_of_unsynced_file_is_empty(void **state)
{
    struct world w = world_quiet(4);
    char text[4096];

    (void)state;
    put(w.env, "/f.tmp", "new", 3, 0, false);
    assert_int_equal(env_rename(w.env, "/f.tmp", "/f"), 0);
    assert_int_equal(env_sync_dir(w.env, "/"), 0);
    world_cut(&w, SIM_CRASH_NONE);
    assert_int_equal(get(w.env, "/f", text, 0), 0);
    sim_free(w.sim);
}

/* Names survive up to a point in their order, whatever is pinned besides. */
static void test_names_survive_in_order(void **state)
{
    bool some = false, none = false;
    bool dir;

    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct world w = world_quiet(seed);
        unsigned n = 0;
        assert_int_equal(env_mkdir(w.env, "/d"), 0);
        assert_int_equal(env_sync_dir(w.env, "/"), 0);
        for (char c = '0'; c < '5'; c++) {
            char path[] = "/d/0";
            path[3] = c;
            assert_int_equal(env_mkdir(w.env, path), 0);
        }
        assert_int_equal(env_mkdir(w.env, "/pinned"), 0);
        assert_int_equal(env_sync_dir(w.env, "/"), 0);
        world_cut(&w, seed % 2 == 0 ? SIM_CRASH_RANDOM : SIM_CRASH_PREFIX);
        assert_int_equal(env_stat(w.env, "/pinned", &dir, NULL), 0);
        for (char c = '0'; c < '5'; c++) {
            char path[] = "/d/0";
            path[3] = c;
            if (env_stat(w.env, path, NULL, NULL) == 0) {
                assert_int_equal(n, c - '0');
                n++;
            }
        }
        some = some || (n > 0 && n < 5);
        none = none || n == 0;
        sim_free(w.sim);
    }
    assert_true(some && none);
}

/* Twenty sectors written one after the other: those that survive a PREFIX cut
 * come first; a RANDOM cut leaves holes. */
static unsigned sectors_left(uint64_t seed, enum sim_crash how, bool *ret_hole)
{
    struct world w = world_quiet(seed);
    char data[SECTOR], text[4096] = {0};
    unsigned n = 0;

    *ret_hole = false;
    memset(text, 0, sizeof text);
    put(w.env, "/f", text, sizeof text, 0, true);
    assert_int_equal(env_sync_dir(w.env, "/"), 0);
    for (unsigned i = 0; i < 4096 / SECTOR; i++) {
        memset(data, (int)i + 1, sizeof data);
        put(w.env, "/f", data, sizeof data, i * SECTOR, false);
    }
    world_cut(&w, how);
    assert_int_equal(get(w.env, "/f", text, 0), 4096);
    for (unsigned i = 0; i < 4096 / SECTOR; i++) {
        char want = text[i * SECTOR];
        assert_true(want == 0 || want == (char)(i + 1));
        for (unsigned k = 0; k < SECTOR; k++) {
            assert_int_equal(text[i * SECTOR + k], want); /* never torn */
        }
        if (want != 0) {
            *ret_hole = *ret_hole || n != i;
            n++;
        }
    }
    sim_free(w.sim);
    return n;
}

static void test_cut_modes(void **state)
{
    bool hole, holes = false, partly = false;

    (void)state;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        unsigned n = sectors_left(seed, SIM_CRASH_PREFIX, &hole);
        assert_false(hole);
        partly = partly || (n > 0 && n < 4096 / SECTOR);
        (void)sectors_left(seed, SIM_CRASH_RANDOM, &hole);
        holes = holes || hole;
        assert_int_equal(sectors_left(seed, SIM_CRASH_NONE, &hole), 0);
        assert_int_equal(sectors_left(seed, SIM_CRASH_ALL, &hole), 8);
    }
    assert_true(partly && holes);
}

/* A prefix in order of writing holds for versions of one sector too, and over
 * files: B is never there without A. */
static void test_prefix_over_files(void **state)
{
    unsigned seen = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct world w = world_quiet(seed);
        char a[4096], b[4096];
        put(w.env, "/a", "0", 1, 0, true);
        put(w.env, "/b", "0", 1, 0, true);
        assert_int_equal(env_sync_dir(w.env, "/"), 0);
        for (char c = '1'; c < '6'; c++) {
            put(w.env, "/a", &c, 1, 0, false);
            put(w.env, "/b", &c, 1, 0, false);
        }
        world_cut(&w, SIM_CRASH_PREFIX);
        assert_int_equal(get(w.env, "/a", a, 0), 1);
        assert_int_equal(get(w.env, "/b", b, 0), 1);
        assert_true(a[0] == b[0] || a[0] == b[0] + 1);
        seen |= 1U << (a[0] - '0');
        sim_free(w.sim);
    }
    assert_int_not_equal(seen & 0x1e, 0); /* versions in between, too */
}

/* ---- asynchronous -------------------------------------------------------- */

struct op {
    struct file_io io;
    bool done;
    int64_t result;
    unsigned order;
};

static unsigned op_orders;

static void op_cb(struct file_io *io, int64_t result)
{
    struct op *op = io->data;

    assert_false(op->done);
    op->done = true;
    op->result = result;
    op->order = op_orders++;
}

static struct file *open_direct(struct env *e, const char *path)
{
    struct file *f;

    assert_int_equal(
        file_open(e, path, FILE_READ | FILE_WRITE | FILE_CREATE | FILE_DIRECT,
                  &f, NULL),
        0);
    assert_true(file_direct(f));
    assert_string_equal(file_path(f), path);
    return f;
}

static void *block_new(int fill)
{
    void *p = aligned_alloc(FILE_ALIGN, FILE_ALIGN);

    assert_non_null(p);
    memset(p, fill, FILE_ALIGN);
    return p;
}

static void test_dsync_survives(void **state)
{
    struct world w = world_quiet(5);
    struct file *f = open_direct(w.env, "/j");
    void *one = block_new(1), *two = block_new(2);
    struct op ops[2] = {{.done = false}};
    char text[4096];

    (void)state;
    assert_int_equal(env_sync_dir(w.env, "/"), 0);
    assert_int_equal(
        file_write(f, &ops[0].io, one, 4096, 0, true, op_cb, &ops[0]), 0);
    assert_false(ops[0].done);
    sim_run_until(w.sim, UINT64_MAX, &ops[0].done);
    assert_int_equal(ops[0].result, 4096);
    assert_int_equal(
        file_write(f, &ops[1].io, two, 4096, 4096, false, op_cb, &ops[1]), 0);
    sim_run_until(w.sim, UINT64_MAX, &ops[1].done);
    assert_int_equal(ops[1].result, 4096);
    world_cut(&w, SIM_CRASH_NONE);
    assert_int_equal(get(w.env, "/j", text, 0), 4096);
    assert_memory_equal(text, one, 4096);
    free(one);
    free(two);
    sim_free(w.sim);
}

/* A dsync write over older unsynced bytes: no cut brings those back. */
static void test_dsync_over_unsynced(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct world w = world_quiet(seed);
        struct file *f = open_direct(w.env, "/j");
        void *one = block_new(1), *two = block_new(2);
        struct op op = {.done = false};
        char text[4096];
        assert_int_equal(env_sync_dir(w.env, "/"), 0);
        put(w.env, "/j", one, 4096, 0, false);
        assert_int_equal(file_write(f, &op.io, two, 4096, 0, true, op_cb, &op),
                         0);
        sim_run_until(w.sim, UINT64_MAX, &op.done);
        world_cut(&w, (enum sim_crash)(seed % 4));
        assert_int_equal(get(w.env, "/j", text, 0), 4096);
        assert_memory_equal(text, two, 4096);
        free(one);
        free(two);
        sim_free(w.sim);
    }
}

/* Writes in flight finish in any order; a cut keeps sectors of them. */
static void test_writes_in_flight(void **state)
{
    bool reordered = false, torn = false;

    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct world w = world_quiet(seed);
        struct file *f = open_direct(w.env, "/j");
        void *one = block_new(1);
        struct op ops[5];
        char text[4096];
        unsigned n = 0, left;
        memset(ops, 0, sizeof ops);
        op_orders = 0;
        for (unsigned i = 0; i < 4; i++) {
            assert_int_equal(file_write(f, &ops[i].io, one, 4096,
                                        4096 * (i + 1), true, op_cb, &ops[i]),
                             0);
        }
        sim_run_until(w.sim, 1000, NULL);
        for (unsigned i = 0; i < 4; i++) {
            assert_true(ops[i].done);
            reordered = reordered || ops[i].order != i;
        }
        assert_int_equal(env_sync_dir(w.env, "/"), 0);
        assert_int_equal(
            file_write(f, &ops[4].io, one, 4096, 0, true, op_cb, &ops[4]), 0);
        world_cut(&w, SIM_CRASH_RANDOM);
        assert_int_equal(get(w.env, "/j", text, 0), 4096);
        for (unsigned i = 0; i < 8; i++) {
            n += text[i * SECTOR] == 1;
        }
        torn = torn || (n > 0 && n < 8);
        left = n;
        sim_run_until(w.sim, 2000, NULL);
        assert_false(ops[4].done); /* its node is gone */
        for (unsigned i = 0; i < 8; i++) {
            n -= text[i * SECTOR] == 1;
        }
        assert_int_equal(n, 0);
        assert_int_equal(get(w.env, "/j", text, 0), 4096);
        for (unsigned i = 0; i < 8; i++) {
            n += text[i * SECTOR] == 1;
        }
        assert_int_equal(n, left); /* and its write with it */
        free(one);
        sim_free(w.sim);
    }
    assert_true(reordered && torn);
}

/* A write that takes long is overtaken. When its process is killed meanwhile,
 * it is there all the same, until the power goes. */
static void test_killed_behind_a_stall(void **state)
{
    struct world w = world_quiet(7);
    struct file *f = open_direct(w.env, "/j");
    void *one = block_new(1);
    struct op ops[3] = {{.done = false}};
    char text[4096];

    (void)state;
    assert_int_equal(env_sync_dir(w.env, "/"), 0);
    sim_node_stall(w.sim, 1, 5000);
    for (unsigned i = 0; i < 3; i++) { /* the last one comes first */
        assert_int_equal(file_write(f, &ops[i].io, one, 4096, 4096 * (2 - i),
                                    i < 2, op_cb, &ops[i]),
                         0);
    }
    sim_run_until(w.sim, 1000, NULL);
    assert_false(ops[0].done); /* only the first durable one takes long */
    assert_true(ops[1].done);
    assert_true(ops[2].done);
    put(w.env, "/n", "new", 3, 0, true);
    world_cut(&w, SIM_CRASH_KILL);
    assert_int_equal(get(w.env, "/n", text, 0),
                     3); /* its name is not durable */
    assert_int_equal(sim_disk_bytes(w.disk), 3 * 4096 + 3);
    assert_int_equal(get(w.env, "/j", text, 0), 4096);
    assert_memory_equal(text, one, 4096);
    sim_run_until(w.sim, 20000, NULL);
    world_cut(&w, SIM_CRASH_NONE);
    assert_int_equal(get(w.env, "/n", text, 0), ERR_NOTFOUND);
    assert_int_equal(sim_disk_bytes(w.disk), 2 * 4096);
    assert_int_equal(get(w.env, "/j", text, 0), 4096);
    for (unsigned i = 0; i < 4096; i++) {
        assert_int_equal(text[i], 0);
    }
    free(one);
    sim_free(w.sim);
}

/* The inode goes to the medium whole: a dsync write takes an older change of
 * size along. */
static void test_dsync_takes_the_size_along(void **state)
{
    struct world w = world_quiet(15);
    struct file *f = open_direct(w.env, "/j");
    void *one = block_new(1);
    struct op op = {.done = false};
    struct bfile *b;
    uint64_t size;

    (void)state;
    assert_int_equal(env_sync_dir(w.env, "/"), 0);
    put(w.env, "/j", one, 4096, 4096, true);
    assert_int_equal(bfile_open(w.env, "/j", FILE_WRITE, &b, NULL), 0);
    assert_int_equal(bfile_truncate(b, 0), 0);
    bfile_close(b);
    assert_int_equal(file_write(f, &op.io, one, 4096, 0, true, op_cb, &op), 0);
    sim_run_until(w.sim, UINT64_MAX, &op.done);
    world_cut(&w, SIM_CRASH_NONE);
    assert_int_equal(env_stat(w.env, "/j", NULL, &size), 0);
    assert_int_equal(size, 4096);
    free(one);
    sim_free(w.sim);
}

/* A sync covers what was written before it was asked for, no more; and it
 * does not put older bytes over newer durable ones. */
static void test_sync_and_later_writes(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct world w = world_quiet(seed);
        struct file *f = open_direct(w.env, "/j");
        void *one = block_new(1), *two = block_new(2);
        struct op ops[2];
        struct env *copy;
        char text[4096];
        memset(ops, 0, sizeof ops);
        assert_int_equal(env_sync_dir(w.env, "/"), 0);
        put(w.env, "/j", one, 4096, 0, false);
        assert_int_equal(file_sync(f, &ops[0].io, op_cb, &ops[0]), 0);
        put(w.env, "/j", two, 4096, 0, false);
        sim_run_until(w.sim, UINT64_MAX, &ops[0].done);
        world_cut(&w, SIM_CRASH_NONE);
        assert_int_equal(get(w.env, "/j", text, 0), 4096);
        assert_memory_equal(text, one, 4096);

        f = open_direct(w.env, "/k");
        assert_int_equal(env_sync_dir(w.env, "/"), 0);
        put(w.env, "/k", one, 4096, 0, false);
        memset(ops, 0, sizeof ops);
        assert_int_equal(file_sync(f, &ops[0].io, op_cb, &ops[0]), 0);
        assert_int_equal(
            file_write(f, &ops[1].io, two, 4096, 0, true, op_cb, &ops[1]), 0);
        sim_run_until(w.sim, UINT64_MAX, &ops[0].done);
        sim_run_until(w.sim, UINT64_MAX, &ops[1].done);
        assert_int_equal(sim_node_start(w.sim, 2, "b", sim_disk_copy(w.disk),
                                        start_nothing, NULL, &copy),
                         0);
        assert_int_equal(get(copy, "/k", text, 0), 4096);
        assert_memory_equal(text, two, 4096);
        world_cut(&w, SIM_CRASH_NONE);
        assert_int_equal(get(w.env, "/k", text, 0), 4096);
        assert_memory_equal(text, two, 4096);
        free(one);
        free(two);
        sim_free(w.sim);
    }
}

/* What the disk has done is not done again when the process hears of it. */
static void test_done_once(void **state)
{
    struct world w = world_quiet(16);
    struct file *f = open_direct(w.env, "/j");
    void *one = block_new(1), *two = block_new(2);
    struct op op = {.done = false};
    char text[4096];

    (void)state;
    sim_node_pause(w.sim, 1);
    assert_int_equal(file_write(f, &op.io, one, 4096, 0, true, op_cb, &op), 0);
    sim_run_until(w.sim, 10000, NULL);
    assert_false(op.done);
    assert_int_equal(get(w.env, "/j", text, 0), 4096);
    put(w.env, "/j", two, 4096, 0, true);
    sim_node_resume(w.sim, 1);
    sim_run_until(w.sim, 20000, NULL);
    assert_true(op.done);
    assert_int_equal(get(w.env, "/j", text, 0), 4096);
    assert_memory_equal(text, two, 4096);

    file_hold_durable(w.env, true);
    op.done = false;
    assert_int_equal(file_write(f, &op.io, one, 4096, 0, true, op_cb, &op), 0);
    sim_run_until(w.sim, 30000, NULL);
    put(w.env, "/j", two, 4096, 0, true);
    file_hold_durable(w.env, false);
    sim_run_until(w.sim, 40000, NULL);
    assert_true(op.done);
    assert_int_equal(get(w.env, "/j", text, 0), 4096);
    assert_memory_equal(text, two, 4096);
    free(one);
    free(two);
    sim_free(w.sim);
}

static void test_hold_durable(void **state)
{
    struct world w = world_quiet(6);
    struct file *f = open_direct(w.env, "/j");
    void *one = block_new(1);
    struct op ops[3];

    (void)state;
    memset(ops, 0, sizeof ops);
    file_hold_durable(w.env, true);
    assert_int_equal(
        file_write(f, &ops[0].io, one, 4096, 0, true, op_cb, &ops[0]), 0);
    assert_int_equal(
        file_write(f, &ops[1].io, one, 4096, 4096, false, op_cb, &ops[1]), 0);
    assert_int_equal(file_sync(f, &ops[2].io, op_cb, &ops[2]), 0);
    sim_run_until(w.sim, 10000, NULL);
    assert_false(ops[0].done);
    assert_true(ops[1].done);
    assert_false(ops[2].done);
    file_hold_durable(w.env, false);
    sim_run_until(w.sim, 20000, NULL);
    assert_true(ops[0].done && ops[2].done);
    assert_int_equal(ops[2].result, 0);
    file_close(f);
    free(one);
    sim_free(w.sim);
}

/* ---- errors -------------------------------------------------------------- */

/* After a failed sync the cache has the bytes, the medium does not, and the
 * next sync is content. */
static void test_failed_sync_loses(void **state)
{
    struct world w = world_quiet(7);
    struct bfile *f;
    char text[4096];

    (void)state;
    put(w.env, "/f", "old", 3, 0, true);
    assert_int_equal(env_sync_dir(w.env, "/"), 0);
    assert_int_equal(bfile_open(w.env, "/f", FILE_WRITE, &f, NULL), 0);
    assert_int_equal(bfile_write(f, "new", 3, 0), 0);
    sim_io_fail_at(w.sim, 1, 1, false, ERR_IO);
    assert_int_equal(bfile_sync(f), ERR_IO);
    assert_true(sim_io_fail_fired(w.sim, 1));
    assert_int_equal(bfile_sync(f), 0);
    assert_int_equal(get(w.env, "/f", text, 0), 3);
    assert_memory_equal(text, "new", 3);
    assert_int_equal(get(w.env, "/f", text, FILE_DIRECT), 3);
    assert_memory_equal(text, "old", 3);
    assert_int_equal(bfile_drop_cache(f), 0);
    assert_int_equal(get(w.env, "/f", text, 0), 3);
    assert_memory_equal(text, "old", 3);
    bfile_close(f);
    sim_free(w.sim);
}

/* The n-th call fails, and only that one, or all from there. */
static void test_planted_failures(void **state)
{
    struct slice text = slice_str("x");
    bool fired = true;
    uint64_t n;

    (void)state;
    for (n = 1; fired; n++) {
        struct world w = world_quiet(n);
        int rc;
        sim_io_fail_at(w.sim, 1, n, n % 2 == 0, ERR_IO);
        rc = env_write_file(w.env, "/f", text, NULL);
        fired = sim_io_fail_fired(w.sim, 1);
        assert_int_equal(rc, fired ? ERR_IO : 0);
        sim_io_fail_at(w.sim, 1, 0, false, 0);
        assert_int_equal(env_write_file(w.env, "/f", text, NULL), 0);
        sim_free(w.sim);
    }
    assert_true(n > 5);
}

static void test_failed_async_write(void **state)
{
    struct world w = world_quiet(8);
    struct file *f = open_direct(w.env, "/j");
    void *one = block_new(1);
    struct op ops[2];

    (void)state;
    memset(ops, 0, sizeof ops);
    sim_io_fail_at(w.sim, 1, 2, false, ERR_NOSPACE);
    assert_int_equal(
        file_write(f, &ops[0].io, one, 4096, 0, true, op_cb, &ops[0]), 0);
    assert_int_equal(
        file_write(f, &ops[1].io, one, 4096, 4096, true, op_cb, &ops[1]), 0);
    sim_run_until(w.sim, 10000, NULL);
    assert_int_equal(ops[0].result, 4096);
    assert_int_equal(ops[1].result, ERR_NOSPACE);
    file_close(f);
    free(one);
    sim_free(w.sim);
}

static void test_disk_full(void **state)
{
    struct sim_options o = {.seed = 9, .disk_bytes_max = 10000};
    struct world w = world_new(&o);
    char data[4096] = "x";
    struct bfile *f;
    uint64_t free_bytes, total;

    (void)state;
    put(w.env, "/f", data, 4096, 0, true);
    put(w.env, "/g", data, 4096, 0, true);
    assert_int_equal(env_disk_free(w.env, "/", &free_bytes, &total), 0);
    assert_int_equal(total, 10000);
    assert_int_equal(free_bytes, 10000 - 8192);
    assert_int_equal(bfile_open(w.env, "/f", FILE_WRITE, &f, NULL), 0);
    assert_int_equal(bfile_write(f, data, 4096, 4096), ERR_NOSPACE);
    assert_int_equal(bfile_write(f, data, 4096, 0), 0);
    assert_int_equal(env_unlink(w.env, "/g"), 0);
    assert_int_equal(env_sync_dir(w.env, "/"), 0);
    assert_int_equal(bfile_write(f, data, 4096, 4096), 0);
    bfile_close(f);
    sim_free(w.sim);
}

static void test_bit_flip(void **state)
{
    struct sim_options o = {.seed = 10, .bit_flip_rate = 10000};
    struct world w = world_new(&o);
    char data[64] = {0}, text[4096];
    unsigned bits = 0;

    (void)state;
    put(w.env, "/f", data, sizeof data, 0, true);
    assert_int_equal(get(w.env, "/f", text, 0), sizeof data);
    for (unsigned i = 0; i < sizeof data; i++) {
        bits += (unsigned)__builtin_popcount((unsigned char)text[i]);
    }
    assert_int_equal(bits, 1);
    sim_free(w.sim);
}

/* ---- names --------------------------------------------------------------- */

static int list_cb(void *arg, const char *name, bool dir)
{
    strcat(arg, name);
    strcat(arg, dir ? "/ " : " ");
    return 0;
}

static void test_names(void **state)
{
    struct world w = world_quiet(11);
    char text[256] = "";
    struct bfile *f, *g;
    struct err err = {""};

    (void)state;
    assert_int_equal(env_mkdir(w.env, "/d"), 0);
    assert_int_equal(env_mkdir(w.env, "/d/"), ERR_EXISTS);
    assert_int_equal(env_mkdir(w.env, "/no/d"), ERR_NOTFOUND);
    assert_int_equal(env_mkdir(w.env, "d/b"), 0);
    put(w.env, "/d/./c", "x", 1, 0, false);
    put(w.env, "/d/a", "x", 1, 0, false);
    assert_int_equal(env_list_dir(w.env, "/d", list_cb, text), 0);
    assert_string_equal(text, "a b/ c ");
    assert_int_equal(env_rmdir(w.env, "/d"), ERR_EXISTS);
    assert_int_equal(env_unlink(w.env, "/d/b"), ERR_IO);
    assert_int_equal(env_rename(w.env, "/d/b", "/b"), 0);
    assert_int_equal(env_rmdir(w.env, "/b"), 0);
    assert_int_equal(env_rmdir(w.env, "/b"), ERR_NOTFOUND);
    assert_int_equal(bfile_open(w.env, "/x", FILE_READ, &f, &err),
                     ERR_NOTFOUND);
    assert_string_equal(err.text, "/x: cannot open: not found");
    assert_int_equal(bfile_open(w.env, "/d/a",
                                FILE_WRITE | FILE_CREATE | FILE_EXCL, &f, NULL),
                     ERR_EXISTS);
    assert_int_equal(bfile_open(w.env, "/d/a", FILE_WRITE, &f, NULL), 0);
    assert_int_equal(bfile_open(w.env, "/d/a", FILE_WRITE, &g, NULL), 0);
    assert_int_equal(bfile_lock(f), 0);
    assert_int_equal(bfile_lock(g), ERR_BUSY);
    bfile_close(f);
    assert_int_equal(bfile_lock(g), 0);
    bfile_close(g);
    sim_free(w.sim);
}

/* A pinned rename takes its own file's name away, not that of another which
 * an undone change has left there. */
static void test_pinned_after_undone(void **state)
{
    struct world w = world_quiet(17);
    char text[4096];

    (void)state;
    assert_int_equal(env_mkdir(w.env, "/d"), 0);
    assert_int_equal(env_mkdir(w.env, "/e"), 0);
    put(w.env, "/f", "old", 3, 0, true);
    assert_int_equal(env_sync_dir(w.env, "/"), 0);
    assert_int_equal(env_rename(w.env, "/f", "/d/f"), 0);
    put(w.env, "/f", "newer", 5, 0, true);
    assert_int_equal(env_rename(w.env, "/f", "/e/f"), 0);
    assert_int_equal(env_sync_dir(w.env, "/e"), 0);
    world_cut(&w, SIM_CRASH_NONE);
    assert_int_equal(get(w.env, "/f", text, 0), 3);
    assert_int_equal(get(w.env, "/d/f", text, 0), ERR_NOTFOUND);
    assert_int_equal(get(w.env, "/e/f", text, 0), 5);
    sim_free(w.sim);
}

static void test_copy(void **state)
{
    struct world w = world_quiet(12);
    struct sim_disk *copy;
    struct env *e;
    char text[4096];

    (void)state;
    assert_int_equal(env_mkdir(w.env, "/d"), 0);
    put(w.env, "/d/f", "durable", 7, 0, true);
    assert_int_equal(env_sync_dir(w.env, "/"), 0);
    assert_int_equal(env_sync_dir(w.env, "/d"), 0);
    put(w.env, "/d/f", "VOLATILE", 8, 0, false);
    copy = sim_disk_copy(w.disk);
    assert_int_equal(
        sim_node_start(w.sim, 2, "b", copy, start_nothing, NULL, &e), 0);
    assert_int_equal(get(e, "/d/f", text, 0), 7);
    assert_memory_equal(text, "durable", 7);
    put(e, "/d/f", "other", 5, 0, true);
    assert_int_equal(get(w.env, "/d/f", text, 0), 8);
    assert_memory_equal(text, "VOLATILE", 8);
    sim_free(w.sim);
}

/* A process that dies leaves what it has written, under way or not. */
static void die_writing(void *arg)
{
    struct world *w = arg;
    struct file *f = open_direct(w->env, "/j");
    void *block = mem_alloc(env_mem(w->env), 2 * 4096);
    char *p = (char *)(((uintptr_t)block + 4095) / 4096 * 4096);
    struct op *op = mem_calloc(env_mem(w->env), 1, sizeof *op);

    memset(p, 7, 4096);
    put(w->env, "/f", "written", 7, 0, false);
    assert_int_equal(file_write(f, &op->io, p, 4096, 0, true, op_cb, op), 0);
    env_die(w->env, "planned");
}

static void test_death_is_no_power_cut(void **state)
{
    struct world w = world_quiet(13);
    char text[4096];

    (void)state;
    assert_int_equal(sim_node_call(w.sim, 1, die_writing, &w), ERR_CLOSED);
    assert_string_equal(sim_node_death(w.sim, 1), "planned");
    sim_run_until(w.sim, 10000, NULL);
    assert_int_equal(
        sim_node_start(w.sim, 1, "a", w.disk, start_nothing, NULL, &w.env), 0);
    assert_int_equal(get(w.env, "/f", text, 0), 7);
    assert_int_equal(get(w.env, "/j", text, 0), 4096);
    assert_int_equal(text[4095], 7);
    sim_free(w.sim);
}

/* Lent bytes that change before the callback are the caller's mistake. */
static void change_lent(void *arg)
{
    struct world *w = arg;
    static struct op op;
    static char data[SECTOR];
    struct file *f;

    memset(&op, 0, sizeof op);
    assert_int_equal(
        file_open(w->env, "/f", FILE_WRITE | FILE_CREATE, &f, NULL), 0);
    assert_int_equal(
        file_write(f, &op.io, data, sizeof data, 0, false, op_cb, &op), 0);
    data[0]++;
}

static void test_lent_bytes(void **state)
{
    struct world w = world_quiet(14);

    (void)state;
    assert_int_equal(sim_node_call(w.sim, 1, change_lent, &w), 0);
    sim_run_until(w.sim, 10000, NULL);
    assert_null(sim_node_env(w.sim, 1));
    assert_non_null(strstr(sim_node_death(w.sim, 1), "assertion failed"));
    sim_free(w.sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unsynced_vanishes),
        cmocka_unit_test(test_truncate_is_undone),
        cmocka_unit_test(test_names_need_a_directory_sync),
        cmocka_unit_test(test_rename_of_unsynced_file_is_empty),
        cmocka_unit_test(test_names_survive_in_order),
        cmocka_unit_test(test_cut_modes),
        cmocka_unit_test(test_prefix_over_files),
        cmocka_unit_test(test_dsync_survives),
        cmocka_unit_test(test_dsync_over_unsynced),
        cmocka_unit_test(test_writes_in_flight),
        cmocka_unit_test(test_killed_behind_a_stall),
        cmocka_unit_test(test_dsync_takes_the_size_along),
        cmocka_unit_test(test_sync_and_later_writes),
        cmocka_unit_test(test_done_once),
        cmocka_unit_test(test_hold_durable),
        cmocka_unit_test(test_failed_sync_loses),
        cmocka_unit_test(test_planted_failures),
        cmocka_unit_test(test_failed_async_write),
        cmocka_unit_test(test_disk_full),
        cmocka_unit_test(test_bit_flip),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_pinned_after_undone),
        cmocka_unit_test(test_copy),
        cmocka_unit_test(test_death_is_no_power_cut),
        cmocka_unit_test(test_lent_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
