/* cgroup_row.c - a group and its members, between tables and a decision. */
#include "base/assert.h"
#include "state/cgroup_impl.h"

/* ---- loading -------------------------------------------------------------
 */

bool cgroup_load(struct cgroup_step *s, struct slice id, struct cgroup *g)
{
    const struct db_value key = db_text(id);
    struct db_rows r =
        db_query(s->db, "SELECT * FROM groups WHERE id=?", &key, 1);
    *g = (struct cgroup){.id = id};
    if (!db_next(&r)) {
        return false;
    }
    g->stored = true;
    g->state = (enum cgroup_state)db_row_int(&r, 1);
    g->generation = (int32_t)db_row_int(&r, 2);
    g->round = db_row_int(&r, 3);
    g->protocol_type = cgroup_keep(s, db_row_bytes(&r, 4));
    g->protocol = cgroup_keep(s, db_row_bytes(&r, 5));
    g->leader = cgroup_keep(s, db_row_bytes(&r, 6));
    g->since_ms = db_row_int(&r, 7);
    g->begun_ms = db_row_int(&r, 8);
    g->due_ms = db_row_int(&r, 9);
    g->initial_ms = (uint32_t)db_row_int(&r, 10);
    g->fresh = db_row_int(&r, 11) != 0;
    db_end(&r);
    return true;
}

static void member_row(struct cgroup_step *s, const struct db_rows *r,
                       struct cgroup_member *m)
{
    *m = (struct cgroup_member){
        .id = cgroup_keep(s, db_row_bytes(r, 1)),
        .instance = cgroup_keep(s, db_row_bytes(r, 2)),
        .client_id = cgroup_keep(s, db_row_bytes(r, 3)),
        .client_host = cgroup_keep(s, db_row_bytes(r, 4)),
        .session_ms = (uint32_t)db_row_int(r, 5),
        .rebalance_ms = (uint32_t)db_row_int(r, 6),
        .pending = db_row_int(r, 7) != 0,
        .joined = db_row_int(r, 8) != 0,
        .touched = (uint64_t)db_row_int(r, 9),
        .protocols = cgroup_keep(s, db_row_bytes(r, 10)),
        .assignment = cgroup_keep(s, db_row_bytes(r, 11)),
        .stored = true};
}

void cgroup_load_members(struct cgroup_step *s, struct cgroup *g)
{
    const struct db_value key = db_text(g->id);
    struct db_rows r = db_query(
        s->db, "SELECT * FROM members WHERE grp=? ORDER BY id", &key, 1);
    while (db_next(&r)) {
        struct cgroup_member *m = cgroup_add(s, g);
        if (m == NULL) {
            break;
        }
        member_row(s, &r, m);
    }
    db_end(&r);
}

bool cgroup_load_member(struct cgroup_step *s, struct slice group,
                        struct slice id, struct cgroup_member *m)
{
    const struct db_value key[] = {db_text(group), db_text(id)};
    struct db_rows r =
        db_query(s->db, "SELECT * FROM members WHERE grp=? AND id=?", key, 2);
    bool found = db_next(&r);
    if (found) {
        member_row(s, &r, m);
    }
    db_end(&r);
    return found;
}

/* ---- the members at hand -------------------------------------------------
 */

struct cgroup_member *cgroup_find(const struct cgroup *g, struct slice id)
{
    for (unsigned i = 0; i < g->n; i++) {
        if (!g->members[i].gone && slice_equal(g->members[i].id, id)) {
            return &g->members[i];
        }
    }
    return NULL;
}

struct cgroup_member *cgroup_find_instance(const struct cgroup *g,
                                           struct slice instance)
{
    for (unsigned i = 0; i < g->n && instance.len > 0; i++) {
        if (!g->members[i].gone &&
            slice_equal(g->members[i].instance, instance)) {
            return &g->members[i];
        }
    }
    return NULL;
}

