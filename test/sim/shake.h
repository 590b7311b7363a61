/* shake.h - SQLite's memory, handed out full of some byte and at other
 * addresses, as mem_shake() does with the nodes'. For this process. */
#ifndef SIM_SHAKE_H
#define SIM_SHAKE_H

#include <stdint.h>

/* Before anybody uses SQLite. */
void shake_install(void);
/* From now on; 0: not. */
void shake_set(uint64_t seed);

#endif
