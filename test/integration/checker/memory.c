#include "memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void die(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fputs("check-load: ", stderr);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

void *memory_zeroed(size_t n, size_t size)
{
    void *p = calloc(n == 0 ? 1 : n, size);
    if (p == NULL) {
        die("out of memory");
    }
    return p;
}

void *memory_resize(void *p, size_t n, size_t size)
{
    void *q = reallocarray(p, n == 0 ? 1 : n, size);
    if (q == NULL) {
        die("out of memory");
    }
    return q;
}
