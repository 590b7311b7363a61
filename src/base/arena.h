/* arena.h - memory that lives as long as one request.
 *
 * Bump allocation from blocks; nothing is freed before arena_close() or
 * arena_reset(). Decoded messages live here.
 * Errors: NULL when there is no memory or `bytes_max` is reached (bombs from
 * outside stop here).
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/mem.h"
#include "base/slice.h"

struct arena_block;

/* What many arenas may have together: what each takes beyond 64 KiB is counted,
 * so that small requests go on while large ones hold all of it. */
struct arena_budget {
    size_t used, max;
    uint64_t refused; /* blocks */
};

struct arena {
    struct mem *mem;
    struct arena_block *head;
    size_t used;      /* bytes handed out */
    size_t bytes_max; /* 0: no limit */
    struct arena_budget *budget;
};

/* Empty; allocates nothing yet. Borrows `mem` until arena_close(). */
void arena_init(struct arena *a, struct mem *mem, size_t bytes_max);
/* Count it among others; before anything is handed out. Borrows `budget` for as
 * long as the arena is used, also after arena_close(). */
void arena_share(struct arena *a, struct arena_budget *budget);
/* Free everything that was handed out. */
void arena_close(struct arena *a);
/* Forget what was handed out, keep one block for the next request. */
void arena_reset(struct arena *a);
/* `size` bytes, 16-byte aligned, contents undefined. */
void *arena_alloc(struct arena *a, size_t size);
/* `n * size` zeroed bytes; overflow of the product is a failure. */
void *arena_calloc(struct arena *a, size_t n, size_t size);
/* A terminated copy of `s`. */
char *arena_strdup(struct arena *a, struct slice s);

#endif
