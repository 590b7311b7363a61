/* status.c - OstrakaDescribe: what this node knows of itself, of the others
 * and of each replica it holds. For `ostraka status`; not advertised. */
#include "broker/status.h"
#include "api/find.h"
#include "api/handlers.h"
#include "net/peers.h"
#include "wire/errors.h"
#include "wire/gen/ostraka_describe.h"

static void fill_node(struct request *r, const struct image_node *from,
                      struct ostraka_describe_response_node *to)
{
    struct peers *peers = broker_peers(r->broker);
    bool own = from->id == broker_node(r->broker);
    uint64_t heard = own ? 0 : peers_heard_ms(peers, from->id);
    to->node_id = from->id;
    to->incarnation = (int32_t)from->incarnation;
    to->directory_id = from->directory;
    to->peer_host = slice_str(from->peer_host);
    to->peer_port = from->peer_port;
    to->host = slice_str(from->client_host);
    to->port = from->client_port;
    to->version = slice_str(from->version);
    if (from->rack[0] != '\0') {
        to->rack = slice_str(from->rack);
    }
    to->peer_state = (int8_t)(own ? PEER_UP : peers_state(peers, from->id));
    if (heard > 0) {
        to->heard_ms_ago = (int64_t)(env_now_ms(r->env) - heard);
    }
    to->reason = slice_str(own ? "" : peers_reason(peers, from->id));
}

static bool fill_nodes(struct request *r, struct ostraka_describe_response *out)
{
    const struct image *im = broker_image(r->broker);
    const struct image_node *node = NULL;
    out->nodes.ptr = request_elems(r, &wire_ostraka_describe_response_node,
                                   image_n_nodes(im));
    if (out->nodes.ptr == NULL) {
        return false;
    }
    while ((node = image_next_node(im, node)) != NULL) {
        fill_node(r, node, &out->nodes.ptr[out->nodes.n++]);
    }
    return true;
}

static bool is_wanted(const struct request *r, const char *topic)
{
    const struct ostraka_describe_request *in = r->body;
    for (uint32_t i = 0; i < in->topics.n; i++) {
        if (slice_equal(in->topics.ptr[i], slice_str(topic))) {
            return true;
        }
    }
    return in->topics.ptr == NULL;
}

static bool fill_members(struct request *r, const struct replica_status *s,
                         struct ostraka_describe_response_partition *to)
{
    to->members.ptr =
        request_elems(r, &wire_ostraka_describe_response_member, s->n_members);
    if (to->members.ptr == NULL) {
        return false;
    }
    to->members.n = s->n_members;
    for (unsigned i = 0; i < s->n_members; i++) {
        to->members.ptr[i].node_id = s->members[i].node;
        to->members.ptr[i].membership_id = (int64_t)s->members[i].membership;
        to->members.ptr[i].voter = s->members[i].voter;
        to->members.ptr[i].recent = s->members[i].recent;
        to->members.ptr[i].match = (int64_t)s->members[i].match;
    }
    return true;
}

static bool fill_partition(struct request *r, const struct status_replica *from,
                           struct ostraka_describe_response_partition *to)
{
    const struct replica_status *s = &from->status;
    to->topic = slice_str(from->topic);
    to->topic_id = from->id;
    to->partition = from->partition;
    to->group = (int64_t)s->group;
    to->term = (int64_t)s->term;
    to->leader = s->leader;
    to->is_leader = s->is_leader;
    to->ready = s->ready;
    to->repair = s->repair;
    to->transferring = s->transferring;
    to->commit = (int64_t)s->commit;
    to->last = (int64_t)s->last;
    to->stored = (int64_t)s->stored;
    to->base = (int64_t)s->base;
    to->applied = (int64_t)s->applied;
    to->log_start = s->log_start;
    to->high_watermark = s->high_watermark;
    to->log_end = s->log_end;
    to->bytes = (int64_t)from->bytes;
    to->chain = (int64_t)s->chain;
    return fill_members(r, s, to);
}

static bool fill_partitions(struct request *r,
                            struct ostraka_describe_response *out)
{
    struct status_replica s;
    struct status_walk w = {0};
    out->partitions.ptr =
        request_elems(r, &wire_ostraka_describe_response_partition,
                      status_n_replicas(r->broker));
    if (out->partitions.ptr == NULL) {
        return false;
    }
    while (status_next(r->broker, &w, &s)) {
        if (is_wanted(r, s.topic) &&
            !fill_partition(r, &s, &out->partitions.ptr[out->partitions.n++])) {
            return false;
        }
    }
    return true;
}

void api_ostraka_describe(struct request *r)
{
    const struct ostraka_describe_request *in = r->body;
    const struct image *im = broker_image(r->broker);
    struct ostraka_describe_response out;
    wire_init(&wire_ostraka_describe_response, &out);
    out.node_id = broker_node(r->broker);
    out.serves = broker_serves(r->broker);
    out.version = slice_str(status_version(r->broker));
    out.uptime_ms = (int64_t)status_uptime_ms(r->broker);
    out.controller_id = broker_controller(r->broker);
    out.metadata_index = (int64_t)image_index(im);
    out.cluster_id = find_cluster_text(r);
    if (out.cluster_id.data == NULL || !fill_nodes(r, &out) ||
        (in->include_partitions && !fill_partitions(r, &out))) {
        return;
    }
    request_reply(r, &out);
}
