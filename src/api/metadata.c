/* metadata.c - Metadata: brokers, topics, leaders; and creating a topic that
 * somebody asked about, if that is switched on. */
#include "wire/gen/metadata.h"
#include "api/find.h"
#include "api/handlers.h"
#include "api/operations.h"
#include "api/request_impl.h"
#include "wire/errors.h"

#define VERSION_BY_ID    12 /* topics may be asked for by id */
#define VERSION_LISTENER 6  /* LISTENER_NOT_FOUND is known */
#define AUTO_CREATE_MS   10000

/* ---- creating by asking ------------------------------------------------- */

struct creation {
    struct broker_command command;
    struct api_server *server;
    char name[IMAGE_TOPIC_MAX + 1];
};

static void on_created(struct broker_command *c, int status,
                       const struct meta_result *result)
{
    struct creation *k = c->data;
    struct api_server *s = k->server;
    if (status != 0 ||
        (result->error != 0 && result->error != KERR_TOPIC_ALREADY_EXISTS)) {
        trace_warn(env_trace(s->env), "topic.auto",
                   "topic=%s status=%s error=%d message=\"%s\"", k->name,
                   err_name(status), status == 0 ? result->error : 0,
                   status == 0 ? result->message : "");
    }
    mem_free(s->mem, k);
    s->under_way--;
    api_server_check_closed(s);
}

/* Create with the defaults, in the background: the client asks again. */
static void auto_create(struct request *r, struct slice name)
{
    const struct config *config = broker_config(r->broker);
    struct api_server *s = r->server;
    struct creation *k = mem_calloc(s->mem, 1, sizeof *k);
    struct meta_create_topic c = {
        .name = name,
        .id = find_uuid(r),
        .partitions = (int32_t)config_long(config, NODE_NUM_PARTITIONS),
        .replication =
            (int16_t)config_long(config, NODE_DEFAULT_REPLICATION_FACTOR)};
    struct buf b;
    if (k == NULL) {
        return;
    }
    k->server = s;
    memcpy(k->name, name.data, name.len);
    buf_init(&b, s->mem, 0);
    meta_encode_create_topic(&c, find_uuid(r), &b);
    if (b.status == 0 && broker_command(r->broker, &k->command, buf_slice(&b),
                                        AUTO_CREATE_MS, on_created, k) == 0) {
        s->under_way++;
    } else {
        mem_free(s->mem, k);
    }
    buf_close(&b);
}

/* ---- topics ------------------------------------------------------------- */

static bool fill_partition(struct request *r, const struct image_partition *p,
                           int32_t number,
                           struct metadata_response_partition *out)
{
    struct find_view v;
    int16_t unlisted = r->version >= VERSION_LISTENER
                           ? KERR_LISTENER_NOT_FOUND
                           : KERR_LEADER_NOT_AVAILABLE;
    if (!find_view(r, p, unlisted, &v)) {
        return false;
    }
    out->error_code = v.error;
    out->partition_index = number;
    out->leader_id = v.leader;
    out->leader_epoch = v.epoch;
    out->replica_nodes.ptr = v.replicas.ptr;
    out->replica_nodes.n = v.replicas.n;
    out->isr_nodes.ptr = v.insync.ptr;
    out->isr_nodes.n = v.insync.n;
    out->offline_replicas.ptr = v.offline.ptr;
    out->offline_replicas.n = v.offline.n;
    return true;
}

static bool fill_topic(struct request *r, const struct image_topic *t,
                       struct metadata_response_topic *out)
{
    const struct metadata_request *in = r->body;
    uint32_t n = (uint32_t)t->n_partitions;
    out->name = slice_str(t->name);
    out->topic_id = t->id;
    out->is_internal = t->internal;
    if (in->include_topic_authorized_operations) {
        out->topic_authorized_operations = OPERATIONS_TOPIC;
    }
    out->partitions.ptr =
        request_elems(r, &wire_metadata_response_partition, n);
    if (out->partitions.ptr == NULL) {
        return false;
    }
    out->partitions.n = n;
    for (uint32_t i = 0; i < n; i++) {
        if (!fill_partition(r, &t->partitions[i], (int32_t)i,
                            &out->partitions.ptr[i])) {
            return false;
        }
    }
    return true;
}

/* A topic that is not here, by name: its error, after asking for its creation
 * where that is wished. */
