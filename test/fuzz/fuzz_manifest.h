/* fuzz_manifest.h - the harness's entry, for the test that drives it. */
#ifndef TEST_FUZZ_MANIFEST_H
#define TEST_FUZZ_MANIFEST_H

#include <stddef.h>
#include <stdint.h>

/* Judge one input. Fails by assertion only; returns 0. Borrows `data`. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
