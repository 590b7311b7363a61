#include "broker/partition.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "broker/leaders.h"
#include "broker/partition_impl.h"

/* Pieces read at once when a new leader reads its uncommitted tail. */
#define TAIL_PIECES 64

struct env *partition_env(const struct partition *p)
{
    return p->env;
}

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

struct uuid partition_topic(const struct partition *p)
{
    return p->topic;
}

int32_t partition_number(const struct partition *p)
{
    return p->number;
}

/* ---- watches ---------------------------------------------------------- */

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
    produce_wake(p);
    tell_watches(p, false);
}

/* ---- the replica's hooks ---------------------------------------------- */

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
        env_fail(p->env, ERR_NOMEM,
                 "partition %s: no memory for producer state", p->name);
    }
}

static void hook_apply(void *arg, const struct entry *entries[], unsigned n)
{
    struct partition *p = arg;
    uint64_t evicted = p->committed.evicted;
    for (unsigned i = 0; i < n; i++) {
        fold_entry(p, &p->committed, entries[i]);
        p->log_time_ms = entries[i]->time_ms;
    }
    if (!p->closing) {
        *p->evictions += p->committed.evicted - evicted;
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

/* Build the overlay from the entries that `committed` does not hold yet. Not
 * those that are only queued: an append fails there with all behind it. */
void partition_overlay(struct partition *p)
{
    struct bytes pieces[TAIL_PIECES];
    int64_t at = replica_applied_end(p->replica);
    int64_t end = replica_tail_end(p->replica);
    producers_clear(&p->overlay);
    while (at < end) {
        unsigned n = replica_read_tail(p->replica, at, end, UINT32_MAX, pieces,
                                       TAIL_PIECES);
        ASSERT(n > 0); /* what is not applied is in the tail */
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
                    env_fail(p->env, ERR_NOMEM, "partition %s: no memory",
                             p->name);
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
        produce_fail(p, ERR_NOTLEADER);
    } else if (p->overlay_term != term) {
        p->overlay_term = term;
        partition_overlay(p);
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

/* ---- life ------------------------------------------------------------- */

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
    refused_close(&p->refused);
    mem_free(p->mem, p);
}

static void on_open(void *arg, int status, struct replica *r,
                    const struct err *err)
{
    struct partition *p = arg;
    void (*cb)(void *, struct partition *) = p->open_cb;
    p->open_cb = NULL;
    if (status != 0 && status != ERR_CANCELED) {
        env_fail(p->env, status, "partition %s: %s", p->name,
                 err != NULL ? err->text : err_text(status));
    }
    if (status == 0) {
        p->replica = r;
        p->high_watermark = replica_high_watermark(r);
        hook_role(p);
    } /* else it is closing: its topic was deleted meanwhile */
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
    p->evictions = o->evictions;
    p->unparked = o->unparked;
    p->expiration_ms =
        config_long(broker_config(o->broker), NODE_PRODUCER_ID_EXPIRATION_MS);
    snprintf(p->name, sizeof p->name, "%s-%" PRId32, o->topic->name, o->number);
    queue_init(&p->appends);
    queue_init(&p->waiting);
    produce_init(p);
    refused_init(&p->refused, p->mem);
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
    produce_fail(p, ERR_NOTLEADER);
    produce_stop(p);
    tell_watches(p, true);
    if (drop) {
        replica_delete(p->replica, on_closed, p);
    } else {
        replica_close(p->replica, on_closed, p);
    }
}
