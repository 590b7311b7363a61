/* Daemons are started, looked at and signalled by what they are, not by a
 * number that may have become somebody else's; ports are free when chosen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life),
        cmocka_unit_test(test_own_session_and_log),
        cmocka_unit_test(test_dying_is_not_gone),
        cmocka_unit_test(test_strangers),
        cmocka_unit_test(test_cannot_start),
        cmocka_unit_test(test_signal_names),
        cmocka_unit_test(test_find_daemon),
        cmocka_unit_test(test_ports),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
