#include "fake.h"

#include <stdio.h>

#include "api/fetch_session.h"
#include "api/pipeline.h"
#include "api/request_impl.h"
#include "base/rand.h"
#include "broker/status.h"

struct fake fake;

/* What runs later, in order. */
struct later {
    void (*run)(void *arg, void *what);
    void *arg, *what;
};
static struct later queue[4096];
static unsigned queue_from, queue_to;

void fake_later(void (*run)(void *, void *), void *arg, void *what)
{
    assert_true(queue_to < 4096);
    queue[queue_to++] = (struct later){run, arg, what};
}
void fake_never(const void *arg)
{
    for (unsigned i = queue_from; i < queue_to; i++) {
        if (queue[i].arg == arg) {
            queue[i].run = NULL;
        }
    }
}

/* ---- the broker --------------------------------------------------------- */

const struct config *broker_config(const struct broker *b)
{
    (void)b;
    return fake.config;
}
const struct image *broker_image(const struct broker *b)
{
    (void)b;
    return (const struct image *)&fake;
}
struct leaders *broker_leaders(const struct broker *b)
{
    (void)b;
    return NULL;
}
struct peers *broker_peers(const struct broker *b)
{
    (void)b;
    return NULL;
}
int32_t broker_node(const struct broker *b)
{
    (void)b;
    return 1;
}
bool broker_serves(const struct broker *b)
{
    (void)b;
    return fake.serves;
}
int32_t broker_controller(const struct broker *b)
{
    (void)b;
    return 2;
}
struct partition *broker_partition(const struct broker *b, uint64_t group)
{
    (void)b;
    for (unsigned i = 0; i < fake.n_partitions; i++) {
        if (fake.partitions[i].group == group) {
            return &fake.partitions[i];
        }
    }
    return NULL;
}
const struct leader *leaders_find(const struct leaders *l, uint64_t group)
{
    (void)l;
    for (unsigned i = 0; i < fake.n_leaders; i++) {
        if (fake.leaders[i].group == group) {
            return &fake.leaders[i];
        }
    }
    return NULL;
}
enum peer_state peers_state(const struct peers *p, int32_t node)
{
    (void)p;
    return node == fake.down ? PEER_DOWN : PEER_UP;
}
uint64_t peers_heard_ms(const struct peers *p, int32_t node)
{
    (void)p;
    (void)node;
    return 0;
}
const char *peers_reason(const struct peers *p, int32_t node)
{
    (void)p;
    return node == fake.down ? "refused" : "";
}

static void run_command(void *arg, void *what)
{
    struct broker_command *c = arg;
    (void)what;
    fake.at_once--;
    c->cb(c, fake.command_status, &fake.result);
}
int broker_command(struct broker *b, struct broker_command *c,
                   struct slice command, uint32_t timeout_ms,
                   broker_command_cb cb, void *data)
{
    (void)b;
    assert_int_equal(command.len, 1);
    assert_true(timeout_ms > 0);
    c->cb = cb;
    c->data = data;
    fake.at_once++;
    if (fake.at_once > fake.at_once_max) {
        fake.at_once_max = fake.at_once;
    }
    fake_later(run_command, c, NULL);
    return 0;
}
static void run_wait(void *arg, void *what)
{
    struct broker_wait *w = arg;
    (void)what;
    w->cb(w, fake.wait_status);
}
int broker_wait_topic(struct broker *b, struct broker_wait *w,
                      struct uuid topic, uint32_t timeout_ms, broker_wait_cb cb,
                      void *data)
{
    (void)b;
    assert_true(timeout_ms > 0);
    w->cb = cb;
    w->data = data;
    fake.waits++;
    fake.waited_for = topic;
    fake_later(run_wait, w, NULL);
    return 0;
}
static void run_meta_barrier(void *arg, void *what)
{
    struct broker_wait *w = arg;
    (void)what;
    if (fake.catch_up != NULL) {
        fake.catch_up();
        fake.catch_up = NULL;
    }
    w->cb(w, fake.barrier_status);
}
int broker_meta_barrier(struct broker *b, struct broker_wait *w,
                        uint32_t timeout_ms, broker_wait_cb cb, void *data)
{
    (void)b;
    assert_true(timeout_ms > 0);
    w->cb = cb;
    w->data = data;
    fake.barriers++;
    fake_later(run_meta_barrier, w, NULL);
    return 0;
}
static void run_block(void *arg, void *what)
{
    struct broker_wait *w = arg;
    (void)what;
    fake.producer_id = 7000;
    w->cb(w, fake.wait_status);
}
int64_t broker_producer_id(struct broker *b, struct broker_wait *w,
                           uint32_t timeout_ms, broker_wait_cb cb, void *data)
{
    (void)b;
    (void)timeout_ms;
    if (fake.producer_id >= 0) {
        return fake.producer_id++;
    }
    w->cb = cb;
    w->data = data;
    fake_later(run_block, w, NULL);
    return -1;
}

