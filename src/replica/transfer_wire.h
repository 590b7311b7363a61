/* transfer_wire.h - the messages of Transfer, on PEER_TRANSFER. Big-endian.
 *
 *   LOG    u64 req, i64 from, i64 upto, u32 max      -> DATA
 *   IMAGE  u64 req, u64 index at least               -> MADE
 *   FILE   u64 req, u64 index, u64 offset, u32 max   -> DATA
 *   DATA   u64 req, i32 status, bytes
 *   MADE   u64 req, i32 status, u64 index, u64 term, u64 hash, u64 bytes,
 *          encoded manifest
 *   TELL   bytes, from the owner of a replica to those of the others
 *
 * each after {u8 kind, u64 group}. Requests go on the main lane, answers on
 * the bulk lane. The receiver pulls: one request at a time, sent again, with
 * the same `req` and for fewer bytes, when nothing came; the first answer to it
 * counts, those to older ones are dropped by `req`.
 */
#ifndef REPLICA_TRANSFER_WIRE_H
#define REPLICA_TRANSFER_WIRE_H

enum transfer_kind {
    TRANSFER_LOG = 1,
    TRANSFER_IMAGE = 2,
    TRANSFER_FILE = 3,
    TRANSFER_DATA = 4,
    TRANSFER_MADE = 5,
    TRANSFER_TELL = 6
};

/* Bytes asked for at once: more when answers come quickly, fewer when they do
 * not, so that a narrow way, or one that many share, is not filled with answers
 * that come too late. */
#define TRANSFER_PULL_BYTES     (4u << 20)
#define TRANSFER_PULL_BYTES_MIN (64u << 10)
#define TRANSFER_PULL_BYTES_NEW (512u << 10)

#endif
