/* meta_topic.c - topics: created, grown, deleted (kafka-semantics.md 15). */
#include <stdio.h>

#include "base/assert.h"
#include "state/meta_impl.h"
#include "wire/errors.h"

/* ---- rows ---------------------------------------------------------------
 */

static struct uuid row_uuid(const struct db_rows *row, int column)
{
    struct uuid u = uuid_zero;
    struct slice s = db_row_bytes(row, column);
    if (s.len == sizeof u.b) {
        memcpy(u.b, s.data, sizeof u.b);
    }
    return u;
}

void meta_topic_row(const struct db_rows *row, struct meta_topic *ret_t)
{
    struct slice name = db_row_bytes(row, 0);
    *ret_t = (struct meta_topic){
        .id = row_uuid(row, 1),
        .created_ms = db_row_int(row, 2),
        .internal = db_row_int(row, 3) != 0,
        .partitions = (int32_t)db_row_int(row, 4),
        .replication = (int16_t)db_row_int(row, 5),
    };
    snprintf(ret_t->name, sizeof ret_t->name, "%.*s", (int)name.len,
             (const char *)name.data);
}

bool meta_topic_by(struct meta_step *s, const char *sql, struct db_value key,
                   struct meta_topic *ret_t)
{
    struct db_rows r = db_query(s->db, sql, &key, 1);
    bool found = db_next(&r);
    if (found) {
        meta_topic_row(&r, ret_t);
    }
    db_end(&r);
    return found;
}

bool meta_topic_find(struct meta_step *s, struct slice name,
                     struct meta_topic *ret_t)
{
    return meta_topic_by(s, "SELECT " META_TOPIC_COLUMNS " WHERE name=?",
                         db_text(name), ret_t);
}

bool meta_topic_find_id(struct meta_step *s, struct uuid id,
                        struct meta_topic *ret_t)
{
    return meta_topic_by(s, "SELECT " META_TOPIC_COLUMNS " WHERE uuid=?",
                         db_blob(id.b, sizeof id.b), ret_t);
}

void meta_name_fold(struct slice name, char out[IMAGE_TOPIC_MAX + 1])
{
    ASSERT(name.len <= IMAGE_TOPIC_MAX);
    for (size_t i = 0; i < name.len; i++) {
        out[i] = name.data[i] == '.' ? '_' : (char)name.data[i];
    }
    out[name.len] = '\0';
}

static void topic_put(struct machine_db *db, const struct meta_topic *t)
{
    char folded[IMAGE_TOPIC_MAX + 1];
    meta_name_fold(slice_str(t->name), folded);
    const struct db_value row[] = {
        db_str(t->name),        db_blob(t->id.b, sizeof t->id.b),
        db_str(folded),         db_int(t->created_ms),
        db_int(t->internal),    db_int(t->partitions),
        db_int(t->replication),
    };
    db_put(db, "topics", row, 7);
}

void meta_partition_put(struct machine_db *db, struct uuid topic,
                        int32_t number, const struct image_partition *x)
{
    uint8_t ids[4 * IMAGE_REPLICAS_MAX];
    for (unsigned i = 0; i < x->n_replicas; i++) {
        uint32_t id = (uint32_t)x->replicas[i];
        for (unsigned k = 0; k < 4; k++) {
            ids[4 * i + k] = (uint8_t)(id >> (24 - 8 * k));
        }
    }
    const struct db_value row[] = {db_blob(topic.b, sizeof topic.b),
                                   db_int(number), db_int((int64_t)x->group),
                                   db_blob(ids, 4 * x->n_replicas)};
    db_put(db, "partitions", row, 4);
}

void meta_partition_row(const struct db_rows *row,
                        struct image_partition *ret_x)
{
    struct cursor c;
    cursor_init(&c, db_row_bytes(row, 1));
    *ret_x = (struct image_partition){.group = (uint64_t)db_row_int(row, 0)};
    while (cursor_left(&c) >= 4 && ret_x->n_replicas < IMAGE_REPLICAS_MAX) {
        ret_x->replicas[ret_x->n_replicas++] = (int32_t)cursor_u32(&c);
    }
}

struct db_rows meta_partitions_query(struct machine_db *db,
                                     const struct db_value *topic)
{
    return db_query(db,
                    "SELECT grp,replicas FROM partitions WHERE topic=? "
                    "ORDER BY number",
                    topic, 1);
}

/* ---- change records -----------------------------------------------------
 */

void meta_put_partition(struct buf *b, const struct image_partition *x)
{
    buf_put_u64(b, x->group);
    change_put_replicas(b, x);
}

