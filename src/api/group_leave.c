/* group_leave.c - LeaveGroup: one member, from version 3 any number, also by
 * their instance. */
#include "api/consumers.h"
#include "api/handlers.h"
#include "wire/errors.h"
#include "wire/gen/leave_group.h"

#define VERSION_MANY 3

struct job {
    struct consumers_call call;
    struct leave_group_response out;
};

static void on_left(struct consumers_call *c, int16_t error,
                    const struct cgroup_result *result)
{
    struct job *j = c->data;
    struct request *r = c->owner;
    error = error != 0 ? error : result->error;
    for (uint32_t i = 0; error == 0 && i < j->out.members.n; i++) {
        j->out.members.ptr[i].error_code = cgroup_result_error(result, i);
    }
    if (error == 0 && r->version < VERSION_MANY) {
        error = cgroup_result_error(result, 0);
    }
    if (error != 0) {
        j->out.members.n = 0;
    }
    j->out.error_code = error;
    request_reply(r, &j->out);
}

static void on_gone(struct request *r)
{
    struct job *j = r->state;
    consumers_cancel(&j->call);
    request_silent(r);
}

/* Who leaves; the answer's rows, from version 3. NULL without memory: the
 * request was closed. */
static struct cgroup_leaver *list(struct request *r, struct job *j,
                                  unsigned *ret_n)
{
    const struct leave_group_request *in = r->body;
    bool many = r->version >= VERSION_MANY;
    unsigned n = many ? in->members.n : 1;
    struct cgroup_leaver *l =
        request_alloc(r, n * sizeof(struct cgroup_leaver));
    if (l == NULL) {
        return NULL;
    }
    *ret_n = n;
    if (!many) {
        l[0].member = in->member_id;
        return l;
    }
    j->out.members.ptr = request_elems(r, &wire_leave_group_response_member, n);
    if (j->out.members.ptr == NULL) {
        return NULL;
    }
    j->out.members.n = n;
    for (unsigned i = 0; i < n; i++) {
        const struct leave_group_request_member *m = &in->members.ptr[i];
        l[i].member = m->member_id;
        l[i].instance = m->group_instance_id;
        j->out.members.ptr[i].member_id = m->member_id;
        j->out.members.ptr[i].group_instance_id = m->group_instance_id;
    }
    return l;
}

static int16_t judge(const struct leave_group_request *in,
                     const struct cgroup_leaver l[], unsigned n)
{
    if (!consumers_id_ok(in->group_id, false)) {
        return KERR_INVALID_GROUP_ID;
    }
    for (unsigned i = 0; i < n; i++) {
        if (!cgroup_name_ok(l[i].member) || !cgroup_name_ok(l[i].instance)) {
            return KERR_INVALID_REQUEST;
        }
    }
    return n <= CGROUP_MEMBERS_MAX ? 0 : KERR_INVALID_REQUEST;
}

void api_leave_group(struct request *r)
{
    const struct leave_group_request *in = r->body;
    struct job *j = request_alloc(r, sizeof *j);
    struct cgroup_leaver *l;
    struct buf b;
    unsigned n = 0;
    if (j == NULL) {
        return;
    }
    wire_init(&wire_leave_group_response, &j->out);
    l = list(r, j, &n);
    if (l == NULL) {
        return;
    }
    j->out.error_code = judge(in, l, n);
    if (j->out.error_code != 0 || n == 0) {
        j->out.members.n = 0;
        request_reply(r, &j->out);
        return;
    }
    r->state = j;
    r->cancel = on_gone;
    j->call.data = j;
    consumers_batch(r, &b);
    cgroup_encode_leave(in->group_id, l, n, &b);
    consumers_submit(r, &j->call, CGROUP_LEAVE, in->group_id, slice_of(NULL, 0),
                     &b, KERR_INVALID_REQUEST, on_left);
}
