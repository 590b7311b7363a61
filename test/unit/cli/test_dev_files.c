/* The files of a development cluster: made, found again, changed, wiped; and
 * what is said when somebody else had a hand in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <ftw.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/dev_files.h"
#include "cli/ports.h"

static const struct command_option option_dir = {"dir", 0, "D", ""};
static const struct command_option option_set = {"set", 0, "K=V", ""};

struct world {
    char dir[256];
    struct command_call call;
    struct dev d;
    struct err err;
};

/* ---- life ---------------------------------------------------------------- */

static void give(struct world *w, const struct command_option *o,
                 const char *value)
{
    assert_true(w->call.n_given < COMMAND_GIVEN_MAX);
    w->call.given[w->call.n_given++] = (struct command_given){o, value};
}

/* The options of a new call. */
static void call_begin(struct world *w)
{
    w->call.n_given = 0;
    w->err.text[0] = '\0';
    give(w, &option_dir, w->dir);
}

static struct world *begin(void)
{
    struct world *w = calloc(1, sizeof *w);
    const char *tmp = getenv("TMPDIR");
    char cwd[200];
    assert_non_null(w);
    assert_non_null(getcwd(cwd, sizeof cwd));
    snprintf(w->dir, sizeof w->dir, "%s/test_dev_files.XXXXXX",
             tmp != NULL && *tmp == '/' && strlen(tmp) < 200 ? tmp : cwd);
    assert_non_null(mkdtemp(w->dir));
    w->call.mem = mem_new(0);
    assert_non_null(w->call.mem);
    call_begin(w);
    return w;
}

static int remove_one(const char *path, const struct stat *st, int kind,
                      struct FTW *walk)
{
    (void)st;
    (void)kind;
    (void)walk;
    return remove(path);
}

static void end(struct world *w)
{
    mem_free_all(w->call.mem);
    (void)nftw(w->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    assert_int_equal(access(w->dir, F_OK), -1);
    free(w);
}

static int load(struct world *w)
{
    return dev_files_load(&w->d, &w->call, &w->err);
}

static int create(struct world *w, unsigned n, unsigned base_port)
{
    assert_int_equal(load(w), 0);
    assert_int_equal(w->d.n_nodes, 0);
    return dev_files_create(&w->d, n, base_port, &w->err);
}

static void expect_text(const struct world *w, const char *part)
{
    if (strstr(w->err.text, part) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", w->err.text, part);
    }
}

/* ---- files --------------------------------------------------------------- */

static void put_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static const char *file_text(const char *path)
{
    static char text[8192];
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = '\0';
    return text;
}

static unsigned lines_with(const char *path, const char *part)
{
    const char *p = file_text(path);
    unsigned n = 0;
    while ((p = strstr(p, part)) != NULL) {
        n++;
        p += strlen(part);
    }
    return n;
}

static const char *properties(struct world *w, int id)
{
    static char path[400];
    snprintf(path, sizeof path, "%s/n%d/ostrakad.properties", w->dir, id);
    return path;
}

/* ---- made and found ------------------------------------------------------ */

static void test_nothing(void **state)
{
    struct world *w = begin();
    (void)state;
    assert_int_equal(load(w), 0);
    assert_int_equal(w->d.n_nodes, 0);
    assert_string_equal(w->d.dir, w->dir);
    assert_null(dev_files_find(&w->d, 1));
    end(w);
}

static void test_made_and_found(void **state)
{
    struct world *w = begin();
    struct dev made;
    (void)state;
    give(w, &option_set, "num.partitions=5");
    assert_int_equal(create(w, 5, 0), 0);
    made = w->d;
    call_begin(w);
    assert_int_equal(load(w), 0);
    assert_int_equal(w->d.n_nodes, 5);
    for (unsigned i = 0; i < 5; i++) {
        struct dev_node *n = dev_files_find(&w->d, i + 1);
        assert_ptr_equal(n, &w->d.nodes[i]);
        assert_int_equal(n->client.port, made.nodes[i].client.port);
        assert_int_equal(n->peer.port, made.nodes[i].peer.port);
        assert_true(n->client.port != 0 && n->peer.port != 0);
        assert_string_equal(n->client.host, "127.0.0.1");
        assert_int_equal(n->pid, 0);
        assert_int_equal(n->state, PROCESS_GONE);
        assert_int_equal(lines_with(n->properties, "num.partitions=5\n"), 1);
        for (unsigned j = 0; j < i; j++) {
            assert_int_not_equal(n->client.port, w->d.nodes[j].client.port);
            assert_int_not_equal(n->peer.port, w->d.nodes[j].peer.port);
        }
    }
    assert_null(dev_files_find(&w->d, 6));
    assert_null(dev_files_find(&w->d, -1));
    end(w);
}

/* Of three that know each other two are here: one is not mounted, or they were
 * not all made. */
static void test_one_missing(void **state)
{
    struct world *w = begin();
    (void)state;
    assert_int_equal(create(w, 3, 0), 0);
    assert_int_equal(load(w), 0);
    assert_int_equal(w->d.n_nodes, 3);
    assert_int_equal(w->d.nodes[0].n_named, 3);
    assert_int_equal(unlink(properties(w, 3)), 0);
    assert_int_equal(load(w), 0);
    assert_int_equal(w->d.n_nodes, 2);
    assert_int_equal(w->d.nodes[0].n_named, 3);
    end(w);
}

/* "--dir D/" and "--dir D" are the same cluster. */
static void test_slashes(void **state)
{
    struct world *w = begin();
    char with[300];
    (void)state;
    assert_int_equal(create(w, 1, 0), 0);
    snprintf(with, sizeof with, "%s//", w->dir);
    give(w, &option_dir, with);
    assert_int_equal(load(w), 0);
    assert_string_equal(w->d.dir, w->dir);
    assert_int_equal(w->d.n_nodes, 1);
    end(w);
}

/* So are "./D", and D through a link; its files and its daemons go by the name
 * that they were made with. */
static void test_other_names(void **state)
{
    struct world *w = begin();
    char link[300], name[400], first[DEV_PATH_MAX + 32];
    (void)state;
    assert_int_equal(create(w, 2, 0), 0);
    snprintf(first, sizeof first, "%s", w->d.nodes[1].properties);
    snprintf(link, sizeof link, "%s/link", w->dir);
    assert_int_equal(symlink(".", link), 0);
    for (unsigned i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "%s%s", w->dir,
                 (const char *const[]){"/.", "/link", "/n1/.."}[i]);
        call_begin(w);
        give(w, &option_dir, name);
        assert_int_equal(load(w), 0);
        assert_int_equal(w->d.n_nodes, 2);
        assert_string_equal(w->d.nodes[1].properties, first);
    }
    end(w);
}

