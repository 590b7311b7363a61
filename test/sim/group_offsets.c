/* group_offsets.c - a member reads and commits the offsets of what it holds.
 * See groups.h. */
#include <inttypes.h>
#include <stdio.h>

#include "base/assert.h"
#include "group_member.h"
#include "wire/errors.h"
#include "wire/gen/offset_commit.h"
#include "wire/gen/offset_fetch.h"

#define OVERSIZED     5000
#define VERSION_BY_ID 10
#define VERSION_MANY  8 /* OffsetFetch */

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
        if (member_asked(a) && o != NULL) {
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

    if (member_asked(a)) {
        m->asking = false;
        if (!member_moved_on(m, "OffsetFetch", error)) {
            m->state = RUN;
            m->beat_ms = m->commit_ms = member_now_ms(m);
        }
    }
    member_ask_free(a);
}

static void ask_old(struct ask *a, struct client *c)
{
    struct offset_fetch_request r;
    struct offset_fetch_request_topic t[MEMBER_OWNED_MAX];
    int32_t numbers[MEMBER_OWNED_MAX];
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
    client_call(c, &wire_offset_fetch_request, a->version, &r, MEMBER_ASK_MS,
                on_offsets, a);
}

static void ask_new_way(struct ask *a, struct client *c)
{
    struct offset_fetch_request r;
    struct offset_fetch_request_group g;
    struct offset_fetch_request_group_topic t[MEMBER_OWNED_MAX];
    int32_t numbers[MEMBER_OWNED_MAX];
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
    client_call(c, &wire_offset_fetch_request, a->version, &r, MEMBER_ASK_MS,
                on_offsets, a);
}

void member_read(struct group_member *m)
{
    struct ask *a = member_ask(m);

    a->version = m->version.read;
    for (unsigned i = 0; i < m->n_owned; i++) {
        a->cells[a->n++] = m->owned[i].cell;
    }
    m->asking = true;
    if (a->version >= VERSION_MANY) {
        ask_new_way(a, member_coordinator(m));
    } else {
        ask_old(a, member_coordinator(m));
    }
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
            member_refused(a->member, "OffsetCommit", code);
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
    if (member_asked(a)) {
        m->n_flying--;
        m->n_settled += error == 0 && m->all->phase != GROUPS_ACT;
        if (m->state == RUN && m->generation == a->generation) {
            (void)member_moved_on(m, "OffsetCommit", error);
        }
    }
    member_ask_free(a);
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
    bool oversized = member_below(m, 300) == 0;
    struct group_write *w;

    o->pos += (int64_t)member_below(m, 20);
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
    a->keep_ms = group_write_keep(o->cell, w, a->version);
}

void member_commit(struct group_member *m)
{
    struct offset_commit_request r;
    struct offset_commit_request_topic t[MEMBER_OWNED_MAX];
    struct offset_commit_request_partition p[MEMBER_OWNED_MAX];
    struct ask *a = member_ask(m);
    unsigned one = (unsigned)member_below(m, m->n_owned);
    bool all = member_below(m, 2) == 0;
    char *text =
        mem_alloc(m->all->world->mem, MEMBER_OWNED_MAX * (OVERSIZED + 32));

    ASSERT(text != NULL);
    a->version = m->version.commit;
    /* Now and then one comes with the generation before. */
    a->generation -= m->generation > 1 && member_below(m, 60) == 0;
    for (unsigned i = 0; i < m->n_owned; i++) {
        if ((all || i == one) && m->owned[i].pos >= 0) {
            commit_row(a, &m->owned[i], text + (size_t)i * (OVERSIZED + 32),
                       &t[a->n], &p[a->n]);
        }
    }
    m->commit_ms = member_now_ms(m) + m->book->o.commit_ms / 2 +
                   member_below(m, m->book->o.commit_ms + 1);
    if (a->n == 0) {
        mem_free(m->all->world->mem, text);
        member_ask_free(a);
        return;
    }
    wire_init(&wire_offset_commit_request, &r);
    r.group_id = slice_str(m->book->id);
    r.generation_id_or_member_epoch = a->generation;
    r.member_id = slice_str(m->id);
    r.group_instance_id = member_text(m->is_static, m->instance);
    r.topics.ptr = t;
    r.topics.n = a->n;
    if (a->keep_ms >= 0) {
        r.retention_time_ms = a->keep_ms;
    }
    m->n_flying++;
    client_call(member_coordinator(m), &wire_offset_commit_request,
                m->version.commit, &r, MEMBER_ASK_MS, on_committed, a);
    mem_free(m->all->world->mem, text);
}
