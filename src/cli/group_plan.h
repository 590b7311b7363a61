/* group_plan.h - what a reset makes of one partition's offset: decided from
 * what was asked for, what is committed, and where the log begins and ends.
 * No input or output.
 */
#ifndef CLI_GROUP_PLAN_H
#define CLI_GROUP_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

enum group_target_kind {
    GROUP_TO_EARLIEST,
    GROUP_TO_LATEST,
    GROUP_TO_OFFSET,  /* n */
    GROUP_TO_TIME,    /* n: ms since 1970; also by a duration */
    GROUP_SHIFT_BY,   /* n */
    GROUP_TO_CURRENT, /* as it is; the end where nothing is committed */
    GROUP_TO_GIVEN    /* each row's own: of a file, another group, a history */
};
struct group_target {
    enum group_target_kind kind;
    int64_t n;
};

enum group_note {
    GROUP_NOTE_NONE,
    GROUP_NOTE_START,     /* it was asked for less than there is */
    GROUP_NOTE_END,       /* for more */
    GROUP_NOTE_YOUNG,     /* no record is that young: the end */
    GROUP_NOTE_CURRENT,   /* nothing is committed: the end */
    GROUP_NOTE_FORGET,    /* there shall be no offset */
    GROUP_NOTE_SINCE,     /* it is no longer what the reset set: it stays */
    GROUP_NOTE_NO_OFFSET, /* nothing to shift: an error */
    GROUP_NOTE_UNKNOWN    /* the log's range is not known: an error */
};

struct group_row {
    struct slice topic;
    int32_t partition;
    int64_t before;     /* committed; -1: none */
    int64_t start, end; /* of the log; -1: not known */
    int16_t code;       /* why: Kafka's */
    int64_t wanted;     /* TO_TIME: the first record that young, -1: none;
                           TO_GIVEN: where to, -1: forget the offset */
    /* Of a reset that is taken back: what it set, and whether something was
     * committed since. */
    bool of_reset, moved;
    int64_t set;
    /* Decided: */
    int64_t after; /* -1: no offset */
    enum group_note note;
    /* What else is committed with it. An epoch that is not the offset's would
     * have consumers see a truncated log (KIP-320). */
    int32_t epoch; /* in: of `wanted` (TO_GIVEN); -1: unknown */
    struct slice metadata;
    int16_t error; /* what the cluster said: Kafka's */
};

/* Decide `after` and `note`. What lies outside of the log is clamped to it,
 * but for TO_CURRENT. Where a reset is taken back, an offset that is not the
 * one it set stays: somebody has gone on from there. */
void group_plan_row(const struct group_target *t, struct group_row *r);
/* Can it not be done? */
bool group_plan_failed(const struct group_row *r);
/* Does it change anything? */
bool group_plan_changes(const struct group_row *r);
/* The note in words, "" for none. */
#define GROUP_NOTE_LEN 120
const char *group_plan_note(const struct group_target *t,
                            const struct group_row *r,
                            char text[GROUP_NOTE_LEN]);

#endif
