/* query_gather.c - a statement's rows, from this node and the others. */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/cursor.h"
#include "broker/groups.h"
#include "broker/leaders.h"
#include "broker/query_impl.h"

#define STEP_MS 50
/* No answer for so long: lost; the next one is waited for twice as long. */
#define RESEND_MS     400
#define RESEND_MS_MAX 4000
#define END_ROW_BYTES 28

/* ---- what came ----------------------------------------------------------- */

static void ask_free(struct query_ask *a)
{
    queue_remove(&a->queue);
    if (a->read != NULL) {
        query_read_forget(a->read);
    }
    a->query->n_bytes -= a->body.len;
    buf_close(&a->body);
    mem_free(a->query->all->mem, a);
}

/* Note whose ends these rows are. Their size is fixed. */
static void note_ends(struct query *q, struct slice rows)
{
    struct cursor c;
    cursor_init(&c, rows);
    while (c.status == 0 && cursor_left(&c) >= END_ROW_BYTES) {
        cursor_skip(&c, 2);
        uint64_t group = cursor_u64(&c);
        cursor_skip(&c, END_ROW_BYTES - 10);
        (void)map_put_u64(q->told, group, q); /* without memory: asked again */
    }
}

static void note_part(struct query *q, const struct query_ask *a,
                      const struct query_part *p)
{
    uint16_t bit = (uint16_t)(1u << p->shard);
    unsigned at = q->n_seen;
    if (p->status != 0 || (q->shards & bit) == 0) {
        return;
    }
    q->shards &= (uint16_t)~bit;
    while (at > 0 && q->seen[at - 1].shard > p->shard) {
        q->seen[at] = q->seen[at - 1];
        at--;
    }
    q->seen[at] = (struct query_seen){
        .shard = p->shard, .node = a->node, .term = p->term, .index = p->index};
    q->n_seen++;
}

static void refuse(struct query *q)
{
    err_set(&q->err, ERR_TOOBIG,
            "it reads more than %u rows (sql.rows.max) or %u MiB: name a "
            "group_id or a topic",
            q->rows_max, QUERY_BYTES_MAX >> 20);
    query_gathered(q, ERR_TOOBIG);
}

/* Not copied: it may be all that a statement may hold. */
static void body_take(struct query_ask *a, struct buf *own)
{
    buf_close(&a->body);
    a->body = *own;
    *own = (struct buf){.mem = a->body.mem};
    a->query->n_bytes += a->body.len;
}

/* Rows of a node: what could not be had is asked for anew, by the next
 * step. */
static void ask_answered(struct query_ask *a, int status,
                         const struct query_part parts[], unsigned n,
                         struct query_rows rows)
{
    struct query *q = a->query;
    ASSERT(q->state == QUERY_GATHERING && !a->done);
    a->read = NULL;
    if (status == ERR_TOOBIG) {
        refuse(q);
        return;
    }
    if (status != 0) {
        ask_free(a);
        return;
    }
    if (rows.own != NULL) {
        body_take(a, rows.own);
    }
    a->rows = rows.bytes;
    a->done = true;
    q->n_rows = rows.n <= q->rows_max ? q->n_rows + rows.n : UINT32_MAX;
    for (unsigned i = 0; i < n; i++) {
        note_part(q, a, &parts[i]);
    }
    if (a->what == QUERY_ENDS) {
        note_ends(q, rows.bytes);
    }
    if (rows.bytes.len == 0) {
        ask_free(a);
    }
    query_gather_step(q);
}

static void on_read(void *arg, int status, const struct query_part parts[],
                    unsigned n, struct query_rows rows)
{
    ask_answered(arg, status, parts, n, rows);
}

/* A body is whole. */
static void on_body(struct query_ask *a)
{
    struct query_part parts[CGROUP_SHARDS];
    struct cursor c;
    cursor_init(&c, buf_slice(&a->body));
    struct query_rows rows = {0};
    int status = (int)cursor_u32(&c);
    rows.n = cursor_u32(&c);
    unsigned n = cursor_u8(&c);
    if (n > CGROUP_SHARDS) {
        cursor_fail(&c);
    }
    for (unsigned i = 0; i < n && c.status == 0; i++) {
        parts[i].shard = cursor_u8(&c);
        parts[i].status = (int)cursor_u32(&c);
        parts[i].term = cursor_u64(&c);
        parts[i].index = cursor_u64(&c);
        if (parts[i].shard >= CGROUP_SHARDS) {
            cursor_fail(&c);
        }
    }
    if (c.status != 0) {
        ask_free(a); /* malformed: as if it had not come */
        return;
    }
    rows.bytes = cursor_take(&c, cursor_left(&c));
    ask_answered(a, status, parts, n, rows);
}

