/* query_read.c - questions for rows, answered from what this node has: shards
 * one after the other, ends of partitions all at once. */
#include "base/assert.h"
#include "broker/groups.h"
#include "broker/partition_read.h"
#include "broker/query_impl.h"

/* One partition whose end is confirmed. */
struct end {
    struct query_read *read;
    struct replica_barrier barrier;
    uint64_t group;
};

struct query_read {
    struct queue queue;
    struct queries *all;
    struct env_turn turn;
    struct query_want want;
    struct buf kept; /* the bytes of want.groups */
    query_read_cb cb;
    void *arg;
    int status;
    struct buf rows;
    struct query_part parts[CGROUP_SHARDS];
    unsigned n_parts;
    unsigned shard; /* the next */
    struct sql_export x;
    struct {
        size_t len;
        uint32_t n_rows;
    } before;             /* the shard that is read: `rows` and `x` */
    uint64_t term, index; /* what its first piece saw */
    uint64_t until_ms;
    struct end *ends;
    unsigned n_ends, cap_ends, pending;
};

/* ---- life ---------------------------------------------------------------- */

static void read_end(struct query_read *r)
{
    struct queries *qs = r->all;
    int status = r->status != 0 ? r->status : r->rows.status;
    env_turn_cancel(qs->env, &r->turn);
    queue_remove(&r->queue);
    if (r->cb != NULL) {
        struct query_rows rows = {buf_slice(&r->rows), r->x.n_rows, &r->rows};
        r->cb(r->arg, status, r->parts, r->n_parts, rows);
    }
    mem_free(qs->mem, r->ends);
    buf_close(&r->kept);
    buf_close(&r->rows);
    buf_close(&r->x.from.bytes);
    mem_free(qs->mem, r);
    qs->n_reads--;
    query_reads_changed(qs);
}

void query_read_forget(struct query_read *r)
{
    r->cb = NULL;
}

/* Nobody wants it any more, or it cannot go on. */
static bool is_over(const struct query_read *r)
{
    return r->cb == NULL || r->all->closing || r->status != 0 ||
           r->rows.status != 0 || env_now_ms(r->all->env) >= r->until_ms;
}

/* ---- shards -------------------------------------------------------------- */

static void next_shard(struct query_read *r);

static void shard_done(struct query_read *r, int status, uint64_t term,
                       uint64_t index)
{
    r->parts[r->n_parts++] = (struct query_part){.shard = (uint8_t)r->shard,
                                                 .status = status,
                                                 .term = term,
                                                 .index = index};
    r->shard++;
    next_shard(r);
}

/* The shard that is read, if it is here and is to be read at all. */
static struct state_group *shard_here(const struct query_read *r)
{
    struct groups *gs = r->all->broker->groups;
    struct state_group *g =
        is_over(r) || gs == NULL ? NULL : groups_shard(gs, r->shard);
    return g != NULL && state_group_fit(g) ? g : NULL;
}

/* The shard is to be read elsewhere: what a damaged database said, or a part of
 * one, is not told. */
static void shard_failed(struct query_read *r, int status)
{
    r->rows.len = r->before.len;
    r->x.n_rows = r->before.n_rows;
    r->x.status = 0;
    shard_done(r, status, 0, 0);
}

static void read_piece(struct query_read *r, struct state_group *g);

static void on_piece(void *arg, int status, uint64_t index, uint64_t term)
{
    struct sql_export *x = arg;
    struct query_read *r =
        (struct query_read *)(void *)((char *)x -
                                      offsetof(struct query_read, x));
    struct state_group *g = shard_here(r);
    if (r->index == 0) {
        r->index = index;
        r->term = term;
    }
    if (status != 0) {
        shard_failed(r, status);
    } else if (x->status != 0 || !x->more) {
        r->status = x->status;
        shard_done(r, 0, r->term, r->index);
    } else if (g == NULL) {
        shard_failed(r, ERR_CANCELED);
    } else {
        read_piece(r, g);
    }
}

