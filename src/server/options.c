#include "server/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

struct option_row {
    const char *name;
    int letter; /* or a number above all letters */
    const char *argument;
    const char *help;
};

enum {
    LETTER_CHECK = 256,
    LETTER_PRINT,
    LETTER_EXPLAIN,
    LETTER_VERSION,
    LETTER_MAN_SETTINGS
};

#define OPTIONS 8
static const struct option_row rows[OPTIONS] = {
    {"config", 'c', "FILE",
     "Read settings from FILE; may be given several times."},
    {"set", 'o', "KEY=VALUE", "Set one setting; wins over files."},
    {"check-config", LETTER_CHECK, NULL,
     "Check the configuration, say what is wrong, and exit."},
    {"print-config", LETTER_PRINT, NULL,
     "Print all settings and where each is from, and exit."},
    {"explain", LETTER_EXPLAIN, "KEY",
     "Say what there is to know of a setting, and exit."},
    {"help", 'h', NULL, "Print this, and exit."},
    {"version", LETTER_VERSION, NULL, "Print the version, and exit."},
    {"man-settings", LETTER_MAN_SETTINGS, NULL, NULL}};

void options_help(struct buf *out)
{
    buf_printf(
        out, "Usage: ostrakad [-c FILE]... [-o KEY=VALUE]...\n"
             "Run a node of an Ostraka cluster in the foreground.\n\n"
             "A node needs a data directory and, in a cluster, to know who\n"
             "it is and who the others are:\n\n"
             "  ostrakad -c /etc/ostraka/ostrakad.properties\n"
             "  ostrakad -o data.dir=DIR -o node.id=1 \\\n"
             "           -o cluster.nodes=1@HOST:PORT,2@HOST:PORT,3@HOST:PORT\n"
             "\n");
    for (unsigned i = 0; i < OPTIONS; i++) {
        char left[40];
        if (rows[i].help == NULL) {
            continue;
        }
        snprintf(left, sizeof left, "--%s%s%s", rows[i].name,
                 rows[i].argument != NULL ? " " : "",
                 rows[i].argument != NULL ? rows[i].argument : "");
        buf_printf(out, "  %c%c%c %-19s  %s\n",
                   rows[i].letter < 256 ? '-' : ' ',
                   rows[i].letter < 256 ? rows[i].letter : ' ',
                   rows[i].letter < 256 ? ',' : ' ', left, rows[i].help);
    }
    buf_printf(out, "\nSignals: TERM and INT hand leadership over and stop (a "
                    "second one stops at\nonce); HUP opens the log file anew.\n"
                    "Exit codes and log lines: ostrakad(8). Settings: "
                    "ostrakad.properties(5).\n");
}

/* Read a file for config_load(). */
static int read_file(void *arg, const char *path, size_t len_max,
                     char **ret_text, size_t *ret_len, struct err *err)
{
    struct mem *mem = arg;
    FILE *f = fopen(path, "re");
    if (f == NULL) {
        return err_set(err, errno == ENOENT ? ERR_NOTFOUND : ERR_IO, "%s: %s",
                       path, strerror(errno));
    }
    char *text = mem_alloc(mem, len_max + 2);
    int rv = text == NULL ? ERR_NOMEM : 0;
    size_t n = rv == 0 ? fread(text, 1, len_max + 1, f) : 0;
    if (rv == 0 && ferror(f)) {
        rv = ERR_IO;
    } else if (rv == 0 && n > len_max) {
        rv = ERR_TOOBIG;
    }
    fclose(f);
    if (rv != 0) {
        mem_free(mem, text);
        return err_set(err, rv, "%s: %s", path, err_text(rv));
    }
    text[n] = '\0';
    *ret_text = text;
    *ret_len = n;
    return 0;
}

static int take_setting(struct config *config, char *text, struct err *err)
{
    char *equals = strchr(text, '=');
    if (equals == NULL || equals == text) {
        return err_set(err, ERR_INVALID, "-o %.100s: give KEY=VALUE", text);
    }
    *equals = '\0';
    int rv = config_set(config, text, equals + 1, err);
    *equals = '=';
    return rv;
}

