#include "cli/help.h"

#include <stdio.h>
#include <string.h>

#define NEAR_MAX  2 /* edits that are still a slip of the hand */
#define NAME_MAX_ 32

/* Edits from one word to the other; more than NEAR_MAX if they are long. */
static unsigned distance(const char *a, const char *b)
{
    unsigned row[NAME_MAX_ + 1];
    size_t n = strlen(a), m = strlen(b);
    if (n > NAME_MAX_ || m > NAME_MAX_) {
        return NEAR_MAX + 1;
    }
    for (size_t j = 0; j <= m; j++) {
        row[j] = (unsigned)j;
    }
    for (size_t i = 1; i <= n; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= m; j++) {
            unsigned change = diagonal + (a[i - 1] != b[j - 1]);
            unsigned least = row[j] < row[j - 1] ? row[j] : row[j - 1];
            diagonal = row[j];
            row[j] = change < least + 1 ? change : least + 1;
        }
    }
    return row[m];
}

void help_consider(struct help_nearest *n, const char *candidate)
{
    unsigned d = distance(n->word, candidate);
    if (strncmp(candidate, n->word, strlen(n->word)) == 0 &&
        strlen(n->word) > 1) {
        d = 1; /* the beginning of it */
    }
    if (d <= NEAR_MAX && (n->best == NULL || d < n->distance)) {
        n->distance = d;
        n->best = candidate;
    }
}

const char *help_nearest_option(const struct command *m, const char *name)
{
    struct help_nearest n = {.word = name};
    for (const struct command_option *o = m->options;
         o != NULL && o->name != NULL; o++) {
        help_consider(&n, o->name);
    }
    for (const struct command_option *o = command_options_all; o->name != NULL;
         o++) {
        help_consider(&n, o->name);
    }
    return n.best;
}

static bool noun_known(const char *noun)
{
    for (unsigned t = 0; command_tables[t] != NULL; t++) {
        for (const struct command *m = command_tables[t]; m->noun != NULL;
             m++) {
            if (strcmp(m->noun, noun) == 0) {
                return true;
            }
        }
    }
    return false;
}

int help_unknown(const char *noun, const char *verb)
{
    bool known = noun_known(noun);
    struct help_nearest n = {.word = known ? verb : noun};
    if (known && (verb == NULL || *verb == '-')) {
        bool asked = verb != NULL &&
                     (strcmp(verb, "-h") == 0 || strcmp(verb, "--help") == 0);
        return help_main(noun, NULL, !asked);
    }
    for (unsigned t = 0; command_tables[t] != NULL; t++) {
        for (const struct command *m = command_tables[t]; m->noun != NULL;
             m++) {
            if (!known) {
                help_consider(&n, m->noun);
            } else if (m->verb != NULL && strcmp(m->noun, noun) == 0) {
                help_consider(&n, m->verb);
            }
        }
    }
    fprintf(stderr, "ostraka: %s%s%s: no such command", noun, known ? " " : "",
            known ? verb : "");
    if (n.best != NULL) {
        fprintf(stderr, "; did you mean \"ostraka %s%s%s\"?",
                known ? noun : n.best, known ? " " : "", known ? n.best : "");
    }
    fprintf(stderr, "\nostraka help lists the commands\n");
    return EXIT_USAGE;
}

static void line_of(FILE *f, const struct command *m)
{
    char left[64];
    snprintf(left, sizeof left, "%s%s%s%s%s", m->noun,
             m->verb != NULL ? " " : "", m->verb != NULL ? m->verb : "",
             m->arguments != NULL ? " " : "",
             m->arguments != NULL ? m->arguments : "");
    fprintf(f, "  %-32s  %s\n", left, m->summary);
}

static bool has_option(const struct command_option *o, const char *name)
{
    while (o != NULL && o->name != NULL && strcmp(o->name, name) != 0) {
        o++;
    }
    return o != NULL && o->name != NULL;
}

/* Those that `own` does not have in its own words. */
static void options_of(const struct command_option *o,
                       const struct command_option *own)
{
    for (; o != NULL && o->name != NULL; o++) {
        char left[48];
        if (has_option(own, o->name)) {
            continue;
        }
        snprintf(left, sizeof left, "%c%c%c --%s%s%s", o->letter ? '-' : ' ',
                 o->letter ? o->letter : ' ', o->letter ? ',' : ' ', o->name,
                 o->argument != NULL ? " " : "",
                 o->argument != NULL ? o->argument : "");
        printf("  %-29s  %s\n", left, o->help);
    }
}

void help_command(const struct command *m)
{
    static const char *const impacts[] = {[IMPACT_READ] = "changes nothing",
                                          [IMPACT_WRITE] = "changes data",
                                          [IMPACT_DANGER] = "can lose data"};
    printf("Usage: ostraka %s%s%s%s%s [OPTION]...\n%s (%s)\n\n", m->noun,
           m->verb != NULL ? " " : "", m->verb != NULL ? m->verb : "",
           m->arguments != NULL ? " " : "",
           m->arguments != NULL ? m->arguments : "", m->summary,
           impacts[m->impact]);
    options_of(m->options, NULL);
    options_of(command_options_all, m->options);
    if (m->examples != NULL) {
        printf("\nExamples:\n%s", m->examples);
    }
}

