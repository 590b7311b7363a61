/* help.h - what the tool says of itself, from the table of commands. */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include "cli/command.h"

/* All commands, or those of `noun`, or one. Returns an exit code: EXIT_USAGE
 * if nothing was asked for (`asked_nothing`), said on stderr then. */
int help_main(const char *noun, const char *verb, bool asked_nothing);
/* One command, on stdout. */
void help_command(const struct command *m);
/* The man page ostraka(1), on stdout: `ostraka help --man`, for the build. */
void help_man(void);
/* There is no such command: say what is nearest. Returns EXIT_USAGE. */
int help_unknown(const char *noun, const char *verb);
/* The option of the command nearest to `name`, or NULL. */
const char *help_nearest_option(const struct command *m, const char *name);

/* The candidate that a mistyped word probably means. */
struct help_nearest {
    const char *word;  /* set by the caller */
    const char *best;  /* NULL: none is near */
    unsigned distance; /* private */
};
/* Take `candidate`, which is borrowed, if it is nearer than what was there. */
void help_consider(struct help_nearest *n, const char *candidate);

#endif