void meta_put_topic(struct machine_db *db, const struct meta_topic *t,
                    struct buf *changes)
{
    const struct db_value key = db_blob(t->id.b, sizeof t->id.b);
    struct image_partition x;
    buf_put_u8(changes, CHANGE_TOPIC);
    change_put_uuid(changes, t->id);
    change_put_text(changes, slice_str(t->name));
    buf_put_u64(changes, (uint64_t)t->created_ms);
    buf_put_u8(changes, t->internal);
    buf_put_u32(changes, (uint32_t)t->partitions);
    struct db_rows r = meta_partitions_query(db, &key);
    while (db_next(&r)) {
        meta_partition_row(&r, &x);
        meta_put_partition(changes, &x);
    }
    meta_put_configs(db, t->id, changes);
}

/* ---- making partitions --------------------------------------------------
 */

/* Make partitions from number t->partitions up to `count`, append them to
 * `changes`, and count them in the topic. */
static void partitions_make(struct meta_step *s, struct place *p,
                            struct meta_topic *t, int32_t count,
                            const struct image_partition *assigned,
                            struct buf *changes)
{
    uint64_t group = (uint64_t)db_query_int(
        s->db, "SELECT next_group FROM cluster", NULL, 0, 0);
    int64_t producer =
        db_query_int(s->db, "SELECT next_producer FROM cluster", NULL, 0, 0);
    struct db_rows r = db_query(s->db, "SELECT uuid FROM cluster", NULL, 0);
    struct uuid cluster = db_next(&r) ? row_uuid(&r, 0) : uuid_zero;
    db_end(&r);
    for (int32_t i = t->partitions; i < count; i++) {
        struct image_partition x = {0};
        if (assigned != NULL) {
            x = assigned[i - t->partitions];
            place_count(p, &x, 1);
        } else {
            place_choose(p, (unsigned)t->replication, &x);
        }
        x.group = group++;
        meta_partition_put(s->db, t->id, i, &x);
        meta_put_partition(changes, &x);
    }
    t->partitions = count;
    place_store(p, s->db);
    const struct db_value row[] = {db_int(1),
                                   db_blob(cluster.b, sizeof cluster.b),
                                   db_int((int64_t)group), db_int(producer)};
    db_put(s->db, "cluster", row, 4);
}

static void answer_topic(struct meta_step *s, const struct meta_topic *t)
{
    s->result.topic = t->id;
    s->result.partitions = t->partitions;
    s->result.replication = t->replication;
}

/* ---- CREATE_TOPIC -------------------------------------------------------
 */

static bool create_check(struct meta_step *s, const struct meta_create_topic *c,
                         struct place *p)
{
    if (!meta_check_name(s, c->name) || !meta_check_name_free(s, c->name) ||
        !meta_check_id(s, c->id) || !meta_check_count(s, c->partitions) ||
        !place_load(s, p)) {
        return false;
    }
    if (c->n_assigned > 0) {
        return meta_check_assigned(s, p, c->assigned, c->n_assigned,
                                   (unsigned)c->partitions,
                                   c->assigned[0].n_replicas);
    }
    return meta_check_replication(s, p, c->replication);
}

void meta_step_create_topic(struct meta_step *s,
                            const struct meta_create_topic *c)
{
    struct place p;
    if (!create_check(s, c, &p)) {
        return;
    }
    struct meta_topic t = {
        .id = c->id,
        .created_ms = s->command->time_ms,
        .replication = c->n_assigned > 0 ? (int16_t)c->assigned[0].n_replicas
                                         : c->replication};
    memcpy(t.name, c->name.data, c->name.len);
    if (c->validate_only) {
        t.partitions = c->partitions;
        answer_topic(s, &t);
        return;
    }
    struct buf unused; /* the record of the topic has its partitions */
    buf_init(&unused, db_mem(s->db), 0);
    partitions_make(s, &p, &t, c->partitions,
                    c->n_assigned > 0 ? c->assigned : NULL, &unused);
    s->nomem |= unused.status != 0;
    buf_close(&unused);
    topic_put(s->db, &t);
    for (unsigned i = 0; i < c->n_configs; i++) {
        const struct db_value row[] = {db_blob(t.id.b, sizeof t.id.b),
                                       db_str(c->configs[i].name),
                                       db_str(c->configs[i].value)};
        db_put(s->db, "configs", row, 3);
    }
    meta_put_topic(s->db, &t, s->changes);
    meta_put_cluster(s->db, s->changes);
    answer_topic(s, &t);
}

