/* meta_config.c - a topic's overrides (KIP-339). Values were validated at the
 * door; lists are comma separated, as in Kafka. */
#include "base/err.h"
#include "base/map.h"
#include "state/meta_impl.h"
#include "wire/errors.h"

void meta_put_configs(struct machine_db *db, struct uuid topic,
                      struct buf *changes)
{
    const struct db_value id = db_blob(topic.b, sizeof topic.b);
    int64_t n = db_query_int(db, "SELECT count(*) FROM configs WHERE topic=?",
                             &id, 1, 0);
    buf_put_uvarint(changes, (uint64_t)n);
    struct db_rows r = db_query(
        db, "SELECT name,value FROM configs WHERE topic=? ORDER BY name", &id,
        1);
    while (db_next(&r)) {
        change_put_text(changes, db_row_bytes(&r, 0));
        change_put_text(changes, db_row_bytes(&r, 1));
    }
}

/* ---- lists --------------------------------------------------------------
 */

/* Cut the next item off a comma-separated list; false at its end. Blanks
 * around items do not count. */
static bool list_next(struct slice *list, struct slice *ret_item)
{
    if (list->data == NULL) {
        return false;
    }
    const uint8_t *comma =
        list->len == 0 ? NULL : memchr(list->data, ',', list->len);
    size_t len = comma == NULL ? list->len : (size_t)(comma - list->data);
    struct slice item = slice_of(list->data, len);
    *list = comma == NULL ? slice_of(NULL, 0)
                          : slice_of(comma + 1, list->len - len - 1);
    while (item.len > 0 && item.data[0] == ' ') {
        item = slice_of(item.data + 1, item.len - 1);
    }
    while (item.len > 0 && item.data[item.len - 1] == ' ') {
        item.len--;
    }
    *ret_item = item;
    return true;
}

/* Know the items of a list. */
static int list_know(struct map *known, struct slice list)
{
    struct slice x;
    int rv = 0;
    while ((rv == 0 || rv == ERR_EXISTS) && list_next(&list, &x)) {
        rv = x.len == 0 ? 0 : map_put(known, x, known);
    }
    return rv == ERR_EXISTS ? 0 : rv;
}

/* Add the items of `from` to `b` that are not known, each once. A list is some
 * ten thousand items at most, and the state thread serves all machines. */
static int list_add(struct buf *b, struct slice from, struct map *known)
{
    struct slice x;
    int rv = 0;
    while ((rv == 0 || rv == ERR_EXISTS) && list_next(&from, &x)) {
        rv = x.len == 0 ? 0 : map_put(known, x, known);
        if (x.len == 0 || rv != 0) {
            continue;
        }
        if (b->len > 0) {
            buf_put_u8(b, ',');
        }
        buf_put(b, x.data, x.len);
    }
    return rv == ERR_EXISTS ? 0 : rv;
}

/* ---- ALTER_CONFIGS ------------------------------------------------------
 */

/* A topic's overrides while a command changes them. */
struct overrides {
    struct {
        const char *name;
        const char *value; /* NULL: to be deleted */
        bool stored, changed;
    } * rows;
    unsigned n, cap;
};

static bool overrides_load(struct meta_step *s, const struct db_value *id,
                           bool replace, unsigned n_ops, struct overrides *ret)
{
    int64_t n = db_query_int(
        s->db, "SELECT count(*) FROM configs WHERE topic=?", id, 1, 0);
    struct overrides o = {.cap = (unsigned)n + n_ops};
    o.rows = meta_alloc(s, o.cap + 1, sizeof *o.rows);
    struct db_rows r = db_query(
        s->db, "SELECT name,value FROM configs WHERE topic=? ORDER BY name", id,
        1);
    while (o.rows != NULL && db_next(&r)) {
        const char *name = arena_strdup(&s->arena, db_row_bytes(&r, 0));
        const char *value = arena_strdup(&s->arena, db_row_bytes(&r, 1));
        s->nomem |= name == NULL || value == NULL;
        o.rows[o.n].name = name;
        o.rows[o.n].value = replace ? NULL : value;
        o.rows[o.n].stored = true;
        o.rows[o.n++].changed = replace;
    }
    db_end(&r);
    *ret = o;
    return o.rows != NULL && !s->nomem;
}

