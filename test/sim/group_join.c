/* group_join.c - a member enters a group, and shares it out when it leads. See
 * groups.h. */
#include <stdio.h>

#include "base/assert.h"
#include "group_member.h"
#include "wire/errors.h"
#include "wire/gen/join_group.h"
#include "wire/gen/sync_group.h"

#define VERSION_NAMED 5 /* SyncGroup */

/* ---- JoinGroup -----------------------------------------------------------
 */

/* ConsumerProtocolSubscription: version 0, topics, no user data. */
static void subscription(struct group_member *m, struct buf *b)
{
    struct world *w = m->all->world;
    unsigned n = 0;

    for (unsigned i = 0; i < WORLD_TOPICS_MAX; i++) {
        n += w->topics[i].state == TOPIC_IS && group_uses(m->book, i);
    }
    buf_put_u16(b, 0);
    buf_put_u32(b, n);
    for (unsigned i = 0; i < WORLD_TOPICS_MAX; i++) {
        if (w->topics[i].state == TOPIC_IS && group_uses(m->book, i)) {
            size_t len = strlen(w->topics[i].name);
            buf_put_u16(b, (uint16_t)len);
            buf_put(b, w->topics[i].name, len);
        }
    }
    buf_put_u32(b, 0);
}

unsigned member_partitions(const struct group_member *m)
{
    unsigned n = 0;

    for (unsigned i = 0; i < WORLD_TOPICS_MAX; i++) {
        const struct world_topic *t = &m->all->world->topics[i];
        n += t->state == TOPIC_IS && group_uses(m->book, i) ? t->n_partitions
                                                            : 0;
    }
    return n;
}

/* Who leads shares out what there is, at random. */
static void take_lead(struct group_member *m,
                      const struct join_group_response *r)
{
    struct world *w = m->all->world;

    m->n_others = 0;
    m->shared = member_partitions(m);
    memset(m->shares, 0, sizeof m->shares);
    for (uint32_t i = 0; i < r->members.n && m->n_others < MEMBER_OTHERS_MAX;
         i++) {
        struct slice id = r->members.ptr[i].member_id;
        ASSERT(id.len < GROUP_TEXT_MAX);
        memcpy(m->others[m->n_others], id.data, id.len);
        m->others[m->n_others++][id.len] = '\0';
    }
    m->all->counts.big += m->n_others >= GROUP_BIG;
    for (unsigned i = 0; i < WORLD_TOPICS_MAX; i++) {
        struct world_topic *t = &w->topics[i];
        for (unsigned k = 0; t->state == TOPIC_IS && group_uses(m->book, i) &&
                             k < t->n_partitions && m->n_others > 0;
             k++) {
            m->shares[member_below(m, m->n_others)].partitions[i] |=
                (uint8_t)(1u << k);
        }
    }
}

static void joined(struct group_member *m, struct ask *a,
                   const struct join_group_response *r, struct group_life *l)
{
    bool leads = r->members.n > 0;
    unsigned key = group_life_key(l);

    ASSERT(r->member_id.len < sizeof m->id);
    snprintf(m->id, sizeof m->id, "%.*s", (int)r->member_id.len,
             (const char *)r->member_id.data);
    snprintf(m->protocol, sizeof m->protocol, "%.*s", (int)r->protocol_name.len,
             (const char *)r->protocol_name.data);
    m->all->counts.rejoined +=
        m->is_static && a->anew && r->generation_id == m->book->last;
    group_heard(m->book, r->generation_id, a->begin_us, "a join");
    m->generation = r->generation_id;
    m->life = l;
    m->leads = leads && !r->skip_assignment;
    if (leads) {
        group_led(m->book, r->generation_id, key);
        take_lead(m, r);
    }
    m->state = SYNC;
}

static void on_joined(void *arg, int status, const void *response)
{
    struct ask *a = arg;
    struct group_member *m = a->member;
    const struct join_group_response *r = response;
    int error = status == 0 ? r->error_code : GROUP_NO_ANSWER;
    struct group_life *l = NULL;

    if (status == 0 && (error == 0 || error == KERR_MEMBER_ID_REQUIRED)) {
        l = group_life_find(m->book, r->member_id,
                            m->is_static ? (int)m->number : -1, a->begin_us);
    }
    if (!member_asked(a)) {
        if (error == 0) {
            group_heard(m->book, r->generation_id, a->begin_us, "a join");
        }
        member_ask_free(a);
        return;
    }
    m->asking = false;
    if (error == 0) {
        joined(m, a, r, l);
    } else if (error == KERR_MEMBER_ID_REQUIRED && a->anew && !m->is_static) {
        snprintf(m->id, sizeof m->id, "%s", l->id);
    } else if (error == KERR_GROUP_MAX_SIZE_REACHED &&
               m->all->plan.size_max > 0) {
        member_fall(m, 3000);
        m->turned_away = true;
    } else {
        (void)member_moved_on(m, "JoinGroup", error);
    }
    member_ask_free(a);
}

