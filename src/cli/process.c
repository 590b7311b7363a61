#include "cli/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATH_LEN_MAX 4096
#define PAUSE_MS     10
#define EXEC_PAUSES  200 /* that a process may need to become a program */

static bool is_program(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
           access(path, X_OK) == 0;
}

/* A daemon is started in its own directory: where a name leads from here, it
 * leads nowhere from there. */
static bool make_absolute(char *path, size_t path_max)
{
    char name[PATH_LEN_MAX], here[PATH_LEN_MAX];
    if (*path == '/') {
        return true;
    }
    if (snprintf(name, sizeof name, "%s", path) >= (int)sizeof name ||
        getcwd(here, sizeof here) == NULL) {
        return false;
    }
    int n = snprintf(path, path_max, "%s/%s", here, name);
    return n > 0 && (size_t)n < path_max;
}

/* DIR/TAIL for the directory of this program. */
static bool beside(const char *tail, char *path, size_t path_max)
{
    char self[PATH_LEN_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n <= 0) {
        return false;
    }
    self[n] = '\0';
    char *slash = strrchr(self, '/');
    if (slash == NULL) {
        return false;
    }
    *slash = '\0';
    n = snprintf(path, path_max, "%s/%s", self, tail);
    return n > 0 && (size_t)n < path_max && is_program(path);
}

static bool on_path(char *path, size_t path_max)
{
    const char *p = getenv("PATH");
    while (p != NULL && *p != '\0') {
        size_t len = strcspn(p, ":");
        int n = snprintf(path, path_max, "%.*s/ostrakad", (int)len, p);
        if (len > 0 && n > 0 && (size_t)n < path_max && is_program(path)) {
            return true;
        }
        p += len + (p[len] == ':');
    }
    return false;
}

int process_find_daemon(char *path, size_t path_max, struct err *err)
{
    const char *given = getenv("OSTRAKAD");
    if (given != NULL && *given != '\0') {
        bool whole = (size_t)snprintf(path, path_max, "%s", given) < path_max;
        return whole && is_program(path) && make_absolute(path, path_max)
                   ? 0
                   : err_set(err, ERR_NOTFOUND, "OSTRAKAD=%s: no such program",
                             given);
    }
    if (beside("ostrakad", path, path_max) ||
        beside("../server/ostrakad", path, path_max) ||
        beside("../sbin/ostrakad", path, path_max) ||
        (on_path(path, path_max) && make_absolute(path, path_max))) {
        return 0;
    }
    return err_set(err, ERR_NOTFOUND,
                   "ostrakad not found beside ostraka nor on the PATH: build "
                   "it (make), or set OSTRAKAD to its path");
}

/* In the child: never returns. Only calls that are safe after fork. */
static _Noreturn void become(const char *program, const char *file,
                             const char *dir, int log, int started)
{
    char *const argv[] = {(char *)(uintptr_t)program, (char *)(uintptr_t) "-c",
                          (char *)(uintptr_t)file, NULL};
    int null = open("/dev/null", O_RDONLY);
    setsid();
    dup2(null, STDIN_FILENO);
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    for (int fd = 3; fd < 256; fd++) {
        if (fd != started) {
            close(fd);
        }
    }
    if (chdir(dir) == 0) {
        execv(program, argv);
    }
    (void)!write(started, &errno, sizeof errno);
    _exit(127);
}

/* Wait until the child has become the program: the pipe closes by that. */
static int started_wait(int fd)
{
    int why = 0;
    ssize_t n;
    do {
        n = read(fd, &why, sizeof why);
    } while (n < 0 && errno == EINTR);
    return n == (ssize_t)sizeof why ? why : 0;
}

int process_start(const char *program, const char *file, const char *dir,
                  const char *log, pid_t *ret_pid, struct err *err)
{
    int started[2];
    int fd = open(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
    if (fd < 0) {
        return err_set(err, ERR_IO, "%s: %s", log, strerror(errno));
    }
    if (pipe2(started, O_CLOEXEC) != 0) {
        close(fd);
        return err_set(err, ERR_IO, "pipe: %s", strerror(errno));
    }
    pid_t pid = fork();
    if (pid == 0) {
        become(program, file, dir, fd, started[1]);
    }
    close(fd);
    close(started[1]);
    int why = pid < 0 ? errno : started_wait(started[0]);
    close(started[0]);
    if (why != 0) {
        return err_set(err, ERR_IO, "%s: %s", program, strerror(why));
    }
    *ret_pid = pid;
    return 0;
}

/* A small file of /proc. Returns its length, 0 if there is none. */
static size_t proc_read(pid_t pid, const char *name, char *text, size_t max)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%ld/%s", (long)pid, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return 0;
    }
    ssize_t n = read(fd, text, max - 1);
    close(fd);
    if (n < 0) {
        return 0;
    }
    text[n] = '\0';
    return (size_t)n;
}

static bool has_argument(const char *cmdline, size_t len, const char *argument)
{
    for (size_t i = 0; i < len; i += strlen(cmdline + i) + 1) {
        if (strcmp(cmdline + i, argument) == 0) {
            return true;
        }
    }
    return false;
}

