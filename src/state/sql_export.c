/* sql_export.c - a shard's rows for a statement, read on the state thread,
 * where every shard's commands wait meanwhile: so in pieces. A piece ends
 * before a row that it does not take; the next one begins with that row's key,
 * by an index (EXPLAIN QUERY PLAN says SEARCH of each of them, and no sorting).
 */
#include <string.h>

#include "base/assert.h"
#include "state/cgroup.h"
#include "state/db.h"
#include "state/sql.h"

static const enum sql_view views[] = {SQL_GROUPS, SQL_MEMBERS, SQL_OFFSETS,
                                      SQL_HISTORY};
#define VIEWS (sizeof views / sizeof *views)

/* ---- rows ---------------------------------------------------------------- */

static void put_group(const struct sql_export *x, const struct db_rows *r)
{
    struct buf *b = x->rows;
    int64_t state = db_row_int(r, 1);
    sql_put_view(b, SQL_GROUPS);
    sql_put_text(b, db_row_bytes(r, 0));
    sql_put_text(b,
                 slice_str(cgroup_state_name(state >= 0 && state <= CGROUP_DEAD
                                                 ? (enum cgroup_state)state
                                                 : CGROUP_EMPTY)));
    sql_put_int(b, db_row_int(r, 2));
    sql_put_name(b, db_row_bytes(r, 3));
    sql_put_name(b, db_row_bytes(r, 4));
    sql_put_name(b, db_row_bytes(r, 5));
    sql_put_int(b, db_row_int(r, 6));
    sql_put_int(b, db_row_int(r, 7));
    sql_put_int(b, x->shard);
    if (x->coordinator >= 0) {
        sql_put_int(b, x->coordinator);
    } else {
        sql_put_null(b);
    }
}

static void put_member(const struct sql_export *x, const struct db_rows *r)
{
    struct buf *b = x->rows;
    struct slice assignment = db_row_bytes(r, 7);
    sql_put_view(b, SQL_MEMBERS);
    sql_put_text(b, db_row_bytes(r, 0));
    sql_put_text(b, db_row_bytes(r, 1));
    sql_put_name(b, db_row_bytes(r, 2));
    sql_put_text(b, db_row_bytes(r, 3));
    sql_put_text(b, db_row_bytes(r, 4));
    sql_put_int(b, db_row_int(r, 5));
    sql_put_int(b, db_row_int(r, 6));
    buf_put_u8(b, SQL_BLOB);
    buf_put_u32(b, (uint32_t)assignment.len);
    buf_put(b, assignment.data, assignment.len);
}

/* Both tables of offsets: group, topic, then numbers and texts as they are
 * declared. */
static void put_offset(const struct sql_export *x, const struct db_rows *r,
                       enum sql_view view, const char *kinds)
{
    struct buf *b = x->rows;
    struct slice topic = db_row_bytes(r, 1);
    struct uuid id = uuid_zero;
    memcpy(id.b, topic.data, topic.len < 16 ? topic.len : 16);
    sql_put_view(b, view);
    sql_put_text(b, db_row_bytes(r, 0));
    sql_put_uuid(b, id);
    for (int i = 0; kinds[i] != '\0'; i++) {
        if (kinds[i] == 'i') {
            sql_put_int(b, db_row_int(r, i + 2));
        } else {
            sql_put_text(b, db_row_bytes(r, i + 2));
        }
    }
}

static void put_row(const struct sql_export *x, enum sql_view view,
                    const struct db_rows *r)
{
    switch (view) {
    case SQL_GROUPS:
        put_group(x, r);
        break;
    case SQL_MEMBERS:
        put_member(x, r);
        break;
    case SQL_OFFSETS:
        put_offset(x, r, view, "iiitit");
        break;
    default:
        put_offset(x, r, view, "iiiititi");
    }
}

/* ---- queries ------------------------------------------------------------- */

#define GROUPS                                                                 \
    "SELECT id,state,generation,protocol_type,protocol,leader,"                \
    "(SELECT count(*) FROM members WHERE grp=g.id AND pending=0),since "       \
    "FROM groups g WHERE "
