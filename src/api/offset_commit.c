/* offset_commit.c - OffsetCommit: how far a group has read. Topics are named;
 * from version 10 they have ids, which is how offsets are kept. */
#include "wire/gen/offset_commit.h"
#include "api/consumers.h"
#include "api/find.h"
#include "api/handlers.h"
#include "wire/errors.h"

#define VERSION_NOT_FOUND 9 /* knows GROUP_ID_NOT_FOUND */
#define VERSION_BY_ID     10
/* Of who commits: it stands in each row, also of the history, and is for people
 * to read. */
#define BY_MAX 255
/* Of the group's id, which stands in each row as well, in all of them. */
#define IDS_BYTES_MAX (64u << 20)

struct job {
    struct consumers_call call;
    struct offset_commit_response out;
    struct consumers_rows known; /* partitions, */
    struct cgroup_commit_row *rows;
};

static void on_committed(struct consumers_call *c, int16_t error,
                         const struct cgroup_result *result)
{
    struct job *j = c->data;
    struct request *r = c->owner;
    const struct offset_commit_request *in = r->body;
    int16_t ignored;
    error = error != 0 ? error : result->error;
    if (error != 0) {
        consumers_rows_fail(&j->known, error);
        request_reply(r, &j->out);
        return;
    }
    consumers_rows_take(&j->known, result);
    struct coordinator *co = consumers_coordinator(r, in->group_id, &ignored);
    if (co != NULL) {
        coordinator_hear(co, in->group_id, in->member_id);
    }
    request_reply(r, &j->out);
}

static void on_gone(struct request *r)
{
    struct job *j = r->state;
    consumers_cancel(&j->call);
    request_silent(r);
}

/* ---- rows ---------------------------------------------------------------- */

static bool add_topic(struct request *r, struct job *j,
                      const struct offset_commit_request_topic *in,
                      struct offset_commit_response_topic *out)
{
    const struct image_topic *t = NULL;
    int16_t error = r->version >= VERSION_BY_ID
                        ? find_topic_by_id(r, in->topic_id, &t)
                        : find_topic(r, in->name, &t);
    out->name = in->name;
    out->topic_id = in->topic_id;
    out->partitions.ptr = request_elems(
        r, &wire_offset_commit_response_partition, in->partitions.n);
    if (out->partitions.ptr == NULL) {
        return false;
    }
    out->partitions.n = in->partitions.n;
    for (uint32_t i = 0; i < in->partitions.n; i++) {
        const struct offset_commit_request_partition *p =
            &in->partitions.ptr[i];
        struct offset_commit_response_partition *to = &out->partitions.ptr[i];
        to->partition_index = p->partition_index;
        if (consumers_rows_add(&j->known, t, error, p->partition_index,
                               &to->error_code)) {
            j->rows[j->known.n - 1] =
                (struct cgroup_commit_row){.topic = t->id,
                                           .partition = p->partition_index,
                                           .offset = p->committed_offset,
                                           .epoch = p->committed_leader_epoch,
                                           .metadata = p->committed_metadata};
        }
    }
    return true;
}

/* False without memory: the request was closed. */
static bool build(struct request *r, struct job *j)
{
    const struct offset_commit_request *in = r->body;
    size_t n = 0;
    for (uint32_t i = 0; i < in->topics.n; i++) {
        n += in->topics.ptr[i].partitions.n;
    }
    j->rows = request_alloc(r, n * sizeof(struct cgroup_commit_row));
    if (j->rows == NULL) {
        return false;
    }
    if (!consumers_rows_init(r, n, &j->known)) {
        return false;
    }
    j->out.topics.ptr =
        request_elems(r, &wire_offset_commit_response_topic, in->topics.n);
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

/* ---- the request --------------------------------------------------------- */

static int16_t judge(const struct offset_commit_request *in, unsigned n_rows)
{
    if (!consumers_id_ok(in->group_id, true)) {
        return KERR_INVALID_GROUP_ID;
    }
    if (!cgroup_name_ok(in->member_id)) {
        return KERR_UNKNOWN_MEMBER_ID;
    }
    if (!cgroup_name_ok(in->group_instance_id)) {
        return KERR_INVALID_REQUEST;
    }
    return n_rows <= CGROUP_ROWS_MAX &&
                   n_rows * in->group_id.len <= IDS_BYTES_MAX
               ? 0
               : KERR_INVALID_COMMIT_OFFSET_SIZE;
}

static void encode(struct request *r, const struct job *j, struct buf *b)
{
    const struct offset_commit_request *in = r->body;
    const struct config *config = broker_config(r->broker);
    struct cgroup_commit c = {
        .group = in->group_id,
        .member = in->member_id,
        .instance = in->group_instance_id,
        .generation = in->generation_id_or_member_epoch,
        .retention_ms = in->retention_time_ms,
        .v9 = r->version >= VERSION_NOT_FOUND,
        .by = consumers_cut(in->member_id.len > 0 ? in->member_id
                                                  : r->header.client_id,
                            BY_MAX),
        .rows = j->rows,
        .n_rows = j->known.n,
        .metadata_max = (uint32_t)config_long(config, NODE_OFFSET_METADATA_MAX),
        .history_max = (uint32_t)config_long(config, NODE_GROUPS_HISTORY_MAX),
        .history_interval_ms =
            (uint32_t)config_long(config, NODE_GROUPS_HISTORY_INTERVAL_MS)};
    consumers_batch(r, b);
    cgroup_encode_commit(&c, b);
}

/* What the offsets take more than before. */
static size_t growth(struct request *r, const struct job *j)
{
    const struct offset_commit_request *in = r->body;
    const struct cgroup_view *g = consumers_view(r, in->group_id);
    size_t sum = 0;
    for (unsigned i = 0; i < j->known.n; i++) {
        const struct cgroup_commit_row *row = &j->rows[i];
        const struct cgroup_view_offset *o =
            g == NULL ? NULL
                      : cgroup_view_offset(g, row->topic, row->partition);
        size_t more = cgroup_view_offset_bytes(row->metadata.len);
        size_t has = o == NULL ? 0 : cgroup_view_offset_bytes(o->metadata.len);
        sum += more > has ? more - has : 0;
    }
    return sum;
}

void api_offset_commit(struct request *r)
{
    const struct offset_commit_request *in = r->body;
    struct job *j = request_alloc(r, sizeof *j);
    struct buf b;
    if (j == NULL) {
        return;
    }
    wire_init(&wire_offset_commit_response, &j->out);
    if (!build(r, j)) {
        return;
    }
    int16_t error = judge(in, j->known.n);
    if (error != 0 || j->known.n == 0) {
        consumers_rows_fail(&j->known, error);
        request_reply(r, &j->out);
        return;
    }
    r->state = j;
    r->cancel = on_gone;
    j->call.data = j;
    j->call.growth = growth(r, j);
    encode(r, j, &b);
    consumers_submit(r, &j->call, CGROUP_COMMIT, in->group_id,
                     in->group_instance_id, &b, KERR_INVALID_COMMIT_OFFSET_SIZE,
                     on_committed);
}
