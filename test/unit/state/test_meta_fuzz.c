/* Drives the fuzz harness of @meta with mutations of its corpus. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/rand.h"
#include "fuzz/fuzz_meta.h"

#define ROUNDS 3000
#define LEN    2048

static const char *const names[] = {"register", "create", "delete",
                                    "grow",     "alter",  "producer",
                                    "result",   "boot",   "changes"};

static size_t corpus_read(const char *name, uint8_t out[LEN])
{
    char path[1024];
    snprintf(path, sizeof path, "%s/test/fuzz/corpus/meta/%s", FUZZ_SRCDIR,
             name);
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        fail_msg("%s", path);
        return 0;
    }
    size_t n = fread(out, 1, LEN, f);
    fclose(f);
    return n;
}

static size_t mutate(struct rand *d, uint8_t *p, size_t n)
{
    for (uint64_t k = 1 + rand_below(d, 4); k > 0 && n > 1; k--) {
        size_t at = 1 + (size_t)rand_below(d, n - 1);
        switch (rand_below(d, 4)) {
        case 0:
            p[at] ^= (uint8_t)(1u << rand_below(d, 8));
            break;
        case 1:
            p[at] = (uint8_t)rand_next(d);
            break;
        case 2:
            n = at + 1;
            break;
        default:
            p[at] = rand_below(d, 2) == 0 ? 0xff : 0;
        }
    }
    return n;
}

static void test_mutations(void **state)
{
    uint8_t seed[LEN], input[LEN];
    struct rand d;
    (void)state;
    rand_init(&d, 1);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        size_t n = corpus_read(names[i], seed);
        assert_true(n > 5);
        assert_int_equal(LLVMFuzzerTestOneInput(seed, n), 0);
        for (unsigned k = 0; k < ROUNDS; k++) {
            for (size_t j = 0; j < n; j++) {
                input[j] = seed[j];
            }
            assert_int_equal(
                LLVMFuzzerTestOneInput(input, mutate(&d, input, n)), 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mutations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
