/* A node on its own, as main() runs it, in a process of its own: how it
 * starts, says so, stops, and with which code it ends when it cannot. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "broker/broker.h"
#include "env/system.h"
#include "server/node.h"
#include "server/signals.h"

#define WAIT_MS      60000
#define SETTINGS_MAX 8
#define POOL_BYTES   (64u << 20)

struct world {
    char dir[256];
    char data[300], log[300];
    int notify; /* where the service manager would listen */
};

/* A node that was started, and what it said when it ended. */
struct run {
    pid_t pid;
    int out; /* its last line */
};

/* ---- scratch ------------------------------------------------------------- */

static void listen_for_states(struct world *w)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    char name[64];
    w->notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(w->notify >= 0);
    int len = snprintf(name, sizeof name, "@ostraka%s", strrchr(w->dir, '.'));
    memcpy(a.sun_path + 1, name + 1, (size_t)len - 1);
    len += (int)offsetof(struct sockaddr_un, sun_path);
    assert_int_equal(
        bind(w->notify, (const struct sockaddr *)&a, (socklen_t)len), 0);
    setenv("NOTIFY_SOCKET", name, 1);
}

static void begin(struct world *w)
{
    const char *tmp = getenv("TMPDIR");
    char cwd[200];
    assert_non_null(getcwd(cwd, sizeof cwd));
    snprintf(w->dir, sizeof w->dir, "%s/test_node.XXXXXX",
             tmp != NULL && *tmp == '/' && strlen(tmp) < 200 ? tmp : cwd);
    assert_non_null(mkdtemp(w->dir));
    snprintf(w->data, sizeof w->data, "%s/data", w->dir);
    snprintf(w->log, sizeof w->log, "%s/log", w->dir);
    listen_for_states(w);
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
    close(w->notify);
    unsetenv("NOTIFY_SOCKET");
    assert_int_equal(nftw(w->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* ---- the node's process -------------------------------------------------- */

/* Whoever looks into the broker is gone before it is taken apart. */
struct watch {
    const struct node *node;
    struct env *env;
    struct env_timer timer;
};

static void on_watch(struct env_timer *t)
{
    struct watch *w = t->data;
    const struct node *n = w->node;
    if (n->stopping && n->api == NULL &&
        (n->admin != NULL || n->gauges != NULL)) {
        _exit(103);
    }
    env_timer_start(w->env, t, env_now_ms(w->env) + 1);
}

static void run_watched(struct env *e, const struct node *n)
{
    struct watch w = {.node = n, .env = e};
    env_timer_init(&w.timer, on_watch, &w);
    on_watch(&w.timer);
    env_system_run(e);
    env_timer_stop(e, &w.timer);
}

/* As main() does it. What a node that failed holds goes with the process. */
static int node_process(const struct world *w, const char *const *settings,
                        struct err *err)
{
    struct mem *mem = mem_new(0);
    struct config *c = config_new(mem);
    struct env_system_options o = {.io_engine = "threads",
                                   .trace_level = TRACE_INFO,
                                   .trace_path = w->log};
    struct chunk_pool *pool = NULL;
    struct env *e = NULL;
    struct node n;
    int rv = config_set(c, "data.dir", w->data, err);
    rv = rv == 0 ? config_set(c, "journal.bytes.max", "32MiB", err) : rv;
    for (; rv == 0 && *settings != NULL; settings += 2) {
        rv = config_set(c, settings[0], settings[1], err);
    }
    rv = rv == 0 ? config_finish(c, err) : rv;
    if (rv != 0) {
        return 100; /* the test's own mistake */
    }
    if (env_system_new(&o, &e, err) != 0 ||
        chunk_pool_new(&pool, env_mem(e), POOL_BYTES) != 0) {
        return 101;
    }
    if (node_open(&n, e, c, pool) == 0) {
        signals_watch(&n);
        run_watched(e, &n);
    }
    if (!n.closed) {
        *err = n.err;
        return n.exit_code;
    }
    /* An orderly end holds nothing. */
    chunk_pool_free(pool);
    env_system_free(e);
    config_free(c);
    bool clean = mem_blocks(mem) == 0;
    mem_free_all(mem);
    return clean ? n.exit_code : 102;
}

static struct run start(const struct world *w, const char *const *settings)
{
    struct run r;
    int out[2];
    assert_int_equal(pipe(out), 0);
    r.pid = fork();
    assert_true(r.pid >= 0);
    if (r.pid == 0) {
        struct err err = {""};
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        int code = node_process(w, settings, &err);
        (void)!write(out[1], err.text, strlen(err.text));
        _exit(code);
    }
    close(out[1]);
    r.out = out[0];
    return r;
}

/* Settings in pairs of key and value. */
#define START(w, ...) start(w, (const char *const[]){__VA_ARGS__, NULL})
#define ALONE         "node.id", "1", "listeners", "PLAINTEXT://127.0.0.1:0"

/* The node ends by itself with this code, saying `part`. */
static void expect_end(struct run *r, int code, const char *part)
{
    char text[ERR_TEXT_MAX + 1] = "";
    size_t len = 0;
    ssize_t n;
    int status;
    struct pollfd p = {.fd = r->out, .events = POLLIN};
    if (poll(&p, 1, WAIT_MS) != 1) {
        kill(r->pid, SIGKILL);
    }
    while (len < sizeof text - 1 &&
           (n = read(r->out, text + len, sizeof text - 1 - len)) > 0) {
        len += (size_t)n;
    }
    close(r->out);
    assert_int_equal(waitpid(r->pid, &status, 0), r->pid);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) != code || strstr(text, part) == NULL) {
        fail_msg("exit %d, \"%s\": expected %d, \"%s\"", WEXITSTATUS(status),
                 text, code, part);
    }
}

/* What the service manager is told next. */
static void expect_state(const struct world *w, const char *state)
{
    char text[128] = "";
    struct pollfd p = {.fd = w->notify, .events = POLLIN};
    assert_int_equal(poll(&p, 1, WAIT_MS), 1);
    assert_true(recv(w->notify, text, sizeof text - 1, 0) > 0);
    assert_string_equal(text, state);
}

static void expect_no_state(const struct world *w)
{
    struct pollfd p = {.fd = w->notify, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 0), 0);
}

