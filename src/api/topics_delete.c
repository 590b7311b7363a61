/* topics_delete.c - DeleteTopics: by name, from version 6 also by id. The
 * answer leaves when every reachable node knows, so that the name can be used
 * again at once. */
#include "api/admin.h"
#include "api/find.h"
#include "api/handlers.h"
#include "base/map.h"
#include "wire/errors.h"
#include "wire/gen/delete_topics.h"

#define VERSION_BY_ID 6

struct job {
    struct delete_topics_response out;
    struct admin admin;
    struct uuid *ids; /* of the topics to delete; zero: by name */
};

static void on_encode(struct admin *a, unsigned i, struct uuid command,
                      struct buf *out)
{
    struct job *j = a->data;
    meta_encode_delete_topic(j->ids[i], j->out.responses.ptr[i].name, command,
                             out);
}

static void on_outcome(struct admin *a, unsigned i, int16_t error,
                       struct slice message, const struct meta_result *result)
{
    struct job *j = a->data;
    (void)result;
    j->out.responses.ptr[i].error_code = error;
    j->out.responses.ptr[i].error_message = message;
}

static void on_done(struct admin *a)
{
    struct job *j = a->data;
    request_reply(a->request, &j->out);
}

static int16_t fail(struct delete_topics_response_response *out, int16_t error,
                    const char *message)
{
    out->error_code = error;
    out->error_message = slice_str(message);
    return error;
}

/* Find the topic; the answer's name and id are what it has, the other one of
 * an unknown topic stays empty. */
static int16_t judge(struct request *r, struct slice name, struct uuid id,
                     struct delete_topics_response_response *out)
{
    const struct image_topic *t;
    bool by_id = !uuid_is_zero(id);
    int16_t error;
    out->topic_id = id;
    out->name = name;
    if (by_id && name.data != NULL) {
        return fail(out, KERR_INVALID_REQUEST,
                    "a topic is named by its name or by its id, not by both");
    }
    if (!by_id && name.data == NULL) {
        return fail(out, KERR_INVALID_REQUEST, "neither a name nor an id");
    }
    if (!broker_serves(r->broker)) {
        return fail(out, KERR_NOT_CONTROLLER, "this node does not serve yet");
    }
    error = by_id ? find_topic_by_id(r, id, &t) : find_topic(r, name, &t);
    if (error != 0) {
        return fail(out, error, "no such topic");
    }
    out->topic_id = t->id;
    out->name = find_text(r, t->name); /* outlives the topic */
    return 0;
}

/* What this node does not know yet may exist: @meta decides. */
static bool is_unknown(int16_t error)
{
    return error == KERR_UNKNOWN_TOPIC_ID ||
           error == KERR_UNKNOWN_TOPIC_OR_PARTITION;
}

/* A topic that stands twice, by name or id, is refused at its second place
 * and left alone at its first. */
static bool refuse_repeated(struct request *r, struct job *j)
{
    struct map *seen = map_new(env_mem(r->env));
    int rv = seen == NULL ? ERR_NOMEM : 0;
    for (unsigned i = 0; i < j->admin.n && rv == 0; i++) {
        struct slice key = uuid_is_zero(j->ids[i])
                               ? j->out.responses.ptr[i].name
                               : slice_of(j->ids[i].b, sizeof j->ids[i].b);
        if (j->admin.items[i].skip) {
            continue;
        }
        rv = map_put(seen, key, &j->admin.items[i]);
        if (rv == ERR_EXISTS) {
            struct admin_item *first = map_find(seen, key);
            const char *why = "the topic stands more than once in the request";
            first->skip = j->admin.items[i].skip = true;
            fail(&j->out.responses.ptr[first - j->admin.items],
                 KERR_INVALID_REQUEST, why);
            fail(&j->out.responses.ptr[i], KERR_INVALID_REQUEST, why);
            rv = 0;
        }
    }
    map_free(seen);
    if (rv != 0) {
        request_close(r, "out of memory");
    }
    return rv == 0;
}

/* The answer names what the request does. */
static void name_all(const struct request *r, struct job *j)
{
    const struct delete_topics_request *in = r->body;
    bool modern = r->version >= VERSION_BY_ID;
    for (unsigned i = 0; i < j->admin.n; i++) {
        struct delete_topics_response_response *out = &j->out.responses.ptr[i];
        out->name = modern ? in->topics.ptr[i].name : in->topic_names.ptr[i];
        out->topic_id = modern ? in->topics.ptr[i].topic_id : uuid_zero;
    }
}

static bool on_judge(struct admin *a)
{
    struct job *j = a->data;
    for (unsigned i = 0; i < a->n; i++) {
        struct delete_topics_response_response *out = &j->out.responses.ptr[i];
        int16_t error = judge(a->request, out->name, out->topic_id, out);
        a->items[i].skip = error != 0 && !is_unknown(error);
        j->ids[i] = out->topic_id;
        if (error == 0 && out->name.data == NULL) {
            return false; /* closed */
        }
    }
    return refuse_repeated(a->request, j);
}

static const struct admin_hooks hooks = {.judge = on_judge,
                                         .encode = on_encode,
                                         .outcome = on_outcome,
                                         .done = on_done};

void api_delete_topics(struct request *r)
{
    const struct delete_topics_request *in = r->body;
    bool modern = r->version >= VERSION_BY_ID;
    uint32_t n = modern ? in->topics.n : in->topic_names.n;
    struct job *j = request_alloc(r, sizeof *j);
    if (j == NULL) {
        return;
    }
    wire_init(&wire_delete_topics_response, &j->out);
    j->ids = request_alloc(r, n * sizeof *j->ids);
    if (j->ids == NULL || !admin_init(&j->admin, r, n, &hooks, j)) {
        return;
    }
    j->out.responses.ptr =
        request_elems(r, &wire_delete_topics_response_response, n);
    if (j->out.responses.ptr == NULL) {
        return;
    }
    j->out.responses.n = n;
    name_all(r, j);
    admin_start(&j->admin, in->timeout_ms, ADMIN_WAIT_NODES);
}
