/* watch.h - what processes used between two moments: the servers that a load
 * runs against, the tool itself, and everybody else on the machine.
 *
 *   watch_init -> watch_begin -> watch_end
 *
 * Read from /proc: times of all threads of a process, ended ones included, in
 * clock ticks (10 ms). "Everybody else" is what the processors did in user and
 * kernel mode minus servers, tool and kernel threads; interrupts are nobody's.
 */
#ifndef CLI_WATCH_H
#define CLI_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

#define WATCH_MAX 64

/* What one server had used when it was last seen. */
struct watch_server {
    pid_t pid;
    double user_s, system_s;
    uint64_t written, rss;
};

/* Sums at one moment. */
struct watch_sample {
    double user_s, system_s; /* of the servers */
    double self_s;           /* of this process */
    double kernel_s;         /* of kernel threads */
    double busy_s;           /* of all processors, without interrupts */
    double interrupt_s, steal_s;
    uint64_t written; /* bytes that the servers caused to be written */
    uint64_t sectors; /* written by all disks, of 512 bytes */
    uint64_t rss_max; /* of the largest server, bytes */
    double at_s;
};

struct watch {
    struct watch_server servers[WATCH_MAX];
    unsigned n_servers, n_cores;
    struct watch_sample first, last;
    bool began, ended;
};

/* Watch the processes in `pids` ("12 34" or "12,34"; NULL: none, everything
 * else is still measured). Errors: ERR_INVALID. */
int watch_init(struct watch *w, const char *pids, struct err *err);
/* Take the first, the last sample. */
void watch_begin(struct watch *w);
void watch_end(struct watch *w);
/* Look at the servers in between, so that one that is killed counts with what
 * it had used at the last look. */
void watch_look(struct watch *w);
/* Processor seconds of others per second and processor, 0..1. */
double watch_foreign_share(const struct watch *w);

#endif
