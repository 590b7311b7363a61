#include "cli/group_change.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "cli/clean.h"
#include "cli/group_commit.h"
#include "cli/offsets_file.h"
#include "cli/output.h"
#include "wire/errors.h"

static int no_memory(struct group_change *ch)
{
    return command_fail(ch->g->admin.call, EXIT_FAILED, "out of memory");
}

/* ---- rows ---------------------------------------------------------------- */

static int by_partition(const void *a, const void *b)
{
    const struct group_row *x = a, *y = b;
    int order = slice_compare(x->topic, y->topic);
    return order != 0
               ? order
               : (x->partition > y->partition) - (x->partition < y->partition);
}

void group_change_order(struct group_change *ch)
{
    size_t kept = 0;
    if (ch->n > 0) {
        qsort(ch->rows, ch->n, sizeof *ch->rows, by_partition);
    }
    for (size_t i = 0; i < ch->n; i++) {
        if (kept == 0 || by_partition(&ch->rows[kept - 1], &ch->rows[i]) != 0) {
            ch->rows[kept++] = ch->rows[i];
        }
    }
    ch->n = kept;
}

/* Positions are in the rows' order, too. */
static void fill_before(struct group_change *ch)
{
    const struct group_view *v = ch->view;
    size_t at = 0;
    for (size_t i = 0; i < ch->n; i++) {
        struct group_row *r = &ch->rows[i];
        const struct group_position *p = NULL;
        while (at < v->n_positions) {
            p = &v->positions[at];
            int order = slice_compare(p->topic, r->topic);
            if (order > 0 || (order == 0 && p->partition >= r->partition)) {
                break;
            }
            at++;
        }
        bool same = at < v->n_positions && slice_equal(p->topic, r->topic) &&
                    p->partition == r->partition;
        r->before = same ? p->committed : -1;
    }
}

static int ask(struct group_change *ch, struct group_ask *asks,
               int64_t timestamp)
{
    for (size_t i = 0; i < ch->n; i++) {
        asks[i] = (struct group_ask){.topic = ch->rows[i].topic,
                                     .partition = ch->rows[i].partition};
    }
    return group_client_offsets(ch->g, asks, ch->n, timestamp);
}

int group_change_ranges(struct group_change *ch)
{
    struct group_ask *asks =
        arena_calloc(&ch->g->admin.arena, ch->n + 1, sizeof *asks);
    if (asks == NULL) {
        return no_memory(ch);
    }
    fill_before(ch);
    int code = ask(ch, asks, GROUP_ASK_START);
    for (size_t i = 0; code == EXIT_DONE && i < ch->n; i++) {
        ch->rows[i].start = asks[i].offset;
        ch->rows[i].code = asks[i].code;
    }
    code = code == EXIT_DONE ? ask(ch, asks, GROUP_ASK_END) : code;
    for (size_t i = 0; code == EXIT_DONE && i < ch->n; i++) {
        ch->rows[i].end = asks[i].offset;
        ch->rows[i].code =
            ch->rows[i].code != 0 ? ch->rows[i].code : asks[i].code;
    }
    if (code == EXIT_DONE && ch->target.kind == GROUP_TO_TIME) {
        code = ask(ch, asks, ch->target.n);
        for (size_t i = 0; code == EXIT_DONE && i < ch->n; i++) {
            ch->rows[i].wanted = asks[i].offset;
            if (asks[i].code != 0) {
                ch->rows[i].code = asks[i].code;
                ch->rows[i].end = -1;
            }
        }
    }
    return code;
}

void group_change_decide(struct group_change *ch)
{
    for (size_t i = 0; i < ch->n; i++) {
        group_plan_row(&ch->target, &ch->rows[i]);
    }
}

int group_change_allowed(const struct group_change *ch)
{
    const struct group_view *v = ch->view;
    struct command_call *c = ch->g->admin.call;
    const char *say = command_flag(c, "execute")
                          ? "nothing was changed"
                          : "--execute will be refused until then";
    if (v->n_members == 0) {
        return EXIT_DONE;
    }
    const struct group_member *m = &v->members[0];
    return command_fail(c, EXIT_REFUSED,
                        "group %.*s is %.*s and has %u member%s, as %.*s at "
                        "%.*s: stop them first (ostraka group members %.*s "
                        "shows them); %s",
                        (int)v->id.len, (const char *)v->id.data,
                        (int)v->state.len, (const char *)v->state.data,
                        v->n_members, v->n_members == 1 ? "" : "s",
                        (int)m->client_id.len, (const char *)m->client_id.data,
                        (int)m->host.len, (const char *)m->host.data,
                        (int)v->id.len, (const char *)v->id.data, say);
}

/* ---- printing ------------------------------------------------------------ */

static void number_or_null(struct output *o, int64_t n)
{
    if (n >= 0) {
        output_number(o, n);
    } else {
        output_null(o);
    }
}