/* Commands that have come meanwhile are applied before it. */
static void read_piece(struct query_read *r, struct state_group *g)
{
    int rv = state_group_read(g, sql_export, on_piece, &r->x);
    if (rv != 0) {
        shard_failed(r, rv);
    }
}

static void export_shard(struct query_read *r, struct state_group *g)
{
    const struct replica *replica = state_group_replica(g);
    struct sql_from *f = &r->x.from;
    f->view = f->group = f->topic = 0;
    f->is_row = false;
    r->x.shard = r->shard;
    r->x.coordinator = replica == NULL ? -1 : replica_leader(replica);
    r->before.len = r->rows.len;
    r->before.n_rows = r->x.n_rows;
    r->index = 0;
    read_piece(r, g);
}

static void on_shard_confirmed(void *arg, int status, uint64_t index,
                               struct slice result)
{
    struct query_read *r = arg;
    (void)index;
    (void)result;
    struct state_group *g = shard_here(r);
    if (status != 0 || g == NULL) {
        shard_done(r, status != 0 ? status : ERR_CANCELED, 0, 0);
    } else {
        export_shard(r, g);
    }
}

static void read_shard(struct query_read *r)
{
    struct groups *gs = r->all->broker->groups;
    struct state_group *g = gs == NULL ? NULL : groups_shard(gs, r->shard);
    int rv;
    if (g == NULL ||
        !(r->want.stale ? state_group_fit(g) : state_group_ready(g))) {
        shard_done(r, ERR_NOTLEADER, 0, 0);
    } else if (r->want.stale) {
        export_shard(r, g);
    } else if ((rv = state_group_barrier(g, on_shard_confirmed, r)) != 0) {
        shard_done(r, rv, 0, 0);
    }
}

static void next_shard(struct query_read *r)
{
    while (r->shard < CGROUP_SHARDS && (r->want.shards & 1u << r->shard) == 0) {
        r->shard++;
    }
    if (r->shard == CGROUP_SHARDS || is_over(r)) {
        read_end(r);
    } else {
        read_shard(r);
    }
}

static void begin_shards(struct query_read *r)
{
    const struct query_want *w = &r->want;
    r->x = (struct sql_export){.views = w->views & SQL_OF_SHARDS,
                               .all_groups = w->all_groups,
                               .all_topics = w->all_topics,
                               .groups = w->groups,
                               .n_groups = w->n_groups,
                               .topics = w->topics,
                               .n_topics = w->n_topics,
                               .rows_max = w->rows_max,
                               .rows = &r->rows};
    buf_init(&r->x.from.bytes, r->all->mem, 0);
    next_shard(r);
}

/* ---- ends ---------------------------------------------------------------- */

static void put_end(struct query_read *r, uint64_t group)
{
    struct partition *p =
        r->all->closing ? NULL : broker_partition(r->all->broker, group);
    if (p == NULL || partition_replica(p) == NULL) {
        return;
    }
    sql_put_view(&r->rows, SQL_ENDS);
    sql_put_int(&r->rows, (int64_t)group);
    sql_put_int(&r->rows, partition_log_start(p));
    sql_put_int(&r->rows, partition_high_watermark(p));
}

static void end_step(struct query_read *r)
{
    if (--r->pending == 0) {
        read_end(r);
    }
}

static void on_end_confirmed(struct replica_barrier *b, int status)
{
    struct end *x = b->data;
    struct query_read *r = x->read;
    if (status == 0 && !is_over(r)) {
        put_end(r, x->group);
    }
    end_step(r);
}

static bool is_led(const struct query_read *r, uint64_t group)
{
    struct partition *p = broker_partition(r->all->broker, group);
    return p != NULL && partition_replica(p) != NULL && partition_ready(p);
}