static void test_long_directory(void **state)
{
    struct world *w = begin();
    char path[DEV_PATH_MAX + 10];
    (void)state;
    memset(path, 'd', sizeof path);
    path[0] = '/';
    path[sizeof path - 1] = '\0';
    give(w, &option_dir, path);
    assert_int_equal(load(w), ERR_INVALID);
    expect_text(w, "too long");
    end(w);
}

/* ---- ports --------------------------------------------------------------- */

/* Two free ports in a row, the second of them listened on. */
static int busy_second(unsigned *ret_base)
{
    for (unsigned port = 20000; port < 30000; port++) {
        struct ports p = {.n_taken = 0};
        struct sockaddr_in a = {.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)(port + 1)),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_true(fd >= 0);
        if (ports_free(&p, port) &&
            bind(fd, (const struct sockaddr *)&a, sizeof a) == 0 &&
            listen(fd, 1) == 0) {
            *ret_base = port;
            return fd;
        }
        close(fd);
    }
    fail_msg("no ports");
    return -1;
}

/* A port that was asked for and is in use: the answer names it, and no file
 * is written; the next range is fine. */
static void test_port_busy(void **state)
{
    struct world *w = begin();
    char expected[64];
    unsigned base = 0;
    int fd = busy_second(&base);
    (void)state;
    assert_int_equal(create(w, 3, base), ERR_EXISTS);
    snprintf(expected, sizeof expected, "port %u is in use", base + 1);
    expect_text(w, expected);
    expect_text(w, "--base-port");
    assert_int_equal(access(properties(w, 1), F_OK), -1);
    assert_int_equal(create(w, 1, base), 0);
    assert_int_equal(w->d.nodes[0].client.port, base);
    close(fd);
    end(w);
}

/* The end of what the kernel leaves to listeners. */
static unsigned ephemeral_low(void)
{
    unsigned low = 0;
    FILE *f = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%u", &low), 1);
    fclose(f);
    return low > 11000 && low < 32768 ? low : 32768;
}

/* Somebody has the ports that clients usually find: others are chosen. What
 * else a node listens on lies where no outgoing connection can take it while
 * the node is down; and all that is kept in its file. */
