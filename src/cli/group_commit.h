/* group_commit.h - commit, and forget, offsets of a group that has no members,
 * as an administrator. */
#ifndef CLI_GROUP_COMMIT_H
#define CLI_GROUP_COMMIT_H

#include "cli/group_change.h"

/* Of each row that changes: commit `after`, or forget the offset where there
 * shall be none. All in one request, unless that is too large for the
 * cluster. What failed stands in the rows' `error`; returns the exit code of
 * that, or of a request that failed as a whole, which has been said. */
int group_commit_rows(struct group_change *ch);
/* Forget the offsets of these rows, whatever they are. As above. */
int group_commit_forget(struct group_client *g, struct group_view *v,
                        struct group_row *const rows[], size_t n);

#endif
