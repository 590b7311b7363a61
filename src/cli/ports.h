/* ports.h - ports of this machine that nobody listens on. */
#ifndef CLI_PORTS_H
#define CLI_PORTS_H

#include <stdbool.h>
#include <stdint.h>

struct ports {
    uint16_t taken[128]; /* by us, and not bound yet */
    unsigned n_taken;
    unsigned next;
};

/* True if nobody listens on the port of 127.0.0.1 and it is not taken. */
bool ports_free(const struct ports *p, unsigned port);
/* Take that port: ports_free() is false from now on. */
void ports_take(struct ports *p, unsigned port);
/* Choose and take a free one below the range that the kernel gives outgoing
 * connections. 0: there is none. */
unsigned ports_choose(struct ports *p);

#endif
