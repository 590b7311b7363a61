/* Daemons are started, looked at and signalled by what they are, not by a
 * number that may have become somebody else's; ports are free when chosen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/ports.h"
#include "cli/process.h"

#define WAIT_MS 10000

static char dir[256], script[300], logfile[300];

/* `sh -c SCRIPT`: a program with the argument SCRIPT that lives on. */
static pid_t start(void)
{
    struct err err = {""};
    pid_t pid = 0;
    assert_int_equal(process_start("/bin/sh", script, dir, logfile, &pid, &err),
                     0);
    assert_true(pid > 1);
    return pid;
}

static void wait_state(pid_t pid, enum process_state state)
{
    for (unsigned ms = 0; process_look(pid, script) != state; ms += 10) {
        assert_true(ms < WAIT_MS);
        process_pause();
    }
}

static void test_life(void **state)
{
    pid_t pid = start();
    (void)state;
    wait_state(pid, PROCESS_RUNS);
    assert_int_equal(process_look(pid, "/another/file"), PROCESS_GONE);
    assert_true(process_rss_kib(pid) > 0);
    assert_int_equal(process_wait(pid, script, 20), ERR_TIMEOUT);
    assert_int_equal(process_signal(pid, SIGSTOP), 0);
    wait_state(pid, PROCESS_STOPPED);
    assert_int_equal(process_signal(pid, SIGCONT), 0);
    wait_state(pid, PROCESS_RUNS);
    assert_int_equal(process_signal(pid, SIGKILL), 0);
    assert_int_equal(process_wait(pid, script, WAIT_MS), 0);
    assert_int_equal(process_look(pid, script), PROCESS_GONE);
}

static void test_own_session_and_log(void **state)
{
    struct stat st;
    pid_t pid = start();
    (void)state;
    assert_int_equal(getsid(pid), pid);
    for (unsigned ms = 0; stat(logfile, &st) != 0 || st.st_size == 0;
         ms += 10) {
        assert_true(ms < WAIT_MS);
        process_pause();
    }
    process_signal(pid, SIGKILL);
    assert_int_equal(process_wait(pid, script, WAIT_MS), 0);
}

static int go_on[2];

static void *wait_for_byte(void *arg)
{
    char c;
    (void)arg;
    (void)!read(go_on[0], &c, 1);
    _exit(0);
}

/* Its first thread has ended, another one still has its files. */
static _Noreturn void half_dead(void)
{
    pthread_t t;
    close(go_on[1]);
    if (pthread_create(&t, NULL, wait_for_byte, NULL) != 0) {
        _exit(1);
    }
    pthread_exit(NULL);
}

static bool has_arguments(pid_t pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%ld/cmdline", (long)pid);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    int c = fgetc(f);
    fclose(f);
    return c != EOF;
}

/* Killed nodes came up again while the old one still had their ports. */
static void test_dying_is_not_gone(void **state)
{
    (void)state;
    assert_int_equal(pipe(go_on), 0);
    pid_t pid = fork();
    if (pid == 0) {
        half_dead();
    }
    close(go_on[0]);
    for (unsigned ms = 0; has_arguments(pid); ms += 10) {
        assert_true(ms < WAIT_MS);
        process_pause();
    }
    assert_int_equal(process_look(pid, script), PROCESS_RUNS);
    assert_int_equal(process_wait(pid, script, 50), ERR_TIMEOUT);
    close(go_on[1]);
    assert_int_equal(process_wait(pid, script, WAIT_MS), 0);
}

/* `SELF become N FD SCRIPT`: this program anew, N times, then a byte to FD. */
static _Noreturn void become_again(const char *n, char *fd, char *file)
{
    char name[] = "become", less[16];
    char *argv[] = {name, name, less, fd, file, NULL};
    int left = atoi(n);
    if (left > 0) {
        snprintf(less, sizeof less, "%d", left - 1);
        execv("/proc/self/exe", argv);
    }
    (void)!write(left > 0 ? -1 : atoi(fd), "", 1);
    for (;;) {
        pause();
    }
}

/* exec() takes a process's arguments away before it brings the new ones: `dev
 * up` said of a node behind a script that it had ended. */
static void test_becoming_is_not_gone(void **state)
{
    int done[2], flags;
    char fd[16], byte;
    unsigned looks = 0;
    (void)state;
    assert_int_equal(pipe(done), 0);
    snprintf(fd, sizeof fd, "%d", done[1]);
    pid_t pid = fork();
    if (pid == 0) {
        close(done[0]);
        become_again("300", fd, script);
    }
    close(done[1]);
    while (process_look(pid, script) != PROCESS_RUNS) {
        process_pause(); /* not yet with its arguments */
        assert_true(++looks < WAIT_MS / 10);
    }
    flags = fcntl(done[0], F_GETFL);
    assert_int_equal(fcntl(done[0], F_SETFL, flags | O_NONBLOCK), 0);
    ssize_t n = -1;
    for (looks = 0; n < 0; looks++) {
        assert_int_equal(process_look(pid, script), PROCESS_RUNS);
        n = read(done[0], &byte, 1);
    }
    close(done[0]);
    assert_int_equal(n, 1);
    assert_true(looks > 0);
    assert_int_equal(process_signal(pid, SIGKILL), 0);
    assert_int_equal(process_wait(pid, script, WAIT_MS), 0);
}

