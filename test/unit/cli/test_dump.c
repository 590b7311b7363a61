/* What a file is; which partition is meant. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "cli/dump.h"
#include "cli/partition.h"
#include "env/sim.h"
#include "record/batch.h"
#include "storage/segment_format.h"

static enum dump_kind kind(const char *path, const char *head)
{
    return dump_kind_of(path, slice_str(head));
}

static void kinds(void **state)
{
    uint8_t batch[BATCH_HEADER_LEN] = {0};
    (void)state;
    assert_int_equal(kind("x", "OSTFRAME...."), DUMP_JOURNAL);
    assert_int_equal(kind("a.seg", "OSTFRAME...."), DUMP_JOURNAL);
    assert_int_equal(kind("x", "OSTCHECK...."), DUMP_CHECKPOINT);
    assert_int_equal(kind("x", "OIDX"), DUMP_INDEX);
    assert_int_equal(dump_kind_of("x", slice_of("SQLite format 3", 16)),
                     DUMP_STATE);
    assert_int_equal(kind("d/00000001.j", ""), DUMP_JOURNAL);
    assert_int_equal(kind("d/checkpoint.1", ""), DUMP_CHECKPOINT);
    assert_int_equal(kind("d/00000000000000000417.seg", ""), DUMP_SEGMENT);
    assert_int_equal(kind("d/00000000000000000417.idx", ""), DUMP_INDEX);
    assert_int_equal(kind("meta.db", ""), DUMP_STATE);
    assert_int_equal(kind("j/passwd", "root:x:0:0:root"), DUMP_UNKNOWN);
    batch[BATCH_AT_MAGIC] = BATCH_MAGIC;
    batch[BATCH_AT_LENGTH + 3] = BATCH_HEADER_LEN - BATCH_PREFIX_LEN;
    assert_int_equal(dump_kind_of("x", slice_of(batch, sizeof batch)),
                     DUMP_SEGMENT);
}

static void partitions(void **state)
{
    static const char *const bad[] = {
        "",     "orders", "orders/",       "/1",  "a/-1", "a/1x",
        "a/ 1", "@",      "a/99999999999", "a/+1"};
    struct slice topic;
    int32_t n = 7;
    (void)state;
    assert_int_equal(partition_parse("orders/12", &topic, &n), 0);
    assert_true(slice_equal(topic, slice_str("orders")));
    assert_int_equal(n, 12);
    assert_int_equal(partition_parse("@meta", &topic, &n), 0);
    assert_int_equal(n, -1);
    assert_int_equal(partition_parse("@meta/0", &topic, &n), 0);
    assert_true(slice_equal(topic, slice_str("@meta")));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(partition_parse(bad[i], &topic, &n), ERR_INVALID);
    }
}

static void index_make(uint8_t index[INDEX_HEAD_BYTES + 2 * BLOCK_BYTES])
{
    uint8_t *block = index + INDEX_HEAD_BYTES;
    memset(index, 0, INDEX_HEAD_BYTES + 2 * BLOCK_BYTES);
    le32_store(index + INDEX_AT_MAGIC, INDEX_MAGIC);
    le32_store(index + INDEX_AT_HEAD_CRC, crc32c(index, INDEX_AT_HEAD_CRC));
    for (unsigned i = 0; i < 2; i++, block += BLOCK_BYTES) {
        le64_store(block + BLOCK_AT_POSITION, 1 + i);
        le32_store(block + BLOCK_AT_CRC, crc32c(block, BLOCK_AT_CRC));
    }
}

/* Damage behind --limit is damage: an index of two blocks, the second of which
 * is not what its checksum says. */
static void limited(void **state)
{
    uint8_t index[INDEX_HEAD_BYTES + 2 * BLOCK_BYTES];
    char name[64];
    (void)state;
    snprintf(name, sizeof name, "dump-%ld.idx", (long)getpid());
    char *argv[] = {(char[]){"ostraka"}, (char[]){"dump"}, name,
                    (char[]){"--limit"}, (char[]){"1"}};
    index_make(index);
    for (unsigned damaged = 0; damaged < 2; damaged++) {
        FILE *f = fopen(name, "w");
        assert_non_null(f);
        assert_int_equal(fwrite(index, sizeof index, 1, f), 1);
        assert_int_equal(fclose(f), 0);
        assert_int_equal(command_main(5, argv),
                         damaged ? EXIT_FAILED : EXIT_DONE);
        index[INDEX_HEAD_BYTES + BLOCK_BYTES + BLOCK_AT_TIME_MAX] ^= 1;
    }
    unlink(name);
}

struct odd_disk {
    struct sim *sim;
    int code; /* of dump */
};

static void on_node(struct env *e, void *arg)
{
    (void)e;
    (void)arg;
}

/* Make an index, two calls, and dump it. */
static void dump_as_node(void *arg)
{
    struct odd_disk *o = arg;
    struct env *e = sim_node_env(o->sim, 1);
    struct command_call call = {.mem = env_mem(e), .env = e};
    struct dump d = {.call = &call, .path = "a.idx", .limit = 10};
    uint8_t index[INDEX_HEAD_BYTES + 2 * BLOCK_BYTES];
    index_make(index);
    assert_int_equal(bfile_open(e, d.path, FILE_READ | FILE_WRITE | FILE_CREATE,
                                &d.file, NULL),
                     0);
    assert_int_equal(bfile_write(d.file, index, sizeof index, 0), 0);
    d.size = sizeof index;
    buf_init(&d.window, call.mem, 0);
    o->code = dump_file(&d);
    buf_close(&d.window);
    bfile_close(d.file);
}

/* What could not be read is not taken for what is not there. */
static void unread(void **state)
{
    struct sim_options so = {.seed = 1};
    struct odd_disk o = {.sim = sim_new(&so)};
    struct sim_disk *disk = sim_disk_new(o.sim, 1);
    struct env *e;
    unsigned n = 0;
    bool fired = true;
    (void)state;
    assert_int_equal(sim_node_start(o.sim, 1, "n", disk, on_node, NULL, &e), 0);
    for (unsigned i = 3; fired; i++) { /* behind the open and the write */
        sim_io_fail_at(o.sim, 1, i, false, ERR_IO);
        assert_int_equal(sim_node_call(o.sim, 1, dump_as_node, &o), 0);
        fired = sim_io_fail_fired(o.sim, 1);
        sim_io_fail_at(o.sim, 1, 0, false, 0);
        n += o.code == EXIT_FAILED;
    }
    assert_int_equal(n, 4); /* the first bytes, the head, two blocks */
    sim_free(o.sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds), cmocka_unit_test(partitions),
        cmocka_unit_test(limited), cmocka_unit_test(unread)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
