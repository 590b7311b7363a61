/* producer.c - a producer, as the real clients behave.
 *
 * For each partition a lane of at most five batches under way. An idempotent
 * producer sends all of them again, in order and with the same sequence
 * numbers, when one failed and the answers of the others are in, until each is
 * acknowledged. Until the log knows it, it sends one at a time: where nothing
 * is known of a producer any sequence may begin (record/sequence.h), so that of
 * a pipeline whose first batches found no leader yet a later one could be taken
 * for the beginning. Others send one at a time, again too (its duplicates are
 * allowed), unless the topic is gone. acks=1 promises here what acks=all does.
 * With acks=0 each batch is sent once, and nothing is known of it; what was
 * sent on one connection (a run) is in order.
 * Who sends `twice` sends some batches again at once, on the same connection or
 * another, as one that lost patience does: often both come in one turn of the
 * node. What counts is the better answer, and both say the same offset.
 */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "record/build.h"
#include "wire/errors.h"
#include "wire/gen/init_producer_id.h"
#include "wire/gen/produce.h"
#include "world.h"

#define PRODUCE_VERSION 9
#define INIT_VERSION    4
#define IN_FLIGHT_MAX   5
#define TICK_MS         5
#define RETRY_MS        40
#define COPIED          3 /* of so many batches one is sent twice */

struct lane;

struct shot {
    struct queue queue;
    struct lane *lane;
    struct buf bytes;
    uint32_t seq;
    unsigned n;
    unsigned n_flying; /* 1, or 2 with a copy */
    bool acked;        /* a copy flies yet */
    unsigned number;   /* of the lane's */
};

/* What a producer with acks=0 sent on one connection. */
struct run {
    uint32_t seq; /* the first */
    int32_t to;
    unsigned connection;
};

struct lane {
    struct producer *producer;
    struct book *book;
    struct queue shots; /* in order */
    unsigned n_shots, n_flying;
    unsigned n_loaded; /* ever */
    int32_t to;        /* the node that those under way went to */
    uint32_t next_seq;
    uint64_t next_ms, retry_ms;
    bool failed;
    bool acked; /* something: the log knows the producer */
    bool spent; /* of a producer that says one thing */
    struct run *runs;
    size_t n_runs;
};

struct producer {
    struct world *world;
    unsigned number;
    struct producer_options o;
    struct env_timer timer;
    struct client *clients[SIM_NODES_MAX + 1];
    struct client *others[SIM_NODES_MAX + 1]; /* for copies */
    int64_t id;
    int16_t epoch;
    bool asking;
    unsigned ask_at;
    struct lane lanes[WORLD_TOPICS_MAX][WORLD_PARTITIONS_MAX];
};

bool producer_waits(const struct producer *p, unsigned topic,
                    unsigned partition)
{
    const struct world_topic *t = &p->world->topics[topic];
    const struct lane *l = &p->lanes[topic][partition];

    return l->n_shots > 0 || (p->o.once && !l->spent && t->state == TOPIC_IS &&
                              partition < t->n_partitions);
}

bool producer_idle(const struct producer *p)
{
    for (unsigned t = 0; t < WORLD_TOPICS_MAX; t++) {
        for (unsigned i = 0; i < WORLD_PARTITIONS_MAX; i++) {
            if (producer_waits(p, t, i)) {
                return false;
            }
        }
    }
    return true;
}

/* ---- its id -----------------------------------------------------------------
 */

static void on_id(void *arg, int status, const void *response)
{
    struct producer *p = arg;
    const struct init_producer_id_response *r = response;

    p->asking = false;
    if (status == 0 && r->error_code == 0) {
        p->id = r->producer_id;
        p->epoch = r->producer_epoch;
        for (unsigned i = 0; i < p->world->n_producers; i++) {
            const struct producer *o = p->world->producers[i];
            if (o != p && o->o.idempotent && o->id == p->id) {
                world_violation(p->world, "refused",
                                "producer id %lld was given twice",
                                (long long)p->id);
            }
        }
    }
}

static void ask_id(struct producer *p)
{
    struct init_producer_id_request r;

    if (p->asking) {
        return;
    }
    p->asking = true;
    p->ask_at = 1 + p->ask_at % sim_cluster_nodes(p->world->cluster);
    wire_init(&wire_init_producer_id_request, &r);
    r.transactional_id = (struct slice){NULL, 0};
    client_call(world_client(p->world, p->clients, p->ask_at),
                &wire_init_producer_id_request, INIT_VERSION, &r, 2000, on_id,
                p);
}

