/* A database and its write-ahead log, read from bytes: what was committed is
 * there, a torn end is not, nonsense is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "state/dump.h"

struct bytes_of {
    uint8_t *p;
    size_t len;
};

static struct mem *mem;
static struct bytes_of db, wal;

static struct bytes_of load(const char *path)
{
    struct bytes_of b = {NULL, 0};
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    fseek(f, 0, SEEK_END);
    b.len = (size_t)ftell(f);
    rewind(f);
    b.p = malloc(b.len + 1);
    assert_non_null(b.p);
    assert_int_equal(fread(b.p, 1, b.len, f), b.len);
    fclose(f);
    return b;
}

/* Two rows in the file, two more in the log, each its own commit. */
static int setup(void **state)
{
    char dir[] = "/tmp/dump.XXXXXX", path[64], log[64];
    sqlite3 *sql;
    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/t.db", dir);
    snprintf(log, sizeof log, "%s/t.db-wal", dir);
    assert_int_equal(sqlite3_open(path, &sql), SQLITE_OK);
    sqlite3_db_config(sql, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    assert_int_equal(
        sqlite3_exec(sql,
                     "PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0;"
                     "CREATE TABLE t(k INTEGER PRIMARY KEY, v, b BLOB);"
                     "INSERT INTO t VALUES(1,'one',x'00ff'),(2,NULL,NULL);"
                     "PRAGMA wal_checkpoint(TRUNCATE);"
                     "INSERT INTO t VALUES(3,'three',x'');"
                     "INSERT INTO t VALUES(4,44,x'');",
                     NULL, NULL, NULL),
        SQLITE_OK);
    db = load(path);
    wal = load(log);
    sqlite3_close(sql);
    unlink(path);
    unlink(log);
    strcat(path, "-shm");
    unlink(path);
    rmdir(dir);
    mem = mem_new(0);
    return mem == NULL;
}

static int teardown(void **state)
{
    (void)state;
    assert_int_equal(mem_blocks(mem), 0);
    mem_free_all(mem);
    free(db.p);
    free(wal.p);
    return 0;
}

static void count_table(void *arg, const char *name, const char *sql, int64_t n)
{
    assert_string_equal(name, "t");
    assert_non_null(strstr(sql, "CREATE TABLE t"));
    *(int64_t *)arg = n;
}

/* Rows of table t with so much of both files; -1: refused. */
static int64_t rows_of(size_t db_len, size_t wal_len)
{
    struct state_dump *d;
    struct err err = {""};
    int64_t n = -1;
    if (state_dump_open(mem, slice_of(db.p, db_len), slice_of(wal.p, wal_len),
                        &d, &err) != 0) {
        return -1;
    }
    if (state_dump_tables(d, count_table, &n, &err) != 0) {
        n = -1;
    }
    state_dump_close(d);
    return n;
}

static void log_is_replayed(void **state)
{
    (void)state;
    assert_int_equal(rows_of(db.len, 0), 2);
    assert_int_equal(rows_of(db.len, wal.len), 4);
    assert_int_equal(rows_of(db.len, wal.len - 1), 3); /* torn */
    assert_int_equal(rows_of(db.len, 31), 2);
}

static void damaged_log_ends_there(void **state)
{
    (void)state;
    wal.p[wal.len - 5] ^= 1; /* the last page */
    assert_int_equal(rows_of(db.len, wal.len), 3);
    wal.p[wal.len - 5] ^= 1;
    wal.p[17] ^= 1; /* a salt of the head: not what its checksum says */
    assert_int_equal(rows_of(db.len, wal.len), 2);
    wal.p[17] ^= 1;
    wal.p[10] = 0x7f; /* no page is that large */
    assert_int_equal(rows_of(db.len, wal.len), -1);
}

static void nonsense_is_refused(void **state)
{
    (void)state;
    assert_int_equal(rows_of(0, 0), -1);
    assert_int_equal(rows_of(99, 0), -1);
    memset(db.p, 0x55, 64);
    assert_int_equal(rows_of(db.len, 0), -1);
}

static void check_cells(void *arg, const struct state_dump_cell cells[],
                        unsigned n)
{
    int64_t *seen = arg;
    assert_int_equal(n, 3);
    assert_string_equal(cells[0].column, "k");
    assert_int_equal(cells[0].i, ++*seen);
    if (*seen == 1) {
        assert_int_equal(cells[1].kind, STATE_TEXT);
        assert_true(slice_equal(cells[1].bytes, slice_str("one")));
        assert_int_equal(cells[2].kind, STATE_BLOB);
        assert_int_equal(cells[2].bytes.len, 2);
    }
    if (*seen == 2) {
        assert_int_equal(cells[1].kind, STATE_NULL);
    }
    if (*seen == 4) {
        assert_int_equal(cells[1].kind, STATE_INT);
        assert_int_equal(cells[1].i, 44);
    }
}

static void rows(void **state)
{
    struct state_dump *d;
    struct err err = {""};
    int64_t seen = 0;
    (void)state;
    assert_int_equal(state_dump_open(mem, slice_of(db.p, db.len),
                                     slice_of(wal.p, wal.len), &d, &err),
                     0);
    assert_int_equal(state_dump_wal_frames(d), 2);
    assert_int_equal(
        state_dump_rows(d, "t", INT64_MAX, check_cells, &seen, &err), 0);
    assert_int_equal(seen, 4);
    seen = 0;
    assert_int_equal(state_dump_rows(d, "t", 2, check_cells, &seen, &err), 0);
    assert_int_equal(seen, 2);
    assert_int_equal(
        state_dump_rows(d, "x\"; DROP", 2, check_cells, &seen, &err),
        ERR_NOTFOUND);
    state_dump_close(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(log_is_replayed, setup, teardown),
        cmocka_unit_test_setup_teardown(damaged_log_ends_there, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(nonsense_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(rows, setup, teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
