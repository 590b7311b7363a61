/* group_delete.c - ostraka group delete, delete-offsets. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/clean.h"
#include "cli/group.h"
#include "cli/group_commit.h"
#include "cli/group_rows.h"
#include "wire/api.h"
#include "wire/errors.h"
#include "wire/gen/delete_groups.h"

#define NAMED_MAX 10 /* groups that a question names */

/* Ask a person, or refuse. */
static int confirm(const struct command_call *c, const char *question)
{
    char line[16] = "";
    if (command_flag(c, "yes")) {
        return EXIT_DONE;
    }
    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)) {
        return command_fail(c, EXIT_REFUSED,
                            "committed offsets are lost by that, and there is "
                            "no terminal to ask at: give --yes");
    }
    clean_put(stderr, slice_str(question)); /* it names groups */
    fputs(" [y/N] ", stderr);
    if (fgets(line, sizeof line, stdin) == NULL ||
        (strcmp(line, "y\n") != 0 && strcmp(line, "yes\n") != 0)) {
        return command_fail(c, EXIT_REFUSED, "nothing was deleted");
    }
    return EXIT_DONE;
}

/* One exit code of several: the same, or EXIT_FAILED. */
static int worse(int so_far, int code, bool first)
{
    return first || so_far == code ? code : EXIT_FAILED;
}

/* ---- groups -------------------------------------------------------------- */

static int16_t deleted_code(const void *response)
{
    const struct delete_groups_response *r = response;
    return r->results.n > 0 ? r->results.ptr[0].error_code
                            : KERR_UNKNOWN_SERVER_ERROR;
}

static int delete_one(struct group_client *g, const struct group_listed *l,
                      struct output *o)
{
    struct delete_groups_request q;
    struct delete_groups_response r;
    struct slice id = l->id;
    int32_t node = l->node;
    struct group_request call = {.group = id,
                                 .api_key = API_DELETE_GROUPS,
                                 .version_max = 2,
                                 .request = &q,
                                 .response = &r,
                                 .code_of = deleted_code,
                                 .writes = true};
    wire_init(&wire_delete_groups_request, &q);
    q.groups_names.ptr = &id;
    q.groups_names.n = 1;
    int code = group_client_call(g, &call, &node);
    int16_t error = code == EXIT_DONE ? deleted_code(&r) : 0;
    output_slice(o, id);
    output_text(o, "%s",
                code == EXIT_DONE && error == 0 ? "deleted"
                : code == EXIT_UNKNOWN          ? "unknown"
                                                : "error");
    if (code == EXIT_DONE && error == 0) {
        output_null(o);
        output_null(o);
        return code;
    }
    if (code != EXIT_DONE) {
        output_text(o, "see above");
        output_null(o);
        return code;
    }
    output_text(o, "%s%s", admin_error(&g->admin, error, slice_of(NULL, 0)),
                error == KERR_NON_EMPTY_GROUP
                    ? "; stop its members first, ostraka group members "
                      "shows them"
                    : "");
    output_text(o, "%s", kerr_name(error));
    return group_client_exit_of(error);
}

static int delete_listed(struct group_client *g, const struct group_listing *l)
{
    static const struct output_column columns[] = {
        {"GROUP", "group", OUTPUT_TEXT},
        {"STATUS", "status", OUTPUT_TEXT},
        {"DETAIL", "detail", OUTPUT_TEXT},
        {NULL, "error", OUTPUT_TEXT}};
    struct output o;
    int code = EXIT_DONE;
    output_init(&o, "group.delete", columns, 4);
    for (size_t i = 0; i < l->n; i++) {
        group_client_progress(g, "deleting groups", i, l->n);
        code = worse(code, delete_one(g, &l->groups[i], &o), i == 0);
    }
    group_client_progress_end(g);
    output_print(&o, command_json(g->admin.call));
    return code;
}

/* Those that were named, or all that are empty. */
static int choose(struct group_client *g, struct group_listing *l)
{
    struct command_call *c = g->admin.call;
    size_t kept = 0;
    if (c->n_arguments > 0) {
        *l = (struct group_listing){.n = c->n_arguments};
        l->groups = arena_calloc(&g->admin.arena, l->n, sizeof *l->groups);
        for (size_t i = 0; l->groups != NULL && i < l->n; i++) {
            l->groups[i].id = slice_str(c->arguments[i]);
            l->groups[i].node = -1;
        }
        return l->groups != NULL
                   ? EXIT_DONE
                   : command_fail(c, EXIT_FAILED, "out of memory");
    }
    int code = group_view_list(g, l);
    for (size_t i = 0; code == EXIT_DONE && i < l->n; i++) {
        if (group_view_same_word(l->groups[i].state, slice_str("Empty"))) {
            l->groups[kept++] = l->groups[i];
        }
    }
    l->n = code == EXIT_DONE ? kept : 0;
    return code;
}