static void stop(const struct world *w, struct run *r)
{
    assert_int_equal(kill(r->pid, SIGTERM), 0);
    expect_state(w, "STOPPING=1");
    expect_end(r, BROKER_EXIT_OK, "");
}

/* Lines of the node's log that hold `part`. */
static unsigned lines_with(const struct world *w, const char *part)
{
    char line[2048];
    unsigned n = 0;
    FILE *f = fopen(w->log, "re");
    assert_non_null(f);
    while (fgets(line, sizeof line, f) != NULL) {
        n += strstr(line, part) != NULL;
    }
    fclose(f);
    return n;
}

/* ---- a life -------------------------------------------------------------- */

static void test_life(void **state)
{
    struct world w;
    (void)state;
    begin(&w);
    for (unsigned i = 1; i <= 2; i++) { /* new, and from what it left */
        struct run r = START(&w, ALONE);
        expect_state(&w, "READY=1\nSTATUS=serving");
        stop(&w, &r);
        assert_int_equal(lines_with(&w, " server start "), i);
        assert_int_equal(lines_with(&w, " server ready "), i);
        assert_int_equal(lines_with(&w, " server stopping "), i);
    }
    expect_no_state(&w);
    assert_int_equal(lines_with(&w, " server open "), 0);
    end(&w);
}

/* The same with somebody who may look at metrics. */
static void test_looked_at(void **state)
{
    struct world w;
    (void)state;
    begin(&w);
    struct run r = START(&w, ALONE, "admin.listener", "127.0.0.1:0");
    expect_state(&w, "READY=1\nSTATUS=serving");
    assert_int_equal(lines_with(&w, " server admin "), 1);
    stop(&w, &r);
    end(&w);
}

/* Told twice at once: it ends there and then. */
static void test_told_twice(void **state)
{
    struct world w;
    struct run r;
    (void)state;
    begin(&w);
    r = START(&w, ALONE);
    expect_state(&w, "READY=1\nSTATUS=serving");
    assert_int_equal(kill(r.pid, SIGSTOP), 0);
    assert_int_equal(kill(r.pid, SIGTERM), 0);
    assert_int_equal(kill(r.pid, SIGINT), 0);
    assert_int_equal(kill(r.pid, SIGCONT), 0);
    expect_end(&r, BROKER_EXIT_CUT_SHORT, "");
    assert_int_equal(lines_with(&w, "told twice"), 1);
    /* Nothing is lost by it. */
    expect_state(&w, "STOPPING=1");
    r = START(&w, ALONE);
    expect_state(&w, "READY=1\nSTATUS=serving");
    stop(&w, &r);
    end(&w);
}

