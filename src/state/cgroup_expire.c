/* cgroup_expire.c - offsets and groups that are deleted: by request, with
 * their topic, or by age. */
#include "state/cgroup_impl.h"
#include "wire/errors.h"

/* ---- by request ----------------------------------------------------------
 */

static bool is_consumer(const struct cgroup *g)
{
    return slice_equal(g->protocol_type, slice_str("consumer"));
}

void cgroup_step_offset_delete(struct cgroup_step *s, struct slice group,
                               int32_t generation,
                               const struct cgroup_delete_row r[], unsigned n)
{
    struct cgroup g;
    if (!cgroup_errors(s, n)) {
        return;
    }
    if (!cgroup_load(s, group, &g)) {
        cgroup_fail(s, KERR_GROUP_ID_NOT_FOUND);
        return;
    }
    if (!cgroup_alive(s, &g)) {
        return;
    }
    bool active = g.state != CGROUP_EMPTY;
    if (active && !is_consumer(&g)) {
        cgroup_fail(s, KERR_NON_EMPTY_GROUP);
        return;
    }
    if (active && g.generation != generation) {
        cgroup_fail(s, KERR_REBALANCE_IN_PROGRESS);
        return;
    }
    for (unsigned i = 0; i < n; i++) {
        if (active && r[i].subscribed) {
            s->errors[i] = KERR_GROUP_SUBSCRIBED_TO_TOPIC;
        } else {
            cgroup_offset_drop(s, group, r[i].topic, r[i].partition);
        }
    }
}

/* From now on nobody enters it, and what is left of it only goes: also when
 * whoever asked for that is gone, and under the next leader. */
static void mark_dead(struct cgroup_step *s, struct cgroup *g)
{
    if (g->state == CGROUP_DEAD) {
        return;
    }
    cgroup_load_members(s, g);
    for (unsigned i = 0; i < g->n; i++) {
        g->members[i].gone = true; /* mere ids */
    }
    g->state = CGROUP_DEAD;
    g->since_ms = s->now_ms;
    g->dirty = true;
    cgroup_store(s, g);
}

void cgroup_step_delete(struct cgroup_step *s, struct slice group, uint32_t max)
{
    const struct db_value key = db_text(group);
    struct cgroup g;
    max = max < CGROUP_DELETE_MAX ? max : CGROUP_DELETE_MAX;
    if (!cgroup_load(s, group, &g)) {
        cgroup_fail(s, KERR_GROUP_ID_NOT_FOUND);
    } else if (g.state != CGROUP_EMPTY && g.state != CGROUP_DEAD) {
        cgroup_fail(s, KERR_NON_EMPTY_GROUP);
    } else if (max > 0 &&
               cgroup_offsets_drop(s,
                                   "SELECT grp,topic,part FROM offsets WHERE "
                                   "grp=? ORDER BY topic,part LIMIT ?",
                                   &key, 1, max, NULL)) {
        mark_dead(s, &g);
        s->result.more = true;
    } else if (!s->nomem) {
        cgroup_drop(s, group);
    }
}

/* ---- groups that hold nothing --------------------------------------------
 */

static void drop_if_void(struct cgroup_step *s, struct slice id)
{
    struct cgroup g;
    if (!cgroup_load(s, id, &g) || g.state != CGROUP_EMPTY ||
        cgroup_has_offsets(s, id)) {
        return;
    }
    cgroup_load_members(s, &g);
    if (g.n == 0) {
        cgroup_drop(s, id);
    }
}

static void drop_all_void(struct cgroup_step *s, const struct cgroup_names *n)
{
    for (unsigned i = 0; i < n->n; i++) {
        drop_if_void(s, n->names[i]);
    }
}

/* Those that have neither members nor offsets. */
static bool drop_idle(struct cgroup_step *s)
{
    struct cgroup_names names = {
        cgroup_alloc(s, CGROUP_DELETE_MAX, sizeof *names.names), 0};
    const struct db_value max = db_int(CGROUP_DELETE_MAX);
    if (names.names == NULL) {
        return false;
    }
    struct db_rows r = db_query(
        s->db,
        "SELECT id FROM groups WHERE state=0 AND NOT EXISTS("
        "SELECT 1 FROM offsets WHERE grp=groups.id) AND NOT EXISTS("
        "SELECT 1 FROM members WHERE grp=groups.id) ORDER BY id LIMIT ?",
        &max, 1);
    while (names.n < CGROUP_DELETE_MAX && db_next(&r)) {
        names.names[names.n++] = cgroup_keep(s, db_row_bytes(&r, 0));
    }
    db_end(&r);
    drop_all_void(s, &names);
    return names.n == CGROUP_DELETE_MAX;
}

