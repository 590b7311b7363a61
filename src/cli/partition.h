/* partition.h - ostraka partition: one Raft group, replica by replica. */
#ifndef CLI_PARTITION_H
#define CLI_PARTITION_H

#include "base/slice.h"
#include "cli/command.h"

/* The rows of `partition`, ended by one without a noun. */
extern const struct command partition_commands[];

/* Cut "TOPIC/PARTITION" at its last slash; a topic that begins with '@' needs
 * no partition (-1). Borrows `text`. Errors: ERR_INVALID. */
int partition_parse(const char *text, struct slice *ret_topic,
                    int32_t *ret_partition);

#endif