/* ---- CREATE_PARTITIONS --------------------------------------------------
 */

static bool grow_check(struct meta_step *s,
                       const struct meta_create_partitions *c,
                       struct meta_topic *t, struct place *p)
{
    if (!meta_topic_find(s, c->name, t)) {
        return meta_fail(s, KERR_UNKNOWN_TOPIC_OR_PARTITION,
                         "topic '%.*s' is not known", META_TEXT(c->name));
    }
    if (!meta_check_count(s, c->count)) {
        return false;
    }
    if (c->count <= t->partitions) {
        return meta_fail(s, KERR_INVALID_PARTITIONS,
                         "the topic has %d partitions: %d is not an increase",
                         t->partitions, c->count);
    }
    if (!place_load(s, p)) {
        return false;
    }
    if (c->n_assigned > 0) {
        return meta_check_assigned(s, p, c->assigned, c->n_assigned,
                                   (unsigned)(c->count - t->partitions),
                                   (unsigned)t->replication);
    }
    return meta_check_replication(s, p, t->replication);
}

void meta_step_create_partitions(struct meta_step *s,
                                 const struct meta_create_partitions *c)
{
    struct meta_topic t;
    struct place p;
    if (!grow_check(s, c, &t, &p)) {
        return;
    }
    if (c->validate_only) {
        t.partitions = c->count;
        answer_topic(s, &t);
        return;
    }
    buf_put_u8(s->changes, CHANGE_PARTITIONS);
    change_put_uuid(s->changes, t.id);
    buf_put_u32(s->changes, (uint32_t)(c->count - t.partitions));
    partitions_make(s, &p, &t, c->count, c->n_assigned > 0 ? c->assigned : NULL,
                    s->changes);
    topic_put(s->db, &t);
    meta_put_cluster(s->db, s->changes);
    answer_topic(s, &t);
}

/* ---- DELETE_TOPIC -------------------------------------------------------
 */

static void partitions_delete(struct meta_step *s, struct place *p,
                              const struct meta_topic *t)
{
    const struct db_value id = db_blob(t->id.b, sizeof t->id.b);
    struct image_partition x;
    struct db_rows r = meta_partitions_query(s->db, &id);
    while (db_next(&r)) {
        meta_partition_row(&r, &x);
        place_count(p, &x, -1);
    }
    for (int32_t i = 0; i < t->partitions; i++) {
        const struct db_value key[] = {id, db_int(i)};
        db_delete(s->db, "partitions", key, 2);
    }
    place_store(p, s->db);
}

static void configs_delete(struct meta_step *s, struct uuid topic)
{
    const struct db_value id = db_blob(topic.b, sizeof topic.b);
    char name[META_CONFIG_NAME_MAX + 1];
    for (;;) {
        struct db_rows r = db_query(
            s->db, "SELECT name FROM configs WHERE topic=? LIMIT 1", &id, 1);
        if (!db_next(&r)) {
            return;
        }
        struct slice found = db_row_bytes(&r, 0);
        snprintf(name, sizeof name, "%.*s", (int)found.len,
                 (const char *)found.data);
        db_end(&r);
        const struct db_value key[] = {id, db_str(name)};
        db_delete(s->db, "configs", key, 2);
    }
}

void meta_step_delete_topic(struct meta_step *s, struct uuid id,
                            struct slice name)
{
    struct meta_topic t;
    struct place p;
    if (!uuid_is_zero(id)) {
        if (!meta_topic_find_id(s, id, &t)) {
            meta_fail(s, KERR_UNKNOWN_TOPIC_ID, "no topic has this id");
            return;
        }
    } else if (!meta_topic_find(s, name, &t)) {
        meta_fail(s, KERR_UNKNOWN_TOPIC_OR_PARTITION,
                  "topic '%.*s' is not known", META_TEXT(name));
        return;
    }
    if (!place_load(s, &p)) {
        return;
    }
    partitions_delete(s, &p, &t);
    configs_delete(s, t.id);
    const struct db_value key = db_str(t.name);
    db_delete(s->db, "topics", &key, 1);
    const struct db_value row[] = {db_blob(t.id.b, sizeof t.id.b),
                                   db_str(t.name), db_int(s->command->time_ms),
                                   db_int((int64_t)s->command->index)};
    db_put(s->db, "deleted", row, 4);
    buf_put_u8(s->changes, CHANGE_DELETED);
    change_put_uuid(s->changes, t.id);
    answer_topic(s, &t);
}
