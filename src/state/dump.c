/* dump.c - a database and its write-ahead log, read in memory.
 *
 * The log's format is SQLite's ("WAL-mode file format"): a header of 32 bytes
 * {magic, version, page size, checkpoint, salt 1, salt 2, checksum 1, 2}, then
 * frames {page number, pages after a commit or 0, salts, checksums; page},
 * big-endian, the checksums running on from frame to frame in words of the
 * byte order that the magic's last bit names.
 */
#include "state/dump.h"

#include <sqlite3.h>
#include <string.h>

#include "base/bytes.h"

#define DB_HEAD_BYTES   100
#define DB_AT_PAGE_SIZE 16
#define DB_AT_WRITE     18 /* 2: write-ahead log; 1: none */
#define DB_AT_READ      19
#define WAL_HEAD_BYTES  32
#define WAL_FRAME_BYTES 24
#define WAL_MAGIC       0x377f0682u
#define COLUMNS_MAX     64
#define DUMP_BYTES_MAX  (1u << 30)

struct state_dump {
    struct mem *mem;
    uint8_t *bytes;
    size_t len, cap;
    sqlite3 *sql;
    unsigned wal_frames;
};

/* ---- the write-ahead log ------------------------------------------------- */

struct checksum {
    uint32_t a, b;
    bool big; /* words are big-endian */
};

static void checksum_add(struct checksum *c, const uint8_t *p, size_t len)
{
    for (size_t i = 0; i + 8 <= len; i += 8) {
        c->a += (c->big ? be32_load(p + i) : le32_load(p + i)) + c->b;
        c->b += (c->big ? be32_load(p + i + 4) : le32_load(p + i + 4)) + c->a;
    }
}

/* Go on with a frame; false if it is not of this log's run, or torn. */
static bool frame_next(struct checksum *c, const uint8_t *head,
                       const uint8_t *frame, size_t page_size)
{
    if (memcmp(frame + 8, head + 16, 8) != 0) { /* salts */
        return false;
    }
    checksum_add(c, frame, 8);
    checksum_add(c, frame + WAL_FRAME_BYTES, page_size);
    return be32_load(frame + 16) == c->a && be32_load(frame + 20) == c->b;
}

static bool put_page(struct state_dump *d, uint32_t number, const uint8_t *page,
                     size_t page_size)
{
    if (number == 0 || number > DUMP_BYTES_MAX / page_size) {
        return false;
    }
    size_t end = (size_t)number * page_size;
    if (end > d->cap) {
        uint8_t *bytes = mem_realloc(d->mem, d->bytes, end);
        if (bytes == NULL) {
            return false;
        }
        memset(bytes + d->cap, 0, end - d->cap);
        d->bytes = bytes;
        d->cap = end;
    }
    memcpy(d->bytes + end - page_size, page, page_size);
    return true;
}

/* Number of frames up to the last commit. */
static size_t committed(struct slice wal, size_t page_size)
{
    struct checksum c = {.big = (wal.data[3] & 1) != 0};
    size_t step = WAL_FRAME_BYTES + page_size, last = 0, n = 0;
    checksum_add(&c, wal.data, 24);
    if (be32_load(wal.data + 24) != c.a || be32_load(wal.data + 28) != c.b) {
        return 0;
    }
    for (size_t at = WAL_HEAD_BYTES; at + step <= wal.len; at += step) {
        if (!frame_next(&c, wal.data, wal.data + at, page_size)) {
            break;
        }
        n++;
        last = be32_load(wal.data + at + 4) != 0 ? n : last;
    }
    return last;
}

static int replay(struct state_dump *d, struct slice wal)
{
    if (wal.len < WAL_HEAD_BYTES || (be32_load(wal.data) & ~1u) != WAL_MAGIC) {
        return 0;
    }
    size_t page_size = be32_load(wal.data + 8);
    if (page_size < 512 || page_size > 65536 ||
        (page_size & (page_size - 1)) != 0) {
        return ERR_CORRUPT;
    }
    size_t n = committed(wal, page_size);
    for (size_t i = 0; i < n; i++) {
        const uint8_t *frame =
            wal.data + WAL_HEAD_BYTES + i * (WAL_FRAME_BYTES + page_size);
        if (!put_page(d, be32_load(frame), frame + WAL_FRAME_BYTES,
                      page_size)) {
            return ERR_NOMEM;
        }
        uint64_t pages = be32_load(frame + 4);
        if (pages > 0 && pages * page_size <= d->cap) {
            d->len = (size_t)(pages * page_size);
        }
    }
    d->wal_frames = (unsigned)n;
    return 0;
}

/* ---- life ---------------------------------------------------------------- */

static int fail(const struct state_dump *d, struct err *err)
{
    return err_set(err, ERR_CORRUPT, "%s", sqlite3_errmsg(d->sql));
}

static int open_sql(struct state_dump *d, struct err *err)
{
    if (d->len < DB_HEAD_BYTES) {
        return err_set(err, ERR_CORRUPT, "it holds no database yet");
    }
    d->bytes[DB_AT_WRITE] = 1; /* there is no log beside it any more */
    d->bytes[DB_AT_READ] = 1;
    if (sqlite3_open_v2(":memory:", &d->sql, SQLITE_OPEN_READWRITE, NULL) !=
            SQLITE_OK ||
        sqlite3_deserialize(d->sql, "main", d->bytes, (sqlite3_int64)d->len,
                            (sqlite3_int64)d->cap,
                            SQLITE_DESERIALIZE_READONLY) != SQLITE_OK ||
        sqlite3_exec(d->sql, "PRAGMA trusted_schema=OFF", NULL, NULL, NULL) !=
            SQLITE_OK) {
        return fail(d, err);
    }
    return 0;
}

