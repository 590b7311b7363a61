/* system_job.c - the three background threads: started when first needed, fed
 * by a mailbox each, answering through one, which takes calls of threads that
 * are not ours as well. */
#include "env/system_impl.h"

#include <string.h>
#include <sys/resource.h>

#include "base/assert.h"

void sys_jobs_init(struct system *sys)
{
    pthread_mutex_init(&sys->jobs_lock, NULL);
    queue_init(&sys->jobs_done);
    queue_init(&sys->calls);
    for (unsigned i = 0; i < ENV_THREADS; i++) {
        struct sys_worker *w = &sys->workers[i];
        *w = (struct sys_worker){.sys = sys};
        queue_init(&w->jobs);
    }
}

/* The next job, or NULL when told to stop. Blocks. */
static struct env_job *worker_take(struct sys_worker *w)
{
    struct queue *q;

    pthread_mutex_lock(&w->lock);
    while ((q = queue_pop(&w->jobs)) == NULL && !w->stop) {
        pthread_cond_wait(&w->work, &w->lock);
    }
    pthread_mutex_unlock(&w->lock);
    return q == NULL ? NULL : QUEUE_ENTRY(q, struct env_job, queue);
}

static void worker_finish(struct system *sys, struct env_job *j)
{
    pthread_mutex_lock(&sys->jobs_lock);
    queue_push(&sys->jobs_done, &j->queue);
    pthread_mutex_unlock(&sys->jobs_lock);
    uv_async_send(&sys->wake);
}

/* Queries may be starved, and never starve: Linux takes this for the thread
 * that calls, and cuts what is too much. Should it be refused, they are no
 * worse than others. */
#define QUERY_NICE 10

static void *worker_main(void *arg)
{
    struct sys_worker *w = arg;
    struct env_job *j;

    sys_thread_begin(w->sys);
    if (w == &w->sys->workers[ENV_THREAD_QUERY]) {
        (void)setpriority(PRIO_PROCESS, 0,
                          getpriority(PRIO_PROCESS, 0) + QUERY_NICE);
    }
    while ((j = worker_take(w)) != NULL) {
        j->run(j);
        worker_finish(w->sys, j);
    }
    return NULL;
}

static void worker_start(struct sys_worker *w, enum env_thread which)
{
    static const char *const names[ENV_THREADS] = {"state", "work", "query"};
    sigset_t before;
    int rc;

    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->work, NULL);
    sys_signals_block(&before);
    rc = pthread_create(&w->thread, NULL, worker_main, w);
    sys_signals_restore(&before);
    if (rc != 0) {
        env_die(&w->sys->env, "cannot start thread %s: %s", names[which],
                strerror(rc));
    }
    pthread_setname_np(w->thread, names[which]);
    w->started = true;
}

void sys_job_submit(struct env *e, enum env_thread thread, struct env_job *j)
{
    struct system *sys = sys_of(e);
    struct sys_worker *w = &sys->workers[thread];

    if (!w->started) {
        worker_start(w, thread);
    }
    sys->n_jobs++;
    pthread_mutex_lock(&w->lock);
    queue_push(&w->jobs, &j->queue);
    pthread_cond_signal(&w->work);
    pthread_mutex_unlock(&w->lock);
}

void env_system_post(struct env *e, struct env_system_call *c)
{
    struct system *sys = sys_of(e);

    pthread_mutex_lock(&sys->jobs_lock);
    ASSERT(!c->posted);
    c->posted = true;
    queue_push(&sys->calls, &c->queue);
    pthread_mutex_unlock(&sys->jobs_lock);
    uv_async_send(&sys->wake);
}

void env_system_unpost(struct env *e, struct env_system_call *c)
{
    struct system *sys = sys_of(e);

    pthread_mutex_lock(&sys->jobs_lock);
    if (c->posted) {
        queue_remove(&c->queue);
        c->posted = false;
    }
    pthread_mutex_unlock(&sys->jobs_lock);
}

void sys_jobs_collect(struct system *sys)
{
    struct queue done, calls, *q;

    pthread_mutex_lock(&sys->jobs_lock);
    queue_move(&sys->jobs_done, &done);
    queue_move(&sys->calls, &calls);
    pthread_mutex_unlock(&sys->jobs_lock);
    while ((q = queue_pop(&calls)) != NULL) {
        struct env_system_call *c =
            QUEUE_ENTRY(q, struct env_system_call, queue);
        c->posted = false;
        c->cb(c);
    }
    while ((q = queue_pop(&done)) != NULL) {
        struct env_job *j = QUEUE_ENTRY(q, struct env_job, queue);
        ASSERT(sys->n_jobs > 0);
        sys->n_jobs--;
        j->done(j);
    }
}

void sys_jobs_close(struct system *sys)
{
    for (unsigned i = 0; i < ENV_THREADS; i++) {
        struct sys_worker *w = &sys->workers[i];
        if (!w->started) {
            continue;
        }
        pthread_mutex_lock(&w->lock);
        w->stop = true;
        pthread_cond_signal(&w->work);
        pthread_mutex_unlock(&w->lock);
        pthread_join(w->thread, NULL);
        pthread_cond_destroy(&w->work);
        pthread_mutex_destroy(&w->lock);
        w->started = false;
    }
}
