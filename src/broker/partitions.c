#include "broker/partitions.h"

#include <inttypes.h>

#include "base/map.h"
#include "broker/broker.h"
#include "broker/groups.h"
#include "broker/leaders.h"
#include "storage/journal.h"

#define REFRESH_MS 500
/* Producers, and the leadership table, are swept once in this many
 * refreshes. */
#define EXPIRE_EVERY 120
/* Leaderships handed back per refresh; how long a transfer may take; how many
 * entries the first replica may miss. */
#define GIVE_BACK_AT_ONCE 8
#define GIVE_BACK_MS      1000
#define GIVE_BACK_LAG_MAX 1000

struct partitions {
    struct broker *broker;
    struct env *env;
    struct mem *mem;
    struct map *map; /* group -> struct partition */
    struct recovered_group *recovered;
    size_t n_recovered;
    bool *taken;      /* per recovered group: opened */
    unsigned opening; /* partitions not yet taking part */
    unsigned refreshes;
    struct env_timer refresh;
    uint64_t rebalance_ms; /* when to look for leaderships to hand back */
    uint64_t unparked;     /* batches, all partitions */
    uint64_t evictions;    /* of producers, all partitions */
    struct metric metric, metric_unparked;

    bool confirmed;
    void (*confirmed_cb)(void *arg);
    void *confirmed_arg;

    bool closing;
    unsigned closing_n;
    void (*close_cb)(void *arg);
    void *close_arg;

    struct env_timer drain;
    uint64_t drain_until_ms;
    void (*drain_cb)(void *arg);
    void *drain_arg;
};

struct partition *partitions_find(const struct partitions *ps, uint64_t group)
{
    return map_find_u64(ps->map, group);
}

bool partitions_next(const struct partitions *ps, void **it,
                     struct partition **ret_p)
{
    void *v;
    bool more = map_next(ps->map, it, &v);
    *ret_p = more ? v : NULL;
    return more;
}

/* ---- opening ---------------------------------------------------------- */

static void check_confirmed(struct partitions *ps)
{
    void (*cb)(void *) = ps->confirmed_cb;
    if (ps->confirmed && ps->opening == 0 && cb != NULL) {
        ps->confirmed_cb = NULL;
        ps->recovered = NULL;
        ps->n_recovered = 0;
        cb(ps->confirmed_arg);
    }
}

static void on_open(void *arg, struct partition *p)
{
    struct partitions *ps = arg;
    (void)p;
    ps->opening--;
    check_confirmed(ps);
}

static struct recovered_group *take_recovered(struct partitions *ps,
                                              uint64_t group)
{
    for (size_t i = 0; i < ps->n_recovered; i++) {
        if (ps->recovered[i].open.group == group && !ps->taken[i]) {
            ps->taken[i] = true;
            return &ps->recovered[i];
        }
    }
    return NULL;
}

static bool lives_here(const struct partitions *ps,
                       const struct image_partition *ip)
{
    for (unsigned i = 0; i < ip->n_replicas; i++) {
        if (ip->replicas[i] == broker_node(ps->broker)) {
            return true;
        }
    }
    return false;
}

/* Until @meta is confirmed its image may be an old one: what only that knows,
 * and the journal does not, may have been deleted, here too, and would come
 * back as a new replica, in term 1, that votes. One that is really new has
 * not voted yet, and can wait. */
static void open_one(struct partitions *ps, const struct image_topic *t,
                     int32_t number)
{
    const struct image_partition *ip = &t->partitions[number];
    struct partition *p;
    if (!lives_here(ps, ip) || partitions_find(ps, ip->group) != NULL) {
        return;
    }
    struct recovered_group *recovered = take_recovered(ps, ip->group);
    if (recovered == NULL && !ps->confirmed) {
        return; /* partitions_confirmed() comes by again */
    }
    struct partition_open o = {.broker = ps->broker,
                               .topic = t,
                               .number = number,
                               .recovered = recovered,
                               .evictions = &ps->evictions,
                               .unparked = &ps->unparked};
    ps->opening++;
    int rv = partition_open(&o, on_open, ps, &p);
    if (rv == 0) {
        rv = map_put_u64(ps->map, ip->group, p);
    }
    if (rv != 0) {
        env_fail(ps->env, rv, "partition %s-%" PRId32 ": open: %s", t->name,
                 number, err_text(rv));
    }
}

static void open_topic(struct partitions *ps, const struct image_topic *t)
{
    for (int32_t i = 0; i < t->n_partitions; i++) {
        open_one(ps, t, i);
    }
}

