/* fetch_reply.c - the answer to a Fetch. */
#include "api/fetch_impl.h"
#include "broker/leaders.h"
#include "wire/errors.h"

static bool told(const struct fetch_state *s, const struct fetch_item *it)
{
    const struct fetch_partition *fp = it->fp;
    return !s->plan.incremental || !fp->sent || it->n_pieces > 0 ||
           it->error != KERR_NONE || it->diverging ||
           fp->sent_high_watermark != it->high_watermark ||
           fp->sent_log_start != it->log_start;
}

static bool same_topic(const struct fetch_item *a, const struct fetch_item *b)
{
    return uuid_equal(a->fp->topic_id, b->fp->topic_id) &&
           slice_equal(a->fp->topic, b->fp->topic);
}

/* Who leads now, for a client that asked the wrong node or knows an old epoch
 * (KIP-951): false if that is not known. Of itself a leader knows best, and
 * "not here, ask me" would be no answer. */
static bool find_current(const struct request *r, const struct fetch_item *it,
                         struct fetch_response_current_leader *ret)
{
    int32_t own = broker_node(r->broker);
    if (it->error == KERR_FENCED_LEADER_EPOCH) {
        const struct partition *p = broker_partition(r->broker, it->group);
        const struct replica *x = p != NULL ? partition_replica(p) : NULL;
        if (x != NULL && replica_is_leader(x)) {
            ret->leader_id = own;
            ret->leader_epoch = replica_epoch(x);
            return true;
        }
    } else if (it->error != KERR_NOT_LEADER_OR_FOLLOWER) {
        return false;
    }
    const struct leader *l = leaders_find(broker_leaders(r->broker), it->group);
    if (l == NULL || l->node < 0 || l->node == own) {
        return false;
    }
    ret->leader_id = l->node;
    ret->leader_epoch = (int32_t)l->term;
    return true;
}

static void fill_hint(struct fetch_state *s, struct fetch_item *it,
                      struct fetch_response *out,
                      struct fetch_response_partition *p)
{
    struct request *r = s->request;
    struct fetch_response_current_leader leader;
    const struct image_node *n;
    struct fetch_response_node_endpoint *e = out->node_endpoints.ptr;
    if (r->version < 12 || !find_current(r, it, &leader)) {
        return;
    }
    n = image_node(broker_image(r->broker), leader.leader_id);
    if (n == NULL || n->client_host[0] == '\0') {
        return;
    }
    p->current_leader = leader;
    if (r->version < 16) {
        return;
    }
    for (uint32_t i = 0; i < out->node_endpoints.n; i++) {
        if (e[i].node_id == n->id) {
            return;
        }
    }
    /* An empty array's pointer is not NULL: its count says so. */
    if (out->node_endpoints.n == 0) {
        e = wire_elems_new(&r->arena, &wire_fetch_response_node_endpoint,
                           image_n_nodes(broker_image(r->broker)) + 1);
    }
    if (e != NULL) {
        out->node_endpoints.ptr = e;
        e += out->node_endpoints.n++;
        e->node_id = n->id;
        e->host = slice_str(n->client_host);
        e->port = n->client_port;
        e->rack = n->rack[0] != '\0' ? slice_str(n->rack) : slice_of(NULL, 0);
    }
}

static void fill_partition(struct fetch_state *s, struct fetch_item *it,
                           struct fetch_response *out,
                           struct fetch_response_partition *p,
                           struct slice *parts)
{
    p->partition_index = it->fp->partition;
    p->error_code = it->error;
    p->high_watermark = it->high_watermark;
    p->last_stable_offset = it->high_watermark;
    p->log_start_offset = it->log_start;
    p->preferred_read_replica = -1;
    if (s->in->isolation_level == 1) {
        p->aborted_transactions.ptr = /* empty, not null */
            wire_elems_new(&s->request->arena,
                           &wire_fetch_response_aborted_transaction, 0);
    }
    if (it->diverging) {
        p->diverging_epoch.epoch = it->diverging_epoch;
        p->diverging_epoch.end_offset = it->diverging_end;
    }
    fill_hint(s, it, out, p);
    p->records.data = (const uint8_t *)"";
    if (it->n_pieces > 0) {
        p->records.parts = parts;
        p->records.n_parts = it->n_pieces;
        p->records.len = it->bytes;
        for (unsigned i = 0; i < it->n_pieces; i++) {
            parts[i] = bytes_slice(it->pieces[i]);
        }
    }
}

/* What an incremental session remembers; a partition that got data goes to the
 * end, so that others are served first next time. */
static void remember(struct fetch_state *s)
{
    for (unsigned i = 0; i < s->n_items; i++) {
        struct fetch_item *it = &s->items[i];
        if (s->plan.session == NULL) {
            return;
        }
        it->fp->sent = true;
        it->fp->sent_high_watermark = it->high_watermark;
        it->fp->sent_log_start = it->log_start;
        if (it->n_pieces > 0) {
            queue_remove(&it->fp->queue);
            queue_push(&s->plan.session->partitions, &it->fp->queue);
        }
    }
}

/* Move the pieces to the request, which keeps them until they are sent. */
static bool move_pieces(struct fetch_state *s)
{
    struct request *r = s->request;
    unsigned n = 0;
    for (unsigned i = 0; i < s->n_items; i++) {
        n += s->items[i].n_pieces;
    }
    r->shares = arena_calloc(&r->arena, n + 1, sizeof *r->shares);
    if (r->shares == NULL) {
        return false;
    }
    for (unsigned i = 0; i < s->n_items; i++) {
        struct fetch_item *it = &s->items[i];
        for (unsigned k = 0; k < it->n_pieces; k++) {
            r->shares[r->n_shares++] = it->pieces[k];
        }
        it->n_pieces = 0;
    }
    return true;
}

static bool fill_topics(struct fetch_state *s, struct fetch_response *out)
{
    struct request *r = s->request;
    struct fetch_response_response *topics =
        wire_elems_new(&r->arena, &wire_fetch_response_response, s->n_items);
    struct fetch_response_partition *partitions =
        wire_elems_new(&r->arena, &wire_fetch_response_partition, s->n_items);
    const struct fetch_item *last = NULL;
    if (topics == NULL || partitions == NULL) {
        return false;
    }
    out->responses.ptr = topics;
    for (unsigned i = 0; i < s->n_items; i++) {
        struct fetch_item *it = &s->items[i];
        struct slice *parts =
            arena_alloc(&r->arena, (it->n_pieces + 1) * sizeof *parts);
        if (parts == NULL) {
            return false;
        }
        if (!told(s, it)) {
            continue;
        }
        if (last == NULL || !same_topic(last, it)) {
            topics = &out->responses.ptr[out->responses.n++];
            topics->topic = it->fp->topic;
            topics->topic_id = it->fp->topic_id;
            topics->partitions.ptr = partitions;
        }
        topics->partitions.n++;
        fill_partition(s, it, out, partitions++, parts);
        last = it;
    }
    return true;
}

bool fetch_fill(struct fetch_state *s, struct fetch_response *out)
{
    bool ok = fill_topics(s, out);
    remember(s);
    return ok && move_pieces(s);
}
