/* group_member.c - a seat of a group: members that follow each other in it, as
 * real clients behave.
 *
 *   DOWN --up--> JOIN --answered--> SYNC --share--> READ --offsets--> RUN
 *    ^            ^  ^---27, 22, 25----+              |                | |
 *    |            +-------27, 22, 25, a look----------+----------------+ |
 *    +---- leaves, falls silent, fenced, turned away --------------------+
 *
 * In every state the coordinator is looked for first when it is not known.
 * Answers for a member that is no more are for the books only. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/assert.h"
#include "groups.h"
#include "wire/errors.h"
#include "wire/gen/heartbeat.h"
#include "wire/gen/join_group.h"
#include "wire/gen/leave_group.h"
#include "wire/gen/offset_commit.h"
#include "wire/gen/offset_fetch.h"
#include "wire/gen/sync_group.h"

#define TICK_MS         40
#define ASK_MS          2000
#define RETRY_MS        100
#define FLYING_MAX      3
#define OWNED_MAX       (GROUP_TOPICS_MAX * WORLD_PARTITIONS_MAX)
#define OVERSIZED       5000
#define OTHERS_MAX      64 /* also of those that died */
#define VERSION_NAMED   5  /* SyncGroup */
#define VERSION_BY_ID   10 /* OffsetCommit, OffsetFetch */
#define VERSION_MANY    8  /* OffsetFetch */
#define VERSION_LEAVERS 3

enum state { DOWN, JOIN, SYNC, READ, RUN };
static const char *const state_names[] = {"down", "join", "sync", "read",
                                          "run"};

struct owned {
    struct group_cell *cell;
    int64_t pos;
};

struct version {
    int find, join, sync, heartbeat, leave, commit, read;
};

struct group_member {
    struct groups *all;
    struct group_book *book;
    unsigned slot;
    unsigned number; /* of its instance */
    bool is_static, turned_away;
    char instance[24];
    struct env_timer timer;
    struct client *clients[SIM_NODES_MAX + 1];
    struct group_seek find;
    unsigned coordinator; /* 0: not known */
    enum state state;
    uint64_t ticket; /* of this life: what was asked before is no longer his */
    struct version version;
    char id[GROUP_TEXT_MAX];
    struct group_life *life;
    int32_t generation;
    bool leads, asking, beating, reset;
    char protocol[16];
    struct group_share shares[OTHERS_MAX]; /* the leader's */
    char others[OTHERS_MAX][GROUP_TEXT_MAX];
    unsigned n_others;
    unsigned shared;                      /* partitions that there were then */
    uint64_t wait_ms, beat_ms, commit_ms; /* not before */
    bool stalled;
    unsigned n_flying;
    struct owned owned[OWNED_MAX];
    unsigned n_owned;
    uint64_t n_settled;
};

/* One request of a life. */
struct ask {
    struct group_member *member;
    uint64_t ticket, begin_us;
    int32_t generation;
    bool anew; /* a join without an id */
    int version;
    struct group_life *life;
    struct group_cell *cells[OWNED_MAX];
    struct group_write *writes[OWNED_MAX];
    unsigned n;
};

static uint64_t below(struct group_member *m, uint64_t n)
{
    return groups_below(m->all, n);
}

static uint64_t now_ms(const struct group_member *m)
{
    return env_now_ms(m->all->world->env);
}

static struct ask *ask_new(struct group_member *m)
{
    struct ask *a = mem_calloc(m->all->world->mem, 1, sizeof *a);

    ASSERT(a != NULL);
    *a = (struct ask){.member = m,
                      .ticket = m->ticket,
                      .begin_us = sim_now_us(m->all->world->sim),
                      .generation = m->generation,
                      .life = m->life};
    return a;
}

static void ask_free(struct ask *a)
{
    mem_free(a->member->all->world->mem, a);
}

static bool is_his(const struct ask *a)
{
    return a->ticket == a->member->ticket;
}

static struct client *coordinator(struct group_member *m)
{
    return world_client(m->all->world, m->clients, m->coordinator);
}