static int take(struct options *o, struct config *config, struct mem *mem,
                int letter, struct err *err)
{
    switch (letter) {
    case 'c':
        return config_load(config, optarg, read_file, mem, err);
    case 'o':
        return take_setting(config, optarg, err);
    case LETTER_CHECK:
        o->mode = OPTIONS_CHECK;
        return 0;
    case LETTER_PRINT:
        o->mode = OPTIONS_PRINT;
        return 0;
    case LETTER_EXPLAIN:
        o->mode = OPTIONS_EXPLAIN;
        o->explain = optarg;
        return 0;
    case 'h':
        o->mode = OPTIONS_HELP;
        return 0;
    case LETTER_VERSION:
        o->mode = OPTIONS_VERSION;
        return 0;
    case LETTER_MAN_SETTINGS:
        o->mode = OPTIONS_MAN_SETTINGS;
        return 0;
    default:
        break;
    }
    return ERR_INVALID;
}

/* What getopt means by its '?' or ':'. */
static const char *option_fault(int letter, const char *text)
{
    if (letter == ':') {
        return "needs an argument";
    }
    return optopt != 0 && strncmp(text, "--", 2) == 0 ? "takes no argument"
                                                      : "no such option";
}

int options_parse(struct options *o, struct config *config, struct mem *mem,
                  int argc, char *argv[], struct err *err)
{
    struct option longs[OPTIONS + 1];
    int rv = 0;
    memset(longs, 0, sizeof longs);
    for (unsigned i = 0; i < OPTIONS; i++) {
        longs[i].name = rows[i].name;
        longs[i].has_arg =
            rows[i].argument != NULL ? required_argument : no_argument;
        longs[i].val = rows[i].letter;
    }
    *o = (struct options){.mode = OPTIONS_RUN};
    opterr = 0;
    optind = 0; /* getopt begins anew */
    while (rv == 0) {
        const char *text = argv[optind > 0 ? optind : 1];
        int letter = getopt_long(argc, argv, "+:c:o:h", longs, NULL);
        if (letter == -1) {
            break;
        }
        if (letter == '?' || letter == ':') {
            return err_set(err, ERR_INVALID, "%.100s: %s; see ostrakad --help",
                           text, option_fault(letter, text));
        }
        rv = take(o, config, mem, letter, err);
    }
    if (rv == 0 && optind < argc) {
        rv = err_set(err, ERR_INVALID,
                     "%.100s: unexpected; a configuration file is given by "
                     "-c FILE",
                     argv[optind]);
    }
    return rv;
}

/* Text for man(7): what begins a request or an escape is guarded. */
static void man_text(struct buf *out, const char *text)
{
    if (*text == '.' || *text == '\'') {
        buf_printf(out, "\\&");
    }
    for (; *text != '\0'; text++) {
        if (*text == '-') {
            buf_printf(out, "\\-");
        } else if (*text == '\\') {
            buf_printf(out, "\\e");
        } else {
            buf_put_u8(out, (uint8_t)*text);
        }
    }
}

static void man_line(struct buf *out, const char *before, const char *text,
                     const char *after)
{
    buf_printf(out, "%s", before);
    man_text(out, text);
    buf_printf(out, "%s\n", after);
}

static void man_setting(struct buf *out, const struct setting *s)
{
    char range[96];
    man_line(out, ".TP\n.B ", s->name, "");
    man_line(out, "", s->help, "");
    man_line(out, "Kind: ", setting_kind_name(s->kind), ".");
    if (s->choices != NULL) {
        man_line(out, "One of: ", s->choices, ".");
    } else if (s->max > s->min && s->kind != SETTING_BOOL) {
        snprintf(range, sizeof range, "%lld to %lld", (long long)s->min,
                 (long long)s->max);
        man_line(out, "Range: ", range, ".");
    }
    if (s->default_text != NULL && *s->default_text != '\0') {
        man_line(out, "Default: ", s->default_text, ".");
    }
    if (s->aliases != NULL) {
        man_line(out, "Also: ", s->aliases, ".");
    }
    if (s->treatment == SETTING_FIXED) {
        man_line(out, "Only the default is accepted: ", s->reason, ".");
    } else if (s->treatment == SETTING_REPORTED) {
        man_line(out, "Accepted without effect: ", s->reason, ".");
    }
}

void options_man_settings(struct buf *out)
{
    buf_printf(out, ".SH SETTINGS OF A NODE\n");
    for (int i = 0; i < NODE_SETTINGS; i++) {
        man_setting(out, config_setting((enum node_setting)i));
    }
    buf_printf(out, ".SH SETTINGS OF A TOPIC\n"
                    "Given when a topic is created or altered; not in this "
                    "file.\n");
    for (int i = 0; i < TOPIC_SETTINGS; i++) {
        man_setting(out, config_topic_setting((enum topic_setting)i));
    }
}
