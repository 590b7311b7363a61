/* Asynchronous files, the same stories under both engines. */
#include "env/system_impl.h"
#include "system_fixture.h"

#include <errno.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

static const char *engine_name;

static int setup(void **state)
{
    static struct fixture x;

    fixture_open(&x, engine_name);
    assert_string_equal(file_engine(x.e), engine_name);
    *state = &x;
    return 0;
}

static int teardown(void **state)
{
    fixture_close(*state);
    return 0;
}

/* One request and what came of it. */
struct call {
    struct file_io io;
    int64_t result;
    unsigned n_calls;
    bool done;
};

static void on_call(struct file_io *io, int64_t result)
{
    struct call *c = io->data;

    c->result = result;
    c->n_calls++;
    c->done = true;
}

static struct file *open_file(struct fixture *x, const char *name,
                              unsigned flags)
{
    struct err err = {""};
    struct file *f;

    if (file_open(x->e, fixture_path(x, name), flags, &f, &err) != 0) {
        fail_msg("%s", err.text);
    }
    return f;
}

static int64_t write_now(struct fixture *x, struct file *f, const void *data,
                         size_t len, uint64_t offset, bool dsync)
{
    struct call c = {.done = false};

    assert_int_equal(
        file_write(f, &c.io, data, len, offset, dsync, on_call, &c), 0);
    assert_false(c.done);
    fixture_wait(x, &c.done);
    return c.result;
}

static int64_t read_now(struct fixture *x, struct file *f, void *data,
                        size_t len, uint64_t offset)
{
    struct call c = {.done = false};

    assert_int_equal(file_read(f, &c.io, data, len, offset, on_call, &c), 0);
    assert_false(c.done);
    fixture_wait(x, &c.done);
    return c.result;
}

static int64_t sync_now(struct fixture *x, struct file *f)
{
    struct call c = {.done = false};

    assert_int_equal(file_sync(f, &c.io, on_call, &c), 0);
    assert_false(c.done);
    fixture_wait(x, &c.done);
    return c.result;
}

static void test_write_read_sync(void **state)
{
    struct fixture *x = *state;
    struct file *f = open_file(x, "a", FILE_READ | FILE_WRITE | FILE_CREATE);
    char got[16] = "";

    assert_string_equal(file_path(f), fixture_path(x, "a"));
    assert_int_equal(write_now(x, f, "hello world", 11, 0, false), 11);
    assert_int_equal(write_now(x, f, "W", 1, 6, true), 1);
    assert_int_equal(sync_now(x, f), 0);
    assert_int_equal(read_now(x, f, got, 11, 0), 11);
    assert_string_equal(got, "hello World");
    file_close(f);
}

static void test_read_past_the_end_is_short(void **state)
{
    struct fixture *x = *state;
    struct file *f = open_file(x, "a", FILE_READ | FILE_WRITE | FILE_CREATE);
    char got[64];

    assert_int_equal(write_now(x, f, "0123456789", 10, 0, false), 10);
    assert_int_equal(read_now(x, f, got, sizeof got, 4), 6);
    assert_int_equal(read_now(x, f, got, sizeof got, 10), 0);
    assert_int_equal(read_now(x, f, got, sizeof got, 1000), 0);
    file_close(f);
}

static void test_open_errors_name_the_path(void **state)
{
    struct fixture *x = *state;
    struct err err = {""};
    struct file *f = open_file(x, "a", FILE_WRITE | FILE_CREATE | FILE_EXCL);

    file_close(f);
    assert_int_equal(file_open(x->e, fixture_path(x, "a"),
                               FILE_WRITE | FILE_CREATE | FILE_EXCL, &f, &err),
                     ERR_EXISTS);
    assert_non_null(strstr(err.text, x->path));
    assert_int_equal(
        file_open(x->e, fixture_path(x, "none"), FILE_READ, &f, &err),
        ERR_NOTFOUND);
    assert_int_equal(file_open(x->e, fixture_path(x, "none/a"),
                               FILE_WRITE | FILE_CREATE, &f, &err),
                     ERR_NOTFOUND);
    assert_non_null(strstr(err.text, x->path));
    assert_int_equal(file_open(x->e, x->dir, FILE_READ, &f, &err), ERR_IO);
}

/* A file that may not be written: the engine's errno comes through. */
static void test_foreign_error_is_io(void **state)
{
    struct fixture *x = *state;
    struct file *f = open_file(x, "a", FILE_READ | FILE_CREATE);

    assert_int_equal(write_now(x, f, "x", 1, 0, true), ERR_IO);
    file_close(f);
}

