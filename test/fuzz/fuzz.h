/* fuzz.h - the entry of every harness: libFuzzer calls it, and so does
 * corpus.c in `make check`. */
#ifndef TEST_FUZZ_FUZZ_H
#define TEST_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Judge one input. Fails by assertion only; returns 0. Borrows `data`. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