/* HUP: the log goes on in a new file (logrotate). */
static void test_log_anew(void **state)
{
    struct world w;
    struct run r;
    char old[320];
    (void)state;
    begin(&w);
    r = START(&w, ALONE);
    expect_state(&w, "READY=1\nSTATUS=serving");
    snprintf(old, sizeof old, "%s.1", w.log);
    assert_int_equal(rename(w.log, old), 0);
    assert_int_equal(kill(r.pid, SIGHUP), 0);
    for (unsigned ms = 0; access(w.log, F_OK) != 0; ms += 10) {
        assert_true(ms < WAIT_MS);
        (void)poll(NULL, 0, 10);
    }
    stop(&w, &r);
    assert_int_equal(lines_with(&w, " server reopened "), 1);
    assert_int_equal(lines_with(&w, " server ready "), 0);
    end(&w);
}

/* One warning, whichever door stands open; none on loopback (test_life). */
static void test_open_doors(void **state)
{
    struct world w;
    struct run r;
    (void)state;
    begin(&w);
    r = START(&w, "node.id", "1", "listeners", "PLAINTEXT://0.0.0.0:0",
              "advertised.listeners", "PLAINTEXT://127.0.0.1:0");
    expect_state(&w, "READY=1\nSTATUS=serving");
    stop(&w, &r);
    assert_int_equal(lines_with(&w, " server open "), 1);
    assert_int_equal(lines_with(&w, "setting=listeners"), 1);
    end(&w);
}

static int listen_on_loopback(unsigned *ret_port)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    *ret_port = ntohs(a.sin_port);
    return fd;
}

/* 2^32 + 1 ms, which must not become 1 ms: a connection that would have been
 * closed by then is there still. */
