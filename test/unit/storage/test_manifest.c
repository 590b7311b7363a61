/* A manifest survives encoding; damage of any kind does not go unnoticed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/err.h"
#include "base/rand.h"
#include "fuzz/fuzz_manifest.h"
#include "storage/manifest.h"
#include "storage/store_impl.h"

static const struct manifest_epoch epochs[] = {{1, 0}, {4, 17}, {9, 17}};
static const struct manifest_segment segments[] = {
    {10, 5000, 77, 123456, 20}, {20, 1, 78, -1, 21}, {25, 900, 79, 5, 40}};

static struct manifest sample(void)
{
    return (struct manifest){.kind = MANIFEST_LOG,
                             .base = {.index = 99,
                                      .term = 9,
                                      .offset = 41,
                                      .time_ms = 1700000000000,
                                      .chain = 0xfeedfacecafebeef},
                             .config_index = 50,
                             .config = slice_str("three voters"),
                             .log_start = 12,
                             .epochs = epochs,
                             .n_epochs = 3,
                             .segments = segments,
                             .n_segments = 3,
                             .state = slice_str("producers")};
}

static void encode(struct buf *b, struct mem *mem, const struct manifest *m)
{
    buf_init(b, mem, 0);
    manifest_encode(m, b);
    assert_int_equal(b->status, 0);
}

static int decode(struct mem *mem, struct slice in)
{
    struct manifest m;
    struct arena arena;
    arena_init(&arena, mem, 0);
    int rv = manifest_decode(in, &arena, &m);
    arena_close(&arena);
    return rv;
}

static void test_round_trip(void **state)
{
    struct mem *mem = mem_new(0);
    struct manifest m = sample(), got;
    struct arena arena;
    struct buf b;
    (void)state;
    encode(&b, mem, &m);
    arena_init(&arena, mem, 0);
    assert_int_equal(manifest_decode(buf_slice(&b), &arena, &got), 0);
    assert_int_equal(got.kind, m.kind);
    assert_memory_equal(&got.base, &m.base, sizeof m.base);
    assert_int_equal(got.config_index, 50);
    assert_int_equal(got.log_start, 12);
    assert_true(slice_equal(got.config, m.config));
    assert_true(slice_equal(got.state, m.state));
    assert_int_equal(got.n_epochs, 3);
    assert_memory_equal(got.epochs, epochs, sizeof epochs);
    assert_int_equal(got.n_segments, 3);
    assert_memory_equal(got.segments, segments, sizeof segments);
    arena_close(&arena);
    buf_close(&b);
    assert_int_equal(mem_blocks(mem), 0);
    mem_free_all(mem);
}

static void test_empty_round_trip(void **state)
{
    struct mem *mem = mem_new(0);
    struct manifest m = {.kind = MANIFEST_STATE}, got;
    struct arena arena;
    struct buf b;
    (void)state;
    encode(&b, mem, &m);
    assert_int_equal(b.len, MANIFEST_HEAD_BYTES + MANIFEST_CRC_BYTES);
    arena_init(&arena, mem, 0);
    assert_int_equal(manifest_decode(buf_slice(&b), &arena, &got), 0);
    assert_int_equal(got.kind, MANIFEST_STATE);
    assert_int_equal(got.n_segments + got.n_epochs, 0);
    arena_close(&arena);
    buf_close(&b);
    mem_free_all(mem);
}

static void test_every_truncation(void **state)
{
    struct mem *mem = mem_new(0);
    struct manifest m = sample();
    struct buf b;
    (void)state;
    encode(&b, mem, &m);
    for (size_t n = 0; n < b.len; n++) {
        assert_int_equal(decode(mem, slice_of(b.data, n)), ERR_CORRUPT);
    }
    buf_put_u8(&b, 0);
    assert_int_equal(decode(mem, buf_slice(&b)), ERR_CORRUPT);
    buf_close(&b);
    mem_free_all(mem);
}

static void test_every_bit_flip(void **state)
{
    struct mem *mem = mem_new(0);
    struct manifest m = sample();
    struct buf b;
    (void)state;
    encode(&b, mem, &m);
    for (size_t bit = 0; bit < b.len * 8; bit++) {
        b.data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        assert_int_equal(decode(mem, buf_slice(&b)), ERR_CORRUPT);
        b.data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    assert_int_equal(decode(mem, buf_slice(&b)), 0);
    buf_close(&b);
    mem_free_all(mem);
}

/* Sealed again after a change: what a checksum cannot say is checked too. */
static int decode_resealed(struct mem *mem, struct buf *b)
{
    size_t len = b->len - MANIFEST_CRC_BYTES;
    le32_store(b->data + len, crc32c(b->data, len));
    return decode(mem, buf_slice(b));
}

