/* coordinator_tasks.c - offsets that a leader forgets by itself: of topics
 * that were deleted, of groups that are DEAD, and those that are too old.
 *
 *   begin, topic deleted --> next() <--(done, more)-- command under way
 *                             |  ^
 *              nothing to do  v  | timer
 *                             idle
 *
 * A topic counts as deleted where @meta says so; one that is not known (yet)
 * keeps its offsets. What could not be done is tried again after RETRY_MS.
 */
#include "broker/coordinator_impl.h"

#define RETRY_MS 1000

static void start(struct coordinator *co, uint64_t at_ms)
{
    env_timer_start(co->env, &co->tasks.timer, at_ms);
}

/* ---- commands ------------------------------------------------------------
 */

static void on_done(struct coordinator_request *q, int status,
                    const struct cgroup_result *result)
{
    struct coordinator *co = q->data;
    struct coordinator_tasks *t = &co->tasks;
    uint64_t now = env_now_ms(co->env);
    t->busy = false;
    if (!co->leads) {
        return;
    }
    if (status != 0 || result->error != 0) {
        start(co, now + RETRY_MS);
        return;
    }
    /* A topic's offsets are gone from the image, or there are more. */
    if (q->kind == CGROUP_OFFSETS_EXPIRE && !result->more) {
        if (t->step == TASK_EMPTY) {
            t->step = TASK_ACTIVE;
            t->next = 0;
        } else {
            t->next++;
        }
    }
    start(co, now);
}

/* Closes `b`. No group is named: what the image says may change meanwhile. */
static void submit(struct coordinator *co, enum cgroup_kind kind, struct buf *b)
{
    struct coordinator_tasks *t = &co->tasks;
    int rv = b->status;
    if (rv == 0) {
        rv = coordinator_submit(co, &t->request, kind, slice_str(""),
                                slice_str(""), buf_slice(b), on_done, co);
    }
    buf_close(b);
    t->busy = rv == 0;
    if (rv != 0) {
        start(co, env_now_ms(co->env) + RETRY_MS);
    }
}

/* ---- deleted topics ------------------------------------------------------
 */

static bool find_deleted(const struct coordinator *co, struct uuid *ret_topic)
{
    void *it = NULL;
    while (cgroup_image_next_topic(co->image, &it, ret_topic)) {
        if (image_deleted(co->options.topics, *ret_topic)) {
            return true;
        }
    }
    return false;
}

static void forget_topic(struct coordinator *co, struct uuid topic)
{
    struct buf b;
    buf_init(&b, co->mem, 0);
    cgroup_batch_begin(&b);
    cgroup_encode_topic_deleted(topic, &b);
    submit(co, CGROUP_TOPIC_DELETED, &b);
}

/* ---- groups whose deletion has begun --------------------------------------
 */

/* One that no client here goes on with; NULL: none. A client may leave at any
 * time: *ret_asked says whether to look again. */
static const struct cgroup_view *find_dead(struct coordinator *co,
                                           bool *ret_asked)
{
    const struct cgroup_view *g;
    void *it = NULL;
    *ret_asked = false;
    while ((g = cgroup_image_next(co->image, &it)) != NULL) {
        if (g->state == CGROUP_DEAD && !coordinator_deletes(co, g->id)) {
            return g;
        }
        *ret_asked = *ret_asked || g->state == CGROUP_DEAD;
    }
    return NULL;
}

static void go_on_deleting(struct coordinator *co, const struct cgroup_view *g)
{
    struct buf b;
    buf_init(&b, co->mem, 0);
    cgroup_batch_begin(&b);
    cgroup_encode_delete(g->id, CGROUP_DELETE_PAGE, &b);
    submit(co, CGROUP_DELETE, &b);
}

/* ---- old offsets ---------------------------------------------------------
 */

