/* What both doors must do alike: every test runs on the simulated one and on
 * the system's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "env/file.h"
#include "env/sim.h"
#include "env/system.h"

/* Nothing takes longer than this. */
#define WAIT_MS 20000

struct door {
    struct env *e;
    struct sim *sim; /* NULL: the system's */
    char dir[512];
    char path[1024];
};

static void start_nothing(struct env *e, void *arg)
{
    (void)e;
    (void)arg;
}

static int door_open_sim(void **state)
{
    struct door *d = calloc(1, sizeof *d);
    struct sim_options o = {.seed = 1,
                            .disk_min_us = 10,
                            .disk_max_us = 500,
                            .net_min_us = 10,
                            .net_max_us = 500};

    d->sim = sim_new(&o);
    snprintf(d->dir, sizeof d->dir, "/scratch");
    *state = d;
    if (sim_node_start(d->sim, 1, "a", sim_disk_new(d->sim, 1), start_nothing,
                       NULL, &d->e) != 0) {
        return -1;
    }
    return env_mkdir(d->e, d->dir);
}

static int door_open_system(void **state)
{
    struct door *d = calloc(1, sizeof *d);
    const char *tmp = getenv("TMPDIR");
    struct env_system_options o = {.io_engine = "auto",
                                   .trace_level = TRACE_LEVELS};

    snprintf(d->dir, sizeof d->dir, "%s/test_doors.XXXXXX",
             tmp != NULL ? tmp : ".");
    *state = d;
    if (mkdtemp(d->dir) == NULL) {
        return -1;
    }
    return env_system_new(&o, &d->e, NULL);
}

static int remove_one(void *arg, const char *name, bool dir)
{
    struct door *d = arg;

    snprintf(d->path, sizeof d->path, "%s/%s", d->dir, name);
    return dir ? env_rmdir(d->e, d->path) : env_unlink(d->e, d->path);
}

static int door_close(void **state)
{
    struct door *d = *state;
    int rc = env_list_dir(d->e, d->dir, remove_one, d);

    rc = rc == 0 ? env_rmdir(d->e, d->dir) : rc;
    if (d->sim != NULL) {
        sim_free(d->sim);
    } else {
        env_system_free(d->e);
    }
    free(d);
    return rc;
}

static void run_until(struct door *d, const bool *flag)
{
    if (d->sim != NULL) {
        sim_run_until(d->sim, sim_now_us(d->sim) + WAIT_MS * 1000, flag);
    } else {
        (void)env_system_run_until(d->e, flag, WAIT_MS);
    }
    assert_true(*flag);
}

/* Valid until the next call. */
static const char *at(struct door *d, const char *name)
{
    snprintf(d->path, sizeof d->path, "%s/%s", d->dir, name);
    return d->path;
}

/* ---- turns ----------------------------------------------------------------
 */

struct order {
    struct door *d;
    struct env_timer timers[3];
    struct env_turn hooks[2];
    struct env_job jobs[2];
    char text[64];
    bool done;
};

static void order_say(struct order *x, char c)
{
    size_t n = strlen(x->text);

    assert_true(n + 1 < sizeof x->text);
    x->text[n] = c;
    x->text[n + 1] = '\0';
}

static void order_hook(struct env_turn *t)
{
    struct order *x = t->data;

    order_say(x, t->order == ENV_TURN_CLIENTS ? 'c' : 'j');
    x->done = t->order == ENV_TURN_CLIENTS;
}

static void order_timer(struct env_timer *t)
{
    struct order *x = t->data;

    order_say(x, (char)('0' + (t - x->timers)));
    assert_false(env_timer_active(t));
    if (t == &x->timers[0]) {
        env_timer_stop(x->d->e, &x->timers[1]);
        env_turn_request(x->d->e, &x->hooks[1]);
        env_turn_request(x->d->e, &x->hooks[0]);
        env_turn_request(x->d->e, &x->hooks[1]);
    }
}

