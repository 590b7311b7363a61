/* uuid.h - 128-bit identities: topics, directories, clusters.
 *
 * Text is Kafka's: 22 characters of unpadded URL-safe base64 (RFC 4648 s. 5).
 */
#ifndef BASE_UUID_H
#define BASE_UUID_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct uuid {
    uint8_t b[16];
};

#define UUID_TEXT_LEN 22

/* All zero: "none". */
extern const struct uuid uuid_zero;
bool uuid_equal(struct uuid a, struct uuid b);
bool uuid_is_zero(struct uuid u);
/* Write UUID_TEXT_LEN characters and a terminator. Returns `out`. */
char *uuid_format(struct uuid u, char out[UUID_TEXT_LEN + 1]);
/* Errors: ERR_INVALID. */
int uuid_parse(struct uuid *ret_u, struct slice text);
/* Turn 16 random bytes into a version 4 UUID. */
struct uuid uuid_from_random(const uint8_t random[16]);

#endif
