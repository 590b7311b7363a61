/* value.h - what the checker writes into a record, and how it knows it again.
 *
 * A value is a header of 32 bytes (big-endian) and padding that follows from
 * it, so that every byte of it can be told right from wrong:
 *
 *     at  size
 *      0  4  magic
 *      4  4  producer
 *      8  4  partition
 *     12  4  length of the whole value
 *     16  8  sequence: 0, 1, 2, ... per producer and partition
 *     24  4  run: values of another run are nobody's
 *     28  4  CRC-32C of all other bytes
 */
#ifndef CHECKER_VALUE_H
#define CHECKER_VALUE_H

#include <stdbool.h>

#include "base/slice.h"

#define VALUE_HEADER_LEN 32

struct value {
    uint64_t seq;
    uint32_t producer;
    uint32_t partition;
    uint32_t run;
};

/* Write the value into `len` (>= VALUE_HEADER_LEN) bytes at `out`. */
void value_encode(const struct value *v, uint8_t *out, size_t len);
/* Read a value back. False if any byte is not what value_encode() wrote. */
bool value_decode(struct slice bytes, struct value *ret_v);

#endif