#define MEMBERS                                                                \
    "SELECT grp,id,instance,client_id,client_host,session,rebalance,"          \
    "CASE (SELECT protocol_type FROM groups WHERE id=m.grp) "                  \
    "WHEN 'consumer' THEN assignment END FROM members m WHERE pending=0 AND "
#define OFFSETS                                                                \
    "SELECT grp,topic,part,offset,epoch,metadata,time,by FROM offsets WHERE "
#define HISTORY_ROW                                                            \
    "SELECT grp,topic,part,h.seq,h.offset,h.epoch,h.metadata,h.time,h.by,"     \
    "reset FROM "
#define HISTORY HISTORY_ROW "history h WHERE "
/* A partition has a history only as long as it has an offset. Those without
 * come, too, without a number: they are looked at, so they count. */
#define HISTORY_OF_TOPIC                                                       \
    HISTORY_ROW "offsets o LEFT JOIN history h USING(grp,topic,part) WHERE "

/* Of the row with which to begin; before all others: an empty one. */
static struct slice key_name(const struct sql_from *f, int i)
{
    if (!f->is_row || f->len[i] == 0) {
        return slice_str("");
    }
    return slice_of(f->bytes.data + (i == 0 ? 0 : f->len[0]), f->len[i]);
}

/* The rest of one view from a row on; of one group, of one topic, or of all
 * (NULL). */
static struct db_rows query(struct machine_db *db, enum sql_view view,
                            const struct db_value *group,
                            const struct db_value *topic,
                            const struct sql_from *f)
{
    struct slice first = key_name(f, 0), second = key_name(f, 1);
    struct db_value g = group != NULL ? *group : db_text(first);
    struct db_value i = db_int(f->is_row ? f->n[0] : INT64_MIN);
    struct db_value j = db_int(f->is_row ? f->n[1] : INT64_MIN);
    struct db_value t =
        topic != NULL ? *topic : db_blob(second.data, second.len);
    switch (view) {
    case SQL_GROUPS:
        return db_query(
            db, group != NULL ? GROUPS "id=?" : GROUPS "id>=? ORDER BY id", &g,
            1);
    case SQL_MEMBERS: {
        const struct db_value p[] = {g, db_text(second)};
        return db_query(db,
                        group != NULL ? MEMBERS "grp=? AND id>=? ORDER BY id"
                                      : MEMBERS
                            "(grp,id)>=(?,?) ORDER BY grp,id",
                        p, 2);
    }
    case SQL_OFFSETS: {
        const struct db_value p[] = {g, t, i}, of_topic[] = {t, g, i};
        return group == NULL && topic != NULL
                   ? db_query(db,
                              OFFSETS "topic=? AND (grp,part)>=(?,?) "
                                      "ORDER BY grp,part",
                              of_topic, 3)
                   : db_query(db,
                              topic != NULL ? OFFSETS
                                  "grp=? AND topic=? AND part>=? ORDER BY part"
                              : group != NULL
                                  ? OFFSETS "grp=? AND (topic,part)>=(?,?) "
                                            "ORDER BY topic,part"
                                  : OFFSETS "(grp,topic,part)>=(?,?,?) "
                                            "ORDER BY grp,topic,part",
                              p, 3);
    }
    default: {
        const struct db_value p[] = {g, t, i, j},
                              of_topic[] = {t, g, i, g, i, j};
        return group == NULL && topic != NULL
                   ? db_query(db,
                              HISTORY_OF_TOPIC
                              "o.topic=? AND (o.grp,o.part)>=(?,?) AND "
                              "(h.seq IS NULL OR "
                              "(o.grp,o.part,h.seq)>=(?,?,?)) "
                              "ORDER BY o.grp,o.part,h.seq",
                              of_topic, 6)
                   : db_query(db,
                              topic != NULL ? HISTORY
                                  "grp=? AND topic=? AND (part,seq)>=(?,?) "
                                  "ORDER BY part,seq"
                              : group != NULL ? HISTORY
                                  "grp=? AND (topic,part,seq)>=(?,?,?) "
                                  "ORDER BY topic,part,seq"
                                              : HISTORY
                                  "(grp,topic,part,seq)>=(?,?,?,?) "
                                  "ORDER BY grp,topic,part,seq",
                              p, 4);
    }
    }
}

