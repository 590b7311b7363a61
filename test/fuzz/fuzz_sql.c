/* fuzz_sql.c - the doors of SQL: what a client asks, and what nodes tell each
 * other so that it can be answered.
 *
 * An input is {u8 mode, rest}.
 *
 *   STATEMENT  a statement, over rows that are there, with little time: it is
 *              refused, or its answer is well-formed and within its limits, and
 *              soon; and it is the same if only those rows are gathered that
 *              its plan asks for.
 *   ROWS       {u8 which statement, rows from another node}
 *   WANT       a question between nodes; what is taken is encoded again.
 *   MESSAGES   {u8 what, u8 from whom, u16 length, little-endian, bytes} each:
 *              messages to a node of three in a simulated world, while it
 *              gathers rows for a statement: questions, and answers to those
 *              that it asked. It lives, the statement ends, and the next is
 *              answered as ever.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "broker/broker_impl.h"
#include "broker/query_impl.h"
#include "env/system.h"
#include "fuzz/fuzz.h"
#include "sim/client.h"
#include "sim/cluster.h"
#include "state/sql_heap.h"
#include "wire/gen/create_topics.h"
#include "wire/gen/find_coordinator.h"
#include "wire/gen/offset_commit.h"

enum mode { STATEMENT, ROWS, WANT, MESSAGES, MODES };

#define TIME_US   UINT64_C(30000) /* for a statement */
#define CPU_S_MAX 10              /* until it has ended: with sanitizers */
#define ROWS_MAX  500
#define BYTES_MAX ((size_t)1 << 20)

static struct env *env;

static struct sql_limits limits(void)
{
    return (struct sql_limits){.deadline_us = env_now_us_exact(env) + TIME_US,
                               .rows_max = ROWS_MAX,
                               .bytes_max = BYTES_MAX};
}

static double cpu_s(void)
{
    struct timespec t;

    ASSERT(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t) == 0);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- rows that are there --------------------------------------------------
 */

static const char *const groups[] = {"a", "b", "c"}, *const topics[] = {"t",
                                                                        "u"};

static struct uuid topic_id(unsigned i)
{
    struct uuid u = {{0x42}};

    u.b[15] = (uint8_t)(1 + i);
    return u;
}

/* Does the plan ask for rows of this one? */
static bool wanted(const struct sql_plan *p, enum sql_view view,
                   enum sql_key key, const char *name)
{
    struct sql_pins pins = {.all = true};

    if (p != NULL) {
        pins = sql_plan_pins(p, SQL_BIT(view), key);
    }
    for (unsigned i = 0; i < pins.n && !pins.all; i++) {
        if (slice_equal(pins.values[i], slice_str(name))) {
            return true;
        }
    }
    return pins.all || pins.n == 0;
}

/* `p` NULL: everything. */
static bool begin(struct buf *b, const struct sql_plan *p, enum sql_view view,
                  const char *group, const char *topic)
{
    if ((p != NULL && (p->views & SQL_BIT(view)) == 0) ||
        (group != NULL && !wanted(p, view, SQL_BY_GROUP, group)) ||
        (topic != NULL && !wanted(p, view, SQL_BY_TOPIC, topic))) {
        return false;
    }
    sql_put_view(b, view);
    return true;
}

static void put_offset(struct buf *b, const struct sql_plan *p, unsigned g,
                       unsigned t, int32_t partition, bool past)
{
    enum sql_view view = past ? SQL_HISTORY : SQL_OFFSETS;

    if (!begin(b, p, view, groups[g], topics[t])) {
        return;
    }
    sql_put_text(b, slice_str(groups[g]));
    sql_put_uuid(b, topic_id(t));
    sql_put_int(b, partition);
    if (past) {
        sql_put_int(b, 1);
    }
    sql_put_int(b, 10 * (g + 1) + t);
    sql_put_int(b, past ? -1 : 4);
    sql_put_text(b, slice_str("meta"));
    sql_put_int(b, 1000 + g);
    sql_put_text(b, slice_str("client"));
    if (past) {
        sql_put_int(b, 0);
    }
}

