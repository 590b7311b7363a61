/* hash.h - XXH64 with seed 0, and mixing a few numbers into one. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* XXH64, seed 0: stable for ever (it places consumer groups). */
uint64_t hash_bytes(const void *data, size_t len);
/* XXH64 of `n` numbers as little-endian bytes. */
uint64_t hash_u64s(const uint64_t *v, size_t n);

#endif
