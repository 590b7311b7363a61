/* Sets of idempotent producers: folding, expiry, their encoding. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/rand.h"
#include "broker/producers.h"
#include "broker/refused.h"

#define EXPIRATION 1000

static struct mem *mem;
static struct producers set;

static int open_set(void **state)
{
    (void)state;
    mem = mem_new(0);
    return producers_init(&set, mem);
}

static int close_set(void **state)
{
    (void)state;
    producers_close(&set);
    producers_close(&set);
    assert_int_equal(mem_blocks(mem), 0);
    mem_free_all(mem);
    return 0;
}

/* A batch of `n` records from sequence `seq` on. */
static struct batch batch(int64_t id, int32_t seq, int32_t n)
{
    return (struct batch){.magic = BATCH_MAGIC,
                          .last_offset_delta = n - 1,
                          .producer_id = id,
                          .base_sequence = seq,
                          .max_timestamp = 5,
                          .record_count = n};
}

static void fold(struct producers *p, int64_t id, int32_t seq, int32_t n,
                 int64_t offset, int64_t now)
{
    struct batch b = batch(id, seq, n);
    assert_int_equal(producers_fold(p, &b, offset, now, EXPIRATION, NULL), 0);
}

static void a_retry_finds_the_first_copy(void **state)
{
    struct batch b = batch(7, 3, 2), next = batch(7, 5, 1);
    struct producer_batch first;
    (void)state;
    fold(&set, 7, 0, 3, 100, 10);
    fold(&set, 8, 0, 1, 103, 10);
    fold(&set, 7, 3, 2, 104, 11);
    assert_int_equal(producers_count(&set), 2);
    struct producer_entry *e = producers_find(&set, 7, 11, EXPIRATION);
    assert_non_null(e);
    assert_int_equal(producer_check(e, &b, &first), PRODUCER_DUPLICATE);
    assert_int_equal(first.base_offset, 104);
    assert_int_equal(first.last_offset, 105);
    assert_int_equal(producer_check(e, &next, &first), PRODUCER_APPEND);
    assert_null(producers_find(&set, 9, 11, EXPIRATION));
}

static void who_has_no_id_is_nobody(void **state)
{
    (void)state;
    fold(&set, BATCH_NO_PRODUCER, -1, 4, 0, 0);
    assert_int_equal(producers_count(&set), 0);
}

/* An overlay begins with what was committed before it. */
static void an_overlay_goes_on(void **state)
{
    struct producers over;
    struct batch b = batch(7, 3, 1), old = batch(7, 0, 3);
    struct producer_batch first;
    (void)state;
    assert_int_equal(producers_init(&over, mem), 0);
    fold(&set, 7, 0, 3, 50, 10);
    assert_int_equal(producers_fold(&over, &b, 53, 11, EXPIRATION,
                                    producers_find(&set, 7, 11, EXPIRATION)),
                     0);
    struct producer_entry *e = producers_find(&over, 7, 11, EXPIRATION);
    assert_int_equal(producer_check(e, &old, &first), PRODUCER_DUPLICATE);
    assert_int_equal(first.base_offset, 50);
    /* And is not set back by the next batch. */
    b = batch(7, 4, 1);
    assert_int_equal(producers_fold(&over, &b, 54, 11, EXPIRATION,
                                    producers_find(&set, 7, 11, EXPIRATION)),
                     0);
    assert_int_equal(producer_check(e,
                                    &(struct batch){.producer_id = 7,
                                                    .base_sequence = 3,
                                                    .record_count = 1},
                                    &first),
                     PRODUCER_DUPLICATE);
    assert_int_equal(first.base_offset, 53);
    producers_close(&over);
}

static void the_silent_are_forgotten(void **state)
{
    (void)state;
    fold(&set, 1, 0, 1, 0, 1000);
    fold(&set, 2, 0, 1, 1, 1500);
    assert_non_null(producers_find(&set, 1, 2000, EXPIRATION));
    assert_null(producers_find(&set, 1, 2001, EXPIRATION));
    assert_non_null(producers_find(&set, 2, 2001, EXPIRATION));
    producers_expire(&set, 2001, EXPIRATION);
    assert_int_equal(producers_count(&set), 1);
    /* One that is heard of again begins anew. */
    fold(&set, 2, 9, 1, 2, 9000);
    struct producer_entry *e = producers_find(&set, 2, 9000, EXPIRATION);
    assert_int_equal(e->n, 1);
    assert_int_equal(e->batches[0].first_seq, 9);
}

/* ---- limits ------------------------------------------------------------- */

/* A producer that nobody has heard of, with one record. */
static void invent(struct producers *p, int64_t id, int64_t now)
{
    struct batch b = batch(id, 0, 1);
    assert_int_equal(producers_fold(p, &b, id, now, EXPIRATION, NULL), 0);
}

static bool knows(const struct producers *p, int64_t id)
{
    return producers_find(p, id, 0, EXPIRATION) != NULL;
}