/* ---- answers ----------------------------------------------------------------
 */

static void shot_free(struct shot *s)
{
    queue_remove(&s->queue);
    s->lane->n_shots--;
    buf_close(&s->bytes);
    mem_free(s->lane->producer->world->mem, s);
}

static void lane_forget(struct lane *l)
{
    struct queue *q, *tmp;

    QUEUE_FOREACH(q, tmp, &l->shots)
    {
        struct shot *s = QUEUE_ENTRY(q, struct shot, queue);
        if (s->n_flying == 0) {
            shot_free(s);
        }
    }
}

static bool topic_there(const struct lane *l)
{
    return l->book->world->topics[l->book->topic].state == TOPIC_IS;
}

/* An answer that is no success. */
static void judge(struct lane *l, struct shot *s, int code)
{
    struct world *w = l->producer->world;
    bool first = l->shots.next == &s->queue;

    l->failed = true;
    if (w->trace) {
        fprintf(stderr, "-- %llu ms: %s-%u node %d: record %u of %u: %s\n",
                (unsigned long long)env_now_ms(w->env),
                w->topics[l->book->topic].name, l->book->partition, l->to,
                s->seq, l->producer->number, kerr_name(code));
    }
    if (!topic_there(l)) {
        return;
    }
    if (code == KERR_OUT_OF_ORDER_SEQUENCE_NUMBER && !first) {
        return;
    }
    if (code != KERR_UNKNOWN_TOPIC_OR_PARTITION && !kerr_retriable(code)) {
        world_violation(w, "refused",
                        "%s-%u: record %u of producer %u, %s: "
                        "%s",
                        w->topics[l->book->topic].name, l->book->partition,
                        s->seq, l->producer->number,
                        first ? "first of those open" : "not first",
                        kerr_name(code));
    }
}

/* No copy of it may yet be answered better. */
static bool last(const struct shot *s)
{
    return !s->acked && s->n_flying == 0;
}

static void on_answer(void *arg, int status, const void *response)
{
    struct shot *s = arg;
    struct lane *l = s->lane;
    struct world *w = l->producer->world;
    const struct produce_response *r = response;

    s->n_flying--;
    l->n_flying--;
    if (status != 0) {
        l->failed = l->failed || last(s);
        book_loosen(l->book, l->producer->number, s->seq, s->n);
    } else {
        const struct produce_response_partition_response *pr;
        ASSERT(r->responses.n == 1 &&
               r->responses.ptr[0].partition_responses.n == 1);
        pr = &r->responses.ptr[0].partition_responses.ptr[0];
        if (pr->error_code == 0) {
            l->acked = s->acked = true;
            book_ack(l->book, pr->base_offset, l->producer->number, s->seq,
                     s->n);
        } else if (last(s)) {
            judge(l, s, pr->error_code);
        }
    }
    if (s->acked && s->n_flying == 0) {
        shot_free(s);
    }
    if (l->failed) {
        l->retry_ms = env_now_ms(w->env) + RETRY_MS;
        world_refresh(w);
        if (!topic_there(l)) {
            lane_forget(l);
        }
    }
}

/* ---- without answers --------------------------------------------------------
 */

static void on_told(void *arg, int status, const void *response)
{
    struct shot *s = arg;
    struct lane *l = s->lane;

    (void)response;
    l->n_flying--;
    if (status != 0) { /* closed: that is how a node says no */
        world_refresh(l->producer->world);
    }
    l->producer->world->counts.unanswered++;
    shot_free(s);
}

static void run_note(struct lane *l, uint32_t seq, const struct client *c)
{
    struct run *last = l->n_runs == 0 ? NULL : &l->runs[l->n_runs - 1];
    unsigned connection = client_connections(c);

    if (last != NULL && last->to == l->to && last->connection == connection) {
        return;
    }
    l->runs = mem_realloc(l->producer->world->mem, l->runs,
                          (l->n_runs + 1) * sizeof *l->runs);
    ASSERT(l->runs != NULL);
    l->runs[l->n_runs++] =
        (struct run){.seq = seq, .to = l->to, .connection = connection};
}

