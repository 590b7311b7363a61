/* Blocking files, names, small files. */
#include "system_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

static int setup(void **state)
{
    static struct fixture x;

    fixture_open(&x, "threads");
    *state = &x;
    return 0;
}

static int teardown(void **state)
{
    fixture_close(*state);
    return 0;
}

static struct bfile *open_bfile(struct fixture *x, const char *name,
                                unsigned flags)
{
    struct err err = {""};
    struct bfile *f;

    if (bfile_open(x->e, fixture_path(x, name), flags, &f, &err) != 0) {
        fail_msg("%s", err.text);
    }
    return f;
}

static void test_write_read_truncate(void **state)
{
    struct fixture *x = *state;
    struct bfile *f = open_bfile(x, "a", FILE_READ | FILE_WRITE | FILE_CREATE);
    char got[32] = "";
    uint64_t size;
    size_t n;

    assert_int_equal(bfile_write(f, "0123456789", 10, 5), 0);
    assert_int_equal(bfile_sync(f), 0);
    assert_int_equal(bfile_size(f, &size), 0);
    assert_int_equal(size, 15);
    assert_int_equal(bfile_read(f, got, sizeof got, 10, &n), 0);
    assert_int_equal(n, 5);
    assert_memory_equal(got, "56789", 5);
    assert_int_equal(bfile_read(f, got, sizeof got, 15, &n), 0);
    assert_int_equal(n, 0);
    assert_int_equal(bfile_truncate(f, 3), 0);
    assert_int_equal(bfile_size(f, &size), 0);
    assert_int_equal(size, 3);
    assert_int_equal(bfile_drop_cache(f), 0);
    assert_int_equal(bfile_read(f, got, 1, 0, &n), 0);
    assert_int_equal(n, 1);
    bfile_close(f);
}

static void test_allocate_reserves(void **state)
{
    struct fixture *x = *state;
    struct bfile *f = open_bfile(x, "a", FILE_WRITE | FILE_CREATE);
    uint64_t size;
    int rc = bfile_allocate(f, 0, 1 << 20);

    if (rc == ERR_UNSUPPORTED) {
        bfile_close(f);
        print_message("fallocate: not supported by TMPDIR\n");
        skip();
    }
    assert_int_equal(rc, 0);
    assert_int_equal(bfile_size(f, &size), 0);
    assert_int_equal(size, 1 << 20);
    bfile_close(f);
}

static void test_flags(void **state)
{
    struct fixture *x = *state;
    struct bfile *f = open_bfile(x, "a", FILE_WRITE | FILE_CREATE | FILE_EXCL);
    struct err err = {""};
    char got[4];
    uint64_t size;
    size_t n;

    assert_int_equal(bfile_write(f, "x", 1, 0), 0);
    assert_int_equal(bfile_read(f, got, 1, 0, &n), ERR_IO);
    bfile_close(f);
    assert_int_equal(bfile_open(x->e, fixture_path(x, "a"),
                                FILE_WRITE | FILE_CREATE | FILE_EXCL, &f, &err),
                     ERR_EXISTS);
    assert_non_null(strstr(err.text, x->path));
    f = open_bfile(x, "a", FILE_WRITE | FILE_TRUNC);
    assert_int_equal(bfile_size(f, &size), 0);
    assert_int_equal(size, 0);
    bfile_close(f);
    assert_int_equal(
        bfile_open(x->e, fixture_path(x, "b"), FILE_READ, &f, &err),
        ERR_NOTFOUND);
    assert_int_equal(bfile_open(x->e, x->dir, FILE_READ, &f, &err), ERR_IO);
}

/* ---- lock -----------------------------------------------------------------
 */

