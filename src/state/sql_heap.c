#include "state/sql_heap.h"

#include <sqlite3.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/assert.h"

/* In front of each block: its size. Keeps what follows aligned. */
#define HEAD 16

static _Thread_local struct sql_heap *sql_heap_now;

static size_t *head_of(void *p)
{
    return (size_t *)(void *)((uint8_t *)p - HEAD);
}

/* Has somebody said that it is enough? */
static bool enough(struct sql_heap *h)
{
    if (!h->over && h->is_over != NULL && ++h->n_looks % SQL_HEAP_LOOKS == 0) {
        h->over = h->is_over(h->arg);
    }
    return h->over;
}

/* Take `n` bytes more; false: that is too much. */
static bool charge(size_t n)
{
    struct sql_heap *h = sql_heap_now;
    if (h != NULL && enough(h)) {
        return false;
    }
    if (h != NULL && (n > h->max || h->used > h->max - n)) {
        h->full = true;
        return false;
    }
    if (h != NULL) {
        h->used += n;
    }
    return true;
}

/* What was taken before the heap began is not in it. */
static void discharge(size_t n)
{
    struct sql_heap *h = sql_heap_now;
    if (h != NULL) {
        h->used -= n < h->used ? n : h->used;
    }
}

static int heap_roundup(int n)
{
    return (n + 7) & ~7;
}

static void *heap_malloc(int n)
{
    size_t size = (size_t)n;
    uint8_t *p;
    if (!charge(size)) {
        return NULL;
    }
    p = malloc(size + HEAD);
    if (p == NULL) {
        discharge(size);
        return NULL;
    }
    *(size_t *)(void *)p = size;
    return p + HEAD;
}

static void heap_free(void *p)
{
    discharge(*head_of(p));
    free(head_of(p));
}

static void *heap_realloc(void *p, int n)
{
    size_t size = (size_t)n, old = *head_of(p);
    uint8_t *q;
    if (size > old && !charge(size - old)) {
        return NULL;
    }
    q = realloc(head_of(p), size + HEAD);
    if (q == NULL) {
        discharge(size > old ? size - old : 0);
        return NULL;
    }
    discharge(size < old ? old - size : 0);
    *(size_t *)(void *)q = size;
    return q + HEAD;
}

static int heap_size(void *p)
{
    return p == NULL ? 0 : (int)*head_of(p);
}

static int heap_init(void *arg)
{
    (void)arg;
    return SQLITE_OK;
}

static void heap_shutdown(void *arg)
{
    (void)arg;
}

void sql_heap_install(void)
{
    const sqlite3_mem_methods methods = {.xMalloc = heap_malloc,
                                         .xFree = heap_free,
                                         .xRealloc = heap_realloc,
                                         .xSize = heap_size,
                                         .xRoundup = heap_roundup,
                                         .xInit = heap_init,
                                         .xShutdown = heap_shutdown};
    (void)sqlite3_config(SQLITE_CONFIG_MALLOC, &methods);
}

void sql_heap_begin(struct sql_heap *h, size_t max)
{
    ASSERT(sql_heap_now == NULL);
    *h = (struct sql_heap){.max = max};
    sql_heap_now = h;
}

void sql_heap_watch(struct sql_heap *h, bool (*is_over)(void *arg), void *arg)
{
    h->is_over = is_over;
    h->arg = arg;
}

void sql_heap_end(void)
{
    sql_heap_now = NULL;
}
