/* group_change.h - new offsets for a group: shown before and after, and
 * committed if that was asked for (--execute). What `reset-offsets` and `undo`
 * share.
 *
 *   rows -> group_change_ranges -> group_change_decide -> group_change_run
 */
#ifndef CLI_GROUP_CHANGE_H
#define CLI_GROUP_CHANGE_H

#include "cli/group_plan.h"
#include "cli/group_view.h"

struct group_change {
    struct group_client *g;
    const char *name; /* of the schema */
    struct group_view *view;
    struct group_target target;
    struct group_row *rows; /* by topic and partition, each once */
    size_t n;
    unsigned n_requests; /* in which they were committed */
    /* Of the reset that is taken back; 0: none. */
    int64_t of_ms;
    struct slice of_by;
};

/* Order rows, drop those that are there twice. */
void group_change_order(struct group_change *ch);
/* Fill what is committed, and where each log begins and ends; for TO_TIME also
 * what is wanted. Returns an exit code, said. */
int group_change_ranges(struct group_change *ch);
/* Decide all rows. */
void group_change_decide(struct group_change *ch);
/* Refuse to --execute on a group that has members. */
int group_change_allowed(const struct group_change *ch);
/* --export, --execute, and what is printed of it. */
int group_change_run(struct group_change *ch);

#endif
