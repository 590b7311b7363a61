/* test_sequence.c - the idempotent producer's rules, as a table and a trace. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "record/build.h"
#include "record/sequence.h"

#define PID 7

static struct batch batch_of(int16_t epoch, int32_t seq, int32_t n)
{
    return (struct batch){.producer_id = PID,
                          .producer_epoch = epoch,
                          .base_sequence = seq,
                          .last_offset_delta = n - 1,
                          .record_count = n,
                          .max_timestamp = 1000 + seq % 1000};
}

static int check(const struct producer_entry *e, int16_t epoch, int32_t seq,
                 int32_t n)
{
    struct batch b = batch_of(epoch, seq, n);
    struct producer_batch first;
    return producer_check(e, &b, &first);
}

static void update(struct producer_entry *e, int16_t epoch, int32_t seq,
                   int32_t n, int64_t offset)
{
    struct batch b = batch_of(epoch, seq, n);
    producer_update(e, &b, offset, 5000 + offset);
    producer_entry_check(e);
}

static void test_unknown(void **state)
{
    struct batch b = {.producer_id = -1, .base_sequence = -1};
    struct producer_batch first;
    struct producer_entry e;
    (void)state;
    assert_int_equal(producer_check(NULL, &b, &first), PRODUCER_APPEND);
    assert_int_equal(check(NULL, 0, 0, 1), PRODUCER_APPEND);
    assert_int_equal(check(NULL, 3, 4711, 1), PRODUCER_APPEND);
    assert_int_equal(check(NULL, 0, -1, 1), PRODUCER_OUT_OF_ORDER);
    producer_init(&e, PID);
    producer_entry_check(&e);
    assert_int_equal(check(&e, 0, 4711, 1), PRODUCER_APPEND);
}

/* Epoch 2, sequences 10-14 at offset 100. */
static void test_table(void **state)
{
    static const struct {
        int16_t epoch;
        int32_t seq;
        int32_t n;
        int want;
    } rows[] = {
        {2, 15, 3, PRODUCER_APPEND},       {2, 16, 1, PRODUCER_OUT_OF_ORDER},
        {2, 14, 1, PRODUCER_OUT_OF_ORDER}, {2, 10, 5, PRODUCER_DUPLICATE},
        {2, 10, 4, PRODUCER_OUT_OF_ORDER}, {2, 11, 4, PRODUCER_OUT_OF_ORDER},
        {2, 0, 1, PRODUCER_OUT_OF_ORDER},  {1, 15, 3, PRODUCER_FENCED},
        {1, 10, 5, PRODUCER_FENCED},       {3, 0, 1, PRODUCER_APPEND},
        {3, 15, 1, PRODUCER_OUT_OF_ORDER}, {3, 10, 5, PRODUCER_OUT_OF_ORDER},
        {2, -1, 1, PRODUCER_OUT_OF_ORDER},
    };
    struct producer_entry e;
    size_t i;
    (void)state;
    producer_init(&e, PID);
    update(&e, 2, 10, 5, 100);
    for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(check(&e, rows[i].epoch, rows[i].seq, rows[i].n),
                         rows[i].want);
    }
}

static void test_duplicate_answers_first_copy(void **state)
{
    struct batch b = batch_of(0, 3, 4);
    struct producer_batch first;
    struct producer_entry e;
    (void)state;
    producer_init(&e, PID);
    update(&e, 0, 0, 3, 50);
    update(&e, 0, 3, 4, 60);
    assert_int_equal(producer_check(&e, &b, &first), PRODUCER_DUPLICATE);
    assert_int_equal(first.base_offset, 60);
    assert_int_equal(first.last_offset, 63);
    assert_int_equal(first.first_seq, 3);
    assert_int_equal(first.last_seq, 6);
    assert_int_equal(first.timestamp, 1003);
    assert_int_equal(e.last_timestamp, 5060);
}

