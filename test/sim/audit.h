/* audit.h - what the disks really hold: the durable image of every node, read
 * by the format's own rules (doc/FORMATS.md) and compared with the books.
 *
 * Violations:
 *   image-lost     a committed record is not on a majority of durable images
 *   image-changed  an image holds other bytes, or another chain, for committed
 *                  offsets than consumers or other images
 *   image-unsound  an image cannot be read by the rules
 *   image-left     files or groups of topics that were deleted
 * and those of terms.h (terms and votes) and states.h (databases).
 */
#ifndef SIM_AUDIT_H
#define SIM_AUDIT_H

#include "terms.h"

/* With every node up and no load: the very end, since all power is cut so that
 * nothing is left but what was flushed. */
void audit_all(struct world *w, struct terms *terms);

#endif
