/* cgroup_offset.c - committed offsets, their history, and commits. */
#include "state/cgroup_impl.h"
#include "wire/errors.h"

/* ---- rows ----------------------------------------------------------------
 */

struct offset_row {
    struct cgroup_offset o;
    struct slice by;
    int64_t seq; /* of the next row of history */
    int64_t noted_ms;
    bool kept; /* this value is in the history */
};

static struct db_value key_topic(const struct uuid *topic)
{
    return db_blob(topic->b, sizeof topic->b);
}

static bool offset_find(struct cgroup_step *s, struct slice group,
                        const struct cgroup_commit_row *c,
                        struct offset_row *ret_r)
{
    const struct db_value key[] = {db_text(group), key_topic(&c->topic),
                                   db_int(c->partition)};
    struct db_rows r = db_query(
        s->db, "SELECT * FROM offsets WHERE grp=? AND topic=? AND part=?", key,
        3);
    *ret_r = (struct offset_row){
        .o = {.topic = c->topic, .partition = c->partition}, .seq = 1};
    if (!db_next(&r)) {
        return false;
    }
    ret_r->o.offset = db_row_int(&r, 3);
    ret_r->o.epoch = (int32_t)db_row_int(&r, 4);
    ret_r->o.metadata = cgroup_keep(s, db_row_bytes(&r, 5));
    ret_r->o.time_ms = db_row_int(&r, 6);
    ret_r->o.expire_ms = db_row_int(&r, 7);
    ret_r->by = cgroup_keep(s, db_row_bytes(&r, 8));
    ret_r->seq = db_row_int(&r, 9);
    ret_r->noted_ms = db_row_int(&r, 10);
    ret_r->kept = db_row_int(&r, 11) != 0;
    db_end(&r);
    return true;
}

static void offset_put(struct cgroup_step *s, struct slice group,
                       const struct offset_row *r)
{
    const struct db_value row[] = {
        db_text(group),       key_topic(&r->o.topic), db_int(r->o.partition),
        db_int(r->o.offset),  db_int(r->o.epoch),     db_text(r->o.metadata),
        db_int(r->o.time_ms), db_int(r->o.expire_ms), db_text(r->by),
        db_int(r->seq),       db_int(r->noted_ms),    db_int(r->kept)};
    db_put(s->db, "offsets", row, 12);
    cgroup_change_offset(s->changes, group, &r->o);
}

/* ---- history -------------------------------------------------------------
 */

static void history_put(struct cgroup_step *s, struct slice group,
                        struct offset_row *r, bool reset)
{
    const struct db_value row[] = {
        db_text(group),         key_topic(&r->o.topic), db_int(r->o.partition),
        db_int(r->seq),         db_int(r->o.offset),    db_int(r->o.epoch),
        db_text(r->o.metadata), db_int(r->o.time_ms),   db_text(r->by),
        db_int(reset)};
    db_put(s->db, "history", row, 10);
    r->seq++;
}

/* Forget what is not above `seq`. */
static void history_trim(struct cgroup_step *s, struct slice group,
                         struct uuid topic, int32_t partition, int64_t seq)
{
    for (;;) {
        const struct db_value key[] = {db_text(group), key_topic(&topic),
                                       db_int(partition), db_int(seq)};
        int64_t found = db_query_int(
            s->db,
            "SELECT seq FROM history WHERE grp=? AND topic=? AND part=? AND "
            "seq<=? LIMIT 1",
            key, 4, 0);
        if (found == 0) {
            return;
        }
        const struct db_value row[] = {key[0], key[1], key[2], db_int(found)};
        db_delete(s->db, "history", row, 4);
    }
}

/* ---- forgetting ----------------------------------------------------------
 */

void cgroup_offset_drop(struct cgroup_step *s, struct slice group,
                        struct uuid topic, int32_t partition)
{
    const struct db_value key[] = {db_text(group), key_topic(&topic),
                                   db_int(partition)};
    db_delete(s->db, "offsets", key, 3);
    history_trim(s, group, topic, partition, INT64_MAX);
    cgroup_change_offset_gone(s->changes, group, topic, partition);
}

struct offset_key {
    struct slice group;
    struct uuid topic;
    int32_t partition;
};

static void note_group(struct cgroup_names *names, struct slice group)
{
    if (names != NULL &&
        (names->n == 0 || !slice_equal(names->names[names->n - 1], group))) {
        names->names[names->n++] = group;
    }
}