static void refused(struct group_member *m, const char *what, int error)
{
    world_violation(m->all->world, "refused",
                    "%s: member %u (%s, \"%s\"): "
                    "%s: %s",
                    m->book->id, m->slot, state_names[m->state], m->id, what,
                    kerr_name(error));
}

/* ---- a life --------------------------------------------------------------
 */

/* The process ends; another comes later. Its connections are closed, or hang.
 */
static void fall(struct group_member *m, uint64_t after_ms)
{
    m->state = DOWN;
    m->ticket++;
    for (unsigned id = 1; id <= SIM_NODES_MAX && below(m, 3) > 0; id++) {
        if (m->clients[id] != NULL) {
            client_drop(m->clients[id]);
        }
    }
    m->asking = m->beating = m->stalled = false;
    m->n_flying = 0;
    m->life = NULL;
    m->wait_ms = now_ms(m) + after_ms;
}

static void rise(struct group_member *m)
{
    int oldest = m->is_static ? 5 : 0;

    m->state = JOIN;
    m->ticket++;
    m->turned_away = false;
    m->id[0] = '\0';
    m->generation = -1;
    m->coordinator = 0;
    m->n_owned = 0;
    m->version = (struct version){
        .find = (int)below(m, 7),
        .join = oldest + (int)below(m, 10 - (unsigned)oldest),
        .sync = m->is_static ? 3 + (int)below(m, 3) : (int)below(m, 6),
        .heartbeat = m->is_static ? 3 + (int)below(m, 2) : (int)below(m, 5),
        .leave = (int)below(m, 6),
        .commit = m->is_static ? 7 + (int)below(m, 4) : 2 + (int)below(m, 9),
        .read = 1 + (int)below(m, 10)};
    memset(m->clients, 0, sizeof m->clients);
}

static void rejoin(struct group_member *m)
{
    m->state = JOIN;
    m->wait_ms = now_ms(m) + below(m, 3) * 30;
}

/* What a code says of the member, whatever was asked. True: nothing to do with
 * the answer itself. */
static bool moved_on(struct group_member *m, const char *what, int error)
{
    struct group_counts *n = &m->all->counts;

    switch (error) {
    case 0:
        return false;
    case KERR_ILLEGAL_GENERATION:
        n->fenced++;
        rejoin(m);
        return true;
    case KERR_UNKNOWN_MEMBER_ID:
        n->expired += m->reset;
        m->reset = false;
        m->id[0] = '\0';
        m->generation = -1;
        rejoin(m);
        return true;
    case KERR_FENCED_INSTANCE_ID:
        n->fenced++;
        if (!m->is_static) {
            refused(m, what, error);
        }
        fall(m, 1000 + below(m, 5000));
        return true;
    case KERR_REBALANCE_IN_PROGRESS:
        rejoin(m);
        return true;
    case KERR_COORDINATOR_LOAD_IN_PROGRESS:
        m->wait_ms = now_ms(m) + RETRY_MS;
        return true;
    default:
        if (!group_error_open(error)) {
            refused(m, what, error);
        }
        m->coordinator = 0;
        m->wait_ms = now_ms(m) + RETRY_MS;
        return true;
    }
}

/* ---- JoinGroup -----------------------------------------------------------
 */

static struct slice text_or_null(bool is, const char *text)
{
    return is ? slice_str(text) : slice_of(NULL, 0);
}

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

