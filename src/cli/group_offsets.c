/* group_offsets.c - ends of partitions, and offsets of times, from their
 * leaders: one request for each leader, or several if they are many. */
#include <stdlib.h>

#include "cli/group_client.h"
#include "env/system.h"
#include "wire/api.h"
#include "wire/errors.h"
#include "wire/gen/list_offsets.h"

#define VERSION_MAX  7
#define ATTEMPTS_MAX 4
#define PAUSE_MS     250

const struct metadata_response_topic *
group_client_topic(const struct group_client *g, struct slice name)
{
    const struct metadata_response *m = &g->admin.metadata;
    for (uint32_t i = 0; i < m->topics.n; i++) {
        if (slice_equal(m->topics.ptr[i].name, name)) {
            return &m->topics.ptr[i];
        }
    }
    return NULL;
}

/* NULL: there is no such partition. */
static const struct metadata_response_partition *
partition_of(const struct metadata_response_topic *t, int32_t number)
{
    if (t != NULL && (uint32_t)number < t->partitions.n &&
        t->partitions.ptr[number].partition_index == number) {
        return &t->partitions.ptr[number];
    }
    for (uint32_t i = 0; t != NULL && i < t->partitions.n; i++) {
        if (t->partitions.ptr[i].partition_index == number) {
            return &t->partitions.ptr[i];
        }
    }
    return NULL;
}

/* Who leads those that are not known yet; a code for those that nobody
 * leads. */
static void find_leaders(const struct group_client *g, struct group_ask *a,
                         size_t n)
{
    const struct metadata_response_topic *t = NULL;
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || !slice_equal(a[i].topic, a[i - 1].topic)) {
            t = group_client_topic(g, a[i].topic);
        }
        if (a[i].code == 0) {
            continue;
        }
        const struct metadata_response_partition *p =
            partition_of(t, a[i].partition);
        a[i].leader = p != NULL ? p->leader_id : -1;
        if (p == NULL) {
            a[i].code = KERR_UNKNOWN_TOPIC_OR_PARTITION;
        } else if (p->leader_id < 0) {
            a[i].code = KERR_LEADER_NOT_AVAILABLE;
        }
    }
}

/* Those of one request, in their order, and where they stand. */
struct part {
    struct group_ask **asks;
    size_t n;
};

static bool fill(struct group_client *g, const struct part *p,
                 int64_t timestamp, struct list_offsets_request *q)
{
    struct arena *arena = &g->admin.arena;
    struct list_offsets_request_partition *rows =
        wire_elems_new(arena, &wire_list_offsets_request_partition, p->n);
    q->topics.ptr =
        wire_elems_new(arena, &wire_list_offsets_request_topic, p->n);
    if (rows == NULL || q->topics.ptr == NULL) {
        return false;
    }
    q->replica_id = -1;
    for (size_t i = 0; i < p->n; i++) {
        struct list_offsets_request_topic *t =
            q->topics.n > 0 ? &q->topics.ptr[q->topics.n - 1] : NULL;
        if (t == NULL || !slice_equal(t->name, p->asks[i]->topic)) {
            t = &q->topics.ptr[q->topics.n++];
            t->name = p->asks[i]->topic;
            t->partitions.ptr = &rows[i];
        }
        rows[i].partition_index = p->asks[i]->partition;
        rows[i].timestamp = timestamp;
        t->partitions.n++;
    }
    return true;
}

static void take(const struct part *p, const struct list_offsets_response *r)
{
    for (uint32_t i = 0; i < r->topics.n; i++) {
        const struct list_offsets_response_topic *t = &r->topics.ptr[i];
        size_t at = 0;
        for (uint32_t k = 0; k < t->partitions.n; k++) {
            const struct list_offsets_response_partition *from =
                &t->partitions.ptr[k];
            /* Answers come in the order of the request, mostly. */
            for (size_t seen = 0; seen < p->n; seen++, at++) {
                struct group_ask *a = p->asks[at % p->n];
                if (a->partition == from->partition_index &&
                    slice_equal(a->topic, t->name)) {
                    a->code = from->error_code;
                    a->offset = from->error_code == 0 ? from->offset : -1;
                    break;
                }
            }
        }
    }
}

static void ask_part(struct group_client *g, int32_t leader,
                     const struct part *p, int64_t timestamp)
{
    struct list_offsets_request q;
    struct list_offsets_response r;
    struct client *client = NULL;
    struct err err = {""};
    wire_init(&wire_list_offsets_request, &q);
    int rv = group_client_node(g, leader, &client, &err);
    if (rv == 0 && !fill(g, p, timestamp, &q)) {
        rv = ERR_NOMEM;
    }
    int version =
        rv == 0 ? client_version(client, API_LIST_OFFSETS, VERSION_MAX) : 0;
    if (rv == 0) {
        rv = version < 0 ? version
                         : client_call(client, API_LIST_OFFSETS, version, &q,
                                       &g->admin.arena, &r,
                                       command_timeout_ms(g->admin.call), &err);
        if (rv != 0) {
            group_client_drop(g, leader);
        }
    }
    for (size_t i = 0; i < p->n; i++) {
        p->asks[i]->code = KERR_NETWORK_EXCEPTION;
    }
    if (rv == 0) {
        take(p, &r);
    }
}

/* All that this leader has of those not known yet. */
static bool ask_leader(struct group_client *g, int32_t leader,
                       struct group_ask *a, size_t n, int64_t timestamp)
{
    struct part p = {.asks = arena_calloc(&g->admin.arena, GROUP_ASK_STEP_MAX,
                                          sizeof *p.asks)};
    if (p.asks == NULL) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (a[i].code != 0 && a[i].leader == leader) {
            p.asks[p.n++] = &a[i];
        }
        if (p.n > 0 && (p.n == GROUP_ASK_STEP_MAX || i + 1 == n)) {
            group_client_progress(g, "asking leaders for offsets", i, n);
            ask_part(g, leader, &p, timestamp);
            p.n = 0;
        }
    }
    return true;
}

/* How many are not known, but may be soon. */
static size_t count_open(const struct group_ask *a, size_t n)
{
    size_t open = 0;
    for (size_t i = 0; i < n; i++) {
        open += a[i].code != KERR_UNKNOWN_TOPIC_OR_PARTITION &&
                kerr_retriable(a[i].code);
    }
    return open;
}

static bool ask_all(struct group_client *g, struct group_ask *a, size_t n,
                    int64_t timestamp)
{
    const struct metadata_response *m = &g->admin.metadata;
    find_leaders(g, a, n);
    for (uint32_t i = 0; i < m->brokers.n; i++) {
        if (!ask_leader(g, m->brokers.ptr[i].node_id, a, n, timestamp)) {
            return false;
        }
    }
    return true;
}

int group_client_offsets(struct group_client *g, struct group_ask *a, size_t n,
                         int64_t timestamp)
{
    bool never = false;
    for (size_t i = 0; i < n; i++) {
        a[i].offset = -1;
        a[i].code = KERR_LEADER_NOT_AVAILABLE; /* until it is asked */
    }
    for (unsigned i = 0; i < ATTEMPTS_MAX; i++) {
        if (!ask_all(g, a, n, timestamp)) {
            return command_fail(g->admin.call, EXIT_FAILED, "out of memory");
        }
        if (count_open(a, n) == 0) {
            return EXIT_DONE;
        }
        /* Leaders move: look where they are now. */
        (void)env_system_run_until(g->admin.env, &never, PAUSE_MS);
        if (i + 1 < ATTEMPTS_MAX) {
            group_client_refresh(g);
        }
    }
    return EXIT_DONE;
}