bool cgroup_offsets_drop(struct cgroup_step *s, const char *sql,
                         const struct db_value params[], unsigned n_params,
                         unsigned max, struct cgroup_names *ret_groups)
{
    struct db_value p[8];
    unsigned n = 0;
    struct offset_key *keys = cgroup_alloc(s, max, sizeof *keys);
    if (ret_groups != NULL) {
        ret_groups->names = cgroup_alloc(s, max, sizeof *ret_groups->names);
        ret_groups->n = 0;
    }
    if (s->nomem) {
        return false;
    }
    memcpy(p, params, n_params * sizeof *p);
    p[n_params] = db_int(max);
    struct db_rows r = db_query(s->db, sql, p, n_params + 1);
    while (n < max && db_next(&r)) {
        struct slice topic = db_row_bytes(&r, 1);
        struct slice group = db_row_bytes(&r, 0);
        bool same = n > 0 && slice_equal(keys[n - 1].group, group);
        keys[n].group = same ? keys[n - 1].group : cgroup_keep(s, group);
        memcpy(keys[n].topic.b, topic.data, topic.len < 16 ? topic.len : 16);
        keys[n++].partition = (int32_t)db_row_int(&r, 2);
    }
    db_end(&r);
    for (unsigned i = 0; i < n; i++) {
        cgroup_offset_drop(s, keys[i].group, keys[i].topic, keys[i].partition);
        note_group(ret_groups, keys[i].group);
    }
    return n == max && db_status(s->db) == 0;
}

/* ---- commit --------------------------------------------------------------
 */

/* One whose group it is, or anybody while it has no members. */
static bool check_committer(struct cgroup_step *s, const struct cgroup *g,
                            const struct cgroup_commit *c)
{
    struct cgroup_member m;
    if (!cgroup_alive(s, g)) {
        return false;
    }
    if (c->generation < 0 && g->state == CGROUP_EMPTY) {
        return true;
    }
    if (c->generation < 0 && c->member.len == 0 && c->instance.len == 0) {
        return cgroup_fail(s, KERR_UNKNOWN_MEMBER_ID);
    }
    if (c->instance.len > 0) {
        struct cgroup all = *g;
        cgroup_load_members(s, &all);
        if (!cgroup_check_member(s, &all, c->member, c->instance)) {
            return false;
        }
    } else if (!cgroup_load_member(s, g->id, c->member, &m) || m.pending) {
        return cgroup_fail(s, KERR_UNKNOWN_MEMBER_ID);
    }
    if (c->generation != g->generation) {
        return cgroup_fail(s, KERR_ILLEGAL_GENERATION);
    }
    return g->state != CGROUP_COMPLETING ||
           cgroup_fail(s, KERR_REBALANCE_IN_PROGRESS);
}

/* What comes without membership, as a reset by hand does, is always kept, with
 * what it replaces; the rest now and then. */
static void note(struct cgroup_step *s, const struct cgroup_commit *c,
                 struct offset_row *old, struct offset_row *now, bool known)
{
    bool reset = known && c->generation < 0 && c->member.len == 0;
    if (c->history_max == 0) {
        return;
    }
    if (known && !reset &&
        s->now_ms - old->noted_ms < (int64_t)c->history_interval_ms) {
        return;
    }
    if (reset && !old->kept) {
        history_put(s, c->group, old, false);
        now->seq = old->seq;
    }
    history_put(s, c->group, now, reset);
    now->noted_ms = s->now_ms;
    now->kept = true;
    history_trim(s, c->group, now->o.topic, now->o.partition,
                 now->seq - 1 - (int64_t)c->history_max);
}

static void commit_row(struct cgroup_step *s, const struct cgroup_commit *c,
                       const struct cgroup_commit_row *row)
{
    struct offset_row old;
    bool known = offset_find(s, c->group, row, &old);
    struct offset_row now = old;
    now.o.offset = row->offset;
    now.o.epoch = row->epoch;
    now.o.metadata = row->metadata;
    now.o.time_ms = s->now_ms;
    now.o.expire_ms =
        c->retention_ms >= 0 && c->retention_ms <= INT64_MAX - s->now_ms
            ? s->now_ms + c->retention_ms
            : -1;
    now.by = c->by;
    now.kept = false;
    note(s, c, &old, &now, known);
    offset_put(s, c->group, &now);
}

void cgroup_step_commit(struct cgroup_step *s, const struct cgroup_commit *c)
{
    struct cgroup g;
    if (!cgroup_errors(s, c->n_rows)) {
        return;
    }
    bool there = cgroup_load(s, c->group, &g);
    if (!there && c->generation >= 0) {
        cgroup_fail(s,
                    c->v9 ? KERR_GROUP_ID_NOT_FOUND : KERR_ILLEGAL_GENERATION);
        return;
    }
    if (there && !check_committer(s, &g, c)) {
        return;
    }
    if (!there) {
        g.since_ms = s->now_ms;
        cgroup_store(s, &g);
    }
    for (unsigned i = 0; i < c->n_rows; i++) {
        if (c->rows[i].metadata.len > c->metadata_max) {
            s->errors[i] = KERR_OFFSET_METADATA_TOO_LARGE;
        } else {
            commit_row(s, c, &c->rows[i]);
        }
    }
}