static size_t run_of(const struct lane *l, uint32_t seq)
{
    size_t i = l->n_runs;

    while (i > 0 && l->runs[i - 1].seq > seq) {
        i--;
    }
    return i;
}

bool producer_same_run(const struct producer *p, unsigned topic,
                       unsigned partition, uint32_t a, uint32_t b)
{
    const struct lane *l = &p->lanes[topic][partition];

    return run_of(l, a) == run_of(l, b);
}

bool producer_flying(const struct producer *p, unsigned topic)
{
    for (unsigned i = 0; i < WORLD_PARTITIONS_MAX; i++) {
        if (p->lanes[topic][i].n_shots > 0) {
            return true;
        }
    }
    return false;
}

/* ---- sending ----------------------------------------------------------------
 */

static void shoot(struct lane *l, struct shot *s, struct client *c)
{
    struct producer *p = l->producer;
    struct world *w = p->world;
    struct produce_request r;
    struct produce_request_topic_data t;
    struct produce_request_partition_data d;

    wire_init(&wire_produce_request, &r);
    wire_struct_init(&wire_produce_request_topic_data, &t);
    wire_struct_init(&wire_produce_request_partition_data, &d);
    r.transactional_id = (struct slice){NULL, 0};
    r.acks = p->o.acks_none ? 0 : p->o.acks_one ? 1 : -1;
    r.timeout_ms = 3000;
    r.topic_data.ptr = &t;
    r.topic_data.n = 1;
    t.name = slice_str(w->topics[l->book->topic].name);
    t.partition_data.ptr = &d;
    t.partition_data.n = 1;
    d.index = (int32_t)l->book->partition;
    d.records = buf_slice(&s->bytes);
    s->n_flying++;
    l->n_flying++;
    if (p->o.acks_none) {
        book_loosen(l->book, p->number, s->seq, s->n);
        client_tell(c, &wire_produce_request, PRODUCE_VERSION, &r, 5000,
                    on_told, s);
        run_note(l, s->seq, c); /* it may have connected */
    } else {
        client_call(c, &wire_produce_request, PRODUCE_VERSION, &r, 5000,
                    on_answer, s);
    }
}

/* A log that knows nothing of the producer could take a late copy for a new
 * batch. */
static void shoot_all(struct lane *l, struct shot *s)
{
    struct producer *p = l->producer;
    struct world *w = p->world;
    unsigned to = (unsigned)l->to;

    shoot(l, s, world_client(w, p->clients, to));
    if (!p->o.twice || !l->acked || world_below(w, COPIED) != 0) {
        return;
    }
    if (world_below(w, 3) == 0) {
        shoot(l, s, world_client(w, p->others, to));
        return;
    }
    shoot(l, s, world_client(w, p->clients, to));
    if (w->copied_cb != NULL) {
        w->copied_cb(w->copied_arg, to);
    }
}

/* May something of it, sent to the topic that had this name before, yet arrive
 * here? Then its sequence numbers mean nothing here. */
static bool lane_haunted(const struct lane *l)
{
    const struct world *w = l->book->world;
    int before = w->topics[l->book->topic].before;

    return l->producer->o.idempotent && before >= 0 &&
           book_loose_any(&w->topics[before].books[l->book->partition],
                          l->producer->number);
}

/* A batch of the next records. */
static void load(struct lane *l)
{
    struct producer *p = l->producer;
    struct world *w = p->world;
    struct shot *s = mem_calloc(w->mem, 1, sizeof *s);
    struct build_options o = BUILD_OPTIONS_DEFAULT;
    struct build b;
    uint8_t value[BOOK_VALUE_MAX];

    ASSERT(s != NULL);
    s->lane = l;
    s->number = l->n_loaded++;
    s->seq = l->next_seq;
    s->n = 1 + (unsigned)world_below(w, p->o.records_max);
    if (p->o.idempotent) {
        o.producer_id = p->id;
        o.producer_epoch = p->epoch;
        o.base_sequence = (int32_t)s->seq;
    }
    if (world_below(w, 8) == 0) {
        o.codec = BATCH_CODEC_LZ4;
    }
    build_init(&b, w->mem, &o);
    for (unsigned i = 0; i < s->n; i++) {
        size_t len = book_value(l->book, p->number, s->seq + i, value);
        ASSERT(build_append(&b, &(struct build_record){
                                    .timestamp = env_wall_ms(w->env),
                                    .key_null = true,
                                    .value = slice_of(value, len)}) == 0);
    }
    buf_init(&s->bytes, w->mem, 0);
    ASSERT(build_finish(&b, &s->bytes) == 0);
    build_close(&b);
    l->next_seq += s->n;
    queue_push(&l->shots, &s->queue);
    l->n_shots++;
}

