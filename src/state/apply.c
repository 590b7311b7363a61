/* apply.c - commands become transactions, on the state thread. */
#include "base/assert.h"
#include "state/machine_impl.h"

/* A transaction ends after so many commands, or so long. */
#define TRANSACTION_COMMANDS_MAX 1024
#define TRANSACTION_US_MAX       20000

void machine_must(struct machine *m)
{
    struct err err = {""};
    if (db_status(m->db) != 0) {
        db_err(m->db, &err);
        env_fail(m->env, db_status(m->db), "%s: %s", m->name, err.text);
    }
}

static void commit(struct machine *m, uint64_t index, uint64_t term)
{
    m->held.index = index;
    m->held.term = term;
    m->held.hash = db_hash(m->db);
    db_store_applied(m->db, &m->held);
    db_commit(m->db);
    machine_must(m);
}

static void apply_one(struct op *o, unsigned i)
{
    struct machine *m = o->machine;
    const struct machine_command *c = &o->commands[i];
    int rv = m->type->apply(m->db, c, &o->out, &o->changes);
    machine_must(m);
    if (rv != 0 || o->out.status != 0 || o->changes.status != 0) {
        rv = rv != 0              ? rv
             : o->out.status != 0 ? o->out.status
                                  : o->changes.status;
        env_fail(m->env, rv, "%s: apply of index %llu: %s", m->name,
                 (unsigned long long)c->index, err_text(rv));
    }
    o->ends[i] = o->out.len;
}

void op_apply(struct op *o)
{
    struct machine *m = o->machine;
    uint64_t begun = env_now_us_exact(m->env);
    unsigned since = 0;
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
        apply_one(o, i);
        if (++since >= TRANSACTION_COMMANDS_MAX ||
            env_now_us_exact(m->env) - begun >= TRANSACTION_US_MAX) {
            commit(m, o->commands[i].index, o->commands[i].term);
            db_begin(m->db);
            begun = env_now_us_exact(m->env);
            since = 0;
        }
    }
    commit(m, o->upto, o->upto_term);
}
