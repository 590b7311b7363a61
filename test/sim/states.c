/* states.c - see states.h. */
#include "states.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/assert.h"
#include "base/hash.h"
#include "state/cgroup.h"
#include "state/db.h"
#include "state/meta.h"

#define STATES_MAX 32

/* What some image holds at an index. */
struct mark {
    uint64_t term;  /* of the entry, 0: not known */
    uint64_t entry; /* hash of it, 0: not known */
    uint64_t rows;  /* hash of all rows behind it, if `applied` */
    bool applied;
    unsigned node;
};

struct state {
    uint64_t group;
    struct mark *marks; /* by index */
    size_t n_marks;
};

struct states {
    struct world *world;
    struct mem *mem;
    struct state states[STATES_MAX];
    unsigned n;
};

/* One database that is read. */
struct reading {
    struct states *all;
    struct state *state;
    const struct image_group *group;
    struct machine_db *db;
    const struct machine_type *type;
    unsigned node;
};

struct states *states_new(struct world *w, struct mem *mem)
{
    struct states *s = mem_calloc(mem, 1, sizeof *s);

    ASSERT(s != NULL);
    s->world = w;
    s->mem = mem;
    return s;
}

static struct state *state_of(struct states *s, uint64_t group)
{
    for (unsigned i = 0; i < s->n; i++) {
        if (s->states[i].group == group) {
            return &s->states[i];
        }
    }
    ASSERT(s->n < STATES_MAX);
    s->states[s->n] = (struct state){.group = group};
    return &s->states[s->n++];
}

static struct mark *mark_at(struct reading *r, uint64_t index)
{
    struct state *s = r->state;

    if (index >= s->n_marks) {
        size_t n = (size_t)index + 64 + s->n_marks;
        s->marks = mem_realloc(r->all->mem, s->marks, n * sizeof *s->marks);
        ASSERT(s->marks != NULL);
        memset(s->marks + s->n_marks, 0, (n - s->n_marks) * sizeof *s->marks);
        s->n_marks = n;
    }
    return &s->marks[index];
}

static void unsound(const struct reading *r, const char *what)
{
    world_violation(r->all->world, "image-unsound",
                    "group %" PRIu64 " on node %u: %s", r->group->id, r->node,
                    what);
}

/* ---- entries ---------------------------------------------------------------
 */

static const struct entry *entry_of(const struct reading *r, uint64_t index)
{
    const struct image_group *g = r->group;

    return index > g->base.index && index < g->n_entries &&
                   g->entries[index].record != 0
               ? &g->entries[index].entry
               : NULL;
}

/* Same index, same term: the same entry, wherever it is. */
static bool entry_judge(struct reading *r, const struct entry *e)
{
    struct mark *m = mark_at(r, e->index);
    uint64_t v[3] = {(uint64_t)e->kind, (uint64_t)e->time_ms,
                     hash_bytes(e->payload.data, e->payload.len)};
    uint64_t hash = hash_u64s(v, 3) | 1;

    if (m->term == e->term && m->entry != 0 && m->entry != hash) {
        world_violation(r->all->world, "image-changed",
                        "group %" PRIu64 ": nodes %u and %u hold different "
                        "entries %" PRIu64 " of term %" PRIu64,
                        r->group->id, m->node, r->node, e->index, e->term);
        return false;
    }
    if (m->term < e->term) { /* what was there was never committed */
        *m = (struct mark){.term = e->term, .node = r->node};
    }
    if (m->term == e->term) {
        m->entry = hash;
    }
    return m->term == e->term;
}

/* ---- rows ------------------------------------------------------------------
 */

static void rows_judge(struct reading *r, uint64_t index, uint64_t term,
                       uint64_t rows)
{
    struct mark *m = mark_at(r, index);

    if (m->term == 0) {
        m->term = term;
        m->node = r->node;
    }
    if (m->term != term) {
        return;
    }
    if (m->applied && m->rows != rows) {
        world_violation(r->all->world, "state-differs",
                        "group %" PRIu64 ": at index %" PRIu64
                        " the database of node %u differs from that of "
                        "node %u",
                        r->group->id, index, r->node, m->node);
    }
    if (!m->applied) {
        m->applied = true;
        m->rows = rows;
        m->node = r->node;
    }
}

static bool apply(struct reading *r, const struct entry *e)
{
    struct machine_command c = {.index = e->index,
                                .term = e->term,
                                .time_ms = e->time_ms,
                                .payload = e->payload};
    struct buf result, changes;
    int rv = 0;

    buf_init(&result, r->all->mem, 0);
    buf_init(&changes, r->all->mem, 0);
    if (e->kind == ENTRY_COMMAND) {
        rv = r->type->apply(r->db, &c, &result, &changes);
    }
    buf_close(&result);
    buf_close(&changes);
    return rv == 0 && db_status(r->db) == 0;
}

/* What the durable log has beyond the database. */
static void follow(struct reading *r, uint64_t applied)
{
    const struct entry *e;
    bool agreed = true;

    db_begin(r->db);
    while (agreed && (e = entry_of(r, ++applied)) != NULL) {
        agreed = entry_judge(r, e);
        if (!apply(r, e)) {
            unsound(r, "an entry cannot be applied");
            break;
        }
        if (agreed) {
            rows_judge(r, e->index, e->term, db_hash(r->db));
        }
    }
    if (db_scan_hash(r->db) != db_hash(r->db) || db_status(r->db) != 0) {
        unsound(r, "the rows do not have the hash that is kept");
    }
    db_exec(r->db, "ROLLBACK"); /* others read it too */
}

static void judge(struct reading *r)
{
    const struct image_group *g = r->group;
    struct db_applied a;

    db_load_applied(r->db, &a);
    if (db_status(r->db) != 0 || db_scan_hash(r->db) != a.hash) {
        unsound(r, "its rows do not have the hash beside them");
        return;
    }
    db_set_hash(r->db, a.hash);
    if (a.index < g->base.index ||
        (a.index > g->base.index && entry_of(r, a.index) == NULL)) {
        world_violation(r->all->world, "state-ahead",
                        "group %" PRIu64 ": the database of node %u holds "
                        "index %" PRIu64 ", its log begins behind %" PRIu64,
                        g->id, r->node, a.index, g->base.index);
        return;
    }
    rows_judge(r, a.index, a.term, a.hash);
    follow(r, a.index);
}

static void read_one(struct states *s, struct env *e, unsigned node,
                     const struct image_group *g)
{
    struct reading r = {
        .all = s, .state = state_of(s, g->id), .group = g, .node = node};
    struct err err = {""};
    char path[64] = "/data/meta/meta.db";

    r.type = &meta_machine;
    if (g->id != META_GROUP) {
        r.type = &cgroup_machine;
        snprintf(path, sizeof path, "/data/groups/%" PRIu64 ".db",
                 g->id - META_GROUPS_FIRST);
    }
    if (db_open(e, r.type, path, DB_LIVE, true, &r.db, &err) != 0) {
        unsound(&r, err.text);
        return;
    }
    judge(&r);
    db_close(r.db);
}

void states_read(struct states *s, struct env *e, unsigned node,
                 struct image *im)
{
    for (unsigned i = 0; i < im->n_groups && !world_broken(s->world); i++) {
        if (uuid_is_zero(im->groups[i].topic)) {
            read_one(s, e, node, &im->groups[i]);
        }
    }
}
