/* admin.c - topics come, grow, shrink at their beginning, and go. Each
 * operation is asked for at one node after another until it is answered. */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "fetching.h"
#include "wire/errors.h"
#include "wire/gen/create_partitions.h"
#include "wire/gen/create_topics.h"
#include "wire/gen/delete_records.h"
#include "wire/gen/delete_topics.h"
#include "wire/gen/incremental_alter_configs.h"
#include "world.h"

#define CREATE_VERSION  7
#define DELETE_VERSION  6
#define CONFIG_VERSION  1
#define GROW_VERSION    2
#define RECORDS_VERSION 2
#define ASK_MS          4000
#define RETRY_MS        100

enum admin_kind {
    ADMIN_CREATE,
    ADMIN_DELETE,
    ADMIN_GROW,
    ADMIN_RECORDS,
    ADMIN_CONFIG
};

struct admin {
    struct world *world;
    enum admin_kind kind;
    unsigned topic;
    unsigned n_partitions, n_replicas;
    struct book *book;
    int64_t offset;
    char setting[48], value[24];
    unsigned at;
    struct env_timer timer;
    struct client *clients[SIM_NODES_MAX + 1];
};

static void ask(struct admin *a);

static void over(struct admin *a)
{
    a->world->n_admins--;
}

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
    w->n_admins++;
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
    struct world_topic *t = &a->world->topics[a->topic];

    if (status != 0 || r->topics.n != 1 ||
        !settled(a, r->topics.ptr[0].error_code, KERR_TOPIC_ALREADY_EXISTS)) {
        again(a);
        return;
    }
    if (r->topics.ptr[0].error_code == 0) {
        t->id = r->topics.ptr[0].topic_id;
    }
    if (uuid_is_zero(t->id)) { /* it exists: as which? */
        world_refresh(a->world);
        again(a);
        return;
    }
    over(a);
    t->state = TOPIC_IS;
    t->known_us = sim_now_us(a->world->sim);
    a->world->counts.topics_created++;
    a->world->counts.topics_again += t->before >= 0;
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

bool admin_room(const struct world *w)
{
    return w->topics[WORLD_TOPICS_MAX - 1].state == TOPIC_FREE;
}

unsigned admin_create_again(struct world *w, unsigned topic)
{
    struct world_topic *t = &w->topics[topic];
    unsigned i = admin_create(w, t->name, t->n_created, t->n_replicas);

    ASSERT(t->state == TOPIC_DELETED && !t->followed);
    t->followed = true;
    w->topics[i].before = (int)topic;
    return i;
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
    w->topics[i].id = uuid_zero;
    w->topics[i].before = -1;
    w->topics[i].n_partitions = w->topics[i].n_created = n_partitions;
    w->topics[i].n_replicas = n_replicas;
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

    if (!settled(a, code, KERR_UNKNOWN_TOPIC_ID)) {
        again(a);
        return;
    }
    over(a);
    a->world->topics[a->topic].state = TOPIC_DELETED;
    a->world->counts.topics_deleted++;
}

static void ask_delete(struct admin *a)
{
    struct delete_topics_request r;
    struct delete_topics_request_topic t;

    /* By id: a request that comes late does not hit the next of this name. */
    wire_struct_init(&wire_delete_topics_request_topic, &t);
    t.name = (struct slice){NULL, 0};
    t.topic_id = a->world->topics[a->topic].id;
    wire_init(&wire_delete_topics_request, &r);
    r.topics.ptr = &t;
    r.topics.n = 1;
    r.timeout_ms = ASK_MS / 2;
    client_call(world_client(a->world, a->clients, a->at),
                &wire_delete_topics_request, DELETE_VERSION, &r, ASK_MS,
                on_deleted, a);
}

void admin_delete(struct world *w, unsigned topic)
{
    ASSERT(w->topics[topic].state == TOPIC_IS);
    ASSERT(!uuid_is_zero(w->topics[topic].id));
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
        over(a);
        return;
    }
    if (status != 0 || r->results.n != 1 ||
        !settled(a, r->results.ptr[0].error_code, KERR_INVALID_PARTITIONS)) {
        again(a);
        return;
    }
    over(a);
    if (t->n_partitions < a->n_partitions) { /* or others had asked for more */
        t->n_partitions = a->n_partitions;
    }
    t->known_us = sim_now_us(a->world->sim);
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
        over(a);
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
    book_start_told(a->book, r->topics.ptr[0].partitions.ptr[0].low_watermark,
                    "DeleteRecords");
    over(a);
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

/* ---- settings ---------------------------------------------------------------
 */

