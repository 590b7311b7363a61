/* The world: time, turns, jobs, deaths, pauses, and that a seed replays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "env/file.h"
#include "env/sim.h"

#define TRACE_MAX 4096

static struct sim_options options(uint64_t seed)
{
    return (struct sim_options){.seed = seed,
                                .disk_min_us = 20,
                                .disk_max_us = 500,
                                .net_min_us = 100,
                                .net_max_us = 900,
                                .net_split_rate = 3000};
}

/* What happened, in words. */
static char trace[TRACE_MAX];

static void say(struct env *e, const char *what)
{
    size_t n = strlen(trace);

    snprintf(trace + n, sizeof trace - n, "%llu:%s ",
             (unsigned long long)env_now_ms(e), what);
}

/* ---- one node that does a bit of everything -------------------------------
 */

struct busy {
    struct env *env;
    struct env_timer timer;
    struct env_turn turn;
    struct env_job job;
    struct file *file;
    struct file_io io;
    struct env_stream *stream;
    struct env_write write;
    uint8_t in[100];
    char out[300];
    unsigned rounds;
    bool writing, sending;
    unsigned other;
};

static void busy_io(struct file_io *io, int64_t result)
{
    struct busy *b = io->data;

    ASSERT(result == sizeof b->out);
    b->writing = false;
}

static void busy_sent(struct env_write *w, int status)
{
    struct busy *b = w->data;

    (void)status;
    b->sending = false;
}

static void busy_job(struct env_job *j)
{
    (void)j;
}

static void busy_job_done(struct env_job *j)
{
    struct busy *b = j->data;

    env_turn_request(b->env, &b->turn);
}

static void busy_turn(struct env_turn *t)
{
    struct busy *b = t->data;

    if (!b->writing) {
        b->writing = true;
        ASSERT(file_write(b->file, &b->io, b->out, sizeof b->out,
                          b->rounds * 100, true, busy_io, b) == 0);
    }
}

static void busy_tick(struct env_timer *t)
{
    struct busy *b = t->data;
    struct slice slice = slice_of(b->out, sizeof b->out);

    b->rounds++;
    if (b->rounds % 3 == 0) {
        env_job_submit(b->env, ENV_THREAD_WORK, &b->job, busy_job,
                       busy_job_done, b);
    }
    if (!b->sending && b->stream != NULL) {
        b->sending = env_stream_write(b->stream, &b->write, &slice, 1,
                                      busy_sent, b) == 0;
    }
    env_timer_start(b->env, t, env_now_ms(b->env) + 5);
}

static void busy_alloc(struct env_stream *s, void *data, uint8_t **ret_p,
                       size_t *ret_len)
{
    struct busy *b = data;

    (void)s;
    *ret_p = b->in;
    *ret_len = sizeof b->in;
}

static void busy_read(struct env_stream *s, void *data, int status, size_t n)
{
    (void)s;
    (void)data;
    (void)status;
    (void)n;
}

static void busy_accept(struct env_listener *l, struct env_stream *s,
                        void *data)
{
    (void)l;
    env_stream_read_start(s, busy_alloc, busy_read, data);
}

static void busy_connected(struct env_stream *s, int status, void *data)
{
    struct busy *b = data;

    if (status == 0) {
        b->stream = s;
    }
}

static bool busy_leaks; /* it sends and writes what it never wrote to */

static void busy_start(struct env *e, void *arg)
{
    struct busy *b = mem_calloc(env_mem(e), 1, sizeof *b);
    char *leak = mem_alloc(env_mem(e), sizeof b->out);
    struct env_listener *l;
    struct env_stream *s;
    char other[] = "n0";

    b->env = e;
    b->other = *(unsigned *)arg;
    other[1] = (char)('0' + b->other);
    env_random(e, b->out, sizeof b->out);
    if (busy_leaks) {
        memcpy(b->out, leak, sizeof b->out);
    }
    env_timer_init(&b->timer, busy_tick, b);
    env_turn_init(&b->turn, ENV_TURN_JOURNAL, busy_turn, b);
    ASSERT(file_open(e, "/f", FILE_WRITE | FILE_CREATE, &b->file, NULL) == 0);
    ASSERT(env_listen(e, "", 1000, busy_accept, b, &l, NULL) == 0);
    ASSERT(env_connect(e, other, 1000, 50, busy_connected, b, &s) == 0);
    env_timer_start(e, &b->timer, 5);
}

