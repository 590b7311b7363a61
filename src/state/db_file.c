/* db_file.c - opening, checking, copying and closing a database file. */
#include <stdio.h>

#include "base/assert.h"
#include "env/file.h"
#include "state/db_impl.h"

/* Pages SQLite may keep in memory: negative is KiB. */
#define CACHE_PRAGMA "PRAGMA cache_size=-1024"

/* ---- life ---------------------------------------------------------------
 */

/* Close the connection and give its memory back, whatever state it is in. */
static void connection_close(struct machine_db *db)
{
    sqlite3_stmt *stmt;
    if (db->sql == NULL) {
        return;
    }
    while ((stmt = sqlite3_next_stmt(db->sql, NULL)) != NULL) {
        sqlite3_finalize(stmt);
    }
    sqlite3_db_config(db->sql, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    int rc = sqlite3_close(db->sql);
    ASSERT(rc == SQLITE_OK);
    db->sql = NULL;
}

/* The node is freed whole: SQLite's heap is not part of it. */
static void on_end(void *arg)
{
    struct machine_db *db = arg;
    vfs_abandon(db->vfs);
    connection_close(db);
    vfs_close(db->vfs);
}

void db_close(struct machine_db *db)
{
    if (db == NULL) {
        return;
    }
    mem_end_cancel(db->mem, &db->end);
    connection_close(db);
    vfs_close(db->vfs);
    buf_close(&db->verify.bytes);
    mem_free(db->mem, db);
}

/* Let reads see the medium. */
static int drop_cache(struct machine_db *db, const char *suffix)
{
    char path[DB_PATH_MAX + 8];
    struct bfile *f;
    snprintf(path, sizeof path, "%s%s", db->path, suffix);
    int rv = bfile_open(db->env, path, FILE_READ, &f, NULL);
    if (rv != 0) {
        return rv == ERR_NOTFOUND ? 0 : rv;
    }
    rv = bfile_drop_cache(f);
    bfile_close(f);
    return rv;
}

static void pragmas(struct machine_db *db, enum db_mode mode)
{
    db_exec(db, "PRAGMA locking_mode=EXCLUSIVE");
    db_exec(db, "PRAGMA temp_store=MEMORY");
    db_exec(db, "PRAGMA mmap_size=0");
    db_exec(db, "PRAGMA cell_size_check=ON");
    db_exec(db, "PRAGMA trusted_schema=OFF");
    db_exec(db, CACHE_PRAGMA);
    if (mode == DB_LIVE) {
        db_exec(db, "PRAGMA page_size=4096");
        db_exec(db, "PRAGMA journal_mode=WAL");
        db_exec(db, "PRAGMA synchronous=NORMAL");
        db_exec(db, "PRAGMA wal_autocheckpoint=0");
    }
}

static bool is_wal(struct machine_db *db)
{
    struct db_rows r = db_query(db, "PRAGMA journal_mode", NULL, 0);
    bool wal =
        db_next(&r) && slice_equal(db_row_bytes(&r, 0), slice_str("wal"));
    db_end(&r);
    return wal;
}

static int attach(struct machine_db *db, enum db_mode mode)
{
    int flags = mode == DB_LIVE ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
                                : SQLITE_OPEN_READONLY;
    db_note(db, sqlite3_open_v2(db->path, &db->sql, flags | SQLITE_OPEN_NOMUTEX,
                                vfs_name(db->vfs)));
    if (db->status != 0) {
        return db->status;
    }
    sqlite3_extended_result_codes(db->sql, 1);
    pragmas(db, mode);
    if (db->status == 0 && mode == DB_LIVE && !is_wal(db) && db->status == 0) {
        db->status = ERR_INTERNAL;
        snprintf(db->text, sizeof db->text, "no write-ahead log");
    }
    return db->status;
}

int db_open(struct env *e, const struct machine_type *type, const char *path,
            enum db_mode mode, bool unclean, struct machine_db **ret_db,
            struct err *err)
{
    struct machine_db *db = mem_calloc(env_mem(e), 1, sizeof *db);
    if (db == NULL) {
        return err_set(err, ERR_NOMEM, "%s: %s", path, err_text(ERR_NOMEM));
    }
    db->env = e;
    db->mem = env_mem(e);
    db->type = type;
    buf_init(&db->verify.bytes, db->mem, 0);
    snprintf(db->path, sizeof db->path, "%s", path);
    int rv = vfs_open(e, &db->vfs);
    if (rv != 0) {
        mem_free(db->mem, db);
        return err_set(err, rv, "%s: %s", path, err_text(rv));
    }
    mem_at_end(db->mem, &db->end, on_end, db);
    if (unclean) {
        rv = drop_cache(db, "");
        rv = rv != 0 ? rv : drop_cache(db, "-wal");
        if (rv != 0) {
            err_set(err, rv, "%s: drop cached pages: %s", path, err_text(rv));
        }
    }
    if (rv == 0) {
        rv = attach(db, mode);
        if (rv != 0) {
            db_err(db, err);
        }
    }
    if (rv == 0 && unclean) {
        rv = db_check(db, err);
    }
    if (rv != 0) {
        db_close(db);
        return rv;
    }
    *ret_db = db;
    return 0;
}

/* ---- whole-file work ----------------------------------------------------
 */

int db_check(struct machine_db *db, struct err *err)
{
    struct db_rows r = db_query(db, "PRAGMA integrity_check(1)", NULL, 0);
    if (db_next(&r)) {
        struct slice s = db_row_bytes(&r, 0);
        if (!slice_equal(s, slice_str("ok"))) {
            /* A page that cannot be read is told as a row as well: that is no
             * damage. */
            int io = vfs_failed(db->vfs, NULL);
            db->status = io != 0 ? io : ERR_CORRUPT;
            snprintf(db->text, sizeof db->text, "integrity_check: %.*s",
                     (int)(s.len > 200 ? 200 : s.len), (const char *)s.data);
        }
    }
    db_end(&r);
    return db->status == 0 ? 0 : db_err(db, err);
}

void db_begin(struct machine_db *db)
{
    db_run(db, "BEGIN IMMEDIATE");
}

void db_commit(struct machine_db *db)
{
    db_run(db, "COMMIT");
}

void db_checkpoint(struct machine_db *db)
{
    int in_wal = -1, copied = -1;
    if (db->status != 0) {
        return;
    }
    db_note(db,
            sqlite3_wal_checkpoint_v2(db->sql, NULL, SQLITE_CHECKPOINT_TRUNCATE,
                                      &in_wal, &copied));
    /* Nobody else reads: it is complete, and the log empty. */
    ASSERT(db->status != 0 || (in_wal == 0 && copied == 0));
}

uint64_t db_log_bytes(const struct machine_db *db)
{
    return vfs_log_bytes(db->vfs);
}

void db_copy(struct machine_db *db, const char *path)
{
    const struct db_value v = db_str(path);
    struct db_rows r = db_query(db, "VACUUM INTO ?", &v, 1);
    while (db_next(&r)) {
    }
}

void db_settle(struct machine_db *db)
{
    char path[DB_PATH_MAX + 16];
    if (db->status != 0) {
        return;
    }
    snprintf(path, sizeof path, "%s-journal", db->path);
    int rv = env_unlink(db->env, path);
    rv = rv == ERR_NOTFOUND ? 0 : rv;
    rv = rv != 0 ? rv : vfs_sync_parent(db->vfs, db->path);
    if (rv != 0) {
        db->status = rv;
        snprintf(db->text, sizeof db->text, "names beside it");
    }
}

/* ---- what is applied ----------------------------------------------------
 */

bool db_empty(struct machine_db *db)
{
    return db_query_int(db, "SELECT count(*) FROM sqlite_schema", NULL, 0, 0) ==
           0;
}

/* A hash over the row: a damaged one is known without another copy. */
static int64_t applied_seal(const struct db_applied *a)
{
    const struct db_value v[] = {
        db_int((int64_t)a->index), db_int((int64_t)a->term),
        db_int((int64_t)a->hash), db_int(a->version), db_str(a->type)};
    return (int64_t)hash_row("applied", v, 5);
}

static bool applied_row(struct machine_db *db, struct db_applied *a)
{
    struct db_rows r = db_query(
        db, "SELECT idx,term,hash,version,type,seal FROM applied", NULL, 0);
    bool good = false;
    if (db_next(&r)) {
        struct slice type = db_row_bytes(&r, 4);
        a->index = (uint64_t)db_row_int(&r, 0);
        a->term = (uint64_t)db_row_int(&r, 1);
        a->hash = (uint64_t)db_row_int(&r, 2);
        a->version = db_row_int(&r, 3);
        snprintf(a->type, sizeof a->type, "%.*s",
                 (int)(type.len < 31 ? type.len : 31), (const char *)type.data);
        good = db_row_int(&r, 5) == applied_seal(a);
    }
    db_end(&r);
    return good;
}

void db_load_applied(struct machine_db *db, struct db_applied *ret_a)
{
    struct db_applied a = {0};
    bool good = applied_row(db, &a);
    /* Without this table it is no database of ours, or no longer. */
    if (!good && (db->status == 0 || db->status == ERR_INTERNAL)) {
        db->status = ERR_CORRUPT;
        if (db->text[0] == '\0') {
            snprintf(db->text, sizeof db->text, "table \"applied\"");
        }
    }
    *ret_a = a;
}

void db_store_applied(struct machine_db *db, const struct db_applied *a)
{
    const struct db_value v[] = {
        db_int((int64_t)a->index), db_int((int64_t)a->term),
        db_int((int64_t)a->hash),  db_int(a->version),
        db_str(a->type),           db_int(applied_seal(a))};
    struct db_rows r = db_query(
        db, "INSERT OR REPLACE INTO applied VALUES(1,?,?,?,?,?,?)", v, 6);
    while (db_next(&r)) {
    }
}
