#include "state/cgroup_history.h"

#include "state/cgroup_impl.h"

static void put_row(const struct db_rows *r, struct buf *b)
{
    struct slice topic = db_row_bytes(r, 0);
    struct uuid id = {{0}};
    memcpy(id.b, topic.data, topic.len < sizeof id.b ? topic.len : sizeof id.b);
    buf_put(b, id.b, sizeof id.b);
    buf_put_u32(b, (uint32_t)db_row_int(r, 1));
    buf_put_u64(b, (uint64_t)db_row_int(r, 2));
    buf_put_u64(b, (uint64_t)db_row_int(r, 3));
    buf_put_u32(b, (uint32_t)db_row_int(r, 4));
    buf_put_u64(b, (uint64_t)db_row_int(r, 6));
    buf_put_u8(b, db_row_int(r, 8) != 0);
    cgroup_put_bytes(b, db_row_bytes(r, 5));
    cgroup_put_bytes(b, db_row_bytes(r, 7));
}

void cgroup_history_read(struct machine_db *db, struct cgroup_history_page *p)
{
    unsigned max = p->rows_max < CGROUP_HISTORY_ROWS_MAX
                       ? p->rows_max
                       : CGROUP_HISTORY_ROWS_MAX;
    const struct db_value key[] = {
        db_text(p->group), db_blob(p->after_topic.b, sizeof p->after_topic.b),
        db_int(p->after_partition), db_int(p->after_number),
        db_int((int64_t)max + 1)};
    struct db_rows r = db_query(
        db,
        "SELECT topic,part,seq,offset,epoch,metadata,time,by,reset FROM "
        "history WHERE grp=? AND (topic,part,seq)>(?,?,?) ORDER BY "
        "topic,part,seq LIMIT ?",
        key, 5);
    p->more = false;
    for (unsigned n = 0; db_next(&r); n++) {
        if (n == max || p->rows.len >= CGROUP_HISTORY_BYTES_MAX) {
            p->more = n > 0;
            break;
        }
        put_row(&r, &p->rows);
    }
    db_end(&r);
}

bool cgroup_history_next(struct cursor *c, struct cgroup_history_row *ret_r)
{
    struct cgroup_history_row r = {.partition = -1};
    if (c->status != 0 || cursor_left(c) == 0) {
        return false;
    }
    struct slice id = cursor_take(c, sizeof r.topic.b);
    if (id.len == sizeof r.topic.b) {
        memcpy(r.topic.b, id.data, sizeof r.topic.b);
    }
    r.partition = (int32_t)cursor_u32(c);
    r.number = (int64_t)cursor_u64(c);
    r.offset = (int64_t)cursor_u64(c);
    r.epoch = (int32_t)cursor_u32(c);
    r.time_ms = (int64_t)cursor_u64(c);
    r.reset = cursor_u8(c) != 0;
    r.metadata = cgroup_take_bytes(c);
    r.by = cgroup_take_bytes(c);
    if (c->status != 0) {
        return false;
    }
    *ret_r = r;
    return true;
}
