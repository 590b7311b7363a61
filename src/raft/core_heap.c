/* core_heap.c - the library's memory is the node's own.
 *
 * raft_heap_set() is process-global, so the allocator holds nothing itself:
 * whose memory is meant is said around each call, per thread. A simulated node
 * that dies is freed whole, with what the library had allocated for it.
 */
#include <errno.h>
#include <stdlib.h>

#include "raft/core_impl.h"

static _Thread_local struct mem *heap_mem;
static const char heap_sentinel[16];

void *core_sentinel(void)
{
    return (void *)(uintptr_t)heap_sentinel;
}

struct mem *core_heap_enter(struct mem *mem)
{
    struct mem *before = heap_mem;
    heap_mem = mem;
    return before;
}

void core_heap_leave(struct mem *before)
{
    heap_mem = before;
}

static void *heap_malloc(void *data, size_t size)
{
    (void)data;
    ASSERT(heap_mem != NULL);
    return mem_alloc(heap_mem, size);
}

static void heap_free(void *data, void *p)
{
    (void)data;
    if (p == core_sentinel()) {
        return;
    }
    ASSERT(heap_mem != NULL);
    mem_free(heap_mem, p);
}

static void *heap_calloc(void *data, size_t n, size_t size)
{
    (void)data;
    ASSERT(heap_mem != NULL);
    return mem_calloc(heap_mem, n, size);
}

static void *heap_realloc(void *data, void *p, size_t size)
{
    (void)data;
    ASSERT(heap_mem != NULL && p != core_sentinel());
    return mem_realloc(heap_mem, p, size);
}

/* Blocks are 16-byte aligned; the core asks for no more. */
static void *heap_aligned_alloc(void *data, size_t alignment, size_t size)
{
    return alignment <= 16 ? heap_malloc(data, size) : NULL;
}

static void heap_aligned_free(void *data, size_t alignment, void *p)
{
    (void)alignment;
    heap_free(data, p);
}

static const struct raft_heap heap = {
    .malloc = heap_malloc,
    .free = heap_free,
    .calloc = heap_calloc,
    .realloc = heap_realloc,
    .aligned_alloc = heap_aligned_alloc,
    .aligned_free = heap_aligned_free,
};

void core_heap_install(void)
{
    raft_heap_set((struct raft_heap *)(uintptr_t)&heap);
}
