/* group_watch.c - who looks at groups from outside: reads what is committed,
 * commits without membership, deletes, describes. See groups.h. */
#include <inttypes.h>
#include <stdio.h>

#include "base/assert.h"
#include "groups.h"
#include "wire/errors.h"
#include "wire/gen/delete_groups.h"
#include "wire/gen/describe_groups.h"
#include "wire/gen/leave_group.h"
#include "wire/gen/list_groups.h"
#include "wire/gen/offset_commit.h"
#include "wire/gen/offset_delete.h"
#include "wire/gen/offset_fetch.h"

#define TICK_MS       30
#define ASK_MS        2000
#define VERSION_MANY  8
#define VERSION_BY_ID 10
#define CELLS_MAX     (WORLD_TOPICS_MAX * WORLD_PARTITIONS_MAX)
#define RESET_MAX     1000000

struct group_watch {
    struct groups *all;
    struct env_timer timer;
    struct client *clients[SIM_NODES_MAX + 1];
    struct group_seek seeks[GROUPS_MAX];
    unsigned coordinators[GROUPS_MAX];
    int64_t pos[GROUPS_MAX];
    bool final;
    bool read[GROUPS_MAX], described[GROUPS_MAX];
    bool asking[GROUPS_MAX]; /* the final ones */
};

struct look {
    struct group_watch *watch;
    struct group_book *book;
    unsigned node;
    uint64_t begin_us;
    int version;
    bool final;
    bool found[WORLD_TOPICS_MAX][WORLD_PARTITIONS_MAX];
    bool wanted[WORLD_TOPICS_MAX][WORLD_PARTITIONS_MAX];
    struct group_cell *cells[CELLS_MAX];
    struct group_write *writes[CELLS_MAX];
    unsigned n;
};

static struct world *world_of(const struct group_watch *v)
{
    return v->all->world;
}

static struct look *look_new(struct group_watch *v, struct group_book *b)
{
    struct look *k = mem_calloc(world_of(v)->mem, 1, sizeof *k);

    ASSERT(k != NULL);
    k->watch = v;
    k->book = b;
    k->node = v->coordinators[b->number];
    k->begin_us = sim_now_us(world_of(v)->sim);
    k->final = v->final;
    return k;
}

static struct client *client_of(struct look *k)
{
    return world_client(world_of(k->watch), k->watch->clients, k->node);
}

/* The answer said `error` as a whole. */
static void look_end(struct look *k, const char *what, int error)
{
    if (error != 0) {
        k->watch->coordinators[k->book->number] = 0;
        if (!group_error_open(error)) {
            world_violation(world_of(k->watch), "refused", "%s: %s: %s",
                            k->book->id, what, kerr_name(error));
        }
    }
    if (k->final) {
        k->watch->asking[k->book->number] = false;
    }
    mem_free(world_of(k->watch)->mem, k);
}

/* ---- reading -------------------------------------------------------------
 */

static int topic_of(const struct look *k, struct slice name, struct uuid id)
{
    for (unsigned i = 0; i < WORLD_TOPICS_MAX; i++) {
        const struct world_topic *t = &world_of(k->watch)->topics[i];
        if (t->state == TOPIC_FREE || !group_uses(k->book, i)) {
            continue;
        }
        if (k->version >= VERSION_BY_ID
                ? !uuid_is_zero(t->id) && uuid_equal(t->id, id)
                : slice_equal(slice_str(t->name), name)) {
            return (int)i;
        }
    }
    return -1;
}

static void found(struct look *k, int topic, int32_t partition, int64_t offset,
                  struct slice metadata, int error)
{
    if (topic < 0 || partition < 0 || partition >= WORLD_PARTITIONS_MAX) {
        return;
    }
    k->found[topic][partition] = true;
    if (error == 0) {
        group_read(&k->book->cells[topic][partition], k->begin_us, offset,
                   metadata, "a reader");
    }
}

/* What was not named is not there. */
static void found_nothing(struct look *k)
{
    for (unsigned i = 0; i < WORLD_TOPICS_MAX; i++) {
        for (unsigned p = 0; p < WORLD_PARTITIONS_MAX; p++) {
            if (k->wanted[i][p] && !k->found[i][p]) {
                group_read(&k->book->cells[i][p], k->begin_us, -1,
                           slice_of(NULL, 0), "a reader of all");
            }
        }
    }
}

