/* state_faults.h - databases of state groups (@meta, @groups) that are not what
 * they should be, though their node runs on: it has to find that out and to
 * make them anew, from its log or from another node. */
#ifndef SIM_STATE_FAULTS_H
#define SIM_STATE_FAULTS_H

#include "cluster.h"

/* A running node decides something that no other one does: a row of @meta that
 * is sound, and wrong. False: not now. */
bool state_fault_decision(struct sim_cluster *c, unsigned id);
/* Some bytes of a database of a node change on its disk, which remembers
 * (sim_disk_remember()); then or before, it must be started anew. `text` is
 * what was done. False: nothing could be. */
bool state_fault_damage(struct sim_cluster *c, unsigned id, bool groups,
                        char *text, size_t size);
/* True if the databases of a node are those that it may answer from, and none
 * holds what state_fault_decision() made. False also if it does not run. */
bool state_fault_mended(struct sim_cluster *c, unsigned id);
/* True if more than half of the nodes hold what state_fault_decision() made: an
 * image with it was given before there was anybody to compare it with. Then it
 * is the majority's, and nobody can tell that it is wrong. */
bool state_fault_spread(struct sim_cluster *c);
/* True if a node has said that @meta differs and nobody has a majority: then
 * nothing is replaced, and nothing given to whoever lacks it, until somebody
 * decides (decision 0014). */
bool state_fault_split(struct sim_cluster *c);

#endif