static void on_answer(struct queries *qs, int32_t node, uint64_t id,
                      struct cursor *c)
{
    struct query *q = qs->current;
    struct queue *e, *tmp;
    bool last = cursor_u8(c) != 0;
    struct slice part = cursor_take(c, cursor_left(c));
    if (q == NULL || q->state != QUERY_GATHERING || c->status != 0) {
        return;
    }
    QUEUE_FOREACH(e, tmp, &q->asks)
    {
        struct query_ask *a = QUEUE_ENTRY(e, struct query_ask, queue);
        if (a->id != id || a->node != node || a->done || a->read != NULL) {
            continue;
        }
        buf_put(&a->body, part.data, part.len);
        q->n_bytes += a->body.status == 0 ? part.len : 0;
        a->sent_ms = env_now_ms(qs->env);
        if (a->body.status != 0 || q->n_bytes > QUERY_BYTES_MAX) {
            refuse(q);
        } else if (last) {
            on_body(a);
        }
        return;
    }
}

void query_message(void *arg, int32_t node, struct bytes message)
{
    struct queries *qs = arg;
    struct cursor c;
    cursor_init(&c, bytes_slice(message));
    uint8_t kind = cursor_u8(&c);
    if (qs->closing) {
        return;
    }
    if (kind == QUERY_MESSAGE_ASK && cursor_u8(&c) == 1) {
        query_serve(qs, node, cursor_u64(&c), &c);
    } else if (kind == QUERY_MESSAGE_ANSWER) {
        on_answer(qs, node, cursor_u64(&c), &c);
    }
}

/* ---- asking -------------------------------------------------------------- */

static uint32_t time_left(const struct query *q)
{
    uint64_t now = env_now_ms(q->all->env);
    return now < q->deadline_ms ? (uint32_t)(q->deadline_ms - now) : 1;
}

static void fill_want(const struct query *q, struct query_want *w)
{
    uint32_t mask =
        w->what == QUERY_ENDS ? SQL_BIT(SQL_PARTITIONS) : SQL_OF_OFFSETS;
    struct sql_pins groups =
        sql_plan_pins(&q->plan, SQL_OF_SHARDS, SQL_BY_GROUP);
    w->stale = q->stale;
    w->time_ms = time_left(q);
    w->rows_max = q->rows_max;
    w->views = q->plan.views & SQL_OF_SHARDS;
    w->all_groups = groups.all;
    w->n_groups = groups.n;
    memcpy(w->groups, groups.values, groups.n * sizeof *groups.values);
    w->all_topics = !query_meta_topics(q, mask, w->topics, &w->n_topics);
}

static int send_ask(struct query_ask *a, const struct query_want *w)
{
    struct queries *qs = a->query->all;
    struct buf b;
    buf_init(&b, qs->mem, 0);
    buf_put_u8(&b, QUERY_MESSAGE_ASK);
    buf_put_u8(&b, 1);
    buf_put_u64(&b, a->id);
    query_want_encode(w, &b);
    int rv = b.status != 0
                 ? b.status
                 : peer_send(qs->broker->peers, a->node, PEER_LANE_MAIN,
                             PEER_SQL, a->id, buf_slice(&b), NULL, 0);
    buf_close(&b);
    return rv;
}

static void ask(struct query *q, int32_t node, enum query_what what,
                uint16_t shards)
{
    struct queries *qs = q->all;
    struct query_want w = {.what = what, .shards = shards};
    struct query_ask *a = mem_calloc(qs->mem, 1, sizeof *a);
    if (a == NULL) {
        return; /* the next step tries again */
    }
    a->query = q;
    a->id = ++qs->next_ask;
    a->node = node;
    a->what = what;
    a->shards = shards;
    a->sent_ms = env_now_ms(qs->env);
    buf_init(&a->body, qs->mem, QUERY_BYTES_MAX);
    queue_push(&q->asks, &a->queue);
    fill_want(q, &w);
    int rv = node == qs->broker->identity.node
                 ? query_read_start(qs, &w, on_read, a, &a->read)
                 : send_ask(a, &w);
    if (rv != 0) {
        ask_free(a);
    }
}

