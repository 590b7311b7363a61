/* shake.h - SQLite's memory, handed out full of some byte and at other
 * addresses, as mem_shake() does with the nodes', or not at all. For this
 * process. */
#ifndef SIM_SHAKE_H
#define SIM_SHAKE_H

#include <stdint.h>

/* Before anybody uses SQLite. */
void shake_install(void);
/* From now on; 0: not. */
void shake_set(uint64_t seed);
/* SQLite does not get the `n`-th block from now (1: the next). 0: it does. */
void shake_fail_at(uint64_t n);

#endif