/* A child that locks `path`, says so, and holds the lock until it may go. */
static pid_t child_locks(const char *path, int may_go[2])
{
    int said[2];
    char c;

    assert_int_equal(pipe(said), 0);
    assert_int_equal(pipe(may_go), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(may_go[1]);
        int fd = open(path, O_RDWR | O_CLOEXEC);
        int rc = fd < 0 ? -1 : flock(fd, LOCK_EX | LOCK_NB);
        ssize_t n = write(said[1], rc == 0 ? "y" : "n", 1);
        n += read(may_go[0], &c, 1);
        _exit(n < 1);
    }
    close(said[1]);
    assert_int_equal(read(said[0], &c, 1), 1);
    assert_int_equal(c, 'y');
    close(said[0]);
    close(may_go[0]);
    return pid;
}

static void test_lock_of_another_process_is_busy(void **state)
{
    struct fixture *x = *state;
    struct bfile *f = open_bfile(x, "lock", FILE_WRITE | FILE_CREATE);
    int may_go[2];
    pid_t pid = child_locks(fixture_path(x, "lock"), may_go);
    int status;

    assert_int_equal(bfile_lock(f), ERR_BUSY);
    close(may_go[1]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(bfile_lock(f), 0);
    assert_int_equal(bfile_lock(f), 0); /* ours already */
    bfile_close(f);
}

/* Who holds it lets go soon. */
static void test_lock_waits_a_moment(void **state)
{
    struct fixture *x = *state;
    struct bfile *f = open_bfile(x, "lock", FILE_WRITE | FILE_CREATE);
    int may_go[2], status;
    pid_t pid = child_locks(fixture_path(x, "lock"), may_go);
    pid_t waker = fork();

    assert_true(waker >= 0);
    if (waker == 0) {
        usleep(100000);
        _exit(0); /* the other end of may_go was closed by the test */
    }
    close(may_go[1]);
    assert_int_equal(bfile_lock(f), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(waitpid(waker, &status, 0), waker);
    bfile_close(f);
}

/* The number of our descriptor of a file. */
static int descriptor_of(const char *path)
{
    char name[64], link[1024];
    char *whole = realpath(path, NULL);

    assert_non_null(whole);
    for (int fd = 3; fd < 1024; fd++) {
        snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
        ssize_t n = readlink(name, link, sizeof link - 1);
        link[n > 0 ? n : 0] = '\0';
        if (strcmp(link, whole) == 0) {
            free(whole);
            return fd;
        }
    }
    fail_msg("%s is not open", path);
    return -1;
}

static bool lock_is_free(const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    int rc = flock(fd, LOCK_EX | LOCK_NB);

    assert_true(fd >= 0 && (rc == 0 || errno == EWOULDBLOCK));
    close(fd);
    return rc == 0;
}

/* A process that is killed loses its descriptors while its writes may still be
 * in the kernel: the ring, which lives as long as they, has the lock. */
static void test_lock_outlives_the_descriptor(void **state)
{
    struct fixture *x = *state;
    struct env_system_options o = {.io_engine = "io_uring",
                                   .trace_level = TRACE_LEVELS};
    const char *path = fixture_path(x, "lock");
    struct err err = {""};
    struct bfile *f;
    struct env *e;

    if (env_system_new(&o, &e, &err) != 0) {
        print_message("io_uring: skipped: %s\n", err.text);
        skip();
    }
    assert_int_equal(bfile_open(e, path, FILE_WRITE | FILE_CREATE, &f, NULL),
                     0);
    assert_int_equal(bfile_lock(f), 0);
    assert_int_equal(bfile_lock(f), 0);
    int fd = descriptor_of(path);
    int other = open("/dev/null", O_RDWR | O_CLOEXEC);
    assert_int_equal(dup2(other, fd), fd); /* what exiting does to it */
    close(other);
    assert_false(lock_is_free(path));
    bfile_close(f);
    assert_true(lock_is_free(path));
    env_system_free(e);
}

/* ---- names ----------------------------------------------------------------
 */

struct names {
    char text[256];
    int stop_with;
};

static int on_name(void *arg, const char *name, bool dir)
{
    struct names *n = arg;

    strcat(n->text, name);
    strcat(n->text, dir ? "/ " : " ");
    return n->stop_with;
}

static void touch(struct fixture *x, const char *name)
{
    bfile_close(open_bfile(x, name, FILE_WRITE | FILE_CREATE));
}

static void test_list_is_in_byte_order(void **state)
{
    struct fixture *x = *state;
    struct names n = {.stop_with = 0};

    touch(x, "b");
    touch(x, "\xc3\xa4");
    touch(x, "a10");
    touch(x, "a9");
    touch(x, "Z");
    assert_int_equal(env_mkdir(x->e, fixture_path(x, "dir")), 0);
    assert_int_equal(env_list_dir(x->e, x->dir, on_name, &n), 0);
    assert_string_equal(n.text, "Z a10 a9 b dir/ \xc3\xa4 ");
    n = (struct names){.stop_with = 42};
    assert_int_equal(env_list_dir(x->e, x->dir, on_name, &n), 42);
    assert_string_equal(n.text, "Z ");
    assert_int_equal(env_list_dir(x->e, fixture_path(x, "none"), on_name, &n),
                     ERR_NOTFOUND);
}

static void test_names_change(void **state)
{
    struct fixture *x = *state;
    char a[600], b[600], dir[600];
    uint64_t size = 1;
    bool is_dir = true;

    snprintf(a, sizeof a, "%s/a", x->dir);
    snprintf(b, sizeof b, "%s/b", x->dir);
    snprintf(dir, sizeof dir, "%s/dir", x->dir);
    touch(x, "a");
    assert_int_equal(env_rename(x->e, a, b), 0);
    assert_int_equal(env_stat(x->e, a, NULL, NULL), ERR_NOTFOUND);
    assert_int_equal(env_stat(x->e, b, &is_dir, &size), 0);
    assert_false(is_dir);
    assert_int_equal(size, 0);
    assert_int_equal(env_mkdir(x->e, dir), 0);
    assert_int_equal(env_mkdir(x->e, dir), ERR_EXISTS);
    assert_int_equal(env_stat(x->e, dir, &is_dir, NULL), 0);
    assert_true(is_dir);
    assert_int_equal(env_sync_dir(x->e, x->dir), 0);
    assert_int_equal(env_sync_dir(x->e, a), ERR_NOTFOUND);
    touch(x, "dir/full");
    assert_int_equal(env_rmdir(x->e, dir), ERR_EXISTS);
    assert_int_equal(env_unlink(x->e, fixture_path(x, "dir/full")), 0);
    assert_int_equal(env_rmdir(x->e, dir), 0);
    assert_int_equal(env_unlink(x->e, b), 0);
    assert_int_equal(env_unlink(x->e, b), ERR_NOTFOUND);
}

static void test_disk_free(void **state)
{
    struct fixture *x = *state;
    uint64_t n_free = 0, total = 0;

    assert_int_equal(env_disk_free(x->e, x->dir, &n_free, &total), 0);
    assert_true(total > 0 && n_free <= total);
    assert_int_equal(
        env_disk_free(x->e, fixture_path(x, "none"), &n_free, &total),
        ERR_NOTFOUND);
}

/* ---- small files ----------------------------------------------------------
 */

static void check_file(struct fixture *x, const char *name, const char *text)
{
    char *got;
    size_t len;

    assert_int_equal(
        env_read_file(x->e, fixture_path(x, name), 100, &got, &len, NULL), 0);
    assert_string_equal(got, text);
    assert_int_equal(len, strlen(text));
    mem_free(env_mem(x->e), got);
}

static void test_small_file_is_replaced_whole(void **state)
{
    struct fixture *x = *state;
    struct names n = {.stop_with = 0};
    struct err err = {""};
    char *got;
    size_t len;

    for (unsigned i = 0; i < 2; i++) {
        const char *text = i == 0 ? "first and long" : "second";
        assert_int_equal(
            env_write_file(x->e, fixture_path(x, "id"), slice_str(text), &err),
            0);
        check_file(x, "id", text);
    }
    assert_int_equal(env_list_dir(x->e, x->dir, on_name, &n), 0);
    assert_string_equal(n.text, "id ");
    assert_int_equal(
        env_read_file(x->e, fixture_path(x, "id"), 5, &got, &len, &err),
        ERR_TOOBIG);
    assert_non_null(strstr(err.text, x->path));
    assert_int_equal(
        env_read_file(x->e, fixture_path(x, "none"), 5, &got, &len, &err),
        ERR_NOTFOUND);
}

/* The old content stays whole when the new one cannot be put in its place,
 * and nothing is left beside it. */
static void test_failed_replacement_leaves_no_trace(void **state)
{
    struct fixture *x = *state;
    struct names n = {.stop_with = 0};
    struct err err = {""};

    assert_int_equal(env_mkdir(x->e, fixture_path(x, "id")), 0);
    assert_true(env_write_file(x->e, fixture_path(x, "id"), slice_str("new"),
                               &err) < 0);
    assert_non_null(strstr(err.text, x->path));
    assert_int_equal(env_list_dir(x->e, x->dir, on_name, &n), 0);
    assert_string_equal(n.text, "id/ ");
    assert_int_equal(env_write_file(x->e, fixture_path(x, "none/id"),
                                    slice_str("new"), &err),
                     ERR_NOTFOUND);
}

/* What a crash left under the temporary name does not matter. */
static void test_old_temporary_is_overwritten(void **state)
{
    struct fixture *x = *state;
    struct bfile *f = open_bfile(x, "id.tmp", FILE_WRITE | FILE_CREATE);

    assert_int_equal(bfile_write(f, "garbage, and much of it", 23, 0), 0);
    bfile_close(f);
    assert_int_equal(
        env_write_file(x->e, fixture_path(x, "id"), slice_str("good"), NULL),
        0);
    check_file(x, "id", "good");
}

/* Each allocation fails once: an answer, the directory as before. */
static void test_names_without_memory(void **state)
{
    struct fixture *x = *state;
    struct mem *mem = env_mem(x->e);
    bool fired = true;

    touch(x, "a");
    touch(x, "b");
    for (uint64_t k = 1; fired; k++) {
        struct names n = {.stop_with = 0};
        size_t blocks = mem_blocks(mem);
        mem_fail_at(mem, k, 0);
        int rc = env_list_dir(x->e, x->dir, on_name, &n);
        fired = mem_fail_fired(mem);
        mem_fail_at(mem, 0, 0);
        assert_int_equal(rc, fired ? ERR_NOMEM : 0);
        assert_string_equal(n.text, fired ? "" : "a b ");
        assert_int_equal(mem_blocks(mem), blocks);
    }
}

#define BFILE_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* Neither the disk nor memory is at fault. */
static void test_too_many_files(void **state)
{
    struct fixture *x = *state;
    struct rlimit before, few;
    struct err err = {""};
    struct bfile *f;

    bfile_close(open_bfile(x, "a", FILE_WRITE | FILE_CREATE));
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = before;
    few.rlim_cur = 3;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    int rc = bfile_open(x->e, fixture_path(x, "a"), FILE_READ, &f, &err);
    int dir = env_sync_dir(x->e, x->dir);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(rc, ERR_FULL);
    assert_int_equal(dir, ERR_FULL);
    assert_non_null(strstr(err.text, "open files"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BFILE_TEST(test_write_read_truncate),
        BFILE_TEST(test_allocate_reserves),
        BFILE_TEST(test_flags),
        BFILE_TEST(test_lock_of_another_process_is_busy),
        BFILE_TEST(test_lock_waits_a_moment),
        BFILE_TEST(test_lock_outlives_the_descriptor),
        BFILE_TEST(test_list_is_in_byte_order),
        BFILE_TEST(test_names_change),
        BFILE_TEST(test_disk_free),
        BFILE_TEST(test_small_file_is_replaced_whole),
        BFILE_TEST(test_failed_replacement_leaves_no_trace),
        BFILE_TEST(test_old_temporary_is_overwritten),
        BFILE_TEST(test_names_without_memory),
        BFILE_TEST(test_too_many_files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
