/* Disks that lie, clocks that run, power that goes at a chosen call. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "env/file.h"
#include "env/sim.h"

#define BLOCK  4096
#define BLOCKS 64

struct fixture {
    struct sim *sim;
    struct sim_disk *disk;
    struct env *env;
};

static void keep_env(struct env *e, void *arg)
{
    *(struct env **)arg = e;
}

static void start(struct fixture *f)
{
    f->env = NULL;
    (void)sim_node_start(f->sim, 1, "n1", f->disk, keep_env, &f->env, NULL);
}

static void open_fixture(struct fixture *f, uint64_t seed)
{
    f->sim = sim_new(&(struct sim_options){
        .seed = seed, .disk_min_us = 10, .disk_max_us = 20});
    assert_non_null(f->sim);
    f->disk = sim_disk_new(f->sim, 1);
    start(f);
}

/* ---- damage ----------------------------------------------------------------
 */

static void on_written(struct file_io *io, int64_t result)
{
    assert_int_equal(result, BLOCK);
    *(bool *)io->data = true;
}

/* Blocks of one value, each flushed by itself. */
static void write_blocks(struct fixture *f, uint8_t value)
{
    static _Alignas(BLOCK) uint8_t block[BLOCK];
    struct file *file;
    struct file_io io;

    assert_int_equal(
        file_open(f->env, "/d", FILE_WRITE | FILE_CREATE, &file, NULL), 0);
    assert_int_equal(env_sync_dir(f->env, "/"), 0);
    memset(block, value, sizeof block);
    for (unsigned i = 0; i < BLOCKS; i++) {
        bool done = false;
        assert_int_equal(file_write(file, &io, block, BLOCK, i * BLOCK, true,
                                    on_written, &done),
                         0);
        sim_run_until(f->sim, UINT64_MAX, &done);
    }
    file_close(file);
}

/* How many bytes are not `value`, and the first and the last of them. */
static size_t count_changed(struct fixture *f, uint8_t value, size_t *ret_first,
                            size_t *ret_last)
{
    static uint8_t all[BLOCKS * BLOCK];
    struct bfile *file;
    size_t n, changed = 0;

    assert_int_equal(bfile_open(f->env, "/d", FILE_READ, &file, NULL), 0);
    assert_int_equal(bfile_read(file, all, sizeof all, 0, &n), 0);
    assert_int_equal(n, sizeof all);
    bfile_close(file);
    for (size_t i = 0; i < n; i++) {
        if (all[i] != value) {
            *ret_first = changed == 0 ? i : *ret_first;
            *ret_last = i;
            changed++;
        }
    }
    return changed;
}

static void damage(enum sim_damage kind, size_t min, size_t max)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct fixture f;
        char text[400] = "";
        size_t first, last, n;

        open_fixture(&f, seed);
        sim_disk_remember(f.disk);
        write_blocks(&f, 1);
        write_blocks(&f, 2);
        assert_false(sim_disk_damage(f.disk, kind, "nothing of that name", text,
                                     sizeof text));
        assert_true(sim_disk_damage(f.disk, kind, "d", text, sizeof text));
        assert_non_null(strstr(text, "/d"));
        /* It survives a power cut, and the newest writes are whole. */
        sim_node_crash(f.sim, 1, SIM_CRASH_NONE);
        start(&f);
        n = count_changed(&f, 2, &first, &last);
        assert_in_range(n, min, max);
        assert_in_range(last, 0, (BLOCKS - 16) * BLOCK - 1);
        sim_free(f.sim);
    }
}

static struct file *create(struct fixture *f, const char *path)
{
    struct file *file;

    assert_int_equal(
        file_open(f->env, path, FILE_WRITE | FILE_CREATE, &file, NULL), 0);
    assert_int_equal(env_sync_dir(f->env, "/"), 0);
    return file;
}

static void write_block(struct fixture *f, struct file *file, unsigned i,
                        bool dsync)
{
    static _Alignas(BLOCK) uint8_t block[BLOCK];
    struct file_io io;
    bool done = false;

    memset(block, 1, sizeof block);
    assert_int_equal(file_write(file, &io, block, BLOCK, (uint64_t)i * BLOCK,
                                dsync, on_written, &done),
                     0);
    sim_run_until(f->sim, UINT64_MAX, &done);
}

