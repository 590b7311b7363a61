/* cluster.c - DescribeCluster (KIP-700) and DescribeTopicPartitions
 * (KIP-966), which tell what Metadata tells, for tools. */
#include <stdlib.h>

#include "api/admin.h"
#include "api/find.h"
#include "api/handlers.h"
#include "api/operations.h"
#include "wire/errors.h"
#include "wire/gen/describe_cluster.h"
#include "wire/gen/describe_topic_partitions.h"

#define ENDPOINT_BROKERS     1
#define ENDPOINT_CONTROLLERS 2
/* Partitions in one answer, whatever a client asks for. */
#define PARTITIONS_MAX 2000

/* ---- DescribeCluster ---------------------------------------------------- */

static bool fill_brokers(struct request *r,
                         struct describe_cluster_response *out)
{
    const struct image *im = broker_image(r->broker);
    const struct image_node *node = NULL;
    out->brokers.ptr = request_elems(r, &wire_describe_cluster_response_broker,
                                     find_n_listed(r));
    if (out->brokers.ptr == NULL) {
        return false;
    }
    while ((node = image_next_node(im, node)) != NULL) {
        if (find_listed(node)) {
            struct describe_cluster_response_broker *to =
                &out->brokers.ptr[out->brokers.n++];
            to->broker_id = node->id;
            to->host = slice_str(node->client_host);
            to->port = node->client_port;
            if (node->rack[0] != '\0') {
                to->rack = slice_str(node->rack);
            }
        }
    }
    return true;
}

void api_describe_cluster(struct request *r)
{
    const struct describe_cluster_request *in = r->body;
    struct describe_cluster_response out;
    wire_init(&wire_describe_cluster_response, &out);
    if (in->endpoint_type != ENDPOINT_BROKERS) {
        /* Versions without the field have asked for brokers. */
        out.endpoint_type = in->endpoint_type;
        out.error_code = in->endpoint_type == ENDPOINT_CONTROLLERS
                             ? KERR_MISMATCHED_ENDPOINT_TYPE
                             : KERR_UNSUPPORTED_ENDPOINT_TYPE;
        out.error_message = slice_str("this is the listener of brokers");
        request_reply(r, &out);
        return;
    }
    out.controller_id = find_controller(r);
    out.cluster_id = find_cluster_text(r);
    if (in->include_cluster_authorized_operations) {
        out.cluster_authorized_operations = OPERATIONS_CLUSTER;
    }
    if (out.cluster_id.data != NULL && fill_brokers(r, &out)) {
        request_reply(r, &out);
    }
}

/* ---- DescribeTopicPartitions -------------------------------------------- */

struct paging {
    struct request *request;
    struct describe_topic_partitions_response out;
    struct slice *names; /* sorted, each once */
    uint32_t n_names;
    int32_t left; /* partitions that still fit */
};

static int compare_names(const void *a, const void *b)
{
    return slice_compare(*(const struct slice *)a, *(const struct slice *)b);
}

/* What is asked for; nothing means all topics. */
static bool collect_names(struct request *r, struct paging *g)
{
    const struct describe_topic_partitions_request *in = r->body;
    const struct image *im = broker_image(r->broker);
    const struct image_topic *t = NULL;
    uint32_t n = in->topics.n > 0 ? in->topics.n : image_n_topics(im);
    g->names = request_alloc(r, n * sizeof *g->names);
    if (g->names == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < in->topics.n; i++) {
        g->names[i] = in->topics.ptr[i].name;
    }
    for (uint32_t i = 0; in->topics.n == 0 && i < n; i++) {
        t = image_next_topic(im, t);
        g->names[i] = slice_str(t->name);
    }
    qsort(g->names, n, sizeof *g->names, compare_names);
    for (uint32_t i = 0; i < n; i++) {
        if (g->n_names == 0 ||
            !slice_equal(g->names[g->n_names - 1], g->names[i])) {
            g->names[g->n_names++] = g->names[i];
        }
    }
    return true;
}