/* ---- with their topic ----------------------------------------------------
 */

void cgroup_step_topic_deleted(struct cgroup_step *s, struct uuid topic)
{
    struct cgroup_names names;
    const struct db_value key = db_blob(topic.b, sizeof topic.b);
    s->result.more = cgroup_offsets_drop(
        s,
        "SELECT grp,topic,part FROM offsets WHERE topic=? ORDER BY grp,part "
        "LIMIT ?",
        &key, 1, CGROUP_DELETE_MAX, &names);
    if (!s->nomem) {
        drop_all_void(s, &names);
    }
}

/* ---- by age --------------------------------------------------------------
 *
 * A group that had members: all its offsets together, from when the last one
 * left. One that never had: each from its own commit. Where the commit named a
 * time of its own, that holds. */
static const char aged[] =
    "SELECT o.grp,o.topic,o.part FROM offsets o JOIN groups g ON g.id=o.grp "
    "WHERE g.state=0 AND CASE WHEN o.expire>=0 THEN o.expire<=? "
    "WHEN g.protocol_type<>'' THEN g.since<=? ELSE o.time<=? END "
    "ORDER BY o.grp,o.topic,o.part LIMIT ?";

static bool is_subscribed(const struct cgroup_offsets_expire *c,
                          struct slice topic)
{
    for (unsigned i = 0; i < c->n_subscribed; i++) {
        if (slice_equal(slice_of(c->subscribed[i].b, 16), topic)) {
            return true;
        }
    }
    return false;
}

struct aged_key {
    struct uuid topic;
    int32_t partition;
};

/* Of a group at work: topics that nobody subscribes to any more. */
static void expire_active(struct cgroup_step *s,
                          const struct cgroup_offsets_expire *c,
                          int64_t before_ms)
{
    struct cgroup g;
    unsigned n = 0;
    if (!cgroup_load(s, c->group, &g) || g.state != CGROUP_STABLE ||
        g.generation != c->generation || !is_consumer(&g)) {
        return;
    }
    struct aged_key *keys = cgroup_alloc(s, CGROUP_DELETE_MAX, sizeof *keys);
    if (keys == NULL) {
        return;
    }
    const struct db_value p[] = {db_text(c->group), db_int(s->now_ms),
                                 db_int(before_ms)};
    struct db_rows r = db_query(
        s->db,
        "SELECT topic,part FROM offsets WHERE grp=? AND CASE WHEN expire>=0 "
        "THEN expire<=? ELSE time<=? END ORDER BY topic,part",
        p, 3);
    while (n < CGROUP_DELETE_MAX && db_next(&r)) {
        struct slice topic = db_row_bytes(&r, 0);
        if (topic.len == 16 && !is_subscribed(c, topic)) {
            memcpy(keys[n].topic.b, topic.data, topic.len);
            keys[n++].partition = (int32_t)db_row_int(&r, 1);
        }
    }
    db_end(&r);
    for (unsigned i = 0; i < n; i++) {
        cgroup_offset_drop(s, c->group, keys[i].topic, keys[i].partition);
    }
    s->result.more = n == CGROUP_DELETE_MAX;
}

void cgroup_step_offsets_expire(struct cgroup_step *s,
                                const struct cgroup_offsets_expire *c)
{
    struct cgroup_names names;
    int64_t before_ms = s->now_ms - (c->retention_ms < 0 ? 0 : c->retention_ms);
    if (c->group.len > 0) {
        expire_active(s, c, before_ms);
        return;
    }
    const struct db_value p[] = {db_int(s->now_ms), db_int(before_ms),
                                 db_int(before_ms)};
    bool more = cgroup_offsets_drop(s, aged, p, 3, CGROUP_DELETE_MAX, &names);
    if (s->nomem) {
        return;
    }
    drop_all_void(s, &names);
    s->result.more = drop_idle(s) || more;
}
