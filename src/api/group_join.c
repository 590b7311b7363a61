/* group_join.c - JoinGroup: enter a group; the answer waits for the others.
 *
 * What may wait for minutes keeps neither the frame nor what was decoded from
 * it: the command has a copy of everything.
 */
#include "api/consumers.h"
#include "api/handlers.h"
#include "wire/errors.h"
#include "wire/gen/join_group.h"

#define VERSION_REBALANCE 1 /* has a rebalance timeout */
#define VERSION_ID        4 /* takes an id and comes again (KIP-394) */
#define VERSION_NULL_NAME 7 /* the protocol's name may be null */
#define VERSION_SKIP      9 /* a leader may be told not to assign (KIP-814) */

struct job {
    struct consumers_call call;
    struct consumers_who who;
};

static void reply_error(struct request *r, int16_t error, struct slice member)
{
    struct join_group_response out;
    wire_init(&wire_join_group_response, &out);
    out.error_code = error;
    out.member_id = consumers_text(member);
    out.protocol_name =
        r->version >= VERSION_NULL_NAME ? slice_of(NULL, 0) : slice_str("");
    request_reply(r, &out);
}

/* Who leads is told of all. False without memory: the request was closed. */
static bool list_members(struct request *r, const struct cgroup_view *g,
                         struct join_group_response *out)
{
    out->members.ptr =
        request_elems(r, &wire_join_group_response_member, g->n_members);
    if (out->members.ptr == NULL) {
        return false;
    }
    for (unsigned i = 0; i < g->n_members; i++) {
        const struct cgroup_view_member *m = g->members[i];
        if (!m->pending) {
            struct join_group_response_member *to =
                &out->members.ptr[out->members.n++];
            to->member_id = m->id;
            to->group_instance_id =
                m->instance.len > 0 ? m->instance : slice_of(NULL, 0);
            to->metadata = consumers_text(cgroup_view_metadata(m, g->protocol));
        }
    }
    return true;
}

static void reply_joined(struct request *r, const struct cgroup_view *g,
                         const struct cgroup_result *result)
{
    struct join_group_response out;
    wire_init(&wire_join_group_response, &out);
    out.generation_id = result->generation;
    out.member_id = result->member;
    out.protocol_type = consumers_text(g->protocol_type);
    out.protocol_name = consumers_text(g->protocol);
    out.leader = slice_str("");
    /* Where the group has moved on meanwhile, who syncs will be told so. */
    if (g->generation == result->generation) {
        out.leader = consumers_text(result->leader);
        out.skip_assignment = result->skip_assignment;
        if (slice_equal(result->leader, result->member) &&
            !list_members(r, g, &out)) {
            return;
        }
    }
    request_reply(r, &out);
}

static void on_joined(struct consumers_call *c, int16_t error,
                      const struct cgroup_result *result)
{
    struct job *j = c->data;
    struct request *r = c->owner;
    const struct cgroup_view *g = consumers_view(r, j->who.group);
    error = error != 0 ? error : result->error;
    if (error == 0 && g == NULL) {
        error = KERR_UNKNOWN_MEMBER_ID; /* it came and went */
    }
    if (error != 0) {
        reply_error(r, error,
                    result != NULL && result->member.len > 0 ? result->member
                                                             : j->who.member);
    } else {
        reply_joined(r, g, result);
    }
}

static void on_gone(struct request *r)
{
    struct job *j = r->state;
    consumers_cancel(&j->call);
    request_silent(r);
}

static bool protocols_ok(const struct join_group_request *in)
{
    if (!cgroup_name_ok(in->protocol_type) ||
        in->protocols.n > CGROUP_PROTOCOLS_MAX) {
        return false;
    }
    for (uint32_t i = 0; i < in->protocols.n; i++) {
        if (!cgroup_name_ok(in->protocols.ptr[i].name)) {
            return false;
        }
    }
    return true;
}

/* What no log needs to decide. */
static int16_t judge(const struct join_group_request *in)
{
    if (!consumers_id_ok(in->group_id, false)) {
        return KERR_INVALID_GROUP_ID;
    }
    if (in->session_timeout_ms < 0) {
        return KERR_INVALID_SESSION_TIMEOUT;
    }
    if (!cgroup_name_ok(in->member_id)) {
        return KERR_UNKNOWN_MEMBER_ID;
    }
    if (!cgroup_name_ok(in->group_instance_id)) {
        return KERR_INVALID_REQUEST;
    }
    return protocols_ok(in) ? 0 : KERR_INCONSISTENT_GROUP_PROTOCOL;
}

static uint32_t setting(const struct request *r, enum node_setting s)
{
    return (uint32_t)config_long(broker_config(r->broker), s);
}

