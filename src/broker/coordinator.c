#include "broker/coordinator.h"

#include <string.h>

#include "base/assert.h"
#include "broker/coordinator_impl.h"
#include "wire/errors.h"

#define IN_FLIGHT_MAX 2 /* entries; what gathers meanwhile is the next */

/* ---- requests ------------------------------------------------------------
 */

static struct session *session_of(const struct coordinator_request *q)
{
    struct cgroup_view *g = cgroup_image_find(q->owner->image, q->group);
    struct cgroup_view_member *m =
        g == NULL || q->member == NULL
            ? NULL
            : cgroup_view_member(g, slice_of(q->member, q->member_len));
    return m == NULL ? NULL : m->data;
}

/* A client's, which goes on page by page. */
static bool is_deletion(const struct coordinator_request *q)
{
    return q->kind == CGROUP_DELETE && q != &q->owner->tasks.request;
}

/* It no longer waits for anything. A member whose wait ends has its whole
 * session before it. Returns the member's id, to be freed, or NULL. */
static uint8_t *leave(struct coordinator_request *q)
{
    struct coordinator *co = q->owner;
    struct session *s = session_of(q);
    uint8_t *member = q->member;
    if (q->item != NULL) {
        q->item->request = NULL;
        q->item = NULL;
    }
    queue_remove(&q->queue);
    if (is_deletion(q)) {
        map_remove(co->deletes, q->group);
    }
    if (q->member != NULL) {
        if (s != NULL && s->parked > 0) {
            s->parked--;
            s->deadline_ms = env_now_ms(co->env) + s->session_ms;
        }
    }
    co->n_requests--;
    q->member = NULL;
    q->owner = NULL;
    return member;
}

static void answer(struct coordinator_request *q, int status,
                   const struct cgroup_result *result)
{
    struct mem *mem = q->owner->mem;
    uint8_t *member = leave(q); /* `result` may name it */
    q->cb(q, status, result);
    mem_free(mem, member);
}

static void answer_parked(struct coordinator *co, int status)
{
    while (!queue_empty(&co->parked)) {
        answer(QUEUE_ENTRY(co->parked.next, struct coordinator_request, queue),
               status, NULL);
    }
}

/* Who asked for its assignment is in the generation for good, and lives: its
 * session begins anew, also when it need not wait. */
static void note_synced(struct coordinator *co, enum cgroup_kind kind,
                        struct slice group, const struct cgroup_result *r)
{
    struct cgroup_view *g = cgroup_image_find(co->image, group);
    struct cgroup_view_member *m =
        g == NULL || kind != CGROUP_SYNC || r->error != 0
            ? NULL
            : cgroup_view_member(g, r->member);
    if (m != NULL && m->data != NULL) {
        struct session *s = m->data;
        s->synced = r->generation;
        coordinator_touch(co, g, m);
    }
}

/* A join or a sync that waits for others: until the image says so. */
static bool park(struct coordinator_request *q, const struct cgroup_result *r)
{
    struct coordinator *co = q->owner;
    struct session *s;
    struct slice member = r->member;
    ASSERT(member.len > 0);
    q->member = mem_alloc(co->mem, member.len);
    if (q->member == NULL) {
        return false;
    }
    memcpy(q->member, member.data, member.len);
    q->member_len = member.len;
    q->generation = r->generation;
    queue_push(&co->parked, &q->queue);
    s = session_of(q);
    if (s != NULL) {
        s->parked++;
    }
    co->changed = true; /* it may be over already */
    return true;
}

static void decided(struct coordinator_request *q,
                    const struct cgroup_result *r)
{
    struct coordinator *co = q->owner;
    if (r->parked && !co->leads) {
        answer(q, ERR_NOTLEADER, NULL); /* nobody would wake it */
    } else if (r->parked && !park(q, r)) {
        answer(q, ERR_NOMEM, NULL);
    } else if (!r->parked) {
        note_synced(co, q->kind, q->group, r);
        answer(q, 0, r);
    } else {
        note_synced(co, q->kind, q->group, r);
    }
}

/* Answer and free items; each by its result, where there is one. The list is
 * not that of the next entry: callbacks may submit again. */
