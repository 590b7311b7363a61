/* shake.c - see shake.h. A block's size is what was asked for, as in
 * state/sql_heap.c: SQLite decides by it here and there (how it reads a damaged
 * page, for one), and what malloc really gave depends on the seeds before. */
#include "shake.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

static uint64_t shake;   /* 0: not */
static uint64_t fail_at; /* 0: none fails */

static uint64_t next(void)
{
    shake = shake * UINT64_C(6364136223846793005) | 1;
    return shake >> 40;
}

void shake_set(uint64_t seed)
{
    shake = seed == 0 ? 0 : seed | 1;
}

void shake_fail_at(uint64_t n)
{
    fail_at = n;
}

/* Is this the block that is not to be had? */
static bool fails(void)
{
    return fail_at > 0 && --fail_at == 0;
}

static size_t spare(void)
{
    return shake == 0 ? 0 : (size_t)(next() % 16) * 16;
}

/* In front of each block: its size. Keeps what follows aligned. */
#define HEAD 16

static size_t *head_of(void *p)
{
    return (size_t *)(void *)((char *)p - HEAD);
}

static int block_size(void *p)
{
    return p == NULL ? 0 : (int)*head_of(p);
}

/* `base`, of `size` bytes from now on; those after `from` are new. */
static void *block_new(char *base, size_t size, size_t from)
{
    if (base == NULL) {
        return NULL;
    }
    *(size_t *)(void *)base = size;
    if (shake != 0 && size > from) {
        memset(base + HEAD + from, (int)(next() & 0xff), size - from);
    }
    return base + HEAD;
}

static void *block_malloc(int size)
{
    return fails() ? NULL
                   : block_new(malloc(HEAD + (size_t)size + spare()),
                               (size_t)size, 0);
}

static void block_free(void *p)
{
    free(head_of(p));
}

static void *block_realloc(void *old, int size)
{
    size_t before = *head_of(old);

    return fails()
               ? NULL
               : block_new(realloc(head_of(old), HEAD + (size_t)size + spare()),
                           (size_t)size, before);
}

static int block_roundup(int size)
{
    return (size + 15) & ~15;
}

static int block_init(void *arg)
{
    (void)arg;
    return SQLITE_OK;
}

static void block_shutdown(void *arg)
{
    (void)arg;
}

void shake_install(void)
{
    static const struct sqlite3_mem_methods methods = {
        .xMalloc = block_malloc,
        .xFree = block_free,
        .xRealloc = block_realloc,
        .xSize = block_size,
        .xRoundup = block_roundup,
        .xInit = block_init,
        .xShutdown = block_shutdown};
    int rc = sqlite3_config(SQLITE_CONFIG_MALLOC, &methods);

    ASSERT(rc == SQLITE_OK);
}
