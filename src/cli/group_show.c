/* group_show.c - ostraka group list, describe, members. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/clean.h"
#include "cli/group.h"
#include "cli/group_view.h"
#include "cli/help.h"

#define PARTS_TEXT_LEN 1000 /* of a member, in a cell for people */

static void text_or_null(struct output *o, struct slice s)
{
    if (s.len > 0) {
        output_slice(o, s);
    } else {
        output_null(o);
    }
}

static void number_or_null(struct output *o, int64_t n)
{
    if (n >= 0) {
        output_number(o, n);
    } else {
        output_null(o);
    }
}

/* ---- list ---------------------------------------------------------------- */

static const char *const state_names[] = {
    "PreparingRebalance", "CompletingRebalance", "Stable",   "Dead", "Empty",
    "Assigning",          "Reconciling",         "NotReady", NULL};
static const char *const type_names[] = {"classic", "consumer", "share",
                                         "streams", NULL};

/* The next word of a list with commas; false at its end. */
static bool next_word(const char **p, struct slice *ret_w)
{
    *p += strspn(*p, ", ");
    size_t len = strcspn(*p, ", ");
    *ret_w = slice_of(*p, len);
    *p += len;
    return len > 0;
}

static int check_words(const struct command_call *c, const char *option,
                       const char *const names[])
{
    unsigned pos = 0;
    const char *text;
    while ((text = command_option_next(c, option, &pos)) != NULL) {
        struct slice word;
        const char *p = text;
        while (next_word(&p, &word)) {
            unsigned i = 0;
            while (names[i] != NULL &&
                   !group_view_same_word(word, slice_str(names[i]))) {
                i++;
            }
            if (names[i] == NULL) {
                return command_fail(
                    c, EXIT_USAGE, "--%s %.*s: expected one of %s", option,
                    (int)word.len, (const char *)word.data,
                    names == type_names
                        ? "classic, consumer, share, streams"
                        : "Stable, Empty, PreparingRebalance, "
                          "CompletingRebalance, Assigning, Reconciling, "
                          "NotReady, Dead");
            }
        }
    }
    return EXIT_DONE;
}

/* No such option lets everything through. */
static bool passes(const struct command_call *c, const char *option,
                   struct slice what)
{
    unsigned pos = 0;
    const char *text;
    bool asked = false;
    while ((text = command_option_next(c, option, &pos)) != NULL) {
        struct slice word;
        const char *p = text;
        asked = true;
        while (next_word(&p, &word)) {
            if (group_view_same_word(word, what)) {
                return true;
            }
        }
    }
    return !asked;
}

static int list_print(struct group_client *g, const struct group_listing *l)
{
    static const struct output_column columns[] = {
        {"GROUP", "group", OUTPUT_TEXT},
        {"STATE", "state", OUTPUT_TEXT},
        {"TYPE", "type", OUTPUT_TEXT},
        {"PROTOCOL", "protocol_type", OUTPUT_TEXT},
        {"COORDINATOR", "coordinator", OUTPUT_NUMBER}};
    struct command_call *c = g->admin.call;
    struct output o;
    output_init(&o, "group.list", columns, 5);
    for (size_t i = 0; i < l->n; i++) {
        const struct group_listed *r = &l->groups[i];
        if (!passes(c, "state", r->state) || !passes(c, "type", r->type)) {
            continue;
        }
        output_slice(&o, r->id);
        text_or_null(&o, r->state);
        text_or_null(&o, r->type);
        text_or_null(&o, r->protocol_type);
        output_number(&o, r->node);
    }
    if (l->n == 0 && l->n_silent == 0 && !command_json(c)) {
        fprintf(stderr, "No groups; ostraka consume TOPIC --group NAME makes "
                        "one\n");
    }
    output_print(&o, command_json(c));
    return l->n_silent == 0 ? EXIT_DONE : EXIT_FAILED;
}

int group_list(struct command_call *c)
{
    struct group_client g;
    struct group_listing l;
    int code = check_words(c, "state", state_names);
    code = code == EXIT_DONE ? check_words(c, "type", type_names) : code;
    code = code == EXIT_DONE ? group_client_open(&g, c) : code;
    if (code != EXIT_DONE) {
        return code;
    }
    code = group_view_list(&g, &l);
    code = code == EXIT_DONE ? list_print(&g, &l) : code;
    group_client_close(&g);
    return code;
}

