#include "state/meta_impl.h"

#include <stdarg.h>
#include <stdio.h>

#include "wire/errors.h"

/* ---- the tables ---------------------------------------------------------
 */

static const char *const tables[] = {"cluster", "nodes",      "loads",
                                     "topics",  "partitions", "configs",
                                     "deleted", "commands",   NULL};

static const char schema_1[] =
    "CREATE TABLE cluster(id INTEGER PRIMARY KEY,uuid BLOB NOT NULL,"
    "next_group INTEGER NOT NULL,next_producer INTEGER NOT NULL);"
    "CREATE TABLE nodes(id INTEGER PRIMARY KEY,incarnation INTEGER NOT NULL,"
    "directory BLOB NOT NULL,peer_host TEXT NOT NULL,"
    "peer_port INTEGER NOT NULL,client_host TEXT NOT NULL,"
    "client_port INTEGER NOT NULL,rack TEXT NOT NULL,version TEXT NOT NULL);"
    "CREATE TABLE loads(node INTEGER PRIMARY KEY,replicas INTEGER NOT NULL,"
    "leaders INTEGER NOT NULL);"
    "CREATE TABLE topics(name TEXT PRIMARY KEY,uuid BLOB NOT NULL UNIQUE,"
    "folded TEXT NOT NULL UNIQUE,created INTEGER NOT NULL,"
    "internal INTEGER NOT NULL,partitions INTEGER NOT NULL,"
    "replication INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE partitions(topic BLOB,number INTEGER,grp INTEGER NOT NULL,"
    "replicas BLOB NOT NULL,PRIMARY KEY(topic,number)) WITHOUT ROWID;"
    "CREATE TABLE configs(topic BLOB,name TEXT,value TEXT NOT NULL,"
    "PRIMARY KEY(topic,name)) WITHOUT ROWID;"
    "CREATE TABLE deleted(uuid BLOB PRIMARY KEY,name TEXT NOT NULL,"
    "time INTEGER NOT NULL,idx INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE commands(id BLOB PRIMARY KEY,idx INTEGER NOT NULL,"
    "result BLOB NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX commands_idx ON commands(idx);";

static void node_put(struct machine_db *db, const struct image_node *n)
{
    const struct db_value row[] = {
        db_int(n->id),
        db_int(n->incarnation),
        db_blob(n->directory.b, sizeof n->directory.b),
        db_str(n->peer_host),
        db_int(n->peer_port),
        db_str(n->client_host),
        db_int(n->client_port),
        db_str(n->rack),
        db_str(n->version),
    };
    db_put(db, "nodes", row, 9);
}

static void bootstrap_put(struct machine_db *db, const struct meta_bootstrap *b)
{
    const struct db_value row[] = {db_int(1),
                                   db_blob(b->cluster.b, sizeof b->cluster.b),
                                   db_int(META_TOPIC_GROUP_FIRST), db_int(0)};
    db_put(db, "cluster", row, 4);
    for (unsigned i = 0; i < b->n_nodes; i++) {
        node_put(db, &b->nodes[i]);
    }
}

static int meta_migrate(struct machine_db *db, unsigned from,
                        struct slice bootstrap)
{
    struct arena a;
    struct meta_bootstrap b;
    if (from != 0) {
        return ERR_VERSION; /* there is no other version yet */
    }
    arena_init(&a, db_mem(db), 0);
    int rv = meta_decode_bootstrap(bootstrap, &a, &b);
    if (rv == 0) {
        db_exec(db, schema_1);
        bootstrap_put(db, &b);
    }
    arena_close(&a);
    return rv != 0 ? rv : db_status(db);
}

/* ---- nodes --------------------------------------------------------------
 */

static void copy_text(char *out, size_t size, struct slice s)
{
    snprintf(out, size, "%.*s", (int)s.len, (const char *)s.data);
}

static void node_row(const struct db_rows *r, struct image_node *n)
{
    struct slice directory = db_row_bytes(r, 2);
    *n = (struct image_node){.id = (int32_t)db_row_int(r, 0),
                             .incarnation = (uint32_t)db_row_int(r, 1),
                             .peer_port = (uint16_t)db_row_int(r, 4),
                             .client_port = (uint16_t)db_row_int(r, 6)};
    if (directory.len == sizeof n->directory.b) {
        memcpy(n->directory.b, directory.data, directory.len);
    }
    copy_text(n->peer_host, sizeof n->peer_host, db_row_bytes(r, 3));
    copy_text(n->client_host, sizeof n->client_host, db_row_bytes(r, 5));
    copy_text(n->rack, sizeof n->rack, db_row_bytes(r, 7));
    copy_text(n->version, sizeof n->version, db_row_bytes(r, 8));
}

