/* bytes.h - integers at fixed places in memory, in both byte orders.
 *
 * Kafka's bytes are big-endian (`be`), our own on-disk and peer formats are
 * little-endian (`le`). No alignment is needed.
 */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

#define BYTES_DEFINE(bits)                                                     \
    static inline uint##bits##_t be##bits##_load(const void *p)                \
    {                                                                          \
        uint##bits##_t v;                                                      \
        memcpy(&v, p, sizeof v);                                               \
        return be##bits##toh(v);                                               \
    }                                                                          \
    static inline void be##bits##_store(void *p, uint##bits##_t v)             \
    {                                                                          \
        v = htobe##bits(v);                                                    \
        memcpy(p, &v, sizeof v);                                               \
    }                                                                          \
    static inline uint##bits##_t le##bits##_load(const void *p)                \
    {                                                                          \
        uint##bits##_t v;                                                      \
        memcpy(&v, p, sizeof v);                                               \
        return le##bits##toh(v);                                               \
    }                                                                          \
    static inline void le##bits##_store(void *p, uint##bits##_t v)             \
    {                                                                          \
        v = htole##bits(v);                                                    \
        memcpy(p, &v, sizeof v);                                               \
    }
BYTES_DEFINE(16)
BYTES_DEFINE(32)
BYTES_DEFINE(64)
#undef BYTES_DEFINE

#endif
