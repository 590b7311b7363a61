/* configs.c - DescribeConfigs: the settings of topics and of this node, with
 * where each value comes from and what it would be otherwise. */
#include <inttypes.h>
#include <stdio.h>

#include "api/admin.h"
#include "api/find.h"
#include "api/handlers.h"
#include "api/settings.h"
#include "wire/errors.h"
#include "wire/gen/describe_configs.h"

/* The most names one value can have: the topic's, its node defaults, the
 * built-in one. */
#define SYNONYMS_MAX 8

static const struct describe_configs_request *asked(const struct request *r)
{
    return r->body;
}

static void fail(struct describe_configs_response_result *out, int16_t error,
                 const char *message)
{
    out->error_code = error;
    out->error_message = slice_str(message);
}

/* Nothing named means everything. */
static bool is_wanted(const struct describe_configs_request_resource *in,
                      const char *name)
{
    for (uint32_t i = 0; i < in->configuration_keys.n; i++) {
        if (slice_equal(in->configuration_keys.ptr[i], slice_str(name))) {
            return true;
        }
    }
    return in->configuration_keys.n == 0;
}

/* ---- one setting -------------------------------------------------------- */

/* What the row says: type, and for a person its help. */
static bool fill_row(struct request *r, const struct setting *row,
                     struct describe_configs_response_config *out)
{
    out->name = slice_str(row->name);
    out->config_type = (int8_t)row->type;
    out->documentation = slice_of(NULL, 0);
    if (!asked(r)->include_documentation) {
        return true;
    }
    char text[1024];
    snprintf(text, sizeof text, "%s%s%s", row->help,
             row->reason != NULL ? " Note: " : "",
             row->reason != NULL ? row->reason : "");
    out->documentation = find_text(r, text);
    return out->documentation.data != NULL;
}

static void fill_source(enum settings_source source,
                        struct describe_configs_response_config *out)
{
    out->config_source = (int8_t)source;
    out->is_default = source == SETTINGS_FROM_DEFAULT;
}

static void add_synonym(struct describe_configs_response_config *out,
                        const char *name, struct slice value,
                        enum settings_source source)
{
    if (out->synonyms.n < SYNONYMS_MAX) {
        struct describe_configs_response_synonym *s =
            &out->synonyms.ptr[out->synonyms.n++];
        s->name = slice_str(name);
        s->value = value;
        s->source = (int8_t)source;
    }
}

/* Room for synonyms, if they were asked for. */
static bool open_synonyms(struct request *r,
                          struct describe_configs_response_config *out)
{
    out->synonyms.ptr =
        request_elems(r, &wire_describe_configs_response_synonym, SYNONYMS_MAX);
    return out->synonyms.ptr != NULL;
}

/* ---- a topic ------------------------------------------------------------ */

static void topic_synonyms(struct request *r, const struct topic_config *t,
                           enum topic_setting s,
                           struct describe_configs_response_config *out)
{
    const struct config *c = broker_config(r->broker);
    const struct setting *row = config_topic_setting(s);
    bool defaulted = false;
    if (topic_config_overrides(t, s)) {
        add_synonym(out, row->name, out->value, SETTINGS_FROM_TOPIC);
    }
    for (int i = settings_next_node(c, s, -1); i >= 0;
         i = settings_next_node(c, s, i)) {
        enum node_setting n = (enum node_setting)i;
        enum settings_source source = settings_node_source(c, n);
        defaulted = defaulted || source == SETTINGS_FROM_DEFAULT;
        add_synonym(out, config_setting(n)->name, slice_str(config_text(c, n)),
                    source);
    }
    if (!defaulted) {
        add_synonym(out, row->name, slice_str(row->default_text),
                    SETTINGS_FROM_DEFAULT);
    }
}

static bool fill_topic_setting(struct request *r, const struct topic_config *t,
                               enum topic_setting s,
                               struct describe_configs_response_config *out)
{
    const struct setting *row = config_topic_setting(s);
    char text[TOPIC_VALUE_MAX];
    out->value = find_text(r, config_topic_text(t, s, text));
    if (out->value.data == NULL || !fill_row(r, row, out)) {
        return false;
    }
    out->read_only = row->treatment == SETTING_FIXED;
    fill_source(settings_source(broker_config(r->broker), t, s), out);
    if (asked(r)->include_synonyms) {
        if (!open_synonyms(r, out)) {
            return false;
        }
        topic_synonyms(r, t, s, out);
    }
    return true;
}

