/* The journal on real files, by both engines: a process appends and ends
 * without a word; the next one finds what was reported durable. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/crc32c.h"
#include "env/file.h"
#include "env/system.h"
#include "storage/journal.h"

#define N_ENTRIES 200u
#define WAIT_MS   20000

static uint8_t noise[1 << 20];
static char dir[512];

struct run {
    struct env *e;
    struct chunk_pool *pool;
    struct journal *j;
    struct recovery *r;
    uint64_t durable, want;
    bool reached;
    bool closed;
};

static void on_durable(void *arg, uint64_t seq)
{
    struct run *x = arg;
    x->durable = seq;
    x->reached = seq >= x->want;
}

static void on_closed(void *arg)
{
    *(bool *)arg = true;
}

/* False: this engine is not to be had here. */
static bool run_open(struct run *x, const char *engine)
{
    struct err err = {""};
    struct env_system_options o = {
        .io_engine = engine, .trace_level = TRACE_LEVELS, .name = "test"};
    *x = (struct run){0};
    int rv = env_system_new(&o, &x->e, &err);
    if (rv == ERR_INVALID) {
        return false;
    }
    assert_int_equal(rv, 0);
    assert_int_equal(chunk_pool_new(&x->pool, env_mem(x->e), 64u << 20), 0);
    struct journal_options jo = {.dir = dir,
                                 .bytes_max = 4u << 20,
                                 .file_bytes = 1u << 20,
                                 .pool = x->pool};
    if (journal_open(x->e, &jo, &x->j, &x->r, &err) != 0) {
        fail_msg("%s", err.text);
    }
    journal_listen(x->j, on_durable, NULL, x);
    return true;
}

static void run_close(struct run *x)
{
    recovery_free(x->r);
    journal_close(x->j, on_closed, &x->closed);
    assert_int_equal(env_system_run_until(x->e, &x->closed, WAIT_MS), 0);
    chunk_pool_free(x->pool);
    env_system_free(x->e);
}

static struct entry entry_at(uint64_t i)
{
    size_t len = 1 + i * 37 % 9000;
    const uint8_t *data = noise + i * 512;
    return (struct entry){.index = i + 3,
                          .term = 1,
                          .base_offset = (int64_t)i,
                          .next_offset = (int64_t)i + 1,
                          .chain = i,
                          .crc = crc32c(data, len),
                          .kind = ENTRY_RECORDS,
                          .payload = {NULL, data, len}};
}

/* In a process of its own: append, wait, vanish. */
static void writer(const char *engine)
{
    struct run x;
    struct journal_open_info info = {
        .group = 7, .base = {.index = 2, .term = 1}, .membership_id = 9};
    if (!run_open(&x, engine)) {
        _exit(2);
    }
    assert_int_equal(journal_group_open(x.j, &info, NULL), 0);
    for (uint64_t i = 0; i < N_ENTRIES; i++) {
        struct entry e = entry_at(i);
        struct entry *list = &e;
        assert_int_equal(journal_append(x.j, 7, &list, 1, &x.want), 0);
        if (i % 16 == 15) {
            x.reached = journal_durable(x.j) >= x.want;
            assert_int_equal(env_system_run_until(x.e, &x.reached, WAIT_MS), 0);
        }
    }
    assert_int_equal(journal_hard(x.j, 7, 5, 9, &x.want), 0);
    x.reached = false;
    assert_int_equal(env_system_run_until(x.e, &x.reached, WAIT_MS), 0);
    _exit(0);
}

static int remove_cb(void *arg, const char *name, bool is_dir)
{
    const char **at = arg;
    char path[1024];
    (void)is_dir;
    snprintf(path, sizeof path, "%s/%s", at[0], name);
    return unlink(path);
}

static void check(const char *engine, bool clean)
{
    struct run x;
    assert_true(run_open(&x, engine));
    assert_int_equal(x.r->clean, clean);
    assert_int_equal(x.r->torn_bytes, 0);
    assert_int_equal(x.r->n_groups, 1);
    const struct recovered_group *g = &x.r->groups[0];
    assert_int_equal(g->open.group, 7);
    assert_int_equal(g->term, 5);
    assert_int_equal(g->vote, 9);
    assert_false(g->damaged);
    assert_int_equal(g->tail.n, N_ENTRIES);
    for (uint64_t i = 0; i < N_ENTRIES; i++) {
        struct entry want = entry_at(i);
        const struct entry *e = tail_find(&g->tail, i + 3);
        assert_true(
            slice_equal(bytes_slice(e->payload), bytes_slice(want.payload)));
    }
    run_close(&x);
}

static void run_engine(const char *engine)
{
    const char *tmp = getenv("TMPDIR");
    int status;
    snprintf(dir, sizeof dir, "%s/test_journal.XXXXXX",
             tmp != NULL ? tmp : ".");
    assert_non_null(mkdtemp(dir));
    for (size_t i = 0; i < sizeof noise; i++) {
        noise[i] = (uint8_t)(i * 2654435761u >> 13);
    }
    pid_t pid = fork();
    if (pid == 0) {
        writer(engine);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    bool there = WEXITSTATUS(status) != 2;
    if (there) {
        assert_int_equal(WEXITSTATUS(status), 0);
        check(engine, false);
        check(engine, true);
    }
    struct env *e;
    struct env_system_options o = {.io_engine = "threads",
                                   .trace_level = TRACE_LEVELS};
    char path[600];
    const char *at = path;
    snprintf(path, sizeof path, "%s/journal", dir);
    assert_int_equal(env_system_new(&o, &e, NULL), 0);
    int rv = env_list_dir(e, path, remove_cb, &at);
    assert_true(rv == 0 || rv == ERR_NOTFOUND);
    rmdir(path);
    assert_int_equal(rmdir(dir), 0);
    env_system_free(e);
    if (!there) {
        print_message("2026-11-21: no %s on this machine\n", engine);
        skip();
    }
}

static void test_threads(void **state)
{
    (void)state;
    run_engine("threads");
}

static void test_uring(void **state)
{
    (void)state;
    run_engine("io_uring");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_uring),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