void member_join(struct group_member *m)
{
    static const char *const names[] = {"range", "sticky", "roundrobin"};
    struct join_group_request r;
    struct join_group_request_protocol p[3];
    struct ask *a = member_ask(m);
    struct buf b;
    unsigned first = (unsigned)member_below(m, 2);

    buf_init(&b, m->all->world->mem, 0);
    subscription(m, &b);
    wire_init(&wire_join_group_request, &r);
    for (unsigned i = 0; i < 3; i++) {
        wire_struct_init(&wire_join_group_request_protocol, &p[i]);
        p[i].name = slice_str(names[i == 2 ? 2 : i ^ first]);
        p[i].metadata = buf_slice(&b);
    }
    r.group_id = slice_str(m->book->id);
    r.session_timeout_ms = (int32_t)m->book->o.session_ms;
    r.rebalance_timeout_ms =
        m->version.join >= 1 ? (int32_t)m->book->o.rebalance_ms : -1;
    r.member_id = slice_str(m->id);
    r.group_instance_id = member_text(m->is_static, m->instance);
    r.protocol_type = slice_str("consumer");
    r.protocols.ptr = p;
    r.protocols.n = 2 + (uint32_t)member_below(m, 2);
    a->anew = m->id[0] == '\0';
    m->asking = true;
    client_call(
        member_coordinator(m), &wire_join_group_request, m->version.join, &r,
        m->book->o.rebalance_ms + m->book->o.session_ms + 5000, on_joined, a);
    buf_close(&b);
}
/* ---- SyncGroup -----------------------------------------------------------
 */

static void take_share(struct group_member *m, struct slice assignment)
{
    struct group_share s;
    uint64_t edition;

    m->n_owned = 0;
    if (!group_share_decode(m->book, assignment, &s, &edition)) {
        return; /* said so already, or nothing at all */
    }
    for (unsigned i = 0; i < GROUP_TOPICS_MAX; i++) {
        for (unsigned k = 0; k < WORLD_PARTITIONS_MAX; k++) {
            if (s.partitions[i] & 1u << k) {
                m->owned[m->n_owned++] =
                    (struct owned){.cell = &m->book->cells[i][k], .pos = -1};
            }
        }
    }
}

static void on_synced(void *arg, int status, const void *response)
{
    struct ask *a = arg;
    struct group_member *m = a->member;
    const struct sync_group_response *r = response;
    int error = status == 0 ? r->error_code : GROUP_NO_ANSWER;

    if (error == 0) {
        group_heard(m->book, a->generation, a->begin_us, "a sync");
        group_assigned(m->book, a->generation, group_life_key(a->life),
                       r->assignment);
    }
    if (member_asked(a)) {
        m->asking = false;
        if (error == 0) {
            take_share(m, r->assignment);
            m->state = READ;
        } else if (member_moved_on(m, "SyncGroup", error)) {
            m->state = m->state == SYNC ? JOIN : m->state;
        }
    }
    member_ask_free(a);
}

void member_sync(struct group_member *m)
{
    struct sync_group_request r;
    struct sync_group_request_assignment s[MEMBER_OTHERS_MAX];
    struct buf b[MEMBER_OTHERS_MAX];
    unsigned n = m->leads ? m->n_others : 0;
    uint64_t edition = ++m->all->edition;

    for (unsigned i = 0; i < n; i++) {
        buf_init(&b[i], m->all->world->mem, 0);
        group_share_encode(m->book, &m->shares[i], edition, &b[i]);
        wire_struct_init(&wire_sync_group_request_assignment, &s[i]);
        s[i].member_id = slice_str(m->others[i]);
        s[i].assignment = buf_slice(&b[i]);
    }
    wire_init(&wire_sync_group_request, &r);
    r.group_id = slice_str(m->book->id);
    r.generation_id = m->generation;
    r.member_id = slice_str(m->id);
    r.group_instance_id = member_text(m->is_static, m->instance);
    if (m->version.sync >= VERSION_NAMED) {
        r.protocol_type = slice_str("consumer");
        r.protocol_name = slice_str(m->protocol);
    }
    r.assignments.ptr = s;
    r.assignments.n = n;
    m->asking = true;
    client_call(member_coordinator(m), &wire_sync_group_request,
                m->version.sync, &r, m->book->o.rebalance_ms + MEMBER_ASK_MS,
                on_synced, member_ask(m));
    for (unsigned i = 0; i < n; i++) {
        buf_close(&b[i]);
    }
}