static bool fill_topic(struct request *r,
                       const struct describe_configs_request_resource *in,
                       struct describe_configs_response_result *out)
{
    const struct image_topic *t;
    struct topic_config c;
    int16_t error = find_valid_name(in->resource_name)
                        ? find_topic(r, in->resource_name, &t)
                        : (int16_t)KERR_INVALID_TOPIC_EXCEPTION;
    if (error != 0) {
        fail(out, error, kerr_text(error));
        return true;
    }
    settings_effective(broker_config(r->broker), t, &c);
    out->configs.ptr = request_elems(r, &wire_describe_configs_response_config,
                                     TOPIC_SETTINGS);
    if (out->configs.ptr == NULL) {
        return false;
    }
    for (int s = 0; s < TOPIC_SETTINGS; s++) {
        enum topic_setting k = (enum topic_setting)s;
        if (is_wanted(in, config_topic_setting(k)->name) &&
            !fill_topic_setting(r, &c, k,
                                &out->configs.ptr[out->configs.n++])) {
            return false;
        }
    }
    return true;
}

/* ---- this node ---------------------------------------------------------- */

static bool fill_node_setting(struct request *r, enum node_setting s,
                              struct describe_configs_response_config *out)
{
    const struct config *c = broker_config(r->broker);
    const struct setting *row = config_setting(s);
    const char *text = config_text(c, s);
    enum settings_source source = settings_node_source(c, s);
    if (!fill_row(r, row, out)) {
        return false;
    }
    out->value = text != NULL ? slice_str(text) : slice_of(NULL, 0);
    out->read_only = true; /* they are set in the node's file */
    fill_source(source, out);
    if (!asked(r)->include_synonyms) {
        return true;
    }
    if (!open_synonyms(r, out)) {
        return false;
    }
    if (source != SETTINGS_FROM_DEFAULT) {
        add_synonym(out, row->name, out->value, source);
    }
    if (row->default_text != NULL) {
        add_synonym(out, row->name, slice_str(row->default_text),
                    SETTINGS_FROM_DEFAULT);
    }
    return true;
}

static bool fill_node(struct request *r,
                      const struct describe_configs_request_resource *in,
                      struct describe_configs_response_result *out)
{
    char own[16];
    snprintf(own, sizeof own, "%" PRId32, broker_node(r->broker));
    if (in->resource_name.len == 0) {
        return true; /* cluster-wide dynamic settings: there are none */
    }
    if (!slice_equal(in->resource_name, slice_str(own))) {
        fail(out, KERR_INVALID_REQUEST,
             "unexpected broker id: a node tells of its own settings only");
        return true;
    }
    out->configs.ptr =
        request_elems(r, &wire_describe_configs_response_config, NODE_SETTINGS);
    if (out->configs.ptr == NULL) {
        return false;
    }
    for (int s = 0; s < NODE_SETTINGS; s++) {
        enum node_setting k = (enum node_setting)s;
        if (is_wanted(in, config_setting(k)->name) &&
            !fill_node_setting(r, k, &out->configs.ptr[out->configs.n++])) {
            return false;
        }
    }
    return true;
}

/* ---- the request -------------------------------------------------------- */

static bool fill(struct request *r,
                 const struct describe_configs_request_resource *in,
                 struct describe_configs_response_result *out)
{
    out->resource_type = in->resource_type;
    out->resource_name = in->resource_name;
    switch (in->resource_type) {
    case SETTINGS_OF_TOPIC:
        return fill_topic(r, in, out);
    case SETTINGS_OF_BROKER:
        return fill_node(r, in, out);
    case SETTINGS_OF_LOGGER:
    case SETTINGS_OF_CLIENT_METRICS:
    case SETTINGS_OF_GROUP:
        fail(out, KERR_INVALID_REQUEST,
             "settings of loggers, client metrics and groups are not kept");
        return true;
    default:
        fail(out, KERR_INVALID_REQUEST, "no such kind of resource");
        return true;
    }
}

static void describe(struct request *r, int16_t error)
{
    const struct describe_configs_request *in = asked(r);
    struct describe_configs_response out;
    wire_init(&wire_describe_configs_response, &out);
    out.results.ptr = request_elems(r, &wire_describe_configs_response_result,
                                    in->resources.n);
    if (out.results.ptr == NULL) {
        return;
    }
    out.results.n = in->resources.n;
    for (uint32_t i = 0; i < in->resources.n; i++) {
        if (error != 0 &&
            in->resources.ptr[i].resource_type == SETTINGS_OF_TOPIC) {
            out.results.ptr[i].resource_type = SETTINGS_OF_TOPIC;
            out.results.ptr[i].resource_name =
                in->resources.ptr[i].resource_name;
            fail(&out.results.ptr[i], error, kerr_text(error));
        } else if (!fill(r, &in->resources.ptr[i], &out.results.ptr[i])) {
            return;
        }
    }
    request_reply(r, &out);
}

/* Settings of topics are @meta's: what this node tells must not lack what was
 * altered before. */
void api_describe_configs(struct request *r)
{
    const struct describe_configs_request *in = asked(r);
    for (uint32_t i = 0; i < in->resources.n; i++) {
        if (in->resources.ptr[i].resource_type == SETTINGS_OF_TOPIC) {
            admin_confirm_read(r, describe);
            return;
        }
    }
    describe(r, KERR_NONE);
}