static int take_old(struct look *k, const struct offset_fetch_response *r)
{
    int error = k->version >= 2 ? r->error_code : 0;

    for (uint32_t i = 0; i < r->topics.n && error == 0; i++) {
        const struct offset_fetch_response_topic *t = &r->topics.ptr[i];
        for (uint32_t p = 0; p < t->partitions.n && error == 0; p++) {
            error = t->partitions.ptr[p].error_code;
            found(k, topic_of(k, t->name, uuid_zero),
                  t->partitions.ptr[p].partition_index,
                  t->partitions.ptr[p].committed_offset,
                  t->partitions.ptr[p].metadata, error);
        }
    }
    return error;
}

static int take_new(struct look *k, const struct offset_fetch_response *r)
{
    const struct offset_fetch_response_group *g = &r->groups.ptr[0];

    for (uint32_t i = 0; i < g->topics.n && g->error_code == 0; i++) {
        const struct offset_fetch_response_group_topic *t = &g->topics.ptr[i];
        for (uint32_t p = 0; p < t->partitions.n; p++) {
            found(k, topic_of(k, t->name, t->topic_id),
                  t->partitions.ptr[p].partition_index,
                  t->partitions.ptr[p].committed_offset,
                  t->partitions.ptr[p].metadata,
                  t->partitions.ptr[p].error_code);
        }
    }
    return g->error_code;
}

static void on_offsets(void *arg, int status, const void *response)
{
    struct look *k = arg;
    int error = status != 0                  ? GROUP_NO_ANSWER
                : k->version >= VERSION_MANY ? take_new(k, response)
                                             : take_old(k, response);

    if (error == 0) {
        found_nothing(k);
        k->watch->read[k->book->number] |= k->final;
    }
    look_end(k, "OffsetFetch", error);
}

/* Everything; of topics that are there, what is missing is nothing. */
static void read_all(struct group_watch *v, struct group_book *b)
{
    struct look *k = look_new(v, b);
    struct offset_fetch_request r;
    struct offset_fetch_request_group g;
    unsigned n = sim_cluster_nodes(world_of(v)->cluster);

    k->version = 2 + (int)groups_below(v->all, 9);
    if (!k->final && groups_below(v->all, 5) == 0) {
        k->node = 1 + (unsigned)groups_below(v->all, n);
    }
    for (unsigned i = 0; i < WORLD_TOPICS_MAX; i++) {
        for (unsigned p = 0; p < WORLD_PARTITIONS_MAX; p++) {
            k->wanted[i][p] =
                world_of(v)->topics[i].state == TOPIC_IS && group_uses(b, i);
        }
    }
    wire_init(&wire_offset_fetch_request, &r);
    wire_struct_init(&wire_offset_fetch_request_group, &g);
    if (k->version < VERSION_MANY) {
        r.group_id = slice_str(b->id);
        r.topics.ptr = NULL;
    } else {
        g.group_id = slice_str(b->id);
        g.topics.ptr = NULL;
        r.groups.ptr = &g;
        r.groups.n = 1;
    }
    client_call(client_of(k), &wire_offset_fetch_request, k->version, &r,
                ASK_MS, on_offsets, k);
}

/* ---- committing without membership ---------------------------------------
 */

static void on_committed(void *arg, int status, const void *response)
{
    struct look *k = arg;
    const struct offset_commit_response *r = response;
    int error = GROUP_NO_ANSWER;

    if (status == 0) {
        error = r->topics.ptr[0].partitions.ptr[0].error_code;
        group_write_end(k->cells[0], k->writes[0], error);
        if (error == KERR_UNKNOWN_MEMBER_ID && k->book->o.n_slots > 0) {
            error = 0; /* it has members */
        } else if (error == KERR_UNKNOWN_TOPIC_OR_PARTITION ||
                   error == KERR_UNKNOWN_TOPIC_ID) {
            error = 0;
        }
    }
    look_end(k, "OffsetCommit of nobody", error);
}

