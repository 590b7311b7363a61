/* What processes used, seen from /proc: our own is the one we can make busy. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/watch.h"

static double cpu_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void burn(double seconds)
{
    double until = cpu_s() + seconds;
    while (cpu_s() < until) {
    }
}

static void test_refuses_what_is_no_process(void **state)
{
    struct watch w;
    struct err err;
    char many[WATCH_MAX * 2 + 3] = "";
    (void)state;
    assert_int_equal(watch_init(&w, "12 x", &err), ERR_INVALID);
    assert_int_equal(watch_init(&w, "0", &err), ERR_INVALID);
    assert_int_equal(watch_init(&w, "-4", &err), ERR_INVALID);
    assert_int_equal(watch_init(&w, "99999999999999999999", &err), ERR_INVALID);
    for (int i = 0; i <= WATCH_MAX; i++) {
        strcat(many, "1 ");
    }
    assert_int_equal(watch_init(&w, many, &err), ERR_INVALID);
    assert_int_equal(watch_init(&w, "12,34 56\n", &err), 0);
    assert_int_equal(w.n_servers, 3);
    assert_int_equal(watch_init(&w, NULL, &err), 0);
    assert_int_equal(w.n_servers, 0);
}

static void test_counts_servers_and_itself(void **state)
{
    struct watch w;
    struct err err;
    char pid[32];
    (void)state;
    snprintf(pid, sizeof pid, "%ld", (long)getpid());
    assert_int_equal(watch_init(&w, pid, &err), 0);
    watch_begin(&w);
    burn(0.2);
    watch_end(&w);
    double used =
        w.last.user_s + w.last.system_s - w.first.user_s - w.first.system_s;
    assert_true(used > 0.15 && used < 0.5);
    double self = w.last.self_s - w.first.self_s;
    assert_true(self > 0.15 && self < 0.5);
    assert_true(w.last.rss_max > 100000);
    assert_true(w.last.at_s > w.first.at_s);
}

/* A server that is killed in between counts as it was last seen. */
static void test_keeps_what_a_dead_server_used(void **state)
{
    struct watch w;
    struct err err;
    char text[32];
    int done[2];
    (void)state;
    assert_int_equal(pipe(done), 0);
    pid_t pid = fork();
    if (pid == 0) {
        burn(0.2);
        (void)!write(done[1], "x", 1);
        for (;;) {
            pause();
        }
    }
    snprintf(text, sizeof text, "%ld", (long)pid);
    assert_int_equal(watch_init(&w, text, &err), 0);
    watch_begin(&w);
    assert_int_equal(read(done[0], text, 1), 1);
    watch_look(&w);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    watch_end(&w);
    assert_true(w.last.user_s + w.last.system_s > 0.1);
    close(done[0]);
    close(done[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refuses_what_is_no_process),
        cmocka_unit_test(test_counts_servers_and_itself),
        cmocka_unit_test(test_keeps_what_a_dead_server_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
