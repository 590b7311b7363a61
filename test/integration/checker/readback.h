/* readback.h - reading everything back, from the leaders through librdkafka
 * and from each replica by raw requests. */
#ifndef CHECKER_READBACK_H
#define CHECKER_READBACK_H

#include "judge.h"

struct readback {
    const char *brokers;
    const char *topic;
    unsigned settle_seconds; /* how long a log may take to get to its end */
    const char *replicas;    /* "all", "none" or "1,2,..." */
};

/* Read every partition from its leader, from its first offset to its end at
 * this moment. Ends the program if it cannot be read. */
void readback_leaders(const struct readback *r, struct judge *j);
/* Read every partition from each of its replicas (Fetch with replica id -2),
 * up to where the leader's log ended. Returns the number of replicas read.
 * Ends the program if a replica cannot be read at all. */
unsigned readback_replicas(const struct readback *r, struct judge *j);

#endif
