/* entry.h - one Raft log entry, in memory and on disk.
 *
 * An entry's header is made in one place, raft/core.c, when the entry leaves
 * the consensus library; from then on it travels unchanged: in the journal, to
 * peers, back from recovery. 64 bytes, little-endian:
 *
 *    0  u64 index         8  u64 term
 *   16  i64 base_offset  24  i64 next_offset
 *   32  i64 time_ms      40  u64 chain
 *   48  u32 length       52  u32 payload_crc
 *   56  u8 kind          57  3 zero bytes
 *   60  u32 header_crc   CRC-32C of bytes 0..59
 *
 * Every kind carries next_offset, so that truncation and restart need no map
 * from index to offset. Entries that hold no records consume no offsets:
 * base_offset == next_offset. time_ms is the leader's wall clock, never below
 * its predecessor's. chain covers record batches only (record/chain.h): other
 * kinds repeat their predecessor's.
 */
#ifndef STORAGE_ENTRY_H
#define STORAGE_ENTRY_H

#include "base/chunk.h"

#define ENTRY_HEADER_BYTES 64
/* One entry fits one journal frame (DESIGN section 5). */
#define ENTRY_PAYLOAD_MAX (32u << 20)

enum entry_kind {
    ENTRY_BARRIER = 1, /* no-op of a new leader; no payload */
    ENTRY_CHANGE = 2,  /* a Raft configuration, as core.c encodes it */
    ENTRY_RECORDS = 3, /* exactly one record batch */
    ENTRY_COMMAND = 4, /* a state machine's command */
    ENTRY_TRIM = 5     /* new log start offset: i64 little-endian */
};

struct entry {
    uint64_t index;
    uint64_t term;
    int64_t base_offset;
    int64_t next_offset;
    int64_t time_ms;
    uint64_t chain;
    uint32_t crc; /* CRC-32C of the payload */
    enum entry_kind kind;
    struct bytes payload; /* shares */
    uint64_t seq;         /* journal record that holds its current content */
};

/* Write the 64 bytes of `e`. */
void entry_encode_header(const struct entry *e,
                         uint8_t out[ENTRY_HEADER_BYTES]);
/* Read a header; the payload is left empty, its length is returned apart.
 * Errors: ERR_CORRUPT (checksum, kind, order of offsets, length beyond
 * ENTRY_PAYLOAD_MAX, non-zero padding). */
int entry_decode_header(const uint8_t in[ENTRY_HEADER_BYTES],
                        struct entry *ret_e, uint32_t *ret_payload_len);

/* Where a log stands after one of its entries. */
struct log_point {
    uint64_t index;
    uint64_t term;
    int64_t offset; /* next_offset of that entry */
    int64_t time_ms;
    uint64_t chain;
};

/* The point after `e`. */
struct log_point entry_point(const struct entry *e);

#endif
