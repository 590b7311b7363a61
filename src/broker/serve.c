#include "broker/serve.h"

#include "base/assert.h"
#include "base/queue.h"

/* Commands and barriers under way on one node. */
#define SERVES_MAX       4096
#define SERVES_METRICS   2
#define SERVE_BARRIER_MS 2000

struct metadata_serve {
    struct queue queue;
    struct metadata_serves *all;
    struct replica_append append;
    struct replica_barrier barrier;
    bool in_replica; /* the replica will call back */
    bool answering;  /* inside `cb` */
    bool committed;
    bool is_command;
    uint64_t index;
    serve_done_cb cb;
    void *arg;
};

/* Over all that is under way, while callbacks may end any of it. */
struct walk {
    struct queue *next;
    struct walk *outer; /* begun before, not at its end yet */
};

struct metadata_serves {
    struct env *env;
    struct queue queue;
    struct walk *walks;
    unsigned n;
    uint64_t applied;
    bool closed;
    uint64_t refused;
    struct metric metrics[SERVES_METRICS];
};

static uint64_t read_serves(const void *arg)
{
    return ((const struct metadata_serves *)arg)->n;
}

static void metrics_stop(struct metadata_serves *s)
{
    for (unsigned i = 0; i < SERVES_METRICS; i++) {
        metric_remove(&s->metrics[i]);
    }
}

static void metrics_start(struct metadata_serves *s, const char *group)
{
    char labels[METRIC_LABELS_MAX] = "";
    metric_label(labels, "group", slice_str(group));
    metric_add_read(env_metrics(s->env), &s->metrics[0], METRIC_GAUGE,
                    "ostraka_state_commands",
                    "Commands and barriers under way at the leader of a state "
                    "group.",
                    labels, read_serves, s);
    metric_add(env_metrics(s->env), &s->metrics[1], METRIC_COUNTER,
               "ostraka_state_commands_refused_total",
               "Commands and barriers refused there: too many are under way.",
               labels, &s->refused);
}

int serves_open(struct env *e, const char *group,
                struct metadata_serves **ret_s)
{
    struct metadata_serves *s = mem_calloc(env_mem(e), 1, sizeof *s);
    if (s == NULL) {
        return ERR_NOMEM;
    }
    s->env = e;
    queue_init(&s->queue);
    metrics_start(s, group);
    *ret_s = s;
    return 0;
}

/* One less of what keeps `s`. */
static void serves_let_go(struct metadata_serves *s)
{
    s->n--;
    if (s->closed && s->n == 0) {
        mem_free(env_mem(s->env), s);
    }
}

static void serve_free(struct metadata_serve *v)
{
    struct metadata_serves *s = v->all;
    for (struct walk *w = s->walks; w != NULL; w = w->outer) {
        if (w->next == &v->queue) {
            w->next = v->queue.next;
        }
    }
    queue_remove(&v->queue);
    mem_free(env_mem(s->env), v);
    serves_let_go(s);
}

static void walk_begin(struct metadata_serves *s, struct walk *w)
{
    *w = (struct walk){.next = s->queue.next, .outer = s->walks};
    s->walks = w;
    s->n++; /* keep `s` while walking */
}

static struct metadata_serve *walk_next(struct metadata_serves *s,
                                        struct walk *w)
{
    struct queue *q = w->next;
    if (q == &s->queue) {
        return NULL;
    }
    w->next = q->next;
    return QUEUE_ENTRY(q, struct metadata_serve, queue);
}

static void walk_end(struct metadata_serves *s, struct walk *w)
{
    ASSERT(s->walks == w);
    s->walks = w->outer;
    serves_let_go(s);
}

/* Answer once; the memory goes when the replica is done with it too. The
 * callback may end anything here, up to the node. */
static void serve_done(struct metadata_serve *v, int status,
                       struct slice result)
{
    serve_done_cb cb = v->cb;
    if (v->answering) {
        return; /* from inside its own callback */
    }
    v->cb = NULL;
    v->answering = true;
    if (cb != NULL) {
        cb(v->arg, status, v->index, result);
    }
    v->answering = false;
    if (!v->in_replica) {
        serve_free(v);
    }
}

