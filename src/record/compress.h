/* compress.h - the four codecs of record batches, one call each way.
 *
 *   gzip    gzip members (RFC 1952), several in a row are read as one
 *   snappy  written in the Java library's framing, which every client reads:
 *           8 bytes magic, version and compatible version (u32 each), then
 *           blocks of u32 length and raw snappy; read so or raw
 *   lz4     one LZ4 frame with a valid header checksum, independent blocks
 *   zstd    zstd frames (RFC 8878), several in a row are read as one
 *
 * Life: stateless; a library's context lives for one call.
 * Ownership: both calls append to `out` and borrow `in` until they return.
 * Limits: decoding stops at the first byte beyond `out_max`; memory is taken
 * step by step as output appears, never from what the input claims. A zstd
 * window beyond COMPRESS_WINDOW_LOG_MAX is refused.
 * Errors leave `out` with the bytes it had before.
 */
#ifndef RECORD_COMPRESS_H
#define RECORD_COMPRESS_H

#include <limits.h>

#include "base/buf.h"
#include "base/slice.h"
#include "record/batch.h"

/* The most that a batch may become when it is decompressed: as large as the
 * largest one that is taken uncompressed. A few kilobytes of a client's can ask
 * for any amount. */
#define COMPRESS_PLAIN_MAX (32u << 20)
/* The codec's own default level. */
#define COMPRESS_LEVEL_DEFAULT INT_MIN
/* 8 MiB: what RFC 8878 asks every decoder to take, and what encoders use up to
 * level 19. Larger windows are taken only if the output may be that large. */
#define COMPRESS_WINDOW_LOG_MIN 23
#define COMPRESS_WINDOW_LOG_MAX 27

/* Compress. `level`: COMPRESS_LEVEL_DEFAULT, or gzip -1 and 1..9, lz4 1..17
 * (beyond 2 slower and denser), zstd -131072..22; snappy has none and ignores
 * it. BATCH_CODEC_NONE copies.
 *
 * Errors:
 *   ERR_INVALID      not a level of this codec
 *   ERR_UNSUPPORTED  not a codec
 *   ERR_TOOBIG       more than INT32_MAX bytes in, or out's limit
 *   ERR_NOMEM
 */
int compress_encode(unsigned codec, int level, struct slice in,
                    struct buf *out);

/* Decompress at most `out_max` bytes.
 *
 * Errors:
 *   ERR_TOOBIG       there would be more than `out_max` (or out's limit), or
 *                    the window is too large
 *   ERR_CORRUPT      not what the codec writes, cut short, or followed by
 *                    something else
 *   ERR_UNSUPPORTED  not a codec
 *   ERR_NOMEM
 */
int compress_decode(unsigned codec, struct slice in, size_t out_max,
                    struct buf *out);

/* The name a topic setting uses ("zstd"), NULL for what is no codec. */
const char *compress_name(unsigned codec);

#endif
