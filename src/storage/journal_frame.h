/* journal_frame.h - building and reading frames and their records.
 *
 *   | facts | directory | 0.. | record record ... | 0.. | directory | facts |
 *   0       128         records_at                                   length
 *
 * Pure: bytes in, bytes out. The facts and the directory stand at both ends,
 * so that one destroyed block does not hide which groups a frame was about.
 * Bytes come from disk: whatever does not fit is ERR_CORRUPT.
 */
#ifndef STORAGE_JOURNAL_FRAME_H
#define STORAGE_JOURNAL_FRAME_H

#include "base/uuid.h"
#include "storage/format.h"
#include "storage/journal.h"

struct frame_facts {
    struct uuid ring;
    uint64_t generation;
    uint64_t epoch;
    uint64_t seq;
    uint64_t first, last; /* records */
    uint64_t durable;
    uint64_t checkpoint;
    uint64_t offset;
    uint32_t slot;
    uint32_t length;
    uint32_t n_groups;
    uint32_t n_listed;
    uint32_t records_at;
    uint32_t records_len;
    uint32_t dir_crc;
};

struct frame_group {
    uint64_t group;
    uint64_t first, last; /* entry indexes, 0: none */
};

/* Where records begin with room for `n` groups in front of them. */
uint32_t frame_records_at(uint32_t n);
/* Bytes of a whole frame, padded to blocks. */
uint64_t frame_length(uint32_t records_at, uint64_t records_len,
                      uint32_t n_groups);
/* Seed of the record headers' checksums: a record of another frame, an
 * earlier lap or a cut run does not pass. */
uint32_t frame_salt(const struct frame_facts *f);
/* Write both directories, the padding and both facts around records that are
 * in place. Sets length, n_listed and dir_crc of `f`. */
void frame_finish(uint8_t *frame, struct frame_facts *f,
                  const struct frame_group groups[]);

/* Read the facts of a header or of a trailer. Errors: ERR_CORRUPT,
 * ERR_VERSION. */
int frame_decode_facts(const uint8_t in[FRAME_FACTS_BYTES], bool trailer,
                       struct frame_facts *ret_f);
/* Check every byte of a frame whose header's facts are `f`. Errors:
 * ERR_CORRUPT. */
int frame_check(const uint8_t *frame, const struct frame_facts *f);
/* The bytes of a directory if its checksum is right and it is complete: at
 * the end for a trailer's facts, else at the beginning. Errors: ERR_CORRUPT. */
int frame_directory(const uint8_t *frame, const struct frame_facts *f,
                    bool trailer, const uint8_t **ret_dir);
/* Item `i` of a directory. */
struct frame_group frame_dir_item(const uint8_t *dir, uint32_t i);

/* ---- records ------------------------------------------------------------ */

struct record {
    enum journal_kind kind;
    uint64_t seq;
    uint64_t group;
    uint32_t n_entries;
    struct slice body;
};

/* Bytes in a frame of one entry inside a record, and of a record. */
uint64_t record_entry_bytes(const struct entry *e);
uint64_t record_bytes(uint64_t body_len);

/* Write a record of entries at `p`; returns its end. */
uint8_t *record_write_entries(uint8_t *p, uint32_t salt, const struct record *r,
                              struct entry *const entries[]);
/* Write any other record, body from two pieces; returns its end. */
uint8_t *record_write(uint8_t *p, uint32_t salt, const struct record *r,
                      struct slice head, struct slice rest);
/* Read the record at `in`, checking everything but payloads. Returns its
 * length in *ret_len. Errors: ERR_CORRUPT. */
int record_read(struct slice in, uint32_t salt, struct record *ret_r,
                size_t *ret_len);
/* The entry of a record's body at *at, payload borrowed from it (no chunk);
 * moves *at on. The body must have passed record_read(). */
void record_entry(const struct record *r, size_t *at, struct entry *ret_e);

/* Fixed parts of bodies. */
void point_encode(uint8_t out[POINT_BYTES], const struct log_point *p);
struct log_point point_decode(const uint8_t in[POINT_BYTES]);
void open_encode(uint8_t out[OPEN_BYTES], const struct journal_open_info *o);
/* `config` is borrowed from `body`. Errors: ERR_CORRUPT. */
int open_decode(struct slice body, uint64_t group,
                struct journal_open_info *ret_o);

#endif
