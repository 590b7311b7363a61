#include "api/fetch_session.h"

#include <string.h>

#include "base/assert.h"
#include "state/image.h"
#include "wire/errors.h"
#include "wire/message.h"

/* Numbers of requests that no session has. */
#define EPOCH_NEW  0
#define EPOCH_NONE (-1)

struct fetch_sessions {
    struct env *env;
    struct mem *mem;
    struct map *map;     /* id -> struct fetch_session */
    struct queue by_use; /* oldest first */
    unsigned n_partitions;
    uint64_t refused, evicted;
    struct metric metrics[SESSION_METRICS];
};

static uint64_t read_sessions(const void *arg)
{
    return map_count(((const struct fetch_sessions *)arg)->map);
}

static uint64_t read_partitions(const void *arg)
{
    return ((const struct fetch_sessions *)arg)->n_partitions;
}

static void metrics_start(struct fetch_sessions *s)
{
    struct metrics *ms = env_metrics(s->env);
    struct metric *m = s->metrics;
    metric_add_read(ms, m++, METRIC_GAUGE, "ostraka_fetch_sessions",
                    "Incremental fetch sessions.", "", read_sessions, s);
    metric_add_read(ms, m++, METRIC_GAUGE, "ostraka_fetch_session_partitions",
                    "Partitions in them.", "", read_partitions, s);
    metric_add(ms, m++, METRIC_COUNTER, "ostraka_fetch_sessions_evicted_total",
               "Fetch sessions that a newer one took the place of.", "",
               &s->evicted);
    metric_add(ms, m++, METRIC_COUNTER, "ostraka_fetch_sessions_refused_total",
               "Fetch sessions not made: too many, or too many partitions in "
               "them.",
               "", &s->refused);
    ASSERT(m == s->metrics + SESSION_METRICS);
}

struct fetch_sessions *fetch_sessions_new(struct env *e)
{
    struct fetch_sessions *s = mem_calloc(env_mem(e), 1, sizeof *s);
    if (s == NULL) {
        return NULL;
    }
    s->env = e;
    s->mem = env_mem(e);
    s->map = map_new(s->mem);
    queue_init(&s->by_use);
    if (s->map == NULL) {
        mem_free(s->mem, s);
        return NULL;
    }
    metrics_start(s);
    return s;
}

/* Room for a partition's key: {topic id, number, name}. */
struct key {
    uint8_t bytes[16 + 4 + WIRE_STRING_MAX];
};

static struct slice key_of(struct key *k, struct uuid topic_id,
                           struct slice topic, int32_t number)
{
    uint32_t n = (uint32_t)number;
    memcpy(k->bytes, topic_id.b, 16);
    memcpy(k->bytes + 16, &n, 4);
    if (topic.len > 0) {
        memcpy(k->bytes + 20, topic.data, topic.len);
    }
    return slice_of(k->bytes, 20 + topic.len);
}

static void partition_drop(struct fetch_sessions *s, struct fetch_session *x,
                           struct fetch_partition *p)
{
    struct key k;
    map_remove(x->known, key_of(&k, p->topic_id, p->topic, p->partition));
    queue_remove(&p->queue);
    x->n--;
    s->n_partitions--;
    mem_free(s->mem, p);
}

static void session_free(struct fetch_sessions *s, struct fetch_session *x)
{
    struct queue *q, *tmp;
    QUEUE_FOREACH(q, tmp, &x->partitions)
    {
        partition_drop(s, x, QUEUE_ENTRY(q, struct fetch_partition, queue));
    }
    queue_remove(&x->queue);
    map_remove_u64(s->map, (uint64_t)x->id);
    map_free(x->known);
    mem_free(s->mem, x);
}

void fetch_sessions_free(struct fetch_sessions *s)
{
    struct queue *q, *tmp;
    if (s == NULL) {
        return;
    }
    QUEUE_FOREACH(q, tmp, &s->by_use)
    {
        session_free(s, QUEUE_ENTRY(q, struct fetch_session, queue));
    }
    for (unsigned i = 0; i < SESSION_METRICS; i++) {
        metric_remove(&s->metrics[i]);
    }
    map_free(s->map);
    mem_free(s->mem, s);
}

