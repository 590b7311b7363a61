/* group_view.c - one group: DescribeGroups, OffsetFetch, ListOffsets. */
#include "cli/group_view.h"

#include <stdlib.h>

#include "base/assert.h"
#include "cli/help.h"
#include "wire/api.h"
#include "wire/errors.h"
#include "wire/gen/describe_groups.h"
#include "wire/gen/offset_fetch.h"

#define DESCRIBE_VERSION_MAX 6
#define FETCH_VERSION_MAX    7 /* one group */

static int no_memory(struct group_client *g)
{
    return command_fail(g->admin.call, EXIT_FAILED, "out of memory");
}

/* ---- state and members --------------------------------------------------- */

static int16_t described_code(const void *response)
{
    const struct describe_groups_response *r = response;
    return r->groups.n > 0 ? r->groups.ptr[0].error_code : 0;
}

static bool take_member(struct group_client *g, bool consumers,
                        const struct describe_groups_response_member *from,
                        struct group_member *to)
{
    *to = (struct group_member){.id = from->member_id,
                                .instance = from->group_instance_id,
                                .client_id = from->client_id,
                                .host = from->client_host,
                                .bytes = from->member_assignment.len};
    int rv = consumers
                 ? assignment_decode(from->member_assignment, &g->admin.arena,
                                     &to->parts, &to->n_parts)
                 : ERR_PROTOCOL;
    to->garbage = rv == ERR_PROTOCOL && to->bytes > 0;
    return rv != ERR_NOMEM;
}

static int describe(struct group_client *g, struct group_view *v)
{
    struct describe_groups_request q;
    struct describe_groups_response r;
    struct group_request call = {.group = v->id,
                                 .api_key = API_DESCRIBE_GROUPS,
                                 .version_max = DESCRIBE_VERSION_MAX,
                                 .request = &q,
                                 .response = &r,
                                 .code_of = described_code};
    wire_init(&wire_describe_groups_request, &q);
    q.groups.ptr = &v->id;
    q.groups.n = 1;
    int code = group_client_call(g, &call, &v->coordinator);
    if (code != EXIT_DONE) {
        return code;
    }
    int16_t error = described_code(&r);
    if (r.groups.n != 1) {
        return command_fail(g->admin.call, EXIT_FAILED,
                            "group %.*s: the answer is about something else",
                            (int)v->id.len, (const char *)v->id.data);
    }
    if (error != 0 && error != KERR_GROUP_ID_NOT_FOUND) {
        return command_fail(
            g->admin.call, group_client_exit_of(error), "group %.*s: %s",
            (int)v->id.len, (const char *)v->id.data,
            admin_error(&g->admin, error, r.groups.ptr[0].error_message));
    }
    const struct describe_groups_response_group *d = &r.groups.ptr[0];
    v->state = error != 0 ? slice_str("Dead") : d->group_state;
    v->exists = !slice_equal(v->state, slice_str("Dead"));
    v->described = v->exists;
    v->type = v->exists ? slice_str("classic") : slice_of(NULL, 0);
    v->protocol_type = d->protocol_type;
    v->assignor = d->protocol_data;
    v->members = arena_calloc(&g->admin.arena, (size_t)d->members.n + 1,
                              sizeof *v->members);
    bool ok = v->members != NULL;
    bool consumers = slice_equal(d->protocol_type, slice_str("consumer"));
    for (uint32_t i = 0; ok && i < d->members.n; i++) {
        ok = take_member(g, consumers, &d->members.ptr[i],
                         &v->members[v->n_members++]);
    }
    return ok ? EXIT_DONE : no_memory(g);
}

/* ---- positions ----------------------------------------------------------- */

static int by_partition(const void *a, const void *b)
{
    const struct group_position *x = a, *y = b;
    int order = slice_compare(x->topic, y->topic);
    return order != 0
               ? order
               : (x->partition > y->partition) - (x->partition < y->partition);
}

static size_t count_parts(const struct group_view *v)
{
    size_t n = 0;
    for (unsigned i = 0; i < v->n_members; i++) {
        n += v->members[i].n_parts;
    }
    return n;
}

static struct group_position *add(struct group_view *v, struct slice topic,
                                  int32_t partition)
{
    struct group_position *p = &v->positions[v->n_positions++];
    *p = (struct group_position){.topic = topic,
                                 .partition = partition,
                                 .committed = -1,
                                 .epoch = -1,
                                 .end = -1};
    return p;
}

/* Who reads what: positions without a commit are made for it. */
static void add_members(struct group_view *v)
{
    size_t known = v->n_positions;
    for (unsigned i = 0; i < v->n_members; i++) {
        const struct group_member *m = &v->members[i];
        for (unsigned k = 0; k < m->n_parts; k++) {
            struct group_position key = {.topic = m->parts[k].topic,
                                         .partition = m->parts[k].partition};
            struct group_position *p = known > 0
                                           ? bsearch(&key, v->positions, known,
                                                     sizeof key, by_partition)
                                           : NULL;
            p = p != NULL ? p : add(v, key.topic, key.partition);
            p->member = m;
        }
    }
}

