/* query_meta.c - the rows of a statement that come from @meta's image, and
 * what is looked for elsewhere. */
#include "broker/leaders.h"
#include "broker/query_impl.h"
#include "replica/replica.h"

/* Of the statement's views, is this one read? */
static bool reads(const struct query *q, enum sql_view view)
{
    return (q->plan.views & SQL_BIT(view)) != 0;
}

static struct broker *broker_of(const struct query *q)
{
    return q->all->broker;
}

/* ---- topics -------------------------------------------------------------- */

/* Walk those that the views of `mask` are pinned to, or all. */
struct walk {
    const struct image *im;
    struct sql_pins pins;
    unsigned at;
    const struct image_topic *topic;
};

static void walk_begin(const struct query *q, uint32_t mask, struct walk *w)
{
    *w = (struct walk){.im = broker_of(q)->image,
                       .pins = sql_plan_pins(&q->plan, mask, SQL_BY_TOPIC)};
}

static const struct image_topic *walk_next(struct walk *w)
{
    if (w->pins.all) {
        w->topic = image_next_topic(w->im, w->topic);
        return w->topic;
    }
    while (w->at < w->pins.n) {
        const struct image_topic *t =
            image_topic(w->im, w->pins.values[w->at++]);
        if (t != NULL) {
            return t;
        }
    }
    return NULL;
}

bool query_meta_topics(const struct query *q, uint32_t mask,
                       struct uuid topics[SQL_PINS_MAX], unsigned *ret_n)
{
    const struct image_topic *t;
    struct walk w;
    unsigned n = 0;
    walk_begin(q, mask, &w);
    if (w.pins.all) {
        return false;
    }
    while ((t = walk_next(&w)) != NULL) {
        topics[n++] = t->id;
    }
    *ret_n = n;
    return true;
}

void query_meta_partitions(struct query *q, query_partition_cb cb)
{
    const struct image_topic *t;
    struct walk w;
    walk_begin(q, SQL_BIT(SQL_PARTITIONS), &w);
    while ((t = walk_next(&w)) != NULL) {
        for (int32_t i = 0; i < t->n_partitions; i++) {
            cb(q, &t->partitions[i]);
        }
    }
}

/* ---- rows ---------------------------------------------------------------- */

static struct buf *row(struct query *q, enum sql_view view)
{
    q->n_rows++;
    sql_put_view(&q->meta, view);
    return &q->meta;
}

static void put_names(struct query *q)
{
    const struct image_topic *t;
    struct walk w;
    walk_begin(q, SQL_OF_OFFSETS, &w);
    while ((t = walk_next(&w)) != NULL) {
        sql_put_view(&q->meta, SQL_NAMES);
        sql_put_uuid(&q->meta, t->id);
        sql_put_text(&q->meta, slice_str(t->name));
    }
}

static void put_topics(struct query *q)
{
    const struct image_topic *t;
    struct walk w;
    walk_begin(q, SQL_BIT(SQL_TOPICS), &w);
    while ((t = walk_next(&w)) != NULL && q->n_rows <= q->rows_max) {
        struct buf *b = row(q, SQL_TOPICS);
        sql_put_text(b, slice_str(t->name));
        sql_put_uuid(b, t->id);
        sql_put_int(b, t->n_partitions);
        sql_put_int(b, t->n_partitions > 0 ? t->partitions[0].n_replicas : 0);
        sql_put_int(b, t->internal);
        sql_put_int(b, t->created_ms);
    }
}

static void put_partition(struct query *q, const struct image_topic *t,
                          int32_t number)
{
    const struct image_partition *p = &t->partitions[number];
    const struct leader *l = leaders_find(broker_of(q)->leaders, p->group);
    struct buf *b = row(q, SQL_PARTITIONS);
    sql_put_text(b, slice_str(t->name));
    sql_put_int(b, number);
    if (l != NULL && l->node >= 0) {
        sql_put_int(b, l->node);
        sql_put_int(b, (int64_t)l->term);
    } else {
        sql_put_null(b);
        sql_put_null(b);
    }
    sql_put_list(b, p->replicas, p->n_replicas);
    sql_put_list(b, l == NULL ? NULL : l->insync, l == NULL ? 0 : l->n_insync);
    sql_put_int(b, (int64_t)p->group);
}

static void put_partitions(struct query *q)
{
    const struct image_topic *t;
    struct walk w;
    walk_begin(q, SQL_BIT(SQL_PARTITIONS), &w);
    while ((t = walk_next(&w)) != NULL) {
        for (int32_t i = 0; i < t->n_partitions && q->n_rows <= q->rows_max;
             i++) {
            put_partition(q, t, i);
        }
    }
}

static void put_nodes(struct query *q)
{
    struct broker *b = broker_of(q);
    const struct image_node *n = NULL;
    int32_t controller = broker_controller(b);
    while ((n = image_next_node(b->image, n)) != NULL) {
        struct buf *out = row(q, SQL_NODES);
        sql_put_int(out, n->id);
        sql_put_name(out, slice_str(n->client_host));
        if (n->client_port > 0) {
            sql_put_int(out, n->client_port);
        } else {
            sql_put_null(out);
        }
        sql_put_name(out, slice_str(n->rack));
        sql_put_name(out, slice_str(n->version));
        sql_put_int(out, n->id == b->identity.node ||
                             peers_state(b->peers, n->id) == PEER_UP);
        sql_put_int(out, n->id == controller);
        sql_put_text(out, slice_str(n->peer_host));
        sql_put_int(out, n->peer_port);
        sql_put_uuid(out, n->directory);
        sql_put_int(out, n->incarnation);
    }
}

static void put_configs(struct query *q)
{
    const struct image_topic *t;
    struct walk w;
    walk_begin(q, SQL_BIT(SQL_CONFIGS), &w);
    while ((t = walk_next(&w)) != NULL) {
        for (unsigned i = 0; i < t->n_configs && q->n_rows <= q->rows_max;
             i++) {
            struct buf *b = row(q, SQL_CONFIGS);
            sql_put_text(b, slice_str(t->name));
            sql_put_text(b, slice_str(t->configs[i].name));
            sql_put_text(b, slice_str(t->configs[i].value));
        }
    }
}

void query_meta_rows(struct query *q)
{
    static const struct {
        enum sql_view view;
        void (*put)(struct query *q);
    } all[] = {{SQL_TOPICS, put_topics},
               {SQL_PARTITIONS, put_partitions},
               {SQL_NODES, put_nodes},
               {SQL_CONFIGS, put_configs}};
    struct broker *b = broker_of(q);
    struct replica_status s = {0};
    if (metadata_replica(b->metadata) != NULL) {
        replica_status(metadata_replica(b->metadata), &s);
    }
    q->seen[q->n_seen++] = (struct query_seen){.shard = QUERY_META,
                                               .node = b->identity.node,
                                               .term = s.term,
                                               .index = image_index(b->image)};
    for (unsigned i = 0; i < sizeof all / sizeof *all; i++) {
        if (reads(q, all[i].view)) {
            all[i].put(q);
        }
    }
    if ((q->plan.views & SQL_OF_OFFSETS) != 0) {
        put_names(q);
    }
    q->n_bytes += q->meta.len;
}