static int ask_groups(const struct command_call *c,
                      const struct group_listing *l)
{
    char text[1024];
    size_t used = (size_t)snprintf(text, sizeof text, "Delete %zu group%s",
                                   l->n, l->n == 1 ? "" : "s");
    for (size_t i = 0; i < l->n && i < NAMED_MAX && used < 700; i++) {
        size_t len = l->groups[i].id.len;
        used += (size_t)snprintf(
            text + used, sizeof text - used, "%s%.*s", i == 0 ? ": " : ", ",
            (int)(len < 60 ? len : 60), (const char *)l->groups[i].id.data);
    }
    snprintf(text + used, sizeof text - used,
             "%s, with all offsets committed, for ever?",
             l->n > NAMED_MAX ? ", ..." : "");
    return confirm(c, text);
}

static int delete_all(struct group_client *g)
{
    struct group_listing l;
    int code = choose(g, &l);
    if (code != EXIT_DONE) {
        return code;
    }
    if (l.n == 0) {
        fprintf(stderr, "No group%s is empty; nothing was deleted\n",
                l.n_silent > 0 ? " that is known" : "");
    } else {
        code = ask_groups(g->admin.call, &l);
    }
    code = code == EXIT_DONE ? delete_listed(g, &l) : code;
    return code == EXIT_DONE && l.n_silent > 0 ? EXIT_FAILED : code;
}

int group_delete(struct command_call *c)
{
    struct group_client g;
    if (command_flag(c, "all-empty") == (c->n_arguments > 0)) {
        return command_fail(c, EXIT_USAGE, "name groups, or give --all-empty");
    }
    int code = group_client_open(&g, c);
    if (code == EXIT_DONE) {
        code = delete_all(&g);
        group_client_close(&g);
    }
    return code;
}

/* ---- offsets ------------------------------------------------------------- */

struct forget {
    struct group_client g;
    struct arena arena;
    struct group_rows rows;
    struct group_view view;
};

static void print_rows(struct forget *x)
{
    static const struct output_column columns[] = {
        {"TOPIC", "topic", OUTPUT_TEXT},
        {"PARTITION", "partition", OUTPUT_NUMBER},
        {"OFFSET", "offset", OUTPUT_NUMBER},
        {"STATUS", "status", OUTPUT_TEXT},
        {"DETAIL", "detail", OUTPUT_TEXT},
        {NULL, "error", OUTPUT_TEXT}};
    struct output o;
    output_init(&o, "group.delete-offsets", columns, 6);
    for (size_t i = 0; i < x->rows.n; i++) {
        const struct group_row *r = &x->rows.rows[i];
        output_slice(&o, r->topic);
        output_number(&o, r->partition);
        output_number(&o, r->wanted);
        output_text(&o, "%s", r->error == 0 ? "deleted" : "error");
        if (r->error == 0) {
            output_null(&o);
            output_null(&o);
        } else {
            output_text(&o, "%s",
                        admin_error(&x->g.admin, r->error, slice_of(NULL, 0)));
            output_text(&o, "%s", kerr_name(r->error));
        }
    }
    group_client_progress_end(&x->g);
    output_print(&o, command_json(x->g.admin.call));
}

static int forget_rows(struct forget *x)
{
    struct command_call *c = x->g.admin.call;
    struct group_row **rows = arena_calloc(&x->g.admin.arena, x->rows.n + 1,
                                           sizeof(struct group_row *));
    if (rows == NULL) {
        return command_fail(c, EXIT_FAILED, "out of memory");
    }
    for (size_t i = 0; i < x->rows.n; i++) {
        rows[i] = &x->rows.rows[i];
    }
    int code = group_commit_forget(&x->g, &x->view, rows, x->rows.n);
    bool answered = code == EXIT_DONE;
    for (size_t i = 0; i < x->rows.n; i++) {
        answered = answered || rows[i]->error != 0;
    }
    if (answered) {
        print_rows(x);
    }
    return code != EXIT_REFUSED
               ? code
               : command_fail(c, code,
                              "members of group %s read there: stop them "
                              "first, ostraka group members %s shows them",
                              c->arguments[0], c->arguments[0]);
}

static int forget(struct forget *x)
{
    struct command_call *c = x->g.admin.call;
    struct slice id = slice_str(c->arguments[0]);
    char text[400];
    int code = group_view_take(&x->g, id, -1, &x->view);
    if (code == EXIT_DONE && !x->view.exists) {
        return group_view_absent(&x->g, id);
    }
    x->rows.g = &x->g;
    code = code == EXIT_DONE ? group_rows_of_view(&x->rows, &x->view) : code;
    if (code != EXIT_DONE) {
        return code;
    }
    snprintf(text, sizeof text,
             "Delete %zu committed offsets of group %.200s, with their "
             "history?",
             x->rows.n, c->arguments[0]);
    code = confirm(c, text);
    return code == EXIT_DONE ? forget_rows(x) : code;
}

int group_delete_offsets(struct command_call *c)
{
    struct forget *x = mem_calloc(c->mem, 1, sizeof *x);
    if (x == NULL) {
        return command_fail(c, EXIT_FAILED, "out of memory");
    }
    arena_init(&x->arena, c->mem, 0);
    int code = group_rows_scope(&x->rows, c, &x->arena, NULL);
    code = code == EXIT_DONE ? group_client_open(&x->g, c) : code;
    if (code == EXIT_DONE) {
        code = forget(x);
        group_client_close(&x->g);
    }
    arena_close(&x->arena);
    mem_free(c->mem, x);
    return code;
}