static void test_direct_io(void **state)
{
    struct fixture *x = *state;
    struct file *f =
        open_file(x, "a", FILE_READ | FILE_WRITE | FILE_CREATE | FILE_DIRECT);
    uint8_t *out = NULL, *in = NULL;

    if (!file_direct(f)) {
        file_close(f);
        print_message("direct I/O: refused by the file system of TMPDIR\n");
        skip();
    }
    assert_int_equal(posix_memalign((void **)&out, FILE_ALIGN, 4 * FILE_ALIGN),
                     0);
    assert_int_equal(posix_memalign((void **)&in, FILE_ALIGN, 4 * FILE_ALIGN),
                     0);
    memset(out, 0x5a, 4 * FILE_ALIGN);
    memset(in, 0, 4 * FILE_ALIGN);
    assert_int_equal(write_now(x, f, out, 4 * FILE_ALIGN, 0, true),
                     4 * FILE_ALIGN);
    assert_int_equal(read_now(x, f, in, 4 * FILE_ALIGN, FILE_ALIGN),
                     3 * FILE_ALIGN);
    assert_memory_equal(in, out, 3 * FILE_ALIGN);
    free(in);
    free(out);
    file_close(f);
}

/* /proc has no direct I/O; it is said, and the file is used buffered. */
static void test_direct_io_refused_falls_back(void **state)
{
    struct fixture *x = *state;
    struct file *f;
    char got[8];

    assert_int_equal(
        file_open(x->e, "/proc/version", FILE_READ | FILE_DIRECT, &f, NULL), 0);
    assert_false(file_direct(f));
    assert_int_equal(read_now(x, f, got, 5, 0), 5);
    assert_memory_equal(got, "Linux", 5);
    file_close(f);
}

/* More than the rings hold, in one turn, all kinds mixed. */
#define N_MANY 2000

static void test_many_in_flight(void **state)
{
    struct fixture *x = *state;
    struct file *f = open_file(x, "a", FILE_READ | FILE_WRITE | FILE_CREATE);
    struct call *calls = calloc(N_MANY, sizeof *calls);
    uint32_t *values = calloc(N_MANY, sizeof *values);

    for (uint32_t i = 0; i < N_MANY; i++) {
        values[i] = i * 2654435761u;
        assert_int_equal(file_write(f, &calls[i].io, &values[i], 4, 4 * i,
                                    i % 500 == 0, on_call, &calls[i]),
                         0);
    }
    for (uint32_t i = 0; i < N_MANY; i++) {
        fixture_wait(x, &calls[i].done);
        assert_int_equal(calls[i].result, 4);
    }
    for (uint32_t i = 0; i < N_MANY; i++) {
        uint32_t *got = &values[i];
        *got = 0;
        calls[i] = (struct call){.done = false};
        assert_int_equal(
            file_read(f, &calls[i].io, got, 4, 4 * i, on_call, &calls[i]), 0);
    }
    for (uint32_t i = 0; i < N_MANY; i++) {
        fixture_wait(x, &calls[i].done);
        assert_int_equal(calls[i].n_calls, 1);
        assert_int_equal(values[i], i * 2654435761u);
    }
    free(values);
    free(calls);
    file_close(f);
}

/* ---- how often the loop wakes ----------------------------------------------
 */

#define N_BURST     300
#define BURST_BYTES 4096

struct burst {
    struct env *e;
    struct file *f;
    struct env_timer timer;
    struct file_io io[N_BURST];
    unsigned turn;
    unsigned n_done;
    bool done;
};

static uint8_t burst_page[BURST_BYTES] __attribute__((aligned(FILE_ALIGN)));

/* A file that has its blocks, so that writes to it need no worker. */
static void burst_open(struct fixture *x, struct burst *b)
{
    struct call whole = {.done = false};
    size_t len = (size_t)N_BURST * BURST_BYTES;
    uint8_t *zeros = aligned_alloc(FILE_ALIGN, len);

    memset(zeros, 0, len);
    *b = (struct burst){.e = x->e};
    b->f = open_file(x, "a", FILE_WRITE | FILE_CREATE | FILE_DIRECT);
    file_write(b->f, &whole.io, zeros, len, 0, true, on_call, &whole);
    fixture_wait(x, &whole.done);
    free(zeros);
}

static void on_burst(struct file_io *io, int64_t result)
{
    struct burst *b = io->data;

    assert_int_equal(result, BURST_BYTES);
    b->n_done++;
    b->done = b->n_done == N_BURST;
}

/* In the second turn the requests of the first are in the kernel: the loop is
 * busy with something else until they are done. */
