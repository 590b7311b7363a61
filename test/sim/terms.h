/* terms.h - who led when, and what the disks hold of terms and votes.
 *
 * Violations:
 *   two-leaders  two nodes led a group in one term
 *   term-back    the disk of a node holds a lower term of a group than it did
 *   two-votes    ... or another vote of the same term
 */
#ifndef SIM_TERMS_H
#define SIM_TERMS_H

#include "image.h"
#include "world.h"

/* Most readings of one run: they take time. */
#define TERMS_LOOKS_MAX 12

#define TERMS_TWOS_MAX 16

/* Two that led a group in one term. */
struct terms_two {
    uint64_t group, term;
    unsigned nodes[2];
    uint64_t at_us;
};

struct terms {
    struct world *world;
    struct mem *mem;
    struct map *leaders; /* group and term -> node */
    struct map *held;    /* node and group -> what its disk held */
    unsigned n_looks;
    struct terms_two twos[TERMS_TWOS_MAX];
    unsigned n_twos;
};

void terms_init(struct terms *t, struct world *w);
/* After the world ended. */
void terms_close(struct terms *t);
/* A line of a node's trace. */
void terms_hear(struct terms *t, unsigned node, struct slice line);
/* What an image of the node's disk holds now. */
void terms_read(struct terms *t, unsigned node, const struct image *im);
/* The end: an image of what there is by then. Two leaders of a group that is
 * no more are none: a node that comes back with an old image begins groups of
 * topics anew that were deleted since, until it knows, and these know nothing
 * of a former life. */
void terms_judge(struct terms *t, const struct image *im);
/* Read the disk of a node that is down, if that was not done too often. */
void terms_look(struct terms *t, unsigned node);

#endif
