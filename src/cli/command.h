/* command.h - the tool's commands: one table drives parsing, help, the man
 * page and suggestions.
 *
 *   ostraka NOUN VERB [ARGUMENT]... [--option VALUE]...
 *
 * A file per noun exports its rows, ended by one without a name; commands.c
 * lists them. Options may stand anywhere behind the command; "--" ends them.
 * stdout is data, stderr is progress, warnings, questions.
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "env/env.h"
#include "ostraka.h"

/* Exit codes, as <ostraka.h> and ostraka(1) tell them. */
enum command_exit {
    EXIT_DONE = OSTRAKA_EXIT_DONE,
    EXIT_FAILED = OSTRAKA_EXIT_FAILED,
    EXIT_USAGE = OSTRAKA_EXIT_USAGE,
    EXIT_NOTFOUND = OSTRAKA_EXIT_NOTFOUND,
    EXIT_REFUSED = OSTRAKA_EXIT_REFUSED,
    EXIT_UNREACHABLE = OSTRAKA_EXIT_UNREACHABLE,
    EXIT_UNKNOWN = OSTRAKA_EXIT_UNKNOWN,
    EXIT_UNHEALTHY = OSTRAKA_EXIT_UNHEALTHY,
    EXIT_VIOLATION = OSTRAKA_EXIT_VIOLATION
};

enum command_impact { IMPACT_READ, IMPACT_WRITE, IMPACT_DANGER };

struct command_option {
    const char *name;     /* without dashes; NULL ends the table */
    char letter;          /* or 0 */
    const char *argument; /* "N"; NULL: a flag */
    const char *help;
};

#define COMMAND_OPTIONS_MAX 24
#define COMMAND_GIVEN_MAX   128

struct command_call;

struct command {
    const char *noun;
    const char *verb;      /* NULL: the noun is the command */
    const char *arguments; /* "TOPIC/PARTITION"; NULL: none */
    const char *summary;   /* one sentence */
    const struct command_option *options;
    enum command_impact impact;
    unsigned arguments_min, arguments_max;
    int (*run)(struct command_call *c); /* an exit code */
    const char *examples;               /* lines; NULL: none */
};

/* One option that was given. */
struct command_given {
    const struct command_option *option;
    const char *value; /* borrowed from argv; NULL for a flag */
};

/* A command being run. */
struct command_call {
    const struct command *command;
    struct mem *mem;
    char **arguments; /* borrowed from argv */
    unsigned n_arguments;
    struct command_given given[COMMAND_GIVEN_MAX];
    unsigned n_given;
    struct env *env; /* NULL until command_env() */
};

/* Options that every command takes: --json, --bootstrap, --timeout, --help. */
extern const struct command_option command_options_all[];

/* The last value given for an option, or `otherwise`. `name` must be in the
 * command's table or among those of all. Borrowed. */
const char *command_option(const struct command_call *c, const char *name,
                           const char *otherwise);
/* True if the flag was given. */
bool command_flag(const struct command_call *c, const char *name);
/* The values of an option that may be repeated: start with *pos 0; NULL at the
 * end. */
const char *command_option_next(const struct command_call *c, const char *name,
                                unsigned *pos);
/* The last value as a number in min..max, or `otherwise`. Errors: ERR_INVALID,
 * said on stderr: return EXIT_USAGE. */
int command_number(const struct command_call *c, const char *name, int64_t min,
                   int64_t max, int64_t otherwise, int64_t *ret_n);
/* True if --json was given. */
bool command_json(const struct command_call *c);
/* --bootstrap, else $OSTRAKA_BOOTSTRAP, else 127.0.0.1:9092. */
const char *command_bootstrap(const struct command_call *c);
/* --timeout in milliseconds, default 10 s. */
unsigned command_timeout_ms(const struct command_call *c);
/* The env of this process, made at the first call; freed by command_main().
 * NULL: said on stderr. */
struct env *command_env(struct command_call *c);
/* Say on stderr what failed ("ostraka topic create: ...") and return `code`. */
int command_fail(const struct command_call *c, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The exit code for an error of client_call(). (Where client_open() fails,
 * nothing was sent: EXIT_UNREACHABLE.) */
int command_exit_of(int status);

/* Run what argv asks for. Returns the process's exit code. */
int command_main(int argc, char *argv[]);

/* All commands, in the order of help: tables ended by NULL. */
extern const struct command *const command_tables[];

#endif
