/* configs_alter.c - AlterConfigs (replaces what a topic overrides) and
 * IncrementalAlterConfigs (KIP-339), which become the same command.
 *
 * Every resulting value is checked here, so that @meta holds only what is
 * valid. Settings of a node are in its file: they cannot be changed so.
 */
#include "api/admin.h"
#include "api/find.h"
#include "api/handlers.h"
#include "api/settings.h"
#include "base/map.h"
#include "wire/errors.h"
#include "wire/gen/alter_configs.h"
#include "wire/gen/incremental_alter_configs.h"

/* These APIs carry no timeout. */
#define TIMEOUT_MS 30000

/* One setting, as either request says it. */
struct wish {
    struct slice name;
    int8_t op;
    struct slice value;
};

/* One resource, as either request says it. */
struct altering {
    int8_t type;
    struct slice name;
    struct wish *wishes;
    uint32_t n;
    bool repeated;
    int16_t *error; /* where its outcome goes */
    struct slice *message;
    struct meta_alter_configs command;
};

struct job {
    union {
        struct alter_configs_response whole;
        struct incremental_alter_configs_response single;
    } out;
    struct admin admin;
    struct altering *items;
    uint32_t n;
    bool replace;
    bool validate_only;
};

static bool refuse(struct request *r, struct altering *a, int16_t error,
                   const char *message)
{
    const char *copy = arena_strdup(&r->arena, slice_str(message));
    *a->error = error;
    *a->message = copy != NULL ? slice_str(copy) : slice_of(NULL, 0);
    return false;
}

/* ---- one setting -------------------------------------------------------- */

static int replicas_of(const struct image_topic *t)
{
    return t->n_partitions > 0 ? (int)t->partitions[0].n_replicas : 0;
}

/* APPEND and SUBTRACT work on what the topic has, be it its own or the
 * default; @meta only knows its own, so that a default is put in here. */
static bool change_list(struct request *r, struct altering *a,
                        const struct image_topic *t,
                        struct meta_config_change *ret_c)
{
    int s = config_topic_find(ret_c->name);
    const char *own = image_topic_config(t, ret_c->name);
    char text[TOPIC_VALUE_MAX];
    struct topic_config now;
    struct err err = {""};
    if (s < 0 || config_topic_setting((enum topic_setting)s)->type !=
                     SETTING_TYPE_LIST) {
        err_set(&err, ERR_INVALID, "%.100s is not a list: it can only be set",
                ret_c->name);
        return refuse(r, a, KERR_INVALID_CONFIG, err.text);
    }
    settings_effective(broker_config(r->broker), t, &now);
    const char *old =
        own != NULL ? own
                    : config_topic_text(&now, (enum topic_setting)s, text);
    const char *after = settings_list_after(r, old, ret_c->op, ret_c->value);
    if (after == NULL) {
        return refuse(r, a, KERR_KAFKA_STORAGE_ERROR, "out of memory");
    }
    if (config_topic_check(ret_c->name, after, replicas_of(t), &err) != 0) {
        return refuse(r, a, KERR_INVALID_CONFIG, err.text);
    }
    if (own == NULL) {
        ret_c->op = META_CONFIG_SET;
        ret_c->value = after;
    }
    return true;
}

/* A setting goes back to its default: it must exist, or be there. */
static bool change_delete(struct request *r, struct altering *a,
                          const struct image_topic *t,
                          struct meta_config_change *ret_c)
{
    struct err err = {""};
    ret_c->value = NULL;
    if (config_topic_find(ret_c->name) >= 0 ||
        image_topic_config(t, ret_c->name) != NULL) {
        return true;
    }
    /* The check knows how to say which name was meant. */
    if (config_topic_check(ret_c->name, "", 0, &err) == 0) {
        return true;
    }
    return refuse(r, a, KERR_INVALID_CONFIG, err.text);
}

