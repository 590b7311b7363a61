/* Which reset was the last, and where its partitions were before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/group_past.h"

#define ROW struct ostraka_offset_history_response_row

struct fixture {
    struct mem *mem;
    struct arena arena;
    ROW rows[20];
    struct group_past past;
    struct group_past_reset reset;
    struct slice other;
};

static int set_up(void **state)
{
    static struct fixture f;
    f = (struct fixture){.mem = mem_new(0)};
    f.past.rows = f.rows;
    arena_init(&f.arena, f.mem, 0);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    arena_close(&f->arena);
    assert_int_equal(mem_bytes(f->mem), 0);
    mem_free_all(f->mem);
    return 0;
}

/* The next row: of partition p, by its number, at a time. */
static ROW *put(struct fixture *f, int32_t p, int64_t number, int64_t offset,
                int64_t time_ms, const char *by, bool reset)
{
    ROW *r = &f->rows[f->past.n++];
    *r = (ROW){.topic_id = {{1}},
               .topic = slice_str("t"),
               .partition = p,
               .number = number,
               .offset = offset,
               .leader_epoch = 5,
               .metadata = slice_str("m"),
               .time_ms = time_ms,
               .by = slice_str(by),
               .reset = reset};
    return r;
}

static int find_by(struct fixture *f, const char *by)
{
    return group_past_last_reset(&f->past, by, &f->arena, &f->reset, &f->other);
}

static int find(struct fixture *f)
{
    return find_by(f, NULL);
}

static void none(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(find(f), ERR_NOTFOUND);
    put(f, 0, 1, 10, 100, "c-1", false);
    put(f, 0, 2, 20, 200, "c-1", false);
    assert_int_equal(find(f), ERR_NOTFOUND);
}

/* Of two resets the last counts, with all of its partitions; where somebody has
 * committed since, that is told. */
static void last(void **state)
{
    struct fixture *f = *state;
    put(f, 0, 1, 10, 100, "c-1", false);
    put(f, 0, 2, 3, 200, "ostraka", true);
    put(f, 0, 3, 7, 300, "ostraka", true);
    put(f, 0, 4, 50, 400, "c-1", false);
    put(f, 1, 8, 30, 200, "ostraka", true);
    put(f, 2, 4, 40, 150, "c-1", false);
    put(f, 2, 5, 9, 300, "ostraka", true);
    put(f, 3, 1, 60, 300, "ostraka", false); /* it had none */
    put(f, 4, 1, 70, 300, "other", false);
    put(f, 5, 2, 80, 300, "ostraka", false); /* no reset */
    assert_int_equal(find(f), 0);
    assert_int_equal(f->reset.time_ms, 300);
    assert_true(slice_equal(f->reset.by, slice_str("ostraka")));
    assert_int_equal(f->reset.n, 3);
    assert_int_equal(f->reset.n_lost, 0);
    assert_int_equal(f->reset.rows[0].partition, 0);
    assert_int_equal(f->reset.rows[0].wanted, 3);
    assert_int_equal(f->reset.rows[0].epoch, 5);
    assert_true(slice_equal(f->reset.rows[0].metadata, slice_str("m")));
    assert_true(f->reset.rows[0].of_reset && f->reset.rows[0].moved);
    assert_true(f->reset.rows[1].of_reset && !f->reset.rows[1].moved);
    assert_int_equal(f->reset.rows[1].set, 9);
    assert_false(f->reset.rows[2].moved);
    assert_int_equal(f->reset.rows[1].partition, 2);
    assert_int_equal(f->reset.rows[1].wanted, 40);
    assert_int_equal(f->reset.rows[2].partition, 3);
    assert_int_equal(f->reset.rows[2].wanted, -1);
}

/* A group that our reset made. */
static void made(void **state)
{
    struct fixture *f = *state;
    put(f, 0, 1, 10, 100, "ostraka", false);
    put(f, 1, 1, 10, 100, "ostraka", false);
    assert_int_equal(find(f), 0);
    assert_int_equal(f->reset.n, 2);
    assert_int_equal(f->reset.rows[1].wanted, -1);
}

