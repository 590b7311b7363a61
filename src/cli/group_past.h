/* group_past.h - what a group has committed before: asked of an Ostraka
 * cluster, and what the last reset was. */
#ifndef CLI_GROUP_PAST_H
#define CLI_GROUP_PAST_H

#include "cli/group_client.h"
#include "cli/group_plan.h"
#include "wire/gen/ostraka_offset_history.h"

/* Rows of one group that are taken. */
#define GROUP_PAST_MAX 1000000

struct group_past {
    struct ostraka_offset_history_response_row *rows;
    size_t n;
};

/* Ask for all of it, a page at a time; rows are ordered by topic id, partition
 * and number. `*node` as of group_client_call(). Returns an exit code, said. */
int group_past_take(struct group_client *g, struct slice group, int32_t *node,
                    struct group_past *ret_p);

/* The last reset: of each partition that was reset then, where it was before.
 */
struct group_past_reset {
    int64_t time_ms;
    struct slice by;
    struct group_row *rows; /* as `wanted`: -1 there was no offset, or it is
                               not known and nothing is put back (`moved`) */
    size_t n;
    size_t n_lost; /* whose offset before is no longer kept; not in `rows` */
};
/* Find it: what was committed at one time by one client without membership, and
 * is marked so, or is the first commit of a partition and ours. Consumers that
 * do not subscribe commit without membership, too, and nothing but their name
 * tells them from a tool: so only commits of `by` count, or, `by` NULL, of this
 * program and of Kafka's admin clients. `*ret_other`: whose other commits there
 * are, if that is why there is none. Memory is the arena's. Errors:
 * ERR_NOTFOUND (there is none), ERR_NOMEM. */
int group_past_last_reset(const struct group_past *p, const char *by,
                          struct arena *a, struct group_past_reset *ret_r,
                          struct slice *ret_other);

#endif