static bool check_wish(struct request *r, struct altering *a,
                       const struct image_topic *t, const struct wish *w,
                       struct meta_config_change *ret_c)
{
    struct err err = {""};
    if (w->op < META_CONFIG_SET || w->op > META_CONFIG_SUBTRACT) {
        return refuse(r, a, KERR_INVALID_REQUEST, "no such operation");
    }
    if (w->value.data == NULL && w->op != META_CONFIG_DELETE) {
        return refuse(r, a, KERR_INVALID_REQUEST, "a value is null");
    }
    ret_c->op = (enum meta_config_op)w->op;
    int rv = settings_text(r, w->name, &ret_c->name);
    if (rv == 0 && w->value.data != NULL) {
        rv = settings_text(r, w->value, &ret_c->value);
    }
    if (rv != 0) {
        return refuse(r, a,
                      rv == ERR_NOMEM ? KERR_KAFKA_STORAGE_ERROR
                                      : KERR_INVALID_CONFIG,
                      rv == ERR_NOMEM ? "out of memory"
                                      : "a NUL byte in a name or value");
    }
    switch (ret_c->op) {
    case META_CONFIG_DELETE:
        return change_delete(r, a, t, ret_c);
    case META_CONFIG_APPEND:
    case META_CONFIG_SUBTRACT:
        return change_list(r, a, t, ret_c);
    case META_CONFIG_SET:
        break;
    }
    if (settings_judge(r, ret_c->name, ret_c->value, replicas_of(t), &err) !=
        0) {
        return refuse(r, a, KERR_INVALID_CONFIG, err.text);
    }
    return true;
}

static bool wish_repeated(const struct altering *a, uint32_t i)
{
    for (uint32_t k = 0; k < i; k++) {
        if (slice_equal(a->wishes[k].name, a->wishes[i].name)) {
            return true;
        }
    }
    return false;
}

/* ---- one resource ------------------------------------------------------- */

static bool check_topic(struct request *r, struct job *j, struct altering *a)
{
    const struct image_topic *t;
    struct meta_config_change *ops;
    int16_t error = find_valid_name(a->name)
                        ? find_topic(r, a->name, &t)
                        : (int16_t)KERR_INVALID_TOPIC_EXCEPTION;
    if (error != 0) {
        return refuse(r, a, error, kerr_text(error));
    }
    if (a->n > 2 * TOPIC_SETTINGS) {
        return refuse(r, a, KERR_INVALID_REQUEST,
                      "more settings than a topic has");
    }
    ops = arena_calloc(&r->arena, a->n + 1, sizeof *ops);
    if (ops == NULL) {
        return refuse(r, a, KERR_KAFKA_STORAGE_ERROR, "out of memory");
    }
    for (uint32_t i = 0; i < a->n; i++) {
        if (wish_repeated(a, i)) {
            return refuse(r, a, KERR_INVALID_REQUEST,
                          "a setting stands more than once");
        }
        if (!check_wish(r, a, t, &a->wishes[i], &ops[i])) {
            return false;
        }
    }
    a->command = (struct meta_alter_configs){
        .topic = a->name, .replace = j->replace, .ops = ops, .n_ops = a->n};
    return true;
}

static bool check(struct request *r, struct job *j, struct altering *a)
{
    if (a->repeated) {
        return refuse(r, a, KERR_INVALID_REQUEST,
                      "the resource stands more than once in the request");
    }
    switch (a->type) {
    case SETTINGS_OF_TOPIC:
        return check_topic(r, j, a);
    case SETTINGS_OF_BROKER:
        return refuse(r, a, KERR_INVALID_REQUEST,
                      "settings of a node are in its configuration file: "
                      "change them there and restart the node");
    default:
        return refuse(r, a, KERR_INVALID_REQUEST,
                      "only settings of topics can be altered");
    }
}

static void on_encode(struct admin *a, unsigned i, struct uuid command,
                      struct buf *out)
{
    struct job *j = a->data;
    meta_encode_alter_configs(&j->items[i].command, command, out);
}

static void on_outcome(struct admin *a, unsigned i, int16_t error,
                       struct slice message, const struct meta_result *result)
{
    struct job *j = a->data;
    (void)result;
    *j->items[i].error = error;
    *j->items[i].message = message;
}

static void on_done(struct admin *a)
{
    struct job *j = a->data;
    request_reply(a->request, &j->out);
}

static bool on_judge(struct admin *a)
{
    struct job *j = a->data;
    for (uint32_t i = 0; i < j->n; i++) {
        bool good = check(a->request, j, &j->items[i]);
        a->items[i].skip = !good || j->validate_only;
    }
    return true;
}

static const struct admin_hooks hooks = {.judge = on_judge,
                                         .encode = on_encode,
                                         .outcome = on_outcome,
                                         .done = on_done};

/* ---- both requests ------------------------------------------------------ */

