#include "api/find.h"

#include "broker/partition_read.h"
#include "net/peers.h"
#include "wire/errors.h"

static int16_t unknown(struct request *r, int16_t code)
{
    return broker_serves(r->broker) ? code : (int16_t)KERR_LEADER_NOT_AVAILABLE;
}

int16_t find_topic(struct request *r, struct slice name,
                   const struct image_topic **ret_t)
{
    const struct image_topic *t = image_topic(broker_image(r->broker), name);
    if (t == NULL) {
        return unknown(r, KERR_UNKNOWN_TOPIC_OR_PARTITION);
    }
    *ret_t = t;
    return 0;
}

int16_t find_topic_by_id(struct request *r, struct uuid id,
                         const struct image_topic **ret_t)
{
    const struct image_topic *t =
        image_topic_by_id(broker_image(r->broker), id);
    if (t == NULL) {
        return unknown(r, KERR_UNKNOWN_TOPIC_ID);
    }
    *ret_t = t;
    return 0;
}

int16_t find_partition(struct request *r, struct slice topic, int32_t number,
                       struct partition **ret_p)
{
    const struct image_topic *t;
    int16_t error = find_topic(r, topic, &t);
    if (error != 0) {
        return error;
    }
    if (number < 0 || number >= t->n_partitions) {
        return unknown(r, KERR_UNKNOWN_TOPIC_OR_PARTITION);
    }
    struct partition *p =
        broker_partition(r->broker, t->partitions[number].group);
    if (p == NULL || partition_replica(p) == NULL) {
        return KERR_NOT_LEADER_OR_FOLLOWER;
    }
    *ret_p = p;
    return 0;
}

int16_t find_leader(struct request *r, struct slice topic, int32_t number,
                    int32_t epoch, struct partition **ret_p)
{
    struct partition *p;
    int16_t error = find_partition(r, topic, number, &p);
    if (error != 0) {
        return error;
    }
    if (!partition_leads(p)) {
        return KERR_NOT_LEADER_OR_FOLLOWER;
    }
    if (epoch >= 0 && epoch < partition_epoch(p)) {
        return KERR_FENCED_LEADER_EPOCH;
    }
    if (epoch > partition_epoch(p)) {
        return KERR_UNKNOWN_LEADER_EPOCH;
    }
    *ret_p = p;
    return 0;
}

bool find_valid_name(struct slice name)
{
    if (name.len == 0 || name.len > IMAGE_TOPIC_MAX ||
        slice_equal(name, slice_str(".")) ||
        slice_equal(name, slice_str(".."))) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.data[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-')) {
            return false;
        }
    }
    return true;
}

struct uuid find_uuid(struct request *r)
{
    uint8_t random[16];
    env_random(r->env, random, sizeof random);
    return uuid_from_random(random);
}

/* ---- what clients are told ----------------------------------------------- */

bool find_listed(const struct image_node *n)
{
    return n != NULL && n->client_host[0] != '\0';
}

unsigned find_n_listed(struct request *r)
{
    const struct image *im = broker_image(r->broker);
    const struct image_node *node = NULL;
    unsigned n = 0;
    while ((node = image_next_node(im, node)) != NULL) {
        n += find_listed(node) ? 1 : 0;
    }
    return n;
}

int32_t find_controller(struct request *r)
{
    int32_t node = broker_controller(r->broker);
    return find_listed(image_node(broker_image(r->broker), node))
               ? node
               : broker_node(r->broker);
}

struct slice find_text(struct request *r, const char *s)
{
    size_t len = strlen(s);
    char *copy = request_alloc(r, len + 1);
    if (copy == NULL) {
        return slice_of(NULL, 0);
    }
    memcpy(copy, s, len);
    return slice_of(copy, len);
}

struct slice find_cluster_text(struct request *r)
{
    char text[UUID_TEXT_LEN + 1];
    return find_text(r,
                     uuid_format(image_cluster(broker_image(r->broker)), text));
}

/* This node cannot reach it. */
static bool is_offline(struct request *r, int32_t node)
{
    return node != broker_node(r->broker) &&
           peers_state(broker_peers(r->broker), node) != PEER_UP;
}

static bool copy_nodes(struct request *r, const int32_t from[], unsigned n,
                       struct find_nodes *to)
{
    to->ptr = request_alloc(r, n * sizeof *to->ptr);
    if (to->ptr == NULL) {
        return false;
    }
    if (n > 0) {
        memcpy(to->ptr, from, n * sizeof *to->ptr);
    }
    to->n = n;
    return true;
}

bool find_view(struct request *r, const struct image_partition *p,
               int16_t error_unlisted, struct find_view *ret_v)
{
    const struct leader *l = leaders_find(broker_leaders(r->broker), p->group);
    int32_t offline[IMAGE_REPLICAS_MAX];
    unsigned n_offline = 0;
    struct find_view v = {
        .error = KERR_LEADER_NOT_AVAILABLE, .leader = -1, .epoch = -1};
    for (unsigned i = 0; i < p->n_replicas; i++) {
        if (is_offline(r, p->replicas[i])) {
            offline[n_offline++] = p->replicas[i];
        }
    }
    if (!copy_nodes(r, p->replicas, p->n_replicas, &v.replicas) ||
        !copy_nodes(r, offline, n_offline, &v.offline) ||
        !copy_nodes(r, l != NULL ? l->insync : NULL,
                    l != NULL ? l->n_insync : 0, &v.insync)) {
        return false;
    }
    if (l != NULL) {
        v.epoch = (int32_t)l->term;
    }
    if (l != NULL && l->node >= 0) {
        bool listed = find_listed(image_node(broker_image(r->broker), l->node));
        v.error = listed ? (int16_t)KERR_NONE : error_unlisted;
        v.leader = listed ? l->node : -1;
    }
    *ret_v = v;
    return true;
}
