/* sql_heap.h - a bound on the heap of one SQLite connection.
 *
 * SQLite has one allocator for the process. Ours counts what a thread takes
 * between sql_heap_begin() and sql_heap_end(), and refuses what goes beyond:
 * the statement at hand fails with SQLITE_NOMEM, and nobody else notices. A
 * connection is opened and closed between the two.
 *
 * SQLite does not look at the clock while it prepares a statement, which can
 * take minutes; but it allocates. So this is also where somebody may say that
 * it is enough: every SQL_HEAP_LOOKS allocations `over` is asked, and from its
 * first "yes" on nothing is given any more.
 */
#ifndef STATE_SQL_HEAP_H
#define STATE_SQL_HEAP_H

#include <stdbool.h>
#include <stddef.h>

#define SQL_HEAP_LOOKS 64

struct sql_heap {
    size_t used, max;
    bool full; /* something was refused: it would have been too much */
    bool over; /* ... because it is enough */
    unsigned n_looks;
    bool (*is_over)(void *arg); /* NULL: never */
    void *arg;
};

/* Make SQLite use this allocator: before its first use in the process, later it
 * has no effect. */
void sql_heap_install(void);
/* From here on this thread's allocations count; borrows `h` until the end. Not
 * nested. */
void sql_heap_begin(struct sql_heap *h, size_t max);
/* From here on, ask `is_over`. */
void sql_heap_watch(struct sql_heap *h, bool (*is_over)(void *arg), void *arg);
void sql_heap_end(void);

#endif
