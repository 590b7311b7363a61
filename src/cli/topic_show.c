/* topic_show.c - ostraka topic list, ostraka topic describe. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/admin.h"
#include "cli/output.h"
#include "cli/topic.h"
#include "wire/api.h"
#include "wire/errors.h"
#include "wire/gen/describe_configs.h"

#define RESOURCE_TOPIC 2

/* ---- list ---------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    const struct metadata_response_topic *x = a, *y = b;
    return slice_compare(x->name, y->name);
}

static void list_row(struct output *o, const struct metadata_response_topic *t)
{
    char id[UUID_TEXT_LEN + 1];
    int64_t without = 0;
    for (uint32_t i = 0; i < t->partitions.n; i++) {
        without += t->partitions.ptr[i].leader_id < 0;
    }
    output_slice(o, t->name);
    output_number(o, t->partitions.n);
    output_number(o, t->partitions.n > 0 ? t->partitions.ptr[0].replica_nodes.n
                                         : 0);
    output_number(o, without);
    if (uuid_is_zero(t->topic_id)) {
        output_null(o);
    } else {
        output_text(o, "%s", uuid_format(t->topic_id, id));
    }
    output_bool(o, t->is_internal);
}

static void list_print(struct admin *a)
{
    static const struct output_column columns[] = {
        {"NAME", "name", OUTPUT_TEXT},
        {"PARTITIONS", "partitions", OUTPUT_NUMBER},
        {"REPLICAS", "replicas", OUTPUT_NUMBER},
        {"LEADERLESS", "leaderless", OUTPUT_NUMBER},
        {NULL, "id", OUTPUT_TEXT},
        {NULL, "internal", OUTPUT_BOOL}};
    struct output o;
    struct metadata_response *m = &a->metadata;
    if (m->topics.n > 0) {
        qsort(m->topics.ptr, m->topics.n, sizeof *m->topics.ptr, by_name);
    }
    output_init(&o, "topic.list", columns, 6);
    for (uint32_t i = 0; i < m->topics.n; i++) {
        if (m->topics.ptr[i].error_code == 0) {
            list_row(&o, &m->topics.ptr[i]);
        }
    }
    if (m->topics.n == 0 && !command_json(a->call)) {
        fprintf(stderr, "No topics; ostraka topic create NAME makes one\n");
    }
    output_print(&o, command_json(a->call));
}

int topic_list(struct command_call *c)
{
    struct admin a;
    int code = admin_open(&a, c);
    if (code != EXIT_DONE) {
        return code;
    }
    code = admin_metadata(&a, NULL);
    if (code == EXIT_DONE) {
        list_print(&a);
    }
    admin_close(&a);
    return code;
}

/* ---- describe ------------------------------------------------------------ */

static json_t *numbers(const int32_t *p, uint32_t n)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < n; i++) {
        json_array_append_new(list, json_integer(p[i]));
    }
    return list;
}

static int by_index(const void *a, const void *b)
{
    const struct metadata_response_partition *x = a, *y = b;
    return (x->partition_index > y->partition_index) -
           (x->partition_index < y->partition_index);
}

static void partitions_fill(struct output *o,
                            const struct metadata_response_topic *t)
{
    static const struct output_column columns[] = {
        {"PARTITION", "partition", OUTPUT_NUMBER},
        {"LEADER", "leader", OUTPUT_NUMBER},
        {"EPOCH", "epoch", OUTPUT_NUMBER},
        {"REPLICAS", "replicas", OUTPUT_TEXT},
        {"ISR", "isr", OUTPUT_TEXT},
        {"OFFLINE", "offline", OUTPUT_TEXT},
        {"STATUS", "status", OUTPUT_TEXT}};
    output_init(o, "topic.describe", columns, 7);
    if (t->partitions.n > 0) {
        qsort(t->partitions.ptr, t->partitions.n, sizeof *t->partitions.ptr,
              by_index);
    }
    for (uint32_t i = 0; i < t->partitions.n; i++) {
        const struct metadata_response_partition *p = &t->partitions.ptr[i];
        output_number(o, p->partition_index);
        if (p->leader_id >= 0) {
            output_number(o, p->leader_id);
        } else {
            output_null(o);
        }
        output_number(o, p->leader_epoch);
        output_list(o, numbers(p->replica_nodes.ptr, p->replica_nodes.n));
        output_list(o, numbers(p->isr_nodes.ptr, p->isr_nodes.n));
        output_list(o, numbers(p->offline_replicas.ptr, p->offline_replicas.n));
        output_text(o, "%s",
                    p->error_code == 0 ? "ok" : kerr_name(p->error_code));
    }
}

