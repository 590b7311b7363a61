/* core_heap.c - the library's memory is the node's own.
 *
 * raft_heap_set() is process-global, so the allocator holds nothing itself:
 * whose memory is meant is said around each call, per thread. A simulated node
 * that dies is freed whole, with what the library had allocated for it.
 */
#include <errno.h>
#include <stdlib.h>

#include "raft/core_impl.h"

static _Thread_local struct {
    struct mem *mem;
    void *keep; /* not to be freed */
} heap_now;
static const char heap_sentinel[16];

void *core_sentinel(void)
{
    return (void *)(uintptr_t)heap_sentinel;
}

struct mem *core_heap_enter(struct mem *mem)
{
    struct mem *before = heap_now.mem;
    heap_now.mem = mem;
    return before;
}

void core_heap_leave(struct mem *before)
{
    heap_now.mem = before;
}

void core_heap_keep(void *p)
{
    heap_now.keep = p;
}

static void *heap_malloc(void *data, size_t size)
{
    (void)data;
    ASSERT(heap_now.mem != NULL);
    return mem_alloc(heap_now.mem, size);
}

static void heap_free(void *data, void *p)
{
    (void)data;
    if (p == core_sentinel() || p == heap_now.keep) {
        return;
    }
    ASSERT(heap_now.mem != NULL);
    mem_free(heap_now.mem, p);
}

static void *heap_calloc(void *data, size_t n, size_t size)
{
    (void)data;
    ASSERT(heap_now.mem != NULL);
    return mem_calloc(heap_now.mem, n, size);
}

static void *heap_realloc(void *data, void *p, size_t size)
{
    (void)data;
    ASSERT(heap_now.mem != NULL && p != core_sentinel());
    return mem_realloc(heap_now.mem, p, size);
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
