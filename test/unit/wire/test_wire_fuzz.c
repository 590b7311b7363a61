/* The fuzz harness, driven by frames of every message that are damaged in the
 * ways that parsers fear. WIRE_SEED=n repeats a run, WIRE_ROUNDS=n makes it
 * longer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "fuzz/fuzz_wire.h"
#include "wire/header.h"

static uint64_t number_from(const char *name, uint64_t otherwise)
{
    const char *s = getenv(name);
    return s != NULL ? strtoull(s, NULL, 0) : otherwise;
}

/* A random frame as the harness takes it. */
static void make(struct rand *r, struct mem *mem, unsigned i, int version,
                 struct buf *b)
{
    const struct wire_message *m = wire_message_at(i);
    struct arena a;
    arena_init(&a, mem, 0);
    void *msg = arena_alloc(&a, m->body.size);
    assert_int_equal(wire_random(m, version, r, &a, msg), 0);
    buf_put_u8(b, (uint8_t)(m->is_request ? 0 : i / 2 + 1));
    if (m->is_request) {
        struct wire_request_header h = {.api_key = m->api_key,
                                        .api_version = (int16_t)version,
                                        .client_id = slice_str("me")};
        assert_int_equal(wire_request_header_encode(m, &h, b), 0);
    } else {
        buf_put_u8(b, (uint8_t)version);
        assert_int_equal(wire_response_header_encode(m, version, 1, b), 0);
    }
    assert_int_equal(wire_encode(m, version, msg, b), 0);
    arena_close(&a);
}

static void damage(struct rand *r, struct buf *b)
{
    static const uint8_t evil[] = {0x00, 0x01, 0x7f, 0x80, 0xfe, 0xff};
    size_t at = rand_below(r, b->len);
    size_t n = 1 + rand_below(r, 5);
    switch (rand_below(r, 4)) {
    case 0:
        b->data[at] ^= (uint8_t)(1u << rand_below(r, 8));
        break;
    case 1:
        b->data[at] = evil[rand_below(r, sizeof evil)];
        break;
    case 2:
        for (; n > 0 && at < b->len; n--) {
            b->data[at++] = 0xff;
        }
        break;
    default:
        b->len = at + 1;
        break;
    }
}

static void test_damaged_frames(void **state)
{
    (void)state;
    struct rand r;
    struct buf b;
    struct mem *mem = mem_new(0);
    uint64_t seed = number_from("WIRE_SEED", 20261121);
    uint64_t rounds = number_from("WIRE_ROUNDS", 3);
    print_message("WIRE_SEED=%llu\n", (unsigned long long)seed);
    rand_init(&r, seed);
    buf_init(&b, mem, 0);
    for (unsigned i = 0; i < wire_message_count(); i++) {
        const struct wire_message *m = wire_message_at(i);
        for (int v = m->version_min; v <= m->version_max; v++) {
            for (uint64_t round = 0; round < rounds; round++) {
                buf_reset(&b);
                make(&r, mem, i, v, &b);
                for (int k = 0; k < 8; k++) {
                    assert_int_equal(LLVMFuzzerTestOneInput(b.data, b.len), 0);
                    damage(&r, &b);
                }
            }
        }
    }
    buf_close(&b);
    mem_free_all(mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_damaged_frames)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