/* A power cut writes what was under way, and with that lets go of the removed
 * file that comes next. (Seed 2912385482144: it went round for ever.) */
static void test_a_cut_forgets_a_removed_file(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct fixture f;
        struct file *kept, *removed;

        open_fixture(&f, seed);
        sim_disk_remember(f.disk);
        kept = create(&f, "/kept");
        removed = create(&f, "/removed");
        write_block(&f, kept, 0, false);
        write_block(&f, removed, 0, true);
        file_close(removed);
        assert_int_equal(env_unlink(f.env, "/removed"), 0);
        assert_int_equal(env_sync_dir(f.env, "/"), 0);
        for (unsigned i = 1; i < 16; i++) {
            write_block(&f, kept, i, true);
        }
        sim_node_crash(f.sim, 1, SIM_CRASH_ALL);
        assert_true(sim_disk_bytes(f.disk) >= 16 * BLOCK);
        sim_free(f.sim);
    }
}

static void test_bits_flip(void **state)
{
    (void)state;
    damage(SIM_DAMAGE_FLIP, 1, 3);
}

static void test_a_write_is_lost(void **state)
{
    (void)state;
    damage(SIM_DAMAGE_STALE, BLOCK, BLOCK);
}

static void test_a_write_goes_astray(void **state)
{
    (void)state;
    damage(SIM_DAMAGE_MISDIRECT, 1, BLOCK);
}

static void test_wipe(void **state)
{
    struct fixture f;
    struct bfile *file;

    (void)state;
    open_fixture(&f, 1);
    write_blocks(&f, 1);
    sim_node_crash(f.sim, 1, SIM_CRASH_ALL);
    assert_true(sim_disk_bytes(f.disk) > 0);
    sim_disk_wipe(f.disk);
    assert_int_equal(sim_disk_bytes(f.disk), 0);
    start(&f);
    assert_int_equal(bfile_open(f.env, "/d", FILE_READ, &file, NULL),
                     ERR_NOTFOUND);
    write_blocks(&f, 1);
    sim_free(f.sim);
}

static void test_limit(void **state)
{
    struct fixture f;
    struct bfile *file;
    uint8_t block[BLOCK] = {1};

    (void)state;
    open_fixture(&f, 1);
    write_blocks(&f, 1);
    sim_disk_limit(f.disk, sim_disk_bytes(f.disk) + BLOCK);
    assert_int_equal(
        bfile_open(f.env, "/e", FILE_WRITE | FILE_CREATE, &file, NULL), 0);
    assert_int_equal(bfile_write(file, block, BLOCK, 0), 0);
    assert_int_equal(bfile_write(file, block, BLOCK, BLOCK), ERR_NOSPACE);
    sim_disk_limit(f.disk, 0);
    assert_int_equal(bfile_write(file, block, BLOCK, BLOCK), 0);
    bfile_close(file);
    sim_free(f.sim);
}

/* ---- power at a call -------------------------------------------------------
 */

struct steps {
    struct fixture *f;
    unsigned done;
};

/* Like a library that swallows errors and goes on. */
static void take_steps(void *arg)
{
    struct steps *st = arg;
    struct bfile *file;
    uint8_t byte = 7;

    if (bfile_open(st->f->env, "/s", FILE_WRITE | FILE_CREATE, &file, NULL) !=
        0) {
        return;
    }
    (void)env_sync_dir(st->f->env, "/");
    for (unsigned i = 0; i < 5; i++) {
        bool good = bfile_write(file, &byte, 1, i) == 0;
        good = bfile_sync(file) == 0 && good;
        st->done += good;
    }
    bfile_close(file);
}