/* Ids cost a client nothing: those unheard of for longest make room. */
static void r12_the_oldest_leaves_when_there_are_too_many(void **state)
{
    const int64_t max = PRODUCERS_MAX;
    struct buf out;
    (void)state;
    for (int64_t id = 0; id < max; id++) {
        invent(&set, id, 10);
    }
    assert_int_equal(set.evicted, 0);
    fold(&set, 0, 1, 1, max, 10); /* the same moment, but later in the log */
    invent(&set, max + 1, 10);
    invent(&set, max + 2, 10);
    assert_int_equal(producers_count(&set), PRODUCERS_MAX);
    assert_int_equal(set.evicted, 2);
    assert_true(knows(&set, 0));
    assert_false(knows(&set, 1));
    assert_false(knows(&set, 2));
    assert_true(knows(&set, 3));
    assert_true(knows(&set, max + 2));
    /* A manifest has room for the worst of them, and for segments. */
    for (int64_t at = max + 3; at < 6 * max; at++) {
        fold(&set, max + at % max, (int32_t)(at / max), 1, at, 10);
    }
    buf_init(&out, mem, 0);
    producers_encode(&set, &out);
    assert_int_equal(out.status, 0);
    assert_true(out.len + 40 * 32768 < 8u << 20);
    buf_close(&out);
}

static void expect_same(const struct producers *a, const struct producers *b,
                        int64_t n, int64_t now)
{
    for (int64_t id = 0; id < n; id++) {
        struct producer_entry *x = producers_find(a, id, now, EXPIRATION);
        struct producer_entry *y = producers_find(b, id, now, EXPIRATION);
        assert_int_equal(x == NULL, y == NULL);
        assert_true(x == NULL || memcmp(x, y, sizeof *x) == 0);
    }
}

/* Whoever folds the same log forgets the same producers, though one replica
 * was restarted in between and another drops early what has expired. */
static void r12_replicas_forget_the_same(void **state)
{
    const int64_t n = PRODUCERS_MAX / 4 * 5;
    int64_t now = 0;
    struct producers swept, again;
    struct rand rand;
    struct buf out;
    (void)state;
    rand_init(&rand, 1);
    assert_int_equal(producers_init(&swept, mem), 0);
    assert_int_equal(producers_init(&again, mem), 0);
    buf_init(&out, mem, 0);
    for (int64_t i = 0; i < 4 * n; i++) {
        struct batch b = batch((int64_t)rand_below(&rand, (uint64_t)n), 0, 1);
        bool busy = i / n != 1; /* else most of them expire */
        now += i % (busy ? 1000 : 20) == 0;
        assert_int_equal(producers_fold(&set, &b, i, now, EXPIRATION, NULL), 0);
        assert_int_equal(producers_fold(&swept, &b, i, now, EXPIRATION, NULL),
                         0);
        if (i % 5000 == 0) {
            producers_expire(&swept, now, EXPIRATION);
        }
        if (i == n + n / 2) {
            producers_encode(&set, &out);
            assert_int_equal(producers_decode(&again, buf_slice(&out)), 0);
        } else if (i > n + n / 2) {
            assert_int_equal(
                producers_fold(&again, &b, i, now, EXPIRATION, NULL), 0);
        }
        if (i % n == 0) {
            expect_same(&set, &swept, n, now);
        }
    }
    assert_true(set.evicted > swept.evicted && swept.evicted > 0);
    expect_same(&set, &swept, n, now);
    expect_same(&set, &again, n, now);
    buf_close(&out);
    producers_close(&swept);
    producers_close(&again);
}

/* An older program may have kept more: the newest stay. */
static void what_is_read_is_bounded_too(void **state)
{
    const uint32_t n = PRODUCERS_MAX + 3;
    struct producer_entry e;
    struct buf out;
    (void)state;
    buf_init(&out, mem, 0);
    buf_put_u8(&out, 1);
    buf_put_u32(&out, n);
    for (uint32_t id = 0; id < n; id++) {
        struct batch b = batch(id, 0, 1);
        producer_init(&e, id);
        producer_update(&e, &b, (int64_t)(n - id), 10); /* youngest first */
        producer_encode(&e, &out);
    }
    assert_int_equal(producers_decode(&set, buf_slice(&out)), 0);
    assert_int_equal(producers_count(&set), PRODUCERS_MAX);
    assert_true(knows(&set, 0));
    assert_true(knows(&set, n - 4));
    assert_false(knows(&set, n - 3));
    buf_close(&out);
}

static void encode(struct buf *out)
{
    buf_init(out, mem, 0);
    for (int64_t id = 1; id <= 5; id++) {
        for (int32_t seq = 0; seq < (int32_t)id + 2; seq++) {
            fold(&set, id, seq, 1, id * 100 + seq, 10);
        }
    }
    producers_encode(&set, out);
    assert_int_equal(out->status, 0);
}

