/* mem.h - a node's own allocator.
 *
 * Everything a node allocates comes from its `struct mem`, so that a node
 * that dies inside a process of several (tests, the simulator) can be freed
 * whole, and so that tests can make the n-th allocation fail. Blocks are
 * 16-byte aligned.
 *
 * Thread: all functions may be called from any thread of the node (a mutex
 * guards the list of blocks; hot paths use chunk pools, not this).
 * Errors: NULL when the system has none, the limit is reached, or a planted
 * failure fires; callers return ERR_NOMEM.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>
#include <stdint.h>

#include "base/queue.h"

struct mem;

/* A new allocator that refuses to go beyond `bytes_max` (0: no limit). NULL
 * when the system has no memory. Free with mem_free_all(). */
struct mem *mem_new(size_t bytes_max);

/* Free every block still allocated, and the allocator itself, after the hooks
 * of mem_at_end(), the last one first. NULL is fine. */
void mem_free_all(struct mem *m);

/* For who keeps something outside this allocator (a library's own heap): told
 * when a node that died is freed whole, while its blocks are still there. */
struct mem_end {
    struct queue queue; /* private */
    void (*cb)(void *arg);
    void *arg;
};
/* Borrows `h` until it ran or was cancelled. */
void mem_at_end(struct mem *m, struct mem_end *h, void (*cb)(void *arg),
                void *arg);
void mem_end_cancel(struct mem *m, struct mem_end *h);

/* `size` bytes, contents undefined. NULL on failure. size 0 is allowed. */
void *mem_alloc(struct mem *m, size_t size)
    __attribute__((malloc, alloc_size(2)));

/* `n * size` zeroed bytes; overflow of the product is a failure. */
void *mem_calloc(struct mem *m, size_t n, size_t size)
    __attribute__((malloc, alloc_size(2, 3)));

/* Resize a block (NULL allocates). On failure the old block is untouched. */
void *mem_realloc(struct mem *m, void *p, size_t size);

/* A terminated copy of `len` bytes. NULL on failure. */
char *mem_strndup(struct mem *m, const char *s, size_t len);

/* Give a block back; NULL is fine. */
void mem_free(struct mem *m, void *p);

/* Say that a long-lived range is worth huge pages: direct I/O and copies of
 * megabytes take half the time. Of use where `data` stands at a multiple of
 * MEM_HUGE_BYTES; a hint, without effect where the system has none. */
#define MEM_HUGE_BYTES ((size_t)2 << 20)
void mem_advise_huge(void *data, size_t len);

/* Bytes and blocks now allocated. */
size_t mem_bytes(const struct mem *m);
size_t mem_blocks(const struct mem *m);

/* Test aid: let the `n`-th allocation from now fail (1: the next), and if
 * `for_ever`, every one after it too. 0 switches it off. */
void mem_fail_at(struct mem *m, uint64_t n, int for_ever);

/* True if a planted failure has fired since mem_fail_at(). */
int mem_fail_fired(const struct mem *m);

/* Test aid: from now on blocks, and the chunks of pools that live on it, lie at
 * other addresses and are handed out full of some byte; `seed` says which. 0
 * switches it off. What a place holds before it is written, and where it is,
 * must make no difference: the simulator runs seeds a second time shaken, and
 * compares. Blocks that are given back are filled as well, so that whoever
 * still looks at one trips. */
void mem_shake(struct mem *m, uint64_t seed);
/* Fill what is about to be handed out, if shaken. */
void mem_shake_fill(struct mem *m, void *data, size_t len);

#endif