static void delete_topic(struct partitions *ps, const struct image_topic *t)
{
    for (int32_t i = 0; i < t->n_partitions; i++) {
        uint64_t group = t->partitions[i].group;
        struct partition *p = map_remove_u64(ps->map, group);
        if (p != NULL) {
            partition_close(p, true, NULL, NULL);
        }
        leaders_forget(broker_leaders(ps->broker), group);
    }
}

static void configure_topic(struct partitions *ps, const struct image_topic *t)
{
    for (int32_t i = 0; i < t->n_partitions; i++) {
        struct partition *p = partitions_find(ps, t->partitions[i].group);
        if (p != NULL) {
            partition_configure(p, t);
        }
    }
}

static void open_all(struct partitions *ps)
{
    const struct image *im = broker_image(ps->broker);
    const struct image_topic *t = NULL;
    while ((t = image_next_topic(im, t)) != NULL) {
        open_topic(ps, t);
        configure_topic(ps, t);
    }
}

static void say_unknown(const struct partitions *ps, uint64_t group,
                        struct uuid topic, int32_t number)
{
    char uuid[UUID_TEXT_LEN + 1];
    trace_warn(env_trace(ps->env), "partition.unknown",
               "group=%" PRIu64 " topic=%s partition=%" PRId32
               " kept=\"@meta does not know it; nothing is removed: was "
               "meta/ put back from an old copy? Put the newest back\"",
               group, uuid_format(topic, uuid), number);
}

/* The image was replaced whole: open what is new, close what is deleted. What
 * it does not know, and does not call deleted either, goes on: nothing is
 * removed because it is missing somewhere. */
static void reset(struct partitions *ps)
{
    const struct image *im = broker_image(ps->broker);
    open_all(ps);
    void *it = NULL, *v;
    while (map_next(ps->map, &it, &v)) {
        uint64_t group = partition_group(v);
        if (image_topic_by_group(im, group, NULL) != NULL) {
            continue;
        }
        if (!image_deleted(im, partition_topic(v))) {
            say_unknown(ps, group, partition_topic(v), partition_number(v));
            continue;
        }
        map_remove_u64(ps->map, group);
        partition_close(v, true, NULL, NULL);
        leaders_forget(broker_leaders(ps->broker), group);
    }
}

static void on_image(void *arg, enum image_event event,
                     const struct image_topic *topic,
                     const struct image_node *node)
{
    struct partitions *ps = arg;
    (void)node;
    if (ps->closing) {
        return;
    }
    switch (event) {
    case IMAGE_TOPIC_CREATED:
    case IMAGE_TOPIC_GROWN:
        open_topic(ps, topic);
        break;
    case IMAGE_TOPIC_CONFIG:
        configure_topic(ps, topic);
        break;
    case IMAGE_TOPIC_DELETED:
        delete_topic(ps, topic);
        break;
    case IMAGE_RESET:
        reset(ps);
        break;
    case IMAGE_NODE:
    case IMAGE_SHARDS:
        break;
    }
}

/* ---- what only the journal knows -------------------------------------- */

/* A replica whose topic was deleted while we were down. */
static void drop_recovered(struct partitions *ps, size_t i)
{
    struct recovered_group *g = &ps->recovered[i];
    char uuid[UUID_TEXT_LEN + 1];
    ps->taken[i] = true;
    trace_info(env_trace(ps->env), "partition.deleted",
               "group=%" PRIu64 " topic=%s partition=%" PRId32, g->open.group,
               uuid_format(g->open.topic, uuid), g->open.partition);
    int rv = replica_drop(broker_replicas(ps->broker), g->open.group);
    if (rv != 0) {
        env_fail(ps->env, rv, "group %" PRIu64 ": drop: %s", g->open.group,
                 err_text(rv));
    }
}

/* Did @meta give the number to a topic's partition, once or now? */
static bool was_given(const struct image *im, uint64_t group)
{
    return group >= META_TOPIC_GROUP_FIRST && group < image_next_group(im);
}

/* @meta once gave the number to a topic's partition, and none has it now. Any
 * other directory that looks like a group's is somebody's we do not know. */
static bool group_is_gone(void *arg, uint64_t group)
{
    const struct partitions *ps = arg;
    const struct image *im = broker_image(ps->broker);
    if (!was_given(im, group)) {
        trace_warn(env_trace(ps->env), "partition.unknown",
                   "group=%" PRIu64
                   " kept=\"@meta never gave it; nothing is removed\"",
                   group);
        return false;
    }
    return image_topic_by_group(im, group, NULL) == NULL;
}