/* A run of three nodes with faults; its hash. */
static uint64_t busy_run(uint64_t seed, uint64_t shake)
{
    struct sim_options o = options(seed);
    struct sim *s;
    struct sim_disk *disks[3];
    uint64_t hash;

    o.shake = shake;
    s = sim_new(&o);
    assert_non_null(s);
    for (unsigned i = 0; i < 3; i++) {
        char host[] = "n0";
        unsigned other = (i + 1) % 3 + 1;
        host[1] = (char)('1' + i);
        disks[i] = sim_disk_new(s, i + 1);
        assert_int_equal(
            sim_node_start(s, i + 1, host, disks[i], busy_start, &other, NULL),
            0);
    }
    for (unsigned k = 1; k <= 20; k++) {
        unsigned id = (unsigned)sim_rand_below(s, 3) + 1;
        unsigned other = id % 3 + 1;
        char host[] = "n0";
        host[1] = (char)('0' + id);
        sim_run_until(s, k * 20000, NULL);
        switch (sim_rand_below(s, 4)) {
        case 0:
            sim_node_crash(s, id, (enum sim_crash)sim_rand_below(s, 4));
            assert_int_equal(sim_node_start(s, id, host, disks[id - 1],
                                            busy_start, &other, NULL),
                             0);
            break;
        case 1:
            sim_link_set(s, id, other, k % 2 == 0);
            break;
        case 2:
            sim_node_pause(s, id);
            break;
        default:
            sim_node_resume(s, id);
        }
    }
    hash = sim_trace_hash(s);
    sim_free(s);
    return hash;
}

static void test_seed_replays(void **state)
{
    uint64_t last = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        uint64_t hash = busy_run(seed, 0);
        assert_int_equal(hash, busy_run(seed, 0));
        assert_int_equal(hash, busy_run(seed, seed));
        assert_int_not_equal(hash, last);
        last = hash;
    }
}

/* What was never written goes out: the hash tells. */
static void test_leak_shows(void **state)
{
    unsigned differ = 0;

    (void)state;
    busy_leaks = true;
    for (uint64_t shake = 1; shake <= 10; shake++) {
        differ += busy_run(1, shake) != busy_run(1, shake + 100);
    }
    busy_leaks = false;
    assert_true(differ > 5);
}

/* ---- timers and hooks -----------------------------------------------------
 */

struct turns {
    struct env *env;
    struct env_timer timers[3];
    struct env_turn hooks[ENV_TURN_ORDERS];
};

static void say_timer(struct env_timer *t)
{
    struct turns *x = t->data;
    char text[] = "t0";

    text[1] = (char)('0' + (t - x->timers));
    say(x->env, text);
    if (t == &x->timers[0]) {
        env_turn_request(x->env, &x->hooks[ENV_TURN_CLIENTS]);
        env_turn_request(x->env, &x->hooks[ENV_TURN_CONSENSUS]);
        env_timer_stop(x->env, &x->timers[2]);
    }
}

static void say_hook(struct env_turn *t)
{
    static const char *const names[] = {"consensus", "journal", "peers",
                                        "clients"};
    struct turns *x = t->data;

    say(x->env, names[t->order]);
    if (t->order == ENV_TURN_CONSENSUS) {
        env_turn_request(x->env, &x->hooks[ENV_TURN_JOURNAL]);
    }
    if (t->order == ENV_TURN_CLIENTS && env_now_ms(x->env) == 10) {
        env_turn_request(x->env, &x->hooks[ENV_TURN_CONSENSUS]);
    }
}

