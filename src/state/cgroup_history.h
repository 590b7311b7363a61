/* cgroup_history.h - reading what a group has committed before: pages of the
 * table `history` of one shard.
 *
 *   machine_read(..., cgroup_history_read ...) -> cgroup_history_next()*
 *
 * A page is {topic uuid, partition u32, number u64, offset u64, epoch u32,
 * time u64, reset u8, metadata bytes, by bytes}..., then whether there are
 * more. It lives in memory only, between a program's threads.
 */
#ifndef STATE_CGROUP_HISTORY_H
#define STATE_CGROUP_HISTORY_H

#include "base/buf.h"
#include "base/cursor.h"
#include "base/uuid.h"

/* Rows, and about how many bytes, of one page. */
#define CGROUP_HISTORY_ROWS_MAX  10000
#define CGROUP_HISTORY_BYTES_MAX (1u << 20)

struct machine_db;

struct cgroup_history_page {
    struct slice group;
    /* Behind this row; a zero uuid, -1 and 0 for all. */
    struct uuid after_topic;
    int32_t after_partition;
    int64_t after_number;
    unsigned rows_max;
    /* Filled. */
    struct buf rows;
    bool more;
};

struct cgroup_history_row {
    struct uuid topic;
    int32_t partition;
    int64_t number; /* from 1, in each partition */
    int64_t offset;
    int32_t epoch;
    int64_t time_ms;
    bool reset; /* by hand, or by who is no member */
    struct slice metadata, by;
};

/* Fill `p->rows`, an empty buffer, with what follows, at most rows_max
 * (and CGROUP_HISTORY_ROWS_MAX) rows. Its errors are sticky there. Thread: the
 * state thread. */
void cgroup_history_read(struct machine_db *db, struct cgroup_history_page *p);
/* The next row of a page; borrows from the cursor's bytes. False at the
 * end. */
bool cgroup_history_next(struct cursor *c, struct cgroup_history_row *ret_r);

#endif