/* A resource named twice is refused at all its places. */
static bool mark_repeated(struct request *r, struct job *j)
{
    struct map *seen = map_new(env_mem(r->env));
    uint8_t key[1 + WIRE_STRING_MAX];
    int rv = seen == NULL ? ERR_NOMEM : 0;
    for (uint32_t i = 0; i < j->n && rv == 0; i++) {
        struct altering *a = &j->items[i];
        key[0] = (uint8_t)a->type;
        memcpy(key + 1, a->name.data, a->name.len);
        rv = map_put(seen, slice_of(key, 1 + a->name.len), a);
        if (rv == ERR_EXISTS) {
            struct altering *first =
                map_find(seen, slice_of(key, 1 + a->name.len));
            first->repeated = a->repeated = true;
            rv = 0;
        }
    }
    map_free(seen);
    if (rv != 0) {
        request_close(r, "out of memory");
    }
    return rv == 0;
}

static struct job *job_new(struct request *r, uint32_t n)
{
    struct job *j = request_alloc(r, sizeof *j);
    if (j == NULL) {
        return NULL;
    }
    j->n = n;
    j->items = request_alloc(r, n * sizeof *j->items);
    return j->items != NULL ? j : NULL;
}

static void job_start(struct request *r, struct job *j)
{
    if (!mark_repeated(r, j) || !admin_init(&j->admin, r, j->n, &hooks, j)) {
        return;
    }
    admin_start(&j->admin, TIMEOUT_MS, ADMIN_WAIT_NODES);
}

void api_alter_configs(struct request *r)
{
    const struct alter_configs_request *in = r->body;
    struct job *j = job_new(r, in->resources.n);
    if (j == NULL) {
        return;
    }
    j->replace = true;
    j->validate_only = in->validate_only;
    wire_init(&wire_alter_configs_response, &j->out.whole);
    j->out.whole.responses.ptr =
        request_elems(r, &wire_alter_configs_response_response, j->n);
    if (j->out.whole.responses.ptr == NULL) {
        return;
    }
    j->out.whole.responses.n = j->n;
    for (uint32_t i = 0; i < j->n; i++) {
        const struct alter_configs_request_resource *from =
            &in->resources.ptr[i];
        struct alter_configs_response_response *to =
            &j->out.whole.responses.ptr[i];
        struct wish *w = request_alloc(r, from->configs.n * sizeof *w);
        if (w == NULL) {
            return;
        }
        for (uint32_t k = 0; k < from->configs.n; k++) {
            w[k] = (struct wish){.name = from->configs.ptr[k].name,
                                 .op = META_CONFIG_SET,
                                 .value = from->configs.ptr[k].value};
        }
        to->resource_type = from->resource_type;
        to->resource_name = from->resource_name;
        j->items[i] = (struct altering){.type = from->resource_type,
                                        .name = from->resource_name,
                                        .wishes = w,
                                        .n = from->configs.n,
                                        .error = &to->error_code,
                                        .message = &to->error_message};
    }
    job_start(r, j);
}

void api_incremental_alter_configs(struct request *r)
{
    const struct incremental_alter_configs_request *in = r->body;
    struct job *j = job_new(r, in->resources.n);
    if (j == NULL) {
        return;
    }
    j->validate_only = in->validate_only;
    wire_init(&wire_incremental_alter_configs_response, &j->out.single);
    j->out.single.responses.ptr = request_elems(
        r, &wire_incremental_alter_configs_response_response, j->n);
    if (j->out.single.responses.ptr == NULL) {
        return;
    }
    j->out.single.responses.n = j->n;
    for (uint32_t i = 0; i < j->n; i++) {
        const struct incremental_alter_configs_request_resource *from =
            &in->resources.ptr[i];
        struct incremental_alter_configs_response_response *to =
            &j->out.single.responses.ptr[i];
        struct wish *w = request_alloc(r, from->configs.n * sizeof *w);
        if (w == NULL) {
            return;
        }
        for (uint32_t k = 0; k < from->configs.n; k++) {
            w[k] = (struct wish){.name = from->configs.ptr[k].name,
                                 .op = from->configs.ptr[k].config_operation,
                                 .value = from->configs.ptr[k].value};
        }
        to->resource_type = from->resource_type;
        to->resource_name = from->resource_name;
        j->items[i] = (struct altering){.type = from->resource_type,
                                        .name = from->resource_name,
                                        .wishes = w,
                                        .n = from->configs.n,
                                        .error = &to->error_code,
                                        .message = &to->error_message};
    }
    job_start(r, j);
}