/* ---- steps --------------------------------------------------------------- */

/* Asks without an answer: those that will get none are given up. `*shards` are
 * those that are under way; true: ends are, too. */
static bool sweep(struct query *q, uint16_t *shards)
{
    struct queries *qs = q->all;
    struct queue *e, *tmp;
    bool ends = false, late = false;
    QUEUE_FOREACH(e, tmp, &q->asks)
    {
        struct query_ask *a = QUEUE_ENTRY(e, struct query_ask, queue);
        if (a->done) {
            continue;
        }
        if (a->read == NULL &&
            (peers_state(qs->broker->peers, a->node) != PEER_UP ||
             env_now_ms(qs->env) - a->sent_ms >= q->resend_ms)) {
            late = late || peers_state(qs->broker->peers, a->node) == PEER_UP;
            ask_free(a);
            continue;
        }
        ends = ends || a->what == QUERY_ENDS;
        *shards |= a->shards;
    }
    if (late && q->resend_ms < RESEND_MS_MAX) {
        q->resend_ms *= 2;
    }
    return ends;
}

/* Does this node hold the shard's state? */
static bool is_held(const struct broker *b, unsigned shard)
{
    const struct state_group *g =
        b->groups != NULL ? groups_shard(b->groups, shard) : NULL;
    return g != NULL && state_group_fit(g);
}

static bool is_up(const struct broker *b, int32_t node)
{
    return node >= 0 && node != b->identity.node &&
           peers_state(b->peers, node) == PEER_UP;
}

/* Another node with a replica: its leader, else each in turn. */
static int32_t other_of(const struct query *q, const struct image_partition *x,
                        int32_t leader)
{
    const struct broker *b = q->all->broker;
    uint64_t turn = q->asked_ms / STEP_MS;
    if (is_up(b, leader)) {
        return leader;
    }
    for (unsigned i = 0; i < x->n_replicas; i++) {
        int32_t node = x->replicas[(turn + i) % x->n_replicas];
        if (is_up(b, node)) {
            return node;
        }
    }
    return -1;
}

/* Who has the shard; -1: nobody, now. */
static int32_t node_of(const struct query *q, unsigned shard)
{
    const struct broker *b = q->all->broker;
    const struct image_partition *x = image_shard(b->image, shard);
    const struct leader *l =
        x == NULL ? NULL : leaders_find(b->leaders, x->group);
    int32_t leader = l == NULL ? -1 : l->node;
    if (!q->stale || x == NULL) {
        return leader;
    }
    return is_held(b, shard) ? b->identity.node : other_of(q, x, leader);
}

static void ask_shards(struct query *q, uint16_t todo)
{
    while (todo != 0) {
        unsigned first = (unsigned)__builtin_ctz(todo);
        int32_t node = node_of(q, first);
        uint16_t mask = 0;
        for (unsigned k = first; k < CGROUP_SHARDS; k++) {
            if ((todo & 1u << k) != 0 && node_of(q, k) == node) {
                mask |= (uint16_t)(1u << k);
            }
        }
        if (node >= 0) {
            ask(q, node, QUERY_SHARDS, mask);
        }
        todo &= (uint16_t)~mask;
    }
}

/* The nodes that lead partitions whose ends have not come. */
struct lacking {
    int32_t nodes[PEERS_MAX];
    unsigned n, missing;
};

static void note_lacking(struct query *q, const struct image_partition *p)
{
    struct lacking *x = q->lacking;
    const struct leader *l = leaders_find(q->all->broker->leaders, p->group);
    if (map_find_u64(q->told, p->group) != NULL) {
        return;
    }
    x->missing++;
    for (unsigned i = 0; l != NULL && i < x->n; i++) {
        if (x->nodes[i] == l->node) {
            return;
        }
    }
    if (l != NULL && l->node >= 0 && x->n < PEERS_MAX) {
        x->nodes[x->n++] = l->node;
    }
}

/* Ask for ends that are not known. False: all are, or there is no hope. */
static bool ask_ends(struct query *q, bool may_ask)
{
    struct lacking x = {.n = 0};
    if (!q->ends || env_now_ms(q->all->env) >= q->patient_ms) {
        return false;
    }
    q->lacking = &x;
    query_meta_partitions(q, note_lacking);
    q->lacking = NULL;
    for (unsigned i = 0; i < x.n && may_ask; i++) {
        ask(q, x.nodes[i], QUERY_ENDS, 0);
    }
    return x.missing > 0;
}