static unsigned n_partitions(const struct group_member *m)
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
    m->shared = n_partitions(m);
    memset(m->shares, 0, sizeof m->shares);
    for (uint32_t i = 0; i < r->members.n && m->n_others < OTHERS_MAX; i++) {
        struct slice id = r->members.ptr[i].member_id;
        ASSERT(id.len < GROUP_TEXT_MAX);
        memcpy(m->others[m->n_others], id.data, id.len);
        m->others[m->n_others++][id.len] = '\0';
    }
    for (unsigned i = 0; i < WORLD_TOPICS_MAX; i++) {
        struct world_topic *t = &w->topics[i];
        for (unsigned k = 0; t->state == TOPIC_IS && group_uses(m->book, i) &&
                             k < t->n_partitions && m->n_others > 0;
             k++) {
            m->shares[below(m, m->n_others)].partitions[i] |=
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
    if (!is_his(a)) {
        if (error == 0) {
            group_heard(m->book, r->generation_id, a->begin_us, "a join");
        }
        ask_free(a);
        return;
    }
    m->asking = false;
    if (error == 0) {
        joined(m, a, r, l);
    } else if (error == KERR_MEMBER_ID_REQUIRED && a->anew && !m->is_static) {
        snprintf(m->id, sizeof m->id, "%s", l->id);
    } else if (error == KERR_GROUP_MAX_SIZE_REACHED &&
               m->all->plan.size_max > 0) {
        fall(m, 3000);
        m->turned_away = true;
    } else {
        (void)moved_on(m, "JoinGroup", error);
    }
    ask_free(a);
}

static void join(struct group_member *m)
{
    static const char *const names[] = {"range", "sticky", "roundrobin"};
    struct join_group_request r;
    struct join_group_request_protocol p[3];
    struct ask *a = ask_new(m);
    struct buf b;
    unsigned first = (unsigned)below(m, 2);

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
    r.group_instance_id = text_or_null(m->is_static, m->instance);
    r.protocol_type = slice_str("consumer");
    r.protocols.ptr = p;
    r.protocols.n = 2 + (uint32_t)below(m, 2);
    a->anew = m->id[0] == '\0';
    m->asking = true;
    client_call(coordinator(m), &wire_join_group_request, m->version.join, &r,
                m->book->o.rebalance_ms + m->book->o.session_ms + 5000,
                on_joined, a);
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
    if (is_his(a)) {
        m->asking = false;
        if (error == 0) {
            take_share(m, r->assignment);
            m->state = READ;
        } else if (moved_on(m, "SyncGroup", error)) {
            m->state = m->state == SYNC ? JOIN : m->state;
        }
    }
    ask_free(a);
}

static void sync_share(struct group_member *m)
{
    struct sync_group_request r;
    struct sync_group_request_assignment s[OTHERS_MAX];
    struct buf b[OTHERS_MAX];
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
    r.group_instance_id = text_or_null(m->is_static, m->instance);
    if (m->version.sync >= VERSION_NAMED) {
        r.protocol_type = slice_str("consumer");
        r.protocol_name = slice_str(m->protocol);
    }
    r.assignments.ptr = s;
    r.assignments.n = n;
    m->asking = true;
    client_call(coordinator(m), &wire_sync_group_request, m->version.sync, &r,
                m->book->o.rebalance_ms + ASK_MS, on_synced, ask_new(m));
    for (unsigned i = 0; i < n; i++) {
        buf_close(&b[i]);
    }
}

/* ---- OffsetFetch ---------------------------------------------------------
 */

static struct owned *owned_find(struct group_member *m, int32_t partition,
                                const struct group_cell *near)
{
    for (unsigned i = 0; i < m->n_owned; i++) {
        if (m->owned[i].cell->topic == near->topic &&
            m->owned[i].cell->partition == (unsigned)partition) {
            return &m->owned[i];
        }
    }
    return NULL;
}

/* One value; the i-th that was asked for. */
static void take_offset(struct ask *a, unsigned i, int32_t partition,
                        int64_t offset, struct slice metadata, int error)
{
    struct group_member *m = a->member;
    struct owned *o = owned_find(m, partition, a->cells[i]);

    ASSERT(a->cells[i]->partition == (unsigned)partition);
    if (error == 0) {
        group_read(a->cells[i], a->begin_us, offset, metadata, "a member");
        if (is_his(a) && o != NULL) {
            o->pos = offset < 0 ? 0 : offset;
        }
    }
}

/* Each topic was asked for apart: the i-th holds one partition. */
static int take_old(struct ask *a, const struct offset_fetch_response *r)
{
    int error = a->version >= 2 ? r->error_code : 0;

    for (uint32_t i = 0; i < r->topics.n && error == 0; i++) {
        const struct offset_fetch_response_partition *p =
            &r->topics.ptr[i].partitions.ptr[0];
        error = p->error_code;
        take_offset(a, i, p->partition_index, p->committed_offset, p->metadata,
                    error);
    }
    return error;
}

static int take_new(struct ask *a, const struct offset_fetch_response *r)
{
    const struct offset_fetch_response_group *g = &r->groups.ptr[0];

    for (uint32_t i = 0; i < g->topics.n && g->error_code == 0; i++) {
        const struct offset_fetch_response_group_topic_partition *p =
            &g->topics.ptr[i].partitions.ptr[0];
        take_offset(a, i, p->partition_index, p->committed_offset, p->metadata,
                    p->error_code);
    }
    return g->error_code;
}

static void on_offsets(void *arg, int status, const void *response)
{
    struct ask *a = arg;
    struct group_member *m = a->member;
    int error = status != 0                  ? GROUP_NO_ANSWER
                : a->version >= VERSION_MANY ? take_new(a, response)
                                             : take_old(a, response);

    if (is_his(a)) {
        m->asking = false;
        if (!moved_on(m, "OffsetFetch", error)) {
            m->state = RUN;
            m->beat_ms = m->commit_ms = now_ms(m);
        }
    }
    ask_free(a);
}

static void ask_old(struct ask *a, struct client *c)
{
    struct offset_fetch_request r;
    struct offset_fetch_request_topic t[OWNED_MAX];
    int32_t numbers[OWNED_MAX];
    struct group_book *b = a->member->book;

    wire_init(&wire_offset_fetch_request, &r);
    for (unsigned i = 0; i < a->n; i++) {
        wire_struct_init(&wire_offset_fetch_request_topic, &t[i]);
        numbers[i] = (int32_t)a->cells[i]->partition;
        t[i].name = slice_str(group_topic_name(b, a->cells[i]->topic));
        t[i].partition_indexes.ptr = &numbers[i];
        t[i].partition_indexes.n = 1;
    }
    r.group_id = slice_str(b->id);
    r.topics.ptr = t;
    r.topics.n = a->n;
    client_call(c, &wire_offset_fetch_request, a->version, &r, ASK_MS,
                on_offsets, a);
}

static void ask_new_way(struct ask *a, struct client *c)
{
    struct offset_fetch_request r;
    struct offset_fetch_request_group g;
    struct offset_fetch_request_group_topic t[OWNED_MAX];
    int32_t numbers[OWNED_MAX];
    struct group_book *b = a->member->book;

    wire_init(&wire_offset_fetch_request, &r);
    wire_struct_init(&wire_offset_fetch_request_group, &g);
    for (unsigned i = 0; i < a->n; i++) {
        wire_struct_init(&wire_offset_fetch_request_group_topic, &t[i]);
        numbers[i] = (int32_t)a->cells[i]->partition;
        if (a->version >= VERSION_BY_ID) {
            t[i].topic_id = b->all->world->topics[a->cells[i]->topic].id;
        } else {
            t[i].name = slice_str(group_topic_name(b, a->cells[i]->topic));
        }
        t[i].partition_indexes.ptr = &numbers[i];
        t[i].partition_indexes.n = 1;
    }
    g.group_id = slice_str(b->id);
    g.topics.ptr = t;
    g.topics.n = a->n;
    r.groups.ptr = &g;
    r.groups.n = 1;
    client_call(c, &wire_offset_fetch_request, a->version, &r, ASK_MS,
                on_offsets, a);
}

static void read_offsets(struct group_member *m)
{
    struct ask *a = ask_new(m);

    a->version = m->version.read;
    for (unsigned i = 0; i < m->n_owned; i++) {
        a->cells[a->n++] = m->owned[i].cell;
    }
    m->asking = true;
    if (a->version >= VERSION_MANY) {
        ask_new_way(a, coordinator(m));
    } else {
        ask_old(a, coordinator(m));
    }
}

/* ---- Heartbeat -----------------------------------------------------------
 */

static void on_beat(void *arg, int status, const void *response)
{
    struct ask *a = arg;
    struct group_member *m = a->member;
    const struct heartbeat_response *r = response;
    int error = status == 0 ? r->error_code : GROUP_NO_ANSWER;

    if (is_his(a)) {
        m->beating = false;
        m->reset = m->reset && error != 0;
        if (m->state == RUN && m->generation == a->generation) {
            (void)moved_on(m, "Heartbeat", error);
        }
    }
    ask_free(a);
}

static void beat(struct group_member *m)
{
    struct heartbeat_request r;

    wire_init(&wire_heartbeat_request, &r);
    r.group_id = slice_str(m->book->id);
    r.generation_id = m->generation;
    r.member_id = slice_str(m->id);
    r.group_instance_id = text_or_null(m->is_static, m->instance);
    m->beating = true;
    m->beat_ms = now_ms(m) + m->book->o.session_ms / 4;
    client_call(coordinator(m), &wire_heartbeat_request, m->version.heartbeat,
                &r, ASK_MS, on_beat, ask_new(m));
}

/* ---- OffsetCommit --------------------------------------------------------
 */

/* A row's own code: nothing to do with the member. */
static bool of_row(int error)
{
    return error == KERR_UNKNOWN_TOPIC_OR_PARTITION ||
           error == KERR_UNKNOWN_TOPIC_ID ||
           error == KERR_OFFSET_METADATA_TOO_LARGE;
}

static int take_results(struct ask *a, const struct offset_commit_response *r)
{
    int error = 0;

    ASSERT(r->topics.n == a->n);
    for (unsigned i = 0; i < a->n; i++) {
        int code = r->topics.ptr[i].partitions.ptr[0].error_code;
        group_write_end(a->cells[i], a->writes[i], code);
        error = code != 0 && !of_row(code) ? code : error;
        if (code == KERR_OFFSET_METADATA_TOO_LARGE &&
            !a->writes[i]->oversized) {
            refused(a->member, "OffsetCommit", code);
        }
    }
    return error;
}

static void on_committed(void *arg, int status, const void *response)
{
    struct ask *a = arg;
    struct group_member *m = a->member;
    int error = GROUP_NO_ANSWER;

    if (status == 0) {
        error = take_results(a, response);
        if (error == KERR_GROUP_ID_NOT_FOUND && a->version >= 9) {
            error = KERR_ILLEGAL_GENERATION;
        }
        m->all->counts.after_move += error == 0 && m->book->moved;
        m->book->moved = m->book->moved && error != 0;
    }
    if (is_his(a)) {
        m->n_flying--;
        m->n_settled += error == 0 && m->all->phase != GROUPS_ACT;
        if (m->state == RUN && m->generation == a->generation) {
            (void)moved_on(m, "OffsetCommit", error);
        }
    }
    ask_free(a);
}

static struct slice metadata(struct group_member *m, uint64_t number,
                             bool oversized, char *out)
{
    size_t len = (size_t)sprintf(out, "w%" PRIu64, number);
    size_t pad = oversized ? OVERSIZED : m->book->o.pad;

    out[len++] = ' ';
    memset(out + len, 'x', pad);
    return slice_of(out, len + pad);
}

static void commit_row(struct ask *a, struct owned *o, char *text,
                       struct offset_commit_request_topic *t,
                       struct offset_commit_request_partition *p)
{
    struct group_member *m = a->member;
    struct groups *gs = m->all;
    uint64_t number = ++gs->commit_number;
    bool oversized = below(m, 300) == 0;
    struct group_write *w;

    o->pos += (int64_t)below(m, 20);
    w = group_write_begin(o->cell, number, o->pos, a->generation, a->life);
    w->oversized = oversized;
    wire_struct_init(&wire_offset_commit_request_topic, t);
    wire_struct_init(&wire_offset_commit_request_partition, p);
    p->partition_index = (int32_t)o->cell->partition;
    p->committed_offset = o->pos;
    p->committed_metadata = metadata(m, number, oversized, text);
    if (a->version >= VERSION_BY_ID) {
        t->topic_id = gs->world->topics[o->cell->topic].id;
    } else {
        t->name = slice_str(group_topic_name(m->book, o->cell->topic));
    }
    t->partitions.ptr = p;
    t->partitions.n = 1;
    a->cells[a->n] = o->cell;
    a->writes[a->n++] = w;
}

static void commit(struct group_member *m)
{
    struct offset_commit_request r;
    struct offset_commit_request_topic t[OWNED_MAX];
    struct offset_commit_request_partition p[OWNED_MAX];
    struct ask *a = ask_new(m);
    unsigned one = (unsigned)below(m, m->n_owned);
    bool all = below(m, 2) == 0;
    char *text = mem_alloc(m->all->world->mem, OWNED_MAX * (OVERSIZED + 32));

    ASSERT(text != NULL);
    a->version = m->version.commit;
    /* Now and then one comes with the generation before. */
    a->generation -= m->generation > 1 && below(m, 60) == 0;
    for (unsigned i = 0; i < m->n_owned; i++) {
        if ((all || i == one) && m->owned[i].pos >= 0) {
            commit_row(a, &m->owned[i], text + (size_t)i * (OVERSIZED + 32),
                       &t[a->n], &p[a->n]);
        }
    }
    m->commit_ms = now_ms(m) + m->book->o.commit_ms / 2 +
                   below(m, m->book->o.commit_ms + 1);
    if (a->n == 0) {
        mem_free(m->all->world->mem, text);
        ask_free(a);
        return;
    }
    wire_init(&wire_offset_commit_request, &r);
    r.group_id = slice_str(m->book->id);
    r.generation_id_or_member_epoch = a->generation;
    r.member_id = slice_str(m->id);
    r.group_instance_id = text_or_null(m->is_static, m->instance);
    r.topics.ptr = t;
    r.topics.n = a->n;
    m->n_flying++;
    client_call(coordinator(m), &wire_offset_commit_request, m->version.commit,
                &r, ASK_MS, on_committed, a);
    mem_free(m->all->world->mem, text);
}

/* ---- LeaveGroup ----------------------------------------------------------
 */

static void on_left(void *arg, int status, const void *response)
{
    struct ask *a = arg;
    const struct leave_group_response *r = response;

    if (status == 0 && r->error_code == 0 &&
        (a->version < VERSION_LEAVERS ||
         (r->members.n == 1 && r->members.ptr[0].error_code == 0)) &&
        a->life->gone_us == GROUP_NEVER) {
        a->life->gone_us = sim_now_us(a->member->all->world->sim);
    }
    ask_free(a);
}

static void leave(struct group_member *m)
{
    struct leave_group_request r;
    struct leave_group_request_member x;
    struct ask *a = ask_new(m);

    a->version = m->version.leave;
    wire_init(&wire_leave_group_request, &r);
    wire_struct_init(&wire_leave_group_request_member, &x);
    r.group_id = slice_str(m->book->id);
    if (a->version < VERSION_LEAVERS) {
        r.member_id = slice_str(m->id);
    } else {
        x.member_id = slice_str(m->id);
        r.members.ptr = &x;
        r.members.n = 1;
    }
    client_call(coordinator(m), &wire_leave_group_request, a->version, &r,
                ASK_MS, on_left, a);
}

/* ---- what it does --------------------------------------------------------
 */

static void on_found(void *arg, unsigned node)
{
    struct group_member *m = arg;

    m->coordinator = node;
    if (node == 0) {
        m->wait_ms = now_ms(m) + RETRY_MS;
    }
}

/* Leave, die, fall silent for a while, join again without being asked. */
static void act_up(struct group_member *m)
{
    uint64_t session = m->book->o.session_ms;

    if (m->all->phase != GROUPS_ACT || below(m, 10000) >= m->book->o.restless) {
        return;
    }
    switch (below(m, 4)) {
    case 0:
        if (!m->is_static) {
            leave(m);
        }
        fall(m, below(m, 4000));
        break;
    case 1: /* a static one may be back within its session */
        fall(m, below(m, 2 * session));
        break;
    case 2:
        m->stalled = m->reset = true;
        m->wait_ms = now_ms(m) + session / 2 + below(m, 2 * session);
        m->commit_ms = m->wait_ms;
        m->beat_ms = m->wait_ms + 200;
        break;
    default:
        rejoin(m);
        break;
    }
}

static void run(struct group_member *m)
{
    uint64_t now = now_ms(m);

    m->stalled = false;
    if (m->n_owned > 0 && m->n_flying < FLYING_MAX && now >= m->commit_ms &&
        m->all->phase != GROUPS_QUIET) {
        commit(m);
    }
    if (!m->beating && now >= m->beat_ms) {
        beat(m);
    }
    if (m->leads && m->shared != n_partitions(m) &&
        m->all->phase != GROUPS_QUIET) {
        rejoin(m); /* there are others now */
        return;
    }
    act_up(m);
}

/* Of two with one instance, one goes for good when all comes to rest. */
static bool retires(const struct group_member *m)
{
    return m->book->o.twins && m->slot == 1 && m->all->phase != GROUPS_ACT;
}

static void step(struct group_member *m)
{
    if (retires(m)) {
        if (m->state != DOWN) {
            fall(m, 0);
        }
        return;
    }
    if (now_ms(m) < m->wait_ms &&
        !(m->state == DOWN && m->all->phase == GROUPS_SETTLE &&
          !m->turned_away)) {
        return;
    }
    if (m->state == DOWN) {
        rise(m);
    }
    if (m->coordinator == 0) {
        if (!m->find.under_way) {
            group_seek(&m->find, m->book, m->clients, m->version.find, on_found,
                       m);
        }
        return;
    }
    if (m->state == RUN) {
        run(m);
    } else if (!m->asking && m->state == JOIN) {
        join(m);
    } else if (!m->asking && m->state == SYNC) {
        sync_share(m);
    } else if (!m->asking) {
        read_offsets(m);
    }
}

static void on_tick(struct env_timer *t)
{
    struct group_member *m = t->data;
    struct world *w = m->all->world;

    env_timer_start(w->env, t, now_ms(m) + TICK_MS);
    if (!world_broken(w)) {
        step(m);
    }
}

struct group_member *group_member_start(struct group_book *b, unsigned slot)
{
    struct world *w = b->all->world;
    struct group_member *m = mem_calloc(w->mem, 1, sizeof *m);

    ASSERT(m != NULL);
    *m = (struct group_member){.all = b->all,
                               .book = b,
                               .slot = slot,
                               .number = b->o.twins && slot == 1 ? 0 : slot,
                               .is_static = slot < b->o.n_static};
    snprintf(m->instance, sizeof m->instance, "i%u", m->number);
    m->wait_ms = below(m, 8000);
    env_timer_init(&m->timer, on_tick, m);
    env_timer_start(w->env, &m->timer, env_now_ms(w->env) + 1 + slot);
    return m;
}

bool group_member_runs(const struct group_member *m)
{
    return m->state == RUN && m->coordinator != 0 &&
           (m->generation == m->book->last || m->book->lawless);
}

bool group_member_holds(const struct group_member *m)
{
    return m->n_owned > 0;
}

bool group_member_waits(const struct group_member *m)
{
    return m->state == DOWN && (m->turned_away || retires(m));
}

uint64_t group_member_commits(const struct group_member *m)
{
    return m->n_settled;
}

void group_member_describe(const struct group_member *m, char *text,
                           size_t size)
{
    snprintf(text, size, "%s %d at %u holds %u committed %u%s",
             state_names[m->state], m->generation, m->coordinator, m->n_owned,
             (unsigned)m->n_settled, m->turned_away ? " (turned away)" : "");
}
