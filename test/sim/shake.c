/* shake.c - see shake.h. The size of a block is malloc's business: what it
 * really gave is what SQLite may use. */
#include "shake.h"

#include <malloc.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

static uint64_t shake; /* 0: not */

static uint64_t next(void)
{
    shake = shake * UINT64_C(6364136223846793005) | 1;
    return shake >> 40;
}

void shake_set(uint64_t seed)
{
    shake = seed == 0 ? 0 : seed | 1;
}

static size_t spare(void)
{
    return shake == 0 ? 0 : (size_t)(next() % 16) * 16;
}

static int block_size(void *p)
{
    return p == NULL ? 0 : (int)malloc_usable_size(p);
}

static void fill(void *p, int from)
{
    int size = block_size(p);

    if (shake != 0 && size > from) {
        memset((char *)p + from, (int)(next() & 0xff), (size_t)(size - from));
    }
}

static void *block_malloc(int size)
{
    void *p = malloc((size_t)size + spare());

    fill(p, 0);
    return p;
}

static void *block_realloc(void *old, int size)
{
    int before = block_size(old);
    void *p = realloc(old, (size_t)size + spare());

    fill(p, before);
    return p;
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
        .xFree = free,
        .xRealloc = block_realloc,
        .xSize = block_size,
        .xRoundup = block_roundup,
        .xInit = block_init,
        .xShutdown = block_shutdown};
    int rc = sqlite3_config(SQLITE_CONFIG_MALLOC, &methods);

    ASSERT(rc == SQLITE_OK);
}
