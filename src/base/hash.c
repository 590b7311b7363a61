#include "base/hash.h"

#define XXH_STATIC_LINKING_ONLY /* a state on the stack */
#include <xxhash.h>

#include "base/bytes.h"

#define NUMBERS_AT_ONCE 16

uint64_t hash_bytes(const void *data, size_t len)
{
    return XXH64(data, len, 0);
}

/* Write `n` numbers as little-endian bytes. */
static void numbers_store(uint8_t *out, const uint64_t *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        le64_store(out + i * 8, v[i]);
    }
}

uint64_t hash_u64s(const uint64_t *v, size_t n)
{
    uint8_t bytes[NUMBERS_AT_ONCE * 8];
    if (n <= NUMBERS_AT_ONCE) {
        numbers_store(bytes, v, n);
        return XXH64(bytes, n * 8, 0);
    }
    XXH64_state_t state;
    XXH64_reset(&state, 0);
    while (n > 0) {
        size_t step = n < NUMBERS_AT_ONCE ? n : NUMBERS_AT_ONCE;
        numbers_store(bytes, v, step);
        XXH64_update(&state, bytes, step * 8);
        v += step;
        n -= step;
    }
    return XXH64_digest(&state);
}
