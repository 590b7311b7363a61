/* offset_delete.c - OffsetDelete: forget offsets of partitions that nobody of
 * the group subscribes to.
 *
 * Who subscribes to what is read here, of the generation that the command
 * names; if that is another one when it is decided, it is read again.
 */
#include "wire/gen/offset_delete.h"
#include "api/consumers.h"
#include "api/find.h"
#include "api/handlers.h"
#include "wire/errors.h"

#define TRIES_MAX 5

struct job {
    struct consumers_call call;
    struct offset_delete_response out;
    struct consumers_rows known;    /* partitions, */
    struct cgroup_delete_row *rows; /* what is asked of them, */
    struct slice *names;            /* and their topics, */
    bool *subscribed;               /* which members subscribe to */
    unsigned tries;
};

static void fail(struct request *r, struct job *j, int16_t error)
{
    j->out.error_code = error;
    j->out.topics.n = 0;
    request_reply(r, &j->out);
}

static void submit(struct request *r, struct job *j);

static void on_decided(struct consumers_call *c, int16_t error,
                       const struct cgroup_result *result)
{
    struct job *j = c->data;
    struct request *r = c->owner;
    error = error != 0 ? error : result->error;
    if (error == KERR_REBALANCE_IN_PROGRESS && j->tries < TRIES_MAX) {
        submit(r, j);
        return;
    }
    if (error != 0) {
        fail(r, j, error);
        return;
    }
    consumers_rows_take(&j->known, result);
    request_reply(r, &j->out);
}

static void on_gone(struct request *r)
{
    struct job *j = r->state;
    consumers_cancel(&j->call);
    request_silent(r);
}

static void submit(struct request *r, struct job *j)
{
    const struct offset_delete_request *in = r->body;
    const struct cgroup_view *g = consumers_view(r, in->group_id);
    struct buf b;
    if (g != NULL &&
        cgroup_view_subscriptions(g, env_mem(r->env), j->names, j->subscribed,
                                  j->known.n) != 0) {
        fail(r, j, KERR_COORDINATOR_NOT_AVAILABLE);
        return;
    }
    for (unsigned i = 0; i < j->known.n; i++) {
        j->rows[i].subscribed = g != NULL && j->subscribed[i];
    }
    j->tries++;
    consumers_batch(r, &b);
    cgroup_encode_offset_delete(in->group_id, g == NULL ? -1 : g->generation,
                                j->rows, j->known.n, &b);
    consumers_submit(r, &j->call, CGROUP_OFFSET_DELETE, in->group_id,
                     slice_of(NULL, 0), &b, KERR_INVALID_REQUEST, on_decided);
}

static bool add_topic(struct request *r, struct job *j,
                      const struct offset_delete_request_topic *in,
                      struct offset_delete_response_topic *out)
{
    const struct image_topic *t = NULL;
    int16_t error = find_topic(r, in->name, &t);
    out->name = in->name;
    out->partitions.ptr = request_elems(
        r, &wire_offset_delete_response_partition, in->partitions.n);
    if (out->partitions.ptr == NULL) {
        return false;
    }
    out->partitions.n = in->partitions.n;
    for (uint32_t i = 0; i < in->partitions.n; i++) {
        struct offset_delete_response_partition *to = &out->partitions.ptr[i];
        to->partition_index = in->partitions.ptr[i].partition_index;
        if (consumers_rows_add(&j->known, t, error, to->partition_index,
                               &to->error_code)) {
            j->rows[j->known.n - 1] = (struct cgroup_delete_row){
                .topic = t->id, .partition = to->partition_index};
            j->names[j->known.n - 1] = in->name;
        }
    }
    return true;
}

/* False without memory: the request was closed. */
static bool build(struct request *r, struct job *j)
{
    const struct offset_delete_request *in = r->body;
    size_t n = 0;
    for (uint32_t i = 0; i < in->topics.n; i++) {
        n += in->topics.ptr[i].partitions.n;
    }
    j->rows = request_alloc(r, n * sizeof(struct cgroup_delete_row));
    if (j->rows == NULL) {
        return false;
    }
    j->names = request_alloc(r, n * sizeof(struct slice));
    if (j->names == NULL) {
        return false;
    }
    j->subscribed = request_alloc(r, n * sizeof(bool));
    if (j->subscribed == NULL) {
        return false;
    }
    if (!consumers_rows_init(r, n, &j->known)) {
        return false;
    }
    j->out.topics.ptr =
        request_elems(r, &wire_offset_delete_response_topic, in->topics.n);
    if (j->out.topics.ptr == NULL) {
        return false;
    }
    j->out.topics.n = in->topics.n;
    for (uint32_t i = 0; i < in->topics.n; i++) {
        if (!add_topic(r, j, &in->topics.ptr[i], &j->out.topics.ptr[i])) {
            return false;
        }
    }
    return true;
}

void api_offset_delete(struct request *r)
{
    const struct offset_delete_request *in = r->body;
    struct job *j = request_alloc(r, sizeof *j);
    if (j == NULL) {
        return;
    }
    wire_init(&wire_offset_delete_response, &j->out);
    if (!consumers_id_ok(in->group_id, false)) {
        fail(r, j, KERR_INVALID_GROUP_ID);
        return;
    }
    if (!build(r, j)) {
        return;
    }
    if (j->known.n == 0) {
        request_reply(r, &j->out);
    } else if (j->known.n > CGROUP_ROWS_MAX) {
        fail(r, j, KERR_INVALID_REQUEST);
    } else {
        r->state = j;
        r->cancel = on_gone;
        j->call.data = j;
        submit(r, j);
    }
}
