#include "cli/group_rows.h"

#include "base/assert.h"
#include "cli/help.h"
#include "cli/offsets_file.h"

/* ---- what is asked for --------------------------------------------------- */

int group_rows_scope(struct group_rows *x, struct command_call *c,
                     struct arena *a, const char *none)
{
    struct err err = {""};
    unsigned pos = 0;
    const char *text;
    x->call = c;
    x->all_topics = command_flag(c, "all-topics");
    while ((text = command_option_next(c, "topic", &pos)) != NULL) {
        if (x->n_scope == GROUP_ROWS_TOPICS_MAX) {
            return command_fail(c, EXIT_USAGE, "at most %d --topic",
                                GROUP_ROWS_TOPICS_MAX);
        }
        if (group_scope_parse(text, a, &x->scope[x->n_scope++], &err) != 0) {
            return command_fail(c, EXIT_USAGE, "--topic %s", err.text);
        }
    }
    if (none != NULL && (x->all_topics || x->n_scope > 0)) {
        return command_fail(c, EXIT_USAGE,
                            "%s says which partitions: leave --topic and "
                            "--all-topics out",
                            none);
    }
    if (none == NULL && x->all_topics == (x->n_scope > 0)) {
        return command_fail(c, EXIT_USAGE,
                            "give --topic TOPIC[:p,p...], which may be "
                            "repeated, or --all-topics");
    }
    return EXIT_DONE;
}

/* ---- rows ---------------------------------------------------------------- */

int group_rows_room(struct group_rows *x, size_t n)
{
    if (n > GROUP_ROWS_MAX) {
        return command_fail(x->call, EXIT_USAGE,
                            "more than %d partitions: name some with --topic",
                            GROUP_ROWS_MAX);
    }
    x->n = 0;
    x->rows = arena_calloc(&x->g->admin.arena, n + 1, sizeof *x->rows);
    return x->rows != NULL
               ? EXIT_DONE
               : command_fail(x->call, EXIT_FAILED, "out of memory");
}

struct group_row *group_rows_add(struct group_rows *x, struct slice topic,
                                 int32_t partition, int64_t wanted)
{
    struct group_row *r = &x->rows[x->n++];
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

static int no_topic(struct group_rows *x, struct slice name)
{
    const struct metadata_response *m = &x->g->admin.metadata;
    char *word = arena_strdup(&x->g->admin.arena, name);
    struct help_nearest nearest = {.word = word != NULL ? word : ""};
    for (uint32_t i = 0; word != NULL && i < m->topics.n; i++) {
        const char *other =
            arena_strdup(&x->g->admin.arena, m->topics.ptr[i].name);
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
static int check_partition(struct group_rows *x, struct slice topic,
                           int32_t partition)
{
    const struct metadata_response_topic *t = group_client_topic(x->g, topic);
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

int group_rows_check(struct group_rows *x)
{
    int code = EXIT_DONE;
    for (unsigned i = 0; i < x->n_scope && code == EXIT_DONE; i++) {
        const struct group_scope_topic *s = &x->scope[i];
        const struct metadata_response_topic *t =
            group_client_topic(x->g, s->topic);
        if (t == NULL || t->partitions.n == 0) {
            return no_topic(x, s->topic);
        }
        for (unsigned k = 0; k < s->n_partitions && code == EXIT_DONE; k++) {
            code = check_partition(x, s->topic, s->partitions[k]);
        }
    }
    return code;
}

/* ---- of a group ---------------------------------------------------------- */

static bool in_scope(const struct group_rows *x, struct slice topic,
                     int32_t partition)
{
    for (unsigned i = 0; i < x->n_scope; i++) {
        if (group_scope_has(&x->scope[i], topic, partition)) {
            return true;
        }
    }
    return x->all_topics;
}

int group_rows_of_view(struct group_rows *x, const struct group_view *v)
{
    int code = group_rows_room(x, v->n_committed);
    for (size_t i = 0; code == EXIT_DONE && i < v->n_positions; i++) {
        const struct group_position *p = &v->positions[i];
        if (p->committed >= 0 && in_scope(x, p->topic, p->partition)) {
            group_rows_add(x, p->topic, p->partition, p->committed)->epoch =
                p->epoch;
        }
    }
    if (code != EXIT_DONE || x->n > 0) {
        return code;
    }
    return command_fail(x->call, EXIT_NOTFOUND,
                        "group %.*s has no committed offsets%s; ostraka group "
                        "describe %.*s shows what it has",
                        (int)v->id.len, (const char *)v->id.data,
                        x->n_scope > 0 ? " there" : "", (int)v->id.len,
                        (const char *)v->id.data);
}

/* ---- of topics ----------------------------------------------------------- */

static size_t count(const struct group_rows *x)
{
    size_t n = 0;
    for (unsigned i = 0; i < x->n_scope; i++) {
        const struct metadata_response_topic *t =
            group_client_topic(x->g, x->scope[i].topic);
        n += x->scope[i].n_partitions > 0 ? x->scope[i].n_partitions
             : t != NULL                  ? t->partitions.n
                                          : 0;
    }
    return n;
}

static void add_topic(struct group_rows *x, const struct group_scope_topic *s)
{
    const struct metadata_response_topic *t =
        group_client_topic(x->g, s->topic);
    ASSERT(t != NULL); /* group_rows_check() */
    for (uint32_t i = 0; s->n_partitions == 0 && i < t->partitions.n; i++) {
        group_rows_add(x, s->topic, t->partitions.ptr[i].partition_index, -1);
    }
    for (unsigned i = 0; i < s->n_partitions; i++) {
        group_rows_add(x, s->topic, s->partitions[i], -1);
    }
}

int group_rows_of_topics(struct group_rows *x)
{
    int code = group_rows_check(x);
    code = code == EXIT_DONE ? group_rows_room(x, count(x)) : code;
    for (unsigned i = 0; i < x->n_scope && code == EXIT_DONE; i++) {
        add_topic(x, &x->scope[i]);
    }
    return code;
}

/* ---- of a file ----------------------------------------------------------- */

int group_rows_of_file(struct group_rows *x, const char *name,
                       struct slice group)
{
    struct offsets_line *l;
    struct err err = {""};
    unsigned n = 0;
    if (offsets_file_load(name, group, &x->g->admin.arena, &l, &n, &err) != 0) {
        return command_fail(x->call, EXIT_USAGE, "--from-file %s", err.text);
    }
    if (n == 0) {
        return command_fail(x->call, EXIT_USAGE,
                            "--from-file %s: nothing in it is of group %.*s",
                            name, (int)group.len, (const char *)group.data);
    }
    int code = group_rows_room(x, n);
    for (unsigned i = 0; i < n && code == EXIT_DONE; i++) {
        code = check_partition(x, l[i].topic, l[i].partition);
        group_rows_add(x, l[i].topic, l[i].partition, l[i].offset);
    }
    return code;
}
