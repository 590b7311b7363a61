/* What a reset makes of one partition's offset. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/group_plan.h"
#include "wire/errors.h"

/* A log of 100..200, committed at 150. */
static struct group_row row(void)
{
    return (struct group_row){.topic = slice_str("t"),
                              .before = 150,
                              .start = 100,
                              .end = 200,
                              .wanted = -1,
                              .after = -7,
                              .epoch = 3};
}

static void check(enum group_target_kind kind, int64_t n, struct group_row r,
                  int64_t after, const char *note)
{
    struct group_target t = {kind, n};
    char text[GROUP_NOTE_LEN];
    group_plan_row(&t, &r);
    assert_int_equal(r.after, after);
    assert_string_equal(group_plan_note(&t, &r, text), note);
    assert_int_equal(group_plan_changes(&r),
                     !group_plan_failed(&r) && after != r.before);
    /* An epoch goes with the offset that it was committed with. */
    assert_int_equal(
        r.epoch, r.note == GROUP_NOTE_NONE && kind == GROUP_TO_GIVEN ? 3 : -1);
}

static struct group_row wants(int64_t wanted)
{
    struct group_row r = row();
    r.wanted = wanted;
    return r;
}

static void inside(void **state)
{
    (void)state;
    check(GROUP_TO_EARLIEST, 0, row(), 100, "");
    check(GROUP_TO_LATEST, 0, row(), 200, "");
    check(GROUP_TO_OFFSET, 100, row(), 100, "");
    check(GROUP_TO_OFFSET, 200, row(), 200, "");
    check(GROUP_SHIFT_BY, -50, row(), 100, "");
    check(GROUP_SHIFT_BY, 50, row(), 200, "");
    check(GROUP_SHIFT_BY, 0, row(), 150, "");
    check(GROUP_TO_CURRENT, 0, row(), 150, "");
    check(GROUP_TO_TIME, 5, wants(120), 120, "");
    check(GROUP_TO_GIVEN, 0, wants(120), 120, "");
}

static void clamped(void **state)
{
    (void)state;
    check(GROUP_TO_OFFSET, 99, row(), 100,
          "clamped to the log's start from 99");
    check(GROUP_TO_OFFSET, 201, row(), 200,
          "clamped to the log's end from 201");
    check(GROUP_TO_OFFSET, 0, row(), 100, "clamped to the log's start from 0");
    check(GROUP_TO_OFFSET, INT64_MAX, row(), 200,
          "clamped to the log's end from 9223372036854775807");
    check(GROUP_SHIFT_BY, -51, row(), 100,
          "clamped to the log's start from 99");
    check(GROUP_SHIFT_BY, -151, row(), 100,
          "clamped to the log's start from 0");
    check(GROUP_SHIFT_BY, INT64_MAX, row(), 200,
          "clamped to the log's end from 9223372036854775807");
    check(GROUP_SHIFT_BY, -INT64_MAX, row(), 100,
          "clamped to the log's start from 0");
    check(GROUP_TO_GIVEN, 0, wants(7), 100,
          "clamped to the log's start from 7");
    check(GROUP_TO_TIME, 5, wants(-1), 200, "no record is that young: the end");
}

/* --to-current keeps what is there, inside of the log or not. */
static void current(void **state)
{
    struct group_row r = row();
    (void)state;
    r.before = 7;
    check(GROUP_TO_CURRENT, 0, r, 7, "");
    r.before = -1;
    check(GROUP_TO_CURRENT, 0, r, 200, "no offset was committed: the end");
}

static void failed(void **state)
{
    struct group_row r = row();
    struct group_target shift = {GROUP_SHIFT_BY, 1};
    (void)state;
    r.before = -1;
    check(GROUP_SHIFT_BY, 1, r, -1, "no offset to shift");
    group_plan_row(&shift, &r);
    assert_true(group_plan_failed(&r));
    r = row();
    r.start = -1;
    r.code = KERR_LEADER_NOT_AVAILABLE;
    group_plan_row(&shift, &r);
    assert_true(group_plan_failed(&r));
    assert_false(group_plan_changes(&r));
    r = row();
    r.end = -1;
    group_plan_row(&shift, &r);
    assert_true(group_plan_failed(&r));
}

static void forgotten(void **state)
{
    struct group_row r = wants(-1);
    (void)state;
    check(GROUP_TO_GIVEN, 0, r, -1, "had none before: forgotten");
    r.before = -1;
    check(GROUP_TO_GIVEN, 0, r, -1, "had none before: forgotten");
}

/* A reset is taken back where its offset still stands: a consumer that has gone
 * on from it is not put behind what it has read. */
static void since(void **state)
{
    struct group_row r = wants(110);
    (void)state;
    r.of_reset = true;
    r.set = 150;
    check(GROUP_TO_GIVEN, 0, r, 110, "");
    r.moved = true; /* the same offset again, by another */
    check(GROUP_TO_GIVEN, 0, r, 150, "changed since: left as it is");
    r.moved = false;
    r.set = 120; /* what members commit is not all kept */
    check(GROUP_TO_GIVEN, 0, r, 150, "changed since: left as it is");
    r.wanted = -1;
    check(GROUP_TO_GIVEN, 0, r, 150, "changed since: left as it is");
    r.before = -1; /* deleted */
    check(GROUP_TO_GIVEN, 0, r, -1, "changed since: left as it is");
}

static void said_by_cluster(void **state)
{
    struct group_row r = row();
    struct group_target t = {GROUP_TO_OFFSET, 7};
    char text[GROUP_NOTE_LEN];
    (void)state;
    group_plan_row(&t, &r);
    r.error = KERR_UNKNOWN_MEMBER_ID;
    assert_non_null(strstr(group_plan_note(&t, &r, text), "UNKNOWN_MEMBER_ID"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inside),          cmocka_unit_test(clamped),
        cmocka_unit_test(current),         cmocka_unit_test(failed),
        cmocka_unit_test(forgotten),       cmocka_unit_test(since),
        cmocka_unit_test(said_by_cluster),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
