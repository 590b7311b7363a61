/* chunk.c - slabs of 4 MiB, each carved into chunks of one size class.
 *
 *   class     0     1     2   ...   9     10    SINGLE
 *   chunk   4 KiB 8 KiB 16 KiB    2 MiB 4 MiB   own mapping
 *
 * A slab with a free slot is in its class's list `open`; one without any chunk
 * in use is also in the pool's list `idle`, from which another class may take
 * and carve it anew before more is mapped. The `struct slot`s lie apart from
 * the data, so that a chunk's data is page aligned and all of it usable.
 * Pages are faulted in by the first touch; slots are carved one by one, so
 * that no call walks a slab.
 */
#include "base/chunk.h"

#include <sanitizer/asan_interface.h>
#include <sys/mman.h>

#include "base/assert.h"
#include "base/err.h"
#include "base/queue.h"

#define PAGE_BYTES   ((size_t)4096)
#define SLAB_BYTES   ((size_t)4 << 20)
#define CLASSES      11
#define CLASS_SINGLE CLASSES
#define POOL_MIN     ((size_t)32 << 20)
_Static_assert(PAGE_BYTES << (CLASSES - 1) == SLAB_BYTES,
               "classes fill a slab");

struct slab;

/* A chunk and what only the pool needs to know of it. */
struct slot {
    struct chunk chunk;
    struct slab *slab;  /* NULL: a single */
    struct slot *next;  /* in the slab's free list */
    struct queue queue; /* singles: in the pool's list */
};

struct slab {
    struct queue all;  /* in pool->slabs */
    struct queue open; /* in pool->open[class_], if a slot is free */
    struct queue idle; /* in pool->idle, if no slot is in use */
    uint8_t *data;
    struct slot *slots;
    struct slot *free;
    uint32_t class_;
    uint32_t n_used;
    uint32_t n_carved; /* slots handed out at least once */
};

struct chunk_pool {
    struct mem *mem;
    size_t bytes_max;
    size_t mapped; /* slabs and singles */
    size_t used_all;
    size_t used[CHUNK_BUDGETS];
    size_t guarantee[CHUNK_BUDGETS];
    struct queue slabs;
    struct queue idle;
    struct queue singles;
    struct queue open[CLASSES];
};

static size_t class_bytes(uint32_t class_)
{
    return PAGE_BYTES << class_;
}

static uint32_t class_slots(uint32_t class_)
{
    return (uint32_t)(SLAB_BYTES / class_bytes(class_));
}

/* The smallest class that holds `size` bytes. */
static uint32_t class_find(size_t size)
{
    if (size > SLAB_BYTES) {
        return CLASS_SINGLE;
    }
    if (size <= PAGE_BYTES) {
        return 0;
    }
    size_t pages = (size - 1) / PAGE_BYTES; /* at least 1 */
    return (uint32_t)(64 - __builtin_clzll(pages));
}

/* Pages that the kernel may make huge: what is received, copied and pinned
 * for the disk lies in them, and each page is looked up every time. */