static void judge_recovered(struct partitions *ps)
{
    bool known = true;
    const struct image *im = broker_image(ps->broker);
    for (size_t i = 0; i < ps->n_recovered; i++) {
        struct recovered_group *g = &ps->recovered[i];
        if (ps->taken[i] || uuid_is_zero(g->open.topic)) {
            continue;
        }
        if (image_deleted(im, g->open.topic)) {
            drop_recovered(ps, i);
            continue;
        }
        say_unknown(ps, g->open.group, g->open.topic, g->open.partition);
        known = false;
    }
    if (known) {
        replicas_sweep(broker_replicas(ps->broker), group_is_gone, ps);
    }
}

void partitions_confirmed(struct partitions *ps, void (*cb)(void *arg),
                          void *arg)
{
    ps->confirmed = true;
    ps->confirmed_cb = cb;
    ps->confirmed_arg = arg;
    open_all(ps);
    judge_recovered(ps);
    check_confirmed(ps);
}

/* ---- refresh and drain ------------------------------------------------ */

static void on_transferred(void *arg, int status)
{
    (void)arg;
    (void)status; /* the next look sees who leads */
}

bool partition_give_back(const struct partitions *ps, struct replica *r,
                         int32_t first)
{
    struct replica_status s;
    if (!replica_ready(r) || first == broker_node(ps->broker)) {
        return false;
    }
    replica_status(r, &s);
    for (unsigned i = 0; i < s.n_members; i++) {
        const struct replica_member *m = &s.members[i];
        if (m->node == first && m->voter && m->recent &&
            !broker_leaving(ps->broker, first) &&
            m->match + GIVE_BACK_LAG_MAX >= s.last) {
            return replica_transfer_leader(r, first, GIVE_BACK_MS,
                                           on_transferred, NULL) == 0;
        }
    }
    return false;
}

/* A partition to its first replica. */
static bool give_back(const struct partitions *ps, struct replica *r)
{
    int32_t number;
    const struct image_topic *t = image_topic_by_group(
        broker_image(ps->broker), replica_group(r), &number);
    return t != NULL &&
           partition_give_back(ps, r, t->partitions[number].replicas[0]);
}

/* A few at a time: each costs its partition some milliseconds. */
static void rebalance(struct partitions *ps)
{
    void *it = NULL, *v;
    unsigned n = 0;
    uint64_t now = env_now_ms(ps->env);
    const struct config *c = broker_config(ps->broker);
    if (!config_bool(c, NODE_AUTO_LEADER_REBALANCE) || now < ps->rebalance_ms) {
        return;
    }
    while (n < GIVE_BACK_AT_ONCE && map_next(ps->map, &it, &v)) {
        struct replica *r = partition_replica(v);
        n += r != NULL && replica_is_leader(r) && give_back(ps, r);
    }
    struct groups *gs = broker_groups(ps->broker);
    n += gs == NULL ? 0 : groups_give_back(gs, GIVE_BACK_AT_ONCE - n);
    ps->rebalance_ms =
        n == GIVE_BACK_AT_ONCE
            ? now
            : now + (uint64_t)config_long(c, NODE_LEADER_IMBALANCE_CHECK_S) *
                        1000;
}

/* Who leads a group is told by others, too, and that may come late. */
static bool row_is_gone(void *arg, uint64_t group)
{
    const struct image *im = broker_image(((struct partitions *)arg)->broker);
    return was_given(im, group) &&
           image_topic_by_group(im, group, NULL) == NULL;
}

static void on_refresh(struct env_timer *t)
{
    struct partitions *ps = t->data;
    void *it = NULL, *v;
    bool expire = ++ps->refreshes % EXPIRE_EVERY == 0;
    while (map_next(ps->map, &it, &v)) {
        struct replica *r = partition_replica(v);
        if (r != NULL && replica_is_leader(r)) {
            partition_report(v);
        }
        if (expire) {
            partition_expire(v);
        }
    }
    if (expire) {
        leaders_sweep(broker_leaders(ps->broker), row_is_gone, ps);
    }
    rebalance(ps);
    env_timer_start(ps->env, t, env_now_ms(ps->env) + REFRESH_MS);
}

#define DRAIN_TICK_MS 20
#define DRAIN_TRY_MS  2000

/* The voter to hand a leadership to: there, not about to stop itself, and
 * missing least; -1 if there is none. */
static int32_t find_heir(const struct partitions *ps,
                         const struct replica_status *s)
{
    const struct replica_member *best = NULL;
    for (unsigned i = 0; i < s->n_members; i++) {
        const struct replica_member *m = &s->members[i];
        if (m->voter && m->recent && m->node != broker_node(ps->broker) &&
            peers_state(broker_peers(ps->broker), m->node) == PEER_UP &&
            !broker_leaving(ps->broker, m->node) &&
            (best == NULL || m->match > best->match)) {
            best = m;
        }
    }
    return best != NULL ? best->node : -1;
}

