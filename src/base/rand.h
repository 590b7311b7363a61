/* rand.h - a small seeded generator (xoshiro256**). Not for secrets: those
 * come from env_random(). */
#ifndef BASE_RAND_H
#define BASE_RAND_H

#include <stddef.h>
#include <stdint.h>

struct rand {
    uint64_t s[4];
};

/* Seed through splitmix64, so that neighbouring seeds differ. */
void rand_init(struct rand *r, uint64_t seed);
/* The next 64 bits. */
uint64_t rand_next(struct rand *r);
/* Uniform in [0, n), n > 0. */
uint64_t rand_below(struct rand *r, uint64_t n);
/* Fill `len` bytes. */
void rand_fill(struct rand *r, void *data, size_t len);

#endif
