/* ledger.h - which seeds were run by which build: a text file that grows.
 *
 * A line per run, its fields separated by tabs: time (UTC), build, first seed,
 * last seed, how many of them were run, simulated hours, result ("good" or the
 * seed and what it broke). Lines are appended with one write each, so that
 * several processes may. */
#ifndef SIM_LEDGER_H
#define SIM_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

struct ledger_line {
    const char *build;
    uint64_t first, last;
    uint64_t n_runs; /* without those that were left out */
    double hours;
    const char *result;
};

/* The seed behind the last one of all lines; `from` in an empty or new file.
 * False with a complaint on stderr if it cannot be read. */
bool ledger_next(const char *path, uint64_t from, uint64_t *ret_seed);
/* False with a complaint on stderr. */
bool ledger_append(const char *path, const struct ledger_line *l);
/* What tells builds apart that were given no name: a hash of the program. */
void ledger_build(char *ret_text, unsigned len);

#endif