/* Mostly forward; back where somebody resets. */
static void commit(struct group_watch *v, struct group_book *b)
{
    struct world *w = world_of(v);
    struct look *k = look_new(v, b);
    unsigned topic = (unsigned)groups_below(v->all, 4);
    struct offset_commit_request r;
    struct offset_commit_request_topic t;
    struct offset_commit_request_partition p;
    char text[32];
    uint64_t number = ++v->all->commit_number;
    uint64_t keep = b->o.retention_ms;
    int64_t keep_ms;

    if (w->topics[topic].state != TOPIC_IS || !group_uses(b, topic)) {
        look_end(k, "", 0);
        return;
    }
    k->version = 2 + (int)groups_below(v->all, keep > 0 ? 3 : 9);
    k->cells[0] =
        &b->cells[topic][groups_below(v->all, w->topics[topic].n_partitions)];
    v->pos[b->number] = groups_below(v->all, 20) == 0
                            ? (int64_t)groups_below(v->all, RESET_MAX)
                            : v->pos[b->number] + 7;
    wire_init(&wire_offset_commit_request, &r);
    wire_struct_init(&wire_offset_commit_request_topic, &t);
    wire_struct_init(&wire_offset_commit_request_partition, &p);
    k->writes[0] =
        group_write_begin(k->cells[0], number, v->pos[b->number], -1, NULL);
    snprintf(text, sizeof text, "w%" PRIu64, number);
    keep_ms = group_write_keep(k->cells[0], k->writes[0], k->version);
    if (keep_ms >= 0) {
        r.retention_time_ms = keep_ms;
    }
    p.partition_index = (int32_t)k->cells[0]->partition;
    p.committed_offset = v->pos[b->number];
    p.committed_metadata = slice_str(text);
    if (k->version >= VERSION_BY_ID) {
        t.topic_id = w->topics[topic].id;
    } else {
        t.name = slice_str(w->topics[topic].name);
    }
    t.partitions.ptr = &p;
    t.partitions.n = 1;
    r.group_id = slice_str(b->id);
    r.topics.ptr = &t;
    r.topics.n = 1;
    client_call(client_of(k), &wire_offset_commit_request, k->version, &r,
                ASK_MS, on_committed, k);
}

/* ---- deleting ------------------------------------------------------------
 */

static void nothing_begin(struct look *k, struct group_cell *c)
{
    k->cells[k->n] = c;
    k->writes[k->n++] = group_write_begin(c, 0, -1, -1, NULL);
}

/* There is no such group: so it has no offsets. */
static void no_group(struct look *k)
{
    for (unsigned i = 0; i < WORLD_TOPICS_MAX; i++) {
        for (unsigned p = 0; p < WORLD_PARTITIONS_MAX; p++) {
            if (group_uses(k->book, i)) {
                group_read(&k->book->cells[i][p], k->begin_us, -1,
                           slice_of(NULL, 0), "who looked for the group");
            }
        }
    }
}

/* False: the code is the request's own. */
static bool is_deletion(int error)
{
    return error == KERR_GROUP_ID_NOT_FOUND || error == KERR_NON_EMPTY_GROUP ||
           error == KERR_GROUP_SUBSCRIBED_TO_TOPIC ||
           error == KERR_REBALANCE_IN_PROGRESS ||
           error == KERR_UNKNOWN_TOPIC_OR_PARTITION;
}

static void on_deleted(void *arg, int status, const void *response)
{
    struct look *k = arg;
    const struct delete_groups_response *r = response;
    int error = status == 0 ? r->results.ptr[0].error_code : GROUP_NO_ANSWER;

    for (unsigned i = 0; i < k->n; i++) {
        group_write_end(k->cells[i], k->writes[i], error);
    }
    if (error == 0) {
        k->watch->all->counts.deletions++;
    } else if (error == KERR_GROUP_ID_NOT_FOUND) {
        no_group(k);
    }
    look_end(k, "DeleteGroups", is_deletion(error) ? 0 : error);
}

static void delete_group(struct group_watch *v, struct group_book *b)
{
    struct look *k = look_new(v, b);
    struct slice id = slice_str(b->id);
    struct delete_groups_request r;

    b->lawless = true;
    for (unsigned i = 0; i < WORLD_TOPICS_MAX; i++) {
        for (unsigned p = 0; p < WORLD_PARTITIONS_MAX; p++) {
            if (b->cells[i][p].n > 1) {
                nothing_begin(k, &b->cells[i][p]);
            }
        }
    }
    wire_init(&wire_delete_groups_request, &r);
    r.groups_names.ptr = &id;
    r.groups_names.n = 1;
    client_call(client_of(k), &wire_delete_groups_request,
                (int)groups_below(v->all, 4), &r, ASK_MS, on_deleted, k);
}