static bool node_find(struct machine_db *db, int32_t id,
                      struct image_node *ret_n)
{
    const struct db_value key = db_int(id);
    struct db_rows r = db_query(db, "SELECT * FROM nodes WHERE id=?", &key, 1);
    bool found = db_next(&r);
    if (found) {
        node_row(&r, ret_n);
    }
    db_end(&r);
    return found;
}

static void put_node(struct buf *changes, const struct image_node *n)
{
    buf_put_u8(changes, CHANGE_NODE);
    change_put_node(changes, n);
}

static void step_register(struct meta_step *s, const struct meta_register *c)
{
    struct image_node n;
    if (!node_find(s->db, c->node, &n)) {
        meta_fail(s, KERR_INVALID_REQUEST,
                  "node %d is no member of this cluster", c->node);
        return;
    }
    if (!uuid_equal(n.directory, c->directory)) {
        char known[UUID_TEXT_LEN + 1], given[UUID_TEXT_LEN + 1];
        meta_fail(s, KERR_INVALID_REQUEST,
                  "node %d is known by another directory: %s, not %s", c->node,
                  uuid_format(n.directory, known),
                  uuid_format(c->directory, given));
        return;
    }
    snprintf(n.client_host, sizeof n.client_host, "%s", c->client_host);
    n.client_port = c->client_port;
    snprintf(n.rack, sizeof n.rack, "%s", c->rack);
    snprintf(n.version, sizeof n.version, "%s", c->version);
    node_put(s->db, &n);
    put_node(s->changes, &n);
}

static void step_producer_ids(struct meta_step *s, int32_t node)
{
    struct image_node n;
    struct uuid cluster = uuid_zero;
    if (!node_find(s->db, node, &n)) {
        meta_fail(s, KERR_INVALID_REQUEST,
                  "node %d is no member of this cluster", node);
        return;
    }
    struct db_rows r = db_query(
        s->db, "SELECT uuid,next_group,next_producer FROM cluster", NULL, 0);
    if (!db_next(&r)) {
        return;
    }
    struct slice u = db_row_bytes(&r, 0);
    int64_t group = db_row_int(&r, 1), first = db_row_int(&r, 2);
    memcpy(cluster.b, u.data, u.len < sizeof cluster.b ? u.len : 16);
    db_end(&r);
    const struct db_value row[] = {
        db_int(1), db_blob(cluster.b, sizeof cluster.b), db_int(group),
        db_int(first + META_PRODUCER_ID_BLOCK)};
    db_put(s->db, "cluster", row, 4);
    s->result.first_producer_id = first;
}

/* ---- deciding -----------------------------------------------------------
 */

bool meta_fail(struct meta_step *s, int error, const char *fmt, ...)
{
    va_list args;
    s->result = (struct meta_result){.error = (int16_t)error};
    va_start(args, fmt);
    vsnprintf(s->result.message, sizeof s->result.message, fmt, args);
    va_end(args);
    return false;
}

void *meta_alloc(struct meta_step *s, size_t n, size_t size)
{
    void *p = arena_calloc(&s->arena, n, size);
    s->nomem |= p == NULL;
    return p;
}

/* Decode the body; a malformed one is answered, and decides nothing. */
static bool body_ok(struct meta_step *s, const struct cursor *c)
{
    if (c->status == ERR_NOMEM) {
        s->nomem = true;
        return false;
    }
    return c->status == 0 ||
           meta_fail(s, KERR_INVALID_REQUEST, "the command is malformed");
}

static void step_body(struct meta_step *s, uint8_t kind, struct cursor *c)
{
    struct meta_register reg;
    struct meta_create_topic topic;
    struct meta_create_partitions grow;
    struct meta_alter_configs alter;
    struct uuid id;
    struct slice name;
    int32_t node;
    switch (kind) {
    case META_REGISTER_NODE:
        meta_decode_register(c, &s->arena, &reg);
        if (body_ok(s, c)) {
            step_register(s, &reg);
        }
        break;
    case META_CREATE_TOPIC:
        meta_decode_create_topic(c, &s->arena, &topic);
        if (body_ok(s, c)) {
            meta_step_create_topic(s, &topic);
        }
        break;
    case META_DELETE_TOPIC:
        meta_decode_delete_topic(c, &id, &name);
        if (body_ok(s, c)) {
            meta_step_delete_topic(s, id, name);
        }
        break;
    case META_CREATE_PARTITIONS:
        meta_decode_create_partitions(c, &s->arena, &grow);
        if (body_ok(s, c)) {
            meta_step_create_partitions(s, &grow);
        }
        break;
    case META_ALTER_CONFIGS:
        meta_decode_alter_configs(c, &s->arena, &alter);
        if (body_ok(s, c)) {
            meta_step_alter_configs(s, &alter);
        }
        break;
    case META_PRODUCER_IDS:
        meta_decode_producer_ids(c, &node);
        if (body_ok(s, c)) {
            step_producer_ids(s, node);
        }
        break;
    case META_CREATE_SHARDS:
        meta_decode_create_shards(c);
        if (body_ok(s, c)) {
            meta_step_create_shards(s);
        }
        break;
    default:
        meta_fail(s, KERR_UNSUPPORTED_VERSION, "command kind %u is not known",
                  kind);
    }
}