static void test_turns(void **state)
{
    struct door *d = *state;
    struct order x = {.d = d};
    uint64_t now = env_now_ms(d->e);

    for (unsigned i = 0; i < 3; i++) {
        env_timer_init(&x.timers[i], order_timer, &x);
    }
    env_turn_init(&x.hooks[0], ENV_TURN_JOURNAL, order_hook, &x);
    env_turn_init(&x.hooks[1], ENV_TURN_CLIENTS, order_hook, &x);
    env_timer_start(d->e, &x.timers[0], now + 20);
    env_timer_start(d->e, &x.timers[1], now + 30);
    env_timer_start(d->e, &x.timers[2], now + 10);
    run_until(d, &x.done);
    assert_string_equal(x.text, "20jc");
    assert_true(env_now_ms(d->e) >= now + 20);
}

static void order_run(struct env_job *j)
{
    assert_non_null(j->data);
}

static void order_job_done(struct env_job *j)
{
    struct order *x = j->data;

    order_say(x, j == &x->jobs[0] ? 'a' : 'b');
    x->done = j == &x->jobs[1];
}

static void test_jobs(void **state)
{
    struct door *d = *state;
    struct order x = {.d = d};

    for (unsigned i = 0; i < 2; i++) {
        env_job_submit(d->e, ENV_THREAD_WORK, &x.jobs[i], order_run,
                       order_job_done, &x);
    }
    assert_string_equal(x.text, "");
    run_until(d, &x.done);
    assert_string_equal(x.text, "ab");
}

/* ---- files ----------------------------------------------------------------
 */

struct op {
    struct file_io io;
    bool done;
    int64_t result;
};

static void op_cb(struct file_io *io, int64_t result)
{
    struct op *op = io->data;

    op->result = result;
    op->done = true;
}

static void test_file(void **state)
{
    struct door *d = *state;
    _Alignas(FILE_ALIGN) static char block[2 * FILE_ALIGN];
    struct file *f;
    struct op op = {.done = false};
    struct err err = {""};

    assert_int_equal(file_open(d->e, at(d, "f"), FILE_READ, &f, &err),
                     ERR_NOTFOUND);
    assert_non_null(strstr(err.text, d->path));
    assert_int_equal(file_open(d->e, at(d, "f"),
                               FILE_READ | FILE_WRITE | FILE_CREATE, &f, NULL),
                     0);
    assert_string_equal(file_path(f), d->path);
    memset(block, 'x', FILE_ALIGN);
    assert_int_equal(
        file_write(f, &op.io, block, FILE_ALIGN, 0, true, op_cb, &op), 0);
    assert_false(op.done);
    run_until(d, &op.done);
    assert_int_equal(op.result, FILE_ALIGN);
    op.done = false;
    assert_int_equal(file_sync(f, &op.io, op_cb, &op), 0);
    run_until(d, &op.done);
    assert_int_equal(op.result, 0);
    op.done = false;
    assert_int_equal(file_read(f, &op.io, block, sizeof block, 100, op_cb, &op),
                     0);
    run_until(d, &op.done);
    assert_int_equal(op.result, FILE_ALIGN - 100);
    op.done = false;
    assert_int_equal(
        file_read(f, &op.io, block, sizeof block, 9999, op_cb, &op), 0);
    file_close(f); /* waits for it */
    run_until(d, &op.done);
    assert_int_equal(op.result, 0);
    assert_int_equal(file_open(d->e, at(d, "f"),
                               FILE_WRITE | FILE_CREATE | FILE_EXCL, &f, NULL),
                     ERR_EXISTS);
    assert_int_equal(file_open(d->e, d->dir, FILE_READ, &f, NULL), ERR_IO);
}

static void test_bfile(void **state)
{
    struct door *d = *state;
    struct bfile *f;
    char text[32] = "";
    uint64_t size;
    size_t n;

    assert_int_equal(bfile_open(d->e, at(d, "f"),
                                FILE_READ | FILE_WRITE | FILE_CREATE, &f, NULL),
                     0);
    assert_int_equal(bfile_write(f, "0123456789", 10, 5), 0);
    assert_int_equal(bfile_read(f, text, sizeof text, 0, &n), 0);
    assert_int_equal(n, 15);
    assert_memory_equal(text,
                        "\0\0\0\0\0"
                        "0123456789",
                        15);
    assert_int_equal(bfile_read(f, text, sizeof text, 15, &n), 0);
    assert_int_equal(n, 0);
    assert_int_equal(bfile_truncate(f, 7), 0);
    assert_int_equal(bfile_truncate(f, 9), 0);
    assert_int_equal(bfile_size(f, &size), 0);
    assert_int_equal(size, 9);
    assert_int_equal(bfile_sync(f), 0);
    assert_int_equal(bfile_drop_cache(f), 0);
    assert_int_equal(bfile_read(f, text, sizeof text, 5, &n), 0);
    assert_int_equal(n, 4);
    assert_memory_equal(text, "01\0\0", 4);
    bfile_close(f);
    assert_int_equal(
        bfile_open(d->e, at(d, "f"), FILE_WRITE | FILE_TRUNC, &f, NULL), 0);
    assert_int_equal(bfile_size(f, &size), 0);
    assert_int_equal(size, 0);
    bfile_close(f);
}

