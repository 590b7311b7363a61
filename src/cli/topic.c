#include "cli/topic.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/admin.h"
#include "cli/output.h"
#include "wire/api.h"
#include "wire/errors.h"
#include "wire/gen/create_partitions.h"
#include "wire/gen/create_topics.h"
#include "wire/gen/delete_topics.h"
#include "wire/gen/incremental_alter_configs.h"

#define RESOURCE_TOPIC   2
#define OPERATION_SET    0
#define OPERATION_DELETE 1
#define PARTITIONS_MAX   1000000
#define DEFAULTS_VERSION 4 /* CreateTopics: -1 means the cluster's default */
#define BY_ID_VERSION    6 /* DeleteTopics: names moved to another field */

/* ---- what they share ----------------------------------------------------- */

int topic_setting(const char *text, struct slice *ret_key,
                  struct slice *ret_value)
{
    const char *equals = strchr(text, '=');
    if (equals == NULL || equals == text) {
        return ERR_INVALID;
    }
    *ret_key = slice_of(text, (size_t)(equals - text));
    *ret_value = slice_str(equals + 1);
    return 0;
}

static unsigned count_option(const struct command_call *c, const char *name)
{
    unsigned pos = 0, n = 0;
    while (command_option_next(c, name, &pos) != NULL) {
        n++;
    }
    return n;
}

static const struct output_column outcome_columns[] = {
    {"NAME", "name", OUTPUT_TEXT},
    {"STATUS", "status", OUTPUT_TEXT},
    {"DETAIL", "detail", OUTPUT_TEXT},
    {NULL, "error", OUTPUT_TEXT}};

static void outcome_init(struct output *o, const char *name)
{
    output_init(o, name, outcome_columns, 4);
}

/* A row of what became of one topic. */
static void outcome_row(struct admin *a, struct output *o, struct slice name,
                        const char *done, int16_t code, struct slice message)
{
    output_slice(o, name);
    output_text(o, "%s", code == 0 ? done : "error");
    if (code == 0) {
        output_null(o);
        output_null(o);
    } else {
        output_text(o, "%s", admin_error(a, code, message));
        output_text(o, "%s", kerr_name(code));
    }
}

/* One exit code of several: the same, or EXIT_FAILED. */
static int worse(int so_far, int code, bool first)
{
    return first || so_far == code ? code : EXIT_FAILED;
}

/* The answer is about nothing, or about more. */
static int nothing_said(struct admin *a, uint32_t n)
{
    return command_fail(a->call, EXIT_UNKNOWN,
                        "%s answered about %u topics instead of one",
                        client_peer(a->client), n);
}

/* What to do next, for people only. */
static void hint(const struct command_call *c, const char *topic)
{
    if (!command_json(c) && isatty(STDERR_FILENO)) {
        fprintf(stderr, "ostraka topic describe %s shows it\n", topic);
    }
}

/* ---- create -------------------------------------------------------------- */

static int16_t created_code(const void *response)
{
    const struct create_topics_response *r = response;
    return r->topics.n > 0 ? r->topics.ptr[0].error_code : 0;
}

static int create_settings(struct admin *a,
                           struct create_topics_request_topic *t)
{
    unsigned n = count_option(a->call, "set"), pos = 0;
    const char *text;
    t->configs.ptr =
        wire_elems_new(&a->arena, &wire_create_topics_request_config, n);
    if (t->configs.ptr == NULL) {
        return command_fail(a->call, EXIT_FAILED, "out of memory");
    }
    while ((text = command_option_next(a->call, "set", &pos)) != NULL) {
        struct create_topics_request_config *k =
            &t->configs.ptr[t->configs.n++];
        if (topic_setting(text, &k->name, &k->value) != 0) {
            return command_fail(a->call, EXIT_USAGE,
                                "--set %s: expected KEY=VALUE", text);
        }
    }
    return EXIT_DONE;
}

static void create_print(struct admin *a,
                         const struct create_topics_response_topic *t,
                         const char *done)
{
    static const struct output_column columns[] = {
        {"NAME", "name", OUTPUT_TEXT},
        {"STATUS", "status", OUTPUT_TEXT},
        {"PARTITIONS", "partitions", OUTPUT_NUMBER},
        {"REPLICAS", "replicas", OUTPUT_NUMBER},
        {"ID", "id", OUTPUT_TEXT}};
    struct output o;
    char id[UUID_TEXT_LEN + 1];
    output_init(&o, "topic.create", columns, 5);
    output_slice(&o, t->name);
    output_text(&o, "%s", done);
    if (t->num_partitions >= 0) {
        output_number(&o, t->num_partitions);
        output_number(&o, t->replication_factor);
    } else {
        output_null(&o);
        output_null(&o);
    }
    if (uuid_is_zero(t->topic_id)) {
        output_null(&o);
    } else {
        output_text(&o, "%s", uuid_format(t->topic_id, id));
    }
    output_print(&o, command_json(a->call));
}