static void on_burst_timer(struct env_timer *t)
{
    struct burst *b = t->data;

    if (b->turn++ == 0) {
        env_timer_start(b->e, t, env_now_ms(b->e));
    } else {
        usleep(200000);
    }
}

/* The kernel hands over some at a time (20, since 6.13): all are told, though
 * nothing else happens that would wake the loop. */
static void test_many_done_at_once(void **state)
{
    static struct burst b;
    struct fixture *x = *state;

    burst_open(x, &b);
    env_timer_init(&b.timer, on_burst_timer, &b);
    for (unsigned i = 0; i < N_BURST; i++) {
        file_write(b.f, &b.io[i], burst_page, BURST_BYTES,
                   (uint64_t)i * BURST_BYTES, false, on_burst, &b);
    }
    env_timer_start(x->e, &b.timer, env_now_ms(x->e));
    fixture_wait(x, &b.done);
    file_close(b.f);
}

static void on_burst_next(struct file_io *io, int64_t result)
{
    struct burst *b = io->data;

    on_burst(io, result);
    if (!b->done) {
        file_write(b->f, io, burst_page, BURST_BYTES,
                   (uint64_t)b->n_done * BURST_BYTES, true, on_burst_next, b);
    }
}

/* One after the other: a turn each, not a second one that finds nothing. */
static void test_a_turn_each(void **state)
{
    static struct burst b;
    struct fixture *x = *state;

    burst_open(x, &b);
    uint64_t n_turns = sys_of(x->e)->pace.n_turns;
    file_write(b.f, &b.io[0], burst_page, BURST_BYTES, 0, true, on_burst_next,
               &b);
    fixture_wait(x, &b.done);
    n_turns = sys_of(x->e)->pace.n_turns - n_turns;
    file_close(b.f);
    assert_in_range(n_turns, N_BURST, N_BURST + N_BURST / 2);
}

/* ---- order ------------------------------------------------------------------
 */

/* A sync covers the writes asked for before it, though they are in flight. */
#define N_ORDER     8
#define ORDER_BYTES (1 << 20)

struct order_story {
    struct file_io write[N_ORDER], sync;
    unsigned n_written;
    unsigned n_written_at_sync;
    bool synced;
};

static void on_order_write(struct file_io *io, int64_t result)
{
    struct order_story *s = io->data;

    assert_int_equal(result, ORDER_BYTES);
    s->n_written++;
}

static void on_order_sync(struct file_io *io, int64_t result)
{
    struct order_story *s = io->data;

    assert_int_equal(result, 0);
    s->n_written_at_sync = s->n_written;
    s->synced = true;
}

/* Direct writes, where there are any, keep the disk busy longest. */
static void test_sync_waits_for_earlier_writes(void **state)
{
    struct fixture *x = *state;
    struct file *f = open_file(x, "a", FILE_WRITE | FILE_CREATE | FILE_DIRECT);
    struct order_story s = {.n_written = 0};
    uint8_t *data = NULL;

    assert_int_equal(posix_memalign((void **)&data, FILE_ALIGN, ORDER_BYTES),
                     0);
    memset(data, 1, ORDER_BYTES);
    for (unsigned i = 0; i < N_ORDER; i++) {
        file_write(f, &s.write[i], data, ORDER_BYTES, (uint64_t)i * ORDER_BYTES,
                   i + 1 == N_ORDER, on_order_write, &s);
    }
    file_sync(f, &s.sync, on_order_sync, &s);
    fixture_wait(x, &s.synced);
    assert_int_equal(s.n_written_at_sync, N_ORDER);
    free(data);
    file_close(f);
}

static void test_close_loses_no_callback(void **state)
{
    struct fixture *x = *state;
    struct file *f = open_file(x, "a", FILE_READ | FILE_WRITE | FILE_CREATE);
    struct call w = {.done = false}, r = {.done = false}, s = {.done = false};
    char got[4];

    file_write(f, &w.io, "abcd", 4, 0, true, on_call, &w);
    file_read(f, &r.io, got, 4, 4096, on_call, &r);
    file_sync(f, &s.io, on_call, &s);
    file_close(f);
    fixture_wait(x, &s.done);
    fixture_wait(x, &w.done);
    fixture_wait(x, &r.done);
    assert_int_equal(w.result, 4);
    assert_int_equal(r.result, 0);
    assert_int_equal(s.result, 0);
    assert_int_equal(w.n_calls + r.n_calls + s.n_calls, 3);
}

static void on_close_inside(struct file_io *io, int64_t result)
{
    assert_int_equal(result, 1);
    file_close(io->file);
    *(bool *)io->data = true;
}