static int list_cb(void *arg, const char *name, bool dir)
{
    strcat(arg, name);
    strcat(arg, dir ? "/ " : " ");
    return strcmp(name, "stop") == 0 ? 7 : 0;
}

static void test_names(void **state)
{
    struct door *d = *state;
    char from[1024], text[64] = "";
    bool dir;
    uint64_t size;

    assert_int_equal(env_mkdir(d->e, at(d, "d")), 0);
    assert_int_equal(env_mkdir(d->e, at(d, "d")), ERR_EXISTS);
    assert_int_equal(env_mkdir(d->e, at(d, "no/d")), ERR_NOTFOUND);
    assert_int_equal(env_write_file(d->e, at(d, "b"), slice_str("bb"), NULL),
                     0);
    assert_int_equal(env_write_file(d->e, at(d, "d/x"), slice_str(""), NULL),
                     0);
    assert_int_equal(env_list_dir(d->e, d->dir, list_cb, text), 0);
    assert_string_equal(text, "b d/ ");
    assert_int_equal(env_rmdir(d->e, at(d, "d")), ERR_EXISTS);
    assert_int_equal(env_unlink(d->e, at(d, "d")), ERR_IO);
    assert_int_equal(env_rmdir(d->e, at(d, "b")), ERR_IO);
    assert_int_equal(env_unlink(d->e, at(d, "zzz")), ERR_NOTFOUND);
    assert_int_equal(env_stat(d->e, at(d, "b"), &dir, &size), 0);
    assert_false(dir);
    assert_int_equal(size, 2);
    assert_int_equal(env_stat(d->e, at(d, "zzz"), NULL, NULL), ERR_NOTFOUND);
    snprintf(from, sizeof from, "%s", at(d, "d/x"));
    assert_int_equal(env_rename(d->e, from, at(d, "stop")), 0);
    assert_int_equal(env_rename(d->e, from, at(d, "stop")), ERR_NOTFOUND);
    assert_int_equal(env_sync_dir(d->e, d->dir), 0);
    assert_int_equal(env_sync_dir(d->e, at(d, "zzz")), ERR_NOTFOUND);
    assert_int_equal(env_sync_dir(d->e, at(d, "b")), ERR_IO);
    assert_int_equal(env_list_dir(d->e, d->dir, list_cb, text), 7);
    assert_int_equal(env_list_dir(d->e, at(d, "zzz"), list_cb, text),
                     ERR_NOTFOUND);
    assert_int_equal(env_rmdir(d->e, at(d, "d")), 0);
}

static void test_small_files(void **state)
{
    struct door *d = *state;
    char *text;
    size_t len;

    assert_int_equal(env_write_file(d->e, at(d, "s"), slice_str("one"), NULL),
                     0);
    assert_int_equal(env_write_file(d->e, at(d, "s"), slice_str("two"), NULL),
                     0);
    assert_int_equal(env_read_file(d->e, at(d, "s"), 3, &text, &len, NULL), 0);
    assert_int_equal(len, 3);
    assert_string_equal(text, "two");
    mem_free(env_mem(d->e), text);
    assert_int_equal(env_read_file(d->e, at(d, "s"), 2, &text, &len, NULL),
                     ERR_TOOBIG);
    assert_int_equal(env_stat(d->e, at(d, "s.tmp"), NULL, NULL), ERR_NOTFOUND);
}

/* ---- streams --------------------------------------------------------------
 */

struct talk {
    struct door *d;
    struct env_listener *listener;
    struct env_stream *client, *server;
    struct env_write write;
    uint8_t in[64];
    size_t in_len, pause_at;
    bool connected, accepted, got, written, ended, closed;
    int status, end_status;
};