int partition_hand_over(const struct partitions *ps, struct replica *r)
{
    struct replica_status s;
    replica_status(r, &s);
    int32_t heir = find_heir(ps, &s);
    if (heir < 0) {
        return ERR_NOTFOUND;
    }
    /* Busy: one is under way; not leader: done. */
    replica_transfer_leader(r, heir, DRAIN_TRY_MS, on_transferred, NULL);
    return 0;
}

static void on_drain(struct env_timer *t)
{
    struct partitions *ps = t->data;
    void (*cb)(void *) = ps->drain_cb;
    void *it = NULL, *v;
    struct groups *gs = broker_groups(ps->broker);
    unsigned left = gs == NULL ? 0 : groups_hand_over(gs);
    while (map_next(ps->map, &it, &v)) {
        struct replica *r = partition_replica(v);
        if (r != NULL && replica_is_leader(r)) {
            left += partition_hand_over(ps, r) == 0;
        }
    }
    if (left == 0 || env_now_ms(ps->env) >= ps->drain_until_ms) {
        ps->drain_cb = NULL;
        cb(ps->drain_arg);
        return;
    }
    env_timer_start(ps->env, t, env_now_ms(ps->env) + DRAIN_TICK_MS);
}

void partitions_drain(struct partitions *ps, uint32_t timeout_ms,
                      void (*cb)(void *arg), void *arg)
{
    ps->drain_cb = cb;
    ps->drain_arg = arg;
    ps->drain_until_ms = env_now_ms(ps->env) + timeout_ms;
    env_timer_start(ps->env, &ps->drain, env_now_ms(ps->env));
}

/* ---- life ------------------------------------------------------------- */

int partitions_open(struct broker *b, struct recovered_group *recovered,
                    size_t n_recovered, struct partitions **ret_ps)
{
    struct env *e = broker_env(b);
    struct partitions *ps = mem_calloc(env_mem(e), 1, sizeof *ps);
    if (ps == NULL) {
        return ERR_NOMEM;
    }
    ps->broker = b;
    ps->env = e;
    ps->mem = env_mem(e);
    ps->recovered = recovered;
    ps->n_recovered = n_recovered;
    ps->map = map_new(ps->mem);
    ps->taken = mem_calloc(ps->mem, n_recovered + 1, sizeof *ps->taken);
    if (ps->map == NULL || ps->taken == NULL) {
        map_free(ps->map);
        mem_free(ps->mem, ps->taken);
        mem_free(ps->mem, ps);
        return ERR_NOMEM;
    }
    env_timer_init(&ps->refresh, on_refresh, ps);
    env_timer_init(&ps->drain, on_drain, ps);
    env_timer_start(e, &ps->refresh, env_now_ms(e) + REFRESH_MS);
    image_watch(broker_image_mutable(b), on_image, ps);
    metric_add(env_metrics(e), &ps->metric, METRIC_COUNTER,
               "ostraka_producers_evicted_total",
               "Idempotent producers forgotten because their partition knew "
               "too many.",
               "", &ps->evictions);
    metric_add(env_metrics(e), &ps->metric_unparked, METRIC_COUNTER,
               "ostraka_produce_waits_refused_total",
               "Batches refused because too many of their partition waited to "
               "be appended.",
               "", &ps->unparked);
    reset(ps);
    *ret_ps = ps;
    return 0;
}

static void closed_one(void *arg)
{
    struct partitions *ps = arg;
    if (--ps->closing_n > 0) {
        return;
    }
    void (*cb)(void *) = ps->close_cb;
    void *cb_arg = ps->close_arg;
    metric_remove(&ps->metric);
    metric_remove(&ps->metric_unparked);
    map_free(ps->map);
    mem_free(ps->mem, ps->taken);
    mem_free(ps->mem, ps);
    cb(cb_arg);
}

void partitions_close(struct partitions *ps, void (*cb)(void *arg), void *arg)
{
    void *it = NULL, *v;
    ps->closing = true;
    ps->closing_n = 1; /* ours, so that the walk ends first */
    ps->close_cb = cb;
    ps->close_arg = arg;
    image_unwatch(broker_image_mutable(ps->broker), on_image, ps);
    env_timer_stop(ps->env, &ps->refresh);
    env_timer_stop(ps->env, &ps->drain);
    replicas_sweep_end(broker_replicas(ps->broker));
    while (map_next(ps->map, &it, &v)) {
        map_remove_u64(ps->map, partition_group(v));
        ps->closing_n++;
        partition_close(v, false, closed_one, ps);
    }
    closed_one(ps);
}
