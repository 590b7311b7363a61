/* world.c - see world.h. */
#include "world.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "wire/gen/metadata.h"

#define METADATA_VERSION 12
#define METADATA_MS      1000
#define METADATA_GAP_MS  50

static void on_client_node(struct env *e, void *arg)
{
    ((struct world *)arg)->env = e;
}

void world_init(struct world *w, struct sim *sim, struct sim_cluster *cluster,
                uint64_t seed)
{
    *w = (struct world){.sim = sim, .cluster = cluster, .mem = mem_new(0)};
    ASSERT(w->mem != NULL);
    rand_init(&w->rand, seed ^ 0x636c69656e7473);
    ASSERT(sim_node_start(sim, WORLD_CLIENT_NODE, "clients",
                          sim_disk_new(sim, WORLD_CLIENT_NODE), on_client_node,
                          w, NULL) == 0);
}

void world_close(struct world *w)
{
    mem_free_all(w->mem);
}

void world_violation(struct world *w, const char *invariant, const char *fmt,
                     ...)
{
    va_list ap;

    if (world_broken(w)) {
        return;
    }
    snprintf(w->invariant, sizeof w->invariant, "%s", invariant);
    w->violation_us = sim_now_us(w->sim);
    va_start(ap, fmt);
    vsnprintf(w->violation, sizeof w->violation, fmt, ap);
    va_end(ap);
}

uint64_t world_below(struct world *w, uint64_t n)
{
    return rand_below(&w->rand, n);
}

struct client *world_client(struct world *w, struct client *clients[],
                            unsigned id)
{
    ASSERT(id >= 1 && id <= sim_cluster_nodes(w->cluster));
    if (clients[id] == NULL) {
        char host[16];
        snprintf(host, sizeof host, "n%u", id);
        clients[id] = client_new(w->env, w->mem, host, SIM_CLIENT_PORT);
    }
    return clients[id];
}

/* ---- who leads what
 * ---------------------------------------------------------- */

/* The topic of this id; else the one of this name whose id nobody knows, which
 * it is then: where a create was answered by "exists" only. */
static struct world_topic *topic_found(struct world *w, struct slice name,
                                       struct uuid id)
{
    struct world_topic *named = NULL;

    for (unsigned i = 0; i < WORLD_TOPICS_MAX; i++) {
        struct world_topic *t = &w->topics[i];
        if (t->state == TOPIC_FREE || !slice_equal(slice_str(t->name), name)) {
            continue;
        }
        if (uuid_equal(t->id, id)) {
            return t;
        }
        if (uuid_is_zero(t->id)) {
            named = t;
        }
    }
    if (named != NULL && !uuid_is_zero(id)) {
        named->id = id;
    }
    return named;
}

static void learn(struct world *w, const struct metadata_response_topic *mt)
{
    struct world_topic *t =
        mt->error_code == 0 ? topic_found(w, mt->name, mt->topic_id) : NULL;

    for (uint32_t i = 0; t != NULL && i < mt->partitions.n; i++) {
        const struct metadata_response_partition *mp = &mt->partitions.ptr[i];
        struct book *b;
        if (mp->partition_index < 0 ||
            mp->partition_index >= (int32_t)t->n_partitions) {
            continue;
        }
        b = &t->books[mp->partition_index];
        b->replicas = 0;
        for (uint32_t k = 0; k < mp->replica_nodes.n; k++) {
            b->replicas |= 1u << mp->replica_nodes.ptr[k];
        }
        if (mp->leader_id > 0 && mp->leader_epoch >= b->epoch) {
            w->counts.elections += mp->leader_epoch > b->epoch;
            b->leader = mp->leader_id;
            b->epoch = mp->leader_epoch;
        }
    }
}

static unsigned partitions_told(const struct metadata_response *m,
                                struct uuid topic)
{
    for (uint32_t i = 0; i < m->topics.n; i++) {
        if (uuid_equal(m->topics.ptr[i].topic_id, topic)) {
            return m->topics.ptr[i].partitions.n;
        }
    }
    return 0;
}

/* A node serves when it knows all that was committed before it began: of a
 * topic that was there by then it never says that there is none. */
static void judge_unknown(struct world *w, const struct metadata_response *m)
{
    unsigned id = w->metadata_at;

    if (sim_cluster_life(w->cluster, id) != w->metadata_life) {
        return;
    }
    for (unsigned i = 0; i < WORLD_TOPICS_MAX; i++) {
        const struct world_topic *t = &w->topics[i];
        if (t->state == TOPIC_IS &&
            t->known_us < sim_cluster_since_us(w->cluster, id) &&
            partitions_told(m, t->id) < t->n_partitions) {
            world_violation(w, "unknown",
                            "node %u knows %u of %u partitions of %s, which "
                            "were there before it began",
                            id, partitions_told(m, t->id), t->n_partitions,
                            t->name);
        }
    }
}

static void on_metadata(void *arg, int status, const void *response)
{
    struct world *w = arg;
    const struct metadata_response *m = response;

    w->metadata_under_way = false;
    w->metadata_ms = env_now_ms(w->env);
    w->counts.metadata++;
    for (uint32_t i = 0; status == 0 && i < m->topics.n; i++) {
        learn(w, &m->topics.ptr[i]);
    }
    if (status == 0) {
        judge_unknown(w, m);
    }
}

void world_refresh(struct world *w)
{
    struct metadata_request m;
    unsigned id;

    if (w->metadata_under_way ||
        env_now_ms(w->env) < w->metadata_ms + METADATA_GAP_MS) {
        return;
    }
    id = 1 + (unsigned)world_below(w, sim_cluster_nodes(w->cluster));
    wire_init(&wire_metadata_request, &m);
    m.topics.ptr = NULL; /* all */
    m.topics.n = 0;
    m.allow_auto_topic_creation = false;
    w->metadata_under_way = true;
    w->metadata_at = id;
    w->metadata_life = sim_cluster_life(w->cluster, id);
    client_call(world_client(w, w->metadata, id), &wire_metadata_request,
                METADATA_VERSION, &m, METADATA_MS, on_metadata, w);
}
