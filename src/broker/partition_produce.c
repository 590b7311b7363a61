/* partition_produce.c - appends: sequences, duplicates, answers. */
#include "base/assert.h"
#include "broker/partition_impl.h"

/* Batches of one partition that wait to be appended, and how often to look. */
#define PARKED_MAX 256
#define PARKED_MS  2

/* ---- produce ---------------------------------------------------------- */

/* What is known of a producer at the end of the log. */
static struct producer_entry *find_producer(struct partition *p, int64_t id,
                                            int64_t now_ms)
{
    struct producer_entry *e =
        producers_find(&p->overlay, id, now_ms, p->expiration_ms);
    return e != NULL
               ? e
               : producers_find(&p->committed, id, now_ms, p->expiration_ms);
}

/* The batch will come again, and those behind it are on their way. */
static void note_refused(struct partition *p, const struct refused_batch *who,
                         int status)
{
    bool again = status == ERR_NOTLEADER || status == ERR_FULL ||
                 status == ERR_NOMEM || status == ERR_TIMEOUT;
    if (again && !p->closing && who->producer_id != BATCH_NO_PRODUCER &&
        find_producer(p, who->producer_id, env_wall_ms(p->env)) == NULL) {
        refused_note(&p->refused, who, env_now_ms(p->env));
    }
}

static void produce_done(struct partition_produce *pp, int status)
{
    note_refused(pp->partition, &pp->who, status);
    queue_remove(&pp->queue);
    pp->log_start = replica_log_start(pp->partition->replica);
    pp->partition = NULL;
    pp->cb(pp, status);
}

/* A batch from `offset` on is not in the log, or nobody knows: whoever waits
 * for that copy of his is not answered by what will be there instead. */
static void fail_copies(struct partition *p, int64_t offset, int status)
{
    struct queue gone, *q, *tmp;
    queue_init(&gone);
    QUEUE_FOREACH(q, tmp, &p->waiting)
    {
        if (QUEUE_ENTRY(q, struct partition_produce, queue)->wait_offset >
            offset) {
            queue_remove(q);
            queue_push(&gone, q);
        }
    }
    while (!queue_empty(&gone)) {
        produce_done(QUEUE_ENTRY(gone.next, struct partition_produce, queue),
                     status);
    }
}

static void on_appended(struct replica_append *a, int status)
{
    struct inflight *f = a->data;
    struct partition *p = f->partition;
    struct partition_produce *pp = f->produce;
    int64_t offset = a->base_offset;
    f->produce = NULL;
    queue_remove(&f->queue);
    queue_push(&p->free, &f->queue);
    note_refused(p, &f->who, status);
    if (status != 0 && !p->closing && replica_is_leader(p->replica)) {
        /* It never was in the log: a retry must not look like a copy. */
        partition_overlay(p);
    }
    if (status != 0) {
        fail_copies(p, offset, status);
    }
    if (pp != NULL) {
        pp->wait_offset = -1;
        produce_done(pp, status);
    }
}

static struct inflight *inflight_get(struct partition *p)
{
    struct queue *q = queue_pop(&p->free);
    if (q != NULL) {
        return QUEUE_ENTRY(q, struct inflight, queue);
    }
    struct inflight *f = mem_calloc(p->mem, 1, sizeof *f);
    if (f != NULL) {
        queue_init(&f->queue);
        f->partition = p;
    }
    return f;
}

/* The producer's state says where this batch stands. *ret_wait is set when an
 * earlier copy is in the log: the offset it ends before. */
static int check_sequence(struct partition *p, struct partition_produce *pp,
                          const struct batch *b, int64_t *ret_wait)
{
    struct producer_batch first;
    *ret_wait = -1;
    if (!batch_has_producer(b)) {
        return 0;
    }
    struct producer_entry *e =
        find_producer(p, b->producer_id, env_wall_ms(p->env));
    if (e == NULL && refused_bars(&p->refused, &pp->who, env_now_ms(p->env))) {
        return ERR_SEQUENCE;
    }
    switch (producer_check(e, b, &first)) {
    case PRODUCER_APPEND:
        return 0;
    case PRODUCER_DUPLICATE:
        pp->base_offset = first.base_offset;
        pp->append_time_ms = first.timestamp;
        *ret_wait = first.last_offset + 1;
        trace_debug(env_trace(p->env), "partition.duplicate",
                    "name=%s offset=%lld", p->name,
                    (long long)first.base_offset);
        return 0;
    case PRODUCER_FENCED:
        return ERR_EPOCH;
    case PRODUCER_OUT_OF_ORDER:
        return ERR_SEQUENCE;
    }
    return ERR_INTERNAL;
}

static int append(struct partition *p, struct partition_produce *pp,
                  struct bytes batch, const struct batch *b)
{
    struct inflight *f = inflight_get(p);
    if (f == NULL) {
        return ERR_NOMEM;
    }
    int rv = replica_append(p->replica, &f->append, batch, on_appended, f);
    if (rv != 0) {
        queue_push(&p->free, &f->queue);
        return rv;
    }
    f->produce = pp;
    f->who = pp->who;
    queue_push(&p->appends, &f->queue);
    refused_forget(&p->refused, pp->who.producer_id);
    pp->base_offset = f->append.base_offset;
    rv = producers_fold(
        &p->overlay, b, pp->base_offset, env_wall_ms(p->env), p->expiration_ms,
        batch_has_producer(b)
            ? producers_find(&p->committed, b->producer_id, env_wall_ms(p->env),
                             p->expiration_ms)
            : NULL);
    if (rv != 0) {
        env_fail(p->env, ERR_NOMEM,
                 "partition %s: no memory for producer state", p->name);
    }
    return 0;
}