static void items_done(struct coordinator *co, struct queue *items, int status,
                       struct slice results)
{
    struct cursor in;
    struct cgroup_result r;
    struct queue *first;
    cursor_init(&in, results);
    while ((first = queue_pop(items)) != NULL) {
        struct coordinator_item *x =
            QUEUE_ENTRY(first, struct coordinator_item, queue);
        struct coordinator_request *q = x->request;
        bool known = status == 0 && cgroup_next_result(&in, &r);
        mem_free(co->mem, x);
        if (q == NULL) {
            continue;
        }
        q->item = NULL;
        if (known) {
            decided(q, &r);
        } else {
            answer(q, status != 0 ? status : ERR_NOTLEADER, NULL);
        }
    }
}

/* ---- entries -------------------------------------------------------------
 */

static void on_decided(void *arg, int status, uint64_t index,
                       struct slice result)
{
    struct batch *b = arg;
    struct coordinator *co = b->owner;
    (void)index;
    co->n_flying--;
    items_done(co, &b->items, status, result);
    mem_free(co->mem, b);
    if (!queue_empty(&co->items)) {
        env_turn_request(co->env, &co->turn);
    }
}

/* What has gathered is not proposed. */
static void fail_gathered(struct coordinator *co, int status)
{
    struct queue failed;
    buf_reset(&co->bytes);
    queue_move(&co->items, &failed);
    items_done(co, &failed, status, slice_of(NULL, 0));
}

static int propose(struct coordinator *co)
{
    struct batch *b = mem_calloc(co->mem, 1, sizeof *b);
    struct chunk *chunk =
        b == NULL ? NULL
                  : chunk_acquire(co->options.pool, CHUNK_STATE, co->bytes.len);
    if (chunk == NULL) {
        mem_free(co->mem, b);
        return ERR_NOMEM;
    }
    memcpy(chunk->data, co->bytes.data, co->bytes.len);
    struct bytes bytes = {chunk, chunk->data, co->bytes.len};
    b->owner = co;
    queue_move(&co->items, &b->items);
    int rv = state_group_command(co->group, bytes, on_decided, b);
    bytes_release(&bytes);
    if (rv == 0) {
        co->n_flying++;
        return 0;
    }
    queue_move(&b->items, &co->items);
    mem_free(co->mem, b);
    return rv;
}

static void on_turn(struct env_turn *t)
{
    struct coordinator *co = t->data;
    if (queue_empty(&co->items) || co->n_flying >= IN_FLIGHT_MAX) {
        return;
    }
    int rv = propose(co);
    if (rv != 0) {
        fail_gathered(co, rv);
    } else {
        buf_reset(&co->bytes);
    }
}

static size_t batch_bytes_max(const struct coordinator *co)
{
    size_t max = co->options.entry_bytes_max;
    return max != 0 && max < COORDINATOR_BATCH_BYTES_MAX
               ? max
               : COORDINATOR_BATCH_BYTES_MAX;
}

/* An item for the next entry: what follows the version in a batch. */
int coordinator_add(struct coordinator *co, struct coordinator_request *q,
                    struct slice batch)
{
    struct coordinator_item *x;
    ASSERT(batch.len > 1);
    if (batch.len > batch_bytes_max(co)) {
        return ERR_TOOBIG;
    }
    if (co->bytes.len + batch.len > batch_bytes_max(co)) {
        return ERR_FULL; /* the entries under way are slow */
    }
    x = mem_calloc(co->mem, 1, sizeof *x);
    if (x == NULL) {
        return ERR_NOMEM;
    }
    if (co->bytes.len == 0) {
        cgroup_batch_begin(&co->bytes);
    }
    buf_put(&co->bytes, batch.data + 1, batch.len - 1);
    if (co->bytes.status != 0) {
        /* Nothing of a batch that is not whole is proposed. */
        mem_free(co->mem, x);
        fail_gathered(co, ERR_NOMEM);
        return ERR_NOMEM;
    }
    x->request = q;
    if (q != NULL) {
        q->item = x;
    }
    queue_push(&co->items, &x->queue);
    env_turn_request(co->env, &co->turn);
    return 0;
}

bool coordinator_deletes(struct coordinator *co, struct slice group)
{
    return map_find(co->deletes, group) != NULL;
}

