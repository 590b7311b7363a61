/* list_offsets.c - ListOffsets: the ends of a log, and the record at a time.
 *
 *   each partition:  judge --> barrier --> answer
 *                      |          |-> search --> answer
 *                      `-> answer (earliest, errors)
 *
 * What says how far the log goes passes a read barrier, so that a leader that
 * was deposed without knowing cannot answer from the past; where the log
 * begins needs none, only a leader that is ready and so knows all deletions
 * that were acknowledged before its time. Read committed is the high watermark:
 * there are no open transactions.
 */
#include "wire/gen/list_offsets.h"
#include "api/find.h"
#include "api/handlers.h"
#include "base/map.h"
#include "broker/partition_read.h"
#include "wire/errors.h"

enum {
    AT_LATEST = -1,
    AT_EARLIEST = -2,
    AT_MAX_TIMESTAMP = -3,
    AT_EARLIEST_LOCAL = -4,
    AT_LATEST_TIERED = -5
};

#define DEBUG_REPLICA         (-2) /* Kafka's debugging consumer */
#define VERSION_NOT_AVAILABLE 5
#define BARRIER_MS_MAX        10000

/* One partition that was asked for. */
struct item {
    struct request *request;
    const struct list_offsets_request_partition *in;
    struct list_offsets_response_partition *out;
    struct slice topic;
    struct partition *partition;
    struct replica_barrier barrier;
    struct partition_search search;
    bool repeated;
};

struct job {
    struct list_offsets_response out;
    struct item *items;
    unsigned n_items;
    unsigned pending; /* items under way, and one while they are started */
};

static void job_step(struct request *r)
{
    struct job *j = r->state;
    if (--j->pending == 0) {
        request_reply(r, &j->out);
    }
}

/* Kafka's error for what came of a barrier or a search. */
static int16_t outcome_error(const struct request *r, int status)
{
    switch (status) {
    case 0:
        return KERR_NONE;
    case ERR_NOTLEADER:
    case ERR_CANCELED:
    case ERR_CLOSED:
        return KERR_NOT_LEADER_OR_FOLLOWER;
    case ERR_NOTREADY:
    case ERR_TIMEOUT:
    case ERR_FULL:
    case ERR_BUSY:
    case ERR_NOMEM:
        return r->version >= VERSION_NOT_AVAILABLE ? KERR_OFFSET_NOT_AVAILABLE
                                                   : KERR_LEADER_NOT_AVAILABLE;
    default:
        return KERR_KAFKA_STORAGE_ERROR;
    }
}

static void answer(struct item *it, int64_t offset, int64_t timestamp,
                   int32_t epoch)
{
    it->out->offset = offset;
    it->out->timestamp = timestamp;
    /* Versions without the field must find its default. */
    it->out->leader_epoch = it->request->version >= 4 ? epoch : -1;
}

static void on_searched(struct partition_search *s, int status)
{
    struct item *it = s->data;
    it->out->error_code = outcome_error(it->request, status);
    if (status == 0) {
        answer(it, s->offset, s->timestamp, s->epoch);
    }
    job_step(it->request);
}

/* The log's end is known well enough: answer, or search up to it. */
static void item_read(struct item *it)
{
    struct partition *p = it->partition;
    switch (it->in->timestamp) {
    case AT_LATEST:
        answer(it, partition_high_watermark(p), -1, partition_epoch(p));
        job_step(it->request);
        return;
    case AT_MAX_TIMESTAMP:
        partition_search_max(p, &it->search, on_searched, it);
        return;
    default:
        partition_search_time(p, &it->search, it->in->timestamp, on_searched,
                              it);
    }
}

static void on_barrier(struct replica_barrier *b, int status)
{
    struct item *it = b->data;
    if (status != 0) {
        it->out->error_code = outcome_error(it->request, status);
        job_step(it->request);
        return;
    }
    item_read(it);
}

/* The first version that knows this special timestamp; none: 127. */
static int version_of(int64_t timestamp)
{
    switch (timestamp) {
    case AT_LATEST:
    case AT_EARLIEST:
        return 1;
    case AT_MAX_TIMESTAMP:
        return 7;
    case AT_EARLIEST_LOCAL:
        return 8;
    case AT_LATEST_TIERED:
        return 9;
    default:
        return timestamp >= 0 ? 1 : WIRE_LAST;
    }
}

static int16_t item_judge(struct item *it)
{
    struct request *r = it->request;
    const struct list_offsets_request *in = r->body;
    if (it->repeated) {
        return KERR_INVALID_REQUEST;
    }
    if (r->version < version_of(it->in->timestamp)) {
        return KERR_UNSUPPORTED_VERSION;
    }
    if (in->replica_id == DEBUG_REPLICA) {
        return find_partition(r, it->topic, it->in->partition_index,
                              &it->partition);
    }
    return find_leader(r, it->topic, it->in->partition_index,
                       it->in->current_leader_epoch, &it->partition);
}