static void fill(struct output *o, const struct group_change *ch)
{
    static const struct output_column columns[] = {
        {"TOPIC", "topic", OUTPUT_TEXT},
        {"PARTITION", "partition", OUTPUT_NUMBER},
        {"BEFORE", "before", OUTPUT_NUMBER},
        {"AFTER", "after", OUTPUT_NUMBER},
        {"CHANGE", "change", OUTPUT_NUMBER},
        {"START", "start", OUTPUT_NUMBER},
        {"END", "end", OUTPUT_NUMBER},
        {"NOTE", "note", OUTPUT_TEXT},
        {NULL, "error", OUTPUT_TEXT}};
    output_init(o, ch->name, columns, 9);
    for (size_t i = 0; i < ch->n; i++) {
        const struct group_row *r = &ch->rows[i];
        char note[GROUP_NOTE_LEN];
        output_slice(o, r->topic);
        output_number(o, r->partition);
        number_or_null(o, r->before);
        number_or_null(o, r->after);
        if (r->before >= 0 && r->after >= 0) {
            output_number(o, r->after - r->before);
        } else {
            output_null(o);
        }
        number_or_null(o, r->start);
        number_or_null(o, r->end);
        group_plan_note(&ch->target, r, note);
        if (note[0] != '\0') {
            output_text(o, "%s", note);
        } else {
            output_null(o);
        }
        if (r->error != 0 || r->note == GROUP_NOTE_UNKNOWN) {
            output_text(o, "%s", kerr_name(r->error != 0 ? r->error : r->code));
        } else {
            output_null(o);
        }
    }
}

static void print(const struct group_change *ch, bool executed)
{
    struct command_call *c = ch->g->admin.call;
    struct output o;
    struct slice id = ch->view->id;
    group_client_progress_end(ch->g);
    fill(&o, ch);
    json_t *name = json_stringn((const char *)id.data, id.len);
    output_head(&o, "group", name != NULL ? name : json_string("?"));
    output_head(&o, "executed", json_boolean(executed));
    if (ch->of_ms > 0) {
        name = json_stringn((const char *)ch->of_by.data, ch->of_by.len);
        output_head(&o, "reset_ms", json_integer(ch->of_ms));
        output_head(&o, "reset_by", name != NULL ? name : json_string("?"));
    }
    output_print(&o, command_json(c));
}

/* ---- export -------------------------------------------------------------- */

static int export_rows(const struct group_change *ch, const char *name)
{
    struct command_call *c = ch->g->admin.call;
    struct err err = {""};
    unsigned n = 0;
    struct offsets_line *l =
        arena_calloc(&ch->g->admin.arena, ch->n + 1, sizeof *l);
    if (l == NULL) {
        return command_fail(c, EXIT_FAILED, "out of memory");
    }
    for (size_t i = 0; i < ch->n; i++) {
        if (ch->rows[i].after >= 0 && !group_plan_failed(&ch->rows[i])) {
            l[n++] = (struct offsets_line){.topic = ch->rows[i].topic,
                                           .partition = ch->rows[i].partition,
                                           .offset = ch->rows[i].after};
        }
    }
    if (offsets_file_store(name, l, n, &err) != 0) {
        return command_fail(c, EXIT_FAILED, "--export %s; nothing was changed",
                            err.text);
    }
    return EXIT_DONE;
}

/* ---- the whole ----------------------------------------------------------- */

static size_t count(const struct group_change *ch,
                    bool (*is)(const struct group_row *r))
{
    size_t n = 0;
    for (size_t i = 0; i < ch->n; i++) {
        n += is(&ch->rows[i]);
    }
    return n;
}

static bool has_error(const struct group_row *r)
{
    return r->error != 0;
}

/* Nobody knows of it any more. */
static bool forgets(const struct group_row *r)
{
    return r->note == GROUP_NOTE_FORGET;
}

static int said_no(const struct group_change *ch)
{
    return command_fail(
        ch->g->admin.call, EXIT_FAILED,
        "%zu of %zu partitions cannot be reset, see NOTE; nothing was changed: "
        "leave them out with --topic T:p,p, or name what is missing",
        count(ch, group_plan_failed), ch->n);
}

static void say_changed(const struct group_change *ch, size_t changes)
{
    fprintf(stderr, "%zu of %zu offsets were changed", changes, ch->n);
    if (changes > count(ch, forgets)) {
        fprintf(stderr, "; on an Ostraka cluster, ostraka group undo ");
        clean_put(stderr, ch->view->id);
        fprintf(stderr, " takes that back");
    }
    if (ch->n_requests > 1) {
        fprintf(stderr,
                ", but only the last of the %u requests that it took: ostraka "
                "group history has the others",
                ch->n_requests);
    }
    fputc('\n', stderr);
}

static int execute(struct group_change *ch)
{
    struct command_call *c = ch->g->admin.call;
    size_t changes = count(ch, group_plan_changes);
    int code = group_commit_rows(ch);
    size_t failed = count(ch, has_error);
    if (code != EXIT_DONE && failed == 0) {
        return code;
    }
    print(ch, failed < changes || code == EXIT_DONE);
    if (failed > 0) {
        return command_fail(
            c, code, "%zu of %zu offsets were not changed, see NOTE%s", failed,
            changes,
            code == EXIT_REFUSED ? "; the group has members now: stop them"
                                 : "");
    }
    if (!command_json(c)) {
        say_changed(ch, changes);
    }
    return EXIT_DONE;
}

int group_change_run(struct group_change *ch)
{
    struct command_call *c = ch->g->admin.call;
    bool does = command_flag(c, "execute");
    const char *file = command_option(c, "export", NULL);
    bool failed = count(ch, group_plan_failed) > 0;
    int code = EXIT_DONE;
    if (file != NULL && !(failed && does)) {
        code = export_rows(ch, file);
    }
    if (code != EXIT_DONE) {
        return code;
    }
    if (does && !failed) {
        return execute(ch);
    }
    if (file == NULL || strcmp(file, "-") != 0) {
        print(ch, false);
    }
    if (failed) {
        return said_no(ch);
    }
    (void)group_change_allowed(ch);
    if (!command_json(c) && ch->view->n_members == 0) {
        fprintf(stderr, "Nothing was changed: --execute does it\n");
    }
    return EXIT_DONE;
}
