/* sql_export.c - a shard's rows for a statement, read on the state thread. */
#include <string.h>

#include "base/assert.h"
#include "state/cgroup.h"
#include "state/db.h"
#include "state/sql.h"

/* Rows that are looked at in vain, for each row that may be had: nothing is
 * applied meanwhile. */
#define SKIPPED_FACTOR 4

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

static bool wants_topic(const struct sql_export *x, struct slice topic)
{
    for (unsigned i = 0; i < x->n_topics && !x->all_topics; i++) {
        if (slice_equal(topic, slice_of(x->topics[i].b, 16))) {
            return true;
        }
    }
    return x->all_topics;
}

static void put_groups(struct machine_db *db, struct sql_export *x,
                       struct db_rows *r)
{
    struct buf *b = x->rows;
    (void)db;
    while (db_next(r)) {
        int64_t state = db_row_int(r, 1);
        if (!count(x)) {
            db_end(r);
            return;
        }
        sql_put_view(b, SQL_GROUPS);
        sql_put_text(b, db_row_bytes(r, 0));
        sql_put_text(
            b, slice_str(cgroup_state_name(state >= 0 && state <= CGROUP_DEAD
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
}

static void put_members(struct machine_db *db, struct sql_export *x,
                        struct db_rows *r)
{
    struct buf *b = x->rows;
    (void)db;
    while (db_next(r)) {
        if (!count(x)) {
            db_end(r);
            return;
        }
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
}

/* Both tables of offsets: group, topic, then numbers and texts as they are
 * declared. */
static void put_offsets(struct sql_export *x, struct db_rows *r,
                        enum sql_view view, const char *kinds)
{
    struct buf *b = x->rows;
    while (db_next(r)) {
        struct slice topic = db_row_bytes(r, 1);
        struct uuid id = uuid_zero;
        if (!wants_topic(x, topic)) {
            if (++x->n_skipped > SKIPPED_FACTOR * (uint64_t)x->rows_max) {
                x->status = ERR_TOOBIG;
                db_end(r);
                return;
            }
            continue;
        }
        if (!count(x)) {
            db_end(r);
            return;
        }
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
}

#define GROUPS                                                                 \
    "SELECT id,state,generation,protocol_type,protocol,leader,"                \
    "(SELECT count(*) FROM members WHERE grp=g.id AND pending=0),since "       \
    "FROM groups g"
#define MEMBERS                                                                \
    "SELECT grp,id,instance,client_id,client_host,session,rebalance,"          \
    "CASE (SELECT protocol_type FROM groups WHERE id=m.grp) "                  \
    "WHEN 'consumer' THEN assignment END FROM members m WHERE pending=0"
#define OFFSETS                                                                \
    "SELECT grp,topic,part,offset,epoch,metadata,time,by FROM offsets"
#define HISTORY                                                                \
    "SELECT grp,topic,part,seq,offset,epoch,metadata,time,by,reset FROM "      \
    "history"

/* Of all groups, by the index of topics. */
static void put_offsets_of_topics(struct machine_db *db, struct sql_export *x)
{
    for (unsigned i = 0; i < x->n_topics && x->status == 0; i++) {
        const struct db_value topic = db_blob(x->topics[i].b, 16);
        struct db_rows r = db_query(db, OFFSETS " WHERE topic=?", &topic, 1);
        put_offsets(x, &r, SQL_OFFSETS, "iiitit");
    }
}

/* One of the views, of one group or of all (NULL). */
static void put_view(struct machine_db *db, struct sql_export *x,
                     enum sql_view view, const struct db_value *group)
{
    unsigned n = group != NULL;
    struct db_rows r;
    if ((x->views & SQL_BIT(view)) == 0 || x->status != 0) {
        return;
    }
    switch (view) {
    case SQL_GROUPS:
        r = db_query(db, n ? GROUPS " WHERE id=?" : GROUPS, group, n);
        put_groups(db, x, &r);
        break;
    case SQL_MEMBERS:
        r = db_query(db, n ? MEMBERS " AND grp=?" : MEMBERS, group, n);
        put_members(db, x, &r);
        break;
    case SQL_OFFSETS:
        if (group == NULL && !x->all_topics) {
            put_offsets_of_topics(db, x);
            return;
        }
        r = db_query(db, n ? OFFSETS " WHERE grp=?" : OFFSETS, group, n);
        put_offsets(x, &r, view, "iiitit");
        break;
    default:
        r = db_query(db, n ? HISTORY " WHERE grp=?" : HISTORY, group, n);
        put_offsets(x, &r, SQL_HISTORY, "iiiititi");
    }
}

void sql_export(struct machine_db *db, void *arg)
{
    static const enum sql_view views[] = {SQL_GROUPS, SQL_MEMBERS, SQL_OFFSETS,
                                          SQL_HISTORY};
    struct sql_export *x = arg;
    for (unsigned v = 0; v < sizeof views / sizeof *views; v++) {
        if (x->all_groups) {
            put_view(db, x, views[v], NULL);
        }
        for (unsigned i = 0; i < x->n_groups && !x->all_groups; i++) {
            const struct db_value group = db_text(x->groups[i]);
            put_view(db, x, views[v], &group);
        }
    }
    if (x->status == 0) {
        x->status = x->rows->status;
    }
}
