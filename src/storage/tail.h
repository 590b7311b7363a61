/* tail.h - the part of a group's log that lies above its log base, in memory.
 *
 * Payloads live once, in counted buffers; followers, consumers at the tail,
 * the journal and the segment writer share them. Entries are found by index
 * and by offset. Every entry above the base is here; nothing below it is.
 *
 *        base                    commit          last
 *   ------|---e---e---e---e---e---|---e---e---e---|
 *   batches only   entries (this)      may be truncated
 *
 * Thread: the loop's. Memory: a ring of descriptors that grows; the bytes are
 * bounded by whoever appends (DESIGN section 5: uncommitted bytes, log base).
 */
#ifndef STORAGE_TAIL_H
#define STORAGE_TAIL_H

#include "storage/entry.h"

struct tail {
    struct mem *mem;
    struct log_point base;
    struct entry *ring;
    uint32_t cap;   /* a power of two, or 0 */
    uint32_t start; /* slot of base.index + 1 */
    uint32_t n;
    uint64_t bytes; /* of payloads */
};

/* Empty, standing at `base`. Borrows `mem`. */
void tail_init(struct tail *t, struct mem *mem, struct log_point base);
/* Release all payloads. */
void tail_close(struct tail *t);
/* Forget everything and stand at `base` (a snapshot was installed). */
void tail_reset(struct tail *t, struct log_point base);

/* The point after the last entry; the base if there is none. */
struct log_point tail_last(const struct tail *t);
uint64_t tail_last_index(const struct tail *t);
/* Append; e->index must be the next one (asserted), term and offsets must not
 * go back (asserted). Shares the payload. Errors: ERR_NOMEM. */
int tail_push(struct tail *t, const struct entry *e);
/* Drop entries with index >= from; from > base.index (asserted). */
void tail_truncate(struct tail *t, uint64_t from);
/* Raise the base to `index`: drop entries <= index. Beyond the last entry is
 * an assertion; at or below the base does nothing. */
void tail_trim(struct tail *t, uint64_t index);
/* The entry at `index`, or NULL outside (base, last]. Borrowed until the next
 * call that changes the tail. */
struct entry *tail_find(const struct tail *t, uint64_t index);
/* Term at `index`, also at the base; 0 if not known here. */
uint64_t tail_term(const struct tail *t, uint64_t index);
/* The point after `index` (base <= index <= last; asserted). */
struct log_point tail_point(const struct tail *t, uint64_t index);
/* The first records entry whose next_offset > offset, or NULL. */
struct entry *tail_find_offset(const struct tail *t, int64_t offset);
/* Invariants (indexes dense, terms and offsets monotone); for tests. */
void tail_check(const struct tail *t);

#endif
