/* metadata_call.c - commands and barriers from any node, and the answers to
 * those of others. */
#include <string.h>

#include "base/buf.h"
#include "base/cursor.h"
#include "broker/metadata_impl.h"

#define CALLS_MAX     4096
#define CALL_RETRY_MS 50
/* Calls of a millisecond of a node's life. */
#define CALL_LIFE_BITS 20
/* No answer for this long: ask again, perhaps somebody else. */
#define CALL_RESEND_MS    1000
#define COMMAND_BYTES_MAX (1u << 20)

enum forward_message {
    FORWARD_COMMAND = 1,
    FORWARD_BARRIER = 2,
    FORWARD_ANSWER = 3
};

/* A request of another node, waiting for serve.c. */
struct remote {
    struct metadata *metadata;
    int32_t node;
    uint64_t call;
};

/* ---- calls ----------------------------------------------------------------
 */

static void call_finish(struct metadata_call *c, int status)
{
    struct metadata *m = c->metadata;
    struct bytes result = c->result;
    queue_remove(&c->queue);
    m->n_calls--;
    bytes_release(&c->command);
    c->result = (struct bytes){0};
    c->metadata = NULL;
    c->cb(c, status, bytes_slice(result));
    bytes_release(&result);
}

/* Walk over all calls there are now, each once:
 *
 *     walk_begin(m); while ((c = walk_next(m)) != NULL) { ... }
 *
 * A callback may end, cancel and begin any of them, or all: who was looked at
 * goes to the end of the list, and the first one that was ends the walk. */
static void walk_begin(struct metadata *m)
{
    m->walk++;
}

static struct metadata_call *walk_next(struct metadata *m)
{
    struct metadata_call *c;
    if (queue_empty(&m->calls)) {
        return NULL;
    }
    c = QUEUE_ENTRY(m->calls.next, struct metadata_call, queue);
    if (c->walk == m->walk) {
        return NULL;
    }
    c->walk = m->walk;
    queue_remove(&c->queue);
    queue_push(&m->calls, &c->queue);
    return c;
}

static void call_check(struct metadata_call *c)
{
    if (c->answered && c->index <= metadata_applied(c->metadata)) {
        call_finish(c, 0);
    }
}

static struct metadata_call *call_find(struct metadata *m, uint64_t id)
{
    struct queue *q, *tmp;
    QUEUE_FOREACH(q, tmp, &m->calls)
    {
        struct metadata_call *c = QUEUE_ENTRY(q, struct metadata_call, queue);
        if (c->id == id) {
            return c;
        }
    }
    return NULL;
}

static void call_answer(struct metadata *m, uint64_t id, int status,
                        uint64_t index, struct slice result)
{
    struct metadata_call *c = call_find(m, id);
    if (c == NULL || c->answered) {
        return;
    }
    c->proposed = false;
    c->sent_to = -1;
    if (status != 0) {
        return; /* the timer tries again */
    }
    if (result.len > 0) {
        struct chunk *chunk = chunk_acquire(m->pool, CHUNK_STATE, result.len);
        if (chunk == NULL) {
            return;
        }
        memcpy(chunk->data, result.data, result.len);
        c->result = (struct bytes){chunk, chunk->data, result.len};
    }
    c->index = index;
    c->answered = true;
    call_check(c);
}

/* serve.c answered a call of this node; `arg` holds the call's number, which
 * stays valid when the call itself is gone. */
static void on_served_here(void *arg, int status, uint64_t index,
                           struct slice result)
{
    struct remote *r = arg;
    struct metadata *m = r->metadata;
    uint64_t id = r->call;
    mem_free(m->mem, r);
    if (!m->closing) {
        call_answer(m, id, status, index, result);
    }
}

static struct remote *remote_new(struct metadata *m, int32_t node,
                                 uint64_t call)
{
    struct remote *r = mem_alloc(m->mem, sizeof *r);
    if (r != NULL) {
        *r = (struct remote){m, node, call};
    }
    return r;
}

static void call_here(struct metadata_call *c)
{
    struct metadata *m = c->metadata;
    struct remote *r = remote_new(m, -1, c->id);
    if (r == NULL) {
        return;
    }
    int rv = c->kind == METADATA_COMMAND
                 ? state_group_command(m->group, c->command, on_served_here, r)
                 : state_group_barrier(m->group, on_served_here, r);
    if (rv != 0) {
        mem_free(m->mem, r);
        return;
    }
    c->proposed = true;
}