/* ---- commands that were answered ----------------------------------------
 */

static bool answered(struct machine_db *db, struct uuid id, struct buf *result)
{
    const struct db_value key = db_blob(id.b, sizeof id.b);
    struct db_rows r =
        db_query(db, "SELECT result FROM commands WHERE id=?", &key, 1);
    bool found = db_next(&r);
    if (found) {
        struct slice s = db_row_bytes(&r, 0);
        buf_put(result, s.data, s.len);
    }
    db_end(&r);
    return found;
}

/* Forget what is older than META_COMMANDS_KEPT indexes. */
static void forget(struct machine_db *db, uint64_t index)
{
    const struct db_value old = db_int((int64_t)index - META_COMMANDS_KEPT);
    for (;;) {
        struct db_rows r = db_query(
            db, "SELECT id FROM commands WHERE idx<=? LIMIT 1", &old, 1);
        if (!db_next(&r)) {
            return;
        }
        struct slice s = db_row_bytes(&r, 0);
        struct uuid id = uuid_zero;
        memcpy(id.b, s.data, s.len < sizeof id.b ? s.len : sizeof id.b);
        db_end(&r);
        const struct db_value key = db_blob(id.b, sizeof id.b);
        db_delete(db, "commands", &key, 1);
    }
}

static void remember(struct machine_db *db, struct uuid id, uint64_t index,
                     struct slice result)
{
    const struct db_value row[] = {db_blob(id.b, sizeof id.b),
                                   db_int((int64_t)index),
                                   db_blob(result.data, result.len)};
    db_put(db, "commands", row, 3);
    forget(db, index);
}

static int meta_apply(struct machine_db *db, const struct machine_command *c,
                      struct buf *result, struct buf *changes)
{
    struct meta_step s = {.db = db, .command = c, .changes = changes};
    struct meta_head head;
    struct cursor cursor;
    size_t at = result->len;
    cursor_init(&cursor, bytes_slice(c->payload));
    meta_decode_head(&cursor, &head);
    bool named = cursor.status == 0 && !uuid_is_zero(head.command);
    if (named && answered(db, head.command, result)) {
        return db_status(db);
    }
    arena_init(&s.arena, db_mem(db), 0);
    if (body_ok(&s, &cursor)) {
        if (head.version != META_VERSION) {
            meta_fail(&s, KERR_UNSUPPORTED_VERSION,
                      "command version %u is not known", head.version);
        } else {
            step_body(&s, head.kind, &cursor);
        }
    }
    arena_close(&s.arena);
    meta_encode_result(&s.result, result);
    if (named && result->status == 0) {
        remember(db, head.command, c->index,
                 slice_of(result->data + at, result->len - at));
    }
    return s.nomem ? ERR_NOMEM : db_status(db);
}

/* ---- loading ------------------------------------------------------------
 */

void meta_put_cluster(struct machine_db *db, struct buf *changes)
{
    struct db_rows r =
        db_query(db, "SELECT uuid,next_group FROM cluster", NULL, 0);
    while (db_next(&r)) {
        struct slice s = db_row_bytes(&r, 0);
        buf_put_u8(changes, CHANGE_CLUSTER);
        buf_put(changes, s.data, s.len);
        buf_put_u64(changes, (uint64_t)db_row_int(&r, 1));
    }
}

static void load_deleted(struct machine_db *db, struct buf *changes)
{
    struct db_rows r =
        db_query(db, "SELECT uuid FROM deleted ORDER BY uuid", NULL, 0);
    while (db_next(&r)) {
        struct slice s = db_row_bytes(&r, 0);
        buf_put_u8(changes, CHANGE_DELETED);
        buf_put(changes, s.data, s.len);
    }
}

static int meta_load(struct machine_db *db, struct buf *changes)
{
    struct image_node n;
    struct meta_topic t;
    meta_put_cluster(db, changes);
    struct db_rows r = db_query(db, "SELECT * FROM nodes ORDER BY id", NULL, 0);
    while (db_next(&r)) {
        node_row(&r, &n);
        put_node(changes, &n);
    }
    r = db_query(db, "SELECT " META_TOPIC_COLUMNS " ORDER BY name", NULL, 0);
    while (db_next(&r)) {
        meta_topic_row(&r, &t);
        meta_put_topic(db, &t, changes);
    }
    load_deleted(db, changes);
    meta_load_shards(db, changes);
    return db_status(db) != 0 ? db_status(db) : changes->status;
}

const struct machine_type meta_machine = {
    .name = "meta",
    .version = 1,
    .schema = schema_1,
    .migrate = meta_migrate,
    .apply = meta_apply,
    .load = meta_load,
    .tables = tables,
};