/* ---- the image: `struct image` is the fake itself ----------------------- */

struct uuid image_cluster(const struct image *im)
{
    (void)im;
    return (struct uuid){{0xc1}};
}
uint64_t image_index(const struct image *im)
{
    (void)im;
    return 77;
}
unsigned image_n_nodes(const struct image *im)
{
    (void)im;
    return fake.n_nodes;
}
unsigned image_n_topics(const struct image *im)
{
    (void)im;
    return fake.n_topics;
}
const struct image_node *image_node(const struct image *im, int32_t id)
{
    (void)im;
    for (unsigned i = 0; i < fake.n_nodes; i++) {
        if (fake.nodes[i].id == id) {
            return &fake.nodes[i];
        }
    }
    return NULL;
}
const struct image_node *image_next_node(const struct image *im,
                                         const struct image_node *prev)
{
    const struct image_node *n = prev == NULL ? fake.nodes : prev + 1;
    (void)im;
    return n < fake.nodes + fake.n_nodes ? n : NULL;
}
const struct image_topic *image_next_topic(const struct image *im,
                                           const struct image_topic *prev)
{
    const struct image_topic *t = prev == NULL ? fake.topics : prev + 1;
    (void)im;
    return t < fake.topics + fake.n_topics ? t : NULL;
}
const struct image_topic *image_topic(const struct image *im, struct slice name)
{
    (void)im;
    for (unsigned i = 0; i < fake.n_topics; i++) {
        if (slice_equal(slice_str(fake.topics[i].name), name)) {
            return &fake.topics[i];
        }
    }
    return NULL;
}
const struct image_topic *image_topic_by_id(const struct image *im,
                                            struct uuid id)
{
    (void)im;
    for (unsigned i = 0; i < fake.n_topics; i++) {
        if (uuid_equal(fake.topics[i].id, id)) {
            return &fake.topics[i];
        }
    }
    return NULL;
}
const char *image_topic_config(const struct image_topic *t, const char *name)
{
    for (unsigned i = 0; i < t->n_configs; i++) {
        if (strcmp(t->configs[i].name, name) == 0) {
            return t->configs[i].value;
        }
    }
    return NULL;
}

/* ---- commands: kept as they are asked for ------------------------------- */

static struct fake_command *keep(char kind, struct slice name, struct buf *out)
{
    struct fake_command *c = &fake.commands[fake.n_commands++];
    assert_true(fake.n_commands < sizeof fake.commands / sizeof *c);
    *c = (struct fake_command){.kind = kind};
    snprintf(c->name, sizeof c->name, "%.*s", (int)name.len,
             name.data != NULL ? (const char *)name.data : "");
    buf_put_u8(out, (uint8_t)kind);
    return c;
}
void meta_encode_create_topic(const struct meta_create_topic *c,
                              struct uuid command, struct buf *out)
{
    assert_false(uuid_is_zero(command));
    keep('C', c->name, out)->create = *c;
}
void meta_encode_delete_topic(struct uuid id, struct slice name,
                              struct uuid command, struct buf *out)
{
    assert_false(uuid_is_zero(command));
    keep('D', name, out)->id = id;
}
void meta_encode_create_partitions(const struct meta_create_partitions *c,
                                   struct uuid command, struct buf *out)
{
    assert_false(uuid_is_zero(command));
    keep('P', c->name, out)->grow = *c;
}
void meta_encode_alter_configs(const struct meta_alter_configs *c,
                               struct uuid command, struct buf *out)
{
    struct fake_command *k = keep('A', c->topic, out);
    assert_false(uuid_is_zero(command));
    assert_true(c->n_ops <= FAKE_MAX);
    k->alter = *c;
    memcpy(k->ops, c->ops, c->n_ops * sizeof k->ops[0]);
}

/* ---- partitions --------------------------------------------------------- */

