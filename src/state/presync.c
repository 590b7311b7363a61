/* presync.c - syncs of SQLite's log beside the ops.
 *
 * Commits are not synced: the Raft log holds what they say. A checkpoint syncs
 * all of them, and that is megabytes after a storm of commits. On the state
 * thread everybody would wait for it, and on the disk every journal would, all
 * the more as the shards of a node, and its peers, come to their checkpoints
 * at the same time. So the log is synced in steps as it grows, and once more
 * before a checkpoint begins, all on ENV_THREAD_WORK while commands are
 * applied. What these syncs do not see the checkpoint's own does.
 */
#include <stdio.h>

#include "base/assert.h"
#include "env/file.h"
#include "state/machine_impl.h"

/* So many bytes of growth are a step. */
#define STEP (UINT64_C(1) << 20)

static void on_run(struct env_job *j)
{
    struct machine *m = j->data;
    struct presync *p = &m->presync;
    struct bfile *f = NULL;
    char path[MACHINE_PATH_MAX + 4];
    snprintf(path, sizeof path, "%s-wal", m->path);
    p->status = 0;
    /* Where it cannot be opened there is none, or too little of something: the
     * checkpoint will see. */
    if (bfile_open(m->env, path, FILE_WRITE, &f, NULL) == 0) {
        p->status = bfile_sync(f);
        bfile_close(f);
    }
}

static void on_done(struct env_job *j);

static void begin(struct machine *m, struct op *checkpoint)
{
    ASSERT(!m->presync.active);
    m->presync.active = true;
    m->presync.checkpoint = checkpoint;
    env_job_submit(m->env, ENV_THREAD_WORK, &m->presync.job, on_run, on_done,
                   m);
}

static void on_done(struct env_job *j)
{
    struct machine *m = j->data;
    struct presync *p = &m->presync;
    struct op *checkpoint = p->checkpoint, *next = p->next, *last = p->last;
    if (p->status != 0) {
        env_fail(m->env, p->status, "%s: sync %s-wal: %s", m->name, m->path,
                 err_text(p->status));
    }
    p->active = false;
    p->checkpoint = NULL;
    if (checkpoint != NULL) {
        op_push(checkpoint);
    }
    if (next != NULL) {
        p->next = NULL;
        begin(m, next);
    } else if (last != NULL) {
        p->last = NULL;
        op_push(last);
    }
}

void presync_step(struct machine *m)
{
    struct presync *p = &m->presync;
    uint64_t written = m->db == NULL ? 0 : db_log_bytes(m->db);
    if (written < p->upto) {
        p->upto = 0; /* another connection */
    }
    if (written - p->upto >= STEP && !p->active && !m->closing) {
        p->upto = written;
        begin(m, NULL);
    }
}

void presync_checkpoint(struct machine *m, struct op *o)
{
    struct presync *p = &m->presync;
    if (!p->active) {
        begin(m, o);
    } else if (p->checkpoint == NULL && p->next == NULL) {
        p->next = o;
    } else {
        op_push(o); /* right behind another one: there is little to sync */
    }
}

void presync_close(struct machine *m, struct op *o)
{
    if (m->presync.active) {
        m->presync.last = o;
    } else {
        op_push(o);
    }
}
