/* group_rows.h - the partitions that a command of a group is about, as rows:
 * of topics that were named, of what a group has committed, of a file.
 *
 * Functions return exit codes; what failed has been said on stderr then. Rows
 * lie in the arena of the group_client.
 */
#ifndef CLI_GROUP_ROWS_H
#define CLI_GROUP_ROWS_H

#include "cli/group_plan.h"
#include "cli/group_scope.h"
#include "cli/group_view.h"

#define GROUP_ROWS_TOPICS_MAX 64 /* --topic given so often */
#define GROUP_ROWS_MAX        100000

struct group_rows {
    struct group_client *g; /* set by the caller, once it is open */
    struct command_call *call;
    struct group_scope_topic scope[GROUP_ROWS_TOPICS_MAX];
    unsigned n_scope;
    bool all_topics;
    struct group_row *rows;
    size_t n;
};

/* Read --topic and --all-topics; the numbers of partitions lie in `a`. One of
 * the two must be there, unless `none` says why not both may be missing. */
int group_rows_scope(struct group_rows *x, struct command_call *c,
                     struct arena *a, const char *none);
/* What a group has committed, of those that were asked for, as `wanted`. */
int group_rows_of_view(struct group_rows *x, const struct group_view *v);
/* All partitions of the topics that were named, or those that were. */
int group_rows_of_topics(struct group_rows *x);
/* What a file says of this group, as `wanted`. */
int group_rows_of_file(struct group_rows *x, const char *name,
                       struct slice group);
/* Are the topics that were named there? */
int group_rows_check(struct group_rows *x);
/* Add a row; at most as many as group_rows_room() made room for. */
struct group_row *group_rows_add(struct group_rows *x, struct slice topic,
                                 int32_t partition, int64_t wanted);
int group_rows_room(struct group_rows *x, size_t n);

#endif
