/* groupload_member.c - coordinators found; a member joins, syncs, lives.
 *
 *   find --> connect --> JOINING --> SYNCING --> STABLE --heartbeats--+
 *    ^                      ^          |            |  ^              |
 *    |                      +----------+------------+  +--------------+
 *    +-- the coordinator is gone, or another one; the state stays
 */
#include <stdio.h>
#include <string.h>

#include "cli/groupload_impl.h"
#include "env/system.h"
#include "wire/api.h"
#include "wire/errors.h"
#include "wire/gen/find_coordinator.h"
#include "wire/gen/heartbeat.h"
#include "wire/gen/join_group.h"
#include "wire/gen/leave_group.h"
#include "wire/gen/sync_group.h"

#define FIND_VERSION      3
#define JOIN_VERSION      5
#define SYNC_VERSION      3
#define HEARTBEAT_VERSION 3
#define LEAVE_VERSION     2
#define LEAVE_MS          5000
#define REBALANCE_MS      60000
#define PROTOCOL          "range"

static void step_in(struct groupload_member *m, uint64_t ms)
{
    struct env *e = m->group->all->env;
    env_timer_start(e, &m->timer, env_now_ms(e) + ms);
}

/* ---- coordinators --------------------------------------------------------
 */

static void find(struct groupload_group *x);

struct groupload_node *groupload_node(struct groupload *g, int32_t id,
                                      struct slice host, int32_t port)
{
    struct groupload_node *n = NULL;
    for (unsigned i = 0; i < g->n_nodes && n == NULL; i++) {
        n = g->nodes[i].id == id ? &g->nodes[i] : NULL;
    }
    if (n == NULL && g->n_nodes < GROUPLOAD_NODES_MAX) {
        n = &g->nodes[g->n_nodes++];
    }
    if (n == NULL || host.len >= sizeof n->host || port <= 0 || port > 65535) {
        return NULL;
    }
    n->id = id;
    memcpy(n->host, host.data, host.len);
    n->host[host.len] = '\0';
    n->port = (uint16_t)port;
    return n;
}

static void find_again(struct groupload_group *x)
{
    struct env *e = x->all->env;
    env_timer_start(e, &x->find, env_now_ms(e) + GROUPLOAD_RETRY_MS);
}

static void on_found(void *arg, int status, const void *response,
                     uint64_t since_us)
{
    const struct find_coordinator_response *in = response;
    struct groupload_group *x = arg;
    (void)since_us;
    x->finding = false;
    if (x->all->closing) {
        return;
    }
    if (status == 0 && in->error_code == 0) {
        x->coordinator =
            groupload_node(x->all, in->node_id, in->host, in->port);
    }
    if (x->coordinator == NULL) {
        find_again(x);
        return;
    }
    for (unsigned i = 0; i < x->all->o.members; i++) {
        if (!env_timer_active(&x->members[i].timer)) {
            step_in(&x->members[i], 0);
        }
    }
}

/* Ask the next node that is there. */
static void find(struct groupload_group *x)
{
    struct groupload *g = x->all;
    struct find_coordinator_request q;
    if (x->finding || x->coordinator != NULL) {
        return;
    }
    for (unsigned i = 0; i < g->n_nodes; i++) {
        unsigned k = g->control_next++ % g->n_nodes;
        if (g->controls[k].up) {
            wire_init(&wire_find_coordinator_request, &q);
            q.key = slice_str(x->name);
            x->finding = true;
            groupload_call(&g->controls[k], API_FIND_COORDINATOR, FIND_VERSION,
                           &q, on_found, x, 0);
            return;
        }
    }
    find_again(x);
}

static void on_find_timer(struct env_timer *t)
{
    find(t->data);
}

/* ---- errors --------------------------------------------------------------
 */

/* The coordinator is not there, not ready, or no longer the one. */
static bool is_moved(int error)
{
    return error == KERR_NOT_COORDINATOR ||
           error == KERR_COORDINATOR_NOT_AVAILABLE ||
           error == KERR_COORDINATOR_LOAD_IN_PROGRESS;
}

static bool is_fenced(int error)
{
    return error == KERR_UNKNOWN_MEMBER_ID || error == KERR_ILLEGAL_GENERATION;
}

static void move(struct groupload_group *x)
{
    x->coordinator = NULL;
    find_again(x);
}

