#include "cli/watch.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 1024

static double ticks(void)
{
    return (double)sysconf(_SC_CLK_TCK);
}

int watch_init(struct watch *w, const char *pids, struct err *err)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    *w = (struct watch){.n_cores = n > 0 ? (unsigned)n : 1};
    while (pids != NULL && *pids != '\0') {
        char *end;
        errno = 0;
        long pid = strtol(pids, &end, 10);
        if (end == pids || errno != 0 || pid <= 0 || pid > INT32_MAX ||
            w->n_servers == WATCH_MAX) {
            return err_set(err, ERR_INVALID,
                           "--pids: give at most %d process numbers",
                           WATCH_MAX);
        }
        w->servers[w->n_servers++] = (struct watch_server){.pid = (pid_t)pid};
        pids = end + strspn(end, " ,\n");
    }
    return 0;
}

/* Behind the name, which is in parentheses and may hold anything: parent, user
 * and system time. False if the process is gone. */
static bool read_stat(const char *pid, long *ret_parent, double *ret_user,
                      double *ret_system)
{
    char path[64], line[LINE_MAX_BYTES];
    unsigned long user, sys;
    snprintf(path, sizeof path, "/proc/%.20s/stat", pid);
    FILE *f = fopen(path, "re");
    if (f == NULL) {
        return false;
    }
    size_t len = fread(line, 1, sizeof line - 1, f);
    fclose(f);
    line[len] = '\0';
    const char *p = strrchr(line, ')');
    if (p == NULL || sscanf(p + 1,
                            " %*c %ld %*d %*d %*d %*d %*u %*u %*u %*u %*u "
                            "%lu %lu",
                            ret_parent, &user, &sys) != 3) {
        return false;
    }
    *ret_user = (double)user / ticks();
    *ret_system = (double)sys / ticks();
    return true;
}

/* The number behind `key` in a file of "key: number" lines, or 0. */
static uint64_t read_key(const char *path, const char *key)
{
    char line[LINE_MAX_BYTES];
    uint64_t v = 0;
    FILE *f = fopen(path, "re");
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        if (strncmp(line, key, strlen(key)) == 0) {
            v = strtoull(line + strlen(key), NULL, 10);
            break;
        }
    }
    if (f != NULL) {
        fclose(f);
    }
    return v;
}

void watch_look(struct watch *w)
{
    for (unsigned i = 0; i < w->n_servers; i++) {
        struct watch_server *x = &w->servers[i];
        char pid[32], path[64];
        long parent;
        snprintf(pid, sizeof pid, "%ld", (long)x->pid);
        if (!read_stat(pid, &parent, &x->user_s, &x->system_s)) {
            continue;
        }
        snprintf(path, sizeof path, "/proc/%s/io", pid);
        x->written = read_key(path, "write_bytes:");
        snprintf(path, sizeof path, "/proc/%s/status", pid);
        x->rss = read_key(path, "VmRSS:") * 1024;
    }
}

static void sample_servers(struct watch *w, struct watch_sample *s)
{
    watch_look(w);
    for (unsigned i = 0; i < w->n_servers; i++) {
        const struct watch_server *x = &w->servers[i];
        s->user_s += x->user_s;
        s->system_s += x->system_s;
        s->written += x->written;
        s->rss_max = x->rss > s->rss_max ? x->rss : s->rss_max;
    }
}

/* Kernel threads are children of kthreadd, which is process 2. */
static void sample_kernel(struct watch_sample *s)
{
    DIR *d = opendir("/proc");
    struct dirent *e;
    while (d != NULL && (e = readdir(d)) != NULL) {
        double user, sys;
        long parent;
        if (isdigit((unsigned char)e->d_name[0]) &&
            read_stat(e->d_name, &parent, &user, &sys) && parent == 2) {
            s->kernel_s += user + sys;
        }
    }
    if (d != NULL) {
        closedir(d);
    }
}

static void sample_machine(struct watch_sample *s)
{
    unsigned long long t[8] = {0};
    FILE *f = fopen("/proc/stat", "re");
    if (f != NULL &&
        fscanf(f, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &t[0], &t[1],
               &t[2], &t[3], &t[4], &t[5], &t[6], &t[7]) == 8) {
        s->busy_s = (double)(t[0] + t[1] + t[2]) / ticks();
        s->interrupt_s = (double)(t[5] + t[6]) / ticks();
        s->steal_s = (double)t[7] / ticks();
    }
    if (f != NULL) {
        fclose(f);
    }
}

/* Whole disks only: partitions would count twice, loops are files on them. */
static void sample_disks(struct watch_sample *s)
{
    char line[LINE_MAX_BYTES], name[64], path[128];
    unsigned long long sectors;
    FILE *f = fopen("/proc/diskstats", "re");
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        if (sscanf(line, "%*u %*u %63s %*u %*u %*u %*u %*u %*u %llu", name,
                   &sectors) != 2) {
            continue;
        }
        snprintf(path, sizeof path, "/sys/block/%s/device", name);
        if (access(path, F_OK) == 0) {
            s->sectors += sectors;
        }
    }
    if (f != NULL) {
        fclose(f);
    }
}

static void sample(struct watch *w, struct watch_sample *s)
{
    struct timespec now;
    double user, sys;
    long parent;
    *s = (struct watch_sample){0};
    clock_gettime(CLOCK_MONOTONIC, &now);
    s->at_s = (double)now.tv_sec + (double)now.tv_nsec / 1e9;
    sample_servers(w, s);
    sample_kernel(s);
    sample_machine(s);
    sample_disks(s);
    if (read_stat("self", &parent, &user, &sys)) {
        s->self_s = user + sys;
    }
}

void watch_begin(struct watch *w)
{
    sample(w, &w->first);
    w->last = w->first;
    w->began = true;
}

void watch_end(struct watch *w)
{
    if (w->began && !w->ended) {
        sample(w, &w->last);
        w->ended = true;
    }
}

double watch_foreign_share(const struct watch *w)
{
    const struct watch_sample *a = &w->first, *b = &w->last;
    double all = (b->at_s - a->at_s) * w->n_cores;
    double others = (b->busy_s - a->busy_s) - (b->user_s - a->user_s) -
                    (b->system_s - a->system_s) - (b->self_s - a->self_s) -
                    (b->kernel_s - a->kernel_s);
    return all > 0 && others > 0 ? others / all : 0;
}