static void test_close_inside_a_callback(void **state)
{
    struct fixture *x = *state;
    struct file *f = open_file(x, "a", FILE_WRITE | FILE_CREATE);
    struct file_io io;
    bool done = false;

    file_write(f, &io, "x", 1, 0, false, on_close_inside, &done);
    fixture_wait(x, &done);
}

/* ---- the test door --------------------------------------------------------
 */

struct hold_story {
    struct file_io io[4];
    char order[8];
    unsigned n;
    bool done;
};

static void on_hold(struct file_io *io, int64_t result)
{
    struct hold_story *s = io->data;

    assert_true(result >= 0);
    s->order[s->n++] = (char)('0' + (io - s->io));
    s->done = s->n == 4;
}

/* Turn until so many completions are held back: then the device is done with
 * them, however slow it is. */
static void wait_held(struct fixture *x, unsigned n)
{
    struct queue *q, *tmp;
    unsigned held = 0, tries = WAIT_MS;

    while (held != n) {
        assert_true(tries-- > 0);
        fixture_run_ms(x, 1);
        held = 0;
        QUEUE_FOREACH(q, tmp, &sys_of(x->e)->io_held)
        {
            held++;
        }
    }
}

static void test_hold_keeps_durable_completions_back(void **state)
{
    struct fixture *x = *state;
    struct file *f = open_file(x, "a", FILE_READ | FILE_WRITE | FILE_CREATE);
    struct hold_story s = {.n = 0};
    struct call plain = {.done = false};

    file_hold_durable(x->e, true);
    file_write(f, &s.io[0], "a", 1, 0, true, on_hold, &s);
    file_write(f, &plain.io, "p", 1, 9, false, on_call, &plain);
    fixture_wait(x, &plain.done); /* others pass */
    /* The bytes are there; only the news of it is held. */
    for (char got = 0; got != 'a';) {
        read_now(x, f, &got, 1, 0);
    }
    file_sync(f, &s.io[1], on_hold, &s);
    wait_held(x, 2);
    assert_int_equal(s.n, 0);
    file_hold_durable(x->e, false);
    assert_int_equal(s.n, 0); /* never inside the call */
    file_write(f, &s.io[2], "b", 1, 1, true, on_hold, &s);
    file_sync(f, &s.io[3], on_hold, &s);
    fixture_wait(x, &s.done);
    file_close(f);
    /* What came later is behind what was held, also after the release. */
    assert_string_equal(s.order, "0123");
}

static void test_free_releases_what_is_held(void **state)
{
    struct fixture *x = *state;
    struct env_system_options o = {.io_engine = engine_name,
                                   .trace_level = TRACE_LEVELS};
    struct call c = {.done = false};
    struct env *e;
    struct file *f;

    assert_int_equal(env_system_new(&o, &e, NULL), 0);
    assert_int_equal(file_open(e, fixture_path(x, "held"),
                               FILE_WRITE | FILE_CREATE, &f, NULL),
                     0);
    file_hold_durable(e, true);
    file_write(f, &c.io, "x", 1, 0, true, on_call, &c);
    file_close(f);
    env_system_free(e);
    assert_int_equal(c.n_calls, 1);
}

static void test_unsafe_no_flush_still_answers(void **state)
{
    struct fixture *x = *state;
    char trace[600];
    struct env_system_options o = {.io_engine = engine_name,
                                   .trace_level = TRACE_WARN,
                                   .trace_path = trace,
                                   .unsafe_no_flush = true};
    struct call w = {.done = false}, s = {.done = false};
    struct env *e;
    struct file *f;
    char *text;
    size_t len;

    snprintf(trace, sizeof trace, "%s/trace", x->dir);
    assert_int_equal(env_system_new(&o, &e, NULL), 0);
    assert_int_equal(
        file_open(e, fixture_path(x, "u"), FILE_WRITE | FILE_CREATE, &f, NULL),
        0);
    file_write(f, &w.io, "x", 1, 0, true, on_call, &w);
    file_sync(f, &s.io, on_call, &s);
    assert_int_equal(env_system_run_until(e, &s.done, WAIT_MS), 0);
    assert_true(w.done);
    s = (struct call){.done = false};
    file_sync(f, &s.io, on_call, &s);
    assert_false(s.done);
    assert_int_equal(env_system_run_until(e, &s.done, WAIT_MS), 0);
    file_close(f);
    env_system_free(e);
    assert_int_equal(env_read_file(x->e, trace, 65536, &text, &len, NULL), 0);
    assert_non_null(strstr(text, "unsafe_no_flush"));
    mem_free(env_mem(x->e), text);
}

static bool marked(const char *path, bool dir)
{
    return !dir && strstr(path, "marked") != NULL;
}

