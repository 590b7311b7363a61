/* checkpoint.c - a machine's database as a file: opened, made durable, copied
 * into an image, replaced by one, put into quarantine, closed. On the state
 * thread. */
#include <stdio.h>

#include "base/assert.h"
#include "env/file.h"
#include "state/machine_impl.h"

/* The first ones, and the newest, so that no disk fills up. */
#define QUARANTINE_MAX 8
/* Rows read again with each checkpoint: a few milliseconds. */
#define VERIFY_ROWS  4096
#define VERIFY_BYTES (4u << 20)

void path_parent(const char *path, char out[MACHINE_PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    int len = slash == NULL ? 0 : (int)(slash - path);
    snprintf(out, MACHINE_PATH_MAX, "%.*s", len, path);
    if (len == 0) {
        snprintf(out, MACHINE_PATH_MAX, "%s", slash == NULL ? "." : "/");
    }
}

static int sync_parent(struct env *e, const char *path)
{
    char dir[MACHINE_PATH_MAX];
    path_parent(path, dir);
    return env_sync_dir(e, dir);
}

/* ---- quarantine ---------------------------------------------------------
 */

static int move_aside(struct machine *m, const char *suffix, const char *to)
{
    char from[MACHINE_PATH_MAX + 8], target[MACHINE_PATH_MAX + 40];
    snprintf(from, sizeof from, "%s%s", m->path, suffix);
    snprintf(target, sizeof target, "%s%s", to, suffix);
    int rv = env_rename(m->env, from, target);
    return rv == ERR_NOTFOUND ? 0 : rv;
}

/* Where it goes: the first name that is free, or the last one. */
static int quarantine_name(struct machine *m, const char *dir, char to[],
                           size_t size, bool *ret_taken)
{
    const char *slash = strrchr(m->path, '/');
    const char *base = slash == NULL ? m->path : slash + 1;
    *ret_taken = false;
    for (unsigned n = 1; n <= QUARANTINE_MAX; n++) {
        int len = snprintf(to, size, "%s/%s.%u", dir, base, n);
        int rv =
            (size_t)len >= size ? ERR_FULL : env_stat(m->env, to, NULL, NULL);
        if (rv != 0) {
            return rv == ERR_NOTFOUND ? 0 : rv;
        }
    }
    *ret_taken = true;
    return 0;
}

/* The copy that was there goes; or what a power cut left of one. */
static int quarantine_clear(struct machine *m, const char *dir, const char *to)
{
    static const char *const suffixes[] = {"", "-wal", "-journal"};
    char path[MACHINE_PATH_MAX + 48];
    int rv = 0;
    for (unsigned i = 0; rv == 0 && i < 3; i++) {
        snprintf(path, sizeof path, "%s%s", to, suffixes[i]);
        rv = env_unlink(m->env, path);
        rv = rv == ERR_NOTFOUND ? 0 : rv;
    }
    return rv != 0 ? rv : env_sync_dir(m->env, dir);
}

/* Move a database to quarantine/NAME.N beside it; it is evidence, and perhaps
 * the only copy of something. */
static int quarantine(struct machine *m, struct err *ret_to, struct err *err)
{
    char dir[MACHINE_PATH_MAX], q[MACHINE_PATH_MAX + 16];
    char to[MACHINE_PATH_MAX + 32];
    bool taken = false;
    path_parent(m->path, dir);
    snprintf(q, sizeof q, "%s/quarantine", dir);
    int rv = env_mkdir(m->env, q);
    rv = rv == ERR_EXISTS ? 0 : rv;
    rv = rv != 0 ? rv : quarantine_name(m, q, to, sizeof to, &taken);
    rv = rv != 0 ? rv : quarantine_clear(m, q, to);
    rv = rv != 0 ? rv : move_aside(m, "-wal", to);
    rv = rv != 0 ? rv : move_aside(m, "-journal", to);
    rv = rv != 0 ? rv : move_aside(m, "", to);
    rv = rv != 0 ? rv : env_sync_dir(m->env, q);
    rv = rv != 0 ? rv : env_sync_dir(m->env, dir);
    if (rv != 0) {
        err_wrap(err, "%s: cannot be moved to quarantine: %s", m->path,
                 err_text(rv));
        return rv;
    }
    err_set(ret_to, 0, "%s%s", to,
            taken ? " (the copy that was there is deleted)" : "");
    return 0;
}

/* ---- opening ------------------------------------------------------------
 */

/* Bring the tables from version `from` to the type's. */
static int migrate(struct machine *m, struct op *o, unsigned from)
{
    db_begin(m->db);
    if (from == 0) {
        db_exec(m->db,
                "CREATE TABLE applied(id INTEGER PRIMARY KEY CHECK(id=1),"
                "idx INTEGER NOT NULL,term INTEGER NOT NULL,"
                "hash INTEGER NOT NULL,version INTEGER NOT NULL,"
                "type TEXT NOT NULL,seal INTEGER NOT NULL)");
        m->held = (struct db_applied){.index = MACHINE_BOOTSTRAP_INDEX,
                                      .term = MACHINE_BOOTSTRAP_TERM};
        snprintf(m->held.type, sizeof m->held.type, "%s", m->type->name);
    }
    int rv = m->type->migrate(m->db, from, o->bootstrap);
    if (rv != 0 && db_status(m->db) == 0) {
        db_exec(m->db, "ROLLBACK");
        return err_set(&o->err, rv, "%s: migrate from version %u: %s", m->path,
                       from, err_text(rv));
    }
    db_set_hash(m->db, db_scan_hash(m->db));
    m->held.version = m->type->version;
    m->held.hash = db_hash(m->db);
    db_store_applied(m->db, &m->held);
    db_commit(m->db);
    db_checkpoint(m->db);
    return db_status(m->db) == 0 ? 0 : db_err(m->db, &o->err);
}

/* Whether the file's tables are those of the type. SQLite keeps their CREATE
 * statements as text: a changed name of a column goes unseen until a statement
 * asks for it, and the rows are none the worse. */
static bool schema_is(struct machine_db *db, const struct machine_type *type)
{
    const char *schema = type->schema;
    unsigned n = 0, expected = 0;
    bool same = true;
    for (const char *p = schema; (p = strchr(p, ';')) != NULL; p++) {
        expected++;
    }
    struct db_rows r = db_query(db,
                                "SELECT sql FROM sqlite_schema WHERE sql IS "
                                "NOT NULL AND name<>'applied'",
                                NULL, 0);
    while (db_next(&r)) {
        struct slice sql = db_row_bytes(&r, 0);
        const char *at = memmem(schema, strlen(schema), sql.data, sql.len);
        same = same && sql.len > 0 && at != NULL && at[sql.len] == ';';
        n++;
    }
    db_end(&r);
    return db_status(db) != 0 || (same && n == expected);
}

static bool type_is(const struct machine *m, const struct db_applied *a)
{
    return strcmp(a->type, m->type->name) == 0;
}

/* A database that is there: does it fit, and is it whole? */
static int examine(struct machine *m, struct op *o)
{
    db_load_applied(m->db, &m->held);
    if (db_status(m->db) != 0) {
        return db_err(m->db, &o->err);
    }
    if (!type_is(m, &m->held)) {
        return err_set(&o->err, ERR_INVALID,
                       "%s: holds a machine of type \"%s\", not \"%s\"",
                       m->path, m->held.type, m->type->name);
    }
    if (m->held.version > (int64_t)m->type->version) {
        return err_set(&o->err, ERR_VERSION,
                       "%s: version %lld was made by a newer program, this "
                       "one knows up to %u",
                       m->path, (long long)m->held.version, m->type->version);
    }
    db_set_hash(m->db, m->held.hash);
    if (m->held.version < (int64_t)m->type->version) {
        return migrate(m, o, (unsigned)m->held.version);
    }
    if (!schema_is(m->db, m->type)) {
        return err_set(&o->err, ERR_CORRUPT,
                       "%s: its tables are not those of version %u", m->path,
                       m->type->version);
    }
    uint64_t hash = db_scan_hash(m->db);
    if (db_status(m->db) == ERR_INTERNAL) { /* a table is gone */
        db_err(m->db, &o->err);
        return ERR_CORRUPT;
    }
    if (hash != m->held.hash && db_status(m->db) == 0) {
        return err_set(&o->err, ERR_CORRUPT,
                       "%s: its rows do not have the hash that is kept",
                       m->path);
    }
    return db_status(m->db) == 0 ? 0 : db_err(m->db, &o->err);
}

int machine_load(struct machine *m, struct op *o)
{
    int rv =
        db_open(m->env, m->type, m->path, DB_LIVE, o->unclean, &m->db, &o->err);
    if (rv != 0) {
        m->db = NULL;
        return rv;
    }
    o->fresh = db_empty(m->db);
    rv = db_status(m->db) != 0 ? db_err(m->db, &o->err)
         : o->fresh            ? migrate(m, o, 0)
                               : examine(m, o);
    if (rv == 0) {
        rv = m->type->load(m->db, &o->changes);
        db_settle(m->db);
        rv = db_status(m->db) != 0 ? db_err(m->db, &o->err)
             : rv != 0             ? rv
                                   : o->changes.status;
    }
    if (rv == 0) {
        o->applied = m->held;
        return 0;
    }
    if (o->err.text[0] == '\0') {
        err_set(&o->err, rv, "%s: %s", m->path, err_text(rv));
    }
    db_close(m->db);
    m->db = NULL;
    return rv;
}

/* A damaged one is out of the way: begin with a fresh one. */
static int load_again(struct op *o)
{
    struct err to = {""};
    int rv = quarantine(o->machine, &to, &o->err);
    if (rv != 0) {
        return rv;
    }
    o->aside = o->err;
    err_wrap(&o->aside, "moved to %s", to.text);
    o->err = (struct err){""};
    buf_reset(&o->changes);
    return machine_load(o->machine, o);
}

void op_open(struct op *o)
{
    o->status = machine_load(o->machine, o);
    if (o->status == ERR_CORRUPT && !o->keep_damaged) {
        o->status = load_again(o);
    }
    if (o->status != 0) {
        err_wrap(&o->err, "%s", o->machine->name);
    }
}

/* Close the database; what it held goes to quarantine/, unless it is damaged
 * by nothing and holds nothing. */
static void set_aside(struct op *o, struct err *ret_to)
{
    struct machine *m = o->machine;
    struct err err = {""};
    bool nothing = !m->broken && m->held.index <= MACHINE_BOOTSTRAP_INDEX;
    if (m->db == NULL) {
        return;
    }
    db_close(m->db);
    m->db = NULL;
    m->held = (struct db_applied){0};
    int rv = nothing ? 0 : quarantine(m, ret_to, &err);
    if (rv != 0) {
        env_fail(m->env, rv, "%s: %s", m->name, err.text);
    }
}

void op_void(struct op *o)
{
    struct machine *m = o->machine;
    if (o->installs != m->installs) {
        o->skipped = true; /* what was to go has gone */
        return;
    }
    set_aside(o, &o->aside);
    m->broken = true;
}

/* ---- durable, copied ----------------------------------------------------
 */

static void differ(struct op *o, uint64_t hash)
{
    struct machine *m = o->machine;
    err_set(&o->err, ERR_CORRUPT,
            "%s: its rows have hash %016llx, kept was %016llx: damaged or "
            "changed from outside",
            m->path, (unsigned long long)hash,
            (unsigned long long)m->held.hash);
    machine_break(o);
}

void op_checkpoint(struct op *o)
{
    struct machine *m = o->machine;
    uint64_t hash;
    if (m->db == NULL || m->broken) {
        return;
    }
    db_checkpoint(m->db);
    db_load_applied(m->db, &o->applied);
    bool done = db_verify(m->db, VERIFY_ROWS, VERIFY_BYTES, &hash);
    if (!machine_must(o)) {
        o->applied = (struct db_applied){0};
        return;
    }
    ASSERT(o->applied.index == m->held.index);
    if (done && hash != m->held.hash) {
        differ(o, hash);
        o->applied = (struct db_applied){0};
    }
}

/* The rows must have the hash that was kept: else this node has gone astray,
 * and must neither go on nor hand its state to others. */
static bool must_match(struct op *o)
{
    struct machine *m = o->machine;
    uint64_t hash = db_scan_hash(m->db);
    if (machine_must(o) && hash != m->held.hash) {
        differ(o, hash);
    }
    return !m->broken;
}

static int sync_file(struct env *e, const char *path, uint64_t *ret_bytes)
{
    struct bfile *f;
    int rv = bfile_open(e, path, FILE_READ | FILE_WRITE, &f, NULL);
    if (rv != 0) {
        return rv;
    }
    rv = bfile_size(f, ret_bytes);
    rv = rv != 0 ? rv : bfile_sync(f);
    bfile_close(f);
    return rv != 0 ? rv : sync_parent(e, path);
}

void op_image(struct op *o)
{
    struct machine *m = o->machine;
    if (m->db == NULL || m->broken) {
        o->status = ERR_CORRUPT;
        return;
    }
    int rv = env_unlink(m->env, o->path);
    if (rv != 0 && rv != ERR_NOTFOUND) {
        o->status = rv;
        return;
    }
    if (!must_match(o)) {
        return;
    }
    db_copy(m->db, o->path);
    if (!machine_must(o)) {
        return;
    }
    rv = sync_file(m->env, o->path, &o->bytes);
    if (rv != 0) {
        env_fail(m->env, rv, "%s: %s: %s", m->name, o->path, err_text(rv));
    }
    o->applied = m->held;
}

/* ---- installed ----------------------------------------------------------
 */

/* Is the file at `o->path` whole, ours, and of the hash that was promised? */
static int image_check(struct machine *m, struct op *o)
{
    struct machine_db *db = NULL;
    struct db_applied a;
    int rv = db_open(m->env, m->type, o->path, DB_IMAGE, true, &db, &o->err);
    if (rv != 0) {
        return rv;
    }
    db_load_applied(db, &a);
    rv = db_status(db);
    if (rv == ERR_NOMEM || rv == ERR_IO) {
        rv = db_err(db, &o->err);
    } else if (rv != 0 || !type_is(m, &a)) {
        rv = err_set(&o->err, ERR_CORRUPT, "%s: is no image of \"%s\"", o->path,
                     m->type->name);
    } else if (a.version > (int64_t)m->type->version) {
        rv = err_set(&o->err, ERR_VERSION, "%s: was made by a newer program",
                     o->path);
    } else if (a.version == (int64_t)m->type->version &&
               !schema_is(db, m->type)) {
        rv = err_set(&o->err, ERR_CORRUPT,
                     "%s: its tables are not those of version %u", o->path,
                     m->type->version);
    } else {
        bool same = db_scan_hash(db) == o->hash && a.hash == o->hash;
        rv = db_status(db);
        if (rv != 0) {
            rv = db_err(db, &o->err);
        } else if (!same) {
            rv = err_set(&o->err, ERR_CORRUPT,
                         "%s: does not have the hash promised", o->path);
        }
    }
    db_close(db);
    return rv;
}

/* Put the image where the database was. A power cut leaves the old database
 * without its write-ahead log, which is empty, or the new one. */
static int image_switch(struct machine *m, struct op *o)
{
    char wal[MACHINE_PATH_MAX + 8];
    struct err to = {""};
    uint64_t bytes;
    if (m->db != NULL && !m->broken) {
        db_checkpoint(m->db);
    }
    if (m->db != NULL && (m->broken || !machine_must(o))) {
        set_aside(o, &to); /* the image is whole: nothing to wait for */
        o->aside = to;
        o->status = 0;
        o->broke = false;
    }
    db_close(m->db);
    m->db = NULL;
    snprintf(wal, sizeof wal, "%s-wal", m->path);
    int rv = env_unlink(m->env, wal);
    rv = rv == ERR_NOTFOUND ? 0 : rv;
    rv = rv != 0 ? rv : sync_parent(m->env, m->path);
    rv = rv != 0 ? rv : sync_file(m->env, o->path, &bytes);
    rv = rv != 0 ? rv : env_rename(m->env, o->path, m->path);
    rv = rv != 0 ? rv : sync_parent(m->env, m->path);
    return rv != 0 ? rv : sync_parent(m->env, o->path);
}

void op_install(struct op *o)
{
    struct machine *m = o->machine;
    o->status = image_check(m, o);
    if (o->status != 0) {
        err_wrap(&o->err, "%s: install", m->name);
        return;
    }
    int rv = image_switch(m, o);
    if (rv != 0) {
        env_fail(m->env, rv, "%s: install %s: %s", m->name, o->path,
                 err_text(rv));
    }
    m->broken = false;
    rv = machine_load(m, o);
    if (rv != 0) {
        env_fail(m->env, rv, "%s: install: %s", m->name, o->err.text);
    }
}

/* ---- closing ------------------------------------------------------------
 */

void op_close(struct op *o)
{
    struct machine *m = o->machine;
    if (m->db != NULL && !m->broken) {
        db_checkpoint(m->db);
        machine_must(o);
    }
    db_close(m->db);
    m->db = NULL;
}