static void test_ports_chosen(void **state)
{
    static const uint16_t preferred[] = {19092, 29092, 39092};
    struct world *w = begin();
    struct dev made;
    int fds[3], one = 1;
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct sockaddr_in a = {.sin_family = AF_INET,
                                .sin_port = htons(preferred[i]),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_true(fds[i] >= 0);
        setsockopt(fds[i], SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        /* If that fails somebody else has it, which is as good. */
        if (bind(fds[i], (const struct sockaddr *)&a, sizeof a) == 0) {
            assert_int_equal(listen(fds[i], 1), 0);
        }
    }
    assert_int_equal(create(w, 5, 0), 0);
    made = w->d;
    for (unsigned i = 0; i < 5; i++) {
        const struct dev_node *n = &made.nodes[i];
        assert_true(n->client.port >= 10000 &&
                    n->client.port < ephemeral_low());
        assert_true(n->peer.port >= 10000 && n->peer.port < ephemeral_low());
        assert_true(n->admin.port >= 10000 && n->admin.port < ephemeral_low());
        for (unsigned k = 0; k < 3; k++) {
            assert_int_not_equal(n->client.port, preferred[k]);
        }
    }
    for (unsigned i = 0; i < 3; i++) {
        close(fds[i]);
    }
    call_begin(w);
    assert_int_equal(load(w), 0);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(w->d.nodes[i].client.port, made.nodes[i].client.port);
        assert_int_equal(w->d.nodes[i].admin.port, made.nodes[i].admin.port);
    }
    end(w);
}

/* ---- settings ------------------------------------------------------------ */

/* Judged before the first file is written. */
static void test_bad_settings(void **state)
{
    static const struct {
        const char *given, *said;
    } rows[] = {{"num.partitions", "give KEY=VALUE"},
                {"=5", "give KEY=VALUE"},
                {"num.partition=5", "num.partition"},
                {"num.partitions=many", "num.partitions"},
                {"node.id=2", "node.id must be 1"},
                {"data.dir=/elsewhere", "data.dir"},
                {"log.flush.interval.ms=1", "flush"}};
    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct world *w = begin();
        give(w, &option_set, rows[i].given);
        assert_int_equal(create(w, 3, 0), ERR_INVALID);
        expect_text(w, rows[i].said);
        assert_int_equal(access(properties(w, 1), F_OK), -1);
        end(w);
    }
}

static void test_set(void **state)
{
    struct world *w = begin();
    (void)state;
    assert_int_equal(create(w, 3, 0), 0);
    assert_int_equal(load(w), 0);
    assert_int_equal(dev_files_set(&w->d, &w->err), 0); /* nothing given */
    give(w, &option_set, "num.partitions=5");
    give(w, &option_set, "num.partitions=6"); /* the last wins */
    give(w, &option_set, "broker.rack=a=b \\ c");
    assert_int_equal(dev_files_set(&w->d, &w->err), 0);
    for (int id = 1; id <= 3; id++) {
        assert_int_equal(lines_with(properties(w, id), "num.partitions="), 1);
        assert_int_equal(lines_with(properties(w, id), "num.partitions=6\n"),
                         1);
    }
    /* Written so that it is read as it was given. */
    call_begin(w);
    give(w, &option_set, "num.partitions=7");
    assert_int_equal(load(w), 0);
    assert_int_equal(dev_files_set(&w->d, &w->err), 0);
    assert_int_equal(lines_with(properties(w, 3), "a=b \\\\ c\n"), 1);
    /* A wrong one changes nothing in any file. */
    call_begin(w);
    give(w, &option_set, "num.partitions=8");
    give(w, &option_set, "num.partitions.x=8");
    assert_int_equal(dev_files_set(&w->d, &w->err), ERR_INVALID);
    assert_int_equal(lines_with(properties(w, 1), "num.partitions=7\n"), 1);
    end(w);
}

/* More settings than a file may have: said, not written past. */
static void test_many_settings(void **state)
{
    struct world *w = begin();
    char text[70][32];
    (void)state;
    for (unsigned i = 0; i < 70; i++) {
        snprintf(text[i], sizeof text[i], "a.key.%u=1", i);
        give(w, &option_set, text[i]);
    }
    assert_int_not_equal(create(w, 1, 0), 0);
    expect_text(w, "--set: limit reached");
    end(w);
}

/* ---- somebody else's hand ------------------------------------------------ */