static int16_t missing_topic(struct request *r, struct slice name)
{
    const struct metadata_request *in = r->body;
    if (!find_valid_name(name)) {
        return KERR_INVALID_TOPIC_EXCEPTION;
    }
    if (!broker_serves(r->broker)) {
        return KERR_LEADER_NOT_AVAILABLE;
    }
    if (!in->allow_auto_topic_creation ||
        !config_bool(broker_config(r->broker), NODE_AUTO_CREATE_TOPICS)) {
        return KERR_UNKNOWN_TOPIC_OR_PARTITION;
    }
    auto_create(r, name);
    return KERR_LEADER_NOT_AVAILABLE;
}

/* One topic that was asked for. False without memory. */
static bool fill_asked(struct request *r,
                       const struct metadata_request_topic *asked,
                       struct metadata_response_topic *out)
{
    const struct metadata_request *in = r->body;
    const struct image_topic *t = NULL;
    bool by_id = !uuid_is_zero(asked->topic_id);
    out->name = asked->name;
    out->topic_id = asked->topic_id;
    if (r->version < VERSION_BY_ID && (by_id || asked->name.data == NULL)) {
        out->error_code = KERR_INVALID_REQUEST;
        return true;
    }
    if (by_id) {
        out->name = slice_of(NULL, 0);
        out->error_code = find_topic_by_id(r, asked->topic_id, &t);
    } else if (find_topic(r, asked->name, &t) != 0) {
        out->error_code = missing_topic(r, asked->name);
        if (in->include_topic_authorized_operations) {
            out->topic_authorized_operations = OPERATIONS_TOPIC;
        }
    }
    return t == NULL || fill_topic(r, t, out);
}

static bool fill_all(struct request *r, struct metadata_response *out)
{
    const struct image *im = broker_image(r->broker);
    const struct image_topic *t = NULL;
    out->topics.ptr =
        request_elems(r, &wire_metadata_response_topic, image_n_topics(im));
    if (out->topics.ptr == NULL) {
        return false;
    }
    while ((t = image_next_topic(im, t)) != NULL) {
        if (!fill_topic(r, t, &out->topics.ptr[out->topics.n++])) {
            return false;
        }
    }
    return true;
}

static bool fill_topics(struct request *r, struct metadata_response *out)
{
    const struct metadata_request *in = r->body;
    out->topics.ptr =
        request_elems(r, &wire_metadata_response_topic, in->topics.n);
    if (out->topics.ptr == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < in->topics.n; i++) {
        if (!fill_asked(r, &in->topics.ptr[i], &out->topics.ptr[i])) {
            return false;
        }
        out->topics.n++;
    }
    return true;
}

static bool fill_brokers(struct request *r, struct metadata_response *out)
{
    const struct image *im = broker_image(r->broker);
    const struct image_node *node = NULL;
    out->brokers.ptr =
        request_elems(r, &wire_metadata_response_broker, find_n_listed(r));
    if (out->brokers.ptr == NULL) {
        return false;
    }
    while ((node = image_next_node(im, node)) != NULL) {
        if (find_listed(node)) {
            struct metadata_response_broker *to =
                &out->brokers.ptr[out->brokers.n++];
            to->node_id = node->id;
            to->host = slice_str(node->client_host);
            to->port = node->client_port;
            if (node->rack[0] != '\0') {
                to->rack = slice_str(node->rack);
            }
        }
    }
    return true;
}

void api_metadata(struct request *r)
{
    const struct metadata_request *in = r->body;
    struct metadata_response out;
    bool all = in->topics.ptr == NULL || (r->version == 0 && in->topics.n == 0);
    if (all && !broker_serves(r->broker)) {
        /* A list that lacks topics would look as if they were deleted. */
        request_close(r, "all topics asked for before this node serves");
        return;
    }
    wire_init(&wire_metadata_response, &out);
    out.controller_id = find_controller(r);
    out.cluster_id = find_cluster_text(r);
    if (in->include_cluster_authorized_operations) {
        out.cluster_authorized_operations = OPERATIONS_CLUSTER;
    }
    if (out.cluster_id.data == NULL || !fill_brokers(r, &out) ||
        !(all ? fill_all(r, &out) : fill_topics(r, &out))) {
        return;
    }
    request_reply(r, &out);
}
