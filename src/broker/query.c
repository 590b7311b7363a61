#include "broker/query.h"

#include <stdio.h>

#include "base/assert.h"
#include "broker/query_impl.h"

/* ---- the end of one ------------------------------------------------------ */

static void query_free(struct query *q)
{
    struct queries *qs = q->all;
    env_timer_stop(qs->env, &q->timer);
    query_gather_close(q);
    sql_plan_close(&q->plan);
    sql_answer_close(&q->answer);
    buf_close(&q->meta);
    map_free(q->told);
    mem_free(qs->mem, q->statement);
    mem_free(qs->mem, q);
}

static void check_closed(struct queries *qs)
{
    if (!qs->closing || qs->current != NULL) {
        return;
    }
    if (!qs->closed) {
        void (*cb)(void *) = qs->close_cb;
        qs->closed = true;
        if (qs->n_reads > 0) {
            cb(qs->close_arg); /* they end when their groups close */
            return;
        }
        void *arg = qs->close_arg;
        mem_free(qs->mem, qs);
        cb(arg);
    } else if (qs->n_reads == 0) {
        mem_free(qs->mem, qs);
    }
}

void query_reads_changed(struct queries *qs)
{
    if (qs->closed) {
        check_closed(qs);
    }
}

/* Tell whoever waits, and go on with the next. */
static void query_end(struct query *q, int status)
{
    struct queries *qs = q->all;
    struct query_result r = {&q->answer, q->seen, q->n_seen};
    query_cb cb = q->cb;
    q->cb = NULL;
    if (qs->current == q) {
        qs->current = NULL;
        if (!qs->closing) {
            env_turn_request(qs->env, &qs->turn);
        }
    } else {
        queue_remove(&q->queue);
        qs->n_waiting--;
    }
    if (status == 0) {
        qs->n_rows += q->answer.n_rows;
        histogram_record(&qs->took, env_now_us_exact(qs->env) - q->begun_us);
    } else if (status != ERR_CANCELED) {
        qs->n_refused++;
    }
    if (cb != NULL) {
        cb(q->arg, status, status == 0 ? &r : NULL, &q->err);
    }
    query_free(q);
    check_closed(qs);
}

static void query_fail(struct query *q, int status, const char *why)
{
    err_set(&q->err, status, "%s", why);
    query_end(q, status);
}

/* ---- the two jobs -------------------------------------------------------- */

static void run_plan(struct env_job *j)
{
    struct query *q = j->data;
    struct slice statement = slice_of(q->statement, q->statement_len);
    q->status = sql_plan(j->env, statement, &q->limits, &q->plan, &q->err);
}

