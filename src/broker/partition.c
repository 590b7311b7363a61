#include "broker/partition.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "broker/broker.h"
#include "broker/leaders.h"
#include "broker/partitions.h"
#include "broker/producers.h"

/* Pieces read at once when a new leader reads its uncommitted tail. */
#define TAIL_PIECES 64

struct partition {
    struct broker *broker;
    struct env *env;
    struct mem *mem;
    struct replica *replica;
    uint64_t group;
    struct uuid topic;
    int32_t number;
    char name[IMAGE_TOPIC_MAX + 16];
    struct topic_config config;
    int64_t expiration_ms;
    bool closing;

    struct producers at_base;   /* as of the log base: for the manifest */
    struct producers committed; /* as of what was applied */
    struct producers overlay;   /* the uncommitted tail, leader only */
    int64_t log_time_ms;        /* of the last applied entry */
    uint64_t overlay_term;      /* the overlay was built for; 0: none */

    struct queue appends; /* struct inflight: appended, not committed */
    struct queue waiting; /* struct partition_produce: duplicates */
    struct queue free;    /* struct inflight, for reuse */
    struct queue watches;
    int64_t high_watermark;
    struct env_turn wake;

    void (*open_cb)(void *arg, struct partition *p);
    void *open_arg;
    void (*close_cb)(void *arg);
    void *close_arg;
};

/* An append under way; outlives the request that asked for it. */
struct inflight {
    struct queue queue;
    struct partition *partition;
    struct replica_append append;
    struct partition_produce *produce; /* NULL: forgotten */
};

struct replica *partition_replica(const struct partition *p)
{
    return p->replica;
}

const struct topic_config *partition_config(const struct partition *p)
{
    return &p->config;
}

uint64_t partition_group(const struct partition *p)
{
    return p->group;
}

/* ---- produce
 * ------------------------------------------------------------------ */

static void produce_done(struct partition_produce *pp, int status)
{
    queue_remove(&pp->queue);
    pp->log_start = replica_log_start(pp->partition->replica);
    pp->partition = NULL;
    pp->cb(pp, status);
}