static void test_window_of_five(void **state)
{
    struct producer_entry e;
    int i;
    (void)state;
    producer_init(&e, PID);
    for (i = 0; i < 6; i++) {
        update(&e, 0, 2 * i, 2, 100 + 2 * i);
    }
    assert_int_equal(e.n, PRODUCER_WINDOW);
    assert_int_equal(check(&e, 0, 0, 2), PRODUCER_OUT_OF_ORDER);
    for (i = 1; i < 6; i++) {
        assert_int_equal(check(&e, 0, 2 * i, 2), PRODUCER_DUPLICATE);
    }
    assert_int_equal(check(&e, 0, 12, 2), PRODUCER_APPEND);
}

static void test_wrap(void **state)
{
    struct producer_entry e;
    (void)state;
    producer_init(&e, PID);
    update(&e, 0, INT32_MAX - 1, 2, 10); /* ends at 2147483647 */
    assert_int_equal(check(&e, 0, 0, 1), PRODUCER_APPEND);
    assert_int_equal(check(&e, 0, 1, 1), PRODUCER_OUT_OF_ORDER);
    producer_init(&e, PID);
    update(&e, 0, INT32_MAX - 1, 5, 10); /* wraps inside: ends at 2 */
    assert_int_equal(e.batches[0].last_seq, 2);
    assert_int_equal(check(&e, 0, 3, 1), PRODUCER_APPEND);
    assert_int_equal(check(&e, 0, 0, 1), PRODUCER_OUT_OF_ORDER);
    assert_int_equal(check(&e, 0, INT32_MAX - 1, 5), PRODUCER_DUPLICATE);
}

static void test_epoch_bump_empties_window(void **state)
{
    struct producer_entry e;
    (void)state;
    producer_init(&e, PID);
    update(&e, 0, 0, 5, 0);
    update(&e, 1, 0, 5, 5);
    assert_int_equal(e.n, 1);
    assert_int_equal(e.batches[0].base_offset, 5);
    assert_int_equal(check(&e, 0, 5, 1), PRODUCER_FENCED);
    assert_int_equal(check(&e, 1, 5, 1), PRODUCER_APPEND);
}

/* The log is bytes too: what no producer sends must not end the node. */
static void test_no_sequence_in_log(void **state)
{
    struct producer_entry e;
    (void)state;
    producer_init(&e, PID);
    update(&e, 0, 0, 5, 0);
    update(&e, 0, -1, 1, 5);
    assert_int_equal(e.n, 1);
    assert_int_equal(e.last_timestamp, 5005);
    update(&e, 1, 0, 5, 6);
    update(&e, 0, 5, 5, 11);
    assert_int_equal(e.n, 1);
    assert_int_equal(e.producer_epoch, 1);
    assert_int_equal(check(&e, 1, 5, 1), PRODUCER_APPEND);
}

static void test_transaction(void **state)
{
    struct mem *mem = mem_new(0);
    struct build_control c = {.type = BUILD_ABORT,
                              .producer_id = PID,
                              .producer_epoch = 1,
                              .coordinator_epoch = 8};
    struct batch b = batch_of(0, 0, 3);
    struct producer_batch first;
    struct producer_entry e;
    struct buf out;
    (void)state;
    producer_init(&e, PID);
    b.attributes = BATCH_TRANSACTIONAL;
    producer_update(&e, &b, 40, 1);
    assert_int_equal(e.txn_first_offset, 40);
    b.base_sequence = 3;
    producer_update(&e, &b, 43, 2);
    assert_int_equal(e.txn_first_offset, 40);
    /* The marker fences: epoch 1, and sequences start over. */
    buf_init(&out, mem, 0);
    assert_int_equal(build_control(&c, &out), 0);
    assert_int_equal(batch_view(buf_slice(&out), &b), 0);
    assert_int_equal(producer_check(&e, &b, &first), PRODUCER_APPEND);
    producer_update(&e, &b, 46, 3);
    producer_entry_check(&e);
    assert_int_equal(e.txn_first_offset, PRODUCER_NO_OFFSET);
    assert_int_equal(e.coordinator_epoch, 8);
    assert_int_equal(e.producer_epoch, 1);
    assert_int_equal(e.n, 0);
    assert_int_equal(e.last_timestamp, 3);
    assert_int_equal(check(&e, 0, 6, 1), PRODUCER_FENCED);
    assert_int_equal(check(&e, 1, 6, 1), PRODUCER_OUT_OF_ORDER);
    assert_int_equal(check(&e, 1, 0, 1), PRODUCER_APPEND);
    buf_close(&out);
    mem_free_all(mem);
}