static struct fetch_session *session_find(struct fetch_sessions *s, int32_t id)
{
    return id > 0 ? map_find_u64(s->map, (uint64_t)id) : NULL;
}

/* Room for one more: the session unused longest, if it is old, goes. */
static bool make_room(struct fetch_sessions *s)
{
    struct fetch_session *oldest;
    if (map_count(s->map) < SESSIONS_MAX) {
        return true;
    }
    oldest = QUEUE_ENTRY(s->by_use.next, struct fetch_session, queue);
    if (oldest->busy ||
        env_now_ms(s->env) - oldest->used_ms < SESSION_IDLE_MS) {
        s->refused++;
        return false;
    }
    session_free(s, oldest);
    s->evicted++;
    return true;
}

static int32_t new_id(struct fetch_sessions *s)
{
    uint32_t id;
    do {
        env_random(s->env, &id, sizeof id);
        id &= INT32_MAX;
    } while (id == 0 || map_find_u64(s->map, id) != NULL);
    return (int32_t)id;
}

static struct fetch_session *session_new(struct fetch_sessions *s, bool by_id)
{
    struct fetch_session *x;
    if (!make_room(s)) {
        return NULL;
    }
    x = mem_calloc(s->mem, 1, sizeof *x);
    if (x == NULL) {
        return NULL;
    }
    x->id = new_id(s);
    x->epoch = 1;
    x->by_id = by_id;
    x->used_ms = env_now_ms(s->env);
    queue_init(&x->partitions);
    queue_init(&x->queue);
    x->known = map_new(s->mem);
    if (x->known == NULL || map_put_u64(s->map, (uint64_t)x->id, x) != 0) {
        map_free(x->known);
        mem_free(s->mem, x);
        return NULL;
    }
    queue_push(&s->by_use, &x->queue);
    return x;
}

/* ---- partitions ------------------------------------------------------- */

static struct fetch_partition *find(const struct fetch_session *x,
                                    const struct fetch_request_topic *t,
                                    int32_t number)
{
    struct key k;
    return map_find(x->known, key_of(&k, t->topic_id, t->topic, number));
}

static void take(struct fetch_partition *p,
                 const struct fetch_request_partition *in)
{
    p->partition = in->partition;
    p->leader_epoch = in->current_leader_epoch;
    p->fetch_offset = in->fetch_offset;
    p->last_epoch = in->last_fetched_epoch;
    p->max_bytes = in->partition_max_bytes;
}

/* A copy that lives with its session, name behind the struct. */
static struct fetch_partition *add_kept(struct fetch_sessions *s,
                                        struct fetch_session *x,
                                        const struct fetch_request_topic *t,
                                        int32_t number)
{
    struct fetch_partition *p;
    struct key k;
    /* No topic has a longer name: what a session keeps is bounded by the
     * number of its partitions alone. */
    if (s->n_partitions >= SESSION_PARTITIONS_MAX ||
        t->topic.len > IMAGE_TOPIC_MAX) {
        s->refused++;
        return NULL;
    }
    p = mem_calloc(s->mem, 1, sizeof *p + t->topic.len);
    if (p == NULL ||
        map_put(x->known, key_of(&k, t->topic_id, t->topic, number), p) != 0) {
        mem_free(s->mem, p);
        return NULL;
    }
    p->topic_id = t->topic_id;
    p->topic = slice_of(p + 1, t->topic.len);
    if (t->topic.len > 0) {
        memcpy(p + 1, t->topic.data, t->topic.len);
    }
    p->partition = number;
    p->mem = s->mem;
    p->sent_high_watermark = -1;
    p->sent_log_start = -1;
    queue_push(&x->partitions, &p->queue);
    x->n++;
    s->n_partitions++;
    return p;
}

