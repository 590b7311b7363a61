/* arena.c - a list of blocks; the head is the one that is being filled.
 * What would not fit even an empty block gets one of its own behind the head,
 * so that the rest of the head is not lost. */
#include "base/arena.h"

#include "base/assert.h"

#define ARENA_ALIGN ((size_t)16)
/* Blocks start small (most requests are) and double up to a limit. */
#define ARENA_BLOCK_MIN ((size_t)944)
#define ARENA_BLOCK_MAX ((size_t)65536)
/* Blocks beyond so much of an arena are counted by its budget. */
#define ARENA_UNSHARED ((size_t)65536)

struct arena_block {
    struct arena_block *next;
    size_t size; /* of `data` */
    size_t used;
    size_t share; /* of the arena's budget */
    uint8_t data[];
};
_Static_assert(sizeof(struct arena_block) % 16 == 0, "data is aligned");

void arena_init(struct arena *a, struct mem *mem, size_t bytes_max)
{
    *a = (struct arena){.mem = mem, .bytes_max = bytes_max};
}

void arena_share(struct arena *a, struct arena_budget *budget)
{
    ASSERT(a->head == NULL);
    a->budget = budget;
}

static void blocks_free(struct arena *a, struct arena_block *b)
{
    while (b != NULL) {
        struct arena_block *next = b->next;
        if (b->share > 0) {
            ASSERT(b->share <= a->budget->used);
            a->budget->used -= b->share;
        }
        mem_free(a->mem, b);
        b = next;
    }
}

void arena_close(struct arena *a)
{
    struct arena_budget *budget = a->budget;
    blocks_free(a, a->head);
    arena_init(a, a->mem, a->bytes_max);
    a->budget = budget;
}

void arena_reset(struct arena *a)
{
    struct arena_block *keep = a->head;
    a->used = 0;
    if (keep == NULL) {
        return;
    }
    blocks_free(a, keep->next);
    keep->next = NULL;
    keep->used = 0;
    if (keep->size > ARENA_BLOCK_MAX) {
        blocks_free(a, keep);
        a->head = NULL;
    }
}

/* Is a further block of `size` bytes counted? */
static bool is_shared(const struct arena *a, size_t size)
{
    return a->budget != NULL &&
           (a->used > ARENA_UNSHARED || size > ARENA_UNSHARED - a->used);
}

static struct arena_block *block_new(struct arena *a, size_t size)
{
    bool shared = is_shared(a, size);
    if (shared && size > a->budget->max - a->budget->used) {
        a->budget->refused++;
        return NULL;
    }
    struct arena_block *b = mem_alloc(a->mem, sizeof *b + size);
    if (b != NULL) {
        *b = (struct arena_block){.size = size, .share = shared ? size : 0};
    }
    if (b != NULL && shared) {
        a->budget->used += size;
    }
    return b;
}

/* A block with room for `size` bytes, linked in; NULL without memory. */
static struct arena_block *block_add(struct arena *a, size_t size)
{
    struct arena_block *head = a->head;
    if (size > ARENA_BLOCK_MAX / 4 && head != NULL) {
        struct arena_block *own = block_new(a, size);
        if (own != NULL) {
            own->next = head->next;
            head->next = own;
        }
        return own;
    }
    size_t block_size = head == NULL ? ARENA_BLOCK_MIN : head->size * 2;
    if (block_size > ARENA_BLOCK_MAX) {
        block_size = ARENA_BLOCK_MAX;
    }
    struct arena_block *b = block_new(a, size > block_size ? size : block_size);
    if (b != NULL) {
        b->next = head;
        a->head = b;
    }
    return b;
}

void *arena_alloc(struct arena *a, size_t size)
{
    if (size > SIZE_MAX / 4) {
        return NULL;
    }
    /* An empty one costs as well, so that counts from outside hit the limit. */
    size_t need = (size + (size == 0) + ARENA_ALIGN - 1) & ~(ARENA_ALIGN - 1);
    if (a->bytes_max != 0 && need > a->bytes_max - a->used) {
        return NULL;
    }
    struct arena_block *b = a->head;
    if (b == NULL || need > b->size - b->used) {
        b = block_add(a, need);
        if (b == NULL) {
            return NULL;
        }
    }
    void *p = b->data + b->used;
    b->used += need;
    a->used += need;
    ASSERT(b->used <= b->size);
    return p;
}

void *arena_calloc(struct arena *a, size_t n, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes)) {
        return NULL;
    }
    void *p = arena_alloc(a, bytes);
    if (p != NULL) {
        memset(p, 0, bytes);
    }
    return p;
}

char *arena_strdup(struct arena *a, struct slice s)
{
    if (s.len == SIZE_MAX) {
        return NULL;
    }
    char *copy = arena_alloc(a, s.len + 1);
    if (copy != NULL) {
        if (s.len > 0) {
            memcpy(copy, s.data, s.len);
        }
        copy[s.len] = '\0';
    }
    return copy;
}
