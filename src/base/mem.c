/* mem.c - blocks with a header in front, all in one list.
 *
 *   +-------+-------+------+-------+-----------------+
 *   | prev  | next  | size | magic | the user's bytes|
 *   +-------+-------+------+-------+-----------------+
 *
 * The magic number is mixed with the allocator's address: freeing twice, or
 * into another node's allocator, is caught at once.
 */
#include "base/mem.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/single_threaded.h>

#include "base/assert.h"
#include "base/queue.h"

#define BLOCK_MAGIC UINT64_C(0x6f73747261636b61)
/* What shaken memory holds when it was given back: no address, no small
 * number, no flag. */
#define FREED_BYTE 0xdb

struct block {
    struct queue queue;
    size_t size;
    uint64_t magic;
};
_Static_assert(sizeof(struct block) % 16 == 0, "blocks are 16-byte aligned");

struct mem {
    pthread_mutex_t lock;
    struct queue blocks;
    struct queue ends; /* struct mem_end, the last one first */
    size_t bytes;      /* written under the lock, read without */
    size_t n_blocks;
    size_t bytes_max;
    uint64_t fail_at; /* allocations until the planted failure; 0: none */
    int fail_for_ever;
    int fail_fired;
    uint64_t shake; /* drawn from last; 0: not shaken */
};

/* A process of one thread (the simulator, the CLI's small commands) does not
 * pay for the lock. Returns what mem_unlock() wants to know. */
static bool mem_lock(struct mem *m)
{
    bool shared = !__libc_single_threaded;
    if (shared) {
        pthread_mutex_lock(&m->lock);
    }
    return shared;
}

static void mem_unlock(struct mem *m, bool locked)
{
    if (locked) {
        pthread_mutex_unlock(&m->lock);
    }
}

static uint64_t magic_of(const struct mem *m)
{
    return BLOCK_MAGIC ^ (uint64_t)(uintptr_t)m;
}

static struct block *block_get(const struct mem *m, void *p)
{
    struct block *b = (struct block *)p - 1;
    ASSERT(b->magic == magic_of(m));
    return b;
}

struct mem *mem_new(size_t bytes_max)
{
    struct mem *m = malloc(sizeof *m);
    if (m == NULL) {
        return NULL;
    }
    *m = (struct mem){.bytes_max = bytes_max};
    if (pthread_mutex_init(&m->lock, NULL) != 0) {
        free(m);
        return NULL;
    }
    queue_init(&m->blocks);
    queue_init(&m->ends);
    return m;
}

void mem_free_all(struct mem *m)
{
    if (m == NULL) {
        return;
    }
    struct queue *q;
    while ((q = queue_pop(&m->ends)) != NULL) {
        struct mem_end *h = QUEUE_ENTRY(q, struct mem_end, queue);
        h->cb(h->arg);
    }
    while ((q = queue_pop(&m->blocks)) != NULL) {
        struct block *b = QUEUE_ENTRY(q, struct block, queue);
        b->magic = 0;
        free(b);
    }
    pthread_mutex_destroy(&m->lock);
    free(m);
}

void mem_at_end(struct mem *m, struct mem_end *h, void (*cb)(void *arg),
                void *arg)
{
    h->cb = cb;
    h->arg = arg;
    bool locked = mem_lock(m);
    queue_push_front(&m->ends, &h->queue);
    mem_unlock(m, locked);
}

void mem_end_cancel(struct mem *m, struct mem_end *h)
{
    bool locked = mem_lock(m);
    queue_remove(&h->queue);
    mem_unlock(m, locked);
}

/* True if the planted failure is due at this allocation. */
static bool fail_due(struct mem *m)
{
    if (m->fail_at == 0) {
        return false;
    }
    if (m->fail_at > 1) {
        m->fail_at--;
        return false;
    }
    if (!m->fail_for_ever) {
        m->fail_at = 0;
    }
    __atomic_store_n(&m->fail_fired, 1, __ATOMIC_RELAXED);
    return true;
}

/* True if a block may grow from `old` to `size` bytes. */
static bool may_grow(struct mem *m, size_t old, size_t size)
{
    if (fail_due(m) || size > SIZE_MAX / 2 - sizeof(struct block)) {
        return false;
    }
    size_t others = m->bytes - old;
    return m->bytes_max == 0 ||
           (others <= m->bytes_max && size <= m->bytes_max - others);
}

/* Some number, the next one; 0 if not shaken. */
static uint64_t shake_next(struct mem *m)
{
    if (m->shake != 0) {
        m->shake = m->shake * UINT64_C(6364136223846793005) | 1;
    }
    return m->shake >> 40;
}

/* Bytes behind a block, so that the next one lies elsewhere. */
static size_t shake_spare(struct mem *m)
{
    return (size_t)(shake_next(m) % 64) * 16;
}

/* Memory for a block. Shaken, some small ones lie where most of an address is
 * zero: who takes a pointer's bytes for something else often asks for that. */