/* Take a request's changes. */
static int session_update(struct fetch_sessions *s, struct fetch_session *x,
                          const struct fetch_request *in)
{
    for (uint32_t i = 0; i < in->topics.n; i++) {
        const struct fetch_request_topic *t = &in->topics.ptr[i];
        for (uint32_t j = 0; j < t->partitions.n; j++) {
            const struct fetch_request_partition *fp = &t->partitions.ptr[j];
            struct fetch_partition *p = find(x, t, fp->partition);
            if (p == NULL) {
                p = add_kept(s, x, t, fp->partition);
            }
            if (p == NULL) {
                return ERR_NOMEM;
            }
            take(p, fp);
        }
    }
    for (uint32_t i = 0; i < in->forgotten_topics_data.n; i++) {
        const struct fetch_request_forgotten_topic *f =
            &in->forgotten_topics_data.ptr[i];
        struct fetch_request_topic t = {.topic = f->topic,
                                        .topic_id = f->topic_id};
        for (uint32_t j = 0; j < f->partitions.n; j++) {
            struct fetch_partition *p = find(x, &t, f->partitions.ptr[j]);
            if (p != NULL) {
                partition_drop(s, x, p);
            }
        }
    }
    return 0;
}

/* ---- plans ------------------------------------------------------------ */

static int plan_full(const struct fetch_request *in, struct arena *arena,
                     struct fetch_plan *p)
{
    queue_init(&p->own);
    p->partitions = &p->own;
    for (uint32_t i = 0; i < in->topics.n; i++) {
        const struct fetch_request_topic *t = &in->topics.ptr[i];
        for (uint32_t j = 0; j < t->partitions.n; j++) {
            struct fetch_partition *fp = arena_calloc(arena, 1, sizeof *fp);
            if (fp == NULL) {
                return ERR_NOMEM;
            }
            fp->topic = t->topic;
            fp->topic_id = t->topic_id;
            take(fp, &t->partitions.ptr[j]);
            queue_push(&p->own, &fp->queue);
        }
    }
    return 0;
}

static void use(struct fetch_sessions *s, struct fetch_session *x,
                struct fetch_plan *p)
{
    x->busy = true;
    x->used_ms = env_now_ms(s->env);
    queue_remove(&x->queue);
    queue_push(&s->by_use, &x->queue);
    p->session = x;
    p->partitions = &x->partitions;
}

static int plan_new(struct fetch_sessions *s, const struct fetch_request *in,
                    bool by_id, struct arena *arena, struct fetch_plan *p)
{
    struct fetch_session *x = session_new(s, by_id);
    if (x != NULL && session_update(s, x, in) == 0) {
        use(s, x, p);
        return 0;
    }
    if (x != NULL) {
        session_free(s, x);
    }
    return plan_full(in, arena, p); /* no room: sessionless */
}

static int plan_incremental(struct fetch_sessions *s,
                            const struct fetch_request *in, bool by_id,
                            struct fetch_plan *p)
{
    struct fetch_session *x = session_find(s, in->session_id);
    if (x == NULL) {
        p->error = KERR_FETCH_SESSION_ID_NOT_FOUND;
        return 0;
    }
    if (x->by_id != by_id) {
        p->error = KERR_FETCH_SESSION_TOPIC_ID_ERROR;
        return 0;
    }
    if (x->busy || x->epoch != in->session_epoch) {
        p->error = KERR_INVALID_FETCH_SESSION_EPOCH;
        return 0;
    }
    int rv = session_update(s, x, in);
    if (rv != 0) {
        return rv;
    }
    x->epoch = x->epoch == INT32_MAX ? 1 : x->epoch + 1;
    p->incremental = true;
    use(s, x, p);
    return 0;
}

int fetch_plan(struct fetch_sessions *s, const struct fetch_request *in,
               int version, struct arena *arena, struct fetch_plan *ret_p)
{
    bool by_id = version >= 13;
    *ret_p = (struct fetch_plan){0};
    queue_init(&ret_p->own);
    ret_p->partitions = &ret_p->own;
    if (version < 7) {
        return plan_full(in, arena, ret_p);
    }
    if (in->session_epoch != EPOCH_NEW && in->session_epoch != EPOCH_NONE) {
        return plan_incremental(s, in, by_id, ret_p);
    }
    struct fetch_session *old = session_find(s, in->session_id);
    if (old != NULL && !old->busy) {
        session_free(s, old);
    }
    if (in->session_epoch == EPOCH_NEW) {
        return plan_new(s, in, by_id, arena, ret_p);
    }
    return plan_full(in, arena, ret_p);
}

void fetch_session_done(struct fetch_sessions *s, struct fetch_session *x)
{
    x->busy = false;
    x->used_ms = env_now_ms(s->env);
}
