/* topic.h - ostraka topic: make, show, change and delete topics, through the
 * Kafka protocol only. */
#ifndef CLI_TOPIC_H
#define CLI_TOPIC_H

#include "base/slice.h"
#include "cli/command.h"

/* The rows of `topic`, ended by one without a noun. */
extern const struct command topic_commands[];

/* ostraka topic list, topic describe NAME (topic_show.c). */
int topic_list(struct command_call *c);
int topic_describe(struct command_call *c);

/* Cut "key=value" at its first '='. Borrows `text`. Errors: ERR_INVALID (no
 * '=' or no key). */
int topic_setting(const char *text, struct slice *ret_key,
                  struct slice *ret_value);

#endif