static void *shake_alloc(struct mem *m, size_t bytes)
{
    size_t spare = shake_spare(m);
    void *p;

    if (m->shake == 0 || bytes > 256 || shake_next(m) % 8 != 0) {
        return malloc(bytes + spare);
    }
    return posix_memalign(&p, 65536, bytes + spare) == 0 ? p : NULL;
}

void mem_shake(struct mem *m, uint64_t seed)
{
    m->shake = seed == 0 ? 0 : seed | 1;
}

void mem_shake_fill(struct mem *m, void *data, size_t len)
{
    if (m->shake != 0) {
        memset(data, (int)(shake_next(m) & 0xff), len);
    }
}

/* A block joins the list and the books. */
static void block_insert(struct mem *m, struct block *b, size_t size)
{
    b->size = size;
    b->magic = magic_of(m);
    queue_push(&m->blocks, &b->queue);
    __atomic_store_n(&m->bytes, m->bytes + size, __ATOMIC_RELAXED);
    __atomic_store_n(&m->n_blocks, m->n_blocks + 1, __ATOMIC_RELAXED);
}

/* A block leaves both. */
static void block_remove(struct mem *m, struct block *b)
{
    queue_remove(&b->queue);
    b->magic = 0;
    __atomic_store_n(&m->bytes, m->bytes - b->size, __ATOMIC_RELAXED);
    __atomic_store_n(&m->n_blocks, m->n_blocks - 1, __ATOMIC_RELAXED);
}

void *mem_alloc(struct mem *m, size_t size)
{
    struct block *b = NULL;
    bool locked = mem_lock(m);
    if (may_grow(m, 0, size)) {
        b = shake_alloc(m, sizeof *b + size);
    }
    if (b != NULL) {
        block_insert(m, b, size);
        mem_shake_fill(m, b + 1, size);
    }
    mem_unlock(m, locked);
    return b == NULL ? NULL : b + 1;
}

void *mem_calloc(struct mem *m, size_t n, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes)) {
        return NULL;
    }
    void *p = mem_alloc(m, bytes);
    if (p != NULL) {
        memset(p, 0, bytes);
    }
    return p;
}

void *mem_realloc(struct mem *m, void *p, size_t size)
{
    if (p == NULL) {
        return mem_alloc(m, size);
    }
    struct block *b = block_get(m, p);
    struct block *moved = NULL;
    bool locked = mem_lock(m);
    size_t old_size = b->size;
    if (may_grow(m, old_size, size)) {
        block_remove(m, b);
        moved = realloc(b, sizeof *b + size + shake_spare(m));
        if (moved == NULL) {
            block_insert(m, b, old_size);
        } else {
            block_insert(m, moved, size);
            if (size > old_size) {
                mem_shake_fill(m, (uint8_t *)(moved + 1) + old_size,
                               size - old_size);
            }
        }
    }
    mem_unlock(m, locked);
    return moved == NULL ? NULL : moved + 1;
}

void mem_advise_huge(void *data, size_t len)
{
    size_t skip = (size_t)(-(uintptr_t)data) % MEM_HUGE_BYTES;
    if (len > skip && len - skip >= MEM_HUGE_BYTES) {
        len = (len - skip) / MEM_HUGE_BYTES * MEM_HUGE_BYTES;
        (void)madvise((uint8_t *)data + skip, len, MADV_HUGEPAGE);
    }
}

char *mem_strndup(struct mem *m, const char *s, size_t len)
{
    if (len == SIZE_MAX) {
        return NULL;
    }
    char *copy = mem_alloc(m, len + 1);
    if (copy != NULL) {
        if (len > 0) {
            memcpy(copy, s, len);
        }
        copy[len] = '\0';
    }
    return copy;
}

void mem_free(struct mem *m, void *p)
{
    if (p == NULL) {
        return;
    }
    struct block *b = block_get(m, p);
    bool locked = mem_lock(m);
    block_remove(m, b);
    mem_unlock(m, locked);
    if (m->shake != 0) {
        memset(p, FREED_BYTE, b->size); /* nobody finds what he left here */
    }
    free(b);
}

size_t mem_bytes(const struct mem *m)
{
    return __atomic_load_n(&m->bytes, __ATOMIC_RELAXED);
}

size_t mem_blocks(const struct mem *m)
{
    return __atomic_load_n(&m->n_blocks, __ATOMIC_RELAXED);
}

void mem_fail_at(struct mem *m, uint64_t n, int for_ever)
{
    bool locked = mem_lock(m);
    m->fail_at = n;
    m->fail_for_ever = for_ever;
    __atomic_store_n(&m->fail_fired, 0, __ATOMIC_RELAXED);
    mem_unlock(m, locked);
}

int mem_fail_fired(const struct mem *m)
{
    return __atomic_load_n(&m->fail_fired, __ATOMIC_RELAXED);
}