static struct cgroup_join make(const struct request *r, const struct job *j)
{
    const struct join_group_request *in = r->body;
    int32_t rebalance_ms =
        r->version >= VERSION_REBALANCE && in->rebalance_timeout_ms >= 0
            ? in->rebalance_timeout_ms
            : in->session_timeout_ms;
    return (struct cgroup_join){
        .group = j->who.group,
        .member = j->who.member,
        .instance = j->who.instance,
        .client_id = consumers_cut(r->header.client_id, CGROUP_NAME_MAX),
        .session_ms = (uint32_t)in->session_timeout_ms,
        .rebalance_ms = (uint32_t)rebalance_ms,
        .protocol_type = in->protocol_type,
        .n_protocols = in->protocols.n,
        .require_id = r->version >= VERSION_ID,
        .may_skip = r->version >= VERSION_SKIP,
        .initial_delay_ms = setting(r, NODE_GROUP_INITIAL_DELAY_MS),
        .session_min_ms = setting(r, NODE_GROUP_MIN_SESSION_MS),
        .session_max_ms = setting(r, NODE_GROUP_MAX_SESSION_MS),
        .size_max = setting(r, NODE_GROUP_MAX_SIZE)};
}

/* Who it is that comes again, if only by its instance; NULL: nobody. */
static const struct cgroup_view_member *find_known(struct request *r,
                                                   const struct job *j)
{
    const struct cgroup_view *g = consumers_view(r, j->who.group);
    return g == NULL                ? NULL
           : j->who.member.len == 0 ? cgroup_view_instance(g, j->who.instance)
                                    : cgroup_view_member(g, j->who.member);
}

/* A text with its length, uvarint. */
static size_t packed_len(size_t len)
{
    size_t n = len + 1;
    for (size_t left = len; left > 127; left >>= 7) {
        n++;
    }
    return n;
}

/* What one takes that comes again, to the byte: whoever says what it said
 * before must not be turned away from a group that is full. What it was
 * assigned goes with the generation. */
static size_t known_bytes(const struct cgroup_join *c,
                          const struct cgroup_view_member *m)
{
    size_t len = c->member.len > 0 ? c->member.len : c->new_member.len;
    len += m->instance.len + c->client_id.len + c->client_host.len;
    for (unsigned i = 0; i < c->n_protocols; i++) {
        len += packed_len(c->protocols[i].name.len) +
               packed_len(c->protocols[i].metadata.len);
    }
    return cgroup_view_member_bytes(len);
}

/* What the member takes more than before; one that comes back by its instance
 * takes the place of the one that it was. */
static size_t growth(struct request *r, const struct job *j,
                     const struct cgroup_join *c, const struct buf *b)
{
    const struct cgroup_view_member *m = find_known(r, j);
    if (m == NULL) {
        return cgroup_view_member_bytes(b->len);
    }
    size_t more = known_bytes(c, m);
    size_t has = cgroup_view_member_bytes(
        m->id.len + m->instance.len + m->client_id.len + m->client_host.len +
        m->protocols.len + m->assignment.len);
    return more > has ? more - has : 0;
}

/* False without memory: the request was closed. */
static bool encode(struct request *r, struct job *j, struct buf *b)
{
    const struct join_group_request *in = r->body;
    struct cgroup_join c = make(r, j);
    struct cgroup_protocol *p =
        request_alloc(r, in->protocols.n * sizeof(struct cgroup_protocol));
    if (p == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < in->protocols.n; i++) {
        p[i].name = in->protocols.ptr[i].name;
        p[i].metadata = in->protocols.ptr[i].metadata;
    }
    c.protocols = p;
    c.client_host = consumers_client_host(r);
    if (c.client_host.data == NULL) {
        return false;
    }
    c.new_member = consumers_new_member(
        r, j->who.instance.len > 0 ? j->who.instance : r->header.client_id);
    if (c.new_member.data == NULL) {
        return false;
    }
    consumers_batch(r, b);
    cgroup_encode_join(&c, b);
    j->call.growth = growth(r, j, &c, b);
    return true;
}

void api_join_group(struct request *r)
{
    const struct join_group_request *in = r->body;
    int16_t error = judge(in);
    struct job *j;
    struct buf b;
    if (error != 0) {
        reply_error(r, error, in->member_id);
        return;
    }
    j = request_alloc(r, sizeof *j);
    if (j == NULL ||
        !consumers_keep_who(r, in->group_id, in->member_id,
                            in->group_instance_id, &j->who) ||
        !encode(r, j, &b)) {
        return;
    }
    request_drop_frame(r);
    r->state = j;
    r->cancel = on_gone;
    j->call.data = j;
    consumers_submit(r, &j->call, CGROUP_JOIN, j->who.group, j->who.instance,
                     &b, KERR_GROUP_MAX_SIZE_REACHED, on_joined);
}
