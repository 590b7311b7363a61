/* The proof's books find each planted kind of damage, and no other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "cli/proof.h"

#define N 10

struct fixture {
    struct proof_book book;
    uint8_t acked[N], seen[N];
};

static void begin(struct fixture *f)
{
    *f = (struct fixture){.book = {.n = N, .last = -1}};
    f->book.acked = f->acked;
    f->book.seen = f->seen;
    for (unsigned i = 0; i < N; i++) {
        proof_ack(&f->book, i, 1000 + 100 * i);
    }
}

static void read_one(struct fixture *f, unsigned i)
{
    char value[32];
    unsigned len = proof_value(i, value);
    proof_read(&f->book, value, len);
}

static void expect(struct fixture *f, unsigned lost, unsigned duplicated,
                   unsigned reordered, unsigned changed)
{
    unsigned l, d;
    proof_count(&f->book, &l, &d);
    assert_int_equal(l, lost);
    assert_int_equal(d, duplicated);
    assert_int_equal(f->book.n_reordered, reordered);
    assert_int_equal(f->book.n_changed, changed);
}

static void test_good(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    for (unsigned i = 0; i < N; i++) {
        read_one(&f, i);
    }
    expect(&f, 0, 0, 0, 0);
    assert_int_equal(f.book.n_acked, N);
    assert_int_equal(f.book.gap_us, 100);
}

static void test_lost(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    for (unsigned i = 0; i < N; i++) {
        if (i != 4) {
            read_one(&f, i);
        }
    }
    expect(&f, 1, 0, 0, 0);
}

static void test_not_acked_is_not_lost(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    f.acked[9] = 0;
    for (unsigned i = 0; i < N - 1; i++) {
        read_one(&f, i);
    }
    expect(&f, 0, 0, 0, 0);
}

static void test_duplicated(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    for (unsigned i = 0; i < N; i++) {
        read_one(&f, i);
        if (i == 3) {
            read_one(&f, i);
        }
    }
    expect(&f, 0, 1, 0, 0);
}

static void test_reordered(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    read_one(&f, 1);
    read_one(&f, 0);
    for (unsigned i = 2; i < N; i++) {
        read_one(&f, i);
    }
    expect(&f, 0, 0, 1, 0);
}

static void test_changed(void **state)
{
    static const char *const bad[] = {"record 05", "record 5 ", "recorf 5",
                                      "record 10", "record -1", ""};
    struct fixture f;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        begin(&f);
        for (unsigned r = 0; r < N; r++) {
            if (r == 5) {
                proof_read(&f.book, bad[i], strlen(bad[i]));
            } else {
                read_one(&f, r);
            }
        }
        expect(&f, 1, 0, 0, 1);
    }
}

static void test_gap(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    f.acked[0] = 0;
    proof_ack(&f.book, 0, 700000);
    assert_int_equal(f.book.gap_us, 700000 - 1900);
    proof_ack(&f.book, 0, 9000000); /* told twice: not an ack */
    assert_int_equal(f.book.gap_us, 700000 - 1900);
    proof_ack(&f.book, N, 9000000); /* nobody's */
    assert_int_equal(f.book.gap_us, 700000 - 1900);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_lost),
        cmocka_unit_test(test_not_acked_is_not_lost),
        cmocka_unit_test(test_duplicated),
        cmocka_unit_test(test_reordered),
        cmocka_unit_test(test_changed),
        cmocka_unit_test(test_gap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
