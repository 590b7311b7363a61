/* The tail against a plain array, through growth, wrap, cut and trim. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/assert.h"
#include "base/err.h"
#include "base/rand.h"
#include "storage/tail.h"

static uint8_t bytes[64];

static struct log_point origin(void)
{
    return (struct log_point){.index = 10, .term = 3, .offset = 100};
}

static struct entry next_entry(const struct tail *t, uint64_t term, int64_t n,
                               size_t len)
{
    struct log_point p = tail_last(t);
    return (struct entry){.index = p.index + 1,
                          .term = term,
                          .base_offset = p.offset,
                          .next_offset = p.offset + n,
                          .chain = p.chain + 1,
                          .kind = n > 0 ? ENTRY_RECORDS : ENTRY_BARRIER,
                          .payload = {NULL, bytes, len}};
}

static void push(struct tail *t, uint64_t term, int64_t n, size_t len)
{
    struct entry e = next_entry(t, term, n, len);
    assert_int_equal(tail_push(t, &e), 0);
    tail_check(t);
}

static void test_empty(void **state)
{
    struct tail t;
    tail_init(&t, *state, origin());
    tail_check(&t);
    assert_int_equal(tail_last_index(&t), 10);
    assert_int_equal(tail_last(&t).offset, 100);
    assert_int_equal(tail_term(&t, 10), 3);
    assert_int_equal(tail_term(&t, 9), 0);
    assert_int_equal(tail_term(&t, 11), 0);
    assert_null(tail_find(&t, 10));
    assert_null(tail_find(&t, 11));
    assert_null(tail_find_offset(&t, 0));
    tail_trim(&t, 5);
    tail_truncate(&t, 11);
    tail_close(&t);
}

static void test_find(void **state)
{
    struct tail t;
    tail_init(&t, *state, origin());
    push(&t, 3, 5, 10); /* 11: 100..104 */
    push(&t, 4, 0, 0);  /* 12 */
    push(&t, 4, 2, 20); /* 13: 105..106 */
    assert_int_equal(t.bytes, 30);
    assert_int_equal(tail_find(&t, 11)->base_offset, 100);
    assert_int_equal(tail_find(&t, 13)->base_offset, 105);
    assert_null(tail_find(&t, 14));
    assert_null(tail_find(&t, UINT64_MAX));
    assert_int_equal(tail_term(&t, 12), 4);
    assert_int_equal(tail_point(&t, 12).offset, 105);
    assert_int_equal(tail_point(&t, 10).offset, 100);
    assert_int_equal(tail_find_offset(&t, 0)->index, 11);
    assert_int_equal(tail_find_offset(&t, 104)->index, 11);
    assert_int_equal(tail_find_offset(&t, 105)->index, 13);
    assert_int_equal(tail_find_offset(&t, 106)->index, 13);
    assert_null(tail_find_offset(&t, 107));
    tail_truncate(&t, 12);
    tail_check(&t);
    assert_int_equal(tail_last_index(&t), 11);
    tail_trim(&t, 11);
    assert_int_equal(t.base.offset, 105);
    assert_int_equal(t.bytes, 0);
    tail_reset(&t, (struct log_point){.index = 50, .term = 9, .offset = 7});
    push(&t, 9, 1, 1);
    assert_int_equal(tail_last_index(&t), 51);
    tail_close(&t);
}

/* The payload's chunk is shared by each entry and given back by each way an
 * entry can leave. */
static void test_shares(void **state)
{
    struct chunk_pool *pool;
    assert_int_equal(chunk_pool_new(&pool, *state, 64u << 20), 0);
    struct chunk *c = chunk_acquire(pool, CHUNK_STATE, 4096);
    assert_non_null(c);
    struct tail t;
    tail_init(&t, *state, origin());
    for (int i = 0; i < 40; i++) {
        struct entry e = next_entry(&t, 3, 1, 0);
        e.payload = (struct bytes){c, c->data, 100};
        assert_int_equal(tail_push(&t, &e), 0);
    }
    assert_int_equal(c->refs, 41);
    tail_trim(&t, 20);
    assert_int_equal(c->refs, 31);
    tail_truncate(&t, 41);
    assert_int_equal(c->refs, 21);
    tail_reset(&t, origin());
    assert_int_equal(c->refs, 1);
    struct entry e = next_entry(&t, 3, 1, 0);
    e.payload = (struct bytes){c, c->data, 100};
    assert_int_equal(tail_push(&t, &e), 0);
    tail_close(&t);
    assert_int_equal(c->refs, 1);
    chunk_release(c);
    chunk_pool_free(pool);
}

