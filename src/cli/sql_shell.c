/* sql_shell.c - statements line by line: from a terminal with editing and
 * history, where libedit is there, or from a pipe. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef HAVE_LIBEDIT
#include <histedit.h>
#endif

#include "base/buf.h"
#include "cli/sql.h"

#define HISTORY_LINES 1000
#define PROMPT        "ostraka> "
#define PROMPT_MORE   "    ...> "

struct shell {
    struct sql *sql;
    bool person;
    struct buf text; /* of the statement so far */
    int code;        /* of the last that failed */
    bool over;
    char *line; /* getline()'s */
    size_t line_size;
#ifdef HAVE_LIBEDIT
    EditLine *edit;
    History *history;
    char path[4096];
#endif
};

/* ---- lines --------------------------------------------------------------- */

#ifdef HAVE_LIBEDIT
static char *prompt(EditLine *e)
{
    static char first[] = PROMPT, more[] = PROMPT_MORE;
    struct shell *sh = NULL;
    el_get(e, EL_CLIENTDATA, &sh);
    return sh->text.len > 0 ? more : first;
}

/* ~/.ostraka_history, or nowhere. */
static void history_open(struct shell *sh)
{
    const char *home = getenv("HOME");
    HistEvent ev;
    sh->history = history_init();
    if (sh->history == NULL) {
        return;
    }
    history(sh->history, &ev, H_SETSIZE, HISTORY_LINES);
    history(sh->history, &ev, H_SETUNIQUE, 1);
    if (home != NULL && *home != '\0' &&
        (size_t)snprintf(sh->path, sizeof sh->path, "%s/.ostraka_history",
                         home) < sizeof sh->path) {
        history(sh->history, &ev, H_LOAD, sh->path);
    } else {
        sh->path[0] = '\0';
    }
    el_set(sh->edit, EL_HIST, history, sh->history);
}

static void lines_open(struct shell *sh)
{
    if (!sh->person) {
        return;
    }
    sh->edit = el_init("ostraka", stdin, stdout, stderr);
    if (sh->edit != NULL) {
        el_set(sh->edit, EL_CLIENTDATA, sh);
        el_set(sh->edit, EL_PROMPT, prompt);
        el_set(sh->edit, EL_EDITOR, "emacs");
        el_set(sh->edit, EL_SIGNAL, 1);
        history_open(sh);
        el_source(sh->edit, NULL);
    }
}

static void lines_close(struct shell *sh)
{
    HistEvent ev;
    if (sh->history != NULL) {
        mode_t before = umask(077);
        if (sh->path[0] != '\0') {
            history(sh->history, &ev, H_SAVE, sh->path);
        }
        umask(before);
        history_end(sh->history);
    }
    if (sh->edit != NULL) {
        el_end(sh->edit);
    }
}

static const char *line_next(struct shell *sh)
{
    HistEvent ev;
    int n = 0;
    if (sh->edit == NULL) {
        return getline(&sh->line, &sh->line_size, stdin) < 0 ? NULL : sh->line;
    }
    const char *line = el_gets(sh->edit, &n);
    if (line != NULL && n > 1 && sh->history != NULL) {
        history(sh->history, &ev, H_ENTER, line);
    }
    return n <= 0 ? NULL : line;
}
#else
static void lines_open(struct shell *sh)
{
    (void)sh;
}

static void lines_close(struct shell *sh)
{
    (void)sh;
}

static const char *line_next(struct shell *sh)
{
    if (sh->person) {
        fputs(sh->text.len > 0 ? PROMPT_MORE : PROMPT, stdout);
        fflush(stdout);
    }
    return getline(&sh->line, &sh->line_size, stdin) < 0 ? NULL : sh->line;
}
#endif

/* ---- commands of the shell ----------------------------------------------- */

static const char help[] =
    "A statement ends with a semicolon. Views: .tables; columns: .schema "
    "VIEW.\n"
    ".tables                 list the views\n"
    ".schema [VIEW]          show the columns of one, or of all\n"
    ".mode table|csv|json    how answers are printed\n"
    ".stale on|off           read without asking leaders\n"
    ".timer on|off           say who ran it, how long, what it saw\n"
    ".help                   this\n"
    ".quit                   leave (or Ctrl-D)\n";

static void shell_run(struct shell *sh, const char *statement)
{
    int code = sql_statement(sh->sql, statement);
    sh->code = code != EXIT_DONE ? code : sh->code;
    fflush(stdout);
}