static void turns_start(struct env *e, void *arg)
{
    struct turns *x = arg;

    x->env = e;
    for (unsigned i = 0; i < 3; i++) {
        env_timer_init(&x->timers[i], say_timer, x);
    }
    for (unsigned i = 0; i < ENV_TURN_ORDERS; i++) {
        env_turn_init(&x->hooks[i], (enum env_turn_order)i, say_hook, x);
    }
    env_timer_start(e, &x->timers[1], 10);
    env_timer_start(e, &x->timers[0], 10);
    env_timer_start(e, &x->timers[2], 20);
    env_turn_request(e, &x->hooks[ENV_TURN_PEERS]);
}

static void test_timers_and_hooks(void **state)
{
    struct sim_options o = options(1);
    struct sim *s = sim_new(&o);
    struct turns x;

    (void)state;
    trace[0] = '\0';
    assert_int_equal(
        sim_node_start(s, 1, "a", sim_disk_new(s, 1), turns_start, &x, NULL),
        0);
    sim_run_until(s, 100000, NULL);
    assert_string_equal(trace, "0:peers 10:t1 10:t0 10:consensus 10:journal "
                               "10:clients 10:consensus 10:journal ");
    assert_int_equal(sim_now_us(s), 100000);
    assert_false(sim_run_one(s)); /* nothing is left */
    sim_free(s);
}

/* What happens to a node at one time is one batch, with one turn behind it. */
struct batch {
    struct env *env;
    struct file *file;
    struct file_io ios[3];
    struct env_turn turn;
};

static void batch_io(struct file_io *io, int64_t result)
{
    struct batch *b = io->data;

    ASSERT(result == 0);
    say(b->env, "sync");
    env_turn_request(b->env, &b->turn);
}

static void batch_turn(struct env_turn *t)
{
    say(((struct batch *)t->data)->env, "turn");
}

static void batch_start(struct env *e, void *arg)
{
    struct batch *b = arg;

    b->env = e;
    env_turn_init(&b->turn, ENV_TURN_JOURNAL, batch_turn, b);
    ASSERT(file_open(e, "/f", FILE_WRITE | FILE_CREATE, &b->file, NULL) == 0);
    for (unsigned i = 0; i < 3; i++) {
        ASSERT(file_sync(b->file, &b->ios[i], batch_io, b) == 0);
    }
}

static void test_batches(void **state)
{
    struct sim_options o = {
        .seed = 1, .disk_min_us = 5000, .disk_max_us = 5000};
    struct sim *s = sim_new(&o);
    struct batch b;

    (void)state;
    trace[0] = '\0';
    assert_int_equal(
        sim_node_start(s, 1, "a", sim_disk_new(s, 1), batch_start, &b, NULL),
        0);
    sim_run_until(s, 100000, NULL);
    assert_string_equal(trace, "5:sync 5:sync 5:sync 5:turn ");
    sim_free(s);
}

/* A node that never rests does not stop the clock. */
static void restless(struct env_turn *t)
{
    env_turn_request(((struct turns *)t->data)->env, t);
}

static void restless_start(struct env *e, void *arg)
{
    struct turns *x = arg;

    x->env = e;
    env_turn_init(&x->hooks[0], ENV_TURN_PEERS, restless, x);
    env_turn_request(e, &x->hooks[0]);
}

static void test_restless_node(void **state)
{
    struct sim_options o = options(1);
    struct sim *s = sim_new(&o);
    struct turns x;

    (void)state;
    assert_int_equal(
        sim_node_start(s, 1, "a", sim_disk_new(s, 1), restless_start, &x, NULL),
        0);
    sim_run_until(s, 1000, NULL);
    assert_int_equal(sim_now_us(s), 1000);
    sim_free(s);
}

/* ---- jobs -----------------------------------------------------------------
 */

struct jobs {
    struct env *env;
    struct env_job jobs[3];
    char text[100];
    uint64_t started_us;
    unsigned n;
    bool all;
};

static void job_run(struct env_job *j)
{
    struct jobs *x = j->data;
    char text[] = "r0 ";

    text[1] = (char)('0' + (j - x->jobs));
    strcat(x->text, text);
}

static void job_done(struct env_job *j)
{
    struct jobs *x = j->data;
    char text[] = "d0 ";

    text[1] = (char)('0' + (j - x->jobs));
    strcat(x->text, text);
    assert_true(env_now_us(x->env) > x->started_us);
    x->all = ++x->n == 3;
}