static int create_finish(struct admin *a,
                         const struct create_topics_response *r)
{
    const char *name = a->call->arguments[0];
    if (r->topics.n != 1) {
        return nothing_said(a, r->topics.n);
    }
    const struct create_topics_response_topic *t = &r->topics.ptr[0];
    if (t->error_code == KERR_TOPIC_ALREADY_EXISTS &&
        command_flag(a->call, "if-not-exists")) {
        create_print(a, t, "exists");
        return EXIT_DONE;
    }
    if (t->error_code != 0) {
        return command_fail(a->call, admin_exit_of(t->error_code), "%s: %s%s",
                            name,
                            admin_error(a, t->error_code, t->error_message),
                            t->error_code == KERR_TOPIC_ALREADY_EXISTS
                                ? "; --if-not-exists takes that for success"
                                : "");
    }
    bool only = command_flag(a->call, "validate-only");
    create_print(a, t, only ? "valid" : "created");
    if (!only) {
        hint(a->call, name);
    }
    return EXIT_DONE;
}

static int create_run(struct admin *a, int64_t partitions, int64_t replicas)
{
    struct create_topics_request q;
    struct create_topics_response r;
    struct create_topics_request_topic t;
    int version = admin_version(a, API_CREATE_TOPICS, -1);
    wire_init(&wire_create_topics_request, &q);
    wire_struct_init(&wire_create_topics_request_topic, &t);
    bool defaults = version >= DEFAULTS_VERSION;
    t.name = slice_str(a->call->arguments[0]);
    t.num_partitions = (int32_t)(partitions < 0 && !defaults ? 1 : partitions);
    t.replication_factor = (int16_t)(replicas < 0 && !defaults ? 1 : replicas);
    int code = create_settings(a, &t);
    if (code != EXIT_DONE) {
        return code;
    }
    q.topics.ptr = &t;
    q.topics.n = 1;
    q.timeout_ms = admin_timeout_ms(a);
    q.validate_only = command_flag(a->call, "validate-only");
    code = admin_call_controller(a, API_CREATE_TOPICS, version, &q, &r,
                                 created_code);
    return code != EXIT_DONE ? code : create_finish(a, &r);
}

static int topic_create(struct command_call *c)
{
    struct admin a;
    int64_t partitions, replicas;
    if (command_number(c, "partitions", 1, PARTITIONS_MAX, -1, &partitions) !=
            0 ||
        command_number(c, "replication", 1, INT16_MAX, -1, &replicas) != 0) {
        return EXIT_USAGE;
    }
    int code = admin_open(&a, c);
    if (code == EXIT_DONE) {
        code = create_run(&a, partitions, replicas);
        admin_close(&a);
    }
    return code;
}

/* ---- delete -------------------------------------------------------------- */

/* Ask a person, or refuse. */
static int delete_confirm(const struct command_call *c)
{
    char line[16] = "";
    if (command_flag(c, "yes")) {
        return EXIT_DONE;
    }
    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)) {
        return command_fail(c, EXIT_REFUSED,
                            "deleting a topic loses its records, and there is "
                            "no terminal to ask at: give --yes");
    }
    fprintf(stderr, "Delete");
    for (unsigned i = 0; i < c->n_arguments; i++) {
        fprintf(stderr, " %s", c->arguments[i]);
    }
    fprintf(stderr, " and all records in %s, for ever? [y/N] ",
            c->n_arguments > 1 ? "them" : "it");
    if (fgets(line, sizeof line, stdin) == NULL ||
        (strcmp(line, "y\n") != 0 && strcmp(line, "yes\n") != 0)) {
        return command_fail(c, EXIT_REFUSED, "nothing was deleted");
    }
    return EXIT_DONE;
}

static int16_t deleted_code(const void *response)
{
    const struct delete_topics_response *r = response;
    return r->responses.n > 0 ? r->responses.ptr[0].error_code : 0;
}

static int delete_finish(struct admin *a,
                         const struct delete_topics_response *r)
{
    struct output o;
    int code = EXIT_DONE;
    outcome_init(&o, "topic.delete");
    for (uint32_t i = 0; i < r->responses.n; i++) {
        const struct delete_topics_response_response *t = &r->responses.ptr[i];
        outcome_row(a, &o, t->name, "deleted", t->error_code, t->error_message);
        code = worse(code, admin_exit_of(t->error_code), i == 0);
    }
    output_print(&o, command_json(a->call));
    if (r->responses.n != a->call->n_arguments) {
        return command_fail(a->call, EXIT_UNKNOWN,
                            "%s did not answer about every topic",
                            client_peer(a->client));
    }
    return code;
}