int coordinator_submit(struct coordinator *co, struct coordinator_request *q,
                       enum cgroup_kind kind, struct slice group,
                       struct slice instance, struct slice batch,
                       coordinator_cb cb, void *data)
{
    if (!co->leads) {
        return ERR_NOTLEADER;
    }
    if (coordinator_deletes(co, group)) {
        return ERR_FULL;
    }
    if (co->n_requests >= COORDINATOR_REQUESTS_MAX) {
        ++*co->options.busy;
        return ERR_FULL;
    }
    *q = (struct coordinator_request){.owner = co,
                                      .kind = kind,
                                      .group = group,
                                      .instance = instance,
                                      .cb = cb,
                                      .data = data};
    queue_init(&q->queue);
    int rv = is_deletion(q) ? map_put(co->deletes, group, q) : 0;
    if (rv != 0) {
        return rv;
    }
    rv = coordinator_add(co, q, batch);
    co->n_requests += rv == 0;
    *co->options.busy += rv == ERR_FULL;
    if (rv != 0 && is_deletion(q)) {
        map_remove(co->deletes, group);
    }
    return rv;
}

void coordinator_cancel(struct coordinator_request *q)
{
    if (q->owner != NULL) {
        struct mem *mem = q->owner->mem;
        mem_free(mem, leave(q));
    }
}

unsigned coordinator_n_requests(const struct coordinator *co)
{
    return co->n_requests;
}

bool coordinator_has_room(struct coordinator *co, struct slice group,
                          size_t more)
{
    const struct cgroup_view *g = cgroup_image_find(co->image, group);
    const struct coordinator_options *o = &co->options;
    size_t has = g == NULL ? 0 : g->bytes;
    if (more == 0 ||
        (has + more <= o->group_bytes_max &&
         *cgroup_image_bytes(co->image) + more <= o->shard_bytes_max)) {
        return true;
    }
    ++*o->refused;
    return false;
}

/* ---- parked requests -----------------------------------------------------
 */

/* What a request that waits is answered with; false: it waits on. */
static bool wait_over(const struct coordinator_request *q,
                      struct cgroup_result *ret_r)
{
    struct slice id = slice_of(q->member, q->member_len);
    const struct cgroup_view *g = cgroup_image_find(q->owner->image, q->group);
    const struct cgroup_view_member *m =
        g == NULL ? NULL : cgroup_view_member(g, id);
    *ret_r = (struct cgroup_result){.member = id};
    if (m == NULL) {
        ret_r->error = g != NULL && cgroup_view_instance(g, q->instance) != NULL
                           ? KERR_FENCED_INSTANCE_ID
                           : KERR_UNKNOWN_MEMBER_ID;
        return true;
    }
    ret_r->generation = g->generation;
    ret_r->leader = g->leader;
    if (q->kind == CGROUP_JOIN) {
        return g->generation != q->generation;
    }
    if (g->generation != q->generation || g->state == CGROUP_PREPARING) {
        ret_r->error = KERR_REBALANCE_IN_PROGRESS;
        return true;
    }
    return g->state == CGROUP_STABLE;
}

static void wake(struct coordinator *co)
{
    struct queue seen;
    struct cgroup_result r;
    co->changed = false;
    /* A callback may submit and cancel, but what it parks comes later. */
    queue_move(&co->parked, &seen);
    while (!queue_empty(&seen)) {
        struct coordinator_request *q =
            QUEUE_ENTRY(seen.next, struct coordinator_request, queue);
        if (wait_over(q, &r)) {
            answer(q, 0, &r);
        } else {
            queue_remove(&q->queue);
            queue_push(&co->parked, &q->queue);
        }
    }
}

void coordinator_applied(struct coordinator *co)
{
    if (co->changed) {
        wake(co);
    }
}

int coordinator_heartbeat(struct coordinator *co, struct slice group,
                          struct slice member, struct slice instance,
                          int32_t generation)
{
    struct cgroup_view *g = cgroup_image_find(co->image, group);
    if (!co->leads) {
        return KERR_NOT_COORDINATOR;
    }
    int error = cgroup_view_heartbeat(g, member, instance, generation);
    if (error == 0 || error == KERR_REBALANCE_IN_PROGRESS) {
        coordinator_touch(co, g, cgroup_view_member(g, member));
    }
    return error;
}

void coordinator_hear(struct coordinator *co, struct slice group,
                      struct slice member)
{
    struct cgroup_view *g =
        co->leads ? cgroup_image_find(co->image, group) : NULL;
    struct cgroup_view_member *m =
        g == NULL ? NULL : cgroup_view_member(g, member);
    if (m != NULL) {
        coordinator_touch(co, g, m);
    }
}

