/* drop.c - files of groups that are no more, and that nobody opened.
 *
 *   recovered, its topic deleted:  GROUP_DROP -> durable -> directory removed
 *   directory without a group:     the node died between the last two steps;
 *                                  the owner of all groups says that it is
 *                                  nobody's, then it is removed
 *   removing failed:               what is left is a directory without a group
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "env/file.h"
#include "replica/impl.h"

#define NAME_LEN 16 /* hexadecimal */
/* Between a removal that failed and the next: doubled each time. */
#define AGAIN_MS_MIN 2000
#define AGAIN_MS_MAX 600000

struct leftover {
    struct queue queue; /* of a sweep's list */
    struct replicas *all;
    struct env_job job;
    struct durable_wait wait;
    uint64_t group;
    int status;
};

struct sweep {
    struct replicas *all;
    struct env_job job;
    struct queue found; /* struct leftover */
    int status;
};

/* ---- removing ------------------------------------------------------------ */

int drop_files(struct env *e, const char *dir)
{
    int rv = store_remove(e, dir);
    if (rv != 0) {
        trace_warn(env_trace(e), "replica.remove",
                   "dir=%s error=\"%s\" do=\"nothing: it is tried again\"", dir,
                   err_text(rv));
    }
    return rv;
}

static void on_again(struct env_timer *t)
{
    struct replicas *rs = t->data;
    replicas_sweep(rs, rs->is_gone, rs->is_gone_arg);
}

void drop_init(struct replicas *rs)
{
    env_timer_init(&rs->again, on_again, rs);
    rs->again_ms = AGAIN_MS_MIN;
}

void drop_tried(struct replicas *rs, int status)
{
    uint64_t ms = rs->again_ms;
    if (status == 0) {
        rs->again_ms = AGAIN_MS_MIN;
    } else if (rs->is_gone != NULL) { /* else the first sweep comes yet */
        rs->again_ms = ms * 2 < AGAIN_MS_MAX ? ms * 2 : AGAIN_MS_MAX;
        env_timer_start(rs->env, &rs->again, env_now_ms(rs->env) + ms);
    }
}

static void remove_run(struct env_job *job)
{
    struct leftover *l = job->data;
    char dir[REPLICA_PATH_MAX];
    int n =
        snprintf(dir, sizeof dir, "%s/p/%016" PRIx64, l->all->dir, l->group);
    l->status = n < 0 || (size_t)n >= sizeof dir ? ERR_TOOBIG
                                                 : drop_files(job->env, dir);
}

static void sweep_start(struct replicas *rs);

static void remove_done(struct env_job *job)
{
    struct leftover *l = job->data;
    struct replicas *rs = l->all;
    drop_tried(rs, l->status);
    mem_free(rs->mem, l);
    rs->dropping--;
    sweep_start(rs);
    replicas_rest(rs);
}

static void remove_start(void *arg)
{
    struct leftover *l = arg;
    env_job_submit(l->all->env, ENV_THREAD_WORK, &l->job, remove_run,
                   remove_done, l);
}

static struct leftover *leftover_new(struct replicas *rs, uint64_t group)
{
    struct leftover *l = mem_calloc(rs->mem, 1, sizeof *l);
    if (l != NULL) {
        *l = (struct leftover){.all = rs, .group = group};
        queue_init(&l->queue);
    }
    return l;
}

int replica_drop(struct replicas *rs, uint64_t group)
{
    struct leftover *l = leftover_new(rs, group);
    uint64_t seq;
    int rv =
        l == NULL ? ERR_NOMEM : journal_group_drop(rs->journal, group, &seq);
    if (rv != 0) {
        mem_free(rs->mem, l);
        return rv;
    }
    rs->dropping++;
    replicas_wait(rs, &l->wait, seq, remove_start, l);
    return 0;
}

/* ---- looking for what was left ------------------------------------------- */

static int on_name(void *arg, const char *name, bool dir)
{
    struct sweep *s = arg;
    char *end;
    uint64_t group = strtoull(name, &end, 16);
    struct leftover *l;
    if (!dir || end != name + NAME_LEN || *end != '\0') {
        return 0; /* not ours */
    }
    l = leftover_new(s->all, group);
    if (l != NULL) {
        queue_push(&s->found, &l->queue);
    }
    return 0;
}

static void list_run(struct env_job *job)
{
    struct sweep *s = job->data;
    char path[REPLICA_PATH_MAX];
    int n = snprintf(path, sizeof path, "%s/p", s->all->dir);
    if (n > 0 && (size_t)n < sizeof path) {
        s->status = env_list_dir(job->env, path, on_name, s);
        if (s->status == 0) { /* that may be what failed */
            s->status = env_sync_dir(job->env, path);
        }
    }
}

static void list_done(struct env_job *job)
{
    struct sweep *s = job->data;
    struct replicas *rs = s->all;
    struct queue *q;
    while ((q = queue_pop(&s->found)) != NULL) {
        struct leftover *l = QUEUE_ENTRY(q, struct leftover, queue);
        if (!rs->closing && rs->is_gone != NULL &&
            map_find_u64(rs->map, l->group) == NULL &&
            rs->is_gone(rs->is_gone_arg, l->group)) {
            trace_info(env_trace(rs->env), "replica.leftover", "group=%" PRIu64,
                       l->group);
            rs->dropping++;
            remove_start(l);
        } else {
            mem_free(rs->mem, l);
        }
    }
    if (s->status != 0) {
        drop_tried(rs, s->status);
    }
    mem_free(rs->mem, s);
    rs->dropping--;
    replicas_rest(rs);
}

/* What is dropped now has its DROP on the way: that comes first. */
static void sweep_start(struct replicas *rs)
{
    struct sweep *s = rs->sweep;
    if (s == NULL || rs->dropping > 0 || rs->closing) {
        return;
    }
    rs->sweep = NULL;
    rs->dropping++;
    env_job_submit(rs->env, ENV_THREAD_WORK, &s->job, list_run, list_done, s);
}

void replicas_sweep(struct replicas *rs,
                    bool (*is_gone)(void *arg, uint64_t group), void *arg)
{
    struct sweep *s = mem_calloc(rs->mem, 1, sizeof *s);
    rs->is_gone = is_gone;
    rs->is_gone_arg = arg;
    if (s == NULL) {
        return; /* the next start looks again */
    }
    *s = (struct sweep){.all = rs};
    queue_init(&s->found);
    mem_free(rs->mem, rs->sweep);
    rs->sweep = s;
    sweep_start(rs);
}

void replicas_sweep_end(struct replicas *rs)
{
    rs->is_gone = NULL;
    env_timer_stop(rs->env, &rs->again);
}