static int delete_run(struct admin *a)
{
    struct delete_topics_request q;
    struct delete_topics_response r;
    unsigned n = a->call->n_arguments;
    int version = admin_version(a, API_DELETE_TOPICS, -1);
    wire_init(&wire_delete_topics_request, &q);
    q.timeout_ms = admin_timeout_ms(a);
    q.topics.ptr =
        wire_elems_new(&a->arena, &wire_delete_topics_request_topic, n);
    q.topic_names.ptr = arena_calloc(&a->arena, n, sizeof(struct slice));
    if (q.topics.ptr == NULL || q.topic_names.ptr == NULL) {
        return command_fail(a->call, EXIT_FAILED, "out of memory");
    }
    for (unsigned i = 0; i < n; i++) {
        q.topics.ptr[i].name = slice_str(a->call->arguments[i]);
        q.topic_names.ptr[i] = q.topics.ptr[i].name;
    }
    q.topics.n = version >= BY_ID_VERSION ? n : 0;
    q.topic_names.n = version >= BY_ID_VERSION ? 0 : n;
    int code = admin_call_controller(a, API_DELETE_TOPICS, version, &q, &r,
                                     deleted_code);
    return code != EXIT_DONE ? code : delete_finish(a, &r);
}

static int topic_delete(struct command_call *c)
{
    struct admin a;
    int code = delete_confirm(c);
    if (code == EXIT_DONE) {
        code = admin_open(&a, c);
    } else {
        return code;
    }
    if (code == EXIT_DONE) {
        code = delete_run(&a);
        admin_close(&a);
    }
    return code;
}

/* ---- alter --------------------------------------------------------------- */

static int16_t altered_code(const void *response)
{
    const struct incremental_alter_configs_response *r = response;
    return r->responses.n > 0 ? r->responses.ptr[0].error_code : 0;
}

static int alter_settings(struct admin *a,
                          struct incremental_alter_configs_request_resource *t)
{
    const struct command_call *c = a->call;
    unsigned n = count_option(c, "set") + count_option(c, "unset"), pos = 0;
    const char *text;
    t->configs.ptr = wire_elems_new(
        &a->arena, &wire_incremental_alter_configs_request_config, n);
    if (t->configs.ptr == NULL) {
        return command_fail(c, EXIT_FAILED, "out of memory");
    }
    while ((text = command_option_next(c, "set", &pos)) != NULL) {
        struct incremental_alter_configs_request_config *k =
            &t->configs.ptr[t->configs.n++];
        k->config_operation = OPERATION_SET;
        if (topic_setting(text, &k->name, &k->value) != 0) {
            return command_fail(c, EXIT_USAGE, "--set %s: expected KEY=VALUE",
                                text);
        }
    }
    for (pos = 0; (text = command_option_next(c, "unset", &pos)) != NULL;) {
        t->configs.ptr[t->configs.n++] =
            (struct incremental_alter_configs_request_config){
                slice_str(text), OPERATION_DELETE, slice_of(NULL, 0)};
    }
    return EXIT_DONE;
}

static int alter_run(struct admin *a)
{
    struct incremental_alter_configs_request q;
    struct incremental_alter_configs_response r;
    struct incremental_alter_configs_request_resource t;
    struct output o;
    wire_init(&wire_incremental_alter_configs_request, &q);
    wire_struct_init(&wire_incremental_alter_configs_request_resource, &t);
    t.resource_type = RESOURCE_TOPIC;
    t.resource_name = slice_str(a->call->arguments[0]);
    q.resources.ptr = &t;
    q.resources.n = 1;
    q.validate_only = command_flag(a->call, "validate-only");
    int code = alter_settings(a, &t);
    if (code == EXIT_DONE) {
        code = admin_call_controller(
            a, API_INCREMENTAL_ALTER_CONFIGS,
            admin_version(a, API_INCREMENTAL_ALTER_CONFIGS, -1), &q, &r,
            altered_code);
    }
    if (code != EXIT_DONE) {
        return code;
    }
    if (r.responses.n != 1) {
        return nothing_said(a, r.responses.n);
    }
    outcome_init(&o, "topic.alter");
    for (uint32_t i = 0; i < r.responses.n; i++) {
        outcome_row(a, &o, r.responses.ptr[i].resource_name,
                    q.validate_only ? "valid" : "altered",
                    r.responses.ptr[i].error_code,
                    r.responses.ptr[i].error_message);
    }
    output_print(&o, command_json(a->call));
    code = admin_exit_of(altered_code(&r));
    if (code == EXIT_DONE) {
        hint(a->call, a->call->arguments[0]);
    }
    return code;
}

static int topic_alter(struct command_call *c)
{
    struct admin a;
    if (count_option(c, "set") + count_option(c, "unset") == 0) {
        return command_fail(c, EXIT_USAGE,
                            "give --set KEY=VALUE or --unset KEY");
    }
    int code = admin_open(&a, c);
    if (code == EXIT_DONE) {
        code = alter_run(&a);
        admin_close(&a);
    }
    return code;
}

