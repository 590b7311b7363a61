/* consumer.c - reads all partitions as they grow, and now and then asks for
 * the latest offset, which may not be behind what was acknowledged before. */
#include "base/assert.h"
#include "fetching.h"
#include "wire/errors.h"
#include "wire/gen/list_offsets.h"

#define TICK_MS      20
#define WAIT_MS      200
#define BYTES_MAX    60000
#define LIST_VERSION 6

struct consumer {
    struct world *world;
    struct env_timer timer;
    struct client *clients[SIM_NODES_MAX + 1];
    struct client *askers[SIM_NODES_MAX + 1];
    struct fetching fetching[WORLD_TOPICS_MAX][WORLD_PARTITIONS_MAX];
    struct book *asked; /* for its latest offset */
    int64_t asked_end;
};

/* The records from here on may be gone. */
static void out_of_range(struct fetching *f)
{
    struct book *b = f->reader.book;
    struct world *w = b->world;

    if (f->reader.pos >= b->cut && f->reader.pos <= b->known_end) {
        world_violation(w, "acked-lost",
                        "%s-%u: %s asked for offset %lld of %lld known ones "
                        "and was told that it is out of range",
                        w->topics[b->topic].name, b->partition, f->who,
                        (long long)f->reader.pos, (long long)b->known_end);
    } else {
        book_reader_init(&f->reader, b, b->cut);
    }
}

static void on_fetched(struct fetching *f, int error, int64_t high_watermark,
                       int64_t log_start)
{
    struct world *w = f->reader.book->world;

    (void)high_watermark;
    (void)log_start;
    if (w->topics[f->reader.book->topic].state != TOPIC_IS) {
        return;
    }
    if (error == KERR_OFFSET_OUT_OF_RANGE) {
        out_of_range(f);
    } else if (error != 0 && !f->debug) {
        world_refresh(w);
    }
}

static void on_latest(void *arg, int status, const void *response)
{
    struct consumer *c = arg;
    struct book *b = c->asked;
    struct world *w = c->world;
    const struct list_offsets_response *r = response;

    c->asked = NULL;
    if (status != 0 || w->topics[b->topic].state != TOPIC_IS) {
        return;
    }
    ASSERT(r->topics.n == 1 && r->topics.ptr[0].partitions.n == 1);
    if (r->topics.ptr[0].partitions.ptr[0].error_code == 0) {
        int64_t latest = r->topics.ptr[0].partitions.ptr[0].offset;
        w->counts.latest++;
        if (latest < c->asked_end) {
            world_violation(w, "latest",
                            "%s-%u: %lld was acknowledged before "
                            "the latest offset was asked for; it is %lld",
                            w->topics[b->topic].name, b->partition,
                            (long long)c->asked_end, (long long)latest);
        }
    }
}

static void ask_latest(struct consumer *c, struct book *b, unsigned node)
{
    struct world *w = c->world;
    struct list_offsets_request r;
    struct list_offsets_request_topic t;
    struct list_offsets_request_partition p;

    c->asked = b;
    c->asked_end = b->acked_end;
    wire_init(&wire_list_offsets_request, &r);
    wire_struct_init(&wire_list_offsets_request_topic, &t);
    wire_struct_init(&wire_list_offsets_request_partition, &p);
    p.partition_index = (int32_t)b->partition;
    p.current_leader_epoch = -1;
    p.timestamp = -1;
    t.name = slice_str(w->topics[b->topic].name);
    t.partitions.ptr = &p;
    t.partitions.n = 1;
    r.replica_id = -1;
    r.topics.ptr = &t;
    r.topics.n = 1;
    client_call(world_client(w, c->askers, node), &wire_list_offsets_request,
                LIST_VERSION, &r, 3000, on_latest, c);
}

static void look(struct consumer *c, struct fetching *f)
{
    struct world *w = c->world;
    struct book *b = f->reader.book;
    bool debug = world_below(w, 10) == 0;
    unsigned any = 1 + (unsigned)world_below(w, sim_cluster_nodes(w->cluster));

    if (b->leader < 1) {
        world_refresh(w);
        return;
    }
    if (c->asked == NULL && world_below(w, 20) == 0) {
        /* Some old leader may still believe in itself. */
        ask_latest(c, b, world_below(w, 4) == 0 ? any : (unsigned)b->leader);
    }
    if (!f->under_way) {
        unsigned node = debug ? any : (unsigned)b->leader;
        fetching_start(f, world_client(w, c->clients, node), node, debug,
                       WAIT_MS, 200 + (unsigned)world_below(w, BYTES_MAX));
    }
}

static void on_tick(struct env_timer *t)
{
    struct consumer *c = t->data;
    struct world *w = c->world;

    env_timer_start(w->env, t, env_now_ms(w->env) + TICK_MS);
    if (world_broken(w)) {
        return;
    }
    for (unsigned i = 0; i < WORLD_TOPICS_MAX; i++) {
        struct world_topic *wt = &w->topics[i];
        for (unsigned k = 0; wt->state == TOPIC_IS && k < wt->n_partitions;
             k++) {
            struct fetching *f = &c->fetching[i][k];
            if (f->cb == NULL) {
                fetching_init(f, &wt->books[k], wt->books[k].cut, on_fetched,
                              c);
            }
            look(c, f);
        }
    }
}

void consumer_start(struct world *w)
{
    struct consumer *c = mem_calloc(w->mem, 1, sizeof *c);

    ASSERT(c != NULL && w->n_consumers < WORLD_ACTORS_MAX);
    c->world = w;
    w->consumers[w->n_consumers++] = c;
    env_timer_init(&c->timer, on_tick, c);
    env_timer_start(w->env, &c->timer, env_now_ms(w->env) + TICK_MS);
}
