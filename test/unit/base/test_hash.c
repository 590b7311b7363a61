/* XXH64 with seed 0 is for ever: published values; numbers as bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/hash.h"

static void published_values(void **state)
{
    (void)state;
    assert_true(hash_bytes(NULL, 0) == UINT64_C(0xef46db3751d8e999));
    assert_true(hash_bytes("a", 1) == UINT64_C(0xd24ec4f1a98c6e5b));
    assert_true(hash_bytes("abc", 3) == UINT64_C(0x44bc2cf5ad770999));
}

static void numbers_are_little_endian_bytes(void **state)
{
    (void)state;
    uint64_t v[100];
    uint8_t bytes[sizeof v];
    for (unsigned i = 0; i < 100; i++) {
        v[i] = i * UINT64_C(0x0123456789abcdef);
        le64_store(bytes + (size_t)i * 8, v[i]);
    }
    for (size_t n = 0; n <= 100; n++) {
        assert_true(hash_u64s(v, n) == hash_bytes(bytes, n * 8));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_values),
        cmocka_unit_test(numbers_are_little_endian_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
