/* group_reset.c - ostraka group reset-offsets: where a group shall go on
 * reading. */
#include <stdlib.h>
#include <string.h>

#include "cli/group.h"
#include "cli/group_change.h"
#include "cli/group_scope.h"
#include "cli/help.h"
#include "cli/offsets_file.h"
#include "cli/when.h"

#define TOPICS_MAX 64 /* --topic given so often */
#define ROWS_MAX   100000

struct reset {
    struct group_client g;
    struct command_call *call;
    struct arena arena; /* of what the options name */
    struct group_target target;
    const char *file;  /* --from-file */
    const char *other; /* --to-group */
    struct group_scope_topic scope[TOPICS_MAX];
    unsigned n_scope;
    bool all_topics;
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

static int get_scope(struct reset *x)
{
    struct command_call *c = x->call;
    struct err err = {""};
    unsigned pos = 0;
    const char *text;
    x->all_topics = command_flag(c, "all-topics");
    while ((text = command_option_next(c, "topic", &pos)) != NULL) {
        if (x->n_scope == TOPICS_MAX) {
            return command_fail(c, EXIT_USAGE,
                                "at most %d --topic; --from-file takes more",
                                TOPICS_MAX);
        }
        if (group_scope_parse(text, &x->arena, &x->scope[x->n_scope++], &err) !=
            0) {
            return command_fail(c, EXIT_USAGE, "--topic %s", err.text);
        }
    }
    if (x->file != NULL && (x->all_topics || x->n_scope > 0)) {
        return command_fail(c, EXIT_USAGE,
                            "--from-file says which partitions: leave --topic "
                            "and --all-topics out");
    }
    if (x->file == NULL && x->all_topics == (x->n_scope > 0)) {
        return command_fail(c, EXIT_USAGE,
                            "give --topic TOPIC[:p,p...], which may be "
                            "repeated, or --all-topics");
    }
    return EXIT_DONE;
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

static int too_many(const struct reset *x)
{
    return command_fail(x->call, EXIT_USAGE,
                        "more than %d partitions: name some with --topic",
                        ROWS_MAX);
}

static struct group_row *add(struct reset *x, struct slice topic,
                             int32_t partition, int64_t wanted)
{
    struct group_row *r = &x->change.rows[x->change.n++];
    *r = (struct group_row){.topic = topic,
                            .partition = partition,
                            .before = -1,
                            .start = -1,
                            .end = -1,
                            .wanted = wanted,
                            .after = -1,
                            .epoch = -1};
    return r;
}

static int no_topic(struct reset *x, struct slice name)
{
    const struct metadata_response *m = &x->g.admin.metadata;
    char *word = arena_strdup(&x->g.admin.arena, name);
    struct help_nearest nearest = {.word = word != NULL ? word : ""};
    for (uint32_t i = 0; word != NULL && i < m->topics.n; i++) {
        const char *other =
            arena_strdup(&x->g.admin.arena, m->topics.ptr[i].name);
        if (other != NULL) {
            help_consider(&nearest, other);
        }
    }
    const char *near = nearest.best;
    return command_fail(x->call, EXIT_NOTFOUND,
                        "no topic %.*s%s%s%s; ostraka topic list shows all",
                        (int)name.len, (const char *)name.data,
                        near != NULL ? "; did you mean " : "",
                        near != NULL ? near : "", near != NULL ? "?" : "");
}

/* Is it one of the topic's? Said if not. */
static int check_partition(struct reset *x, struct slice topic,
                           int32_t partition)
{
    const struct metadata_response_topic *t = group_client_topic(&x->g, topic);
    if (t == NULL || t->partitions.n == 0) {
        return no_topic(x, topic);
    }
    for (uint32_t i = 0; i < t->partitions.n; i++) {
        if (t->partitions.ptr[i].partition_index == partition) {
            return EXIT_DONE;
        }
    }
    return command_fail(x->call, EXIT_NOTFOUND,
                        "topic %.*s has no partition %d, only 0 to %u",
                        (int)topic.len, (const char *)topic.data, partition,
                        t->partitions.n - 1);
}

static bool in_scope(const struct reset *x, struct slice topic,
                     int32_t partition)
{
    for (unsigned i = 0; i < x->n_scope; i++) {
        if (group_scope_has(&x->scope[i], topic, partition)) {
            return true;
        }
    }
    return x->all_topics;
}

/* Where another group is: its offsets, of those that were asked for. */
static int rows_of_group(struct reset *x, const struct group_view *v)
{
    for (size_t i = 0; i < v->n_positions; i++) {
        const struct group_position *p = &v->positions[i];
        if (p->committed >= 0 && in_scope(x, p->topic, p->partition)) {
            struct group_row *r = add(x, p->topic, p->partition, p->committed);
            if (x->other != NULL) {
                r->epoch = p->epoch;
            }
        }
    }
    if (x->change.n > 0) {
        return EXIT_DONE;
    }
    return command_fail(x->call, EXIT_NOTFOUND,
                        "group %.*s has no committed offsets%s; name topics "
                        "with --topic",
                        (int)v->id.len, (const char *)v->id.data,
                        x->n_scope > 0 ? " there" : "");
}

static int rows_of_file(struct reset *x)
{
    struct offsets_line *l;
    struct err err = {""};
    unsigned n = 0;
    int code = EXIT_DONE;
    if (offsets_file_load(x->file, x->view.id, &x->g.admin.arena, &l, &n,
                          &err) != 0) {
        return command_fail(x->call, EXIT_USAGE, "--from-file %s", err.text);
    }
    if (n == 0) {
        return command_fail(x->call, EXIT_USAGE,
                            "--from-file %s: nothing in it is of group %s",
                            x->file, x->call->arguments[0]);
    }
    for (unsigned i = 0; i < n && code == EXIT_DONE; i++) {
        code = check_partition(x, l[i].topic, l[i].partition);
        add(x, l[i].topic, l[i].partition, l[i].offset);
    }
    return code;
}

static int rows_of_topic(struct reset *x, const struct group_scope_topic *s)
{
    const struct metadata_response_topic *t =
        group_client_topic(&x->g, s->topic);
    int code = EXIT_DONE;
    if (t == NULL || t->partitions.n == 0) {
        return no_topic(x, s->topic);
    }
    for (uint32_t i = 0; s->n_partitions == 0 && i < t->partitions.n; i++) {
        if (x->change.n == ROWS_MAX) {
            return too_many(x);
        }
        add(x, s->topic, t->partitions.ptr[i].partition_index, -1);
    }
    for (unsigned i = 0; i < s->n_partitions && code == EXIT_DONE; i++) {
        if (x->change.n == ROWS_MAX) {
            return too_many(x);
        }
        code = check_partition(x, s->topic, s->partitions[i]);
        add(x, s->topic, s->partitions[i], -1);
    }
    return code;
}

static int other_group(struct reset *x)
{
    struct slice id = slice_str(x->other);
    int code = group_view_take(&x->g, id, -1, &x->other_view);
    if (code == EXIT_DONE && !x->other_view.exists) {
        return group_view_absent(&x->g, id);
    }
    if (code == EXIT_DONE && x->other_view.n_positions > ROWS_MAX) {
        return too_many(x);
    }
    return code == EXIT_DONE ? rows_of_group(x, &x->other_view) : code;
}

static int rows(struct reset *x)
{
    int code = EXIT_DONE;
    x->change.rows =
        arena_calloc(&x->g.admin.arena, ROWS_MAX + 1, sizeof *x->change.rows);
    if (x->change.rows == NULL) {
        return command_fail(x->call, EXIT_FAILED, "out of memory");
    }
    if (x->file != NULL) {
        return rows_of_file(x);
    }
    for (unsigned i = 0; i < x->n_scope && code == EXIT_DONE; i++) {
        code = group_client_topic(&x->g, x->scope[i].topic) == NULL
                   ? no_topic(x, x->scope[i].topic)
                   : EXIT_DONE;
    }
    if (code == EXIT_DONE && x->other != NULL) {
        return other_group(x);
    }
    if (code == EXIT_DONE && x->all_topics) {
        return x->view.n_positions <= ROWS_MAX ? rows_of_group(x, &x->view)
                                               : too_many(x);
    }
    for (unsigned i = 0; i < x->n_scope && code == EXIT_DONE; i++) {
        code = rows_of_topic(x, &x->scope[i]);
    }
    return code;
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
    code = code == EXIT_DONE ? get_scope(x) : code;
    code = code == EXIT_DONE ? group_client_open(&x->g, c) : code;
    if (code == EXIT_DONE) {
        code = reset(x);
        group_client_close(&x->g);
    }
    arena_close(&x->arena);
    mem_free(c->mem, x);
    return code;
}
