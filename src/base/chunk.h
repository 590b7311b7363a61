/* chunk.h - the counted buffers that record bytes live in.
 *
 * A chunk is a piece of memory with a count. Record bytes are received into
 * one, and everything that needs them later (the log's tail, a message to a
 * peer, a reply to a consumer) shares it: nobody copies. A `struct bytes` is a
 * range of a chunk plus the share in it.
 *
 * Chunks come from a pool that is bounded (`memory.bytes`), built from slabs
 * that are mapped and faulted in when first needed (performance.md 3.7), in
 * size classes (powers of two from 4 KiB; larger ones are mapped singly).
 * Data is 4 KiB aligned from 4 KiB on. Slabs stay mapped for reuse; a
 * pool_trim() gives idle ones back.
 *
 * A slab holds chunks of one class; mapped memory may exceed the bytes in use
 * by what partly used slabs have free. In a sanitized build a released chunk's
 * bytes are poisoned.
 *
 * Thread: a pool and its chunks belong to one thread.
 */
#ifndef BASE_CHUNK_H
#define BASE_CHUNK_H

#include "base/mem.h"
#include "base/slice.h"

struct chunk_pool;

struct chunk {
    struct chunk_pool *pool;
    uint8_t *data;
    uint32_t cap;
    uint32_t refs;
    uint32_t budget; /* enum chunk_budget it is charged to */
    uint32_t class_; /* size class, for the pool */
};

/* Who a chunk is charged to. Client requests can never take what peers, state
 * and answers need (DESIGN section 9). */
enum chunk_budget {
    CHUNK_CLIENT, /* requests of clients */
    CHUNK_PEER,   /* frames from peers */
    CHUNK_REPLY,  /* answers, catch-up reads */
    CHUNK_STATE,  /* state machines, transfer, everything internal */
    CHUNK_BUDGETS
};

/* A range of a chunk and one share in it. `chunk` NULL: static bytes that
 * nobody counts. */
struct bytes {
    struct chunk *chunk;
    const uint8_t *data;
    size_t len;
};

/* A pool whose chunks together hold at most `bytes_max`. Of that each budget
 * has a guaranteed part: a budget may exceed its guarantee only from what no
 * other budget's guarantee reserves. The guarantees: PEER 1/8, REPLY 1/8,
 * STATE 1/16 of `bytes_max`; CLIENT has none and lives on what is shared. A
 * chunk counts with its capacity. `mem` is borrowed for the pool's life.
 *
 * Errors: ERR_NOMEM, ERR_INVALID (bytes_max below 32 MiB). */
int chunk_pool_new(struct chunk_pool **ret_pool, struct mem *mem,
                   size_t bytes_max);
/* All chunks must have been released (asserted). NULL is fine. */
void chunk_pool_free(struct chunk_pool *p);
/* As chunk_pool_free(), whatever is still in use: for a node that died and is
 * freed whole, before mem_free_all(). No chunk may be touched afterwards. */
void chunk_pool_abandon(struct chunk_pool *p);
/* Bytes in use by a budget, and in all. */
size_t chunk_pool_used(const struct chunk_pool *p, enum chunk_budget b);
size_t chunk_pool_used_all(const struct chunk_pool *p);
size_t chunk_pool_max(const struct chunk_pool *p);
/* Bytes mapped, in use or not. */
size_t chunk_pool_mapped(const struct chunk_pool *p);
/* Unmap slabs that are wholly free, except `keep_bytes` of them. */
void chunk_pool_trim(struct chunk_pool *p, size_t keep_bytes);

/* A chunk of at least `size` bytes with one share, or NULL: the budget is used
 * up (try again when something is released) or the system has no memory. */
struct chunk *chunk_acquire(struct chunk_pool *p, enum chunk_budget b,
                            size_t size);
/* Move a chunk's charge to another budget (a client's bytes that became part
 * of the log). Never fails. */
void chunk_charge(struct chunk *c, enum chunk_budget b);
/* One more share. Returns `c`. NULL gives NULL. */
struct chunk *chunk_share(struct chunk *c);
/* Give a share back; the last one returns the chunk to the pool. */
void chunk_release(struct chunk *c);

/* A range of `c` with a new share in it. */
struct bytes bytes_share(struct chunk *c, const uint8_t *data, size_t len);
/* The same range with one more share. */
struct bytes bytes_dup(struct bytes b);
/* Give the share back and empty it. */
void bytes_release(struct bytes *b);
/* As a borrowed slice. */
static inline struct slice bytes_slice(struct bytes b)
{
    return slice_of(b.data, b.len);
}

#endif
