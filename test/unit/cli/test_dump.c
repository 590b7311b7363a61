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

/* Damage behind --limit is damage: an index of two blocks, the second of which
 * is not what its checksum says. */
static void limited(void **state)
{
    uint8_t index[INDEX_HEAD_BYTES + 2 * BLOCK_BYTES] = {0};
    uint8_t *block = index + INDEX_HEAD_BYTES;
    char name[64];
    (void)state;
    snprintf(name, sizeof name, "dump-%ld.idx", (long)getpid());
    char *argv[] = {(char[]){"ostraka"}, (char[]){"dump"}, name,
                    (char[]){"--limit"}, (char[]){"1"}};
    le32_store(index + INDEX_AT_MAGIC, INDEX_MAGIC);
    le32_store(index + INDEX_AT_HEAD_CRC, crc32c(index, INDEX_AT_HEAD_CRC));
    for (unsigned i = 0; i < 2; i++, block += BLOCK_BYTES) {
        le64_store(block + BLOCK_AT_POSITION, 1 + i);
        le32_store(block + BLOCK_AT_CRC, crc32c(block, BLOCK_AT_CRC));
    }
    for (unsigned damaged = 0; damaged < 2; damaged++) {
        FILE *f = fopen(name, "w");
        assert_non_null(f);
        assert_int_equal(fwrite(index, sizeof index, 1, f), 1);
        assert_int_equal(fclose(f), 0);
        assert_int_equal(command_main(5, argv),
                         damaged ? EXIT_FAILED : EXIT_DONE);
        block[BLOCK_AT_TIME_MAX - BLOCK_BYTES] ^= 1;
    }
    unlink(name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(kinds),
                                       cmocka_unit_test(partitions),
                                       cmocka_unit_test(limited)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