static void on_offset_deleted(void *arg, int status, const void *response)
{
    struct look *k = arg;
    const struct offset_delete_response *r = response;
    int error = status == 0 ? r->error_code : GROUP_NO_ANSWER;

    if (error == 0 && r->topics.n == 1) {
        error = r->topics.ptr[0].partitions.ptr[0].error_code;
    }
    if (error == KERR_GROUP_ID_NOT_FOUND) {
        no_group(k);
    }
    group_write_end(k->cells[0], k->writes[0], error);
    k->watch->all->counts.offsets_deleted += error == 0;
    look_end(k, "OffsetDelete", is_deletion(error) ? 0 : error);
}

static void delete_offset(struct group_watch *v, struct group_book *b)
{
    struct world *w = world_of(v);
    struct look *k = look_new(v, b);
    unsigned topic = (unsigned)groups_below(v->all, 4);
    struct offset_delete_request r;
    struct offset_delete_request_topic t;
    struct offset_delete_request_partition p;

    if (w->topics[topic].state != TOPIC_IS || !group_uses(b, topic)) {
        look_end(k, "", 0);
        return;
    }
    b->lawless = true; /* nothing may be left of it */
    nothing_begin(
        k,
        &b->cells[topic][groups_below(v->all, w->topics[topic].n_partitions)]);
    wire_init(&wire_offset_delete_request, &r);
    wire_struct_init(&wire_offset_delete_request_topic, &t);
    wire_struct_init(&wire_offset_delete_request_partition, &p);
    p.partition_index = (int32_t)k->cells[0]->partition;
    t.name = slice_str(w->topics[topic].name);
    t.partitions.ptr = &p;
    t.partitions.n = 1;
    r.group_id = slice_str(b->id);
    r.topics.ptr = &t;
    r.topics.n = 1;
    client_call(client_of(k), &wire_offset_delete_request, 0, &r, ASK_MS,
                on_offset_deleted, k);
}

/* ---- describing ----------------------------------------------------------
 */

static unsigned n_running(const struct group_watch *v,
                          const struct group_book *b)
{
    unsigned n = 0;

    for (unsigned i = 0; i < b->o.n_slots; i++) {
        n += group_member_runs(v->all->members[b->number][i]);
    }
    return n;
}

static void on_described(void *arg, int status, const void *response)
{
    struct look *k = arg;
    const struct describe_groups_response *r = response;
    int error = status == 0 ? r->groups.ptr[0].error_code : GROUP_NO_ANSWER;
    struct group_book *b = k->book;

    if (error == 0 && k->final) {
        const struct describe_groups_response_group *g = &r->groups.ptr[0];
        bool stable = slice_equal(g->group_state, slice_str("Stable"));
        k->watch->described[b->number] =
            b->o.n_slots == 0 ||
            (stable && g->members.n == n_running(k->watch, b));
    }
    look_end(k, "DescribeGroups", error == KERR_GROUP_ID_NOT_FOUND ? 0 : error);
}

static void describe(struct group_watch *v, struct group_book *b)
{
    struct look *k = look_new(v, b);
    struct slice id = slice_str(b->id);
    struct describe_groups_request r;

    wire_init(&wire_describe_groups_request, &r);
    r.groups.ptr = &id;
    r.groups.n = 1;
    client_call(client_of(k), &wire_describe_groups_request,
                (int)groups_below(v->all, 6), &r, ASK_MS, on_described, k);
}

static void on_listed(void *arg, int status, const void *response)
{
    struct look *k = arg;
    const struct list_groups_response *r = response;
    unsigned n = 0;

    for (uint32_t i = 0; status == 0 && i < r->groups.n; i++) {
        n += slice_equal(r->groups.ptr[i].group_id, slice_str(k->book->id));
    }
    if (n > 1) {
        world_violation(world_of(k->watch), "refused",
                        "%s is listed %u times by node %u", k->book->id, n,
                        k->node);
    }
    look_end(k, "ListGroups", 0);
}

static void list(struct group_watch *v, struct group_book *b)
{
    struct look *k = look_new(v, b);
    struct list_groups_request r;

    wire_init(&wire_list_groups_request, &r);
    client_call(client_of(k), &wire_list_groups_request,
                (int)groups_below(v->all, 6), &r, ASK_MS, on_listed, k);
}

