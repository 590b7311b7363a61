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

#endif