/* ---- members ------------------------------------------------------------- */

static json_t *text_of(struct slice s)
{
    json_t *text = json_stringn((const char *)s.data, s.len);
    return text != NULL ? text : json_string("?");
}

/* "orders/0" for each. */
static json_t *parts_of(const struct group_member *m)
{
    json_t *list = json_array();
    char text[400];
    for (unsigned i = 0; i < m->n_parts; i++) {
        snprintf(text, sizeof text, "%.*s/%d", (int)m->parts[i].topic.len,
                 (const char *)m->parts[i].topic.data, m->parts[i].partition);
        json_array_append_new(list, text_of(slice_str(text)));
    }
    return list;
}

/* What it reads, for people. */
static void parts_text(const struct group_member *m, char out[PARTS_TEXT_LEN])
{
    if (m->garbage) {
        snprintf(out, PARTS_TEXT_LEN, "unreadable, %zu bytes", m->bytes);
    } else {
        assignment_text(m->parts, m->n_parts, out, PARTS_TEXT_LEN);
    }
}

static void fill_members(struct output *o, const struct group_view *v)
{
    static const struct output_column columns[] = {
        {NULL, "group", OUTPUT_TEXT},
        {"MEMBER", "member", OUTPUT_TEXT},
        {"INSTANCE", "instance", OUTPUT_TEXT},
        {"CLIENT", "client_id", OUTPUT_TEXT},
        {"HOST", "host", OUTPUT_TEXT},
        {"PARTITIONS", "partitions", OUTPUT_NUMBER},
        {NULL, "unreadable", OUTPUT_BOOL},
        {NULL, "assigned", OUTPUT_TEXT},
        {"ASSIGNED", NULL, OUTPUT_TEXT}};
    char text[PARTS_TEXT_LEN];
    output_init(o, "group.members", columns, 9);
    for (unsigned i = 0; i < v->n_members; i++) {
        const struct group_member *m = &v->members[i];
        output_slice(o, v->id);
        output_slice(o, m->id);
        text_or_null(o, m->instance);
        text_or_null(o, m->client_id);
        text_or_null(o, m->host);
        if (m->garbage) {
            output_null(o);
        } else {
            output_number(o, m->n_parts);
        }
        output_bool(o, m->garbage);
        output_list(o, parts_of(m));
        parts_text(m, text);
        if (text[0] == '\0') {
            output_null(o);
        } else {
            output_slice(o, slice_str(text));
        }
    }
}

static int members_of(struct group_client *g)
{
    struct command_call *c = g->admin.call;
    struct group_view v;
    struct output o;
    struct slice id = slice_str(c->arguments[0]);
    int code = group_view_take(g, id, -1, &v);
    if (code != EXIT_DONE) {
        return code;
    }
    if (!v.exists) {
        return group_view_absent(g, id);
    }
    group_client_progress_end(g);
    fill_members(&o, &v);
    output_head(&o, "state", text_of(v.state));
    output_head(&o, "assignor", text_of(v.assignor));
    if (v.n_members == 0 && !command_json(c)) {
        fprintf(stderr,
                v.described ? "Group %s has no members\n"
                            : "Group %s: its kind of members cannot be asked "
                              "for\n",
                c->arguments[0]);
    }
    output_print(&o, command_json(c));
    return EXIT_DONE;
}

int group_members(struct command_call *c)
{
    struct group_client g;
    int code = group_client_open(&g, c);
    if (code == EXIT_DONE) {
        code = members_of(&g);
        group_client_close(&g);
    }
    return code;
}

/* ---- describe ------------------------------------------------------------ */

