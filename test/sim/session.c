/* session.c - a consumer as the real ones are: per node one connection and one
 * incremental fetch session (KIP-227, topics by id) over all partitions that
 * it leads, as far as known. Says only what changed, and sometimes begins
 * anew. Each partition's reader moves with its leader from session to session.
 */
#include <stdio.h>

#include "base/assert.h"
#include "beginning.h"
#include "wire/errors.h"
#include "wire/gen/fetch.h"
#include "world.h"

#define FETCH_VERSION 17
#define TICK_MS       20
#define WAIT_MS       300
#define BYTES_MAX     60000
#define ALL_MAX       (WORLD_TOPICS_MAX * WORLD_PARTITIONS_MAX)
#define NOT_HELD      (-1)

struct sessions;

struct session {
    struct sessions *owner;
    struct client *client;
    unsigned node, life; /* life: when it was asked */
    int32_t id, epoch;
    bool under_way;
    char who[40];
    /* The offset it holds of each partition, or NOT_HELD. */
    int64_t held[WORLD_TOPICS_MAX][WORLD_PARTITIONS_MAX];
};

struct sessions {
    struct world *world;
    struct env_timer timer;
    struct book_reader readers[WORLD_TOPICS_MAX][WORLD_PARTITIONS_MAX];
    struct beginning beginnings[WORLD_TOPICS_MAX][WORLD_PARTITIONS_MAX];
    struct session sessions[SIM_NODES_MAX + 1]; /* by node */
};

/* A request's arrays: one topic entry per partition is legal. */
struct session_lists {
    struct fetch_request_topic topics[ALL_MAX];
    struct fetch_request_partition partitions[ALL_MAX];
    struct fetch_request_forgotten_topic gone[ALL_MAX];
    int32_t gone_partitions[ALL_MAX];
    unsigned n, n_gone;
};

static void session_reset(struct session *s)
{
    s->id = 0;
    s->epoch = 0;
    for (unsigned i = 0; i < WORLD_TOPICS_MAX; i++) {
        for (unsigned k = 0; k < WORLD_PARTITIONS_MAX; k++) {
            s->held[i][k] = NOT_HELD;
        }
    }
}

/* ---- answers ----------------------------------------------------------------
 */

static struct world_topic *topic_of(struct world *w, struct uuid id)
{
    for (unsigned i = 0; i < WORLD_TOPICS_MAX; i++) {
        if (w->topics[i].state != TOPIC_FREE &&
            uuid_equal(w->topics[i].id, id)) {
            return &w->topics[i];
        }
    }
    return NULL;
}

/* Nothing explains it: a record that is known may not be out of range. */
static void judge_range(struct session *s, struct book_reader *r)
{
    struct book *b = r->book;
    struct world *w = b->world;

    if (r->pos >= b->cut && r->pos <= b->known_end) {
        world_violation(w, "acked-lost",
                        "%s-%u: %s asked for offset %lld of %lld known "
                        "ones and was told that it is out of range",
                        w->topics[b->topic].name, b->partition, s->who,
                        (long long)r->pos, (long long)b->known_end);
    }
    book_reader_init(r, b, b->cut);
}

static void on_beginning(struct beginning *g, int64_t start)
{
    struct session *s = g->data;
    struct book *b = g->book;
    struct book_reader *r = &s->owner->readers[b->topic][b->partition];

    if (start < 0 || r->pos != g->pos) {
        return; /* asked again, or another session went on with it */
    }
    if (start > r->pos) {
        book_reader_init(r, b, start);
    } else {
        judge_range(s, r);
    }
}

static void out_of_range(struct session *s, struct book_reader *r)
{
    struct book *b = r->book;
    struct beginning *g = &s->owner->beginnings[b->topic][b->partition];

    if (s->held[b->topic][b->partition] != r->pos) {
        return; /* meant the place from which another session moved it */
    }
    if (!b->retained) {
        judge_range(s, r);
    } else if (!g->under_way) {
        beginning_ask(g, b, r->pos, s->client, s->node, s->life, on_beginning,
                      s);
    }
}

static void take(struct session *s, unsigned topic,
                 const struct fetch_response_partition *p)
{
    struct world *w = s->owner->world;
    unsigned k = (unsigned)p->partition_index;
    struct book_reader *r = &s->owner->readers[topic][k];

    if (k >= WORLD_PARTITIONS_MAX || s->held[topic][k] == NOT_HELD) {
        world_violation(w, "refused",
                        "%s was told of topic %u, partition %u, "
                        "which it did not ask for",
                        s->who, topic, k);
        return;
    }
    if (p->error_code == 0) {
        book_start_told(r->book, p->log_start_offset, s->who);
        book_read(r, slice_of(p->records.data, p->records.len), s->who);
    } else if (p->error_code == KERR_OFFSET_OUT_OF_RANGE &&
               w->topics[topic].state == TOPIC_IS) {
        out_of_range(s, r);
    } else {
        world_refresh(w);
    }
}

