/* dump.h - reading a state database offline, from bytes alone: the file and
 * its write-ahead log, which is replayed in memory up to its last commit. The
 * files are not opened by SQLite, and so nothing is written beside them.
 *
 *   state_dump_open -> (state_dump_tables | state_dump_rows)* ->
 *   state_dump_close
 *
 * Thread: any, one at a time. For tools.
 */
#ifndef STATE_DUMP_H
#define STATE_DUMP_H

#include "base/err.h"
#include "base/mem.h"
#include "base/slice.h"

struct state_dump;

/* Both are borrowed until this returns; `wal` may be empty. Errors:
 * ERR_CORRUPT, ERR_NOMEM; `err` says what. */
int state_dump_open(struct mem *mem, struct slice db, struct slice wal,
                    struct state_dump **ret_d, struct err *err);
/* NULL is fine. */
void state_dump_close(struct state_dump *d);
/* Frames of the write-ahead log that were replayed. */
unsigned state_dump_wal_frames(const struct state_dump *d);

typedef void (*state_dump_table_cb)(void *arg, const char *name,
                                    const char *sql, int64_t n_rows);
/* Each table, by name. Errors: ERR_CORRUPT. */
int state_dump_tables(struct state_dump *d, state_dump_table_cb cb, void *arg,
                      struct err *err);

enum state_dump_kind { STATE_NULL, STATE_INT, STATE_TEXT, STATE_BLOB };
struct state_dump_cell {
    const char *column;
    enum state_dump_kind kind;
    int64_t i;
    struct slice bytes; /* of TEXT and BLOB; borrowed until the callback ends */
};
typedef void (*state_dump_row_cb)(void *arg,
                                  const struct state_dump_cell cells[],
                                  unsigned n);
/* At most `limit` rows of a table, in the order of its key. Errors:
 * ERR_NOTFOUND (no such table), ERR_CORRUPT. */
int state_dump_rows(struct state_dump *d, const char *table, int64_t limit,
                    state_dump_row_cb cb, void *arg, struct err *err);

#endif