static void on_configured(void *arg, int status, const void *response)
{
    struct admin *a = arg;
    const struct incremental_alter_configs_response *r = response;

    if (a->world->topics[a->topic].state != TOPIC_IS) {
        over(a);
        return;
    }
    if (status != 0 || r->responses.n != 1 ||
        !settled(a, r->responses.ptr[0].error_code, 0)) {
        again(a);
        return;
    }
    over(a);
    a->world->counts.configs++;
}

static void ask_config(struct admin *a)
{
    struct incremental_alter_configs_request r;
    struct incremental_alter_configs_request_resource t;
    struct incremental_alter_configs_request_config c;

    wire_init(&wire_incremental_alter_configs_request, &r);
    wire_struct_init(&wire_incremental_alter_configs_request_resource, &t);
    wire_struct_init(&wire_incremental_alter_configs_request_config, &c);
    c.name = slice_str(a->setting);
    c.value = slice_str(a->value);
    c.config_operation = 0; /* set */
    t.resource_type = 2;    /* a topic */
    t.resource_name = slice_str(a->world->topics[a->topic].name);
    t.configs.ptr = &c;
    t.configs.n = 1;
    r.resources.ptr = &t;
    r.resources.n = 1;
    client_call(world_client(a->world, a->clients, a->at),
                &wire_incremental_alter_configs_request, CONFIG_VERSION, &r,
                ASK_MS, on_configured, a);
}

void admin_configure(struct world *w, unsigned topic, const char *name,
                     const char *value)
{
    struct admin *a;

    ASSERT(w->topics[topic].state == TOPIC_IS);
    for (unsigned i = 0;
         strncmp(name, "retention.", 10) == 0 && i < WORLD_PARTITIONS_MAX;
         i++) {
        w->topics[topic].books[i].retained = true;
    }
    a = admin_new(w, ADMIN_CONFIG, topic);
    snprintf(a->setting, sizeof a->setting, "%s", name);
    snprintf(a->value, sizeof a->value, "%s", value);
}

/* ---- what was deleted -------------------------------------------------------
 */

bool admin_wait(struct world *w, uint64_t limit_us)
{
    uint64_t end = sim_now_us(w->sim) + limit_us;

    while (w->n_admins > 0 && !world_broken(w) && sim_now_us(w->sim) < end) {
        sim_run_until(w->sim, sim_now_us(w->sim) + 50000, NULL);
    }
    if (w->n_admins > 0) {
        world_violation(w, "stuck", "%u admin operations are not answered",
                        w->n_admins);
    }
    return !world_broken(w);
}

struct ghost {
    struct fetching fetching;
    struct client *client;
    unsigned node;
    bool done;
};

static void ghost_ask(struct ghost *g)
{
    fetching_start(&g->fetching, g->client, g->node, true, 10, 10000);
}

static void on_ghost(struct fetching *f, int error, int64_t high_watermark,
                     int64_t log_start)
{
    struct ghost *g = f->data;
    struct book *b = f->reader.book;

    (void)high_watermark;
    (void)log_start;
    g->done = error == KERR_UNKNOWN_TOPIC_ID;
    if (error == 0) {
        world_violation(b->world, "revived",
                        "%s (topic %u) was deleted, and node %u answers for "
                        "its id",
                        b->world->topics[b->topic].name, b->topic, g->node);
    } else if (!g->done && !world_broken(b->world)) {
        ghost_ask(g); /* takes time: no endless loop */
    }
}

void admin_judge_deleted(struct world *w, uint64_t limit_us)
{
    uint64_t end = sim_now_us(w->sim) + limit_us;

    for (unsigned i = 0; i < WORLD_TOPICS_MAX; i++) {
        struct world_topic *t = &w->topics[i];
        for (unsigned id = 1;
             t->state == TOPIC_DELETED && id <= sim_cluster_nodes(w->cluster);
             id++) {
            struct ghost *g;
            struct client *clients[SIM_NODES_MAX + 1] = {NULL};
            if (w->down & 1u << id) {
                continue;
            }
            g = mem_calloc(w->mem, 1, sizeof *g);
            ASSERT(g != NULL);
            g->node = id;
            g->client = world_client(w, clients, id);
            fetching_init(&g->fetching, &t->books[0], 0, on_ghost, g);
            ghost_ask(g);
            while (!g->done && !world_broken(w) && sim_now_us(w->sim) < end) {
                sim_run_until(w->sim, sim_now_us(w->sim) + 20000, &g->done);
            }
            if (!g->done) {
                world_violation(w, "stuck",
                                "%s (topic %u): node %u does not "
                                "say that it was deleted",
                                t->name, i, id);
                return;
            }
        }
    }
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
    case ADMIN_CONFIG:
        ask_config(a);
        break;
    }
}
