#include "cli/command.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "cli/clean.h"
#include "cli/help.h"
#include "env/system.h"

#define TIMEOUT_MS_DEFAULT 10000
#define FAIL_TEXT_MAX      4096

const struct command_option command_options_all[] = {
    {"json", 0, NULL, "Print JSON for programs."},
    {"bootstrap", 'b', "HOST:PORT,...",
     "Where the cluster is (else $OSTRAKA_BOOTSTRAP, else 127.0.0.1:9092)."},
    {"timeout", 0, "MS", "How long to wait for an answer (default 10000)."},
    {"help", 'h', NULL, "Print what there is to know of the command."},
    {NULL}};

/* ---- what a command asks ------------------------------------------------- */

const char *command_option_next(const struct command_call *c, const char *name,
                                unsigned *pos)
{
    while (*pos < c->n_given) {
        const struct command_given *g = &c->given[(*pos)++];
        if (strcmp(g->option->name, name) == 0) {
            return g->value != NULL ? g->value : "";
        }
    }
    return NULL;
}

const char *command_option(const struct command_call *c, const char *name,
                           const char *otherwise)
{
    unsigned pos = 0;
    const char *value;
    while ((value = command_option_next(c, name, &pos)) != NULL) {
        otherwise = value;
    }
    return otherwise;
}

bool command_flag(const struct command_call *c, const char *name)
{
    return command_option(c, name, NULL) != NULL;
}

int command_number(const struct command_call *c, const char *name, int64_t min,
                   int64_t max, int64_t otherwise, int64_t *ret_n)
{
    const char *text = command_option(c, name, NULL);
    char *end;
    if (text == NULL) {
        *ret_n = otherwise;
        return 0;
    }
    long long n = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || n < min || n > max) {
        command_fail(c, EXIT_USAGE,
                     "--%s %s: expected a number from %lld to "
                     "%lld",
                     name, text, (long long)min, (long long)max);
        return ERR_INVALID;
    }
    *ret_n = n;
    return 0;
}

bool command_json(const struct command_call *c)
{
    return command_flag(c, "json");
}

const char *command_bootstrap(const struct command_call *c)
{
    const char *otherwise = getenv("OSTRAKA_BOOTSTRAP");
    return command_option(
        c, "bootstrap",
        otherwise != NULL && *otherwise != '\0' ? otherwise : "127.0.0.1:9092");
}

unsigned command_timeout_ms(const struct command_call *c)
{
    int64_t ms = TIMEOUT_MS_DEFAULT;
    (void)command_number(c, "timeout", 1, 86400000, TIMEOUT_MS_DEFAULT, &ms);
    return (unsigned)ms;
}

struct env *command_env(struct command_call *c)
{
    struct env_system_options eo = {.io_engine = "threads",
                                    .trace_level = TRACE_LEVELS}; /* none */
    struct err err = {""};
    if (c->env == NULL && env_system_new(&eo, &c->env, &err) != 0) {
        c->env = NULL;
        command_fail(c, EXIT_FAILED, "%s", err.text);
    }
    return c->env;
}

int command_fail(const struct command_call *c, int code, const char *fmt, ...)
{
    char text[FAIL_TEXT_MAX];
    va_list args;
    fflush(stdout);
    fprintf(stderr, "ostraka");
    if (c != NULL && c->command != NULL) {
        fprintf(stderr, " %s%s%s", c->command->noun,
                c->command->verb != NULL ? " " : "",
                c->command->verb != NULL ? c->command->verb : "");
    }
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    clean_text(text);
    fprintf(stderr, ": %s\n", text);
    return code;
}

int command_exit_of(int status)
{
    switch (status) {
    case 0:
        return EXIT_DONE;
    case ERR_REFUSED:
    case ERR_EOF:
    case ERR_CLOSED:
        return EXIT_UNREACHABLE;
    case ERR_TIMEOUT:
        return EXIT_UNKNOWN;
    case ERR_INVALID:
        return EXIT_USAGE;
    case ERR_NOTFOUND:
        return EXIT_NOTFOUND;
    default:
        return EXIT_FAILED;
    }
}

/* ---- parsing ------------------------------------------------------------- */

static const struct command_option *
option_in(const struct command_option *table, const char *name, size_t len,
          char letter)
{
    for (const struct command_option *o = table; o != NULL && o->name != NULL;
         o++) {
        if (letter != 0
                ? o->letter == letter
                : strlen(o->name) == len && strncmp(o->name, name, len) == 0) {
            return o;
        }
    }
    return NULL;
}

static const struct command_option *option_find(const struct command *command,
                                                const char *name, size_t len,
                                                char letter)
{
    const struct command_option *o =
        option_in(command->options, name, len, letter);
    return o != NULL ? o : option_in(command_options_all, name, len, letter);
}

