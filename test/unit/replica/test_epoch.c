/* The epoch list: which terms begin at which offsets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "replica/impl.h"

static struct mem *mem;
static struct epochs list;

static int open_list(void **state)
{
    (void)state;
    mem = mem_new(0);
    epochs_init(&list, mem);
    return mem == NULL;
}

static int close_list(void **state)
{
    (void)state;
    epochs_close(&list);
    assert_int_equal(mem_blocks(mem), 0);
    mem_free_all(mem);
    return 0;
}

static void expect(size_t n, const uint64_t terms[], const int64_t offsets[])
{
    assert_int_equal(list.n, n);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(list.v[i].term, terms[i]);
        assert_int_equal(list.v[i].offset, offsets[i]);
    }
}

static void a_term_is_added_once(void **state)
{
    (void)state;
    for (uint64_t term = 1; term <= 20; term++) {
        assert_int_equal(epochs_add(&list, term, (int64_t)term * 10), 0);
        assert_int_equal(epochs_add(&list, term, (int64_t)term * 10 + 5), 0);
    }
    assert_int_equal(epochs_add(&list, 3, 1000), 0); /* of the past */
    assert_int_equal(list.n, 20);
    assert_int_equal(list.v[2].offset, 30);
    assert_int_equal(list.v[19].offset, 200);
}

/* A leader without records: its term begins where the next one does. */
static void empty_terms_are_kept(void **state)
{
    (void)state;
    assert_int_equal(epochs_add(&list, 2, 5), 0);
    assert_int_equal(epochs_add(&list, 4, 5), 0);
    expect(2, (uint64_t[]){2, 4}, (int64_t[]){5, 5});
    assert_int_equal(epochs_upto(&list, 1), 0);
    assert_int_equal(epochs_upto(&list, 2), 1);
    assert_int_equal(epochs_upto(&list, 3), 1);
    assert_int_equal(epochs_upto(&list, 9), 2);
}

static void truncation_drops_later_terms(void **state)
{
    (void)state;
    for (uint64_t term = 1; term <= 5; term++) {
        assert_int_equal(epochs_add(&list, 2 * term, (int64_t)term), 0);
    }
    epochs_truncate(&list, 7);
    expect(3, (uint64_t[]){2, 4, 6}, (int64_t[]){1, 2, 3});
    epochs_truncate(&list, 6);
    assert_int_equal(list.n, 3);
    epochs_truncate(&list, 1);
    assert_int_equal(list.n, 0);
    epochs_truncate(&list, 0);
    assert_int_equal(epochs_add(&list, 9, 4), 0);
    expect(1, (uint64_t[]){9}, (int64_t[]){4});
}

/* What begins at or before the log start is one item, the newest. */
static void trimming_keeps_the_one_in_force(void **state)
{
    (void)state;
    for (uint64_t term = 1; term <= 4; term++) {
        assert_int_equal(epochs_add(&list, term, (int64_t)term * 10), 0);
    }
    epochs_trim(&list, 5);
    assert_int_equal(list.n, 4);
    epochs_trim(&list, 25);
    expect(3, (uint64_t[]){2, 3, 4}, (int64_t[]){20, 30, 40});
    epochs_trim(&list, 30);
    expect(2, (uint64_t[]){3, 4}, (int64_t[]){30, 40});
    epochs_trim(&list, 1000);
    expect(1, (uint64_t[]){4}, (int64_t[]){40});
    epochs_trim(&list, 2000);
    assert_int_equal(list.n, 1);
}

static void a_list_replaces_another(void **state)
{
    struct manifest_epoch v[9];
    (void)state;
    for (unsigned i = 0; i < 9; i++) {
        v[i] = (struct manifest_epoch){i + 1, i * 7};
    }
    assert_int_equal(epochs_add(&list, 77, 1), 0);
    assert_int_equal(epochs_set(&list, v, 9), 0);
    assert_int_equal(list.n, 9);
    assert_int_equal(list.v[8].offset, 56);
    assert_int_equal(epochs_set(&list, NULL, 0), 0);
    assert_int_equal(list.n, 0);
}

static void without_memory_nothing_changes(void **state)
{
    struct manifest_epoch v[40] = {{0}};
    (void)state;
    assert_int_equal(epochs_add(&list, 1, 1), 0);
    mem_fail_at(mem, 1, 1);
    assert_int_equal(epochs_set(&list, v, 40), ERR_NOMEM);
    int rv = 0;
    for (uint64_t term = 2; rv == 0; term++) {
        rv = epochs_add(&list, term, 1);
    }
    assert_int_equal(rv, ERR_NOMEM);
    mem_fail_at(mem, 0, 0);
    assert_int_equal(list.v[0].term, 1);
    assert_int_equal(list.v[list.n - 1].term, list.n);
}

/* What retention took away ended where what is there begins: a consumer that
 * stopped there goes on there (Kafka: LeaderEpochFileCache.endOffsetFor). */
