/* group_sync.c - SyncGroup: the leader hands in who reads what, everybody
 * else waits for it; like a join without the frame. And Heartbeat. */
#include "api/consumers.h"
#include "api/handlers.h"
#include "wire/errors.h"
#include "wire/gen/heartbeat.h"
#include "wire/gen/sync_group.h"

#define VERSION_NAMED 5 /* names the protocol, and is told its name */

struct job {
    struct consumers_call call;
    struct consumers_who who;
};

/* ---- SyncGroup ----------------------------------------------------------- */

static void reply_error(struct request *r, int16_t error)
{
    struct sync_group_response out;
    wire_init(&wire_sync_group_response, &out);
    /* Clients know no "loading" here; they ask to join again. */
    out.error_code = error == KERR_COORDINATOR_LOAD_IN_PROGRESS
                         ? (int16_t)KERR_REBALANCE_IN_PROGRESS
                         : error;
    request_reply(r, &out);
}

static void on_synced(struct consumers_call *c, int16_t error,
                      const struct cgroup_result *result)
{
    struct job *j = c->data;
    struct request *r = c->owner;
    struct sync_group_response out;
    const struct cgroup_view *g = consumers_view(r, j->who.group);
    const struct cgroup_view_member *m =
        g == NULL ? NULL : cgroup_view_member(g, j->who.member);
    error = error != 0 ? error : result->error;
    if (error == 0 && m == NULL) {
        error = KERR_UNKNOWN_MEMBER_ID;
    }
    if (error == 0 &&
        (g->generation != result->generation || g->state != CGROUP_STABLE)) {
        error = KERR_REBALANCE_IN_PROGRESS; /* it has moved on */
    }
    if (error != 0) {
        reply_error(r, error);
        return;
    }
    wire_init(&wire_sync_group_response, &out);
    out.protocol_type = consumers_text(g->protocol_type);
    out.protocol_name = consumers_text(g->protocol);
    out.assignment = consumers_text(m->assignment);
    request_reply(r, &out);
}

static void on_gone(struct request *r)
{
    struct job *j = r->state;
    consumers_cancel(&j->call);
    request_silent(r);
}

static bool assignments_ok(const struct sync_group_request *in)
{
    if (in->assignments.n > CGROUP_MEMBERS_MAX) {
        return false;
    }
    for (uint32_t i = 0; i < in->assignments.n; i++) {
        if (!cgroup_name_ok(in->assignments.ptr[i].member_id)) {
            return false;
        }
    }
    return true;
}

static int16_t judge(const struct request *r)
{
    const struct sync_group_request *in = r->body;
    if (!consumers_id_ok(in->group_id, false)) {
        return KERR_INVALID_GROUP_ID;
    }
    if (!cgroup_name_ok(in->member_id)) {
        return KERR_UNKNOWN_MEMBER_ID;
    }
    if (r->version >= VERSION_NAMED &&
        (in->protocol_type.data == NULL || in->protocol_name.data == NULL)) {
        return KERR_INCONSISTENT_GROUP_PROTOCOL;
    }
    if (!cgroup_name_ok(in->protocol_type) ||
        !cgroup_name_ok(in->protocol_name)) {
        return KERR_INCONSISTENT_GROUP_PROTOCOL;
    }
    return cgroup_name_ok(in->group_instance_id) && assignments_ok(in)
               ? 0
               : KERR_INVALID_REQUEST;
}

/* False without memory: the request was closed. */
static bool encode(struct request *r, const struct job *j, struct buf *b)
{
    const struct sync_group_request *in = r->body;
    struct cgroup_sync c = {.group = j->who.group,
                            .member = j->who.member,
                            .instance = j->who.instance,
                            .generation = in->generation_id,
                            .named = r->version >= VERSION_NAMED,
                            .protocol_type = in->protocol_type,
                            .protocol = in->protocol_name,
                            .n_assignments = in->assignments.n};
    struct cgroup_assignment *a =
        request_alloc(r, in->assignments.n * sizeof(struct cgroup_assignment));
    if (a == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < in->assignments.n; i++) {
        a[i].member = in->assignments.ptr[i].member_id;
        a[i].assignment = in->assignments.ptr[i].assignment;
    }
    c.assignments = a;
    consumers_batch(r, b);
    cgroup_encode_sync(&c, b);
    return true;
}

/* What all members' assignments take more than before. */
static size_t growth(struct request *r, const struct job *j)
{
    const struct sync_group_request *in = r->body;
    const struct cgroup_view *g = consumers_view(r, j->who.group);
    size_t more = 0, has = 0;
    for (uint32_t i = 0; i < in->assignments.n; i++) {
        more += in->assignments.ptr[i].assignment.len;
    }
    for (unsigned i = 0; more > 0 && g != NULL && i < g->n_members; i++) {
        has += g->members[i]->assignment.len;
    }
    return more > has ? more - has : 0;
}

void api_sync_group(struct request *r)
{
    const struct sync_group_request *in = r->body;
    int16_t error = judge(r);
    struct job *j;
    struct buf b;
    if (error != 0) {
        reply_error(r, error);
        return;
    }
    j = request_alloc(r, sizeof *j);
    if (j == NULL ||
        !consumers_keep_who(r, in->group_id, in->member_id,
                            in->group_instance_id, &j->who) ||
        !encode(r, j, &b)) {
        return;
    }
    j->call.growth = growth(r, j);
    request_drop_frame(r);
    r->state = j;
    r->cancel = on_gone;
    j->call.data = j;
    consumers_submit(r, &j->call, CGROUP_SYNC, j->who.group, j->who.instance,
                     &b, KERR_UNKNOWN_SERVER_ERROR, on_synced);
}

/* ---- Heartbeat ----------------------------------------------------------- */

static int16_t heartbeat(struct request *r, const struct heartbeat_request *in)
{
    int16_t error = 0;
    struct coordinator *co;
    if (!consumers_id_ok(in->group_id, false)) {
        return KERR_INVALID_GROUP_ID;
    }
    co = consumers_coordinator(r, in->group_id, &error);
    if (co != NULL) {
        error = (int16_t)coordinator_heartbeat(co, in->group_id, in->member_id,
                                               in->group_instance_id,
                                               in->generation_id);
    }
    if (error == KERR_NOT_COORDINATOR) {
        error = consumers_error(r, in->group_id, ERR_NOTLEADER);
    }
    /* Sessions begin anew once this node leads: nothing is missed. */
    return error == KERR_COORDINATOR_LOAD_IN_PROGRESS ? 0 : error;
}

void api_heartbeat(struct request *r)
{
    struct heartbeat_response out;
    wire_init(&wire_heartbeat_response, &out);
    out.error_code = heartbeat(r, r->body);
    request_reply(r, &out);
}
