/* segment_format.h - the bytes of manifests and of segment indexes, as
 * doc/FORMATS.md ("Segment", "Index", "Manifest") tells them in prose.
 *
 * All integers are little-endian. A segment file itself has no format of
 * ours: it holds Kafka record batches (record/batch.h) back to back.
 */
#ifndef STORAGE_SEGMENT_FORMAT_H
#define STORAGE_SEGMENT_FORMAT_H

/* ---- manifest --------------------------------------------------------------
 *
 *    0 u32 magic "OMAN"    4 u16 version     6 u16 kind
 *    8 u64 index          16 u64 term       24 i64 offset
 *   32 i64 time_ms        40 u64 chain      48 u64 config_index
 *   56 i64 log_start
 *   64 u32 config_len     68 u32 n_epochs   72 u32 n_segments
 *   76 u32 state_len
 *   80 config_len bytes
 *      n_epochs   x {u64 term, i64 offset}
 *      n_segments x {i64 base_offset, u64 length, u64 chain, i64 time_max_ms,
 *                    i64 next_offset}
 *      state_len bytes
 *      u32 CRC-32C of all before
 */
#define MANIFEST_MAGIC   0x4e414d4fu /* "OMAN" */
#define MANIFEST_VERSION 1
enum {
    MANIFEST_AT_MAGIC = 0,
    MANIFEST_AT_VERSION = 4,
    MANIFEST_AT_KIND = 6,
    MANIFEST_AT_INDEX = 8,
    MANIFEST_AT_CONFIG_LEN = 64,
    MANIFEST_AT_EPOCHS = 68,
    MANIFEST_AT_SEGMENTS = 72,
    MANIFEST_AT_STATE_LEN = 76,
    MANIFEST_HEAD_BYTES = 80,
    MANIFEST_EPOCH_BYTES = 16,
    MANIFEST_SEGMENT_BYTES = 40,
    MANIFEST_CRC_BYTES = 4
};
_Static_assert(MANIFEST_AT_INDEX + 7 * 8 == MANIFEST_AT_CONFIG_LEN, "seven");
_Static_assert(MANIFEST_AT_STATE_LEN + 4 == MANIFEST_HEAD_BYTES, "head");

/* ---- index -----------------------------------------------------------------
 *
 * A head of 64 bytes, then one record of 56 bytes for each block of batches:
 *
 *    0 u32 magic "OIDX"    4 u16 version     6 u16 zero
 *    8 i64 base offset of the segment
 *   16 u64 chain before its first batch
 *   24 i64 largest time of its first batch
 *   32 zeros              60 u32 CRC-32C of bytes 0..59
 *
 *    0 i64 base offset     8 u64 position in the segment
 *   16 u64 chain before   24 i64 largest time (ms, -1: none)
 *   32 u32 length         36 u32 CRC-32C of the stored bytes
 *   40 u32 leader epoch of the first batch
 *   44 u32 offsets: of the block's end, relative to its base offset
 *   48 u32 of the batch with the largest time, relative to the base offset
 *   52 u32 CRC-32C of bytes 0..51
 */
#define INDEX_MAGIC   0x5844494fu /* "OIDX" */
#define INDEX_VERSION 1
enum {
    INDEX_AT_MAGIC = 0,
    INDEX_AT_VERSION = 4,
    INDEX_AT_BASE_OFFSET = 8,
    INDEX_AT_CHAIN = 16,
    INDEX_AT_FIRST_TIME = 24,
    INDEX_AT_ZERO = 32,
    INDEX_AT_HEAD_CRC = 60,
    INDEX_HEAD_BYTES = 64,

    BLOCK_AT_BASE_OFFSET = 0,
    BLOCK_AT_POSITION = 8,
    BLOCK_AT_CHAIN = 16,
    BLOCK_AT_TIME_MAX = 24,
    BLOCK_AT_LENGTH = 32,
    BLOCK_AT_DATA_CRC = 36,
    BLOCK_AT_EPOCH = 40,
    BLOCK_AT_OFFSETS = 44,
    BLOCK_AT_TIME_DELTA = 48,
    BLOCK_AT_CRC = 52,
    BLOCK_BYTES = 56
};
_Static_assert(INDEX_AT_HEAD_CRC + 4 == INDEX_HEAD_BYTES, "head");
_Static_assert(BLOCK_AT_CRC + 4 == BLOCK_BYTES, "record");
/* A block is closed when it holds this many bytes. */
#define INDEX_BLOCK_BYTES (32u << 10)

#endif
