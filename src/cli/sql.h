/* sql.h - `ostraka sql`: statements over the views of doc/SQL.md, run by one
 * node; an answer as a table, CSV or JSON; a shell.
 */
#ifndef CLI_SQL_H
#define CLI_SQL_H

#include "cli/admin.h"
#include "cli/command.h"
#include "wire/gen/ostraka_sql.h"

extern const struct command sql_commands[];

enum sql_mode { SQL_MODE_TABLE, SQL_MODE_CSV, SQL_MODE_JSON };

/* A connection to the node that runs the statements. */
struct sql {
    struct admin admin;
    bool open;   /* it is there; else it is made anew */
    bool proved; /* it has answered a statement */
    int node;    /* -1: the first that answers */
    enum sql_mode mode;
    bool stale;
    bool quiet; /* say nothing of what was seen */
};

/* Run one statement and print what it gives. Returns an exit code; what failed
 * is said on stderr. Statements change nothing: where a connection that was
 * good is gone, it is made anew, and the statement sent again. */
int sql_statement(struct sql *s, const char *text);
/* Statements from a person or from standard input, until its end: each ends
 * with a semicolon at the end of a line. Returns the code of the last one that
 * failed. (sql_shell.c) */
int sql_shell(struct sql *s);
/* Print an answer on stdout. False: it is malformed. (sql_print.c) */
bool sql_print(const struct ostraka_sql_response *r, enum sql_mode mode);
/* One line on stderr: by whom it was run, what it saw. */
void sql_print_seen(const struct ostraka_sql_response *r);

#endif