static void add_topic(struct query_read *r, const struct image_topic *t)
{
    for (int32_t i = 0; t != NULL && i < t->n_partitions; i++) {
        if (is_led(r, t->partitions[i].group) && r->n_ends < r->cap_ends) {
            r->ends[r->n_ends++] =
                (struct end){.read = r, .group = t->partitions[i].group};
        }
    }
}

/* The partitions that this node leads, of the topics that are wanted. */
static void list_ends(struct query_read *r)
{
    const struct image *im = r->all->broker->image;
    const struct image_topic *t = NULL;
    for (unsigned i = 0; i < r->want.n_topics && !r->want.all_topics; i++) {
        add_topic(r, image_topic_by_id(im, r->want.topics[i]));
    }
    while (r->want.all_topics && (t = image_next_topic(im, t)) != NULL) {
        add_topic(r, t);
    }
}

static unsigned count_partitions(const struct query_read *r)
{
    const struct image *im = r->all->broker->image;
    const struct image_topic *t = NULL;
    unsigned n = 0;
    while ((t = image_next_topic(im, t)) != NULL) {
        n += (unsigned)t->n_partitions;
    }
    return n < r->want.rows_max ? n : r->want.rows_max;
}

static void begin_ends(struct query_read *r)
{
    struct queries *qs = r->all;
    r->cap_ends = count_partitions(r);
    r->ends = mem_calloc(qs->mem, r->cap_ends + 1, sizeof *r->ends);
    if (r->ends == NULL) {
        r->status = ERR_NOMEM;
        read_end(r);
        return;
    }
    list_ends(r);
    r->pending = r->n_ends + 1;
    for (unsigned i = 0; i < r->n_ends; i++) {
        struct end *x = &r->ends[i];
        struct partition *p = broker_partition(qs->broker, x->group);
        if (r->want.stale) {
            put_end(r, x->group);
            r->pending--;
        } else if (p == NULL ||
                   partition_barrier(p, &x->barrier, r->want.time_ms,
                                     on_end_confirmed, x) != 0) {
            r->pending--;
        }
    }
    end_step(r);
}

/* ---- start --------------------------------------------------------------- */

static void on_turn(struct env_turn *t)
{
    struct query_read *r = t->data;
    if (is_over(r)) {
        r->status = ERR_CANCELED;
        read_end(r);
    } else if (r->want.what == QUERY_SHARDS) {
        begin_shards(r);
    } else {
        begin_ends(r);
    }
}

/* Groups are borrowed by the want: keep their bytes. */
static void keep_groups(struct query_read *r)
{
    size_t at = 0;
    for (unsigned i = 0; i < r->want.n_groups; i++) {
        buf_put(&r->kept, r->want.groups[i].data, r->want.groups[i].len);
    }
    for (unsigned i = 0; i < r->want.n_groups && r->kept.status == 0; i++) {
        size_t len = r->want.groups[i].len;
        r->want.groups[i] = slice_of(r->kept.data + at, len);
        at += len;
    }
}

int query_read_start(struct queries *qs, const struct query_want *w,
                     query_read_cb cb, void *arg, struct query_read **ret_r)
{
    struct query_read *r = mem_calloc(qs->mem, 1, sizeof *r);
    if (r == NULL) {
        return ERR_NOMEM;
    }
    r->all = qs;
    r->want = *w;
    r->cb = cb;
    r->arg = arg;
    r->until_ms = env_now_ms(qs->env) + w->time_ms;
    buf_init(&r->kept, qs->mem, 0);
    buf_init(&r->rows, qs->mem, QUERY_BYTES_MAX);
    keep_groups(r);
    if (r->kept.status != 0) {
        buf_close(&r->kept);
        mem_free(qs->mem, r);
        return ERR_NOMEM;
    }
    queue_push(&qs->reads, &r->queue);
    qs->n_reads++;
    env_turn_init(&r->turn, ENV_TURN_CONSENSUS, on_turn, r);
    env_turn_request(qs->env, &r->turn);
    *ret_r = r;
    return 0;
}
