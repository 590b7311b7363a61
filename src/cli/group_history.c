/* group_history.c - ostraka group history, undo: what a group has committed
 * before, and the way back from the last reset. Of Ostraka clusters only. */
#include <stdio.h>
#include <stdlib.h>

#include "cli/clean.h"
#include "cli/group.h"
#include "cli/group_change.h"
#include "cli/group_past.h"
#include "cli/group_scope.h"
#include "cli/when.h"

#define TOPICS_MAX 64 /* --topic given so often */

/* ---- history ------------------------------------------------------------- */

struct history {
    struct group_client g;
    struct arena arena;
    struct group_scope_topic scope[TOPICS_MAX];
    unsigned n_scope;
    bool resets;
    int64_t limit;
};

static int by_time(const void *a, const void *b)
{
    const struct ostraka_offset_history_response_row *x = a, *y = b;
    int order = (x->time_ms > y->time_ms) - (x->time_ms < y->time_ms);
    order = order != 0 ? order : slice_compare(x->topic, y->topic);
    order = order != 0
                ? order
                : (x->partition > y->partition) - (x->partition < y->partition);
    return order != 0 ? order
                      : (x->number > y->number) - (x->number < y->number);
}

static bool wanted(const struct history *x,
                   const struct ostraka_offset_history_response_row *r)
{
    bool in = x->n_scope == 0;
    for (unsigned i = 0; i < x->n_scope && !in; i++) {
        in = group_scope_has(&x->scope[i], r->topic, r->partition);
    }
    return in && (r->reset || !x->resets);
}

static void fill_row(struct output *o,
                     const struct ostraka_offset_history_response_row *r)
{
    char text[WHEN_TEXT_LEN + 1];
    char id[UUID_TEXT_LEN + 1];
    output_text(o, "%s", when_format(r->time_ms, text));
    output_slice(o, r->topic);
    output_number(o, r->partition);
    output_number(o, r->number);
    output_number(o, r->offset);
    output_bool(o, r->reset);
    output_slice(o, r->by);
    output_slice(o, r->metadata);
    output_number(o, r->leader_epoch);
    output_number(o, r->time_ms);
    output_text(o, "%s", uuid_format(r->topic_id, id));
}

static void print(struct history *x, struct group_past *p)
{
    static const struct output_column columns[] = {
        {"TIME", "time", OUTPUT_TEXT},
        {"TOPIC", "topic", OUTPUT_TEXT},
        {"PARTITION", "partition", OUTPUT_NUMBER},
        {"NUMBER", "number", OUTPUT_NUMBER},
        {"OFFSET", "offset", OUTPUT_NUMBER},
        {"RESET", "reset", OUTPUT_BOOL},
        {"BY", "by", OUTPUT_TEXT},
        {NULL, "metadata", OUTPUT_TEXT},
        {NULL, "epoch", OUTPUT_NUMBER},
        {NULL, "time_ms", OUTPUT_NUMBER},
        {NULL, "topic_id", OUTPUT_TEXT}};
    struct output o;
    size_t kept = 0, from;
    for (size_t i = 0; i < p->n; i++) {
        if (wanted(x, &p->rows[i])) {
            p->rows[kept++] = p->rows[i];
        }
    }
    if (kept > 0) {
        qsort(p->rows, kept, sizeof *p->rows, by_time);
    }
    from =
        x->limit >= 0 && (size_t)x->limit < kept ? kept - (size_t)x->limit : 0;
    group_client_progress_end(&x->g);
    output_init(&o, "group.history", columns, 11);
    for (size_t i = from; i < kept; i++) {
        fill_row(&o, &p->rows[i]);
    }
    if (kept == 0 && !command_json(x->g.admin.call)) {
        fprintf(stderr, "Nothing is kept; the settings groups.history.max and "
                        "groups.history.interval.ms say how much is\n");
    }
    output_print(&o, command_json(x->g.admin.call));
}

static int get_options(struct history *x, struct command_call *c)
{
    struct err err = {""};
    unsigned pos = 0;
    const char *text;
    x->resets = command_flag(c, "resets");
    while ((text = command_option_next(c, "topic", &pos)) != NULL) {
        if (x->n_scope == TOPICS_MAX) {
            return command_fail(c, EXIT_USAGE, "at most %d --topic",
                                TOPICS_MAX);
        }
        if (group_scope_parse(text, &x->arena, &x->scope[x->n_scope++], &err) !=
            0) {
            return command_fail(c, EXIT_USAGE, "--topic %s", err.text);
        }
    }
    return command_number(c, "limit", 1, GROUP_PAST_MAX, -1, &x->limit) == 0
               ? EXIT_DONE
               : EXIT_USAGE;
}