/* ---- leadership ----------------------------------------------------------
 */

static void on_tick(struct env_timer *t)
{
    struct coordinator *co = t->data;
    uint64_t now = env_now_ms(co->env);
    if (!co->leads) {
        coordinator_role(co, co->group); /* it could not confirm */
        return;
    }
    coordinator_tick(co, now);
    if (heap_first(&co->lives) != NULL) {
        env_timer_start(co->env, t, now + COORDINATOR_TICK_MS);
    }
}

static void begin(struct coordinator *co)
{
    void *it = NULL;
    struct cgroup_view *g;
    while ((g = cgroup_image_next(co->image, &it)) != NULL) {
        for (unsigned i = 0; i < g->n_members; i++) {
            coordinator_touch(co, g, g->members[i]);
        }
        /* A first rebalance that all have left ends when its time is over. */
        if (g->n_members > 0 || g->state == CGROUP_PREPARING) {
            coordinator_watch_group(co, g);
        }
    }
    coordinator_tasks_begin(co);
}

static void end(struct coordinator *co, int status)
{
    env_timer_stop(co->env, &co->tick);
    coordinator_tasks_end(co);
    env_turn_cancel(co->env, &co->turn);
    fail_gathered(co, status);
    answer_parked(co, status);
    coordinator_forget(co);
}

/* 0: it does not lead. */
static int32_t term_led(const struct state_group *g)
{
    return state_group_ready(g) ? replica_epoch(state_group_replica(g)) : 0;
}

/* Everything that was committed under others is in the image: a member that
 * they let in is known. An answer may come late, when this node has lost the
 * term it asked in and leads again: of the terms between it says nothing. */
static void on_confirmed(void *arg, int status, uint64_t index,
                         struct slice result)
{
    struct coordinator *co = arg;
    (void)index;
    (void)result;
    co->confirming = false;
    if (co->closing) {
        return;
    }
    co->leads = status == 0 && term_led(co->group) == co->term;
    if (co->leads) {
        begin(co);
    } else {
        env_timer_start(co->env, &co->tick,
                        env_now_ms(co->env) + COORDINATOR_TICK_MS);
    }
}

void coordinator_role(struct coordinator *co, struct state_group *g)
{
    bool leads = state_group_ready(g);
    co->group = g;
    if (co->closing) {
        return;
    }
    if (!leads && co->leads) {
        co->leads = false;
        end(co, ERR_NOTLEADER);
    } else if (leads && !co->leads && !co->confirming) {
        co->term = term_led(g);
        co->confirming = state_group_barrier(g, on_confirmed, co) == 0;
        if (!co->confirming) {
            env_timer_start(co->env, &co->tick,
                            env_now_ms(co->env) + COORDINATOR_TICK_MS);
        }
    }
}

/* ---- life ----------------------------------------------------------------
 */

int coordinator_open(struct env *e, const struct coordinator_options *o,
                     struct coordinator **ret_co)
{
    struct coordinator *co = mem_calloc(env_mem(e), 1, sizeof *co);
    if (co == NULL) {
        return ERR_NOMEM;
    }
    co->env = e;
    co->mem = env_mem(e);
    co->deletes = map_new(co->mem);
    if (co->deletes == NULL) {
        mem_free(co->mem, co);
        return ERR_NOMEM;
    }
    co->options = *o;
    co->image = o->image;
    buf_init(&co->bytes, co->mem, 0);
    queue_init(&co->items);
    queue_init(&co->parked);
    heap_init(&co->lives, co->mem);
    env_turn_init(&co->turn, ENV_TURN_CONSENSUS, on_turn, co);
    env_timer_init(&co->tick, on_tick, co);
    coordinator_tasks_init(co);
    cgroup_image_watch(co->image, coordinator_event, co);
    *ret_co = co;
    return 0;
}

void coordinator_stop(struct coordinator *co)
{
    co->closing = true;
    co->leads = false;
    end(co, ERR_CANCELED);
}

void coordinator_close(struct coordinator *co)
{
    if (co == NULL) {
        return;
    }
    ASSERT(co->n_flying == 0);
    coordinator_stop(co);
    cgroup_image_watch(co->image, NULL, NULL);
    heap_close(&co->lives);
    map_free(co->deletes);
    buf_close(&co->bytes);
    mem_free(co->mem, co);
}
