/* states.h - the databases of the state groups (@meta, @groups) on the disks:
 * each holds what its log says, and the same as the others at the same index.
 *
 * Every image's database is opened, and what its durable log has beyond it is
 * applied, and taken back; the hash of all rows is noted at each index.
 *
 * Violations:
 *   image-changed  two logs hold different entries of one index and term
 *   state-differs  two databases that applied the same differ
 *   state-ahead    a database holds what its own durable log does not
 *   image-unsound  a database cannot be read
 */
#ifndef SIM_STATES_H
#define SIM_STATES_H

#include "image.h"
#include "world.h"

struct states; /* what is known of one run */

struct states *states_new(struct world *w, struct mem *mem);
/* Judge the state groups of one image, in the node that reads it. */
void states_read(struct states *s, struct env *e, unsigned node,
                 struct image *im);

#endif
