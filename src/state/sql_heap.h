/* sql_heap.h - a bound on the heap of one SQLite connection.
 *
 * SQLite has one allocator for the process. Ours counts what a thread takes
 * between sql_heap_begin() and sql_heap_end(), and refuses what goes beyond:
 * the statement at hand fails with SQLITE_NOMEM, and nobody else notices. A
 * connection is opened and closed between the two.
 */
#ifndef STATE_SQL_HEAP_H
#define STATE_SQL_HEAP_H

#include <stdbool.h>
#include <stddef.h>

struct sql_heap {
    size_t used, max;
    bool full; /* something was refused */
};

/* Make SQLite use this allocator: before its first use in the process, later it
 * has no effect. */
void sql_heap_install(void);
/* From here on this thread's allocations count; borrows `h` until the end. Not
 * nested. */
void sql_heap_begin(struct sql_heap *h, size_t max);
void sql_heap_end(void);

#endif
