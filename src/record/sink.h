/* sink.h - where a decoder puts its bytes: a buffer that grows in steps and
 * stops at a limit. Private to the codecs of this room.
 *
 * Life: sink_init, then sink_space and sink_commit in turns. When the limit is
 * reached sink_space offers one byte of its own, so that a decoder that has
 * nothing more to say can end, and one that has is found out.
 */
#ifndef RECORD_SINK_H
#define RECORD_SINK_H

#include "base/buf.h"

#define SINK_STEP ((size_t)64 * 1024)

struct sink {
    struct buf *out;
    size_t left; /* bytes the limit still allows */
    uint8_t over[1];
    bool is_over; /* the last space was `over` */
};

/* A codec's two halves. `level` was checked; on failure what was appended is
 * taken back by the caller. */
typedef int (*sink_encode)(int level, struct slice in, struct buf *out);
typedef int (*sink_decode)(struct slice in, struct sink *s);

/* Append to `out` at most `out_max` bytes. Borrows `out`. */
void sink_init(struct sink *s, struct buf *out, size_t out_max);
/* Where the next bytes go, and how many fit (at least one). `hint`: how many
 * are expected, 0: unknown. Errors: ERR_NOMEM, ERR_TOOBIG (out's own limit). */
int sink_space(struct sink *s, size_t hint, uint8_t **ret_p, size_t *ret_n);
/* `n` bytes were written there. Errors: ERR_TOOBIG (beyond the limit). */
int sink_commit(struct sink *s, size_t n);

/* The codecs: see compress.h. */
int gzip_encode(int level, struct slice in, struct buf *out);
int gzip_decode(struct slice in, struct sink *s);
int xerial_encode(int level, struct slice in, struct buf *out);
int xerial_decode(struct slice in, struct sink *s);
int lz4_encode(int level, struct slice in, struct buf *out);
int lz4_decode(struct slice in, struct sink *s);
int zstd_encode(int level, struct slice in, struct buf *out);
int zstd_decode(struct slice in, struct sink *s);

#endif