void serves_close(struct metadata_serves *s)
{
    struct metadata_serve *v;
    struct walk w;
    if (s == NULL) {
        return;
    }
    s->closed = true;
    metrics_stop(s);
    walk_begin(s, &w);
    while ((v = walk_next(s, &w)) != NULL) {
        serve_done(v, ERR_CANCELED, slice_of(NULL, 0));
    }
    walk_end(s, &w);
}

static struct metadata_serve *serve_new(struct metadata_serves *s,
                                        serve_done_cb cb, void *arg)
{
    struct metadata_serve *v = mem_calloc(env_mem(s->env), 1, sizeof *v);
    if (v == NULL) {
        return NULL;
    }
    v->all = s;
    v->cb = cb;
    v->arg = arg;
    v->in_replica = true;
    queue_push(&s->queue, &v->queue);
    s->n++;
    return v;
}

static void on_committed(struct replica_append *a, int status)
{
    struct metadata_serve *v = a->data;
    v->in_replica = false;
    v->committed = status == 0;
    v->index = a->index;
    if (v->cb == NULL) {
        serve_free(v);
    } else if (status != 0) {
        serve_done(v, status, slice_of(NULL, 0));
    }
    /* Otherwise serves_applied() answers. */
}

static void on_barrier(struct replica_barrier *b, int status)
{
    struct metadata_serve *v = b->data;
    v->in_replica = false;
    v->committed = status == 0;
    v->index = b->index;
    if (v->cb == NULL) {
        serve_free(v);
    } else if (status != 0 || v->index <= v->all->applied) {
        serve_done(v, status, slice_of(NULL, 0));
    }
}

int serve_command(struct metadata_serves *s, struct replica *r,
                  struct bytes command, serve_done_cb cb, void *arg)
{
    if (s->n >= SERVES_MAX) {
        s->refused++;
        return ERR_FULL;
    }
    struct metadata_serve *v = serve_new(s, cb, arg);
    if (v == NULL) {
        return ERR_NOMEM;
    }
    v->is_command = true;
    int rv = replica_propose(r, &v->append, command, on_committed, v);
    if (rv != 0) {
        serve_free(v);
    }
    return rv;
}

int serve_barrier(struct metadata_serves *s, struct replica *r,
                  serve_done_cb cb, void *arg)
{
    if (s->n >= SERVES_MAX) {
        s->refused++;
        return ERR_FULL;
    }
    struct metadata_serve *v = serve_new(s, cb, arg);
    if (v == NULL) {
        return ERR_NOMEM;
    }
    int rv =
        replica_read_barrier(r, &v->barrier, SERVE_BARRIER_MS, on_barrier, v);
    if (rv != 0) {
        serve_free(v);
    }
    return rv;
}

/* The result of a command among those just applied; NULL if it is not there. */
static const struct slice *find_result(uint64_t index, const uint64_t indexes[],
                                       const struct slice results[], unsigned n)
{
    unsigned lo = 0, hi = n;
    while (lo < hi) {
        unsigned mid = lo + (hi - lo) / 2;
        if (indexes[mid] < index) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo < n && indexes[lo] == index ? &results[lo] : NULL;
}

/* Its index is applied, and with it the command, if it is one. */
static void answer(struct metadata_serve *v, const uint64_t indexes[],
                   const struct slice results[], unsigned n)
{
    const struct slice *result =
        v->is_command ? find_result(v->index, indexes, results, n) : NULL;
    serve_done(v, v->is_command && result == NULL ? ERR_NOTLEADER : 0,
               result == NULL ? slice_of(NULL, 0) : *result);
}

void serves_applied(struct metadata_serves *s, uint64_t upto,
                    const uint64_t indexes[], const struct slice results[],
                    unsigned n)
{
    struct metadata_serve *v;
    struct walk w;
    s->applied = upto;
    walk_begin(s, &w);
    while ((v = walk_next(s, &w)) != NULL) {
        if (v->committed && v->cb != NULL && v->index <= upto) {
            answer(v, indexes, results, n);
        }
    }
    walk_end(s, &w);
}

void serves_lost(struct metadata_serves *s)
{
    struct metadata_serve *v;
    struct walk w;
    walk_begin(s, &w);
    while ((v = walk_next(s, &w)) != NULL) {
        if (v->cb != NULL) {
            serve_done(v, ERR_NOTLEADER, slice_of(NULL, 0));
        }
    }
    walk_end(s, &w);
}