static const char *source_of(int source)
{
    static const char *const names[] = {
        "unknown", "topic",       "node",           "cluster", "node file",
        "default", "node logger", "client metrics", "group"};
    return source >= 0 && source < (int)(sizeof names / sizeof *names)
               ? names[source]
               : names[0];
}

/* Without a leader of @meta nobody can say what the settings are, while where
 * the partitions are is known, and wanted all the more. */
static bool is_unconfirmed(const struct describe_configs_response *r)
{
    int16_t error = r->results.n > 0 ? r->results.ptr[0].error_code : 0;
    return error == KERR_REQUEST_TIMED_OUT || error == KERR_NOT_CONTROLLER;
}

/* Settings of the topic, all or those that somebody set. */
static int configs_ask(struct admin *a, struct slice name,
                       struct describe_configs_response *r)
{
    struct describe_configs_request q;
    struct describe_configs_request_resource t;
    wire_init(&wire_describe_configs_request, &q);
    wire_struct_init(&wire_describe_configs_request_resource, &t);
    t.resource_type = RESOURCE_TOPIC;
    t.resource_name = name;
    t.configuration_keys.ptr = NULL; /* null: all */
    q.resources.ptr = &t;
    q.resources.n = 1;
    int code = admin_call(a, API_DESCRIBE_CONFIGS,
                          admin_version(a, API_DESCRIBE_CONFIGS, -1), &q, r);
    if (code == EXIT_DONE && is_unconfirmed(r)) {
        code = command_fail(a->call, EXIT_UNREACHABLE,
                            "settings: not known while the cluster's metadata "
                            "has no leader: see ostraka cluster status");
    } else if (code == EXIT_DONE && r->results.n == 1 &&
               r->results.ptr[0].error_code != 0) {
        code =
            command_fail(a->call, admin_exit_of(r->results.ptr[0].error_code),
                         "settings: %s",
                         admin_error(a, r->results.ptr[0].error_code,
                                     r->results.ptr[0].error_message));
    }
    return code;
}

static bool is_set(const struct describe_configs_response_config *k)
{
    return k->config_source >= 0 ? k->config_source != 5 : !k->is_default;
}

static void configs_fill(struct admin *a, struct output *o,
                         const struct describe_configs_response *r)
{
    static const struct output_column columns[] = {
        {"SETTING", "name", OUTPUT_TEXT},
        {"VALUE", "value", OUTPUT_TEXT},
        {"SOURCE", "source", OUTPUT_TEXT}};
    output_init(o, "topic.configs", columns, 3);
    for (uint32_t i = 0; r->results.n > 0 && i < r->results.ptr[0].configs.n;
         i++) {
        const struct describe_configs_response_config *k =
            &r->results.ptr[0].configs.ptr[i];
        if (command_flag(a->call, "all") || is_set(k)) {
            output_slice(o, k->name);
            output_slice(o, k->value);
            output_text(o, "%s", source_of(k->config_source));
        }
    }
}

static void describe_print(struct admin *a,
                           const struct metadata_response_topic *t,
                           const struct describe_configs_response *r)
{
    struct output partitions, configs;
    char id[UUID_TEXT_LEN + 1];
    uuid_format(t->topic_id, id);
    partitions_fill(&partitions, t);
    configs_fill(a, &configs, r);
    if (command_json(a->call)) {
        output_head(&partitions, "topic",
                    json_stringn((const char *)t->name.data, t->name.len));
        output_head(&partitions, "id", json_string(id));
        output_head(&partitions, "internal", json_boolean(t->is_internal));
        json_t *rows = output_take(&configs);
        if (is_unconfirmed(r)) {
            json_decref(rows);
            rows = json_null();
        }
        output_head(&partitions, "configs", rows);
        output_print(&partitions, true);
        return;
    }
    printf("TOPIC  %.*s\nID     %s\n\n", (int)t->name.len,
           (const char *)t->name.data, uuid_is_zero(t->topic_id) ? "-" : id);
    output_print(&partitions, false);
    if (!is_unconfirmed(r) && json_array_size(configs.rows) > 0) {
        printf("\n");
        output_print(&configs, false);
        return;
    }
    if (!is_unconfirmed(r)) {
        printf("\nNo setting differs from its default; --all shows them\n");
    }
    json_decref(output_take(&configs));
}

int topic_describe(struct command_call *c)
{
    struct admin a;
    const struct metadata_response_topic *t = NULL;
    struct describe_configs_response r;
    int code = admin_open(&a, c);
    if (code != EXIT_DONE) {
        return code;
    }
    code = admin_topic(&a, c->arguments[0], &t);
    if (code == EXIT_DONE) {
        wire_init(&wire_describe_configs_response, &r);
        code = configs_ask(&a, t->name, &r);
        if (code == EXIT_DONE || is_unconfirmed(&r)) {
            describe_print(&a, t, &r);
        }
    }
    admin_close(&a);
    return code;
}