static void set_state(struct groupload_member *m, enum groupload_state state)
{
    struct groupload_group *x = m->group;
    if (m->state == MEMBER_STABLE && m->generation == x->generation) {
        x->n_stable--;
    }
    m->state = state;
    if (state == MEMBER_STABLE && m->generation != x->generation) {
        x->generation = m->generation;
        x->n_stable = 0;
        for (unsigned i = 0; i < x->all->o.members; i++) {
            const struct groupload_member *o = &x->members[i];
            x->n_stable +=
                o->state == MEMBER_STABLE && o->generation == x->generation;
        }
    } else if (state == MEMBER_STABLE) {
        x->n_stable++;
    }
}

void groupload_member_rejoin(struct groupload_member *m)
{
    set_state(m, MEMBER_JOINING);
    groupload_member_step(m);
}

void groupload_member_failed(struct groupload_member *m, int error)
{
    struct groupload *g = m->group->all;
    g->r->errors += g->formed && error != KERR_REBALANCE_IN_PROGRESS;
    g->r->error_last = error;
    if (is_moved(error)) {
        groupload_suspect(m);
        if (m->group->coordinator != NULL) {
            move(m->group);
        }
        return;
    }
    if (is_fenced(error) || error == KERR_REBALANCE_IN_PROGRESS) {
        g->r->rejoins +=
            g->formed && !g->rebalancing && m->state == MEMBER_STABLE;
        if (error == KERR_UNKNOWN_MEMBER_ID) {
            m->id[0] = '\0';
        }
        set_state(m, g->has_members ? MEMBER_JOINING : MEMBER_STABLE);
    }
    step_in(m, error == KERR_REBALANCE_IN_PROGRESS ? 0 : GROUPLOAD_RETRY_MS);
}

/* ---- join and sync -------------------------------------------------------
 */

/* A ConsumerProtocolAssignment of one partition: {version u16, n u32, n *
 * {topic, n u32, n * u32}, user data}. */
static struct slice make_assignment(struct groupload *g, unsigned number)
{
    struct buf b;
    struct slice s;
    size_t len = strlen(g->o.topic);
    buf_init(&b, g->mem, 0);
    buf_put_u16(&b, 0);
    buf_put_u32(&b, 1);
    buf_put_u16(&b, (uint16_t)len);
    buf_put(&b, g->o.topic, len);
    buf_put_u32(&b, 1);
    buf_put_u32(&b, number % g->n_partitions);
    buf_put_u32(&b, UINT32_MAX);
    uint8_t *copy = arena_alloc(&g->out, b.len);
    if (copy == NULL || b.status != 0) {
        env_die(g->env, "bench: out of memory");
    }
    memcpy(copy, b.data, b.len);
    s = slice_of(copy, b.len);
    buf_close(&b);
    return s;
}

static void on_synced(void *arg, int status, const void *response,
                      uint64_t since_us)
{
    const struct sync_group_response *in = response;
    struct groupload_member *m = arg;
    struct groupload *g = m->group->all;
    (void)since_us;
    m->busy = false;
    if (status != 0 || g->closing) {
        return; /* the connection says the rest */
    }
    if (in->error_code != 0) {
        set_state(m, MEMBER_JOINING);
        groupload_member_failed(m, in->error_code);
        return;
    }
    set_state(m, MEMBER_STABLE);
    unsigned ms = g->formed ? g->o.heartbeat_ms : GROUPLOAD_FORM_MS;
    m->due_ms = env_now_ms(g->env) + ms;
    step_in(m, ms);
    if (m->group->n_stable == g->o.members) {
        groupload_formed(m->group);
    }
}

/* `joined`: the leader's answer with all members, NULL for the others. */
static void sync(struct groupload_member *m,
                 const struct join_group_response *joined)
{
    struct groupload *g = m->group->all;
    struct sync_group_request q;
    arena_reset(&g->out);
    wire_init(&wire_sync_group_request, &q);
    q.group_id = slice_str(m->group->name);
    q.generation_id = m->generation;
    q.member_id = slice_str(m->id);
    if (joined != NULL) {
        uint32_t n = joined->members.n;
        q.assignments.ptr =
            wire_elems_new(&g->out, &wire_sync_group_request_assignment, n);
        if (q.assignments.ptr == NULL) {
            env_die(g->env, "bench: out of memory");
        }
        q.assignments.n = n;
        for (uint32_t i = 0; i < n; i++) {
            q.assignments.ptr[i].member_id = joined->members.ptr[i].member_id;
            q.assignments.ptr[i].assignment = make_assignment(g, i);
        }
    }
    set_state(m, MEMBER_SYNCING);
    m->busy = true;
    groupload_call(&m->link, API_SYNC_GROUP, SYNC_VERSION, &q, on_synced, m, 0);
}