static void put_group(struct buf *b, const struct sql_plan *p, unsigned g)
{
    static const uint8_t assigned[] = {0, 1, 0, 0, 0, 1, 0, 1, 't',
                                       0, 0, 0, 1, 0, 0, 0, 0};

    if (begin(b, p, SQL_GROUPS, groups[g], NULL)) {
        sql_put_text(b, slice_str(groups[g]));
        sql_put_text(b, slice_str(g == 0 ? "Stable" : "Empty"));
        sql_put_int(b, 5);
        sql_put_name(b, slice_str("consumer"));
        sql_put_name(b, slice_str(g == 0 ? "range" : ""));
        sql_put_null(b);
        sql_put_int(b, g == 0);
        sql_put_int(b, 900);
        sql_put_int(b, g);
        sql_put_int(b, 1);
    }
    if (begin(b, p, SQL_MEMBERS, groups[g], NULL)) {
        sql_put_text(b, slice_str(groups[g]));
        sql_put_text(b, slice_str("m1"));
        sql_put_null(b);
        sql_put_text(b, slice_str("client"));
        sql_put_text(b, slice_str("/host"));
        sql_put_int(b, 10000);
        sql_put_int(b, 60000);
        buf_put_u8(b, SQL_BLOB);
        buf_put_u32(b, sizeof assigned);
        buf_put(b, assigned, sizeof assigned);
    }
}

static void put_topic(struct buf *b, const struct sql_plan *p, unsigned t)
{
    static const int32_t nodes[] = {1, 2, 3};

    sql_put_view(b, SQL_NAMES);
    sql_put_uuid(b, topic_id(t));
    sql_put_text(b, slice_str(topics[t]));
    if (begin(b, p, SQL_TOPICS, NULL, topics[t])) {
        sql_put_text(b, slice_str(topics[t]));
        sql_put_uuid(b, topic_id(t));
        sql_put_int(b, 2);
        sql_put_int(b, 3);
        sql_put_int(b, 0);
        sql_put_int(b, 800);
    }
    if (begin(b, p, SQL_CONFIGS, NULL, topics[t])) {
        sql_put_text(b, slice_str(topics[t]));
        sql_put_text(b, slice_str("retention.ms"));
        sql_put_text(b, slice_str("1000"));
    }
    for (unsigned i = 0; i < 2; i++) {
        if (begin(b, p, SQL_PARTITIONS, NULL, topics[t])) {
            sql_put_text(b, slice_str(topics[t]));
            sql_put_int(b, i);
            sql_put_int(b, 1 + i);
            sql_put_int(b, 7);
            sql_put_list(b, nodes, 3);
            sql_put_list(b, nodes, 2);
            sql_put_int(b, 100 + 10 * t + i);
        }
        sql_put_view(b, SQL_ENDS);
        sql_put_int(b, 100 + 10 * t + i);
        sql_put_int(b, i);
        sql_put_int(b, 50);
    }
}

static void put_nodes(struct buf *b, const struct sql_plan *p)
{
    for (int i = 1; i <= 3; i++) {
        if (begin(b, p, SQL_NODES, NULL, NULL)) {
            sql_put_int(b, i);
            sql_put_name(b, slice_str("host"));
            sql_put_int(b, 9092);
            sql_put_null(b);
            sql_put_name(b, slice_str("1"));
            sql_put_int(b, i < 3);
            sql_put_int(b, i == 1);
            sql_put_text(b, slice_str("peer"));
            sql_put_int(b, 9192);
            sql_put_uuid(b, topic_id(9));
            sql_put_int(b, 1);
        }
    }
}

static void put_all(struct buf *b, const struct sql_plan *p)
{
    put_nodes(b, p);
    for (unsigned t = 0; t < 2; t++) {
        put_topic(b, p, t);
    }
    for (unsigned g = 0; g < 3; g++) {
        put_group(b, p, g);
        for (unsigned t = 0; t < 2; t++) {
            put_offset(b, p, g, t, 0, true);
            put_offset(b, p, g, t, 0, false);
            put_offset(b, p, g, t, 1, false);
        }
    }
    ASSERT(b->status == 0);
}

/* ---- statements -----------------------------------------------------------
 */

static void check_code(int rv, const struct err *err)
{
    ASSERT(rv == 0 || rv == ERR_INVALID || rv == ERR_PERM ||
           rv == ERR_TIMEOUT || rv == ERR_TOOBIG || rv == ERR_PROTOCOL);
    ASSERT(rv == 0 || err->text[0] != '\0');
}