/* Take the option at argv[*i], and its value. Errors: an exit code. */
static int take_option(struct command_call *c, int argc, char *argv[], int *i)
{
    const char *text = argv[*i];
    bool is_long = text[1] == '-';
    const char *name = text + (is_long ? 2 : 1);
    const char *equals = is_long ? strchr(name, '=') : NULL;
    size_t len = equals != NULL ? (size_t)(equals - name) : strlen(name);
    const struct command_option *o =
        option_find(c->command, name, len, is_long ? 0 : text[1]);
    const char *value = equals != NULL ? equals + 1 : NULL;
    if (o == NULL) {
        const char *near =
            is_long ? help_nearest_option(c->command, name) : NULL;
        return command_fail(c, EXIT_USAGE, "%s: no such option%s%s%s", text,
                            near != NULL ? "; did you mean --" : "",
                            near != NULL ? near : "", near != NULL ? "?" : "");
    }
    if (!is_long && text[2] != '\0') {
        value = text + 2;
    }
    if (o->argument == NULL && value != NULL) {
        return command_fail(c, EXIT_USAGE, "%s: takes no value", text);
    }
    if (o->argument != NULL && value == NULL) {
        if (*i + 1 >= argc) {
            return command_fail(c, EXIT_USAGE, "%s: needs %s", text,
                                o->argument);
        }
        value = argv[++*i];
    }
    if (c->n_given == COMMAND_GIVEN_MAX) {
        return command_fail(c, EXIT_USAGE, "too many options");
    }
    c->given[c->n_given++] = (struct command_given){o, value};
    return 0;
}

/* Options out of argv[from..], arguments to its front. */
static int take_all(struct command_call *c, int argc, char *argv[], int from)
{
    bool options = true;
    int rv = 0;
    c->arguments = argv + from;
    for (int i = from; i < argc && rv == 0; i++) {
        if (options && strcmp(argv[i], "--") == 0) {
            options = false;
        } else if (options && argv[i][0] == '-' && argv[i][1] != '\0') {
            rv = take_option(c, argc, argv, &i);
        } else {
            c->arguments[c->n_arguments++] = argv[i];
        }
    }
    return rv;
}

static int check_arguments(const struct command_call *c)
{
    const struct command *command = c->command;
    if (c->n_arguments >= command->arguments_min &&
        c->n_arguments <= command->arguments_max) {
        return 0;
    }
    if (c->n_arguments > command->arguments_max) {
        return command_fail(c, EXIT_USAGE, "%s: unexpected; see --help",
                            c->arguments[command->arguments_max]);
    }
    return command_fail(c, EXIT_USAGE, "give %s; see --help",
                        command->arguments);
}

static const struct command *command_find(const char *noun, const char *verb)
{
    for (unsigned t = 0; command_tables[t] != NULL; t++) {
        for (const struct command *m = command_tables[t]; m->noun != NULL;
             m++) {
            if (strcmp(m->noun, noun) == 0 &&
                (m->verb == NULL ||
                 (verb != NULL && strcmp(m->verb, verb) == 0))) {
                return m;
            }
        }
    }
    return NULL;
}

/* A pipe to head, or to a pager that was left. */
static bool nobody_reads(void)
{
    struct pollfd p = {.fd = STDOUT_FILENO, .events = POLLOUT};
    return poll(&p, 1, 0) == 1 && (p.revents & (POLLERR | POLLHUP)) != 0;
}

/* What is printed is the result: where it cannot be written, there is none.
 * What failed before, and why, stdio does not tell: only that it did. That
 * nobody reads on needs no words. */
static int finish_output(const struct command_call *c, int code)
{
    errno = 0;
    bool failed = fflush(stdout) != 0;
    int why = errno;
    if (!failed && !ferror(stdout)) {
        return code;
    }
    if (!nobody_reads()) {
        command_fail(c, code, "standard output: %s",
                     failed ? strerror(why) : "not all of it was written");
    }
    return code == EXIT_DONE ? EXIT_FAILED : code;
}

static int run(struct command_call *c, int argc, char *argv[], int from)
{
    int code = take_all(c, argc, argv, from);
    if (code == 0 && command_flag(c, "help")) {
        help_command(c->command);
        return EXIT_DONE;
    }
    if (code == 0) {
        code = check_arguments(c);
    }
    if (code == 0) {
        int64_t ms;
        code = command_number(c, "timeout", 1, 86400000, TIMEOUT_MS_DEFAULT,
                              &ms) != 0
                   ? EXIT_USAGE
                   : c->command->run(c);
    }
    return finish_output(c, code);
}

int command_main(int argc, char *argv[])
{
    struct command_call c = {0};
    int code;
    if (argc == 3 && strcmp(argv[1], "help") == 0 &&
        strcmp(argv[2], "--man") == 0) {
        help_man();
        return EXIT_DONE;
    }
    if (argc < 2 || strcmp(argv[1], "--help") == 0 ||
        strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        return help_main(argc > 2 ? argv[2] : NULL, argc > 3 ? argv[3] : NULL,
                         argc < 2);
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "version") == 0) {
        printf("ostraka %s\n", PACKAGE_VERSION);
        return EXIT_DONE;
    }
    c.command = command_find(argv[1], argc > 2 ? argv[2] : NULL);
    if (c.command == NULL) {
        return help_unknown(argv[1], argc > 2 ? argv[2] : NULL);
    }
    c.mem = mem_new(0);
    if (c.mem == NULL) {
        return command_fail(&c, EXIT_FAILED, "out of memory");
    }
    code = run(&c, argc, argv, c.command->verb != NULL ? 3 : 2);
    env_system_free(c.env);
    mem_free_all(c.mem);
    return code;
}
