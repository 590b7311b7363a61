/* groupload_offset.c - commits and fetches of offsets. */
#include "cli/groupload_impl.h"
#include "wire/api.h"
#include "wire/errors.h"
#include "wire/gen/offset_commit.h"
#include "wire/gen/offset_fetch.h"

#define COMMIT_VERSION 7
#define FETCH_VERSION  7
#define PREPARE_ROWS   1000 /* of one commit before fetches begin */

/* ---- commits -------------------------------------------------------------
 */

/* Count the answer to a commit by member 0 of the group; false: an error. */
static bool take_commit(struct groupload_group *x, int status,
                        const struct offset_commit_response *in, unsigned *n)
{
    struct groupload *g = x->all;
    *n = 0;
    if (status != 0) {
        g->r->errors += !g->closing;
        return false;
    }
    for (uint32_t i = 0; i < in->topics.n; i++) {
        for (uint32_t k = 0; k < in->topics.ptr[i].partitions.n; k++) {
            int error = in->topics.ptr[i].partitions.ptr[k].error_code;
            if (error != 0) {
                groupload_member_failed(&x->members[0], error);
                return false;
            }
            ++*n;
        }
    }
    return *n > 0;
}

/* Offsets of `n` partitions from `first` on, one after the other, round. */
static void commit(struct groupload_group *x, uint64_t first, unsigned n,
                   int64_t offset, groupload_call_cb cb, uint64_t since_us)
{
    struct groupload *g = x->all;
    struct groupload_member *m = &x->members[0];
    struct offset_commit_request q;
    struct offset_commit_request_topic topic;
    arena_reset(&g->out);
    wire_init(&wire_offset_commit_request, &q);
    wire_struct_init(&wire_offset_commit_request_topic, &topic);
    topic.name = slice_str(g->o.topic);
    topic.partitions.ptr =
        wire_elems_new(&g->out, &wire_offset_commit_request_partition, n);
    if (topic.partitions.ptr == NULL) {
        env_die(g->env, "bench: out of memory");
    }
    topic.partitions.n = n;
    for (unsigned i = 0; i < n; i++) {
        topic.partitions.ptr[i].partition_index =
            (int32_t)((first + i) % g->n_partitions);
        topic.partitions.ptr[i].committed_offset = offset;
    }
    q.group_id = slice_str(x->name);
    q.generation_id_or_member_epoch = m->generation;
    q.member_id = slice_str(m->id);
    q.topics.ptr = &topic;
    q.topics.n = 1;
    groupload_call(&m->link, API_OFFSET_COMMIT, COMMIT_VERSION, &q, cb, x,
                   since_us);
}

static void on_committed(void *arg, int status, const void *response,
                         uint64_t since_us)
{
    struct groupload_group *x = arg;
    struct groupload *g = x->all;
    unsigned n;
    x->commit_flying = false;
    if (!take_commit(x, status, response, &n)) {
        return;
    }
    if (g->measuring && !g->done && g->o.mode == GROUPLOAD_COMMIT) {
        uint64_t now = env_now_us_exact(g->env);
        g->r->requests++;
        g->r->rows += n;
        histogram_record(&g->r->latency, now > since_us ? now - since_us : 0);
    }
    groupload_committed(x);
}

void groupload_commit(struct groupload_group *x, uint64_t k, uint64_t due_us)
{
    x->commit_flying = true;
    commit(x, k * x->all->o.rows, x->all->o.rows, (int64_t)k, on_committed,
           due_us);
}

/* ---- fetches -------------------------------------------------------------
 */

static void on_prepared(void *arg, int status, const void *response,
                        uint64_t since_us)
{
    struct groupload_group *x = arg;
    unsigned n;
    (void)since_us;
    if (take_commit(x, status, response,
                    &n)) { /* else the member begins anew */
        x->sent += n;
        groupload_fetch_begin(x);
    }
}

void groupload_fetch_begin(struct groupload_group *x)
{
    struct groupload *g = x->all;
    uint64_t left = g->o.partitions - x->sent;
    if (left == 0) {
        g->n_formed += !x->formed;
        x->formed = true;
        groupload_fetch(x);
        return;
    }
    commit(x, x->sent, left < PREPARE_ROWS ? (unsigned)left : PREPARE_ROWS, 1,
           on_prepared, 0);
}

/* How many offsets the answer has; one that was committed and is not there is
 * an error. */
static int take_offsets(const struct offset_fetch_response *in, uint64_t *ret_n)
{
    *ret_n = 0;
    for (uint32_t i = 0; i < in->topics.n; i++) {
        for (uint32_t k = 0; k < in->topics.ptr[i].partitions.n; k++) {
            const struct offset_fetch_response_partition *p =
                &in->topics.ptr[i].partitions.ptr[k];
            if (p->error_code != 0 || p->committed_offset < 0) {
                return p->error_code != 0 ? p->error_code
                                          : KERR_UNKNOWN_SERVER_ERROR;
            }
            ++*ret_n;
        }
    }
    return in->error_code;
}

static void on_fetched(void *arg, int status, const void *response,
                       uint64_t since_us)
{
    struct groupload_group *x = arg;
    struct groupload *g = x->all;
    uint64_t n;
    if (status != 0 || g->closing) {
        return;
    }
    int error = take_offsets(response, &n);
    if (error != 0) {
        groupload_member_failed(&x->members[0], error);
        return; /* the member begins anew */
    }
    if (g->measuring && !g->done) {
        g->r->requests++;
        g->r->rows += n;
        histogram_record(&g->r->latency, env_now_us_exact(g->env) - since_us);
    }
    groupload_fetch(x);
}

void groupload_fetch(struct groupload_group *x)
{
    struct groupload *g = x->all;
    struct offset_fetch_request q;
    struct offset_fetch_request_topic topic;
    arena_reset(&g->out);
    wire_init(&wire_offset_fetch_request, &q);
    wire_struct_init(&wire_offset_fetch_request_topic, &topic);
    topic.name = slice_str(g->o.topic);
    topic.partition_indexes.ptr =
        arena_calloc(&g->out, g->o.partitions, sizeof(int32_t));
    if (topic.partition_indexes.ptr == NULL) {
        env_die(g->env, "bench: out of memory");
    }
    topic.partition_indexes.n = g->o.partitions;
    for (unsigned i = 0; i < g->o.partitions; i++) {
        topic.partition_indexes.ptr[i] = (int32_t)i;
    }
    q.group_id = slice_str(x->name);
    q.topics.ptr = &topic;
    q.topics.n = 1;
    groupload_call(&x->members[0].link, API_OFFSET_FETCH, FETCH_VERSION, &q,
                   on_fetched, x, 0);
}