static void run_statement(struct env_job *j)
{
    struct query *q = j->data;
    struct slice statement = slice_of(q->statement, q->statement_len);
    struct slice *fills;
    struct queue *e, *tmp;
    unsigned n = 1;
    QUEUE_FOREACH(e, tmp, &q->asks)
    {
        n++;
    }
    fills = mem_calloc(env_mem(j->env), n, sizeof *fills);
    if (fills == NULL) {
        q->status = err_set(&q->err, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
        return;
    }
    n = 0;
    fills[n++] = buf_slice(&q->meta);
    QUEUE_FOREACH(e, tmp, &q->asks)
    {
        fills[n++] = QUEUE_ENTRY(e, struct query_ask, queue)->rows;
    }
    q->status =
        sql_run(j->env, statement, fills, n, &q->limits, &q->answer, &q->err);
    mem_free(env_mem(j->env), fills);
}

static void on_run(struct env_job *j)
{
    struct query *q = j->data;
    query_end(q, q->cb == NULL ? ERR_CANCELED : q->status);
}

void query_gathered(struct query *q, int status)
{
    if (status != 0) {
        query_end(q, status);
        return;
    }
    query_gather_stop(q);
    q->state = QUERY_RUNNING;
    env_job_submit(q->all->env, ENV_THREAD_QUERY, &q->job, run_statement,
                   on_run, q);
}

static void on_planned(struct env_job *j)
{
    struct query *q = j->data;
    if (q->cb == NULL) {
        query_end(q, ERR_CANCELED);
    } else if (q->status != 0) {
        query_end(q, q->status);
    } else {
        q->state = QUERY_GATHERING;
        query_gather(q);
    }
}

/* ---- the desk ------------------------------------------------------------ */

static void on_turn(struct env_turn *t)
{
    struct queries *qs = t->data;
    if (qs->current != NULL || qs->closing) {
        return;
    }
    struct queue *first = queue_pop(&qs->waiting);
    if (first == NULL) {
        return;
    }
    struct query *q = QUEUE_ENTRY(first, struct query, queue);
    qs->n_waiting--;
    qs->current = q;
    q->state = QUERY_PLANNING;
    env_job_submit(qs->env, ENV_THREAD_QUERY, &q->job, run_plan, on_planned, q);
}

/* Of what waits and gathers: a job ends by itself. */
static void on_timer(struct env_timer *t)
{
    struct query *q = t->data;
    if (q->state == QUERY_WAITING) {
        query_fail(q, ERR_TIMEOUT, "others took all the time; try again");
    } else if (q->state == QUERY_GATHERING) {
        query_gather_step(q);
    }
}

static uint32_t least(uint32_t asked, int64_t max)
{
    return asked > 0 && asked < max ? asked : (uint32_t)max;
}

static void set_limits(struct query *q, const struct query_options *o)
{
    const struct config *c = q->all->broker->config;
    struct env *e = q->all->env;
    uint32_t ms = least(o->time_ms, config_long(c, NODE_SQL_TIME_MAX));
    q->rows_max = least(o->rows_max, config_long(c, NODE_SQL_ROWS_MAX));
    q->begun_us = env_now_us_exact(e);
    q->deadline_ms = env_now_ms(e) + ms;
    q->patient_ms = env_now_ms(e) + ms / 2;
    q->limits =
        (struct sql_limits){.deadline_us = q->begun_us + 1000 * (uint64_t)ms,
                            .canceled = &q->canceled,
                            .rows_max = q->rows_max,
                            .bytes_max = QUERY_ANSWER_MAX};
}

int query_start(struct broker *b, const struct query_options *o, query_cb cb,
                void *arg, struct query **ret_q)
{
    struct queries *qs = b->queries;
    if (qs == NULL || qs->closing || !b->serves) {
        return ERR_NOTREADY;
    }
    qs->n_queries++;
    if (qs->n_waiting >= QUERIES_WAITING_MAX) {
        qs->n_refused++;
        return ERR_FULL;
    }
    if (o->statement.len > SQL_STATEMENT_MAX) {
        qs->n_refused++;
        return ERR_TOOBIG;
    }
    struct query *q = mem_calloc(qs->mem, 1, sizeof *q);
    if (q == NULL) {
        return ERR_NOMEM;
    }
    q->all = qs;
    q->statement =
        mem_strndup(qs->mem, (const char *)o->statement.data, o->statement.len);
    q->told = map_new(qs->mem);
    if (q->statement == NULL || q->told == NULL) {
        map_free(q->told);
        mem_free(qs->mem, q->statement);
        mem_free(qs->mem, q);
        return ERR_NOMEM;
    }
    q->statement_len = o->statement.len;
    q->stale = o->stale;
    q->plan.mem = qs->mem;
    q->cb = cb;
    q->arg = arg;
    buf_init(&q->meta, qs->mem, QUERY_BYTES_MAX);
    queue_init(&q->asks);
    set_limits(q, o);
    env_timer_init(&q->timer, on_timer, q);
    env_timer_start(qs->env, &q->timer, q->deadline_ms);
    queue_push(&qs->waiting, &q->queue);
    qs->n_waiting++;
    env_turn_request(qs->env, &qs->turn);
    *ret_q = q;
    return 0;
}

void query_cancel(struct query *q)
{
    q->cb = NULL;
    if (q->state == QUERY_WAITING || q->state == QUERY_GATHERING) {
        query_end(q, ERR_CANCELED);
    } else {
        __atomic_store_n(&q->canceled, 1, __ATOMIC_RELAXED);
    }
}

/* ---- life ---------------------------------------------------------------- */

static void add_metrics(struct queries *qs)
{
    struct metrics *ms = env_metrics(qs->env);
    metric_add(ms, &qs->metrics[0], METRIC_COUNTER, "ostraka_sql_queries_total",
               "SQL statements that were asked of this node.", "",
               &qs->n_queries);
    metric_add(
        ms, &qs->metrics[1], METRIC_COUNTER, "ostraka_sql_refused_total",
        "SQL statements that were wrong, not allowed, beyond a limit, or "
        "one too many.",
        "", &qs->n_refused);
    metric_add(ms, &qs->metrics[2], METRIC_COUNTER, "ostraka_sql_rows_total",
               "Rows that SQL statements were answered with.", "", &qs->n_rows);
    metric_add(
        ms, &qs->metrics[3], METRIC_HISTOGRAM, "ostraka_sql_query_seconds",
        "How long SQL statements took that were answered.", "", &qs->took);
}

int queries_open(struct broker *b, struct queries **ret_qs)
{
    struct queries *qs = mem_calloc(b->mem, 1, sizeof *qs);
    if (qs == NULL) {
        return ERR_NOMEM;
    }
    qs->broker = b;
    qs->env = b->env;
    qs->mem = b->mem;
    queue_init(&qs->waiting);
    queue_init(&qs->reads);
    queue_init(&qs->served);
    env_turn_init(&qs->turn, ENV_TURN_PEERS, on_turn, qs);
    peers_receive(b->peers, PEER_SQL, query_message, qs);
    add_metrics(qs);
    *ret_qs = qs;
    return 0;
}

void queries_close(struct queries *qs, void (*cb)(void *arg), void *arg)
{
    if (qs == NULL) {
        cb(arg);
        return;
    }
    struct query *q = qs->current;
    qs->close_cb = cb;
    qs->close_arg = arg;
    peers_receive(qs->broker->peers, PEER_SQL, NULL, NULL);
    for (unsigned i = 0; i < 4; i++) {
        metric_remove(&qs->metrics[i]);
    }
    while (!queue_empty(&qs->waiting)) {
        query_fail(QUEUE_ENTRY(qs->waiting.next, struct query, queue),
                   ERR_CANCELED, "this node stops");
    }
    if (q != NULL && q->state == QUERY_GATHERING) {
        query_fail(q, ERR_CANCELED, "this node stops");
    }
    qs->closing = true;
    env_turn_cancel(qs->env, &qs->turn);
    if (qs->current != NULL) {
        __atomic_store_n(&qs->current->canceled, 1, __ATOMIC_RELAXED);
    }
    check_closed(qs);
}
