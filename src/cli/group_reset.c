/* group_reset.c - ostraka group reset-offsets: where a group shall go on
 * reading. */
#include <string.h>

#include "cli/group.h"
#include "cli/group_change.h"
#include "cli/group_rows.h"
#include "cli/when.h"

struct reset {
    struct group_client g;
    struct command_call *call;
    struct arena arena; /* of what the options name */
    struct group_target target;
    const char *file;  /* --from-file */
    const char *other; /* --to-group */
    struct group_rows rows;
    struct group_view view, other_view;
    struct group_change change;
};

/* ---- what is asked for --------------------------------------------------- */

static int get_number(struct reset *x, const char *name,
                      enum group_target_kind kind, int64_t min)
{
    x->target.kind = kind;
    return command_number(x->call, name, min, INT64_MAX, 0, &x->target.n) == 0
               ? EXIT_DONE
               : EXIT_USAGE;
}

static int get_time(struct reset *x, const char *name, const char *text)
{
    struct err err = {""};
    int64_t ms = 0;
    int64_t now = (int64_t)env_wall_ms(x->g.admin.env);
    bool while_ = strcmp(name, "by-duration") == 0;
    if ((while_ ? when_duration : when_moment)(text, &ms, &err) != 0) {
        return command_fail(x->call, EXIT_USAGE, "--%s %s", name, err.text);
    }
    x->target.kind = GROUP_TO_TIME;
    x->target.n = !while_ ? ms : ms < now ? now - ms : 0;
    return EXIT_DONE;
}

static int get_target_of(struct reset *x, const char *name, const char *value)
{
    if (strcmp(name, "to-offset") == 0) {
        return get_number(x, name, GROUP_TO_OFFSET, 0);
    }
    if (strcmp(name, "shift-by") == 0) {
        return get_number(x, name, GROUP_SHIFT_BY, -INT64_MAX);
    }
    if (strcmp(name, "to-datetime") == 0 || strcmp(name, "by-duration") == 0) {
        return get_time(x, name, value);
    }
    x->target.kind = strcmp(name, "to-earliest") == 0  ? GROUP_TO_EARLIEST
                     : strcmp(name, "to-latest") == 0  ? GROUP_TO_LATEST
                     : strcmp(name, "to-current") == 0 ? GROUP_TO_CURRENT
                                                       : GROUP_TO_GIVEN;
    x->file = strcmp(name, "from-file") == 0 ? value : NULL;
    x->other = strcmp(name, "to-group") == 0 ? value : NULL;
    return EXIT_DONE;
}

static int get_target(struct reset *x)
{
    static const char *const names[] = {
        "to-earliest", "to-latest", "to-offset", "to-datetime", "by-duration",
        "shift-by",    "from-file", "to-group",  "to-current"};
    const char *name = NULL;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        unsigned pos = 0;
        while (command_option_next(x->call, names[i], &pos) != NULL) {
            if (name != NULL) {
                return command_fail(x->call, EXIT_USAGE,
                                    "--%s and --%s: give one of them", name,
                                    names[i]);
            }
            name = names[i];
        }
    }
    if (name == NULL) {
        return command_fail(x->call, EXIT_USAGE,
                            "say where to: --to-earliest, --to-latest, "
                            "--to-offset N, --to-datetime T, --by-duration "
                            "PnDTnHnMnS, --shift-by N, --from-file F, "
                            "--to-group G or --to-current");
    }
    return get_target_of(x, name, command_option(x->call, name, ""));
}

static int check_flags(const struct command_call *c)
{
    if (command_flag(c, "execute") && command_flag(c, "dry-run")) {
        return command_fail(c, EXIT_USAGE,
                            "--execute and --dry-run: give one of them");
    }
    return EXIT_DONE;
}

/* ---- which partitions ---------------------------------------------------- */

static int rows_of_other(struct reset *x)
{
    struct slice id = slice_str(x->other);
    int code = group_rows_check(&x->rows);
    code = code == EXIT_DONE ? group_view_take(&x->g, id, -1, &x->other_view)
                             : code;
    if (code == EXIT_DONE && !x->other_view.exists) {
        return group_view_absent(&x->g, id);
    }
    return code == EXIT_DONE ? group_rows_of_view(&x->rows, &x->other_view)
                             : code;
}

static int rows(struct reset *x)
{
    x->rows.g = &x->g;
    if (x->file != NULL) {
        return group_rows_of_file(&x->rows, x->file, x->view.id);
    }
    if (x->other != NULL) {
        return rows_of_other(x);
    }
    return x->rows.all_topics ? group_rows_of_view(&x->rows, &x->view)
                              : group_rows_of_topics(&x->rows);
}

/* ---- the command --------------------------------------------------------- */

static int reset(struct reset *x)
{
    struct slice id = slice_str(x->call->arguments[0]);
    bool does = command_flag(x->call, "execute");
    int code = group_view_take(&x->g, id, -1, &x->view);
    x->change = (struct group_change){.g = &x->g,
                                      .name = "group.reset-offsets",
                                      .view = &x->view,
                                      .target = x->target};
    if (code == EXIT_DONE && does) {
        code = group_change_allowed(&x->change);
    }
    code = code == EXIT_DONE ? rows(x) : code;
    if (code == EXIT_DONE) {
        x->change.rows = x->rows.rows;
        x->change.n = x->rows.n;
        group_change_order(&x->change);
        code = group_change_ranges(&x->change);
    }
    if (code != EXIT_DONE) {
        return code;
    }
    if (!x->view.exists) {
        command_fail(
            x->call, 0, "there is no group %s%s", x->call->arguments[0],
            does ? ": it is made by this" : " yet; --execute makes it");
    }
    group_change_decide(&x->change);
    return group_change_run(&x->change);
}

int group_reset_offsets(struct command_call *c)
{
    struct reset *x = mem_calloc(c->mem, 1, sizeof *x);
    int code = check_flags(c);
    if (x == NULL) {
        return command_fail(c, EXIT_FAILED, "out of memory");
    }
    x->call = c;
    x->g.admin.env = command_env(c); /* for the clock */
    if (x->g.admin.env == NULL) {
        return EXIT_FAILED;
    }
    arena_init(&x->arena, c->mem, 0);
    code = code == EXIT_DONE ? get_target(x) : code;
    if (code == EXIT_DONE) {
        code = group_rows_scope(&x->rows, c, &x->arena,
                                x->file != NULL ? "--from-file" : NULL);
    }
    code = code == EXIT_DONE ? group_client_open(&x->g, c) : code;
    if (code == EXIT_DONE) {
        code = reset(x);
        group_client_close(&x->g);
    }
    arena_close(&x->arena);
    mem_free(c->mem, x);
    return code;
}