/* Nodes remember a producer's last batches only: the first that is open must
 * stay among them, whatever was acknowledged behind it. */
static bool lane_full(const struct lane *l)
{
    const struct shot *first =
        queue_empty(&l->shots) ? NULL
                               : QUEUE_ENTRY(l->shots.next, struct shot, queue);

    return first != NULL && l->n_loaded - first->number >= IN_FLIGHT_MAX;
}

static void lane_tick(struct lane *l)
{
    struct producer *p = l->producer;
    struct world *w = p->world;
    uint64_t now = env_now_ms(w->env);
    struct queue *q, *tmp;

    if (!topic_there(l)) {
        lane_forget(l);
        return;
    }
    if (lane_haunted(l)) {
        return;
    }
    if ((p->o.once ? !l->spent : w->loading) && now >= l->next_ms &&
        !l->failed && !lane_full(l) &&
        l->n_shots < (l->acked || p->o.acks_none ? p->o.in_flight : 1)) {
        l->spent = true;
        l->next_ms = now + 1 + world_below(w, 2 * p->o.interval_ms);
        load(l);
    }
    if (l->n_shots == 0 ||
        (l->failed && (l->n_flying > 0 || now < l->retry_ms))) {
        return;
    }
    if (l->failed || l->book->leader < 1) {
        world_refresh(w);
    }
    if (l->book->leader < 1 || (l->n_flying > 0 && l->book->leader != l->to)) {
        return; /* a new leader that knows nothing takes any sequence */
    }
    l->to = l->book->leader;
    w->counts.retried += l->failed;
    l->failed = false;
    QUEUE_FOREACH(q, tmp, &l->shots)
    {
        struct shot *s = QUEUE_ENTRY(q, struct shot, queue);
        if (s->n_flying == 0) {
            shoot_all(l, s);
        }
    }
}

static void on_tick(struct env_timer *t)
{
    struct producer *p = t->data;
    struct world *w = p->world;

    env_timer_start(w->env, t, env_now_ms(w->env) + TICK_MS);
    if (world_broken(w)) {
        return;
    }
    if (p->o.idempotent && p->id < 0) {
        ask_id(p);
        return;
    }
    for (unsigned i = 0; i < WORLD_TOPICS_MAX; i++) {
        struct world_topic *wt = &w->topics[i];
        for (unsigned k = 0;
             wt->state != TOPIC_FREE && k < WORLD_PARTITIONS_MAX; k++) {
            struct lane *l = &p->lanes[i][k];
            if (l->book == NULL) {
                l->book = &wt->books[k];
            }
            if (k < wt->n_partitions || l->n_shots > 0) {
                lane_tick(l);
            }
        }
    }
}

void producer_start(struct world *w, const struct producer_options *o)
{
    struct producer *p = mem_calloc(w->mem, 1, sizeof *p);

    ASSERT(p != NULL && w->n_producers < WORLD_PRODUCERS_MAX);
    ASSERT(o->in_flight >= 1 && o->in_flight <= IN_FLIGHT_MAX);
    ASSERT(o->idempotent || o->acks_none || o->in_flight == 1);
    ASSERT(!o->idempotent || !(o->acks_none || o->acks_one));
    *p = (struct producer){.world = w, .o = *o, .id = -1};
    p->number = w->n_producers++;
    w->idempotent[p->number] = o->idempotent;
    w->once[p->number] = o->acks_none;
    w->producers[p->number] = p;
    for (unsigned i = 0; i < WORLD_TOPICS_MAX; i++) {
        for (unsigned k = 0; k < WORLD_PARTITIONS_MAX; k++) {
            p->lanes[i][k].producer = p;
            queue_init(&p->lanes[i][k].shots);
        }
    }
    env_timer_init(&p->timer, on_tick, p);
    /* From outside the node: it has a turn when it is called. */
    env_timer_start(w->env, &p->timer, env_now_ms(w->env) + TICK_MS);
}