static void wrong(struct shell *sh, const char *line)
{
    sh->code = command_fail(sh->sql->admin.call, EXIT_USAGE,
                            "%s: unknown; .help lists what there is", line);
}

static void schema(struct shell *sh, const char *view)
{
    char text[256];
    for (const char *p = view; *p != '\0'; p++) {
        if ((*p < 'a' || *p > 'z') && *p != '_') {
            wrong(sh, view);
            return;
        }
    }
    snprintf(text, sizeof text,
             "SELECT sql FROM sqlite_schema WHERE name NOT LIKE 'sql%%'"
             "%s%.40s%s ORDER BY name",
             *view != '\0' ? " AND name='" : "", view,
             *view != '\0' ? "'" : "");
    shell_run(sh, text);
}

static void set_mode(struct shell *sh, const char *mode)
{
    if (strcmp(mode, "table") == 0) {
        sh->sql->mode = SQL_MODE_TABLE;
    } else if (strcmp(mode, "csv") == 0) {
        sh->sql->mode = SQL_MODE_CSV;
    } else if (strcmp(mode, "json") == 0) {
        sh->sql->mode = SQL_MODE_JSON;
    } else {
        wrong(sh, mode);
    }
}

static void set_flag(struct shell *sh, bool *flag, const char *value)
{
    if (strcmp(value, "on") != 0 && strcmp(value, "off") != 0) {
        wrong(sh, value);
        return;
    }
    *flag = strcmp(value, "on") == 0;
}

static void shell_command(struct shell *sh, const char *line)
{
    char word[32] = "", value[64] = "";
    bool timer = !sh->sql->quiet;
    (void)sscanf(line, "%31s %63s", word, value);
    if (strcmp(word, ".quit") == 0 || strcmp(word, ".exit") == 0) {
        sh->over = true;
    } else if (strcmp(word, ".help") == 0) {
        fputs(help, stdout);
    } else if (strcmp(word, ".tables") == 0) {
        shell_run(sh, "SELECT name FROM sqlite_schema WHERE name NOT LIKE "
                      "'sql%' ORDER BY name");
    } else if (strcmp(word, ".schema") == 0) {
        schema(sh, value);
    } else if (strcmp(word, ".mode") == 0) {
        set_mode(sh, value);
    } else if (strcmp(word, ".stale") == 0) {
        set_flag(sh, &sh->sql->stale, value);
    } else if (strcmp(word, ".timer") == 0) {
        set_flag(sh, &timer, value);
        sh->sql->quiet = !timer;
    } else {
        wrong(sh, word);
    }
}

/* ---- statements ---------------------------------------------------------- */

static bool is_blank(const char *s)
{
    return s[strspn(s, " \t\r\n;")] == '\0';
}

static bool ends(const char *line)
{
    size_t n = strlen(line);
    while (n > 0 && strchr(" \t\r\n", line[n - 1]) != NULL) {
        n--;
    }
    return n > 0 && line[n - 1] == ';';
}

static void flush(struct shell *sh)
{
    buf_put_u8(&sh->text, 0);
    if (sh->text.status != 0) {
        sh->code =
            command_fail(sh->sql->admin.call, EXIT_USAGE,
                         "a statement has at most %d bytes", WIRE_STRING_MAX);
    } else if (!is_blank((const char *)sh->text.data)) {
        shell_run(sh, (const char *)sh->text.data);
    }
    buf_reset(&sh->text);
}

static void shell_line(struct shell *sh, const char *line)
{
    if (sh->text.len == 0 && line[strspn(line, " \t")] == '.') {
        shell_command(sh, line + strspn(line, " \t"));
    } else if (sh->text.len > 0 || !is_blank(line)) {
        buf_put(&sh->text, line, strlen(line));
        if (ends(line)) {
            flush(sh);
        }
    }
}

int sql_shell(struct sql *s)
{
    struct shell sh = {.sql = s, .person = isatty(STDIN_FILENO) == 1};
    const char *line;
    buf_init(&sh.text, s->admin.call->mem, WIRE_STRING_MAX + 1);
    if (sh.person) {
        printf("%s: .help for help, .quit or Ctrl-D to leave\n",
               client_peer(s->admin.client));
    }
    lines_open(&sh);
    while (!sh.over && (line = line_next(&sh)) != NULL) {
        shell_line(&sh, line);
    }
    if (sh.text.len > 0) {
        flush(&sh); /* the end of a pipe ends a statement, too */
    }
    lines_close(&sh);
    buf_close(&sh.text);
    free(sh.line);
    if (sh.person) {
        putchar('\n');
    }
    return sh.person ? EXIT_DONE : sh.code;
}
