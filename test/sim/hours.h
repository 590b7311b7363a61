/* hours.h - a cluster under load for hours with the smallest journal that a
 * node takes, retention on; then all power is cut, and it starts again.
 *
 * Violations, beside those of world.h and audit.h:
 *   recycled   the ring was not recycled as often as the hours ask for
 *   grown      the journal's files went beyond journal.bytes.max; memory or
 *              disks of a node grow with the time
 *   restart    a start read more of the journal than journal.bytes.max
 *   unread     a record was not there when the consumer came to it
 */
#ifndef SIM_HOURS_H
#define SIM_HOURS_H

#include <stdbool.h>
#include <stdint.h>

#define HOURS_MAX 100

/* The largest of all nodes. */
struct hours_sizes {
    uint64_t memory;  /* allocated by a node */
    uint64_t disk;    /* sizes of all files of a node */
    uint64_t journal; /* ... of its journal's ring */
};

struct hours_start {
    uint64_t virtual_us;   /* until all serve */
    uint64_t journal_read; /* bytes, by the node that read most */
    uint64_t read;         /* of all files */
};

struct hours_result {
    bool failed;
    char text[700];
    uint64_t virtual_us; /* under load */
    uint64_t cpu_us;     /* of this thread */
    uint64_t acked;      /* records */
    uint64_t recycled;   /* files, by the node that did so least */
    double rings;        /* ... in rings */
    struct hours_sizes sizes[HOURS_MAX]; /* of each hour */
    struct hours_start first, last; /* after minutes, and after the hours */
};

/* Run it for `hours` (HOURS_MAX at most) of virtual time under load, and judge
 * it. */
void hours_run(uint64_t hours, struct hours_result *ret_r);

#endif
