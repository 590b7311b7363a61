/* A failed assertion runs the handler of its own thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/assert.h"

struct caught {
    jmp_buf back;
    const char *text;
    int line;
};

static void catch_it(void *arg, const char *file, int line, const char *text)
{
    struct caught *c = arg;
    (void)file;
    c->text = text;
    c->line = line;
    longjmp(c->back, 1);
}

static void handler_is_told(void **state)
{
    (void)state;
    static struct caught c;
    assert_set_handler(catch_it, &c);
    if (setjmp(c.back) == 0) {
        ASSERT(1 + 1 == 2);
        ASSERT(1 + 1 == 3);
        fail();
    }
    assert_string_equal(c.text, "1 + 1 == 3");
    assert_true(c.line > 0);
    assert_set_handler(NULL, NULL);
}

/* In a thread without handler, and after it was replaced by NULL: the default,
 * which aborts. */
static void *fail_in_thread(void *arg)
{
    (void)arg;
    ASSERT(0 == 1);
    return NULL;
}

static int child_ends(bool in_thread)
{
    static struct caught c;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        pthread_t thread;
        if (freopen("/dev/null", "w", stderr) == NULL) {
            _exit(2);
        }
        signal(SIGABRT, SIG_DFL);
        assert_set_handler(in_thread ? catch_it : NULL, &c);
        if (in_thread) {
            pthread_create(&thread, NULL, fail_in_thread, NULL);
            pthread_join(thread, NULL);
        } else {
            fail_in_thread(NULL);
        }
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void default_aborts(void **state)
{
    (void)state;
    assert_int_equal(child_ends(false), SIGABRT);
    assert_int_equal(child_ends(true), SIGABRT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(handler_is_told),
        cmocka_unit_test(default_aborts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