int state_dump_open(struct mem *mem, struct slice db, struct slice wal,
                    struct state_dump **ret_d, struct err *err)
{
    struct state_dump *d = mem_calloc(mem, 1, sizeof *d);
    if (d == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    *d = (struct state_dump){.mem = mem, .len = db.len, .cap = db.len};
    d->bytes = mem_alloc(mem, db.len > 0 ? db.len : 1);
    int rv = d->bytes == NULL ? ERR_NOMEM : 0;
    if (rv == 0) {
        memcpy(d->bytes, db.data, db.len);
        rv = replay(d, wal);
    }
    rv = rv != 0 ? err_set(err, rv, "its write-ahead log: %s", err_text(rv))
                 : open_sql(d, err);
    if (rv != 0) {
        state_dump_close(d);
        return rv;
    }
    *ret_d = d;
    return 0;
}

void state_dump_close(struct state_dump *d)
{
    if (d != NULL) {
        sqlite3_close(d->sql);
        mem_free(d->mem, d->bytes);
        mem_free(d->mem, d);
    }
}

unsigned state_dump_wal_frames(const struct state_dump *d)
{
    return d->wal_frames;
}

/* ---- reading ------------------------------------------------------------- */

/* "SELECT ... FROM table", the name quoted. */
static sqlite3_stmt *prepare(struct state_dump *d, const char *select,
                             const char *table)
{
    sqlite3_stmt *stmt = NULL;
    char *sql = sqlite3_mprintf("%s FROM \"%w\"", select, table);
    if (sql != NULL) {
        sqlite3_prepare_v2(d->sql, sql, -1, &stmt, NULL);
        sqlite3_free(sql);
    }
    return stmt;
}

static int count_rows(struct state_dump *d, const char *table, int64_t *ret_n)
{
    sqlite3_stmt *stmt = prepare(d, "SELECT count(*)", table);
    int rc = stmt != NULL ? sqlite3_step(stmt) : SQLITE_ERROR;
    if (rc == SQLITE_ROW) {
        *ret_n = sqlite3_column_int64(stmt, 0);
    }
    sqlite3_finalize(stmt);
    return rc == SQLITE_ROW ? 0 : ERR_CORRUPT;
}

int state_dump_tables(struct state_dump *d, state_dump_table_cb cb, void *arg,
                      struct err *err)
{
    sqlite3_stmt *stmt = NULL;
    int rv = 0, rc;
    if (sqlite3_prepare_v2(d->sql,
                           "SELECT name, sql FROM sqlite_schema WHERE "
                           "type = 'table' ORDER BY name",
                           -1, &stmt, NULL) != SQLITE_OK) {
        return fail(d, err);
    }
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW && rv == 0) {
        const char *name = (const char *)sqlite3_column_text(stmt, 0);
        const char *sql = (const char *)sqlite3_column_text(stmt, 1);
        int64_t n = 0;
        rv = name != NULL ? count_rows(d, name, &n) : ERR_CORRUPT;
        if (rv == 0) {
            cb(arg, name, sql != NULL ? sql : "", n);
        }
    }
    rv = rv != 0 || rc != SQLITE_DONE ? fail(d, err) : 0;
    sqlite3_finalize(stmt);
    return rv;
}

static struct state_dump_cell cell_of(sqlite3_stmt *stmt, int i)
{
    struct state_dump_cell c = {.column = sqlite3_column_name(stmt, i)};
    switch (sqlite3_column_type(stmt, i)) {
    case SQLITE_NULL:
        break;
    case SQLITE_INTEGER:
        c.kind = STATE_INT;
        c.i = sqlite3_column_int64(stmt, i);
        break;
    case SQLITE_BLOB:
        c.kind = STATE_BLOB;
        c.bytes.data = sqlite3_column_blob(stmt, i);
        c.bytes.len = (size_t)sqlite3_column_bytes(stmt, i);
        break;
    default:
        c.kind = STATE_TEXT;
        c.bytes.data = sqlite3_column_text(stmt, i);
        c.bytes.len = (size_t)sqlite3_column_bytes(stmt, i);
        break;
    }
    return c;
}

int state_dump_rows(struct state_dump *d, const char *table, int64_t limit,
                    state_dump_row_cb cb, void *arg, struct err *err)
{
    struct state_dump_cell cells[COLUMNS_MAX];
    int rc = SQLITE_DONE;
    if (sqlite3_table_column_metadata(d->sql, "main", table, NULL, NULL, NULL,
                                      NULL, NULL, NULL) != SQLITE_OK) {
        return err_set(err, ERR_NOTFOUND, "no table %s", table);
    }
    sqlite3_stmt *stmt = prepare(d, "SELECT *", table);
    if (stmt == NULL) {
        return fail(d, err);
    }
    int n = sqlite3_column_count(stmt);
    n = n < COLUMNS_MAX ? n : COLUMNS_MAX;
    while (limit-- > 0 && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        for (int i = 0; i < n; i++) {
            cells[i] = cell_of(stmt, i);
        }
        cb(arg, cells, (unsigned)n);
    }
    int rv = rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : fail(d, err);
    sqlite3_finalize(stmt);
    return rv;
}
