/* rand.c - xoshiro256** 1.0 (Blackman and Vigna), seeded by splitmix64. */
#include "base/rand.h"

#include <string.h>

#include "base/assert.h"
#include "base/bytes.h"

static uint64_t splitmix64(uint64_t *state)
{
    *state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = *state;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint64_t rotate_left(uint64_t v, unsigned n)
{
    return v << n | v >> (64 - n);
}

void rand_init(struct rand *r, uint64_t seed)
{
    for (int i = 0; i < 4; i++) {
        r->s[i] = splitmix64(&seed);
    }
}

uint64_t rand_next(struct rand *r)
{
    uint64_t *s = r->s;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return result;
}

uint64_t rand_below(struct rand *r, uint64_t n)
{
    ASSERT(n > 0);
    /* 2^64 mod n values too many: the lowest ones are drawn again. */
    uint64_t surplus = (0 - n) % n;
    uint64_t v;
    do {
        v = rand_next(r);
    } while (v < surplus);
    return v % n;
}

void rand_fill(struct rand *r, void *data, size_t len)
{
    uint8_t *p = data;
    uint8_t bytes[8];
    for (; len >= sizeof bytes; len -= sizeof bytes) {
        le64_store(p, rand_next(r));
        p += sizeof bytes;
    }
    if (len > 0) {
        le64_store(bytes, rand_next(r));
        memcpy(p, bytes, len);
    }
}