static void on_fetched(void *arg, int status, const void *response)
{
    struct session *s = arg;
    struct world *w = s->owner->world;
    const struct fetch_response *r = response;

    s->under_way = false;
    if (status != 0 || r->error_code != 0) {
        session_reset(s);
        return;
    }
    for (uint32_t i = 0; i < r->responses.n && !world_broken(w); i++) {
        const struct fetch_response_response *t = &r->responses.ptr[i];
        struct world_topic *wt = topic_of(w, t->topic_id);
        if (wt == NULL) {
            world_violation(w, "refused",
                            "%s was told of a topic by an id "
                            "that nobody asked for",
                            s->who);
            return;
        }
        for (uint32_t k = 0; k < t->partitions.n; k++) {
            take(s, (unsigned)(wt - w->topics), &t->partitions.ptr[k]);
        }
    }
    w->counts.sessions += s->epoch > 0;
    if (r->session_id == 0) {
        session_reset(s);
    } else {
        s->id = r->session_id;
        s->epoch++;
    }
}

/* ---- requests ---------------------------------------------------------------
 */

static void want(struct session *s, struct session_lists *l, unsigned topic,
                 unsigned partition)
{
    struct world *w = s->owner->world;
    struct book_reader *r = &s->owner->readers[topic][partition];
    struct fetch_request_partition *p = &l->partitions[l->n];
    struct fetch_request_topic *t = &l->topics[l->n++];

    wire_struct_init(&wire_fetch_request_topic, t);
    wire_struct_init(&wire_fetch_request_partition, p);
    p->partition = (int32_t)partition;
    p->current_leader_epoch = -1;
    p->fetch_offset = r->pos;
    p->last_fetched_epoch = -1;
    p->log_start_offset = -1;
    p->partition_max_bytes = 200 + (int32_t)world_below(w, BYTES_MAX);
    t->topic_id = w->topics[topic].id;
    t->partitions.ptr = p;
    t->partitions.n = 1;
    s->held[topic][partition] = r->pos;
}

static void forget(struct session *s, struct session_lists *l, unsigned topic,
                   unsigned partition)
{
    struct fetch_request_forgotten_topic *t = &l->gone[l->n_gone];

    wire_struct_init(&wire_fetch_request_forgotten_topic, t);
    l->gone_partitions[l->n_gone] = (int32_t)partition;
    t->topic_id = s->owner->world->topics[topic].id;
    t->partitions.ptr = &l->gone_partitions[l->n_gone++];
    t->partitions.n = 1;
    s->held[topic][partition] = NOT_HELD;
}

static void plan(struct session *s, struct session_lists *l)
{
    struct world *w = s->owner->world;

    for (unsigned i = 0; i < WORLD_TOPICS_MAX; i++) {
        struct world_topic *t = &w->topics[i];
        for (unsigned k = 0; k < WORLD_PARTITIONS_MAX; k++) {
            struct book_reader *r = &s->owner->readers[i][k];
            bool wanted = t->state == TOPIC_IS && k < t->n_partitions &&
                          t->books[k].leader == (int32_t)s->node;
            if (wanted && r->book == NULL) {
                book_reader_init(r, &t->books[k], t->books[k].cut);
            }
            if (wanted && s->held[i][k] != r->pos) {
                want(s, l, i, k);
            } else if (!wanted && s->held[i][k] != NOT_HELD) {
                forget(s, l, i, k);
            }
        }
    }
}

static void session_ask(struct session *s)
{
    struct world *w = s->owner->world;
    struct session_lists l = {.n = 0};
    struct fetch_request r;

    if (s->epoch > 0 && world_below(w, 100) == 0) {
        session_reset(s);
    }
    plan(s, &l);
    if (s->epoch == 0 && l.n == 0) {
        return;
    }
    wire_init(&wire_fetch_request, &r);
    r.replica_state.replica_id = -1;
    r.max_wait_ms = WAIT_MS;
    r.min_bytes = 1;
    r.max_bytes = BYTES_MAX;
    r.session_id = s->id;
    r.session_epoch = s->epoch;
    r.topics.ptr = l.topics;
    r.topics.n = l.n;
    r.forgotten_topics_data.ptr = l.gone;
    r.forgotten_topics_data.n = l.n_gone;
    s->under_way = true;
    s->life = sim_cluster_life(w->cluster, s->node);
    client_call(s->client, &wire_fetch_request, FETCH_VERSION, &r,
                WAIT_MS + 3000, on_fetched, s);
}

static void on_tick(struct env_timer *t)
{
    struct sessions *ss = t->data;
    struct world *w = ss->world;

    env_timer_start(w->env, t, env_now_ms(w->env) + TICK_MS);
    for (unsigned id = 1;
         !world_broken(w) && id <= sim_cluster_nodes(w->cluster); id++) {
        if (!ss->sessions[id].under_way) {
            session_ask(&ss->sessions[id]);
        }
    }
}

void session_start(struct world *w)
{
    struct sessions *ss = mem_calloc(w->mem, 1, sizeof *ss);
    struct client *clients[SIM_NODES_MAX + 1] = {NULL};

    ASSERT(ss != NULL);
    ss->world = w;
    for (unsigned id = 1; id <= sim_cluster_nodes(w->cluster); id++) {
        struct session *s = &ss->sessions[id];
        *s = (struct session){.owner = ss, .node = id};
        s->client = world_client(w, clients, id);
        snprintf(s->who, sizeof s->who, "a session with node %u", id);
        session_reset(s);
    }
    env_timer_init(&ss->timer, on_tick, ss);
    env_timer_start(w->env, &ss->timer, env_now_ms(w->env) + TICK_MS);
}