static void take_id(struct groupload_member *m, struct slice id)
{
    struct groupload *g = m->group->all;
    char *copy = mem_alloc(g->mem, id.len + 1);
    if (copy == NULL) {
        env_die(g->env, "bench: out of memory");
    }
    if (id.len > 0) {
        memcpy(copy, id.data, id.len);
    }
    copy[id.len] = '\0';
    mem_free(g->mem, m->id);
    m->id = copy;
}

static void on_joined(void *arg, int status, const void *response,
                      uint64_t since_us)
{
    const struct join_group_response *in = response;
    struct groupload_member *m = arg;
    (void)since_us;
    m->busy = false;
    if (status != 0 || m->group->all->closing) {
        return;
    }
    if (in->error_code == KERR_MEMBER_ID_REQUIRED) {
        take_id(m, in->member_id);
        groupload_member_step(m);
    } else if (in->error_code != 0) {
        groupload_member_failed(m, in->error_code);
    } else {
        take_id(m, in->member_id);
        m->generation = in->generation_id;
        sync(m, slice_equal(in->leader, in->member_id) ? in : NULL);
    }
}

/* What a member says of itself is another text in each round, so that its
 * joining is a rebalance: a ConsumerProtocolSubscription. */
static void join(struct groupload_member *m)
{
    struct groupload *g = m->group->all;
    struct join_group_request q;
    struct join_group_request_protocol p;
    struct buf b;
    buf_init(&b, g->mem, 0);
    buf_put_u16(&b, 0);
    buf_put_u32(&b, 1);
    buf_put_u16(&b, (uint16_t)strlen(g->o.topic));
    buf_put(&b, g->o.topic, strlen(g->o.topic));
    buf_put_u32(&b, 4);
    buf_put_u32(&b, g->round);
    wire_init(&wire_join_group_request, &q);
    wire_struct_init(&wire_join_group_request_protocol, &p);
    p.name = slice_str(PROTOCOL);
    p.metadata = buf_slice(&b);
    q.group_id = slice_str(m->group->name);
    q.session_timeout_ms = (int32_t)g->o.session_ms;
    q.rebalance_timeout_ms = REBALANCE_MS;
    q.member_id = slice_str(m->id);
    q.protocol_type = slice_str("consumer");
    q.protocols.ptr = &p;
    q.protocols.n = 1;
    m->busy = true;
    g->joined_us = env_now_us_exact(g->env);
    groupload_call(&m->link, API_JOIN_GROUP, JOIN_VERSION, &q, on_joined, m, 0);
    buf_close(&b);
}

/* ---- heartbeats ----------------------------------------------------------
 */

static void on_beat(void *arg, int status, const void *response,
                    uint64_t since_us)
{
    const struct heartbeat_response *in = response;
    struct groupload_member *m = arg;
    struct groupload *g = m->group->all;
    m->busy = false;
    if (status != 0 || g->closing) {
        return;
    }
    if (in->error_code != 0) {
        groupload_member_failed(m, in->error_code);
        return;
    }
    uint64_t now = env_now_ms(g->env);
    m->due_ms += g->formed ? g->o.heartbeat_ms : GROUPLOAD_FORM_MS;
    m->due_ms = m->due_ms > now ? m->due_ms : now;
    env_timer_start(g->env, &m->timer, m->due_ms);
    groupload_beat(m, since_us);
}

static void beat(struct groupload_member *m)
{
    struct heartbeat_request q;
    wire_init(&wire_heartbeat_request, &q);
    q.group_id = slice_str(m->group->name);
    q.generation_id = m->generation;
    q.member_id = slice_str(m->id);
    m->busy = true;
    groupload_call(&m->link, API_HEARTBEAT, HEARTBEAT_VERSION, &q, on_beat, m,
                   0);
}

/* ---- leaving -------------------------------------------------------------
 */

static void on_left(void *arg, int status, const void *response,
                    uint64_t since_us)
{
    struct groupload *g = arg;
    (void)status;
    (void)response;
    (void)since_us;
    g->left = --g->n_leaving == 0;
}

static void leave(struct groupload_member *m)
{
    struct groupload *g = m->group->all;
    struct leave_group_request q;
    wire_init(&wire_leave_group_request, &q);
    q.group_id = slice_str(m->group->name);
    q.member_id = slice_str(m->id);
    g->n_leaving++;
    groupload_call(&m->link, API_LEAVE_GROUP, LEAVE_VERSION, &q, on_left, g, 0);
}