static void test_bad_files(void **state)
{
    static const struct {
        const char *text, *said;
    } rows[] = {{"node.id=1\nnode.ide=2\n", "ostrakad.properties:2"},
                {"", "was it moved?"},
                {"node.id=2\n", "node.id must be 1"},
                {"node.id=1\ndata.dir=/elsewhere\n", "was it moved?"},
                {"node.id=1\nlisteners=PLAINTEXT://:none\n", "listeners"}};
    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct world *w = begin();
        assert_int_equal(create(w, 1, 0), 0);
        put_file(properties(w, 1), rows[i].text);
        assert_int_equal(load(w), ERR_INVALID);
        expect_text(w, rows[i].said);
        end(w);
    }
}

static void test_unreadable(void **state)
{
    struct world *w = begin();
    FILE *f;
    (void)state;
    assert_int_equal(create(w, 1, 0), 0);
    /* One byte too many. */
    f = fopen(properties(w, 1), "we");
    assert_non_null(f);
    for (unsigned i = 0; i <= CONFIG_FILE_BYTES_MAX; i++) {
        fputc('\n', f);
    }
    assert_int_equal(fclose(f), 0);
    assert_int_equal(load(w), ERR_IO);
    expect_text(w, "too large");
    /* A directory. */
    assert_int_equal(unlink(properties(w, 1)), 0);
    assert_int_equal(mkdir(properties(w, 1), 0700), 0);
    assert_int_equal(load(w), ERR_IO);
    expect_text(w, properties(w, 1));
    end(w);
}

/* A file where a directory should be made. */
static void test_no_directory(void **state)
{
    struct world *w = begin();
    char path[300];
    (void)state;
    snprintf(path, sizeof path, "%s/n2", w->dir);
    put_file(path, "");
    assert_int_equal(create(w, 3, 0), ERR_IO);
    expect_text(w, path);
    end(w);
}

/* ---- the pid ------------------------------------------------------------- */

static void test_pid(void **state)
{
    static const char *const texts[] = {"",    "x",   "-5\n",
                                        "0\n", "1\n", "99999999999999999999\n"};
    struct world *w = begin();
    (void)state;
    assert_int_equal(create(w, 1, 0), 0);
    assert_int_equal(load(w), 0);
    assert_int_equal(dev_files_note_pid(&w->d.nodes[0], 4711, &w->err), 0);
    assert_string_equal(file_text(w->d.nodes[0].pid_file), "4711\n");
    /* Of another program: not ours to look at, or to signal. */
    assert_int_equal(dev_files_note_pid(&w->d.nodes[0], getpid(), &w->err), 0);
    assert_int_equal(load(w), 0);
    assert_int_equal(w->d.nodes[0].pid, 0);
    assert_int_equal(w->d.nodes[0].state, PROCESS_GONE);
    for (unsigned i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        put_file(w->d.nodes[0].pid_file, texts[i]);
        assert_int_equal(load(w), 0);
        assert_int_equal(w->d.nodes[0].pid, 0);
        assert_int_equal(w->d.nodes[0].state, PROCESS_GONE);
    }
    end(w);
}

/* ---- the end ------------------------------------------------------------- */

/* All that a node keeps goes; a link's other end, and what is not a node's,
 * stay. */
static void test_wipe(void **state)
{
    struct world *w = begin();
    char path[400], other[300];
    (void)state;
    assert_int_equal(create(w, 3, 0), 0);
    snprintf(other, sizeof other, "%s/other", w->dir);
    put_file(other, "mine");
    snprintf(path, sizeof path, "%s/n1/p", w->dir);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/n1/p/link", w->dir);
    assert_int_equal(symlink(other, path), 0);
    assert_int_equal(load(w), 0);
    assert_int_equal(dev_files_wipe(&w->d, &w->err), 0);
    for (int id = 1; id <= 3; id++) {
        snprintf(path, sizeof path, "%s/n%d", w->dir, id);
        assert_int_equal(access(path, F_OK), -1);
    }
    assert_string_equal(file_text(other), "mine");
    assert_int_equal(load(w), 0);
    assert_int_equal(w->d.n_nodes, 0);
    end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_made_and_found),
        cmocka_unit_test(test_one_missing),
        cmocka_unit_test(test_slashes),
        cmocka_unit_test(test_other_names),
        cmocka_unit_test(test_long_directory),
        cmocka_unit_test(test_port_busy),
        cmocka_unit_test(test_ports_chosen),
        cmocka_unit_test(test_bad_settings),
        cmocka_unit_test(test_set),
        cmocka_unit_test(test_many_settings),
        cmocka_unit_test(test_bad_files),
        cmocka_unit_test(test_unreadable),
        cmocka_unit_test(test_no_directory),
        cmocka_unit_test(test_pid),
        cmocka_unit_test(test_wipe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
