/* Frames as bytes: what is written is read, and every bit is covered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "storage/journal_frame.h"

static uint8_t frame[FORMAT_BLOCK];
static uint8_t payload[100];

/* One frame of two groups: entries of 5, term and vote of 6. */
static struct frame_facts build(uint64_t epoch)
{
    struct frame_facts f = {.ring = {{1, 2, 3}},
                            .generation = 4,
                            .epoch = epoch,
                            .seq = 9,
                            .first = 100,
                            .last = 101,
                            .durable = 7,
                            .checkpoint = 2,
                            .offset = 8192,
                            .slot = 3,
                            .n_groups = 2,
                            .records_at = frame_records_at(4)};
    struct frame_group groups[] = {{5, 10, 11}, {6, 0, 0}};
    struct entry e[2];
    struct entry *list[] = {&e[0], &e[1]};
    uint8_t body[HARD_BYTES] = {1};
    uint8_t *start = frame + f.records_at;
    for (unsigned i = 0; i < 2; i++) {
        e[i] = (struct entry){.index = 10 + i,
                              .term = 2,
                              .base_offset = i,
                              .next_offset = i + 1,
                              .crc = crc32c(payload, 99 + i),
                              .kind = ENTRY_RECORDS,
                              .payload = {NULL, payload, 99 + i}};
    }
    memset(frame, 0xee, sizeof frame);
    struct record r = {
        .kind = JOURNAL_APPEND, .seq = 100, .group = 5, .n_entries = 2};
    uint8_t *p = record_write_entries(start, frame_salt(&f), &r, list);
    assert_int_equal(p - start, record_bytes(record_entry_bytes(&e[0]) +
                                             record_entry_bytes(&e[1])));
    r = (struct record){.kind = JOURNAL_HARD, .seq = 101, .group = 6};
    p = record_write(p, frame_salt(&f), &r, slice_of(body, sizeof body),
                     slice_of(NULL, 0));
    f.records_len = (uint32_t)(p - start);
    frame_finish(frame, &f, groups);
    assert_int_equal(f.length, FORMAT_BLOCK);
    return f;
}

static int check(void)
{
    struct frame_facts f;
    int rv = frame_decode_facts(frame, false, &f);
    return rv == 0 && f.length != FORMAT_BLOCK ? ERR_CORRUPT
           : rv == 0                           ? frame_check(frame, &f)
                                               : rv;
}

static void test_round_trip(void **state)
{
    (void)state;
    struct frame_facts want = build(1);
    struct frame_facts f;
    struct record r;
    struct entry e;
    size_t len;
    size_t at = 0;
    const uint8_t *dir;
    assert_int_equal(check(), 0);
    assert_int_equal(frame_decode_facts(frame, false, &f), 0);
    assert_int_equal(f.seq, want.seq);
    assert_int_equal(f.durable, 7);
    assert_int_equal(f.offset, 8192);
    assert_int_equal(f.last, 101);
    assert_int_equal(frame_directory(frame, &f, false, &dir), 0);
    assert_int_equal(frame_dir_item(dir, 0).group, 5);
    assert_int_equal(frame_dir_item(dir, 0).last, 11);
    assert_int_equal(frame_dir_item(dir, 1).group, 6);
    struct slice in = slice_of(frame + f.records_at, f.records_len);
    assert_int_equal(record_read(in, frame_salt(&f), &r, &len), 0);
    assert_int_equal(r.n_entries, 2);
    record_entry(&r, &at, &e);
    record_entry(&r, &at, &e);
    assert_int_equal(e.index, 11);
    assert_int_equal(e.seq, 100);
    assert_int_equal(e.payload.len, 100);
    assert_int_equal(at, r.body.len);
    assert_int_equal(len, record_bytes(at));
}

static void test_every_bit(void **state)
{
    (void)state;
    build(1);
    for (unsigned bit = 0; bit < FORMAT_BLOCK * 8; bit++) {
        frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_not_equal(check(), 0);
        frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_int_equal(check(), 0);
}

/* A torn write leaves a sector of what a cut run wrote at the same place,
 * under the same numbers: it does not pass. */
static void test_salt(void **state)
{
    (void)state;
    uint8_t old[FORMAT_BLOCK];
    struct frame_facts f = build(1);
    memcpy(old, frame, sizeof old);
    build(2);
    assert_int_equal(check(), 0);
    memcpy(frame + f.records_at, old + f.records_at, f.records_len);
    assert_int_not_equal(check(), 0);
}

/* More groups than there is room for in front: the end lists them all. */
static void test_directory(void **state)
{
    (void)state;
    struct frame_group groups[20];
    struct frame_facts f = {.seq = 2,
                            .first = 1,
                            .last = 0,
                            .n_groups = 20,
                            .records_at = frame_records_at(8)};
    struct frame_facts t;
    const uint8_t *dir;
    for (unsigned i = 0; i < 20; i++) {
        groups[i] = (struct frame_group){i + 1, i, i};
    }
    frame_finish(frame, &f, groups);
    assert_int_equal(check(), 0);
    assert_int_equal(frame_decode_facts(frame, false, &f), 0);
    assert_int_equal(f.n_listed, 8);
    assert_int_equal(frame_directory(frame, &f, false, &dir), ERR_CORRUPT);
    assert_int_equal(
        frame_decode_facts(frame + f.length - FRAME_FACTS_BYTES, true, &t), 0);
    assert_int_equal(frame_directory(frame, &t, true, &dir), 0);
    assert_int_equal(frame_dir_item(dir, 19).group, 20);
}

/* Facts whose checksum is right and that cannot be. */
static void test_facts_fit(void **state)
{
    (void)state;
    static const struct {
        unsigned at;
        uint32_t value;
    } bad[] = {{FRAME_AT_LENGTH, 0},
               {FRAME_AT_LENGTH, 4097},
               {FRAME_AT_LENGTH, 8192},
               {FRAME_AT_SEQ, 0},
               {FRAME_AT_DURABLE, 9},
               {FRAME_AT_OFFSET, 100},
               {FRAME_AT_RECORDS, 0},
               {FRAME_AT_RECORDS, 129},
               {FRAME_AT_RECORDS, UINT32_MAX},
               {FRAME_AT_RECORDS_LEN, UINT32_MAX},
               {FRAME_AT_GROUPS, UINT32_MAX},
               {FRAME_AT_LISTED, 3},
               {FRAME_AT_LAST, 98},
               {FRAME_AT_ZERO2, 1}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct frame_facts f;
        build(1);
        le32_store(frame + bad[i].at, bad[i].value);
        le32_store(frame + FRAME_AT_CRC, crc32c(frame, FRAME_AT_CRC));
        assert_int_equal(frame_decode_facts(frame, false, &f), ERR_CORRUPT);
    }
    struct frame_facts f;
    build(1);
    le16_store(frame + FRAME_AT_VERSION, 2);
    le32_store(frame + FRAME_AT_CRC, crc32c(frame, FRAME_AT_CRC));
    assert_int_equal(frame_decode_facts(frame, false, &f), ERR_VERSION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_every_bit),
        cmocka_unit_test(test_salt),       cmocka_unit_test(test_directory),
        cmocka_unit_test(test_facts_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