static uint32_t barrier_ms(const struct request *r)
{
    const struct list_offsets_request *in = r->body;
    return r->version >= 10 && in->timeout_ms > 0 &&
                   in->timeout_ms < BARRIER_MS_MAX
               ? (uint32_t)in->timeout_ms
               : BARRIER_MS_MAX;
}

static void item_start(struct item *it)
{
    struct request *r = it->request;
    const struct list_offsets_request *in = r->body;
    struct job *j = r->state;
    int64_t start;
    int16_t error = item_judge(it);
    if (error != 0) {
        it->out->error_code = error;
        return;
    }
    switch (it->in->timestamp) {
    case AT_EARLIEST:
    case AT_EARLIEST_LOCAL:
        if (in->replica_id != DEBUG_REPLICA &&
            !partition_ready(it->partition)) {
            it->out->error_code = outcome_error(r, ERR_NOTREADY);
            return;
        }
        start = partition_log_start(it->partition);
        answer(it, start, -1, partition_epoch_of(it->partition, start));
        return;
    case AT_LATEST_TIERED:
        return; /* nothing is: -1, -1 */
    default:
        break;
    }
    j->pending++;
    if (in->replica_id == DEBUG_REPLICA) {
        item_read(it);
        return;
    }
    int rv = partition_barrier(it->partition, &it->barrier, barrier_ms(r),
                               on_barrier, it);
    if (rv != 0) {
        it->out->error_code = outcome_error(r, rv);
        j->pending--;
    }
}

/* ---- the request -------------------------------------------------------- */

/* A partition named twice is answered with an error at both places; not one of
 * a topic with a name that is longer than any, which is not known anyway: its
 * name would be kept for each of its partitions. False without memory: the
 * request was closed. */
static bool mark_repeated(struct request *r)
{
    struct job *j = r->state;
    struct map *seen = map_new(env_mem(r->env));
    uint8_t key[IMAGE_TOPIC_MAX + 4];
    int rv = seen == NULL ? ERR_NOMEM : 0;
    for (unsigned i = 0; i < j->n_items && rv == 0; i++) {
        struct item *it = &j->items[i];
        uint32_t number = (uint32_t)it->in->partition_index;
        if (it->topic.len > IMAGE_TOPIC_MAX) {
            continue;
        }
        memcpy(key, &number, sizeof number);
        memcpy(key + sizeof number, it->topic.data, it->topic.len);
        struct slice k = slice_of(key, sizeof number + it->topic.len);
        rv = map_put(seen, k, it);
        if (rv == ERR_EXISTS) {
            struct item *first = map_find(seen, k);
            first->repeated = it->repeated = true;
            rv = 0;
        }
    }
    map_free(seen);
    if (rv != 0) {
        request_close(r, "out of memory");
    }
    return rv == 0;
}

/* Build the response's frame and an item for each partition. */
static bool build(struct request *r, struct job *j)
{
    const struct list_offsets_request *in = r->body;
    struct item *it;
    for (uint32_t i = 0; i < in->topics.n; i++) {
        j->n_items += in->topics.ptr[i].partitions.n;
    }
    j->items = request_alloc(r, j->n_items * sizeof *j->items);
    if (j->items == NULL) {
        return false;
    }
    j->out.topics.ptr =
        request_elems(r, &wire_list_offsets_response_topic, in->topics.n);
    if (j->out.topics.ptr == NULL) {
        return false;
    }
    j->out.topics.n = in->topics.n;
    it = j->items;
    for (uint32_t i = 0; i < in->topics.n; i++) {
        const struct list_offsets_request_topic *from = &in->topics.ptr[i];
        struct list_offsets_response_topic *to = &j->out.topics.ptr[i];
        to->name = from->name;
        to->partitions.ptr = request_elems(
            r, &wire_list_offsets_response_partition, from->partitions.n);
        if (to->partitions.ptr == NULL) {
            return false;
        }
        to->partitions.n = from->partitions.n;
        for (uint32_t k = 0; k < from->partitions.n; k++, it++) {
            it->request = r;
            it->topic = from->name;
            it->in = &from->partitions.ptr[k];
            it->out = &to->partitions.ptr[k];
            it->out->partition_index = it->in->partition_index;
        }
    }
    return true;
}

void api_list_offsets(struct request *r)
{
    struct job *j = request_alloc(r, sizeof *j);
    if (j == NULL) {
        return;
    }
    r->state = j;
    wire_init(&wire_list_offsets_response, &j->out);
    if (!build(r, j) || !mark_repeated(r)) {
        return;
    }
    j->pending = 1;
    for (unsigned i = 0; i < j->n_items; i++) {
        item_start(&j->items[i]);
    }
    job_step(r);
}
