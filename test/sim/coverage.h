/* coverage.h - what happened to the nodes of many runs, counted from what they
 * say of it themselves (their trace). A set of runs in which one of these
 * never happened has not tested it. */
#ifndef SIM_COVERAGE_H
#define SIM_COVERAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum coverage_kind {
    COVERAGE_ELECTIONS,
    COVERAGE_TRUNCATIONS,
    COVERAGE_BASES,     /* log bases raised */
    COVERAGE_TRANSFERS, /* that ended well */
    COVERAGE_INSTALLS,  /* held until the record of them was durable */
    COVERAGE_TORN,      /* tails cut at a start */
    COVERAGE_DAMAGE,    /* seen, and not cut */
    COVERAGE_DUPLICATES,
    COVERAGE_BARRIERS, /* refused */
    COVERAGE_RECYCLED, /* files of the journal's ring */
    COVERAGE_QUIET,
    COVERAGE_WOKEN,
    COVERAGE_BEHIND, /* a database behind its log at a start */
    COVERAGE_GROUP_IMAGES_ASKED,
    COVERAGE_GROUP_IMAGES,    /* of @groups, installed */
    COVERAGE_STATES_DAMAGED,  /* databases put aside for what they hold */
    COVERAGE_STATES_ASTRAY,   /* ... since most others hold something else */
    COVERAGE_STATES_FETCHED,  /* asked for, to replace such a one */
    COVERAGE_STATES_RESTORED, /* and installed */
    COVERAGE_ELSEWHERE,       /* transfers that went to another giver */
    /* What members of groups met with. */
    COVERAGE_REBALANCES,
    COVERAGE_COORDINATOR_MOVES,
    COVERAGE_GENERATIONS_FENCED, /* or members */
    COVERAGE_COMMITS_AFTER_MOVE,
    COVERAGE_SESSIONS_EXPIRED,
    COVERAGE_STATIC_REJOINS,  /* without a rebalance */
    COVERAGE_OFFSETS_REMOVED, /* with their topic */
    COVERAGE_OFFSETS_EXPIRED,
    COVERAGE_OFFSETS_DELETED, /* by OffsetDelete */
    COVERAGE_GROUPS_DELETED,
    COVERAGE_BIG_GENERATIONS, /* of twenty members and more */
    COVERAGES
};

/* Kinds of faults (swarm_impl.h). */
#define COVERAGE_FAULTS 21

struct coverage {
    uint64_t n[COVERAGES];
    uint64_t faults[COVERAGE_FAULTS]; /* that were brought about */
    uint64_t beyond; /* runs beyond the fault budget: what is read is judged */
};

/* A line of a node; for sim_options.trace_cb. `arg` is a struct coverage. */
void coverage_hear(void *arg, unsigned node, struct slice line);
void coverage_add(struct coverage *to, const struct coverage *from);
const char *coverage_name(enum coverage_kind kind);
/* Does a set of runs count for nothing without it? The others are too rare. */
bool coverage_required(enum coverage_kind kind);

#endif
