/* memory.h - memory of a test program: there is some, or it ends. */
#ifndef CHECKER_MEMORY_H
#define CHECKER_MEMORY_H

#include <stddef.h>

/* As the C library's, but never NULL: they end the program instead. */
void *memory_zeroed(size_t n, size_t size);
void *memory_resize(void *p, size_t n, size_t size);
/* Say why on standard error and exit with status 1. */
void die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

#endif