int group_history(struct command_call *c)
{
    struct history x = {.n_scope = 0};
    struct group_past p;
    int32_t node = -1;
    arena_init(&x.arena, c->mem, 0);
    int code = get_options(&x, c);
    code = code == EXIT_DONE ? group_client_open(&x.g, c) : code;
    if (code == EXIT_DONE) {
        code = group_past_take(&x.g, slice_str(c->arguments[0]), &node, &p);
        if (code == EXIT_DONE) {
            print(&x, &p);
        }
        group_client_close(&x.g);
    }
    arena_close(&x.arena);
    return code;
}

/* ---- undo ---------------------------------------------------------------- */

static int last_reset(struct group_client *g, struct group_view *v,
                      struct group_past_reset *r)
{
    struct group_past p;
    const char *name = g->admin.call->arguments[0];
    int code = group_past_take(g, v->id, &v->coordinator, &p);
    if (code != EXIT_DONE) {
        return code;
    }
    struct slice other;
    int rv =
        group_past_last_reset(&p, command_option(g->admin.call, "by", NULL),
                              &g->admin.arena, r, &other);
    if (rv == ERR_NOTFOUND && other.len > 0) {
        return command_fail(
            g->admin.call, EXIT_NOTFOUND,
            "the history of group %s has no reset that counts as one, but "
            "commits of %.*s, who is no member: --by %.*s takes back its last",
            name, (int)other.len, (const char *)other.data, (int)other.len,
            (const char *)other.data);
    }
    if (rv == ERR_NOTFOUND) {
        return command_fail(g->admin.call, EXIT_NOTFOUND,
                            "the history of group %s has no reset; ostraka "
                            "group history %s shows it",
                            name, name);
    }
    if (rv != 0) {
        return command_fail(g->admin.call, EXIT_FAILED, "%s", err_text(rv));
    }
    if (r->n_lost > 0) {
        return command_fail(
            g->admin.call, EXIT_FAILED,
            "of %zu partitions it is no longer kept where they were before "
            "(groups.history.max); nothing was changed: ostraka group "
            "reset-offsets %s sets them one by one",
            r->n_lost, name);
    }
    return EXIT_DONE;
}

/* What somebody else has committed since stays; if that is all there is, say
 * so. */
static int check_since(const struct group_change *ch)
{
    struct command_call *c = ch->g->admin.call;
    size_t n = 0;
    for (size_t i = 0; i < ch->n; i++) {
        n += ch->rows[i].note == GROUP_NOTE_SINCE;
    }
    if (n == 0) {
        return EXIT_DONE;
    }
    if (n == ch->n) {
        return command_fail(
            c, EXIT_REFUSED,
            "all %zu offsets of that reset were changed since, and stay as "
            "they are: ostraka group history %s shows by whom, ostraka group "
            "reset-offsets %s sets others",
            n, c->arguments[0], c->arguments[0]);
    }
    if (!command_json(c)) {
        fprintf(stderr, "%zu of %zu were changed since, and stay as they are\n",
                n, ch->n);
    }
    return EXIT_DONE;
}

static int undo(struct group_client *g)
{
    struct command_call *c = g->admin.call;
    struct group_view v;
    struct group_past_reset r;
    struct slice id = slice_str(c->arguments[0]);
    char text[WHEN_TEXT_LEN + 1];
    int code = group_view_take(g, id, -1, &v);
    if (code == EXIT_DONE && !v.exists) {
        return group_view_absent(g, id);
    }
    struct group_change ch = {.g = g,
                              .name = "group.undo",
                              .view = &v,
                              .target = {.kind = GROUP_TO_GIVEN}};
    if (code == EXIT_DONE && command_flag(c, "execute")) {
        code = group_change_allowed(&ch);
    }
    code = code == EXIT_DONE ? last_reset(g, &v, &r) : code;
    if (code != EXIT_DONE) {
        return code;
    }
    ch.rows = r.rows;
    ch.n = r.n;
    ch.of_ms = r.time_ms;
    ch.of_by = r.by;
    group_change_order(&ch);
    code = group_change_ranges(&ch);
    if (code != EXIT_DONE) {
        return code;
    }
    group_change_decide(&ch);
    group_client_progress_end(g);
    if (!command_json(c)) {
        fprintf(stderr, "The last reset was at %s, by ",
                when_format(r.time_ms, text));
        clean_put(stderr, r.by);
        fputc('\n', stderr);
    }
    code = check_since(&ch);
    return code == EXIT_DONE ? group_change_run(&ch) : code;
}

int group_undo(struct command_call *c)
{
    struct group_client g;
    if (command_flag(c, "execute") && command_flag(c, "dry-run")) {
        return command_fail(c, EXIT_USAGE,
                            "--execute and --dry-run: give one of them");
    }
    int code = group_client_open(&g, c);
    if (code == EXIT_DONE) {
        code = undo(&g);
        group_client_close(&g);
    }
    return code;
}