struct replica *partition_replica(const struct partition *p)
{
    return (struct replica *)(uintptr_t)p;
}
bool partition_leads(const struct partition *p)
{
    return p->leads;
}
bool partition_ready(const struct partition *p)
{
    return p->ready;
}
int32_t partition_epoch(const struct partition *p)
{
    return p->epoch;
}
int64_t partition_log_start(const struct partition *p)
{
    return p->start;
}
int64_t partition_high_watermark(const struct partition *p)
{
    return p->high;
}
int64_t partition_log_end(const struct partition *p)
{
    return p->end;
}
int32_t partition_epoch_of(const struct partition *p, int64_t offset)
{
    return offset < p->high ? p->epoch - 1 : p->epoch;
}
int partition_epoch_end(const struct partition *p, int32_t epoch,
                        int32_t *ret_epoch, int64_t *ret_end)
{
    if (epoch > p->epoch || epoch < 2) {
        return ERR_NOTFOUND;
    }
    *ret_epoch = epoch;
    *ret_end = epoch == p->epoch ? p->end : 40;
    return 0;
}
static void run_barrier(void *arg, void *what)
{
    struct replica_barrier *b = arg;
    struct partition *p = what;
    b->cb(b, p->barrier_status);
}
int partition_barrier(struct partition *p, struct replica_barrier *b,
                      uint32_t timeout_ms, replica_barrier_cb cb, void *data)
{
    assert_true(timeout_ms > 0);
    p->barriers++;
    if (!p->ready) {
        return ERR_NOTREADY;
    }
    b->cb = cb;
    b->data = data;
    fake_later(run_barrier, b, p);
    return 0;
}
static void run_trim(void *arg, void *what)
{
    struct replica_append *a = arg;
    struct partition *p = what;
    a->cb(a, p->trim_status);
}
int partition_trim(struct partition *p, struct replica_append *a,
                   int64_t offset, replica_append_cb cb, void *data)
{
    a->cb = cb;
    a->data = data;
    p->trimmed = offset;
    fake_later(run_trim, a, p);
    return 0;
}
static void run_search(void *arg, void *what)
{
    struct partition_search *s = arg;
    (void)what;
    s->cb(s, 0);
}
/* Record n has the timestamp 1000 + n. */
void partition_search_time(struct partition *p, struct partition_search *s,
                           int64_t time_ms, partition_search_cb cb, void *data)
{
    int64_t at = time_ms <= 1000 + p->start ? p->start : time_ms - 1000;
    *s = (struct partition_search){
        .offset = -1, .timestamp = -1, .epoch = -1, .cb = cb, .data = data};
    if (at < p->high) {
        s->offset = at;
        s->timestamp = 1000 + at;
        s->epoch = p->epoch;
    }
    fake_later(run_search, s, NULL);
}
void partition_search_max(struct partition *p, struct partition_search *s,
                          partition_search_cb cb, void *data)
{
    partition_search_time(p, s, 1000 + p->high - 1, cb, data);
}

/* ---- status ------------------------------------------------------------- */

const char *status_version(const struct broker *b)
{
    (void)b;
    return "test";
}
uint64_t status_uptime_ms(const struct broker *b)
{
    (void)b;
    return 5;
}
unsigned status_n_replicas(const struct broker *b)
{
    (void)b;
    return 1 + fake.n_partitions;
}
bool status_next(const struct broker *b, struct status_walk *w,
                 struct status_replica *ret_s)
{
    struct partition *p = w->it == NULL ? fake.partitions : w->it;
    (void)b;
    if (w->n_internal++ == 0) {
        *ret_s = (struct status_replica){.topic = "@meta"};
        return true;
    }
    if (p >= fake.partitions + fake.n_partitions) {
        return false;
    }
    w->it = p + 1;
    *ret_s = (struct status_replica){
        .topic = fake.topics[p - fake.partitions].name,
        .bytes = 99,
        .status = {.group = p->group,
                   .term = (uint64_t)p->epoch,
                   .n_members = 1,
                   .chain = 0x1234,
                   .members = {{.node = 1, .voter = true, .match = 12}}}};
    return true;
}

/* ---- env ---------------------------------------------------------------- */

struct mem *env_mem(struct env *e)
{
    (void)e;
    return fake.mem;
}
struct metrics *env_metrics(struct env *e)
{
    (void)e;
    return fake.metrics;
}
uint64_t env_now_ms(struct env *e)
{
    (void)e;
    return fake.now_ms;
}
static struct rand randomness;
void env_random(struct env *e, void *data, size_t len)
{
    (void)e;
    rand_fill(&randomness, data, len);
}
struct trace *env_trace(struct env *e)
{
    (void)e;
    return NULL;
}
void trace_line(struct trace *t, enum trace_level level, const char *event,
                const char *fmt, ...)
{
    (void)t;
    (void)level;
    (void)event;
    (void)fmt;
}