/* A pipe cannot be flushed: whoever is flushed says so, whoever is left out
 * does not. */
static void test_unsafe_no_flush_of_some_files_only(void **state)
{
    struct fixture *x = *state;
    struct env_system_options o = {.io_engine = engine_name,
                                   .trace_level = TRACE_ERROR,
                                   .trace_path = "/dev/null",
                                   .unsafe_no_flush = true,
                                   .unsafe_no_flush_of = marked};
    static const char *const names[] = {"marked", "other"};
    struct env *e;

    assert_int_equal(env_system_new(&o, &e, NULL), 0);
    for (int flushed = 0; flushed < 2; flushed++) {
        struct call s = {.done = false};
        struct file *f;
        struct bfile *b;
        const char *path = fixture_path(x, names[flushed]);
        assert_int_equal(mkfifo(path, 0600), 0);
        unsigned rw = FILE_READ | FILE_WRITE;
        assert_int_equal(file_open(e, path, rw, &f, NULL), 0);
        assert_int_equal(bfile_open(e, path, rw, &b, NULL), 0);
        file_sync(f, &s.io, on_call, &s);
        assert_int_equal(env_system_run_until(e, &s.done, WAIT_MS), 0);
        assert_int_equal(s.result < 0, flushed);
        assert_int_equal(bfile_sync(b) < 0, flushed);
        bfile_close(b);
        file_close(f);
    }
    env_system_free(e);
}

/* ---- full disk ------------------------------------------------------------
 */

static void test_full_disk_is_nospace(void **state)
{
    struct fixture *x = *state;
    static uint8_t data[1 << 16];
    char mount_dir[700];
    struct file *f;
    int64_t n = 0;

    snprintf(mount_dir, sizeof mount_dir, "%s/small", x->dir);
    assert_int_equal(env_mkdir(x->e, mount_dir), 0);
    if (mount("none", mount_dir, "tmpfs", 0, "size=1m") != 0) {
        print_message("full disk: mounting a tmpfs is not permitted here\n");
        skip();
    }
    f = open_file(x, "small/a", FILE_WRITE | FILE_CREATE);
    for (uint64_t offset = 0; offset < (4 << 20) && n >= 0;
         offset += sizeof data) {
        n = write_now(x, f, data, sizeof data, offset, true);
    }
    file_close(f);
    fixture_run_ms(x, 1);
    assert_int_equal(umount(mount_dir), 0);
    assert_int_equal(n, ERR_NOSPACE);
}

/* A write that the kernel cuts short (here at the file size limit). */
static void test_short_write_is_io(void **state)
{
    struct fixture *x = *state;
    struct rlimit before, small = {6000, 6000};
    struct file *f = open_file(x, "a", FILE_WRITE | FILE_CREATE);
    static uint8_t data[8192];
    int64_t n;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small.rlim_max = before.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    n = write_now(x, f, data, sizeof data, 0, false);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(n, ERR_IO);
    file_close(f);
}

#define FILE_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FILE_TEST(test_write_read_sync),
        FILE_TEST(test_read_past_the_end_is_short),
        FILE_TEST(test_open_errors_name_the_path),
        FILE_TEST(test_foreign_error_is_io),
        FILE_TEST(test_direct_io),
        FILE_TEST(test_direct_io_refused_falls_back),
        FILE_TEST(test_many_in_flight),
        FILE_TEST(test_many_done_at_once),
        FILE_TEST(test_a_turn_each),
        FILE_TEST(test_sync_waits_for_earlier_writes),
        FILE_TEST(test_close_loses_no_callback),
        FILE_TEST(test_close_inside_a_callback),
        FILE_TEST(test_hold_keeps_durable_completions_back),
        FILE_TEST(test_free_releases_what_is_held),
        FILE_TEST(test_unsafe_no_flush_still_answers),
        FILE_TEST(test_unsafe_no_flush_of_some_files_only),
        FILE_TEST(test_full_disk_is_nospace),
        FILE_TEST(test_short_write_is_io),
    };
    struct env_system_options o = {.io_engine = "io_uring",
                                   .trace_level = TRACE_LEVELS};
    struct err err = {""};
    struct env *e;
    int failed = 0;

    engine_name = "threads";
    failed += cmocka_run_group_tests_name("threads", tests, NULL, NULL);
    if (env_system_new(&o, &e, &err) != 0) {
        print_message("io_uring: skipped: %s\n", err.text);
        return failed;
    }
    env_system_free(e);
    engine_name = "io_uring";
    failed += cmocka_run_group_tests_name("io_uring", tests, NULL, NULL);
    return failed;
}
