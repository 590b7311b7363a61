/* swarm.h - one seed: a cluster, a load, faults, healing, judgement.
 *
 * Everything is drawn from the seed: size, settings, delays, which kinds of
 * fault there are and when. Faults stay within the budget of the promise:
 * power may fail everywhere at once, but a disk keeps what was flushed. */
#ifndef SIM_SWARM_H
#define SIM_SWARM_H

#include "coverage.h"
#include "world.h"

struct swarm_options {
    uint64_t seed;
    bool trace;                /* show the nodes' own traces, and the faults */
    struct coverage *coverage; /* counts; may be NULL */
    uint64_t shake;            /* sim_options.shake */
};

struct swarm_result {
    bool failed;
    char invariant[32];
    char text[800];
    uint64_t at_us; /* virtual */
    uint64_t hash;
    uint64_t virtual_us;
    unsigned nodes, faults, deaths;
    unsigned damaged, wiped; /* disks */
    unsigned damage_seen;    /* nodes that ended because of it */
    unsigned power_at_io;    /* cuts at a chosen I/O call */
    struct world_counts counts;
};

/* Of struct coverage's `faults`. */
const char *swarm_fault_name(unsigned kind);

/* Are there consumer groups in this seed's run? */
bool swarm_has_groups(uint64_t seed);

void swarm_run(const struct swarm_options *o, struct swarm_result *ret_r);

#endif
