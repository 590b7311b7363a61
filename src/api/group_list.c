/* group_list.c - ListGroups: the groups of the shards that this node leads;
 * tools ask every node. And DeleteGroups. */
#include "api/admin.h"
#include "api/consumers.h"
#include "api/handlers.h"
#include "wire/errors.h"
#include "wire/gen/delete_groups.h"
#include "wire/gen/list_groups.h"

#define VERSION_STATES 4
#define VERSION_TYPES  5
#define TYPE           "classic"
#define STATES         (CGROUP_DEAD + 1)

/* ---- ListGroups ---------------------------------------------------------- */

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

static bool equal_in_any_case(struct slice a, struct slice b)
{
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        if (lower(a.data[i]) != lower(b.data[i])) {
            return false;
        }
    }
    return true;
}

/* An empty filter lets everything through. */
static bool passes(const struct slice filter[], uint32_t n, const char *what)
{
    for (uint32_t i = 0; i < n; i++) {
        if (equal_in_any_case(filter[i], slice_str(what))) {
            return true;
        }
    }
    return n == 0;
}

/* What a request's filters let through: looked at once, whatever they and the
 * groups are many. */
struct wanted {
    bool states[STATES];
    bool type;
};

static void read_filters(const struct list_groups_request *in,
                         struct wanted *ret_w)
{
    for (int k = 0; k < STATES; k++) {
        ret_w->states[k] = passes(in->states_filter.ptr, in->states_filter.n,
                                  cgroup_state_name((enum cgroup_state)k));
    }
    ret_w->type = passes(in->types_filter.ptr, in->types_filter.n, TYPE);
}

static void add(struct request *r, const struct cgroup_view *g,
                struct list_groups_response_group *out)
{
    out->group_id = g->id;
    out->protocol_type = consumers_text(g->protocol_type);
    if (r->version >= VERSION_STATES) {
        out->group_state = slice_str(cgroup_state_name(g->state));
    }
    if (r->version >= VERSION_TYPES) {
        out->group_type = slice_str(TYPE);
    }
}

/* The images of those that could be confirmed. The groups of the others are
 * said to be missing: who asked for all asks again. Returns how many groups
 * they hold. */
static size_t confirmed(const struct consumers_read *gr,
                        const struct cgroup_image *images[CGROUP_SHARDS],
                        int16_t *ret_error)
{
    size_t n = 0;
    *ret_error = 0;
    for (unsigned k = 0; k < CGROUP_SHARDS; k++) {
        int status = 0;
        images[k] =
            gr->shards[k].wanted ? consumers_read_shard(gr, k, &status) : NULL;
        if (images[k] != NULL) {
            n += cgroup_image_count(images[k]);
        } else if (gr->shards[k].wanted) {
            *ret_error = KERR_COORDINATOR_LOAD_IN_PROGRESS;
        }
    }
    return n;
}

static void on_confirmed(struct consumers_read *gr)
{
    struct request *r = gr->request;
    const struct list_groups_request *in = r->body;
    const struct cgroup_image *images[CGROUP_SHARDS];
    struct list_groups_response out;
    struct wanted wanted;
    wire_init(&wire_list_groups_response, &out);
    read_filters(in, &wanted);
    size_t n = confirmed(gr, images, &out.error_code);
    out.groups.ptr = request_elems(r, &wire_list_groups_response_group, n);
    if (out.groups.ptr == NULL) {
        return;
    }
    for (unsigned k = 0; k < CGROUP_SHARDS; k++) {
        const struct cgroup_view *g;
        void *it = NULL;
        while (images[k] != NULL &&
               (g = cgroup_image_next(images[k], &it)) != NULL) {
            if (wanted.type && wanted.states[g->state]) {
                add(r, g, &out.groups.ptr[out.groups.n++]);
            }
        }
    }
    request_reply(r, &out);
}

void api_list_groups(struct request *r)
{
    struct consumers_read *gr;
    if (!broker_serves(r->broker)) {
        struct list_groups_response out;
        wire_init(&wire_list_groups_response, &out);
        out.error_code = KERR_COORDINATOR_LOAD_IN_PROGRESS;
        request_reply(r, &out);
        return;
    }
    gr = request_alloc(r, sizeof *gr);
    if (gr != NULL) {
        consumers_read_init(gr, r, NULL);
        consumers_read_want_all(gr);
        consumers_read_start(gr, on_confirmed);
    }
}

/* ---- DeleteGroups -------------------------------------------------------- */

struct delete_job {
    struct delete_groups_response out;
    struct consumers_call *calls; /* one for each of the response's rows */
    unsigned pending;
};

static void delete_step(struct request *r, struct delete_job *j)
{
    if (--j->pending == 0) {
        request_reply(r, &j->out);
    }
}

static void delete_page(struct request *r, struct delete_job *j, size_t i);

static void on_deleted(struct consumers_call *c, int16_t error,
                       const struct cgroup_result *result)
{
    struct delete_job *j = c->data;
    if (error == 0 && result->error == 0 && result->more) {
        delete_page(c->owner, j, (size_t)(c - j->calls));
        return;
    }
    j->out.results.ptr[c - j->calls].error_code =
        error != 0 ? error : result->error;
    delete_step(c->owner, j);
}

/* What was begun goes on: the leader sees to it. */
static void on_gone(struct request *r)
{
    struct delete_job *j = r->state;
    for (uint32_t i = 0; i < j->out.results.n; i++) {
        consumers_cancel(&j->calls[i]);
    }
    request_silent(r);
}

/* As much of a group as one entry may delete. */
static void delete_page(struct request *r, struct delete_job *j, size_t i)
{
    struct slice id = j->out.results.ptr[i].group_id;
    struct buf b;
    consumers_batch(r, &b);
    cgroup_encode_delete(id, CGROUP_DELETE_PAGE, &b);
    consumers_submit(r, &j->calls[i], CGROUP_DELETE, id, slice_of(NULL, 0), &b,
                     KERR_INVALID_GROUP_ID, on_deleted);
}

static void delete_start(struct request *r, struct delete_job *j, uint32_t i)
{
    struct slice id = j->out.results.ptr[i].group_id;
    j->calls[i].data = j;
    j->pending++;
    if (!consumers_id_ok(id, true)) {
        j->out.results.ptr[i].error_code = KERR_INVALID_GROUP_ID;
        delete_step(r, j);
        return;
    }
    delete_page(r, j, i);
}

static struct slice name_at(const struct request *r, uint32_t i)
{
    const struct delete_groups_request *in = r->body;
    return in->groups_names.ptr[i];
}

/* Each group once, also if it is named twice. */
void api_delete_groups(struct request *r)
{
    const struct delete_groups_request *in = r->body;
    struct delete_job *j = request_alloc(r, sizeof *j);
    const struct admin_name *names;
    unsigned n;
    if (j == NULL) {
        return;
    }
    names = admin_names(r, in->groups_names.n, name_at, &n);
    if (names == NULL) {
        return;
    }
    wire_init(&wire_delete_groups_response, &j->out);
    j->calls = request_alloc(r, n * sizeof(struct consumers_call));
    if (j->calls == NULL) {
        return;
    }
    j->out.results.ptr =
        request_elems(r, &wire_delete_groups_response_result, n);
    if (j->out.results.ptr == NULL) {
        return;
    }
    j->out.results.n = n;
    r->state = j;
    r->cancel = on_gone;
    j->pending = 1;
    for (unsigned i = 0; i < n; i++) {
        j->out.results.ptr[i].group_id = name_at(r, names[i].at);
        delete_start(r, j, i);
    }
    delete_step(r, j);
}
