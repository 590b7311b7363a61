/* consumer.c - reads all partitions as they grow, and now and then asks for
 * offsets: the latest may not be behind what was acknowledged before, the one
 * of a time not behind a record of that time that was read before. */
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
    struct book *asked; /* for an offset */
    enum asked_for { LATEST, EARLIEST, BY_TIME } what;
    int64_t at_least, at_most, time;
};

/* The records from here on may be gone. */
static void out_of_range(struct fetching *f, int64_t log_start)
{
    struct book *b = f->reader.book;
    struct world *w = b->world;

    if (b->retained && log_start > f->reader.pos) {
        book_reader_init(&f->reader, b, log_start);
    } else if (f->reader.pos >= b->cut && f->reader.pos <= b->known_end) {
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
    if (w->topics[f->reader.book->topic].state != TOPIC_IS) {
        return;
    }
    if (error == KERR_OFFSET_OUT_OF_RANGE) {
        out_of_range(f, log_start);
    } else if (error != 0 && !f->debug) {
        world_refresh(w);
    }
}

/* ---- asking for offsets -----------------------------------------------------
 */

/* The time of a record that was read, and the first that is as late. */
static void choose_time(struct consumer *c)
{
    struct book *b = c->asked;
    struct world *w = c->world;
    uint64_t n = (uint64_t)(b->known_end - b->cut);
    int64_t i = b->cut + (int64_t)(n == 0 ? 0 : world_below(w, n));

    if (n == 0 || b->cells[i].time == 0) {
        c->what = LATEST;
        return;
    }
    c->time = b->cells[i].time + (int64_t)world_below(w, 3) - 1;
    c->at_most = INT64_MAX;
    for (i = b->cut; i < b->known_end; i++) {
        if (b->cells[i].time >= c->time) {
            c->at_most = i;
            return;
        }
    }
}

static void judge_time(struct consumer *c, int64_t offset, int64_t time)
{
    struct book *b = c->asked;
    struct world *w = c->world;
    int64_t known =
        offset >= 0 && offset < (int64_t)b->n_cells ? b->cells[offset].time : 0;

    w->counts.by_time++;
    if (c->at_most < b->cut || (b->retained && offset > c->at_most)) {
        return; /* deleted meanwhile */
    }
    if (c->at_most == INT64_MAX && offset < 0) {
        return;
    }
    if (offset < 0 || offset > c->at_most || time < c->time ||
        (known != 0 && known != time)) {
        world_violation(w, "by-time",
                        "%s-%u: asked for time %lld, which stands at %lld, and "
                        "told offset %lld of time %lld (known: %lld)",
                        w->topics[b->topic].name, b->partition,
                        (long long)c->time, (long long)c->at_most,
                        (long long)offset, (long long)time, (long long)known);
    }
}

static void judge_end(struct consumer *c, int64_t offset)
{
    struct book *b = c->asked;
    struct world *w = c->world;

    if (c->what == EARLIEST) {
        w->counts.earliest++;
        book_start_told(b, offset, "ListOffsets");
        return;
    }
    w->counts.latest++;
    if (offset < c->at_least) {
        world_violation(w, "latest",
                        "%s-%u: %lld was acknowledged before "
                        "the latest offset was asked for; it is %lld",
                        w->topics[b->topic].name, b->partition,
                        (long long)c->at_least, (long long)offset);
    }
}

static void on_offset(void *arg, int status, const void *response)
{
    struct consumer *c = arg;
    const struct list_offsets_response *r = response;
    const struct list_offsets_response_partition *p;

    if (status == 0 && c->world->topics[c->asked->topic].state == TOPIC_IS) {
        ASSERT(r->topics.n == 1 && r->topics.ptr[0].partitions.n == 1);
        p = &r->topics.ptr[0].partitions.ptr[0];
        if (p->error_code == 0 && c->what == BY_TIME) {
            judge_time(c, p->offset, p->timestamp);
        } else if (p->error_code == 0) {
            judge_end(c, p->offset);
        }
    }
    c->asked = NULL;
}

static void ask_offset(struct consumer *c, struct book *b, unsigned node)
{
    struct world *w = c->world;
    struct list_offsets_request r;
    struct list_offsets_request_topic t;
    struct list_offsets_request_partition p;

    c->asked = b;
    c->at_least = b->acked_end;
    c->what = (enum asked_for)world_below(w, 3);
    if (c->what == BY_TIME) {
        choose_time(c);
    }
    wire_init(&wire_list_offsets_request, &r);
    wire_struct_init(&wire_list_offsets_request_topic, &t);
    wire_struct_init(&wire_list_offsets_request_partition, &p);
    p.partition_index = (int32_t)b->partition;
    p.current_leader_epoch = -1;
    p.timestamp = c->what == LATEST ? -1 : c->what == EARLIEST ? -2 : c->time;
    t.name = slice_str(w->topics[b->topic].name);
    t.partitions.ptr = &p;
    t.partitions.n = 1;
    r.replica_id = -1;
    r.topics.ptr = &t;
    r.topics.n = 1;
    client_call(world_client(w, c->askers, node), &wire_list_offsets_request,
                LIST_VERSION, &r, 3000, on_offset, c);
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
        ask_offset(c, b, world_below(w, 4) == 0 ? any : (unsigned)b->leader);
    }
    if (!f->under_way) {
        bool astray = w->astray && world_below(w, 4) == 0;
        unsigned node = debug || astray ? any : (unsigned)b->leader;
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
