/* records.c - DeleteRecords: move the log start of partitions forward.
 *
 * The move is an entry of the log like any other: answered when a majority has
 * it on disk, and never undone. A leader that cannot commit loses leadership
 * and every pending move with it, so that no timer is needed.
 */
#include "api/find.h"
#include "api/handlers.h"
#include "broker/partition_read.h"
#include "wire/errors.h"
#include "wire/gen/delete_records.h"

#define TO_HIGH_WATERMARK (-1)

struct item {
    struct request *request;
    struct delete_records_response_partition *out;
    struct replica_append append;
    int64_t offset;
};

struct job {
    struct delete_records_response out;
    unsigned pending; /* moves under way, and one while they are started */
};

static void job_step(struct request *r)
{
    struct job *j = r->state;
    if (--j->pending == 0) {
        request_reply(r, &j->out);
    }
}

static void on_trimmed(struct replica_append *a, int status)
{
    struct item *it = a->data;
    it->out->error_code = request_error(status);
    it->out->low_watermark = status == 0 ? it->offset : -1;
    job_step(it->request);
}

static int16_t judge(struct request *r, struct slice topic,
                     const struct delete_records_request_partition *in,
                     struct partition **ret_p, int64_t *ret_offset)
{
    const struct image_topic *t;
    int16_t error = find_leader(r, topic, in->partition_index, -1, ret_p);
    if (error != 0) {
        return error;
    }
    if (find_topic(r, topic, &t) == 0 && t->internal) {
        return KERR_INVALID_TOPIC_EXCEPTION;
    }
    if (!partition_ready(*ret_p)) {
        return KERR_NOT_LEADER_OR_FOLLOWER;
    }
    int64_t high = partition_high_watermark(*ret_p);
    *ret_offset = in->offset == TO_HIGH_WATERMARK ? high : in->offset;
    return *ret_offset < 0 || *ret_offset > high ? KERR_OFFSET_OUT_OF_RANGE : 0;
}

static void item_start(struct item *it, struct slice topic,
                       const struct delete_records_request_partition *in)
{
    struct job *j = it->request->state;
    struct partition *p;
    it->out->partition_index = in->partition_index;
    it->out->low_watermark = -1;
    it->out->error_code = judge(it->request, topic, in, &p, &it->offset);
    if (it->out->error_code != 0) {
        return;
    }
    if (it->offset <= partition_log_start(p)) {
        it->out->low_watermark = partition_log_start(p);
        return;
    }
    int rv = partition_trim(p, &it->append, it->offset, on_trimmed, it);
    if (rv != 0) {
        it->out->error_code = request_error(rv);
        return;
    }
    j->pending++;
}

/* The response's frame: false without memory, the request was closed. */
static bool build(struct request *r, struct job *j, unsigned *ret_n)
{
    const struct delete_records_request *in = r->body;
    unsigned n = 0;
    wire_init(&wire_delete_records_response, &j->out);
    j->out.topics.ptr =
        request_elems(r, &wire_delete_records_response_topic, in->topics.n);
    if (j->out.topics.ptr == NULL) {
        return false;
    }
    j->out.topics.n = in->topics.n;
    for (uint32_t i = 0; i < in->topics.n; i++) {
        struct delete_records_response_topic *to = &j->out.topics.ptr[i];
        to->name = in->topics.ptr[i].name;
        to->partitions.n = in->topics.ptr[i].partitions.n;
        to->partitions.ptr = request_elems(
            r, &wire_delete_records_response_partition, to->partitions.n);
        if (to->partitions.ptr == NULL) {
            return false;
        }
        n += to->partitions.n;
    }
    *ret_n = n;
    return true;
}

void api_delete_records(struct request *r)
{
    const struct delete_records_request *in = r->body;
    struct job *j = request_alloc(r, sizeof *j);
    struct item *items;
    unsigned n;
    if (j == NULL || !build(r, j, &n)) {
        return;
    }
    r->state = j;
    items = request_alloc(r, n * sizeof *items);
    if (items == NULL) {
        return;
    }
    j->pending = 1;
    for (uint32_t i = 0; i < in->topics.n; i++) {
        struct delete_records_response_topic *to = &j->out.topics.ptr[i];
        for (uint32_t k = 0; k < to->partitions.n; k++, items++) {
            items->request = r;
            items->out = &to->partitions.ptr[k];
            item_start(items, to->name, &in->topics.ptr[i].partitions.ptr[k]);
        }
    }
    job_step(r);
}
