/* apply.c - commands become transactions, on the state thread. */
#include "base/assert.h"
#include "state/machine_impl.h"

/* A transaction ends after so many commands, or so long. */
#define TRANSACTION_COMMANDS_MAX 1024
#define TRANSACTION_US_MAX       20000

void machine_break(struct op *o)
{
    struct machine *m = o->machine;
    if (m->watcher == NULL) {
        env_fail(m->env, ERR_CORRUPT, "%s: %s", m->name, o->err.text);
    }
    m->broken = o->broke = true;
    o->status = ERR_CORRUPT;
}

bool machine_must(struct op *o)
{
    struct machine *m = o->machine;
    int rv = db_status(m->db);
    if (rv == 0) {
        return true;
    }
    db_err(m->db, &o->err);
    if (rv != ERR_CORRUPT) {
        env_fail(m->env, rv, "%s: %s", m->name, o->err.text);
    }
    machine_break(o);
    return false;
}

static bool commit(struct op *o, uint64_t index, uint64_t term)
{
    struct machine *m = o->machine;
    m->held.index = index;
    m->held.term = term;
    m->held.hash = db_hash(m->db);
    db_store_applied(m->db, &m->held);
    db_commit(m->db);
    return machine_must(o);
}

/* Everything below `upto` is applied: note the points up to there. */
static void note_points(struct op *o, uint64_t *at, uint64_t upto)
{
    uint64_t next = (*at / MACHINE_POINT_EVERY + 1) * MACHINE_POINT_EVERY;
    for (; next <= upto; next += MACHINE_POINT_EVERY) {
        if (o->n_points == MACHINE_POINTS_MAX) {
            memmove(o->points, o->points + 1,
                    (MACHINE_POINTS_MAX - 1) * sizeof *o->points);
            o->n_points--;
        }
        o->points[o->n_points++] =
            (struct machine_point){next, db_hash(o->machine->db)};
    }
    *at = upto;
}

static bool apply_one(struct op *o, unsigned i)
{
    struct machine *m = o->machine;
    const struct machine_command *c = &o->commands[i];
    int rv = m->type->apply(m->db, c, &o->out, &o->changes);
    if (!machine_must(o)) {
        return false;
    }
    if (rv != 0 || o->out.status != 0 || o->changes.status != 0) {
        rv = rv != 0              ? rv
             : o->out.status != 0 ? o->out.status
                                  : o->changes.status;
        env_fail(m->env, rv, "%s: apply of index %llu: %s", m->name,
                 (unsigned long long)c->index, err_text(rv));
    }
    o->ends[i] = o->out.len;
    return true;
}

void op_apply(struct op *o)
{
    struct machine *m = o->machine;
    uint64_t begun = env_now_us_exact(m->env);
    uint64_t at = m->held.index;
    unsigned since = 0;
    if (m->db == NULL || m->broken) {
        o->skipped = true;
        return;
    }
    if (o->upto <= m->held.index) {
        /* All of it is in an image that was installed meanwhile. */
        memset(o->ends, 0, o->n * sizeof *o->ends);
        o->n_skipped = o->n;
        return;
    }
    db_begin(m->db);
    for (unsigned i = 0; i < o->n; i++) {
        if (o->commands[i].index <= m->held.index) {
            o->ends[i] = 0;
            o->n_skipped++;
            continue;
        }
        note_points(o, &at, o->commands[i].index - 1);
        if (!apply_one(o, i)) {
            return;
        }
        note_points(o, &at, o->commands[i].index);
        if (++since >= TRANSACTION_COMMANDS_MAX ||
            env_now_us_exact(m->env) - begun >= TRANSACTION_US_MAX) {
            if (!commit(o, o->commands[i].index, o->commands[i].term)) {
                return;
            }
            db_begin(m->db);
            begun = env_now_us_exact(m->env);
            since = 0;
        }
    }
    note_points(o, &at, o->upto);
    if (commit(o, o->upto, o->upto_term)) {
        o->applied = m->held;
    }
}

void op_read(struct op *o)
{
    struct machine *m = o->machine;
    if (m->db == NULL || m->broken) {
        o->status = ERR_NOTREADY;
        return;
    }
    o->read(m->db, o->arg);
    if (machine_must(o)) {
        o->applied = m->held;
    }
}