static void expire(struct coordinator *co,
                   const struct cgroup_offsets_expire *e)
{
    struct buf b;
    buf_init(&b, co->mem, 0);
    cgroup_batch_begin(&b);
    cgroup_encode_offsets_expire(e, &b);
    submit(co, CGROUP_OFFSETS_EXPIRE, &b);
}

static bool is_old(const struct coordinator *co,
                   const struct cgroup_view_offset *o, int64_t since_ms,
                   int64_t wall_ms)
{
    return o->expire_ms >= 0 ? o->expire_ms <= wall_ms
                             : since_ms <= wall_ms - co->options.retention_ms;
}

/* A group without members that may go, or one of its offsets: those of one that
 * had members count from when the last one left. */
static bool is_void(const struct coordinator *co, const struct cgroup_view *g,
                    int64_t wall_ms)
{
    if (g->state != CGROUP_EMPTY) {
        return false;
    }
    for (unsigned i = 0; i < g->n_offsets; i++) {
        const struct cgroup_view_offset *o = g->offsets[i];
        if (is_old(co, o, g->protocol_type.len > 0 ? g->since_ms : o->time_ms,
                   wall_ms)) {
            return true;
        }
    }
    return g->n_offsets == 0 && g->n_members == 0;
}

/* Returns whether there was something to do. */
static bool expire_empty(struct coordinator *co)
{
    struct cgroup_offsets_expire e = {.retention_ms = co->options.retention_ms};
    int64_t wall_ms = env_wall_ms(co->env);
    const struct cgroup_view *g;
    void *it = NULL;
    while ((g = cgroup_image_next(co->image, &it)) != NULL) {
        if (is_void(co, g, wall_ms)) {
            expire(co, &e);
            return true;
        }
    }
    return false;
}

/* A topic of a group's offsets. */
struct of_group {
    struct uuid *ids;
    struct slice *names;
    bool *used; /* by its members; yes also where that cannot be told */
    unsigned n;
};

static void of_group_free(struct coordinator *co, struct of_group *x)
{
    mem_free(co->mem, x->ids);
    mem_free(co->mem, x->names);
    mem_free(co->mem, x->used);
}

static bool of_group_alloc(struct coordinator *co, unsigned n,
                           struct of_group *ret_x)
{
    *ret_x =
        (struct of_group){.ids = mem_calloc(co->mem, n, sizeof *ret_x->ids),
                          .names = mem_calloc(co->mem, n, sizeof *ret_x->names),
                          .used = mem_calloc(co->mem, n, sizeof(bool))};
    return ret_x->ids != NULL && ret_x->names != NULL && ret_x->used != NULL;
}

/* Its topics, each once, and which of them are used. False: no memory. */
static bool find_topics(const struct coordinator *co,
                        const struct cgroup_view *g, struct of_group *x)
{
    for (unsigned i = 0; i < g->n_offsets; i++) {
        struct uuid id = g->offsets[i]->topic;
        const struct image_topic *t = image_topic_by_id(co->options.topics, id);
        if (i == 0 || !uuid_equal(id, x->ids[x->n - 1])) {
            x->names[x->n] = t == NULL ? slice_str("") : slice_str(t->name);
            x->ids[x->n++] = id;
        }
    }
    if (cgroup_view_subscriptions(g, co->mem, x->names, x->used, x->n) != 0) {
        return false;
    }
    for (unsigned i = 0; i < x->n; i++) {
        x->used[i] = x->used[i] || x->names[i].len == 0;
    }
    return true;
}

/* Is an offset old, of a topic that is not used? */
static bool has_old(const struct coordinator *co, const struct cgroup_view *g,
                    const struct of_group *x)
{
    int64_t wall_ms = env_wall_ms(co->env);
    unsigned at = 0;
    bool any = false;
    for (unsigned i = 0; i < g->n_offsets && !any; i++) {
        const struct cgroup_view_offset *o = g->offsets[i];
        at += !uuid_equal(o->topic, x->ids[at]);
        any = !x->used[at] && is_old(co, o, o->time_ms, wall_ms);
    }
    return any;
}

