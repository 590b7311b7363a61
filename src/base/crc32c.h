/* crc32c.h - CRC-32C (Castagnoli, RFC 3720 appendix B.4), through isa-l. */
#ifndef BASE_CRC32C_H
#define BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* The checksum of `len` bytes; crc32c("123456789") is 0xE3069283. */
uint32_t crc32c(const void *data, size_t len);
/* Continue: `crc` is the checksum of what came before (0: nothing). */
uint32_t crc32c_extend(uint32_t crc, const void *data, size_t len);
/* The checksum of A followed by B from theirs and B's length, without the
 * bytes. */
uint32_t crc32c_combine(uint32_t crc_a, uint32_t crc_b, uint64_t len_b);

#endif