static void test_lying_counts(void **state)
{
    static const size_t at[] = {MANIFEST_AT_CONFIG_LEN, MANIFEST_AT_EPOCHS,
                                MANIFEST_AT_SEGMENTS, MANIFEST_AT_STATE_LEN};
    static const uint32_t lies[] = {0, 1000, 0x7fffffff, 0xffffffff};
    struct mem *mem = mem_new(1u << 20);
    struct manifest m = sample();
    struct buf b;
    (void)state;
    encode(&b, mem, &m);
    for (size_t i = 0; i < 4; i++) {
        uint32_t was = le32_load(b.data + at[i]);
        for (size_t k = 0; k < 4; k++) {
            le32_store(b.data + at[i], lies[k]);
            assert_int_equal(decode_resealed(mem, &b), ERR_CORRUPT);
        }
        le32_store(b.data + at[i], was);
    }
    assert_int_equal(decode_resealed(mem, &b), 0);
    le16_store(b.data + MANIFEST_AT_VERSION, 2);
    assert_int_equal(decode_resealed(mem, &b), ERR_VERSION);
    le16_store(b.data + MANIFEST_AT_VERSION, MANIFEST_VERSION);
    le16_store(b.data + MANIFEST_AT_KIND, 7);
    assert_int_equal(decode_resealed(mem, &b), ERR_CORRUPT);
    buf_close(&b);
    mem_free_all(mem);
}

static void test_order(void **state)
{
    struct mem *mem = mem_new(0);
    struct manifest_epoch e[3];
    struct manifest_segment s[3];
    struct manifest m = sample();
    struct buf b;
    (void)state;
    m.epochs = e;
    m.segments = s;
    for (int i = 0; i < 6; i++) {
        memcpy(e, epochs, sizeof e);
        memcpy(s, segments, sizeof s);
        switch (i) {
        case 0:
            e[1].term = 1;
            break;
        case 1:
            e[2].offset = 16;
            break;
        case 2:
            e[0].offset = -1;
            break;
        case 3:
            s[1].base_offset = 19;
            break;
        case 4:
            s[0].length = 0;
            break;
        default:
            s[2].next_offset = 25;
            break;
        }
        encode(&b, mem, &m);
        assert_int_equal(decode(mem, buf_slice(&b)), ERR_CORRUPT);
        buf_close(&b);
    }
    mem_free_all(mem);
}

static void test_no_memory(void **state)
{
    struct mem *mem = mem_new(0);
    struct manifest m = sample();
    struct buf b, none;
    int rv;
    (void)state;
    encode(&b, mem, &m);
    for (uint64_t n = 1;; n++) {
        mem_fail_at(mem, n, 0);
        rv = decode(mem, buf_slice(&b));
        if (!mem_fail_fired(mem)) {
            break;
        }
        assert_int_equal(rv, ERR_NOMEM);
    }
    assert_int_equal(rv, 0);
    mem_fail_at(mem, 1, 1);
    buf_init(&none, mem, 0);
    manifest_encode(&m, &none);
    assert_int_equal(none.status, ERR_NOMEM);
    buf_close(&none);
    buf_close(&b);
    mem_free_all(mem);
}

/* ---- the fuzz harness, driven by mutations ---------------------------------
 */

static void mutate(struct rand *r, struct buf *from, uint8_t which)
{
    uint8_t copy[4096];
    size_t len = from->len;
    unsigned n = 1 + (unsigned)rand_below(r, 4);
    assert_true(len < sizeof copy);
    copy[0] = which;
    memcpy(copy + 1, from->data, len);
    while (n-- > 0) {
        uint64_t at = 1 + rand_below(r, len);
        copy[at] = rand_below(r, 3) == 0 ? 0xff : (uint8_t)rand_next(r);
    }
    if (rand_below(r, 4) == 0) {
        len = rand_below(r, len);
    }
    LLVMFuzzerTestOneInput(copy, len + 1);
}

static void test_mutations(void **state)
{
    struct mem *mem = mem_new(0);
    struct manifest m = sample();
    struct store s = {.mem = mem};
    struct segment g = {.store = &s, .base_offset = 417, .chain = 77};
    struct rand r;
    struct buf a, b;
    (void)state;
    index_reset(&g);
    for (uint32_t i = 0; i < 20; i++) {
        assert_int_equal(index_reserve(&g), 0);
        g.blocks[g.n_blocks++] = (struct block){.base_offset = 417 + 3 * i,
                                                .position = 40000 * i,
                                                .chain = 77 + i,
                                                .length = 40000,
                                                .offsets = 3,
                                                .time_delta = 1};
    }
    encode(&a, mem, &m);
    buf_init(&b, mem, 0);
    size_t len = index_encoded_len(g.n_blocks, true);
    index_encode(&g, 0, true, buf_reserve(&b, len));
    b.len += len;
    assert_int_equal(index_decode(&g, buf_slice(&b), 20 * 40000), 0);
    assert_int_equal(g.n_blocks, 20);
    rand_init(&r, 1);
    for (int i = 0; i < 20000; i++) {
        mutate(&r, &a, 0);
        mutate(&r, &b, 1);
    }
    mem_free(mem, g.blocks);
    buf_close(&a);
    buf_close(&b);
    assert_int_equal(mem_blocks(mem), 0);
    mem_free_all(mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_empty_round_trip),
        cmocka_unit_test(test_every_truncation),
        cmocka_unit_test(test_every_bit_flip),
        cmocka_unit_test(test_lying_counts),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_mutations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