/* Keep the topics that it uses; how many. */
static unsigned keep_used(struct of_group *x)
{
    unsigned n = 0;
    for (unsigned i = 0; i < x->n; i++) {
        if (x->used[i]) {
            x->ids[n++] = x->ids[i];
        }
    }
    return n;
}

/* Returns whether there was something to do. */
static bool expire_active(struct coordinator *co, const struct cgroup_view *g)
{
    struct of_group x;
    struct cgroup_offsets_expire e = {.retention_ms = co->options.retention_ms,
                                      .group = g->id,
                                      .generation = g->generation};
    if (g->state != CGROUP_STABLE || g->n_offsets == 0 ||
        !slice_equal(g->protocol_type, slice_str("consumer"))) {
        return false;
    }
    /* Without memory: another time. */
    bool any = of_group_alloc(co, g->n_offsets, &x) && find_topics(co, g, &x) &&
               has_old(co, g, &x);
    if (any) {
        e.subscribed = x.ids;
        e.n_subscribed = keep_used(&x);
        any = e.n_subscribed <= CGROUP_ROWS_MAX;
    }
    if (any) {
        expire(co, &e);
    }
    of_group_free(co, &x);
    return any;
}

/* The next group at work that has something to forget. */
static bool expire_next(struct coordinator *co)
{
    struct coordinator_tasks *t = &co->tasks;
    const struct cgroup_view *g;
    void *it = NULL;
    unsigned number = 0;
    while ((g = cgroup_image_next(co->image, &it)) != NULL) {
        if (number++ < t->next) {
            continue;
        }
        t->next = number - 1;
        if (expire_active(co, g)) {
            return true;
        }
    }
    return false;
}

/* ---- one after the other -------------------------------------------------
 */

static void on_timer(struct env_timer *timer)
{
    struct coordinator *co = timer->data;
    struct coordinator_tasks *t = &co->tasks;
    uint64_t now = env_now_ms(co->env);
    const struct cgroup_view *dead;
    struct uuid topic;
    bool asked;
    if (!co->leads || t->busy) {
        return;
    }
    if (find_deleted(co, &topic)) {
        forget_topic(co, topic);
        return;
    }
    dead = find_dead(co, &asked);
    if (dead != NULL) {
        go_on_deleting(co, dead);
        return;
    }
    if (t->step == TASK_IDLE && now >= t->due_ms) {
        t->step = TASK_EMPTY;
    }
    if (t->step == TASK_EMPTY && !expire_empty(co)) {
        t->step = TASK_ACTIVE;
        t->next = 0;
    }
    if (t->step == TASK_ACTIVE && !expire_next(co)) {
        t->step = TASK_IDLE;
        t->due_ms = now + co->options.retention_check_ms;
    }
    if (t->step == TASK_IDLE) {
        bool soon = asked && now + RETRY_MS < t->due_ms;
        start(co, soon ? now + RETRY_MS : t->due_ms);
    }
}

void coordinator_tasks_init(struct coordinator *co)
{
    env_timer_init(&co->tasks.timer, on_timer, co);
}

void coordinator_tasks_begin(struct coordinator *co)
{
    struct coordinator_tasks *t = &co->tasks;
    uint64_t now = env_now_ms(co->env);
    t->step = TASK_IDLE;
    t->due_ms = now + co->options.retention_check_ms;
    start(co, now);
}

void coordinator_tasks_end(struct coordinator *co)
{
    env_timer_stop(co->env, &co->tasks.timer);
}

void coordinator_topic_deleted(struct coordinator *co)
{
    coordinator_tasks_wake(co);
}

void coordinator_tasks_wake(struct coordinator *co)
{
    if (co->leads && !co->tasks.busy) {
        start(co, env_now_ms(co->env));
    }
}