/* Names and rows are as they are said to be, and no more than allowed. */
static void check_answer(const struct sql_answer *a)
{
    struct cursor c;

    ASSERT(a->n_rows <= ROWS_MAX && a->rows.len <= BYTES_MAX);
    ASSERT(a->n_columns > 0 && a->n_columns <= SQL_COLUMNS_MAX);
    cursor_init(&c, buf_slice(&a->names));
    for (unsigned i = 0; i < a->n_columns; i++) {
        (void)cursor_take(&c, cursor_u32(&c));
    }
    ASSERT(c.status == 0 && cursor_left(&c) == 0);
    cursor_init(&c, buf_slice(&a->rows));
    for (uint64_t i = 0; i < (uint64_t)a->n_rows * a->n_columns; i++) {
        uint8_t kind = cursor_u8(&c);
        ASSERT(kind <= SQL_BLOB);
        if (kind == SQL_INT || kind == SQL_REAL) {
            cursor_skip(&c, 8);
        } else if (kind != SQL_NULL) {
            ASSERT(cursor_take(&c, cursor_u32(&c)).len <= SQL_VALUE_MAX);
        }
    }
    ASSERT(c.status == 0 && cursor_left(&c) == 0);
}

static int run(struct slice text, struct slice fill, struct sql_answer *ret_a)
{
    struct sql_limits l = limits();
    struct err err = {""};
    double began = cpu_s();
    int rv = sql_run(env, text, &fill, 1, &l, ret_a, &err);

    ASSERT(cpu_s() - began < CPU_S_MAX);
    check_code(rv, &err);
    if (rv == 0) {
        check_answer(ret_a);
    }
    return rv;
}

/* Does it say something else each time that it is asked? */
static bool is_fickle(struct slice text)
{
    static const char *const words[] = {"random", "date", "time", "julian",
                                        "current"};

    for (unsigned w = 0; w < sizeof words / sizeof *words; w++) {
        size_t len = strlen(words[w]);
        for (size_t i = 0; i + len <= text.len; i++) {
            size_t n = 0;
            while (n < len && tolower(text.data[i + n]) == words[w][n]) {
                n++;
            }
            if (n == len) {
                return true;
            }
        }
    }
    return false;
}

static void statement(struct slice text)
{
    struct sql_limits l = limits();
    struct sql_plan p;
    struct sql_answer all, some;
    struct err err = {""};
    struct buf fill;
    double began = cpu_s();
    int planned = sql_plan(env, text, &l, &p, &err);

    ASSERT(cpu_s() - began < CPU_S_MAX);
    check_code(planned, &err);
    buf_init(&fill, env_mem(env), 0);
    put_all(&fill, NULL);
    int rv = run(text, buf_slice(&fill), &all);
    if (planned == ERR_PERM) {
        ASSERT(rv != 0); /* the second step does not rely on the first */
    }
    if (planned == 0) {
        buf_reset(&fill);
        put_all(&fill, &p);
        int again = run(text, buf_slice(&fill), &some);
        if (rv == 0 && again == 0 && !p.explain && !is_fickle(text)) {
            ASSERT(all.n_rows == some.n_rows);
            ASSERT(slice_equal(buf_slice(&all.names), buf_slice(&some.names)));
            ASSERT(slice_equal(buf_slice(&all.rows), buf_slice(&some.rows)));
        }
        if (again == 0) {
            sql_answer_close(&some);
        }
        sql_plan_close(&p);
    }
    if (rv == 0) {
        sql_answer_close(&all);
    }
    buf_close(&fill);
}

/* ---- rows from another node -----------------------------------------------
 */

static void rows(struct slice in)
{
    static const char *const statements[] = {
        "SELECT * FROM groups",         "SELECT * FROM members",
        "SELECT * FROM offsets",        "SELECT * FROM lag",
        "SELECT * FROM offset_history", "SELECT * FROM topics",
        "SELECT * FROM partitions",     "SELECT * FROM nodes",
        "SELECT * FROM configs"};
    struct sql_answer a;

    if (in.len > 0) {
        const char *text = statements[in.data[0] % 9];
        if (run(slice_str(text), slice_of(in.data + 1, in.len - 1), &a) == 0) {
            sql_answer_close(&a);
        }
    }
}

