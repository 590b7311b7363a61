/* ledger.c - see ledger.h. */
#include "ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/crc32c.h"

bool ledger_next(const char *path, uint64_t from, uint64_t *ret_seed)
{
    char line[2000];
    unsigned long long last;
    FILE *f = fopen(path, "r");

    *ret_seed = from;
    if (f == NULL) {
        if (errno != ENOENT) {
            perror(path);
        }
        return errno == ENOENT;
    }
    while (fgets(line, sizeof line, f) != NULL) {
        if (sscanf(line, "%*[^\t]\t%*[^\t]\t%*[^\t]\t%llu", &last) == 1 &&
            last >= *ret_seed) {
            *ret_seed = last + 1;
        }
    }
    fclose(f);
    return true;
}

bool ledger_append(const char *path, const struct ledger_line *l)
{
    char line[1500], when[32];
    time_t now = time(NULL);
    struct tm tm;
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT, 0644);
    int n;

    (void)strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ",
                   gmtime_r(&now, &tm));
    n = snprintf(line, sizeof line, "%s\t%s\t%llu\t%llu\t%llu\t%.2f\t%s\n",
                 when, l->build, (unsigned long long)l->first,
                 (unsigned long long)l->last, (unsigned long long)l->n_runs,
                 l->hours, l->result);
    if (n >= (int)sizeof line) {
        n = (int)sizeof line - 1;
        line[n - 1] = '\n';
    }
    if (fd < 0 || write(fd, line, (size_t)n) != n) {
        perror(path);
        if (fd >= 0) {
            close(fd);
        }
        return false;
    }
    return close(fd) == 0;
}

void ledger_build(char *ret_text, unsigned len)
{
    uint8_t bytes[65536];
    uint32_t crc = 0;
    ssize_t n;
    int fd = open("/proc/self/exe", O_RDONLY);

    while (fd >= 0 && (n = read(fd, bytes, sizeof bytes)) > 0) {
        crc = crc32c_extend(crc, bytes, (size_t)n);
    }
    if (fd >= 0) {
        close(fd);
    }
    snprintf(ret_text, len, "crc-%08x", crc);
}
