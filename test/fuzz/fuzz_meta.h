/* fuzz_meta.h - the harness's entry, for the test that drives it. */
#ifndef TEST_FUZZ_META_H
#define TEST_FUZZ_META_H

#include <stddef.h>
#include <stdint.h>

/* How the first byte of an input (modulo 4) says what the rest is. */
enum fuzz_meta_mode {
    FUZZ_META_COMMAND,
    FUZZ_META_RESULT,
    FUZZ_META_BOOTSTRAP,
    FUZZ_META_CHANGES
};

/* Judge one input. Fails by assertion only; returns 0. Borrows `data`. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
