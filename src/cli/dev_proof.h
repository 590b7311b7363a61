/* dev_proof.h - the command `dev proof`: see proof.h. */
#ifndef CLI_DEV_PROOF_H
#define CLI_DEV_PROOF_H

#include "cli/command.h"

/* Produce, kill the leader in the middle, read back, judge, start the node
 * again. EXIT_VIOLATION if an acknowledged record was lost, duplicated,
 * reordered or changed. */
int dev_proof(struct command_call *c);

#endif
