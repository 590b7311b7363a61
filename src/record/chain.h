/* chain.h - one number that stands for all record batches of a log so far.
 *
 * chain(n) = XXH64(chain(n-1), leader epoch, base offset, batch CRC), the four
 * as little-endian 64-bit numbers; a log begins with 0. Only record batches
 * take part, so anyone recomputes it from the bytes of segments. Two logs with
 * the same chain at the same offset hold the same batches up to there.
 */
#ifndef RECORD_CHAIN_H
#define RECORD_CHAIN_H

#include <stdint.h>

/* The chain of a log without batches. */
#define BATCH_CHAIN_START ((uint64_t)0)

/* The chain after a batch with these fields, `prev` being the one before. A
 * negative epoch or offset takes part sign-extended. */
uint64_t batch_chain(uint64_t prev, int32_t epoch, int64_t base_offset,
                     uint32_t crc);

#endif