/* What /proc/PID/stat says (proc(5)). */
struct proc_stat {
    char state;
    unsigned flags;
    long threads;
};

#define FLAG_EXITING 0x4u
#define FLAG_KERNEL  0x200000u

static bool stat_read(pid_t pid, struct proc_stat *ret_s)
{
    char text[1024];
    const char *end = proc_read(pid, "stat", text, sizeof text) > 0
                          ? strrchr(text, ')') /* a name may hold any other */
                          : NULL;
    return end != NULL &&
           sscanf(end + 1,
                  " %c %*d %*d %*d %*d %*d %u %*u %*u %*u %*u %*u %*u %*d %*d "
                  "%*d %*d %ld",
                  &ret_s->state, &ret_s->flags, &ret_s->threads) == 3;
}

/* Whether that is a process without arguments for a moment only: exec() gives
 * it its new memory before it puts them there. */
static bool is_becoming(const struct proc_stat *s, size_t len)
{
    return len == 0 && s->state != 'X' && s->state != 'Z' &&
           (s->flags & (FLAG_EXITING | FLAG_KERNEL)) == 0;
}

/* A process that was killed loses its memory, and with it its arguments, and
 * its first thread may be a zombie, while it still has files, ports and locks:
 * until all of its threads are gone it is there. */
enum process_state process_look(pid_t pid, const char *file)
{
    char text[PATH_LEN_MAX + 512];
    struct proc_stat s;
    if (pid <= 1) {
        return PROCESS_GONE;
    }
    (void)waitpid(pid, NULL, WNOHANG); /* if it was our own child */
    size_t n = proc_read(pid, "cmdline", text, sizeof text);
    bool there = stat_read(pid, &s);
    for (int i = 0; i < EXEC_PAUSES && there && is_becoming(&s, n); i++) {
        process_pause();
        n = proc_read(pid, "cmdline", text, sizeof text);
        there = stat_read(pid, &s);
    }
    if (!there || s.state == 'X') {
        return PROCESS_GONE;
    }
    if (s.state == 'Z') {
        return s.threads > 1 ? PROCESS_RUNS : PROCESS_GONE;
    }
    if (n == 0) {
        return s.flags & FLAG_EXITING ? PROCESS_RUNS : PROCESS_GONE;
    }
    if (!has_argument(text, n, file)) {
        return PROCESS_GONE;
    }
    return s.state == 'T' ? PROCESS_STOPPED : PROCESS_RUNS;
}

long process_rss_kib(pid_t pid)
{
    char text[4096];
    proc_read(pid, "status", text, sizeof text);
    const char *p = strstr(text, "VmRSS:");
    return p != NULL ? strtol(p + 6, NULL, 10) : 0;
}

int process_signal(pid_t pid, int signo)
{
    if (kill(pid, signo) == 0) {
        return 0;
    }
    return errno == EPERM ? ERR_PERM : ERR_NOTFOUND;
}

void process_pause(void)
{
    struct timespec t = {.tv_nsec = PAUSE_MS * 1000000L};
    nanosleep(&t, NULL);
}

int process_wait(pid_t pid, const char *file, unsigned timeout_ms)
{
    for (unsigned ms = 0; process_look(pid, file) != PROCESS_GONE;
         ms += PAUSE_MS) {
        if (ms >= timeout_ms) {
            return ERR_TIMEOUT;
        }
        process_pause();
    }
    return 0;
}

int process_shell_start(const char *command, pid_t *ret_pid)
{
    pid_t pid = fork();
    if (pid == 0) {
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    if (pid < 0) {
        return ERR_IO;
    }
    *ret_pid = pid;
    return 0;
}

bool process_shell_over(pid_t pid, int *ret_code)
{
    int status;
    if (waitpid(pid, &status, WNOHANG) != pid) {
        return false;
    }
    *ret_code =
        WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return true;
}

int process_files_max(unsigned n)
{
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r) != 0 || r.rlim_max < n) {
        return ERR_REFUSED;
    }
    if (r.rlim_cur < n) {
        r.rlim_cur = n;
    }
    return setrlimit(RLIMIT_NOFILE, &r) == 0 ? 0 : ERR_REFUSED;
}

int process_signal_parse(const char *text)
{
    static const struct {
        const char *name;
        int signo;
    } names[] = {{"HUP", SIGHUP},   {"INT", SIGINT},   {"QUIT", SIGQUIT},
                 {"ABRT", SIGABRT}, {"KILL", SIGKILL}, {"TERM", SIGTERM},
                 {"CONT", SIGCONT}, {"STOP", SIGSTOP}, {"USR1", SIGUSR1},
                 {"USR2", SIGUSR2}};
    char *end;
    long n = strtol(text, &end, 10);
    if (end != text && *end == '\0') {
        return n > 0 && n <= SIGRTMAX ? (int)n : -1;
    }
    text += strncasecmp(text, "SIG", 3) == 0 ? 3 : 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcasecmp(text, names[i].name) == 0) {
            return names[i].signo;
        }
    }
    return -1;
}