int help_main(const char *noun, const char *verb, bool asked_nothing)
{
    FILE *f = asked_nothing ? stderr : stdout;
    if (noun != NULL && !noun_known(noun)) {
        return help_unknown(noun, NULL);
    }
    fprintf(f, "Usage: ostraka COMMAND [ARGUMENT]... [OPTION]...\n\n");
    for (unsigned t = 0; command_tables[t] != NULL; t++) {
        for (const struct command *m = command_tables[t]; m->noun != NULL;
             m++) {
            if (noun != NULL && strcmp(noun, m->noun) != 0) {
                continue;
            }
            if (verb != NULL && m->verb != NULL && strcmp(verb, m->verb) == 0) {
                help_command(m);
                return EXIT_DONE;
            }
            line_of(f, m);
        }
    }
    fprintf(f, "\nostraka COMMAND --help says more. Exit codes: ostraka(1).\n");
    return asked_nothing ? EXIT_USAGE : EXIT_DONE;
}

/* ---- the man page -------------------------------------------------------- */

/* Text for man(7): what begins a request or an escape is guarded. */
static void man_text(const char *text)
{
    if (*text == '.' || *text == '\'') {
        fputs("\\&", stdout);
    }
    for (; *text != '\0'; text++) {
        if (*text == '-' || *text == '\\') {
            fputs(*text == '-' ? "\\-" : "\\e", stdout);
        } else {
            putchar(*text);
        }
    }
}

static void man_options(const struct command_option *o)
{
    for (; o != NULL && o->name != NULL; o++) {
        printf(".TP\n.B ");
        if (o->letter != 0) {
            printf("\\-%c, ", o->letter);
        }
        printf("\\-\\-");
        man_text(o->name);
        if (o->argument != NULL) {
            putchar(' ');
            man_text(o->argument);
        }
        putchar('\n');
        man_text(o->help);
        putchar('\n');
    }
}

static void man_command(const struct command *m)
{
    printf(".SS \"%s%s%s%s%s\"\n", m->noun, m->verb != NULL ? " " : "",
           m->verb != NULL ? m->verb : "", m->arguments != NULL ? " " : "",
           m->arguments != NULL ? m->arguments : "");
    man_text(m->summary);
    putchar('\n');
    man_options(m->options);
    if (m->examples != NULL) {
        printf(".PP\nExamples:\n.PP\n.nf\n");
        man_text(m->examples);
        printf(".fi\n");
    }
}

static const struct {
    int code;
    const char *meaning;
} exits[] = {
    {EXIT_DONE, "Done."},
    {EXIT_FAILED, "It failed, or some of several did; standard error says "
                  "why and what to do."},
    {EXIT_USAGE, "Wrong usage, or a bad setting."},
    {EXIT_NOTFOUND, "There is no such object."},
    {EXIT_REFUSED, "Refused for safety; the reason is named."},
    {EXIT_UNREACHABLE, "The cluster did not answer in time; nothing was "
                       "sent."},
    {EXIT_UNKNOWN, "The outcome is unknown: it was sent, no answer came, and "
                   "it may have been applied."},
    {EXIT_UNHEALTHY, "The cluster, or a node of it, is not well."},
    {EXIT_VIOLATION, "Acknowledged data is lost or changed."},
    {128 + 2, "Told to end by SIGINT (143: by SIGTERM); a member of a group "
              "has committed what it printed, and left."},
};

void help_man(void)
{
    printf(".TH OSTRAKA 1 2026 ostraka \"Ostraka\"\n.SH NAME\n"
           "ostraka \\- the operator's tool of an Ostraka cluster\n"
           ".SH SYNOPSIS\n.B ostraka\n.I COMMAND\n"
           ".RI [ ARGUMENT ]...\n.RI [ OPTION ]...\n"
           ".SH DESCRIPTION\nData goes to standard output; progress, "
           "warnings and errors go to standard error.\nOptions may stand "
           "anywhere behind the command, and \\-\\- ends them.\n"
           ".SH COMMANDS\n");
    for (unsigned t = 0; command_tables[t] != NULL; t++) {
        for (const struct command *m = command_tables[t]; m->noun != NULL;
             m++) {
            man_command(m);
        }
    }
    printf(".SH OPTIONS OF ALL COMMANDS\nWhere a command lists one of these "
           "itself, it means what stands there.\n");
    man_options(command_options_all);
    printf(".SH EXIT STATUS\n");
    for (size_t i = 0; i < sizeof exits / sizeof exits[0]; i++) {
        printf(".TP\n.B %d\n%s\n", exits[i].code, exits[i].meaning);
    }
    printf(".SH ENVIRONMENT\n.TP\n.B OSTRAKA_BOOTSTRAP\nWhere the cluster is, "
           "if \\-\\-bootstrap does not say.\n.TP\n.B OSTRAKAD\nThe daemon "
           "that dev starts, if not the one beside this program.\n"
           ".SH SEE ALSO\n.BR ostrakad (8),\n.BR ostrakad.properties (5)\n");
}
