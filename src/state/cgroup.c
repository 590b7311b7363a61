#include "state/cgroup.h"

#include "base/assert.h"
#include "base/hash.h"
#include "state/cgroup_impl.h"
#include "wire/errors.h"

/* ---- the tables ----------------------------------------------------------
 */

static const char *const tables[] = {"shard",   "groups",  "members",
                                     "offsets", "history", NULL};

static const char schema_1[] =
    "CREATE TABLE shard(id INTEGER PRIMARY KEY,cluster BLOB NOT NULL,"
    "k INTEGER NOT NULL);"
    "CREATE TABLE groups(id TEXT PRIMARY KEY,state INTEGER NOT NULL,"
    "generation INTEGER NOT NULL,round INTEGER NOT NULL,"
    "protocol_type TEXT NOT NULL,protocol TEXT NOT NULL,leader TEXT NOT NULL,"
    "since INTEGER NOT NULL,begun INTEGER NOT NULL,due INTEGER NOT NULL,"
    "initial INTEGER NOT NULL,fresh INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE members(grp TEXT,id TEXT,instance TEXT NOT NULL,"
    "client_id TEXT NOT NULL,client_host TEXT NOT NULL,"
    "session INTEGER NOT NULL,rebalance INTEGER NOT NULL,"
    "pending INTEGER NOT NULL,joined INTEGER NOT NULL,"
    "touched INTEGER NOT NULL,protocols BLOB NOT NULL,"
    "assignment BLOB NOT NULL,PRIMARY KEY(grp,id)) WITHOUT ROWID;"
    "CREATE TABLE offsets(grp TEXT,topic BLOB,part INTEGER,"
    "offset INTEGER NOT NULL,epoch INTEGER NOT NULL,metadata TEXT NOT NULL,"
    "time INTEGER NOT NULL,expire INTEGER NOT NULL,by TEXT NOT NULL,"
    "seq INTEGER NOT NULL,noted INTEGER NOT NULL,kept INTEGER NOT NULL,"
    "PRIMARY KEY(grp,topic,part)) WITHOUT ROWID;"
    "CREATE INDEX offsets_topic ON offsets(topic);"
    "CREATE TABLE history(grp TEXT,topic BLOB,part INTEGER,seq INTEGER,"
    "offset INTEGER NOT NULL,epoch INTEGER NOT NULL,metadata TEXT NOT NULL,"
    "time INTEGER NOT NULL,by TEXT NOT NULL,reset INTEGER NOT NULL,"
    "PRIMARY KEY(grp,topic,part,seq)) WITHOUT ROWID;";

static int cgroup_migrate(struct machine_db *db, unsigned from,
                          struct slice bootstrap)
{
    struct uuid cluster;
    unsigned shard;
    if (from != 0) {
        return ERR_VERSION; /* there is no other version yet */
    }
    int rv = cgroup_decode_bootstrap(bootstrap, &cluster, &shard);
    if (rv != 0) {
        return rv;
    }
    const struct db_value row[] = {
        db_int(1), db_blob(cluster.b, sizeof cluster.b), db_int(shard)};
    db_exec(db, schema_1);
    db_put(db, "shard", row, 3);
    return db_status(db);
}

/* ---- names ---------------------------------------------------------------
 */

const char *cgroup_state_name(enum cgroup_state state)
{
    static const char *const names[] = {
        "Empty", "PreparingRebalance", "CompletingRebalance", "Stable", "Dead"};
    ASSERT(state <= CGROUP_DEAD);
    return names[state];
}

unsigned cgroup_shard(struct slice key)
{
    return (unsigned)(hash_bytes(key.data, key.len) % CGROUP_SHARDS);
}

/* ---- deciding ------------------------------------------------------------
 */

void *cgroup_alloc(struct cgroup_step *s, size_t n, size_t size)
{
    void *p = arena_calloc(&s->arena, n, size);
    s->nomem |= p == NULL;
    return p;
}

struct slice cgroup_keep(struct cgroup_step *s, struct slice bytes)
{
    void *p = bytes.len == 0 ? NULL : arena_alloc(&s->arena, bytes.len);
    if (p == NULL) {
        s->nomem |= bytes.len > 0;
        return slice_of(NULL, 0);
    }
    memcpy(p, bytes.data, bytes.len);
    return slice_of(p, bytes.len);
}