/* ---- questions ------------------------------------------------------------
 */

static void want(struct slice in)
{
    struct query_want w, again;
    struct cursor c;
    struct buf b;

    cursor_init(&c, in);
    query_want_decode(&c, &w);
    if (c.status != 0) {
        return;
    }
    buf_init(&b, env_mem(env), 0);
    query_want_encode(&w, &b);
    ASSERT(b.status == 0 && b.len == in.len - cursor_left(&c));
    cursor_init(&c, buf_slice(&b));
    query_want_decode(&c, &again);
    ASSERT(c.status == 0 && cursor_left(&c) == 0);
    ASSERT(again.n_groups == w.n_groups && again.n_topics == w.n_topics);
    for (unsigned i = 0; i < w.n_groups; i++) {
        ASSERT(slice_equal(w.groups[i], again.groups[i]));
    }
    buf_close(&b);
}

/* ---- a world with nodes ---------------------------------------------------
 */

#define NODES     3
#define STRANGER  100
#define OPS_MAX   16
#define SECOND_US UINT64_C(1000000)
/* A world is used for so many inputs. */
#define INPUTS_MAX 5000

struct world {
    struct sim *sim;
    struct sim_cluster *cluster;
    struct env *env; /* the stranger's */
    struct client *clients[NODES + 1];
    unsigned to; /* who is asked */
    bool done;
    int error;
    struct uuid topic;
    const char *text;
    struct query *query;
    int status;
    uint64_t value;
    int32_t from;
    struct bytes message;
    unsigned n_inputs;
};

static struct queries *queries_of(struct world *w)
{
    return sim_cluster_broker(w->cluster, 1)->queries;
}

static void check_alive(struct world *w)
{
    for (unsigned id = 1; id <= NODES; id++) {
        ASSERT(sim_cluster_state(w->cluster, id) != SIM_HOST_DOWN);
    }
}

static bool wait(struct world *w, uint64_t us)
{
    sim_run_until(w->sim, sim_now_us(w->sim) + us, &w->done);
    check_alive(w);
    return w->done;
}

static void call(struct world *w, unsigned node, void (*what)(void *))
{
    w->done = false;
    ASSERT(sim_node_call(w->sim, node, what, w) == 0);
}

static void on_created(void *arg, int status, const void *response)
{
    struct world *w = arg;
    const struct create_topics_response *r = response;

    w->error = status != 0 ? -1 : r->topics.ptr[0].error_code;
    w->done = true;
}

static void create_topic(void *arg)
{
    struct world *w = arg;
    struct create_topics_request r;
    struct create_topics_request_topic t;

    wire_init(&wire_create_topics_request, &r);
    wire_struct_init(&wire_create_topics_request_topic, &t);
    t.name = slice_str("t");
    t.num_partitions = 3;
    t.replication_factor = NODES;
    r.topics.ptr = &t;
    r.topics.n = 1;
    r.timeout_ms = 5000;
    client_call(w->clients[w->to], &wire_create_topics_request, 5, &r, 10000,
                on_created, w);
}

static void on_coordinator(void *arg, int status, const void *response)
{
    struct world *w = arg;
    const struct find_coordinator_response *r = response;

    w->error = status != 0 ? -1 : r->error_code;
    w->to = w->error == 0 ? (unsigned)r->node_id : w->to;
    w->done = true;
}

static void ask_coordinator(void *arg)
{
    struct world *w = arg;
    struct find_coordinator_request r;

    wire_init(&wire_find_coordinator_request, &r);
    r.key = slice_str("g");
    client_call(w->clients[w->to], &wire_find_coordinator_request, 3, &r, 10000,
                on_coordinator, w);
}

static void on_committed(void *arg, int status, const void *response)
{
    struct world *w = arg;
    const struct offset_commit_response *r = response;

    w->error = status != 0 ? -1 : r->topics.ptr[0].partitions.ptr[0].error_code;
    w->done = true;
}