static void an_encoding_is_read_back(void **state)
{
    struct buf out, again;
    struct producers other;
    (void)state;
    encode(&out);
    assert_int_equal(producers_init(&other, mem), 0);
    fold(&other, 99, 0, 1, 0, 0); /* is replaced */
    assert_int_equal(producers_decode(&other, buf_slice(&out)), 0);
    assert_int_equal(producers_count(&other), 5);
    assert_null(producers_find(&other, 99, 0, EXPIRATION));
    buf_init(&again, mem, 0);
    producers_encode(&other, &again);
    assert_true(slice_equal(buf_slice(&out), buf_slice(&again)));
    assert_int_equal(producers_decode(&other, slice_of(NULL, 0)), 0);
    assert_int_equal(producers_count(&other), 0);
    producers_close(&other);
    buf_close(&again);
    buf_close(&out);
}

/* Whatever stands there: an error or a set that holds, never a crash. */
static void damage_is_refused(void **state)
{
    struct buf out;
    struct producers other;
    (void)state;
    encode(&out);
    assert_int_equal(producers_init(&other, mem), 0);
    for (size_t n = 1; n < out.len; n++) {
        int rv = producers_decode(&other, slice_of(out.data, n));
        assert_true(rv == ERR_CORRUPT || rv == ERR_VERSION);
    }
    for (size_t i = 0; i < out.len; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            out.data[i] ^= (uint8_t)(1u << bit);
            (void)producers_decode(&other, buf_slice(&out));
            out.data[i] ^= (uint8_t)(1u << bit);
        }
    }
    buf_put_u8(&out, 0);
    assert_int_equal(producers_decode(&other, buf_slice(&out)), ERR_CORRUPT);
    producers_close(&other);
    buf_close(&out);
}

static bool bars(const struct refused *r, int64_t id, int16_t epoch,
                 int32_t seq, uint64_t now)
{
    struct batch b = batch(id, seq, 1);
    b.producer_epoch = epoch;
    struct refused_batch who = refused_batch_of(&b);
    return refused_bars(r, &who, now);
}

static void note(struct refused *r, int64_t id, int16_t epoch, int32_t seq,
                 uint64_t now)
{
    struct batch b = batch(id, seq, 1);
    b.producer_epoch = epoch;
    struct refused_batch who = refused_batch_of(&b);
    refused_note(r, &who, now);
}

static void behind_a_refused_batch(void **state)
{
    struct refused r;
    (void)state;
    refused_init(&r, mem);
    assert_false(bars(&r, 1, 0, 5, 100));
    note(&r, 1, 0, 4, 100);
    note(&r, 1, 0, 0, 100); /* in whatever order they were refused */
    note(&r, 1, 0, 8, 200);
    assert_false(bars(&r, 1, 0, 0, 200));
    assert_true(bars(&r, 1, 0, 4, 200));
    assert_true(bars(&r, 1, 0, 12, 200));
    assert_false(bars(&r, 2, 0, 12, 200));
    assert_false(bars(&r, 1, 1, 12, 200)); /* begins anew */
    assert_true(bars(&r, 1, 0, 12, 199 + REFUSED_MS));
    assert_false(bars(&r, 1, 0, 12, 200 + REFUSED_MS));
    note(&r, 1, 1, 3, 300);
    note(&r, 1, 0, 0, 300); /* late, of the epoch before */
    assert_false(bars(&r, 1, 0, 12, 300));
    assert_true(bars(&r, 1, 1, 4, 300));
    refused_forget(&r, 1);
    assert_false(bars(&r, 1, 1, 4, 300));
    note(&r, BATCH_NO_PRODUCER, 0, 3, 300);
    assert_false(bars(&r, BATCH_NO_PRODUCER, 0, 4, 300));
    refused_close(&r);
}

/* The newest are remembered, in bounded memory or in none. */
static void many_are_refused(void **state)
{
    struct refused r;
    unsigned barred = 0;
    (void)state;
    refused_init(&r, mem);
    mem_fail_at(mem, 1, 0);
    note(&r, 1, 0, 0, 1);
    assert_int_equal(mem_fail_fired(mem), 1);
    assert_false(bars(&r, 1, 0, 1, 1));
    mem_fail_at(mem, 0, 0);
    for (int64_t id = 0; id < 10 * REFUSED_MAX; id++) {
        note(&r, id, 0, 0, 1);
        assert_true(bars(&r, id, 0, 1, 1));
    }
    for (int64_t id = 0; id < 10 * REFUSED_MAX; id++) {
        barred += bars(&r, id, 0, 1, 1);
    }
    assert_int_equal(barred, REFUSED_MAX);
    refused_close(&r);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, open_set, close_set)
    const struct CMUnitTest tests[] = {
        TEST(a_retry_finds_the_first_copy),
        TEST(who_has_no_id_is_nobody),
        TEST(an_overlay_goes_on),
        TEST(the_silent_are_forgotten),
        TEST(an_encoding_is_read_back),
        TEST(damage_is_refused),
        TEST(behind_a_refused_batch),
        TEST(many_are_refused),
        TEST(r12_the_oldest_leaves_when_there_are_too_many),
        TEST(r12_replicas_forget_the_same),
        TEST(what_is_read_is_bounded_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