static void give_up(struct query *q)
{
    err_set(&q->err, ERR_TIMEOUT,
            q->shards == 0
                ? "it takes longer than allowed"
                : "@groups/%u has no leader that answers in time; ostraka "
                  "cluster status shows who is missing, --stale asks no leader "
                  "where there is another replica",
            q->shards == 0 ? 0 : (unsigned)__builtin_ctz(q->shards));
    query_gathered(q, ERR_TIMEOUT);
}

void query_gather_step(struct query *q)
{
    struct queries *qs = q->all;
    uint16_t under_way = 0;
    if (q->barrier_on) {
        if (env_now_ms(qs->env) >= q->deadline_ms) {
            give_up(q);
        }
        return;
    }
    if (q->n_rows > q->rows_max || q->n_bytes > QUERY_BYTES_MAX ||
        q->meta.status != 0) {
        refuse(q);
        return;
    }
    bool ends = sweep(q, &under_way);
    bool due = env_now_ms(qs->env) >= q->asked_ms + STEP_MS;
    if (due) {
        q->asked_ms = env_now_ms(qs->env);
        ask_shards(q, q->shards & (uint16_t)~under_way);
    }
    bool lacking = ask_ends(q, due && !ends);
    if (q->shards == 0 && !lacking) {
        query_gathered(q, 0);
    } else if (env_now_ms(qs->env) >= q->deadline_ms) {
        give_up(q);
    } else {
        env_timer_start(qs->env, &q->timer, env_now_ms(qs->env) + STEP_MS);
    }
}

/* ---- begin --------------------------------------------------------------- */

static void plan_shards(struct query *q)
{
    struct sql_pins groups =
        sql_plan_pins(&q->plan, SQL_OF_SHARDS, SQL_BY_GROUP);
    if ((q->plan.views & SQL_OF_SHARDS) == 0) {
        return;
    }
    for (unsigned i = 0; i < groups.n; i++) {
        q->shards |= (uint16_t)(1u << cgroup_shard(groups.values[i]));
    }
    q->shards = groups.all ? UINT16_MAX : q->shards;
    for (unsigned k = 0; k < CGROUP_SHARDS; k++) {
        if (image_shard(q->all->broker->image, k) == NULL) {
            q->shards &= (uint16_t) ~(1u << k); /* not placed: holds nothing */
        }
    }
}

static void begin(struct query *q)
{
    q->barrier_on = false;
    query_meta_rows(q);
    plan_shards(q);
    q->ends = (q->plan.views & SQL_BIT(SQL_PARTITIONS)) != 0;
    query_gather_step(q);
}

static void on_barrier(struct metadata_call *c, int status, struct slice result)
{
    struct query *q = c->data;
    (void)result;
    q->barrier_on = false;
    if (status == 0) {
        begin(q);
        return;
    }
    err_set(&q->err, status,
            "@meta has no leader that answers in time; --stale asks none");
    query_gathered(q, status == ERR_NOTREADY ? ERR_TIMEOUT : status);
}

void query_gather(struct query *q)
{
    struct broker *b = q->all->broker;
    q->resend_ms = RESEND_MS;
    if (q->plan.explain) {
        query_gathered(q, 0);
        return;
    }
    if (q->stale) {
        begin(q);
        return;
    }
    int rv = metadata_call(b->metadata, &q->barrier, METADATA_BARRIER,
                           slice_of(NULL, 0), time_left(q), on_barrier, q);
    if (rv != 0) {
        err_set(&q->err, rv, "@meta: %s", err_text(rv));
        query_gathered(q, rv);
        return;
    }
    q->barrier_on = true;
}

void query_gather_stop(struct query *q)
{
    struct queue *e, *tmp;
    QUEUE_FOREACH(e, tmp, &q->asks)
    {
        struct query_ask *a = QUEUE_ENTRY(e, struct query_ask, queue);
        if (!a->done) {
            ask_free(a);
        }
    }
}

void query_gather_close(struct query *q)
{
    if (q->barrier_on) {
        metadata_call_cancel(&q->barrier);
        q->barrier_on = false;
    }
    while (!queue_empty(&q->asks)) {
        ask_free(QUEUE_ENTRY(q->asks.next, struct query_ask, queue));
    }
}
