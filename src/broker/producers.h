/* producers.h - a set of idempotent producers: id -> record/sequence.h entry.
 *
 * A partition keeps three: as of its log base (for the manifest), as of its
 * commit, and an overlay for the uncommitted tail. Producers expire against
 * the log's time: an entry not heard of for `expiration_ms` counts as absent.
 *
 * Limits: PRODUCERS_MAX entries, since a client may invent as many ids as it
 * likes and all of them travel in the manifest. When one more comes, the one
 * whose last batch lies at the lowest offset leaves: the fold decides, over
 * the log's own order, so that all replicas forget the same ones, whenever
 * they expire entries or restart. Who was forgotten counts as unknown, as
 * after expiry.
 */
#ifndef BROKER_PRODUCERS_H
#define BROKER_PRODUCERS_H

#include "base/heap.h"
#include "base/map.h"
#include "record/sequence.h"

/* Of one partition: at most 6 MiB of its manifest (MESSAGE_MANIFEST_MAX). */
#define PRODUCERS_MAX 32768

struct producers {
    struct mem *mem;
    struct map *map;    /* producer id -> struct producer_item (producers.c) */
    struct heap oldest; /* its items, by the offset of their last batch */
    uint64_t evicted;   /* that left for others */
};

/* Empty. Errors: ERR_NOMEM. */
int producers_init(struct producers *p, struct mem *mem);
void producers_close(struct producers *p);
void producers_clear(struct producers *p);
size_t producers_count(const struct producers *p);
/* The entry of a producer, NULL if unknown or expired at `now_ms`. */
struct producer_entry *producers_find(const struct producers *p, int64_t id,
                                      int64_t now_ms, int64_t expiration_ms);
/* Fold a batch that is in the log: `from` (may be NULL) is where to copy the
 * entry from if it is not here yet. Batches without producer id are ignored.
 * The oldest entry leaves when there is one too many. Errors: ERR_NOMEM. */
int producers_fold(struct producers *p, const struct batch *b,
                   int64_t base_offset, int64_t now_ms, int64_t expiration_ms,
                   const struct producer_entry *from);
/* Drop entries not heard of since now_ms - expiration_ms. */
void producers_expire(struct producers *p, int64_t now_ms,
                      int64_t expiration_ms);
/* Append {u8 version, u32 count, entries}; read it back in place of what is
 * there, the PRODUCERS_MAX newest of them. Errors: ERR_CORRUPT, ERR_VERSION,
 * ERR_NOMEM. */
void producers_encode(const struct producers *p, struct buf *out);
int producers_decode(struct producers *p, struct slice in);

#endif
