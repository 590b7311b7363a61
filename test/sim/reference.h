/* reference.h - the class of cluster by which the simulator's speed is
 * measured: three nodes, one topic of four partitions on all of them, @meta,
 * 50 batches a second by one idempotent producer, one consumer, no fault. */
#ifndef SIM_REFERENCE_H
#define SIM_REFERENCE_H

#include <stdbool.h>
#include <stdint.h>

struct reference_result {
    bool failed;
    char text[700];
    uint64_t virtual_us;
    uint64_t cpu_us; /* of this thread, while the cluster was under load */
    uint64_t acked;  /* records */
    uint64_t hash;
};

/* Run it for `seconds` of virtual time under load, and judge it. */
void reference_run(uint64_t seconds, struct reference_result *ret_r);

#endif
