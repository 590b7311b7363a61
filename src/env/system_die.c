/* system_die.c - the end of a node, and the trace file that tells of it. */
#include "env/system_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/assert.h"

/* If the last words cannot be spoken (the trace is the thing that broke, its
 * disk hangs), the process ends all the same after so many seconds. */
#define SYS_DIE_SECONDS_MAX 10

/* One line, with the node's name, in one write. A line that cannot be written
 * has nowhere to be reported. */
static void line_write(const struct system *sys, const char *prefix,
                       const char *line, size_t len)
{
    const char *label = sys->name[0] != '\0' ? " node=" : "";
    struct iovec iov[] = {
        {(void *)(uintptr_t)prefix, strlen(prefix)},
        {(void *)(uintptr_t)line, len},
        {(void *)(uintptr_t)label, strlen(label)},
        {(void *)(uintptr_t)sys->name, strlen(sys->name)},
        {(void *)(uintptr_t) "\n", 1},
    };
    ssize_t n = writev(sys->trace_fd, iov, sizeof iov / sizeof iov[0]);

    (void)n;
}

void sys_trace_sink(void *arg, enum trace_level level, const char *line,
                    size_t len)
{
    (void)level;
    line_write(arg, "", line, len);
}

static void dump_sink(void *arg, enum trace_level level, const char *line,
                      size_t len)
{
    (void)level;
    line_write(arg, "flight: ", line, len);
}

static int trace_file_open(const char *path)
{
    return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
}

int sys_trace_open(struct system *sys, const char *path, struct err *err)
{
    if (path == NULL) {
        sys->trace_fd = STDERR_FILENO;
        return 0;
    }
    sys->trace_path = mem_strndup(sys->env.mem, path, strlen(path));
    if (sys->trace_path == NULL) {
        return err_set(err, ERR_NOMEM, "no memory for the trace");
    }
    sys->trace_fd = trace_file_open(path);
    if (sys->trace_fd < 0) {
        return err_set(err, ERR_REFUSED, "%s: %s", path, strerror(errno));
    }
    return 0;
}

void sys_trace_close(struct system *sys)
{
    if (sys->trace_path != NULL && sys->trace_fd >= 0) {
        close(sys->trace_fd);
    }
}

void env_system_reopen_trace(struct env *e)
{
    struct system *sys = sys_of(e);
    int fd;

    if (sys->trace_path == NULL) {
        return;
    }
    fd = trace_file_open(sys->trace_path);
    if (fd < 0) {
        sys_error(e, errno, "open", sys->trace_path);
        return;
    }
    /* Other threads write to the number; it never names nothing. */
    if (dup3(fd, sys->trace_fd, O_CLOEXEC) < 0) {
        sys_error(e, errno, "dup3", sys->trace_path);
    }
    close(fd);
}

void sys_die(struct env *e, int exit_code, const char *reason)
{
    static const char repeated[] = "died again while dying: ";
    struct system *sys = sys_of(e);

    signal(SIGALRM, SIG_DFL);
    alarm(SYS_DIE_SECONDS_MAX);
    /* The first of several dying threads speaks. */
    if (atomic_exchange(&sys->dying, true)) {
        line_write(sys, repeated, reason, strlen(reason));
    } else {
        assert_set_handler(NULL, NULL);
        trace_dump(e->trace, dump_sink, sys);
        trace_error(e->trace, "env.die", "reason=\"%s\"", reason);
    }
    if (exit_code != 0) {
        _exit(exit_code);
    }
    abort();
}