static void an_epoch_that_is_gone_has_an_end(void **state)
{
    struct replica r = {.epochs = list, .base = {.offset = 150}};
    int32_t epoch;
    int64_t end;
    (void)state;
    assert_int_equal(replica_epoch_end(&r, 3, &epoch, &end), ERR_NOTFOUND);
    assert_int_equal(epochs_add(&list, 3, 0), 0);
    assert_int_equal(epochs_add(&list, 7, 100), 0);
    epochs_trim(&list, 100);
    expect(1, (uint64_t[]){7}, (int64_t[]){100});
    r.epochs = list;
    assert_int_equal(replica_epoch_end(&r, 3, &epoch, &end), 0);
    assert_int_equal(epoch, 3);
    assert_int_equal(end, 100);
    assert_int_equal(replica_epoch_end(&r, 7, &epoch, &end), 0);
    assert_int_equal(epoch, 7);
    assert_int_equal(end, 150);
    assert_int_equal(replica_epoch_end(&r, 8, &epoch, &end), ERR_NOTFOUND);
    assert_int_equal(replica_epoch_end(&r, -1, &epoch, &end), ERR_NOTFOUND);
}

/* ---- what is applied, and what a leader saw ahead of it ------------------ */

static struct replica replica;

static int open_replica(void **state)
{
    (void)state;
    mem = mem_new(0);
    replica = (struct replica){.mem = mem, .base = {.offset = 100}};
    epochs_init(&replica.epochs, mem);
    epochs_init(&replica.ahead, mem);
    return mem == NULL;
}

static int close_replica(void **state)
{
    (void)state;
    epochs_close(&replica.epochs);
    epochs_close(&replica.ahead);
    assert_int_equal(mem_blocks(mem), 0);
    mem_free_all(mem);
    return 0;
}

static void expect_end(int32_t asked, int32_t epoch, int64_t end)
{
    int32_t got_epoch = -1;
    int64_t got_end = -1;
    assert_int_equal(replica_epoch_end(&replica, asked, &got_epoch, &got_end),
                     0);
    assert_int_equal(got_epoch, epoch);
    assert_int_equal(got_end, end);
}

static void expect_ends(void)
{
    int32_t epoch;
    int64_t end;
    expect_end(2, 2, 10);
    expect_end(5, 5, 20);
    expect_end(6, 5, 20);
    expect_end(7, 7, 30);
    expect_end(8, 7, 30);
    expect_end(9, 9, 100);
    assert_int_equal(replica_epoch_end(&replica, 10, &epoch, &end),
                     ERR_NOTFOUND);
    assert_int_equal(replica_epoch_of(&replica, 9), 2);
    assert_int_equal(replica_epoch_of(&replica, 12), 5);
    assert_int_equal(replica_epoch_of(&replica, 19), 5);
    assert_int_equal(replica_epoch_of(&replica, 20), 7);
    assert_int_equal(replica_epoch_of(&replica, 31), 9);
}

/* An epoch of which a part was applied at the election stands in both lists,
 * and in the end all do. */
static void two_lists_are_one(void **state)
{
    (void)state;
    assert_int_equal(epochs_add(&replica.epochs, 2, 0), 0);
    assert_int_equal(epochs_add(&replica.epochs, 5, 10), 0);
    assert_int_equal(epochs_add(&replica.ahead, 5, 15), 0);
    assert_int_equal(epochs_add(&replica.ahead, 7, 20), 0);
    assert_int_equal(epochs_add(&replica.ahead, 9, 30), 0);
    expect_ends();
    assert_int_equal(epochs_add(&replica.epochs, 7, 20), 0);
    expect_ends();
    assert_int_equal(epochs_add(&replica.epochs, 9, 30), 0);
    expect_ends();
    epochs_trim(&replica.epochs, 40);
    expect_end(9, 9, 100);
    expect_end(5, 5, 30); /* gone: what is left begins there */
    assert_int_equal(replica_epoch_of(&replica, 31), 9);
    assert_int_equal(replica_epoch_of(&replica, 25), -1);
}

/* Nothing is applied since the start. */
static void the_list_ahead_alone(void **state)
{
    (void)state;
    assert_int_equal(replica_epoch_of(&replica, 9), -1);
    assert_int_equal(epochs_add(&replica.ahead, 2, 0), 0);
    assert_int_equal(epochs_add(&replica.ahead, 5, 10), 0);
    assert_int_equal(epochs_add(&replica.ahead, 7, 20), 0);
    assert_int_equal(epochs_add(&replica.ahead, 9, 30), 0);
    expect_ends();
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, open_list, close_list)
    const struct CMUnitTest tests[] = {
        TEST(a_term_is_added_once),
        TEST(empty_terms_are_kept),
        TEST(truncation_drops_later_terms),
        TEST(trimming_keeps_the_one_in_force),
        TEST(an_epoch_that_is_gone_has_an_end),
        TEST(a_list_replaces_another),
        TEST(without_memory_nothing_changes),
        cmocka_unit_test_setup_teardown(two_lists_are_one, open_replica,
                                        close_replica),
        cmocka_unit_test_setup_teardown(the_list_ahead_alone, open_replica,
                                        close_replica),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