static uint8_t *pages_map(struct chunk_pool *p, size_t len)
{
    size_t spare = MEM_HUGE_BYTES - PAGE_BYTES; /* to begin at a huge page */
    uint8_t *data = mmap(NULL, len + spare, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (data == MAP_FAILED) {
        return NULL;
    }
    size_t skip = (size_t)(-(uintptr_t)data) % MEM_HUGE_BYTES;
    if (skip > 0) {
        munmap(data, skip);
    }
    if (spare > skip) {
        munmap(data + skip + len, spare - skip);
    }
    mem_advise_huge(data + skip, len);
    p->mapped += len;
    return data + skip;
}

static void pages_unmap(struct chunk_pool *p, uint8_t *data, size_t len)
{
    ASSERT(len <= p->mapped);
    ASAN_UNPOISON_MEMORY_REGION(data, len);
    munmap(data, len);
    p->mapped -= len;
}

int chunk_pool_new(struct chunk_pool **ret_pool, struct mem *mem,
                   size_t bytes_max)
{
    if (bytes_max < POOL_MIN) {
        return ERR_INVALID;
    }
    struct chunk_pool *p = mem_alloc(mem, sizeof *p);
    if (p == NULL) {
        return ERR_NOMEM;
    }
    *p = (struct chunk_pool){.mem = mem, .bytes_max = bytes_max};
    p->guarantee[CHUNK_PEER] = bytes_max / 8;
    p->guarantee[CHUNK_REPLY] = bytes_max / 8;
    p->guarantee[CHUNK_STATE] = bytes_max / 16;
    queue_init(&p->slabs);
    queue_init(&p->idle);
    queue_init(&p->singles);
    for (int i = 0; i < CLASSES; i++) {
        queue_init(&p->open[i]);
    }
    *ret_pool = p;
    return 0;
}

static void slab_free(struct chunk_pool *p, struct slab *s)
{
    queue_remove(&s->all);
    queue_remove(&s->open);
    queue_remove(&s->idle);
    pages_unmap(p, s->data, SLAB_BYTES);
    mem_free(p->mem, s->slots);
    mem_free(p->mem, s);
}

static void single_free(struct chunk_pool *p, struct slot *slot)
{
    queue_remove(&slot->queue);
    pages_unmap(p, slot->chunk.data, slot->chunk.cap);
    mem_free(p->mem, slot);
}

void chunk_pool_abandon(struct chunk_pool *p)
{
    struct queue *q;
    struct queue *tmp;
    if (p == NULL) {
        return;
    }
    QUEUE_FOREACH(q, tmp, &p->singles)
    {
        single_free(p, QUEUE_ENTRY(q, struct slot, queue));
    }
    QUEUE_FOREACH(q, tmp, &p->slabs)
    {
        slab_free(p, QUEUE_ENTRY(q, struct slab, all));
    }
    ASSERT(p->mapped == 0);
    mem_free(p->mem, p);
}

void chunk_pool_free(struct chunk_pool *p)
{
    ASSERT(p == NULL || p->used_all == 0);
    chunk_pool_abandon(p);
}

size_t chunk_pool_used(const struct chunk_pool *p, enum chunk_budget b)
{
    ASSERT(b < CHUNK_BUDGETS);
    return p->used[b];
}

size_t chunk_pool_used_all(const struct chunk_pool *p)
{
    return p->used_all;
}

size_t chunk_pool_max(const struct chunk_pool *p)
{
    return p->bytes_max;
}

size_t chunk_pool_mapped(const struct chunk_pool *p)
{
    return p->mapped;
}

void chunk_pool_trim(struct chunk_pool *p, size_t keep_bytes)
{
    struct queue *q;
    struct queue *tmp;
    size_t kept = 0;
    QUEUE_FOREACH(q, tmp, &p->idle)
    {
        if (keep_bytes - kept >= SLAB_BYTES) {
            kept += SLAB_BYTES;
        } else {
            slab_free(p, QUEUE_ENTRY(q, struct slab, idle));
        }
    }
}

/* True if budget `b` may take `cap` bytes more: what the others have not yet
 * used of their guarantees stays theirs. */
static bool budget_allows(const struct chunk_pool *p, enum chunk_budget b,
                          size_t cap)
{
    size_t taken = p->used_all;
    for (int i = 0; i < CHUNK_BUDGETS; i++) {
        if (i != (int)b && p->used[i] < p->guarantee[i]) {
            taken += p->guarantee[i] - p->used[i];
        }
    }
    return taken <= p->bytes_max && cap <= p->bytes_max - taken;
}

/* Make all of an idle or new slab free slots of a class. */
static bool slab_carve(struct chunk_pool *p, struct slab *s, uint32_t class_)
{
    ASSERT(s->n_used == 0);
    struct slot *slots =
        mem_alloc(p->mem, class_slots(class_) * sizeof(struct slot));
    if (slots == NULL) {
        return false;
    }
    mem_free(p->mem, s->slots);
    s->slots = slots;
    s->free = NULL;
    s->class_ = class_;
    s->n_carved = 0;
    queue_remove(&s->open);
    queue_push_front(&p->open[class_], &s->open);
    return true;
}

static struct slab *slab_new(struct chunk_pool *p, uint32_t class_)
{
    struct slab *s = mem_alloc(p->mem, sizeof *s);
    if (s == NULL) {
        return NULL;
    }
    *s = (struct slab){.data = pages_map(p, SLAB_BYTES)};
    queue_init(&s->all);
    queue_init(&s->open);
    queue_init(&s->idle);
    if (s->data == NULL) {
        mem_free(p->mem, s);
        return NULL;
    }
    queue_push(&p->slabs, &s->all);
    queue_push(&p->idle, &s->idle);
    if (!slab_carve(p, s, class_)) {
        slab_free(p, s);
        return NULL;
    }
    return s;
}

/* A slab of this class with a free slot: an open one, else an idle one of
 * another class, else a new one. */
static struct slab *slab_get(struct chunk_pool *p, uint32_t class_)
{
    if (!queue_empty(&p->open[class_])) {
        return QUEUE_ENTRY(p->open[class_].next, struct slab, open);
    }
    if (!queue_empty(&p->idle)) {
        struct slab *s = QUEUE_ENTRY(p->idle.next, struct slab, idle);
        return slab_carve(p, s, class_) ? s : NULL;
    }
    return slab_new(p, class_);
}

static struct slot *slot_pop(struct chunk_pool *p, uint32_t class_)
{
    struct slab *s = slab_get(p, class_);
    if (s == NULL) {
        return NULL;
    }
    struct slot *slot = s->free;
    if (slot != NULL) {
        s->free = slot->next;
    } else {
        ASSERT(s->n_carved < class_slots(class_));
        slot = &s->slots[s->n_carved];
        *slot = (struct slot){.slab = s};
        slot->chunk.data = s->data + s->n_carved * class_bytes(class_);
        slot->chunk.cap = (uint32_t)class_bytes(class_);
        s->n_carved++;
    }
    queue_remove(&s->idle);
    s->n_used++;
    if (s->n_used == class_slots(class_)) {
        queue_remove(&s->open);
    }
    ASAN_UNPOISON_MEMORY_REGION(slot->chunk.data, slot->chunk.cap);
    return slot;
}

static void slot_push(struct chunk_pool *p, struct slot *slot)
{
    struct slab *s = slot->slab;
    ASAN_POISON_MEMORY_REGION(slot->chunk.data, slot->chunk.cap);
    if (s->n_used == class_slots(s->class_)) {
        queue_push(&p->open[s->class_], &s->open);
    }
    slot->next = s->free;
    s->free = slot;
    s->n_used--;
    if (s->n_used == 0) {
        queue_push(&p->idle, &s->idle);
        /* Last in its class: others are filled first, this one may go. */
        queue_remove(&s->open);
        queue_push(&p->open[s->class_], &s->open);
    }
}

static struct slot *single_new(struct chunk_pool *p, size_t cap)
{
    struct slot *slot = mem_alloc(p->mem, sizeof *slot);
    if (slot == NULL) {
        return NULL;
    }
    if (p->mapped + cap > p->bytes_max) {
        chunk_pool_trim(p, 0);
    }
    *slot = (struct slot){.chunk = {.cap = (uint32_t)cap}};
    slot->chunk.data = pages_map(p, cap);
    if (slot->chunk.data == NULL) {
        mem_free(p->mem, slot);
        return NULL;
    }
    queue_push(&p->singles, &slot->queue);
    return slot;
}

/* What a chunk of at least `size` bytes takes. */
static size_t cap_of(size_t size, uint32_t class_)
{
    if (class_ == CLASS_SINGLE) {
        return (size + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
    }
    return class_bytes(class_);
}

struct chunk *chunk_acquire(struct chunk_pool *p, enum chunk_budget b,
                            size_t size)
{
    ASSERT(b < CHUNK_BUDGETS);
    if (size > UINT32_MAX - PAGE_BYTES) {
        return NULL;
    }
    uint32_t class_ = class_find(size);
    size_t cap = cap_of(size, class_);
    if (!budget_allows(p, b, cap)) {
        return NULL;
    }
    struct slot *slot =
        class_ == CLASS_SINGLE ? single_new(p, cap) : slot_pop(p, class_);
    if (slot == NULL) {
        return NULL;
    }
    struct chunk *c = &slot->chunk;
    ASSERT(c->refs == 0 && c->cap == cap);
    c->pool = p;
    c->refs = 1;
    c->budget = b;
    c->class_ = class_;
    p->used[b] += cap;
    p->used_all += cap;
    mem_shake_fill(p->mem, c->data, cap);
    return c;
}

void chunk_charge(struct chunk *c, enum chunk_budget b)
{
    ASSERT(b < CHUNK_BUDGETS && c->refs > 0);
    ASSERT(c->pool->used[c->budget] >= c->cap);
    c->pool->used[c->budget] -= c->cap;
    c->pool->used[b] += c->cap;
    c->budget = b;
}

struct chunk *chunk_share(struct chunk *c)
{
    if (c != NULL) {
        ASSERT(c->refs > 0 && c->refs < UINT32_MAX);
        c->refs++;
    }
    return c;
}

void chunk_release(struct chunk *c)
{
    if (c == NULL) {
        return;
    }
    ASSERT(c->refs > 0);
    c->refs--;
    if (c->refs > 0) {
        return;
    }
    struct chunk_pool *p = c->pool;
    ASSERT(p->used[c->budget] >= c->cap && p->used_all >= c->cap);
    p->used[c->budget] -= c->cap;
    p->used_all -= c->cap;
    struct slot *slot = QUEUE_ENTRY(c, struct slot, chunk);
    if (slot->slab == NULL) {
        single_free(p, slot);
    } else {
        slot_push(p, slot);
    }
}

struct bytes bytes_share(struct chunk *c, const uint8_t *data, size_t len)
{
    ASSERT(c == NULL || (data >= c->data && len <= c->cap &&
                         (size_t)(data - c->data) <= c->cap - len));
    return (struct bytes){chunk_share(c), data, len};
}

struct bytes bytes_dup(struct bytes b)
{
    chunk_share(b.chunk);
    return b;
}

void bytes_release(struct bytes *b)
{
    chunk_release(b->chunk);
    *b = (struct bytes){0};
}