static void call_there(struct metadata_call *c, int32_t node)
{
    struct metadata *m = c->metadata;
    uint8_t head[9];
    head[0] = c->kind == METADATA_COMMAND ? FORWARD_COMMAND : FORWARD_BARRIER;
    for (unsigned i = 0; i < 8; i++) {
        head[1 + i] = (uint8_t)(c->id >> (56 - 8 * i));
    }
    if (peer_send(m->peers, node, PEER_LANE_MAIN, PEER_FORWARD, META_GROUP,
                  slice_of(head, sizeof head), &c->command,
                  c->command.len > 0 ? 1 : 0) == 0) {
        c->sent_to = node;
        c->sent_ms = env_now_ms(m->env);
    }
}

static void call_try(struct metadata_call *c)
{
    struct metadata *m = c->metadata;
    const struct replica *replica = state_group_replica(m->group);
    if (c->answered || c->proposed || replica == NULL) {
        return;
    }
    if (state_group_ready(m->group)) {
        call_here(c);
        return;
    }
    int32_t leader = replica_leader(replica);
    if (leader < 0 || leader == m->identity->node) {
        return;
    }
    if (c->sent_to != leader ||
        env_now_ms(m->env) - c->sent_ms >= CALL_RESEND_MS) {
        call_there(c, leader);
    }
}

static void on_timer(struct env_timer *t)
{
    struct metadata *m = t->data;
    struct metadata_call *c;
    walk_begin(m);
    while ((c = walk_next(m)) != NULL) {
        if (env_now_ms(m->env) >= c->deadline_ms) {
            call_finish(c, c->proposed || c->answered || c->sent_to >= 0
                               ? ERR_TIMEOUT
                               : ERR_NOTREADY);
        } else {
            call_try(c);
        }
    }
    if (m->n_calls > 0) {
        env_timer_start(m->env, t, env_now_ms(m->env) + CALL_RETRY_MS);
    }
}

int metadata_call(struct metadata *m, struct metadata_call *c,
                  enum metadata_call_kind kind, struct slice command,
                  uint32_t timeout_ms, metadata_call_cb cb, void *data)
{
    if (m->n_calls >= CALLS_MAX || m->closing) {
        m->m_refused++;
        return ERR_FULL;
    }
    if (command.len > COMMAND_BYTES_MAX) {
        return ERR_TOOBIG;
    }
    *c = (struct metadata_call){.metadata = m,
                                .kind = kind,
                                .id = ++m->next_call,
                                .walk = m->walk,
                                .sent_to = -1,
                                .cb = cb,
                                .data = data};
    c->deadline_ms = env_now_ms(m->env) + timeout_ms;
    if (command.len > 0) {
        struct chunk *k = chunk_acquire(m->pool, CHUNK_STATE, command.len);
        if (k == NULL) {
            return ERR_NOMEM;
        }
        memcpy(k->data, command.data, command.len);
        c->command = (struct bytes){k, k->data, command.len};
    }
    queue_push(&m->calls, &c->queue);
    m->n_calls++;
    /* From the timer, so that the callback never runs before we return. */
    env_timer_start(m->env, &m->timer, env_now_ms(m->env));
    return 0;
}

void metadata_call_cancel(struct metadata_call *c)
{
    if (c->metadata == NULL) {
        return;
    }
    queue_remove(&c->queue);
    c->metadata->n_calls--;
    c->metadata = NULL;
    bytes_release(&c->command);
    bytes_release(&c->result);
}

/* ---- requests of other nodes ------------------------------------------------
 */

static void answer(struct metadata *m, int32_t node, uint64_t call, int status,
                   uint64_t index, struct slice result)
{
    struct buf b;
    buf_init(&b, m->mem, 0);
    buf_put_u8(&b, FORWARD_ANSWER);
    buf_put_u64(&b, call);
    buf_put_u32(&b, (uint32_t)status);
    buf_put_u64(&b, index);
    buf_put(&b, result.data, result.len);
    if (b.status == 0) {
        /* A lost answer is asked for again. */
        peer_send(m->peers, node, PEER_LANE_MAIN, PEER_FORWARD, META_GROUP,
                  buf_slice(&b), NULL, 0);
    }
    buf_close(&b);
}