bool cgroup_errors(struct cgroup_step *s, unsigned n)
{
    s->errors = cgroup_alloc(s, (size_t)n + 1, sizeof *s->errors);
    s->n_errors = s->errors == NULL ? 0 : n;
    return s->errors != NULL;
}

bool cgroup_fail(struct cgroup_step *s, int error)
{
    s->result = (struct cgroup_result){.error = (int16_t)error};
    s->n_errors = 0;
    return false;
}

bool cgroup_alive(struct cgroup_step *s, const struct cgroup *g)
{
    return g->state != CGROUP_DEAD ||
           cgroup_fail(s, KERR_COORDINATOR_LOAD_IN_PROGRESS);
}

/* False: no memory. */
static bool decide(struct machine_db *db, const struct machine_command *c,
                   struct slice item, struct buf *result, struct buf *changes)
{
    struct cgroup_step s = {
        .db = db, .index = c->index, .now_ms = c->time_ms, .changes = changes};
    struct cursor in;
    cursor_init(&in, item);
    arena_init(&s.arena, db_mem(db), 0);
    cgroup_decode_step(&s, cursor_u8(&in), &in);
    cgroup_encode_result(&s, result);
    arena_close(&s.arena);
    return !s.nomem;
}

static void refuse(struct buf *result, int error)
{
    struct cgroup_step s = {.result = {.error = (int16_t)error}};
    cgroup_encode_result(&s, result);
}

/* A batch that ends in the middle of an item decides what came before it. */
static int cgroup_apply(struct machine_db *db, const struct machine_command *c,
                        struct buf *result, struct buf *changes)
{
    struct cursor in;
    cursor_init(&in, bytes_slice(c->payload));
    if (cursor_u8(&in) != CGROUP_VERSION) {
        refuse(result, KERR_UNSUPPORTED_VERSION);
        return db_status(db);
    }
    while (in.status == 0 && cursor_left(&in) > 0) {
        uint32_t len = cursor_u32(&in);
        if (len > cursor_left(&in)) {
            cursor_fail(&in);
        }
        struct slice item = cursor_take(&in, len);
        if (in.status != 0) {
            refuse(result, KERR_INVALID_REQUEST);
        } else if (!decide(db, c, item, result, changes)) {
            return ERR_NOMEM;
        }
    }
    return db_status(db);
}

/* ---- loading -------------------------------------------------------------
 */

static void load_offset(const struct db_rows *r, struct buf *changes)
{
    struct slice topic = db_row_bytes(r, 1);
    struct cgroup_offset o = {.partition = (int32_t)db_row_int(r, 2),
                              .offset = db_row_int(r, 3),
                              .epoch = (int32_t)db_row_int(r, 4),
                              .metadata = db_row_bytes(r, 5),
                              .time_ms = db_row_int(r, 6),
                              .expire_ms = db_row_int(r, 7)};
    memcpy(o.topic.b, topic.data, topic.len < 16 ? topic.len : 16);
    cgroup_change_offset(changes, db_row_bytes(r, 0), &o);
}

static bool load_group(struct machine_db *db, struct slice id,
                       struct buf *changes)
{
    struct cgroup_step s = {.db = db, .changes = changes};
    struct cgroup g;
    arena_init(&s.arena, db_mem(db), 0);
    if (cgroup_load(&s, id, &g)) {
        cgroup_load_members(&s, &g);
        cgroup_change_group(changes, &g);
        for (unsigned i = 0; i < g.n; i++) {
            cgroup_change_member(changes, id, &g.members[i]);
        }
    }
    arena_close(&s.arena);
    return !s.nomem;
}

static int cgroup_load_all(struct machine_db *db, struct buf *changes)
{
    struct db_rows r =
        db_query(db, "SELECT id FROM groups ORDER BY id", NULL, 0);
    while (db_next(&r)) {
        if (!load_group(db, db_row_bytes(&r, 0), changes)) {
            db_end(&r);
            return ERR_NOMEM;
        }
    }
    r = db_query(db, "SELECT * FROM offsets ORDER BY grp,topic,part", NULL, 0);
    while (db_next(&r)) {
        load_offset(&r, changes);
    }
    return db_status(db) != 0 ? db_status(db) : changes->status;
}

const struct machine_type cgroup_machine = {
    .name = "groups",
    .version = 1,
    .schema = schema_1,
    .migrate = cgroup_migrate,
    .apply = cgroup_apply,
    .load = cgroup_load_all,
    .tables = tables,
};