/* ---- requests ----------------------------------------------------------- */

static struct arena reply_arena;
static void *reply;
static bool ended, freed;
static struct api_server server;
static struct pipeline pipeline;
static struct buf sent; /* what `body` borrows from */

#ifndef FAKE_RECORDS
int16_t request_error(int code)
{
    return code == 0 ? 0 : code == ERR_NOTLEADER ? 6 : 56;
}
#endif
/* Nobody looks at an ended request, or at what lay in its arena. */
static void end(struct request *r)
{
    for (unsigned i = 0; i < r->n_shares; i++) {
        bytes_release(&r->shares[i]);
    }
    fake.arena_used = r->arena.used - fake.arena_used;
    arena_close(&r->arena);
    memset(r, 0xdd, sizeof *r);
    freed = true;
}

/* A request that was closed ends with the turn. */
static void turn(struct request *r)
{
    if (fake.closed && !freed) {
        end(r);
    }
}

void request_reply(struct request *r, const void *response)
{
    struct buf b;
    struct cursor c;
    assert_false(ended);
    ended = true;
    buf_init(&b, fake.mem, 0);
    /* What a version does not have must not be said in it. */
    assert_int_equal(wire_encode(r->out, r->version, response, &b), 0);
    uint8_t *copy = arena_alloc(&reply_arena, b.len);
    memcpy(copy, b.data, b.len);
    reply = arena_calloc(&reply_arena, 1, r->out->body.size);
    cursor_init(&c, slice_of(copy, b.len));
    assert_int_equal(wire_decode(r->out, r->version, &c, &reply_arena, reply),
                     0);
    buf_close(&b);
    end(r);
}
void request_silent(struct request *r)
{
    assert_false(ended);
    ended = true;
    end(r);
}
void request_close(struct request *r, const char *why)
{
    (void)r; /* it ends with the turn */
    assert_non_null(why);
    assert_true(!ended || fake.closed);
    ended = true;
    fake.closed = true;
}
/* Nobody looks at it any more. */
void request_drop_frame(struct request *r)
{
    r->body = NULL;
    memset(sent.data, 0xdd, sent.len);
}
void *request_alloc(struct request *r, size_t n)
{
    void *p = arena_calloc(&r->arena, 1, n > 0 ? n : 1);
    if (p == NULL) {
        request_close(r, "out of memory");
    }
    return p;
}
void *request_elems(struct request *r, const struct wire_struct *s, size_t n)
{
    void *p = wire_elems_new(&r->arena, s, n);
    if (p == NULL) {
        request_close(r, "out of memory");
    }
    return p;
}
void api_server_check_closed(struct api_server *s)
{
    assert_ptr_equal(s, &server);
}

void *fake_run(const struct wire_message *m, int version, const void *in)
{
    const struct api_row *row = api_find(m->api_key);
    struct request r = {.server = &server,
                        .version = version,
                        .in = m,
                        .out = wire_find(m->api_key, false)};
    struct cursor c;
    assert_non_null(row);
    assert_in_range(version, row->min, row->max);
    arena_init(&r.arena, fake.mem, 0);
    arena_reset(&reply_arena);
    buf_init(&sent, fake.mem, 0);
    assert_int_equal(wire_encode(m, version, in, &sent), 0);
    /* Counted, to see that nobody keeps a share; this one is never given up. */
    struct chunk frame = {
        .data = sent.data, .cap = (uint32_t)sent.len, .refs = 1};
    r.frame = (struct bytes){&frame, sent.data, sent.len};
    if (fake.client_id != NULL) {
        r.header.client_id = slice_str(fake.client_id);
    }
    r.pipeline = fake.peer != NULL ? &pipeline : NULL;
    r.body = arena_calloc(&r.arena, 1, m->body.size);
    cursor_init(&c, buf_slice(&sent));
    assert_int_equal(wire_decode(m, version, &c, &r.arena, r.body), 0);
    fake.arena_used = r.arena.used;
    r.arena.bytes_max =
        fake.arena_left == 0 ? 0 : r.arena.used + fake.arena_left;
    reply = NULL;
    ended = freed = fake.closed = false;
    queue_from = queue_to = 0;
    row->handle(&r);
    if (fake.hang_up && !ended) {
        r.gone = true;
        if (r.cancel != NULL) {
            r.cancel(&r);
        }
    }
    turn(&r);
    do {
        while (queue_from < queue_to) {
            struct later *l = &queue[queue_from++];
            if (l->run != NULL) {
                l->run(l->arg, l->what);
            }
            turn(&r);
        }
    } while (!ended && fake.idle != NULL && fake.idle());
    turn(&r);
    assert_true(ended && freed);
    assert_int_equal(frame.refs, 1);
    assert_int_equal(fake.at_once, 0);
    assert_int_equal(server.under_way, 0);
    buf_close(&sent);
    return reply;
}

