/* partitions.c - CreatePartitions: give topics more partitions. Counts and
 * assignments are judged by @meta; keys that were spread over the old number
 * stay where they are. */
#include "api/admin.h"
#include "api/find.h"
#include "api/handlers.h"
#include "wire/errors.h"
#include "wire/gen/create_partitions.h"

struct growing {
    const struct create_partitions_request_topic *in;
    struct create_partitions_response_result *out;
    struct meta_create_partitions command;
    unsigned repeats;
};

struct job {
    struct create_partitions_response out;
    struct admin admin;
    struct growing *topics;
    unsigned n;
};

static void on_encode(struct admin *a, unsigned i, struct uuid command,
                      struct buf *out)
{
    struct job *j = a->data;
    meta_encode_create_partitions(&j->topics[i].command, command, out);
}

static void on_outcome(struct admin *a, unsigned i, int16_t error,
                       struct slice message, const struct meta_result *result)
{
    struct job *j = a->data;
    (void)result;
    j->topics[i].out->error_code = error;
    j->topics[i].out->error_message = message;
}

static void on_done(struct admin *a)
{
    struct job *j = a->data;
    request_reply(a->request, &j->out);
}

static const struct admin_hooks hooks = {
    .encode = on_encode, .outcome = on_outcome, .done = on_done};

static bool refuse(struct growing *g, int16_t error, const char *message)
{
    g->out->error_code = error;
    g->out->error_message = slice_str(message);
    return false;
}

static bool check(struct request *r, struct growing *g)
{
    const struct create_partitions_request *in = r->body;
    uint32_t n = g->in->assignments.n;
    struct image_partition *rows;
    g->command.name = g->in->name;
    g->command.count = g->in->count;
    g->command.validate_only = in->validate_only;
    if (g->repeats > 0) {
        return refuse(g, KERR_INVALID_REQUEST,
                      "the topic stands more than once in the request");
    }
    if (n > META_PARTITIONS_MAX) { /* more than its command may hold */
        return g->in->count > META_PARTITIONS_MAX
                   ? refuse(g, KERR_INVALID_PARTITIONS,
                            "more partitions than a topic may have")
                   : refuse(g, KERR_INVALID_REPLICA_ASSIGNMENT,
                            "more assignments than new partitions");
    }
    rows = arena_calloc(&r->arena, n + 1, sizeof *rows);
    if (rows == NULL) {
        return refuse(g, KERR_KAFKA_STORAGE_ERROR, "out of memory");
    }
    for (uint32_t i = 0; i < n; i++) {
        const struct create_partitions_request_assignment *a =
            &g->in->assignments.ptr[i];
        if (a->broker_ids.n == 0 || a->broker_ids.n > IMAGE_REPLICAS_MAX) {
            return refuse(g, KERR_INVALID_REPLICA_ASSIGNMENT,
                          "a partition has 1 to 15 replicas");
        }
        memcpy(rows[i].replicas, a->broker_ids.ptr,
               a->broker_ids.n * sizeof rows[i].replicas[0]);
        rows[i].n_replicas = a->broker_ids.n;
    }
    g->command.assigned = n > 0 ? rows : NULL;
    g->command.n_assigned = n;
    return true;
}

static struct slice name_at(const struct request *r, uint32_t i)
{
    const struct create_partitions_request *in = r->body;
    return in->topics.ptr[i].name;
}

/* A place in the answer for each name, once. */
static bool collect(struct request *r, struct job *j)
{
    const struct create_partitions_request *in = r->body;
    const struct admin_name *names =
        admin_names(r, in->topics.n, name_at, &j->n);
    for (unsigned i = 0; names != NULL && i < j->n; i++) {
        struct growing *g = &j->topics[i];
        g->in = &in->topics.ptr[names[i].at];
        g->out = &j->out.results.ptr[i];
        g->out->name = g->in->name;
        g->repeats = names[i].repeats;
    }
    j->out.results.n = j->n;
    return names != NULL;
}

void api_create_partitions(struct request *r)
{
    const struct create_partitions_request *in = r->body;
    struct job *j = request_alloc(r, sizeof *j);
    if (j == NULL) {
        return;
    }
    wire_init(&wire_create_partitions_response, &j->out);
    j->topics = request_alloc(r, in->topics.n * sizeof *j->topics);
    if (j->topics == NULL) {
        return;
    }
    j->out.results.ptr =
        request_elems(r, &wire_create_partitions_response_result, in->topics.n);
    if (j->out.results.ptr == NULL || !collect(r, j) ||
        !admin_init(&j->admin, r, j->n, &hooks, j)) {
        return;
    }
    for (unsigned i = 0; i < j->n; i++) {
        j->admin.items[i].skip = !check(r, &j->topics[i]);
    }
    admin_start(&j->admin, in->timeout_ms,
                in->validate_only ? ADMIN_WAIT_NOTHING : ADMIN_WAIT_LEADERS);
}