static void jobs_start(struct env *e, void *arg)
{
    struct jobs *x = arg;

    x->env = e;
    x->started_us = env_now_us(e);
    for (unsigned i = 0; i < 3; i++) {
        env_job_submit(e, ENV_THREAD_STATE, &x->jobs[i], job_run, job_done, x);
    }
    assert_string_equal(x->text, "");
}

static void test_jobs(void **state)
{
    struct sim_options o = options(1);
    struct sim *s = sim_new(&o);
    struct jobs x = {.n = 0};

    (void)state;
    assert_int_equal(
        sim_node_start(s, 1, "a", sim_disk_new(s, 1), jobs_start, &x, NULL), 0);
    sim_run_until(s, UINT64_MAX, &x.all);
    assert_string_equal(x.text, "r0 d0 r1 d1 r2 d2 ");
    sim_free(s);
}

/* ---- death ----------------------------------------------------------------
 */

struct mortal {
    struct env *env;
    struct env_timer timer;
    unsigned ticks;
    int how;
};

static void mortal_tick(struct env_timer *t)
{
    struct mortal *m = t->data;

    m->ticks++;
    if (m->ticks == 3) {
        if (m->how == 1) {
            env_die(m->env, "file %s: bad %d", "x", 7);
        }
        ASSERT(m->how != 2);
    }
    env_timer_start(m->env, t, env_now_ms(m->env) + 10);
}

static void mortal_start(struct env *e, void *arg)
{
    struct mortal *m = arg;
    struct file *f;
    struct env_listener *l;

    m->env = e;
    m->ticks = 0;
    /* Left behind at death: nobody frees these but the world. */
    assert_non_null(mem_alloc(env_mem(e), 1000));
    ASSERT(file_open(e, "/f", FILE_WRITE | FILE_CREATE, &f, NULL) == 0);
    ASSERT(env_listen(e, "", 7, NULL, NULL, &l, NULL) == 0);
    env_timer_init(&m->timer, mortal_tick, m);
    env_timer_start(e, &m->timer, env_now_ms(e) + 10);
}

static void test_one_dies_others_live(void **state)
{
    struct sim_options o = options(1);
    struct sim *s = sim_new(&o);
    struct mortal m[3] = {{.how = 0}, {.how = 1}, {.how = 2}};
    struct sim_disk *disk = NULL;

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        char host[] = "n0";
        host[1] = (char)('0' + i);
        disk = sim_disk_new(s, i + 1);
        assert_int_equal(
            sim_node_start(s, i + 1, host, disk, mortal_start, &m[i], NULL), 0);
    }
    sim_run_until(s, 100000, NULL);
    assert_int_equal(m[0].ticks, 10);
    assert_int_equal(m[1].ticks, 3);
    assert_int_equal(m[2].ticks, 3);
    assert_non_null(sim_node_env(s, 1));
    assert_null(sim_node_env(s, 2));
    assert_null(sim_node_env(s, 3));
    assert_string_equal(sim_node_death(s, 1), "");
    assert_string_equal(sim_node_death(s, 2), "file x: bad 7");
    assert_non_null(strstr(sim_node_death(s, 3), "m->how != 2"));
    /* The port and the disk are free for the next life. */
    m[2].how = 0;
    assert_int_equal(
        sim_node_start(s, 3, "n2", disk, mortal_start, &m[2], NULL), 0);
    assert_string_equal(sim_node_death(s, 3), "");
    sim_run_until(s, 200000, NULL);
    assert_int_equal(m[2].ticks, 10);
    sim_free(s);
}

static void start_dead(struct env *e, void *arg)
{
    (void)arg;
    env_die(e, "stillborn");
}

static void test_death_at_start(void **state)
{
    struct sim_options o = options(1);
    struct sim *s = sim_new(&o);
    struct env *e = NULL;

    (void)state;
    assert_int_equal(
        sim_node_start(s, 1, "a", sim_disk_new(s, 1), start_dead, NULL, &e),
        ERR_CLOSED);
    assert_null(e);
    assert_string_equal(sim_node_death(s, 1), "stillborn");
    assert_int_equal(sim_node_call(s, 1, NULL, NULL), ERR_CLOSED);
    sim_free(s);
}