static void test_idle_for_long(void **state)
{
    struct world w;
    struct pollfd p = {.events = POLLIN};
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char listener[64];
    unsigned port;
    (void)state;
    begin(&w);
    close(listen_on_loopback(&port)); /* free again */
    snprintf(listener, sizeof listener, "PLAINTEXT://127.0.0.1:%u", port);
    struct run r = START(&w, "node.id", "1", "listeners", listener,
                         "connections.max.idle.ms", "4294967297");
    expect_state(&w, "READY=1\nSTATUS=serving");
    p.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    a.sin_port = htons((uint16_t)port);
    assert_int_equal(connect(p.fd, (const struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(poll(&p, 1, 300), 0);
    close(p.fd);
    stop(&w, &r);
    end(&w);
}

static unsigned files_of(pid_t pid)
{
    char path[64];
    unsigned n = 0;
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *d = opendir(path);
    assert_non_null(d);
    while (readdir(d) != NULL) {
        n++;
    }
    closedir(d);
    return n;
}

/* Clients that come in any number leave files for the node. */
static void test_few_files(void **state)
{
    struct world w;
    struct run r;
    struct rlimit before, few;
    char listener[64];
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fds[200];
    unsigned port;
    (void)state;
    begin(&w);
    close(listen_on_loopback(&port)); /* free again */
    snprintf(listener, sizeof listener, "PLAINTEXT://127.0.0.1:%u", port);
    a.sin_port = htons((uint16_t)port);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = before;
    few.rlim_cur = 160;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    r = START(&w, "node.id", "1", "listeners", listener);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    expect_state(&w, "READY=1\nSTATUS=serving");
    unsigned alone = files_of(r.pid);
    for (unsigned i = 0; i < 200; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_true(fds[i] >= 0);
        assert_int_equal(connect(fds[i], (const struct sockaddr *)&a, sizeof a),
                         0);
    }
    /* The last one was looked at: it is one too many. */
    struct pollfd p = {.fd = fds[199], .events = POLLIN};
    assert_int_equal(poll(&p, 1, WAIT_MS), 1);
    assert_true(files_of(r.pid) <= alone + 80);
    assert_int_equal(lines_with(&w, " server files "), 1);
    for (unsigned i = 0; i < 200; i++) {
        close(fds[i]);
    }
    stop(&w, &r);
    end(&w);
}

/* ---- what keeps it from starting ----------------------------------------- */

/* Before anything is made in the data directory. */
static void test_port_busy(void **state)
{
    struct world w;
    char listener[64];
    unsigned port;
    (void)state;
    begin(&w);
    int fd = listen_on_loopback(&port);
    snprintf(listener, sizeof listener, "PLAINTEXT://127.0.0.1:%u", port);
    struct run r = START(&w, "node.id", "1", "listeners", listener);
    expect_end(&r, BROKER_EXIT_IN_USE, "listeners: ");
    assert_int_equal(access(w.data, F_OK), -1);
    expect_no_state(&w);
    close(fd);
    end(&w);
}

/* An address of nobody here (RFC 5737), and a name that is none. */
static void test_not_ours(void **state)
{
    struct world w;
    struct run r;
    (void)state;
    begin(&w);
    r = START(&w, "node.id", "1", "listeners", "PLAINTEXT://192.0.2.1:0");
    expect_end(&r, BROKER_EXIT_CONFIG, "listeners: ");
    assert_int_equal(access(w.data, F_OK), -1);
    end(&w);
}

static void test_directory_in_use(void **state)
{
    struct world w;
    (void)state;
    begin(&w);
    struct run first = START(&w, ALONE);
    expect_state(&w, "READY=1\nSTATUS=serving");
    struct run second = START(&w, ALONE);
    expect_end(&second, BROKER_EXIT_IN_USE, w.data);
    expect_no_state(&w);
    stop(&w, &first);
    end(&w);
}

static void test_directory_of_another(void **state)
{
    struct world w;
    struct run r;
    (void)state;
    begin(&w);
    r = START(&w, ALONE);
    expect_state(&w, "READY=1\nSTATUS=serving");
    stop(&w, &r);
    r = START(&w, "node.id", "2", "listeners", "PLAINTEXT://127.0.0.1:0");
    expect_end(&r, BROKER_EXIT_IDENTITY, "node");
    expect_no_state(&w);
    end(&w);
}

/* A file where the directory should be. */
static void test_no_directory(void **state)
{
    struct world w;
    (void)state;
    begin(&w);
    FILE *f = fopen(w.data, "we");
    assert_non_null(f);
    fclose(f);
    struct run r = START(&w, ALONE);
    expect_end(&r, BROKER_EXIT_CONFIG, "is a file");
    expect_no_state(&w);
    end(&w);
}

/* Nobody may make directories in /sys, root neither. That is no question of
 * whose directory it is. */
static void test_directory_not_allowed(void **state)
{
    struct world w;
    (void)state;
    begin(&w);
    snprintf(w.data, sizeof w.data, "/sys/ostraka");
    if (mkdir(w.data, 0700) == 0 || errno == ENOENT) {
        end(&w);
        skip();
    }
    struct run r = START(&w, ALONE);
    expect_end(&r, BROKER_EXIT_CONFIG, "set data.dir");
    expect_no_state(&w);
    end(&w);
}

static void test_directory_nowhere(void **state)
{
    struct world w;
    (void)state;
    begin(&w);
    snprintf(w.data, sizeof w.data, "%s/not/there", w.dir);
    struct run r = START(&w, ALONE);
    expect_end(&r, BROKER_EXIT_CONFIG, "data.dir=");
    expect_no_state(&w);
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life),
        cmocka_unit_test(test_looked_at),
        cmocka_unit_test(test_told_twice),
        cmocka_unit_test(test_open_doors),
        cmocka_unit_test(test_idle_for_long),
        cmocka_unit_test(test_port_busy),
        cmocka_unit_test(test_few_files),
        cmocka_unit_test(test_not_ours),
        cmocka_unit_test(test_log_anew),
        cmocka_unit_test(test_directory_in_use),
        cmocka_unit_test(test_directory_of_another),
        cmocka_unit_test(test_no_directory),
        cmocka_unit_test(test_directory_not_allowed),
        cmocka_unit_test(test_directory_nowhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