/* A consumer that assigns partitions to itself commits as a tool does: what it
 * does is no reset unless it is asked for, nor does it hide one. */
static void by_whom(void **state)
{
    struct fixture *f = *state;
    put(f, 0, 1, 10, 100, "spark", false);
    put(f, 0, 2, 20, 200, "spark", true);
    assert_int_equal(find(f), ERR_NOTFOUND);
    assert_true(slice_equal(f->other, slice_str("spark")));
    put(f, 0, 3, 5, 300, "adminclient-12", true);
    put(f, 0, 4, 6, 400, "spark", true);
    put(f, 0, 5, 7, 500, "adminclient-", true);
    assert_int_equal(find(f), 0);
    assert_int_equal(f->reset.time_ms, 300);
    assert_int_equal(f->reset.n, 1);
    assert_int_equal(f->reset.rows[0].wanted, 20);
    assert_int_equal(find_by(f, "spark"), 0);
    assert_int_equal(f->reset.time_ms, 400);
    assert_int_equal(f->reset.rows[0].wanted, 5);
    assert_int_equal(find_by(f, "nobody"), ERR_NOTFOUND);
    put(f, 1, 1, 9, 600, "ostraka-consume", false); /* a member's first */
    assert_int_equal(find(f), 0);
    assert_int_equal(f->reset.time_ms, 300);
}

/* The row before is another partition's, or another topic's. */
static void lost(void **state)
{
    struct fixture *f = *state;
    put(f, 0, 7, 10, 100, "c-1", false);
    put(f, 1, 2, 20, 200, "adminclient-7", true);
    put(f, 1, 9, 20, 200, "adminclient-7", true)->topic_id = (struct uuid){{2}};
    assert_int_equal(find(f), 0);
    assert_int_equal(f->reset.n, 0);
    assert_int_equal(f->reset.n_lost, 2);
    /* Where nothing will be put back, nothing is lost. */
    put(f, 1, 10, 21, 300, "c-1", false)->topic_id = (struct uuid){{2}};
    assert_int_equal(find(f), 0);
    assert_int_equal(f->reset.n, 1);
    assert_int_equal(f->reset.n_lost, 1);
    assert_true(f->reset.rows[0].moved);
}

/* A reset whose answer was lost is sent again: it counts once, and before it is
 * where the group was before both. */
static void repeated(void **state)
{
    struct fixture *f = *state;
    put(f, 0, 1, 10, 100, "c-1", false);
    put(f, 0, 2, 3, 200, "ostraka", true);
    put(f, 0, 3, 3, 250, "ostraka", true);
    put(f, 1, 1, 7, 250, "ostraka", false);
    put(f, 1, 2, 7, 250, "ostraka", true);
    put(f, 2, 8, 5, 200, "ostraka", true);
    put(f, 2, 9, 5, 250, "ostraka", true); /* before it: no longer kept */
    assert_int_equal(find(f), 0);
    assert_int_equal(f->reset.time_ms, 250);
    assert_int_equal(f->reset.n, 2);
    assert_int_equal(f->reset.n_lost, 1);
    assert_int_equal(f->reset.rows[0].wanted, 10);
    assert_false(f->reset.rows[0].moved);
    assert_int_equal(f->reset.rows[1].partition, 1);
    assert_int_equal(f->reset.rows[1].wanted, -1);
    assert_false(f->reset.rows[1].moved);
}

/* A topic that is being deleted has no name any more. */
static void nameless(void **state)
{
    struct fixture *f = *state;
    put(f, 0, 1, 10, 100, "c-1", false)->topic = slice_of(NULL, 0);
    put(f, 0, 2, 20, 200, "ostraka", true)->topic = slice_of(NULL, 0);
    assert_int_equal(find(f), 0);
    assert_int_equal(f->reset.n, 0);
    assert_int_equal(f->reset.n_lost, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(none),    TEST(last),     TEST(made),     TEST(lost),
        TEST(by_whom), TEST(repeated), TEST(nameless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
