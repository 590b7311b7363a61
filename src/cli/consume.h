/* consume.h - ostraka consume: print the records of a topic.
 *
 * consume.c makes the plan and prints; a reader brings the records: librdkafka
 * from the leaders (consume_leader.c) or as a member of a group
 * (consume_group.c), or Fetch as Kafka's debugging consumer from one node's own
 * replicas (consume_replica.c).
 */
#ifndef CLI_CONSUME_H
#define CLI_CONSUME_H

#include "cli/admin.h"
#include "cli/show.h"
#include "cli/span.h"

/* The row of `consume`, ended by one without a noun. */
extern const struct command consume_commands[];

/* One partition to read. */
struct consume_part {
    int32_t number;
    int64_t next;
    int64_t end; /* stop before it; INT64_MAX: never */
    bool done;
    bool printed; /* of a group: below `next`, and not settled yet */
};

struct consume {
    struct command_call *call;
    struct admin admin;
    const char *topic;
    struct span span;
    const char *format; /* NULL: JSON */
    bool follow;
    uint64_t left; /* records still to print; UINT64_MAX: all */
    uint64_t records, bytes;
    struct consume_part *parts;
    unsigned n_parts;
    unsigned n_open; /* not done */
    bool progress;
    uint64_t progress_us;
};

/* A reader: plan with consume_part_plan(), then read until consume_over().
 * Returns an exit code, said. */
int consume_leader(struct consume *x);
int consume_replica(struct consume *x, int node);
/* A reader as a member of a group, which knows where to begin: of plans only
 * the partitions are needed. */
int consume_group(struct consume *x, const char *group);
/* Before the process has other threads: SIGINT and SIGTERM become the end of
 * consume_group(). */
void consume_group_prepare(void);

/* Say where a partition begins and ends; `from_time` and `to_time` are the
 * offsets of the span's times (negative: none is that young). */
void consume_part_plan(struct consume *x, struct consume_part *p, int64_t low,
                       int64_t high, int64_t from_time, int64_t to_time);
/* The part of a partition, or NULL. */
struct consume_part *consume_part(struct consume *x, int32_t number);
/* Print a record if it lies in what was asked for, and move on. */
void consume_record(struct consume *x, struct consume_part *p,
                    const struct shown *r);
/* Nothing below `offset` comes any more. */
void consume_reached(struct consume *x, struct consume_part *p, int64_t offset);
/* Nothing came for a while: let what was printed be seen. */
void consume_idle(struct consume *x);
/* True when there is nothing left to do: all was read, --count is reached, or
 * nobody reads what is printed. */
bool consume_over(const struct consume *x);

#endif