static void fill_positions(struct output *o, const struct group_view *v)
{
    static const struct output_column columns[] = {
        {"TOPIC", "topic", OUTPUT_TEXT},
        {"PARTITION", "partition", OUTPUT_NUMBER},
        {"OFFSET", "offset", OUTPUT_NUMBER},
        {"END", "end", OUTPUT_NUMBER},
        {"LAG", "lag", OUTPUT_NUMBER},
        {"MEMBER", "member", OUTPUT_TEXT},
        {"CLIENT", "client_id", OUTPUT_TEXT},
        {"HOST", "host", OUTPUT_TEXT},
        {NULL, "epoch", OUTPUT_NUMBER},
        {NULL, "metadata", OUTPUT_TEXT}};
    output_init(o, "group.describe", columns, 10);
    for (size_t i = 0; i < v->n_positions; i++) {
        const struct group_position *p = &v->positions[i];
        const struct group_member *m = p->member;
        struct slice none = slice_of(NULL, 0);
        output_slice(o, p->topic);
        output_number(o, p->partition);
        number_or_null(o, p->committed);
        number_or_null(o, p->end);
        number_or_null(o, group_view_lag(p));
        text_or_null(o, m != NULL ? m->id : none);
        text_or_null(o, m != NULL ? m->client_id : none);
        text_or_null(o, m != NULL ? m->host : none);
        number_or_null(o, p->epoch);
        text_or_null(o, p->metadata);
    }
}

/* The sum of lags; -1: of some it is not known. */
static int64_t lag_of(const struct group_view *v, bool *ret_partial)
{
    int64_t sum = 0;
    *ret_partial = false;
    for (size_t i = 0; i < v->n_positions; i++) {
        int64_t lag = group_view_lag(&v->positions[i]);
        *ret_partial = *ret_partial || lag < 0;
        sum += lag > 0 ? lag : 0;
    }
    return sum;
}

static void print_word(const char *title, struct slice s)
{
    printf("%-12s ", title);
    clean_put(stdout, s.len > 0 ? s : slice_str("-"));
    putchar('\n');
}

static void print_group(struct group_client *g, const struct group_view *v)
{
    const struct metadata_response_broker *b =
        admin_broker(&g->admin, v->coordinator);
    struct output o;
    bool partial;
    int64_t lag = lag_of(v, &partial);
    print_word("GROUP", v->id);
    print_word("STATE", v->described ? v->state : slice_of(NULL, 0));
    print_word("TYPE", v->type);
    print_word("PROTOCOL", v->protocol_type);
    print_word("ASSIGNOR", v->assignor);
    printf("%-12s %d", "COORDINATOR", v->coordinator);
    if (b != NULL) {
        printf(" (");
        clean_put(stdout, b->host);
        printf(":%d)", b->port);
    }
    printf("\n%-12s %u\n%-12s %" PRId64 "%s\n", "MEMBERS", v->n_members, "LAG",
           lag,
           partial ? " (of partitions with an offset and a known end)" : "");
    fill_positions(&o, v);
    if (v->n_positions > 0) {
        printf("\n");
        output_print(&o, false);
    } else {
        json_decref(output_take(&o));
    }
}

static json_t *members_json(const struct group_view *v)
{
    struct output o;
    fill_members(&o, v);
    return output_take(&o);
}

static json_t *positions_json(const struct group_view *v)
{
    struct output o;
    fill_positions(&o, v);
    return output_take(&o);
}

static void print_json(const struct group_view v[], size_t n)
{
    static const struct output_column columns[] = {
        {NULL, "group", OUTPUT_TEXT},    {NULL, "state", OUTPUT_TEXT},
        {NULL, "type", OUTPUT_TEXT},     {NULL, "protocol_type", OUTPUT_TEXT},
        {NULL, "assignor", OUTPUT_TEXT}, {NULL, "coordinator", OUTPUT_NUMBER},
        {NULL, "lag", OUTPUT_NUMBER},    {NULL, "lag_partial", OUTPUT_BOOL},
        {NULL, "members", OUTPUT_TEXT},  {NULL, "partitions", OUTPUT_TEXT}};
    struct output o;
    output_init(&o, "group.describe", columns, 10);
    for (size_t i = 0; i < n; i++) {
        bool partial;
        int64_t lag = lag_of(&v[i], &partial);
        output_slice(&o, v[i].id);
        text_or_null(&o, v[i].described ? v[i].state : slice_of(NULL, 0));
        text_or_null(&o, v[i].type);
        text_or_null(&o, v[i].protocol_type);
        text_or_null(&o, v[i].assignor);
        output_number(&o, v[i].coordinator);
        output_number(&o, lag);
        output_bool(&o, partial);
        output_list(&o, members_json(&v[i]));
        output_list(&o, positions_json(&v[i]));
    }
    output_print(&o, true);
}