/* Families of other tests: FAKE_RECORDS, FAKE_GROUPS for a test that has
 * them. */
#define NOT_HERE(name)                                                         \
    void name(struct request *r)                                               \
    {                                                                          \
        (void)r;                                                               \
        fail();                                                                \
    }
#ifndef FAKE_SQL
NOT_HERE(api_ostraka_sql)
#endif
#ifndef FAKE_RECORDS
NOT_HERE(api_produce)
NOT_HERE(api_fetch)
#endif
#ifndef FAKE_GROUPS
NOT_HERE(api_find_coordinator)
NOT_HERE(api_join_group)
NOT_HERE(api_sync_group)
NOT_HERE(api_heartbeat)
NOT_HERE(api_leave_group)
NOT_HERE(api_describe_groups)
NOT_HERE(api_list_groups)
NOT_HERE(api_delete_groups)
NOT_HERE(api_offset_commit)
NOT_HERE(api_offset_fetch)
NOT_HERE(api_offset_delete)
NOT_HERE(api_ostraka_offset_history)
#endif

/* ---- life --------------------------------------------------------------- */

void fake_set(const char *name, const char *value)
{
    struct err err = {""};
    config_free(fake.config);
    fake.config = config_new(fake.mem);
    assert_int_equal(config_set(fake.config, "node.id", "1", &err), 0);
    assert_int_equal(config_set(fake.config, name, value, &err), 0);
    assert_int_equal(config_finish(fake.config, &err), 0);
}

int fake_open(void **state)
{
    (void)state;
    fake = (struct fake){
        .mem = mem_new(0),
        .serves = true,
        .down = -1,
        .now_ms = 1000,
        .result = {.topic = {{0xaa}}, .partitions = 4, .replication = 3}};
    server = (struct api_server){.mem = fake.mem};
    fake.metrics = metrics_new(fake.mem);
    assert_non_null(fake.metrics);
    server.sessions = fetch_sessions_new(NULL);
    assert_non_null(server.sessions);
    rand_init(&randomness, 1);
    fake_set("num.partitions", "4");
    for (int32_t i = 1; i <= 3; i++) {
        struct image_node *n = &fake.nodes[fake.n_nodes++];
        n->id = i;
        n->client_port = (uint16_t)(9090 + i);
        snprintf(n->client_host, sizeof n->client_host, "host%d", i);
    }
    snprintf(fake.nodes[0].rack, sizeof fake.nodes[0].rack, "r1");
    arena_init(&reply_arena, fake.mem, 0);
    return 0;
}

int fake_close(void **state)
{
    (void)state;
    arena_close(&reply_arena);
    fetch_sessions_free(server.sessions);
    metrics_free(fake.metrics);
    config_free(fake.config);
    assert_int_equal(mem_blocks(fake.mem), 0);
    mem_free_all(fake.mem);
    return 0;
}

struct image_topic *fake_topic(const char *name, int32_t n_partitions)
{
    unsigned i = fake.n_topics++;
    struct image_topic *t = &fake.topics[i];
    snprintf(t->name, sizeof t->name, "%s", name);
    t->id = (struct uuid){{(uint8_t)(0x10 + i)}};
    t->partitions = fake.rows[i];
    t->n_partitions = n_partitions;
    for (int32_t k = 0; k < n_partitions; k++) {
        uint64_t group = 1000 + 100 * i + (uint64_t)k;
        fake.rows[i][k] = (struct image_partition){
            .group = group, .replicas = {1, 2, 3}, .n_replicas = 3};
        if (fake.n_leaders < FAKE_MAX) {
            fake.leaders[fake.n_leaders++] =
                (struct leader){.group = group,
                                .term = 5,
                                .node = k == 0 ? 1 : 2,
                                .insync = {1, 2},
                                .n_insync = 2};
        }
    }
    fake.partitions[fake.n_partitions++] =
        (struct partition){.group = 1000 + 100 * i,
                           .leads = true,
                           .ready = true,
                           .epoch = 5,
                           .start = 10,
                           .high = 100,
                           .end = 103,
                           .trimmed = -1};
    return t;
}

struct partition *fake_partition(const char *topic)
{
    const struct image_topic *t = image_topic(NULL, slice_str(topic));
    return broker_partition(NULL, t->partitions[0].group);
}
