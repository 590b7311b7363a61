/* What a file is; which partition is meant. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/dump.h"
#include "cli/partition.h"
#include "record/batch.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(kinds),
                                       cmocka_unit_test(partitions)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