static void test_no_memory(void **state)
{
    struct tail t;
    tail_init(&t, *state, origin());
    struct entry e = next_entry(&t, 3, 1, 5);
    mem_fail_at(*state, 1, 0);
    assert_int_equal(tail_push(&t, &e), ERR_NOMEM);
    assert_int_equal(t.n, 0);
    for (int i = 0; i < 16; i++) {
        push(&t, 3, 1, 5);
    }
    e = next_entry(&t, 3, 1, 5);
    mem_fail_at(*state, 1, 0);
    assert_int_equal(tail_push(&t, &e), ERR_NOMEM);
    mem_fail_at(*state, 0, 0);
    tail_check(&t);
    assert_int_equal(tail_last_index(&t), 26);
    assert_int_equal(tail_push(&t, &e), 0);
    tail_close(&t);
}

static jmp_buf caught;

static void catch_assert(void *arg, const char *file, int line,
                         const char *text)
{
    (void)arg, (void)file, (void)line, (void)text;
    longjmp(caught, 1);
}

static bool push_asserts(struct tail *t, const struct entry *e)
{
    volatile bool failed = true;
    assert_set_handler(catch_assert, NULL);
    if (setjmp(caught) == 0) {
        int rv = tail_push(t, e);
        failed = rv != 0;
    }
    assert_set_handler(NULL, NULL);
    return failed;
}

static void test_own_mistakes(void **state)
{
    struct tail t;
    tail_init(&t, *state, origin());
    push(&t, 3, 5, 10);
    struct entry e = next_entry(&t, 3, 1, 0);
    e.index++;
    assert_true(push_asserts(&t, &e));
    e = next_entry(&t, 2, 1, 0);
    assert_true(push_asserts(&t, &e));
    e = next_entry(&t, 3, 1, 0);
    e.base_offset--;
    assert_true(push_asserts(&t, &e));
    e = next_entry(&t, 3, 1, 0);
    assert_false(push_asserts(&t, &e));
    tail_close(&t);
}

static void test_r11_random(void **state)
{
    static struct entry model[4096];
    struct rand r;
    rand_init(&r, 1);
    for (int round = 0; round < 20; round++) {
        struct tail t;
        size_t first = 11; /* model[i] is the entry of index i */
        size_t end = 11;
        uint64_t term = 3;
        tail_init(&t, *state, origin());
        for (int op = 0; op < 2000; op++) {
            uint64_t what = rand_below(&r, 100);
            if (what < 80 && end < 4096) {
                term += rand_below(&r, 20) == 0;
                model[end] = next_entry(&t, term, (int64_t)rand_below(&r, 3),
                                        rand_below(&r, 64));
                assert_int_equal(tail_push(&t, &model[end]), 0);
                end++;
            } else if (what < 90) {
                size_t to = first - 1 + rand_below(&r, end - first + 1);
                tail_trim(&t, to);
                first = to + 1;
            } else if (end > first) {
                end = first + rand_below(&r, end - first);
                tail_truncate(&t, end);
            }
            tail_check(&t);
            assert_int_equal(tail_last_index(&t), end - 1);
            assert_int_equal(t.n, end - first);
            if (end > first) {
                size_t i = first + rand_below(&r, end - first);
                assert_int_equal(tail_find(&t, i)->index, i);
                assert_true(tail_find(&t, i)->chain == model[i].chain);
            }
        }
        tail_close(&t);
    }
    assert_int_equal(mem_blocks(*state), 0);
}

static int setup(void **state)
{
    *state = mem_new(0);
    return *state == NULL;
}

static int teardown(void **state)
{
    size_t left = mem_blocks(*state);
    mem_free_all(*state);
    return left != 0;
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_empty),     T(test_find),         T(test_shares),
        T(test_no_memory), T(test_own_mistakes), T(test_r11_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
