/* judge.h - the books against what can be read back.
 *
 * Life: judge_init; judge_partition, judge_record... for each partition as
 * its leader serves it; judge_leader; then for each replica and partition
 * judge_replica_begin, judge_replica_record... and judge_replica_end; the
 * counts are in `found`.
 *
 * What each count means (all but `trimmed` and `unknown_there` are
 * violations; `duplicated` and `reordered` only of idempotent producers):
 *
 *   lost        acknowledged, and nowhere in the leader's log
 *   duplicated  more copies than one
 *   resent      a copy under a later producer epoch than the first's: the
 *               client gave its sequence up and began another, across which
 *               no broker can tell a copy (KIP-360). It is seen in the
 *               replicas' batches: without them it counts as duplicated. A
 *               violation, unless the caller knows why (may_resend)
 *   reordered   behind a later record of its producer and partition
 *   changed     at an acknowledged offset stand other bytes, or bytes nobody
 *               ever sent stand anywhere
 *   phantom     a whole value that was never sent, or failed for certain
 *   missing     committed by the leader, not on a replica
 *   diverged    a replica holds something else at an offset
 *   trimmed     acknowledged, and before the log's start: lost, unless the
 *               caller may trim
 *
 * Each planted damage counts as one kind: a record whose place was taken
 * because the order of its stream is broken is part of `reordered` and not
 * `changed` as well.
 */
#ifndef CHECKER_JUDGE_H
#define CHECKER_JUDGE_H

#include <stdio.h>

#include "books.h"
#include "value.h"

struct judge_counts {
    uint64_t read;
    uint64_t lost;
    uint64_t duplicated;
    uint64_t resent;
    uint64_t reordered;
    uint64_t changed;
    uint64_t phantom;
    uint64_t missing;
    uint64_t diverged;
    uint64_t trimmed;
    uint64_t unknown_there;
    uint64_t replica_read;
};

struct judge_seen {
    uint64_t seq;
    uint64_t hash;
    uint32_t producer;
    uint16_t kind; /* enum judge_kind */
    int16_t epoch; /* the producer's, from a replica; -1: not known */
};

struct judge_log {
    int64_t start; /* the first offset there is */
    int64_t end;   /* behind the last one read */
    struct judge_seen *seen;
    uint64_t n;
    uint64_t cap;
    int64_t replica_next; /* of the replica under work */
};

/* A record seen at two offsets. */
struct judge_copy {
    uint32_t partition;
    bool resent;
    int64_t first;
    int64_t again;
};

struct judge {
    const struct books *books;
    struct judge_log *logs; /* one per partition */
    struct judge_counts found;
    struct judge_copy *copies;
    uint64_t n_copies;
    bool may_trim;
    bool may_resend;
    FILE *notes; /* the first findings in words; NULL: none */
    unsigned n_notes;
};

/* Nothing read yet. Borrows the books until judge_close(). */
void judge_init(struct judge *j, const struct books *b, FILE *notes);
/* Free what it holds. */
void judge_close(struct judge *j);
/* A partition's log begins at `start`. */
void judge_partition(struct judge *j, uint32_t partition, int64_t start);
/* The leader served `value` at `offset`; offsets of a partition rise. */
void judge_record(struct judge *j, uint32_t partition, int64_t offset,
                  struct slice value);
/* All leaders were read to their ends: compare with the books. */
void judge_leader(struct judge *j);
/* Node `node` has records of the partition from `start` on. */
void judge_replica_begin(struct judge *j, int node, uint32_t partition,
                         int64_t start);
/* It served `value` at `offset` in a batch of producer epoch `epoch` (-1:
 * none); offsets rise. */
void judge_replica_record(struct judge *j, int node, uint32_t partition,
                          int64_t offset, int16_t epoch, struct slice value);
/* It has nothing more of the partition. */
void judge_replica_end(struct judge *j, int node, uint32_t partition);
/* True if any count is a violation. */
bool judge_violated(const struct judge *j);

#endif
