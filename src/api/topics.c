/* topics.c - CreateTopics (kafka-semantics.md section 15).
 *
 *   at the door:   repeated names, name, exists (after a barrier), settings,
 *                  counts, assignment
 *   @meta decides: again the name, enough nodes, placement
 *   then:          all partitions have leaders, all nodes know it
 *
 * so that a client may use the topic as soon as it is told of it.
 */
#include "api/admin.h"
#include "api/find.h"
#include "api/handlers.h"
#include "api/settings.h"
#include "wire/errors.h"
#include "wire/gen/create_topics.h"

#define VERSION_CONFIGS 5 /* the answer tells partitions and settings */

/* One topic that is to be made. */
struct making {
    const struct create_topics_request_topic *in;
    struct create_topics_response_topic *out;
    struct meta_create_topic command;
    struct topic_config config; /* what it will have */
    unsigned repeats;
};

struct job {
    struct create_topics_response out;
    struct admin admin;
    struct making *topics;
    unsigned n;
};

static const struct create_topics_request *asked(const struct request *r)
{
    return r->body;
}

static bool refuse(struct request *r, struct making *m, int16_t error,
                   const char *message)
{
    const char *copy = arena_strdup(&r->arena, slice_str(message));
    m->out->error_code = error;
    m->out->error_message = copy != NULL ? slice_str(copy) : slice_of(NULL, 0);
    return false;
}

/* ---- at the door -------------------------------------------------------- */

static bool check_name(struct request *r, struct making *m)
{
    const struct image_topic *t;
    if (m->repeats > 0) {
        return refuse(r, m, KERR_INVALID_REQUEST,
                      "the topic stands more than once in the request");
    }
    if (!find_valid_name(m->in->name)) {
        return refuse(r, m, KERR_INVALID_TOPIC_EXCEPTION,
                      "a topic name has 1 to 249 ASCII letters, digits, '.', "
                      "'_' and '-', and is not '.' or '..'");
    }
    if (find_topic(r, m->in->name, &t) == 0) {
        return refuse(r, m, KERR_TOPIC_ALREADY_EXISTS,
                      "a topic of this name exists");
    }
    return true;
}

/* How many replicas it will have, as far as can be said: 0 if not. */
static int replicas_of(struct request *r, const struct making *m)
{
    if (m->in->assignments.n > 0) {
        uint32_t n = m->in->assignments.ptr[0].broker_ids.n;
        return n <= IMAGE_REPLICAS_MAX ? (int)n : 0;
    }
    if (m->in->replication_factor == -1) {
        return (int)config_long(broker_config(r->broker),
                                NODE_DEFAULT_REPLICATION_FACTOR);
    }
    return m->in->replication_factor > 0 ? m->in->replication_factor : 0;
}

static bool check_configs(struct request *r, struct making *m)
{
    uint32_t n = m->in->configs.n;
    int replicas = replicas_of(r, m);
    struct err err = {""};
    struct image_config *rows = arena_calloc(&r->arena, n + 1, sizeof *rows);
    if (rows == NULL) {
        return refuse(r, m, KERR_KAFKA_STORAGE_ERROR, "out of memory");
    }
    m->config = *config_topic_defaults(broker_config(r->broker));
    for (uint32_t i = 0; i < n; i++) {
        const struct create_topics_request_config *c = &m->in->configs.ptr[i];
        int rv = settings_check(r, c->name, c->value, replicas, &rows[i].name,
                                &rows[i].value, &err);
        if (rv == 0) {
            rv = topic_config_set(&m->config, rows[i].name, rows[i].value,
                                  replicas, &err);
        }
        if (rv != 0) {
            return refuse(r, m, KERR_INVALID_CONFIG, err.text);
        }
    }
    m->command.configs = rows;
    m->command.n_configs = n;
    return true;
}

static bool check_counts(struct request *r, struct making *m)
{
    const struct config *c = broker_config(r->broker);
    int32_t partitions = m->in->num_partitions;
    int16_t replicas = m->in->replication_factor;
    if (replicas == 0 || replicas < -1) {
        return refuse(r, m, KERR_INVALID_REPLICATION_FACTOR,
                      "the replication factor must be larger than 0, or -1 "
                      "for the default");
    }
    if (partitions == 0 || partitions < -1) {
        return refuse(r, m, KERR_INVALID_PARTITIONS,
                      "the number of partitions must be larger than 0, or -1 "
                      "for the default");
    }
    m->command.partitions = partitions > 0
                                ? partitions
                                : (int32_t)config_long(c, NODE_NUM_PARTITIONS);
    m->command.replication =
        replicas > 0 ? replicas
                     : (int16_t)config_long(c, NODE_DEFAULT_REPLICATION_FACTOR);
    return true;
}

/* One row of a manual assignment, into its place. */
static bool check_row(struct request *r, struct making *m,
                      const struct create_topics_request_assignment *a,
                      struct image_partition rows[], uint32_t n)
{
    if (a->partition_index < 0 || (uint32_t)a->partition_index >= n) {
        return refuse(r, m, KERR_INVALID_REPLICA_ASSIGNMENT,
                      "partitions of an assignment must be numbered from 0 "
                      "without a gap");
    }
    struct image_partition *row = &rows[a->partition_index];
    if (row->n_replicas > 0) {
        return refuse(r, m, KERR_INVALID_REPLICA_ASSIGNMENT,
                      "a partition is assigned twice");
    }
    if (a->broker_ids.n == 0 || a->broker_ids.n > IMAGE_REPLICAS_MAX) {
        return refuse(r, m, KERR_INVALID_REPLICA_ASSIGNMENT,
                      "a partition has 1 to 15 replicas");
    }
    memcpy(row->replicas, a->broker_ids.ptr,
           a->broker_ids.n * sizeof row->replicas[0]);
    row->n_replicas = a->broker_ids.n;
    return true;
}