/* ---- pieces -------------------------------------------------------------- */

/* False: enough, or too much. */
static bool count(struct sql_export *x)
{
    if (x->status == 0 && x->rows->status != 0) {
        x->status = x->rows->status;
    }
    if (x->status == 0 && x->n_rows >= x->rows_max) {
        x->status = ERR_TOOBIG;
    }
    if (x->status != 0) {
        return false;
    }
    x->n_rows++;
    return true;
}

/* The next piece begins with this row. */
static void stop_at(struct sql_export *x, enum sql_view view,
                    const struct db_rows *r)
{
    struct sql_from *f = &x->from;
    int n_names = view == SQL_GROUPS ? 1 : 2;
    int n_numbers = view == SQL_OFFSETS ? 1 : view == SQL_HISTORY ? 2 : 0;
    x->more = true;
    f->is_row = true;
    f->bytes.len = 0;
    f->len[1] = 0;
    for (int i = 0; i < n_names; i++) {
        struct slice name = db_row_bytes(r, i);
        f->len[i] = name.len;
        buf_put(&f->bytes, name.data, name.len);
    }
    for (int i = 0; i < n_numbers; i++) {
        f->n[i] = db_row_int(r, n_names + i);
    }
    if (f->bytes.status != 0) {
        x->status = f->bytes.status;
    }
}

/* Rows of one view, group and topic, `left` at most. Returns what is left. */
static unsigned take(struct machine_db *db, struct sql_export *x, unsigned left)
{
    const struct sql_from *f = &x->from;
    enum sql_view view = views[f->view];
    struct db_value group, topic;
    bool of_group = !x->all_groups;
    bool of_topic = (SQL_BIT(view) & SQL_OF_OFFSETS) != 0 && !x->all_topics;
    if (of_group) {
        group = db_text(x->groups[f->group]);
    }
    if (of_topic) {
        topic = db_blob(x->topics[f->topic].b, 16);
    }
    struct db_rows r =
        query(db, view, of_group ? &group : NULL, of_topic ? &topic : NULL, f);
    while (db_next(&r)) {
        if (left == 0) {
            stop_at(x, view, &r);
            db_end(&r);
        } else if (view == SQL_HISTORY && db_row_int(&r, 3) == 0) {
            left--; /* no history there */
            continue;
        } else if (!count(x)) {
            db_end(&r);
        } else {
            put_row(x, view, &r);
            left--;
            continue;
        }
        break;
    }
    return left;
}

/* On to the next topic, group or view. */
static void step(struct sql_export *x)
{
    struct sql_from *f = &x->from;
    bool of_topic =
        (SQL_BIT(views[f->view]) & SQL_OF_OFFSETS) != 0 && !x->all_topics;
    f->is_row = false;
    if (of_topic && ++f->topic < x->n_topics) {
        return;
    }
    f->topic = 0;
    if (!x->all_groups && ++f->group < x->n_groups) {
        return;
    }
    f->group = 0;
    f->view++;
}

/* Is there anything that could be asked of this view? */
static bool is_wanted(const struct sql_export *x, enum sql_view view)
{
    return (x->views & SQL_BIT(view)) != 0 &&
           (x->all_groups || x->n_groups > 0) &&
           (x->all_topics || x->n_topics > 0 ||
            (SQL_BIT(view) & SQL_OF_OFFSETS) == 0);
}

void sql_export(struct machine_db *db, void *arg)
{
    struct sql_export *x = arg;
    struct sql_from *f = &x->from;
    unsigned left = SQL_PIECE;
    x->more = false;
    while (x->status == 0 && f->view < VIEWS) {
        if (!is_wanted(x, views[f->view])) {
            f->view++;
            continue;
        }
        if (left == 0) {
            x->more = true;
            break;
        }
        left = take(db, x, left - 1); /* the query counts, too */
        if (x->more) {
            break;
        }
        step(x);
    }
    if (x->status == 0) {
        x->status = x->rows->status;
    }
}