static void talk_give(struct env_stream *s, void *data, uint8_t **ret_p,
                      size_t *ret_len)
{
    struct talk *t = data;

    (void)s;
    *ret_p = t->in + t->in_len;
    *ret_len = t->in_len >= t->pause_at ? 0 : 4;
    t->got = *ret_len == 0;
}

static void talk_take(struct env_stream *s, void *data, int status, size_t n)
{
    struct talk *t = data;

    assert_ptr_equal(s, t->server);
    t->in_len += n;
    if (status != 0) {
        t->end_status = status;
        t->ended = true;
    }
}

static void talk_accept(struct env_listener *l, struct env_stream *s,
                        void *data)
{
    struct talk *t = data;

    assert_ptr_equal(l, t->listener);
    t->server = s;
    t->accepted = true;
    env_stream_read_start(s, talk_give, talk_take, t);
}

static void talk_connect(struct env_stream *s, int status, void *data)
{
    struct talk *t = data;

    assert_ptr_equal(s, t->client);
    t->status = status;
    t->connected = true;
}

static void talk_written(struct env_write *w, int status)
{
    struct talk *t = w->data;

    t->status = status;
    t->written = true;
}

static void talk_closed(void *data)
{
    ((struct talk *)data)->closed = true;
}

static void talk_close(struct talk *t, struct env_stream *s)
{
    t->closed = false;
    env_stream_close(s, talk_closed, t);
    assert_false(t->closed);
    run_until(t->d, &t->closed);
}

static void talk_dial(struct talk *t, unsigned port)
{
    t->connected = false;
    assert_int_equal(env_connect(t->d->e, "127.0.0.1", port, 5000, talk_connect,
                                 t, &t->client),
                     0);
    assert_false(t->connected);
}

static void test_streams(void **state)
{
    struct talk t = {.d = *state, .pause_at = 8};
    struct slice slices[] = {slice_str("hello "), slice_of(NULL, 0),
                             slice_str("world")};
    struct env_listener *other;
    unsigned port;
    struct err err = {""};

    assert_int_equal(
        env_listen(t.d->e, "127.0.0.1", 0, talk_accept, &t, &t.listener, &err),
        0);
    port = env_listener_port(t.listener);
    assert_int_not_equal(port, 0);
    assert_int_equal(
        env_listen(t.d->e, "127.0.0.1", port, talk_accept, &t, &other, &err),
        ERR_EXISTS);
    talk_dial(&t, port);
    assert_int_equal(
        env_stream_write(t.client, &t.write, slices, 3, talk_written, &t),
        ERR_CLOSED); /* not connected yet */
    run_until(t.d, &t.connected);
    assert_int_equal(t.status, 0);
    assert_int_equal(
        env_stream_write(t.client, &t.write, slices, 3, talk_written, &t), 0);
    assert_false(t.written);
    assert_int_equal(env_stream_unwritten(t.client), 11);
    run_until(t.d, &t.written);
    assert_int_equal(t.status, 0);
    assert_int_equal(env_stream_unwritten(t.client), 0);
    run_until(t.d, &t.got); /* eight bytes, then no memory was given */
    assert_int_equal(t.in_len, 8);
    t.pause_at = sizeof t.in - 4;
    env_stream_read_resume(t.server);
    talk_close(&t, t.client);
    run_until(t.d, &t.ended);
    assert_int_equal(t.end_status, ERR_EOF);
    assert_int_equal(t.in_len, 11);
    assert_memory_equal(t.in, "hello world", 11);
    talk_close(&t, t.server);
    env_listener_close(t.listener);
    talk_dial(&t, port);
    run_until(t.d, &t.connected);
    assert_int_equal(t.status, ERR_REFUSED);
    talk_close(&t, t.client);
    talk_dial(&t, port);
    talk_close(&t, t.client);
    assert_true(t.connected);
    assert_int_equal(t.status, ERR_CANCELED);
}

#define BOTH(test)                                                             \
    {#test "(sim)", test, door_open_sim, door_close, NULL},                    \
    {                                                                          \
#test "(system)", test, door_open_system, door_close, NULL             \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_turns),   BOTH(test_jobs),  BOTH(test_file),
        BOTH(test_bfile),   BOTH(test_names), BOTH(test_small_files),
        BOTH(test_streams),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