static void test_strangers(void **state)
{
    (void)state;
    assert_int_equal(process_look(getpid(), script), PROCESS_GONE);
    assert_int_equal(process_look(1, script), PROCESS_GONE);
    assert_int_equal(process_look(0, script), PROCESS_GONE);
    assert_int_equal(process_look(-5, script), PROCESS_GONE);
}

static void test_cannot_start(void **state)
{
    struct err err = {""};
    pid_t pid = 0;
    (void)state;
    assert_int_equal(
        process_start("/no/such/program", script, dir, logfile, &pid, &err),
        ERR_IO);
    assert_non_null(strstr(err.text, "/no/such/program"));
    assert_int_equal(
        process_start("/bin/sh", script, "/no/such/dir", logfile, &pid, &err),
        ERR_IO);
    assert_int_equal(
        process_start("/bin/sh", script, dir, "/no/such/log", &pid, &err),
        ERR_IO);
    assert_int_equal(pid, 0);
}

static void test_signal_names(void **state)
{
    (void)state;
    assert_int_equal(process_signal_parse("9"), SIGKILL);
    assert_int_equal(process_signal_parse("KILL"), SIGKILL);
    assert_int_equal(process_signal_parse("SIGSTOP"), SIGSTOP);
    assert_int_equal(process_signal_parse("term"), SIGTERM);
    assert_int_equal(process_signal_parse("0"), -1);
    assert_int_equal(process_signal_parse("-9"), -1);
    assert_int_equal(process_signal_parse("9x"), -1);
    assert_int_equal(process_signal_parse(""), -1);
    assert_int_equal(process_signal_parse("4000"), -1);
}

static void test_find_daemon(void **state)
{
    struct err err = {""};
    char path[512];
    (void)state;
    setenv("OSTRAKAD", "/bin/sh", 1);
    assert_int_equal(process_find_daemon(path, sizeof path, &err), 0);
    assert_string_equal(path, "/bin/sh");
    setenv("OSTRAKAD", "/no/such/program", 1);
    assert_int_equal(process_find_daemon(path, sizeof path, &err),
                     ERR_NOTFOUND);
    setenv("OSTRAKAD", "/", 1); /* which may be entered, not run */
    assert_int_equal(process_find_daemon(path, sizeof path, &err),
                     ERR_NOTFOUND);
    /* It is run from another directory than this one. */
    char here[300], want[400];
    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(chdir("/bin"), 0);
    setenv("OSTRAKAD", "./sh", 1);
    int rv = process_find_daemon(path, sizeof path, &err);
    char bin[300];
    assert_non_null(getcwd(bin, sizeof bin));
    assert_int_equal(chdir(here), 0);
    assert_int_equal(rv, 0);
    snprintf(want, sizeof want, "%s/./sh", bin);
    assert_string_equal(path, want);
    unsetenv("OSTRAKAD");
}

static void test_ports(void **state)
{
    struct ports p = {.n_taken = 0};
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    unsigned first = ports_choose(&p), second = ports_choose(&p);
    (void)state;
    assert_true(first >= 10000 && first < 32768);
    assert_true(second >= 10000 && second < 32768 && second != first);
    assert_false(ports_free(&p, first)); /* taken by us */

    assert_int_equal(bind(fd, (const struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    assert_false(ports_free(&p, ntohs(a.sin_port)));
    close(fd);
    assert_true(ports_free(&p, ntohs(a.sin_port)));
}

static int set_up(void **state)
{
    FILE *f;
    (void)state;
    assert_non_null(getcwd(dir, sizeof dir - 40));
    snprintf(dir + strlen(dir), 40, "/process.%d", (int)getpid());
    snprintf(script, sizeof script, "%s/run", dir);
    snprintf(logfile, sizeof logfile, "%s/log", dir);
    assert_int_equal(mkdir(dir, 0700), 0);
    f = fopen(script, "w");
    assert_non_null(f);
    /* It ends with the test, however that ends. */
    fprintf(f,
            "#!/bin/sh\necho begun\n"
            "while kill -0 %d; do sleep 1; done 2>/dev/null\n",
            (int)getpid());
    fclose(f);
    return chmod(script, 0700);
}

static int tear_down(void **state)
{
    (void)state;
    unlink(script);
    unlink(logfile);
    return rmdir(dir);
}

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "become") == 0) {
        become_again(argv[2], argv[3], argv[4]);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life),
        cmocka_unit_test(test_own_session_and_log),
        cmocka_unit_test(test_dying_is_not_gone),
        cmocka_unit_test(test_becoming_is_not_gone),
        cmocka_unit_test(test_strangers),
        cmocka_unit_test(test_cannot_start),
        cmocka_unit_test(test_signal_names),
        cmocka_unit_test(test_find_daemon),
        cmocka_unit_test(test_ports),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