static void on_appended(struct replica_append *a, int status)
{
    struct inflight *f = a->data;
    struct partition *p = f->partition;
    struct partition_produce *pp = f->produce;
    f->produce = NULL;
    queue_remove(&f->queue);
    queue_push(&p->free, &f->queue);
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
    switch (producer_check(
        find_producer(p, b->producer_id, env_wall_ms(p->env)), b, &first)) {
    case PRODUCER_APPEND:
        return 0;
    case PRODUCER_DUPLICATE:
        pp->base_offset = first.base_offset;
        *ret_wait = first.last_offset + 1;
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
    queue_push(&p->appends, &f->queue);
    pp->base_offset = f->append.base_offset;
    rv = producers_fold(
        &p->overlay, b, pp->base_offset, env_wall_ms(p->env), p->expiration_ms,
        batch_has_producer(b)
            ? producers_find(&p->committed, b->producer_id, env_wall_ms(p->env),
                             p->expiration_ms)
            : NULL);
    if (rv != 0) {
        env_die(p->env, "partition %s: no memory for producer state", p->name);
    }
    return 0;
}

int partition_produce(struct partition *p, struct partition_produce *pp,
                      struct bytes batch, const struct batch *b,
                      partition_produce_cb cb, void *data)
{
    int64_t wait;
    *pp = (struct partition_produce){.partition = p,
                                     .wait_offset = -1,
                                     .append_time_ms = -1,
                                     .cb = cb,
                                     .data = data};
    queue_init(&pp->queue);
    if (p->closing || p->replica == NULL || !replica_is_leader(p->replica)) {
        return ERR_NOTLEADER;
    }
    if (!replica_ready(p->replica) ||
        p->overlay_term != (uint64_t)replica_epoch(p->replica)) {
        return ERR_NOTREADY;
    }
    int rv = check_sequence(p, pp, b, &wait);
    if (rv != 0) {
        return rv;
    }
    if (batch_time_type(b) == BATCH_TIME_APPEND) {
        pp->append_time_ms = b->max_timestamp;
    }
    if (wait >= 0) {
        pp->wait_offset = wait;
        queue_push(&p->waiting, &pp->queue);
        env_turn_request(p->env, &p->wake);
        return 0;
    }
    return append(p, pp, batch, b);
}

void partition_produce_forget(struct partition_produce *pp)
{
    struct queue *q, *tmp;
    if (pp->partition == NULL) {
        return;
    }
    if (pp->wait_offset >= 0) {
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
static void wake_waiting(struct partition *p)
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

static void fail_waiting(struct partition *p, int status)
{
    struct queue *q, *tmp;
    QUEUE_FOREACH(q, tmp, &p->waiting)
    {
        produce_done(QUEUE_ENTRY(q, struct partition_produce, queue), status);
    }
}

/* ---- watches
 * -------------------------------------------------------------------- */

void partition_watch(struct partition *p, struct partition_watch *w,
                     partition_watch_cb cb, void *data)
{
    *w = (struct partition_watch){.cb = cb, .data = data};
    queue_push(&p->watches, &w->queue);
}

void partition_unwatch(struct partition_watch *w)
{
    queue_remove(&w->queue);
}

static void tell_watches(struct partition *p, bool gone)
{
    struct queue steal;
    struct queue *q;
    queue_move(&p->watches, &steal);
    while ((q = queue_pop(&steal)) != NULL) {
        struct partition_watch *w =
            QUEUE_ENTRY(q, struct partition_watch, queue);
        if (!gone) {
            queue_push(&p->watches, q);
        }
        w->cb(w, gone);
    }
}

static void on_wake(struct env_turn *t)
{
    struct partition *p = t->data;
    wake_waiting(p);
    tell_watches(p, false);
}

/* ---- the replica's hooks
 * ----------------------------------------------------------- */

static void fold_entry(struct partition *p, struct producers *to,
                       const struct entry *e)
{
    struct batch b;
    if (e->kind != ENTRY_RECORDS) {
        return;
    }
    if (batch_view(bytes_slice(e->payload), &b) != 0) {
        env_die(p->env, "partition %s: entry %" PRIu64 " holds no batch",
                p->name, e->index);
    }
    if (producers_fold(to, &b, e->base_offset, e->time_ms, p->expiration_ms,
                       NULL) != 0) {
        env_die(p->env, "partition %s: no memory for producer state", p->name);
    }
}

static void hook_apply(void *arg, const struct entry *entries[], unsigned n)
{
    struct partition *p = arg;
    for (unsigned i = 0; i < n; i++) {
        fold_entry(p, &p->committed, entries[i]);
        p->log_time_ms = entries[i]->time_ms;
    }
    if (n > 0 && p->replica != NULL &&
        entries[n - 1]->next_offset == replica_log_end(p->replica)) {
        producers_clear(&p->overlay); /* everything is in `committed` */
    }
}

static void hook_advanced(void *arg, int64_t high_watermark, int64_t log_start)
{
    struct partition *p = arg;
    (void)log_start;
    p->high_watermark = high_watermark;
    env_turn_request(p->env, &p->wake);
}

/* Build the overlay from the entries above the commit index. */
static void build_overlay(struct partition *p)
{
    struct bytes pieces[TAIL_PIECES];
    int64_t at = replica_high_watermark(p->replica);
    int64_t end = replica_log_end(p->replica);
    producers_clear(&p->overlay);
    while (at < end) {
        unsigned n = replica_read_tail(p->replica, at, end, UINT32_MAX, pieces,
                                       TAIL_PIECES);
        if (n == 0) {
            break;
        }
        for (unsigned i = 0; i < n; i++) {
            struct slice rest = bytes_slice(pieces[i]);
            struct batch b;
            while (rest.len > 0 && batch_view(rest, &b) == 0) {
                const struct producer_entry *from =
                    batch_has_producer(&b)
                        ? producers_find(&p->committed, b.producer_id,
                                         p->log_time_ms, p->expiration_ms)
                        : NULL;
                if (producers_fold(&p->overlay, &b, b.base_offset,
                                   env_wall_ms(p->env), p->expiration_ms,
                                   from) != 0) {
                    env_die(p->env, "partition %s: no memory", p->name);
                }
                at = batch_next_offset(&b);
                rest = slice_of(rest.data + b.length, rest.len - b.length);
            }
            bytes_release(&pieces[i]);
        }
    }
}

static void hook_role(void *arg)
{
    struct partition *p = arg;
    if (p->replica == NULL) {
        return;
    }
    uint64_t term = (uint64_t)replica_epoch(p->replica);
    if (!replica_is_leader(p->replica)) {
        p->overlay_term = 0;
        producers_clear(&p->overlay);
        fail_waiting(p, ERR_NOTLEADER);
    } else if (p->overlay_term != term) {
        p->overlay_term = term;
        build_overlay(p);
    }
    partition_report(p);
    env_turn_request(p->env, &p->wake);
}

static void hook_truncated(void *arg, int64_t offset)
{
    struct partition *p = arg;
    (void)offset;
    producers_clear(&p->overlay);
    env_turn_request(p->env, &p->wake);
}

static void hook_fold(void *arg, const struct entry *entry)
{
    struct partition *p = arg;
    fold_entry(p, &p->at_base, entry);
}

static void hook_state(void *arg, struct buf *out)
{
    struct partition *p = arg;
    producers_encode(&p->at_base, out);
}

static int hook_restore(void *arg, struct slice state)
{
    struct partition *p = arg;
    int rv = producers_decode(&p->at_base, state);
    if (rv == 0) {
        rv = producers_decode(&p->committed, state);
    }
    producers_clear(&p->overlay);
    return rv;
}

static const struct replica_hooks hooks = {
    .apply = hook_apply,
    .advanced = hook_advanced,
    .role = hook_role,
    .truncated = hook_truncated,
    .fold = hook_fold,
    .state = hook_state,
    .restore = hook_restore,
};

void partition_report(struct partition *p)
{
    struct replica_status s;
    if (p->replica == NULL || p->closing) {
        return;
    }
    replica_status(p->replica, &s);
    struct leader row = {.group = p->group, .term = s.term, .node = -1};
    if (s.ready) {
        row.node = broker_node(p->broker);
        for (unsigned i = 0; i < s.n_members; i++) {
            if (s.members[i].voter && s.members[i].recent) {
                row.insync[row.n_insync++] = s.members[i].node;
            }
        }
    }
    leaders_set(broker_leaders(p->broker), &row);
}

void partition_expire(struct partition *p)
{
    producers_expire(&p->committed, p->log_time_ms, p->expiration_ms);
    producers_expire(&p->at_base, p->log_time_ms, p->expiration_ms);
}

/* ---- life
 * ---------------------------------------------------------------------------
 */

static void load_config(struct partition *p, const struct image_topic *t,
                        struct topic_config *ret_c)
{
    struct err err = {""};
    *ret_c = *config_topic_defaults(broker_config(p->broker));
    for (unsigned i = 0; i < t->n_configs; i++) {
        if (topic_config_set(ret_c, t->configs[i].name, t->configs[i].value, 0,
                             &err) != 0) {
            /* Checked when it was set; a newer program may have set it. */
            trace_warn(env_trace(p->env), "partition.config",
                       "partition=%s error=\"%s\"", p->name, err.text);
        }
    }
}

void partition_configure(struct partition *p, const struct image_topic *topic)
{
    load_config(p, topic, &p->config);
    if (p->replica != NULL) {
        replica_configure(p->replica, &p->config);
    }
}

static void partition_free(struct partition *p)
{
    struct queue *q;
    env_turn_cancel(p->env, &p->wake);
    while ((q = queue_pop(&p->free)) != NULL ||
           (q = queue_pop(&p->appends)) != NULL) {
        mem_free(p->mem, QUEUE_ENTRY(q, struct inflight, queue));
    }
    producers_close(&p->at_base);
    producers_close(&p->committed);
    producers_close(&p->overlay);
    mem_free(p->mem, p);
}

static void on_open(void *arg, int status, struct replica *r,
                    const struct err *err)
{
    struct partition *p = arg;
    void (*cb)(void *, struct partition *) = p->open_cb;
    if (status == ERR_CANCELED) {
        return;
    }
    if (status != 0) {
        env_die(p->env,
                "partition %s: %s: nothing was cut; put the data "
                "back, or empty the directory and replace the node",
                p->name, err != NULL ? err->text : err_text(status));
    }
    p->replica = r;
    p->high_watermark = replica_high_watermark(r);
    hook_role(p);
    p->open_cb = NULL;
    if (cb != NULL) {
        cb(p->open_arg, p);
    }
}

static struct partition *partition_new(const struct partition_open *o)
{
    struct env *e = broker_env(o->broker);
    struct partition *p = mem_calloc(env_mem(e), 1, sizeof *p);
    if (p == NULL) {
        return NULL;
    }
    p->broker = o->broker;
    p->env = e;
    p->mem = env_mem(e);
    p->group = o->topic->partitions[o->number].group;
    p->topic = o->topic->id;
    p->number = o->number;
    p->expiration_ms =
        config_long(broker_config(o->broker), NODE_PRODUCER_ID_EXPIRATION_MS);
    snprintf(p->name, sizeof p->name, "%s-%" PRId32, o->topic->name, o->number);
    queue_init(&p->appends);
    queue_init(&p->waiting);
    queue_init(&p->free);
    queue_init(&p->watches);
    env_turn_init(&p->wake, ENV_TURN_PEERS, on_wake, p);
    if (producers_init(&p->at_base, p->mem) != 0 ||
        producers_init(&p->committed, p->mem) != 0 ||
        producers_init(&p->overlay, p->mem) != 0) {
        partition_free(p);
        return NULL;
    }
    load_config(p, o->topic, &p->config);
    return p;
}

int partition_open(const struct partition_open *o,
                   void (*cb)(void *arg, struct partition *p), void *arg,
                   struct partition **ret_p)
{
    const struct image_partition *ip = &o->topic->partitions[o->number];
    uint32_t incarnations[IMAGE_REPLICAS_MAX];
    struct partition *p = partition_new(o);
    if (p == NULL) {
        return ERR_NOMEM;
    }
    p->open_cb = cb;
    p->open_arg = arg;
    for (unsigned i = 0; i < ip->n_replicas; i++) {
        const struct image_node *n =
            image_node(broker_image(o->broker), ip->replicas[i]);
        incarnations[i] = n != NULL ? n->incarnation : 1;
    }
    struct replica_open ro = {.kind = REPLICA_LOG,
                              .name = p->name,
                              .config = &p->config,
                              .recovered = o->recovered,
                              .group = ip->group,
                              .topic = o->topic->id,
                              .partition = o->number,
                              .nodes = ip->replicas,
                              .incarnations = incarnations,
                              .n_nodes = ip->n_replicas};
    int rv = replica_open(broker_replicas(o->broker), &ro, &hooks, p, on_open,
                          p, &p->replica);
    if (rv != 0) {
        partition_free(p);
        return rv;
    }
    *ret_p = p;
    return 0;
}

static void on_closed(void *arg)
{
    struct partition *p = arg;
    void (*cb)(void *) = p->close_cb;
    void *cb_arg = p->close_arg;
    partition_free(p);
    if (cb != NULL) {
        cb(cb_arg);
    }
}

void partition_close(struct partition *p, bool drop, void (*cb)(void *arg),
                     void *arg)
{
    p->closing = true;
    p->close_cb = cb;
    p->close_arg = arg;
    env_turn_cancel(p->env, &p->wake);
    fail_waiting(p, ERR_NOTLEADER);
    tell_watches(p, true);
    if (drop) {
        replica_delete(p->replica, on_closed, p);
    } else {
        replica_close(p->replica, on_closed, p);
    }
}