/* A node may cut its own power, and another's. */
static void cut_self(void *arg)
{
    sim_node_crash(arg, 1, SIM_CRASH_NONE);
}

static void cut_other(void *arg)
{
    sim_node_crash(arg, 2, SIM_CRASH_NONE);
}

static void test_crash_from_inside(void **state)
{
    struct sim_options o = options(1);
    struct sim *s = sim_new(&o);
    struct mortal m[2] = {{.how = 0}, {.how = 0}};

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(sim_node_start(s, i + 1, i == 0 ? "a" : "b",
                                        sim_disk_new(s, i + 1), mortal_start,
                                        &m[i], NULL),
                         0);
    }
    assert_int_equal(sim_node_call(s, 1, cut_other, s), 0);
    assert_null(sim_node_env(s, 2));
    assert_int_equal(sim_node_call(s, 1, cut_self, s), ERR_CLOSED);
    assert_null(sim_node_env(s, 1));
    assert_string_equal(sim_node_death(s, 1), "");
    sim_run_until(s, 100000, NULL);
    assert_int_equal(m[0].ticks + m[1].ticks, 0);
    sim_free(s);
}

/* ---- pause ----------------------------------------------------------------
 */

static void test_pause(void **state)
{
    struct sim_options o = options(1);
    struct sim *s = sim_new(&o);
    struct mortal m[2] = {{.how = 0}, {.how = 0}};

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(sim_node_start(s, i + 1, i == 0 ? "a" : "b",
                                        sim_disk_new(s, i + 1), mortal_start,
                                        &m[i], NULL),
                         0);
    }
    sim_run_until(s, 15000, NULL);
    sim_node_pause(s, 1);
    sim_run_until(s, 105000, NULL);
    assert_int_equal(m[0].ticks, 1);
    assert_int_equal(m[1].ticks, 10);
    sim_node_resume(s, 1);
    sim_run_until(s, 106000, NULL);
    assert_int_equal(m[0].ticks, 2); /* missed ones are missed */
    sim_node_pause(s, 1);
    sim_run_until(s, 200000, NULL);
    sim_node_crash(s, 1, SIM_CRASH_ALL); /* a paused node dies like others */
    sim_run_until(s, 300000, NULL);
    assert_int_equal(m[0].ticks, 2);
    sim_free(s);
}

static void test_clocks_and_chance(void **state)
{
    struct sim_options o = options(1);
    struct sim *s = sim_new(&o), *t = sim_new(&o);
    struct mortal m = {.how = 0};
    struct env *e;
    uint8_t a[16], b[16];
    int64_t wall;

    (void)state;
    assert_int_equal(
        sim_node_start(s, 1, "a", sim_disk_new(s, 1), mortal_start, &m, &e), 0);
    wall = env_wall_ms(e);
    assert_true(wall > INT64_C(1700000000000));
    sim_run_until(s, 5000, NULL);
    assert_int_equal(env_now_us(e), 5000);
    assert_int_equal(env_now_us_exact(e), 5000);
    assert_int_equal(env_now_ms(e), 5);
    assert_int_equal(env_wall_ms(e), wall + 5);
    env_random(e, a, sizeof a);
    assert_int_equal(
        sim_node_start(t, 1, "a", sim_disk_new(t, 1), mortal_start, &m, &e), 0);
    env_random(e, b, sizeof b);
    assert_memory_equal(a, b, sizeof a);
    sim_free(s);
    sim_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seed_replays),
        cmocka_unit_test(test_leak_shows),
        cmocka_unit_test(test_timers_and_hooks),
        cmocka_unit_test(test_batches),
        cmocka_unit_test(test_restless_node),
        cmocka_unit_test(test_jobs),
        cmocka_unit_test(test_one_dies_others_live),
        cmocka_unit_test(test_death_at_start),
        cmocka_unit_test(test_crash_from_inside),
        cmocka_unit_test(test_pause),
        cmocka_unit_test(test_clocks_and_chance),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