/* Append now, or join the earlier copy that is in the log. */
static int produce_now(struct partition *p, struct partition_produce *pp,
                       struct bytes batch, const struct batch *b)
{
    int64_t wait;
    if (!replica_ready(p->replica) ||
        p->overlay_term != (uint64_t)replica_epoch(p->replica)) {
        return ERR_NOTREADY;
    }
    int rv = check_sequence(p, pp, b, &wait);
    if (rv != 0) {
        return rv;
    }
    if (batch_time_type(b) != BATCH_TIME_APPEND) {
        pp->append_time_ms = -1;
    } else if (wait < 0) {
        pp->append_time_ms = b->max_timestamp;
    } /* else the first copy's */
    if (wait >= 0) {
        pp->wait_offset = wait;
        queue_push(&p->waiting, &pp->queue);
        env_turn_request(p->env, &p->wake);
        return 0;
    }
    return append(p, pp, batch, b);
}

/* ---- waiting to be appended --------------------------------------------- */

static bool may_wait(int rv)
{
    return rv == ERR_NOTREADY || rv == ERR_FULL;
}

static void parked_take(struct partition_produce *pp)
{
    queue_remove(&pp->queue);
    pp->partition->n_parked--;
    bytes_release(&pp->parked);
}

static void parked_fail(struct partition *p, int status)
{
    while (!queue_empty(&p->parked)) {
        struct partition_produce *pp =
            QUEUE_ENTRY(p->parked.next, struct partition_produce, queue);
        parked_take(pp);
        produce_done(pp, status);
    }
}

static void park(struct partition *p, struct partition_produce *pp,
                 struct bytes batch, const struct batch *b)
{
    pp->parked = bytes_dup(batch);
    pp->view = *b;
    queue_push(&p->parked, &pp->queue);
    p->n_parked++;
    if (!env_timer_active(&p->unpark)) {
        env_timer_start(p->env, &p->unpark, env_now_ms(p->env) + PARKED_MS);
    }
}

/* In order, until one must go on waiting. */
static void on_unpark(struct env_timer *t)
{
    struct partition *p = t->data;
    while (!queue_empty(&p->parked) && replica_is_leader(p->replica)) {
        struct partition_produce *pp =
            QUEUE_ENTRY(p->parked.next, struct partition_produce, queue);
        struct bytes batch = bytes_dup(pp->parked);
        queue_remove(&pp->queue);
        int rv = produce_now(p, pp, batch, &pp->view);
        bytes_release(&batch);
        if (may_wait(rv)) {
            queue_push_front(&p->parked, &pp->queue);
            env_timer_start(p->env, t, env_now_ms(p->env) + PARKED_MS);
            return;
        }
        p->n_parked--;
        bytes_release(&pp->parked);
        if (rv != 0) {
            produce_done(pp, rv);
        }
    }
    parked_fail(p, ERR_NOTLEADER);
}

void produce_init(struct partition *p)
{
    queue_init(&p->parked);
    env_timer_init(&p->unpark, on_unpark, p);
}

void produce_stop(struct partition *p)
{
    env_timer_stop(p->env, &p->unpark);
}

static int produce(struct partition *p, struct partition_produce *pp,
                   struct bytes batch, const struct batch *b)
{
    if (p->closing || p->replica == NULL || !replica_is_leader(p->replica)) {
        return ERR_NOTLEADER;
    }
    int rv =
        queue_empty(&p->parked) ? produce_now(p, pp, batch, b) : ERR_NOTREADY;
    if (!may_wait(rv)) {
        return rv;
    }
    if (p->n_parked >= PARKED_MAX) {
        ++*p->unparked;
        return ERR_FULL;
    }
    park(p, pp, batch, b);
    return 0;
}

int partition_produce(struct partition *p, struct partition_produce *pp,
                      struct bytes batch, const struct batch *b,
                      partition_produce_cb cb, void *data)
{
    *pp = (struct partition_produce){.partition = p,
                                     .wait_offset = -1,
                                     .append_time_ms = -1,
                                     .who = refused_batch_of(b),
                                     .cb = cb,
                                     .data = data};
    queue_init(&pp->queue);
    int rv = produce(p, pp, batch, b);
    if (rv != 0) {
        note_refused(p, &pp->who, rv);
    }
    return rv;
}

bool partition_produce_parked(const struct partition_produce *pp)
{
    return pp->partition != NULL && pp->parked.data != NULL;
}

void partition_produce_forget(struct partition_produce *pp)
{
    struct queue *q, *tmp;
    if (pp->partition == NULL) {
        return;
    }
    if (pp->parked.data != NULL) {
        note_refused(pp->partition, &pp->who, ERR_TIMEOUT);
        parked_take(pp);
    } else if (pp->wait_offset >= 0) {
        queue_remove(&pp->queue);
    } else {
        QUEUE_FOREACH(q, tmp, &pp->partition->appends)
        {
            struct inflight *f = QUEUE_ENTRY(q, struct inflight, queue);
            if (f->produce == pp) {
                f->produce = NULL;
                break;
            }
        }
    }
    pp->partition = NULL;
}

/* Duplicates of batches that are committed by now are answered. */
void produce_wake(struct partition *p)
{
    struct queue *q, *tmp;
    QUEUE_FOREACH(q, tmp, &p->waiting)
    {
        struct partition_produce *pp =
            QUEUE_ENTRY(q, struct partition_produce, queue);
        if (pp->wait_offset <= p->high_watermark) {
            produce_done(pp, 0);
        }
    }
}

void produce_fail(struct partition *p, int status)
{
    struct queue *q, *tmp;
    QUEUE_FOREACH(q, tmp, &p->waiting)
    {
        produce_done(QUEUE_ENTRY(q, struct partition_produce, queue), status);
    }
    parked_fail(p, status);
}