static void entry_fill(struct producer_entry *e, int n)
{
    int i;
    producer_init(e, PID);
    for (i = 0; i < n; i++) {
        update(e, 300, 10 * i, 10, 1000 * i);
    }
    e->coordinator_epoch = 12;
    e->txn_first_offset = 2000;
}

static void test_encoding(void **state)
{
    struct mem *mem = mem_new(0);
    int n;
    (void)state;
    for (n = 0; n <= PRODUCER_WINDOW; n++) {
        struct producer_entry e;
        struct producer_entry d;
        struct cursor c;
        struct buf out;
        size_t i;
        entry_fill(&e, n);
        buf_init(&out, mem, 0);
        producer_encode(&e, &out);
        assert_int_equal(out.status, 0);
        assert_int_equal(out.len, 32 + 32 * n);
        assert_int_equal(out.data[0], 1);
        for (i = 0; i < out.len; i++) {
            cursor_init(&c, slice_of(out.data, i));
            assert_int_equal(producer_decode(&c, &d), ERR_CORRUPT);
        }
        buf_put_u8(&out, 0xee);
        cursor_init(&c, buf_slice(&out));
        assert_int_equal(producer_decode(&c, &d), 0);
        assert_int_equal(cursor_left(&c), 1);
        assert_memory_equal(&d, &e, sizeof e);
        buf_close(&out);
    }
    assert_int_equal(mem_blocks(mem), 0);
    mem_free_all(mem);
}

static int decode_with(size_t at, uint8_t v)
{
    struct mem *mem = mem_new(0);
    struct producer_entry e;
    struct cursor c;
    struct buf out;
    int rv;
    entry_fill(&e, 2);
    buf_init(&out, mem, 0);
    producer_encode(&e, &out);
    out.data[at] = v;
    cursor_init(&c, buf_slice(&out));
    rv = producer_decode(&c, &e);
    buf_close(&out);
    mem_free_all(mem);
    return rv;
}

static void test_decode_refuses(void **state)
{
    (void)state;
    assert_int_equal(decode_with(0, 1), 0);
    assert_int_equal(decode_with(0, 0), ERR_CORRUPT);
    assert_int_equal(decode_with(0, 2), ERR_VERSION);
    assert_int_equal(decode_with(1, 6), ERR_CORRUPT);
    assert_int_equal(decode_with(1, 255), ERR_CORRUPT);
    assert_int_equal(decode_with(3, 0x80), ERR_CORRUPT);  /* epoch */
    assert_int_equal(decode_with(15, 0x80), ERR_CORRUPT); /* producer id */
    assert_int_equal(decode_with(35, 0x80), ERR_CORRUPT); /* first sequence */
    assert_int_equal(decode_with(47, 0x80), ERR_CORRUPT); /* base offset */
    assert_int_equal(decode_with(48 + 1, 0xff), ERR_CORRUPT); /* overlap */
    assert_int_equal(decode_with(40, 50), ERR_CORRUPT); /* ends before it */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_duplicate_answers_first_copy),
        cmocka_unit_test(test_window_of_five),
        cmocka_unit_test(test_wrap),
        cmocka_unit_test(test_epoch_bump_empties_window),
        cmocka_unit_test(test_no_sequence_in_log),
        cmocka_unit_test(test_transaction),
        cmocka_unit_test(test_encoding),
        cmocka_unit_test(test_decode_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