static void on_served_there(void *arg, int status, uint64_t index,
                            struct slice result)
{
    struct remote *r = arg;
    if (!r->metadata->closing) {
        answer(r->metadata, r->node, r->call, status, index, result);
    }
    mem_free(r->metadata->mem, r);
}

/* In memory of its own: the log keeps it for long, and would keep all that came
 * with it. */
static int serve_there(struct remote *r, struct slice command)
{
    struct metadata *m = r->metadata;
    struct chunk *k = chunk_acquire(m->pool, CHUNK_STATE, command.len);
    if (k == NULL) {
        return ERR_NOMEM;
    }
    memcpy(k->data, command.data, command.len);
    struct bytes own = {k, k->data, command.len};
    int rv = state_group_command(m->group, own, on_served_there, r);
    bytes_release(&own);
    return rv;
}

static void on_request(struct metadata *m, int32_t node, uint64_t call,
                       bool command, struct slice body)
{
    struct remote *r = NULL;
    int rv = ERR_NOTLEADER;
    if (body.len <= COMMAND_BYTES_MAX && state_group_ready(m->group)) {
        r = remote_new(m, node, call);
        rv = r == NULL ? ERR_NOMEM
             : command ? serve_there(r, body)
                       : state_group_barrier(m->group, on_served_there, r);
    }
    if (rv != 0) {
        mem_free(m->mem, r);
        answer(m, node, call, rv, 0, slice_of(NULL, 0));
    }
}

static void on_message(void *arg, int32_t node, struct bytes message)
{
    struct metadata *m = arg;
    struct cursor c;
    cursor_init(&c, bytes_slice(message));
    uint8_t kind = cursor_u8(&c);
    uint64_t call = cursor_u64(&c);
    if (c.status != 0 || m->closing) {
        return;
    }
    if (kind == FORWARD_ANSWER) {
        int status = (int)cursor_u32(&c);
        uint64_t index = cursor_u64(&c);
        if (c.status == 0) {
            call_answer(m, call, status, index,
                        cursor_take(&c, cursor_left(&c)));
        }
        return;
    }
    if (kind == FORWARD_COMMAND || kind == FORWARD_BARRIER) {
        on_request(m, node, call, kind == FORWARD_COMMAND,
                   cursor_take(&c, cursor_left(&c)));
    }
}

void metadata_check_calls(struct metadata *m)
{
    struct metadata_call *c;
    walk_begin(m);
    while ((c = walk_next(m)) != NULL) {
        call_check(c);
    }
}

void metadata_cancel_calls(struct metadata *m)
{
    env_timer_stop(m->env, &m->timer);
    peers_receive(m->peers, PEER_FORWARD, NULL, NULL);
    for (unsigned i = 0; i < METADATA_METRICS; i++) {
        metric_remove(&m->metrics[i]);
    }
    while (!queue_empty(&m->calls)) { /* none begins any more */
        call_finish(QUEUE_ENTRY(m->calls.next, struct metadata_call, queue),
                    ERR_CANCELED);
    }
}

static uint64_t read_calls(const void *arg)
{
    return ((const struct metadata *)arg)->n_calls;
}

void metadata_init_calls(struct metadata *m)
{
    metric_add_read(env_metrics(m->env), &m->metrics[0], METRIC_GAUGE,
                    "ostraka_meta_calls",
                    "Commands and barriers of this node for @meta, not yet "
                    "answered.",
                    "", read_calls, m);
    metric_add(env_metrics(m->env), &m->metrics[1], METRIC_COUNTER,
               "ostraka_meta_calls_refused_total",
               "Those that were not begun: too many are under way.", "",
               &m->m_refused);
    queue_init(&m->calls);
    /* Above the numbers of this node's earlier lives: an answer to one of
     * those may still come. */
    m->next_call = (uint64_t)env_wall_ms(m->env) << CALL_LIFE_BITS;
    env_timer_init(&m->timer, on_timer, m);
    peers_receive(m->peers, PEER_FORWARD, on_message, m);
}