static bool
fill_partition(struct request *r, const struct image_partition *p,
               int32_t number,
               struct describe_topic_partitions_response_partition *out)
{
    struct find_view v;
    if (!find_view(r, p, KERR_LISTENER_NOT_FOUND, &v)) {
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
    /* None, and not null: the Java client does not expect that. */
    out->eligible_leader_replicas.ptr = v.offline.ptr;
    out->eligible_leader_replicas.n = 0;
    out->last_known_elr.ptr = v.offline.ptr;
    out->last_known_elr.n = 0;
    return true;
}

/* Fill from partition `first` on, as many as fit. */
static bool fill_topic(struct paging *g, const struct image_topic *t,
                       int32_t first,
                       struct describe_topic_partitions_response_topic *out)
{
    int32_t n = t->n_partitions > first ? t->n_partitions - first : 0;
    n = n < g->left ? n : g->left;
    out->topic_id = t->id;
    out->is_internal = t->internal;
    out->partitions.ptr = request_elems(
        g->request, &wire_describe_topic_partitions_response_partition,
        (size_t)n);
    if (out->partitions.ptr == NULL) {
        return false;
    }
    for (int32_t i = 0; i < n; i++) {
        if (!fill_partition(g->request, &t->partitions[first + i], first + i,
                            &out->partitions.ptr[i])) {
            return false;
        }
        out->partitions.n++;
    }
    g->left -= n;
    return true;
}

/* The answer ends before this partition. */
static bool set_cursor(struct paging *g, struct slice topic, int32_t partition)
{
    struct describe_topic_partitions_response_next_cursor *c =
        request_alloc(g->request, sizeof *c);
    if (c != NULL) {
        c->topic_name = topic;
        c->partition_index = partition;
        g->out.next_cursor = c;
    }
    return c != NULL;
}

/* One topic from partition `first` on; *ret_full: the page ends in or before
 * it. */
static bool page_topic(struct paging *g, struct slice name, int32_t first,
                       bool *ret_full)
{
    struct describe_topic_partitions_response_topic *out;
    const struct image_topic *t = NULL;
    *ret_full = g->left == 0;
    if (g->left == 0) {
        return set_cursor(g, name, first);
    }
    out = &g->out.topics.ptr[g->out.topics.n++];
    out->name = name;
    out->topic_authorized_operations = OPERATIONS_TOPIC; /* always told */
    out->error_code = find_valid_name(name)
                          ? find_topic(g->request, name, &t)
                          : (int16_t)KERR_INVALID_TOPIC_EXCEPTION;
    if (t == NULL) {
        return true;
    }
    if (!fill_topic(g, t, first, out)) {
        return false;
    }
    first += (int32_t)out->partitions.n;
    *ret_full = first < t->n_partitions;
    return !*ret_full || set_cursor(g, name, first);
}

static bool page(struct paging *g)
{
    const struct describe_topic_partitions_request *in = g->request->body;
    bool full = false;
    for (uint32_t i = 0; i < g->n_names && !full; i++) {
        int32_t first = 0;
        int order = in->cursor == NULL
                        ? 1
                        : slice_compare(g->names[i], in->cursor->topic_name);
        if (order < 0) {
            continue;
        }
        if (order == 0) {
            first = in->cursor->partition_index;
        }
        if (!page_topic(g, g->names[i], first, &full)) {
            return false;
        }
    }
    return true;
}

/* The topics that were asked for, each with this error. */
static void page_failed(struct request *r, struct paging *g, int16_t error)
{
    for (uint32_t i = 0; i < g->n_names; i++) {
        g->out.topics.ptr[i].name = g->names[i];
        g->out.topics.ptr[i].error_code = error;
    }
    g->out.topics.n = g->n_names;
    request_reply(r, &g->out);
}

static void describe_partitions(struct request *r, int16_t error)
{
    const struct describe_topic_partitions_request *in = r->body;
    struct paging g = {.request = r, .left = in->response_partition_limit};
    if (g.left < 1 || g.left > PARTITIONS_MAX) {
        g.left = g.left < 1 ? 1 : PARTITIONS_MAX;
    }
    if (in->topics.n == 0 && error != 0) {
        request_close(r, "all topics asked for, and @meta has no leader");
        return;
    }
    wire_init(&wire_describe_topic_partitions_response, &g.out);
    if (!collect_names(r, &g)) {
        return;
    }
    g.out.topics.ptr = request_elems(
        r, &wire_describe_topic_partitions_response_topic, g.n_names);
    if (g.out.topics.ptr == NULL) {
        return;
    }
    if (error != 0) {
        page_failed(r, &g, error);
    } else if (page(&g)) {
        request_reply(r, &g.out);
    }
}

void api_describe_topic_partitions(struct request *r)
{
    const struct describe_topic_partitions_request *in = r->body;
    if (in->cursor != NULL && in->cursor->partition_index < 0) {
        request_close(r, "a cursor at a negative partition");
    } else if (in->topics.n == 0 && !broker_serves(r->broker)) {
        request_close(r, "all topics asked for before this node serves");
    } else {
        admin_confirm_read(r, describe_partitions);
    }
}