static void commit(void *arg)
{
    struct world *w = arg;
    struct offset_commit_request r;
    struct offset_commit_request_topic t;
    struct offset_commit_request_partition p;

    wire_init(&wire_offset_commit_request, &r);
    wire_struct_init(&wire_offset_commit_request_topic, &t);
    wire_struct_init(&wire_offset_commit_request_partition, &p);
    p.committed_offset = 7;
    t.name = slice_str("t");
    t.partitions.ptr = &p;
    t.partitions.n = 1;
    r.group_id = slice_str("g");
    r.generation_id_or_member_epoch = -1;
    r.topics.ptr = &t;
    r.topics.n = 1;
    client_call(w->clients[w->to], &wire_offset_commit_request, 7, &r, 10000,
                on_committed, w);
}

static void until_done(struct world *w, void (*what)(void *))
{
    unsigned tries = 0;

    do {
        ASSERT(tries++ < 100);
        call(w, STRANGER, what);
        ASSERT(wait(w, 12 * SECOND_US));
        sim_run_until(w->sim, sim_now_us(w->sim) + SECOND_US / 20, NULL);
    } while (w->error != 0);
}

static void stranger_start(struct env *e, void *arg)
{
    struct world *w = arg;
    static const char *const names[] = {"", "n1", "n2", "n3"};

    w->env = e;
    for (unsigned id = 1; id <= NODES; id++) {
        w->clients[id] = client_new(e, env_mem(e), names[id], SIM_CLIENT_PORT);
    }
}

static struct world *world_new(void)
{
    static const struct sim_setting settings[] = {
        {"journal.bytes.max", "32m"},
        {"journal.file.bytes", "2m"},
        {"log.segment.bytes", "65536"},
    };
    struct sim_options o = {.seed = 1,
                            .disk_min_us = 10,
                            .disk_max_us = 50,
                            .net_max_us = 50,
                            .trace_level = TRACE_ERROR};
    struct err err;
    struct world *w = calloc(1, sizeof *w);

    ASSERT(w != NULL);
    w->sim = sim_new(&o);
    w->cluster = sim_cluster_new(w->sim, NODES, settings, 3, &err);
    ASSERT(w->cluster != NULL);
    for (unsigned id = 1; id <= NODES; id++) {
        sim_cluster_start(w->cluster, id);
    }
    ASSERT(sim_node_start(w->sim, STRANGER, "stranger",
                          sim_disk_new(w->sim, STRANGER), stranger_start, w,
                          NULL) == 0);
    for (int i = 0; i < 300 && !sim_cluster_serves(w->cluster); i++) {
        sim_run_until(w->sim, sim_now_us(w->sim) + SECOND_US / 10, NULL);
    }
    ASSERT(sim_cluster_serves(w->cluster));
    w->to = 1;
    until_done(w, create_topic);
    until_done(w, ask_coordinator);
    until_done(w, commit);
    return w;
}

static void world_free(struct world *w)
{
    sim_free(w->sim);
    sim_cluster_free(w->cluster);
    free(w);
}

/* ---- messages -------------------------------------------------------------
 */

static void on_query(void *arg, int status, const struct query_result *r,
                     const struct err *err)
{
    struct world *w = arg;

    ASSERT(status == 0 || err->text[0] != '\0');
    w->query = NULL;
    w->status = status;
    w->value = 0;
    if (status == 0 && r->answer->rows.len >= 9) {
        w->value = be64_load(r->answer->rows.data + 1);
    }
    w->done = true;
}

static void ask(void *arg)
{
    struct world *w = arg;
    struct query_options o = {.statement = slice_str(w->text), .time_ms = 2000};
    int rv = query_start(sim_cluster_broker(w->cluster, 1), &o, on_query, w,
                         &w->query);

    ASSERT(rv == 0);
}

static void hear(void *arg)
{
    struct world *w = arg;

    query_message(queries_of(w), w->from, w->message);
}

/* The k-th question that was asked of another node and is not answered. */
static struct query_ask *open_ask(struct world *w, unsigned k)
{
    struct query *q = queries_of(w)->current;
    struct query_ask *all[64];
    struct queue *e, *tmp;
    unsigned n = 0;

    if (q == NULL || q->state != QUERY_GATHERING) {
        return NULL;
    }
    QUEUE_FOREACH(e, tmp, &q->asks)
    {
        struct query_ask *a = QUEUE_ENTRY(e, struct query_ask, queue);
        if (a->read == NULL && !a->done && n < 64) {
            all[n++] = a;
        }
    }
    return n == 0 ? NULL : all[k % n];
}

