/* group.h - ostraka group: consumer groups, their members and their offsets.
 *
 * All but `history` and `undo` works with any cluster that speaks Kafka's
 * protocol. A file per family of verbs; group.c has the table.
 */
#ifndef CLI_GROUP_H
#define CLI_GROUP_H

#include "cli/command.h"
#include "cli/output.h"

struct group_member;

/* The rows of `group`, ended by one without a noun. */
extern const struct command group_commands[];

/* group_show.c */
int group_list(struct command_call *c);
int group_describe(struct command_call *c);
int group_members(struct command_call *c);
/* group_reset.c */
int group_reset_offsets(struct command_call *c);
/* group_delete.c */
int group_delete(struct command_call *c);
int group_delete_offsets(struct command_call *c);
/* group_history.c */
int group_history(struct command_call *c);
int group_undo(struct command_call *c);

#endif
