/* sim_job.c - background threads of a node: one queue each; a job runs after a
 * drawn delay, its `done` after another. */
#include "env/sim_impl.h"

struct job_event {
    struct sim_event ev;
    struct env_job *job; /* the node's: only while it lives */
    enum env_thread thread;
};

static void job_start(struct sim_node *n, enum env_thread thread);

static struct job_event *job_event_new(struct sim_node *n, enum sim_kind kind,
                                       enum env_thread thread,
                                       struct env_job *j,
                                       void (*run)(struct sim_event *))
{
    struct job_event *je = sim_event_new(n->sim, sizeof *je, n, kind);

    je->ev.run = run;
    je->ev.len = thread;
    je->job = j;
    je->thread = thread;
    return je;
}

static void job_done(struct sim_event *ev)
{
    struct env_job *j = ((struct job_event *)ev)->job;

    j->done(j);
}

/* Completions of one thread come in its order, since the next job starts
 * later than this one ends. */
static void job_run(struct sim_event *ev)
{
    struct job_event *je = (struct job_event *)ev;
    struct sim_node *n = sim_node_get(ev->sim, ev->id);
    struct sim *s = n->sim;
    struct job_event *done;

    je->job->run(je->job);
    done = job_event_new(n, SIM_KIND_JOB_DONE, je->thread, je->job, job_done);
    sim_event_push(&done->ev, s->now_us);
    n->job_busy[je->thread] = false;
    job_start(n, je->thread);
}

static void job_start(struct sim_node *n, enum env_thread thread)
{
    struct sim *s = n->sim;
    struct queue *q;
    struct job_event *je;

    if (n->job_busy[thread]) {
        return;
    }
    q = queue_pop(&n->jobs[thread]);
    if (q == NULL) {
        return;
    }
    n->job_busy[thread] = true;
    je = job_event_new(n, SIM_KIND_JOB_RUN, thread,
                       QUEUE_ENTRY(q, struct env_job, queue), job_run);
    sim_event_push(&je->ev,
                   s->now_us + n->slow_disk_us +
                       sim_draw(s, s->o.disk_min_us, s->o.disk_max_us));
}

void sim_job_submit(struct env *e, enum env_thread thread, struct env_job *j)
{
    struct sim_node *n = sim_node_of(e);

    queue_push(&n->jobs[thread], &j->queue);
    job_start(n, thread);
}
