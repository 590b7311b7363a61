/* heap.h - a binary min-heap of embedded nodes, ordered by a 64-bit key and,
 * between equal keys, by order of insertion. For timers.
 */
#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#include <stdbool.h>

#include "base/mem.h"

struct heap_node {
    uint64_t key;
    uint64_t order; /* set by the heap */
    size_t slot;    /* set by the heap; 0 = not in a heap */
};

struct heap {
    struct mem *mem;
    struct heap_node **slots; /* 1-based */
    size_t n;
    size_t cap;
    uint64_t next_order;
};

/* Empty. Borrows `mem` until heap_close(). */
void heap_init(struct heap *h, struct mem *mem);
/* Free; members that are still in are out afterwards. */
void heap_close(struct heap *h);
/* Insert with `node->key` set. Errors: ERR_NOMEM. */
int heap_push(struct heap *h, struct heap_node *node);
/* Change the key of a member; it counts as inserted anew. */
void heap_move(struct heap *h, struct heap_node *node, uint64_t key);
/* Take out; not being in is fine. */
void heap_remove(struct heap *h, struct heap_node *node);
/* The smallest, or NULL. */
struct heap_node *heap_first(const struct heap *h);

#endif