static bool check_assignment(struct request *r, struct making *m)
{
    uint32_t n = m->in->assignments.n;
    if (n == 0) {
        return check_counts(r, m);
    }
    if (m->in->num_partitions != -1 || m->in->replication_factor != -1) {
        return refuse(r, m, KERR_INVALID_REQUEST,
                      "with a manual assignment, partitions and replication "
                      "factor must both be -1");
    }
    if (n > META_PARTITIONS_MAX) { /* more than its command may hold */
        return refuse(r, m, KERR_INVALID_PARTITIONS,
                      "more partitions than a topic may have");
    }
    struct image_partition *rows = arena_calloc(&r->arena, n, sizeof *rows);
    if (rows == NULL) {
        return refuse(r, m, KERR_KAFKA_STORAGE_ERROR, "out of memory");
    }
    for (uint32_t i = 0; i < n; i++) {
        if (!check_row(r, m, &m->in->assignments.ptr[i], rows, n)) {
            return false;
        }
    }
    m->command.partitions = (int32_t)n;
    m->command.replication = (int16_t)rows[0].n_replicas;
    m->command.assigned = rows;
    m->command.n_assigned = n;
    return true;
}

static bool check(struct request *r, struct making *m)
{
    m->command.name = m->in->name;
    m->command.id = find_uuid(r);
    m->command.validate_only = asked(r)->validate_only;
    return check_name(r, m) && check_configs(r, m) && check_assignment(r, m);
}

/* ---- the command -------------------------------------------------------- */

static void on_encode(struct admin *a, unsigned i, struct uuid command,
                      struct buf *out)
{
    struct job *j = a->data;
    meta_encode_create_topic(&j->topics[i].command, command, out);
}

static void on_outcome(struct admin *a, unsigned i, int16_t error,
                       struct slice message, const struct meta_result *result)
{
    struct job *j = a->data;
    struct making *m = &j->topics[i];
    m->out->error_code = error;
    m->out->error_message = message;
    if (error == 0) {
        m->out->num_partitions = result->partitions;
        m->out->replication_factor = result->replication;
        if (!m->command.validate_only) {
            m->out->topic_id = result->topic;
        }
    }
}

/* What the topic's settings are. */
static bool fill_configs(struct request *r, struct making *m)
{
    const struct config *c = broker_config(r->broker);
    struct create_topics_response_config *to =
        request_elems(r, &wire_create_topics_response_config, TOPIC_SETTINGS);
    if (to == NULL) {
        return false;
    }
    for (int s = 0; s < TOPIC_SETTINGS; s++) {
        enum topic_setting k = (enum topic_setting)s;
        char text[TOPIC_VALUE_MAX];
        to[s].name = slice_str(config_topic_setting(k)->name);
        to[s].value = find_text(r, config_topic_text(&m->config, k, text));
        to[s].read_only = config_topic_setting(k)->treatment == SETTING_FIXED;
        to[s].config_source = (int8_t)settings_source(c, &m->config, k);
        if (to[s].value.data == NULL) {
            return false;
        }
    }
    m->out->configs.ptr = to;
    m->out->configs.n = TOPIC_SETTINGS;
    return true;
}

static void on_done(struct admin *a)
{
    struct job *j = a->data;
    struct request *r = a->request;
    for (unsigned i = 0; i < j->n && r->version >= VERSION_CONFIGS; i++) {
        if (j->topics[i].out->error_code == 0 &&
            !fill_configs(r, &j->topics[i])) {
            return;
        }
    }
    request_reply(r, &j->out);
}

static bool on_judge(struct admin *a)
{
    struct job *j = a->data;
    for (unsigned i = 0; i < j->n; i++) {
        a->items[i].skip = !check(a->request, &j->topics[i]);
    }
    return true;
}

static const struct admin_hooks hooks = {.judge = on_judge,
                                         .encode = on_encode,
                                         .outcome = on_outcome,
                                         .done = on_done};

/* ---- the request -------------------------------------------------------- */

static struct slice name_at(const struct request *r, uint32_t i)
{
    const struct create_topics_request *in = r->body;
    return in->topics.ptr[i].name;
}

/* A place in the answer for each name, once. */
static bool collect(struct request *r, struct job *j)
{
    const struct create_topics_request *in = r->body;
    const struct admin_name *names =
        admin_names(r, in->topics.n, name_at, &j->n);
    for (unsigned i = 0; names != NULL && i < j->n; i++) {
        struct making *m = &j->topics[i];
        m->in = &in->topics.ptr[names[i].at];
        m->out = &j->out.topics.ptr[i];
        m->out->name = m->in->name;
        m->repeats = names[i].repeats;
    }
    j->out.topics.n = j->n;
    return names != NULL;
}

void api_create_topics(struct request *r)
{
    const struct create_topics_request *in = asked(r);
    struct job *j = request_alloc(r, sizeof *j);
    if (j == NULL) {
        return;
    }
    wire_init(&wire_create_topics_response, &j->out);
    j->topics = request_alloc(r, in->topics.n * sizeof *j->topics);
    if (j->topics == NULL) {
        return;
    }
    j->out.topics.ptr =
        request_elems(r, &wire_create_topics_response_topic, in->topics.n);
    if (j->out.topics.ptr == NULL || !collect(r, j) ||
        !admin_init(&j->admin, r, j->n, &hooks, j)) {
        return;
    }
    admin_start(&j->admin, in->timeout_ms,
                in->validate_only ? ADMIN_WAIT_NOTHING : ADMIN_WAIT_LEADERS);
}
