/* selftest.h - a checker is worth what it finds. */
#ifndef CHECKER_SELFTEST_H
#define CHECKER_SELFTEST_H

/* Take a good history, plant each kind of damage into it, and demand that
 * exactly that kind is reported. Prints one line per plant; 0 if all were
 * found, else 1. */
int selftest_run(void);

#endif
