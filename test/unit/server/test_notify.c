/* The service manager hears of us: one datagram, by path and by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "server/notify.h"

static int listen_at(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    size_t len = strlen(path);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    assert_true(fd >= 0);
    assert_true(len < sizeof a.sun_path);
    memcpy(a.sun_path, path, len);
    if (*path == '@') {
        a.sun_path[0] = '\0';
    }
    len += offsetof(struct sockaddr_un, sun_path);
    assert_int_equal(bind(fd, (const struct sockaddr *)&a, (socklen_t)len), 0);
    return fd;
}

static void expect_said(const char *path, const char *state)
{
    char text[64] = "";
    int fd = listen_at(path);
    setenv("NOTIFY_SOCKET", path, 1);
    notify_send(state);
    assert_int_equal(recv(fd, text, sizeof text - 1, 0), (int)strlen(state));
    assert_string_equal(text, state);
    /* One datagram, no more. */
    assert_int_equal(recv(fd, text, sizeof text - 1, 0), -1);
    close(fd);
}

static void test_path(void **state)
{
    char path[300], cwd[256];
    (void)state;
    assert_non_null(getcwd(cwd, sizeof cwd));
    snprintf(path, sizeof path, "%s/n.%d", cwd, (int)getpid());
    if (strlen(path) >= sizeof((struct sockaddr_un *)0)->sun_path) {
        skip(); /* built in a directory too deep for a socket's name */
    }
    expect_said(path, "READY=1");
    unlink(path);
}

static void test_abstract(void **state)
{
    char path[64];
    (void)state;
    snprintf(path, sizeof path, "@ostraka-test-%d", (int)getpid());
    expect_said(path, "READY=1\nSTATUS=serving");
}

static void test_nobody(void **state)
{
    (void)state;
    unsetenv("NOTIFY_SOCKET");
    notify_send("READY=1");
    setenv("NOTIFY_SOCKET", "relative", 1);
    notify_send("READY=1");
    setenv("NOTIFY_SOCKET", "@nobody-listens-here", 1);
    notify_send("READY=1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_path),
        cmocka_unit_test(test_abstract),
        cmocka_unit_test(test_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
