/* admin.c - topics come, grow, shrink at their beginning, and go. Each
 * operation is asked for at one node after another until it is answered. */
#include <stdio.h>

#include "base/assert.h"
#include "wire/errors.h"
#include "wire/gen/create_partitions.h"
#include "wire/gen/create_topics.h"
#include "wire/gen/delete_records.h"
#include "wire/gen/delete_topics.h"
#include "world.h"

#define CREATE_VERSION  5
#define DELETE_VERSION  4
#define GROW_VERSION    2
#define RECORDS_VERSION 2
#define ASK_MS          4000
#define RETRY_MS        100

enum admin_kind { ADMIN_CREATE, ADMIN_DELETE, ADMIN_GROW, ADMIN_RECORDS };

struct admin {
    struct world *world;
    enum admin_kind kind;
    unsigned topic;
    unsigned n_partitions, n_replicas;
    struct book *book;
    int64_t offset;
    unsigned at;
    struct env_timer timer;
    struct client *clients[SIM_NODES_MAX + 1];
};

static void ask(struct admin *a);

static void on_retry(struct env_timer *t)
{
    ask(t->data);
}

static void again(struct admin *a)
{
    a->at = 1 + a->at % sim_cluster_nodes(a->world->cluster);
    env_timer_start(a->world->env, &a->timer,
                    env_now_ms(a->world->env) + RETRY_MS);
}

/* True if the operation is over, well. */
static bool settled(struct admin *a, int code, int done_already)
{
    if (code == 0 || code == done_already) {
        return true;
    }
    if (code != KERR_UNKNOWN_TOPIC_OR_PARTITION && !kerr_retriable(code)) {
        world_violation(a->world, "refused", "%s: admin operation %d: %s",
                        a->world->topics[a->topic].name, (int)a->kind,
                        kerr_name(code));
    }
    return false;
}

static struct admin *admin_new(struct world *w, enum admin_kind kind,
                               unsigned topic)
{
    struct admin *a = mem_calloc(w->mem, 1, sizeof *a);

    ASSERT(a != NULL);
    *a = (struct admin){.world = w, .kind = kind, .topic = topic};
    a->at = 1 + (unsigned)world_below(w, sim_cluster_nodes(w->cluster));
    env_timer_init(&a->timer, on_retry, a);
    env_timer_start(w->env, &a->timer, env_now_ms(w->env) + 1);
    return a;
}

/* ---- create -----------------------------------------------------------------
 */

static void on_created(void *arg, int status, const void *response)
{
    struct admin *a = arg;
    const struct create_topics_response *r = response;

    if (status != 0 || r->topics.n != 1 ||
        !settled(a, r->topics.ptr[0].error_code, KERR_TOPIC_ALREADY_EXISTS)) {
        again(a);
        return;
    }
    a->world->topics[a->topic].state = TOPIC_IS;
    a->world->counts.topics_created++;
    world_refresh(a->world);
}

static void ask_create(struct admin *a)
{
    struct create_topics_request r;
    struct create_topics_request_topic t;

    wire_init(&wire_create_topics_request, &r);
    wire_struct_init(&wire_create_topics_request_topic, &t);
    t.name = slice_str(a->world->topics[a->topic].name);
    t.num_partitions = (int32_t)a->n_partitions;
    t.replication_factor = (int16_t)a->n_replicas;
    r.topics.ptr = &t;
    r.topics.n = 1;
    r.timeout_ms = ASK_MS / 2;
    client_call(world_client(a->world, a->clients, a->at),
                &wire_create_topics_request, CREATE_VERSION, &r, ASK_MS,
                on_created, a);
}

unsigned admin_create(struct world *w, const char *name, unsigned n_partitions,
                      unsigned n_replicas)
{
    unsigned i = 0;
    struct admin *a;

    while (w->topics[i].state != TOPIC_FREE) {
        i++;
        ASSERT(i < WORLD_TOPICS_MAX);
    }
    ASSERT(n_partitions <= WORLD_PARTITIONS_MAX);
    w->topics[i].state = TOPIC_ASKED;
    w->topics[i].n_partitions = n_partitions;
    snprintf(w->topics[i].name, sizeof w->topics[i].name, "%s", name);
    for (unsigned k = 0; k < WORLD_PARTITIONS_MAX; k++) {
        book_init(&w->topics[i].books[k], w, i, k);
    }
    a = admin_new(w, ADMIN_CREATE, i);
    a->n_partitions = n_partitions;
    a->n_replicas = n_replicas;
    return i;
}

/* ---- delete -----------------------------------------------------------------
 */

static void on_deleted(void *arg, int status, const void *response)
{
    struct admin *a = arg;
    const struct delete_topics_response *r = response;
    int code = status == 0 && r->responses.n == 1
                   ? r->responses.ptr[0].error_code
                   : KERR_REQUEST_TIMED_OUT;

    if (!settled(a, code, KERR_UNKNOWN_TOPIC_OR_PARTITION)) {
        again(a);
        return;
    }
    a->world->counts.topics_deleted++;
}