/* ---- add-partitions ------------------------------------------------------ */

static int16_t grown_code(const void *response)
{
    const struct create_partitions_response *r = response;
    return r->results.n > 0 ? r->results.ptr[0].error_code : 0;
}

static int grow_run(struct admin *a, int64_t to)
{
    struct create_partitions_request q;
    struct create_partitions_response r;
    struct create_partitions_request_topic t;
    struct output o;
    wire_init(&wire_create_partitions_request, &q);
    wire_struct_init(&wire_create_partitions_request_topic, &t);
    t.name = slice_str(a->call->arguments[0]);
    t.count = (int32_t)to;
    t.assignments.ptr = NULL; /* null: the cluster chooses */
    q.topics.ptr = &t;
    q.topics.n = 1;
    q.timeout_ms = admin_timeout_ms(a);
    q.validate_only = command_flag(a->call, "validate-only");
    int code = admin_call_controller(
        a, API_CREATE_PARTITIONS, admin_version(a, API_CREATE_PARTITIONS, -1),
        &q, &r, grown_code);
    if (code != EXIT_DONE) {
        return code;
    }
    if (r.results.n != 1) {
        return nothing_said(a, r.results.n);
    }
    outcome_init(&o, "topic.add-partitions");
    for (uint32_t i = 0; i < r.results.n; i++) {
        outcome_row(
            a, &o, r.results.ptr[i].name, q.validate_only ? "valid" : "grown",
            r.results.ptr[i].error_code, r.results.ptr[i].error_message);
    }
    output_print(&o, command_json(a->call));
    return admin_exit_of(grown_code(&r));
}

static int topic_add_partitions(struct command_call *c)
{
    struct admin a;
    int64_t to;
    if (command_option(c, "to", NULL) == NULL) {
        return command_fail(c, EXIT_USAGE,
                            "give --to N, the number of partitions it shall "
                            "have then");
    }
    if (command_number(c, "to", 1, PARTITIONS_MAX, 0, &to) != 0) {
        return EXIT_USAGE;
    }
    int code = admin_open(&a, c);
    if (code == EXIT_DONE) {
        code = grow_run(&a, to);
        admin_close(&a);
    }
    return code;
}

/* ---- the table ----------------------------------------------------------- */

static const struct command_option create_options[] = {
    {"partitions", 'p', "N", "Partitions (default: the cluster's)."},
    {"replication", 'r', "N", "Replicas of each (default: the cluster's)."},
    {"set", 's', "KEY=VALUE", "A setting of the topic; may be repeated."},
    {"if-not-exists", 0, NULL, "A topic that exists is success."},
    {"validate-only", 0, NULL, "Check it, create nothing."},
    {NULL, 0, NULL, NULL}};

static const struct command_option describe_options[] = {
    {"all", 'a', NULL, "All settings, also those nobody has set."},
    {NULL, 0, NULL, NULL}};

static const struct command_option delete_options[] = {
    {"yes", 'y', NULL, "Do not ask."}, {NULL, 0, NULL, NULL}};

static const struct command_option alter_options[] = {
    {"set", 's', "KEY=VALUE", "Set it; may be repeated."},
    {"unset", 'u', "KEY", "Back to the default; may be repeated."},
    {"validate-only", 0, NULL, "Check it, change nothing."},
    {NULL, 0, NULL, NULL}};

static const struct command_option grow_options[] = {
    {"to", 0, "N", "Partitions it shall have then; they only become more."},
    {"validate-only", 0, NULL, "Check it, change nothing."},
    {NULL, 0, NULL, NULL}};

const struct command topic_commands[] = {
    {"topic", "create", "NAME", "Create a topic.", create_options, IMPACT_WRITE,
     1, 1, topic_create},
    {"topic", "list", NULL, "List topics.", NULL, IMPACT_READ, 0, 0,
     topic_list},
    {"topic", "describe", "NAME",
     "Show a topic: settings, and leader and replicas of each partition.",
     describe_options, IMPACT_READ, 1, 1, topic_describe},
    {"topic", "alter", "NAME", "Set or unset settings of a topic.",
     alter_options, IMPACT_WRITE, 1, 1, topic_alter},
    {"topic", "add-partitions", "NAME",
     "Give a topic more partitions; keys move to other partitions by that.",
     grow_options, IMPACT_WRITE, 1, 1, topic_add_partitions},
    {"topic", "delete", "NAME...", "Delete topics and their records.",
     delete_options, IMPACT_DANGER, 1, 1000, topic_delete},
    {NULL, NULL, NULL, NULL, NULL, IMPACT_READ, 0, 0, NULL}};