static int merge(struct group_client *g, struct group_view *v,
                 const struct offset_fetch_response *r)
{
    size_t n = count_parts(v);
    for (uint32_t i = 0; i < r->topics.n; i++) {
        n += r->topics.ptr[i].partitions.n;
    }
    v->positions = arena_calloc(&g->admin.arena, n + 1, sizeof *v->positions);
    if (v->positions == NULL) {
        return no_memory(g);
    }
    for (uint32_t i = 0; i < r->topics.n; i++) {
        const struct offset_fetch_response_topic *t = &r->topics.ptr[i];
        for (uint32_t k = 0; k < t->partitions.n; k++) {
            const struct offset_fetch_response_partition *from =
                &t->partitions.ptr[k];
            if (from->error_code == 0 && from->committed_offset >= 0) {
                struct group_position *p =
                    add(v, t->name, from->partition_index);
                p->committed = from->committed_offset;
                p->epoch = from->committed_leader_epoch;
                p->metadata = from->metadata;
            }
        }
    }
    v->n_committed = v->n_positions;
    qsort(v->positions, v->n_positions, sizeof *v->positions, by_partition);
    add_members(v);
    qsort(v->positions, v->n_positions, sizeof *v->positions, by_partition);
    ASSERT(v->n_positions <= n);
    return EXIT_DONE;
}

static int16_t fetched_code(const void *response)
{
    const struct offset_fetch_response *r = response;
    return r->error_code;
}

static int fetch(struct group_client *g, struct group_view *v)
{
    struct offset_fetch_request q;
    struct offset_fetch_response r;
    struct group_request call = {.group = v->id,
                                 .api_key = API_OFFSET_FETCH,
                                 .version_max = FETCH_VERSION_MAX,
                                 .request = &q,
                                 .response = &r,
                                 .code_of = fetched_code};
    wire_init(&wire_offset_fetch_request, &q);
    q.group_id = v->id;
    q.topics.ptr = NULL; /* all */
    int code = group_client_call(g, &call, &v->coordinator);
    if (code != EXIT_DONE) {
        return code;
    }
    if (r.error_code == KERR_GROUP_ID_NOT_FOUND) {
        r.topics.n = 0;
        r.error_code = 0;
    }
    if (r.error_code != 0) {
        return command_fail(
            g->admin.call, group_client_exit_of(r.error_code), "group %.*s: %s",
            (int)v->id.len, (const char *)v->id.data,
            admin_error(&g->admin, r.error_code, slice_of(NULL, 0)));
    }
    return merge(g, v, &r);
}

int group_view_take(struct group_client *g, struct slice id, int32_t node,
                    struct group_view *ret_v)
{
    struct group_view v = {.id = id, .coordinator = node};
    int code = describe(g, &v);
    if (code == EXIT_DONE && !v.exists) {
        code = group_view_take_newer(g, &v);
    }
    code = code == EXIT_DONE ? fetch(g, &v) : code;
    v.exists = v.exists || v.n_committed > 0;
    if (code == EXIT_DONE) {
        *ret_v = v;
    }
    return code;
}

/* ---- ends ---------------------------------------------------------------- */

static int by_ask(const void *a, const void *b)
{
    const struct group_ask *x = a, *y = b;
    int order = slice_compare(x->topic, y->topic);
    return order != 0
               ? order
               : (x->partition > y->partition) - (x->partition < y->partition);
}

/* Several groups read the same partitions: each is asked for once. */
static size_t collect(const struct group_view v[], size_t n,
                      struct group_ask *asks)
{
    size_t all = 0, kept = 0;
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < v[i].n_positions; k++) {
            asks[all++] =
                (struct group_ask){.topic = v[i].positions[k].topic,
                                   .partition = v[i].positions[k].partition};
        }
    }
    qsort(asks, all, sizeof *asks, by_ask);
    for (size_t i = 0; i < all; i++) {
        if (kept == 0 || by_ask(&asks[kept - 1], &asks[i]) != 0) {
            asks[kept++] = asks[i];
        }
    }
    return kept;
}

int group_view_ends(struct group_client *g, struct group_view v[], size_t n)
{
    size_t all = 0;
    for (size_t i = 0; i < n; i++) {
        all += v[i].n_positions;
    }
    struct group_ask *asks =
        arena_calloc(&g->admin.arena, all + 1, sizeof *asks);
    if (asks == NULL) {
        return no_memory(g);
    }
    size_t kept = collect(v, n, asks);
    int code = group_client_offsets(g, asks, kept, GROUP_ASK_END);
    for (size_t i = 0; code == EXIT_DONE && i < n; i++) {
        for (size_t k = 0; k < v[i].n_positions; k++) {
            struct group_position *p = &v[i].positions[k];
            struct group_ask key = {.topic = p->topic,
                                    .partition = p->partition};
            const struct group_ask *a =
                bsearch(&key, asks, kept, sizeof key, by_ask);
            ASSERT(a != NULL);
            p->end = a->code == 0 ? a->offset : -1;
            p->end_code = a->code;
        }
    }
    return code;
}

int64_t group_view_lag(const struct group_position *p)
{
    if (p->committed < 0 || p->end < 0) {
        return -1;
    }
    return p->end > p->committed ? p->end - p->committed : 0;
}

int group_view_absent(struct group_client *g, struct slice id)
{
    struct group_listing l;
    char *word = arena_strdup(&g->admin.arena, id);
    struct help_nearest nearest = {.word = word != NULL ? word : ""};
    if (word != NULL && group_view_list(g, &l) == EXIT_DONE) {
        for (size_t i = 0; i < l.n; i++) {
            const char *name = arena_strdup(&g->admin.arena, l.groups[i].id);
            if (name != NULL) {
                help_consider(&nearest, name);
            }
        }
    }
    group_client_progress_end(g);
    const char *near = nearest.best;
    return command_fail(g->admin.call, EXIT_NOTFOUND,
                        "no group %.*s%s%s%s; ostraka group list shows all",
                        (int)id.len, (const char *)id.data,
                        near != NULL ? "; did you mean " : "",
                        near != NULL ? near : "", near != NULL ? "?" : "");
}