static void test_power_goes_at_a_call(void **state)
{
    (void)state;
    for (uint64_t n = 1; n <= 12; n++) {
        struct fixture f;
        struct steps st = {.f = &f};
        struct bfile *file;
        uint64_t size = 0;

        open_fixture(&f, n);
        sim_crash_at(f.sim, 1, n, SIM_CRASH_NONE);
        assert_int_equal(sim_node_call(f.sim, 1, take_steps, &st), ERR_CLOSED);
        assert_string_equal(sim_node_death(f.sim, 1), SIM_POWER_TEXT);
        start(&f);
        assert_non_null(f.env); /* once only */
        if (bfile_open(f.env, "/s", FILE_READ, &file, NULL) == 0) {
            assert_int_equal(bfile_size(file, &size), 0);
            bfile_close(file);
        }
        assert_int_equal(size, st.done);
        assert_int_equal(st.done, n <= 3 ? 0 : (n - 3) / 2);
        sim_free(f.sim);
    }
}

/* ---- ends and clocks -------------------------------------------------------
 */

static void fail_damaged(void *arg)
{
    env_fail(arg, ERR_CORRUPT, "it is damaged");
}

static void fail_otherwise(void *arg)
{
    env_fail(arg, ERR_IO, "it is not");
}

static void test_ends_with_a_code(void **state)
{
    struct fixture f;

    (void)state;
    open_fixture(&f, 1);
    assert_int_equal(sim_node_call(f.sim, 1, fail_damaged, f.env), ERR_CLOSED);
    assert_string_equal(sim_node_death(f.sim, 1),
                        "it is damaged: nothing was cut; put the data back, "
                        "or empty the directory and replace the node");
    assert_int_equal(sim_node_exit_code(f.sim, 1), ENV_EXIT_DAMAGE);
    start(&f);
    assert_int_equal(sim_node_call(f.sim, 1, fail_otherwise, f.env),
                     ERR_CLOSED);
    assert_int_equal(sim_node_exit_code(f.sim, 1), ENV_EXIT_STORAGE);
    sim_free(f.sim);
}

struct ticks {
    struct env *env;
    struct env_timer timer;
    unsigned n;
};

static void on_tick(struct env_timer *t)
{
    struct ticks *k = t->data;

    k->n++;
    env_timer_start(k->env, t, env_now_ms(k->env) + 10);
}

static void tick(void *arg)
{
    struct ticks *k = arg;

    env_timer_init(&k->timer, on_tick, k);
    on_tick(&k->timer);
}

/* A second of the world, as the ticks of a node count it. */
static void ticks_at(int rate, unsigned min, unsigned max)
{
    struct fixture f;
    struct ticks k = {.n = 0};
    uint64_t began;

    open_fixture(&f, 1);
    sim_run_until(f.sim, 3000000, NULL);
    sim_node_crash(f.sim, 1, SIM_CRASH_ALL);
    sim_node_rate(f.sim, 1, rate);
    start(&f);
    k.env = f.env;
    began = env_now_ms(f.env);
    assert_int_equal(began, 3000); /* the past is not bent */
    assert_int_equal(sim_node_call(f.sim, 1, tick, &k), 0);
    sim_run_until(f.sim, 4000000, NULL);
    assert_in_range(k.n, min, max);
    assert_in_range(env_now_ms(f.env) - began, 10 * min - 10, 10 * max);
    sim_free(f.sim);
}

static void test_clocks_differ(void **state)
{
    (void)state;
    ticks_at(0, 100, 101);
    ticks_at(500000, 149, 151);
    ticks_at(-500000, 49, 51);
}

static void test_wall_clock_jumps(void **state)
{
    struct fixture f;
    int64_t wall;

    (void)state;
    open_fixture(&f, 1);
    wall = env_wall_ms(f.env);
    sim_node_wall(f.sim, 1, -60000);
    assert_int_equal(env_wall_ms(f.env), wall - 60000);
    assert_int_equal(env_now_ms(f.env), 0);
    sim_free(f.sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_cut_forgets_a_removed_file),
        cmocka_unit_test(test_bits_flip),
        cmocka_unit_test(test_a_write_is_lost),
        cmocka_unit_test(test_a_write_goes_astray),
        cmocka_unit_test(test_wipe),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_power_goes_at_a_call),
        cmocka_unit_test(test_ends_with_a_code),
        cmocka_unit_test(test_clocks_differ),
        cmocka_unit_test(test_wall_clock_jumps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
