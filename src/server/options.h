/* options.h - ostrakad's command line: a table of options that help, the man
 * page and the parser share. */
#ifndef SERVER_OPTIONS_H
#define SERVER_OPTIONS_H

#include "config/config.h"

enum options_mode {
    OPTIONS_RUN,
    OPTIONS_CHECK,       /* --check-config */
    OPTIONS_PRINT,       /* --print-config */
    OPTIONS_EXPLAIN,     /* --explain KEY */
    OPTIONS_HELP,        /* --help */
    OPTIONS_VERSION,     /* --version */
    OPTIONS_MAN_SETTINGS /* --man-settings: for ostrakad.properties(5) */
};

struct options {
    enum options_mode mode;
    const char *explain; /* borrowed from argv */
};

/* Parse argv; settings go into `config` (files first or last: the command line
 * wins). Borrows argv. Errors: ERR_INVALID, ERR_NOTFOUND, ERR_NOMEM, ERR_IO,
 * with `err` naming the option or file, line and key. */
int options_parse(struct options *o, struct config *config, struct mem *mem,
                  int argc, char *argv[], struct err *err);

/* The text of --help. */
void options_help(struct buf *out);

/* The settings as the man page ostrakad.properties(5) has them, in man(7)
 * macros: made from the tables, compared by a test. */
void options_man_settings(struct buf *out);

#endif