/* ---- an instance is removed by name --------------------------------------
 */

static void on_removed(void *arg, int status, const void *response)
{
    struct look *k = arg;
    const struct leave_group_response *r = response;

    look_end(k, "LeaveGroup", status == 0 ? r->error_code : GROUP_NO_ANSWER);
}

static void remove_instance(struct group_watch *v, struct group_book *b)
{
    struct look *k = look_new(v, b);
    struct leave_group_request r;
    struct leave_group_request_member x;
    char name[24];

    snprintf(name, sizeof name, "i%u",
             (unsigned)groups_below(v->all, b->o.n_static));
    wire_init(&wire_leave_group_request, &r);
    wire_struct_init(&wire_leave_group_request_member, &x);
    x.group_instance_id = slice_str(name);
    r.group_id = slice_str(b->id);
    r.members.ptr = &x;
    r.members.n = 1;
    client_call(client_of(k), &wire_leave_group_request,
                3 + (int)groups_below(v->all, 3), &r, ASK_MS, on_removed, k);
}

/* ---- what it does --------------------------------------------------------
 */

static void on_found(void *arg, unsigned node)
{
    struct group_seek *f = arg;
    struct group_watch *v = f->book->all->watch;

    v->coordinators[f->book->number] = node;
}

static bool knows(struct group_watch *v, struct group_book *b)
{
    struct group_seek *f = &v->seeks[b->number];

    if (v->coordinators[b->number] == 0 && !f->under_way) {
        group_seek(f, b, v->clients, (int)groups_below(v->all, 7), on_found, f);
    }
    return v->coordinators[b->number] != 0;
}

/* Time for offsets to get old. */
static bool pauses(const struct group_watch *v, const struct group_book *b)
{
    uint64_t ms = b->o.retention_ms;

    return ms > 0 && env_now_ms(world_of(v)->env) / (ms + 2000) % 2 != 0;
}

static void act(struct group_watch *v, struct group_book *b)
{
    uint64_t what = groups_below(v->all, 400);

    if (what < 40) {
        read_all(v, b);
    } else if (what < (b->o.n_slots == 0 ? 200 : 42)) {
        if (!pauses(v, b)) {
            commit(v, b);
        }
    } else if (what >= 390 && b->o.mortal) {
        delete_group(v, b);
    } else if (what >= 380 && b->o.mortal) {
        delete_offset(v, b);
    } else if (what >= 376) {
        describe(v, b);
    } else if (what >= 372) {
        list(v, b);
    } else if (what >= 370 && b->o.n_static > 0) {
        remove_instance(v, b);
    }
}

static void finish(struct group_watch *v, struct group_book *b)
{
    if (v->asking[b->number]) {
        return;
    }
    if (!v->read[b->number]) {
        v->asking[b->number] = true;
        read_all(v, b);
    } else if (!v->described[b->number]) {
        v->asking[b->number] = true;
        describe(v, b);
    }
}

static void on_tick(struct env_timer *t)
{
    struct group_watch *v = t->data;
    struct world *w = world_of(v);

    env_timer_start(w->env, t, env_now_ms(w->env) + TICK_MS);
    for (unsigned i = 0; i < v->all->plan.n_groups && !world_broken(w); i++) {
        struct group_book *b = v->all->books[i];
        if (!knows(v, b)) {
            continue;
        }
        if (v->final) {
            finish(v, b);
        } else if (v->all->phase == GROUPS_ACT) {
            act(v, b);
        }
    }
}

struct group_watch *group_watch_start(struct groups *gs)
{
    struct world *w = gs->world;
    struct group_watch *v = mem_calloc(w->mem, 1, sizeof *v);

    ASSERT(v != NULL);
    *v = (struct group_watch){.all = gs};
    env_timer_init(&v->timer, on_tick, v);
    env_timer_start(w->env, &v->timer, env_now_ms(w->env) + TICK_MS);
    return v;
}

void group_watch_again(struct group_watch *v)
{
    v->final = true;
    memset(v->read, 0, sizeof v->read);
    memset(v->described, 0, sizeof v->described);
}

bool group_watch_done(const struct group_watch *v)
{
    for (unsigned i = 0; i < v->all->plan.n_groups; i++) {
        if (!v->read[i] || !v->described[i]) {
            return false;
        }
    }
    return v->final;
}