/* False: it cannot be said. */
static bool say(struct world *w, uint8_t what, uint8_t who, struct slice bytes)
{
    struct query_ask *a = what % 4 >= 2 ? open_ask(w, who) : NULL;
    uint8_t head[10] = {QUERY_MESSAGE_ASK, 1};
    size_t n = what % 4 == 0 ? 0 : 10;

    if (what % 4 >= 2) {
        if (a == NULL) {
            return false;
        }
        head[0] = QUERY_MESSAGE_ANSWER;
        be64_store(head + 1, a->id);
        head[9] = what % 4 == 2;
    }
    w->from = a != NULL ? a->node : 2 + who % 2;
    uint8_t *data = malloc(n + bytes.len + 1);
    ASSERT(data != NULL);
    memcpy(data, head, n);
    memcpy(data + n, bytes.data, bytes.len);
    w->message = (struct bytes){NULL, data, n + bytes.len};
    ASSERT(sim_node_call(w->sim, 1, hear, w) == 0);
    free(data);
    return true;
}

static void messages(struct slice in)
{
    static const char *const texts[] = {
        "SELECT count(*) FROM offsets", "SELECT * FROM lag",
        "SELECT * FROM groups", "SELECT * FROM partitions",
        "SELECT * FROM offsets WHERE group_id='g'"};
    static struct world *w;

    if (w != NULL && w->n_inputs++ >= INPUTS_MAX) {
        world_free(w);
        w = NULL;
    }
    w = w != NULL ? w : world_new();
    w->text = texts[in.len > 0 ? in.data[0] % 5 : 0];
    call(w, 1, ask);
    for (unsigned i = 0; i < 1000 && !w->done && open_ask(w, 0) == NULL; i++) {
        (void)sim_run_one(w->sim);
    }
    in = in.len > 0 ? slice_of(in.data + 1, in.len - 1) : in;
    for (unsigned n = 0; n < OPS_MAX && in.len >= 4; n++) {
        uint8_t what = in.data[0], who = in.data[1];
        size_t len = le16_load(in.data + 2);
        in = slice_of(in.data + 4, in.len - 4);
        len = len < in.len ? len : in.len;
        (void)say(w, what, who, slice_of(in.data, len));
        in = slice_of(in.data + len, in.len - len);
        for (unsigned i = 0; i < what / 4; i++) {
            (void)sim_run_one(w->sim);
        }
    }
    ASSERT(w->done || wait(w, 10 * SECOND_US));
    /* Whatever was told, the next one is answered. */
    w->text = texts[0];
    call(w, 1, ask);
    ASSERT(wait(w, 10 * SECOND_US));
    ASSERT(w->status == 0 && w->value == 1);
    struct queries *qs = queries_of(w);
    for (int i = 0; i < 100 && (qs->n_reads > 0 || qs->n_served > 0); i++) {
        sim_run_until(w->sim, sim_now_us(w->sim) + SECOND_US / 10, NULL);
    }
    ASSERT(qs->n_reads == 0 && qs->n_served == 0 && qs->current == NULL);
    check_alive(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const judge[MODES])(struct slice) = {[STATEMENT] = statement,
                                                       [ROWS] = rows,
                                                       [WANT] = want,
                                                       [MESSAGES] = messages};
    uint8_t *copy;

    if (env == NULL) {
        struct env_system_options o = {.io_engine = "threads",
                                       .trace_level = TRACE_LEVELS};
        struct err err;
        sql_heap_install();
        ASSERT(env_system_new(&o, &env, &err) == 0);
    }
    if (size < 1) {
        return 0;
    }
    size_t blocks = mem_blocks(env_mem(env));
    /* A block of exactly this size, so that a sanitizer sees a byte beyond. */
    copy = malloc(size - 1 > 0 ? size - 1 : 1);
    ASSERT(copy != NULL);
    memcpy(copy, data + 1, size - 1);
    judge[data[0] % MODES](slice_of(copy, size - 1));
    ASSERT(mem_blocks(env_mem(env)) == blocks);
    free(copy);
    return 0;
}
