/* group_scope.h - which partitions a command of a group is about:
 *
 *     --topic T            all of topic T
 *     --topic T:0,3-5      these of it
 *     --all-topics         all that the group has committed
 *
 * --topic may be repeated, also for the same topic.
 */
#ifndef CLI_GROUP_SCOPE_H
#define CLI_GROUP_SCOPE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/slice.h"

/* Partitions that one --topic may name. */
#define GROUP_SCOPE_PARTITIONS_MAX 100000

struct group_scope_topic {
    struct slice topic; /* borrowed from the text */
    int32_t *partitions;
    unsigned n_partitions; /* 0: all of them */
};

/* Read one --topic; the numbers lie in the arena. Errors: ERR_INVALID (with
 * what was expected), ERR_NOMEM. */
int group_scope_parse(const char *text, struct arena *a,
                      struct group_scope_topic *ret_t, struct err *err);
/* Does it name this partition? */
bool group_scope_has(const struct group_scope_topic *t, struct slice topic,
                     int32_t partition);

#endif
