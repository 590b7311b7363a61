/* process.h - the daemons that `dev` runs: start, look at, signal. The only
 * file of the tool that makes and ends processes. */
#ifndef CLI_PROCESS_H
#define CLI_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

enum process_state {
    PROCESS_GONE, /* no such process, or another program's */
    PROCESS_RUNS,
    PROCESS_STOPPED /* by SIGSTOP */
};

/* Find the ostrakad that belongs to this ostraka: $OSTRAKAD, beside this
 * program, in the build tree, in the sbin beside bin, on the PATH. The path is
 * absolute. Errors: ERR_NOTFOUND. */
int process_find_daemon(char *path, size_t path_max, struct err *err);
/* Run `program` "-c" `file` in a session of its own with `dir` as its working
 * directory and `log` (appended) as its output. Errors: ERR_IO. */
int process_start(const char *program, const char *file, const char *dir,
                  const char *log, pid_t *ret_pid, struct err *err);
/* What has become of `pid`, which must be a program run with the argument
 * `file`: a number that now belongs to somebody else is GONE. */
enum process_state process_look(pid_t pid, const char *file);
/* Resident memory in KiB, 0 if it is gone. */
long process_rss_kib(pid_t pid);
/* Send a signal. Errors: ERR_NOTFOUND, ERR_PERM. */
int process_signal(pid_t pid, int signo);
/* Wait until it is gone. Errors: ERR_TIMEOUT. */
int process_wait(pid_t pid, const char *file, unsigned timeout_ms);
/* Wait a little, between two looks. */
void process_pause(void);
/* Begin a command of the user's, run by the shell with this process's output.
 * Errors: ERR_IO. */
int process_shell_start(const char *command, pid_t *ret_pid);
/* True once it has ended; *ret_code is its exit code, 128 and the signal's
 * number if it was killed. */
bool process_shell_over(pid_t pid, int *ret_code);
/* Let this process have `n` files and connections. Errors: ERR_REFUSED (the
 * hard limit is lower). */
int process_files_max(unsigned n);
/* "9", "KILL" or "SIGKILL" as a number, or -1. */
int process_signal_parse(const char *text);

#endif
