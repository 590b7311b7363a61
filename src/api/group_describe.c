/* group_describe.c - DescribeGroups: state and members of groups. */
#include "api/consumers.h"
#include "api/handlers.h"
#include "api/operations.h"
#include "wire/errors.h"
#include "wire/gen/describe_groups.h"

#define VERSION_NOT_FOUND 6 /* an error instead of "Dead" (KIP-1043) */

static bool fill_members(struct request *r, const struct cgroup_view *g,
                         struct describe_groups_response_group *out)
{
    bool stable = g->state == CGROUP_STABLE;
    out->members.ptr =
        request_elems(r, &wire_describe_groups_response_member, g->n_members);
    if (out->members.ptr == NULL) {
        return false;
    }
    for (unsigned i = 0; i < g->n_members; i++) {
        const struct cgroup_view_member *m = g->members[i];
        struct describe_groups_response_member *to;
        if (m->pending) {
            continue;
        }
        to = &out->members.ptr[out->members.n++];
        to->member_id = m->id;
        to->group_instance_id =
            m->instance.len > 0 ? m->instance : slice_of(NULL, 0);
        to->client_id = consumers_text(m->client_id);
        to->client_host = consumers_text(m->client_host);
        if (stable) {
            to->member_metadata =
                consumers_text(cgroup_view_metadata(m, g->protocol));
            to->member_assignment = consumers_text(m->assignment);
        }
    }
    return true;
}

/* One that is not there. */
static void fill_dead(struct request *r,
                      struct describe_groups_response_group *out)
{
    out->group_state = slice_str("Dead");
    if (r->version >= VERSION_NOT_FOUND) {
        out->error_code = KERR_GROUP_ID_NOT_FOUND;
        out->error_message = slice_str("there is no such group");
    }
}

/* False without memory: the request was closed. */
static bool fill(const struct consumers_read *gr, struct slice id,
                 struct describe_groups_response_group *out)
{
    struct request *r = gr->request;
    const struct describe_groups_request *in = r->body;
    const struct cgroup_view *g;
    out->group_id = id;
    if (!consumers_id_ok(id, true)) {
        out->error_code = KERR_INVALID_GROUP_ID;
        return true;
    }
    g = consumers_read_view(gr, id, &out->error_code);
    if (out->error_code != 0) {
        return true;
    }
    if (g == NULL) {
        fill_dead(r, out);
        return true;
    }
    if (in->include_authorized_operations) {
        out->authorized_operations = OPERATIONS_GROUP;
    }
    out->group_state = slice_str(cgroup_state_name(g->state));
    out->protocol_type = consumers_text(g->protocol_type);
    if (g->state == CGROUP_STABLE) {
        out->protocol_data = consumers_text(g->protocol);
    }
    return fill_members(r, g, out);
}

static void on_confirmed(struct consumers_read *gr)
{
    struct request *r = gr->request;
    const struct describe_groups_request *in = r->body;
    struct describe_groups_response out;
    wire_init(&wire_describe_groups_response, &out);
    out.groups.ptr =
        request_elems(r, &wire_describe_groups_response_group, in->groups.n);
    if (out.groups.ptr == NULL) {
        return;
    }
    out.groups.n = in->groups.n;
    for (uint32_t i = 0; i < in->groups.n; i++) {
        if (!fill(gr, in->groups.ptr[i], &out.groups.ptr[i])) {
            return;
        }
    }
    request_reply(r, &out);
}

void api_describe_groups(struct request *r)
{
    const struct describe_groups_request *in = r->body;
    struct consumers_read *gr = request_alloc(r, sizeof *gr);
    if (gr == NULL) {
        return;
    }
    consumers_read_init(gr, r, NULL);
    for (uint32_t i = 0; i < in->groups.n; i++) {
        consumers_read_want(gr, in->groups.ptr[i]);
    }
    consumers_read_start(gr, on_confirmed);
}