void groupload_members_leave(struct groupload *g)
{
    g->n_leaving = 1; /* ours, so that the walk ends first */
    for (unsigned i = 0; i < g->o.groups; i++) {
        for (unsigned k = 0; k < g->o.members; k++) {
            struct groupload_member *m = &g->groups[i].members[k];
            if (m->link.up && m->id[0] != '\0') {
                leave(m);
            }
        }
    }
    g->left = --g->n_leaving == 0;
    (void)env_system_run_until(g->env, &g->left, LEAVE_MS);
}

/* ---- a member ------------------------------------------------------------
 */

/* Its connection is up, or gone. */
static void on_told(struct groupload_link *l)
{
    struct groupload_member *m = l->data;
    struct groupload *g = m->group->all;
    if (g->closing) {
        return;
    }
    if (l->up) {
        groupload_member_step(m);
        return;
    }
    g->r->reconnects += g->formed;
    if (m->state == MEMBER_SYNCING) {
        set_state(m, MEMBER_JOINING);
    }
    groupload_suspect(m);
    if (m->group->coordinator == l->node) {
        move(m->group);
    }
    step_in(m, GROUPLOAD_RETRY_MS);
}

void groupload_member_step(struct groupload_member *m)
{
    struct groupload_group *x = m->group;
    if (x->all->closing || m->busy) {
        return;
    }
    if (x->coordinator == NULL) {
        find(x); /* goes on from on_found() */
    } else if (m->link.stream == NULL) {
        m->link.node = x->coordinator;
        groupload_link_connect(&m->link);
    } else if (!m->link.up) {
        return;
    } else if (m->link.node != x->coordinator) {
        groupload_link_down(&m->link);
    } else if (!x->all->has_members) {
        set_state(m, MEMBER_STABLE);
        groupload_formed(x);
    } else if (m->state == MEMBER_JOINING) {
        join(m);
    } else if (m->state == MEMBER_STABLE) {
        beat(m);
    }
}

static void on_timer(struct env_timer *t)
{
    groupload_member_step(t->data);
}

/* ---- all of them ---------------------------------------------------------
 */

static int group_init(struct groupload *g, unsigned number)
{
    struct groupload_group *x = &g->groups[number];
    unsigned n = g->o.members;
    x->all = g;
    x->number = number;
    x->generation = g->has_members ? -2 : -1;
    snprintf(x->name, sizeof x->name, "%s-%u", g->o.prefix, number);
    env_timer_init(&x->find, on_find_timer, x);
    x->members = mem_calloc(g->mem, n, sizeof *x->members);
    if (x->members == NULL) {
        return ERR_NOMEM;
    }
    for (unsigned i = 0; i < n; i++) {
        struct groupload_member *m = &x->members[i];
        m->group = x;
        m->generation = -1;
        groupload_link_init(&m->link, g, on_told, m);
        env_timer_init(&m->timer, on_timer, m);
        take_id(m, slice_str(""));
        /* Not all at once: a listener's queue is short. */
        step_in(m, ((uint64_t)number * n + i) / 4);
    }
    return 0;
}

int groupload_groups_init(struct groupload *g)
{
    g->groups = mem_calloc(g->mem, g->o.groups, sizeof *g->groups);
    int rv = g->groups == NULL ? ERR_NOMEM : 0;
    for (unsigned i = 0; i < g->o.groups && rv == 0; i++) {
        rv = group_init(g, i);
    }
    return rv;
}

void groupload_groups_close(struct groupload *g)
{
    for (unsigned i = 0; g->groups != NULL && i < g->o.groups; i++) {
        struct groupload_group *x = &g->groups[i];
        env_timer_stop(g->env, &x->find);
        for (unsigned k = 0; x->members != NULL && k < g->o.members; k++) {
            env_timer_stop(g->env, &x->members[k].timer);
            groupload_link_down(&x->members[k].link);
        }
    }
    /* Let the closing connections end. */
    bool never = false;
    (void)env_system_run_until(g->env, &never, 50);
    for (unsigned i = 0; g->groups != NULL && i < g->o.groups; i++) {
        struct groupload_group *x = &g->groups[i];
        for (unsigned k = 0; x->members != NULL && k < g->o.members; k++) {
            groupload_link_free(&x->members[k].link);
            mem_free(g->mem, x->members[k].id);
        }
        mem_free(g->mem, x->members);
    }
    mem_free(g->mem, g->groups);
}