struct cgroup_member *cgroup_add(struct cgroup_step *s, struct cgroup *g)
{
    if (g->n == g->cap) {
        unsigned cap = g->cap == 0 ? 16 : 2 * g->cap;
        struct cgroup_member *m = cgroup_alloc(s, cap, sizeof *m);
        if (m == NULL) {
            return NULL;
        }
        if (g->n > 0) {
            memcpy(m, g->members, g->n * sizeof *m);
        }
        g->members = m;
        g->cap = cap;
    }
    struct cgroup_member *m = &g->members[g->n++];
    *m = (struct cgroup_member){.dirty = true};
    return m;
}

/* ---- storing -------------------------------------------------------------
 */

static void put_group(struct cgroup_step *s, const struct cgroup *g)
{
    const struct db_value row[] = {
        db_text(g->id),     db_int(g->state),          db_int(g->generation),
        db_int(g->round),   db_text(g->protocol_type), db_text(g->protocol),
        db_text(g->leader), db_int(g->since_ms),       db_int(g->begun_ms),
        db_int(g->due_ms),  db_int(g->initial_ms),     db_int(g->fresh)};
    db_put(s->db, "groups", row, 12);
    cgroup_change_group(s->changes, g);
}

static void put_member(struct cgroup_step *s, const struct cgroup *g,
                       const struct cgroup_member *m)
{
    const struct db_value row[] = {
        db_text(g->id),
        db_text(m->id),
        db_text(m->instance),
        db_text(m->client_id),
        db_text(m->client_host),
        db_int(m->session_ms),
        db_int(m->rebalance_ms),
        db_int(m->pending),
        db_int(m->joined),
        db_int((int64_t)m->touched),
        db_blob(m->protocols.data, m->protocols.len),
        db_blob(m->assignment.data, m->assignment.len)};
    db_put(s->db, "members", row, 12);
    cgroup_change_member(s->changes, g->id, m);
}

static void delete_member(struct cgroup_step *s, struct slice group,
                          struct slice id)
{
    const struct db_value key[] = {db_text(group), db_text(id)};
    db_delete(s->db, "members", key, 2);
    cgroup_change_member_gone(s->changes, group, id);
}

/* Ids were given out and never used: such a group leaves nothing behind. */
static bool is_void(struct cgroup_step *s, const struct cgroup *g)
{
    for (unsigned i = 0; i < g->n; i++) {
        if (!g->members[i].gone) {
            return false;
        }
    }
    return g->state == CGROUP_EMPTY && g->generation == 0 &&
           !cgroup_has_offsets(s, g->id);
}

void cgroup_store(struct cgroup_step *s, struct cgroup *g)
{
    bool left = false;
    for (unsigned i = 0; i < g->n; i++) {
        struct cgroup_member *m = &g->members[i];
        if (m->gone && m->stored) {
            delete_member(s, g->id, m->id);
            left = true;
        }
    }
    if (left && is_void(s, g)) {
        cgroup_drop(s, g->id);
        return;
    }
    if (g->dirty || !g->stored) {
        put_group(s, g);
    }
    for (unsigned i = 0; i < g->n; i++) {
        if (g->members[i].dirty && !g->members[i].gone) {
            put_member(s, g, &g->members[i]);
        }
    }
}

/* ---- the whole of it -----------------------------------------------------
 */

bool cgroup_has_offsets(struct cgroup_step *s, struct slice id)
{
    const struct db_value key = db_text(id);
    return db_query_int(s->db, "SELECT 1 FROM offsets WHERE grp=? LIMIT 1",
                        &key, 1, 0) != 0;
}

void cgroup_drop(struct cgroup_step *s, struct slice id)
{
    const struct db_value key = db_text(id);
    struct cgroup g = {.id = id};
    cgroup_load_members(s, &g);
    for (unsigned i = 0; i < g.n; i++) {
        delete_member(s, id, g.members[i].id);
    }
    while (cgroup_offsets_drop(
        s, "SELECT grp,topic,part FROM offsets WHERE grp=? LIMIT ?", &key, 1,
        CGROUP_DELETE_MAX, NULL)) {
    }
    db_delete(s->db, "groups", &key, 1);
    cgroup_change_group_gone(s->changes, id);
}
