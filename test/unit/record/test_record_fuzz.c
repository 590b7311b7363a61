/* test_record_fuzz.c - the fuzz harness over mutated golden batches: every
 * truncation, every byte flipped, and seeded storms, with and without a
 * checksum that fits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fuzz/fuzz_record.h"
#include "sample.h"

#define INPUT_MAX 2048
#define STORMS    4000

static uint8_t input[INPUT_MAX];

static size_t load(const struct sample *s, uint8_t choice)
{
    input[0] = choice;
    memcpy(input + 1, s->bytes.data, s->bytes.len);
    return s->bytes.len + 1;
}

static void test_unchanged(void **state)
{
    unsigned choice;
    size_t i;
    (void)state;
    for (i = 0; i < N_SAMPLES; i++) {
        for (choice = 0; choice < 32; choice++) {
            size_t n = load(&samples[i], (uint8_t)choice);
            assert_int_equal(LLVMFuzzerTestOneInput(input, n), 0);
        }
    }
}

static void test_truncations(void **state)
{
    size_t i;
    size_t n;
    (void)state;
    for (i = 0; i < N_SAMPLES; i++) {
        size_t len = load(&samples[i], 1);
        for (n = 0; n < len; n++) {
            assert_int_equal(LLVMFuzzerTestOneInput(input, n), 0);
        }
    }
}

static void test_flips(void **state)
{
    size_t i;
    size_t n;
    (void)state;
    for (i = 0; i < N_SAMPLES; i++) {
        size_t len = load(&samples[i], 1 | 16);
        for (n = 1; n < len; n++) {
            uint8_t was = input[n];
            input[n] ^= (uint8_t)(1 << (n % 8));
            assert_int_equal(LLVMFuzzerTestOneInput(input, len), 0);
            input[n] = 0xff;
            assert_int_equal(LLVMFuzzerTestOneInput(input, len), 0);
            input[n] = was;
        }
    }
}

static void test_storms(void **state)
{
    struct rand r;
    int i;
    (void)state;
    rand_init(&r, 2026);
    for (i = 0; i < STORMS; i++) {
        const struct sample *s = &samples[rand_below(&r, N_SAMPLES)];
        size_t len = load(s, (uint8_t)rand_next(&r));
        uint64_t hits = 1 + rand_below(&r, 6);
        while (hits-- > 0) {
            size_t at = 1 + (size_t)rand_below(&r, len - 1);
            input[at] = (uint8_t)rand_next(&r);
        }
        assert_int_equal(LLVMFuzzerTestOneInput(input, len), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unchanged),
        cmocka_unit_test(test_truncations),
        cmocka_unit_test(test_flips),
        cmocka_unit_test(test_storms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
