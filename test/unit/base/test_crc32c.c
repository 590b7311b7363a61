/* The checksum against published vectors, and combining against the bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/crc32c.h"
#include "base/rand.h"

/* RFC 3720 appendix B.4, and the usual check value. */
static void vectors(void **state)
{
    (void)state;
    uint8_t b[32] = {0};
    assert_int_equal(crc32c("123456789", 9), 0xe3069283);
    assert_int_equal(crc32c(b, sizeof b), 0x8a9136aa);
    for (unsigned i = 0; i < sizeof b; i++) {
        b[i] = 0xff;
    }
    assert_int_equal(crc32c(b, sizeof b), 0x62a8ab43);
    for (unsigned i = 0; i < sizeof b; i++) {
        b[i] = (uint8_t)i;
    }
    assert_int_equal(crc32c(b, sizeof b), 0x46dd794e);
    assert_int_equal(crc32c(NULL, 0), 0);
}

static void extend_equals_whole(void **state)
{
    (void)state;
    const char text[] = "123456789";
    for (size_t at = 0; at <= 9; at++) {
        uint32_t crc = crc32c(text, at);
        assert_int_equal(crc32c_extend(crc, text + at, 9 - at), 0xe3069283);
    }
}

static void combine_equals_direct(void **state)
{
    (void)state;
    uint8_t bytes[5000];
    struct rand r;
    rand_init(&r, 1);
    rand_fill(&r, bytes, sizeof bytes);
    uint32_t whole = crc32c(bytes, sizeof bytes);
    for (size_t at = 0; at <= sizeof bytes; at += 7) {
        size_t len_b = sizeof bytes - at;
        uint32_t a = crc32c(bytes, at);
        uint32_t b = crc32c(bytes + at, len_b);
        assert_int_equal(crc32c_combine(a, b, len_b), whole);
    }
}

/* Lengths that nobody has bytes for: in two steps as in one. */
static void combine_of_huge_lengths(void **state)
{
    (void)state;
    uint64_t half = UINT64_C(1) << 62;
    uint32_t twice = crc32c_combine(crc32c_combine(0x1234, 0, half), 0, half);
    assert_int_equal(crc32c_combine(0x1234, 0, half * 2), twice);
    assert_int_equal(crc32c_combine(0x1234, 0x5678, 0), 0x1234 ^ 0x5678);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors),
        cmocka_unit_test(extend_equals_whole),
        cmocka_unit_test(combine_equals_direct),
        cmocka_unit_test(combine_of_huge_lengths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
