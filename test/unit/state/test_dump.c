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

#include "base/rand.h"
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

static void see_table(void *arg, const char *name, const char *sql, int64_t n)
{
    (void)sql;
    *(int64_t *)arg += name[0] != '\0' && n != 0;
}

static void see_cells(void *arg, const struct state_dump_cell cells[],
                      unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        *(int64_t *)arg += cells[i].column[0];
        for (size_t k = 0; k < cells[i].bytes.len; k++) {
            *(int64_t *)arg += cells[i].bytes.data[k];
        }
    }
}

/* A few bytes of it are others, or it ends early. */
static void damage(struct rand *r, struct bytes_of *b)
{
    for (uint64_t n = rand_below(r, 6); n > 0 && b->len > 0; n--) {
        size_t at = (size_t)rand_below(r, rand_below(r, 2) ? 200 : b->len);
        size_t len = 1 + (size_t)rand_below(r, rand_below(r, 4) ? 4 : 600);
        uint8_t with = (uint8_t)rand_below(r, 256);
        for (size_t k = at; k < at + len && k < b->len; k++) {
            b->p[k] = rand_below(r, 2) ? with : (uint8_t)rand_below(r, 256);
        }
    }
    if (rand_below(r, 8) == 0) {
        b->len = (size_t)rand_below(r, b->len + 1);
    }
}

/* Files of a disk that does not keep what it was given: they are read, or what
 * is wrong is said; nothing worse. */
static void any_damage(void **state)
{
    struct bytes_of d = {malloc(db.len), 0}, w = {malloc(wal.len), 0};
    struct rand r;
    unsigned opened = 0, read = 0;
    (void)state;
    assert_non_null(d.p);
    assert_non_null(w.p);
    rand_init(&r, 20261122);
    for (unsigned i = 0; i < 3000; i++) {
        struct state_dump *s;
        struct err err = {""};
        int64_t seen = 0;
        memcpy(d.p, db.p, d.len = db.len);
        memcpy(w.p, wal.p, w.len = wal.len);
        damage(&r, &d);
        damage(&r, &w);
        if (state_dump_open(mem, slice_of(d.p, d.len), slice_of(w.p, w.len), &s,
                            &err) != 0) {
            assert_true(err.text[0] != '\0');
            continue;
        }
        opened++;
        if (state_dump_tables(s, see_table, &seen, &err) == 0 &&
            state_dump_rows(s, "t", 1000, see_cells, &seen, &err) == 0) {
            read++;
        }
        state_dump_close(s);
    }
    free(d.p);
    free(w.p);
    print_message("%u opened, %u read\n", opened, read);
    assert_true(opened > 500 && read > 100 && read < 3000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(log_is_replayed, setup, teardown),
        cmocka_unit_test_setup_teardown(damaged_log_ends_there, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(nonsense_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(rows, setup, teardown),
        cmocka_unit_test_setup_teardown(any_damage, setup, teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