/* What is not as it should be, on stderr. */
static int warn(struct group_client *g, const struct group_view *v)
{
    size_t unknown = 0;
    const struct group_position *first = NULL;
    for (size_t i = 0; i < v->n_positions; i++) {
        if (v->positions[i].end_code != 0) {
            first = first != NULL ? first : &v->positions[i];
            unknown++;
        }
    }
    if (!v->described) {
        command_fail(g->admin.call, 0,
                     "group %.*s: its kind of members cannot be asked "
                     "for; offsets are complete",
                     (int)v->id.len, (const char *)v->id.data);
    }
    if (unknown == 0) {
        return EXIT_DONE;
    }
    return command_fail(
        g->admin.call, EXIT_FAILED,
        "group %.*s: the end of %zu partitions is not known, as of %.*s/%d: "
        "%s; ostraka topic describe %.*s shows its leaders",
        (int)v->id.len, (const char *)v->id.data, unknown,
        (int)first->topic.len, (const char *)first->topic.data,
        first->partition,
        admin_error(&g->admin, first->end_code, slice_of(NULL, 0)),
        (int)first->topic.len, (const char *)first->topic.data);
}

static int describe_print(struct group_client *g, const struct group_view v[],
                          size_t n)
{
    int code = EXIT_DONE;
    group_client_progress_end(g);
    if (command_json(g->admin.call)) {
        print_json(v, n);
    }
    for (size_t i = 0; i < n; i++) {
        if (!command_json(g->admin.call)) {
            printf("%s", i > 0 ? "\n" : "");
            print_group(g, &v[i]);
        }
    }
    for (size_t i = 0; i < n; i++) {
        int one = warn(g, &v[i]);
        code = one != EXIT_DONE ? one : code;
    }
    return code;
}

/* Those that were named, or all. */
static int wanted(struct group_client *g, struct group_listing *l)
{
    struct command_call *c = g->admin.call;
    if (c->n_arguments == 0) {
        return group_view_list(g, l);
    }
    *l = (struct group_listing){.n = c->n_arguments};
    l->groups = arena_calloc(&g->admin.arena, l->n, sizeof *l->groups);
    for (size_t i = 0; l->groups != NULL && i < l->n; i++) {
        l->groups[i].id = slice_str(c->arguments[i]);
        l->groups[i].node = -1;
    }
    return l->groups != NULL ? EXIT_DONE
                             : command_fail(c, EXIT_FAILED, "out of memory");
}

static int describe_all(struct group_client *g)
{
    struct group_listing l;
    size_t n = 0;
    int code = wanted(g, &l), missing = EXIT_DONE;
    if (code != EXIT_DONE) {
        return code;
    }
    struct group_view *v = arena_calloc(&g->admin.arena, l.n + 1, sizeof *v);
    for (size_t i = 0; v != NULL && i < l.n && code == EXIT_DONE; i++) {
        group_client_progress(g, "describing groups", i, l.n);
        code = group_view_take(g, l.groups[i].id, l.groups[i].node, &v[n]);
        if (code == EXIT_DONE && v[n].exists) {
            n++;
        } else if (code == EXIT_DONE && g->admin.call->n_arguments > 0) {
            missing = group_view_absent(g, l.groups[i].id);
        }
    }
    if (code == EXIT_DONE) {
        code = v != NULL
                   ? group_view_ends(g, v, n)
                   : command_fail(g->admin.call, EXIT_FAILED, "out of memory");
    }
    if (code != EXIT_DONE || (n == 0 && missing != EXIT_DONE)) {
        return code != EXIT_DONE ? code : missing;
    }
    code = describe_print(g, v, n);
    return code == EXIT_DONE && (missing != EXIT_DONE || l.n_silent > 0)
               ? EXIT_FAILED
               : code;
}

int group_describe(struct command_call *c)
{
    struct group_client g;
    bool all = command_flag(c, "all");
    if (all == (c->n_arguments > 0)) {
        return command_fail(c, EXIT_USAGE,
                            "name groups, or give --all; ostraka group list "
                            "shows them");
    }
    int code = group_client_open(&g, c);
    if (code == EXIT_DONE) {
        code = describe_all(&g);
        group_client_close(&g);
    }
    return code;
}