static unsigned overrides_find(struct overrides *o, const char *name)
{
    unsigned i = 0;
    while (i < o->n && strcmp(o->rows[i].name, name) != 0) {
        i++;
    }
    if (i == o->n) {
        o->rows[o->n++].name = name;
    }
    return i;
}

/* The value after one operation; NULL deletes. */
static const char *value_after(struct meta_step *s, const char *old,
                               const struct meta_config_change *op)
{
    struct slice was = slice_str(old == NULL ? "" : old);
    struct buf b;
    if (op->op == META_CONFIG_SET || op->op == META_CONFIG_DELETE) {
        return op->value;
    }
    struct map *known = map_new(db_mem(s->db));
    int rv = known == NULL ? ERR_NOMEM : 0;
    buf_init(&b, db_mem(s->db), 0);
    if (rv == 0 && op->op == META_CONFIG_APPEND) {
        rv = list_add(&b, was, known);
        rv = rv != 0 ? rv : list_add(&b, slice_str(op->value), known);
    } else if (rv == 0) {
        rv = list_know(known, slice_str(op->value));
        rv = rv != 0 ? rv : list_add(&b, was, known);
    }
    const char *value = arena_strdup(&s->arena, buf_slice(&b));
    s->nomem |= value == NULL || b.status != 0 || rv != 0;
    buf_close(&b);
    map_free(known);
    return value;
}

static void overrides_store(struct meta_step *s, const struct overrides *o,
                            const struct db_value *id)
{
    for (unsigned i = 0; i < o->n; i++) {
        if (!o->rows[i].changed) {
            continue;
        }
        const struct db_value row[] = {
            *id, db_str(o->rows[i].name),
            db_str(o->rows[i].value == NULL ? "" : o->rows[i].value)};
        if (o->rows[i].value == NULL) {
            db_delete(s->db, "configs", row, 2);
        } else {
            db_put(s->db, "configs", row, 3);
        }
    }
}

static bool overrides_check(struct meta_step *s, const struct overrides *o)
{
    unsigned n = 0;
    for (unsigned i = 0; i < o->n; i++) {
        const char *v = o->rows[i].value;
        n += v != NULL;
        if (v != NULL && strlen(v) > META_CONFIG_VALUE_MAX) {
            return meta_fail(
                s, KERR_INVALID_CONFIG,
                "the value of %.100s would have more than %d bytes",
                o->rows[i].name, META_CONFIG_VALUE_MAX);
        }
    }
    if (n > META_CONFIGS_MAX) {
        return meta_fail(s, KERR_INVALID_CONFIG,
                         "the topic would have more than %d overrides",
                         META_CONFIGS_MAX);
    }
    return true;
}

void meta_step_alter_configs(struct meta_step *s,
                             const struct meta_alter_configs *c)
{
    struct meta_topic t;
    struct overrides o;
    if (!meta_topic_find(s, c->topic, &t)) {
        meta_fail(s, KERR_UNKNOWN_TOPIC_OR_PARTITION,
                  "topic '%.*s' is not known", META_TEXT(c->topic));
        return;
    }
    const struct db_value id = db_blob(t.id.b, sizeof t.id.b);
    if (!overrides_load(s, &id, c->replace, c->n_ops, &o)) {
        return;
    }
    for (unsigned i = 0; i < c->n_ops && !s->nomem; i++) {
        unsigned at = overrides_find(&o, c->ops[i].name);
        o.rows[at].value = value_after(s, o.rows[at].value, &c->ops[i]);
        o.rows[at].changed = true;
    }
    if (s->nomem || !overrides_check(s, &o)) {
        return;
    }
    overrides_store(s, &o, &id);
    buf_put_u8(s->changes, CHANGE_CONFIGS);
    change_put_uuid(s->changes, t.id);
    meta_put_configs(s->db, t.id, s->changes);
    s->result.topic = t.id;
    s->result.partitions = t.partitions;
    s->result.replication = t.replication;
}