static void ask_delete(struct admin *a)
{
    struct delete_topics_request r;
    struct slice name = slice_str(a->world->topics[a->topic].name);

    wire_init(&wire_delete_topics_request, &r);
    r.topic_names.ptr = &name;
    r.topic_names.n = 1;
    r.timeout_ms = ASK_MS / 2;
    client_call(world_client(a->world, a->clients, a->at),
                &wire_delete_topics_request, DELETE_VERSION, &r, ASK_MS,
                on_deleted, a);
}

void admin_delete(struct world *w, unsigned topic)
{
    ASSERT(w->topics[topic].state == TOPIC_IS);
    w->topics[topic].state = TOPIC_DELETING;
    (void)admin_new(w, ADMIN_DELETE, topic);
}

/* ---- more partitions --------------------------------------------------------
 */

static void on_grown(void *arg, int status, const void *response)
{
    struct admin *a = arg;
    struct world_topic *t = &a->world->topics[a->topic];
    const struct create_partitions_response *r = response;

    if (t->state != TOPIC_IS) {
        return;
    }
    if (status != 0 || r->results.n != 1 ||
        !settled(a, r->results.ptr[0].error_code, KERR_INVALID_PARTITIONS)) {
        again(a);
        return;
    }
    t->n_partitions = a->n_partitions;
    world_refresh(a->world);
}

static void ask_grow(struct admin *a)
{
    struct create_partitions_request r;
    struct create_partitions_request_topic t;

    wire_init(&wire_create_partitions_request, &r);
    wire_struct_init(&wire_create_partitions_request_topic, &t);
    t.name = slice_str(a->world->topics[a->topic].name);
    t.count = (int32_t)a->n_partitions;
    t.assignments.ptr = NULL;
    r.topics.ptr = &t;
    r.topics.n = 1;
    r.timeout_ms = ASK_MS / 2;
    client_call(world_client(a->world, a->clients, a->at),
                &wire_create_partitions_request, GROW_VERSION, &r, ASK_MS,
                on_grown, a);
}

void admin_grow(struct world *w, unsigned topic, unsigned n_partitions)
{
    struct admin *a;

    ASSERT(w->topics[topic].state == TOPIC_IS);
    ASSERT(n_partitions <= WORLD_PARTITIONS_MAX);
    a = admin_new(w, ADMIN_GROW, topic);
    a->n_partitions = n_partitions;
}

/* ---- delete records ---------------------------------------------------------
 */

static void on_records(void *arg, int status, const void *response)
{
    struct admin *a = arg;
    const struct delete_records_response *r = response;

    if (a->world->topics[a->topic].state != TOPIC_IS) {
        return;
    }
    if (status != 0 || r->topics.n != 1 || r->topics.ptr[0].partitions.n != 1 ||
        !settled(a, r->topics.ptr[0].partitions.ptr[0].error_code, 0)) {
        world_refresh(a->world);
        again(a);
        return;
    }
    if (r->topics.ptr[0].partitions.ptr[0].low_watermark < a->offset) {
        world_violation(
            a->world, "latest",
            "%s-%u: records before %lld were deleted, and the low "
            "watermark is %lld",
            a->world->topics[a->topic].name, a->book->partition,
            (long long)a->offset,
            (long long)r->topics.ptr[0].partitions.ptr[0].low_watermark);
    }
    a->world->counts.deleted_records++;
}

static void ask_records(struct admin *a)
{
    struct delete_records_request r;
    struct delete_records_request_topic t;
    struct delete_records_request_partition p;
    unsigned at = a->book->leader > 0 ? (unsigned)a->book->leader : a->at;

    wire_init(&wire_delete_records_request, &r);
    wire_struct_init(&wire_delete_records_request_topic, &t);
    wire_struct_init(&wire_delete_records_request_partition, &p);
    p.partition_index = (int32_t)a->book->partition;
    p.offset = a->offset;
    t.name = slice_str(a->world->topics[a->topic].name);
    t.partitions.ptr = &p;
    t.partitions.n = 1;
    r.topics.ptr = &t;
    r.topics.n = 1;
    r.timeout_ms = ASK_MS / 2;
    client_call(world_client(a->world, a->clients, at),
                &wire_delete_records_request, RECORDS_VERSION, &r, ASK_MS,
                on_records, a);
}

void admin_delete_records(struct book *b, int64_t offset)
{
    struct admin *a;

    ASSERT(offset <= b->acked_end);
    if (offset > b->cut) {
        b->cut = offset;
    }
    a = admin_new(b->world, ADMIN_RECORDS, b->topic);
    a->book = b;
    a->offset = offset;
}

static void ask(struct admin *a)
{
    if (world_broken(a->world)) {
        return;
    }
    switch (a->kind) {
    case ADMIN_CREATE:
        ask_create(a);
        break;
    case ADMIN_DELETE:
        ask_delete(a);
        break;
    case ADMIN_GROW:
        ask_grow(a);
        break;
    case ADMIN_RECORDS:
        ask_records(a);
        break;
    }
}
